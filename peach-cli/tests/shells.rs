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
    files.peach("completions").failed(2, "usage: peach completions bash|fish|zsh");
    files.peach("completions tcsh").failed(2, "usage: peach completions bash|fish|zsh");
}

/// fish itself is asked, as its `complete -C` does for a line.
#[test]
fn fish_completes_commands_flags_and_values() {
    if !have(&["fish"]) {
        return;
    }
    let files = Files::new("completions-fish");
    let script = files.file("peach.fish", files.peach("completions fish").succeeded().stdout);
    let offered = |line: &str| {
        let program = format!("source {}; complete -C '{line}'", script.display());
        let mut fish = Command::new("fish");
        fish.args(["--no-config", "-c", &program]).current_dir(&files.0).env("HOME", &files.0);
        let output = fish.output().expect("fish runs");
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text");
        let words = text.lines().filter_map(|line| line.split('\t').next());
        words.map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(offered("peach sh"), ["show"]);
    assert_eq!(offered("peach play --o"), ["--open"]);
    assert_eq!(offered("peach -massembly-f"), ["-massembly-format="]);
    assert_eq!(offered("peach -massembly-format=na"), ["-massembly-format=nasm"]);
    assert_eq!(offered("peach -massembly-format na"), ["nasm"]);
    assert_eq!(offered("peach show --color=al"), ["--color=always"]);
    assert_eq!(offered("peach show -mcpu=zen4"), ["-mcpu=zen4"]);
    assert_eq!(offered("peach show --c"), ["--cfg=", "--color=", "--cost"]);
    files.file("kernel.peach", "");
    assert_eq!(offered("peach show ker"), ["kernel.peach"]);
}

/// zsh completes what is typed on a terminal of its own, and runs it.
#[test]
fn zsh_completes_commands_flags_and_values() {
    if !have(&["zsh"]) {
        return;
    }
    let files = Files::new("completions-zsh");
    files.file("_peach", files.peach("completions zsh").succeeded().stdout);
    files.file("kernel.peach", "");
    files.file(
        "drive",
        "zmodload zsh/zpty\n\
         zpty shell zsh -f -i\n\
         zpty -w shell 'autoload -Uz compinit; compinit -u -D; source ./_peach; bindkey \"^I\" complete-word'\n\
         zpty -w shell 'peach() { print -r -- \"<${(j:|:)@}>\" >> got }; : > ready'\n\
         while [[ ! -e ready ]]; do zpty -r -t shell > /dev/null; sleep 0.1; done\n\
         while read -r line; do\n\
         \x20   zpty -w -n shell \"$line\"$'\\t'; sleep 0.5; zpty -w -n shell $'\\r'\n\
         \x20   for i in {1..50}; do zpty -r -t shell > /dev/null; [[ -e got ]] && break; sleep 0.1; done\n\
         \x20   cat got; rm -f got\n\
         done\n\
         zpty -d shell\n",
    );
    let completed = [
        ("peach sh", "<show>"),
        ("peach play --o", "<play|--open>"),
        ("peach -massembly-f", "<-massembly-format=>"),
        ("peach -massembly-format=na", "<-massembly-format=nasm>"),
        ("peach -massembly-format na", "<-massembly-format|nasm>"),
        ("peach show --color=al", "<show|--color=always>"),
        ("peach show -mcpu=sapph", "<show|-mcpu=sapphirerapids>"),
        ("peach show --cos", "<show|--cost>"),
        ("peach show ker", "<show|kernel.peach>"),
    ];
    let typed: String = completed.iter().map(|(line, _)| format!("{line}\n")).collect();
    files.file("typed", typed);
    let mut zsh = Command::new("zsh");
    let input = std::fs::File::open(files.0.join("typed")).expect("it was written");
    zsh.args(["-f", "drive"]).stdin(input).current_dir(&files.0).env("HOME", &files.0);
    let output = zsh.output().expect("zsh runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let expected: Vec<&str> = completed.iter().map(|(_, arguments)| *arguments).collect();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(text.lines().collect::<Vec<_>>(), expected, "{errors}");
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
