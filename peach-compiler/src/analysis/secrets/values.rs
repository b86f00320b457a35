//! One step over addresses: what the registers that an instruction writes come from.
//!
//! Sums are followed exactly, through moves, `lea`, `add`, `sub`, `inc`, `dec`, `neg`, shifts by a
//! constant, `push`, `pop` and stack variables. Of everything else a result may come from whatever
//! the instruction reads in registers.

use super::address::Value;
use super::memory::{self, Target};
use super::state::{Pushed, State};
use crate::analysis::Facts;
use crate::ir::{Function, Machine, Operand, Reg, View};
use crate::isa::{Access, Class, Effects, Lanes};

/// `a = b`.
pub(super) fn copy(facts: &Facts, state: &mut State, dst: View<Reg>, src: View<Reg>) {
    let (old, new) = (state.value(facts, dst.reg), state.value(facts, src.reg));
    let value = match (dst.class, src.class) {
        (Class::Gp64, Class::Gp64) => new,
        (Class::Gp32, _) => new.blurred(),
        _ if dst.class.bytes() >= 8 => new.blurred(),
        _ => old.mixed(&new),
    };
    state.set_value(facts, dst.reg, value);
}

/// `a = 7`.
pub(super) fn set_number(facts: &Facts, state: &mut State, dst: View<Reg>, number: i128) {
    let value = match dst.class {
        Class::Gp64 => Value::number(number as i64),
        Class::Gp32 => Value::number(i64::from(number as u32)),
        _ => state.value(facts, dst.reg).blurred(),
    };
    state.set_value(facts, dst.reg, value);
}

/// `xchg a, b`.
pub(super) fn exchange(facts: &Facts, state: &mut State, a: View<Reg>, b: View<Reg>) {
    let (old_a, old_b) = (state.value(facts, a.reg), state.value(facts, b.reg));
    let is_whole = a.class == Class::Gp64 && b.class == Class::Gp64;
    let mixed = old_a.mixed(&old_b);
    state.set_value(facts, a.reg, if is_whole { old_b } else { mixed.clone() });
    state.set_value(facts, b.reg, if is_whole { old_a } else { mixed });
}

/// What is taken from the state before an instruction, to be put into the one after it.
pub(super) struct Before {
    /// The registers it writes, with what they become.
    results: Vec<(Reg, Value)>,
    /// What it stores or pushes, if that is one whole value.
    pub stored: Option<Value>,
    /// What may be in what it stores.
    pub sources: Value,
}

impl Before {
    pub fn of(
        function: &Function,
        facts: &Facts,
        effects: &Effects<Reg>,
        machine: &Machine,
        state: &State,
        popped: Option<Pushed>,
    ) -> Before {
        let exact = exact(function, facts, machine, state, popped.as_ref());
        let results = effects
            .regs
            .iter()
            .filter(|access| !(access.write | access.may_write).is_empty())
            .map(|access| {
                let value = match (machine.inst.operands.first(), &exact) {
                    (Some(Operand::Reg(view)), Some(value))
                        if view.reg == access.reg && view.class == Class::Gp64 =>
                    {
                        value.clone()
                    }
                    _ => some(facts, effects, machine, access, state),
                };
                (access.reg, value)
            })
            .collect();
        let sources = match &popped {
            Some(pushed) => pushed.value.clone(),
            None => sources(facts, effects, machine, state),
        };
        Before { results, stored: stored(facts, machine, state, popped), sources }
    }

    /// Puts the results into the state after the instruction.
    pub fn finish(self, facts: &Facts, state: &mut State) {
        for (reg, value) in self.results {
            state.set_value(facts, reg, value);
        }
    }
}

/// The value of a 64-bit register as an operand, or of an immediate.
fn operand(facts: &Facts, state: &State, operand: Option<&Operand<Reg>>) -> Option<Value> {
    match operand? {
        Operand::Reg(view) if view.class == Class::Gp64 => Some(state.value(facts, view.reg)),
        Operand::Imm(value) => Some(Value::number(*value as i64)),
        Operand::Reg(_)
        | Operand::Mem(_)
        | Operand::RustConst(_)
        | Operand::RustSym(_)
        | Operand::Label(_)
        | Operand::Relative(_) => None,
    }
}

