//! Prologues, epilogues, arguments, results and unwind information, as listings.

use peach_compiler::abi::{Convention, SYSV64, WIN64};
use peach_compiler::ir::{Cfa, Code, Operand};
use peach_compiler::isa::{PhysReg, gp};
use peach_compiler::pipeline::{CompiledFunction, compile};

fn compiled(convention: &'static Convention, source: &str) -> CompiledFunction {
    let mut compilation = compile(source.parse().expect("tokens"), convention);
    let messages: Vec<String> =
        compilation.diagnostics.iter().map(|d| format!("{}: {}", d.code.id(), d.message)).collect();
    let version = compilation.kernels.pop().and_then(|mut group| group.versions.pop());
    version.unwrap_or_else(|| panic!("{source}: {messages:#?}"))
}

/// The instructions, one a line, with `; ` between.
fn listing(convention: &'static Convention, source: &str) -> String {
    let function = compiled(convention, source);
    let insts = function.lowered.items.iter().filter_map(|item| match &item.code {
        Code::Inst(inst) => Some(inst.to_string()),
        _ => None,
    });
    insts.collect::<Vec<_>>().join("; ")
}

#[test]
fn arguments_stay_where_they_arrive() {
    let add = "fn k(a: i32, b: i32) -> i32 { add a, b; return a; }";
    assert_eq!(listing(&SYSV64, add), "add edi, esi; mov eax, edi; ret");
    assert_eq!(listing(&WIN64, add), "add ecx, edx; mov eax, ecx; ret");
}

#[test]
fn an_argument_is_alive_before_its_first_use() {
    let late =
        "fn k(a: u64, b: u64, c: u64) -> u64 { mov rdx, 7; add a, rdx; add a, c; return a; }";
    let expected = "mov rax, rdx; mov rdx, 7; add rdi, rdx; add rdi, rax; mov rax, rdi; ret";
    assert_eq!(listing(&SYSV64, late), expected);
}

/// A word that is there for the alignment alone takes one byte, not four.
#[test]
fn padding_is_pushed() {
    let call = "unsafe fn k(f: usize) { call f; }";
    assert_eq!(listing(&SYSV64, call), "push rcx; call rdi; pop rcx; ret");
    assert_eq!(listing(&WIN64, call), "sub rsp, 40; call rcx; add rsp, 40; ret");
    // What is needed is not what is pushed.
    let kept = "unsafe fn k(f: usize) -> u64 { let x: [u64; 1]; mov qword [x], 7; call f; mov rax, [x]; return rax; }";
    assert_eq!(
        listing(&SYSV64, kept),
        "sub rsp, 8; mov qword [rsp], 7; call rdi; mov rax, [rsp]; add rsp, 8; ret"
    );
}

/// `rdx` may hold an argument of the function, as far as anyone can tell, on one of the paths.
#[test]
fn calls_take_registers_that_only_some_paths_have_set() {
    let call = "unsafe fn k(f: usize, n: u64) -> u64 {
        cmp n, 3; jb 'call; mov rax, n; mul n;
        'call: call f;
        return rax;
    }";
    let expected = "push rcx; cmp rsi, 3; jb 'L0; mov rax, rsi; mul rsi; call rdi; pop rcx; ret";
    assert_eq!(listing(&SYSV64, call), expected);
    let expected = "sub rsp, 40; mov r8, rdx; cmp r8, 3; jb 'L0; mov rax, r8; mul r8; call rcx; \
                    add rsp, 40; ret";
    assert_eq!(listing(&WIN64, call), expected);
}

#[test]
fn stack_arguments_are_folded_into_their_only_reader() {
    let nine = "fn k(a: i64, b: i64, c: i64, d: i64, e: i64, f: i64, g: i64) -> i64 { add a, g; return a; }";
    assert_eq!(listing(&SYSV64, nine), "add rdi, [rsp + 8]; mov rax, rdi; ret");
    assert_eq!(listing(&WIN64, nine), "add rcx, [rsp + 56]; mov rax, rcx; ret");
}

