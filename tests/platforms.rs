//! The README names the platforms that `.ci/platforms` checks, no more and no less.

use std::path::Path;
use std::process::Command;

#[test]
fn the_table_has_the_rows_that_are_checked() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(root.join(".ci/platforms")).arg("--list").output().unwrap();
    let checked = String::from_utf8(output.stdout).unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let (_, table) = readme.split_once("## Platforms").expect("a section");
    let (table, _) = table.split_once("\n## ").expect("its end");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let promised: Vec<&str> = rows.map(|(name, _)| name).collect();
    assert!(promised.len() > 5);
    assert_eq!(promised, checked.lines().collect::<Vec<_>>());
}

#[test]
fn an_unknown_row_is_a_failure() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(root.join(".ci/platforms")).arg("vax").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success() && text.contains("no row `vax`"), "{text}");
}
