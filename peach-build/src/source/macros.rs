//! `macro_rules!`: macros of a file that make kernels are expanded as rustc would.
//!
//! In: the rules of a macro, the tokens of an invocation. Out: what the first matching rule makes.
//! Invariants: tokens keep the places where they were written; fragments but single tokens come in
//! invisible groups, as rustc gives them.
//! Fails: rules that is malformed, an invocation that no rule matches, expansion without end.

use peach_compiler::diagnostics::{Code, Diagnostic, Diagnostics};
use proc_macro2::{Delimiter, Group, Ident, Punct, Spacing, Span, TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::{HashMap, HashSet};
use syn::parse::{ParseStream, Parser};

/// How many invocations a file may have expanded, those that others make included.
const EXPANSIONS_MAX: usize = 10_000;

/// The macros of a file.
#[derive(Default)]
pub(super) struct Macros {
    by_name: HashMap<String, Vec<Rule>>,
    expansions: usize,
}

struct Rule {
    pattern: Vec<Node>,
    body: Vec<Node>,
    /// Every name in the body, at any depth.
    words: HashSet<String>,
}

/// A part of a pattern or of a body.
#[derive(Clone)]
enum Node {
    /// A token that stands for itself.
    Token(TokenTree),
    Group(Delimiter, Span, Vec<Node>),
    /// `$name:kind` in a pattern, `$name` in a body.
    Fragment {
        name: String,
        kind: String,
        span: Span,
    },
    /// `$( … ) separator operator`.
    Repeat {
        nodes: Vec<Node>,
        separator: Option<TokenTree>,
        operator: char,
    },
}

/// What a name of a pattern stands for.
#[derive(Clone)]
enum Binding {
    One(TokenStream),
    Many(Vec<Binding>),
}

type Bindings = HashMap<String, Binding>;

impl Macros {
    /// Notes `macro_rules! name { rules }`.
    pub(super) fn define(&mut self, name: &Ident, rules: &Group, diagnostics: &mut Diagnostics) {
        let trees: Vec<TokenTree> = rules.stream().into_iter().collect();
        let is_end = |tree: &TokenTree| matches!(tree, TokenTree::Punct(p) if p.as_char() == ';');
        let parts = trees.split(is_end).filter(|part| !part.is_empty());
        match parts.map(rule).collect::<Option<Vec<Rule>>>() {
            Some(rules) => {
                self.by_name.insert(name.to_string(), rules);
            }
            None => diagnostics.push(
                Diagnostic::new(Code::Syntax, name.span(), format!("invalid rules of `{name}!`"))
                    .note("a rule is `(pattern) => { body }`"),
            ),
        }
    }

    /// Whether an invocation of macro `name` may make one of the macros in `wanted`.
    pub(super) fn is_of_interest(&self, name: &str, wanted: &HashSet<String>) -> bool {
        let mut seen = HashSet::from([name]);
        let mut open = vec![name];
        while let Some(name) = open.pop() {
            for word in self.by_name.get(name).into_iter().flatten().flat_map(|rule| &rule.words) {
                if wanted.contains(word) {
                    return true;
                }
                if self.by_name.contains_key(word) && seen.insert(word) {
                    open.push(word);
                }
            }
        }
        false
    }

    /// What `name!(arguments)` makes.
    pub(super) fn expand(
        &mut self,
        name: &Ident,
        arguments: &Group,
        diagnostics: &mut Diagnostics,
    ) -> Option<TokenStream> {
        let rules = self.by_name.get(&name.to_string())?;
        let error = |message: String| Diagnostic::new(Code::Syntax, name.span(), message);
        self.expansions += 1;
        if self.expansions > EXPANSIONS_MAX {
            diagnostics.push(error(format!("the expansion of `{name}!` exceeds the limit")));
            return None;
        }
        let input: Vec<TokenTree> = arguments.stream().into_iter().collect();
        for rule in rules {
            let mut bindings = Bindings::new();
            if matches_at(&rule.pattern, &input, &mut bindings) != Some(input.len()) {
                continue;
            }
            let mut out = Vec::new();
            if transcribe(&rule.body, &bindings, &mut out).is_none() {
                let message = format!(
                    "a repetition of `{name}!` has variables with different numbers of values"
                );
                diagnostics.push(error(message));
                return None;
            }
            return Some(out.into_iter().collect());
        }
        diagnostics.push(error(format!("no rule of `{name}!` matches these tokens")));
        None
    }
}

fn rule(part: &[TokenTree]) -> Option<Rule> {
    match part {
        [
            TokenTree::Group(pattern),
            TokenTree::Punct(_),
            TokenTree::Punct(_),
            TokenTree::Group(body),
        ] => {
            let mut words = HashSet::new();
            collect_words(body.stream(), &mut words, 0);
            Some(Rule {
                pattern: nodes(pattern.stream(), true)?,
                body: nodes(body.stream(), false)?,
                words,
            })
        }
        _ => None,
    }
}

fn collect_words(stream: TokenStream, words: &mut HashSet<String>, depth: u32) {
    for tree in stream {
        match tree {
            TokenTree::Ident(word) => {
                words.insert(word.to_string());
            }
            TokenTree::Group(group) if depth < 100 => {
                collect_words(group.stream(), words, depth + 1);
            }
            _ => {}
        }
    }
}

/// Takes a pattern or a body apart.
fn nodes(stream: TokenStream, is_pattern: bool) -> Option<Vec<Node>> {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(tree) = trees.get(at) {
        at += 1;
        match (tree, trees.get(at)) {
            (TokenTree::Punct(dollar), Some(TokenTree::Group(group)))
                if dollar.as_char() == '$' && group.delimiter() == Delimiter::Parenthesis =>
            {
                let (separator, operator, used) = repetition(&trees[at + 1..])?;
                let nodes = nodes(group.stream(), is_pattern)?;
                out.push(Node::Repeat { nodes, separator, operator });
                at += 1 + used;
            }
            (TokenTree::Punct(dollar), Some(TokenTree::Ident(name))) if dollar.as_char() == '$' => {
                at += 1;
                let span = name.span();
                let kind = match &trees[at..] {
                    [TokenTree::Punct(colon), TokenTree::Ident(kind), ..]
                        if is_pattern && colon.as_char() == ':' =>
                    {
                        at += 2;
                        kind.to_string()
                    }
                    _ => String::new(),
                };
                out.push(Node::Fragment { name: name.to_string(), kind, span });
            }
            (TokenTree::Group(group), _) => {
                let inside = nodes(group.stream(), is_pattern)?;
                out.push(Node::Group(group.delimiter(), group.span(), inside));
            }
            _ => out.push(Node::Token(tree.clone())),
        }
    }
    Some(out)
}

/// `*`, `,*`, `;+`, `?`: separator, operator, how many tokens.
fn repetition(rest: &[TokenTree]) -> Option<(Option<TokenTree>, char, usize)> {
    let operator = |tree: Option<&TokenTree>| match tree {
        Some(TokenTree::Punct(punct)) if matches!(punct.as_char(), '*' | '+' | '?') => {
            Some(punct.as_char())
        }
        _ => None,
    };
    if let Some(operator) = operator(rest.first()) {
        return Some((None, operator, 1));
    }
    Some((rest.first().cloned(), operator(rest.get(1))?, 2))
}

/// How many trees of `input` the pattern takes, from its start.
fn matches_at(pattern: &[Node], input: &[TokenTree], bindings: &mut Bindings) -> Option<usize> {
    let mut at = 0;
    for node in pattern {
        at += match node {
            Node::Token(token) => is_same(token, input.get(at)?).then_some(1)?,
            Node::Group(delimiter, _, inside) => {
                let TokenTree::Group(group) = input.get(at)? else { return None };
                let trees: Vec<TokenTree> = group.stream().into_iter().collect();
                let is_match = group.delimiter() == *delimiter
                    && matches_at(inside, &trees, bindings) == Some(trees.len());
                is_match.then_some(1)?
            }
            Node::Fragment { name, kind, .. } => {
                let (tokens, len) = fragment(kind, &input[at..])?;
                bindings.insert(name.clone(), Binding::One(tokens));
                len
            }
            Node::Repeat { nodes, separator, operator } => {
                repeated(nodes, separator.as_ref(), *operator, &input[at..], bindings)?
            }
        };
    }
    Some(at)
}

fn is_same(a: &TokenTree, b: &TokenTree) -> bool {
    match (a, b) {
        (TokenTree::Punct(a), TokenTree::Punct(b)) => a.as_char() == b.as_char(),
        (TokenTree::Ident(a), TokenTree::Ident(b)) => a == b,
        (TokenTree::Literal(a), TokenTree::Literal(b)) => a.to_string() == b.to_string(),
        _ => false,
    }
}

/// As many repetitions as there are.
fn repeated(
    nodes: &[Node],
    separator: Option<&TokenTree>,
    operator: char,
    input: &[TokenTree],
    bindings: &mut Bindings,
) -> Option<usize> {
    let mut rounds: Vec<Bindings> = Vec::new();
    let mut at = 0;
    while operator != '?' || rounds.is_empty() {
        let mut start = at;
        if let (false, Some(separator)) = (rounds.is_empty(), separator) {
            if !input.get(at).is_some_and(|tree| is_same(separator, tree)) {
                break;
            }
            start += 1;
        }
        let mut round = Bindings::new();
        match matches_at(nodes, &input[start..], &mut round) {
            Some(len) if len > 0 => at = start + len,
            _ => break,
        }
        rounds.push(round);
    }
    if operator == '+' && rounds.is_empty() {
        return None;
    }
    let mut names = HashSet::new();
    collect_names(nodes, &mut names);
    for name in names {
        let all = rounds.iter().filter_map(|round| round.get(&name).cloned()).collect();
        bindings.insert(name, Binding::Many(all));
    }
    Some(at)
}

fn collect_names(nodes: &[Node], names: &mut HashSet<String>) {
    for node in nodes {
        match node {
            Node::Fragment { name, .. } => {
                names.insert(name.clone());
            }
            Node::Group(_, _, inside) | Node::Repeat { nodes: inside, .. } => {
                collect_names(inside, names);
            }
            Node::Token(_) => {}
        }
    }
}

/// The fragment of a kind that `input` starts with, and how many trees it is.
fn fragment(kind: &str, input: &[TokenTree]) -> Option<(TokenStream, usize)> {
    let taken = |len: usize| {
        let tokens: Option<Vec<TokenTree>> = (0..len).map(|at| input.get(at).cloned()).collect();
        tokens.map(|trees| (trees.into_iter().collect::<TokenStream>(), len))
    };
    let is_punct =
        |at: usize, ch| matches!(input.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ch);
    match (kind, input.first()) {
        ("tt", Some(_)) if is_punct(0, '\'') => taken(2),
        ("tt", Some(_))
        | ("ident", Some(TokenTree::Ident(_)))
        | ("literal", Some(TokenTree::Literal(_))) => taken(1),
        ("literal", Some(TokenTree::Ident(word))) if word == "true" || word == "false" => taken(1),
        ("literal", Some(_)) if is_punct(0, '-') => {
            let is_number = matches!(input.get(1), Some(TokenTree::Literal(_)));
            taken(2).filter(|_| is_number).map(|(tokens, len)| (in_group(tokens), len))
        }
        // A negative one that came through another macro.
        ("literal", Some(TokenTree::Group(group))) if is_negative_literal(group) => taken(1),
        ("lifetime", Some(_)) if is_punct(0, '\'') => taken(2),
        ("tt" | "ident" | "literal" | "lifetime", _) => None,
        _ => parsed(kind, input),
    }
}

/// A fragment of Rust's grammar.
fn parsed(kind: &str, input: &[TokenTree]) -> Option<(TokenStream, usize)> {
    let parser = |stream: ParseStream<'_>| {
        let tokens = match kind {
            "expr" | "expr_2021" => stream.parse::<syn::Expr>()?.into_token_stream(),
            "ty" => stream.parse::<syn::Type>()?.into_token_stream(),
            "path" => stream.parse::<syn::Path>()?.into_token_stream(),
            "pat" => syn::Pat::parse_multi(stream)?.into_token_stream(),
            "pat_param" => syn::Pat::parse_single(stream)?.into_token_stream(),
            "stmt" => statement(stream)?,
            "block" => stream.parse::<syn::Block>()?.into_token_stream(),
            "item" => stream.parse::<syn::Item>()?.into_token_stream(),
            "meta" => stream.parse::<syn::Meta>()?.into_token_stream(),
            "vis" => stream.parse::<syn::Visibility>()?.into_token_stream(),
            _ => return Err(stream.error("no such fragment")),
        };
        Ok((tokens, stream.parse::<TokenStream>()?))
    };
    let (tokens, rest) = parser.parse2(input.iter().cloned().collect()).ok()?;
    let len = input.len() - rest.into_iter().count();
    Some((in_group(tokens), len))
}

