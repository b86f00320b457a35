//! Expansion: compile-time evaluation of the kernel language, down to a flat list of instructions.
//!
//! Input: an [`ast::File`]. Output: one [`Function`] per kernel, version and convention. Constants,
//! `for`, `if`, `while`, helpers, streams and names are gone; every instruction has its forms
//! selected.

use crate::abi::Convention;
use crate::diagnostics::Diagnostics;
use crate::ir::Function;
use crate::syntax::ast;

/// All items of a `peach_fn!`, families instantiated, versions found, one group per kernel name.
#[derive(Debug)]
pub struct Program {
    /// In the order of the first kernel of each name.
    pub kernels: Vec<KernelGroup>,
}

/// Everything that carries one kernel name.
#[derive(Debug)]
pub struct KernelGroup {
    /// The kernel whose signature, visibility and attributes the generated items have: the first.
    pub decl: ast::Kernel,
    /// In source order: the order of dispatch. Empty where every version is in error.
    pub versions: Vec<VersionSource>,
    /// `#[fallback]`.
    pub fallback: Option<ast::Fallback>,
    /// Whether something in it was in error: its items are generated all the same, without code.
    pub has_errors: bool,
}

/// One version of a kernel.
#[derive(Debug)]
pub struct VersionSource {
    /// Its body over virtual registers.
    pub function: Function,
}

/// Expands every kernel of `file` for `native`, the convention of kernels that name none.
pub fn expand(
    _file: &ast::File,
    _native: &'static Convention,
    _diagnostics: &mut Diagnostics,
) -> Program {
    todo!()
}
