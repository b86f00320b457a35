//! Plain Rust's idea of what a kernel does: runs the program over virtual registers, one
//! instruction at a time, before anything was allocated.
//!
//! It shares nothing with the compiler but the instruction list. Memory operands are real
//! addresses: the caller hands in buffers of its own.

use peach_compiler::abi::ArgPlace;
use peach_compiler::ir::{
    Arg, ArgId, Base, DataContent, Extension, Function, Instruction, LabelId, LocalFnId, LocalOp,
    Mem, Op, Operand, Reg, ReturnValue, View,
};
use peach_compiler::isa::{Class, PhysReg, gp};
use std::collections::HashMap;

/// The bytes of one register.
type Bytes = [u8; 64];

/// What a kernel returned: one entry per component, zero-extended.
pub type Results = Vec<u128>;

/// The state of a run.
pub struct Interpreter<'a> {
    function: &'a Function,
    regs: HashMap<Reg, Bytes>,
    flags: Flags,
    locals: Vec<Vec<u64>>,
    pushed: Vec<u64>,
    args: Vec<Bytes>,
    labels: HashMap<LabelId, usize>,
}

#[derive(Clone, Copy, Default)]
struct Flags {
    cf: bool,
    zf: bool,
    sf: bool,
    of: bool,
    pf: bool,
}

impl<'a> Interpreter<'a> {
    /// Prepares a run with these argument registers, one value per [`Function::args`].
    pub fn new(function: &'a Function, args: Vec<Bytes>) -> Self {
        let labels = function.insts.iter().enumerate().filter_map(|(at, inst)| match inst.op {
            Op::Label(label) => Some((label, at)),
            _ => None,
        });
        let mut regs = HashMap::new();
        for (arg, value) in function.args.iter().zip(&args) {
            regs.insert(Reg::Virtual(arg.vreg), *value);
        }
        let locals =
            function.locals.iter().map(|local| vec![0; local.size.div_ceil(8) as usize]).collect();
        Interpreter {
            function,
            regs,
            flags: Flags::default(),
            locals,
            pushed: Vec::new(),
            args,
            labels: labels.collect(),
        }
    }

    /// Runs to the return; `None` if that takes more than `fuel` steps.
    pub fn run(&mut self, mut fuel: usize) -> Option<Results> {
        let mut at = 0;
        let mut returns = Vec::new();
        loop {
            fuel = fuel.checked_sub(1)?;
            let inst = &self.function.insts[at];
            at += 1;
            match &inst.op {
                Op::Label(_) | Op::Align(_) | Op::Ghost(_) => {}
                Op::Bytes(bytes) => panic!("raw bytes {bytes:?}"),
                Op::Copy { dst, src } => {
                    let value = self.bytes(*src);
                    self.copy(*dst, value);
                }
                Op::SetImm { dst, value } => self.write_gp(*dst, *value as u64),
                // What is computed from it must not depend on it.
                Op::Undefined { dst } => {
                    self.regs.insert(dst.reg, [0xA5; 64]);
                }
                Op::LoadArg { arg } => self.load_arg(*arg),
                Op::Return(values) => {
                    return Some(values.iter().map(|value| self.result(value)).collect());
                }
                Op::Local(LocalOp::Call, id) => {
                    returns.push(at);
                    at = self.entry_of(*id);
                }
                Op::Local(LocalOp::Return, _) => at = returns.pop().expect("a call before"),
                Op::Local(LocalOp::Entry | LocalOp::Boundary, _) => {}
                Op::Machine(machine) => {
                    if let Some(label) = self.step(&machine.inst) {
                        at = self.labels[&label];
                    }
                }
            }
        }
    }

    /// Where the body of a local function begins.
    fn entry_of(&self, id: LocalFnId) -> usize {
        let is_entry = |op: &Op| matches!(op, Op::Local(LocalOp::Entry, entered) if *entered == id);
        self.function.insts.iter().position(|inst| is_entry(&inst.op)).expect("a body")
    }

    fn load_arg(&mut self, arg: ArgId) {
        let mut value = self.args[arg.index()];
        let sign = if value[3] & 0x80 == 0 { 0 } else { 0xFF };
        match self.function[arg].extension {
            Extension::None => {}
            Extension::Zero => value[4..8].fill(0),
            Extension::Sign => value[4..8].fill(sign),
        }
        self.regs.insert(Reg::Virtual(self.function[arg].vreg), value);
    }

