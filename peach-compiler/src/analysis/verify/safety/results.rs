//! Results of types with invalid values: `bool`, `char`, references and pointers that must be
//! valid.

use super::super::{Reports, name_of, operand_span};
use crate::analysis::Facts;
use crate::analysis::proof::Returned;
use crate::analysis::values::Known;
use crate::diagnostics::{Code, Diagnostic, Place};
use crate::ir::{ArgValue, Function, Op, ResultKind, ReturnValue, Validity};
use crate::isa::Class;

/// A reference as a result that is not an argument of its type: the proof is asked.
pub(super) struct Open {
    pub(super) returned: Returned,
    pub(super) diagnostic: Diagnostic,
}

/// Reports values of a `return` that are not proven to be valid for the result type.
pub(super) fn verify(
    function: &Function,
    facts: &Facts,
    index: usize,
    known: &Known,
    open: &mut Vec<Open>,
    reports: &mut Reports<'_>,
) {
    let inst = &function.insts[index];
    let (Op::Return(values), ResultKind::Values(results)) = (&inst.op, &function.result) else {
        return;
    };
    for (operand, (value, result)) in values.iter().zip(results).enumerate() {
        if !is_valid(function, facts, known, value, &result.validity) {
            let what = match value {
                ReturnValue::Reg(view) => format!("`{}`", name_of(function, view.reg)),
                ReturnValue::Imm(value) => format!("{value}"),
                ReturnValue::Data(_) | ReturnValue::RustConst(_) => "this constant".to_string(),
            };
            let diagnostic = describe(operand_span(inst, operand), &what, &result.validity);
            match (&result.validity, value) {
                (Validity::Reference { referent: Some(_), .. }, ReturnValue::Reg(_)) => {
                    open.push(Open { returned: Returned { index, operand }, diagnostic });
                }
                _ => reports.push(diagnostic),
            }
        }
    }
    if results.iter().any(|result| matches!(result.validity, Validity::Reference { .. })) {
        verify_distinct(function, facts, index, known, reports);
    }
}

/// Reports a pair that delivers one exclusive reference twice.
fn verify_distinct(
    function: &Function,
    facts: &Facts,
    index: usize,
    known: &Known,
    reports: &mut Reports<'_>,
) {
    let inst = &function.insts[index];
    let Op::Return(values) = &inst.op else { return };
    let [ReturnValue::Reg(first), ReturnValue::Reg(second)] = values.as_slice() else { return };
    let argument = |reg| known.of(reg, facts).argument;
    let (Some(arg), true) = (argument(first.reg), argument(first.reg) == argument(second.reg))
    else {
        return;
    };
    let is_exclusive = match &function[arg].value {
        ArgValue::Reference { mutable, .. } | ArgValue::Slice { mutable, .. } => *mutable,
        ArgValue::Pointer { exclusive, .. } => *exclusive,
        ArgValue::Number { .. } | ArgValue::Bool | ArgValue::Char | ArgValue::Vector { .. } => {
            false
        }
    };
    if is_exclusive {
        let name = &function[function[arg].vreg].name;
        reports.push(
            Diagnostic::new(
                Code::InvalidValue,
                operand_span(inst, 1),
                format!("`{name}` is returned twice, but refers to its memory exclusively"),
            )
            .note("two `&mut` to one place are undefined behavior in Rust")
            .help("return two different arguments"),
        );
    }
}

/// Whether a `return` may deliver two references of which one is exclusive, and which are not both
/// arguments as they arrived: for those, [`verify`] has looked.
pub(super) fn describe_overlap(function: &Function, index: usize) -> Diagnostic {
    let inst = &function.insts[index];
    let message = "the two references are not proven to refer to different memory";
    Diagnostic::new(Code::InvalidValue, operand_span(inst, 1), message)
        .note("one of them is `&mut`: two that overlap are undefined behavior in Rust")
        .help("if you know that they are apart: `unsafe { return …; }`")
}

fn is_valid(
    function: &Function,
    facts: &Facts,
    known: &Known,
    value: &ReturnValue,
    validity: &Validity,
) -> bool {
    match (validity, value) {
        (Validity::Any, _) => true,
        (Validity::Bool, ReturnValue::Imm(value)) => matches!(value, 0 | 1),
        (Validity::Char, ReturnValue::Imm(value)) => {
            u32::try_from(*value).ok().and_then(char::from_u32).is_some()
        }
        (Validity::Bool, ReturnValue::Reg(view)) => {
            view.class != Class::Gp8h && known.of(view.reg, facts).flag
        }
        (Validity::Char, ReturnValue::Reg(view)) => {
            view.class.bytes() >= 4 && known.of(view.reg, facts).scalar
        }
        (Validity::Reference { is_optional: true, .. }, ReturnValue::Imm(0)) => true,
        (Validity::Reference { type_text: wanted, .. }, ReturnValue::Reg(view)) => {
            let argument = known.of(view.reg, facts).argument;
            view.class == Class::Gp64
                && argument.is_some_and(|arg| match &function[arg].value {
                    ArgValue::Reference { type_text, .. }
                    | ArgValue::Slice { type_text, .. }
                    | ArgValue::Pointer { type_text, .. } => type_text == wanted,
                    _ => false,
                })
        }
        _ => false,
    }
}

fn describe(span: Place, what: &str, validity: &Validity) -> Diagnostic {
    let (ty, accepted) = match validity {
        Validity::Bool => (
            "bool".to_string(),
            "accepted are 0, 1, the result of `setcc`, an unmodified `bool` argument, and `and`, \
             `or`, `xor` of those"
                .to_string(),
        ),
        Validity::Char => (
            "char".to_string(),
            "accepted are a constant that is a Unicode scalar value, a byte extended by `movzx`, \
             and an unmodified `char` argument"
                .to_string(),
        ),
        Validity::Reference { type_text, referent, .. } => (
            type_text.clone(),
            match referent {
                Some(_) => format!(
                    "accepted are an unmodified argument of the same type, `{type_text}`, and an \
                     aligned address in what one argument of the same lifetime refers to"
                ),
                None => {
                    format!("accepted is an unmodified argument of the same type, `{type_text}`")
                }
            },
        ),
        Validity::Any => ("number".to_string(), "accepted is any value".to_string()),
    };
    Diagnostic::new(Code::InvalidValue, span, format!("{what} is not proven to be a valid `{ty}`"))
        .note(accepted)
        .help("if you know that it is valid: `unsafe { return …; }`")
}