/// Forms with memory that mean something else than those with registers.
#[test]
fn folding_never_changes_the_meaning() {
    let ninth = |body: &str| {
        let args = "a: f64, b: f64, c: f64, d: f64, e: f64, f: f64, g: f64, h: f64, x: f64";
        listing(&SYSV64, &format!("fn k({args}) -> f64 {{ {body} return a; }}"))
    };
    // From memory, `movsd` clears the upper half; `addpd` would read 16 bytes of an 8-byte slot.
    assert!(ninth("movsd a, x;").starts_with("movsd xmm0, [rsp + 8]; movsd xmm0, xmm0"));
    assert!(ninth("addpd a, x;").starts_with("movsd xmm1, [rsp + 8]; addpd xmm0, xmm1"));
    assert!(ninth("addsd a, x;").starts_with("addsd xmm0, [rsp + 8]"));
    assert!(ninth("unpcklpd a, x;").starts_with("movsd xmm1, [rsp + 8]; unpcklpd xmm0, xmm1"));
    let bit = "fn k(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, x: u64) -> bool {
        bt x, a; setc al; return al; }";
    assert!(
        listing(&SYSV64, bit).starts_with("mov rax, [rsp + 8]; bt rax, rdi"),
        "{}",
        listing(&SYSV64, bit)
    );
}

#[test]
fn stack_arguments_are_loaded_once_and_outside_of_loops() {
    let source = "fn k(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64) -> u64 {
        'next: { add b, g; dec a; jnz continue 'next; } return b; }";
    let expected = "mov rax, [rsp + 8]; add rsi, rax; dec rdi; jne 'L0; mov rax, rsi; ret";
    assert_eq!(listing(&SYSV64, source), expected);
}

#[test]
fn pushes_shift_the_offsets_of_stack_arguments_and_locals() {
    let source = "fn k(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64) -> u64 {
        let x: u64; mov [x], a; push a; add a, [x]; add a, g; pop b; return a; }";
    let text = listing(&SYSV64, source);
    assert!(
        text.contains(
            "mov [rsp - 16], rdi; push rdi; add rdi, [rsp - 8]; add rdi, [rsp + 16]; pop"
        ),
        "{text}"
    );
}

/// System V AMD64 psABI 1.0, section 3.2.3, and Microsoft's "Return values" leave the bits above a
/// narrow result open.
#[test]
fn narrow_results_are_left_as_they_are() {
    let plain = "fn k(a: u8, b: u8) -> u8 { add a, b; return a; }";
    assert_eq!(listing(&SYSV64, plain), "mov eax, edi; add al, sil; ret");
    let computed = "fn k(a: u64, b: u64) -> bool { cmp a, b; setb al; return al; }";
    assert_eq!(listing(&SYSV64, computed), "cmp rdi, rsi; setb al; ret");
    assert_eq!(listing(&WIN64, computed), "cmp rcx, rdx; setb al; ret");
    let signed = "fn k(a: u8) -> i8 { let t: gp32; movsx t, a; return t.gp8; }";
    assert_eq!(listing(&SYSV64, signed), "movsx eax, dil; ret");
    let number = "fn k() -> i16 { return -300; }";
    assert_eq!(listing(&SYSV64, number), "mov eax, 0xfed4; ret");
}

#[test]
fn vzeroupper_only_where_something_is_dirty() {
    let avx = |body: &str| {
        listing(
            &SYSV64,
            &format!(
                "#[target_feature(enable = \"avx512vl\")] unsafe fn k(p: *const f32) -> f32 {{ {body} }}"
            ),
        )
    };
    assert!(!avx("vmovss xmm0, [p]; vaddss xmm0, xmm0, xmm0; return xmm0;").contains("vzeroupper"));
    assert!(avx("vmovups ymm0, [p]; return xmm0;").ends_with("vzeroupper; ret"));
    assert!(
        !avx("vmovups ymm0, [p]; vzeroupper; vmovss xmm0, [p]; return xmm0;")
            .ends_with("vzeroupper; ret")
    );
    assert!(!avx("vmovups zmm17, [p]; vmovss xmm0, [p]; return xmm0;").contains("vzeroupper"));
    let two = avx("test p, p; jz 'none; vmovups ymm0, [p]; return xmm0; 'none: return 0.0;");
    assert_eq!(two.matches("vzeroupper").count(), 1, "{two}");
    let off = "#[target_feature(enable = \"avx\")] #[vzeroupper = false] unsafe fn k(p: *const f32) -> f32 {
        vmovups ymm0, [p]; return xmm0; }";
    assert!(!listing(&SYSV64, off).contains("vzeroupper"));
}

