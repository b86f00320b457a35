//! Kernels as authors of assembly write them, without `unsafe`: what they do beside memory that can
//! neither be read nor written, against plain Rust.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use peach_runtime::peach_fn;
use peach_testing::guarded::Guarded;

peach_fn! {
    fn memchr(x: &[u8], c: u8) -> u64 {
        let i: gp64 = 0;
        'next: {
            cmp i, x.len;
            jae break 'next;
            cmp byte [x.ptr + i], c;
            je break 'next;
            inc i;
            jmp continue 'next;
        }
        return i;
    }

    // The first zero, or the length.
    fn strnlen(x: &[u8]) -> u64 {
        let p, end: gp64;
        mov p, x.ptr;
        lea end, [p + x.len];
        'next: {
            cmp p, end;
            je break 'next;
            cmp byte [p], 0;
            je break 'next;
            add p, 1;
            jmp continue 'next;
        }
        sub p, x.ptr;
        return p;
    }

    fn memcmp(a: &[u8], b: &[u8]) -> i32 {
        let n: gp64;
        mov n, a.len;
        cmp n, b.len;
        cmova n, b.len;
        let i: gp64 = 0;
        let x, y: gp32;
        'next: {
            cmp i, n;
            je break 'next;
            movzx x, byte [a.ptr + i];
            movzx y, byte [b.ptr + i];
            inc i;
            sub x, y;
            jz continue 'next;
            return x;
        }
        xor eax, eax;
        mov x, 1;
        mov y, -1;
        cmp a.len, b.len;
        cmova eax, x;
        cmovb eax, y;
        return eax;
    }

    // Sixteen bytes at a time, the last ones with an overlap.
    fn copy_overlapping(to: &mut [u8], from: &[u8]) -> u64 {
        let n: gp64;
        mov n, to.len;
        cmp from.len, n;
        cmovb n, from.len;
        cmp n, 16;
        jb 'few;
        let i: gp64 = 0;
        let last: gp64;
        lea last, [n - 16];
        'blocks: {
            movups xmm0, [from.ptr + i];
            movups [to.ptr + i], xmm0;
            add i, 16;
            cmp i, last;
            jb continue 'blocks;
        }
        movups xmm0, [from.ptr + last];
        movups [to.ptr + last], xmm0;
        return n;
        'few: test n, n;
        jz 'none;
        {
            let k: gp64;
            mov k, n;
            'byte: {
                mov al, [from.ptr + k - 1];
                mov [to.ptr + k - 1], al;
                dec k;
                jnz continue 'byte;
            }
        }
        'none: return n;
    }

    fn reverse(x: &mut [u32]) {
        let p, q: gp64;
        mov p, x.ptr;
        lea q, [x.ptr + 4*x.len];
        let a, b: gp32;
        'next: {
            sub q, 4;
            cmp p, q;
            jae break 'next;
            mov a, [p];
            mov b, [q];
            mov [p], b;
            mov [q], a;
            add p, 4;
            jmp continue 'next;
        }
    }

    fn reverse_copy(to: &mut [u64], from: &[u64]) {
        cmp to.len, from.len;
        jne 'done;
        let p: gp64;
        lea p, [from.ptr + 8*from.len];
        let t: gp64;
        'next: {
            test to.len, to.len;
            jz break 'next;
            sub p, 8;
            mov t, [p];
            mov [to.ptr], t;
            add to.ptr, 8;
            dec to.len;
            jmp continue 'next;
        }
        'done:
    }

    fn negative_index(x: &mut [u8], y: &[u8]) {
        cmp x.len, y.len;
        jne 'done;
        mov rcx, x.len;
        lea rdi, [x.ptr + rcx];
        lea rsi, [y.ptr + rcx];
        neg rcx;
        jz 'done;
        'next: {
            mov al, [rsi + rcx];
            xor [rdi + rcx], al;
            inc rcx;
            jnz continue 'next;
        }
        'done:
    }

    fn add_three(to: &mut [u32], x: &[u32], y: &[u32]) -> u64 {
        let n: gp64;
        mov n, to.len;
        cmp x.len, n;
        cmovb n, x.len;
        cmp y.len, n;
        cmovb n, y.len;
        let i: gp64 = 0;
        let t: gp32;
        jmp 'test;
        'next:
        mov t, [x.ptr + 4*i];
        add t, [y.ptr + 4*i];
        mov [to.ptr + 4*i], t;
        inc i;
        'test: cmp i, n;
        jb 'next;
        return n;
    }

    fn histogram(counts: &mut [u32; 256], x: &[u8]) {
        let end: gp64;
        lea end, [x.ptr + x.len];
        let b: gp64;
        'next: {
            cmp x.ptr, end;
            jae break 'next;
            movzx b.gp32, byte [x.ptr];
            inc dword [counts + 4*b];
            inc x.ptr;
            jmp continue 'next;
        }
    }

    const HEX: [u8; 16] = *b"0123456789abcdef";
    fn hex(to: &mut [u8], from: &[u8]) -> bool {
        let need: gp64;
        lea need, [from.len + from.len];
        cmp to.len, need;
        jb 'short;
        let t: gp64;
        lea t, [HEX];
        let i: gp64 = 0;
        let a, b: gp64;
        'next: {
            cmp i, from.len;
            jae break 'next;
            movzx a.gp32, byte [from.ptr + i];
            mov b.gp32, a.gp32;
            shr a.gp32, 4;
            and b.gp32, 15;
            mov al, [t + a];
            mov ah, [t + b];
            mov [to.ptr + 2*i], ax;
            inc i;
            jmp continue 'next;
        }
        return true;
        'short: return false;
    }

    fn crc32(t: &[u32; 256], x: &[u8]) -> u32 {
        mov eax, -1;
        let i: gp64;
        test x.len, x.len;
        jz 'done;
        'next: {
            movzx i.gp32, byte [x.ptr];
            xor i.gp8, al;
            shr eax, 8;
            xor eax, [t + 4*i];
            add x.ptr, 1;
            sub x.len, 1;
            jnz continue 'next;
        }
        'done: not eax;
        return eax;
    }

    fn prefix_sum(x: &mut [u64]) -> u64 {
        let total: gp64 = 0;
        let i: gp64 = 0;
        'next: cmp i, x.len;
        jnb 'done;
        add total, [x.ptr + 8*i];
        mov [x.ptr + 8*i], total;
        add i, 1;
        jmp 'next;
        'done: return total;
    }

    fn transpose(m: &mut [[f32; 4]; 4]) {
        let i: gp64 = 0;
        let j: gp64;
        let p, q: gp64;
        'rows: {
            mov j, i;
            'cols: {
                inc j;
                cmp j, 4;
                jae break 'cols;
                mov p, i;
                shl p, 4;
                add p, m;
                mov q, j;
                shl q, 4;
                add q, m;
                mov eax, [p + 4*j];
                mov ecx, [q + 4*i];
                mov [p + 4*j], ecx;
                mov [q + 4*i], eax;
                jmp continue 'cols;
            }
            inc i;
            cmp i, 3;
            jb continue 'rows;
        }
    }

    fn transpose_step(m: &[[f32; 4]; 4], out: &mut [[f32; 4]; 4]) {
        let row: gp64;
        let i, j: gp32;
        mov i, 4;
        'rows: {
            mov row, out;
            mov j, 4;
            'cols: {
                mov eax, [m];
                mov [row], eax;
                add m, 4;
                add row, 16;
                dec j;
                jnz continue 'cols;
            }
            add out, 4;
            dec i;
            jnz continue 'rows;
        }
    }

    fn sixty_four_blocks(state: &mut [u64; 8], x: &[u8]) -> u64 {
        let n: gp64;
        mov n, x.len;
        shr n, 6;
        jz 'done;
        let t: gp64;
        let k: gp64;
        mov k, n;
        'blocks: {
            for i in 0..8 {
                mov t, [x.ptr + 8*i];
                xor [state + 8*i], t;
            }
            add x.ptr, 64;
            dec k;
            jnz continue 'blocks;
        }
        'done: return n;
    }

    // XOR with a stream: whole blocks, then bytes.
    fn xor_stream(x: &mut [u8], key: &[u8; 64]) {
        let i: gp64;
        'blocks: {
            cmp x.len, 64;
            jb break 'blocks;
            for k in 0..4 {
                movups xmm0, [x.ptr + 16*k];
                movups xmm1, [key + 16*k];
                xorps xmm0, xmm1;
                movups [x.ptr + 16*k], xmm0;
            }
            add x.ptr, 64;
            sub x.len, 64;
            jmp continue 'blocks;
        }
        xor i.gp32, i.gp32;
        'tail: {
            cmp i, x.len;
            je break 'tail;
            mov al, [key + i];
            xor [x.ptr + i], al;
            inc i;
            jmp continue 'tail;
        }
    }

    // The first byte that equals, sixteen at a time.
    fn find_first(x: &[u8], c: u8) -> u64 {
        movzx eax, c;
        movd xmm1, eax;
        punpcklbw xmm1, xmm1;
        pshuflw xmm1, xmm1, 0;
        pshufd xmm1, xmm1, 0;
        let i: gp64 = 0;
        let left: gp64;
        'blocks: {
            mov left, x.len;
            sub left, i;
            cmp left, 16;
            jb break 'blocks;
            movups xmm0, [x.ptr + i];
            pcmpeqb xmm0, xmm1;
            pmovmskb eax, xmm0;
            test eax, eax;
            jnz 'found;
            add i, 16;
            jmp continue 'blocks;
        }
        'tail: {
            cmp i, x.len;
            jae break 'tail;
            cmp [x.ptr + i], c;
            je break 'tail;
            inc i;
            jmp continue 'tail;
        }
        return i;
        'found: bsf eax, eax;
        add rax, i;
        return rax;
    }

    // The bits of a mask, one by one: the number of each indexes a table.
    fn sum_of_bits(mask: u32, weights: &[u16; 32]) -> u32 {
        xor eax, eax;
        test mask, mask;
        jz 'done;
        'next: {
            bsf ecx, mask;
            movzx edx, word [weights + 2*rcx];
            add eax, edx;
            lea edx, [mask.gp64 - 1];
            and mask, edx;
            jnz continue 'next;
        }
        'done: return eax;
    }

    // Bytes up to a multiple of 32, then aligned vectors.
    fn sum_aligned(x: &[u8]) -> u64 {
        let p, end: gp64;
        mov p, x.ptr;
        lea end, [p + x.len];
        xor eax, eax;
        xor ecx, ecx;
        pxor xmm2, xmm2;
        pxor xmm1, xmm1;
        'head: {
            cmp p, end;
            je 'done;
            test p, 15;
            jz break 'head;
            movzx ecx, byte [p];
            add rax, rcx;
            inc p;
            jmp continue 'head;
        }
        'main: {
            mov rcx, end;
            sub rcx, p;
            cmp rcx, 16;
            jb break 'main;
            movdqa xmm0, [p];
            psadbw xmm0, xmm2;
            paddq xmm1, xmm0;
            add p, 16;
            jmp continue 'main;
        }
        'tail: {
            cmp p, end;
            je break 'tail;
            movzx ecx, byte [p];
            add rax, rcx;
            inc p;
            jmp continue 'tail;
        }
        'done: movq rcx, xmm1;
        add rax, rcx;
        punpckhqdq xmm1, xmm1;
        movq rcx, xmm1;
        add rax, rcx;
        return rax;
    }

    fn quarter(x: &[u64]) -> u64 {
        let n: gp64;
        mov n, x.len;
        xor eax, eax;
        shr n, 2;
        jz 'done;
        'next:
        for i in 0..4 { add rax, [x.ptr + 8*i]; }
        lea x.ptr, [x.ptr + 32];
        dec n;
        jnz 'next;
        'done: return rax;
    }

    fn by_loop(x: &[u16]) -> u64 {
        xor eax, eax;
        mov rcx, x.len;
        jrcxz 'done;
        let t: gp64;
        'next:
        movzx t.gp32, word [x.ptr + 2*rcx - 2];
        add rax, t;
        loop 'next;
        'done: return rax;
    }

    // Every `step`-th number.
    fn column(x: &[u32], start: u64, step: u64) -> u64 {
        xor eax, eax;
        let t: gp64;
        'next: {
            cmp start, x.len;
            jae break 'next;
            mov t.gp32, [x.ptr + 4*start];
            add rax, t;
            add start, step;
            jc break 'next;
            jmp continue 'next;
        }
        return rax;
    }

    fn sliding(x: &[u32], out: &mut [u32]) -> u64 {
        let n: gp64;
        mov n, x.len;
        sub n, 2;
        jbe 'none;
        cmp out.len, n;
        cmovb n, out.len;
        let i: gp64 = 0;
        'next: {
            cmp i, n;
            jae break 'next;
            mov eax, [x.ptr + 4*i];
            add eax, [x.ptr + 4*i + 4];
            add eax, [x.ptr + 4*i + 8];
            mov [out.ptr + 4*i], eax;
            inc i;
            jmp continue 'next;
        }
        return n;
        'none: return 0;
    }

    inline fn take(p: gp64, n: gp64) -> gp64 {
        let t: gp64;
        mov t, [p];
        add p, 8;
        dec n;
        return t;
    }
    fn with_helper(x: &[u64]) -> u64 {
        xor eax, eax;
        'next: {
            test x.len, x.len;
            jz break 'next;
            let t = take(x.ptr, x.len);
            add rax, t;
            jmp continue 'next;
        }
        return rax;
    }

    fn pushed_counter(x: &[u64; 64]) -> u64 {
        xor eax, eax;
        let i: gp64 = 8;
        'rows: {
            push i;
            mov i, 8;
            'cols: {
                add rax, [x];
                add x, 8;
                dec i;
                jnz continue 'cols;
            }
            pop i;
            dec i;
            jnz continue 'rows;
        }
        return rax;
    }

    fn counter_in_memory(x: &[u64]) -> u64 {
        let left: u64;
        xor eax, eax;
        mov [left], x.len;
        'next: {
            cmp qword [left], 0;
            je break 'next;
            add rax, [x.ptr];
            add x.ptr, 8;
            dec qword [left];
            jmp continue 'next;
        }
        return rax;
    }

    fn index_in_memory(x: &[u64]) -> u64 {
        let i: u64;
        xor eax, eax;
        mov qword [i], 0;
        'next: {
            mov rcx, [i];
            cmp rcx, x.len;
            jae break 'next;
            add rax, [x.ptr + 8*rcx];
            inc rcx;
            mov [i], rcx;
            jmp continue 'next;
        }
        return rax;
    }

    // Valid UTF-8 of one and two bytes only, to show the shape.
    fn utf8(x: &[u8]) -> bool {
        let p, end: gp64;
        let b: gp32;
        mov p, x.ptr;
        lea end, [p + x.len];
        'next: {
            cmp p, end;
            jae break 'next;
            movzx b, byte [p];
            inc p;
            cmp b, 0x80;
            jb continue 'next;
            cmp b, 0xC2;
            jb 'bad;
            cmp b, 0xE0;
            jb 'two;
            cmp b, 0xF0;
            jb 'three;
            cmp b, 0xF4;
            ja 'bad;
            mov rax, end;
            sub rax, p;
            cmp rax, 3;
            jb 'bad;
            mov al, [p];
            mov cl, [p + 1];
            mov dl, [p + 2];
            and al, 0xC0;
            and cl, 0xC0;
            and dl, 0xC0;
            cmp al, 0x80;
            jne 'bad;
            cmp cl, 0x80;
            jne 'bad;
            cmp dl, 0x80;
            jne 'bad;
            add p, 3;
            jmp continue 'next;
            'three: mov rax, end;
            sub rax, p;
            cmp rax, 2;
            jb 'bad;
            mov al, [p];
            mov cl, [p + 1];
            and al, 0xC0;
            and cl, 0xC0;
            cmp al, 0x80;
            jne 'bad;
            cmp cl, 0x80;
            jne 'bad;
            add p, 2;
            jmp continue 'next;
            'two: cmp p, end;
            je 'bad;
            mov al, [p];
            and al, 0xC0;
            cmp al, 0x80;
            jne 'bad;
            inc p;
            jmp continue 'next;
            'bad: return false;
        }
        return true;
    }

    const ALPHABET: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    // Three bytes to four letters; how many letters were written.
    fn base64(to: &mut [u8], from: &[u8]) -> u64 {
        let t, p, q: gp64;
        lea t, [ALPHABET];
        mov p, from.ptr;
        mov q, to.ptr;
        sub from.len, 3;
        jb 'done;
        sub to.len, 4;
        jb 'done;
        let a, b: gp64;
        'next: {
            movzx a.gp32, byte [p];
            shl a.gp32, 16;
            movzx b.gp32, byte [p + 1];
            shl b.gp32, 8;
            or a.gp32, b.gp32;
            movzx b.gp32, byte [p + 2];
            or a.gp32, b.gp32;
            for i in 0..4 {
                mov b.gp32, a.gp32;
                shr b.gp32, 18 - 6*i;
                and b.gp32, 63;
                mov b.gp8, [t + b];
                mov [q + i], b.gp8;
            }
            add p, 3;
            add q, 4;
            sub to.len, 4;
            jb 'done;
            sub from.len, 3;
            jae continue 'next;
        }
        'done: mov rax, q;
        sub rax, to.ptr;
        return rax;
    }

    // The largest distance of neighbors.
    fn steps(x: &[u32]) -> u32 {
        xor eax, eax;
        cmp x.len, 2;
        jb 'done;
        let i: gp64 = 1;
        let d: gp32;
        'next: {
            mov d, [x.ptr + 4*i];
            sub d, [x.ptr + 4*i - 4];
            cmp d, eax;
            cmova eax, d;
            inc i;
            cmp i, x.len;
            jne continue 'next;
        }
        'done: return eax;
    }

    fn insertion_sort(x: &mut [u32]) {
        let i: gp64 = 1;
        let j: gp64;
        let key: gp32;
        'outer: {
            cmp i, x.len;
            jae break 'outer;
            mov key, [x.ptr + 4*i];
            mov j, i;
            'inner: {
                mov eax, [x.ptr + 4*j - 4];
                cmp eax, key;
                jbe break 'inner;
                mov [x.ptr + 4*j], eax;
                dec j;
                jnz continue 'inner;
            }
            mov [x.ptr + 4*j], key;
            inc i;
            jmp continue 'outer;
        }
    }

    fn merge(a: &[u32], b: &[u32], out: &mut [u32]) -> bool {
        let i, j, k: gp64 = 0;
        let x, y: gp32;
        'next: {
            cmp i, a.len;
            jae 'rest_b;
            cmp j, b.len;
            jae 'rest_a;
            cmp k, out.len;
            jae 'full;
            mov x, [a.ptr + 4*i];
            mov y, [b.ptr + 4*j];
            cmp x, y;
            ja 'second;
            mov [out.ptr + 4*k], x;
            inc i;
            inc k;
            jmp continue 'next;
            'second: mov [out.ptr + 4*k], y;
            inc j;
            inc k;
            jmp continue 'next;
            'rest_a: cmp i, a.len;
            jae 'end;
            cmp k, out.len;
            jae 'full;
            mov x, [a.ptr + 4*i];
            mov [out.ptr + 4*k], x;
            inc i;
            inc k;
            jmp 'rest_a;
            'rest_b: cmp j, b.len;
            jae 'end;
            cmp k, out.len;
            jae 'full;
            mov y, [b.ptr + 4*j];
            mov [out.ptr + 4*k], y;
            inc j;
            inc k;
            jmp 'rest_b;
            'full: return false;
            'end:
        }
        return true;
    }

    // Lengths that the data itself says, checked before they are used.
    fn records(x: &[u8]) -> u64 {
        xor eax, eax;
        let n: gp64;
        'next: {
            test x.len, x.len;
            jz break 'next;
            movzx n.gp32, byte [x.ptr];
            inc x.ptr;
            dec x.len;
            cmp n, x.len;
            ja break 'next;
            add x.ptr, n;
            sub x.len, n;
            inc rax;
            jmp continue 'next;
        }
        return rax;
    }

    fn matrix_product(a: &[[f32; 8]; 8], b: &[[f32; 8]; 8], c: &mut [[f32; 8]; 8]) {
        let i, j, k: gp64;
        let p, q: gp64;
        mov i, 0;
        'i: {
            mov j, 0;
            'j: {
                xorps xmm0, xmm0;
                mov p, a;
                lea q, [b + 4*j];
                mov k, 8;
                'k: {
                    movss xmm1, dword [p];
                    mulss xmm1, dword [q];
                    addss xmm0, xmm1;
                    add p, 4;
                    add q, 32;
                    dec k;
                    jnz continue 'k;
                }
                movss dword [c + 4*j], xmm0;
                inc j;
                cmp j, 8;
                jne continue 'j;
            }
            add a, 32;
            add c, 32;
            inc i;
            cmp i, 8;
            jne continue 'i;
        }
    }

    fn gray(x: &[[u8; 4]], out: &mut [u8]) -> u64 {
        let n: gp64;
        mov n, x.len;
        cmp out.len, n;
        cmovb n, out.len;
        xor eax, eax;
        'next: {
            cmp rax, n;
            je break 'next;
            movzx ecx, byte [x.ptr + 4*rax];
            movzx edx, byte [x.ptr + 4*rax + 1];
            lea ecx, [rcx + 2*rdx];
            movzx edx, byte [x.ptr + 4*rax + 2];
            add ecx, edx;
            shr ecx, 2;
            mov [out.ptr + rax], cl;
            inc rax;
            jmp continue 'next;
        }
        return n;
    }

    // A ring buffer whose size is a power of two.
    fn ring(buffer: &mut [u64; 16], x: &[u64]) -> u64 {
        xor eax, eax;
        let i: gp64 = 0;
        'next: {
            cmp i, x.len;
            jae break 'next;
            mov rcx, [x.ptr + 8*i];
            mov [buffer + 8*rax], rcx;
            inc eax;
            and eax, 15;
            inc i;
            jmp continue 'next;
        }
        return rax;
    }

    // A stack of at most 32 numbers.
    fn brackets(x: &[u8]) -> bool {
        let stack: [u8; 32];
        for i in 0..4 { mov qword [stack + 8*i], 0; }
        let top, i: gp64 = 0;
        'next: {
            cmp i, x.len;
            jae break 'next;
            mov al, [x.ptr + i];
            inc i;
            cmp al, b'(';
            je 'open;
            cmp al, b'[';
            je 'open;
            cmp al, b')';
            je 'close;
            cmp al, b']';
            je 'close;
            jmp continue 'next;
            'open: cmp top, 32;
            jae 'no;
            mov [stack + top], al;
            inc top;
            jmp continue 'next;
            'close: sub top, 1;
            jb 'no;
            xor al, [stack + top];
            cmp al, 7;
            jae 'no;
            jmp continue 'next;
        }
        test top, top;
        jnz 'no;
        return true;
        'no: return false;
    }
}

