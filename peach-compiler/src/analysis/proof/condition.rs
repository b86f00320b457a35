//! What is learned where a condition holds.
//!
//! Conditions are those of Intel SDM volume 1, appendix B, over what set the flags. Whatever wraps
//! around is taken into account by [`State::unsigned`] and [`State::signed`].

use super::linear::{Linear, gcd};
use super::operations::Condition;
use super::state::{Flags, State};
use super::world::World;
use crate::ir::Reg;
use crate::isa::gp;

/// Assumes that `condition` holds.
pub(super) fn assume(condition: Condition, state: &mut State, world: &mut World<'_>) {
    match condition {
        Condition::CounterZero | Condition::CounterLeft => {
            let counter = state.content(Reg::Physical(gp::RCX), world);
            let counter = state.unsigned(&counter, 64, world);
            match condition {
                Condition::CounterZero => state.knowledge.assume_zero(counter),
                _ => assume_not_zero(counter, state, world),
            }
        }
        _ => assume_flags(condition, state, world),
    }
}

/// Assumes that `condition`, the opposite of a branch's, holds.
pub(super) fn assume_not(condition: Condition, state: &mut State, world: &mut World<'_>) {
    match condition {
        Condition::CounterZero => assume(Condition::CounterLeft, state, world),
        Condition::CounterLeft => assume(Condition::CounterZero, state, world),
        _ => {
            if let Some(opposite) = condition.negated() {
                assume_flags(opposite, state, world);
            }
        }
    }
}

fn assume_flags(condition: Condition, state: &mut State, world: &mut World<'_>) {
    match state.flags.clone() {
        Flags::Unknown => {}
        Flags::Compared { left, right, bits, carry } => {
            compared(condition, &left, &right, bits, carry, state, world);
        }
        Flags::Added { left, right, bits, carry } => {
            added(condition, &left, &right, bits, carry, state, world);
        }
        Flags::Result { value, bits, is_logic } => {
            result(condition, &value, bits, is_logic, state, world);
        }
        Flags::Shifted { value, bits, source, place } => {
            shifted(condition, &value, bits, &source, place, state, world);
        }
        Flags::Bit { source, place } => bit(condition, &source, place, state, world),
    }
}

/// A shift set the flags.
fn shifted(
    condition: Condition,
    value: &Linear,
    bits: u32,
    source: &Linear,
    place: u32,
    state: &mut State,
    world: &mut World<'_>,
) {
    match condition {
        Condition::Below | Condition::NotBelow => bit(condition, source, place, state, world),
        Condition::Above => {
            bit(Condition::NotBelow, source, place, state, world);
            result(Condition::NotEqual, value, bits, false, state, world);
        }
        _ => result(condition, value, bits, false, state, world),
    }
}

/// A bit of `source` is the carry flag.
fn bit(
    condition: Condition,
    source: &Linear,
    place: u32,
    state: &mut State,
    world: &mut World<'_>,
) {
    let Some(bit) = state.bits_between(source, place, place + 1, world) else { return };
    match condition {
        Condition::Below => {
            let is_set = bit.offset(-(1i128 << place));
            is_set.into_iter().for_each(|rest| state.knowledge.assume_zero(rest));
        }
        Condition::NotBelow => state.knowledge.assume_zero(bit),
        _ => {}
    }
}

/// `left - right` set the flags.
fn compared(
    condition: Condition,
    left: &Linear,
    right: &Linear,
    bits: u32,
    carry: bool,
    state: &mut State,
    world: &mut World<'_>,
) {
    use Condition as C;
    let is_unsigned = matches!(condition, C::Below | C::NotBelow | C::BelowOrEqual | C::Above);
    if is_unsigned && !carry || condition == C::Other {
        return;
    }
    if matches!(condition, C::Sign | C::NotSign) {
        let Some(difference) = left.minus(right) else { return };
        let difference = state.signed(&difference, bits, world);
        match condition {
            C::Sign => assume_negative(&difference, state),
            _ => state.knowledge.assume_at_least_zero(difference),
        }
        return;
    }
    let is_signed = matches!(condition, C::Less | C::NotLess | C::LessOrEqual | C::Greater);
    let (a, b) = match is_signed {
        true => (state.signed(left, bits, world), state.signed(right, bits, world)),
        false => (state.unsigned(left, bits, world), state.unsigned(right, bits, world)),
    };
    let (Some(up), Some(down)) = (a.minus(&b), b.minus(&a)) else { return };
    match condition {
        C::Below | C::Less => assume_negative(&up, state),
        C::NotBelow | C::NotLess => state.knowledge.assume_at_least_zero(up),
        C::BelowOrEqual | C::LessOrEqual => state.knowledge.assume_at_least_zero(down),
        C::Above | C::Greater => assume_negative(&down, state),
        C::Equal => state.knowledge.assume_zero(up),
        C::NotEqual => assume_not_zero(up, state, world),
        C::Sign | C::NotSign | C::Other | C::CounterZero | C::CounterLeft => {}
    }
}

