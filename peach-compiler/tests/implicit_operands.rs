//! What instructions do without an operand for it, form by form, against a table of facts:
//! registers, flags and memory that no operand names, memory operands that are written or only
//! addressed, the exception flags of MXCSR, and how far an instruction reaches beyond all of that.
//!
//! The table, `implicit_operands/facts.txt`, has a section for everything that is done, and in it
//! who does it: a mnemonic stands for all of its forms, `add m` for those whose first operand is
//! memory, and a whole instruction for a form that does otherwise. What is not in the table does
//! nothing of the kind, and what is in it must be done.
//!
//! Its facts were compared with those of Intel's XED, which share nothing with ours: every instance
//! below was encoded and decoded by XED (`xed_decoded_inst_*` of commit date 2026-07-15, with CET,
//! MPX and `cldemote` enabled), whose suppressed operands, flags, memory operands and attributes
//! were written in the table's words and compared in both directions. Where the two disagree the
//! table says what the manuals say, and the comment of the line why. To compare again, let
//! `PEACH_FACTS` name a file: it gets each instance's bytes, its text and its facts. Reach is not
//! in XED: it was taken from the manuals that `isa::effects::reach` names.

use peach_compiler::ir::{Base, BranchSize, ForcedEncoding, Instruction, Mem, Operand, View};
use peach_compiler::isa::{
    Access, Bank, Class, Effects, Family, FeatureSet, Flags, Form, ImmForm, MemForm, Mnemonic,
    OperandForm, PhysReg, Reach, effects, encode, gp, select,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const TABLE: &str = include_str!("implicit_operands/facts.txt");

#[test]
fn every_form_does_what_the_table_says() {
    let instances = instances();
    if let Some(path) = std::env::var_os("PEACH_FACTS") {
        std::fs::write(path, dump(&instances)).unwrap();
    }
    let table = table();
    let mut used = BTreeSet::new();
    let mut wrong = String::new();
    for Instance { inst, effects, .. } in &instances {
        let keys = [whole(inst), group(inst)];
        let row = keys.iter().find_map(|key| table.get_key_value(key.as_str()));
        let expected = row.map_or("", |(_, facts)| facts.as_str());
        used.extend(row.map(|(key, _)| *key));
        let found = facts(inst, effects);
        if found != expected {
            writeln!(wrong, "{inst} = {found}\n    the table has: {expected}").unwrap();
        }
    }
    for key in table.keys().filter(|key| !used.contains(*key)) {
        writeln!(wrong, "{key}: no form is called so").unwrap();
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(instances.len() > 8_000, "only {} instances", instances.len());
}

/// The table: who does something, and what. A head may have several lines.
fn table() -> BTreeMap<&'static str, String> {
    let mut table = BTreeMap::new();
    let (mut head, mut is_open) = (String::new(), false);
    for line in TABLE.lines().map(|line| line.split('#').next().unwrap_or("")) {
        if let Some(part) = line.strip_prefix('=') {
            head =
                if is_open { format!("{head}; {}", part.trim()) } else { part.trim().to_string() };
            is_open = true;
            continue;
        }
        for key in line.split('|').map(str::trim).filter(|key| !key.is_empty()) {
            is_open = false;
            assert_eq!(table.insert(key, head.clone()), None, "{key} is described twice");
        }
    }
    table
}

/// The mnemonic, and whether the first operand is memory.
fn group(inst: &Instruction<PhysReg>) -> String {
    let name = inst.mnemonic.name();
    match inst.operands.first() {
        Some(Operand::Mem(_)) => format!("{name} m"),
        _ => name.to_string(),
    }
}

/// An instruction with its operands: `movsd alone` is the string instruction.
fn whole(inst: &Instruction<PhysReg>) -> String {
    match inst.operands.as_slice() {
        [] => format!("{} alone", inst.mnemonic.name()),
        _ => inst.to_string(),
    }
}

/// What an instance does, in the words of the table.
fn facts(inst: &Instruction<PhysReg>, effects: &Effects<PhysReg>) -> String {
    let mut parts = Vec::new();
    let named = named(inst);
    let implicit = || effects.regs.iter().filter(|access| !named.contains(&access.reg));
    let mut registers = |what: &str, has: &dyn Fn(&Access<PhysReg>) -> bool| {
        let names: BTreeSet<String> =
            implicit().filter(|a| has(a)).map(|a| format!("{:?}", a.reg)).collect();
        if !names.is_empty() {
            parts.push(format!("{what} {}", shorten(&names)));
        }
    };
    registers("reads", &|a| !a.read.is_empty());
    registers("writes", &|a| !a.write.is_empty());
    registers("may write", &|a| a.write.is_empty() && !a.may_write.is_empty());
    for (what, flags) in [
        ("flags read", effects.flags_read),
        ("flags written", effects.flags_written),
        ("flags may be written", effects.flags_may_write),
    ] {
        if !flags.is_empty() {
            parts.push(format!("{what} {}", flag_names(flags)));
        }
    }
    for memory in &effects.memory {
        let whose = if memory.operand.is_some() { "operand" } else { "memory" };
        let what = match (memory.address_only, memory.read, memory.write) {
            (true, ..) => "addressed",
            (_, true, true) => "read and written",
            (_, _, true) => "written",
            // What operands in memory are for.
            _ if memory.operand.is_some() => continue,
            _ => "read",
        };
        let part = format!("{whose} {what}");
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    if effects.float_flags {
        parts.push("mxcsr".to_string());
    }
    match effects.reach {
        Reach::Operands => {}
        Reach::Memory => parts.push("reaches memory".to_string()),
        Reach::Registers => parts.push("reaches registers".to_string()),
        Reach::Machine => parts.push("reaches the machine".to_string()),
    }
    parts.join("; ")
}

/// The registers that the operands name.
fn named(inst: &Instruction<PhysReg>) -> Vec<PhysReg> {
    let mut named: Vec<PhysReg> = inst.mask.iter().map(|view| view.reg).collect();
    for operand in &inst.operands {
        match operand {
            Operand::Reg(view) => named.push(view.reg),
            Operand::Mem(mem) => {
                if let Base::Reg(view) = mem.base {
                    named.push(view.reg);
                }
                named.extend(mem.index.map(|(view, _)| view.reg));
            }
            _ => {}
        }
    }
    named
}

/// Whole banks by one word.
fn shorten(names: &BTreeSet<String>) -> String {
    const BANKS: [(&str, std::ops::Range<u8>); 7] = [
        ("zmm", 0..32),
        ("zmm", 0..16),
        ("zmm", 0..8),
        ("k", 0..8),
        ("mm", 0..8),
        ("tmm", 0..8),
        ("r", 8..16),
    ];
    let mut names = names.clone();
    let mut words = Vec::new();
    for (prefix, numbers) in BANKS {
        let bank: Vec<String> = numbers.clone().map(|n| format!("{prefix}{n}")).collect();
        if bank.iter().all(|name| names.contains(name)) {
            names.retain(|name| !bank.contains(name));
            words.push(format!("{prefix}{}-{}", numbers.start, numbers.end - 1));
        }
    }
    words.extend(names);
    words.join(" ")
}

fn flag_names(flags: Flags) -> String {
    let letters = "CPAZSOD".chars().enumerate();
    letters.filter(|(bit, _)| flags.0 >> bit & 1 == 1).map(|(_, letter)| letter).collect()
}

/// One instruction of a form.
struct Instance {
    inst: Instruction<PhysReg>,
    effects: Effects<PhysReg>,
    bytes: Vec<u8>,
}

/// Every form, with a register and with memory where it takes either.
fn instances() -> Vec<Instance> {
    let features = FeatureSet::all();
    let mut names: Vec<_> = Mnemonic::all_names().collect();
    names.sort_unstable();
    let mut seen = BTreeSet::new();
    let mut list = Vec::new();
    for name in names {
        let mnemonic = Mnemonic::parse(name).expect("it is one of the names");
        for form in mnemonic.forms() {
            for memory in [false, true] {
                let inst = instance(mnemonic, form, memory);
                let selected = select(&inst, &features);
                let (Ok(selection), Ok(encoding)) =
                    (selected, encode(&inst, &features, BranchSize::Near))
                else {
                    continue;
                };
                if seen.insert((name, encoding.bytes.clone())) {
                    let effects = effects(&inst, &selection);
                    list.push(Instance { inst, effects, bytes: encoding.bytes });
                }
            }
        }
    }
    list
}

/// An instruction of `form` in registers that no instruction names by itself.
fn instance(mnemonic: Mnemonic, form: &Form, memory: bool) -> Instruction<PhysReg> {
    let mut inst = Instruction::new(mnemonic, Vec::new());
    for (n, operand) in form.operands().iter().enumerate() {
        inst.operands.push(match (operand.class, operand.memory) {
            (Some(class), kind) if kind.is_none() || !memory => register(class, n as u8, operand),
            (_, Some(kind)) => memory_operand(form, kind),
            (..) if operand.branch.is_some() => Operand::Relative(0),
            (..) => Operand::Imm(match operand.imm {
                Some(ImmForm::Exactly(value)) => value.into(),
                _ => 1,
            }),
        });
    }
    if form.needs_mask() {
        inst.mask = Some(View { reg: PhysReg::mask(1), class: Class::K });
    }
    if form.family() == Family::Evex {
        inst.encoding = Some(ForcedEncoding::Evex);
    }
    inst
}

fn register(class: Class, n: u8, operand: &OperandForm) -> Operand<PhysReg> {
    let first = n + match class.bank() {
        Bank::Gp => 12,
        Bank::Vector => 8,
        Bank::Mask | Bank::Mmx => 4,
        _ => 1,
    };
    let num = (first..32).chain(0..first).find(|num| operand.registers.contains(*num));
    let reg = PhysReg::new(class.bank(), num.expect("a class has registers"));
    Operand::Reg(View { reg, class })
}

fn memory_operand(form: &Form, kind: MemForm) -> Operand<PhysReg> {
    let base = Base::Reg(View { reg: gp::R8, class: Class::Gp64 });
    let mut mem = match kind {
        MemForm::Offset => Mem::new(Base::None, 0x1122_3344_5566_7788),
        MemForm::Any | MemForm::Vector(_) | MemForm::Sib => Mem::new(base, 0),
    };
    mem.size = Some(form.memory_size()).filter(|size| *size != 0);
    if let MemForm::Vector(class) = kind {
        mem.index = Some((View { reg: PhysReg::vector(15), class }, 1));
        mem.size = None;
    }
    Operand::Mem(mem)
}

/// The instances as lines of bytes, group, text and facts, between tabs.
fn dump(instances: &[Instance]) -> String {
    let mut text = String::new();
    for Instance { inst, effects, bytes } in instances {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(text, "{hex}\t{}\t{}\t{}", group(inst), whole(inst), facts(inst, effects))
            .unwrap();
    }
    text
}
