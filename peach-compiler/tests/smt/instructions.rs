//! What instructions do to the processor (Intel SDM volume 2), as terms.
//!
//! What is not here leaves any value in what it writes, by the effects that `isa` says it has.

use crate::conditions;
use crate::machine::{Flags, Processor, Word};
use crate::script::{Term, number, part, sign_above, zeros_above};
use peach_compiler::ir::{Function, Inst, Instruction, Mem, Op, Operand, Reg, View};
use peach_compiler::isa::{self, Bank, Class, Control, Effects, gp};

/// Takes the machine over one step.
pub fn step(
    processor: &mut Processor<'_>,
    function: &Function,
    effects: &Effects<Reg>,
    index: usize,
) {
    let inst = &function.insts[index];
    processor.machine.at = index as u32;
    let before = processor.machine.registers.clone();
    processor.trace().before = before;
    match &inst.op {
        Op::Machine(machine) => {
            let before = processor.machine.clone();
            let mut step = Step { inst: &machine.inst, source: inst, processor };
            if step.known().is_none() {
                *processor.machine = before;
                forget(processor, inst, &machine.inst, effects);
            }
        }
        Op::Copy { dst, src } => copy(processor, *dst, *src, effects),
        Op::SetImm { dst, value } => match dst.class {
            Class::Gp64 | Class::Gp32 | Class::Gp16 | Class::Gp8 => {
                forget_registers(processor, effects);
                let term = number(*value, 8 * dst.class.bytes());
                processor.set_view(*dst, Word { term, region: None });
                trace_above(processor, *dst);
            }
            _ => forget_registers(processor, effects),
        },
        Op::LoadArg { arg } => {
            forget_registers(processor, effects);
            let word = processor.regions.arguments[arg.index()].clone();
            processor.set(Reg::Virtual(function[*arg].vreg), word);
        }
        Op::Bytes(_) => {
            forget_registers(processor, effects);
            processor.forget_memory();
            processor.machine.flags = Flags::any(processor.script);
            processor.machine.is_upward = false;
        }
        Op::Local(..) => {
            forget_registers(processor, effects);
            processor.machine.flags = Flags::any(processor.script);
        }
        Op::Label(_) | Op::Undefined { .. } | Op::Return(_) | Op::Align(_) | Op::Ghost(_) => {
            forget_registers(processor, effects);
        }
    }
}

fn copy(processor: &mut Processor<'_>, dst: View<Reg>, src: View<Reg>, effects: &Effects<Reg>) {
    let mask = processor.machine.masks.get(&src.reg).cloned();
    let word = processor.view(src);
    forget_registers(processor, effects);
    if let Some(word) = word {
        processor.set_view(dst, word);
        trace_above(processor, dst);
    }
    if dst.class.bank() == Bank::Mask
        && let Some(mask) = mask
    {
        processor.machine.masks.insert(dst.reg, mask);
    }
}

/// Notes what is above a narrow view.
fn trace_above(processor: &mut Processor<'_>, view: View<Reg>) {
    let bits = 8 * view.class.bytes();
    if bits < 32 {
        let word = processor.register(view.reg).term;
        let by = number(i128::from(bits), 64);
        let above = processor.script.word(64, format!("(bvlshr {word} {by})"));
        processor.trace().loads.push(above);
    }
}

fn forget_registers(processor: &mut Processor<'_>, effects: &Effects<Reg>) {
    for access in &effects.regs {
        let written = access.write | access.may_write;
        if written.0 != 0 {
            processor.machine.masks.remove(&access.reg);
            processor.forget(access.reg, written.0, (access.zeroed & access.write).0);
        }
    }
}

