//! The clobber lists of generated calls, against what the code does.
//!
//! Every kernel of the examples and tests that is called through `asm!`, in both conventions, runs
//! with a value of its own in every register; each register whose value is another one afterwards
//! must be in the list that the generated function gives to rustc. As a control, every list is also
//! tried with each of the registers that did change taken out.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use peach_compiler::abi::{ArgPlace, Convention, SYSV64, WIN64};
use peach_compiler::emit::rust::{Platform, RustOptions, items};
use peach_compiler::ir::ArgValue;
use peach_compiler::isa::{Bank, Class, PhysReg, register_name};
use peach_compiler::pipeline::{self, Compilation, CompiledFunction, CompiledGroup, Target};
use peach_testing::executable::Executable;
use peach_testing::machine::Machine;
use peach_testing::processor::has;
use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::path::Path;

/// Kernels that end the process when they are called with made-up arguments.
const DEADLY: [&str; 4] = ["copy_low", "signal_in_text", "signal_mapped", "sum_upto"];

#[test]
fn what_changes_is_in_the_list() {
    let (mut ran, mut filled_in, mut died) = (0, 0, BTreeSet::new());
    let mut lacking_here = Vec::new();
    for (name, tokens) in programs() {
        for native in [&SYSV64, &WIN64] {
            let compilation = pipeline::compile(tokens.clone(), Target::in_rust(native));
            for group in compilation.kernels {
                let label = format!("{name} {} {}", group.source.decl.signature.name, native.name);
                match check(group, native) {
                    Outcome::Fine => ran += 1,
                    Outcome::NotByRegisters => {}
                    Outcome::FilledIn => filled_in += 1,
                    Outcome::Died(why) => {
                        println!("{label}: {why}");
                        died.insert(label.split(' ').nth(1).unwrap().to_string());
                    }
                    Outcome::Lacking(extension) => lacking_here.push(extension),
                    Outcome::Wrong(what) => panic!("{label}: {what}"),
                }
            }
        }
    }
    lacking_here.iter().for_each(|extension| {
        has(extension, false);
    });
    println!("{ran} kernels ran; rustc fills in fields of {filled_in}");
    assert!(ran > filled_in, "{ran} kernels ran; rustc fills in fields of {filled_in}");
    let unexpected: Vec<&String> = died.iter().filter(|name| !DEADLY.contains(&&***name)).collect();
    assert!(unexpected.is_empty(), "made-up arguments end {unexpected:?}");
}

enum Outcome {
    Fine,
    NotByRegisters,
    /// It has fields that rustc fills in.
    FilledIn,
    /// It ended its process.
    Died(String),
    /// No version runs here, because this extension is missing.
    Lacking(&'static str),
    Wrong(String),
}

/// The contents of every `peach_fn!` in the examples and in the tests.
fn programs() -> Vec<(String, TokenStream)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut programs = Vec::new();
    for folder in ["examples", "tests", "tests/accepted"] {
        let Ok(files) = std::fs::read_dir(root.join(folder)) else { continue };
        let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|ext| ext == "rs")) {
            let text = std::fs::read_to_string(path).unwrap();
            let Ok(tokens) = text.parse::<TokenStream>() else { continue };
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            invocations(tokens, &mut |tokens| programs.push((name.clone(), tokens)));
        }
    }
    programs
}

/// Calls `found` with what is in each `peach_fn!`, templates of other macros left out.
fn invocations(tokens: TokenStream, found: &mut dyn FnMut(TokenStream)) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let before = |distance: usize| {
            index.checked_sub(distance).map(|at| tokens[at].to_string()).unwrap_or_default()
        };
        match (before(2).as_str(), before(1).as_str()) {
            ("peach_fn", "!") if !group.stream().to_string().contains('$') => found(group.stream()),
            _ => invocations(group.stream(), found),
        }
    }
}

fn check(group: CompiledGroup, native: &'static Convention) -> Outcome {
    let versions = group.versions.clone();
    let diagnostics = Default::default();
    let compilation = Compilation {
        kernels: vec![group],
        fallbacks: Vec::new(),
        unsafe_helpers: Vec::new(),
        diagnostics,
    };
    let platform = if native == &WIN64 { Platform::Win64 } else { Platform::SysV64 };
    let options = RustOptions { platform, ..RustOptions::default() };
    let text = items(&compilation, options).to_string().replace(' ', "");
    if versions.is_empty() {
        return Outcome::Wrong("it does not compile".to_string());
    }
    let Some(call) = text.split("asm!(").find(|call| call.contains("\"call{}\"")) else {
        return Outcome::NotByRegisters;
    };
    let list: BTreeSet<String> = call
        .split("lateout(\"")
        .skip(1)
        .map(|operand| operand.split('"').next().unwrap().to_string())
        .collect();
    let preserves_flags = call.contains("preserves_flags");
    let mut outcome = Outcome::Lacking("none");
    for version in &versions {
        if let Some(extension) = lacking(version) {
            if let Outcome::Lacking(_) = outcome {
                outcome = Outcome::Lacking(extension);
            }
            continue;
        }
        if !version.encoded.patches.is_empty() {
            return Outcome::FilledIn;
        }
        for seed in 1..4 {
            outcome = match run(version, seed) {
                Err(why) => return Outcome::Died(why),
                Ok(changed) => match compare(&changed, &list, preserves_flags) {
                    Some(wrong) => return Outcome::Wrong(wrong),
                    None => Outcome::Fine,
                },
            };
        }
    }
    outcome
}

