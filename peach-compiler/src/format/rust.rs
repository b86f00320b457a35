//! Where kernels are in a Rust file: inside of each `peach_fn!`.

use super::lex::{Kind, Token, column_after};
use super::page::Origin;
use std::ops::RangeInclusive;

/// The brackets of each `peach_fn!`, and of other names that a `use` gives to it. One behind
/// `#[rustfmt::skip]` is left alone.
pub(super) fn invocations(tokens: &[Token<'_>]) -> Vec<RangeInclusive<usize>> {
    let names = names(tokens);
    let mut found: Vec<RangeInclusive<usize>> = Vec::new();
    let code: Vec<usize> = (0..tokens.len()).filter(|&at| !tokens[at].is_comment()).collect();
    for (place, three) in code.windows(3).enumerate() {
        let [name, bang, open] = [three[0], three[1], three[2]];
        let is_macro = tokens[name].kind == Kind::Word
            && names.contains(&tokens[name].text)
            && tokens[bang].is("!")
            && tokens[open].kind == Kind::Open;
        let is_inside = found.last().is_some_and(|last| last.contains(&name));
        if is_macro && !is_inside && !is_skipped(tokens, &code[..place]) {
            found.push(open..=tokens[open].partner);
        }
    }
    found
}

/// `peach_fn`, and `kernels` of `peach_fn as kernels`.
fn names<'s>(tokens: &[Token<'s>]) -> Vec<&'s str> {
    let renamed = tokens.windows(3).filter(|three| three[0].is("peach_fn") && three[1].is("as"));
    std::iter::once("peach_fn").chain(renamed.map(|three| three[2].text)).collect()
}

/// Whether `before`, what is before the macro's name, ends with `#[rustfmt::skip]` and a path.
fn is_skipped(tokens: &[Token<'_>], before: &[usize]) -> bool {
    let mut end = before.len();
    while end > 0 && tokens[before[end - 1]].is("::") {
        end = end.saturating_sub(2);
    }
    let skip = ["#", "[", "rustfmt", "::", "skip", "]"];
    let text = before[..end].iter().rev().take(skip.len()).rev().map(|&at| tokens[at].text);
    text.eq(skip)
}

/// Some tokens by themselves.
pub(super) fn region<'s>(tokens: &[Token<'s>], range: RangeInclusive<usize>) -> Vec<Token<'s>> {
    let first = *range.start();
    let mut region = tokens[range].to_vec();
    for token in &mut region {
        token.partner = token.partner.saturating_sub(first);
    }
    region
}

/// Where the bracket at a byte is.
pub(super) fn origin(source: &str, at: usize) -> Origin {
    let line = &source[source[..at].rfind('\n').map_or(0, |end| end + 1)..at];
    let indent = &line[..line.len() - line.trim_start().len()];
    Origin { indent: column_after(indent, 0), column: column_after(line, 0) }
}
