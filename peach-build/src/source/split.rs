//! Items and whatever else attributes can be before, told apart by their tokens alone.
//!
//! Rust's grammar is not needed for that: an attribute belongs to what follows, up to its `;`, its
//! `,` or its braces, and the first words say which of these ends it.

use proc_macro2::{Delimiter, Group, TokenTree};

/// How deep groups, modules, includes and macros may nest in one another.
pub(super) const NESTING_MAX: usize = 120;

/// Whether a token is this sign.
pub(super) fn is_punct(tree: Option<&TokenTree>, ch: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == ch)
}

/// An attribute: `#[…]` or `#![…]`.
pub(super) struct Attribute<'t> {
    /// How many tokens it has.
    pub(super) len: usize,
    /// `#![…]`.
    pub(super) is_inner: bool,
    /// The brackets.
    pub(super) brackets: &'t Group,
}

/// The attribute that `tokens` start with.
pub(super) fn attribute(tokens: &[TokenTree]) -> Option<Attribute<'_>> {
    let is = |index: usize, ch: char| {
        matches!(tokens.get(index), Some(TokenTree::Punct(p))
        if p.as_char() == ch)
    };
    if !is(0, '#') {
        return None;
    }
    let is_inner = is(1, '!');
    let at = 1 + usize::from(is_inner);
    match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
            Some(Attribute { len: at + 1, is_inner, brackets: group })
        }
        _ => None,
    }
}

/// Where what `tokens` start with ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// After a semicolon: `use`, `const`, `let`.
    Semicolon,
    /// After a semicolon or braces: `fn`, `mod`, `impl`.
    Body,
    /// After a semicolon, a comma or braces: fields, arms, expressions, macros.
    Any,
}

/// How many tokens belong to what `tokens`, which have no attributes in front, start with.
pub(super) fn length(tokens: &[TokenTree]) -> usize {
    let end = end_of(tokens);
    // Of a function, braces before the parameters are part of its name: `pack_{B}`.
    let mut is_named = true;
    for (index, tree) in tokens.iter().enumerate() {
        let ends = match tree {
            TokenTree::Punct(punct) => match punct.as_char() {
                ';' => true,
                ',' => end == End::Any,
                _ => false,
            },
            TokenTree::Ident(word) if word == "fn" => {
                is_named = false;
                false
            }
            TokenTree::Group(group) => match group.delimiter() {
                Delimiter::Brace => end != End::Semicolon && is_named,
                Delimiter::Parenthesis => {
                    is_named = true;
                    false
                }
                _ => false,
            },
            _ => false,
        };
        if ends {
            return index + 1;
        }
    }
    tokens.len()
}

fn end_of(tokens: &[TokenTree]) -> End {
    let mut is_const = false;
    for tree in tokens {
        match tree {
            TokenTree::Ident(word) => match word.to_string().as_str() {
                "pub" | "unsafe" | "async" | "default" | "crate" => {}
                "const" => is_const = true,
                // `extern crate a;`, `extern "C" fn`, `extern "C" { … }`.
                "extern" => {}
                "use" | "static" | "type" | "let" | "return" => return End::Semicolon,
                "fn" | "mod" | "impl" | "struct" | "enum" | "union" | "trait" | "inline"
                | "for" | "macro_rules" => return End::Body,
                _ if is_const => return End::Semicolon,
                _ => return End::Any,
            },
            // `pub(crate)`, `extern "C"`.
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {}
            TokenTree::Literal(_) => {}
            TokenTree::Group(_) if is_const => return End::Body,
            _ => return End::Any,
        }
    }
    End::Any
}

/// The name of the kernel or fallback that `item`, which has no attributes in front, is.
pub(super) fn function_name(item: &[TokenTree]) -> Option<String> {
    const BEFORE: [&str; 6] = ["pub", "unsafe", "extern", "async", "const", "safe"];
    for (index, tree) in item.iter().enumerate() {
        match tree {
            TokenTree::Ident(word) if word == "fn" => {
                return item.get(index + 1).map(TokenTree::to_string);
            }
            TokenTree::Ident(word) if BEFORE.iter().any(|before| word == before) => {}
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {}
            // `extern "C"`, which a macro may have put in an invisible group.
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {}
            TokenTree::Literal(_) => {}
            _ => return None,
        }
    }
    None
}
