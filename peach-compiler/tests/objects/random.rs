//! Random modules in every format: read back by readers that we did not write, written twice alike,
//! and with unwind tables that say the same as the frame itself, in every encoding.
//!
//! `PEACH_RANDOM_MODULES=N` sets how many.

#[path = "../../../tests/random_kernels/generator.rs"]
mod generator;

use crate::support::{Workspace, object};
use crate::unwinding;
use generator::Shape;
use peach_compiler::abi::{Convention, ImageFormat};
use peach_compiler::diagnostics::{Code, Diagnostics};
use peach_compiler::emit::Module;
use peach_compiler::emit::mangling::Naming;
use peach_compiler::emit::module::Processor;
use peach_compiler::emit::objects::Format;
use peach_compiler::pipeline::{Target, compile};
use peach_testing::Random;
use peach_testing::tools::have;
use std::fmt::Write;

/// A module of a few random kernels; those that need more registers than there are, are left out.
fn random_module(seed: u64, convention: &'static Convention) -> Module {
    let mut rng = Random::new(seed);
    let target = Target { position_independent: true, ..Target::from(convention) };
    let mut module = Module::new(format!("random{seed}.peach"), target);
    let mut diagnostics = Diagnostics::new();
    for number in 0..1 + rng.below(4) {
        let mut shape = Shape::random(&mut rng).with_convention(convention);
        if convention.sandbox.is_some() {
            shape = shape.sandboxed();
        } else if number % 4 == 0 {
            shape = shape.spilling();
        }
        let name = format!("k{number}");
        let text = generator::kernel(&shape, &mut rng).replace(" k(", &format!(" {name}("));
        let compilation = compile(text.parse().expect("tokens"), target);
        if compilation.diagnostics.has_errors() {
            let codes: Vec<Code> = compilation.diagnostics.iter().map(|d| d.code).collect();
            let expected = [Code::OutOfRegisters, Code::FixedConflict];
            assert!(codes.iter().any(|code| expected.contains(code)), "seed {seed}: {codes:?}");
            continue;
        }
        module.add(compilation, &[], Processor::Any, &Naming::default(), &mut diagnostics);
    }
    assert!(!diagnostics.has_errors());
    module
}

#[test]
fn readers_have_no_complaints() {
    if !have(&["readelf", "llvm-readobj", "llvm-dwarfdump"]) {
        return;
    }
    let count = std::env::var("PEACH_RANDOM_MODULES").ok().and_then(|text| text.parse().ok());
    let space = Workspace::new("random");
    let (mut elf, mut wide, mut all) = (String::new(), String::new(), String::new());
    for seed in 1..=count.unwrap_or(12) {
        let conventions = Convention::ALL.iter().filter(|c| !c.image_formats.is_empty());
        for &convention in conventions {
            let module = random_module(seed, convention);
            let again = random_module(seed, convention);
            for format in Format::ALL.iter().filter(|format| format.can_hold(convention)) {
                let bytes = object(&module, format.format, true);
                assert!(bytes == object(&again, format.format, true), "seed {seed} differs");
                match format.format {
                    ImageFormat::Elf => {}
                    ImageFormat::MsCoff => unwinding::check_windows(&module, &bytes),
                    ImageFormat::MachO => unwinding::check_compact(&module, &bytes),
                }
                let name = format!("{}{seed}.{}", convention.flag, format.format.flag());
                let is_wide = bytes[4] == 2;
                space.file(&name, bytes);
                let _ = write!(all, " {name}");
                // LLVM's reader of DWARF knows no relocations of ELF files of 32 bits, gcc's or
                // ours.
                if format.format != ImageFormat::Elf || is_wide {
                    let _ = write!(wide, " {name}");
                }
                if format.format == ImageFormat::Elf {
                    let _ = write!(elf, " {name}");
                }
            }
        }
    }
    for line in [
        format!("readelf --all --wide --debug-dump {elf}"),
        format!("llvm-readobj --file-headers --sections --symbols --relocs {all}"),
        format!("llvm-readobj --all --unwind {wide}"),
        format!("llvm-dwarfdump --verify {wide}"),
    ] {
        let (succeeded, _, complaints) = space.try_run(&line);
        assert!(succeeded && complaints.is_empty(), "{line}\n{complaints}");
    }
}
