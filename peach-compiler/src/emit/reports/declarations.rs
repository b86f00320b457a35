//! Rust declarations of kernels that are linked as object files.
//!
//! In: [`Module`]s. Out: a file for `include!`: for each kernel an item of an `unsafe extern` block
//! with its documentation, `safe` where callers have no obligations, which are documented
//! otherwise.
//!
//! Types are as the user wrote them, with absolute paths. A slice is a pointer and a length, a pair
//! a structure `NAME_result`; what points to a type of the user's own points to `c_void`. Functions
//! with vectors in their signatures are left out, since only nightly Rust can declare them.

use super::c::doc_text;
use crate::emit::Module;
use crate::emit::module::ModuleFunction;
use crate::syntax::ast::{Abi, Type, TypeKind, name_text};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use std::fmt::Write;

/// The declarations of all functions of `modules`.
pub fn declarations<'m>(modules: impl IntoIterator<Item = &'m Module>) -> String {
    let mut text = format!("// Made by peach {}.\n", env!("CARGO_PKG_VERSION"));
    for module in modules {
        let _ = writeln!(text, "\n// From {}", module.source.replace(['\n', '\r'], " "));
        module.functions.iter().for_each(|function| declare(function, &mut text));
    }
    text
}

fn declare(function: &ModuleFunction, text: &mut String) {
    let decl = &function.decl;
    let name = name(function);
    if has_vectors(function) {
        let _ = writeln!(
            text,
            "// Stable Rust cannot declare a foreign function with vectors in its signature: \
             `{name}`."
        );
        return;
    }
    let result = result(&decl.signature.result, &name, text);
    let abi = match decl.abi {
        None | Some((Abi::C, _)) => "C",
        Some(_) => function.convention().name,
    };
    let promises = promises(function);
    let safety = if promises.is_empty() { "safe" } else { "unsafe" };
    let (lifetimes, bounds) = (&decl.signature.lifetimes, &decl.signature.where_clause);
    let params: Vec<String> = decl
        .signature
        .params
        .iter()
        .map(|param| parameter(&param.name.to_token_stream().to_string(), &param.ty))
        .collect();
    let _ = writeln!(
        text,
        "#[allow(dead_code, improper_ctypes, non_snake_case)]\nunsafe extern \"{abi}\" {{"
    );
    documentation(function, &promises, text);
    let _ = writeln!(
        text,
        "    #[link_name = {:?}]\n    pub {safety} fn {name}{lifetimes}({}){result}{bounds};\n}}",
        function.symbol,
        params.join(", "),
    );
}

fn has_vectors(function: &ModuleFunction) -> bool {
    let signature = &function.decl.signature;
    let is_vector = |ty: &Type| matches!(ty.kind, TypeKind::Vector { .. });
    signature.params.iter().any(|param| is_vector(&param.ty)) || is_vector(&signature.result)
}

/// What the function is called in Rust: its symbol, where that can be a name.
fn name(function: &ModuleFunction) -> String {
    let symbol = &function.symbol;
    let kernel = &function.decl.signature.name;
    let is_part = |ch: char| ch.is_ascii_alphanumeric() || ch == '_';
    let is_name =
        symbol.chars().all(is_part) && !symbol.starts_with(|ch: char| ch.is_ascii_digit());
    match is_name && *symbol != name_text(kernel) {
        true => symbol.clone(),
        false => kernel.to_token_stream().to_string(),
    }
}

/// What a caller has to see to, one sentence each.
fn promises(function: &ModuleFunction) -> Vec<String> {
    let decl = &function.decl;
    let mut promises = Vec::new();
    // What the function may use: for a named processor, all that it has.
    let needed: Vec<&str> =
        function.features().minified().iter().map(|feature| feature.name()).collect();
    if !needed.is_empty() {
        promises.push(format!("The processor must have {}.", needed.join(", ")));
    }
    for param in &decl.signature.params {
        let name = name_text(&param.name);
        match &param.ty.kind {
            TypeKind::Slice { .. } | TypeKind::Str => promises.push(format!(
                "`{name}` and `{name}_len` must be those of a `{}`.",
                param.ty.tokens
            )),
            _ if is_opaque(&param.ty) => {
                promises.push(format!("`{name}` must be a `{}`.", param.ty.tokens));
            }
            _ => {}
        }
    }
    if decl.unsafety.is_some() {
        promises.push("The kernel is `unsafe`: the caller must meet its requirements.".to_string());
    }
    if decl.signature.has_bounds {
        promises.push("Lifetimes must outlive one another as the kernel says.".to_string());
    }
    promises
}

