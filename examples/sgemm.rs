//! A matrix multiplication micro-kernel: a tile of 6 by 16 floats in AVX2, of 6 by 32 in AVX-512,
//! all of it in registers, from one body.
//!
//! `cargo run --release --example sgemm`

use peach_runtime::peach_fn;
use std::time::Instant;

/// The rows of a tile.
const ROWS: usize = 6;

/// The tile's kernel for a convention, a vector class and its width in bytes.
macro_rules! tile {
    ($name:ident, $abi:literal, $features:literal, $class:ident, $width:literal) => {
        peach_fn! {
            const W = $width;

            /// Adds the product of a column panel `a` (`k` times 6 floats) and a row panel `b` (`k`
            /// times two vectors) to the tile at `c`, whose rows are `stride` floats apart.
            ///
            /// # Safety
            /// The panels and the tile must be readable, the tile writable.
            // Between the rows of a tile lie those of others, which other threads may write: it is
            // not a slice, and of a pointer the proof knows nothing.
            #[target_feature(enable = $features)]
            pub unsafe extern $abi fn $name(
                k: usize,
                a: *const f32,
                b: *const f32,
                c: *mut f32,
                stride: usize,
            ) {
                let acc: [[$class; 2]; 6];
                for row in acc { for r in row { vxorps r.xmm, r.xmm, r.xmm; } }
                let x: [$class; 2];
                let y: $class;
                test k, k;
                jz 'done;
                'next: {
                    for j in 0..2 { vmovups x[j], [b + W * j]; }
                    for i in 0..6 {
                        vbroadcastss y, dword [a + 4 * i];
                        for j in 0..2 { vfmadd231ps acc[i][j], y, x[j]; }
                    }
                    add a, 4 * 6;
                    add b, 2 * W;
                    dec k;
                    jnz continue 'next;
                }
                'done:
                for i in 0..6 {
                    for j in 0..2 {
                        vaddps acc[i][j], acc[i][j], [c + W * j];
                        vmovups [c + W * j], acc[i][j];
                    }
                    if i < 5 { lea c, [c + stride * 4]; }
                }
            }
        }
    };
}

tile!(tile_avx2, "C", "avx2,fma", ymm, 32);
tile!(tile_avx2_win64, "win64", "avx2,fma", ymm, 32);
tile!(tile_avx512, "C", "avx512f,avx512dq,avx512vl", zmm, 64);
tile!(tile_avx512_win64, "win64", "avx512f,avx512dq,avx512vl", zmm, 64);

/// What a kernel computes, in plain Rust.
fn plain(k: usize, columns: usize, a: &[f32], b: &[f32], c: &mut [f32], stride: usize) {
    for i in 0..ROWS {
        for j in 0..columns {
            for l in 0..k {
                c[i * stride + j] += a[l * ROWS + i] * b[l * columns + j];
            }
        }
    }
}

type Tile = unsafe fn(usize, *const f32, *const f32, *mut f32, usize);

/// Compares `tile` with plain Rust for a few depths, then times it.
fn check(name: &str, tile: Tile, columns: usize) {
    let stride = columns + 3;
    let value = |i: usize| ((i * 7919) % 13) as f32 - 6.0;
    for k in [0, 1, 2, 7, 64] {
        let a: Vec<f32> = (0..k * ROWS).map(value).collect();
        let b: Vec<f32> = (0..k * columns).map(|i| value(i + 5)).collect();
        let mut c: Vec<f32> = (0..ROWS * stride).map(value).collect();
        let mut expected = c.clone();
        plain(k, columns, &a, &b, &mut expected, stride);
        // SAFETY: the panels hold `k` steps, the tile all its rows.
        unsafe { tile(k, a.as_ptr(), b.as_ptr(), c.as_mut_ptr(), stride) };
        assert_eq!(c, expected, "{name}, k = {k}");
    }
    let k = 256;
    let (a, b) = (vec![1.0; k * ROWS], vec![1.0; k * columns]);
    let mut c = vec![0.0; ROWS * stride];
    let start = Instant::now();
    for _ in 0..10_000 {
        // SAFETY: as above.
        unsafe { tile(k, a.as_ptr(), b.as_ptr(), c.as_mut_ptr(), stride) };
    }
    let flops = 2.0 * (ROWS * columns * k * 10_000) as f64;
    println!("{name}: {:.1} GFLOP/s", flops / start.elapsed().as_secs_f64() / 1e9);
}

fn main() {
    if tile_avx2::KERNEL.is_supported() {
        check("6 x 16, AVX2", tile_avx2, 16);
        check("6 x 16, AVX2, win64", tile_avx2_win64, 16);
    }
    if tile_avx512::KERNEL.is_supported() {
        check("6 x 32, AVX-512", tile_avx512, 32);
        check("6 x 32, AVX-512, win64", tile_avx512_win64, 32);
    }
}

#[test]
fn equals_plain_rust() {
    peach_testing::processor::runs(tile_avx2::KERNEL.try_get());
    peach_testing::processor::runs(tile_avx512::KERNEL.try_get());
    main();
}
