//! Spilling: rewrites the program to keep some values in memory for their whole lifetime.
//!
//! In: a function and the registers to spill. Out: a new function ([`Spilled`]) that says of each
//! of its instructions which source instruction it belongs to.
//!
//! A value that is spilled lives in a slot of its own, or, if it is an argument that arrived on the
//! stack and is never changed, where it is. An instruction that names it names the slot, where
//! there is such a form that does the same; else it gets a register that lives for this instruction
//! only, loaded before if the old value matters and stored after if the new one does. The
//! instruction stays as it was written.

use super::spill_choice::is_hidden_pointer;
use crate::abi::{ArgPlace, Packing};
use crate::analysis::Facts;
use crate::ir::{
    Arg, ArgId, Base, Extension, Function, Inst, InstId, Instruction, Local, LocalId, Lowered,
    Machine, Mem, Op, Origin, Reg, VReg, VRegInfo, View,
};
use crate::isa::asm::SseEncoding;
use crate::isa::{self, Access, Bank, Class, Feature, Lanes, VectorMode};
use crate::passes::fold_memory;

/// A function with values in memory, and where its instructions come from.
#[derive(Debug)]
pub struct Spilled {
    /// The function.
    pub function: Function,
    /// What is known of it.
    pub facts: Facts,
    /// The registers of the function as written that live in memory.
    pub vregs: Vec<VReg>,
    /// Per instruction, what it is in terms of the function as written.
    origins: Vec<Origin>,
}

impl Spilled {
    /// Makes the items of `lowered`, a rendering of the function here, refer to the instructions of
    /// the function as written.
    pub fn attribute(&self, lowered: &mut Lowered) {
        for item in &mut lowered.items {
            item.origin = match item.origin {
                Origin::Author(id) | Origin::Spill(id) => self.origins[id.index()],
                Origin::Epilogue(id) => match self.origins[id.index()] {
                    Origin::Author(written) => Origin::Epilogue(written),
                    other => other,
                },
                Origin::Prologue => Origin::Prologue,
            };
        }
        for (id, _) in &mut lowered.undefined {
            if let Origin::Author(written) = self.origins[id.index()] {
                *id = written;
            }
        }
        lowered.frame.spilled.clone_from(&self.vregs);
    }
}

/// Keeps `chosen` in memory. `before` is the round before, if `function` is its result.
pub(super) fn spill(
    function: &Function,
    facts: &Facts,
    chosen: &[VReg],
    before: Option<&Spilled>,
) -> Spilled {
    let mut rewriter = Rewriter::new(function, facts, chosen);
    rewriter.enter();
    for index in 0..function.insts.len() {
        rewriter.rewrite(index);
    }
    let Rewriter { mut result, origins, .. } = rewriter;
    result.insts.shrink_to_fit();
    let mut vregs = before.map_or(Vec::new(), |before| before.vregs.clone());
    vregs.extend(chosen);
    let origins = match before {
        None => origins,
        Some(before) => origins.into_iter().map(|origin| compose(before, origin)).collect(),
    };
    Spilled { facts: Facts::of(&result), function: result, vregs, origins }
}

/// An origin in a function that is itself the result of spilling, as one in the function as
/// written.
fn compose(before: &Spilled, origin: Origin) -> Origin {
    let of = |id: InstId| before.origins[id.index()];
    match origin {
        Origin::Author(id) | Origin::Epilogue(id) => of(id),
        Origin::Spill(id) => match of(id) {
            Origin::Author(written) => Origin::Spill(written),
            other => other,
        },
        Origin::Prologue => Origin::Prologue,
    }
}

/// Where a spilled value lives.
#[derive(Clone, Copy, Debug)]
struct Home {
    base: Base<Reg>,
    disp: i64,
    /// What is loaded and stored.
    class: Class,
    /// Less is loaded of an argument that is narrower than its register.
    bytes: u32,
    /// Nothing is ever stored: an argument that stays where it arrived.
    is_argument: bool,
}

/// A spilled register as one instruction uses it.
#[derive(Clone, Copy, Debug)]
struct Use {
    access: Access<Reg>,
    vreg: VReg,
    home: Home,
}

struct Rewriter<'f> {
    function: &'f Function,
    facts: &'f Facts,
    /// By virtual register of `function`.
    homes: Vec<Option<Home>>,
    /// Per instruction, the live bytes of the spilled registers that it touches.
    live_after: Vec<Vec<(VReg, Lanes)>>,
    sse: SseEncoding,
    result: Function,
    origins: Vec<Origin>,
}

