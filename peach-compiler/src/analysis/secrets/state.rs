//! Everything that is known at one place.

use super::address::{Origin, Value};
use super::taint::{Source, Taint, Why};
use crate::abi::ArgPlace;
use crate::analysis::Facts;
use crate::ir::{ArgId, ArgValue, Extension, Function, LocalId, Reg, View};
use crate::isa::{Class, Flags, Lanes};
use crate::sorted::{SortedMap, SortedSet};

/// What each place that can hold a value holds.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// By slot of register.
    registers: Vec<Taint>,
    /// By slot of register: its 64 bits as an address.
    values: Vec<Value>,
    /// The secret ones, and why.
    pub flags: u8,
    pub flags_why: Why,
    /// By stack variable.
    pub locals: Vec<Stored>,
    /// Addresses that were stored in stack variables.
    pub addresses: SortedMap<(LocalId, i64), Value>,
    /// Stack variables whose addresses others may have.
    pub escaped: SortedSet<LocalId>,
    /// What is on the stack, the last one last.
    pub pushed: Vec<Pushed>,
    /// By argument that arrives in memory, until it is loaded: whether it is secret.
    pub waiting: Vec<Taint>,
}

/// What holds a secret.
#[derive(Clone, Copy, Debug)]
pub(super) enum Holder {
    Register(View<Reg>),
    Flags(Flags),
    /// What is pushed.
    Pushed,
    Variable(LocalId),
}

/// A value on the stack.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pushed {
    pub bytes: u32,
    pub taint: Taint,
    pub value: Value,
}

/// The secret bytes of a stack variable.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    /// How many bytes a bit stands for: one, but for very large variables.
    grain: u32,
    size: u32,
    secret: Vec<u64>,
    pub why: Why,
}

/// Variables of more bytes than this are followed in larger pieces.
const FOLLOWED_MAX: u32 = 1 << 13;

impl State {
    /// What arrives. Registers that nothing has written hold what they held before.
    pub fn at_entry(function: &Function, facts: &Facts) -> State {
        let unwritten = Taint::new(Lanes::ALL, Why::of(Source::Unwritten));
        let mut state = State {
            registers: vec![unwritten; facts.slots.len()],
            values: vec![Value::unknown(); facts.slots.len()],
            flags: 0,
            flags_why: Why::of(Source::Unwritten),
            locals: function.locals.iter().map(|local| Stored::new(local.size)).collect(),
            addresses: SortedMap::new(),
            escaped: SortedSet::new(),
            pushed: Vec::new(),
            waiting: vec![Taint::PUBLIC; function.args.len()],
        };
        for index in 0..function.args.len() as u32 {
            let arg = ArgId(index);
            if !matches!(function.arg_place(arg), ArgPlace::Reg(_)) {
                state.waiting[arg.index()] = of_argument(function, arg);
            }
        }
        for (vreg, _) in function.arriving() {
            let reg = Reg::Virtual(vreg);
            match function[vreg].arg {
                Some(arg) => state.set_argument(function, facts, arg),
                None => state.set(facts, reg, Taint::PUBLIC),
            }
        }
        state
    }

    /// The register of an argument gets what the argument has.
    fn set_argument(&mut self, function: &Function, facts: &Facts, arg: ArgId) {
        let reg = Reg::Virtual(function[arg].vreg);
        self.set(facts, reg, of_argument(function, arg));
        self.set_value(facts, reg, value_of(function, arg));
    }

    /// The same, of one that is loaded: it may have been declassified before.
    pub fn load_argument(&mut self, function: &Function, facts: &Facts, arg: ArgId) {
        self.set_argument(function, facts, arg);
        let reg = Reg::Virtual(function[arg].vreg);
        self.set(facts, reg, self.waiting[arg.index()]);
    }

    /// The secret bytes of a register.
    pub fn taint(&self, facts: &Facts, reg: Reg) -> Taint {
        facts.slots.slot(reg).map_or(Taint::PUBLIC, |slot| self.registers[slot])
    }

    pub fn set(&mut self, facts: &Facts, reg: Reg, taint: Taint) {
        if let Some(slot) = facts.slots.slot(reg) {
            self.registers[slot] = taint;
        }
    }

    /// What a register is as an address.
    pub fn value(&self, facts: &Facts, reg: Reg) -> Value {
        facts.slots.slot(reg).map_or_else(Value::unknown, |slot| self.values[slot].clone())
    }

    pub fn set_value(&mut self, facts: &Facts, reg: Reg, value: Value) {
        if let Some(slot) = facts.slots.slot(reg) {
            self.values[slot] = value;
        }
    }

    /// The stack variables that a value may be the address of. What is not followed, a load by an
    /// index for one, may bring any address that is stored.
    pub fn locals_of(&self, value: &Value) -> Vec<LocalId> {
        let stored = self.addresses.values().flat_map(Value::origins);
        let stored = stored.filter(|_| value.origins().any(|origin| origin == Origin::Unknown));
        let is_local = |origin| match origin {
            Origin::Local(local) => Some(local),
            Origin::Pointer(_) | Origin::Data(_) | Origin::Number(_) | Origin::Unknown => None,
        };
        let mut locals: Vec<LocalId> = value.origins().chain(stored).filter_map(is_local).collect();
        locals.sort_unstable();
        locals.dedup();
        locals
    }

