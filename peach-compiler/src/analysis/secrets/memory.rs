//! What a load brings, and where a store may go.

use super::address::{Origin, Value};
use super::state::State;
use super::taint::{Source, Taint, Why};
use crate::abi::ArgPlace;
use crate::analysis::Facts;
use crate::ir::{ArgId, Base, Function, LocalId, Mem, Reg};
use crate::isa::{Bank, Lanes, gp};

/// What an access touches.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// An argument that arrives in memory.
    Waiting(ArgId),
    /// So many bytes above the last value that was pushed.
    Pushed(i64),
    /// Whatever the sum says.
    Sum(Value),
}

/// Why a secret may not be stored somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exposed {
    /// It is what an argument points to that is not `#[secret]`.
    Argument(ArgId),
    /// The address comes from no argument and no stack variable.
    Elsewhere,
}

/// What a memory operand stands for.
pub(super) fn target(function: &Function, facts: &Facts, state: &State, mem: &Mem<Reg>) -> Target {
    if mem.segment.is_some() {
        return Target::Sum(Value::unknown());
    }
    let waiting = match mem.base {
        Base::StackArg => waiting_argument(function, mem.disp, |place| match place {
            ArgPlace::Stack { offset } => Some(i64::from(offset)),
            ArgPlace::Reg(_) | ArgPlace::Indirect { .. } | ArgPlace::StackIndirect { .. } => None,
        }),
        Base::Reg(view) if function.is_passed_address(view.reg) => {
            waiting_argument(function, mem.disp, |place| match place {
                ArgPlace::Indirect { offset, .. } => Some(i64::from(offset)),
                ArgPlace::Reg(_) | ArgPlace::Stack { .. } | ArgPlace::StackIndirect { .. } => None,
            })
        }
        Base::Reg(view) if view.reg == Reg::Physical(gp::RSP) && mem.index.is_none() => {
            return Target::Pushed(mem.disp);
        }
        Base::None | Base::Reg(_) | Base::Rip | Base::Data(_) | Base::Local(_) => None,
    };
    match waiting {
        Some(arg) => Target::Waiting(arg),
        None => Target::Sum(sum(facts, state, mem)),
    }
}

fn waiting_argument(
    function: &Function,
    disp: i64,
    offset: impl Fn(ArgPlace) -> Option<i64>,
) -> Option<ArgId> {
    (0..function.args.len() as u32).map(ArgId).find(|&arg| {
        let bytes = i64::from(function[arg].value.bytes().max(8));
        offset(function.arg_place(arg)).is_some_and(|start| (start..start + bytes).contains(&disp))
    })
}

/// The address of a memory operand.
pub(super) fn sum(facts: &Facts, state: &State, mem: &Mem<Reg>) -> Value {
    let base = match mem.base {
        Base::None => Value::number(0),
        Base::Reg(view) => state.value(facts, view.reg),
        Base::Data(data) => Value::of(Origin::Data(data)),
        Base::Local(local) => Value::of(Origin::Local(local)),
        Base::Rip | Base::StackArg => Value::unknown(),
    };
    let index = mem.index.map_or(Value::number(0), |(view, scale)| {
        let value = state.value(facts, view.reg);
        match view.class.bank() == Bank::Vector {
            true => value.blurred(),
            false => value.times(scale.into()),
        }
    });
    let disp = match mem.disp_const {
        Some(_) => Value::default(),
        None => Value::number(mem.disp),
    };
    base.plus(&index).plus(&disp)
}

/// The secret bytes of a load at instruction `index`, of so many bytes where that is known.
pub(super) fn load(
    function: &Function,
    state: &State,
    target: &Target,
    bytes: Option<u32>,
    index: usize,
) -> Taint {
    let whole = bytes.map_or(Lanes::ALL, Lanes::low);
    let elsewhere = Taint::new(whole, Why::of(Source::Elsewhere(index as u32)));
    let value = match target {
        Target::Waiting(arg) => return state.waiting[arg.index()].only(whole),
        Target::Pushed(above) => return load_pushed(state, *above, bytes).unwrap_or(elsewhere),
        Target::Sum(value) => value,
    };
    if let (Some((local, start)), Some(bytes @ 0..=64)) = (value.local(), bytes) {
        let stored = &state.locals[local.index()];
        return Taint::new(stored.lanes_at(start, bytes), stored.why);
    }
    let regions = value.regions();
    if regions.is_empty() {
        return elsewhere;
    }
    let mut all = Taint::PUBLIC;
    for region in regions {
        all.add(match region {
            Origin::Pointer(arg) if function[arg].secret => {
                Taint::new(whole, Why::of(Source::Argument(arg)))
            }
            Origin::Local(local) if state.locals[local.index()].is_secret() => {
                Taint::new(whole, state.locals[local.index()].why)
            }
            Origin::Unknown => elsewhere,
            Origin::Pointer(_) | Origin::Local(_) | Origin::Data(_) | Origin::Number(_) => {
                Taint::PUBLIC
            }
        });
    }
    all
}

