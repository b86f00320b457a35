//! String instructions (Intel SDM volume 2, CMPS, LODS, MOVS, SCAS, STOS, REP).

use super::{Machine, Results};
use crate::analysis::proof::linear::Linear;
use crate::analysis::proof::operations::StringOperation;
use crate::analysis::proof::world::WORD;
use crate::ir::{Operand, Reg};
use crate::isa::{Bank, gp};

impl Machine<'_, '_> {
    /// What is left in `rsi`, `rdi` and `rcx`. Repeated moves end with a count of 0; comparisons
    /// may end before (Intel SDM volume 2, "REP/REPE/REPZ/REPNE/REPNZ").
    pub(super) fn string(&mut self, string: StringOperation) -> Option<Results> {
        let is_vector =
            |operand: &Operand<Reg>| operand.views().any(|view| view.class.bank() == Bank::Vector);
        if self.inst.operands.iter().any(is_vector) || !self.state.is_upward {
            return None;
        }
        let mut registers = Vec::new();
        let prefixes = self.inst.prefixes;
        if prefixes.narrow_address {
            return None;
        }
        let turns = match prefixes.rep || prefixes.repne {
            false => Linear::from(1),
            true => {
                let counter = Reg::Physical(gp::RCX);
                let count = self.state.content(counter, self.world);
                let count = self.state.unsigned(&count, 64, self.world);
                let left = self.left_by_string(string, &count)?;
                let turns = count.minus(&left)?;
                registers.push((counter, left));
                turns
            }
        };
        let used = [(gp::RSI, string.source), (gp::RDI, string.destination)];
        for (pointer, _) in used.into_iter().filter(|(_, is_used)| *is_used) {
            let pointer = Reg::Physical(pointer);
            let address = self.state.content(pointer, self.world);
            registers.push((pointer, address.add_scaled(&turns, i128::from(string.bytes))?));
        }
        Some(Results { registers, ..Results::default() })
    }

    /// What a repeated instruction leaves of its count.
    pub(super) fn left_by_string(
        &mut self,
        string: StringOperation,
        count: &Linear,
    ) -> Option<Linear> {
        if !string.compares {
            return Some(Linear::default());
        }
        let left = self.state.fresh(0, WORD - 1, self.world);
        let turns = count.minus(&left)?;
        // It compares at least once if it does at all.
        let least = i128::from(self.state.shows(&count.offset(-1)?, self.world));
        self.state.knowledge.assume_at_least_zero(turns.offset(-least)?);
        Some(left)
    }
}
