//! Memory operands: constants, tables, stack variables and unmodified references, in bounds, at
//! constant offsets, aligned as the instruction requires.

use super::super::{name_of, operand_span};
use super::WRAP;
use super::hazards::has_pointers;
use crate::analysis::Facts;
use crate::analysis::locals::UnwrittenRead;
use crate::analysis::proof::{self, Access, Missing, Unshown, Via};
use crate::analysis::values::Known;
use crate::diagnostics::{Code, Diagnostic, Place};
use crate::ir::{ArgValue, Base, Function, Inst, Instruction, Mem, Op, Operand, Reg, View};
use crate::isa::{Class, MemAccess};

/// Lists the memory operands of instruction `index` that are not harmless whatever registers hold,
/// with what to report of each that cannot be proven either.
pub(super) fn verify(
    function: &Function,
    facts: &Facts,
    index: usize,
    known: &Known,
    open: &mut Vec<Open>,
) {
    let inst = &function.insts[index];
    let Op::Machine(machine) = &inst.op else { return };
    for access in facts.effects[index].memory.iter().filter(|access| access.read || access.write) {
        let Some(operand) = access.operand else {
            if has_pointers(&facts.effects[index]) {
                open.extend(by_pointer(&machine.inst, inst, index, access));
            }
            continue;
        };
        let Some(Operand::Mem(mem)) = machine.inst.operands.get(operand) else { continue };
        let proof = prove(function, facts, &machine.inst, mem, access, known);
        if let Err(refusal) = proof {
            let is_constant = refusal.is_constant;
            let access = Access { index, via: Via::Operand(operand) };
            let span = operand_span(inst, operand);
            open.push(Open { access, is_constant, diagnostic: refusal.describe(span) });
        }
    }
}

/// An access at an address in a register that the instruction does not name.
fn by_pointer(
    machine: &Instruction<Reg>,
    inst: &Inst,
    index: usize,
    access: &MemAccess,
) -> Option<Open> {
    let pointer = access.pointer?;
    let name = machine.mnemonic.name();
    let register = crate::isa::register_name(pointer, Class::Gp64);
    let message = format!("memory at `{register}` is not proven to be valid");
    let note = match access.elements {
        Some(_) => format!(
            "`{name}` touches as many elements as `rcx` says, upwards only where the direction \
             flag is known to be clear: on entry and after `cld`"
        ),
        None => format!("`{name}` uses memory at the address in `{register}`"),
    };
    let diagnostic = Refusal::new(Code::NeedsUnsafe, message, note).describe(inst.span.into());
    let access = Access { index, via: Via::Pointer(pointer) };
    Some(Open { access, is_constant: false, diagnostic })
}

/// Where an access is named in the source.
fn place_of(inst: &Inst, via: Via) -> Place {
    match via {
        Via::Operand(operand) => operand_span(inst, operand),
        Via::Pointer(_) => inst.span.into(),
    }
}

/// A memory operand that constant offsets do not show to be harmless.
pub(super) struct Open {
    pub(super) access: Access,
    /// Region and offset are known, and what is wrong with them is reported.
    is_constant: bool,
    diagnostic: Diagnostic,
}

/// Why a memory operand is not accepted.
struct Refusal {
    /// Region and offset are known.
    is_constant: bool,
    code: Code,
    message: String,
    notes: Vec<String>,
    help: String,
}

impl Refusal {
    fn new(code: Code, message: String, note: impl Into<String>) -> Refusal {
        let help = WRAP.to_string();
        Refusal { is_constant: false, code, message, notes: vec![note.into()], help }
    }

    fn describe(self, span: Place) -> Diagnostic {
        let mut diagnostic = Diagnostic::new(self.code, span, self.message).help(self.help);
        diagnostic.notes = self.notes;
        diagnostic
    }
}

/// A piece of memory that the compiler knows.
struct Region {
    /// Its name in the source.
    name: String,
    size: u64,
    align: u64,
    writable: bool,
}

