//! Random loops in plain code: whatever is accepted stays inside of its slices.
//!
//! Each kernel that the compiler accepts runs on slices that end, and on slices that begin, beside
//! memory that can neither be read nor written, for lengths from 0 on and for numbers at all corners.
//! A kernel that touches what it must not is killed, and with it the process that it runs in; one that
//! does not come back is stopped. What lies outside of the slices, as far as it can be touched, has a
//! pattern and is compared. `PEACH_RANDOM_LOOPS=N` sets how many kernels there are, `PEACH_SEED=S`
//! prints and runs the one with that seed alone.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use peach_runtime::jit;
use std::fmt::Write;

type Kernel = unsafe extern "C" fn(*const u8, usize, *mut u8, usize, u64, u64) -> u64;

/// Steele, Lea, Flood: SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}

/// Registers that hold numbers.
const NUMBERS: [&str; 6] = ["a", "b", "i", "n", "x.len", "y.len"];
/// Registers that hold addresses, most of the time.
const POINTERS: [&str; 3] = ["x.ptr", "y.ptr", "p"];
const CONDITIONS: [&str; 12] =
    ["jb", "jae", "je", "jne", "jbe", "ja", "js", "jns", "jl", "jge", "jle", "jg"];

struct Generator {
    random: Random,
    text: String,
    labels: u32,
}

impl Generator {
    fn kernel(seed: u64) -> String {
        let mut generator = Generator { random: Random(seed), text: String::new(), labels: 0 };
        generator.text.push_str(
            "fn k(x: &[u8], y: &mut [u8], a: u64, b: u64) -> u64 {\n\
             let i: gp64 = 0; let n: gp64; let p: gp64; let t: gp64 = 0; mov n, x.len; mov p, x.ptr;\n",
        );
        for _ in 0..generator.random.below(3) {
            generator.statement(0);
        }
        match generator.random.below(4) {
            0 => generator.soup(),
            1 => generator.counted(),
            2 => generator.indexed(),
            _ => {
                generator.counted();
                generator.indexed();
            }
        }
        generator.text.push_str("return t;\n}\n");
        generator.text
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.text.write_fmt(line).expect("text");
        self.text.push('\n');
    }

    fn label(&mut self) -> u32 {
        self.labels += 1;
        self.labels
    }

