//! Lines of text: what they may hold, what is said of those in error, and that none ends in a
//! panic.

use super::random;
use peach_compiler::isa::{Mnemonic, encode_lengths, encode_options, encode_text, parse_line};
use peach_testing::Random;

fn hex(line: &str) -> String {
    let bytes = encode_text(line).unwrap_or_else(|why| panic!("{line}: {why}"));
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn error(line: &str) -> String {
    encode_text(line).expect_err(line)
}

#[test]
fn operands_are_those_of_the_language() {
    for (line, bytes) in [
        ("ADD EAX, [RBX]", "0303"),
        ("add eax, ecx; // comment", "01c8"),
        ("mov eax, dword ptr [rax + (1 << 2)*rcx + 2*4]", "8b448808"),
        ("mov eax, [8 + rcx*4 + rax]", "8b448808"),
        ("mov eax, [rax - 1]", "8b40ff"),
        ("mov al, b'a'", "b061"),
        ("mov eax, bits(1.5f32)", "b80000c03f"),
        ("mov rax, bits(1.5)", "48b8000000000000f83f"),
        ("mov eax, 0xFFFF_FFFF", "b8ffffffff"),
        ("mov eax, !0", "b8ffffffff"),
        ("jz 5", "7405"),
        ("jz 500", "0f84f4010000"),
        ("jmp -2", "ebfe"),
        ("mov eax, [rip + 16]", "8b0510000000"),
        ("mov eax, fs:[0]", "648b042500000000"),
        ("lock add dword [rcx], 1", "f0830101"),
        ("rep movsb", "f3a4"),
        ("repz cmpsb", "f3a6"),
        ("int 3", "cc"),
        ("vaddps zmm1{k1}{z}, zmm2, [rax]{1to16}", "62f16cd95808"),
        ("vaddps zmm1, zmm2, zmm3, {rz-sae}", "62f16c7858cb"),
        ("vcmpps k1, zmm2, zmm3, {sae}, 3", "62f16c18c2cb03"),
        ("vpgatherdd xmm1{k1}, [rax + xmm2*4]", "62f27d09900c90"),
        ("vex3 vaddps xmm1, xmm2, xmm3", "c4e16858cb"),
        ("evex vaddps xmm1, xmm2, xmm3", "62f16c0858cb"),
        ("mov eax, disp32 [rax]", "8b8000000000"),
        ("mov eax, disp8 [rax]", "8b4000"),
        ("movabs rax, 1", "48b80100000000000000"),
        ("vcmpltps xmm1, xmm2, xmm3", "c5e8c2cb01"),
        ("vcmplt_osps xmm1, xmm2, xmm3", "c5e8c2cb01"),
        ("pclmulhqhqdq xmm1, xmm2", "660f3a44ca11"),
        ("vpcomltub xmm1, xmm2, xmm3", "8fe868eccb00"),
        ("cmovnae eax, ecx", "0f42c1"),
        ("sal eax, 2", "c1e002"),
        ("fadd st(0), st(3)", "d8c3"),
        ("fxch", "d9c9"),
        ("cbw", "6698"),
        ("xchg eax, eax", "87c0"),
        ("pfadd mm1, [r9]", "410f0f099e"),
        ("vmovups zmm1, [rcx*8 + 0x40]", "62f17c48100ccd40000000"),
    ] {
        assert_eq!(hex(line), bytes, "{line}");
    }
}

#[test]
fn errors_say_what_is_wrong_and_what_is_right() {
    for (line, words) in [
        ("addd eax, 4", "did you mean"),
        ("addd eax, 4", "`add`"),
        ("add eax, cl", "ADD r/m32, r32"),
        ("mov [rax], 5", "`byte` or `word` or `dword` or `qword`"),
        ("add al, 256", "-128 to 255"),
        ("movzx r8d, ah", "REX"),
        ("vaddps zmm1{k0}, zmm2, zmm3", "k1` to `k7"),
        ("vaddps zmm1{z}, zmm2, zmm3", "requires a mask"),
        ("vmovups [rax]{k1}{z}, zmm3", "destination is memory"),
        ("vaddps zmm1, zmm2, [rax], {rn-sae}", "no operand can be memory"),
        ("vmaxps zmm1, zmm2, zmm3, {rn-sae}", "{sae}"),
        ("lock mov [rax], eax", "`lock` requires"),
        ("rep add eax, ecx", "string instruction"),
        ("vgatherdps xmm1, [rax + xmm1*4], xmm2", "different"),
        ("vpaddd xmm17, xmm1, xmm2, xmm3", "VPADDD"),
        ("paddd xmm17, xmm1", "xmm17"),
        ("mov eax, [rax*6]", "1, 2, 4 or 8"),
        ("mov eax, [rcx + rax*3]", "1, 2, 4 or 8"),
        ("mov eax, [rcx*2 + rax*4]", "one scaled register too many"),
        ("mov eax, [rcx - rax]", "not by -1"),
        ("vpgatherdd xmm1{k1}, [rax + xmm2*0]", "not by 0"),
        ("mov eax, [ax]", "64-bit or 32-bit"),
        ("mov eax, [rax + ecx]", "same width"),
        ("mov eax, [rax + rsp*2]", "rsp"),
        ("mov eax, [rax + rcx + rdx]", "one base and one index"),
        ("mov eax, [rip + rax]", "cannot have an index"),
        ("mov eax, [rax + 0x80000000]", "32 bits"),
        ("mov eax, [rax", "expected `]`"),
        ("vaddps zmm1, zmm2, [rax]{1to8}", "{1to16}"),
        ("jrcxz 128", "-128 to 127"),
        ("", "missing instruction"),
        ("add eax", "ADD r/m32"),
        ("add eax,", "missing"),
    ] {
        let why = error(line);
        assert!(why.contains(words), "{line}: {why}");
        assert!(!why.contains('\n'), "{line}: {why}");
    }
}

#[test]
fn token_soup_never_panics() {
    let words = [
        "add",
        "mov",
        "vaddps",
        "vpgatherdd",
        "lock",
        "rep",
        "eax",
        "xmm1",
        "zmm31",
        "k1",
        "ah",
        "r8d",
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        ",",
        "+",
        "-",
        "*",
        "/",
        "%",
        "<<",
        ">>",
        "!",
        ";",
        ":",
        "'",
        "\"",
        "0",
        "1",
        "-1",
        "0x7fffffffffffffff",
        "99999999999999999999999999999999999999",
        "1.5",
        "1e9999",
        "b'a'",
        "b'",
        "bits",
        "bits(",
        "1.5f32",
        "fs",
        "rip",
        "rsp",
        "st",
        "byte",
        "zmmword",
        "ptr",
        "disp8",
        "evex",
        "vex3",
        "{k1}",
        "{z}",
        "{1to16}",
        "{rn-sae}",
        "{sae}",
        "short",
        "near",
        "é",
        "\u{0}",
    ];
    let mut random = Random::new(0x5eed);
    let mnemonics: Vec<Mnemonic> = Mnemonic::all().collect();
    for round in 0..6_000 {
        let mut line = String::new();
        if round % 2 == 0 {
            line.push_str(&random::instruction(&mut random, &mnemonics).to_string());
        }
        for _ in 0..random.below(8) {
            let place = random.below(line.len() + 1);
            let word = random.pick(&words);
            if line.is_char_boundary(place) {
                line.insert_str(place, word);
            }
            line.push_str(if random.one_in(2) { " " } else { "" });
        }
        let plain = encode_text(&line);
        if round % 16 == 0 {
            assert_eq!(encode_options(&line).is_ok(), plain.is_ok(), "{line}");
            assert_eq!(encode_lengths(&line).is_ok(), plain.is_ok(), "{line}");
        }
        if let (Ok(_), Ok(inst)) = (&plain, parse_line(&line)) {
            assert_eq!(parse_line(&inst.to_string()), Ok(inst), "{line}");
        }
    }
    for nested in ["-", "!", "("] {
        assert!(encode_text(&format!("mov eax, {}1", nested.repeat(100_000))).is_err());
    }
    assert!(encode_text(&"x".repeat(100_000)).is_err());
}
