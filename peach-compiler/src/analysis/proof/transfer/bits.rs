//! Instructions that look at bits by their numbers (Intel SDM volume 2, BSF to BTS, BZHI, KMOV,
//! LZCNT, POPCNT, TZCNT).

use super::{Machine, Results};
use crate::analysis::proof::bits::Bits;
use crate::analysis::proof::linear::Linear;
use crate::analysis::proof::state::{Flags, gp_view};
use crate::ir::Operand;
use crate::isa::Bank;

impl Machine<'_, '_> {
    /// `bzhi` looks at the low eight bits of the count, and an operand has no more bits than 64:
    /// what it keeps is below the count in any case (Intel SDM volume 2, BZHI).
    pub(super) fn keep_low_bits(&mut self, bits: u32) -> Option<Results> {
        let value = self.source(1, bits)?;
        let value = self.state.unsigned(&value, bits, self.world);
        let count = self.source(2, bits)?;
        let count = self.state.unsigned(&count, bits, self.world);
        let result = self.state.fresh(0, (1i128 << bits) - 1, self.world);
        self.state.knowledge.assume_at_least_zero(value.minus(&result)?);
        let known = self.known_bits(&value, bits).unwrap_or(Bits::all(bits).loosened());
        let rest = Linear::from(i128::from(bits)).minus(&count)?;
        // All of the lowest bits, as long as there are so many.
        let is_full = self.state.shows(&rest, self.world);
        let low = Bits { is_full, ..Bits::low(count) };
        let low_bits = vec![(result.clone(), low.and(known, self.state.known(self.world)))];
        Some(Results { low_bits, ..self.result(&result, bits) })
    }

    /// `1 << n` by another name: a bit that is set in 0. The number is taken modulo the width.
    pub(super) fn set_bit(&mut self, bits: u32) -> Option<Results> {
        let (Operand::Reg(_), Operand::Reg(number)) =
            (self.inst.operands.first()?, self.inst.operands.get(1)?)
        else {
            return None;
        };
        let (number, number_bits) = gp_view(*number)?;
        if bits < 32 || self.source(0, bits)?.as_constant() != Some(0) {
            return None;
        }
        let number = self.state.content(number, self.world);
        let number = self.state.unsigned(&number, number_bits, self.world);
        let number = self.state.masked(&number, bits.trailing_zeros(), self.world);
        let result = self.state.fresh(1, 1i128 << (bits - 1), self.world);
        let bit = Bits { first: number.clone(), end: number.offset(1)?, is_full: true };
        let below = Bits { is_full: true, ..Bits::low(number) };
        let low_bits = vec![(result.clone(), bit), (result.offset(-1)?, below)];
        Some(Results { low_bits, ..self.result(&result, bits) })
    }

    /// `bt`: a bit becomes the carry flag, the others stay or are undefined.
    pub(super) fn test_bit(&mut self, bits: u32) -> Option<Results> {
        let (Operand::Reg(_), Operand::Imm(place)) =
            (self.inst.operands.first()?, self.inst.operands.get(1)?)
        else {
            return None;
        };
        let place = (*place & i128::from(bits - 1)) as u32;
        let flags = Flags::Bit { source: self.source(0, bits)?, place };
        Some(Results { flags, ..Results::default() })
    }

    /// A number below 2^n has at most n bits that are set, and so has one with bits in n places.
    pub(super) fn count_set_bits(&mut self, bits: u32) -> Option<Results> {
        let source = self.source(1, bits)?;
        let known = self.state.bits_of(&source);
        let source = self.state.unsigned(&source, bits, self.world);
        let greatest = source.greatest(&self.world.symbols).filter(|greatest| *greatest >= 0);
        let most = greatest.map_or(bits, |greatest| 128 - greatest.leading_zeros()).min(bits);
        let value = self.state.fresh(0, most.into(), self.world);
        if let Some(places) = known.and_then(|bits| bits.end.minus(&bits.first))
            && self.state.shows(&places, self.world)
        {
            self.state.knowledge.assume_at_least_zero(places.minus(&value)?);
        }
        Some(self.result(&value, bits))
    }

    /// Only of 0 there are as many as the operand has bits.
    pub(super) fn count_zeros(&mut self, bits: u32) -> Option<Results> {
        let source = self.source(1, bits)?;
        let source = self.state.unsigned(&source, bits, self.world);
        let is_zero = !self.state.shows(&source.offset(-1)?, self.world);
        let most = i128::from(bits) - i128::from(!is_zero);
        let value = self.state.fresh(0, most, self.world);
        Some(self.result(&value, bits))
    }

    /// Of 0, the destination is undefined or kept.
    pub(super) fn find_bit(&mut self, bits: u32) -> Option<Results> {
        let source = self.source(1, bits)?;
        let source = self.state.unsigned(&source, bits, self.world);
        if !self.state.shows(&source.offset(-1)?, self.world) {
            return None;
        }
        let value = self.state.fresh(0, i128::from(bits) - 1, self.world);
        Some(self.result(&value, bits))
    }

    /// From a mask to a general-purpose register. The other way is [`mask::result`]'s.
    pub(super) fn move_mask(&mut self) -> Results {
        let [Operand::Reg(_), Operand::Reg(from)] = self.inst.operands.as_slice() else {
            return Results::default();
        };
        if from.class.bank() != Bank::Mask {
            return Results::default();
        }
        let bits = match self.inst.mnemonic.name() {
            "kmovb" => 8,
            "kmovw" => 16,
            "kmovd" => 32,
            _ => 64,
        };
        let value = self.state.fresh(0, (1i128 << bits) - 1, self.world);
        let known = self.state.masks.get(&from.reg).cloned();
        let known = known.map(|known| known.and(Bits::all(bits), self.state.known(self.world)));
        let low_bits = known.map(|known| (value.clone(), known)).into_iter().collect();
        Results { low_bits, ..self.result(&value, bits) }
    }
}
