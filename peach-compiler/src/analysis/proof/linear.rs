//! Sums of symbols with integer factors, and the symbols themselves.
//!
//! A symbol stands for one unknown integer, the same wherever it is named. What a register holds is
//! a [`Linear`] that is congruent to it modulo 2^64; a fact is one that is not negative, over the
//! whole numbers. Arithmetic is exact: whatever does not fit is `None`, and whoever asked learns
//! nothing.

use std::cell::Cell;
use std::fmt;

/// A symbol, as an index into [`Symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(pub u32);

/// What is known of a symbol wherever it is named.
#[derive(Clone, Debug)]
pub struct SymbolInfo {
    /// For messages: `x.len`, "the value of `i` in the loop".
    pub name: String,
    /// It is at least this, if there is a bound.
    pub min: Option<i128>,
    /// It is at most this, if there is a bound.
    pub max: Option<i128>,
}

/// All symbols of one proof: those that last, and those of the walk that is in progress.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    lasting: Vec<SymbolInfo>,
    passing: Vec<SymbolInfo>,
    work: Cell<u64>,
}

/// How much work one proof may take, in terms that are looked at: some seconds.
const MOST_WORK: u64 = 30_000_000;

/// Set in the number of a symbol that belongs to one walk.
const PASSING: u32 = 1 << 31;

impl Symbols {
    /// A new symbol between two bounds, for all walks.
    pub fn lasting(
        &mut self,
        name: impl Into<String>,
        min: impl Into<Option<i128>>,
        max: impl Into<Option<i128>>,
    ) -> Symbol {
        self.lasting.push(SymbolInfo { name: name.into(), min: min.into(), max: max.into() });
        Symbol(self.lasting.len() as u32 - 1)
    }

    /// A new symbol between two bounds, until [`forget`](Symbols::forget).
    pub fn passing(
        &mut self,
        name: impl Into<String>,
        min: impl Into<Option<i128>>,
        max: impl Into<Option<i128>>,
    ) -> Symbol {
        self.passing.push(SymbolInfo { name: name.into(), min: min.into(), max: max.into() });
        Symbol(PASSING | (self.passing.len() as u32 - 1))
    }

    /// Notes so much work. Whether more may be done.
    pub fn spend(&self, work: usize) -> bool {
        self.work.set(self.work.get() + work as u64);
        !self.is_exhausted()
    }

    /// Whether no more work may be done: nothing else is shown then.
    pub fn is_exhausted(&self) -> bool {
        self.work.get() > MOST_WORK
    }

    /// Whether it belongs to one walk.
    pub fn is_passing(&self, symbol: Symbol) -> bool {
        symbol.0 & PASSING != 0
    }

    /// What is known of `symbol`.
    pub fn info(&self, symbol: Symbol) -> &SymbolInfo {
        match self.is_passing(symbol) {
            true => &self.passing[(symbol.0 & !PASSING) as usize],
            false => &self.lasting[symbol.0 as usize],
        }
    }

    /// Those that last, by number.
    pub fn all_lasting(&self) -> &[SymbolInfo] {
        &self.lasting
    }

    /// A number for each, below [`len`](Symbols::len).
    pub fn index(&self, symbol: Symbol) -> usize {
        match self.is_passing(symbol) {
            true => self.lasting.len() + (symbol.0 & !PASSING) as usize,
            false => symbol.0 as usize,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lasting.len() + self.passing.len()
    }

    /// Ends a walk.
    pub fn forget(&mut self) {
        self.passing.clear();
    }
}

/// A sum: a constant, and symbols with factors that are not 0, in the order of the symbols.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Linear {
    /// The symbols and their factors.
    pub terms: Vec<(Symbol, i128)>,
    /// What is added.
    pub constant: i128,
}

impl From<i128> for Linear {
    fn from(constant: i128) -> Linear {
        Linear { terms: Vec::new(), constant }
    }
}

