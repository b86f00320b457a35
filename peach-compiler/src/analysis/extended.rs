//! Whether a pointer of 32 bits is already extended where it is returned.
//!
//! Callers may rely on zeros above it (System V AMD64 psABI 1.0, section 10.1). Where a returned
//! register is known to hold them, the return reads all of them, which keeps them live, and nothing
//! has to be added.

use super::Cfg;
use crate::ir::{Function, Op, Reg, ResultKind, ReturnValue};
use crate::isa::{Access, Effects, Lanes};
use std::collections::HashMap;

/// Adds to the effects of returns the bytes that extend what they return.
pub(super) fn complete_returns(function: &Function, cfg: &Cfg, effects: &mut [Effects<Reg>]) {
    let ResultKind::Values(types) = &function.result else { return };
    let [ty] = types.as_slice() else { return };
    if ty.vector || ty.bytes >= ty.extended {
        return;
    }
    let extended = Lanes::low(ty.extended);
    let above = extended - Lanes::low(ty.bytes);
    let mut questions = Questions::new(function, cfg, effects);
    let mut asked = Vec::new();
    for at in 0..function.insts.len() {
        if let Some(reg) = returned(function, at) {
            asked.push((at, reg, questions.ask(cfg.block_of[at], at, reg, above)));
        }
    }
    let denied = questions.denied();
    for (at, reg, _) in asked.into_iter().filter(|&(.., question)| !denied[question]) {
        if let Some(access) = access_of(&mut effects[at], reg) {
            access.read |= extended;
        }
    }
}

/// The register that instruction `at` returns, if it returns one.
fn returned(function: &Function, at: usize) -> Option<Reg> {
    match function.insts[at].op.returned()? {
        [ReturnValue::Reg(view)] => Some(view.reg),
        _ => None,
    }
}

fn access_of(effects: &mut Effects<Reg>, reg: Reg) -> Option<&mut Access<Reg>> {
    effects.regs.iter_mut().find(|access| access.reg == reg)
}

/// More questions than this are not answered: the extension is then added.
const MOST: usize = 1 << 20;

/// Whether bytes of a register are zero before an instruction: in its block, the instruction, the
/// register, the bytes.
type Question = (u32, usize, Reg, u64);

/// Questions about many places, each asked once however many answers hang on it.
struct Questions<'a> {
    function: &'a Function,
    cfg: &'a Cfg,
    effects: &'a [Effects<Reg>],
    numbers: HashMap<Question, usize>,
    list: Vec<Question>,
    /// Per question, those whose answers hang on it.
    dependents: Vec<Vec<usize>>,
}

impl<'a> Questions<'a> {
    fn new(function: &'a Function, cfg: &'a Cfg, effects: &'a [Effects<Reg>]) -> Self {
        let (numbers, list, dependents) = Default::default();
        Questions { function, cfg, effects, numbers, list, dependents }
    }

    /// The number of a question.
    fn ask(&mut self, block: u32, at: usize, reg: Reg, lanes: Lanes) -> usize {
        let question = (block, at, reg, lanes.0);
        *self.numbers.entry(question).or_insert_with(|| {
            self.list.push(question);
            self.dependents.push(Vec::new());
            self.list.len() - 1
        })
    }

    /// The questions that are false on some path.
    fn denied(mut self) -> Vec<bool> {
        let mut open = Vec::new();
        let mut next = 0;
        while let Some(&question) = self.list.get(next) {
            if self.list.len() > MOST {
                return vec![true; self.list.len()];
            }
            if !self.follow(next, question) {
                open.push(next);
            }
            next += 1;
        }
        let mut denied = vec![false; self.list.len()];
        while let Some(question) = open.pop() {
            if !std::mem::replace(&mut denied[question], true) {
                open.extend(&self.dependents[question]);
            }
        }
        denied
    }

    /// Asks what the answer to a question hangs on. False if it is no.
    fn follow(&mut self, number: usize, (block, end, reg, lanes): Question) -> bool {
        let start = self.cfg.blocks[block as usize].start as usize;
        match scan(self.function, self.effects, start..end, reg, Lanes(lanes)) {
            Scan::Zero => {}
            Scan::Other => return false,
            Scan::Copied(at, src, lanes) => {
                let other = self.ask(block, at, src, lanes);
                self.dependents[other].push(number);
            }
            Scan::Start(_) if block == 0 => return false,
            Scan::Start(lanes) => {
                let cfg = self.cfg;
                for &pred in &cfg.blocks[block as usize].preds {
                    let end = cfg.blocks[pred as usize].end as usize;
                    let other = self.ask(pred, end, reg, lanes);
                    self.dependents[other].push(number);
                }
            }
        }
        true
    }
}

/// What a walk backwards through a block finds.
enum Scan {
    /// All of the bytes are zero.
    Zero,
    /// One of them may not be.
    Other,
    /// They are those of another register before an instruction.
    Copied(usize, Reg, Lanes),
    /// The block does not write these.
    Start(Lanes),
}

fn scan(
    function: &Function,
    effects: &[Effects<Reg>],
    range: std::ops::Range<usize>,
    reg: Reg,
    mut lanes: Lanes,
) -> Scan {
    for at in range.rev() {
        let Some(access) = effects[at].regs.iter().find(|a| a.reg == reg) else { continue };
        if !(access.write | access.may_write).intersects(lanes) {
            continue;
        }
        let zeroed = access.zeroed & access.write;
        let left = (access.write & lanes) - zeroed;
        if let Op::Copy { dst, src } = function.insts[at].op
            && !left.is_empty()
            && dst.class.lanes().contains(left)
            && !access.may_write.intersects(lanes)
            && (lanes - access.write).is_empty()
        {
            return Scan::Copied(at, src.reg, left);
        }
        if !left.is_empty() || access.may_write.intersects(lanes) {
            return Scan::Other;
        }
        lanes = lanes - zeroed;
        if lanes.is_empty() {
            return Scan::Zero;
        }
    }
    Scan::Start(lanes)
}
