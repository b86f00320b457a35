//! The facts, by instruction and by block.

use crate::ir::{Function, InstId, Reg};
use crate::isa::{Constraints, Effects, Flags, Lanes};

/// What is known of every instruction of a function.
#[derive(Debug)]
pub struct Facts {
    /// What each instruction reads and writes. Pseudo-instructions too: a copy, a return.
    pub effects: Vec<Effects<Reg>>,
    /// What each instruction demands of its registers.
    pub constraints: Vec<Constraints<Reg>>,
    /// The control-flow graph.
    pub cfg: Cfg,
    /// Which register bytes are live, at the ends of the blocks.
    pub liveness: Liveness,
    /// Flags that are live after each instruction.
    pub flags_live_out: Vec<Flags>,
    /// Bytes pushed before each instruction (not counting the frame); `None` if unreachable.
    pub depth: Vec<Option<u32>>,
}

/// Basic blocks in the order of the code.
#[derive(Debug, Default)]
pub struct Cfg {
    /// The blocks; block 0 is the entry.
    pub blocks: Vec<Block>,
    /// The block of each instruction.
    pub block_of: Vec<u32>,
}

/// A run of instructions that is entered at its start and left at its end.
#[derive(Debug, Default)]
pub struct Block {
    /// First instruction.
    pub start: u32,
    /// One past the last.
    pub end: u32,
    /// Blocks that may follow.
    pub succs: Vec<u32>,
    /// Blocks that may come before.
    pub preds: Vec<u32>,
    /// How many loops it is in.
    pub loop_depth: u32,
    /// Whether a path from the entry leads here.
    pub reachable: bool,
}

/// Live bytes at the ends of each block: pairs of register and bytes, sorted by register.
#[derive(Debug, Default)]
pub struct Liveness {
    /// Before the first instruction of each block.
    pub live_in: Vec<Vec<(Reg, Lanes)>>,
    /// After the last instruction of each block.
    pub live_out: Vec<Vec<(Reg, Lanes)>>,
}

impl Facts {
    /// Computes them.
    pub fn of(_function: &Function) -> Facts {
        todo!()
    }

    /// Calls `visit` for every instruction of block `block`, last first, with what is live after it.
    pub fn for_each_live_out(&self, _block: u32, _visit: impl FnMut(InstId, &[(Reg, Lanes)])) {
        todo!()
    }
}
