//! `jmp sym path` and `[sym TABLE + 16]`: kernels that end in other functions, from every kind of
//! frame, and statics as operands; in every embedding and convention that runs here.

#![cfg(target_arch = "x86_64")]

use peach_runtime::peach_fn;
use peach_testing::processor::has;

/// What the kernels end in.
macro_rules! callees {
    ($abi:literal) => {
        pub extern $abi fn half(x: u64) -> u64 { x / 2 }
        pub extern $abi fn is_small(x: u64) -> bool { x < 10 }
        pub extern $abi fn scaled(x: f64) -> f64 { x * 1.5 }
        pub extern $abi fn weighed(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64) -> u64 {
            [a, b, c, d, e, f, g, h].iter().zip(1..).map(|(x, n)| x * n).sum()
        }
        pub extern $abi fn both(a: u64, b: u64) -> u64 { a * 1000 + b }
    };
}

/// The same kernels under a convention, in an embedding.
macro_rules! kernels {
    ($module:ident, $abi:literal, $embed:literal, $first:ident, $second:ident) => {
        mod $module {
            use super::peach_fn;

    #[rustfmt::skip]
            #[expect(dead_code, reason = "each module uses some of them")]
            mod callees { callees!($abi); }

            peach_fn! {
                #[embed = $embed]
                pub extern $abi fn directly(x: u64) -> u64 {
                    $first = x;
                    // SAFETY: it takes what the registers hold. What is called is not proven.
                    unsafe { jmp sym callees::half; }
                }

                #[embed = $embed]
                pub extern $abi fn to_a_bool(x: u64) -> bool {
                    $first = x;
                    // SAFETY: it takes what the registers hold. What is called is not proven.
                    unsafe { jmp sym callees::is_small; }
                }

                #[embed = $embed]
                pub extern $abi fn to_a_float(x: f64) -> f64 {
                    addsd x, x;
                    xmm0 = x;
                    // SAFETY: it takes what the registers hold. What is called is not proven.
                    unsafe { jmp sym callees::scaled; }
                }

                /// Saved registers, pushes, stack variables that need alignment, two ends.
                #[embed = $embed]
                pub extern $abi fn from_a_frame(x: u64, y: u64) -> u64 {
                    let kept: [u64; 9] align 16;
                    rbx = x; r12 = y; r14 = y; r15 = x; rsi = x; rdi = y;
                    xmm6 = f64x2(1.0, 2.0); xmm7 = f64x2(3.0, 4.0); xmm12 = f64x2(5.0, 6.0);
                    mov [kept + 64], rbx;
                    push r12;
                    lea rax, [rbx + r15];
                    pop rcx;
                    cmp rcx, rax;
                    ja 'more;
                    let a: gp64 = [kept + 64];
                    $first = a;
                    $second = r12;
                    // SAFETY: it takes what the registers hold. What is called is not proven.
                    unsafe { jmp sym callees::both; }
                    'more:
                    return rcx;
                }

                /// One word of frame, which is popped into a register that carries no argument.
                #[embed = $embed]
                pub extern $abi fn from_a_word(x: u64, y: u64) -> u64 {
                    let a, b: gp64;
                    mov a, y;
                    mov b, x;
                    push a; pop rax;
                    $first = rax;
                    $second = b;
                    // SAFETY: it takes what the registers hold. What is called is not proven.
                    unsafe { call sym callees::both; }
                    $first = rax;
                    $second = rax;
                    // SAFETY: it takes what the registers hold. What is called is not proven.
                    unsafe { jmp sym callees::both; }
                }

                #[spill]
                #[embed = $embed]
                pub extern $abi fn spilled(x: u64) -> u64 {
                    let w: [gp64; 20];
                    for i in 0..20 { lea w[i], [x + i]; }
                    for i in 1..20 { xor w[0], w[i]; add w[i], w[0]; }
                    for i in 1..20 { add w[0], w[i]; }
                    $first = w[0];
                    // SAFETY: it takes what the registers hold. What is called is not proven.
                    unsafe { jmp sym callees::half; }
                }

                #[embed = $embed]
                pub extern $abi fn loops(n: u64) -> u64 {
                    let sum: gp64 = 0;
                    'next: {
                        add sum, n;
                        dec n;
                        jg continue 'next;
                    }
                    $first = sum;
                    // SAFETY: it takes what the registers hold. What is called is not proven.
                    unsafe { jmp sym callees::half; }
                }
            }
        }
    };
}

