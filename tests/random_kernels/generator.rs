//! Random kernels, as text: many registers live at once, loops, branches, fixed operands, partial
//! writes, masks, stack arguments, stack variables.

use super::Random;
use peach_compiler::abi::{Convention, GOASM, GOASM_P32, GOSYSO, NACL, SYSV64, WIN64, X32};
use std::fmt::Write;

/// What kind of kernel to make.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The convention that it is compiled for.
    pub convention: &'static Convention,
    /// General-purpose registers that are live from start to end, the output pointer not counted.
    pub gp: usize,
    /// Vector registers that are live from start to end.
    pub vectors: usize,
    /// Mask registers likewise.
    pub masks: usize,
    /// Statements.
    pub length: usize,
    /// Uses `mul`, `div` and shifts by `cl`: three registers less for the others.
    pub fixed: bool,
    /// `#[spill]`: there may be many more registers than the processor has.
    pub spill: bool,
    /// `sse4.1`, `avx2` or `avx512f,…`.
    pub features: &'static str,
    /// MMX registers.
    pub mmx: usize,
    /// Second bytes of the first two registers.
    pub high: bool,
    /// Calls a function that changes all that it may.
    pub calls: bool,
    /// The alignment of the stack variable: 8, 16 or 64.
    pub align: usize,
    /// Two vectors and two wide integers among the arguments, first and last.
    pub wide_arguments: bool,
}

impl Shape {
    pub fn random(rng: &mut Random) -> Shape {
        let fixed = rng.below(100) < 40;
        let features = rng.pick(&[SSE, AVX2, AVX512]);
        let most_vectors = if features == AVX512 { 33 } else { 16 };
        let spill = rng.below(100) < 20;
        let more = |n: usize| if spill { 2 * n } else { n };
        // With `p` and a temporary, 15 and 12 are one too many now and then.
        let most_gp = if fixed { 12 } else { 14 };
        let convention = rng.pick(CONVENTIONS);
        let shape = Shape {
            convention,
            gp: 1 + rng.below(more(most_gp)),
            vectors: rng.below(more(most_vectors + 1)),
            masks: if features == AVX512 { rng.below(6) } else { 0 },
            length: 5 + rng.below(60),
            fixed,
            spill,
            features,
            mmx: if rng.below(100) < 15 { 1 + rng.below(8) } else { 0 },
            high: !fixed && rng.below(100) < 15,
            calls: [SYSV64.name, WIN64.name].contains(&convention.name) && rng.below(100) < 15,
            align: *[8, 8, 16, 64].get(rng.below(4)).expect("one of four"),
            wide_arguments: false,
        };
        match rng.below(5) {
            // One less than fit, as many, and one more.
            0 => Shape { gp: most_gp - 1 + rng.below(3), vectors: 0, ..shape },
            1 => Shape { vectors: most_vectors - 2 + rng.below(3), gp: 2, ..shape },
            _ => shape,
        }
        .around_calls()
    }

    /// The same with `#[spill]`, and more values than there are registers.
    pub fn spilling(self) -> Shape {
        Shape { spill: true, gp: 14 + self.gp % 15, vectors: 14 + self.vectors % 20, ..self }
    }

    /// Few registers survive calls, and none of MMX.
    fn around_calls(mut self) -> Shape {
        if !self.calls {
            return self;
        }
        self.mmx = 0;
        if !self.spill {
            self.gp = self.gp.min(4);
            self.masks = 0;
            let survive = self.features == SSE && self.convention.name == WIN64.name;
            self.vectors = if survive { self.vectors.min(8) } else { 0 };
        }
        self
    }

    /// The same for another convention. What calls a function knows where its result is, so nothing
    /// is called if that changes.
    pub fn with_convention(mut self, convention: &'static Convention) -> Shape {
        self.calls &= self.convention.name == convention.name;
        self.convention = convention;
        self
    }

