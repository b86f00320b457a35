//! A `match` on operations or on mnemonics names all that it means: an arm for "all others" would
//! take in, without a word, what is added later.
//!
//! `sandbox/validate.rs` and `encode/verify/mod.rs` may have such an arm for mnemonics: they read
//! machine code for themselves, and refuse what they do not name.

use crate::sources::{in_tests, sources};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::path::Path;

const DECODERS: [&str; 2] = ["sandbox/validate.rs", "encode/verify/mod.rs"];

#[test]
fn no_wildcards_over_operations_and_mnemonics() {
    let mut found = Vec::new();
    for (path, text) in sources("") {
        if in_tests(&path) {
            continue;
        }
        let lines = wildcards(&text, &enums(&path, &text));
        found.extend(lines.into_iter().map(|line| format!("{}:{line}", path.display())));
    }
    assert!(found.is_empty(), "`_ =>` beside arms for operations or mnemonics:\n{found:#?}");
}

/// What the enums are called in a file: by their own names or by those of an import.
fn enums(path: &Path, text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::from(["Op".to_string()]);
    if !DECODERS.iter().any(|decoder| path.ends_with(decoder)) {
        names.insert("Mnemonic".to_string());
        let aliases = text.split("Mnemonic as ").skip(1);
        names.extend(
            aliases
                .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric()).collect::<String>()),
        );
    }
    names
}

/// The lines of arms `_ =>` in matches with an arm for a variant of one of `enums`.
fn wildcards(text: &str, enums: &BTreeSet<String>) -> Vec<usize> {
    let tokens: TokenStream = text.parse().expect("a source has tokens");
    let mut found = Vec::new();
    find(tokens, enums, &mut found);
    found
}

fn find(tokens: TokenStream, enums: &BTreeSet<String>, found: &mut Vec<usize>) {
    let mut in_match = false;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => in_match |= ident == "match",
            TokenTree::Punct(punct) => in_match &= punct.as_char() != ';',
            TokenTree::Group(group) => {
                if in_match && group.delimiter() == Delimiter::Brace {
                    found.extend(wildcard_of(&group, enums));
                    in_match = false;
                }
                find(group.stream(), enums, found);
            }
            TokenTree::Literal(_) => {}
        }
    }
}

/// The line of the arm for all others, where another arm names one of `enums`.
fn wildcard_of(arms: &Group, enums: &BTreeSet<String>) -> Option<usize> {
    let patterns = patterns(arms);
    let names_one = |pattern: &Vec<TokenTree>| names_variant(pattern, enums);
    if !patterns.iter().any(names_one) {
        return None;
    }
    let is_wildcard = |pattern: &&Vec<TokenTree>| {
        matches!(&pattern[..], [TokenTree::Ident(word), rest @ ..] if word == "_"
            && rest.first().is_none_or(|next| matches!(next, TokenTree::Ident(word) if word == "if")))
    };
    patterns.iter().find(is_wildcard).map(|pattern| pattern[0].span().start().line)
}

/// The patterns of a match, with their conditions.
fn patterns(arms: &Group) -> Vec<Vec<TokenTree>> {
    let is = |token: Option<&TokenTree>, char: char| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char);
    let tokens: Vec<TokenTree> = arms.stream().into_iter().collect();
    let mut patterns = Vec::new();
    let mut at = 0;
    while let Some(length) =
        (at..tokens.len()).position(|n| is(tokens.get(n), '=') && is(tokens.get(n + 1), '>'))
    {
        patterns.push(tokens[at..at + length].to_vec());
        at += length + 2;
        let is_block = matches!(tokens.get(at), Some(TokenTree::Group(group))
            if group.delimiter() == Delimiter::Brace);
        if !is_block {
            at += tokens[at..].iter().take_while(|token| !is(Some(token), ',')).count();
        } else {
            at += 1;
        }
        at += usize::from(is(tokens.get(at), ','));
    }
    patterns.retain(|pattern| !pattern.is_empty());
    patterns
}

/// Whether `Op::Variant` stands in a pattern, before its condition.
fn names_variant(pattern: &[TokenTree], enums: &BTreeSet<String>) -> bool {
    let before_if = pattern.iter().take_while(|t| !matches!(t, TokenTree::Ident(w) if w == "if"));
    let tokens: Vec<&TokenTree> = before_if.collect();
    (0..tokens.len()).any(|at| match tokens[at] {
        TokenTree::Ident(word) if enums.contains(&word.to_string()) => {
            matches!(tokens.get(at + 1), Some(TokenTree::Punct(punct)) if punct.as_char() == ':')
        }
        TokenTree::Group(group) => {
            names_variant(&group.stream().into_iter().collect::<Vec<_>>(), enums)
        }
        _ => false,
    })
}

/// The rule finds what it looks for.
#[test]
fn a_wildcard_is_found() {
    let enums = BTreeSet::from(["Op".to_string(), "M".to_string()]);
    let arms = |arms: &str| wildcards(&format!("fn f() {{ match x {{\n{arms}\n}} }}"), &enums);
    assert_eq!(arms("Op::Copy => 1,\n_ => 2,"), [3]);
    assert_eq!(arms("(Some(M::Mov), 1) if a => {}\n_ if b => {}"), [3]);
    assert_eq!(arms("Op::Copy => match y {\n1 => 2,\n_ => 3,\n},\nOp::Label => {}"), []);
    assert_eq!(arms("Op::Copy { .. } => 1,\nother => 2"), []);
    assert_eq!(arms("x if x == M::Mov => 1,\n_ => 2"), []);
}
