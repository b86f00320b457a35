//! Which kernels are found in which files.

use peach_build::{Compiled, Error, Platform, Request};
use peach_compiler::emit::mangling::Naming;
use std::fs;
use std::path::{Path, PathBuf};

/// A directory with files, for one test.
struct Files(PathBuf);

impl Files {
    fn new(name: &str, files: &[(&str, &str)]) -> Files {
        let path = std::env::temp_dir().join(format!("peach-source-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        for (name, text) in files {
            let file = path.join(name);
            fs::create_dir_all(file.parent().expect("a directory")).expect("a directory");
            fs::write(file, text).expect("written");
        }
        Files(path)
    }

    fn compile(&self, name: &str, request: &Request<'_>) -> Result<Compiled, Error> {
        let platform = Platform::new(request)?;
        let directories = [self.0.join("include")];
        let naming = Naming::default();
        peach_build::compile(&self.0.join(name), &platform, &directories, &naming, &mut ())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn names(compiled: &Compiled) -> Vec<&str> {
    compiled.module.functions.iter().map(|function| function.symbol.as_str()).collect()
}

/// The kernels of a file `kernels.rs` with this text.
fn found(text: &str) -> Vec<String> {
    found_for(text, &Request::default())
}

fn found_for(text: &str, request: &Request<'_>) -> Vec<String> {
    let name = format!("{:p}-{:?}", text, std::thread::current().id());
    let files = Files::new(&name, &[("kernels.rs", text)]);
    match files.compile("kernels.rs", request) {
        Ok(compiled) => names(&compiled).into_iter().map(str::to_string).collect(),
        Err(error) => panic!("{error}"),
    }
}

fn refused(name: &str, files: &[(&str, &str)]) -> String {
    let files = Files::new(name, files);
    files.compile("kernels.rs", &Request::default()).expect_err("an error").to_string()
}

#[test]
fn every_invocation_is_found_wherever_it_stands() {
    let text = r#"#!/usr/bin/env run
        //! A file.
        use peach_runtime::peach_fn;
        peach_fn! { fn a() { nop; } }
        mod inner { peach_runtime::peach_fn!(fn b() { nop; }); mod deeper { peach_fn![fn c() { nop; }]; } }
        fn f() -> [u8; { 3 }] { peach_fn! { fn d() { nop; } } let x = { peach_fn! { fn e() { nop; } } 1 }; }
        impl Foo for Bar { fn g() { peach_fn! { fn f() { nop; } } } }
        some_macro! { peach_fn! { fn g() { nop; } } }
        const TEXT: &str = "peach_fn! { fn h() { nop; } }"; // peach_fn! { fn i() { nop; } }
    "#;
    assert_eq!(found(text), ["a", "b", "c", "d", "e", "f", "g"]);
}

#[test]
fn another_name_of_the_macro_is_its_name_too() {
    assert_eq!(
        found("use peach_runtime::{peach_fn as kernels, Kernel}; kernels! { fn a() { nop; } }"),
        ["a"]
    );
}

#[test]
fn bare_files_are_kernels_from_end_to_end() {
    let text = "//! A file.\n#![cfg(target_arch = \"x86_64\")]\nconst N = 3;\ninline fn twice() { nop; nop; }\n\
                /// A kernel.\npub fn a() { twice(); }\nfor B in 1..=2 { pub fn b_{B}() { nop; } }";
    assert_eq!(found(text), ["a", "b_1", "b_2"]);
}

#[test]
fn what_a_configuration_excludes_is_left_out() {
    let text = r#"
        #[cfg(unix)] mod a { peach_fn! { fn a() { nop; } } }
        #[cfg(windows)] mod b { peach_fn! { fn b() { nop; } } }
        mod c { #![cfg(not(unix))] peach_fn! { fn c() { nop; } } }
        #[cfg(windows)] const D: [u8; 1] = { peach_fn! { fn d() { nop; } } [0; 1] };
        #[cfg(windows)] fn generic<A, B>() { peach_fn! { fn e() { nop; } } }
        #[cfg(test)] mod tests { peach_fn! { fn f() { nop; } } }
        peach_fn! {
            #[cfg(target_pointer_width = "64")] fn g() { nop; }
            #[cfg(windows)] fn g() { nop; nop; }
            #[cfg_attr(windows, cfg(unix))] fn h() { nop; }
            #[cfg_attr(unix, cfg(windows))] fn i() { nop; }
            #[cfg_attr(unix, export_name = "renamed", must_use)] fn j() -> u32 { return 1; }
            for B in 1..=2 { #[cfg(windows)] fn k_{B}() { nop; } #[cfg(unix)] fn l_{B}() { nop; } }
            #[cfg(target_feature = "avx2")] fn m() { nop; }
            #[cfg(feature = "more")] fn n() { nop; }
        }
    "#;
    assert_eq!(found(text), ["a", "g", "h", "renamed", "l_1", "l_2"]);
    let request = Request { abi: Some("ms"), ..Request::default() };
    let theirs = ["b", "c", "d", "e", "g", "g"];
    let files = Files::new("windows", &[("kernels.rs", text)]);
    let error = files.compile("kernels.rs", &request).expect_err("two kernels are called `g`");
    assert!(
        error.to_string().contains("E0604") || error.to_string().contains("E0004"),
        "{error} {theirs:?}"
    );
    let cfg = ["feature=\"more\"".to_string()];
    let request = Request { cpu: Some("haswell"), cfg: &cfg, ..Request::default() };
    assert_eq!(found_for(text, &request), ["a", "g", "h", "renamed", "l_1", "l_2", "m", "n"]);
}

#[test]
fn alternatives_are_told_from_versions() {
    let text = r#"
        peach_fn! {
            #[cfg(a)] #[target_feature(enable = "avx512f")] fn f() { nop; }
            #[cfg(a)] fn f() { nop; }
            #[cfg(not(a))] fn f() -> u64 { return 1; }
            #[cfg(b)] #[target_feature(enable = "avx512f")] fn f() { nop; }
            #[cfg(c)] #[fallback] fn f() {}
            #[fallback] fn g() {}
            #[cfg(not(c))] fn g() { nop; }
        }
    "#;
    let given = |cfg: &[&str]| {
        let cfg: Vec<String> = cfg.iter().map(|cfg| cfg.to_string()).collect();
        let files = Files::new("alternatives", &[("kernels.rs", text)]);
        let cpu = Some("haswell");
        files.compile("kernels.rs", &Request { cfg: &cfg, cpu, ..Request::default() })
    };
    for cfg in [&[][..], &["a"], &["b"]] {
        let found = given(cfg);
        let both = cfg == ["b"];
        assert_eq!(found.is_err(), both, "{cfg:?}");
        assert!(found.is_err() || names(&found.expect("right")) == ["f", "g"], "{cfg:?}");
    }
    let both = given(&["a", "b"]).expect_err("two exist").to_string();
    assert!(
        both.contains("error[E0004]: two kernels `f` with different `#[cfg]`s exist here")
            && both.contains("kernels.rs:6:64")
            && both.contains("the first one"),
        "{both}"
    );
    let fallback = given(&["a", "c"]).expect_err("a fallback of nothing").to_string();
    assert!(fallback.contains("no kernel `f` has the `#[cfg]` of this fallback"), "{fallback}");
}

#[test]
fn macros_that_make_kernels_are_expanded() {
    let text = r#"
        macro_rules! add_all {
            ($($name:ident = $value:literal as $class:ident),+ $(,)?) => {
                peach_fn! { $( pub fn $name(a: u64) -> u64 { let t: $class = $value; add a, t; return a; } )+ }
            };
        }
        macro_rules! outer { ($vis:vis $a:ident $ty:ty) => { peach_fn! { $vis fn $a(x: $ty) { nop; } } outer!(@ $a); }; (@ $b:tt) => {}; }
        macro_rules! unrelated { ($($x:expr),*) => { [$($x),*] } }
        add_all! { one = 1 as gp64, two = -2 as gp64, }
        outer!(pub(crate) three &[f32; 4]);
        const X: [u8; 2] = unrelated!(1 + 1, 3);
    "#;
    assert_eq!(found(text), ["one", "two", "three"]);
}

#[test]
fn modules_and_includes_are_followed() {
    let files = Files::new(
        "follow",
        &[
            (
                "kernels.rs",
                "mod a; #[path = \"other/b.rs\"] mod b; mod c { mod d; }\ninclude!(\"e.rs\"); include!(\"f.rs\");",
            ),
            ("a/mod.rs", "mod deep; peach_fn! { fn a() { nop; } }"),
            ("a/deep.rs", "peach_fn! { fn deep() { nop; } }"),
            ("other/b.rs", "peach_fn! { fn b() { nop; } }"),
            ("c/d.rs", "peach_fn! { fn d() { nop; } }"),
            ("e.rs", "peach_fn! { fn e() { nop; } }"),
            ("include/f.rs", "peach_fn! { fn f() { nop; } }"),
            ("bare.peach", "include!(\"g.peach\"); fn h() { twice(); }"),
            (
                "include/g.peach",
                "inline fn twice() { nop; nop; }\n#[cfg(windows)]\nfn w() { nop; }",
            ),
        ],
    );
    let compiled = files.compile("kernels.rs", &Request::default()).expect("right");
    assert_eq!(names(&compiled), ["deep", "a", "b", "d", "e", "f"]);
    let inputs: Vec<&Path> =
        compiled.inputs().map(|path| path.strip_prefix(&files.0).expect("inside")).collect();
    let expected =
        ["kernels.rs", "a/mod.rs", "a/deep.rs", "other/b.rs", "c/d.rs", "e.rs", "include/f.rs"];
    assert_eq!(inputs, expected.map(Path::new));
    let compiled = files.compile("bare.peach", &Request::default()).expect("right");
    assert_eq!((names(&compiled), compiled.inputs().count()), (vec!["h"], 2));
}

#[test]
fn files_that_are_missing_or_wrong_are_told_where_they_are_named() {
    let missing = refused("missing", &[("kernels.rs", "mod nowhere;")]);
    assert!(
        missing.contains("error[E0606]: the file of module `nowhere` was not found"),
        "{missing}"
    );
    assert!(missing.contains("kernels.rs:1:5") && missing.contains("nowhere/mod.rs"), "{missing}");
    let cycle =
        refused("cycle", &[("kernels.rs", "include!(\"a.rs\");"), ("a.rs", "include!(\"a.rs\");")]);
    assert!(cycle.contains("includes itself"), "{cycle}");
    let unknown =
        refused("unknown", &[("kernels.rs", "include!(concat!(env!(\"OUT_DIR\"), \"/a.rs\"));")]);
    assert!(unknown.contains("only rustc can evaluate"), "{unknown}");
    // The place of an error is that of the file that it is in.
    let inner = refused(
        "inner",
        &[("kernels.rs", "\n\nmod a;"), ("a.rs", "peach_fn! { fn a() { movz eax, 1; } }")],
    );
    assert!(inner.contains("a.rs:1:22") && inner.contains("movz"), "{inner}");
    let both = refused(
        "both",
        &[
            ("kernels.rs", "peach_fn! { fn a() { nop; } }\nmod a;"),
            ("a.rs", "peach_fn! { fn a() { nop; } }"),
        ],
    );
    assert!(
        both.contains("a.rs:1:16")
            && both.contains("the first one: ")
            && both.contains("kernels.rs:1:16"),
        "{both}"
    );
}

#[test]
fn a_file_without_kernels_is_told_why() {
    let of = |name, text| refused(name, &[("kernels.rs", text)]);
    assert!(of("rust", "fn main() { println!(); }").contains("no `peach_fn! { … }` was found"));
    assert!(of("empty", "// nothing").contains("the file is empty"));
    assert!(
        of("cfg", "#[cfg(windows)] peach_fn! { fn a() { nop; } }").contains("excluded by `#[cfg]`")
    );
    let fallback = "peach_fn! { #[cfg(windows)] fn a() { nop; } #[fallback] fn a() {} }";
    assert!(of("fallback", fallback).contains("excluded by `#[cfg]`"));
    let tokens = of("tokens", "fn a() { nop; )");
    assert!(tokens.contains("cannot be split") && tokens.contains("kernels.rs:1:15"), "{tokens}");
}

#[test]
fn kernels_of_a_convention_that_nothing_can_call_are_left_out_with_a_warning() {
    let text = "fn a() { nop; }\nextern \"win64\" fn b() { nop; }";
    let files = Files::new("foreign", &[("kernels.rs", text)]);
    let x32 = Request { abi: Some("x32"), ..Request::default() };
    let compiled = files.compile("kernels.rs", &x32).expect("right");
    assert_eq!(names(&compiled), ["a"]);
    assert!(compiled.warnings.to_string().contains("W0004"), "{}", compiled.warnings);
    let sysv = files.compile("kernels.rs", &Request { abi: Some("sysv"), ..Request::default() });
    assert_eq!(names(&sysv.expect("right")), ["a", "b"]);
}

#[test]
fn groups_that_nest_without_end_are_an_error() {
    let deep = format!("mod a {{ {}1{} }}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(refused("deep", &[("kernels.rs", &deep)]).contains("nested more than"));
    let endless = "macro_rules! m { () => { m!(); peach_fn! {} } } m!();";
    assert!(refused("endless", &[("kernels.rs", endless)]).contains("nested more than"));
}
