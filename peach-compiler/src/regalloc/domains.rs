//! Which physical registers each virtual register may get: what the convention and the frame leave,
//! what every instruction takes at its places, less what physical registers occupy.

use super::interference::Interference;
use super::solve::Registers;
use crate::analysis::{Facts, frame_base, needs_frame_base};
use crate::ir::{Function, Op, Reg, VReg};
use crate::isa::{Bank, Class, Constraints, Feature, Lanes, PhysReg, RegSet, gp};
use crate::sorted;

/// What may go where.
#[derive(Clone, Debug)]
pub(super) struct Domains {
    /// Per virtual register.
    pub allowed: Vec<RegSet>,
    /// Virtual registers that must be consecutive, the first a multiple of the length.
    pub groups: Vec<Vec<VReg>>,
    file: RegisterFile,
}

/// The registers that a function may use.
#[derive(Clone, Debug)]
pub(super) struct RegisterFile {
    gp: Registers,
    vector: Registers,
    mask: Registers,
    small: Registers,
}

impl RegisterFile {
    /// What the convention and the frame leave.
    pub fn of(function: &Function, facts: &Facts) -> RegisterFile {
        let written = written(facts);
        RegisterFile {
            gp: gp_registers(function, written[0]),
            vector: vector_registers(function, written[1]),
            mask: Registers { free: Bank::Mask.registers(), saved: Vec::new() },
            small: Registers { free: Bank::Mmx.registers(), saved: Vec::new() },
        }
    }

    /// Those of one bank.
    pub fn of_bank(&self, bank: Bank) -> &Registers {
        match bank {
            Bank::Gp => &self.gp,
            Bank::Vector => &self.vector,
            Bank::Mask => &self.mask,
            Bank::Mmx | Bank::Tile => &self.small,
            // Nothing of these is allocated.
            Bank::Segment | Bank::Control | Bank::Debug | Bank::X87 | Bank::Ip => &self.small,
        }
    }
}

impl Domains {
    /// Collects them.
    pub fn of(function: &Function, facts: &Facts, interference: &Interference) -> Domains {
        let mut domains = Domains {
            allowed: Vec::new(),
            groups: Vec::new(),
            file: RegisterFile::of(function, facts),
        };
        let banks = function.vregs.iter().map(|info| info.class.bank());
        domains.allowed = banks
            .zip(&interference.blocked)
            .map(|(bank, &blocked)| domains.registers(bank).all() - blocked)
            .collect();
        for (inst, constraints) in function.insts.iter().zip(&facts.constraints) {
            for &(reg, allowed) in &constraints.allowed {
                domains.restrict(reg, allowed);
            }
            domains.group(constraints);
            domains.restrict_pseudo(function, &inst.op);
        }
        sorted::sort(&mut domains.groups);
        domains.groups.dedup();
        domains
    }

    /// The registers of a bank.
    pub fn registers(&self, bank: Bank) -> &Registers {
        self.file.of_bank(bank)
    }

    fn restrict(&mut self, reg: Reg, allowed: RegSet) {
        if let Reg::Virtual(vreg) = reg {
            self.allowed[vreg.index()] = self.allowed[vreg.index()] & allowed;
        }
    }

    /// A group with a physical member fixes the others; one of virtual registers is kept.
    fn group(&mut self, constraints: &Constraints<Reg>) {
        for group in &constraints.groups {
            let anchor = group.iter().enumerate().find_map(|(offset, reg)| match reg {
                Reg::Physical(reg) => Some(reg.num.wrapping_sub(offset as u8)),
                Reg::Virtual(_) => None,
            });
            if let Some(first) = anchor {
                for (offset, &reg) in group.iter().enumerate() {
                    self.restrict(reg, RegSet::one((first + offset as u8) & 31));
                }
                continue;
            }
            let virtuals = group.iter().filter_map(|reg| match reg {
                Reg::Virtual(vreg) => Some(*vreg),
                Reg::Physical(_) => None,
            });
            self.groups.push(virtuals.collect());
        }
    }

    /// Moves of xmm16 to 31 and ymm16 to 31 need AVX-512VL; without it only instructions on zmm
    /// reach them.
    fn restrict_pseudo(&mut self, function: &Function, op: &Op) {
        let has_vl = function.features.contains(Feature::AVX512VL);
        let is_narrow = |class: Class| matches!(class, Class::Xmm | Class::Ymm) && !has_vl;
        match op {
            Op::Copy { dst, src } => {
                if is_narrow(dst.class) {
                    self.restrict(dst.reg, Bank::Vector.without_evex());
                    self.restrict(src.reg, Bank::Vector.without_evex());
                }
            }
            Op::LoadArg { arg } => {
                let vreg = function[*arg].vreg;
                if is_narrow(function[vreg].class) {
                    self.restrict(Reg::Virtual(vreg), Bank::Vector.without_evex());
                }
            }
            Op::Label(_)
            | Op::Machine(_)
            | Op::SetImm { .. }
            | Op::Undefined { .. }
            | Op::Local(..)
            | Op::Return(_)
            | Op::Align(_)
            | Op::Ghost(_)
            | Op::Bytes(_) => {}
        }
    }
}

/// Registers that are written as physical ones: they are saved anyway if they must be. (A call
/// under the Microsoft convention changes the upper halves of registers whose lower halves it
/// keeps.)
fn written(facts: &Facts) -> [RegSet; 2] {
    let mut written = [RegSet::NONE; 2];
    for access in facts.effects.iter().flat_map(|effects| &effects.regs) {
        if let Reg::Physical(PhysReg { bank, num }) = access.reg
            && (access.write | access.may_write).intersects(Lanes::low(16))
        {
            match bank {
                Bank::Gp => written[0] = written[0] | RegSet::one(num),
                Bank::Vector => written[1] = written[1] | RegSet::one(num),
                Bank::Mask | Bank::Mmx | Bank::Tile => {}
                Bank::Segment | Bank::Control | Bank::Debug | Bank::X87 | Bank::Ip => {}
            }
        }
    }
    written
}

fn gp_registers(function: &Function, written: RegSet) -> Registers {
    let mut all = Bank::Gp.registers() - RegSet::of(&[gp::RSP]);
    all = all - function.convention.reserved_gp;
    // A frame that is realigned is addressed through a register.
    if let Some(base) = needs_frame_base(function).then(|| frame_base(function)).flatten() {
        all = all - RegSet::one(base.num);
    }
    let saved = (function.convention.saved_gp - written) & all;
    // Short pushes first; some make long addresses as bases.
    let poor_bases = RegSet::of(&[gp::RBP, gp::R12, gp::R13]);
    let mut in_order: Vec<u8> = saved.iter().collect();
    sorted::sort_by_key(&mut in_order, |&num| {
        (!RegSet::WITHOUT_REX.contains(num), poor_bases.contains(num))
    });
    Registers { free: all - saved, saved: in_order }
}

fn vector_registers(function: &Function, written: RegSet) -> Registers {
    let has_evex = function.features.contains(Feature::AVX512F);
    let all = if has_evex { Bank::Vector.registers() } else { Bank::Vector.without_evex() };
    let saved = (function.convention.saved_xmm - written) & all;
    Registers { free: all - saved, saved: saved.iter().collect() }
}
