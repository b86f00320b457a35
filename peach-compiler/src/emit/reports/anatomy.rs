//! A compiled version, taken apart for display: rows of code, live ranges, the stack
//! frame, what a call changes.
//!
//! In: a [`CompiledFunction`]. Out: an [`Anatomy`], which a listing or a page is drawn from.
//! Invariant: every range has one flag per row.
//!
//! A register is live on a row if it is before or after the instruction there, or is touched by it.
//! Rows that several instructions of the frame share with one of the user's, a `return`, are live
//! together; the prologue has what arrives.

use crate::abi::ArgPlace;
use crate::analysis::Facts;
use crate::compiled::CompiledFunction;
use crate::emit::reports::detail::Detail;
use crate::encode::Encoded;
use crate::frame::{Clobbers, clobbers};
use crate::ir::{Code, DataId, Function, InstId, Item, Origin, Reg};
use crate::isa::{Bank, Class, Lanes, Names, PhysReg, gp, instruction_text, register_name};
use proc_macro2::Span;
use std::collections::BTreeMap;

/// Everything there is to see.
#[derive(Clone, Debug)]
pub struct Anatomy {
    /// Code and constants, in order.
    pub rows: Vec<Row>,
    /// Where each register is live, by the row on which it is first.
    pub ranges: Vec<Range>,
    /// The stack frame, highest address first.
    pub stack: Vec<Slot>,
    /// Bytes of instructions.
    pub code_len: usize,
    /// Bytes of constants after them, padding included.
    pub data_len: usize,
    /// What a caller finds changed.
    pub clobbers: Vec<String>,
    /// The names of values that live in memory.
    pub spilled: Vec<String>,
}

/// A line of the listing.
#[derive(Clone, Debug)]
pub struct Row {
    /// Bytes from the start of the function.
    pub offset: usize,
    /// The bytes; none of a label.
    pub bytes: Vec<u8>,
    /// The instruction with physical registers, the label, the name of the constant.
    pub text: String,
    /// What it is.
    pub kind: RowKind,
    /// The source tokens that it stands for.
    pub span: Span,
    /// What the instruction is and does, where it is one.
    pub detail: Option<Detail>,
    /// The row that it jumps to.
    pub target: Option<usize>,
    /// The row of the constant that it refers to.
    pub data: Option<usize>,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// A source instruction.
    Author,
    /// A label.
    Label,
    /// An instruction of the frame's: saves registers, moves arguments.
    Prologue,
    /// An instruction of a `return`.
    Epilogue,
    /// A spill or a reload.
    Spill,
    /// A constant.
    Data,
}

/// Where a register is live.
#[derive(Clone, Debug)]
pub struct Range {
    /// Its name in the source.
    pub name: String,
    /// The physical register it has, at the width of its class; `memory` where it lives there.
    pub register: String,
    /// By row.
    pub rows: Vec<Presence>,
}

/// How a register is on a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// Its value is needed, or it is read or written.
    pub live: bool,
    /// The instruction reads it.
    pub read: bool,
    /// The instruction writes it.
    pub written: bool,
}

/// A place in the stack frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What is there.
    pub name: String,
    /// The register that the offset is counted from; `None` is the caller's stack pointer before
    /// the call.
    pub base: Option<String>,
    /// Of the lowest byte.
    pub offset: i64,
    /// In bytes.
    pub size: u32,
}

/// The register of a value that has none.
const IN_MEMORY: &str = "memory";

impl Anatomy {
    /// Takes `compiled` apart.
    pub fn of(compiled: &CompiledFunction) -> Anatomy {
        let encoded = &compiled.encoded;
        let mut rows = code_rows(compiled);
        let mut ranges = ranges(compiled, rows.len());
        let constants = data_rows(compiled, &mut rows);
        link(compiled, &mut rows, &constants);
        ranges.iter_mut().for_each(|range| range.rows.resize(rows.len(), Presence::default()));
        let features = &compiled.function.features;
        let spilled = compiled.lowered.frame.spilled.iter();
        Anatomy {
            rows,
            ranges,
            stack: stack(compiled),
            code_len: encoded.code_len,
            data_len: encoded.bytes.len() - encoded.code_len,
            clobbers: clobber_names(&clobbers(&compiled.lowered, features)),
            spilled: spilled.map(|vreg| compiled.function[*vreg].name.clone()).collect(),
        }
    }
}

impl Row {
    fn new(offset: usize, bytes: Vec<u8>, text: String, kind: RowKind, span: Span) -> Row {
        Row { offset, bytes, text, kind, span, detail: None, target: None, data: None }
    }
}

fn item_range(encoded: &Encoded, index: usize) -> std::ops::Range<usize> {
    encoded.offset_of(index) as usize..encoded.offset_of(index + 1) as usize
}

