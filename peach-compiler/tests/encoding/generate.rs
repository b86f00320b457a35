//! Writes instructions that walk every form of the tables times the shapes of its operands.
//!
//! Register numbers of each class (low, high, above 15), addresses of every kind (the corners of
//! `rsp`, `rbp`, `r12`, `r13`, displacements around 8 bits and around EVEX's compressed ones, no
//! base, 32-bit registers, `rip`, segments, vector indices), masks, broadcasts, rounding modes and
//! the boundaries of every immediate field.

use peach_compiler::ir::{
    Base, ForcedEncoding, Instruction, Mem, Operand, Prefixes, Rounding, View,
};
use peach_compiler::isa::{
    Bank, Class, Family, Form, ImmForm, MemForm, Mnemonic, OperandForm, PhysReg, gp,
};
use std::collections::HashSet;

/// Every instruction of the corpus, each once.
pub fn corpus() -> Vec<Instruction<PhysReg>> {
    let mut corpus = Corpus::default();
    // Those that iced lacks come last, so that they take no turn from others.
    for is_own in [false, true] {
        for mnemonic in Mnemonic::all() {
            let forms = mnemonic.forms().iter();
            for form in forms.filter(|form| form.opcode().iced().is_none() == is_own) {
                corpus.walk(mnemonic, form);
            }
        }
    }
    corpus.instructions
}

#[derive(Default)]
struct Corpus {
    instructions: Vec<Instruction<PhysReg>>,
    seen: HashSet<String>,
    /// Turns through lists of which each form gets a part.
    turn: usize,
}

impl Corpus {
    fn add(&mut self, inst: Instruction<PhysReg>) {
        if self.seen.insert(inst.to_string()) {
            self.instructions.push(inst);
        }
    }

    fn walk(&mut self, mnemonic: Mnemonic, form: &Form) {
        self.turn += 1;
        let memory = form.operands().iter().position(|o| o.memory.is_some());
        if form.operands().iter().all(|o| o.memory.is_none() || o.class.is_some()) {
            let plain = plain_instruction(mnemonic, form, None);
            self.registers(form, &plain);
            self.immediates(form, &plain);
            self.decorations(form, &plain);
            self.encodings(form, &plain);
            self.prefixes(form, &plain);
        }
        if let Some(position) = memory {
            let plain = plain_instruction(mnemonic, form, Some(position));
            self.addresses(form, &plain, position);
            self.immediates(form, &plain);
            self.decorations(form, &plain);
            self.encodings(form, &plain);
            self.prefixes(form, &plain);
        }
    }

    /// Each register operand in turn takes the numbers where encodings change.
    fn registers(&mut self, form: &Form, plain: &Instruction<PhysReg>) {
        self.add(plain.clone());
        for (position, accepted) in form.operands().iter().enumerate() {
            let Some(class) = accepted.class else { continue };
            for num in [0, 1, 4, 5, 7, 8, 12, 15, 16, 23, 31] {
                if !accepted.registers.contains(num) {
                    continue;
                }
                let mut inst = plain.clone();
                inst.operands[position] = register(class, num);
                self.add(inst);
            }
            if class == Class::Gp8 {
                for num in 0..4 {
                    let mut inst = plain.clone();
                    inst.operands[position] = register(Class::Gp8h, num);
                    self.add(inst);
                }
            }
        }
        // All operands high, and anyway.
        for num in [0, 9, 20] {
            let mut inst = plain.clone();
            for (operand, accepted) in inst.operands.iter_mut().zip(form.operands()) {
                if let (Operand::Reg(view), Some(class)) = (&*operand, accepted.class)
                    && view.class == class
                    && accepted.registers.contains(num)
                {
                    *operand = register(class, num);
                }
            }
            self.add(inst);
        }
    }

