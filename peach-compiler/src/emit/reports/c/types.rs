//! Types of signatures as C writes them.
//!
//! In: the tokens of a Rust type. Out: a [`CType`], and C declarations of it.
//!
//! | Rust | C |
//! |---|---|
//! | `i8` … `u64`, `usize`, `isize` | `int8_t` … `uint64_t`, `size_t`, `ptrdiff_t` |
//! | `i128`, `u128` | `peach_int128`, `peach_uint128`: `__int128`, where the compiler has it |
//! | `f32`, `f64`, `bool`, `char` | `float`, `double`, `bool`, `uint32_t` |
//! | `*const T`, `&T` | `const T *` |
//! | `*mut T`, `&mut T`, `NonNull<T>` | `T *` |
//! | `Option<…>` | what is in it; null is `None` |
//! | `&[T; N]` | `const T x[N]` |
//! | `&[[T; M]; N]`, `&[[T; N]]` | `const T x[N][M]`, `const T (*x)[N], size_t x_len` |
//! | `&[T]`, `&str` | `const T *x, size_t x_len` |
//! | `extern "C" fn(A) -> B` | `B (*x)(A)` |
//! | `fn(A) -> B`, which C cannot call | `void (*x)(void)` |
//! | a type of the program's own, behind a pointer | `void`, with its name in a comment |

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::iter::Peekable;

/// A C type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CType {
    /// `void`.
    Void,
    /// A type by its C name.
    Named(&'static str),
    /// A type that C does not know.
    Opaque(String),
    /// A pointer, and whether to something constant.
    Pointer(Box<CType>, bool),
    /// Elements behind a pointer, and how many, where that is a plain number.
    Array(Box<CType>, Option<u64>),
    /// A pointer and a length.
    Slice(Box<CType>, bool),
    /// A pointer to a function.
    Function {
        /// In order.
        params: Vec<CType>,
        /// What it returns.
        result: Box<CType>,
        /// The convention's Rust name, where it is not `"C"`.
        abi: Option<String>,
    },
    /// Two values.
    Pair(Box<CType>, Box<CType>),
}

/// Rust's names for types and C's.
const NAMES: [(&str, &str); 35] = [
    ("i8", "int8_t"),
    ("i16", "int16_t"),
    ("i32", "int32_t"),
    ("i64", "int64_t"),
    ("i128", "peach_int128"),
    ("isize", "ptrdiff_t"),
    ("u8", "uint8_t"),
    ("u16", "uint16_t"),
    ("u32", "uint32_t"),
    ("u64", "uint64_t"),
    ("u128", "peach_uint128"),
    ("usize", "size_t"),
    ("f32", "float"),
    ("f64", "double"),
    ("bool", "bool"),
    ("char", "uint32_t"),
    ("c_char", "char"),
    ("c_schar", "signed char"),
    ("c_uchar", "unsigned char"),
    ("c_short", "short"),
    ("c_ushort", "unsigned short"),
    ("c_int", "int"),
    ("c_uint", "unsigned int"),
    ("c_long", "long"),
    ("c_ulong", "unsigned long"),
    ("c_longlong", "long long"),
    ("__m128", "__m128"),
    ("__m128i", "__m128i"),
    ("__m128d", "__m128d"),
    ("__m256", "__m256"),
    ("__m256i", "__m256i"),
    ("__m256d", "__m256d"),
    ("__m512", "__m512"),
    ("__m512i", "__m512i"),
    ("__m512d", "__m512d"),
];

impl CType {
    /// The type of these tokens.
    pub fn of(tokens: &TokenStream) -> CType {
        let mut tokens: Tokens = tokens.clone().into_iter().peekable();
        read(&mut tokens)
    }

    /// The type without a name, as PeachPy's metadata spells it: `const float*`.
    pub fn name(&self) -> String {
        let plain = match self {
            // What a reference to an array points to is its first element.
            CType::Pointer(inner, is_const) => match inner.as_ref() {
                CType::Array(element, _) => {
                    CType::Pointer(element.clone(), *is_const).declare_as(false, "")
                }
                _ => self.declare_as(false, ""),
            },
            _ => self.declare_as(false, ""),
        };
        plain.replace(" *", "*")
    }

    /// The declaration of a parameter or a result; with an empty name, the type itself. A slice
    /// declares two names, and what a reference to an array may be read for is after the name.
    pub fn declare(&self, name: &str) -> String {
        match self {
            CType::Pointer(inner, is_const) => match inner.as_ref() {
                CType::Array(element, Some(count)) => {
                    element.declare_as(*is_const, &format!("{name}[{count}]"))
                }
                _ => self.declare_as(false, name),
            },
            CType::Slice(..) => self.declare_slice(name, &format!("{name}_len")),
            _ => self.declare_as(false, name),
        }
    }

    /// The declarations of a slice's two parts. (Its elements may be arrays: it points to the first
    /// of them.)
    pub(super) fn declare_slice(&self, pointer: &str, len: &str) -> String {
        let len = CType::Named("size_t").declare(len);
        format!("{}, {len}", self.declare_as(false, pointer))
    }

