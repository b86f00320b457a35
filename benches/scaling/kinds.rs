//! The kinds of things that a kernel file can have many of.

use std::fmt::Write;

/// The text with so many of something.
type Source = fn(usize) -> String;

/// By name.
pub const KINDS: &[(&str, Source)] = &[
    ("instructions", instructions),
    ("values", |n| values(n, "")),
    ("values spilled", |n| values(n, "#[spill]")),
    ("vectors spilled", vectors_spilled),
    ("pressure spilled", pressure_spilled),
    ("values over blocks", values_over_blocks),
    ("copies of one", copies),
    ("chain of copies", chain),
    ("pushes", pushes),
    ("stack variables", locals),
    ("arguments", arguments),
    ("branches", branches),
    ("branches to one place", to_one_place),
    ("loops in a row", loops),
    ("loops around", nested_jumps),
    ("jump table", jump_table),
    ("returns", returns),
    ("narrow returns", narrow_returns),
    ("calls", calls),
    ("gathers", gathers),
    ("constants", constants),
    ("table", table),
    ("checked accesses", checked),
    ("kernels", kernels),
    ("versions", versions),
    ("unwritten", unwritten),
    ("unwritten branches", unwritten_branches),
    ("unsafe", unproven),
    ("unused", unused),
    ("unreachable", unreachable),
    ("unbalanced", unbalanced),
    ("conflicts", conflicts),
];

/// `item` for each number.
fn repeat(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, n| {
        let _ = writeln!(text, "{}", item(n));
        text
    })
}

/// Registers are declared in arrays of so many.
const ARRAY: usize = 1000;

fn declared(count: usize, class: &str) -> String {
    repeat(count.div_ceil(ARRAY), |n| {
        format!("let v{n}: [{class}; {}];", ARRAY.min(count - n * ARRAY))
    })
}

fn name(register: usize) -> String {
    format!("v{}[{}]", register / ARRAY, register % ARRAY)
}

/// A window of ten live values.
fn instructions(count: usize) -> String {
    let body = repeat(count, |n| match n % 10 {
        0 => format!("mov {}, [p];", name(n / 10)),
        k => format!("add {}, {};", name(n / 10), name((n / 10).saturating_sub(k))),
    });
    let registers = count.div_ceil(10);
    format!(
        "unsafe fn f(p: *const u64) -> u64 {{ {} {body} return {}; }}",
        declared(registers, "gp64"),
        name(registers - 1)
    )
}

/// All live at once.
fn values(count: usize, attributes: &str) -> String {
    let set = repeat(count, |n| format!("mov {}, [p];", name(n)));
    let sum = repeat(count, |n| format!("add sum, {};", name(n)));
    format!(
        "{attributes} unsafe fn f(p: *const u64) -> u64 {{
            let sum: gp64 = 0; {} {set} {sum} return sum; }}",
        declared(count, "gp64")
    )
}

fn vectors_spilled(count: usize) -> String {
    let set = repeat(count, |n| format!("movups {}, [p];", name(n)));
    let sum = repeat(count, |n| format!("addps sum, {};", name(count - 1 - n)));
    format!(
        "#[spill] unsafe fn f(p: *const f32) -> f32 {{
            let sum: xmm; xorps sum, sum; {} {set} {sum} return sum; }}",
        declared(count, "xmm")
    )
}

/// Forty live everywhere, each read and written over and over.
fn pressure_spilled(count: usize) -> String {
    let body = repeat(count, |n| format!("add v0[{}], v0[{}];", n * 7 % 40, n * 11 % 39));
    let set = repeat(40, |n| format!("mov v0[{n}], [p];"));
    let sum = repeat(39, |n| format!("add v0[39], v0[{n}];"));
    format!(
        "#[spill] unsafe fn f(p: *const u64) -> u64 {{
            let v0: [gp64; 40]; {set} {body} {sum} return v0[39]; }}"
    )
}

/// All live in all blocks.
fn values_over_blocks(count: usize) -> String {
    let set = repeat(count, |n| format!("mov {}, [p];", name(n)));
    let sum = repeat(count, |n| format!("add sum, {}; jc 'over{n}; inc sum; 'over{n}:", name(n)));
    format!(
        "#[spill] unsafe fn f(p: *const u64) -> u64 {{
            let sum: gp64 = 0; {} {set} {sum} return sum; }}",
        declared(count, "gp64")
    )
}

