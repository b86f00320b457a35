//! Where lines end, and how they are indented.
//!
//! The author's line breaks stay, at most one blank line in a row. Beyond that: a block on several
//! lines has its braces at the ends of lines of their own, `{` and `else` are where rustfmt puts
//! them, items start lines, and what is longer than a line gets a line for each statement.

use super::lex::{Kind, column_after};
use super::page::{Line, Page};
use super::structure::Role;

/// One more level.
const INDENT: usize = 4;

/// Longer lines are broken, where statements or blocks allow it.
const WIDTH: usize = 100;

/// What is before a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Break {
    None,
    Line,
    Blank,
}

impl Page<'_, '_> {
    /// Makes the lines anew, nothing aligned.
    pub(super) fn fill(&mut self) {
        self.lines.clear();
        let breaks = self.breaks();
        let mut start = 0;
        for at in 1..=self.tokens.len() {
            if at == self.tokens.len() || breaks[at] != Break::None {
                let is_apart = start > 0 && breaks[start] == Break::Blank;
                self.lines.push(Line {
                    tokens: start..at,
                    is_apart,
                    indent: 0,
                    columns: Vec::new(),
                });
                start = at;
            }
        }
        if self.tokens.is_empty() {
            self.lines.clear();
        }
        self.indent();
    }

    /// What is before each token.
    fn breaks(&self) -> Vec<Break> {
        let natural: Vec<Break> = (0..self.tokens.len()).map(|at| self.natural_break(at)).collect();
        let mut before = vec![0; natural.len() + 1];
        for (at, kind) in natural.iter().enumerate() {
            before[at + 1] = before[at] + usize::from(*kind != Break::None);
        }
        // Whether a bracket and the other one are on different lines.
        let is_tall = |open: usize| before[self.tokens[open].partner + 1] > before[open + 1];
        let at_edge = |at: usize| at > 0 && self.is_edge(at, &is_tall);
        natural
            .iter()
            .enumerate()
            .map(|(at, kind)| match kind {
                Break::None if at_edge(at) => Break::Line,
                kind => *kind,
            })
            .collect()
    }

    /// As the author broke the lines, with what braces and comments demand.
    fn natural_break(&self, at: usize) -> Break {
        let Some(left) = at.checked_sub(1) else { return Break::None };
        let (before, token) = (&self.tokens[left], &self.tokens[at]);
        let is_needed = before.kind == Kind::LineComment || self.forced[at];
        let is_joined = !before.is_comment() && self.joins(at);
        match token.newlines {
            _ if is_joined && !is_needed => Break::None,
            0 | 1 if is_needed => Break::Line,
            0 => Break::None,
            1 => Break::Line,
            _ if before.kind == Kind::Open || token.kind == Kind::Close => Break::Line,
            _ => Break::Blank,
        }
    }

    /// Whether a token stays on the line of the one before, wherever the author put it.
    fn joins(&self, at: usize) -> bool {
        let (before, token) = (&self.tokens[at - 1], &self.tokens[at]);
        let fact = &self.facts[at];
        if fact.role == Role::Kept {
            return false;
        }
        match token.kind {
            Kind::Sign => matches!(token.text, "," | ";"),
            Kind::Word => token.text == "else" && before.is("}"),
            Kind::Open => {
                let header = fact.head.map_or(0..0, |head| head..at);
                let has_where = self.tokens[header.clone()].iter().any(|token| token.is("where"));
                fact.role == Role::Block && !header.is_empty() && !has_where
            }
            // `{ }` is `{}`.
            Kind::Close => before.kind == Kind::Open && fact.role == Role::Block,
            _ => false,
        }
    }

    /// Whether a token must start a line for the sake of blocks on several lines, and of items.
    fn is_edge(&self, at: usize, is_tall: &impl Fn(usize) -> bool) -> bool {
        let token = &self.tokens[at];
        let is_trailing = token.is_comment() && token.newlines == 0;
        let is_block = |at: usize| self.facts[at].role == Role::Block;
        if token.kind == Kind::Close {
            return is_block(at) && is_tall(token.partner);
        }
        if is_trailing {
            return false;
        }
        // The code before, behind which only comments of its line are.
        let last = (0..at)
            .rev()
            .find(|&before| !self.tokens[before].is_comment() || self.tokens[before].newlines > 0);
        let Some(last) = last else { return false };
        match self.tokens[last].kind {
            Kind::Open => is_block(last) && is_tall(last),
            Kind::Close => {
                let is_over = self.facts[at].head == Some(at) || token.is_comment();
                is_over && is_block(last) && is_tall(self.tokens[last].partner)
            }
            Kind::Sign => self.tokens[last].is(";") && self.is_item(at),
            _ => false,
        }
    }

    /// Whether a token is at the top level.
    fn is_item(&self, at: usize) -> bool {
        match self.facts[at].parent {
            None => true,
            Some(parent) => parent == 0 && self.origin.column > 0,
        }
    }

    fn indent(&mut self) {
        let mut line_of = vec![0; self.tokens.len()];
        for index in 0..self.lines.len() {
            let range = self.lines[index].tokens.clone();
            line_of[range.clone()].fill(index);
            let indent = match index {
                0 => self.origin.indent,
                _ => self.indent_of(range.start, &line_of),
            };
            let line = &mut self.lines[index];
            line.indent = indent;
            let start = if index == 0 { self.origin.column } else { indent };
            self.lines[index].columns = self.natural_columns(range, start);
        }
    }