/// The secret bytes of a load from what is pushed; `None` where it reaches beyond.
fn load_pushed(state: &State, above: i64, bytes: Option<u32>) -> Option<Taint> {
    let mut all = Taint::PUBLIC;
    for byte in 0..bytes? {
        let (at, place) = pushed_byte(state, above + i64::from(byte))?;
        let taint = state.pushed[at].taint;
        if taint.lanes.intersects(Lanes::range(place, 1)) {
            all.add(Taint::new(Lanes::range(byte.min(63), 1), taint.why));
        }
    }
    Some(all)
}

/// Which pushed value has the byte so far above the stack pointer, and which of its bytes it is.
fn pushed_byte(state: &State, above: i64) -> Option<(usize, u32)> {
    let mut start = 0;
    for (at, pushed) in state.pushed.iter().enumerate().rev() {
        let place = above - start;
        if (0..i64::from(pushed.bytes)).contains(&place) {
            return Some((at, place as u32));
        }
        start += i64::from(pushed.bytes);
    }
    None
}

/// Why a secret may not be stored there; `None` if it may.
pub(super) fn exposure(function: &Function, state: &State, target: &Target) -> Option<Exposed> {
    let value = match target {
        Target::Pushed(above) => {
            return pushed_byte(state, *above).is_none().then_some(Exposed::Elsewhere);
        }
        Target::Waiting(_) => return Some(Exposed::Elsewhere),
        Target::Sum(value) => value,
    };
    let regions = value.regions();
    if regions.is_empty() {
        return Some(Exposed::Elsewhere);
    }
    regions.into_iter().find_map(|region| match region {
        Origin::Local(_) => None,
        Origin::Pointer(arg) => (!function[arg].secret).then_some(Exposed::Argument(arg)),
        Origin::Number(arg) => Some(Exposed::Argument(arg)),
        Origin::Data(_) | Origin::Unknown => Some(Exposed::Elsewhere),
    })
}

/// What is stored.
pub(super) struct Store {
    pub bytes: Option<u32>,
    pub taint: Taint,
    /// Every byte is surely written.
    pub always: bool,
    /// What the eight bytes are as an address, if they are one.
    pub value: Option<Value>,
    /// What may be among them as an address.
    pub sources: Value,
}

/// Stores to what is followed: stack variables and pushed values. What arguments point to stays as
/// secret as it is.
pub(super) fn store(state: &mut State, target: &Target, store: &Store) {
    if store.value.is_none() || !is_followed(target) {
        let locals = state.locals_of(&store.sources);
        state.escaped.extend(locals);
    }
    match target {
        Target::Waiting(_) => {}
        Target::Pushed(above) => store_pushed(state, *above, store),
        Target::Sum(value) => match (value.local(), store.bytes) {
            (Some((local, start)), Some(bytes @ 0..=64)) => {
                let stored = &mut state.locals[local.index()];
                stored.store(start, bytes, store.taint.lanes, store.always);
                if store.taint.is_secret() {
                    stored.why = store.taint.why;
                }
                let overlaps = |at: i64| at < start + i64::from(bytes) && start < at + 8;
                state.addresses.retain(|(of, at), _| *of != local || !overlaps(*at));
                if let Some(value) = &store.value {
                    state.addresses.insert((local, start), value.clone());
                }
            }
            _ => {
                for region in value.regions() {
                    if let Origin::Local(local) = region {
                        spoil(state, local, store.taint);
                    }
                }
            }
        },
    }
}

/// Whether an address that is stored there is still known.
fn is_followed(target: &Target) -> bool {
    match target {
        Target::Sum(value) => value.local().is_some(),
        Target::Pushed(_) | Target::Waiting(_) => false,
    }
}

/// Something was stored somewhere in a stack variable.
pub(super) fn spoil(state: &mut State, local: LocalId, taint: Taint) {
    state.addresses.retain(|(of, _), _| *of != local);
    if taint.is_secret() {
        let stored = &mut state.locals[local.index()];
        stored.fill(true);
        stored.why = taint.why;
    }
}

fn store_pushed(state: &mut State, above: i64, store: &Store) {
    for byte in 0..store.bytes.unwrap_or(64) {
        let Some((at, place)) = pushed_byte(state, above + i64::from(byte)) else { continue };
        let pushed = &mut state.pushed[at];
        pushed.value = Value::unknown();
        let lane = Lanes::range(place, 1);
        if store.taint.lanes.intersects(Lanes::range(byte.min(63), 1)) {
            pushed.taint.add(Taint::new(lane, store.taint.why));
        } else if store.always {
            pushed.taint.lanes = pushed.taint.lanes - lane;
        }
    }
}