    /// Adds what is known on another path. Whether that is more.
    pub fn join(&mut self, other: &State) -> bool {
        let mut grew = self.flags | other.flags != self.flags;
        if self.flags == 0 {
            self.flags_why = other.flags_why;
        }
        self.flags |= other.flags;
        let taints = self.registers.iter_mut().chain(&mut self.waiting);
        for (known, new) in taints.zip(other.registers.iter().chain(&other.waiting)) {
            grew |= !known.lanes.contains(new.lanes);
            known.add(*new);
        }
        for (known, new) in self.values.iter_mut().zip(&other.values) {
            grew |= join_value(known, new);
        }
        for (known, new) in self.locals.iter_mut().zip(&other.locals) {
            grew |= known.join(new);
        }
        let count = self.addresses.len();
        self.addresses.retain(|place, _| other.addresses.contains_key(place));
        grew |= self.addresses.len() < count;
        for (place, known) in self.addresses.iter_mut() {
            grew |= join_value(known, &other.addresses[place]);
        }
        let count = self.escaped.len();
        self.escaped.extend(other.escaped.iter().copied());
        grew |= self.escaped.len() > count;
        // Where depths differ, that is an error of its own.
        grew |= self.pushed.len() > other.pushed.len();
        self.pushed.truncate(other.pushed.len());
        for (known, new) in self.pushed.iter_mut().zip(&other.pushed) {
            grew |= !known.taint.lanes.contains(new.taint.lanes);
            known.taint.add(new.taint);
            grew |= join_value(&mut known.value, &new.value);
        }
        grew
    }
}

fn join_value(known: &mut Value, new: &Value) -> bool {
    let joined = known.joined(new);
    let grew = joined != *known;
    *known = joined;
    grew
}

/// The bytes of an argument's register that are secret: all if a number is, and what the convention
/// leaves unspecified.
fn of_argument(function: &Function, arg: ArgId) -> Taint {
    let info = &function[arg];
    let lanes = match info.extension {
        Extension::None => Lanes::low(info.value.bytes()),
        Extension::Zero | Extension::Sign => Class::Gp64.lanes(),
    };
    let unspecified = Taint::new(Lanes::ALL - lanes, Why::of(Source::Unspecified(arg)));
    match info.secret && !is_pointer(&info.value) {
        true => Taint::new(Lanes::ALL, Why::of(Source::Argument(arg))),
        false => unspecified,
    }
}

/// What an argument's register is as an address.
fn value_of(function: &Function, arg: ArgId) -> Value {
    Value::of(match is_pointer(&function[arg].value) {
        true => Origin::Pointer(arg),
        false => Origin::Number(arg),
    })
}

fn is_pointer(value: &ArgValue) -> bool {
    match value {
        ArgValue::Reference { .. } | ArgValue::Slice { .. } | ArgValue::Pointer { .. } => true,
        ArgValue::Number { .. } | ArgValue::Bool | ArgValue::Char | ArgValue::Vector { .. } => {
            false
        }
    }
}

impl Stored {
    fn new(size: u32) -> Stored {
        let grain = size.div_ceil(FOLLOWED_MAX).max(1);
        let words = size.div_ceil(grain).div_ceil(64) as usize;
        Stored { grain, size, secret: vec![0; words], why: Why::of(Source::Unwritten) }
    }

    fn join(&mut self, other: &Stored) -> bool {
        let mut grew = false;
        if !self.is_secret() {
            self.why = other.why;
        }
        for (known, new) in self.secret.iter_mut().zip(&other.secret) {
            grew |= *new & !*known != 0;
            *known |= *new;
        }
        grew
    }

    /// Whether any byte is.
    pub fn is_secret(&self) -> bool {
        self.secret.iter().any(|word| *word != 0)
    }

    /// The secret ones of 64 bytes from `start` on, as lanes of an access there.
    pub fn lanes_at(&self, start: i64, bytes: u32) -> Lanes {
        let is_secret = |byte: u32| {
            let place = start.wrapping_add(i64::from(byte));
            // Beyond the variable lies what the compiler keeps on the stack.
            let Ok(place) = u32::try_from(place) else { return true };
            place >= self.size || self.bit(place)
        };
        (0..bytes.min(64))
            .filter(|byte| is_secret(*byte))
            .fold(Lanes::NONE, |lanes, byte| lanes | Lanes::range(byte, 1))
    }

    fn bit(&self, place: u32) -> bool {
        let at = place / self.grain;
        self.secret[at as usize / 64] >> (at % 64) & 1 == 1
    }

    /// Bytes from `start` on become secret, as `lanes` say, or (if they surely become something
    /// else, as `clears` says) public.
    pub fn store(&mut self, start: i64, bytes: u32, lanes: Lanes, clears: bool) {
        for byte in 0..bytes.min(64) {
            let place = u32::try_from(start.wrapping_add(i64::from(byte)));
            let Some(place) = place.ok().filter(|place| *place < self.size) else { continue };
            let at = place / self.grain;
            let (word, bit) = (at as usize / 64, 1u64 << (at % 64));
            if lanes.intersects(Lanes::range(byte, 1)) {
                self.secret[word] |= bit;
            } else if clears && self.grain == 1 {
                self.secret[word] &= !bit;
            }
        }
    }

    /// All of it becomes secret, or public.
    pub fn fill(&mut self, secret: bool) {
        self.secret.fill(if secret { u64::MAX } else { 0 });
    }
}
