//! `#[cfg]` on kernels: alternatives of one name, of which rustc takes the one that exists. Next to
//! each stand functions in plain Rust under the same conditions, which say what is right.

use super::{rustc, temporary, text};
use std::fmt::Write;
use std::process::{Command, Output};

/// The attributes of the alternatives of one kernel. For some, no alternative may exist.
const CONDITIONS: [&[&str]; 7] = [
    &["#[cfg(a)]", "#[cfg(not(a))]"],
    &["#[cfg(all(a, b))]", "#[cfg(all(a, not(b)))]", "#[cfg(not(a))]"],
    &["#[cfg(a)] #[cfg(b)]", "#[cfg(not(all(a, b)))]"],
    &["#[cfg(unix)]", "#[cfg(windows)]"],
    &["#[cfg(feature = \"x\")]", "#[cfg(not(feature = \"x\"))]"],
    &["#[cfg(a)]"],
    &["#[cfg(all(a, b))]", "#[cfg(all(a, not(b),))]"],
];

const CONFIGURATIONS: [&[&str]; 4] =
    [&[], &["--cfg=a"], &["--cfg=b", "--cfg=feature=\"x\""], &["--cfg=a", "--cfg=b"]];

/// How the kernels of one alternative are written. `CFG` stands for its attributes, `VALUE` for
/// what it gives, a number of its own.
struct Form {
    kernels: &'static str,
    /// Next to all alternatives.
    fallback: &'static str,
    /// What is right where an alternative exists.
    value: &'static str,
    call: &'static str,
}

const PLAIN: Form = Form {
    kernels: "CFG pub fn f() -> u64 { return VALUE; }",
    fallback: "",
    value: "VALUE",
    call: "f()",
};

const FALLBACK: &str = "#[fallback] pub fn f() -> u64 { 50 }";

const FORMS: [Form; 13] = [
    PLAIN,
    Form { call: "(f::KERNEL.get())()", ..PLAIN },
    Form { fallback: FALLBACK, ..PLAIN },
    Form { kernels: "#[embed = \"text\"] CFG pub fn f() -> u64 { return VALUE; }", ..PLAIN },
    Form {
        kernels: "CFG pub unsafe fn f() -> u64 { return VALUE; }",
        fallback: "#[fallback] pub unsafe fn f() -> u64 { 50 }",
        call: "unsafe { f() }",
        ..PLAIN
    },
    Form {
        kernels: "/// Text.\nCFG #[must_use] pub(crate) fn f() -> u64 { return VALUE; }",
        ..PLAIN
    },
    Form {
        kernels: "for N in 1..=2 { CFG pub fn f_{N}() -> u64 { return 10 * VALUE + N; } }",
        value: "10 * VALUE + 1 + 10 * VALUE + 2",
        call: "f_1() + f_2()",
        ..PLAIN
    },
    Form {
        kernels: "CFG #[version(enable = \"padlock\", N = 0)] #[version(N = VALUE)]
                  pub fn f() -> u64 { return N; }",
        ..PLAIN
    },
    // In other words and another order it is the same condition.
    Form {
        kernels: "CFG #[cfg(all())] #[target_feature(enable = \"padlock\")]
                  pub fn f() -> u64 { return 0; }
                  #[doc(hidden)] #[cfg( all( ), )] CFG pub fn f() -> u64 { return VALUE; }",
        ..PLAIN
    },
    Form {
        kernels: "CFG #[target_feature(enable = \"padlock\")] pub fn f() -> u64 { return 0; }",
        fallback: FALLBACK,
        value: "50",
        ..PLAIN
    },
    Form {
        kernels: "CFG #[version(enable = \"padlock\")] pub fn f() -> u64 { return 0; }
                  CFG #[version(enable = \"padlock,avx\")] pub fn f() -> u64 { return 1; }",
        fallback: FALLBACK,
        value: "50",
        ..PLAIN
    },
    Form {
        kernels: "CFG #[fallback] pub fn f() -> u64 { VALUE }
                  CFG #[target_feature(enable = \"padlock\")] pub fn f() -> u64 { return 0; }",
        ..PLAIN
    },
    // Alternatives need not have one signature.
    Form {
        kernels: "CFG pub fn f(x: &[u8; VALUE]) -> &[u8; VALUE] { return x; }",
        call: "f(&[0; VALUE]).len() as u64",
        ..PLAIN
    },
];

/// Every form under every set of conditions, each in a module of its own.
fn modules() -> Vec<String> {
    let all = FORMS.iter().flat_map(|form| CONDITIONS.map(|conditions| (form, conditions)));
    all.map(|(form, conditions)| module(form, conditions)).collect()
}