/// Slices of which each ends, or begins, beside memory that cannot be touched.
struct Memory {
    pages: [Guarded; 3],
    lens: [usize; 3],
    used: usize,
    at_end: bool,
}

impl Memory {
    /// A copy of `content`.
    fn slice<'a, T: Copy>(&mut self, content: &[T]) -> &'a mut [T] {
        let bytes = size_of_val(content);
        // SAFETY: numbers have no padding; the pages stay, and each is used once.
        unsafe {
            let content_bytes = std::slice::from_raw_parts(content.as_ptr().cast(), bytes);
            let place = self.pages[self.used].place(content_bytes, self.at_end);
            self.lens[self.used] = bytes;
            self.used += 1;
            std::slice::from_raw_parts_mut(place.cast(), content.len())
        }
    }

    /// Nothing else was written.
    fn check(&self) {
        for (page, len) in self.pages[..self.used].iter().zip(self.lens) {
            assert!(page.is_intact(len, self.at_end));
        }
    }
}

/// Runs `test` for lengths from 0 to 300, at both ends of a page.
fn each(test: impl Fn(usize, &mut Memory)) {
    for len in 0..=300 {
        for at_end in [true, false] {
            let pages = std::array::from_fn(|_| Guarded::new());
            let mut memory = Memory { pages, lens: [0; 3], used: 0, at_end };
            test(len, &mut memory);
            memory.check();
        }
    }
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 37 + i / 7 + len) as u8).collect()
}