#[test]
fn frames_are_as_small_as_they_can_be() {
    let red = "fn k(a: u64) -> u64 { let x: [u64; 16]; mov [x], a; return a; }";
    assert_eq!(listing(&SYSV64, red), "mov [rsp - 128], rdi; mov rax, rdi; ret");
    let beyond = "fn k(a: u64) -> u64 { let x: [u64; 32]; mov [x], a; return a; }";
    let expected = "add rsp, -128; mov [rsp - 128], rdi; mov rax, rdi; sub rsp, -128; ret";
    assert_eq!(listing(&SYSV64, beyond), expected);
    let shadow = "fn k(a: u64) -> u64 { let x: [u64; 4]; mov [x], a; return a; }";
    assert_eq!(listing(&WIN64, shadow), "mov [rsp + 8], rcx; mov rax, rcx; ret");
    let aligned = "fn k(a: u64) -> u64 { let x: u64 align 64; mov [x], a; return a; }";
    let expected =
        "push rbp; mov rbp, rsp; and rsp, -64; mov [rsp - 64], rdi; mov rax, rdi; leave; ret";
    assert_eq!(listing(&SYSV64, aligned), expected);
}

#[test]
fn large_frames_touch_every_page() {
    let source = "fn k(a: u64) -> u64 { let x: [u64; 1600]; mov [x], a; return a; }";
    let text = listing(&WIN64, source);
    let expected =
        "test [rsp - 4088], eax; test [rsp - 8176], eax; test [rsp - 12264], eax; sub rsp";
    assert!(text.starts_with(expected), "{text}");
}

/// A frame as BLAKE3's `hash4` has: 24 vectors of variables, of which 16 are read in each of 7
/// rounds, and under Microsoft's convention 10 saved registers.
fn many_vectors() -> String {
    let mut body = String::new();
    let mut add = |line: String| body += &line;
    for i in 0..8 {
        add(format!(
            "let h{i}: [u8; 16] align 16; movdqu xmm0, [p + {}]; movdqa [h{i}], xmm0;",
            16 * i
        ));
    }
    for i in 0..16 {
        add(format!(
            "let m{i}: [u8; 16] align 16; movdqu xmm0, [p + {}]; movdqa [m{i}], xmm0;",
            16 * i
        ));
    }
    for i in 6..16 {
        add(format!("pxor xmm{i}, xmm{i};"));
    }
    for round in 0..7 {
        for i in 0..16 {
            add(format!("paddd xmm{}, [m{i}];", 6 + (3 * i + round) % 10));
        }
    }
    for i in 0..8 {
        add(format!("paddd xmm{}, [h{i}]; movdqu [out + {}], xmm{0};", 6 + i, 16 * i));
    }
    format!("unsafe fn k(p: *const u8, out: *mut u8) {{ {body} }}")
}

/// What is used most is in reach of a displacement of one byte, and saved registers are elsewhere.
#[test]
fn variables_are_near_the_stack_pointer_by_their_use() {
    let displacements = |convention, name: &str| {
        let text = listing(convention, &many_vectors());
        let insts = text.split("; ").filter(|inst| inst.starts_with(name) && inst.contains("[rsp"));
        let far = insts.clone().filter(|inst| {
            let (_, place) = inst.split_once("[rsp").expect("just seen");
            let place =
                place.split(']').next().unwrap_or("").replace(' ', "").replace("+0x", "+999");
            let number: i64 = if place.is_empty() { 0 } else { place.parse().expect("a number") };
            i8::try_from(number).is_err()
        });
        (insts.count(), far.count())
    };
    // Without a red zone 8 of the 16 are in reach.
    assert_eq!(displacements(&WIN64, "paddd"), (120, 64));
    assert_eq!(displacements(&WIN64, "movaps"), (20, 20));
    // With one, all 16 are.
    assert_eq!(displacements(&SYSV64, "paddd"), (120, 8));
    let bytes = |convention| compiled(convention, &many_vectors()).encoded.code_len;
    assert!(bytes(&WIN64) <= 1637, "{} bytes", bytes(&WIN64));
    assert!(bytes(&SYSV64) <= 1275, "{} bytes", bytes(&SYSV64));
}

/// Legacy SSE restores xmm6 and xmm7 by a byte less, where no upper half is in use any more.
#[test]
fn saved_registers_are_restored_by_the_shortest_instruction() {
    let avx = |body: &str| {
        let source = format!(
            "#[target_feature(enable = \"avx\")] unsafe fn k(p: *const f32) -> f32 {{ {body} }}"
        );
        listing(&WIN64, &source)
    };
    let dirty = avx("vmovups ymm6, [p]; vmovups ymm9, [p]; vaddss xmm0, xmm6, xmm9; return xmm0;");
    assert!(dirty.contains("vmovaps [rsp + 8], xmm6"), "{dirty}");
    assert!(
        dirty.contains("vzeroupper; movaps xmm6, [rsp + 8]; vmovaps xmm9, [rsp + 24]"),
        "{dirty}"
    );
    let clean = avx("vmovss xmm6, [p]; vaddss xmm0, xmm6, xmm6; return xmm0;");
    assert!(clean.contains("vmovaps xmm6, [rsp"), "{clean}");
}

