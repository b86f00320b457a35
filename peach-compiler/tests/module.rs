//! Modules: which versions of a kernel an object file gets, under which symbols.

use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::{Code, Diagnostic, Diagnostics};
use peach_compiler::emit::Module;
use peach_compiler::emit::mangling::{Naming, Template};
use peach_compiler::emit::module::{Dispatch, Externals, Processor};
use peach_compiler::ir::RustSymId;
use peach_compiler::isa::FeatureSet;
use peach_compiler::pipeline::{Target, compile};
use proc_macro2::TokenStream;

const VERSIONS: &str = r#"
    #[version(enable = "avx512f")]
    #[version(enable = "avx2")]
    fn fast(x: u32) -> u32 { if isa("avx512f") { add x, 2; } else { add x, 1; } return x; }
    #[export_name = "exact"]
    fn plain() { nop; }
"#;

fn module(cpu: Option<&str>, template: &str) -> (Vec<String>, Vec<Code>) {
    let mut target = Target::from(&SYSV64);
    let mut processor = Processor::Any;
    if let Some(cpu) = cpu {
        target.features = FeatureSet::of_cpu(cpu).expect("a processor");
        processor = Processor::Named;
    }
    let compilation = compile(VERSIONS.parse::<TokenStream>().expect("tokens"), target);
    let mut diagnostics = Diagnostics::new();
    let mut module = Module::new("versions.rs", target);
    let template = Template::parse(template).expect("a template");
    let naming = Naming { template, processor: cpu.map(str::to_string) };
    module.add(compilation, &[], processor, &naming, &mut diagnostics);
    let symbols = module.functions.iter().map(|function| function.symbol.clone()).collect();
    (symbols, diagnostics.iter().map(|diagnostic| diagnostic.code).collect())
}

const NAME: &str = "${Name}";

#[test]
fn a_named_processor_gets_the_first_version_that_it_supports() {
    for cpu in ["haswell", "skylake-avx512"] {
        assert_eq!(module(Some(cpu), NAME), (vec!["fast".into(), "exact".into()], vec![]), "{cpu}");
    }
}

#[test]
fn a_processor_that_supports_none_is_told_what_it_lacks() {
    assert_eq!(module(Some("nehalem"), NAME), (vec!["exact".into()], vec![Code::WrongProcessor]));
}

#[test]
fn without_a_processor_every_version_needs_a_symbol() {
    assert_eq!(module(None, NAME).1, [Code::DuplicateSymbol]);
    let (symbols, codes) = module(None, "${Name}_${isa}");
    assert_eq!((symbols.len(), codes), (3, vec![]));
    assert_eq!(symbols[2], "exact");
}

/// The module of one source without versions.
fn whole(source: &str) -> (Module, Vec<(Code, String)>) {
    let target = Target { position_independent: true, ..Target::from(&SYSV64) };
    let compilation = compile(source.parse::<TokenStream>().expect("tokens"), target);
    let mut diagnostics = Diagnostics::new();
    let mut module = Module::new("whole.rs", target);
    module.add(compilation, &[], Processor::Any, &Naming::default(), &mut diagnostics);
    let errors = diagnostics.iter().map(|d| (d.code, d.message.clone())).collect();
    (module, errors)
}

#[test]
fn the_symbol_is_named_that_functions_share() {
    for source in [
        "#[export_name = \"g\"] #[version(enable = \"avx2\")] #[version()] pub fn f() { }",
        "for B in 0..2 { #[export_name = \"g\"] pub fn f_{B}() { } }",
        "#[export_name = \"g\"] pub fn f() { } pub fn g() { }",
        "pub fn g() { } #[export_name = \"g\"] pub fn f() { }",
    ] {
        let shared = (Code::DuplicateSymbol, "two functions would have the same symbol `g`".into());
        assert_eq!(whole(source).1, [shared], "{source}");
    }
}

#[test]
fn constants_of_the_program_around_are_evaluated_where_the_language_can() {
    let (module, errors) = whole("fn k() -> u32 { mov eax, const { (1 << 4) | 3 }; return eax; }");
    assert_eq!(errors, []);
    let function = &module.functions[0];
    assert_eq!(function.outside.consts, [0x13]);
    assert!(function.compiled.encoded.patches.is_empty());
    assert_eq!(function.compiled.encoded.bytes[..5], [0xb8, 0x13, 0, 0, 0]);
}

#[test]
fn a_constant_in_an_address_is_added_to_the_number_there() {
    let (module, errors) = whole(
        "unsafe fn k(p: *const u32) -> u32 { mov eax, [p + 8 + const { 4*4 }]; return eax; }",
    );
    assert_eq!(errors, []);
    assert_eq!(module.functions[0].compiled.encoded.bytes[..6], [0x8b, 0x87, 24, 0, 0, 0]);
}

