//! The registers of an address: sums of scaled registers brought into the one form that the machine
//! has, base + index * scale.
//!
//! In: terms as they were written, in order. Out: a [`Place`]: which register is the base, which
//! the index. Kernels and lines of text both come here, so that one address means the same in both.
//! Which of several encodings an address gets is decided in `encode`.

use crate::isa::{Bank, Register, View, gp};

/// A register times a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Term<R> {
    pub(crate) view: View<R>,
    pub(crate) factor: i128,
    /// Whether a factor was written, 1 included: such a register would rather be the index.
    pub(crate) is_scaled: bool,
}

/// Base and index of an address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place<R> {
    pub(crate) base: Option<View<R>>,
    pub(crate) index: Option<(View<R>, u8)>,
}

/// What keeps registers from being an address. The number is that of the term to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misplaced {
    /// More registers than a base and an index.
    TooMany(usize),
    /// A factor that neither an index nor base and index together have; it is the sum of all that
    /// was written of the register.
    Factor(usize, i128),
    /// The stack pointer would have to be the index.
    StackPointer(usize),
}

/// The constant part of an address: a number or the same number modulo 2^64, as a signed one.
pub(crate) fn displacement(constant: i128) -> Option<i64> {
    let unsigned = |constant| u64::try_from(constant).ok().map(|bits| bits as i64);
    i64::try_from(constant).ok().or_else(|| unsigned(constant))
}

/// Terms of one register, added up.
struct Sum<R> {
    view: View<R>,
    factor: i128,
    /// Whether every one of them was scaled.
    is_scaled: bool,
    /// How many there are.
    count: usize,
    /// The first of them.
    term: usize,
}

impl<R: Register> Sum<R> {
    /// Whether it costs a displacement as the base: `rbp` and `r13` have none without (Intel SDM
    /// volume 2, table 2-5, note 1).
    fn is_longer_as_base(&self) -> bool {
        self.view.reg.physical().is_some_and(|reg| [gp::RBP, gp::R13].contains(&reg))
    }
}

/// Chooses base and index. Where `has_base` is set the base is something else already (a stack
/// variable), and only an index can be added.
///
/// A register times 0 vanishes, but for a vector, without which a gather is none. Registers that
/// are named twice are added up, and a factor that an index cannot have is split between base and
/// index.
pub(crate) fn place<R: Register>(terms: &[Term<R>], has_base: bool) -> Result<Place<R>, Misplaced> {
    let sums = add_up(terms);
    let base = match has_base {
        true => None,
        false => base_position(&sums),
    };
    let mut rest = sums.iter().enumerate().filter(|(at, _)| Some(*at) != base).map(|(_, s)| s);
    let (first, second) = (rest.next(), rest.next());
    if let Some(extra) = second {
        return Err(match sums.len() {
            // One of two scaled registers is one too many; of three registers, the last.
            2 if !has_base && extra.factor != 1 => Misplaced::Factor(extra.term, extra.factor),
            _ => Misplaced::TooMany(extra.term),
        });
    }
    let base = base.map(|at| sums[at].view);
    match first {
        None => Ok(Place { base, index: None }),
        Some(index) => with_index(base, index, has_base),
    }
}

/// Adds up the terms of each register and leaves out what becomes nothing.
fn add_up<R: Register>(terms: &[Term<R>]) -> Vec<Sum<R>> {
    let mut sums: Vec<Sum<R>> = Vec::with_capacity(terms.len());
    for (at, term) in terms.iter().enumerate() {
        let is_vector = is_vector(term.view);
        match sums.iter_mut().find(|sum| sum.view == term.view && !is_vector) {
            Some(sum) => {
                sum.factor = sum.factor.saturating_add(term.factor);
                sum.is_scaled &= term.is_scaled;
                sum.count += 1;
            }
            None => sums.push(Sum {
                view: term.view,
                factor: term.factor,
                is_scaled: term.is_scaled,
                count: 1,
                term: at,
            }),
        }
    }
    sums.retain(|sum| sum.factor != 0 || is_vector(sum.view));
    sums
}

/// Which register becomes the base: `rip`, which can be nothing else, or the first that is not
/// scaled and does not cost a byte; of registers that are all times 1, the last.
fn base_position<R: Register>(sums: &[Sum<R>]) -> Option<usize> {
    // Where one is a sum, the order in which they were written says nothing.
    let is_free = sums.iter().any(|sum| sum.count > 1);
    let costs = |sum: &Sum<R>| is_free && sum.is_longer_as_base();
    let position = |wanted: &dyn Fn(&Sum<R>) -> bool| {
        sums.iter().position(|sum| sum.factor == 1 && !is_vector(sum.view) && wanted(sum))
    };
    position(&|sum| sum.view.reg.physical().is_some_and(|reg| reg.bank == Bank::Ip))
        .or_else(|| position(&|sum| !sum.is_scaled && !costs(sum)))
        .or_else(|| position(&|sum| is_free && !costs(sum)))
        .or_else(|| position(&|sum| !sum.is_scaled))
        .or_else(|| sums.iter().rposition(|sum| sum.factor == 1 && !is_vector(sum.view)))
}

fn with_index<R: Register>(
    base: Option<View<R>>,
    index: &Sum<R>,
    has_base: bool,
) -> Result<Place<R>, Misplaced> {
    // Times 1 it changes places with the base where it is encoded.
    let is_exchanged = index.factor == 1 && base.is_some();
    if is_stack_pointer(index.view) && !is_exchanged {
        return Err(Misplaced::StackPointer(index.term));
    }
    let is_free = base.is_none() && !has_base && !is_vector(index.view);
    let (base, scale) = match index.factor {
        // `[r + r]` stays as it was written; `[r*2]` may become it where it is encoded.
        2 if is_free && index.count > 1 && !index.is_scaled => (Some(index.view), 1),
        3 | 5 | 9 if is_free => (Some(index.view), index.factor - 1),
        factor => (base, factor),
    };
    match u8::try_from(scale) {
        Ok(scale @ (1 | 2 | 4 | 8)) => Ok(Place { base, index: Some((index.view, scale)) }),
        _ => Err(Misplaced::Factor(index.term, index.factor)),
    }
}

fn is_vector<R>(view: View<R>) -> bool {
    view.class.bank() == Bank::Vector
}

fn is_stack_pointer<R: Register>(view: View<R>) -> bool {
    view.reg.physical() == Some(gp::RSP)
}
