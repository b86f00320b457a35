//! The type of a kernel, to be compared with a function pointer type.
//!
//! In: a compiled kernel. Out: the names of its parts as [`Value`](super::Value) names them, and
//! what a raw pointer may stand for. Fails: with [`Error::Signature`], which names the first
//! difference.

use super::{Error, Signature};
use peach_compiler::abi::Convention;
use peach_compiler::pipeline::CompiledGroup;
use peach_compiler::syntax::ast::{Abi, Pointee, Type, TypeKind, name_text};

/// What a function pointer to a kernel must be.
pub(super) struct Prototype {
    pub(super) name: String,
    convention: &'static str,
    /// What `extern "C"` stands for.
    native: &'static str,
    names_convention: bool,
    is_unsafe: bool,
    parameters: Vec<Part>,
    result: Part,
}

/// A parameter or a result.
struct Part {
    /// The type's name.
    name: String,
    takes: Takes,
}

/// What may stand for a part in a function pointer type.
enum Takes {
    /// Its type.
    Itself,
    /// Its type, or a raw pointer.
    Pointer,
    /// A raw pointer: its type has a lifetime or a meaning that cannot be compared.
    RawPointer,
    /// A [`Pair`](crate::Pair) of what may stand for each half.
    Pair(Box<[Part; 2]>),
}

/// What raw pointers are called.
const RAW_POINTERS: [&str; 2] = ["*const _", "*mut _"];

impl Part {
    fn new(name: impl Into<String>, takes: Takes) -> Part {
        Part { name: name.into(), takes }
    }

    /// Whether the type called `asked` is the part's own.
    fn is(&self, asked: &str) -> bool {
        match &self.takes {
            Takes::Itself | Takes::Pointer => self.name == asked,
            Takes::RawPointer => false,
            Takes::Pair(halves) => {
                let [first, second] = halves.each_ref().map(Part::as_result);
                let pairs = first.iter().flat_map(|a| second.iter().map(move |b| pair(a, b)));
                pairs.into_iter().any(|name| name == asked)
            }
        }
    }

    /// Whether the type called `asked` is a raw pointer that may stand for the part.
    fn is_raw(&self, asked: &str) -> bool {
        match self.takes {
            Takes::Itself | Takes::Pair(_) => false,
            Takes::Pointer | Takes::RawPointer => RAW_POINTERS.contains(&asked),
        }
    }

    /// The names of all types that may stand for the part as a result, which is not used before
    /// `unsafe` code looks at what it points to.
    fn as_result(&self) -> Vec<&str> {
        let own = self.is(&self.name).then_some(self.name.as_str());
        let raw = RAW_POINTERS.into_iter().filter(|name| self.is_raw(name));
        own.into_iter().chain(raw).collect()
    }
}

impl Prototype {
    /// Of a kernel without errors.
    pub(super) fn of(group: &CompiledGroup, native: &'static Convention) -> Prototype {
        let decl = &group.source.decl;
        let version = group.versions.first().expect("a kernel without errors has a version");
        let params = decl.signature.params.iter().enumerate();
        let parameters: Vec<Part> = params
            .flat_map(|(index, param)| {
                let arg = version.function.args.iter().find(|arg| arg.param == index);
                parts(&param.ty, arg.map_or(&[], |arg| &arg.lengths))
            })
            .collect();
        let is_slice = |ty: &Type| matches!(ty.kind, TypeKind::Slice { .. } | TypeKind::Str);
        Prototype {
            name: name_text(&decl.signature.name),
            convention: version.function.convention.name,
            native: native.name,
            names_convention: !matches!(decl.abi, None | Some((Abi::C, _))),
            is_unsafe: decl.unsafety.is_some()
                || decl.signature.has_bounds
                || decl.signature.params.iter().any(|param| is_slice(&param.ty)),
            parameters,
            result: part(&decl.signature.result),
        }
    }

    /// Whether the kernel can be called through a pointer of type `F`.
    pub(super) fn admits<F: Signature>(&self) -> Result<(), Error> {
        match self.difference::<F>() {
            None => Ok(()),
            Some(difference) => Err(Error::Signature {
                kernel: self.name.clone(),
                has: self.text(),
                asked: text(F::IS_UNSAFE, F::ABI, &F::parameters(), &F::result()),
                difference,
            }),
        }
    }

