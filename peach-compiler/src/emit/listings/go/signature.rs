//! Signatures as Go writes them, and where their parts are in the frame of the caller.
//!
//! | Rust | Go |
//! |---|---|
//! | `i8` … `u64` | `int8` … `uint64` |
//! | `isize`, `usize` | `int`, `uint` |
//! | `i128`, `u128` | `[2]uint64`, the low half first |
//! | `f32`, `f64`, `bool`, `char` | `float32`, `float64`, `bool`, `rune` |
//! | `&T`, `*const T`, `NonNull<T>`, `Option<…>` of these | `*T`, and `*[N]T`, `*[N][M]T` for arrays |
//! | the same to what Go cannot name | `unsafe.Pointer` |
//! | `fn` pointers | `uintptr` |
//! | `&[T]`, `&mut [T]`, `&str` | `[]T`, `string` |
//! | a pair | two results |
//!
//! Names of the parts are those that `go vet` wants: `x_base` and `x_len` of a slice or a string,
//! `x_0` and `x_1` of an array, `ret` and `ret1` of results.

use crate::abi::{ArgPlace, ResultPlace};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Place};
use crate::emit::module::ModuleFunction;
use crate::ir::ResultKind;
use crate::syntax::ast::{Type, TypeKind, name_text};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::HashSet;

/// What Go knows of a function.
#[derive(Debug)]
pub(super) struct Signature {
    /// Names and types, in order.
    pub params: Vec<(String, String)>,
    /// Types of the results.
    pub results: Vec<String>,
    /// The parts of both in the caller's frame.
    pub variables: Vec<Variable>,
    /// The size of all of them.
    pub bytes: u32,
}

/// One part of an argument or result.
#[derive(Debug)]
pub(super) struct Variable {
    /// `x_base`.
    pub name: String,
    /// From the frame pointer's pseudo-register on.
    pub offset: u32,
    /// Its size.
    pub bytes: u32,
}

impl Signature {
    /// Of a function under a convention of Go's. `None` where a type has no counterpart, which is
    /// then an error.
    pub fn of(function: &ModuleFunction, diagnostics: &mut Diagnostics) -> Option<Signature> {
        let declared = &function.decl.signature;
        let mut signature = Signature {
            params: Vec::new(),
            results: Vec::new(),
            variables: Vec::new(),
            bytes: function.compiled.function.placement.stack_bytes,
        };
        let mut is_complete = true;
        let mut taken = result_names(&declared.result.kind);
        for param in &declared.params {
            let name = distinct(&name_text(&param.name), &param.ty.kind, &mut taken);
            match go_type(&param.ty) {
                Some(ty) => signature.params.push((name, ty)),
                None => {
                    diagnostics.push(no_type(&param.ty));
                    is_complete = false;
                }
            }
        }
        let results: Vec<&Type> = match &declared.result.kind {
            TypeKind::Unit => Vec::new(),
            TypeKind::Pair(first, second) => vec![first, second],
            _ => vec![&declared.result],
        };
        for ty in &results {
            match go_type(ty) {
                Some(ty) => signature.results.push(ty),
                None => {
                    diagnostics.push(no_type(ty));
                    is_complete = false;
                }
            }
        }
        if !is_complete {
            return None;
        }
        signature.place_params(function);
        signature.place_results(function, &results);
        Some(signature)
    }

    fn place_params(&mut self, function: &ModuleFunction) {
        let compiled = &function.compiled.function;
        let kinds = function.decl.signature.params.iter().map(|param| &param.ty.kind);
        let kinds: Vec<&TypeKind> = kinds.collect();
        for arg in &compiled.args {
            let ArgPlace::Stack { offset } = compiled.placement.args[arg.param][arg.part] else {
                continue;
            };
            let (name, _) = &self.params[arg.param];
            let name = format!("{name}{}", part_suffix(kinds[arg.param], arg.part));
            self.variables.push(Variable { name, offset, bytes: arg.bytes });
        }
    }

    fn place_results(&mut self, function: &ModuleFunction, types: &[&Type]) {
        let compiled = &function.compiled.function;
        let (ResultKind::Values(values), ResultPlace::Stack { offsets }) =
            (&compiled.result, &compiled.placement.result)
        else {
            return;
        };
        let mut names = Vec::new();
        for (index, ty) in types.iter().enumerate() {
            let name = if index == 0 { "ret".to_string() } else { format!("ret{index}") };
            match ty.kind {
                TypeKind::Wide { .. } => {
                    names.extend([format!("{name}_0"), format!("{name}_1")]);
                }
                _ => names.push(name),
            }
        }
        for ((value, &offset), name) in values.iter().zip(offsets).zip(names) {
            self.variables.push(Variable { name, offset, bytes: value.bytes });
        }
    }

