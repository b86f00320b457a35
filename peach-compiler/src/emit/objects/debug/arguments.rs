//! Arguments and where they are.
//!
//! In: a compiled function. Out: a `DW_TAG_formal_parameter` for each part of a parameter that C
//! has a name for, with the places in which its value is (DWARF 4, section 2.6.2). Invariant: no
//! place is claimed at an instruction before which the value is not there. Where the value is not
//! needed any more, or is on its way, there is none.

use super::types::Types;
use crate::abi::ArgPlace;
use crate::analysis::Facts;
use crate::compiled::CompiledFunction;
use crate::emit::objects::recorder::in_function;
use crate::emit::reports::c::names::written_params;
use crate::emit::reports::c::types::CType;
use crate::emit::unwind::dwarf_number;
use crate::ir::{ArgId, Code, InstId, Item, Op, Operand, Origin, Reg, VReg};
use crate::isa::PhysReg;
use crate::syntax::ast;
use gimli::constants;
use gimli::write::{AttributeValue, DwarfUnit, Expression, Location, LocationList, UnitEntryId};
use std::collections::HashMap;
use std::ops::Range;

/// A place that a value is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Register(PhysReg),
    /// So far from the canonical frame address, which is the base of the frame.
    Frame(i64),
    /// So far from the address in a register.
    At(PhysReg, i64),
    /// So far from the address that is in the frame, itself so far from the frame's base.
    Behind(i64, u64),
}

/// The places of a value, by ranges of the code, ascending.
type Track = Vec<(Range<u32>, Place)>;

/// Adds the arguments of the function `index` to its entry.
pub(super) fn describe(
    dwarf: &mut DwarfUnit,
    entry: UnitEntryId,
    types: &mut Types,
    index: usize,
    compiled: &CompiledFunction,
    signature: &ast::Signature,
) {
    let live = LiveBefore::of(compiled);
    let tracks: Vec<Track> = (0..compiled.function.args.len())
        .map(|arg| track(compiled, &live, ArgId(arg as u32)))
        .collect();
    let of_param = |param: usize| -> Vec<&Track> {
        let args = compiled.function.args.iter().zip(&tracks);
        args.filter(|(arg, _)| arg.param == param).map(|(_, track)| track).collect()
    };
    for (number, (param, name)) in
        signature.params.iter().zip(written_params(&signature.params)).enumerate()
    {
        let mut add = |name: &str, ty: &CType, tracks: &[&Track]| {
            let ty = types.of(dwarf, ty);
            let places = expressions(tracks);
            add_parameter(dwarf, entry, index, name, ty, places);
        };
        let (ty, tracks) = (CType::of(&param.ty.tokens), of_param(number));
        match (&ty, name.len, tracks.as_slice()) {
            (CType::Slice(element, is_const), Some(len), [pointer, length]) => {
                let pointer_type = CType::Pointer(element.clone(), *is_const);
                add(&name.value, &pointer_type, &[pointer]);
                add(&len, &CType::Named("size_t"), &[length]);
            }
            (_, _, tracks) => add(&name.value, &ty, tracks),
        }
    }
}

fn add_parameter(
    dwarf: &mut DwarfUnit,
    parent: UnitEntryId,
    index: usize,
    name: &str,
    ty: Option<UnitEntryId>,
    places: Vec<(Range<u32>, Expression)>,
) {
    let name = dwarf.strings.add(name);
    let parameter = dwarf.unit.add(parent, constants::DW_TAG_formal_parameter);
    let list = (!places.is_empty()).then(|| {
        let start = Location::BaseAddress { address: in_function(index, 0) };
        let pairs = places.into_iter().map(|(range, data)| Location::OffsetPair {
            begin: range.start.into(),
            end: range.end.into(),
            data,
        });
        dwarf.unit.locations.add(LocationList(std::iter::once(start).chain(pairs).collect()))
    });
    let parameter = dwarf.unit.get_mut(parameter);
    parameter.set(constants::DW_AT_name, AttributeValue::StringRef(name));
    if let Some(ty) = ty {
        parameter.set(constants::DW_AT_type, AttributeValue::UnitRef(ty));
    }
    if let Some(list) = list {
        parameter.set(constants::DW_AT_location, AttributeValue::LocationListRef(list));
    }
}

/// The places of a value that is in several parts of eight bytes, or in one.
fn expressions(tracks: &[&Track]) -> Vec<(Range<u32>, Expression)> {
    if let [track] = tracks {
        let whole = |(range, place): &(Range<u32>, Place)| {
            let mut expression = Expression::new();
            put(&mut expression, *place);
            (range.clone(), expression)
        };
        return track.iter().map(whole).collect();
    }
    let mut borders: Vec<u32> = tracks
        .iter()
        .flat_map(|track| track.iter().flat_map(|(range, _)| [range.start, range.end]))
        .collect();
    borders.sort_unstable();
    borders.dedup();
    let between = borders.windows(2).filter_map(|window| {
        let mut expression = Expression::new();
        let mut is_anywhere = false;
        for track in tracks {
            let place = track.iter().find(|(range, _)| range.contains(&window[0]));
            if let Some((_, place)) = place {
                put(&mut expression, *place);
                is_anywhere = true;
            }
            expression.op_piece(8);
        }
        is_anywhere.then_some((window[0]..window[1], expression))
    });
    between.collect()
}

fn put(expression: &mut Expression, place: Place) {
    let number = |reg| gimli::Register(dwarf_number(reg));
    match place {
        Place::Register(reg) => expression.op_reg(number(reg)),
        Place::Frame(offset) => expression.op_fbreg(offset),
        Place::At(reg, offset) => expression.op_breg(number(reg), offset),
        Place::Behind(slot, offset) => {
            expression.op_fbreg(slot);
            expression.op_deref();
            expression.op_plus_uconst(offset);
        }
    }
}

