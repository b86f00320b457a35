//! What an instruction does to what is known: the processor's arithmetic on sums.
//!
//! Everything is modulo 2^64, or the width that the instruction has. An instruction that is not in
//! the table of [`operations`](super::operations) leaves registers of which nothing is known, by
//! the effects that `isa` says it has, and so is anything that the table does not foresee.

use super::bits::Bits;
use super::condition;
use super::division;
use super::linear::Linear;
use super::mask;
use super::operations::{Condition, Operation, StringOperation, operation};
use super::state::{Flags, State, gp_view, is_gp};
use super::world::World;
use crate::ir::{Base, Ghost, Instruction, Mem, Op, Operand, Reg, View};
use crate::isa::{self, Bank, Class, Control, Effects, Lanes, gp};

/// Takes `state` over instruction `index`.
pub(super) fn step(state: &mut State, index: usize, world: &mut World<'_>) {
    let function = world.function;
    let effects = &world.facts.effects[index];
    world.at = index as u32;
    let inst = &function.insts[index];
    let results = match &inst.op {
        Op::Machine(machine) => {
            let results = Machine { inst: &machine.inst, state, world }.results();
            forget_memory(&machine.inst, inst.in_unsafe, effects, state, world);
            results
        }
        Op::Copy { dst, src } => copied(*dst, *src, state, world),
        Op::SetImm { dst, value } => placed(*dst, &Linear::from(*value), state, world),
        Op::Bytes(_) => {
            state.locals.clear();
            state.pushed.clear();
            state.flags = Flags::Unknown;
            state.is_upward = false;
            Results::default()
        }
        Op::LoadArg { arg } => {
            let value = world.arguments[arg.index()].clone();
            Results {
                registers: vec![(Reg::Virtual(function[*arg].vreg), value)],
                ..Results::default()
            }
        }
        Op::Ghost(Ghost::Remember { ghost, reg }) => {
            let value = state.content(*reg, world);
            Results { registers: vec![(Reg::Virtual(*ghost), value)], ..Results::default() }
        }
        Op::Ghost(Ghost::Invariant(_) | Ghost::Declassify(_)) => Results::default(),
        // What these write, if anything, is forgotten below.
        Op::Label(_) | Op::Undefined { .. } | Op::Local(..) | Op::Return(_) | Op::Align(_) => {
            Results::default()
        }
    };
    forget_registers(effects, state, world);
    results.apply(effects, state);
}

/// What an instruction leaves that is known.
#[derive(Default)]
struct Results {
    registers: Vec<(Reg, Linear)>,
    flags: Flags,
    /// The flags are as before, although the instruction may write them.
    keeps_flags: bool,
    /// The direction flag, if the instruction writes it, is clear.
    is_upward: bool,
    mask: Option<(Reg, Bits)>,
    /// Which bits a value in a general-purpose register can have.
    low_bits: Option<(Linear, Bits)>,
    /// Eight bytes of a stack variable.
    stored: Option<((crate::ir::LocalId, i64), Linear)>,
}

impl Results {
    fn apply(self, effects: &Effects<Reg>, state: &mut State) {
        for (reg, value) in &self.registers {
            state.set(*reg, value);
        }
        let flags = effects.flags_written.0 | effects.flags_may_write.0;
        if flags & isa::Flags::STATUS.0 != 0 && !self.keeps_flags {
            state.flags = self.flags;
        }
        if flags & isa::Flags::DF.0 != 0 {
            state.is_upward = self.is_upward;
        }
        state.masks.extend(self.mask);
        state.low_bits.extend(self.low_bits);
        if let Some((place, value)) = self.stored {
            state.locals.insert(place, value);
        }
    }
}

