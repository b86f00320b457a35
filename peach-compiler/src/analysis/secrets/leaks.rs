//! What must not depend on a secret, in one instruction: where control goes, which memory is
//! accessed, how often something repeats, how long it takes, what others see.

use super::memory::{self, Exposed};
use super::state::{Holder, State};
use super::taint::{Source, Taint, Why};
use super::{calls, inputs, strings, transfer};
use crate::analysis::Facts;
use crate::analysis::outside::{Outside, may_take_at_call};
use crate::diagnostics::Place;
use crate::ir::{Function, Inst, Machine, Op, Operand, Reg, View};
use crate::isa::{Access, Bank, Class, Control, Effects, Flags, Lanes, PhysReg, Timing, gp};

/// How a secret shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// It decides where control goes.
    Branch,
    /// It is in an address.
    Address,
    /// It decides which elements of memory are accessed.
    Mask,
    /// It is the count of `rep`.
    Count,
    /// A call, the system or raw bytes may read it.
    Call,
    /// The time of the instruction depends on it.
    Timing,
    /// It is stored where others may read it.
    Stored(Exposed),
}

/// A secret that shows.
#[derive(Clone, Debug)]
pub(super) struct Leak {
    pub kind: Kind,
    pub place: Place,
    /// What holds it, where that has a name: a register, a flag.
    pub holder: Option<Holder>,
    pub why: Why,
}

/// The first leak of instruction `index`.
pub(super) fn find(
    function: &Function,
    facts: &Facts,
    index: usize,
    state: &State,
) -> Option<Leak> {
    let inst = &function.insts[index];
    let search = Search { function, facts, index, inst, effects: &facts.effects[index], state };
    match &inst.op {
        Op::Machine(machine) => search.machine(machine),
        Op::Bytes(_) => search.outside(),
        Op::Label(_)
        | Op::Copy { .. }
        | Op::SetImm { .. }
        | Op::Undefined { .. }
        | Op::Ghost(_)
        | Op::LoadArg { .. }
        | Op::Local(..)
        | Op::Return(_)
        | Op::Align(_) => None,
    }
}

struct Search<'a> {
    function: &'a Function,
    facts: &'a Facts,
    index: usize,
    inst: &'a Inst,
    effects: &'a Effects<Reg>,
    state: &'a State,
}

