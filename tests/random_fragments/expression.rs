//! Expressions that mean the same in kernels and in Rust, with their values.

use crate::Fragments;
use peach_testing::Random;

/// What all values are below, their signs left out: they fit every type that Rust may infer.
const MOST: i128 = 1 << 30;

/// How tightly parts bind, as Rust's reference has it, from what binds least.
mod binds {
    pub const OR: usize = 1;
    pub const XOR: usize = 2;
    pub const AND: usize = 3;
    pub const SHIFT: usize = 4;
    pub const SUM: usize = 5;
    pub const PRODUCT: usize = 6;
    pub const SIGN: usize = 8;
    pub const METHOD: usize = 9;
    pub const ATOM: usize = 10;
}

/// What products' factors need to be, to stand without parentheses.
pub const FACTOR: usize = binds::SIGN;

/// What summands need to be.
pub const SUMMAND: usize = binds::PRODUCT;

#[derive(Clone, Debug)]
pub struct Expression {
    kind: Kind,
    pub value: i128,
}

#[derive(Clone, Debug)]
enum Kind {
    Literal,
    Sign(&'static str, Box<Expression>),
    Binary(&'static str, Box<[Expression; 2]>),
    /// Cut down to a type, and widened again.
    Cast(&'static str, Box<Expression>),
    Method(&'static str, Box<[Expression; 2]>),
    /// A comparison of the first two, and what it is if that holds, and if not.
    If(&'static str, Box<[Expression; 4]>),
}

impl Expression {
    /// One whose value and all its parts' are small.
    pub fn random(random: &mut Random, depth: usize) -> Expression {
        loop {
            if let Some(expression) = Expression::try_random(random, depth) {
                return expression;
            }
        }
    }

    fn try_random(random: &mut Random, depth: usize) -> Option<Expression> {
        if depth == 0 || random.one_in(8) {
            return Some(Expression::literal(random.below(40u64).into()));
        }
        let part = |random: &mut Random| Expression::random(random, depth - 1);
        match random.below(12) {
            0 | 1 => {
                let sign = random.pick(&["-", "-", "!"]);
                Expression::new(Kind::Sign(sign, Box::new(part(random))))
            }
            2 => {
                let ty = random.pick(&["u8", "i8", "i16", "u16"]);
                Expression::new(Kind::Cast(ty, Box::new(part(random))))
            }
            3 => {
                let name = random.pick(&["abs", "rem_euclid", "pow"]);
                // As a number with a type, which methods ask for.
                let of = Expression::new(Kind::Cast("i64", Box::new(part(random))))?;
                let other = match name {
                    "pow" => Expression::literal(random.below(4u64).into()),
                    _ => part(random),
                };
                Expression::new(Kind::Method(name, Box::new([of, other])))
            }
            4 => {
                let sign = random.pick(&["<", "<=", "==", "!=", ">", ">="]);
                let parts = [part(random), part(random), part(random), part(random)];
                Expression::new(Kind::If(sign, Box::new(parts)))
            }
            5 => {
                let shift = random.pick(&["<<", ">>"]);
                let by = Expression::literal(random.below(8u64).into());
                Expression::binary(shift, part(random), by)
            }
            _ => {
                let sign = random.pick(&["+", "-", "-", "*", "*", "/", "%", "&", "|", "^"]);
                Expression::binary(sign, part(random), part(random))
            }
        }
    }

    pub fn literal(value: i128) -> Expression {
        Expression { kind: Kind::Literal, value }
    }

    pub fn binary(sign: &'static str, a: Expression, b: Expression) -> Option<Expression> {
        Expression::new(Kind::Binary(sign, Box::new([a, b])))
    }

    /// One of 0 to 7 that depends on this one.
    pub fn small(&self) -> Expression {
        let eight = || Expression::literal(8);
        let small = Expression::binary("%", self.clone(), eight());
        let small = small.and_then(|small| Expression::binary("+", small, eight()));
        small.and_then(|small| Expression::binary("%", small, eight())).expect("in range")
    }

    fn new(kind: Kind) -> Option<Expression> {
        let value = match &kind {
            Kind::Literal => unreachable!("literals have their value"),
            Kind::Sign("-", of) => -of.value,
            Kind::Sign(_, of) => !of.value,
            Kind::Binary(sign, of) => operate(sign, of[0].value, of[1].value)?,
            Kind::Cast("u8", of) => of.value as u8 as i128,
            Kind::Cast("i8", of) => of.value as i8 as i128,
            Kind::Cast("u16", of) => of.value as u16 as i128,
            Kind::Cast("i16", of) => of.value as i16 as i128,
            Kind::Cast(_, of) => of.value,
            Kind::Method("abs", of) => of[0].value.abs(),
            Kind::Method("pow", of) => of[0].value.checked_pow(of[1].value as u32)?,
            Kind::Method(_, of) => of[0].value.checked_rem_euclid(of[1].value)?,
            Kind::If(sign, of) => {
                let (a, b) = (of[0].value, of[1].value);
                let holds = match *sign {
                    "<" => a < b,
                    "<=" => a <= b,
                    "==" => a == b,
                    "!=" => a != b,
                    ">" => a > b,
                    _ => a >= b,
                };
                of[if holds { 2 } else { 3 }].value
            }
        };
        (value.abs() < MOST).then_some(Expression { kind, value })
    }

    /// As Rust has it, in parentheses if it binds less than `least`.
    pub fn text(&self, least: usize) -> String {
        self.write(least, &mut |part, least| part.text(least))
    }

    /// The same with fragments for random parts.
    pub fn cut(&self, least: usize, random: &mut Random, fragments: &mut Fragments) -> String {
        if random.one_in(3) {
            let kinds: &[&str] = match &self.kind {
                Kind::Literal => &["expr", "literal", "tt"],
                Kind::Sign("-", of) if matches!(of.kind, Kind::Literal) => &["expr", "literal"],
                _ => &["expr"],
            };
            return fragments.add(random.pick(kinds), self);
        }
        self.write(least, &mut |part, least| part.cut(least, random, fragments))
    }

    fn write(&self, least: usize, part: &mut dyn FnMut(&Expression, usize) -> String) -> String {
        let (binds, text) = match &self.kind {
            Kind::Literal => (binds::ATOM, self.value.to_string()),
            Kind::Sign(sign, of) => (binds::SIGN, format!("{sign}{}", part(of, binds::SIGN))),
            Kind::Binary(sign, of) => {
                let binds = binds_of(sign);
                let [a, b] = &**of;
                (binds, format!("{} {sign} {}", part(a, binds), part(b, binds + 1)))
            }
            // A `<` after a type would begin its arguments.
            Kind::Cast(ty, of) => (0, format!("{} as i64 as {ty} as i128", part(of, binds::SIGN))),
            Kind::Method(name, of) => {
                let [on, other] = &**of;
                let other = match *name {
                    "abs" => String::new(),
                    _ => part(other, 0),
                };
                (binds::METHOD, format!("{}.{name}({other})", part(on, binds::METHOD)))
            }
            Kind::If(sign, of) => {
                let [a, b, c, d] = &**of;
                // At the start of a block, a fragment that is an `if` would be a statement.
                let [c, d] = [c, d].map(|branch| part(branch, binds::ATOM));
                let [a, b] = [a, b].map(|side| part(side, binds::OR));
                (0, format!("if {a} {sign} {b} {{ {c} }} else {{ {d} }}"))
            }
        };
        if binds < least { format!("({text})") } else { text }
    }
}

fn binds_of(sign: &str) -> usize {
    match sign {
        "|" => binds::OR,
        "^" => binds::XOR,
        "&" => binds::AND,
        "<<" | ">>" => binds::SHIFT,
        "+" | "-" => binds::SUM,
        _ => binds::PRODUCT,
    }
}

fn operate(sign: &str, a: i128, b: i128) -> Option<i128> {
    match sign {
        "+" => Some(a + b),
        "-" => Some(a - b),
        "*" => Some(a * b),
        "/" => a.checked_div(b),
        "%" => a.checked_rem(b),
        "&" => Some(a & b),
        "|" => Some(a | b),
        "^" => Some(a ^ b),
        "<<" => Some(a << b),
        _ => Some(a >> b),
    }
}
