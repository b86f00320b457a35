//! Random instructions: mostly of a form, with operands of another kind mixed in.

use super::generate::{base, indexed, named_size, plain_instruction, register};
use peach_compiler::ir::{Base, Instruction, Mem, Operand, Prefixes, Rounding, View};
use peach_compiler::isa::{Bank, Class, Form, MemForm, Mnemonic, OperandForm, PhysReg};
use peach_testing::Random;

/// A random instruction, valid or not.
pub fn instruction(random: &mut Random, mnemonics: &[Mnemonic]) -> Instruction<PhysReg> {
    let mnemonic = random.pick(mnemonics);
    let forms = mnemonic.forms();
    if forms.is_empty() {
        return Instruction::new(mnemonic, Vec::new());
    }
    let form = &forms[random.below(forms.len())];
    let mut inst = plain_instruction(mnemonic, form, None);
    inst.operands = form.operands().iter().map(|o| operand(random, form, o)).collect();
    if random.one_in(20) {
        inst.operands.pop();
    }
    let has_vectors = |o: &OperandForm| {
        o.class.is_some_and(|class| matches!(class.bank(), Bank::Vector | Bank::Mask))
    };
    let takes_decorations = form.operands().iter().any(has_vectors) && inst.operands.len() > 1;
    if takes_decorations && random.one_in(8) {
        inst.mask = Some(View { reg: PhysReg::mask(random.below(8) as u8), class: Class::K });
        inst.zeroing = random.one_in(2);
    }
    if takes_decorations && random.one_in(12) {
        let modes =
            [Rounding::Nearest, Rounding::Down, Rounding::Up, Rounding::Zero, Rounding::Sae];
        inst.rounding = Some(random.pick(&modes));
    }
    if random.one_in(30) {
        inst.prefixes = Prefixes { lock: true, ..Prefixes::default() };
    }
    inst
}

fn operand(random: &mut Random, form: &Form, accepted: &OperandForm) -> Operand<PhysReg> {
    if random.one_in(15) && accepted.branch.is_none() {
        return stranger(random);
    }
    if let Some(memory) = accepted.memory
        && (accepted.class.is_none() || random.one_in(2))
    {
        return Operand::Mem(memory_operand(random, form, memory));
    }
    if let Some(class) = accepted.class {
        let class = if class == Class::Gp8 && random.one_in(5) { Class::Gp8h } else { class };
        return any_register(random, class);
    }
    if accepted.branch.is_some() {
        return Operand::Relative(number(random) as i32 as i64);
    }
    Operand::Imm(number(random))
}

/// An operand of any kind.
fn stranger(random: &mut Random) -> Operand<PhysReg> {
    let classes = [
        Class::Gp8,
        Class::Gp16,
        Class::Gp32,
        Class::Gp64,
        Class::Xmm,
        Class::Ymm,
        Class::Zmm,
        Class::Mmx,
        Class::K,
    ];
    match random.below(3) {
        0 => Operand::Imm(number(random)),
        1 => Operand::Mem(Mem { size: None, ..address(random) }),
        _ => {
            let class = random.pick(&classes);
            any_register(random, class)
        }
    }
}

fn any_register(random: &mut Random, class: Class) -> Operand<PhysReg> {
    let count = match class.bank() {
        Bank::Vector => 32,
        Bank::Gp if class == Class::Gp8h => 4,
        Bank::Gp => 16,
        Bank::Segment => 6,
        Bank::Control => 9,
        _ => 8,
    };
    register(class, random.below(count) as u8)
}

fn number(random: &mut Random) -> i128 {
    let bits = random.below(64) as u32;
    let value = i128::from(random.bits() >> bits);
    if random.one_in(3) { -value } else { value }
}

fn memory_operand(random: &mut Random, form: &Form, accepted: MemForm) -> Mem<PhysReg> {
    let mut mem = address(random);
    if let MemForm::Vector(class) = accepted {
        let num = random.below(32) as u8;
        mem.index = Some((View { reg: PhysReg::vector(num), class }, 1 << random.below(4)));
    }
    mem.size = named_size(form.memory_size());
    if random.one_in(10) {
        mem.size = None;
    }
    if let Some(element) = form.broadcast_size()
        && random.one_in(3)
    {
        mem.size = Some(element);
        mem.broadcast = Some((form.memory_size() / element) as u8);
    }
    mem
}

fn address(random: &mut Random) -> Mem<PhysReg> {
    let gp = |random: &mut Random| PhysReg::gp(random.below(16) as u8);
    let disp = match random.below(4) {
        0 => 0,
        1 => (random.bits() as i8).into(),
        2 => 64 * i64::from(random.bits() as i8),
        _ => (random.bits() as i32).into(),
    };
    match random.below(8) {
        0..=2 => Mem::new(base(gp(random)), disp),
        3..=4 => {
            let scale = 1 << random.below(4);
            let (b, i) = (gp(random), gp(random));
            indexed(base(b), i, Class::Gp64, scale, disp)
        }
        5 => indexed(Base::None, gp(random), Class::Gp64, 2 << random.below(3), disp),
        6 => Mem::new(Base::Reg(View { reg: gp(random), class: Class::Gp32 }), disp),
        _ => Mem::new(Base::Rip, disp),
    }
}
