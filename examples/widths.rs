//! One body at three vector widths: the first version that the processor supports is chosen at
//! first use, and plain Rust where there is none.
//!
//! `cargo run --release --example widths`

use peach_runtime::peach_fn;
use std::hint::black_box;
use std::time::Instant;

peach_fn! {
    /// The body of all: `V` and `W` are those of the version that is being compiled.
    inline fn dot_product(x: gp64, y: gp64, n: gp64) -> xmm {
        let acc: [V; 4];
        let v: [V; 4];
        for a in acc { vxorps a.xmm, a.xmm, a.xmm; }
        'blocks: {
            sub n, W;
            jb break 'blocks;
            for i in 0..4 { vmovups v[i], [x + W * i]; }
            for i in 0..4 { vfmadd231ps acc[i], v[i], [y + W * i]; }
            add x, 4 * W;
            add y, 4 * W;
            jmp continue 'blocks;
        }
        add n, W;
        jz 'summed;
        'singles: {
            vmovss v[0].xmm, [x];
            vmovss v[1].xmm, [y];
            vfmadd231ps acc[1], v[0], v[1];
            add x, 4;
            add y, 4;
            dec n;
            jnz continue 'singles;
        }
        'summed:
        vaddps acc[0], acc[0], acc[1];
        vaddps acc[2], acc[2], acc[3];
        vaddps acc[0], acc[0], acc[2];
        if W == 64 {
            vextractf64x4 v[0].ymm, acc[0], 1;
            vaddps acc[0].ymm, acc[0].ymm, v[0].ymm;
        }
        if W >= 32 {
            vextractf128 v[0].xmm, acc[0].ymm, 1;
            vaddps acc[0].xmm, acc[0].xmm, v[0].xmm;
        }
        let (sum, high) = (acc[0].xmm, v[0].xmm);
        vmovhlps high, sum, sum;
        vaddps sum, sum, high;
        vmovshdup high, sum;
        vaddss sum, sum, high;
        return sum;
    }

    /// The smaller one of two lengths.
    inline fn shorter(a: gp64, b: gp64) -> gp64 {
        let n: gp64 = a;
        cmp n, b;
        cmova n, b;
        return n;
    }

    /// The dot product of the first `min(x.len(), y.len())` values.
    #[version(enable = "avx512f", V = zmm, W = 64)]
    #[version(enable = "avx2,fma", V = ymm, W = 32)]
    #[version(enable = "fma", V = xmm, W = 16)]
    pub fn dot(x: &[f32], y: &[f32]) -> f32 {
        return dot_product(x.ptr, y.ptr, shorter(x.len, y.len));
    }

    #[fallback]
    pub fn dot(x: &[f32], y: &[f32]) -> f32 {
        plain(x, y)
    }

    /// [`dot`] in the widest registers alone.
    #[version(enable = "avx512f", V = zmm, W = 64)]
    pub fn dot_zmm(x: &[f32], y: &[f32]) -> f32 {
        return dot_product(x.ptr, y.ptr, shorter(x.len, y.len));
    }

    /// [`dot`] in registers of 32 bytes alone.
    #[version(enable = "avx2,fma", V = ymm, W = 32)]
    pub fn dot_ymm(x: &[f32], y: &[f32]) -> f32 {
        return dot_product(x.ptr, y.ptr, shorter(x.len, y.len));
    }

    /// [`dot`] in registers of 16 bytes alone.
    #[version(enable = "fma", V = xmm, W = 16)]
    pub fn dot_xmm(x: &[f32], y: &[f32]) -> f32 {
        return dot_product(x.ptr, y.ptr, shorter(x.len, y.len));
    }
}

/// What rustc makes of the loop.
pub fn plain(x: &[f32], y: &[f32]) -> f32 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn main() {
    for version in dot::KERNEL.versions() {
        println!("a version for {:?}: {} bytes", version.extensions(), version.code().len());
    }
    let x: Vec<f32> = (0..4096).map(|i| (i % 11) as f32).collect();
    let y: Vec<f32> = (0..4096).map(|i| (i % 7) as f32).collect();
    let widths = [
        (dot_xmm::KERNEL.is_supported(), dot_xmm as fn(&[f32], &[f32]) -> f32),
        (dot_ymm::KERNEL.is_supported(), dot_ymm),
        (dot_zmm::KERNEL.is_supported(), dot_zmm),
    ];
    for len in (0..200).chain([4096]) {
        let expected = plain(&x[..len], &y);
        assert_eq!(dot(&x[..len], &y), expected, "length {len}");
        for (_, dot) in widths.iter().filter(|(is_supported, _)| *is_supported) {
            assert_eq!(dot(&x[..len], &y), expected, "length {len}");
        }
    }
    let time = |dot: fn(&[f32], &[f32]) -> f32| {
        let start = Instant::now();
        for _ in 0..10_000 {
            black_box(dot(black_box(&x), black_box(&y)));
        }
        start.elapsed() / 10_000
    };
    println!("4096 values: kernel {:?}, plain Rust {:?}", time(dot), time(plain));
}

#[test]
fn equals_plain_rust() {
    peach_testing::processor::runs(dot_ymm::KERNEL.try_get());
    peach_testing::processor::runs(dot_zmm::KERNEL.try_get());
    main();
}
