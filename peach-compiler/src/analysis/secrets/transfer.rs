//! One step: which bytes are secret after an instruction.
//!
//! A result depends on all bytes that the instruction reads, unless `isa` knows that each of its
//! bytes depends on those in its place alone. Bytes that are known to become zero are public.

use super::address::Value;
use super::inputs::{Inputs, inputs, memory_target};
use super::memory::{self, Store, Target};
use super::state::{Pushed, State};
use super::taint::{Source, Taint, Why, placed, seen};
use super::{calls, strings, values};
use crate::analysis::Facts;
use crate::ir::{Declassified, Function, Ghost, Machine, Op, Operand, Reg, View};
use crate::isa::{self, Access, Class, Control, Effects, Flags, Lanes};

/// Takes the state over instruction `index`.
pub(super) fn step(function: &Function, facts: &Facts, index: usize, state: &mut State) {
    let effects = &facts.effects[index];
    match &function.insts[index].op {
        // Uses of local functions are written out: what they leave in registers is there.
        Op::Label(_) | Op::Align(_) | Op::Local(..) | Op::Return(_) => {}
        Op::Ghost(Ghost::Invariant(_) | Ghost::Remember { .. }) => {}
        Op::Copy { dst, src } => copy(facts, effects, *dst, *src, state),
        Op::SetImm { dst, value } => {
            clear(facts, effects, dst.reg, state);
            values::set_number(facts, state, *dst, *value);
        }
        Op::Undefined { dst } => {
            let lanes = effects.regs.iter().fold(Lanes::NONE, |all, access| all | access.write);
            let mut taint = Taint::new(lanes, Why::of(Source::Undefined(index as u32)));
            taint.add(state.taint(facts, dst.reg).only(Lanes::ALL - lanes));
            state.set(facts, dst.reg, taint);
            state.set_value(facts, dst.reg, Value::unknown());
        }
        Op::Ghost(Ghost::Declassify(places)) => declassify(function, facts, places, state),
        Op::LoadArg { arg } => {
            if let Some(pointer) = function[*arg].pointer {
                state.set(facts, Reg::Virtual(pointer), Taint::PUBLIC);
            }
            state.load_argument(function, facts, *arg);
        }
        // What raw bytes leave is up to the author, and they are given no secrets.
        Op::Bytes(_) => {
            for access in &effects.regs {
                state.set_value(facts, access.reg, Value::unknown());
            }
        }
        Op::Machine(_) if effects.control == Control::Call => {
            calls::step(function, facts, index, state);
        }
        Op::Machine(machine) => match strings::of(machine) {
            Some(string) => string.step(function, facts, index, state),
            None => machine_step(function, facts, index, machine, state),
        },
    }
}

/// Lane by lane, which costs nothing to know.
fn copy(facts: &Facts, effects: &Effects<Reg>, dst: View<Reg>, src: View<Reg>, state: &mut State) {
    let source = state.taint(facts, src.reg);
    let moved = Taint::new(placed(dst, seen(src, source.lanes)), source.why);
    values::copy(facts, state, dst, src);
    clear(facts, effects, dst.reg, state);
    let mut taint = moved;
    taint.add(state.taint(facts, dst.reg));
    state.set(facts, dst.reg, taint);
}

/// What an instruction writes to a register in any case is public until something is added.
fn clear(facts: &Facts, effects: &Effects<Reg>, reg: Reg, state: &mut State) {
    let written = effects.regs.iter().filter(|access| access.reg == reg);
    let written = written.fold(Lanes::NONE, |all, access| all | access.write);
    let old = state.taint(facts, reg);
    state.set(facts, reg, old.only(Lanes::ALL - written));
}

/// What becomes public on the author's word.
fn declassify(function: &Function, facts: &Facts, places: &[Declassified], state: &mut State) {
    for place in places {
        match *place {
            Declassified::Reg(view) => {
                let old = state.taint(facts, view.reg);
                state.set(facts, view.reg, old.only(Lanes::ALL - view.class.lanes()));
                // One that waits in memory is loaded later.
                if let Reg::Virtual(vreg) = view.reg
                    && let Some(arg) = function[vreg].arg
                {
                    let waiting = &mut state.waiting[arg.index()];
                    *waiting = waiting.only(Lanes::ALL - view.class.lanes());
                }
            }
            Declassified::Local(local) => state.locals[local.index()].fill(false),
        }
    }
}

fn machine_step(
    function: &Function,
    facts: &Facts,
    index: usize,
    machine: &Machine,
    state: &mut State,
) {
    let effects = &facts.effects[index];
    if effects.memory.is_empty() && machine.inst.mnemonic.name() == "xchg" {
        exchange(facts, effects, machine, state);
        return;
    }
    let popped = if effects.stack > 0 { state.pushed.pop() } else { None };
    let inputs = inputs(function, facts, index, machine, state, popped.as_ref());
    let targets = written_targets(function, facts, effects, machine, state);
    let before = values::Before::of(function, facts, effects, machine, state, popped);
    let made = |taint: Taint| Taint { why: taint.why.made_by(index), ..taint };
    let results: Vec<(Reg, Taint)> = effects
        .regs
        .iter()
        .filter(|access| !(access.write | access.may_write).is_empty())
        .map(|access| {
            let new = result(facts, effects, machine, access, &inputs, state);
            let mut taint = made(new);
            taint.add(kept(facts, index, access, state));
            (access.reg, taint)
        })
        .collect();
    for (reg, taint) in results {
        state.set(facts, reg, taint);
    }
    set_flags(effects, inputs.any, index, state);
    for (access, target) in targets {
        let taint = stored(access.bytes, machine, &inputs);
        let store = Store {
            bytes: access.bytes,
            taint: made(taint),
            always: access.always_written,
            value: before.stored.clone(),
            sources: before.sources.clone(),
        };
        memory::store(state, &target, &store);
    }
    if effects.stack < 0 {
        let bytes = effects.stack.unsigned_abs();
        let taint = made(stored(Some(bytes), machine, &inputs));
        let value = before.stored.clone().unwrap_or_else(Value::unknown);
        state.pushed.push(Pushed { bytes, taint, value });
    }
    before.finish(facts, state);
}

