//! The two programs side by side: which items stand for which instruction, and where blocks start.

use super::ends::Ends;
use super::{Checked, Refusal};
use crate::abi::ArgPlace;
use crate::ir::{ArgId, Function, InstId, Item, LabelId, Lowered, Op, Origin, Reg};
use crate::isa::{Effects, PhysReg};
use crate::sorted::{SortedMap, SortedSet};

/// Both programs, cut into the same blocks.
pub(super) struct Program<'a> {
    pub(super) function: &'a Function,
    /// What each source instruction reads and writes.
    pub(super) effects: &'a [Effects<Reg>],
    pub(super) lowered: &'a Lowered,
    /// The items of each source instruction, as a range of indices.
    pub(super) items_of: Vec<std::ops::Range<usize>>,
    /// Where the prologue ends.
    pub(super) prologue_end: usize,
    /// First instruction of each block.
    pub(super) starts: Vec<usize>,
    /// The block that each label opens.
    pub(super) block_of_label: Vec<Option<usize>>,
    pub(super) stack_args: SortedMap<i64, ArgId>,
    /// Where the values of registers end.
    pub(super) ends: Ends,
    /// The registers that may keep what nothing has written.
    pub(super) kept_unwritten: Vec<Reg>,
    /// By local function: the registers that a call of it may write.
    pub(super) written_by: Vec<Vec<Reg>>,
}

impl<'a> Program<'a> {
    pub(super) fn new(
        function: &'a Function,
        effects: &'a [Effects<Reg>],
        lowered: &'a Lowered,
        written_by: Vec<Vec<Reg>>,
    ) -> Checked<Self> {
        let prologue_end = lowered
            .items
            .iter()
            .position(|item| item.origin != Origin::Prologue)
            .unwrap_or(lowered.items.len());
        let items_of = pair_items(function, &lowered.items, prologue_end)?;
        let (starts, block_of_label) = cut_blocks(function);
        let stack_args = stack_args(function);
        let ends = Ends::of(function, effects);
        Ok(Program {
            function,
            effects,
            lowered,
            items_of,
            prologue_end,
            starts,
            block_of_label,
            stack_args,
            ends,
            kept_unwritten: kept_unwritten(function, effects),
            written_by,
        })
    }

    pub(super) fn insts_of_block(&self, block: usize) -> std::ops::Range<usize> {
        let end = self.starts.get(block + 1).copied().unwrap_or(self.function.insts.len());
        self.starts[block]..end
    }

    pub(super) fn block_of(&self, label: LabelId) -> Checked<usize> {
        self.block_of_label[label.index()]
            .ok_or_else(|| Refusal::new(format!("label {} is not defined", label.0)))
    }

    /// The register that is said to hold an undefined value. That any value will do makes it
    /// harmless to believe.
    pub(super) fn undefined(&self, id: InstId) -> Checked<PhysReg> {
        let all = &self.lowered.undefined;
        let found = all.binary_search_by_key(&id, |(of, _)| *of);
        let missing = || Refusal::new("an undefined value has no register");
        found.map(|at| all[at].1).map_err(|_| missing())
    }

    pub(super) fn items(&self, id: InstId) -> &'a [Item] {
        &self.lowered.items[self.items_of[id.index()].clone()]
    }
}

fn stack_args(function: &Function) -> SortedMap<i64, ArgId> {
    let places = function.args.iter().map(|arg| function.placement.args[arg.param][arg.part]);
    let on_stack = places.enumerate().filter_map(|(index, place)| match place {
        ArgPlace::Stack { offset } => Some((i64::from(offset), ArgId(index as u32))),
        ArgPlace::Reg(_) | ArgPlace::Indirect { .. } | ArgPlace::StackIndirect { .. } => None,
    });
    on_stack.collect()
}

/// Finds the run of items that stands for each instruction; they must come in source order.
fn pair_items(
    function: &Function,
    items: &[Item],
    prologue_end: usize,
) -> Checked<Vec<std::ops::Range<usize>>> {
    let mut ranges = Vec::with_capacity(function.insts.len());
    let mut at = prologue_end;
    for index in 0..function.insts.len() {
        let id = InstId(index as u32);
        let start = at;
        while at < items.len() && owner(&items[at]) == Some(id) {
            at += 1;
        }
        ranges.push(start..at);
    }
    match items.get(at) {
        None => Ok(ranges),
        Some(item) => Err(Refusal::new(format!("item {at} is out of order: {:?}", item.code))),
    }
}

fn owner(item: &Item) -> Option<InstId> {
    match item.origin {
        Origin::Author(id) | Origin::Epilogue(id) | Origin::Spill(id) => Some(id),
        Origin::Prologue => None,
    }
}

/// Blocks start at the entry, at labels, and after whatever may not go to the next instruction.
fn cut_blocks(function: &Function) -> (Vec<usize>, Vec<Option<usize>>) {
    let mut starts = vec![0];
    let mut block_of_label = vec![None; function.labels.len()];
    for (index, inst) in function.insts.iter().enumerate() {
        let label = match (&inst.op, inst.op.entered()) {
            (Op::Label(label), _) => Some(*label),
            (_, entered) => entered.map(|id| function[id].entry),
        };
        let Some(label) = label else { continue };
        if *starts.last().expect("the entry is a block") != index {
            starts.push(index);
        }
        block_of_label[label.index()] = Some(starts.len() - 1);
    }
    (starts, block_of_label)
}

/// The registers that an instruction may leave as they are although nothing has written them, and
/// what is copied to them.
fn kept_unwritten(function: &Function, effects: &[Effects<Reg>]) -> Vec<Reg> {
    let mut todo: Vec<Reg> = effects
        .iter()
        .filter(|effects| effects.settles)
        .flat_map(|effects| &effects.regs)
        .filter(|access| !access.may_write.is_empty())
        .map(|access| access.reg)
        .collect();
    if todo.is_empty() {
        return todo;
    }
    let mut copied: SortedMap<Reg, Vec<Reg>> = SortedMap::new();
    for inst in &function.insts {
        if let Op::Copy { dst, src } = inst.op {
            copied.get_or_default(dst.reg).push(src.reg);
        }
    }
    let mut kept = SortedSet::new();
    while let Some(reg) = todo.pop() {
        if kept.insert(reg) {
            todo.extend(copied.remove(&reg).unwrap_or_default());
        }
    }
    // Arguments have their values from the start.
    for (vreg, _) in function.arriving() {
        kept.remove(&Reg::Virtual(vreg));
    }
    let is_argument = |reg: &Reg| matches!(reg, Reg::Virtual(v) if function[*v].arg.is_some());
    kept.into_iter().filter(|reg| !is_argument(reg)).collect()
}
