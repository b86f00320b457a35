//! Loops as people write them, with an occasional mistake.

use crate::generator::Generator;

/// How many choices there are to one mistake.
const MISTAKE: usize = 14;

/// Widths of elements, with the names that loads and types have.
const ELEMENTS: [(u64, &str, &str, &str); 4] = [
    (1, "u8", "movzx t.gp32, byte", "gp8"),
    (2, "u16", "movzx t.gp32, word", "gp16"),
    (4, "u32", "mov t.gp32, dword", "gp32"),
    (8, "u64", "mov t, qword", "gp64"),
];

impl Generator {
    /// One or two loops over slices of elements of some width, which is returned.
    pub fn shape_kernel(&mut self) -> usize {
        let element = ELEMENTS[self.random.below(4) as usize];
        let ty = element.1;
        self.text.push_str(
            "const T: [u8; 256] = [7; 256];\n\
             inline fn smaller(n: gp64, m: gp64) { cmp m, n; cmovb n, m; }\n\
             inline fn forward(p: gp64, n: const) { add p, n; }\n",
        );
        self.text.push_str(&format!(
            "fn k(x: &[{ty}], y: &mut [{ty}], a: u64, b: u64) -> u64 {{\n\
             let t: gp64 = 0; let u: gp64 = 0; let i: gp64 = 0; let n: gp64; let p: gp64;\n\
             let q: gp64; let buf: [u64; 8];\n\
             mov n, x.len; mov p, x.ptr; mov q, y.ptr; for k in 0..8 {{ mov [buf + 8*k], t; }}\n",
        ));
        for _ in 0..1 + self.random.below(2) {
            self.text.push_str("{ ");
            self.shape(element);
            self.text.push_str(" }\n");
        }
        self.text.push_str("add t, u; add t, i; add t, n; add t, p; add t, q; return t;\n}\n");
        element.0 as usize
    }

