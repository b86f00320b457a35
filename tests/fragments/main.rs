//! Kernels that `macro_rules!` produces: each kind of fragment in every place where what it stands
//! for can stand. rustc puts an invisible group around most of them; it must not matter.

mod proven;

use peach_runtime::peach_fn;

/// After a `sym`.
pub static ANSWER: u64 = 42;

/// After a `const { … }`.
pub struct Record {
    /// Not read.
    pub first: u64,
    /// Read.
    pub second: u64,
}

macro_rules! by_ident {
    ($name:ident, $x:ident, $t:ident, $class:ident, $op:ident, $reg:ident, $view:ident, $N:ident, $TABLE:ident,
     $helper:ident, $param:ident, $stream:ident, $variable:ident, $local:ident, $i:ident, $element:ident,
     $size:ident, $data:ident) => {
        peach_fn! {
            const $N: u32 = 3;
            const $TABLE: [$element; $N + 1] = [1, 2, 3, 4];
            inline fn $helper($param: $class, n: const) -> $class { $op $param, n; return $param; }
            fn $name($x: u64) -> u64 {
                let $t: $class = $x;
                let $local: [$element; 2];
                let mut $variable: const = 0;
                for $i in 0..$N { $variable += $i; }
                stream $stream { $op $t, $variable; $op $t, $N; }
                issue $stream;
                interleave $stream;
                let $t = $helper($t, $TABLE[$N]);
                mov $size [$local + 4*1], $N;
                mov $reg.$view, [$local + 4];
                $op $t, $reg;
                $op $t, $data(100);
                $op $t.$view, $size [$TABLE + 4*2];
                return $t;
            }
        }
    };
}
by_ident!(
    idents, argument, t, gp64, add, rax, gp32, COUNT, NUMBERS, plus, p, work, total, buffer, i,
    u32, dword, u64
);

macro_rules! by_expr {
    ($name:ident, $bound:expr, $step:expr, $condition:expr, $value:expr, $disp:expr, $length:expr, $index:expr, $result:expr, $float:expr) => {
        peach_fn! {
            const LENGTH = $length;
            const TABLE: [u32; $length] align $step * 4 = [$value; $length];
            fn $name(x: &[u32; LENGTH]) -> (u64, u64) {
                let regs: [gp64; $length];
                let local: [u32; $length] align $step * 8;
                for i in (0..$bound).step_by($step) {
                    if $condition {
                        mov regs[i].gp32, [x + $disp * i];
                    } else {
                        mov regs[i], $value * 2;
                    }
                }
                assert!($condition, "it is true");
                for r in regs[$step..] { xor r, r; }
                add regs[$index], $value;
                add regs[$index], TABLE[$index];
                mov dword [local + 4 * $index], $value;
                movss xmm0, f32($float * 2.0);
                align $step * 16;
                let mut n: const = $value;
                while n > $value - $step { n -= $step; }
                add regs[$index], n;
                'case[$index]:
                stream one { nop; nop; }
                issue one, $step;
                jz 'case[$index];
                return (regs[$index], $result);
            }
        }
    };
}
by_expr!(exprs, 1 + 1, 2 - 0, 1 + 1 == 2, 10 - 3, 2 + 2, 2 + 2, 1 - 1, 3 + 4, 0.25 + 0.25);

macro_rules! by_type {
    ($name:ident, $a:ty, $b:ty, $slice:ty, $array:ty, $result:ty) => {
        peach_fn! {
            fn $name(a: $a, b: $b, s: $slice, p: $array) -> $result {
                add a, [p + 4];
                mov [b], a;
                add a, s.len.gp32;
                return a;
            }
            #[target_feature(enable = "padlock")]
            fn falls_back(a: $a) -> $result { return a; }
            #[fallback]
            fn falls_back(a: $a) -> $result { a as $result + 1 }
        }
    };
}
by_type!(types, u32, &mut u32, &[u8], &[u32; 2], u32);

