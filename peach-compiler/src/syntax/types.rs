//! Types: those of signatures, and what a `let`, a `const` and a helper's parameter declare.
//!
//! In: a cursor at a type. Out: [`Type`], [`LetType`], [`ClassExpr`].
//! Invariants: a type that kernels cannot have is [`TypeKind::Invalid`] with its tokens kept, so
//! that the item can still be generated.
//! Fails: with [`Code::BadSignature`] that names what would be accepted.

use super::ast::*;
use super::cursor::{Cursor, Parsed, error};
use super::{expressions, literals};
use crate::diagnostics::{Code, Diagnostic};
use proc_macro2::{Delimiter, Span};

/// What the language accepts in signatures, for messages.
const ACCEPTED: &str = "the types are integers, floats, `bool`, `char`, vectors such as `__m128`, \
    raw and `fn` pointers,
references, `NonNull`, `Option` of these three, slices, `&str`; as results also `()` and pairs";

/// A type of a signature. What is wrong with it goes to `problems`.
pub(super) fn signature_type(c: &mut Cursor<'_>, problems: &mut Vec<Diagnostic>) -> Type {
    let start = *c;
    let first = c.span();
    let kind = match type_kind(c) {
        Ok(kind) => kind,
        Err(problem) => {
            problems.push(*problem);
            *c = start;
            skip_type(c);
            TypeKind::Invalid
        }
    };
    Type { kind, tokens: c.tokens_since(&start), span: (first, c.last_span()) }
}

fn nested_type(c: &mut Cursor<'_>) -> Parsed<Type> {
    c.descend()?;
    let start = *c;
    let first = c.span();
    let kind = type_kind(c)?;
    c.ascend();
    Ok(Type { kind, tokens: c.tokens_since(&start), span: (first, c.last_span()) })
}

fn type_kind(c: &mut Cursor<'_>) -> Parsed<TypeKind> {
    if let Some((inside, group)) = c.eat_group(Delimiter::Parenthesis) {
        return tuple(inside, (group.span_open(), group.span_close()));
    }
    match c.punct() {
        Some(('&', _)) => return reference(c),
        Some(('*', _)) => return raw_pointer(c),
        Some(('!', _)) => return Err(refuse(c.span(), "`!`", "a kernel returns to its caller")),
        _ => {}
    }
    if let Some((_, group)) = c.group(Delimiter::Bracket) {
        let place = (group.span_open(), group.span_close());
        return Err(Box::new(
            refuse(place, "an array by value", "a register cannot hold an array")
                .help("use a reference: `&[T; N]`"),
        ));
    }
    match c.word() {
        Some("fn" | "unsafe" | "extern" | "for") => fn_pointer(c),
        Some("impl" | "dyn") => Err(refuse(
            c.span(),
            "a trait",
            "kernels cannot have generic parameters or trait objects",
        )),
        _ => named_type(c),
    }
}

fn refuse(place: impl Into<crate::diagnostics::Place>, what: &str, why: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::new(
            Code::BadSignature,
            place,
            format!("{what} is not allowed in the signature of a kernel: {why}"),
        )
        .note(ACCEPTED),
    )
}

/// `()`, `(T)`, `(A, B)`.
fn tuple(mut c: Cursor<'_>, place: (Span, Span)) -> Parsed<TypeKind> {
    let mut parts = Vec::new();
    let mut is_tuple = c.is_end();
    while !c.is_end() {
        parts.push(nested_type(&mut c)?);
        if c.eat_punct(',') {
            is_tuple = true;
        } else if !c.is_end() {
            return Err(c.expected("`,` or `)`"));
        }
    }
    let mut parts = parts.into_iter();
    match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => Ok(TypeKind::Unit),
        (Some(only), None, _) if !is_tuple => Ok(only.kind),
        (Some(a), Some(b), None) => pair(a, b, place),
        _ => Err(refuse(place, "this tuple", "a result is one value or a pair")),
    }
}

fn pair(a: Type, b: Type, place: (Span, Span)) -> Parsed<TypeKind> {
    let is_integer = |ty: &Type| {
        matches!(
            ty.kind,
            TypeKind::Int { .. }
                | TypeKind::Bool
                | TypeKind::Char
                | TypeKind::RawPointer
                | TypeKind::NonNull
                | TypeKind::Reference { .. }
                | TypeKind::FnPointer
                | TypeKind::Option(_)
        )
    };
    let is_float = |ty: &Type| matches!(ty.kind, TypeKind::Float { .. });
    if is_integer(&a) && is_integer(&b) || is_float(&a) && is_float(&b) {
        return Ok(TypeKind::Pair(Box::new(a), Box::new(b)));
    }
    Err(refuse(
        place,
        "this pair",
        "a pair must consist of two integers or pointers, or of two floats",
    ))
}

