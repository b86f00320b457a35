//! `dword bcst [p]`: a broadcast whose count of lanes follows from the other operands. objdump
//! writes broadcasts so.

use super::errors::SelectError;
use super::select::select;
use crate::isa::{FeatureSet, Instruction, LANES_OPEN, Mem, Operand, Register};

/// The counts that can be written.
const COUNTS: [u8; 5] = [2, 4, 8, 16, 32];

/// Puts the count of lanes in the place of [`LANES_OPEN`].
///
/// # Errors
/// Where no count fits or several do.
pub fn count_lanes<R: Register>(inst: &mut Instruction<R>) -> Result<(), SelectError> {
    let is_open = |operand: &Operand<R>| {
        matches!(operand, Operand::Mem(Mem { broadcast: Some(LANES_OPEN), .. }))
    };
    let Some(operand) = inst.operands.iter().position(is_open) else { return Ok(()) };
    let mut fitting = Vec::new();
    for count in COUNTS {
        set_lanes(inst, operand, count);
        if select(inst, &FeatureSet::all()).is_ok() {
            fitting.push(count);
        }
    }
    let message = match fitting[..] {
        [only] => {
            set_lanes(inst, operand, only);
            return Ok(());
        }
        [] => "no form with these operands broadcasts an element of this size".to_string(),
        _ => {
            let words: Vec<String> = fitting.iter().map(|n| format!("`{{1to{n}}}`")).collect();
            format!("the number of lanes is ambiguous: write {} after it", words.join(" or "))
        }
    };
    Err(SelectError::BadDecoration { message, operand: Some(operand) })
}

fn set_lanes<R>(inst: &mut Instruction<R>, operand: usize, count: u8) {
    if let Operand::Mem(mem) = &mut inst.operands[operand] {
        mem.broadcast = Some(count);
    }
}
