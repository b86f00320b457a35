//! Random kernels that `macro_rules!` produces: an expression as a fragment in every position in
//! which the language takes one, next to what plain Rust makes of the same tokens.

use std::fmt::Write;

/// A place for expressions. `$a` to `$c` are fragments: `$c` is 1 to 4, the others are any number.
struct Position {
    /// Attributes of the kernel.
    attributes: &'static str,
    /// Items before it.
    items: &'static str,
    /// Its statements.
    body: &'static str,
    /// The same in Rust.
    expected: &'static str,
}

const fn place(body: &'static str, expected: &'static str) -> Position {
    Position { attributes: "", items: "", body, expected }
}

const POSITIONS: &[Position] = &[
    // Operators around a fragment.
    place("mov rax, 2 * $a; return rax;", "2 * $a"),
    place("mov rax, -$a; return rax;", "-$a"),
    place("mov rax, !$a; return rax;", "!$a"),
    place("mov rax, - - $a; return rax;", "- - $a"),
    place("mov rax, !-$a; return rax;", "!-$a"),
    place("mov rax, -$a * $b; return rax;", "-$a * $b"),
    place("mov rax, $a * $b; return rax;", "$a * $b"),
    place("mov rax, $a - $b; return rax;", "$a - $b"),
    place("mov rax, 7 - $a - $b; return rax;", "7 - $a - $b"),
    place("mov rax, $a / $c; return rax;", "$a / $c"),
    place("mov rax, $a % $c; return rax;", "$a % $c"),
    place("mov rax, 100 / $c * $b; return rax;", "100 / $c * $b"),
    place("mov rax, $a << $c; return rax;", "$a << $c"),
    place("mov rax, $a >> $c; return rax;", "$a >> $c"),
    place("mov rax, $a & $b | $c; return rax;", "$a & $b | $c"),
    place("mov rax, $a ^ $b & 6; return rax;", "$a ^ $b & 6"),
    place("mov rax, !$a + $b; return rax;", "!$a + $b"),
    place("mov rax, ($a) * 3; return rax;", "($a) * 3"),
    place("mov rax, if $a < $b { $a } else { -$b }; return rax;", "if $a < $b { $a } else { -$b }"),
    place("return 3 * $a;", "3 * $a"),
    // Places of statements.
    place("let r: gp64 = 5 * $a; return r;", "5 * $a"),
    place("let r, s: gp64 = -$a; add r, s; return r;", "-$a * 2"),
    place("let r: gp64; r = 2 * $a; return r;", "2 * $a"),
    place("mov rax, 9; add rax, 2 * $a; return rax;", "9 + 2 * $a"),
    place("xor ecx, ecx; lea rax, [rcx + 4 * $a]; return rax;", "4 * $a"),
    place("xor ecx, ecx; lea rax, [rcx - $a]; return rax;", "-$a"),
    place("mov ecx, 3; lea rax, [rcx * (1 << $c - 1)]; return rax;", "3 * (1 << $c - 1)"),
    place("mov ecx, 3; lea rax, [2 * $a + 2 * rcx - $b]; return rax;", "2 * $a + 6 - $b"),
    place("let r: [gp64; $c]; for s in r { xor s, s; } return len(r);", "$c"),
    place(
        "xor eax, eax; for i in 0..$c { add rax, i * $a; } return rax;",
        "(0..$c).map(|i| i * $a).sum::<i64>()",
    ),
    place(
        "xor eax, eax; for i in -$c..=$c { add rax, i + $b; } return rax;",
        "(-$c..=$c).map(|i| i + $b).sum::<i64>()",
    ),
    place(
        "xor eax, eax; for i in ($a..$a + 9).step_by($c) { add rax, i; } return rax;",
        "($a..$a + 9).step_by({ let step: i64 = $c; step } as usize).sum::<i64>()",
    ),
    place(
        "xor eax, eax; for i in [$a, -$b, 2 * $c] { add rax, i; } return rax;",
        "[$a, -$b, 2 * $c].iter().sum::<i64>()",
    ),
    place("const K = 2 * $a; return K - $b;", "{ const K: i64 = 2 * $a; K - $b }"),
    place("const K: i64 = -$a; return K;", "{ const K: i64 = -$a; K }"),
    place(
        "const T: [i64; 2] = [3 * $a, -$b]; mov rax, [T]; add rax, [T + 8]; return rax;",
        "3 * $a + -$b",
    ),
    place("const T: [i64; $c] = [2 * $a; $c]; mov rax, [T + 8 * ($c - 1)]; return rax;", "2 * $a"),
    place("const T: [i64; 8] = [1, 2, 3, 4, 5, 6, 7, 8]; return T[2 * $c - 1];", "2 * $c"),
    place("mov rax, i64(2 * $a); return rax;", "2 * $a"),
    place(
        "movups xmm1, i64x2(-$a, 2 * $b); movhlps xmm1, xmm1; movq rax, xmm1; return rax;",
        "2 * $b",
    ),
    place("let mut n: const = 2 * $a; n -= $b; n += 3 * $c; return n;", "2 * $a - $b + 3 * $c"),
    place("let mut n: const = 0; while n < 2 * $c { n += 1; } return n;", "2 * $c"),
    place(
        "if $a < $b && !($a == 3) || $c == 2 { return 1; } else { return 2; }",
        "if $a < $b && !($a == 3) || $c == 2 { 1 } else { 2 }",
    ),
    place("assert!(2 * $c == $c + $c); assert!(-$a == 0 - $a, \"it holds\"); return 1;", "1"),
    place("let r: [gp64; 9]; for (i, s) in zip(0..9, r) { mov s, i; } return r[2 * $c];", "2 * $c"),
    place(
        "let r: [gp64; 9]; for (i, s) in zip(0..9, r) { mov s, i; } xor eax, eax; for s in r[$c..2 * $c] { add rax, s; } return rax;",
        "($c..2 * $c).sum::<i64>()",
    ),
    place(
        "xor eax, eax; stream s { for i in 0..9 { inc rax; } } issue s, 2 * $c; mov rcx, rax; issue s, ..; return rcx;",
        "2 * $c",
    ),
    place(
        "xor eax, eax; stream s { for i in 0..9 { add rax, i; } } emit s[2 * $c]; mov rcx, rax; emit s[..]; return rcx;",
        "2 * $c",
    ),
    place(
        "xor eax, eax; stream s { for i in 0..9 { inc rax; } } stream t { nop; } interleave s 2 * $c, t 1; return rax;",
        "9",
    ),
    place("align 8 * (1 << $c); nop; return $a;", "$a"),
    place(
        "let b: [i64; 2 * $c] align 8 * (1 << $c); mov rax, $a; mov [b + 8 * $c], rax; mov rcx, [b + 8 * $c]; return rcx;",
        "$a",
    ),
    place("mov rax, const { 2 * $a }; return rax;", "2 * $a"),
    place("mov rax, const { -$a * $b }; return rax;", "-$a * $b"),
    place("xor eax, eax; add rax, const { 3 - $a }; return rax;", "3 - $a"),
    place("xor eax, eax; jmp 'case[2 * $c]; 'case[2 * $c]: inc rax; return rax;", "1"),
    Position {
        attributes: "",
        items: "inline fn put_$N(n: const) -> gp64 { let r: gp64 = 2 * n; return r; }",
        body: "let r = put_$N(-$a); return r;",
        expected: "2 * -$a",
    },
    Position {
        attributes: "",
        items: "inline fn put_$N(r: gp64, m: operand) { mov r, m; }",
        body: "put_$N(rax, 2 * $a); return rax;",
        expected: "2 * $a",
    },
    Position {
        attributes: "",
        items: "const K_$N = 3 * $a; const T_$N: [i64; $c + 1] align 4 * (1 << $c) = [K_$N; $c + 1];",
        body: "mov rax, [T_$N + 8 * $c]; return rax;",
        expected: "3 * $a",
    },
    Position {
        attributes: "#[version(W = 2 * $a, V = xmm)]",
        items: "",
        body: "return W - $b;",
        expected: "2 * $a - $b",
    },
];

