//! Where secrets go, and whether anything that an observer can measure depends on one.
//!
//! In: a function with a `#[secret]` argument and its facts. Out: an error for every instruction
//! that leaks. Functions without such an argument are not looked at. `unsafe` makes no difference.
//!
//! A forward analysis follows, by byte, which registers, flags, stack variables and pushed values
//! may depend on a secret, and which arguments every address comes from. It errs toward secret:
//! where two paths meet, a byte is secret if it is on either.
//!
//! | file | what it does |
//! |---|---|
//! | `taint` | the terms: bytes that are secret, and why |
//! | `address` | what a value is as an address: the arguments and variables it comes from |
//! | `state` | everything known at one place, and how two of it become one |
//! | `memory` | what a load brings and where a store may go |
//! | `inputs` | which secret bytes an instruction takes in |
//! | `transfer` | one step over taints |
//! | `values` | one step over addresses |
//! | `strings` | string instructions, whose addresses no operand names |
//! | `calls` | what can be read and written where control leaves the kernel |
//! | `leaks` | what must not be secret, in one instruction |
//! | `report` | the errors |
//!
//! What the language's reference leaves open: a call may read what is pushed, and stack variables
//! whose address it can find. The address of what a `#[secret]` argument points to may be handed
//! on; only then does a call give back secrets. Stack variables hold none before they are written.
//! A register that nothing has written, or a byte of one that the convention leaves unspecified, is
//! as secret as `undefined`.

mod address;
mod calls;
mod inputs;
mod leaks;
mod memory;
mod report;
mod state;
mod strings;
mod taint;
mod transfer;
mod values;

use super::Facts;
use super::reports::Reports;
use crate::ir::Function;
use state::State;

/// Reports every instruction of a function with secrets that an observer could learn from.
pub(super) fn verify(function: &Function, facts: &Facts, reports: &mut Reports<'_>) {
    if !function.args.iter().any(|arg| arg.secret) {
        return;
    }
    let at_entry = at_block_entries(function, facts);
    for (block, state) in facts.cfg.blocks.iter().zip(at_entry) {
        let Some(mut state) = state else { continue };
        for index in block.insts() {
            if let Some(leak) = leaks::find(function, facts, index, &state) {
                reports.push(report::describe(function, index, &leak));
            }
            transfer::step(function, facts, index, &mut state);
        }
    }
}

/// What is known at the start of each block; `None` where no path leads.
fn at_block_entries(function: &Function, facts: &Facts) -> Vec<Option<State>> {
    let cfg = &facts.cfg;
    let mut known: Vec<Option<State>> = vec![None; cfg.blocks.len()];
    known[0] = Some(State::at_entry(function, facts));
    cfg.run_forward(|number, pass_on| {
        let Some(mut state) = known[number].clone() else { return };
        for index in cfg.blocks[number].insts() {
            transfer::step(function, facts, index, &mut state);
        }
        for &succ in &cfg.blocks[number].succs {
            let grew = match &mut known[succ as usize] {
                Some(old) => old.join(&state),
                new => {
                    *new = Some(state.clone());
                    true
                }
            };
            if grew {
                pass_on(succ);
            }
        }
    });
    known
}
