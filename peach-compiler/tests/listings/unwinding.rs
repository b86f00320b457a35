//! What unwinders read of a listing is what they read of our own object files.

use super::assemblers::{self, Answer, Assembler, scratch};
use super::kernels::{KERNELS, module};
use object::{Object, ObjectSection};
use peach_compiler::abi::{ImageFormat, SYSV64, WIN64};
use peach_compiler::emit::{Module, objects};
use std::process::Command;

fn ours(module: &Module, format: ImageFormat) -> Vec<u8> {
    objects::write(module, &objects::Options::new(format)).expect("an object file")
}

fn theirs(assembler: Assembler, module: &Module) -> Vec<u8> {
    match assembler.assemble(&assembler.listing(module, None)) {
        Answer::Object(object) => object,
        Answer::Errors(errors) => panic!("{errors:?}"),
    }
}

/// The rules of every function by `readelf`: places counted from the function's start.
fn rules(object: &[u8]) -> Vec<Vec<String>> {
    let directory = scratch();
    let path = directory.join("rules.o");
    std::fs::write(&path, object).expect("a scratch file");
    let output = Command::new("readelf").arg("-wF").arg(&path).output().expect("readelf runs");
    let _ = std::fs::remove_dir_all(&directory);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut functions: Vec<Vec<String>> = Vec::new();
    let mut start = 0;
    let number = |text: &str| u64::from_str_radix(text, 16).expect("a hexadecimal number");
    for line in text.lines() {
        if let Some((_, range)) = line.split_once("pc=") {
            let (first, end) = range.split_once("..").expect("a range");
            start = number(first);
            functions.push(vec![format!("{:x} bytes", number(end.trim()) - start)]);
        } else if let Some((place, rule)) = line.split_once(' ')
            && place.len() == 16
            && let Some(function) = functions.last_mut()
        {
            let columns: Vec<&str> = rule.split_whitespace().collect();
            // clang repeats the rules on entry, which are common to all.
            let is_entry = columns.iter().all(|rule| ["rsp+8", "u", "c-8"].contains(rule));
            if is_entry && number(place) == start {
                continue;
            }
            function.push(format!("{:x} {}", number(place) - start, columns.join(" ")));
        }
    }
    functions
}

#[test]
fn dwarf_rules_are_those_of_our_objects() {
    let module = module(KERNELS, &SYSV64);
    let expected = rules(&ours(&module, ImageFormat::Elf));
    assert_eq!(expected.len(), module.functions.len());
    assert!(expected.iter().any(|rules| rules.len() > 5), "{expected:#?}");
    for assembler in [assemblers::GNU, assemblers::CLANG] {
        if assembler.is_available() {
            assert_eq!(rules(&theirs(assembler, &module)), expected, "{}", assembler.name());
        }
    }
}

/// The `UNWIND_INFO` of every function that has one, in the order of the functions.
fn unwind_information(object: &[u8]) -> Vec<Vec<u8>> {
    let file = object::File::parse(object).expect("an object file");
    let mut found = Vec::new();
    for table in file.sections().filter(|s| s.name().is_ok_and(|name| name.starts_with(".pdata"))) {
        let entries = table.data().expect("data");
        let relocations: Vec<(u64, object::Relocation)> = table.relocations().collect();
        let field = |at: u64| {
            let (_, relocation) =
                relocations.iter().find(|(offset, _)| *offset == at).expect("a relocation");
            let object::RelocationTarget::Symbol(index) = relocation.target() else {
                panic!("a symbol")
            };
            let symbol = file.symbol_by_index(index).expect("a symbol");
            let bytes = entries[at as usize..at as usize + 4].try_into().expect("four bytes");
            let place =
                object::ObjectSymbol::address(&symbol) + u64::from(u32::from_le_bytes(bytes));
            (object::ObjectSymbol::section_index(&symbol).expect("a section"), place)
        };
        for at in (0..entries.len() as u64).step_by(12) {
            let (_, start) = field(at);
            let (section, place) = field(at + 8);
            let section = file.section_by_index(section).expect("a section");
            let info = &section.data().expect("data")[place as usize..];
            let length = 4 + 2 * usize::from(info[2]).next_multiple_of(2);
            found.push((start, info[..length].to_vec()));
        }
    }
    found.sort();
    found.into_iter().map(|(_, info)| info).collect()
}

#[test]
fn windows_tables_are_those_of_our_objects() {
    let module = module(KERNELS, &WIN64);
    let expected = unwind_information(&ours(&module, ImageFormat::MsCoff));
    assert!(expected.len() > 1);
    for assembler in [assemblers::MINGW, assemblers::CLANG_COFF] {
        if assembler.is_available() {
            let found = unwind_information(&theirs(assembler, &module));
            assert_eq!(found, expected, "{}", assembler.name());
        }
    }
}
