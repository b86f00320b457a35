//! Memory in plain code: what the safety proof looks at.

use super::{Kind, name, repeat};

pub const KINDS: &[Kind] = &[
    ("checked accesses", checked),
    ("accesses of a slice", accesses),
    ("compared accesses", compared),
    ("indexed accesses", indexed),
    ("plain loops", loops),
    ("accesses of a loop", accesses_of_a_loop),
    ("blocks of a loop", blocks_of_a_loop),
    ("regions", regions),
    ("weak stores", weak_stores),
    ("valid results", valid_results),
    ("plain variables", plain_variables),
];

fn checked(count: usize) -> String {
    let body = repeat(count, |n| format!("add sum, [x + {}];", n % 500 * 8));
    format!("fn f(x: &[u64; 500]) -> u64 {{ let sum: gp64 = 0; {body} return sum; }}")
}

fn accesses(count: usize) -> String {
    let body = repeat(count, |n| format!("add sum, [x.ptr + {}];", 8 * n));
    format!(
        "fn f(x: &[u64]) -> u64 {{
            let sum: gp64 = 0; cmp x.len, {count}; jb 'end; {body} 'end: return sum; }}"
    )
}

/// Each with a comparison of its own.
fn compared(count: usize) -> String {
    let body =
        repeat(count, |n| format!("cmp x.len, {}; jb 'end; add sum, [x.ptr + {}];", n + 1, 8 * n));
    format!("fn f(x: &[u64]) -> u64 {{ let sum: gp64 = 0; {body} 'end: return sum; }}")
}

fn indexed(count: usize) -> String {
    let body = repeat(count, |n| {
        format!(
            "mov i, y; shr i, {}; cmp i, x.len; jae 'l{n}; add sum, [x.ptr + i*8]; 'l{n}:",
            n % 60
        )
    });
    format!(
        "fn f(x: &[u64], y: u64) -> u64 {{ let i: gp64; let sum: gp64 = 0; {body} return sum; }}"
    )
}

fn loops(count: usize) -> String {
    let body = repeat(count, |n| {
        format!(
            "i = x.len; test i, i; jz 'e{n}; 'l{n}: add sum, [x.ptr + i*8 - 8]; dec i; jnz 'l{n};
            'e{n}:"
        )
    });
    format!("fn f(x: &[u64]) -> u64 {{ let i: gp64; let sum: gp64 = 0; {body} return sum; }}")
}

fn accesses_of_a_loop(count: usize) -> String {
    let body = repeat(count, |n| format!("add sum, [x.ptr + i*8 - {}];", 8 * (n % 2 + 1)));
    format!(
        "fn f(x: &[u64]) -> u64 {{
            let i: gp64; let sum: gp64 = 0; i = x.len; 'l: cmp i, 2; jb 'end;
            {body} dec i; jmp 'l; 'end: return sum; }}"
    )
}

fn blocks_of_a_loop(count: usize) -> String {
    let body = repeat(count, |n| format!("add sum, [x.ptr + i*8 - 8]; jc 'l{n}; inc sum; 'l{n}:"));
    format!(
        "fn f(x: &[u64]) -> u64 {{
            let i: gp64; let sum: gp64 = 0; i = x.len; 'l: test i, i; jz 'end;
            {body} dec i; jmp 'l; 'end: return sum; }}"
    )
}

/// One access of each reference.
fn regions(count: usize) -> String {
    let list = repeat(count, |n| format!("a{n}: &[u64; 4],"));
    let sum = repeat(count, |n| format!("mov i, x; and i, 3; add sum, [a{n} + i*8];"));
    format!("fn f(x: u64, {list}) -> u64 {{ let i: gp64; let sum: gp64 = 0; {sum} return sum; }}")
}

fn weak_stores(count: usize) -> String {
    let body = repeat(count, |n| format!("movnti [x], y; jz 'l{n}; sfence; 'l{n}:"));
    format!("fn f(x: &mut u64, y: u64) {{ test y, y; {body} sfence; }}")
}

fn valid_results(count: usize) -> String {
    let set = repeat(count, |n| format!("let {0}: gp8; cmp x, {n}; setz {0};", flag(n)));
    let body = repeat(count, |n| format!("cmp x, {n}; jne 'l{n}; return {}; 'l{n}:", flag(n)));
    format!("#[spill] fn f(x: u64) -> bool {{ {set} {body} return false; }}")
}

fn flag(number: usize) -> String {
    name(number).replace(['[', ']'], "_")
}

/// Variables at computed addresses.
fn plain_variables(count: usize) -> String {
    let set = repeat(count, |n| {
        format!("let slot{n}: [u64; 2]; mov [slot{n}], x; mov [slot{n} + 8], x;")
    });
    let sum = repeat(count, |n| format!("mov i, x; and i, 1; add x, [slot{n} + i*8];"));
    format!("fn f(x: u64) -> u64 {{ let i: gp64; {set} {sum} return x; }}")
}
