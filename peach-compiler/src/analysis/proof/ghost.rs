//! What invariants of the user's mean, and what is missing of them.

use super::access::example;
use super::linear::Linear;
use super::state::State;
use super::words::Words;
use super::world::World;
use crate::ir::{Ghost, Invariant, Op, Term};

/// The invariant that instruction `index` is.
pub(super) fn invariant<'f>(index: usize, world: &World<'f>) -> Option<&'f Invariant> {
    if let Op::Ghost(Ghost::Invariant(invariant)) = &world.function.insts[index].op {
        Some(invariant)
    } else {
        None
    }
}

/// The sum of an invariant here: registers count as numbers without sign.
pub(super) fn sum(
    invariant: &Invariant,
    state: &mut State,
    world: &mut World<'_>,
) -> Option<Linear> {
    let mut sum = Linear::from(invariant.constant);
    for (term, factor) in &invariant.terms {
        let value = match term {
            Term::Reg(reg) => state.content(*reg, world),
            Term::Arg(arg) => world.arguments[arg.index()].clone(),
        };
        let number = state.unsigned(&value, 64, world);
        sum = sum.add_scaled(&number, *factor)?;
    }
    Some(sum)
}

/// Whether `sum` is at least 0, or 0.
pub(super) fn is_shown(invariant: &Invariant, sum: &Linear, state: &State, world: &World) -> bool {
    match invariant.is_equation {
        true => state.knowledge.shows_zero(&world.symbols, sum),
        false => state.shows(sum, world),
    }
}

/// An invariant that is not shown to hold.
#[derive(Clone, Debug)]
pub struct Unshown {
    /// The instruction.
    pub index: usize,
    /// What is not shown, in words.
    pub not_shown: Option<String>,
    /// Values under which it does not hold.
    pub example: Option<String>,
}

impl Unshown {
    /// Of an invariant whose sum is `sum`.
    pub(super) fn of(
        index: usize,
        sum: Option<&Linear>,
        state: &State,
        world: &mut World<'_>,
    ) -> Unshown {
        let is_equation = invariant(index, world).is_some_and(|invariant| invariant.is_equation);
        let comparison = if is_equation { "==" } else { ">=" };
        let not_shown =
            sum.map(|sum| format!("{} {comparison} 0", Words::of(sum, state, world).text(world)));
        let below = sum.and_then(|sum| example(sum, state, world));
        let above =
            || sum.filter(|_| is_equation).and_then(|sum| example(&sum.times(-1)?, state, world));
        Unshown { index, not_shown, example: below.or_else(above) }
    }
}

/// All invariants of a function, where nothing is known of any.
pub(super) fn all(world: &World<'_>) -> Vec<Unshown> {
    let indices = 0..world.function.insts.len();
    let stated = indices.filter(|&index| invariant(index, world).is_some());
    stated.map(|index| Unshown { index, not_shown: None, example: None }).collect()
}

/// From here on it holds: it was shown, or is an error by itself.
pub(super) fn assume(invariant: &Invariant, sum: Linear, state: &mut State) {
    match invariant.is_equation {
        true => state.knowledge.assume_zero(sum),
        false => state.knowledge.assume_at_least_zero(sum),
    }
}
