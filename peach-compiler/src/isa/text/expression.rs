//! Constant expressions and sums of registers in a line of text.
//!
//! In: bytes. Out: a [`Value`]: an integer, a float, or a linear combination of registers, which is
//! the text between the brackets of an address. Precedence and operators are Rust's.

use crate::isa::View;
use crate::isa::address::Term;
use crate::isa::{Class, PhysReg, parse_register};

/// How deep parentheses and signs may nest.
const DEPTH_MAX: u32 = 64;

/// What an expression evaluates to.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::isa) enum Value {
    Integer(i128),
    Float(f64),
    Linear(Linear),
}

/// `2*rcx + rax + 8`.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::isa) struct Linear {
    pub(in crate::isa) terms: Vec<Term<PhysReg>>,
    pub(in crate::isa) constant: i128,
}

impl Linear {
    pub(in crate::isa) fn constant(constant: i128) -> Linear {
        Linear { terms: Vec::new(), constant }
    }

    /// The one register that it is.
    pub(in crate::isa) fn single(&self) -> Result<View<PhysReg>, String> {
        match self.terms[..] {
            [Term { view, factor: 1, is_scaled: false }] if self.constant == 0 => Ok(view),
            _ => Err("an address must be in brackets".to_string()),
        }
    }
}

/// A position in a line of text.
#[derive(Clone)]
pub(in crate::isa) struct Scanner<'a> {
    text: &'a str,
    position: usize,
    depth: u32,
}

impl<'a> Scanner<'a> {
    pub(in crate::isa) fn new(text: &'a str) -> Self {
        Scanner { text, position: 0, depth: 0 }
    }

    /// The next byte that is not a space.
    pub(in crate::isa) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while self.position < bytes.len() && bytes[self.position].is_ascii_whitespace() {
            self.position += 1;
        }
        bytes.get(self.position).copied()
    }

    pub(in crate::isa) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    fn eat_text(&mut self, text: &str) -> bool {
        self.peek();
        let found = self.text.as_bytes()[self.position..].starts_with(text.as_bytes());
        self.position += if found { text.len() } else { 0 };
        found
    }

    /// What is left, without spaces.
    pub(in crate::isa) fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default().trim()
    }

    /// Whether only a semicolon and a comment are left; disassemblers' comments start with `#`.
    pub(in crate::isa) fn at_end(&mut self) -> bool {
        self.peek();
        let rest = self.rest().trim_start_matches(';').trim_start();
        rest.is_empty() || rest.starts_with("//") || rest.starts_with('#')
    }

    /// The next identifier.
    pub(in crate::isa) fn word(&mut self) -> Option<&'a str> {
        let first = self.peek()?;
        if !first.is_ascii_alphabetic() && first != b'_' {
            return None;
        }
        let start = self.position;
        let bytes = self.text.as_bytes();
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        while self.position < bytes.len() && is_word(bytes[self.position]) {
            self.position += 1;
        }
        Some(&self.text[start..self.position])
    }

    /// The text before `end`, which is skipped.
    pub(in crate::isa) fn until(&mut self, end: u8) -> Option<&'a str> {
        let rest = &self.text[self.position..];
        let length = rest.bytes().position(|byte| byte == end)?;
        self.position += length + 1;
        Some(&rest[..length])
    }

    /// The longest expression that starts here.
    pub(in crate::isa) fn expression(&mut self) -> Result<Value, String> {
        self.binary(0)
    }

    /// Operators that bind at least as tightly as `level` (the Rust Reference, "Expression
    /// precedence"), left to right.
    fn binary(&mut self, level: usize) -> Result<Value, String> {
        const LEVELS: [&[&str]; 6] =
            [&["|"], &["^"], &["&"], &["<<", ">>"], &["+", "-"], &["*", "/", "%"]];
        if level == LEVELS.len() {
            return self.unary();
        }
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = LEVELS[level].iter().find(|operator| self.eat_text(operator)) {
            let right = self.binary(level + 1)?;
            left = apply(operator, left, right)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Value, String> {
        match self.peek() {
            Some(sign @ (b'-' | b'!')) => self.nested(|scanner| {
                scanner.eat(sign);
                match (sign, scanner.unary()?) {
                    (b'-', value) => apply("-", Value::Integer(0), value),
                    (_, Value::Integer(value)) => Ok(Value::Integer(!value)),
                    _ => Err("`!` requires an integer".to_string()),
                }
            }),
            _ => self.primary(),
        }
    }

    /// One level deeper: input of any shape must not exhaust the stack.
    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Value, String>,
    ) -> Result<Value, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("the expression is nested too deeply".to_string());
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn primary(&mut self) -> Result<Value, String> {
        match self.peek() {
            Some(b'(') => self.parenthesized(),
            Some(b'0'..=b'9') => self.number(),
            _ => {
                let Some(word) = self.word() else {
                    return Err(match self.rest() {
                        "" => "an operand is missing".to_string(),
                        rest => format!("expected an operand, found `{rest}`"),
                    });
                };
                self.named(word)
            }
        }
    }

    fn parenthesized(&mut self) -> Result<Value, String> {
        self.nested(|scanner| {
            scanner.eat(b'(');
            let value = scanner.expression()?;
            if scanner.eat(b')') { Ok(value) } else { Err("`(` without `)`".to_string()) }
        })
    }

    fn named(&mut self, word: &str) -> Result<Value, String> {
        if word == "b" && self.text[self.position..].starts_with('\'') {
            return self.byte_literal();
        }
        if word == "bits" && self.peek() == Some(b'(') {
            return self.bits();
        }
        let lower = word.to_ascii_lowercase();
        if lower == "riz" || lower == "eiz" {
            // objdump's name for the index that a SIB byte does not have.
            return Ok(Value::Linear(Linear::constant(0)));
        }
        if let Some((reg, class)) = parse_register(&lower) {
            // The manual's `st(1)`.
            if class == Class::St && lower == "st" && self.eat(b'(') {
                let digit = self.until(b')').and_then(|text| text.trim().parse().ok());
                let Some(num @ 0..8) = digit else {
                    return Err("the x87 registers are `st(0)` to `st(7)`".to_string());
                };
                return Ok(register(PhysReg::new(reg.bank, num), class));
            }
            return Ok(register(reg, class));
        }
        Err(format!("`{word}` is not a register, and names are not defined here"))
    }

    fn byte_literal(&mut self) -> Result<Value, String> {
        let rest = &self.text.as_bytes()[self.position + 1..];
        let (value, length) = match *rest {
            [b'\\', escape, b'\'', ..] => {
                let value = match escape {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'0' => 0,
                    b'\\' | b'\'' | b'"' => escape,
                    _ => return Err("unknown escape in a byte literal".to_string()),
                };
                (value, 3)
            }
            [byte, b'\'', ..] => (byte, 2),
            _ => return Err("unterminated byte literal".to_string()),
        };
        self.position += 1 + length;
        Ok(Value::Integer(value.into()))
    }

    /// `bits(1.5f32)`: the literal is rounded once, to the type it has.
    fn bits(&mut self) -> Result<Value, String> {
        self.eat(b'(');
        let text = self.until(b')').ok_or("`(` without `)`")?.trim();
        let bits = match text.strip_suffix("f32") {
            Some(single) => single.trim_end_matches('_').parse::<f32>().map(|v| v.to_bits().into()),
            None => {
                let double = text.strip_suffix("f64").unwrap_or(text).trim_end_matches('_');
                double.parse::<f64>().map(|v| v.to_bits().into())
            }
        };
        bits.map(Value::Integer).map_err(|_| format!("`{text}` is not a float"))
    }

    fn number(&mut self) -> Result<Value, String> {
        let start = self.position;
        let bytes = self.text.as_bytes();
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
        while self.position < bytes.len() && is_part(bytes[self.position]) {
            self.position += 1;
        }
        let text = &self.text[start..self.position];
        integer(text)
            .map(Value::Integer)
            .or_else(|| text.strip_suffix("f64").unwrap_or(text).parse().ok().map(Value::Float))
            .ok_or_else(|| format!("`{text}` is not a number"))
    }
}