fn reference(c: &mut Cursor<'_>) -> Parsed<TypeKind> {
    c.expect_punct('&')?;
    if c.eat_punct('\'') {
        c.expect_ident("the name of a lifetime")?;
    }
    let mutable = c.eat_word("mut");
    if let Some((inside, _)) = c.group(Delimiter::Bracket) {
        let kind = slice_or_array(inside, mutable)?;
        c.bump();
        return Ok(kind);
    }
    if c.is_word("str") && !c.ahead().is_op("::") {
        c.bump();
        if mutable {
            return Err(refuse(c.last_span(), "`&mut str`", "its bytes must stay UTF-8"));
        }
        return Ok(TypeKind::Str);
    }
    if c.is_word("dyn") || c.is_word("impl") {
        return Err(refuse(c.span(), "a trait", "kernels cannot take or return trait objects"));
    }
    Ok(TypeKind::Reference { mutable, pointee: pointee(c)? })
}

/// The inside `[T]` or `[T; N]` after `&`.
fn slice_or_array(mut c: Cursor<'_>, mutable: bool) -> Parsed<TypeKind> {
    let start = c;
    let element = pointee(&mut c)?;
    if c.is_end() {
        let tokens = c.tokens_since(&start);
        return Ok(TypeKind::Slice { mutable, element: tokens, pointee: element });
    }
    if !c.eat_punct(';') {
        return Err(c.expected("`;` or `]`"));
    }
    let pointee = match element {
        Pointee::Numbers(numbers) => array(c, numbers).map_or(Pointee::Other, Pointee::Numbers),
        Pointee::Other => Pointee::Other,
    };
    Ok(TypeKind::Reference { mutable, pointee })
}

/// The type of what a reference or a slice points to.
fn pointee(c: &mut Cursor<'_>) -> Parsed<Pointee> {
    let mut start = *c;
    skip_type(c);
    if !c.is_past(&start) {
        return Err(c.expected("a type"));
    }
    let numbers = numbers(&mut start).filter(|_| !c.is_past(&start));
    Ok(numbers.map_or(Pointee::Other, Pointee::Numbers))
}

/// A number, or an array, if that comes next.
fn numbers(c: &mut Cursor<'_>) -> Option<Numbers> {
    if let Some((mut inside, _)) = c.eat_group(Delimiter::Bracket) {
        let element = numbers(&mut inside)?;
        return if inside.eat_punct(';') { array(inside, element) } else { None };
    }
    if let Some((mut inside, _)) = c.eat_group(Delimiter::Parenthesis) {
        return numbers(&mut inside).filter(|_| inside.is_end());
    }
    let (element, name) = (Element::from_name(c.word()?)?, c.ident()?.clone());
    c.bump();
    Some(Numbers { name, element, lengths: Vec::new() })
}

/// An array of `element`, at its length. A length that is not a constant expression of the language
/// is left to Rust.
fn array(mut c: Cursor<'_>, mut element: Numbers) -> Option<Numbers> {
    let length = expressions::expression(&mut c).ok().filter(|_| c.is_end())?;
    element.lengths.insert(0, length);
    Some(element)
}

fn raw_pointer(c: &mut Cursor<'_>) -> Parsed<TypeKind> {
    c.expect_punct('*')?;
    if !c.eat_word("const") && !c.eat_word("mut") {
        return Err(c.expected("`const` or `mut`"));
    }
    if let Some((mut inside, group)) = c.group(Delimiter::Bracket) {
        skip_type(&mut inside);
        if inside.is_end() {
            let place = (group.span_open(), group.span_close());
            return Err(Box::new(
                refuse(place, "a raw slice", "it has two parts")
                    .help("use `*const T` and a length"),
            ));
        }
    }
    if c.is_word("dyn") || c.is_word("str") {
        return Err(refuse(c.span(), "a wide raw pointer", "it has two parts"));
    }
    let start = *c;
    skip_type(c);
    if !c.is_past(&start) {
        return Err(c.expected("a type"));
    }
    Ok(TypeKind::RawPointer)
}

