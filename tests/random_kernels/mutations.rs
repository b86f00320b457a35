//! Damages correct code in ways that may change its meaning, to see whether the checker notices.

use peach_compiler::ir::{
    Base, Code, Instruction, Item, LabelId, Lowered, Mem, Operand, Origin, View,
};
use peach_compiler::isa::{Bank, Class, Mnemonic, PhysReg, gp};
use peach_testing::Random;

/// What can be done to a program; each says whether it found a target.
type Damage = fn(&mut Lowered, usize, &mut Random) -> bool;

/// Every kind of damage, with its name.
pub const KINDS: [(&str, Damage); 19] = [
    ("another register", |lowered, at, rng| on_instruction(lowered, at, rng, change_register)),
    ("another view", |lowered, at, rng| on_instruction(lowered, at, rng, change_class)),
    ("another address", |lowered, at, rng| on_instruction(lowered, at, rng, change_displacement)),
    ("another index", |lowered, at, rng| on_instruction(lowered, at, rng, change_index)),
    ("another memory size", |lowered, at, rng| on_instruction(lowered, at, rng, change_size)),
    ("another immediate", |lowered, at, rng| on_instruction(lowered, at, rng, change_immediate)),
    ("another mnemonic", |lowered, at, rng| on_instruction(lowered, at, rng, change_mnemonic)),
    ("another mask", |lowered, at, rng| on_instruction(lowered, at, rng, change_mask)),
    ("another prefix", |lowered, at, rng| on_instruction(lowered, at, rng, change_prefix)),
    ("operands exchanged", |lowered, at, rng| on_instruction(lowered, at, rng, exchange_operands)),
    ("a register in memory", |lowered, at, rng| on_instruction(lowered, at, rng, fold)),
    ("another target", change_target),
    ("an instruction less", remove),
    ("an instruction twice", duplicate),
    ("neighbors exchanged", exchange),
    ("a stray write", |lowered, at, rng| insert(lowered, at, stray_write(rng), rng)),
    ("a stray flag", |lowered, at, rng| insert(lowered, at, stray_flags(rng), rng)),
    ("a stray push", |lowered, at, rng| insert(lowered, at, stray_push(rng), rng)),
    ("upper halves lost", |lowered, at, rng| insert(lowered, at, inst("vzeroupper", vec![]), rng)),
];

/// `lowered` with one thing changed, the kind of damage, and what it was; `None` where the draw has
/// no target.
pub fn mutate(lowered: &Lowered, rng: &mut Random) -> Option<(Lowered, usize, String)> {
    let mut mutant = lowered.clone();
    let insts: Vec<usize> = (0..lowered.items.len())
        .filter(|&at| matches!(lowered.items[at].code, Code::Inst(_)))
        .collect();
    // What the compiler added is little, and where its mistakes would be.
    let added: Vec<usize> =
        insts.iter().copied().filter(|&at| is_added(&lowered.items[at])).collect();
    let places = if added.is_empty() || rng.below(3) == 0 { &insts } else { &added };
    let at = places[rng.below(places.len())];
    let kind = rng.below(KINDS.len());
    let done = KINDS[kind].1(&mut mutant, at, rng);
    let text = |lowered: &Lowered| match lowered.items.get(at).map(|item| &item.code) {
        Some(Code::Inst(inst)) => inst.to_string(),
        other => format!("{other:?}"),
    };
    let what = format!("{}: item {at}: `{}`, `{}`", KINDS[kind].0, text(lowered), text(&mutant));
    done.then_some((mutant, kind, what))
}

fn is_added(item: &Item) -> bool {
    !matches!(item.origin, Origin::Author(_))
}

fn on_instruction(
    lowered: &mut Lowered,
    at: usize,
    rng: &mut Random,
    change: impl FnOnce(&mut Instruction<PhysReg>, &mut Random) -> bool,
) -> bool {
    match &mut lowered.items[at].code {
        Code::Inst(inst) => change(inst, rng),
        _ => false,
    }
}

