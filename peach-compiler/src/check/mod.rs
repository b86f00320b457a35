//! The allocation checker: replays the final code symbolically against the program as written.
//!
//! Input: the [`Function`] over virtual registers and its [`Lowered`] rendering, walked in
//! lockstep.
//! Output: acceptance, or a [`Refusal`] that says what is wrong: always a bug in peach.
//!
//! It shares no code with `regalloc`, `frame` or the liveness analysis.
//!
//! # Definition
//!
//! *Symbols* are values of the source program: the current value of each of its registers, what
//! each preserved register held on entry, arguments in memory, the return address, zero
//! ([`symbols::Sym`]). *Places* are physical registers and stack addresses, the latter relative to
//! the stack pointer on entry or to a realigned base ([`state::Place`]).
//!
//! A *state* maps a place and a byte *i* to the set of symbols whose byte *i* is there; it also
//! holds the flags that are still the source program's, and where `rsp` and the frame pointer are.
//! The order is inclusion: ⊤ (a block not yet reached) knows everything, ⊥ (the empty map) nothing.
//! `meet` is the intersection of all sets; a disagreement about `rsp` is a refusal, not a loss.
//! Every transfer function is monotone and sets only shrink, so the iteration over the blocks ends.
//! A register that nothing names any more is left out of all sets ([`ends`]): no state is larger
//! than what can still be asked of it.
//!
//! Transfer, for a source instruction and the run of lowered items that stands for it:
//!
//! | step | state afterwards |
//! |---|---|
//! | inserted move `p ← q`, bytes *B* | `S(p, i) = S(q, i)` for *i* in *B*; other bytes kept, or {zero} |
//! | inserted store, load, push, pop | the same, between a register and a stack address |
//! | any other inserted instruction | `S(p, i) = ∅` for everything that it writes; its flags are lost |
//! | source instruction | **requires** `r ∈ S(place(r), i)` for every byte *i* of `r` that it reads, and the same for flags; **then** `r` leaves every set in the bytes it writes, and `S(place(r), i) = {r}` |
//! | source copy `a = b` | `a ∈ S(p, i)` exactly where `b ∈ S(p, i)`; no item is needed |
//! | call of a local function | see [`local_fns`] |
//! | call | **requires** as an instruction, and an aligned `rsp`; **then** what the callee's convention does not preserve is ∅ |
//! | tail call | **requires** what a call and a return require, but results and clean upper halves |
//! | return | **requires** the results where the convention has them, each preserved register's own symbol in it, the return address at `rsp`, no dirty upper halves |
//!
//! `place(r)` is read off the lowered instruction itself: it must be the source instruction with
//! each virtual register replaced by a physical one (or by stack memory with the same effects,
//! [`folded`]), and nothing else changed. Items must come in source order, and each instruction
//! must be there once.
//!
//! Not checked here: whether the source program is safe or initialized (`analysis`), whether
//! `isa`'s effects are right (executed, form by form, in `tests/effects_execution.rs`), and whether
//! the bytes are the lowered items (`encode::verify`).

mod bindings;
mod bytes;
mod ends;
mod folded;
mod inserted;
mod local_fns;
mod machine;
mod matching;
mod meaning;
mod passed;
mod program;
mod prologue;
mod returns;
mod slots;
mod stack;
mod state;
mod step;
mod symbols;

use crate::abi::{ArgPlace, Packing};
use crate::ir::{
    Arg, ArgId, ArgValue, Extension, Function, InstId, LocalFnId, LocalOp, Lowered, Op, Reg,
};
use crate::isa::{Effects, Lanes, PhysReg};
use crate::sorted::SortedMap;
use local_fns::{Settings, Suspended};
use program::Program;
use stack::{Address, Layout, Stack};
use state::{Place, State, Sym};
use std::collections::hash_map::Entry;
use std::collections::{HashSet, VecDeque};

/// Why an allocation is refused: a bug in peach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, with the instruction and the registers.
    pub message: String,
}

impl Refusal {
    fn new(message: impl Into<String>) -> Refusal {
        Refusal { message: message.into() }
    }

    fn at(self, function: &Function, id: InstId) -> Refusal {
        let line = function.inst(id).span.start().line;
        Refusal { message: format!("line {line}, instruction {}: {}", id.0, self.message) }
    }
}

/// What every step of the replay returns.
type Checked<T = ()> = Result<T, Refusal>;

/// Accepts `lowered` as a faithful rendering of `function`, whose instructions have `effects`, or
/// says why not.
///
/// # Errors
/// The first difference found.
pub fn check(
    function: &Function,
    effects: &[Effects<Reg>],
    lowered: &Lowered,
) -> Result<(), Refusal> {
    let program =
        Program::new(function, effects, lowered, local_fns::written_by(function, effects)?)?;
    Replay {
        program: &program,
        layout: Layout::default(),
        settings: Settings::of_kernel(),
        resumed: VecDeque::new(),
    }
    .run()
}