    fn result(&self, value: &ReturnValue) -> u128 {
        match value {
            ReturnValue::Reg(view) => {
                let bytes = self.bytes(*view);
                u128::from_le_bytes(bytes[..16].try_into().expect("16 bytes"))
            }
            ReturnValue::Imm(value) => *value as u128,
            ReturnValue::Data(id) => {
                let DataContent::Bytes(content) = &self.function[*id].content else {
                    panic!("a jump table is returned");
                };
                let mut bytes = [0; 16];
                let len = content.len().min(16);
                bytes[..len].copy_from_slice(&content[..len]);
                u128::from_le_bytes(bytes)
            }
            ReturnValue::RustConst(_) => panic!("a Rust constant has no value here"),
        }
    }

    // Registers.

    /// The bytes that a view names, from byte 0 on; the rest is zero.
    fn bytes(&self, view: View<Reg>) -> Bytes {
        let whole = self.regs.get(&view.reg).copied().unwrap_or([0; 64]);
        let mut bytes = [0; 64];
        let (first, len) = span(view.class);
        bytes[..len].copy_from_slice(&whole[first..first + len]);
        bytes
    }

    fn copy(&mut self, dst: View<Reg>, value: Bytes) {
        match dst.class {
            Class::Gp8 | Class::Gp8h | Class::Gp16 | Class::Gp32 | Class::Gp64 => {
                self.write_gp(dst, low64(&value));
            }
            _ => {
                self.regs.insert(dst.reg, value);
            }
        }
    }

    fn write_gp(&mut self, dst: View<Reg>, value: u64) {
        let whole = self.regs.entry(dst.reg).or_insert([0; 64]);
        let (first, len) = span(dst.class);
        if dst.class == Class::Gp32 {
            whole[4..8].fill(0);
        }
        whole[first..first + len].copy_from_slice(&value.to_le_bytes()[..len]);
    }

    /// A legacy write keeps what is above; a VEX write clears it.
    fn write_vector(&mut self, dst: View<Reg>, value: &[u8], vex: bool) {
        let whole = self.regs.entry(dst.reg).or_insert([0; 64]);
        if vex {
            *whole = [0; 64];
        }
        whole[..value.len()].copy_from_slice(value);
    }

    // Memory.

    fn address(&self, mem: &Mem<Reg>) -> *mut u8 {
        let index = mem
            .index
            .map_or(0, |(view, scale)| low64(&self.bytes(view)).wrapping_mul(u64::from(scale)));
        let base = match mem.base {
            Base::None => 0,
            Base::Reg(base) if self.function.is_passed_address(base.reg) => {
                let arg = self.argument_behind(base.reg, mem.disp);
                return self.args[arg].as_ptr().cast_mut();
            }
            Base::Reg(view) => low64(&self.bytes(view)),
            Base::Local(id) => self.locals[id.index()].as_ptr() as u64,
            Base::Data(id) => match &self.function[id].content {
                DataContent::Bytes(bytes) => bytes.as_ptr() as u64,
                DataContent::Jumps(_) => panic!("jump tables are not interpreted"),
                DataContent::Rust(_) => panic!("rustc's tables are not known here"),
            },
            Base::StackArg => {
                let arg = self.argument_at(mem.disp);
                return self.args[arg].as_ptr().cast_mut();
            }
            Base::Rip => panic!("no literal rip here"),
        };
        base.wrapping_add(index).wrapping_add(mem.disp as u64) as *mut u8
    }

    fn argument_at(&self, disp: i64) -> usize {
        let placement = &self.function.placement;
        self.function
            .args
            .iter()
            .position(|arg| {
                placement.args[arg.param][arg.part] == ArgPlace::Stack { offset: disp as u32 }
            })
            .expect("a stack argument")
    }

    fn argument_behind(&self, address: Reg, disp: i64) -> usize {
        let begins = |arg: &Arg| {
            let place = self.function.placement.args[arg.param][arg.part];
            arg.pointer.map(Reg::Virtual) == Some(address)
                && matches!(place, ArgPlace::Indirect { offset, .. } if i64::from(offset) == disp)
        };
        self.function.args.iter().position(begins).expect("an argument by reference")
    }

