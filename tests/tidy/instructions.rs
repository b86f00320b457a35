//! Habits that the compiler of Rust does not check: what is known of instructions is in tables
//! keyed by iced's mnemonics, never in a match on a printed name.
//!
//! `sandbox/validate.rs` and `encode/verify/mod.rs` are not checked: they read machine code for
//! themselves, and refuse what they do not name.

use crate::sources::in_sources;

/// In `isa`, a `match` on mnemonics names all that it means: no arm for "all others".
#[test]
fn no_default_over_mnemonics() {
    let found = in_sources("isa", |_, lines| {
        let starts = (0..lines.len()).filter(|&at| is_match_on_mnemonic(lines[at]));
        starts.filter_map(|at| default_arm(lines, at)).collect()
    });
    assert!(found.is_empty(), "`_ =>` in a match on mnemonics:\n{}", found.join("\n"));
}

/// Effects never look at how a mnemonic is spelled.
#[test]
fn effects_match_no_names() {
    let spells = |line: &str| {
        let asks = ["starts_with(", "ends_with(", "to_ascii_lowercase", "strip_prefix("];
        let prints = line.contains("{:?}") || line.contains("mnemonic:?}");
        asks.iter().any(|call| line.contains(call))
            || (prints && line.contains("format!"))
            || line.contains(".name() ==")
    };
    let found = in_sources("isa/effects", |_, lines| {
        (0..lines.len()).filter(|&at| spells(lines[at])).collect()
    });
    assert!(found.is_empty(), "the name of an instruction is matched:\n{}", found.join("\n"));
}

/// Features are named by their constants: a misspelled string is "not available" in silence.
#[test]
fn no_features_by_name() {
    let found = in_sources("", |_, lines| {
        (0..lines.len()).filter(|&at| lines[at].contains("Feature::parse(\"")).collect()
    });
    assert!(found.is_empty(), "a feature by its name:\n{}", found.join("\n"));
}

/// The checks find what they look for.
#[test]
fn a_default_is_found() {
    let text = "    match code.mnemonic() {\n        M::Mov => 1,\n        _ => 2,\n    }\n";
    let lines: Vec<&str> = text.lines().collect();
    assert!(is_match_on_mnemonic(lines[0]));
    assert_eq!(default_arm(&lines, 0), Some(2));
    assert!(!is_match_on_mnemonic("match kind {"));
}

fn is_match_on_mnemonic(line: &str) -> bool {
    let scrutinee = line.split_once("match ").map(|(_, rest)| rest.trim_end());
    scrutinee.and_then(|rest| rest.strip_suffix(" {")).is_some_and(|rest| {
        ["mnemonic()", "mnemonic", "meaning.row"].iter().any(|end| rest.ends_with(end))
    })
}

/// The line of the arm `_ =>`, with or without a condition, of the match that starts in line `at`.
fn default_arm(lines: &[&str], at: usize) -> Option<usize> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let inside = (at + 1..lines.len())
        .take_while(|&n| lines[n].trim().is_empty() || indent(lines[n]) > indent(lines[at]));
    inside.into_iter().find(|&n| {
        indent(lines[n]) == indent(lines[at]) + 4
            && (lines[n].trim_start().starts_with("_ =>")
                || lines[n].trim_start().starts_with("_ if"))
    })
}