/// An instruction that is not known.
fn forget(
    processor: &mut Processor<'_>,
    source: &Inst,
    inst: &Instruction<Reg>,
    effects: &Effects<Reg>,
) {
    let mask = inst.mask.map(|view| processor.mask(view.reg));
    forget_registers(processor, effects);
    // A comparison under a mask clears what the mask leaves out (SDM volume 1, 15.6.1.2).
    if let (Some(mask), Some(Operand::Reg(view))) = (mask, inst.operands.first())
        && view.class.bank() == Bank::Mask
    {
        let any = processor.script.any(64);
        let kept = processor.script.word(64, format!("(bvand {any} {mask})"));
        processor.machine.masks.insert(view.reg, kept);
    }
    let flags = effects.flags_written.0 | effects.flags_may_write.0;
    if flags & isa::Flags::STATUS.0 != 0 || effects.control == Control::Call {
        processor.machine.flags = Flags::any(processor.script);
    }
    if flags & isa::Flags::DF.0 != 0 {
        processor.machine.is_upward = false;
    }
    if effects.control == Control::Call || effects.stack != 0 {
        processor.forget_memory();
    }
    for access in effects.memory.iter().filter(|access| access.write) {
        let operand = access.operand.and_then(|operand| inst.operands.get(operand));
        match (operand, access.bytes) {
            (Some(Operand::Mem(mem)), Some(bytes)) => {
                processor.store(mem, bytes, None, source.in_unsafe);
            }
            _ => processor.forget_memory(),
        }
    }
}

/// What a string instruction does, and with how many bytes at once.
fn string(name: &str) -> Option<(&str, u32)> {
    let (kind, width) = name.split_at_checked(4)?;
    let bytes = match width {
        "b" => 1,
        "w" => 2,
        "d" => 4,
        "q" => 8,
        _ => return None,
    };
    matches!(kind, "movs" | "cmps" | "lods" | "stos" | "scas").then_some((kind, bytes))
}

/// An instruction that is looked at.
struct Step<'a, 'p> {
    inst: &'a Instruction<Reg>,
    source: &'a Inst,
    processor: &'a mut Processor<'p>,
}

impl Step<'_, '_> {
    /// Does what the instruction does, if it is known; else it may leave half of it done.
    fn known(&mut self) -> Option<()> {
        let name = self.inst.mnemonic.name();
        if self.inst.operands.is_empty()
            && let Some((kind, bytes)) = string(name)
        {
            return self.string(kind, bytes);
        }
        if self.inst.prefixes.rep || self.inst.prefixes.repne || self.inst.mask.is_some() {
            return None;
        }
        if let Some(condition) = name.strip_prefix("cmov").filter(|_| self.inst.operands.len() == 2)
        {
            return self.move_if(condition);
        }
        if let Some(condition) = name.strip_prefix("set") {
            let holds = conditions::term(condition, &self.processor.machine.flags)?;
            let term = self.word(8, format!("(ite {holds} #x01 #x00)"));
            return self.write(0, 8, term);
        }
        if name.starts_with('j') && conditions::term(&name[1..], &self.flags()).is_some() {
            return Some(());
        }
        if name.starts_with('k') {
            return self.masks(name);
        }
        match name {
            "nop" | "endbr64" | "jmp" | "jrcxz" => Some(()),
            "loop" => {
                let counter = Reg::Physical(gp::RCX);
                let old = self.processor.register(counter).term;
                let term = self.word(64, format!("(bvsub {old} (_ bv1 64))"));
                self.processor.set(counter, Word { term, region: None });
                Some(())
            }
            "cld" => {
                self.processor.machine.is_upward = true;
                Some(())
            }
            "stc" | "clc" | "cmc" => {
                let carry = match name {
                    "stc" => "true".to_string(),
                    "clc" => "false".to_string(),
                    _ => format!("(not {})", self.processor.machine.flags.carry),
                };
                self.processor.machine.flags.carry = carry;
                Some(())
            }
            "mov" | "movabs" => self.mov(),
            "movzx" | "movsx" | "movsxd" => self.extend(name),
            "lea" => self.lea(),
            "add" | "sub" | "cmp" | "adc" | "sbb" => self.sum(name),
            "and" | "or" | "xor" | "test" => self.logic(name),
            "inc" | "dec" | "neg" | "not" => self.unary(name),
            "shl" | "sal" | "shr" | "sar" => self.shift(name),
            "shlx" | "shrx" | "sarx" => self.shift_to(name),
            "rol" | "ror" | "rorx" => self.rotate(name),
            "imul" => self.multiply(),
            "xchg" => self.exchange(),
            "bswap" => self.reverse(),
            "push" => self.push(),
            "pop" => self.pop(),
            "bzhi" => self.keep_low(),
            "andn" | "blsr" | "blsi" | "blsmsk" => self.bit_logic(name),
            "tzcnt" | "lzcnt" | "bsf" | "bsr" | "popcnt" => self.count(name),
            "bt" | "bts" | "btr" | "btc" => self.bit(name),
            "cbw" | "cwde" | "cdqe" | "cwd" | "cdq" | "cqo" => self.extend_accumulator(name),
            _ => None,
        }
    }

