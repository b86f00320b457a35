//! x32: kernels in an ELF file of 32 bits, linked with what GCC makes of their callers, and run.
//! Few kernels of Linux start x32 programs, but the code is 64-bit code: it runs in this process,
//! on a stack below 4 GiB.

use object::read::elf::{ElfFile32, FileHeader, ProgramHeader};
use object::{Endianness, elf};
use peach_compiler::abi::{ImageFormat, X32};
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::emit::mangling::Naming;
use peach_compiler::emit::module::Processor;
use peach_compiler::emit::{Module, objects};
use peach_compiler::pipeline::{Target, compile};
use peach_testing::tools::have;
use std::arch::global_asm;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr;

const KERNELS: &str = "
    pub unsafe fn get(p: *const u32, at: usize) -> u32 { mov eax, [p + 4*at]; return eax; }
    pub unsafe fn get_signed(p: *const u32, at: isize) -> u32 { mov eax, [p + 4*at]; return eax; }
    pub unsafe fn advance(p: *mut u8, n: usize) -> *mut u8 { add p, n; return p; }
    pub unsafe fn same(p: *mut u8) -> *mut u8 { return p; }
    pub fn length_of(x: &[u8]) -> usize { return x.len; }
    pub unsafe fn sum(x: &[u64]) -> u64 {
        let sum: gp64 = 0;
        'next: { add sum, [x.ptr + 8*x.len - 8]; dec x.len; jnz continue 'next; }
        return sum;
    }
    pub unsafe fn late(
        a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, p: *const u32, n: usize, i: isize, s: &[u32]
    ) -> u64 {
        for x in [b, c, d, e, f] { add a, x; }
        let t: gp32;
        mov t, [p + 4*n]; add a, t.gp64;
        mov t, [p + 4*i + 12]; add a, t.gp64;
        mov t, [s.ptr]; add a, t.gp64;
        add a, s.len;
        return a;
    }
    pub unsafe fn grow(x: &mut [u8]) -> (*mut u8, usize) { inc x.len; return (x.ptr, x.len); }
    pub fn both(wide: u64, n: usize) -> (u64, usize) { inc wide; lea n, [n + 2]; return (wide, n); }
    pub unsafe fn scaled(p: *const f32, by: f32) -> f64 {
        mulss by, [p]; cvtss2sd by, by; addsd by, f64x1(0.25); return by;
    }
    pub unsafe fn local(a: u64, p: *const u64) -> u64 {
        let buf: [u64; 40];
        mov [buf + 312], a; add a, [p]; add a, [buf + 312]; return a;
    }
    pub unsafe fn store(place: *mut *mut u8, value: *mut u8) -> *mut *mut u8 {
        mov [place], value.gp32; return place;
    }
";

/// Where the program is linked to run.
const BASE: u64 = 0x2000_0000;
const STACK: usize = 1 << 18;

unsafe extern "sysv64" {
    fn peach_call_on_stack(target: u64, stack: u64) -> u64;
}

global_asm!(
    "peach_call_on_stack:",
    "push rbp",
    "mov rbp, rsp",
    "mov rsp, rsi",
    "call rdi",
    "mov rsp, rbp",
    "pop rbp",
    "ret",
);

#[test]
fn gcc_calls_kernels_and_gets_what_c_computes() {
    if !have(&["gcc", "ld"]) {
        return;
    }
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("x32");
    std::fs::create_dir_all(&scratch).expect("a directory");
    let target = Target { position_independent: true, ..Target::from(&X32) };
    let compilation = compile(KERNELS.parse().expect("tokens"), target);
    let messages: Vec<&String> = compilation.diagnostics.iter().map(|d| &d.message).collect();
    assert!(!compilation.diagnostics.has_errors(), "{messages:?}");
    let mut module = Module::new("kernels.rs", target);
    module.add(compilation, &[], Processor::Any, &Naming::default(), &mut Diagnostics::new());
    let object = objects::write(&module, &objects::Options::new(ImageFormat::Elf));
    std::fs::write(scratch.join("kernels.o"), object.expect("an object")).expect("a file");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/x32/callers.c");
    run(
        &scratch,
        "gcc",
        &[
            "-mx32",
            "-O2",
            "-ffreestanding",
            "-fno-pic",
            "-fcf-protection=none",
            "-c",
            source,
            "-o",
            "callers.o",
        ],
    );
    let text = format!("-Ttext-segment={BASE:#x}");
    run(
        &scratch,
        "ld",
        &["-m", "elf32_x86_64", &text, "-e", "check", "-o", "program", "callers.o", "kernels.o"],
    );
    let program = std::fs::read(scratch.join("program")).expect("the program");
    let entry = load(&program);
    // SAFETY: an anonymous mapping for a stack; the program was just loaded, and its entry is a
    // function without arguments.
    let line = unsafe {
        let stack = map(ptr::null_mut(), STACK, libc::MAP_32BIT);
        peach_call_on_stack(entry, stack as u64 + STACK as u64)
    };
    assert_eq!(line as u32, 0, "callers.c, line {}", line as u32);
}

fn run(directory: &Path, tool: &str, args: &[&str]) {
    let output = Command::new(tool).args(args).current_dir(directory).output().expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} {args:?}: {errors}");
}

/// Puts the segments of a program where they belong. Its entry.
fn load(program: &[u8]) -> u64 {
    let file = ElfFile32::<Endianness>::parse(program).expect("an ELF file of 32 bits");
    let endian = Endianness::Little;
    assert_eq!(file.elf_header().e_machine(endian), elf::EM_X86_64);
    for segment in file.elf_program_headers() {
        if segment.p_type(endian) != elf::PT_LOAD {
            continue;
        }
        let (start, len) = (u64::from(segment.p_vaddr(endian)), segment.p_memsz(endian) as usize);
        let page = start & !0xFFF;
        let content = segment.data(endian, program).expect("the segment is in the file");
        let protection = match segment.p_flags(endian) {
            flags if flags & elf::PF_X != 0 => libc::PROT_READ | libc::PROT_EXEC,
            flags if flags & elf::PF_W != 0 => libc::PROT_READ | libc::PROT_WRITE,
            _ => libc::PROT_READ,
        };
        let mapped = (start - page) as usize + len;
        // SAFETY: the addresses are free, or the mapping fails.
        unsafe {
            map(page as *mut u8, mapped, libc::MAP_FIXED_NOREPLACE);
            ptr::copy_nonoverlapping(content.as_ptr(), start as *mut u8, content.len());
            assert_eq!(libc::mprotect(page as *mut _, mapped, protection), 0);
        }
    }
    file.elf_header().e_entry(endian).into()
}

/// # Safety
/// That of `mmap`.
unsafe fn map(at: *mut u8, len: usize, flags: i32) -> *mut u8 {
    // SAFETY: the caller vouches for the address.
    let start = unsafe {
        libc::mmap(
            at.cast(),
            len,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags,
            -1,
            0,
        )
    };
    assert_ne!(start, libc::MAP_FAILED, "mmap failed");
    start.cast()
}
