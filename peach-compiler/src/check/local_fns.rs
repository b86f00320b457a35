//! Calls of local functions: the body is replayed for its callers, and what it does is carried over
//! to each of them.
//!
//! A body is entered with its parameters alone: what else its callers know is not its own. It is
//! left with its results, and with a record of every place that it wrote. For a caller,
//!
//! | step | state afterwards |
//! |---|---|
//! | call | every place that the body wrote is ∅, every register of the program that it writes leaves all sets; **then** the results are where the body left them |
//! | return of the body | **requires** the return address of the call at `rsp`, and all pushed bytes popped |
//!
//! A body is replayed by itself for each distance of the stack pointer that it is called with
//! ([`Setting`]): its addresses of the frame are counted from there.

use super::stack::Address;
use super::state::{Place, State, Sym};
use super::{Checked, Program, Refusal, kept_unwritten};
use crate::ir::{Branch, Code, Item, LocalFn, LocalFnId, LocalOp, Op, Operand, Origin, Reg};
use crate::isa::{Flags, Lanes};
use crate::sorted;

/// Under which circumstances code runs: that of the kernel itself, or the body of a local function
/// for all callers that are alike.
pub(super) struct Setting {
    /// The local function, and where the return address is; `None` for the kernel.
    called: Option<(LocalFnId, Address)>,
    /// Whether upper halves of vector registers may be written when it is called.
    upper_written: bool,
    /// States at block starts.
    pub states: Vec<Option<State>>,
    /// The settings and blocks that wait for its end.
    pub callers: Vec<(usize, usize)>,
    /// Where the body ends, as far as it is known.
    pub exit: Option<State>,
}

impl Setting {
    /// That of the kernel.
    pub fn of_kernel(blocks: usize) -> Setting {
        Setting {
            called: None,
            upper_written: false,
            states: vec![None; blocks],
            callers: Vec::new(),
            exit: None,
        }
    }

    fn of_call(id: LocalFnId, entry: &State) -> Setting {
        Setting {
            called: Some((id, entry.stack.rsp)),
            upper_written: entry.upper_written,
            ..Setting::of_kernel(0)
        }
    }

    fn is_alike(&self, other: &Setting) -> bool {
        self.called == other.called && self.upper_written == other.upper_written
    }

    /// Finds or adds the setting of a call.
    pub fn find(settings: &mut Vec<Setting>, id: LocalFnId, entry: &State) -> usize {
        let wanted = Setting::of_call(id, entry);
        let found = settings.iter().position(|setting| setting.is_alike(&wanted));
        found.unwrap_or_else(|| {
            let blocks = settings[0].states.len();
            settings.push(Setting { states: vec![None; blocks], ..wanted });
            settings.len() - 1
        })
    }

    /// The body of `id` ends with `state`. Whether that changed what is known of its end.
    pub fn leave(&mut self, id: LocalFnId, state: State) -> Checked<bool> {
        let Some((called, place)) = self.called.filter(|(called, _)| *called == id) else {
            return Err(Refusal::new("the body of a local function is entered from nowhere"));
        };
        if state.stack.rsp != place {
            let rsp = state.stack.rsp;
            return Err(Refusal::new(format!("a local function returns with `rsp` at {rsp:?}")));
        }
        state.demand(Place::Slot(place), Sym::Resume(called), Lanes::low(8))?;
        match &mut self.exit {
            Some(known) => known.meet(&state),
            unknown => {
                *unknown = Some(state);
                Ok(true)
            }
        }
    }
}

/// The items of a call, an entry or a return must be that and nothing else.
pub(super) fn expect(op: LocalOp, local_fn: &LocalFn, items: &[Item]) -> Checked {
    let is_right = |item: &Item| {
        matches!(item.origin, Origin::Author(_))
            && match (op, &item.code) {
                (LocalOp::Entry, Code::Label(label)) => *label == local_fn.entry,
                (LocalOp::Call, Code::Inst(inst)) => {
                    let to = Branch { label: local_fn.entry, size: None };
                    inst.mnemonic.name() == "call" && inst.operands == [Operand::Label(to)]
                }
                (LocalOp::Return, Code::Inst(inst)) => {
                    inst.mnemonic.name() == "ret" && inst.operands.is_empty()
                }
                _ => false,
            }
    };
    match items {
        [item] if is_right(item) => Ok(()),
        _ => Err(Refusal::new(format!("{op:?} of `{}` is not what stands there", local_fn.name))),
    }
}

/// The registers of the program that a call of a local function may write.
pub(super) fn written_by(program: &Program<'_>, id: LocalFnId) -> Vec<Reg> {
    let mut written = Vec::new();
    let mut seen = vec![false; program.function.local_fns.len()];
    let mut todo = vec![id];
    while let Some(id) = todo.pop() {
        if std::mem::replace(&mut seen[id.index()], true) {
            continue;
        }
        for index in body_of(program, id) {
            let accesses = program.effects[index].regs.iter();
            let changed = accesses.filter(|access| !(access.write | access.may_write).is_empty());
            written.extend(changed.map(|access| access.reg));
            if let Op::Local(LocalOp::Call, callee) = program.function.insts[index].op {
                todo.push(callee);
            }
        }
    }
    sorted::sort(&mut written);
    written.dedup();
    written
}

/// The instructions from the entry of a local function to that of the next one.
fn body_of(program: &Program<'_>, id: LocalFnId) -> std::ops::Range<usize> {
    let insts = &program.function.insts;
    let entered = |index: usize| insts[index].op.entered();
    let Some(start) = (0..insts.len()).find(|&index| entered(index) == Some(id)) else {
        return 0..0;
    };
    let end = (start + 1..insts.len()).find(|&index| entered(index).is_some());
    start..end.unwrap_or(insts.len())
}

/// The state that a body is entered with, by a call where `before` holds.
pub(super) fn enter(program: &Program<'_>, id: LocalFnId, before: &State) -> State {
    let params = &program.function[id].params;
    let mut state = before.only(|sym| params.iter().any(|view| sym == Sym::Reg(view.reg)));
    state.stack.rsp = state.stack.rsp.plus(-8);
    state.define(Place::Slot(state.stack.rsp), Sym::Resume(id), Lanes::low(8));
    for reg in kept_unwritten(program.function, program.effects) {
        if !params.iter().any(|view| view.reg == reg) {
            state.leave_open(Sym::Reg(reg));
        }
    }
    state
}

/// The state after a call where `before` held, whose body ended with `exit`.
pub(super) fn resume(program: &Program<'_>, id: LocalFnId, before: &State, exit: &State) -> State {
    let mut state = before.clone();
    state.overwrite_below(before.stack.rsp);
    for (place, lanes) in exit.touched() {
        state.forget_place(place, lanes);
        if let Place::Reg(reg) = place {
            state.stack.forget(reg);
        }
    }
    for reg in written_by(program, id) {
        state.forget_value(Sym::Reg(reg), Lanes::ALL);
    }
    for view in &program.function[id].results {
        let sym = Sym::Reg(view.reg);
        for (place, lanes) in exit.places_of(sym) {
            state.define(place, sym, lanes);
        }
    }
    state.flags.0 &= exit.flags.0 & !Flags::STATUS.0;
    state.flags_set.0 |= exit.flags_set.0 | Flags::STATUS.0;
    state.upper_written = exit.upper_written;
    state
}
