//! `peach show FILE [KERNEL]`: what kernels become, for reading.
//!
//! | what | module |
//! |---|---|
//! | one kernel as text, live ranges in columns | `text` |
//! | all of them as a page | `html` |

mod html;
mod text;

use crate::compile::platform;
use crate::messages;
use crate::options::Matches;
use crate::watch::Watch;
use peach_build::{Compiled, Error, Outputs};
use peach_compiler::emit::mangling::needed;
use peach_compiler::emit::module::ModuleFunction;
use peach_compiler::emit::reports::anatomy::Anatomy;
use peach_compiler::pipeline::{CompiledFunction, Target};
use std::path::Path;

/// A kernel's version, and all there is to see of it.
struct Shown<'c> {
    function: &'c ModuleFunction,
    /// The kernel's name and, where there are several versions, what tells this one apart.
    title: String,
    anatomy: Anatomy,
}

/// Shows the kernels of a file.
pub fn run(matches: &Matches) -> messages::Result {
    let platform = platform(matches)?;
    let file = matches.path("FILE").unwrap_or_default();
    let mangling = |compiled: &CompiledFunction| version_name(compiled);
    let mut watch = Watch::new(&[])?;
    let directories = matches.paths("-I");
    let result = peach_build::compile(&file, &platform, &directories, &mangling, &mut watch);
    watch.finish();
    let compiled = result?;
    let shown = choose(&compiled, matches.text("KERNEL"), &file)?;
    let page = match matches.has("--html") {
        true => html::page(&compiled, &shown, &platform),
        false => text::all(&shown, matches.has("--ascii")),
    };
    let mut outputs = Outputs::default();
    outputs.add(&matches.path("-o").unwrap_or("-".into()), page.into_bytes());
    outputs.write(compiled.inputs())?;
    Ok(compiled.warnings.clone())
}

/// Versions of one kernel must not have one symbol: their extensions tell them apart.
fn version_name(compiled: &CompiledFunction) -> String {
    let function = &compiled.function;
    let features: Vec<&str> = function.features.minified().iter().map(|f| f.name()).collect();
    match features[..] {
        [] => function.name.clone(),
        _ => format!("{} ({})", function.name, features.join(", ")),
    }
}

/// The kernel's name, and what it asks for beyond what the target has: it tells versions apart.
fn title(function: &ModuleFunction, target: &Target) -> String {
    let name = &function.compiled.function.name;
    let more: Vec<&str> =
        target.features.missing(*function.features()).iter().map(|f| f.name()).collect();
    if more.is_empty() { name.clone() } else { format!("{name} ({})", more.join(", ")) }
}

/// The kernels that are to be shown.
fn choose<'c>(
    compiled: &'c Compiled,
    name: Option<&str>,
    file: &Path,
) -> Result<Vec<Shown<'c>>, Error> {
    let all = &compiled.module.functions;
    let names = || all.iter().map(|function| function.compiled.function.name.as_str());
    let is_wanted = |function: &&ModuleFunction| {
        name.is_none_or(|name| name == function.compiled.function.name || name == function.symbol)
    };
    let shown: Vec<Shown<'_>> = all
        .iter()
        .filter(is_wanted)
        .map(|function| Shown {
            function,
            title: title(function, &compiled.module.target),
            anatomy: Anatomy::of(&function.compiled),
        })
        .collect();
    match (shown.is_empty(), name) {
        (true, Some(name)) => {
            let hint = match peach_build::nearest(name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
            };
            Err(Error::File(format!("{}: no kernel named `{name}`; {hint}", file.display())))
        }
        _ => Ok(shown),
    }
}

/// Lines that say in words what the listing does not show.
fn summary(shown: &Shown<'_>) -> Vec<(&'static str, String)> {
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
fn place(slot: &peach_compiler::emit::reports::anatomy::Slot) -> String {
    let base = slot.base.as_deref().unwrap_or("entry");
    let sign = if slot.offset < 0 { '-' } else { '+' };
    format!("[{base} {sign} {}]", slot.offset.unsigned_abs())
}
