//! What is computed at compile time, as a user has it: constants, functions and tables inside
//! `peach_fn!`, those of rustc among them, in every embedding.

#![cfg(target_arch = "x86_64")]

use peach_runtime::peach_fn;

/// Of several types and depths, as other code would have them.
mod data {
    pub const SBOX: [u8; 256] = {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 256 {
            table[i] = (i as u8).wrapping_mul(167) ^ 0x63;
            i += 1;
        }
        table
    };
    pub const WEIGHTS: [[f32; 3]; 5] = [[0.1, 0.2, 0.3]; 5];
    pub const DEEP: [[[i16; 2]; 3]; 2] =
        [[[1, -2], [3, -4], [5, -6]], [[7, -8], [9, -10], [11, -12]]];
    pub const SIZES: [usize; 3] = [1, 2, usize::MAX];
    pub const WIDE: [u128; 2] = [u128::MAX - 1, 5];
    pub const DOUBLES: [f64; 2] = [0.1, f64::NEG_INFINITY];
    pub const LARGE: [u32; 1000] = [0xDEAD_BEEF; 1000];
}

macro_rules! lookups {
    ($module:ident, $embed:literal) => {
        mod $module {
            use super::data;
            use peach_runtime::peach_fn;

            peach_fn! {
                const SBOX: [u8; 256] = const { data::SBOX };
                const WEIGHTS: [[f32; 3]; 5] = const { crate::data::WEIGHTS };
                const DEEP: [[[i16; 2]; 3]; 2] align 64 = const { data::DEEP };
                const SIZES: [usize; 3] = const { data::SIZES };
                const WIDE: [u128; 2] = const { data::WIDE };
                const DOUBLES: [f64; 2] = const { [data::DOUBLES[0] * 2.0, data::DOUBLES[1]] };
                const LARGE: [u32; 1000] = const { data::LARGE };
                const OWN: [u8; 3] = [1, 2, 3];

                #[embed = $embed]
                pub fn substitute(x: u8) -> u8 {
                    let t, i: gp64;
                    lea t, [SBOX];
                    movzx i.gp32, x;
                    movzx i.gp32, byte [t + i];
                    return i.gp8;
                }

                #[embed = $embed]
                pub fn weight() -> f32 {
                    movss xmm0, dword [WEIGHTS + 4*(3*4 + 1)];
                    return xmm0;
                }

                #[embed = $embed]
                pub fn deep() -> i32 {
                    movsx eax, word [DEEP + 2*(1*6 + 2*2 + 1)];
                    movsx ecx, word [DEEP];
                    add eax, ecx;
                    add eax, len(DEEP) + len(SBOX);
                    return eax;
                }

                #[embed = $embed]
                pub fn wide() -> u64 {
                    mov rax, [WIDE];
                    add rax, [WIDE + 16];
                    add rax, [SIZES + 16];
                    movzx ecx, byte [OWN + 2];
                    add rax, rcx;
                    return rax;
                }

                #[embed = $embed]
                pub fn double() -> f64 { movsd xmm0, qword [DOUBLES]; return xmm0; }

                #[embed = $embed]
                pub fn last() -> u32 { mov eax, [LARGE + 4*999]; return eax; }

                #[embed = $embed]
                #[version(enable = "padlock", N = 1)]
                #[version(enable = "sse2", N = 3)]
                pub fn versions() -> u8 { mov al, [SBOX + N]; return al; }

                for K in 0..3 {
                    #[embed = $embed]
                    pub fn entry_{K}() -> u8 { mov al, [SBOX + K]; return al; }
                }
            }
        }

        #[test]
        fn $module() {
            for x in 0..=255 {
                assert_eq!($module::substitute(x), data::SBOX[usize::from(x)]);
            }
            assert_eq!($module::weight(), data::WEIGHTS[4][1]);
            assert_eq!($module::deep(), -12 + 1 + 2 + 256);
            let wide =
                (data::WIDE[0] as u64).wrapping_add(5).wrapping_add(u64::MAX).wrapping_add(3);
            assert_eq!($module::wide(), wide);
            assert_eq!($module::double(), 0.2);
            assert_eq!($module::last(), 0xDEAD_BEEF);
            assert_eq!($module::versions(), data::SBOX[3]);
            let entries = [$module::entry_0(), $module::entry_1(), $module::entry_2()];
            assert_eq!(entries, data::SBOX[..3]);
        }
    };
}