/// The registers that an instruction writes hold anything, as far as its effects tell.
fn forget_registers(effects: &Effects<Reg>, state: &mut State, world: &mut World<'_>) {
    for access in &effects.regs {
        let lanes = access.write | access.may_write;
        if lanes.is_empty() {
            continue;
        }
        state.masks.remove(&access.reg);
        state.registers.remove(&access.reg);
        if is_gp(access.reg, world.function)
            && access.zeroed.contains(Lanes::range(4, 4))
            && access.write.contains(Lanes::low(8))
        {
            let value = state.fresh(0, (1 << 32) - 1, world);
            state.set(access.reg, &value);
        }
    }
    if effects.control == Control::Call {
        state.flags = Flags::Unknown;
    }
}

/// Stack variables that an instruction may write hold anything.
fn forget_memory(
    inst: &Instruction<Reg>,
    in_unsafe: bool,
    effects: &Effects<Reg>,
    state: &mut State,
    world: &mut World<'_>,
) {
    if effects.control == Control::Call {
        state.locals.clear();
        state.pushed.clear();
        return;
    }
    for access in effects.memory.iter().filter(|access| access.write) {
        let mem = access.operand.and_then(|operand| match inst.operands.get(operand) {
            Some(Operand::Mem(mem)) => Some(mem),
            _ => None,
        });
        let Some(mem) = mem else {
            // `push` writes where no name reaches.
            if operation(inst.mnemonic) != Some(Operation::Push) {
                state.locals.clear();
                state.pushed.clear();
            }
            continue;
        };
        let direct = match (mem.base, mem.index, mem.disp_const, access.bytes) {
            (Base::Local(local), None, None, Some(bytes)) => Some((local, mem.disp, bytes)),
            _ => None,
        };
        if let Some((local, start, bytes)) = direct {
            let end = start + i64::from(bytes);
            state.locals.retain(|(of, at), _| *of != local || at + 8 <= start || *at >= end);
            continue;
        }
        let address = address(mem, state, world);
        match address.and_then(|address| world.split(&address)) {
            // In plain code this access is proven to stay in its region.
            Some((base, _)) if !in_unsafe => {
                if let Some(local) = world.regions[&base].local {
                    state.locals.retain(|(of, _), _| *of != local);
                }
            }
            _ => {
                state.locals.clear();
                state.pushed.clear();
            }
        }
    }
}

/// The address that `mem` stands for, modulo 2^64.
pub(super) fn address(mem: &Mem<Reg>, state: &mut State, world: &mut World<'_>) -> Option<Linear> {
    if mem.segment.is_some() || mem.disp_const.is_some() {
        return None;
    }
    let wide = |view: View<Reg>| (view.class == Class::Gp64).then_some(view.reg);
    let base = match mem.base {
        Base::None => Linear::default(),
        Base::Reg(view) => state.content(wide(view)?, world),
        Base::Local(local) => world.local(local).into(),
        Base::Data(data) => world.constant(data).into(),
        Base::Rip | Base::StackArg => return None,
    };
    let index = match mem.index {
        None => Linear::default(),
        Some((view, scale)) => state.content(wide(view)?, world).times(i128::from(scale))?,
    };
    Some(base.plus(&index)?.offset(i128::from(mem.disp))?.modulo_2_64())
}

/// The 64 bits of `reg` when `value` is written to its low `bits` bits: 32 bits clear the upper
/// half, fewer keep what is above (Intel SDM volume 1, section 3.4.1.1).
fn written(
    reg: Reg,
    bits: u32,
    value: &Linear,
    state: &mut State,
    world: &mut World<'_>,
) -> Linear {
    match bits {
        64 => value.clone(),
        32 => state.unsigned(value, 32, world),
        _ => {
            let old = state.content(reg, world);
            let old_low = state.unsigned(&old, bits, world);
            let new_low = state.unsigned(value, bits, world);
            let sum = old.minus(&old_low).and_then(|upper| upper.plus(&new_low));
            sum.unwrap_or_else(|| state.fresh(0, super::world::WORD - 1, world))
        }
    }
}

fn copied(dst: View<Reg>, src: View<Reg>, state: &mut State, world: &mut World<'_>) -> Results {
    if let (Bank::Mask, Some(bits)) = (dst.class.bank(), state.masks.get(&src.reg).cloned()) {
        return Results { mask: Some((dst.reg, bits)), ..Results::default() };
    }
    let Some((from, _)) = gp_view(src) else { return Results::default() };
    let value = state.content(from, world);
    placed(dst, &value, state, world)
}

