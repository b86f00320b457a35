//! Random plain kernels with loops: some of anything, some that are nearly right.

use peach_testing::Random;
use std::fmt::Write;

/// Registers that hold numbers.
const NUMBERS: [&str; 6] = ["a", "b", "i", "n", "x.len", "y.len"];
/// Registers that hold addresses, most of the time.
const POINTERS: [&str; 3] = ["x.ptr", "y.ptr", "p"];
const CONDITIONS: [&str; 12] =
    ["jb", "jae", "je", "jne", "jbe", "ja", "js", "jns", "jl", "jge", "jle", "jg"];

/// Writes a kernel.
pub struct Generator {
    pub random: Random,
    pub text: String,
    labels: u32,
}

impl Generator {
    /// A kernel that takes two slices of numbers and two numbers, and how many bytes a number of a
    /// slice has.
    pub fn kernel(seed: u64) -> (String, usize) {
        let mut generator = Generator { random: Random::new(seed), text: String::new(), labels: 0 };
        let size = match generator.random.below(4) {
            0 => {
                generator.small_kernel();
                1
            }
            _ => generator.shape_kernel(),
        };
        (generator.text, size)
    }

    fn small_kernel(&mut self) {
        self.text.push_str(
            "fn k(x: &[u8], y: &mut [u8], a: u64, b: u64) -> u64 {\n\
             let i: gp64 = 0; let n: gp64; let p: gp64; let t: gp64 = 0; mov n, x.len; mov p, x.ptr;\n",
        );
        for _ in 0..self.random.below(3) {
            self.statement(0);
        }
        match self.random.below(4) {
            0 => self.soup(),
            1 => self.counted(),
            2 => self.indexed(),
            _ => {
                self.counted();
                self.indexed();
            }
        }
        self.text.push_str("return t;\n}\n");
    }

