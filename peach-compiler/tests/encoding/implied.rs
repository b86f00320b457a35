//! Operands that the bytes have no place for, in every size, segment and address width, against
//! GNU as, LLVM and NASM.

use super::oracle::{Answer, gnu_as, llvm_mc, nasm};
use peach_compiler::isa::{
    FeatureSet, Lanes, effects, encode_text, parse_line, select, take_implied,
};

const SIZES: [(&str, &str, &str); 4] =
    [("byte", "b", "al"), ("word", "w", "ax"), ("dword", "d", "eax"), ("qword", "q", "rax")];

const SEGMENTS: [&str; 7] = ["", "es:", "cs:", "ss:", "ds:", "fs:", "gs:"];

/// String instructions by the manual's names and by those with a letter, with all operands and with
/// those that can be left out, and what NASM calls the same.
fn strings() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for (size, letter, accumulator) in SIZES {
        for segment in SEGMENTS {
            for (rdi, rsi, nasm_width) in [("rdi", "rsi", ""), ("edi", "esi", "a32 ")] {
                let to = format!("{size} ptr [{rdi}]");
                let to_es = format!("{size} ptr es:[{rdi}]");
                let from = format!("{size} ptr {segment}[{rsi}]");
                let mut add = |base: &str, operands: &[String], has_source: bool| {
                    if !has_source && !segment.is_empty() {
                        return;
                    }
                    let nasm_segment = match has_source && segment != "ds:" {
                        true => segment.trim_end_matches(':').to_string() + " ",
                        false => String::new(),
                    };
                    let nasm = format!("{nasm_segment}{nasm_width}{base}{letter}");
                    for name in [base.to_string(), format!("{base}{letter}")] {
                        lines.push((format!("{name} {}", operands.join(", ")), nasm.clone()));
                    }
                };
                add("movs", &[to.clone(), from.clone()], true);
                add("movs", &[to_es.clone(), from.clone()], true);
                add("cmps", &[from.clone(), to.clone()], true);
                add("lods", &[accumulator.to_string(), from.clone()], true);
                add("lods", std::slice::from_ref(&from), true);
                add("stos", &[to.clone(), accumulator.to_string()], false);
                add("stos", std::slice::from_ref(&to), false);
                add("scas", &[accumulator.to_string(), to.clone()], false);
                add("scas", std::slice::from_ref(&to_es), false);
                if size != "qword" {
                    add("ins", &[to.clone(), "dx".to_string()], false);
                    add("outs", &["dx".to_string(), from.clone()], true);
                }
            }
        }
    }
    lines
}

/// The other instructions, with registers of either width.
fn others() -> Vec<String> {
    let mut lines: Vec<String> = [
        "skinit eax",
        "mwait eax, ecx",
        "mwait rax, rcx",
        "mwaitx eax, ecx, ebx",
        "rmpupdate rax, rcx",
        "rmpadjust rax, rcx, rdx",
        "fadd",
        "fmul",
        "fsub",
        "fsubr",
        "fdiv",
        "fdivr",
        "fnstsw",
        "fstsw",
        "xlat",
        "rep montmul",
        "rep xsha1",
        "rep xsha256",
        "rep xcryptecb",
        "rep xcryptcbc",
        "rep xcryptctr",
        "rep xcryptcfb",
        "rep xcryptofb",
        "rep xstore",
    ]
    .map(String::from)
    .to_vec();
    for rax in ["rax", "eax"] {
        for name in ["clzero", "vmrun", "vmload", "vmsave"] {
            lines.push(format!("{name} {rax}"));
        }
        lines.push(format!("invlpga {rax}, ecx"));
        for name in ["invlpgb", "monitor", "monitorx", "pvalidate"] {
            lines.push(format!("{name} {rax}, ecx, edx"));
        }
    }
    for rbx in ["rbx", "ebx"] {
        for segment in SEGMENTS {
            lines.push(format!("xlat byte ptr {segment}[{rbx}]"));
        }
    }
    for name in ["lar", "lsl"] {
        for to in ["cx", "ecx", "rcx", "r9w", "r9d", "r9"] {
            for from in ["dx", "edx", "rdx", "r10w", "r10d", "r10"] {
                lines.push(format!("{name} {to}, {from}"));
            }
            lines.push(format!("{name} {to}, word ptr [rax]"));
        }
    }
    for condition in ["ae", "a", "e", "ge", "g", "ne", "nb", "z", "nl", "nle", "nz", "b", "be"] {
        lines.push(format!("cmp{condition}xadd [rax], ecx, edx"));
    }
    lines
}

fn ours(line: &str) -> Vec<u8> {
    encode_text(line).unwrap_or_else(|why| panic!("{line}: {why}"))
}

fn compare(lines: &[String], answers: &[Answer], who: &str, least: usize) {
    let mut compared = 0;
    for (line, answer) in lines.iter().zip(answers) {
        let Some(answer) = answer else { continue };
        assert_eq!(&ours(line), answer, "{line}, against {who}");
        compared += 1;
    }
    assert!(compared >= least, "{who} took {compared} of {}", lines.len());
}

