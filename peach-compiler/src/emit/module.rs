//! What object files, listings, headers and metadata are made of.
//!
//! In: [`Compilation`]s for one [`Target`]. Out: a [`Module`], in which every kernel has one symbol
//! and is one function.
//! Invariants: symbols are distinct; kernels are in source order.
//! Fails: E0004 where two alternatives by `#[cfg]` exist, E0603 where the target's processor lacks
//! what a kernel needs, E0604 where two functions would have the same symbol; as
//! [`outside::resolve`].
//!
//! A kernel with several versions is several functions. For a named processor the first version
//! that it supports is chosen, as in the runtime; without one, all are, and need their own names
//! ([`Naming`]). Where the module has a dispatcher, the kernel's own name is left to the function
//! that chooses among them when the program runs ([`Dispatched`]).

use crate::abi::{Convention, Frames};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::emit::alternatives::both_exist;
use crate::emit::lengths;
use crate::emit::listings::go::Constraint;
use crate::emit::mangling::{self, Named, Naming};
use crate::emit::outside::{self, Outside};
use crate::emit::words::Words;
use crate::expand::KernelGroup;
use crate::ir::RustSymId;
use crate::isa::FeatureSet;
use crate::pipeline::{Compilation, CompiledFunction, CompiledGroup, Target};
use crate::syntax::ast;
use proc_macro2::Span;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Kernels for one target, ready to be written.
#[derive(Debug)]
pub struct Module {
    /// The source file, as the user named it.
    pub source: String,
    /// What the kernels were compiled for.
    pub target: Target,
    /// Further files that functions come from, as they were found, by what the tokens call them
    /// ([`Span::file`]).
    pub included: HashMap<String, String>,
    /// The Go package that the functions are in, where that is known.
    pub package: Option<String>,
    /// The builds that files for Go are for, beside the processor; `None` for those without
    /// `noasm`.
    pub build_tags: Option<Constraint>,
    /// How messages name what the user can ask for.
    pub words: Words,
    /// Who chooses among versions.
    pub dispatch: Dispatch,
    /// In source order.
    pub functions: Vec<ModuleFunction>,
}

/// A kernel's version with its symbol.
#[derive(Debug)]
pub struct ModuleFunction {
    /// The symbol, without what an object format puts before it.
    pub symbol: String,
    /// The modules of the source file that it is in, the outermost first.
    pub modules: Vec<String>,
    /// Signature, attributes, documentation.
    pub decl: ast::Kernel,
    /// The code. Of its patches, only addresses are left.
    pub compiled: CompiledFunction,
    /// What it takes from the program around it.
    pub outside: Outside,
    /// The symbol of the function that chooses it, where a dispatcher does.
    pub dispatcher: Option<String>,
}

impl ModuleFunction {
    /// The calling convention.
    pub fn convention(&self) -> &'static Convention {
        self.compiled.function.convention
    }

    /// Where the kernel is in its file: `linear::dot4`.
    pub fn path(&self) -> String {
        let words = self.modules.iter().chain([&self.compiled.function.name]);
        words.map(String::as_str).collect::<Vec<_>>().join("::")
    }

    /// Whether both are versions of one kernel.
    fn is_same_kernel(&self, other: &ModuleFunction) -> bool {
        self.compiled.function.name == other.compiled.function.name && self.modules == other.modules
    }

    /// The extensions that the kernel may use.
    pub fn features(&self) -> &FeatureSet {
        &self.compiled.function.features
    }
}

/// Who chooses among the versions of a kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dispatch {
    /// The caller, by their symbols.
    #[default]
    None,
    /// A function of the kernel's name, written in C, when the program runs.
    InC,
}

/// A kernel whose version is chosen when the program runs.
#[derive(Clone, Debug)]
pub struct Dispatched<'a> {
    /// The symbol of the function that chooses.
    pub symbol: &'a str,
    /// In the order of preference; at least one.
    pub versions: Vec<&'a ModuleFunction>,
}

impl Dispatched<'_> {
    fn is_of(&self, function: &ModuleFunction) -> bool {
        self.versions[0].is_same_kernel(function)
    }

    /// Whether some processor of the target has none of the versions: then the program has to
    /// provide what is called there.
    pub fn needs_fallback(&self, target: &Target) -> bool {
        let needs_nothing = |version: &&ModuleFunction| !is_conditional(&version.compiled, target);
        !self.versions.iter().any(needs_nothing)
    }
}

