//! What the author aligned stays aligned.
//!
//! Between blank lines, words of neighboring lines that start in one column of the source, or
//! numbers that end in one, are a column if at least one of them has more than one space before
//! it. A column is where the author put it, or further right where something before it needs the
//! room. White space that aligns nothing goes.

use super::lex::{Kind, Token, column_after};
use super::page::Page;
use super::structure::Role;

/// A piece of a line without spaces.
#[derive(Clone, Copy)]
struct Piece {
    line: usize,
    first: usize,
    /// How long it is with all signs, and up to the `,` or `;` at its end.
    width: usize,
    reach: usize,
    /// Where it was in the source, relative to how its line moves; nothing where it was on another
    /// line than the piece before.
    old: Option<usize>,
    /// The column in the source.
    source: usize,
    is_first: bool,
    /// The indentation of its line.
    indent: usize,
    is_padded: bool,
    is_number: bool,
    is_comment: bool,
    /// A comment that goes on with one at the end of the line before: it has no place of its own.
    is_hanging: bool,
}

/// How the pieces of a column are aligned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Start,
    End,
}

/// Moves the tokens of lines to their columns.
pub(super) fn align(page: &mut Page<'_, '_>) {
    let rows = rows(page);
    let pieces: Vec<Piece> = rows.iter().flatten().copied().collect();
    let pairs = neighbors(page, &rows);
    let mut columns = Columns { of: vec![None; pieces.len()], all: Vec::new() };
    for side in [Side::End, Side::Start] {
        for &(upper, lower) in &pairs {
            if is_aligned(&pieces[upper], &pieces[lower], side) {
                columns.join(upper, lower, side);
            }
        }
        if side == Side::End {
            columns.dissolve_even(&pieces);
        }
    }
    let places = columns.places(page, &rows, &pieces);
    place(page, &pieces, &places);
}

/// Pairs of pieces, one below the other, without a blank line between: of lines that follow one
/// another, but for those with only one piece, and comments at the ends of any lines.
fn neighbors(page: &Page<'_, '_>, rows: &[Vec<Piece>]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let (mut above, mut comment_above) = (0..0, None);
    let mut next = 0;
    for (row, line) in rows.iter().zip(&page.lines) {
        let here = next..next + row.len();
        next = here.end;
        if line.is_apart {
            (above, comment_above) = (0..0, None);
        }
        if row.len() > 1 || row.first().is_some_and(|piece| piece.is_hanging) {
            pairs.extend(above.flat_map(|upper| here.clone().map(move |lower| (upper, lower))));
            above = here.clone();
        }
        let has_comment = row.last().is_some_and(|last| last.is_comment && last.old.is_some());
        if let Some(comment) = here.last().filter(|_| has_comment) {
            pairs.extend(comment_above.map(|upper| (upper, comment)));
            comment_above = Some(comment);
        }
    }
    pairs
}

fn is_aligned(above: &Piece, below: &Piece, side: Side) -> bool {
    let (Some(_), Some(_)) = (above.old, below.old) else { return false };
    if below.is_hanging {
        return side == Side::Start && above.source == below.source;
    }
    // The first words of lines are where indentation puts them, but for numbers that end together.
    if above.is_first != below.is_first || (below.is_first && side == Side::Start) {
        return false;
    }
    let is_padded = above.is_padded || below.is_padded;
    // Comments are aligned across blocks, code is not.
    let is_level = above.indent == below.indent || (above.is_comment && below.is_comment);
    is_padded
        && is_level
        && match side {
            Side::Start => above.source == below.source,
            Side::End => {
                let is_number = above.is_number && below.is_number;
                is_number && above.source + above.reach == below.source + below.reach
            }
        }
}

/// The pieces of each line. A line's first piece is where its indentation puts it.
fn rows(page: &Page<'_, '_>) -> Vec<Vec<Piece>> {
    let mut rows: Vec<Vec<Piece>> = Vec::with_capacity(page.lines.len());
    for (index, line) in page.lines.iter().enumerate() {
        let tokens = &page.tokens[line.tokens.clone()];
        // Pieces behind text on several lines have no columns.
        let is_tall = tokens.iter().any(Token::is_tall);
        let mut row: Vec<Piece> = Vec::new();
        for at in line.tokens.clone() {
            let is_first = at == line.tokens.start;
            if is_first || (page.gap(at) == 1 && !is_tall && !is_kept(page, at)) {
                row.push(piece(page, index, at));
            }
        }
        let ends = row.iter().skip(1).map(|piece| piece.first).chain([line.tokens.end]);
        let ends: Vec<usize> = ends.collect();
        for (piece, end) in row.iter_mut().zip(ends) {
            measure(page, piece, end);
        }
        let is_comment = row.len() == 1 && page.tokens[line.tokens.start].kind == Kind::LineComment;
        if let Some(last) = rows.last().and_then(|row| row.last()).filter(|_| is_comment) {
            let hangs = (rows[index - 1].len() > 1 || last.is_hanging)
                && page.tokens[last.first].kind == Kind::LineComment
                && last.source == row[0].source
                && !line.is_apart
                && last.old.is_some();
            row[0].is_hanging = hangs;
            row[0].old = hangs.then_some(0);
        }
        rows.push(row);
    }
    rows
}

fn is_kept(page: &Page<'_, '_>, at: usize) -> bool {
    page.facts[at].parent.is_some_and(|parent| page.facts[parent].role == Role::Kept)
}

