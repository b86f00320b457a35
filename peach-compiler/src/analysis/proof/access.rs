//! What an access to memory has to show.

use super::linear::{Linear, Symbol};
use super::state::State;
use super::transfer::address;
use super::world::World;
use crate::ir::{Op, Operand};
use crate::isa::MemAccess;

/// An access in plain code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Access {
    /// The instruction.
    pub index: usize,
    /// Its operand.
    pub operand: usize,
}

/// Where an access goes, and what must be at least 0 for that to be allowed.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The region's address.
    pub base: Symbol,
    pub offset: Linear,
    /// How many bytes are touched.
    pub bytes: Linear,
    /// What is left of the region after them.
    pub rest: Linear,
    pub align: u64,
    pub is_write: bool,
}

/// What is missing of a proof, in words.
#[derive(Clone, Debug)]
pub struct Missing {
    /// The region that the address starts from.
    pub region: String,
    /// Which of its bytes are touched.
    pub touched: String,
    /// The inequality that is not shown; `None` if what is missing is something else.
    pub not_shown: Option<String>,
    /// Offset and size are numbers, so that it is outside in any case.
    pub is_outside: bool,
    /// Values under which it does not hold.
    pub example: Option<String>,
    /// It is written, and must not be.
    pub is_read_only: bool,
    /// What its address must be a multiple of.
    pub align: u64,
}

/// Where `access` goes, if that is a place in a region.
pub(super) fn place(access: Access, state: &mut State, world: &mut World<'_>) -> Option<Place> {
    let function = world.function;
    let Op::Machine(machine) = &function.insts[access.index].op else { return None };
    let Operand::Mem(mem) = machine.inst.operands.get(access.operand)? else { return None };
    let touched = touched(access, world)?;
    let address = address(mem, state, world)?;
    let (base, offset) = world.split(&address)?;
    let bytes = Linear::from(i128::from(touched.bytes?));
    let rest = world.regions[&base].size.minus(&offset)?.minus(&bytes)?;
    let locked = machine.inst.prefixes.lock || machine.inst.mnemonic.name() == "xchg";
    let align = match locked {
        true => touched.align.max(touched.bytes?),
        false => touched.align,
    };
    let is_write = touched.write;
    Some(Place { base, offset, bytes, rest, align: u64::from(align.max(1)), is_write })
}

/// Values under which `goal >= 0` does not hold, as far as the user has names for them.
pub(super) fn example(goal: &Linear, state: &State, world: &World<'_>) -> Option<String> {
    let values = state.knowledge.counterexample(&world.symbols, goal)?;
    let shown = values
        .iter()
        .filter(|(symbol, _)| goal.factor(*symbol) != 0 && !world.addresses.contains(symbol));
    let shown: Vec<String> = shown
        .map(|(symbol, value)| format!("{} = {value}", world.symbols.info(*symbol).name))
        .collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

fn touched(access: Access, world: &World<'_>) -> Option<MemAccess> {
    let all = world.facts.effects[access.index].memory.iter();
    let mut all = all.filter(|touched| touched.operand == Some(access.operand)).copied();
    let first = all.next()?;
    Some(all.fold(first, |both, other| MemAccess {
        read: both.read || other.read,
        write: both.write || other.write,
        bytes: both.bytes.zip(other.bytes).map(|(a, b)| a.max(b)),
        align: both.align.max(other.align),
        ..both
    }))
}

impl Place {
    /// Whether the access is allowed.
    pub fn is_shown(&self, state: &mut State, world: &mut World<'_>) -> bool {
        (!self.is_write || world.regions[&self.base].writable)
            && state.shows(&self.offset, world)
            && state.shows(&self.rest, world)
            && self.is_aligned(state, world)
    }

    /// What is missing, in words.
    pub fn missing(&self, state: &mut State, world: &mut World<'_>) -> Missing {
        let region = world.regions[&self.base].clone();
        let text = |linear: &Linear| linear.display(&world.symbols).to_string();
        let last = self.offset.plus(&self.bytes).and_then(|end| end.offset(-1));
        let touched = format!(
            "bytes {} to {} of `{}` are accessed, which has {}",
            text(&self.offset),
            last.map_or_else(|| "?".to_string(), |last| text(&last)),
            region.name,
            text(&region.size)
        );
        let goals = [&self.offset, &self.rest];
        let open = goals.into_iter().find(|goal| !state.shows(goal, world));
        let text = |linear: &Linear| linear.display(&world.symbols).to_string();
        let not_shown = open.map(|goal| format!("{} >= 0", text(goal)));
        let example = open.and_then(|goal| example(goal, state, world));
        Missing {
            region: region.name,
            touched,
            is_outside: open.is_some_and(|goal| goal.as_constant().is_some()),
            not_shown,
            example,
            is_read_only: self.is_write && !region.writable,
            align: self.align,
        }
    }

    /// The address is a multiple of the alignment: dividing it leaves nothing.
    fn is_aligned(&self, state: &mut State, world: &mut World<'_>) -> bool {
        if self.align == 1 {
            return true;
        }
        let bits = self.align.trailing_zeros();
        let Some(address) = Linear::from(self.base).plus(&self.offset) else { return false };
        let quotient = state.quotient(&address, bits, world);
        let rest = address.add_scaled(&quotient, -i128::from(self.align));
        rest.is_some_and(|rest| state.knowledge.shows_zero(&world.symbols, &rest))
    }
}
