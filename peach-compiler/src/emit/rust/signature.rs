//! A kernel's signature in its two forms: the Rust function's, and that of the code.
//!
//! In: the declared signature and the placement of its parts. Out: parameter lists, the function
//! pointer type, and how a Rust value becomes the registers' values and back.
//!
//! In the code's own signature a slice is a pointer and a length, and a pair is a `Pair`. Lifetimes
//! are `for<…>`; those that only a slice had are `'static` there (such a pointer type is unsafe).

use super::{Context, ours};
use crate::abi::{ArgPlace, Placement};
use crate::compiled::CompiledGroup;
use crate::syntax::ast::{self, Type, TypeKind};
use proc_macro2::{Delimiter, Group, Ident, Literal, Punct, Spacing, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote_spanned};

/// A signature with its types as the generated items need them.
pub(super) struct Signature<'a> {
    name: &'a Ident,
    pub(super) params: Vec<Param<'a>>,
    pub(super) result: &'a Type,
    /// `<'a, 'b: 'a>`.
    pub(super) lifetimes: &'a TokenStream,
    pub(super) where_clause: &'a TokenStream,
    /// How `fn name` passes it: the same for all versions; `None` where there are none.
    pub(super) placement: Option<&'a Placement>,
    /// Whether the function pointer type is unsafe.
    pub(super) pointer_is_unsafe: bool,
}

/// A parameter.
pub(super) struct Param<'a> {
    pub(super) name: Ident,
    pub(super) kind: &'a TypeKind,
    /// Its type, and that type's tokens.
    pub(super) declared: &'a Type,
    pub(super) ty: &'a TokenStream,
    /// Where its parts arrive; empty where there are no versions.
    pub(super) places: &'a [ArgPlace],
    /// The path of what the runtime has for generated items.
    pub(super) private: &'a TokenStream,
}

impl<'a> Signature<'a> {
    /// Of `group`, with the types of `signature`.
    pub(super) fn new(
        group: &'a CompiledGroup,
        signature: &'a ast::Signature,
        private: &'a TokenStream,
    ) -> Self {
        let decl = &group.source.decl;
        let called = group.inlined.as_ref().or(group.versions.first());
        let function = called.map(|version| &version.function);
        let placement = function.map(|function| &function.placement);
        let param = |(index, param): (usize, &'a ast::Param)| Param {
            // The code needs what `_` leaves unnamed, too.
            name: match param.name == "_" {
                true => format_ident!("__peach_argument_{index}", span = ours()),
                false => param.name.clone(),
            },
            kind: &param.ty.kind,
            declared: &param.ty,
            ty: &param.ty.tokens,
            private,
            places: placement
                .and_then(|placement| placement.args.get(index))
                .map_or(&[], Vec::as_slice),
        };
        let is_slice = |param: &ast::Param| is_slice(&param.ty.kind);
        Signature {
            name: &signature.name,
            params: signature.params.iter().enumerate().map(param).collect(),
            result: &signature.result,
            lifetimes: &signature.lifetimes,
            where_clause: &signature.where_clause,
            placement,
            pointer_is_unsafe: decl.unsafety.is_some()
                || signature.has_bounds
                || signature.params.iter().any(is_slice),
        }
    }

