//! What compilation makes: kernels, their versions, and all that was reported.

use crate::diagnostics::Diagnostics;
use crate::encode::Encoded;
use crate::expand::{KernelGroup, LoneFallback};
use crate::ir::{Function, Lowered};
use crate::isa::PhysReg;
use proc_macro2::Span;

/// Everything that one `peach_fn!` compiles to.
#[derive(Debug)]
pub struct Compilation {
    /// One per function: those of one name have different `#[cfg]`s.
    pub kernels: Vec<CompiledGroup>,
    /// What stands in for kernels that have a `#[cfg]`, where none of a name exists.
    pub fallbacks: Vec<LoneFallback>,
    /// The `unsafe` of every block in a helper.
    pub unsafe_helpers: Vec<Span>,
    /// The message for the user.
    pub diagnostics: Diagnostics,
}

/// A kernel with the code of its versions.
#[derive(Debug)]
pub struct CompiledGroup {
    /// Signature, attributes, fallback.
    pub source: KernelGroup,
    /// The code of each version, in the order of dispatch. Empty if any version is in error.
    pub versions: Vec<CompiledFunction>,
    /// The code that stands in callers, of `#[embed = "inline"]`; `None` if anything is in error.
    pub inlined: Option<CompiledFunction>,
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
