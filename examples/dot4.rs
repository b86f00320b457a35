//! A dot product of four floats: virtual and physical registers side by side, proved memory safe.
//!
//! `cargo run --example dot4`

use peach_runtime::peach_fn;

peach_fn! {
    /// Dot product of two vectors of four floats.
    #[target_feature(enable = "sse4.1")]
    pub fn dot4(x: &[f32; 4], y: &[f32; 4]) -> f32 {
        let v: xmm;
        movups v, [x];
        movups xmm2, [y];
        dpps v, xmm2, 0xF1;
        return v;
    }
}

fn main() {
    let (x, y) = ([1.0, 2.0, 3.0, 4.0], [0.5, 0.25, 2.0, 1.0]);
    let plain: f32 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
    println!("dot4 = {}, plain Rust = {plain}", dot4(&x, &y));
    assert_eq!(dot4(&x, &y), plain);
}