impl From<Symbol> for Linear {
    fn from(symbol: Symbol) -> Linear {
        Linear { terms: vec![(symbol, 1)], constant: 0 }
    }
}

/// `a + factor * b`, if that fits and so does its opposite: whoever negates a factor need not ask.
fn sum_of(a: i128, b: i128, factor: i128) -> Option<i128> {
    a.checked_add(b.checked_mul(factor)?).filter(|sum| *sum != i128::MIN)
}

/// The greatest number that divides both.
pub fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Linear {
    /// Whether it is a number, and which.
    pub fn as_constant(&self) -> Option<i128> {
        self.terms.is_empty().then_some(self.constant)
    }

    /// The factor of `symbol`.
    pub fn factor(&self, symbol: Symbol) -> i128 {
        match self.terms.binary_search_by_key(&symbol, |term| term.0) {
            Ok(at) => self.terms[at].1,
            Err(_) => 0,
        }
    }

    /// `self + factor * other`.
    pub fn add_scaled(&self, other: &Linear, factor: i128) -> Option<Linear> {
        let mut terms = Vec::with_capacity(self.terms.len() + other.terms.len());
        let (mut mine, mut others) = (self.terms.iter().peekable(), other.terms.iter().peekable());
        loop {
            let (symbol, sum) = match (mine.peek(), others.peek()) {
                (None, None) => break,
                (Some(a), Some(b)) if a.0 == b.0 => {
                    let sum = sum_of(a.1, b.1, factor)?;
                    let symbol = a.0;
                    mine.next();
                    others.next();
                    (symbol, sum)
                }
                (Some(a), b) if b.is_none_or(|b| a.0 < b.0) => {
                    let term = **a;
                    mine.next();
                    term
                }
                (_, Some(b)) => {
                    let term = (b.0, sum_of(0, b.1, factor)?);
                    others.next();
                    term
                }
                (Some(_), None) => unreachable!("the first is smaller than nothing"),
            };
            if sum != 0 {
                terms.push((symbol, sum));
            }
        }
        let constant = sum_of(self.constant, other.constant, factor)?;
        Some(Linear { terms, constant })
    }

    /// `self + other`.
    pub fn plus(&self, other: &Linear) -> Option<Linear> {
        self.add_scaled(other, 1)
    }

    /// `self - other`.
    pub fn minus(&self, other: &Linear) -> Option<Linear> {
        self.add_scaled(other, -1)
    }

    /// `self + constant`.
    pub fn offset(&self, constant: i128) -> Option<Linear> {
        let constant = sum_of(self.constant, constant, 1)?;
        Some(Linear { terms: self.terms.clone(), constant })
    }

    /// `factor * self`.
    pub fn times(&self, factor: i128) -> Option<Linear> {
        Linear::default().add_scaled(self, factor)
    }

    /// `self / divisor`, if all of it is divisible.
    pub fn divided(&self, divisor: i128) -> Option<Linear> {
        let is_whole = |number: i128| number % divisor == 0;
        if !is_whole(self.constant) || !self.terms.iter().all(|term| is_whole(term.1)) {
            return None;
        }
        let terms = self.terms.iter().map(|&(symbol, factor)| (symbol, factor / divisor));
        Some(Linear { terms: terms.collect(), constant: self.constant / divisor })
    }

    /// If this is 0: terms without a common factor, the first one positive, and the number that
    /// they are.
    pub fn into_unit(self) -> Option<(Vec<(Symbol, i128)>, i128)> {
        let sign = self.terms.first()?.1.signum();
        let common = self.terms.iter().fold(0, |common, term| gcd(common, term.1)) * sign;
        let number = (self.constant % common == 0).then_some(-self.constant / common)?;
        Some((self.terms.iter().map(|term| (term.0, term.1 / common)).collect(), number))
    }

    /// With `value` in the place of `symbol`.
    pub fn substitute(&self, symbol: Symbol, value: &Linear) -> Option<Linear> {
        let factor = self.factor(symbol);
        if factor == 0 {
            return Some(self.clone());
        }
        let terms = self.terms.iter().copied().filter(|term| term.0 != symbol).collect();
        Linear { terms, constant: self.constant }.add_scaled(value, factor)
    }

    /// With values in the places of several symbols, at once.
    pub fn substitute_all(&self, values: &[(Symbol, Linear)]) -> Option<Linear> {
        let mut sum = Linear::from(self.constant);
        for &(symbol, factor) in &self.terms {
            sum = match values.iter().find(|(of, _)| *of == symbol) {
                Some((_, value)) => sum.add_scaled(value, factor)?,
                None => sum.add_scaled(&symbol.into(), factor)?,
            };
        }
        Some(sum)
    }

    /// Its symbols.
    pub fn symbols(&self) -> impl Iterator<Item = Symbol> {
        self.terms.iter().map(|term| term.0)
    }

    /// The same modulo 2^64, with the factors and the constant nearest to 0.
    pub fn modulo_2_64(&self) -> Linear {
        let near = |value: i128| i128::from(value as i64);
        let terms = self.terms.iter().map(|&(symbol, factor)| (symbol, near(factor)));
        let terms = terms.filter(|term| term.1 != 0).collect();
        Linear { terms, constant: near(self.constant) }
    }

    /// The least value that the bounds of its symbols allow, if they do bound it.
    pub fn least(&self, symbols: &Symbols) -> Option<i128> {
        self.terms.iter().try_fold(self.constant, |sum, &(symbol, factor)| {
            let info = symbols.info(symbol);
            let bound = if factor > 0 { info.min? } else { info.max? };
            sum.checked_add(factor.checked_mul(bound)?)
        })
    }

    /// The greatest value that the bounds of its symbols allow, if they do bound it.
    pub fn greatest(&self, symbols: &Symbols) -> Option<i128> {
        self.times(-1)?.least(symbols)?.checked_neg()
    }

    /// With the names of its symbols: `x.len - 8*t - 1`.
    pub fn display<'a>(&'a self, symbols: &'a Symbols) -> impl fmt::Display + 'a {
        Display { linear: self, symbols }
    }
}

