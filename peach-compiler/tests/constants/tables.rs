//! Tables: their bytes against plain Rust.

use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::expand::expand;
use peach_compiler::ir::DataContent;
use peach_compiler::syntax;
use proc_macro2::TokenStream;

/// The bytes of the table `T` of a program.
pub fn table(source: &str) -> Result<Vec<u8>, String> {
    let source = format!("{source} fn f() {{ let t: gp64; lea t, [T]; }}");
    let tokens: TokenStream = source.parse().expect("tokens");
    let mut diagnostics = Diagnostics::new();
    let file = syntax::parse(tokens, &mut diagnostics);
    let program = expand(&file, &SYSV64, &mut diagnostics);
    if let Some(error) = diagnostics.iter().next() {
        return Err(error.message.clone());
    }
    let data = &program.kernels[0].versions[0].function.data;
    match data.first().map(|data| &data.content) {
        Some(DataContent::Bytes(bytes)) => Ok(bytes.clone()),
        other => Err(format!("no bytes: {other:?}")),
    }
}

fn bytes<T: Copy, const N: usize>(values: &[T], to_bytes: fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|value| to_bytes(*value)).collect()
}

#[test]
fn a_table_of_crc_32() {
    let source = "const fn crc(i: u32) -> u32 {
            let mut c = i;
            for _ in 0..8 { c = if c & 1 == 1 { c >> 1 ^ 0xEDB8_8320 } else { c >> 1 }; }
            return c;
        }
        const T: [u32; 256] = from_fn(|i| crc(i));";
    let crc =
        |i: u32| (0..8).fold(i, |c, _| if c & 1 == 1 { c >> 1 ^ 0xEDB8_8320 } else { c >> 1 });
    let wanted: Vec<u32> = (0..256).map(crc).collect();
    assert_eq!(table(source), Ok(bytes(&wanted, u32::to_le_bytes)));
}

/// Eight tables, each made of the one before, as for slicing by 8.
#[test]
fn tables_that_are_made_of_tables() {
    let source = "const fn crc(i: u32) -> u32 {
            let mut c = i;
            let mut bit = 0;
            while bit < 8 { c = c >> 1 ^ (c & 1) * 0x82F6_3B78; bit += 1; }
            c
        }
        const FIRST: [u32; 256] = from_fn(|i| crc(i));
        const fn more(i: u32, times: u32) -> u32 {
            let mut c = FIRST[i];
            for _ in 0..times { c = c >> 8 ^ FIRST[c & 0xFF]; }
            c
        }
        const T: [[u32; 256]; 8] = from_fn(|k| from_fn(|i| more(i, k)));";
    let crc = |i: u32| (0..8).fold(i, |c, _| (c >> 1) ^ ((c & 1) * 0x82F6_3B78));
    let more = |c: u32| c >> 8 ^ crc(c & 0xFF);
    let mut wanted = Vec::new();
    let mut row: Vec<u32> = (0..256).map(crc).collect();
    for _ in 0..8 {
        wanted.extend(bytes(&row, u32::to_le_bytes));
        row = row.into_iter().map(more).collect();
    }
    assert_eq!(table(source), Ok(wanted));
}

/// The twiddle factors of a fast Fourier transform, as NNPACK has them.
#[test]
fn twiddle_factors() {
    let source = "const T: [[f32; 2]; 32] = from_fn(|k| [(TAU * k as f64 / 32.0).cos(), \
                  -(TAU * k as f64 / 32.0).sin()]);";
    let mut wanted = Vec::new();
    for k in 0..32 {
        let angle = std::f64::consts::TAU * f64::from(k) / 32.0;
        wanted.extend((angle.cos() as f32).to_le_bytes());
        wanted.extend((-angle.sin() as f32).to_le_bytes());
    }
    assert_eq!(table(source), Ok(wanted));
}