fn register(reg: PhysReg, class: Class) -> Value {
    let term = Term { view: View { reg, class }, factor: 1, is_scaled: false };
    Value::Linear(Linear { terms: vec![term], constant: 0 })
}

/// A Rust integer literal, with or without suffix.
fn integer(text: &str) -> Option<i128> {
    let (radix, digits) = match text.get(..2) {
        Some("0x") => (16, &text[2..]),
        Some("0o") => (8, &text[2..]),
        Some("0b") => (2, &text[2..]),
        _ => (10, text),
    };
    let digits = ["u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize"]
        .iter()
        .find_map(|suffix| digits.strip_suffix(suffix))
        .unwrap_or(digits);
    if digits.contains('_') {
        i128::from_str_radix(&digits.replace('_', ""), radix).ok()
    } else {
        i128::from_str_radix(digits, radix).ok()
    }
}

fn apply(operator: &str, left: Value, right: Value) -> Result<Value, String> {
    let misuse = || Err("registers can only be added, and multiplied by constants".to_string());
    match (left, right) {
        (Value::Integer(a), Value::Integer(b)) => arithmetic(operator, a, b).map(Value::Integer),
        (Value::Integer(0), Value::Float(b)) if operator == "-" => Ok(Value::Float(-b)),
        (Value::Float(_), _) | (_, Value::Float(_)) => {
            Err("arithmetic on floats is not supported here".to_string())
        }
        (Value::Linear(a), Value::Integer(b)) => match operator {
            "+" | "-" => {
                let constant = arithmetic(operator, a.constant, b)?;
                Ok(Value::Linear(Linear { constant, ..a }))
            }
            "*" => scaled(a, b),
            _ => misuse(),
        },
        (Value::Integer(a), Value::Linear(b)) => match operator {
            "+" => Ok(Value::Linear(Linear { constant: arithmetic("+", a, b.constant)?, ..b })),
            "*" => scaled(b, a),
            "-" => apply("+", Value::Integer(a), scaled(b, -1)?),
            _ => misuse(),
        },
        (Value::Linear(mut a), Value::Linear(b)) => match operator {
            "+" => {
                a.constant = arithmetic("+", a.constant, b.constant)?;
                a.terms.extend(b.terms);
                Ok(Value::Linear(a))
            }
            "-" => apply("+", Value::Linear(a), scaled(b, -1)?),
            _ => misuse(),
        },
    }
}

fn scaled(mut linear: Linear, factor: i128) -> Result<Value, String> {
    linear.constant = arithmetic("*", linear.constant, factor)?;
    for term in &mut linear.terms {
        term.factor = arithmetic("*", term.factor, factor)?;
        term.is_scaled = true;
    }
    Ok(Value::Linear(linear))
}

fn arithmetic(operator: &str, a: i128, b: i128) -> Result<i128, String> {
    let shift = || u32::try_from(b).ok().filter(|&count| count < 128);
    let result = match operator {
        "|" => Some(a | b),
        "^" => Some(a ^ b),
        "&" => Some(a & b),
        "<<" => shift().and_then(|count| a.checked_mul(1i128.checked_shl(count)?)),
        ">>" => shift().map(|count| a >> count),
        "+" => a.checked_add(b),
        "-" => a.checked_sub(b),
        "*" => a.checked_mul(b),
        "/" => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    result.ok_or_else(|| format!("`{a} {operator} {b}` has no value"))
}
