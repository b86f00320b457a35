//! What is followed for `#[secret]` arguments, and what the user states.

use super::{Kind, declared, name, repeat};

pub const KINDS: &[Kind] = &[
    ("secret values", secret_values),
    ("secret branches", secret_branches),
    ("secret accesses", secret_accesses),
    ("secret variables", secret_variables),
    ("secret arguments", secret_arguments),
    ("secret loops", secret_loops),
    ("secret values over blocks", secret_values_over_blocks),
    ("declassified", declassified),
    ("secret uses", secret_uses),
    ("invariants", invariants),
    ("invariants of a loop", invariants_of_a_loop),
];

fn secret_values(count: usize) -> String {
    let body =
        repeat(count, |n| format!("{0} = key; add {0}, {n}; rol {0}, 7; xor x, {0};", name(n)));
    format!(
        "fn f(#[secret] key: u64, x: u64) -> u64 {{ {} {body} return x; }}",
        declared(count, "gp64")
    )
}

/// Public branches beside what is secret.
fn secret_branches(count: usize) -> String {
    let body = repeat(count, |n| format!("add key, {n}; cmp x, {n}; je 'l{n}; inc x; 'l{n}:"));
    format!("fn f(#[secret] key: u64, x: u64) -> u64 {{ {body} return key; }}")
}

fn secret_accesses(count: usize) -> String {
    let body = repeat(count, |n| format!("mov t, [key + {0}]; mov [key + {0}], t;", n % 500 * 8));
    format!("fn f(#[secret] key: &mut [u64; 500]) {{ let t: gp64; {body} }}")
}

fn secret_variables(count: usize) -> String {
    let set = repeat(count, |n| format!("let slot{n}: u64; mov [slot{n}], key;"));
    let sum = repeat(count, |n| format!("add key, [slot{n}];"));
    format!("fn f(#[secret] key: u64) -> u64 {{ {set} {sum} return key; }}")
}

fn secret_arguments(count: usize) -> String {
    let list = repeat(count, |n| format!("#[secret] a{n}: u64,"));
    let sum = repeat(count, |n| format!("add sum, a{n};"));
    format!("fn f({list}) -> u64 {{ let sum: gp64 = 0; {sum} return sum; }}")
}

fn secret_loops(count: usize) -> String {
    let body = repeat(count, |n| {
        format!("mov i, 9; 'l{n}: mov t, key; add key, a; mov a, t; dec i; jnz 'l{n};")
    });
    format!("fn f(#[secret] key: u64, a: u64) -> u64 {{ let i, t: gp64; {body} return key; }}")
}

fn secret_values_over_blocks(count: usize) -> String {
    let set = repeat(40, |n| format!("let s{n}: gp64 = key; add s{n}, {n};"));
    let body =
        repeat(count, |n| format!("add s{}, s{}; dec x; jz 'l{n}; 'l{n}:", n % 40, n * 7 % 40));
    let sum = repeat(40, |n| format!("xor key, s{n};"));
    format!("#[spill] fn f(#[secret] key: u64, x: u64) -> u64 {{ {set} {body} {sum} return key; }}")
}

fn declassified(count: usize) -> String {
    let body = repeat(count, |n| {
        format!("mov t, key; add t, {n}; declassify t; test t, t; jz 'l{n}; inc key; 'l{n}:")
    });
    format!("fn f(#[secret] key: u64) -> u64 {{ let t: gp64; {body} return key; }}")
}

fn secret_uses(count: usize) -> String {
    let body = repeat(count, |_| "let t = mix(key, x); xor x, t;".into());
    format!(
        "local fn mix(a: gp64, b: gp64) -> gp64 {{
            let t: gp64 = a; imul t, b; xor t, a; return t; }}
        fn f(#[secret] key: u64, x: u64) -> u64 {{ {body} return x; }}"
    )
}

fn invariants(count: usize) -> String {
    let body = repeat(count, |n| {
        format!("i = y; and i, {}; invariant i <= {}; add x, i;", n % 90 + 7, n % 90 + 7)
    });
    format!("fn f(x: u64, y: u64) -> u64 {{ let i: gp64; {body} return x; }}")
}

fn invariants_of_a_loop(count: usize) -> String {
    let body = repeat(count, |n| format!("invariant i <= x.len + {n};"));
    format!(
        "fn f(x: &[u64]) -> u64 {{
            let i: gp64 = 0; let sum: gp64 = 0;
            'l: {body} cmp i, x.len; jae 'end; add sum, [x.ptr + i*8]; inc i; jmp 'l;
            'end: return sum; }}"
    )
}
