//! Instructions that iced lacks: their bytes against rustc's LLVM, that none is missing against
//! llvm-mc's disassembler, and their effects against instructions of the same shape.
//!
//! No processor at hand executes them. What takes the place of the test that executes all others is
//! the comparison with their kin, which it has executed.

use super::rustc::{answers, is_same};
use super::{differences, generate, oracle};
use iced_x86::{Decoder, DecoderOptions};
use peach_compiler::ir::{BranchSize, ForcedEncoding, Instruction, Operand, View};
use peach_compiler::isa::{
    Bank, Class, Family, FeatureSet, Form, Lanes, Mnemonic, PhysReg, effects, encode, encode_text,
    encodings, parse_line, select,
};
use peach_testing::tools::{exists, have, left_out};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

/// Debian's LLVM that knows as much as rustc's.
const LLVM_MC: &str = "llvm-mc-22";

/// What makes LLVM's disassembler know the extensions.
const ATTRIBUTES: &str = "-mattr=+avx10.2,+movrs,+usermsr,+sm4,+amx-fp8,+amx-tf32,+amx-avx512,\
                          +amx-movrs";

fn forms(mnemonic: Mnemonic) -> impl Iterator<Item = &'static Form> {
    mnemonic.forms().iter().filter(|form| form.opcode().iced().is_none())
}

/// Whether iced's encoder had no part in its bytes.
pub fn is_own(inst: &Instruction<PhysReg>) -> bool {
    select(inst, &FeatureSet::all())
        .is_ok_and(|selection| selection.forms()[0].opcode().iced().is_none())
}

/// Whether one of its encodings is one that iced lacks.
pub fn has_own(inst: &Instruction<PhysReg>) -> bool {
    let is_own = |form: &&Form| form.opcode().iced().is_none();
    select(inst, &FeatureSet::all()).is_ok_and(|selection| selection.forms().iter().any(is_own))
}

fn bytes(inst: &Instruction<PhysReg>) -> Option<Vec<u8>> {
    Some(encode(inst, &FeatureSet::all(), BranchSize::Short).ok()?.bytes)
}

/// The part of the corpus that iced lacks, with its bytes. One predicate speaks for most others.
fn corpus() -> Vec<(Instruction<PhysReg>, Vec<u8>)> {
    let is_sample =
        |inst: &Instruction<PhysReg>| inst.mnemonic.in_full().is_none_or(|(_, imm)| imm % 10 == 1);
    let own = generate::corpus().into_iter().filter(is_sample).filter(is_own);
    own.filter_map(|inst| bytes(&inst).map(|bytes| (inst, bytes))).collect()
}

/// The instruction as LLVM 22 reads it.
fn for_llvm(inst: &Instruction<PhysReg>) -> Instruction<PhysReg> {
    let mut inst = inst.clone();
    // LLVM prints `vcmpltbf16`, but does not read it.
    if let Some((mnemonic, imm)) = inst.mnemonic.in_full() {
        inst.mnemonic = mnemonic;
        inst.operands.push(Operand::Imm(imm.into()));
    }
    // It takes numbers of 32 bits with a sign alone.
    for operand in &mut inst.operands {
        if let Operand::Imm(value) = operand
            && (1 << 31..1 << 32).contains(value)
        {
            *value -= 1 << 32;
        }
    }
    if let ("urdmsr", [Operand::Reg(_), Operand::Reg(_)]) =
        (inst.mnemonic.name(), &inst.operands[..])
    {
        // The destination is ModRM.rm (Intel SDM volume 2, URDMSR, and GNU as 2.42); LLVM has it the
        // other way round.
        inst.operands.swap(0, 1);
    }
    inst
}

#[test]
fn bytes_are_those_of_rustc() {
    if !have(&["rustc", "objcopy"]) {
        return;
    }
    let cases = corpus();
    let lines: Vec<String> = cases.iter().map(|(inst, _)| oracle::intel(&for_llvm(inst))).collect();
    let (mut equal, mut shorter, mut wrong) = (0, 0, Vec::new());
    for ((inst, bytes), answer) in cases.iter().zip(answers(&lines)) {
        match answer {
            Some(answer) if is_same(&answer, bytes) => equal += 1,
            // `[r*2]` is `[r + r]`, which is shorter.
            Some(_) if differences::is_index_alone(inst) => shorter += 1,
            other => wrong.push(format!("{inst}: ours {bytes:02x?}, rustc {other:02x?}\n")),
        }
    }
    println!("{equal} of {} lines equal, {shorter} shorter", cases.len());
    assert!(equal > 5_000 && shorter < equal / 20, "{equal} equal, {shorter} shorter");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(40)].concat());
}

