//! Every register lane that is read must have been written, on every path.
//!
//! A lane that is live at the entry without being written there is read unwritten on some path, so
//! liveness finds the suspects and most kernels are done. For suspects, a forward analysis follows
//! the bytes that may be unwritten: a write ends it, a copy passes it on lane by lane, a write that
//! depends on data changes nothing, `vaddsd a, b, c` hands on the upper lanes of `b` as they are,
//! and a call leaves garbage in what its convention does not preserve.

mod messages;
mod unwritten;

use super::{Reports, too_large};
use crate::analysis::outside::{Outside, call_clobbers, call_results};
use crate::analysis::{Facts, MOST_LIVE};
use crate::ir::{ArgValue, Extension, Function, Ghost, Op, Reg, Term};
use crate::isa::{self, Access, Bank, Class, Control, Effects, Lanes, PhysReg};
use crate::sorted::SortedSet;
use unwritten::Unwritten;

/// Reports reads of unwritten lanes.
pub(super) fn verify(function: &Function, facts: &Facts, reports: &mut Reports<'_>) {
    let entry = written_at_entry(function);
    let suspects = Suspects::of(function, facts, &entry);
    if suspects.regs.is_empty() {
        return;
    }
    let Some(at_entry) = suspects.at_block_entries(function, facts, &entry) else {
        return reports.push(too_large(function));
    };
    let writes = suspects.writes(facts);
    let mut reported = vec![Lanes::NONE; suspects.regs.len()];
    for (number, block) in facts.cfg.blocks.iter().enumerate().filter(|(_, b)| b.reachable) {
        let mut unwritten = at_entry[number].clone();
        for index in block.insts() {
            let effects = &facts.effects[index];
            for access in effects.regs.iter().chain(&stated(function, index)) {
                let Some(suspect) = suspects.number(facts, access.reg) else { continue };
                if is_reserved(function, access.reg) {
                    continue;
                }
                let handed_on = match effects.copied {
                    Some(copied) if copied.from == access.reg => copied.lanes,
                    _ => Lanes::NONE,
                };
                let read = visibly_read(&function.insts[index].op, access, effects) - handed_on;
                let bad = (read & unwritten.of(suspect)) - reported[suspect];
                if !bad.is_empty() {
                    reported[suspect] |= bad;
                    let before = written_before(facts, index, &writes[suspect]);
                    reports.push(messages::describe(function, facts, index, access, bad, before));
                }
            }
            suspects.step(function, facts, index, &mut unwritten);
        }
    }
}

/// Whether the user may not name the register at all, which `reserved` reports.
fn is_reserved(function: &Function, reg: Reg) -> bool {
    let reserved = function.convention.reserved_gp;
    matches!(reg, Reg::Physical(PhysReg { bank: Bank::Gp, num }) if reserved.contains(num))
}

/// The bytes that have a value when the kernel is entered: of an argument its own, but all lanes of
/// a float's register, with any value.
fn written_at_entry(function: &Function) -> Vec<Lanes> {
    let mut written = vec![Lanes::NONE; function.vregs.len()];
    for (vreg, _) in function.arriving() {
        written[vreg.index()] = Class::Gp64.lanes();
    }
    for arg in &function.args {
        written[arg.vreg.index()] = value_lanes(&arg.value);
    }
    written
}

fn value_lanes(value: &ArgValue) -> Lanes {
    match value {
        ArgValue::Vector { .. } => Lanes::ALL,
        value => Lanes::low(value.bytes()),
    }
}

/// The bytes whose unwritten read is the user's error: a copy takes lanes as they are, and what
/// leaves the kernel's sight reads registers only in so far as they are set, but for those that it
/// names.
fn visibly_read(op: &Op, access: &Access<Reg>, effects: &Effects<Reg>) -> Lanes {
    match op {
        Op::Copy { .. } | Op::Bytes(_) => Lanes::NONE,
        Op::Machine(machine) if Outside::of(op, effects) != Outside::No => {
            let named = isa::effects(&machine.inst, &machine.selection).regs;
            named.iter().find(|named| named.reg == access.reg).map_or(Lanes::NONE, |a| a.read)
        }
        Op::Label(_)
        | Op::Machine(_)
        | Op::SetImm { .. }
        | Op::Undefined { .. }
        | Op::LoadArg { .. }
        | Op::Local(..)
        | Op::Return(_)
        | Op::Align(_)
        | Op::Ghost(_) => access.read,
    }
}

/// The registers of the user's that an invariant names, with their operands.
fn named_by_invariant(function: &Function, ghost: &Ghost) -> Vec<(usize, Reg)> {
    let Ghost::Invariant(invariant) = ghost else { return Vec::new() };
    let is_ghost = |reg: Reg| matches!(reg, Reg::Virtual(vreg) if function[vreg].temporary);
    let terms = (1..).zip(&invariant.terms);
    let registers = terms.filter_map(|(operand, (term, _))| match term {
        Term::Reg(reg) if !is_ghost(*reg) => Some((operand, *reg)),
        Term::Reg(_) | Term::Arg(_) => None,
    });
    registers.collect()
}

