//! Random kernels, compiled and executed on this processor, against an interpreter of the program
//! over virtual registers. Every register that the convention preserves is poisoned and checked.
//!
//! `PEACH_RANDOM_KERNELS=N` sets how many of each kind; `PEACH_SEED=S` runs the one with that seed
//! alone.

mod callee;
mod fit;
mod generator;
mod interpreter;
mod mutations;

use fit::fit;
use generator::{CALLEE, OUT_BYTES, Shape};
use interpreter::{Interpreter, Results};
use peach_compiler::abi::{ArgPlace, Convention, Packing, ResultPlace};
use peach_compiler::analysis::Facts;
use peach_compiler::check::check;
use peach_compiler::diagnostics::{Code, Diagnostics};
use peach_compiler::encode;
use peach_compiler::ir::{ArgValue, Function, ResultKind};
use peach_compiler::isa::{Bank, PhysReg};
use peach_compiler::pipeline::{self, CompiledFunction};
use peach_testing::Random;
use peach_testing::executable::Executable;
use peach_testing::low::LowMemory;
use peach_testing::machine::Machine;
use peach_testing::sandbox::Sandbox;

/// Steps that a kernel may take in the interpreter.
const FUEL: usize = 1_000_000;

#[test]
fn random_kernels_do_what_the_interpreter_does() {
    run_many(Kind::Any, 500);
}

/// The same where every kernel may spill, and has about twice as many values as fit.
#[test]
fn random_kernels_that_spill_do_so() {
    run_many(Kind::Spilling, 100);
}

/// The same in the sandbox of Native Client; all code is validated, too.
#[test]
fn random_kernels_do_so_in_a_sandbox() {
    run_many(Kind::Sandboxed, 100);
}

/// What random kernels are like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Any,
    Spilling,
    Sandboxed,
}

fn run_many(kind: Kind, default: u64) {
    if let Some(seed) = number("PEACH_SEED") {
        return run_one(seed, kind).map(|_| ()).unwrap_or_else(|message| panic!("{message}"));
    }
    let count = number("PEACH_RANDOM_KERNELS").unwrap_or(default);
    let first = number("PEACH_FIRST_SEED").unwrap_or(1);
    let mut failures = Vec::new();
    let mut spilled = 0;
    for seed in first..first + count {
        match run_one(seed, kind) {
            Ok(Outcome::Ran) => {}
            Ok(Outcome::OutOfRegisters) => spilled += 1,
            Err(message) => failures.push(format!("PEACH_SEED={seed}: {message}")),
        }
    }
    println!("{count} random kernels from seed {first}, {spilled} refused for want of registers");
    let shown: Vec<&String> = failures.iter().take(5).collect();
    assert!(failures.is_empty(), "{} failures, such as {shown:#?}", failures.len());
    assert!(spilled * 5 < count, "most kernels must be possible: {spilled} of {count} refused");
}

/// The checker accepts only mutants that do the same. A mutant that it accepted wrongly may do
/// anything, which then takes this process down: that, too, is a failure, and `PEACH_TRACE=1` tells
/// which one it was. `PEACH_MUTANTS=N` sets how many kernels are damaged.
#[test]
fn the_checker_refuses_damaged_code() {
    let mut tally = [(0, 0); mutations::KINDS.len()];
    let trace = number("PEACH_TRACE").is_some();
    for seed in 1..=number("PEACH_MUTANTS").unwrap_or(40) {
        let mut rng = Random::new(seed);
        let (text, convention) = random_text(&mut rng, Kind::Any);
        let Ok(Some(compiled)) = compile(&text, convention) else { continue };
        let facts = Facts::of(&compiled.function);
        for _ in 0..60 {
            let Some((mutant, kind, what)) = mutations::mutate(&compiled.lowered, &mut rng) else {
                continue;
            };
            if check(&compiled.function, &facts.effects, &mutant).is_err() {
                tally[kind].0 += 1;
                continue;
            }
            tally[kind].1 += 1;
            if trace {
                println!("seed {seed}: accepted {what}");
            }
            let mut diagnostics = Diagnostics::new();
            let features = &compiled.function.features;
            let Some(encoded) = encode::encode(&mutant, features, &mut diagnostics) else {
                continue;
            };
            let mutant = CompiledFunction { lowered: mutant, encoded, ..compiled.clone() };
            let runs = [seed, seed + 1].map(|seed| run_compiled(&mutant, &mut rng, seed));
            if let Some(message) = runs.into_iter().find_map(Result::err) {
                panic!("seed {seed}: accepted {what} in\n{text}\nbut {message}");
            }
        }
    }
    let mut all = (0, 0);
    for ((name, _), (refused, accepted)) in mutations::KINDS.iter().zip(tally) {
        println!("{name:<22} {refused:>6} refused {accepted:>5} accepted that do the same");
        all = (all.0 + refused, all.1 + accepted);
    }
    println!("{:<22} {:>6} refused {:>5} accepted that do the same", "", all.0, all.1);
    assert!(tally.iter().all(|(refused, _)| *refused > 0), "{tally:?}");
}