/// What one step of the replay works on: the program as written, what is known where the step
/// begins, and what is found out about the frame.
struct Step<'a> {
    function: &'a Function,
    state: &'a mut State,
    layout: &'a mut Layout,
    /// The arguments that arrive on the stack, by their offset from the canonical frame address.
    stack_args: &'a SortedMap<i64, ArgId>,
}

/// The replay: states at block starts, until nothing changes.
struct Replay<'a> {
    program: &'a Program<'a>,
    layout: Layout,
    /// That of the kernel, then those of calls of local functions.
    settings: Settings,
    /// Blocks that were stopped at a call whose end is known by now.
    resumed: VecDeque<Suspended>,
}

/// A block in a setting.
type At = (usize, usize);

impl Replay<'_> {
    fn run(mut self) -> Checked {
        let state = self.enter()?;
        self.settings[0].states.insert(0, state);
        let mut queue = VecDeque::from([(0, 0)]);
        let mut queued = HashSet::from([(0, 0)]);
        while let Some(part) = self.resumed.pop_front().or_else(|| {
            let at = queue.pop_front()?;
            queued.remove(&at);
            Some(self.start_of(at))
        }) {
            let mut changed = self.replay(part)?;
            changed.retain(|at| queued.insert(*at));
            queue.extend(changed);
        }
        self.layout.check_disjoint(self.program.function.convention.shadow)
    }

    /// A block from its start.
    fn start_of(&self, at: At) -> Suspended {
        let (setting, block) = at;
        let state = self.settings[setting].states.get(&block).expect("queued blocks have a state");
        Suspended { at, index: self.program.starts[block], state: state.clone() }
    }

    /// The state after the prologue.
    fn enter(&mut self) -> Checked<State> {
        let program = self.program;
        let mut state = entry_state(program);
        let prologue = &program.lowered.items[..program.prologue_end];
        prologue::replay(prologue, &mut self.step(&mut state))?;
        state.stack.floor = Some(state.stack.rsp);
        Ok(state)
    }

    fn step<'a>(&'a mut self, state: &'a mut State) -> Step<'a> {
        Step {
            function: self.program.function,
            state,
            layout: &mut self.layout,
            stack_args: &self.program.stack_args,
        }
    }

    /// Replays one block from a place in it on; returns those whose states have changed.
    fn replay(&mut self, from: Suspended) -> Checked<Vec<At>> {
        let program = self.program;
        let Suspended { at: (setting, block), index: start, mut state } = from;
        let mut changed = Vec::new();
        for index in start..program.insts_of_block(block).end {
            let id = InstId(index as u32);
            let at = |refusal: Refusal| refusal.at(program.function, id);
            if let Op::Local(op, local_fn) = program.function.inst(id).op {
                local_fns::expect(op, &program.function[local_fn], program.items(id))
                    .map_err(at)?;
                match op {
                    LocalOp::Entry => {}
                    LocalOp::Call => {
                        let from = Suspended { at: (setting, block), index, state };
                        match self.call(local_fn, from, &mut changed).map_err(at)? {
                            Some(after) => state = after,
                            None => return Ok(changed),
                        }
                    }
                    LocalOp::Return => {
                        let setting = &mut self.settings[setting];
                        if setting.leave(local_fn, state).map_err(at)? {
                            changed.extend(&setting.callers);
                        }
                        self.resumed.append(&mut setting.waiting);
                        return Ok(changed);
                    }
                    LocalOp::Boundary => return Err(at(Refusal::new("a use was not a call"))),
                }
                continue;
            }
            let next = self.replay_inst(id, &mut state).map_err(at)?;
            for label in next.labels {
                let target = (setting, program.block_of(label)?);
                self.arrive(target, state.clone(), &mut changed)?;
            }
            if !next.falls_through {
                return Ok(changed);
            }
            for &reg in program.ends.at(id) {
                state.forget_value(Sym::Reg(reg), Lanes::ALL);
            }
        }
        if block + 1 < program.starts.len() {
            let next = InstId(program.starts[block + 1] as u32);
            if matches!(program.function.inst(next).op, Op::Local(LocalOp::Entry, _)) {
                return Err(Refusal::new("control falls into a local function"));
            }
            self.arrive((setting, block + 1), state, &mut changed)?;
        }
        Ok(changed)
    }

    /// A call of a local function at `from`: it is entered, and left if its end is known by now,
    /// with the state that is the result.
    fn call(
        &mut self,
        id: LocalFnId,
        from: Suspended,
        changed: &mut Vec<At>,
    ) -> Checked<Option<State>> {
        let entry = local_fns::enter(self.program, id, &from.state);
        self.layout.push(entry.stack.rsp, 8);
        let number = self.settings.find(id, &entry);
        let block = self.program.block_of(self.program.function[id].entry)?;
        self.arrive((number, block), entry, changed)?;
        let setting = &mut self.settings[number];
        setting.callers.insert(from.at);
        match &setting.exit {
            Some(exit) => Ok(Some(local_fns::resume(self.program, id, from.state, exit))),
            None => {
                setting.waiting.push_back(from);
                Ok(None)
            }
        }
    }

    fn replay_inst(&mut self, id: InstId, state: &mut State) -> Checked<step::Next> {
        let program = self.program;
        let items = program.items(id);
        match &program.function.inst(id).op {
            Op::Return(values) => {
                returns::replay(values, items, &mut self.step(state))?;
                Ok(step::Next::nowhere())
            }
            op if op.is_tail_call() => {
                let effects = &program.effects[id.index()];
                returns::replay_tail_call(op, effects, items, &mut self.step(state))?;
                Ok(step::Next::nowhere())
            }
            Op::Undefined { dst } => {
                let effects = &program.effects[id.index()];
                let reg = program.undefined(id)?;
                matching::undefined(*dst, effects, reg, items, &mut self.step(state))
            }
            op => {
                let effects = &program.effects[id.index()];
                let expected = state.stack.rsp.plus(effects.stack.into());
                let next = matching::replay(op, effects, items, &mut self.step(state))?;
                match state.stack.rsp == expected {
                    true => Ok(next),
                    false => Err(Refusal::new(format!(
                        "the stack pointer is at {:?} instead of {expected:?}",
                        state.stack.rsp
                    ))),
                }
            }
        }
    }

    /// Control comes to a block with `state`.
    fn arrive(&mut self, at: At, mut state: State, changed: &mut Vec<At>) -> Checked {
        let (setting, block) = at;
        let Program { ends, starts, .. } = self.program;
        let is_over = |sym| matches!(sym, Sym::Reg(reg) if ends.is_over(reg, starts[block]));
        state.retain_regs(|sym| !is_over(sym));
        let is_new = match self.settings[setting].states.entry(block) {
            Entry::Occupied(mut known) => known.get_mut().meet(&state)?,
            Entry::Vacant(unknown) => {
                unknown.insert(state);
                true
            }
        };
        if is_new && !changed.contains(&at) {
            changed.push(at);
        }
        Ok(())
    }
}

