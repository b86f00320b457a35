//! What is said of a read of unwritten lanes: which they are, why, and how to write them.

use super::{named_by_invariant, value_lanes};
use crate::abi::ArgPlace;
use crate::analysis::Facts;
use crate::analysis::verify::{name_of, operand_span};
use crate::diagnostics::{Code, Diagnostic, Place};
use crate::ir::{ArgId, Function, Machine, Op, Operand, Reg};
use crate::isa::{Access, Bank, Class, Control, Lanes};

/// The operand that names `reg` with some of `lanes`: the last one, since destinations come first.
fn operand_that_reads(machine: &Machine, reg: Reg, lanes: Lanes) -> Option<usize> {
    machine.inst.operands.iter().rposition(|operand| match operand {
        Operand::Reg(view) => view.reg == reg && view.class.lanes().intersects(lanes),
        Operand::Mem(mem) => mem.views().any(|view| view.reg == reg),
        _ => false,
    })
}

/// The error for `access` of the instruction at `index`, of which the lanes `bad` may be unwritten;
/// `written` are those that something has written before, surely or perhaps.
pub(super) fn describe(
    function: &Function,
    facts: &Facts,
    index: usize,
    access: &Access<Reg>,
    bad: Lanes,
    written: (Lanes, Lanes),
) -> Diagnostic {
    let (inst, reg) = (&function.insts[index], access.reg);
    let span = match &inst.op {
        Op::Machine(machine) => match operand_that_reads(machine, reg, bad) {
            Some(operand) => operand_span(inst, operand),
            None => inst.span.into(),
        },
        Op::Ghost(ghost) => {
            let named = named_by_invariant(function, ghost);
            let operand = named.iter().find(|(_, named)| *named == reg).map_or(0, |(at, _)| *at);
            operand_span(inst, operand)
        }
        Op::Label(_)
        | Op::Local(..)
        | Op::Copy { .. }
        | Op::SetImm { .. }
        | Op::Undefined { .. }
        | Op::LoadArg { .. }
        | Op::Return(_)
        | Op::Align(_)
        | Op::Bytes(_) => operand_span(inst, 0),
    };
    let name = name_of(function, reg);
    match reg {
        Reg::Virtual(vreg) => match function[vreg].arg {
            Some(arg) => describe_argument(function, arg, bad, span),
            None => describe_variable(written, access, &name, bad, span)
                .label(function[vreg].span, format!("`{name}` is declared here"))
                .help(how_to_write(&name, function[vreg].class)),
        },
        Reg::Physical(physical) => {
            let called = function.insts[..index]
                .iter()
                .zip(&facts.effects)
                .any(|(_, e)| e.control == Control::Call);
            let arrives = function.arriving().into_iter().find(|&(_, place)| place == physical);
            let diagnostic = describe_variable(written, access, &name, bad, span);
            if let Some((vreg, _)) = arrives {
                let arg = &function[vreg].name;
                diagnostic
                    .note(format!("`{arg}` arrives in `{name}`, but is read by its own name"))
                    .help(format!("write `{arg}` instead of `{name}`"))
            } else if let Some(local_fn) = changed_by_local_fn(function, facts, index, reg) {
                diagnostic
                    .note(format!("the local function `{local_fn}` changes it"))
                    .help("declare a register: `let kept: gp64;` keeps its value across every use")
            } else if called {
                diagnostic
                    .note("a call changes every register that the convention does not preserve")
                    .help("copy what is needed later to a register of your own before the call")
            } else if matches!(&inst.op, Op::Machine(m) if m.inst.mnemonic.name() == "push") {
                diagnostic
                    .note("registers that the caller wants preserved are saved by the compiler")
                    .help("remove this `push` and its `pop`")
            } else {
                diagnostic.help("write it first, on every path that leads here")
            }
        }
    }
}

/// A local function before instruction `index` that changes a physical register.
fn changed_by_local_fn<'f>(
    function: &'f Function,
    facts: &Facts,
    index: usize,
    reg: Reg,
) -> Option<&'f str> {
    let before = function.insts[..index].iter().zip(&facts.effects).rev();
    for (inst, effects) in before {
        if let Op::Local(_, id) = inst.op
            && effects.regs.iter().any(|access| access.reg == reg)
        {
            return Some(&function[id].name);
        }
    }
    None
}

/// The lanes of vectors and masks are often read without being cared for.
fn how_to_write(name: &str, class: Class) -> String {
    let help = "write it first, on every path that leads here";
    match class.bank() {
        Bank::Vector | Bank::Mask => format!(
            "{help}; if its value does not matter there, declare it with `let {name}: {} = \
             undefined;`",
            class.name()
        ),
        _ => help.to_string(),
    }
}

fn describe_variable(
    written: (Lanes, Lanes),
    access: &Access<Reg>,
    name: &str,
    bad: Lanes,
    span: Place,
) -> Diagnostic {
    let (written, may_be_written) = written;
    let (what, read, them) = match bad.contains(access.read) {
        true => (format!("`{name}`"), "is read", "it"),
        false => bytes_of(name, bad),
    };
    let why = match (written.intersects(bad), may_be_written.intersects(bad)) {
        (false, false) => format!("nothing has written {them}"),
        (false, true) => {
            "it is written only under a mask, which keeps the lanes that it does not select".into()
        }
        (true, _) => "it is not written on every path that leads here".into(),
    };
    Diagnostic::new(Code::Uninitialized, span, format!("{what} {read}, but {why}"))
}

fn describe_argument(function: &Function, arg: ArgId, bad: Lanes, span: Place) -> Diagnostic {
    let in_memory = !matches!(function.arg_place(arg), ArgPlace::Reg(_));
    let arg = &function[arg];
    let info = &function[arg.vreg];
    let name = &info.name;
    let bits = 8 * arg.value.bytes();
    if in_memory && bad.intersects(value_lanes(&arg.value)) {
        // Its load precedes its first use; only a bug in peach gets here.
        let message = format!("argument `{name}` is read before it is loaded");
        return Diagnostic::new(Code::Internal, span, message);
    }
    let extension = if bits == 32 { "`mov r32, r32` or `movsxd`" } else { "`movzx` or `movsx`" };
    let last = 8 * (64 - bad.0.leading_zeros()) - 1;
    Diagnostic::new(
        Code::Uninitialized,
        span,
        format!("bits {bits} to {last} of `{name}` are read, but its type has {bits}"),
    )
    .label(info.span, format!("`{name}` is an argument of {bits} bits"))
    .note("the upper bits of a narrow argument are unspecified on entry")
    .help(format!("extend it first, by {extension}"))
}

/// Some bytes of a register, with "is read" or "are read", and "it" or "them".
fn bytes_of(name: &str, lanes: Lanes) -> (String, &'static str, &'static str) {
    let (first, last) = (lanes.0.trailing_zeros(), 63 - lanes.0.leading_zeros());
    match first == last {
        true => (format!("byte {first} of `{name}`"), "is read", "it"),
        false => (format!("bytes {first} to {last} of `{name}`"), "are read", "them"),
    }
}