fn module(form: &Form, conditions: &[&str]) -> String {
    let for_each = |template: &str| -> String {
        let numbered = conditions.iter().zip(1..);
        let filled = numbered.map(|(attributes, value)| {
            template.replace("CFG", attributes).replace("VALUE", &format!("{value}"))
        });
        filled.collect()
    };
    let nothing: Vec<String> = conditions.iter().map(|attributes| joined(attributes)).collect();
    let nothing = format!("#[cfg(not(any({})))]", nothing.join(", "));
    let (kernels, fallback) = (for_each(form.kernels), form.fallback);
    let expected =
        for_each(&format!("CFG fn expected() -> Option<u64> {{ Some({}) }}", form.value));
    let found = for_each(&format!("CFG fn found() -> Option<u64> {{ Some({}) }}", form.call));
    let (expected_alone, found_alone) = match fallback {
        "" => ("None", "None".to_string()),
        _ => ("Some(50)", format!("Some({})", form.call.replace("(f::KERNEL.get())", "f"))),
    };
    format!(
        "peach_runtime::peach_fn! {{ {kernels} {fallback} }}
         {expected} {nothing} fn expected() -> Option<u64> {{ {expected_alone} }}
         {found} {nothing} fn found() -> Option<u64> {{ {found_alone} }}
         pub fn run() {{ assert_eq!(found(), expected(), \"{{}}\", module_path!()); }}"
    )
}

/// One predicate for several attributes.
fn joined(attributes: &str) -> String {
    let predicates = attributes.split("#[cfg(").filter(|text| !text.is_empty());
    let predicates: Vec<&str> = predicates
        .map(|text| text.trim().strip_suffix(")]").expect("the end of the attribute"))
        .collect();
    format!("all({})", predicates.join(", "))
}

/// A program of modules, in each configuration. What it says must be nothing.
fn run(name: &str, modules: &[String]) {
    let mut source = "#![deny(warnings)]\n#![allow(unexpected_cfgs, dead_code)]\n".to_string();
    let mut calls = String::new();
    for (index, module) in modules.iter().enumerate() {
        writeln!(source, "mod m{index} {{ {module} }}").unwrap();
        write!(calls, "m{index}::run();").unwrap();
    }
    writeln!(source, "fn main() {{ {calls} }}").unwrap();
    for (index, configuration) in CONFIGURATIONS.iter().enumerate() {
        let output = build(&format!("{name}-{index}"), &source, configuration);
        assert!(output.status.success(), "{configuration:?}: {}", text(&output));
        let program = temporary(&format!("{name}-{index}"));
        let output = Command::new(program).output().unwrap();
        assert!(output.status.success(), "{configuration:?}: {}", text(&output));
    }
    println!("{} modules, {} configurations", modules.len(), CONFIGURATIONS.len());
}

fn build(name: &str, source: &str, configuration: &[&str]) -> Output {
    let path = temporary(&format!("{name}.rs"));
    std::fs::write(&path, source).unwrap();
    let link = format!("--emit=link={}", temporary(name).display());
    rustc(&path, "2024").args(configuration).arg(link).output().unwrap()
}

#[test]
fn rustc_takes_the_alternative_that_exists() {
    run("alternatives", &modules());
}

/// Where macros make the kernels, and inside functions.
#[test]
fn alternatives_may_stand_everywhere() {
    let around = [
        "macro_rules! k { ($a:meta, $b:meta, $n:ident) => { peach_runtime::peach_fn! {
             #[$a] pub fn $n() -> u64 { return 1; } #[$b] pub fn $n() -> u64 { return 2; }
         } } }
         k!(cfg(a), cfg(not(a)), f);
         pub fn run() { assert_eq!(f(), if cfg!(a) { 1 } else { 2 }); }",
        "macro_rules! k { ($($a:tt)*) => { peach_runtime::peach_fn! {
             #[cfg($($a)*)] pub fn f() -> u64 { return 1; }
             #[cfg(not($($a)*))] pub fn f() -> u64 { return 2; }
         } } }
         k!(all(a, b));
         pub fn run() { assert_eq!(f(), if cfg!(all(a, b)) { 1 } else { 2 }); }",
        "pub fn run() {
             peach_runtime::peach_fn! {
                 #[cfg(a)] fn f() -> u64 { return 1; }
                 #[cfg(not(a))] fn f() -> u64 { return 2; }
                 #[fallback] fn f() -> u64 { 3 }
             }
             assert_eq!(f(), if cfg!(a) { 1 } else { 2 });
         }",
        // What a `cfg_attr` brings that is not the language's is carried.
        "peach_runtime::peach_fn! {
             #[cfg_attr(a, doc(hidden), must_use)] #[cfg_attr(not(a), inline(never))]
             pub fn f() -> u64 { return 1; }
         }
         pub fn run() { assert_eq!(f(), 1); }",
    ];
    run("everywhere", &around.map(str::to_string));
}

/// As in plain Rust, two that exist are one too many: the second one, and nothing else is said.
#[test]
fn two_that_exist_are_an_error() {
    for kernels in [
        "#[cfg(a)] fn f() { nop; } fn ^f() { nop; }",
        "fn f() { nop; } #[cfg(a)] #[target_feature(enable = \"avx\")] fn ^f() { nop; }",
        "#[cfg(a)] fn f() { nop; } #[cfg(any(a, b))] fn ^f() { nop; } #[fallback] fn f() {}",
        "#[cfg(not(b))] fn f() { nop; } #[cfg(c)] fn f() { nop; } #[cfg(any(a, b))] fn ^f() { nop; }",
    ] {
        let column = kernels.find('^').unwrap() + 1;
        let source = format!(
            "peach_runtime::peach_fn! {{\n{}\n}} fn main() {{ f(); }}",
            kernels.replace('^', "")
        );
        let output = build("two", &source, &["--cfg=a"]);
        let message = format!("2:{column}: error: two kernels `f` with different `#[cfg]`s exist");
        assert!(text(&output).contains(&message), "{kernels}: {}", text(&output));
        assert_eq!(text(&output).matches(": error").count(), 1, "{}", text(&output));
        let output = build("two", &source, &["--cfg=b"]);
        assert!(output.status.success(), "{kernels}: {}", text(&output));
    }
}
