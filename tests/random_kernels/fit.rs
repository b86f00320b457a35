//! Random kernels that this processor runs.

use super::generator::{SSE, Shape};
use peach_testing::processor::has;

/// The shape without the extensions that this processor lacks, which are recorded as left out.
pub fn fit(mut shape: Shape) -> Shape {
    let has_bmi = is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2");
    if !has("avx2", has_bmi && is_x86_feature_detected!("avx2")) {
        shape = shape.without_avx512();
        shape.features = SSE;
    } else if !has("avx512bw", is_x86_feature_detected!("avx512bw")) {
        shape = shape.without_avx512();
    }
    shape
}
