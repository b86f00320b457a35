//! A claim that is being made, of what the edges into a place have in common.

use super::changes::{all_edges, changed_in_loop};
use super::equations::Solved;
use super::meeting::{Changed, Held, Hints, Meeting};
use crate::analysis::proof::bits::Bits;
use crate::analysis::proof::claim::{Claim, ENTRY, Rule};
use crate::analysis::proof::decide::Knowledge;
use crate::analysis::proof::judge::is_passed;
use crate::analysis::proof::linear::{Linear, Symbol};
use crate::analysis::proof::state::{Slot, State, register_name};
use crate::analysis::proof::world::{Site, World};
use crate::ir::Reg;
use crate::sorted::{self, SortedMap, SortedSet};

/// How many symbols of what came before are kept where paths meet.
const CARRIED: usize = 24;

/// A claim that is being made.
pub(super) struct Draft<'e> {
    block: u32,
    /// Those from further up, with what is known on each.
    pub(super) edges: &'e [(u32, State)],
    /// By edge: names that loops gave to what was made at a site.
    aliases: Vec<SortedMap<Symbol, Site>>,
    /// By edge: what its equations say.
    solved: Vec<Solved>,
    pub(super) changed: SortedSet<Slot>,
    pub(super) claim: Claim,
    pub(super) meeting: Meeting,
    /// What differs from edge to edge, with its values there.
    pub(super) merged: Vec<(Held, Vec<Linear>)>,
}