/// What `dst = value` leaves: of fewer than 32 bits, anything above.
fn placed(dst: View<Reg>, value: &Linear, state: &mut State, world: &mut World<'_>) -> Results {
    let Some((reg, bits)) = gp_view(dst) else { return Results::default() };
    let value = match bits {
        64 => Some(value.clone()),
        32 => Some(state.unsigned(value, 32, world)),
        _ => {
            let above = state.fresh(0, (1 << (64 - bits)) - 1, world);
            let low = state.unsigned(value, bits, world);
            low.add_scaled(&above, 1 << bits)
        }
    };
    let registers = value.map(|value| (reg, value)).into_iter().collect();
    Results { registers, ..Results::default() }
}

/// An instruction that is looked at.
struct Machine<'a, 'f> {
    inst: &'a Instruction<Reg>,
    state: &'a mut State,
    world: &'a mut World<'f>,
}

impl Machine<'_, '_> {
    fn results(&mut self) -> Results {
        if let Some(mask) = mask::result(self.inst, self.state, self.world) {
            return Results { mask: Some(mask), ..Results::default() };
        }
        let Some(operation) = operation(self.inst.mnemonic) else { return Results::default() };
        match operation {
            Operation::Push => self.push(),
            Operation::Pop => self.pop(),
            Operation::Exchange => self.exchange(),
            Operation::MoveMask => self.move_mask(),
            Operation::String(string) => self.string(string).unwrap_or_default(),
            Operation::ClearDirection => Results { is_upward: true, ..Results::default() },
            Operation::Branch(Condition::CounterLeft) => {
                let counter = Reg::Physical(gp::RCX);
                let value = self.state.content(counter, self.world);
                let less = value.offset(-1);
                let registers = less.map(|less| (counter, less)).into_iter().collect();
                Results { registers, keeps_flags: true, ..Results::default() }
            }
            Operation::Divide => self.divide().unwrap_or_default(),
            Operation::SpreadSign(bits) => self.spread_sign(bits),
            Operation::Branch(_) => Results { keeps_flags: true, ..Results::default() },
            _ => self.arithmetic(operation).unwrap_or_default(),
        }
    }

    /// Where it faults, nothing follows.
    fn divide(&mut self) -> Option<Results> {
        let division = division::of_instruction(self.inst, self.state, self.world)?;
        let (quotient_in, rest_in, bits) = division.places()?;
        let (quotient, rest) = division.results(self.state, self.world)?;
        let mut registers = Vec::new();
        for (reg, value) in [(quotient_in, quotient), (rest_in, rest)] {
            let reg = Reg::Physical(reg);
            registers.push((reg, written(reg, bits, &value, self.state, self.world)));
        }
        Some(Results { registers, ..Results::default() })
    }

    /// -1 or 0: how often 2^bits is contained in the number with sign.
    fn spread_sign(&mut self, bits: u32) -> Results {
        let value = self.state.content(Reg::Physical(gp::RAX), self.world);
        let value = self.state.signed(&value, bits, self.world);
        let sign = self.state.quotient(&value, bits, self.world);
        let high = Reg::Physical(gp::RDX);
        let sign = written(high, bits, &sign, self.state, self.world);
        Results { registers: vec![(high, sign)], keeps_flags: true, ..Results::default() }
    }

    /// How many bits the first operand has.
    fn width(&self) -> Option<u32> {
        match self.inst.operands.first()? {
            Operand::Reg(view) => gp_view(*view).map(|(_, bits)| bits),
            Operand::Mem(mem) => match self.inst.operands.get(1) {
                Some(Operand::Reg(view)) => gp_view(*view).map(|(_, bits)| bits),
                _ => mem.size.map(|bytes| 8 * bytes),
            },
            _ => None,
        }
    }

