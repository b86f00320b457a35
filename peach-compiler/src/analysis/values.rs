//! What is known of the values in registers, for the safety proof: a forward must-analysis.
//!
//! A register may be known to hold an unmodified argument, a byte that is 0 or 1, or a Unicode
//! scalar value. Any write forgets what it touches, whatever view it goes through; only moves pass
//! knowledge on. Where paths meet, only what all of them know remains.

use super::Facts;
use crate::ir::{ArgId, ArgValue, Function, Instruction, Op, Operand, Reg, View};
use crate::isa::{Bank, Class, Lanes};
use crate::sorted::SortedMap;

/// What is known of one register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    /// Its low bytes, as many as the argument's type has, are the argument as it arrived.
    pub(super) argument: Option<ArgId>,
    /// Its low byte is 0 or 1.
    pub(super) flag: bool,
    /// Its low four bytes are a `char`.
    pub(super) scalar: bool,
}

impl Value {
    /// What both know.
    fn meet(self, other: Value) -> Value {
        Value {
            argument: self.argument.filter(|_| self.argument == other.argument),
            flag: self.flag && other.flag,
            scalar: self.scalar && other.scalar,
        }
    }

    /// Of the number in `bytes` bytes.
    fn of_number(value: i128, bytes: u32) -> Value {
        let scalar = bytes >= 4 && char::from_u32(value as u32).is_some();
        Value { argument: None, flag: value as u8 <= 1, scalar }
    }

    /// What is left of it when `lanes` are overwritten.
    fn without(self, lanes: Lanes, function: &Function) -> Value {
        let intact = |bytes: u32| !lanes.intersects(Lanes::low(bytes));
        Value {
            argument: self.argument.filter(|&arg| intact(function[arg].value.bytes())),
            flag: self.flag && intact(1),
            scalar: self.scalar && intact(4),
        }
    }

    /// What the low `bytes` bytes know of it.
    fn low(self, bytes: u32, function: &Function) -> Value {
        self.without(Lanes::ALL - Lanes::low(bytes), function)
    }
}

/// What is known at one place: only registers of which something is, by slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known(SortedMap<u32, Value>);

impl Known {
    /// What is known of `reg`.
    pub(super) fn of(&self, reg: Reg, facts: &Facts) -> Value {
        let slot = facts.slots.slot(reg);
        slot.and_then(|slot| self.0.get(&(slot as u32))).copied().unwrap_or_default()
    }

    fn set(&mut self, reg: Reg, value: Value, facts: &Facts) {
        let Some(slot) = facts.slots.slot(reg) else { return };
        match value == Value::default() {
            true => self.0.remove(&(slot as u32)),
            false => self.0.insert(slot as u32, value),
        };
    }

    fn meet(&self, other: &Known) -> Known {
        let both = self.0.iter().filter_map(|(slot, value)| {
            let value = value.meet(*other.0.get(slot)?);
            (value != Value::default()).then_some((*slot, value))
        });
        Known(both.collect())
    }

    /// What is known of the registers that are live at the start of a block.
    fn live_in(&self, block: u32, facts: &Facts) -> Known {
        let live = facts.liveness.live_in[block as usize].iter();
        let known = live.filter_map(|(reg, _)| {
            let slot = facts.slots.slot(*reg)? as u32;
            Some((slot, *self.0.get(&slot)?))
        });
        Known(known.collect())
    }

    /// Takes it over instruction `index`.
    pub(super) fn step(&mut self, function: &Function, facts: &Facts, index: usize) {
        let result = self.result_of(function, facts, index);
        for access in &facts.effects[index].regs {
            let lanes = access.write | access.may_write;
            if !lanes.is_empty() {
                let mut value = self.of(access.reg, facts).without(lanes, function);
                value.flag |= access.zeroed.contains(Lanes::low(1));
                value.scalar |= access.zeroed.contains(Lanes::low(4));
                self.set(access.reg, value, facts);
            }
        }
        if let Some((reg, value)) = result {
            self.set(reg, value, facts);
        }
    }

    /// The register about whose new value instruction `index` says something.
    fn result_of(&self, function: &Function, facts: &Facts, index: usize) -> Option<(Reg, Value)> {
        match &function.insts[index].op {
            Op::Copy { dst, src } => self.moved(function, facts, *dst, *src),
            Op::SetImm { dst, value } => number(*dst, *value),
            Op::LoadArg { arg } => {
                Some((Reg::Virtual(function[*arg].vreg), of_argument(function, *arg)))
            }
            Op::Machine(machine) => self.computed(function, facts, &machine.inst),
            Op::Label(_)
            | Op::Undefined { .. }
            | Op::Return(_)
            | Op::Align(_)
            | Op::Ghost(_)
            | Op::Local(..)
            | Op::Bytes(_) => None,
        }
    }