fn inst(name: &str, operands: Vec<Operand<PhysReg>>) -> Instruction<PhysReg> {
    Instruction::new(Mnemonic::parse(name).expect("an instruction"), operands)
}

fn reg(reg: PhysReg, class: Class) -> Operand<PhysReg> {
    Operand::Reg(View { reg, class })
}

/// Another register of the same bank, anywhere in the instruction.
fn change_register(inst: &mut Instruction<PhysReg>, rng: &mut Random) -> bool {
    let mut views: Vec<&mut View<PhysReg>> = Vec::new();
    for operand in &mut inst.operands {
        match operand {
            Operand::Reg(view) => views.push(view),
            Operand::Mem(mem) => {
                if let Base::Reg(view) = &mut mem.base {
                    views.push(view);
                }
                if let Some((view, _)) = &mut mem.index {
                    views.push(view);
                }
            }
            _ => {}
        }
    }
    views.extend(inst.mask.as_mut());
    views.retain(|view| matches!(view.reg.bank, Bank::Gp | Bank::Vector | Bank::Mask | Bank::Mmx));
    if views.is_empty() {
        return false;
    }
    let count = views.len();
    let view = &mut *views[rng.below(count)];
    let numbers = match view.reg.bank {
        Bank::Mask | Bank::Mmx => 8,
        Bank::Vector if view.class == Class::Zmm => 32,
        _ => 16,
    };
    let other = PhysReg::new(view.reg.bank, rng.below(numbers) as u8);
    let changed = other != view.reg && other != gp::RSP && view.reg != gp::RSP;
    view.reg = other;
    changed
}

/// More or fewer bytes of one register.
fn change_class(inst: &mut Instruction<PhysReg>, rng: &mut Random) -> bool {
    const GP: [Class; 5] = [Class::Gp8, Class::Gp8h, Class::Gp16, Class::Gp32, Class::Gp64];
    const VECTORS: [Class; 3] = [Class::Xmm, Class::Ymm, Class::Zmm];
    let count = inst.operands.len();
    let mut views: Vec<&mut View<PhysReg>> = Vec::new();
    for operand in &mut inst.operands {
        if let Operand::Reg(view) = operand {
            views.push(view);
        }
    }
    if views.is_empty() {
        return false;
    }
    // All of them together, as an instruction of another width, or one alone.
    let together = count > 1 && rng.below(2) == 0;
    let (choice, only) = (rng.below(15), rng.below(views.len()));
    let mut changed = false;
    for (index, view) in views.into_iter().enumerate() {
        let class = match view.class.bank() {
            Bank::Gp => GP[choice % GP.len()],
            Bank::Vector => VECTORS[choice % VECTORS.len()],
            _ => continue,
        };
        if (together || index == only) && view.reg != gp::RSP {
            changed |= view.class != class;
            view.class = class;
        }
    }
    changed
}

fn memory_of(inst: &mut Instruction<PhysReg>) -> Option<&mut Mem<PhysReg>> {
    inst.operands.iter_mut().find_map(|operand| match operand {
        Operand::Mem(mem) => Some(mem),
        _ => None,
    })
}

fn change_displacement(inst: &mut Instruction<PhysReg>, rng: &mut Random) -> bool {
    let Some(mem) = memory_of(inst) else { return false };
    let distance = [1, 4, 8, 16, 32, 64][rng.below(6)];
    mem.disp += if rng.below(2) == 0 { distance } else { -distance };
    true
}

fn change_index(inst: &mut Instruction<PhysReg>, rng: &mut Random) -> bool {
    let Some(mem) = memory_of(inst) else { return false };
    match (&mut mem.index, rng.below(3)) {
        (index @ Some(_), 0) => *index = None,
        (Some((_, scale)), 1) => *scale = if *scale == 1 { 2 } else { 1 },
        (Some((index, _)), _) => match &mut mem.base {
            Base::Reg(base) if base.class == index.class && base.reg != gp::RSP => {
                let changed = base != index;
                std::mem::swap(base, index);
                return changed;
            }
            _ => return false,
        },
        (index @ None, _) => {
            let reg = PhysReg::gp([0, 1, 2, 3, 5, 6, 7][rng.below(7)]);
            *index = Some((View { reg, class: Class::Gp64 }, 1));
        }
    }
    true
}

