//! Signatures: the types of arguments and results become registers, and what is known of their
//! values; where they are is up to the convention.

use super::evaluate::Evaluated;
use super::value::Value;
use super::{Expander, Reported};
use crate::abi::{self, Convention, ParamType, ResultType, Results};
use crate::diagnostics::{Code, Diagnostic, Place};
use crate::ir::{
    Arg, ArgId, ArgValue, Extension, Referent, Reg, ResultKind, ResultValue, Validity, View,
    lifetime_of,
};
use crate::isa::{Class, Feature};
use crate::syntax::ast::{Expr, ExprKind, Param, Pointee, Signature, Type, TypeKind, name_text};
use proc_macro2::Span;

impl<'a> Expander<'a, '_> {
    /// Declares the arguments, and says what `return` has to deliver.
    pub(super) fn enter_signature(&mut self, signature: &'a Signature) {
        let convention = self.output.function.convention;
        let params: Option<Vec<ParamType>> =
            signature.params.iter().map(|param| param_type(&param.ty.kind, convention)).collect();
        for (index, param) in signature.params.iter().enumerate() {
            self.check_width(&param.ty);
            self.declare_param(index, param);
            if param.secret.is_some() {
                self.keep_secret(index);
            }
        }
        let result = self.result(&signature.result);
        self.result.in_error = result.as_ref().err().copied();
        let (Some(params), Ok((kind, result))) = (params, result) else {
            self.reported_by_parser(signature.name.span());
            return;
        };
        self.output.function.placement = abi::place(convention, &params, result);
        self.output.function.result = kind;
        self.result.is_wide = matches!(signature.result.kind, TypeKind::Wide { .. });
    }

    fn declare_param(&mut self, index: usize, param: &'a Param) {
        let text = crate::syntax::tokens_text(&param.ty.tokens);
        let symbol = self.names.symbol(&param.name);
        let name = self.names.text(symbol).to_string();
        let span = param.name.span();
        let number = |bytes| ArgValue::Number { bytes };
        let value = match &param.ty.kind {
            TypeKind::Int { signed, is_size: true, .. } => {
                Value::Reg(self.size_arg(name, span, index, 0, *signed))
            }
            TypeKind::Int { bytes, .. } => {
                Value::Reg(self.arg(name, span, index, 0, gp_class(*bytes), number(*bytes)))
            }
            TypeKind::Bool => {
                Value::Reg(self.arg(name, span, index, 0, Class::Gp8, ArgValue::Bool))
            }
            TypeKind::Char => {
                Value::Reg(self.arg(name, span, index, 0, Class::Gp32, ArgValue::Char))
            }
            TypeKind::Float { bytes } | TypeKind::Vector { bytes } => {
                let value = ArgValue::Vector { bytes: *bytes };
                Value::Reg(self.arg(name, span, index, 0, vector_class(*bytes), value))
            }
            TypeKind::Reference { mutable, pointee } => {
                let lengths = self.lengths(pointee);
                let (bytes, align) = size(pointee, &lengths, self.output.function.convention);
                let value =
                    ArgValue::Reference { bytes, mutable: *mutable, align, type_text: text };
                let pointer = self.arg(name, span, index, 0, Class::Gp64, value);
                self.note_lengths(lengths);
                Value::Reg(pointer)
            }
            TypeKind::Slice { .. } | TypeKind::Str => {
                let lengths = match &param.ty.kind {
                    TypeKind::Slice { pointee, .. } => self.lengths(pointee),
                    _ => Vec::new(),
                };
                let convention = self.output.function.convention;
                let pointer = slice_value(&param.ty.kind, &lengths, convention, text);
                let ptr = self.arg(format!("{name}.ptr"), span, index, 0, Class::Gp64, pointer);
                self.note_lengths(lengths);
                let len = self.size_arg(format!("{name}.len"), span, index, 1, false);
                Value::Slice { ptr, len }
            }
            TypeKind::Wide { .. } => {
                let lo = self.arg(format!("{name}.lo"), span, index, 0, Class::Gp64, number(8));
                let hi = self.arg(format!("{name}.hi"), span, index, 1, Class::Gp64, number(8));
                Value::Wide { lo, hi }
            }
            TypeKind::RawPointer
            | TypeKind::NonNull
            | TypeKind::FnPointer
            | TypeKind::Option(_) => {
                let exclusive = is_exclusive(&param.ty.kind);
                let value = ArgValue::Pointer { type_text: text, exclusive };
                Value::Reg(self.arg(name, span, index, 0, Class::Gp64, value))
            }
            TypeKind::Unit | TypeKind::Pair(..) | TypeKind::Invalid => {
                Value::Poison(self.reported_by_parser(param.ty.span))
            }
        };
        if param.name == "_" {
            return;
        }
        let _: Result<(), Reported> = self.check_argument_name(&param.name);
        self.scopes.declare(symbol, value);
    }

    /// Marks the registers of a parameter as `#[secret]`. The length of a slice is not.
    fn keep_secret(&mut self, param: usize) {
        let args = &mut self.output.function.args;
        let is_slice = |arg: &Arg| matches!(arg.value, ArgValue::Slice { .. });
        let has_length = args.iter().any(|arg| arg.param == param && is_slice(arg));
        for arg in args.iter_mut().filter(|arg| arg.param == param) {
            arg.secret = !has_length || is_slice(arg);
        }
    }

    /// A register that one part of a parameter arrives in.
    fn arg(
        &mut self,
        name: String,
        span: Span,
        param: usize,
        part: usize,
        class: Class,
        value: ArgValue,
    ) -> View<Reg> {
        let vreg = self.output.new_vreg(name, class, span);
        let id = ArgId(self.output.function.args.len() as u32);
        self.output.function.vregs[vreg.index()].arg = Some(id);
        let pointer_size = self.output.function.convention.pointer_size;
        let is_pointer = matches!(
            value,
            ArgValue::Pointer { .. } | ArgValue::Reference { .. } | ArgValue::Slice { .. }
        );
        let (bytes, extension) = match is_pointer && pointer_size < 8 {
            true => (pointer_size, Extension::Zero),
            false => (value.bytes(), Extension::None),
        };
        let (lengths, pointer, secret) = (Vec::new(), None, false);
        let arg = Arg { vreg, param, part, pointer, value, lengths, bytes, extension, secret };
        self.output.function.args.push(arg);
        View { reg: Reg::Virtual(vreg), class }
    }

    /// The last argument points to arrays of these lengths.
    fn note_lengths(&mut self, lengths: Vec<Option<u64>>) {
        if let Some(arg) = self.output.function.args.last_mut() {
            arg.lengths = lengths;
        }
    }

    /// A register for `usize`, `isize` or a length: 64 bits wide in every convention, so that
    /// bodies need not know how many arrive.
    fn size_arg(
        &mut self,
        name: String,
        span: Span,
        param: usize,
        part: usize,
        signed: bool,
    ) -> View<Reg> {
        let bytes = self.output.function.convention.pointer_size;
        let value = self.arg(name, span, param, part, Class::Gp64, ArgValue::Number { bytes });
        if let Some(arg) = self.output.function.args.last_mut().filter(|_| bytes < 8) {
            arg.extension = if signed { Extension::Sign } else { Extension::Zero };
        }
        value
    }

    /// The lengths of the arrays that are pointed to, outermost first, as far as they are known.
    fn lengths(&mut self, pointee: &'a Pointee) -> Vec<Option<u64>> {
        match pointee {
            Pointee::Numbers(numbers) => {
                numbers.lengths.iter().map(|length| self.known_length(length)).collect()
            }
            Pointee::Other => Vec::new(),
        }
    }

    /// The length of an array type, if it is made of literals and the kernels' own constants.
    /// (Other lengths are Rust's, and nothing is known of them here.)
    fn known_length(&mut self, expr: &'a Expr) -> Option<u64> {
        if !self.is_kernel_constant(expr) {
            return None;
        }
        self.eval_int(expr).ok().and_then(|n| u64::try_from(n).ok())
    }

    fn is_kernel_constant(&mut self, expr: &'a Expr) -> bool {
        match &expr.kind {
            ExprKind::Int(_) | ExprKind::TypedInt(..) => true,
            ExprKind::Cast(a, _) => self.is_kernel_constant(a),
            ExprKind::Name(name) => {
                let symbol = self.names.symbol(name);
                self.items.by_name.contains_key(&symbol)
                    || self.version_bindings.contains_key(&symbol)
            }
            ExprKind::Unary(_, a) => self.is_kernel_constant(a),
            ExprKind::Binary(_, a, b) => self.is_kernel_constant(a) && self.is_kernel_constant(b),
            _ => false,
        }
    }

    /// Vectors need a convention that has them and, wider than xmm, their extension.
    fn check_width(&mut self, ty: &Type) {
        let convention = self.output.function.convention;
        if matches!(ty.kind, TypeKind::Vector { .. }) && !convention.passes_vectors {
            let message = format!(
                "`{}` cannot be passed under the convention `{}`",
                ty.tokens, convention.name
            );
            let (first, last) = ty.span;
            let error = Diagnostic::new(Code::BadConvention, Place { first, last }, message)
                .note("Go has no vector types")
                .help("pass a pointer to it: `&[f32; 8]`, and load it with `movups` or `vmovups`");
            self.error(error);
            return;
        }
        let (class, name) = match ty.kind {
            TypeKind::Vector { bytes: 32 } => (Class::Ymm, "avx"),
            TypeKind::Vector { bytes: 64 } => (Class::Zmm, "avx512f"),
            _ => return,
        };
        let Some(feature) = Feature::parse(name) else { return };
        if !self.output.function.features.contains(feature) {
            let what = format!("a `{}` register is not allowed in the signature", class.name());
            let error = self.missing_extension(ty.span.0, &what, &[vec![feature]]);
            self.report_missing(error);
        }
    }

    /// What `return` has to deliver.
    fn result(&mut self, ty: &'a Type) -> Evaluated<(ResultKind, ResultType)> {
        self.check_width(ty);
        match &ty.kind {
            TypeKind::Unit => Ok((ResultKind::Unit, ResultType::Unit)),
            TypeKind::Wide { .. } => {
                let half = ResultValue {
                    bytes: 8,
                    class: Class::Gp64,
                    extended: 8,
                    vector: false,
                    validity: Validity::Any,
                };
                let kind = ResultKind::Values(vec![half.clone(), half]);
                Ok((kind, ResultType::One(ParamType::Wide)))
            }
            TypeKind::Pair(first, second) => {
                // The parser has seen to it that both are integers or pointers, or both floats.
                let convention = self.output.function.convention;
                let part =
                    |ty: &Type| param_type(&ty.kind, convention).zip(result_value(ty, convention));
                match (part(first), part(second)) {
                    (Some((a, mut x)), Some((b, mut y))) => {
                        self.note_referent(first, &mut x);
                        self.note_referent(second, &mut y);
                        Ok((ResultKind::Values(vec![x, y]), ResultType::Pair(a, b)))
                    }
                    _ => {
                        Err(self
                            .bad_result(ty, "a pair must consist of two integers or of two floats"))
                    }
                }
            }
            TypeKind::Invalid => Err(self.reported_by_parser(ty.span)),
            _ => match (
                param_type(&ty.kind, self.output.function.convention),
                result_value(ty, self.output.function.convention),
            ) {
                (Some(param), Some(mut value)) => {
                    self.note_referent(ty, &mut value);
                    Ok((ResultKind::Values(vec![value]), ResultType::One(param)))
                }
                _ => Err(self.bad_result(
                    ty,
                    "return a pointer and a length as two values, or write through a `&mut` \
                     argument",
                )),
            },
        }
    }

    /// Adds what a reference that is returned refers to.
    fn note_referent(&mut self, ty: &'a Type, value: &mut ResultValue) {
        let Validity::Reference { type_text, referent, .. } = &mut value.validity else { return };
        let kind = match &ty.kind {
            TypeKind::Option(inner) => &inner.kind,
            kind => kind,
        };
        let TypeKind::Reference { mutable, pointee } = kind else { return };
        let lengths = self.lengths(pointee);
        if let (Some(bytes), align) = size(pointee, &lengths, self.output.function.convention) {
            let lifetime = lifetime_of(type_text);
            *referent = Some(Referent { bytes, align, mutable: *mutable, lifetime });
        }
    }

    fn bad_result(&mut self, ty: &Type, help: &str) -> Reported {
        let (first, last) = ty.span;
        let message = format!("kernels cannot return `{}`", ty.tokens);
        self.error(Diagnostic::new(Code::BadSignature, Place { first, last }, message).help(help))
    }
}

