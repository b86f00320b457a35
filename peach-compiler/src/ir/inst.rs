//! The steps of a function.

use super::ghost::Ghost;
use crate::diagnostics::Place;
use crate::ids::{ArgId, DataId, InlinedId, LabelId, LocalFnId, RustConstId};
use crate::isa::{Instruction, Operand, Reg, Selection, View};
use proc_macro2::Span;

/// One step of the program, with its source.
#[derive(Clone, Debug)]
pub struct Inst {
    /// What it does.
    pub op: Op,
    /// The tokens that stand for it: where errors point and listings link to.
    pub span: Span,
    /// The spans of its operands, as far as the user wrote them; may be shorter than the operands.
    pub operand_spans: Vec<Place>,
    /// Whether it is in `unsafe`.
    pub in_unsafe: bool,
    /// The innermost use of a helper that it comes from.
    pub inlined: Option<InlinedId>,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Op {
    /// A place that branches go to.
    Label(LabelId),
    /// An instruction, emitted as written.
    Machine(Machine),
    /// `a = b`: equal class; costs nothing where both get one register.
    Copy {
        /// Written.
        dst: View<Reg>,
        /// Read, lane by lane: an unwritten lane stays unwritten.
        src: View<Reg>,
    },
    /// `a = 7`: a general-purpose register gets a number, by the shortest instruction allowed here.
    SetImm {
        /// Written, in full.
        dst: View<Reg>,
        /// Fits the class, signed or unsigned.
        value: i128,
    },
    /// `a = undefined`: from here on the register has some value, which is the same at every read.
    /// No code: it is what happens to be there.
    Undefined {
        /// Written; in all lanes, if it is seen through its own class.
        dst: View<Reg>,
    },
    /// Loads one part of a parameter that did not arrive in a register (made by
    /// `passes::bind_arguments`). Writes the whole register [`Arg::vreg`](super::Arg::vreg) (all
    /// lanes of a vector register) and uses [`Arg::pointer`](super::Arg::pointer), if there is one.
    LoadArg {
        /// Which.
        arg: ArgId,
    },
    /// A local function is called, or its body begins or ends.
    Local(LocalOp, LocalFnId),
    /// Leaves the kernel with these values, one per component of the result.
    Return(Vec<ReturnValue>),
    /// Aligns what follows with multi-byte nops.
    Align(u32),
    /// For the proof of memory safety alone: no code, and no use of a register. Gone before
    /// registers are allocated ([`drop_ghosts`](crate::passes::drop_ghosts)).
    Ghost(Ghost),
    /// `db`: raw bytes.
    Bytes(Vec<u8>),
}

impl Op {
    /// The instruction, if it is one that is emitted as written.
    pub fn machine(&self) -> Option<&Machine> {
        if let Op::Machine(machine) = self { Some(machine) } else { None }
    }

    /// Whether it leaves the kernel for another function: `jmp sym path`.
    pub fn is_tail_call(&self) -> bool {
        self.machine().is_some_and(|machine| machine.inst.is_tail_call())
    }

    /// Destination and source, if it is a copy.
    pub fn copy(&self) -> Option<(View<Reg>, View<Reg>)> {
        if let Op::Copy { dst, src } = *self { Some((dst, src)) } else { None }
    }

    /// The local function that it calls, if it calls one.
    pub fn called(&self) -> Option<LocalFnId> {
        if let Op::Local(LocalOp::Call, id) = *self { Some(id) } else { None }
    }

    /// The local function whose body begins with it, if one does.
    pub fn entered(&self) -> Option<LocalFnId> {
        if let Op::Local(LocalOp::Entry, id) = *self { Some(id) } else { None }
    }

    /// The values that it returns, if it leaves the kernel.
    pub fn returned(&self) -> Option<&[ReturnValue]> {
        if let Op::Return(values) = self { Some(values) } else { None }
    }
}

/// What happens to a local function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalOp {
    /// It is called: nothing but the return address is pushed. Reads its parameters, writes its
    /// results; the physical registers that it changes have no value afterwards, nor have flags.
    Call,
    /// Its body begins, and what is before ends.
    Entry,
    /// Its body ends, and it returns.
    Return,
    /// A use of it begins or ends, where its body stands in the place of each use
    /// ([`Uses`](crate::analysis::Uses)). What it changes of physical registers has no value, nor
    /// have flags.
    Boundary,
}

/// A machine instruction, and where the source says that it may go.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The instruction.
    pub inst: Instruction<Reg>,
    /// `jmp r, CASES`: the jump table that lists the targets.
    pub targets: Option<DataId>,
    /// The forms that fit.
    pub selection: Selection,
}

/// A value as an operand of `return`.
#[derive(Clone, Debug, PartialEq)]
pub enum ReturnValue {
    /// A register.
    Reg(View<Reg>),
    /// An integer.
    Imm(i128),
    /// A float or vector constant in memory (`return 1.5;`).
    Data(DataId),
    /// A Rust constant.
    RustConst(RustConstId),
}

/// An operand over virtual registers; a shorthand for the many functions that take one.
pub type VirtualOperand = Operand<Reg>;
