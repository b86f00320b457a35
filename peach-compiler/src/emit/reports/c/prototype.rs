//! The declaration of one function, with its documentation.
//!
//! In: a function of a module, and its name. Out: C, from C89 and C++98 on.
//! Fails: E0605 for a convention that C has no attribute for.

use super::names::{self, Names, ParamName};
use super::types::{CType, convention_macro};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::emit::linkage::Symbol;
use crate::emit::module::{Dispatched, ModuleFunction};
use crate::emit::{Module, mangling};
use crate::isa::FeatureSet;
use crate::syntax::ast;
use proc_macro2::TokenStream;
use std::fmt::Write;
use syn::parse::Parser;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, MetaNameValue};

/// What a module declares, in source order.
pub(super) enum Declared<'a> {
    /// A function, and what else it is called.
    Function(Prototype<'a>, Vec<Prototype<'a>>),
    /// A function that chooses among others.
    Choice(Choice<'a>),
}

/// A function that chooses among the versions of its kernel.
pub(super) struct Choice<'a> {
    /// What the program calls.
    pub chooser: Prototype<'a>,
    /// What else that is called.
    pub aliases: Vec<Prototype<'a>>,
    /// In the order of preference.
    pub versions: Vec<Prototype<'a>>,
    /// What the program provides for processors that have none of the versions.
    pub fallback: Option<Prototype<'a>>,
}

impl<'a> Declared<'a> {
    /// Everything that `module` declares; a kernel that C cannot call is an error.
    pub fn all(module: &'a Module, diagnostics: &mut Diagnostics) -> Vec<Declared<'a>> {
        let names = Names::of(module, diagnostics);
        let dispatched = module.dispatched();
        let mut choices = dispatched.iter().zip(&names.dispatchers).peekable();
        let mut all = Vec::new();
        for (function, name) in module.functions.iter().zip(&names.functions) {
            if function.dispatcher.is_none() {
                let prototype =
                    Prototype::of(function, &function.symbol, name, Role::Function, &names);
                all.extend(prototype.checked(diagnostics).map(|prototype| {
                    let aliases = prototype.aliases(function.aliases(), &names);
                    Declared::Function(prototype, aliases)
                }));
                continue;
            }
            let is_first =
                |(kernel, _): &(&Dispatched<'_>, _)| std::ptr::eq(kernel.versions[0], function);
            if let Some((kernel, name)) = choices.next_if(is_first) {
                let chooser = Prototype::of(function, kernel.symbol, name, Role::Chooser, &names);
                if let Some(chooser) = chooser.checked(diagnostics) {
                    all.push(Declared::Choice(Choice::of(module, kernel, chooser, &names)));
                }
            }
        }
        all
    }

    /// Every function.
    pub fn prototypes(&self) -> impl Iterator<Item = &Prototype<'a>> {
        let (first, aliases, rest) = match self {
            Declared::Function(function, aliases) => (function, aliases, None),
            Declared::Choice(choice) => (&choice.chooser, &choice.aliases, Some(choice.chosen())),
        };
        std::iter::once(first).chain(aliases).chain(rest.into_iter().flatten())
    }
}

impl<'a> Choice<'a> {
    fn of(
        module: &'a Module,
        kernel: &Dispatched<'a>,
        chooser: Prototype<'a>,
        names: &Names,
    ) -> Choice<'a> {
        let chosen = |function: &'a ModuleFunction, symbol: &str, name: &str, role| {
            let result_name = chooser.result_name.clone();
            Prototype { result_name, ..Prototype::of(function, symbol, name, role, names) }
        };
        let functions = module.functions.iter().zip(&names.functions);
        let versions = functions
            .filter(|(function, _)| kernel.versions.iter().any(|&v| std::ptr::eq(v, *function)))
            .map(|(function, name)| chosen(function, &function.symbol, name, Role::Version))
            .collect();
        let fallback = kernel.needs_fallback(&module.target).then(|| {
            let name = names.beside(format!("{}_fallback", chooser.name));
            chosen(kernel.versions[0], &name, &name, Role::Fallback)
        });
        let aliases = chooser.aliases(kernel.aliases(), names);
        Choice { chooser, aliases, versions, fallback }
    }

    /// What the program calls, by any of its symbols.
    pub fn choosers(&self) -> impl Iterator<Item = &Prototype<'a>> {
        std::iter::once(&self.chooser).chain(&self.aliases)
    }

    /// All that it chooses from, in the order of preference.
    pub fn chosen(&self) -> impl Iterator<Item = &Prototype<'a>> {
        self.versions.iter().chain(&self.fallback)
    }
}