fn code_rows(compiled: &CompiledFunction) -> Vec<Row> {
    let encoded = &compiled.encoded;
    let row = |index: usize| {
        let item = &compiled.lowered.items[index];
        let range = item_range(encoded, index);
        let text = match &item.code {
            Code::Label(label) => format!("{}:", compiled.label(*label)),
            Code::Inst(inst) => instruction_text(inst, compiled),
            Code::Align(bytes) => format!("align {bytes}"),
            Code::Group(_) => "nop".to_string(),
            Code::Bytes(_) => "db".to_string(),
        };
        let kind = match (&item.code, item.origin) {
            (Code::Label(_), _) => RowKind::Label,
            (_, Origin::Author(_)) => RowKind::Author,
            (_, Origin::Prologue) => RowKind::Prologue,
            (_, Origin::Epilogue(_)) => RowKind::Epilogue,
            (_, Origin::Spill(_)) => RowKind::Spill,
        };
        let bytes = encoded.bytes[range.clone()].to_vec();
        let detail = match &item.code {
            Code::Inst(inst) => Detail::of(inst, &compiled.function.features),
            _ => None,
        };
        Row { detail, ..Row::new(range.start, bytes, text, kind, item.span) }
    };
    visible_items(compiled).into_iter().map(row).collect()
}

/// The items that a reader sees: bundles show where they pad.
fn visible_items(compiled: &CompiledFunction) -> Vec<usize> {
    let items = &compiled.lowered.items;
    let pads = |index: usize| !item_range(&compiled.encoded, index).is_empty();
    let is_visible = |index: &usize| !matches!(items[*index].code, Code::Group(_)) || pads(*index);
    (0..items.len()).filter(is_visible).collect()
}

/// Adds the constants after the code; the result is where each of them is.
fn data_rows(compiled: &CompiledFunction, rows: &mut Vec<Row>) -> Vec<Option<usize>> {
    let offsets = &compiled.encoded.data_offsets;
    let mut places = vec![None; compiled.lowered.data.len()];
    for (index, (data, &start)) in compiled.lowered.data.iter().zip(offsets).enumerate() {
        let start = start as usize;
        if let Some(bytes) = compiled.encoded.bytes.get(start..start + data.content.len()) {
            let text = compiled.data(DataId(index as u32));
            let span = compiled.function.span;
            places[index] = Some(rows.len());
            rows.push(Row::new(start, bytes.to_vec(), text, RowKind::Data, span));
        }
    }
    places
}

/// Finds the rows that jumps go to, and those of the constants that instructions refer to.
fn link(compiled: &CompiledFunction, rows: &mut [Row], constants: &[Option<usize>]) {
    let mut labels = BTreeMap::new();
    for (row, index) in visible_items(compiled).into_iter().enumerate() {
        if let Code::Label(label) = compiled.lowered.items[index].code {
            labels.insert(label.0, row);
        }
    }
    for row in rows {
        let Some(detail) = &row.detail else { continue };
        row.target = detail.target.and_then(|label| labels.get(&label.0).copied());
        row.data = detail.data.and_then(|id| constants.get(id.index()).copied().flatten());
    }
}

/// The source instruction that an item belongs to.
fn instruction_of(item: &Item) -> Option<InstId> {
    match item.origin {
        Origin::Author(id) | Origin::Epilogue(id) | Origin::Spill(id) => Some(id),
        Origin::Prologue => None,
    }
}

/// What is live around each instruction, and touched by it.
fn presence_by_instruction(function: &Function, facts: &Facts) -> Vec<BTreeMap<Reg, Presence>> {
    let mut all = vec![BTreeMap::new(); function.insts.len()];
    let note = |all: &mut Vec<BTreeMap<Reg, Presence>>, index: usize, live: &[(Reg, Lanes)]| {
        for (reg, _) in live {
            all[index].entry(*reg).or_default().live = true;
        }
    };
    for (number, block) in facts.cfg.blocks.iter().enumerate() {
        let number = number as u32;
        facts.for_each_live_in(number, |inst, live| note(&mut all, inst.index(), live));
        facts.for_each_live_out(number, |inst, live| note(&mut all, inst.index(), live));
        for index in block.insts() {
            for access in &facts.effects[index].regs {
                let presence: &mut Presence = all[index].entry(access.reg).or_default();
                presence.live = true;
                presence.read |= !access.read.is_empty();
                presence.written |= !(access.write | access.may_write).is_empty();
            }
        }
    }
    all
}

/// The live ranges over the rows of the code.
fn ranges(compiled: &CompiledFunction, rows: usize) -> Vec<Range> {
    let function = &compiled.function;
    let facts = Facts::of(function);
    let by_instruction = presence_by_instruction(function, &facts);
    let arriving = function.arriving();
    let mut by_register: BTreeMap<Reg, Vec<Presence>> = BTreeMap::new();
    for (row, index) in visible_items(compiled).into_iter().enumerate() {
        let mut set = |reg: Reg, presence: Presence| {
            by_register.entry(reg).or_insert_with(|| vec![Presence::default(); rows])[row] =
                presence;
        };
        match instruction_of(&compiled.lowered.items[index]) {
            Some(inst) => {
                by_instruction[inst.index()].iter().for_each(|(reg, presence)| set(*reg, *presence))
            }
            None => arriving.iter().for_each(|(vreg, _)| {
                set(Reg::Virtual(*vreg), Presence { live: true, ..Presence::default() });
            }),
        }
    }
    by_register.retain(|reg, _| !is_stack_pointer(*reg));
    let mut ranges: Vec<Range> = Vec::new();
    for (reg, rows) in by_register {
        merge(&mut ranges, range(compiled, &facts, reg, rows));
    }
    ranges.sort_by_key(|range| range.rows.iter().position(|presence| presence.live));
    ranges
}