    fn shape(&mut self, (size, _, load, reg): (u64, &str, &str, &str)) {
        // A name is at hand for what is wrong once in a while.
        let s = self.off(size);
        let lea = self.swap("lea", "lea");
        let (ae, b, z, nz) = (self.cc("jae"), self.cc("jb"), self.cc("jz"), self.cc("jnz"));
        let d = self.shift();
        let k = [2u64, 4, 8][self.random.below(3) as usize];
        let last = k - 1 + u64::from(self.random.one_in(MISTAKE));
        let bits = k.trailing_zeros();
        let slip = self.slip();
        let mask = [1, 3, 7, 15, 63, 255][self.random.below(6) as usize];
        let text = match self.random.below(27) {
            // An end pointer.
            0 => format!(
                "{lea} n, [p + {s}*n]; 'l: cmp p, n; {ae} 'e; {load} [p + {d}]; add u, t; \
                 add p, {s}; jmp 'l; 'e:"
            ),
            1 => format!(
                "lea n, [p + {s}*n]; cmp p, n; je 'e; 'l: {load} [p]; add p, {s}; cmp p, n; \
                 {} 'l; 'e:",
                self.cc("jne")
            ),
            // A negative index.
            2 => format!(
                "test n, n; {z} 'e; lea p, [p + {s}*n]; neg n; 'l: {load} [p + {s}*n + {d}]; \
                 inc n; {nz} 'l; 'e:"
            ),
            // An index, tested above or below.
            3 => format!("'l: cmp i, n; {ae} 'e; {load} [p + {s}*i + {d}]; inc i; jmp 'l; 'e:"),
            4 => format!(
                "test n, n; {z} 'e; 'l: {load} [p + {s}*i + {d}]; inc i; cmp i, n; {b} 'l; 'e:"
            ),
            // Blocks and a rest.
            5 => format!(
                "sub n, {k}; {b} 'r; 'l: for j in 0..={last} {{ {load} [p + {s}*j]; add u, t; }} \
                 add p, {k}*{s}; sub n, {k}; {ae} 'l; 'r: add n, {k}; {z} 'e; \
                 'o: {load} [p]; add p, {s}; dec n; {nz} 'o; 'e:"
            ),
            6 => format!(
                "shr n, {bits}; {z} 'e; 'l: for j in 0..={last} {{ {load} [p + {s}*j]; }} \
                 add p, {k}*{s}; dec n; {nz} 'l; 'e:"
            ),
            7 => format!(
                "and n, -{k}; 'l: cmp i, n; {ae} 'e; for j in 0..={last} {{ \
                 {load} [p + {s}*i + {s}*j]; }} add i, {k}; jmp 'l; 'e:"
            ),
            // Two slices.
            8 => format!(
                "cmp y.len, n; {} n, y.len; 'l: cmp i, n; {ae} 'e; {load} [p + {s}*i]; \
                 mov [q + {s}*i + {d}], t.{reg}; inc i; jmp 'l; 'e:",
                self.cc("cmovb")
            ),
            9 => format!(
                "smaller(n, y.len); test n, n; {z} 'e; 'l: {load} [p + {s}*n - {size}]; \
                 mov [q + {s}*n - {size}], t.{reg}; dec n; {nz} 'l; 'e:"
            ),
            10 => format!(
                "cmp n, y.len; {} 'e; test n, n; {z} 'e; 'l: {load} [p]; mov [q], t.{reg}; \
                 forward(p, {s}); forward(q, {s}); dec n; {nz} 'l; 'e:",
                self.cc("jne")
            ),
            // Nested loops.
            11 => format!(
                "'l: cmp i, n; {ae} 'e; {{ xor n, n; 'm: cmp n, y.len; {ae} 'f; \
                 {load} [q + {s}*n + {d}]; inc n; jmp 'm; 'f: }} {load} [x.ptr + {s}*i]; inc i; \
                 mov n, x.len; jmp 'l; 'e:"
            ),
            12 => format!(
                "'l: cmp i, n; {ae} 'e; {load} [p + {s}*i]; mov p, x.ptr; push i; \
                 'm: dec i; {} 'f; {load} [p + {s}*i + {d}]; jmp 'm; 'f: pop i; inc i; jmp 'l; 'e:",
                self.cc("js")
            ),
            // Bytes and masked values as indices.
            13 => format!(
                "lea q, [T]; 'l: cmp i, n; {ae} 'e; {load} [p + {s}*i]; \
                 movzx t.gp32, t.gp8; movzx t.gp32, byte [q + t + {slip}]; inc i; jmp 'l; 'e:"
            ),
            14 => format!(
                "'l: cmp i, n; {ae} 'e; {load} [p + {s}*i]; {} t, y.len; jae 'n; \
                 mov byte [q + {s}*t + {d}], 1; 'n: inc i; jmp 'l; 'e:",
                self.swap("cmp", "test")
            ),
            15 => format!(
                "'l: cmp i, n; {ae} 'e; {load} [p + {s}*i]; and t, {}; mov [buf + 8*t], i; inc i; \
                 jmp 'l; 'e:",
                if self.random.one_in(3) { mask } else { 7 }
            ),
            16 => format!("cmp n, {mask}; jbe 'e; and a, {mask}; {load} [p + {s}*a + {d}]; 'e:"),
            // Counters of 32 bits, signed comparisons.
            17 => format!(
                "mov n.gp32, n.gp32; 'l: cmp i.gp32, n.gp32; {ae} 'e; {load} [p + {s}*i + {d}]; \
                 inc i.gp32; jmp 'l; 'e:"
            ),
            18 => format!(
                "'l: cmp i, n; {} 'e; {load} [p + {s}*i + {d}]; inc i; jmp 'l; 'e:",
                self.cc("jge")
            ),
            19 => format!(
                "dec n; {} 'e; 'l: {load} [p + {s}*n + {d}]; dec n; {} 'l; 'e:",
                self.cc("js"),
                self.cc("jns")
            ),
            20 => format!(
                "'l: lea u, [i + {k}]; cmp u, n; {} 'e; {load} [p + {s}*i + {s}*{last}]; mov i, u; \
                 jmp 'l; 'e:",
                self.cc("ja")
            ),
            // Binary search.
            21 => format!(
                "xor u, u; 'l: cmp u, n; {ae} 'e; mov i, n; sub i, u; shr i, 1; add i, u; \
                 {load} [p + {s}*i + {d}]; cmp t, a; jae 'm; lea u, [i + 1]; jmp 'l; \
                 'm: mov n, i; jmp 'l; 'e:"
            ),
            // An overlapping tail.
            22 => format!(
                "cmp n, {k}; {b} 'e; {load} [p + {s}*{}]; {load} [p + {s}*n - {size}*{k}]; 'e:",
                last
            ),
            // From both ends.
            23 => format!(
                "mov n, y.len; 'l: cmp i, n; {ae} 'e; dec n; {load} [q + {s}*i]; \
                 mov [q + {s}*n + {d}], t.{reg}; inc i; jmp 'l; 'e:"
            ),
            // Constants that wrap around.
            24 => format!(
                "'l: {} n, {}; {b} 'e; {load} [p + {s}*n + {d}]; jmp 'l; 'e:",
                self.swap("sub", "add"),
                1 + slip
            ),
            25 => format!(
                "mov [buf + 8], n; 'l: cmp i, [buf + {}]; {ae} 'e; {load} [p + {s}*i]; inc i; \
                 jmp 'l; 'e:",
                if self.random.one_in(MISTAKE) { 16 } else { 8 }
            ),
            // A number of the caller's as an index.
            _ => format!(
                "cmp a, n; {ae} 'e; {} {load} [p + {s}*a + {d}]; 'e:",
                self.swap("", "inc a;")
            ),
        };
        self.text.push_str(&text);
    }

    /// `right`, or once in a while something else.
    fn swap(&mut self, right: &'static str, wrong: &'static str) -> &'static str {
        if self.random.one_in(MISTAKE) { wrong } else { right }
    }

    fn cc(&mut self, right: &'static str) -> &'static str {
        if !self.random.one_in(MISTAKE) {
            return right;
        }
        let all = ["b", "ae", "e", "ne", "be", "a", "s", "ns", "l", "ge", "le", "g"];
        let wrong = all[self.random.below(12) as usize];
        let names = match right.starts_with("cmov") {
            true => ["cmovb", "cmovae", "cmovbe", "cmova", "cmovl", "cmovge"],
            false => ["jb", "jae", "jbe", "ja", "jl", "jge"],
        };
        names.into_iter().find(|name| name.ends_with(wrong)).unwrap_or(right)
    }

    /// A size, or twice or half of it.
    fn off(&mut self, size: u64) -> u64 {
        match self.random.one_in(MISTAKE) {
            true => [1, 2, 4, 8][self.random.below(4) as usize],
            false => size,
        }
    }

    /// A displacement: 0, mostly.
    fn shift(&mut self) -> i64 {
        match self.random.one_in(MISTAKE) {
            true => [-8, -4, -1, 1, 4, 8, i64::from(i32::MIN)][self.random.below(7) as usize],
            false => 0,
        }
    }

    fn slip(&mut self) -> u64 {
        u64::from(self.random.one_in(MISTAKE))
    }
}
