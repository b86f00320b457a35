//! Addresses in every order and with every factor, against NASM and GNU as: the same place, in no
//! more bytes than the shortest of them.

use super::oracle::{gnu_as_with, nasm};
use iced_x86::{Code, Decoder, DecoderOptions, Instruction, OpKind, Register};
use peach_compiler::isa::encode_text;
use peach_testing::Random;
use peach_testing::tools::have;

const NAMES: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15",
];

/// The instruction around the address.
const INSTRUCTIONS: [&str; 6] = [
    "lea r9, @",
    "mov eax, @",
    "mov @, r8",
    "vaddps ymm1, ymm9, @",
    "vaddps zmm17, zmm2, @",
    "add dword @, 1000",
];

/// A sum of up to three products and up to two numbers, in any order. The numbers together are a
/// displacement.
fn address(random: &mut Random) -> String {
    let narrow = random.one_in(8);
    let name = |random: &mut Random| match (NAMES[random.below(16)], narrow) {
        (name, false) => name.to_string(),
        (name @ ("r8" | "r9"), true) => format!("{name}d"),
        (name, true) if name.len() == 3 && name.as_bytes()[1].is_ascii_digit() => {
            format!("{name}d")
        }
        (name, true) => name.replacen('r', "e", 1),
    };
    let mut terms: Vec<String> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for _ in 0..1 + random.below(3) {
        let again = !names.is_empty() && random.one_in(3);
        let name = if again { random.pick(&names) } else { name(random) };
        names.push(name.clone());
        terms.push(match random.below(6) {
            0..=2 => name,
            3 => format!("{}*{name}", 1 + random.below(10)),
            _ => format!("{name}*{}", [1, 2, 4, 8, 3, 5, 9, 0][random.below(8)]),
        });
    }
    match random.below(4) {
        0 => {}
        1 => terms.extend([displacement(random), (random.below(32) as i64 - 16).to_string()]),
        _ => terms.push(displacement(random)),
    }
    for at in (1..terms.len()).rev() {
        terms.swap(at, random.below(at + 1));
    }
    format!("[{}]", terms.join(" + "))
}

fn displacement(random: &mut Random) -> String {
    match random.below(6) {
        0 => (random.below(256) as i64 - 128).to_string(),
        1 => (64 * (random.below(256) as i64 - 128)).to_string(),
        2 => format!("{:#x}", u64::MAX - 16 - random.below(0x7000_0000) as u64),
        3 => ((random.bits() as i32) / 2).to_string(),
        _ => (4 * random.below(5)).to_string(),
    }
}

#[test]
fn sums_of_registers_are_as_short_as_the_shortest_of_nasm_and_gnu_as() {
    if !have(&["as", "nasm"]) {
        return;
    }
    let mut random = Random::new(0xadd2e55);
    let count = if super::is_full() { 60_000 } else { 6_000 };
    let lines: Vec<String> = (0..count)
        .map(|_| random.pick(&INSTRUCTIONS).replace('@', &address(&mut random)))
        .collect();
    compare(&lines);
}

/// Every base, index and scale with the displacements that have lengths of their own.
#[test]
fn every_base_index_and_scale_is_as_short_as_the_shortest_of_nasm_and_gnu_as() {
    if !have(&["as", "nasm"]) {
        return;
    }
    let mut lines = Vec::new();
    for (at, base) in NAMES.iter().enumerate() {
        for factor in 0..=10 {
            for disp in ["", " + 8", " - 129"] {
                lines.push(format!("lea rax, [{base}*{factor}{disp}]"));
                lines.push(format!("mov [{base}*{factor}{disp}], cl"));
            }
        }
        for (other, index) in NAMES.iter().enumerate() {
            let factor = [1, 2, 4, 8][(at + other) % 4];
            lines.push(format!("mov eax, [{base} + {index}*{factor}]"));
            lines.push(format!("mov eax, [{base} + {index}]"));
            lines.push(format!("mov eax, [{base}*1 + {index}]"));
            lines.push(format!("mov eax, [{index}*{factor} + {base} + 127]"));
            lines.push(format!("mov eax, [{base} + {index} + {index}]"));
        }
    }
    compare(&lines);
}

/// Numbers alone, and numbers from 2^63 as the negative ones that they are modulo 2^64.
#[test]
fn numbers_are_addresses_modulo_two_to_the_64() {
    for (line, expected) in [
        ("mov rcx, [0xffffffffff600000]", "488b0c25000060ff"),
        ("mov rax, [0x8000000000000000]", "48a10000000000000080"),
        ("mov [0xfedcba9876543210], al", "a21032547698badcfe"),
        ("lea rax, [rdi + 0xffffffffffffffff]", "488d47ff"),
        ("mov eax, [-1]", "8b0425ffffffff"),
        ("mov eax, [0xffff_ffff_ffff_ffff]", "8b0425ffffffff"),
        ("mov al, [-0x8000_0000_0000_0000]", "a00000000000000080"),
        ("mov eax, fs:[0xffff_ffff_ffff_fff8]", "648b0425f8ffffff"),
        ("mov eax, [edi + 0xffff_ffff_ffff_ffff]", "678b47ff"),
        ("vmovups zmm1, [rdi - 64]", "62f17c48104fff"),
        ("vmovups zmm1, [rdi + 0xffff_ffff_ffff_ffc0]", "62f17c48104fff"),
        ("vpgatherdd xmm1{k1}, [xmm2*4 + 0xffff_ffff_ffff_fff0]", "62f27d09900c95f0ffffff"),
        ("mov eax, [rip + 0xffff_ffff_ffff_fff0]", "8b05f0ffffff"),
    ] {
        let bytes = encode_text(line).unwrap_or_else(|why| panic!("{line}: {why}"));
        assert_eq!(hex(&bytes), expected, "{line}");
    }
    for line in [
        "mov rcx, [0x8000000000000000]",
        "mov rax, [0x1_0000_0000_0000_0000]",
        "mov rax, [-0x8000_0000_0000_0001]",
        "mov rax, [rdi + 0x8000_0000]",
        "mov rax, [rdi - 0x8000_0001]",
    ] {
        assert!(encode_text(line).is_err_and(|why| why.contains("does not fit")), "{line}");
    }
}

