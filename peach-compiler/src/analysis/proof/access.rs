//! What an access to memory has to show.

use super::bits::Bits;
use super::example::counterexample;
use super::linear::{Linear, Symbol};
use super::state::State;
use super::transfer::address;
use super::words::Words;
use super::world::World;
use crate::ir::{Instruction, Op, Operand, Reg};
use crate::isa::{Elements, MemAccess, PhysReg, Touched, gp};

/// An access in plain code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Access {
    /// The instruction.
    pub index: usize,
    /// What of it names the place.
    pub via: Via,
}

/// What names the place of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Via {
    /// The operand of this number.
    Operand(usize),
    /// A register that the instruction does not name.
    Pointer(PhysReg),
}

impl Via {
    /// What names the place of `memory`, if one operand or one register does.
    pub fn of(memory: &MemAccess) -> Option<Via> {
        memory.operand.map(Via::Operand).or(memory.pointer.map(Via::Pointer))
    }
}

/// Where an access goes, and what must be at least 0 for that to be allowed.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The region's address.
    pub base: Symbol,
    offset: Linear,
    /// All of the access, if it has a size.
    whole: Option<Range>,
    /// Where the elements that are touched are, if they need not be all. There may be none.
    part: Option<Range>,
    pub align: u64,
    pub is_write: bool,
}

/// Bytes of a region.
#[derive(Clone, Debug)]
pub(super) struct Range {
    pub offset: Linear,
    /// The byte behind the last.
    pub end: Linear,
    /// What is left of the region after them.
    pub rest: Linear,
}

impl Range {
    fn new(offset: Linear, end: Linear, size: &Linear) -> Option<Range> {
        let rest = size.minus(&end)?;
        Some(Range { offset, end, rest })
    }

    fn is_inside(&self, state: &State, world: &World<'_>) -> bool {
        state.shows(&self.offset, world) && state.shows(&self.rest, world)
    }
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
    /// What is the same where a comparison is missing that others lack too.
    pub cause: Option<Linear>,
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
    let inst = &machine.inst;
    let touched = touched(access, world)?;
    // Repeated, it goes upwards or downwards as the direction flag says.
    let is_counted = touched.elements.is_some_and(|e| e.touched == Touched::Counted);
    if is_counted && !state.is_upward {
        return None;
    }
    let address = match access.via {
        Via::Operand(operand) => match inst.operands.get(operand)? {
            Operand::Mem(mem) => address(mem, state, world)?,
            _ => return None,
        },
        Via::Pointer(pointer) => state.content(Reg::Physical(pointer), world),
    };
    let (base, offset) = world.split(&address)?;
    let size = world.regions[&base].size.clone();
    let whole = touched.bytes.and_then(|bytes| {
        let end = offset.offset(i128::from(bytes))?;
        Range::new(offset.clone(), end, &size)
    });
    let part =
        touched.elements.and_then(|elements| part(elements, inst, &offset, &size, state, world));
    let locked = inst.prefixes.lock || inst.mnemonic.name() == "xchg";
    let align = match (locked, touched.bytes) {
        (true, Some(bytes)) => touched.align.max(bytes),
        _ => touched.align,
    };
    let align = u64::from(align.max(1));
    Some(Place { base, offset, whole, part, align, is_write: touched.write })
}

/// The bytes of the elements that can be touched, where something is known of them.
fn part(
    elements: Elements,
    inst: &Instruction<Reg>,
    offset: &Linear,
    size: &Linear,
    state: &mut State,
    world: &mut World<'_>,
) -> Option<Range> {
    let bits = match elements.touched {
        Touched::Counted => {
            let count = state.content(Reg::Physical(gp::RCX), world);
            Bits::low(state.unsigned(&count, 64, world))
        }
        Touched::Masked => state.masks.get(&inst.mask?.reg)?.clone(),
        // No more of them than places between the first bit and the last.
        Touched::Packed => {
            let bits = state.masks.get(&inst.mask?.reg)?;
            Bits::low(bits.end.minus(&bits.first)?)
        }
    };
    let bytes = i128::from(elements.bytes);
    let (first, end) =
        (offset.add_scaled(&bits.first, bytes)?, offset.add_scaled(&bits.end, bytes)?);
    Range::new(first, end, size)
}

