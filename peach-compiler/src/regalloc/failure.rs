//! Why there is no allocation, as a message.
//!
//! In: the registers that cannot all be placed. Out: a [`Failure`] that proves it: a place where
//! more registers are live at the same time than there are for them (Hall's condition fails), each
//! with the line of its declaration, what else takes registers there, and what could be freed.

use super::domains::RegisterFile;
use super::hall::hall_violator;
use super::pressure::{self, Peak};
use super::{Failure, Program, spill_choice};
use crate::analysis::Facts;
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Function, InstId, Op, Reg, VReg, VRegInfo};
use crate::isa::{Bank, Class, PhysReg, RegSet, register_name};
use crate::sorted;
use proc_macro2::Span;
use std::collections::HashSet;
use std::fmt::Write;

/// More holders than these are counted, not named.
const NAMED: usize = 40;

/// Makes the message for `stuck`, registers of `bank` that cannot all be placed (or, where that is
/// not `proven`, that the search could not place).
pub(super) fn explain(
    program: &Program<'_>,
    bank: Bank,
    stuck: Vec<VReg>,
    proven: bool,
) -> Failure {
    let place = tightest(program, bank, &stuck);
    let scene = Scene { function: program.function, facts: program.facts, bank, place: &place };
    let report = Report { program, scene };
    let diagnostic = match &place.violator {
        Some(violator) if report.is_conflict(violator) => report.conflict(violator),
        Some(violator) => report.shortage(violator),
        None => report.tangle(proven),
    };
    let spill = match program.function.options.spill {
        true => spill_choice::choose(program, bank, &place.alive),
        false => Vec::new(),
    };
    Failure { diagnostic, spill }
}

/// Makes the message for a place where so many registers are live that nothing else matters.
pub(super) fn crowded(function: &Function, facts: &Facts, peak: Peak) -> Failure {
    let alive = pressure::alive_at(function, facts, peak);
    let place = Place { inst: peak.inst, alive, violator: None };
    let scene = Scene { function, facts, bank: peak.bank, place: &place };
    let offered = RegisterFile::of(function, facts).of_bank(peak.bank).all().len();
    let diagnostic = scene.shortage(&place.alive, offered as usize);
    let diagnostic = scene.with_help(scene.with_freed(diagnostic, &place.alive));
    Failure { diagnostic, spill: Vec::new() }
}

/// Makes the message for a frame that needs a base, where the author names every register for it.
pub(super) fn no_base(function: &Function) -> Failure {
    let message = format!("no register is left for the frame of `{}`", function.name);
    let most = function.locals.iter().max_by_key(|local| (local.align, local.size));
    let mut diagnostic = Diagnostic::new(Code::OutOfRegisters, function.span, message).note(
        "a register has to hold its address, since the stack variables are large or aligned beyond \
         the convention's stack; calls must preserve it, and it must not bring an argument",
    );
    if let Some(local) = most {
        diagnostic = diagnostic.label(local.span, format!("`{}` is on the stack", local.name));
    }
    let diagnostic = diagnostic
        .help("leave `rbp` alone, or let virtual registers stand for those that are named");
    Failure { diagnostic, spill: Vec::new() }
}

/// A place in the program and what is live there.
struct Place {
    inst: InstId,
    alive: Vec<VReg>,
    /// Of those: a set with too few registers for it.
    violator: Option<Vec<VReg>>,
}

/// The place where most registers are missing, or (if none are missing anywhere) where most of
/// `stuck` are live.
fn tightest(program: &Program<'_>, bank: Bank, stuck: &[VReg]) -> Place {
    let domains = &program.domains.allowed;
    let points = program.interference.cliques(program.function, program.facts, bank, 1);
    let mut best = Place { inst: InstId(0), alive: Vec::new(), violator: None };
    let mut best_key = (0, 0);
    let stuck: HashSet<u32> = stuck.iter().map(|vreg| vreg.0).collect();
    for (inst, alive) in points {
        let violator = hall_violator(&alive, domains);
        let missing = violator.as_ref().map_or(0, |nodes| nodes.len() - union(nodes, domains));
        let involved = alive.iter().filter(|vreg| stuck.contains(vreg)).count();
        if (missing, involved) > best_key {
            best_key = (missing, involved);
            let vregs = |list: Vec<u32>| list.into_iter().map(VReg).collect();
            best = Place { inst, alive: vregs(alive), violator: violator.map(vregs) };
        }
    }
    best
}