/// A type as `convention` sees it.
fn param_type(kind: &TypeKind, convention: &Convention) -> Option<ParamType> {
    Some(match kind {
        TypeKind::Int { is_size: true, .. } => ParamType::Int { bytes: convention.pointer_size },
        TypeKind::Int { bytes, .. } => ParamType::Int { bytes: *bytes },
        TypeKind::Bool => ParamType::Int { bytes: 1 },
        TypeKind::Char => ParamType::Int { bytes: 4 },
        TypeKind::Float { bytes } => ParamType::Float { bytes: *bytes },
        TypeKind::Vector { bytes } => ParamType::Vector { bytes: *bytes },
        TypeKind::Wide { .. } => ParamType::Wide,
        TypeKind::Slice { .. } => ParamType::Slice,
        TypeKind::Str => ParamType::Str,
        TypeKind::RawPointer
        | TypeKind::NonNull
        | TypeKind::Reference { .. }
        | TypeKind::FnPointer
        | TypeKind::Option(_) => ParamType::Int { bytes: convention.pointer_size },
        TypeKind::Unit | TypeKind::Pair(..) | TypeKind::Invalid => return None,
    })
}

/// What is known of the address of a slice or string.
fn slice_value(
    kind: &TypeKind,
    lengths: &[Option<u64>],
    convention: &Convention,
    type_text: String,
) -> ArgValue {
    let ((element, align), mutable) = match kind {
        TypeKind::Slice { mutable, pointee, .. } => (size(pointee, lengths, convention), *mutable),
        _ => ((Some(1), 1), false),
    };
    ArgValue::Slice { element: element.unwrap_or(0), mutable, align, type_text }
}

