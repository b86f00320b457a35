//! Gathers under a mask whose bits are all set: they write every lane of their destination.
//!
//! A mask is data, and what it does not select is kept. But a gather consumes its mask, which is
//! therefore set anew before each, as a rule to all ones by an idiom (`vpcmpeqd m, m, m`, `kxnorw
//! k, k, k`), a constant, or a copy of a register that was. A forward must-analysis knows these, of
//! the registers that gathers use as masks.

use super::{Cfg, MOST_LIVE};
use crate::ir::{Base, DataContent, Function, Instruction, Mem, Op, Operand, Reg, View};
use crate::isa::{Bank, Class, Effects, Lanes};
use crate::sorted::{SortedMap, SortedSet};

/// What is known at one place: registers, with how many of their low bytes (bits, of a mask
/// register) are ones.
type Ones = SortedMap<Reg, u32>;

/// Lets gathers under such a mask write what they may write.
pub(super) fn complete_gathers(function: &Function, cfg: &Cfg, effects: &mut [Effects<Reg>]) {
    for index in full_gathers(function, cfg, effects) {
        for access in &mut effects[index].regs {
            access.write |= std::mem::take(&mut access.may_write);
        }
    }
}

/// The gathers that write all lanes.
fn full_gathers(function: &Function, cfg: &Cfg, effects: &[Effects<Reg>]) -> Vec<usize> {
    let masks = Masks::of(function);
    if masks.regs.is_empty() {
        return Vec::new();
    }
    let mut at_entry: Vec<Option<Ones>> = vec![None; cfg.blocks.len()];
    cfg.entries.iter().for_each(|&entry| at_entry[entry as usize] = Some(Ones::new()));
    // Where so much is known, liveness gives up as well.
    let mut room = MOST_LIVE;
    cfg.run_forward(|number, pass_on| {
        let Some(mut ones) = at_entry[number].clone().filter(|_| room > 0) else { return };
        cfg.blocks[number].insts().for_each(|i| masks.step(&mut ones, function, effects, i));
        for &succ in &cfg.blocks[number].succs {
            let next = match &at_entry[succ as usize] {
                None => ones.clone(),
                Some(known) => meet(known, &ones),
            };
            if at_entry[succ as usize].as_ref() != Some(&next) {
                room = room.saturating_sub(next.len());
                at_entry[succ as usize] = Some(next);
                pass_on(succ);
            }
        }
    });
    if room == 0 {
        return Vec::new();
    }
    let mut full = Vec::new();
    for (block, ones) in cfg.blocks.iter().zip(at_entry) {
        let Some(mut ones) = ones else { continue };
        for index in block.insts() {
            if let Op::Machine(machine) = &function.insts[index].op
                && takes_all(&machine.inst, &ones)
            {
                full.push(index);
            }
            masks.step(&mut ones, function, effects, index);
        }
    }
    full
}

/// What both know.
fn meet(a: &Ones, b: &Ones) -> Ones {
    a.iter().filter_map(|(&reg, &count)| Some((reg, count.min(known_of(b, reg)?)))).collect()
}

fn known_of(ones: &Ones, reg: Reg) -> Option<u32> {
    ones.get(&reg).copied()
}

/// The masks of gathers, and what is moved to them.
struct Masks {
    regs: SortedSet<Reg>,
}

impl Masks {
    fn of(function: &Function) -> Masks {
        let mut moved: SortedMap<Reg, Vec<Reg>> = SortedMap::new();
        let mut todo = Vec::new();
        for inst in &function.insts {
            match &inst.op {
                Op::Copy { dst, src } => moved.get_or_default(dst.reg).push(src.reg),
                Op::Machine(machine) => {
                    todo.extend(mask_of(&machine.inst).map(|view| view.reg));
                    if let [Operand::Reg(dst), Operand::Reg(src)] = machine.inst.operands.as_slice()
                        && is_plain_move(machine.inst.mnemonic.name())
                    {
                        moved.get_or_default(dst.reg).push(src.reg);
                    }
                }
                Op::Label(_)
                | Op::SetImm { .. }
                | Op::Undefined { .. }
                | Op::LoadArg { .. }
                | Op::Local(..)
                | Op::Return(_)
                | Op::Align(_)
                | Op::Ghost(_)
                | Op::Bytes(_) => {}
            }
        }
        let mut regs = SortedSet::new();
        while let Some(reg) = todo.pop() {
            if regs.insert(reg) {
                todo.extend(moved.remove(&reg).unwrap_or_default());
            }
        }
        Masks { regs }
    }