    fn load(&self, mem: &Mem<Reg>, len: usize) -> Bytes {
        let mut bytes = [0; 64];
        // SAFETY: the generator only writes addresses inside the buffers it was given.
        unsafe { std::ptr::copy_nonoverlapping(self.address(mem), bytes.as_mut_ptr(), len) };
        bytes
    }

    fn store(&mut self, mem: &Mem<Reg>, bytes: &[u8]) {
        let address = self.address(mem);
        // SAFETY: as above.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), address, bytes.len()) };
    }

    /// An operand's bytes; `len` where it is memory.
    fn read(&self, operand: &Operand<Reg>, len: usize) -> Bytes {
        match operand {
            Operand::Reg(view) => self.bytes(*view),
            Operand::Mem(mem) => self.load(mem, len),
            Operand::Imm(value) => {
                let mut bytes = [0; 64];
                bytes[..16].copy_from_slice(&value.to_le_bytes());
                bytes
            }
            other => panic!("{other:?} has no value"),
        }
    }

    // Instructions.

    /// Executes one instruction; the label if it jumps.
    fn step(&mut self, inst: &Instruction<Reg>) -> Option<LabelId> {
        let name = inst.mnemonic.name();
        if let [Operand::Label(branch)] = inst.operands.as_slice() {
            let taken = name == "jmp" || self.condition(name.strip_prefix('j').expect("a branch"));
            return taken.then_some(branch.label);
        }
        match name {
            "emms" => return None,
            "call" => {
                self.call();
                return None;
            }
            _ => {}
        }
        let vector = inst.operands.iter().any(|operand| {
            matches!(operand, Operand::Reg(view)
                if matches!(view.class, Class::Xmm | Class::Ymm | Class::Zmm | Class::K | Class::Mmx))
        });
        if vector {
            self.vector(name, inst)
        } else {
            self.scalar(name, &inst.operands)
        }
        None
    }

    /// The only function that kernels call: what `super::callee` does, as far as it is defined.
    fn call(&mut self) {
        let first = if self.function.convention.shadow > 0 { gp::RCX } else { gp::RDI };
        let argument = self.fixed(first);
        self.write_gp(fixed_view(gp::RAX), super::callee::result(argument));
    }

    fn condition(&self, name: &str) -> bool {
        let f = self.flags;
        match name {
            "e" | "z" => f.zf,
            "ne" | "nz" => !f.zf,
            "b" | "c" => f.cf,
            "ae" | "nc" => !f.cf,
            "be" => f.cf || f.zf,
            "a" => !f.cf && !f.zf,
            "s" => f.sf,
            "ns" => !f.sf,
            "l" => f.sf != f.of,
            "ge" => f.sf == f.of,
            "le" => f.zf || f.sf != f.of,
            "g" => !f.zf && f.sf == f.of,
            "o" => f.of,
            "no" => !f.of,
            "p" => f.pf,
            "np" => !f.pf,
            other => panic!("condition {other}"),
        }
    }

    fn scalar(&mut self, name: &str, operands: &[Operand<Reg>]) {
        let bits = operands.first().map_or(64, width) * 8;
        match (name, operands) {
            ("push", [src]) => {
                let value = low64(&self.read(src, 8));
                self.pushed.push(value);
            }
            ("pop", [dst]) => {
                let value = self.pushed.pop().expect("balanced");
                self.write(dst, value, 64);
            }
            ("lea", [dst, Operand::Mem(mem)]) => {
                let value = self.address(mem) as u64;
                self.write(dst, value, bits);
            }
            ("xchg", [a, b]) => {
                let (x, y) = (self.value(a, bits), self.value(b, bits));
                self.write(a, y, bits);
                self.write(b, x, bits);
            }
            ("mul" | "imul" | "div", [src]) => self.wide(name, src),
            ("mulx", [hi, lo, src]) => {
                let rdx = self.fixed(gp::RDX);
                let product = u128::from(rdx) * u128::from(self.value(src, 64));
                self.write(lo, product as u64, 64);
                self.write(hi, (product >> 64) as u64, 64);
            }
            ("andn", [dst, a, b]) => {
                let value = !self.value(a, bits) & self.value(b, bits);
                self.write(dst, value, bits);
            }
            ("imul", [dst, src, imm]) => {
                let value = self.value(src, bits).wrapping_mul(self.value(imm, bits));
                self.write(dst, value, bits);
            }
            ("cmp" | "test", [a, b]) => {
                let (x, y) = (self.value(a, bits), self.value(b, bits));
                if name == "cmp" {
                    self.sub(x, y, false, bits)
                } else {
                    self.logic(x & y, bits)
                };
            }
            ("xadd", [a, b]) => {
                let (x, y) = (self.value(a, bits), self.value(b, bits));
                let sum = self.add(x, y, false, bits);
                self.write(b, x, bits);
                self.write(a, sum, bits);
            }
            ("bsf" | "bsr", [dst, src]) => {
                let value = self.value(src, bits);
                let found =
                    if name == "bsf" { value.trailing_zeros() } else { value.leading_zeros() ^ 63 };
                if value != 0 {
                    self.write(dst, found.into(), bits);
                }
            }
            (_, [dst]) => self.unary(name, dst, bits),
            (_, [dst, src]) => self.binary(name, dst, src, bits),
            _ => panic!("{name} {operands:?}"),
        }
    }