/// Where a loop touches the pages, the stack pointer goes along, and unwinders find the frame by
/// its base.
#[test]
fn the_stack_pointer_follows_a_loop_over_the_pages() {
    let source = "fn k(a: u64) -> u64 { let x: [u64; 10000]; mov [x], a; return a; }";
    let expected = "push rbp; mov rbp, rsp; lea r11, [rsp - 77672]; sub rsp, 0xff8; \
                    test [rsp], eax; cmp rsp, r11; jne 'L0; sub rsp, 0x898; and rsp, -16; \
                    mov [rsp - 128], rdi; mov rax, rdi; leave; ret";
    assert_eq!(listing(&SYSV64, source), expected);
}

#[test]
fn numbers_by_the_shortest_instruction() {
    let source = "fn k() -> u64 { let a: gp64 = 0; let b: gp64 = 5; let c: gp64 = 0xFFFFFFFF; let d: gp64 = -1;
        add a, b; add a, c; add a, d; return a; }";
    let expected = "xor eax, eax; mov ecx, 5; mov edx, 0xffffffff; mov rsi, -1; \
                    add rax, rcx; add rax, rdx; add rax, rsi; ret";
    assert_eq!(listing(&SYSV64, source), expected);
    // `xor` would disturb the flags that are read after it.
    let flags =
        "fn k(a: u64, b: u64) -> u64 { let z: gp64; cmp a, b; z = 0; cmovb a, z; return a; }";
    assert!(listing(&SYSV64, flags).contains("mov eax, 0"), "{}", listing(&SYSV64, flags));
}

#[test]
fn the_base_of_a_frame_is_not_a_register_of_the_author() {
    let source = "fn k(a: u64) -> u64 { let x: u64 align 64; mov rbp, a; mov [x], rbp; return a; }";
    let expected = "push rbp; push rbx; mov rbx, rsp; and rsp, -64; mov rbp, rdi; \
                    mov [rsp - 64], rbp; mov rax, rdi; mov rsp, rbx; pop rbx; pop rbp; ret";
    assert_eq!(listing(&SYSV64, source), expected);
}

/// Kernels with every kind of frame.
const FRAMES: &[&str] = &[
    "unsafe fn k(n: u64) -> u64 { return n; }",
    "unsafe fn k(n: u64) -> u64 { mov rbx, 1; mov r12, 2; mov rsi, 1; push n; push rbx; pop n; pop n; return n; }",
    "unsafe fn k(n: u64) -> u64 { let a: [u64; 99]; mov rbx, 1; mov [a], n; push n; pop n; return n; }",
    "unsafe fn k(n: u64) -> u64 { test n, n; jz 'z; let a: [u64; 99]; mov rbx, 1; mov [a], n; return n; 'z: push n; pop n; return n; }",
    "unsafe fn k(n: u64) -> u64 { let a: [u64; 9] align 32; mov rbx, 1; mov [a], n; push n; pop n; return n; }",
    "unsafe fn k(n: u64) -> u64 { let a: [u64; 9] align 64; xorps xmm6, xmm6; xorps xmm7, xmm7; xorps xmm8, xmm8; mov [a], n; test n, n; jz 'z; return 1; 'z: return n; }",
    "unsafe fn k(n: u64) -> u64 { xorps xmm6, xmm6; xorps xmm9, xmm9; xorps xmm10, xmm10; return n; }",
    "unsafe fn k(n: u64) -> u64 { let t: gp64 = n; push t; call t; pop rcx; call t; return rax; }",
    "unsafe fn k(n: u64) -> u64 { let a: [u64; 4000]; mov [a], n; return n; }",
];

/// Follows the stack pointer through the code, and compares it with the unwind information.
#[test]
fn unwinding_facts_hold_at_every_instruction() {
    for source in FRAMES {
        for convention in [&SYSV64, &WIN64] {
            follow(&compiled(convention, source));
        }
    }
}

