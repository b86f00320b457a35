//! The encoder as a library: a line of text in, its encodings out.
//!
//! These are what `peach encode` prints. All extensions are allowed. A line is one instruction with
//! the operands of the language and physical registers; see [`parse_line`].

use super::{FeatureSet, encode, parse_line};
use crate::ir::BranchSize;

/// The bytes of the instruction in `line`: the shortest encoding, VEX before EVEX.
///
/// ```
/// use peach_compiler::isa::encode_text;
///
/// assert_eq!(encode_text("add eax, ecx").unwrap(), [0x01, 0xc8]);
/// assert!(encode_text("add eax, cl").unwrap_err().contains("ADD r32, r/m32"));
/// ```
///
/// # Errors
/// Why the line has no encoding, in one sentence.
pub fn encode_text(line: &str) -> Result<Vec<u8>, String> {
    let inst = parse_line(line)?;
    encode(&inst, &FeatureSet::all(), BranchSize::Short)
        .map(|encoding| encoding.bytes)
        .map_err(|error| error.to_string())
}