    fn unary(&mut self, name: &str, dst: &Operand<Reg>, bits: u32) {
        if let Some(condition) = name.strip_prefix("set") {
            let value = u64::from(self.condition(condition));
            return self.write(dst, value, 8);
        }
        let old = self.value(dst, bits);
        let carry = self.flags.cf;
        let new = match name {
            "inc" => self.add(old, 1, false, bits),
            "dec" => self.sub(old, 1, false, bits),
            "neg" => self.sub(0, old, false, bits),
            "not" => !old,
            "bswap" if bits == 64 => old.swap_bytes(),
            "bswap" => u64::from((old as u32).swap_bytes()),
            _ => panic!("{name}"),
        };
        if matches!(name, "inc" | "dec") {
            self.flags.cf = carry;
        }
        self.write(dst, new, bits);
    }

    fn binary(&mut self, name: &str, dst: &Operand<Reg>, src: &Operand<Reg>, bits: u32) {
        if let Some(condition) = name.strip_prefix("cmov") {
            let value = self.value(if self.condition(condition) { src } else { dst }, bits);
            return self.write(dst, value, bits);
        }
        let source_bits = if let Operand::Imm(_) = src { bits } else { width_of(src, bits) };
        let (old, new) = (self.value(dst, bits), self.value(src, source_bits));
        let carry = self.flags.cf;
        let value = match name {
            "mov" | "movzx" => new,
            "movsx" | "movsxd" => sign_extend(new, source_bits),
            "add" => self.add(old, new, false, bits),
            "adc" => self.add(old, new, carry, bits),
            "sub" => self.sub(old, new, false, bits),
            "sbb" => self.sub(old, new, carry, bits),
            "and" => self.logic(old & new, bits),
            "or" => self.logic(old | new, bits),
            "xor" => self.logic(old ^ new, bits),
            "imul" => old.wrapping_mul(new),
            "shl" | "shr" | "sar" | "rol" | "ror" => shift(name, old, new, bits),
            "popcnt" => u64::from(truncate(new, bits).count_ones()),
            _ => panic!("{name}"),
        };
        self.write(dst, value, bits);
    }

    fn wide(&mut self, name: &str, src: &Operand<Reg>) {
        let (rax, rdx) = (self.fixed(gp::RAX), self.fixed(gp::RDX));
        let value = self.value(src, 64);
        let (low, high) = match name {
            "mul" => split(u128::from(rax) * u128::from(value)),
            "imul" => split((i128::from(rax as i64) * i128::from(value as i64)) as u128),
            _ => {
                let dividend = u128::from(rdx) << 64 | u128::from(rax);
                let value = u128::from(value);
                ((dividend / value) as u64, (dividend % value) as u64)
            }
        };
        self.write_gp(fixed_view(gp::RAX), low);
        self.write_gp(fixed_view(gp::RDX), high);
    }

    fn fixed(&self, reg: PhysReg) -> u64 {
        low64(&self.bytes(fixed_view(reg)))
    }

    fn value(&self, operand: &Operand<Reg>, bits: u32) -> u64 {
        truncate(low64(&self.read(operand, bits as usize / 8)), bits)
    }