fn follow(function: &CompiledFunction) {
    let lowered = &function.lowered;
    let text = format!("{} {:?}", lowered.convention.name, lowered.frame);
    let (mut rsp, mut rbp) = (8i64, None);
    let mut body = None;
    let mut saved: Vec<(PhysReg, i64)> = Vec::new();
    for (index, item) in lowered.items.iter().enumerate() {
        if index == lowered.frame.prologue_items {
            body = Some((rsp, rbp));
        }
        let told = lowered.frame.cfa.iter().rev().find(|(at, _)| *at <= index).expect("a start").1;
        let known = |cfa: Cfa| if cfa.reg == gp::RSP { Some(rsp) } else { rbp };
        assert_eq!(known(told), Some(i64::from(told.offset)), "item {index}, {text}");
        let Code::Inst(inst) = &item.code else { continue };
        match (inst.mnemonic.name(), inst.operands.as_slice()) {
            ("push", [Operand::Reg(view)]) => {
                rsp += 8;
                if index < lowered.frame.prologue_items {
                    saved.push((view.reg, -rsp));
                }
            }
            ("pop", _) => rsp -= 8,
            ("sub", [Operand::Reg(view), Operand::Imm(n)]) if view.reg == gp::RSP => {
                rsp += *n as i64
            }
            ("add", [Operand::Reg(view), Operand::Imm(n)]) if view.reg == gp::RSP => {
                rsp -= *n as i64
            }
            ("mov", [Operand::Reg(dst), Operand::Reg(src)])
                if (dst.reg, src.reg) == (gp::RBP, gp::RSP) =>
            {
                rbp = Some(rsp);
            }
            ("movaps", [Operand::Mem(mem), Operand::Reg(view)])
                if index < lowered.frame.prologue_items =>
            {
                let base = if mem.base == rbp_base() { rbp.expect("a base") } else { rsp };
                saved.push((view.reg, mem.disp - base));
            }
            // The epilogue of a realigned frame starts from the base again.
            ("leave", _) => rsp = rbp.expect("a base") - 8,
            ("lea", [Operand::Reg(view), Operand::Mem(mem)]) if view.reg == gp::RSP => {
                rsp = rbp.expect("a base") - mem.disp;
            }
            ("ret", _) => {
                assert_eq!(rsp, 8, "{text}");
                (rsp, rbp) = body.expect("a prologue");
            }
            _ => {}
        }
    }
    let told: Vec<(PhysReg, i64)> =
        lowered.frame.saved.iter().map(|&(reg, offset)| (reg, offset.into())).collect();
    assert_eq!(told, saved, "{text}");
}

fn rbp_base() -> peach_compiler::ir::Base<PhysReg> {
    let class = peach_compiler::isa::Class::Gp64;
    peach_compiler::ir::Base::Reg(peach_compiler::ir::View { reg: gp::RBP, class })
}

/// A realigned frame has a register for its base, whichever ones the author names, in what order
/// and with what else there is; where no register is left, that is said.
#[test]
fn a_realigned_frame_has_a_base_whatever_is_named() {
    let all = [
        "rax", "rcx", "rdx", "rbx", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
        "r14", "r15",
    ];
    for (convention, saved) in [
        (&SYSV64, ["rbp", "rbx", "r12", "r13", "r14", "r15"].as_slice()),
        (&WIN64, ["rbp", "rbx", "rsi", "rdi", "r12", "r13", "r14", "r15"].as_slice()),
    ] {
        for count in 0..=saved.len() {
            for call in ["", "unsafe { call sym other; }"] {
                let moves: Vec<String> =
                    saved[..count].iter().map(|reg| format!("mov {reg}, 1;")).collect();
                let source = format!(
                    "#[spill] fn k(x: u64, y: u64) -> u64 {{
                        let buf: [u64; 4] align 64; let v: [gp64; 14];
                        for i in 0..14 {{ lea v[i], [x + y + i]; }}
                        {} {call} mov [buf], v[0]; mov [buf + 8], x;
                        for i in 1..14 {{ add v[0], v[i]; }}
                        add v[0], [buf]; return v[0];
                    }}",
                    moves.concat()
                );
                if count < saved.len() || call.is_empty() {
                    compiled(convention, &source);
                } else {
                    assert_eq!(codes(convention, &source), ["E0401"], "{source}");
                }
            }
        }
        let moves: Vec<String> = all.iter().map(|reg| format!("mov {reg}, 1;")).collect();
        let source = format!(
            "fn k() {{ let buf: [u64; 4] align 64; mov qword [buf], 1; {} }}",
            moves.concat()
        );
        assert_eq!(codes(convention, &source), ["E0401"]);
    }
}

fn codes(convention: &'static Convention, source: &str) -> Vec<&'static str> {
    let compilation = compile(source.parse().expect("tokens"), convention);
    compilation.diagnostics.iter().map(|d| d.code.id()).collect()
}