fn prove(
    function: &Function,
    facts: &Facts,
    inst: &Instruction<Reg>,
    mem: &Mem<Reg>,
    access: &MemAccess,
    known: &Known,
) -> Result<(), Refusal> {
    // Only `passes::bind_arguments` makes these: an argument in its slot, or where its address
    // says.
    if is_argument(function, mem) {
        return Ok(());
    }
    let unproven = |message: &str, note: &str| {
        Err(Refusal::new(Code::NeedsUnsafe, message.to_string(), note.to_string()))
    };
    if mem.segment.is_some() {
        return unproven(
            "memory in a segment is not proven to be valid",
            "the compiler does not know the base of a segment",
        );
    }
    let region = region(function, facts, mem, known)?;
    if let Some((index, _)) = mem.index {
        return Err(Refusal::new(
            Code::NeedsUnsafe,
            format!("the index `{}` is not proven to stay in bounds", name_of(function, index.reg)),
            format!("only constant offsets into `{}` can be proven", region.name),
        ));
    }
    if mem.disp_const.is_some() {
        return unproven(
            "an offset that rustc evaluates is not proven to be in bounds",
            "the value of `const { … }` is not known when the kernel is compiled",
        );
    }
    let Some(bytes) = access.bytes else {
        return unproven(
            "the amount of memory that this accesses depends on data",
            "only accesses of a fixed size can be proven",
        );
    };
    if access.write && !region.writable {
        return Err(read_only(function, mem, region));
    }
    in_bounds(mem.disp, u64::from(bytes), &region)?;
    aligned(inst, mem, access, bytes, &region)
}

fn is_argument(function: &Function, mem: &Mem<Reg>) -> bool {
    match mem.base {
        Base::StackArg => true,
        Base::Reg(base) => function.is_passed_address(base.reg),
        _ => false,
    }
}

/// The memory that an operand's base stands for.
fn region(
    function: &Function,
    facts: &Facts,
    mem: &Mem<Reg>,
    known: &Known,
) -> Result<Region, Refusal> {
    match mem.base {
        Base::Data(data) => {
            let data = &function[data];
            Ok(Region {
                name: data.name.clone().unwrap_or_else(|| "the constant".to_string()),
                size: data.content.len() as u64,
                align: u64::from(data.align),
                writable: false,
            })
        }
        Base::Local(local) => {
            let local = &function[local];
            Ok(Region {
                name: local.name.clone(),
                size: u64::from(local.size),
                align: u64::from(local.align),
                writable: true,
            })
        }
        Base::Reg(view) => referenced(function, facts, view, known),
        Base::Rip if mem.symbol.is_some() => Err(Refusal::new(
            Code::NeedsUnsafe,
            "the address of a Rust item is not proven to be valid".to_string(),
            "constants, tables, stack variables and references are",
        )),
        Base::None | Base::Rip | Base::StackArg => Err(Refusal::new(
            Code::NeedsUnsafe,
            "an absolute address is not proven to be valid".to_string(),
            "constants, tables, stack variables and references are",
        )),
    }
}

/// What an unmodified reference refers to.
fn referenced(
    function: &Function,
    facts: &Facts,
    view: View<Reg>,
    known: &Known,
) -> Result<Region, Refusal> {
    let name = name_of(function, view.reg);
    let refuse = |message: String, note: &str| {
        let mut refusal = Refusal::new(Code::NeedsUnsafe, message, note);
        refusal.notes.push(
            "accepted are an unmodified `&T`, `&mut T` or `&[T; N]` of a number type, at a \
             constant offset"
                .to_string(),
        );
        Err(refusal)
    };
    if view.class != Class::Gp64 {
        let message = format!("an address in {} bits of `{name}`", 8 * view.class.bytes());
        return refuse(message, "the upper half of the address is cut off");
    }
    if let Some(arg) = known.of(view.reg, facts).argument {
        let arg = &function[arg];
        let name = function[arg.vreg].name.clone();
        return match &arg.value {
            &ArgValue::Reference { bytes: Some(size), mutable, align, .. } => {
                Ok(Region { name, size, align, writable: mutable })
            }
            ArgValue::Reference { .. } => refuse(
                format!("memory at `{name}` is not proven to be what is accessed"),
                "the compiler does not know the size of what it refers to",
            ),
            ArgValue::Pointer { type_text, .. } | ArgValue::Slice { type_text, .. } => refuse(
                format!("memory at `{name}` is not proven to be valid"),
                &format!("nothing is known about the memory that a `{type_text}` points to"),
            ),
            _ => refuse(format!("memory at `{name}` is not proven to be valid"), "it is a number"),
        };
    }
    let is_reference = match view.reg {
        Reg::Virtual(vreg) => function[vreg]
            .arg
            .is_some_and(|arg| matches!(function[arg].value, ArgValue::Reference { .. })),
        Reg::Physical(_) => false,
    };
    if is_reference {
        return refuse(
            format!("`{name}` may have been changed before it is used here"),
            "on some path that leads here, an instruction writes to its register",
        );
    }
    refuse(
        format!("memory at `{name}` is not proven to be valid"),
        "the address is the result of a computation",
    )
}

