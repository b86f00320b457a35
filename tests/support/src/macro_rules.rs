//! `macro_rules!` without rustc: what the macros of one file make of their invocations in it.
//!
//! In: the tokens of a file. Out: the same tokens, with each invocation of a macro that the file
//! defines replaced by what it stands for, and without the definitions. Fragments that have no end
//! of their own (`expr`, `ty`, `path`, `meta`) end before the token that the rule has after them. An
//! invocation that no rule matches is left as it is. Hygiene is not modeled.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::collections::BTreeMap;

/// What a name of a rule stands for.
#[derive(Clone, Debug)]
enum Binding {
    One(Vec<TokenTree>),
    /// In each repetition.
    Many(Vec<Binding>),
}

type Bindings = BTreeMap<String, Binding>;

/// A rule: what it matches, and what becomes of it.
type Rule = (Vec<TokenTree>, Vec<TokenTree>);

/// How often macros may stand in what macros make.
const DEPTH: u32 = 16;

/// The tokens of a file as its macros leave them.
pub fn expanded(file: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = file.into_iter().collect();
    let mut macros = BTreeMap::new();
    define(&tokens, &mut macros);
    expand(&tokens, &macros, DEPTH).into_iter().collect()
}

fn is_mark(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(found)) if found.as_char() == mark)
}