    fn flags(&self) -> Flags {
        self.processor.machine.flags.clone()
    }

    fn word(&mut self, bits: u32, value: String) -> Term {
        self.processor.script.word(bits, value)
    }

    fn truth(&mut self, value: String) -> Term {
        self.processor.script.truth(value)
    }

    /// How many bits operand `at` has, if that is a number in a general-purpose register or memory.
    fn bits(&self, at: usize) -> Option<u32> {
        match self.inst.operands.get(at)? {
            Operand::Reg(view) if view.class.bank() == Bank::Gp => Some(8 * view.class.bytes()),
            Operand::Mem(mem) => mem.size.map(|bytes| 8 * bytes).filter(|bits| *bits <= 64),
            _ => None,
        }
    }

    /// How many bits the first two operands have.
    fn width(&self) -> Option<u32> {
        let of_register = |at: usize| match self.inst.operands.get(at) {
            Some(Operand::Reg(_)) => self.bits(at),
            _ => None,
        };
        of_register(0).or_else(|| of_register(1)).or_else(|| self.bits(0))
    }

    fn read(&mut self, at: usize, bits: u32) -> Option<Word> {
        match self.inst.operands.get(at)? {
            Operand::Reg(view) => {
                let word = self.processor.view(*view)?;
                (8 * view.class.bytes() == bits).then_some(word)
            }
            Operand::Imm(value) => Some(Word { term: number(*value, bits), region: None }),
            Operand::Mem(mem) => Some(self.processor.load(mem, bits)),
            Operand::RustConst(_)
            | Operand::RustSym(_)
            | Operand::Label(_)
            | Operand::Relative(_) => None,
        }
    }

    fn write(&mut self, at: usize, bits: u32, term: Term) -> Option<()> {
        self.write_word(at, bits, Word { term, region: None })
    }

    fn write_word(&mut self, at: usize, bits: u32, word: Word) -> Option<()> {
        match self.inst.operands.get(at)? {
            Operand::Reg(view) if view.class.bank() == Bank::Gp => {
                self.processor.set_view(*view, word);
            }
            Operand::Mem(mem) => {
                let mem: &Mem<Reg> = mem;
                self.processor.store(mem, bits / 8, Some(word), self.source.in_unsafe);
            }
            _ => return None,
        }
        Some(())
    }

    /// Zero, sign and parity by a result; carry and overflow as they are given.
    fn set_flags(&mut self, bits: u32, result: &str, carry: Term, overflow: Term) {
        let zero = self.truth(format!("(= {result} (_ bv0 {bits}))"));
        let sign = self.truth(format!("(= {} #b1)", part(result, bits - 1, 1)));
        let low: Vec<Term> = (0..8).map(|bit| part(result, bit, 1)).collect();
        let parity = self.truth(format!("(= (bvxor {}) #b0)", low.join(" ")));
        self.processor.machine.flags = Flags { carry, zero, sign, overflow, parity };
    }

    fn top(value: &str, bits: u32) -> Term {
        format!("(= {} #b1)", part(value, bits - 1, 1))
    }

    fn mov(&mut self) -> Option<()> {
        let bits = self.width()?;
        let value = self.read(1, bits)?;
        self.write_word(0, bits, value)
    }

    fn extend(&mut self, name: &str) -> Option<()> {
        let (to, from) = (self.bits(0)?, self.bits(1)?);
        let value = self.read(1, from)?.term;
        let wide = match name {
            "movzx" => zeros_above(&value, from, to),
            _ => sign_above(&value, from, to),
        };
        let wide = self.word(to, wide);
        self.write(0, to, wide)
    }

