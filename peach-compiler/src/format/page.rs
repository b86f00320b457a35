//! The lines that tokens are laid out in.

use super::lex::Token;
use super::spacing;
use super::structure::{Fact, Role};

/// Where the text starts that is formatted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// How the first line is indented.
    pub(super) indent: usize,
    /// Where in this line the first token is.
    pub(super) column: usize,
}

impl Origin {
    /// The start of a file.
    pub(super) const FILE: Origin = Origin { indent: 0, column: 0 };
}

/// A line of the result.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Its first token, and the one after its last.
    pub(super) tokens: std::ops::Range<usize>,
    /// Whether a blank line is before it.
    pub(super) is_apart: bool,
    pub(super) indent: usize,
    /// Where each of its tokens starts.
    pub(super) columns: Vec<usize>,
}

/// Tokens on their way to lines.
pub(super) struct Page<'t, 's> {
    pub(super) tokens: &'t [Token<'s>],
    pub(super) facts: &'t [Fact],
    pub(super) origin: Origin,
    /// Which tokens start lines because the line would be too long.
    pub(super) forced: Vec<bool>,
    pub(super) lines: Vec<Line>,
}

impl<'t, 's> Page<'t, 's> {
    /// Tokens without lines.
    pub(super) fn new(tokens: &'t [Token<'s>], facts: &'t [Fact], origin: Origin) -> Page<'t, 's> {
        Page { tokens, facts, origin, forced: vec![false; tokens.len()], lines: Vec::new() }
    }

    /// How wide the space before a token is that does not start a line.
    pub(super) fn gap(&self, at: usize) -> usize {
        let is_spaced = spacing::is_spaced(self.tokens, self.facts, at);
        match self.is_inside_kept(at) && is_spaced && self.tokens[at].newlines == 0 {
            true => self.tokens[at].gap.max(1),
            false => usize::from(is_spaced),
        }
    }

    fn is_inside_kept(&self, at: usize) -> bool {
        self.facts[at].parent.is_some_and(|parent| self.facts[parent].role == Role::Kept)
    }
}