    fn write(&mut self, dst: &Operand<Reg>, value: u64, bits: u32) {
        match dst {
            Operand::Reg(view) => self.write_gp(*view, value),
            Operand::Mem(mem) => self.store(mem, &value.to_le_bytes()[..bits as usize / 8]),
            other => panic!("{other:?} is written"),
        }
    }

    fn add(&mut self, a: u64, b: u64, carry: bool, bits: u32) -> u64 {
        let (a, b) = (truncate(a, bits), truncate(b, bits));
        let wide = u128::from(a) + u128::from(b) + u128::from(carry);
        let sum = truncate(wide as u64, bits);
        self.logic(sum, bits);
        self.flags.cf = wide >> bits != 0;
        self.flags.of = sign(!(a ^ b) & (a ^ sum), bits);
        sum
    }

    fn sub(&mut self, a: u64, b: u64, borrow: bool, bits: u32) -> u64 {
        let (a, b) = (truncate(a, bits), truncate(b, bits));
        let difference = truncate(a.wrapping_sub(b).wrapping_sub(u64::from(borrow)), bits);
        self.logic(difference, bits);
        self.flags.cf = u128::from(a) < u128::from(b) + u128::from(borrow);
        self.flags.of = sign((a ^ b) & (a ^ difference), bits);
        difference
    }

    fn logic(&mut self, value: u64, bits: u32) -> u64 {
        let value = truncate(value, bits);
        self.flags = Flags {
            cf: false,
            of: false,
            zf: value == 0,
            sf: sign(value, bits),
            pf: (value as u8).count_ones().is_multiple_of(2),
        };
        value
    }

    // Vectors and masks.

    fn vector(&mut self, name: &str, inst: &Instruction<Reg>) {
        if name.starts_with('k') {
            return self.mask(name, &inst.operands);
        }
        let vex = name.starts_with('v');
        let plain = name.strip_prefix('v').unwrap_or(name);
        match inst.operands.as_slice() {
            [Operand::Mem(mem), Operand::Reg(src)] => {
                let len = moved(plain).unwrap_or(width_bytes(src.class));
                let bytes = self.bytes(*src);
                self.store(&mem.clone(), &bytes[..len]);
            }
            [Operand::Reg(dst), src] if dst.class.bank() == peach_compiler::isa::Bank::Gp => {
                let value = match plain {
                    "movd" => u64::from(low64(&self.read(src, 4)) as u32),
                    "movq" => low64(&self.read(src, 8)),
                    "pmovmskb" => sign_bits(&self.read(src, 16)[..16]),
                    _ => panic!("{name}"),
                };
                self.write_gp(*dst, value);
            }
            [Operand::Reg(dst), src] if moved(plain).is_some() || plain.contains("mov") => {
                self.vector_move(plain, *dst, src, vex, inst);
            }
            [Operand::Reg(dst), rest @ ..] => self.vector_arithmetic(plain, *dst, rest, vex, inst),
            other => panic!("{name} {other:?}"),
        }
    }

    fn vector_move(
        &mut self,
        plain: &str,
        dst: View<Reg>,
        src: &Operand<Reg>,
        vex: bool,
        inst: &Instruction<Reg>,
    ) {
        let len = moved(plain).unwrap_or(width_bytes(dst.class));
        let value = self.read(src, len);
        let merges = matches!(plain, "movss" | "movsd") && matches!(src, Operand::Reg(_));
        if merges {
            let old = self.bytes(dst);
            let mut merged = old;
            merged[..len].copy_from_slice(&value[..len]);
            return self.write_vector(dst, &merged[..16], vex);
        }
        let mut padded = [0; 64];
        padded[..len].copy_from_slice(&value[..len]);
        let width = width_bytes(dst.class);
        let masked = self.apply_mask(inst, dst, &padded, 4);
        self.write_vector(dst, &masked[..width], vex);
    }

