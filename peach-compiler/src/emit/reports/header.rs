//! C and C++ headers.
//!
//! In: a [`Module`]. Out: a header that compiles by itself, in C from C99 and in C++ from C++11 on:
//! includes as far as they are due, a prototype for every kernel with its documentation.
//! Fails: E0605 for a convention that C has no attribute for.
//!
//! Types are those of [`c_types`](crate::emit::c_types). A pair is a structure `NAME_result`. The convention's
//! attribute stands behind a macro that is empty where the convention is the platform's own.

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::emit::Module;
use crate::emit::c_types::{CType, convention_macro};
use crate::emit::module::ModuleFunction;
use crate::syntax::ast::{self, name_text};
use proc_macro2::{TokenStream, TokenTree};
use std::fmt::Write;

/// The header of a module.
pub fn header(module: &Module, diagnostics: &mut Diagnostics) -> String {
    let prototypes: Vec<Prototype<'_>> = module
        .functions
        .iter()
        .filter_map(|function| Prototype::of(function, diagnostics))
        .collect();
    let mut text = format!(
        "/* Made by peach {} from {} */\n\n#pragma once\n\n",
        env!("CARGO_PKG_VERSION"),
        comment_text(&module.source)
    );
    includes(&mut text, &prototypes);
    macros(&mut text, module, &prototypes);
    text.push_str("#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    for prototype in &prototypes {
        prototype.write(module, &mut text);
    }
    text.push_str("\n#ifdef __cplusplus\n}\n#endif\n");
    text
}

/// What a kernel is to C.
struct Prototype<'a> {
    function: &'a ModuleFunction,
    params: Vec<(String, CType)>,
    result: CType,
}

impl<'a> Prototype<'a> {
    /// `None`, with an error, for a kernel that C cannot call.
    fn of(function: &'a ModuleFunction, diagnostics: &mut Diagnostics) -> Option<Prototype<'a>> {
        let convention = function.convention();
        if convention.int_args.is_empty() {
            let span = function.compiled.function.span;
            let message =
                format!("C has no way to call a function of the convention `{}`", convention.flag);
            let diagnostic = Diagnostic::new(Code::NotOutsideRust, span, message);
            diagnostics
                .push(diagnostic.help("leave out -emit-c-header, or name another one with -mabi"));
            return None;
        }
        let signature = &function.decl.signature;
        let param =
            |param: &ast::Param| (identifier(&name_text(&param.name)), CType::of(&param.ty.tokens));
        Some(Prototype {
            function,
            params: signature.params.iter().map(param).collect(),
            result: CType::of(&signature.result.tokens),
        })
    }

    /// What the function is called in C: its symbol, where that can be a name.
    fn name(&self) -> String {
        let symbol = &self.function.symbol;
        if is_identifier(symbol) {
            symbol.clone()
        } else {
            identifier(&self.function.compiled.function.name)
        }
    }

    /// The macro before its name.
    fn convention(&self, module: &Module) -> Option<&'static str> {
        let convention = self.function.convention();
        let is_plain = convention.name == "sysv64"
            && convention == module.target.convention
            && matches!(self.function.decl.abi, None | Some((ast::Abi::C, _)));
        convention_macro(convention.name).filter(|_| !is_plain)
    }

    /// All types of the signature, to their innermost parts.
    fn visit(&self, see: &mut dyn FnMut(&CType)) {
        self.params.iter().for_each(|(_, ty)| ty.visit(see));
        self.result.visit(see);
    }

    fn write(&self, module: &Module, text: &mut String) {
        let mut is_wide = false;
        self.visit(&mut |ty| {
            is_wide |= matches!(ty, CType::Named(name) if name.ends_with("int128"));
        });
        text.push('\n');
        if is_wide {
            text.push_str("#ifdef __SIZEOF_INT128__\n");
        }
        self.write_prototype(module, text);
        if is_wide {
            text.push_str("#endif\n");
        }
    }

    fn write_prototype(&self, module: &Module, text: &mut String) {
        let name = self.name();
        let mut result = match &self.result {
            CType::Pair(a, b) => {
                let (first, second) = (a.declare("first"), b.declare("second"));
                let _ = writeln!(text, "typedef struct {name}_result {{");
                let _ = writeln!(text, "    {first};\n    {second};\n}} {name}_result;\n");
                format!("{name}_result")
            }
            _ => String::new(),
        };
        documentation(text, &self.function.decl.rust_attrs);
        let attribute = self.convention(module).map_or(String::new(), |name| format!("{name} "));
        let params: Vec<String> = self.params.iter().map(|(name, ty)| ty.declare(name)).collect();
        let params = if params.is_empty() { "void".to_string() } else { params.join(", ") };
        let declarator = format!("{attribute}{name}({params})");
        result = match result.is_empty() {
            true => self.result.declare_result(&declarator),
            false => format!("{result} {declarator}"),
        };
        let symbol = &self.function.symbol;
        let label = match *symbol == name {
            true => String::new(),
            false => {
                format!(" PEACH_SYMBOL(\"{}\")", symbol.replace('\\', "\\\\").replace('"', "\\\""))
            }
        };
        let _ = writeln!(text, "{result}{label};");
    }
}

/// The documentation of a kernel as a comment.
fn documentation(text: &mut String, attributes: &[TokenStream]) {
    let lines: Vec<String> = attributes.iter().filter_map(doc_text).collect();
    let lines: Vec<&str> = lines.iter().flat_map(|line| line.lines().map(str::trim_end)).collect();
    match lines.as_slice() {
        [] => {}
        [line] => {
            let _ = writeln!(text, "/** {} */", comment_text(line.trim()));
        }
        _ => {
            text.push_str("/**\n");
            for line in lines {
                let _ = writeln!(text, "{}", format!(" *{}", comment_text(line)).trim_end());
            }
            text.push_str(" */\n");
        }
    }
}

