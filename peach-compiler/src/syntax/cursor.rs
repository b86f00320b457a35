//! A cursor over the tokens of a [`Buffer`].
//!
//! Invisible groups (`Delimiter::None`, left by `macro_rules!` around fragments) are skipped by
//! every method but [`Cursor::invisible_group`]. Fails: at the token that is not as expected.

use super::buffer::{
    Buffer, NESTING_MAX, Token, delimiters, nested_too_deep, without_needless_groups,
};
use crate::diagnostics::{Code, Diagnostic, Place};
use proc_macro2::{Delimiter, Group, Ident, Literal, Spacing, Span, TokenStream, TokenTree};
use std::cell::Cell;

/// What parsing something gives.
pub(super) type Parsed<T> = Result<T, Box<Diagnostic>>;

/// A place in a [`Buffer`], and where the group around it ends. Copying it is looking ahead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    tokens: &'a [Token],
    pos: usize,
    end: usize,
    depth: u32,
}

impl Buffer {
    /// A cursor at its start.
    pub(super) fn cursor(&self) -> Cursor<'_> {
        Cursor { tokens: &self.tokens, pos: 0, end: self.tokens.len(), depth: 0 }
    }
}

impl<'a> Cursor<'a> {
    /// The next token; the start of a group counts as one.
    pub(super) fn peek(&self) -> Option<&'a Token> {
        let mut pos = self.pos;
        while pos < self.end {
            let token = &self.tokens[pos];
            if !token.is_invisible() {
                return Some(token);
            }
            pos += 1;
        }
        None
    }

    /// Whether nothing is left in this group.
    pub(super) fn is_end(&self) -> bool {
        self.peek().is_none()
    }

    /// Goes over one token, or one whole group, and gives its first token.
    pub(super) fn bump(&mut self) -> Option<&'a Token> {
        self.skip_invisible();
        let token = self.tokens[..self.end].get(self.pos)?;
        self.pos = match token {
            Token::Open { close, .. } => close + 1,
            _ => self.pos + 1,
        };
        Some(token)
    }

    fn skip_invisible(&mut self) {
        while self.pos < self.end && self.tokens[self.pos].is_invisible() {
            self.pos += 1;
        }
    }

    /// The cursor one token (or group) further.
    pub(super) fn ahead(mut self) -> Self {
        self.bump();
        self
    }

    /// Where the next token is; at the end, where the group closes.
    pub(super) fn span(&self) -> Span {
        match self.peek() {
            Some(token) => token.span(),
            None => match self.tokens.get(self.end) {
                Some(close) => close.span(),
                None => self.last_span(),
            },
        }
    }

    /// Where the token before the cursor is.
    pub(super) fn last_span(&self) -> Span {
        self.last().map_or_else(Span::call_site, Token::span)
    }

    fn last(&self) -> Option<&'a Token> {
        let mut pos = self.pos;
        while pos > 0 {
            pos -= 1;
            if !self.tokens[pos].is_invisible() {
                return Some(&self.tokens[pos]);
            }
        }
        None
    }

    /// The next token in a message.
    pub(super) fn describe(&self) -> String {
        match self.peek() {
            Some(token) => token.describe(),
            None => match self.tokens.get(self.end) {
                Some(close) => close.describe(),
                None => "the end of the tokens".to_string(),
            },
        }
    }

    /// The token before the cursor in a message.
    pub(super) fn describe_last(&self) -> String {
        self.last().map_or_else(String::new, Token::describe)
    }

    /// "expected …, found …" at the next token.
    pub(super) fn expected(&self, what: &str) -> Box<Diagnostic> {
        self.error(format!("expected {what}, found {}", self.describe()))
    }

    /// A syntax error at the next token.
    pub(super) fn error(&self, message: impl Into<String>) -> Box<Diagnostic> {
        match self.peek() {
            Some(Token::TooDeep(span)) => Box::new(nested_too_deep(*span)),
            _ => error(self.span(), message),
        }
    }

    /// The next token if it is a name: keyword, raw identifier or any other.
    pub(super) fn ident(&self) -> Option<&'a Ident> {
        match self.peek()? {
            Token::Ident { ident, .. } => Some(ident),
            _ => None,
        }
    }

    /// The text of the next token if it is a name but no raw identifier: what may be a keyword.
    pub(super) fn word(&self) -> Option<&'a str> {
        match self.peek()? {
            Token::Ident { text, raw: false, .. } => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.word() == Some(word)
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.bump();
        }
        found
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Parsed<Span> {
        let span = self.span();
        if self.eat_word(word) { Ok(span) } else { Err(self.expected(&format!("`{word}`"))) }
    }

    /// A name; `what` says which in the error.
    pub(super) fn expect_ident(&mut self, what: &str) -> Parsed<Ident> {
        match self.ident() {
            Some(ident) => {
                self.bump();
                Ok(ident.clone())
            }
            None => Err(self.expected(what)),
        }
    }

    pub(super) fn literal(&self) -> Option<&'a Literal> {
        match self.peek()? {
            Token::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    /// The next token's character and whether it is joint, if it is punctuation.
    pub(super) fn punct(&self) -> Option<(char, bool)> {
        match self.peek()? {
            Token::Punct { ch, joint, .. } => Some((*ch, *joint)),
            _ => None,
        }
    }

    pub(super) fn is_punct(&self, ch: char) -> bool {
        self.punct().is_some_and(|(found, _)| found == ch)
    }

    pub(super) fn eat_punct(&mut self, ch: char) -> bool {
        let found = self.is_punct(ch);
        if found {
            self.bump();
        }
        found
    }

    pub(super) fn expect_punct(&mut self, ch: char) -> Parsed<()> {
        if self.eat_punct(ch) { Ok(()) } else { Err(self.expected(&format!("`{ch}`"))) }
    }

    /// Whether the next tokens are the characters of `op` without spaces between.
    pub(super) fn is_op(&self, op: &str) -> bool {
        let bytes = op.as_bytes();
        let mut at = *self;
        let mut index = 0;
        while index < bytes.len() {
            match at.punct() {
                Some((ch, joint)) if ch == char::from(bytes[index]) => {
                    index += 1;
                    if !joint && index < bytes.len() {
                        return false;
                    }
                    at.bump();
                }
                _ => return false,
            }
        }
        true
    }

    pub(super) fn eat_op(&mut self, op: &str) -> bool {
        let found = self.is_op(op);
        if found {
            for _ in 0..op.len() {
                self.bump();
            }
        }
        found
    }

    /// Whether `=` comes next, and not `==`.
    pub(super) fn is_assignment(&self) -> bool {
        self.is_punct('=') && !self.is_op("==")
    }

    /// Whether a group with this delimiter comes next.
    pub(super) fn is_group(&self, delimiter: Delimiter) -> bool {
        matches!(self.peek(), Some(Token::Open { delimiter: found, .. }) if *found == delimiter)
    }

    /// The inside the group that comes next, without going over it.
    pub(super) fn group(&self, delimiter: Delimiter) -> Option<(Cursor<'a>, &'a Group)> {
        let mut at = *self;
        at.skip_invisible();
        match at.peek() {
            Some(Token::Open { group, delimiter: found, close, .. }) if *found == delimiter => {
                Some((Cursor { pos: at.pos + 1, end: *close, ..at }, group))
            }
            _ => None,
        }
    }

    /// Goes over a group and gives its inside.
    pub(super) fn eat_group(&mut self, delimiter: Delimiter) -> Option<(Cursor<'a>, &'a Group)> {
        let found = self.group(delimiter);
        if found.is_some() {
            self.bump();
        }
        found
    }

    pub(super) fn expect_group(&mut self, delimiter: Delimiter) -> Parsed<(Cursor<'a>, &'a Group)> {
        match self.eat_group(delimiter) {
            Some(found) => Ok(found),
            None => Err(self.expected(&format!("`{}`", delimiters(delimiter).0))),
        }
    }

    /// The invisible group that comes next and may be an expression by itself: where it starts and
    /// ends, and what shows that it is not one.
    fn fragment(&self) -> Option<(usize, usize, &'a Cell<bool>)> {
        let mut pos = self.pos;
        loop {
            match self.tokens[..self.end].get(pos)? {
                Token::Open { delimiter: Delimiter::None, close, opaque, .. } if !opaque.get() => {
                    return Some((pos, *close, opaque));
                }
                token if token.is_invisible() => pos += 1,
                _ => return None,
            }
        }
    }

    /// Whether an invisible group comes next that may be an expression by itself.
    pub(super) fn is_fragment(&self) -> bool {
        self.fragment().is_some()
    }

    /// Whether more follows in the fragment that came next at `start`.
    pub(super) fn is_within_fragment(&self, start: &Cursor<'a>) -> bool {
        start.fragment().is_some_and(|(_, close, _)| {
            let rest = self.tokens.get(self.pos..close).unwrap_or_default();
            rest.iter().any(|token| !token.is_invisible())
        })
    }

    /// Goes over an invisible group that comes next and may be an expression by itself, and gives
    /// its inside.
    pub(super) fn invisible_group(&mut self) -> Option<Cursor<'a>> {
        let (pos, close, _) = self.fragment()?;
        let inside = Cursor { pos: pos + 1, end: close, ..*self };
        self.pos = close + 1;
        Some(inside)
    }

    /// Notes that the invisible group that comes next is not an expression by itself, so that it is
    /// not tried again.
    pub(super) fn note_no_expression(&self) {
        if let Some((_, _, opaque)) = self.fragment() {
            opaque.set(true);
        }
    }

    /// An error unless everything has been read.
    pub(super) fn expect_end(&self, what: &str) -> Parsed<()> {
        if self.is_end() { Ok(()) } else { Err(self.expected(what)) }
    }

    /// The tokens from `start` up to here, as they were written.
    pub(super) fn tokens_since(&self, start: &Cursor<'a>) -> TokenStream {
        let mut at = *start;
        let mut trees: Vec<TokenTree> = Vec::new();
        while at.pos < self.pos {
            match &at.tokens[at.pos] {
                Token::Ident { ident, .. } => trees.push(ident.clone().into()),
                Token::Punct { ch, joint, span } => {
                    let spacing = if *joint { Spacing::Joint } else { Spacing::Alone };
                    let mut punct = proc_macro2::Punct::new(*ch, spacing);
                    punct.set_span(*span);
                    trees.push(punct.into());
                }
                Token::Literal(literal) => trees.push(literal.clone().into()),
                Token::Open { group, close, .. } if *close < self.pos => {
                    trees.extend(without_needless_groups(group.clone()));
                    at.pos = *close;
                }
                // The edge of an invisible group that the range crosses.
                Token::Open { .. } | Token::Close { .. } | Token::TooDeep(_) => {}
            }
            at.pos += 1;
        }
        trees.into_iter().collect()
    }

    /// Names among the tokens from `start` up to here, at any depth.
    pub(super) fn names_since(&self, start: &Cursor<'a>) -> impl Iterator<Item = &'a str> {
        self.tokens[start.pos.min(self.pos)..self.pos].iter().filter_map(|token| match token {
            Token::Ident { text, .. } => Some(text.as_str()),
            _ => None,
        })
    }

    /// The tokens up to `end`, at any depth, each with a cursor for errors at it.
    pub(super) fn flat_until(
        &self,
        end: &Cursor<'a>,
    ) -> impl Iterator<Item = (&'a Token, Cursor<'a>)> {
        let start = *self;
        (start.pos..end.pos).map(move |pos| {
            let token = &start.tokens[pos];
            // At the end of a group, errors are at what closes it.
            let is_close = matches!(token, Token::Close { .. });
            (token, Cursor { pos, end: if is_close { pos } else { pos + 1 }, ..start })
        })
    }

    /// The cursor at the end of the group.
    pub(super) fn to_end(self) -> Self {
        Cursor { pos: self.end, ..self }
    }

    /// Whether the cursor has moved since `start`.
    pub(super) fn is_past(&self, start: &Cursor<'_>) -> bool {
        self.pos > start.pos
    }

    /// Counts one level of recursion; an error when there are too many.
    pub(super) fn descend(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            let message = format!("the expression is nested more than {NESTING_MAX} levels deep");
            return Err(self.error(message));
        }
        Ok(())
    }

    /// Takes one [`Cursor::descend`] back.
    pub(super) fn ascend(&mut self) {
        self.depth -= 1;
    }
}

/// A syntax error.
pub(super) fn error(place: impl Into<Place>, message: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::new(Code::Syntax, place, message))
}
