//! Types: those of signatures, and what a `let`, a `const` and a helper's parameter declare.
//!
//! In: a cursor at a type. Out: [`Type`], [`LetType`], [`ClassExpr`].
//! Invariants: a type that kernels cannot have is [`TypeKind::Invalid`] with its tokens kept, so
//! that the item can still be generated.
//! Fails: with [`Code::BadSignature`] that names what would be accepted.

use super::ast::*;
use super::cursor::{Cursor, Parsed, error};
use super::rust::{self, Piece};
use super::{expressions, literals, tokens_text};
use crate::diagnostics::{Code, Diagnostic};
use proc_macro2::{Delimiter, Span, TokenStream};

/// What the language accepts in signatures, for messages.
const ACCEPTED: &str = "the types are integers, floats, `bool`, `char`, vectors such as `__m128`, \
    raw and `fn` pointers,
references, `NonNull`, `Option` of these three, slices, `&str`; as results also `()` and pairs";

/// What may follow a type.
const TYPE_ENDS: &[char] = &[',', ';', '=', '>'];

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
    // Each part of a pair is a type with tokens of its own.
    if let Some((inside, group)) = c.eat_group(Delimiter::Parenthesis) {
        return tuple(inside, (group.span_open(), group.span_close()));
    }
    let mut piece = Piece::until(c, TYPE_ENDS);
    let ty = piece.parse(c, "a type")?;
    match &ty {
        syn::Type::Reference(reference) => reference_kind(reference, &piece),
        syn::Type::Ptr(pointer) => raw_pointer_kind(pointer, &piece),
        syn::Type::Path(path) => path_kind(&path.path, &piece, c),
        syn::Type::BareFn(_) => Ok(TypeKind::FnPointer),
        syn::Type::Never(never) => {
            Err(refuse(never.bang_token.span, "`!`", "a kernel returns to its caller"))
        }
        syn::Type::Array(syn::TypeArray { bracket_token, .. })
        | syn::Type::Slice(syn::TypeSlice { bracket_token, .. }) => Err(Box::new(
            refuse(edges(bracket_token), "an array by value", "a register cannot hold an array")
                .help("use a reference: `&[T; N]`"),
        )),
        _ => Err(match trait_span(&ty, &piece) {
            Some(place) => {
                let why = "kernels cannot have generic parameters or trait objects";
                refuse(place, "a trait", why)
            }
            None => unknown_type(&tokens_text(&c.tokens_since(&piece.start)), &piece.start, c),
        }),
    }
}

fn edges(brackets: &syn::token::Bracket) -> (Span, Span) {
    (brackets.span.open(), brackets.span.close())
}

/// Where `impl Trait` or `dyn Trait` starts, if that is the type.
fn trait_span(ty: &syn::Type, piece: &Piece<'_>) -> Option<Span> {
    match ty {
        syn::Type::ImplTrait(object) => Some(object.impl_token.span),
        syn::Type::TraitObject(object) => {
            let token = object.dyn_token.as_ref();
            Some(token.map_or_else(|| piece.start.span(), |token| token.span))
        }
        _ => None,
    }
}

/// Where `str` is, if that is the type.
fn str_span(ty: &syn::Type) -> Option<Span> {
    match ty {
        syn::Type::Path(path) if path.path.is_ident("str") => {
            path.path.get_ident().map(proc_macro2::Ident::span)
        }
        _ => None,
    }
}

