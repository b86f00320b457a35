//! Output formats, one module each.

pub mod listing;
pub mod rust;
pub mod unwind;
