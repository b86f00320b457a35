//! What an instruction does to what is known: the processor's arithmetic on sums.
//!
//! Everything is modulo 2^64, or the width that the instruction has. An instruction that is not in
//! the table of [`operations`](super::operations) leaves registers of which nothing is known, by
//! the effects that `isa` says it has, and so is anything that the table does not foresee.
//!
//! | file | what it is |
//! |---|---|
//! | `memory` | stores into stack variables, and addresses |
//! | `sums`, `logic`, `shifts`, `bits` | the arithmetic |
//! | `moves`, `strings` | where a condition, the stack or a count takes part |

mod bits;
mod logic;
mod memory;
mod moves;
mod shifts;
mod strings;
mod sums;

pub(super) use memory::address;

use super::bits::Bits;
use super::linear::Linear;
use super::mask;
use super::operations::{Condition, Operation, operation};
use super::state::{Flags, State, gp_view, is_gp};
use super::world::{WORD, World};
use crate::ir::{Base, Ghost, Instruction, LocalId, Mem, Op, Operand, Reg, View};
use crate::isa::{self, Bank, Control, Effects, Lanes, gp};
use memory::forget_memory;

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
    low_bits: Vec<(Linear, Bits)>,
    /// Eight bytes of a stack variable.
    stored: Option<((LocalId, i64), Linear)>,
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
        let low_bits = self.low_bits.into_iter();
        state.low_bits.extend(low_bits.map(|(value, bits)| (value.modulo_2_64(), bits)));
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
            sum.unwrap_or_else(|| state.fresh(0, WORD - 1, world))
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
            Operation::TestBit => self.test_bit(bits),
            Operation::CountZeros => self.count_zeros(bits),
            Operation::FindBit => self.find_bit(bits),
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
}
