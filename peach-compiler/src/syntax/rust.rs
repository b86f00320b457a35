//! What is Rust's in the language is parsed by `syn`: types, generic parameters, bounds, paths,
//! visibility.
//!
//! In: a cursor at such a piece. Out: the node of `syn`, with the cursor behind it.
//! Invariants: `syn` recurses over what is nested, and never sees more than [`NESTING_MAX`] levels.
//! It sees no invisible groups, which mean nothing in these places, and a number in the place of an
//! array's length, which is an expression of the language.
//! Fails: with a syntax error at the token that `syn` stops at.

use super::buffer::{NESTING_MAX, Token};
use super::cursor::{Cursor, Parsed};
use crate::diagnostics::Diagnostic;
use proc_macro2::{Delimiter, Group, Literal, Punct, Spacing, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream, Parser};

/// Tokens that `syn` may see: those from one cursor to another.
pub(super) struct Piece<'a> {
    pub(super) start: Cursor<'a>,
    end: Cursor<'a>,
    /// The lengths of arrays: `syn` sees an index into this list in the place of each.
    lengths: Vec<Cursor<'a>>,
}

impl<'a> Piece<'a> {
    /// The tokens up to the first of `ends` outside of angle brackets and groups, or to a block.
    pub(super) fn until(c: &Cursor<'a>, ends: &[char]) -> Piece<'a> {
        let mut end = *c;
        go_to(&mut end, ends);
        Piece { start: *c, end, lengths: Vec::new() }
    }

    /// The tokens up to the `=` of an attribute.
    pub(super) fn until_value(c: &Cursor<'a>) -> Piece<'a> {
        let mut end = *c;
        while !end.is_end() && !end.is_punct('=') {
            end.bump();
        }
        Piece { start: *c, end, lengths: Vec::new() }
    }

    /// The next tokens, of which there are `count`.
    pub(super) fn next(c: &Cursor<'a>, count: usize) -> Piece<'a> {
        let end = (0..count).fold(*c, |end, _| end.ahead());
        Piece { start: *c, end, lengths: Vec::new() }
    }

    /// What the piece starts with, which is `what`; `c` goes behind it.
    pub(super) fn parse<T: Parse>(&mut self, c: &mut Cursor<'a>, what: &str) -> Parsed<T> {
        self.check_nesting()?;
        let (places, trees): (Vec<_>, Vec<_>) =
            self.trees(self.start, self.end).into_iter().unzip();
        let node_and_rest = |input: ParseStream<'_>| Ok((input.parse()?, input.parse()?));
        let parsed: syn::Result<(T, TokenStream)> =
            node_and_rest.parse2(trees.into_iter().collect());
        let (node, rest) = parsed.map_err(|problem| self.refused(&problem, what))?;
        let read = places.len() - rest.into_iter().count();
        *c = places.get(read).copied().unwrap_or(self.end);
        Ok(node)
    }

    /// The length of an array that `syn` has parsed.
    pub(super) fn length(&self, array: &syn::TypeArray) -> Option<Cursor<'a>> {
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(index), .. }) = &array.len else {
            return None;
        };
        self.lengths.get(index.base10_parse::<usize>().ok()?).copied()
    }

    /// An error where groups, angle brackets and what starts with an operator are nested too deep.
    fn check_nesting(&self) -> Parsed<()> {
        let mut level = 0;
        let mut around: Vec<(Brackets, u32)> = Vec::new();
        let mut is_arrow = false;
        for (token, at) in self.start.flat_until(&self.end) {
            match token {
                Token::Open { .. } => {
                    around.push((Brackets::Group, level));
                    level += 1;
                }
                Token::Punct { ch: '<', .. } => {
                    around.push((Brackets::Angle, level));
                    level += 1;
                }
                Token::Close { .. } => {
                    while let Some((brackets, outside)) = around.pop() {
                        level = outside;
                        if brackets == Brackets::Group {
                            break;
                        }
                    }
                }
                Token::Punct { ch: '>', .. } if !is_arrow => {
                    if let Some((_, outside)) = around.pop_if(|(b, _)| *b == Brackets::Angle) {
                        level = outside;
                    }
                }
                Token::Punct { ch: ',' | ';' | '+', .. } => {
                    level = around.last().map_or(0, |(_, outside)| outside + 1);
                }
                Token::Punct { ch: ':' | '\'', .. } => {}
                // `&`, `*`, the arrow of a function's result.
                Token::Punct { .. } => level += 1,
                Token::Ident { .. } | Token::Literal(_) | Token::TooDeep(_) => {}
            }
            is_arrow = matches!(token, Token::Punct { ch: '-', .. });
            if level > NESTING_MAX {
                return Err(at.error(format!("this is nested more than {NESTING_MAX} levels deep")));
            }
        }
        Ok(())
    }

