//! Random instances of every form, over physical registers.

use peach_compiler::ir::{Base, ForcedEncoding, Instruction, Mem, Operand, View};
use peach_compiler::isa::{
    Class, Family, Form, ImmForm, MemForm, Mnemonic, OperandForm, PhysReg, gp,
};
use peach_testing::Random;

/// A random instance of `form`; not every one can be encoded.
pub fn instance(mnemonic: Mnemonic, form: &Form, random: &mut Random) -> Instruction<PhysReg> {
    let memory = random.one_in(2);
    let repeat = random.one_in(3);
    let mut last: Option<PhysReg> = None;
    let mut inst = Instruction::new(mnemonic, Vec::new());
    for operand in form.operands() {
        let operand = match (operand.class, operand.memory) {
            (Some(class), mem) if mem.is_none() || !memory => {
                let mut reg = register(class, operand, random);
                if let Some(last) = last.filter(|last| {
                    repeat && last.bank == reg.bank && operand.registers.contains(last.num)
                }) {
                    reg = last;
                }
                last = Some(reg);
                let high = class == Class::Gp8 && reg.num < 4 && random.one_in(4);
                Operand::Reg(View { reg, class: if high { Class::Gp8h } else { class } })
            }
            (_, Some(kind)) => Operand::Mem(memory_operand(form, kind, random)),
            _ => Operand::Imm(immediate(operand.imm, random)),
        };
        inst.operands.push(operand);
    }
    if form.needs_mask() || form.takes_mask() && random.one_in(2) {
        let reg = PhysReg::mask(1 + random.below(7) as u8);
        inst.mask = Some(View { reg, class: Class::K });
        inst.zeroing = form.takes_zeroing() && random.one_in(2);
    }
    if form.family == Family::Evex {
        inst.encoding = Some(ForcedEncoding::Evex);
    }
    if form.is_string_instruction() {
        inst.prefixes.rep = random.one_in(2);
    }
    inst
}

fn register(class: Class, operand: &OperandForm, random: &mut Random) -> PhysReg {
    loop {
        let num = random.below(32) as u8;
        let reg = PhysReg::new(class.bank(), num);
        if operand.registers.contains(num) && reg != gp::RSP {
            return reg;
        }
    }
}

fn memory_operand(form: &Form, kind: MemForm, random: &mut Random) -> Mem<PhysReg> {
    // A register that few instructions name by themselves.
    let base = [gp::R8, gp::R10, gp::R13, gp::RBP][random.below(4) as usize];
    // All addresses of an instruction have one size.
    let is_narrow = form
        .operands()
        .iter()
        .any(|operand| operand.is_address && operand.class == Some(Class::Gp32));
    let class = if is_narrow { Class::Gp32 } else { Class::Gp64 };
    let mut mem = Mem::new(Base::Reg(View { reg: base, class }), 0);
    if form.memory_size != 0 {
        mem.size = Some(form.memory_size);
    }
    match kind {
        MemForm::Vector(class) => {
            let reg = PhysReg::vector(random.below(32) as u8);
            mem.index = Some((View { reg, class }, 1));
            mem.size = None;
        }
        _ => {
            if let Some(bytes) = form.broadcast_size.filter(|_| random.one_in(3)) {
                mem.broadcast = Some((form.memory_size / bytes) as u8);
                mem.size = Some(bytes);
            }
        }
    }
    mem
}

fn immediate(form: Option<ImmForm>, random: &mut Random) -> i128 {
    let corner = random.one_in(4);
    let value =
        if corner { [0, -1, 1, 15][random.below(4) as usize] } else { random.bits() as i64 };
    i128::from(match form {
        Some(ImmForm::Exactly(only)) => i64::from(only),
        Some(ImmForm::Bits4) => value & 15,
        Some(ImmForm::Byte) => i64::from(value as u8),
        Some(ImmForm::ByteTo(_)) => i64::from(value as i8),
        Some(ImmForm::Word) => i64::from(value as i16),
        Some(ImmForm::Dword | ImmForm::DwordTo8) => i64::from(value as i32),
        Some(ImmForm::Qword) | None => value,
    })
}
