//! `invariant` and `declassify` made by `macro_rules!`: rustc puts an invisible group around what an
//! `$e:expr` or `$n:literal` stands for, which must not matter, wherever an expression can stand.

use super::{ACCEPTED, REFUSED};
use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::{Diagnostic, Severity};
use peach_compiler::pipeline::compile;
use peach_testing::table;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// What is said of a source: each error with the place that it is at.
fn told(tokens: TokenStream) -> Vec<String> {
    let compilation = compile(tokens, &SYSV64);
    let errors = compilation.diagnostics.iter().filter(|d| d.severity() == Severity::Error);
    let line = |d: &Diagnostic| {
        let (from, to) = (d.place.first.start(), d.place.last.end());
        format!("{} at {from:?} to {to:?}: {}", d.code.id(), d.message)
    };
    errors.map(line).collect()
}

/// The tokens of a statement that may be one fragment: parts of the list, and parts of those.
fn parts(tokens: &[TokenTree]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    for entry in split(tokens, 0..tokens.len(), &[","]) {
        found.push(entry.clone());
        for side in split(tokens, entry, &["<", ">", "<=", ">=", "==", "&&"]) {
            found.push(side.clone());
            for term in split(tokens, side, &["+", "-"]) {
                found.push(term.clone());
                found.extend(split(tokens, term, &["*"]));
            }
        }
    }
    found.sort_by_key(|range| (range.start, range.end));
    found.dedup();
    found.retain(|range| !range.is_empty());
    found
}

/// The tokens of `range` between operators. A sign in front of a term is part of it.
fn split(
    tokens: &[TokenTree],
    range: std::ops::Range<usize>,
    operators: &[&str],
) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let (mut start, mut at) = (range.start, range.start);
    while at < range.end {
        let length = operators.iter().map(|text| text.len()).filter(|length| {
            at + length <= range.end && operators.contains(&&*spelled(&tokens[at..at + length]))
        });
        match length.max().filter(|_| at > start) {
            Some(length) => {
                found.push(start..at);
                at += length;
                start = at;
            }
            None => at += 1,
        }
    }
    found.push(start..range.end);
    found
}

fn spelled(tokens: &[TokenTree]) -> String {
    let mark = |token: &TokenTree| match token {
        TokenTree::Punct(mark) => mark.to_string(),
        TokenTree::Group(_) | TokenTree::Ident(_) | TokenTree::Literal(_) => "?".to_string(),
    };
    tokens.iter().map(mark).collect()
}

/// The tokens with those of `range` in an invisible group.
fn grouped(tokens: &[TokenTree], range: &std::ops::Range<usize>) -> Vec<TokenTree> {
    let inside: TokenStream = tokens[range.clone()].iter().cloned().collect();
    let mut all = tokens.to_vec();
    all.splice(range.clone(), [TokenTree::Group(Group::new(Delimiter::None, inside))]);
    all
}

/// The tokens, and every way to write one part of a statement `word …;` as a fragment.
fn variants(tokens: TokenStream, word: &str) -> Vec<TokenStream> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut all = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            for inside in variants(group.stream(), word) {
                let mut with = tokens.clone();
                with[at] = refilled(group, inside);
                all.push(with.into_iter().collect());
            }
        }
        let is_word = matches!(token, TokenTree::Ident(name) if name == word);
        let is_name = at > 0 && matches!(&tokens[at - 1], TokenTree::Ident(_));
        if !is_word || is_name {
            continue;
        }
        let is_end = |t: &TokenTree| matches!(t, TokenTree::Punct(mark) if mark.as_char() == ';');
        let Some(length) = tokens[at + 1..].iter().position(is_end) else { continue };
        let statement = &tokens[at + 1..at + 1 + length];
        for with in inside(statement) {
            let mut all_tokens = tokens.clone();
            all_tokens.splice(at + 1..at + 1 + length, with);
            all.push(all_tokens.into_iter().collect());
        }
    }
    all
}