/// A byte string as llvm-mc reads and prints it.
fn list(bytes: &[u8]) -> String {
    let words: Vec<String> = bytes.iter().map(|byte| format!("{byte:#04x}")).collect();
    format!("[{}]", words.join(","))
}

/// What llvm-mc prints of these byte strings: a line for each that it knows, text and bytes.
fn llvm_mc(strings: &[Vec<u8>]) -> Vec<(String, String)> {
    let mut child = Command::new(LLVM_MC)
        .args(["-disassemble", "-triple=x86_64", "-output-asm-variant=1", "-show-encoding"])
        .arg(ATTRIBUTES)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("llvm-mc runs");
    let input: String = strings.iter().map(|bytes| list(bytes) + "\n").collect();
    let mut stdin = child.stdin.take().expect("it is piped");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("llvm-mc ends");
    writer.join().expect("it writes").expect("llvm-mc reads");
    let text = String::from_utf8(output.stdout).expect("text");
    let line = |line: &str| {
        let (text, encoding) = line.split_once("# encoding: ")?;
        Some((text.trim().replace('\t', " "), encoding.to_string()))
    };
    text.lines().filter_map(line).collect()
}

fn have_llvm_mc() -> bool {
    if !exists(LLVM_MC) {
        left_out(&format!("{LLVM_MC} must be installed"));
    }
    exists(LLVM_MC)
}

/// All opcodes with EVEX and VEX, with registers, memory and tiles in memory.
fn opcodes() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let rests: [&[u8]; 3] = [&[0xc2], &[0x02], &[0x04, 0x13]];
    for (pp, w, opcode) in (0..4)
        .flat_map(|pp| (0..2u8).flat_map(move |w| (0..=255u8).map(move |opcode| (pp, w, opcode))))
    {
        for rest in rests {
            // vvvv is register 1 or none, so that no two registers are the same.
            for vvvv in [0x70, 0x78] {
                let second = w << 7 | vvvv | pp;
                let maps = if rest.len() == 1 { &[1, 2, 3, 5, 6][..] } else { &[] };
                for map in maps {
                    for third in [0x08, 0x28, 0x48, 0x18, 0x38, 0x58] {
                        let prefix = [0x62, 0xf0 | map, second | 4, third, opcode];
                        all.push([&prefix, rest].concat());
                    }
                }
                for map in [1, 2, 3, 5, 7] {
                    for length in [0, 4] {
                        let prefix = [0xc4, 0xe0 | map, second | length, opcode];
                        all.push([&prefix, rest].concat());
                    }
                }
            }
        }
    }
    all
}

/// What LLVM knows and we do not, with the reason.
fn is_left_out(text: &str, bytes: &[u8]) -> bool {
    let name = text.split(' ').next().unwrap_or_default();
    // APX gives EVEX to VEX instructions with general-purpose registers, masks and tiles.
    let promoted = [
        "andn",
        "bextr",
        "bzhi",
        "mulx",
        "pdep",
        "pext",
        "rorx",
        "sarx",
        "shlx",
        "shrx",
        "kmov",
        "ldtilecfg",
        "sttilecfg",
        "tileload",
        "tilestored",
        "cmp",
    ];
    // MSR_IMM: model-specific registers by number, for the system alone.
    let system = ["rdmsr", "wrmsrns"];
    let is_apx = promoted.iter().any(|start| name.starts_with(start)) || name == "{evex}";
    is_apx && bytes[0] == 0x62 || system.contains(&name)
}

