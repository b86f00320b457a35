//! Every accepted shape of loop does what plain Rust does, and touches nothing else.
//!
//! The shapes are those of the compiler's tests, `proof/shapes`. Each runs under both conventions
//! on slices that end, and on slices that begin, beside memory that can neither be read nor
//! written, for every length from 0 to 300 and some odd ones. What lies outside of the slices, as far as it
//! can be touched, has a pattern and is compared.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[path = "../peach-compiler/tests/proof/table.rs"]
mod table;

use peach_runtime::jit;
use peach_testing::guarded::Guarded;
use peach_testing::processor;
use table::{Shape, shapes};

type SysV = unsafe extern "sysv64" fn(*const u8, usize, *mut u8, usize, u64, u64) -> u64;
type Win = unsafe extern "win64" fn(*const u8, usize, *mut u8, usize, u64, u64) -> u64;

#[test]
fn every_shape_does_what_it_should_and_no_more() {
    let mut wrong = String::new();
    let (mut count, mut left_out) = (0, 0);
    for shape in shapes() {
        let text = |abi| shape.kernel(abi, &shape.body);
        let (sysv, win) =
            (jit::compile::<SysV>(&text("sysv64")), jit::compile::<Win>(&text("win64")));
        if !processor::runs(sysv.as_ref().map(|_| ())) {
            left_out += 1;
            continue;
        }
        let (sysv, win) = (sysv.expect("it runs"), win.expect("it runs"));
        // SAFETY: called in another process, in case that the proof is wrong.
        let end = in_a_process(|| unsafe {
            let (sysv, win) = (sysv.pointer(), win.pointer());
            run(&shape, |x, n, y, m, a, b| sysv(x, n, y, m, a, b))
                && run(&shape, |x, n, y, m, a, b| win(x, n, y, m, a, b))
        });
        if let Err(why) = end {
            wrong += &format!("{} {}: {why}\n", shape.function, shape.name);
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{wrong}");
    println!("{count} shapes ran, {left_out} did not");
}

/// Whether all runs of a kernel agree with plain Rust.
fn run(shape: &Shape, kernel: impl Fn(*const u8, usize, *mut u8, usize, u64, u64) -> u64) -> bool {
    let size = shape.element_bytes();
    let (mut left, mut right) = (Guarded::new(), Guarded::new());
    for len in (0..=300).chain([333, 448, 509, 510, 511]) {
        for (round, other) in [len, (len * 7 + 3) % 301, len + 1].into_iter().enumerate() {
            let x = content(shape, len, round);
            let y = content(shape, other.min(511), if round == 0 { 0 } else { round + 1 });
            for (a, at_end) in operands(&x, len, round) {
                let b = a.wrapping_mul(5).wrapping_add(1);
                let (p, q) = (left.place(&x, at_end), right.place(&y, at_end));
                let result = kernel(p, len, q, y.len() / size, a, b);
                let mut after = y.clone();
                let expected = reference(shape.function, size, &x, &mut after, a);
                let is_right = result == expected
                    && left.content(x.len(), at_end) == x
                    && right.content(y.len(), at_end) == after
                    && left.is_intact(x.len(), at_end)
                    && right.is_intact(y.len(), at_end);
                if !is_right {
                    eprintln!("lengths {len}, {other}, a = {a}: {result}, not {expected}");
                    return false;
                }
            }
        }
    }
    true
}

/// Numbers to look for, and which page's end the slices are at.
fn operands(x: &[u8], len: usize, round: usize) -> [(u64, bool); 2] {
    let byte = x.get(len / 2).copied().unwrap_or(7);
    match round {
        0 => [(byte.into(), true), (u64::from(byte) + 1, false)],
        1 => [((len as u64).wrapping_sub(1), true), (len as u64, false)],
        _ => [(1 << 33, false), (u64::MAX / 5, true)],
    }
}

/// The bytes of a slice.
fn content(shape: &Shape, len: usize, seed: usize) -> Vec<u8> {
    let element = |index: usize| -> Vec<u8> {
        let number = (index * 37 + seed * 11 + 3) % 251;
        match (shape.element(), shape.function) {
            (_, "lower64") => (3 * index as u64).to_le_bytes().to_vec(),
            ("f32", _) => (number as f32 / 3.0).to_le_bytes().to_vec(),
            ("f64", _) => (number as f64 / 3.0).to_le_bytes().to_vec(),
            // Some are 0.
            (_, "pack32") => (number as u32 % 3 * 0x0101_0001).to_le_bytes().to_vec(),
            ("u8", _) => vec![number as u8],
            ("u16", _) => (number as u16 * 257).to_le_bytes().to_vec(),
            ("u32", _) => (number as u32 * 0x0101_0101).to_le_bytes().to_vec(),
            _ => (number as u64 * 0x0101_0101_0101_0101).to_le_bytes().to_vec(),
        }
    };
    (0..len).flat_map(element).collect()
}

/// The same in plain Rust.
fn reference(function: &str, size: usize, x: &[u8], y: &mut [u8], a: u64) -> u64 {
    let name = function.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = |bytes: &[u8]| {
        let mut all = [0; 8];
        all[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(all)
    };
    let mut numbers = x.chunks(size).map(number);
    let least = x.len().min(y.len());
    match name {
        "sum" => numbers.fold(0, u64::wrapping_add),
        "use" => 0,
        "len" => numbers.len() as u64,
        "get" => numbers.nth(a.try_into().unwrap_or(usize::MAX)).unwrap_or(0),
        "lower" => numbers.filter(|number| *number < a).count() as u64,
        "find" => x.iter().position(|byte| *byte == a as u8).unwrap_or(x.len()) as u64,
        "same" => u64::from(x[..least] == y[..least]),
        "copy" => {
            y[..least].copy_from_slice(&x[..least]);
            0
        }
        "fill" => {
            y.fill(a as u8);
            0
        }
        "inc" => {
            for element in y.chunks_mut(size) {
                let next = number(element).wrapping_add(1);
                element.copy_from_slice(&next.to_le_bytes()[..size]);
            }
            0
        }
        "rev" => {
            let all: Vec<u8> = y.chunks(size).rev().flatten().copied().collect();
            y.copy_from_slice(&all);
            0
        }
        "addf" => {
            for (sum, more) in y.chunks_mut(size).zip(x.chunks(size)) {
                add(sum, more);
            }
            0
        }
        "pack" => {
            let kept: Vec<&[u8]> = x.chunks(size).filter(|bytes| number(bytes) != 0).collect();
            if y.len() < x.len() {
                return 0;
            }
            y[..kept.len() * size].copy_from_slice(&kept.concat());
            kept.len() as u64
        }
        _ => panic!("`{function}` is not known here"),
    }
}

fn add(sum: &mut [u8], more: &[u8]) {
    let floats = (<[u8; 4]>::try_from(&*sum), <[u8; 4]>::try_from(more));
    let doubles = (<[u8; 8]>::try_from(&*sum), <[u8; 8]>::try_from(more));
    if let (Ok(a), Ok(b)) = floats {
        sum.copy_from_slice(&(f32::from_le_bytes(a) + f32::from_le_bytes(b)).to_le_bytes());
    } else if let (Ok(a), Ok(b)) = doubles {
        sum.copy_from_slice(&(f64::from_le_bytes(a) + f64::from_le_bytes(b)).to_le_bytes());
    }
}

/// Runs something in a process of its own, which it may kill.
fn in_a_process(work: impl FnOnce() -> bool) -> Result<(), String> {
    // SAFETY: the child works and leaves.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::alarm(60);
            libc::_exit(i32::from(!work()));
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
        match (libc::WIFSIGNALED(status), libc::WTERMSIG(status), libc::WEXITSTATUS(status)) {
            (true, libc::SIGALRM, _) => Err("it does not end".to_string()),
            (true, signal, _) => Err(format!("signal {signal}")),
            (false, _, 0) => Ok(()),
            (false, ..) => Err("it does something else".to_string()),
        }
    }
}
