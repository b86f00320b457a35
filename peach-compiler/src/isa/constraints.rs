//! What an instruction requires of the registers that it gets.
//!
//! In: an instruction and the forms that fit it. Out: [`Constraints`], complete: registers that
//! meet them can be encoded in one of the forms.

use crate::isa::forms::traits::Distinct;
use crate::isa::{Bank, Class, PhysReg, RegSet, Selection, gp};
use crate::isa::{Instruction, Operand, Register, View};

/// What an instruction requires of the registers that it gets.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraints<R> {
    /// Registers that must be one of a set.
    pub allowed: Vec<(R, RegSet)>,
    /// Pairs that must differ (gathers: destination, index, mask).
    pub distinct: Vec<(R, R)>,
    /// Registers that must be consecutive, the first a multiple of the length (4FMAPS,
    /// VP2INTERSECT).
    pub groups: Vec<Vec<R>>,
}

impl<R> Default for Constraints<R> {
    fn default() -> Self {
        Constraints { allowed: Vec::new(), distinct: Vec::new(), groups: Vec::new() }
    }
}

/// What `inst`, in the forms of `selection`, requires of its registers.
pub fn constraints<R: Register>(inst: &Instruction<R>, selection: &Selection) -> Constraints<R> {
    let mut constraints = Constraints::default();
    allow_operands(inst, selection, &mut constraints);
    allow_addresses(inst, selection, &mut constraints);
    if let Some(mask) = inst.mask {
        // k0 as a write mask means "no mask".
        constraints.allow(mask, Bank::Mask.registers() - RegSet::of(&[PhysReg::mask(0)]));
    }
    if let (Some((operand, _)), false) = (selection.block(), inst.block.is_empty())
        && let Some(Operand::Reg(first)) = inst.operands.get(operand)
    {
        constraints.groups.push([&[first.reg], inst.block.as_slice()].concat());
    }
    exclude_rex(inst, &mut constraints);
    separate(inst, selection, &mut constraints);
    constraints
}

impl<R: Register> Constraints<R> {
    /// `view` must be in `set`, and in every other set it was given.
    fn allow(&mut self, view: View<R>, set: RegSet) {
        let all = view.class.bank().registers();
        if (all - set).is_empty() {
            return;
        }
        match self.allowed.iter_mut().find(|(reg, _)| *reg == view.reg) {
            Some((_, old)) => *old = *old & set,
            None => self.allowed.push((view.reg, all & set)),
        }
    }

    fn keep_apart(&mut self, a: R, b: R) {
        if a != b && !self.distinct.contains(&(a, b)) && !self.distinct.contains(&(b, a)) {
            self.distinct.push((a, b));
        }
    }
}

/// Each operand may be what some form takes: xmm16 needs one with EVEX, `shl r, n` needs `cl`.
fn allow_operands<R: Register>(
    inst: &Instruction<R>,
    selection: &Selection,
    constraints: &mut Constraints<R>,
) {
    for (n, operand) in inst.operands.iter().enumerate() {
        let Operand::Reg(view) = operand else { continue };
        let set = selection.forms().iter().fold(RegSet::NONE, |all, form| {
            all | form.operands().get(n).map_or(RegSet::NONE, |operand| operand.registers)
        });
        if !set.is_empty() {
            constraints.allow(*view, set);
        }
    }
}

fn allow_addresses<R: Register>(
    inst: &Instruction<R>,
    selection: &Selection,
    constraints: &mut Constraints<R>,
) {
    for operand in &inst.operands {
        let Operand::Mem(mem) = operand else { continue };
        let Some((index, _)) = mem.index else { continue };
        if index.class.bank() == Bank::Vector {
            let is_evex = selection.forms().iter().any(|form| form.is_evex());
            let bank = Bank::Vector;
            let set = if is_evex { bank.registers() } else { bank.without_evex() };
            constraints.allow(index, set);
        } else {
            // The number of `rsp` in the index field means "no index".
            constraints.allow(index, Bank::Gp.registers() - RegSet::of(&[gp::RSP]));
        }
    }
}

/// `ah` has the number of `spl`: the absence of a REX prefix decides which one is meant.
fn exclude_rex<R: Register>(inst: &Instruction<R>, constraints: &mut Constraints<R>) {
    let views: Vec<View<R>> = inst.operands.iter().flat_map(Operand::views).collect();
    if !views.iter().any(|view| view.class == Class::Gp8h) {
        return;
    }
    for view in views {
        match view.class {
            Class::Gp8h | Class::Gp8 => constraints.allow(view, RegSet::WITH_HIGH_BYTE),
            Class::Gp16 | Class::Gp32 | Class::Gp64 => constraints.allow(view, RegSet::WITHOUT_REX),
            _ => {}
        }
    }
}

/// Registers that the processor requires to be different: gathers, AMX, complex multiplication.
fn separate<R: Register>(
    inst: &Instruction<R>,
    selection: &Selection,
    constraints: &mut Constraints<R>,
) {
    let distinct = selection.forms()[0].distinct();
    if distinct == Distinct::Any {
        return;
    }
    let mut regs = Vec::new();
    for operand in &inst.operands {
        match operand {
            Operand::Reg(view) => regs.push(*view),
            Operand::Mem(mem) => regs.extend(mem.index.map(|(index, _)| index)),
            _ => {}
        }
    }
    regs.retain(|view| matches!(view.class.bank(), Bank::Vector | Bank::Tile));
    for (n, a) in regs.iter().enumerate() {
        let others = if distinct == Distinct::All || n == 0 { &regs[n + 1..] } else { &[] };
        others.iter().for_each(|b| constraints.keep_apart(a.reg, b.reg));
    }
}
