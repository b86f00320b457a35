//! A split block Bloom filter (Putze, Sanders and Singler, "Cache-, Hash- and Space-Efficient Bloom
//! Filters", 2007), bit by bit as Apache Parquet's format defines it: eight bits for each hash, one
//! in each word of a block of 256 bits.
//!
//! ```
//! use peach_kernels::bloom::Bloom;
//!
//! let mut seen = Bloom::with_blocks(64);
//! seen.insert(0x0123_4567_89AB_CDEF);
//! assert!(seen.contains(0x0123_4567_89AB_CDEF));
//! assert!(!seen.contains(1));
//! ```

use peach_runtime::peach_fn;

/// A set of hashes that may answer "yes" for one that was not inserted, and never "no" for one that
/// was.
#[derive(Clone, Debug)]
pub struct Bloom {
    blocks: Vec<[u32; 8]>,
}

impl Bloom {
    /// An empty set of `blocks` times 256 bits.
    ///
    /// # Panics
    ///
    /// Where `blocks` is zero, or does not fit into 32 bits.
    pub fn with_blocks(blocks: usize) -> Bloom {
        assert!(blocks > 0, "a filter has at least one block");
        assert!(
            u32::try_from(blocks).is_ok(),
            "{blocks} blocks are too many for hashes of 64 bits"
        );
        Bloom { blocks: vec![[0; 8]; blocks] }
    }

    /// Inserts a hash: 64 bits, all of them well mixed (xxHash64 in Parquet's files).
    pub fn insert(&mut self, hash: u64) {
        insert(&mut self.blocks, hash);
    }

    /// Whether the hash may have been inserted.
    pub fn contains(&self, hash: u64) -> bool {
        contains(&self.blocks, hash)
    }

    /// The filter's words, block by block, as Parquet stores them (each little-endian).
    pub fn as_blocks(&self) -> &[[u32; 8]] {
        &self.blocks
    }
}

/// The specification's factors, one for each word of a block.
pub(crate) const SALT: [u32; 8] = [
    0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31,
];

peach_fn! {
    const SALT: [u32; 8] = const { SALT };

    // The block's offset: the upper half of the hash, scaled to the number of blocks, which is
    // below 2^32.
    inline fn block(len: gp64, hash: gp64) -> gp64 {
        let at: gp64 = hash;
        shr at, 32;
        imul at, len;
        shr at, 32;
        return at;
    }

    // One bit in each word, by the upper five bits of a product.
    inline fn mask_of(hash: gp64) -> ymm {
        let mask, one: ymm;
        vmovd mask.xmm, hash.gp32;
        vpbroadcastd mask, mask.xmm;
        vpmulld mask, mask, [SALT];
        vpsrld mask, mask, 27;
        vpcmpeqd one, one, one;
        vpsrld one, one, 31;
        vpsllvd mask, one, mask;
        return mask;
    }

    #[target_feature(enable = "avx2")]
    pub(crate) fn insert(blocks: &mut [[u32; 8]], hash: u64) {
        let at = block(blocks.len, hash);
        let mask = mask_of(hash);
        // It is: the product of two numbers below 2^32 is more than the proof follows.
        cmp at, blocks.len;
        jae 'outside;
        shl at, 5;
        vpor mask, mask, [blocks.ptr + at];
        vmovdqu [blocks.ptr + at], mask;
        'outside:
    }
    #[fallback]
    pub(crate) fn insert(blocks: &mut [[u32; 8]], hash: u64) {
        let at = plain_block(blocks.len(), hash);
        for (word, bit) in blocks[at].iter_mut().zip(plain_bits(hash)) {
            *word |= bit;
        }
    }

    #[target_feature(enable = "avx2")]
    pub(crate) fn contains(blocks: &[[u32; 8]], hash: u64) -> bool {
        let at = block(blocks.len, hash);
        let mask, found: ymm;
        mask = mask_of(hash);
        cmp at, blocks.len;
        jae 'outside;
        shl at, 5;
        vmovdqu found, [blocks.ptr + at];
        vptest found, mask;
        setc al;
        return al;
        'outside:
        return false;
    }
    #[fallback]
    pub(crate) fn contains(blocks: &[[u32; 8]], hash: u64) -> bool {
        let words = blocks[plain_block(blocks.len(), hash)];
        words.iter().zip(plain_bits(hash)).all(|(word, bit)| word & bit != 0)
    }
}

fn plain_block(len: usize, hash: u64) -> usize {
    (((hash >> 32) * len as u64) >> 32) as usize
}

fn plain_bits(hash: u64) -> [u32; 8] {
    SALT.map(|salt| 1 << ((hash as u32).wrapping_mul(salt) >> 27))
}