/// The bytes of an argument's register that the caller has filled. Pointers of 32 bits come with
/// zeros above (System V AMD64 psABI 1.0, section 10.1); of sizes the upper half is anything.
fn arriving_lanes(arg: &Arg) -> Lanes {
    match (arg.extension, &arg.value) {
        (Extension::None, _)
        | (_, ArgValue::Pointer { .. } | ArgValue::Slice { .. } | ArgValue::Reference { .. }) => {
            Lanes::ALL
        }
        _ => Lanes::low(arg.bytes),
    }
}

/// What the caller guarantees: arguments where the convention puts them, preserved registers.
fn entry_state(program: &Program<'_>) -> State {
    let Program { function, effects, .. } = *program;
    let mut state = State::new(Stack::on_entry());
    state.define(Place::Slot(Address::cfa(-8)), Sym::ReturnAddress, Lanes::low(8));
    // Registers that the user names hold what they hold: a call may take one that only some paths
    // have set.
    for access in effects.iter().flat_map(|effects| &effects.regs) {
        if let (Reg::Physical(reg), false) = (access.reg, access.read.is_empty()) {
            state.define_reg(reg, Sym::Reg(access.reg), Lanes::ALL);
        }
    }
    for reg in &program.kept_unwritten {
        state.leave_open(Sym::Reg(*reg));
    }
    let convention = function.convention;
    for num in convention.saved_gp.iter() {
        let reg = PhysReg::gp(num);
        state.define_reg(reg, Sym::Saved(reg), Lanes::low(8));
    }
    for num in convention.saved_xmm.iter() {
        let reg = PhysReg::vector(num);
        state.define_reg(reg, Sym::Saved(reg), Lanes::low(16));
    }
    for (index, arg) in function.args.iter().enumerate() {
        let id = ArgId(index as u32);
        let vreg = Sym::Reg(Reg::Virtual(arg.vreg));
        match function.placement.args[arg.param][arg.part] {
            ArgPlace::Reg(reg) => state.define_reg(reg, vreg, arriving_lanes(arg)),
            ArgPlace::Indirect { pointer, .. } => {
                state.define_reg(pointer, Sym::Pointer(arg.param), Lanes::low(8));
            }
            ArgPlace::Stack { offset } => {
                let slot = Place::Slot(Address::cfa(offset.into()));
                let lanes = match (arg.extension, convention.stack_args) {
                    (Extension::None, Packing::Words) => Lanes::ALL,
                    _ => Lanes::low(arg.bytes),
                };
                state.define(slot, Sym::Arg(id), lanes);
            }
            ArgPlace::StackIndirect { slot, .. } => {
                let slot = Place::Slot(Address::cfa(slot.into()));
                state.define(slot, Sym::Pointer(arg.param), Lanes::low(8));
            }
        }
    }
    if let Some(reg) = function.placement.hidden_result {
        state.define_reg(reg, Sym::ResultPointer, Lanes::low(8));
    }
    state
}
