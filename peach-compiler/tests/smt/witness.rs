//! The whole numbers that a certificate speaks of, as terms wide enough for them.
//!
//! Where a path starts, the symbols of what is claimed there have any values that the claim allows.
//! Where it ends, the claim of that place must hold for the values that the judge chose. A wrong
//! choice here can make a claim look false, never true.

use crate::machine::{Machine, Word};
use crate::regions::Regions;
use crate::script::{Script, Term, number, part, sign_above, zeros_above};
use crate::sums::{Sum, Values};
use peach_compiler::analysis::record::{Linear, Record, SiteKind, Symbol, SymbolInfo};
use peach_compiler::ir::{DataId, LocalId};
use std::collections::BTreeSet;

/// Symbols are taken to be of fewer bits: what has no bounds counts what happens, and nothing
/// happens 2^66 times.
const SYMBOL_BITS: u32 = 66;
/// Bits for the factors that sums get where registers stand for parts of them.
const HEADROOM: u32 = 20;

/// A place of a path where symbols have values.
pub struct Here<'a> {
    pub values: &'a mut Values,
    pub script: &'a mut Script,
    /// What is there, for the symbols that the judge's walk made.
    pub machine: Option<&'a Machine>,
    /// Which of the ways in which such a symbol can be found.
    pub choice: usize,
}

/// What numbers are made from.
pub struct Numbers<'a> {
    pub record: &'a Record,
    pub regions: &'a Regions,
    /// How many bits they have.
    pub bits: u32,
}

