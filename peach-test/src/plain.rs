//! Calls where no machine code runs, on other processors and under Miri: Rust functions alone.

use crate::memory::{Callee, Circumstances, Observed, Regions};
use crate::report::Damage;
use crate::results::Results;
use crate::signature::Drawn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// What does not happen here.
pub(crate) const LEFT_OUT: &[&str] =
    &["machine code is left out, which runs on x86-64 alone and not under Miri"];

/// Whether there is machine code to call.
pub(crate) const HAS_CODE: bool = false;

/// Everything that calls need.
#[derive(Debug)]
pub(crate) struct Harness {
    pub(crate) regions: Regions,
}

impl Harness {
    pub(crate) fn new(_: Duration) -> Harness {
        Harness { regions: Regions::default() }
    }

    /// Calls `callee` with these arguments.
    pub(crate) fn call(
        &mut self,
        callee: Callee<'_>,
        drawn: &Drawn,
        _: &Results,
        how: Circumstances,
    ) -> Observed {
        let Callee::Rust(which) = callee else { unreachable!("`Subject` has no code here") };
        let places = self.regions.put(drawn, how);
        let result = catch_unwind(AssertUnwindSafe(|| (drawn.call)(which, &places)));
        let mut observed = self.regions.observe(drawn);
        match result {
            Ok(bytes) => observed.result = bytes,
            Err(payload) => observed.damage.push(Damage::panic(&*payload)),
        }
        observed
    }
}

/// The processor's name, for tables of times.
pub(crate) fn processor() -> String {
    std::env::consts::ARCH.to_string()
}
