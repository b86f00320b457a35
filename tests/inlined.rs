//! `#[embed = "inline"]`: results in callers of every kind, no calls in them, and what unwinders see.

use peach_runtime::peach_fn;
use std::hint::black_box;

static TABLE: [u32; 4] = [10, 20, 30, 40];

extern "C" fn twice(x: u64) -> u64 {
    2 * x
}

peach_fn! {
    #[embed = "inline"]
    fn nothing() {}

    #[embed = "inline"]
    fn passes(a: u64) -> u64 { return a; }

    #[embed = "inline"]
    fn swaps(a: u32, b: u8) -> (u8, u32) { return (b, a); }

    #[embed = "inline"]
    fn halves(a: f32, b: f32) -> (f32, f32) {
        mulss a, f32x4(0.5);
        mulss b, f32x4(0.5);
        return (b, a);
    }

    #[embed = "inline"]
    fn sums(a: u128, b: u128) -> u128 { add a.lo, b.lo; adc a.hi, b.hi; return (a.lo, a.hi); }

    #[embed = "inline"]
    fn is_even(n: u8) -> bool { test n, 1; setz al; return al; }

    #[embed = "inline"]
    fn next(c: char) -> u32 { inc c; return c; }

    /// Thirteen registers, and one that is saved.
    #[embed = "inline"]
    fn many(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64, j: u64, k: u64,
        l: u64, m: u64) -> u64 {
        let n: gp64 = 1;
        for x in [b, c, d, e, f, g, h, i, j, k, l, m] { imul n, n, 3; add a, x; }
        add a, n;
        return a;
    }

    #[embed = "inline"]
    fn total(x: &[u64]) -> u64 {
        let s: gp64 = 0;
        test x.len, x.len;
        jz 'done;
        'next: { add s, [x.ptr]; add x.ptr, 8; dec x.len; jnz continue 'next; }
        'done:
        return s;
    }

    #[embed = "inline"]
    fn aligned_loop(n: u32) -> u32 {
        let s: gp32 = 0;
        align 32;
        'next: { add s, 3; dec n; jnz continue 'next; }
        return s;
    }

    #[embed = "inline"]
    fn returns_early(n: u32) -> u32 {
        let r: gp32 = 7;
        test n, n;
        jz 'zero;
        imul r, n;
        return r;
        'zero: mov r, 99;
        return r;
    }

    #[embed = "inline"]
    fn same(p: &mut [u64; 2]) -> &mut [u64; 2] { return p; }

    #[embed = "inline"]
    fn text_len(s: &str) -> usize { return s.len; }

    #[embed = "inline"]
    fn pushes(n: u64) -> u64 { push n; push 5; pop rax; pop rcx; add rax, rcx; return rax; }

    #[embed = "inline"]
    fn has_variables(n: u64) -> u64 {
        let a: [u64; 4];
        let b: [u64; 4] align 64;
        mov [a], n;
        mov qword [b + 8], 1;
        add n, [a];
        add n, [b + 8];
        return n;
    }

    #[embed = "inline"]
    #[spill]
    fn spills(n: u64) -> u64 {
        let v: [gp64; 20];
        for i in 0..20 { lea v[i], [n + i]; }
        for i in 1..20 { add v[0], v[i]; }
        return v[0];
    }

    #[embed = "inline"]
    fn calls(n: u64) -> u64 {
        let kept: gp64 = n;
        // SAFETY: the function takes a number. What is called is not proven.
        unsafe {
            mov rcx, n;
            mov rdi, n;
            call sym twice;
        }
        add rax, kept;
        return rax;
    }

    #[embed = "inline"]
    fn reads_a_static() -> u32 {
        let p: gp64;
        mov p, sym TABLE;
        // SAFETY: the table has four elements, which only rustc knows.
        unsafe { mov eax, [p + 8]; }
        return eax;
    }

    #[embed = "inline"]
    fn adds_a_constant(x: u64) -> u64 { add x, const { size_of::<[u64; 9]>() }; return x; }

    const SQUARES: [u32; 8] = [0, 1, 4, 9, 16, 25, 36, 49];

    #[embed = "inline"]
    fn square(n: &[u8; 1]) -> u32 {
        let i: gp32;
        let t: gp64;
        movzx i, byte [n];
        and i, 7;
        lea t, [SQUARES];
        mov eax, [t + i.gp64*4];
        return eax;
    }

    #[embed = "inline"]
    fn third_and_fourth() -> u32 {
        // SAFETY: the table has eight elements. Only rustc knows the constant.
        unsafe { mov eax, [SQUARES + const { size_of::<[u32; 2]>() }]; }
        add eax, [SQUARES + 12];
        return eax;
    }

    #[embed = "inline"]
    fn chooses(n: u64) -> u32 {
        let t: gp64;
        let r: gp32;
        // SAFETY: the caller has three cases. Where a jump through a table leads is not proven.
        unsafe {
            const CASES: [label; 3] = ['a, 'b, 'c];
            lea t, [CASES];
            movsxd n, dword [t + n*4];
            add n, t;
            jmp n, CASES;
            'a: mov r, 1; return r;
            'b: mov r, 20; add r, [SQUARES + 8]; return r;
            'c: mov r, 300; return r;
        }
    }

    #[embed = "inline"]
    // What a raw pointer leads to is not proven.
    unsafe fn copies(to: *mut u8, from: *const u8, n: usize) {
        rdi = to; rsi = from; rcx = n;
        rep movsb;
    }

    #[embed = "inline"]
    #[target_feature(enable = "avx2")]
    fn add_lanes(a: __m256i, b: __m256i) -> __m256i {
        vpaddd a, a, b;
        vpaddd a, a, i32x8(1);
        return a;
    }

    #[fallback]
    fn add_lanes(a: __m256i, _: __m256i) -> __m256i { a }

    #[embed = "inline"]
    #[target_cpu = "x86-64-v2"]
    fn ones(n: u64) -> u64 { popcnt n, n; return n; }

    #[embed = "inline"]
    extern "win64" fn in_the_other_convention(a: u64, b: f64) -> u64 {
        cvttsd2si rax, b;
        add rax, a;
        return rax;
    }
}

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::__m256i;