fn is_negative_literal(group: &Group) -> bool {
    let inside: Vec<TokenTree> = group.stream().into_iter().collect();
    let is_literal = matches!(
        inside.as_slice(),
        [TokenTree::Punct(minus), TokenTree::Literal(_)] if minus.as_char() == '-'
    );
    is_literal && group.delimiter() == Delimiter::None
}

/// Tokens in an invisible group.
fn in_group(tokens: TokenStream) -> TokenStream {
    TokenTree::Group(Group::new(Delimiter::None, tokens)).into()
}

/// A statement without the semicolon after it, which is not a part of the fragment.
fn statement(stream: ParseStream<'_>) -> syn::Result<TokenStream> {
    if !stream.peek(syn::Token![let]) {
        return match stream.fork().parse::<syn::Item>() {
            // The call of a macro, which is an item too, has the semicolon after it there.
            Ok(syn::Item::Macro(call)) if call.ident.is_none() => expression(stream),
            Ok(_) => Ok(stream.parse::<syn::Item>()?.into_token_stream()),
            Err(_) => expression(stream),
        };
    }
    let mut tokens = stream.parse::<syn::Token![let]>()?.into_token_stream();
    syn::Pat::parse_single(stream)?.to_tokens(&mut tokens);
    if stream.peek(syn::Token![:]) {
        stream.parse::<syn::Token![:]>()?.to_tokens(&mut tokens);
        stream.parse::<syn::Type>()?.to_tokens(&mut tokens);
    }
    if stream.peek(syn::Token![=]) {
        stream.parse::<syn::Token![=]>()?.to_tokens(&mut tokens);
        stream.parse::<syn::Expr>()?.to_tokens(&mut tokens);
    }
    Ok(tokens)
}

