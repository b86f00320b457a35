//! `const fn`: programs that rustc compiles too, fixed and random ones.

use super::random::Random;
use super::rust;
use super::tables::table;
use std::fmt::Write;

/// Functions of one `u64`, in text that both have.
const FUNCTIONS: &[(&str, &str)] = &[
    (
        "gcd",
        "fn gcd(x: u64) -> u64 { let mut a = x; let mut b = 36u64; \
      while b != 0 { let r = a % b; a = b; b = r; } a }",
    ),
    (
        "fibonacci",
        "fn fibonacci(x: u64) -> u64 { if x < 2 { x } else { \
      fibonacci(x - 1) + fibonacci(x - 2) } }",
    ),
    (
        "sieve",
        "fn sieve(x: u64) -> u64 { let mut marks = [false; 64]; let mut count = 0; \
      let mut i: usize = 2; while i < 64 { if marks[i] { i += 1; continue; } count += 1; \
      let mut j = i; while j < 64 { marks[j] = true; j += i; } i += 1; } count + x }",
    ),
    (
        "collatz",
        "fn collatz(x: u64) -> u64 { let mut n: u64 = x + 1; let mut steps = 0; loop { \
      if n == 1 { break; } n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 }; steps += 1; } steps }",
    ),
    (
        "labels",
        "fn labels(x: u64) -> u64 { let mut sum = 0; 'outer: for i in 0..10u64 { \
      for j in 0..10u64 { if i * j > x { continue 'outer; } if i + j == 12 { break 'outer; } \
      sum += i * j; } } return sum; }",
    ),
    (
        "matrix",
        "fn matrix(x: u64) -> u64 { let mut a = [[1, 1], [1, 0u64]]; let mut i = 0; \
      while i < x { let b = a; a[0][0] = b[0][0] + b[0][1]; a[0][1] = b[0][0]; \
      a[1] = [a[0][1], b[1][0]]; i += 1; } a[0][0] }",
    ),
    (
        "swaps",
        "fn swaps(x: u64) -> u64 { let (mut a, mut b): (u64, u64) = (x, 1); \
      for _ in 0..x { (a, b) = (b, a + b); } let [c, d] = [a, b]; { let a = c; a ^ d } }",
    ),
    (
        "early",
        "fn early(x: u64) -> u64 { if x > 5 { return 99; } let y; if x == 3 { y = 1; } \
      else { y = 2; } x * y }",
    ),
    (
        "hash",
        "fn hash(x: u64) -> u64 { let mut h: u64 = 0xCBF2_9CE4_8422_2325; let mut i = 0; \
      while i < 8 { h ^= x >> (8 * i) & 0xFF; h = h.wrapping_mul(0x100_0000_01B3); i += 1; } \
      h.rotate_left(7) }",
    ),
    (
        "floats",
        "fn floats(x: u64) -> u64 { let mut s: f32 = 0.0; for i in 0..x { \
      s += 1.0 / (i as f32 + 0.1); } s.to_bits() as u64 }",
    ),
    (
        "tuples",
        "fn both(x: u64) -> (u64, bool) { (x / 3, x % 3 == 0) } \
      fn tuples(x: u64) -> u64 { let (a, b) = both(x); let t = both(a); \
      if b { a + t.0 } else { x } }",
    ),
    (
        "parts",
        "fn parts(x: u64) -> u64 { let a: [u64; 5] = [1, 2, 3, 4, x]; let mut s = 0; \
      for v in a { s = s * 10 + v; } s }",
    ),
    (
        "panics",
        "fn panics(x: u64) -> u64 { let a = [1, 2, 3u64]; let i = x as usize; \
      a[i] - 2 + 10 / (x + 1 - 2 + 2 - 1 + 0) }",
    ),
    ("asserts", "fn asserts(x: u64) -> u64 { assert!(x != 4, \"four\"); x as u8 as u64 + 250 }"),
    ("narrow", "fn narrow(x: u64) -> u64 { let y: u8 = 250; let z: u8 = y + x as u8; z as u64 }"),
];

