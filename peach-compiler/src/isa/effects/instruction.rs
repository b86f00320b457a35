//! From rows to instructions: what one instruction reads and writes, by register lane, flag and
//! memory operand.
//!
//! In: an instruction over any kind of register, and the forms that fit it. Out: [`Effects`]. What
//! a row of the table does whatever its registers are is worked out once, in `row`; here it is
//! brought together with the instruction's own operands, immediate, mask and prefixes. Total: every
//! selected instruction has effects, and what is not known exactly errs toward reading more and
//! writing less surely.

use crate::isa::effects::entry::Output;
use crate::isa::effects::idioms::{self, Known};
use crate::isa::effects::row::{Flow, Masking, Row, Unnamed};
use crate::isa::effects::rows;
use crate::isa::effects::suppression;
use crate::isa::effects::types::add;
use crate::isa::{
    Access, Bank, Class, Copied, Effects, Elements, Flags, Form, Lanes, PhysReg, Reach, Selection,
    Slot, Touched,
};
use crate::isa::{Base, Instruction, Mem, Operand, Register, View};
use iced_x86::OpCodeOperandKind as Kind;

/// What `inst`, in the forms of `selection`, reads and writes.
pub fn effects<R: Register>(inst: &Instruction<R>, selection: &Selection) -> Effects<R> {
    // All forms mean the same; the first speaks for them.
    let form = selection.forms()[0];
    let has_memory = inst.operands.iter().any(|operand| matches!(operand, Operand::Mem(_)));
    let row = rows::row(form.opcode(), has_memory);
    let mut builder = Builder { inst, form, row, flows: row.operands.clone(), copied: row.copied };
    builder.refine_by_values();
    builder.apply_mask();
    builder.finish()
}

/// Brings a row together with the operands of one instruction.
struct Builder<'a, R> {
    inst: &'a Instruction<R>,
    form: &'static Form,
    row: &'static Row,
    /// What happens to each of the row's operands.
    flows: Vec<Flow>,
    /// Bytes of the destination that come unchanged from the row's second operand.
    copied: Lanes,
}