/// A number in an environment variable.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[derive(Debug)]
enum Outcome {
    Ran,
    OutOfRegisters,
}

/// A random kernel's text, fit for this processor, and the convention that it is for.
fn random_text(rng: &mut Random, kind: Kind) -> (String, &'static Convention) {
    let mut shape = Shape::random(rng);
    match kind {
        Kind::Any => {}
        Kind::Spilling => shape = shape.spilling(),
        Kind::Sandboxed => shape = shape.sandboxed(),
    }
    shape = fit(shape);
    shape.wide_arguments = shape.convention.vectors_by_reference && rng.below(2) == 0;
    let text = generator::kernel(&shape, rng);
    if std::env::var_os("PEACH_SEED").is_some() {
        println!("{} {shape:?}\n{text}", shape.convention.name);
    }
    (text, shape.convention)
}

/// The compiled kernel; `None` where there are not enough registers.
fn compile(
    text: &str,
    convention: &'static Convention,
) -> Result<Option<CompiledFunction>, String> {
    let tokens = text.parse().map_err(|error| format!("{error}: {text}"))?;
    let mut compilation = pipeline::compile(tokens, convention);
    let refused = [Code::OutOfRegisters, Code::FixedConflict];
    if compilation.diagnostics.iter().any(|d| refused.contains(&d.code)) {
        return Ok(None);
    }
    if compilation.diagnostics.has_errors() {
        return Err(messages(&compilation.diagnostics));
    }
    Ok(Some(compilation.kernels.remove(0).versions.remove(0)))
}

fn run_one(seed: u64, kind: Kind) -> Result<Outcome, String> {
    let mut rng = Random::new(seed);
    let (text, convention) = random_text(&mut rng, kind);
    match compile(&text, convention)? {
        None if text.contains("#[spill]") => Err("it could have been spilled".to_string()),
        None => Ok(Outcome::OutOfRegisters),
        Some(compiled) => run_compiled(&compiled, &mut rng, seed).map(|()| Outcome::Ran),
    }
}

/// Runs the code and the interpreter on the same arguments.
fn run_compiled(compiled: &CompiledFunction, rng: &mut Random, seed: u64) -> Result<(), String> {
    let [mut expected, mut got] = [0; 2].map(|_| LowMemory::new(OUT_BYTES / 8));
    if compiled.function.convention.sandbox.is_none() {
        for out in [&mut expected, &mut got] {
            out[CALLEE / 8] = callee::address(compiled.function.convention);
        }
    }
    let args = arguments(&compiled.function, rng);
    let wanted = interpret(&compiled.function, &args, &mut expected)?;
    let results = execute(compiled, &args, &mut got, seed)?;
    if wanted != results {
        return Err(format!("returned {results:x?}, should be {wanted:x?}"));
    }
    match (0..expected.len()).find(|at| expected[*at] != got[*at]) {
        None => Ok(()),
        Some(at) => Err(format!(
            "byte {} of the output is {:x}, should be {:x}",
            at * 8,
            got[at],
            expected[at]
        )),
    }
}

fn messages(diagnostics: &Diagnostics) -> String {
    diagnostics.iter().map(|d| format!("{}: {} {:?}\n", d.code.id(), d.message, d.notes)).collect()
}