/// The type without the parentheses around it.
fn bare(mut ty: &syn::Type) -> &syn::Type {
    while let syn::Type::Paren(syn::TypeParen { elem, .. }) = ty {
        ty = elem;
    }
    ty
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

fn reference_kind(reference: &syn::TypeReference, piece: &Piece<'_>) -> Parsed<TypeKind> {
    let mutable = reference.mutability.is_some();
    let ty = bare(&reference.elem);
    if let Some(place) = trait_span(ty, piece) {
        return Err(refuse(place, "a trait", "kernels cannot take or return trait objects"));
    }
    match (ty, str_span(ty)) {
        (_, Some(place)) if mutable => {
            Err(refuse(place, "`&mut str`", "its bytes must stay UTF-8"))
        }
        (_, Some(_)) => Ok(TypeKind::Str),
        (syn::Type::Slice(slice), None) => Ok(TypeKind::Slice {
            mutable,
            element: in_brackets(piece.start),
            pointee: pointee(&slice.elem, piece),
        }),
        (_, None) => Ok(TypeKind::Reference { mutable, pointee: pointee(ty, piece) }),
    }
}

/// What is in the first brackets.
fn in_brackets(mut c: Cursor<'_>) -> TokenStream {
    while !c.is_end() {
        if let Some((inside, _)) = c.group(Delimiter::Bracket) {
            return inside.to_end().tokens_since(&inside);
        }
        match c.group(Delimiter::Parenthesis) {
            Some((inside, _)) => c = inside,
            None => c = c.ahead(),
        }
    }
    TokenStream::new()
}

/// What a reference or a slice points to.
fn pointee(ty: &syn::Type, piece: &Piece<'_>) -> Pointee {
    numbers(ty, piece).map_or(Pointee::Other, Pointee::Numbers)
}

fn numbers(ty: &syn::Type, piece: &Piece<'_>) -> Option<Numbers> {
    match bare(ty) {
        syn::Type::Path(path) => {
            let name = path.path.get_ident()?;
            let element = Element::from_name(&name.to_string())?;
            Some(Numbers { name: name.clone(), element, lengths: Vec::new() })
        }
        syn::Type::Array(array) => {
            let mut element = numbers(&array.elem, piece)?;
            // A length that is not a constant expression of the language is left to Rust.
            let mut c = piece.length(array)?;
            let length = expressions::expression(&mut c).ok().filter(|_| c.is_end())?;
            element.lengths.insert(0, length);
            Some(element)
        }
        _ => None,
    }
}

fn raw_pointer_kind(pointer: &syn::TypePtr, piece: &Piece<'_>) -> Parsed<TypeKind> {
    let ty = bare(&pointer.elem);
    if let syn::Type::Slice(slice) = ty {
        return Err(Box::new(
            refuse(edges(&slice.bracket_token), "a raw slice", "it has two parts")
                .help("use `*const T` and a length"),
        ));
    }
    match trait_span(ty, piece).or_else(|| str_span(ty)) {
        Some(place) => Err(refuse(place, "a wide raw pointer", "it has two parts")),
        None => Ok(TypeKind::RawPointer),
    }
}

/// The last segment of a path says what it is. `c` is behind the path.
fn path_kind(path: &syn::Path, piece: &Piece<'_>, c: &Cursor<'_>) -> Parsed<TypeKind> {
    if let Some(name) = path.get_ident()
        && let Some(kind) = primitive(&name.to_string())
    {
        return Ok(kind);
    }
    let Some(syn::PathSegment { ident, arguments }) = path.segments.last() else {
        return Err(c.expected("a type"));
    };
    let name = ident.to_string();
    match name.as_str() {
        "NonNull" if arguments.is_none() => Err(c.expected("`<T>` after `NonNull`")),
        "NonNull" => Ok(TypeKind::NonNull),
        "Option" if arguments.is_none() => Err(c.expected("`<T>` after `Option`")),
        "Option" => option_kind(piece, c),
        _ => match vector_bytes(&name) {
            Some(bytes) => Ok(TypeKind::Vector { bytes }),
            None => Err(unknown_type(&name, &piece.start, c)),
        },
    }
}

fn primitive(name: &str) -> Option<TypeKind> {
    Some(match (name, Element::from_name(name)) {
        ("bool", _) => TypeKind::Bool,
        ("char", _) => TypeKind::Char,
        (_, Some(Element::Int { bytes: 16, signed })) => TypeKind::Wide { signed },
        (_, Some(Element::Int { bytes, signed })) => {
            TypeKind::Int { bytes, signed, is_size: name.ends_with("size") }
        }
        (_, Some(Element::Float { bytes })) => TypeKind::Float { bytes },
        (_, None) => return None,
    })
}

/// Types are known by their names alone: a macro does not see what a name stands for.
fn unknown_type(name: &str, start: &Cursor<'_>, end: &Cursor<'_>) -> Box<Diagnostic> {
    let help = match name {
        "Vec" => "use a slice: `&[T]`",
        "String" => "take `&str`",
        "Box" | "Rc" | "Arc" => "use a reference: `&T`",
        _ => "write the type that an alias stands for, or a pointer to it",
    };
    let what = format!("the type `{name}`");
    let place = (start.span(), end.last_span());
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

/// The argument of an `Option` is a type with tokens of its own.
fn option_kind(piece: &Piece<'_>, end: &Cursor<'_>) -> Parsed<TypeKind> {
    let mut c = piece.start;
    while end.is_past(&c) && !c.eat_punct('<') {
        c.bump();
    }
    let inner = nested_type(&mut c)?;
    c.expect_punct('>')?;
    match inner.kind {
        TypeKind::Reference { .. } | TypeKind::NonNull | TypeKind::FnPointer => {
            Ok(TypeKind::Option(Box::new(inner)))
        }
        _ => Err(refuse(
            (piece.start.span(), end.last_span()),
            "this `Option`",
            "only an `Option` of a reference, `NonNull` or `fn` pointer fits in one register",
        )),
    }
}

/// Goes over a type of any form.
pub(super) fn skip_type(c: &mut Cursor<'_>) {
    rust::go_to(c, TYPE_ENDS);
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
