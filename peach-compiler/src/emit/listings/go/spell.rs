//! An instruction in the words of Go's assembler.
//!
//! In: an instruction with its bytes. Out: a line that the assembler makes the same bytes of, or
//! nothing, where it has no such line; the listing then holds the bytes.

use super::exceptions::is_known;
use super::names::name_of;
use crate::ir::{Base, BranchSize, Instruction, LabelId, Mem, Operand, Rounding, View};
use crate::isa::{self, Bank, Class, FeatureSet, PhysReg, as_encoded, gp};

/// What to call the memory and the labels that an instruction refers to.
pub(super) trait Places {
    /// Memory as an operand of `mnemonic`: its name, or nothing inside if it is an address like any
    /// other; `None` if it has to be in bytes.
    fn memory(&self, mem: &Mem<PhysReg>, mnemonic: &str) -> Option<Option<String>>;
    /// A label.
    fn label(&self, id: LabelId) -> String;
}

/// An instruction by itself, with nothing around it that has a name.
pub fn instruction(inst: &Instruction<PhysReg>, features: &FeatureSet) -> Option<String> {
    struct Nothing;
    impl Places for Nothing {
        fn memory(&self, _: &Mem<PhysReg>, _: &str) -> Option<Option<String>> {
            Some(None)
        }

        fn label(&self, id: LabelId) -> String {
            format!("label{}", id.0)
        }
    }
    spell(inst, features, &Nothing)
}

/// The line for `inst`, encoded with these extensions.
pub(super) fn spell(
    inst: &Instruction<PhysReg>,
    features: &FeatureSet,
    places: &dyn Places,
) -> Option<String> {
    let encoding = isa::encode(inst, features, BranchSize::Short).ok()?;
    let inst = &in_full(inst);
    if !is_known(inst, &encoding.bytes) {
        return None;
    }
    let mut name = name_of(inst, &encoding.bytes)?;
    name.push_str(&suffixes(inst));
    let mut operands = Vec::with_capacity(inst.operands.len() + 1);
    for operand in &inst.operands {
        operands.push(match operand {
            Operand::Imm(value) => number(inst, *value),
            operand => spell_operand(operand, &name, places)?,
        });
    }
    if let Some(mask) = inst.mask {
        operands.insert(1, register(mask)?);
    }
    if !is_forward(inst) {
        operands.reverse();
    }
    // The predicate of a comparison comes last, unless that is a VEX instruction.
    if matches!(inst.mnemonic.name(), "cmpps" | "cmppd" | "cmpss" | "cmpsd") && operands.len() == 3
    {
        operands.rotate_left(1);
    }
    let prefixes = inst.prefixes;
    let prefix = match (prefixes.lock, prefixes.rep, prefixes.repne) {
        (true, false, false) => "LOCK; ",
        (false, true, false) => "REP; ",
        (false, false, true) => "REPN; ",
        (false, false, false) => "",
        _ => return None,
    };
    let is_implied = prefixes.segment.is_some() || prefixes.narrow_address;
    if prefixes.bnd || prefixes.notrack || prefixes.xacquire || prefixes.xrelease || is_implied {
        return None;
    }
    Some(format!("{prefix}{name} {}", operands.join(", ")).trim_end().to_string())
}

/// The instruction with everything that its name implies as operands.
fn in_full(inst: &Instruction<PhysReg>) -> Instruction<PhysReg> {
    let mut inst = as_encoded(inst);
    if let Some((mnemonic, imm)) = inst.mnemonic.in_full() {
        inst.mnemonic = mnemonic;
        inst.operands.push(Operand::Imm(imm.into()));
    }
    match (inst.mnemonic.name(), inst.operands.len()) {
        ("shl" | "shr" | "sar" | "rol" | "ror" | "rcl" | "rcr", 1) => {
            inst.operands.push(Operand::Imm(1));
        }
        ("blendvps" | "blendvpd" | "pblendvb" | "sha256rnds2", 2) => {
            let mask = View { reg: PhysReg::vector(0), class: Class::Xmm };
            inst.operands.push(Operand::Reg(mask));
        }
        _ => {}
    }
    // `rsp` is not an index; the shorter of two bases is the other one.
    for operand in &mut inst.operands {
        if let Operand::Mem(Mem { base: Base::Reg(base), index: Some((index, 1)), .. }) = operand
            && index.reg == gp::RSP
        {
            std::mem::swap(base, index);
        }
    }
    inst
}

