//! Instructions whose addresses no operand names: string instructions, and a few others.
//!
//! Of string instructions the pointers and the count come out as public as they went in, which the
//! general rule (a result depends on all that is read) would not see.

use super::address::Value;
use super::memory::{self, Store, Target};
use super::state::State;
use super::taint::{Taint, Why};
use crate::analysis::Facts;
use crate::ir::{Function, Machine, Operand, Prefixes, Reg, View};
use crate::isa::{Class, Lanes, PhysReg, gp};

/// A string instruction, and where its memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StringOp {
    kind: Kind,
    prefixes: Prefixes,
}

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `movs`: from `rsi` to `rdi`.
    Move,
    /// `stos`: from the accumulator to `rdi`.
    Store,
    /// `lods`: from `rsi` to the accumulator.
    Load,
    /// `cmps`: `rsi` and `rdi`.
    Compare,
    /// `scas`: the accumulator and `rdi`.
    Scan,
}

/// Which one an instruction is, if any.
pub(super) fn of(machine: &Machine) -> Option<StringOp> {
    let is_vector =
        |operand: &Operand<Reg>| matches!(operand, Operand::Reg(view) if view.class == Class::Xmm);
    if !machine.selection.forms().iter().any(|form| form.is_string_instruction())
        || machine.inst.operands.iter().any(is_vector)
    {
        return None;
    }
    let kind = match &machine.inst.mnemonic.name()[..4] {
        "movs" => Kind::Move,
        "stos" => Kind::Store,
        "lods" => Kind::Load,
        "cmps" => Kind::Compare,
        "scas" => Kind::Scan,
        _ => return None,
    };
    Some(StringOp { kind, prefixes: machine.inst.prefixes })
}

impl StringOp {
    /// The registers that hold addresses.
    pub fn pointers(self) -> &'static [PhysReg] {
        match self.kind {
            Kind::Move | Kind::Compare => &[gp::RSI, gp::RDI],
            Kind::Store | Kind::Scan => &[gp::RDI],
            Kind::Load => &[gp::RSI],
        }
    }

    /// The memory at a pointer. Nothing is known of another segment, and of half an address.
    fn target(self, facts: &Facts, state: &State, pointer: PhysReg) -> Target {
        let is_elsewhere = self.prefixes.segment.is_some() && pointer == gp::RSI;
        Target::Sum(match is_elsewhere || self.prefixes.narrow_address {
            true => Value::unknown(),
            false => state.value(facts, Reg::Physical(pointer)).stepped(),
        })
    }

    fn reads_accumulator(self) -> bool {
        matches!(self.kind, Kind::Store | Kind::Scan)
    }

    /// What it takes in, other than addresses and count.
    pub fn data(self, function: &Function, facts: &Facts, index: usize, state: &State) -> Taint {
        let mut all = Taint::PUBLIC;
        let sources = match self.kind {
            Kind::Store => &[][..],
            Kind::Move | Kind::Load | Kind::Compare | Kind::Scan => self.pointers(),
        };
        for &pointer in sources {
            if self.kind == Kind::Move && pointer == gp::RDI {
                continue;
            }
            let target = self.target(facts, state, pointer);
            all.add(memory::load(function, state, &target, None, index));
        }
        if self.reads_accumulator() {
            let rax = Reg::Physical(gp::RAX);
            let read = facts.effects[index].regs.iter().find(|access| access.reg == rax);
            let read = read.map_or(Lanes::NONE, |access| access.read);
            all.add(state.taint(facts, rax).only(read));
        }
        all
    }

    /// Where it stores, if it does.
    pub fn destination(self, facts: &Facts, state: &State) -> Option<Target> {
        match self.kind {
            Kind::Move | Kind::Store => Some(self.target(facts, state, gp::RDI)),
            Kind::Load | Kind::Compare | Kind::Scan => None,
        }
    }

    /// Takes the state over it.
    pub fn step(self, function: &Function, facts: &Facts, index: usize, state: &mut State) {
        let effects = &facts.effects[index];
        let data = self.data(function, facts, index, state);
        let why: Why = data.why.made_by(index);
        if let Some(target) = self.destination(facts, state) {
            let taint = if data.is_secret() { Taint::new(Lanes::ALL, why) } else { data };
            let sources = match self.reads_accumulator() {
                true => state.value(facts, Reg::Physical(gp::RAX)),
                false => Value::unknown(),
            };
            let store = Store { bytes: None, taint, always: false, value: None, sources };
            memory::store(state, &target, &store);
        }
        let rax = Reg::Physical(gp::RAX);
        if self.kind == Kind::Load
            && let Some(access) = effects.regs.iter().find(|access| access.reg == rax)
        {
            let written = (access.write | access.may_write) - access.zeroed;
            let mut taint = if data.is_secret() { Taint::new(written, why) } else { data };
            taint.add(state.taint(facts, rax).only(Lanes::ALL - access.write));
            state.set(facts, rax, taint);
        }
        if matches!(self.kind, Kind::Compare | Kind::Scan) {
            state.flags &= !effects.flags_written.0;
            if data.is_secret() {
                state.flags |= effects.flags_written.0 | effects.flags_may_write.0;
                state.flags_why = why;
            }
        }
        for access in &effects.regs {
            if !(access.write | access.may_write).is_empty() {
                let value = match access.reg == rax || self.prefixes.narrow_address {
                    true => Value::unknown(),
                    false => state.value(facts, access.reg).stepped(),
                };
                state.set_value(facts, access.reg, value);
            }
        }
        if self.prefixes.rep || self.prefixes.repne {
            let rcx = Reg::Physical(gp::RCX);
            let count = state.value(facts, rcx).blurred();
            state.set_value(facts, rcx, count);
        }
    }
}

/// The registers of an address that no operand spells: of `xlat`, `maskmovdqu`, `movdir64b`.
pub(super) fn hidden_address(machine: &Machine) -> Vec<View<Reg>> {
    let gp64 = |reg| View { reg: Reg::Physical(reg), class: Class::Gp64 };
    match machine.inst.mnemonic.name() {
        "xlatb" => vec![gp64(gp::RBX), View { reg: Reg::Physical(gp::RAX), class: Class::Gp8 }],
        "maskmovdqu" | "vmaskmovdqu" | "maskmovq" => vec![gp64(gp::RDI)],
        "clzero" | "monitor" | "monitorx" => vec![gp64(gp::RAX)],
        "movdir64b" | "enqcmd" | "enqcmds" | "umonitor" => {
            let first = machine.inst.operands.first();
            match first {
                Some(Operand::Reg(view)) => vec![*view],
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}
