//! The sources of the compiler, as lines.

use std::path::{Path, PathBuf};

/// What `find` finds, by line, in every source of the compiler below `folder`: `file:line: text`.
/// Paths are relative to the compiler's sources.
pub fn in_sources(folder: &str, find: impl Fn(&Path, &[&str]) -> Vec<usize>) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources(folder) {
        let lines: Vec<&str> = text.lines().collect();
        let places = find(&path, &lines);
        let name = path.display();
        found.extend(places.iter().map(|&at| format!("{name}:{}: {}", at + 1, lines[at])));
    }
    found
}

/// Every source of the compiler below `folder`: its path, relative to the compiler's sources, and
/// its text.
pub fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("peach-compiler/src");
    let mut paths = Vec::new();
    collect(&root.join(folder), &mut paths);
    assert!(!paths.is_empty(), "{folder} has no sources");
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a source can be read");
        (path.strip_prefix(&root).expect("it is below the root").to_path_buf(), text)
    };
    paths.into_iter().map(read).collect()
}

/// The line from which on a file is a test: the end of the file where none is.
pub fn tests_from(path: &Path, lines: &[&str]) -> usize {
    let start = lines.iter().position(|line| line.trim_end() == "#[cfg(test)]");
    if in_tests(path) { 0 } else { start.unwrap_or(lines.len()) }
}

/// Whether the whole file is a test.
pub fn in_tests(path: &Path) -> bool {
    path.ends_with("tests.rs") || path.iter().any(|part| part == "tests")
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}
