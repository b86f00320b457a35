//! What is computed, repeated and named at compile time, and whole items.

use super::{Kind, declared, repeat};

pub const KINDS: &[Kind] = &[
    ("kernels", kernels),
    ("versions", versions),
    ("family", family),
    ("constant items", constant_items),
    ("chain of constants", chained_constants),
    ("long expression", long_expression),
    ("nested parentheses", |n| nested(n, "(", ")")),
    ("nested braces", |n| body(&format!("{} {}", "{".repeat(n), "}".repeat(n)))),
    ("nested blocks", nested_blocks),
    ("nested ifs", |n| body(&around(n, "if true {", "}"))),
    ("else ifs", else_ifs),
    ("nested loops", |n| body(&around(n, "for i in 0..1 {", "}"))),
    ("nested signs", |n| nested(n, "-", "")),
    ("iterations", iterations),
    ("registers of a loop", registers_of_a_loop),
    ("values of a loop", values_of_a_loop),
    ("mnemonics of a loop", mnemonics_of_a_loop),
    ("compile-time loop", compile_time_loop),
    ("shadowed names", shadowed),
    ("names", names),
    ("helpers", helpers),
    ("calls of a helper", helper_calls),
    ("nested helpers", nested_helpers),
    ("recursion of a helper", recursion),
    ("parameters", parameters),
    ("stream", stream),
    ("streams", streams),
    ("issues of a stream", issues),
    ("emitted by index", emitted),
    ("interleaved streams", interleaved),
    ("indexed labels", indexed_labels),
    ("assertions", assertions),
    ("doc comments", doc_comments),
    ("attributes", attributes),
    ("long name", long_name),
];

fn kernels(count: usize) -> String {
    repeat(count, |n| format!("fn f{n}(x: u64) -> u64 {{ add x, {n}; return x; }}"))
}

fn versions(count: usize) -> String {
    let list = repeat(count, |n| format!("#[version(enable = \"sse2\", N = {n})]"));
    format!("{list} fn f(x: u64) -> u64 {{ add x, N; return x; }}")
}

fn body(text: &str) -> String {
    format!("fn f() {{ {text} }}")
}

fn around(count: usize, open: &str, close: &str) -> String {
    format!("{} {}", open.repeat(count), close.repeat(count))
}

fn nested(count: usize, open: &str, close: &str) -> String {
    format!(
        "fn f() -> i32 {{ let x: gp32; mov x, {}1{}; return x; }}",
        format!("{open} ").repeat(count),
        close.repeat(count)
    )
}

fn nested_blocks(count: usize) -> String {
    let open = repeat(count, |n| format!("'l{n}: {{ jz break 'l{n};"));
    format!("fn f(x: u64) {{ test x, x; {open} inc x; {} }}", "}".repeat(count))
}

fn family(count: usize) -> String {
    format!("for B in 0..{count} {{ fn f_{{B}}(x: u64) -> u64 {{ add x, B; return x; }} }}")
}

fn constant_items(count: usize) -> String {
    let items = repeat(count, |n| format!("const C{n}: u64 = {n};"));
    let body = repeat(count, |n| format!("add x, C{n};"));
    format!("{items} fn f(x: u64) -> u64 {{ {body} return x; }}")
}

/// Each made of the one before.
fn chained_constants(count: usize) -> String {
    let items = repeat(count, |n| format!("const C{}: u64 = C{n} + 1;", n + 1));
    format!("const C0: u64 = 0; {items} fn f() -> u64 {{ return C{count}; }}")
}

fn long_expression(count: usize) -> String {
    format!("fn f() -> u64 {{ let x: gp64 = 0{}; return x; }}", " + 1".repeat(count))
}

fn else_ifs(count: usize) -> String {
    let branches = repeat(count, |n| format!("if N == {n} {{ inc x; }} else"));
    format!("const N: u64 = {count}; fn f(x: u64) -> u64 {{ {branches} {{ }} return x; }}")
}

fn iterations(count: usize) -> String {
    format!("fn f(x: u64) -> u64 {{ for i in 0..{count} {{ add x, i; }} return x; }}")
}

fn registers_of_a_loop(count: usize) -> String {
    let arrays =
        repeat(count.div_ceil(1000), |n| format!("for r in v{n} {{ mov r, [p]; add sum, r; }}"));
    format!(
        "unsafe fn f(p: *const u64) -> u64 {{ let sum: gp64 = 0; {} {arrays} return sum; }}",
        declared(count, "gp64")
    )
}

fn values_of_a_loop(count: usize) -> String {
    let list = repeat(count, |n| format!("{n},"));
    format!("fn f(x: u64) -> u64 {{ for i in [{list}] {{ add x, i; }} return x; }}")
}

