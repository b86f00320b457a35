//! Families: `for B in 1..=32 { pub fn pack_{B}(…) { … } }`.
//!
//! In: the tokens of a family's body, the variable and one value. Out: the tokens with every `{B}`
//! that follows a name joined to it, and every `B` that is alone replaced by the value.
//! Fails: with a syntax error where the result is not a name, or where the variable is shadowed.

use super::cursor::error;
use crate::diagnostics::{Diagnostic, Diagnostics};
use proc_macro2::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

/// What is put in place of the variable.
pub(super) struct Substitution<'a> {
    /// The variable's name.
    pub(super) var: &'a str,
    /// Its value.
    pub(super) value: i128,
}

impl Substitution<'_> {
    /// Replaces the variable in `stream`, at any depth.
    pub(super) fn apply(&self, stream: TokenStream, diagnostics: &mut Diagnostics) -> TokenStream {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut out: Vec<TokenTree> = Vec::with_capacity(trees.len());
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            at += 1;
            match tree {
                TokenTree::Ident(ident) => {
                    let (tree, used) = self.name(ident, &trees[at..], &out, diagnostics);
                    at += used;
                    out.push(tree);
                }
                TokenTree::Group(group) => {
                    let inside = self.apply(group.stream(), diagnostics);
                    out.push(regroup(group, inside).into());
                }
                TokenTree::Literal(literal) => out.push(self.literal(literal, &out).into()),
                TokenTree::Punct(punct) => out.push(punct.clone().into()),
            }
        }
        out.into_iter().collect()
    }

    /// A name, with as many of the tokens after it as belong to it.
    fn name(
        &self,
        ident: &Ident,
        rest: &[TokenTree],
        before: &[TokenTree],
        diagnostics: &mut Diagnostics,
    ) -> (TokenTree, usize) {
        let mut text = ident.to_string();
        let mut used = 0;
        let mut end = ident.span();
        while let Some(group) = self.placeholder(rest.get(used)) {
            text.push_str(&self.value.to_string());
            used += 1;
            end = group.span_close();
            let Some(part) = rest.get(used).filter(|tree| continues_name(tree, end)) else {
                continue;
            };
            text.push_str(&part.to_string());
            end = part.span();
            used += 1;
        }
        if used == 0 {
            return (self.variable(ident, &text, before, diagnostics), 0);
        }
        if self.value < 0 {
            diagnostics.push(*error(
                crate::diagnostics::Place { first: ident.span(), last: end },
                format!("`{text}` is not a name: `{}` is negative", self.var),
            ));
            return (ident.clone().into(), used);
        }
        let name = match text.strip_prefix("r#") {
            Some(plain) => Ident::new(plain, ident.span()),
            None => Ident::new(&text, ident.span()),
        };
        (name.into(), used)
    }

    /// `B` itself becomes its value; other names stay.
    fn variable(
        &self,
        ident: &Ident,
        text: &str,
        before: &[TokenTree],
        diagnostics: &mut Diagnostics,
    ) -> TokenTree {
        let is_field = matches!(before, [.., TokenTree::Punct(p)] if p.as_char() == '.')
            && !matches!(before, [.., TokenTree::Punct(a), TokenTree::Punct(_)]
                if a.as_char() == '.');
        let is_label = matches!(before.last(), Some(TokenTree::Punct(p)) if p.as_char() == '\'');
        if text != self.var || is_field || is_label {
            return ident.clone().into();
        }
        if let Some(TokenTree::Ident(keyword)) = before.last()
            && ["let", "mut", "for", "const", "fn", "stream"].iter().any(|word| keyword == word)
        {
            diagnostics.push(shadowed(ident));
            return ident.clone().into();
        }
        integer(self.value, ident.span())
    }

    /// `{B}`.
    fn placeholder<'t>(&self, tree: Option<&'t TokenTree>) -> Option<&'t Group> {
        let Some(TokenTree::Group(group)) = tree else {
            return None;
        };
        if group.delimiter() != Delimiter::Brace {
            return None;
        }
        let mut inside = group.stream().into_iter();
        match (inside.next(), inside.next()) {
            (Some(TokenTree::Ident(name)), None) if name == self.var => Some(group),
            _ => None,
        }
    }

    /// `{B}` in a doc comment or in the name of a symbol is replaced as in names.
    fn literal(&self, literal: &Literal, before: &[TokenTree]) -> Literal {
        let [.., TokenTree::Ident(name), TokenTree::Punct(_)] = before else {
            return literal.clone();
        };
        if !["doc", "export_name", "alias", "weak_alias"].iter().any(|known| name == known) {
            return literal.clone();
        }
        let Some(text) = super::literals::string(literal) else {
            return literal.clone();
        };
        let placeholder = format!("{{{}}}", self.var);
        let mut replaced = Literal::string(&text.replace(&placeholder, &self.value.to_string()));
        replaced.set_span(literal.span());
        replaced
    }
}

/// Whether `tree` is directly after the brace at `end` and can be part of a name.
fn continues_name(tree: &TokenTree, end: Span) -> bool {
    let text = match tree {
        TokenTree::Ident(ident) => ident.to_string(),
        TokenTree::Literal(literal) => literal.to_string(),
        _ => return false,
    };
    let is_part = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let (end, start) = (end.end(), tree.span().start());
    is_part && end.line == start.line && end.column == start.column
}

fn shadowed(ident: &Ident) -> Diagnostic {
    error(ident.span(), format!("`{ident}` is the variable of the enclosing family"))
        .help("choose another name")
}

/// A literal; a negative one in an invisible group, so that it stays one operand.
fn integer(value: i128, span: Span) -> TokenTree {
    let mut literal = Literal::u128_unsuffixed(value.unsigned_abs());
    literal.set_span(span);
    if value >= 0 {
        return literal.into();
    }
    let mut minus = Punct::new('-', Spacing::Alone);
    minus.set_span(span);
    let inside = [TokenTree::from(minus), TokenTree::from(literal)];
    let mut group = Group::new(Delimiter::None, inside.into_iter().collect());
    group.set_span(span);
    group.into()
}

/// The same group around other tokens. Its two ends fall together: Rust cannot set them apart.
fn regroup(group: &Group, inside: TokenStream) -> Group {
    let mut new = Group::new(group.delimiter(), inside);
    new.set_span(group.span());
    new
}
