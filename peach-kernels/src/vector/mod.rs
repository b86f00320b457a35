//! Arithmetic of slices, element by element: the core of Yeppp! (Dukhan, 2012) for Rust.
//!
//! ```
//! use peach_kernels::vector::{add_f32, dot_f64, max_scalar_i16, max_u8, negate_i64, widen_add_u8};
//!
//! let mut to = [0.0; 3];
//! add_f32(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], &mut to);
//! assert_eq!(to, [5.0, 7.0, 9.0]);
//! assert_eq!(dot_f64(&[1.0, 2.0], &[3.0, 4.0]), 11.0);
//! let mut most = [0; 2];
//! max_u8(&[1, 9], &[5, 2], &mut most);
//! assert_eq!(most, [5, 9]);
//! let mut at_least = [0; 3];
//! max_scalar_i16(&[-5, 0, 5], 0, &mut at_least);
//! assert_eq!(at_least, [0, 0, 5]);
//! let mut negated = [0; 2];
//! negate_i64(&[1, -2], &mut negated);
//! assert_eq!(negated, [-1, 2]);
//! let mut wide = [0; 2];
//! widen_add_u8(&[200, 1], &[100, 2], &mut wide);
//! assert_eq!(wide, [300, 3]);
//! ```
//!
//! | of | functions |
//! |---|---|
//! | two slices | `add`, `subtract`, `multiply`, `min`, `max` |
//! | a slice and a number | `add_scalar`, `subtract_scalar`, `multiply_scalar`, `min_scalar`, `max_scalar` |
//! | a slice | `negate`, `absolute` |
//! | two slices, with results twice as wide | `widen_add`, `widen_subtract`, `widen_multiply` |
//! | a slice, as one number | `sum`, `sum_abs`, `sum_squares`; of two slices, `dot` |
//!
//! Their names end with the type of the elements. Integers wrap around. A minimum or maximum of
//! floats is the second operand where one of the two is not a number. The order in which sums are
//! added up differs from a loop's, and from processor to processor.
//!
//! All functions panic where slices that belong together differ in length.

mod binary;
mod sums;
mod unary;
mod wide;

pub use binary::functions::*;
pub use sums::*;
pub use unary::functions::*;
pub use wide::functions::*;

#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
pub(crate) use {
    binary::kernels as binary_kernels, unary::kernels as unary_kernels,
    wide::kernels as wide_kernels,
};
