//! What has to hold on every path between two places that a certificate speaks of.
//!
//! A path starts where the kernel is entered or where something is claimed, and takes whatever is
//! claimed there for granted. On it, each access in plain code has to stay inside of a region, and
//! where it ends, what is claimed has to hold. Paths between such places do not meet: together they
//! are trees.

use crate::conditions;
use crate::instructions;
use crate::machine::{Machine, Processor, Word};
use crate::regions::Regions;
use crate::script::{Script, Term, all, number, part, zeros_above};
use crate::solver::{Answer, Solver};
use crate::sums::{Sum, Values};
use crate::witness::{Here, Numbers};
use peach_compiler::analysis::Facts;
use peach_compiler::analysis::record::{
    Access, Claimed, Edge, Knowledge, Linear, Record, Slot, Symbol, Via,
};
use peach_compiler::ir::{Base, Function, Instruction, Mem, Op, Operand, Reg};
use peach_compiler::isa::{Control, Elements, MemAccess, Touched, gp};
use std::collections::{BTreeMap, BTreeSet};

/// The edge from the caller.
const ENTRY: u32 = u32::MAX;

/// One obligation, and what Z3 says of its opposite.
#[derive(Clone, Debug)]
pub struct Finding {
    pub what: What,
    /// What does not hold.
    pub term: Term,
    pub answer: Answer,
    /// Values under which it does not hold.
    pub model: String,
}

/// What an obligation is about.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Access(Access),
    /// What is claimed where an edge ends.
    Claim {
        from: u32,
        to: u32,
    },
}

/// How many obligations there were.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    pub accesses: usize,
    pub claims: usize,
    /// Accesses that these obligations do not describe: their place depends on what is not modeled.
    pub not_modeled: usize,
}

/// The ways in which the values of symbols may be found.
const CHOICES: [usize; 4] = [0, 1, 2, 4];

struct Goal {
    what: What,
    term: Term,
}

/// Everything that is needed to look at a function.
pub struct Check<'a> {
    function: &'a Function,
    facts: &'a Facts,
    record: &'a Record,
    regions: Regions,
    script: Script,
    solver: &'a mut Solver,
    pub count: Count,
    pub findings: Vec<Finding>,
}

/// Where a path has come to.
#[derive(Clone)]
struct Place {
    machine: Machine,
    values: Values,
}

