//! What the compiler says of a source.

use peach_compiler::abi::{SYSV64, WIN64};
use peach_compiler::diagnostics::{Severity, render};
use peach_compiler::pipeline::compile;

/// The errors in the kernels of `source`, under both conventions.
pub fn errors(source: &str) -> Vec<String> {
    let mut told = Vec::new();
    for convention in [&SYSV64, &WIN64] {
        let compilation = compile(source.parse().expect("tokens"), convention);
        let errors = compilation.diagnostics.iter().filter(|d| d.severity() == Severity::Error);
        told.extend(errors.map(render::text));
    }
    told
}