fn words(len: usize) -> Vec<u32> {
    (0..len as u32).map(|i| i.wrapping_mul(2_654_435_761) ^ len as u32).collect()
}

fn longs(len: usize) -> Vec<u64> {
    (0..len as u64).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ len as u64).collect()
}

fn total(x: &[u64]) -> u64 {
    x.iter().fold(0, |sum, n| sum.wrapping_add(*n))
}

#[test]
fn searches() {
    each(|len, memory| {
        let data = bytes(len);
        let x = memory.slice(&data);
        let wanted = (len * 11) as u8;
        let place = data.iter().position(|b| *b == wanted).unwrap_or(len) as u64;
        assert_eq!(memchr(x, wanted), place);
        assert_eq!(find_first(x, wanted), place);
        assert_eq!(strnlen(x), data.iter().position(|b| *b == 0).unwrap_or(len) as u64);
        assert_eq!(utf8(x), plain_utf8(&data));
    });
    assert!(utf8("aß€𝄞".as_bytes()) && !utf8(b"\xE2\x82") && !utf8(b"\xF0\x9D\x84"));
}

/// Lead bytes with as many continuation bytes as they announce.
fn plain_utf8(mut x: &[u8]) -> bool {
    while let Some((&lead, rest)) = x.split_first() {
        let more = match lead {
            0..0x80 => 0,
            0xC2..0xE0 => 1,
            0xE0..0xF0 => 2,
            0xF0..=0xF4 => 3,
            _ => return false,
        };
        if rest.len() < more || rest[..more].iter().any(|b| b & 0xC0 != 0x80) {
            return false;
        }
        x = &rest[more..];
    }
    true
}