/// Whatever LLVM knows and iced does not has a form, which has the same bytes.
#[test]
fn no_instruction_of_llvm_is_missing() {
    if !have_llvm_mc() {
        return;
    }
    let is_unknown = |bytes: &[u8]| {
        let found = Decoder::new(64, bytes, DecoderOptions::NONE).decode();
        found.is_invalid()
    };
    // What follows is the immediate, if there is one; else LLVM complains of it, which it may.
    let mut strings: Vec<Vec<u8>> =
        opcodes().iter().map(|bytes| [bytes, &[5, 0, 0, 0][..]].concat()).collect();
    strings.retain(|bytes| is_unknown(bytes));
    let (mut known, mut left, mut wrong) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    let texts: BTreeMap<String, String> =
        llvm_mc(&strings).into_iter().map(|(text, encoding)| (encoding, text)).collect();
    for bytes in &strings {
        let prefixes = [bytes.len() - 4, bytes.len() - 3, bytes.len()].map(|len| &bytes[..len]);
        let known_prefix =
            prefixes.iter().find_map(|&bytes| Some((bytes, texts.get(&list(bytes))?)));
        let Some((bytes, text)) = known_prefix else { continue };
        let name = text.split(' ').next().unwrap_or_default().to_string();
        if is_left_out(text, bytes) {
            left.insert(name);
            continue;
        }
        let prefix = if bytes[0] == 0x62 { "evex " } else { "" };
        match encode_text(&format!("{prefix}{text}")) {
            Ok(found) if found == bytes => {
                known.insert(name);
            }
            // LLVM knows it although the manual does not.
            Err(why) if why.contains("different") || why.contains("differ from") => {}
            _ if is_other_move(text) => {}
            other => wrong.push(format!("{text}: {bytes:02x?}, ours {other:02x?}\n")),
        }
    }
    println!("{} names have forms: {known:?}\nleft out: {left:?}", known.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(60)].concat());
    assert!(known.len() > 100, "only {}", known.len());
}

/// `vmovd` and `vmovw` between vector registers have two opcodes, and with memory older ones do the
/// same.
fn is_other_move(text: &str) -> bool {
    text.starts_with("vmovd ") || text.starts_with("vmovw ")
}

/// Longer encodings are the same instruction to LLVM.
#[test]
fn all_encodings_are_the_same_to_llvm() {
    if !have_llvm_mc() {
        return;
    }
    let (mut strings, mut firsts) = (Vec::new(), Vec::new());
    for (inst, _) in corpus().into_iter().step_by(11) {
        let all = encodings(&inst).expect("it has one");
        firsts.extend(all.iter().map(|_| strings.len()));
        strings.extend(all);
    }
    // Which of two registers is the base does not matter, nor does the absence of an index.
    let meaning = |text: &str| {
        let mut letters: Vec<char> =
            text.replace(" + riz", "").replace(" + eiz", "").chars().collect();
        letters.sort_unstable();
        letters
    };
    let texts: Vec<String> = llvm_mc(&strings).into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts.len(), strings.len(), "LLVM does not know all of them");
    let mut wrong = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let first = &texts[firsts[at]];
        // `[r*2]` is `[r + r]`, and `[r]` is `[1*r]`.
        let has_other_scale =
            [text, first].iter().any(|text| text.contains("2*") || text.contains("1*"));
        if meaning(text) != meaning(first) && !has_other_scale {
            wrong.push(format!("{:02x?}: {text:?}, but {first:?}\n", strings[at]));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(40)].concat());
    assert!(texts.len() > 1_000, "only {}", texts.len());
}

