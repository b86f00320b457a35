//! Kernels from text, compiled while the program runs. (`memory.rs` shows that they free their
//! memory.)

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use peach_runtime::Pair;
use peach_runtime::jit::{self, Error, Library};

type Binary = extern "sysv64" fn(i32, i32) -> i32;

const ADD: &str = r#"extern "sysv64" fn add(a: i32, b: i32) -> i32 { add a, b; return a; }"#;

fn refusal<F: jit::Signature>(text: &str) -> String {
    jit::compile::<F>(text).unwrap_err().to_string()
}

/// Of text that may say `unsafe`.
fn unsafe_refusal<F: jit::Signature>(text: &str) -> String {
    // SAFETY: nothing comes of it.
    unsafe { jit::compile_unsafe::<F>(text) }.unwrap_err().to_string()
}

const LOAD: &str = "unsafe fn load(p: *const u64) -> u64 { mov rax, [p]; return rax; }";

#[test]
fn text_becomes_a_function() {
    let add = jit::compile::<Binary>(ADD).unwrap();
    assert_eq!(add.call(2, 3), 5);
    assert_eq!((add.name(), add.code().len()), ("add", 5));
    assert!(add.listing().contains("add edi, esi"), "{}", add.listing());
    assert!(add.listing().contains("add a, b;"), "{}", add.listing());
}

#[test]
fn every_kind_of_value_goes_in_and_out() {
    let half = jit::compile::<extern "C" fn(f64) -> f64>(
        "fn half(x: f64) -> f64 { mulsd x, f64(0.5); return x; }",
    );
    assert_eq!(half.unwrap().call(3.0), 1.5);
    let pair = jit::compile::<extern "win64" fn(u64, u64) -> Pair<u64, u64>>(
        r#"extern "win64" fn swap(a: u64, b: u64) -> (u64, u64) { return (b, a); }"#,
    );
    assert_eq!(pair.unwrap().call(1, 2), Pair(2, 1));
    let twelve = jit::compile::<
        extern "C" fn(u8, u16, u32, u64, usize, f32, i8, i16, i32, i64, isize, u64) -> u64,
    >(
        "fn f(a: u8, b: u16, c: u32, d: u64, e: usize, f: f32, g: i8, h: i16, i: i32, j: i64, k: isize, l: u64)
         -> u64 { let x = l; add x, d; return x; }",
    );
    assert_eq!(twelve.unwrap().call(1, 2, 3, 4, 5, 6.0, 7, 8, 9, 10, 11, 12), 16);
    let unit = jit::compile::<extern "C" fn()>("fn nothing() {}").unwrap();
    unit.call();
}

/// A lifetime in the type stands for any: the kernel keeps no reference.
#[test]
fn references_are_lent_for_a_call() {
    let store = jit::compile::<extern "C" fn(&'static mut [u32; 4], &'static u32)>(
        "fn store(to: &mut [u32; 2 + 2], from: &u32) {
             let v: gp32; mov v, [from]; for i in 0..4 { mov [to + 4*i], v; }
         }",
    )
    .unwrap();
    for round in 1..3 {
        let mut local = [0; 4];
        store.call(&mut local, &round);
        assert_eq!(local, [round; 4]);
    }
    let rows =
        jit::compile::<extern "C" fn(&'static mut [[u16; 2]; 3], &'static [[[u8; 1]; 2]; 4])>(
            "const ROWS = 3;
         fn store(to: &mut [[u16; 2]; ROWS], from: &[[[u8; 1]; 2]; ROWS + 1]) {
             for i in 0..6 { movzx eax, byte [from + i]; mov [to + 2*i], ax; }
         }",
        )
        .unwrap();
    let mut local = [[0; 2]; 3];
    rows.call(&mut local, &[[[1], [2]], [[3], [4]], [[5], [6]], [[7], [8]]]);
    assert_eq!(local, [[1, 2], [3, 4], [5, 6]]);
    let message = refusal::<extern "C" fn(&'static [[u8; 3]; 2])>("fn f(x: &[[u8; 2]; 3]) { }");
    assert!(message.contains("&[[u8; 2]; 3], not &[[u8; 3]; 2]"), "{message}");
}

#[test]
fn slices_are_a_pointer_and_a_length() {
    const LENGTH: &str = "fn length(x: &[u8]) -> usize { return x.len; }";
    let length = jit::compile::<unsafe extern "C" fn(*const u8, usize) -> usize>(LENGTH).unwrap();
    // SAFETY: they are those of a slice.
    assert_eq!(unsafe { length.call([1, 2, 3].as_ptr(), 3) }, 3);
    let message = refusal::<extern "C" fn(*const u8, usize) -> usize>(LENGTH);
    assert!(message.contains("calling it is unsafe"), "{message}");
}

