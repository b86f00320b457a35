//! Code in the text section, as rustc's own assembler takes it for Linux, Windows and macOS.
//!
//! The naked functions that the macro makes are compiled in a crate without any library, since
//! those of other targets may not be installed. Then the objects are read: bytes, alignment, and
//! the unwinding tables, which must be those that the object files of the same kernels have.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use object::{Object, ObjectSection, ObjectSymbol};
use peach_compiler::abi::{Convention, ImageFormat, SYSV64, WIN64};
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::emit::mangling::Naming;
use peach_compiler::emit::module::Processor;
use peach_compiler::emit::rust::{Platform, RustOptions, items};
use peach_compiler::emit::{Module, objects};
use peach_compiler::pipeline::{self, Target};
use peach_testing::tools::have;
use proc_macro2::{TokenStream, TokenTree};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What rustc's own crate needs of a core library, to compile naked functions.
const CORE: &str = r#"
#![feature(no_core, lang_items, rustc_attrs, decl_macro)]
#![no_core]
#![crate_type = "lib"]
#![allow(internal_features)]
#[lang = "pointee_sized"] pub trait PointeeSized {}
#[lang = "meta_sized"] pub trait MetaSized: PointeeSized {}
#[lang = "sized"] pub trait Sized: MetaSized {}
#[lang = "copy"] pub trait Copy {}
#[lang = "legacy_receiver"] pub trait LegacyReceiver {}
#[rustc_builtin_macro]
pub macro naked_asm("assembly template", $(operands,)* $(options($(option),*))?) {}
"#;

/// Kernels with every kind of frame, in the order of their names, as rustc has them.
const KERNELS: &str = r#"
    #[embed = "text"] fn leaf(x: u64) -> u64 { inc x; return x; }
    #[embed = "text"] unsafe fn pushes(x: u64) -> u64 {
        let frame: [u64; 40];
        mov [frame], x;
        push x;
        add x, [frame];
        push x;
        pop rcx;
        pop rcx;
        test x, x;
        jz 'early;
        mov rbx, x;
        add x, rbx;
        return x;
        'early: return rcx;
    }
    #[embed = "text"] unsafe fn pushes_over_vectors(x: u64) -> u64 {
        xmm6 = f64x2(1.0, 2.0);
        push x;
        add x, x;
        pop rcx;
        return x;
    }
    #[embed = "text"] unsafe fn realigns(x: u64) -> u64 {
        let frame: [u64; 8] align 256;
        mov [frame + 56], x;
        push x;
        add x, [frame + 56];
        pop rcx;
        return x;
    }
    #[embed = "text"] #[endbr64] unsafe fn saves(x: u64) -> u64 {
        let frame: [u64; 40];
        let v: [gp64; 12];
        mov [frame], x;
        for i in 0..12 { mov v[i], [frame]; }
        for i in 1..12 { add v[0], v[i]; }
        return v[0];
    }
    #[embed = "text"] unsafe fn saves_vectors(x: u64) -> f64 {
        let w: [xmm; 12];
        let frame: [f64; 2];
        for i in 0..12 { cvtsi2sd w[i], x; }
        for i in 1..12 { addsd w[0], w[i]; }
        movsd [frame + 8], w[0];
        addsd w[0], f64(2.0);
        addsd w[0], [frame + 8];
        return w[0];
    }
"#;

const NAMES: [&str; 6] =
    ["leaf", "pushes", "pushes_over_vectors", "realigns", "saves", "saves_vectors"];

/// An object with the kernels.
struct Built {
    path: PathBuf,
    /// The bytes of each kernel, as the compiler made them.
    codes: Vec<Vec<u8>>,
}

fn platform(native: &'static Convention) -> Platform {
    if native == &WIN64 { Platform::Win64 } else { Platform::SysV64 }
}

/// Compiles the kernels' naked functions for a target.
fn build(target: &str, native: &'static Convention) -> Built {
    let tokens: TokenStream = KERNELS.parse().unwrap();
    let compilation = pipeline::compile(tokens, Target::in_rust(native));
    assert!(!compilation.diagnostics.has_errors(), "{:#?}", compilation.diagnostics);
    let options = RustOptions { platform: platform(native), ..RustOptions::default() };
    let mut bodies = Vec::new();
    naked_bodies(items(&compilation, options), &mut bodies);
    assert_eq!(bodies.len(), NAMES.len());
    let mut source = CORE.to_string();
    for (name, body) in NAMES.iter().zip(bodies) {
        let path = format!("< {name} :: __PeachSource > :: {name}");
        let body = body.replace(&path, name);
        source.push_str(&format!(
            "#[cfg_attr(target_vendor = \"apple\", unsafe(link_section = \"__TEXT,__peach\"))]\n\
             #[unsafe(naked)] #[unsafe(no_mangle)]\n\
             pub unsafe extern \"C\" fn {name}() {{ naked_asm!({body}) }}\n"
        ));
    }
    let path = scratch(&format!("{target}.rs"));
    std::fs::write(&path, source).unwrap();
    let object = path.with_extension("o");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        .args([
            "--edition=2024",
            "-Copt-level=2",
            "-Cpanic=abort",
            "--emit=obj",
            "--target",
            target,
        ])
        .arg("-o")
        .args([&object, &path])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let codes = compilation.kernels.iter().map(|group| group.versions[0].encoded.bytes.clone());
    Built { path: object, codes: codes.collect() }
}

