//! Group varint (Jeff Dean, "Challenges in Building Large-Scale Information Retrieval Systems",
//! 2009): four numbers behind a byte that holds two bits of each one's length less one, the first
//! number's lowest. The numbers are little-endian, in as few bytes as hold them.
//!
//! ```
//! use peach_kernels::groupvarint::{decode, encode};
//!
//! let mut bytes = Vec::new();
//! encode(&[1, 300, 70_000, u32::MAX], &mut bytes);
//! assert_eq!(bytes.len(), 1 + 1 + 2 + 3 + 4);
//! let mut numbers = [0; 4];
//! assert_eq!(decode(&bytes, &mut numbers), Some(bytes.len()));
//! assert_eq!(numbers, [1, 300, 70_000, u32::MAX]);
//! ```

use peach_runtime::peach_fn;

/// Appends `numbers` to `to`. The last group is filled with zeros, each of which takes a byte.
pub fn encode(numbers: &[u32], to: &mut Vec<u8>) {
    let groups = numbers.len().div_ceil(4);
    let start = to.len();
    to.resize(start + groups * LONGEST, 0);
    let room = &mut to[start..];
    let (whole, rest) = numbers.split_at(numbers.len() / 4 * 4);
    let mut end = encode_groups(whole, room);
    if !rest.is_empty() {
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        end += encode_groups(&last, &mut room[end..]);
    }
    to.truncate(start + end);
}

/// Fills `numbers` from the groups at the beginning of `bytes` and returns how many bytes they
/// take; `None` where `bytes` ends before, with `numbers` in part written. Where the length of
/// `numbers` is not a multiple of four, the rest of the last group is passed over.
pub fn decode(bytes: &[u8], numbers: &mut [u32]) -> Option<usize> {
    let (mut at, done) = decode_groups(bytes, numbers);
    let mut done = done;
    while done < numbers.len() as u64 {
        let (group, len) = plain_decode(bytes.get(at as usize..)?)?;
        let rest = &mut numbers[done as usize..];
        let count = rest.len().min(4);
        rest[..count].copy_from_slice(&group[..count]);
        at += len as u64;
        done += count as u64;
    }
    Some(at as usize)
}

/// The bytes of the longest group.
const LONGEST: usize = 17;

peach_fn! {
    const fn size(tag: u32, i: u32) -> u32 { (tag >> 2 * i & 3) + 1 }
    const fn start(tag: u32, i: u32) -> u32 {
        let mut sum = 0;
        for k in 0..i { sum += size(tag, k); }
        return sum;
    }
    // Where each byte of the four numbers stands behind the tag; a byte from 128 on is a zero.
    const SPREAD: [[u8; 16]; 256] = from_fn(|tag| from_fn(|i|
        if i % 4 < size(tag, i / 4) { start(tag, i / 4) + i % 4 } else { 255 }));
    // Where in the four numbers each byte behind the tag stands.
    const fn number(tag: u32, at: u32) -> u32 {
        let mut i = 0;
        while i < 3 { if at < start(tag, i + 1) { return i; } i += 1; }
        return 3;
    }
    const fn source(tag: u32, at: u32, number: u32) -> u32 {
        4 * number + at - start(tag, number)
    }
    // The bytes of a group and its tag.
    const LEN: [u8; 256] = from_fn(|tag| 1 + start(tag, 4));

    /// Decodes whole groups while their longest form fits into `bytes`: the bytes that were read
    /// and the numbers that were written.
    #[target_feature(enable = "ssse3")]
    pub(crate) fn decode_groups(bytes: &[u8], numbers: &mut [u32]) -> (u64, u64) {
        let (p, to) = (bytes.ptr, numbers.ptr);
        let left: gp64 = bytes.len;
        let room: gp64 = numbers.len;
        let spread, lens, tag, len: gp64;
        lea spread, [SPREAD];
        lea lens, [LEN];
        'groups: {
            cmp left, 32;
            jb break 'groups;
            cmp room, 4;
            jb break 'groups;
            let v: xmm;
            movzx tag.gp32, byte [p];
            movdqu v, [p + 1];
            // The table's values are below 32, which the proof does not read from it.
            movzx len.gp32, byte [lens + tag];
            and len.gp32, 31;
            shl tag.gp32, 4;
            pshufb v, [spread + tag];
            movdqu [to], v;
            add p, len;
            sub left, len;
            add to, 16;
            sub room, 4;
            jmp continue 'groups;
        }
        sub bytes.len, left;
        sub numbers.len, room;
        return (bytes.len, numbers.len);
    }
    #[fallback]
    pub(crate) fn decode_groups(_bytes: &[u8], _numbers: &mut [u32]) -> (u64, u64) {
        (0, 0)
    }

    /// Encodes whole groups and returns the bytes written; `to` has room for the longest form of
    /// each.
    #[target_feature(enable = "ssse3")]
    pub(crate) fn encode_groups(numbers: &[u32], to: &mut [u8]) -> usize {
        const PACK: [[u8; 16]; 256] = from_fn(|tag| from_fn(|at|
            if at < start(tag, 4) { source(tag, at, number(tag, at)) } else { 255 }));
        let (p, left, q) = (numbers.ptr, numbers.len, to.ptr);
        let room: gp64 = to.len;
        let pack, lens, tag, len: gp64;
        lea pack, [PACK];
        lea lens, [LEN];
        'groups: {
            sub left, 4;
            jb break 'groups;
            cmp room, 17;
            jb break 'groups;
            let v: xmm;
            movdqu v, [p];
            xor tag.gp32, tag.gp32;
            for i in (0..4).rev() {
                let bits: gp32;
                mov bits, [p + 4*i];
                or bits, 1;
                bsr bits, bits;
                shr bits, 3;
                lea tag.gp32, [bits.gp64 + 4*tag];
            }
            and tag.gp32, 255;
            mov [q], tag.gp8;
            movzx len.gp32, byte [lens + tag];
            shl tag.gp32, 4;
            pshufb v, [pack + tag];
            movdqu [q + 1], v;
            add p, 16;
            // No entry of the table is above 17: see the check before.
            cmp len, room;
            ja break 'groups;
            add q, len;
            sub room, len;
            jmp continue 'groups;
        }
        sub to.len, room;
        return to.len;
    }
    #[fallback]
    pub(crate) fn encode_groups(numbers: &[u32], to: &mut [u8]) -> usize {
        let mut at = 0;
        for group in numbers.as_chunks::<4>().0 {
            let tag = at;
            to[tag] = 0;
            at += 1;
            for (i, number) in group.iter().enumerate() {
                let len = (number | 1).ilog2() as usize / 8 + 1;
                to[tag] |= (len as u8 - 1) << (2 * i);
                to[at..at + len].copy_from_slice(&number.to_le_bytes()[..len]);
                at += len;
            }
        }
        at
    }
}

/// The group at the beginning of `bytes` and its length.
fn plain_decode(bytes: &[u8]) -> Option<([u32; 4], usize)> {
    let (&tag, _) = bytes.split_first()?;
    let mut at = 1;
    let mut group = [0; 4];
    for (i, number) in group.iter_mut().enumerate() {
        let len = usize::from(tag >> (2 * i) & 3) + 1;
        let part = bytes.get(at..at + len)?;
        *number = part.iter().rev().fold(0, |n, &byte| n << 8 | u32::from(byte));
        at += len;
    }
    Some((group, at))
}