    /// Operand `number`, of which the low `bits` bits count.
    fn source(&mut self, number: usize, bits: u32) -> Option<Linear> {
        match self.inst.operands.get(number)? {
            Operand::Reg(view) => {
                let (reg, _) = gp_view(*view)?;
                Some(self.state.content(reg, self.world))
            }
            Operand::Imm(value) => Some(Linear::from(*value)),
            Operand::Mem(mem) => Some(self.load(mem, bits)),
            _ => None,
        }
    }

    fn load(&mut self, mem: &Mem<Reg>, bits: u32) -> Linear {
        if let (Base::Local(local), None, None, 64) = (mem.base, mem.index, mem.disp_const, bits)
            && let Some(known) = self.state.locals.get(&(local, mem.disp))
        {
            return known.clone();
        }
        self.state.fresh(0, (1i128 << bits) - 1, self.world)
    }

    /// `value` in the low bits of the first operand.
    fn result(&mut self, value: &Linear, bits: u32) -> Results {
        match self.inst.operands.first() {
            Some(Operand::Reg(view)) => match gp_view(*view) {
                Some((reg, bits)) => {
                    let value = written(reg, bits, value, self.state, self.world);
                    Results { registers: vec![(reg, value)], ..Results::default() }
                }
                None => Results::default(),
            },
            Some(Operand::Mem(mem)) => {
                let place = match (mem.base, mem.index, mem.disp_const, bits) {
                    (Base::Local(local), None, None, 64) => Some((local, mem.disp)),
                    _ => None,
                };
                let stored = place.map(|place| (place, value.modulo_2_64()));
                Results { stored, ..Results::default() }
            }
            _ => Results::default(),
        }
    }

    fn arithmetic(&mut self, operation: Operation) -> Option<Results> {
        let bits = self.width()?;
        let is_pair = self.inst.operands.len() == 2;
        match operation {
            Operation::Move if is_pair => {
                let value = self.source(1, bits)?;
                Some(self.result(&value, bits))
            }
            Operation::MoveZeroExtended | Operation::MoveSignExtended => {
                let from = self.source_width(1)?;
                let value = self.source(1, from)?;
                let value = match operation {
                    Operation::MoveZeroExtended => self.state.unsigned(&value, from, self.world),
                    _ => self.state.signed(&value, from, self.world),
                };
                Some(self.result(&value, bits))
            }
            Operation::Address => match self.inst.operands.get(1)? {
                Operand::Mem(mem) => {
                    let value = address(mem, self.state, self.world)?;
                    Some(self.result(&value, bits))
                }
                _ => None,
            },
            Operation::Add | Operation::Subtract | Operation::Compare if is_pair => {
                self.sum(operation, bits)
            }
            Operation::Increment | Operation::Decrement | Operation::Negate | Operation::Not => {
                self.unary(operation, bits)
            }
            Operation::And | Operation::Or | Operation::Xor | Operation::Test if is_pair => {
                self.logic(operation, bits)
            }
            Operation::ShiftLeft | Operation::ShiftRight | Operation::ShiftRightSigned => {
                self.shift(operation, bits)
            }
            Operation::Multiply => self.multiply(bits),
            Operation::MoveIf(condition) => self.move_if(condition, bits),
            Operation::SetIf(_) => {
                let value = self.state.fresh(0, 1, self.world);
                let mut results = self.result(&value, bits);
                results.keeps_flags = true;
                Some(results)
            }
            Operation::KeepLowBits => self.keep_low_bits(bits),
            Operation::CountSetBits => self.count_set_bits(bits),
            Operation::SetBit => self.set_bit(bits),
            Operation::CountZeros => {
                let source = self.source(1, bits)?;
                let source = self.state.unsigned(&source, bits, self.world);
                let is_zero = !self.state.shows(&source.offset(-1)?, self.world);
                let most = i128::from(bits) - i128::from(!is_zero);
                let value = self.state.fresh(0, most, self.world);
                Some(self.result(&value, bits))
            }
            Operation::FindBit => {
                let source = self.source(1, bits)?;
                let source = self.state.unsigned(&source, bits, self.world);
                // Of 0, the destination is undefined or kept.
                if !self.state.shows(&source.offset(-1)?, self.world) {
                    return None;
                }
                let value = self.state.fresh(0, i128::from(bits) - 1, self.world);
                Some(self.result(&value, bits))
            }
            _ => None,
        }
    }

