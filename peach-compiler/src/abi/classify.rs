//! Where each argument arrives and where the result leaves.

use super::Convention;
use crate::isa::PhysReg;

/// A value as a convention sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamType {
    /// An integer, pointer, `bool` or `char`.
    Int {
        /// 1, 2, 4 or 8.
        bytes: u32,
    },
    /// `f32` or `f64`.
    Float {
        /// 4 or 8.
        bytes: u32,
    },
    /// `__m128` and wider.
    Vector {
        /// 16, 32 or 64.
        bytes: u32,
    },
    /// `i128`, `u128`.
    Wide,
    /// A slice or `str`: a pointer and a length, each an argument of its own.
    Slice,
}

/// The result as a convention sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultType {
    /// `()`.
    Unit,
    /// One value. Not a slice.
    One(ParamType),
    /// A pair of integers or of floats, as a `repr(C)` struct of two fields.
    Pair(ParamType, ParamType),
}

/// Where the registers of a signature are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Per parameter, its parts (one; two for slices and `i128`).
    pub args: Vec<Vec<ArgPlace>>,
    /// The result.
    pub result: ResultPlace,
    /// Bytes of stack arguments, without shadow space.
    pub stack_bytes: u32,
    /// Where the address for a result in memory arrives.
    pub hidden_result: Option<PhysReg>,
}

/// Where one part of an argument arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgPlace {
    /// In a register.
    Reg(PhysReg),
    /// On the stack, `offset` bytes above the return address's end (`[rsp + 8 + offset]` on entry).
    Stack {
        /// In bytes; counts the shadow space.
        offset: u32,
    },
    /// In memory that a register points to.
    Indirect {
        /// Holds the address.
        pointer: PhysReg,
        /// Added to it (the high half of an `i128`).
        offset: u32,
    },
    /// In memory that a stack slot points to.
    StackIndirect {
        /// Where the address is.
        slot: u32,
        /// Added to the address.
        offset: u32,
    },
}

/// Where the result leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ResultPlace {
    /// Nowhere.
    #[default]
    Unit,
    /// Each component in a register of its own.
    Regs(Vec<PhysReg>),
    /// Both components packed in one register: the second one at `shift` bits.
    Packed {
        /// The register.
        reg: PhysReg,
        /// Where the second component starts.
        shift: u32,
    },
    /// Stored through the hidden pointer, each component at its offset; the pointer goes to `rax`.
    Memory {
        /// In bytes, per component.
        offsets: Vec<u32>,
    },
}

/// Places the parameters and the result of a signature.
pub fn place(_convention: &Convention, _params: &[ParamType], _result: ResultType) -> Placement {
    todo!()
}