fn copies(count: usize) -> String {
    let body = repeat(count, |n| format!("{0} = p; add {0}, 1; add sum, {0};", name(n)));
    format!(
        "fn f(p: u64) -> u64 {{ let sum: gp64 = 0; {} {body} add sum, p; return sum; }}",
        declared(count, "gp64")
    )
}

fn chain(count: usize) -> String {
    let body = repeat(count - 1, |n| format!("{0} = {1}; add {0}, 1;", name(n + 1), name(n)));
    format!(
        "fn f(p: u64) -> u64 {{ {} {} = p; {body} return {}; }}",
        declared(count, "gp64"),
        name(0),
        name(count - 1)
    )
}

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

fn branches(count: usize) -> String {
    let body = repeat(count, |n| format!("test x, x; jz 'l{n}; add x, {n}; 'l{n}:"));
    format!("fn f(x: u64) -> u64 {{ {body} return x; }}")
}

fn to_one_place(count: usize) -> String {
    let body = repeat(count, |n| format!("add x, {n}; jz 'end;"));
    format!("fn f(x: u64) -> u64 {{ {body} 'end: return x; }}")
}

fn loops(count: usize) -> String {
    let body = repeat(count, |n| format!("let i{n}: gp32 = 9; 'l{n}: dec i{n}; jnz 'l{n};"));
    format!("fn f(x: u64) -> u64 {{ {body} return x; }}")
}

/// Loops inside one another, without braces.
fn nested_jumps(count: usize) -> String {
    let open = repeat(count, |n| format!("'l{n}: inc x;"));
    let close = repeat(count, |n| format!("dec x; jnz 'l{};", count - 1 - n));
    format!("fn f(x: u64) -> u64 {{ {open} {close} return x; }}")
}

fn jump_table(count: usize) -> String {
    let list = repeat(count, |n| format!("'l{n},"));
    let body = repeat(count, |n| format!("'l{n}: inc x;"));
    format!(
        "unsafe fn f(i: u64) -> u64 {{ let t: gp64; let x: gp64; xor x, x;
            const CASES: [label; {count}] = [{list}];
            lea t, [CASES]; movsxd i, dword [t + i*4]; add i, t; jmp i, CASES;
            {body} return x; }}"
    )
}

fn returns(count: usize) -> String {
    let body = repeat(count, |n| format!("cmp x, {n}; jne 'l{n}; return {n}; 'l{n}:"));
    format!("fn f(x: u64) -> u64 {{ {body} return x; }}")
}

fn narrow_returns(count: usize) -> String {
    let body = repeat(count, |n| format!("cmp x, {n}; jne 'l{n}; return y.gp8; 'l{n}:"));
    format!("fn f(x: u64) -> u8 {{ let y: gp32; mov y, x.gp32; and y, 7; {body} return y.gp8; }}")
}

fn calls(count: usize) -> String {
    let body = repeat(count, |_| "call x; add y, rax;".to_string());
    format!("unsafe fn f(x: u64, y: u64) -> u64 {{ {body} return y; }}")
}

fn gathers(count: usize) -> String {
    let body = repeat(count, |n| {
        format!("vpcmpeqd m, m, m; vgatherdps {0}, [p + i*4], m; vaddps sum, sum, {0};", name(n))
    });
    format!(
        "#[target_feature(enable = \"avx2\")] unsafe fn f(p: *const f32) {{
            let m: ymm; let i: ymm; let sum: ymm;
            vpxor i, i, i; vpxor sum, sum, sum; {} {body} vmovups [p], sum; }}",
        declared(count, "ymm")
    )
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

fn checked(count: usize) -> String {
    let body = repeat(count, |n| format!("add sum, [x + {}];", n % 500 * 8));
    format!("fn f(x: &[u64; 500]) -> u64 {{ let sum: gp64 = 0; {body} return sum; }}")
}

fn kernels(count: usize) -> String {
    repeat(count, |n| format!("fn f{n}(x: u64) -> u64 {{ add x, {n}; return x; }}"))
}

fn versions(count: usize) -> String {
    let list = repeat(count, |n| format!("#[version(enable = \"sse2\", N = {n})]"));
    format!("{list} fn f(x: u64) -> u64 {{ add x, N; return x; }}")
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
