//! The source that chooses a version of each kernel when the program runs.
//!
//! In: a [`Module`] with a dispatcher. Out: C, from C89 on, that defines a function for each kernel
//! whose code depends on the processor.
//! Fails: as the header.
//!
//! With the GNU C library (and on FreeBSD) the function is an indirect one: the dynamic linker asks
//! once, and calls cost what a call of any function costs. Elsewhere the first call chooses, and
//! every call goes through a pointer. `PEACH_NO_IFUNC` asks for the latter.

use super::detection;
use super::header::{declare, title};
use super::prototype::{Choice, Declared, Prototype};
use super::types::CType;
use crate::diagnostics::Diagnostics;
use crate::emit::Module;
use crate::emit::mangling;
use crate::emit::module::ModuleFunction;
use crate::isa::{Feature, FeatureSet};
use std::fmt::Write;

/// Whether the program's loader resolves indirect functions. Sanitizers are not ready when it does.
const INDIRECT: &str = "\
#include <limits.h> /* says which C library it is */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) \\
    || __has_feature(memory_sanitizer)
#define PEACH_CPU_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PEACH_CPU_SANITIZED
#endif
#if defined(__ELF__) && (defined(__GLIBC__) || defined(__FreeBSD__)) && !defined(__cplusplus) \\
    && !defined(PEACH_NO_IFUNC) && !defined(PEACH_CPU_SANITIZED)
#define PEACH_CPU_INDIRECT
#endif
";

/// The source of the functions that choose.
pub fn dispatcher(module: &Module, diagnostics: &mut Diagnostics) -> String {
    let declared = Declared::all(module, diagnostics);
    let choices: Vec<&Choice<'_>> = declared
        .iter()
        .filter_map(|declared| match declared {
            Declared::Choice(choice) => Some(choice),
            Declared::Function(..) => None,
        })
        .collect();
    let mut text = title(module);
    if choices.is_empty() {
        text.push_str(
            "/* Every processor that the kernels are for runs the same code. */\n\
             typedef int peach_cpu_nothing_to_choose;\n",
        );
        return text;
    }
    text.push_str(INDIRECT);
    text.push('\n');
    text.push_str(&detection::detection(&needed(module, &choices)));
    text.push('\n');
    let prototypes: Vec<&Prototype<'_>> =
        choices.iter().flat_map(|choice| choice.chosen().chain(choice.choosers())).collect();
    declare(&mut text, module, &prototypes, |text| {
        declare_choices(text, module, &choices);
        for choice in &choices {
            text.push('\n');
            choice.chooser.guarded(text, |text| define(text, module, choice));
        }
    });
    text
}