/// What a fragment can be: its kind, and expressions of that kind. The first list is of any
/// numbers, the second one of 1 to 4.
const KINDS: &[(&str, &[&str], &[&str])] = &[
    (
        "expr",
        &[
            "-1 + 2",
            "3 - 5",
            "1 | 4",
            "!2",
            "-(3)",
            "6 >> 1",
            "4 * 2 - 9",
            "-7 / 2",
            "- - 5",
            "7 % 4 + 1",
            "1 << 3",
            "5 ^ 3",
            "12 & 10",
            "(2)",
            "(1 + 1) * 3",
            "!0 + 1",
            "40",
            "-6",
            "if 1 < 2 { 3 } else { 4 }",
            "-(3)",
        ],
        &["1 + 1", "3 - 1", "2 * 2", "8 >> 1", "7 & 3", "!-2", "-1 + 2", "-(-4)", "5 - 2", "(3)"],
    ),
    ("literal", &["7", "-5", "0", "-1", "33"], &["1", "2", "3", "4"]),
    ("tt", &["(3 - 8)", "9", "(-1)"], &["(1 + 1)", "3", "4"]),
];

/// A kernel `k_N` that a macro produces, and how plain Rust computes its result.
pub struct Case {
    /// The macro, its use, and a function `r_N` that gives what `k_N` must return.
    pub by_macro: String,
    /// The kernel with its fragments in parentheses, as one would write it.
    pub by_hand: String,
}

