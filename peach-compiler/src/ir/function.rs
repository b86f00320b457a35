//! A function over virtual registers: what expansion makes and every analysis reads.

use super::inst::Inst;
use super::signature::{Arg, ResultKind};
use super::tables::{Data, Inlined, LabelInfo, Local, LocalFn, RustConst, RustSym, VRegInfo};
use crate::abi::{ArgPlace, Convention, Placement};
use crate::ids::{
    ArgId, DataId, InlinedId, InstId, LabelId, LocalFnId, LocalId, RustConstId, RustSymId, VReg,
};
use crate::isa::{FeatureSet, PhysReg, Reg};
use proc_macro2::Span;

/// One version of one kernel for one convention, before allocation.
#[derive(Clone, Debug)]
pub struct Function {
    /// The kernel's name.
    pub name: String,
    /// The `name` token of the source.
    pub span: Span,
    /// The calling convention.
    pub convention: &'static Convention,
    /// Where arguments arrive and results leave.
    pub placement: Placement,
    /// The instruction-set extensions it may use, implied ones included.
    pub features: FeatureSet,
    /// What the attributes ask for.
    pub options: Options,
    /// Argument registers, in order; a slice or an `i128` has two.
    pub args: Vec<Arg>,
    /// The address of a result in memory ([`Placement::hidden_result`]): written at entry and read
    /// by every [`Op::Return`](super::Op::Return). Made by
    /// [`bind_arguments`](crate::passes::bind_arguments); `None` before.
    pub hidden_result: Option<VReg>,
    /// What the result type requires of `return`.
    pub result: ResultKind,
    /// The virtual registers.
    pub vregs: Vec<VRegInfo>,
    /// The labels.
    pub labels: Vec<LabelInfo>,
    /// Literals, tables and jump tables, in the order of their first use.
    pub data: Vec<Data>,
    /// Stack variables.
    pub locals: Vec<Local>,
    /// The local functions that it calls, each after those that it calls itself.
    pub local_fns: Vec<LocalFn>,
    /// The uses of helpers that were expanded, for debuggers; each after the one around it.
    pub inlined: Vec<Inlined>,
    /// `const { … }` expressions.
    pub rust_consts: Vec<RustConst>,
    /// `sym …` paths.
    pub rust_syms: Vec<RustSym>,
    /// The instructions, in order. Control flow is by labels. The bodies of the local functions, in
    /// their order, are last; each begins with [`LocalOp::Entry`](super::LocalOp::Entry).
    pub insts: Vec<Inst>,
}

impl Function {
    /// The instruction at `id`.
    pub fn inst(&self, id: InstId) -> &Inst {
        &self.insts[id.index()]
    }

    /// Where an argument arrives.
    pub fn arg_place(&self, arg: ArgId) -> ArgPlace {
        let arg = &self[arg];
        self.placement.args[arg.param][arg.part]
    }

    /// Whether `reg` holds the address of an argument that is passed by reference. No name of the
    /// user's is for it.
    pub fn is_passed_address(&self, reg: Reg) -> bool {
        let Reg::Virtual(vreg) = reg else { return false };
        self[vreg].temporary && self.args.iter().any(|arg| arg.pointer == Some(vreg))
    }

    /// What is in registers at entry: arguments, addresses of arguments passed by reference, and
    /// the address of the result. They are all written at once, before the first instruction.
    pub fn arriving(&self) -> Vec<(VReg, PhysReg)> {
        let mut list = Vec::new();
        for (index, arg) in self.args.iter().enumerate() {
            match (self.arg_place(ArgId(index as u32)), arg.pointer) {
                (ArgPlace::Reg(reg), _) => list.push((arg.vreg, reg)),
                (ArgPlace::Indirect { pointer, .. }, Some(vreg))
                    if !list.contains(&(vreg, pointer)) =>
                {
                    list.push((vreg, pointer));
                }
                _ => {}
            }
        }
        if let (Some(vreg), Some(reg)) = (self.hidden_result, self.placement.hidden_result) {
            list.push((vreg, reg));
        }
        list
    }
}

/// What a kernel's attributes ask of the stages after expansion.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `#[spill]`.
    pub spill: bool,
    /// `#[vzeroupper = false]`.
    pub no_vzeroupper: bool,
    /// `#[endbr64]`: the code starts with that instruction.
    pub endbr64: bool,
    /// The kernel is an `unsafe fn`: everything in it counts as inside `unsafe`.
    pub unsafe_fn: bool,
    /// The code may hold no absolute address: `#[embed = "text"]`, and object files.
    pub in_text: bool,
    /// It is the copy of an inlined kernel that can be called: mapped, or in text where it
    /// addresses Rust items.
    pub is_copy: bool,
    /// The caller reserves no shadow space for the kernel.
    pub without_shadow: bool,
    /// The code stands in its caller: control goes on behind it instead of returning.
    pub inlined: bool,
}

/// Looks up the tables of a function by typed index.
macro_rules! index_by {
    ($($id:ident $field:ident $item:ident)*) => {
        $(impl std::ops::Index<$id> for Function {
            type Output = $item;
            fn index(&self, id: $id) -> &$item {
                &self.$field[id.index()]
            }
        })*
    };
}

index_by! {
    VReg vregs VRegInfo
    LabelId labels LabelInfo
    DataId data Data
    LocalId locals Local
    LocalFnId local_fns LocalFn
    InlinedId inlined Inlined
    ArgId args Arg
    RustConstId rust_consts RustConst
    RustSymId rust_syms RustSym
    InstId insts Inst
}