/// What an instruction stores to, but for what it pushes.
fn written_targets(
    function: &Function,
    facts: &Facts,
    effects: &Effects<Reg>,
    machine: &Machine,
    state: &State,
) -> Vec<(isa::MemAccess, Target)> {
    let stores = effects.memory.iter().filter(|access| access.write && !access.address_only);
    stores
        .filter(|access| access.operand.is_some() || effects.stack == 0)
        .map(|access| (*access, memory_target(function, facts, machine, state, access.operand)))
        .collect()
}

/// The stores of instruction `index`, and what each of them would store.
pub(super) fn stores(
    function: &Function,
    facts: &Facts,
    index: usize,
    machine: &Machine,
    state: &State,
) -> Vec<(Option<usize>, Target, Taint)> {
    let effects = &facts.effects[index];
    let popped = if effects.stack > 0 { state.pushed.last() } else { None };
    let inputs = inputs(function, facts, index, machine, state, popped);
    written_targets(function, facts, effects, machine, state)
        .into_iter()
        .map(|(access, target)| (access.operand, target, stored(access.bytes, machine, &inputs)))
        .collect()
}

/// The secret bytes that an instruction computes of one register.
fn result(
    facts: &Facts,
    effects: &Effects<Reg>,
    machine: &Machine,
    access: &Access<Reg>,
    inputs: &Inputs,
    state: &State,
) -> Taint {
    let written = (access.write | access.may_write) - access.zeroed;
    let mut all = match (machine.inst.operands.first(), inputs.in_place) {
        (Some(Operand::Reg(view)), Some(taint)) if view.reg == access.reg => {
            let lanes = match view.class {
                Class::Gp8h => placed(*view, taint.lanes),
                _ => taint.lanes,
            };
            Taint::new(lanes, taint.why)
        }
        _ => inputs.any.map_or(Taint::PUBLIC, |why| Taint::new(Lanes::ALL, why)),
    };
    let copied = effects.copied.filter(|copied| copied.to == access.reg);
    if let Some(copied) = copied {
        all = all.only(Lanes::ALL - copied.lanes);
    }
    all = all.only(written);
    if let Some(copied) = copied {
        all.add(state.taint(facts, copied.from).only(copied.lanes));
    }
    all
}

/// The secret bytes of a register that an instruction leaves, or may leave, as they are.
fn kept(facts: &Facts, index: usize, access: &Access<Reg>, state: &State) -> Taint {
    let effects = &facts.effects[index];
    let mut old = state.taint(facts, access.reg);
    // A scan counts as writing a register that nothing has written, and may leave it as it was.
    if effects.settles && !access.write.is_empty() {
        return Taint::new(access.write, Why::of(Source::Undefined(index as u32)));
    }
    // Bytes that nothing has written cannot be read; what may be written over them can be.
    if matches!(old.why.source, Source::Unwritten) {
        old.lanes = old.lanes - access.may_write;
    }
    old.only(Lanes::ALL - access.write)
}

fn set_flags(effects: &Effects<Reg>, any: Option<Why>, index: usize, state: &mut State) {
    let Flags(written) = effects.flags_written;
    let Flags(may_write) = effects.flags_may_write;
    state.flags &= !written;
    if let Some(why) = any
        && written | may_write != 0
    {
        state.flags |= written | may_write;
        state.flags_why = why.made_by(index);
    }
}

/// The secret bytes of what an instruction stores.
fn stored(bytes: Option<u32>, machine: &Machine, inputs: &Inputs) -> Taint {
    let whole = bytes.map_or(Lanes::ALL, Lanes::low);
    let is_first = machine.inst.mnemonic.name() == "push"
        || machine.inst.mnemonic.name() == "pop"
        || matches!(machine.inst.operands.first(), Some(Operand::Mem(_)));
    match (inputs.in_place, inputs.any) {
        (Some(taint), _) if is_first => taint.only(whole),
        (_, Some(why)) => Taint::new(whole, why),
        (_, None) => inputs.loaded.only(Lanes::NONE),
    }
}

/// `xchg` of two registers.
fn exchange(facts: &Facts, effects: &Effects<Reg>, machine: &Machine, state: &mut State) {
    let [Operand::Reg(a), Operand::Reg(b)] = machine.inst.operands[..] else { return };
    let (old_a, old_b) = (state.taint(facts, a.reg), state.taint(facts, b.reg));
    values::exchange(facts, state, a, b);
    clear(facts, effects, a.reg, state);
    clear(facts, effects, b.reg, state);
    for (to, from, old) in [(a, b, old_b), (b, a, old_a)] {
        let mut taint = Taint::new(placed(to, seen(from, old.lanes)), old.why);
        taint.add(state.taint(facts, to.reg));
        state.set(facts, to.reg, taint);
    }
}
