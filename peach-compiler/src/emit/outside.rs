//! What a kernel takes from the Rust program around it, where there is none.
//!
//! In: a compiled version. Out: its `const { … }` expressions as numbers, written into its bytes,
//! and the names of the items that it refers to by `sym`.
//! Invariant: of the patches, only addresses are left.
//! Fails: E0605 for an expression that only rustc can evaluate and for a path that has no symbol,
//! E0106 for a number that does not fit its field.

use crate::compiled::CompiledFunction;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::encode::{Patch, PatchValue};
use crate::expand;
use crate::ir::{DataContent, RustConst, RustSym, RustTable};
use proc_macro2::TokenTree;

/// The values of what a kernel takes from around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// By `RustConstId`.
    pub consts: Vec<i128>,
    /// By `RustSymId`: the last segment of the path, which is the item's name.
    pub symbols: Vec<String>,
}

/// Evaluates and names everything that `compiled` takes from around it, and completes its bytes.
/// `None` if `diagnostics` got an error.
pub fn resolve(compiled: &mut CompiledFunction, diagnostics: &mut Diagnostics) -> Option<Outside> {
    let errors_before = diagnostics.error_count();
    let lowered = &compiled.lowered;
    let consts = collect(&lowered.rust_consts, evaluate, diagnostics);
    let symbols = collect(&lowered.rust_syms, symbol, diagnostics);
    for data in &lowered.data {
        if let DataContent::Rust(table) = &data.content {
            diagnostics.push(table_of_rust(table));
        }
    }
    if diagnostics.error_count() > errors_before {
        return None;
    }
    for patch in std::mem::take(&mut compiled.encoded.patches) {
        match patch.value {
            PatchValue::Const(id, addend) => {
                let value = consts[id.index()] + i128::from(addend);
                let span = compiled.lowered.rust_consts[id.index()].span;
                match check(compiled, &patch, value) {
                    Ok(()) => write(compiled, &patch, value),
                    Err(message) => {
                        diagnostics.push(Diagnostic::new(Code::OutOfRange, span, message));
                    }
                }
            }
            PatchValue::Address(_) | PatchValue::Relative(_) | PatchValue::Memory(..) => {
                compiled.encoded.patches.push(patch);
            }
        }
    }
    (diagnostics.error_count() == errors_before).then_some(Outside { consts, symbols })
}

fn collect<T, U>(
    items: &[T],
    value: fn(&T) -> Result<U, Box<Diagnostic>>,
    diagnostics: &mut Diagnostics,
) -> Vec<U> {
    let mut values = Vec::with_capacity(items.len());
    for item in items {
        match value(item) {
            Ok(value) => values.push(value),
            Err(diagnostic) => diagnostics.push(*diagnostic),
        }
    }
    values
}

fn table_of_rust(table: &RustTable) -> Diagnostic {
    let message = format!("only rustc knows the elements of `const {{ {} }}`", table.tokens);
    Diagnostic::new(Code::NotOutsideRust, table.span, message)
        .note("this kernel is compiled without a Rust program around it")
        .help("write the elements, or compute them: `[a, b, …]`, `from_fn(|i| …)`, a `const fn`")
}

fn evaluate(constant: &RustConst) -> Result<i128, Box<Diagnostic>> {
    expand::integer(&constant.tokens).map_err(|why| {
        let message = format!("only rustc knows the value of `const {{ {} }}`", constant.tokens);
        Box::new(
            Diagnostic::new(Code::NotOutsideRust, constant.span, message)
                .label(why.place.first, why.message)
                .note(
                    "outside of a Rust program, only constant expressions of the language can be \
                    evaluated",
                )
                .help("write the number, or a constant of the kernels: `const NAME = …;`"),
        )
    })
}

/// The last segment of a path, if nothing but names and `::` make it up.
fn symbol(symbol: &RustSym) -> Result<String, Box<Diagnostic>> {
    let mut name = None;
    let mut is_path = true;
    for token in symbol.tokens.clone() {
        match token {
            TokenTree::Ident(ident) => name = Some(ident.to_string()),
            TokenTree::Punct(punct) if punct.as_char() == ':' => {}
            _ => is_path = false,
        }
    }
    match name {
        Some(name) if is_path => Ok(name.trim_start_matches("r#").to_string()),
        _ => {
            let message = format!("`{}` has no symbol outside of Rust", symbol.tokens);
            Err(Box::new(
                Diagnostic::new(Code::NotOutsideRust, symbol.span, message)
                    .note("the last segment of a plain path is used as the name of the symbol"),
            ))
        }
    }
}

fn check(compiled: &CompiledFunction, patch: &Patch, value: i128) -> Result<(), String> {
    let (min, max) = patch.range(&compiled.lowered, &compiled.encoded);
    if (min..=max).contains(&value) {
        return Ok(());
    }
    let bits = u32::from(patch.size) * 8;
    Err(format!("{value} does not fit its field of {bits} bits ({min} to {max})"))
}

fn write(compiled: &mut CompiledFunction, patch: &Patch, value: i128) {
    let start = patch.offset as usize;
    let size = usize::from(patch.size);
    compiled.encoded.bytes[start..start + size].copy_from_slice(&value.to_le_bytes()[..size]);
}