struct Display<'a> {
    linear: &'a Linear,
    symbols: &'a Symbols,
}

impl fmt::Display for Display<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut is_first = true;
        // What is added comes first.
        let is_positive = |term: &&(Symbol, i128)| term.1 > 0;
        let positive = self.linear.terms.iter().filter(is_positive);
        let negative = self.linear.terms.iter().filter(|term| !is_positive(term));
        for &(symbol, factor) in positive.chain(negative) {
            let name = &self.symbols.info(symbol).name;
            match (is_first, factor < 0) {
                (true, true) => write!(f, "-")?,
                (true, false) => {}
                (false, true) => write!(f, " - ")?,
                (false, false) => write!(f, " + ")?,
            }
            match factor.unsigned_abs() {
                1 => write!(f, "{name}")?,
                factor => write!(f, "{factor}*{name}")?,
            }
            is_first = false;
        }
        match self.linear.constant {
            constant if is_first => write!(f, "{constant}"),
            0 => Ok(()),
            constant if constant < 0 => write!(f, " - {}", constant.unsigned_abs()),
            constant => write!(f, " + {constant}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_factor_has_an_opposite() {
        let half = 1i128 << 126;
        let x = Linear::from(Symbol(0));
        assert_eq!(x.times(i128::MIN), None);
        let sum = x.times(-half).expect("it fits");
        assert_eq!(sum.plus(&sum), None);
        assert_eq!(sum.add_scaled(&x, -half), None);
        assert_eq!(Linear::from(-half).offset(-half), None);
        assert_eq!(Linear::from(-half).times(2), None);
        assert!(sum.add_scaled(&x, 1 - half).and_then(|sum| sum.times(-1)).is_some());
    }
}
