//! The answer to an editor: what its text compiles to.
//!
//! In: a request as JSON. Out: JSON. Both are the same whether the command answers or a browser's
//! own WebAssembly does.
//!
//! | request | |
//! |---|---|
//! | `text` | the kernels |
//! | `name` | the name of the file; one that ends in `.peach` is bare kernels |
//! | `abi`, `cpu` | as `-mabi` and `-mcpu` have them; missing or empty: the default |
//! | `cost` | a processor of [`CPUS`](crate::cost::CPUS), if costs of loops are wanted |
//! | `format` | one of [`FORMATS`], of which `show` is the listing alone |
//!
//! | answer | |
//! |---|---|
//! | `kernels` | of each version `title`, `html`; none where there are errors |
//! | `colors` | pairs of a line and its color |
//! | `messages` | `severity`, `code`, `text`, `from`, `to`, `labels`, `notes`, `help` |
//! | `output` | the text in the format that was asked for |
//!
//! Places are a line, counted from 1, and a column, counted from 0 in characters.
//!
//! Invariant: no file is read. Fails: never; what is wrong is a message.

use crate::cost::{CPUS, Costs, Predictor, Table};
use crate::page::{Colors, sections};
use crate::view::{self, Shown};
use peach_build::{Compiled, Error, Message, Platform, Request, compile_text};
use peach_compiler::abi::AssemblyFormat;
use peach_compiler::diagnostics::Severity;
use peach_compiler::emit::mangling::{Naming, Template};
use peach_compiler::emit::reports::json;
use peach_compiler::emit::{listings, reports};
use proc_macro2::LineColumn;
use serde_json::{Value, json};
use std::path::Path;

/// What an answer may hold beside the listing.
const FORMATS: [&str; 8] = ["show", "bytes", "gas", "nasm", "masm", "go", "header", "json"];

/// What `request` asks for, with costs by the table.
pub fn answer(request: &str) -> String {
    answer_with(request, &Table)
}

/// As [`answer`], with costs by `predictor`.
pub fn answer_with(request: &str, predictor: &dyn Predictor) -> String {
    let answer = match serde_json::from_str(request) {
        Ok(request) => respond(&request, predictor),
        Err(error) => failure(&format!("the request is not JSON: {error}")),
    };
    // Every text that was parsed is kept for its places until it is told that they are not needed.
    proc_macro2::extra::invalidate_current_thread_spans();
    answer.to_string()
}

fn respond(request: &Value, predictor: &dyn Predictor) -> Value {
    let text_of = |key: &str| request[key].as_str().filter(|text| !text.is_empty());
    let name = Path::new(text_of("name").unwrap_or("kernels"));
    let text = text_of("text").unwrap_or_default();
    let format = text_of("format").unwrap_or("show");
    if !FORMATS.contains(&format) {
        return failure(&format!("unknown format `{format}`; known: {}", FORMATS.join(", ")));
    }
    let cost = text_of("cost");
    if let Some(cpu) = cost.filter(|cpu| CPUS.iter().all(|(name, _)| name != cpu)) {
        let names: Vec<&str> = CPUS.iter().map(|(name, _)| *name).collect();
        return failure(&format!("no costs are known of `{cpu}`; known: {}", names.join(", ")));
    }
    let platform = match platform(text_of("abi"), text_of("cpu"), None) {
        Ok(platform) => platform,
        Err(error) => return failure(&error.to_string()),
    };
    match compile_text(name, text, &platform, &view::naming(), &mut ()) {
        Ok(compiled) => {
            let mut shown = view::all(&compiled);
            if let Some(cpu) = cost {
                for shown in &mut shown {
                    shown.costs = Some(Costs::of(&shown.anatomy, predictor, cpu));
                }
            }
            success(&compiled, &shown, text, &platform, format)
        }
        Err(Error::Source(report)) => json!({
            "kernels": [],
            "colors": [],
            "messages": report.messages().iter().map(message).collect::<Vec<Value>>(),
            "output": null,
        }),
        Err(error) => failure(&error.to_string()),
    }
}

fn platform(
    abi: Option<&str>,
    cpu: Option<&str>,
    format: Option<AssemblyFormat>,
) -> Result<Platform, Error> {
    Platform::new(&Request {
        abi: Some(abi.unwrap_or("sysv")),
        assembly_format: format.map(|format| format.flag()),
        cpu,
        ..Request::default()
    })
}