lookups!(tables_of_rust_in_mapped_kernels, "map");
lookups!(tables_of_rust_in_text, "text");

peach_fn! {
    const SBOX: [u8; 256] = const { data::SBOX };
    const WEIGHTS: [[f32; 3]; 5] = const { data::WEIGHTS };
    const OWN: [u64; 2] = [1, 2];

    #[embed = "inline"]
    fn inline_entry() -> u8 { mov al, byte [SBOX + 200]; return al; }

    #[embed = "inline"]
    fn inline_weight() -> f32 {
        movss xmm0, dword [WEIGHTS + 4*(2*3 + 2)];
        mov rax, [OWN + 8];
        cvtsi2ss xmm1, rax;
        addss xmm0, xmm1;
        return xmm0;
    }
}

#[test]
fn tables_of_rust_in_callers() {
    assert_eq!(inline_entry(), data::SBOX[200]);
    assert_eq!(inline_weight(), data::WEIGHTS[2][2] + 2.0);
}

/// Fragments of every kind, in every place that has an expression, a name or a type.
macro_rules! fragments {
    ($name:ident, $ty:ident, $number:expr, $more:literal, $function:ident, $index:ident, $method:ident) => {
        peach_fn! {
            const fn $function(a: $ty, b: u32) -> $ty {
                let mut sum: $ty = $number;
                for i in 0..b { sum = sum + a * i % $more; }
                if sum > $more { sum - 1 } else { sum as $ty }
            }
            const LIST: [$ty; $more] = from_fn(|$index| $function($index, 3) + $number);
            const NESTED: [[$ty; 2]; $more] = from_fn(|i| [$number; 2]);
            const ROTATED: u32 = ($number as u32).$method($more);
            fn $name() -> u32 {
                const HERE = LIST[$more - 1] + NESTED[0][1] + ROTATED;
                return HERE;
            }
        }
    };
}

fragments!(of_fragments, u32, 2 + 1, 8, total, at, rotate_left);

#[test]
fn fragments_of_macros_stand_in_constants() {
    let total = |a: u32| {
        let sum = (0..3).fold(3, |sum, i| sum + a * i % 8);
        if sum > 8 { sum - 1 } else { sum }
    };
    assert_eq!(of_fragments(), total(7) + 3 + 3 + (3u32).rotate_left(8));
}

/// The places in a kernel's body that take what lists and constants hold.
macro_rules! body {
    ($op:ident, $place:ident, $list:expr) => {
        peach_fn! {
            inline fn both(m: [operand; 2]) { $op rax, m[0]; $op rax, m[1]; }

            fn in_a_body(p: &[u64; 4]) -> u64 {
                const OP = $op;
                const ELSE = if OP == sub { add } else { sub };
                let $place = [p + 8];
                inline fn once(n: const) { OP rax, n; ELSE rax, 1; OP rax, $place; }
                mov rax, [p];
                for n in $list { once(n); }
                both([[p + 16], [p + 24]]);
                both([$place, 7]);
                return rax;
            }
        }
    };
}

body!(add, slot, [4, 2, 1]);

#[test]
fn operands_have_names_in_bodies() {
    let p = [100, 20, 3, 5];
    assert_eq!(in_a_body(&p), 100 + 7 - 3 + 3 * 20 + 3 + 5 + 20 + 7);
}

