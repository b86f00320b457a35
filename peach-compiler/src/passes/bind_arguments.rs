//! Brings arguments that do not arrive in registers to where they are first needed.
//!
//! Input: a function as expanded. Output: the same with [`Op::LoadArg`] for every argument that
//! arrives in memory and is used: once, as late as possible, outside of loops. An argument on the
//! stack, or behind an address in a register, that a single instruction reads, outside of loops,
//! becomes a memory operand of that instruction where this means the same. Stores of the kernel do
//! not change it before that: stack and copy belong to the call alone ([`REFERENCE_ALIGN`]). A size
//! of 32 bits that arrives in a register is extended where its upper half is read. Also makes the
//! registers that the convention uses and the user does not see: the addresses of by-reference
//! arguments and of the result.
//! Invariants: a load comes before every other access to its register on every path, and at most
//! once. Cannot fail.

use super::fold_memory;
use crate::abi::{ArgPlace, REFERENCE_ALIGN};
use crate::analysis::Facts;
use crate::analysis::Flow;
use crate::ir::{
    Arg, ArgId, ArgValue, Base, Extension, Function, Inst, Machine, Mem, Op, Reg, VReg, VRegInfo,
    View,
};
use crate::isa::{self, Bank, Class, Control, Lanes, asm};
use crate::sorted;

/// Inserts [`Op::LoadArg`](crate::ir::Op::LoadArg) for every argument that arrives in memory: once,
/// as late as possible and outside of loops; or folds it into the only instruction that reads it.
pub fn bind_arguments(function: &mut Function) {
    if function.placement.hidden_result.is_some() {
        function.hidden_result = Some(hidden_register(function, "address of the result".into()));
    }
    let bound: Vec<ArgId> = (0..function.args.len() as u32)
        .map(ArgId)
        .filter(|&arg| match function.arg_place(arg) {
            ArgPlace::Reg(_) => arrives_narrow(&function[arg]),
            _ => true,
        })
        .collect();
    if bound.is_empty() {
        return;
    }
    let uses = uses_of(function, &bound);
    if uses.iter().all(Vec::is_empty) {
        return;
    }
    let facts = Facts::of(function);
    let flow = Flow::of(&facts.cfg);
    let mut inserted = Vec::new();
    for (&arg, uses) in bound.iter().zip(&uses) {
        let reachable: Vec<usize> =
            uses.iter().copied().filter(|&at| facts.cfg.is_reachable(at)).collect();
        let in_register = matches!(function.arg_place(arg), ArgPlace::Reg(_));
        if in_register && !upper_half_is_read(&facts, function[arg].vreg) {
            continue;
        }
        if let Some(at) = load_position(function, &facts, &flow, arg, &reachable) {
            prepare_pointer(function, arg);
            if !fold_only_use(function, &facts, &flow, arg, &reachable) {
                let op = if in_register { extend(function, arg) } else { Op::LoadArg { arg } };
                inserted.push((at, arg, op));
            }
        }
    }
    insert(function, inserted);
}

/// Whether an argument has to be extended where it arrives in a register. Pointers are, by the
/// caller.
fn arrives_narrow(arg: &Arg) -> bool {
    arg.extension != Extension::None && matches!(arg.value, ArgValue::Number { .. })
}

fn upper_half_is_read(facts: &Facts, vreg: VReg) -> bool {
    let mut live = facts.liveness.live_in[0].iter();
    live.any(|(reg, lanes)| *reg == Reg::Virtual(vreg) && lanes.intersects(Lanes::range(4, 4)))
}

/// The extension of an argument of 32 bits to all of its register.
fn extend(function: &Function, arg: ArgId) -> Op {
    let Arg { vreg, extension, .. } = function[arg];
    let view = |class| View { reg: Reg::Virtual(vreg), class };
    let low = view(Class::Gp32);
    if extension == Extension::Zero {
        return Op::Copy { dst: low, src: low };
    }
    let inst = asm::movsxd(view(Class::Gp64), low);
    let selection = isa::select(&inst, &function.features).expect("it is of the baseline");
    Op::Machine(Machine { inst, targets: None, selection })
}

fn hidden_register(function: &mut Function, name: String) -> VReg {
    let vreg = VReg(function.vregs.len() as u32);
    let span = function.span;
    function.vregs.push(VRegInfo { name, class: Class::Gp64, span, arg: None, temporary: true });
    vreg
}

/// The instructions that mention each argument's register, in order.
fn uses_of(function: &Function, args: &[ArgId]) -> Vec<Vec<usize>> {
    let mut slot_of = vec![None; function.vregs.len()];
    for (slot, &arg) in args.iter().enumerate() {
        slot_of[function[arg].vreg.index()] = Some(slot);
    }
    let mut uses: Vec<Vec<usize>> = vec![Vec::new(); args.len()];
    for (at, inst) in function.insts.iter().enumerate() {
        inst.op.for_each_reg(|reg| {
            if let Reg::Virtual(vreg) = reg
                && let Some(slot) = slot_of[vreg.index()]
                && uses[slot].last() != Some(&at)
            {
                uses[slot].push(at);
            }
        });
    }
    uses
}

