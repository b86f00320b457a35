//! The list of passes, in order. [`Step`] is the same list for the program: dumps, timing and tests
//! hang off it, as [`Observer`]s.
//!
//! | step | module | from | to |
//! |---|---|---|---|
//! | parse | `syntax` | `TokenStream` | `ast::File` |
//! | expand | `expand` | `ast::File` | `ir::Function` per version |
//! | bind | `passes` | `Function` | `Function` |
//! | analyze | `analysis` | `&Function` | `Facts`, diagnostics |
//! | allocate | `regalloc` | `&Function`, `&Facts` | `Allocation`, and with `#[spill]` a `Function` |
//! | lower | `frame` | `Function`, `Facts`, `Allocation` | `Lowered` |
//! | check | `check` | `&Function`, `&Lowered` | accepted or refused |
//! | sandbox | `sandbox` | `Lowered` | `Lowered`, where the convention has a sandbox |
//! | encode | `encode` | `&Lowered` | `Encoded` |
//! | verify | `encode::verify` | `&Lowered`, `&Encoded` | accepted or refused (feature `decoder`) |
//! | emit | `emit` | `Program`, `Encoded` | Rust items, objects, listings |

mod steps;

pub use crate::compiled::{Compilation, CompiledFunction, CompiledGroup};
pub use crate::target::Target;
pub use steps::{Observer, State, Step};

use crate::analysis::{TooLong, Usage};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, REPORT_IT};
use crate::expand::{KernelGroup, Program};
use crate::ir::Function;
#[cfg(feature = "decoder")]
use crate::sandbox;
use crate::{analysis, check, encode, expand, frame, passes, regalloc, syntax};
#[cfg(feature = "decoder")]
use crate::{encode::Encoded, ir::Lowered};
use proc_macro2::TokenStream;

/// Compiles the contents of a `peach_fn!` for a target, or for a convention alone.
pub fn compile(tokens: TokenStream, target: impl Into<Target>) -> Compilation {
    compile_observed(tokens, target, &mut ())
}

/// Like [`compile`], but reports each step to `observer`.
pub fn compile_observed(
    tokens: TokenStream,
    target: impl Into<Target>,
    observer: &mut dyn Observer,
) -> Compilation {
    let mut diagnostics = Diagnostics::new();
    let file = syntax::parse(tokens, &mut diagnostics);
    observer.after(Step::Parse, State::File(&file));
    let program = expand::expand(&file, target.into(), &mut diagnostics);
    observer.after(Step::Expand, State::Program(&program));
    let mut usage = Usage::default();
    let mut kernels = Vec::with_capacity(program.kernels.len());
    for group in program.kernels {
        kernels.push(compile_group(group, &mut usage, &mut diagnostics, observer));
    }
    report_what_is_missing(&kernels, &mut diagnostics);
    // What an erroneous statement would have used may look unused.
    if !diagnostics.has_errors() {
        usage.report(&mut diagnostics);
    }
    diagnostics.put_in_order();
    let Program { fallbacks, unsafe_helpers, .. } = program;
    Compilation { kernels, fallbacks, unsafe_helpers, diagnostics }
}

/// A kernel without code, for which no error was reported, is a bug in peach.
fn report_what_is_missing(kernels: &[CompiledGroup], diagnostics: &mut Diagnostics) {
    if diagnostics.has_errors() {
        return;
    }
    for group in kernels.iter().filter(|group| group.source.has_errors) {
        let name = &group.source.decl.signature.name;
        let message = format!("the kernel `{name}` was abandoned without an error");
        diagnostics.push(Diagnostic::new(Code::Internal, name.span(), message).note(REPORT_IT));
    }
}

fn compile_group(
    mut source: KernelGroup,
    usage: &mut Usage,
    diagnostics: &mut Diagnostics,
    observer: &mut dyn Observer,
) -> CompiledGroup {
    let mut versions = Vec::new();
    for version in std::mem::take(&mut source.versions) {
        match compile_function(version.function, usage, diagnostics, observer) {
            Some(compiled) => versions.push(compiled),
            None => source.has_errors = true,
        }
    }
    let mut inlined = None;
    if let Some(function) = source.inlined.take().filter(|_| !source.has_errors) {
        inlined = compile_function(function, usage, diagnostics, observer);
        source.has_errors = inlined.is_none();
        let large = inlined.as_ref().filter(|inlined| inlined.encoded.code_len > LARGE_INLINE);
        large.into_iter().for_each(|large| diagnostics.push(large_inline(large)));
    }
    if source.has_errors {
        versions.clear();
    }
    CompiledGroup { source, versions, inlined }
}

/// Longer code is warned about where it stands in its callers.
const LARGE_INLINE: usize = 512;

