//! Signatures of kernels and fallbacks, and the parameters of helpers.
//!
//! In: a cursor after `fn`. Out: a [`Signature`], with everything that Rust needs kept as written.
//! Fails: what is wrong with a type or a generic parameter is pushed as [`Code::BadSignature`] and
//! the signature is still returned; without a name or parentheses there is none.

use super::ast::*;
use super::cursor::{Cursor, Parsed};
use super::patterns::new_name;
use super::rust::Piece;
use super::{tokens_text, types};
use crate::diagnostics::{Code, Diagnostic, Place};
use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use syn::{GenericParam, WherePredicate};

/// Name, lifetimes, parameters, result, `where`.
pub(super) fn signature(c: &mut Cursor<'_>, problems: &mut Vec<Diagnostic>) -> Parsed<Signature> {
    let name = new_name(c)?;
    let start = *c;
    let problems_before = problems.len();
    let (lifetimes, list_has_bounds) = generics(c, problems)?;
    if !c.is_group(Delimiter::Parenthesis) {
        return Err(c.expected("`(` and the parameters"));
    }
    let (inside, _) = c.expect_group(Delimiter::Parenthesis)?;
    // Consequences of generic parameters are not reported as further errors.
    let is_generic = problems.len() > problems_before;
    let mut consequences = Vec::new();
    let problems = if is_generic { &mut consequences } else { problems };
    let params = parameters(inside, problems)?;
    let result = if c.eat_op("->") {
        if c.is_punct('#') {
            problems.push(attribute_of_result(c)?);
        }
        types::signature_type(c, problems)
    } else {
        let span = (c.last_span(), c.last_span());
        Type { kind: TypeKind::Unit, tokens: TokenStream::new(), span }
    };
    if let TypeKind::Slice { .. } | TypeKind::Str = result.kind {
        problems.push(
            Diagnostic::new(Code::BadSignature, result.span, "a kernel cannot return a slice")
                .help("return the pair `(*const T, usize)`"),
        );
    }
    let (where_clause, where_has_bounds) = where_clause(c, problems)?;
    let has_bounds = list_has_bounds || where_has_bounds;
    let mut tokens = c.tokens_since(&start);
    if params.iter().any(|param| param.secret.is_some()) {
        tokens = without_secret(tokens);
    }
    let is_invalid = is_generic || problems.len() > problems_before;
    Ok(Signature { name, lifetimes, has_bounds, where_clause, params, result, tokens, is_invalid })
}

/// `<'a, 'b: 'a>`, and whether a lifetime has bounds.
fn generics(c: &mut Cursor<'_>, problems: &mut Vec<Diagnostic>) -> Parsed<(TokenStream, bool)> {
    let start = *c;
    if !c.eat_punct('<') {
        return Ok((TokenStream::new(), false));
    }
    let mut has_bounds = false;
    while !c.is_punct('>') {
        let first = c.span();
        match Piece::until(c, &[',', '>']).parse(c, "a lifetime or `>`")? {
            GenericParam::Lifetime(lifetime) => has_bounds |= lifetime.colon_token.is_some(),
            _ => problems.push(generic_parameter((first, c.last_span()))),
        }
        if !c.eat_punct(',') && !c.is_punct('>') {
            return Err(c.expected("`,` or `>`"));
        }
    }
    c.expect_punct('>')?;
    Ok((c.tokens_since(&start), has_bounds))
}

fn generic_parameter(place: (Span, Span)) -> Diagnostic {
    let message = "a kernel cannot be generic over types or constants";
    Diagnostic::new(Code::BadSignature, place, message)
        .note(
            "its code is generated once, before Rust knows what it is instantiated with; \
             lifetimes are accepted",
        )
        .help(
            "write a family, `for B in … { fn name_{B}(…) { … } }`, or generate the kernel with \
             `macro_rules!`",
        )
}

/// The bounds of lifetimes after the parameters, and whether there are any.
fn where_clause(c: &mut Cursor<'_>, problems: &mut Vec<Diagnostic>) -> Parsed<(TokenStream, bool)> {
    let start = *c;
    if !c.eat_word("where") {
        return Ok((TokenStream::new(), false));
    }
    while !c.is_end() && !c.is_group(Delimiter::Brace) {
        let first = c.span();
        let predicate = Piece::until(c, &[',']).parse(c, "the bound of a lifetime")?;
        if !matches!(predicate, WherePredicate::Lifetime(_)) {
            let message = "a `where` clause of a kernel can only bound lifetimes";
            problems.push(
                Diagnostic::new(Code::BadSignature, first, message)
                    .note("kernels are not generic over types"),
            );
        }
        if !c.eat_punct(',') {
            break;
        }
    }
    Ok((c.tokens_since(&start), true))
}

