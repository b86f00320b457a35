//! Output formats, one module each.
//!
//! Inside Rust, a kernel becomes items (`rust`). Outside of it, kernels are gathered in a
//! [`Module`], which becomes an object file, a listing for another assembler, or metadata.

mod alternatives;
#[cfg(feature = "formats")]
pub mod dump;
mod lengths;
#[cfg(feature = "formats")]
pub mod linkage;
#[cfg(feature = "formats")]
pub mod listings;
#[cfg(feature = "formats")]
pub mod mangling;
#[cfg(feature = "formats")]
pub mod module;
#[cfg(feature = "formats")]
pub mod objects;
#[cfg(feature = "formats")]
pub mod outside;
pub mod reports;
pub mod rust;
mod seh;
pub mod unwind;
#[cfg(feature = "formats")]
pub mod words;

#[cfg(feature = "formats")]
pub use module::Module;
