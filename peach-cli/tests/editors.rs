//! What editors need: the grammars know the compiler's words, and read all kernels; the extension
//! formats with the command.

#[expect(dead_code, reason = "every test uses its own part of it")]
mod support;

use peach_compiler::isa::{Mnemonic, parse_register};
use peach_testing::tools::{have, left_out};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{PEACH, repository};

/// The grammar for VS Code.
fn grammar() -> PathBuf {
    repository().join("editors/vscode/syntaxes/peach.tmLanguage.json")
}

/// The grammar's list of instructions is the compiler's; `PEACH_BLESS=1` writes it.
#[test]
fn the_grammar_has_every_mnemonic() {
    let text = fs::read_to_string(grammar()).expect("the grammar");
    let lines: Vec<&str> = text.lines().collect();
    let name = lines.iter().position(|line| line.contains("\"keyword.mnemonic.peach\""));
    let place = name.expect("the rule for mnemonics") - 1;
    let mut names = Letters::default();
    let count = Mnemonic::all_names().map(|name| names.insert(name)).count();
    assert!(count > 1_500, "{count} names");
    // Not a field or part of a word; not a call, a label, an assignment, an element.
    let rule = format!(
        "      \"match\": \"(?<![\\\\w.'])(?i:{})\\\\b(?!\\\\[|\\\\s*[(!=.:])\",",
        names.pattern()
    );
    if std::env::var_os("PEACH_BLESS").is_some() {
        let mut lines = lines.clone();
        lines[place] = &rule;
        fs::write(grammar(), lines.join("\n") + "\n").expect("the grammar is written");
    } else {
        assert_eq!(lines[place], rule, "PEACH_BLESS=1 writes the list");
    }
}

/// Words as a tree of their letters, so that an editor tries each letter once.
#[derive(Default)]
struct Letters {
    is_end: bool,
    next: BTreeMap<char, Letters>,
}

impl Letters {
    fn insert(&mut self, word: &str) {
        let end = word.chars().fold(self, |node, letter| node.next.entry(letter).or_default());
        end.is_end = true;
    }

    fn pattern(&self) -> String {
        let all: Vec<String> =
            self.next.iter().map(|(letter, node)| format!("{letter}{}", node.pattern())).collect();
        match (all.len(), self.is_end) {
            (0, _) => String::new(),
            (1, false) => all[0].clone(),
            (_, is_end) => format!("(?:{}){}", all.join("|"), if is_end { "?" } else { "" }),
        }
    }
}

/// Runs `editors/vscode/test`, with lists of words that are registers and that are none.
#[test]
fn the_extension_and_its_grammar() {
    if !have(&["node", "npm"]) {
        return;
    }
    let Some(libraries) = libraries() else { return };
    let (registers, others): (Vec<String>, Vec<String>) =
        candidates().into_iter().partition(|name| parse_register(name).is_some());
    let words = std::env::temp_dir().join(format!("peach-registers-{}", std::process::id()));
    let list = format!("{}\n{}", registers.join(" "), others.join(" "));
    fs::write(&words, list).expect("the list is written");
    let run = Command::new("node")
        .args(["--test", "test/grammar.test.js", "test/extension.test.js"])
        .current_dir(repository().join("editors/vscode"))
        .env("NODE_MODULES", &libraries)
        .env("PEACH", PEACH)
        .env("REGISTERS", &words)
        .output()
        .expect("node starts");
    let _ = fs::remove_file(words);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}

/// Words that are registers, and words like them.
fn candidates() -> Vec<String> {
    let mut words = Vec::new();
    for stem in ["xmm", "ymm", "zmm", "tmm", "mm", "k", "cr", "dr", "st", "r"] {
        for end in ["", "b", "w", "d"] {
            words.extend((0..40).map(|number| format!("{stem}{number}{end}")));
        }
    }
    for first in "abcdefghilprs".chars() {
        for second in "abcdefghilprsx".chars() {
            words.extend(["", "l", "x", "p", "i"].map(|end| format!("{first}{second}{end}")));
        }
    }
    words
}

/// A folder with the libraries that VS Code reads grammars with.
fn libraries() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("editors");
    let package = repository().join("editors/vscode/package.json");
    fs::create_dir_all(&folder).expect("a folder");
    fs::copy(package, folder.join("package.json")).expect("a copy");
    let install = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"])
        .current_dir(&folder)
        .output()
        .expect("npm starts");
    if !install.status.success() {
        left_out(&format!("npm install: {}", String::from_utf8_lossy(&install.stderr)));
        return None;
    }
    Some(folder)
}