    fn immediates(&mut self, form: &Form, plain: &Instruction<PhysReg>) {
        for (position, accepted) in form.operands().iter().enumerate() {
            let values: &[i128] = match (accepted.imm, accepted.branch) {
                (_, Some(_)) => &[0, 5, -5, 127, 128, -128, -129, 0x7fff_ffff, -0x8000_0000],
                (Some(ImmForm::Exactly(_)), _) => &[1, 2, 3],
                (Some(ImmForm::Bits4), _) => &[0, 1, 3, 15],
                (Some(ImmForm::Byte), _) => &[0, 1, 3, 17, 127, 128, 255, 256, -1, -128, -129],
                (Some(ImmForm::Word), _) => {
                    &[0, 1, 127, 128, 255, 0x7fff, 0xff80, 0xffff, -128, -129]
                }
                (Some(_), _) => &[
                    0,
                    1,
                    127,
                    128,
                    0xff,
                    0xff80,
                    0xffff,
                    0x7fff_ffff,
                    0x8000_0000,
                    0xffff_ff7f,
                    0xffff_ff80,
                    0xffff_ffff,
                    0x1_0000_0000,
                    0x7fff_ffff_ffff_ffff,
                    0xffff_ffff_7fff_ffff,
                    0xffff_ffff_8000_0000,
                    0xffff_ffff_ffff_ff80,
                    0xffff_ffff_ffff_ffff,
                    -1,
                    -128,
                    -129,
                    -0x8000_0000,
                    -0x8000_0001,
                ],
                _ => &[],
            };
            for &value in values {
                let mut inst = plain.clone();
                inst.operands[position] = match accepted.branch {
                    Some(_) => Operand::Relative(value as i64),
                    None => Operand::Imm(value),
                };
                self.add(inst);
            }
        }
    }

    fn decorations(&mut self, form: &Form, plain: &Instruction<PhysReg>) {
        if form.takes_mask() {
            for (num, zeroing) in [(1, false), (7, true), (2 + self.turn as u8 % 5, false)] {
                let mut inst = plain.clone();
                inst.mask = Some(View { reg: PhysReg::mask(num), class: Class::K });
                inst.zeroing = zeroing;
                self.add(inst);
            }
        }
        let modes =
            [Rounding::Nearest, Rounding::Down, Rounding::Up, Rounding::Zero, Rounding::Sae];
        if form.family() == Family::Evex {
            for mode in modes {
                let mut inst = plain.clone();
                inst.rounding = Some(mode);
                self.add(inst);
            }
        }
        if let Some(element) = form.broadcast_size() {
            let memory = plain.operands.iter().position(|o| matches!(o, Operand::Mem(_)));
            for disp in
                [0, 4 * i64::from(element), 127 * i64::from(element), 128 * i64::from(element), 3]
            {
                let Some(position) = memory else { break };
                let mut inst = plain.clone();
                if let Operand::Mem(mem) = &mut inst.operands[position] {
                    mem.size = Some(element);
                    mem.broadcast = Some((form.memory_size() / element) as u8);
                    mem.disp = disp;
                }
                self.add(inst);
            }
        }
    }

    fn encodings(&mut self, form: &Form, plain: &Instruction<PhysReg>) {
        if form.family() == Family::Legacy || form.family() == Family::Xop {
            return;
        }
        for forced in [ForcedEncoding::Vex, ForcedEncoding::Vex3, ForcedEncoding::Evex] {
            let mut inst = plain.clone();
            inst.encoding = Some(forced);
            self.add(inst);
        }
    }

    fn prefixes(&mut self, form: &Form, plain: &Instruction<PhysReg>) {
        let all = [
            Prefixes { lock: true, ..Prefixes::default() },
            Prefixes { rep: true, ..Prefixes::default() },
            Prefixes { repne: true, ..Prefixes::default() },
            Prefixes { lock: true, xacquire: true, ..Prefixes::default() },
            Prefixes { lock: true, xrelease: true, ..Prefixes::default() },
            Prefixes { xrelease: true, ..Prefixes::default() },
            Prefixes { bnd: true, ..Prefixes::default() },
            Prefixes { notrack: true, ..Prefixes::default() },
        ];
        let is_vector =
            form.operands().iter().any(|o| o.class.is_some_and(|c| c.bank() == Bank::Vector));
        // GNU as 2.40 ends with an internal error on XOP instructions with `bnd`.
        if form.family() == Family::Legacy && !is_vector {
            for prefixes in all {
                self.add(Instruction { prefixes, ..plain.clone() });
            }
        }
    }

