//! Kernels with everything that an object file has to get right.

use crate::loader::Image;
use std::ffi::c_void;

/// Constants of all sizes, named and not, shared by functions; a trailing immediate after a
/// displacement, of one, two and four bytes; a jump table; saved registers, stack variables,
/// pushes; calls and addresses of what is elsewhere.
pub const SOURCE: &str = r#"
const POWERS: [u32; 8] = [1, 10, 100, 1000, 10000, 100000, 1000000, 10000000];

pub fn power(i: u32) -> u32 {
    let at: gp64; let n: gp32;
    mov n, i;
    and n, 7;
    lea at, [POWERS];
    unsafe { mov n, dword [at + n.gp64*4]; }
    return n;
}

pub fn scaled(x: f64) -> f64 {
    mulsd x, f64(2.5);
    addsd x, f64(0.5);
    return x;
}

pub fn masked(x: f32) -> f32 {
    xorps x, f32x4(-0.0);
    addss x, f32(2.0);
    return x;
}

pub fn trailing() -> u32 {
    let n: gp32;
    mov n, 0;
    cmp byte [POWERS + 4], 10;
    sete n.gp8;
    cmp word [POWERS + 12], 1000;
    jne 'out;
    add n, 2;
    cmp dword [POWERS + 20], 100000;
    jne 'out;
    add n, 4;
    imul eax, dword [POWERS + 8], 7;
    cmp eax, 700;
    jne 'out;
    add n, 8;
    imul eax, dword [POWERS + 8], 700;
    cmp eax, 70000;
    jne 'out;
    add n, 16;
'out:
    return n;
}

pub unsafe fn select_case(which: u32) -> u32 {
    const CASES: [label; 4] = ['a, 'b, 'c, 'd];
    let t: gp64; let i: gp64; let n: gp32;
    mov i.gp32, which;
    and i.gp32, 3;
    lea t, [CASES];
    movsxd i, dword [t + i*4];
    add i, t;
    jmp i, CASES;
'a: mov n, 11; jmp 'end;
'b: mov n, 22; jmp 'end;
'c: mov n, 33; jmp 'end;
'd: mov n, 44;
'end:
    return n;
}

pub unsafe fn counter() -> *mut u32 {
    let p: gp64;
    mov p, sym counter_variable;
    return p;
}

pub unsafe fn twice(x: u64) -> u64 {
    rbx = x;
    FIRST = rbx;
    call sym increment;
    rbx = rax;
    FIRST = rbx;
    call sym increment;
    return rax;
}

pub unsafe fn deep(x: u64) -> u64 {
    let buffer: [u64; 40];
    rbx = x;
    mov [buffer], rbx;
    push rbx;
    FIRST = rbx;
    call sym increment;
    pop rbx;
    push rax;
    push rbx;
    FIRST = rax;
    call sym increment;
    pop rbx;
    pop rcx;
    add rax, rbx;
    add rax, rcx;
    add rax, [buffer];
    return rax;
}

pub unsafe fn realigned(x: u64) -> u64 {
    let buffer: [u64; 8] align 64;
    mov [buffer + 8], x;
    FIRST = x;
    call sym increment;
    add rax, [buffer + 8];
    return rax;
}

pub unsafe fn wide(x: u64) -> u64 {
    let big: [u64; 1000];
    rbx = x;
    xmm6 = f64x2(1.0, 2.0);
    xmm15 = f64x2(3.0, 4.0);
    mov [big + 8], rbx;
    FIRST = x;
    call sym increment;
    add rax, rbx;
    add rax, [big + 8];
    return rax;
}

pub unsafe fn vast(x: u64) -> u64 {
    let big: [u64; 20000];
    rbx = x;
    xmm6 = f64x2(1.0, 2.0);
    xmm15 = f64x2(3.0, 4.0);
    mov [big + 8], rbx;
    FIRST = x;
    call sym increment;
    add rax, rbx;
    add rax, [big + 8];
    return rax;
}

pub fn leaf(x: u64) -> u64 {
    rbx = x;
    xmm6 = f64x2(1.0, 2.0);
    movq rax, xmm6;
    add rbx, rax;
    sub rbx, rax;
    lea rax, [rbx + rbx];
    return rax;
}

pub unsafe fn pushing(x: u64) -> u64 {
    rbx = x;
    r12 = x;
    push r12;
    xmm7 = f64x2(1.0, 2.0);
    push rbx;
    push rbx;
    FIRST = rbx;
    call sym increment;
    pop rbx;
    FIRST = rax;
    call sym increment;
    pop rcx;
    pop rdx;
    add rax, rcx;
    add rax, rdx;
    return rax;
}

pub unsafe fn aligned(x: u64) -> u64 {
    let buffer: [u64; 16] align 128;
    rbx = x;
    r13 = x;
    xmm8 = f64x2(1.0, 2.0);
    xmm11 = f64x2(3.0, 2.0);
    mov [buffer], rbx;
    push r13;
    FIRST = x;
    call sym increment;
    pop rcx;
    add rax, rcx;
    add rax, [buffer];
    return rax;
}

pub fn last() { nop; }
"#;

/// What C says of them.
pub const HEADER: &str = include_str!("kernels.h");

/// The kernels with the first argument's register of a convention.
pub fn source(first: &str) -> String {
    SOURCE.replace("FIRST", first)
}

/// Checks all kernels as `kernels.h` does, in a file whose symbols have a prefix.
pub fn check(image: &Image, prefix: &str, counter: *const c_void) {
    type Unary = extern "C" fn(u64) -> u64;
    let symbol = |name: &str| image.symbol(&format!("{prefix}{name}"));
    // SAFETY: the functions are kernels with these signatures.
    unsafe {
        let unary = |name: &str| std::mem::transmute::<*const c_void, Unary>(symbol(name));
        let function = symbol("scaled");
        let scaled = std::mem::transmute::<*const c_void, extern "C" fn(f64) -> f64>(function);
        let function = symbol("masked");
        let masked = std::mem::transmute::<*const c_void, extern "C" fn(f32) -> f32>(function);
        for n in 0..8 {
            assert_eq!(unary("power")(n) as u32, 10u32.pow(n as u32));
            assert_eq!(unary("select_case")(n) as u32, 11 * (n as u32 % 4 + 1));
        }
        assert_eq!((scaled(3.0), masked(3.0)), (8.0, -1.0));
        assert_eq!(unary("trailing")(0) as u32, 31);
        assert_eq!(unary("counter")(0), counter as u64);
        for x in 1..10 {
            let (y, z) = (x + 1, x + 2);
            assert_eq!(unary("twice")(x), z);
            assert_eq!(unary("deep")(x), z + x + y + x);
            assert_eq!(unary("realigned")(x), y + x);
            assert_eq!(unary("wide")(x), y + x + x);
            assert_eq!(unary("vast")(x), y + x + x);
            assert_eq!(unary("leaf")(x), x + x);
            assert_eq!(unary("pushing")(x), z + x + x);
            assert_eq!(unary("aligned")(x), y + x + x);
        }
        unary("last")(0);
    }
}
