//! The validator itself: each rule is broken once and more, and close to each bad piece of code
//! there is a good one.

use peach_compiler::isa::{encode_text, nop};
use peach_compiler::sandbox::{Rule, validate};

/// Bytes of text: instructions with `; ` between; `align` pads to the next bundle, `room N` until N
/// bytes are left in it, `db` is before bytes.
fn assemble(text: &str) -> Vec<u8> {
    let mut code = Vec::new();
    for line in text.split(';').map(str::trim).filter(|line| !line.is_empty()) {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("align", _) => pad(&mut code, 0),
            ("room", left) => pad(&mut code, left.parse().expect("a number")),
            ("db", bytes) => code.extend(
                bytes.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("a byte")),
            ),
            _ => code.extend(encode_text(line).unwrap_or_else(|why| panic!("{line}: {why}"))),
        }
    }
    code
}

fn pad(code: &mut Vec<u8>, left: usize) {
    while !(code.len() + left).is_multiple_of(32) {
        code.extend(nop(1));
    }
}

fn good(text: &str) {
    if let Err(violation) = validate(&assemble(text)) {
        panic!("{text}: {violation}");
    }
}

fn bad(rule: Rule, text: &str) {
    match validate(&assemble(text)) {
        Err(violation) => assert_eq!(violation.rule, rule, "{text}: {violation}"),
        Ok(()) => panic!("{text}: nothing is found, but {rule:?} is broken"),
    }
}

#[test]
fn instructions_that_are_not_known() {
    let refused = "ret; ret 8; retf; leave; enter 16, 0; pushfq; popfq; int 3; int3; int1; syscall; \
        sysenter; cli; in al, dx; out dx, al; insb; outsb; rdmsr; rdpmc; rdtscp; xlatb; lar eax, ecx; \
        sgdt [r15]; sldt eax; str eax; clflush [r15]; jecxz 0; ud1 eax, eax; mov eax, ds; \
        mov ds, eax; push fs; pop gs; lss eax, [r15]; bt eax, ecx; bts [r15], ecx; \
        popcnt ax, cx; tzcnt ax, cx; lzcnt ax, cx; crc32 eax, cx; jmp [r15]; call [r15]; \
        pext eax, ecx, edx; vaddps zmm0, zmm1, zmm2; vaddps xmm0, xmm1, xmm20; rdrand eax; \
        sha1rnds4 xmm0, xmm1, 1; adcx eax, ecx; xsave [r15]; endbr64; wrfsbase rax; xgetbv; hreset 0";
    for line in refused.split(';') {
        bad(Rule::Instruction, line);
    }
    bad(Rule::Instruction, "db 06");
    good("hlt; ud2; cpuid; rdtsc; bt eax, 5; bts dword [r15], 3; popcnt eax, ecx; pause; lfence");
    good("vaddps ymm0, ymm1, [r15]; vfmadd231ps ymm0, ymm1, ymm2; vpaddd ymm1, ymm2, ymm3");
    good("aesenc xmm0, xmm1; pclmulqdq xmm0, xmm1, 1; andn eax, ecx, edx; crc32 eax, cl; fld st1");
}

#[test]
fn prefixes() {
    bad(Rule::Prefix, "mov eax, fs:[r15]");
    bad(Rule::Prefix, "mov eax, gs:[rsp + 8]");
    // mov eax, ds:[rsp]; mov eax, [r15d]; add eax, ecx with 66 twice; rep on add; bnd jmp.
    bad(Rule::Prefix, "db 3e 8b 04 24");
    bad(Rule::Prefix, "db 67 41 8b 07");
    bad(Rule::Prefix, "db 66 66 01 c8");
    bad(Rule::Prefix, "db f2 eb fd");
    bad(Rule::Prefix, "db f2 f0 41 01 07");
    bad(Rule::Prefix, "mov edi, edi; lea rdi, [r15 + rdi]; db 66 f3 ab");
    good("db 66 01 c8; lock add [r15], eax; db 2e 74 fd");
    // The nops of assemblers.
    for length in 1..=15 {
        let mut code = nop(length).to_vec();
        assert_eq!(validate(&code), Ok(()), "{length}");
        code.insert(0, 0x66);
        assert_eq!(
            validate(&code).is_ok(),
            [1, 5, 8, 10, 11, 12, 13, 14].contains(&length),
            "{length}"
        );
    }
}

#[test]
fn bundles() {
    bad(Rule::Bundle, "room 2; add rax, rcx");
    good("room 3; add rax, rcx");
    bad(Rule::Bundle, "align; mov rax, 0x1122334455667788; room 9; mov rax, 0x1122334455667788");
    // Calls end where bundles do.
    bad(Rule::CallEnd, "call -5");
    good("room 5; call -32");
    bad(Rule::CallEnd, "and ecx, -32; add rcx, r15; call rcx");
    good("room 8; and ecx, -32; add rcx, r15; call rcx");
}