    pub fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.text.write_fmt(line).expect("text");
        self.text.push('\n');
    }

    pub fn label(&mut self) -> u32 {
        self.labels += 1;
        self.labels
    }

    pub fn number(&mut self) -> &'static str {
        self.random.pick(&NUMBERS)
    }

    pub fn small(&mut self) -> u64 {
        [0, 1, 1, 2, 3, 4, 7, 8, 8, 15, 16, 31, 32, 255][self.random.below(14) as usize]
    }

    /// Anything, anywhere.
    fn soup(&mut self) {
        let head = self.label();
        let is_loop = self.random.one_in(2);
        if is_loop {
            self.line(format_args!("'l{head}:"));
        }
        for _ in 0..2 + self.random.below(6) {
            self.statement(0);
        }
        if is_loop {
            let (r, v) = (self.number(), self.number());
            let condition = self.random.pick(&CONDITIONS);
            self.line(format_args!("cmp {r}, {v}; {condition} 'l{head};"));
        }
    }

    /// A pointer that moves while a number goes down.
    fn counted(&mut self) {
        let (head, done) = (self.label(), self.label());
        let pointer = self.random.pick(&["x.ptr", "x.ptr", "p"]);
        let counter = self.random.pick(&["x.len", "n"]);
        let step = [1, 1, 2, 4, 8, 16][self.random.below(6) as usize];
        if step > 1 && self.random.one_in(2) {
            let bits = self.random.pick(&["1", "2", "3", "4"]);
            self.line(format_args!("shr {counter}, {bits}; jz 'l{done};"));
            self.line(format_args!("'l{head}:"));
            self.accesses(pointer, step);
            self.line(format_args!("add {pointer}, {step}; dec {counter}; jnz 'l{head};"));
        } else if step > 1 {
            let off = if self.random.one_in(6) { self.small() } else { step };
            let (enter, again) = (self.condition("jb"), self.condition("jae"));
            self.line(format_args!("sub {counter}, {off}; {enter} 'l{done};"));
            self.line(format_args!("'l{head}:"));
            self.accesses(pointer, step);
            self.line(format_args!(
                "add {pointer}, {step}; sub {counter}, {step}; {again} 'l{head};"
            ));
        } else {
            let enter = self.condition("jz");
            self.line(format_args!("test {counter}, {counter}; {enter} 'l{done};"));
            self.line(format_args!("'l{head}:"));
            self.accesses(pointer, 1);
            let again = self.condition("jnz");
            self.line(format_args!("inc {pointer}; dec {counter}; {again} 'l{head};"));
        }
        self.line(format_args!("'l{done}:"));
        if step > 1 && self.random.one_in(2) {
            let (one, end) = (self.label(), self.label());
            self.line(format_args!("add {counter}, {step}; jz 'l{end}; 'l{one}:"));
            self.accesses(pointer, 1);
            self.line(format_args!("inc {pointer}; dec {counter}; jnz 'l{one}; 'l{end}:"));
        }
    }

    /// Mostly `usual`.
    pub fn condition(&mut self, usual: &'static str) -> &'static str {
        if self.random.one_in(6) { self.random.pick(&CONDITIONS) } else { usual }
    }

    /// A number that goes up to a length.
    fn indexed(&mut self) {
        let (head, done) = (self.label(), self.label());
        let (slice, len) = [("x", "x.len"), ("y", "y.len"), ("x", "y.len"), ("p", "n")]
            [self.random.below(4) as usize];
        let pointer = if slice == "p" { "p".to_string() } else { format!("{slice}.ptr") };
        let index = self.random.pick(&["i", "a", "b"]);
        if self.random.one_in(3) {
            self.line(format_args!("mov n, x.len; cmp y.len, n; cmovb n, y.len;"));
        }
        if self.random.one_in(2) {
            let from = self.random.pick(&["0", "0", "1", "a"]);
            self.line(format_args!("mov {index}, {from};"));
        }
        let leave = self.condition("jae");
        self.line(format_args!("'l{head}: cmp {index}, {len}; {leave} 'l{done};"));
        if self.random.one_in(3) {
            self.statement(1);
        }
        let scale = if self.random.one_in(5) { 2 } else { 1 };
        let offset = if self.random.one_in(5) { self.small() as i64 - 4 } else { 0 };
        let place = format!("{pointer} + {scale}*{index} + {offset}");
        self.access(&place, 1, slice == "y");
        if self.random.one_in(6) {
            self.statement(1);
        }
        let step = if self.random.one_in(4) { self.small() } else { 1 };
        self.line(format_args!("add {index}, {step}; jmp 'l{head};"));
        self.line(format_args!("'l{done}:"));
    }

    /// Accesses to `step` bytes from a pointer on, or nearly.
    fn accesses(&mut self, pointer: &str, step: u64) {
        for _ in 0..1 + self.random.below(2) {
            let bytes = [1, 1, 2, 4, 8, 16][self.random.below(6) as usize].min(step);
            let last = step - bytes + u64::from(self.random.one_in(8));
            let offset = self.random.below(last + 1);
            self.access(&format!("{pointer} + {offset}"), bytes, false);
        }
    }

    fn access(&mut self, place: &str, bytes: u64, is_store: bool) {
        match (bytes, is_store && self.random.one_in(2)) {
            (1, true) => self.line(format_args!("mov byte [{place}], 1;")),
            (1, false) => self.line(format_args!("movzx t.gp32, byte [{place}];")),
            (2, _) => self.line(format_args!("movzx t.gp32, word [{place}];")),
            (4, _) => self.line(format_args!("mov t.gp32, [{place}];")),
            (8, _) => self.line(format_args!("mov t, [{place}];")),
            _ => self.line(format_args!("movups xmm1, [{place}];")),
        }
    }

    pub fn statement(&mut self, depth: u32) {
        let (r, s) = (self.number(), self.number());
        let v = self.small();
        match self.random.below(22) {
            0 => self.line(format_args!("add {r}, {s};")),
            1 => self.line(format_args!("sub {r}, {s};")),
            2 => self.line(format_args!("and {r}, {v};")),
            3 => self.line(format_args!("shr {r}, {};", v % 64)),
            4 => self.line(format_args!("shl {r}, {};", v % 64)),
            5 => self.line(format_args!("neg {r};")),
            6 => self.line(format_args!("lea {r}, [{s} + {v}];")),
            7 => self.line(format_args!("mov {r}.gp32, {s}.gp32;")),
            8 => self.line(format_args!("movzx {r}.gp32, {s}.gp8;")),
            9 => self.line(format_args!("movsx {r}, {s}.gp16;")),
            10 => self.line(format_args!("sub {r}.gp32, {v};")),
            11 => self.line(format_args!("add {r}.gp8, {v};")),
            12 => {
                let condition = self.random.pick(&CONDITIONS).trim_start_matches('j');
                self.line(format_args!("cmp {r}, {s}; cmov{condition} {r}, {s};"));
            }
            13 => self.line(format_args!("and {r}, -{};", v.max(1).next_power_of_two())),
            14 => self.line(format_args!("or {r}, {s};")),
            15 => self.line(format_args!("imul {r}, {s}, {v};")),
            16 => self.line(format_args!("push {r}; pop {s};")),
            17 => self.line(format_args!("xchg {r}, {s};")),
            18 => self.line(format_args!("mov {r}, {s};")),
            19 if depth == 0 => {
                let pointer = self.random.pick(&POINTERS);
                let from = self.random.pick(&POINTERS);
                self.line(format_args!("lea {pointer}, [{from} + {r}];"));
            }
            _ if depth == 0 => self.guarded(),
            _ => self.line(format_args!("inc {r};")),
        }
    }

    /// An access behind a comparison.
    fn guarded(&mut self) {
        let skip = self.label();
        let (r, len) = (self.number(), self.random.pick(&["x.len", "y.len", "n"]));
        let bits = self.random.pick(&["", "", "", ".gp32"]);
        let condition = self.condition("jae");
        let slice = if len == "y.len" { "y" } else { "x" };
        self.line(format_args!("cmp {r}{bits}, {len}{bits}; {condition} 'l{skip};"));
        if self.random.one_in(4) {
            self.statement(1);
        }
        let offset = if self.random.one_in(4) { self.small() as i64 - 4 } else { 0 };
        self.access(&format!("{slice}.ptr + {r} + {offset}"), 1, slice == "y");
        self.line(format_args!("'l{skip}:"));
    }
}
