//! What the compiler of the surrounding program may assume of a call: a kernel that lets others
//! read memory, or change it, does not count as one that touches none.

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

/// Bodies that order memory, or let others read or change it. They are not run.
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

/// And one that says nothing of memory.
const QUIET: (&str, &str) = ("quiet", "pause; let t: gp64 = 1; add t, t;");

/// In the program's text, a compiler that may take a fence for code without memory merges the
/// stores around it. The call says what it may assume.
#[test]
fn a_call_of_a_fence_is_one_that_touches_memory() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("observers/fences");
    let rustc = Rustc::new(dir, &["-Zub-checks=no"]);
    for convention in ["sysv64", "win64"] {
        for embed in ["map", "text"] {
            let mut source = String::from("use peach_runtime::peach_fn;\n");
            for (name, body) in ORDERING.iter().chain([&QUIET]) {
                source += &format!(
                    "peach_fn! {{ #[embed = \"{embed}\"] \
                     pub extern \"{convention}\" fn {name}() {{ {body} }} }}\n"
                );
            }
            let path = rustc.dir().join("expanded.rs");
            let output = path.to_str().expect("a path");
            let flags = ["--crate-type=rlib", "-Zunpretty=expanded", "-o", output];
            rustc.build("fences", &source, &flags);
            let expanded = std::fs::read_to_string(&path).unwrap();
            for (name, _) in ORDERING {
                let options = options_of(&expanded, name);
                let says_none = options.contains("nomem") || options.contains("readonly");
                assert!(!says_none, "{name}, {convention}, {embed}: {options}");
            }
            let options = options_of(&expanded, QUIET.0);
            assert!(options.contains("nomem"), "{}: {options}", QUIET.0);
        }
    }
}

/// The options of the call in the function `name`.
fn options_of<'a>(expanded: &'a str, name: &str) -> &'a str {
    let start = expanded.find(&format!("fn {name}()")).expect("the function");
    let body = &expanded[start..];
    let call = &body[body.find("asm!(\"call {").expect("a call")..];
    let end = call.find(");").expect("its end");
    call[..end].find("options(").map_or("", |at| &call[at..end])
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