/// Arguments on the stack stay where the caller has put them.
macro_rules! through {
    ($module:ident, $abi:literal, $embed:literal, $($reg:ident),*) => {
        mod $module {
            use super::peach_fn;
            #[rustfmt::skip]
            #[expect(dead_code, reason = "each module uses some of them")]
            mod callees { callees!($abi); }
            peach_fn! {
                #[embed = $embed]
                pub extern $abi fn passes(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64) -> u64 {
                    for (to, from) in zip([$($reg),*], [b, a, d, c, f, e]) {
                        add from, 1;
                        to = from;
                    }
                    // SAFETY: it takes what the registers hold. What is called is not proven.
                    unsafe { jmp sym callees::weighed; }
                }

                /// A frame with a base.
                #[embed = $embed]
                pub extern $abi fn realigned(a: u64) -> u64 {
                    let kept: [u64; 600] align 64;
                    rbx = a; rsi = a;
                    mov [kept + 4096], rbx;
                    mov rax, [kept + 4096];
                    add rax, rsi;
                    for to in [$($reg),*][0..1] { to = rax; }
                    // SAFETY: it takes what the registers hold. What is called is not proven.
                    unsafe { jmp sym callees::half; }
                }
            }
        }
    };
}

kernels!(sysv_mapped, "sysv64", "map", rdi, rsi);
kernels!(sysv_in_text, "sysv64", "text", rdi, rsi);
kernels!(win_mapped, "win64", "map", rcx, rdx);
kernels!(win_in_text, "win64", "text", rcx, rdx);
kernels!(sysv_in_callers, "sysv64", "inline", rdi, rsi);
kernels!(win_in_callers, "win64", "inline", rcx, rdx);

fn spilled(x: u64) -> u64 {
    let mut w: Vec<u64> = (0..20).map(|i| x.wrapping_add(i)).collect();
    for i in 1..20 {
        w[0] ^= w[i];
        w[i] = w[i].wrapping_add(w[0]);
    }
    w.iter().fold(0, |sum: u64, w| sum.wrapping_add(*w)) / 2
}

macro_rules! compare {
    ($test:ident, $module:ident) => {
        #[test]
        fn $test() {
            for x in [0, 1, 9, 10, 77, 1 << 40] {
                assert_eq!($module::directly(x), x / 2);
                assert_eq!($module::to_a_bool(x), x < 10);
                assert_eq!($module::to_a_float(x as f64), x as f64 * 3.0);
                assert_eq!($module::spilled(x), spilled(x));
                for y in [0, 3, 1 << 20, u64::MAX / 2000] {
                    let both = if y > 2 * x { y } else { x * 1000 + y };
                    assert_eq!($module::from_a_frame(x, y), both, "{x} {y}");
                }
            }
            assert_eq!($module::from_a_word(1, 2), 2001 * 1000 + 2001);
            assert_eq!($module::loops(10), 55 / 2);
        }
    };
}

compare!(sysv_kernels_that_are_mapped, sysv_mapped);
compare!(sysv_kernels_in_text, sysv_in_text);
compare!(win_kernels_that_are_mapped, win_mapped);
compare!(win_kernels_in_text, win_in_text);
compare!(sysv_kernels_in_their_callers, sysv_in_callers);
compare!(win_kernels_in_their_callers, win_in_callers);

through!(sysv_through, "sysv64", "map", rdi, rsi, rdx, rcx, r8, r9);
through!(sysv_through_text, "sysv64", "text", rdi, rsi, rdx, rcx, r8, r9);
through!(win_through, "win64", "map", rcx, rdx, r8, r9);
through!(win_through_text, "win64", "text", rcx, rdx, r8, r9);

#[test]
fn arguments_on_the_stack_are_passed_through() {
    let weighed = |x: [u64; 8]| x.iter().zip(1..).map(|(x, n)| x * n).sum::<u64>();
    let sysv = weighed([3, 2, 5, 4, 7, 6, 7, 8]);
    let win = weighed([3, 2, 5, 4, 5, 6, 7, 8]);
    assert_eq!(sysv_through::passes(1, 2, 3, 4, 5, 6, 7, 8), sysv);
    assert_eq!(sysv_through_text::passes(1, 2, 3, 4, 5, 6, 7, 8), sysv);
    assert_eq!(win_through::passes(1, 2, 3, 4, 5, 6, 7, 8), win);
    assert_eq!(win_through_text::passes(1, 2, 3, 4, 5, 6, 7, 8), win);
    for realigned in [
        sysv_through::realigned,
        sysv_through_text::realigned,
        win_through::realigned,
        win_through_text::realigned,
    ] {
        assert_eq!(realigned(77), 77);
    }
}

