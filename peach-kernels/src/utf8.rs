//! Validation of UTF-8, 32 bytes at a time by table look-ups (Keiser and Lemire, "Validating UTF-8
//! In Less Than One Instruction Per Byte", 2021).
//!
//! ```
//! use peach_kernels::utf8::is_utf8;
//!
//! assert!(is_utf8("Σ 𝄞 🍑".as_bytes()));
//! assert!(!is_utf8(&[0xC0, 0x80]));
//! ```

use peach_runtime::peach_fn;

/// The text that `bytes` hold.
///
/// # Errors
///
/// As [`std::str::from_utf8`], whose error says where the text ends.
pub fn from_utf8(bytes: &[u8]) -> Result<&str, std::str::Utf8Error> {
    if is_utf8(bytes) {
        // SAFETY: they were just validated.
        return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    std::str::from_utf8(bytes)
}

/// Whether `bytes` are UTF-8.
pub fn is_utf8(bytes: &[u8]) -> bool {
    if bytes.len() < 64 {
        return std::str::from_utf8(bytes).is_ok();
    }
    is_valid(bytes)
}

peach_fn! {
    // Bits of mistakes that two neighbors can make; the three tables' entries are united by `and`.
    const TOO_SHORT = 1;        // a lead byte before a lead byte or ASCII
    const TOO_LONG = 2;         // ASCII before a continuation byte
    const OVERLONG_3 = 4;       // E0 80 to E0 9F
    const TOO_LARGE = 8;        // F4 90 and more
    const SURROGATE = 16;       // ED A0 to ED BF
    const OVERLONG_2 = 32;      // C0, C1
    const BEYOND = 64;          // F5 and more; with other bits, the overlong F0 80 to F0 8F
    const TWO = 128;            // two continuation bytes, which a lead byte must allow
    const CARRY = TOO_SHORT | TOO_LONG | TWO;

    const FIRST_HIGH: [u8; 16] = [
        TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
        TWO, TWO, TWO, TWO,
        TOO_SHORT | OVERLONG_2, TOO_SHORT, TOO_SHORT | OVERLONG_3 | SURROGATE,
        TOO_SHORT | TOO_LARGE | BEYOND,
    ];
    const FIRST_LOW: [u8; 16] = from_fn(|i|
        CARRY
        | if i == 0 { OVERLONG_3 | OVERLONG_2 | BEYOND } else { 0 }
        | if i == 1 { OVERLONG_2 } else { 0 }
        | if i == 4 { TOO_LARGE } else { 0 }
        | if i >= 5 { TOO_LARGE | BEYOND } else { 0 }
        | if i == 13 { SURROGATE } else { 0 });
    const SECOND_HIGH: [u8; 16] = [
        TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
        TOO_LONG | OVERLONG_2 | TWO | OVERLONG_3 | BEYOND,
        TOO_LONG | OVERLONG_2 | TWO | OVERLONG_3 | TOO_LARGE,
        TOO_LONG | OVERLONG_2 | TWO | SURROGATE | TOO_LARGE,
        TOO_LONG | OVERLONG_2 | TWO | SURROGATE | TOO_LARGE,
        TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
    ];
    // A block may not end in a lead byte whose character goes on behind it: F0, E0, C0 three, two,
    // one bytes before the end.
    const ENDS: [u8; 32] = from_fn(|i| if i < 29 { 255 } else { [0xEF, 0xDF, 0xBF][i - 29] });

    /// The mistakes in 32 bytes behind the 32 before.
    inline fn mistakes(v: ymm, before: ymm, tables: [ymm; 3]) -> ymm {
        let shifted, one, sum, t, two, three: ymm;
        vperm2i128 shifted, before, v, 0x21;
        vpalignr one, v, shifted, 15;
        vpsrlw t, one, 4;
        vpand t, t, u8x32(0x0F);
        vpshufb sum, tables[0], t;
        vpand t, one, u8x32(0x0F);
        vpshufb t, tables[1], t;
        vpand sum, sum, t;
        vpsrlw t, v, 4;
        vpand t, t, u8x32(0x0F);
        vpshufb t, tables[2], t;
        vpand sum, sum, t;
        // A third or fourth byte must be a continuation byte, and no other second neighbor may be
        // one.
        vpalignr two, v, shifted, 14;
        vpalignr three, v, shifted, 13;
        vpsubusb two, two, u8x32(0xE0 - 0x80);
        vpsubusb three, three, u8x32(0xF0 - 0x80);
        vpor two, two, three;
        vpand two, two, u8x32(0x80);
        vpxor sum, sum, two;
        return sum;
    }

    /// Whether `x`, of 64 bytes or more, is UTF-8.
    #[target_feature(enable = "avx2")]
    pub(crate) fn is_valid(x: &[u8]) -> bool {
        let tables: [ymm; 3];
        vbroadcasti128 tables[0], [FIRST_HIGH];
        vbroadcasti128 tables[1], [FIRST_LOW];
        vbroadcasti128 tables[2], [SECOND_HIGH];
        let (p, n) = (x.ptr, x.len);
        let before, wrong, open: ymm;
        vpxor before, before, before;
        vpxor wrong, wrong, wrong;
        vpxor open, open, open;
        'blocks: {
            cmp n, 64;
            jb break 'blocks;
            let a, b, t: ymm;
            vmovdqu a, [p];
            vmovdqu b, [p + 32];
            vpor t, a, b;
            vpmovmskb eax, t;
            test eax, eax;
            jz 'ascii;
            let m = mistakes(a, before, tables);
            vpor wrong, wrong, m;
            let k = mistakes(b, a, tables);
            vpor wrong, wrong, k;
            vpsubusb open, b, [ENDS];
            before = b;
            jmp 'next;
            'ascii:
            // A character that the block before began is not finished.
            vpor wrong, wrong, open;
            vpxor open, open, open;
            before = b;
            'next:
            add p, 64;
            sub n, 64;
            jmp continue 'blocks;
        }
        // The rest with zeros behind it, which are ASCII: what they cut short is wrong.
        let rest: [u8; 64] align 32;
        let zero: ymm;
        vpxor zero, zero, zero;
        vmovdqa [rest], zero;
        vmovdqa [rest + 32], zero;
        'bytes: {
            dec n;
            js break 'bytes;
            mov al, [p + n];
            mov [rest + n], al;
            jmp continue 'bytes;
        }
        let a, b: ymm;
        vmovdqa a, [rest];
        vmovdqa b, [rest + 32];
        let m = mistakes(a, before, tables);
        vpor wrong, wrong, m;
        let k = mistakes(b, a, tables);
        vpor wrong, wrong, k;
        vpsubusb open, b, [ENDS];
        vpor wrong, wrong, open;
        vptest wrong, wrong;
        setz al;
        return al;
    }
    #[fallback]
    pub(crate) fn is_valid(x: &[u8]) -> bool {
        std::str::from_utf8(x).is_ok()
    }
}