    /// How many bits operand `number` has.
    fn source_width(&self, number: usize) -> Option<u32> {
        match self.inst.operands.get(number)? {
            Operand::Reg(view) => gp_view(*view).map(|(_, bits)| bits),
            Operand::Mem(mem) => mem.size.map(|bytes| 8 * bytes),
            _ => None,
        }
    }

    fn sum(&mut self, operation: Operation, bits: u32) -> Option<Results> {
        let left = self.source(0, bits)?;
        let right = self.source(1, bits)?;
        let (value, flags) = match operation {
            Operation::Add => {
                (left.plus(&right)?, Flags::Added { left: left.clone(), right, bits, carry: true })
            }
            _ => (
                left.minus(&right)?,
                Flags::Compared { left: left.clone(), right, bits, carry: true },
            ),
        };
        if operation == Operation::Compare {
            return Some(Results { flags, ..Results::default() });
        }
        Some(Results { flags, ..self.result(&value, bits) })
    }

    fn unary(&mut self, operation: Operation, bits: u32) -> Option<Results> {
        let old = self.source(0, bits)?;
        let one = Linear::from(1);
        let (value, flags) = match operation {
            Operation::Increment => {
                (old.offset(1)?, Flags::Added { left: old.clone(), right: one, bits, carry: false })
            }
            Operation::Decrement => (
                old.offset(-1)?,
                Flags::Compared { left: old.clone(), right: one, bits, carry: false },
            ),
            Operation::Negate => (
                old.times(-1)?,
                Flags::Compared { left: Linear::default(), right: old.clone(), bits, carry: true },
            ),
            _ => (old.times(-1)?.offset(-1)?, Flags::Unknown),
        };
        Some(Results { flags, ..self.result(&value, bits) })
    }

    fn logic(&mut self, operation: Operation, bits: u32) -> Option<Results> {
        let is_same = self.inst.operands[0] == self.inst.operands[1];
        let left = self.source(0, bits)?;
        let right = self.source(1, bits)?;
        let value = match operation {
            Operation::Xor if is_same => Linear::default(),
            _ if is_same => left.clone(),
            Operation::And | Operation::Test => self.and(&left, &right, bits)?,
            _ => self.state.fresh(0, (1i128 << bits) - 1, self.world),
        };
        if operation == Operation::Or && !is_same {
            for part in [&left, &right] {
                let part = self.state.unsigned(part, bits, self.world);
                self.state.knowledge.assume_at_least_zero(value.minus(&part)?);
            }
        }
        let flags = Flags::Result { value: value.clone(), bits, is_logic: true };
        if operation == Operation::Test {
            return Some(Results { flags, ..Results::default() });
        }
        Some(Results { flags, ..self.result(&value, bits) })
    }

    fn and(&mut self, left: &Linear, right: &Linear, bits: u32) -> Option<Linear> {
        let modulus = 1i128 << bits;
        let constant = |value: &Linear| value.as_constant().map(|n| n.rem_euclid(modulus));
        let (value, mask) = match (constant(left), constant(right)) {
            (_, Some(mask)) => (left, Some(mask)),
            (Some(mask), None) => (right, Some(mask)),
            (None, None) => (left, None),
        };
        match mask {
            Some(mask) if (mask + 1).count_ones() == 1 => {
                return Some(self.state.masked(value, mask.count_ones(), self.world));
            }
            Some(mask) if mask > 0 && (modulus - mask).count_ones() == 1 => {
                let low = (modulus - mask).trailing_zeros();
                let rest = self.state.masked(value, low, self.world);
                let whole = self.state.unsigned(value, bits, self.world);
                return whole.minus(&rest);
            }
            _ => {}
        }
        let most = mask.unwrap_or(modulus - 1);
        let result = self.state.fresh(0, most, self.world);
        for part in [left, right] {
            let part = self.state.unsigned(part, bits, self.world);
            self.state.knowledge.assume_at_least_zero(part.minus(&result)?);
        }
        Some(result)
    }