impl<'f> Rewriter<'f> {
    fn new(function: &'f Function, facts: &'f Facts, chosen: &[VReg]) -> Self {
        let mut result = function.clone();
        result.insts.clear();
        let has_vex = facts.effects.iter().any(|e| e.vector_mode == VectorMode::Vex);
        let mut rewriter = Rewriter {
            function,
            facts,
            homes: vec![None; function.vregs.len()],
            live_after: vec![Vec::new(); function.insts.len()],
            sse: if has_vex { SseEncoding::Vex } else { SseEncoding::Legacy },
            result,
            origins: Vec::new(),
        };
        let widths = widths(function);
        for &vreg in chosen {
            let home = rewriter.argument_home(vreg);
            let home = home.unwrap_or_else(|| rewriter.new_slot(vreg, widths[vreg.index()]));
            rewriter.homes[vreg.index()] = Some(home);
        }
        rewriter.find_live();
        rewriter.keep_from_calls();
        rewriter
    }

    /// Parameters and results of local functions that are spilled are passed in their slots.
    fn keep_from_calls(&mut self) {
        let homes = &self.homes;
        let in_register = |view: &View<Reg>| match view.reg {
            Reg::Virtual(vreg) => homes[vreg.index()].is_none(),
            Reg::Physical(_) => true,
        };
        for local_fn in &mut self.result.local_fns {
            local_fn.params.retain(in_register);
            local_fn.results.retain(in_register);
        }
    }

    /// The place of an argument on the stack, if the value never changes and is never read beyond
    /// the argument's width.
    fn argument_home(&self, vreg: VReg) -> Option<Home> {
        let arg = self.function[vreg].arg?;
        let ArgPlace::Stack { offset } = self.function.arg_place(arg) else { return None };
        let class = self.function[vreg].class;
        let Arg { bytes, extension, .. } = self.function[arg];
        let (class, bytes) = match (class.bank(), self.function.convention.stack_args) {
            // What its load extends is not in memory.
            _ if extension != Extension::None => return None,
            (Bank::Gp, Packing::Words) => (Class::Gp64, 8),
            (Bank::Gp, Packing::Natural) => match bytes {
                8 => (Class::Gp64, 8),
                4 => (Class::Gp32, 4),
                _ => return None,
            },
            _ => (class, bytes),
        };
        let is_constant = self.function.insts.iter().zip(&self.facts.effects).all(|(inst, e)| {
            matches!(inst.op, Op::LoadArg { .. })
                || e.regs.iter().filter(|access| access.reg == Reg::Virtual(vreg)).all(|access| {
                    (access.write | access.may_write).is_empty()
                        && Lanes::low(bytes).contains(access.read)
                })
        });
        let disp = i64::from(offset);
        let home = Home { base: Base::StackArg, disp, class, bytes, is_argument: true };
        is_constant.then_some(home)
    }

    fn new_slot(&mut self, vreg: VReg, class: Class) -> Home {
        let info = &self.function[vreg];
        let local = LocalId(self.result.locals.len() as u32);
        let size = match class {
            // Without AVX-512BW masks have 16 bits.
            Class::K if !self.has_wide_masks() => 2,
            _ => class.bytes(),
        };
        let name = info.name.clone();
        // Wider vectors are moved unaligned: better than a frame that must be realigned.
        let align = size.min(self.function.convention.stack_align);
        self.result.locals.push(Local { name, span: info.span, size, align });
        Home { base: Base::Local(local), disp: 0, class, bytes: size, is_argument: false }
    }

    fn has_wide_masks(&self) -> bool {
        self.function.features.contains(Feature::AVX512BW)
    }

    fn find_live(&mut self) {
        let mut live = self.facts.live_set();
        for block in &self.facts.cfg.blocks {
            self.facts.walk_back(block, &mut live, |inst, live| {
                for access in &self.facts.effects[inst.index()].regs {
                    let lanes = live.lanes(access.reg);
                    if let Reg::Virtual(vreg) = access.reg
                        && self.homes[vreg.index()].is_some()
                        && !lanes.is_empty()
                    {
                        self.live_after[inst.index()].push((vreg, lanes));
                    }
                }
            });
        }
    }

