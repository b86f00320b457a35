//! How long kernels take.

use crate::machine::{Harness, processor};
use crate::memory::{Callee, Circumstances};
use crate::signature::Signature;
use crate::subject::Code;
use crate::{Random, Settings, Subject};
use std::fmt;

/// The time that one version takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Time {
    /// The extensions of the version, or `fallback`.
    pub version: String,
    /// Ticks of the time-stamp counter for one call, the median of many.
    pub cycles: f64,
    /// The same for each byte of the longest argument, if one has bytes.
    pub per_byte: Option<f64>,
}

/// The times of all versions of a kernel; prints as a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Times {
    /// The kernel's name.
    pub kernel: String,
    /// The processor's name.
    pub processor: String,
    /// Bytes of the longest argument.
    pub bytes: usize,
    /// One for each version that runs here, and the fallback's.
    pub times: Vec<Time>,
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {} bytes, on {}", self.kernel, self.bytes, self.processor)?;
        write!(f, "{:<32}{:>12}{:>12}", "version", "cycles", "per byte")?;
        for time in &self.times {
            write!(f, "\n{:<32}{:>12.1}", time.version, time.cycles)?;
            if let Some(per_byte) = time.per_byte {
                write!(f, "{per_byte:>12.3}")?;
            }
        }
        Ok(())
    }
}

/// How many calls a median is of.
const CALLS: usize = 401;

/// Memory at the end of its pages, and clean upper halves.
const HOW: Circumstances = Circumstances { layout: 0, upper_halves: false };

/// Measures the versions and the fallback with the arguments of this seed.
pub(crate) fn run(signature: &Signature<'_>, subject: &Subject, seed: u64) -> Times {
    let mut random = Random::new(seed);
    // As in a test, where the layout comes first.
    random.bits();
    let drawn = (signature.draw)(&mut random);
    let bytes = drawn.bytes();
    let mut harness = Harness::new(Settings::default().timeout);
    let mut median = |code: &Code| {
        let mut call = |_| harness.call(Callee::Fallback(code), &drawn, &signature.results, HOW);
        let mut cycles: Vec<u64> = (0..CALLS).map(|number| call(number).cycles).collect();
        cycles.sort_unstable();
        cycles[CALLS / 2] as f64
    };
    let times = subject.codes.iter().chain(&subject.fallback).map(|code| {
        let empty = median(&Code { entry: nothing as *const (), len: 1, ..code.clone() });
        let cycles = (median(code) - empty).max(0.0);
        let per_byte = (bytes > 0).then(|| cycles / bytes as f64);
        Time { version: code.label.clone(), cycles, per_byte }
    });
    let times = times.collect();
    Times { kernel: subject.name.clone(), processor: processor(), bytes, times }
}

/// What is measured is that much more than this.
extern "C" fn nothing() {}