fn read_only(function: &Function, mem: &Mem<Reg>, region: Region) -> Refusal {
    let (what, help) = match mem.base {
        Base::Reg(view) => (
            "a shared reference",
            format!("declare it as `&mut`: `{}: &mut …`", name_of(function, view.reg)),
        ),
        _ => ("read-only data", "use a stack variable: `let buffer: [u8; 64];`".to_string()),
    };
    let message = format!("`{}` is {what}, but this writes to it", region.name);
    let note = "constants and tables are in read-only memory, and what a `&T` refers to must not \
        change";
    Refusal { is_constant: true, help, ..Refusal::new(Code::NeedsUnsafe, message, note) }
}

fn in_bounds(disp: i64, bytes: u64, region: &Region) -> Result<(), Refusal> {
    let start = i128::from(disp);
    let end = start + i128::from(bytes);
    if start >= 0 && end <= i128::from(region.size) {
        return Ok(());
    }
    let Region { name, size, .. } = region;
    Err(Refusal {
        is_constant: true,
        help: match size.checked_sub(bytes) {
            Some(last) => format!("the last offset that fits is {last}"),
            None => format!("access {size} bytes at most"),
        },
        ..Refusal::new(
            Code::OutOfBounds,
            format!(
                "bytes {start} to {} of `{name}` are accessed, but it has only {size}",
                end - 1
            ),
            "memory outside of it is not the kernel's to access",
        )
    })
}

/// Locked instructions must be naturally aligned: a processor can be configured to fault where
/// they are split over two cache lines (Intel SDM volume 3, "Split-Lock Access").
fn aligned(
    inst: &Instruction<Reg>,
    mem: &Mem<Reg>,
    access: &MemAccess,
    bytes: u32,
    region: &Region,
) -> Result<(), Refusal> {
    let locked = inst.prefixes.lock || inst.mnemonic.name() == "xchg";
    let align = if locked { access.align.max(bytes) } else { access.align };
    let align = u64::from(align.max(1));
    if region.align.is_multiple_of(align) && mem.disp.rem_euclid(align as i64) == 0 {
        return Ok(());
    }
    let Region { name, align: proven, .. } = region;
    let proven = match mem.disp {
        0 => *proven,
        disp => (1 << disp.trailing_zeros().min(62)).min(*proven),
    };
    Err(Refusal {
        is_constant: true,
        help: format!(
            "use an instruction that takes any alignment (`movups` for `movaps`), or `unsafe`; a \
             stack variable can be aligned: `let buffer: [u8; 64] align {align};`"
        ),
        ..Refusal::new(
            Code::NeedsUnsafe,
            format!("`{}` requires an address that is a multiple of {align}", inst.mnemonic.name()),
            format!("this place in `{name}` is only known to be a multiple of {proven}"),
        )
    })
}

/// What to report of accesses that are not proven: of those that lack the same, the first.
#[derive(Default)]
pub(super) struct Causes {
    all: Vec<Cause>,
}

/// Accesses that lack the same.
struct Cause {
    first: Diagnostic,
    key: Option<(String, proof::Sum)>,
    others: usize,
}

