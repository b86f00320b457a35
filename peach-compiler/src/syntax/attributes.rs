//! Attributes: those that the language owns are read, all others are carried to the Rust item.
//!
//! In: a cursor at `#`. Out: [`Attributes`].
//! Fails: an own attribute that is malformed, doubled or has an unknown value is reported at the
//! offending token as [`Code::BadAttribute`]; the item continues without it.

use super::ast::{Alias, Conditions, Embed, KernelAttrs, VersionAttr};
use super::cursor::{Cursor, Parsed};
use super::own_attributes::{Own, without_unsafe};
use super::rust::Piece;
use super::{conditions, expressions, literals};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Place, Reported};
use proc_macro2::{Delimiter, Span, TokenStream};
use syn::Meta;

/// All attributes of an item.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    /// The language's own.
    pub(super) own: KernelAttrs,
    /// Where the first of the own ones is, for items that cannot have any.
    pub(super) first_own: Option<Place>,
    /// Where the first one is that only code of the language can have.
    pub(super) first_of_kernels: Option<Place>,
    /// `#[fallback]`.
    pub(super) fallback: Option<Place>,
    /// All others but `#[cfg]`, as written.
    pub(super) rust: Vec<TokenStream>,
    /// Under which conditions the item exists, which only items of Rust can have.
    pub(super) conditions: Conditions,
    /// An own one was in error.
    pub(super) reported: Option<Reported>,
}

/// Every attribute before an item.
pub(super) fn attributes(c: &mut Cursor<'_>, diagnostics: &mut Diagnostics) -> Parsed<Attributes> {
    let mut attributes = Attributes::default();
    while c.is_punct('#') {
        let start = *c;
        let first = c.span();
        c.bump();
        if c.is_punct('!') {
            return Err(Box::new(
                c.error("an inner attribute has no enclosing item to apply to")
                    .help("write `#[…]` before the item"),
            ));
        }
        let (inside, group) = c.expect_group(Delimiter::Bracket)?;
        let place = Place { first, last: group.span_close() };
        if let Some(predicate) = conditions::cfg(&inside) {
            attributes.conditions.predicates.push(predicate);
            attributes.conditions.place.get_or_insert(place);
            continue;
        }
        match attribute(inside, place, &mut attributes) {
            Ok(true) => {
                attributes.first_own.get_or_insert(place);
                if !inside.is_word("fallback") {
                    attributes.first_of_kernels.get_or_insert(place);
                }
            }
            Ok(false) => attributes.rust.push(c.tokens_since(&start)),
            Err(problem) => {
                attributes.reported = Some(diagnostics.report(*problem));
            }
        }
    }
    Ok(attributes)
}

fn bad(place: impl Into<Place>, message: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::new(Code::BadAttribute, place, message))
}

/// An attribute that is there or not.
fn flag(is_set: &mut bool, c: &mut Cursor<'_>, name: &str) -> Parsed<()> {
    let at = c.span();
    c.bump();
    if std::mem::replace(is_set, true) {
        return Err(doubled(at, name));
    }
    Ok(())
}

/// Reads one attribute, given by what is in its brackets. `false` if it is not one of the language.
fn attribute(c: Cursor<'_>, place: Place, all: &mut Attributes) -> Parsed<bool> {
    let Some(attribute) = Own::at(&c) else {
        well_formed(c)?;
        conditions::check(&c)?;
        return Ok(false);
    };
    let mut c = without_unsafe(c);
    let (at, name) = (c.span(), attribute.name());
    let own = &mut all.own;
    match attribute {
        Own::TargetFeature => {
            let names = enabled(list(&mut c, name)?)?;
            own.target_features.extend(names);
        }
        Own::TargetCpu => set(&mut own.target_cpu, string_value(&mut c, name)?, at, name)?,
        Own::ExportName => {
            set(&mut own.export_name, symbol(&mut c, name)?, at, name)?;
        }
        Own::Embed => {
            let (value, span) = string_value(&mut c, name)?;
            let embed = match value.as_str() {
                "map" => Embed::Map,
                "text" => Embed::Text,
                "inline" => Embed::Inline,
                _ => {
                    return Err(Box::new(
                        bad(span, format!("kernels cannot be embedded as \"{value}\"")).note(
                            "the choices are \"map\" (mapped at first use, the default), \
                             \"text\" (in the program's own text section) and \"inline\" (in \
                             each caller)",
                        ),
                    ));
                }
            };
            set(&mut own.embed, (embed, span), at, name)?;
        }
        Own::NoMangle => {
            c.bump();
            set(&mut own.no_mangle, at, at, name)?;
        }
        Own::LinkSection => {
            let help = "remove it, or place the whole section with the linker";
            return Err(Box::new(bad(at, "kernels cannot choose their section").help(help)));
        }
        Own::Linkage => {
            let (value, span) = string_value(&mut c, name)?;
            if value != "weak" {
                return Err(Box::new(
                    bad(span, format!("kernels cannot have the linkage \"{value}\""))
                        .note(
                            "the only choice is \"weak\": other objects may define the symbol, too",
                        )
                        .help(
                            "`pub` exports a kernel of an object file; without it, the kernel is \
                             hidden",
                        ),
                ));
            }
            set(&mut own.weak, at, at, name)?;
        }
        Own::Alias | Own::WeakAlias => {
            let (name, span) = symbol(&mut c, name)?;
            let is_weak = matches!(attribute, Own::WeakAlias);
            own.aliases.push(Alias { name, span, is_weak });
        }
        Own::Naked => {
            let help = "remove it";
            return Err(Box::new(bad(at, "a kernel is always naked").help(help)));
        }
        Own::Spill => flag(&mut own.spill, &mut c, name)?,
        Own::Endbr64 => flag(&mut own.endbr64, &mut c, name)?,
        Own::Vzeroupper => {
            c.bump();
            if !c.eat_punct('=') {
                return Err(expected(&c, "`= false` or `= true`"));
            }
            let value = match c.word() {
                Some("true") => true,
                Some("false") => false,
                _ => return Err(expected(&c, "`false` or `true`")),
            };
            c.bump();
            set(&mut own.vzeroupper, value, at, name)?;
        }
        Own::Secret => {
            let help =
                "write it before the arguments that are secret: `fn f(#[secret] key: &[u8])`";
            return Err(Box::new(bad(at, "`#[secret]` belongs on an argument").help(help)));
        }
        Own::Version => {
            let version = version(list(&mut c, name)?, at)?;
            own.versions.push(version);
        }
        Own::Fallback => {
            c.bump();
            if !c.is_end() {
                return Err(expected(&c, "`]`"));
            }
            if all.fallback.replace(place).is_some() {
                return Err(doubled(at, name));
            }
            return Ok(true);
        }
    }
    if c.is_end() { Ok(true) } else { Err(expected(&c, "`]`")) }
}

