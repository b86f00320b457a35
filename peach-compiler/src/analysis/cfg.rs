//! The control-flow graph: basic blocks, reachability, loop depth.
//!
//! Input: the instructions and where each leaves control. Output: a [`Cfg`]. An indirect jump goes
//! to the labels of its jump table, or (without one) leaves the kernel. Everything is iterative: a
//! kernel may have thousands of blocks in a row.

use crate::ir::{DataContent, Function, LocalFnId, LocalOp, Op, Operand, Reg};
use crate::isa::{Control, Effects};
use crate::sorted;

/// How many edges there may be, and how many registers may be live at the ends of blocks, added up.
/// What is known of them, here and in the later stages, takes memory for each.
pub const MOST_LIVE: usize = 4_000_000;

/// Basic blocks in the order of the code.
#[derive(Debug, Default)]
pub struct Cfg {
    /// The blocks; block 0 is the entry. There is at least one.
    pub blocks: Vec<Block>,
    /// The block of each instruction.
    pub block_of: Vec<u32>,
    /// The reachable blocks in reverse postorder: predecessors first, but for loops. Those of
    /// local functions are after those of the kernel.
    pub order: Vec<u32>,
    /// The blocks that nothing goes to: block 0, and those that local functions begin with.
    pub entries: Vec<u32>,
    /// There are more than [`MOST_LIVE`] edges, of which some are missing: jumps by large tables.
    pub is_incomplete: bool,
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

impl Block {
    /// Its instructions, as indices into the function's.
    pub fn insts(&self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Cfg {
    /// The graph of `function`, whose instructions have `effects`.
    pub(super) fn of(function: &Function, effects: &[Effects<Reg>]) -> Cfg {
        let mut cfg = split(function, effects);
        connect(&mut cfg, function, effects);
        let tree = walk(&mut cfg, function);
        nest_loops(&mut cfg, &tree);
        nest_local_fns(&mut cfg, function);
        cfg
    }

    /// Whether control can get to instruction `index`.
    pub fn is_reachable(&self, index: usize) -> bool {
        self.blocks[self.block_of[index] as usize].reachable
    }

    /// Runs a forward analysis to its fixed point: `visit` takes a block and reports each successor
    /// whose state it has changed. Reachable blocks only, in reverse postorder as far as possible.
    pub(super) fn run_forward(&self, mut visit: impl FnMut(usize, &mut dyn FnMut(u32))) {
        let mut position = vec![0u32; self.blocks.len()];
        for (at, &block) in self.order.iter().enumerate() {
            position[block as usize] = at as u32;
        }
        let mut waiting = vec![true; self.order.len()];
        let mut at = 0;
        while at < waiting.len() {
            if !std::mem::replace(&mut waiting[at], false) {
                at += 1;
                continue;
            }
            let mut next = at + 1;
            visit(self.order[at] as usize, &mut |succ| {
                let place = position[succ as usize] as usize;
                waiting[place] = true;
                next = next.min(place);
            });
            at = next;
        }
    }
}

/// Whether control does not always continue with the next instruction.
fn ends_block(op: &Op, effects: &Effects<Reg>) -> bool {
    !goes_on(op, effects) || !matches!(effects.control, Control::Next | Control::Call)
}

/// Whether control may continue with the next instruction.
fn goes_on(op: &Op, effects: &Effects<Reg>) -> bool {
    !matches!(op, Op::Return(_) | Op::Local(LocalOp::Return, _)) && effects.control.goes_on()
}

/// Cuts the code into blocks that are not connected yet.
fn split(function: &Function, effects: &[Effects<Reg>]) -> Cfg {
    let mut cfg = Cfg { block_of: Vec::with_capacity(function.insts.len()), ..Cfg::default() };
    cfg.blocks.push(Block::default());
    cfg.entries.push(0);
    let mut only_labels = true;
    let mut ended = false;
    for (index, inst) in function.insts.iter().enumerate() {
        let is_label = matches!(inst.op, Op::Label(_));
        let is_entry = matches!(inst.op, Op::Local(LocalOp::Entry, _));
        if (ended || is_entry || is_label && !only_labels) && index > 0 {
            cfg.blocks.push(Block { start: index as u32, ..Block::default() });
            only_labels = true;
        }
        if is_entry {
            cfg.entries.push(cfg.blocks.len() as u32 - 1);
        }
        only_labels &= is_label;
        ended = ends_block(&inst.op, &effects[index]);
        let block = cfg.blocks.len() - 1;
        cfg.blocks[block].end = index as u32 + 1;
        cfg.block_of.push(block as u32);
    }
    cfg
}

/// Fills in successors and predecessors.
fn connect(cfg: &mut Cfg, function: &Function, effects: &[Effects<Reg>]) {
    let mut block_of_label = vec![None; function.labels.len()];
    for (index, inst) in function.insts.iter().enumerate() {
        if let Op::Label(label) = inst.op {
            block_of_label[label.index()] = Some(cfg.block_of[index]);
        }
    }
    let mut room = MOST_LIVE;
    for block in 0..cfg.blocks.len() {
        let Some(last) = cfg.blocks[block].insts().last() else { continue };
        let op = &function.insts[last].op;
        let mut succs = Vec::new();
        let next = block as u32 + 1;
        let is_end = block + 1 == cfg.blocks.len() || cfg.entries.contains(&next);
        if goes_on(op, &effects[last]) && !is_end {
            succs.push(next);
        }
        if let Op::Machine(machine) = op
            && effects[last].control != Control::Call
        {
            let direct = machine.inst.operands.iter().filter_map(|operand| match operand {
                Operand::Label(branch) => Some(branch.label),
                _ => None,
            });
            let table = machine.targets.map(|data| &function[data].content);
            let indirect: &[_] = match table {
                Some(DataContent::Jumps(labels)) => labels,
                _ => &[],
            };
            succs.extend(
                direct.chain(indirect.iter().copied()).filter_map(|l| block_of_label[l.index()]),
            );
        }
        sorted::sort(&mut succs);
        succs.dedup();
        match room.checked_sub(succs.len()) {
            Some(left) => room = left,
            None => {
                cfg.is_incomplete = true;
                return;
            }
        }
        for &succ in &succs {
            cfg.blocks[succ as usize].preds.push(block as u32);
        }
        cfg.blocks[block].succs = succs;
    }
}

/// When a depth-first walk enters and leaves each block: `a` is above `b` in its tree exactly if
/// `b` is entered and left while `a` is open.
struct DepthFirst {
    entered: Vec<u32>,
    left: Vec<u32>,
    preorder: Vec<u32>,
}

impl DepthFirst {
    fn is_above(&self, a: u32, b: u32) -> bool {
        let (a, b) = (a as usize, b as usize);
        self.entered[a] <= self.entered[b] && self.left[b] <= self.left[a]
    }
}

/// Walks the graph from the entry, and from those of the local functions that are called: marks
/// what is reachable and finds the order.
fn walk(cfg: &mut Cfg, function: &Function) -> DepthFirst {
    let count = cfg.blocks.len();
    let mut tree =
        DepthFirst { entered: vec![0; count], left: vec![0; count], preorder: Vec::new() };
    walk_from(0, cfg, &mut tree);
    // A local function is after those that it calls.
    for number in (0..cfg.entries.len() - 1).rev() {
        let id = LocalFnId(number as u32);
        let called = calls_of(cfg, function, id).any(|block| cfg.blocks[block].reachable);
        if called {
            walk_from(cfg.entries[number + 1], cfg, &mut tree);
        }
    }
    tree
}

/// Walks the blocks that can be reached from `entry`.
fn walk_from(entry: u32, cfg: &mut Cfg, tree: &mut DepthFirst) {
    let before = cfg.order.len();
    let mut stack = vec![(entry, 0usize)];
    cfg.blocks[entry as usize].reachable = true;
    tree.entered[entry as usize] = tree.preorder.len() as u32;
    tree.preorder.push(entry);
    while let Some((block, next)) = stack.last_mut() {
        let block = *block;
        match cfg.blocks[block as usize].succs.get(*next).copied() {
            Some(succ) => {
                *next += 1;
                if !cfg.blocks[succ as usize].reachable {
                    cfg.blocks[succ as usize].reachable = true;
                    tree.entered[succ as usize] = tree.preorder.len() as u32;
                    tree.preorder.push(succ);
                    stack.push((succ, 0));
                }
            }
            None => {
                tree.left[block as usize] = cfg.order.len() as u32;
                cfg.order.push(block);
                stack.pop();
            }
        }
    }
    cfg.order[before..].reverse();
}

/// The blocks with calls of a local function.
fn calls_of(cfg: &Cfg, function: &Function, id: LocalFnId) -> impl Iterator<Item = usize> {
    let calls = function.insts.iter().enumerate();
    let calls = calls.filter(move |(_, inst)| inst.op.called() == Some(id));
    calls.map(|(index, _)| cfg.block_of[index] as usize)
}

/// The body of a local function is in as many loops as its calls, besides its own.
fn nest_local_fns(cfg: &mut Cfg, function: &Function) {
    for number in (0..cfg.entries.len() - 1).rev() {
        let calls = calls_of(cfg, function, LocalFnId(number as u32));
        let around = calls.map(|block| cfg.blocks[block].loop_depth).max().unwrap_or(0);
        let end = cfg.entries.get(number + 2).map_or(cfg.blocks.len(), |&next| next as usize);
        for block in &mut cfg.blocks[cfg.entries[number + 1] as usize..end] {
            block.loop_depth += around;
        }
    }
}

/// Finds the loops and how they nest (P. Havlak, "Nesting of reducible and irreducible loops",
/// 1997): innermost headers first, each finished loop shrinks into its header.
fn nest_loops(cfg: &mut Cfg, tree: &DepthFirst) {
    let count = cfg.blocks.len();
    let mut leader: Vec<u32> = (0..count as u32).collect();
    let mut parent: Vec<Option<u32>> = vec![None; count];
    let mut is_header = vec![false; count];
    let mut in_body = vec![false; count];
    for &header in tree.preorder.iter().rev() {
        let mut body = Vec::new();
        let mut todo = Vec::new();
        for &pred in &cfg.blocks[header as usize].preds {
            if cfg.blocks[pred as usize].reachable && tree.is_above(header, pred) {
                is_header[header as usize] = true;
                todo.push(find(&mut leader, pred));
            }
        }
        while let Some(block) = todo.pop() {
            if block == header || std::mem::replace(&mut in_body[block as usize], true) {
                continue;
            }
            body.push(block);
            for &pred in &cfg.blocks[block as usize].preds {
                let pred_leader = find(&mut leader, pred);
                if cfg.blocks[pred as usize].reachable && tree.is_above(header, pred_leader) {
                    todo.push(pred_leader);
                }
            }
        }
        for block in body {
            in_body[block as usize] = false;
            parent[block as usize] = Some(header);
            leader[block as usize] = header;
        }
    }
    for &block in &tree.preorder {
        let outer = parent[block as usize].map_or(0, |p| cfg.blocks[p as usize].loop_depth);
        cfg.blocks[block as usize].loop_depth = outer + u32::from(is_header[block as usize]);
    }
}

/// The header of the outermost finished loop around `block`, with path halving.
fn find(leader: &mut [u32], mut block: u32) -> u32 {
    while leader[block as usize] != block {
        leader[block as usize] = leader[leader[block as usize] as usize];
        block = leader[block as usize];
    }
    block
}
