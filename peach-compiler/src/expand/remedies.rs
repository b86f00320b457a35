//! What to write instead of an instruction that no form fits.
//!
//! In: the instruction and what is wrong with it. Out: a sentence, or nothing where none is surely
//! right. A remedy is tried before it is given: what it says to write is selected, and a wider view
//! of a register is not a remedy where the instruction reads bytes that its value does not have.

use super::Expander;
use crate::ir::{Instruction, Operand, Reg, View};
use crate::isa::{self, Bank, Class, FeatureSet, Lanes, Mnemonic, SelectError};
use crate::syntax::ast::{Expr, ExprKind};

impl Expander<'_, '_> {
    /// The remedy for `error`.
    pub(super) fn remedy(
        &self,
        inst: &Instruction<Reg>,
        error: &SelectError,
        exprs: &[&Expr],
    ) -> Option<String> {
        match error {
            SelectError::NoForm { operand, .. } => other_extension(inst)
                .or_else(|| other_name(inst))
                .or_else(|| mask_result(inst, *operand))
                .or_else(|| self.other_view(inst, *operand, exprs))
                .or_else(|| two_in_memory(inst))
                .or_else(|| symbol(inst)),
            SelectError::BadDecoration { .. } => other_prefix(inst).or_else(|| other_name(inst)),
            SelectError::RegisterConflict { .. } => other_name(inst),
            SelectError::OutOfRange { operand, .. } => far_address(inst, *operand),
            SelectError::MissingExtension(_)
            | SelectError::AmbiguousSize { .. }
            | SelectError::BadAddress { .. }
            | SelectError::Refused { .. } => None,
        }
    }

    /// Another view of one register: `shl x, count.gp8`.
    fn other_view(
        &self,
        inst: &Instruction<Reg>,
        guilty: Option<usize>,
        exprs: &[&Expr],
    ) -> Option<String> {
        let operands = guilty.map_or(0..inst.operands.len(), |operand| operand..operand + 1);
        operands.into_iter().find_map(|at| self.other_view_of(inst, at, exprs))
    }

    fn other_view_of(&self, inst: &Instruction<Reg>, at: usize, exprs: &[&Expr]) -> Option<String> {
        let Some(Operand::Reg(view)) = inst.operands.get(at) else { return None };
        let others: &[Class] = match view.class.bank() {
            Bank::Gp => &[Class::Gp64, Class::Gp32, Class::Gp16, Class::Gp8],
            Bank::Vector => &[Class::Xmm, Class::Ymm, Class::Zmm],
            _ => &[],
        };
        let mut too_wide = None;
        for &class in others.iter().filter(|class| **class != view.class) {
            let mut other = inst.clone();
            other.operands[at] = Operand::Reg(View { class, ..*view });
            if !fits(&other) {
                continue;
            }
            if reads_beyond(&other, *view, self.known_bytes(*view)) {
                too_wide = Some(class);
                continue;
            }
            // All bits of the value are wanted: a narrower view would lose some.
            if let Some(wide) = too_wide {
                return Some(extension(view.class, wide));
            }
            return Some(match (view.reg, exprs.get(at).map(|expr| &expr.kind)) {
                (Reg::Physical(reg), _) => format!("write `{}`", isa::register_name(reg, class)),
                (_, Some(ExprKind::Name(name))) => format!("write `{name}.{}`", class.name()),
                _ => format!("write `.{}` after it", class.name()),
            });
        }
        too_wide.map(|class| extension(view.class, class))
    }

    /// How many bytes of a register have a value according to its declaration.
    fn known_bytes(&self, view: View<Reg>) -> u32 {
        match view.reg {
            Reg::Virtual(vreg) => self.output.function[vreg].class.bytes(),
            Reg::Physical(_) => view.class.bytes(),
        }
    }
}

/// Rust items as operands: branches that depend on a condition, and arithmetic.
fn symbol(inst: &Instruction<Reg>) -> Option<String> {
    let last = inst.operands.last()?;
    match (last, inst.mnemonic.name().starts_with('j')) {
        (Operand::RustSym(_), true) => {
            Some("branch over a tail call: the opposite condition, and `jmp sym …`".to_string())
        }
        (Operand::RustSym(_), false) => Some("load the address first: `mov r, sym …`".to_string()),
        _ => None,
    }
}

/// Whether some form takes the instruction, whatever extension it needs.
fn fits(inst: &Instruction<Reg>) -> bool {
    isa::select(inst, &FeatureSet::all()).is_ok()
}

/// Whether the instruction needs bytes of a register beyond the first ones.
fn reads_beyond(inst: &Instruction<Reg>, view: View<Reg>, bytes: u32) -> bool {
    let Ok(selection) = isa::select(inst, &FeatureSet::all()) else { return true };
    let known = Lanes::low(bytes);
    let effects = isa::effects(inst, &selection);
    effects.regs.iter().any(|access| access.reg == view.reg && !known.contains(access.read))
}