    fn addresses(&mut self, form: &Form, plain: &Instruction<PhysReg>, position: usize) {
        let accepted = form.operands()[position].memory.expect("a memory operand");
        let size = named_size(form.memory_size());
        let all = match accepted {
            MemForm::Offset => offsets(),
            MemForm::Vector(class) => vector_addresses(class),
            _ => plain_addresses(i64::from(form.memory_size().max(1))),
        };
        // Each form gets a part of them, so that neighbors together get all.
        let (count, step) = (14, 7);
        for n in 0..count.min(all.len()) {
            let mut mem = all[(self.turn * 5 + n * step) % all.len()].clone();
            mem.size = size;
            let mut inst = plain.clone();
            inst.operands[position] = Operand::Mem(mem);
            self.add(inst);
        }
        let mut inst = plain.clone();
        if let Operand::Mem(mem) = &mut inst.operands[position] {
            mem.size = None;
        }
        self.add(inst);
    }
}

pub fn named_size(bytes: u32) -> Option<u32> {
    peach_compiler::isa::size_name(bytes).map(|_| bytes)
}

/// An instruction of this form with everyday operands.
pub fn plain_instruction(
    mnemonic: Mnemonic,
    form: &Form,
    memory: Option<usize>,
) -> Instruction<PhysReg> {
    let operands = form
        .operands()
        .iter()
        .enumerate()
        .map(|(position, accepted)| {
            if memory == Some(position) {
                return plain_memory(form, accepted.memory.expect("a memory operand"));
            }
            plain_operand(accepted, position)
        })
        .collect();
    let mut inst = Instruction::new(mnemonic, operands);
    if form.needs_mask() {
        inst.mask = Some(View { reg: PhysReg::mask(3), class: Class::K });
    }
    inst
}

fn plain_operand(accepted: &OperandForm, position: usize) -> Operand<PhysReg> {
    if let Some(class) = accepted.class {
        let wanted = [2, 3, 6, 1, 5][position];
        let num = if accepted.registers.contains(wanted) {
            wanted
        } else {
            accepted.registers.iter().nth(1).or(accepted.registers.iter().next()).unwrap_or(0)
        };
        return register(class, num);
    }
    if accepted.branch.is_some() {
        return Operand::Relative(16);
    }
    Operand::Imm(match accepted.imm {
        Some(ImmForm::Exactly(only)) => only.into(),
        _ => 9,
    })
}

fn plain_memory(form: &Form, accepted: MemForm) -> Operand<PhysReg> {
    let mut mem = match accepted {
        MemForm::Offset => Mem::new(Base::None, 0x1122_3344_5566_7788),
        _ => Mem::new(base(gp::RBX), 0),
    };
    if let MemForm::Vector(class) = accepted {
        mem.index = Some((View { reg: PhysReg::vector(4), class }, 4));
    }
    mem.size = named_size(form.memory_size());
    Operand::Mem(mem)
}

pub fn register(class: Class, num: u8) -> Operand<PhysReg> {
    Operand::Reg(View { reg: PhysReg::new(class.bank(), num), class })
}

pub fn base(reg: PhysReg) -> Base<PhysReg> {
    Base::Reg(View { reg, class: Class::Gp64 })
}

pub fn indexed(
    base: Base<PhysReg>,
    index: PhysReg,
    class: Class,
    scale: u8,
    disp: i64,
) -> Mem<PhysReg> {
    Mem { index: Some((View { reg: index, class }, scale)), ..Mem::new(base, disp) }
}

