//! What a loop changes, and where it is entered from.

use crate::analysis::proof::claim::ENTRY;
use crate::analysis::proof::judge::is_passed;
use crate::analysis::proof::state::{Slot, is_gp};
use crate::analysis::proof::world::World;
use crate::ir::{Base, Ghost, Op, Operand, Reg};
use crate::sorted::SortedSet;

/// The blocks that a block is entered from, and [`ENTRY`] for the first.
pub(super) fn all_edges(world: &World<'_>, block: u32) -> Vec<u32> {
    let blocks = &world.facts.cfg.blocks;
    let preds = blocks[block as usize].preds.iter().copied();
    let mut edges: Vec<u32> = preds.filter(|pred| blocks[*pred as usize].reachable).collect();
    if block == 0 {
        edges.push(ENTRY);
    }
    edges
}

/// What is written on some way from `block` back to itself.
pub(super) fn changed_in_loop(world: &World<'_>, block: u32) -> SortedSet<Slot> {
    let cfg = &world.facts.cfg;
    let mut inside = SortedSet::from_iter([block]);
    let mut todo: Vec<u32> = all_edges(world, block)
        .into_iter()
        .filter(|from| *from != ENTRY && is_passed(world, block, *from))
        .collect();
    if todo.is_empty() {
        return SortedSet::new();
    }
    while let Some(from) = todo.pop() {
        if inside.insert(from) {
            todo.extend(cfg.blocks[from as usize].preds.iter().copied());
        }
    }
    let mut changed = SortedSet::new();
    world.symbols.spend(8 * inside.len());
    for index in inside.into_iter().flat_map(|block| cfg.blocks[block as usize].insts()) {
        let effects = &world.facts.effects[index];
        for access in &effects.regs {
            if !(access.write | access.may_write).is_empty() && is_gp(access.reg, world.function) {
                changed.insert(Slot::Register(access.reg));
            }
        }
        match &world.function.insts[index].op {
            Op::Ghost(Ghost::Remember { ghost, .. }) => {
                changed.insert(Slot::Register(Reg::Virtual(*ghost)));
            }
            Op::Machine(machine) => {
                let written = effects.memory.iter().filter(|access| access.write);
                let operands =
                    written.filter_map(|access| machine.inst.operands.get(access.operand?));
                changed.extend(operands.filter_map(|operand| match operand {
                    Operand::Mem(mem) => match mem.base {
                        Base::Local(local) => Some(Slot::Local(local, mem.disp)),
                        _ => None,
                    },
                    _ => None,
                }));
            }
            Op::Label(_)
            | Op::Local(..)
            | Op::Copy { .. }
            | Op::SetImm { .. }
            | Op::Undefined { .. }
            | Op::LoadArg { .. }
            | Op::Return(_)
            | Op::Align(_)
            | Op::Ghost(Ghost::Invariant(_) | Ghost::Declassify(_))
            | Op::Bytes(_) => {}
        }
    }
    changed
}
