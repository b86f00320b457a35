//! Shifts (Intel SDM volume 2, SAL/SAR/SHL/SHR and SARX/SHLX/SHRX).

use super::{Machine, Results};
use crate::analysis::proof::bits::Bits;
use crate::analysis::proof::linear::Linear;
use crate::analysis::proof::operations::Operation;
use crate::analysis::proof::state::Flags;
use crate::ir::Operand;

impl Machine<'_, '_> {
    pub(super) fn shift(&mut self, operation: Operation, bits: u32) -> Option<Results> {
        let is_separate = self.inst.operands.len() == 3;
        let value = self.source(usize::from(is_separate), bits)?;
        let count_at = self.inst.operands.len() - 1;
        let count = match self.inst.operands.get(count_at)? {
            Operand::Imm(count) => Some((*count & i128::from(bits.max(32) - 1)) as u32),
            _ => None,
        };
        let Some(count) = count else {
            return self.shift_by_register(operation, count_at, &value, bits);
        };
        if count == 0 || count >= bits {
            return None;
        }
        let known = self.known_bits(&value, bits).filter(|_| value.as_constant().is_none());
        // The bit that is shifted out last is the carry flag.
        let (shifted, place) = match operation {
            Operation::ShiftLeft => (value.times(1 << count)?, bits - count),
            Operation::ShiftRight => {
                let value = self.state.unsigned(&value, bits, self.world);
                (self.state.quotient(&value, count, self.world), count - 1)
            }
            _ => {
                let value = self.state.signed(&value, bits, self.world);
                (self.state.quotient(&value, count, self.world), count - 1)
            }
        };
        let by = match operation {
            Operation::ShiftLeft => Some(i128::from(count)),
            Operation::ShiftRight => Some(-i128::from(count)),
            _ => None,
        };
        let moved = known
            .zip(by)
            .and_then(|(known, by)| known.moved(&by.into(), bits, self.state.known(self.world)));
        let result = match moved {
            Some(_) if bits < 64 => self.state.unsigned(&shifted, bits, self.world),
            _ => shifted,
        };
        let low_bits = moved.map(|moved| (result.clone(), moved)).into_iter().collect();
        let flags = Flags::Shifted { value: result.clone(), bits, source: value, place };
        Some(Results { flags, low_bits, ..self.result(&result, bits) })
    }

    /// A count of 0 leaves the flags alone, so that nothing is known of them.
    pub(super) fn shift_by_register(
        &mut self,
        operation: Operation,
        count_at: usize,
        value: &Linear,
        bits: u32,
    ) -> Option<Results> {
        if bits < 32 {
            return None;
        }
        let count_bits = self.source_width(count_at)?;
        let count = self.source(count_at, count_bits)?;
        // Larger counts are taken modulo the width.
        let count = self.state.masked(&count, bits.trailing_zeros(), self.world);
        let up = match operation {
            Operation::ShiftLeft => count.clone(),
            Operation::ShiftRight => count.times(-1)?,
            _ => return None,
        };
        let is_one = value.as_constant() == Some(1);
        let least = i128::from(is_one && operation == Operation::ShiftLeft);
        let most = if least == 1 { 1i128 << (bits - 1) } else { (1i128 << bits) - 1 };
        let result = self.state.fresh(least, most, self.world);
        if operation == Operation::ShiftRight {
            let value = self.state.unsigned(value, bits, self.world);
            self.state.knowledge.assume_at_least_zero(value.minus(&result)?);
        }
        let known = self.known_bits(value, bits).unwrap_or(Bits::all(bits).loosened());
        let moved = known.moved(&up, bits, self.state.known(self.world));
        let mut low_bits: Vec<(Linear, Bits)> =
            moved.map(|moved| (result.clone(), moved)).into_iter().collect();
        // One bit: less one, it is those below.
        if least == 1 {
            low_bits.push((result.offset(-1)?, Bits { is_full: true, ..Bits::low(count) }));
        }
        Some(Results { low_bits, ..self.result(&result, bits) })
    }
}