    fn lea(&mut self) -> Option<()> {
        let bits = self.bits(0)?;
        let Operand::Mem(mem) = self.inst.operands.get(1)? else { return None };
        let word = self.processor.address(mem)?;
        if bits == 64 {
            return self.write_word(0, bits, word);
        }
        let term = self.word(bits, part(&word.term, 0, bits));
        self.write(0, bits, term)
    }

    fn sum(&mut self, name: &str) -> Option<()> {
        let bits = self.width()?;
        let (left, right) = (self.read(0, bits)?, self.read(1, bits)?);
        let (a, b) = (&left.term, &right.term);
        let is_sum = matches!(name, "add" | "adc");
        let (wide_a, wide_b) = (zeros_above(a, bits, bits + 1), zeros_above(b, bits, bits + 1));
        let operation = if is_sum { "bvadd" } else { "bvsub" };
        let mut wide = format!("({operation} {wide_a} {wide_b})");
        if matches!(name, "adc" | "sbb") {
            let carry = &self.processor.machine.flags.carry;
            let one = number(1, bits + 1);
            wide = format!("(ite {carry} ({operation} {wide} {one}) {wide})");
        }
        let wide = self.word(bits + 1, wide);
        // The bit above says what was carried or borrowed.
        let carry = self.truth(Self::top(&wide, bits + 1));
        let result = self.word(bits, part(&wide, 0, bits));
        let overflow = match is_sum {
            true => format!("(bvand (bvxor {a} {result}) (bvxor {b} {result}))"),
            false => format!("(bvand (bvxor {a} {b}) (bvxor {a} {result}))"),
        };
        let overflow = self.truth(Self::top(&overflow, bits));
        self.set_flags(bits, &result, carry, overflow);
        if name == "cmp" {
            return Some(());
        }
        let region = match name {
            "add" if left.region.is_none() => right.region,
            "add" | "sub" if right.region.is_none() => left.region,
            _ => None,
        };
        self.write_word(0, bits, Word { term: result, region })
    }

    fn logic(&mut self, name: &str) -> Option<()> {
        let bits = self.width()?;
        let (left, right) = (self.read(0, bits)?, self.read(1, bits)?);
        let operation = match name {
            "or" => "bvor",
            "xor" => "bvxor",
            _ => "bvand",
        };
        let result = self.word(bits, format!("({operation} {} {})", left.term, right.term));
        self.set_flags(bits, &result, "false".to_string(), "false".to_string());
        if name == "test" {
            return Some(());
        }
        // A place of the same region, rounded down; whether it is inside is asked elsewhere.
        let region = if name == "and" { left.region } else { None };
        self.write_word(0, bits, Word { term: result, region })
    }

    fn unary(&mut self, name: &str) -> Option<()> {
        let bits = self.bits(0)?;
        let old = self.read(0, bits)?;
        let a = &old.term;
        let one = number(1, bits);
        let result = self.word(
            bits,
            match name {
                "inc" => format!("(bvadd {a} {one})"),
                "dec" => format!("(bvsub {a} {one})"),
                "neg" => format!("(bvneg {a})"),
                _ => format!("(bvnot {a})"),
            },
        );
        let least = number(1 << (bits - 1), bits);
        let most = number((1 << (bits - 1)) - 1, bits);
        let carry = self.processor.machine.flags.carry.clone();
        match name {
            "inc" => self.set_flags(bits, &result, carry, format!("(= {a} {most})")),
            "dec" => self.set_flags(bits, &result, carry, format!("(= {a} {least})")),
            "neg" => {
                let carry = format!("(not (= {a} (_ bv0 {bits})))");
                self.set_flags(bits, &result, carry, format!("(= {a} {least})"));
            }
            _ => {}
        }
        let region = if matches!(name, "inc" | "dec") { old.region } else { None };
        self.write_word(0, bits, Word { term: result, region })
    }

    /// The count of a shift or rotation, as many bits as the value, below 32 or 64.
    fn shift_count(&mut self, at: usize, bits: u32) -> Option<Term> {
        let mask = if bits == 64 { 63 } else { 31 };
        match self.inst.operands.get(at) {
            None => Some(number(1, bits)),
            Some(Operand::Imm(count)) => Some(number(*count & mask, bits)),
            Some(Operand::Reg(view)) => {
                let from = 8 * view.class.bytes();
                let count = self.processor.view(*view)?.term;
                let count = match from > bits {
                    true => part(&count, 0, bits),
                    false => zeros_above(&count, from, bits),
                };
                Some(self.word(bits, format!("(bvand {count} {})", number(mask, bits))))
            }
            Some(_) => None,
        }
    }

