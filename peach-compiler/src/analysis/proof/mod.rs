//! Proof of memory safety: accesses whose place depends on what registers hold.
//!
//! In: a function, its facts, and accesses in plain code that no constant offset settles. Out:
//! those that are not shown to stay in their region.
//!
//! | file | what it is |
//! |---|---|
//! | `linear` | sums of symbols |
//! | `decide` | whether an inequality follows from others: the decision procedure |
//! | `prepared` | the same where much is asked |
//! | `refute`, `rows` | that inequalities contradict each other |
//! | `example` | values for messages |
//! | `world`, `state` | what a proof shares, and what is known at one place |
//! | `operations`, `transfer`, `condition` | the processor's arithmetic, and what branches tell |
//! | `bits`, `mask` | which bits of masks can be set |
//! | `access` | what an access has to show |
//! | `division`, `result` | what divisions and results have to show |
//! | `ghost` | the invariants that the user states |
//! | `alive`, `forget` | which registers count, and what is known of values that none holds any more |
//! | `words` | sums as messages have them |
//! | `claim`, `arrival` | what is said of where paths meet, and what an edge has to show of that |
//! | `judge` | walks the code with claims for where paths meet, and believes none |
//! | `record` | writes down what a proof rests on, for those who check it by other means |
//! | `search` | finds such claims; nothing in it has to be right |

mod access;
mod alive;
mod arrival;
mod bits;
mod claim;
mod condition;
mod decide;
mod division;
mod example;
mod forget;
mod ghost;
mod judge;
mod linear;
mod mask;
mod operations;
mod prepared;
pub mod record;
mod refute;
mod result;
mod rows;
mod search;
mod state;
mod transfer;
mod words;
mod world;

pub(super) use access::{Access, Missing, Via};
pub(super) use division::{Fault, is_division};
pub(super) use ghost::Unshown;
pub(super) use linear::Linear as Sum;
pub(super) use result::Returned;

use crate::analysis::Facts;
use crate::ir::{Function, LocalId};
use claim::Certificate;
use world::World;

/// What came of a proof.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The accesses that are not shown to be allowed, with what is missing where that can be said.
    pub(super) open: Vec<(Access, Option<Missing>)>,
    /// Those that are shown, in stack variables.
    pub(super) in_locals: Vec<(Access, LocalId)>,
    /// The invariants that are not shown to hold, as instructions.
    pub(super) invariants: Vec<Unshown>,
    /// Divisions that may fault, and why.
    pub(super) faults: Vec<(usize, Fault)>,
    /// References that are not shown to be valid as results.
    pub(super) returned: Vec<Returned>,
    /// Returns of references that may overlap, although one is exclusive.
    pub(super) overlapping: Vec<usize>,
    /// Nothing was shown.
    pub(super) has_failed: bool,
    /// It would have taken too much work to find out.
    pub(super) is_exhausted: bool,
}

/// Looks for a proof that `asked`, in the order of the code, are allowed.
pub(super) fn prove(function: &Function, facts: &Facts, asked: &[Access]) -> Outcome {
    let mut world = World::new(function, facts);
    let mut certificate = find(&mut world, asked);
    let verdict = judge::walk(&mut world, &mut certificate, asked, None);
    let is_exhausted = world.symbols.is_exhausted();
    match verdict.failures.is_empty() && !is_exhausted {
        true => Outcome {
            open: verdict.open,
            in_locals: verdict.in_locals,
            invariants: verdict.invariants,
            faults: verdict.faults,
            returned: verdict.returned,
            overlapping: verdict.overlapping,
            has_failed: false,
            is_exhausted,
        },
        false => {
            let open = asked.iter().map(|access| (*access, None)).collect();
            Outcome {
                open,
                in_locals: Vec::new(),
                invariants: ghost::all(&world),
                faults: division::all(&world),
                returned: Vec::new(),
                overlapping: Vec::new(),
                has_failed: true,
                is_exhausted,
            }
        }
    }
}

/// What the search claims, for the judge.
fn find(world: &mut World<'_>, asked: &[Access]) -> Certificate {
    match search::is_needed(world) {
        true => search::search(world, asked),
        false => Certificate::new(),
    }
}