fn mnemonics_of_a_loop(count: usize) -> String {
    let list = repeat(count, |n| ["add,", "sub,", "xor,"][n % 3].to_string());
    format!("fn f(x: u64) -> u64 {{ for op in [{list}] {{ op x, 1; }} return x; }}")
}

fn compile_time_loop(count: usize) -> String {
    format!(
        "fn f(x: u64) -> u64 {{
            let mut n: const = 0; while n < {count} {{ add x, n; n += 1; }} return x; }}"
    )
}

fn shadowed(count: usize) -> String {
    let body = repeat(count, |n| format!("let y: gp64; mov y, {n}; add x, y;"));
    format!("fn f(x: u64) -> u64 {{ {body} return x; }}")
}

/// Names for operands.
fn names(count: usize) -> String {
    let body = repeat(count, |n| format!("let y{n} = x; add y{n}, 1;"));
    format!("fn f(x: u64) -> u64 {{ {body} return x; }}")
}

fn helpers(count: usize) -> String {
    let items = repeat(count, |n| format!("inline fn h{n}(x: gp64) {{ add x, {n}; }}"));
    let body = repeat(count, |n| format!("h{n}(x);"));
    format!("{items} fn f(x: u64) -> u64 {{ {body} return x; }}")
}

fn helper_calls(count: usize) -> String {
    format!(
        "inline fn h(x: gp64, n: const) -> gp64 {{
            let t: gp64; mov t, x; add t, n; jz 'l; inc t; 'l: return t; }}
        fn f(x: u64) -> u64 {{ {} return x; }}",
        repeat(count, |n| format!("let t = h(x, {n}); add x, t;"))
    )
}

/// Each uses the one before.
fn nested_helpers(count: usize) -> String {
    let items = repeat(count, |n| format!("inline fn h{}(x: gp64) {{ inc x; h{n}(x); }}", n + 1));
    format!(
        "inline fn h0(x: gp64) {{ inc x; }} {items} fn f(x: u64) -> u64 {{ h{count}(x); return x; }}"
    )
}

fn recursion(count: usize) -> String {
    format!(
        "inline fn h(x: gp64, n: const) {{ if n > 0 {{ add x, n; h(x, n - 1); }} }}
        fn f(x: u64) -> u64 {{ h(x, {count}); return x; }}"
    )
}

fn parameters(count: usize) -> String {
    let list = repeat(count, |n| format!("p{n}: gp64,"));
    let body = repeat(count, |n| format!("inc p{n};"));
    format!(
        "inline fn h({list}) {{ {body} }} fn f(x: u64) -> u64 {{ h({}); return x; }}",
        repeat(count, |_| "x,".into())
    )
}

fn stream(count: usize) -> String {
    let body = repeat(count, |n| format!("add x, {n};"));
    format!("fn f(x: u64) -> u64 {{ stream s {{ {body} }} issue s, ..; return x; }}")
}

fn streams(count: usize) -> String {
    let body = repeat(count, |n| format!("stream s{n} {{ add x, {n}; }} issue s{n};"));
    format!("fn f(x: u64) -> u64 {{ {body} return x; }}")
}

fn issues(count: usize) -> String {
    let body = repeat(count, |n| format!("add x, {n};"));
    let issues = repeat(count, |_| "issue s;".into());
    format!("fn f(x: u64) -> u64 {{ stream s {{ {body} }} {issues} return x; }}")
}

fn emitted(count: usize) -> String {
    let body = repeat(count, |n| format!("add x, {n};"));
    format!(
        "fn f(x: u64) -> u64 {{ stream s {{ {body} }}
            for i in 0..len(s) {{ emit s[i]; }} return x; }}"
    )
}

fn interleaved(count: usize) -> String {
    let streams = ["a", "b", "c"]
        .map(|s| format!("stream {s} {{ {} }}", repeat(count, |n| format!("add x, {n};"))));
    format!("fn f(x: u64) -> u64 {{ {} interleave a, b 2, c; return x; }}", streams.concat())
}

fn indexed_labels(count: usize) -> String {
    format!(
        "fn f(x: u64) -> u64 {{
            for i in 0..{count} {{ add x, i; jz 'l[i]; }}
            for i in 0..{count} {{ 'l[i]: inc x; }} return x; }}"
    )
}

fn assertions(count: usize) -> String {
    body(&repeat(count, |n| format!("assert!({n} < {count}, \"never\");")))
}

fn doc_comments(count: usize) -> String {
    format!("{} fn f() {{ }}", repeat(count, |n| format!("#[doc = \"line {n}\"]")))
}

fn attributes(count: usize) -> String {
    let list = repeat(count, |_| "#[target_feature(enable = \"avx,avx2\")]".into());
    format!("{list} fn f() {{ }}")
}

fn long_name(count: usize) -> String {
    let name = "n".repeat(count);
    format!("fn {name}(x: u64) -> u64 {{ let {name}_: gp64; mov {name}_, x; return {name}_; }}")
}
