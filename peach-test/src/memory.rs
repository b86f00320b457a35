//! The memory of the arguments of a call, and what a call is found to do.

use crate::guarded::Guarded;
use crate::report::Damage;
use crate::signature::Drawn;
use crate::splitmix::SplitMix;
use crate::subject::Code;

/// What is called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Callee<'a> {
    Rust(Rust),
    /// Code of Rust's compiler, which counts on what its callers do.
    Fallback(&'a Code),
    Version(&'a Code),
}

/// The Rust functions of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rust {
    /// The kernel's own function.
    Function,
    /// What it is compared with.
    Reference,
}

/// How a call is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    /// Where memory is, and what unused registers hold; 0 is the simplest.
    pub(crate) layout: u64,
    /// Whether upper halves have to be clean at the return.
    pub(crate) upper_halves: bool,
}

impl Circumstances {
    /// A random number, always the same for the same layout.
    pub(crate) fn random(self, number: usize) -> u64 {
        SplitMix::new(self.layout ^ (number as u64) << 32).bits()
    }

    fn of_argument(self, argument: usize) -> u64 {
        if self.layout == 0 { 0 } else { self.random(argument) }
    }
}

/// What a call left.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) damage: Vec<Damage>,
    /// Empty where the call did not return.
    pub(crate) result: Vec<u8>,
    /// The memory of each argument.
    pub(crate) memory: Vec<Vec<u8>>,
    pub(crate) cycles: u64,
}

/// The memory of each argument of a call.
#[derive(Debug, Default)]
pub(crate) struct Regions(Vec<Guarded>);

impl Regions {
    /// Puts what arguments refer to into memory; gives the addresses.
    pub(crate) fn put(&mut self, drawn: &Drawn, how: Circumstances) -> Vec<*mut u8> {
        let memory = |index: usize| drawn.arguments[index].memory.as_ref();
        let parts = (0..drawn.arguments.len()).map(|index| {
            memory(index).map_or((&[][..], 1), |memory| (memory.bytes.as_slice(), memory.align))
        });
        let place = |(index, (bytes, align)): (usize, (&[u8], usize))| {
            self.region(index, bytes.len()).place(bytes, align, how.of_argument(index))
        };
        parts.enumerate().map(place).collect()
    }

    /// The region of an argument, in which so many bytes fit.
    fn region(&mut self, index: usize, len: usize) -> &mut Guarded {
        if index == self.0.len() {
            self.0.push(Guarded::new(len));
        } else if !self.0[index].fits(len) {
            self.0[index] = Guarded::new(len);
        }
        &mut self.0[index]
    }

    /// The regions of the arguments, which may be fewer than those of an earlier call.
    pub(crate) fn of<'a>(&'a self, drawn: &Drawn) -> impl Iterator<Item = &'a Guarded> {
        self.0.iter().take(drawn.arguments.len())
    }

    /// What is in the memory of each argument now, and what was written around it.
    pub(crate) fn observe(&self, drawn: &Drawn) -> Observed {
        let outside = self.of(drawn).enumerate().filter_map(|(argument, region)| {
            let offset = region.written_outside()?;
            Some(Damage::Outside { argument, offset, len: region.content().len() })
        });
        let memory = self.of(drawn).map(|region| region.content().to_vec()).collect();
        Observed { damage: outside.collect(), result: Vec::new(), memory, cycles: 0 }
    }

    /// Where each argument is, in words, where that is of interest.
    pub(crate) fn describe(&self, drawn: &Drawn) -> Vec<String> {
        let describe = |(region, argument): (&Guarded, &crate::signature::Given)| {
            argument.memory.as_ref().map(|_| region.describe()).unwrap_or_default()
        };
        self.of(drawn).zip(&drawn.arguments).map(describe).collect()
    }
}
