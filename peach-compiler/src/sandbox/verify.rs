//! What has no place in a sandbox, as diagnostics: instructions that its validator refuses, and
//! what cannot be rewritten without changing what it means.
//!
//! The list is that of "NaCl SFI model on x86-64 systems", section "Text Segment Rules", and of the
//! tables of its validator (`validator_ragel/instruction_definitions`). Extensions that the
//! validator does not know are not enabled in the first place.

use crate::analysis::Facts;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Place};
use crate::ir::{Base, Function, Inst, Instruction, Mem, Op, Operand, Register, View};
use crate::isa::{Bank, Class, Control, Effects, Flags, Hazard};

/// Reports what the sandbox of the function's convention, if it has one, does not allow.
pub fn verify(function: &Function, facts: &Facts, diagnostics: &mut Diagnostics) {
    if function.convention.sandbox.is_none() {
        return;
    }
    for (index, inst) in function.insts.iter().enumerate() {
        let found = match &inst.op {
            Op::Machine(machine) => {
                let flags = facts.flags_live_out[index];
                refusal(&machine.inst, &facts.effects[index], flags)
            }
            Op::Bytes(_) => Some(Refusal {
                operand: None,
                what: "raw bytes are not allowed in a sandbox".to_string(),
                why: "its validator decodes every instruction, and most have to be rewritten",
                help: "write them as instructions",
            }),
            Op::Label(_)
            | Op::Copy { .. }
            | Op::SetImm { .. }
            | Op::Undefined { .. }
            | Op::LoadArg { .. }
            | Op::Local(..)
            | Op::Return(_)
            | Op::Align(_)
            | Op::Ghost(_) => None,
        };
        if let Some(refused) = found {
            diagnostics.push(refused.diagnostic(inst, function.convention.name));
        }
    }
}

/// Why an instruction cannot be in a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The operand to blame.
    pub operand: Option<usize>,
    /// What is not allowed.
    pub what: String,
    /// The reason.
    pub why: &'static str,
    /// What to write instead.
    pub help: &'static str,
}

impl Refusal {
    fn diagnostic(self, inst: &Inst, convention: &str) -> Diagnostic {
        let whole = Place::from(inst.span);
        let operand = self.operand.and_then(|index| inst.operand_spans.get(index).copied());
        Diagnostic::new(Code::Refused, operand.unwrap_or(whole), self.what)
            .note(format!("`{convention}`: {}", self.why))
            .help(self.help)
    }
}

/// Why an instruction, after which `flags_live` matter, cannot be in a sandbox; `None` if it can.
pub fn refusal<R: Register>(
    inst: &Instruction<R>,
    effects: &Effects<R>,
    flags_live: Flags,
) -> Option<Refusal> {
    address(inst)
        .or_else(|| by_name(inst))
        .or_else(|| by_operands(inst))
        .or_else(|| by_effects(inst, effects, flags_live))
        .or_else(|| by_prefix(inst))
}

fn address<R: Register>(inst: &Instruction<R>) -> Option<Refusal> {
    let find = |is_bad: &dyn Fn(&Mem<R>) -> bool| {
        inst.operands.iter().position(|operand| matches!(operand, Operand::Mem(mem) if is_bad(mem)))
    };
    let refused = |operand, what: &str, why, help| Refusal {
        operand: Some(operand),
        what: what.to_string(),
        why,
        help,
    };
    let is_vector = |view: View<R>| view.class.bank() == Bank::Vector;
    if let Some(at) = find(&|mem| mem.segment.is_some()) {
        let why = "segments reach outside of the sandbox";
        return Some(refused(at, "a segment override leaves the sandbox", why, SEGMENT));
    }
    if let Some(at) = find(&|mem| mem.index.is_some_and(|(index, _)| is_vector(index))) {
        let why = "an address is checked in a general-purpose register, just before its use";
        let help = "load the elements one by one: `pextrd i, index, 0; movd x, [p + i*4];`";
        return Some(refused(at, "vector indices cannot be confined to the sandbox", why, help));
    }
    let is_far = |mem: &Mem<R>| i32::try_from(mem.disp).is_err();
    if let Some(at) = find(&|mem| matches!(mem.base, Base::None) && is_far(mem)) {
        let why = "an address in a sandbox has 32 bits";
        return Some(refused(at, "this address is outside of the sandbox", why, SEGMENT));
    }
    let is_high =
        |operand: &Operand<R>| matches!(operand, Operand::Reg(view) if view.class == Class::Gp8h);
    if inst.operands.iter().any(is_high)
        && let Some(at) = find(&|mem| matches!(mem.base, Base::Reg(_)) || mem.index.is_some())
    {
        let why = "the address gets the base of the sandbox, `r15`, which needs a REX prefix";
        let help = "go by the low byte of another register";
        let what = "`ah`, `bh`, `ch` and `dh` cannot be used with an address here";
        return Some(refused(at, what, why, help));
    }
    let is_narrow = |view: View<R>| view.class == Class::Eip;
    let at = find(&|mem| matches!(mem.base, Base::Reg(view) if is_narrow(view)))?;
    let why = "addresses of 32 bits need a prefix that its validator rejects";
    Some(refused(at, "`eip` cannot be the base of an address here", why, "write `rip`"))
}

const SEGMENT: &str = "pass a pointer to the memory as an argument";