    fn shifted(&mut self, name: &str, value: &str, count: &str, bits: u32) -> Term {
        let operation = match &name[..3] {
            "shr" => "bvlshr",
            "sar" => "bvashr",
            _ => "bvshl",
        };
        self.word(bits, format!("({operation} {value} {count})"))
    }

    fn shift(&mut self, name: &str) -> Option<()> {
        let bits = self.bits(0)?;
        let value = self.read(0, bits)?.term;
        let count = self.shift_count(1, bits)?;
        let result = self.shifted(name, &value, &count, bits);
        let old = self.flags();
        // What was shifted out last is right for counts up to the width; it is not asked for more.
        let less = format!("(bvsub {count} {})", number(1, bits));
        let out = match name {
            "shr" => part(&format!("(bvlshr {value} {less})"), 0, 1),
            "sar" => part(&format!("(bvashr {value} {less})"), 0, 1),
            _ => part(&format!("(bvshl {value} {less})"), bits - 1, 1),
        };
        let any = self.processor.script.any_truth();
        let within = format!("(bvule {count} {})", number(i128::from(bits), bits));
        let carry = self.truth(format!("(ite {within} (= {out} #b1) {any})"));
        let overflow = self.processor.script.any_truth();
        self.set_flags(bits, &result, carry, overflow);
        self.unless_zero(&count, bits, &old);
        self.write(0, bits, result)
    }

    /// A count of 0 leaves the flags as they were.
    fn unless_zero(&mut self, count: &str, bits: u32, old: &Flags) {
        let is_zero = format!("(= {count} (_ bv0 {bits}))");
        let new = self.flags();
        let mut either = |old: &str, new: &str| {
            self.processor.script.truth(format!("(ite {is_zero} {old} {new})"))
        };
        let flags = Flags {
            carry: either(&old.carry, &new.carry),
            zero: either(&old.zero, &new.zero),
            sign: either(&old.sign, &new.sign),
            overflow: either(&old.overflow, &new.overflow),
            parity: either(&old.parity, &new.parity),
        };
        self.processor.machine.flags = flags;
    }

    fn shift_to(&mut self, name: &str) -> Option<()> {
        let bits = self.bits(0)?;
        let value = self.read(1, bits)?.term;
        let count = self.shift_count(2, bits)?;
        let result = self.shifted(name, &value, &count, bits);
        self.write(0, bits, result)
    }

    fn rotate(&mut self, name: &str) -> Option<()> {
        let bits = self.bits(0)?;
        let from = usize::from(name == "rorx");
        let value = self.read(from, bits)?.term;
        let Operand::Imm(count) = self.inst.operands.get(from + 1)? else { return None };
        let count = *count as u32 & if bits == 64 { 63 } else { 31 };
        let direction = if name == "rol" { "rotate_left" } else { "rotate_right" };
        let result = self.word(bits, format!("((_ {direction} {}) {value})", count % bits));
        if name != "rorx" && count > 0 {
            self.processor.machine.flags.carry = self.processor.script.any_truth();
            self.processor.machine.flags.overflow = self.processor.script.any_truth();
        }
        self.write(0, bits, result)
    }

    fn multiply(&mut self) -> Option<()> {
        let bits = self.bits(0)?;
        let at = self.inst.operands.len().checked_sub(2)?;
        let (left, right) = (self.read(at, bits)?.term, self.read(at + 1, bits)?.term);
        let result = self.word(bits, format!("(bvmul {left} {right})"));
        self.processor.machine.flags = Flags::any(self.processor.script);
        self.write(0, bits, result)
    }

    fn exchange(&mut self) -> Option<()> {
        let bits = self.width()?;
        let (left, right) = (self.read(0, bits)?, self.read(1, bits)?);
        self.write_word(0, bits, right)?;
        self.write_word(1, bits, left)
    }

