//! Hygiene: which names come from where.
//!
//! Rust keeps a `let t` in the body of a `macro_rules!` apart from a `t` that the macro was given.
//! Stable Rust does not tell a macro which tokens belong together, but it tells where they are
//! written: what was passed to a macro is outside the braces that it wrote around it. In text that
//! no macro has made, every token is between the delimiters around it, and has the same origin.
//!
//! In: the tokens of a buffer. Out: [`Origins`].

use super::buffer::{Buffer, Token};
use proc_macro2::{Delimiter, LineColumn, Span};
use std::collections::HashMap;

/// The names that do not come from where the text around the kernels does.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// By place: through how many delimiters the name was put there.
    levels: HashMap<LineColumn, u32>,
}

impl Origins {
    /// A number that is equal for names that are written in one macro, as far as that can be told;
    /// 0 where there is none.
    pub fn of(&self, name: Span) -> u32 {
        match self.levels.is_empty() {
            true => 0,
            false => self.levels.get(&name.start()).copied().unwrap_or(0),
        }
    }

    /// The origins of all names in a buffer.
    pub(super) fn of_buffer(buffer: &Buffer) -> Origins {
        let mut origins = Origins::default();
        let mut around = vec![Region::everything()];
        for token in &buffer.tokens {
            let region = around.last().copied().unwrap_or(Region::everything());
            match token {
                Token::Open { delimiter: Delimiter::None, .. } => around.push(region),
                Token::Open { group, .. } => {
                    let start = group.span_open().start();
                    let level = region.level_of(start);
                    around.push(Region { start, end: group.span_close().end(), level });
                }
                Token::Close { .. } => {
                    around.pop();
                }
                Token::Ident { ident, .. } => {
                    let start = ident.span().start();
                    match region.level_of(start) {
                        0 => {}
                        level => {
                            origins.levels.insert(start, level);
                        }
                    }
                }
                Token::Punct { .. } | Token::Literal(_) | Token::TooDeep(_) => {}
            }
        }
        origins
    }
}

/// The text between two delimiters.
#[derive(Clone, Copy)]
struct Region {
    start: LineColumn,
    end: LineColumn,
    level: u32,
}

impl Region {
    fn everything() -> Region {
        let end = LineColumn { line: usize::MAX, column: usize::MAX };
        Region { start: LineColumn { line: 0, column: 0 }, end, level: 0 }
    }

    /// The level of what is at `place` and came to be in this region.
    fn level_of(&self, place: LineColumn) -> u32 {
        let is_inside = self.start <= place && place <= self.end;
        self.level + u32::from(!is_inside)
    }
}
