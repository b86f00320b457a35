//! Code for Native Client, run in a sandbox, against plain Rust.

use super::kernel;
use peach_compiler::abi::ArgPlace;
use peach_compiler::pipeline::CompiledFunction;
use peach_testing::machine::Machine;
use peach_testing::sandbox::Sandbox;

/// Calls `compiled`, with whatever follows its code in `behind`.
fn call_with(
    sandbox: &mut Sandbox,
    compiled: &CompiledFunction,
    behind: &[u8],
    args: &[u64],
) -> Machine {
    let function = &compiled.function;
    let mut bytes = compiled.encoded.bytes.clone();
    bytes.resize(bytes.len().next_multiple_of(32), 0xF4);
    bytes.extend(behind);
    sandbox.load(&bytes);
    let mut machine = Machine::poisoned(7);
    for (arg, &value) in function.args.iter().zip(args) {
        match function.placement.args[arg.param][arg.part] {
            ArgPlace::Reg(reg) if reg.bank == peach_compiler::isa::Bank::Vector => {
                machine.vectors[reg.num as usize].0[0] = value;
            }
            ArgPlace::Reg(reg) => machine.gp[reg.num as usize] = value,
            ArgPlace::Stack { offset } => machine.stack[offset as usize / 8] = value,
            place => panic!("an argument at {place:?}"),
        }
    }
    let before = machine.clone();
    // SAFETY: the code was validated, so it stays in the sandbox.
    unsafe { sandbox.call(0, &mut machine) }.expect("the sandbox is left as it was");
    for saved in [3, 12, 13, 14] {
        assert_eq!(machine.gp[saved], before.gp[saved], "register {saved} is preserved");
    }
    machine
}

fn call(sandbox: &mut Sandbox, source: &str, args: &[u64]) -> u64 {
    call_with(sandbox, &kernel(source), &[], args).gp[0]
}

/// Fills the data with numbers that are all different.
fn fill(sandbox: &mut Sandbox) {
    for (index, word) in sandbox.data().chunks_exact_mut(8).enumerate() {
        word.copy_from_slice(&(index as u64).wrapping_mul(0x0101_0101_0000_0001).to_le_bytes());
    }
}

fn word(sandbox: &mut Sandbox, offset: usize) -> u64 {
    let bytes = sandbox.data()[offset..offset + 8].try_into().expect("8 bytes");
    u64::from_le_bytes(bytes)
}

/// Every shape of an address, loaded from, with arbitrary upper halves in the registers.
#[test]
fn every_shape_of_address() {
    let mut sandbox = Sandbox::new();
    fill(&mut sandbox);
    let at = u64::from(sandbox.address(0x4000));
    let garbage = 0xDEAD_BEEF_0000_0000u64;
    let shapes: [(&str, u64, u64, u64, i64); 14] = [
        ("p", at, 0, 0, 0),
        ("p + 8", at, 0, 0, 8),
        ("p - 8", at, 0, 0, -8),
        ("p + 4096", at, 0, 0, 4096),
        ("p - 4096", at, 0, 0, -4096),
        ("p + i", at, 24, 1, 0),
        ("p + i*2", at, 24, 2, 0),
        ("p + i*4 - 16", at, 24, 4, -16),
        ("p + i*8 + 1024", at, 3, 8, 1024),
        ("p + i", at, -8i64 as u64, 1, 0),
        ("p + i*8", at, -2i32 as u32 as u64, 8, 0),
        ("i*8 + 16", 0, at / 8, 8, 16),
        ("i*1", 0, at, 1, 0),
        // The sum is beyond 32 bits and wraps, as addresses do here.
        ("p + i*8 + 2147483647", at, 0x8000_0041 / 8, 8, 0x7FFF_FFFF),
    ];
    for (shape, p, i, scale, disp) in shapes {
        let source =
            format!("unsafe fn k(p: u64, i: u64) -> u64 {{ mov rax, [{shape}]; return rax; }}");
        let sum = p.wrapping_add(i.wrapping_mul(scale)).wrapping_add_signed(disp);
        let offset = (sum as u32 - sandbox.address(0)) as usize;
        let expected = word(&mut sandbox, offset);
        for upper in [0, garbage] {
            let found = call(&mut sandbox, &source, &[p | upper, i]);
            assert_eq!(found, expected, "[{shape}] with {p:x} and {i:x}");
        }
    }
}