fn piece(page: &Page<'_, '_>, line: usize, at: usize) -> Piece {
    let token = &page.tokens[at];
    let starts = &page.lines[line];
    let first = &page.tokens[starts.tokens.start];
    let is_first = at == starts.tokens.start;
    let moved = token.column + starts.columns[0];
    let behind = &page.tokens[starts.tokens.start..=at][usize::from(!is_first)..];
    let was_together = !is_first && behind.iter().all(|token| token.newlines == 0);
    let in_list = page.facts[at].parent.is_some_and(|open| page.facts[open].role == Role::List);
    // What is in a list may move away from its indentation.
    let old = match is_first {
        true => in_list.then_some(0),
        false => was_together.then(|| moved.saturating_sub(first.column)),
    };
    Piece {
        line,
        first: at,
        width: 0,
        reach: 0,
        old,
        source: token.column,
        indent: starts.indent,
        is_first,
        is_padded: is_first || (was_together && token.gap > 1),
        is_comment: token.is_comment(),
        is_number: false,
        is_hanging: false,
    }
}

/// Fills in how long a piece is that ends before a token.
fn measure(page: &Page<'_, '_>, piece: &mut Piece, end: usize) {
    let line = &page.lines[piece.line];
    let columns = &line.columns[piece.first - line.tokens.start..end - line.tokens.start];
    let last = &page.tokens[end - 1];
    let end_column = column_after(last.text, columns[columns.len() - 1]);
    piece.width = end_column.saturating_sub(columns[0]);
    let has_comma = matches!(last.text, "," | ";") && columns.len() > 1;
    piece.reach = piece.width.saturating_sub(usize::from(has_comma));
    let code = &page.tokens[piece.first..end];
    let number = code.iter().find(|token| !token.is("-"));
    piece.is_number = number.is_some_and(|token| token.kind == Kind::Number);
}

struct Columns {
    /// Of each piece.
    of: Vec<Option<usize>>,
    all: Vec<(Side, Vec<usize>)>,
}

impl Columns {
    /// Puts two pieces into one column. What is in one of the other side stays there.
    fn join(&mut self, upper: usize, lower: usize, side: Side) {
        let is_other = |column: Option<usize>| column.is_some_and(|c| self.all[c].0 != side);
        if is_other(self.of[upper]) || is_other(self.of[lower]) {
            return;
        }
        let column = match (self.of[upper], self.of[lower]) {
            (Some(column), None) | (None, Some(column)) => column,
            (Some(a), Some(b)) if a == b => return,
            (Some(a), Some(b)) => {
                let moved = std::mem::take(&mut self.all[b].1);
                for &piece in &moved {
                    self.of[piece] = Some(a);
                }
                self.all[a].1.extend(moved);
                return;
            }
            (None, None) => {
                self.all.push((side, Vec::new()));
                self.all.len() - 1
            }
        };
        for piece in [upper, lower] {
            if self.of[piece].is_none() {
                self.of[piece] = Some(column);
                self.all[column].1.push(piece);
            }
        }
    }

    /// Numbers of one length that end in one column start in one as well.
    fn dissolve_even(&mut self, pieces: &[Piece]) {
        for (_, members) in &mut self.all {
            let is_even = members.iter().all(|&at| pieces[at].reach == pieces[members[0]].reach);
            if is_even {
                for at in members.drain(..) {
                    self.of[at] = None;
                }
            }
        }
    }

    /// Where each piece is: columns move right until all have room.
    fn places(&self, page: &Page<'_, '_>, rows: &[Vec<Piece>], pieces: &[Piece]) -> Vec<usize> {
        let edge = |piece: &Piece, side: Side| if side == Side::End { piece.reach } else { 0 };
        let mut edges: Vec<usize> = vec![0; self.all.len()];
        for (index, piece) in pieces.iter().enumerate() {
            if let (Some(column), Some(old)) = (self.of[index], piece.old) {
                let edge = old + edge(piece, self.all[column].0);
                edges[column] = edges[column].max(edge);
            }
        }
        let mut places = vec![0; pieces.len()];
        // Each round settles at least one more column of a line.
        for _ in 0..=self.all.len() {
            let mut is_settled = true;
            let mut index = 0;
            for (row, line) in rows.iter().zip(&page.lines) {
                let mut room = line.columns[0];
                for (number, piece) in row.iter().enumerate() {
                    let mut place = if piece.is_hanging { 0 } else { room };
                    if let Some(column) = self.of[index] {
                        let edge = edge(piece, self.all[column].0);
                        if place + edge > edges[column] {
                            edges[column] = place + edge;
                            is_settled = false;
                        }
                        place = edges[column] - edge;
                    } else if number > 0 {
                        place = room;
                    }
                    places[index] = place;
                    room = place + piece.width + 1;
                    index += 1;
                }
            }
            if is_settled {
                break;
            }
        }
        places
    }
}

/// Moves the pieces to their places.
fn place(page: &mut Page<'_, '_>, pieces: &[Piece], places: &[usize]) {
    for (index, piece) in pieces.iter().enumerate() {
        let line = &mut page.lines[piece.line];
        let end = pieces.get(index + 1).filter(|next| next.line == piece.line);
        let end = end.map_or(line.tokens.end, |next| next.first);
        let from = piece.first - line.tokens.start;
        let to = end - line.tokens.start;
        let old = line.columns[from];
        for column in &mut line.columns[from..to] {
            *column = *column + places[index] - old;
        }
    }
}