/// How a narrow value becomes a wide one.
fn extension(from: Class, to: Class) -> String {
    let bits = 8 * from.bytes();
    match (from.bank(), from) {
        (Bank::Gp, Class::Gp32) => format!(
            "the value has {bits} bits: extend it first, with zeros by `mov` to itself as `gp32` \
             or with its sign by `movsxd`, and use the `{}`",
            to.name()
        ),
        (Bank::Gp, _) => format!(
            "the value has {bits} bits: extend it into another register first, by `movzx` or \
             `movsx`"
        ),
        _ => format!("only {bits} bits of it have a value: write it as a `{}` first", to.name()),
    }
}

/// `movzx rax, x` of 32 bits: extensions have names of their own for each width.
fn other_extension(inst: &Instruction<Reg>) -> Option<String> {
    let name = inst.mnemonic.name();
    let [Operand::Reg(to), Operand::Reg(from)] = inst.operands[..] else { return None };
    if !["mov", "movzx", "movsx", "movsxd"].contains(&name) {
        return None;
    }
    let is_gp = |view: View<Reg>| view.class.bank() == Bank::Gp;
    if !is_gp(to) || !is_gp(from) || from.class == Class::Gp8h {
        return None;
    }
    let (wide, narrow) = (to.class.bytes(), from.class.bytes());
    if wide == narrow {
        return Some("both are equally wide: write `mov`".to_string());
    }
    if wide < narrow {
        return None;
    }
    let zeros = match narrow {
        4 => "`mov` between the `gp32` of both, which clears the upper half",
        _ => "`movzx`",
    };
    let sign = if narrow == 4 { "`movsxd`" } else { "`movsx`" };
    match name {
        "movzx" => Some(format!("write {zeros}")),
        "movsx" | "movsxd" => Some(format!("write {sign}")),
        _ => Some(format!("extend it: with zeros by {zeros}, with its sign by {sign}")),
    }
}

/// The same operation under a name that takes these registers, masks or broadcasts.
fn other_name(inst: &Instruction<Reg>) -> Option<String> {
    let name = inst.mnemonic.name();
    let names: Vec<String> =
        isa::evex_names(inst).iter().map(|other| format!("`{other}`")).collect();
    if !names.is_empty() {
        return Some(format!("EVEX has other names for it: write {}", names.join(" or ")));
    }
    let is_wide = |operand: &Operand<Reg>| {
        matches!(operand, Operand::Reg(View { class: Class::Ymm | Class::Zmm, .. }))
    };
    let has_wide = inst.operands.iter().any(is_wide);
    if has_wide && let Some(help) = isa::evex_advice(name) {
        return Some(help.to_string());
    }
    let vex = Mnemonic::parse(&format!("v{name}")).filter(|_| has_wide)?;
    let sources = match (Instruction { mnemonic: vex, ..inst.clone() }, inst.operands.first()) {
        (same, _) if fits(&same) => "the same operands",
        (mut longer, Some(first)) => {
            longer.operands.insert(0, first.clone());
            fits(&longer).then_some("the destination and two sources")?
        }
        (_, None) => return None,
    };
    Some(format!("legacy SSE knows `xmm` alone: write `v{name}` with {sources}"))
}

/// EVEX compares and tests write masks.
fn mask_result(inst: &Instruction<Reg>, guilty: Option<usize>) -> Option<String> {
    let Some(Operand::Reg(view)) = inst.operands.first() else { return None };
    let is_first = guilty.is_none_or(|operand| operand == 0);
    if view.class.bank() != Bank::Vector || !is_first {
        return None;
    }
    let mut other = inst.clone();
    other.operands[0] = Operand::Reg(View { class: Class::K, ..*view });
    fits(&other).then(|| "the result is a mask here: declare `m: k` and write `m`".to_string())
}

fn two_in_memory(inst: &Instruction<Reg>) -> Option<String> {
    let is_memory = |operand: &&Operand<Reg>| matches!(operand, Operand::Mem(_));
    let count = inst.operands.iter().filter(is_memory).count();
    let is_string = isa::has_implied_memory(inst.mnemonic);
    (count > 1 && !is_string)
        .then(|| "one operand can be memory: load the other one first".to_string())
}

/// Prefixes that make another instruction of one, under its own name.
fn other_prefix(inst: &Instruction<Reg>) -> Option<String> {
    let prefixes = inst.prefixes;
    let name = match (inst.mnemonic.name(), prefixes.rep, prefixes.lock) {
        ("bsf", true, _) => "tzcnt",
        ("bsr", true, _) => "lzcnt",
        ("nop", true, _) => "pause",
        ("wbinvd", true, _) => "wbnoinvd",
        ("mov", _, true) => "xchg",
        _ => return None,
    };
    Some(match prefixes.lock {
        true => format!("an aligned `mov` is atomic; to exchange, write `{name}`"),
        false => format!("with this prefix it is another instruction: write `{name}`"),
    })
}

/// Addresses of 64 bits are those of `mov` with the accumulator.
fn far_address(inst: &Instruction<Reg>, operand: usize) -> Option<String> {
    let is_memory = matches!(inst.operands.get(operand), Some(Operand::Mem(_)));
    is_memory.then(|| {
        "put the address in a register first; `mov` to and from `al`, `ax`, `eax` and `rax` alone \
         takes 64 bits"
            .to_string()
    })
}