/// The content of each `naked_asm!`, in order.
fn naked_bodies(tokens: TokenStream, found: &mut Vec<String>) {
    let mut after_name = false;
    for token in tokens {
        match token {
            TokenTree::Group(group) if after_name => found.push(group.stream().to_string()),
            TokenTree::Group(group) => naked_bodies(group.stream(), found),
            TokenTree::Ident(name) => after_name = name == "naked_asm",
            TokenTree::Punct(punct) => after_name &= punct.as_char() == '!',
            TokenTree::Literal(_) => {}
        }
    }
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// What an LLVM tool says of a file.
fn ask(tool: &str, option: &str, file: &Path) -> String {
    if !have(&[tool]) {
        return String::new();
    }
    let output = Command::new(tool).arg(option).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The lines of `text` that start with one of `starts`, without the space around.
fn lines<'t>(text: &'t str, starts: &[&str]) -> Vec<&'t str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| starts.iter().any(|start| line.starts_with(start))).collect()
}

/// Every kernel is in the object with its bytes, at a multiple of 64 in a section aligned so.
fn has_the_code(built: &Built) {
    let data = std::fs::read(&built.path).unwrap();
    let file = object::File::parse(&*data).unwrap();
    for (name, code) in NAMES.iter().zip(&built.codes) {
        let named = |symbol: &object::Symbol<'_, '_>| {
            symbol.name().is_ok_and(|is| is.trim_start_matches('_') == *name)
        };
        let symbol = file.symbols().find(named).unwrap_or_else(|| panic!("{name} is missing"));
        let section = file.section_by_index(symbol.section_index().unwrap()).unwrap();
        let offset = symbol.address() - section.address();
        assert_eq!((symbol.address() % 64, section.align() % 64), (0, 0), "{name}");
        let bytes = &section.data().unwrap()[offset as usize..];
        assert_eq!(&bytes[..code.len()], code, "{name}");
    }
    let saves = &built.codes[4];
    assert_eq!(saves[..4], [0xF3, 0x0F, 0x1E, 0xFA], "endbr64 comes before the prologue");
}

const CALL_FRAMES: [&str; 2] = ["DW_CFA_", "Augmentation:"];

/// `debuggers.rs` shows that these are right.
fn call_frames_of_linux() -> String {
    let built = build("x86_64-unknown-linux-gnu", &SYSV64);
    has_the_code(&built);
    ask("llvm-dwarfdump", "--eh-frame", &built.path)
}

#[test]
fn macos_has_the_call_frames_of_linux() {
    let built = build("x86_64-apple-darwin", &SYSV64);
    has_the_code(&built);
    let linux = call_frames_of_linux();
    let macos = ask("llvm-dwarfdump", "--eh-frame", &built.path);
    let is_padding = |line: &&str| *line != "DW_CFA_nop:";
    let of = |text: &str| -> Vec<String> {
        lines(text, &CALL_FRAMES).into_iter().filter(is_padding).map(str::to_string).collect()
    };
    assert!(linux.is_empty() || of(&linux).len() > 40, "{linux}");
    assert_eq!(of(&macos), of(&linux));
    // What the word of the compact table cannot express, so that it refers to DWARF.
    let compact = ask("llvm-objdump", "--unwind-info", &built.path);
    assert!(!lines(&compact, &["compact encoding:"]).is_empty() || linux.is_empty(), "{compact}");
    assert!(lines(&compact, &["compact encoding:"]).iter().all(|line| line.contains("0x04000000")));
}

#[test]
fn windows_has_the_unwind_codes_of_the_object_file() {
    const CODES: [&str; 4] = ["PrologSize:", "FrameRegister:", "FrameOffset:", "0x"];
    let tokens: TokenStream = KERNELS.parse().unwrap();
    let mut module = Module::new("kernels", Target::in_rust(&WIN64));
    let compilation = pipeline::compile(tokens, Target::in_rust(&WIN64));
    module.add(compilation, &[], Processor::Any, &Naming::default(), &mut Diagnostics::new());
    let options = objects::Options::new(ImageFormat::MsCoff);
    let written = scratch("written.obj");
    std::fs::write(&written, objects::write(&module, &options).unwrap()).unwrap();
    let wanted = ask("llvm-readobj", "--unwind", &written);
    let wanted = lines(&wanted, &CODES);

    for target in ["x86_64-pc-windows-gnu", "x86_64-pc-windows-msvc", "x86_64-unknown-uefi"] {
        let built = build(target, &WIN64);
        has_the_code(&built);
        let text = ask("llvm-readobj", "--unwind", &built.path);
        assert_eq!(lines(&text, &CODES), wanted, "{target}: {text}");
        let found = |what: &str| text.contains(what) || text.is_empty();
        assert!(found("SAVE_XMM128 reg=XMM6") && found("SET_FPREG reg=RBP"), "{text}");
        assert!(found("PUSH_NONVOL reg=RBX") && found("ALLOC_LARGE size=320"), "{text}");
    }
}
