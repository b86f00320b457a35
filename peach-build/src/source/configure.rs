//! Takes away what a `#[cfg]` excludes.
//!
//! In: tokens of items, a configuration. Out: for items of Rust, whether they are compiled; of
//! items of the kernel language, those that are, with what a `cfg_attr` brings. Kernels keep their
//! `cfg`s, by which the compiler tells alternatives from versions.
//! Invariant: a fallback goes with the last of its kernels: it is Rust's then.

use super::cfg::Configuration;
use super::split::{self, NESTING_MAX, is_punct};
use peach_compiler::diagnostics::Diagnostics;
use proc_macro2::{Group, Span, TokenTree};

/// Evaluates attributes.
pub(super) struct Configure<'c> {
    configuration: &'c Configuration,
    diagnostics: &'c mut Diagnostics,
    /// Set when something is excluded.
    excluded: &'c mut bool,
}

/// What the attributes before an item come to.
pub(super) struct Verdict {
    /// Whether it is compiled.
    pub(super) is_wanted: bool,
    /// `#[path = "…"]`.
    pub(super) path: Option<String>,
    /// `#[fallback]`.
    is_fallback: bool,
    /// The attributes with those that a `cfg_attr` brings.
    kept: Vec<TokenTree>,
    /// Whether `kept` differs from what was written.
    is_changed: bool,
}

/// An item of the kernel language.
struct Item {
    tokens: Vec<TokenTree>,
    /// Of a kernel or a fallback, its name.
    function: Option<String>,
    is_fallback: bool,
}