    fn vector_arithmetic(
        &mut self,
        plain: &str,
        dst: View<Reg>,
        rest: &[Operand<Reg>],
        vex: bool,
        inst: &Instruction<Reg>,
    ) {
        let width = width_bytes(dst.class);
        if plain == "cvtsi2sd" {
            let value = low64(&self.read(rest.last().expect("a source"), 8)) as i64 as f64;
            let mut merged = if vex { self.read(&rest[0], 16) } else { self.bytes(dst) };
            merged[..8].copy_from_slice(&value.to_le_bytes());
            return self.write_vector(dst, &merged[..16], vex);
        }
        if matches!(plain, "blendvps" | "pblendvb") && !vex {
            let unit = if plain == "blendvps" { 4 } else { 1 };
            let (mut old, src) = (self.bytes(dst), self.read(&rest[0], 16));
            let mask = self.read(&rest[1], 16);
            for lane in (0..16).step_by(unit) {
                if mask[lane + unit - 1] & 0x80 != 0 {
                    old[lane..lane + unit].copy_from_slice(&src[lane..lane + unit]);
                }
            }
            return self.write_vector(dst, &old[..16], false);
        }
        let (a, b) = match rest {
            [src] => (self.bytes(dst), self.read(src, width)),
            [Operand::Imm(imm), ..] => panic!("{plain} {imm}"),
            [src, imm @ Operand::Imm(_)] => (self.read(src, width), self.read(imm, 0)),
            [a, b] => (self.read(a, width), self.read(b, width)),
            _ => panic!("{plain} {rest:?}"),
        };
        let result = lanes(plain, &a, &b, width);
        let unit = if plain.ends_with('q') { 8 } else { 4 };
        let masked = self.apply_mask(inst, dst, &result, unit);
        self.write_vector(dst, &masked[..width], vex);
    }

    fn apply_mask(
        &self,
        inst: &Instruction<Reg>,
        dst: View<Reg>,
        result: &Bytes,
        unit: usize,
    ) -> Bytes {
        let Some(mask) = inst.mask else { return *result };
        let bits = low64(&self.bytes(mask));
        let old = self.bytes(dst);
        let mut masked = [0; 64];
        for lane in 0..64 / unit {
            let range = lane * unit..(lane + 1) * unit;
            if bits >> lane & 1 == 1 {
                masked[range.clone()].copy_from_slice(&result[range]);
            } else if !inst.zeroing {
                masked[range.clone()].copy_from_slice(&old[range]);
            }
        }
        masked
    }

    fn mask(&mut self, name: &str, operands: &[Operand<Reg>]) {
        let bits = match name.as_bytes()[name.len() - 1] {
            b'b' => 8,
            b'w' => 16,
            b'd' => 32,
            _ => 64,
        };
        let values: Vec<u64> = operands[1..]
            .iter()
            .map(|o| truncate(low64(&self.read(o, bits as usize / 8)), bits))
            .collect();
        let value = match (&name[..name.len() - 1], values.as_slice()) {
            ("kmov", [a]) => *a,
            ("kand", [a, b]) => a & b,
            ("kor", [a, b]) => a | b,
            ("kxor", [a, b]) => a ^ b,
            ("kadd", [a, b]) => a.wrapping_add(*b),
            ("knot", [a]) => !a,
            _ => panic!("{name}"),
        };
        let value = truncate(value, bits);
        let dst = match &operands[0] {
            Operand::Reg(dst) => dst,
            to_memory => return self.write(to_memory, value, bits),
        };
        if dst.class == Class::K {
            let mut bytes = [0; 64];
            bytes[..8].copy_from_slice(&value.to_le_bytes());
            self.regs.insert(dst.reg, bytes);
        } else {
            self.write_gp(*dst, value);
        }
    }
}

/// First byte and length of what a class names; `k` and vectors in full.
fn span(class: Class) -> (usize, usize) {
    match class {
        Class::Gp8h => (1, 1),
        _ => (0, class.bytes() as usize),
    }
}

fn width_bytes(class: Class) -> usize {
    class.bytes() as usize
}

fn fixed_view(reg: PhysReg) -> View<Reg> {
    View { reg: Reg::Physical(reg), class: Class::Gp64 }
}

fn width(operand: &Operand<Reg>) -> u32 {
    match operand {
        Operand::Reg(view) => view.class.bytes(),
        Operand::Mem(mem) => mem.size.unwrap_or(8),
        _ => 8,
    }
}

fn width_of(operand: &Operand<Reg>, bits: u32) -> u32 {
    match operand {
        Operand::Reg(view) => view.class.bytes() * 8,
        Operand::Mem(mem) => mem.size.map_or(bits, |size| size * 8),
        _ => bits,
    }
}

fn low64(bytes: &Bytes) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"))
}

fn truncate(value: u64, bits: u32) -> u64 {
    if bits >= 64 { value } else { value & ((1 << bits) - 1) }
}