/// Statements as fragments: kernels that a macro makes of `$s:stmt`.
pub fn statements() -> Vec<Case> {
    /// Separated by semicolons, each with one behind it.
    const SIMPLE: &[(&str, &str)] = &[
        ("let r: gp64 = 5; return r", "5"),
        ("let r: gp64; r = 5; return r", "5"),
        ("let r: gp64 = 2 * 3; let s = r; return s", "6"),
        ("let r: [gp64; 2]; r[0] = 5; r[1] = r[0]; return r[1]", "5"),
        ("let (a, b) = (7, 8); return a - b", "-1"),
        ("rax = 7; return rax", "7"),
        ("nop; return 1", "1"),
        ("assert!(1 + 1 == 2); return 2", "2"),
        ("assert!(true, \"holds\"); nop; return 3", "3"),
        ("set(rax); return rax", "9"),
        ("let r = get(); return r", "10"),
        ("return if 1 < 2 { 11 } else { 12 }", "11"),
    ];
    /// The first ends with braces.
    const BLOCKS: &[(&str, &str)] = &[
        ("{ nop; } return 6", "6"),
        ("if true { nop; } else { nop; nop; } return 6", "6"),
        ("for i in 0..3 { nop; } return 7", "7"),
        ("while false { nop; } return 7", "7"),
        ("'a: { nop; } return 8", "8"),
    ];
    let simple = SIMPLE.iter().map(|case| (case, "$($s:stmt);*", "$($s;)*"));
    let blocks = BLOCKS.iter().map(|case| (case, "$a:stmt; $b:stmt", "$a $b;"));
    let all = simple.chain(blocks).enumerate();
    all.map(|(number, ((statements, value), pattern, body))| {
        let kernel = |body: &str| {
            format!(
                "mod m_{number} {{ peach_runtime::peach_fn! {{
                     inline fn set(r: gp64) {{ mov r, 9; }}
                     inline fn get() -> gp64 {{ let r: gp64; mov r, 10; return r; }}
                     pub fn s_{number}() -> i64 {{ {body} }}
                 }} }}"
            )
        };
        let separated = match pattern {
            "$a:stmt; $b:stmt" => statements.replace("} return", "}; return"),
            _ => statements.to_string(),
        };
        Case {
            by_macro: format!(
                "macro_rules! k_{number} {{ ({pattern}) => {{ {} }} }} k_{number}!({separated});
                 fn r_{number}() -> i64 {{ {value} }}\n",
                kernel(body)
            ),
            by_hand: kernel(&format!("{statements};")),
        }
    })
    .collect()
}

/// As many cases as there are, for every position `rounds` of them.
pub fn cases(rounds: usize, seed: u64) -> Vec<Case> {
    let mut random = seed;
    let mut below = |limit: usize| {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (random >> 33) as usize % limit
    };
    let mut cases = Vec::new();
    for position in POSITIONS {
        for round in 0..rounds {
            let (kind, any, small) = KINDS[(round + below(2)) % KINDS.len()];
            let values = [any[below(any.len())], any[below(any.len())], small[below(small.len())]];
            cases.push(case(position, kind, values, round % 3, cases.len()));
        }
    }
    cases
}

fn case(position: &Position, kind: &str, values: [&str; 3], levels: usize, number: usize) -> Case {
    let Position { attributes, items, body, expected } = position;
    let items = items.replace("$N", &number.to_string());
    let body = body.replace("$N", &number.to_string());
    let kernel =
        |body: &str| format!("{items} {attributes} pub fn k_{number}() -> i64 {{ {body} }}");
    let rust = format!("pub fn r_{number}() -> i64 {{ {expected} }}");
    let pattern = format!("$a:{kind}, $b:{kind}, $c:{kind}");
    let mut by_macro = format!(
        "macro_rules! m_{number} {{ ({pattern}) => {{ peach_fn! {{ {} }} {rust} }} }}\n",
        kernel(&body)
    );
    // Fragments that pass through further macros are in groups within groups.
    let mut entry = format!("m_{number}");
    for level in 0..levels {
        let outer = format!("o{level}_{number}");
        let _ = writeln!(
            by_macro,
            "macro_rules! {outer} {{ ({pattern}) => {{ {entry}!($a, $b, $c); }} }}"
        );
        entry = outer;
    }
    let _ = writeln!(by_macro, "{entry}!({}, {}, {});", values[0], values[1], values[2]);
    let mut by_hand = format!("peach_fn! {{ {} }}\n", kernel(&body));
    for (name, value) in ["$a", "$b", "$c"].iter().zip(values) {
        by_hand = by_hand.replace(name, &format!("({value})"));
    }
    Case { by_macro, by_hand }
}
