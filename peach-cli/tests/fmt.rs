//! `peach fmt`: files, standard input, `--check`, and what it says.

#[expect(dead_code, reason = "every test uses its own part of it")]
mod support;

use std::io::Write;
use std::process::{Command, Stdio};
use support::{Files, PEACH, Run};

const LOOSE: &str = "fn  a( ) { nop ;}\n";
const NEAT: &str = "fn a() { nop; }\n";

#[test]
fn files_are_formatted_in_place() {
    let files = Files::new("fmt-files");
    files.file("a.peach", LOOSE);
    files.file("b.rs", format!("fn  main() {{}}\npeach_fn! {{ {} }}\n", LOOSE.trim()));
    let checked = files.peach("fmt --check a.peach b.rs");
    assert_eq!(checked.code, Some(1));
    assert_eq!(checked.stderr, "error: 2 files are not formatted: a.peach:1, b.rs:2\n");
    assert_eq!(files.text("a.peach"), LOOSE, "checking writes nothing");

    let run = files.peach("fmt a.peach b.rs").succeeded();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    assert_eq!(files.text("a.peach"), NEAT);
    assert_eq!(files.text("b.rs"), "fn  main() {}\npeach_fn! { fn a() { nop; } }\n");
    files.peach("fmt --check a.peach b.rs").succeeded();
    assert_eq!(files.names(), ["a.peach", "b.rs"]);
}

/// What is formatted is not written again: build systems look at times.
#[test]
fn a_formatted_file_is_not_touched() {
    let files = Files::new("fmt-untouched");
    let path = files.file("a.peach", NEAT);
    let changed = || std::fs::metadata(&path).and_then(|data| data.modified()).expect("a time");
    let before = changed();
    std::thread::sleep(std::time::Duration::from_millis(20));
    files.peach("fmt a.peach").succeeded();
    assert_eq!(changed(), before);
}

#[test]
fn standard_input_is_formatted_to_standard_output() {
    assert_eq!(filtered(&["fmt", "-"], LOOSE).succeeded().stdout, NEAT);
    assert_eq!(filtered(&["fmt", "-"], NEAT).succeeded().stdout, NEAT);
    let rust = format!("fn  main() {{}}\npeach_fn!({});", LOOSE.trim());
    let run = filtered(&["fmt", "--language=rust", "-"], &rust).succeeded();
    assert_eq!(run.stdout, "fn  main() {}\npeach_fn!(fn a() { nop; });");
    let run = filtered(&["fmt", "--check", "-"], LOOSE);
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), "error: not formatted: -:1\n"));
}

/// One file in error, and none is written; the errors of all are reported.
#[test]
fn errors_are_frames() {
    let files = Files::new("fmt-errors");
    files.file("a.peach", LOOSE);
    files.file("b.peach", "fn b() {\n    nop; ]\n}\n");
    files.file("c.rs", "peach_fn! { fn c() { \"x } }\n");
    let run = files.peach("fmt a.peach b.peach c.rs");
    assert_eq!(run.code, Some(1));
    for part in ["b.peach:2:10", "    nop; ]", "c.rs:1", "2 errors; no code was written"] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    assert_eq!(files.text("a.peach"), LOOSE);
}

#[test]
fn what_cannot_be_formatted_is_refused() {
    let files = Files::new("fmt-refused");
    files.file("a.toml", "a = 1");
    for (arguments, code, part) in [
        ("fmt", 2, "FILE"),
        ("fmt --chek a.peach", 2, "--check"),
        ("fmt a.toml", 2, "expected a Rust source (.rs) or a file of kernels (.peach)"),
        ("fmt --language=c a.toml", 2, "expected rust or peach"),
        ("fmt no.peach", 1, "no.peach: no such file"),
        ("fmt .", 2, "expected a Rust source"),
    ] {
        let run = files.peach(arguments);
        assert_eq!(run.code, Some(code), "{arguments}: {}", run.stderr);
        assert!(run.stderr.contains(part), "{arguments}: {}", run.stderr);
    }
    assert_eq!(files.text("a.toml"), "a = 1");
    files.peach("fmt --language=peach a.toml").succeeded();
}

fn filtered(arguments: &[&str], input: &str) -> Run {
    let mut child = Command::new(PEACH)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    pipe.write_all(input.as_bytes()).expect("it reads its input");
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}
