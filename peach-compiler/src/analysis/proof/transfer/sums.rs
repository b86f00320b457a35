//! Sums, multiples and quotients (Intel SDM volume 2, ADD, CQO, DEC, DIV, IDIV, IMUL, INC, NEG,
//! SUB).

use super::{Machine, Results, written};
use crate::analysis::proof::division;
use crate::analysis::proof::linear::Linear;
use crate::analysis::proof::operations::Operation;
use crate::analysis::proof::state::Flags;
use crate::ir::Reg;
use crate::isa::gp;

impl Machine<'_, '_> {
    pub(super) fn sum(&mut self, operation: Operation, bits: u32) -> Option<Results> {
        let left = self.source(0, bits)?;
        let right = self.source(1, bits)?;
        let (value, flags) = match operation {
            Operation::Add => {
                (left.plus(&right)?, Flags::Added { left: left.clone(), right, bits, carry: true })
            }
            _ => (
                left.minus(&right)?,
                Flags::Compared { left: left.clone(), right, bits, carry: true },
            ),
        };
        if operation == Operation::Compare {
            return Some(Results { flags, ..Results::default() });
        }
        Some(Results { flags, ..self.result(&value, bits) })
    }

    pub(super) fn unary(&mut self, operation: Operation, bits: u32) -> Option<Results> {
        let old = self.source(0, bits)?;
        let one = Linear::from(1);
        let (value, flags) = match operation {
            Operation::Increment => {
                (old.offset(1)?, Flags::Added { left: old.clone(), right: one, bits, carry: false })
            }
            Operation::Decrement => (
                old.offset(-1)?,
                Flags::Compared { left: old.clone(), right: one, bits, carry: false },
            ),
            Operation::Negate => (
                old.times(-1)?,
                Flags::Compared { left: Linear::default(), right: old.clone(), bits, carry: true },
            ),
            _ => return self.complement(&old, bits),
        };
        Some(Results { flags, ..self.result(&value, bits) })
    }

    pub(super) fn multiply(&mut self, bits: u32) -> Option<Results> {
        let at = self.inst.operands.len().checked_sub(2)?;
        let left = self.source(at, bits)?;
        let right = self.source(at + 1, bits)?;
        let value = match (left.as_constant(), right.as_constant()) {
            (_, Some(factor)) => left.times(i128::from(factor as i64))?,
            (Some(factor), None) => right.times(i128::from(factor as i64))?,
            (None, None) => return None,
        };
        Some(self.result(&value, bits))
    }

    /// Where it faults, nothing follows.
    pub(super) fn divide(&mut self) -> Option<Results> {
        let division = division::of_instruction(self.inst, self.state, self.world)?;
        let (quotient_in, rest_in, bits) = division.places()?;
        let (quotient, rest) = division.results(self.state, self.world)?;
        let mut registers = Vec::new();
        for (reg, value) in [(quotient_in, quotient), (rest_in, rest)] {
            let reg = Reg::Physical(reg);
            registers.push((reg, written(reg, bits, &value, self.state, self.world)));
        }
        Some(Results { registers, ..Results::default() })
    }

    /// -1 or 0: how often 2^bits is contained in the number with sign.
    pub(super) fn spread_sign(&mut self, bits: u32) -> Results {
        let value = self.state.content(Reg::Physical(gp::RAX), self.world);
        let value = self.state.signed(&value, bits, self.world);
        let sign = self.state.quotient(&value, bits, self.world);
        let high = Reg::Physical(gp::RDX);
        let sign = written(high, bits, &sign, self.state, self.world);
        Results { registers: vec![(high, sign)], keeps_flags: true, ..Results::default() }
    }
}
