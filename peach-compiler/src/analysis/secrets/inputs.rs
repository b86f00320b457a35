//! What an instruction takes in: secret bytes of registers, flags and memory.

use super::address::Value;
use super::memory::{self, Target};
use super::state::{Pushed, State};
use super::strings;
use super::taint::{Taint, Why, seen};
use crate::analysis::Facts;
use crate::ir::{Function, Machine, Operand, Prefixes, Reg};
use crate::isa::{self, Access, ByteFlow, Effects, Lanes};

/// What an instruction takes in.
pub(super) struct Inputs {
    /// Why any of it is secret, if it is.
    pub any: Option<Why>,
    /// What is loaded, through operands or not.
    pub loaded: Taint,
    /// Of a result whose bytes depend on those in their place: the secret ones.
    pub in_place: Option<Taint>,
}

/// What instruction `index` takes in. `popped` is the value that it takes from the stack.
pub(super) fn inputs(
    function: &Function,
    facts: &Facts,
    index: usize,
    machine: &Machine,
    state: &State,
    popped: Option<&Pushed>,
) -> Inputs {
    let effects = &facts.effects[index];
    let loaded = match popped {
        Some(pushed) => pushed.taint,
        None => loaded(function, facts, index, machine, state),
    };
    let flags = (effects.flags_read.0 & state.flags != 0).then_some(state.flags_why);
    let registers = effects.regs.iter().find_map(|access| {
        state.taint(facts, access.reg).only(access.read - handed_on(effects, access)).reason()
    });
    Inputs {
        any: registers.or(flags).or(loaded.reason()),
        loaded,
        in_place: in_place(facts, effects, machine, loaded, flags, state),
    }
}

/// Bytes that an instruction passes on without a look at them.
fn handed_on(effects: &Effects<Reg>, access: &Access<Reg>) -> Lanes {
    match effects.copied {
        Some(copied) if copied.from == access.reg => copied.lanes,
        _ => Lanes::NONE,
    }
}

/// What the loads of an instruction bring.
pub(super) fn loaded(
    function: &Function,
    facts: &Facts,
    index: usize,
    machine: &Machine,
    state: &State,
) -> Taint {
    let mut all = Taint::PUBLIC;
    let effects = &facts.effects[index];
    for access in effects.memory.iter().filter(|access| access.read && !access.address_only) {
        if access.operand.is_none() && effects.stack != 0 {
            continue;
        }
        let target = memory_target(function, facts, machine, state, access.operand);
        let mut taint = memory::load(function, state, &target, access.bytes, index);
        let is_broadcast = access.operand.is_some_and(|operand| {
            matches!(&machine.inst.operands[operand], Operand::Mem(mem) if mem.broadcast.is_some())
        });
        if taint.is_secret() && is_broadcast {
            taint.lanes = Lanes::ALL;
        }
        all.add(taint);
    }
    all
}

/// What a memory operand stands for, or the address that no operand names.
pub(super) fn memory_target(
    function: &Function,
    facts: &Facts,
    machine: &Machine,
    state: &State,
    operand: Option<usize>,
) -> Target {
    match operand.map(|operand| &machine.inst.operands[operand]) {
        Some(Operand::Mem(mem)) => memory::target(function, facts, state, mem),
        _ => {
            let Prefixes { segment, narrow_address, .. } = machine.inst.prefixes;
            if segment.is_some() || narrow_address {
                return Target::Sum(Value::unknown());
            }
            let registers = strings::hidden_address(machine);
            let sum = registers
                .into_iter()
                .fold(Value::number(0), |sum, view| sum.plus(&state.value(facts, view.reg)));
            Target::Sum(sum)
        }
    }
}

/// Which bytes of the result in place are secret, counted from the lowest of the operand.
fn in_place(
    facts: &Facts,
    effects: &Effects<Reg>,
    machine: &Machine,
    loaded: Taint,
    flags: Option<Why>,
    state: &State,
) -> Option<Taint> {
    let ByteFlow::InPlace(element) = isa::byte_flow(&machine.inst, &machine.selection) else {
        return None;
    };
    let mask = machine.inst.mask.and_then(|mask| state.taint(facts, mask.reg).reason());
    if let Some(why) = mask.or(flags) {
        return Some(Taint::new(Lanes::ALL, why));
    }
    let mut all = loaded;
    for operand in &machine.inst.operands {
        let Operand::Reg(view) = operand else { continue };
        let read = effects.regs.iter().find(|access| access.reg == view.reg);
        let read = read.map_or(Lanes::NONE, |access| access.read - handed_on(effects, access));
        let taint = state.taint(facts, view.reg);
        all.add(Taint::new(seen(*view, taint.lanes & read), taint.why));
    }
    all.lanes = in_elements(all.lanes, element) - settled_by_immediate(machine);
    Some(all)
}

/// Every byte of the elements of which any byte is there.
fn in_elements(lanes: Lanes, element: u32) -> Lanes {
    let elements = (0..64 / element).map(|at| Lanes::range(at * element, element));
    elements.filter(|at| at.intersects(lanes)).fold(Lanes::NONE, |all, at| all | at)
}

/// Bytes that an immediate makes zero or ones, whatever they were.
fn settled_by_immediate(machine: &Machine) -> Lanes {
    let settled = match machine.inst.mnemonic.name() {
        "and" => 0,
        "or" => 0xff,
        _ => return Lanes::NONE,
    };
    let Some(Operand::Imm(value)) = machine.inst.operands.last() else { return Lanes::NONE };
    (0..8)
        .filter(|byte| value >> (8 * byte) & 0xff == settled)
        .fold(Lanes::NONE, |all, byte| all | Lanes::range(byte, 1))
}
