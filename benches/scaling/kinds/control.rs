//! Where control goes.

use super::{Kind, repeat};

pub const KINDS: &[Kind] = &[
    ("branches", branches),
    ("branches to one place", to_one_place),
    ("branches backwards", backwards),
    ("branches over all", over_all),
    ("ladder", ladder),
    ("loops in a row", loops),
    ("loops around", nested_jumps),
    ("irreducible loops", irreducible),
    ("labeled blocks", blocks),
    ("labels of a place", labels_of_a_place),
    ("jump table", jump_table),
    ("jump tables", jump_tables),
    ("jumps by one table", jumps_by_one_table),
    ("returns", returns),
    ("narrow returns", narrow_returns),
    ("returns of wide vectors", wide_returns),
    ("calls", calls),
];

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

/// All to the first instruction.
fn backwards(count: usize) -> String {
    let body = repeat(count, |n| format!("add x, {n}; jz 'start;"));
    format!("fn f(x: u64) -> u64 {{ 'start: {body} return x; }}")
}

/// Each from the first half to its place in the second.
fn over_all(count: usize) -> String {
    let from = repeat(count, |n| format!("add x, {n}; jz 'l{n};"));
    let to = repeat(count, |n| format!("'l{n}: inc x;"));
    format!("fn f(x: u64) -> u64 {{ {from} {to} return x; }}")
}

/// Every block is entered from the one before and from one on the other side: a graph whose
/// dominators are far away.
fn ladder(count: usize) -> String {
    let body = repeat(count, |n| format!("'a{n}: add x, a; jz 'b{};", count - 1 - n));
    let back = repeat(count, |n| format!("'b{n}: add x, b; jz 'a{};", count - 1 - n));
    format!(
        "fn f(x: u64, r1: u64, r2: u64, r3: u64, r4: u64, r5: u64, a: u64, b: u64) -> u64 {{
            {body} {back} return x; }}"
    )
}

/// Loops with two entries.
fn irreducible(count: usize) -> String {
    let body =
        repeat(count, |n| format!("test x, x; jz 'b{n}; 'a{n}: inc x; 'b{n}: dec x; jnz 'a{n};"));
    format!("fn f(x: u64) -> u64 {{ {body} return x; }}")
}

fn blocks(count: usize) -> String {
    let body = repeat(count, |n| format!("'l{n}: {{ add x, {n}; jz break 'l{n}; dec x; }}"));
    format!("fn f(x: u64) -> u64 {{ {body} return x; }}")
}

fn labels_of_a_place(count: usize) -> String {
    let from = repeat(count, |n| format!("add x, {n}; jz 'l{n};"));
    let to = repeat(count, |n| format!("'l{n}:"));
    format!("fn f(x: u64) -> u64 {{ {from} {to} return x; }}")
}

fn jump_tables(count: usize) -> String {
    let body = repeat(count, |n| {
        format!(
            "const C{n}: [label; 2] = ['a{n}, 'b{n}];
            lea t, [C{n}]; movsxd u, dword [t + i*4]; add u, t; jmp u, C{n};
            'a{n}: inc x; 'b{n}:"
        )
    });
    format!("unsafe fn f(i: u64) -> u64 {{ let t, u: gp64; let x: gp64 = 0; {body} return x; }}")
}

/// An edge from each jump to each place.
fn jumps_by_one_table(count: usize) -> String {
    let list = repeat(count, |n| format!("'l{n},"));
    let body = repeat(count, |n| {
        format!("'l{n}: inc x; movsxd u, dword [t + i*4]; add u, t; jmp u, CASES;")
    });
    format!(
        "unsafe fn f(i: u64) -> u64 {{ let t, u: gp64; let x: gp64 = 0;
            const CASES: [label; {count} + 1] = [{list} 'end];
            lea t, [CASES]; {body} 'end: return x; }}"
    )
}

fn wide_returns(count: usize) -> String {
    let body = repeat(count, |n| {
        format!("cmp x, {n}; jne 'l{n}; vaddps v, v, v; vmovups [p], v; return; 'l{n}:")
    });
    format!(
        "#[target_feature(enable = \"avx\")] unsafe fn f(x: u64, p: *mut f32) {{
            let v: ymm; vxorps v, v, v; {body} }}"
    )
}