peach_fn! {
    const fn crc(i: u32) -> u32 {
        let mut c = i;
        for _ in 0..8 { c = if c & 1 == 1 { c >> 1 ^ 0xEDB8_8320 } else { c >> 1 }; }
        return c;
    }
    const CRC: [u32; 256] = from_fn(|i| crc(i));

    /// The CRC of zip files, a byte at a time.
    fn crc32(data: &[u8]) -> u32 {
        let table, at, left: gp64;
        let state, byte: gp32;
        lea table, [CRC];
        mov state, !0 as u32;
        at = data.ptr;
        left = data.len;
        'bytes: {
            test left, left;
            jz break 'bytes;
            movzx byte, byte [at];
            xor byte, state;
            movzx byte, byte.gp8;
            shr state, 8;
            xor state, [table + 4*byte.gp64];
            inc at;
            dec left;
            jmp continue 'bytes;
        }
        not state;
        return state;
    }

    const TWIDDLES: [[f32; 2]; 8] =
        from_fn(|k| [(TAU * k as f64 / 8.0).cos(), (TAU * k as f64 / 8.0).sin()]);

    fn twiddle(k: u64, part: u64) -> f32 {
        let t: gp64;
        and k, 7;
        and part, 1;
        lea t, [TWIDDLES];
        lea t, [t + 8*k];
        movss xmm0, dword [t + 4*part];
        return xmm0;
    }
}

#[test]
fn tables_of_the_kernels_are_those_of_rust() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    for k in 0..8 {
        let angle = std::f64::consts::TAU * k as f64 / 8.0;
        assert_eq!(twiddle(k, 0).to_bits(), (angle.cos() as f32).to_bits());
        assert_eq!(twiddle(k, 1).to_bits(), (angle.sin() as f32).to_bits());
    }
}

/// Another type, length or nesting is an error of rustc at the expression; so is no constant.
#[test]
#[cfg(target_os = "linux")]
fn tables_of_another_type_are_errors_at_their_expression() {
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("tables_of_another_type");
    let rustc = peach_testing::rustc::Rustc::new(dir, &[]);
    for (number, (declared, value)) in [
        ("[u8; 4]", "crate::THREE"),
        ("[u16; 3]", "crate::THREE"),
        ("[[u8; 3]; 1]", "crate::THREE"),
        ("[f32; 3]", "[1u32, 2, 3]"),
        ("[usize; 1]", "[1u64]"),
        ("[u8; 3]", "std::env::args().count()"),
    ]
    .into_iter()
    .enumerate()
    {
        for embed in ["map", "text"] {
            let source = format!(
                "use peach_runtime::peach_fn;\npub const THREE: [u8; 3] = [1, 2, 3];\npeach_fn! {{\n\
                 const T: {declared} = const {{\n{value}\n}};\n\
                 #[embed = \"{embed}\"] pub fn f() -> u8 {{ mov al, byte [T]; return al; }}\n}}\n"
            );
            let name = format!("mismatch_{number}_{embed}");
            let output = rustc.check(&name, &source);
            let errors = String::from_utf8_lossy(&output.stderr);
            let at = format!("{name}.rs:5:");
            assert!(!output.status.success(), "{source}");
            assert!(
                errors.lines().all(|line| !line.contains("error")
                    || line.contains(&at)
                    || line.contains("aborting")),
                "{source}\n{errors}"
            );
        }
    }
}

peach_fn! {
    fn saturated() -> i64 {
        mov rax, (-7_112_317_908_559_202_101i64).saturating_pow(6);
        return rax;
    }
    fn saturated_below() -> i64 {
        mov rax, (-7_112_317_908_559_202_101i64).saturating_pow(7);
        return rax;
    }
}

#[test]
fn even_powers_of_negative_numbers_saturate_above() {
    assert_eq!(saturated(), (-7_112_317_908_559_202_101i64).saturating_pow(6));
    assert_eq!(saturated_below(), (-7_112_317_908_559_202_101i64).saturating_pow(7));
}
