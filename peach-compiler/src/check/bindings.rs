//! The places that stand for the registers of a source instruction.
//!
//! In: the instruction and its rendering. Out: [`Bindings`].
//! Fails: where the two are not the same but for the places of registers.

use super::inserted::check_within_frame;
use super::stack::Address;
use super::state::{Place, Sym};
use super::{Checked, Refusal, Step, passed};
use crate::ir::{Base, Instruction, Mem, Operand, Reg};
use crate::isa::{Bank, Effects, Lanes, PhysReg};

/// The registers of a source instruction with the places that stand for them.
#[derive(Default)]
pub(super) struct Bindings {
    places: Vec<(Reg, Place)>,
}

impl Bindings {
    /// The bindings of `author`, for which `rendering` must stand.
    pub fn of_instruction(
        author: &Instruction<Reg>,
        rendering: &Instruction<PhysReg>,
        step: &mut Step<'_>,
    ) -> Checked<Bindings> {
        let mut bindings = Bindings::default();
        bindings.bind_instruction(author, rendering, step)?;
        Ok(bindings)
    }

    fn bind_instruction(
        &mut self,
        author: &Instruction<Reg>,
        rendering: &Instruction<PhysReg>,
        step: &mut Step<'_>,
    ) -> Checked {
        let same = author.prefixes == rendering.prefixes
            && author.zeroing == rendering.zeroing
            && author.rounding == rendering.rounding
            && author.encoding == rendering.encoding
            && author.operands.len() == rendering.operands.len()
            && author.block.len() == rendering.block.len()
            && author.mask.is_some() == rendering.mask.is_some();
        if !same {
            return Err(Refusal::new(format!("{rendering:?} is not what the source has")));
        }
        if let (Some(mask), Some(place)) = (author.mask, rendering.mask) {
            self.bind(mask.reg, Place::Reg(place.reg))?;
        }
        for (&reg, &place) in author.block.iter().zip(&rendering.block) {
            self.bind(reg, Place::Reg(place))?;
        }
        for (operand, place) in author.operands.iter().zip(&rendering.operands) {
            self.bind_operand(operand, place, step)?;
        }
        Ok(())
    }

    fn bind_operand(
        &mut self,
        author: &Operand<Reg>,
        rendering: &Operand<PhysReg>,
        step: &mut Step<'_>,
    ) -> Checked {
        match (author, rendering) {
            (Operand::Reg(view), Operand::Reg(place)) if view.class == place.class => {
                self.bind(view.reg, Place::Reg(place.reg))
            }
            (Operand::Reg(view), Operand::Mem(mem)) => {
                let slot = step.state.stack.resolve(mem).filter(|_| mem.index.is_none());
                let slot = slot.ok_or_else(|| Refusal::new("a register became unknown memory"))?;
                check_within_frame(slot, step.function, step.state)?;
                self.bind(view.reg, Place::Slot(slot))
            }
            (Operand::Mem(mem), Operand::Mem(place)) => self.bind_memory(mem, place, step),
            (Operand::Imm(a), Operand::Imm(b)) if a == b => Ok(()),
            (Operand::RustConst(a), Operand::RustConst(b)) if a == b => Ok(()),
            (Operand::RustSym(a), Operand::RustSym(b)) if a == b => Ok(()),
            (Operand::Label(a), Operand::Label(b)) if a == b => Ok(()),
            (Operand::Relative(a), Operand::Relative(b)) if a == b => Ok(()),
            _ => {
                Err(Refusal::new(format!("{author:?} was written, but the code has {rendering:?}")))
            }
        }
    }

    fn bind_memory(
        &mut self,
        author: &Mem<Reg>,
        rendering: &Mem<PhysReg>,
        step: &mut Step<'_>,
    ) -> Checked {
        let different =
            || Refusal::new(format!("{author:?} was written, but the code has {rendering:?}"));
        let same = author.size == rendering.size
            && author.broadcast == rendering.broadcast
            && author.segment == rendering.segment
            && author.disp_const == rendering.disp_const
            && author.symbol == rendering.symbol
            && author.disp_size == rendering.disp_size;
        if !same {
            return Err(different());
        }
        match (author.index, rendering.index) {
            (None, None) => {}
            (Some((view, scale)), Some((place, place_scale)))
                if scale == place_scale && view.class == place.class =>
            {
                self.bind(view.reg, Place::Reg(place.reg))?;
            }
            _ => return Err(different()),
        }
        match (author.base, rendering.base) {
            _ if passed::is_passed(author, step.function) => {
                passed::demand_address(author, rendering, step.function, step.state)
            }
            (Base::Reg(view), Base::Reg(place))
                if view.class == place.class && author.disp == rendering.disp =>
            {
                self.bind(view.reg, Place::Reg(place.reg))
            }
            (Base::None, Base::None) | (Base::Rip, Base::Rip) if author.disp == rendering.disp => {
                Ok(())
            }
            (Base::Data(a), Base::Data(b)) if a == b && author.disp == rendering.disp => Ok(()),
            (Base::Local(local), _) => {
                let address = step.state.stack.resolve(rendering).ok_or_else(different)?;
                let start = address.plus(-author.disp);
                check_within_frame(start, step.function, step.state)?;
                let info = &step.function[local];
                let align = (info.align, step.function.convention.stack_align);
                step.layout.place_local(local, start, info.size, align)
            }
            (Base::StackArg, _) => {
                let address = step.state.stack.resolve(rendering).ok_or_else(different)?;
                match step.stack_args.get(&author.disp) {
                    Some(&arg) if address == Address::cfa(author.disp) => {
                        let value = Lanes::low(step.function[arg].bytes);
                        step.state.demand(Place::Slot(address), Sym::Arg(arg), value)
                    }
                    _ => Err(different()),
                }
            }
            _ => Err(different()),
        }
    }

    fn bind(&mut self, reg: Reg, place: Place) -> Checked {
        if let (Reg::Physical(wanted), true) = (reg, place != place_of(reg)) {
            return Err(Refusal::new(format!(
                "{wanted:?} was written, but the code has {place:?}"
            )));
        }
        if !self.places.contains(&(reg, place)) {
            self.places.push((reg, place));
        }
        Ok(())
    }

    /// An idiom (`xor a, a`) reads nothing only because both operands are one register.
    pub fn demand_one_place_unless_read(&self, effects: &Effects<Reg>) -> Checked {
        for (index, &(reg, place)) in self.places.iter().enumerate() {
            let first = self.places[..index].iter().find(|(known, _)| *known == reg);
            let read = || effects.regs.iter().any(|a| a.reg == reg && !a.read.is_empty());
            if first.is_some_and(|(_, known)| *known != place) && !read() {
                return Err(Refusal::new(format!("{reg:?} is one register, but has two places")));
            }
        }
        Ok(())
    }

    /// The places that stand for `reg`; a physical register is always its own.
    pub fn of(&self, reg: Reg) -> impl Iterator<Item = Place> {
        let bound = self.places.iter().filter(move |(known, _)| *known == reg).map(|(_, p)| *p);
        bound.chain(matches!(reg, Reg::Physical(_)).then(|| place_of(reg)))
    }
}

/// Where a register that the user names is; a virtual one has no such place.
pub(super) fn place_of(reg: Reg) -> Place {
    match reg {
        Reg::Physical(reg) => Place::Reg(reg),
        Reg::Virtual(_) => Place::Reg(PhysReg::new(Bank::Ip, 0)),
    }
}