#[test]
fn a_wrong_type_is_an_error() {
    let tells = |message: String, what: &str| assert!(message.contains(what), "{message}");
    tells(refusal::<extern "sysv64" fn(i32) -> i32>(ADD), "it has 2 parameters");
    tells(refusal::<extern "sysv64" fn(i32, i64) -> i32>(ADD), "parameter 2 is i32, not i64");
    tells(refusal::<extern "sysv64" fn(u32, i32) -> i32>(ADD), "parameter 1 is i32, not u32");
    tells(refusal::<extern "sysv64" fn(i32, i32) -> u32>(ADD), "its result is i32, not u32");
    tells(refusal::<extern "sysv64" fn(i32, i32)>(ADD), "its result is i32, not ()");
    tells(
        refusal::<extern "win64" fn(i32, i32) -> i32>(ADD),
        "its convention is sysv64, not win64",
    );
    assert!(jit::compile::<extern "C" fn(i32, i32) -> i32>(ADD).is_ok(), "C is sysv64 here");

    tells(unsafe_refusal::<extern "C" fn(*const u64) -> u64>(LOAD), "calling it is unsafe");
    tells(unsafe_refusal::<unsafe extern "C" fn(*mut u64) -> u64>(LOAD), "not *mut _");

    const FIRST: &str = "fn first(x: &[f32; 4]) -> f32 { movss xmm0, [x]; return xmm0; }";
    tells(refusal::<extern "C" fn(&'static [f32; 3]) -> f32>(FIRST), "&[f32; 4], not &[f32; 3]");
    tells(refusal::<extern "C" fn(&'static [f64; 4]) -> f32>(FIRST), "&[f32; 4], not &[f64; 4]");
    tells(refusal::<extern "C" fn(*const f32) -> f32>(FIRST), "makes the call unsafe");
    assert!(jit::compile::<unsafe extern "C" fn(*const f32) -> f32>(FIRST).is_ok());

    // A reference that comes back has a lifetime that no type here can state.
    const SAME: &str = "fn same(x: &u64) -> &u64 { return x; }";
    tells(refusal::<extern "C" fn(&'static u64) -> &'static u64>(SAME), "its result is &u64");
    assert!(jit::compile::<extern "C" fn(&'static u64) -> *const u64>(SAME).is_ok());

    let message = refusal::<extern "sysv64" fn(i64)>(ADD);
    let types = [
        r#"the kernel is extern "sysv64" fn(i32, i32) -> i32"#,
        r#"requested was extern "sysv64" fn(i64)"#,
    ];
    assert!(types.iter().all(|text| message.contains(text)), "{message}");
}

#[test]
fn a_library_has_several_kernels() {
    let text = "
        const STEP = 3;
        inline fn advance(x: gp64) { add x, STEP; }
        fn up(x: u64) -> u64 { advance(x); return x; }
        fn down(x: u64) -> u64 { sub x, STEP; return x; }
        #[target_feature(enable = \"padlock\")] fn never() {}
        #[version(enable = \"padlock\", N = 1)] #[version(N = 2)] fn which() -> u32 { return N; }";
    let library = Library::compile(text).unwrap();
    assert_eq!(library.names().collect::<Vec<_>>(), ["up", "down", "never", "which"]);
    let up = library.function::<extern "C" fn(u64) -> u64>("up").unwrap();
    let down = library.function::<extern "C" fn(u64) -> u64>("down").unwrap();
    let which = library.function::<extern "C" fn() -> u32>("which").unwrap();
    drop(library);
    assert_eq!((up.call(10), down.call(10), which.call()), (13, 7, 2));
    // SAFETY: they are not called.
    let (first, second) = unsafe { (up.pointer() as usize, down.pointer() as usize) };
    assert_eq!((first % 64, second % 64), (0, 0));
    assert!(first.abs_diff(second) <= 256, "they are in one mapping");

    let library = Library::compile(text).unwrap();
    let error = library.function::<extern "C" fn()>("never").unwrap_err();
    assert_eq!(error.to_string(), "kernel `never` cannot run: this CPU lacks padlock");
    let error = library.function::<extern "C" fn()>("sideways").unwrap_err();
    assert!(error.to_string().contains("`up`, `down`"), "{error}");
    let message = refusal::<extern "C" fn(u64) -> u64>(text);
    assert!(message.contains("4 kernels") && message.contains("`Library`"), "{message}");
    let message = refusal::<extern "C" fn(u64) -> u64>("");
    assert!(message.contains("no kernel"), "{message}");
}

#[test]
fn errors_show_the_text() {
    let message = refusal::<extern "C" fn(u64) -> u64>(
        "fn f(x: u64) -> u64 {\n    addd x, 1;\n    return x;\n}",
    );
    assert!(message.contains("E0201") && message.contains("kernels:2:5"), "{message}");
    assert!(message.contains("2 |     addd x, 1;") && message.contains("^^^^"), "{message}");
    let message = refusal::<extern "C" fn()>("fn f() {\n  x)\n}");
    assert!(message.contains("E0001") && message.contains("kernels:2:"), "{message}");
}

#[test]
fn what_belongs_to_a_rust_program_is_refused() {
    let refused = |text: &str| {
        let message = refusal::<extern "C" fn()>(text);
        assert!(message.contains("E0605"), "{message}");
    };
    refused("fn f() { mov rax, sym TABLE; }");
    refused("fn f() { mov eax, const { SIZE }; }");
    refused("#[embed = \"text\"] fn f() {}");
    refused("#[target_feature(enable = \"avx\")] fn f() {} #[fallback] fn f() {}");
    refused("#[cfg(unix)] fn f() {}");
}

#[test]
fn warnings_are_kept() {
    let library = Library::compile("fn f() { let unused: gp64; }").unwrap();
    assert!(library.warnings().contains("W0001"), "{}", library.warnings());
}

#[test]
fn threads_compile_call_and_drop() {
    std::thread::scope(|scope| {
        for n in 0..8 {
            scope.spawn(move || {
                for round in 0..20 {
                    let text = format!("fn f(x: u64) -> u64 {{ add x, {}; return x; }}", n * round);
                    let f = jit::compile::<extern "C" fn(u64) -> u64>(&text).unwrap();
                    assert_eq!(f.call(1), n * round + 1);
                }
            });
        }
    });
}

#[test]
fn errors_are_compared() {
    let error = jit::compile::<Binary>("").unwrap_err();
    assert!(matches!(&error, Error::NotOne { kernels, .. } if kernels.is_empty()));
    assert_eq!(error, error.clone());
}

#[test]
fn unsafe_text_needs_the_unsafe_entry() {
    type Load = unsafe extern "C" fn(*const u64) -> u64;
    let message = refusal::<Load>(LOAD);
    assert!(message.contains("error[E0501]") && message.contains("kernels:1:1"), "{message}");
    assert!(message.contains("compile_unsafe"), "{message}");
    // SAFETY: the kernel loads what its caller answers for.
    let load = unsafe { jit::compile_unsafe::<Load>(LOAD) }.unwrap();
    // SAFETY: it is the address of a number.
    assert_eq!(unsafe { load.call(&7) }, 7);

    // Wherever it stands, also where no kernel uses it.
    for text in [
        "fn f(x: u64) -> u64 { unsafe { mov rax, [x]; } return rax; }",
        "fn f() { { { if false { unsafe { nop; } } } } }",
        "inline fn g() { unsafe { nop; } } fn f() {}",
        "fn f() {} pub unsafe fn g() {}",
        "for N in 0..2 { unsafe fn f_{N}() {} }",
        "unsafe extern \"C\" fn f() {}",
        "fn f() { unsafe 'a: { jmp break 'a; } }",
        "#[unsafe(no_mangle)] fn f() {}",
    ] {
        let refused = Library::compile(text).unwrap_err().to_string();
        assert!(refused.contains("the text contains `unsafe`"), "{text}: {refused}");
    }
    // A type and a name promise nothing.
    for text in [
        "fn f(g: unsafe extern \"C\" fn()) {}",
        "fn f(g: Option<unsafe extern \"C\" fn()>) {}",
        "fn r#unsafe() {} // unsafe",
    ] {
        if let Err(error) = Library::compile(text) {
            panic!("{text}: {error}");
        }
    }
}

/// References do not come back with another lifetime than they went in with, alone or in pairs.
#[test]
fn returned_references_are_raw_pointers() {
    const TWICE: &str = "fn twice<'a>(x: &'a u64) -> (&'a u64, &'a u64) { return (x, x); }";
    type Ref = &'static u64;
    let message = refusal::<extern "C" fn(Ref) -> Pair<Ref, Ref>>(TWICE);
    assert!(message.contains("its result is Pair<"), "{message}");
    let message = refusal::<extern "C" fn(Ref) -> Pair<Ref, *const u64>>(TWICE);
    assert!(message.contains("its result is Pair<"), "{message}");
    type Raw = Pair<*const u64, *const u64>;
    let twice = jit::compile::<extern "C" fn(Ref) -> Raw>(TWICE).unwrap();
    let x = 7;
    assert_eq!(twice.call(&x), Pair(&raw const x, &raw const x));

    const MAYBE: &str = "fn maybe<'a>(x: Option<&'a u64>) -> Option<&'a u64> { return x; }";
    type Maybe = Option<std::ptr::NonNull<u64>>;
    let message = refusal::<unsafe extern "C" fn(*const u64) -> Maybe>(MAYBE);
    assert!(message.contains("its result is Option<&"), "{message}");
    assert!(jit::compile::<unsafe extern "C" fn(*const u64) -> *const u64>(MAYBE).is_ok());
}

#[test]
fn errors_are_shown_as_they_read() {
    let error = jit::compile::<Binary>("fn f() {\n    addd eax, 1;\n}").unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
    assert!(format!("{error:#?}").contains("2 |     addd eax, 1;"), "{error:#?}");
    let error = Library::compile("").unwrap().function::<Binary>("f").unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
    let boxed: Box<dyn std::error::Error> = error.into();
    assert_eq!(format!("{boxed:?}"), "unknown kernel `f`; the text has none");
}