impl<'a> Check<'a> {
    pub fn new(
        function: &'a Function,
        facts: &'a Facts,
        record: &'a Record,
        solver: &'a mut Solver,
    ) -> Check<'a> {
        let mut script = Script::default();
        let regions = Regions::declare(function, &mut script);
        let (count, findings) = (Count::default(), Vec::new());
        Check { function, facts, record, regions, script, solver, count, findings }
    }

    /// Asks for everything; what is not shown is in `findings`.
    pub fn run(&mut self) {
        let start = self.script.mark();
        let entry = self.entry();
        if self.record.claims.contains_key(&0) {
            self.edge(ENTRY, 0, None, &entry);
        } else {
            self.follow(0, entry);
        }
        self.script.take_back(start);
        for (&block, claim) in &self.record.claims {
            if self.facts.cfg.blocks[block as usize].reachable {
                let place = self.start(claim);
                self.follow(block, place);
                self.script.take_back(start);
            }
        }
    }

    /// What the caller leaves.
    fn entry(&mut self) -> Place {
        let mut machine = Machine::new(&mut self.script);
        machine.is_upward = true;
        for (arg, word) in self.function.args.iter().zip(&self.regions.arguments) {
            machine.registers.insert(Reg::Virtual(arg.vreg), word.clone());
        }
        Place { machine, values: Values::default() }
    }

    /// What is claimed.
    fn start(&mut self, claim: &Claimed) -> Place {
        let mut machine = Machine::new(&mut self.script);
        let Check { record, regions, script, .. } = self;
        let numbers = Numbers::new(record, regions);
        let mut values = Values::of(claim, &numbers.all_fixed());
        machine.is_upward = claim.is_upward;
        let mut here = Here { values: &mut values, script, machine: None, choice: 0 };
        for (slot, linear) in &claim.values {
            let term = numbers.word(&Sum::of(linear), &mut here);
            let word = Word { term, region: numbers.region(linear) };
            match *slot {
                Slot::Register(reg) => drop(machine.registers.insert(reg, word)),
                Slot::Local(local, at) => drop(machine.locals.insert((local, at), word)),
                // The last one comes first.
                Slot::Pushed(_) => machine.stack.insert(0, (8, word)),
            }
        }
        for (reg, (first, end)) in &claim.masks {
            let mask = here.script.any(64);
            let bits = within(&mask, &Sum::of(first), &Sum::of(end), &numbers, &mut here);
            here.script.assume(&bits);
            machine.masks.insert(*reg, mask);
        }
        // Those of outer places too: they were demanded where these symbols got their values.
        let bounds = mentioned(claim).into_iter().flat_map(|symbol| numbers.bounds(symbol));
        for bound in bounds {
            let term = numbers.compared("bvsge", &bound, &mut here);
            here.script.assume(&term);
        }
        for (comparison, fact) in facts(&claim.knowledge) {
            let term = numbers.compared(comparison, &Sum::of(fact), &mut here);
            here.script.assume(&term);
        }
        Place { machine, values }
    }

    /// Follows all paths from `block` on, up to places of which something is claimed.
    fn follow(&mut self, block: u32, place: Place) {
        let mut waiting = vec![(block, place, self.script.mark(), None)];
        while let Some((block, mut place, mark, condition)) = waiting.pop() {
            self.script.take_back(mark);
            if let Some(condition) = condition {
                let condition: Term = condition;
                self.script.assume(&condition);
            }
            let goals = self.block(block, &mut place);
            self.ask(goals);
            let facts = self.facts;
            let ways = self.ways(block, &mut place);
            let mark = self.script.mark();
            for (&succ, way) in facts.cfg.blocks[block as usize].succs.iter().zip(ways) {
                match self.record.claims.contains_key(&succ) {
                    true => self.edge(block, succ, way.as_deref(), &place),
                    false => waiting.push((succ, place.clone(), mark, way)),
                }
            }
        }
    }

    /// Asks for what is claimed where an edge ends. The values of symbols may be found in several
    /// ways; any for which all holds will do.
    fn edge(&mut self, from: u32, to: u32, way: Option<&str>, place: &Place) {
        let mark = self.script.mark();
        if let Some(way) = way {
            self.script.assume(way);
        }
        let mut best = None;
        for choice in CHOICES {
            let before = self.findings.len();
            let goals = self.arrive(from, to, choice, place);
            self.ask(goals);
            let findings = self.findings.split_off(before);
            if findings.is_empty() {
                self.script.take_back(mark);
                return;
            }
            best.get_or_insert(findings);
        }
        self.findings.extend(best.into_iter().flatten());
        self.script.take_back(mark);
    }

    /// Goes through a block, and lists what its accesses must satisfy.
    fn block(&mut self, block: u32, place: &mut Place) -> Vec<Goal> {
        let mut goals = Vec::new();
        for index in self.facts.cfg.blocks[block as usize].insts() {
            place.machine.at = index as u32;
            if !self.function.insts[index].in_unsafe {
                self.accesses(index, place, &mut goals);
            }
            let Check { script, regions, .. } = self;
            let mut processor = Processor { machine: &mut place.machine, script, regions };
            instructions::step(&mut processor, self.function, &self.facts.effects[index], index);
        }
        goals
    }

    /// The conditions of the ways out of a block, in the order of its successors.
    fn ways(&mut self, block: u32, place: &mut Place) -> Vec<Option<Term>> {
        let info = &self.facts.cfg.blocks[block as usize];
        let unknown = vec![None; info.succs.len()];
        let Some(last) = info.insts().last() else { return unknown };
        let Op::Machine(machine) = &self.function.insts[last].op else { return unknown };
        if self.facts.effects[last].control != Control::Branch || info.succs.len() != 2 {
            return unknown;
        }
        let Check { script, regions, .. } = self;
        let mut processor = Processor { machine: &mut place.machine, script, regions };
        let name = machine.inst.mnemonic.name();
        let Some(taken) = conditions::branch(name, &mut processor) else { return unknown };
        let target = self.target(&machine.inst);
        let condition = |succ: &u32| match Some(*succ) == target {
            true => Some(taken.clone()),
            false => Some(format!("(not {taken})")),
        };
        info.succs.iter().map(condition).collect()
    }

    fn target(&self, inst: &Instruction<Reg>) -> Option<u32> {
        let label = inst.operands.iter().find_map(|operand| match operand {
            Operand::Label(branch) => Some(branch.label),
            _ => None,
        })?;
        let is_it = |inst: &peach_compiler::ir::Inst| matches!(inst.op, Op::Label(l) if l == label);
        let at = self.function.insts.iter().position(is_it)?;
        Some(self.facts.cfg.block_of[at])
    }

    fn accesses(&mut self, index: usize, place: &mut Place, goals: &mut Vec<Goal>) {
        let Op::Machine(machine) = &self.function.insts[index].op else { return };
        for access in &self.facts.effects[index].memory {
            if !access.read && !access.write || access.address_only {
                continue;
            }
            let Some(via) = Via::of(access) else {
                // The stack, but for instructions that nothing is said of.
                let is_stack = matches!(machine.inst.mnemonic.name(), "push" | "pop");
                self.count.not_modeled += usize::from(!is_stack);
                continue;
            };
            let address = match via {
                Via::Pointer(gp::RSP) => continue,
                Via::Operand(operand) => match machine.inst.operands.get(operand) {
                    Some(Operand::Mem(mem)) if self.is_argument(mem) => continue,
                    Some(Operand::Mem(mem)) => {
                        let Check { script, regions, .. } = self;
                        let mut processor =
                            Processor { machine: &mut place.machine, script, regions };
                        processor.address(mem)
                    }
                    _ => continue,
                },
                Via::Pointer(pointer) => {
                    let Check { script, regions, .. } = self;
                    let mut processor = Processor { machine: &mut place.machine, script, regions };
                    Some(processor.register(Reg::Physical(pointer)))
                }
            };
            let term = address.and_then(|at| self.access(&machine.inst, &at, access, place));
            match term {
                Some(term) => {
                    self.count.accesses += 1;
                    goals.push(Goal { what: What::Access(Access { index, via }), term });
                }
                None => self.count.not_modeled += 1,
            }
        }
    }

    /// Where an argument arrives in memory, the compiler puts it.
    fn is_argument(&self, mem: &Mem<Reg>) -> bool {
        match mem.base {
            Base::StackArg => true,
            Base::Reg(view) => self.function.is_passed_address(view.reg),
            _ => false,
        }
    }

    /// What touches memory at `address` must satisfy.
    fn access(
        &mut self,
        inst: &Instruction<Reg>,
        address: &Word,
        access: &MemAccess,
        place: &mut Place,
    ) -> Option<Term> {
        let Check { script, regions, .. } = self;
        let write = access.write;
        let inside = match access.elements {
            None => regions.holds(address, &number(i128::from(access.bytes?), 64), write),
            Some(elements) => {
                let mut processor = Processor { machine: &mut place.machine, script, regions };
                touched(inst, address, access, elements, &mut processor)?
            }
        };
        // A locked access over two lines of the cache may fault (SDM volume 3, 9.1.2.3).
        let is_locked = inst.prefixes.lock || inst.mnemonic.name() == "xchg";
        let whole = if is_locked { access.bytes? } else { 1 };
        let last = number(i128::from(access.align.max(whole).max(1) - 1), 64);
        let is_aligned = format!("(= (bvand {} {last}) (_ bv0 64))", address.term);
        Some(all(&[inside, is_aligned]))
    }

    /// What is claimed of the block that an edge enters.
    fn arrive(&mut self, from: u32, to: u32, choice: usize, place: &Place) -> Vec<Goal> {
        let edge = self.record.edges.iter().find(|edge| (edge.from, edge.to) == (from, to));
        let Some(edge) = edge else { return Vec::new() };
        let mut place = place.clone();
        let Check { script, regions, .. } = self;
        let mut processor = Processor { machine: &mut place.machine, script, regions };
        for slot in self.record.claims[&to].values.keys() {
            if let Slot::Register(reg) = slot {
                processor.register(*reg);
            }
        }
        let parts = self.claims(edge, choice, &place);
        self.count.claims += if choice == 0 { parts.len() } else { 0 };
        let what = What::Claim { from, to };
        parts.into_iter().map(|term| Goal { what: what.clone(), term }).collect()
    }

    fn claims(&mut self, edge: &Edge, choice: usize, place: &Place) -> Vec<Term> {
        let Check { record, regions, script, .. } = self;
        let numbers = Numbers::new(record, regions);
        let claim = &record.claims[&edge.to];
        let mut values = place.values.clone();
        let mut here = Here { values: &mut values, script, machine: Some(&place.machine), choice };
        let mut parts = Vec::new();
        let after: BTreeMap<Symbol, Sum> =
            edge.values.iter().map(|(symbol, value)| (*symbol, Sum::of(value))).collect();
        for symbol in &claim.symbols {
            if !after.contains_key(symbol) {
                parts.push("false".to_string());
            }
        }
        for bound in after.keys().flat_map(|symbol| numbers.bounds(*symbol)) {
            parts.push(numbers.compared("bvsge", &bound.with(&after), &mut here));
        }
        for (slot, linear) in &claim.values {
            let word = match *slot {
                Slot::Register(reg) => place.machine.registers.get(&reg),
                Slot::Local(local, at) => place.machine.locals.get(&(local, at)),
                Slot::Pushed(above) => {
                    let pushed = place.machine.stack.iter().rev().nth(above);
                    pushed.filter(|(bytes, _)| *bytes == 8).map(|(_, word)| word)
                }
            };
            let term = numbers.word(&Sum::of(linear).with(&after), &mut here);
            parts.push(match word {
                Some(word) => format!("(= {} {term})", word.term),
                // It holds anything.
                None => "false".to_string(),
            });
        }
        for (reg, (first, end)) in &claim.masks {
            parts.push(match place.machine.masks.get(reg) {
                Some(mask) => {
                    let (first, end) = (Sum::of(first).with(&after), Sum::of(end).with(&after));
                    within(mask, &first, &end, &numbers, &mut here)
                }
                None => "false".to_string(),
            });
        }
        if claim.is_upward && !place.machine.is_upward {
            parts.push("false".to_string());
        }
        for (comparison, fact) in facts(&claim.knowledge) {
            parts.push(numbers.compared(comparison, &Sum::of(fact).with(&after), &mut here));
        }
        parts
    }

    /// Asks whether all of `goals` hold here; if not, which.
    fn ask(&mut self, goals: Vec<Goal>) {
        if goals.is_empty() {
            return;
        }
        let terms: Vec<Term> = goals.iter().map(|goal| goal.term.clone()).collect();
        if self.solver.check(&self.script.without(&all(&terms))) == Answer::Unsatisfiable {
            return;
        }
        for goal in goals {
            let script = self.script.without(&goal.term);
            let answer = self.solver.check(&script);
            if answer != Answer::Unsatisfiable {
                let names: Vec<Term> =
                    self.regions.arguments.iter().map(|word| word.term.clone()).collect();
                let model = match (answer, names.is_empty()) {
                    (Answer::Satisfiable, false) => self.solver.model(&script, &names),
                    _ => None,
                };
                let model = model.unwrap_or_default();
                self.findings.push(Finding { what: goal.what, term: goal.term, answer, model });
            }
        }
    }
}