/// Comparisons name what they compare in the manual's order.
fn is_forward(inst: &Instruction<PhysReg>) -> bool {
    matches!(inst.mnemonic.name(), "cmp")
}

/// A number as the assembler takes it: of arithmetic with its sign, of anything else in bits.
fn number(inst: &Instruction<PhysReg>, value: i128) -> String {
    let width = match inst.operands.first() {
        Some(Operand::Reg(view)) if view.class.bank() == Bank::Gp => view.class.bytes(),
        Some(Operand::Mem(mem)) => mem.size.unwrap_or(8),
        _ => 8,
    };
    let shift = 64 - 8 * width.min(8);
    let name = inst.mnemonic.name();
    match ARITHMETIC.contains(&name) {
        true => format!("${}", ((value as u64) << shift) as i64 >> shift),
        false if SIGNED.iter().any(|start| name.starts_with(start)) => format!("${}", value as i8),
        false => format!("${}", value as u8),
    }
}

/// How the names of instructions begin whose byte has a sign for the assembler.
const SIGNED: &[&str] = &["bt", "cmpp", "cmps", "psll", "psra", "psrl", "shld", "shrd"];

/// Instructions whose numbers are as wide as their operands.
const ARITHMETIC: &[&str] =
    &["adc", "add", "and", "cmp", "imul", "mov", "or", "push", "sbb", "sub", "test", "xor"];

/// `.Z`, `.BCST` and the rounding modes of EVEX.
fn suffixes(inst: &Instruction<PhysReg>) -> String {
    let mut text = String::new();
    let broadcast =
        inst.operands.iter().any(|o| matches!(o, Operand::Mem(Mem { broadcast: Some(_), .. })));
    if broadcast {
        text.push_str(".BCST");
    }
    text.push_str(match inst.rounding {
        None => "",
        Some(Rounding::Nearest) => ".RN_SAE",
        Some(Rounding::Down) => ".RD_SAE",
        Some(Rounding::Up) => ".RU_SAE",
        Some(Rounding::Zero) => ".RZ_SAE",
        Some(Rounding::Sae) => ".SAE",
    });
    if inst.zeroing {
        text.push_str(".Z");
    }
    text
}

fn spell_operand(operand: &Operand<PhysReg>, name: &str, places: &dyn Places) -> Option<String> {
    match operand {
        Operand::Reg(view) => register(*view),
        Operand::Mem(mem) => match places.memory(mem, name)? {
            Some(named) => Some(named),
            None => address(mem),
        },
        Operand::Label(branch) => Some(places.label(branch.label)),
        Operand::Imm(_) | Operand::Relative(_) | Operand::RustConst(_) | Operand::RustSym(_) => {
            None
        }
    }
}

/// `8(AX)(CX*4)`.
fn address(mem: &Mem<PhysReg>) -> Option<String> {
    if mem.segment.is_some() || mem.disp_const.is_some() || mem.disp_size.is_some() {
        return None;
    }
    let mut text = if mem.disp == 0 { String::new() } else { mem.disp.to_string() };
    match mem.base {
        Base::Reg(view) if view.class == Class::Gp64 => {
            text.push_str(&format!("({})", register(view)?));
        }
        _ => return None,
    }
    if let Some((index, scale)) = mem.index {
        if !matches!(index.class, Class::Gp64 | Class::Xmm | Class::Ymm | Class::Zmm) {
            return None;
        }
        text.push_str(&format!("({}*{scale})", register(index)?));
    }
    Some(text)
}

/// A register's name: one for all sizes.
fn register(view: View<PhysReg>) -> Option<String> {
    const GP: [&str; 8] = ["AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI"];
    let num = view.reg.num;
    Some(match view.class {
        Class::Gp8h => format!("{}H", &GP[num as usize][..1]),
        Class::Gp8 | Class::Gp16 | Class::Gp32 | Class::Gp64 => match GP.get(num as usize) {
            Some(name) => (*name).to_string(),
            None => format!("R{num}"),
        },
        Class::Xmm => format!("X{num}"),
        Class::Ymm => format!("Y{num}"),
        Class::Zmm => format!("Z{num}"),
        Class::Mmx => format!("M{num}"),
        Class::K => format!("K{num}"),
        _ => return None,
    })
}