impl Causes {
    pub(super) fn add(&mut self, function: &Function, open: Open, missing: &Option<Missing>) {
        let missing_here = missing.as_ref().filter(|_| !open.is_constant);
        let key =
            missing_here.and_then(|missing| Some((missing.region.clone(), missing.cause.clone()?)));
        let known = self.all.iter_mut().find(|cause| key.is_some() && cause.key == key);
        match known {
            Some(cause) => cause.others += 1,
            None => {
                let first = describe_unproven(function, open, missing);
                self.all.push(Cause { first, key, others: 0 });
            }
        }
    }

    pub(super) fn into_diagnostics(self) -> impl Iterator<Item = Diagnostic> {
        self.all.into_iter().map(|cause| match cause.others {
            0 => cause.first,
            1 => cause.first.note("one more access is not proven for the same reason"),
            others => cause
                .first
                .note(format!("{others} more accesses are not proven for the same reason")),
        })
    }
}

/// What to report of an access that is not proven: what is missing, where the proof can say so.
fn describe_unproven(function: &Function, open: Open, missing: &Option<Missing>) -> Diagnostic {
    let Some(missing) = missing.as_ref().filter(|_| !open.is_constant) else {
        return open.diagnostic;
    };
    let Missing { region, touched, not_shown, is_outside, example, is_read_only, align, .. } =
        missing;
    let span = place_of(&function.insts[open.access.index], open.access.via);
    if *is_outside {
        return Diagnostic::new(Code::NeedsUnsafe, span, touched.clone()).help(WRAP);
    }
    let message = match (not_shown, is_read_only) {
        (Some(_), _) => format!("this is not proven to stay inside of `{region}`"),
        (None, true) => format!("`{region}` is written to, but it may only be read"),
        (None, false) => {
            format!("this place in `{region}` is not proven to be a multiple of {align}")
        }
    };
    let diagnostic = Diagnostic::new(Code::NeedsUnsafe, span, message).note(touched.clone());
    let Some(inequality) = not_shown else { return diagnostic.help(WRAP) };
    let what = match example {
        Some(values) => format!("`{inequality}` is not shown: {values} does not satisfy it"),
        None => format!("`{inequality}` is not shown"),
    };
    diagnostic.note(what).help(
        "compare what the address is made of with the length, on every path that leads here, or \
         state what the loop keeps: `invariant …;`; if you know that it stays inside, say so: \
         `unsafe { … }`",
    )
}

/// An invariant is not shown to hold whenever control comes there.
pub(super) fn describe_invariant(function: &Function, unshown: &Unshown) -> Diagnostic {
    let span = operand_span(&function.insts[unshown.index], 0);
    let message = "this invariant is not proven to hold whenever control comes here";
    let diagnostic = Diagnostic::new(Code::NotProven, span, message);
    let diagnostic = match (&unshown.not_shown, &unshown.example) {
        (Some(what), Some(values)) => {
            diagnostic.note(format!("`{what}` is not shown: {values} does not satisfy it"))
        }
        (Some(what), None) => diagnostic.note(format!("`{what}` is not shown")),
        (None, _) => diagnostic,
    };
    diagnostic.help(
        "it must follow from what comes before on every path: from comparisons, and at the head \
         of a loop from the invariants there, after every turn too",
    )
}

/// A stack variable is read before it is written.
pub(super) fn describe_unwritten(function: &Function, read: UnwrittenRead) -> Diagnostic {
    let inst = &function.insts[read.inst];
    let diagnostic = |message| {
        let span = read.operand.map_or(inst.span.into(), |operand| operand_span(inst, operand));
        Diagnostic::new(Code::UninitializedMemory, span, message)
    };
    let operand = inst.op.machine().zip(read.operand);
    let operand = operand.and_then(|(machine, operand)| machine.inst.operands.get(operand));
    let Some(Operand::Mem(Mem { base: Base::Local(local), .. })) = operand else {
        return diagnostic("read of uninitialized stack memory".to_string());
    };
    let local = &function[*local];
    diagnostic(format!(
        "byte {} of `{}` is read, but it is not written on every path that leads here",
        read.byte, local.name
    ))
    .label(local.span, format!("`{}` is declared here", local.name))
    .note("only unmasked writes of a fixed size at constant offsets count")
    .help("write it before, or read it in `unsafe { … }`")
}
