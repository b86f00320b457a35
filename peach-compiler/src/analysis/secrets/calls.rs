//! Calls, and whatever else leaves the kernel's sight: which memory can be read or written there.
//!
//! What is called finds its arguments in registers and on the stack. From an address it gets at all
//! of a stack variable, and from there at those whose addresses are stored in it.

use super::address::{Origin, Value};
use super::memory;
use super::state::{Holder, State};
use super::taint::{Source, Taint, Why};
use crate::analysis::Facts;
use crate::analysis::outside::Outside;
use crate::ir::{Function, LocalId, Reg};
use crate::isa::Lanes;

/// A secret in memory that is exposed where `registers` are handed on, and what holds it.
pub(super) fn exposed(
    facts: &Facts,
    state: &State,
    kind: Outside,
    registers: impl Iterator<Item = Reg>,
) -> Option<(Holder, Why)> {
    let on_stack = state.pushed.iter().rev().filter(|_| takes_from_stack(kind));
    let pushed = on_stack.filter_map(|pushed| pushed.taint.reason());
    // What the caller has left in a register is not a secret of this kernel.
    let mut pushed = pushed.filter(|why| why.source != Source::Unwritten);
    if let Some(why) = pushed.next() {
        return Some((Holder::Pushed, why));
    }
    let values: Vec<Value> = registers.map(|reg| state.value(facts, reg)).collect();
    reachable(state, kind, &values).into_iter().find_map(|local| {
        let stored = &state.locals[local.index()];
        stored.is_secret().then_some((Holder::Variable(local), stored.why))
    })
}

/// Whether what is pushed may be an argument. The system takes its arguments in registers.
fn takes_from_stack(kind: Outside) -> bool {
    match kind {
        Outside::Call | Outside::Elsewhere | Outside::Bytes => true,
        Outside::System | Outside::State | Outside::No => false,
    }
}

/// The stack variables that can be found by whoever is given `values`.
fn reachable(state: &State, kind: Outside, values: &[Value]) -> Vec<LocalId> {
    let mut found: Vec<LocalId> = state.escaped.iter().copied().collect();
    let pushed = state.pushed.iter().filter(|_| takes_from_stack(kind)).map(|pushed| &pushed.value);
    found.extend(values.iter().chain(pushed).flat_map(|value| state.locals_of(value)));
    let mut at = 0;
    while let Some(&local) = found.get(at) {
        let inside = state.addresses.iter().filter(|((of, _), _)| *of == local);
        for next in inside.flat_map(|(_, value)| state.locals_of(value)) {
            if !found.contains(&next) {
                found.push(next);
            }
        }
        at += 1;
    }
    found
}

/// Takes the state over a call. It gives back secrets only if it was given the address of some:
/// that of an argument's, as those in stack variables are refused.
pub(super) fn step(function: &Function, facts: &Facts, index: usize, state: &mut State) {
    let effects = &facts.effects[index];
    let given = effects.regs.iter().filter(|access| !access.read.is_empty());
    let given: Vec<Value> = given.map(|access| state.value(facts, access.reg)).collect();
    let is_secret = |value: &Value| {
        let mut origins = value.regions().into_iter();
        origins.any(|origin| matches!(origin, Origin::Pointer(arg) if function[arg].secret))
    };
    let taint = match given.iter().any(is_secret) {
        true => Taint::new(Lanes::ALL, Why::of(Source::Call(index as u32))),
        false => Taint::PUBLIC,
    };
    for local in reachable(state, Outside::Call, &given) {
        memory::spoil(state, local, taint);
        state.escaped.insert(local);
    }
    for access in &effects.regs {
        let changed = access.write | access.may_write;
        if !changed.is_empty() {
            let mut new = taint.only(changed);
            new.add(state.taint(facts, access.reg).only(Lanes::ALL - access.write));
            state.set(facts, access.reg, new);
            state.set_value(facts, access.reg, Value::unknown());
        }
    }
    state.flags &= !effects.flags_written.0;
}