/// Instructions that the validator refuses, and what to write instead.
const REFUSED: &[(&[&str], &str)] = &[
    (&["enter", "leave"], "declare stack memory: `let buffer: [u8; 64];`"),
    (&["xlatb"], "`movzx eax, byte [rbx + rax];`"),
    (&["pushfq", "pushfw", "popfq", "popfw"], "`setcc` and `lahf` keep flags in registers"),
    (&["jecxz"], "`test ecx, ecx; jz …;`"),
    (&["int", "int3", "int1", "ud0", "ud1"], "`ud2` stops the program"),
    (&["clflush", "monitor", "mwait", "rdpmc"], "remove it"),
    (&["endbr64", "endbr32"], "remove it: indirect jumps go to the starts of bundles only"),
    (&["lfs", "lgs", "lss", "lar", "lsl", "verr", "verw"], "segment registers must not be read"),
    (&["sgdt", "sidt", "sldt", "smsw", "str"], "system registers must not be read"),
];

fn by_name<R: Register>(inst: &Instruction<R>) -> Option<Refusal> {
    let name = inst.mnemonic.name();
    let (_, help) = REFUSED.iter().find(|(names, _)| names.contains(&name))?;
    Some(refused(name, None, help))
}

fn refused(name: &str, operand: Option<usize>, help: &'static str) -> Refusal {
    let what = format!("`{name}` is not allowed in a sandbox");
    Refusal { operand, what, why: "its validator rejects the instruction", help }
}

/// Instructions that are refused with some operands only.
fn by_operands<R: Register>(inst: &Instruction<R>) -> Option<Refusal> {
    let name = inst.mnemonic.name();
    let class = |index: usize| match inst.operands.get(index) {
        Some(Operand::Reg(view)) => Some(view.class),
        _ => None,
    };
    let size = |index: usize| match inst.operands.get(index) {
        Some(Operand::Mem(mem)) => mem.size,
        _ => class(index).map(Class::bytes),
    };
    match name {
        "bt" | "btc" | "btr" | "bts" if class(1).is_some() => {
            let help = "`shr t, i; test t, 1;`, or a constant for the bit";
            Some(Refusal {
                why: "its validator rejects bit numbers in registers, which reach any memory",
                ..refused(name, Some(1), help)
            })
        }
        "lzcnt" | "tzcnt" | "popcnt" if class(0) == Some(Class::Gp16) => {
            Some(refused(name, Some(0), "extend it to 32 bits first: `movzx`"))
        }
        "crc32" if size(1) == Some(2) => Some(refused(name, Some(1), "use two single bytes")),
        "nop" if size(0) == Some(2) => Some(refused(name, Some(0), "`align 16;` pads")),
        "call" | "jmp" if matches!(size(0), Some(6 | 10)) => {
            Some(refused(name, Some(0), "use an address of 4 bytes"))
        }
        _ => {
            let is_segment = |index: &usize| class(*index).map(Class::bank) == Some(Bank::Segment);
            let operand = (0..inst.operands.len()).find(is_segment)?;
            Some(refused(name, Some(operand), "remove it: all segments start at 0"))
        }
    }
}

fn by_effects<R: Register>(
    inst: &Instruction<R>,
    effects: &Effects<R>,
    live: Flags,
) -> Option<Refusal> {
    let name = inst.mnemonic.name();
    if effects.hazard == Some(Hazard::System) && !is_harmless(name) {
        let help = "call a function that uses the service runtime";
        return Some(Refusal {
            why: "code in a sandbox cannot make system calls",
            ..refused(name, None, help)
        });
    }
    if effects.control == Control::IndirectJump && live.0 & Flags::STATUS.0 != 0 {
        return Some(Refusal {
            operand: None,
            what: format!("flags do not survive this `{name}`"),
            why: "the target is confined to the sandbox by `and`, which sets flags",
            help: "set the flags after the label",
        });
    }
    None
}

/// What the validator accepts of the instructions that a plain `fn` may not contain.
fn is_harmless(name: &str) -> bool {
    matches!(name, "hlt" | "cpuid" | "rdtsc" | "fxsave" | "fxsave64" | "fxrstor" | "fxrstor64")
}

fn by_prefix<R: Register>(inst: &Instruction<R>) -> Option<Refusal> {
    let prefixes = inst.prefixes;
    let refused = |prefix: &str, help| {
        Some(Refusal {
            operand: None,
            what: format!("`{prefix}` is not allowed in a sandbox"),
            why: "its validator rejects the prefix",
            help,
        })
    };
    match inst.mnemonic.name() {
        _ if prefixes.segment.is_some() => refused("fs:", "all segments start at 0: remove it"),
        _ if prefixes.narrow_address => refused("[edi]", "write the 64-bit register"),
        _ if prefixes.bnd => refused("bnd", "remove it"),
        _ if prefixes.notrack => refused("notrack", "remove it"),
        _ if prefixes.xacquire => refused("xacquire", "remove it: `lock` is enough"),
        _ if prefixes.xrelease => refused("xrelease", "remove it: `lock` is enough"),
        "movsw" | "cmpsw" | "stosw" | "lodsw" | "scasw" if prefixes.rep || prefixes.repne => {
            refused("rep", "use single bytes or four: its validator rejects the prefix with words")
        }
        _ => None,
    }
}
