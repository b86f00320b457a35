//! Memory: the stack, arguments, constants and tables.

use super::{Kind, repeat};

pub const KINDS: &[Kind] = &[
    ("pushes", pushes),
    ("pushes in turn", pushes_in_turn),
    ("stack variables", locals),
    ("variables over blocks", locals_over_blocks),
    ("arguments", arguments),
    ("arguments in loops", arguments_in_loops),
    ("constants", constants),
    ("wide constants", wide_constants),
    ("tables", tables),
    ("table", table),
    ("bytes of a table", table_bytes),
    ("raw bytes", raw_bytes),
    ("alignments", alignments),
    ("constants of rustc", rust_constants),
    ("symbols", symbols),
];

fn pushes(count: usize) -> String {
    let body = repeat(count, |_| "push x;".to_string()) + &repeat(count, |_| "pop x;".to_string());
    format!("fn f(x: u64) -> u64 {{ {body} return x; }}")
}

fn locals(count: usize) -> String {
    let set = repeat(count, |n| format!("let slot{n}: u64; mov [slot{n}], x;"));
    let sum = repeat(count, |n| format!("add x, [slot{n}];"));
    format!("fn f(x: u64) -> u64 {{ {set} {sum} return x; }}")
}

fn arguments(count: usize) -> String {
    let list = repeat(count, |n| format!("a{n}: u64,"));
    let sum = repeat(count, |n| format!("add sum, a{n};"));
    format!("fn f({list}) -> u64 {{ let sum: gp64 = 0; {sum} return sum; }}")
}

fn constants(count: usize) -> String {
    let body = repeat(count, |n| format!("addps x, f32x4({n}.0);"));
    format!("fn f(x: __m128) -> __m128 {{ {body} return x; }}")
}

fn table(count: usize) -> String {
    let list = repeat(count, |n| format!("{n},"));
    format!(
        "const T: [u32; {count}] = [{list}];
        unsafe fn f() -> u32 {{ let r: gp32; mov r, [T + 8]; return r; }}"
    )
}

fn pushes_in_turn(count: usize) -> String {
    let body = repeat(count, |n| format!("push x; jz 'l{n}; 'l{n}: pop x;"));
    format!("fn f(x: u64) -> u64 {{ test x, x; {body} return x; }}")
}

/// All written on entry and read in the last block.
fn locals_over_blocks(count: usize) -> String {
    let set = repeat(count, |n| format!("let slot{n}: u64; mov [slot{n}], x; jz 's{n}; 's{n}:"));
    let sum = repeat(count, |n| format!("add x, [slot{n}]; jz 'l{n}; 'l{n}:"));
    format!("fn f(x: u64) -> u64 {{ test x, x; {set} {sum} return x; }}")
}

fn arguments_in_loops(count: usize) -> String {
    let list = repeat(count, |n| format!("a{n}: u64,"));
    let sum = repeat(count, |n| format!("'l{n}: add sum, a{n}; jnc 'l{n};"));
    format!("fn f({list}) -> u64 {{ let sum: gp64 = 0; {sum} return sum; }}")
}

fn wide_constants(count: usize) -> String {
    let body = repeat(count, |n| format!("addps x, f32x4({n}.0, 1.0, 2.0, {n}.5);"));
    format!("fn f(x: __m128) -> __m128 {{ {body} return x; }}")
}

fn tables(count: usize) -> String {
    let items = repeat(count, |n| format!("const T{n}: [u32; 2] = [{n}, 1];"));
    let body = repeat(count, |n| format!("add r, [T{n}];"));
    format!("{items} fn f() -> u32 {{ let r: gp32 = 0; {body} return r; }}")
}

fn table_bytes(count: usize) -> String {
    format!(
        "const T: [u8; {count}] = *b\"{}\";
        fn f() -> u8 {{ let r: gp8; mov r, [T]; return r; }}",
        "a".repeat(count)
    )
}

fn raw_bytes(count: usize) -> String {
    format!("unsafe fn f() {{ {} }}", repeat(count, |_| "db 0x90, 0x90;".into()))
}

fn alignments(count: usize) -> String {
    let body = repeat(count, |n| format!("add x, {n}; align 16; jz 'l{n}; dec x; 'l{n}:"));
    format!("fn f(x: u64) -> u64 {{ {body} return x; }}")
}

fn rust_constants(count: usize) -> String {
    let body = repeat(count, |n| format!("add x, const {{ {n} + 1 }};"));
    format!("fn f(x: u64) -> u64 {{ {body} return x; }}")
}

fn symbols(count: usize) -> String {
    let body = repeat(count, |n| format!("mov t, sym crate::S{n}; add x, t;"));
    format!("unsafe fn f(x: u64) -> u64 {{ let t: gp64; {body} return x; }}")
}
