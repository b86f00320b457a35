//! Tokens in one flat buffer.
//!
//! In: a `TokenStream`. Out: a [`Buffer`] that holds every token once, groups as an opening and a
//! closing token, so that looking ahead costs an index and no call into the Rust compiler.
//! Invariant: an `Open` knows the index of its `Close`.
//! Fails: groups nested deeper than [`NESTING_MAX`] are an error, so that no later stage recurses
//! without bound.

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use proc_macro2::{Delimiter, Group, Ident, Literal, Spacing, Span, TokenStream, TokenTree};
use std::cell::Cell;

/// How deep groups and operand prefixes may nest. A level of statements takes about 22 KiB of stack
/// without optimization, and a thread may have 2 MiB.
pub(super) const NESTING_MAX: u32 = 60;

/// A token.
#[derive(Debug)]
pub(super) enum Token {
    /// A name or keyword; `text` has no `r#`.
    Ident { ident: Ident, text: String, raw: bool },
    /// One character of an operator; `joint` if the next one follows without a space.
    Punct { ch: char, joint: bool, span: Span },
    /// A number, string or character.
    Literal(Literal),
    /// The start of a group, and where it ends. `opaque` is that of an invisible group which is
    /// known not to be an expression by itself.
    Open { group: Group, delimiter: Delimiter, close: usize, opaque: Cell<bool> },
    /// The end of a group.
    Close { delimiter: Delimiter, span: Span },
    /// A group that is nested too deep, whose inside is lost.
    TooDeep(Span),
}

impl Token {
    pub(super) fn span(&self) -> Span {
        match self {
            Token::Ident { ident, .. } => ident.span(),
            Token::Punct { span, .. } | Token::Close { span, .. } | Token::TooDeep(span) => *span,
            Token::Literal(literal) => literal.span(),
            Token::Open { group, .. } => group.span_open(),
        }
    }

    pub(super) fn is_invisible(&self) -> bool {
        matches!(
            self,
            Token::Open { delimiter: Delimiter::None, .. }
                | Token::Close { delimiter: Delimiter::None, .. }
        )
    }

    /// The token in a message.
    pub(super) fn describe(&self) -> String {
        match self {
            Token::Ident { text, raw: false, .. } => format!("`{text}`"),
            Token::Ident { text, .. } => format!("`r#{text}`"),
            Token::Punct { ch, .. } => format!("`{ch}`"),
            Token::Literal(literal) => format!("`{literal}`"),
            Token::Open { delimiter, .. } => format!("`{}`", delimiters(*delimiter).0),
            Token::Close { delimiter, .. } => format!("`{}`", delimiters(*delimiter).1),
            Token::TooDeep(_) => "groups in groups".into(),
        }
    }
}

/// How a group of this kind opens and closes.
pub(super) fn delimiters(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

/// All tokens of a stream.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) tokens: Vec<Token>,
}

impl Buffer {
    /// Flattens `stream`.
    pub(super) fn new(stream: TokenStream, diagnostics: &mut Diagnostics) -> Buffer {
        let mut tokens = Vec::new();
        flatten(stream.clone(), 0, &mut tokens);
        let too_deep = tokens.iter().find_map(|token| match token {
            Token::TooDeep(span) => Some(*span),
            _ => None,
        });
        if let Some(span) = too_deep {
            diagnostics.push(nested_too_deep(span));
            // Groups are taken as a whole here and there: none may be deeper than it seems.
            tokens.clear();
            flatten(trimmed(stream, 0), 0, &mut tokens);
        }
        Buffer { tokens }
    }
}

/// The error for a group at `span` inside too many others.
pub(super) fn nested_too_deep(span: Span) -> Diagnostic {
    let message = format!("groups are nested more than {NESTING_MAX} levels deep");
    Diagnostic::new(Code::Syntax, span, message)
}

/// The stream with empty groups in the place of those that are nested too deep.
fn trimmed(stream: TokenStream, depth: u32) -> TokenStream {
    let trim = |tree| match tree {
        TokenTree::Group(group) => {
            let inside = match depth < NESTING_MAX {
                true => trimmed(group.stream(), depth + 1),
                false => TokenStream::new(),
            };
            let mut new = Group::new(group.delimiter(), inside);
            new.set_span(group.span());
            new.into()
        }
        other => other,
    };
    stream.into_iter().map(trim).collect()
}

fn flatten(stream: TokenStream, depth: u32, tokens: &mut Vec<Token>) {
    for tree in stream {
        match tree {
            TokenTree::Ident(ident) => {
                let mut text = ident.to_string();
                let raw = text.starts_with("r#");
                if raw {
                    text.drain(..2);
                }
                tokens.push(Token::Ident { ident, text, raw });
            }
            TokenTree::Punct(punct) => tokens.push(Token::Punct {
                ch: punct.as_char(),
                joint: punct.spacing() == Spacing::Joint,
                span: punct.span(),
            }),
            TokenTree::Literal(literal) => tokens.push(Token::Literal(literal)),
            TokenTree::Group(group) if depth == NESTING_MAX => {
                tokens.push(Token::TooDeep(group.span_open()));
            }
            TokenTree::Group(group) => {
                let (delimiter, span, inner) =
                    (group.delimiter(), group.span_close(), group.stream());
                let open = tokens.len();
                tokens.push(Token::Open { group, delimiter, close: 0, opaque: Cell::new(false) });
                flatten(inner, depth + 1, tokens);
                let end = tokens.len();
                if let Token::Open { close, .. } = &mut tokens[open] {
                    *close = end;
                }
                tokens.push(Token::Close { delimiter, span });
            }
        }
    }
}

/// The group, with those around a single name, literal or lifetime dissolved, in it and around it:
/// rustc and the stages that look for lifetimes must see `<'a>`, not `<` and a fragment. Groups
/// around several tokens stay, since precedence may depend on them.
pub(super) fn without_needless_groups(group: Group) -> Vec<TokenTree> {
    let inside: Vec<TokenTree> = group
        .stream()
        .into_iter()
        .flat_map(|tree| match tree {
            TokenTree::Group(inner) => without_needless_groups(inner),
            other => vec![other],
        })
        .collect();
    let is_needless = match &inside[..] {
        [_] => true,
        [TokenTree::Punct(quote), TokenTree::Ident(_)] => quote.as_char() == '\'',
        _ => false,
    };
    if group.delimiter() == Delimiter::None && is_needless {
        return inside;
    }
    let mut whole = Group::new(group.delimiter(), inside.into_iter().collect());
    whole.set_span(group.span());
    vec![whole.into()]
}
