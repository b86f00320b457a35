//! Every form of the tables, each instruction a function of its own, through every assembler.

use super::assemblers::{self, Answer, Assembler, Contents};
use super::generate;
use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::emit::Module;
use peach_compiler::emit::module::ModuleFunction;
use peach_compiler::emit::outside::Outside;
use peach_compiler::encode;
use peach_compiler::ir::{Code, Instruction, Item, Origin};
use peach_compiler::isa::{FeatureSet, PhysReg};
use peach_compiler::pipeline::{Target, compile};
use proc_macro2::{Span, TokenStream};
use std::collections::BTreeMap;

/// How many functions a listing has: assemblers are not made for hundreds of thousands of symbols.
const CHUNK: usize = 8_000;

fn is_full() -> bool {
    std::env::var("PEACH_CORPUS").is_ok_and(|value| value == "full")
}

/// The part of the corpus that this run looks at, as functions that are called by their numbers.
fn functions() -> Vec<ModuleFunction> {
    let step = if is_full() { 1 } else { 41 };
    let empty: TokenStream = "fn f() {}".parse().expect("tokens");
    let mut compilation = compile(empty, &SYSV64);
    let group = compilation.kernels.pop().expect("a kernel");
    let (decl, mut blank) = (group.source.decl, group.versions[0].clone());
    blank.function.features = FeatureSet::all();
    blank.lowered.frame.cfa.clear();
    let mut functions = Vec::new();
    for inst in generate::corpus().into_iter().step_by(step) {
        let mut compiled = blank.clone();
        let span = Span::call_site();
        compiled.lowered.items =
            vec![Item { code: Code::Inst(inst), origin: Origin::Prologue, span }];
        let mut diagnostics = Diagnostics::new();
        let encoded = encode::encode(&compiled.lowered, &FeatureSet::all(), &mut diagnostics);
        let Some(encoded) = encoded else { continue };
        compiled.encoded = encoded;
        functions.push(ModuleFunction {
            modules: Vec::new(),
            symbol: format!("f{}", functions.len()),
            decl: decl.clone(),
            compiled,
            outside: Outside::default(),
            dispatcher: None,
        });
    }
    functions
}

fn instruction(function: &ModuleFunction) -> &Instruction<PhysReg> {
    match &function.compiled.lowered.items[0].code {
        Code::Inst(inst) => inst,
        _ => panic!("an instruction"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Assembles the corpus and compares it, function by function.
fn compare(assembler: Assembler) {
    if !assembler.is_available() {
        return;
    }
    let mut functions = functions();
    let (total, mut as_data) = (functions.len(), 0);
    let mut wrong: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    while !functions.is_empty() {
        let rest = functions.split_off(functions.len().min(CHUNK));
        let target = Target::from(&SYSV64);
        let mut module = Module::new("corpus", target);
        module.functions = std::mem::replace(&mut functions, rest);
        as_data += check(assembler, module, &mut wrong);
    }
    let count: usize = wrong.values().map(Vec::len).sum();
    println!("{}: {total} lines, {as_data} as data, {count} wrong", assembler.name());
    let mut report = String::new();
    for (name, lines) in &wrong {
        for line in lines.iter().take(3) {
            report.push_str(&format!("{:5} {name}: {line}\n", lines.len()));
        }
    }
    assert!(wrong.is_empty(), "{count} wrong:\n{report}");
}

/// Assembles a module until nothing is refused, and compares what is left. Returns how many
/// instructions are given as data.
fn check(
    assembler: Assembler,
    mut module: Module,
    wrong: &mut BTreeMap<&str, Vec<String>>,
) -> usize {
    for _ in 0..12 {
        let text = assembler.listing(&module, None);
        match assembler.assemble(&text) {
            Answer::Object(object) => {
                let contents = Contents::of(&object);
                for function in &module.functions {
                    compare_function(&contents, function, wrong);
                }
                return text.lines().filter(|line| is_data(line)).count();
            }
            Answer::Errors(errors) => {
                let lines: Vec<&str> = text.lines().collect();
                let mut refused = Vec::new();
                for (number, message) in errors {
                    let symbol = lines[..number].iter().rev().find_map(|line| symbol_in(line));
                    let index = symbol.and_then(|symbol| {
                        module.functions.iter().position(|f| f.symbol == symbol)
                    });
                    let Some(index) = index else { panic!("{message}: {}", lines[number - 1]) };
                    let name = instruction(&module.functions[index]).mnemonic.name();
                    let entry = wrong.entry(name).or_default();
                    entry.push(format!("`{}`: {message}", lines[number - 1].trim()));
                    refused.push(index);
                }
                refused.sort_unstable();
                refused.dedup();
                for index in refused.into_iter().rev() {
                    module.functions.remove(index);
                }
            }
        }
    }
    panic!("{} keeps finding errors", assembler.name());
}

/// The symbol that a line defines.
fn symbol_in(line: &str) -> Option<&str> {
    let word = line.trim_start_matches('$').split([':', ' ']).next()?;
    let digits = word.strip_prefix('f')?;
    digits.parse::<usize>().is_ok().then_some(word)
}

fn is_data(line: &str) -> bool {
    let line = line.trim();
    line.starts_with(".byte") || line.starts_with("db ")
}

fn compare_function(
    contents: &Contents,
    function: &ModuleFunction,
    wrong: &mut BTreeMap<&str, Vec<String>>,
) {
    let ours = &function.compiled.encoded.bytes[..function.compiled.encoded.code_len];
    let theirs = contents.code(&function.symbol);
    if theirs.starts_with(ours) {
        return;
    }
    let inst = instruction(function);
    let theirs = &theirs[..theirs.len().min(16)];
    let line = format!("`{inst}`: {}, not {}", hex(ours), hex(theirs));
    wrong.entry(inst.mnemonic.name()).or_default().push(line);
}

#[test]
fn gnu_as_makes_our_bytes() {
    compare(assemblers::GNU);
}

#[test]
fn clang_makes_our_bytes() {
    compare(assemblers::CLANG);
}

#[test]
fn nasm_makes_our_bytes() {
    compare(assemblers::NASM);
}

#[test]
fn llvm_ml_makes_our_bytes() {
    compare(assemblers::LLVM_ML);
}