#[test]
fn what_only_rustc_knows_is_refused() {
    for (source, code, words) in [
        (
            "fn k() -> u32 { mov eax, const { size_of::<u8>() }; return eax; }",
            Code::NotOutsideRust,
            "only rustc knows",
        ),
        (
            "fn k() -> u32 { mov eax, const { N }; return eax; }",
            Code::NotOutsideRust,
            "only rustc knows",
        ),
        ("fn k() -> u32 { mov eax, const { 1 << 32 }; return eax; }", Code::OutOfRange, "32 bits"),
        ("unsafe fn k() { call sym f::<u8>; }", Code::NotOutsideRust, "no symbol"),
    ] {
        let (module, errors) = whole(source);
        assert!(module.functions.is_empty(), "{source}");
        assert_eq!(errors.len(), 1, "{source}: {errors:?}");
        assert!(errors[0].0 == code && errors[0].1.contains(words), "{source}: {errors:?}");
    }
}

#[test]
fn the_last_segment_of_a_path_is_its_symbol_and_a_kernel_has_its_own() {
    let source = r#"
        #[export_name = "peach_leaf"] fn leaf() { nop; }
        unsafe fn k() { call sym leaf; call sym crate::other::r#in; }
    "#;
    let (module, errors) = whole(source);
    assert_eq!(errors, []);
    let k = &module.functions[1];
    let symbols = [0, 1].map(|id| Externals::of(&module).symbol(k, RustSymId(id)));
    assert_eq!(symbols, ["peach_leaf", "in"]);
}

/// Two blocks of one file, in modules `a` and `b::c`, and what is said of them.
fn in_modules(source: &str, template: &str, dispatch: Dispatch) -> (Module, Vec<String>) {
    let naming = Naming { template: Template::parse(template).expect("one"), processor: None };
    let target = Target { position_independent: true, ..Target::from(&SYSV64) };
    let mut module = Module { dispatch, ..Module::new("modules.rs", target) };
    let mut diagnostics = Diagnostics::new();
    for modules in [&["a"][..], &["b", "c"]] {
        let modules: Vec<String> = modules.iter().map(ToString::to_string).collect();
        let compilation = compile(source.parse::<TokenStream>().expect("tokens"), target);
        module.add(compilation, &modules, Processor::Any, &naming, &mut diagnostics);
    }
    let text = |d: &Diagnostic| format!("{}: {}", d.message, d.help.as_deref().unwrap_or_default());
    (module, diagnostics.iter().map(text).collect())
}

fn symbols(module: &Module) -> Vec<&str> {
    module.functions.iter().map(|function| function.symbol.as_str()).collect()
}

/// What the first reference of each function leads to.
fn referred(module: &Module) -> Vec<&str> {
    let externals = Externals::of(module);
    let with = module.functions.iter().filter(|f| !f.outside.symbols.is_empty());
    with.map(|function| externals.symbol(function, RustSymId(0))).collect()
}

#[test]
fn kernels_of_one_name_are_told_apart_by_their_modules() {
    let source = "pub fn Sum() { nop; } pub unsafe fn twice() { call sym Sum; jmp sym Sum; }";
    let (module, said) = in_modules(source, "${Name}", Dispatch::None);
    assert_eq!(symbols(&module), ["Sum", "twice", "Sum", "twice"]);
    assert!(
        said[0].contains("the same symbol `Sum`")
            && said[0].ends_with("-fname-mangling='${path}_${isa}' has these in each name"),
        "{said:?}"
    );
    let (module, said) = in_modules(source, "${Path}", Dispatch::None);
    assert_eq!(said, [""; 0]);
    assert_eq!(symbols(&module), ["a_Sum", "a_twice", "b_c_Sum", "b_c_twice"]);
    assert_eq!(referred(&module), ["a_Sum", "b_c_Sum"]);
    assert_eq!(module.functions[2].path(), "b::c::Sum");
}

#[test]
fn a_reference_to_versions_is_to_what_chooses_among_them() {
    let source = r#"
        #[version(enable = "avx2")] #[version()] pub fn sum() { nop; }
        pub unsafe fn twice() { call sym sum; jmp sym sum; }"#;
    for (template, chosen) in [
        ("p_${path}_${isa}", ["p_a_sum", "p_b_c_sum"]),
        ("${isa}.${path}", ["a_sum", "b_c_sum"]),
        ("${path}${isa}.q", ["a_sum.q", "b_c_sum.q"]),
        ("${uarch}_${isa}-${PATH}", ["A_SUM", "B_C_SUM"]),
    ] {
        let (module, said) = in_modules(source, template, Dispatch::InC);
        assert_eq!(said, [""; 0]);
        assert_eq!(referred(&module), chosen);
        let dispatched: Vec<_> = module.dispatched().iter().map(|kernel| kernel.symbol).collect();
        assert_eq!(dispatched, chosen);
    }
    let (_, said) = in_modules(source, "${path}_${isa}", Dispatch::None);
    let depends = "which version of `sum` is meant depends on the processor: name a processor";
    assert!(said.len() == 2 && said[0].starts_with(depends), "{said:?}");
}