/// How many registers the lists of `nodes` offer together.
fn union(nodes: &[u32], domains: &[RegSet]) -> usize {
    let all = nodes.iter().fold(RegSet::NONE, |set, &node| set | domains[node as usize]);
    all.len() as usize
}

/// The place, in terms of the source.
struct Scene<'r> {
    function: &'r Function,
    facts: &'r Facts,
    bank: Bank,
    place: &'r Place,
}

struct Report<'r> {
    program: &'r Program<'r>,
    scene: Scene<'r>,
}

impl Report<'_> {
    fn offered(&self, vregs: &[VReg]) -> RegSet {
        let allowed = |vreg: &VReg| self.program.domains.allowed[vreg.index()];
        vregs.iter().map(allowed).fold(RegSet::NONE, |all, set| all | set)
    }

    /// Whether it is about few particular registers rather than about all of the bank.
    fn is_conflict(&self, violator: &[VReg]) -> bool {
        self.offered(violator).len() * 2
            < self.program.domains.registers(self.scene.bank).all().len()
    }

    /// E0402: values that must be in the same few registers at once.
    fn conflict(&self, violator: &[VReg]) -> Diagnostic {
        let offered = self.offered(violator);
        if let [vreg] = violator {
            return self.no_register_left(*vreg);
        }
        let names =
            list(violator.iter().map(|vreg| format!("`{}`", self.scene.function[*vreg].name)));
        let registers = self.scene.names(offered);
        let message = format!("{names} are live at once, and only {registers} can hold them");
        let mut diagnostic = Diagnostic::new(Code::FixedConflict, self.scene.span(), message);
        for &vreg in violator {
            for (span, text) in self.reasons(vreg) {
                diagnostic = diagnostic.label(span, text);
            }
        }
        let info = &self.scene.function[violator[0]];
        diagnostic.help(format!(
            "copy one of them before the instruction that requires it (`let copy: {} = {};`) and \
             use the copy there",
            info.class.name(),
            info.name
        ))
    }

    /// E0402: a value that no register can hold.
    fn no_register_left(&self, vreg: VReg) -> Diagnostic {
        let VRegInfo { name, class, .. } = &self.scene.function[vreg];
        let message = format!("no register can hold `{name}` for its whole lifetime");
        let mut diagnostic = Diagnostic::new(Code::FixedConflict, self.scene.span(), message);
        let reasons = self.reasons(vreg);
        // The declaration, and a place that by itself leaves none, as a call may: no copy helps.
        let is_one_place = reasons.len() == 2;
        for (span, text) in reasons {
            diagnostic = diagnostic.label(span, text);
        }
        if is_one_place && !self.scene.function.options.spill {
            return diagnostic.help(format!(
                "keep `{name}` in memory there: store it in a stack variable before and load it \
                 after, or put `#[spill]` on the kernel"
            ));
        }
        diagnostic
            .note("a virtual register has one physical register for its whole lifetime".to_string())
            .help(format!(
                "copy `{name}` to another register (`let copy: {} = {name};`) before one of these \
                 places and use the copy there",
                class.name()
            ))
    }

    /// Why a virtual register may not have some registers: the first place for each, or one place
    /// that by itself leaves none.
    fn reasons(&self, vreg: VReg) -> Vec<(Span, String)> {
        let all = self.program.domains.registers(self.scene.bank).all();
        let mut left = all;
        let mut reasons = vec![self.scene.declared(vreg)];
        let name = &self.scene.function[vreg].name;
        let mut demand = |span: Span, allowed: RegSet, text: &dyn Fn(RegSet) -> String| {
            let lost = left - allowed;
            if lost.is_empty() {
                return;
            }
            left = left & allowed;
            reasons.push((span, text(lost)));
        };
        let taken = |lost: RegSet| {
            let hold = if lost.len() == 1 { "holds" } else { "hold" };
            format!("{} {hold} another value here", self.scene.names(lost))
        };
        let blocks = self.blocks(vreg);
        if let Some((inst, _)) = blocks.iter().find(|(_, blocked)| (all - *blocked).is_empty()) {
            demand(self.scene.function.insts[inst.index()].span, RegSet::NONE, &taken);
            return reasons;
        }
        for (inst, constraints) in
            self.scene.function.insts.iter().zip(&self.program.facts.constraints)
        {
            for &(reg, allowed) in &constraints.allowed {
                if reg == Reg::Virtual(vreg) && allowed.len() <= 4 {
                    demand(inst.span, allowed, &|_| {
                        format!("`{name}` must be in {} here", self.scene.names(allowed))
                    });
                } else if reg == Reg::Virtual(vreg) {
                    demand(inst.span, allowed, &|lost| {
                        format!("`{name}` cannot be in {} here", self.scene.names(lost))
                    });
                }
            }
        }
        for (inst, blocked) in blocks {
            let span = self.scene.function.insts[inst.index()].span;
            demand(span, RegSet::ALL - blocked, &taken);
        }
        reasons
    }

    /// The places where a virtual register is live at the same time as physical ones, which it may
    /// not have.
    fn blocks(&self, vreg: VReg) -> Vec<(InstId, RegSet)> {
        let mut blocks = Vec::new();
        super::interference::for_each_point(self.scene.function, self.program.facts, |point| {
            let (mut alive, mut physical) = (false, RegSet::NONE);
            for (reg, _) in point.registers() {
                match reg {
                    Reg::Virtual(v) => alive |= v == vreg,
                    Reg::Physical(reg) if reg.bank == self.scene.bank => {
                        physical = physical | RegSet::one(reg.num);
                    }
                    Reg::Physical(_) => {}
                }
            }
            let blocked = physical & self.program.interference.blocked[vreg.index()];
            if alive && !blocked.is_empty() {
                blocks.push((point.inst, blocked));
            }
        });
        sorted::sort_by_key(&mut blocks, |(inst, _)| *inst);
        blocks
    }

    /// E0401: more values than registers.
    fn shortage(&self, violator: &[VReg]) -> Diagnostic {
        let offered = self.offered(violator);
        let mut diagnostic = self.scene.shortage(violator, offered.len() as usize);
        let taken = self.program.domains.registers(self.scene.bank).all() - offered;
        if !taken.is_empty() {
            let names = self.scene.names(taken);
            diagnostic = diagnostic.note(format!(
                "they cannot be in {names}: named in the kernel, or required by an instruction, \
                 while these values are live"
            ));
        }
        self.scene.with_help(self.scene.with_freed(diagnostic, violator))
    }

    /// E0401: every place has registers enough, but no assignment serves all places.
    fn tangle(&self, proven: bool) -> Diagnostic {
        let message = if proven {
            format!("no assignment of {} registers works for the whole kernel", self.scene.kind())
        } else {
            format!("no assignment of {} registers was found", self.scene.kind())
        };
        let alive = &self.scene.place.alive;
        let diagnostic = Diagnostic::new(Code::OutOfRegisters, self.scene.span(), message)
            .note(self.scene.holders(alive))
            .note(
            "every point by itself has enough registers, but a virtual register has one physical \
             register for its whole lifetime, and no assignment fits all points at once",
        );
        self.scene.with_help(self.scene.with_freed(diagnostic, alive))
    }
}

