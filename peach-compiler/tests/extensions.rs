//! Which extensions each form needs, against GNU as: with exactly those it assembles the form,
//! without any one of them it refuses. (LLVM's assembler is no help: it takes every instruction
//! whatever is enabled.)

use peach_compiler::ir::{Base, ForcedEncoding, Instruction, Mem, Operand, View};
use peach_compiler::isa::{
    Class, Family, Feature, FeatureSet, Form, ImmForm, MemForm, Mnemonic, OperandForm, PhysReg,
    SelectError, gp, register_name, select, size_name,
};
use peach_testing::tools::have;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Write;
use std::process::{Command, Stdio};

/// Extensions by the name of GNU as, where it is not Rust's.
const GNU_NAMES: &[(&str, &str)] = &[
    ("bmi1", "bmi"),
    ("pclmulqdq", "pclmul"),
    ("rdrand", "rdrnd"),
    ("cmpxchg16b", "cx16"),
    ("avx512vp2intersect", "avx512_vp2intersect"),
    ("avx5124fmaps", "avx512_4fmaps"),
    ("avx5124vnniw", "avx512_4vnniw"),
    ("avx512vpopcntdq", "avx512_vpopcntdq"),
    ("avx512vbmi2", "avx512_vbmi2"),
    ("avx512vnni", "avx512_vnni"),
    ("avx512bitalg", "avx512_bitalg"),
    ("avx512bf16", "avx512_bf16"),
    ("avx512fp16", "avx512_fp16"),
    ("avxvnni", "avx_vnni"),
    ("avxvnniint8", "avx_vnni_int8"),
    ("avxifma", "avx_ifma"),
    ("avxneconvert", "avx_ne_convert"),
    ("amx-int8", "amx_int8"),
    ("amx-bf16", "amx_bf16"),
    ("amx-fp16", "amx_fp16"),
    ("amx-tile", "amx_tile"),
    ("raoint", "rao_int"),
    ("pku", "ospke"),
    ("svm", "svme"),
];

/// Rows where GNU as and this table differ, and why: a part of the line, the extension, the reason.
const DIFFERENCES: &[(&str, &str, &str)] =
    &[("prefetch", "no prfchw", "3DNow! is enough for GNU as; here it implies prfchw")];

fn gnu_name(feature: Feature) -> &'static str {
    let name = feature.name();
    GNU_NAMES.iter().find(|(ours, _)| *ours == name).map_or(name, |(_, theirs)| theirs)
}