fn change_size(inst: &mut Instruction<PhysReg>, rng: &mut Random) -> bool {
    let Some(mem) = memory_of(inst) else { return false };
    let size = [None, Some(1), Some(2), Some(4), Some(8), Some(16), Some(32)][rng.below(7)];
    let changed = size != mem.size;
    mem.size = size;
    changed
}

fn change_immediate(inst: &mut Instruction<PhysReg>, rng: &mut Random) -> bool {
    for operand in &mut inst.operands {
        if let Operand::Imm(value) = operand {
            *value ^= [8, 16, 64, -1][rng.below(4)];
            return true;
        }
    }
    false
}

/// An instruction that takes the same operands.
fn change_mnemonic(inst: &mut Instruction<PhysReg>, rng: &mut Random) -> bool {
    const LIKE: [&[&str]; 9] = [
        &["add", "sub", "and", "or", "xor", "mov", "adc", "cmp", "test"],
        &["movzx", "movsx"],
        &["push", "pop", "not", "neg", "inc", "dec"],
        &["movss", "movsd", "movups", "movaps", "movq"],
        &["vmovss", "vmovsd", "vmovups", "vmovaps", "vmovq"],
        &["vpaddd", "vpaddq", "vpsubd", "vpxor", "vpmuludq"],
        &["kmovw", "kmovq", "kmovd", "kmovb"],
        &["shl", "shr", "sar", "rol", "ror"],
        &["mov", "movsxd", "xchg", "lea", "movzx"],
    ];
    let name = inst.mnemonic.name();
    let Some(like) = LIKE.iter().find(|like| like.contains(&name)) else { return false };
    let other = like[rng.below(like.len())];
    let changed = other != name;
    inst.mnemonic = Mnemonic::parse(other).expect("an instruction");
    changed
}

fn change_mask(inst: &mut Instruction<PhysReg>, rng: &mut Random) -> bool {
    match (inst.mask, rng.below(2)) {
        (Some(_), 0) => inst.zeroing = !inst.zeroing,
        (Some(_), _) => (inst.mask, inst.zeroing) = (None, false),
        (None, _) => inst.mask = Some(View { reg: PhysReg::mask(1), class: Class::K }),
    }
    true
}

fn change_prefix(inst: &mut Instruction<PhysReg>, rng: &mut Random) -> bool {
    let prefix = match rng.below(3) {
        0 => &mut inst.prefixes.lock,
        1 => &mut inst.prefixes.rep,
        _ => &mut inst.prefixes.repne,
    };
    *prefix = !*prefix;
    true
}

fn exchange_operands(inst: &mut Instruction<PhysReg>, rng: &mut Random) -> bool {
    let count = inst.operands.len();
    if count < 2 {
        return false;
    }
    let (a, b) = (rng.below(count), rng.below(count));
    let changed = inst.operands[a] != inst.operands[b];
    inst.operands.swap(a, b);
    changed
}

/// Memory of the frame in place of a register, as if it were spilled there, or memory after what
/// may be the address of an argument.
fn fold(inst: &mut Instruction<PhysReg>, rng: &mut Random) -> bool {
    let (reg, disp) = match rng.below(2) {
        0 => (gp::RSP, 8 * rng.below(24) as i64 - 96),
        _ => ([gp::RCX, gp::RDX, gp::R8, gp::R9][rng.below(4)], 8 * rng.below(2) as i64),
    };
    let mut mem = Mem::new(Base::Reg(View { reg, class: Class::Gp64 }), disp);
    let count = inst.operands.len();
    let Some(at) = (0..count).find(|&at| matches!(inst.operands[at], Operand::Reg(_))) else {
        return false;
    };
    let at = (at + rng.below(count)) % count;
    let Operand::Reg(view) = inst.operands[at] else { return false };
    mem.size = [None, Some(view.class.bytes()), Some(8)][rng.below(3)];
    inst.operands[at] = Operand::Mem(mem);
    true
}