/// Whether a version is only for some processors of the target.
fn is_conditional(compiled: &CompiledFunction, target: &Target) -> bool {
    !target.features.contains_all(mangling::demanded(compiled, target))
}

/// What the functions of a module call what they refer to by `sym`.
pub struct Externals<'a> {
    /// The symbol of each kernel, by its modules and its name.
    kernels: HashMap<(&'a [String], &'a str), &'a str>,
    /// The same of the first kernel of each name.
    first: HashMap<&'a str, &'a str>,
}

impl<'a> Externals<'a> {
    /// Of `module`.
    pub fn of(module: &'a Module) -> Externals<'a> {
        let (mut kernels, mut first) = (HashMap::new(), HashMap::new());
        for function in &module.functions {
            let name = function.compiled.function.name.as_str();
            let symbol = function.dispatcher.as_deref().unwrap_or(&function.symbol);
            kernels.entry((function.modules.as_slice(), name)).or_insert(symbol);
            first.entry(name).or_insert(symbol);
        }
        Externals { kernels, first }
    }

    /// The symbol of what `function` refers to: a kernel of its own module, one of another, or
    /// whatever else the linker knows by that name.
    pub fn symbol(&self, function: &'a ModuleFunction, id: RustSymId) -> &'a str {
        let name = function.outside.symbols[id.index()].as_str();
        self.of_kernel(&function.modules, name).unwrap_or(name)
    }

    /// The symbol of the kernel that `name` means in a module of the file.
    fn of_kernel(&self, modules: &[String], name: &str) -> Option<&'a str> {
        let own = self.kernels.get(&(modules, name));
        own.or_else(|| self.first.get(name)).copied()
    }
}

impl Module {
    /// What object files for Go's linker call their functions: by name and content. The linker has
    /// one space of names for the objects of all packages, and an object does not know its
    /// package's path; of two functions with one such name, either will do.
    pub fn object_symbols(&self) -> Vec<String> {
        let symbols = self.functions.iter().map(|function| function.symbol.clone());
        if self.target.convention.frames != Frames::Go {
            return symbols.collect();
        }
        let fingerprint = self.fingerprint();
        symbols.map(|symbol| format!("{symbol}_{fingerprint:032x}")).collect()
    }

    /// A number for the code of all functions and what it calls (FNV-1a, 128 bits).
    fn fingerprint(&self) -> u128 {
        let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        let mut add = |bytes: &[u8]| {
            let length = (bytes.len() as u64).to_le_bytes();
            for byte in length.iter().chain(bytes) {
                hash ^= u128::from(*byte);
                hash = hash.wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
            }
        };
        for function in &self.functions {
            add(function.symbol.as_bytes());
            add(&function.compiled.encoded.bytes);
            function.outside.symbols.iter().for_each(|symbol| add(symbol.as_bytes()));
        }
        hash
    }
}

/// The processor that a module is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processor {
    /// None in particular: every version of every kernel is wanted.
    Any,
    /// One that has the target's extensions: of each kernel, the first version that it supports.
    Named,
}

impl Module {
    /// A module without functions.
    pub fn new(source: impl Into<String>, target: Target) -> Module {
        Module {
            source: source.into(),
            target,
            included: HashMap::new(),
            package: None,
            build_tags: None,
            words: Words::Flags,
            dispatch: Dispatch::default(),
            functions: Vec::new(),
        }
    }

    /// The file that a token is in.
    pub fn file_of(&self, span: Span) -> &str {
        self.included.get(&span.file()).unwrap_or(&self.source)
    }