fn success(
    compiled: &Compiled,
    shown: &[Shown<'_>],
    text: &str,
    platform: &Platform,
    format: &str,
) -> Value {
    let colors = Colors::of(compiled, shown);
    let html = sections(compiled, shown, &colors);
    let titles: Vec<&str> = shown.iter().map(|shown| shown.title.as_str()).collect();
    let mut messages: Vec<Value> = compiled.warnings.messages().iter().map(message).collect();
    let output = match output(compiled, text, platform, format) {
        Ok(output) => Some(output),
        Err(Error::Source(report)) => {
            messages.extend(report.messages().iter().map(message));
            None
        }
        Err(error) => {
            messages.push(plain_message(&error.to_string()));
            None
        }
    };
    json!({
        "kernels": titles,
        "html": html,
        "colors": colors.iter().map(|(_, line, color)| [line, color]).collect::<Vec<_>>(),
        "messages": messages,
        "output": output,
    })
}

/// The text in a format. Versions get symbols of their own there.
fn output(
    compiled: &Compiled,
    text: &str,
    platform: &Platform,
    format: &str,
) -> Result<String, Error> {
    match format {
        "show" => return Ok(String::new()),
        "bytes" => return Ok(bytes(compiled)),
        _ => {}
    }
    let convention = platform.target.convention.flag;
    let listing_format = AssemblyFormat::parse(format);
    let platform = &self::platform(Some(convention), platform.cpu.as_deref(), listing_format)?;
    let has_versions = {
        let mut names: Vec<&str> = compiled
            .module
            .functions
            .iter()
            .map(|function| function.compiled.function.name.as_str())
            .collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    };
    let template = match has_versions {
        true => Template::of_versions(),
        false => Template::default(),
    };
    let naming = Naming { template, processor: platform.cpu.clone() };
    let path = Path::new(&compiled.module.source);
    let compiled = compile_text(path, text, platform, &naming, &mut ())?;
    match format {
        "header" => Ok(compiled.header()?.0),
        "json" => Ok(json::metadata(&compiled.module, platform.cpu.as_deref())),
        _ => listing(&compiled, text, platform),
    }
}

/// The bytes of each kernel, as `peach encode` writes them: hexadecimal digits, one row a line.
fn bytes(compiled: &Compiled) -> String {
    let mut out = String::new();
    for shown in view::all(compiled) {
        out.push_str(&format!("# {}\n", shown.title));
        for row in shown.anatomy.rows.iter().filter(|row| !row.bytes.is_empty()) {
            out.push_str(&peach_compiler::hex::hex(&row.bytes, ""));
            out.push('\n');
        }
    }
    out
}

fn listing(compiled: &Compiled, text: &str, platform: &Platform) -> Result<String, Error> {
    let format = platform.assembly_format;
    let Some(format) = listings::Format::of(format) else {
        return Err(Error::Usage(format!("there are no listings for {}", format.flag())));
    };
    let source = text.parse().ok().map(|tokens| reports::listing::Source::of(&tokens));
    let image = platform.image_format.unwrap_or(platform.native_image_format());
    let options = listings::Options { image, source: source.as_ref() };
    format.write(&compiled.module, &options).map_err(|problems| match compiled.judge(&problems) {
        Err(error) => error,
        Ok(_) => Error::Usage("the format refuses these kernels".to_string()),
    })
}

fn message(message: &Message) -> Value {
    let place = |place: LineColumn| json!([place.line, place.column]);
    let labels = message.labels.iter();
    let label = |(at, text): &(LineColumn, String)| json!({ "line": at.line, "text": text });
    json!({
        "severity": match message.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "code": message.code,
        "text": message.text,
        "from": place(message.start),
        "to": place(message.end),
        "labels": labels.map(label).collect::<Vec<Value>>(),
        "notes": message.notes,
        "help": message.help,
    })
}

/// A message about no place in particular.
fn plain_message(text: &str) -> Value {
    json!({
        "severity": "error", "code": "", "text": text, "from": null, "to": null,
        "labels": [], "notes": [], "help": null,
    })
}

fn failure(text: &str) -> Value {
    json!({ "kernels": [], "colors": [], "messages": [plain_message(text)], "output": null })
}
