//! Programs as Cargo builds them: two versions of the runtime with different features in one program,
//! dependencies under other names, macros of other crates, features that choose between kernels. All of
//! it forbids `unsafe`.

use peach_testing::table;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The crates of the program: name, dependencies, source.
const CRATES: &[(&str, &str, &str)] = &[
    (
        "renamed",
        "rt = { package = \"peach-runtime\", path = \"ONE\", features = [\"debug\"] }",
        r#"
        rt::peach_fn! {
            #[cfg(feature = "chosen")]
            pub fn which() -> u64 { return 1; }
            #[cfg(not(feature = "chosen"))]
            pub fn which() -> u64 { return 2; }
            #[target_feature(enable = "padlock")]
            pub fn falls(x: &[u8]) -> usize { return 0; }
            #[fallback]
            pub fn falls(x: &[u8]) -> usize { x.len() }
        }
        pub fn right() -> usize {
            assert_eq!(which(), if cfg!(feature = "chosen") { 1 } else { 2 });
            assert_eq!(falls(b"four"), 4);
            assert!(format!("{:?}", which::KERNEL).contains("which"));
            3
        }"#,
    ),
    (
        "facade",
        "peach-runtime = { path = \"TWO\" }",
        r#"
        #[doc(hidden)]
        pub use peach_runtime as __runtime;
        #[macro_export]
        macro_rules! adder {
            ($(#[$attribute:meta])* $vis:vis $name:ident + $step:literal) => {
                $crate::__runtime::peach_fn! {
                    $(#[$attribute])* $vis fn $name(x: u64) -> u64 { add x, $step; return x; }
                }
            };
        }
        #[macro_export]
        macro_rules! kernels { ($($tokens:tt)*) => { $crate::__runtime::peach_fn! { $($tokens)* } } }
        adder!(pub two + 2);
        pub fn right() -> usize { assert_eq!(two(1), 3); 1 }"#,
    ),
    (
        "through",
        "facade = { path = \"../facade\" }",
        r#"
        facade::adder!(#[must_use] pub ten + 10);
        facade::kernels! {
            const N = 3;
            pub fn shifted(x: u64) -> u64 { shl x, N; return x; }
            #[embed = "text"]
            pub fn in_text(x: &[u8; N]) -> u64 { movzx eax, byte [x + N - 1]; return rax; }
        }
        pub fn right() -> usize {
            assert_eq!((ten(1), shifted(1), in_text(&[1, 2, 3])), (11, 8, 3));
            3
        }"#,
    ),
    (
        "itself",
        "rt = { package = \"peach-runtime\", path = \"TWO\" }\nfacade = { path = \"../facade\" }",
        r#"
        extern crate self as peach_runtime;
        pub mod __private { pub struct Kernel; pub mod core {} }
        macro_rules! peach_fn { ($($tokens:tt)*) => { compile_error!("of this crate"); } }
        rt::peach_fn! { pub fn three() -> u64 { return 3; } }
        facade::adder!(pub four + 4);
        pub fn right() -> usize {
            let _ = __private::Kernel;
            assert_eq!((three(), four(0)), (3, 4));
            2
        }"#,
    ),
    (
        "both",
        "one = { package = \"peach-runtime\", path = \"ONE\", features = [\"debug\"] }
         two = { package = \"peach-runtime\", path = \"TWO\" }",
        r#"
        pub mod a { one::peach_fn! { pub fn same(x: u64) -> u64 { add x, 1; return x; } } }
        pub mod b { two::peach_fn! { pub fn same(x: u64) -> u64 { add x, 2; return x; } } }
        pub fn right() -> usize {
            let threads = [a::same, b::same, a::same, b::same].map(|f| std::thread::spawn(move || f(10)));
            assert_eq!(threads.map(|thread| thread.join().unwrap()), [11, 12, 11, 12]);
            assert!(a::same::KERNEL.code() != b::same::KERNEL.code());
            4
        }"#,
    ),
];

/// Further items of a crate, the messages they must get, and where: `^` precedes the offending tokens.
const ATTACKS: &[(&str, &str, &str)] = &[
    ("renamed", "type Bytes = [u8]; rt::peach_fn! { pub fn k(x: ^&Bytes) { nop; } }", "cannot be known"),
    (
        "renamed",
        "pub struct NonNull<T>(pub Box<T>);
         rt::peach_fn! { pub fn k(x: ^NonNull<u8>) -> (NonNull<u8>, NonNull<u8>) { return (x, x); } }",
        "mismatched types",
    ),
    (
        "renamed",
        "type Bytes = [u8]; rt::peach_fn! { #[cfg(unix)] pub fn k(x: ^&Bytes) { nop; } #[cfg(not(unix))] pub fn k(x: &u8) { nop; } }",
        "cannot be known",
    ),
    (
        "renamed",
        "rt::peach_fn! { #[cfg(any())] pub fn k() { nop; } #[cfg(unix)] pub fn k() { ^unsafe { nop; } } }",
        "usage of an `unsafe` block",
    ),
    (
        "renamed",
        "rt::peach_fn! { #[cfg(unix)] pub fn k() { nop; } pub fn ^k(x: &u8) -> &u8 { return x; } }",
        "two kernels `k` with different `#[cfg]`s exist",
    ),
    ("through", "facade::kernels! { pub fn k(x: ^&std::path::Path) { nop; } }", "cannot be known"),
    ("through", "facade::kernels! { pub fn k(x: &u8) { ^unsafe { nop; } } }", "usage of an `unsafe` block"),
    ("through", "facade::kernels! { pub fn k(x: &u8) -> u16 { mov ax, ^[x]; return ax; } }", "E0502"),
    ("itself", "rt::peach_fn! { pub fn k(x: ^&std::ffi::CStr) { nop; } }", "cannot be known"),
    (
        "both",
        "fn k() { let _: one::Kernel<extern \"C\" fn(u64) -> u64> = ^b::same::KERNEL; }",
        "mismatched types",
    ),
];

/// A workspace of its own in `dir`, with a second version of the runtime.
fn write_workspace(dir: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let one = root.join("peach-runtime").display().to_string();
    let two = dir.join("runtime-2").display().to_string();
    let names: Vec<String> = CRATES.iter().map(|(name, ..)| format!("{name:?}")).collect();
    let manifest = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [\"program\", \"runtime-2\", {}]\n",
        names.join(", ")
    );
    write(&dir.join("Cargo.toml"), &manifest);
    write(&dir.join("Cargo.lock"), &std::fs::read_to_string(root.join("Cargo.lock")).unwrap());
    let macros = root.join("peach-macros");
    write(
        &dir.join("runtime-2/Cargo.toml"),
        &format!(
            "[package]\nname = \"peach-runtime\"\nversion = \"0.2.0\"\nedition = \"2024\"\n
             [features]\ndefault = [\"std\"]\nstd = []\ndebug = [\"peach-macros/debug\"]\njit = []\n
             [lib]\npath = \"{one}/src/lib.rs\"\n
             [dependencies]\npeach-macros = {{ path = {macros:?} }}\nlibc = \"0.2\"\n"
        ),
    );
    for (name, dependencies, source) in CRATES {
        let dependencies = dependencies.replace("ONE", &one).replace("TWO", &two);
        write_crate(dir, name, &dependencies, "lib.rs", source);
    }
    let paths = CRATES.iter().map(|(name, ..)| format!("{name} = {{ path = \"../{name}\" }}\n"));
    let calls: Vec<String> = CRATES.iter().map(|(name, ..)| format!("{name}::right()")).collect();
    let source = format!("fn main() {{ println!(\"{{}} are right\", {}); }}", calls.join(" + "));
    let features = "[features]\nchosen = [\"renamed/chosen\"]\n";
    write_crate(
        dir,
        "program",
        &format!("{}{features}", paths.collect::<String>()),
        "main.rs",
        &source,
    );
}

fn write_crate(dir: &Path, name: &str, dependencies: &str, file: &str, source: &str) {
    let features = if name == "program" { "" } else { "[features]\nchosen = []\n" };
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{features}[dependencies]\n{dependencies}"
    );
    write(&dir.join(name).join("Cargo.toml"), &manifest);
    let source =
        format!("#![forbid(unsafe_code)]\n#![allow(dead_code, unused_variables)]\n{source}");
    write(&dir.join(name).join("src").join(file), &source);
}

/// Writes a file unless it is there already: Cargo takes a new file for a change.
fn write(path: &Path, text: &str) {
    if std::fs::read_to_string(path).is_ok_and(|there| there == text) {
        return;
    }
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn cargo(dir: &Path, opt_level: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--offline", "--quiet", "--message-format=short"])
        .current_dir(dir)
        .env("CARGO_TARGET_DIR", dir.join("target"))
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", opt_level)
        .env("CARGO_TERM_COLOR", "never")
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap()
}

#[test]
fn programs_that_cargo_builds() {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("safety/cargo");
    write_workspace(&dir);
    let features: [&[&str]; 2] = [&[], &["--features=chosen"]];
    for opt_level in ["0", "3"] {
        for flags in features {
            let arguments = [&["run", "--package=program"], flags].concat();
            let output = cargo(&dir, opt_level, &arguments);
            let text = [&*output.stdout, &*output.stderr].concat();
            let text = String::from_utf8_lossy(&text).into_owned();
            let is_right = output.status.success() && text.contains("13 are right");
            assert!(is_right, "{opt_level} {flags:?}: {text}");
        }
    }
    let attacks = ATTACKS.iter().map(|(name, items, message)| (*items, (*name, *items, *message)));
    table::try_all(attacks, |(name, items, message)| {
        let (.., source) = CRATES.iter().find(|(crate_name, ..)| *crate_name == name).unwrap();
        is_refused(&dir, name, source, items, message)
    });
    println!("cargo: {} programs run, {} refused", 2 * features.len(), ATTACKS.len());
}

/// Adds `items` to a crate, checks it as Cargo does, and takes them away again: `message` has to be
/// told at `^`.
fn is_refused(
    dir: &Path,
    name: &str,
    source: &str,
    items: &str,
    message: &str,
) -> Result<(), String> {
    let marked = format!(
        "#![forbid(unsafe_code)]\n#![allow(dead_code, unused_variables)]\n{source}\n{items}"
    );
    let at = marked.find('^').unwrap();
    let line = marked[..at].matches('\n').count() + 1;
    let column = at - marked[..at].rfind('\n').unwrap();
    let path = dir.join(name).join("src/lib.rs");
    let before = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, marked.replace('^', "")).unwrap();
    let output = cargo(dir, "0", &["check", "--package", name]);
    std::fs::write(&path, before).unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let place = format!("lib.rs:{line}:{column}: error");
    let is_told = text.lines().any(|line| line.contains(&place) && line.contains(message));
    match !output.status.success() && is_told {
        true => Ok(()),
        false => Err(format!("not told `{message}` at {place}:\n{text}")),
    }
}
