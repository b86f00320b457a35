//! What registers and memory hold during a return, byte by byte.
//!
//! In: the instructions of a return, in order. Out: [`Bytes`] in terms of the registers before it.
//! Invariant: what is not understood is [`Byte::Unknown`].

use super::meaning;
use super::stack::Address;
use super::state::{Place, State, Sym};
use crate::ir::{Base, DataContent, DataId, Function, Instruction, Mem, Operand, RustConstId};
use crate::isa::{Bank, Class, Lanes, PhysReg, gp};
use crate::sorted::SortedMap;
use std::collections::BTreeMap;

/// What one byte of a register or of the result's memory is, in terms of the registers before the
/// return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Byte {
    /// Byte `.1` of this register.
    Of(PhysReg, u8),
    /// A number.
    Known(u8),
    /// Byte `.1` of a constant in memory.
    Data(DataId, u32),
    /// Byte `.1` of a constant of the Rust program.
    Const(RustConstId, u8),
    /// Byte `.1` of what is in this stack memory.
    Slot(Address, u8),
    /// Anything.
    Unknown,
}

/// The registers during a return. Those that are not in it are as before.
#[derive(Default)]
pub(super) struct Bytes {
    regs: SortedMap<PhysReg, Vec<Byte>>,
    /// Stores through the hidden pointer, by offset.
    pub stored: BTreeMap<i64, Byte>,
    /// Stores to the stack, by the address of the byte.
    pub on_stack: BTreeMap<Address, Byte>,
}

/// Wide enough for every result.
const WIDTH: usize = 64;

impl Bytes {
    /// What a register holds.
    pub fn get(&self, reg: PhysReg) -> Vec<Byte> {
        let unchanged = || (0..WIDTH).map(|i| Byte::Of(reg, i as u8)).collect();
        self.regs.get(&reg).cloned().unwrap_or_else(unchanged)
    }

    fn set(&mut self, reg: PhysReg, bytes: Vec<Byte>) {
        self.regs.insert(reg, bytes);
    }
}

/// Evaluates one instruction of a return on `bytes`. Whatever is not understood becomes unknown.
pub(super) fn evaluate(
    inst: &Instruction<PhysReg>,
    function: &Function,
    state: &State,
    bytes: &mut Bytes,
) {
    let name = if meaning::is_decorated(inst) { "" } else { inst.mnemonic.name() };
    match inst.operands.as_slice() {
        [Operand::Mem(mem), Operand::Reg(src)] if store_width(name, src.class).is_some() => {
            let width = store_width(name, src.class).expect("just matched");
            store(mem, bytes.get(src.reg), width, state, bytes);
        }
        [Operand::Mem(mem), Operand::Imm(number)] if name == "mov" => {
            let number = (0..8).map(|i| Byte::Known((number >> (8 * i)) as u8)).collect();
            store(mem, number, mem.size.unwrap_or(0), state, bytes);
        }
        [Operand::Reg(dst), Operand::Reg(src)] if name == "xchg" && dst.class == Class::Gp64 => {
            let (a, b) = (bytes.get(dst.reg), bytes.get(src.reg));
            bytes.set(dst.reg, b);
            bytes.set(src.reg, a);
        }
        [Operand::Reg(dst), rest @ ..] if dst.reg != gp::RSP && !is_compare(name) => {
            let old = bytes.get(dst.reg);
            let new = result_of(name, dst.class, &old, rest, function, state, bytes)
                .unwrap_or_else(|| vec![Byte::Unknown; WIDTH]);
            bytes.set(dst.reg, new);
        }
        // What may store something else is not relied on.
        [Operand::Mem(_), ..] => {
            bytes.stored.clear();
            bytes.on_stack.clear();
        }
        _ => {}
    }
}

fn is_compare(name: &str) -> bool {
    matches!(name, "push" | "test" | "cmp")
}