/// What the first operand becomes, where that is a known sum.
fn exact(
    function: &Function,
    facts: &Facts,
    machine: &Machine,
    state: &State,
    popped: Option<&Pushed>,
) -> Option<Value> {
    let operands = &machine.inst.operands;
    let old = operand(facts, state, operands.first());
    let source = operand(facts, state, operands.get(1));
    let number = || match operands.get(1) {
        Some(Operand::Imm(value @ 0..=62)) => Some(1i64 << value),
        _ => None,
    };
    let name = machine.inst.mnemonic.name();
    match (name, operands.get(1)) {
        ("pop", _) => popped.map(|pushed| pushed.value.clone()),
        ("mov", Some(Operand::Mem(mem))) => {
            let target = memory::target(function, facts, state, mem);
            let Target::Sum(address) = target else { return Some(Value::unknown()) };
            let known = address.local().and_then(|place| state.addresses.get(&place));
            Some(known.cloned().unwrap_or_else(Value::unknown))
        }
        ("lea", Some(Operand::Mem(mem))) => Some(memory::sum(facts, state, mem)),
        ("mov" | "movabs", _) => Some(source.unwrap_or_else(Value::unknown)),
        ("add", _) => Some(old?.plus(&source?)),
        ("sub" | "xor", Some(Operand::Reg(view))) if is_first(machine, *view) => {
            Some(Value::number(0))
        }
        ("sub", _) => Some(old?.plus(&source?.times(-1))),
        ("inc", _) => Some(old?.plus(&Value::number(1))),
        ("dec", _) => Some(old?.plus(&Value::number(-1))),
        ("neg", _) => Some(old?.times(-1)),
        ("shl" | "sal", _) => Some(old?.times(number()?)),
        _ if name.starts_with("cmov") => Some(old?.joined(&source?)),
        _ => None,
    }
}

fn is_first(machine: &Machine, view: View<Reg>) -> bool {
    matches!(machine.inst.operands.first(), Some(Operand::Reg(first)) if *first == view)
}

/// Whatever the instruction reads in registers, other than for addresses, may be in the result; and
/// what the result keeps.
fn some(
    facts: &Facts,
    effects: &Effects<Reg>,
    machine: &Machine,
    access: &Access<Reg>,
    state: &State,
) -> Value {
    let is_zero = access.zeroed.contains(Lanes::low(8));
    if is_zero && access.write.contains(Lanes::low(8)) {
        return Value::number(0);
    }
    let value = sources(facts, effects, machine, state);
    match access.write.contains(Lanes::low(8)) {
        true => value,
        false => value.mixed(&state.value(facts, access.reg)),
    }
}

/// All that the instruction reads, other than for addresses.
fn sources(facts: &Facts, effects: &Effects<Reg>, machine: &Machine, state: &State) -> Value {
    let operands = &machine.inst.operands;
    let is_data = |reg: Reg| {
        let named = |operand: &Operand<Reg>| matches!(operand, Operand::Reg(v) if v.reg == reg);
        let mut addresses = machine.inst.memory_operands().flat_map(|(_, mem)| mem.views());
        let is_lea = machine.inst.mnemonic.name() == "lea";
        is_lea || operands.iter().any(named) || !addresses.any(|view| view.reg == reg)
    };
    let loads = effects.memory.iter().any(|access| access.read && !access.address_only);
    let mut value = if loads { Value::unknown() } else { Value::default() };
    for read in effects.regs.iter().filter(|a| !a.read.is_empty() && is_data(a.reg)) {
        value = value.mixed(&state.value(facts, read.reg));
    }
    value
}

/// What is stored or pushed, if it is one register or number of eight bytes.
fn stored(
    facts: &Facts,
    machine: &Machine,
    state: &State,
    popped: Option<Pushed>,
) -> Option<Value> {
    let operands = &machine.inst.operands;
    match machine.inst.mnemonic.name() {
        "push" => operand(facts, state, operands.first()),
        "pop" => popped.map(|pushed| pushed.value),
        "mov" => match (operands.first(), operands.get(1)) {
            (Some(Operand::Mem(_)), Some(Operand::Reg(view))) if view.class == Class::Gp64 => {
                Some(state.value(facts, view.reg))
            }
            _ => None,
        },
        _ => None,
    }
}
