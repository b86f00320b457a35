//! Lines whose tokens have columns, as text.

use super::lex::{Kind, Token, column_after};
use super::page::Page;

/// The lines as text, without a line break at the end.
pub(super) fn text(page: &Page<'_, '_>) -> String {
    let mut out = String::new();
    for (index, line) in page.lines.iter().enumerate() {
        if index > 0 {
            out.push_str(if line.is_apart { "\n\n" } else { "\n" });
        }
        let mut column = if index == 0 { page.origin.column } else { 0 };
        for (at, &start) in line.tokens.clone().zip(&line.columns) {
            let token = &page.tokens[at];
            out.extend(std::iter::repeat_n(' ', start.saturating_sub(column)));
            match moves(token) {
                true => out.push_str(&moved(token, start)),
                false => out.push_str(token.text),
            }
            column = column_after(token.text, start);
        }
    }
    out
}

/// A comment on several lines moves as one; documentation is text, whose white space counts.
fn moves(token: &Token<'_>) -> bool {
    let is_doc = ["/**", "/*!"].iter().any(|start| token.text.starts_with(start));
    token.kind == Kind::BlockComment && token.is_tall() && !is_doc
}

fn moved(token: &Token<'_>, column: usize) -> String {
    let mut lines = token.text.lines();
    let mut out = lines.next().unwrap_or_default().trim_end().to_string();
    for line in lines {
        let body = line.trim_start();
        let indent = column_after(&line[..line.len() - body.len()], 0);
        out.push('\n');
        if !body.is_empty() {
            let indent = (indent + column).saturating_sub(token.column);
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(body.trim_end());
        }
    }
    out
}
