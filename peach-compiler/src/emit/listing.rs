//! Listings.

use crate::pipeline::CompiledFunction;

/// The listing of a version.
pub fn listing(_compiled: &CompiledFunction) -> String {
    String::new()
}