impl Scene<'_> {
    /// E0401: more values than registers.
    fn shortage(&self, alive: &[VReg], offered: usize) -> Diagnostic {
        let message = format!(
            "out of {} registers: {} are live here, but only {offered} are available",
            self.kind(),
            alive.len(),
        );
        Diagnostic::new(Code::OutOfRegisters, self.span(), message).note(self.holders(alive))
    }

    /// What could be loaded later than it is.
    fn with_freed(&self, diagnostic: Diagnostic, alive: &[VReg]) -> Diagnostic {
        match self.could_be_freed(alive) {
            Some(text) => diagnostic.note(text),
            None => diagnostic,
        }
    }

    fn with_help(&self, diagnostic: Diagnostic) -> Diagnostic {
        diagnostic.help(if self.function.options.spill {
            "these cannot be spilled: split a value's lifetime between two names"
        } else {
            "free one of them, split a value's lifetime between two names, or put `#[spill]` on \
             the kernel"
        })
    }

    /// "live here: `a`, `b` (declared on line 3); `c` (line 4)".
    fn holders(&self, vregs: &[VReg]) -> String {
        let mut text = String::from("live here: ");
        let line = |vreg: VReg| self.function[vreg].span.start().line;
        for (index, &vreg) in vregs.iter().take(NAMED).enumerate() {
            let _ = write!(text, "`{}`", self.function[vreg].name);
            let next = vregs.get(index + 1).copied();
            if next.is_some_and(|next| line(next) == line(vreg)) && index + 1 < NAMED {
                text.push_str(", ");
                continue;
            }
            let declared = if text.contains("(declared") { "" } else { "declared on " };
            let _ = write!(text, " ({declared}line {})", line(vreg));
            if next.is_some() {
                text.push_str("; ");
            }
        }
        if vregs.len() > NAMED {
            let _ = write!(text, "and {} more", vregs.len() - NAMED);
        }
        text
    }

    /// Names the value that is needed again last.
    fn could_be_freed(&self, vregs: &[VReg]) -> Option<String> {
        let insts = &self.function.insts;
        let mut next_use = vec![insts.len(); self.function.vregs.len()];
        for index in (self.place.inst.index() + 1..insts.len()).rev() {
            for access in &self.facts.effects[index].regs {
                if let (Reg::Virtual(vreg), false) = (access.reg, access.read.is_empty()) {
                    next_use[vreg.index()] = index;
                }
            }
        }
        let next_uses = vregs.iter().map(|&vreg| (vreg, next_use[vreg.index()]));
        let (vreg, next) = next_uses.max_by_key(|&(_, next)| next)?;
        let name = &self.function[vreg].name;
        Some(match insts.get(next) {
            Some(inst) => {
                let line = inst.span.start().line;
                format!("`{name}` is not needed again before line {line}: it could be loaded there")
            }
            None => format!("`{name}` is not needed again until the next iteration of a loop"),
        })
    }

    fn declared(&self, vreg: VReg) -> (Span, String) {
        let info = &self.function[vreg];
        let what = if info.arg.is_some() { "is an argument" } else { "is declared here" };
        (info.span, format!("`{}` {what}", info.name))
    }

    fn span(&self) -> Span {
        match self.function.insts.get(self.place.inst.index()) {
            Some(inst) if !matches!(inst.op, Op::Label(_)) => inst.span,
            _ => self.function.span,
        }
    }

    fn names(&self, registers: RegSet) -> String {
        list(registers.iter().map(|num| format!("`{}`", self.name(num))))
    }

    fn name(&self, num: u8) -> String {
        let class = match self.bank {
            Bank::Gp => Class::Gp64,
            Bank::Vector => Class::Xmm,
            Bank::Mask => Class::K,
            Bank::Mmx => Class::Mmx,
            Bank::Tile => Class::Tmm,
            bank @ (Bank::Segment | Bank::Control | Bank::Debug | Bank::X87 | Bank::Ip) => {
                bank.widest_class()
            }
        };
        register_name(PhysReg::new(self.bank, num), class)
    }

    fn kind(&self) -> &'static str {
        match self.bank {
            Bank::Gp => "general-purpose",
            Bank::Vector => "vector",
            Bank::Mask => "mask",
            Bank::Mmx => "MMX",
            Bank::Tile => "tile",
            Bank::Segment | Bank::Control | Bank::Debug | Bank::X87 | Bank::Ip => "system",
        }
    }
}

/// "a, b and c".
fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    match items.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => "no register".to_string(),
    }
}