    fn reverse(&mut self) -> Option<()> {
        let bits = self.bits(0)?;
        let value = self.read(0, bits)?.term;
        let bytes: Vec<Term> = (0..bits / 8).map(|byte| part(&value, 8 * byte, 8)).collect();
        let result = self.word(bits, format!("(concat {})", bytes.join(" ")));
        self.write(0, bits, result)
    }

    fn push(&mut self) -> Option<()> {
        let bits = match self.inst.operands.first()? {
            Operand::Imm(_) => 64,
            _ => self.bits(0)?,
        };
        let word = self.read(0, bits)?;
        self.processor.push(bits / 8, word);
        Some(())
    }

    fn pop(&mut self) -> Option<()> {
        let bits = self.bits(0)?;
        let word = self.processor.pop(bits / 8);
        self.write_word(0, bits, word)
    }

    fn keep_low(&mut self) -> Option<()> {
        let bits = self.bits(0)?;
        let value = self.read(1, bits)?.term;
        let count = self.read(2, bits)?.term;
        let count = self.word(bits, zeros_above(&part(&count, 0, 8), 8, bits));
        let one = number(1, bits);
        let low = format!("(bvand {value} (bvsub (bvshl {one} {count}) {one}))");
        let all = format!("(bvuge {count} {})", number(i128::from(bits), bits));
        let result = self.word(bits, format!("(ite {all} {value} {low})"));
        let carry = self.truth(all);
        self.set_flags(bits, &result, carry, "false".to_string());
        self.write(0, bits, result)
    }

    fn bit_logic(&mut self, name: &str) -> Option<()> {
        let bits = self.bits(0)?;
        let a = self.read(1, bits)?.term;
        let one = number(1, bits);
        let is_zero = format!("(= {a} (_ bv0 {bits}))");
        let (result, carry) = match name {
            "andn" => {
                let b = self.read(2, bits)?.term;
                (format!("(bvand (bvnot {a}) {b})"), "false".to_string())
            }
            "blsr" => (format!("(bvand {a} (bvsub {a} {one}))"), is_zero),
            "blsi" => (format!("(bvand {a} (bvneg {a}))"), format!("(not {is_zero})")),
            _ => (format!("(bvxor {a} (bvsub {a} {one}))"), is_zero),
        };
        let result = self.word(bits, result);
        self.set_flags(bits, &result, carry, "false".to_string());
        self.write(0, bits, result)
    }

    fn count(&mut self, name: &str) -> Option<()> {
        let bits = self.bits(0)?;
        let a = self.read(1, bits)?.term;
        let is_zero = self.truth(format!("(= {a} (_ bv0 {bits}))"));
        let result = match name {
            "popcnt" => {
                let ones: Vec<Term> =
                    (0..bits).map(|bit| zeros_above(&part(&a, bit, 1), 1, 8)).collect();
                zeros_above(&format!("(bvadd {})", ones.join(" ")), 8, bits)
            }
            "tzcnt" | "bsf" => (0..bits).rev().fold(number(i128::from(bits), bits), |rest, bit| {
                let found = part(&a, bit, 1);
                format!("(ite (= {found} #b1) {} {rest})", number(i128::from(bit), bits))
            }),
            _ => (0..bits).fold(number(i128::from(bits), bits), |rest, bit| {
                let is_count = name == "lzcnt";
                let value = if is_count { bits - 1 - bit } else { bit };
                let found = part(&a, bit, 1);
                format!("(ite (= {found} #b1) {} {rest})", number(i128::from(value), bits))
            }),
        };
        let mut result = self.word(bits, result);
        let mut flags = Flags::any(self.processor.script);
        match name {
            "popcnt" => {
                let no = || "false".to_string();
                flags =
                    Flags { carry: no(), zero: is_zero, sign: no(), overflow: no(), parity: no() };
            }
            "tzcnt" | "lzcnt" => {
                flags.carry = is_zero;
                flags.zero = self.truth(format!("(= {result} (_ bv0 {bits}))"));
            }
            // Of 0 the destination is undefined by one maker and kept by the other.
            _ => {
                flags.zero = is_zero.clone();
                let any = self.processor.script.any(bits);
                result = self.word(bits, format!("(ite {is_zero} {any} {result})"));
                if bits == 32 {
                    let Operand::Reg(view) = self.inst.operands.first()? else { return None };
                    let wide = zeros_above(&result, 32, 64);
                    let any = self.processor.script.any(64);
                    let term = self.word(64, format!("(ite {is_zero} {any} {wide})"));
                    self.processor.machine.flags = flags;
                    self.processor.set(view.reg, Word { term, region: None });
                    return Some(());
                }
            }
        }
        self.processor.machine.flags = flags;
        self.write(0, bits, result)
    }

