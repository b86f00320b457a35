//! Sums in the user's words: with registers for what only the proof has names for.

use super::linear::{Linear, Symbol};
use super::state::{State, register_name};
use super::world::World;

/// A sum in the user's words.
pub(super) struct Words {
    /// With registers as symbols.
    pub sum: Linear,
    /// What these registers hold.
    registers: Vec<(Symbol, Linear)>,
}

impl Words {
    /// `sum`, at a place where `state` is known.
    pub fn of(sum: &Linear, state: &State, world: &mut World<'_>) -> Words {
        let mut words = Words { sum: sum.clone(), registers: Vec::new() };
        for symbol in sum.symbols() {
            if !world.is_given(symbol) {
                words.replace(symbol, state, world);
            }
        }
        words
    }

    /// Names a register that holds a sum of `symbol`, if there is one.
    fn replace(&mut self, symbol: Symbol, state: &State, world: &mut World<'_>) {
        let factor = self.sum.factor(symbol);
        let fits = |value: &Linear| {
            let of = value.factor(symbol);
            of != 0 && factor % of == 0
        };
        let holders = state.registers.iter().filter(|(_, value)| fits(value));
        // An index says more than an address.
        let best = holders
            .min_by_key(|(reg, value)| (world.split(value).is_some(), value.terms.len(), **reg));
        let Some((reg, value)) = best else { return };
        let by = factor / value.factor(symbol);
        let name = world.symbols.passing(register_name(*reg, world), None, None);
        let rest = self.sum.add_scaled(value, -by);
        let Some(sum) = rest.and_then(|rest| rest.add_scaled(&name.into(), by)) else { return };
        self.sum = sum;
        self.registers.push((name, value.clone()));
    }

    /// As text.
    pub fn text(&self, world: &World<'_>) -> String {
        self.sum.display(&world.symbols).to_string()
    }

    /// What its symbols are under `values`, but for addresses.
    pub fn example(&self, values: &[(Symbol, i128)], world: &World<'_>) -> Option<String> {
        let value = |symbol: Symbol| values.iter().find(|(of, _)| *of == symbol).map(|of| of.1);
        let mut shown = Vec::new();
        for symbol in self.sum.symbols().filter(|symbol| !world.addresses.contains(symbol)) {
            let held = self.registers.iter().find(|(name, _)| *name == symbol);
            let number = match held {
                None => value(symbol),
                Some((_, held)) if world.split(held).is_some() => continue,
                Some((_, held)) => held.terms.iter().try_fold(held.constant, |sum, term| {
                    sum.checked_add(value(term.0)?.checked_mul(term.1)?)
                }),
            };
            shown.push(format!("{} = {}", world.symbols.info(symbol).name, number?));
        }
        (!shown.is_empty()).then(|| shown.join(", "))
    }
}