/// Folds the argument into its only use, if it has one that runs at most once.
fn fold_only_use(
    function: &mut Function,
    facts: &Facts,
    flow: &Flow,
    arg: ArgId,
    uses: &[usize],
) -> bool {
    let &[at] = uses else { return false };
    let Some((place, align)) = memory_of(function, arg) else { return false };
    if flow.is_in_cycle(facts.cfg.block_of[at] + 1) {
        return false;
    }
    let Arg { vreg, bytes, .. } = function[arg];
    let features = function.features;
    let Op::Machine(machine) = &mut function.insts[at].op else { return false };
    let slot = fold_memory::Slot { place, bytes, align, writable: false };
    match fold_memory::into(machine, &facts.effects[at], vreg, &slot, &features) {
        Some(folded) => {
            *machine = folded;
            true
        }
        None => false,
    }
}

/// The memory that an argument arrives in, where an operand can address it, and its alignment.
fn memory_of(function: &Function, arg: ArgId) -> Option<(Mem<Reg>, u32)> {
    match (function.arg_place(arg), function[arg].pointer) {
        (ArgPlace::Stack { offset }, _) => {
            let place = Mem::new(Base::StackArg, i64::from(offset));
            Some((place, function.convention.stack_align))
        }
        (ArgPlace::Indirect { offset, .. }, Some(pointer)) => {
            let pointer = View { reg: Reg::Virtual(pointer), class: Class::Gp64 };
            Some((Mem::new(Base::Reg(pointer), i64::from(offset)), REFERENCE_ALIGN))
        }
        _ => None,
    }
}

/// The index of the instruction that the load goes before; `None` if there is nothing to load.
fn load_position(
    function: &Function,
    facts: &Facts,
    flow: &Flow,
    arg: ArgId,
    uses: &[usize],
) -> Option<usize> {
    let node_of = |at: &usize| facts.cfg.block_of[*at] + 1;
    let dominator = uses.iter().map(node_of).reduce(|a, b| flow.common_dominator(a, b))?;
    let node = flow.outside_of_loops(dominator);
    let Some(block) = node.checked_sub(1) else { return Some(0) };
    let range = facts.cfg.blocks[block as usize].insts();
    match uses.iter().copied().find(|at| range.contains(at)) {
        Some(first) if overwrites(facts, first, function, arg) => None,
        Some(first) => Some(first),
        None => Some(end_of_block(facts, range)),
    }
}

/// Whether the instruction gives the argument's register a new value without reading the old one.
fn overwrites(facts: &Facts, at: usize, function: &Function, arg: ArgId) -> bool {
    let Arg { vreg, ref value, .. } = function[arg];
    let bytes = Lanes::low(value.bytes());
    let mut accesses = facts.effects[at].regs.iter().filter(|a| a.reg == Reg::Virtual(vreg));
    accesses.next().is_some_and(|a| a.read.is_empty() && a.write.contains(bytes))
}

/// Before the branch that ends a block, and before what sets the flags for it: the two may fuse.
fn end_of_block(facts: &Facts, range: std::ops::Range<usize>) -> usize {
    let Some(last) = range.clone().next_back() else { return range.end };
    let ends = |at: usize| !matches!(facts.effects[at].control, Control::Next | Control::Call);
    if !ends(last) {
        return range.end;
    }
    let reads_flags = !facts.effects[last].flags_read.is_empty();
    match last.checked_sub(1) {
        Some(before)
            if reads_flags
                && range.contains(&before)
                && !facts.effects[before].flags_written.is_empty() =>
        {
            before
        }
        _ => last,
    }
}

/// An argument that is passed by reference needs the address in a register.
fn prepare_pointer(function: &mut Function, arg: ArgId) {
    let vector = function[function[arg].vreg].class.bank() == Bank::Vector;
    let param = function[arg].param;
    let pointer = match function.arg_place(arg) {
        ArgPlace::Indirect { .. } => {
            let shared = function.args.iter().find(|a| a.param == param && a.pointer.is_some());
            shared.and_then(|a| a.pointer)
        }
        // An integer's own register can hold the address until the value replaces it.
        ArgPlace::StackIndirect { .. } if vector => None,
        ArgPlace::StackIndirect { .. } | ArgPlace::Reg(_) | ArgPlace::Stack { .. } => return,
    };
    let pointer = pointer.unwrap_or_else(|| {
        let name = format!("address of `{}`", function[function[arg].vreg].name);
        hidden_register(function, name)
    });
    function.args[arg.index()].pointer = Some(pointer);
}

/// Inserts what brings arguments before the instructions with these indices.
fn insert(function: &mut Function, mut inserted: Vec<(usize, ArgId, Op)>) {
    sorted::sort_by_key(&mut inserted, |&(at, arg, _)| (at, arg));
    let mut inserted = inserted.into_iter().peekable();
    let mut insts = Vec::with_capacity(function.insts.len() + inserted.len());
    let old = std::mem::take(&mut function.insts);
    let end = old.len();
    let mut load = |insts: &mut Vec<Inst>, at: usize| {
        while let Some((_, arg, op)) = inserted.next_if(|(position, ..)| *position == at) {
            insts.push(Inst {
                op,
                span: function[function[arg].vreg].span,
                operand_spans: Vec::new(),
                in_unsafe: false,
                inlined: None,
            });
        }
    };
    for (at, inst) in old.into_iter().enumerate() {
        load(&mut insts, at);
        insts.push(inst);
    }
    load(&mut insts, end);
    function.insts = insts;
}