    fn shift(&mut self, operation: Operation, bits: u32) -> Option<Results> {
        let is_separate = self.inst.operands.len() == 3;
        let value = self.source(usize::from(is_separate), bits)?;
        let count_at = self.inst.operands.len() - 1;
        let count = match self.inst.operands.get(count_at)? {
            Operand::Imm(count) => Some((*count & i128::from(bits.max(32) - 1)) as u32),
            _ => None,
        };
        let Some(count) = count else {
            return self.shift_by_register(operation, count_at, &value, bits);
        };
        if count == 0 || count >= bits {
            return None;
        }
        let shifted = match operation {
            Operation::ShiftLeft => value.times(1 << count)?,
            Operation::ShiftRight => {
                let value = self.state.unsigned(&value, bits, self.world);
                self.state.quotient(&value, count, self.world)
            }
            _ => {
                let value = self.state.signed(&value, bits, self.world);
                self.state.quotient(&value, count, self.world)
            }
        };
        let flags = Flags::Result { value: shifted.clone(), bits, is_logic: false };
        Some(Results { flags, ..self.result(&shifted, bits) })
    }

    /// A count of 0 leaves the flags alone, so that nothing is known of them.
    fn shift_by_register(
        &mut self,
        operation: Operation,
        count_at: usize,
        value: &Linear,
        bits: u32,
    ) -> Option<Results> {
        if bits < 32 {
            return None;
        }
        let count_bits = self.source_width(count_at)?;
        let count = self.source(count_at, count_bits)?;
        let count = self.state.unsigned(&count, count_bits, self.world);
        match operation {
            Operation::ShiftRight => {
                let value = self.state.unsigned(value, bits, self.world);
                let result = self.state.fresh(0, (1i128 << bits) - 1, self.world);
                self.state.knowledge.assume_at_least_zero(value.minus(&result)?);
                // Larger counts are taken modulo the width.
                let left = count.times(-1)?.offset(bits.into())?;
                let low_bits = self.state.shows(&left.offset(-1)?, self.world);
                let low_bits = low_bits.then(|| (result.clone(), Bits::low(left)));
                Some(Results { low_bits, ..self.result(&result, bits) })
            }
            // One bit, whose number is the count modulo the width: less one, it has at most as many
            // low bits as the count says.
            Operation::ShiftLeft if value.as_constant() == Some(1) => {
                let result = self.state.fresh(1, 1i128 << (bits - 1), self.world);
                let low_bits = Some((result.offset(-1)?, Bits::low(count)));
                Some(Results { low_bits, ..self.result(&result, bits) })
            }
            _ => None,
        }
    }

    fn multiply(&mut self, bits: u32) -> Option<Results> {
        let at = self.inst.operands.len().checked_sub(2)?;
        let left = self.source(at, bits)?;
        let right = self.source(at + 1, bits)?;
        let value = match (left.as_constant(), right.as_constant()) {
            (_, Some(factor)) => left.times(i128::from(factor as i64))?,
            (Some(factor), None) => right.times(i128::from(factor as i64))?,
            (None, None) => return None,
        };
        Some(self.result(&value, bits))
    }

    /// `bzhi` looks at the low eight bits of the count, and an operand has no more bits than 64:
    /// what it keeps is below the count in any case (Intel SDM volume 2, BZHI).
    fn keep_low_bits(&mut self, bits: u32) -> Option<Results> {
        let value = self.source(1, bits)?;
        let value = self.state.unsigned(&value, bits, self.world);
        let count = self.source(2, bits)?;
        let count = self.state.unsigned(&count, bits, self.world);
        let result = self.state.fresh(0, (1i128 << bits) - 1, self.world);
        self.state.knowledge.assume_at_least_zero(value.minus(&result)?);
        let low_bits = Some((result.clone(), Bits::low(count)));
        Some(Results { low_bits, ..self.result(&result, bits) })
    }