/// From the old value of the memory and `x`: the new one, and the result.
type Expected = fn(u64, u64) -> (u64, u64);

/// Instructions that read, write and do both, with operands of every width.
#[test]
fn every_kind_of_access() {
    let cases: [(&str, Expected); 14] = [
        ("mov [p + i*8], x; mov rax, 1;", |_, x| (x, 1)),
        ("mov dword [p + i*8 + 4], 7; mov rax, 1;", |m, _| (m as u32 as u64 | 7 << 32, 1)),
        ("mov byte [p + i*8 + 1], -1; mov rax, 1;", |m, _| (m | 0xFF00, 1)),
        ("add [p + i*8], x; mov rax, 0; adc rax, 0;", |m, x| {
            (m.wrapping_add(x), m.checked_add(x).is_none().into())
        }),
        ("mov rax, x; lock xadd [p + i*8], rax;", |m, x| (m.wrapping_add(x), m)),
        ("mov rax, x; xchg [p + i*8], rax;", |m, x| (x, m)),
        ("mov rax, x; lock cmpxchg [p + i*8], p;", |m, _| (m, m)),
        ("movq xmm3, x; movups xmm4, [p + i*8]; paddq xmm3, xmm4; movq rax, xmm3;", |m, x| {
            (m, m.wrapping_add(x))
        }),
        ("movzx eax, word [p + i*8 + 2];", |m, _| (m, m >> 16 & 0xFFFF)),
        ("push [p + i*8]; pop rax;", |m, _| (m, m)),
        ("push x; pop [p + i*8]; mov eax, 3;", |_, x| (x, 3)),
        ("push x; push x; pop [p + i*8]; mov rax, [rsp]; pop x;", |_, x| (x, x)),
        // Flags live across an access.
        ("cmp x, 5; mov rax, [p + i*8]; setb al;", |m, x| (m, m & !0xFF | u64::from(x < 5))),
        ("mov rax, [p + i*8]; bt rax, 3; mov [p + i*8 + 0], x; setc al;", |m, x| {
            (x, m & !0xFF | m >> 3 & 1)
        }),
    ];
    let mut sandbox = Sandbox::new();
    for (text, expected) in cases {
        let source = format!("unsafe fn k(p: u64, i: u64, x: u64) -> u64 {{ {text} return rax; }}");
        for (old, x) in [(0x1122_3344_5566_7788, 3), (u64::MAX - 1, 7), (9, 1 << 63)] {
            sandbox.data()[0x128..0x130].copy_from_slice(&u64::to_le_bytes(old));
            let p = u64::from(sandbox.address(0x100));
            let result = call(&mut sandbox, &source, &[p, 5, x]);
            let memory = word(&mut sandbox, 0x128);
            assert_eq!((memory, result), expected(old, x), "{text} with {old:x} and {x:x}");
        }
    }
}