#[test]
fn string_instructions_with_operands_are_what_assemblers_make_of_them() {
    let lines: Vec<String> = strings().into_iter().map(|(line, _)| line).collect();
    let repeated = |line: &String| {
        let is_compared = line.starts_with("cmps") || line.starts_with("scas");
        format!("{} {line}", if is_compared { "repne" } else { "rep" })
    };
    let all: Vec<String> = lines.iter().cloned().chain(lines.iter().map(repeated)).collect();
    compare(&all, &gnu_as(&all), "GNU as", all.len());
    // LLVM has the prefixes in an order of its own.
    for (line, answer) in lines.iter().zip(llvm_mc(&lines)) {
        let mut answer = answer.unwrap_or_else(|| panic!("LLVM refuses {line}"));
        let mut bytes = ours(line);
        bytes.sort_unstable();
        answer.sort_unstable();
        assert_eq!(bytes, answer, "{line}");
    }
}

#[test]
fn nasm_has_prefixes_for_what_operands_say() {
    let (lines, theirs): (Vec<String>, Vec<String>) = strings().into_iter().unzip();
    let mut compared = 0;
    for (line, answer) in lines.iter().zip(nasm(&theirs)) {
        let Some(mut answer) = answer else { continue };
        // The order of prefixes is NASM's own.
        let mut bytes = ours(line);
        bytes.sort_unstable();
        answer.sort_unstable();
        assert_eq!(bytes, answer, "{line}");
        compared += 1;
    }
    assert!(compared > lines.len() * 9 / 10, "NASM took {compared} of {}", lines.len());
}

#[test]
fn registers_that_an_instruction_always_uses_can_be_written() {
    let lines = others();
    compare(&lines, &gnu_as(&lines), "GNU as", lines.len() * 3 / 4);
    // LLVM 19 drops the segment and the width of `xlat`'s address.
    let lines: Vec<String> = lines.into_iter().filter(|line| !line.contains("xlat byte")).collect();
    compare(&lines, &llvm_mc(&lines), "LLVM", lines.len() / 2);
}

#[test]
fn what_is_printed_is_read_again() {
    let lines = strings().into_iter().map(|(line, _)| line).chain(others());
    for line in lines {
        let inst = parse_line(&line).expect(&line);
        let again = parse_line(&inst.to_string()).unwrap_or_else(|why| panic!("{inst}: {why}"));
        assert_eq!(inst, again, "{line}");
    }
}

#[test]
fn a_segment_before_the_name_is_the_source_s() {
    assert_eq!(ours("fs movsb"), [0x64, 0xa4]);
    assert_eq!(ours("ds lodsq"), [0x48, 0xad]);
    assert_eq!(ours("gs xlatb"), [0x65, 0xd7]);
    encode_text("fs stosb").expect_err("the destination's segment is fixed");
    encode_text("fs clzero").expect_err("its segment cannot be said");
}

/// An address of 32 bits reads half of its register, and so does the count.
#[test]
fn narrow_addresses_read_half_of_their_registers() {
    for (line, bytes) in [
        ("movs byte [rdi], byte [rsi]", 8),
        ("movs byte [edi], byte [esi]", 4),
        ("rep stos qword [edi], rax", 4),
        ("repne scas al, byte [edi]", 4),
        ("lods eax, dword fs:[esi]", 4),
        ("clzero eax", 4),
        ("clzero rax", 8),
        ("xlat byte [ebx]", 4),
    ] {
        let mut inst = parse_line(line).expect(line);
        take_implied(&mut inst).expect("nothing is left to take");
        let selection = select(&inst, &FeatureSet::all()).expect(line);
        let effects = effects(&inst, &selection);
        let addresses = effects.regs.iter().filter(|access| {
            let is_data = matches!(access.reg.num, 0) && !line.starts_with("clzero");
            !is_data
        });
        for access in addresses {
            assert_eq!(access.read, Lanes::low(bytes), "{line}: {access:?}");
        }
        let is_plain = bytes == 8 && line.starts_with("movs");
        let has_pointers = effects.memory.iter().all(|access| access.pointer.is_some());
        assert_eq!(has_pointers, is_plain, "{line}");
    }
}

#[test]
fn wrong_operands_are_named() {
    for (line, words) in [
        ("movs [rdi], [rsi]", "`byte` or `word` or `dword` or `qword`"),
        ("movs", "MOVS byte [rdi], byte [rsi]"),
        ("movsb word [rdi], [rsi]", "operand 1"),
        ("movsb [rdi], byte [rsi + 1]", "write `[rsi]`"),
        ("movsb [rdx], [rsi]", "`movsb` always uses the address in `rdi`"),
        ("movsb fs:[rdi], [rsi]", "only the segment of `[rsi]`"),
        ("movsb [rdi], [esi]", "the same width"),
        ("movsb [rsi], [rdi]", "the address in `rdi`"),
        ("stos qword [rdi], eax", "operand 2"),
        ("stos qword [rdi], rcx", "always uses `rax`"),
        ("lods ah, byte [rsi]", "operand 1"),
        ("ins qword [rdi], dx", "INS byte [rdi], dx"),
        ("ins byte [rdi], cx", "always uses `dx`"),
        ("clzero rcx", "`clzero` always uses `rax`"),
        ("clzero ax", "CLZERO rax"),
        ("skinit rax", "SKINIT eax"),
        ("xlat word [rbx]", "XLATB byte [rbx]"),
        ("rep xadd [rax], ecx", "string instruction"),
    ] {
        let error = encode_text(line).expect_err(line).to_string();
        assert!(error.contains(words), "{line}: {error}");
    }
}
