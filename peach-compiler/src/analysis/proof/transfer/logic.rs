//! Logic on general-purpose registers (Intel SDM volume 2, AND, NOT, OR, TEST, XOR).

use super::{Machine, Results};
use crate::analysis::proof::bits::Bits;
use crate::analysis::proof::linear::Linear;
use crate::analysis::proof::operations::Operation;
use crate::analysis::proof::state::Flags;

impl Machine<'_, '_> {
    /// The bits that are not set.
    pub(super) fn complement(&mut self, old: &Linear, bits: u32) -> Option<Results> {
        let known = self.known_bits(old, bits).and_then(|known| known.not(bits));
        let value = old.times(-1)?.offset(-1)?;
        let value = if bits < 64 { self.state.unsigned(&value, bits, self.world) } else { value };
        let low_bits = known.map(|known| (value.clone(), known)).into_iter().collect();
        Some(Results { low_bits, keeps_flags: true, ..self.result(&value, bits) })
    }

    /// Which of the low bits of `value` can be set.
    pub(super) fn known_bits(&self, value: &Linear, bits: u32) -> Option<Bits> {
        let known = self.state.bits_of(value)?;
        Some(known.and(Bits::all(bits), self.state.known(self.world)))
    }

    pub(super) fn logic(&mut self, operation: Operation, bits: u32) -> Option<Results> {
        let is_same = self.inst.operands[0] == self.inst.operands[1];
        let left = self.source(0, bits)?;
        let right = self.source(1, bits)?;
        if operation == Operation::Xor && !is_same && is_all_ones(&right, bits) {
            let results = self.complement(&left, bits)?;
            return Some(Results { keeps_flags: false, ..results });
        }
        let value = match operation {
            Operation::Xor if is_same => Linear::default(),
            _ if is_same => left.clone(),
            Operation::And | Operation::Test => self.and(&left, &right, bits)?,
            _ => self.either(operation, &left, &right, bits)?,
        };
        let low_bits = match is_same {
            true => None,
            false => self.logic_of_bits(operation, &left, &right, bits),
        };
        let low_bits = low_bits.map(|known| (value.clone(), known)).into_iter().collect();
        let flags = Flags::Result { value: value.clone(), bits, is_logic: true };
        if operation == Operation::Test {
            return Some(Results { flags, ..Results::default() });
        }
        Some(Results { flags, low_bits, ..self.result(&value, bits) })
    }

    /// Which bits can be set in a result, where that is known of more than numbers.
    pub(super) fn logic_of_bits(
        &self,
        operation: Operation,
        left: &Linear,
        right: &Linear,
        bits: u32,
    ) -> Option<Bits> {
        let (a, b) = (self.known_bits(left, bits), self.known_bits(right, bits));
        let is_number = |value: &Linear| value.as_constant().is_some();
        if (a.is_none() || is_number(left)) && (b.is_none() || is_number(right)) {
            return None;
        }
        let known = self.state.known(self.world);
        match (operation, a, b) {
            (Operation::And, Some(a), Some(b)) => Some(a.and(b, known)),
            (Operation::And, a, b) => a.or(b).map(Bits::loosened),
            (Operation::Or, Some(a), Some(b)) => a.or(b, known),
            (Operation::Xor, Some(a), Some(b)) => a.loosened().or(b, known),
            _ => None,
        }
    }

    /// `or` and `xor`: no bit is set above the highest ones of both.
    pub(super) fn either(
        &mut self,
        operation: Operation,
        left: &Linear,
        right: &Linear,
        bits: u32,
    ) -> Option<Linear> {
        let value = self.state.fresh(0, (1i128 << bits) - 1, self.world);
        let mut end = 0;
        for part in [left, right] {
            let part = self.state.unsigned(part, bits, self.world);
            if operation == Operation::Or {
                self.state.knowledge.assume_at_least_zero(value.minus(&part)?);
            }
            end = end.max(self.bit_length(&part, bits)?);
        }
        if end < bits {
            let room = value.times(-1)?.offset((1 << end) - 1)?;
            self.state.knowledge.assume_at_least_zero(room);
        }
        Some(value)
    }

    /// So many bits hold a number without sign.
    pub(super) fn bit_length(&self, number: &Linear, bits: u32) -> Option<u32> {
        let length = |most: i128| (i128::BITS - most.max(0).leading_zeros()).min(bits);
        let mut end = number.greatest(&self.world.symbols).map_or(bits, length);
        // What one symbol is made of has no better bounds, as a rule.
        let mut first = if number.terms.len() < 2 { end } else { 0 };
        while first < end {
            let middle = u32::midpoint(first, end);
            let room = number.times(-1)?.offset((1 << middle) - 1)?;
            match self.state.shows(&room, self.world) {
                true => end = middle,
                false => first = middle + 1,
            }
        }
        Some(end)
    }

    pub(super) fn and(&mut self, left: &Linear, right: &Linear, bits: u32) -> Option<Linear> {
        let modulus = 1i128 << bits;
        let constant = |value: &Linear| value.as_constant().map(|n| n.rem_euclid(modulus));
        let (value, mask) = match (constant(left), constant(right)) {
            (_, Some(mask)) => (left, Some(mask)),
            (Some(mask), None) => (right, Some(mask)),
            (None, None) => (left, None),
        };
        if let Some(mask) = mask.filter(|mask| *mask > 0) {
            let (first, end) = (mask.trailing_zeros(), i128::BITS - mask.leading_zeros());
            let is_row = mask.count_ones() == end - first;
            // All bits from one on: without those below it.
            if is_row && end == bits {
                let rest = self.state.masked(value, first, self.world);
                let whole = self.state.unsigned(value, bits, self.world);
                return whole.minus(&rest);
            }
            if is_row {
                return self.state.bits_between(value, first, end, self.world);
            }
        }
        let most = mask.unwrap_or(modulus - 1);
        let result = self.state.fresh(0, most, self.world);
        for part in [left, right] {
            let part = self.state.unsigned(part, bits, self.world);
            self.state.knowledge.assume_at_least_zero(part.minus(&result)?);
        }
        Some(result)
    }
}

/// Whether a value has all of its low bits set.
fn is_all_ones(value: &Linear, bits: u32) -> bool {
    value.as_constant().is_some_and(|number| (number + 1).rem_euclid(1 << bits) == 0)
}