#[test]
fn copies_and_comparisons() {
    each(|len, memory| {
        let (data, other) = (bytes(len), bytes((len * 7) % 301));
        let (to, from) = (memory.slice(&other), memory.slice(&data));
        let n = len.min(other.len());
        let order = match to[..].cmp(from) {
            std::cmp::Ordering::Less => -1,
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Greater => 1,
        };
        assert_eq!(memcmp(to, from).signum(), order);
        assert_eq!(copy_overlapping(to, from), n as u64);
        assert_eq!((&to[..n], &to[n..]), (&data[..n], &other[n..]));
    });
    each(|len, memory| {
        let (data, other) = (bytes(len), bytes(len + 3));
        let (x, y) = (memory.slice(&data), memory.slice(&other[..len]));
        negative_index(x, y);
        assert!(x.iter().zip(&data).zip(&other).all(|((x, a), b)| *x == a ^ b));
    });
    each(|len, memory| {
        let data = longs(len);
        let (to, from) = (memory.slice(&vec![0u64; len]), memory.slice(&data));
        reverse_copy(to, from);
        assert!(to.iter().eq(data.iter().rev()));
        let x = memory.slice(&words(len));
        reverse(x);
        assert!(x.iter().eq(words(len).iter().rev()));
    });
}

#[test]
fn sums() {
    each(|len, memory| {
        let data = longs(len);
        let x = memory.slice(&data);
        assert_eq!(quarter(x), total(&data[..len / 4 * 4]));
        assert_eq!(with_helper(x), total(&data));
        assert_eq!(counter_in_memory(x), total(&data));
        assert_eq!(index_in_memory(x), total(&data));
        assert_eq!(prefix_sum(x), total(&data));
        assert!(x.iter().enumerate().all(|(i, sum)| *sum == total(&data[..=i])));
    });
    each(|len, memory| {
        let x = memory.slice(&bytes(len));
        assert_eq!(sum_aligned(x), x.iter().map(|b| u64::from(*b)).sum::<u64>());
        let mut counts = [0; 256];
        histogram(&mut counts, x);
        assert!(
            (0..=255u8)
                .all(|b| counts[b as usize] as usize == x.iter().filter(|c| **c == b).count())
        );
        let shorts: Vec<u16> = words(len).iter().map(|w| *w as u16).collect();
        let y = memory.slice(&shorts);
        assert_eq!(by_loop(y), shorts.iter().map(|s| u64::from(*s)).sum::<u64>());
    });
    each(|len, memory| {
        let (x, y) = (memory.slice(&words(len)), memory.slice(&words((len * 5) % 301)));
        let to = memory.slice(&vec![0u32; (len * 3) % 301]);
        let n = len.min(y.len()).min(to.len());
        assert_eq!(add_three(to, x, y), n as u64);
        assert!((0..n).all(|i| to[i] == x[i].wrapping_add(y[i])));
        assert!(to[n..].iter().all(|word| *word == 0));
        for (start, step) in [(0, 1), (3, 7), (len as u64, 1), (1, u64::MAX), (u64::MAX, 2)] {
            if step < 1000 {
                let picked = x.iter().skip(start.min(1000) as usize).step_by(step as usize);
                assert_eq!(column(x, start, step), picked.map(|w| u64::from(*w)).sum::<u64>());
            }
        }
        let distances = x.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
        assert_eq!(steps(x), distances.max().unwrap_or(0));
    });
    each(|len, memory| {
        let (x, to) = (memory.slice(&words(len)), memory.slice(&vec![0u32; (len * 3) % 301]));
        let n = len.saturating_sub(2).min(to.len());
        assert_eq!(sliding(x, to), n as u64);
        let sum = |part: &[u32]| part.iter().fold(0, |sum: u32, word| sum.wrapping_add(*word));
        assert!((0..n).all(|i| to[i] == sum(&x[i..i + 3])));
    });
}