/// The points 0, 1, -1, 2, -2, 1/2, -1/2 of Winograd's F(6, 3): the rows of its transform of
/// filters are powers of a point, by a factor of its own.
#[test]
fn a_transform_of_winograd() {
    let source = "const POINTS: [f64; 7] = [0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5];
        const fn factor(i: usize) -> f64 {
            let mut product = 1.0;
            for j in 0..7 { if j != i { product *= POINTS[i] - POINTS[j]; } }
            1.0 / product
        }
        const T: [[f32; 3]; 7] = from_fn(|i| from_fn(|k| factor(i) * POINTS[i].powi(k)));";
    let points = [0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5f64];
    let mut wanted = Vec::new();
    for (i, point) in points.iter().enumerate() {
        let others = points.iter().enumerate().filter(|(j, _)| *j != i);
        let product = others.fold(1.0, |product, (_, other)| product * (point - other));
        for k in 0..3 {
            wanted.extend(((1.0 / product * point.powi(k)) as f32).to_le_bytes());
        }
    }
    assert_eq!(table(source), Ok(wanted));
}

/// The S-box of AES, computed as the standard defines it.
#[test]
fn the_s_box_of_aes() {
    let source = "const fn times(a: u8, b: u8) -> u8 {
            let (mut a, mut b, mut product) = (a, b, 0);
            while b != 0 {
                if b & 1 == 1 { product ^= a; }
                a = a << 1 ^ if a & 0x80 != 0 { 0x11B } else { 0 };
                b >>= 1;
            }
            product
        }
        const fn inverse(x: u8) -> u8 {
            let mut power: u8 = 1;
            for _ in 0..254 { power = times(power, x); }
            power
        }
        const fn substitute(x: u8) -> u8 {
            let i: u8 = if x == 0 { 0 } else { inverse(x) };
            i ^ i.rotate_left(1) ^ i.rotate_left(2) ^ i.rotate_left(3) ^ i.rotate_left(4) ^ 0x63
        }
        const T: [u8; 256] = from_fn(|x| substitute(x));";
    let times = |mut a: u8, mut b: u8| {
        let mut product = 0;
        while b != 0 {
            product ^= a * (b & 1);
            a = (a << 1) ^ ((a >> 7) * 0x1B);
            b >>= 1;
        }
        product
    };
    let wanted: Vec<u8> = (0..=255u8)
        .map(|x| {
            let i = (0..254).fold(1, |power, _| times(power, x));
            let i = if x == 0 { 0 } else { i };
            (0..5).fold(0x63, |s, by| s ^ i.rotate_left(by))
        })
        .collect();
    assert_eq!(wanted[..4], [0x63, 0x7C, 0x77, 0x7B]);
    assert_eq!(table(source), Ok(wanted));
}

#[test]
fn the_forms_of_tables() {
    for (source, wanted) in [
        ("const T: [u8; 3] = [1, 2, 3];", vec![1, 2, 3]),
        ("const T: [u8; 3] = [7; 3];", vec![7; 3]),
        ("const T: [u8; 3] = *b\"abc\";", vec![97, 98, 99]),
        ("const T: [[u8; 2]; 2] = [[1, 2], [3, 4]];", vec![1, 2, 3, 4]),
        ("const T: [[u8; 2]; 2] = [[5; 2]; 2];", vec![5; 4]),
        ("const T: [[u8; 2]; 2] = [*b\"ab\", from_fn(|i| i)];", vec![97, 98, 0, 1]),
        ("const A: [[u8; 2]; 2] = [[1, 2], [3, 4]]; const T: [u8; 2] = A[1];", vec![3, 4]),
        ("const A: [[u8; 2]; 2] = [[1, 2], [3, 4]]; const T: [u8; 1] = [A[1][0]];", vec![3]),
        ("const A: [u8; 2] = [8, 9]; const T: [[u8; 2]; 2] = [A, A];", vec![8, 9, 8, 9]),
        ("const T: [u8; 4] = from_fn(|i| { let x = i * i; x + 1 });", vec![1, 2, 5, 10]),
        ("const N: u8 = 3; const T: [u8; N] = from_fn(|_| N);", vec![3; 3]),
        ("const T: [[[u8; 1]; 2]; 2] = from_fn(|a| from_fn(|b| [a * 2 + b]));", vec![0, 1, 2, 3]),
        ("const T: [u8; 2] = if 1 < 2 { [1, 2] } else { [3; 2] };", vec![1, 2]),
        ("const T: [u16; 2] align 16 = [0x102, 0x304];", vec![2, 1, 4, 3]),
        (
            "const fn rows() -> [[u8; 2]; 2] { [[1, 2], [3, 4]] } const T: [[u8; 2]; 2] = rows();",
            vec![1, 2, 3, 4],
        ),
    ] {
        assert_eq!(table(source), Ok(wanted), "{source}");
    }
}