impl<R: Register> Builder<'_, R> {
    /// The source operand that is in a slot of the row.
    fn operand(&self, slot: usize) -> Option<&Operand<R>> {
        match self.form.slots().get(slot)? {
            Slot::Operand(n) => self.inst.operands.get(usize::from(*n)),
            Slot::Fixed | Slot::Imm(_) => None,
        }
    }

    /// The register in a slot of the row.
    fn register(&self, slot: usize) -> Option<View<R>> {
        match self.operand(slot)? {
            Operand::Reg(view) => Some(*view),
            _ => None,
        }
    }

    /// The row's immediate, where its value is known.
    fn immediate(&self) -> Option<i128> {
        let slot = self.row.immediate?;
        match self.form.slots()[slot] {
            Slot::Imm(value) => Some(i128::from(value)),
            Slot::Operand(_) | Slot::Fixed => match self.operand(slot)? {
                Operand::Imm(value) => Some(*value),
                _ => None,
            },
        }
    }

    fn same_register(&self, a: usize, b: usize) -> bool {
        match (self.register(a), self.register(b)) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        }
    }

    /// What the immediate and equal registers make more precise.
    fn refine_by_values(&mut self) {
        let imm = self.immediate();
        if let Some(imm) = imm {
            self.copied = self.row.by_imm.apply(imm as u8, self.row, self.copied, &mut self.flows);
        }
        let same = |a, b| self.same_register(a, b);
        let Some(code) = self.form.opcode().iced() else { return };
        let known = idioms::known(code, self.row.entry, self.row.immediate, imm, same);
        for (slot, flow) in self.flows.iter_mut().enumerate() {
            if known.unread.contains(slot) {
                flow.read = Lanes::NONE;
            }
        }
        match known.result {
            Known::Zero => {
                let computed = self.flows[0].write - self.copied;
                self.flows[0].zeroed |= computed;
            }
            Known::Bytes(value) => {
                for byte in (0..8).filter(|byte| value >> (8 * byte) & 0xff == 0) {
                    let lane = Lanes::range(byte, 1) & self.flows[0].write;
                    self.flows[0].zeroed |= lane;
                }
            }
            Known::Nothing => {}
        }
    }

    /// What `{k1}` and `{z}` make of the destination.
    fn apply_mask(&mut self) {
        if self.inst.mask.is_none() {
            return;
        }
        if !self.row.is_scalar {
            // The mask governs copied bytes too.
            self.flows.get_mut(1).into_iter().for_each(|flow| flow.read |= self.copied);
            self.copied = Lanes::NONE;
        }
        let Some(dest) = self.flows.first_mut() else { return };
        match self.row.masking {
            Masking::Elements if self.inst.zeroing => {}
            Masking::Elements => {
                dest.may_write |= dest.write & self.row.result;
                dest.write = dest.write - self.row.result;
                dest.zeroed = dest.zeroed & dest.write;
            }
            Masking::Whole => {}
        }
    }

    /// `lock` makes a fence of an instruction, and `xchg` with memory is locked without it (Intel
    /// SDM volume 3, "Bus locking").
    fn reach(&self) -> Reach {
        let has_memory = self.row.memory.is_some();
        let is_locked = self.inst.prefixes.lock || (self.row.entry.locks_memory && has_memory);
        match self.row.reach {
            Reach::Operands if is_locked => Reach::Memory,
            reach => reach,
        }
    }

    fn finish(mut self) -> Effects<R> {
        let row = self.row;
        let mut effects = Effects {
            regs: Vec::with_capacity(self.flows.len() + row.implicit.len() + 2),
            copied: None,
            flags_read: row.flags_read,
            flags_written: row.flags_written,
            flags_may_write: row.flags_may_write,
            memory: Vec::new(),
            control: row.control,
            stack: row.stack,
            hazard: row.hazard,
            x87: row.x87,
            vector_mode: row.vector_mode,
            reach: self.reach(),
            float_flags: row.float_flags,
            settles: row.entry.output == Output::UnlessZero,
        };
        effects.copied = self.hand_on();
        self.add_operands(&mut effects);
        self.add_implicit(&mut effects);
        self.add_mask(&mut effects);
        self.add_shift_flags(&mut effects);
        if self.inst.prefixes.rep || self.inst.prefixes.repne {
            self.repeat(&mut effects);
        }
        if self.inst.prefixes.segment.is_some() || self.inst.prefixes.narrow_address {
            // The register alone is not the address.
            effects.memory.iter_mut().for_each(|access| access.pointer = None);
        }
        effects
    }

    /// Settles what is copied from the second operand to the first.
    fn hand_on(&mut self) -> Option<Copied<R>> {
        let (Some(to), Some(from)) = (self.register(0), self.register(1)) else { return None };
        if to == from {
            // What would be copied from a register to itself is kept.
            self.flows[0].write = self.flows[0].write - self.copied;
            return None;
        }
        let slots = 0..self.flows.len();
        let looked_at = slots
            .filter(|&slot| self.register(slot).is_some_and(|view| view.reg == from.reg))
            .fold(Lanes::NONE, |all, slot| all | self.flows[slot].read);
        self.flows[1].read |= self.copied;
        let lanes = self.copied - looked_at;
        (!lanes.is_empty()).then_some(Copied { from: from.reg, to: to.reg, lanes })
    }

    fn add_operands(&self, effects: &mut Effects<R>) {
        for (slot, flow) in self.flows.iter().enumerate() {
            match self.form.slots()[slot] {
                Slot::Operand(n) => match &self.inst.operands[usize::from(n)] {
                    Operand::Reg(view) => add(&mut effects.regs, flow.of(*view)),
                    Operand::Mem(mem) => self.add_memory(usize::from(n), mem, effects),
                    _ => {}
                },
                Slot::Fixed => {
                    if let Some(view) = fixed_register(self.row.kinds[slot]) {
                        add(&mut effects.regs, flow.of(view));
                    }
                }
                Slot::Imm(_) => {}
            }
        }
    }

    fn add_memory(&self, operand: usize, mem: &Mem<R>, effects: &mut Effects<R>) {
        let row = self.row;
        let mut read = |reg, lanes| add(&mut effects.regs, Access::read(reg, lanes));
        if let Base::Reg(view) = mem.base {
            read(view.reg, view.class.lanes() & row.address_bytes);
        }
        if let Some((view, _)) = mem.index {
            let is_vector = view.class.bank() == Bank::Vector;
            let lanes = if is_vector { row.index } else { row.address_bytes };
            read(view.reg, view.class.lanes() & lanes);
        }
        let Some(mut access) = row.memory else { return };
        access.operand = Some(operand);
        if mem.broadcast.is_some() {
            access.bytes = row.broadcast_bytes;
        }
        if self.inst.mask.is_some() {
            let broadcast = mem.broadcast.and(row.broadcast_bytes);
            let name = self.inst.mnemonic.name();
            access.elements = suppression::masked_elements(name, row, broadcast);
        }
        access.always_written &= self.inst.mask.is_none();
        effects.memory.push(access);
    }

    /// Registers that the row names itself. Where the user wrote one of them as an operand of its
    /// own own (the `xmm0` of `blendvps a, b, xmm0`), it is that operand.
    fn add_implicit(&self, effects: &mut Effects<R>) {
        let from_slots = self.form.slots().iter().filter(|s| matches!(s, Slot::Operand(_))).count();
        let written = self.inst.operands.iter().zip(self.form.operands()).skip(from_slots);
        let stand_in = |reg: PhysReg| {
            written.clone().find_map(|(operand, form)| match operand {
                Operand::Reg(view)
                    if form.is_fixed
                        && view.class.bank() == reg.bank
                        && form.registers.contains(reg.num) =>
                {
                    Some(view.reg)
                }
                _ => None,
            })
        };
        for access in &self.row.implicit {
            let reg = stand_in(access.reg).unwrap_or_else(|| R::from(access.reg));
            let mut access = access.with(reg);
            access.read = self.read_of_address(access.read);
            add(&mut effects.regs, access);
        }
        effects.memory.extend(&self.row.implicit_memory);
        self.add_unnamed(effects);
    }

    /// What is read of a register that holds an address or a count: with an address of 32 bits,
    /// half of it (Intel SDM volume 1, 3.6.1).
    fn read_of_address(&self, read: Lanes) -> Lanes {
        match self.inst.prefixes.narrow_address && read == Class::Gp64.lanes() {
            true => Class::Gp32.lanes(),
            false => read,
        }
    }

    /// Registers besides the one that is written: the second of a pair of masks, the rest of a
    /// block of four vectors.
    fn add_unnamed(&self, effects: &mut Effects<R>) {
        let lanes = self.register(1).map_or(Lanes::ALL, |view| view.class.lanes());
        match self.row.unnamed {
            Unnamed::None => {}
            Unnamed::MaskPair => {
                let second = self.register(0).and_then(|view| view.reg.physical());
                let second = second.map(|reg| R::from(PhysReg::mask(reg.num | 1)));
                for &reg in second.iter().chain(&self.inst.block) {
                    let access = Access::read(reg, Lanes::NONE);
                    add(&mut effects.regs, Access { write: Class::K.lanes(), ..access });
                }
            }
            Unnamed::Block => {
                if let Some(first) = self.register(1).and_then(|view| view.reg.physical()) {
                    for num in first.num & !3..=first.num | 3 {
                        add(&mut effects.regs, Access::read(R::from(PhysReg::vector(num)), lanes));
                    }
                    return;
                }
                for &reg in &self.inst.block {
                    add(&mut effects.regs, Access::read(reg, lanes));
                }
            }
        }
    }

    fn add_mask(&self, effects: &mut Effects<R>) {
        let Some(mask) = self.inst.mask else { return };
        let mut access = Access::read(mask.reg, Lanes::low(self.row.mask_bytes));
        if self.row.clears_mask {
            access.write = Class::K.lanes();
            access.zeroed = Class::K.lanes();
        }
        // Intel's manual has prefetches keep it in one place and clear it in another.
        if self.row.may_clear_mask {
            access.may_write = Class::K.lanes();
        }
        add(&mut effects.regs, access);
    }

    /// A shift or rotation by 0 keeps the flags (Intel SDM volume 2, SAL/SAR/SHL/SHR).
    fn add_shift_flags(&self, effects: &mut Effects<R>) {
        let Some(bits) = self.row.shift_count_bits else { return };
        match self.immediate().map(|count| count & ((1 << bits) - 1)) {
            Some(0) => effects.flags_written = Flags::default(),
            Some(_) => {}
            None => {
                effects.flags_may_write = effects.flags_written;
                effects.flags_written = Flags::default();
            }
        }
    }

    /// With `rep`, nothing happens at all if `rcx` is 0.
    fn repeat(&self, effects: &mut Effects<R>) {
        if !self.form.is_string_instruction() {
            return;
        }
        for access in &mut effects.regs {
            access.may_write |= access.write;
            access.write = Lanes::NONE;
            access.zeroed = Lanes::NONE;
        }
        let lanes = Class::Gp64.lanes();
        let read = self.read_of_address(lanes);
        let count = Access { may_write: lanes, ..Access::read(R::from(crate::isa::gp::RCX), read) };
        add(&mut effects.regs, count);
        effects.flags_may_write = Flags(effects.flags_may_write.0 | effects.flags_written.0);
        effects.flags_written = Flags::default();
        for access in &mut effects.memory {
            access.always_written = false;
            let bytes = access.bytes.take();
            access.elements = bytes.map(|bytes| Elements { bytes, touched: Touched::Counted });
        }
    }
}