/// The text of `#[doc = "…"]`.
pub(crate) fn doc_text(attribute: &TokenStream) -> Option<String> {
    let inside = attribute.clone().into_iter().find_map(|token| match token {
        TokenTree::Group(group) => Some(group.stream()),
        _ => None,
    })?;
    let mut tokens = inside.into_iter();
    match (tokens.next()?, tokens.next()?, tokens.next()?) {
        (TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Literal(text))
            if name == "doc" =>
        {
            crate::syntax::string_value(&text)
        }
        _ => None,
    }
}

/// Text that does not end a comment, and starts none.
fn comment_text(text: &str) -> String {
    text.replace("*/", "* /").replace("/*", "/ *")
}

/// The headers that the types come from.
fn includes(text: &mut String, prototypes: &[Prototype<'_>]) {
    type Header = (&'static str, fn(&str) -> bool);
    const HEADERS: [Header; 4] = [
        ("stdbool.h", |name| name == "bool"),
        ("stddef.h", |name| matches!(name, "size_t" | "ptrdiff_t")),
        ("stdint.h", |name| name.ends_with("_t") && !matches!(name, "size_t" | "ptrdiff_t")),
        ("immintrin.h", |name| name.starts_with("__m")),
    ];
    let mut due = [false; HEADERS.len()];
    let mut see = |ty: &CType| {
        let is_slice = matches!(ty, CType::Slice(..));
        let name = if let CType::Named(name) = ty { name } else { "" };
        for (due, (header, has)) in due.iter_mut().zip(HEADERS) {
            *due |= has(name) || is_slice && header == "stddef.h";
        }
    };
    prototypes.iter().for_each(|prototype| prototype.visit(&mut see));
    for (due, (header, _)) in due.iter().zip(HEADERS) {
        if *due {
            let _ = writeln!(text, "#include <{header}>");
        }
    }
    if due.contains(&true) {
        text.push('\n');
    }
}

/// Macros, as far as the prototypes use them.
fn macros(text: &mut String, module: &Module, prototypes: &[Prototype<'_>]) {
    let mut used: Vec<&str> = prototypes.iter().filter_map(|p| p.convention(module)).collect();
    let mut wide = false;
    for prototype in prototypes {
        prototype.visit(&mut |ty| match ty {
            CType::Function { abi: Some(abi), .. } => used.extend(convention_macro(abi)),
            CType::Named(name) => wide |= name.ends_with("int128"),
            _ => {}
        });
    }
    for (name, attribute, own) in [
        ("PEACH_MS_ABI", "ms_abi", "defined(_WIN32) || defined(__CYGWIN__)"),
        ("PEACH_SYSV_ABI", "sysv_abi", "!defined(_WIN32) && !defined(__CYGWIN__)"),
    ] {
        if used.contains(&name) {
            let _ = writeln!(
                text,
                "#ifndef {name}\n#if {own}\n#define {name}\n#else\n\
                 #define {name} __attribute__(({attribute}))\n#endif\n#endif\n"
            );
        }
    }
    if wide {
        text.push_str(
            "#if defined(__SIZEOF_INT128__) && !defined(PEACH_INT128)\n#define PEACH_INT128\n\
             __extension__ typedef __int128 peach_int128;\n\
             __extension__ typedef unsigned __int128 peach_uint128;\n#endif\n\n",
        );
    }
    if prototypes.iter().any(|prototype| prototype.name() != prototype.function.symbol) {
        text.push_str(
            "#ifndef PEACH_SYMBOL\n#define PEACH_STRING_OF(text) #text\n\
             #define PEACH_STRING(text) PEACH_STRING_OF(text)\n\
             #define PEACH_SYMBOL(name) __asm__(PEACH_STRING(__USER_LABEL_PREFIX__) name)\n\
             #endif\n\n",
        );
    }
}

/// Whether C and C++ take it as a name.
fn is_identifier(name: &str) -> bool {
    let is_part = |ch: char| ch.is_ascii_alphanumeric() || ch == '_';
    let starts = !name.starts_with(|ch: char| ch.is_ascii_digit());
    !name.is_empty() && starts && name.chars().all(is_part) && !KEYWORDS.contains(&name)
}

/// A name that C and C++ take.
fn identifier(name: &str) -> String {
    if is_identifier(name) {
        return name.to_string();
    }
    let is_part = |ch: char| if ch.is_ascii_alphanumeric() { ch } else { '_' };
    name.chars().map(is_part).collect::<String>() + "_"
}

/// The keywords of C23 and C++23, and what their headers define as such.
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case",
    "catch", "char", "char16_t", "char32_t", "char8_t", "class", "co_await", "co_return", "co_yield",
    "compl", "concept", "const", "const_cast", "consteval", "constexpr", "constinit", "continue",
    "decltype", "default", "delete", "do", "double", "dynamic_cast", "else", "enum", "explicit",
    "export", "extern", "false", "float", "for", "friend", "goto", "if", "inline", "int", "long",
    "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr", "operator", "or", "or_eq",
    "private", "protected", "public", "register", "reinterpret_cast", "requires", "restrict", "return",
    "short", "signed", "sizeof", "static", "static_assert", "static_cast", "struct", "switch",
    "template", "this", "thread_local", "throw", "true", "try", "typedef", "typeid", "typename",
    "typeof", "typeof_unqual", "union", "unsigned", "using", "virtual", "void", "volatile", "wchar_t",
    "while", "xor", "xor_eq",
];