    /// The same for Native Client: four registers are not to be had, nor is AVX-512.
    pub fn sandboxed(mut self) -> Shape {
        self = self.with_convention(&NACL);
        self.gp = if self.spill { self.gp } else { self.gp.min(if self.fixed { 8 } else { 10 }) };
        self.mmx = 0;
        self.without_avx512()
    }

    /// The same without AVX-512.
    pub fn without_avx512(mut self) -> Shape {
        if self.features == AVX512 {
            self.features = AVX2;
            self.masks = 0;
            self.vectors = self.vectors.min(14);
        }
        self
    }
}

/// The conventions whose code this process can call.
pub const CONVENTIONS: &[&Convention] = &[&SYSV64, &WIN64, &X32, &GOASM, &GOSYSO, &GOASM_P32];

pub const SSE: &str = "sse4.1,popcnt";
pub const AVX2: &str = "avx2,bmi1,bmi2,popcnt";
pub const AVX512: &str = "avx512f,avx512bw,avx512vl,avx512dq,bmi1,bmi2,popcnt";

/// The result types that are tried, with the text of their `return`.
const RESULTS: [(&str, &str); 14] = [
    ("()", ""),
    ("u64", "x0"),
    ("u32", "x0.gp32"),
    ("i32", "x0.gp32"),
    ("u16", "x0.gp16"),
    ("i16", "x0.gp16"),
    ("u8", "x0.gp8"),
    ("i8", "x0.gp8"),
    ("(u64, u64)", "(x0, p)"),
    ("(u32, u32)", "(x0.gp32, p.gp32)"),
    ("(u32, u64)", "(x0.gp32, p)"),
    ("u128", "(x0, p)"),
    ("u64", "77"),
    ("i8", "-3"),
];

/// Bytes that a kernel may write through its pointer.
pub const OUT_BYTES: usize = 16384;

/// The place of the address that kernels call.
pub const CALLEE: usize = OUT_BYTES - 8;

/// The text of a random kernel called `k`.
pub fn kernel(shape: &Shape, rng: &mut Random) -> String {
    let mut g = Generator { shape: shape.clone(), rng, text: String::new(), indent: 1, labels: 0 };
    let (result, value) = RESULTS[g.rng.below(RESULTS.len())];
    g.signature(result);
    g.declare();
    let mut left = shape.length;
    if shape.wide_arguments && g.rng.below(100) < 50 {
        g.read_wide_arguments();
        g.statements(&mut left, 0);
    } else {
        g.statements(&mut left, 0);
        if shape.wide_arguments {
            g.read_wide_arguments();
        }
    }
    g.store_all();
    if shape.mmx > 0 {
        g.line("emms;");
    }
    if value.is_empty() {
        g.line("return;")
    } else {
        g.line(&format!("return {value};"))
    };
    g.text.push_str("}\n");
    g.text
}

struct Generator<'a> {
    shape: Shape,
    rng: &'a mut Random,
    text: String,
    indent: usize,
    labels: usize,
}