fn fn_pointer(c: &mut Cursor<'_>) -> Parsed<TypeKind> {
    if c.eat_word("for") {
        let start = *c;
        skip_angles(c);
        if !c.is_past(&start) {
            return Err(c.expected("`<`"));
        }
    }
    c.eat_word("unsafe");
    if c.eat_word("extern") && c.literal().is_some() {
        c.bump();
    }
    c.expect_word("fn")?;
    c.expect_group(Delimiter::Parenthesis)?;
    if c.eat_op("->") {
        skip_type(c);
    }
    Ok(TypeKind::FnPointer)
}

/// A path: its last segment says what it is.
fn named_type(c: &mut Cursor<'_>) -> Parsed<TypeKind> {
    let first = c.span();
    c.eat_op("::");
    let mut name = c.expect_ident("a type")?;
    let mut segments = 1;
    while c.is_op("::") && c.ahead().ahead().ident().is_some() {
        c.eat_op("::");
        name = c.expect_ident("a name")?;
        segments += 1;
    }
    let text = name.to_string();
    let is_primitive = segments == 1;
    let kind = match text.as_str() {
        "bool" if is_primitive => TypeKind::Bool,
        "char" if is_primitive => TypeKind::Char,
        "NonNull" => {
            let arguments = *c;
            c.eat_op("::");
            skip_angles(c);
            if !c.is_past(&arguments) {
                return Err(c.expected("`<T>` after `NonNull`"));
            }
            TypeKind::NonNull
        }
        "Option" => return option(c, first),
        _ => match (Element::from_name(&text), vector_bytes(&text)) {
            (Some(Element::Int { bytes: 16, signed }), _) if is_primitive => {
                TypeKind::Wide { signed }
            }
            (Some(Element::Int { bytes, signed }), _) if is_primitive => {
                TypeKind::Int { bytes, signed, is_size: text.ends_with("size") }
            }
            (Some(Element::Float { bytes }), _) if is_primitive => TypeKind::Float { bytes },
            (_, Some(bytes)) => TypeKind::Vector { bytes },
            _ => {
                skip_angles(c);
                return Err(unknown_type(&text, (first, c.last_span())));
            }
        },
    };
    Ok(kind)
}

/// Types are known by their names alone: a macro does not see what a name stands for.
fn unknown_type(name: &str, place: (Span, Span)) -> Box<Diagnostic> {
    let help = match name {
        "Vec" => "use a slice: `&[T]`",
        "String" => "take `&str`",
        "Box" | "Rc" | "Arc" => "use a reference: `&T`",
        _ => "write the type that an alias stands for, or a pointer to it",
    };
    let what = format!("the type `{name}`");
    Box::new(refuse(place, &what, "it is not known to fit in a register").help(help))
}

fn vector_bytes(name: &str) -> Option<u32> {
    Some(match name {
        "__m128" | "__m128i" | "__m128d" => 16,
        "__m256" | "__m256i" | "__m256d" => 32,
        "__m512" | "__m512i" | "__m512d" => 64,
        _ => return None,
    })
}

/// `<T>` after `Option`.
fn option(c: &mut Cursor<'_>, first: Span) -> Parsed<TypeKind> {
    c.eat_op("::");
    c.expect_punct('<')?;
    let inner = nested_type(c)?;
    c.expect_punct('>')?;
    match inner.kind {
        TypeKind::Reference { .. } | TypeKind::NonNull | TypeKind::FnPointer => {
            Ok(TypeKind::Option(Box::new(inner)))
        }
        _ => Err(refuse(
            (first, c.last_span()),
            "this `Option`",
            "only an `Option` of a reference, `NonNull` or `fn` pointer fits in one register",
        )),
    }
}

/// Goes over a type of any form.
pub(super) fn skip_type(c: &mut Cursor<'_>) {
    while !c.is_end() {
        if c.is_op("->") {
            c.eat_op("->");
            continue;
        }
        if c.is_punct('<') {
            skip_angles(c);
            continue;
        }
        let ends = matches!(c.punct(), Some((',' | ';' | '=' | '>', _)))
            || c.is_group(Delimiter::Brace)
            || c.is_word("where");
        if ends {
            return;
        }
        c.bump();
    }
}

