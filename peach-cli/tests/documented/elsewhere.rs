//! Commands that this test does not run: who does, or why nobody can.

use crate::support::repository;

/// A command, and the file that runs it; or, in brackets, why none does.
pub const LIST: [(&str, &str); 12] = [
    ("cargo deny check", ".github/workflows/ci.yml"),
    (
        "code --install-extension peach-0.1.0.vsix",
        "(VS Code is not in Debian; its file has a test)",
    ),
    ("go vet", "peach-cli/tests/examples.rs"),
    ("npm install && npm test", "peach-cli/tests/editors.rs"),
    (
        "npx @vscode/vsce package --skip-license",
        "(installs 200 packages of others to make a zip file)",
    ),
    ("perf annotate", "tests/debuggers.rs"),
    ("perf annotate -i injected.data -s NAME", "tests/debuggers.rs"),
    ("perf inject", "tests/debuggers.rs"),
    ("perf inject --jit -i perf.data -o injected.data", "tests/debuggers.rs"),
    ("perf record -k mono --call-graph dwarf env PEACH_JITDUMP=/tmp program", "tests/debuggers.rs"),
    ("perf report", "tests/debuggers.rs"),
    ("tree-sitter generate", "editors/tree-sitter-peach/build.rs"),
];

/// Whether what is said of a command is so.
pub fn check(command: &str, who: &str) -> Result<(), String> {
    let is_reason = who.starts_with('(') && who.ends_with(')') && who.len() > 20;
    match is_reason || repository().join(who).is_file() {
        true => Ok(()),
        false => Err(format!("`{who}`, which runs {command}, is no file")),
    }
}