    /// The old value or the source. What both cases show of the result is known of it.
    fn move_if(&mut self, condition: Condition, bits: u32) -> Option<Results> {
        let old = self.source(0, bits)?;
        let new = self.source(1, bits)?;
        let (mut taken, mut kept) = (self.state.clone(), self.state.clone());
        condition::assume(condition, &mut taken, self.world);
        condition::assume_not(condition, &mut kept, self.world);
        let result = self.state.fresh(0, (1i128 << bits) - 1, self.world);
        let (a, b) = (
            self.state.unsigned(&old, bits, self.world),
            self.state.unsigned(&new, bits, self.world),
        );
        // Between two places of one region the result is another place of it.
        let based = |value: &Linear| self.world.split(value).map(|(base, _)| base);
        let base = based(&a).filter(|base| based(&b) == Some(*base));
        let value = match base {
            Some(base) => {
                let offset =
                    self.world.fresh("an offset", super::world::SiteKind::Result, None, None);
                Linear::from(base).plus(&offset.into())?
            }
            None => result,
        };
        for (more, less) in [(&value, &a), (&value, &b), (&a, &value), (&b, &value)] {
            let difference = more.minus(less)?;
            let in_case = |case: &State, is: &Linear| -> Option<bool> {
                // `value` is `is` in this case.
                let side = |part: &Linear| if *part == value { is.clone() } else { part.clone() };
                Some(case.shows(&side(more).minus(&side(less))?, self.world))
            };
            if in_case(&taken, &b)? && in_case(&kept, &a)? {
                self.state.knowledge.assume_at_least_zero(difference);
            }
        }
        let mut results = self.result(&value, bits);
        results.keeps_flags = true;
        Some(results)
    }

    /// Whether eight bytes are pushed or popped. With fewer, what lies below is no longer where
    /// whole values are popped.
    fn moves_whole_values(&self) -> bool {
        self.world.facts.effects[self.world.at as usize].stack.abs() == 8
    }

    fn push(&mut self) -> Results {
        match self.inst.operands.first() {
            _ if !self.moves_whole_values() => self.state.pushed.clear(),
            Some(Operand::Reg(view)) if view.class == Class::Gp64 => {
                let value = self.state.content(view.reg, self.world);
                self.state.pushed.push(value);
            }
            _ => {
                let value = self.state.fresh(0, super::world::WORD - 1, self.world);
                self.state.pushed.push(value);
            }
        }
        Results { keeps_flags: true, ..Results::default() }
    }

    fn pop(&mut self) -> Results {
        let mut results = Results { keeps_flags: true, ..Results::default() };
        match self.inst.operands.first() {
            _ if !self.moves_whole_values() => self.state.pushed.clear(),
            Some(Operand::Reg(view)) if view.class == Class::Gp64 => {
                let value = self.state.pushed.pop();
                results.registers.extend(value.map(|value| (view.reg, value)));
            }
            _ => drop(self.state.pushed.pop()),
        }
        results
    }

    fn exchange(&mut self) -> Results {
        let mut results = Results { keeps_flags: true, ..Results::default() };
        if let [Operand::Reg(a), Operand::Reg(b)] = self.inst.operands.as_slice()
            && let (Some((a, 64)), Some((b, 64))) = (gp_view(*a), gp_view(*b))
        {
            let first = self.state.content(a, self.world);
            let second = self.state.content(b, self.world);
            results.registers = vec![(a, second), (b, first)];
        }
        results
    }

    /// `1 << n` by another name: a bit that is set in 0. The number is taken modulo the width.
    fn set_bit(&mut self, bits: u32) -> Option<Results> {
        let (Operand::Reg(_), Operand::Reg(number)) =
            (self.inst.operands.first()?, self.inst.operands.get(1)?)
        else {
            return None;
        };
        let (number, number_bits) = gp_view(*number)?;
        if bits < 32 || self.source(0, bits)?.as_constant() != Some(0) {
            return None;
        }
        let number = self.state.content(number, self.world);
        let number = self.state.unsigned(&number, number_bits, self.world);
        let result = self.state.fresh(1, 1i128 << (bits - 1), self.world);
        let low_bits = Some((result.offset(-1)?, Bits::low(number)));
        Some(Results { low_bits, ..self.result(&result, bits) })
    }

