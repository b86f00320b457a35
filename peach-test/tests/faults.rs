//! Planted faults: each in a kernel that lies about it, in both conventions. All are found, and the
//! report names them.

#![cfg(all(target_arch = "x86_64", unix))]
#![expect(clippy::undocumented_unsafe_blocks, reason = "kernels that are wrong on purpose")]

use peach_test::{Report, check};
use std::time::Duration;

/// The same kernels for one convention.
macro_rules! kernels {
    ($module:ident $abi:literal) => {
        mod $module {
            use peach_runtime::peach_fn;

            peach_fn! {
                // The sum, but for 37 elements.
                pub extern $abi fn wrong_at_37(x: &[u8]) -> u32 {
                    let total: gp32 = 0;
                    cmp x.len, 37;
                    sete total.gp8;
                    'next: {
                        test x.len, x.len;
                        jz break 'next;
                        let t: gp32;
                        movzx t, byte [x.ptr];
                        add total, t;
                        inc x.ptr;
                        dec x.len;
                        jmp continue 'next;
                    }
                    return total;
                }

                pub extern $abi fn reads_behind(x: &[u16]) -> bool {
                    unsafe { mov al, [x.ptr + 2*x.len]; }
                    return true;
                }

                pub extern $abi fn reads_before(x: &[u16]) -> bool {
                    unsafe { mov al, [x.ptr - 1]; }
                    return true;
                }

                // Whole vectors, the last of which has too much.
                pub extern $abi fn reads_vectors(x: &[u8]) -> bool {
                    'next: {
                        cmp x.len, 0;
                        jle break 'next;
                        let v: xmm;
                        unsafe { movdqu v, [x.ptr]; }
                        add x.ptr, 16;
                        sub x.len, 16;
                        jmp continue 'next;
                    }
                    return true;
                }

                pub extern $abi fn writes_behind(x: &mut [u16]) -> bool {
                    unsafe { mov byte [x.ptr + 2*x.len + 1], 7; }
                    return true;
                }

                pub extern $abi fn writes_before(x: &mut [u16]) -> bool {
                    unsafe { mov byte [x.ptr - 3], 7; }
                    return true;
                }

                pub extern $abi fn writes_what_it_may_not(x: &[u8]) -> bool {
                    cmp x.len, 5;
                    jb 'short;
                    unsafe { not byte [x.ptr + 4]; }
                    'short: return true;
                }

                pub unsafe extern $abi fn asks_for_alignment(x: *mut f32) {
                    let v: xmm;
                    unsafe { movaps v, [x]; movaps [x], v; }
                }

                // Raw bytes, of whose effects nothing is known.
                pub extern $abi fn changes_rbx() { unsafe { db 0x31, 0xDB; } }
                pub extern $abi fn changes_rbp() { unsafe { db 0xFF, 0xC5; } }
                pub extern $abi fn changes_r12() { unsafe { db 0x45, 0x31, 0xE4; } }
                pub extern $abi fn changes_r13() { unsafe { db 0x45, 0x31, 0xED; } }
                pub extern $abi fn changes_r14() { unsafe { db 0x4D, 0x0F, 0xCE; } }
                pub extern $abi fn changes_r15() { unsafe { db 0x45, 0x31, 0xFF; } }
                pub extern $abi fn changes_rsi() { unsafe { db 0x31, 0xF6; } }
                pub extern $abi fn changes_xmm6() { unsafe { db 0x66, 0x0F, 0xEF, 0xF6; } }
                pub extern $abi fn changes_xmm15() {
                    unsafe { db 0x66, 0x45, 0x0F, 0xEF, 0xFF; }
                }

                pub extern $abi fn leaves_direction() { unsafe { std; } }
                pub extern $abi fn leaves_alignment_check() {
                    // pushfq; or dword [rsp], 0x40000; popfq
                    unsafe { db 0x9C, 0x81, 0x0C, 0x24, 0, 0, 4, 0, 0x9D; }
                }
                pub extern $abi fn changes_mxcsr() {
                    let control: u32;
                    mov dword [control], 0x9FC0;
                    unsafe { ldmxcsr [control]; }
                }
                pub extern $abi fn changes_x87() {
                    let control: u16;
                    mov word [control], 0x0C7F;
                    unsafe { fldcw [control]; }
                }
                pub extern $abi fn leaves_mmx(x: u64) -> u64 {
                    let m: mm;
                    unsafe { movq m, x; movq rax, m; }
                    return rax;
                }
                #[target_feature(enable = "avx")]
                #[vzeroupper = false]
                pub extern $abi fn leaves_upper_halves(x: &mut [u32; 8]) {
                    let v: ymm;
                    vmovups v, [x];
                    vmovups [x], v;
                }

                // mov qword [rsp + 0x48], rax; push rax; ret 8; mov byte [rsp + 0x47], al
                pub extern $abi fn writes_to_its_callers_stack() {
                    unsafe { db 0x48, 0x89, 0x44, 0x24, 0x48; }
                }
                pub extern $abi fn writes_a_byte_of_its_callers_stack() {
                    unsafe { db 0x88, 0x44, 0x24, 0x47; }
                }
                pub extern $abi fn pushes_too_much() { unsafe { db 0x41, 0x53; } }
                pub extern $abi fn pops_too_much() { unsafe { db 0xC2, 8, 0; } }

                // mov rax, [r11]; mov rax, [rsp + 0x60], [rax]
                pub extern $abi fn reads_by_r11() { unsafe { db 0x49, 0x8B, 0x03; } }
                pub extern $abi fn reads_by_its_callers_stack() {
                    unsafe { db 0x48, 0x8B, 0x44, 0x24, 0x60, 0x48, 0x8B, 0; }
                }
                // sub rsp, 2 MiB; push rax
                pub extern $abi fn overflows_its_stack() {
                    unsafe { db 0x48, 0x81, 0xEC, 0, 0, 0x10, 0, 0x50; }
                }
                pub extern $abi fn jumps_to_nowhere() { unsafe { db 0x31, 0xC0, 0xFF, 0xE0; } }
                pub extern $abi fn divides(x: u32, y: u32) -> u32 {
                    let divisor: gp32 = y;
                    mov eax, x;
                    xor edx, edx;
                    unsafe { div divisor; }
                    return eax;
                }
                pub extern $abi fn stops() { int3; }
                pub extern $abi fn is_invalid() { ud2; }
                pub extern $abi fn goes_on(x: &[u8]) -> bool {
                    'again: cmp x.len, 3;
                    je 'again;
                    return true;
                }

                // What is above a narrow argument, and beside a float, may be anything.
                pub extern $abi fn takes_the_upper_bits(x: u8) -> u32 {
                    let all: gp32 = undefined;
                    mov all.gp8, x;
                    return all;
                }
                pub extern $abi fn takes_the_upper_lanes(x: f32) -> f32 {
                    shufps x, x, 0b01_01_01_01;
                    return x;
                }
                pub unsafe extern $abi fn is_no_bool() -> bool {
                    unsafe { mov al, 2; }
                    return al;
                }
                pub extern $abi fn rounds_otherwise(x: f64, y: f64) -> f64 {
                    addsd x, y;
                    addsd x, y;
                    return x;
                }
            }
        }
    };
}