    fn step(&self, ones: &mut Ones, function: &Function, effects: &[Effects<Reg>], index: usize) {
        let set = match &function.insts[index].op {
            Op::Copy { dst, src } => copied(ones, *dst, *src),
            Op::Machine(machine) => set_by(ones, function, &machine.inst),
            Op::Label(_)
            | Op::SetImm { .. }
            | Op::Undefined { .. }
            | Op::LoadArg { .. }
            | Op::Local(..)
            | Op::Return(_)
            | Op::Align(_)
            | Op::Ghost(_)
            | Op::Bytes(_) => None,
        };
        for access in &effects[index].regs {
            if !(access.write | access.may_write).is_empty() {
                ones.remove(&access.reg);
            }
        }
        ones.extend(set.filter(|(reg, _)| self.regs.contains(reg)));
    }
}

fn copied(ones: &Ones, dst: View<Reg>, src: View<Reg>) -> Option<(Reg, u32)> {
    known_of(ones, src.reg).map(|count| (dst.reg, count.min(width(dst.class))))
}

/// Bytes of a vector, bits of a mask.
fn width(class: Class) -> u32 {
    if class == Class::K { 64 } else { class.bytes() }
}

/// The register that `inst` fills with ones, and how far.
fn set_by(ones: &Ones, function: &Function, inst: &Instruction<Reg>) -> Option<(Reg, u32)> {
    let name = inst.mnemonic.name();
    let Some(Operand::Reg(dst)) = inst.operands.first() else { return None };
    if inst.mask.is_some() || !matches!(dst.class.bank(), Bank::Vector | Bank::Mask) {
        return None;
    }
    let sources = &inst.operands[1..];
    let is_same = match sources {
        [Operand::Reg(a)] => a == dst,
        [Operand::Reg(a), Operand::Reg(b)] => a == b,
        _ => false,
    };
    let compares =
        name.trim_start_matches('v').starts_with("pcmpeq") && dst.class.bank() == Bank::Vector;
    match (name, sources) {
        _ if compares && is_same => Some((dst.reg, width(dst.class))),
        ("kxnorb", _) if is_same => Some((dst.reg, 8)),
        ("kxnorw", _) if is_same => Some((dst.reg, 16)),
        ("kxnord", _) if is_same => Some((dst.reg, 32)),
        ("kxnorq", _) if is_same => Some((dst.reg, 64)),
        (name, [Operand::Reg(src)]) if is_plain_move(name) => {
            let moved = match name {
                "kmovb" => 8,
                "kmovw" => 16,
                "kmovd" => 32,
                _ => width(dst.class),
            };
            copied(ones, *dst, *src).map(|(reg, count)| (reg, count.min(moved)))
        }
        (name, [Operand::Mem(mem)]) if is_plain_move(name) && dst.class != Class::K => {
            is_constant_ones(function, mem, width(dst.class)).then_some((dst.reg, width(dst.class)))
        }
        _ => None,
    }
}

/// Whether `mem` is a constant of at least `size` bytes, all of them `0xFF`.
fn is_constant_ones(function: &Function, mem: &Mem<Reg>, size: u32) -> bool {
    let Base::Data(data) = mem.base else { return false };
    let DataContent::Bytes(bytes) = &function[data].content else { return false };
    let is_start = mem.disp == 0 && mem.index.is_none() && mem.disp_const.is_none();
    is_start && bytes.len() >= size as usize && bytes.iter().all(|byte| *byte == 0xFF)
}

/// Whether it moves a whole register.
fn is_plain_move(name: &str) -> bool {
    const MOVES: [&str; 10] = [
        "vmovdqa", "vmovdqu", "vmovaps", "vmovups", "vmovapd", "vmovupd", "kmovb", "kmovw",
        "kmovd", "kmovq",
    ];
    MOVES.contains(&name)
}

/// Whether `inst` is a gather whose mask is all ones.
fn takes_all(inst: &Instruction<Reg>, ones: &Ones) -> bool {
    let (Some(mask), Some(element)) = (mask_of(inst), element_bytes(inst)) else { return false };
    let Some(Operand::Reg(dst)) = inst.operands.first() else { return false };
    known_of(ones, mask.reg).is_some_and(|count| match mask.class {
        Class::K => count >= dst.class.bytes() / element,
        _ => Lanes::low(count).contains(dst.class.lanes()),
    })
}

/// The mask of a gather.
fn mask_of(inst: &Instruction<Reg>) -> Option<View<Reg>> {
    element_bytes(inst)?;
    match (inst.mask, inst.operands.get(2)) {
        (Some(mask), _) => Some(mask),
        (None, Some(Operand::Reg(mask))) => Some(*mask),
        (None, _) => None,
    }
}

/// The size of what a gather loads for each lane; `None` for other instructions.
fn element_bytes(inst: &Instruction<Reg>) -> Option<u32> {
    let kind = inst
        .mnemonic
        .name()
        .trim_start_matches('v')
        .trim_start_matches('p')
        .strip_prefix("gather")?;
    match kind {
        "dps" | "qps" | "dd" | "qd" => Some(4),
        "dpd" | "qpd" | "dq" | "qq" => Some(8),
        _ => None,
    }
}
