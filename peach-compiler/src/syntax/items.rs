//! Items: what is at the top of a `peach_fn!`, and the instantiation of families.
//!
//! In: a cursor over the whole input. Out: [`Item`]s in source order.
//! Fails: an item with an invalid head is reported and left out, and its names are kept in
//! [`File::skipped`]; a kernel or helper whose body is in error stays, marked with `reported`.

use super::ast::*;
use super::attributes::{self, Attributes};
use super::cursor::{Cursor, Parsed};
use super::patterns::new_name;
use super::rust::Piece;
use super::statements::{self, Context};
use super::{bindings, expressions, functions, signature, types};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Place};
use proc_macro2::{Delimiter, TokenStream};
use syn::Visibility;

/// All items up to the end.
pub(super) fn items(c: &mut Cursor<'_>, diagnostics: &mut Diagnostics) -> File {
    let mut file = File::default();
    while !c.is_end() {
        let start = *c;
        match item(c, diagnostics) {
            Ok(item) => file.items.push(item),
            Err(problem) => {
                let reported = diagnostics.report(*problem);
                skip_item(c);
                let names = c.names_since(&start).map(str::to_string);
                file.skipped.extend(names.map(|name| (name, reported)));
            }
        }
    }
    file
}

/// Continues after the next semicolon or braces.
fn skip_item(c: &mut Cursor<'_>) {
    while !c.is_end() {
        let ends = c.is_punct(';') || c.is_group(Delimiter::Brace);
        c.bump();
        if ends {
            return;
        }
    }
}

fn item(c: &mut Cursor<'_>, diagnostics: &mut Diagnostics) -> Parsed<Item> {
    let attributes = attributes::attributes(c, diagnostics)?;
    let start = *c;
    let is_public = !matches!(visibility(c)?, Visibility::Inherited);
    let vis = c.tokens_since(&start);
    let next = c.ahead();
    let plain = if (c.is_word("inline") || c.is_word("local")) && next.is_word("fn") {
        Item::Helper(Box::new(statements::helper(c, &mut Context::new(diagnostics))?))
    } else if c.is_word("const") && next.is_word("fn") {
        Item::ConstFn(Box::new(functions::const_fn(c, diagnostics)?))
    } else if c.is_word("const") && !starts_refused_fn(&next) {
        constant(c)?
    } else if c.is_word("for") {
        family(c)?
    } else {
        return function(c, attributes, vis, diagnostics);
    };
    if is_public {
        diagnostics.push(
            Diagnostic::new(Code::Syntax, start.span(), "only kernels can have a visibility").note(
                "constants, tables and helpers belong to the kernels and do not become Rust items",
            ),
        );
    }
    refuse_attributes(&attributes, diagnostics);
    Ok(plain)
}

fn starts_refused_fn(next: &Cursor<'_>) -> bool {
    next.is_word("unsafe") || next.is_word("extern")
}

/// Items that do not become Rust items can have comments and lints, not what decides their fate.
fn refuse_attributes(attributes: &Attributes, diagnostics: &mut Diagnostics) {
    let note = "constants, tables, helpers and families do not become Rust items";
    let refused = |place, message| Diagnostic::new(Code::BadAttribute, place, message).note(note);
    if let Some(place) = attributes.first_own {
        diagnostics.push(refused(place, "this attribute belongs on a kernel"));
    }
    if let Some(place) = attributes.conditions.place {
        diagnostics.push(refused(place, "only kernels and fallbacks can have `#[cfg]`").help(
            "put it on the kernels: two with different `#[cfg]`s are alternatives; \
             `const { NAME }` uses a Rust constant, which can have one",
        ));
    }
}

/// `pub`, `pub(crate)`, `pub(in path)`, or nothing.
fn visibility(c: &mut Cursor<'_>) -> Parsed<Visibility> {
    let length = match (c.is_word("pub"), c.ahead().is_group(Delimiter::Parenthesis)) {
        (true, true) => 2,
        (true, false) => 1,
        (false, _) => return Ok(Visibility::Inherited),
    };
    let visibility = Piece::next(c, length).parse(c, "a visibility")?;
    if c.is_group(Delimiter::Parenthesis) {
        return Err(Box::new(
            c.error("this is not a visibility of Rust")
                .help("write `pub(crate)`, `pub(super)` or `pub(in path)`"),
        ));
    }
    Ok(visibility)
}

