//! Machine code with random bits changed: what a test of some hundred cases does not find, one of
//! many more does not find either.
//!
//! A mutant may do anything, so each runs in a process of its own. `PEACH_MUTANTS=N` says how many
//! of each kernel there are.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use peach_runtime::{Kernel, peach_fn};
use peach_test::{Arguments, OneArgument as _, Report, Settings, Subject, Summary};
use peach_testing::Random as SplitMix;
use peach_testing::executable::Executable;
use std::time::{Duration, Instant};

peach_fn! {
    /// Modulo 2^32.
    pub fn sum(x: &[u32]) -> u32 {
        let total, i: gp32 = 0;
        'next: {
            mov i, i;
            cmp i.gp64, x.len;
            jae break 'next;
            add total, [x.ptr + 4*i.gp64];
            inc i;
            jmp continue 'next;
        }
        return total;
    }

    /// Vectors and a tail.
    pub fn add(x: &[u32], y: &mut [u32]) {
        let n: gp64 = x.len;
        cmp n, y.len;
        cmova n, y.len;
        let i: gp64 = 0;
        let v, w: xmm;
        'four: {
            lea rax, [i + 4];
            cmp rax, n;
            ja break 'four;
            movdqu v, [x.ptr + 4*i];
            movdqu w, [y.ptr + 4*i];
            paddd v, w;
            movdqu [y.ptr + 4*i], v;
            mov i, rax;
            jmp continue 'four;
        }
        'one: {
            cmp i, n;
            jae break 'one;
            mov eax, [x.ptr + 4*i];
            add [y.ptr + 4*i], eax;
            inc i;
            jmp continue 'one;
        }
    }

    /// Rounded once or twice.
    pub fn mean(x: f64, y: f64) -> f64 {
        addsd x, y;
        mulsd x, f64(0.5);
        return x;
    }
}

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Survived,
    Found,
    /// Survived, but a longer test finds it.
    Missed,
    /// Ended its process.
    Died,
}

/// A test of given code, with so many cases and a seed.
type Test<'a> = &'a dyn Fn(&Subject, &Settings) -> Result<Summary, Box<Report>>;

fn settings(cases: usize, seed: u64) -> Settings {
    Settings { cases, seed, timeout: Duration::from_millis(300), ..Settings::default() }
}

/// Tests mutants of a kernel.
fn mutants<F: Copy>(kernel: &'static Kernel<F>, test: Test<'_>) {
    let code = kernel.code();
    let name = kernel.name();
    let (abi, subject) = (kernel.versions()[0].abi(), Subject::of(kernel));
    test(&subject, &settings(500, 1)).unwrap();
    let count = std::env::var("PEACH_MUTANTS").map_or(100, |count| count.parse().unwrap());
    let mut random = SplitMix::new(7);
    let mut fates = Vec::new();
    for number in 0..count {
        let mut mutant = code.to_vec();
        let bit = random.below(8 * code.len());
        mutant[bit / 8] ^= 1 << (bit % 8);
        // A process that makes system calls can do harm.
        let is_call = |pair: &[u8]| matches!(pair, [0x0F, 0x05 | 0x34] | [0xCD, _]);
        if mutant.windows(2).any(is_call) {
            continue;
        }
        let fate = in_a_process(|| {
            let executable = Executable::new(&mutant);
            let start = executable.start().cast();
            // SAFETY: nothing is known of a mutant, which is why the process is one of its own.
            let subject = unsafe { Subject::of_code(name, abi, start, mutant.len()) };
            match test(&subject, &settings(500, 1)) {
                Err(_) => Fate::Found,
                Ok(_) if test(&subject, &settings(3000, 1_000_000)).is_err() => Fate::Missed,
                Ok(_) => Fate::Survived,
            }
        });
        if fate != Fate::Found {
            println!("{name} {number}: {fate:?}, bit {bit}");
        }
        fates.push(fate);
    }
    let count = |fate| fates.iter().filter(|it| **it == fate).count();
    let [survived, found, missed, died] =
        [Fate::Survived, Fate::Found, Fate::Missed, Fate::Died].map(count);
    println!("{name}: {found} found, {survived} survived, {missed} missed, {died} died");
    assert!(missed == 0 && found > 3 * survived && 20 * died < fates.len(), "{name}: {fates:?}");
}

/// Runs `work` in a child process.
fn in_a_process(work: impl FnOnce() -> Fate) -> Fate {
    // SAFETY: the child only runs `work`, and no destructors.
    unsafe {
        let child = libc::fork();
        assert!(child >= 0);
        if child == 0 {
            // Quiet.
            libc::close(2);
            libc::_exit(work() as i32);
        }
        let (mut status, start) = (0, Instant::now());
        while libc::waitpid(child, &mut status, libc::WNOHANG) == 0 {
            if start.elapsed() > Duration::from_secs(60) {
                libc::kill(child, libc::SIGKILL);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        match libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)) {
            Some(0) => Fate::Survived,
            Some(1) => Fate::Found,
            Some(2) => Fate::Missed,
            _ => Fate::Died,
        }
    }
}

/// One after the other: a process that starts while another thread is in a call has no such thread.
#[test]
fn what_is_not_found_cannot_be_found() {
    of_a_loop();
    of_vectors();
    of_floats();
}

fn of_a_loop() {
    fn plainly(x: &[u32]) -> u32 {
        x.iter().fold(0, |sum, x| sum.wrapping_add(*x))
    }
    mutants(&sum::KERNEL, &|subject, settings| {
        let arguments = Arguments::new(|random: &mut peach_test::Random| random.vec::<u32>(0..40));
        arguments.check(plainly, Some(plainly), subject, settings)
    });
}

fn of_vectors() {
    fn plainly(x: &[u32], y: &mut [u32]) {
        x.iter().zip(y).for_each(|(x, y)| *y = y.wrapping_add(*x));
    }
    mutants(&add::KERNEL, &|subject, settings| {
        let arguments = Arguments::new(|random: &mut peach_test::Random| {
            (random.vec::<u32>(0..20), random.vec::<u32>(0..20))
        });
        arguments.check(plainly, Some(plainly), subject, settings)
    });
}

fn of_floats() {
    fn plainly(x: f64, y: f64) -> f64 {
        (x + y) * 0.5
    }
    mutants(&mean::KERNEL, &|subject, settings| {
        let arguments =
            Arguments::new(|random: &mut peach_test::Random| (random.any(), random.any()));
        arguments.check(plainly, Some(plainly), subject, settings)
    });
}