#[test]
fn stack_arguments_locals_and_pushes() {
    let mut sandbox = Sandbox::new();
    let nine = "fn k(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64) -> u64 {
        add a, b; add a, c; add a, d; add a, e; add a, f; add a, g; add h, i; add a, h; return a; }";
    assert_eq!(call(&mut sandbox, nine, &[1, 2, 3, 4, 5, 6, 7, 8, 9]), 45);
    for align in [8, 16, 64, 128, 256, 4096] {
        let source = format!(
            "unsafe fn k(a: u64, i: u64, c: u64, d: u64, e: u64, f: u64, g: u64) -> u64 {{
                let small: u64; let buf: [u64; 8] align {align};
                let saved: [gp64; 3]; mov saved[0], a; mov saved[1], i; mov saved[2], g;
                mov [small], a; mov [buf + 24], g; push a; push c;
                mov [buf + i*8], d; lea rax, [buf]; test rax, {mask}; jnz 'bad;
                mov rax, [buf + i*8]; add rax, [buf + 24]; add rax, [small];
                pop c; pop a; add rax, c; add rax, saved[0]; sub rax, a;
                return rax;
                'bad: pop c; pop a; mov rax, -1; return rax; }}",
            mask = align - 1
        );
        let result = call(&mut sandbox, &source, &[1000, 5, 100, 20, 0, 0, 3]);
        assert_eq!(result, 1123, "aligned to {align}");
    }
    // A frame of many pages.
    let big = "unsafe fn k(i: u64) -> u64 { let buf: [u64; 8192]; mov qword [buf + i*8], 77;
        mov rax, [buf + 800]; return rax; }";
    assert_eq!(call(&mut sandbox, big, &[100]), 77);
    let spilled = "#[spill] fn k(a: u64) -> u64 { let t: [gp64; 24];
        for i in 0..24 { lea t[i], [a + i]; } for i in 1..24 { imul a, t[i]; add t[0], t[i]; }
        add a, t[0]; return a; }";
    let product = (1..24).fold(3u64, |a, i| a.wrapping_mul(3 + i));
    let sum: u64 = (0..24).map(|i| 3 + i).sum();
    assert_eq!(call(&mut sandbox, spilled, &[3]), product.wrapping_add(sum));
}

#[test]
fn calls_end_bundles_and_come_back() {
    let callee = kernel(
        "unsafe fn k(a: u64, b: u64) -> u64 { push a; imul a, b; pop b; sub a, b; return a; }",
    );
    let callers = [
        "unsafe fn k(f: *const u8, a: u64, p: *mut u64) -> u64 { let kept: gp64; let g: gp64 = f;
            mov kept, a; mov rdi, a; mov rsi, 10; call g; add rax, kept;
            mov kept, rax; mov rdi, rax; mov rsi, 3; call g; add rax, kept; return rax; }",
        "unsafe fn k(f: *const u8, a: u64, p: *mut u64) -> u64 { let kept: gp64; let q: gp64 = p;
            mov kept, a; mov [q + 8], f; mov rdi, a; mov rsi, 10; call [q + 8]; add rax, kept;
            mov kept, rax; push kept; mov rdi, rax; mov rsi, 3; call [q + 8]; pop kept;
            add rax, kept; return rax; }",
    ];
    let mut sandbox = Sandbox::new();
    for source in callers {
        let caller = kernel(source);
        let offset = caller.encoded.bytes.len().next_multiple_of(32);
        let f = u64::from(sandbox.code_address(offset));
        let p = u64::from(sandbox.address(64));
        let result = call_with(&mut sandbox, &caller, &callee.encoded.bytes, &[f, 6, p]).gp[0];
        let step = |a: u64, b: u64| a * b - a + a;
        assert_eq!(result, step(step(6, 10), 3));
    }
}

#[test]
fn jump_tables() {
    let mut sandbox = Sandbox::new();
    let source = "unsafe fn k(x: u64, i: u64) -> u64 {
        const CASES: [label; 4] = ['a, 'b, 'c, 'd]; let t: gp64; let j: gp64;
        lea t, [CASES]; movsxd j, dword [t + i*4]; add j, t; jmp j, CASES;
        'a: add x, 1; 'b: add x, 10; return x; 'c: imul x, x; jmp 'b; 'd: return i; }";
    let expected = [111u64, 110, 10010, 3];
    for (i, expected) in expected.into_iter().enumerate() {
        assert_eq!(call(&mut sandbox, source, &[100, i as u64]), expected);
    }
}

