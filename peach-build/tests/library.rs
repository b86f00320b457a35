//! Build scripts: a crate with kernels, built and run by the real Cargo; static libraries, read by
//! the tools of each system.

use peach_build::{Build, Error};
use peach_testing::tools::{have, versioned};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory for one test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let path =
            std::env::temp_dir().join(format!("peach-library-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory");
        Directory(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(&path, text).expect("written");
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a program prints. It must succeed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

const KERNELS: &str = "
#[cfg(feature = \"wide-sum\")]
pub fn add(a: u64, b: u64) -> u64 { add a, b; return a; }
#[cfg(not(feature = \"wide-sum\"))]
pub fn add(a: u32, b: u32) -> u32 { add a, b; return a; }
include!(\"more.peach\");
";

const MORE: &str = "
/// The sum of four floats.
#[version(enable = \"avx\")]
#[version(enable = \"sse3\")]
pub fn sum4(x: &[f32; 4]) -> f32 {
    let v: xmm;
    if isa(\"avx\") { vmovups v, [x]; vhaddps v, v, v; vhaddps v, v, v; }
    else { movups v, [x]; haddps v, v; haddps v, v; }
    return v;
}
";

/// Cargo compiles the build script, runs it, links what it made, and runs it again when a file that
/// was included changes.
#[test]
fn a_crate_with_kernels_builds_and_runs() {
    let crate_dir = Directory::new("crate");
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    crate_dir.file(
        "Cargo.toml",
        &format!(
            "[package]\nname = \"fixture\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             [features]\nwide-sum = []\n[build-dependencies]\npeach-build = {{ path = {:?} }}\n[workspace]\n",
            repository.join("peach-build")
        ),
    );
    fs::copy(repository.join("Cargo.lock"), crate_dir.0.join("Cargo.lock")).expect("a lock file");
    crate_dir.file(
        "build.rs",
        "fn main() -> Result<(), Box<dyn std::error::Error>> {
            peach_build::Build::new().file(\"kernels/main.peach\").include(\"kernels\").cpu(\"haswell\").compile(\"fast\")?;
            Ok(())
        }",
    );
    crate_dir.file("kernels/main.peach", KERNELS);
    crate_dir.file("kernels/more.peach", MORE);
    crate_dir.file(
        "src/main.rs",
        "#![deny(warnings)]
        #[cfg(peach_kernels)]
        include!(concat!(env!(\"OUT_DIR\"), \"/fast.rs\"));
        fn main() {
            let x = [1.0f32, 2.0, 3.0, 4.5];
            // For a named processor, nothing is safe to call before it is known to be there.
            let sums = unsafe { (add(u32::MAX.into(), 2), sum4(&x)) };
            println!(\"{sums:?}\");
        }",
    );
    let cargo = || {
        let mut command = Command::new(env!("CARGO"));
        command
            .args(["run", "--offline", "--quiet", "--features", "wide-sum"])
            .current_dir(&crate_dir.0);
        // What is already built for this workspace is not built again.
        command.env("CARGO_TARGET_DIR", target_directory());
        for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
            command.env_remove(variable);
        }
        run(&mut command)
    };
    assert_eq!(cargo(), "(4294967297, 10.5)\n");
    crate_dir.file(
        "kernels/more.peach",
        &MORE.replace("vhaddps v, v, v; }", "vhaddps v, v, v; vaddss v, v, v; }"),
    );
    assert_eq!(cargo(), "(4294967297, 21.0)\n");
}

/// Next to the test's own, so that the fixture's dependencies stay built.
fn target_directory() -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    let target = test.ancestors().nth(3).expect("the target directory");
    target.join("fixture")
}

fn build(directory: &Directory, target: &str) -> Result<peach_build::Library, Error> {
    let first = directory
        .file("a_kernel_with_a_long_name.peach", "pub fn first(a: u32) -> u32 { return a; }");
    let second = directory.file("b.peach", "pub fn second(a: u32) -> u32 { add a, a; return a; }");
    let mut build = Build::new();
    build.file(first).file(second).target(target).out_dir(&directory.0).debug(false);
    build.compile("both")
}

/// `llvm-ar` and `llvm-nm` read the libraries of every system, index included.
#[test]
fn libraries_are_read_by_llvm() {
    if !have(&["llvm-ar", "llvm-nm"]) {
        return;
    }
    for (target, file, prefix) in [
        ("x86_64-unknown-linux-gnu", "libboth.a", ""),
        ("x86_64-pc-windows-gnu", "libboth.a", ""),
        ("x86_64-pc-windows-msvc", "both.lib", ""),
        ("x86_64-apple-darwin", "libboth.a", "_"),
    ] {
        let directory = Directory::new(&format!("llvm-{target}"));
        let library = build(&directory, target).expect("right");
        assert_eq!(library.archive, directory.0.join(file));
        let members = run(Command::new("llvm-ar").arg("t").arg(&library.archive));
        assert_eq!(members, "a_kernel_with_a_long_name.o\nb.o\n", "{target}");
        let index = run(Command::new("llvm-nm").arg("--print-armap").arg(&library.archive));
        for line in [
            format!("{prefix}first in a_kernel_with_a_long_name.o"),
            format!("{prefix}second in b.o"),
            format!("T {prefix}second"),
        ] {
            assert!(index.contains(&line), "{target}: {line} is not in {index}");
        }
        assert!(library.headers.iter().all(|header| header.is_file()));
    }
}

/// The linkers find, by the index, the one member that is wanted.
#[test]
fn linkers_take_what_they_need() {
    let program = "#include \"b.h\"\nint main(void) { return (int)second(21) - 42; }";
    for (target, compiler) in
        [("x86_64-unknown-linux-gnu", "cc"), ("x86_64-pc-windows-gnu", "x86_64-w64-mingw32-gcc")]
    {
        if !have(&[compiler]) {
            continue;
        }
        let directory = Directory::new(&format!("link-{compiler}"));
        build(&directory, target).expect("right");
        directory.file("main.c", program);
        let mut command = Command::new(compiler);
        command
            .args(["-Wall", "-Werror", "-o", "main", "main.c", "-L.", "-lboth"])
            .current_dir(&directory.0);
        run(&mut command);
        if compiler == "cc" {
            run(&mut Command::new(directory.0.join("main")));
        }
    }
    let Some(ld64) = versioned("ld64.lld") else { return };
    let directory = Directory::new("link-macos");
    build(&directory, "x86_64-apple-darwin").expect("right");
    let mut command = Command::new(ld64);
    command.args([
        "-arch",
        "x86_64",
        "-platform_version",
        "macos",
        "11.0",
        "11.0",
        "-dylib",
        "-o",
        "both.dylib",
    ]);
    command.args(["-u", "_second", "libboth.a"]).current_dir(&directory.0);
    run(&mut command);
}

#[test]
fn what_is_wrong_is_an_error_and_nothing_is_written() {
    let directory = Directory::new("wrong");
    let wrong = directory.file("wrong.peach", "fn a() { movz eax, 1; }");
    let out = directory.0.join("out");
    fs::create_dir(&out).expect("a directory");
    let error = |change: &dyn Fn(&mut Build)| {
        let mut build = Build::new();
        build.target("x86_64-unknown-linux-gnu").out_dir(&out);
        change(&mut build);
        build.compile("name").expect_err("an error").to_string()
    };
    assert!(error(&|_| {}).contains("no file to compile"));
    let text = error(&|build| {
        build.file(&wrong);
    });
    assert!(text.contains("error[E0201]") && text.contains("wrong.peach:1:10"), "{text}");
    let text = error(&|build| {
        build.file(&wrong).target("aarch64-unknown-linux-gnu");
    });
    assert!(text.contains("kernels are for x86-64"), "{text}");
    let text = error(&|build| {
        build.file(&wrong).cpu("z80");
    });
    assert!(text.contains("unknown processor `z80`"), "{text}");
    assert_eq!(fs::read_dir(&out).expect("a directory").count(), 0);
}

/// Every kind of type, as rustc takes the declarations, and what is asked of callers.
#[test]
fn rust_declarations_compile_by_themselves() {
    let directory = Directory::new("declarations");
    let kernels = directory.file(
        "kernels.peach",
        r#"
        /// Adds.
        ///
        /// Twice.
        pub fn add(a: u64, b: u64) -> u64 { add a, b; return a; }
        pub fn narrow(a: i8, b: u16, c: bool, d: char, e: f32, f: isize) -> bool { return c; }
        pub fn wide(x: u128) -> u128 { return (x.lo, x.hi); }
        pub fn pair(a: u64, b: u64) -> (u64, u64) { return (b, a); }
        pub fn vector(x: core::arch::x86_64::__m128) -> __m128 { return x; }
        pub fn first<'a>(x: &'a u64, y: &[u64; 4]) -> &'a u64 { return x; }
        pub fn maybe(x: Option<core::ptr::NonNull<u8>>) -> *mut u8 { return x; }
        pub fn length(x: &mut [f32], y: &str) -> usize { return x.len; }
        pub fn own(x: &mut Own, y: *const Own) -> usize { return x; }
        pub fn calls(f: extern "C" fn(u32) -> u32) {}
        pub fn r#in(r#type: u64) -> u64 { return r#type; }
        pub unsafe fn load(p: *const u64) -> u64 { mov rax, [p]; return rax; }
        #[target_feature(enable = "avx2")]
        pub fn needs(x: &[u8; 32]) -> u64 { vmovdqu ymm0, [x]; vmovq rax, xmm0; return rax; }
        pub extern "win64" fn elsewhere(x: u64) -> u64 { return x; }
        #[export_name = "another_name"]
        pub fn renamed() {}
        "#,
    );
    let mut build = Build::new();
    build.file(kernels).target("x86_64-unknown-linux-gnu").out_dir(&directory.0);
    let library = build.debug(false).compile("all").expect("right");
    assert_eq!(library.declarations, directory.0.join("all.rs"));
    let text = fs::read_to_string(&library.declarations).expect("a file");
    for line in [
        "    /// Adds.\n    ///\n    /// Twice.\n    #[link_name = \"add\"]\n    pub safe fn add(a: u64, b: u64) -> u64;",
        "pub unsafe fn length(x: *mut f32, x_len: usize, y: *const u8, y_len: usize) -> usize;",
        "pub unsafe fn own(x: *mut ::core::ffi::c_void, y: *const ::core::ffi::c_void) -> usize;",
        "/// * The processor must have avx2.",
        "unsafe extern \"win64\" {",
        "#[link_name = \"another_name\"]\n    pub safe fn another_name();",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let program = directory.file(
        "main.rs",
        r#"#![deny(warnings)] #![no_implicit_prelude]
        mod kernels { ::std::include!("all.rs"); }
        fn main() {
            ::std::assert_eq!(kernels::add(1, 2), 3);
            ::std::assert_eq!(kernels::wide(7 << 80), 7 << 80);
            let kernels::pair_result(a, b) = kernels::pair(1, 2);
            ::std::assert_eq!((a, b), (2, 1));
            ::std::assert_eq!(kernels::first(&5, &[5, 6, 7, 8]), &5);
            ::std::assert_eq!(kernels::r#in(9), 9);
            ::std::assert_eq!(kernels::elsewhere(4), 4);
            ::std::assert_eq!(unsafe { kernels::load(&8) }, 8);
            kernels::another_name();
        }"#,
    );
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition=2024", "-L", ".", "-lstatic=all", "-o", "main"]).arg(&program);
    run(rustc.current_dir(&directory.0));
    run(&mut Command::new(directory.0.join("main")));
}

#[test]
fn one_symbol_in_two_files_is_an_error_with_both_places() {
    let directory = Directory::new("twice");
    let one = directory.file("one.peach", "pub fn a() {}\npub fn sum(x: u64) -> u64 { return x; }");
    let two = directory.file("two.peach", "\n\npub fn sum() {}");
    let three = directory.file("three.peach", "#[export_name = \"sum\"] pub fn total() {}");
    let error = |files: [&PathBuf; 2]| {
        let mut build = Build::new();
        build.target("x86_64-unknown-linux-gnu").out_dir(&directory.0);
        files.iter().for_each(|file| ignore(build.file(file)));
        build.compile("both").expect_err("an error").to_string()
    };
    let text = error([&one, &two]);
    assert!(text.contains("the same symbol `sum`"), "{text}");
    assert!(text.contains("one.peach:2:8") && text.contains("two.peach:3:8"), "{text}");
    let text = error([&one, &three]);
    assert!(text.contains("the same symbol `sum`") && text.contains("three.peach:1:"), "{text}");
    assert!(!directory.0.join("libboth.a").exists());
    // Names of their own make two of them.
    let mut build = Build::new();
    build.file(&one).target("x86_64-unknown-linux-gnu").out_dir(&directory.0).debug(false);
    build.compile("one").expect("right");
}

/// The end of a chain of methods.
fn ignore(_: &mut Build) {}

/// Remedies name what a build script can write.
#[test]
fn helps_name_methods() {
    let directory = Directory::new("methods");
    let kernels = directory.file(
        "kernels.peach",
        "#[target_feature(enable = \"avx2\")] pub fn a() { vzeroupper; }\ninclude!(\"nowhere.peach\");",
    );
    let versions = directory.file(
        "versions.peach",
        "#[version(enable = \"avx2\")] #[version(enable = \"avx\")] pub fn a() { vzeroupper; }",
    );
    let needs = directory
        .file("needs.peach", "#[target_feature(enable = \"avx2\")] pub fn a() { vzeroupper; }");
    let error = |change: &dyn Fn(&mut Build)| {
        let mut build = Build::new();
        build.target("x86_64-unknown-linux-gnu").out_dir(&directory.0);
        change(&mut build);
        let error = build.compile("name").expect_err("an error");
        let text = error.to_string();
        assert_eq!(format!("{error:?}"), text);
        for flag in ["-m", "-I", "-f", "-S"] {
            assert!(!text.contains(&format!(" {flag}")), "{flag}: {text}");
        }
        text
    };
    let tells = |text: String, what: &str| assert!(text.contains(what), "{text}");
    tells(error(&|build| ignore(build.file(&kernels))), "`include` adds a directory");
    let text = error(&|build| ignore(build.file(&versions)));
    tells(text, "`cpu`");
    tells(error(&|build| ignore(build.file(&needs).cpu("nehalem"))), "`extension(\"avx2\")`");
    tells(error(&|build| ignore(build.file(&needs).extension("no-avx"))), "`extension(\"no-avx");
    tells(error(&|build| ignore(build.file(&needs).extension("avx3"))), "`extension(\"avx3\")`");
    let text = error(&|build| ignore(build.file(&needs).mangling("${nane}")));
    tells(text, "`mangling(\"${nane}\")`");
}

/// What a build script does when its crate is built for another architecture.
#[test]
fn other_architectures_have_no_kernels_and_no_error() {
    const TEST: &str = "other_architectures_have_no_kernels_and_no_error";
    if std::env::var("TARGET").is_ok_and(|target| target == "aarch64-unknown-linux-gnu") {
        let library = Build::new().file("kernels.peach").cpu("haswell").compile("fast");
        let library = library.expect("no error");
        assert!(library.headers.is_empty() && !library.archive.exists());
        return;
    }
    let directory = Directory::new("elsewhere");
    let mut script = Command::new(std::env::current_exe().expect("a path"));
    script.args(["--exact", TEST, "--nocapture"]);
    script.env("TARGET", "aarch64-unknown-linux-gnu").env("OUT_DIR", &directory.0);
    let text = run(&mut script);
    assert!(text.contains("cargo:rustc-check-cfg=cfg(peach_kernels)"), "{text}");
    assert!(text.contains("cargo:rerun-if-changed=kernels.peach"), "{text}");
    assert!(!text.contains("rustc-cfg=") && !text.contains("rustc-link"), "{text}");
    let declarations = fs::read_to_string(directory.0.join("fast.rs")).expect("a file");
    assert!(declarations.starts_with("// Kernels are for x86-64"), "{declarations}");
}

#[test]
fn sections_and_protection_are_as_they_are_asked_for() {
    if !have(&["readelf"]) {
        return;
    }
    let directory = Directory::new("sections");
    let file = directory.file("one.peach", "pub fn first(a: u32) -> u32 { return a; }");
    for is_wanted in [true, false] {
        let mut build = Build::new();
        build.file(&file).target("x86_64-unknown-linux-gnu").out_dir(&directory.0);
        build.function_sections(is_wanted).branch_protection(is_wanted);
        let library = build.compile("one").expect("a library");
        let said = run(Command::new("readelf").args(["-W", "-S", "-n"]).arg(&library.archive));
        assert_eq!(said.contains(" .text.first "), is_wanted, "{said}");
        assert_eq!(said.contains("x86 feature: IBT, SHSTK"), is_wanted, "{said}");
    }
}