/// An instruction of iced's with the same operands that touches the same bytes.
fn kin(name: &str) -> Option<String> {
    let kin = match name {
        "vcomisbf16" => "vcomish",
        "vcomxsh" | "vcomxss" | "vcomxsd" => return Some(name.replace("comx", "comi")),
        "vucomxsh" | "vucomxss" | "vucomxsd" => return Some(name.replace("comx", "comi")),
        "vminmaxps" | "vminmaxpd" | "vminmaxss" | "vminmaxsd" => {
            return Some(name.replace("minmax", "range"));
        }
        "vcvt2ps2phx" => "vcvtne2ps2bf16",
        "vcvt2ph2bf8" | "vcvt2ph2bf8s" | "vcvt2ph2hf8" | "vcvt2ph2hf8s" => "vpacksswb",
        "vcvtph2bf8" | "vcvtph2bf8s" | "vcvtph2hf8" | "vcvtph2hf8s" => "vpmovswb",
        "vcvthf82ph" => "vpmovsxbw",
        "vcvtps2ibs" | "vcvtps2iubs" => "vcvtps2dq",
        "vcvttps2ibs" | "vcvttps2iubs" => "vcvttps2dq",
        "vcvtph2ibs" | "vcvtph2iubs" | "vcvtbf162ibs" | "vcvtbf162iubs" => "vcvtph2w",
        "vcvttph2ibs" | "vcvttph2iubs" | "vcvttbf162ibs" | "vcvttbf162iubs" => "vcvttph2w",
        "vdpphps" => "vdpbf16ps",
        "vmpsadbw" => "vdbpsadbw",
        "vsm4key4" | "vsm4rnds4" => "vpsrlvd",
        "vmovrsb" => "vmovdqu8",
        "vmovrsw" => "vmovdqu16",
        "vmovrsd" => "vmovdqu32",
        "vmovrsq" => "vmovdqu64",
        "tdpbf8ps" | "tdpbhf8ps" | "tdphbf8ps" | "tdphf8ps" | "tmmultf32ps" => "tdpbf16ps",
        "tileloaddrs" | "tileloaddrst1" => "tileloadd",
        "movrs" => "mov",
        "prefetchrst2" => "prefetcht2",
        _ if name.starts_with("vpdp") => "vpdpbusd",
        _ if name.starts_with("vcvtt") && name.ends_with('s') => {
            return name.strip_suffix('s').map(str::to_string);
        }
        _ if name.ends_with("bf16") && !name.contains("minmax") => {
            return Some(name.replace("bf16", "ph"));
        }
        _ => return None,
    };
    Some(kin.to_string())
}

/// Those without kin, and what they do.
const ALONE: &[(&str, &str)] = &[
    ("vminmaxbf16 xmm1{k2}, xmm3, [rax], 5", "v1:w48m16z48 v3:r16 g0:r8 k2:r1"),
    ("vminmaxph ymm1, ymm3, ymm4, 5", "v1:w64z32 v3:r32 v4:r32"),
    ("vminmaxsh xmm1, xmm3, xmm4, 5", "v1:w64z48 v3:r16 v4:r2"),
    ("vminmaxsh xmm1, xmm3, [rax], 5", "v1:w64z48 v3:r16 g0:r8"),
    ("vcvtbiasph2bf8 ymm1, zmm3, zmm4", "v1:w64z32 v3:r64 v4:r64"),
    ("vcvtbiasph2bf8 xmm1, xmm3, xmm4", "v1:w64z56 v3:r16 v4:r16"),
    ("vcvtbiasph2bf8s xmm1{k2}{z}, ymm3, ymm4", "v1:w64z48 v3:r32 v4:r32 k2:r2"),
    ("vcvtbiasph2hf8 xmm1{k2}, ymm3, ymm4", "v1:w48m16z48 v3:r32 v4:r32 k2:r2"),
    ("vcvtbiasph2hf8s xmm1, ymm3, [rax]", "v1:w64z48 v3:r32 g0:r8"),
    ("vmovd xmm1, xmm3", "v1:w64z60 v3:r4"),
    ("vmovw xmm1, xmm3", "v1:w64z62 v3:r2"),
    ("tcvtrowd2ps zmm1, tmm3, ecx", "v1:w64 t3:r64 g1:r4"),
    ("tcvtrowps2bf16h zmm1, tmm3, 4", "v1:w64 t3:r64"),
    ("tcvtrowps2bf16l zmm1, tmm3, 4", "v1:w64 t3:r64"),
    ("tcvtrowps2phh zmm1, tmm3, ecx", "v1:w64 t3:r64 g1:r4"),
    ("tcvtrowps2phl zmm1, tmm3, 4", "v1:w64 t3:r64"),
    ("tilemovrow zmm1, tmm3, ecx", "v1:w64 t3:r64 g1:r4"),
    ("urdmsr rbx, rcx", "g3:w8 g1:r8"),
    ("urdmsr rbx, 5", "g3:w8"),
    ("uwrmsr rbx, rcx", "g3:r8 g1:r8"),
    ("uwrmsr 5, rcx", "g1:r8"),
];

