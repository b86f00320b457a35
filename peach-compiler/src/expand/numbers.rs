//! Number types: their names and ranges.

use crate::syntax::ast::Element;

/// The element's name in Rust.
pub(super) fn element_name(element: Element) -> String {
    match element {
        Element::Int { bytes, signed } => {
            format!("{}{}", if signed { 'i' } else { 'u' }, bytes * 8)
        }
        Element::Float { bytes } => format!("f{}", bytes * 8),
    }
}

/// The numbers of an integer type of up to 64 bits (or the positive ones of 128).
pub(super) fn int_range(bits: u32, signed: bool) -> (i128, i128) {
    match (bits, signed) {
        (128, true) => (i128::MIN, i128::MAX),
        (128, false) => (0, i128::MAX),
        (_, true) => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        (_, false) => (0, (1 << bits) - 1),
    }
}
