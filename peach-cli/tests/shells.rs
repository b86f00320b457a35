//! What the command gives shells and man: completions and the manual page.

#[expect(dead_code, reason = "every test uses its own part of it")]
mod support;

use peach_testing::tools::have;
use std::io::Write;
use std::process::{Command, Stdio};
use support::Files;

/// What bash offers for the last word of a line, as it splits it.
fn offered(script: &str, words: &str) -> Vec<String> {
    let count = words.split(' ').count() - 1;
    let program = format!(
        "{script}\nCOMP_WORDS=({words}); COMP_CWORD={count}; _peach; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let output = Command::new("bash").args(["-c", &program]).output().expect("bash runs");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().filter(|line| !line.is_empty()).map(str::to_string).collect()
}

#[test]
fn bash_completes_commands_flags_and_values() {
    if !have(&["bash"]) {
        return;
    }
    let files = Files::new("completions");
    let script = files.peach("completions bash").succeeded().stdout;
    assert_eq!(offered(&script, "peach sh"), ["show"]);
    assert_eq!(offered(&script, "peach pl"), ["play"]);
    assert_eq!(offered(&script, "peach -massembly-f"), ["-massembly-format="]);
    assert_eq!(offered(&script, "peach -massembly-format = na"), ["nasm"]);
    assert_eq!(offered(&script, "peach show --c"), ["--cost", "--cfg=", "--color="]);
    let processors = offered(&script, "peach show -mcpu = zen");
    assert_eq!(processors, ["zen", "zen1", "zen2", "zen3", "zen4", "zen5"]);
    assert_eq!(offered(&script, "peach show --color = al"), ["always"]);
    assert_eq!(offered(&script, "peach play --o"), ["--open"]);
    files.peach("completions").failed(2, "usage: peach completions bash");
    files.peach("completions tcsh").failed(2, "usage: peach completions bash");
}

#[test]
fn the_manual_page_is_one() {
    let files = Files::new("manual");
    let page = files.peach("man").succeeded().stdout;
    for part in [".TH PEACH 1", "\\-mabi=ABI", "\\-\\-watch", ".SH PEACH PLAY", ".SH EXIT STATUS"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    if !have(&["groff"]) {
        return;
    }
    let mut groff = Command::new("groff")
        .args(["-man", "-Kutf8", "-Tutf8", "-ww", "-z"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("groff runs");
    groff.stdin.take().expect("an input").write_all(page.as_bytes()).expect("written");
    let output = groff.wait_with_output().expect("groff ends");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
