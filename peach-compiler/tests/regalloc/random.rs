//! Random kernels with as many values live as there are registers, a few less or a few more: nested
//! loops, fixed operands, arguments on the stack, both kinds of registers.

use peach_testing::Random;
use std::fmt::Write;

/// A kernel as lines for [`Builder`](crate::build::Builder).
pub struct Kernel {
    /// 64-bit integer arguments: `p0` is an address, the others are numbers.
    pub args: usize,
    /// The lines.
    pub text: String,
}

struct Generator {
    random: Random,
    text: String,
    /// Values that are set and may be used.
    values: Vec<String>,
    vectors: Vec<String>,
    /// Values that exist already where the innermost loop starts: only these may be read before
    /// they are written in it.
    names: usize,
    labels: usize,
}

/// The kernel of this number.
pub fn kernel(number: u64) -> Kernel {
    let mut generator = Generator {
        random: Random::new(number),
        text: String::new(),
        values: Vec::new(),
        vectors: Vec::new(),
        names: 0,
        labels: 0,
    };
    let args = 1 + generator.below(9);
    generator.values.extend((1..args).map(|n| format!("p{n}")));
    let count = 3 + generator.below(8);
    let vectors = generator.below(18);
    for _ in 0..count {
        generator.new_value();
    }
    for n in 0..vectors {
        generator.line(format!("vmovups x{n}, [p0+{}]", 16 * n));
        generator.vectors.push(format!("x{n}"));
    }
    let depth = generator.below(4);
    generator.body(depth);
    generator.finish();
    Kernel { args, text: generator.text }
}

impl Generator {
    fn below(&mut self, limit: usize) -> usize {
        self.random.below(limit)
    }

    fn line(&mut self, line: String) {
        let _ = writeln!(self.text, "{line}");
    }

    fn any(&mut self) -> String {
        let index = self.below(self.values.len());
        self.values[index].clone()
    }

    fn any_vector(&mut self) -> String {
        let index = self.below(self.vectors.len());
        self.vectors[index].clone()
    }

    fn new_value(&mut self) {
        let name = format!("v{}", self.names);
        self.names += 1;
        match self.below(3) {
            0 if !self.values.is_empty() => {
                let source = self.any();
                self.line(format!("copy {name}, {source}"));
            }
            1 => {
                let offset = 8 * self.below(16);
                self.line(format!("mov {name}, [p0+{offset}]"));
            }
            _ => {
                let number = self.below(1000);
                self.line(format!("mov {name}, ${number}"));
            }
        }
        self.values.push(name);
    }

    fn body(&mut self, depth: usize) {
        for _ in 0..3 + self.below(12) {
            self.step();
        }
        if depth > 0 {
            let label = self.labels;
            self.labels += 1;
            let counter = format!("c{label}");
            self.line(format!("mov {counter}, $3"));
            self.line(format!("l{label}:"));
            let outside = self.values.clone();
            self.body(depth - 1);
            // What is born in the loop dies in it, unless it is carried out of it.
            if self.below(2) == 0 {
                self.values = outside;
            }
            self.line(format!("dec {counter}"));
            self.line(format!("jnz @l{label}"));
        }
        for _ in 0..self.below(6) {
            self.step();
        }
    }

    fn step(&mut self) {
        if self.values.is_empty() {
            self.new_value();
        }
        let (a, b) = (self.any(), self.any());
        match self.below(16) {
            0..3 => self.line(format!("add {a}, {b}")),
            3 => self.line(format!("imul {a}, {b}")),
            4 => self.line(format!("xor {a}.gp32, {b}.gp32")),
            5 => self.line(format!("lea {a}, [{b}+{b}*4+7]")),
            6 => self.fixed(&a, &b),
            7 => self.new_value(),
            8 => {
                let offset = 8 * self.below(16);
                self.line(format!("add {a}, [p0+{offset}]"));
            }
            9 => {
                let offset = 8 * self.below(16);
                self.line(format!("mov [p0+{offset}], {a}"));
            }
            10 => {
                // A value dies: nothing names it any more.
                if self.values.len() > 4 {
                    let index = self.below(self.values.len());
                    self.values.remove(index);
                }
            }
            11 => self.line(format!("movzx {a}.gp32, {b}.gp8")),
            12 => self.line(format!("test {a}, {b}\nsetz {a}.gp8")),
            _ if self.vectors.is_empty() => {}
            _ => self.vector_step(),
        }
    }

    fn vector_step(&mut self) {
        let (a, b, c) = (self.any_vector(), self.any_vector(), self.any_vector());
        match self.below(4) {
            0 => self.line(format!("vpaddd {a}, {b}, {c}")),
            1 => self.line(format!("vpxor {a}, {b}, {c}")),
            2 => self.line(format!("copy {a}, {b}")),
            _ => {
                let offset = 16 * self.below(8);
                self.line(format!("vpaddd {a}, {b}, [p0+{offset}]"));
            }
        }
    }

    /// Instructions with a register of their own.
    fn fixed(&mut self, a: &str, b: &str) {
        let label = self.names;
        match self.below(4) {
            0 => {
                self.names += 1;
                self.line(format!("mov b{label}, {b}.gp8\nshl {a}, b{label}"));
            }
            1 => self.line(format!("mov rax, {a}\nmul {b}\nadd {a}, rdx")),
            2 => self.line(format!("mov rcx, {b}\nror {a}, cl")),
            _ => self.line(format!("mov rax, {a}\ncqo\nxor {a}, rdx")),
        }
    }

    /// Every value that is left is used, so that all are live until here.
    fn finish(&mut self) {
        self.line("copy result, p0".into());
        for value in self.values.clone() {
            self.line(format!("add result, {value}"));
        }
        for (n, vector) in self.vectors.clone().iter().enumerate() {
            self.line(format!("vmovups [p0+{}], {vector}", 16 * n));
        }
        self.line("return result".into());
    }
}
