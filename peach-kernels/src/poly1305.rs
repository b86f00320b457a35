//! Poly1305 (Bernstein, "The Poly1305-AES message-authentication code", 2005), as RFC 8439 uses it
//! with a key for one message.
//!
//! ```
//! use peach_kernels::poly1305::Poly1305;
//!
//! let key = [7; 32];
//! let mut running = Poly1305::new(&key);
//! running.update(b"pe");
//! running.update(b"ach");
//! assert_eq!(running.finish(), Poly1305::tag(&key, b"peach"));
//! ```

use peach_runtime::peach_fn;

/// A message that is taken in piece by piece, under a key that serves for one message only.
#[derive(Clone)]
pub struct Poly1305 {
    /// The factor, two words.
    r: [u64; 2],
    /// What is added at the end.
    s: u128,
    /// The sum so far, below 2^131.
    h: [u64; 3],
    /// The bytes that do not fill a block yet.
    waiting: [u8; 16],
    used: usize,
}

impl Poly1305 {
    /// An empty message under a key.
    pub fn new(key: &[u8; 32]) -> Poly1305 {
        let (halves, _) = key.as_chunks::<16>();
        let r = u128::from_le_bytes(halves[0]) & 0x0ffffffc_0ffffffc_0ffffffc_0fffffff;
        Poly1305 {
            r: [r as u64, (r >> 64) as u64],
            s: u128::from_le_bytes(halves[1]),
            h: [0; 3],
            waiting: [0; 16],
            used: 0,
        }
    }

    /// The tag of a message.
    pub fn tag(key: &[u8; 32], message: &[u8]) -> [u8; 16] {
        let mut running = Poly1305::new(key);
        running.update(message);
        running.finish()
    }

    /// Takes in more of the message.
    pub fn update(&mut self, mut data: &[u8]) {
        if self.used > 0 {
            let (first, rest) = data.split_at(data.len().min(16 - self.used));
            self.waiting[self.used..][..first.len()].copy_from_slice(first);
            self.used += first.len();
            if self.used < 16 {
                return;
            }
            blocks(&mut self.h, &self.r, &self.waiting, 1);
            data = rest;
        }
        let (whole, rest) = data.split_at(data.len() / 16 * 16);
        blocks(&mut self.h, &self.r, whole, 1);
        self.waiting[..rest.len()].copy_from_slice(rest);
        self.used = rest.len();
    }

    /// The tag of the whole message. It is to be compared in constant time.
    pub fn finish(mut self) -> [u8; 16] {
        if self.used > 0 {
            let mut last = [0; 16];
            last[..self.used].copy_from_slice(&self.waiting[..self.used]);
            last[self.used] = 1;
            blocks(&mut self.h, &self.r, &last, 0);
        }
        // What is left modulo 2^130 - 5: the sum, or the sum plus 5 where that reaches 2^130.
        let [h0, h1, h2] = self.h;
        let low = u128::from(h1) << 64 | u128::from(h0);
        let (reduced, carry) = low.overflowing_add(5);
        let reaches = (h2 + u64::from(carry)) >> 2 & 1;
        let mask = u128::from(reaches).wrapping_neg();
        let sum = (reduced & mask) | (low & !mask);
        sum.wrapping_add(self.s).to_le_bytes()
    }
}

peach_fn! {
    /// For each block: `h = (h + block + high * 2^128) * r`, partly reduced modulo 2^130 - 5.
    pub(crate) fn blocks(
        #[secret] h: &mut [u64; 3],
        #[secret] r: &[u64; 2],
        #[secret] data: &[u8],
        high: u64,
    ) {
        let (p, n) = (data.ptr, data.len);
        // `mul` takes one factor in rax, and gives the product in rdx and rax.
        let h0, h1, h2, r0, r1, quarter: gp64;
        mov h0, [h];
        mov h1, [h + 8];
        mov h2, [h + 16];
        mov r0, [r];
        mov r1, [r + 8];
        // r1 is a multiple of 4: 5/4 of it stand for 2^128 times it.
        mov quarter, r1;
        shr quarter, 2;
        add quarter, r1;
        'next: {
            sub n, 16;
            jb break 'next;
            add h0, [p];
            adc h1, [p + 8];
            adc h2, high;
            add p, 16;
            let d0, d1, d2: gp64;
            mov rax, r1;
            mul h0;
            mov d1, rax;
            mov d2, rdx;
            mov rax, r0;
            mul h0;
            mov h0, rax;
            mov d0, rdx;
            mov rax, r0;
            mul h1;
            add d1, rax;
            adc d2, rdx;
            mov rax, quarter;
            mul h1;
            add h0, rax;
            adc d0, rdx;
            mov h1, h2;
            imul h1, quarter;
            imul h2, r0;
            add d1, h1;
            adc d2, h2;
            // The sum is h0 + 2^64 * (d0 + d1) + 2^128 * d2.
            add d1, d0;
            adc d2, 0;
            mov h1, d1;
            mov h2, d2;
            and h2, 3;
            // 2^130 is 5: what stands above it counts four and one times a quarter.
            mov d0, d2;
            shr d2, 2;
            and d0, -4;
            add d0, d2;
            add h0, d0;
            adc h1, 0;
            adc h2, 0;
            jmp continue 'next;
        }
        mov [h], h0;
        mov [h + 8], h1;
        mov [h + 16], h2;
    }
    #[fallback]
    pub(crate) fn blocks(h: &mut [u64; 3], r: &[u64; 2], data: &[u8], high: u64) {
        let wide = |a: u64, b: u64| u128::from(a) * u128::from(b);
        let quarter = r[1] + (r[1] >> 2);
        for block in data.as_chunks::<16>().0 {
            let block = u128::from_le_bytes(*block);
            let sum = u128::from(h[0]) + (block as u64 as u128);
            let upper = u128::from(h[1]) + (block >> 64) + (sum >> 64);
            let (h0, h1) = (sum as u64, upper as u64);
            let h2 = h[2] + high + (upper >> 64) as u64;
            let low = wide(h0, r[0]) + wide(h1, quarter);
            let middle = wide(h0, r[1]) + wide(h1, r[0]) + wide(h2, quarter) + (low >> 64);
            let top = h2 * r[0] + (middle >> 64) as u64;
            let sum = u128::from(low as u64) + u128::from((top & !3) + (top >> 2));
            let upper = u128::from(middle as u64) + (sum >> 64);
            *h = [sum as u64, upper as u64, (top & 3) + (upper >> 64) as u64];
        }
    }
}
