//! What an editor goes by: the names, types, documentation and attributes in the generated items
//! are the user's own tokens, with their places in the source.

use peach_compiler::{abi, emit, pipeline};
use proc_macro2::{LineColumn, TokenStream, TokenTree};

const SOURCE: &str = r#"
/// Documentation of the kernel.
#[must_use]
#[deprecated(note = "old")]
pub(crate) fn the_kernel<'life>(first_argument: &'life Record, second_argument: &[Element]) -> &'life Record {
    return first_argument;
}

#[target_feature(enable = "padlock")]
pub fn with_fallback(third_argument: u64) -> u64 { return third_argument; }

#[fallback]
pub fn with_fallback(fourth_argument: u64) -> u64 { fourth_argument + IN_THE_FALLBACK }

pub unsafe fn of_rust() -> u64 {
    mov rax, sym the_symbol;
    add rax, const { THE_CONSTANT };
    return rax;
}
"#;

/// Every token of `tokens`, at any depth.
fn flat(tokens: TokenStream, all: &mut Vec<TokenTree>) {
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            flat(group.stream(), all);
        }
        all.push(token);
    }
}

fn place_in_source(text: &str) -> LineColumn {
    let before = &SOURCE[..SOURCE.find(text).expect("it is in the source")];
    let column = before.chars().rev().take_while(|&ch| ch != '\n').count();
    LineColumn { line: before.matches('\n').count() + 1, column }
}

#[test]
fn items_carry_the_authors_tokens() {
    let compilation = pipeline::compile(SOURCE.parse().unwrap(), &abi::SYSV64);
    assert_eq!(compilation.diagnostics.iter().count(), 0);
    let mut tokens = Vec::new();
    flat(emit::rust::items(&compilation, Default::default()), &mut tokens);
    let at = |text: &str| {
        let place = place_in_source(text);
        tokens
            .iter()
            .filter(|token| token.span().start() == place && token.to_string().contains(text))
            .count()
    };
    // The function and the module next to it.
    assert!(at("the_kernel") >= 2 && at("with_fallback") >= 2 && at("of_rust") >= 2);
    for text in [
        "first_argument",
        "second_argument",
        "third_argument",
        "fourth_argument",
        "Record",
        "Element",
        "life",
        "must_use",
        "deprecated",
        "IN_THE_FALLBACK",
        "the_symbol",
        "THE_CONSTANT",
    ] {
        assert!(at(text) >= 1, "{text} is not at its place");
    }
    let documentation =
        tokens.iter().any(|token| token.to_string().contains("Documentation of the kernel"));
    assert!(documentation);
}
