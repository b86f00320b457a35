//! Mistakes that assemblers have shipped, each as a kernel that goes wrong if it is made here, in
//! both conventions.
//!
//! PeachPy's that concern registers, frames, conventions and calls:
//!
//! | mistake | test |
//! |---|---|
//! | an argument's register is overwritten before the argument is read | `late_arguments`, `argument_twice` |
//! | arguments are not moved all at once | `swapped`, `crossed` |
//! | the base of a realigned frame is given away | `aligned_under_pressure` |
//! | saved registers and pushes move stack arguments and locals | `aligned_frame`, `push_and_stack` |
//! | Go's results, their place and frames | `peach-compiler/tests/go` |
//! | vectors by reference | `many_vectors` |
//! | masks and merged lanes are not read | `merge_mask` |
//! | what `cmpxchg`, `syscall` and calls take and change | `compare_exchange`, `system_call`, `called` |
//! | second bytes with a REX prefix | `high_bytes`, `high_bytes_never_meet_rex` |
//! | unwritten registers | `unwritten_registers_are_refused` |
//! | upper halves across `vzeroupper` | `upper_halves_do_not_outlive_vzeroupper` |
//! | `cl` and `xmm0` as virtual registers | `crossed`, `virtual_xmm0` |
//! | masks, 32 vectors and gathers in virtual registers | `merge_mask`, `thirty_two_vectors`, `gathered` |
//! | recursion over blocks | `many_blocks_compile` |
//! | no unwind information | `peach-compiler/tests/objects` |

use peach_compiler::abi::{SYSV64, WIN64};
use peach_compiler::diagnostics::Code;
use peach_compiler::pipeline;
use peach_runtime::peach_fn;
use peach_testing::processor::runs;
use std::arch::x86_64::{__m128i, _mm_set_epi64x, _mm_storeu_si128};

