//! x32: System V with 32-bit pointers in 64-bit code.

use super::{AssemblyFormat, Convention, ImageFormat, SYSV64};

/// System V AMD64 psABI 1.0, chapter 10 ("ILP32 Programming Model"). Pointers arrive and leave in
/// registers with zeros above their 32 bits (section 10.1); of sizes the upper half is unspecified.
pub static X32: Convention = Convention {
    name: "x32",
    flag: "x32",
    title: "Linux X32 ABI",
    image_formats: &[ImageFormat::Elf],
    assembly_formats: &[AssemblyFormat::Gas],
    pointer_size: 4,
    ..SYSV64
};