/// What must hold of an access that need not touch all of its elements.
fn touched(
    inst: &Instruction<Reg>,
    address: &Word,
    access: &MemAccess,
    elements: Elements,
    processor: &mut Processor<'_>,
) -> Option<Term> {
    let size = elements.bytes;
    let write = access.write;
    if elements.touched == Touched::Counted {
        if !processor.machine.is_upward {
            return Some("false".to_string());
        }
        let count = processor.register(Reg::Physical(gp::RCX)).term;
        let most = number(i128::from(u64::MAX / u64::from(size)), 64);
        let bytes = format!("(bvmul {} {count})", number(i128::from(size), 64));
        let inside = processor.regions.holds(address, &bytes, write);
        let fits = format!("(and (bvule {count} {most}) {inside})");
        return Some(format!("(or (= {count} (_ bv0 64)) {fits})"));
    }
    let mask = processor.mask(inst.mask?.reg);
    let lanes = access.bytes? / size;
    let is_set = |lane: u32| format!("(= {} #b1)", part(&mask, lane, 1));
    if elements.touched == Touched::Packed {
        let ones: Vec<Term> =
            (0..lanes).map(|lane| zeros_above(&part(&mask, lane, 1), 1, 64)).collect();
        let count = processor.script.word(64, format!("(bvadd {} (_ bv0 64))", ones.join(" ")));
        let bytes = format!("(bvmul {} {count})", number(i128::from(size), 64));
        let inside = processor.regions.holds(address, &bytes, write);
        return Some(format!("(or (= {count} (_ bv0 64)) {inside})"));
    }
    let at = |lane: u32| {
        let offset = number(i128::from(lane * size), 64);
        Word { term: format!("(bvadd {} {offset})", address.term), region: address.region }
    };
    let bytes = number(i128::from(size), 64);
    let parts: Vec<Term> = (0..lanes)
        .map(|lane| {
            let inside = processor.regions.holds(&at(lane), &bytes, write);
            // The one element of a broadcast is touched for any lane.
            match lanes {
                1 => format!("(or (= {mask} (_ bv0 64)) {inside})"),
                _ => format!("(or (not {}) {inside})", is_set(lane)),
            }
        })
        .collect();
    Some(all(&parts))
}

