//! What formatting must not change.

use peach_compiler::abi::SYSV64;
use peach_compiler::{format, pipeline};
use proc_macro2::{TokenStream, TokenTree};
use std::fmt::Write;

/// Formats a text of kernels, and of Rust around them: its tokens stay, and a second time changes
/// nothing.
pub(crate) fn assert_stable(source: &str) {
    for format in [format::kernels, |text: &str| format::rust(text)] {
        let rust = std::format!("mod a {{\n  peach_fn! {{{source}\n}} }}");
        for text in [source, &rust] {
            let once = format(text).unwrap_or_else(|problem| panic!("{problem:?}\n{text}"));
            assert_same_tokens(text, &once);
            let twice = format(&once).unwrap_or_else(|problem| panic!("{problem:?}\n{once}"));
            assert_eq!(once, twice, "of\n{text}\n---\n{once}\n---\n{twice}");
        }
    }
}

/// Compares Rust's own tokens: documentation is text of attributes, other comments are not seen.
pub(crate) fn assert_same_tokens(before: &str, after: &str) {
    let tokens = |text: &str| listed(text.parse().unwrap_or_else(|e| panic!("{e}\n{text}")));
    let (old, new) = (tokens(before), tokens(after));
    let differs = old.lines().zip(new.lines()).position(|(old, new)| old != new);
    let at = differs.unwrap_or(old.lines().count().min(new.lines().count()));
    let around =
        |text: &str| text.lines().skip(at.saturating_sub(5)).take(9).collect::<Vec<_>>().join(" ");
    assert!(old == new, "{}\n{}\n{before}\n---\n{after}", around(&old), around(&new));
}

/// One token a line. Whether signs touch counts only where they would make another one.
fn listed(tokens: TokenStream) -> String {
    let mut text = String::new();
    for tree in tokens {
        match tree {
            TokenTree::Group(group) => {
                let delimiter = group.delimiter();
                let _ = writeln!(text, "{delimiter:?} {{\n{}}}", listed(group.stream()));
            }
            TokenTree::Literal(literal) => {
                let _ = writeln!(text, "{}", literal.to_string().trim_end());
            }
            tree => {
                let _ = writeln!(text, "{tree}");
            }
        }
    }
    text
}

/// What a text compiles to: the bytes of each version, and the codes of errors and warnings.
pub(crate) fn compiled(source: &str) -> (Vec<Vec<u8>>, Vec<&'static str>) {
    let compilation = pipeline::compile(source.parse().expect("it has tokens"), &SYSV64);
    let versions = compilation.kernels.iter().flat_map(|kernel| &kernel.versions);
    let bytes = versions.map(|version| version.encoded.bytes.clone()).collect();
    let codes = compilation.diagnostics.iter().map(|diagnostic| diagnostic.code.id()).collect();
    (bytes, codes)
}
