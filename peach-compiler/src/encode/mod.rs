//! Layout: bytes of all instructions, the shortest branches that reach, constants behind the code.

use crate::diagnostics::Diagnostics;
use crate::ir::{Lowered, RustConstId, RustSymId};
use crate::isa::FeatureSet;

/// A function as bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Code, then constants, each aligned.
    pub bytes: Vec<u8>,
    /// Where the code ends and padding and constants begin.
    pub code_len: usize,
    /// The alignment that `bytes` needs.
    pub align: u32,
    /// Where each item of the lowered function starts.
    pub item_offsets: Vec<u32>,
    /// Where each constant is.
    pub data_offsets: Vec<u32>,
    /// What rustc or the loader fills in.
    pub patches: Vec<Patch>,
}

/// A field that is filled in after encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Where it is.
    pub offset: u32,
    /// Its width in bytes.
    pub size: u8,
    /// What goes there.
    pub value: PatchValue,
    /// For an address relative to the instruction: where the instruction ends.
    pub end: u32,
}

/// What a patch holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchValue {
    /// The value of a constant expression plus a number.
    Const(RustConstId, i64),
    /// The absolute address of a Rust item.
    Address(RustSymId),
    /// The address of a Rust item relative to `end`.
    Relative(RustSymId),
}

/// Encodes `lowered`.
///
/// # Errors
/// Branches that cannot reach, and (bugs of ours) instructions that cannot be encoded, are pushed
/// into `diagnostics`; the result is then `None`.
pub fn encode(
    _lowered: &Lowered,
    _features: &FeatureSet,
    _diagnostics: &mut Diagnostics,
) -> Option<Encoded> {
    todo!()
}