impl Generator<'_> {
    fn line(&mut self, text: &str) {
        for _ in 0..self.indent {
            self.text.push_str("    ");
        }
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn signature(&mut self, result: &str) {
        let arrow = if result == "()" { String::new() } else { format!(" -> {result}") };
        let features = self.shape.features;
        if self.shape.spill {
            self.line("#[spill]");
        }
        let (first, last) = match self.shape.wide_arguments {
            true => (", s: __m128i, t: u128", ", v: __m128i, w: u128"),
            false => ("", ""),
        };
        let _ = writeln!(
            self.text,
            "#[target_feature(enable = \"{features}\")]\nunsafe fn k(p: *mut u64{first}, \
             a: u64, b: u32, c: usize, d: isize, e: u64, f: u64, g: u64, h: u32{last}){arrow} {{"
        );
    }

    /// Every register gets a value, from an argument where there is one left.
    fn declare(&mut self) {
        let args = ["a", "c", "d", "e", "f", "g"];
        let mut used = 0;
        for n in 0..self.shape.gp {
            if used < args.len() && self.rng.below(100) < 60 {
                let arg = args[used];
                used += 1;
                match self.rng.below(3) {
                    0 => self.line(&format!("let x{n}: gp64 = {arg};")),
                    1 => self.line(&format!("let x{n}: gp64; mov x{n}, {arg};")),
                    _ => self.line(&format!("let x{n}: gp64; lea x{n}, [{arg} + {}];", n * 5)),
                }
            } else if self.rng.below(100) < 20 {
                let arg = self.rng.pick(&["b", "h"]);
                self.line(&format!("let x{n}: gp64; mov x{n}.gp32, {arg};"));
            } else {
                let value = match self.rng.below(4) {
                    0 => "0".to_string(),
                    1 => format!("{}", self.rng.bits() % 1000),
                    2 => format!("{:#x}", self.rng.bits()),
                    _ => format!("-{}", self.rng.bits() % 1_000_000),
                };
                self.line(&format!("let x{n}: gp64 = {value};"));
            }
        }
        self.line(&format!("let buf: [u64; 8] align {};", self.shape.align));
        for slot in 0..8 {
            self.line(&format!("mov qword [buf + {}], {};", slot * 8, slot * 3 + 1));
        }
        for n in 0..self.shape.vectors {
            let class = self.vector_class();
            let init = match (class, n % 3) {
                ("xmm", 0) => format!("movq v{n}, x0;"),
                ("xmm", 1) => format!("movdqa v{n}, u32x4({n}, 2, 3, {});", n * 7),
                ("xmm", _) => format!("pxor v{n}, v{n};"),
                ("ymm", 1) => format!("vmovdqu v{n}, u32x8({n}, 2, 3, 4, 5, 6, 7, {});", n * 7),
                ("ymm", _) => format!("vpxor v{n}, v{n}, v{n};"),
                (_, 1) => format!("vmovdqu32 v{n}, u32x16({n});"),
                _ => format!("vpxord v{n}, v{n}, v{n};"),
            };
            let init = if self.shape.features == SSE || class != "xmm" {
                init
            } else {
                init.replace("movq", "vmovq")
                    .replace("movdqa", "vmovdqa")
                    .replace(&format!("pxor v{n}, v{n}"), &format!("vpxor v{n}, v{n}, v{n}"))
            };
            self.line(&format!("let v{n}: {class}; {init}"));
        }
        for n in 0..self.shape.mmx {
            let gp = self.gp();
            self.line(&format!("let q{n}: mm; movq q{n}, {gp};"));
        }
        for n in 0..self.shape.masks {
            let value = self.rng.bits();
            self.line(&format!("let m{n}: k;"));
            self.line(&format!("mov x0, {value:#x}; kmovq m{n}, x0;"));
        }
    }

    /// Reads some of the wide arguments, some of them twice.
    fn read_wide_arguments(&mut self) {
        let vector = match self.shape.features {
            SSE => ["paddd VV, ARG;", "movdqa VV, ARG;", "pshufd VV, ARG, 27;", "movss VV, ARG;"],
            _ => [
                "vpaddd VV.xmm, VV.xmm, ARG;",
                "vmovdqa VV.xmm, ARG;",
                "vpshufd VV.xmm, ARG, 27;",
                "vpxor VV.xmm, VV.xmm, ARG;",
            ],
        };
        let word = ["add XX, ARG;", "mov XX, ARG;", "imul XX, ARG, 5;", "movzx XX, ARG.gp8;"];
        for arg in ["s", "t.lo", "t.hi", "v", "w.lo", "w.hi"] {
            for _ in 0..self.rng.below(3) {
                let (templates, into) = match arg {
                    "s" | "v" if self.shape.vectors == 0 => continue,
                    "s" | "v" => (&vector, self.vector_name()),
                    _ => (&word, self.gp()),
                };
                let text = self.rng.pick(templates).replace("ARG", arg);
                self.line(&text.replace("VV", &into).replace("XX", &into));
            }
        }
    }

    fn vector_class(&self) -> &'static str {
        match self.shape.features {
            SSE => "xmm",
            AVX2 => "ymm",
            _ => "zmm",
        }
    }

    fn statements(&mut self, left: &mut usize, depth: usize) {
        while *left > 0 {
            *left -= 1;
            match self.rng.below(100) {
                // Loops in loops are what matters.
                0..5 if depth < 3 => self.counted_loop(left, depth),
                5..12 if depth > 0 && depth < 3 && self.rng.below(100) < 50 => {
                    self.counted_loop(left, depth);
                }
                5..12 if depth < 4 => self.branch(left, depth),
                12..15 if depth > 0 => return,
                15..20 if self.shape.fixed => self.fixed(),
                20..24 => self.memory(),
                24..28 => self.partial(),
                28..34 => self.flags(),
                34..37 => self.push_pop(),
                37..60 if self.shape.vectors > 0 => self.vector(),
                60..66 if self.shape.masks > 1 => self.mask(),
                66..70 if self.shape.mmx > 0 => self.mmx(),
                70..73 if self.shape.high && self.shape.gp > 1 => self.high(),
                73..77 if self.shape.calls => self.call(),
                77..80 if self.shape.vectors > 0 => self.aligned(),
                80..83 if depth < 4 && !self.shape.calls => self.undefined(left, depth),
                83..86 => self.scan(),
                _ => self.arithmetic(),
            }
        }
    }

    /// Into a register that keeps its value where the source is zero, or into one that has none.
    /// Most flags are undefined after it.
    fn scan(&mut self) {
        let (a, b) = (self.gp(), self.gp());
        let op = self.rng.pick(&["bsf", "bsr"]);
        let line = if self.rng.below(100) < 50 {
            format!("{op} {a}, {b}; cmp {a}, {b};")
        } else {
            format!("{{ let at: gp64; or {b}, 64; {op} at, {b}; xor {a}, at; cmp {a}, {b}; }}")
        };
        self.line(&line);
    }

    fn label(&mut self) -> String {
        self.labels += 1;
        format!("'l{}", self.labels)
    }

    fn counted_loop(&mut self, left: &mut usize, depth: usize) {
        let label = self.label();
        let count = 1 + self.rng.below(4);
        self.line(&format!("mov qword [p + {}], {count};", 4096 + 8 * depth));
        self.line(&format!("{label}: {{"));
        self.indent += 1;
        let mut inner = (*left).min(3 + self.rng.below(12));
        *left -= inner;
        self.statements(&mut inner, depth + 1);
        self.line(&format!("sub qword [p + {}], 1;", 4096 + 8 * depth));
        self.line(&format!("jnz continue {label};"));
        self.indent -= 1;
        self.line("}");
    }

    /// Whatever an undefined value is, it is the same before and after other statements.
    fn undefined(&mut self, left: &mut usize, depth: usize) {
        let to = self.gp();
        let is_vector = self.shape.vectors > 0 && self.rng.below(100) < 40;
        let class = if is_vector { self.vector_class() } else { "gp64" };
        self.line("{");
        self.indent += 1;
        self.line(&format!("let now: {class} = undefined;"));
        self.line(&format!("let before: {class} = now;"));
        let mut inner = (*left).min(self.rng.below(6));
        *left -= inner;
        self.statements(&mut inner, depth + 1);
        self.line(match class {
            "gp64" => "xor before, now;",
            "xmm" => "pxor before, now;",
            "ymm" => "vpxor before, before, now;",
            _ => "vpxord before, before, now;",
        });
        match class {
            "gp64" => self.line(&format!("add {to}, before;")),
            "xmm" => self.line(&format!("movq {to}, before;")),
            _ => self.line(&format!("vmovq {to}, before.xmm;")),
        }
        self.indent -= 1;
        self.line("}");
    }

    fn branch(&mut self, left: &mut usize, depth: usize) {
        let label = self.label();
        let (a, b) = (self.gp(), self.gp());
        self.line(&format!("cmp {a}, {b};"));
        let condition = self.condition();
        let keyword = if self.rng.below(100) < 50 {
            self.line(&format!("{label}: {{"));
            self.indent += 1;
            "break "
        } else {
            ""
        };
        self.line(&format!("j{condition} {keyword}{label};"));
        let mut inner = (*left).min(self.rng.below(6));
        *left -= inner;
        self.statements(&mut inner, depth + 1);
        if keyword.is_empty() {
            // A brace right after it would make it the name of a block.
            self.line(&format!("{label}: lea x0, [x0 + 1];"));
        } else {
            self.indent -= 1;
            self.line("}");
        }
    }

    fn condition(&mut self) -> &'static str {
        self.rng.pick(&["e", "ne", "b", "ae", "be", "a", "s", "ns", "l", "ge", "le", "g", "nz"])
    }

    fn gp(&mut self) -> String {
        format!("x{}", self.rng.below(self.shape.gp))
    }

    fn vector_name(&mut self) -> String {
        format!("v{}", self.rng.below(self.shape.vectors))
    }

    fn arithmetic(&mut self) {
        let (a, b, c) = (self.gp(), self.gp(), self.gp());
        let imm = self.rng.bits() as i32 >> self.rng.below(30);
        let shift = 1 + self.rng.below(31);
        let view = self.rng.pick(&["", ".gp32", ".gp16", ".gp8"]);
        let wide = self.rng.pick(&["", ".gp32"]);
        let op = self.rng.pick(&["add", "sub", "and", "or", "xor", "mov"]);
        let line = match self.rng.below(14) {
            0..4 => format!("{op} {a}{view}, {b}{view};"),
            4 => format!("{op} {a}{wide}, {imm};"),
            5 => format!("imul {a}{wide}, {b}{wide};"),
            6 => format!("lea {a}{wide}, [{b} + {c}*4 + {imm}];"),
            7 => format!("imul {a}{wide}, {b}{wide}, {imm};"),
            8 => {
                let op = self.rng.pick(&["shl", "shr", "sar", "rol", "ror"]);
                format!("{op} {a}{wide}, {shift};")
            }
            9 => format!("{} {a}{wide};", self.rng.pick(&["inc", "dec", "neg", "not", "bswap"])),
            10 => format!("popcnt {a}{wide}, {b}{wide};"),
            11 => format!("xchg {a}{wide}, {b}{wide};"),
            12 if self.shape.features != SSE => format!("andn {a}{wide}, {b}{wide}, {c}{wide};"),
            12 => format!("movsxd {a}, {b}.gp32;"),
            _ => format!("{a} = {b};"),
        };
        self.line(&line);
    }

    /// Instructions that require certain registers: temporaries are copied there and die at once.
    fn fixed(&mut self) {
        let (a, b, c) = (self.gp(), self.gp(), self.gp());
        let line = match self.rng.below(4) {
            0 => format!("{{ let n: gp64; mov n, {b}; shl {a}, n.gp8; }}"),
            1 => format!("mov rax, {a}; mul {b}; mov {c}, rdx; add {a}, rax;"),
            2 => format!(
                "xor edx, edx; mov rax, {a}; {{ let n: gp64; mov n, {b}; or n, 1; div n; }} mov {c}, rdx;"
            ),
            _ => format!(
                "{{ let n: gp64; mov n, {b}; ror {a}.gp32, n.gp8; }} mov rax, {c}; imul {a}; xor {c}, rdx;"
            ),
        };
        self.line(&line);
    }

    /// Second bytes, which only four registers have, and only without a REX prefix.
    fn high(&mut self) {
        let (a, b) = (self.rng.below(2), self.rng.below(2));
        let line = match self.rng.below(5) {
            0 => format!("add x{a}.gp8h, x{b}.gp8;"),
            1 => format!("mov x{a}.gp8h, x{b}.gp8h;"),
            2 => format!("movzx x{a}.gp32, x{b}.gp8h;"),
            3 => format!("mov x{a}.gp8h, {};", self.rng.below(128)),
            _ => format!("xchg x{a}.gp8, x{b}.gp8h;"),
        };
        self.line(&line);
    }

    /// A call, with an argument and a result.
    fn call(&mut self) {
        let (a, b) = (self.gp(), self.gp());
        let first = if self.shape.convention.name == WIN64.name { "rcx" } else { "rdi" };
        if self.shape.vectors > 0 {
            let vector = self.vector_name();
            // Not where results are: those would be kept for the next call.
            let to = 2 + self.rng.below(2);
            self.line(&format!("xmm{to} = {vector}.xmm;"));
        }
        self.line(&format!("mov {first}, {a}; mov rax, [p + {CALLEE}]; call rax; mov {b}, rax;"));
    }

    /// Whole vectors to and from the stack, which must be aligned.
    fn aligned(&mut self) {
        let (store, bytes) = match self.shape.features {
            SSE => ("movaps", 16),
            AVX2 => ("vmovdqa", 32),
            _ => ("vmovdqa32", 64),
        };
        if self.shape.align < bytes {
            return;
        }
        let (a, b) = (self.vector_name(), self.vector_name());
        let at = bytes * self.rng.below(64 / bytes);
        self.line(&format!("{store} [buf + {at}], {a}; {store} {b}, [buf + {at}];"));
    }

    fn mmx(&mut self) {
        let (a, b) = (self.rng.below(self.shape.mmx), self.rng.below(self.shape.mmx));
        let gp = self.gp();
        let line = match self.rng.below(5) {
            0 => format!("movq q{a}, {gp};"),
            1 => format!("movq {gp}, q{a};"),
            2 => format!("q{a} = q{b};"),
            3 => format!("pxor q{a}, q{b};"),
            _ => format!("paddd q{a}, q{b};"),
        };
        self.line(&line);
    }

    fn memory(&mut self) {
        let (a, b) = (self.gp(), self.gp());
        let slot = 8 * self.rng.below(8);
        let out = 2048 + 8 * self.rng.below(64);
        let line = match self.rng.below(7) {
            0 => format!("mov [buf + {slot}], {a};"),
            1 => format!("mov {a}, [buf + {slot}];"),
            2 => format!("add {a}, [buf + {slot}];"),
            3 => format!("mov [p + {out}], {a};"),
            4 => format!("mov dword [p + {out}], {a}.gp32; movzx {b}.gp32, byte [buf + {slot}];"),
            5 => format!("add {a}, u64({});", self.rng.bits() % 1_000_000_007),
            _ => format!("{a} = [buf + {slot}];"),
        };
        self.line(&line);
    }

    fn partial(&mut self) {
        let (a, b) = (self.gp(), self.gp());
        let line = match self.rng.below(5) {
            0 => format!("movzx {a}.gp32, {b}.gp8;"),
            1 => format!("movsx {a}, {b}.gp16;"),
            2 => format!("mov {a}.gp8, {};", self.rng.below(256) as u8 as i8),
            3 => format!("add {a}.gp16, {}; mov {b}.gp16, {a}.gp16;", self.rng.below(128)),
            _ => format!("{{ let t: gp64; mov t, {b}; mov t.gp8, t.gp8h; add {a}, t; }}"),
        };
        self.line(&line);
    }

    /// A comparison, perhaps something between that must not touch its flags, and a user of them.
    fn flags(&mut self) {
        let (a, b, c, d) = (self.gp(), self.gp(), self.gp(), self.gp());
        let condition = self.condition();
        let wide = self.rng.pick(&["", ".gp32", ".gp16"]);
        let compare = self.rng.pick(&["cmp", "test", "add", "sub"]);
        let between = match self.rng.below(4) {
            0 => format!("{d} = 0; "),
            1 => format!("{d} = {c}; "),
            2 => format!("lea {d}, [{c} + 9]; "),
            _ => String::new(),
        };
        let user = match self.rng.below(4) {
            0 => format!("set{condition} {c}.gp8;"),
            1 => format!("cmov{condition} {c}, {b};"),
            2 => format!("adc {c}, {b};"),
            _ => format!("sbb {c}, 5;"),
        };
        self.line(&format!("{compare} {a}{wide}, {b}{wide}; {between}{user}"));
    }

    fn push_pop(&mut self) {
        let (a, b) = (self.gp(), self.gp());
        let slot = 8 * self.rng.below(8);
        self.line(&format!("push {a}; mov {a}, [buf + {slot}]; add {a}, g; pop {b};"));
    }

    fn vector(&mut self) {
        let (a, b, c) = (self.vector_name(), self.vector_name(), self.vector_name());
        let op = self.rng.pick(&["paddd", "psubd", "paddq", "psubq", "pmuludq", "pmulld"]);
        let imm = self.rng.below(256);
        let gp = self.gp();
        let line = match (self.shape.features, self.rng.below(10)) {
            (SSE, 0) => format!("movss {a}, {b};"),
            (SSE, 1) => format!("pshufd {a}, {b}, {imm};"),
            (SSE, 2) => format!("movq {gp}, {a};"),
            (SSE, 3) => format!("movd {a}, {gp}.gp32;"),
            (SSE, 4) => format!("cvtsi2sd {a}, {gp};"),
            (SSE, 5) => format!("{{ let t: xmm = {c}; blendvps {a}, {b}, t; }}"),
            (SSE, 6) => format!("{a} = {b};"),
            (SSE, _) => format!("{op} {a}, {b};"),
            (AVX2, 0) => format!("vpshufd {a}, {b}, {imm};"),
            (AVX2, 1) => format!("vmovq {gp}, {a}.xmm;"),
            (AVX2, 2) => format!("vpaddd {a}.xmm, {b}.xmm, {c}.xmm;"),
            (AVX2, 3) => format!("vpxor {a}, {b}, {c};"),
            (AVX2, 4) => format!("{a} = {b};"),
            (AVX2, 5) => format!("vpaddd {a}, {b}, u32x8({imm});"),
            (AVX2, _) => format!("v{op} {a}, {b}, {c};"),
            (_, 0) => format!("vpshufd {a}, {b}, {imm};"),
            (_, 1) => format!("vmovq {gp}, {a}.xmm;"),
            (_, 2) => format!("vpaddd {a}.ymm, {b}.ymm, {c}.ymm;"),
            (_, 3) => format!("vpxord {a}, {b}, {c};"),
            (_, 4) => format!("{a} = {b};"),
            (_, 5) if self.shape.masks > 0 => {
                let zeroing = self.rng.pick(&["", "{z}"]);
                let mask = self.rng.below(self.shape.masks);
                format!("vpaddd {a}{{m{mask}}}{zeroing}, {b}, {c};")
            }
            _ => format!("v{op} {a}, {b}, {c};"),
        };
        self.line(&line);
    }

    fn mask(&mut self) {
        let name = |g: &mut Self| format!("m{}", g.rng.below(g.shape.masks));
        let (a, b, c) = (name(self), name(self), name(self));
        let gp = self.gp();
        let line = match self.rng.below(5) {
            0 => format!("kandd {a}, {b}, {c};"),
            1 => format!("kxorq {a}, {b}, {c};"),
            2 => format!("kaddw {a}, {b}, {c};"),
            3 => format!("kmovq {gp}, {a};"),
            _ => format!("{a} = {b};"),
        };
        self.line(&line);
    }

    /// Everything that is live goes to memory, where it can be compared.
    fn store_all(&mut self) {
        for n in 0..self.shape.gp {
            self.line(&format!("mov [p + {}], x{n};", 8 * n));
        }
        let (store, bytes) = match self.shape.features {
            SSE => ("movups", 16),
            AVX2 => ("vmovups", 32),
            _ => ("vmovups", 64),
        };
        for n in 0..self.shape.vectors {
            self.line(&format!("{store} [p + {}], v{n};", 5120 + bytes * n));
        }
        for n in 0..self.shape.masks {
            self.line(&format!("kmovq [p + {}], m{n};", 1024 + 8 * n));
        }
        for n in 0..self.shape.mmx {
            self.line(&format!("movq [p + {}], q{n};", 1536 + 8 * n));
        }
    }
}
