//! Searches for a byte: the first, the last, how many.
//!
//! ```
//! use peach_kernels::memchr::{count, memchr, memrchr};
//!
//! assert_eq!(memchr(b'l', b"hello"), Some(2));
//! assert_eq!(memrchr(b'l', b"hello"), Some(3));
//! assert_eq!(count(b'l', b"hello"), 2);
//! assert_eq!(memchr(b'x', b"hello"), None);
//! ```

use peach_runtime::peach_fn;

/// Where `needle` stands first in `haystack`.
#[inline]
pub fn memchr(needle: u8, haystack: &[u8]) -> Option<usize> {
    let at = first(haystack, needle);
    (at < haystack.len()).then_some(at)
}

/// Where `needle` stands last in `haystack`.
#[inline]
pub fn memrchr(needle: u8, haystack: &[u8]) -> Option<usize> {
    let behind = behind_last(haystack, needle);
    behind.checked_sub(1)
}

/// How often `needle` stands in `haystack`.
#[inline]
pub fn count(needle: u8, haystack: &[u8]) -> usize {
    total(haystack, needle)
}

peach_fn! {
    inline fn broadcast(v: V, c: gp8) {
        let t: gp32;
        movzx t, c;
        if W == 32 {
            vmovd v.xmm, t;
            vpbroadcastb v, v.xmm;
        } else {
            movd v, t;
            punpcklbw v, v;
            pshuflw v, v, 0;
            punpcklqdq v, v;
        }
    }

    // Ones where the bytes equal.
    inline fn equal(to: V, c: V, m: operand) {
        if W == 32 { vpcmpeqb to, c, m; } else { movdqu to, m; pcmpeqb to, c; }
    }

    inline fn unite(to: V, a: V, b: V) {
        if W == 32 { vpor to, a, b; } else { movdqa to, a; por to, b; }
    }

    // A bit for each byte.
    inline fn mask(to: gp32, v: V) {
        if W == 32 { vpmovmskb to, v; } else { pmovmskb to, v; }
    }

    // A bit for each of the eight to fifteen bytes, eight of which may be there twice.
    inline fn mask_of_two(to: gp32, c: xmm, p: gp64, n: gp64) {
        let v: xmm;
        if W == 32 {
            vmovq v, [p];
            vmovhps v, v, [p + n - 8];
            vpcmpeqb v, v, c;
            vpmovmskb to, v;
        } else {
            movq v, [p];
            movhps v, [p + n - 8];
            pcmpeqb v, c;
            pmovmskb to, v;
        }
    }

    /// The index of the first byte that equals `c`, or the length.
    #[version(enable = "avx2", V = ymm, W = 32)]
    #[version(V = xmm, W = 16)]
    pub(crate) fn first(x: &[u8], c: u8) -> usize {
        let needle: V;
        broadcast(needle, c);
        let p, n, at: gp64;
        let found = at.gp32;
        mov p, x.ptr;
        mov n, x.len;
        cmp n, W;
        jb 'short;
        let v: [V; 4];
        'fours: {
            cmp n, 4 * W;
            jb break 'fours;
            for i in 0..4 { equal(v[i], needle, [p + W*i]); }
            let a, b: V;
            unite(a, v[0], v[1]);
            unite(b, v[2], v[3]);
            unite(a, a, b);
            mask(found, a);
            test found, found;
            jz 'none;
            // In one of the four.
            for i in 0..3 {
                mask(found, v[i]);
                test found, found;
                jnz 'in_vector;
                add p, W;
            }
            mask(found, v[3]);
            jmp 'in_vector;
            'none:
            add p, 4 * W;
            sub n, 4 * W;
            jmp continue 'fours;
        }
        'ones: {
            cmp n, W;
            jb break 'ones;
            equal(v[0], needle, [p]);
            mask(found, v[0]);
            test found, found;
            jnz 'in_vector;
            add p, W;
            sub n, W;
            jmp continue 'ones;
        }
        test n, n;
        jz 'missing;
        // The last vector again takes in bytes that were looked at.
        lea p, [p + n - W];
        equal(v[0], needle, [p]);
        mask(found, v[0]);
        test found, found;
        jz 'missing;
        'in_vector:
        bsf found, found;
        add at, p;
        sub at, x.ptr;
        return at;
        'missing:
        return x.len;

        'short:
        if W == 32 {
            cmp n, 16;
            jb 'below_16;
            let low, high: xmm;
            vpcmpeqb low, needle.xmm, [p];
            vpcmpeqb high, needle.xmm, [p + n - 16];
            vpmovmskb found, low;
            test found, found;
            jnz 'in_vector;
            lea p, [p + n - 16];
            vpmovmskb found, high;
            test found, found;
            jnz 'in_vector;
            return x.len;
            'below_16:
        }
        cmp n, 8;
        jb 'bytes;
        mask_of_two(found, needle.xmm, p, n);
        test found, found;
        jz 'missing;
        bsf found, found;
        lea n, [at + n - 16];
        cmp found, 8;
        cmovae at, n;
        return at;
        'bytes:
        xor found, found;
        'next: {
            cmp at, n;
            je break 'next;
            cmp [p + at], c;
            je break 'next;
            inc at;
            jmp continue 'next;
        }
        return at;
    }
    #[fallback]
    pub(crate) fn first(x: &[u8], c: u8) -> usize {
        x.iter().position(|&byte| byte == c).unwrap_or(x.len())
    }

    /// One more than the index of the last byte that equals `c`, or 0.
    #[version(enable = "avx2", V = ymm, W = 32)]
    #[version(V = xmm, W = 16)]
    pub(crate) fn behind_last(x: &[u8], c: u8) -> usize {
        let needle: V;
        broadcast(needle, c);
        let (p, n) = (x.ptr, x.len);
        let at: gp64;
        let found = at.gp32;
        cmp n, W;
        jb 'short;
        let v: [V; 4];
        'fours: {
            cmp n, 4 * W;
            jb break 'fours;
            for i in 0..4 { equal(v[i], needle, [p + n - 4 * W + W*i]); }
            let a, b: V;
            unite(a, v[0], v[1]);
            unite(b, v[2], v[3]);
            unite(a, a, b);
            mask(found, a);
            test found, found;
            jnz break 'fours;
            sub n, 4 * W;
            jmp continue 'fours;
        }
        'ones: {
            cmp n, W;
            jb break 'ones;
            equal(v[0], needle, [p + n - W]);
            mask(found, v[0]);
            test found, found;
            jnz 'in_vector;
            sub n, W;
            jmp continue 'ones;
        }
        test n, n;
        jz 'missing;
        // The first vector again takes in bytes that were looked at.
        equal(v[0], needle, [p]);
        mask(found, v[0]);
        test found, found;
        jz 'missing;
        bsr found, found;
        add at, 1;
        return at;
        'in_vector:
        bsr found, found;
        lea at, [at + n - W + 1];
        return at;
        'missing:
        xor eax, eax;
        return rax;

        'short:
        'bytes: {
            test n, n;
            jz 'missing;
            cmp [p + n - 1], c;
            je break 'bytes;
            dec n;
            jmp continue 'bytes;
        }
        return n;
    }
    #[fallback]
    pub(crate) fn behind_last(x: &[u8], c: u8) -> usize {
        x.iter().rposition(|&byte| byte == c).map_or(0, |at| at + 1)
    }

    /// How many bytes equal `c`.
    #[target_feature(enable = "avx2,popcnt")]
    pub(crate) fn total(x: &[u8], c: u8) -> usize {
        const W = 32;
        let (p, n) = (x.ptr, x.len);
        let needle, zero, sum: ymm;
        let t, bits: gp32;
        movzx t, c;
        vmovd needle.xmm, t;
        vpbroadcastb needle, needle.xmm;
        vpxor zero, zero, zero;
        vpxor sum, sum, sum;
        let v: [ymm; 4];
        'fours: {
            sub n, 4 * W;
            jb break 'fours;
            for i in 0..4 { vpcmpeqb v[i], needle, [p + W*i]; }
            // Up to four ones less in each byte.
            vpaddb v[0], v[0], v[1];
            vpaddb v[2], v[2], v[3];
            vpaddb v[0], v[0], v[2];
            vpsubb v[0], zero, v[0];
            vpsadbw v[0], v[0], zero;
            vpaddq sum, sum, v[0];
            add p, 4 * W;
            jmp continue 'fours;
        }
        add n, 4 * W;
        let all, half: xmm;
        vextracti128 half, sum, 1;
        vpaddq half, half, sum.xmm;
        vpsrldq all, half, 8;
        vpaddq all, all, half;
        vmovq rax, all;
        'ones: {
            sub n, W;
            jb break 'ones;
            vpcmpeqb v[0], needle, [p];
            vpmovmskb bits, v[0];
            popcnt bits, bits;
            add rax, bits.gp64;
            add p, W;
            jmp continue 'ones;
        }
        add n, W;
        'bytes: {
            dec n;
            js break 'bytes;
            xor bits, bits;
            cmp [p + n], c;
            sete bits.gp8;
            add rax, bits.gp64;
            jmp continue 'bytes;
        }
        return rax;
    }
    #[fallback]
    pub(crate) fn total(x: &[u8], c: u8) -> usize {
        x.iter().filter(|&&byte| byte == c).count()
    }
}