kernels!(sysv64 "sysv64");
kernels!(win64 "win64");

/// Each kernel of both modules has to be found with a report that has these words.
macro_rules! finds {
    ($kernel:ident, $reference:expr, |$random:ident| $arguments:expr, $words:expr
        $(, $option:ident = $value:expr)*) => {{
        finds!(sysv64::$kernel, $reference, |$random| $arguments, $words $(, $option = $value)*);
        finds!(win64::$kernel, $reference, |$random| $arguments, $words $(, $option = $value)*);
    }};
    ($module:ident::$kernel:ident, $reference:expr, |$random:ident| $arguments:expr, $words:expr
        $(, $option:ident = $value:expr)*) => {{
        let found = check!(
            $module::$kernel, $reference, |$random| $arguments $(, $option = $value)*
        );
        has_words(found.map(|_| ()), stringify!($kernel), stringify!($module), $words);
    }};
}

fn has_words(found: Result<(), Box<Report>>, kernel: &str, convention: &str, words: &str) {
    let report = found.expect_err(kernel).to_string();
    assert!(report.starts_with(&format!("kernel `{kernel}`, version ")), "{report}");
    assert!(report.lines().next().unwrap().ends_with(&format!("({convention}):")), "{report}");
    assert!(report.contains(words), "{words}: {report}");
    println!("{report}\n");
}

fn sum(x: &[u8]) -> u32 {
    x.iter().map(|x| u32::from(*x)).sum()
}

#[test]
fn results() {
    // Made small: every element is 0.
    let zeros = format!("&[u8] = [{}] (37 long)", ["0"; 37].join(", "));
    finds!(wrong_at_37, sum, |random| random.vec(0..200), "returns 1, not 0");
    finds!(wrong_at_37, sum, |random| random.vec(0..200), &zeros);
    finds!(takes_the_upper_lanes, |x| x, |random| random.any::<f32>(), "returns ");
    let narrow = |x: u8| u32::from(x);
    finds!(takes_the_upper_bits, narrow, |random| random.any::<u8>(), "returns ");
    finds!(is_no_bool, || true, |_random| (), "returns [2], which is not a bool, not true");
    let twice = |x: f64, y: f64| x + 2.0 * y;
    finds!(rounds_otherwise, twice, |random| (random.any(), random.any()), "returns ");
}

#[test]
fn reads() {
    let yes = |_: &[u16]| true;
    let words = "reads byte 0 of argument 1, which is 0 bytes long";
    finds!(reads_behind, yes, |random| random.vec(0..50), words);
    let words = "reads byte -1 of argument 1, which is 0 bytes long at offset 0x0 of its code";
    let words = words.trim_end_matches(" at offset 0x0 of its code");
    finds!(reads_before, yes, |random| random.vec(0..50), words);
    let words = "reads byte 1 of argument 1, which is 1 bytes long";
    finds!(reads_vectors, |_: &[u8]| true, |random| random.vec(0..50), words);
}

