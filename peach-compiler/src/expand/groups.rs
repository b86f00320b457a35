//! Which kernels and fallbacks are one function.
//!
//! In: the items. Out: [`Group`]s. Kernels with one name and the same `#[cfg]`s are versions of one
//! function; those with different ones are alternatives, and rustc decides which of them exists. A
//! fallback belongs to the kernels with its `#[cfg]`s; one without any, to all of its name, and is
//! alone where none of them exists. Fails: versions that differ in their signature, fallbacks
//! without kernels.

use super::names::Symbol;
use super::{Alternative, Expander, LoneFallback};
use crate::diagnostics::{Code, Diagnostic};
use crate::syntax::ast::{self, Block, Fallback, Item, Kernel, Signature};
use std::collections::HashMap;

/// What the kernels and fallbacks of a program come to.
pub(super) struct Groups<'a> {
    /// In the order of the first kernel of each.
    pub(super) kernels: Vec<Group<'a>>,
    pub(super) fallbacks: Vec<LoneFallback>,
}

/// The kernels and the fallback of one function.
pub(super) struct Group<'a> {
    pub(super) kernels: Vec<&'a Kernel>,
    /// The groups before it that have the same name.
    pub(super) alternatives: Vec<Alternative>,
    pub(super) fallback: Option<&'a Fallback>,
    pub(super) has_errors: bool,
}

impl<'a> Group<'a> {
    fn new(alternatives: Vec<Alternative>) -> Group<'a> {
        Group { kernels: Vec::new(), alternatives, fallback: None, has_errors: false }
    }

    /// The first kernel, among those of its name.
    fn alternative(&self) -> Alternative {
        let Kernel { signature, conditions, .. } = self.kernels[0];
        Alternative { name: signature.name.clone(), conditions: conditions.clone() }
    }
}

/// Groups by what decides to which an item belongs.
#[derive(Default)]
struct Index {
    by_name: HashMap<Symbol, Vec<usize>>,
    by_conditions: HashMap<(Symbol, Vec<String>), usize>,
}