/// Only bits of `mask` from `first` on and below `end` are set.
fn within(mask: &str, first: &Sum, end: &Sum, numbers: &Numbers<'_>, here: &mut Here<'_>) -> Term {
    let parts: Vec<Term> = (0..64)
        .map(|bit| {
            let is_clear = format!("(= {} #b0)", part(mask, bit, 1));
            let (mut from, mut to) = (first.clone(), end.clone());
            from.constant -= i128::from(bit);
            to.constant -= i128::from(bit);
            let above = numbers.compared("bvsle", &from, here);
            let below = numbers.compared("bvsgt", &to, here);
            format!("(or {is_clear} (and {above} {below}))")
        })
        .collect();
    all(&parts)
}

/// The symbols of a claim, and those of outer places that it speaks of.
fn mentioned(claim: &Claimed) -> BTreeSet<Symbol> {
    let known = &claim.knowledge;
    let facts = known.at_least_zero().iter().chain(known.zero()).chain(known.not_zero());
    let sums = claim.values.values().chain(facts);
    claim.symbols.iter().copied().chain(sums.flat_map(Linear::symbols)).collect()
}

/// What is known, as comparisons with 0.
fn facts(knowledge: &Knowledge) -> impl Iterator<Item = (&'static str, &Linear)> {
    let at_least = knowledge.at_least_zero().iter().map(|fact| ("bvsge", fact));
    let zero = knowledge.zero().iter().map(|fact| ("=", fact));
    at_least.chain(zero).chain(knowledge.not_zero().iter().map(|fact| ("distinct", fact)))
}