/// Base and index of a tile load mean different things: the index is the distance of its rows.
#[test]
fn tile_loads_keep_base_and_index_as_written() {
    let options = |line: &str| peach_compiler::isa::encode_lengths(line).unwrap();
    for (line, expected) in [
        ("tileloadd tmm1, [rcx*2]", "c4e27b4b0c4d00000000"),
        ("tileloadd tmm1, [rax + rcx*1]", "c4e27b4b0c08"),
    ] {
        assert_eq!(hex(&encode_text(line).unwrap()), expected, "{line}");
        for bytes in options(line) {
            let found = decoded(&bytes).unwrap();
            let plain = decoded(&encode_text(line).unwrap()).unwrap();
            assert_eq!(found.memory_base(), plain.memory_base(), "{line}");
            assert_eq!(found.memory_index(), plain.memory_index(), "{line}");
        }
    }
}

fn compare(lines: &[String]) {
    let (gnu, nasm) = (gnu_as_with(lines, &["-O"]), nasm(lines));
    let (mut both, mut one, mut neither, mut shorter) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    for (line, (gnu, nasm)) in lines.iter().zip(gnu.iter().zip(&nasm)) {
        match (gnu, nasm) {
            (Some(_), Some(_)) => both += 1,
            (None, None) => neither += 1,
            _ => one += 1,
        }
        // GNU as replaces `lea` by `mov` and narrows it; the language leaves instructions as
        // written.
        let gnu = gnu.as_ref().filter(|gnu| !line.starts_with("lea") || is_lea_to_64_bits(gnu));
        let others: Vec<&Vec<u8>> = [gnu, nasm.as_ref()].into_iter().flatten().collect();
        let Some(shortest) = others.iter().map(|bytes| bytes.len()).min() else { continue };
        // Of EVEX with a shorter displacement and VEX the language takes VEX.
        let ours = match encode_text(line) {
            Ok(ours) => ours,
            Err(why) => {
                wrong.push(format!("{line}: {why}"));
                continue;
            }
        };
        shorter += usize::from(ours.len() < shortest);
        let same = others.iter().all(|other| are_same(&ours, other));
        if ours.len() > shortest || !same {
            let others: Vec<String> = others.iter().map(|bytes| hex(bytes)).collect();
            wrong.push(format!("{line}: {} instead of {}", hex(&ours), others.join(" or ")));
        }
    }
    println!(
        "{} lines: {both} taken by both, {one} by one of them, {neither} by neither; {shorter} \
         shorter than both",
        lines.len()
    );
    assert!(both > lines.len() / 10, "too little to compare");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
}

fn is_lea_to_64_bits(bytes: &[u8]) -> bool {
    decoded(bytes).is_some_and(|inst| inst.code() == Code::Lea_r64_m)
}

fn decoded(bytes: &[u8]) -> Option<Instruction> {
    let inst = Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE).decode();
    (!inst.is_invalid() && inst.len() == bytes.len()).then_some(inst)
}

/// Whether two encodings do the same at the same address, whatever the registers hold.
fn are_same(one: &[u8], other: &[u8]) -> bool {
    let (Some(one), Some(other)) = (decoded(one), decoded(other)) else { return false };
    let rest = |inst: &Instruction| {
        let operands: Vec<String> = (0..inst.op_count())
            .map(|n| match inst.op_kind(n) {
                OpKind::Register => format!("{:?}", inst.op_register(n)),
                OpKind::Memory => format!("{:?}", inst.memory_size()),
                _ => inst.immediate(n).to_string(),
            })
            .collect();
        format!("{:?} {}", inst.mnemonic(), operands.join(", "))
    };
    let place = |inst: &Instruction| {
        let at = (0..inst.op_count()).find(|&n| inst.op_kind(n) == OpKind::Memory);
        at.map(|at| inst.virtual_address(at, 0, value))
    };
    rest(&one) == rest(&other) && place(&one) == place(&other)
}

/// What a register holds; segments start at 0.
fn value(register: Register, _: usize, _: usize) -> Option<u64> {
    if register.is_segment_register() {
        return Some(0);
    }
    let full = Random::new(register.full_register() as u64 + 1).bits();
    Some(if register.is_gpr32() { full & 0xffff_ffff } else { full })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