#[test]
fn writes() {
    let yes = |_: &mut [u16]| true;
    finds!(writes_behind, yes, |random| random.vec(0..50), "writes byte 1 of argument 1, which");
    finds!(writes_before, yes, |random| random.vec(0..50), "writes byte -3 of argument 1, which");
    let words = "leaves 255 in element 4 of argument 1, not 0";
    finds!(writes_what_it_may_not, |_: &[u8]| true, |random| random.vec(0..50), words);
    let words = "accesses an address that is none, or not aligned as it has to be at offset 0x0";
    finds!(asks_for_alignment, |_: *mut f32| (), |random| random.vec::<f32>(4), words);
}

#[test]
fn registers() {
    macro_rules! preserved {
        ($($module:ident::$kernel:ident $register:literal)*) => {$({
            let words = concat!("changes ", $register, ", which it has to preserve");
            finds!($module::$kernel, || (), |_random| (), words);
        })*};
    }
    preserved! {
        sysv64::changes_rbx "rbx" sysv64::changes_rbp "rbp" sysv64::changes_r12 "r12"
        sysv64::changes_r13 "r13" sysv64::changes_r14 "r14" sysv64::changes_r15 "r15"
        win64::changes_rbx "rbx" win64::changes_rbp "rbp" win64::changes_r12 "r12"
        win64::changes_r13 "r13" win64::changes_r14 "r14" win64::changes_r15 "r15"
        win64::changes_rsi "rsi" win64::changes_xmm6 "xmm6" win64::changes_xmm15 "xmm15"
    }
    // The other convention does not preserve them.
    check!(sysv64::changes_rsi, || (), |_random| ()).unwrap();
    check!(sysv64::changes_xmm6, || (), |_random| ()).unwrap();
    check!(sysv64::changes_xmm15, || (), |_random| ()).unwrap();
}

#[test]
fn modes() {
    finds!(leaves_direction, || (), |_random| (), "returns with the direction flag set");
    let words = "returns with the alignment-check flag set";
    finds!(leaves_alignment_check, || (), |_random| (), words);
    finds!(changes_mxcsr, || (), |_random| (), "changes MXCSR: 0x9fc0 instead of 0x1f80");
    finds!(changes_x87, || (), |_random| (), "changes the x87 control word: 0x0c7f instead");
    finds!(leaves_mmx, |x| x, |random| random.any::<u64>(), "`emms` is missing");
    if peach_testing::processor::has("avx", is_x86_feature_detected!("avx")) {
        let words = "leaves the upper half of ymm0 in use: `vzeroupper` is missing";
        let random_floats = |_: &mut [u32; 8]| ();
        finds!(leaves_upper_halves, random_floats, |random| random.any::<[u32; 8]>(), words);
        check!(
            sysv64::leaves_upper_halves,
            random_floats,
            |random| random.any::<[u32; 8]>(),
            upper_halves = false
        )
        .unwrap();
    }
}

#[test]
fn stacks() {
    let words = "writes to its caller's stack, 64 bytes above the return address";
    finds!(writes_to_its_callers_stack, || (), |_random| (), words);
    let words = "writes to its caller's stack, 63 bytes above the return address";
    finds!(writes_a_byte_of_its_callers_stack, || (), |_random| (), words);
    let words = "returns to the value of r11: the stack is not balanced";
    finds!(pushes_too_much, || (), |_random| (), words);
    let words = "returns with the stack pointer 8 bytes above where it should be";
    finds!(pops_too_much, || (), |_random| (), words);
    finds!(overflows_its_stack, || (), |_random| (), "memory beyond its stack of 1 MiB");
}

#[test]
fn ends() {
    let words =
        "reads memory by the value of r11, which is not an argument at offset 0x0 of its code";
    finds!(reads_by_r11, || (), |_random| (), words);
    let words = "reads memory by the value of the word 88 bytes above its return address";
    let words = &words.replace("the value of the word", "the word");
    finds!(reads_by_its_callers_stack, || (), |_random| (), words);
    finds!(jumps_to_nowhere, || (), |_random| (), "accesses an address that is none");
    let divide = |x: u32, y: u32| x.checked_div(y).unwrap_or(0);
    let words = "divides by zero, or the quotient does not fit at offset";
    finds!(divides, divide, |random| (random.any(), random.any()), words);
    finds!(stops, || (), |_random| (), "stops at a breakpoint");
    finds!(is_invalid, || (), |_random| (), "executes an invalid instruction at offset 0x0");
    let words = "does not return within 200ms";
    let yes = |_: &[u8]| true;
    finds!(goes_on, yes, |random| random.vec(0..9), words, timeout = Duration::from_millis(200));
}
