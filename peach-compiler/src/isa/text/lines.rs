//! The encoder as a library: a line of text in, its encodings out.
//!
//! These are what `peach encode` prints. All extensions are allowed. A line is one instruction with
//! the operands of the language and physical registers; see [`parse_line`].

use crate::isa::BranchSize;
use crate::isa::encode;
use crate::isa::{FeatureSet, encodings, parse_line};

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

/// Every encoding of the instruction in `line` that is as long as the one [`encode_text`] gives,
/// which comes first.
///
/// ```
/// use peach_compiler::isa::encode_options;
///
/// assert_eq!(encode_options("add eax, ecx").unwrap(), [[0x01, 0xc8], [0x03, 0xc1]]);
/// ```
///
/// # Errors
/// As [`encode_text`].
pub fn encode_options(line: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut all = all_encodings(line)?;
    let length = all[0].len();
    all.retain(|bytes| bytes.len() == length);
    Ok(all)
}

/// One encoding of the instruction in `line` for every length that there is one of, ascending. Of
/// several equally long ones it is the plainest; the length that [`encode_text`] gives has its
/// bytes.
///
/// ```
/// use peach_compiler::isa::encode_lengths;
///
/// let lengths: Vec<usize> =
///     encode_lengths("add eax, [rbx]").unwrap().iter().map(|bytes| bytes.len()).collect();
/// assert_eq!(lengths, [2, 3, 4, 5, 6, 7, 8]);
/// ```
///
/// # Errors
/// As [`encode_text`].
pub fn encode_lengths(line: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut all = all_encodings(line)?;
    // Stable: the first of each length stays first.
    all.sort_by_key(Vec::len);
    all.dedup_by_key(|bytes| bytes.len());
    Ok(all)
}

fn all_encodings(line: &str) -> Result<Vec<Vec<u8>>, String> {
    encodings(&parse_line(line)?).map_err(|error| error.to_string())
}