/// Every way to write one part of a list of expressions as a fragment, parentheses included.
fn inside(tokens: &[TokenTree]) -> Vec<Vec<TokenTree>> {
    let mut all: Vec<Vec<TokenTree>> =
        parts(tokens).iter().map(|range| grouped(tokens, range)).collect();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let deeper: Vec<TokenTree> = group.stream().into_iter().collect();
        for with in inside(&deeper) {
            let mut outer = tokens.to_vec();
            outer[at] = refilled(group, with.into_iter().collect());
            all.push(outer);
        }
    }
    all
}

/// A group with other tokens.
fn refilled(group: &Group, tokens: TokenStream) -> TokenTree {
    let mut other = Group::new(group.delimiter(), tokens);
    other.set_span(group.span());
    TokenTree::Group(other)
}

/// What is said of each variant is what is said of the source; how many there are.
fn check(source: &str, word: &str) -> Result<usize, String> {
    let tokens: TokenStream = source.parse().expect("tokens");
    let expected = told(tokens.clone());
    let variants = variants(tokens, word);
    for variant in &variants {
        let said = told(variant.clone());
        if codes(&said) != codes(&expected) {
            return Err(format!("{}\n{said:#?}\nnot\n{expected:#?}", shown(variant.clone())));
        }
    }
    Ok(variants.len())
}

/// Where each error begins, and its code.
fn codes(told: &[String]) -> Vec<String> {
    told.iter().map(|line| line.split(" to ").next().expect("a place").to_string()).collect()
}

/// Tokens with `⟦…⟧` around invisible groups.
fn shown(tokens: TokenStream) -> String {
    let one = |token: TokenTree| match token {
        TokenTree::Group(group) => {
            let inside = shown(group.stream());
            match group.delimiter() {
                Delimiter::None => format!("⟦{inside}⟧"),
                Delimiter::Brace => format!("{{ {inside} }}"),
                Delimiter::Bracket => format!("[{inside}]"),
                Delimiter::Parenthesis => format!("({inside})"),
            }
        }
        token => token.to_string(),
    };
    tokens.into_iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn invariants_of_fragments_are_those_of_their_tokens() {
    let refused = REFUSED.iter().map(|(_, name, source)| (*name, *source));
    let mut count = 0;
    table::try_all(ACCEPTED.iter().copied().chain(refused), |source| {
        count += check(source, "invariant")?;
        Ok(())
    });
    println!("{count} fragments");
    assert!(count > 200, "only {count}");
}

/// `declassify`, with what is refused after it.
const DECLASSIFIED: &[(&str, &str)] = &[
    (
        "a register, a view",
        "fn f(#[secret] x: u64) { declassify x, x.gp32; test x, x; jz 'e; 'e: }",
    ),
    (
        "arrays",
        "fn f(#[secret] x: u64) { let a: [gp64; 2]; mov a[0], x; mov a[1], x;
        declassify a[0..1], a[1]; declassify a; test a[0], a[1]; jz 'e; 'e: }",
    ),
    ("halves", "fn f(#[secret] x: u128) { declassify x.lo; test x.lo, x.lo; jz 'e; 'e: }"),
    ("the other half", "fn f(#[secret] x: u128) { declassify x.lo; test x.hi, x.hi; jz 'e; 'e: }"),
    (
        "a stack variable",
        "fn f(#[secret] x: u64) { let b: u64; mov [b], x; declassify b;
        cmp qword [b], 1; jz 'e; 'e: }",
    ),
    (
        "physical",
        "fn f(#[secret] x: u64) { mov rax, x; declassify rax, xmm1, k1;
        test rax, rax; jz 'e; 'e: }",
    ),
    (
        "a parameter",
        "inline fn h(a: gp64) { declassify a; } fn f(#[secret] x: u64) { h(x);
        test x, x; jz 'e; 'e: }",
    ),
    ("memory", "fn f(x: &u64) { declassify [x]; }"),
    ("a number", "fn f() { declassify 7; }"),
    ("a slice", "fn f(#[secret] x: &[u8]) { declassify x; }"),
    ("nothing of that name", "fn f() { declassify nothing; }"),
    ("an element too far", "fn f() { let a: [gp64; 2]; declassify a[2]; }"),
];

#[test]
fn what_is_declassified_may_be_a_fragment() {
    let mut count = 0;
    table::try_all(DECLASSIFIED.iter().copied(), |source| {
        count += check(source, "declassify")?;
        Ok(())
    });
    assert!(count > 15, "only {count}");
}