#[test]
fn tables_and_text() {
    let table: [u32; 256] = std::array::from_fn(|i| {
        (0..8).fold(i as u32, |c, _| if c & 1 == 1 { c >> 1 ^ 0xEDB8_8320 } else { c >> 1 })
    });
    assert_eq!(crc32(&table, b"123456789"), 0xCBF4_3926);
    each(|len, memory| {
        let x = memory.slice(&bytes(len));
        let plain = x.iter().fold(!0, |c: u32, b| c >> 8 ^ table[(c as u8 ^ b) as usize]);
        assert_eq!(crc32(&table, x), !plain);
        let to = memory.slice(&vec![0u8; 2 * len]);
        assert!(hex(to, x) && (len == 0 || !hex(&mut to[1..], x)));
        let text: String = x.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(to, text.as_bytes());
        let letters = memory.slice(&vec![0u8; (len * 5) % 301]);
        let blocks = (len / 3).min(letters.len() / 4);
        assert_eq!(base64(letters, x), 4 * blocks as u64);
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for (i, block) in x.chunks_exact(3).take(blocks).enumerate() {
            let bits = u32::from_be_bytes([0, block[0], block[1], block[2]]);
            assert!(
                (0..4)
                    .all(|j| letters[4 * i + j] == alphabet[(bits >> (18 - 6 * j) & 63) as usize])
            );
        }
    });
    each(|len, memory| {
        let data: Vec<u8> = bytes(len).iter().map(|b| b % 5).collect();
        let x = memory.slice(&data);
        let (mut rest, mut count) = (&data[..], 0);
        while let Some((&n, more)) = rest.split_first() {
            let Some(next) = more.get(n as usize..) else { break };
            (rest, count) = (next, count + 1);
        }
        assert_eq!(records(x), count);
    });
    each(|len, memory| {
        let depth = len % 40;
        let (open, close) = ("([".repeat(depth / 2), "])".repeat(depth / 2));
        let text = memory.slice(format!("{open}a{close}").as_bytes());
        assert_eq!(brackets(text), depth / 2 * 2 <= 32);
        assert!(!brackets(b"(]") && !brackets(b")") && !brackets(b"("));
    });
}

