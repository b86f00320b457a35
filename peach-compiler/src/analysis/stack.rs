//! How much the user has pushed before each instruction.

use super::Cfg;
use crate::ir::{Function, LocalOp, Op, Reg};
use crate::isa::{Control, Effects};

/// The depth of the stack before each instruction, and where it does not work out.
#[derive(Debug, Default)]
pub(super) struct Stack {
    /// In bytes; `None` if unreachable.
    pub(super) depth: Vec<Option<u32>>,
    /// What is wrong, in the order of the code within each path.
    pub(super) problems: Vec<Problem>,
}

/// A place where `push` and `pop` do not balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// Instruction `at` pops bytes that the kernel did not push.
    BelowStart { at: usize },
    /// Two paths meet before instruction `at` with different depths. `from` ends the second one.
    Join { at: usize, from: usize, depths: [u32; 2] },
    /// The `return` at `at` leaves bytes on the stack.
    Left { at: usize, depth: u32 },
}

/// Follows every path once; where a second one arrives, it must bring the same depth.
pub(super) fn follow(function: &Function, cfg: &Cfg, effects: &[Effects<Reg>]) -> Stack {
    let mut stack = Stack { depth: vec![None; effects.len()], problems: Vec::new() };
    let mut depth_in: Vec<Option<u32>> = vec![None; cfg.blocks.len()];
    depth_in[0] = Some(0);
    for &number in &cfg.order {
        let block = &cfg.blocks[number as usize];
        // Reverse postorder: some predecessor of every block but the entry came before it.
        let mut depth = depth_in[number as usize].unwrap_or(0);
        for index in block.insts() {
            stack.depth[index] = Some(depth);
            let op = &function.insts[index].op;
            let leaves =
                matches!(op, Op::Return(_) | Op::Local(LocalOp::Return, _)) || op.is_tail_call();
            if leaves && depth != 0 {
                stack.problems.push(Problem::Left { at: index, depth });
            }
            depth = after(depth, &effects[index]).unwrap_or_else(|| {
                stack.problems.push(Problem::BelowStart { at: index });
                0
            });
        }
        for &succ in &block.succs {
            match depth_in[succ as usize] {
                None => depth_in[succ as usize] = Some(depth),
                Some(known) if known == depth => {}
                Some(known) => stack.problems.push(Problem::Join {
                    at: cfg.blocks[succ as usize].start as usize,
                    from: block.end as usize - 1,
                    depths: [known, depth],
                }),
            }
        }
    }
    // After the first such place, every depth is a guess.
    if let Some(at) = stack.problems.iter().position(|p| !matches!(p, Problem::Left { .. })) {
        stack.problems.truncate(at + 1);
    }
    stack
}

/// The depth after an instruction; `None` if it pops below the start. A call comes back with the
/// stack as it was.
fn after(depth: u32, effects: &Effects<Reg>) -> Option<u32> {
    if effects.control == Control::Call {
        return Some(depth);
    }
    depth.checked_add_signed(-effects.stack)
}