/// Which arguments are needed at an instruction or after it: then they are where they live.
struct LiveBefore(Vec<Vec<VReg>>);

impl LiveBefore {
    fn of(compiled: &CompiledFunction) -> LiveBefore {
        let function = &compiled.function;
        let facts = Facts::of(function);
        let args = function.args.iter().flat_map(|arg| [Some(arg.vreg), arg.pointer]).flatten();
        let args: HashMap<Reg, VReg> = args.map(|vreg| (Reg::Virtual(vreg), vreg)).collect();
        let mut before = vec![Vec::new(); function.insts.len()];
        for block in 0..facts.cfg.blocks.len() as u32 {
            facts.for_each_live_in(block, |inst, live| {
                let args = live.iter().filter_map(|(reg, _)| args.get(reg).copied());
                before[inst.index()] = args.collect();
            });
        }
        LiveBefore(before)
    }

    fn has(&self, inst: InstId, vreg: VReg) -> bool {
        self.0[inst.index()].contains(&vreg)
    }
}

/// Where an argument is.
fn track(compiled: &CompiledFunction, live: &LiveBefore, id: ArgId) -> Track {
    let arg = &compiled.function[id];
    let home = home(compiled, id);
    let mut arrival = arrival(compiled, id);
    let mut last: Option<InstId> = None;
    let mut track: Track = Vec::new();
    for (item, range) in items(compiled) {
        if let (Code::Label(_), true) = (&item.code, range.is_empty()) {
            continue;
        }
        let place = match item.origin {
            Origin::Prologue => arrival,
            Origin::Author(inst) | Origin::Epilogue(inst) | Origin::Spill(inst) => {
                // What stands for one instruction may use up its values on the way.
                let is_first = last != Some(inst);
                last = Some(inst);
                // Registers may have other values by now.
                let is_in_frame = |p: &Place| matches!(p, Place::Frame(_) | Place::Behind(..));
                arrival = arrival.filter(is_in_frame);
                let (is_needed, pointer) = (live.has(inst, arg.vreg), arg.pointer);
                let place = match pointer.filter(|pointer| live.has(inst, *pointer)) {
                    _ if is_needed => home,
                    Some(pointer) => behind(compiled, id, pointer),
                    None => arrival,
                };
                let is_loaded =
                    matches!(compiled.function.inst(inst).op, Op::LoadArg { arg } if arg == id);
                if is_needed || is_loaded {
                    arrival = None;
                }
                place.filter(|_| is_first)
            }
        };
        if let Some(place) = place {
            push(&mut track, range, place);
        }
        if let Some(Place::Register(reg) | Place::At(reg, _)) = arrival
            && may_write(item, reg)
        {
            arrival = None;
        }
    }
    track
}

/// Adds a range, which is one with the one before where the value stays.
fn push(track: &mut Track, range: Range<u32>, place: Place) {
    match track.last_mut() {
        Some((last, same)) if *same == place && last.end == range.start => last.end = range.end,
        _ if range.is_empty() => {}
        _ => track.push((range, place)),
    }
}

/// Where it lives once it has arrived.
fn home(compiled: &CompiledFunction, id: ArgId) -> Option<Place> {
    let (frame, arg) = (&compiled.lowered.frame, &compiled.function[id]);
    // What arrives on the stack may stay there.
    let in_callers_frame = arrival(compiled, id).filter(|place| matches!(place, Place::Frame(_)));
    if frame.spilled.contains(&arg.vreg) {
        let name = &compiled.function[arg.vreg].name;
        let mut slots = frame.locals.iter().filter(|local| local.name == *name);
        let Some(slot) = slots.next().filter(|_| slots.next().is_none()) else {
            return in_callers_frame;
        };
        return Some(match frame.locals_base {
            None => Place::Frame(slot.offset),
            Some(base) => Place::At(base, slot.offset),
        });
    }
    compiled.registers.get(arg.vreg.index()).copied().flatten().map(Place::Register)
}

/// Where what is passed by reference is while a register has its address.
fn behind(compiled: &CompiledFunction, id: ArgId, pointer: VReg) -> Option<Place> {
    let reg = compiled.registers.get(pointer.index()).copied().flatten()?;
    match compiled.function.arg_place(id) {
        ArgPlace::Indirect { offset, .. } => Some(Place::At(reg, offset.into())),
        _ => None,
    }
}

/// Where it is when the function is called.
fn arrival(compiled: &CompiledFunction, id: ArgId) -> Option<Place> {
    match compiled.function.arg_place(id) {
        ArgPlace::Reg(reg) => Some(Place::Register(reg)),
        ArgPlace::Stack { offset } => Some(Place::Frame(offset.into())),
        ArgPlace::Indirect { pointer, offset } => Some(Place::At(pointer, offset.into())),
        ArgPlace::StackIndirect { slot, offset } => Some(Place::Behind(slot.into(), offset.into())),
    }
}

fn items(compiled: &CompiledFunction) -> impl Iterator<Item = (&Item, Range<u32>)> {
    let items = compiled.lowered.items.iter().enumerate();
    items.map(|(index, item)| (item, compiled.encoded.item_range(index)))
}

/// Whether an item of the prologue may change a register: all but `push` write their first operand.
fn may_write(item: &Item, reg: PhysReg) -> bool {
    let Code::Inst(inst) = &item.code else { return false };
    let is = |operand: &Operand<PhysReg>| matches!(operand, Operand::Reg(view) if view.reg == reg);
    match inst.mnemonic.name() {
        "push" => false,
        "xchg" => inst.operands.iter().any(is),
        _ => inst.operands.first().is_some_and(is),
    }
}
