//! Tokens as text: types are compared by it, and messages name them with it.
//!
//! In: a `TokenStream`. Out: one line that is made of the same tokens, however they were spaced.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Tokens as they are usually spaced: `&'a mut [T; 4]`, not `& 'a mut [T ; 4]`.
pub fn tokens_text(tokens: &TokenStream) -> String {
    let mut text = String::new();
    push_tokens(&mut text, tokens.clone());
    text
}

fn push_tokens(text: &mut String, tokens: TokenStream) {
    for tree in tokens {
        if let TokenTree::Group(group) = &tree {
            let (open, close) = match group.delimiter() {
                Delimiter::Parenthesis => ("(", ")"),
                Delimiter::Bracket => ("[", "]"),
                Delimiter::Brace => ("{", "}"),
                Delimiter::None => ("", ""),
            };
            text.push_str(open);
            push_tokens(text, group.stream());
            text.push_str(close);
            continue;
        }
        let token = tree.to_string();
        let is_word = |ch: char| ch.is_alphanumeric() || ch == '_';
        let starts_word = token.starts_with(|ch| is_word(ch) || ch == '\'');
        let after = text.ends_with([',', ';', '=', '+']) || text.ends_with("->");
        let between_words = text.ends_with(is_word) && starts_word;
        if after || between_words || matches!(token.as_str(), "-" | "=" | "+") {
            text.push(' ');
        }
        text.push_str(&token);
    }
}
