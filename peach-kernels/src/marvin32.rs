//! Marvin32, the keyed hash of .NET's strings: add, rotate and exclusive or on two halves of 32
//! bits (US patent 20130262421 describes it; the .NET runtime publishes its test vectors).
//!
//! ```
//! assert_eq!(peach_kernels::marvin32::hash(0x4FB6_1A00_1BDB_CC, b""), 0x30ED_35C1 ^ 0x00CD_3C7D);
//! ```

use peach_runtime::peach_fn;

peach_fn! {
    inline fn block(a: gp32, b: gp32) {
        xor b, a;
        rol a, 20;
        add a, b;
        rol b, 9;
        xor b, a;
        rol a, 27;
        add a, b;
        rol b, 19;
    }

    /// The hash of `data` under `seed`: the exclusive or of the two halves, as .NET's
    /// `ComputeHash32` returns it.
    pub fn hash(seed: u64, data: &[u8]) -> u32 {
        let (p, n) = (data.ptr, data.len);
        let a, b, last, byte: gp32;
        mov a, seed.gp32;
        shr seed, 32;
        b = seed.gp32;
        'words: {
            sub n, 4;
            jb break 'words;
            add a, [p];
            block(a, b);
            add p, 4;
            jmp continue 'words;
        }
        // Up to three bytes are left; 0x80 follows them.
        add n, 4;
        mov last, 0x80;
        'bytes: {
            sub n, 1;
            jb break 'bytes;
            shl last, 8;
            movzx byte, byte [p + n];
            or last, byte;
            jmp continue 'bytes;
        }
        add a, last;
        block(a, b);
        block(a, b);
        xor a, b;
        return a;
    }

    #[fallback]
    pub fn hash(seed: u64, data: &[u8]) -> u32 {
        let (mut a, mut b) = (seed as u32, (seed >> 32) as u32);
        let mut block = |word: u32| {
            a = a.wrapping_add(word);
            b ^= a;
            a = a.rotate_left(20).wrapping_add(b);
            b = b.rotate_left(9) ^ a;
            a = a.rotate_left(27).wrapping_add(b);
            b = b.rotate_left(19);
        };
        let (words, rest) = data.as_chunks::<4>();
        for word in words {
            block(u32::from_le_bytes(*word));
        }
        block(rest.iter().rev().fold(0x80, |last, &byte| last << 8 | u32::from(byte)));
        block(0);
        a ^ b
    }
}