/// A kernel or a fallback, after its visibility.
fn function(
    c: &mut Cursor<'_>,
    attributes: Attributes,
    vis: TokenStream,
    diagnostics: &mut Diagnostics,
) -> Parsed<Item> {
    if let Some(problem) = refused_function(c) {
        return Err(problem);
    }
    let unsafe_span = c.span();
    let is_unsafe = c.eat_word("unsafe");
    let abi_start = *c;
    let abi = if c.eat_word("extern") { Some(types::abi(c)?) } else { None };
    if !c.eat_word("fn") {
        return Err(not_an_item(c));
    }
    let name_start = *c;
    let mut problems = Vec::new();
    let signature = signature::signature(c, &mut problems)?;
    let mut reported = attributes.reported;
    for problem in problems {
        reported = Some(diagnostics.report(problem));
    }
    if attributes.fallback.is_some() {
        if abi.is_some() {
            let place = Place { first: abi_start.span(), last: name_start.last_span() };
            let problem = Diagnostic::new(
                Code::BadSignature,
                place,
                "a fallback always has Rust's own convention",
            );
            diagnostics.push(problem.help("remove `extern`"));
        }
        let tokens = c.tokens_since(&name_start.ahead());
        let signature_tokens = signature::without_secret(tokens);
        let head = Fallback {
            rust_attrs: Vec::new(),
            conditions: Conditions::default(),
            vis,
            is_unsafe,
            signature,
            signature_tokens,
            body: TokenStream::new(),
        };
        return fallback(c, attributes, head, diagnostics);
    }
    let mut kernel = Kernel {
        attrs: attributes.own,
        rust_attrs: attributes.rust,
        conditions: attributes.conditions,
        vis,
        unsafety: is_unsafe.then_some(unsafe_span),
        abi,
        signature,
        body: Block { statements: Vec::new(), span: (c.span(), c.span()) },
        reported,
        skipped: Vec::new(),
    };
    body(c, &mut kernel, diagnostics);
    Ok(Item::Kernel(Box::new(kernel)))
}

/// The body of a kernel. Without one the kernel stays, in error.
fn body(c: &mut Cursor<'_>, kernel: &mut Kernel, diagnostics: &mut Diagnostics) {
    let mut context = Context::new(diagnostics);
    match statements::block(c, &mut context) {
        Ok(body) => {
            kernel.body = body;
            kernel.reported = kernel.reported.or(context.reported);
            kernel.skipped = context.skipped;
        }
        Err(_) => {
            kernel.reported =
                Some(diagnostics.report(*c.expected("`{` and the body of the kernel")));
            skip_item(c);
        }
    }
}

/// What Rust has and kernels lack.
fn refused_function(c: &Cursor<'_>) -> Option<Box<Diagnostic>> {
    let refuse = |text: &str| {
        Some(Box::new(Diagnostic::new(Code::BadSignature, c.span(), text.to_string())))
    };
    match c.word() {
        Some("const") => refuse("a `const fn` of the kernels cannot be `unsafe` or `extern`"),
        Some("async") => refuse("a kernel cannot be `async`"),
        Some("safe") => refuse("a kernel is safe unless it says `unsafe`"),
        _ => None,
    }
}

fn not_an_item(c: &Cursor<'_>) -> Box<Diagnostic> {
    let problem = c.expected("`fn`, `inline fn`, `local fn`, `const` or `for`");
    Box::new(match c.word() {
        Some("static") => problem.help("a table is a `const`: `const NAME: [u32; 4] = […];`"),
        Some("use" | "mod" | "struct" | "enum" | "impl" | "trait" | "type" | "macro_rules") => {
            problem.help("Rust items must be outside of `peach_fn!`")
        }
        _ if c.is_punct(';') => problem.help("remove the `;`"),
        _ => *problem,
    })
}

/// The rest of a fallback: an ordinary Rust body.
fn fallback(
    c: &mut Cursor<'_>,
    attributes: Attributes,
    head: Fallback,
    diagnostics: &mut Diagnostics,
) -> Parsed<Item> {
    if let Some(place) = attributes.first_of_kernels {
        diagnostics.push(
            Diagnostic::new(Code::BadAttribute, place, "this attribute belongs on a kernel")
                .note("a fallback is ordinary Rust, compiled for every processor"),
        );
    }
    let start = *c;
    c.expect_group(Delimiter::Brace)?;
    let body = c.tokens_since(&start);
    let Attributes { rust: rust_attrs, conditions, .. } = attributes;
    Ok(Item::Fallback(Box::new(Fallback { rust_attrs, conditions, body, ..head })))
}

fn constant(c: &mut Cursor<'_>) -> Parsed<Item> {
    let item = match bindings::constant_or_table(c)? {
        StatementKind::Table(table) if matches!(table.element, TableElement::Label) => {
            return Err(Box::new(
                super::cursor::error(table.name.span(), "a table of labels must be in a body")
                    .note("labels belong to one kernel"),
            ));
        }
        StatementKind::Table(table) => Item::Table(table),
        StatementKind::Const(constant) => Item::Const(constant),
        _ => return Err(c.expected("a constant")),
    };
    if !c.eat_punct(';') {
        return Err(c.expected("`;` after the constant"));
    }
    Ok(item)
}

/// `for B in range { items }`.
fn family(c: &mut Cursor<'_>) -> Parsed<Item> {
    c.expect_word("for")?;
    let var = new_name(c)?;
    c.expect_word("in")?;
    let range = expressions::head(c)?;
    let (_, group) = c.expect_group(Delimiter::Brace)?;
    Ok(Item::Family(Family { var, range, body: group.stream() }))
}