    /// Where the tokens of a line are if nothing is aligned.
    fn natural_columns(&self, range: std::ops::Range<usize>, start: usize) -> Vec<usize> {
        let mut columns = Vec::with_capacity(range.len());
        let mut column = start;
        for at in range.clone() {
            if at > range.start {
                column += self.gap(at);
            }
            columns.push(column);
            column = column_after(self.tokens[at].text, column);
        }
        columns
    }

    /// The indentation of the line that a token starts. Those of the lines before are known.
    fn indent_of(&self, at: usize, line_of: &[usize]) -> usize {
        let (token, fact) = (&self.tokens[at], &self.facts[at]);
        let line = |at: usize| &self.lines[line_of[at]];
        if token.kind == Kind::Close {
            let open = token.partner;
            return match fact.role {
                Role::Kept => self.shifted(at, line(open)),
                Role::Block => line(self.base(open)).indent,
                Role::List | Role::Mark => line(open).indent,
            };
        }
        let continued = if self.is_continued(at) { INDENT } else { 0 };
        let Some(open) = fact.parent else { return self.origin.indent + continued };
        match self.facts[open].role {
            Role::Kept => self.shifted(at, line(open)),
            Role::Block => line(self.base(open)).indent + INDENT + continued,
            Role::List | Role::Mark => {
                let first = &self.tokens[open + 1];
                let is_hanging = line(open).tokens.end == open + 1 || first.is_comment();
                let is_level = first.newlines == 0 && first.column == token.column;
                match !is_hanging && is_level {
                    true => self.column_of(open + 1, line(open)),
                    false => line(open).indent + INDENT,
                }
            }
        }
    }

    fn column_of(&self, at: usize, line: &Line) -> usize {
        line.columns[at - line.tokens.start]
    }

    /// The token whose line a block is indented from: where its statement starts.
    fn base(&self, open: usize) -> usize {
        self.facts[open].head.unwrap_or(open)
    }

    /// Whether a token goes on with a statement of a line before.
    fn is_continued(&self, at: usize) -> bool {
        let (token, fact) = (&self.tokens[at], &self.facts[at]);
        let in_block = fact.parent.is_none_or(|parent| self.facts[parent].role == Role::Block);
        let is_new = match token.is_comment() {
            true => fact.head.is_none(),
            false => fact.head == Some(at),
        };
        let follows_block = fact.before.is_some_and(|before| {
            self.tokens[before].is("}") && self.facts[before].role == Role::Block
        });
        // What a macro puts there may be a whole statement or block.
        let follows_fragment = at > 0 && self.tokens[at - 1].text.starts_with('$');
        let is_block = token.kind == Kind::Open && fact.role == Role::Block;
        let is_flush = token.is("else") || token.is("where") || is_block;
        in_block && !is_new && !follows_block && !follows_fragment && !is_flush
    }

    /// Rust's own lines move with the line that they hang on.
    fn shifted(&self, at: usize, line: &Line) -> usize {
        let first = &self.tokens[line.tokens.start];
        let old = match line.tokens.start {
            0 => self.origin.indent,
            _ if first.newlines == 0 => return line.indent + INDENT,
            _ => first.column,
        };
        (self.tokens[at].column + line.indent).saturating_sub(old)
    }

    /// Breaks lines that are too long; whether there were any.
    pub(super) fn break_long_lines(&mut self) -> bool {
        let mut places = Vec::new();
        for line in &self.lines {
            if self.code_end(line) > WIDTH {
                places.extend(self.places_to_break(line));
            }
        }
        places.retain(|&at| !self.forced[at]);
        for &at in &places {
            self.forced[at] = true;
        }
        !places.is_empty()
    }

    /// Where a line ends, but for its comments.
    fn code_end(&self, line: &Line) -> usize {
        let code = line.tokens.clone().rfind(|&at| !self.tokens[at].is_comment());
        code.filter(|&at| !self.tokens[at].is_tall())
            .map_or(0, |at| column_after(self.tokens[at].text, self.column_of(at, line)))
    }

    /// The insides of the outermost blocks of a line, or else its statements.
    fn places_to_break(&self, line: &Line) -> Vec<usize> {
        let mut places = Vec::new();
        let range = line.tokens.clone();
        let mut at = range.start;
        while at < range.end {
            let close = self.tokens[at].partner;
            let is_block =
                self.tokens[at].is("{") && self.facts[at].role == Role::Block && close < range.end;
            if is_block && close > at + 1 {
                places.extend([at + 1, close]);
                places.extend((at + 2..close).filter(|&inside| {
                    self.facts[inside].parent == Some(at) && self.facts[inside].head == Some(inside)
                }));
                at = close;
            }
            at += 1;
        }
        if places.is_empty() {
            let starts = |at: &usize| {
                let fact = &self.facts[*at];
                let is_labeled = self.tokens[*at - 1].is(":");
                fact.head == Some(*at) && fact.role == Role::Block && !is_labeled
            };
            places.extend((range.start + 1..range.end).filter(starts));
        }
        places.retain(|&at| !self.is_trailing_comment(at));
        places
    }

    fn is_trailing_comment(&self, at: usize) -> bool {
        self.tokens[at].is_comment() && self.tokens[at].newlines == 0
    }
}