/// The kernels for one convention, and what plain Rust makes of them.
macro_rules! kernels {
    ($module:ident, $abi:literal, $first:ident) => {
        mod $module {
            use super::*;

            peach_fn! {
                const TABLE: [u32; 2] = [7, 0x12345678];

                // Arguments are read late, after many registers were written.
                pub extern $abi fn late_arguments(
                    a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64,
                ) -> u64 {
                    let r: [gp64; 4];
                    for n in 0..4 { mov r[n], n + 1; }
                    for n in 1..4 { add r[0], r[n]; }
                    for x in [a, b, c, d, e, f, g, h, i] { add r[0], x; }
                    return r[0];
                }

                // An argument is read again after its register was changed.
                pub extern $abi fn argument_twice(a: u64) -> u64 {
                    let copy: gp64 = a;
                    add a, 10;
                    imul a, copy;
                    return a;
                }

                // Half of a spilled register is set: a store of the number alone would leave, and
                // one of eight bytes would extend the sign.
                #[spill]
                pub extern $abi fn spilled_halves(a: u64) -> u64 {
                    let r: [gp64; 24];
                    for n in 0..24 { lea r[n], [a + n]; }
                    for n in 0..24 { mov r[n].gp32, -5 - n; }
                    for n in 1..24 { xor r[0], r[n]; add r[0], r[n]; }
                    return r[0];
                }

                // Two arguments change places.
                pub extern $abi fn swapped(a: u64, b: u64) -> u64 {
                    rdi = a;
                    rcx = b;
                    mov rax, rcx;
                    shl rax, 8;
                    sub rax, rdi;
                    return rax;
                }

                // Arguments are required in each other's registers.
                pub extern $abi fn crossed(a: u64, b: u64, c: u64, d: u64) -> u64 {
                    mov rax, b;
                    mul c;
                    mov r11, rax;
                    shl a, d.gp8;
                    lea rax, [a + r11];
                    return rax;
                }

                // A push moves the stack arguments and the locals.
                pub extern $abi fn push_and_stack(
                    a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64,
                ) -> u64 {
                    let slot: [u64; 3];
                    mov [slot], a;
                    mov [slot + 8], b;
                    mov [slot + 16], c;
                    push a;
                    push b;
                    let sum: gp64;
                    mov sum, h;
                    add sum, g;
                    add sum, [slot + 16];
                    pop r10;
                    add sum, [slot];
                    pop r11;
                    shl r10, 4;
                    add sum, r10;
                    sub sum, r11;
                    for x in [d, e, f] { add sum, x; }
                    return sum;
                }

                // A local that needs more alignment than the stack has, next to stack arguments,
                // pushes and registers that must be preserved.
                #[target_feature(enable = "avx")]
                pub extern $abi fn aligned_frame(
                    a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64,
                ) -> u64 {
                    let buffer: [u64; 8] align 64;
                    let zero: ymm;
                    vxorps zero, zero, zero;
                    vmovaps [buffer], zero;
                    vmovaps [buffer + 32], zero;
                    mov rbx, 3;
                    mov r12, 4;
                    mov r15, 5;
                    push a;
                    mov r11, h;
                    mov [buffer + 56], r11;
                    add [buffer + 56], rbx;
                    pop r11;
                    let sum: gp64 = [buffer + 56];
                    lea r10, [buffer];
                    and r10, 63;
                    add sum, r10;
                    for x in [b, c, d, e, f, g, r11, r12, r15] { add sum, x; }
                    return sum;
                }

                // Twelve values and a local that requires alignment: no value gets the frame's
                // base.
                pub extern $abi fn aligned_under_pressure(x: &[u64; 12]) -> u64 {
                    let buffer: [u64; 4] align 64;
                    let v: [gp64; 12];
                    for i in 0..12 { mov v[i], [x + 8 * i]; }
                    for i in 0..4 { mov [buffer + 8 * i], v[i]; }
                    for i in 1..12 {
                        lea v[0], [v[0] + v[0] * 2];
                        add v[0], v[i];
                    }
                    for i in 0..4 { add v[0], [buffer + 8 * i]; }
                    return v[0];
                }

                // A call changes what its convention allows, and requires an aligned stack. What is
                // called is not proven.
                pub unsafe extern $abi fn called(f: usize, x: u64) -> u64 {
                    let kept: gp64 = x;
                    $first = x;
                    call f;
                    add rax, kept;
                    return rax;
                }

                // `syscall` takes its number in rax, and changes rcx and r11. What the system does is
                // not proven.
                pub unsafe extern $abi fn system_call(x: u64) -> u64 {
                    rax = 39;
                    syscall;
                    add x, rax;
                    return x;
                }

                // The index of a gather is a register like any other. Which elements it reads is not
                // proven: the indices are in a vector.
                #[target_feature(enable = "avx2")]
                pub unsafe extern $abi fn gathered(p: *const u32, index: &[u32; 4], out: &mut [u32; 4]) {
                    let i: xmm;
                    let v: xmm;
                    let m: xmm;
                    vmovdqu i, [index];
                    vpcmpeqd m, m, m;
                    vpxor v, v, v;
                    vpgatherdd v, [p + i * 4], m;
                    vmovdqu [out], v;
                }

                // An immediate follows a displacement that counts from the instruction's end.
                pub extern $abi fn trailing_immediate(x: u32) -> u32 {
                    let r: gp32;
                    imul r, u32(1000), 300;
                    add r, x;
                    cmp dword [TABLE + 4], 0x12345678;
                    jne 'wrong;
                    test byte [TABLE], 7;
                    jz 'wrong;
                    return r;
                    'wrong:
                    return 0;
                }

                // `cmpxchg` reads and writes rax.
                pub extern $abi fn compare_exchange(p: &mut u64, old: u64, new: u64) -> u64 {
                    let kept: gp64;
                    lea kept, [new + 1];
                    rax = old;
                    lock cmpxchg [p], new;
                    sub kept, new;
                    add kept, rax;
                    return kept;
                }

                // Second bytes must not meet a REX prefix.
                pub extern $abi fn high_bytes(a: u32, b: u32) -> u32 {
                    let x: gp32 = a;
                    let y: gp32 = b;
                    add x.gp8, y.gp8h;
                    mov y.gp8h, x.gp8;
                    mov x.gp8, y.gp8h;
                    movzx x, x.gp8;
                    shl y, 16;
                    or x, y;
                    return x;
                }

                // Masks for blends in virtual registers.
                #[target_feature(enable = "sse4.1")]
                pub extern $abi fn virtual_xmm0(a: &[u32; 4], b: &[u32; 4], mask: &[u32; 4], out: &mut [u32; 4]) {
                    let x: xmm;
                    let y: xmm;
                    let m: xmm;
                    movups x, [a];
                    movups y, [b];
                    movups m, [mask];
                    blendvps x, y, m;
                    movups [out], x;
                }

                // Masked lanes keep what was there, and the mask is read.
                #[target_feature(enable = "avx512f,avx512vl")]
                pub extern $abi fn merge_mask(a: &[u32; 4], b: &[u32; 4], mask: u32, out: &mut [u32; 4]) {
                    let m: k;
                    let x: xmm;
                    let y: xmm;
                    kmovw m, mask;
                    vmovdqu x, [a];
                    vmovdqu y, [b];
                    vpaddd x{m}, y, y;
                    vmovdqu [out], x;
                }

                // Vector arguments beyond those that have registers.
                pub extern $abi fn many_vectors(
                    a: __m128i, b: __m128i, c: __m128i, d: __m128i, e: __m128i,
                    f: __m128i, g: __m128i, h: __m128i, i: __m128i, j: __m128i,
                ) -> __m128i {
                    paddd a, b;
                    for x in [c, d, e, f, g, h, i, j] {
                        pslld a, 1;
                        paddd a, x;
                    }
                    return a;
                }

                // Denormal constants are exact.
                pub extern $abi fn denormal() -> f64 { return 5e-324; }
                pub extern $abi fn denormal_single() -> f32 { return 1e-45; }

                // Constants of several sizes, one of them twice.
                #[target_feature(enable = "avx2")]
                pub extern $abi fn mixed_constants(x: u64) -> u64 {
                    let v: ymm;
                    let w: xmm;
                    vmovdqa v, u64x4(1, 2, 3, 4);
                    vpaddq v, v, u64x4(1, 2, 3, 4);
                    vextracti128 w, v, 1;
                    vpaddq w, w, u64x2(100, 200);
                    let sum: gp64;
                    vpextrq sum, w, 1;
                    add sum, u64(1000);
                    add sum, x;
                    return sum;
                }

                // Registers 16 to 31 are registers, too.
                #[target_feature(enable = "avx512f")]
                pub extern $abi fn thirty_two_vectors(x: &[u64; 8], out: &mut [u64; 8]) {
                    let v: [zmm; 32];
                    vmovdqu64 v[0], [x];
                    for i in 1..32 { vpaddq v[i], v[i - 1], v[0]; }
                    for i in 1..32 { vpaddq v[0], v[0], v[i]; }
                    vmovdqu64 [out], v[0];
                }

                // Alignment really pads.
                pub extern $abi fn aligned_loop(n: u64) -> u64 {
                    let sum: gp64 = 0;
                    test n, n;
                    jz 'done;
                    align 32;
                    'next: {
                        add sum, n;
                        dec n;
                        jnz continue 'next;
                    }
                    'done:
                    return sum;
                }
            }

            #[test]
            fn arguments() {
                assert_eq!(late_arguments(1, 2, 3, 4, 5, 6, 7, 8, 9), 10 + 45);
                assert_eq!(argument_twice(7), 119);
                let halves = (0..24).map(|n| u64::from(u32::MAX - 4 - n));
                let mix = |sum: u64, half: u64| (sum ^ half).wrapping_add(half);
                assert_eq!(spilled_halves(1), halves.reduce(mix).expect("24 of them"));
                assert_eq!(swapped(3, 10), 2557);
                assert_eq!(crossed(5, 6, 7, 3), 42 + 40);
                // SAFETY: every x86-64 processor has SSE2.
                let vector = |n: i64| unsafe { _mm_set_epi64x(n * 1000, n) };
                let sum = many_vectors(
                    vector(1), vector(2), vector(3), vector(4), vector(5),
                    vector(6), vector(7), vector(8), vector(9), vector(10),
                );
                let mut got = [0u64; 2];
                // SAFETY: 16 bytes.
                unsafe { _mm_storeu_si128(got.as_mut_ptr().cast::<__m128i>(), sum) };
                let expected = (3..=10).fold(3, |sum, n| sum * 2 + n);
                assert_eq!(got, [expected, expected * 1000]);
            }

            #[test]
            fn stack() {
                assert_eq!(push_and_stack(1, 2, 3, 4, 5, 6, 7, 8), 8 + 7 + 3 + 1 + 32 - 1 + 15);
                if runs(aligned_frame::KERNEL.try_get()) {
                    assert_eq!(aligned_frame(1, 2, 3, 4, 5, 6, 7, 8), 8 + 3 + 1 + 27 + 4 + 5);
                }
            }

            #[test]
            fn frames_and_calls() {
                let x = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
                let sum = x.into_iter().reduce(|sum, x| sum * 3 + x).expect("twelve");
                assert_eq!(aligned_under_pressure(&x), sum + 1 + 2 + 3 + 4);
                extern $abi fn triple(x: u64) -> u64 {
                    // A vector on the stack, which must be aligned.
                    let copies = std::hint::black_box([x; 6]);
                    copies[1] + copies[3] + copies[5]
                }
                // SAFETY: the function is of this convention.
                assert_eq!(unsafe { called(triple as extern $abi fn(u64) -> u64 as usize, 14) }, 56);
                if cfg!(target_os = "linux") {
                    // SAFETY: getpid has no effect.
                    let got = unsafe { system_call(1000) };
                    assert_eq!(got, u64::from(std::process::id()) + 1000);
                }
                if runs(gathered::KERNEL.try_get()) {
                    let mut out = [0; 4];
                    // SAFETY: the indices are below four.
                    unsafe { gathered([10, 11, 12, 13].as_ptr(), &[3, 0, 2, 2], &mut out) };
                    assert_eq!(out, [13, 10, 12, 12]);
                }
            }

            #[test]
            fn operands() {
                assert_eq!(trailing_immediate(5), 300_005);
                let mut memory = 5;
                assert_eq!(compare_exchange(&mut memory, 5, 9), 6);
                assert_eq!(memory, 9);
                assert_eq!(compare_exchange(&mut memory, 1, 2), 10);
                assert_eq!(memory, 9);
                assert_eq!(high_bytes(0x11, 0x2233), 0x3333_0033);
                let mut out = [0; 4];
                virtual_xmm0(&[1, 2, 3, 4], &[5, 6, 7, 8], &[0, u32::MAX, 0, 1 << 31], &mut out);
                assert_eq!(out, [1, 6, 3, 8]);
                if runs(merge_mask::KERNEL.try_get()) {
                    merge_mask(&[1, 2, 3, 4], &[5, 6, 7, 8], 0b1010, &mut out);
                    assert_eq!(out, [1, 12, 3, 16]);
                }
            }

            #[test]
            fn constants() {
                assert_eq!(denormal(), 5e-324);
                assert_eq!(denormal_single(), 1e-45);
                if runs(mixed_constants::KERNEL.try_get()) {
                    assert_eq!(mixed_constants(1), 8 + 200 + 1000 + 1);
                }
            }

            #[test]
            fn registers() {
                if runs(thirty_two_vectors::KERNEL.try_get()) {
                    let mut out = [0; 8];
                    thirty_two_vectors(&[1, 2, 3, 4, 5, 6, 7, 8], &mut out);
                    let sum: u64 = (1..=32).sum();
                    assert_eq!(out, [1, 2, 3, 4, 5, 6, 7, 8].map(|x| x * sum));
                }
            }

            #[test]
            fn alignment() {
                assert_eq!(aligned_loop(100), 5050);
                let code = aligned_loop::KERNEL.code();
                // `add sum, n` is the first instruction of the loop.
                let add = code.windows(2).position(|pair| pair == [0x48, 0x01]).expect("an addition");
                assert_eq!((aligned_loop::KERNEL.get() as usize + add) % 32, 0);
            }
        }
    };
}

