//! What a `return` becomes: the result where the convention expects it, then the epilogue.
//!
//! A result is a few values that go to one or two registers, are packed into one, or are stored.
//! All other registers are free by then: only the sources of the values and the address of the
//! result are kept until they have been used.

use super::Lowerer;
use super::asm::{FlagsAre, set};
use super::moves::{Move, in_sequence};
use crate::abi::ResultPlace;
use crate::ir::{
    Base, DataContent, DataId, InstId, Instruction, Mem, Operand, Reg, ResultKind, ResultValue,
    ReturnValue, RustConstId, View,
};
use crate::isa::asm::{self, SseEncoding, at, gp32, view};
use crate::isa::{Bank, Class, Lanes, PhysReg, gp};

/// A component of the result.
struct Part {
    value: Value,
    ty: ResultValue,
}

/// Where its value is.
#[derive(Clone, Copy)]
enum Value {
    /// In a register: the low bytes of it.
    Reg(PhysReg),
    /// A number: integers, and the bits of floats.
    Number(u64),
    /// In memory.
    Data(DataId),
    /// Filled in later.
    Const(RustConstId),
}

impl Lowerer<'_> {
    /// Puts `values` where the convention expects them.
    pub(super) fn emit_result(&mut self, id: InstId, values: &[ReturnValue]) {
        let ResultKind::Values(types) = self.function.result.clone() else { return };
        if let ([ReturnValue::Reg(view)], [ty], ResultPlace::Regs(regs)) =
            (values, types.as_slice(), &self.function.placement.result)
            && !ty.vector
            && ty.bytes < ty.extended
        {
            return self.emit_extended(id, *view, ty, regs[0]);
        }
        let parts = self.parts(values, types);
        match self.function.placement.result.clone() {
            ResultPlace::Unit => {}
            ResultPlace::Regs(regs) => self.emit_in_registers(&parts, &regs),
            ResultPlace::Packed { reg, shift } => match parts.as_slice() {
                [low, high] if reg.bank == Bank::Vector && low.ty.vector => {
                    self.emit_packed_floats(low, high, reg);
                }
                [low, high] if reg.bank == Bank::Vector => self.emit_packed_wide(low, high, reg),
                [low, high] if low.ty.vector => {
                    let packed = PhysReg::vector(0);
                    self.emit_packed_floats(low, high, packed);
                    self.put(self.asm.movq(reg, packed));
                }
                [low, high] => self.emit_packed_integers(low, high, reg, shift),
                _ => unreachable!("a packed result has two parts"),
            },
            ResultPlace::Memory { offsets } => {
                let Some(pointer) = self.function.hidden_result else { return };
                let pointer = self.phys(Reg::Virtual(pointer));
                let places = offsets.iter().map(|&offset| at(pointer, offset.into())).collect();
                self.emit_in_memory(&parts, places, Some(pointer));
                self.emit_copy(gp::RAX, pointer, 8);
            }
            ResultPlace::Stack { offsets } => {
                let place = |&offset: &u32| self.frame_address(offset.into(), 0);
                let places = offsets.iter().map(place).collect();
                self.emit_in_memory(&parts, places, None);
            }
        }
    }

    /// A pointer of 32 bits alone: the caller may rely on zeros above it.
    fn emit_extended(&mut self, id: InstId, view: View<Reg>, ty: &ResultValue, dst: PhysReg) {
        let src = self.phys(view.reg);
        // The return reads what extends it, where that is known to be right.
        let mut accesses = self.facts.effects[id.index()].regs.iter();
        let known = accesses.any(|a| a.reg == view.reg && a.read.contains(Lanes::low(ty.extended)));
        if known {
            return self.emit_copy(dst, src, ty.extended);
        }
        self.put(zero_extended(dst, src, 8 * ty.bytes));
    }

    fn parts(&self, values: &[ReturnValue], types: Vec<ResultValue>) -> Vec<Part> {
        let mut parts = Vec::with_capacity(values.len());
        for (value, ty) in values.iter().zip(types) {
            let value = match *value {
                ReturnValue::Reg(View { reg, .. }) => Value::Reg(self.phys(reg)),
                ReturnValue::Imm(number) => Value::Number(number as u64 & mask(ty.bytes)),
                ReturnValue::Data(id) => self.constant(id, ty.bytes),
                ReturnValue::RustConst(id) => Value::Const(id),
            };
            parts.push(Part { value, ty });
        }
        parts
    }

    /// Literals of up to 8 bytes as numbers: stores take them directly, and zero needs no memory.
    fn constant(&self, id: DataId, bytes: u32) -> Value {
        let DataContent::Bytes(content) = &self.function[id].content else {
            return Value::Data(id);
        };
        if content.iter().take(bytes as usize).all(|&byte| byte == 0) {
            return Value::Number(0);
        }
        Value::Data(id)
    }

    /// Every value to a register of its own.
    fn emit_in_registers(&mut self, parts: &[Part], regs: &[PhysReg]) {
        let mut moves = Vec::new();
        for (part, &dst) in parts.iter().zip(regs) {
            if let Value::Reg(src) = part.value {
                moves.push(Move { dst, src, bytes: part.ty.bytes });
            }
        }
        let volatile = self.volatile();
        for m in in_sequence(&moves, |bank| volatile.of(bank)) {
            self.emit_copy(m.dst, m.src, m.bytes);
        }
        for (part, &dst) in parts.iter().zip(regs) {
            if !matches!(part.value, Value::Reg(_)) {
                self.emit_constant(part, dst);
            }
        }
    }

    /// Brings a constant into `dst`.
    fn emit_constant(&mut self, part: &Part, dst: PhysReg) {
        let Part { value, ty } = part;
        let bytes = ty.bytes;
        match (*value, dst.bank) {
            (Value::Number(0), Bank::Vector) => self.put(self.asm.sse.clear(dst)),
            (Value::Number(number), Bank::Vector) => {
                let scratch = gp::RAX;
                self.put(set(scratch, Class::Gp64, number.into(), FlagsAre::Free));
                self.put(self.asm.movq(dst, scratch));
            }
            (Value::Number(number), _) => {
                self.put(set(dst, Class::Gp64, number.into(), FlagsAre::Free));
            }
            (Value::Const(id), _) => {
                let dst = view(dst, gp_class(bytes));
                self.put(asm::mov(dst, Operand::RustConst(id)));
            }
            (Value::Data(id), _) => self.emit_data(dst, id, bytes),
            (Value::Reg(src), _) => self.emit_copy(dst, src, bytes),
        }
    }

    fn emit_data(&mut self, dst: PhysReg, id: DataId, bytes: u32) {
        let mem = Mem::new(Base::Data(id), 0);
        match (dst.bank, bytes) {
            (Bank::Gp, 1 | 2) => {
                let mem = Mem { size: Some(bytes), ..mem };
                self.put(asm::movzx(gp32(dst), mem));
            }
            _ => self.put(self.asm.load(dst, bytes, mem)),
        }
    }

    /// Two floats of 4 bytes side by side in the vector register `dst`.
    fn emit_packed_floats(&mut self, low: &Part, high: &Part, dst: PhysReg) {
        let high = self.emit_into_vector_register(high, low);
        let low = match low.value {
            Value::Reg(reg) if self.asm.can_name(reg) => reg,
            Value::Reg(reg) => {
                let free = if high == dst { PhysReg::vector(1) } else { dst };
                self.emit_copy(free, reg, 4);
                free
            }
            _ => {
                let free = if high == dst { PhysReg::vector(1) } else { dst };
                self.emit_constant(low, free);
                free
            }
        };
        if self.asm.sse == SseEncoding::Vex {
            return self.put(self.asm.sse.interleave(4, [dst, low, high]));
        }
        if low != dst && high == dst {
            self.put(self.asm.sse.interleave(4, [low, low, high]));
            return self.emit_copy(dst, low, 8);
        }
        if low != dst {
            self.emit_copy(dst, low, 4);
        }
        self.put(self.asm.sse.interleave(4, [dst, dst, high]));
    }

    fn emit_into_vector_register(&mut self, part: &Part, other: &Part) -> PhysReg {
        let taken = |r: PhysReg| matches!(other.value, Value::Reg(other) if other == r);
        let free = if taken(PhysReg::vector(1)) { PhysReg::vector(2) } else { PhysReg::vector(1) };
        match part.value {
            Value::Reg(reg) if self.asm.can_name(reg) => return reg,
            _ => {}
        }
        self.emit_constant(part, free);
        free
    }

    /// The halves of an `i128` in one vector register.
    fn emit_packed_wide(&mut self, low: &Part, high: &Part, dst: PhysReg) {
        let pair = [low, high].map(|part| part.value);
        if let Value::Number(0) = high.value {
            let low = self.emit_into_gp_register(low, &pair);
            return self.put(self.asm.movq(dst, low));
        }
        let spare = PhysReg::vector(1);
        let low = self.emit_into_gp_register(low, &pair);
        self.put(self.asm.movq(dst, low));
        let high = self.emit_into_gp_register(high, &pair);
        self.put(self.asm.movq(spare, high));
        self.put(self.asm.sse.interleave(8, [dst, dst, spare]));
    }

    fn emit_into_gp_register(&mut self, part: &Part, keep: &[Value]) -> PhysReg {
        if let Value::Reg(reg) = part.value {
            return reg;
        }
        let scratch = self.scratch_beside(keep);
        self.emit_constant(part, scratch);
        scratch
    }

    /// Two integers in one register, the second one `shift` bits up.
    fn emit_packed_integers(&mut self, low: &Part, high: &Part, dst: PhysReg, shift: u32) {
        let width = if shift + 8 * high.ty.bytes <= 32 { Class::Gp32 } else { Class::Gp64 };
        let pair = [low.value, high.value];
        let high_bytes = high.ty.bytes;
        let or = |src: PhysReg| asm::or(view(dst, width), view(src, width));
        match (low.value, high.value) {
            (Value::Number(low), Value::Number(high)) => {
                self.put(set(dst, Class::Gp64, (low | high << shift).into(), FlagsAre::Free));
            }
            (Value::Number(number), _) => {
                let high = self.emit_into_gp_register(high, &pair);
                self.emit_copy(dst, high, width.bytes());
                self.put(shl(dst, width, shift));
                self.emit_or(dst, width, number);
            }
            (_, Value::Number(number)) => {
                let low = self.emit_into_gp_register(low, &pair);
                self.put(zero_extended(dst, low, shift));
                self.emit_or(dst, width, number << shift);
            }
            _ => {
                let low = self.emit_into_gp_register(low, &[pair[0], pair[1], Value::Reg(dst)]);
                let keep = [Value::Reg(low), pair[1], Value::Reg(dst)];
                let mut high = self.emit_into_gp_register(high, &keep);
                if low == high {
                    high = self.scratch_beside(&keep);
                    self.emit_copy(high, low, high_bytes);
                }
                if high == dst {
                    self.put(shl(dst, width, shift));
                    self.put(zero_extended(low, low, shift));
                    self.put(or(low));
                } else {
                    self.put(zero_extended(dst, low, shift));
                    self.put(shl(high, width, shift));
                    self.put(or(high));
                }
            }
        }
    }

    fn emit_or(&mut self, dst: PhysReg, width: Class, number: u64) {
        if number == 0 {
            return;
        }
        let fits = width == Class::Gp32 || number <= i32::MAX as u64;
        if fits {
            let number =
                if width == Class::Gp32 { i128::from(number as u32 as i32) } else { number.into() };
            self.put(asm::or(view(dst, width), number));
        } else {
            let scratch = self.scratch_beside(&[Value::Reg(dst)]);
            self.put(set(scratch, Class::Gp64, number.into(), FlagsAre::Free));
            self.put(asm::or(view(dst, width), view(scratch, width)));
        }
    }

    /// Every value to its place in memory, which may be addressed through `pointer`.
    fn emit_in_memory(
        &mut self,
        parts: &[Part],
        places: Vec<Mem<PhysReg>>,
        pointer: Option<PhysReg>,
    ) {
        for (part, place) in parts.iter().zip(&places) {
            if let Value::Reg(src) = part.value {
                self.put(self.asm.store(place.clone(), src, part.ty.bytes));
            }
        }
        let kept: Vec<Value> = pointer.into_iter().map(Value::Reg).collect();
        for (part, place) in parts.iter().zip(places) {
            let bytes = part.ty.bytes;
            let mem = Mem { size: Some(bytes), ..place.clone() };
            match part.value {
                Value::Reg(_) => {}
                Value::Number(number) if bytes < 8 || i32::try_from(number as i64).is_ok() => {
                    let shift = 64 - 8 * bytes;
                    let signed = i128::from((number << shift) as i64 >> shift);
                    self.put(asm::mov(mem, signed));
                }
                Value::Data(id) => {
                    let scratch = PhysReg::vector(0);
                    self.emit_data(scratch, id, bytes);
                    self.put(self.asm.store(place, scratch, bytes));
                }
                _ => {
                    let scratch = self.scratch_beside(&kept);
                    self.emit_constant(part, scratch);
                    self.put(self.asm.store(place, scratch, bytes));
                }
            }
        }
    }

    /// A volatile register that holds none of the values.
    fn scratch_beside(&self, values: &[Value]) -> PhysReg {
        let taken = |reg: PhysReg| values.iter().any(|v| matches!(v, Value::Reg(r) if *r == reg));
        let mut free = self.volatile().gp.iter().map(PhysReg::gp).filter(|&reg| !taken(reg));
        free.next().expect("more registers than values")
    }

    /// Moves between registers, if they differ.
    fn emit_copy(&mut self, dst: PhysReg, src: PhysReg, bytes: u32) {
        if dst != src {
            self.put(self.asm.copy(dst, src, bytes));
        }
    }
}

fn mask(bytes: u32) -> u64 {
    if bytes >= 8 { u64::MAX } else { (1 << (8 * bytes)) - 1 }
}

fn gp_class(bytes: u32) -> Class {
    match bytes {
        1 => Class::Gp8,
        2 => Class::Gp16,
        4 => Class::Gp32,
        _ => Class::Gp64,
    }
}

fn shl(dst: PhysReg, class: Class, bits: u32) -> Instruction<PhysReg> {
    asm::shl(view(dst, class), i128::from(bits))
}

/// `dst` gets the low `bits` bits of `src`, and zero above them.
fn zero_extended(dst: PhysReg, src: PhysReg, bits: u32) -> Instruction<PhysReg> {
    match bits {
        8 => asm::movzx(gp32(dst), view(src, Class::Gp8)),
        16 => asm::movzx(gp32(dst), view(src, Class::Gp16)),
        _ => asm::mov(gp32(dst), gp32(src)),
    }
}