fn inside(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

/// What is at the start of `tokens`: `macro_rules! name { … }`.
fn definition(tokens: &[TokenTree]) -> Option<(String, &Group)> {
    match tokens {
        [TokenTree::Ident(word), mark, TokenTree::Ident(name), TokenTree::Group(rules), ..]
            if word == "macro_rules" && is_mark(Some(mark), '!') =>
        {
            Some((name.to_string(), rules))
        }
        _ => None,
    }
}

/// Notes the macros that are defined at any depth.
fn define(tokens: &[TokenTree], macros: &mut BTreeMap<String, Vec<Rule>>) {
    for (at, token) in tokens.iter().enumerate() {
        if let Some((name, group)) = definition(&tokens[at..]) {
            macros.insert(name, rules(&inside(group)));
        } else if let TokenTree::Group(group) = token {
            define(&inside(group), macros);
        }
    }
}

/// `(pattern) => { body };` for each rule.
fn rules(tokens: &[TokenTree]) -> Vec<Rule> {
    let groups = tokens.iter().filter_map(|token| match token {
        TokenTree::Group(group) => Some(inside(group)),
        TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => None,
    });
    let groups: Vec<Vec<TokenTree>> = groups.collect();
    groups.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

fn expand(
    tokens: &[TokenTree],
    macros: &BTreeMap<String, Vec<Rule>>,
    depth: u32,
) -> Vec<TokenTree> {
    let (mut all, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if definition(&tokens[at..]).is_some() {
            at += 4;
        } else if let Some(made) = invoked(&tokens[at..], macros).filter(|_| depth > 0) {
            all.extend(expand(&made, macros, depth - 1));
            at += 3;
        } else {
            all.push(match &tokens[at] {
                TokenTree::Group(group) => regrouped(group, expand(&inside(group), macros, depth)),
                token => token.clone(),
            });
            at += 1;
        }
    }
    all
}

fn regrouped(group: &Group, tokens: Vec<TokenTree>) -> TokenTree {
    let mut other = Group::new(group.delimiter(), tokens.into_iter().collect());
    other.set_span(group.span());
    TokenTree::Group(other)
}

/// What `name!(…)` at the start of `tokens` stands for.
fn invoked(tokens: &[TokenTree], macros: &BTreeMap<String, Vec<Rule>>) -> Option<Vec<TokenTree>> {
    let [TokenTree::Ident(name), mark, TokenTree::Group(given), ..] = tokens else { return None };
    let rules = macros.get(&name.to_string()).filter(|_| is_mark(Some(mark), '!'))?;
    let given = inside(given);
    rules.iter().find_map(|(pattern, body)| {
        let (bindings, length) = matched(pattern, &given, &[])?;
        (length == given.len()).then(|| transcribed(body, &bindings))
    })
}

/// `$(…) separator operator` at the start of `tokens`: what repeats, the separator, and the length.
fn repetition(tokens: &[TokenTree]) -> Option<(Vec<TokenTree>, Option<&TokenTree>, usize)> {
    let TokenTree::Group(group) = tokens.get(1).filter(|_| is_mark(tokens.first(), '$'))? else {
        return None;
    };
    let is_operator = |at| ['*', '+', '?'].iter().any(|mark| is_mark(tokens.get(at), *mark));
    match (is_operator(2), is_operator(3)) {
        _ if group.delimiter() != Delimiter::Parenthesis => None,
        (true, _) => Some((inside(group), None, 3)),
        (false, true) => Some((inside(group), tokens.get(2), 4)),
        (false, false) => None,
    }
}

/// The names that a pattern binds at the start of `given`, and how many tokens it takes. `after`
/// are the tokens that may follow the pattern, if they are known.
fn matched(
    pattern: &[TokenTree],
    given: &[TokenTree],
    after: &[&TokenTree],
) -> Option<(Bindings, usize)> {
    let (mut bindings, mut from, mut at) = (Bindings::new(), 0, 0);
    while from < pattern.len() {
        let rest = &pattern[from..];
        if let Some((inner, separator, length)) = repetition(rest) {
            let next = rest.get(length).filter(|token| !is_mark(Some(token), '$'));
            let mut ends = next.map_or(after.to_vec(), |next| vec![next]);
            ends.extend(separator);
            at += repeated(&inner, separator, &given[at..], &ends, &mut bindings);
            from += length;
        } else if let [mark, TokenTree::Ident(name), colon, TokenTree::Ident(kind), ..] = rest
            && is_mark(Some(mark), '$')
            && is_mark(Some(colon), ':')
        {
            let ends = rest.get(4).map_or(after.to_vec(), |next| vec![next]);
            let length = fragment(&kind.to_string(), &given[at..], &ends)?;
            let tokens = given[at..at + length].to_vec();
            let is_grouped = kind == "expr";
            let whole = Group::new(Delimiter::None, tokens.iter().cloned().collect());
            let tokens = if is_grouped { vec![TokenTree::Group(whole)] } else { tokens };
            bindings.insert(name.to_string(), Binding::One(tokens));
            (from, at) = (from + 4, at + length);
        } else {
            bindings.extend(token_matched(&rest[0], given.get(at)?)?);
            (from, at) = (from + 1, at + 1);
        }
    }
    Some((bindings, at))
}

/// What a single token of a pattern binds: nothing, if it is no group.
fn token_matched(pattern: &TokenTree, given: &TokenTree) -> Option<Bindings> {
    match (pattern, given) {
        (TokenTree::Group(pattern), TokenTree::Group(given)) => {
            let given_tokens = inside(given);
            let (bindings, length) = matched(&inside(pattern), &given_tokens, &[])?;
            let is_whole = length == given_tokens.len();
            (is_whole && pattern.delimiter() == given.delimiter()).then_some(bindings)
        }
        _ => (pattern.to_string() == given.to_string()).then(Bindings::new),
    }
}

/// Binds each repetition of a pattern; how many tokens they take.
fn repeated(
    pattern: &[TokenTree],
    separator: Option<&TokenTree>,
    given: &[TokenTree],
    after: &[&TokenTree],
    bindings: &mut Bindings,
) -> usize {
    let mut at = 0;
    for name in names(pattern) {
        bindings.insert(name, Binding::Many(Vec::new()));
    }
    while at < given.len() {
        let Some((one, length)) = matched(pattern, &given[at..], after) else { break };
        if length == 0 {
            break;
        }
        for (name, binding) in one {
            if let Some(Binding::Many(all)) = bindings.get_mut(&name) {
                all.push(binding);
            }
        }
        at += length;
        match separator {
            Some(token) if given.get(at).is_some_and(|t| t.to_string() == token.to_string()) => {
                at += 1;
            }
            Some(_) => break,
            None => {}
        }
    }
    at
}

/// The names that a pattern binds.
fn names(pattern: &[TokenTree]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, token) in pattern.iter().enumerate() {
        match (token, pattern.get(at + 1)) {
            (TokenTree::Group(group), _) => found.extend(names(&inside(group))),
            (mark, Some(TokenTree::Ident(name))) if is_mark(Some(mark), '$') => {
                found.push(name.to_string());
            }
            _ => {}
        }
    }
    found
}

/// How many tokens a fragment takes.
fn fragment(kind: &str, given: &[TokenTree], after: &[&TokenTree]) -> Option<usize> {
    let first = given.first();
    let is_fit = |is: bool, length: usize| is.then_some(length).filter(|n| *n <= given.len());
    match kind {
        "ident" => is_fit(matches!(first, Some(TokenTree::Ident(_))), 1),
        "literal" if is_mark(first, '-') => is_fit(true, 2),
        "literal" => {
            let is_bool = |t: &TokenTree| ["true", "false"].contains(&&*t.to_string());
            let is = first.is_some_and(|t| matches!(t, TokenTree::Literal(_)) || is_bool(t));
            is_fit(is, 1)
        }
        "lifetime" => is_fit(is_mark(first, '\''), 2),
        "block" => is_fit(matches!(first, Some(TokenTree::Group(_))), 1),
        "tt" => is_fit(first.is_some(), if is_mark(first, '\'') { 2 } else { 1 }),
        "vis" => match (first, given.get(1)) {
            (Some(TokenTree::Ident(word)), Some(TokenTree::Group(group)))
                if word == "pub" && group.delimiter() == Delimiter::Parenthesis =>
            {
                Some(2)
            }
            (Some(TokenTree::Ident(word)), _) if word == "pub" => Some(1),
            _ => Some(0),
        },
        _ => {
            let is_end =
                |token: &TokenTree| after.iter().any(|t| t.to_string() == token.to_string());
            Some(given.iter().position(is_end).unwrap_or(given.len())).filter(|length| *length > 0)
        }
    }
}

/// The body of a rule with what its names stand for.
fn transcribed(body: &[TokenTree], bindings: &Bindings) -> Vec<TokenTree> {
    let (mut all, mut at) = (Vec::new(), 0);
    while at < body.len() {
        if let Some((inner, separator, length)) = repetition(&body[at..]) {
            for (number, bindings) in turns(&inner, bindings).into_iter().enumerate() {
                all.extend(separator.filter(|_| number > 0).cloned());
                all.extend(transcribed(&inner, &bindings));
            }
            at += length;
        } else if let (true, Some(TokenTree::Ident(name))) =
            (is_mark(body.get(at), '$'), body.get(at + 1))
        {
            match bindings.get(&name.to_string()) {
                Some(Binding::One(tokens)) => all.extend(tokens.iter().cloned()),
                Some(Binding::Many(_)) | None => all.push(body[at + 1].clone()),
            }
            at += 2;
        } else {
            all.push(match &body[at] {
                TokenTree::Group(group) => regrouped(group, transcribed(&inside(group), bindings)),
                token => token.clone(),
            });
            at += 1;
        }
    }
    all
}

/// What the names stand for in each turn of a repetition.
fn turns(body: &[TokenTree], bindings: &Bindings) -> Vec<Bindings> {
    let used = names(body);
    let lists = bindings.iter().filter_map(|(name, binding)| match binding {
        Binding::Many(list) if used.contains(name) => Some((name, list)),
        Binding::Many(_) | Binding::One(_) => None,
    });
    let lists: Vec<(&String, &Vec<Binding>)> = lists.collect();
    let count = lists.iter().map(|(_, list)| list.len()).min().unwrap_or(0);
    let turn = |number: usize| {
        let mut one = bindings.clone();
        one.extend(lists.iter().map(|(name, list)| ((*name).clone(), list[number].clone())));
        one
    };
    (0..count).map(turn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_made(source: &str, expected: &str) {
        let tokens = |text: &str| text.parse::<TokenStream>().expect("Rust");
        // Between which marks there is a blank depends on where they come from.
        let dense = |tokens: TokenStream| tokens.to_string().replace(' ', "");
        assert_eq!(dense(expanded(tokens(source))), dense(tokens(expected)), "{source}");
    }

    #[test]
    fn fragments_take_their_tokens() {
        is_made(
            "macro_rules! m { ($a:ident, $b:literal) => { fn $a() -> u8 { $b } }; } m!(f, 7);",
            "fn f() -> u8 { 7 } ;",
        );
        is_made(
            "macro_rules! m { ($v:vis $l:lifetime $t:ty; $b:block) => { $v $l $t $b }; }
            m! { pub(crate) 'a &'a [u8; 4]; { x } }",
            "pub(crate) 'a &'a [u8; 4] { x }",
        );
        is_made(
            "macro_rules! m { (a) => { 1 }; (b $x:tt) => { $x }; } m!(a) m!(b [2]) m!(c)",
            "1 [2] m!(c)",
        );
    }

    #[test]
    fn repetitions_are_written_out() {
        is_made(
            "macro_rules! m { ($(#[$d:meta])* $($a:ident: $t:ty),* ; $n:ident) => {
            $(#[$d])* fn $n() { $(let $a: $t;)* f($($a),*); } }; }
            m!(#[x] #[y(z)] a: u8, b: [u8; 2]; g);",
            "#[x] #[y(z)] fn g() { let a: u8; let b: [u8; 2]; f(a, b); } ;",
        );
        is_made(
            "macro_rules! m { ($($a:ident $(+ $b:ident)*;)*) => { $($a($($b)*))* }; }
            m!(p; q + r + s;);",
            "p() q(r s) ;",
        );
    }

    #[test]
    fn macros_may_make_invocations() {
        is_made(
            "macro_rules! m { ($a:ident) => { n!($a); }; } macro_rules! n { ($a:ident) => { $a };
            } mod x { m!(f); }",
            "mod x { f; ; }",
        );
    }
}
