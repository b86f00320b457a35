//! `#[cfg]` and `#[cfg_attr]`: rustc decides on them, after the kernels are compiled.
//!
//! In: a cursor in the brackets of an attribute. Out: the predicate of a `cfg`. Fails: in a
//! `cfg_attr`, what decides what is compiled. What else is wrong is rustc's to say, to which the
//! attribute is carried.

use super::cursor::{Cursor, Parsed};
use super::own_attributes::Own;
use super::tokens_text;
use crate::diagnostics::{Code, Diagnostic};
use proc_macro2::{Delimiter, TokenStream};

/// What is between the parentheses of `cfg(…)`, if that is the attribute.
pub(super) fn cfg(c: &Cursor<'_>) -> Option<TokenStream> {
    let mut inside = arguments(c, "cfg")?;
    Some(until_comma(&mut inside))
}

/// Refuses a `cfg_attr` with an attribute that rustc cannot be left to decide on.
pub(super) fn check(c: &Cursor<'_>) -> Parsed<()> {
    check_under(c, None)
}

/// The same, of an attribute that is there if `outer` holds.
fn check_under(c: &Cursor<'_>, outer: Option<&str>) -> Parsed<()> {
    let Some(mut inside) = arguments(c, "cfg_attr") else { return Ok(()) };
    let condition = tokens_text(&until_comma(&mut inside));
    let condition = match outer {
        Some(outer) => format!("all({outer}, {condition})"),
        None => condition,
    };
    while inside.eat_punct(',') && !inside.is_end() {
        if let Some(own) = Own::at(&inside) {
            return Err(own_attribute(&inside, own, &condition));
        }
        if let Some(predicate) = cfg(&inside) {
            return Err(condition_under_condition(&inside, &predicate, &condition));
        }
        check_under(&inside, Some(&condition))?;
        until_comma(&mut inside);
    }
    Ok(())
}

/// The inside `name(…)`.
fn arguments<'a>(c: &Cursor<'a>, name: &str) -> Option<Cursor<'a>> {
    let (inside, _) = c.ahead().group(Delimiter::Parenthesis)?;
    c.is_word(name).then_some(inside)
}

/// The tokens before the next comma.
fn until_comma(c: &mut Cursor<'_>) -> TokenStream {
    let start = *c;
    while !c.is_end() && !c.is_punct(',') {
        c.bump();
    }
    c.tokens_since(&start)
}

fn own_attribute(c: &Cursor<'_>, own: Own, condition: &str) -> Box<Diagnostic> {
    let name = own.name();
    let error = refused(c, name).note("kernels are compiled before rustc evaluates a `cfg`");
    Box::new(error.help(format!(
        "write the item twice: under `#[cfg({condition})]` with `{name}`, and under \
         `#[cfg(not({condition}))]` without it"
    )))
}

fn condition_under_condition(
    c: &Cursor<'_>,
    predicate: &TokenStream,
    condition: &str,
) -> Box<Diagnostic> {
    let predicate = tokens_text(predicate);
    let error = refused(c, "cfg");
    Box::new(error.help(format!("write `#[cfg(any(not({condition}), {predicate}))]`")))
}

fn refused(c: &Cursor<'_>, name: &str) -> Diagnostic {
    let message = format!("`{name}` is not allowed in the `cfg_attr` of a kernel");
    Diagnostic::new(Code::BadAttribute, c.span(), message)
}
