//! One call: arguments are put in their places, the code runs, and what it left is looked at.

mod after;
mod call;
mod explain;
mod faults;
mod place;
#[cfg(unix)]
mod signals;
mod stack;

pub(crate) use call::processor;

use crate::memory::{Callee, Circumstances, Observed, Regions, Rust};
use crate::report::Damage;
use crate::results::Results;
use crate::signature::Drawn;
use crate::splitmix::SplitMix;
use crate::subject::{Code, Convention};
use after::Ended;
use call::{Image, Registers};
use faults::{Fault, Session};
use place::{ARGUMENTS, COPIES, NAMES, Outcome, Placed, RAX, RDI, RDX, RSP, place, result, value};
use stack::{Nowhere, Stack};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Bytes above the return address that are looked at.
const WINDOW: usize = ARGUMENTS + COPIES + 1024;

/// Whether there is machine code to call.
pub(crate) const HAS_CODE: bool = true;

/// What does not happen here.
#[cfg(unix)]
pub(crate) const LEFT_OUT: &[&str] = &[];
#[cfg(not(unix))]
pub(crate) const LEFT_OUT: &[&str] =
    &["unreadable pages, faults, and the limit of a call's time are left out on this system"];

/// Everything that calls need.
#[derive(Debug)]
pub(crate) struct Harness {
    pub(crate) regions: Regions,
    session: Session,
    stack: Stack,
    nowhere: Nowhere,
    /// The stack above the return address, where no argument is: addresses where nothing is, or
    /// random bytes, as a byte that is written may be the one that was there.
    windows: [Vec<u8>; 2],
}

/// A call of a Rust function, as machine code sees it.
struct Thunk<'a> {
    call: &'a dyn Fn() -> Vec<u8>,
    result: Result<Vec<u8>, Damage>,
}

/// Makes the call.
unsafe extern "sysv64" fn thunk(thunk: *mut Thunk<'_>) {
    // SAFETY: the caller hands over what is its own.
    let thunk = unsafe { &mut *thunk };
    thunk.result = catch_unwind(AssertUnwindSafe(thunk.call)).map_err(|it| Damage::panic(&*it));
}

impl Harness {
    /// Calls may take `timeout` each.
    pub(crate) fn new(timeout: Duration) -> Harness {
        let nowhere = Nowhere::new();
        let words = (NAMES.len()..).take(WINDOW / 8).map(|number| nowhere.value(number, 0));
        Harness {
            regions: Regions::default(),
            session: Session::new(timeout),
            stack: Stack::new(),
            windows: [words.flat_map(u64::to_le_bytes).collect(), noise(WINDOW)],
            nowhere,
        }
    }

    /// Calls `callee` with these arguments.
    pub(crate) fn call(
        &mut self,
        callee: Callee<'_>,
        drawn: &Drawn,
        results: &Results,
        how: Circumstances,
    ) -> Observed {
        let places = self.regions.put(drawn, how);
        match callee {
            Callee::Rust(which) => self.call_rust(which, drawn, &places, results, how),
            Callee::Fallback(code) | Callee::Version(code) => {
                let is_version = matches!(callee, Callee::Version(_));
                let stack = self.stack_start();
                let values = values(drawn, &places, how, is_version);
                let placed = place(code.convention, values, results, stack);
                self.call_code(code, drawn, &placed, results, how)
            }
        }
    }

    fn call_rust(
        &mut self,
        which: Rust,
        drawn: &Drawn,
        places: &[*mut u8],
        results: &Results,
        how: Circumstances,
    ) -> Observed {
        let call = || (drawn.call)(which, places);
        let mut data = Thunk { call: &call, result: Ok(Vec::new()) };
        let argument = (&raw mut data) as u64;
        let placed = Placed { gp: vec![(RDI, argument)], ..Placed::default() };
        // In a program with AVX, the code behind the function leaves `vzeroupper` to its caller.
        let upper_halves = how.upper_halves && !cfg!(target_feature = "avx");
        let how = Circumstances { upper_halves, ..how };
        let ended = self.enter(thunk as *const (), &placed, Convention::SysV64, how);
        let mut observed = self.regions.observe(drawn);
        match (ended, data.result) {
            (Err(fault), _) => observed.damage.insert(0, self.explain(fault, None, drawn)),
            (Ok(_), Err(damage)) => observed.damage.insert(0, damage),
            (Ok(ended), Ok(bytes)) => {
                observed.result = bytes;
                self.check(&ended, &placed, results, how, &mut observed);
            }
        }
        observed
    }

