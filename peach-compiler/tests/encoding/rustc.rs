//! What GNU as 2.40 and LLVM 14 do not know yet, against rustc's own LLVM.
//!
//! The lines are in a `global_asm!`, each aligned to 32 bytes, so that the object file tells the
//! bytes of every line.

use super::{differences, generate, newer, oracle};
use peach_compiler::ir::{BranchSize, Instruction, Operand};
use peach_compiler::isa::{FeatureSet, PhysReg, encode};
use peach_testing::tools::have;
use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

/// Where each line starts is a multiple of this.
const STRIDE: usize = 32;
/// What fills the space between lines.
const FILL: u8 = 0xf4;

/// Rows of the manual that no assembler at hand has a name for.
const UNKNOWN: &[&str] = &["pcmpestri64", "pcmpestrm64", "vpcmpestri64", "vpcmpestrm64", "pbndkb"];

#[test]
fn newer_instructions_are_encoded_as_rustc_does() {
    if !have(&["rustc", "objcopy"]) {
        return;
    }
    let newer = |inst: &Instruction<PhysReg>| newer::NEWER.contains(&inst.mnemonic.name());
    let ours = |inst: Instruction<PhysReg>| {
        let bytes = encode(&inst, &FeatureSet::all(), BranchSize::Short).ok()?.bytes;
        Some((inst, bytes))
    };
    let cases: Vec<_> = generate::corpus().into_iter().filter(newer).filter_map(ours).collect();
    let lines: Vec<String> = cases.iter().map(|(inst, _)| oracle::intel(inst)).collect();
    let answers = answers(&lines);
    let (mut equal, mut shorter, mut unknown, mut wrong) = (0, 0, HashSet::new(), Vec::new());
    for ((inst, bytes), answer) in cases.iter().zip(answers) {
        let name = inst.mnemonic.name();
        match answer {
            Some(answer) if is_same(&answer, bytes) => equal += 1,
            // `[r*2]` is `[r + r]`, which is shorter.
            Some(answer) if differences::is_index_alone(inst) && answer[bytes.len()] != FILL => {
                shorter += 1
            }
            None if UNKNOWN.contains(&name) => {
                unknown.insert(name);
            }
            // The manual's rows r32/m16 and r64/m16, which LLVM lacks.
            None if name == "lkgs" && matches!(inst.operands[0], Operand::Reg(_)) => {}
            other => wrong.push(format!("{inst}: ours {bytes:x?}, rustc {other:x?}\n")),
        }
    }
    println!(
        "{equal} of {} lines equal, {shorter} shorter; rustc does not know {unknown:?}",
        cases.len()
    );
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(20)].concat());
}

/// Assembles every line by rustc; `None` where it refuses.
pub(super) fn answers(lines: &[String]) -> Vec<Option<Vec<u8>>> {
    let directory =
        std::env::temp_dir().join(format!("peach-rustc-{}-{}", std::process::id(), lines.len()));
    std::fs::create_dir_all(&directory).expect("a scratch directory");
    let mut refused = HashSet::new();
    for _ in 0..4 {
        match assemble(lines, &refused, &directory) {
            Ok(text) => {
                let _ = std::fs::remove_dir_all(&directory);
                return (0..lines.len())
                    .map(|n| (!refused.contains(&n)).then(|| bytes_at(&text, n * STRIDE)))
                    .collect();
            }
            Err(errors) => refused.extend(errors),
        }
    }
    panic!("rustc keeps finding errors");
}

/// The text section, or the numbers of the lines in error.
fn assemble(
    lines: &[String],
    refused: &HashSet<usize>,
    directory: &Path,
) -> Result<Vec<u8>, Vec<usize>> {
    let mut source = String::from("#![no_std]\ncore::arch::global_asm!(r#\"");
    for (n, line) in lines.iter().enumerate() {
        let line = if refused.contains(&n) { "nop" } else { line };
        // Two lines of assembly for each of ours.
        source.push_str(&format!("{line}\n.balign {STRIDE}, {FILL}\n"));
    }
    source.push_str("\"#, options(raw));\n");
    let (input, object, text) =
        (directory.join("lines.rs"), directory.join("lines.o"), directory.join("lines.bin"));
    std::fs::write(&input, source).expect("a scratch file");
    let output = Command::new("rustc")
        .args(["--crate-type=lib", "--edition=2024", "--emit=obj", "-Ccodegen-units=1", "-o"])
        .args([&object, &input])
        .output()
        .expect("rustc runs");
    let messages = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let number = |line: &str| -> Option<usize> {
            line.split_once("<inline asm>:")?.1.split(':').next()?.parse().ok()
        };
        let errors: Vec<usize> =
            messages.lines().filter_map(number).map(|line| (line - 1) / 2).collect();
        assert!(!errors.is_empty(), "{messages}");
        return Err(errors);
    }
    let status = Command::new("objcopy")
        .args(["-O", "binary", "-j", ".text"])
        .args([&object, &text])
        .status()
        .expect("objcopy runs");
    assert!(status.success());
    Ok(std::fs::read(text).expect("the text section"))
}

/// The space of the line at `start`.
fn bytes_at(text: &[u8], start: usize) -> Vec<u8> {
    text[start..(start + STRIDE).min(text.len())].to_vec()
}

/// Whether a line's space holds `bytes`, or these after a segment prefix that is the default
/// anyway.
pub(super) fn is_same(space: &[u8], bytes: &[u8]) -> bool {
    let holds = |space: &[u8]| {
        space.starts_with(bytes) && space[bytes.len()..].iter().all(|&byte| byte == FILL)
    };
    holds(space) || matches!(space, [0x3e | 0x36, rest @ ..] if holds(rest))
}
