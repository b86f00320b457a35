//! Programs that hold the runtime more than once, in several versions or with several sets of
//! features, as Cargo links them where two dependencies do not agree on one. Each runs its own
//! kernels.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use peach_testing::rustc::{Rustc, runtime_sources};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A library whose kernels come from the runtime that it was compiled with: mapped, in text, with a
/// fallback, with the address of an item of the program.
fn kernels(step: u64) -> String {
    format!(
        r#"
peach_runtime::peach_fn! {{
    pub fn add(x: u64) -> u64 {{ add x, {step}; return x; }}
    #[embed = "text"]
    pub fn in_text(x: u64) -> u64 {{ add x, {step}; return x; }}
    #[version(enable = "padlock", N = 1)]
    #[version(N = {step})]
    pub fn which() -> u64 {{ return N; }}
    #[target_feature(enable = "padlock")]
    pub fn falls_back() -> u64 {{ return 0; }}
    #[fallback]
    pub fn falls_back() -> u64 {{ {step} }}
    pub extern "sysv64" fn calls(x: u64) -> u64 {{ rdi = x; unsafe {{ call sym step; }} return rax; }}
}}
extern "sysv64" fn step(x: u64) -> u64 {{ x + {step} }}
pub fn all() -> [u64; 6] {{
    [add(0), in_text(0), which(), falls_back(), calls(0), (add::KERNEL.get())(0)]
}}
"#
    )
}

/// All libraries from several threads at once, so that every runtime may be the first.
fn program(steps: &[u64]) -> String {
    let check = |step: &u64| {
        format!("scope.spawn(|| {{ barrier.wait(); assert_eq!(of_{step}::all(), [{step}; 6]); }});")
    };
    let checks: String = steps.iter().map(check).collect();
    format!(
        "fn main() {{
            let barrier = std::sync::Barrier::new({});
            std::thread::scope(|scope| {{ {checks} }});
        }}",
        steps.len()
    )
}

/// Compiles a runtime for each set of flags, and a library with kernels on top of it.
fn libraries(rustc: &Rustc, runtimes: &[(u64, &[&str])]) {
    for (step, flags) in runtimes {
        let metadata = format!("-Cmetadata=of-{step}");
        let file = format!("-Cextra-filename=-of-{step}");
        let runtime = rustc.runtime(&[&[metadata.as_str(), &file], *flags].concat());
        let runtime = format!("--extern=peach_runtime={}", runtime.display());
        let flags = ["--crate-type=rlib", &runtime];
        rustc.build(&format!("of_{step}"), &kernels(*step), &flags);
    }
}

fn rustc(name: &str, flags: &[&str]) -> Rustc {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("several_runtimes").join(name);
    Rustc::new(dir, flags)
}

fn run(program: &PathBuf) -> String {
    let output = Command::new(program).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {}: {text}", program.display(), output.status);
    text
}

const DEBUG: &[&str] = &["--cfg=feature=\"debug\""];

#[test]
fn each_runs_its_own_kernels() {
    for (name, flags) in [
        ("unoptimized", &["-Copt-level=0"][..]),
        ("optimized", &["-Copt-level=3", "-Clto=fat", "-Ccodegen-units=1"]),
    ] {
        let rustc = rustc(name, flags);
        // Other features, other features in the other order of linking, and the very same again.
        libraries(&rustc, &[(100, DEBUG), (200, &[]), (300, DEBUG), (400, &[])]);
        let externs: Vec<String> =
            [100, 200, 300, 400].iter().map(|step| format!("--extern=of_{step}")).collect();
        let externs: Vec<&str> = externs.iter().map(String::as_str).collect();
        let both_ways = [&[100, 200, 300, 400][..], &[400, 300, 200, 100]];
        for (index, steps) in both_ways.into_iter().enumerate() {
            let source = program(steps);
            run(&rustc.build(&format!("program_{index}"), &source, &externs));
        }
    }
}

/// Layouts that differ although version and features do not.
#[test]
fn layouts_may_differ() {
    let rustc = rustc("layouts", &["-Copt-level=1"]);
    let shuffled = |seed| format!("-Zlayout-seed={seed}");
    let (one, two) = (shuffled(1), shuffled(2));
    libraries(
        &rustc,
        &[(100, &["-Zrandomize-layout", &one]), (200, &["-Zrandomize-layout", &two]), (300, &[])],
    );
    let externs = ["--extern=of_100", "--extern=of_200", "--extern=of_300"];
    run(&rustc.build("program", &program(&[100, 200, 300]), &externs));
}

/// Shared libraries in one process, each with its runtime, next to the program's own.
#[test]
fn shared_libraries_have_their_own() {
    let rustc = rustc("shared", &["-Copt-level=2"]);
    libraries(&rustc, &[(100, DEBUG), (200, &[]), (300, DEBUG)]);
    for step in [100, 200] {
        let source = format!(
            "#[unsafe(no_mangle)] pub extern \"C\" fn check_{step}() -> bool {{ of_{step}::all() == [{step}; 6] }}"
        );
        let of = format!("--extern=of_{step}");
        rustc.build(&format!("shared_{step}"), &source, &["--crate-type=cdylib", &of]);
    }
    let source = "
        #[link(name = \"shared_100\")] unsafe extern \"C\" { safe fn check_100() -> bool; }
        #[link(name = \"shared_200\")] unsafe extern \"C\" { safe fn check_200() -> bool; }
        fn main() {
            assert!(check_200() && check_100());
            assert_eq!(of_300::all(), [300; 6]);
            assert!(check_100() && check_200());
        }";
    let rpath = format!("-Clink-arg=-Wl,-rpath,{}", rustc.dir().display());
    run(&rustc.build("program", source, &["--extern=of_300", &rpath]));
}

/// The macro makes items for the runtime of its own version alone; another one is told so, and what
/// to do.
#[test]
fn a_runtime_of_another_version_is_refused() {
    let rustc = rustc("versions", &[]);
    let sources = rustc.dir().join("other");
    copy(&runtime_sources(), &sources);
    let own = concat!("$crate \"", env!("CARGO_PKG_VERSION"), "\"");
    let library = std::fs::read_to_string(sources.join("lib.rs")).unwrap();
    assert_eq!(library.matches(own).count(), 1, "peach_fn! passes its version: {own}");
    let source = "peach_runtime::peach_fn! { pub fn one() -> u64 { return 1; } }";
    for other in ["$crate \"0.9.3\"", "$crate"] {
        std::fs::write(sources.join("lib.rs"), library.replace(own, other)).unwrap();
        rustc.runtime_from(&sources, &["--cfg=feature=\"std\""]);
        let text = String::from_utf8(rustc.check("user", source).stderr).unwrap();
        assert_eq!(text.matches(": error: ").count(), 1, "{text}");
        assert!(text.contains("cannot make kernels for peach-runtime "), "{text}");
        assert!(text.contains("Depend on peach-runtime alone"), "{text}");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
