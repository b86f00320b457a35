//! Software pipelining with instruction streams: while one step is multiplied, the next is loaded.
//!
//! `cargo run --release --example pipelined`

use peach_runtime::peach_fn;
use std::hint::black_box;
use std::time::Instant;

peach_fn! {
    const UNROLL = 4;

    /// The dot product of `x` and the first `x.len()` values of `y`. The length is a multiple of
    /// 16, and not 0.
    ///
    /// # Safety
    /// `y` must have as many values as `x`.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn pipelined(x: &[f64], y: *const f64) -> f64 {
        let (p, n) = (x.ptr, x.len);
        let a: [ymm; UNROLL];
        let b: [ymm; UNROLL];
        let acc: [ymm; UNROLL];
        for r in acc { vxorpd r, r, r; }

        stream load {
            for i in 0..UNROLL {
                vmovupd a[i], [p + 32 * i];
                vmovupd b[i], [y + 32 * i];
            }
            add p, 32 * UNROLL;
            add y, 32 * UNROLL;
        }
        stream multiply {
            for i in 0..UNROLL { vfmadd231pd acc[i], a[i], b[i]; }
        }

        emit load[0..len(load)];
        sub n, 4 * UNROLL;
        jz 'last;
        'steady: {
            // Each pair of registers is loaded again as soon as it has been multiplied.
            for i in 0..UNROLL {
                emit multiply[i];
                emit load[2 * i..2 * i + 2];
            }
            emit load[2 * UNROLL..len(load)];
            sub n, 4 * UNROLL;
            jnz continue 'steady;
        }
        'last:
        emit multiply[0..UNROLL];

        for half in [2, 1] {
            for i in 0..half { vaddpd acc[i], acc[i], acc[i + half]; }
        }
        let (sum, high) = (acc[0].xmm, acc[1].xmm);
        vextractf128 high, acc[0], 1;
        vaddpd sum, sum, high;
        vunpckhpd high, sum, sum;
        vaddsd sum, sum, high;
        return sum;
    }
}

/// The dot product, or `None` where the kernel cannot take it.
fn dot(x: &[f64], y: &[f64]) -> Option<f64> {
    let fits = x.len() == y.len() && !x.is_empty() && x.len().is_multiple_of(16);
    // SAFETY: both have the same length.
    fits.then(|| unsafe { pipelined(x, y.as_ptr()) })
}

fn main() {
    if !pipelined::KERNEL.is_supported() {
        return println!("this processor has no FMA");
    }
    let x: Vec<f64> = (0..4096).map(|i| f64::from(i % 11)).collect();
    let y: Vec<f64> = (0..4096).map(|i| f64::from(i % 7)).collect();
    for len in (16..400).step_by(16) {
        let plain: f64 = x.iter().zip(&y[..len]).map(|(x, y)| x * y).sum();
        assert_eq!(dot(&x[..len], &y[..len]), Some(plain), "length {len}");
    }
    let start = Instant::now();
    for _ in 0..10_000 {
        black_box(dot(black_box(&x), black_box(&y)));
    }
    println!("4096 values: {:?}", start.elapsed() / 10_000);
}

#[test]
fn equals_plain_rust() {
    peach_testing::processor::runs(pipelined::KERNEL.try_get());
    main();
}
