//! Random code of branches, padding and filler: every branch as long in the assembler as with us.

use super::assemblers::{self, Answer, Contents};
use super::kernels::module;
use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::emit::Module;
use peach_compiler::emit::module::ModuleFunction;
use peach_compiler::encode;
use peach_compiler::ir::{Branch, BranchSize, Code, Instruction, Item, LabelId, Operand, Origin};
use peach_compiler::isa::{FeatureSet, Mnemonic};
use peach_testing::Random;
use proc_macro2::Span;

/// Items with `labels` labels, each placed once, and branches to any of them. Distances are around
/// the reach of short branches; some branches are near although they need not be.
fn items(random: &mut Random, labels: u32) -> Vec<Code> {
    let mut items = Vec::new();
    for label in 0..labels {
        items.push(Code::Label(LabelId(label)));
        for _ in 0..random.below(4) {
            let name = ["jmp", "je", "jg", "jnp"][random.below(4) as usize];
            let near = random.below(4) == 0;
            let to =
                (u64::from(label) + random.below(9)).saturating_sub(4).min(u64::from(labels) - 1);
            let size = near.then_some(BranchSize::Near);
            let branch = Operand::Label(Branch { label: LabelId(to as u32), size });
            let mnemonic = Mnemonic::parse(name).expect("a branch");
            items.push(Code::Inst(Instruction::new(mnemonic, vec![branch])));
        }
        match random.below(6) {
            0 => items.push(Code::Align(1 << random.below(6))),
            _ => items.push(Code::Bytes(vec![0x90; random.below(60) as usize])),
        }
    }
    items
}

/// Functions of random code.
fn random_module(seed: u64) -> Module {
    let mut module = module("fn f() { nop; }", &SYSV64);
    let blank = module.functions.pop().expect("a function");
    let mut random = Random::new(seed);
    for number in 0..60 {
        let labels = 2 + random.below(60) as u32;
        let mut compiled = blank.compiled.clone();
        let item = |code| Item { code, origin: Origin::Prologue, span: Span::call_site() };
        compiled.lowered.items = items(&mut random, labels).into_iter().map(item).collect();
        compiled.lowered.label_count = labels as usize;
        let mut diagnostics = Diagnostics::new();
        let encoded = encode::encode(&compiled.lowered, &FeatureSet::all(), &mut diagnostics);
        compiled.encoded = encoded.expect("bytes");
        let (symbol, decl) = (format!("f{number}"), blank.decl.clone());
        let outside = blank.outside.clone();
        module.functions.push(ModuleFunction {
            symbol,
            decl,
            compiled,
            outside,
            modules: Vec::new(),
            dispatcher: None,
        });
    }
    module
}

#[test]
fn branches_are_as_long_as_ours() {
    for seed in 0..2 {
        let module = random_module(seed);
        for assembler in assemblers::ALL {
            if !assembler.is_available() {
                continue;
            }
            let text = assembler.listing(&module, None);
            let object = match assembler.assemble(&text) {
                Answer::Object(object) => object,
                Answer::Errors(errors) => panic!("{} {seed}: {:?}", assembler.name(), errors[0]),
            };
            let contents = Contents::of(&object);
            for function in &module.functions {
                let encoded = &function.compiled.encoded;
                let ours = &encoded.bytes[..encoded.code_len];
                let theirs = contents.code(&function.symbol);
                let same = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
                assert_eq!(same, ours.len(), "{} {seed}: {}", assembler.name(), function.symbol);
            }
        }
    }
}