/// Values under which `goal >= 0` does not hold, as far as the user has names for them.
pub(super) fn example(goal: &Linear, state: &State, world: &mut World<'_>) -> Option<String> {
    let values = counterexample(&state.knowledge, &world.symbols, goal)?;
    Words::of(goal, state, world).example(&values, world)
}

fn touched(access: Access, world: &World<'_>) -> Option<MemAccess> {
    let all = world.facts.effects[access.index].memory.iter();
    let mut all = all.filter(|touched| Via::of(touched) == Some(access.via)).copied();
    let first = all.next()?;
    Some(all.fold(first, |both, other| MemAccess {
        read: both.read || other.read,
        write: both.write || other.write,
        bytes: both.bytes.zip(other.bytes).map(|(a, b)| a.max(b)),
        elements: both.elements.filter(|elements| other.elements == Some(*elements)),
        align: both.align.max(other.align),
        ..both
    }))
}

impl Place {
    /// Whether the access is allowed.
    pub fn is_shown(&self, state: &mut State, world: &mut World<'_>) -> bool {
        (!self.is_write || world.regions[&self.base].writable)
            && self.is_inside(state, world)
            && self.is_aligned(state, world)
    }

    fn is_inside(&self, state: &State, world: &World<'_>) -> bool {
        self.whole.as_ref().is_some_and(|whole| whole.is_inside(state, world))
            || self.part.as_ref().is_some_and(|part| self.is_part_inside(part, state, world))
    }

    /// If anything is touched at all, it is inside. No element outside of the operand is.
    fn is_part_inside(&self, part: &Range, state: &State, world: &World<'_>) -> bool {
        let some = part.end.minus(&part.offset).and_then(|bytes| bytes.offset(-1));
        let Some(some) = some else { return false };
        let mut state = state.clone();
        state.knowledge.assume_at_least_zero(some);
        let shows = |goal: &Linear| state.shows(goal, world);
        let whole = self.whole.as_ref();
        (shows(&part.offset) || whole.is_some_and(|whole| shows(&whole.offset)))
            && (shows(&part.rest) || whole.is_some_and(|whole| shows(&whole.rest)))
    }

    /// What is to be shown of where it starts and ends, in the simplest way.
    pub fn goals(&self) -> impl Iterator<Item = &Linear> {
        self.range().into_iter().flat_map(|range| [&range.offset, &range.rest])
    }

    /// The bytes that are known to be enough.
    fn range(&self) -> Option<&Range> {
        self.part.as_ref().or(self.whole.as_ref())
    }

    /// What is missing, in words.
    pub fn missing(&self, state: &mut State, world: &mut World<'_>) -> Option<Missing> {
        let region = world.regions[&self.base].clone();
        let range = self.range()?;
        let last = range.end.offset(-1)?;
        let [first, last, size] = [&range.offset, &last, &region.size]
            .map(|sum| Words::of(sum, state, world).text(world));
        let touched =
            format!("bytes {first} to {last} of `{}` are accessed, which has {size}", region.name);
        let open = self.goals().find(|goal| !state.shows(goal, world));
        let open = open.filter(|_| !self.is_inside(state, world));
        let not_shown =
            open.map(|goal| format!("{} >= 0", Words::of(goal, state, world).text(world)));
        let example = open.and_then(|goal| example(goal, state, world));
        let cause = open.map(|goal| Linear { constant: 0, ..goal.clone() });
        Some(Missing {
            region: region.name,
            touched,
            is_outside: open.is_some_and(|goal| goal.as_constant().is_some()),
            not_shown,
            cause,
            example,
            is_read_only: self.is_write && !region.writable,
            align: self.align,
        })
    }

    fn is_aligned(&self, state: &mut State, world: &mut World<'_>) -> bool {
        state.is_multiple(self.base, &self.offset, self.align, world)
    }
}
