//! C and C++ headers.
//!
//! In: a [`Module`]. Out: a header that compiles by itself, in C from C99 and in C++ from C++11 on:
//! includes as far as they are due, a prototype for every kernel with its documentation.
//! Fails: E0605 for a convention that C has no attribute for.
//!
//! Types are those of [`c_types`](crate::emit::c_types). A pair is a structure `NAME_result`. The
//! convention's attribute is behind a macro that is empty where the convention is the platform's
//! own.

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::emit::Module;
use crate::emit::c_names::{self, ParamName};
use crate::emit::c_types::{CType, convention_macro};
use crate::emit::mangling;
use crate::emit::module::ModuleFunction;
use crate::isa::FeatureSet;
use crate::syntax::ast;
use proc_macro2::TokenStream;
use std::fmt::Write;
use syn::parse::Parser;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, MetaNameValue};

/// The header of a module.
pub fn header(module: &Module, diagnostics: &mut Diagnostics) -> String {
    let names = c_names::of_functions(module, diagnostics);
    let functions = module.functions.iter().zip(&names);
    let prototypes: Vec<Prototype<'_>> = functions
        .filter_map(|(function, name)| Prototype::of(function, name, &names, diagnostics))
        .collect();
    let mut text = format!(
        "/* Made by peach {} from {} */\n\n#pragma once\n\n",
        env!("CARGO_PKG_VERSION"),
        comment_text(&module.source)
    );
    includes(&mut text, &prototypes);
    macros(&mut text, module, &prototypes);
    let has_bool = has_bool(&prototypes);
    if has_bool {
        let quiet = "#pragma clang diagnostic push\n\
                     #pragma clang diagnostic ignored \"-Wc99-extensions\"\n";
        let _ = writeln!(text, "{C89_CLANG}\n{quiet}#endif\n");
    }
    text.push_str("#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    for prototype in &prototypes {
        prototype.write(module, &mut text);
    }
    text.push_str("\n#ifdef __cplusplus\n}\n#endif\n");
    if has_bool {
        let _ = writeln!(text, "\n{C89_CLANG}\n#pragma clang diagnostic pop\n#endif");
    }
    text
}

/// In C89 clang has `stdbool.h`, and complains of what it defines.
const C89_CLANG: &str =
    "#if defined(__clang__) && !defined(__cplusplus) && !defined(__STDC_VERSION__)";

fn has_bool(prototypes: &[Prototype<'_>]) -> bool {
    let mut found = false;
    let mut see = |ty: &CType| found |= *ty == CType::Named("bool");
    prototypes.iter().for_each(|prototype| prototype.visit(&mut see));
    found
}

/// What a kernel is to C.
struct Prototype<'a> {
    function: &'a ModuleFunction,
    /// What the function is called in C.
    name: &'a str,
    /// What the structure of a pair is called.
    result_name: String,
    params: Vec<(ParamName, CType)>,
    result: CType,
}

