//! What Microsoft's debuggers read: LLVM's tools read it back, and the linker makes a PDB of it.

use crate::kernels;
use crate::support::{Workspace, module};
use peach_compiler::abi::{ImageFormat, WIN64};
use peach_compiler::emit::objects::{self, Sections};
use peach_testing::tools::{have, versioned};
use std::collections::BTreeSet;

fn prepared(name: &str, sections: Sections) -> Workspace {
    let space = Workspace::new(name);
    let kernels = module(&kernels::source("rcx"), &WIN64);
    let options = objects::Options {
        debug: true,
        sections,
        directory: Some("C:/kernels".to_string()),
        ..objects::Options::new(ImageFormat::MsCoff)
    };
    space.file("kernels.obj", objects::write(&kernels, &options).expect("an object file"));
    space
}

/// `line:column` at offsets of a function, as `llvm-readobj` says them of CodeView.
fn places(text: &str, function: &str) -> BTreeSet<(u32, u32, u32)> {
    let start = text.find(&format!("FunctionLineTable [\n    LinkageName: {function}\n"));
    let start = start.unwrap_or_else(|| panic!("lines of {function} in {text}"));
    let rest = &text[start..];
    let end = rest.find("\n  ]\n").unwrap_or(rest.len());
    let mut places = BTreeSet::new();
    let number = |line: &str, key: &str| -> Option<u32> {
        let value = line.trim().strip_prefix(key)?;
        let value = value.trim_end_matches(" [").trim();
        value
            .strip_prefix("0x")
            .map_or_else(|| value.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok())
    };
    let (mut offset, mut row) = (0, 0);
    for line in rest[..end].lines() {
        if let Some(at) = line.trim().strip_prefix('+').and_then(|at| at.strip_suffix(" [")) {
            offset = u32::from_str_radix(at.trim_start_matches("0x"), 16).expect("an offset");
        }
        if let Some(line) = number(line, "LineNumberStart:") {
            row = line;
        }
        if let Some(column) = number(line, "ColStart:") {
            places.insert((offset, row, column));
        }
    }
    places
}

#[test]
fn lines_are_those_of_dwarf() {
    let Some(readobj) = versioned("llvm-readobj") else { return };
    if !have(&["llvm-dwarfdump"]) {
        return;
    }
    let space = prepared("codeview_lines", Sections::One);
    let text = space.run(&format!("{readobj} --codeview kernels.obj"));
    assert!(text.contains("C:/kernels/kernels.peach"), "{text}");
    let dwarf = space.run("llvm-dwarfdump --debug-line kernels.obj");
    // Sequences are in the order of the functions; addresses count from the start of the code.
    let kernels = module(&kernels::source("rcx"), &WIN64);
    let rows: Vec<Vec<u32>> = dwarf
        .lines()
        .filter(|line| line.starts_with("0x"))
        .map(|line| {
            let mut words = line.split_whitespace();
            let address = words.next().expect("an address").trim_start_matches("0x");
            let address = u32::from_str_radix(address, 16).expect("a number");
            let ends = u32::from(line.contains("end_sequence"));
            let mut numbers = words.take(2).map(|word| word.parse::<u32>().expect("a number"));
            vec![address, numbers.next().unwrap(), numbers.next().unwrap(), ends]
        })
        .collect();
    let sequences: Vec<&[Vec<u32>]> = rows.split_inclusive(|row| row[3] == 1).collect();
    assert_eq!(sequences.len(), kernels.functions.len());
    for (function, rows) in kernels.functions.iter().zip(sequences) {
        let (start, rows) = (rows[0][0], &rows[..rows.len() - 1]);
        let wanted: BTreeSet<(u32, u32, u32)> =
            rows.iter().map(|row| (row[0] - start, row[1], row[2])).collect();
        assert_eq!(places(&text, &function.symbol), wanted, "{}", function.symbol);
    }
}

#[test]
fn the_linker_makes_a_pdb() {
    let Some(pdbutil) = versioned("llvm-pdbutil") else { return };
    if !have(&["lld-link"]) {
        return;
    }
    for (name, sections, option) in [
        ("codeview_pdb", Sections::One, ""),
        ("codeview_pdb_sections", Sections::PerFunction, "/opt:ref /include:scaled"),
    ] {
        let space = prepared(name, sections);
        space.run(&format!(
            "lld-link /debug /dll /noentry /nodefaultlib /force:unresolved /export:power \
             {option} kernels.obj /out:kernels.dll /pdb:kernels.pdb"
        ));
        let symbols = space.run(&format!("{pdbutil} dump --symbols kernels.pdb"));
        let lines = space.run(&format!("{pdbutil} dump -l kernels.pdb"));
        assert!(symbols.contains("`power`") && symbols.contains("S_COMPILE3"), "{symbols}");
        assert!(symbols.contains("language = masm"), "{symbols}");
        assert!(lines.contains("kernels.peach"), "{lines}");
        // What is dropped takes its description with it.
        let has_trailing = symbols.contains("`trailing`");
        assert_eq!(has_trailing, sections == Sections::One, "{symbols}");
    }
}