impl<'e> Draft<'e> {
    pub(super) fn new(
        block: u32,
        edges: &'e [(u32, State)],
        aliases: &SortedMap<Symbol, Site>,
        world: &World<'_>,
    ) -> Draft<'e> {
        world.symbols.spend(edges.iter().map(|(_, state)| 4 * state.size()).sum());
        let mut claim = Claim { is_upward: true, ..Claim::default() };
        for from in all_edges(world, block) {
            claim.rules.insert(from, Vec::new());
        }
        let several = edges.len() > 1;
        let solved = edges.iter().map(|(_, state)| match several {
            true => Solved::of(&state.knowledge, world),
            false => Solved::default(),
        });
        let on_edge = |state: &State| -> SortedMap<Symbol, Site> {
            let values = state.registers.values().chain(state.locals.values());
            let sums = values.chain(state.knowledge.zero()).chain(state.knowledge.at_least_zero());
            let symbols = sums.flat_map(Linear::symbols);
            symbols.filter_map(|symbol| Some((symbol, *aliases.get(&symbol)?))).collect()
        };
        Draft {
            block,
            edges,
            aliases: edges
                .iter()
                .map(|(_, state)| if several { on_edge(state) } else { SortedMap::new() })
                .collect(),
            solved: solved.collect(),
            changed: changed_in_loop(world, block),
            claim,
            meeting: Meeting::default(),
            merged: Vec::new(),
        }
    }

    /// Claims what can be guessed.
    pub(super) fn fill(&mut self, hints: &Hints, world: &mut World<'_>) {
        let edges = self.edges;
        let Some((_, first)) = edges.first() else { return };
        for slot in first.slots() {
            self.slot(slot, hints.steps.get(&(self.block, slot)).copied(), world);
        }
        for reg in first.masks.keys() {
            self.mask(*reg, world);
        }
        self.align(hints, world);
        self.relate(world);
        self.find_multiples(world);
        let constant = hints.constant.get(&self.block).into_iter().flatten();
        constant.for_each(|sum| self.keep(sum, world));
        self.carry_related(&first.knowledge, world);
    }

    /// Adds a symbol, with a rule for the edges from outside and one for those back.
    pub(super) fn symbol(
        &mut self,
        symbol: Symbol,
        outside: Rule,
        back: Rule,
        world: &mut World<'_>,
    ) {
        world.claim(symbol, self.block);
        self.claim.symbols.push(symbol);
        for (from, rules) in self.claim.rules.iter_mut() {
            let is_back = *from != ENTRY && is_passed(world, self.block, *from);
            rules.push((symbol, if is_back { back.clone() } else { outside.clone() }));
        }
    }

    /// A value in names that all edges have, as far as there are such.
    pub(super) fn canonical(&self, edge: usize, value: &Linear, world: &World<'_>) -> Linear {
        let aliases = self.aliases[edge].iter();
        let named = aliases.filter(|(symbol, _)| value.factor(**symbol) != 0);
        let values: Vec<(Symbol, Linear)> = named
            .filter_map(|(symbol, site)| Some((*symbol, world.made_at(*site)?.into())))
            .collect();
        value.substitute_all(&values).unwrap_or_else(|| value.clone())
    }

    /// The same, in terms of what the edge's equations leave.
    pub(super) fn normal(&self, edge: usize, value: &Linear, world: &World<'_>) -> Option<Linear> {
        Some(self.canonical(edge, &self.solved[edge].normal(value)?, world))
    }

    fn slot(&mut self, slot: Slot, step: Option<i128>, world: &mut World<'_>) {
        let held: Option<Vec<Linear>> = (self.edges.iter().enumerate())
            .map(|(edge, (_, state))| Some(self.canonical(edge, state.slot(slot)?, world)))
            .collect();
        let Some(held) = held else { return };
        let is_changed = self.changed.contains(&slot);
        let entry = self.common(&held, world).and_then(|value| self.carry(&value, world));
        let claimed = match (entry, is_changed, step) {
            (Some(entry), false, _) => Some(entry),
            (Some(entry), true, Some(step)) => {
                let turns = self.turns(world);
                entry.add_scaled(&turns.into(), step).map(|value| value.modulo_2_64())
            }
            _ => self.held(slot, &held, world),
        };
        let Some(claimed) = claimed else { return };
        if is_changed && (step.is_none() || self.edges.len() == 1) {
            let value = claimed.clone();
            self.meeting.changed.insert(slot, Changed { value, by: SortedMap::new() });
        }
        self.claim.values.insert(slot, claimed);
    }

    /// What all edges hold, if that is one thing.
    pub(super) fn common(&self, held: &[Linear], world: &World<'_>) -> Option<Linear> {
        let (first, others) = held.split_first()?;
        if others.iter().all(|other| other == first) {
            return Some(first.clone());
        }
        let normal = self.normal(0, first, world)?;
        let mut edges = (1..).zip(others);
        let is_one =
            edges.all(|(edge, other)| self.normal(edge, other, world).as_ref() == Some(&normal));
        is_one.then_some(normal)
    }

    /// A symbol for what differs from edge to edge, or from turn to turn.
    fn held(&mut self, slot: Slot, held: &[Linear], world: &mut World<'_>) -> Option<Linear> {
        if let Some(bits) = narrow(slot, held, world) {
            return self.parts(slot, bits, world);
        }
        let base = |value: &Linear| world.split(value).map(|(base, _)| base);
        let common =
            base(&held[0]).filter(|common| held.iter().all(|other| base(other) == Some(*common)));
        let name = match slot {
            Slot::Register(reg) => register_name(reg, world),
            Slot::Local(local, _) => world.function[local].name.clone(),
            Slot::Pushed(_) => "what was pushed".to_string(),
        };
        let symbol = world.symbols.lasting(name, None, None);
        let outside = Rule::Held { slot, base: common };
        let back = match self.changed.contains(&slot) {
            true => outside.clone(),
            false => Rule::Value(symbol.into()),
        };
        self.symbol(symbol, outside, back, world);
        let here = Held { symbol, slot, base: common, bits: None };
        self.meeting.held.push(here);
        let offset = |value: &Linear| match common {
            Some(base) => value.minus(&base.into()),
            None => Some(value.clone()),
        };
        let values: Option<Vec<Linear>> = held.iter().map(offset).collect();
        self.merged.extend(values.map(|values| (here, values)));
        match common {
            Some(base) => Linear::from(symbol).plus(&base.into()),
            None => Some(symbol.into()),
        }
    }

    /// Two symbols: for the bits that count, and for those above them.
    fn parts(&mut self, slot: Slot, bits: u32, world: &mut World<'_>) -> Option<Linear> {
        let name = match slot {
            Slot::Register(reg) => register_name(reg, world),
            Slot::Local(..) | Slot::Pushed(_) => return None,
        };
        let low = world.symbols.lasting(name.clone(), 0, (1i128 << bits) - 1);
        let high = world.symbols.lasting(format!("bits above {name}"), None, None);
        for (symbol, rule) in [(low, Rule::Low { slot, bits }), (high, Rule::High { slot, bits })] {
            let back = match self.changed.contains(&slot) {
                true => rule.clone(),
                false => Rule::Value(symbol.into()),
            };
            self.symbol(symbol, rule, back, world);
        }
        self.meeting.held.push(Held { symbol: low, slot, base: None, bits: Some(bits) });
        Linear::from(low).add_scaled(&high.into(), 1 << bits)
    }

    fn mask(&mut self, reg: Reg, world: &mut World<'_>) {
        // What one edge knows, if the others know no less.
        let is_within = |state: &State, wider: &Bits| {
            let here = state.masks.get(&reg);
            here.is_some_and(|here| here.is_within(wider, state.known(world)))
        };
        let edges = self.edges;
        let known = edges.iter().filter_map(|(_, state)| state.masks.get(&reg));
        // A sum says more than the width of an operand.
        let mut known: Vec<Bits> = known.cloned().map(Bits::loosened).collect();
        sorted::sort_by_key(&mut known, |bits| bits.end.as_constant().is_some());
        let mut known = known.into_iter();
        let common = known.find(|wider| edges.iter().all(|(_, state)| is_within(state, wider)));
        let Some(bits) = common else { return };
        if let (Some(first), Some(end)) =
            (self.carry(&bits.first, world), self.carry(&bits.end, world))
        {
            self.claim.masks.insert(reg, Bits { first, end, is_full: false });
        }
    }

    /// The number of turns so far.
    fn turns(&mut self, world: &mut World<'_>) -> Symbol {
        if let Some(turns) = self.meeting.turns {
            return turns;
        }
        let turns = world.symbols.lasting("turns", 0, None);
        let next = Linear::from(turns).offset(1).unwrap_or_default();
        self.symbol(turns, Rule::Value(Linear::default()), Rule::Value(next), world);
        self.meeting.turns = Some(turns);
        turns
    }

    /// `value` in symbols that last: those that the walk has made are carried in.
    pub(super) fn carry(&mut self, value: &Linear, world: &mut World<'_>) -> Option<Linear> {
        let mut values = Vec::new();
        let passing: Vec<Symbol> =
            value.symbols().filter(|symbol| world.symbols.is_passing(*symbol)).collect();
        for symbol in passing {
            let site = *world.sites.get(&symbol)?;
            let carried = match self.meeting.carried.get(&site) {
                Some(carried) => *carried,
                None => self.carry_site(symbol, site, world),
            };
            values.push((symbol, carried.into()));
        }
        value.substitute_all(&values)
    }

    fn carry_site(&mut self, made: Symbol, site: Site, world: &mut World<'_>) -> Symbol {
        let info = world.symbols.info(made).clone();
        let carried = world.symbols.lasting(info.name, info.min, info.max);
        self.symbol(carried, Rule::Site(site), Rule::Value(carried.into()), world);
        for ((from, _), aliases) in self.edges.iter().zip(&self.aliases) {
            let alias = aliases.iter().find(|(_, of)| **of == site);
            let rules = self.claim.rules.get_mut(from);
            if let (Some((alias, _)), Some(rule)) =
                (alias, rules.and_then(|rules| rules.last_mut()))
            {
                rule.1 = Rule::Value((*alias).into());
            }
        }
        self.meeting.carried.insert(site, carried);
        carried
    }

    /// Carries in what facts relate to symbols that are carried already, and what equations say of
    /// what is claimed.
    fn carry_related(&mut self, knowledge: &Knowledge, world: &mut World<'_>) {
        let claimed = self.claim.values.values().flat_map(Linear::symbols);
        let claimed: SortedSet<Symbol> = claimed.collect();
        for fact in knowledge.zero() {
            if fact.symbols().any(|symbol| claimed.contains(&symbol))
                && self.meeting.carried.len() < CARRIED
            {
                self.carry(fact, world);
            }
        }
        loop {
            let before = self.meeting.carried.len();
            for fact in knowledge.at_least_zero().iter().chain(knowledge.zero()) {
                let is_related = fact.symbols().any(|symbol| {
                    let site = world.sites.get(&symbol);
                    site.is_some_and(|site| self.meeting.carried.contains_key(site))
                });
                if is_related && self.meeting.carried.len() < CARRIED {
                    self.carry(fact, world);
                }
            }
            if self.meeting.carried.len() == before {
                return;
            }
        }
    }
}

/// How many bits of a register count, where something may be above them.
fn narrow(slot: Slot, held: &[Linear], world: &World<'_>) -> Option<u32> {
    let Slot::Register(Reg::Virtual(vreg)) = slot else { return None };
    let bits = 8 * world.function[vreg].class.bytes();
    let fits = |value: &Linear| {
        value.least(&world.symbols).is_some_and(|least| least >= 0)
            && value.greatest(&world.symbols).is_some_and(|most| most < 1 << bits)
    };
    (bits < 64 && !held.iter().all(fits)).then_some(bits)
}
