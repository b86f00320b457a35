//! Object files for Native Client: linked where its programs are, validated as they then are, and
//! run.

use super::assembler::run;
use peach_compiler::abi::{AssemblyFormat, ImageFormat, NACL};
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::emit::mangling::Naming;
use peach_compiler::emit::module::Processor;
use peach_compiler::emit::{Module, listings, objects};
use peach_compiler::pipeline::{Target, compile};
use peach_compiler::sandbox::validate;
use peach_testing::machine::Machine;
use peach_testing::sandbox::Sandbox;
use peach_testing::tools::have;
use std::path::Path;
use std::process::Command;

const KERNELS: &str = "
    const TABLE: [u64; 4] = [10, 20, 30, 40];

    pub unsafe fn lookup(i: u64) -> u64 {
        let t: gp64; lea t, [TABLE]; mov rax, [t + i*8]; add rax, [TABLE + 24]; return rax;
    }

    pub unsafe fn cases(i: u64, x: u64) -> u64 {
        const CASES: [label; 3] = ['a, 'b, 'c]; let t: gp64; let j: gp64;
        lea t, [CASES]; movsxd j, dword [t + i*4]; add j, t; jmp j, CASES;
        'a: add x, 1; return x; 'b: add x, x; return x; 'c: imul x, x; return x;
    }

    pub unsafe fn both(i: u64, f: *const u8) -> u64 {
        let kept: gp64; let sum: gp64; mov kept, i; call sym lookup; mov sum, rax;
        let g: gp64; mov g, sym cases; mov rdi, kept; mov rsi, sum; call g; add rax, sum;
        return rax;
    }
";

#[test]
fn objects_are_linked_validated_and_run() {
    if !have(&["ld", "objcopy", "nm", "readelf"]) {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("nacl-linked");
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    std::fs::write(folder.join("kernels.o"), object(&module())).expect("the object can be written");
    let tool = |line: &str| {
        let mut words = line.split_whitespace();
        let mut command = Command::new(words.next().expect("a tool"));
        run(command.args(words).current_dir(&folder), line)
    };
    let mut sandbox = Sandbox::new();
    let (code, data) = (sandbox.code_address(0), sandbox.address(0));
    tool(&format!(
        "ld --fatal-warnings -e both -Ttext={code:#x} --section-start=.rodata={data:#x} \
         kernels.o -o program"
    ));
    assert!(tool("readelf -hW program").contains("ELF64"));
    let section = |name: &str| {
        tool(&format!("objcopy -O binary -j {name} program section"));
        std::fs::read(folder.join("section")).expect("the section can be read")
    };
    let (text, constants) = (section(".text"), section(".rodata"));
    validate(&text).unwrap_or_else(|violation| panic!("{violation}"));
    let got = section(".got");
    assert!(got.iter().all(|&byte| byte == 0), "the linker needs no table of addresses");

    sandbox.load(&text);
    sandbox.data()[..constants.len()].copy_from_slice(&constants);
    let symbols = tool("nm program");
    for (name, args, expected) in [
        ("lookup", [2, 0], 70),
        ("cases", [0, 5], 6),
        ("cases", [1, 5], 10),
        ("cases", [2, 5], 25),
        ("both", [1, 0], 120 + 60),
        ("both", [2, 0], 4900 + 70),
    ] {
        let line = symbols.lines().find(|line| line.ends_with(&format!(" {name}")));
        let address = line.and_then(|line| line.split(' ').next()).expect("the symbol is there");
        let address = u32::from_str_radix(address.trim_start_matches('0'), 16).expect("a number");
        assert_eq!(address % 32, 0, "{name} starts a bundle");
        let mut machine = Machine::poisoned(3);
        (machine.gp[7], machine.gp[6]) = (args[0], args[1]);
        // SAFETY: the code was validated, so it stays in the sandbox.
        unsafe { sandbox.call((address - code) as usize, &mut machine) }.expect("as it was");
        assert_eq!(machine.gp[0], expected, "{name}({args:?})");
    }
}

/// The listing assembles to the code of the object file: padding and longer encodings too.
#[test]
fn listings_assemble_to_the_same_code() {
    if !have(&["as", "objcopy"]) {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("nacl-listing");
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    let module = module();
    let format = listings::Format::of(AssemblyFormat::Gas).expect("there is one for GNU as");
    let options = listings::Options { image: ImageFormat::Elf, source: None };
    let text = format.write(&module, &options).expect("a listing");
    std::fs::write(folder.join("listing.s"), &text).expect("the listing can be written");
    std::fs::write(folder.join("kernels.o"), object(&module)).expect("the object can be written");
    let code = |line: &str| {
        let mut command = Command::new("sh");
        run(command.args(["-c", line]).current_dir(&folder), &text);
        std::fs::read(folder.join("section")).expect("the section can be read")
    };
    let ours = code("objcopy -O binary -j .text kernels.o section");
    let theirs = code("as listing.s -o listing.o && objcopy -O binary -j .text listing.o section");
    assert_eq!(ours.len(), theirs.len(), "{text}");
    let differing = ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs);
    // The address of `cases` is loaded from a table of the linker's here, and computed there.
    let differing: Vec<(u8, u8)> = differing.map(|(ours, theirs)| (*ours, *theirs)).collect();
    assert_eq!(differing, [(0x8B, 0x8D)], "{text}");
}

fn object(module: &Module) -> Vec<u8> {
    objects::write(module, &objects::Options::new(ImageFormat::Elf)).expect("an object")
}

fn module() -> Module {
    let target = Target { position_independent: true, ..Target::from(&NACL) };
    let compilation = compile(KERNELS.parse().expect("tokens"), target);
    let told: Vec<_> = compilation.diagnostics.iter().collect();
    assert!(!compilation.diagnostics.has_errors(), "{told:#?}");
    let mut module = Module::new("kernels.peach", target);
    let mut diagnostics = Diagnostics::new();
    module.add(compilation, &[], Processor::Any, &Naming::default(), &mut diagnostics);
    module
}
