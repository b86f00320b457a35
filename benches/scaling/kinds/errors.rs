//! Errors and warnings of every step.

use super::{Kind, declared, name, repeat};

pub const KINDS: &[Kind] = &[
    ("unexpected tokens", |n| body(&repeat(n, |_| "let 5;".into()))),
    ("missing semicolons", |n| body(&repeat(n, |_| "inc x".into()))),
    ("wrong items", |n| repeat(n, |n| format!("struct S{n};"))),
    ("unknown mnemonics", |n| body(&repeat(n, |n| format!("adx{n} x, 1;")))),
    ("undefined names", |n| body(&repeat(n, |n| format!("add x, y{n};")))),
    ("undefined names of many", undefined_of_many),
    ("unfit operands", |n| body(&repeat(n, |_| "addps x, 1;".into()))),
    ("missing extensions", |n| body(&repeat(n, |_| "vpxor xmm0, xmm0, xmm0;".into()))),
    ("ambiguous sizes", |n| body(&repeat(n, |_| "inc [x];".into()))),
    ("out of range", |n| body(&repeat(n, |_| "shl x, 300;".into()))),
    ("undefined labels", |n| body(&repeat(n, |n| format!("jz 'l{n};")))),
    ("undefined labels of many", undefined_labels_of_many),
    ("duplicate labels", |n| body(&repeat(n, |_| "'l: jz 'l;".into()))),
    ("unused labels", |n| body(&repeat(n, |n| format!("'l{n}:")))),
    ("duplicate items", |n| repeat(n, |_| "const A: u64 = 1;".into())),
    ("duplicate kernels", |n| repeat(n, |_| "fn f() { }".into())),
    ("kernels of one name", alternatives),
    ("failed assertions", |n| body(&repeat(n, |_| "assert!(false, \"no\");".into()))),
    ("errors of a loop", |n| body(&format!("for i in 0..{n} {{ add x, y; }}"))),
    ("wrong arguments", |n| {
        format!("inline fn h(x: gp64) {{ }} {}", body(&repeat(n, |_| "h(1, 2);".into())))
    }),
    ("unissued streams", |n| body(&repeat(n, |n| format!("stream s{n} {{ inc x; }}")))),
    ("unwritten", unwritten),
    ("unwritten branches", unwritten_branches),
    ("unwritten variables", unwritten_variables),
    ("unsafe", unproven),
    ("unproven accesses", unproven_accesses),
    ("invalid results", invalid_results),
    ("missing returns", missing_returns),
    ("unused", unused),
    ("unreachable", unreachable),
    ("unbalanced", unbalanced),
    ("conflicts", conflicts),
    ("register pressure", register_pressure),
];

fn body(text: &str) -> String {
    format!("fn f(x: u64) {{ {text} }}")
}

fn unwritten(count: usize) -> String {
    let body = repeat(count, |n| format!("add x, {};", name(n)));
    format!("fn f(x: u64) -> u64 {{ {} {body} return x; }}", declared(count, "gp64"))
}

fn unwritten_branches(count: usize) -> String {
    let body = repeat(count, |n| format!("add x, {}; jz 'l{n}; inc x; 'l{n}:", name(n)));
    format!("fn f(x: u64) -> u64 {{ {} {body} return x; }}", declared(count, "gp64"))
}

fn unproven(count: usize) -> String {
    let body = repeat(count, |n| format!("mov [x + {}], rsp; div x;", n % 7));
    format!("fn f(x: u64) -> u64 {{ {body} return x; }}")
}

fn unused(count: usize) -> String {
    format!("fn f() {{ {} }}", repeat(count, |n| format!("let v{n}: gp64;")))
}

fn unreachable(count: usize) -> String {
    let body = repeat(count, |n| format!("jmp 'l{n}; inc x; 'l{n}:"));
    format!("fn f(x: u64) -> u64 {{ {body} return x; }}")
}

fn unbalanced(count: usize) -> String {
    let body = repeat(count, |n| format!("jz 'l{n}; push x; return x; 'l{n}:"));
    format!("fn f(x: u64) -> u64 {{ test x, x; {body} return x; }}")
}

/// Values that all must be in `cl` at once.
fn conflicts(count: usize) -> String {
    let set = repeat(count, |n| format!("mov {}, [p];", name(n)));
    let body = repeat(count, |n| format!("shl sum, {}.gp8;", name(n)));
    format!(
        "unsafe fn f(p: *const u64) -> u64 {{
            let sum: gp64 = 1; {} {set} {body} return sum; }}",
        declared(count, "gp64")
    )
}

fn alternatives(count: usize) -> String {
    let features = ["avx512f", "avx2", "avx", "sse4.1"];
    repeat(count, |n| {
        format!(
            "#[target_feature(enable = \"{}\")] fn f(x: u64) -> u64 {{ add x, {n}; return x; }}",
            features[n * features.len() / count.max(1)]
        )
    })
}

fn undefined_of_many(count: usize) -> String {
    let set = repeat(count, |n| format!("let y{n} = x; inc y{n};"));
    body(&(set + &repeat(count, |n| format!("add x, z{n};"))))
}

fn undefined_labels_of_many(count: usize) -> String {
    body(&repeat(count, |n| format!("jz 'l{n}; jc 'm{n}; 'l{n}:")))
}

fn unwritten_variables(count: usize) -> String {
    body(&repeat(count, |n| format!("let slot{n}: u64; add x, [slot{n}];")))
}

fn unproven_accesses(count: usize) -> String {
    let body = repeat(count, |n| format!("add sum, [x.ptr + {}];", 8 * n));
    format!("fn f(x: &[u64]) -> u64 {{ let sum: gp64 = 0; {body} return sum; }}")
}

fn invalid_results(count: usize) -> String {
    let body = repeat(count, |n| format!("cmp x, {n}; jne 'l{n}; return x.gp8; 'l{n}:"));
    format!("fn f(x: u64) -> bool {{ {body} return false; }}")
}

fn missing_returns(count: usize) -> String {
    repeat(count, |n| format!("fn f{n}(x: u64) -> u64 {{ inc x; }}"))
}

/// Too many values at many places.
fn register_pressure(count: usize) -> String {
    let kernel = |n: usize| {
        let set = repeat(20, |n| format!("mov v[{n}], x;"));
        let sum = repeat(20, |n| format!("add x, v[{n}];"));
        format!("fn f{n}(x: u64) -> u64 {{ let v: [gp64; 20]; {set} {sum} return x; }}")
    };
    repeat(count / 20, kernel)
}