/// Goes over `<…>`, if that comes next.
fn skip_angles(c: &mut Cursor<'_>) {
    let mut depth = 0u32;
    while !c.is_end() {
        if c.eat_op("->") {
            continue;
        }
        match c.punct() {
            Some(('<', _)) => depth += 1,
            Some(('>', _)) if depth == 0 => return,
            Some(('>', _)) => depth -= 1,
            _ => {}
        }
        if depth == 0 && !c.is_punct('>') {
            return;
        }
        c.bump();
        if depth == 0 {
            return;
        }
    }
}

/// What is after the colon of a `let`.
pub(super) fn let_type(c: &mut Cursor<'_>) -> Parsed<LetType> {
    let ClassExpr { class, lengths } = class(c)?;
    let Some(element) = Element::from_name(&class.to_string()) else {
        return Ok(LetType::Class(ClassExpr { class, lengths }));
    };
    // An array of arrays is as long as the product of their lengths.
    let length = lengths.into_iter().reduce(|a, b| {
        let span = (a.span.0, b.span.1);
        Expr { kind: ExprKind::Binary(BinaryOp::Mul, Box::new(a), Box::new(b)), span }
    });
    Ok(LetType::Memory { element, length })
}

/// A class, or an array of one.
pub(super) fn class(c: &mut Cursor<'_>) -> Parsed<ClassExpr> {
    let Some((mut inside, _)) = c.eat_group(Delimiter::Bracket) else {
        let class = c.expect_ident("a register class such as `gp64` or `ymm`")?;
        return Ok(ClassExpr { class, lengths: Vec::new() });
    };
    c.descend()?;
    let mut element = class(&mut inside)?;
    c.ascend();
    if !inside.eat_punct(';') {
        return Err(inside.expected("`;` and the length of the array"));
    }
    element.lengths.insert(0, expressions::expression(&mut inside)?);
    inside.expect_end("`]`")?;
    Ok(element)
}

/// The type of a constant.
pub(super) fn constant_type(c: &mut Cursor<'_>) -> Parsed<Name> {
    let name = c.expect_ident("the type of the constant")?;
    let text = name.to_string();
    if text == "bool" || Element::from_name(&text).is_some() {
        return Ok(name);
    }
    Err(Box::new(
        error(name.span(), format!("`{text}` cannot be the type of a constant"))
            .note("constants are integers, floats or `bool`"),
    ))
}

/// What a table holds, and its lengths, outermost first: the inside of `[[T; M]; N]`.
pub(super) fn table_type(c: &mut Cursor<'_>) -> Parsed<(TableElement, Vec<Expr>)> {
    let (element, mut lengths) = match c.eat_group(Delimiter::Bracket) {
        Some((mut inside, _)) => {
            c.descend()?;
            let inner = table_type(&mut inside)?;
            c.ascend();
            inner
        }
        None => (table_element(c)?, Vec::new()),
    };
    c.expect_punct(';')?;
    lengths.insert(0, expressions::expression(c)?);
    c.expect_end("`]`")?;
    Ok((element, lengths))
}

/// What a table holds.
fn table_element(c: &mut Cursor<'_>) -> Parsed<TableElement> {
    let name = c.expect_ident("the type of the table's elements")?;
    let text = name.to_string();
    if text == "label" {
        return Ok(TableElement::Label);
    }
    match Element::from_name(&text) {
        Some(element) => Ok(TableElement::Number(element, name)),
        None => Err(Box::new(
            error(name.span(), format!("a table cannot hold `{text}`"))
                .note("tables hold integers or floats, and `label` in a kernel's body"),
        )),
    }
}

/// The ABI string of `extern "…"`.
pub(super) fn abi(c: &mut Cursor<'_>) -> Parsed<(Abi, Span)> {
    let span = c.span();
    let Some(literal) = c.literal() else {
        return Ok((Abi::C, c.last_span()));
    };
    let abi = match literals::string(literal).as_deref() {
        Some("C") => Abi::C,
        Some("sysv64") => Abi::SysV64,
        Some("win64") => Abi::Win64,
        _ => {
            return Err(Box::new(
                Diagnostic::new(
                    Code::BadConvention,
                    span,
                    format!("kernels cannot have the calling convention {literal}"),
                )
                .note(
                    "the choices are `\"sysv64\"`, `\"win64\"` and `\"C\"`, which is the target's \
                     own",
                ),
            ));
        }
    };
    c.bump();
    Ok((abi, span))
}