#[test]
fn the_sandbox_is_not_moved() {
    for line in [
        "mov r15, rax",
        "mov r15d, eax",
        "mov r15b, al",
        "pop r15",
        "add r15, 8",
        "xchg rax, r15",
        "xadd rax, r15",
        "lea r15, [rsp]",
        "cmovz r15, rax",
        "inc r15w",
        "movq r15, xmm0",
        "mov r15, [r15]",
        "bsf r15, rax",
        "setz r15b",
    ] {
        bad(Rule::SandboxBase, line);
    }
    good("push r15; mov rax, r15; add rax, r15; cmp r15, rax; test r15, r15");
}

#[test]
fn the_stack_stays_inside() {
    for line in [
        "mov rsp, rax",
        "add rsp, 8",
        "sub rsp, 32",
        "and rsp, rax",
        "lea rsp, [rsp + 8]",
        "pop rsp",
        "pop rbp",
        "mov rbp, rax",
        "inc spl",
        "mov bp, ax",
        "xchg rsp, rax",
        "mov rsp, [rbp]",
        "shl esp, 1",
        "cmovz esp, eax",
        "bswap ebp",
        "adc esp, 8",
    ] {
        bad(Rule::StackPointer, line);
    }
    // A mask of more than a byte is not of the list.
    bad(Rule::StackPointer, "and rsp, -4096");
    good("mov rbp, rsp; mov rsp, rbp; and rsp, -32; push rax; pop rcx; push [rsp + 8]; pop [rsp]");
    for (half, whole) in [
        ("add esp, 8", "add rsp, r15"),
        ("sub esp, eax", "lea rsp, [rsp + r15]"),
        ("mov esp, [rsp]", "add rsp, r15"),
        ("lea esp, [rbp - 8]", "or rsp, r15"),
        ("and esp, -4096", "add rsp, r15"),
        ("mov ebp, [rsp]", "add rbp, r15"),
        ("mov ebp, eax", "lea rbp, [rbp + r15]"),
    ] {
        good(&format!("{half}; {whole}"));
        bad(Rule::Unfinished, &format!("{half}; nop; {whole}"));
        bad(Rule::Unrestricted, whole);
        bad(Rule::Unrestricted, &format!("{half}; {whole}; {whole}"));
        let length = assemble(half).len();
        bad(Rule::Unfinished, &format!("room {length}; {half}; {whole}"));
    }
    bad(Rule::Unrestricted, "add esp, 8; add rbp, r15");
    bad(Rule::Unfinished, "add esp, 8; add rsp, r14");
    bad(Rule::Unfinished, "add esp, 8; lea rsp, [rsp + r15 + 8]");
    bad(Rule::StackPointer, "or rbp, r15");
}

#[test]
fn addresses() {
    for line in [
        "mov rax, [rcx]",
        "mov [rax], rcx",
        "add dword [rdi + 8], 1",
        "mov eax, [rcx + r15]",
        "mov eax, [0x1000]",
        "mov eax, [rax*4 + 8]",
        "movups xmm0, [r14]",
        "push [rax]",
        "lock xadd [rbx], eax",
        "vmovups ymm0, [rax]",
    ] {
        bad(Rule::AddressBase, line);
        bad(Rule::AddressBase, &format!("mov eax, eax; {line}"));
    }
    good("mov rax, [r15]; mov rax, [rip + 64]; mov rax, [rsp + 8]; mov [rbp - 8], rax");
    good("lea rax, [rcx + rdx*8]; nop dword [rax]; prefetcht0 [rax]");
    for (half, index) in [
        ("mov eax, ecx", "rax"),
        ("lea r11d, [rcx + 8]", "r11"),
        ("and edx, 0xff", "rdx"),
        ("movzx ecx, byte [rsp]", "rcx"),
        ("xor edi, edi", "rdi"),
        ("imul eax, ecx", "rax"),
        ("movd eax, xmm0", "rax"),
        ("sub r9d, eax", "r9"),
    ] {
        good(&format!("{half}; mov rax, [r15 + {index}*8 + 64]"));
        good(&format!("{half}; add [rsp + {index}], cl"));
        bad(Rule::AddressIndex, &format!("mov rax, [r15 + {index}]"));
        bad(Rule::AddressIndex, &format!("{half}; nop; mov rax, [r15 + {index}]"));
        let length = assemble(half).len();
        bad(Rule::AddressIndex, &format!("room {length}; {half}; mov rax, [r15 + {index}]"));
    }
    // Writes of other widths, and instructions that do not always write.
    for half in [
        "mov rax, rcx",
        "mov ax, cx",
        "mov al, cl",
        "cmovz eax, ecx",
        "bsf eax, ecx",
        "shl eax, 1",
        "popcnt eax, ecx",
        "adc eax, ecx",
        "bswap eax",
        "mov ecx, eax",
        "cmp eax, ecx",
    ] {
        bad(Rule::AddressIndex, &format!("{half}; mov rdx, [r15 + rax]"));
    }
    bad(Rule::AddressIndex, "vpgatherdd xmm0, [r15 + xmm1*4], xmm2");
}