    fn bit(&mut self, name: &str) -> Option<()> {
        let Operand::Reg(_) = self.inst.operands.first()? else { return None };
        let bits = self.bits(0)?;
        let value = self.read(0, bits)?.term;
        let index = self.read(1, bits)?.term;
        let index = format!("(bvand {index} {})", number(i128::from(bits - 1), bits));
        let bit = self.word(bits, format!("(bvshl {} {index})", number(1, bits)));
        let carry = self.truth(format!("(not (= (bvand {value} {bit}) (_ bv0 {bits})))"));
        let zero = self.processor.machine.flags.zero.clone();
        self.processor.machine.flags = Flags { carry, zero, ..Flags::any(self.processor.script) };
        let result = match name {
            "bt" => return Some(()),
            "bts" => format!("(bvor {value} {bit})"),
            "btr" => format!("(bvand {value} (bvnot {bit}))"),
            _ => format!("(bvxor {value} {bit})"),
        };
        let result = self.word(bits, result);
        self.write(0, bits, result)
    }

    fn extend_accumulator(&mut self, name: &str) -> Option<()> {
        let (rax, rdx) = (Reg::Physical(gp::RAX), Reg::Physical(gp::RDX));
        let view = |reg, class| View { reg, class };
        let (from, to, half) = match name {
            "cbw" => (8, view(rax, Class::Gp16), false),
            "cwde" => (16, view(rax, Class::Gp32), false),
            "cdqe" => (32, view(rax, Class::Gp64), false),
            "cwd" => (16, view(rdx, Class::Gp16), true),
            "cdq" => (32, view(rdx, Class::Gp32), true),
            _ => (64, view(rdx, Class::Gp64), true),
        };
        let old = self.processor.register(rax).term;
        let low = part(&old, 0, from);
        let result = match half {
            true => {
                let (wide, both) = (sign_above(&low, from, 2 * from), from);
                part(&wide, both, from)
            }
            false => sign_above(&low, from, 2 * from),
        };
        let bits = 8 * to.class.bytes();
        let term = self.word(bits, result);
        self.processor.set_view(to, Word { term, region: None });
        Some(())
    }

    fn move_if(&mut self, condition: &str) -> Option<()> {
        let bits = self.bits(0)?;
        let holds = conditions::term(condition, &self.flags())?;
        let (old, new) = (self.read(0, bits)?, self.read(1, bits)?);
        let region = old.region.filter(|region| new.region == Some(*region));
        let term = self.word(bits, format!("(ite {holds} {} {})", new.term, old.term));
        self.write_word(0, bits, Word { term, region })
    }

