//! Source lines: gdb stops at them, shows them and steps through them; all formats say the same.

use crate::kernels;
use crate::support::{Workspace, module};
use peach_compiler::abi::{ImageFormat, SYSV64};
use peach_compiler::emit::objects::Format;
use peach_testing::tools::have;

/// The line, counted from 1, of the first occurrence of a text after another one.
fn line_of(source: &str, after: &str, text: &str) -> usize {
    let start = source.find(after).expect("the kernel");
    let at = start + source[start..].find(text).expect("the statement");
    source[..at].matches('\n').count() + 1
}

#[test]
fn gdb_steps_through_the_source() {
    if !have(&["gcc", "gdb"]) {
        return;
    }
    let space = Workspace::new("debug_gdb");
    let source = kernels::source("rdi");
    space.file("kernels.peach", &source);
    space.file("kernels.h", kernels::HEADER);
    space.file("program.c", include_str!("program.c"));
    let module = module(&source, &SYSV64);
    space.object("kernels.o", &module, ImageFormat::Elf, true);
    space.run("gcc -g program.c kernels.o -o program");
    let deep = |text: &str| line_of(&source, "fn deep", text);
    let wide = line_of(&source, "fn wide", "mov [big + 8], rbx");
    let commands = format!(
        "set debuginfod enabled off\nset disable-randomization off\nbreak deep\nrun\ninfo line\nlist\n\
         step\nstep\nstep\nbt\nfinish\nbreak kernels.peach:{wide}\ncontinue\n"
    );
    space.file("commands", commands);
    let output = space.run("gdb -batch -nx -x commands program");
    let expected = [
        format!("deep () at kernels.peach:{}", deep("fn deep")),
        format!("Line {} of \"kernels.peach\"", deep("fn deep")),
        "let buffer: [u64; 40];".to_string(),
        format!("\n{}\t    rbx = x;", deep("rbx = x")),
        format!("\n{}\t    mov [buffer], rbx;", deep("mov [buffer], rbx")),
        format!("\n{}\t    push rbx;", deep("push rbx")),
        "in check_all".to_string(),
        "in main".to_string(),
        "CHECK(deep(x)".to_string(),
        format!("wide () at kernels.peach:{wide}"),
    ];
    let mut rest = output.as_str();
    for text in expected {
        let at =
            rest.find(&text).unwrap_or_else(|| panic!("{text:?} is not in the rest of\n{output}"));
        rest = &rest[at + 1..];
    }
}

#[test]
fn all_formats_have_the_same_lines() {
    if !have(&["llvm-dwarfdump"]) {
        return;
    }
    let space = Workspace::new("debug_formats");
    let module = module(&kernels::source("rdi"), &SYSV64);
    let tables: Vec<String> = Format::ALL
        .iter()
        .map(|format| {
            let name = format!("kernels.{}", format.format.flag());
            space.object(&name, &module, format.format, true);
            let output = space.run(&format!("llvm-dwarfdump --debug-line --debug-info {name}"));
            output.lines().skip(1).collect::<Vec<_>>().join("\n")
        })
        .collect();
    assert!(tables[0].contains("prologue_end") && tables[0].contains("DW_TAG_subprogram"));
    assert!(tables.iter().all(|table| *table == tables[0]), "{tables:?}");
}