    /// A number below 2^n has at most n bits that are set, and so has one with bits in n places.
    fn count_set_bits(&mut self, bits: u32) -> Option<Results> {
        let source = self.source(1, bits)?;
        let known = self.state.bits_of(&source);
        let source = self.state.unsigned(&source, bits, self.world);
        let greatest = source.greatest(&self.world.symbols).filter(|greatest| *greatest >= 0);
        let most = greatest.map_or(bits, |greatest| 128 - greatest.leading_zeros()).min(bits);
        let value = self.state.fresh(0, most.into(), self.world);
        if let Some(places) = known.and_then(|bits| bits.end.minus(&bits.first))
            && self.state.shows(&places, self.world)
        {
            self.state.knowledge.assume_at_least_zero(places.minus(&value)?);
        }
        Some(self.result(&value, bits))
    }

    /// What is left in `rsi`, `rdi` and `rcx`. Repeated moves end with a count of 0; comparisons
    /// may end before (Intel SDM volume 2, "REP/REPE/REPZ/REPNE/REPNZ").
    fn string(&mut self, string: StringOperation) -> Option<Results> {
        let is_vector =
            |operand: &Operand<Reg>| operand.views().any(|view| view.class.bank() == Bank::Vector);
        if self.inst.operands.iter().any(is_vector) || !self.state.is_upward {
            return None;
        }
        let mut registers = Vec::new();
        let prefixes = self.inst.prefixes;
        if prefixes.narrow_address {
            return None;
        }
        let turns = match prefixes.rep || prefixes.repne {
            false => Linear::from(1),
            true => {
                let counter = Reg::Physical(gp::RCX);
                let count = self.state.content(counter, self.world);
                let count = self.state.unsigned(&count, 64, self.world);
                let left = self.left_by_string(string, &count)?;
                let turns = count.minus(&left)?;
                registers.push((counter, left));
                turns
            }
        };
        let used = [(gp::RSI, string.source), (gp::RDI, string.destination)];
        for (pointer, _) in used.into_iter().filter(|(_, is_used)| *is_used) {
            let pointer = Reg::Physical(pointer);
            let address = self.state.content(pointer, self.world);
            registers.push((pointer, address.add_scaled(&turns, i128::from(string.bytes))?));
        }
        Some(Results { registers, ..Results::default() })
    }

    /// What a repeated instruction leaves of its count.
    fn left_by_string(&mut self, string: StringOperation, count: &Linear) -> Option<Linear> {
        if !string.compares {
            return Some(Linear::default());
        }
        let left = self.state.fresh(0, super::world::WORD - 1, self.world);
        let turns = count.minus(&left)?;
        // It compares at least once if it does at all.
        let least = i128::from(self.state.shows(&count.offset(-1)?, self.world));
        self.state.knowledge.assume_at_least_zero(turns.offset(-least)?);
        Some(left)
    }

    /// From a mask to a general-purpose register. The other way is [`mask::result`]'s.
    fn move_mask(&mut self) -> Results {
        let [Operand::Reg(_), Operand::Reg(from)] = self.inst.operands.as_slice() else {
            return Results::default();
        };
        if from.class.bank() != Bank::Mask {
            return Results::default();
        }
        let bits = match self.inst.mnemonic.name() {
            "kmovb" => 8,
            "kmovw" => 16,
            "kmovd" => 32,
            _ => 64,
        };
        let value = self.state.fresh(0, (1i128 << bits) - 1, self.world);
        let known = self.state.masks.get(&from.reg).cloned();
        let low_bits = known.map(|bits| (value.clone(), bits));
        Results { low_bits, ..self.result(&value, bits) }
    }
}