    /// String instructions: pointers move by what was touched (SDM volume 1, 7.3.9).
    fn string(&mut self, kind: &str, bytes: u32) -> Option<()> {
        let (rcx, rsi, rdi) =
            (Reg::Physical(gp::RCX), Reg::Physical(gp::RSI), Reg::Physical(gp::RDI));
        let pointers: &[Reg] = match kind {
            "movs" | "cmps" => &[rsi, rdi],
            "lods" => &[rsi],
            _ => &[rdi],
        };
        let is_repeated = self.inst.prefixes.rep || self.inst.prefixes.repne;
        let done = match (is_repeated, kind) {
            (false, _) => number(1, 64),
            // A comparison may end early.
            (true, "cmps" | "scas") => {
                let (done, most) =
                    (self.processor.script.any(64), self.processor.register(rcx).term);
                let script = &mut self.processor.script;
                script.assume(&format!("(bvule {done} {most})"));
                // Something is compared before it ends.
                script.assume(&format!("(=> (= {done} (_ bv0 64)) (= {most} (_ bv0 64)))"));
                done
            }
            (true, _) => self.processor.register(rcx).term,
        };
        let step = self.word(64, format!("(bvmul {} {done})", number(i128::from(bytes), 64)));
        if matches!(kind, "movs" | "stos") {
            let written = self.processor.register(rdi).region;
            self.processor.forget_in(written.filter(|_| !self.source.in_unsafe));
        }
        for pointer in pointers {
            let old = self.processor.register(*pointer);
            let term = match self.processor.machine.is_upward {
                true => self.word(64, format!("(bvadd {} {step})", old.term)),
                false => self.processor.script.any(64),
            };
            self.processor.set(*pointer, Word { term, region: old.region });
        }
        if is_repeated {
            let old = self.processor.register(rcx).term;
            let left = self.word(64, format!("(bvsub {old} {done})"));
            self.processor.set(rcx, Word { term: left, region: None });
        }
        if kind == "lods" {
            let class = match bytes {
                1 => Class::Gp8,
                2 => Class::Gp16,
                4 => Class::Gp32,
                _ => Class::Gp64,
            };
            // Of several, the last one stays; of none, the old value does.
            let term = self.processor.script.any(8 * bytes);
            let view = View { reg: Reg::Physical(gp::RAX), class };
            if is_repeated {
                self.processor.forget(view.reg, 0xFF, 0);
            } else {
                self.processor.set_view(view, Word { term, region: None });
            }
        }
        if matches!(kind, "cmps" | "scas") {
            self.processor.machine.flags = Flags::any(self.processor.script);
        }
        Some(())
    }

    /// Moves and logic of mask registers.
    fn masks(&mut self, name: &str) -> Option<()> {
        let bits = match name.chars().last()? {
            'b' => 8,
            'w' => 16,
            'd' => 32,
            'q' => 64,
            _ => return None,
        };
        let stem = &name[..name.len() - 1];
        let result = match stem {
            "kmov" => self.mask(1, bits)?,
            "knot" => format!("(bvnot {})", self.mask(1, bits)?),
            "kand" | "kor" | "kxor" | "kxnor" | "kandn" => {
                let (a, b) = (self.mask(1, bits)?, self.mask(2, bits)?);
                match stem {
                    "kand" => format!("(bvand {a} {b})"),
                    "kor" => format!("(bvor {a} {b})"),
                    "kxor" => format!("(bvxor {a} {b})"),
                    "kxnor" => format!("(bvnot (bvxor {a} {b}))"),
                    _ => format!("(bvand (bvnot {a}) {b})"),
                }
            }
            "kshiftl" | "kshiftr" => {
                let a = self.mask(1, bits)?;
                let Operand::Imm(count) = self.inst.operands.get(2)? else { return None };
                let operation = if stem == "kshiftl" { "bvshl" } else { "bvlshr" };
                // All eight bits of the count are looked at.
                match *count & 0xFF < i128::from(bits) {
                    true => format!("({operation} {a} {})", number(*count & 0xFF, bits)),
                    false => number(0, bits),
                }
            }
            _ => return None,
        };
        let result = self.word(bits, result);
        match self.inst.operands.first()? {
            Operand::Reg(view) if view.class.bank() == Bank::Mask => {
                let wide = self.word(64, zeros_above(&result, bits, 64));
                self.processor.machine.masks.insert(view.reg, wide);
                Some(())
            }
            Operand::Reg(view) if view.class.bank() == Bank::Gp => {
                let to = 8 * view.class.bytes();
                let wide = self.word(to, zeros_above(&result, bits, to));
                self.processor.set_view(*view, Word { term: wide, region: None });
                Some(())
            }
            Operand::Mem(_) => self.write(0, bits, result),
            _ => None,
        }
    }

    /// The low `bits` bits of a mask or of what becomes one.
    fn mask(&mut self, at: usize, bits: u32) -> Option<Term> {
        match self.inst.operands.get(at)? {
            Operand::Reg(view) if view.class.bank() == Bank::Mask => {
                Some(part(&self.processor.mask(view.reg), 0, bits))
            }
            Operand::Reg(view) => {
                let word = self.processor.view(View { reg: view.reg, class: Class::Gp64 })?;
                Some(part(&word.term, 0, bits))
            }
            Operand::Mem(mem) => Some(self.processor.load(mem, bits).term),
            _ => None,
        }
    }
}