extern "C" fn plain_sum(p: *const f32) -> f32 {
    // SAFETY: the kernel passes the address of eight floats.
    unsafe { std::slice::from_raw_parts(p, 8) }.iter().sum()
}

peach_fn! {
    /// With upper halves written, and a way out that is a `return`.
    #[target_feature(enable = "avx")]
    fn doubled_sum(x: &mut [f32; 8], twice: bool) -> f32 {
        vmovups ymm0, [x];
        vaddps ymm0, ymm0, ymm0;
        vmovups [x], ymm0;
        test twice, twice;
        jz 'once;
        if CONVENTION_IS_SYSV { rdi = x; } else { rcx = x; }
        // SAFETY: it takes what the registers hold. What is called is not proven.
        unsafe { jmp sym plain_sum; }
        'once:
        return 0.5;
    }
    const CONVENTION_IS_SYSV = true;
}

#[test]
fn wide_vectors_are_left_as_they_are() {
    if cfg!(windows) || !has("avx", is_x86_feature_detected!("avx")) {
        return;
    }
    let mut x = [1.0; 8];
    assert_eq!(doubled_sum(&mut x, true), 16.0);
    assert_eq!(doubled_sum(&mut x, false), 0.5);
    assert_eq!(x, [4.0; 8]);
}

static NUMBERS: [u32; 8] = [10, 20, 30, 40, 50, 60, 70, 80];
static mut COUNTER: [u64; 2] = [0; 2];

#[repr(align(16))]
struct Aligned(#[expect(dead_code, reason = "the kernels read it")] [f32; 8]);
static FLOATS: Aligned = Aligned([0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5]);

macro_rules! places {
    ($module:ident, $embed:literal, $path:path) => {
        mod $module {
            use super::*;
            peach_fn! {
                #[embed = $embed]
                pub fn fifth() -> u32 {
                    // SAFETY: there are eight.
                    unsafe { mov eax, [sym $path + 16]; }
                    return eax;
                }

                #[embed = $embed]
                pub fn mixed(x: u32) -> u32 {
                    const SECOND = 4;
                    // SAFETY: all of these are in the static.
                    unsafe {
                        mov eax, [SECOND + sym NUMBERS];
                        imul ecx, [sym NUMBERS + 8], 1000;
                        add eax, ecx;
                        cmp byte [sym NUMBERS + 4*7], 80;
                        jne 'end;
                        cmp dword [sym NUMBERS + 28], 1_000_000;
                        ja 'end;
                        let slot = [sym NUMBERS];
                        add eax, slot;
                        lea rcx, [sym NUMBERS + 12];
                        add eax, [rcx];
                        add eax, x;
                    }
                    'end: return eax;
                }

                #[embed = $embed]
                pub fn counted(by: u64) -> u64 {
                    // SAFETY: nothing else uses it.
                    unsafe {
                        add [sym COUNTER + 8], by;
                        lock inc qword [sym COUNTER + 8];
                        mov rax, [sym COUNTER + 8];
                    }
                    return rax;
                }

                #[embed = $embed]
                pub fn floats(x: &mut [f32; 4]) {
                    movups xmm0, [x];
                    // SAFETY: it is aligned, and there are eight.
                    unsafe { mulps xmm0, [sym FLOATS + 16]; addps xmm0, [sym FLOATS]; }
                    movups [x], xmm0;
                }
            }
        }
    };
}

places!(in_text, "text", NUMBERS);
places!(in_callers, "inline", NUMBERS);

#[test]
fn statics_are_operands_in_text_and_in_callers() {
    assert_eq!((in_text::fifth(), in_callers::fifth()), (50, 50));
    let mixed = 20 + 30 * 1000 + 10 + 40 + 7;
    assert_eq!((in_text::mixed(7), in_callers::mixed(7)), (mixed, mixed));
    let all = [in_text::counted(1), in_callers::counted(2), in_text::counted(3)];
    assert_eq!(all, [2, 5, 9]);
    let (mut x, mut y) = ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]);
    in_text::floats(&mut x);
    in_callers::floats(&mut y);
    assert_eq!((x, y), ([5.0, 12.5, 22.0, 33.5], [5.0, 12.5, 22.0, 33.5]));
}