kernels!(sysv, "sysv64", rdi);
kernels!(win, "win64", rcx);

fn codes(text: &str) -> Vec<Code> {
    let compilation = pipeline::compile(text.parse().expect("tokens"), &SYSV64);
    compilation.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn unwritten_registers_are_refused() {
    assert_eq!(codes("fn f() -> u64 { let x: gp64; add x, 1; return x; }"), [Code::Uninitialized]);
    assert_eq!(codes("fn f() -> u64 { add rax, 1; return rax; }"), [Code::Uninitialized]);
}

#[test]
fn high_bytes_never_meet_rex() {
    let conflict = codes("fn f(a: u8) { mov ah, 1; add ah, sil; }");
    assert_eq!(conflict, [Code::RegisterConflict]);
}

/// Upper halves are undefined after `vzeroupper`.
#[test]
fn upper_halves_do_not_outlive_vzeroupper() {
    let text = "#[target_feature(enable = \"avx\")]
        unsafe fn f(x: *mut f32) { let v: ymm; vmovups v, [x]; vzeroupper; vmovups [x], v; }";
    assert_eq!(codes(text), [Code::FixedConflict]);
}

#[test]
fn k0_is_no_write_mask() {
    let text = "#[target_feature(enable = \"avx512f\")] fn f() { vpxord zmm1{k0}, zmm1, zmm1; }";
    assert_eq!(codes(text), [Code::BadDecoration]);
}

/// Thousands of basic blocks, in a row and nested: nothing recurses over them.
#[test]
fn many_blocks_compile() {
    let mut text = String::from("fn f(a: u64, b: u64) -> u64 {\n");
    for n in 0..6000 {
        text.push_str(&format!("cmp a, {n}; je 'l{n}; add b, a; 'l{n}: inc a;\n"));
    }
    text.push_str("return b; }");
    assert_eq!(codes(&text), []);
}

/// The same source makes the same bytes: twice in this process, where hash seeds differ.
#[test]
fn output_is_deterministic() {
    let text = include_str!("accepted/borders.peach");
    for convention in [&SYSV64, &WIN64] {
        let compile = || {
            let compilation = pipeline::compile(text.parse().expect("tokens"), convention);
            assert!(!compilation.diagnostics.has_errors());
            let versions = compilation.kernels.iter().flat_map(|group| &group.versions);
            versions.map(|version| version.encoded.bytes.clone()).collect::<Vec<_>>()
        };
        assert_eq!(compile(), compile());
    }
}
