//! The kernels of a compiled file, each with all there is to see of it.

use crate::cost::Costs;
use peach_build::Compiled;
use peach_compiler::emit::mangling::{Naming, Template, needed};
use peach_compiler::emit::module::ModuleFunction;
use peach_compiler::emit::reports::anatomy::{Anatomy, Slot};
use peach_compiler::pipeline::Target;

/// A kernel's version.
pub struct Shown<'c> {
    /// The version itself.
    pub function: &'c ModuleFunction,
    /// The kernel's name and, where there are several versions, what tells this one apart.
    pub title: String,
    /// Rows, live ranges, the stack.
    pub anatomy: Anatomy,
    /// What its loops cost, where that was asked for.
    pub costs: Option<Costs>,
}

/// All versions of all kernels, in source order.
pub fn all(compiled: &Compiled) -> Vec<Shown<'_>> {
    let functions = compiled.module.functions.iter();
    functions.map(|function| one(function, &compiled.module.target)).collect()
}

fn one<'c>(function: &'c ModuleFunction, target: &Target) -> Shown<'c> {
    let anatomy = Anatomy::of(&function.compiled);
    Shown { function, title: title(function, target), anatomy, costs: None }
}

/// Symbols for versions that are shown and not linked: no two are the same.
pub fn naming() -> Naming {
    let template = Template::parse("${Path}_${ISA}").expect("it is a template");
    Naming { template, processor: None }
}

/// Where the kernel is, and what it asks for beyond what the target has: it tells versions apart.
fn title(function: &ModuleFunction, target: &Target) -> String {
    let path = function.path();
    let more: Vec<&str> =
        target.features.missing(*function.features()).iter().map(|f| f.name()).collect();
    if more.is_empty() { path } else { format!("{path} ({})", more.join(", ")) }
}

/// Lines that say in words what the listing does not show.
pub fn summary(shown: &Shown<'_>) -> Vec<(&'static str, String)> {
    let function = &shown.function.compiled.function;
    let anatomy = &shown.anatomy;
    let needed = needed(&shown.function.compiled).minified();
    let extensions: Vec<&str> = needed.iter().map(|f| f.name()).collect();
    let list =
        |names: &[String]| if names.is_empty() { "nothing".to_string() } else { names.join(" ") };
    let mut lines = vec![
        ("convention", function.convention.title.to_string()),
        (
            "extensions",
            if extensions.is_empty() {
                "any x86-64 processor".to_string()
            } else {
                extensions.join(" ")
            },
        ),
        ("size", size(anatomy)),
        ("changes", list(&anatomy.clobbers)),
    ];
    if !anatomy.spilled.is_empty() {
        lines.push(("in memory", list(&anatomy.spilled)));
    }
    lines
}

fn size(anatomy: &Anatomy) -> String {
    let code = format!("{} bytes of code", anatomy.code_len);
    match anatomy.data_len {
        0 => code,
        data => format!("{code}, {data} bytes of constants"),
    }
}

/// `[rsp + 8]`, as far as names go: the place of a slot.
pub fn place(slot: &Slot) -> String {
    let base = slot.base.as_deref().unwrap_or("entry");
    let sign = if slot.offset < 0 { '-' } else { '+' };
    format!("[{base} {sign} {}]", slot.offset.unsigned_abs())
}
