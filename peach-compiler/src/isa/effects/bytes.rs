//! Which bytes of the sources each byte of a result depends on, where that is less than all.
//!
//! In: an instruction and its forms. Out: a [`ByteFlow`]. It refines [`Effects`](super::Effects),
//! which says what is read and written, but not what becomes of what.

use crate::isa::effects::entry::{Entry, Everything, Output, Scalar};
use crate::isa::effects::rows;
use crate::isa::{Bank, Instruction, Operand, Register, Selection};
use iced_x86::Mnemonic as Row;

/// How bytes of sources get to bytes of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteFlow {
    /// Every byte of the result may depend on every byte that is read.
    Mixed,
    /// Elements of so many bytes depend on the elements in their place, in each source. A mask and
    /// flags govern all of them.
    InPlace(u32),
}

/// `Mnemonic Mnemonic …`, as an array.
macro_rules! rows {
    ($($mnemonic:ident)+) => { &[$(Row::$mnemonic),+] };
}

/// Operations on bits, each of which depends on the bits in its place.
const BITWISE: &[Row] = rows! {
    And Andn Not Or Xor Pand Pandn Por Pxor Vpand Vpandd Vpandn Vpandnd Vpandnq Vpandq Vpcmov Vpor
    Vpord Vporq Vpternlogd Vpternlogq Vpxor Vpxord Vpxorq Andnps Andps Orps Xorps Vandnps Vandps
    Vorps Vxorps
};

/// Moves whose entries do not say that they are.
const MOVES: &[Row] = rows! {
    Kmovb Kmovd Kmovq Kmovw Mov Movdq2q Movnti Movq2dq Movzx Pop Push
};

/// Conditional moves: the flags govern all bytes.
const CONDITIONAL: &[Row] = rows! {
    Cmova Cmovae Cmovb Cmovbe Cmove Cmovg Cmovge Cmovl Cmovle Cmovne Cmovno Cmovnp Cmovns Cmovo
    Cmovp Cmovs
};

/// Moves of bytes to more than one place.
const BROADCASTS: &[Row] = rows! {
    Vbroadcastf128 Vbroadcastf32x2 Vbroadcastf32x4 Vbroadcastf32x8 Vbroadcastf64x2 Vbroadcastf64x4
    Vbroadcasti128 Vbroadcasti32x2 Vbroadcasti32x4 Vbroadcasti32x8 Vbroadcasti64x2 Vbroadcasti64x4
    Vpbroadcastd Vpbroadcastq
};

/// How bytes of sources get to the destination of `inst`.
pub fn byte_flow<R: Register>(inst: &Instruction<R>, selection: &Selection) -> ByteFlow {
    let row = inst.mnemonic.meaning().row;
    if [BITWISE, MOVES, CONDITIONAL].iter().any(|rows| rows.contains(&row)) {
        return ByteFlow::InPlace(1);
    }
    // Elements of a vector are single bits of a mask.
    let is_mask = |operand: &Operand<R>| match operand {
        Operand::Reg(view) => view.class.bank() == Bank::Mask,
        _ => false,
    };
    if BROADCASTS.contains(&row) || inst.operands.iter().any(is_mask) {
        return ByteFlow::Mixed;
    }
    let has_memory = inst.operands.iter().any(|operand| matches!(operand, Operand::Mem(_)));
    of_entry(rows::row(selection.forms()[0].opcode(), has_memory).entry)
}

fn of_entry(entry: &Entry) -> ByteFlow {
    match entry.output {
        Output::Everything(Everything::Moved)
        | Output::Element
        | Output::Scalar(_, Scalar::Move) => ByteFlow::InPlace(1),
        Output::Everything(Everything::Elementwise) if entry.element > 0 => {
            ByteFlow::InPlace(entry.element)
        }
        _ => ByteFlow::Mixed,
    }
}