fn store(mem: &Mem<PhysReg>, src: Vec<Byte>, width: u32, state: &State, bytes: &mut Bytes) {
    let Base::Reg(base) = mem.base else { return };
    if let (None, Some(slot)) = (mem.index, state.stack.resolve(mem)) {
        for (index, byte) in src.iter().take(width as usize).enumerate() {
            bytes.on_stack.insert(slot.plus(index as i64), *byte);
        }
        return;
    }
    let pointer = bytes.get(base.reg);
    let through_result = pointer.iter().take(8).enumerate().all(|(index, byte)| {
        matches!(byte, Byte::Of(reg, at) if usize::from(*at) == index
            && state.holds(Place::Reg(*reg), Sym::ResultPointer).contains(Lanes::low(8)))
            || matches!(byte, Byte::Slot(slot, at) if usize::from(*at) == index
            && state.holds(Place::Slot(*slot), Sym::ResultPointer).contains(Lanes::low(8)))
    });
    if through_result && mem.index.is_none() {
        for (index, byte) in src.into_iter().take(width as usize).enumerate() {
            bytes.stored.insert(mem.disp + index as i64, byte);
        }
    }
}

/// How many bytes a plain store carries, if it is one.
fn store_width(name: &str, class: Class) -> Option<u32> {
    match name {
        "movlps" | "vmovlps" => Some(8),
        _ => meaning::transferred_bytes(name, class),
    }
}

/// The bytes of the destination after `name`, or `None` if that is not understood.
fn result_of(
    name: &str,
    class: Class,
    old: &[Byte],
    rest: &[Operand<PhysReg>],
    function: &Function,
    state: &State,
    bytes: &Bytes,
) -> Option<Vec<Byte>> {
    let zero = Byte::Known(0);
    if let ("xor" | "xorps", [Operand::Reg(src)]) = (name, rest)
        && bytes.get(src.reg) == old
    {
        return Some(pad(vec![zero; class.bytes().max(8) as usize], Byte::Unknown));
    }
    if let ("vxorps", [Operand::Reg(a), Operand::Reg(b)]) = (name, rest)
        && a == b
    {
        return Some(vec![zero; WIDTH]);
    }
    if let ("or", [Operand::Imm(number)]) = (name, rest) {
        let join = |i: usize, &byte: &Byte| match (number >> (8 * i)) as u8 {
            0 => byte,
            set if byte == zero => Byte::Known(set),
            _ => Byte::Unknown,
        };
        let width = class.bytes() as usize;
        return Some(pad(
            old.iter().take(width).enumerate().map(|(i, b)| join(i, b)).collect(),
            zero,
        ));
    }
    if let ("shl", [Operand::Imm(count)]) = (name, rest) {
        let count = (*count % 8 == 0).then_some(*count as usize / 8)?;
        let width = class.bytes() as usize;
        let shifted = (0..width).map(|i| if i < count { zero } else { old[i - count] });
        return Some(pad(shifted.collect(), zero));
    }
    if let (_, [Operand::Reg(src)]) = (name, rest)
        && let Some(merged) = merge(name, class, old, &bytes.get(src.reg))
    {
        return Some(merged);
    }
    if let (_, [Operand::Reg(a), Operand::Reg(b)]) = (name, rest)
        && let Some(plain) = name.strip_prefix('v')
    {
        return merge(plain, class, &bytes.get(a.reg), &bytes.get(b.reg))
            .map(|merged| pad(merged[..16].to_vec(), zero));
    }
    let moved = source_of(name, class, rest, function, state, bytes)?;
    Some(place_bytes(name, class, old, moved))
}

/// Instructions that combine the destination with a register.
fn merge(name: &str, class: Class, old: &[Byte], src: &[Byte]) -> Option<Vec<Byte>> {
    let zero = Byte::Known(0);
    let interleave = |unit: usize| -> Vec<Byte> {
        let mut merged = old.to_vec();
        for i in 0..16 {
            let lane = i / unit;
            let from = if lane.is_multiple_of(2) { old } else { src };
            merged[i] = from[lane / 2 * unit + i % unit];
        }
        merged
    };
    match name {
        "or" | "add" => {
            let width = class.bytes() as usize;
            let joined: Option<Vec<Byte>> = (0..width)
                .map(|i| match (old[i], src[i]) {
                    (a, b) if b == zero => Some(a),
                    (a, b) if a == zero => Some(b),
                    _ => None,
                })
                .collect();
            Some(pad(joined?, zero))
        }
        "unpcklps" | "punpckldq" => Some(interleave(4)),
        "unpcklpd" | "punpcklqdq" | "movlhps" => Some(interleave(8)),
        _ => None,
    }
}

