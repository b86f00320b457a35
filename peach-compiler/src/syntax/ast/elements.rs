//! Number types.

/// A number type as an element of arrays and tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// Signed and unsigned integers of this many bytes.
    Int {
        /// 1, 2, 4, 8 (16 in references to `i128`).
        bytes: u32,
        /// `i…`.
        signed: bool,
    },
    /// `f32` or `f64`.
    Float {
        /// 4 or 8.
        bytes: u32,
    },
}

impl Element {
    /// The element type called `name`: `i8` … `u64`, `isize`, `usize`, `f32`, `f64`.
    pub fn from_name(name: &str) -> Option<Element> {
        let int = |bytes, signed| Some(Element::Int { bytes, signed });
        match name {
            "u8" => int(1, false),
            "u16" => int(2, false),
            "u32" => int(4, false),
            "u64" | "usize" => int(8, false),
            "u128" => int(16, false),
            "i8" => int(1, true),
            "i16" => int(2, true),
            "i32" => int(4, true),
            "i64" | "isize" => int(8, true),
            "i128" => int(16, true),
            "f32" => Some(Element::Float { bytes: 4 }),
            "f64" => Some(Element::Float { bytes: 8 }),
            _ => None,
        }
    }

    /// Its size in bytes.
    pub fn bytes(self) -> u32 {
        match self {
            Element::Int { bytes, .. } | Element::Float { bytes } => bytes,
        }
    }
}
