//! What the entry says of registers that are not vectors, and iced has coarser or otherwise than we
//! need it.
//!
//! In: a row with what iced says, and its entry. Out: the row, corrected.

use crate::isa::effects::entry::{Implicit, Output};
use crate::isa::effects::row::{Flow, Row};
use crate::isa::{Bank, Class, Flags, Lanes, Reach};
use iced_x86::OpCodeInfo;

/// Corrects destinations, implicit results and flags. `memory` is the operand that is memory.
pub(super) fn refine(
    op_code: &OpCodeInfo,
    classes: &[Option<Class>],
    memory: Option<usize>,
    row: &mut Row,
) {
    let bytes = op_code.memory_size().size() as u32;
    let has_32_bits = classes.first() == Some(&Some(Class::Gp32));
    if memory != Some(0)
        && let Some(dest) = row.operands.first_mut()
    {
        *dest = destination(row.entry.output, *dest, has_32_bits, bytes);
    }
    let clears_upper = match row.entry.implicit {
        Implicit::ThirtyTwoBits => true,
        Implicit::OperandSize => has_32_bits || (memory == Some(0) && bytes == 4),
        Implicit::AsEncoded
        | Implicit::Stored
        | Implicit::UpperHalvesZeroed
        | Implicit::VectorsZeroed
        | Implicit::MmxLoaded
        | Implicit::FxLoaded
        | Implicit::XsaveLoaded
        | Implicit::Leaf(_) => false,
    };
    if clears_upper {
        for access in row.implicit.iter_mut().filter(|access| access.reg.bank == Bank::Gp) {
            access.zeroed = access.write & Lanes::range(4, 4);
        }
    }
    // Whether those who run meanwhile bring the flags back is up to them.
    if row.reach == Reach::Machine {
        row.flags_may_write = Flags(row.flags_written.0 | Flags::STATUS.0);
        row.flags_written = Flags::default();
    }
}

/// What becomes of a register that is the destination, given what iced says. `bytes` is the size of
/// the memory that may stand for its source.
fn destination(output: Output, dest: Flow, has_32_bits: bool, bytes: u32) -> Flow {
    let all = dest.write | dest.may_write;
    match output {
        Output::UnlessZero | Output::UnlessAbsent => Flow { may_write: all, ..Flow::default() },
        Output::IfEqual => Flow { may_write: all, write: Lanes::NONE, zeroed: Lanes::NONE, ..dest },
        Output::IfCondition => {
            // The upper half of a 64-bit register is cleared even if nothing is moved.
            let cleared = if has_32_bits { Lanes::range(4, 4) } else { Lanes::NONE };
            let may_write = all - cleared;
            Flow { write: cleared, may_write, zeroed: cleared, ..Flow::default() }
        }
        Output::ZeroExtended => Flow { zeroed: dest.write - Lanes::low(bytes), ..dest },
        Output::Count => Flow { zeroed: dest.write - Lanes::low(1), ..dest },
        Output::AsEncoded
        | Output::Everything(_)
        | Output::Whole
        | Output::Low(_)
        | Output::Field
        | Output::Half(_)
        | Output::Element
        | Output::Narrowed(_)
        | Output::Scalar(..)
        | Output::Replaced
        | Output::Blended
        | Output::Indexed(_)
        | Output::Prefetched
        | Output::FromMask(_)
        | Output::Mask { .. }
        | Output::ShiftedMask(_) => dest,
    }
}