/// Every extension that a choice depends on.
fn needed(module: &Module, choices: &[&Choice<'_>]) -> Vec<Feature> {
    let mut all = FeatureSet::default();
    for version in choices.iter().flat_map(|choice| &choice.versions) {
        conditions(module, version.function).into_iter().for_each(|feature| all.insert(feature));
    }
    let all: Vec<Feature> = all.iter().collect();
    all.into_iter().filter(|feature| !module.target.features.contains(*feature)).collect()
}

/// What the processor must have for a version, beyond what all have that the module is for.
fn conditions(module: &Module, version: &ModuleFunction) -> Vec<Feature> {
    let demanded = mangling::demanded(&version.compiled, &module.target);
    demanded.iter().filter(|feature| !module.target.features.contains(*feature)).collect()
}

/// Declares what is called, then what it is chosen from. The latter, and what is not `pub`, is no
/// other file's business: its addresses then need no loader, which may not have come to them when
/// it asks for a choice.
fn declare_choices(text: &mut String, module: &Module, choices: &[&Choice<'_>]) {
    let choosers = || choices.iter().flat_map(|choice| choice.choosers());
    let is_public = |chooser: &&Prototype<'_>| chooser.is_exported();
    choosers().filter(is_public).for_each(|chooser| chooser.write(module, text));
    text.push_str("\n#ifdef __ELF__\n#pragma GCC visibility push(hidden)\n#endif\n");
    choosers().filter(|one| !is_public(one)).for_each(|chooser| chooser.write(module, text));
    let chosen = choices.iter().flat_map(|choice| choice.chosen());
    chosen.for_each(|one| one.write(module, text));
    text.push_str("\n#ifdef __ELF__\n#pragma GCC visibility pop\n#endif\n");
}

/// The function that chooses, and the functions that the program calls.
fn define(text: &mut String, module: &Module, choice: &Choice<'_>) {
    let chooser = &choice.chooser;
    let name = &chooser.name;
    let attribute = chooser.convention(module).map_or(String::new(), |name| format!("{name} "));
    let types = chooser.params_named(|_| String::new(), |_, _| String::new());
    let pointer = chooser.declare(&format!("({attribute}*peach_cpu_type_{name})({types})"));
    let _ = writeln!(text, "typedef {pointer};\n");
    write_choice(text, module, choice);

    let _ = writeln!(text, "\n#ifdef PEACH_CPU_INDIRECT");
    for called in choice.choosers() {
        let declared = |name: &str| called.declare(&format!("{attribute}{name}({types})"));
        let ifunc = format!("ifunc(\"peach_cpu_choose_{name}\")");
        let called_name = &called.name;
        if !called.is_weak {
            let _ = writeln!(text, "{} __attribute__(({ifunc}));", declared(called_name));
            continue;
        }
        // An indirect function cannot be weak, but what else it is called can. (gcc 12 takes an
        // alias of a static one for the resolver.)
        let indirect = format!("peach_cpu_call_{called_name}");
        let hidden = format!("{ifunc}, visibility(\"hidden\")");
        let weak = format!("weak, alias(\"{indirect}\")");
        let _ = writeln!(text, "{} __attribute__(({hidden}));", declared(&indirect));
        let _ = writeln!(text, "{} __attribute__(({weak}));", declared(called_name));
    }
    let _ = writeln!(text, "#else");
    let _ = writeln!(text, "static peach_cpu_type_{name} volatile peach_cpu_chosen_{name};");
    for called in choice.choosers() {
        define_direct(text, name, &attribute, called);
    }
    text.push_str("#endif\n");
}

/// A function that goes through the pointer of the chooser `name`.
fn define_direct(text: &mut String, name: &str, attribute: &str, called: &Prototype<'_>) {
    let mut count = 0;
    let mut arguments = Vec::new();
    let params = called.params_named(
        |_| {
            count += 1;
            format!("x{count}")
        },
        |_, value| format!("{value}_len"),
    );
    for (number, (param, ty)) in (1..).zip(&called.params) {
        arguments.push(format!("x{number}"));
        if matches!(ty, CType::Slice(..)) && param.len.is_some() {
            arguments.push(format!("x{number}_len"));
        }
    }
    text.push('\n');
    if called.is_weak {
        let _ = writeln!(
            text,
            "#if defined(__GNUC__) || defined(__clang__)\n\
             __attribute__((weak))\n\
             #else\n\
             #error \"{}: this compiler has no weak functions\"\n\
             #endif",
            called.name
        );
    }
    if let Some(extension) = vector_extension(called) {
        let _ = writeln!(
            text,
            "#if defined(__GNUC__) || defined(__clang__)\n\
             __attribute__((target(\"{extension}\")))\n#endif"
        );
    }
    let _ = writeln!(text, "{}", called.declare(&format!("{attribute}{}({params})", called.name)));
    let _ = writeln!(
        text,
        "{{\n    peach_cpu_type_{name} chosen = PEACH_CPU_LOAD(peach_cpu_chosen_{name});"
    );
    let _ = writeln!(text, "    if (!chosen) {{\n        chosen = peach_cpu_choose_{name}();");
    let _ = writeln!(text, "        PEACH_CPU_STORE(peach_cpu_chosen_{name}, chosen);\n    }}");
    let returns = if called.result == CType::Void { "" } else { "return " };
    let _ = writeln!(text, "    {returns}chosen({});\n}}", arguments.join(", "));
}

/// The function that chooses: the first version that the processor has everything for.
fn write_choice(text: &mut String, module: &Module, choice: &Choice<'_>) {
    let name = &choice.chooser.name;
    let _ = writeln!(
        text,
        "PEACH_CPU_USED static peach_cpu_type_{name} peach_cpu_choose_{name}(void)\n{{"
    );
    let _ = writeln!(text, "    peach_cpu_detect();");
    for version in &choice.versions {
        let conditions = conditions(module, version.function);
        if conditions.is_empty() {
            let _ = writeln!(text, "    return {};\n}}", version.name);
            return;
        }
        let conditions: Vec<String> = conditions.into_iter().map(detection::macro_name).collect();
        let _ = writeln!(text, "    if ({})", conditions.join("\n        && "));
        let _ = writeln!(text, "        return {};", version.name);
    }
    let fallback = choice.fallback.as_ref().expect("one where every version has conditions");
    let _ = writeln!(text, "    return {};\n}}", fallback.name);
}

/// The extension that a compiler wants for vectors that are passed by value.
fn vector_extension(prototype: &Prototype<'_>) -> Option<&'static str> {
    let passed = prototype.params.iter().map(|(_, ty)| ty).chain([&prototype.result]);
    let has = |start: &str| {
        let is_such = |ty: &CType| matches!(ty, CType::Named(name) if name.starts_with(start));
        passed.clone().any(|ty| match ty {
            CType::Pair(a, b) => is_such(a) || is_such(b),
            ty => is_such(ty),
        })
    };
    match (has("__m512"), has("__m256")) {
        (true, _) => Some("avx512f"),
        (_, true) => Some("avx"),
        _ => None,
    }
}