    /// The kernels whose version is chosen when the program runs, in source order.
    pub fn dispatched(&self) -> Vec<Dispatched<'_>> {
        let mut all: Vec<Dispatched<'_>> = Vec::new();
        for function in &self.functions {
            let Some(symbol) = &function.dispatcher else { continue };
            match all.last_mut().filter(|last| last.is_of(function)) {
                Some(last) => last.versions.push(function),
                None => all.push(Dispatched { symbol, versions: vec![function] }),
            }
        }
        all
    }

    /// Whether the code may run where the processor tracks indirect branches and keeps a shadow
    /// stack: every function starts with `endbr64`, and all of them return to their callers.
    pub fn is_protected(&self) -> bool {
        let starts = |function: &ModuleFunction| function.compiled.function.options.endbr64;
        !self.functions.is_empty() && self.functions.iter().all(starts)
    }

    /// Adds what a `peach_fn!` in these modules of the file compiled to for the module's target.
    /// `#[export_name]` is a symbol as it stands; any other is made by `naming`. Where there is a
    /// dispatcher, `#[export_name]` is its symbol.
    pub fn add(
        &mut self,
        compilation: Compilation,
        modules: &[String],
        processor: Processor,
        naming: &Naming,
        diagnostics: &mut Diagnostics,
    ) {
        check_alternatives(&compilation, diagnostics);
        for group in compilation.kernels {
            if group.source.has_errors {
                continue;
            }
            let CompiledGroup { source, versions, inlined: _ } = group;
            match self.wanted(versions, processor) {
                Ok(versions) => {
                    let versions = self.reachable(versions);
                    let is_dispatched = self.has_choice(&versions);
                    for mut compiled in versions {
                        let Some(outside) = outside::resolve(&mut compiled, diagnostics) else {
                            continue;
                        };
                        let decl = numbered(source.decl.clone(), &compiled);
                        let plain = decl.exported_name();
                        let named = Named { compiled: &compiled, modules, target: &self.target };
                        let version = || naming.version(named);
                        let kernel = || naming.kernel(named);
                        let (symbol, dispatcher) = match self.dispatch {
                            Dispatch::None => (plain.unwrap_or_else(version), None),
                            Dispatch::InC if is_dispatched => {
                                (version(), Some(plain.unwrap_or_else(kernel)))
                            }
                            Dispatch::InC => (plain.unwrap_or_else(kernel), None),
                        };
                        let modules = modules.to_vec();
                        self.functions.push(ModuleFunction {
                            symbol,
                            modules,
                            decl,
                            compiled,
                            outside,
                            dispatcher,
                        });
                    }
                }
                Err(diagnostic) => diagnostics.push(*diagnostic),
            }
        }
        self.check_symbols(diagnostics);
        self.check_references(diagnostics);
    }

    /// Adds one function, under its own name or what `#[export_name]` says.
    pub fn push(
        &mut self,
        decl: ast::Kernel,
        mut compiled: CompiledFunction,
        diagnostics: &mut Diagnostics,
    ) {
        let Some(outside) = outside::resolve(&mut compiled, diagnostics) else { return };
        let decl = numbered(decl, &compiled);
        let symbol = decl.exported_name().unwrap_or_else(|| compiled.function.name.clone());
        self.functions.push(ModuleFunction {
            symbol,
            modules: Vec::new(),
            decl,
            compiled,
            outside,
            dispatcher: None,
        });
        self.check_symbols(diagnostics);
    }

    /// The versions that a dispatcher would ever choose: none after one that all processors have.
    fn reachable(&self, mut versions: Vec<CompiledFunction>) -> Vec<CompiledFunction> {
        let is_for_all = |version: &CompiledFunction| !is_conditional(version, &self.target);
        if let (Dispatch::InC, Some(last)) = (self.dispatch, versions.iter().position(is_for_all)) {
            versions.truncate(last + 1);
        }
        versions
    }

    /// Whether processors of the target run different versions, or some run none.
    fn has_choice(&self, versions: &[CompiledFunction]) -> bool {
        versions.len() > 1 || versions.iter().any(|only| is_conditional(only, &self.target))
    }

    /// The versions that the processor is to have.
    fn wanted(
        &self,
        versions: Vec<CompiledFunction>,
        processor: Processor,
    ) -> Result<Vec<CompiledFunction>, Box<Diagnostic>> {
        if processor == Processor::Any {
            return Ok(versions);
        }
        let missing = |compiled: &CompiledFunction| -> Vec<&'static str> {
            let lacks = |f: &crate::isa::Feature| !self.target.features.contains(*f);
            compiled.function.features.iter().filter(lacks).map(|f| f.name()).collect()
        };
        let Some(fewest) = versions.iter().map(missing).min_by_key(Vec::len) else {
            return Ok(versions);
        };
        if fewest.is_empty() {
            let supported = versions.into_iter().find(|version| missing(version).is_empty());
            return Ok(supported.into_iter().collect());
        }
        let function = &versions[0].function;
        let message = format!("the processor does not support `{}`", function.name);
        let lacking = format!("it lacks {}", fewest.join(", "));
        let options: Vec<String> = fewest.iter().map(|name| self.words.extension(name)).collect();
        let diagnostic =
            Diagnostic::new(Code::WrongProcessor, function.span, message).note(lacking);
        Err(Box::new(diagnostic.help(format!(
            "choose another with {}, or add {}",
            self.words.cpu(),
            options.join(" ")
        ))))
    }

    /// How two functions of one symbol get another each.
    fn other_symbol(&self, first: &ModuleFunction, second: &ModuleFunction) -> String {
        if first.compiled.function.name != second.compiled.function.name {
            return "give one of them another `#[export_name = \"…\"]`".to_string();
        }
        if !first.is_same_kernel(second) && !second.is_named_for_linkers() {
            return format!(
                "they are in different modules: {} has these in each name",
                self.words.mangling("${path}_${isa}")
            );
        }
        // The names for linkers are those of all versions.
        let without = match (second.is_named_for_linkers(), second.aliases().next()) {
            (true, _) => "remove its name for linkers and ",
            (false, Some(_)) => "remove its aliases and ",
            (false, None) => "",
        };
        format!(
            "name a processor with {} to have one version, or {without}give each a name of its own \
             with {}",
            self.words.cpu(),
            self.words.mangling("${name}_${isa}")
        )
    }

    /// A reference to a kernel of which there are several versions is an error where nothing
    /// chooses one when the program runs.
    fn check_references(&self, diagnostics: &mut Diagnostics) {
        let externals = Externals::of(self);
        let mut counts: HashMap<&str, (usize, &ModuleFunction)> = HashMap::new();
        for function in self.functions.iter().filter(|function| function.dispatcher.is_none()) {
            let first = externals.of_kernel(&function.modules, &function.compiled.function.name);
            counts.entry(first.unwrap_or(&function.symbol)).or_insert((0, function)).0 += 1;
        }
        for function in &self.functions {
            for (id, used) in function.compiled.lowered.rust_syms.iter().enumerate() {
                let symbol = externals.symbol(function, RustSymId(id as u32));
                let Some((2.., first)) = counts.get(symbol) else { continue };
                let name = &first.compiled.function.name;
                let message =
                    format!("which version of `{name}` is meant depends on the processor");
                diagnostics.push(
                    Diagnostic::new(Code::NotOutsideRust, used.span, message)
                        .label(first.compiled.function.span, "the kernel")
                        .help(self.words.one_version()),
                );
            }
        }
    }

    /// Two functions of one symbol are an error at the second.
    fn check_symbols(&self, diagnostics: &mut Diagnostics) {
        let dispatched = self.dispatched();
        let chosen = dispatched
            .iter()
            .flat_map(|kernel| kernel.symbols().map(|symbol| (symbol.name, kernel.versions[0])));
        let plain = self
            .functions
            .iter()
            .flat_map(|function| function.symbols().map(move |symbol| (symbol.name, function)));
        let mut first_of: HashMap<&str, &ModuleFunction> = HashMap::new();
        for (symbol, function) in plain.chain(chosen) {
            match first_of.entry(symbol) {
                Entry::Vacant(entry) => {
                    entry.insert(function);
                }
                Entry::Occupied(first) => {
                    let first = first.get();
                    let message = format!("two functions would have the same symbol `{symbol}`");
                    let span = function.compiled.function.span;
                    diagnostics.push(
                        Diagnostic::new(Code::DuplicateSymbol, span, message)
                            .label(first.compiled.function.span, "the first one")
                            .help(self.other_symbol(first, function)),
                    );
                }
            }
        }
    }
}

/// Outside of Rust it is decided already which `#[cfg]`s hold: what is left of a name is one
/// function.
fn check_alternatives(compilation: &Compilation, diagnostics: &mut Diagnostics) {
    for KernelGroup { decl, alternatives, .. } in compilation.kernels.iter().map(|g| &g.source) {
        if let Some(first) = alternatives.first() {
            diagnostics.push(both_exist(&decl.signature.name, &first.name));
        }
    }
}

/// The kernel with numbers for the lengths of arrays: the languages that call it know no others.
fn numbered(mut decl: ast::Kernel, compiled: &CompiledFunction) -> ast::Kernel {
    lengths::put_numbers(&mut decl.signature, &compiled.function);
    decl
}