/// Addresses of every kind; displacements include those that `size` bytes compress to one byte.
fn plain_addresses(size: i64) -> Vec<Mem<PhysReg>> {
    let base32 = |num| Base::Reg(View { reg: PhysReg::gp(num), class: Class::Gp32 });
    let mut all = Vec::new();
    for num in [0, 4, 5, 7, 8, 12, 13, 15] {
        for disp in [0, 8, 127, -128, 128, -129] {
            all.push(Mem::new(base(PhysReg::gp(num)), disp));
        }
    }
    for disp in [size, -size, 127 * size, 128 * size, -128 * size, -129 * size, size / 2 + 64] {
        all.push(Mem::new(base(gp::RSI), disp));
        all.push(indexed(base(gp::R9), gp::RDI, Class::Gp64, 2, disp));
    }
    for (b, i, scale, disp) in [
        (0, 1, 1, 0),
        (5, 5, 2, 0),
        (13, 13, 4, 0),
        (4, 12, 8, 0),
        (12, 8, 1, 4),
        (3, 13, 2, 127),
        (8, 0, 4, -128),
        (15, 15, 8, 0x1234),
        (13, 1, 1, 0),
        (1, 4, 1, 0),
        (9, 4, 1, 64),
        (4, 5, 1, 0),
    ] {
        all.push(indexed(base(PhysReg::gp(b)), PhysReg::gp(i), Class::Gp64, scale, disp));
        all.push(indexed(base32(b), PhysReg::gp(i), Class::Gp32, scale, disp));
    }
    for (i, scale, disp) in [(1, 2, 0), (5, 4, 64), (12, 8, 0x40), (13, 2, -8), (9, 8, 0x12345)] {
        all.push(indexed(Base::None, PhysReg::gp(i), Class::Gp64, scale, disp));
        all.push(indexed(Base::None, PhysReg::gp(i), Class::Gp32, scale, disp));
    }
    for num in [0, 4, 5, 12, 13] {
        all.push(Mem::new(base32(num), 0));
        all.push(Mem::new(base32(num), -64));
    }
    let eip = Base::Reg(View { reg: PhysReg::new(Bank::Ip, 0), class: Class::Eip });
    for disp in [0, 16, -5, 0x7fff_ffff] {
        all.push(Mem::new(Base::Rip, disp));
        all.push(Mem::new(eip, disp));
        all.push(Mem::new(Base::None, disp));
        all.push(Mem::new(base(gp::RCX), disp));
    }
    all.push(Mem::new(Base::None, -0x8000_0000));
    for segment in 0..6 {
        let segment = Some(PhysReg::new(Bank::Segment, segment));
        all.push(Mem { segment, ..Mem::new(base(gp::RAX), 8) });
        all.push(Mem { segment, ..Mem::new(base(gp::RBP), 0) });
        all.push(Mem { segment, ..Mem::new(Base::None, 40) });
        all.push(Mem { segment, ..Mem::new(base32(10), 0) });
    }
    all
}

fn vector_addresses(class: Class) -> Vec<Mem<PhysReg>> {
    let mut all = Vec::new();
    for num in [0, 5, 7, 8, 15, 16, 31] {
        for (b, scale, disp) in [
            (0, 1, 0),
            (5, 2, 0),
            (12, 4, 4),
            (13, 8, 508),
            (4, 1, 512),
            (8, 2, -512),
            (7, 4, 1),
            (15, 8, -516),
        ] {
            all.push(indexed(base(PhysReg::gp(b)), PhysReg::vector(num), class, scale, disp));
        }
        all.push(indexed(Base::None, PhysReg::vector(num), class, 4, 0x40));
        let narrow = Base::Reg(View { reg: gp::RDX, class: Class::Gp32 });
        all.push(indexed(narrow, PhysReg::vector(num), class, 2, 8));
        let segment = Some(PhysReg::new(Bank::Segment, 4));
        all.push(Mem { segment, ..indexed(base(gp::R11), PhysReg::vector(num), class, 1, 0) });
    }
    all
}

fn offsets() -> Vec<Mem<PhysReg>> {
    [
        0x1122_3344_5566_7788,
        0x8000_0000,
        0xffff_ffff,
        0x1_0000_0000,
        -0x8000_0001,
        i64::MIN,
        i64::MAX,
        5,
    ]
    .into_iter()
    .map(|disp| Mem::new(Base::None, disp))
    .collect()
}