#[test]
fn functions_have_the_values_of_rust() {
    let mut items = String::new();
    let mut expressions = Vec::new();
    let mut ours = Vec::new();
    for (name, source) in FUNCTIONS {
        items += source;
        items += "\n";
        for x in 0..8 {
            expressions.push(format!("{name}({x}) as i128"));
            let source = source.replace("fn ", "const fn ");
            let source = format!("{source} const T: [u64; 1] = [{name}({x})];");
            ours.push((format!("{name}({x})"), table(&source)));
        }
    }
    for ((call, found), wanted) in ours.iter().zip(rust::values("functions", &items, &expressions))
    {
        let found = found.as_ref().map(|bytes| {
            i128::from(u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")))
        });
        assert_eq!(found.as_ref().ok(), wanted.as_ref(), "{call}: {found:?}");
    }
}

/// Random statements over two variables, an array and two counters of loops. All numbers are
/// `i64`; those of the language must fit where they are assigned, those of Rust everywhere: what
/// is computed is brought back to a few bits by `%`.
struct Writer {
    random: Random,
    loops: usize,
}

impl Writer {
    fn number(&mut self, depth: u32) -> String {
        if depth == 0 {
            return match self.random.below(5) {
                0 => "x".into(),
                1 => "y".into(),
                2 => format!("a[{}]", self.random.below(4)),
                _ => format!("{}i64", self.random.below(50)),
            };
        }
        let (a, b) = (self.number(depth - 1), self.number(depth - 1));
        match self.random.below(8) {
            0 => format!("(if {} {{ {a} }} else {{ {b} }})", self.condition()),
            1 => format!("step({a} % 100, {b} % 100)"),
            2 => format!("a[({a}).rem_euclid(4) as usize]"),
            3 => format!("({a}).min({b})"),
            _ => {
                let op = self.random.pick(&["+", "-", "&", "|", "^", "+"]);
                format!("({a} {op} {b}) % 10007")
            }
        }
    }

    fn condition(&mut self) -> String {
        let (a, b) = (self.number(0), self.number(0));
        let op = self.random.pick(&["<", "<=", "==", "!=", ">"]);
        let also = self.random.pick(&["", " && x != 7", " || y < 3"]);
        format!("{a} {op} {b}{also}")
    }

    fn block(&mut self, depth: u32, in_loop: bool) -> String {
        let count = 1 + self.random.below(3);
        let statements: Vec<String> = (0..count).map(|_| self.statement(depth, in_loop)).collect();
        format!("{{ {} }}", statements.join(" "))
    }

    fn statement(&mut self, depth: u32, in_loop: bool) -> String {
        let value = self.number(2);
        if depth > 0 && self.random.below(2) == 0 {
            let body = self.block(depth - 1, true);
            self.loops += 1;
            let i = format!("i{}", self.loops);
            return match self.random.below(4) {
                0 => format!("for {i} in 0..5i64 {body}"),
                1 => format!("let mut {i}: i64 = 0; while {i} < 4 {{ {i} += 1; {body} }}"),
                2 => format!(
                    "let mut {i}: i64 = 0; loop {{ {i} += 1; if {i} > 3 {{ break; }} {body} }}"
                ),
                _ => {
                    let (yes, no) =
                        (self.block(depth - 1, in_loop), self.block(depth - 1, in_loop));
                    format!("if {} {yes} else {no}", self.condition())
                }
            };
        }
        match self.random.below(9) {
            0 => format!("x = {value};"),
            1 => format!("y = {value};"),
            2 => format!("a[{}] = {value};", self.random.below(4)),
            3 => format!("a[(x).rem_euclid(4) as usize] = {value};"),
            4 => format!("x {} {value}; x %= 10007;", self.random.pick(&["+=", "-=", "^=", "|="])),
            5 => "(x, y) = (y, x);".into(),
            6 if in_loop => {
                let word = self.random.pick(&["break", "continue"]);
                format!("if {} {{ {word}; }}", self.condition())
            }
            7 => format!("if {} {{ return {value}; }}", self.condition()),
            _ => format!("let z: i64 = {value}; y = z;"),
        }
    }
}

#[test]
fn random_functions_have_the_values_of_rust() {
    let step =
        "fn step(p: i64, q: i64) -> i64 { let d = p - q; if d < 0 { return -d; } d * 2 + 1 }";
    let mut writer = Writer { random: Random(0x2545_F491_4F6C_DD1D), loops: 0 };
    let mut items = step.to_string();
    let mut expressions = Vec::new();
    let mut found = Vec::new();
    for number in 0..150 {
        let body = writer.block(3, false);
        let result = writer.number(2);
        let source = format!(
            "fn run_{number}(mut x: i64, mut y: i64) -> i64 {{ let mut a: [i64; 4] = [x, y, 3, 4]; \
             {body} {result} }}"
        );
        let _ = writeln!(items, "\n{source}");
        let ours = format!("{step} {source}").replace("fn ", "const fn ");
        for (x, y) in [(0, 1), (7, 3), (49, 20)] {
            expressions.push(format!("run_{number}({x}, {y}) as i128"));
            let ours = format!("{ours} const T: [i64; 1] = [run_{number}({x}, {y})];");
            found.push((source.clone(), table(&ours)));
        }
    }
    let wanted = rust::values("random_functions", &items, &expressions);
    for ((source, found), wanted) in found.iter().zip(&wanted) {
        let found = found.as_ref().map(|bytes| {
            i128::from(i64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")))
        });
        assert_eq!(found.as_ref().ok(), wanted.as_ref(), "{source}: {found:?}");
    }
    assert!(wanted.iter().flatten().count() > 300);
}

/// What does not end is stopped, and what is nested too deeply.
#[test]
fn endless_functions_are_errors() {
    for (source, wanted) in [
        ("const fn endless() -> u64 { loop {} }", "expansion exceeds 2097152 steps"),
        ("const fn endless() -> u64 { while true {} 1 }", "expansion exceeds 2097152 steps"),
        ("const fn endless() -> u64 { endless() }", "calls are nested too deeply"),
    ] {
        let source = format!("{source} const T: [u64; 1] = [endless()];");
        assert_eq!(table(&source), Err(wanted.to_string()), "{source}");
    }
}