    /// `func Name(x []float32) float32`.
    pub fn prototype(&self, symbol: &str) -> String {
        let params: Vec<String> =
            self.params.iter().map(|(name, ty)| format!("{name} {ty}")).collect();
        let results = match self.results.as_slice() {
            [] => String::new(),
            [one] => format!(" {one}"),
            several => format!(" ({})", several.join(", ")),
        };
        format!("func {symbol}({}){results}", params.join(", "))
    }

    /// Whether a type of it is that of the package `unsafe`.
    pub fn needs_unsafe(&self) -> bool {
        let mut types = self.params.iter().map(|(_, ty)| ty).chain(&self.results);
        types.any(|ty| ty.contains("unsafe."))
    }
}

/// A name for a parameter, of which no part is called as one of the others is: `go vet` knows the
/// parts by their names.
fn distinct(written: &str, kind: &TypeKind, taken: &mut HashSet<String>) -> String {
    let mut name = identifier(written);
    if name == "_" {
        return name;
    }
    let parts = |name: &str| {
        let suffixes: &[&str] = match kind {
            TypeKind::Slice { .. } => &["", "_base", "_len", "_cap"],
            TypeKind::Str => &["", "_base", "_len"],
            TypeKind::Wide { .. } => &["", "_0", "_1"],
            _ => &[""],
        };
        suffixes.iter().map(|suffix| format!("{name}{suffix}")).collect::<Vec<_>>()
    };
    while parts(&name).iter().any(|part| taken.contains(part)) {
        name.push('_');
    }
    taken.extend(parts(&name));
    name
}

/// What `go vet` calls results and their parts.
fn result_names(kind: &TypeKind) -> HashSet<String> {
    let names: &[&str] = match kind {
        TypeKind::Unit => &[],
        TypeKind::Pair(..) => &["ret", "ret1", "ret_0", "ret_1", "ret1_0", "ret1_1"],
        _ => &["ret", "ret_0", "ret_1"],
    };
    names.iter().map(|name| (*name).to_string()).collect()
}

fn part_suffix(kind: &TypeKind, part: usize) -> &'static str {
    match (kind, part) {
        (TypeKind::Slice { .. } | TypeKind::Str, 0) => "_base",
        (TypeKind::Slice { .. } | TypeKind::Str, _) => "_len",
        (TypeKind::Wide { .. }, 0) => "_0",
        (TypeKind::Wide { .. }, _) => "_1",
        _ => "",
    }
}

fn no_type(ty: &Type) -> Diagnostic {
    let (first, last) = ty.span;
    let message = format!("Go has no type for `{}`", ty.tokens);
    Diagnostic::new(Code::BadConvention, Place { first, last }, message)
        .help("use a slice of numbers, or a pointer")
}

/// A type of a signature as Go writes it.
fn go_type(ty: &Type) -> Option<String> {
    Some(match &ty.kind {
        TypeKind::Int { is_size, bytes, signed } => {
            let sign = if *signed { "" } else { "u" };
            let bits = if *is_size { String::new() } else { (8 * bytes).to_string() };
            format!("{sign}int{bits}")
        }
        TypeKind::Float { bytes } => format!("float{}", 8 * bytes),
        TypeKind::Bool => "bool".to_string(),
        TypeKind::Char => "rune".to_string(),
        TypeKind::Wide { .. } => "[2]uint64".to_string(),
        TypeKind::Str => "string".to_string(),
        TypeKind::Slice { element, .. } => {
            let mut tokens = element.clone().into_iter();
            let (Some(element), None) = (tokens.next(), tokens.next()) else { return None };
            format!("[]{}", memory(&element)?)
        }
        TypeKind::FnPointer => "uintptr".to_string(),
        TypeKind::Option(inner) => return go_type(inner),
        TypeKind::RawPointer | TypeKind::NonNull | TypeKind::Reference { .. } => {
            match pointee(&ty.tokens) {
                Some(pointee) => format!("*{pointee}"),
                None => "unsafe.Pointer".to_string(),
            }
        }
        TypeKind::Vector { .. } | TypeKind::Unit | TypeKind::Pair(..) | TypeKind::Invalid => {
            return None;
        }
    })
}

/// Rust's number types and Go's.
const NUMBERS: &[(&str, &str)] = &[
    ("bool", "bool"),
    ("char", "rune"),
    ("f32", "float32"),
    ("f64", "float64"),
    ("i8", "int8"),
    ("i16", "int16"),
    ("i32", "int32"),
    ("i64", "int64"),
    ("isize", "int"),
    ("u8", "uint8"),
    ("u16", "uint16"),
    ("u32", "uint32"),
    ("u64", "uint64"),
    ("usize", "uint"),
    ("i128", "[2]uint64"),
    ("u128", "[2]uint64"),
];