    fn number(&mut self) -> &'static str {
        self.random.one(&NUMBERS)
    }

    fn small(&mut self) -> u64 {
        [0, 1, 1, 2, 3, 4, 7, 8, 8, 15, 16, 31, 32, 255][self.random.below(14) as usize]
    }

    /// Anything, anywhere.
    fn soup(&mut self) {
        let head = self.label();
        let is_loop = self.random.chance(2);
        if is_loop {
            self.line(format_args!("'l{head}:"));
        }
        for _ in 0..2 + self.random.below(6) {
            self.statement(0);
        }
        if is_loop {
            let (r, v) = (self.number(), self.number());
            let condition = self.random.one(&CONDITIONS);
            self.line(format_args!("cmp {r}, {v}; {condition} 'l{head};"));
        }
    }

    /// A pointer that moves while a number goes down.
    fn counted(&mut self) {
        let (head, done) = (self.label(), self.label());
        let pointer = self.random.one(&["x.ptr", "x.ptr", "p"]);
        let counter = self.random.one(&["x.len", "n"]);
        let step = [1, 1, 2, 4, 8, 16][self.random.below(6) as usize];
        if step > 1 && self.random.chance(2) {
            let bits = self.random.one(&["1", "2", "3", "4"]);
            self.line(format_args!("shr {counter}, {bits}; jz 'l{done};"));
            self.line(format_args!("'l{head}:"));
            self.accesses(pointer, step);
            self.line(format_args!("add {pointer}, {step}; dec {counter}; jnz 'l{head};"));
        } else if step > 1 {
            let off = if self.random.chance(6) { self.small() } else { step };
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
        if step > 1 && self.random.chance(2) {
            let (one, end) = (self.label(), self.label());
            self.line(format_args!("add {counter}, {step}; jz 'l{end}; 'l{one}:"));
            self.accesses(pointer, 1);
            self.line(format_args!("inc {pointer}; dec {counter}; jnz 'l{one}; 'l{end}:"));
        }
    }

    /// Mostly `usual`.
    fn condition(&mut self, usual: &'static str) -> &'static str {
        if self.random.chance(6) { self.random.one(&CONDITIONS) } else { usual }
    }

    /// A number that goes up to a length.
    fn indexed(&mut self) {
        let (head, done) = (self.label(), self.label());
        let (slice, len) = [("x", "x.len"), ("y", "y.len"), ("x", "y.len"), ("p", "n")]
            [self.random.below(4) as usize];
        let pointer = if slice == "p" { "p".to_string() } else { format!("{slice}.ptr") };
        let index = self.random.one(&["i", "a", "b"]);
        if self.random.chance(3) {
            self.line(format_args!("mov n, x.len; cmp y.len, n; cmovb n, y.len;"));
        }
        if self.random.chance(2) {
            let from = self.random.one(&["0", "0", "1", "a"]);
            self.line(format_args!("mov {index}, {from};"));
        }
        let leave = self.condition("jae");
        self.line(format_args!("'l{head}: cmp {index}, {len}; {leave} 'l{done};"));
        if self.random.chance(3) {
            self.statement(1);
        }
        let scale = if self.random.chance(5) { 2 } else { 1 };
        let offset = if self.random.chance(5) { self.small() as i64 - 4 } else { 0 };
        let place = format!("{pointer} + {scale}*{index} + {offset}");
        self.access(&place, 1, slice == "y");
        if self.random.chance(6) {
            self.statement(1);
        }
        let step = if self.random.chance(4) { self.small() } else { 1 };
        self.line(format_args!("add {index}, {step}; jmp 'l{head};"));
        self.line(format_args!("'l{done}:"));
    }

    /// Accesses to `step` bytes from a pointer on, or nearly.
    fn accesses(&mut self, pointer: &str, step: u64) {
        for _ in 0..1 + self.random.below(2) {
            let bytes = [1, 1, 2, 4, 8, 16][self.random.below(6) as usize].min(step);
            let last = step - bytes + u64::from(self.random.chance(8));
            let offset = self.random.below(last + 1);
            self.access(&format!("{pointer} + {offset}"), bytes, false);
        }
    }

    fn access(&mut self, place: &str, bytes: u64, is_store: bool) {
        match (bytes, is_store && self.random.chance(2)) {
            (1, true) => self.line(format_args!("mov byte [{place}], 1;")),
            (1, false) => self.line(format_args!("movzx t.gp32, byte [{place}];")),
            (2, _) => self.line(format_args!("movzx t.gp32, word [{place}];")),
            (4, _) => self.line(format_args!("mov t.gp32, [{place}];")),
            (8, _) => self.line(format_args!("mov t, [{place}];")),
            _ => self.line(format_args!("movups xmm1, [{place}];")),
        }
    }

    fn statement(&mut self, depth: u32) {
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
                let condition = self.random.one(&CONDITIONS).trim_start_matches('j');
                self.line(format_args!("cmp {r}, {s}; cmov{condition} {r}, {s};"));
            }
            13 => self.line(format_args!("and {r}, -{};", v.max(1).next_power_of_two())),
            14 => self.line(format_args!("or {r}, {s};")),
            15 => self.line(format_args!("imul {r}, {s}, {v};")),
            16 => self.line(format_args!("push {r}; pop {s};")),
            17 => self.line(format_args!("xchg {r}, {s};")),
            18 => self.line(format_args!("mov {r}, {s};")),
            19 if depth == 0 => {
                let pointer = self.random.one(&POINTERS);
                let from = self.random.one(&POINTERS);
                self.line(format_args!("lea {pointer}, [{from} + {r}];"));
            }
            _ if depth == 0 => self.guarded(),
            _ => self.line(format_args!("inc {r};")),
        }
    }

    /// An access behind a comparison.
    fn guarded(&mut self) {
        let skip = self.label();
        let (r, len) = (self.number(), self.random.one(&["x.len", "y.len", "n"]));
        let bits = self.random.one(&["", "", "", ".gp32"]);
        let condition = self.condition("jae");
        let slice = if len == "y.len" { "y" } else { "x" };
        self.line(format_args!("cmp {r}{bits}, {len}{bits}; {condition} 'l{skip};"));
        if self.random.chance(4) {
            self.statement(1);
        }
        let offset = if self.random.chance(4) { self.small() as i64 - 4 } else { 0 };
        self.access(&format!("{slice}.ptr + {r} + {offset}"), 1, slice == "y");
        self.line(format_args!("'l{skip}:"));
    }
}

/// Memory between two pages that cannot be touched.
struct Guarded {
    start: *mut u8,
}

const PAGE: usize = 4096;