impl<'a> Numbers<'a> {
    pub fn new(record: &'a Record, regions: &'a Regions) -> Numbers<'a> {
        let claims = record.claims.values().flat_map(|claim| {
            let known = &claim.knowledge;
            known.at_least_zero().iter().chain(known.zero()).chain(known.not_zero())
        });
        let values = record.edges.iter().flat_map(|edge| edge.values.iter().map(|(_, of)| of));
        let divided = record.quotients.values().map(|quotient| &quotient.value);
        let sizes = claims.chain(values).chain(divided).map(|linear| {
            let factors = linear.terms.iter().map(|term| term.1.unsigned_abs());
            let constant = linear.constant.unsigned_abs() >> SYMBOL_BITS;
            128 - factors.fold(constant, u128::saturating_add).leading_zeros()
        });
        Numbers { record, regions, bits: SYMBOL_BITS + sizes.max().unwrap_or(0) + HEADROOM }
    }

    /// A symbol that lasts.
    fn symbol(&self, symbol: Symbol, here: &mut Here<'_>) -> Term {
        if let Some(known) = here.values.known.get(&symbol) {
            return known.clone();
        }
        let term = match self.fixed(symbol, here) {
            Some(term) => term,
            None => self.free(symbol, here),
        };
        here.values.known.insert(symbol, term.clone());
        term
    }

    /// A symbol that may have any value within its bounds.
    fn free(&self, symbol: Symbol, here: &mut Here<'_>) -> Term {
        let info = self.info(symbol);
        let is_word =
            info.min.is_some_and(|min| min >= 0) && info.max.is_some_and(|max| max < 1 << 64);
        let far = 1i128 << SYMBOL_BITS;
        let (min, max) = (info.min.unwrap_or(-far), info.max.unwrap_or(far));
        assert!(min <= max, "{info:?} has no value");
        let term = match is_word || here.values.words.contains(&symbol) {
            true => {
                let word = here.script.any(64);
                here.script.word(self.bits, zeros_above(&word, 64, self.bits))
            }
            false => here.script.any(self.bits),
        };
        for (less, more) in
            [(number(min, self.bits), &*term), (term.clone(), &number(max, self.bits))]
        {
            here.script.assume(&format!("(bvsle {less} {more})"));
        }
        term
    }

    /// A symbol of what arrives: it is the same all the time.
    fn fixed(&self, symbol: Symbol, here: &mut Here<'_>) -> Option<Term> {
        let is = |linear: &Linear| *linear == Linear::from(symbol);
        let wide = |word: &str| zeros_above(word, 64, self.bits);
        if let Some(at) = self.record.arguments.iter().position(is) {
            return Some(here.script.word(self.bits, wide(&self.regions.arguments[at].term)));
        }
        match self.base(symbol) {
            Some(base) => Some(here.script.word(self.bits, wide(&base.term))),
            None => self.multiple(symbol, here),
        }
    }

    /// The address of a stack variable or constant.
    fn base(&self, symbol: Symbol) -> Option<Word> {
        let at = |list: &[Symbol]| list.iter().position(|base| *base == symbol);
        match (at(&self.record.locals), at(&self.record.data)) {
            (Some(local), _) => Some(self.regions.local(LocalId(local as u32))),
            (None, Some(data)) => Some(self.regions.data(DataId(data as u32))),
            (None, None) => None,
        }
    }

    /// How often an address contains its alignment.
    fn multiple(&self, symbol: Symbol, here: &mut Here<'_>) -> Option<Term> {
        let fact = self.record.given.zero().iter().find(|fact| fact.factor(symbol) != 0)?;
        let align = fact.factor(symbol).unsigned_abs();
        let base = fact.symbols().find(|other| fact.factor(*other) == 1)?;
        let base = self.symbol(base, here);
        let by = number(i128::from(align.trailing_zeros()), self.bits);
        Some(here.script.word(self.bits, format!("(bvlshr {base} {by})")))
    }

    /// The bounds of a symbol that lasts.
    fn info(&self, symbol: Symbol) -> SymbolInfo {
        match self.record.symbols.get(symbol.0 as usize) {
            Some(info) => info.clone(),
            None => SymbolInfo { name: "a register".to_string(), min: None, max: None },
        }
    }

    /// The bounds of a symbol, as sums that are not negative.
    pub fn bounds(&self, symbol: Symbol) -> Vec<Sum> {
        let info = self.info(symbol);
        let above = info.min.map(|min| Sum::term(symbol, 1, -min));
        above.into_iter().chain(info.max.map(|max| Sum::term(symbol, -1, max))).collect()
    }

    /// Symbols that are the same all the time.
    pub fn all_fixed(&self) -> BTreeSet<Symbol> {
        let Record { arguments, locals, data, given, .. } = self.record;
        let sums = arguments.iter().chain(given.zero());
        sums.flat_map(Linear::symbols).chain(locals.iter().chain(data).copied()).collect()
    }

    /// A sum modulo 2^64.
    pub fn word(&self, sum: &Sum, here: &mut Here<'_>) -> Term {
        let sum = sum.with(&here.values.sums);
        let mut parts = Vec::new();
        for (&symbol, &factor) in &sum.terms {
            parts.push((part(&self.atom(symbol, here), 0, 64), i128::from(factor as i64)));
        }
        match sides(parts, i128::from(sum.constant as i64), 64) {
            (above, None) => here.script.word(64, above),
            (above, Some(below)) => here.script.word(64, format!("(bvsub {above} {below})")),
        }
    }

    /// A sum, as a whole number.
    fn number(&self, sum: &Sum, here: &mut Here<'_>) -> Term {
        match self.both_sides(sum, here) {
            (above, None) => here.script.word(self.bits, above),
            (above, Some(below)) => here.script.word(self.bits, format!("(bvsub {above} {below})")),
        }
    }

    /// A sum compared with 0.
    pub fn compared(&self, comparison: &str, sum: &Sum, here: &mut Here<'_>) -> Term {
        let (above, below) = self.both_sides(sum, here);
        let below = below.unwrap_or_else(|| number(0, self.bits));
        format!("({comparison} {above} {below})")
    }

    fn both_sides(&self, sum: &Sum, here: &mut Here<'_>) -> (Term, Option<Term>) {
        let sum = sum.with(&here.values.sums);
        let parts: Vec<(Term, i128)> =
            sum.terms.iter().map(|(&symbol, &factor)| (self.atom(symbol, here), factor)).collect();
        let size = parts.iter().fold(sum.constant.unsigned_abs() >> SYMBOL_BITS, |size, part| {
            size.saturating_add(part.1.unsigned_abs())
        });
        assert!(size >> (self.bits - SYMBOL_BITS - 2) == 0, "{} bits are too few", self.bits);
        sides(parts, sum.constant, self.bits)
    }

    fn atom(&self, symbol: Symbol, here: &mut Here<'_>) -> Term {
        match self.record.made.contains_key(&symbol) {
            true => self.made(symbol, here),
            false => self.symbol(symbol, here),
        }
    }

    /// A symbol that the judge's walk made on the way here.
    fn made(&self, symbol: Symbol, here: &mut Here<'_>) -> Term {
        if let Some(quotient) = self.record.quotients.get(&symbol) {
            let mut value = Sum::of(&quotient.value);
            value.constant -= quotient.least;
            let value = self.number(&value, here);
            let by = number(i128::from(quotient.bits), self.bits);
            return here.script.word(self.bits, format!("(bvashr {value} {by})"));
        }
        let info = &self.record.made[&symbol].info;
        match self.found(symbol, here) {
            Some(found) => found,
            // Made on a path that did not come here: any value within its bounds.
            None => number(info.min.or(info.max).unwrap_or(0), self.bits),
        }
    }

    /// A symbol in what an instruction read or wrote.
    fn found(&self, symbol: Symbol, here: &mut Here<'_>) -> Option<Term> {
        let made = &self.record.made[&symbol];
        let machine = here.machine?;
        let trace = machine.traces.get(&made.site.at)?;
        let word = match made.site.kind {
            SiteKind::Register(reg) => {
                let (before, now) = (trace.before.get(&reg), machine.registers.get(&reg));
                let (first, second) =
                    if here.choice & 1 == 0 { (before, now) } else { (now, before) };
                first.or(second)?.clone()
            }
            SiteKind::Result | SiteKind::Quotient => {
                match trace.loads.get(made.site.number as usize) {
                    Some(load) if here.choice & 2 == 0 => Word { term: load.clone(), region: None },
                    _ => trace.results.last()?.clone(),
                }
            }
        };
        let wide = match here.choice & 4 {
            0 => zeros_above(&word.term, 64, self.bits),
            _ => sign_above(&word.term, 64, self.bits),
        };
        // Without bounds, it is an offset into a region.
        let offset = match word.region.filter(|_| made.info.min.is_none()) {
            Some(region) => {
                let base = zeros_above(&self.regions.all[region].base, 64, self.bits);
                format!("(bvsub {wide} {base})")
            }
            None => wide,
        };
        Some(here.script.word(self.bits, offset))
    }

    /// The region whose address a sum contains.
    pub fn region(&self, linear: &Linear) -> Option<usize> {
        let region = |symbol: Symbol| {
            let is = |value: &Linear| *value == Linear::from(symbol);
            match self.record.arguments.iter().position(is) {
                Some(at) => self.regions.arguments[at].region,
                None => self.base(symbol)?.region,
            }
        };
        let once = linear.terms.iter().filter(|term| term.1 == 1);
        let mut regions = once.filter_map(|term| region(term.0));
        let first = regions.next()?;
        regions.next().is_none().then_some(first)
    }
}

/// What is added and what is subtracted in a sum: multiplying by small numbers is easier than by
/// negative ones.
fn sides(parts: Vec<(Term, i128)>, constant: i128, bits: u32) -> (Term, Option<Term>) {
    let mut sides = [Vec::new(), Vec::new()];
    for (term, factor) in parts {
        sides[usize::from(factor < 0)].push(match factor.unsigned_abs() {
            1 => term,
            factor => format!("(bvmul {} {term})", number(factor as i128, bits)),
        });
    }
    if constant != 0 {
        let size = constant.unsigned_abs() as i128;
        sides[usize::from(constant < 0)].push(number(size, bits));
    }
    let [above, below] = sides.map(|side| match side.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        _ => Some(format!("(bvadd {})", side.join(" "))),
    });
    (above.unwrap_or_else(|| number(0, bits)), below)
}