    /// What arrives in a register and is spilled is stored first of all.
    fn enter(&mut self) {
        for (vreg, _) in self.function.arriving() {
            let live = &self.facts.liveness.live_in[0];
            let Some(home) = self.homes[vreg.index()] else { continue };
            let temporary = self.rename_arriving(vreg);
            if live.iter().any(|(reg, _)| *reg == Reg::Virtual(vreg)) {
                self.store(temporary, home, Origin::Prologue, self.function.span);
            }
        }
    }

    /// The register that an argument arrives in for as long as it takes to store it. (The address
    /// of the result keeps its name: the returns read it.)
    fn rename_arriving(&mut self, vreg: VReg) -> VReg {
        if is_hidden_pointer(self.function, vreg) {
            return vreg;
        }
        let temporary = self.new_temporary(vreg);
        self.result.vregs[temporary.index()].arg = self.function[vreg].arg;
        self.result.vregs[vreg.index()].arg = None;
        for arg in &mut self.result.args {
            if arg.vreg == vreg {
                arg.vreg = temporary;
            }
            if arg.pointer == Some(vreg) {
                arg.pointer = Some(temporary);
            }
        }
        temporary
    }

    fn rewrite(&mut self, index: usize) {
        let inst = &self.function.insts[index];
        let uses: Vec<Use> = self.facts.effects[index]
            .regs
            .iter()
            .filter_map(|access| match access.reg {
                Reg::Virtual(vreg) => {
                    let home = self.homes[vreg.index()]?;
                    Some(Use { access: *access, vreg, home })
                }
                Reg::Physical(_) => None,
            })
            .collect();
        let id = InstId(index as u32);
        if uses.is_empty() {
            return self.push(inst.clone(), Origin::Author(id));
        }
        match &inst.op {
            Op::LoadArg { arg } => self.load_arg(*arg, inst, id),
            Op::Copy { dst, src } => {
                if !self.copy_by_memory(*dst, *src, inst, id) {
                    self.through_registers(inst, id, &uses);
                }
            }
            Op::Machine(machine) => match self.fold(machine, index, &uses) {
                Some((folded, rest)) => {
                    let inst = Inst { op: Op::Machine(folded), ..inst.clone() };
                    self.through_registers(&inst, id, &rest);
                }
                None => self.through_registers(inst, id, &uses),
            },
            // The body finds its parameters in memory, and its callers the results.
            Op::Local(..) => self.push(inst.clone(), Origin::Author(id)),
            Op::Label(_)
            | Op::SetImm { .. }
            | Op::Undefined { .. }
            | Op::Return(_)
            | Op::Align(_)
            | Op::Ghost(_)
            | Op::Bytes(_) => self.through_registers(inst, id, &uses),
        }
    }

    /// An argument that stays in memory needs no load; any other is loaded and stored.
    fn load_arg(&mut self, arg: ArgId, inst: &Inst, id: InstId) {
        let vreg = self.function[arg].vreg;
        let Some(home) = self.homes[vreg.index()] else {
            return self.push(inst.clone(), Origin::Author(id));
        };
        if home.is_argument {
            return;
        }
        let temporary = self.rename_arriving(vreg);
        self.push(inst.clone(), Origin::Author(id));
        self.store(temporary, home, Origin::Spill(id), inst.span);
    }

    /// A copy from or to memory is one move. Whether it was.
    fn copy_by_memory(&mut self, dst: View<Reg>, src: View<Reg>, inst: &Inst, id: InstId) -> bool {
        let home = |reg: Reg| match reg {
            Reg::Virtual(vreg) => self.homes[vreg.index()],
            Reg::Physical(_) => None,
        };
        match (home(dst.reg), home(src.reg)) {
            (Some(slot), None) if dst.class == slot.class && src.class == slot.class => {
                let moved = self.plain_store(slot, src);
                self.push_move(moved, Origin::Spill(id), inst.span);
            }
            (None, Some(slot)) if src.class == slot.class => {
                let moved = self.plain_load(dst, slot);
                self.push_move(moved, Origin::Spill(id), inst.span);
            }
            _ => return false,
        }
        true
    }

