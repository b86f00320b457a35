//! Moves under a condition, through the stack, and both ways.

use super::{Machine, Results};
use crate::analysis::proof::condition;
use crate::analysis::proof::linear::Linear;
use crate::analysis::proof::operations::Condition;
use crate::analysis::proof::state::{Flags, State, gp_view};
use crate::analysis::proof::world::{SiteKind, WORD};
use crate::ir::Operand;
use crate::isa::Class;

impl Machine<'_, '_> {
    /// The old value or the source. What both cases show of the result is known of it.
    pub(super) fn move_if(&mut self, condition: Condition, bits: u32) -> Option<Results> {
        let old = self.source(0, bits)?;
        let new = self.source(1, bits)?;
        let (a, b) = (
            self.state.unsigned(&old, bits, self.world),
            self.state.unsigned(&new, bits, self.world),
        );
        let (mut taken, mut kept) = (self.state.clone(), self.state.clone());
        condition::assume(condition, &mut taken, self.world);
        condition::assume_not(condition, &mut kept, self.world);
        let result = self.state.fresh(0, (1i128 << bits) - 1, self.world);
        // Between two places of one region the result is another place of it.
        let based = |value: &Linear| self.world.split(value).map(|(base, _)| base);
        let base = based(&a).filter(|base| based(&b) == Some(*base));
        let value = match base {
            Some(base) => {
                let offset = self.world.fresh("an offset", SiteKind::Result, None, None);
                Linear::from(base).plus(&offset.into())?
            }
            None => result,
        };
        for sum in self.in_both_cases(&value, [(&kept, &a), (&taken, &b)], bits) {
            self.state.knowledge.assume_at_least_zero(sum);
        }
        let mut results = self.result(&value, bits);
        results.keeps_flags = true;
        Some(results)
    }

    /// Sums of `value` that are at least 0 in both cases, with what it is there: how it compares
    /// with both, and with what was compared, and what is known in one case only.
    fn in_both_cases(
        &mut self,
        value: &Linear,
        cases: [(&State, &Linear); 2],
        bits: u32,
    ) -> Vec<Linear> {
        let mut others: Vec<Linear> = cases.iter().map(|(_, is)| (*is).clone()).collect();
        if let Flags::Compared { left, right, .. } = self.state.flags.clone() {
            others.push(self.state.unsigned(&left, bits, self.world));
            others.push(self.state.unsigned(&right, bits, self.world));
        }
        let pairs = others.iter().flat_map(|other| [value.minus(other), other.minus(value)]);
        let mut sums: Vec<Linear> = pairs.flatten().collect();
        let before = self.state.knowledge.at_least_zero();
        for (case, is) in cases {
            let known = case.knowledge.at_least_zero().iter();
            for fact in known.filter(|fact| !before.contains(fact)) {
                let by = value.minus(is);
                let named = by.iter().flat_map(|by| [fact.plus(by), fact.minus(by)]);
                sums.extend(named.flatten());
            }
        }
        let shows = |(case, is): (&State, &Linear), sum: &Linear| {
            let factor = value.symbols().last().map_or(0, |symbol| sum.factor(symbol));
            let here = value.minus(is).and_then(|by| sum.add_scaled(&by, -factor));
            here.is_some_and(|here| case.shows(&here, self.world))
        };
        sums.retain(|sum| cases.into_iter().all(|case| shows(case, sum)));
        sums
    }

    /// Whether eight bytes are pushed or popped. With fewer, what lies below is no longer where
    /// whole values are popped.
    pub(super) fn moves_whole_values(&self) -> bool {
        self.world.facts.effects[self.world.at as usize].stack.abs() == 8
    }

    pub(super) fn push(&mut self) -> Results {
        match self.inst.operands.first() {
            _ if !self.moves_whole_values() => self.state.pushed.clear(),
            Some(Operand::Reg(view)) if view.class == Class::Gp64 => {
                let value = self.state.content(view.reg, self.world);
                self.state.pushed.push(value);
            }
            _ => {
                let value = self.state.fresh(0, WORD - 1, self.world);
                self.state.pushed.push(value);
            }
        }
        Results { keeps_flags: true, ..Results::default() }
    }

    pub(super) fn pop(&mut self) -> Results {
        let mut results = Results { keeps_flags: true, ..Results::default() };
        match self.inst.operands.first() {
            _ if !self.moves_whole_values() => self.state.pushed.clear(),
            Some(Operand::Reg(view)) if view.class == Class::Gp64 => {
                let value = self.state.pushed.pop();
                results.registers.extend(value.map(|value| (view.reg, value)));
            }
            _ => drop(self.state.pushed.pop()),
        }
        results
    }

    pub(super) fn exchange(&mut self) -> Results {
        let mut results = Results { keeps_flags: true, ..Results::default() };
        if let [Operand::Reg(a), Operand::Reg(b)] = self.inst.operands.as_slice()
            && let (Some((a, 64)), Some((b, 64))) = (gp_view(*a), gp_view(*b))
        {
            let first = self.state.content(a, self.world);
            let second = self.state.content(b, self.world);
            results.registers = vec![(a, second), (b, first)];
        }
        results
    }
}