    /// The result of a move between registers of one general-purpose class.
    fn moved(
        &self,
        function: &Function,
        facts: &Facts,
        dst: View<Reg>,
        src: View<Reg>,
    ) -> Option<(Reg, Value)> {
        if dst.class == Class::Gp8h || src.class == Class::Gp8h {
            return None;
        }
        let bytes = src.class.bytes().min(dst.class.bytes());
        Some((dst.reg, self.of(src.reg, facts).low(bytes, function)))
    }

    /// The result of the few machine instructions that make or pass on what is tracked.
    fn computed(
        &self,
        function: &Function,
        facts: &Facts,
        inst: &Instruction<Reg>,
    ) -> Option<(Reg, Value)> {
        let Some(Operand::Reg(dst)) = inst.operands.first() else { return None };
        if dst.class == Class::Gp8h || dst.class.bank() != Bank::Gp {
            return None;
        }
        let old = self.of(dst.reg, facts).low(dst.class.bytes(), function);
        let source = match inst.operands.get(1) {
            Some(Operand::Reg(src)) if src.class != Class::Gp8h => {
                Some(self.of(src.reg, facts).low(src.class.bytes(), function))
            }
            Some(Operand::Imm(value)) => Some(Value::of_number(*value, dst.class.bytes())),
            _ => None,
        };
        let flag = |flag| Some((dst.reg, Value { flag, ..Value::default() }));
        match (inst.mnemonic.name(), source) {
            ("mov", Some(source)) => Some((dst.reg, source)),
            ("movzx", source) => {
                let byte = source.is_some_and(|value| value.flag);
                let scalar = dst.class.bytes() >= 4 && extends_byte(inst);
                Some((dst.reg, Value { argument: None, flag: byte, scalar }))
            }
            ("and", Some(source)) => flag(old.flag || source.flag),
            ("or" | "xor", Some(source)) if old.flag && source.flag => flag(true),
            (name, Some(source)) if name.starts_with("cmov") => Some((dst.reg, old.meet(source))),
            (name, None) if name.starts_with("set") && dst.class == Class::Gp8 => flag(true),
            _ => None,
        }
    }
}

/// The result of `mov dst, value`.
fn number(dst: View<Reg>, value: i128) -> Option<(Reg, Value)> {
    (dst.class != Class::Gp8h).then(|| (dst.reg, Value::of_number(value, dst.class.bytes())))
}

/// Whether the source of a `movzx` is a byte, so that the result is at most 255.
fn extends_byte(inst: &Instruction<Reg>) -> bool {
    match &inst.operands[1] {
        Operand::Reg(view) => view.class.bytes() == 1,
        Operand::Mem(mem) => mem.size == Some(1),
        _ => false,
    }
}

/// What is known of an argument as it arrives.
fn of_argument(function: &Function, arg: ArgId) -> Value {
    let value = &function[arg].value;
    Value { argument: Some(arg), flag: *value == ArgValue::Bool, scalar: *value == ArgValue::Char }
}

/// What is known at the start of each block of the registers that are live there; `None` where no
/// path leads.
pub(super) fn at_block_entries(function: &Function, facts: &Facts) -> Vec<Option<Known>> {
    let cfg = &facts.cfg;
    let mut entry = Known::default();
    for (vreg, _) in function.arriving() {
        if let Some(arg) = function[vreg].arg {
            entry.set(Reg::Virtual(vreg), of_argument(function, arg), facts);
        }
    }
    let mut known = vec![None; cfg.blocks.len()];
    known[0] = Some(entry);
    cfg.run_forward(|number, pass_on| {
        let Some(mut state) = known[number].clone() else { return };
        for index in cfg.blocks[number].insts() {
            state.step(function, facts, index);
        }
        for &succ in &cfg.blocks[number].succs {
            let next = match &known[succ as usize] {
                None => state.live_in(succ, facts),
                Some(old) => old.meet(&state),
            };
            if known[succ as usize].as_ref() != Some(&next) {
                known[succ as usize] = Some(next);
                pass_on(succ);
            }
        }
    });
    known
}
