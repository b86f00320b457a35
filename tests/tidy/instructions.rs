//! Habits that the compiler of Rust does not check: what is known of instructions is in tables
//! keyed by iced's mnemonics, never in a match on a printed name.

use crate::sources::in_sources;

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