macro_rules! by_tt {
    ($name:tt, $params:tt, $body:tt, $memory:tt, $class:tt, $n:tt, $op:tt, $quote:tt, $mask:tt) => {
        peach_fn! {
            fn $name $params -> u64 {
                let r: $class = $n;
                $op r, $memory;
                test r, r;
                jz $quote;
                $quote: nop;
                'body: $body
                mov rax, r;
                return rax;
            }
            for B in [$n] { #[must_use] fn made_{B}(x: u64) -> u64 { add x, B; return x; } }
        }
    };
}
macro_rules! tt_places {
    () => {
        by_tt!(tts, (x: &u64, y: u64), { add y, 1; jnz break 'body; inc y; }, [x], gp64, 5, add, 'out, { k1 });
    };
}

macro_rules! by_literal {
    ($name:ident, $features:literal, $abi:literal, $byte:literal, $negative:literal, $bytes:literal, $text:literal, $float:literal, $embed:literal) => {
        peach_fn! {
            const BYTES: [u8; 4] = *$bytes;
            #[doc = $text]
            #[target_feature(enable = $features)]
            #[embed = $embed]
            extern $abi fn $name(x: &[i32; 3]) -> i32 {
                let r: gp32 = $negative;
                add r, [x + $byte - 90];
                add r, BYTES[$byte - 96];
                assert!(isa($features), $text);
                cvttss2si eax, f32($float);
                add r, eax;
                add r, $negative;
                for i in $byte..=$byte { add r, i; }
                return r;
            }
        }
    };
}
by_literal!(literals, "sse4.2", "sysv64", b'b', -5, b"bead", "Documentation.", -2.5, "text");

macro_rules! by_lifetime {
    ($name:ident, $life:lifetime, $label:lifetime, $block:lifetime, $case:lifetime) => {
        peach_fn! {
            inline fn go_if_zero(out: label, n: gp64) { test n, n; jz out; }
            fn $name<$life>(x: &$life u64, n: u64) -> &$life u64 {
                $block: {
                    go_if_zero(break $block, n);
                    dec n;
                    jz $label;
                    for i in 0..2 { $case[i]: nop; jz $case[1]; }
                    jmp continue $block;
                }
                $label:
                return x;
            }
        }
    };
}
by_lifetime!(lifetimes, 'a, 'out, 'next, 'case);

macro_rules! by_block {
    ($name:ident, $body:block, $inner:block, $fallback:block) => {
        peach_fn! {
            inline fn three(r: gp32) { add r, 3; }
            fn $name() -> u64 $body
            fn inner() -> u64 { xor eax, eax; for i in 0..2 $inner return rax; }
            fn otherwise() -> u64 { xor eax, eax; if false { ud2; } else $inner return rax; }
            fn labeled() -> u64 {
                xor eax, eax;
                // SAFETY: nothing in it needs to be promised. It is here to be read.
                unsafe $inner '_named: $inner return rax;
            }
            #[target_feature(enable = "padlock")]
            fn falls() -> u64 { return 1; }
            #[fallback]
            fn falls() -> u64 $fallback
        }
    };
}

macro_rules! by_path {
    ($name:ident, $record:path, $symbol:path, $argument:path, $vis:vis, $meta:meta, $field:ident) => {
        peach_fn! {
            #[$meta]
            // Only rustc knows the offset of a field, and what a symbol's address leads to.
            $vis unsafe fn $name(r: *const $argument) -> u64 {
                mov rax, [r + const { ::std::mem::offset_of!($record, $field) }];
                mov rcx, sym $symbol;
                add rax, [rcx];
                add rax, const { { use $symbol as it; let _ = &it; 1 } };
                return rax;
            }
        }
    };
}
by_path!(paths, Record, ANSWER, Record, pub(crate), inline, second);

macro_rules! statements {
    ($name:ident: $($statement:tt)*) => { peach_fn! {
        fn $name(x: u64) -> u64 { $($statement)* return x; }
    } };
}
statements!(repeated: add x, 1; { let t: gp64 = x; add x, t; } for i in 0..2 { inc x; });

macro_rules! family {
    ($($name:ident = $value:expr, $ty:ty;)*) => {
        peach_fn! { $(fn $name(x: $ty) -> $ty { add x, $value; return x; })* }
    };
}
family! { add_one = 1, u8; add_two = 2, u16; add_minus = -3, i64; }

macro_rules! data {
    ($name:ident, $($lane:expr),*) => {
        peach_fn! {
            const LANES: [f32; 4] = [$($lane),*];
            fn $name(out: &mut [f32; 4]) {
                movups xmm0, f32x4($($lane),*);
                addps xmm0, [LANES];
                for (i, v) in zip(0..4, [$($lane),*]) { if i == 3 { addss xmm0, f32(v); } }
                movups [out], xmm0;
            }
        }
    };
}
data!(lanes, 1.0, 0.5 * 4.0, -3.0, 2.0 + 2.0);

macro_rules! versions {
    ($name:ident, $class:ident, $width:expr, $features:literal) => {
        peach_fn! {
            #[version(enable = $features, V = $class, W = $width)]
            #[version(V = xmm, W = 16)]
            fn $name() -> u32 { let _v: [V; W / 16]; return W; }
        }
    };
}
versions!(widths, ymm, 16 + 16, "avx2");

/// A macro whose fragments pass through a second one get groups within groups.
macro_rules! outer {
    ($name:ident, $ty:ty, $value:expr, $label:lifetime) => {
        inner!($name, $ty, $value * 2, $label);
    };
}
macro_rules! inner {
    ($name:ident, $ty:ty, $value:expr, $label:lifetime) => {
        peach_fn! {
            fn $name(x: $ty) -> $ty { add x, $value + 1; jz $label; inc x; $label: return x; }
        }
    };
}
outer!(nested, u64, 3 + 4, 'end);

/// Names that a macro declares, next to what it was given, and the same in plain Rust.
macro_rules! hygienic {
    ($shadow:ident, $looped:ident, $labeled:ident, $rust:ident, $x:ident, $label:lifetime, $e:expr) => {
        peach_fn! {
            fn $shadow($x: u64) -> u64 {
                let t: gp64;
                mov t, 100;
                add t, $x;
                add t, $e;
                return t;
            }
            fn $looped($x: u64) -> u64 {
                for t in 1..4 { add $x, t; }
                const t = 50;
                { let t: gp64 = 7; add $x, t; }
                add $x, t;
                return $x;
            }
            fn $labeled($x: u64) -> u64 {
                test $x, $x;
                jz 't;
                jmp $label;
                't: nop;
                $label: nop;
                {
                    let t: gp64 = $x;
                    add t, $x;
                    $x = t;
                }
                return $x;
            }
        }
        fn $rust($x: u64) -> (u64, u64, u64) {
            let t = 100;
            let t = t + $x + $e;
            let mut sum = $x;
            for t in 1..4 {
                sum += t;
            }
            {
                let t = 7;
                sum += t;
            }
            sum += 50;
            (t, sum, $x + $x)
        }
    };
}
hygienic!(shadow_t, looped_t, labeled_t, rust_t, t, 't, 2 * 3);
hygienic!(shadow_u, looped_u, labeled_u, rust_u, u, 'u, 2 * 3);

/// The names that another macro has been given stay what they are.
macro_rules! hygienic_outer {
    ($shadow:ident, $looped:ident, $labeled:ident, $rust:ident, $x:ident) => {
        hygienic!($shadow, $looped, $labeled, $rust, $x, 't, 1 + 1);
    };
}
hygienic_outer!(shadow_n, looped_n, labeled_n, rust_n, t);

#[test]
fn hygiene() {
    for x in [0, 5, 1 << 40] {
        let found = |a: fn(u64) -> u64, b: fn(u64) -> u64, c: fn(u64) -> u64| (a(x), b(x), c(x));
        assert_eq!(found(shadow_t, looped_t, labeled_t), rust_t(x));
        assert_eq!(found(shadow_u, looped_u, labeled_u), rust_u(x));
        assert_eq!(found(shadow_n, looped_n, labeled_n), rust_n(x));
    }
}

#[test]
fn identifiers() {
    // 3 + 3, the table's last, what is stored, the data, the table's third.
    assert_eq!(idents(1000), 1000 + 3 + 3 + 4 + 3 + 100 + 3);
}

#[test]
fn expressions() {
    assert_eq!(exprs(&[100, 1, 2, 3]), (100 + 7 + 7 + 5, 7));
}

#[test]
fn types_of_signatures() {
    let mut b = 0;
    assert_eq!(types(1, &mut b, &[1, 2, 3], &[10, 20]), 24);
    assert_eq!(b, 21);
    assert_eq!(falls_back(4), 5);
}

#[test]
fn token_trees() {
    tt_places!();
    assert_eq!(tts(&10, 1), 15);
    assert_eq!(made_5(1), 6);
}

#[test]
fn literals_anywhere() {
    assert_eq!(literals(&[1, 2, 3]), -5 + 3 + 97 - 2 - 5 + 98);
}

#[test]
fn labels_and_lifetimes() {
    assert_eq!(*lifetimes(&7, 3), 7);
}

#[test]
fn blocks() {
    by_block!(
        whole,
        {
            rax = 5;
            return rax;
        },
        {
            three(eax);
        },
        { 1 + 1 }
    );
    assert_eq!((whole(), inner(), otherwise(), labeled(), falls()), (5, 6, 3, 6, 2));
}

#[test]
fn the_rest() {
    let record = Record { first: 1, second: 100 };
    // SAFETY: it is a reference to a record.
    assert_eq!(unsafe { paths(&record) } + record.first, 100 + 42 + 1 + 1);
    assert_eq!(repeated(1), 6);
    assert_eq!((add_one(255), add_two(1), add_minus(1)), (0, 3, -2));
    let mut out = [0.0; 4];
    lanes(&mut out);
    assert_eq!(out, [1.0 + 1.0 + 4.0, 4.0, -6.0, 8.0]);
    assert!([16, 32].contains(&widths()));
    assert_eq!(nested(1), 17);
}
