//! Other assemblers: GNU as and llvm-mc, one answer per line.

use peach_compiler::ir::{Instruction, Operand};
use peach_compiler::isa::PhysReg;
use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What an assembler makes of one line: its bytes, or `None` where it refuses the line.
pub type Answer = Option<Vec<u8>>;

/// An instruction as GNU as and LLVM write it in Intel syntax.
pub fn intel(inst: &Instruction<PhysReg>) -> String {
    let mut plain = inst.clone();
    plain.encoding = None;
    let mut relative = None;
    for operand in &mut plain.operands {
        match operand {
            Operand::Mem(mem) => mem.disp_size = None,
            Operand::Relative(value) => relative = Some(*value),
            _ => {}
        }
    }
    let mut text = plain.to_string();
    for size in ["byte", "dword", "fword", "qword", "tbyte", "xmmword", "ymmword", "zmmword"] {
        text = text.replace(&format!(" {size} "), &format!(" {size} ptr "));
    }
    text = text.replace(" word ", " word ptr ");
    for num in 0..8 {
        text = text.replace(&format!(" st{num}"), &format!(" st({num})"));
    }
    if let Some(value) = relative {
        let (head, _) = text.rsplit_once(' ').expect("an operand");
        text = format!("{head} 1f{value:+}; 1:");
    }
    let prefix = match inst.encoding {
        None => "",
        Some(peach_compiler::ir::ForcedEncoding::Vex) => "{vex} ",
        Some(peach_compiler::ir::ForcedEncoding::Vex3) => "{vex3} ",
        Some(peach_compiler::ir::ForcedEncoding::Evex) => "{evex} ",
    };
    format!("{prefix}{text}")
}

/// Assembles every line by GNU as.
pub fn gnu_as(lines: &[String]) -> Vec<Answer> {
    gnu_as_with(lines, &[])
}

/// Assembles every line by GNU as with more flags.
pub fn gnu_as_with(lines: &[String], flags: &[&str]) -> Vec<Answer> {
    let directory = scratch();
    let mut refused: HashSet<usize> = HashSet::new();
    // Some errors only show when others are gone.
    for _ in 0..12 {
        let mut source = String::from(".intel_syntax noprefix\n");
        for (n, line) in lines.iter().enumerate() {
            source.push_str(if refused.contains(&n) { "" } else { line });
            source.push('\n');
        }
        let path = directory.join("corpus.s");
        std::fs::write(&path, source).expect("a scratch file");
        let output = Command::new("as")
            .args(flags)
            .args(["--64", "-al", "--listing-lhs-width=8", "-o"])
            .arg(directory.join("corpus.o"))
            .arg(&path)
            .output()
            .expect("as runs");
        let messages = String::from_utf8_lossy(&output.stderr).replace("Internal error", "Error:");
        let errors = error_lines(&messages, "Error");
        if errors.is_empty() {
            let _ = std::fs::remove_dir_all(&directory);
            return listing(&String::from_utf8_lossy(&output.stdout), lines.len());
        }
        refused.extend(errors.iter().map(|line| line - 2));
    }
    panic!("GNU as keeps finding errors");
}

fn scratch() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("peach-encoding-{}-{number}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&directory).expect("a scratch directory");
    directory
}

/// The numbers of the lines that messages of this kind are about: `file:LINE:… kind: …`.
fn error_lines(messages: &str, kind: &str) -> Vec<usize> {
    let is_error = |line: &&str| line.contains(&format!("{kind}:"));
    messages
        .lines()
        .filter(is_error)
        .filter_map(|line| line.split(':').nth(1)?.parse().ok())
        .collect()
}

/// Reads `  12 0034 4801D8   add rax, rbx`.
fn listing(text: &str, count: usize) -> Vec<Answer> {
    let mut answers: Vec<Answer> = vec![None; count];
    for line in text.lines() {
        let mut words = line.split('\t').next().unwrap_or_default().split_whitespace();
        let Some(number) = words.next().and_then(|word| word.parse::<usize>().ok()) else {
            continue;
        };
        let Some(offset) = words.next() else { continue };
        let is_offset = offset.len() == 4 || offset.len() == 5 || offset.len() == 6;
        if !is_offset || u64::from_str_radix(offset, 16).is_err() {
            continue;
        }
        // The bytes are in groups of four before the tab.
        let groups: String = words.collect();
        let Some(bytes) = from_hex(&groups) else { continue };
        if bytes.is_empty() {
            continue;
        }
        if number >= 2 && number - 2 < count {
            answers[number - 2].get_or_insert_default().extend(bytes);
        }
    }
    answers
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|n| u8::from_str_radix(text.get(n..n + 2)?, 16).ok()).collect()
}