#[test]
fn results_are_those_of_rust() {
    nothing();
    assert_eq!(passes(black_box(7)), 7);
    assert_eq!(swaps(1, 2), (2, 1));
    assert_eq!(halves(1.0, 3.0), (1.5, 0.5));
    assert_eq!(sums(u64::MAX.into(), 1), 1 << 64);
    assert_eq!([is_even(2), is_even(255)], [true, false]);
    assert_eq!(next('a'), 'b' as u32);
    assert_eq!(many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13), 91 + 3u64.pow(12));
    assert_eq!(total(&[]) + total(&[1, 2, 3]), 6);
    assert_eq!(aligned_loop(5), 15);
    assert_eq!((returns_early(0), returns_early(3)), (99, 21));
    let mut two = [1, 2];
    same(&mut two)[0] += 10;
    assert_eq!(two, [11, 2]);
    assert_eq!(text_len("peach"), 5);
    assert_eq!(pushes(7), 12);
    assert_eq!(has_variables(20), 41);
    assert_eq!(spills(3), 3 * 20 + 190);
    assert_eq!(calls(20), 60);
    assert_eq!(reads_a_static(), 30);
    assert_eq!(adds_a_constant(1), 73);
    assert_eq!(square(&[15]), 49);
    assert_eq!(third_and_fourth(), 13);
    assert_eq!([chooses(0), chooses(1), chooses(2)], [1, 24, 300]);
    let mut copy = [0u8; 5];
    // SAFETY: both have five bytes.
    unsafe { copies(copy.as_mut_ptr(), b"peach".as_ptr(), 5) };
    assert_eq!(&copy, b"peach");
    assert_eq!(in_the_other_convention(2, 3.5), 5);
}

#[test]
fn extensions_are_the_callers() {
    if is_x86_feature_detected!("avx2") {
        // SAFETY: this processor has it.
        let lanes: [i32; 8] = unsafe { std::mem::transmute(adds_lanes()) };
        assert_eq!(lanes, [10; 8]);
    }
    if is_x86_feature_detected!("popcnt") && ones::KERNEL.is_supported() {
        // SAFETY: the kernel is supported.
        assert_eq!(unsafe { ones(0xFF) }, 8);
    }
}

#[target_feature(enable = "avx2")]
fn adds_lanes() -> __m256i {
    use std::arch::x86_64::_mm256_set1_epi32;
    add_lanes(_mm256_set1_epi32(4), _mm256_set1_epi32(5))
}

/// `KERNEL` is called like that of any other embedding.
#[test]
fn a_copy_can_be_called() {
    assert_eq!(passes::KERNEL.get()(7), 7);
    assert_eq!(spills::KERNEL.get()(3), 250);
    assert_eq!(chooses::KERNEL.get()(1), 24);
    assert_eq!(in_the_other_convention::KERNEL.get()(2, 3.5), 5);
    // SAFETY: slices are as long as is said.
    assert_eq!(unsafe { total::KERNEL.get()([1, 2, 3].as_ptr(), 3) }, 6);
    assert!(passes::KERNEL.code().len() >= 4);
}

