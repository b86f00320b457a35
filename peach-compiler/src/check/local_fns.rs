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

use super::program::Program;
use super::stack::Address;
use super::state::{Place, State, Sym};
use super::{At, Checked, Refusal};
use crate::ir::{Branch, Code, Function, Item, LocalFn, LocalFnId, LocalOp, Operand, Origin, Reg};
use crate::isa::{Effects, Flags, Lanes};
use crate::sorted;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

/// Under which circumstances code runs: that of the kernel itself, or the body of a local function
/// for all callers that are alike.
#[derive(Default)]
pub(super) struct Setting {
    /// The local function, and where the return address is; `None` for the kernel.
    called: Option<(LocalFnId, Address)>,
    /// States at the starts of blocks that were reached.
    pub states: HashMap<usize, State>,
    /// The settings and blocks that call it.
    pub callers: BTreeSet<At>,
    /// Those that wait for its end.
    pub waiting: VecDeque<Suspended>,
    /// Where the body ends, as far as it is known.
    pub exit: Option<State>,
}

/// A block whose replay stopped at a call, and what held before it.
pub(super) struct Suspended {
    pub at: At,
    /// The call.
    pub index: usize,
    pub state: State,
}

/// The settings that there are, by number.
pub(super) struct Settings {
    all: Vec<Setting>,
    /// By what makes calls alike: the local function, the stack pointer, and whether upper halves
    /// of vector registers may be written.
    numbers: HashMap<(LocalFnId, Address, bool), usize>,
}

impl Settings {
    /// That of the kernel alone, which is the first.
    pub fn of_kernel() -> Settings {
        Settings { all: vec![Setting::default()], numbers: HashMap::new() }
    }

    /// Finds or adds the setting of a call.
    pub fn find(&mut self, id: LocalFnId, entry: &State) -> usize {
        let key = (id, entry.stack.rsp, entry.upper_written);
        *self.numbers.entry(key).or_insert_with(|| {
            let called = Some((id, entry.stack.rsp));
            self.all.push(Setting { called, ..Setting::default() });
            self.all.len() - 1
        })
    }
}

impl std::ops::Index<usize> for Settings {
    type Output = Setting;

    fn index(&self, number: usize) -> &Setting {
        &self.all[number]
    }
}

impl std::ops::IndexMut<usize> for Settings {
    fn index_mut(&mut self, number: usize) -> &mut Setting {
        &mut self.all[number]
    }
}

impl Setting {
    /// The body of `id` ends with `state`. Whether that changed what was known of its end, which
    /// callers have used.
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
                Ok(false)
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

/// The registers of the program that a call of each local function may write.
pub(super) fn written_by(function: &Function, effects: &[Effects<Reg>]) -> Checked<Vec<Vec<Reg>>> {
    let bodies = bodies_of(function);
    let calls = |id: usize| {
        let called = function.insts[bodies[id].clone()].iter().map(|inst| inst.op.called());
        called.flatten().map(|callee| callee.index())
    };
    let mut written: Vec<Option<Vec<Reg>>> = vec![None; bodies.len()];
    for id in 0..bodies.len() {
        let mut todo = vec![id];
        while let Some(&id) = todo.last() {
            let open = calls(id).find(|&callee| written[callee].is_none());
            if let (Some(callee), None) = (open, &written[id]) {
                todo.push(callee);
                if todo.len() > bodies.len() {
                    return Err(Refusal::new("a local function calls itself"));
                }
                continue;
            }
            let own = effects[bodies[id].clone()].iter().flat_map(|effects| &effects.regs);
            let own = own.filter(|access| !(access.write | access.may_write).is_empty());
            let called = calls(id).flat_map(|callee| written[callee].iter().flatten().copied());
            let mut all: Vec<Reg> = own.map(|access| access.reg).chain(called).collect();
            sorted::sort(&mut all);
            all.dedup();
            written[id] = Some(all);
            todo.pop();
        }
    }
    Ok(written.into_iter().flatten().collect())
}

/// The instructions of each local function: from its entry to the next one's.
fn bodies_of(function: &Function) -> Vec<std::ops::Range<usize>> {
    let mut bodies = vec![0..0; function.local_fns.len()];
    let mut end = function.insts.len();
    for (index, inst) in function.insts.iter().enumerate().rev() {
        if let Some(id) = inst.op.entered() {
            bodies[id.index()] = index..end;
            end = index;
        }
    }
    bodies
}

/// The state that a body is entered with, by a call where `before` holds.
pub(super) fn enter(program: &Program<'_>, id: LocalFnId, before: &State) -> State {
    let params = program.function[id].params.iter();
    let params: HashSet<Reg> = params.map(|view| view.reg).collect();
    let mut state = before.only(&params);
    state.stack.rsp = state.stack.rsp.plus(-8);
    state.define(Place::Slot(state.stack.rsp), Sym::Resume(id), Lanes::low(8));
    for reg in program.kept_unwritten.iter().filter(|reg| !params.contains(reg)) {
        state.leave_open(Sym::Reg(*reg));
    }
    state
}

/// The state after a call where `state` held, whose body ended with `exit`.
pub(super) fn resume(
    program: &Program<'_>,
    id: LocalFnId,
    mut state: State,
    exit: &State,
) -> State {
    state.overwrite_below(state.stack.rsp);
    for (place, lanes) in exit.touched() {
        state.forget_place(place, lanes);
        if let Place::Reg(reg) = place {
            state.stack.forget(reg);
        }
    }
    for reg in &program.written_by[id.index()] {
        state.forget_value(Sym::Reg(*reg), Lanes::ALL);
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