    fn difference<F: Signature>(&self) -> Option<String> {
        let asked = F::parameters();
        let convention = if F::ABI == "C" { self.native } else { F::ABI };
        if convention != self.convention {
            return Some(format!("its convention is {}, not {convention}", self.convention));
        }
        if asked.len() != self.parameters.len() {
            let count = self.parameters.len();
            return Some(format!(
                "it has {count} parameters (a slice is two), not {}",
                asked.len()
            ));
        }
        if self.is_unsafe && !F::IS_UNSAFE {
            return Some("calling it is unsafe".to_string());
        }
        for (index, (part, asked)) in self.parameters.iter().zip(&asked).enumerate() {
            let place = format!("parameter {} is {}", index + 1, part.name);
            if part.is_raw(asked) && !part.is(asked) && !F::IS_UNSAFE {
                return Some(format!("{place}: a raw pointer for it makes the call unsafe"));
            }
            if !part.is(asked) && !part.is_raw(asked) {
                return Some(format!("{place}, not {asked}"));
            }
        }
        let asked = F::result();
        let fits = self.result.is(&asked) || self.result.is_raw(&asked);
        (!fits).then(|| format!("its result is {}, not {asked}", self.result.name))
    }

    fn text(&self) -> String {
        let parameters: Vec<String> =
            self.parameters.iter().map(|part| part.name.clone()).collect();
        let abi = if self.names_convention { self.convention } else { "C" };
        text(self.is_unsafe, abi, &parameters, &self.result.name)
    }
}

/// A function pointer type as Rust writes it.
fn text(is_unsafe: bool, abi: &str, parameters: &[String], result: &str) -> String {
    let unsafety = if is_unsafe { "unsafe " } else { "" };
    let result = if result == "()" { String::new() } else { format!(" -> {result}") };
    format!("{unsafety}extern \"{abi}\" fn({}){result}", parameters.join(", "))
}

/// The parts of a parameter.
fn parts(ty: &Type, lengths: &[Option<u64>]) -> Vec<Part> {
    match &ty.kind {
        TypeKind::Slice { mutable, .. } => {
            let pointer = if *mutable { "*mut _" } else { "*const _" };
            vec![Part::new(pointer, Takes::Itself), Part::new("usize", Takes::Itself)]
        }
        TypeKind::Str => {
            vec![Part::new("*const _", Takes::Itself), Part::new("usize", Takes::Itself)]
        }
        TypeKind::Reference { mutable, pointee } => {
            let and = if *mutable { "&mut " } else { "&" };
            vec![match memory_name(pointee, lengths) {
                Some(name) => Part::new(format!("{and}{name}"), Takes::Pointer),
                None => part(ty),
            }]
        }
        _ => vec![part(ty)],
    }
}

/// The part that a result is, or a parameter that is neither a slice nor a reference to numbers.
fn part(ty: &Type) -> Part {
    match &ty.kind {
        TypeKind::Unit => Part::new("()", Takes::Itself),
        TypeKind::RawPointer if text_of(ty).starts_with("*const") => {
            Part::new("*const _", Takes::Itself)
        }
        TypeKind::RawPointer => Part::new("*mut _", Takes::Itself),
        TypeKind::NonNull => Part::new("NonNull<_>", Takes::Pointer),
        TypeKind::Option(inner) if matches!(inner.kind, TypeKind::NonNull) => {
            Part::new("Option<NonNull<_>>", Takes::Pointer)
        }
        TypeKind::Reference { .. } | TypeKind::Option(_) | TypeKind::FnPointer => {
            Part::new(text_of(ty), Takes::RawPointer)
        }
        TypeKind::Pair(first, second) => {
            let (first, second) = (part(first), part(second));
            let name = pair(&first.name, &second.name);
            Part::new(name, Takes::Pair(Box::new([first, second])))
        }
        _ => Part::new(text_of(ty).rsplit("::").next().unwrap_or_default(), Takes::Itself),
    }
}

/// A pair's name.
fn pair(first: &str, second: &str) -> String {
    format!("Pair<{first}, {second}>")
}

/// `[[f32; 8]; 4]`, where all lengths are known.
fn memory_name(pointee: &Pointee, lengths: &[Option<u64>]) -> Option<String> {
    let Pointee::Numbers(numbers) = pointee else { return None };
    lengths.iter().rev().try_fold(numbers.name.to_string(), |element, length| {
        Some(format!("[{element}; {}]", (*length)?))
    })
}

/// The type without spaces.
fn text_of(ty: &Type) -> String {
    ty.tokens.to_string().replace(' ', "")
}