impl<'a> Expander<'a, '_> {
    /// Gathers the kernels by name and conditions, then the fallbacks.
    pub(super) fn groups(&mut self, items: &[&'a Item]) -> Groups<'a> {
        let mut groups = Groups { kernels: Vec::new(), fallbacks: Vec::new() };
        let mut index = Index::default();
        for item in items {
            if let Item::Kernel(kernel) = item {
                self.group_kernel(kernel, &mut groups.kernels, &mut index);
            }
        }
        for item in items {
            if let Item::Fallback(fallback) = item {
                self.group_fallback(fallback, &mut groups, &index);
            }
        }
        groups
    }

    fn group_kernel(&mut self, kernel: &'a Kernel, groups: &mut Vec<Group<'a>>, index: &mut Index) {
        let symbol = self.names.symbol(&kernel.signature.name);
        let of_name = index.by_name.entry(symbol).or_default();
        let key = (symbol, kernel.conditions.key());
        let at = *index.by_conditions.entry(key).or_insert_with(|| {
            let alternatives = of_name.iter().map(|&at| groups[at].alternative()).collect();
            groups.push(Group::new(alternatives));
            of_name.push(groups.len() - 1);
            groups.len() - 1
        });
        groups[at].kernels.push(kernel);
    }

    fn group_fallback(&mut self, fallback: &'a Fallback, groups: &mut Groups<'a>, index: &Index) {
        let symbol = self.names.symbol(&fallback.signature.name);
        let Some(of_name) = index.by_name.get(&symbol) else {
            self.fallback_without_kernel(fallback);
            return;
        };
        let kernels = &mut groups.kernels;
        if !fallback.conditions.is_empty() {
            match index.by_conditions.get(&(symbol, fallback.conditions.key())) {
                Some(&at) => self.add_fallback(&mut kernels[at], fallback),
                None => self.fallback_under_other_conditions(fallback, &kernels[of_name[0]]),
            }
            return;
        }
        for &at in of_name {
            self.add_fallback(&mut kernels[at], fallback);
        }
        let of_name: Vec<&Group<'a>> = of_name.iter().map(|&at| &kernels[at]).collect();
        groups.fallbacks.extend(lone(fallback, &of_name));
    }

    fn fallback_without_kernel(&mut self, fallback: &Fallback) {
        let name = &fallback.signature.name;
        self.error(
            Diagnostic::new(
                Code::DuplicateItem,
                name.span(),
                format!("there is a fallback for `{name}`, but no kernel with that name"),
            )
            .help("write the kernel in the same `peach_fn!`, or an ordinary `fn` outside of it"),
        );
    }

    fn fallback_under_other_conditions(&mut self, fallback: &Fallback, group: &Group<'a>) {
        let name = &fallback.signature.name;
        let kernel = &group.kernels[0].signature.name;
        let place = fallback.conditions.place.unwrap_or(name.span().into());
        self.error(
            Diagnostic::new(
                Code::DuplicateItem,
                place,
                format!("no kernel `{name}` has the `#[cfg]` of this fallback"),
            )
            .label(kernel.span(), "a kernel with that name")
            .note("a fallback without `#[cfg]` belongs to all kernels with its name")
            .help("remove it, or give a kernel the same one, spelled the same"),
        );
    }

    fn add_fallback(&mut self, group: &mut Group<'a>, fallback: &'a Fallback) {
        let first = group.kernels[0];
        let name = &fallback.signature.name;
        if let Some(other) = group.fallback {
            self.error(
                Diagnostic::new(
                    Code::DuplicateItem,
                    name.span(),
                    format!("duplicate fallback for `{name}`"),
                )
                .label(other.signature.name.span(), "the first one"),
            );
            return;
        }
        group.fallback = Some(fallback);
        let same = same_signature(&fallback.signature, &first.signature)
            && fallback.is_unsafe == first.unsafety.is_some()
            && fallback.vis.to_string() == first.vis.to_string();
        if !same {
            group.has_errors = true;
            self.different(name, &first.signature.name, "the fallback", "the kernel");
        }
    }

    /// Reports the parameters of a version that are `#[secret]` and in the first version are not,
    /// or the other way round. Whether there are any.
    pub(super) fn has_other_secrets(&mut self, kernel: &Kernel, first: &Kernel) -> bool {
        let mut differ = false;
        for (param, other) in kernel.signature.params.iter().zip(&first.signature.params) {
            let (place, help) = match (param.secret, other.secret) {
                (Some(place), None) => (place, "remove it here, or mark the argument there too"),
                (None, Some(_)) => (param.name.span().into(), "write `#[secret]` before it"),
                (Some(_), Some(_)) | (None, None) => continue,
            };
            differ = true;
            let (here, there) = match param.secret {
                Some(_) => ("is", "is not"),
                None => ("is not", "is"),
            };
            let (name, of) = (&param.name, &kernel.signature.name);
            let message =
                format!("`{name}` {here} `#[secret]`, and in another version of `{of}` {there}");
            self.error(
                Diagnostic::new(Code::DuplicateItem, place, message)
                    .label(other.name.span(), format!("here it {there}"))
                    .note("all versions of a kernel keep the same arguments secret")
                    .help(help),
            );
        }
        differ
    }

    /// Says that two items cannot be one function.
    pub(super) fn different(
        &mut self,
        name: &ast::Name,
        first: &ast::Name,
        this: &str,
        that: &str,
    ) {
        self.error(
            Diagnostic::new(
                Code::DuplicateItem,
                name.span(),
                format!("{this} of `{name}` differs from {that} in signature or visibility"),
            )
            .label(first.span(), format!("{that} is here"))
            .note(
                "kernels with the same name are versions of one function: their types, `unsafe`, \
                 convention and visibility must be equal",
            ),
        );
    }
}

/// The fallback as it stands where no kernel of its name exists, if there may be such a place.
fn lone(fallback: &Fallback, groups: &[&Group<'_>]) -> Option<LoneFallback> {
    let always = |group: &&Group<'_>| group.kernels[0].conditions.is_empty();
    if groups.iter().any(always) || groups.iter().any(|group| group.has_errors) {
        return None;
    }
    Some(LoneFallback {
        decl: without_body(groups[0].kernels[0]),
        fallback: fallback.clone(),
        alternatives: groups.iter().map(|group| group.alternative()).collect(),
    })
}

/// Whether two signatures are of one function: the names of parameters do not matter.
fn same_signature(a: &Signature, b: &Signature) -> bool {
    a.params.len() == b.params.len()
        && a.params
            .iter()
            .zip(&b.params)
            .all(|(x, y)| x.ty.tokens.to_string() == y.ty.tokens.to_string())
        && a.result.tokens.to_string() == b.result.tokens.to_string()
        && a.lifetimes.to_string() == b.lifetimes.to_string()
        && a.where_clause.to_string() == b.where_clause.to_string()
}

/// Whether two kernels can be versions of one function.
pub(super) fn same_kernel(a: &Kernel, b: &Kernel) -> bool {
    same_signature(&a.signature, &b.signature)
        && a.unsafety.is_some() == b.unsafety.is_some()
        && a.abi.map(|(abi, _)| abi) == b.abi.map(|(abi, _)| abi)
        && a.vis.to_string() == b.vis.to_string()
}

/// The declaration of a kernel, for the items that are generated.
pub(super) fn without_body(kernel: &Kernel) -> Kernel {
    Kernel {
        attrs: kernel.attrs.clone(),
        rust_attrs: kernel.rust_attrs.clone(),
        conditions: kernel.conditions.clone(),
        vis: kernel.vis.clone(),
        unsafety: kernel.unsafety,
        abi: kernel.abi,
        signature: kernel.signature.clone(),
        body: Block { statements: Vec::new(), span: kernel.body.span },
        reported: kernel.reported,
        skipped: Vec::new(),
    }
}