#[test]
fn blocks_and_order() {
    each(|len, memory| {
        let data = bytes(len);
        let x = memory.slice(&data);
        let mut state = [0; 8];
        assert_eq!(sixty_four_blocks(&mut state, x), (len / 64) as u64);
        let words = data.chunks_exact(64).flat_map(|block| block.chunks_exact(8).enumerate());
        let mut plain = [0; 8];
        words.for_each(|(i, word)| plain[i] ^= u64::from_le_bytes(word.try_into().expect("8")));
        assert_eq!(state, plain);
        let key: [u8; 64] = std::array::from_fn(|i| (i * 7) as u8);
        xor_stream(x, &key);
        assert!(x.iter().zip(&data).enumerate().all(|(i, (x, d))| *x == d ^ key[i % 64]));
    });
    each(|len, memory| {
        let x = memory.slice(&words(len.min(60)));
        let mut sorted = x.to_vec();
        sorted.sort_unstable();
        insertion_sort(x);
        assert_eq!(x, sorted);
        let mut other = words((len * 3) % 61);
        other.sort_unstable();
        let to = memory.slice(&vec![0u32; x.len() + other.len()]);
        assert!(merge(x, &other, to) && (to.is_empty() || !merge(x, &other, &mut to[1..])));
        sorted.extend(&other);
        sorted.sort_unstable();
        assert!(merge(x, &other, to));
        assert_eq!(to, sorted);
        let mut buffer = [0; 16];
        let data = longs(len);
        assert_eq!(ring(&mut buffer, &data), (len % 16) as u64);
        assert!(
            data.iter().rev().take(16).enumerate().all(|(i, n)| buffer[(len - 1 - i) % 16] == *n)
        );
    });
    each(|len, memory| {
        let pixels: Vec<[u8; 4]> = words(len).iter().map(|word| word.to_le_bytes()).collect();
        let (x, to) = (memory.slice(&pixels), memory.slice(&vec![0u8; (len * 3) % 301]));
        let n = len.min(to.len());
        assert_eq!(gray(x, to), n as u64);
        let value = |p: [u8; 4]| (u32::from(p[0]) + 2 * u32::from(p[1]) + u32::from(p[2])) / 4;
        assert!((0..n).all(|i| u32::from(to[i]) == value(pixels[i])));
    });
}

