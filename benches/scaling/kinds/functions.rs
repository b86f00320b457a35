//! Local functions and functions of the compile time.

use super::{Kind, declared, name, repeat};

pub const KINDS: &[Kind] = &[
    ("local functions", local_functions),
    ("uses of a local function", uses),
    ("uses in kernels", uses_in_kernels),
    ("chain of local functions", chain),
    ("tree of local functions", tree),
    ("parameters of a local function", parameters),
    ("long local function", long),
    ("values over uses", values_over_uses),
    ("loops in a local function", loops),
    ("proven uses", proven_uses),
    ("functions of constants", constant_functions),
    ("steps of a function", steps),
    ("elements of a function", elements),
    ("recursion of a function", recursion),
];

fn local_functions(count: usize) -> String {
    let items = repeat(count, |n| format!("local fn l{n}(x: gp64) {{ add x, {n}; nop; }}"));
    let body = repeat(count, |n| format!("l{n}(x);"));
    format!("{items} fn f(x: u64) -> u64 {{ {body} return x; }}")
}

const MIX: &str = "local fn mix(a: gp64, b: gp64) -> gp64 {
    let t: gp64 = a; imul t, b; xor t, a; return t; }";

fn uses(count: usize) -> String {
    let body = repeat(count, |n| format!("let t = mix(x, y); add x, t; add y, {n};"));
    format!("{MIX} fn f(x: u64, y: u64) -> u64 {{ {body} return x; }}")
}

fn uses_in_kernels(count: usize) -> String {
    let kernels = repeat(count, |n| {
        format!("fn f{n}(x: u64, y: u64) -> u64 {{ let t = mix(x, y); return t; }}")
    });
    format!("{MIX} {kernels}")
}

/// Each uses the one before.
fn chain(count: usize) -> String {
    let items = repeat(count, |n| {
        format!("local fn l{}(x: gp64) -> gp64 {{ let y = l{n}(x); inc y; return y; }}", n + 1)
    });
    format!(
        "local fn l0(x: gp64) -> gp64 {{ let y: gp64 = x; inc y; return y; }} {items}
        fn f(x: u64) -> u64 {{ let y = l{count}(x); return y; }}"
    )
}

/// Each uses the one before twice: what is done for each use is done twice as often at each.
fn tree(count: usize) -> String {
    let items = repeat(count, |n| {
        format!(
            "local fn l{}(x: gp64) -> gp64 {{
                let y = l{n}(x); let z = l{n}(y); inc z; return z; }}",
            n + 1
        )
    });
    format!(
        "local fn l0(x: gp64) -> gp64 {{ let y: gp64 = x; inc y; return y; }} {items}
        fn f(x: u64) -> u64 {{ let y = l{count}(x); return y; }}"
    )
}

fn parameters(count: usize) -> String {
    let list = repeat(count, |n| format!("p{n}: xmm,"));
    let body = repeat(count, |n| format!("addps v, p{n};"));
    let set = repeat(count, |n| format!("movups {}, [p];", name(n)));
    format!(
        "local fn l({list}) -> xmm {{ let v: xmm; xorps v, v; {body} return v; }}
        #[spill] unsafe fn f(p: *const f32) -> __m128 {{
            {} {set} let v = l({}); return v; }}",
        declared(count, "xmm"),
        repeat(count, |n| format!("{},", name(n)))
    )
}

fn long(count: usize) -> String {
    let body = repeat(count, |n| format!("add x, {n}; jz 'l{n}; rol x, 3; 'l{n}:"));
    format!(
        "local fn l(x: gp64) -> gp64 {{ {body} return x; }}
        fn f(x: u64) -> u64 {{ let y = l(x); let z = l(y); return z; }}"
    )
}

fn values_over_uses(count: usize) -> String {
    let set = repeat(count, |n| format!("let v{n}: gp64 = mix(x, y); add x, v{n};"));
    let sum = repeat(count, |n| format!("add y, v{n};"));
    format!("{MIX} #[spill] fn f(x: u64, y: u64) -> u64 {{ {set} {sum} return y; }}")
}

fn loops(count: usize) -> String {
    let body = repeat(count, |n| {
        format!(
            "i = n; test i, i; jz 'e{n}; 'l{n}: add sum, [p + i*8 - 8]; dec i; jnz 'l{n}; 'e{n}:"
        )
    });
    format!(
        "local fn l(p: gp64, n: gp64) -> gp64 {{
            let i: gp64; let sum: gp64 = 0; {body} return sum; }}
        fn f(x: &[u64]) -> u64 {{ let sum = l(x.ptr, x.len); return sum; }}"
    )
}

/// The plain code of a local function is proven for each use.
fn proven_uses(count: usize) -> String {
    let body = repeat(count, |_| "let s = l(x.ptr, x.len); add sum, s;".into());
    format!(
        "local fn l(p: gp64, n: gp64) -> gp64 {{
            let sum: gp64 = 0; test n, n; jz 'e;
            'l: add sum, [p + n*8 - 8]; dec n; jnz 'l; 'e: return sum; }}
        fn f(x: &[u64]) -> u64 {{ let sum: gp64 = 0; {body} return sum; }}"
    )
}

fn constant_functions(count: usize) -> String {
    let items = repeat(count, |n| format!("const fn c{n}(i: u64) -> u64 {{ return i + {n}; }}"));
    let body = repeat(count, |n| format!("add x, c{n}(1);"));
    format!("{items} fn f(x: u64) -> u64 {{ {body} return x; }}")
}

fn steps(count: usize) -> String {
    format!(
        "const fn sum(n: u64) -> u64 {{
            let mut s: u64 = 0; for i in 0..n {{ s = s + i; }} return s; }}
        fn f() -> u64 {{ let x: gp64 = sum({count}); return x; }}"
    )
}

fn elements(count: usize) -> String {
    format!(
        "const fn square(i: u64) -> u64 {{ return i * i; }}
        const T: [u64; {count}] = from_fn(|i| square(i));
        fn f() -> u64 {{ let x: gp64; mov x, [T + 8]; return x; }}"
    )
}

fn recursion(count: usize) -> String {
    format!(
        "const fn sum(n: u64) -> u64 {{ if n == 0 {{ return 0; }} return n + sum(n - 1); }}
        fn f() -> u64 {{ let x: gp64 = sum({count}); return x; }}"
    )
}
