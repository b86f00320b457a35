//! Sums a slice with AVX2: four accumulators, a tail that is loaded through a mask, and a fallback.
//!
//! `cargo run --release --example sum`

use peach_runtime::peach_fn;
use std::time::Instant;

peach_fn! {
    // Eight ones, then eight zeros: the mask for the first `n` of eight floats starts at `8 - n`.
    const ONES: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

    /// The sum of a slice. The order of the additions differs from a loop's.
    #[target_feature(enable = "avx2")]
    pub fn sum(x: &[f32]) -> f32 {
        let (p, n) = (x.ptr, x.len);
        let acc: [ymm; 4];
        for a in acc { vxorps a, a, a; }
        'blocks: {
            sub n, 32;
            jb break 'blocks;
            for i in 0..4 { vaddps acc[i], acc[i], [p + 32 * i]; }
            add p, 4 * 32;
            jmp continue 'blocks;
        }
        add n, 32;
        'vectors: {
            sub n, 8;
            jb break 'vectors;
            vaddps acc[0], acc[0], [p];
            add p, 32;
            jmp continue 'vectors;
        }
        // `n` is 8 less than the number of floats that are left.
        let masks: gp64;
        let tail: ymm;
        lea masks, [ONES];
        neg n;
        vmovdqu tail, [masks + n * 4];
        // SAFETY: the mask keeps `vmaskmovps` to the floats that are left. The proof takes it to touch
        // all eight: what its mask enables is in a vector, of which nothing is known.
        unsafe { vmaskmovps tail, tail, [p]; }
        vaddps acc[1], acc[1], tail;
        vaddps acc[0], acc[0], acc[1];
        vaddps acc[2], acc[2], acc[3];
        vaddps acc[0], acc[0], acc[2];
        let total = acc[0].xmm;
        let high: xmm;
        vextractf128 high, acc[0], 1;
        vaddps total, total, high;
        vmovhlps high, total, total;
        vaddps total, total, high;
        vmovshdup high, total;
        vaddss total, total, high;
        return total;
    }

    #[fallback]
    pub fn sum(x: &[f32]) -> f32 {
        x.iter().sum()
    }
}

fn main() {
    let values: Vec<f32> = (0..1_000_003u32).map(|i| (i % 17) as f32).collect();
    for len in (0..100).chain([values.len()]) {
        let exact: f64 = values[..len].iter().copied().map(f64::from).sum();
        let error = (f64::from(sum(&values[..len])) - exact).abs();
        assert!(error <= exact * 1e-6, "length {len}: off by {error}");
    }
    let start = Instant::now();
    let fast = sum(&values);
    let kernel = start.elapsed();
    let start = Instant::now();
    let plain: f32 = values.iter().sum();
    println!("kernel: {fast} in {kernel:?}; plain Rust: {plain} in {:?}", start.elapsed());
}
