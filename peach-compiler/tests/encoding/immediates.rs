//! Numbers at the edges of every field, signed and unsigned, against NASM and GNU as.

use super::meaning::meaning;
use super::oracle::{gnu_as_with, nasm};
use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind};
use peach_compiler::isa::{encode_lengths, encode_options, encode_text};
use peach_testing::tools::have;

/// Operands of a width in bits, with `@` for the number.
const FORMS: [(u32, &[&str]); 4] = [
    (
        8,
        &[
            "add al, @",
            "add cl, @",
            "mov dl, @",
            "test bh, @",
            "cmp byte [rdi], @",
            "mov byte [rdi], @",
        ],
    ),
    (
        16,
        &[
            "add ax, @",
            "add cx, @",
            "mov dx, @",
            "test bx, @",
            "imul ax, cx, @",
            "mov word [rdi], @",
        ],
    ),
    (
        32,
        &[
            "add eax, @",
            "add ecx, @",
            "mov edx, @",
            "test ebx, @",
            "imul eax, r9d, @",
            "mov dword [rdi], @",
            "mov r9d, @",
        ],
    ),
    (
        64,
        &[
            "add rax, @",
            "add rcx, @",
            "mov rdx, @",
            "test rbx, @",
            "imul rax, r9, @",
            "mov qword [rdi], @",
            "mov r9, @",
            "push @",
            "mov rax, @",
            "and r12, @",
        ],
    ),
];

/// The numbers next to every power of two that a field of `bits` bits can end at.
fn numbers(bits: u32) -> Vec<i128> {
    let mut all = vec![0];
    for end in [7, 8, 15, 16, 31, 32, 63, 64].into_iter().filter(|&end| end <= bits) {
        let power = 1i128 << end;
        for near in -2..=2 {
            all.extend([power + near, -power + near, (1i128 << bits) - power + near]);
        }
    }
    all.retain(|&number| (-(1i128 << (bits - 1))..1i128 << bits).contains(&number));
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn a_number_may_be_written_signed_or_unsigned_and_is_as_short_as_elsewhere() {
    if !have(&["as", "nasm"]) {
        return;
    }
    let mut lines = Vec::new();
    let mut values = Vec::new();
    for (bits, forms) in FORMS {
        for form in forms {
            for number in numbers(bits) {
                lines.push(form.replace('@', &number.to_string()));
                values.push((bits, number));
            }
        }
    }
    let (gnu, nasm) = (gnu_as_with(&lines, &["-O"]), nasm(&lines));
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (n, line) in lines.iter().enumerate() {
        let (bits, number) = values[n];
        // NASM only warns of a number that it cuts.
        let others = [&gnu[n], &nasm[n]].into_iter().flatten().filter(|o| holds(o, bits, number));
        let others: Vec<&Vec<u8>> = others.collect();
        let ours = encode_text(line);
        let shortest = others.iter().map(|other| other.len()).min();
        compared += usize::from(shortest.is_some());
        let is_right = match (&ours, shortest) {
            (Ok(ours), Some(shortest)) => holds(ours, bits, number) && ours.len() <= shortest,
            (Ok(_), None) | (Err(_), Some(_)) => false,
            (Err(why), None) => why.contains("does not fit"),
        };
        if !is_right {
            wrong.push(format!("{line}: {ours:02x?}, others {others:02x?}"));
        }
    }
    println!("{} numbers, {compared} taken", lines.len());
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
}

/// Whether the immediate of the one instruction in `bytes` is `number`, modulo the operand's width.
fn holds(bytes: &[u8], bits: u32, number: i128) -> bool {
    let inst: Instruction = Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE).decode();
    let found = (0..inst.op_count()).find_map(|n| match inst.op_kind(n) {
        OpKind::Register | OpKind::Memory => None,
        _ => Some(inst.immediate(n)),
    });
    let mask = u64::MAX >> (64 - bits);
    // A write of 32 bits clears the upper ones.
    let is_narrow = inst.mnemonic() == Mnemonic::Mov && inst.op0_register().is_gpr32();
    // GNU as narrows `test` and `and` too; the language leaves instructions as they are written.
    let is_other = bits == 64 && !is_narrow && inst.op0_register().is_gpr32();
    let found = found.filter(|_| !is_other);
    let found = found.map(|found| if is_narrow { found & 0xffff_ffff } else { found });
    inst.len() == bytes.len() && found.is_some_and(|found| found & mask == number as u64 & mask)
}

#[test]
fn a_move_to_64_bits_writes_32_where_the_number_is_unsigned() {
    for (line, expected) in [
        ("mov rax, 5", "b805000000"),
        ("mov rdi, 0", "bf00000000"),
        ("mov r8, 5", "41b805000000"),
        ("mov r15, 0xffff_ffff", "41bfffffffff"),
        ("mov rax, 0x8000_0000", "b800000080"),
        ("mov rax, 0x1_0000_0000", "48b80000000001000000"),
        ("mov rax, -1", "48c7c0ffffffff"),
        ("mov rax, 0xffff_ffff_ffff_ffff", "48c7c0ffffffff"),
        ("movabs rax, 5", "48b80500000000000000"),
        ("mov qword [rax], 5", "48c70005000000"),
    ] {
        let bytes = encode_text(line).unwrap_or_else(|why| panic!("{line}: {why}"));
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected, "{line}");
        let options = encode_options(line).unwrap();
        assert!(options.contains(&bytes), "{line}");
        assert!(options.iter().all(|other| other.len() == bytes.len()), "{line}");
    }
    let lengths: Vec<usize> =
        encode_lengths("mov rcx, 7").unwrap().iter().map(|bytes| bytes.len()).collect();
    assert_eq!(lengths, [5, 6, 7, 10]);
    for bytes in encode_lengths("mov rcx, 7").unwrap() {
        let found = meaning(&bytes).unwrap();
        assert!(found.starts_with("Mov RCX, 7") || found.starts_with("Mov ECX, 7"), "{found}");
    }
}