fn documentation(function: &ModuleFunction, promises: &[String], text: &mut String) {
    let docs: Vec<String> = function.decl.rust_attrs.iter().filter_map(doc_text).collect();
    for line in docs.iter().flat_map(|text| text.split('\n')) {
        let _ = writeln!(text, "{}", format!("    ///{line}").trim_end());
    }
    if promises.is_empty() {
        return;
    }
    if !docs.is_empty() {
        text.push_str("    ///\n");
    }
    text.push_str("    /// # Safety\n");
    for promise in promises {
        let _ = writeln!(text, "    /// * {promise}");
    }
}

/// `x: T`, or the two parts of a slice.
fn parameter(name: &str, ty: &Type) -> String {
    let slice = |pointer: &str, element: &str| {
        let len = name.trim_start_matches("r#");
        format!("{name}: *{pointer} {element}, {len}_len: usize")
    };
    match &ty.kind {
        TypeKind::Slice { mutable, element, .. } => {
            let pointer = if *mutable { "mut" } else { "const" };
            slice(pointer, &plain(element).unwrap_or_else(|| VOID.to_string()))
        }
        TypeKind::Str => slice("const", "u8"),
        _ => format!("{name}: {}", value(ty)),
    }
}

/// ` -> T`; a pair's structure is declared in `text`.
fn result(ty: &Type, function: &str, text: &mut String) -> String {
    match &ty.kind {
        TypeKind::Unit => String::new(),
        TypeKind::Pair(first, second) => {
            let name = format!("{}_result", function.trim_start_matches("r#"));
            let (first, second) = (value(first), value(second));
            let _ = writeln!(
                text,
                "/// What `{function}` returns.\n#[allow(dead_code, non_camel_case_types)]\n\
                 #[repr(C)]\n#[derive(Clone, Copy, Debug)]\n\
                 pub struct {name}(pub {first}, pub {second});"
            );
            format!(" -> {name}")
        }
        _ => format!(" -> {}", value(ty)),
    }
}

const VOID: &str = "::core::ffi::c_void";

/// A type that is one value.
fn value(ty: &Type) -> String {
    plain(&ty.tokens).unwrap_or_else(|| {
        let text = ty.tokens.to_string();
        let is_const = text.contains('&') && !text.contains("mut") || text.contains("* const");
        format!("*{} {VOID}", if is_const { "const" } else { "mut" })
    })
}

/// Whether [`value`] stands for a type that says more.
fn is_opaque(ty: &Type) -> bool {
    !matches!(ty.kind, TypeKind::RawPointer) && plain(&ty.tokens).is_none()
}

/// The type with absolute paths, if all of it is Rust's own.
fn plain(tokens: &TokenStream) -> Option<String> {
    let mut text = String::new();
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        let is_path_before = matches!(tokens.get(index + 1), Some(TokenTree::Punct(punct))
            if punct.as_char() == ':')
            && matches!(tokens.get(index + 2), Some(TokenTree::Punct(punct))
                if punct.as_char() == ':');
        let is_lifetime = index > 0
            && matches!(&tokens[index - 1], TokenTree::Punct(punct) if punct.as_char() == '\'');
        match token {
            // Only the last segment of a path counts; it has an absolute one below.
            TokenTree::Ident(_) if is_path_before => {}
            TokenTree::Punct(punct) if punct.as_char() == ':' => {}
            TokenTree::Ident(word) if is_lifetime => {
                let _ = write!(text, "{word} ");
            }
            TokenTree::Ident(word) => {
                let _ = write!(text, "{} ", absolute(&word.to_string())?);
            }
            TokenTree::Punct(punct) => text.push(punct.as_char()),
            TokenTree::Literal(literal) => {
                let _ = write!(text, "{literal} ");
            }
            TokenTree::Group(group) => {
                let inside = plain(&group.stream())?;
                let (open, close) = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => ("(", ")"),
                    proc_macro2::Delimiter::Brace => ("{", "}"),
                    proc_macro2::Delimiter::Bracket => ("[", "]"),
                    proc_macro2::Delimiter::None => ("", ""),
                };
                let _ = write!(text, "{open}{inside}{close}");
            }
        }
    }
    Some(text.trim_end().to_string())
}

/// A word of a type, where it is Rust's own.
fn absolute(word: &str) -> Option<String> {
    const WORDS: [&str; 23] = [
        "const", "mut", "fn", "extern", "unsafe", "i8", "i16", "i32", "i64", "i128", "isize", "u8",
        "u16", "u32", "u64", "u128", "usize", "f32", "f64", "bool", "char", "str", "_",
    ];
    if WORDS.contains(&word) {
        return Some(word.to_string());
    }
    Some(match word {
        "NonNull" => "::core::ptr::NonNull".to_string(),
        "Option" => "::core::option::Option".to_string(),
        _ if word.starts_with("c_") => format!("::core::ffi::{word}"),
        _ if word.starts_with("__m") => format!("::core::arch::x86_64::{word}"),
        _ => return None,
    })
}