    /// `(x: &[f32; 4], n: usize) -> f32 where …` of the Rust function.
    pub(super) fn rust_tokens(&self) -> TokenStream {
        let params = self.params.iter().map(|param| {
            let (name, ty) = (&param.name, param.ty);
            quote_spanned!(ours() => #name: #ty)
        });
        let result = (!self.is_unit()).then(|| {
            let ty = &self.result.tokens;
            quote_spanned!(ours() => -> #ty)
        });
        let where_clause = self.where_clause;
        quote_spanned!(self.name.span() => (#(#params),*) #result #where_clause)
    }

    pub(super) fn is_unit(&self) -> bool {
        matches!(self.result.kind, TypeKind::Unit)
    }

    /// The widest vector by value, in bytes; 0 if there is none.
    pub(super) fn widest_vector(&self) -> u32 {
        let width = |kind: &TypeKind| match kind {
            TypeKind::Vector { bytes } => *bytes,
            _ => 0,
        };
        let result = match &self.result.kind {
            TypeKind::Pair(a, b) => width(&a.kind).max(width(&b.kind)),
            kind => width(kind),
        };
        self.params.iter().map(|param| width(param.kind)).fold(result, u32::max)
    }

    /// `for<'a> unsafe extern "sysv64" fn(&'a f32, usize) -> f32`.
    pub(super) fn pointer_type(&self, context: &Context<'_>) -> TokenStream {
        let lifetimes = self.pointer_lifetimes();
        let binder =
            (!lifetimes.is_empty()).then(|| quote_spanned!(ours() => for<#(#lifetimes),*>));
        let unsafety = self.pointer_is_unsafe.then(|| quote_spanned!(ours() => unsafe));
        let abi = abi_string(context);
        let params = self.params.iter().flat_map(code_types);
        let result = self.code_result(context.private);
        quote_spanned! { ours() => #binder #unsafety extern #abi fn(#(#params),*) #result }
    }

    /// ` -> R` as the code returns it.
    pub(super) fn code_result(&self, private: &TokenStream) -> TokenStream {
        let ty = match &self.result.kind {
            TypeKind::Unit => return TokenStream::new(),
            TypeKind::Pair(a, b) => {
                let (a, b) = (&a.tokens, &b.tokens);
                quote_spanned!(ours() => #private::Pair<#a, #b>)
            }
            _ => self.result.tokens.clone(),
        };
        let text = |lifetime: &TokenStream| lifetime.to_string();
        let kept: Vec<String> = self.pointer_lifetimes().iter().map(text).collect();
        let mut lost: Vec<String> = declared_lifetimes(self.lifetimes).iter().map(text).collect();
        lost.retain(|lifetime| !kept.contains(lifetime));
        let elided_is_lost = self.params.iter().any(|param| is_slice(param.kind));
        let ty = with_static_lifetimes(ty, &lost, elided_is_lost);
        quote_spanned!(ours() => -> #ty)
    }

    /// The declared lifetimes that the code's parameters still have.
    fn pointer_lifetimes(&self) -> Vec<TokenStream> {
        let mentioned: String = self
            .params
            .iter()
            .flat_map(code_types)
            .map(|ty| format!("{} ", ty.to_string().replace("' ", "'")))
            .collect();
        declared_lifetimes(self.lifetimes)
            .into_iter()
            .filter(|lifetime| mentions(&mentioned, &lifetime.to_string().replace("' ", "'")))
            .collect()
    }
}

/// `"sysv64"`, as the kernel was declared.
pub(super) fn abi_string(context: &Context<'_>) -> Literal {
    let name = match context.decl().abi {
        Some((ast::Abi::SysV64, _)) => "sysv64",
        Some((ast::Abi::Win64, _)) => "win64",
        Some((ast::Abi::C, _)) | None => "C",
    };
    let mut literal = Literal::string(name);
    literal.set_span(ours());
    literal
}

pub(super) fn is_slice(kind: &TypeKind) -> bool {
    matches!(kind, TypeKind::Slice { .. } | TypeKind::Str)
}

/// The types of a parameter's parts in the code's own signature.
pub(super) fn code_types(param: &Param<'_>) -> Vec<TokenStream> {
    let private = param.private;
    let len = || quote_spanned!(ours() => #private::core::primitive::usize);
    match param.kind {
        TypeKind::Slice { mutable: false, element, .. } => {
            vec![quote_spanned!(ours() => *const #element), len()]
        }
        TypeKind::Slice { mutable: true, element, .. } => {
            vec![quote_spanned!(ours() => *mut #element), len()]
        }
        TypeKind::Str => {
            let byte = quote_spanned!(ours() => #private::core::primitive::u8);
            vec![quote_spanned!(ours() => *const #byte), len()]
        }
        _ => vec![param.ty.clone()],
    }
}

/// The values of a parameter's parts for the code's own signature.
pub(super) fn code_values(param: &Param<'_>) -> Vec<TokenStream> {
    let (name, private) = (&param.name, param.private);
    let slice = |pointer: &str| {
        let pointer = format_ident!("{pointer}", span = ours());
        vec![
            quote_spanned!(ours() => #private::#pointer(#name)),
            quote_spanned!(ours() => #private::slice_len(#name)),
        ]
    };
    match param.kind {
        TypeKind::Slice { mutable: false, .. } => slice("slice_ptr"),
        TypeKind::Slice { mutable: true, .. } => {
            vec![
                quote_spanned!(ours() => #private::slice_ptr_mut(#name)),
                quote_spanned!(ours() => #private::slice_len(#name)),
            ]
        }
        TypeKind::Str => vec![
            quote_spanned!(ours() => #private::str_ptr(#name)),
            quote_spanned!(ours() => #private::str_len(#name)),
        ],
        _ => vec![name.to_token_stream()],
    }
}

/// The lifetimes of `<'a, 'b: 'a>` without their bounds.
fn declared_lifetimes(list: &TokenStream) -> Vec<TokenStream> {
    let tokens: Vec<TokenTree> = list.clone().into_iter().collect();
    let mut lifetimes = Vec::new();
    let mut in_bound = false;
    for pair in tokens.windows(2) {
        match &pair[0] {
            TokenTree::Punct(punct) if punct.as_char() == ':' => in_bound = true,
            TokenTree::Punct(punct) if punct.as_char() == ',' => in_bound = false,
            TokenTree::Punct(punct) if punct.as_char() == '\'' && !in_bound => {
                lifetimes.push(pair.iter().cloned().collect());
            }
            _ => {}
        }
    }
    lifetimes
}

/// Whether `text` has the lifetime as a whole word.
fn mentions(text: &str, lifetime: &str) -> bool {
    text.match_indices(lifetime).any(|(at, _)| {
        let next = text[at + lifetime.len()..].chars().next();
        !next.is_some_and(|next| next.is_alphanumeric() || next == '_')
    })
}

/// `ty` with `'static` for the lifetimes that are `lost`, and (if `elided` too) for those that are
/// left out. What the types of functions in it leave out is their own.
fn with_static_lifetimes(ty: TokenStream, lost: &[String], elided: bool) -> TokenStream {
    let tokens: Vec<TokenTree> = ty.into_iter().collect();
    let mut result = TokenStream::new();
    let mut elided_here = elided;
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        let before = index.checked_sub(1).map(|before| &tokens[before]);
        let next = tokens.get(index + 1);
        match (token, next) {
            (quote, Some(name @ TokenTree::Ident(_))) if is_punct(quote, '\'') => {
                let lifetime = TokenStream::from_iter([quote.clone(), name.clone()]);
                let text = lifetime.to_string();
                match lost.contains(&text) || elided_here && text == "'_" {
                    true => result.extend(static_lifetime()),
                    false => result.extend(lifetime),
                }
                index += 1;
            }
            (and, next) if is_punct(and, '&') => {
                result.extend([and.clone()]);
                if elided_here && !next.is_some_and(|next| is_punct(next, '\'')) {
                    result.extend(static_lifetime());
                }
            }
            (TokenTree::Group(group), _) => {
                let elided = elided_here && !are_arguments(before, group);
                let inside = with_static_lifetimes(group.stream(), lost, elided);
                let mut replaced = Group::new(group.delimiter(), inside);
                replaced.set_span(group.span());
                result.extend([TokenTree::Group(replaced)]);
            }
            (token, _) => {
                // The result of a function, up to the end of the argument that has its type.
                let is_arrow = before.is_some_and(|before| is_punct(before, '-'));
                match is_punct(token, '>') && is_arrow {
                    true => elided_here = false,
                    false if is_punct(token, ',') || is_punct(token, '>') => elided_here = elided,
                    false => {}
                }
                result.extend([token.clone()]);
            }
        }
        index += 1;
    }
    result
}

fn is_punct(token: &TokenTree, ch: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ch)
}

/// Whether a group is what a function takes: `fn(…)`, `FnMut(…)`.
fn are_arguments(before: Option<&TokenTree>, group: &Group) -> bool {
    group.delimiter() == Delimiter::Parenthesis
        && matches!(before, Some(TokenTree::Ident(word)) if word != "mut" && word != "const")
}

fn static_lifetime() -> [TokenTree; 2] {
    [Punct::new('\'', Spacing::Joint).into(), Ident::new("static", ours()).into()]
}