impl<'a> Prototype<'a> {
    /// `None`, with an error, for a kernel that C cannot call.
    fn of(
        function: &'a ModuleFunction,
        name: &'a str,
        names: &[String],
        diagnostics: &mut Diagnostics,
    ) -> Option<Prototype<'a>> {
        let convention = function.convention();
        if convention.int_args.is_empty() {
            let span = function.compiled.function.span;
            let message =
                format!("C cannot call a function with the convention `{}`", convention.flag);
            let diagnostic = Diagnostic::new(Code::NotOutsideRust, span, message);
            diagnostics.push(
                diagnostic.help("remove -emit-c-header, or choose another convention with -mabi"),
            );
            return None;
        }
        let signature = &function.decl.signature;
        let types = signature.params.iter().map(|param| CType::of(&param.ty.tokens));
        Some(Prototype {
            function,
            name,
            result_name: c_names::beside(names, format!("{name}_result")),
            params: c_names::of_params(&signature.params).into_iter().zip(types).collect(),
            result: CType::of(&signature.result.tokens),
        })
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
        if self.has_wide_microsoft_result(module) {
            let name = self.name;
            let _ = writeln!(
                text,
                "#if defined(__GNUC__) && !defined(__clang__)\n\
                 #error \"{name}: gcc takes vectors of 32 and 64 bytes from memory under \
                 Microsoft's convention; clang and MSVC take them from ymm0 and zmm0, which is \
                 where they are\"\n#endif"
            );
        }
        if is_wide {
            text.push_str("#ifdef __SIZEOF_INT128__\n");
        }
        self.write_prototype(module, text);
        if is_wide {
            text.push_str("#endif\n");
        }
    }

    /// Whether it, or a function that it is given, returns a vector wider than xmm under
    /// Microsoft's convention. ("x64 calling convention" says nothing of them; arguments, `__m128`
    /// and 128-bit integers are the same in all compilers.)
    fn has_wide_microsoft_result(&self, module: &Module) -> bool {
        let is_wide = |ty: &CType| {
            matches!(ty, CType::Named(name)
            if name.starts_with("__m256") || name.starts_with("__m512"))
        };
        let mut found = self.function.convention().name == "win64" && is_wide(&self.result);
        self.visit(&mut |ty| {
            if let CType::Function { result, abi, .. } = ty {
                let name = abi.as_deref().unwrap_or(module.target.convention.name);
                found |= name == "win64" && is_wide(result);
            }
        });
        found
    }

    fn write_prototype(&self, module: &Module, text: &mut String) {
        let Prototype { name, result_name, .. } = self;
        let mut result = match &self.result {
            CType::Pair(a, b) => {
                let (first, second) = (a.declare("first"), b.declare("second"));
                let _ = writeln!(text, "typedef struct {result_name} {{");
                let _ = writeln!(text, "    {first};\n    {second};\n}} {result_name};\n");
                result_name.clone()
            }
            _ => String::new(),
        };
        documentation(text, &self.function.decl.rust_attrs, &processor(self.function));
        let attribute = self.convention(module).map_or(String::new(), |name| format!("{name} "));
        let params: Vec<String> =
            self.params.iter().map(|(name, ty)| declaration(name, ty)).collect();
        let params = if params.is_empty() { "void".to_string() } else { params.join(", ") };
        let declarator = format!("{attribute}{name}({params})");
        result = match result.is_empty() {
            true => self.result.declare_result(&declarator),
            false => format!("{result} {declarator}"),
        };
        let symbol = &self.function.symbol;
        let label = match symbol == name {
            true => String::new(),
            false => {
                format!(" PEACH_SYMBOL(\"{}\")", symbol.replace('\\', "\\\\").replace('"', "\\\""))
            }
        };
        let _ = writeln!(text, "{result}{label};");
    }
}

/// A parameter; a slice is two.
fn declaration(name: &ParamName, ty: &CType) -> String {
    match (ty, &name.len) {
        (CType::Slice(..), Some(len)) => ty.declare_slice(&name.value, len),
        _ => ty.declare(&name.value),
    }
}

/// Which processor a kernel needs, where not every x86-64 will do.
fn processor(function: &ModuleFunction) -> Option<String> {
    let needed = mangling::needed(&function.compiled).minified();
    let beyond = needed.into_iter().filter(|feature| !FeatureSet::baseline().contains(*feature));
    let names: Vec<&str> = beyond.map(|feature| feature.name()).collect();
    (!names.is_empty()).then(|| format!(" Needs a processor with {}.", names.join(", ")))
}

/// The documentation of a kernel as a comment, and what processor it needs.
fn documentation(text: &mut String, attributes: &[TokenStream], processor: &Option<String>) {
    let lines: Vec<String> = attributes.iter().filter_map(doc_text).collect();
    let lines = lines.iter().flat_map(|line| line.lines().map(str::trim_end));
    let lines: Vec<&str> = lines.chain(processor.as_deref()).collect();
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
    let attributes = Attribute::parse_outer.parse2(attribute.clone()).ok()?;
    match &attributes.first()?.meta {
        Meta::NameValue(MetaNameValue {
            path,
            value: Expr::Lit(ExprLit { lit: Lit::Str(text), .. }),
            ..
        }) if path.is_ident("doc") => Some(text.value()),
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
    if prototypes.iter().any(|prototype| prototype.name != prototype.function.symbol) {
        text.push_str(
            "#ifndef PEACH_SYMBOL\n#define PEACH_STRING_OF(text) #text\n\
             #define PEACH_STRING(text) PEACH_STRING_OF(text)\n\
             #define PEACH_SYMBOL(name) __asm__(PEACH_STRING(__USER_LABEL_PREFIX__) name)\n\
             #endif\n\n",
        );
    }
}