fn change_target(lowered: &mut Lowered, at: usize, rng: &mut Random) -> bool {
    let labels = lowered.label_count;
    let from = |at: usize, lowered: &Lowered| match &lowered.items[at].code {
        Code::Inst(inst) => inst.operands.iter().any(|o| matches!(o, Operand::Label(_))),
        _ => false,
    };
    // The next branch: there are not many.
    let Some(at) = (at..lowered.items.len()).find(|&at| from(at, lowered)) else { return false };
    let Code::Inst(inst) = &mut lowered.items[at].code else { return false };
    for operand in &mut inst.operands {
        if let Operand::Label(branch) = operand {
            let other = LabelId(rng.below(labels) as u32);
            let changed = other != branch.label;
            branch.label = other;
            return changed;
        }
    }
    false
}

fn remove(lowered: &mut Lowered, at: usize, _: &mut Random) -> bool {
    lowered.items.remove(at);
    true
}

fn duplicate(lowered: &mut Lowered, at: usize, _: &mut Random) -> bool {
    lowered.items.insert(at, lowered.items[at].clone());
    true
}

/// Exchanges an item with the next one, with or without where it belongs.
fn exchange(lowered: &mut Lowered, at: usize, rng: &mut Random) -> bool {
    if at + 1 >= lowered.items.len() {
        return false;
    }
    lowered.items.swap(at, at + 1);
    if rng.below(2) == 0 {
        let (first, second) = lowered.items.split_at_mut(at + 1);
        std::mem::swap(&mut first[at].origin, &mut second[0].origin);
    }
    true
}

/// Inserts an instruction that belongs to its neighbor, or to what was spilled there.
fn insert(lowered: &mut Lowered, at: usize, inst: Instruction<PhysReg>, rng: &mut Random) -> bool {
    let neighbor = lowered.items[at].clone();
    let origin = match neighbor.origin {
        Origin::Author(id) if rng.below(2) == 0 => Origin::Spill(id),
        origin => origin,
    };
    lowered.items.insert(at, Item { code: Code::Inst(inst), origin, span: neighbor.span });
    true
}

fn stray_write(rng: &mut Random) -> Instruction<PhysReg> {
    let num = rng.below(16) as u8;
    let wide = PhysReg::gp(if num == gp::RSP.num { 0 } else { num });
    match rng.below(4) {
        0 => inst("mov", vec![reg(wide, Class::Gp32), Operand::Imm(7)]),
        1 => inst("mov", vec![reg(wide, Class::Gp64), reg(gp::RAX, Class::Gp64)]),
        2 => inst(
            "movaps",
            vec![reg(PhysReg::vector(num), Class::Xmm), reg(PhysReg::vector(0), Class::Xmm)],
        ),
        _ => inst(
            "mov",
            vec![
                Operand::Mem(Mem::new(
                    Base::Reg(View { reg: gp::RSP, class: Class::Gp64 }),
                    8 * rng.below(16) as i64 - 64,
                )),
                reg(wide, Class::Gp64),
            ],
        ),
    }
}

fn stray_flags(rng: &mut Random) -> Instruction<PhysReg> {
    match rng.below(2) {
        0 => inst("test", vec![reg(gp::RSP, Class::Gp64), reg(gp::RSP, Class::Gp64)]),
        _ => inst("cmp", vec![reg(gp::RSP, Class::Gp32), Operand::Imm(1)]),
    }
}

fn stray_push(rng: &mut Random) -> Instruction<PhysReg> {
    let name = ["push", "pop"][rng.below(2)];
    inst(name, vec![reg(PhysReg::gp([0, 1, 3, 6][rng.below(4)]), Class::Gp64)])
}
