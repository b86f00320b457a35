//! By which symbols linkers find a kernel.
//!
//! In: the attributes of a kernel, and what is known of it in its module. Out: [`Symbol`]s.
//! Fails: E0003 where Go's linker is to find it by several symbols, or by a weak one.
//!
//! | attribute | symbol |
//! |---|---|
//! | `#[export_name = "…"]`, `#[no_mangle]` | the kernel's own, exported |
//! | `#[linkage = "weak"]` | the kernel's own; another object may define it, too, and is preferred |
//! | `#[alias = "…"]`, `#[weak_alias = "…"]` | a further one, exported |

use crate::abi::Frames;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::emit::module::{Dispatched, ModuleFunction};
use crate::syntax::ast;

/// A symbol that a function is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// Without what an object format puts before it.
    pub name: &'a str,
    /// Whether programs and libraries that are linked from the object export it.
    pub is_public: bool,
    /// Whether the linker takes another definition, where there is one.
    pub is_weak: bool,
}

impl ModuleFunction {
    /// The symbol of the function itself. Of a kernel with a dispatcher, that is exported, and not
    /// its versions.
    pub fn own_symbol(&self) -> Symbol<'_> {
        match self.dispatcher {
            Some(_) => Symbol { name: &self.symbol, is_public: false, is_weak: false },
            None => self.kernel_symbol(&self.symbol),
        }
    }

    /// The symbol `name` of the kernel whose version it may be.
    fn kernel_symbol<'a>(&self, name: &'a str) -> Symbol<'a> {
        let (is_public, is_weak) = (self.has_public_name(), self.decl.attrs.weak.is_some());
        Symbol { name, is_public, is_weak }
    }

    /// Its further symbols. Those of a kernel with a dispatcher are the dispatcher's.
    pub fn aliases(&self) -> impl Iterator<Item = Symbol<'_>> {
        let has_own = self.dispatcher.is_none();
        aliases(&self.decl).filter(move |_| has_own)
    }

    /// All of them, its own first.
    pub fn symbols(&self) -> impl Iterator<Item = Symbol<'_>> {
        std::iter::once(self.own_symbol()).chain(self.aliases())
    }

    /// Whether the kernel is exported, whose version it may be, as those of rustc are: it is `pub`,
    /// without a restriction, or has a name for linkers.
    pub fn has_public_name(&self) -> bool {
        self.decl.vis.to_string().trim() == "pub" || self.is_named_for_linkers()
    }

    /// Whether its author says what linkers find it by.
    pub fn is_named_for_linkers(&self) -> bool {
        self.decl.exported_name().is_some()
    }
}

impl Dispatched<'_> {
    /// Its further symbols.
    pub fn aliases(&self) -> impl Iterator<Item = Symbol<'_>> {
        aliases(&self.versions[0].decl)
    }

    /// All symbols of the function that chooses, its own first.
    pub fn symbols(&self) -> impl Iterator<Item = Symbol<'_>> {
        std::iter::once(self.versions[0].kernel_symbol(self.symbol)).chain(self.aliases())
    }
}

fn aliases(decl: &ast::Kernel) -> impl Iterator<Item = Symbol<'_>> {
    decl.attrs.aliases.iter().map(|alias| Symbol {
        name: &alias.name,
        is_public: true,
        is_weak: alias.is_weak,
    })
}

/// Go's linker takes functions by one name each, of which there is one definition.
pub(super) fn check(function: &ModuleFunction, diagnostics: &mut Diagnostics) {
    if function.convention().frames != Frames::Go {
        return;
    }
    let attrs = &function.decl.attrs;
    let weak = attrs.weak.map(|at| (at, "Go's linker has no weak functions"));
    let aliases = attrs.aliases.iter();
    let aliases = aliases.map(|alias| (alias.span, "Go's linker has no aliases of functions"));
    for (at, message) in weak.into_iter().chain(aliases) {
        let help = "remove it, or keep it for other languages: declare another function in Go";
        diagnostics.push(Diagnostic::new(Code::BadAttribute, at, message).help(help));
    }
}