#[test]
fn matrices() {
    let rows: [[f32; 4]; 4] = std::array::from_fn(|i| std::array::from_fn(|j| (4 * i + j) as f32));
    let columns: [[f32; 4]; 4] = std::array::from_fn(|i| std::array::from_fn(|j| rows[j][i]));
    let (mut here, mut there) = (rows, [[0.0; 4]; 4]);
    transpose(&mut here);
    transpose_step(&rows, &mut there);
    assert_eq!((here, there), (columns, columns));
    let a: [[f32; 8]; 8] = std::array::from_fn(|i| std::array::from_fn(|j| (i * 3 + j) as f32));
    let b: [[f32; 8]; 8] = std::array::from_fn(|i| std::array::from_fn(|j| (i + 5 * j) as f32));
    let mut c = [[0.0; 8]; 8];
    matrix_product(&a, &b, &mut c);
    for (i, row) in c.iter().enumerate() {
        for (j, sum) in row.iter().enumerate() {
            assert_eq!(*sum, (0..8).map(|k| a[i][k] * b[k][j]).sum::<f32>());
        }
    }
    let numbers: [u64; 64] = std::array::from_fn(|i| (i * i) as u64);
    assert_eq!(pushed_counter(&numbers), total(&numbers));
    let weights: [u16; 32] = std::array::from_fn(|i| (i * i) as u16);
    for mask in words(300) {
        let plain =
            (0..32).filter(|i| mask >> i & 1 == 1).map(|i| u32::from(weights[i])).sum::<u32>();
        assert_eq!(sum_of_bits(mask, &weights), plain);
    }
}
