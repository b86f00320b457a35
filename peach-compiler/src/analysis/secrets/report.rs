//! The errors: which secret shows, how it came there, why it shows, and what to do instead.

use super::leaks::{Kind, Leak};
use super::memory::Exposed;
use super::state::Holder;
use super::taint::Source;
use crate::analysis::reports::name_of;
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{ArgId, Function, Reg, View};
use crate::isa::{Flags, register_name};

/// The error of a leak.
pub(super) fn describe(function: &Function, index: usize, leak: &Leak) -> Diagnostic {
    let secret = secret(function, leak.why.source);
    let machine = function.insts[index].op.machine();
    let instruction = machine.map_or("db", |machine| machine.inst.mnemonic.name());
    let holder = leak.holder.map(|holder| holder_name(function, holder));
    let (code, message) = message(function, leak, instruction, holder.as_deref(), &secret);
    let mut error = Diagnostic::new(code, leak.place, message);
    if let Some(span) = origin(function, leak.why.source) {
        error = error.label(span, origin_text(leak.why.source));
    }
    let maker = leak.why.maker.filter(|&maker| maker as usize != index);
    if let Some(maker) = maker {
        let what = holder.as_deref().unwrap_or("the value");
        error = error.label(
            function.insts[maker as usize].span,
            format!("{what} depends on it from here on"),
        );
    }
    error.note(reason(&leak.kind, instruction)).help(remedy(function, leak))
}

fn message(
    function: &Function,
    leak: &Leak,
    instruction: &str,
    holder: Option<&str>,
    secret: &str,
) -> (Code, String) {
    let holder = match holder {
        // The argument itself.
        Some(_) if leak.why.maker.is_none() && is_argument(function, leak) => secret.to_string(),
        Some(holder) => format!("{holder}, which depends on {secret}"),
        None => format!("a value that depends on {secret}"),
    };
    match &leak.kind {
        Kind::Branch => {
            (Code::SecretLeak, format!("`{instruction}` goes where a secret decides: {holder}"))
        }
        Kind::Address => (Code::SecretLeak, format!("a secret is in an address: {holder}")),
        Kind::Mask => {
            (Code::SecretLeak, format!("a secret decides which elements are accessed: {holder}"))
        }
        Kind::Count => {
            (Code::SecretLeak, format!("a secret decides how often this repeats: {holder}"))
        }
        Kind::Call => (Code::SecretLeak, format!("`{instruction}` may read a secret: {holder}")),
        Kind::Timing => (
            Code::SecretTiming,
            format!("the time that `{instruction}` takes may depend on a secret: {holder}"),
        ),
        Kind::Stored(Exposed::Argument(arg)) => (
            Code::SecretStored,
            format!(
                "a secret is stored through `{}`, which is not `#[secret]`: {holder}",
                argument_name(function, *arg)
            ),
        ),
        Kind::Stored(Exposed::Elsewhere) => (
            Code::SecretStored,
            format!(
                "a secret is stored at an address that comes from no argument and no stack \
                 variable: {holder}"
            ),
        ),
    }
}

/// Whether what holds the secret is the argument's own register.
fn is_argument(function: &Function, leak: &Leak) -> bool {
    match (leak.holder, leak.why.source) {
        (Some(Holder::Register(view)), Source::Argument(arg)) => {
            view.reg == Reg::Virtual(function[arg].vreg)
        }
        _ => false,
    }
}

/// What the secret is called.
fn secret(function: &Function, source: Source) -> String {
    match source {
        Source::Argument(arg) => format!("the secret `{}`", argument_name(function, arg)),
        Source::Undefined(_) => "`undefined`, which is secret here".to_string(),
        Source::Elsewhere(_) => {
            "memory at an address that comes from no argument, table or stack variable".to_string()
        }
        Source::Call(_) => "what a call returned that was given the address of secrets".to_string(),
        Source::Unwritten => "what was left in a register that nothing has written".to_string(),
        Source::Unspecified(arg) => {
            format!(
                "the bytes above the value of `{}`, which are unspecified",
                argument_name(function, arg)
            )
        }
    }
}