/// An expression as a statement, which braces end.
fn expression(stream: ParseStream<'_>) -> syn::Result<TokenStream> {
    Ok(syn::Expr::parse_with_earlier_boundary_rule(stream)?.into_token_stream())
}

/// Writes a body with its names replaced.
fn transcribe(body: &[Node], bindings: &Bindings, out: &mut Vec<TokenTree>) -> Option<()> {
    for node in body {
        match node {
            Node::Token(token) => out.push(token.clone()),
            Node::Group(delimiter, span, inside) => {
                let mut trees = Vec::new();
                transcribe(inside, bindings, &mut trees)?;
                let mut group = Group::new(*delimiter, trees.into_iter().collect());
                group.set_span(*span);
                out.push(group.into());
            }
            Node::Fragment { name, span, .. } => match bindings.get(name) {
                Some(Binding::One(tokens)) => out.extend(tokens.clone()),
                Some(Binding::Many(_)) => return None,
                None if name == "crate" => out.push(Ident::new("crate", *span).into()),
                // Rules of a macro that this one makes have names of their own.
                None => {
                    let mut dollar = Punct::new('$', Spacing::Alone);
                    dollar.set_span(*span);
                    out.extend([dollar.into(), TokenTree::from(Ident::new(name, *span))]);
                }
            },
            Node::Repeat { nodes, separator, .. } => {
                for (index, round) in rounds(nodes, bindings)?.into_iter().enumerate() {
                    out.extend(separator.iter().filter(|_| index > 0).cloned());
                    transcribe(nodes, &round, out)?;
                }
            }
        }
    }
    Some(())
}

/// The bindings of each round of a repetition.
fn rounds(nodes: &[Node], bindings: &Bindings) -> Option<Vec<Bindings>> {
    let mut names = HashSet::new();
    collect_names(nodes, &mut names);
    let lists: Vec<(&String, &Vec<Binding>)> = names
        .iter()
        .filter_map(|name| match bindings.get(name) {
            Some(Binding::Many(all)) => Some((name, all)),
            _ => None,
        })
        .collect();
    let count = lists.first()?.1.len();
    if lists.iter().any(|(_, all)| all.len() != count) {
        return None;
    }
    let round = |index: usize| {
        let mut round = bindings.clone();
        round.extend(lists.iter().map(|(name, all)| ((*name).clone(), all[index].clone())));
        round
    };
    Some((0..count).map(round).collect())
}
