//! Items: kernels with their signatures and attributes, helpers, fallbacks, families.

use super::{Block, Const, ConstFn, Expr, Helper, Name, Table, Type, name_text};
use crate::diagnostics::{Place, Reported};
use crate::sorted;
use crate::syntax::{Origins, tokens_text};
use proc_macro2::{Span, TokenStream};

/// The contents of one `peach_fn!`, or of a bare kernel file.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// In source order.
    pub items: Vec<Item>,
    /// Where names come from, for those that a macro was given.
    pub origins: Origins,
    /// Names in items that were in error and left out: what is undefined may have been among them.
    pub skipped: Vec<(String, Reported)>,
}

/// What is allowed at the top level.
#[derive(Clone, Debug)]
pub enum Item {
    /// A kernel.
    Kernel(Box<Kernel>),
    /// `#[fallback] fn name(…) { … }`.
    Fallback(Box<Fallback>),
    /// `inline fn` or `local fn`.
    Helper(Box<Helper>),
    /// `const NAME = expr;`
    Const(Const),
    /// `const fn`.
    ConstFn(Box<ConstFn>),
    /// `const NAME: [T; N] = …;`
    Table(Table),
    /// `for B in … { items }`.
    Family(Family),
}

/// A kernel.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// What the language's own attributes say.
    pub attrs: KernelAttrs,
    /// All other attributes but `#[cfg]`, and doc comments, to be carried to the Rust item.
    pub rust_attrs: Vec<TokenStream>,
    /// Under which conditions it exists, as its attributes say.
    pub conditions: Conditions,
    /// `pub`, `pub(crate)`, nothing.
    pub vis: TokenStream,
    /// The `unsafe` of `unsafe fn`.
    pub unsafety: Option<Span>,
    /// `extern "abi"`; `extern` alone is `"C"`.
    pub abi: Option<(Abi, Span)>,
    /// Name, parameters, result.
    pub signature: Signature,
    /// The statements.
    pub body: Block,
    /// Something in it was in error: it gets its item, but no code.
    pub reported: Option<Reported>,
    /// Names in statements that were in error and left out of the body.
    pub skipped: Vec<(String, Reported)>,
}

/// The predicates of an item's `#[cfg]`s: it exists where all of them hold.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// One for each attribute.
    pub predicates: Vec<TokenStream>,
    /// The first attribute.
    pub place: Option<Place>,
}

impl Conditions {
    /// Whether the item always exists.
    pub fn is_empty(&self) -> bool {
        self.predicates.is_empty()
    }

    /// What is equal for items that exist under the same conditions, as far as their text tells.
    pub fn key(&self) -> Vec<String> {
        let mut key: Vec<String> = self.predicates.iter().map(tokens_text).collect();
        sorted::sort(&mut key);
        key.dedup();
        key
    }
}

impl Kernel {
    /// The symbol that `#[export_name]` says, or `#[no_mangle]`.
    pub fn exported_name(&self) -> Option<String> {
        let named = self.attrs.export_name.as_ref().map(|(name, _)| name.clone());
        named.or_else(|| self.attrs.no_mangle.map(|_| name_text(&self.signature.name)))
    }
}

/// The attributes that the language owns.
#[derive(Clone, Debug, Default)]
pub struct KernelAttrs {
    /// `#[target_feature(enable = "a,b")]`, one entry per name.
    pub target_features: Vec<(String, Span)>,
    /// `#[target_cpu = "…"]`.
    pub target_cpu: Option<(String, Span)>,
    /// `#[version(…)]`, in order.
    pub versions: Vec<VersionAttr>,
    /// `#[embed = "…"]`.
    pub embed: Option<(Embed, Span)>,
    /// `#[spill]`.
    pub spill: bool,
    /// `#[endbr64]`.
    pub endbr64: bool,
    /// `#[vzeroupper = false]`.
    pub vzeroupper: Option<bool>,
    /// `#[export_name = "…"]`.
    pub export_name: Option<(String, Span)>,
    /// `#[no_mangle]`.
    pub no_mangle: Option<Span>,
    /// `#[linkage = "weak"]`.
    pub weak: Option<Span>,
    /// `#[alias = "…"]` and `#[weak_alias = "…"]`, in order.
    pub aliases: Vec<Alias>,
}

/// A further symbol of a kernel.
#[derive(Clone, Debug)]
pub struct Alias {
    /// The symbol.
    pub name: String,
    /// Where it is named.
    pub span: Span,
    /// Whether other objects may define it, too.
    pub is_weak: bool,
}

/// Where a kernel's bytes live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Embed {
    /// Mapped by the runtime at first use.
    #[default]
    Map,
    /// In the program's own text section.
    Text,
    /// In each caller, without a call.
    Inline,
}

/// `#[version(enable = "…", V = zmm, W = 64)]`.
#[derive(Clone, Debug)]
pub struct VersionAttr {
    /// The attribute.
    pub span: Span,
    /// One entry per name.
    pub enable: Vec<(String, Span)>,
    /// Values and classes by name. A class is an [`ExprKind::Name`](super::ExprKind::Name).
    pub bindings: Vec<(Name, Expr)>,
}

/// The conventions a kernel can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abi {
    /// The target's own.
    C,
    /// System V.
    SysV64,
    /// Microsoft x64.
    Win64,
}

/// Name, lifetimes, parameters, result.
#[derive(Clone, Debug)]
pub struct Signature {
    /// The kernel's name.
    pub name: Name,
    /// `<'a, 'b: 'a>` with its angle brackets, or nothing.
    pub lifetimes: TokenStream,
    /// Whether a lifetime has bounds (in the list or in a `where` clause).
    pub has_bounds: bool,
    /// `where` clause, or nothing.
    pub where_clause: TokenStream,
    /// In order.
    pub params: Vec<Param>,
    /// `()` if there is none.
    pub result: Type,
    /// Everything after the name, as written.
    pub tokens: TokenStream,
    /// Whether something in it is what kernels cannot have, which has been reported: of the kernel
    /// there is a function with these `tokens`, and nothing else.
    pub is_invalid: bool,
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct Param {
    /// `mut` before it is accepted and means nothing: arguments may be overwritten.
    pub name: Name,
    /// Its type.
    pub ty: Type,
    /// `#[secret]`: the attribute.
    pub secret: Option<Place>,
}

/// An ordinary Rust function to be used where no version is supported.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// Attributes but `#[fallback]` and `#[cfg]`.
    pub rust_attrs: Vec<TokenStream>,
    /// Under which conditions it exists, as its attributes say.
    pub conditions: Conditions,
    /// Visibility.
    pub vis: TokenStream,
    /// `unsafe fn`.
    pub is_unsafe: bool,
    /// Name, parameters, result.
    pub signature: Signature,
    /// From `(` of the parameters to the end of the signature, as written.
    pub signature_tokens: TokenStream,
    /// The body with its braces.
    pub body: TokenStream,
}

/// `for B in range { items }` at the top: the items once per value, with `{B}` in names replaced.
#[derive(Clone, Debug)]
pub struct Family {
    /// The variable.
    pub var: Name,
    /// What it runs over.
    pub range: Expr,
    /// The items, not parsed yet: [`instantiate`](crate::syntax::instantiate) substitutes the value
    /// and parses them.
    pub body: TokenStream,
}
