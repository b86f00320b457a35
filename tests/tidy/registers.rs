//! Registers go by their names, and by the counts that `isa/register_set.rs` has.

use crate::sources::{in_sources, tests_from};

/// What makes registers of numbers: a set by bits or by a literal count, a register by number. (The
/// names of vector and mask registers are numbers.)
const BY_NUMBER: [&str; 4] = ["RegSet(", "RegSet::first(", "RegSet::one(", "PhysReg::gp("];

#[test]
fn registers_go_by_name() {
    let found = in_sources("", |path, lines| {
        if path.ends_with("isa/register_set.rs") {
            return Vec::new();
        }
        let end = tests_from(path, lines);
        (0..end).filter(|&at| names_by_number(lines[at])).collect()
    });
    assert!(found.is_empty(), "registers by number:\n{}", found.join("\n"));
}

fn names_by_number(line: &str) -> bool {
    let starts_with_digit = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    let calls = BY_NUMBER.iter().flat_map(|call| line.match_indices(call));
    calls.into_iter().any(|(at, call)| starts_with_digit(&line[at + call.len()..]))
}

/// The check finds what it looks for.
#[test]
fn numbers_are_found() {
    for line in ["RegSet(1 << 3 | 1 << 5)", "a - RegSet::first(16)", "PhysReg::gp(4)"] {
        assert!(names_by_number(line), "{line}");
    }
    for line in ["RegSet(taken)", "RegSet::of(&[RBX])", "PhysReg::vector(0)", "PhysReg::gp(num)"] {
        assert!(!names_by_number(line), "{line}");
    }
}
