//! Which flags are live after each instruction.

use super::Cfg;
use crate::ir::Reg;
use crate::isa::{Effects, Flags};

/// Flags whose value after each instruction some later instruction reads. None is live at a return:
/// conventions pass nothing in flags (the direction flag is not tracked as a value).
pub(super) fn live_out(cfg: &Cfg, effects: &[Effects<Reg>]) -> Vec<Flags> {
    let mut live_in = vec![Flags::default(); cfg.blocks.len()];
    let mut out = vec![Flags::default(); effects.len()];
    let mut queued = vec![true; cfg.blocks.len()];
    let mut todo: Vec<u32> = (0..cfg.blocks.len() as u32).collect();
    while let Some(number) = todo.pop() {
        queued[number as usize] = false;
        let block = &cfg.blocks[number as usize];
        let mut live = 0;
        for &succ in &block.succs {
            live |= live_in[succ as usize].0;
        }
        for index in block.insts().rev() {
            out[index] = Flags(live);
            live = live & !effects[index].flags_written.0 | effects[index].flags_read.0;
        }
        if live != live_in[number as usize].0 {
            live_in[number as usize] = Flags(live);
            for &pred in &block.preds {
                if !std::mem::replace(&mut queued[pred as usize], true) {
                    todo.push(pred);
                }
            }
        }
    }
    out
}