fn sign(value: u64, bits: u32) -> bool {
    value >> (bits - 1) & 1 == 1
}

fn sign_extend(value: u64, bits: u32) -> u64 {
    let shift = 64 - bits;
    ((value << shift) as i64 >> shift) as u64
}

fn split(value: u128) -> (u64, u64) {
    (value as u64, (value >> 64) as u64)
}

fn shift(name: &str, value: u64, count: u64, bits: u32) -> u64 {
    let count = (count & if bits == 64 { 63 } else { 31 }) as u32;
    let value = truncate(value, bits);
    let rotated = count % bits;
    match name {
        "shl" => value.checked_shl(count).unwrap_or(0),
        "shr" => value.checked_shr(count).unwrap_or(0),
        "sar" => (sign_extend(value, bits) as i64 >> count.min(63)) as u64,
        "rol" if rotated == 0 => value,
        "rol" => value << rotated | value >> (bits - rotated),
        _ if rotated == 0 => value,
        _ => value >> rotated | value << (bits - rotated),
    }
}

fn sign_bits(bytes: &[u8]) -> u64 {
    bytes.iter().enumerate().fold(0, |bits, (i, byte)| bits | u64::from(byte >> 7) << i)
}

/// How many bytes a scalar move carries.
fn moved(plain: &str) -> Option<usize> {
    match plain {
        "movd" | "movss" => Some(4),
        "movq" | "movsd" => Some(8),
        _ => None,
    }
}

/// Packed integer arithmetic, and the scalar doubles that are exact.
fn lanes(name: &str, a: &Bytes, b: &Bytes, width: usize) -> Bytes {
    let mut out = [0; 64];
    let each32 = |f: &dyn Fn(u32, u32) -> u32, out: &mut Bytes| {
        for at in (0..width).step_by(4) {
            let lane = |bytes: &Bytes| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4"));
            out[at..at + 4].copy_from_slice(&f(lane(a), lane(b)).to_le_bytes());
        }
    };
    let each64 = |f: &dyn Fn(u64, u64) -> u64, out: &mut Bytes| {
        for at in (0..width).step_by(8) {
            let lane = |bytes: &Bytes| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8"));
            out[at..at + 8].copy_from_slice(&f(lane(a), lane(b)).to_le_bytes());
        }
    };
    match name {
        "paddd" => each32(&|x, y| x.wrapping_add(y), &mut out),
        "psubd" => each32(&|x, y| x.wrapping_sub(y), &mut out),
        "pmulld" => each32(&|x, y| x.wrapping_mul(y), &mut out),
        "paddq" => each64(&|x, y| x.wrapping_add(y), &mut out),
        "psubq" => each64(&|x, y| x.wrapping_sub(y), &mut out),
        "pmuludq" => each64(&|x, y| (x & 0xFFFF_FFFF) * (y & 0xFFFF_FFFF), &mut out),
        "pxor" | "pxord" | "pxorq" | "xorps" => each64(&|x, y| x ^ y, &mut out),
        "pand" | "pandd" | "pandq" => each64(&|x, y| x & y, &mut out),
        "por" | "pord" | "porq" => each64(&|x, y| x | y, &mut out),
        "pandn" => each64(&|x, y| !x & y, &mut out),
        "pshufd" => {
            for at in (0..width).step_by(4) {
                let from = at / 16 * 16 + (b[0] >> (at % 16 / 2) & 3) as usize * 4;
                out[at..at + 4].copy_from_slice(&a[from..from + 4]);
            }
        }
        "pslld" => each32(&|x, _| x.checked_shl(u32::from(b[0])).unwrap_or(0), &mut out),
        "punpckldq" => {
            for lane in (0..width).step_by(16) {
                for (unit, (from, at)) in [(a, 0), (b, 0), (a, 4), (b, 4)].into_iter().enumerate() {
                    let to = lane + unit * 4;
                    out[to..to + 4].copy_from_slice(&from[lane + at..lane + at + 4]);
                }
            }
        }
        "addsd" => {
            out = *a;
            let lane = |bytes: &Bytes| f64::from_bits(low64(bytes));
            out[..8].copy_from_slice(&(lane(a) + lane(b)).to_le_bytes());
        }
        other => panic!("{other} is not interpreted"),
    }
    out
}
