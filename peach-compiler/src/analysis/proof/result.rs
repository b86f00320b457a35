//! References as results: where they have to point.

use super::linear::{Linear, Symbol};
use super::state::State;
use super::world::World;
use crate::ir::{Op, Referent, ResultKind, ReturnValue, Validity};
use crate::isa::Class;

/// A component of a result that is not shown to be a valid reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Returned {
    /// The `return`.
    pub index: usize,
    /// The component.
    pub operand: usize,
}

/// A reference that is returned.
pub(super) struct Reference<'f> {
    pub returned: Returned,
    referent: &'f Referent,
    /// The region that it points into, and where.
    place: Option<(Symbol, Linear)>,
}

/// The references that instruction `index` returns from registers.
pub(super) fn references<'f>(
    index: usize,
    state: &mut State,
    world: &mut World<'f>,
) -> Vec<Reference<'f>> {
    let function = world.function;
    let (Op::Return(values), ResultKind::Values(results)) =
        (&function.insts[index].op, &function.result)
    else {
        return Vec::new();
    };
    let mut references = Vec::new();
    for (operand, (value, result)) in values.iter().zip(results).enumerate() {
        let (ReturnValue::Reg(view), Validity::Reference { referent: Some(referent), .. }) =
            (value, &result.validity)
        else {
            continue;
        };
        let place = match view.class {
            Class::Gp64 => {
                let address = state.content(view.reg, world);
                world.split(&address)
            }
            _ => None,
        };
        references.push(Reference { returned: Returned { index, operand }, referent, place });
    }
    references
}

impl Reference<'_> {
    /// What is to be shown to be at least 0.
    pub fn goals(&self, world: &World<'_>) -> Vec<Linear> {
        let Some((base, offset)) = &self.place else { return Vec::new() };
        let size = &world.regions[base].size;
        let bytes = i128::from(self.referent.bytes);
        let rest = size.minus(offset).and_then(|rest| rest.offset(-bytes));
        std::iter::once(offset.clone()).chain(rest).collect()
    }

    /// Whether all that it refers to is in the region of one argument that lives as long, and may
    /// be written where it is `&mut`.
    pub fn is_shown(&self, state: &mut State, world: &mut World<'_>) -> bool {
        let Some((base, offset)) = &self.place else { return false };
        let region = &world.regions[base];
        let wanted = self.referent.lifetime.as_deref();
        let lives = wanted.is_none_or(|wanted| {
            let lifetime = region.lifetime.as_deref();
            lifetime == Some(wanted) || lifetime == Some("'static")
        });
        let goals = self.goals(world);
        region.is_argument
            && lives
            && (region.writable || !self.referent.mutable)
            && goals.len() == 2
            && goals.iter().all(|goal| state.shows(goal, world))
            && state.is_multiple(*base, offset, self.referent.align, world)
    }

    /// Whether nothing that one refers to is referred to by the other.
    pub fn is_apart(&self, other: &Reference<'_>, state: &State, world: &World<'_>) -> bool {
        let (Some((base, offset)), Some((other_base, other_offset))) = (&self.place, &other.place)
        else {
            return false;
        };
        let follows = |first: &Linear, bytes: u64, second: &Linear| {
            let gap = second.minus(first).and_then(|gap| gap.offset(-i128::from(bytes)));
            gap.is_some_and(|gap| state.shows(&gap, world))
        };
        base != other_base
            || follows(offset, self.referent.bytes, other_offset)
            || follows(other_offset, other.referent.bytes, offset)
    }

    /// It refers to its memory exclusively.
    pub fn is_exclusive(&self) -> bool {
        self.referent.mutable
    }
}
