//! Programs close to the refused ones, which are correct: names that shadow, types that are what
//! they seem, and results that are arguments.

use std::process::Command;

/// What generated code might bind, and what it did bind once.
const NAMES: [&str; 22] = [
    "entry",
    "result",
    "low",
    "high",
    "first",
    "second",
    "bits",
    "code",
    "value",
    "address",
    "a0",
    "b0",
    "pointer",
    "len",
    "source",
    "function",
    "kernel",
    "shape",
    "argument_0",
    "types",
    "private",
    "x0",
];

const KINDS: [&str; 8] = [
    "pub const NAME: i8 = 1;",
    "pub static NAME: i8 = 1;",
    "pub struct NAME;",
    "pub fn NAME() {}",
    "pub mod NAME {}",
    "pub type NAME = ();",
    "pub enum NAME {}",
    "macro_rules! NAME { () => {} }",
];

const PRIMITIVES: [&str; 16] = [
    "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize", "f32",
    "f64", "bool", "char",
];

const KERNELS: &str = r#"
    peach_fn! {
        pub fn sum(x: u64, y: u64) -> u64 { add x, y; return x; }
        #[embed = "text"] pub fn sum_in_text(x: u64, y: u64) -> u64 { add x, y; return x; }
        pub fn swap(x: u64, y: u64) -> (u64, u64) { return (y, x); }
        pub fn packed(x: u32, y: u32) -> (u32, u32) { return (y, x); }
        pub fn wide(x: u128) -> u128 { return (x.lo, x.hi); }
        pub fn length(_: u8, s: &[u8]) -> usize { return s.len; }
        #[target_feature(enable = "padlock")] pub fn falls(s: &str) -> usize { return s.len; }
        #[fallback] pub fn falls(s: &str) -> usize { s.len() }
        pub fn many(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64) -> u64 { return g; }
        pub fn constant() -> u64 { let t: gp64; mov t, const { 6 * 7 }; return t; }
        pub fn symbol() -> *const core::primitive::u8 { let t: gp64; mov t, sym super::STATIC; return t; }
    }
    pub fn run() {
        assert_eq!((sum(1, 2), sum_in_text(3, 4), swap(1, 2), packed(3, 4)), (3, 7, (2, 1), (4, 3)));
        assert_eq!((wide(1 << 77), length(0, b"four"), falls("three"), constant()), (1 << 77, 4, 5, 42));
        assert_eq!((many(1, 2, 3, 4, 5, 6, 7), symbol()), (7, (&raw const super::STATIC).cast()));
        assert_eq!((falls::KERNEL.is_supported(), sum::KERNEL.get()(1, 1)), (false, 2));
    }
"#;

const RESULTS: &str = r#"
    use std::ptr::NonNull;
    use std::arch::x86_64::__m128;
    use std::arch::x86_64 as vectors;
    struct Thin<T>(T);
    type Array = [u32; 3];
    peach_fn! {
        const N = 4;
        pub fn same<'a>(x: &'a Array) -> &'a Array { return x; }
        pub fn elided(x: &mut Thin<String>) -> &mut Thin<String> { return x; }
        pub fn counted<'a>(x: &'a [u8; N]) -> &'a [u8; N] { return x; }
        pub fn non_null(x: NonNull<String>) -> (NonNull<String>, NonNull<String>) { return (x, x); }
        pub fn option<'a>(x: Option<&'a mut String>) -> Option<&'a mut String> { return x; }
        pub fn function(x: Option<fn(&mut u8)>) -> (Option<fn(&mut u8)>, Option<fn(&mut u8)>) { return (x, x); }
        pub fn pointer(x: *const Thin<&'static str>) -> *const Thin<&'static str> { return x; }
        pub fn vector(x: __m128, y: vectors::__m128) -> __m128 { return y; }
        pub fn outlives<'a, 'b: 'a>(x: &'a Thin<&'b u8>) -> &'a Thin<&'b u8> { return x; }
    }
    pub fn run() {
        let text = String::from("text");
        assert_eq!(same(&[1, 2, 3]), same::KERNEL.get()(&[1, 2, 3]));
        assert_eq!(elided(&mut Thin(text.clone())).0, "text");
        assert_eq!(counted(b"four"), b"four");
        let place = NonNull::from(&text);
        assert_eq!(non_null(place), (place, place));
        assert_eq!(option(Some(&mut text.clone())).map(|text| text.len()), Some(4));
        assert!(function(None).1.is_none() && pointer(&raw const THIN) == &raw const THIN);
        assert_eq!(*outlives(&Thin(&7)).0, 7);
        let _ = vector;
    }
    static THIN: Thin<&'static str> = Thin("thin");
"#;

/// All of them, as modules of one program.
pub(super) fn program() -> String {
    let mut modules = Vec::new();
    for kind in KINDS {
        let items: String = NAMES.iter().map(|name| kind.replace("NAME", name)).collect();
        modules.push(format!("mod around {{ {items} }} use self::around::*; {KERNELS}"));
    }
    modules.extend(PRIMITIVES.iter().map(|name| shadowed(name)));
    modules.push(RESULTS.to_string());
    modules.push(format!(
        "mod peach_runtime {{}} mod core {{}} mod std {{}} {}",
        KERNELS.replace("core::primitive", "::core::primitive")
    ));
    let count = modules.len();
    let mut program =
        String::from("#![forbid(unsafe_code)] #![allow(warnings)] pub static STATIC: u8 = 0;\n");
    for (index, module) in modules.iter().enumerate() {
        program += &format!("mod m{index} {{ use ::peach_runtime::peach_fn; {module} }}\n");
    }
    let calls: String = (0..count).map(|index| format!("m{index}::run();")).collect();
    program + &format!("fn main() {{ {calls} println!(\"{count} are right\"); }}")
}

/// A primitive type after a type of the same name.
fn shadowed(name: &str) -> String {
    format!(
        "struct {name}; peach_fn! {{ pub fn k(x: &::core::primitive::{name}) -> *const ::core::primitive::{name} {{ return x; }}
             pub fn same<'a>(x: &'a {name}) -> &'a {name} {{ return x; }} }}
         pub fn run() {{
             let value = <::core::primitive::{name}>::default();
             assert_eq!(k(&value), &raw const value);
             assert_eq!(same(&value), same::KERNEL.get()(&value));
         }}"
    )
}

pub(super) fn assert_fine(mut program: Command) {
    let output = program.output().unwrap();
    let text = String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned();
    assert!(output.status.success() && text.contains("are right"), "{program:?}: {text}");
}