/// A type that is a single name.
fn named(tokens: &TokenStream) -> Option<String> {
    let text = tokens.to_string();
    let (_, go) = NUMBERS.iter().find(|(rust, _)| *rust == text)?;
    Some((*go).to_string())
}

/// What a pointer points to, where Go can name it: the tokens end with it, a bracket apart.
fn pointee(tokens: &TokenStream) -> Option<String> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    // A pointer to a pointer is not a pointer to what that points to.
    let is_pointer = |token: &&TokenTree| match token {
        TokenTree::Punct(punct) => matches!(punct.as_char(), '*' | '&'),
        TokenTree::Ident(name) => name == "NonNull",
        _ => false,
    };
    if tokens.iter().filter(is_pointer).count() != 1 {
        return None;
    }
    let is_bracket =
        |token: &&TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == '>');
    let mut end = tokens.iter().rev().skip_while(is_bracket);
    match end.next()? {
        TokenTree::Ident(name) => {
            // A path names something else.
            let is_path = matches!(end.next(), Some(TokenTree::Punct(p)) if p.as_char() == ':');
            named(&TokenTree::from(name.clone()).into()).filter(|_| !is_path)
        }
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
            array(&group.stream())
        }
        _ => None,
    }
}

/// The type of the array `[T; N]`, given what is in its brackets.
fn array(inside: &TokenStream) -> Option<String> {
    let inside: Vec<TokenTree> = inside.clone().into_iter().collect();
    let [element, TokenTree::Punct(_), TokenTree::Literal(length)] = inside.as_slice() else {
        return None;
    };
    let length: u64 = length.to_string().replace('_', "").parse().ok()?;
    Some(format!("[{length}]{}", memory(element)?))
}

/// The type of a number or an array.
fn memory(ty: &TokenTree) -> Option<String> {
    match ty {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
            array(&group.stream())
        }
        _ => named(&ty.clone().into()),
    }
}

/// A name that Go's compiler takes and Go's assembler does not take for something of its own.
pub(super) fn identifier(name: &str) -> String {
    let is_taken = KEYWORDS.contains(&name) || is_register(name);
    if is_taken { format!("{name}_") } else { in_ascii(name) }
}

/// `go vet` ends the name of an argument at the first letter that is not one of ASCII; these are
/// written as their numbers, as in C.
fn in_ascii(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for ch in name.chars() {
        match ch.is_ascii() {
            true => text.push(ch),
            false => text.push_str(&format!("_u{:04x}", u32::from(ch))),
        }
    }
    text
}

/// Whether the assembler reads a name as a register.
fn is_register(name: &str) -> bool {
    let numbered = |prefix: &str| {
        name.strip_prefix(prefix).is_some_and(|number| {
            !number.is_empty() && number.trim_end_matches('B').bytes().all(|b| b.is_ascii_digit())
        })
    };
    REGISTERS.contains(&name)
        || ["R", "X", "Y", "Z", "K", "M", "F", "CR", "DR", "TR"].into_iter().any(numbered)
}

/// Registers without a number, and pseudo-registers.
const REGISTERS: &[&str] = &[
    "AH", "AL", "AX", "BH", "BL", "BP", "BPB", "BX", "CH", "CL", "CS", "CX", "DH", "DI", "DIB",
    "DL", "DS", "DX", "ES", "FP", "FS", "GDTR", "GS", "IDTR", "LDTR", "MSW", "PC", "SB", "SI",
    "SIB", "SP", "SPB", "SS", "TASK", "TLS", "g",
];

/// Go's keywords ("The Go Programming Language Specification", "Keywords").
const KEYWORDS: &[&str] = &[
    "break",
    "case",
    "chan",
    "const",
    "continue",
    "default",
    "defer",
    "else",
    "fallthrough",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "import",
    "interface",
    "map",
    "package",
    "range",
    "return",
    "select",
    "struct",
    "switch",
    "type",
    "var",
];

/// Whether a symbol can be the name of a function in Go.
pub(super) fn is_function_name(symbol: &str) -> bool {
    let mut chars = symbol.chars();
    let starts = chars.next().is_some_and(|ch| ch.is_alphabetic() || ch == '_');
    starts
        && symbol != "_"
        && !KEYWORDS.contains(&symbol)
        && !PREDECLARED.contains(&symbol)
        && chars.all(|ch| ch.is_alphanumeric() || ch == '_')
}

/// Names that a package may not give to a function, or not without losing the types of its other
/// declarations (The Go Programming Language Specification, "Predeclared identifiers" and "Package
/// initialization").
#[rustfmt::skip]
const PREDECLARED: &[&str] = &[
    "init", "unsafe", "any", "bool", "byte", "comparable", "complex64", "complex128", "error",
    "float32", "float64", "int", "int8", "int16", "int32", "int64", "rune", "string", "uint",
    "uint8", "uint16", "uint32", "uint64", "uintptr",
];
