//! The table of costs is what llvm-mca says.
//!
//! `PEACH_BLESS=1` makes the table. Every sixteenth form is compared, with `PEACH_CORPUS=full` all. The test needs llvm-mca of the version that the table names.

#[path = "../../../peach-compiler/tests/encoding/generate.rs"]
mod generate;
mod make;

use peach_testing::tools::{have, left_out};
use std::collections::BTreeMap;

/// The tools that the table is made by.
const TOOLS: [&str; 2] = ["llvm-mca-22", "llvm-mc-22"];

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cost/table.txt");

#[test]
fn the_table_is_what_llvm_mca_says() {
    if !have(&TOOLS) {
        return;
    }
    if std::env::var_os("PEACH_BLESS").is_some() {
        std::fs::write(TABLE, make::table(1)).expect("the table is written");
        return;
    }
    let is_full = std::env::var("PEACH_CORPUS").is_ok_and(|value| value == "full");
    let stored = std::fs::read_to_string(TABLE).expect("the table");
    let made = make::table(if is_full { 1 } else { 16 });
    // Another version has other models.
    if stored.lines().next() != made.lines().next() {
        left_out("the table of costs is made by another version of llvm-mca");
        return;
    }
    let (stored, made) = (costs(&stored), costs(&made));
    assert!(made.len() > 400, "{} forms", made.len());
    for (form, cost) in made {
        assert_eq!(stored.get(form), Some(&cost), "`{form}`: PEACH_BLESS=1 makes the table anew");
    }
}

/// What a table says that each form costs on each processor.
fn costs(table: &str) -> BTreeMap<&str, Vec<Option<&str>>> {
    let mut cpus: Vec<Vec<&str>> = Vec::new();
    let mut class = Vec::new();
    let mut forms = BTreeMap::new();
    for line in table.lines().skip(1) {
        if line.starts_with("cpu ") {
            cpus.push(Vec::new());
        } else if let Some(numbers) = line.strip_prefix("> ") {
            class.clear();
            for (number, costs) in numbers.split(' ').zip(&cpus) {
                class.push(number.parse::<usize>().ok().map(|number| costs[number]));
            }
        } else if class.is_empty() {
            cpus.last_mut().expect("a processor").push(line);
        } else {
            forms.insert(line, class.clone());
        }
    }
    forms
}