/// Assembles lines; returns the numbers of those that are refused.
fn refused(lines: &[&String], extensions: &str) -> HashSet<usize> {
    // Not /dev/null: where that is a plain file, as removes it with every error.
    let object = concat!(env!("CARGO_TARGET_TMPDIR"), "/extensions.o");
    let mut child = Command::new("as")
        .args(["--64", "-msyntax=intel", "-mnaked-reg", "-o", object])
        .arg(format!("-march=generic64{extensions}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("as runs");
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let mut stdin = child.stdin.take().expect("it is piped");
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("as ends");
    let _ = writer.join();
    String::from_utf8_lossy(&output.stderr)
        .lines()
        .filter(|line| line.contains("Error:"))
        .filter_map(|line| line.strip_prefix("{standard input}:")?.split(':').next()?.parse().ok())
        .map(|line: usize| line - 1)
        .collect()
}

/// The extensions that this assembler has.
fn known_to_gnu() -> HashSet<&'static str> {
    let output = Command::new("as").arg("--help").output().expect("as runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let theirs: HashSet<&str> = text.split([' ', ',', '\n']).collect();
    FeatureSet::all().iter().map(gnu_name).filter(|name| theirs.contains(name)).collect()
}

/// One instance of a form, as text and as an instruction.
fn instance(
    name: &str,
    mnemonic: Mnemonic,
    form: &Form,
    memory: bool,
) -> (String, Instruction<PhysReg>) {
    let mut inst = Instruction::new(mnemonic, Vec::new());
    let mut texts = Vec::new();
    for (n, operand) in form.operands().iter().enumerate() {
        let (text, operand) = operand_instance(form, operand, n, memory);
        texts.push(text);
        inst.operands.push(operand);
    }
    let mut prefix = "";
    if form.family == Family::Evex {
        inst.encoding = Some(ForcedEncoding::Evex);
        prefix = "{evex} ";
    } else if form.family == Family::Vex {
        inst.encoding = Some(ForcedEncoding::Vex);
        prefix = "{vex} ";
    }
    if form.needs_mask() {
        let reg = PhysReg::mask(1);
        inst.mask = Some(View { reg, class: Class::K });
        texts[0].push_str(" {k1}");
    }
    (format!("{prefix}{name} {}", texts.join(", ")), inst)
}

fn operand_instance(
    form: &Form,
    operand: &OperandForm,
    n: usize,
    memory: bool,
) -> (String, Operand<PhysReg>) {
    match (operand.class, operand.memory) {
        (Some(class), mem) if mem.is_none() || !memory => {
            let wanted = [3, 1, 2, 6, 7][n];
            let num = if operand.registers.contains(wanted) {
                wanted
            } else {
                operand.registers.iter().next().unwrap_or(0)
            };
            let reg = PhysReg::new(class.bank(), num);
            let name =
                if class == Class::St { format!("st({num})") } else { register_name(reg, class) };
            (name, Operand::Reg(View { reg, class }))
        }
        (_, Some(kind)) => {
            let mut mem = Mem::new(Base::Reg(View { reg: gp::RAX, class: Class::Gp64 }), 0);
            let mut text = "[rax]".to_string();
            if let MemForm::Vector(class) = kind {
                let reg = PhysReg::vector(6);
                mem.index = Some((View { reg, class }, 1));
                text = format!("[rax + {}]", register_name(reg, class));
            } else if let Some(size) = size_name(form.memory_size)
                // GNU as has no size for the 64 bytes of `movdir64b`.
                && (form.family != Family::Legacy || form.memory_size < 64)
            {
                mem.size = Some(form.memory_size);
                text = format!("{size} ptr [rax]");
            }
            (text, Operand::Mem(mem))
        }
        _ => {
            let value = match operand.imm {
                Some(ImmForm::Exactly(only)) => i128::from(only),
                Some(ImmForm::Qword) => 0x1234_5678_9abc,
                _ => 5,
            };
            (value.to_string(), Operand::Imm(value))
        }
    }
}

#[test]
fn gnu_as_needs_the_same_extensions() {
    if !have(&["as"]) {
        return;
    }
    let known = known_to_gnu();
    let mut all: Vec<String> = known.iter().map(|name| format!("+{name}")).collect();
    all.sort_unstable();
    let all = all.concat();
    let (mut compared, mut unknown, mut strangers) = (0, BTreeSet::new(), Vec::new());
    let mut differences = Vec::new();
    for (needed, lines) in &lines_by_need() {
        if let Some(feature) = needed.iter().find(|f| !known.contains(gnu_name(**f))) {
            unknown.insert(feature.name());
            continue;
        }
        // What it does not take under any circumstances is no matter of extensions.
        let mut lines: Vec<&String> = lines.iter().collect();
        let strange = refused(&lines, &all);
        strangers.extend(strange.iter().map(|&n| lines[n].clone()));
        let mut n = 0..;
        lines.retain(|_| !strange.contains(&n.next().expect("numbers do not end")));
        compared += lines.len();
        let with: String = needed.iter().map(|f| format!("+{}", gnu_name(*f))).collect();
        for n in refused(&lines, &with) {
            differences.push((lines[n].clone(), format!("more than {needed:?}")));
        }
        for feature in needed {
            let without = refused(&lines, &format!("{all}+no{}", gnu_name(*feature)));
            let accepted = (0..lines.len()).filter(|n| !without.contains(n));
            differences.extend(accepted.map(|n| (lines[n].clone(), format!("no {feature:?}"))));
        }
    }
    let explained =
        |line: &str, what: &str| DIFFERENCES.iter().any(|(l, w, _)| line.contains(l) && *w == what);
    differences.retain(|(line, what)| !explained(line, what));
    eprintln!("{compared} forms compared; GNU as lacks {unknown:?}");
    strangers.iter().for_each(|line| eprintln!("refused: {line}"));
    differences.iter().for_each(|(line, what)| eprintln!("DIFFERENCE {line}: it wants {what}"));
    assert!(differences.is_empty(), "{} differences", differences.len());
    assert!(compared > 5_000, "only {compared} forms compared");
}

/// One line for each form, by what it needs beyond the baseline.
fn lines_by_need() -> BTreeMap<Vec<Feature>, Vec<String>> {
    let mut groups: BTreeMap<Vec<Feature>, Vec<String>> = BTreeMap::new();
    let mut seen = HashSet::new();
    let mut names: Vec<_> = Mnemonic::all_names().collect();
    names.sort_unstable();
    for name in names {
        let mnemonic = Mnemonic::parse(name).expect("it is one of the names");
        for form in mnemonic.forms() {
            if form.implied_imm().is_some() || mnemonic.name() != name {
                continue;
            }
            for memory in [false, true] {
                if !seen.insert((form.opcode(), memory)) {
                    continue;
                }
                let (line, inst) = instance(name, mnemonic, form, memory);
                let Err(SelectError::MissingExtension(alternatives)) =
                    select(&inst, &FeatureSet::baseline())
                else {
                    continue;
                };
                if let [needed] = &alternatives[..] {
                    let lines = groups.entry(needed.clone()).or_default();
                    if !lines.contains(&line) {
                        lines.push(line);
                    }
                }
            }
        }
    }
    groups
}