/// Everything that an instruction does, but for exception flags.
fn describe(inst: &Instruction<PhysReg>) -> Option<(String, bool)> {
    let selection = select(inst, &FeatureSet::all()).ok()?;
    let mut rest = effects(inst, &selection);
    // Of masks, more than is there may count as read; how much is read of others is looked at.
    for access in rest.regs.iter_mut().filter(|access| access.reg.bank == Bank::Mask) {
        access.read = access.read & Lanes::low(1);
    }
    rest.regs.sort_by_key(|access| access.reg);
    let copied = rest.copied.map(|copied| (copied.from, copied.to, copied.lanes));
    let flags = (rest.flags_read, rest.flags_written, rest.flags_may_write);
    let control = (rest.control, rest.stack, rest.x87, rest.settles);
    let text = format!(
        "{:?} {copied:?} {flags:?} {:?} {control:?} {:?} {:?} {:?}",
        rest.regs, rest.memory, rest.hazard, rest.vector_mode, rest.reach
    );
    Some((text, rest.float_flags))
}

#[test]
fn effects_are_those_of_kin() {
    let mut alone: BTreeSet<&str> =
        ALONE.iter().map(|(text, _)| text.split(' ').next().unwrap_or_default()).collect();
    let (mut compared, mut wrong) = (0, Vec::new());
    for mnemonic in Mnemonic::all().filter(|m| m.in_full().is_none() && forms(*m).count() != 0) {
        let name = mnemonic.name();
        let Some(kin) = kin(name) else {
            assert!(alone.remove(name), "{name} is compared with nothing");
            continue;
        };
        let kin = Mnemonic::parse(&kin).expect("a name");
        let before = compared;
        for inst in forms(mnemonic).flat_map(|form| samples(mnemonic, form)) {
            let other = Instruction { mnemonic: kin, ..inst.clone() };
            let ours = describe(&inst).expect("an instruction of the form");
            let Some(theirs) = describe(&other) else { continue };
            compared += 1;
            // Operations on bfloat16 raise no exceptions, as ours or as the kin.
            let silent = name.contains("bf16") || kin.name().contains("bf16");
            if ours.0 != theirs.0 || ours.1 != theirs.1 && !silent {
                wrong.push(format!("{inst}: {ours:?}\n{other}: {theirs:?}\n\n"));
            }
        }
        assert!(compared > before, "{name} has no form in common with its kin");
    }
    assert!(alone.is_empty(), "{alone:?}");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(20)].concat());
    println!("{compared} instructions have the effects of their kin");
}

/// A form with registers and with memory, without a mask and with.
fn samples(mnemonic: Mnemonic, form: &Form) -> Vec<Instruction<PhysReg>> {
    let memory = form.operands().iter().position(|operand| operand.memory.is_some());
    let has_register = memory.is_none_or(|at| form.operands()[at].class.is_some());
    let mut all = Vec::new();
    for memory in [has_register.then_some(None), memory.map(Some)].into_iter().flatten() {
        let mut plain = generate::plain_instruction(mnemonic, form, memory);
        if form.family() == Family::Evex {
            plain.encoding = Some(ForcedEncoding::Evex);
        }
        all.push(plain.clone());
        if form.takes_mask() {
            plain.mask = Some(View { reg: PhysReg::mask(3), class: Class::K });
            all.push(plain.clone());
            plain.zeroing = form.takes_zeroing();
            all.push(plain);
        }
    }
    all
}

#[test]
fn effects_without_kin_are_what_the_manual_says() {
    for (line, expected) in ALONE {
        let inst = parse_line(line).expect(line);
        let selection = select(&inst, &FeatureSet::all()).expect(line);
        let effects = effects(&inst, &selection);
        let mut found: Vec<String> = Vec::new();
        for access in &effects.regs {
            let bank = format!("{:?}", access.reg.bank);
            let bank = match &bank[..] {
                "Vector" => "v",
                "Mask" => "k",
                "Tile" => "t",
                _ => "g",
            };
            let count = |letter: &str, lanes: Lanes| match lanes.0 {
                0 => String::new(),
                bits => format!("{letter}{}", bits.count_ones()),
            };
            found.push(format!(
                "{bank}{}:{}{}{}{}",
                access.reg.num,
                count("r", access.read),
                count("w", access.write),
                count("m", access.may_write),
                count("z", access.zeroed)
            ));
        }
        let (mut found, mut expected) =
            (found, expected.split(' ').map(str::to_string).collect::<Vec<_>>());
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{line}");
        assert_eq!(effects.hazard.is_some(), line.starts_with('t') || line.starts_with('u'));
    }
}
