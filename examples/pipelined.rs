//! Software pipelining with instruction streams: while one step is multiplied, the next is loaded.
//!
//! `cargo run --release --example pipelined`

use peach_runtime::peach_fn;
use std::hint::black_box;
use std::time::Instant;

peach_fn! {
    const UNROLL = 4;

    /// The dot product of `x` and `y`, as far as the shorter one goes.
    #[target_feature(enable = "avx2,fma")]
    pub fn pipelined(x: &[f64], y: &[f64]) -> f64 {
        let (p, q, n) = (x.ptr, y.ptr, x.len);
        let a: [ymm; UNROLL];
        let b: [ymm; UNROLL];
        let acc: [ymm; UNROLL];
        for r in acc { vxorpd r, r, r; }
        cmp y.len, n;
        cmovb n, y.len;

        stream load {
            for i in 0..UNROLL {
                vmovupd a[i], [p + 32 * i];
                vmovupd b[i], [q + 32 * i];
            }
            add p, 32 * UNROLL;
            add q, 32 * UNROLL;
        }
        stream multiply {
            for i in 0..UNROLL { vfmadd231pd acc[i], a[i], b[i]; }
        }

        sub n, 4 * UNROLL;
        jb 'sum;
        emit load[0..len(load)];
        sub n, 4 * UNROLL;
        jb 'last;
        'steady: {
            // Each pair of registers is loaded again as soon as it has been multiplied.
            for i in 0..UNROLL {
                emit multiply[i];
                emit load[2 * i..2 * i + 2];
            }
            emit load[2 * UNROLL..len(load)];
            sub n, 4 * UNROLL;
            jae continue 'steady;
        }
        'last:
        emit multiply[0..UNROLL];

        'sum:
        for half in [2, 1] {
            for i in 0..half { vaddpd acc[i], acc[i], acc[i + half]; }
        }
        let (sum, high) = (acc[0].xmm, acc[1].xmm);
        vextractf128 high, acc[0], 1;
        vaddpd sum, sum, high;
        vunpckhpd high, sum, sum;
        vaddsd sum, sum, high;
        add n, 4 * UNROLL;
        jz 'done;
        'singles: {
            vmovsd high, [p];
            vfmadd231sd sum, high, [q];
            add p, 8;
            add q, 8;
            dec n;
            jnz continue 'singles;
        }
        'done: return sum;
    }
}

fn main() {
    if !pipelined::KERNEL.is_supported() {
        return println!("this processor has no FMA");
    }
    let x: Vec<f64> = (0..4096).map(|i| f64::from(i % 11)).collect();
    let y: Vec<f64> = (0..4096).map(|i| f64::from(i % 7)).collect();
    for len in 0..400 {
        let plain: f64 = x.iter().zip(&y[..len]).map(|(x, y)| x * y).sum();
        assert_eq!(pipelined(&x, &y[..len]), plain, "length {len}");
        assert_eq!(pipelined(&x[..len], &y), plain, "length {len}");
    }
    let start = Instant::now();
    for _ in 0..10_000 {
        black_box(pipelined(black_box(&x), black_box(&y)));
    }
    println!("4096 values: {:?}", start.elapsed() / 10_000);
}

#[test]
fn equals_plain_rust() {
    peach_testing::processor::runs(pipelined::KERNEL.try_get());
    main();
}