/// Whether no two values of a type may refer to one place: `&mut T`, `Option<&mut T>`.
fn is_exclusive(kind: &TypeKind) -> bool {
    match kind {
        TypeKind::Reference { mutable, .. } | TypeKind::Slice { mutable, .. } => *mutable,
        TypeKind::Option(inner) => is_exclusive(&inner.kind),
        TypeKind::Pair(a, b) => is_exclusive(&a.kind) || is_exclusive(&b.kind),
        TypeKind::RawPointer | TypeKind::NonNull | TypeKind::Vector { .. } => false,
        builtin => {
            debug_assert!(builtin.is_builtin());
            false
        }
    }
}

/// A type that is returned as one value under `convention`.
fn result_value(ty: &Type, convention: &Convention) -> Option<ResultValue> {
    let int = |bytes: u32, validity| ResultValue {
        bytes,
        class: gp_class(bytes),
        extended: bytes,
        vector: false,
        validity,
    };
    // Whole registers, of which only the lower half leaves where pointers have 32 bits.
    let pointer = |validity| ResultValue { bytes: convention.pointer_size, ..int(8, validity) };
    let value = match &ty.kind {
        TypeKind::Int { is_size: true, .. } => {
            ResultValue { extended: convention.pointer_size, ..pointer(Validity::Any) }
        }
        TypeKind::Int { bytes, .. } => int(*bytes, Validity::Any),
        TypeKind::Bool => int(1, Validity::Bool),
        TypeKind::Char => int(4, Validity::Char),
        TypeKind::RawPointer => pointer(Validity::Any),
        TypeKind::NonNull
        | TypeKind::Reference { .. }
        | TypeKind::FnPointer
        | TypeKind::Option(_) => pointer(Validity::Reference {
            type_text: crate::syntax::tokens_text(&ty.tokens),
            referent: None,
            is_optional: matches!(ty.kind, TypeKind::Option(_)),
        }),
        TypeKind::Float { bytes } | TypeKind::Vector { bytes } => ResultValue {
            bytes: *bytes,
            class: vector_class(*bytes),
            extended: *bytes,
            vector: true,
            validity: Validity::Any,
        },
        _ => return None,
    };
    // In memory there is nothing beyond the value.
    Some(match convention.results {
        Results::Registers | Results::Separate => value,
        Results::Stack => ResultValue { extended: value.bytes, ..value },
    })
}

fn gp_class(bytes: u32) -> Class {
    match bytes {
        1 => Class::Gp8,
        2 => Class::Gp16,
        4 => Class::Gp32,
        _ => Class::Gp64,
    }
}

fn vector_class(bytes: u32) -> Class {
    match bytes {
        32 => Class::Ymm,
        64 => Class::Zmm,
        _ => Class::Xmm,
    }
}

/// How many bytes what is pointed to is known to have, and their alignment: Rust's of a number on
/// x86-64 is its size.
fn size(pointee: &Pointee, lengths: &[Option<u64>], convention: &Convention) -> (Option<u64>, u64) {
    let Pointee::Numbers(numbers) = pointee else { return (None, 1) };
    let number = match name_text(&numbers.name).as_str() {
        "usize" | "isize" => u64::from(convention.pointer_size),
        _ => u64::from(numbers.element.bytes()),
    };
    // No type of Rust is larger than this.
    let max = i64::MAX.unsigned_abs();
    let bytes = lengths.iter().try_fold(number, |bytes, length| {
        bytes.checked_mul((*length)?).filter(|bytes| *bytes <= max)
    });
    (bytes, number)
}
