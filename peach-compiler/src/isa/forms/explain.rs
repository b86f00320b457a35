//! Explains why no form fits: the slow path, taken once per error.
//!
//! In: an instruction that no form takes. Out: the [`SelectError`] about the form that came
//! nearest.

use crate::isa::forms::errors::Misfit;
use crate::isa::forms::fit::{self, Shape};
use crate::isa::forms::form::{Form, OperandForm};
use crate::isa::{BadAddress, Class, Instruction, Mnemonic, Register, SelectError};
use crate::sorted;
use std::fmt;

/// How many forms an error message lists.
const FORMS_SHOWN: usize = 12;

/// Why no form of `inst` fits.
pub(in crate::isa) fn explain<R: Register>(inst: &Instruction<R>, shape: &Shape) -> SelectError {
    let forms = inst.mnemonic.forms();
    let nearest = forms
        .iter()
        .filter(|form| shape.fits(form))
        .filter_map(|form| fit::fit(form, inst).err())
        .max();
    match nearest {
        None => no_form(inst.mnemonic, guilty_operand(forms, shape), shape),
        Some(Misfit::Operand { operand } | Misfit::Size { operand, .. }) => {
            no_form(inst.mnemonic, Some(operand), shape)
        }
        Some(misfit) => describe(misfit, forms, inst, shape),
    }
}

fn describe<R: Register>(
    misfit: Misfit,
    forms: &'static [Form],
    inst: &Instruction<R>,
    shape: &Shape,
) -> SelectError {
    let decoration = |message: &str, operand| SelectError::BadDecoration {
        message: message.to_string(),
        operand,
    };
    match misfit {
        Misfit::Operand { operand } | Misfit::Size { operand, .. } => {
            no_form(inst.mnemonic, Some(operand), shape)
        }
        Misfit::Encoding => decoration("no form with these operands has this encoding", None),
        Misfit::Broadcast { operand, accepted: None } => {
            decoration("this form does not broadcast its memory operand", Some(operand))
        }
        Misfit::Broadcast { operand, .. } => {
            let mut lanes: Vec<u32> = forms
                .iter()
                .filter(|form| shape.fits(form))
                .filter_map(|form| Some(form.memory_size / form.broadcast_size?))
                .collect();
            sorted::sort(&mut lanes);
            lanes.dedup();
            let lanes: Vec<String> = lanes.iter().map(|n| format!("`{{1to{n}}}`")).collect();
            decoration(&format!("this form broadcasts as {}", lanes.join(" or ")), Some(operand))
        }
        Misfit::Register { operand } => {
            SelectError::RegisterConflict { message: unencodable_register(inst, operand), operand }
        }
        Misfit::Mask(message) | Misfit::Rounding(message) | Misfit::Prefix(message) => {
            decoration(message, None)
        }
        Misfit::Overlap { operand, message } => {
            SelectError::RegisterConflict { message: message.to_string(), operand }
        }
        Misfit::HighByte { operand } => SelectError::RegisterConflict {
            message: "`ah`, `bh`, `ch` and `dh` cannot be used together with this operand, which \
                      needs a REX prefix"
                .to_string(),
            operand,
        },
        Misfit::OutOfRange { operand, .. } => SelectError::OutOfRange {
            operand,
            accepted: accepted_range(forms, inst, shape, operand),
        },
    }
}

fn unencodable_register<R: Register>(inst: &Instruction<R>, operand: usize) -> String {
    let name = match &inst.operands[operand] {
        crate::isa::Operand::Reg(view) => view.reg.physical().map_or_else(
            || view.class.name().to_string(),
            |reg| crate::isa::register_name(reg, view.class),
        ),
        _ => "this register".to_string(),
    };
    format!("no form of `{}` can encode `{name}` here", inst.mnemonic.name())
}

/// The widest range among the forms that only the number keeps from fitting.
fn accepted_range<R: Register>(
    forms: &'static [Form],
    inst: &Instruction<R>,
    shape: &Shape,
    wanted: usize,
) -> String {
    forms
        .iter()
        .filter(|form| shape.fits(form))
        .filter_map(|form| match fit::fit(form, inst) {
            Err(Misfit::OutOfRange { operand, accepted }) if operand == wanted => Some(accepted),
            _ => None,
        })
        .max_by_key(|range| range.len())
        .unwrap_or_default()
        .to_string()
}

/// The one operand without which a form would fit, if there is just one such.
fn guilty_operand(forms: &[Form], shape: &Shape) -> Option<usize> {
    let mut guilty = Vec::new();
    for form in forms.iter().filter(|form| form.shape.len() == shape.0.len()) {
        let misses: Vec<usize> =
            (0..shape.0.len()).filter(|&i| shape.0[i] & form.shape[i] == 0).collect();
        if let [only] = misses[..]
            && !guilty.contains(&only)
        {
            guilty.push(only);
        }
    }
    match guilty[..] {
        [only] => Some(only),
        _ => None,
    }
}

