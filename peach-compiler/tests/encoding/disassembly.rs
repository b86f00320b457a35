//! What disassemblers print is taken back: the text of GNU objdump and of LLVM's in Intel syntax,
//! of the whole corpus. Branches are left out, whose targets are addresses there.

use super::meaning::meaning;
use super::own::has_own;
use super::{generate, is_full, oracle};
use peach_compiler::ir::{BranchSize, Instruction, Operand};
use peach_compiler::isa::{FeatureSet, PhysReg, encode, encode_text};
use peach_testing::tools::have;
use std::collections::HashMap;
use std::process::Command;

/// Of a thousand lines of GNU objdump's, so many at least are taken back.
const GNU_SHARE: usize = 998;

/// The same of LLVM's.
const LLVM_SHARE: usize = 990;

#[test]
fn text_of_gnu_objdump_is_taken_back() {
    if !have(&["objdump"]) {
        return;
    }
    let encoded = encoded();
    let flags = ["-D", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", "--insn-width=16"];
    let path = written("gnu.bin", &encoded.concat());
    let output = Command::new("objdump").args(flags).arg(&path).output().expect("objdump runs");
    compare(&encoded, &String::from_utf8_lossy(&output.stdout), GNU_SHARE);
}

#[test]
fn text_of_llvm_objdump_is_taken_back() {
    if !have(&["llvm-objdump", "objcopy"]) {
        return;
    }
    let encoded = encoded();
    let (path, object) = (written("llvm.bin", &encoded.concat()), written("llvm.o", &[]));
    let flags = ["-I", "binary", "-O", "elf64-x86-64", "-B", "i386:x86-64"];
    let section = "--rename-section=.data=.text,contents,alloc,load,readonly,code";
    let converted =
        Command::new("objcopy").args(flags).arg(section).args([&path, &object]).status();
    assert!(converted.expect("objcopy runs").success());
    let flags = ["-d", "--x86-asm-syntax=intel", "--mattr=+avx512f"];
    let output = Command::new("llvm-objdump").args(flags).arg(&object).output();
    compare(&encoded, &String::from_utf8_lossy(&output.expect("it runs").stdout), LLVM_SHARE);
}

/// The bytes of the corpus, one instruction each.
fn encoded() -> Vec<Vec<u8>> {
    let step = if is_full() { 1 } else { 7 };
    let is_branch = |inst: &Instruction<PhysReg>| {
        inst.operands.iter().any(|operand| matches!(operand, Operand::Relative(_)))
    };
    let bytes = |inst: Instruction<PhysReg>| {
        Some(encode(&inst, &FeatureSet::all(), BranchSize::Short).ok()?.bytes)
    };
    let corpus = generate::corpus().into_iter().filter(|inst| !has_own(inst)).step_by(step);
    corpus.filter(|inst| !is_branch(inst)).filter_map(bytes).collect()
}

fn written(name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("peach-{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).expect("a scratch file");
    path
}

/// Reads `  12:  48 01 d8   add rax, rbx`, and encodes what it says.
fn compare(encoded: &[Vec<u8>], listing: &str, share: usize) {
    let mut starts = HashMap::new();
    let mut at = 0;
    for bytes in encoded {
        starts.insert(at, bytes);
        at += bytes.len();
    }
    let (mut known, mut taken, mut refused) = (0, 0, Vec::new());
    let mut wrong = Vec::new();
    for line in listing.lines() {
        let Some((place, rest)) = line.split_once(':') else { continue };
        let Some(bytes) =
            usize::from_str_radix(place.trim(), 16).ok().and_then(|at| starts.get(&at))
        else {
            continue;
        };
        let Some((hex, text)) = rest.trim_start().split_once('\t') else { continue };
        let is_whole = hex.split_whitespace().count() == bytes.len();
        if !is_whole || text.contains("(bad)") || text.contains("<unknown>") {
            continue;
        }
        known += 1;
        match encode_text(text) {
            Err(why) => refused.push((cause(&why), format!("{text}: {why}"))),
            Ok(found) if found == **bytes || meaning(&found) == meaning(bytes) => taken += 1,
            Ok(found) => wrong.push(format!("{text}: {bytes:02x?} became {found:02x?}")),
        }
    }
    println!(
        "{taken} of {known} lines taken back, {} refused, {} other",
        refused.len(),
        wrong.len()
    );
    for (why, count, examples) in oracle::tally(refused.into_iter()) {
        println!("{count:6} {why}: {}", examples.join(" | "));
    }
    for line in wrong.iter().take(60) {
        println!("other: {line}");
    }
    assert!(known > encoded.len() / 2, "{known} lines of {}", encoded.len());
    assert!(taken * 1000 >= known * share, "{taken} of {known}");
}

/// The words of a refusal without what differs from line to line.
fn cause(why: &str) -> String {
    why.chars().take(28).collect()
}
