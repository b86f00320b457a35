//! `#[cfg]`: the configuration of a target, and what predicates say of it.
//!
//! In: a target, the caller's own `--cfg`. Out: whether a predicate holds.
//! Invariants: a name that nothing sets is false, as for rustc.
//! Fails: a predicate that Rust does not have is an error at its tokens.

use peach_compiler::diagnostics::{Code, Diagnostic};
use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use std::collections::BTreeSet;

/// What is set: names, and names with values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    set: BTreeSet<(String, Option<String>)>,
}

/// Names that have one value: setting another one replaces it.
const SINGLE: &[&str] = &[
    "target_abi",
    "target_arch",
    "target_endian",
    "target_env",
    "target_os",
    "target_pointer_width",
    "target_vendor",
    "panic",
];

impl Configuration {
    /// Sets a name, or a value of a name.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        if SINGLE.contains(&name) {
            self.set.retain(|(known, _)| known != name);
        }
        self.set.insert((name.to_string(), value.map(str::to_string)));
    }

    /// Sets what `--cfg` names: `name` or `name="value"`. The quotes, which a shell is apt to take
    /// away, may be missing.
    ///
    /// # Errors
    /// Where it is neither.
    pub fn parse(&mut self, text: &str) -> Result<(), String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (text.trim(), None),
        };
        let unquoted = |value| {
            let inside = str::strip_prefix(value, '"').and_then(|value| value.strip_suffix('"'));
            inside.unwrap_or(value)
        };
        let is_word = |ch: char| ch.is_alphanumeric() || ch == '_';
        let is_name = !name.is_empty()
            && name.chars().all(is_word)
            && !name.starts_with(|ch: char| ch.is_ascii_digit());
        if !is_name {
            return Err(format!("`{text}` is not of the form `name` or `name=\"value\"`"));
        }
        self.set(name, value.map(unquoted));
        Ok(())
    }

    /// Everything that is set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.set.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// Whether a name, or a value of a name, is set.
    pub fn has(&self, name: &str, value: Option<&str>) -> bool {
        self.set.contains(&(name.to_string(), value.map(str::to_string)))
    }

    /// Whether the predicate between the parentheses of a `cfg(…)` holds.
    pub(super) fn holds(&self, inside: TokenStream, place: Span) -> Result<bool, Box<Diagnostic>> {
        let mut parts = self.predicates(inside)?;
        match (parts.len(), parts.pop()) {
            (1, Some(value)) => Ok(value),
            _ => Err(bad(place, "`cfg` takes one predicate")
                .help("join several with `all(…)` or `any(…)`")
                .into()),
        }
    }

    /// The predicates of a list, in order.
    fn predicates(&self, list: TokenStream) -> Result<Vec<bool>, Box<Diagnostic>> {
        let trees: Vec<TokenTree> = list.into_iter().collect();
        let is_comma = |tree: &TokenTree| matches!(tree, TokenTree::Punct(p) if p.as_char() == ',');
        let mut parts = trees.split(is_comma).collect::<Vec<_>>();
        if parts.last().is_some_and(|part| part.is_empty()) {
            parts.pop();
        }
        parts.into_iter().map(|part| self.predicate(part, &trees)).collect()
    }

    fn predicate(&self, part: &[TokenTree], list: &[TokenTree]) -> Result<bool, Box<Diagnostic>> {
        let place = part.first().or(list.first()).map_or_else(Span::call_site, TokenTree::span);
        let Some(TokenTree::Ident(name)) = part.first() else {
            return Err(bad(place, "expected the name of a predicate").into());
        };
        let name = name.to_string();
        match &part[1..] {
            [] if name == "true" => Ok(true),
            [] if name == "false" => Ok(false),
            [] => Ok(self.has(&name, None)),
            [TokenTree::Punct(equals), TokenTree::Literal(value)] if equals.as_char() == '=' => {
                let text = value.to_string();
                let value = syn::parse_str::<syn::LitStr>(&text);
                let value =
                    value.map_err(|_| bad(place, "the value of a predicate is a string"))?;
                Ok(self.has(&name, Some(&value.value())))
            }
            [TokenTree::Group(group)] if group.delimiter() == Delimiter::Parenthesis => {
                let parts = self.predicates(group.stream())?;
                match name.as_str() {
                    "all" => Ok(parts.iter().all(|part| *part)),
                    "any" => Ok(parts.iter().any(|part| *part)),
                    "not" if parts.len() == 1 => Ok(!parts[0]),
                    "not" => Err(bad(place, "`not` takes one predicate").into()),
                    _ => Err(bad(place, format!("unknown predicate `{name}(…)`"))
                        .note("the predicates are `all(…)`, `any(…)` and `not(…)`")
                        .into()),
                }
            }
            _ => Err(bad(place, "this is not a predicate")
                .note(
                    "the predicates are `name`, `name = \"value\"`, `all(…)`, `any(…)` and \
                    `not(…)`",
                )
                .into()),
        }
    }
}

fn bad(place: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::BadAttribute, place, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(configuration: &Configuration, text: &str) -> Result<bool, String> {
        let tokens = text.parse().expect("tokens");
        configuration.holds(tokens, Span::call_site()).map_err(|error| error.message)
    }

    #[test]
    fn predicates_are_evaluated() {
        let mut configuration = Configuration::default();
        configuration.set("unix", None);
        configuration.set("target_os", Some("linux"));
        configuration.parse("feature=\"fast\"").expect("right");
        configuration.parse("feature=small").expect("right");
        for text in [
            "unix",
            "all(unix, target_os = \"linux\")",
            "any(windows, unix,)",
            "not(windows)",
            "feature = \"fast\"",
            "feature = \"small\"",
            "all()",
            "true",
            "not(any())",
            "not(target_os = r\"windows\")",
        ] {
            assert_eq!(holds(&configuration, text), Ok(true), "{text}");
        }
        for text in ["windows", "feature", "any()", "false", "target_os", "feature = \"slow\""] {
            assert_eq!(holds(&configuration, text), Ok(false), "{text}");
        }
        configuration.parse("target_os=\"macos\"").expect("right");
        assert_eq!(holds(&configuration, "target_os = \"linux\""), Ok(false));
    }

    #[test]
    fn what_is_no_predicate_is_refused() {
        let configuration = Configuration::default();
        for text in
            ["", "a, b", "some(a)", "a = 1", "a b", "= \"x\"", "not()", "not(a, b)", "\"a\""]
        {
            assert!(holds(&configuration, text).is_err(), "{text}");
        }
        for text in ["", "=x", "1a", "a b"] {
            assert!(Configuration::default().parse(text).is_err(), "{text}");
        }
    }
}
