//! Native Client: code for its sandbox is accepted by a validator of its published rules, does what
//! it should when it runs in such a sandbox, and is what the GNU assembler makes of the same text.

mod assembler;
mod corpus;
mod execution;
mod forms;
mod linked;
mod published;
mod rules;
mod unwinding;

use peach_compiler::abi::NACL;
use peach_compiler::pipeline::{CompiledFunction, compile};

/// The only kernel of `source`, compiled for Native Client. Whatever is compiled is validated.
fn kernel(source: &str) -> CompiledFunction {
    let tokens = source.parse().unwrap_or_else(|error| panic!("{error}: {source}"));
    let mut compilation = compile(tokens, &NACL);
    let told: Vec<String> = compilation
        .diagnostics
        .iter()
        .map(|d| format!("{}: {} {:?}", d.code.id(), d.message, d.notes))
        .collect();
    let version = compilation.kernels.pop().and_then(|mut group| group.versions.pop());
    version.unwrap_or_else(|| panic!("{source}: {told:#?}"))
}