    /// What `syn` sees of the tokens from `c` to `end`: groups as one token, each with its place.
    fn trees(&mut self, mut c: Cursor<'a>, end: Cursor<'a>) -> Vec<(Cursor<'a>, TokenTree)> {
        let mut trees = Vec::new();
        while end.is_past(&c) && !c.is_end() {
            let start = c;
            // An argument may be a negative number, which `syn` does not expect.
            if c.is_punct('-') && c.ahead().literal().is_some() {
                c.bump();
            }
            let at = c;
            match c.bump() {
                Some(Token::Open { group, delimiter, .. }) => {
                    let inside = match (at.group(*delimiter), delimiter) {
                        (Some((inside, _)), Delimiter::Bracket) => self.in_brackets(inside),
                        (Some((inside, _)), _) => self.tokens(inside, inside.to_end()),
                        (None, _) => TokenStream::new(),
                    };
                    let mut whole = Group::new(*delimiter, inside);
                    whole.set_span(group.span());
                    trees.push((start, TokenTree::Group(whole)));
                }
                _ => trees.extend(c.tokens_since(&at).into_iter().map(|tree| (start, tree))),
            }
        }
        trees
    }

    fn tokens(&mut self, c: Cursor<'a>, end: Cursor<'a>) -> TokenStream {
        self.trees(c, end).into_iter().map(|(_, tree)| tree).collect()
    }

    /// `T; 0` of `T; N`, if `N` is the first length.
    fn in_brackets(&mut self, inside: Cursor<'a>) -> TokenStream {
        let mut end = inside;
        go_to(&mut end, &[';']);
        let mut tokens = self.tokens(inside, end);
        if end.is_punct(';') {
            let mut index = Literal::usize_unsuffixed(self.lengths.len());
            index.set_span(end.ahead().span());
            self.lengths.push(end.ahead());
            let semicolon = Punct::new(';', Spacing::Alone);
            tokens.extend([TokenTree::Punct(semicolon), TokenTree::Literal(index)]);
        }
        tokens
    }

    fn refused(&self, problem: &syn::Error, what: &str) -> Box<Diagnostic> {
        let message = problem.to_string();
        let place = problem.span().start();
        let found =
            self.start.flat_until(&self.end).find(|(token, _)| token.span().start() == place);
        let at = found.map_or(self.end, |(_, at)| at);
        let message = message.trim_start_matches("unexpected end of input, ");
        // What may start a type is a long list.
        match message.starts_with("expected one of") || !at.is_past(&self.start) {
            true => at.expected(what),
            false => at.error(format!("{message}, found {}", at.describe())),
        }
    }
}

/// What is around a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brackets {
    Group,
    Angle,
}

/// Goes to the first of `ends` outside of angle brackets, to a block, or to the end of the group.
pub(super) fn go_to(c: &mut Cursor<'_>, ends: &[char]) {
    let mut angles = 0u32;
    // In angle brackets, a block may be an argument; after anything else than this, it is not.
    let mut may_be_argument = false;
    while !c.is_end() && (may_be_argument || !c.is_group(Delimiter::Brace)) {
        if c.eat_op("->") {
            continue;
        }
        match c.punct() {
            Some((ch, _)) if angles == 0 && ends.contains(&ch) => return,
            Some(('<', _)) => angles += 1,
            Some(('>', _)) => angles = angles.saturating_sub(1),
            _ if angles == 0 && c.is_word("where") => return,
            _ => {}
        }
        may_be_argument = angles > 0 && matches!(c.punct(), Some(('<' | ',' | '=', _)));
        c.bump();
    }
}