impl Search<'_> {
    fn machine(&self, machine: &Machine) -> Option<Leak> {
        self.address(machine)
            .or_else(|| self.branch(machine))
            .or_else(|| self.mask(machine))
            .or_else(|| self.count(machine))
            .or_else(|| self.outside())
            .or_else(|| self.timing(machine))
            .or_else(|| self.store(machine))
    }

    fn leak(&self, kind: Kind, place: Place, holder: Option<Holder>, why: Why) -> Option<Leak> {
        Some(Leak { kind, place, holder, why })
    }

    /// The tokens of an operand, or of the whole instruction.
    fn operand(&self, index: usize) -> Place {
        self.inst.operand_spans.get(index).copied().unwrap_or(self.inst.span.into())
    }

    /// The secret bytes among those that a view shows.
    fn seen(&self, view: View<Reg>) -> Option<(Holder, Why)> {
        let taint = self.state.taint(self.facts, view.reg).only(view.class.lanes());
        taint.reason().map(|why| (Holder::Register(view), why))
    }

    /// Bases and indices. `lea` and `nop` access nothing.
    fn address(&self, machine: &Machine) -> Option<Leak> {
        if matches!(machine.inst.mnemonic.name(), "lea" | "nop") {
            return None;
        }
        for (index, mem) in machine.inst.memory_operands() {
            let found = mem.views().find_map(|view| self.seen(view));
            if let Some((holder, why)) = found {
                return self.leak(Kind::Address, self.operand(index), Some(holder), why);
            }
        }
        let strings = strings::of(machine).map_or(&[][..], |string| string.pointers());
        let gp64 = |&reg: &PhysReg| View { reg: Reg::Physical(reg), class: Class::Gp64 };
        let hidden = strings.iter().map(gp64).chain(strings::hidden_address(machine));
        let found = hidden.into_iter().find_map(|view| self.seen(view));
        if let Some((holder, why)) = found {
            return self.leak(Kind::Address, self.inst.span.into(), Some(holder), why);
        }
        self.bit_number(machine)
    }

    /// The number of a bit in memory reaches beyond the operand: `bt [m], r`.
    fn bit_number(&self, machine: &Machine) -> Option<Leak> {
        let is_string = matches!(machine.inst.mnemonic.name(), "bt" | "btc" | "btr" | "bts");
        match machine.inst.operands[..] {
            [Operand::Mem(_), Operand::Reg(view)] if is_string => {
                let (holder, why) = self.seen(view)?;
                self.leak(Kind::Address, self.operand(1), Some(holder), why)
            }
            _ => None,
        }
    }

    fn branch(&self, machine: &Machine) -> Option<Leak> {
        let is_indirect = match self.effects.control {
            Control::Branch => false,
            Control::IndirectJump => true,
            Control::Call => true,
            Control::Next | Control::Jump | Control::Stop => return None,
        };
        let flags = Flags(self.effects.flags_read.0 & self.state.flags);
        if !flags.is_empty() {
            let holder = Some(Holder::Flags(flags));
            return self.leak(Kind::Branch, self.inst.span.into(), holder, self.state.flags_why);
        }
        if is_indirect {
            return self.indirect(machine);
        }
        // `jrcxz`, `loop`.
        let secret = |access: &Access<Reg>| {
            let taint = self.state.taint(self.facts, access.reg).only(access.read);
            let class = if access.read.contains(Lanes::low(8)) { Class::Gp64 } else { Class::Gp32 };
            let view = View { reg: access.reg, class };
            taint.reason().map(|why| (Holder::Register(view), why))
        };
        let (holder, why) = self.effects.regs.iter().find_map(secret)?;
        self.leak(Kind::Branch, self.inst.span.into(), Some(holder), why)
    }

    /// `jmp r`, `call [m]`.
    fn indirect(&self, machine: &Machine) -> Option<Leak> {
        let first = machine.inst.operands.first()?;
        let (holder, why) = match first {
            Operand::Reg(view) => self.seen(*view).map(|(holder, why)| (Some(holder), why))?,
            Operand::Mem(_) => {
                let loaded = self.loaded(machine);
                (None, loaded.reason()?)
            }
            Operand::Imm(_)
            | Operand::RustConst(_)
            | Operand::RustSym(_)
            | Operand::Label(_)
            | Operand::Relative(_) => return None,
        };
        self.leak(Kind::Branch, self.operand(0), holder, why)
    }

    fn loaded(&self, machine: &Machine) -> Taint {
        inputs::loaded(self.function, self.facts, self.index, machine, self.state)
    }

    /// `{k}` of an access, and vectors that are masks of one.
    fn mask(&self, machine: &Machine) -> Option<Leak> {
        let touches = self.effects.memory.iter().any(|access| !access.address_only);
        let prefetches = machine.inst.memory_operands().next().is_some();
        if !touches && !prefetches {
            return None;
        }
        if let Some(mask) = machine.inst.mask {
            let read = self.effects.regs.iter().find(|access| access.reg == mask.reg);
            let read = read.map_or(Lanes::NONE, |access| access.read);
            let taint = self.state.taint(self.facts, mask.reg).only(read);
            if let Some(why) = taint.reason() {
                let holder = Some(Holder::Register(mask));
                let memory = machine.inst.memory_operands().next().map(|(index, _)| index);
                let place = match memory {
                    Some(0) => self.operand(0),
                    _ => self.operand(machine.inst.operands.len().min(1) - 1),
                };
                return self.leak(Kind::Mask, place, holder, why);
            }
        }
        let at = masking_operand(machine)?;
        let Operand::Reg(view) = machine.inst.operands[at] else { return None };
        let read = self.effects.regs.iter().find(|access| access.reg == view.reg);
        let read = read.map_or(Lanes::NONE, |access| access.read);
        let taint = self.state.taint(self.facts, view.reg).only(read);
        let why = taint.reason()?;
        self.leak(Kind::Mask, self.operand(at), Some(Holder::Register(view)), why)
    }

    fn count(&self, machine: &Machine) -> Option<Leak> {
        let prefixes = machine.inst.prefixes;
        if !(prefixes.rep || prefixes.repne) || strings::of(machine).is_none() {
            return None;
        }
        let (holder, why) = self.seen(View { reg: Reg::Physical(gp::RCX), class: Class::Gp64 })?;
        self.leak(Kind::Count, self.inst.span.into(), Some(holder), why)
    }

    /// What leaves the kernel's sight with secrets that others may read.
    fn outside(&self) -> Option<Leak> {
        let kind = Outside::of(&self.inst.op, self.effects);
        match kind {
            Outside::Call | Outside::System | Outside::Elsewhere | Outside::Bytes => {}
            // What `xsave` stores is judged as a store.
            Outside::State => return None,
            Outside::No if self.leaves_indirectly() => return self.indirect_tail_call(),
            Outside::No => return None,
        }
        let secret = |access: &Access<Reg>| {
            let taint = self.state.taint(self.facts, access.reg).only(access.read);
            taint.reason().map(|why| (Holder::Register(whole(access.reg)), why))
        };
        let read = self.effects.regs.iter().filter(|access| !access.read.is_empty());
        let (holder, why) = read.clone().find_map(secret).or_else(|| {
            calls::exposed(self.facts, self.state, kind, read.map(|access| access.reg))
        })?;
        self.leak(Kind::Call, self.inst.span.into(), Some(holder), why)
    }

    /// `jmp rax`: control leaves with whatever was put into the registers of arguments.
    fn leaves_indirectly(&self) -> bool {
        let Op::Machine(machine) = &self.inst.op else { return false };
        self.effects.control == Control::IndirectJump
            && machine.targets.is_none()
            && machine.inst.mnemonic.name() == "jmp"
    }

    fn indirect_tail_call(&self) -> Option<Leak> {
        let convention = self.function.convention;
        let registers = (0..16).map(PhysReg::gp).chain((0..32).map(PhysReg::vector));
        let registers = registers.filter(|reg| may_take_at_call(convention, *reg));
        let secret = |reg: PhysReg| {
            let view = whole(Reg::Physical(reg));
            let taint = self.state.taint(self.facts, view.reg).only(view.class.lanes());
            let why = taint.reason()?;
            (why.source != Source::Unwritten).then_some((Holder::Register(view), why))
        };
        let (holder, why) = registers.clone().find_map(secret).or_else(|| {
            let registers = registers.map(Reg::Physical);
            calls::exposed(self.facts, self.state, Outside::Call, registers)
        })?;
        self.leak(Kind::Call, self.inst.span.into(), Some(holder), why)
    }

    /// Secrets as operands of what is not known to take the same time for all of them.
    fn timing(&self, machine: &Machine) -> Option<Leak> {
        if machine.inst.mnemonic.timing() != Timing::Dependent
            || self.effects.control != Control::Next
        {
            return None;
        }
        if let Some(string) = strings::of(machine) {
            let data = string.data(self.function, self.facts, self.index, self.state);
            return self.leak(Kind::Timing, self.inst.span.into(), None, data.reason()?);
        }
        let handed_on = |access: &Access<Reg>| match self.effects.copied {
            Some(copied) if copied.from == access.reg => copied.lanes,
            _ => Lanes::NONE,
        };
        let secret = |access: &Access<Reg>| {
            let read = access.read - handed_on(access);
            let taint = self.state.taint(self.facts, access.reg).only(read);
            taint.reason().map(|why| (access.reg, why))
        };
        if let Some((reg, why)) = self.effects.regs.iter().find_map(secret) {
            let (view, place) = self.named(machine, reg);
            return self.leak(Kind::Timing, place, Some(Holder::Register(view)), why);
        }
        let flags = Flags(self.effects.flags_read.0 & self.state.flags);
        if !flags.is_empty() {
            let holder = Some(Holder::Flags(flags));
            return self.leak(Kind::Timing, self.inst.span.into(), holder, self.state.flags_why);
        }
        let why = self.loaded(machine).reason()?;
        let memory = machine.inst.memory_operands().next();
        let place = memory.map_or(self.inst.span.into(), |(index, _)| self.operand(index));
        self.leak(Kind::Timing, place, None, why)
    }

    /// The operand that is `reg`; the instruction, if it names none.
    fn named(&self, machine: &Machine, reg: Reg) -> (View<Reg>, Place) {
        let operands = machine.inst.operands.iter().enumerate();
        let mut found = operands.filter_map(|(index, operand)| match operand {
            Operand::Reg(view) if view.reg == reg => Some((*view, index)),
            _ => None,
        });
        match found.next_back() {
            Some((view, index)) => (view, self.operand(index)),
            None => (whole(reg), self.inst.span.into()),
        }
    }

    fn store(&self, machine: &Machine) -> Option<Leak> {
        let (function, facts, state) = (self.function, self.facts, self.state);
        if let Some(string) = strings::of(machine) {
            let target = string.destination(facts, state)?;
            let why = string.data(function, facts, self.index, state).reason()?;
            let exposed = memory::exposure(function, state, &target)?;
            return self.leak(Kind::Stored(exposed), self.inst.span.into(), None, why);
        }
        for (operand, target, taint) in
            transfer::stores(function, facts, self.index, machine, state)
        {
            let Some(why) = taint.reason() else { continue };
            if let Some(exposed) = memory::exposure(function, state, &target) {
                let place = operand.map_or(self.inst.span.into(), |index| self.operand(index));
                return self.leak(Kind::Stored(exposed), place, None, why);
            }
        }
        None
    }
}

/// The operand that is the mask of an access: of `vmaskmov`, `maskmovdqu`, and gathers of AVX2.
fn masking_operand(machine: &Machine) -> Option<usize> {
    let name = machine.inst.mnemonic.name();
    if name.starts_with("vmaskmov") || name.starts_with("vpmaskmov") || name.starts_with("maskmov")
    {
        return Some(1);
    }
    let is_gather = name.starts_with("vgather") || name.starts_with("vpgather");
    (is_gather && machine.inst.operands.len() == 3).then_some(2)
}

/// A register as a whole.
fn whole(reg: Reg) -> View<Reg> {
    let class = match reg {
        Reg::Virtual(_) => Class::Gp64,
        Reg::Physical(reg) if reg.bank == Bank::Vector => Class::Xmm,
        Reg::Physical(reg) => reg.bank.widest_class(),
    };
    View { reg, class }
}