/// What an invariant reads, as far as values are concerned: all of the registers that it names.
fn stated(function: &Function, index: usize) -> Vec<Access<Reg>> {
    let Op::Ghost(ghost) = &function.insts[index].op else { return Vec::new() };
    let access = |(_, reg)| Access {
        reg,
        read: Class::Gp64.lanes(),
        write: Lanes::NONE,
        may_write: Lanes::NONE,
        zeroed: Lanes::NONE,
    };
    named_by_invariant(function, ghost).into_iter().map(access).collect()
}

/// What an instruction writes of a suspect.
#[derive(Clone, Copy)]
struct Write {
    index: usize,
    surely: Lanes,
    perhaps: Lanes,
}

/// The bytes that something before an instruction writes, and those that it may write. In a loop,
/// what follows in the text comes before as well.
fn written_before(facts: &Facts, index: usize, writes: &[Write]) -> (Lanes, Lanes) {
    let in_loop = facts.cfg.blocks[facts.cfg.block_of[index] as usize].loop_depth > 0;
    let before = writes.iter().filter(|write| write.index < index || in_loop);
    before.fold((Lanes::NONE, Lanes::NONE), |(surely, perhaps), write| {
        (surely | write.surely, perhaps | write.perhaps)
    })
}

/// The registers that may be read unwritten.
struct Suspects {
    regs: Vec<Reg>,
    /// By slot: the index in `regs`.
    numbers: Vec<Option<u32>>,
    /// Those that matter where they are not live, by index: sources of copies that do not read all
    /// that they copy, and registers that invariants name.
    lasting: SortedSet<usize>,
}

impl Suspects {
    fn of(function: &Function, facts: &Facts, entry: &[Lanes]) -> Suspects {
        let (regs, numbers) = (Vec::new(), vec![None; facts.slots.len()]);
        let mut suspects = Suspects { regs, numbers, lasting: SortedSet::new() };
        for &(reg, lanes) in &facts.liveness.live_in[0] {
            let known = match reg {
                Reg::Virtual(vreg) => entry[vreg.index()],
                Reg::Physical(_) => Lanes::NONE,
            };
            if !known.contains(lanes) {
                suspects.add(facts, reg);
            }
        }
        for (inst, effects) in function.insts.iter().zip(&facts.effects) {
            match &inst.op {
                Op::LoadArg { arg } => {
                    if function[*arg].value.bytes() < 8 {
                        suspects.add(facts, Reg::Virtual(function[*arg].vreg));
                    }
                }
                // A copy reads only lanes that are written somewhere: the others are the suspects.
                Op::Copy { src, .. } => {
                    let read = effects.regs.iter().find(|a| a.reg == src.reg).map(|a| a.read);
                    if read.is_some_and(|lanes| !lanes.contains(src.class.lanes())) {
                        suspects.add(facts, src.reg);
                        suspects.lasting.extend(suspects.number(facts, src.reg));
                    }
                }
                // What a local function changes has no value for its caller, nor has what the
                // caller had there for it.
                Op::Local(..) => {
                    for access in &effects.regs {
                        suspects.add(facts, access.reg);
                    }
                }
                Op::Machine(_) => {
                    if effects.control == Control::Call {
                        for (reg, _) in call_clobbers(function.convention) {
                            suspects.add(facts, Reg::Physical(reg));
                        }
                    }
                }
                Op::Ghost(ghost) => {
                    let named = named_by_invariant(function, ghost).into_iter();
                    named.for_each(|(_, reg)| {
                        suspects.add(facts, reg);
                        suspects.lasting.extend(suspects.number(facts, reg));
                    });
                }
                Op::Label(_)
                | Op::SetImm { .. }
                | Op::Undefined { .. }
                | Op::Return(_)
                | Op::Align(_)
                | Op::Bytes(_) => {}
            }
        }
        suspects.add_copies(function, facts);
        suspects
    }

    fn add(&mut self, facts: &Facts, reg: Reg) {
        if let Some(slot) = facts.slots.slot(reg)
            && self.numbers[slot].is_none()
        {
            self.numbers[slot] = Some(self.regs.len() as u32);
            self.regs.push(reg);
        }
    }

    /// What is copied from a suspect is one too.
    fn add_copies(&mut self, function: &Function, facts: &Facts) {
        let mut copies: Vec<Vec<Reg>> = vec![Vec::new(); facts.slots.len()];
        for (inst, effects) in function.insts.iter().zip(&facts.effects) {
            let by_effect = || effects.copied.map(|copied| (copied.from, copied.to));
            let copied = inst.op.copy().map(|(dst, src)| (src.reg, dst.reg)).or_else(by_effect);
            if let Some((src, dst)) = copied
                && let Some(slot) = facts.slots.slot(src)
            {
                copies[slot].push(dst);
            }
        }
        let mut next = 0;
        while let Some(&reg) = self.regs.get(next) {
            next += 1;
            let slot = facts.slots.slot(reg).expect("suspects have slots");
            std::mem::take(&mut copies[slot]).into_iter().for_each(|dst| self.add(facts, dst));
        }
    }

