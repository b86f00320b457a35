//! Modules: which versions of a kernel an object file gets, under which symbols.

use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::{Code, Diagnostics};
use peach_compiler::emit::Module;
use peach_compiler::emit::module::Processor;
use peach_compiler::isa::FeatureSet;
use peach_compiler::pipeline::{CompiledFunction, Target, compile};
use proc_macro2::TokenStream;

const VERSIONS: &str = r#"
    #[version(enable = "avx512f")]
    #[version(enable = "avx2")]
    fn fast(x: u32) -> u32 { if isa("avx512f") { add x, 2; } else { add x, 1; } return x; }
    #[export_name = "exact"]
    fn plain() { nop; }
"#;

fn module(
    cpu: Option<&str>,
    mangling: &dyn Fn(&CompiledFunction) -> String,
) -> (Vec<String>, Vec<Code>) {
    let mut target = Target::from(&SYSV64);
    let mut processor = Processor::Any;
    if let Some(cpu) = cpu {
        target.features = FeatureSet::of_cpu(cpu).expect("a processor");
        processor = Processor::Named;
    }
    let compilation = compile(VERSIONS.parse::<TokenStream>().expect("tokens"), target);
    let mut diagnostics = Diagnostics::new();
    let mut module = Module::new("versions.rs", target);
    module.add(compilation, processor, mangling, &mut diagnostics);
    let symbols = module.functions.iter().map(|function| function.symbol.clone()).collect();
    (symbols, diagnostics.iter().map(|diagnostic| diagnostic.code).collect())
}

fn name(compiled: &CompiledFunction) -> String {
    compiled.function.name.clone()
}

#[test]
fn a_named_processor_gets_the_first_version_that_it_supports() {
    for cpu in ["haswell", "skylake-avx512"] {
        assert_eq!(
            module(Some(cpu), &name),
            (vec!["fast".into(), "exact".into()], vec![]),
            "{cpu}"
        );
    }
}

#[test]
fn a_processor_that_supports_none_is_told_what_it_lacks() {
    assert_eq!(module(Some("nehalem"), &name), (vec!["exact".into()], vec![Code::WrongProcessor]));
}

#[test]
fn without_a_processor_every_version_needs_a_symbol() {
    assert_eq!(module(None, &name).1, [Code::DuplicateSymbol]);
    let with_length =
        |compiled: &CompiledFunction| format!("fast{}", compiled.function.features.iter().count());
    let (symbols, codes) = module(None, &with_length);
    assert_eq!((symbols.len(), codes), (3, vec![]));
    assert_eq!(symbols[2], "exact");
}