/// What a move carries.
struct Moved {
    bytes: Vec<Byte>,
    width: u32,
    from_register: bool,
}

/// The bytes that a move carries.
fn source_of(
    name: &str,
    class: Class,
    rest: &[Operand<PhysReg>],
    function: &Function,
    state: &State,
    bytes: &Bytes,
) -> Option<Moved> {
    let [operand] = rest else { return None };
    match operand {
        Operand::Reg(src) => {
            let dst = crate::ir::View { reg: src.reg, class };
            let width = meaning::moved_bytes(name, &dst, src)?;
            let first = src.class.lanes().0.trailing_zeros() as usize;
            let bytes = bytes.get(src.reg)[first..].to_vec();
            Some(Moved { bytes, width, from_register: true })
        }
        Operand::Imm(number) if name == "mov" => {
            let bytes = (0..16).map(|i| Byte::Known((number >> (8 * i)) as u8)).collect();
            Some(Moved { bytes, width: class.bytes(), from_register: false })
        }
        Operand::RustConst(id) if name == "mov" => {
            let width = class.bytes();
            let bytes = (0..width as u8).map(|i| Byte::Const(*id, i)).collect();
            Some(Moved { bytes, width, from_register: false })
        }
        Operand::Mem(mem) => {
            let width = loaded_width(name, mem.size, class)?;
            let bytes = match (mem.base, state.stack.resolve(mem)) {
                (Base::Data(id), _) => {
                    let start = u32::try_from(mem.disp).ok()?;
                    (0..width).map(|i| data_byte(function, id, start + i)).collect()
                }
                (_, Some(slot)) => (0..width).map(|i| Byte::Slot(slot, i as u8)).collect(),
                _ => return None,
            };
            Some(Moved { bytes, width, from_register: false })
        }
        _ => None,
    }
}

fn data_byte(function: &Function, id: DataId, at: u32) -> Byte {
    match &function[id].content {
        DataContent::Bytes(content) if (at as usize) < content.len() => Byte::Data(id, at),
        _ => Byte::Unknown,
    }
}

fn loaded_width(name: &str, size: Option<u32>, class: Class) -> Option<u32> {
    match name {
        "movzx" | "movsx" => size,
        "movsxd" | "movss" | "vmovss" | "movd" | "vmovd" => Some(4),
        "movsd" | "vmovsd" | "movq" | "vmovq" => Some(8),
        "pop" => None,
        _ if name.contains("mov") => Some(class.bytes()),
        _ => None,
    }
}

/// The destination after a move.
fn place_bytes(name: &str, class: Class, old: &[Byte], moved: Moved) -> Vec<Byte> {
    let mut source = moved.bytes;
    source.truncate(moved.width as usize);
    if name.starts_with("movsx") {
        source.resize(class.bytes() as usize, Byte::Unknown);
    }
    let merges = match class.bank() {
        Bank::Gp => class.bytes() < 4,
        // `movss`, `movsd` and the full moves keep what they do not carry; `movq` and `movd` clear
        // it.
        Bank::Vector => {
            moved.from_register && !name.starts_with('v') && !matches!(name, "movq" | "movd")
        }
        Bank::Mask | Bank::Mmx | Bank::Tile => false,
        Bank::Segment | Bank::Control | Bank::Debug | Bank::X87 | Bank::Ip => false,
    };
    if !merges {
        return pad(source, Byte::Known(0));
    }
    let first = class.lanes().0.trailing_zeros() as usize;
    let mut merged = old.to_vec();
    merged[first..first + source.len()].copy_from_slice(&source);
    merged
}

fn pad(mut bytes: Vec<Byte>, with: Byte) -> Vec<Byte> {
    bytes.resize(WIDTH, with);
    bytes
}