fn parameters(mut c: Cursor<'_>, problems: &mut Vec<Diagnostic>) -> Parsed<Vec<Param>> {
    let mut params: Vec<Param> = Vec::new();
    let mut names = ParameterNames::default();
    while !c.is_end() {
        let secret = secret(&mut c, problems)?;
        if let Some(refused) = refused_parameter(&c) {
            problems.push(refused);
            types::skip_type(&mut c);
            if !c.is_end() && !c.eat_punct(',') {
                return Err(c.expected("`,` or `)`"));
            }
            continue;
        }
        c.eat_word("mut");
        let name = new_name(&mut c)?;
        if !c.eat_punct(':') {
            return Err(c.expected("`:` and the type of the parameter"));
        }
        let ty = types::signature_type(&mut c, problems);
        if let TypeKind::Unit | TypeKind::Pair(..) = ty.kind {
            problems.push(
                Diagnostic::new(
                    Code::BadSignature,
                    ty.span,
                    "a parameter of a kernel cannot be a tuple",
                )
                .help("make each part a parameter of its own"),
            );
        }
        problems.extend(names.duplicate(&name));
        if let Some(place) = secret
            && points_to_code(&ty.kind)
        {
            problems.push(
                Diagnostic::new(
                    Code::BadAttribute,
                    place,
                    "a function pointer cannot be `#[secret]`",
                )
                .note("of a pointer, what it points to is secret; this one points to code")
                .help("remove `#[secret]`"),
            );
        }
        params.push(Param { name, ty, secret });
        if !c.is_end() && !c.eat_punct(',') {
            return Err(c.expected("`,` or `)`"));
        }
    }
    Ok(params)
}

/// The `#[secret]` before a parameter. Any other attribute there is reported.
fn secret(c: &mut Cursor<'_>, problems: &mut Vec<Diagnostic>) -> Parsed<Option<Place>> {
    let mut found = None;
    while c.is_punct('#') {
        let first = c.span();
        c.bump();
        let (mut inside, group) = c.expect_group(Delimiter::Bracket)?;
        let place = Place { first, last: group.span_close() };
        let is_secret = inside.eat_word("secret");
        if !is_secret {
            let message = "`#[secret]` is the only attribute that a parameter can have";
            problems.push(Diagnostic::new(Code::BadSignature, place, message));
        } else if !inside.is_end() {
            let message = format!("expected `]` after `secret`, found {}", inside.describe());
            problems.push(Diagnostic::new(Code::BadAttribute, inside.span(), message));
        } else if found.replace(place).is_some() {
            problems.push(Diagnostic::new(Code::BadAttribute, place, "duplicate `secret`"));
        }
    }
    Ok(found)
}

/// The attribute that comes next, before the type of a result.
fn attribute_of_result(c: &mut Cursor<'_>) -> Parsed<Diagnostic> {
    let first = c.span();
    c.bump();
    let (inside, group) = c.expect_group(Delimiter::Bracket)?;
    let place = Place { first, last: group.span_close() };
    let error = Diagnostic::new(Code::BadAttribute, place, "a result cannot have attributes");
    Ok(match inside.is_word("secret") {
        true => error.note("secrets may be returned; what becomes of them is up to the caller"),
        false => error,
    })
}

/// A signature as Rust takes it: without the attribute that is the language's own.
pub(super) fn without_secret(tokens: TokenStream) -> TokenStream {
    let mut kept = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(hash) if hash.as_char() == '#' && is_secret(tokens.peek()) => {
                tokens.next();
            }
            TokenTree::Group(list) if list.delimiter() == Delimiter::Parenthesis => {
                let mut inside = Group::new(list.delimiter(), without_secret(list.stream()));
                inside.set_span(list.span());
                kept.extend([TokenTree::Group(inside)]);
            }
            token => kept.extend([token]),
        }
    }
    kept
}

fn is_secret(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket
        && tokens_text(&group.stream()) == "secret")
}

fn points_to_code(kind: &TypeKind) -> bool {
    match kind {
        TypeKind::FnPointer => true,
        TypeKind::Option(inner) => points_to_code(&inner.kind),
        _ => false,
    }
}

