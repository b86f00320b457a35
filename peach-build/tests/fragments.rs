//! The command expands `macro_rules!` by itself: expressions as fragments, in every position, make
//! the code that they make in parentheses. (tests/rustc compares the same programs with rustc's.)

use peach_build::{Compiled, Platform, Request};
use peach_testing::fragments;
use std::path::PathBuf;

/// The code of every function of a file.
fn code(name: &str, source: &str) -> Vec<(String, Vec<u8>)> {
    let path: PathBuf =
        std::env::temp_dir().join(format!("peach-fragments-{}-{name}.rs", std::process::id()));
    std::fs::write(&path, source).expect("written");
    let platform = Platform::new(&Request::default()).expect("a platform");
    let naming = peach_compiler::emit::mangling::Naming::default();
    let compiled: Result<Compiled, _> =
        peach_build::compile(&path, &platform, &[], &naming, &mut ());
    std::fs::remove_file(&path).expect("removed");
    let module = compiled.unwrap_or_else(|error| panic!("{error}")).module;
    module.functions.into_iter().map(|f| (f.symbol, f.compiled.encoded.bytes)).collect()
}

#[test]
fn fragments_are_as_good_as_parentheses() {
    let cases = fragments::cases(4, 2);
    let by_macro: String = cases.iter().map(|case| case.by_macro.as_str()).collect();
    let by_hand: String = cases.iter().map(|case| case.by_hand.as_str()).collect();
    let (by_macro, by_hand) = (code("macro", &by_macro), code("hand", &by_hand));
    assert_eq!(by_macro.len(), cases.len());
    for ((case, found), wanted) in cases.iter().zip(&by_macro).zip(&by_hand) {
        assert_eq!(found, wanted, "{}", case.by_macro);
    }
}

#[test]
fn statements_are_fragments() {
    let cases = fragments::statements();
    let by_macro: String = cases.iter().map(|case| case.by_macro.as_str()).collect();
    let by_hand: String = cases.iter().map(|case| case.by_hand.as_str()).collect();
    assert_eq!(code("statements", &by_macro), code("statements-by-hand", &by_hand));
}
