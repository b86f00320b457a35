//! Assembly kernels that live inside Rust.

pub use peach_macros::peach_fn;
