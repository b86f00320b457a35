//! Registers and the instructions that use them.

use super::{Kind, declared, name, repeat};

pub const KINDS: &[Kind] = &[
    ("instructions", instructions),
    ("values", |n| values(n, "")),
    ("values spilled", |n| values(n, "#[spill]")),
    ("vectors spilled", vectors_spilled),
    ("pressure spilled", pressure_spilled),
    ("values over blocks", values_over_blocks),
    ("copies of one", copies),
    ("chain of copies", chain),
    ("copies spilled", copies_spilled),
    ("fixed operands", fixed_operands),
    ("implicit operands", implicit_operands),
    ("physical registers", physical_registers),
    ("gathers", gathers),
    ("gathers of far masks", far_gathers),
    ("merged lanes", merged_lanes),
    ("data-dependent writes", scans),
];

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

/// Copies of one value that are all live at once.
fn copies_spilled(count: usize) -> String {
    let body = repeat(count, |n| format!("{0} = p;", name(n)));
    let sum = repeat(count, |n| format!("add p, {};", name(n)));
    format!("#[spill] fn f(p: u64) -> u64 {{ {} {body} {sum} return p; }}", declared(count, "gp64"))
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

/// Values that an instruction needs in one register, one after another.
fn fixed_operands(count: usize) -> String {
    let body =
        repeat(count, |n| format!("{0} = p; add {0}, {n}; shl sum, {0}.gp8; add sum, 1;", name(n)));
    format!(
        "fn f(p: u64) -> u64 {{ let sum: gp64 = 1; {} {body} return sum; }}",
        declared(count, "gp64")
    )
}

fn implicit_operands(count: usize) -> String {
    let body = repeat(count, |n| format!("{0} = p; rax = sum; mul {0}; add sum, rdx;", name(n)));
    format!(
        "fn f(p: u64) -> u64 {{ let sum: gp64 = 1; {} {body} return sum; }}",
        declared(count, "gp64")
    )
}

fn physical_registers(count: usize) -> String {
    let body = repeat(count, |n| format!("r{} = x; add x, r{};", 8 + n % 4, 8 + n % 4));
    format!("fn f(x: u64) -> u64 {{ {body} return x; }}")
}

/// Masks of gathers that are set long before, over a chain of copies.
fn far_gathers(count: usize) -> String {
    let set =
        repeat(count, |n| format!("vpcmpeqd {0}, {0}, {0}; test p, p; jz 'm{n}; 'm{n}:", name(n)));
    let body =
        repeat(count, |n| format!("vgatherdps t, [p + i*4], {}; vaddps sum, sum, t;", name(n)));
    format!(
        "#[target_feature(enable = \"avx2\")] #[spill] unsafe fn f(p: *const f32) {{
            let i: ymm; let sum: ymm; let t: ymm;
            vpxor i, i, i; vpxor t, t, t; vpxor sum, sum, sum; {} {set} {body} vmovups [p], sum; }}",
        declared(count, "ymm")
    )
}

fn merged_lanes(count: usize) -> String {
    let body = repeat(count, |n| format!("sqrtss v, x; add y.gp8, {}; jz 'l{n}; 'l{n}:", n % 100));
    format!("fn f(x: f32, y: u64) -> f32 {{ let v: xmm; xorps v, v; {body} return v; }}")
}

fn scans(count: usize) -> String {
    let body = repeat(count, |_| "mov rcx, 4; xor eax, eax; repne scasb; add sum, rcx;".into());
    format!("unsafe fn f(p: *const u8) -> u64 {{ let sum: gp64 = 0; rdi = p; {body} return sum; }}")
}
