//! `hygiene.rs` in every edition that the macro can be used from.

use super::{rustc, text};
use std::path::Path;

#[test]
fn every_edition_compiles() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hygiene.rs");
    for edition in ["2018", "2021", "2024"] {
        let output = rustc(&source, edition).arg("--test").output().unwrap();
        assert!(output.status.success(), "edition {edition}:\n{}", text(&output));
    }
}