/// `left + right` set the flags.
fn added(
    condition: Condition,
    left: &Linear,
    right: &Linear,
    bits: u32,
    carry: bool,
    state: &mut State,
    world: &mut World<'_>,
) {
    use Condition as C;
    let sum = |a: &Linear, b: &Linear| a.plus(b);
    match condition {
        C::Below | C::NotBelow if carry => {
            let (a, b) = (state.unsigned(left, bits, world), state.unsigned(right, bits, world));
            let Some(beyond) = sum(&a, &b).and_then(|sum| sum.offset(-(1i128 << bits))) else {
                return;
            };
            match condition {
                C::Below => state.knowledge.assume_at_least_zero(beyond),
                _ => assume_negative(&beyond, state),
            }
        }
        C::Less | C::NotLess | C::LessOrEqual | C::Greater => {
            let (a, b) = (state.signed(left, bits, world), state.signed(right, bits, world));
            if let Some(sum) = sum(&a, &b) {
                compare_with_zero(condition, &sum, state);
            }
        }
        C::Equal | C::NotEqual | C::Sign | C::NotSign => {
            if let Some(sum) = sum(left, right) {
                result(condition, &sum, bits, false, state, world);
            }
        }
        _ => {}
    }
}

/// A result set the flags.
fn result(
    condition: Condition,
    value: &Linear,
    bits: u32,
    is_logic: bool,
    state: &mut State,
    world: &mut World<'_>,
) {
    use Condition as C;
    match condition {
        C::Equal | C::NotEqual => {
            let value = state.unsigned(value, bits, world);
            match condition {
                C::Equal => state.knowledge.assume_zero(value),
                _ => assume_not_zero(value, state, world),
            }
        }
        C::Sign | C::NotSign => {
            let value = state.signed(value, bits, world);
            let condition = if condition == C::Sign { C::Less } else { C::NotLess };
            compare_with_zero(condition, &value, state);
        }
        // Without carry and overflow, these compare with 0.
        C::Less | C::NotLess | C::LessOrEqual | C::Greater if is_logic => {
            let value = state.signed(value, bits, world);
            compare_with_zero(condition, &value, state);
        }
        C::BelowOrEqual | C::Above if is_logic => {
            let condition = if condition == C::Above { C::NotEqual } else { C::Equal };
            result(condition, value, bits, is_logic, state, world);
        }
        C::Below if is_logic => state.knowledge.assume_at_least_zero(Linear::from(-1)),
        _ => {}
    }
}

fn compare_with_zero(condition: Condition, value: &Linear, state: &mut State) {
    match condition {
        Condition::Less => assume_negative(value, state),
        Condition::NotLess => state.knowledge.assume_at_least_zero(value.clone()),
        Condition::LessOrEqual => {
            if let Some(negated) = value.times(-1) {
                state.knowledge.assume_at_least_zero(negated);
            }
        }
        Condition::Greater => {
            if let Some(less) = value.offset(-1) {
                state.knowledge.assume_at_least_zero(less);
            }
        }
        _ => {}
    }
}

/// `value < 0`.
fn assume_negative(value: &Linear, state: &mut State) {
    if let Some(negated) = value.times(-1).and_then(|negated| negated.offset(-1)) {
        state.knowledge.assume_at_least_zero(negated);
    }
}

/// `value ≠ 0`: where its sign is known, it is an inequality, and where it can be one number only,
/// an equation.
fn assume_not_zero(value: Linear, state: &mut State, world: &World<'_>) {
    let step = value.terms.iter().fold(value.constant.abs(), |step, term| gcd(step, term.1)).max(1);
    let (Some(negated), Some(above)) = (value.times(-1), value.offset(-step)) else { return };
    if state.shows(&value, world) {
        let is_pinned = above.terms.len() > 1
            && above.times(-1).is_some_and(|below| state.shows(&below, world));
        match is_pinned {
            true => state.knowledge.assume_zero(above),
            false => state.knowledge.assume_at_least_zero(above),
        }
    } else if state.shows(&negated, world) {
        assume_negative(&value, state);
    } else {
        state.knowledge.assume_not_zero(value);
    }
}
