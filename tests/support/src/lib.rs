//! What the tests share.

pub mod documents;
pub mod executable;
pub mod fragments;
#[cfg(target_os = "linux")]
pub mod guarded;
pub mod kernels;
pub mod left_out;
pub mod low;
pub mod machine;
pub mod macro_rules;
pub mod many;
pub mod processor;
#[path = "splitmix.rs"]
pub mod random;
pub mod registers;
pub mod rustc;
pub mod sandbox;
pub mod sources;
pub mod table;
pub mod tools;
pub mod work;

pub use random::SplitMix as Random;
