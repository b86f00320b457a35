//! `--options` and `--lengths`: every encoding that is offered means the same instruction.

use super::generate;
use super::meaning::meaning;
use super::own::has_own;
use peach_compiler::isa::{encode_lengths, encode_options, encode_text, encodings, parse_line};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn all_encodings_of_the_corpus_decode_to_the_same_instruction() {
    let step =
        if std::env::var("PEACH_CORPUS").is_ok_and(|value| value == "full") { 3 } else { 41 };
    let (mut lines, mut variants) = (0, 0);
    let mut wrong = Vec::new();
    for inst in generate::corpus().into_iter().step_by(step) {
        let Ok(all) = encodings(&inst) else { continue };
        // Those that iced lacks are compared by LLVM's disassembler.
        if has_own(&inst) {
            continue;
        }
        if inst.mnemonic.name() == "ud0" {
            // With operands to Intel, without to AMD: a decoder takes one side.
            continue;
        }
        lines += 1;
        variants += all.len();
        let expected = meaning(&all[0]);
        for bytes in &all {
            let found = meaning(bytes);
            if found != expected || found.is_none() {
                wrong.push(format!("`{inst}`: {} {found:?}\n  but {expected:?}\n", hex(bytes)));
            }
        }
    }
    println!("{lines} lines, {variants} encodings");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(30)].concat());
}

/// The lengths that PeachPy's encoder documents for these, and EVEX beyond.
#[test]
fn lengths_are_those_that_have_an_encoding() {
    let lengths = |line| -> Vec<usize> {
        encode_lengths(line).unwrap().iter().map(|bytes| bytes.len()).collect()
    };
    assert_eq!(lengths("add eax, [rbx]"), [2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(lengths("vex vpsllvd ymm0, ymm1, [rsi + 8]"), [6, 7, 9, 10]);
    let all = encode_lengths("vpsllvd ymm0, ymm1, [rsi + 8]").unwrap();
    for (length, bytes) in [
        (6, "c4e275474608"),
        (7, "c4e27547442608"),
        (9, "c4e275478608000000"),
        (10, "c4e27547842608000000"),
    ] {
        let found = all.iter().find(|bytes| bytes.len() == length).map(|bytes| hex(bytes));
        assert_eq!(found.as_deref(), Some(bytes));
    }
}

#[test]
fn options_have_the_length_of_the_plain_encoding_and_start_with_it() {
    let options = |line| encode_options(line).unwrap();
    assert_eq!(options("add ecx, eax"), [[0x01, 0xc1], [0x03, 0xc8]]);
    assert_eq!(options("movaps xmm1, xmm2"), [[0x0f, 0x28, 0xca], [0x0f, 0x29, 0xd1]]);
    assert_eq!(options("xchg ecx, edx"), [[0x87, 0xd1], [0x87, 0xca]]);
    assert_eq!(options("vaddsd xmm1, xmm2, xmm3").len(), 2);
    for line in ["add eax, 1000", "vmovups ymm1, [rax + 0x200]", "mov rax, 1", "push rax"] {
        let plain = encode_text(line).unwrap();
        let all = encode_options(line).unwrap();
        assert_eq!(all[0], plain);
        assert!(all.iter().all(|bytes| bytes.len() == plain.len()), "{line}");
        assert!(parse_line(line).is_ok());
    }
}