/// Where each name of a list of parameters first stands.
#[derive(Default)]
struct ParameterNames(HashMap<String, Span>);

impl ParameterNames {
    /// Adds a name; the error if it is there already.
    fn duplicate(&mut self, name: &Name) -> Option<Diagnostic> {
        if *name == "_" {
            return None;
        }
        let first = match self.0.entry(name.to_string()) {
            Entry::Occupied(first) => *first.get(),
            Entry::Vacant(place) => {
                place.insert(name.span());
                return None;
            }
        };
        let message = format!("duplicate parameter `{name}`");
        let error = Diagnostic::new(Code::DuplicateItem, name.span(), message);
        Some(error.label(first, "the first one"))
    }
}

fn refused_parameter(c: &Cursor<'_>) -> Option<Diagnostic> {
    let bad = |what: &str| Some(Diagnostic::new(Code::BadSignature, c.span(), what.to_string()));
    if c.is_word("self") || is_self_reference(*c) {
        return bad("a kernel is a function, not a method: it cannot have `self`");
    }
    if c.is_group(Delimiter::Parenthesis)
        || c.is_group(Delimiter::Bracket)
        || c.is_word("ref")
        || c.is_punct('&')
    {
        return bad(
            "a parameter of a kernel must be a name: a pattern cannot be held in a register",
        );
    }
    if c.is_op("...") {
        return bad("a kernel cannot have a variable number of arguments");
    }
    None
}

/// `&self`, `&'a mut self`.
fn is_self_reference(mut c: Cursor<'_>) -> bool {
    if !c.eat_punct('&') {
        return false;
    }
    if c.eat_punct('\'') {
        c.bump();
    }
    c.eat_word("mut");
    c.is_word("self")
}

/// The parameters of a helper, inside their parentheses.
pub(super) fn helper_parameters(mut c: Cursor<'_>) -> Parsed<Vec<HelperParam>> {
    let mut params: Vec<HelperParam> = Vec::new();
    let mut names = ParameterNames::default();
    while !c.is_end() {
        if c.is_punct('#') {
            return Err(Box::new(
                Diagnostic::new(
                    Code::BadSignature,
                    c.span(),
                    "a helper's parameter has no attributes",
                )
                .note("what a helper is given stays as secret as it is"),
            ));
        }
        c.eat_word("mut");
        let name = new_name(&mut c)?;
        if !c.eat_punct(':') {
            return Err(c.expected("`:` and what the parameter accepts"));
        }
        let kind = helper_parameter_kind(&mut c)?;
        if let Some(duplicate) = names.duplicate(&name) {
            return Err(Box::new(duplicate));
        }
        params.push(HelperParam { name, kind });
        if !c.is_end() && !c.eat_punct(',') {
            return Err(c.expected("`,` or `)`"));
        }
    }
    Ok(params)
}

fn helper_parameter_kind(c: &mut Cursor<'_>) -> Parsed<ParamKind> {
    let kind = match c.word() {
        Some("const") => ParamKind::Const,
        Some("label") => ParamKind::Label,
        Some("operand") => ParamKind::Operand,
        Some("mnemonic") => ParamKind::Mnemonic,
        Some(word) if Element::from_name(word).is_some() => {
            return Err(Box::new(
                Diagnostic::new(
                    Code::BadSignature,
                    c.span(),
                    format!("a helper's parameter cannot be of type `{word}`"),
                )
                .note(
                    "helpers take registers by class (`a: ymm`, `v: [gp64; 4]`), `const`, \
                        `label`, `operand` and `mnemonic`",
                ),
            ));
        }
        _ => {
            let class = types::class(c)?;
            return Ok(match class.class == "operand" {
                true => ParamKind::Operands(class.lengths),
                false => ParamKind::Class(class),
            });
        }
    };
    c.bump();
    Ok(kind)
}

/// `-> gp64`, `-> (ymm, ymm)`, or nothing.
pub(super) fn helper_results(c: &mut Cursor<'_>) -> Parsed<Vec<ClassExpr>> {
    if !c.eat_op("->") {
        return Ok(Vec::new());
    }
    let Some((mut inside, _)) = c.eat_group(Delimiter::Parenthesis) else {
        return Ok(vec![types::class(c)?]);
    };
    let mut results = Vec::new();
    while !inside.is_end() {
        results.push(types::class(&mut inside)?);
        if !inside.is_end() && !inside.eat_punct(',') {
            return Err(inside.expected("`,` or `)`"));
        }
    }
    Ok(results)
}