/// An attribute of Rust. Its arguments or its value are rustc's affair.
fn well_formed(mut c: Cursor<'_>) -> Parsed<()> {
    let meta = Piece::until_value(&c)
        .parse(&mut c, "an attribute")
        .map_err(|problem| Box::new(Diagnostic { code: Code::BadAttribute, ..*problem }))?;
    if matches!(meta, Meta::Path(_)) && c.eat_punct('=') {
        return if c.is_end() { Err(expected(&c, "a value")) } else { Ok(()) };
    }
    if c.is_end() { Ok(()) } else { Err(expected(&c, "`]`")) }
}

fn expected(c: &Cursor<'_>, what: &str) -> Box<Diagnostic> {
    bad(c.span(), format!("expected {what}, found {}", c.describe()))
}

fn doubled(at: Span, name: &str) -> Box<Diagnostic> {
    bad(at, format!("duplicate `{name}`"))
}

fn set<T>(slot: &mut Option<T>, value: T, at: Span, name: &str) -> Parsed<()> {
    match slot.replace(value) {
        Some(_) => Err(doubled(at, name)),
        None => Ok(()),
    }
}

/// The inside `name(…)`.
fn list<'a>(c: &mut Cursor<'a>, name: &str) -> Parsed<Cursor<'a>> {
    c.bump();
    match c.eat_group(Delimiter::Parenthesis) {
        Some((inside, _)) => Ok(inside),
        None => Err(expected(c, &format!("`(` after `{name}`"))),
    }
}

/// The string of `name = "…"`.
fn string_value(c: &mut Cursor<'_>, name: &str) -> Parsed<(String, Span)> {
    c.bump();
    if !c.eat_punct('=') {
        return Err(expected(c, &format!("`= \"…\"` after `{name}`")));
    }
    let span = c.span();
    match c.literal().and_then(literals::string) {
        Some(value) => {
            c.bump();
            Ok((value, span))
        }
        None => Err(expected(c, "a string")),
    }
}

/// The symbol of `name = "…"`.
fn symbol(c: &mut Cursor<'_>, name: &str) -> Parsed<(String, Span)> {
    let (value, span) = string_value(c, name)?;
    if value.is_empty() || value.contains('\0') {
        return Err(bad(span, "this is not a valid name for a symbol"));
    }
    Ok((value, span))
}

/// The names of `enable = "a,b"`, one or several times.
fn enabled(mut c: Cursor<'_>) -> Parsed<Vec<(String, Span)>> {
    let mut names = Vec::new();
    if c.is_end() {
        return Err(expected(&c, "`enable = \"…\"`"));
    }
    while !c.is_end() {
        if !c.is_word("enable") {
            return Err(expected(&c, "`enable = \"…\"`"));
        }
        extension_names(&mut c, &mut names)?;
        if !c.eat_punct(',') && !c.is_end() {
            return Err(expected(&c, "`,` or `)`"));
        }
    }
    Ok(names)
}

/// `enable = "a,b"`, which comes next.
fn extension_names(c: &mut Cursor<'_>, names: &mut Vec<(String, Span)>) -> Parsed<()> {
    let (list, span) = string_value(c, "enable")?;
    for name in list.split(',') {
        let name = name.trim();
        if name.is_empty() {
            return Err(bad(span, "empty name of an extension"));
        }
        names.push((name.to_string(), span));
    }
    Ok(())
}

/// `enable = "…", NAME = value, …`.
fn version(mut c: Cursor<'_>, span: Span) -> Parsed<VersionAttr> {
    let mut version = VersionAttr { span, enable: Vec::new(), bindings: Vec::new() };
    while !c.is_end() {
        if c.is_word("enable") && c.ahead().is_assignment() {
            extension_names(&mut c, &mut version.enable)?;
        } else {
            let name = c
                .ident()
                .cloned()
                .ok_or_else(|| expected(&c, "`enable = \"…\"` or `NAME = value`"))?;
            c.bump();
            if !c.eat_punct('=') {
                return Err(expected(&c, "`=` and the value of the name"));
            }
            if version.bindings.iter().any(|(other, _)| *other == name) {
                return Err(bad(name.span(), format!("`{name}` is bound more than once")));
            }
            version.bindings.push((name, expressions::expression(&mut c)?));
        }
        if !c.eat_punct(',') && !c.is_end() {
            return Err(expected(&c, "`,` or `)`"));
        }
    }
    Ok(version)
}
