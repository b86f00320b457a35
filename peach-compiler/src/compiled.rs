//! What compilation makes: kernels, their versions, and all that was reported.

use crate::diagnostics::Diagnostics;
use crate::encode::Encoded;
use crate::expand::KernelGroup;
use crate::ir::{Function, Lowered};
use crate::isa::PhysReg;
use proc_macro2::Span;

/// Everything that one `peach_fn!` compiles to.
#[derive(Debug)]
pub struct Compilation {
    /// One per kernel name.
    pub kernels: Vec<CompiledGroup>,
    /// The `unsafe` of every block in a helper.
    pub unsafe_helpers: Vec<Span>,
    /// What the author is told.
    pub diagnostics: Diagnostics,
}

/// A kernel with the code of its versions.
#[derive(Debug)]
pub struct CompiledGroup {
    /// Signature, attributes, fallback.
    pub source: KernelGroup,
    /// The code of each version, in the order of dispatch. Empty if any version is in error.
    pub versions: Vec<CompiledFunction>,
}

/// One version, from all stages.
#[derive(Clone, Debug)]
pub struct CompiledFunction {
    /// As written.
    pub function: Function,
    /// Where each of its virtual registers lives; `None` for one that nothing reads or writes, or
    /// that lives in memory ([`Frame::spilled`](crate::ir::Frame::spilled)).
    pub registers: Vec<Option<PhysReg>>,
    /// With physical registers.
    pub lowered: Lowered,
    /// As bytes.
    pub encoded: Encoded,
}