/// One value per argument register; the pointer is filled in later.
fn arguments(function: &Function, rng: &mut Random) -> Vec<[u8; 64]> {
    function
        .args
        .iter()
        .map(|arg| {
            let mut bytes = [0; 64];
            let garbage = rng.bits().to_le_bytes();
            bytes[..8].copy_from_slice(&garbage);
            if let ArgValue::Vector { .. } = arg.value {
                bytes[8..16].copy_from_slice(&rng.bits().to_le_bytes());
            }
            if let ArgValue::Number { bytes: width } = arg.value {
                // What is beyond the type has any value, but the same in both runs.
                bytes[width as usize..8].fill(0xA5);
            }
            bytes
        })
        .collect()
}

fn interpret(function: &Function, args: &[[u8; 64]], out: &mut [u64]) -> Result<Results, String> {
    let mut args = args.to_vec();
    args[0][..8].copy_from_slice(&(out.as_mut_ptr() as u64).to_le_bytes());
    let address = out.as_ptr() as u64;
    let results = Interpreter::new(function, args).run(FUEL).ok_or("it does not end")?;
    Ok(narrow(function, results, address))
}

/// Cuts results to their types, and makes the output's address the same in every run.
fn narrow(function: &Function, results: Results, out: u64) -> Results {
    let ResultKind::Values(types) = &function.result else { return Vec::new() };
    results
        .into_iter()
        .zip(types)
        .map(|(value, ty)| {
            let mask = if ty.bytes == 16 { u128::MAX } else { (1 << (8 * ty.bytes)) - 1 };
            let value = value & mask;
            let is_address = ty.bytes >= 4 && value == u128::from(out) & mask;
            if is_address { 0xADD } else { value }
        })
        .collect()
}

fn execute(
    compiled: &CompiledFunction,
    args: &[[u8; 64]],
    out: &mut [u64],
    seed: u64,
) -> Result<Results, String> {
    if compiled.function.convention.sandbox.is_some() {
        return execute_in_sandbox(compiled, args, out, seed);
    }
    let mut hidden = [0u64; 4];
    let pointers = [out.as_mut_ptr() as u64, hidden.as_mut_ptr() as u64];
    let mut machine = enter(&compiled.function, args, pointers, seed)?;
    let copies = by_reference(&compiled.function, args, &mut machine);
    let before = machine.clone();
    let code = Executable::new(&compiled.encoded.bytes);
    // SAFETY: the kernel writes through its first argument, into `out`, and the hidden pointer; it
    // reads `copies`.
    unsafe { machine.call(code.start()) };
    drop(copies);
    leave(&compiled.function, &before, &machine, &hidden, pointers[0])
}

fn execute_in_sandbox(
    compiled: &CompiledFunction,
    args: &[[u8; 64]],
    out: &mut [u64],
    seed: u64,
) -> Result<Results, String> {
    let mut sandbox = Sandbox::new();
    sandbox.load(&compiled.encoded.bytes);
    let pointers = [0, OUT_BYTES].map(|offset| u64::from(sandbox.address(offset)));
    let mut machine = enter(&compiled.function, args, pointers, seed)?;
    let mut before = machine.clone();
    // SAFETY: the code was validated, so it stays in the sandbox.
    unsafe { sandbox.call(0, &mut machine)? };
    before.gp[5] = machine.gp[5];
    let mut words = sandbox
        .data()
        .chunks_exact(8)
        .map(|word| u64::from_le_bytes(word.try_into().expect("8 bytes")));
    out.fill_with(|| words.next().expect("as much data"));
    let hidden: Vec<u64> = words.take(4).collect();
    leave(&compiled.function, &before, &machine, &hidden, pointers[0])
}

/// The registers and the stack at the call; the pointers are to the output and to a hidden result.
fn enter(
    function: &Function,
    args: &[[u8; 64]],
    pointers: [u64; 2],
    seed: u64,
) -> Result<Machine, String> {
    let mut machine = Machine::poisoned(seed);
    for (index, arg) in function.args.iter().enumerate() {
        let word = u64::from_le_bytes(args[index][..8].try_into().expect("8 bytes"));
        let word = if index == 0 { pointers[0] } else { word };
        match function.placement.args[arg.param][arg.part] {
            ArgPlace::Reg(reg) => machine.gp[reg.num as usize] = word,
            ArgPlace::Stack { offset } => {
                let bytes = match function.convention.stack_args {
                    Packing::Words => 8,
                    Packing::Natural => arg.bytes as usize,
                };
                write_stack(&mut machine, offset as usize, &word.to_le_bytes()[..bytes]);
            }
            ArgPlace::Indirect { .. } | ArgPlace::StackIndirect { .. } => {}
        }
    }
    if let Some(reg) = function.placement.hidden_result {
        machine.gp[reg.num as usize] = pointers[1];
    }
    Ok(machine)
}