    fn call_code(
        &mut self,
        code: &Code,
        drawn: &Drawn,
        placed: &Placed,
        results: &Results,
        how: Circumstances,
    ) -> Observed {
        let ended = self.enter(code.entry, placed, code.convention, how);
        let mut observed = self.regions.observe(drawn);
        let ended = match ended {
            Ok(ended) => ended,
            Err(fault) => {
                observed.damage.insert(0, self.explain(fault, Some(code), drawn));
                return observed;
            }
        };
        let after = &ended.after;
        let [first, second] = [0, 1].map(|register| after.image.vector(register));
        let outcome = Outcome {
            rax: after.gp[RAX],
            rdx: after.gp[RDX],
            vectors: [&first, &second],
            memory: placed.result.map_or(&[][..], |at| &self.stack.top(WINDOW)[at..]),
        };
        observed.result = result(code.convention, results, &outcome);
        if placed.result.is_some_and(|at| self.stack_start() + at as u64 != outcome.rax) {
            observed.damage.push(Damage::ResultAddress);
        }
        self.check(&ended, placed, results, how, &mut observed);
        observed
    }

    /// What a call that returned did to all that is not its result.
    fn check(
        &self,
        ended: &Ended,
        placed: &Placed,
        results: &Results,
        how: Circumstances,
        observed: &mut Observed,
    ) {
        observed.cycles = ended.after.cycles;
        ended.check_registers(&mut observed.damage);
        ended.check_stack(self.stack.top(WINDOW), placed, &mut observed.damage);
        if how.upper_halves && !starts_dirty(how) && !results.is_wide() {
            ended.check_upper_halves(placed, &mut observed.damage);
        }
    }

    /// Where stack arguments start.
    fn stack_start(&self) -> u64 {
        self.stack.top(WINDOW).as_ptr() as u64
    }

    /// Calls `target` with the registers and the stack as `placed` says, and all else poisoned.
    fn enter(
        &mut self,
        target: *const (),
        placed: &Placed,
        convention: Convention,
        how: Circumstances,
    ) -> Result<Ended, Fault> {
        let mut window = self.windows[usize::from(how.layout & 8 != 0)].clone();
        for (offset, bytes) in &placed.stack {
            window[*offset..][..bytes.len()].copy_from_slice(bytes);
        }
        self.stack.top_mut(WINDOW).copy_from_slice(&window);
        let mut gp = std::array::from_fn(|number| self.nowhere.value(number, how.layout));
        placed.gp.iter().for_each(|(register, word)| gp[*register] = *word);
        if convention == Convention::SysV64 {
            // How many vector registers hold arguments, where the callee takes any number of them.
            gp[RAX] = gp[RAX] & !0xFF | placed.vectors.len() as u64;
        }
        gp[RSP] = self.stack_start();
        let mut image = Image::new();
        let mut random = SplitMix::new(how.layout);
        image.poison(starts_dirty(how), || random.bits());
        placed.vectors.iter().for_each(|(register, bytes)| image.set_vector(*register, bytes));
        let before = Registers { gp, image };
        // SAFETY: the session is ours, and the stack starts at a multiple of 64. What the code
        // does, whoever wrote the test promises.
        let after = self.session.guard(|| unsafe { call::call(target, &before) })?;
        Ok(Ended { convention, before, window, after })
    }
}

/// Random bytes.
fn noise(len: usize) -> Vec<u8> {
    let mut random = SplitMix::new(len as u64);
    (0..len).map(|_| random.bits() as u8).collect()
}

/// Whether upper halves are in use before the call, so that they may be after it.
fn starts_dirty(how: Circumstances) -> bool {
    how.layout & 4 != 0
}

/// The arguments with their addresses. Code of Rust's compiler counts on integers that are extended
/// to 32 bits; a version of a kernel does not.
fn values(
    drawn: &Drawn,
    places: &[*mut u8],
    how: Circumstances,
    is_version: bool,
) -> Vec<place::Value> {
    let mut values = Vec::new();
    for (index, given) in drawn.arguments.iter().enumerate() {
        let upper = how.random(100 + index);
        let piece = |piece| value(piece, places, index, upper, is_version);
        values.extend(given.pieces.iter().map(piece));
    }
    values
}