impl<'c> Configure<'c> {
    /// In a configuration; `excluded` is set when something is excluded.
    pub(super) fn new(
        configuration: &'c Configuration,
        diagnostics: &'c mut Diagnostics,
        excluded: &'c mut bool,
    ) -> Configure<'c> {
        Configure { configuration, diagnostics, excluded }
    }

    /// Items of the kernel language without those that are excluded.
    pub(super) fn kernels(&mut self, trees: Vec<TokenTree>, depth: usize) -> Vec<TokenTree> {
        let mut items: Vec<Item> = Vec::new();
        let mut gone: Vec<String> = Vec::new();
        let mut at = 0;
        while at < trees.len() {
            let (verdict, len) = self.attributes(&trees[at..]);
            let written = &trees[at..at + len];
            at += len;
            if is_inner(written) {
                if !verdict.is_wanted {
                    *self.excluded = true;
                    return Vec::new();
                }
                items.push(Item { tokens: verdict.kept, function: None, is_fallback: false });
                continue;
            }
            let item = &trees[at..at + split::length(&trees[at..])];
            at += item.len();
            let function = split::function_name(item);
            match &function {
                Some(name) if !verdict.is_wanted => {
                    *self.excluded = true;
                    gone.push(name.clone());
                    continue;
                }
                _ => {}
            }
            // What cannot have a `#[cfg]` keeps it, and the compiler says so.
            let is_changed = function.is_some() && verdict.is_changed;
            let mut tokens = if is_changed { verdict.kept } else { written.to_vec() };
            self.push_item(item, &mut tokens, depth);
            items.push(Item { tokens, function, is_fallback: verdict.is_fallback });
        }
        let kernels: Vec<String> =
            items.iter().filter(|i| !i.is_fallback).filter_map(|i| i.function.clone()).collect();
        let is_orphan = |item: &Item| {
            let is_left = |name: &String| !gone.contains(name) || kernels.contains(name);
            item.is_fallback && !item.function.as_ref().is_none_or(is_left)
        };
        items.into_iter().filter(|item| !is_orphan(item)).flat_map(|item| item.tokens).collect()
    }

    /// An item; of a family, the items in it are looked at.
    fn push_item(&mut self, item: &[TokenTree], out: &mut Vec<TokenTree>, depth: usize) {
        match item {
            [TokenTree::Ident(word), head @ .., TokenTree::Group(body)]
                if word == "for" && depth < NESTING_MAX =>
            {
                let inside = self.kernels(body.stream().into_iter().collect(), depth + 1);
                out.push(item[0].clone());
                out.extend(head.iter().cloned());
                out.push(with_contents(body, inside).into());
            }
            _ => out.extend(item.iter().cloned()),
        }
    }

    /// The attributes that `trees` start with, and how many tokens they are. An inner attribute
    /// is alone.
    pub(super) fn attributes(&mut self, trees: &[TokenTree]) -> (Verdict, usize) {
        let mut verdict = Verdict {
            is_wanted: true,
            path: None,
            is_fallback: false,
            kept: Vec::new(),
            is_changed: false,
        };
        let mut at = 0;
        while let Some(attribute) = split::attribute(&trees[at..]) {
            if attribute.is_inner && at > 0 {
                break;
            }
            let whole = &trees[at..at + attribute.len];
            at += attribute.len;
            let inside: Vec<TokenTree> = attribute.brackets.stream().into_iter().collect();
            self.attribute(&inside, whole, &mut verdict, 0);
            if attribute.is_inner {
                break;
            }
        }
        (verdict, at)
    }

    fn attribute(
        &mut self,
        inside: &[TokenTree],
        whole: &[TokenTree],
        verdict: &mut Verdict,
        depth: usize,
    ) {
        match inside {
            [TokenTree::Ident(name), TokenTree::Group(list)] if name == "cfg" => {
                match self.configuration.holds(list.stream(), name.span()) {
                    Ok(holds) => verdict.is_wanted &= holds,
                    Err(problem) => self.diagnostics.push(*problem),
                }
                if is_inner(whole) {
                    return;
                }
            }
            [TokenTree::Ident(name), TokenTree::Group(list)]
                if name == "cfg_attr" && depth < NESTING_MAX =>
            {
                verdict.is_changed = true;
                self.conditional(list, name.span(), whole, verdict, depth);
                return;
            }
            [TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Literal(value)]
                if name == "path" =>
            {
                verdict.path = string(value);
            }
            [TokenTree::Ident(name)] if name == "fallback" => verdict.is_fallback = true,
            _ => {}
        }
        verdict.kept.extend(whole.iter().cloned());
    }

    /// `cfg_attr(predicate, attribute, …)`.
    fn conditional(
        &mut self,
        list: &Group,
        place: Span,
        whole: &[TokenTree],
        verdict: &mut Verdict,
        depth: usize,
    ) {
        let trees: Vec<TokenTree> = list.stream().into_iter().collect();
        let is_comma = |tree: &TokenTree| is_punct(Some(tree), ',');
        let mut parts = trees.split(is_comma);
        let predicate = parts.next().unwrap_or(&[]).iter().cloned().collect();
        match self.configuration.holds(predicate, place) {
            Ok(false) => {}
            Err(problem) => self.diagnostics.push(*problem),
            Ok(true) => {
                for part in parts.filter(|part| !part.is_empty()) {
                    let mut attribute = whole.to_vec();
                    if let Some(TokenTree::Group(brackets)) = attribute.pop() {
                        attribute.push(with_contents(&brackets, part.to_vec()).into());
                    }
                    self.attribute(part, &attribute, verdict, depth + 1);
                }
            }
        }
    }
}

/// Whether the attribute that `trees` start with is an inner one.
pub(super) fn is_inner(trees: &[TokenTree]) -> bool {
    split::attribute(trees).is_some_and(|attribute| attribute.is_inner)
}

/// The text of a string literal.
pub(super) fn string(literal: &proc_macro2::Literal) -> Option<String> {
    syn::parse_str::<syn::LitStr>(&literal.to_string()).ok().map(|text| text.value())
}

/// The same group around other tokens.
fn with_contents(group: &Group, trees: Vec<TokenTree>) -> Group {
    let mut new = Group::new(group.delimiter(), trees.into_iter().collect());
    new.set_span(group.span());
    new
}
