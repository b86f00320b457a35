//! Damaged kernel files and random flags: whatever comes, the command ends with 0, 1 or 2, says
//! why, and leaves either every output, whole, or none.
//!
//! `PEACH_FUZZ=10000 cargo test -p peach-cli --test fuzz` tries more of them.

#[expect(dead_code, reason = "every test uses its own part of it")]
mod support;

use peach_testing::Random;
use std::fs;
use std::path::{Path, PathBuf};
use support::{Files, Run, repository};

fn corpus(directory: &Path, into: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        let is_source = path.extension().is_some_and(|ext| ext == "peach" || ext == "rs");
        if path.is_dir() {
            corpus(&path, into);
        } else if is_source && fs::metadata(&path).is_ok_and(|data| data.len() < 6000) {
            into.push(path);
        }
    }
}

/// What is put into damaged files.
const PIECES: &[&[u8]] = &[
    b"(",
    b")",
    b"{",
    b"}",
    b"[",
    b"]",
    b"'",
    b"\"",
    b"/*",
    b"#",
    b"!",
    b";",
    b",",
    b"\xff\xfe",
    b"\0",
    b"$x",
    b"peach_fn! {",
    b"include!(\"a.peach\");",
    b"mod b;",
    b"#[cfg(not(all(any())))]",
    b"#![cfg(x)]",
    b"#[cfg_attr(unix, cfg(windows))]",
    b"macro_rules! m { ($($x:tt)*) => { m!($($x)* a) } } m!();",
    b"macro_rules! n { ($x:expr) => { peach_fn! { fn q() { mov eax, $x; } } } } n!(1 + 2);",
    b"fn f(x: u64) -> u64 { return x; }",
    b"extern \"win64\"",
    b"unsafe",
    b"0x7fffffffffffffffffff",
    b"r#fn",
    "ünï".as_bytes(),
    b"for B in 0..3 {",
    b"zmm31",
    b"[rsp]",
    b"align 4096;",
    b"1e400",
];

/// A file, damaged in a few places.
fn damaged(text: &[u8], random: &mut Random) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..random.below(5_usize).saturating_sub(1) {
        let at = random.below(text.len() + 1);
        let end = (at + random.below(40)).min(text.len());
        match random.below(5) {
            0 => {
                text.drain(at..end);
            }
            1 => {
                let piece = text[at..end].to_vec();
                let to = random.below(text.len() + 1);
                text.splice(to..to, piece);
            }
            2 => text.truncate(at),
            3 if at < text.len() => text[at] ^= 1 << random.below(8),
            _ => {
                text.splice(at..at, random.pick(PIECES).iter().copied());
            }
        }
    }
    text
}

/// Flags that go together: of each list, one or none.
const RIGHT: &[&[&str]] = &[
    &[
        "-mabi=sysv",
        "-mabi=sysv -mimage-format=mach-o",
        "-mabi=sysv -S -massembly-format=nasm",
        "-mabi=ms",
        "-mabi=ms -S",
        "-mabi=x32",
        "-mabi=nacl",
        "-mabi=gosyso",
        "-mabi=goasm -S",
    ],
    &["-mcpu=haswell", "-mcpu=znver4", "-mno-avx", "-mavx512f", "-mno-sse2"],
    &["-g", "-g0", "-g 3"],
    &["-fname-mangling=${name}_${isa}", "-fname-mangling=x"],
    &[
        "-emit-c-header out.h",
        "-emit-json-metadata out.json",
        "-MMD",
        "-MF out.d",
        "-fdump-rtl out.rtl",
    ],
    &["-fpackage p", "--print-after=lower"],
    &["-I .", "--cfg feature=\"x\"", "--color=always"],
];

/// Flags that is malformed, at least together.
const WRONG: &[&str] = &[
    "-mabi=x",
    "-mabi=ms",
    "-mabi=goasm",
    "-mimage-format=elf",
    "-massembly-format=masm",
    "-fname-mangling=$",
    "--nonsense",
    "-o other.o",
    "-emit-c-header out.o",
    "-emit-c-header /dev/full",
    "-I",
    "in.rs",
];

/// Some flags, for `peach show` only those that it has.
fn flags(is_show: bool, random: &mut Random) -> Vec<&'static str> {
    let mut flags = Vec::new();
    for list in RIGHT.iter().filter(|_| !is_show) {
        if random.below(3) == 0 {
            flags.extend(random.pick(list).split(' '));
        }
    }
    if random.below(5) == 0 {
        flags.extend(random.pick(WRONG).split(' '));
    }
    flags
}

#[test]
fn no_input_makes_it_panic_or_leaves_half_an_output() {
    let rounds =
        std::env::var("PEACH_FUZZ").ok().and_then(|count| count.parse().ok()).unwrap_or(400);
    let mut sources = Vec::new();
    for directory in ["examples", "tests/accepted", "tests/refused"] {
        corpus(&repository().join(directory), &mut sources);
    }
    let refused =
        sources.iter().position(|path| path.starts_with(repository().join("tests/refused")));
    let right = &sources[..refused.expect("refused programs")];
    let files = Files::new("fuzz");
    let mut random = Random::new(0x9E37_79B9_7F4A_7C15);
    let mut by_code = [0; 3];
    for round in 0..rounds {
        let source = if random.below(3) == 0 { random.pick(&sources) } else { random.pick(right) };
        let is_rust = source.extension().is_some_and(|extension| extension == "rs");
        let name = if is_rust { "in.rs" } else { "in.peach" };
        let text = damaged(&fs::read(&source).expect("a file"), &mut random);
        files.file(name, &text);
        let mut arguments: Vec<&str> = match random.below(5) {
            0 => vec!["show", "--html", "-o", "out.o"],
            1 => vec!["show", "-o", "out.o"],
            _ => vec!["-o", "out.o"],
        };
        arguments.extend(flags(arguments[0] == "show", &mut random));
        arguments.push(name);
        let run = files.peach_with(&arguments);
        let what = format!("round {round}: {arguments:?}, {}", source.display());
        let is_page = arguments.contains(&"--html");
        check(&files, &run, is_page, &what);
        by_code[run.code.expect("no signal") as usize] += 1;
        for name in files.names() {
            fs::remove_file(files.0.join(name)).expect("removed");
        }
    }
    assert!(rounds < 400 || by_code.iter().all(|count| *count > 20), "{by_code:?}");
}

/// A line without its escapes for colors.
fn without_colors(line: &str) -> String {
    let mut parts = line.split('\x1b');
    let first = parts.next().unwrap_or_default().to_string();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

/// Nothing is left half written. Of a text with errors there is a page all the same.
fn check(files: &Files, run: &Run, is_page: bool, what: &str) {
    let text = &run.stderr;
    assert!(matches!(run.code, Some(0..=2)), "{what}: {run:?}");
    assert!(!text.contains("panicked") && !text.contains("E0901"), "{what}: {text}");
    let is_error = |line: &str| without_colors(line).starts_with("error");
    assert_eq!(run.code != Some(0), text.lines().any(is_error), "{what}: {text}");
    let names = files.names();
    let outputs: Vec<&String> = names.iter().filter(|name| !name.starts_with("in.")).collect();
    if run.code == Some(2) || run.code == Some(1) && !is_page {
        assert!(outputs.is_empty(), "{what}: {outputs:?}");
    }
    for name in outputs {
        assert!(!name.starts_with('.'), "{what}: {name}");
        assert!(
            fs::metadata(files.0.join(name)).is_ok_and(|data| data.len() > 0),
            "{what}: {name} is empty"
        );
    }
}