/// What a function is in its module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// A kernel.
    Function,
    /// What chooses among the versions of one.
    Chooser,
    /// One of these.
    Version,
    /// What is chosen where no version is right.
    Fallback,
    /// A function, by another symbol.
    Alias,
}

/// What a function is to C.
pub(super) struct Prototype<'a> {
    /// The kernel, or a version of it.
    pub function: &'a ModuleFunction,
    /// What the function is called in C.
    pub name: String,
    /// What the structure of a pair is called.
    pub result_name: String,
    pub params: Vec<(ParamName, CType)>,
    pub result: CType,
    /// Whether the linker takes another definition, where there is one.
    pub is_weak: bool,
    symbol: String,
    role: Role,
}

impl<'a> Prototype<'a> {
    fn of(
        function: &'a ModuleFunction,
        symbol: &str,
        name: &str,
        role: Role,
        names: &Names,
    ) -> Prototype<'a> {
        let signature = &function.decl.signature;
        let types = signature.params.iter().map(|param| CType::of(&param.ty.tokens));
        Prototype {
            function,
            name: name.to_string(),
            result_name: names.beside(format!("{name}_result")),
            params: names::of_params(&signature.params).into_iter().zip(types).collect(),
            result: CType::of(&signature.result.tokens),
            symbol: symbol.to_string(),
            is_weak: function.decl.attrs.weak.is_some(),
            role,
        }
    }

    /// The same function by further symbols.
    fn aliases<'s>(
        &self,
        symbols: impl Iterator<Item = Symbol<'s>>,
        names: &Names,
    ) -> Vec<Prototype<'a>> {
        let prototype = |Symbol { name: symbol, is_weak, .. }: Symbol<'_>| {
            let name = &names.aliases[symbol];
            let result_name = self.result_name.clone();
            let alias = Prototype::of(self.function, symbol, name, Role::Alias, names);
            Prototype { result_name, is_weak, ..alias }
        };
        symbols.map(prototype).collect()
    }

    /// `None`, with an error, for a kernel that C cannot call.
    fn checked(self, diagnostics: &mut Diagnostics) -> Option<Prototype<'a>> {
        let convention = self.function.convention();
        if !convention.int_args.is_empty() {
            return Some(self);
        }
        let message = format!("C cannot call a function with the convention `{}`", convention.flag);
        let span = self.function.compiled.function.span;
        diagnostics.push(
            Diagnostic::new(Code::NotOutsideRust, span, message)
                .help("remove -emit-c-header, or choose another convention with -mabi"),
        );
        None
    }

    /// Whether C has another name for it than linkers.
    pub fn is_renamed(&self) -> bool {
        self.name != self.symbol
    }

    /// Whether libraries export it: a kernel as its author says, an alias always.
    pub fn is_exported(&self) -> bool {
        self.role == Role::Alias || self.function.has_public_name()
    }

    /// The macro before its name.
    pub fn convention(&self, module: &Module) -> Option<&'static str> {
        let convention = self.function.convention();
        let is_plain = convention.name == "sysv64"
            && convention == module.target.convention
            && matches!(self.function.decl.abi, None | Some((ast::Abi::C, _)));
        convention_macro(convention.name).filter(|_| !is_plain)
    }

    /// All types of the signature, to their innermost parts.
    pub fn visit(&self, see: &mut dyn FnMut(&CType)) {
        self.params.iter().for_each(|(_, ty)| ty.visit(see));
        self.result.visit(see);
    }

    /// Whether it, or a function that it is given, has integers of 128 bits.
    fn is_wide(&self) -> bool {
        let mut is_wide = false;
        self.visit(&mut |ty| {
            is_wide |= matches!(ty, CType::Named(name) if name.ends_with("int128"));
        });
        is_wide
    }

    /// Puts what `write` writes where the compiler has all types of the signature.
    pub fn guarded(&self, text: &mut String, write: impl FnOnce(&mut String)) {
        let is_wide = self.is_wide();
        if is_wide {
            text.push_str("#ifdef __SIZEOF_INT128__\n");
        }
        write(text);
        if is_wide {
            text.push_str("#endif\n");
        }
    }

    /// Writes the declaration.
    pub fn write(&self, module: &Module, text: &mut String) {
        text.push('\n');
        if self.has_wide_microsoft_result(module) {
            let name = &self.name;
            let _ = writeln!(
                text,
                "#if defined(__GNUC__) && !defined(__clang__)\n\
                 #error \"{name}: gcc takes vectors of 32 and 64 bytes from memory under \
                 Microsoft's convention; clang and MSVC take them from ymm0 and zmm0, which is \
                 where they are\"\n#endif"
            );
        }
        self.guarded(text, |text| self.write_prototype(module, text));
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
        if let (CType::Pair(a, b), Role::Function | Role::Chooser) = (&self.result, self.role) {
            let (first, second) = (a.declare("first"), b.declare("second"));
            let result_name = &self.result_name;
            let _ = writeln!(text, "typedef struct {result_name} {{");
            let _ = writeln!(text, "    {first};\n    {second};\n}} {result_name};\n");
        }
        documentation(text, &self.documentation(module));
        let attribute = self.convention(module).map_or(String::new(), |name| format!("{name} "));
        let params = self.params_named(|name| name.value.clone(), |len, _| len.to_string());
        let declaration = self.declare(&format!("{attribute}{}({params})", self.name));
        let symbol = &self.symbol;
        let label = match self.is_renamed() {
            false => String::new(),
            true => {
                format!(" PEACH_SYMBOL(\"{}\")", symbol.replace('\\', "\\\\").replace('"', "\\\""))
            }
        };
        let _ = writeln!(text, "{declaration}{label};");
    }

    /// The parameters' declarations with other names: of a value or a slice's pointer, and of a
    /// slice's length, whose usual name and whose pointer's name it is given.
    pub fn params_named(
        &self,
        mut value: impl FnMut(&ParamName) -> String,
        mut length: impl FnMut(&str, &str) -> String,
    ) -> String {
        let declarations = self.params.iter().map(|(name, ty)| {
            let value = value(name);
            match (ty, &name.len) {
                (CType::Slice(..), Some(len)) => {
                    let len = length(len, &value);
                    ty.declare_slice(&value, &len)
                }
                _ => ty.declare(&value),
            }
        });
        let declarations: Vec<String> = declarations.collect();
        match declarations.is_empty() {
            true => "void".to_string(),
            false => declarations.join(", "),
        }
    }

    /// The declaration of a function with this result.
    pub fn declare(&self, declarator: &str) -> String {
        match &self.result {
            CType::Pair(..) => format!("{} {declarator}", self.result_name),
            result => result.declare_result(declarator),
        }
    }

    /// The lines of its documentation.
    fn documentation(&self, module: &Module) -> Vec<String> {
        let own = self.function.decl.rust_attrs.iter().filter_map(doc_text);
        let own = own.flat_map(|text| lines_of(&text));
        let kernel = &self.function.compiled.function.name;
        match self.role {
            Role::Function => {
                own.chain(processor(mangling::needed(&self.function.compiled))).collect()
            }
            Role::Chooser => own.collect(),
            Role::Version => {
                let title = format!(" A version of {kernel}.");
                let demanded = mangling::demanded(&self.function.compiled, &module.target);
                std::iter::once(title).chain(processor(demanded)).collect()
            }
            Role::Alias => vec![format!(" The same function as {kernel}.")],
            Role::Fallback => vec![
                format!(" Called by {kernel} on processors that have none of its versions."),
                " The program defines it.".to_string(),
            ],
        }
    }
}

fn lines_of(text: &str) -> Vec<String> {
    text.lines().map(|line| line.trim_end().to_string()).collect()
}

/// Which processor code needs, where not every x86-64 will do.
fn processor(needed: FeatureSet) -> Option<String> {
    let beyond = needed.minified().into_iter();
    let beyond = beyond.filter(|feature| !FeatureSet::baseline().contains(*feature));
    let names: Vec<&str> = beyond.map(|feature| feature.name()).collect();
    (!names.is_empty()).then(|| format!(" Needs a processor with {}.", names.join(", ")))
}

/// Lines as a comment.
fn documentation(text: &mut String, lines: &[String]) {
    match lines {
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
pub(super) fn comment_text(text: &str) -> String {
    text.replace("*/", "* /").replace("/*", "/ *")
}