/// The register that an operand kind of the table names.
fn fixed_register<R: Register>(kind: Kind) -> Option<View<R>> {
    let (num, class) = match kind {
        Kind::al => (0, Class::Gp8),
        Kind::ax => (0, Class::Gp16),
        Kind::eax => (0, Class::Gp32),
        Kind::rax => (0, Class::Gp64),
        Kind::cl => (1, Class::Gp8),
        Kind::dx => (2, Class::Gp16),
        _ => return None,
    };
    Some(View { reg: R::from(PhysReg::gp(num)), class })
}

impl Flow {
    /// As an access to the register of an operand.
    fn of<R>(self, view: View<R>) -> Access<R> {
        // The lanes of `ah` are those of `al`, one higher.
        let shift = u32::from(view.class == Class::Gp8h);
        let at = |lanes: Lanes| Lanes(lanes.0 << shift);
        Access {
            reg: view.reg,
            read: at(self.read),
            write: at(self.write),
            may_write: at(self.may_write),
            zeroed: at(self.zeroed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::VReg;
    use crate::isa::Reg;
    use crate::isa::{MemForm, Mnemonic, constraints};

    /// An instance of `form` over virtual registers, with memory wherever it may be if `memory`.
    fn instance(mnemonic: Mnemonic, form: &Form, memory: bool, same: bool) -> Instruction<Reg> {
        let reg = |n: usize| Reg::Virtual(VReg(if same { 0 } else { n as u32 }));
        let operand =
            |(n, operand): (usize, &crate::isa::OperandForm)| match (operand.class, operand.memory)
            {
                (Some(class), mem) if mem.is_none() || !memory => {
                    Operand::Reg(View { reg: reg(n), class })
                }
                (_, Some(kind)) => {
                    let base = Base::Reg(View { reg: reg(8), class: Class::Gp64 });
                    let mut mem = Mem::new(base, 0);
                    if let MemForm::Vector(class) = kind {
                        mem.index = Some((View { reg: reg(9), class }, 1));
                    }
                    Operand::Mem(mem)
                }
                (..) if operand.branch.is_some() => Operand::Relative(0),
                (..) => Operand::Imm(n as i128),
            };
        Instruction::new(mnemonic, form.operands().iter().enumerate().map(operand).collect())
    }

    /// Effects of every form, with every shape of operand: no panic, and what is promised of lanes.
    #[test]
    fn every_form_has_effects() {
        let mut count = 0;
        for name in Mnemonic::all_names() {
            let mnemonic = Mnemonic::parse(name).unwrap();
            for form in mnemonic.forms() {
                let selection = Selection { forms: vec![form] };
                for shape in 0..4 {
                    let mut inst = instance(mnemonic, form, shape & 1 == 1, shape & 2 == 2);
                    let masks = if form.takes_mask() { 3 } else { 1 };
                    for mask in 0..masks {
                        if mask > 0 {
                            let reg = Reg::Virtual(VReg(20));
                            inst.mask = Some(View { reg, class: Class::K });
                            inst.zeroing = mask == 2;
                        }
                        check_lanes(&inst, &effects(&inst, &selection));
                        constraints(&inst, &selection);
                        count += 1;
                    }
                }
            }
        }
        assert!(count > 20_000, "only {count}");
    }

    fn check_lanes(inst: &Instruction<Reg>, effects: &Effects<Reg>) {
        for (n, access) in effects.regs.iter().enumerate() {
            assert!(!access.write.intersects(access.may_write), "{inst:?} {access:?}");
            assert!(access.write.contains(access.zeroed), "{inst:?} {access:?}");
            assert!(effects.regs[..n].iter().all(|other| other.reg != access.reg));
        }
    }
}