    fn number(&self, facts: &Facts, reg: Reg) -> Option<usize> {
        facts.slots.slot(reg).and_then(|slot| self.numbers[slot]).map(|n| n as usize)
    }

    /// The instructions that write each suspect.
    fn writes(&self, facts: &Facts) -> Vec<Vec<Write>> {
        let mut writes = vec![Vec::new(); self.regs.len()];
        for (index, effects) in facts.effects.iter().enumerate() {
            for access in &effects.regs {
                if let Some(number) = self.number(facts, access.reg)
                    && !(access.write | access.may_write).is_empty()
                {
                    writes[number].push(Write {
                        index,
                        surely: access.write,
                        perhaps: access.may_write,
                    });
                }
            }
        }
        writes
    }

    /// The bytes that may be unwritten at the start of each block, where they matter. `None` if
    /// they are more than [`MOST_LIVE`].
    fn at_block_entries(
        &self,
        function: &Function,
        facts: &Facts,
        entry: &[Lanes],
    ) -> Option<Vec<Unwritten>> {
        let cfg = &facts.cfg;
        let mut at_entry = vec![Unwritten::default(); cfg.blocks.len()];
        for (number, &reg) in self.regs.iter().enumerate() {
            let lanes = match reg {
                Reg::Virtual(vreg) => Lanes::ALL - entry[vreg.index()],
                Reg::Physical(_) => Lanes::ALL,
            };
            at_entry[0].set(number, lanes);
        }
        let mut room = MOST_LIVE;
        cfg.run_forward(|number, pass_on| {
            if room == 0 {
                return;
            }
            let mut state = at_entry[number].clone();
            for index in cfg.blocks[number].insts() {
                self.step(function, facts, index, &mut state);
            }
            for &succ in &cfg.blocks[number].succs {
                let mut grew = false;
                let known = &mut at_entry[succ as usize];
                let before = known.0.len();
                for suspect in self.that_matter(facts, succ) {
                    let new = state.of(suspect);
                    if !known.of(suspect).contains(new) {
                        known.add(suspect, new);
                        grew = true;
                    }
                }
                room = room.saturating_sub(known.0.len() - before);
                if grew {
                    pass_on(succ);
                }
            }
        });
        (room > 0).then_some(at_entry)
    }

    /// The suspects that something after the start of `block` may read.
    fn that_matter<'a>(&'a self, facts: &'a Facts, block: u32) -> impl Iterator<Item = usize> + 'a {
        let live = facts.liveness.live_in[block as usize].iter();
        let live = live.filter_map(|(reg, _)| self.number(facts, *reg));
        live.chain(self.lasting.iter().copied())
    }

    /// Takes the bytes that may be unwritten over one instruction.
    fn step(&self, function: &Function, facts: &Facts, index: usize, unwritten: &mut Unwritten) {
        let effects = &facts.effects[index];
        let op = &function.insts[index].op;
        let copied = if let Some((dst, src)) = op.copy() {
            let from = self.number(facts, src.reg).map(|n| unwritten.of(n) & src.class.lanes());
            from.map(|lanes| (dst.reg, lanes))
        } else {
            effects.copied.and_then(|copied| {
                let from = self.number(facts, copied.from)?;
                Some((copied.to, unwritten.of(from) & copied.lanes))
            })
        };
        for access in &effects.regs {
            let settled = if effects.settles { access.may_write } else { Lanes::NONE };
            if let Some(number) = self.number(facts, access.reg) {
                unwritten.set(number, unwritten.of(number) - (access.write | settled));
            }
        }
        if let Some((dst, lanes)) = copied
            && let Some(number) = self.number(facts, dst)
        {
            unwritten.add(number, lanes);
        }
        if let Op::LoadArg { arg } = op {
            let arg = &function[*arg];
            if let Some(number) = self.number(facts, Reg::Virtual(arg.vreg)) {
                let written = match arg.extension {
                    Extension::None => value_lanes(&arg.value),
                    Extension::Zero | Extension::Sign => Class::Gp64.lanes(),
                };
                unwritten.set(number, Lanes::ALL - written);
            }
        }
        if let Op::Local(..) = op {
            for access in &effects.regs {
                if let Some(number) = self.number(facts, access.reg) {
                    unwritten.add(number, access.write);
                }
            }
        }
        match Outside::of(op, effects) {
            Outside::No | Outside::System | Outside::State => {}
            // The user vouches for what raw bytes and others leave.
            Outside::Bytes | Outside::Elsewhere => {
                for access in &effects.regs {
                    if let Some(number) = self.number(facts, access.reg) {
                        unwritten.set(number, Lanes::NONE);
                    }
                }
            }
            Outside::Call => {
                for (reg, lanes) in call_clobbers(function.convention) {
                    if let Some(number) = self.number(facts, Reg::Physical(reg)) {
                        unwritten.add(number, lanes);
                    }
                }
                for reg in call_results(function.convention) {
                    if let Some(number) = self.number(facts, Reg::Physical(reg)) {
                        unwritten.set(number, Lanes::NONE);
                    }
                }
            }
        }
    }
}
