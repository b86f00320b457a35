//! What the compiler of the surrounding program may assume of a call: a kernel that lets others look at
//! memory, or change it, is no kernel that touches none. Programs are compiled with optimization.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use peach_testing::rustc::Rustc;
use std::path::Path;
use std::process::Command;

fn rustc(name: &str) -> Rustc {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("observers").join(name);
    Rustc::new(dir, &["-O"])
}

/// A buffer that a system call fills, its address handed over as a pointer and as a number.
const READS: &str = r#"
use peach_runtime::peach_fn;
use std::fs::File;
use std::os::fd::AsRawFd;

macro_rules! kernels {
    ($embed:literal, $module:ident) => {
        mod $module {
            use peach_runtime::peach_fn;
            peach_fn! {
                #[embed = $embed]
                pub unsafe extern "sysv64" fn by_pointer(fd: i64, buffer: *mut u8, n: u64) -> i64 {
                    rdi = fd; rsi = buffer; rdx = n;
                    rax = 0;
                    syscall;
                    return rax;
                }
                #[embed = $embed]
                pub unsafe extern "win64" fn by_number(fd: i64, buffer: u64, n: u64) -> i64 {
                    rdi = fd; rsi = buffer; rdx = n;
                    rax = 0;
                    syscall;
                    return rax;
                }
            }
        }
    };
}
kernels!("map", mapped);
kernels!("text", in_text);

macro_rules! check {
    ($call:expr) => {{
        let file = File::open("/proc/self/exe").unwrap();
        let mut buffer = [0u8; 4];
        let pointer = &raw mut buffer;
        let read = $call(i64::from(file.as_raw_fd()), pointer);
        assert_eq!(read, 4);
        assert_eq!(buffer, *b"\x7fELF");
    }};
}

fn main() {
    check!(|fd, p: *mut [u8; 4]| unsafe { mapped::by_pointer(fd, p.cast(), 4) });
    check!(|fd, p: *mut [u8; 4]| unsafe { mapped::by_number(fd, p as u64, 4) });
    check!(|fd, p: *mut [u8; 4]| unsafe { in_text::by_pointer(fd, p.cast(), 4) });
    check!(|fd, p: *mut [u8; 4]| unsafe { in_text::by_number(fd, p as u64, 4) });
}
"#;

#[test]
fn what_a_system_call_writes_is_seen() {
    let rustc = rustc("reads");
    let program = rustc.build("reads", READS, &[]);
    let output = Command::new(&program).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Bodies behind and before which both of two stores to the same place must stand. They are not run.
/// All are of the baseline: a kernel that needs more is looked up first, which keeps the stores anyway.
const ORDERING: &[(&str, &str)] = &[
    ("mfence", "mfence;"),
    ("lfence", "lfence;"),
    ("sfence", "sfence;"),
    ("cpuid", "xor eax, eax; xor ecx, ecx; cpuid;"),
    ("locked", "let word: u64; mov qword [word], 0; lock or qword [word], 0;"),
    ("exchange", "let word: u64; mov qword [word], 0; let t: gp64 = 0; xchg [word], t;"),
    ("flush", "let word: u64; mov qword [word], 0; unsafe { clflush [word]; }"),
    ("int3", "int3;"),
    ("interrupt", "unsafe { int 0x80; }"),
    ("port_in", "unsafe { mov edx, 80; in al, dx; }"),
    ("port_out", "unsafe { mov edx, 80; xor eax, eax; out dx, al; }"),
    ("wrmsr", "unsafe { xor eax, eax; xor ecx, ecx; xor edx, edx; wrmsr; }"),
    ("rdmsr", "unsafe { xor ecx, ecx; rdmsr; }"),
    ("hlt", "unsafe { hlt; }"),
    ("wbinvd", "unsafe { wbinvd; }"),
    ("above", "unsafe { let t: gp64 = 0; or [rsp + t*8], t; }"),
];

/// And one that says nothing of memory: the first of the two stores goes.
const QUIET: (&str, &str) = ("quiet", "pause; let t: gp64 = 1; add t, t;");

#[test]
fn stores_before_and_after_a_fence_both_stand() {
    let rustc = rustc("fences");
    for convention in ["sysv64", "win64"] {
        let mut source = String::from("use peach_runtime::peach_fn;\n");
        for (name, body) in ORDERING.iter().chain([&QUIET]) {
            source += &format!(
                "peach_fn! {{ #[embed = \"text\"] pub extern \"{convention}\" fn {name}() {{ {body} }} }}\n\
                 #[unsafe(no_mangle)] pub unsafe fn around_{name}(x: *mut u64) {{ \
                 unsafe {{ *x = 0x1234; {name}(); *x = 0x5678; }} }}\n"
            );
        }
        rustc.build("fences", &source, &["--crate-type=lib", "--emit=asm"]);
        let assembly = std::fs::read_to_string(rustc.dir().join("fences.s")).unwrap();
        for (name, _) in ORDERING {
            assert_eq!(stores_in(&assembly, name), 2, "{name}, {convention}");
        }
        assert_eq!(stores_in(&assembly, QUIET.0), 1, "{}, {convention}", QUIET.0);
    }
}

/// How many of the two stores stand in the function around a kernel.
fn stores_in(assembly: &str, name: &str) -> usize {
    let start = assembly.find(&format!("\naround_{name}:")).expect("the function");
    let body = &assembly[start..];
    let body = &body[..body.find(".cfi_endproc").unwrap_or(body.len())];
    ["$4660, (", "$22136, ("].iter().filter(|store| body.contains(**store)).count()
}

/// Tiles, masks and the x87 stack are registers that a call may change.
#[test]
fn every_register_can_be_declared() {
    let rustc = rustc("registers");
    let source = r#"
        use peach_runtime::peach_fn;
        peach_fn! {
            #[target_feature(enable = "amx-tile")]
            pub unsafe fn tiles() { tilerelease; }
            #[target_feature(enable = "xsave")]
            pub unsafe fn state(p: *const u8) { xor eax, eax; xor edx, edx; xrstor [p]; }
            pub unsafe fn floats(p: *const u8) { fxrstor [p]; }
            #[target_feature(enable = "vmx")]
            pub unsafe fn hypercall(x: u64) -> u64 { rax = x; vmcall; return rax; }
        }
    "#;
    rustc.build("registers", source, &["--crate-type=lib"]);
}