fn no_form(mnemonic: Mnemonic, operand: Option<usize>, shape: &Shape) -> SelectError {
    let mut forms: Vec<&Form> =
        mnemonic.forms().iter().filter(|form| can_be_meant(form, shape)).collect();
    // Those that are nearest to what was written come first.
    sorted::sort_by_key(&mut forms, |form| {
        let fitting = form.shape.iter().zip(&shape.0).filter(|(a, b)| *a & *b != 0).count();
        (form.shape.len().abs_diff(shape.0.len()), shape.0.len() - fitting.min(shape.0.len()))
    });
    let mut texts: Vec<String> = Vec::new();
    for form in forms {
        let text = notation(mnemonic, form);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.truncate(FORMS_SHOWN);
    SelectError::NoForm { forms: texts, operand }
}

/// Whether a form is worth a mention: those with segment, control and debug registers, and with
/// addresses of 64 bits, only where the user wrote such a register.
fn can_be_meant(form: &Form, shape: &Shape) -> bool {
    let special = [Class::Segment, Class::Control, Class::Debug].map(OperandForm::class_bit);
    let is_special = |bits: &u32| special.iter().any(|class| bits & class != 0);
    let wanted = shape.0.iter().any(is_special);
    wanted || !form.is_offset && !form.shape.iter().any(is_special)
}

/// The reason in one sentence, for a reader who sees the instruction: operands are counted from 1.
impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SelectError::NoForm { forms, operand: None } => {
                write!(f, "no form accepts these operands; the forms are: {}", forms.join("; "))
            }
            SelectError::NoForm { forms, operand: Some(operand) } => {
                let number = operand + 1;
                write!(f, "no form accepts operand {number}; the forms are: {}", forms.join("; "))
            }
            SelectError::MissingExtension(alternatives) => {
                let sets: Vec<String> = alternatives
                    .iter()
                    .map(|set| set.iter().map(|x| x.name()).collect::<Vec<_>>().join(" and "))
                    .collect();
                write!(f, "needs an extension that is not enabled: {}", sets.join(", or "))
            }
            SelectError::AmbiguousSize { operand, sizes } => {
                let words: Vec<String> = sizes.iter().map(|&size| size_words(size)).collect();
                let number = operand + 1;
                write!(f, "the size of operand {number} is ambiguous: write {}", words.join(" or "))
            }
            SelectError::OutOfRange { operand, accepted } => {
                write!(f, "operand {} does not fit; accepted: {accepted}", operand + 1)
            }
            SelectError::BadAddress { problem, .. } => problem.fmt(f),
            SelectError::BadDecoration { message, .. }
            | SelectError::RegisterConflict { message, .. }
            | SelectError::Refused { message } => f.write_str(message),
        }
    }
}

/// As it is displayed: this is what `unwrap` prints, and a `main` that returns it.
impl fmt::Debug for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for SelectError {}

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadAddress::Segment => f.write_str("only a segment register can precede the colon"),
            BadAddress::Base(class) => write!(
                f,
                "the base of an address must be a 64-bit or 32-bit general-purpose register, not \
                 `{}`",
                class.name()
            ),
            BadAddress::Index(class) => write!(
                f,
                "the index of an address must be a 64-bit or 32-bit general-purpose register, or a \
                 vector register for gathers and scatters, not `{}`",
                class.name()
            ),
            BadAddress::Widths { base, index } => write!(
                f,
                "the base and index of an address must have the same width: the base has {} bits, \
                 the index {}",
                8 * base.bytes(),
                8 * index.bytes()
            ),
            BadAddress::Scale(scale) => {
                write!(f, "an index is multiplied by 1, 2, 4 or 8, not by {scale}")
            }
            BadAddress::RelativeIndex => f.write_str(
                "an address relative to `rip` cannot have an index register; `lea` it into a \
                 register first",
            ),
            BadAddress::StackPointerIndex => f.write_str("`rsp` cannot be an index"),
            BadAddress::Displacement { value, highest } => write!(
                f,
                "the displacement {value} does not fit in 32 bits ({} to {highest})",
                i32::MIN
            ),
        }
    }
}

/// What to write before a memory operand of this many bytes.
fn size_words(bytes: u32) -> String {
    crate::isa::size_name(bytes)
        .map_or_else(|| format!("{bytes} bytes"), |name| format!("`{name}`"))
}

/// A form in the manual's notation, under the name in the source.
fn notation(mnemonic: Mnemonic, form: &Form) -> String {
    let text = form.notation();
    let (_, operands) = text.split_once(' ').unwrap_or((&text, ""));
    let operands = match mnemonic.meaning().imm {
        Some(_) => operands.strip_suffix(", imm8").unwrap_or(operands),
        None => operands,
    };
    format!("{} {operands}", mnemonic.name().to_ascii_uppercase()).trim_end().to_string()
}