#[test]
fn long_branches_and_loops() {
    let mut sandbox = Sandbox::new();
    for length in [1, 5, 10, 20, 40, 500] {
        let source = format!(
            "unsafe fn k(n: u64, p: *mut u64) -> u64 {{ xor eax, eax; 'next: {{
                test n, 1; jz 'even; for i in 0..{length} {{ add rax, [p + 8*i]; }} jmp 'done;
                'even: for i in 0..{length} {{ add qword [p + 8*i], 1; }}
                'done: dec n; jnz continue 'next; }} return rax; }}"
        );
        sandbox.data()[..8 * length].fill(0);
        let p = u64::from(sandbox.address(0));
        let mut expected = 0;
        let mut memory = 0;
        for n in (1..=9u64).rev() {
            match n % 2 {
                1 => expected += memory * length as u64,
                _ => memory += 1,
            }
        }
        assert_eq!(call(&mut sandbox, &source, &[9, p]), expected, "{length}");
    }
}

#[test]
fn strings() {
    let mut sandbox = Sandbox::new();
    let run = |sandbox: &mut Sandbox, body: &str, n: u64| {
        fill(sandbox);
        let source = format!(
            "unsafe fn k(dst: *mut u8, src: *const u8, n: u64) -> u64 {{
                mov rcx, n; mov rdi, dst; mov rsi, src; {body} return rax; }}"
        );
        let (dst, src) = (sandbox.address(0x800).into(), sandbox.address(0x100).into());
        call(sandbox, &source, &[dst, src, n])
    };
    // The pointers are pointers again afterwards.
    let moved = "mov rax, rdi; sub rax, dst;";
    assert_eq!(run(&mut sandbox, &format!("rep movsb; {moved}"), 37), 37);
    let data = sandbox.data();
    assert_eq!(data[0x800..0x825], data[0x100..0x125].to_vec());
    assert_eq!(run(&mut sandbox, &format!("mov rax, 0x55; rep stosq; {moved}"), 4), 32);
    assert_eq!(word(&mut sandbox, 0x818), 0x55);
    assert_eq!(run(&mut sandbox, "lodsd; lodsd;", 0), u64::from(0x20u32 * 0x0101_0101));
    assert_eq!(run(&mut sandbox, &format!("movsw; movsb; movsd; movsq; {moved}"), 0), 15);
    let same = "mov rdi, src; repe cmpsb; setz al; movzx eax, al;";
    assert_eq!(run(&mut sandbox, same, 100), 1);
    let find = "mov rdi, src; mov eax, 0x22; repne scasb; mov rax, n; sub rax, rcx;";
    let expected = {
        fill(&mut sandbox);
        sandbox.data()[0x100..].iter().position(|&byte| byte == 0x22).expect("it is there") + 1
    };
    assert_eq!(run(&mut sandbox, find, 1000), expected as u64);
    let masked = "movq xmm1, rsi; pcmpeqd xmm2, xmm2; psrldq xmm2, 8; maskmovdqu xmm1, xmm2;
        mov rax, [rdi];";
    let src = u64::from(sandbox.address(0x100));
    assert_eq!(run(&mut sandbox, masked, 0), src);
}

#[test]
fn constants_and_tables() {
    let mut sandbox = Sandbox::new();
    let source = "unsafe fn k(i: u64, x: f64) -> f64 {
        let t: gp64; lea t, [TABLE]; mulsd x, [t + i*8]; addsd x, f64(0.5);
        const_of(x); return x; }
        const TABLE: [f64; 4] = [1.0, 2.0, 4.0, 8.0];
        inline fn const_of(x: xmm) { addsd x, [TABLE + 16]; }";
    let compiled = kernel(source);
    let machine = call_with(&mut sandbox, &compiled, &[], &[3, 1.5f64.to_bits()]);
    assert_eq!(f64::from_bits(machine.vectors[0].0[0]), 1.5 * 8.0 + 0.5 + 4.0);
    // An address that the code computes is like one that it is given.
    let source = "unsafe fn k() -> u64 { let local: [u64; 4]; let a: gp64; let b: gp64;
        lea a, [TABLE]; lea b, [local]; or a, b; shr a, 32; return a; }
        const TABLE: [u64; 4] = [1, 2, 3, 4];";
    assert_eq!(call(&mut sandbox, source, &[]), 0);
}