    /// The declaration of a function that returns this type. (A reference to an array is a pointer
    /// to its first element.)
    pub(super) fn declare_result(&self, function: &str) -> String {
        match self {
            CType::Pointer(inner, is_const) => match inner.as_ref() {
                CType::Array(element, _) => {
                    CType::Pointer(element.clone(), *is_const).declare_as(false, function)
                }
                _ => self.declare_as(false, function),
            },
            _ => self.declare_as(false, function),
        }
    }

    /// The declaration of a declarator: `*x`, `x[4]`, `(*x)(int)`.
    fn declare_as(&self, is_const: bool, declarator: &str) -> String {
        let constant = if is_const { "const " } else { "" };
        let plain = |of: &str| match declarator.is_empty() {
            true => format!("{constant}{of}"),
            false => format!("{constant}{of} {declarator}"),
        };
        match self {
            CType::Void => plain("void"),
            CType::Named(of) => plain(of),
            CType::Opaque(of) => plain(&format!("void /* {of} */")),
            CType::Pair(a, b) => {
                plain(&format!("struct {{ {}; {}; }}", a.declare("first"), b.declare("second")))
            }
            CType::Pointer(inner, inner_const) => {
                inner.declare_as(*inner_const, &format!("*{constant}{declarator}"))
            }
            CType::Array(element, None) => element.declare_as(is_const, declarator),
            CType::Array(element, Some(count)) => match declarator.starts_with('*') {
                true => element.declare_as(is_const, &format!("({declarator})[{count}]")),
                false => element.declare_as(is_const, &format!("{declarator}[{count}]")),
            },
            CType::Slice(element, inner_const) => {
                element.declare_as(*inner_const, &format!("*{constant}{declarator}"))
            }
            CType::Function { params, result, abi } => {
                let attribute = abi.as_deref().and_then(convention_macro);
                let attribute = attribute.map_or(String::new(), |name| format!("{name} "));
                let params = parameters(params);
                let pointer = format!("({attribute}*{constant}{declarator})({params})");
                result.declare_as(false, &pointer)
            }
        }
    }

    /// This type and all that it is made of.
    pub fn visit(&self, see: &mut dyn FnMut(&CType)) {
        see(self);
        match self {
            CType::Pointer(inner, _) | CType::Array(inner, _) | CType::Slice(inner, _) => {
                inner.visit(see);
            }
            CType::Function { params, result, .. } => {
                params.iter().chain([result.as_ref()]).for_each(|part| part.visit(see));
            }
            CType::Pair(a, b) => [a, b].into_iter().for_each(|part| part.visit(see)),
            CType::Void | CType::Named(_) | CType::Opaque(_) => {}
        }
    }
}

/// The parameters of a function without their names.
fn parameters(params: &[CType]) -> String {
    match params {
        [] => "void".to_string(),
        _ => params.iter().map(|param| param.declare("")).collect::<Vec<_>>().join(", "),
    }
}

type Tokens = Peekable<proc_macro2::token_stream::IntoIter>;

/// Reads a type and leaves what follows it.
fn read(tokens: &mut Tokens) -> CType {
    match tokens.next() {
        Some(TokenTree::Punct(punct)) if punct.as_char() == '&' => {
            if is_punct(tokens, '\'') {
                tokens.next();
                tokens.next();
            }
            let is_const = !eat_word(tokens, "mut");
            reference(tokens, is_const)
        }
        Some(TokenTree::Punct(punct)) if punct.as_char() == '*' => {
            let is_const = eat_word(tokens, "const");
            if !is_const {
                eat_word(tokens, "mut");
            }
            CType::Pointer(Box::new(read(tokens)), is_const)
        }
        Some(TokenTree::Group(group)) => match group.delimiter() {
            Delimiter::Parenthesis => tuple(group.stream()),
            Delimiter::Bracket => array(group.stream()),
            Delimiter::Brace | Delimiter::None => CType::of(&group.stream()),
        },
        Some(TokenTree::Punct(punct)) if punct.as_char() == ':' => read(tokens),
        Some(TokenTree::Ident(word)) => named(word.to_string(), tokens),
        _ => CType::Void,
    }
}

/// What is after `&` and `mut`.
fn reference(tokens: &mut Tokens, is_const: bool) -> CType {
    if eat_word(tokens, "str") {
        return CType::Slice(Box::new(CType::Named("char")), is_const);
    }
    match read(tokens) {
        CType::Slice(element, _) => CType::Slice(element, is_const),
        inner => CType::Pointer(Box::new(inner), is_const),
    }
}

/// `[T]` or `[T; N]`.
fn array(inside: TokenStream) -> CType {
    let mut tokens: Tokens = inside.into_iter().peekable();
    let element = Box::new(read(&mut tokens));
    if !is_punct(&mut tokens, ';') {
        return CType::Slice(element, false);
    }
    tokens.next();
    let length = match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Literal(literal)), None) => number(&literal.to_string()),
        _ => None,
    };
    // Arrays of a size that C does not know are not elements of one.
    let is_known = !matches!(*element, CType::Array(_, None));
    CType::Array(element, length.filter(|_| is_known))
}

