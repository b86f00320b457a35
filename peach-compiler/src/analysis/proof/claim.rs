//! What is claimed of the places where paths meet.

use super::bits::Bits;
use super::decide::Knowledge;
use super::linear::{Linear, Symbol};
use super::state::{Slot, State};
use super::world::{Site, World};
use crate::ir::Reg;
use crate::sorted::SortedMap;

/// The edge into the function.
pub(super) const ENTRY: u32 = u32::MAX;

/// What is claimed of a place where paths meet.
#[derive(Clone, Debug, Default)]
pub(super) struct Claim {
    /// Symbols that stand for other values each time that control comes here.
    pub symbols: Vec<Symbol>,
    pub values: SortedMap<Slot, Linear>,
    pub masks: SortedMap<Reg, Bits>,
    pub is_upward: bool,
    pub knowledge: Knowledge,
    /// By the block that an edge comes from: the values of the symbols.
    pub rules: SortedMap<u32, Vec<(Symbol, Rule)>>,
}

/// Which value a symbol gets on an edge. Whatever it is, what is claimed must be shown of it.
#[derive(Clone, Debug)]
pub(super) enum Rule {
    /// A sum of symbols that are known where the edge starts.
    Value(Linear),
    /// What a slot holds, or adds to the address of a region.
    Held { slot: Slot, base: Option<Symbol> },
    /// The low bits of what a slot holds, as a number.
    Low { slot: Slot, bits: u32 },
    /// What is above them.
    High { slot: Slot, bits: u32 },
    /// How often what a slot holds, or adds to the address of a region, contains a power of two.
    Quotient { slot: Slot, base: Option<Symbol>, bits: u32 },
    /// The symbol that was made at a site of the code.
    Site(Site),
}

/// By block.
pub(super) type Certificate = SortedMap<u32, Claim>;

/// What an edge does not show.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub block: u32,
    pub what: Claimed,
}

/// A part of a claim.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Claimed {
    Value(Slot),
    Mask(Reg),
    Upward,
    /// The bounds of a symbol, or a value for it.
    Symbol(Symbol),
    AtLeastZero(Linear),
    Zero(Linear),
    NotZero(Linear),
}

/// The value that a rule gives to a symbol, where `state` is known.
pub(super) fn value_of(rule: &Rule, state: &mut State, world: &mut World<'_>) -> Option<Linear> {
    match rule {
        Rule::Value(value) => Some(value.clone()),
        Rule::Held { slot, base } => held(*slot, *base, state),
        Rule::Low { slot, bits } => {
            let value = state.slot(*slot)?.clone();
            Some(state.unsigned(&value, *bits, world))
        }
        Rule::High { slot, bits } => {
            let value = state.slot(*slot)?.clone();
            let low = state.unsigned(&value, *bits, world);
            value.minus(&low)?.divided(1 << bits)
        }
        Rule::Quotient { slot, base, bits } => {
            let value = held(*slot, *base, state)?;
            Some(state.quotient(&value, *bits, world))
        }
        Rule::Site(site) => world.made_at(*site).map(Linear::from),
    }
}

/// What a slot holds, or adds to the address of a region.
fn held(slot: Slot, base: Option<Symbol>, state: &State) -> Option<Linear> {
    let value = state.slot(slot)?;
    match base {
        Some(base) => value.minus(&base.into()),
        None => Some(value.clone()),
    }
}
