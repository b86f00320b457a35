//! Metadata of kernels as JSON.
//!
//! In: a [`Module`]. Out: an array with one object per function. The names that PeachPy's metadata
//! had mean what they meant there; types are C's.
//!
//! | key | value |
//! |---|---|
//! | `entry` | `"function"` |
//! | `name`, `symbol` | the kernel's name, and its symbol |
//! | `return` | type of the result |
//! | `arguments` | `name` and `type` of each; a slice is two |
//! | `arch`, `abi`, `uarch` | `x86-64`, the convention's title, the processor of `-mcpu` or `default` |
//! | `isa` | extensions that the instructions need, without those that others imply |
//! | `extensions` | extensions that the kernel may use, in the same way |
//! | `version`, `versions` | which of the kernel's versions it is, counted from 0, and how many the module has |
//! | `package` | the Go package of `-fpackage`, if there is one |
//! | `file`, `line` | where the source is |
//! | `code_size`, `constants_size`, `alignment` | in bytes |
//! | `instructions` | how many the code has |
//! | `clobbers` | what a call changes: registers, `flags`, `x87`, `memory` |
//! | `saved` | registers that the kernel saves and restores |
//! | `stack`, `red_zone` | bytes of stack below the return address; of these, bytes below the stack pointer |

use crate::emit::Module;
use crate::emit::mangling;
use crate::emit::module::ModuleFunction;
use crate::emit::reports::c::names;
use crate::emit::reports::c::types::CType;
use crate::frame::{Clobbers, clobbers};
use crate::ir::{Code, UnwindStep};
use crate::isa::{Bank, Class, FeatureSet, PhysReg, RegSet, register_name};
use serde_json::{Value, json};

/// The metadata of a module; `processor` as `-mcpu` names it.
pub fn metadata(module: &Module, processor: Option<&str>) -> String {
    let functions: Vec<Value> =
        module.functions.iter().map(|function| entry(module, function, processor)).collect();
    let mut text = format!("{:#}", Value::Array(functions));
    text.push('\n');
    text
}

fn entry(module: &Module, function: &ModuleFunction, processor: Option<&str>) -> Value {
    let compiled = &function.compiled;
    let encoded = &compiled.encoded;
    let name = &compiled.function.name;
    let versions: Vec<&ModuleFunction> =
        module.functions.iter().filter(|other| other.compiled.function.name == *name).collect();
    let version = versions.iter().position(|other| std::ptr::eq(*other, function));
    let is_instruction = |item: &&crate::ir::Item| matches!(item.code, Code::Inst(_));
    let mut entry = json!({
        "entry": "function",
        "name": name,
        "symbol": function.symbol,
        "weak": function.own_symbol().is_weak,
        "aliases": function.aliases().map(|alias| alias.name).collect::<Vec<_>>(),
        "return": CType::of(&function.decl.signature.result.tokens).name(),
        "arguments": arguments(function),
        "arch": "x86-64",
        "abi": function.convention().title,
        "uarch": processor.unwrap_or("default"),
        "isa": names(&mangling::needed(compiled)),
        "extensions": names(function.features()),
        "version": version,
        "versions": versions.len(),
        "file": module.file_of(compiled.function.span),
        "line": compiled.function.span.start().line,
        "code_size": encoded.code_len,
        "constants_size": constants_size(function),
        "alignment": encoded.align,
        "instructions": compiled.lowered.items.iter().filter(is_instruction).count(),
        "clobbers": clobbered(function),
        "saved": saved(function),
        "stack": stack_bytes(function),
        "red_zone": red_zone_bytes(function),
    });
    if let Some(package) = &module.package {
        entry["package"] = json!(package);
    }
    entry
}

/// Names and types; a slice is a pointer and a length.
fn arguments(function: &ModuleFunction) -> Vec<Value> {
    let params = &function.decl.signature.params;
    let mut arguments = Vec::new();
    for (param, name) in params.iter().zip(names::written_params(params)) {
        let ty = CType::of(&param.ty.tokens);
        match (name.len, &ty) {
            (Some(len), CType::Slice(..)) => {
                arguments.push(json!({ "name": name.value, "type": ty.name() }));
                arguments.push(json!({ "name": len, "type": "size_t" }));
            }
            _ => arguments.push(json!({ "name": name.value, "type": ty.name() })),
        }
    }
    arguments
}

fn names(features: &FeatureSet) -> Vec<&'static str> {
    features.minified().into_iter().map(|feature| feature.name()).collect()
}

/// Bytes after the code that hold constants, without what is between them.
fn constants_size(function: &ModuleFunction) -> usize {
    let encoded = &function.compiled.encoded;
    let data = function.compiled.lowered.data.iter().zip(&encoded.data_offsets);
    let mut places: Vec<(u32, u32)> = data
        .filter(|(_, offset)| **offset != u32::MAX)
        .map(|(data, offset)| (*offset, *offset + data.content.len() as u32))
        .collect();
    places.sort_unstable();
    let mut end = 0;
    let mut size = 0;
    for (start, stop) in places {
        size += stop.saturating_sub(start.max(end));
        end = end.max(stop);
    }
    size as usize
}

fn clobbered(function: &ModuleFunction) -> Value {
    let clobbers: Clobbers =
        clobbers(&function.compiled.lowered, &function.compiled.function.features);
    let mut registers = Vec::new();
    let banks = [
        (clobbers.gp, Bank::Gp, Class::Gp64),
        (clobbers.vector, Bank::Vector, Class::Zmm),
        (clobbers.mask, Bank::Mask, Class::K),
        (clobbers.tile, Bank::Tile, Class::Tmm),
    ];
    for (set, bank, class) in banks {
        registers.extend(register_names(set, bank, class));
    }
    json!({
        "registers": registers,
        "flags": clobbers.flags,
        "x87": clobbers.x87,
        "memory": clobbers.writes_memory,
    })
}

fn register_names(set: RegSet, bank: Bank, class: Class) -> impl Iterator<Item = String> {
    set.iter()
        .map(move |num| register_name(PhysReg::new(bank, num), class))
        .collect::<Vec<_>>()
        .into_iter()
}

/// In the order of their saving.
fn saved(function: &ModuleFunction) -> Vec<String> {
    let name = |reg: PhysReg| match reg.bank {
        Bank::Gp => register_name(reg, Class::Gp64),
        _ => register_name(reg, Class::Xmm),
    };
    function.compiled.lowered.frame.saved.iter().map(|(reg, _)| name(*reg)).collect()
}

/// What the prologue takes below the return address, what lies below the stack pointer included.
/// What the user pushes, and what aligns a frame, is not.
fn stack_bytes(function: &ModuleFunction) -> u32 {
    let frame = &function.compiled.lowered.frame;
    let pushed = |(_, step): &&(usize, UnwindStep)| matches!(step, UnwindStep::Push { .. });
    frame.size + 8 * frame.steps.iter().filter(pushed).count() as u32 + red_zone_bytes(function)
}

/// Bytes below the stack pointer. (Conventions with a red zone have no shadow space to borrow.)
fn red_zone_bytes(function: &ModuleFunction) -> u32 {
    match function.convention().red_zone {
        0 => 0,
        _ => function.compiled.lowered.frame.borrowed,
    }
}
