//! C and C++ headers.
//!
//! In: a [`Module`]. Out: a header that compiles by itself, in C from C99 and in C++ from C++11 on:
//! includes as far as they are due, a prototype for every kernel with its documentation.
//! Fails: E0605 for a convention that C has no attribute for.
//!
//! Types are those of [`types`](super::types). A pair is a structure `NAME_result`. The
//! convention's attribute is behind a macro that is empty where the convention is the platform's
//! own.

use super::prototype::{Declared, Prototype, comment_text};
use super::types::{CType, convention_macro};
use crate::diagnostics::Diagnostics;
use crate::emit::Module;
use std::fmt::Write;

/// The header of a module.
pub fn header(module: &Module, diagnostics: &mut Diagnostics) -> String {
    let declared = Declared::all(module, diagnostics);
    let mut text = title(module) + "#pragma once\n\n";
    let prototypes: Vec<&Prototype<'_>> =
        declared.iter().flat_map(|declared| declared.prototypes()).collect();
    declare(&mut text, module, &prototypes, |text| {
        prototypes.iter().for_each(|prototype| prototype.write(module, text));
    });
    text
}

/// By whom a file was made, and of what.
pub(super) fn title(module: &Module) -> String {
    let source = comment_text(&module.source);
    format!("/* Made by peach {} from {source} */\n\n", env!("CARGO_PKG_VERSION"))
}

/// Writes what `prototypes` include and use, and, as C, what `write` writes of them.
pub(super) fn declare(
    text: &mut String,
    module: &Module,
    prototypes: &[&Prototype<'_>],
    write: impl FnOnce(&mut String),
) {
    includes(text, prototypes);
    macros(text, module, prototypes);
    let has_bool = has_bool(prototypes);
    if has_bool {
        let quiet = "#pragma clang diagnostic push\n\
                     #pragma clang diagnostic ignored \"-Wc99-extensions\"\n";
        let _ = writeln!(text, "{C89_CLANG}\n{quiet}#endif\n");
    }
    text.push_str("#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    write(text);
    text.push_str("\n#ifdef __cplusplus\n}\n#endif\n");
    if has_bool {
        let _ = writeln!(text, "\n{C89_CLANG}\n#pragma clang diagnostic pop\n#endif");
    }
}

/// In C89 clang has `stdbool.h`, and complains of what it defines.
const C89_CLANG: &str =
    "#if defined(__clang__) && !defined(__cplusplus) && !defined(__STDC_VERSION__)";

fn has_bool(prototypes: &[&Prototype<'_>]) -> bool {
    let mut found = false;
    let mut see = |ty: &CType| found |= *ty == CType::Named("bool");
    prototypes.iter().for_each(|prototype| prototype.visit(&mut see));
    found
}

/// The headers that the types come from.
fn includes(text: &mut String, prototypes: &[&Prototype<'_>]) {
    type Header = (&'static str, fn(&str) -> bool);
    const HEADERS: [Header; 4] = [
        ("stdbool.h", |name| name == "bool"),
        ("stddef.h", |name| matches!(name, "size_t" | "ptrdiff_t")),
        ("stdint.h", |name| name.ends_with("_t") && !matches!(name, "size_t" | "ptrdiff_t")),
        ("immintrin.h", |name| name.starts_with("__m")),
    ];
    let mut due = [false; HEADERS.len()];
    let mut see = |ty: &CType| {
        let is_slice = matches!(ty, CType::Slice(..));
        let name = if let CType::Named(name) = ty { name } else { "" };
        for (due, (header, has)) in due.iter_mut().zip(HEADERS) {
            *due |= has(name) || is_slice && header == "stddef.h";
        }
    };
    prototypes.iter().for_each(|prototype| prototype.visit(&mut see));
    for (due, (header, _)) in due.iter().zip(HEADERS) {
        if *due {
            let _ = writeln!(text, "#include <{header}>");
        }
    }
    if due.contains(&true) {
        text.push('\n');
    }
}

/// Macros, as far as the prototypes use them.
fn macros(text: &mut String, module: &Module, prototypes: &[&Prototype<'_>]) {
    let mut used: Vec<&str> = prototypes.iter().filter_map(|p| p.convention(module)).collect();
    let mut wide = false;
    for prototype in prototypes {
        prototype.visit(&mut |ty| match ty {
            CType::Function { abi: Some(abi), .. } => used.extend(convention_macro(abi)),
            CType::Named(name) => wide |= name.ends_with("int128"),
            _ => {}
        });
    }
    for (name, attribute, own) in [
        ("PEACH_MS_ABI", "ms_abi", "defined(_WIN32) || defined(__CYGWIN__)"),
        ("PEACH_SYSV_ABI", "sysv_abi", "!defined(_WIN32) && !defined(__CYGWIN__)"),
    ] {
        if used.contains(&name) {
            let _ = writeln!(
                text,
                "#ifndef {name}\n#if {own}\n#define {name}\n#else\n\
                 #define {name} __attribute__(({attribute}))\n#endif\n#endif\n"
            );
        }
    }
    if wide {
        text.push_str(
            "#if defined(__SIZEOF_INT128__) && !defined(PEACH_INT128)\n#define PEACH_INT128\n\
             __extension__ typedef __int128 peach_int128;\n\
             __extension__ typedef unsigned __int128 peach_uint128;\n#endif\n\n",
        );
    }
    if prototypes.iter().any(|prototype| prototype.is_renamed()) {
        text.push_str(
            "#ifndef PEACH_SYMBOL\n#define PEACH_STRING_OF(text) #text\n\
             #define PEACH_STRING(text) PEACH_STRING_OF(text)\n\
             #define PEACH_SYMBOL(name) __asm__(PEACH_STRING(__USER_LABEL_PREFIX__) name)\n\
             #endif\n\n",
        );
    }
}