#[cfg(target_os = "linux")]
mod in_programs {
    use peach_testing::rustc::Rustc;
    use peach_testing::tools::have;
    use std::fmt::Write;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    const KERNELS: &str = "use peach_runtime::peach_fn;
        peach_fn! {
            #[embed = \"inline\"]
            pub fn mix(a: u64, b: u64) -> u64 { imul a, b; rol a, 13; xor a, b; return a; }
            #[embed = \"inline\"]
            pub fn scale(x: f64) -> f64 { mulsd x, f64x2(1.5); addsd x, f64x2(0.25); return x; }
            #[embed = \"inline\"]
            pub fn frames(n: u64) -> u64 {
                let a: [u64; 40];
                let v: [gp64; 13];
                mov [a], n;
                for r in v { mov r, n; }
                test n, n;
                jz 'early;
                push n;
                push v[1];
                add v[1], [a];
                pop v[2];
                pop v[2];
                for i in 1..13 { add v[0], v[i]; }
                return v[0];
                'early:
                for i in 1..13 { xor v[0], v[i]; }
                return v[0];
            }
        }\n";

    fn build(name: &str, source: &str) -> PathBuf {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("inlined").join(name);
        let flags = ["-Copt-level=3", "-Cdebuginfo=1"];
        Rustc::new(dir, &flags).build("program", &[KERNELS, source].concat(), &[])
    }

    /// A thousand callers, each with values of its own around.
    #[test]
    fn no_caller_calls() {
        if !have(&["objdump"]) {
            return;
        }
        let mut source = String::new();
        let mut main = "fn main() { let mut sum = 0u64;\n".to_string();
        for n in 0..1000 {
            let _ = writeln!(
                source,
                "#[unsafe(no_mangle)] #[inline(never)]
                pub fn caller_{n}(a: u64, x: f64) -> u64 {{
                    let y = scale(x + {n}.0) + x;
                    mix(a, {n}) ^ mix(a + {n}, y as u64)
                }}"
            );
            let _ = writeln!(main, "sum ^= caller_{n}(sum, 2.5);");
        }
        main.push_str(
            "
            let mix = |a: u64, b: u64| a.wrapping_mul(b).rotate_left(13) ^ b;
            let mut wanted = 0u64;
            for n in 0..1000u64 {
                let y = (2.5 + n as f64) * 1.5 + 0.25 + 2.5;
                wanted ^= mix(wanted, n) ^ mix(wanted + n, y as u64);
            }
            assert_eq!(sum, wanted); }",
        );
        let program = build("callers", &[source, main].concat());
        assert!(Command::new(&program).status().unwrap().success());
        let listing =
            Command::new("objdump").args(["-d", "-Mintel"]).arg(&program).output().unwrap();
        let listing = String::from_utf8(listing.stdout).unwrap();
        let callers = listing.split("\n\n").filter(|part| {
            part.trim_start().split_once('<').is_some_and(|(_, name)| name.starts_with("caller_"))
        });
        let mut count = 0;
        for caller in callers {
            count += 1;
            assert!(!caller.contains("call "), "{caller}");
        }
        assert_eq!(count, 1000);
    }

    /// Pushes, a frame and a saved register in the middle of a function.
    #[test]
    fn gdb_finds_the_caller_at_every_instruction() {
        if !have(&["gdb"]) {
            return;
        }
        let program = build(
            "frames",
            "#[unsafe(no_mangle)] #[inline(never)]
            pub fn caller(n: u64, m: u64) -> u64 { frames(n).wrapping_add(frames(m)) }
            #[unsafe(no_mangle)] #[inline(never)]
            pub fn outer(n: u64) -> u64 { std::hint::black_box(caller(n, 0)) + 1 }
            fn main() { assert_eq!(outer(2), 29); }",
        );
        let script = program.with_extension("py");
        std::fs::write(&script, SCRIPT).unwrap();
        let arguments = ["-q", "-nx", "-batch", "-x"];
        let output =
            Command::new("gdb").args(arguments).arg(&script).arg(&program).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("STEPS "));
        let line = line.unwrap_or_else(|| panic!("{text}"));
        println!("{line}");
        let (steps, wrong) = line.split_once(' ').unwrap();
        assert!(steps.parse::<u32>().unwrap() > 80, "{text}");
        assert_eq!(wrong, "wrong: []", "{text}");
    }

    /// Steps through the caller: the frame around it and the return address are always found.
    const SCRIPT: &str = r#"
import gdb
def quietly(command):
    return gdb.execute(command, to_string=True)
for setting in ["pagination off", "confirm off", "width 0", "language c"]:
    quietly("set " + setting)
at = gdb.Breakpoint("*caller")
quietly("run")
back = int(gdb.parse_and_eval("*(unsigned long *)$rsp"))
stack = int(gdb.newest_frame().read_register("rsp")) + 8
steps, wrong = 0, []
while True:
    frame = gdb.newest_frame()
    if frame.pc() == back:
        break
    while frame.type() == gdb.INLINE_FRAME:
        frame = frame.older()
    caller = frame.older()
    found = (caller.pc(), int(caller.read_register("rsp")), caller.name())
    if found[:2] != (back, stack) or not found[2].endswith("outer"):
        wrong.append("%x: %s" % (frame.pc(), found))
    steps += 1
    quietly("stepi")
print("STEPS %d wrong: %s" % (steps, wrong))
"#;
}
