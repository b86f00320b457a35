use peach_runtime::peach_fn;

peach_fn! {
    /// 1 where 32 bytes are equal.
    pub fn equal(#[secret] a: &[u8; 32], #[secret] b: &[u8; 32]) -> u32 {
        movdqu xmm0, [a];
        movdqu xmm1, [b];
        pcmpeqb xmm0, xmm1;
        movdqu xmm1, [a + 16];
        movdqu xmm2, [b + 16];
        pcmpeqb xmm1, xmm2;
        pand xmm0, xmm1;
        pmovmskb ecx, xmm0;
        xor eax, eax;
        cmp ecx, 0xffff;
        sete al;
        return eax;
    }

    /// One of two numbers.
    #[embed = "inline"]
    pub fn choose(#[secret] which: bool, #[secret] a: u64, #[secret] b: u64) -> u64 {
        test which, which;
        cmovz a, b;
        return a;
    }

    /// Exchanges two numbers of four words, or not.
    pub fn exchange_if(
        #[secret] which: u64,
        #[secret] a: &mut [u64; 4],
        #[secret] b: &mut [u64; 4],
    ) {
        neg which;
        sbb rax, rax;
        for i in 0..4 {
            mov rcx, [a + 8*i];
            mov rdx, [b + 8*i];
            mov rsi, rcx;
            xor rsi, rdx;
            and rsi, rax;
            xor rcx, rsi;
            xor rdx, rsi;
            mov [a + 8*i], rcx;
            mov [b + 8*i], rdx;
        }
    }

    inline fn rotate(x: xmm, n: const) {
        let t: xmm;
        movdqa t, x;
        pslld x, n;
        psrld t, 32 - n;
        por x, t;
    }

    inline fn quarters(r: [xmm; 4]) {
        paddd r[0], r[1];
        pxor r[3], r[0];
        rotate(r[3], 16);
        paddd r[2], r[3];
        pxor r[1], r[2];
        rotate(r[1], 12);
        paddd r[0], r[1];
        pxor r[3], r[0];
        rotate(r[3], 8);
        paddd r[2], r[3];
        pxor r[1], r[2];
        rotate(r[1], 7);
    }

    /// A block of ChaCha20 (RFC 8439, 2.3) of a state of 16 words.
    pub fn chacha(#[secret] state: &[u32; 16], #[secret] out: &mut [u32; 16]) {
        let r: [xmm; 4];
        for i in 0..4 { movdqu r[i], [state + 16*i]; }
        let n: gp32 = 10;
        'next: {
            quarters(r);
            pshufd r[1], r[1], 0x39;
            pshufd r[2], r[2], 0x4e;
            pshufd r[3], r[3], 0x93;
            quarters(r);
            pshufd r[1], r[1], 0x93;
            pshufd r[2], r[2], 0x4e;
            pshufd r[3], r[3], 0x39;
            dec n;
            jnz continue 'next;
        }
        for i in 0..4 {
            let t: xmm;
            movdqu t, [state + 16*i];
            paddd r[i], t;
            movdqu [out + 16*i], r[i];
        }
    }

    /// A quarter of a round of ChaCha in general-purpose registers.
    pub fn quarter(#[secret] w: &mut [u32; 4]) {
        let a, b, c, d: gp32;
        mov a, [w];
        mov b, [w + 4];
        mov c, [w + 8];
        mov d, [w + 12];
        add a, b; xor d, a; rol d, 16;
        add c, d; xor b, c; rol b, 12;
        add a, b; xor d, a; rol d, 8;
        add c, d; xor b, c; rol b, 7;
        mov [w], a;
        mov [w + 4], b;
        mov [w + 8], c;
        mov [w + 12], d;
    }

    /// A product of 128 by 64 bits, as Poly1305 needs.
    pub fn product(#[secret] a: &[u64; 2], #[secret] r: u64, #[secret] out: &mut [u64; 3]) {
        let high, low: gp64;
        mov rax, [a];
        mul r;
        mov low, rax;
        mov high, rdx;
        mov rax, [a + 8];
        mul r;
        add rax, high;
        adc rdx, 0;
        mov [out], low;
        mov [out + 8], rax;
        mov [out + 16], rdx;
    }

    /// AES-128 of one block with its eleven round keys (FIPS 197).
    #[target_feature(enable = "aes")]
    pub fn aes(#[secret] keys: &[u8; 176], #[secret] block: &mut [u8; 16]) {
        let s, k: xmm;
        movdqu s, [block];
        movdqu k, [keys];
        pxor s, k;
        for i in 1..10 {
            movdqu k, [keys + 16*i];
            aesenc s, k;
        }
        movdqu k, [keys + 160];
        aesenclast s, k;
        movdqu [block], s;
    }

    /// All round keys of AES-128.
    #[target_feature(enable = "aes")]
    pub fn expand(#[secret] key: &[u8; 16], #[secret] keys: &mut [u8; 176]) {
        const ROUND: [u8; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 0x1b, 0x36];
        let k, t, s: xmm;
        movdqu k, [key];
        movdqu [keys], k;
        for i in 0..10 {
            aeskeygenassist t, k, ROUND[i];
            pshufd t, t, 0xff;
            for _ in 0..3 {
                movdqa s, k;
                pslldq s, 4;
                pxor k, s;
            }
            pxor k, t;
            movdqu [keys + 16*(i + 1)], k;
        }
    }

    /// An element of a table of sixteen: all of them are read.
    pub fn look_up(#[secret] index: u64, table: &[u64; 16]) -> u64 {
        let found: gp64 = 0;
        for i in 0..16 {
            cmp index, i;
            cmove found, [table + 8*i];
        }
        return found;
    }

    /// The same of a table of vectors, by masks.
    pub fn look_up_vector(#[secret] index: u32, table: &[u32; 32], #[secret] out: &mut [u32; 4]) {
        let wanted, at, mask, found, element: xmm;
        movd wanted, index;
        pshufd wanted, wanted, 0;
        pxor found, found;
        for i in 0..8 {
            at = u32x4(i);
            movdqa mask, at;
            pcmpeqd mask, wanted;
            movdqu element, [table + 16*i];
            pand element, mask;
            por found, element;
        }
        movdqu [out], found;
    }

    /// A step of a ladder: x and y, or y and x, become their sum and difference.
    pub fn ladder(#[secret] bit: u64, #[secret] x: u64, #[secret] y: u64) -> (u64, u64) {
        let t: gp64;
        neg bit;
        mov t, x;
        xor t, y;
        and t, bit;
        xor x, t;
        xor y, t;
        lea t, [x + y];
        sub x, y;
        return (t, x);
    }

    /// Three bits through the S-box of a cipher, 64 of each at once.
    pub fn sliced(#[secret] a: &mut [u64; 3]) {
        let x, y, z, t, u, v: gp64;
        mov x, [a];
        mov y, [a + 8];
        mov z, [a + 16];
        mov t, y; not t; and t, z; xor t, x;
        mov u, z; not u; and u, x; xor u, y;
        mov v, x; not v; and v, y; xor v, z;
        mov [a], t;
        mov [a + 8], u;
        mov [a + 16], v;
    }

    /// Copies a slice over another where the mask is 255, and leaves it where it is 0.
    pub fn copy_if(#[secret] mask: u8, #[secret] from: &[u8], #[secret] to: &mut [u8]) {
        let i: gp64 = 0;
        cmp to.len, from.len;
        cmovb from.len, to.len;
        test from.len, from.len;
        jz 'end;
        'next: {
            mov al, [from.ptr + i];
            mov cl, [to.ptr + i];
            xor al, cl;
            and al, mask;
            xor al, cl;
            mov [to.ptr + i], al;
            inc i;
            cmp i, from.len;
            jb continue 'next;
        }
        'end:
    }

    inline fn in_order(a: gp64, b: gp64) {
        let t: gp64;
        mov t, a;
        cmp b, a;
        cmovb a, b;
        cmovb b, t;
    }

    /// Four numbers, sorted by a network.
    pub fn sorted(#[secret] x: &mut [u64; 4]) {
        let v: [gp64; 4];
        for i in 0..4 { mov v[i], [x + 8*i]; }
        in_order(v[0], v[1]);
        in_order(v[2], v[3]);
        in_order(v[0], v[2]);
        in_order(v[1], v[3]);
        in_order(v[1], v[2]);
        for i in 0..4 { mov [x + 8*i], v[i]; }
    }

    /// How many bits are set, without `popcnt`.
    pub fn ones(#[secret] x: u64) -> u64 {
        let t, m: gp64;
        mov t, x; shr t, 1; mov m, 0x5555_5555_5555_5555; and t, m; sub x, t;
        mov t, x; shr t, 2; mov m, 0x3333_3333_3333_3333; and t, m; and x, m; add x, t;
        mov t, x; shr t, 4; add x, t; mov m, 0x0f0f_0f0f_0f0f_0f0f; and x, m;
        mov m, 0x0101_0101_0101_0101; imul x, m;
        shr x, 56;
        return x;
    }

    /// All ones where x is 0.
    pub fn mask_of_zero(#[secret] x: u64) -> u64 {
        cmp x, 1;
        sbb rax, rax;
        return rax;
    }

    /// |x|.
    pub fn magnitude(#[secret] x: i64) -> i64 {
        mov rax, x;
        sar rax, 63;
        xor x, rax;
        sub x, rax;
        return x;
    }

    /// A sum modulo 2^127 - 1 of numbers below it.
    pub fn sum_mod(#[secret] a: &mut [u64; 2], #[secret] b: &[u64; 2]) {
        let lo, hi, reduced_lo, reduced_hi, p: gp64;
        mov lo, [a];
        mov hi, [a + 8];
        add lo, [b];
        adc hi, [b + 8];
        mov reduced_lo, lo;
        mov reduced_hi, hi;
        mov p, 0x7fff_ffff_ffff_ffff;
        sub reduced_lo, -1;
        sbb reduced_hi, p;
        cmovnc lo, reduced_lo;
        cmovnc hi, reduced_hi;
        mov [a], lo;
        mov [a + 8], hi;
    }

    /// Shifts by a secret number.
    #[target_feature(enable = "bmi2")]
    pub fn shifted(#[secret] x: u64, #[secret] n: u64) -> u64 {
        shlx rax, x, n;
        shrx rcx, x, n;
        xor rax, rcx;
        return rax;
    }

    #[fallback]
    pub fn shifted(#[secret] x: u64, #[secret] n: u64) -> u64 { x << n ^ x >> n }

    /// Through stack variables and `push`, with registers that are spilled.
    #[spill]
    pub fn through_memory(#[secret] x: &[u64; 8], public: u64) -> u64 {
        let v: [gp64; 8];
        let kept: [u64; 8];
        for i in 0..8 { mov v[i], [x + 8*i]; }
        for i in 0..8 { mov [kept + 8*i], v[i]; }
        push v[0];
        push public;
        pop rcx;
        test rcx, rcx;
        jz 'skip;
        inc rcx;
        'skip:
        pop rax;
        add rax, rcx;
        for i in 1..8 { xor rax, [kept + 8*i]; add rax, v[i]; }
        return rax;
    }

    /// A product without carry, folded once: the heart of GHASH.
    #[target_feature(enable = "pclmulqdq")]
    pub fn without_carry(
        #[secret] a: &[u64; 2],
        #[secret] b: &[u64; 2],
        #[secret] out: &mut [u64; 2],
    ) {
        let x, y, low, high: xmm;
        movdqu x, [a];
        movdqu y, [b];
        movdqa low, x;
        movdqa high, x;
        pclmulqdq low, y, 0;
        pclmulqdq high, y, 0x11;
        pxor low, high;
        movdqu [out], low;
    }

    /// Copies by a string instruction, as many bytes as are public.
    // Secrets behind raw pointers, of which the proof of memory safety knows nothing.
    pub unsafe fn copied(#[secret] from: *const u8, #[secret] to: *mut u8, n: usize) {
        mov rsi, from;
        mov rdi, to;
        mov rcx, n;
        rep movsb;
    }

    /// A letter of base 64, without a table.
    pub fn letter(#[secret] x: u32) -> u32 {
        let r, t: gp32;
        lea r, [x + 65];
        cmp x, 26;
        lea t, [x + 71];
        cmovae r, t;
        cmp x, 52;
        lea t, [x - 4];
        cmovae r, t;
        mov t, 43;
        cmp x, 62;
        cmove r, t;
        mov t, 47;
        cmp x, 63;
        cmove r, t;
        return r;
    }

    /// Eight sums at once.
    #[target_feature(enable = "avx2")]
    pub fn sums(#[secret] a: &[u32; 8], #[secret] b: &mut [u32; 8]) {
        vmovdqu ymm0, [a];
        vpaddd ymm0, ymm0, [b];
        vpshufb ymm1, ymm0, u8x32(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12,
            3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
        vpsrlvd ymm1, ymm1, ymm0;
        vpxor ymm0, ymm0, ymm1;
        vmovdqu [b], ymm0;
    }

    /// Would be refused with `#[secret]`: stops at the first difference.
    pub fn leaks_by_branch(a: &[u8; 32], b: &[u8; 32]) -> u32 {
        for i in 0..32 {
            mov al, [a + i];
            cmp al, [b + i];
            jne 'differ;
        }
        return 1;
        'differ:
        return 0;
    }

    /// Would be refused with `#[secret]`: reads one element.
    pub fn leaks_by_address(index: u64, table: &[u64; 16]) -> u64 {
        and index, 15;
        mov rax, [table + 8*index];
        return rax;
    }
}