/// Adds a range. What an unrolled loop declares again, and finds in the same register, is one range
/// with the one before. (Of two in one register, one at most is live.)
fn merge(ranges: &mut Vec<Range>, range: Range) {
    let is_same = |other: &&mut Range| {
        range.register != IN_MEMORY && other.name == range.name && other.register == range.register
    };
    let Some(known) = ranges.iter_mut().find(is_same) else {
        ranges.push(range);
        return;
    };
    for (known, new) in known.rows.iter_mut().zip(range.rows) {
        known.live |= new.live;
        known.read |= new.read;
        known.written |= new.written;
    }
}

fn is_stack_pointer(reg: Reg) -> bool {
    matches!(reg, Reg::Physical(reg) if reg == gp::RSP)
}

/// The bytes of a register that anything writes or reads.
fn touched(facts: &Facts, reg: PhysReg) -> Lanes {
    let accesses = facts.effects.iter().flat_map(|effects| &effects.regs);
    let own = accesses.filter(|access| access.reg == Reg::Physical(reg));
    own.fold(Lanes::NONE, |lanes, access| lanes | access.read | access.write)
}

fn range(compiled: &CompiledFunction, facts: &Facts, reg: Reg, rows: Vec<Presence>) -> Range {
    match reg {
        Reg::Physical(reg) => {
            let name = register_name(reg, class_of(reg, touched(facts, reg)));
            Range { register: name.clone(), name, rows }
        }
        Reg::Virtual(vreg) => {
            let info = &compiled.function[vreg];
            let register = compiled.registers.get(vreg.index()).copied().flatten();
            let in_memory = compiled.lowered.frame.spilled.contains(&vreg);
            let register = match register {
                Some(register) if !in_memory => register_name(register, info.class),
                _ => IN_MEMORY.to_string(),
            };
            Range { name: info.name.clone(), register, rows }
        }
    }
}

/// The class that a physical register has as wide as anything touches it.
fn class_of(reg: PhysReg, touched: Lanes) -> Class {
    match reg.bank {
        Bank::Vector if Lanes::low(16).contains(touched) => Class::Xmm,
        Bank::Vector if Lanes::low(32).contains(touched) => Class::Ymm,
        bank => bank.widest_class(),
    }
}

fn stack(compiled: &CompiledFunction) -> Vec<Slot> {
    let frame = &compiled.lowered.frame;
    let slot = |name: String, offset: i64, size: u32| Slot { name, base: None, offset, size };
    let mut slots = vec![slot("return address".to_string(), -8, 8)];
    for (index, arg) in compiled.function.args.iter().enumerate() {
        if let ArgPlace::Stack { offset } =
            compiled.function.arg_place(crate::ir::ArgId(index as u32))
        {
            let name = format!("argument {}", compiled.function[arg.vreg].name);
            slots.push(slot(name, i64::from(offset), arg.bytes));
        }
    }
    for (reg, offset) in &frame.saved {
        let (class, size) = match reg.bank {
            Bank::Vector => (Class::Xmm, 16),
            _ => (Class::Gp64, 8),
        };
        slots.push(slot(format!("saved {}", register_name(*reg, class)), i64::from(*offset), size));
    }
    let base = frame.locals_base.map(|base| register_name(base, Class::Gp64));
    let of_frame = slots.len();
    for local in &frame.locals {
        let (name, offset, size) = (local.name.clone(), local.offset, local.size);
        slots.push(Slot { name, base: base.clone(), offset, size });
    }
    match base {
        None => slots.sort_by_key(|slot| -slot.offset),
        Some(_) => {
            slots[..of_frame].sort_by_key(|slot| -slot.offset);
            slots[of_frame..].sort_by_key(|slot| -slot.offset);
        }
    }
    slots
}

/// What a call changes, by name.
fn clobber_names(clobbers: &Clobbers) -> Vec<String> {
    let mut names: Vec<String> =
        clobbers.gp.iter().map(|num| register_name(PhysReg::gp(num), Class::Gp64)).collect();
    let vector = |num| register_name(PhysReg::new(Bank::Vector, num), Class::Xmm);
    let mask = |num| register_name(PhysReg::new(Bank::Mask, num), Class::K);
    let tile = |num| register_name(PhysReg::new(Bank::Tile, num), Class::Tmm);
    names.extend(clobbers.vector.iter().map(vector));
    names.extend(clobbers.mask.iter().map(mask));
    names.extend(clobbers.tile.iter().map(tile));
    let others =
        [(clobbers.x87, "x87"), (clobbers.flags, "flags"), (clobbers.writes_memory, "memory")];
    names.extend(others.iter().filter(|(is, _)| *is).map(|(_, name)| name.to_string()));
    names
}