/// A decimal literal, with or without a type.
fn number(text: &str) -> Option<u64> {
    let digits = text.replace('_', "");
    digits.trim_end_matches("usize").parse().ok()
}

/// `()`, `(T)`, `(A, B)`.
fn tuple(inside: TokenStream) -> CType {
    let mut parts = list(inside).into_iter();
    match (parts.next(), parts.next()) {
        (None, _) => CType::Void,
        (Some(only), None) => only,
        (Some(a), Some(b)) => CType::Pair(Box::new(a), Box::new(b)),
    }
}

/// Types between commas; those of parameters may have names.
fn list(inside: TokenStream) -> Vec<CType> {
    let mut tokens: Tokens = inside.into_iter().peekable();
    let mut types = Vec::new();
    while tokens.peek().is_some() {
        let mut ahead = tokens.clone();
        let is_name = matches!(ahead.next(), Some(TokenTree::Ident(_)))
            && matches!(ahead.next(), Some(TokenTree::Punct(p))
                if p.as_char() == ':' && p.spacing() == proc_macro2::Spacing::Alone);
        if is_name {
            tokens = ahead;
        }
        types.push(read(&mut tokens));
        while tokens.next().is_some_and(|token| !is_comma(&token)) {}
    }
    types
}

fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',')
}

/// A path, a function pointer, `Option<…>`, `NonNull<…>`.
fn named(first: String, tokens: &mut Tokens) -> CType {
    match first.as_str() {
        "fn" | "unsafe" | "extern" | "for" => return function(first, tokens),
        _ => {}
    }
    let mut name = first;
    while is_punct(tokens, ':') {
        tokens.next();
        tokens.next();
        match tokens.peek() {
            Some(TokenTree::Ident(word)) => {
                name = word.to_string();
                tokens.next();
            }
            _ => break,
        }
    }
    let arguments = angles(tokens);
    match (name.as_str(), arguments) {
        ("Option", Some(inner)) => CType::of(&inner),
        ("NonNull", Some(inner)) => CType::Pointer(Box::new(CType::of(&inner)), false),
        ("c_void", _) => CType::Void,
        _ => match NAMES.iter().find(|(rust, _)| *rust == name) {
            Some((_, c)) => CType::Named(c),
            None => CType::Opaque(name),
        },
    }
}

/// `for<'a> unsafe extern "C" fn(A, B) -> C`.
fn function(mut word: String, tokens: &mut Tokens) -> CType {
    let mut abi = Some("Rust".to_string());
    loop {
        match word.as_str() {
            "for" => {
                angles(tokens);
            }
            "extern" => {
                abi = match tokens.peek() {
                    Some(TokenTree::Literal(literal)) => {
                        let name = literal.to_string().trim_matches('"').to_string();
                        tokens.next();
                        (name != "C").then_some(name)
                    }
                    _ => None,
                };
            }
            "fn" => break,
            _ => {}
        }
        match tokens.next() {
            Some(TokenTree::Ident(next)) => word = next.to_string(),
            _ => return CType::Void,
        }
    }
    let params = match tokens.next() {
        Some(TokenTree::Group(group)) => list(group.stream()),
        _ => Vec::new(),
    };
    let mut result = CType::Void;
    if is_punct(tokens, '-') {
        tokens.next();
        tokens.next();
        result = read(tokens);
    }
    match abi.as_deref() {
        // C cannot call it: any pointer to a function will do.
        Some("Rust") => {
            CType::Function { params: Vec::new(), result: Box::new(CType::Void), abi: None }
        }
        _ => CType::Function { params, result: Box::new(result), abi },
    }
}

/// The inside `<…>`, if that comes next.
fn angles(tokens: &mut Tokens) -> Option<TokenStream> {
    if !is_punct(tokens, '<') {
        return None;
    }
    tokens.next();
    let mut depth = 1;
    let mut inside = Vec::new();
    let mut before = ' ';
    for token in tokens.by_ref() {
        if let TokenTree::Punct(punct) = &token {
            match punct.as_char() {
                '<' => depth += 1,
                // Not the end of an arrow.
                '>' if before != '-' => depth -= 1,
                _ => {}
            }
            before = punct.as_char();
        }
        if depth == 0 {
            break;
        }
        inside.push(token);
    }
    Some(inside.into_iter().collect())
}

fn is_punct(tokens: &mut Tokens, ch: char) -> bool {
    matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == ch)
}

fn eat_word(tokens: &mut Tokens, word: &str) -> bool {
    let is_word = matches!(tokens.peek(), Some(TokenTree::Ident(ident)) if ident == word);
    if is_word {
        tokens.next();
    }
    is_word
}

/// The macro that stands for a convention's attribute, by the convention's Rust name.
pub(super) fn convention_macro(abi: &str) -> Option<&'static str> {
    match abi {
        "win64" => Some("PEACH_MS_ABI"),
        "sysv64" => Some("PEACH_SYSV_ABI"),
        _ => None,
    }
}