/// An extension that a version needs and this processor lacks.
fn lacking(version: &CompiledFunction) -> Option<&'static str> {
    let needs = version.function.features.words();
    peach_runtime::__private::lacking(needs).next()
}

/// What is wrong with the list.
fn compare(
    changed: &BTreeSet<String>,
    list: &BTreeSet<String>,
    preserves_flags: bool,
) -> Option<String> {
    for reg in changed.iter().filter(|reg| *reg != "flags") {
        let mut without = list.clone();
        without.remove(reg);
        if changed.iter().all(|reg| reg == "flags" || without.contains(reg)) {
            return Some(format!("that {reg} is missing would not be noticed"));
        }
        if !list.contains(reg) {
            return Some(format!("{reg} changes and is not in the list"));
        }
    }
    (preserves_flags && changed.contains("flags")).then(|| "the flags change".to_string())
}

/// Runs a version in a child process, since it may well fault on the arguments made up here, and
/// gives the registers that change.
fn run(version: &CompiledFunction, seed: u64) -> Result<BTreeSet<String>, String> {
    let mut machine = Machine::poisoned(seed);
    machine.flags = if seed.is_multiple_of(2) { 0x8D5 } else { 0 };
    let (_buffers, pointers) = arguments(version, &mut machine, seed);
    let code = Executable::new(&version.encoded.bytes);
    let before = machine.clone();
    let mut pipe = [0; 2];
    // SAFETY: the child runs the code and writes into the pipe; nothing else of it is seen.
    unsafe {
        assert_eq!(libc::pipe(pipe.as_mut_ptr()), 0);
        let child = libc::fork();
        if child == 0 {
            libc::alarm(5);
            machine.call(code.start());
            let after = (&raw const machine).cast();
            libc::write(pipe[1], after, size_of::<Machine>());
            libc::_exit(0);
        }
        libc::close(pipe[1]);
        let after = (&raw mut machine).cast();
        let len = libc::read(pipe[0], after, size_of::<Machine>());
        libc::close(pipe[0]);
        let mut status = 0;
        libc::waitpid(child, &mut status, 0);
        if len as usize != size_of::<Machine>() {
            return Err(format!("ended with signal {status} on {pointers} made-up pointers"));
        }
    }
    Ok(difference(&before, &machine))
}

/// Sets the arguments: pointers into memory of their own, small multiples of 64 for all numbers.
fn arguments(
    version: &CompiledFunction,
    machine: &mut Machine,
    seed: u64,
) -> (Vec<Vec<u128>>, usize) {
    const BYTES: usize = 1 << 16;
    let mut buffers = Vec::new();
    let placement = &version.function.placement;
    for (index, parts) in placement.args.iter().enumerate() {
        for (part, place) in parts.iter().enumerate() {
            let ArgPlace::Reg(reg) = *place else { continue };
            let of_part = |arg: &&peach_compiler::ir::Arg| arg.param == index && arg.part == part;
            let value = version.function.args.iter().find(of_part).map(|arg| &arg.value);
            let is_pointer = match value {
                Some(ArgValue::Pointer { .. } | ArgValue::Reference { .. }) => true,
                _ => parts.len() == 2 && part == 0 && reg.bank == Bank::Gp,
            };
            if reg.bank != Bank::Gp {
                continue;
            }
            machine.gp[reg.num as usize] = if is_pointer {
                let mut buffer = vec![0x0101_0101_0101_0101_u128; BYTES / 16 + 4];
                let start = buffer.as_mut_ptr() as u64;
                buffers.push(buffer);
                start.next_multiple_of(64)
            } else {
                match value {
                    Some(ArgValue::Bool) => seed & 1,
                    _ => 64 * seed,
                }
            };
        }
    }
    let pointers = buffers.len();
    (buffers, pointers)
}

/// The names of the registers that differ, as `asm!` calls them.
fn difference(before: &Machine, after: &Machine) -> BTreeSet<String> {
    let mut changed = BTreeSet::new();
    let (count, bytes) = before.vector_shape();
    for n in 0..32u8 {
        let index = usize::from(n);
        let mut add = |reg, class| changed.insert(register_name(reg, class));
        if n < 16 && n != 4 && before.gp[index] != after.gp[index] {
            add(PhysReg::gp(n), Class::Gp64);
        }
        if index < count
            && before.vectors[index].0[..bytes / 8] != after.vectors[index].0[..bytes / 8]
        {
            add(PhysReg::vector(n), Class::Xmm);
        }
        if n < 8 && count == 32 && before.masks[index] != after.masks[index] {
            add(PhysReg::mask(n), Class::K);
        }
    }
    const STATUS: u64 = 0x8D5;
    if (before.flags ^ after.flags) & STATUS != 0 {
        changed.insert("flags".to_string());
    }
    changed
}