#[test]
fn string_instructions() {
    let (rsi, rdi) = ("mov esi, esi; lea rsi, [r15 + rsi]", "mov edi, edi; lea rdi, [r15 + rdi]");
    for line in ["lodsb", "lodsd", "rep lodsq"] {
        good(&format!("{rsi}; {line}"));
        bad(Rule::String, &format!("{rdi}; {line}"));
    }
    for line in [
        "stosb",
        "rep stosd",
        "repne scasb",
        "maskmovq mm0, mm1",
        "maskmovdqu xmm0, xmm1",
        "vmaskmovdqu xmm0, xmm1",
    ] {
        good(&format!("{rdi}; {line}"));
        bad(Rule::String, line);
        bad(Rule::String, &format!("mov edi, edi; {line}"));
        bad(Rule::String, &format!("lea rdi, [r15 + rdi]; {line}"));
        bad(Rule::String, &format!("{rdi}; nop; {line}"));
        bad(Rule::String, &format!("mov edi, eax; lea rdi, [r15 + rdi]; {line}"));
        bad(Rule::String, &format!("mov edi, edi; lea rdi, [r15 + rdi + 8]; {line}"));
        bad(Rule::String, &format!("room 6; {rdi}; {line}"));
    }
    for line in ["movsb", "rep movsq", "movsd", "repe cmpsb", "cmpsd"] {
        good(&format!("{rsi}; {rdi}; {line}"));
        bad(Rule::String, &format!("{rdi}; {rsi}; {line}"));
        bad(Rule::String, &format!("{rdi}; {line}"));
    }
    good("movsd xmm0, xmm1; cmpsd xmm0, xmm1, 3");
}

#[test]
fn indirect_jumps() {
    good("and ecx, -32; add rcx, r15; jmp rcx");
    good("and r11d, -32; add r11, r15; jmp r11");
    for text in [
        "jmp rcx",
        "call rcx",
        "and ecx, -32; jmp rcx",
        "add rcx, r15; jmp rcx",
        "and ecx, -16; add rcx, r15; jmp rcx",
        "and rcx, -32; add rcx, r15; jmp rcx",
        "and ecx, -32; add rcx, r14; jmp rcx",
        "and ecx, -32; add rdx, r15; jmp rdx",
        "and ecx, -32; add rcx, r15; jmp rdx",
        "and ecx, -32; nop; add rcx, r15; jmp rcx",
        "and ecx, -32; add rcx, r15; nop; jmp rcx",
        "and ecx, -32; add ecx, r15d; jmp rcx",
        "room 6; and ecx, -32; add rcx, r15; jmp rcx",
    ] {
        bad(Rule::IndirectJump, text);
    }
}

#[test]
fn direct_jumps() {
    good("jmp 0; jz -2; jmp 24; nop; align; nop; nop");
    // Into an instruction, and before and after the code.
    bad(Rule::JumpTarget, "jmp 1; mov eax, 5");
    bad(Rule::JumpTarget, "jmp -3");
    bad(Rule::JumpTarget, "jmp 100");
    good("jmp -2; room 5; jmp -61; room 5; jmp 35");
    // Into sequences: their first instructions may be jumped to, the others not.
    let sequences: [(&[&str], usize); 6] = [
        (&["and ecx, -32", "add rcx, r15", "jmp rcx"], 1),
        (&["mov edi, edi", "lea rdi, [r15 + rdi]", "stosb"], 1),
        (&["add esp, 8", "add rsp, r15"], 1),
        (&["mov ebp, eax", "add rbp, r15"], 1),
        (&["mov eax, eax", "mov rcx, [r15 + rax]"], 1),
        (&["and r11d, -32", "add r11, r15", "jmp r11"], 1),
    ];
    for (sequence, open) in sequences {
        for part in 0..sequence.len() {
            let distance = assemble(&sequence[..part].join("; ")).len();
            let text = format!("jmp {distance}; {}", sequence.join("; "));
            if part < open { good(&text) } else { bad(Rule::JumpTarget, &text) }
        }
    }
}