fn large_inline(compiled: &CompiledFunction) -> Diagnostic {
    let function = &compiled.function;
    let (name, bytes) = (&function.name, compiled.encoded.code_len);
    let message = format!("the code of `{name}` has {bytes} bytes in every caller");
    Diagnostic::new(Code::LargeInline, function.span, message)
        .note(format!(
            "code of more than {LARGE_INLINE} bytes costs caches more than a call costs time"
        ))
        .help("remove `#[embed = \"inline\"]`: a call of `\"text\"` costs about a nanosecond")
}

/// Takes one function over virtual registers to bytes, and notes in `usage` what it uses. `None` if
/// `diagnostics` got an error. Reports each step to `observer`; `&mut ()` observes nothing.
pub fn compile_function(
    mut function: Function,
    usage: &mut Usage,
    diagnostics: &mut Diagnostics,
    observer: &mut dyn Observer,
) -> Option<CompiledFunction> {
    passes::bind_arguments(&mut function);
    if function.options.inlined {
        passes::results_in_place(&mut function);
    }
    observer.after(Step::Bind, State::Function(&function));
    let facts = analysis::Facts::of(&function);
    observer.after(Step::Analyze, State::Facts(&function, &facts));
    if facts.liveness.is_incomplete {
        diagnostics.push(analysis::too_large(&function));
        return None;
    }
    let errors_before = diagnostics.error_count();
    match analysis::Uses::of(&function, &facts) {
        Ok(uses) if uses.written_out().1.liveness.is_incomplete => {
            diagnostics.push(analysis::too_large(&function));
        }
        Ok(uses) => analysis::verify(&uses, diagnostics),
        Err(TooLong) => diagnostics.push(too_long(&function)),
    }
    #[cfg(feature = "decoder")]
    sandbox::verify(&function, &facts, diagnostics);
    usage.note(&function, &facts);
    if diagnostics.error_count() > errors_before {
        return None;
    }
    let facts = match passes::drop_ghosts(&mut function) {
        true => analysis::Facts::of(&function),
        false => facts,
    };
    let (spilled, allocation) = match regalloc::allocate_or_spill(&function, &facts) {
        Ok(found) => found,
        Err(failure) => {
            diagnostics.push(failure.diagnostic);
            return None;
        }
    };
    let allocated = spilled.as_ref().map_or(&function, |spilled| &spilled.function);
    observer.after(Step::Allocate, State::Allocation(allocated, &allocation));
    let lowered = match &spilled {
        None => frame::lower(&function, &facts, &allocation),
        Some(spilled) => {
            let mut lowered = frame::lower(&spilled.function, &spilled.facts, &allocation);
            spilled.attribute(&mut lowered);
            lowered
        }
    };
    observer.after(Step::Lower, State::Lowered(&function, &lowered));
    if let Err(refusal) = check::check(&function, &facts.effects, &lowered) {
        diagnostics.push(bug(&function, "allocation", &refusal.message));
        return None;
    }
    observer.after(Step::Check, State::Lowered(&function, &lowered));
    #[cfg(feature = "decoder")]
    let lowered = sandbox::sandboxed(lowered, &function.features);
    let lowered = match function.options.inlined {
        true => passes::fall_through(lowered),
        false => lowered,
    };
    observer.after(Step::Sandbox, State::Lowered(&function, &lowered));
    let encoded = encode::encode(&lowered, &function.features, diagnostics)?;
    let mut registers = allocation.regs;
    registers.truncate(function.vregs.len());
    let compiled = CompiledFunction { function, registers, lowered, encoded };
    observer.after(Step::Encode, State::Encoded(&compiled));
    #[cfg(feature = "decoder")]
    if let Err(difference) = verify_bytes(&compiled.lowered, &compiled.encoded) {
        diagnostics.push(bug(&compiled.function, "code", &difference));
        return None;
    }
    #[cfg(feature = "decoder")]
    observer.after(Step::Verify, State::Encoded(&compiled));
    Some(compiled)
}

/// The uses of local functions multiply.
fn too_long(function: &Function) -> Diagnostic {
    let message = format!("the local functions of `{}` are used too often", function.name);
    Diagnostic::new(Code::TooLarge, function.span, message)
        .note(format!(
            "every use is proven by itself, with those within it: together they have more than {} \
             instructions",
            analysis::MOST_INLINED
        ))
        .help("let local functions call fewer others")
}

/// The error of a step that failed its check.
fn bug(function: &Function, what: &str, difference: &str) -> Diagnostic {
    let message = format!("the {what} of `{}` is wrong: {difference}", function.name);
    Diagnostic::new(Code::Internal, function.span, message).note(REPORT_IT)
}

/// Decodes the code again: is it what was meant, and what its sandbox accepts?
#[cfg(feature = "decoder")]
fn verify_bytes(lowered: &Lowered, encoded: &Encoded) -> Result<(), String> {
    encode::verify(lowered, encoded)?;
    match lowered.convention.sandbox {
        Some(_) => sandbox::validate(&encoded.bytes[..encoded.code_len])
            .map_err(|violation| violation.to_string()),
        None => Ok(()),
    }
}
