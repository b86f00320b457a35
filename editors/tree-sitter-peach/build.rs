//! Generates the parser from `grammar.js` with Node.js, and compiles it.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=grammar.js");
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let grammar = folder.join("grammar.js");
    // The version of the parser's tables that every tree-sitter since 0.20 reads.
    let version = 14;
    let grammar = grammar.to_str();
    tree_sitter_generate::generate_parser_in_directory(
        folder,
        Some(&out),
        grammar,
        version,
        None,
        Some("node"),
    )
    .unwrap_or_else(|error| panic!("{error}"));
    let parser = Path::new(&out).join("parser.c");
    cc::Build::new().include(&out).file(parser).warnings(false).compile("tree-sitter-peach");
}
