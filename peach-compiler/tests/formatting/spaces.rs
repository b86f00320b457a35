//! Other white space between the same tokens.

use peach_testing::Random;
use proc_macro2::{Span, TokenStream, TokenTree};

/// The same tokens and comments with other white space between.
pub(crate) fn respaced(source: &str, random: &mut Random) -> String {
    let mut ends = Vec::new();
    edges(source.parse().expect("it has tokens"), &mut ends);
    let mut out = String::new();
    let mut last = 0;
    for range in ends {
        let gap = &source[last..range.start];
        let is_needed = out.lines().last().is_some_and(|line| line.contains("//"));
        match gap.is_empty() || !gap.trim().is_empty() || is_needed {
            true => out.push_str(gap),
            false => {
                out.push_str(random.pick(&[" ", " ", "  ", "\n", "\n\n\n", "\t", "    ", "\n   "]))
            }
        }
        out.push_str(&source[range.clone()]);
        last = range.end;
    }
    out + &source[last..]
}

/// Where tokens are in the text, brackets included; documentation is taken for a comment.
fn edges(tokens: TokenStream, ends: &mut Vec<std::ops::Range<usize>>) {
    let bytes = |span: Span| span.byte_range();
    for tree in tokens {
        let base = ends.last().map_or(0, |range| range.end);
        match tree {
            TokenTree::Group(group) => {
                let open = bytes(group.span_open());
                if open.start < base {
                    continue;
                }
                // The brackets of `#[doc = …]`, made of a comment, are all of the comment.
                if open.len() == 1 {
                    ends.push(open);
                    edges(group.stream(), ends);
                    ends.push(bytes(group.span_close()));
                }
            }
            tree => {
                let range = bytes(tree.span());
                if base <= range.start {
                    ends.push(range);
                }
            }
        }
    }
}