impl Guarded {
    fn new() -> Guarded {
        // SAFETY: a fresh mapping, of which the middle is made accessible.
        let start = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let all = libc::mmap(std::ptr::null_mut(), 3 * PAGE, libc::PROT_NONE, flags, -1, 0);
            assert_ne!(all, libc::MAP_FAILED);
            let middle = all.cast::<u8>().add(PAGE);
            let access = libc::PROT_READ | libc::PROT_WRITE;
            assert_eq!(libc::mprotect(middle.cast(), PAGE, access), 0);
            middle
        };
        Guarded { start }
    }

    /// `len` bytes at the end or the start of the page, whose other bytes get a pattern.
    fn slice(&self, len: usize, at_end: bool) -> *mut u8 {
        // SAFETY: the page is ours.
        unsafe {
            std::ptr::write_bytes(self.start, 0xA5, PAGE);
            let slice = if at_end { self.start.add(PAGE - len) } else { self.start };
            for index in 0..len {
                *slice.add(index) = (index * 37 + len) as u8;
            }
            slice
        }
    }

    /// Whether the pattern outside of the slice is as it was.
    fn is_intact(&self, len: usize, at_end: bool) -> bool {
        let outside = if at_end { 0..PAGE - len } else { len..PAGE };
        // SAFETY: the page is ours.
        outside.into_iter().all(|index| unsafe { *self.start.add(index) == 0xA5 })
    }
}

const LENGTHS: [usize; 14] = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 40, 300];

fn corners(len: usize) -> [u64; 10] {
    let len = len as u64;
    [0, 1, len.wrapping_sub(1), len, len + 1, 7, 1 << 31, u64::from(u32::MAX), 1 << 63, u64::MAX]
}

/// Runs a kernel on everything; in a process of its own.
fn run_all(kernel: Kernel) -> bool {
    let (x, y) = (Guarded::new(), Guarded::new());
    for (round, &len) in LENGTHS.iter().enumerate() {
        let other = LENGTHS[(round * 5 + 3) % LENGTHS.len()];
        for (number, &a) in corners(len).iter().enumerate() {
            for at_end in [true, false] {
                let b = corners(other)[(number * 3 + round) % 10];
                let (p, q) = (x.slice(len, at_end), y.slice(other, at_end));
                // SAFETY: that is what is to be shown.
                unsafe { kernel(p, len, q, other, a, b) };
                if !x.is_intact(len, at_end) || !y.is_intact(other, at_end) {
                    return false;
                }
            }
        }
    }
    true
}

/// How a process that ran a kernel ended.
#[derive(Debug, PartialEq)]
enum End {
    Harmless,
    Endless,
    Harmful(i32),
}

fn in_a_process(kernel: Kernel) -> End {
    // SAFETY: the child calls the kernel and leaves.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            let limit = libc::itimerval {
                it_interval: std::mem::zeroed(),
                it_value: libc::timeval { tv_sec: 0, tv_usec: 200_000 },
            };
            libc::setitimer(libc::ITIMER_REAL, &raw const limit, std::ptr::null_mut());
            let harmless = run_all(kernel);
            libc::_exit(i32::from(!harmless));
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
        match (libc::WIFSIGNALED(status), libc::WTERMSIG(status)) {
            (true, libc::SIGALRM) => End::Endless,
            (true, signal) => End::Harmful(signal),
            _ if status != 0 => End::Harmful(0),
            _ => End::Harmless,
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn accepted_loops_stay_inside() {
    let (first, count) = match number("PEACH_SEED") {
        Some(seed) => (seed, 1),
        None => (1, number("PEACH_RANDOM_LOOPS").unwrap_or(150)),
    };
    let (mut accepted, mut refused, mut endless) = (0, 0, 0);
    for seed in first..first + count {
        let text = Generator::kernel(seed);
        if count == 1 {
            println!("{text}");
        }
        let function = match jit::compile::<Kernel>(&text) {
            Ok(function) => function,
            Err(error) => {
                let error = error.to_string();
                assert!(
                    error.contains("E0501") || error.contains("E0502"),
                    "{seed}: {text}\n{error}"
                );
                refused += 1;
                continue;
            }
        };
        accepted += 1;
        // SAFETY: it is called in another process.
        match in_a_process(unsafe { function.pointer() }) {
            End::Harmless => {}
            End::Endless => endless += 1,
            End::Harmful(signal) => panic!("seed {seed}, signal {signal}:\n{text}"),
        }
    }
    println!("{accepted} accepted, of which {endless} do not end; {refused} refused");
    assert!(count == 1 || accepted * 5 >= count, "only {accepted} of {count} are accepted");
}