    /// The instruction with one of its registers replaced by memory, and the other uses.
    fn fold(&self, machine: &Machine, index: usize, uses: &[Use]) -> Option<(Machine, Vec<Use>)> {
        let effects = &self.facts.effects[index];
        let features = &self.function.features;
        uses.iter().enumerate().find_map(|(at, &Use { vreg, home, .. })| {
            let slot = fold_memory::Slot {
                place: Mem::new(home.base, home.disp),
                bytes: home.bytes,
                align: self.function.convention.stack_align,
                writable: !home.is_argument,
            };
            let folded = fold_memory::into(machine, effects, vreg, &slot, features)?;
            let mut rest = uses.to_vec();
            rest.remove(at);
            Some((folded, rest))
        })
    }

    /// Gives the spilled registers of an instruction registers for the time being.
    fn through_registers(&mut self, inst: &Inst, id: InstId, uses: &[Use]) {
        let mut renamed = Vec::new();
        let mut stores = Vec::new();
        for &Use { access, vreg, home } in uses {
            let keeps_name = is_hidden_pointer(self.function, vreg);
            let temporary = if keeps_name { vreg } else { self.new_temporary(vreg) };
            let live = self.live_after[id.index()].iter().find(|(v, _)| *v == vreg);
            let live = live.map_or(Lanes::NONE, |(_, lanes)| *lanes);
            if !access.read.is_empty() || !(live - access.write).is_empty() {
                let view = View { reg: Reg::Virtual(temporary), class: home.class };
                let moved = self.plain_load(view, home);
                self.push_move(moved, Origin::Spill(id), inst.span);
            }
            if (access.write | access.may_write).intersects(live) {
                stores.push((temporary, home));
            }
            renamed.push((vreg, temporary));
        }
        let mut inst = inst.clone();
        let span = inst.span;
        inst.op.map_regs(|reg| {
            let new = renamed.iter().find(|(old, _)| reg == Reg::Virtual(*old));
            new.map_or(reg, |&(_, new)| Reg::Virtual(new))
        });
        self.push(inst, Origin::Author(id));
        for (temporary, home) in stores {
            self.store(temporary, home, Origin::Spill(id), span);
        }
    }

    fn new_temporary(&mut self, vreg: VReg) -> VReg {
        let temporary = VReg(self.result.vregs.len() as u32);
        let info = &self.function[vreg];
        self.result.vregs.push(VRegInfo { arg: None, temporary: true, ..info.clone() });
        temporary
    }

    fn store(&mut self, vreg: VReg, home: Home, origin: Origin, span: proc_macro2::Span) {
        let view = View { reg: Reg::Virtual(vreg), class: home.class };
        let moved = self.plain_store(home, view);
        self.push_move(moved, origin, span);
    }

    fn plain_load(&self, dst: View<Reg>, home: Home) -> Machine {
        let bank = dst.class.bank();
        self.machine(self.sse.transfer(bank, home.bytes, dst, Mem::new(home.base, home.disp)))
    }

    fn plain_store(&self, home: Home, src: View<Reg>) -> Machine {
        let bank = src.class.bank();
        self.machine(self.sse.transfer(bank, home.bytes, Mem::new(home.base, home.disp), src))
    }

    fn machine(&self, inst: Instruction<Reg>) -> Machine {
        let selection =
            isa::select(&inst, &self.function.features).expect("plain moves have forms");
        Machine { inst, targets: None, selection }
    }

    fn push_move(&mut self, machine: Machine, origin: Origin, span: proc_macro2::Span) {
        let op = Op::Machine(machine);
        self.push(
            Inst { op, span, operand_spans: Vec::new(), in_unsafe: true, inlined: None },
            origin,
        );
    }

    fn push(&mut self, inst: Inst, origin: Origin) {
        self.result.insts.push(inst);
        self.origins.push(origin);
    }
}

/// Per virtual register, the widest class that the function sees it through: what a slot must hold.
fn widths(function: &Function) -> Vec<Class> {
    let mut widths: Vec<Class> = function
        .vregs
        .iter()
        .map(|info| if info.class.bank() == Bank::Gp { Class::Gp64 } else { info.class })
        .collect();
    for inst in &function.insts {
        // What is undefined needs no room.
        if matches!(inst.op, Op::Undefined { .. }) {
            continue;
        }
        inst.op.for_each_view(|_, view| {
            if let Reg::Virtual(vreg) = view.reg
                && view.class.bytes() > widths[vreg.index()].bytes()
            {
                widths[vreg.index()] = view.class;
            }
        });
    }
    widths
}