/// An argument as it was declared: both registers of a slice are parts of it.
fn argument_name(function: &Function, arg: ArgId) -> String {
    let name = &function[function[arg].vreg].name;
    let parts = [".ptr", ".len", ".lo", ".hi"];
    let plain = parts.iter().find_map(|part| name.strip_suffix(part));
    plain.unwrap_or(name).to_string()
}

/// Where a secret comes from, in the source.
fn origin(function: &Function, source: Source) -> Option<proc_macro2::Span> {
    match source {
        Source::Argument(arg) | Source::Unspecified(arg) => Some(function[function[arg].vreg].span),
        Source::Undefined(index) | Source::Elsewhere(index) | Source::Call(index) => {
            Some(function.insts[index as usize].span)
        }
        Source::Unwritten => None,
    }
}

fn origin_text(source: Source) -> &'static str {
    match source {
        Source::Argument(_) => "`#[secret]`",
        Source::Undefined(_) => "`undefined` here",
        Source::Elsewhere(_) => "loaded here",
        Source::Call(_) => "called here",
        Source::Unwritten | Source::Unspecified(_) => "declared here",
    }
}

fn holder_name(function: &Function, holder: Holder) -> String {
    match holder {
        Holder::Register(view) => format!("`{}`", view_name(function, view)),
        Holder::Flags(flags) => flag_names(flags),
        Holder::Pushed => "what is pushed".to_string(),
        Holder::Variable(local) => format!("`{}`", function[local].name),
    }
}

fn view_name(function: &Function, view: View<Reg>) -> String {
    match view.reg {
        Reg::Virtual(_) => name_of(function, view.reg),
        Reg::Physical(reg) => register_name(reg, view.class),
    }
}

fn flag_names(flags: Flags) -> String {
    let names = [
        (Flags::CF, "carry"),
        (Flags::PF, "parity"),
        (Flags::AF, "adjust"),
        (Flags::ZF, "zero"),
        (Flags::SF, "sign"),
        (Flags::OF, "overflow"),
        (Flags::DF, "direction"),
    ];
    let set = names.iter().filter(|(flag, _)| flags.0 & flag.0 != 0).map(|(_, name)| *name);
    let set: Vec<&str> = set.collect();
    match set[..] {
        [one] => format!("the {one} flag"),
        _ => format!("the {} flags", set.join(" and ")),
    }
}

/// Why it can be observed.
fn reason(kind: &Kind, instruction: &str) -> String {
    match kind {
        Kind::Branch => "which way a branch goes can be measured".to_string(),
        Kind::Address => "which cache line is accessed can be measured".to_string(),
        Kind::Mask => "which elements a mask leaves out can be measured, by time and by cache line"
            .to_string(),
        Kind::Count => "how long it takes can be measured".to_string(),
        Kind::Call => {
            "what is called may branch on it; registers of arguments count as read where \
            the kernel has set them, and so do pushed values and stack variables whose address \
            can be found"
                .to_string()
        }
        Kind::Timing => format!(
            "`{instruction}` is not among the instructions whose time is independent of their data"
        ),
        Kind::Stored(_) => "what is loaded from there counts as public".to_string(),
    }
}

fn remedy(function: &Function, leak: &Leak) -> String {
    let declassify = "or `declassify` it first, if it may become public";
    let instead = match &leak.kind {
        Kind::Branch => "compute both ways and choose with `cmov`, `setcc` or masks,",
        Kind::Address => "read every element and keep the wanted one with `cmov` or a mask,",
        Kind::Mask => "access all elements and blend registers,",
        Kind::Count => "repeat as often as a public number says,",
        Kind::Call => match leak.holder {
            Some(Holder::Pushed) => {
                "keep it in a register of its own, which is saved where it must be,"
            }
            Some(Holder::Variable(_)) => "overwrite the variable,",
            Some(Holder::Register(_) | Holder::Flags(_)) | None => "overwrite the register,",
        },
        Kind::Timing => "use moves, logic, shifts, sums, products or integer vectors,",
        Kind::Stored(Exposed::Argument(arg)) => {
            let name = argument_name(function, *arg);
            return format!("mark the argument, `#[secret] {name}: …`, {declassify}");
        }
        Kind::Stored(Exposed::Elsewhere) => "store it through a `#[secret]` argument,",
    };
    format!("{instead} {declassify}")
}
