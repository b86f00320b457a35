//! The documentation of functions: what kernels need of a processor.

use super::{rustc, temporary, text};
use peach_compiler::{abi, emit, pipeline};

fn items(source: &str) -> String {
    let compilation = pipeline::compile(source.parse().unwrap(), &abi::SYSV64);
    emit::rust::items(&compilation, Default::default()).to_string()
}

/// The sentence about panics in the documentation of `fn f`, if there is one.
fn panics(attributes: &str, more: &str) -> Option<String> {
    let items = items(&format!("{attributes} pub fn f(x: u64) -> u64 {{ return x; }} {more}"));
    let (function, _) = items.split_once("pub fn f").expect("the function");
    let (_, sentence) = function.split_once("\\n# Panics\\n\\n")?;
    Some(sentence.split('"').next().expect("text").to_string())
}

#[test]
fn a_kernel_says_what_it_needs_of_the_processor() {
    let one = "/// F.\n #[target_feature(enable = \"avx2,bmi1\")]";
    assert_eq!(panics(one, ""), Some("Unless the processor has `bmi1` and `avx2`.".to_string()));
    let two = "/// F.\n #[version(enable = \"avx512f\")] #[version(enable = \"sse4.1\")]";
    let said = "Unless the processor has `avx512f`, or `sse4.1`.";
    assert_eq!(panics(two, ""), Some(said.to_string()));
}

#[test]
fn what_runs_everywhere_says_nothing() {
    let fallback = "#[fallback] pub fn f(x: u64) -> u64 { x }";
    assert_eq!(panics("/// F.\n #[target_feature(enable = \"avx2\")]", fallback), None);
    assert_eq!(panics("/// F.\n", ""), None);
    assert_eq!(panics("/// F.\n #[version(enable = \"avx2\", W = 2)] #[version(W = 1)]", ""), None);
}

/// The author's own section stays alone, and a function without documentation is found by rustc.
#[test]
fn the_author_decides() {
    let own = "/// # Panics\n /// Never.\n #[target_feature(enable = \"avx2\")]";
    assert_eq!(panics(own, ""), None);
    let hidden = "#[doc(hidden)] #[target_feature(enable = \"avx2\")]";
    assert_eq!(panics(hidden, ""), None);
    let bare = items("#[target_feature(enable = \"avx2\")] pub fn f(x: u64) -> u64 { return x; }");
    let path = temporary("undocumented.rs");
    std::fs::write(&path, format!("//! A crate.\n#![deny(missing_docs)]\n{bare}")).unwrap();
    let output = rustc(&path, "2024").args(["--crate-type", "lib"]).output().unwrap();
    assert!(text(&output).contains("missing documentation for a function"), "{}", text(&output));
}