/// Assembles every line by NASM.
pub fn nasm(lines: &[String]) -> Vec<Answer> {
    let directory = scratch();
    let (source, listing) = (directory.join("corpus.asm"), directory.join("corpus.lst"));
    let mut refused: HashSet<usize> = HashSet::new();
    for _ in 0..12 {
        let mut text = String::from("bits 64\n");
        for (n, line) in lines.iter().enumerate() {
            text.push_str(if refused.contains(&n) { "" } else { line });
            text.push('\n');
        }
        std::fs::write(&source, text).expect("a scratch file");
        let output = Command::new("nasm")
            .args(["-f", "bin", "-o"])
            .arg(directory.join("corpus.bin"))
            .arg("-l")
            .args([&listing, &source])
            .output()
            .expect("nasm runs");
        let errors = error_lines(&String::from_utf8_lossy(&output.stderr), "error");
        if errors.is_empty() {
            let text = std::fs::read_to_string(&listing).expect("a listing");
            let _ = std::fs::remove_dir_all(&directory);
            return nasm_listing(&text, lines.len());
        }
        refused.extend(errors.iter().map(|line| line - 2));
    }
    panic!("NASM keeps finding errors");
}

/// Reads `    12 00000034 4801D8      add rax, rbx`; bytes that continue in the next row end in
/// `-`.
fn nasm_listing(text: &str, count: usize) -> Vec<Answer> {
    let mut answers: Vec<Answer> = vec![None; count];
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let number = words.next().and_then(|word| word.parse::<usize>().ok());
        let (Some(number), Some(offset), Some(bytes)) = (number, words.next(), words.next()) else {
            continue;
        };
        if offset.len() != 8 || u32::from_str_radix(offset, 16).is_err() {
            continue;
        }
        if let (Some(bytes), 2..) = (from_hex(bytes.trim_end_matches('-')), number) {
            answers[number - 2].get_or_insert_default().extend(bytes);
        }
    }
    answers
}

/// Assembles every line by llvm-mc.
pub fn llvm_mc(lines: &[String]) -> Vec<Answer> {
    let mut child = Command::new("llvm-mc")
        .args(["-triple=x86_64", "-x86-asm-syntax=intel", "-show-encoding"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("llvm-mc runs");
    // A label before each line tells in the output which line an encoding belongs to.
    let source: String =
        lines.iter().enumerate().map(|(n, line)| format!("line{n}:\n{line}\n")).collect();
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || stdin.write_all(source.as_bytes()));
    let output = child.wait_with_output().expect("llvm-mc ends");
    writer.join().expect("the writer ends").expect("llvm-mc reads everything");
    let mut answers: Vec<Answer> = vec![None; lines.len()];
    let mut current = 0;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let Some(number) = line.strip_prefix("line").and_then(|rest| rest.strip_suffix(':')) {
            current = number.parse().expect("a line number");
        }
        if let Some((_, rest)) = line.split_once("encoding: [")
            && let Some((bytes, _)) = rest.split_once(']')
        {
            // Fields with a fixup are letters.
            let byte = |text: &str| u8::from_str_radix(text.trim_start_matches("0x"), 16);
            let bytes = bytes.split(',').map(|text| byte(text).unwrap_or(0));
            answers[current].get_or_insert_default().extend(bytes);
        }
    }
    answers
}

/// Groups by a key, for reports: how many, and the first few.
pub fn tally<K: std::hash::Hash + Eq + Ord + Clone>(
    items: impl Iterator<Item = (K, String)>,
) -> Vec<(K, usize, Vec<String>)> {
    let mut groups: HashMap<K, (usize, Vec<String>)> = HashMap::new();
    for (key, text) in items {
        let group = groups.entry(key).or_default();
        group.0 += 1;
        if group.1.len() < 4 {
            group.1.push(text);
        }
    }
    let mut list: Vec<_> = groups.into_iter().map(|(key, (n, texts))| (key, n, texts)).collect();
    list.sort();
    list
}