/// Memory of an argument by reference: aligned to 16 bytes, and to no more.
#[repr(align(32))]
#[derive(Clone, Copy)]
struct Copied {
    _before: [u8; 16],
    value: [u8; 16],
}

/// Makes the caller's copies of arguments, and passes their addresses.
fn by_reference(function: &Function, args: &[[u8; 64]], machine: &mut Machine) -> Vec<Copied> {
    let blank = Copied { _before: [0; 16], value: [0; 16] };
    let mut copies = vec![blank; function.placement.args.len()];
    for (arg, bytes) in function.args.iter().zip(args) {
        let place = function.placement.args[arg.param][arg.part];
        let (ArgPlace::Indirect { offset, .. } | ArgPlace::StackIndirect { offset, .. }) = place
        else {
            continue;
        };
        let (copy, len) = (&mut copies[arg.param], arg.bytes as usize);
        copy.value[offset as usize..][..len].copy_from_slice(&bytes[..len]);
        let address = copy.value.as_ptr() as u64;
        match place {
            ArgPlace::Indirect { pointer, .. } => machine.gp[pointer.num as usize] = address,
            ArgPlace::StackIndirect { slot, .. } => {
                write_stack(machine, slot as usize, &address.to_le_bytes());
            }
            ArgPlace::Reg(_) | ArgPlace::Stack { .. } => {}
        }
    }
    copies
}

fn leave(
    function: &Function,
    before: &Machine,
    after: &Machine,
    hidden: &[u64],
    out: u64,
) -> Result<Results, String> {
    check_preserved(function, before, after)?;
    Ok(narrow(function, results(function, after, hidden)?, out))
}

fn write_stack(machine: &mut Machine, offset: usize, bytes: &[u8]) {
    for (index, byte) in bytes.iter().enumerate() {
        let (slot, shift) = ((offset + index) / 8, (offset + index) % 8 * 8);
        let kept = machine.stack[slot] & !(0xFF << shift);
        machine.stack[slot] = kept | u64::from(*byte) << shift;
    }
}

fn read_stack(machine: &Machine, offset: usize) -> u128 {
    let byte = |index: usize| machine.stack[index / 8] >> (index % 8 * 8) & 0xFF;
    (0..16).fold(0, |value, i| value | u128::from(byte(offset + i)) << (8 * i))
}

fn results(function: &Function, machine: &Machine, hidden: &[u64]) -> Result<Results, String> {
    let word = |reg: PhysReg| match reg.bank {
        Bank::Vector => {
            let lanes = machine.vectors[reg.num as usize].0;
            u128::from(lanes[1]) << 64 | u128::from(lanes[0])
        }
        _ => u128::from(machine.gp[reg.num as usize]),
    };
    Ok(match &function.placement.result {
        ResultPlace::Unit => Vec::new(),
        // `u128` is one type of two words; the interpreter has them apart.
        ResultPlace::Regs(regs) => regs.iter().map(|reg| word(*reg)).collect(),
        ResultPlace::Packed { reg, shift } => vec![word(*reg), word(*reg) >> shift],
        ResultPlace::Memory { offsets } => {
            offsets.iter().map(|offset| u128::from(hidden[*offset as usize / 8])).collect()
        }
        ResultPlace::Stack { offsets } => {
            offsets.iter().map(|offset| read_stack(machine, *offset as usize)).collect()
        }
    })
}

fn check_preserved(function: &Function, before: &Machine, after: &Machine) -> Result<(), String> {
    for num in function.convention.saved_gp.iter() {
        let at = num as usize;
        if before.gp[at] != after.gp[at] {
            return Err(format!("{:?} is not preserved", PhysReg::gp(num)));
        }
    }
    for num in function.convention.saved_xmm.iter() {
        let at = num as usize;
        if before.vectors[at].0[..2] != after.vectors[at].0[..2] {
            return Err(format!("xmm{num} is not preserved"));
        }
    }
    if after.flags & 0x400 != 0 {
        return Err("the direction flag is set".to_string());
    }
    Ok(())
}
