//! Which elements of its memory operand each form with a mask leaves alone, against a table.
//!
//! The table, `fault_suppression/facts.txt`, has a section for every answer and in it who gives it:
//! a mnemonic stands for all of its forms, `vpslld i` for those with an immediate. Every form that
//! takes a mask and memory is in it, so that a new one fails here until somebody looks it up. Its
//! facts are those of Intel's XED (the attribute `MEMORY_FAULT_SUPPRESSION` and the element types
//! of memory operands, of commit date 2026-07-15), but for the forms that its comments name.
//! `PEACH_FACTS` names a file that gets a line for each form, to compare again.

use peach_compiler::ir::{Base, ForcedEncoding, Instruction, Mem, Operand, View};
use peach_compiler::isa::{
    Class, FeatureSet, Form, ImmForm, MemForm, Mnemonic, PhysReg, Touched, effects, gp, select,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const TABLE: &str = include_str!("fault_suppression/facts.txt");

#[test]
fn every_masked_form_touches_what_the_table_says() {
    let found = found();
    if let Some(path) = std::env::var_os("PEACH_FACTS") {
        let lines: String = found
            .iter()
            .map(|(key, facts)| format!("{key}\t{}\n", facts.iter().cloned().collect::<String>()))
            .collect();
        std::fs::write(path, lines).unwrap();
    }
    let table = table();
    let mut wrong = String::new();
    for (key, facts) in &found {
        let facts: Vec<&str> = facts.iter().map(String::as_str).collect();
        let expected = table.get(key.as_str()).copied().unwrap_or("nothing");
        if facts != [expected] {
            writeln!(wrong, "{key}: {facts:?}\n    the table has: {expected}").unwrap();
        }
    }
    for key in table.keys().filter(|key| !found.contains_key(**key)) {
        writeln!(wrong, "{key}: no form is called so").unwrap();
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(found.len() > 400, "only {}", found.len());
}

/// The table: who, and what.
fn table() -> BTreeMap<&'static str, &'static str> {
    let mut table = BTreeMap::new();
    let mut head = "";
    for line in TABLE.lines().map(|line| line.split('#').next().unwrap_or("")) {
        if let Some(new) = line.strip_prefix('=') {
            head = new.trim();
            continue;
        }
        for key in line.split('|').map(str::trim).filter(|key| !key.is_empty()) {
            assert_eq!(table.insert(key, head), None, "{key} is described twice");
        }
    }
    table
}

/// By who: what its forms do.
fn found() -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut names: Vec<_> = Mnemonic::all_names().collect();
    names.sort_unstable();
    for name in names {
        let mnemonic = Mnemonic::parse(name).expect("it is one of the names");
        if mnemonic.name() != name {
            continue;
        }
        for form in mnemonic.forms().iter().filter(|form| form.takes_mask()) {
            let Some(inst) = instance(mnemonic, form) else { continue };
            let Ok(selection) = select(&inst, &FeatureSet::all()) else { continue };
            let effects = effects(&inst, &selection);
            let memory = effects.memory.iter().find(|memory| memory.operand.is_some());
            let Some(memory) = memory.filter(|memory| memory.bytes.is_some()) else { continue };
            let fact = match memory.elements.map(|elements| (elements.touched, elements.bytes)) {
                None => "the whole operand".to_string(),
                Some((Touched::Masked, bytes)) => format!("elements of {bytes}"),
                Some((Touched::Packed, bytes)) => format!("as many elements of {bytes} as bits"),
                Some((Touched::Counted, _)) => unreachable!("no string instruction has a mask"),
            };
            let is_shift_by_immediate = inst.operands.len() == 3
                && matches!(inst.operands[2], Operand::Imm(_))
                && ["vpsll", "vpsrl", "vpsra"].iter().any(|shift| name.starts_with(shift));
            let key = format!("{}{}", family(name), if is_shift_by_immediate { " i" } else { "" });
            found.entry(key).or_default().insert(fact);
        }
    }
    found
}

/// Comparisons have a name for each predicate: `vcmpltps` is one of `vcmp*ps`.
fn family(name: &str) -> String {
    const TYPES: [&str; 15] =
        ["bf16", "pd", "ps", "ph", "sd", "ss", "sh", "ub", "uw", "ud", "uq", "b", "w", "d", "q"];
    for prefix in ["vcmp", "vpcmp"] {
        if let Some(rest) = name.strip_prefix(prefix) {
            let suffix = TYPES.iter().find(|suffix| rest.ends_with(*suffix));
            return format!("{prefix}*{}", suffix.expect("comparisons end in a type"));
        }
    }
    name.to_string()
}

/// An instruction of `form` with a mask and memory, if it takes both.
fn instance(mnemonic: Mnemonic, form: &Form) -> Option<Instruction<PhysReg>> {
    let mut inst = Instruction::new(mnemonic, Vec::new());
    let mut has_memory = false;
    for (n, operand) in form.operands().iter().enumerate() {
        inst.operands.push(match (operand.class, operand.memory) {
            (_, Some(MemForm::Vector(_))) => return None,
            (_, Some(_)) => {
                has_memory = true;
                let base = Base::Reg(View { reg: gp::R8, class: Class::Gp64 });
                let mut mem = Mem::new(base, 0);
                mem.size = Some(form.memory_size()).filter(|size| *size != 0);
                Operand::Mem(mem)
            }
            (Some(class), None) => {
                let num =
                    (n as u8 + 4..32).chain(0..4).find(|num| operand.registers.contains(*num));
                let reg = PhysReg::new(class.bank(), num.expect("a class has registers"));
                Operand::Reg(View { reg, class })
            }
            (None, None) => Operand::Imm(match operand.imm {
                Some(ImmForm::Exactly(value)) => value.into(),
                _ => 1,
            }),
        });
    }
    inst.mask = Some(View { reg: PhysReg::mask(1), class: Class::K });
    inst.encoding = Some(ForcedEncoding::Evex);
    has_memory.then_some(inst)
}
