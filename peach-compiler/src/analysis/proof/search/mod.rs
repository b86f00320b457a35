//! The search for what stays true: claims for every place where paths meet.
//!
//! In: a function and the accesses that are in question. Out: a [`Certificate`] that the judge
//! accepts (an empty one claims nothing). Nothing here has to be right.
//!
//! 1. What a loop changes gets a symbol at its head. One walk, in which nothing wraps around, shows
//!    by how much each turn changes it: what grows by a number each turn becomes `entry + step *
//!    turns`, with one count of turns for all (so that what they have in common is exact); the rest
//!    keeps a symbol of its own, and sums that no turn changes are claimed to be as on entry. Outer
//!    loops are looked at again once inner ones are understood.
//! 2. Candidates for what holds there are everything that was known on an edge or asked for on the
//!    way, in terms of the symbols that are claimed, a turn earlier and later, and comparisons of
//!    the symbols; what the author states comes first.
//! 3. The judge throws out what some edge does not show, until nothing is thrown out (C. Flanagan
//!    and K. Leino, "Houdini, an annotation assistant for ESC/Java", 2001).
//! 4. With what is left, more is known of each turn: if that changes the guesses, they start anew.
//!
//! | file | what it is |
//! |---|---|
//! | `plan` | what the walks have seen |
//! | `meeting` | a place where paths meet |
//! | `draft`, `relations` | a claim that is being made, and what edges have in common |
//! | `changes` | what a loop changes |
//! | `candidates` | inequalities that may hold |
//! | `pool` | sums, by the symbols that they name |
//! | `equations` | what equations say of sums, and sums that do not change |

mod candidates;
mod changes;
mod draft;
mod equations;
mod meeting;
mod plan;
mod pool;
mod relations;

use super::access::Access;
use super::claim::{Certificate, Claim, Claimed};
use super::judge::{Companion, meets, walk};
use super::linear::{Linear, Symbol};
use super::state::State;
use super::world::World;
use plan::Plan;

/// How often guesses start anew.
const ATTEMPTS: usize = 5;

/// How often loops are looked at again, outer ones after inner ones.
const PASSES: usize = 5;

/// How often the judge is asked before the search gives up.
const ROUNDS: usize = 40;

/// How often candidates are carried on from place to place.
const SPREADS: usize = 3;

/// Looks for claims under which the judge accepts as many of `accesses` as can be.
pub(super) fn search(world: &mut World<'_>, accesses: &[Access]) -> Certificate {
    let mut plan = Plan::default();
    let mut best = (usize::MAX, Certificate::new());
    for _ in 0..ATTEMPTS {
        let mut certificate = guess(&mut plan, world, accesses);
        let open = confirm(&mut plan, &mut certificate, world, accesses);
        if open < best.0 {
            best = (open, certificate);
        }
        if open == 0 || !plan.learn() {
            break;
        }
    }
    match best {
        (usize::MAX, mut certificate) => {
            certificate.values_mut().for_each(|claim| *claim = Claim::default());
            certificate
        }
        (_, certificate) => certificate,
    }
}

/// What may be in the registers where paths meet.
fn guess(plan: &mut Plan, world: &mut World<'_>, accesses: &[Access]) -> Certificate {
    let mut certificate = Certificate::new();
    world.optimistic = true;
    for _ in 0..PASSES {
        certificate.clear();
        plan.start();
        walk(world, &mut certificate, accesses, Some(plan));
        if !plan.learn() {
            break;
        }
    }
    world.optimistic = false;
    certificate
}

/// Adds what holds there, and takes back what does not. How much is not shown with it.
fn confirm(
    plan: &mut Plan,
    certificate: &mut Certificate,
    world: &mut World<'_>,
    accesses: &[Access],
) -> usize {
    let mut open = usize::MAX;
    // What may hold around a loop comes through the loops inside of it.
    plan.add_candidates(world, certificate);
    plan.start_again();
    world.optimistic = true;
    walk(world, certificate, accesses, Some(plan));
    world.optimistic = false;
    for _ in 0..SPREADS {
        plan.add_candidates(world, certificate);
        if !winnow(plan, world, certificate) {
            return usize::MAX;
        }
        // What holds at one place is asked of the next.
        plan.start_again();
        let verdict = walk(world, certificate, accesses, Some(plan));
        let left = verdict.open.len() + verdict.invariants.len();
        if left == 0 {
            return 0;
        }
        open = left;
    }
    open
}

/// Throws out what some edge does not show, until every edge shows all that is left. Whether that
/// comes to an end.
fn winnow(plan: &mut Plan, world: &mut World<'_>, certificate: &mut Certificate) -> bool {
    for _ in 0..ROUNDS {
        let verdict = walk(world, certificate, &[], Some(&mut Winnow { plan }));
        if verdict.failures.is_empty() {
            return true;
        }
        // A symbol without a value may be for want of an instruction's result, where something that
        // is not true makes another of it: what is false goes first.
        if verdict.failures.iter().all(|failure| is_symbol(&failure.what)) {
            for failure in verdict.failures {
                if let Some(claim) = certificate.get_mut(&failure.block) {
                    retract(claim, &failure.what);
                }
            }
        }
    }
    false
}

fn is_symbol(what: &Claimed) -> bool {
    matches!(what, Claimed::Symbol(_))
}

/// Takes back what an edge does not show at once, so that nothing further on rests on it: what
/// falls at the start of a long function falls everywhere in the same walk.
struct Winnow<'a> {
    plan: &'a mut Plan,
}

impl Companion for Winnow<'_> {
    fn missing(&mut self, _: u32, _: &[(u32, State)], _: &mut World<'_>) -> Claim {
        Claim::default()
    }

    fn edge(&mut self, _: u32, _: u32, _: &State, _: &mut World<'_>) {}

    fn access(&mut self, _: Access, _: &State, _: &mut World<'_>) {}

    fn stated(&mut self, _: &Linear, _: bool, _: &World<'_>) {}

    fn failed(&mut self, block: u32, failures: &[Claimed], claim: &mut Claim) {
        for what in failures.iter().filter(|what| !is_symbol(what)) {
            self.plan.distrust(block, what);
            retract(claim, what);
        }
    }
}

/// Takes back what an edge does not show.
fn retract(claim: &mut Claim, what: &Claimed) {
    let mentions = |linear: &Linear, symbol: Symbol| linear.factor(symbol) != 0;
    match what {
        Claimed::Value(slot) => drop(claim.values.remove(slot)),
        Claimed::Mask(reg) => drop(claim.masks.remove(reg)),
        Claimed::Upward => claim.is_upward = false,
        Claimed::AtLeastZero(fact) => claim.knowledge.retain_at_least_zero(|f| f != fact),
        Claimed::Zero(fact) => claim.knowledge.retain_zero(|f| f != fact),
        Claimed::NotZero(fact) => claim.knowledge.retain_not_zero(|f| f != fact),
        Claimed::Symbol(symbol) => {
            let symbol = *symbol;
            claim.symbols.retain(|other| *other != symbol);
            for rules in claim.rules.values_mut() {
                rules.retain(|(other, _)| *other != symbol);
            }
            claim.values.retain(|_, value| !mentions(value, symbol));
            claim
                .masks
                .retain(|_, bits| !mentions(&bits.first, symbol) && !mentions(&bits.end, symbol));
            let knowledge = &mut claim.knowledge;
            knowledge.retain_at_least_zero(|fact| !mentions(fact, symbol));
            knowledge.retain_zero(|fact| !mentions(fact, symbol));
            knowledge.retain_not_zero(|fact| !mentions(fact, symbol));
        }
    }
}

/// Whether paths meet at any block: without that there is nothing to look for.
pub(super) fn is_needed(world: &World<'_>) -> bool {
    world.facts.cfg.order.iter().any(|&block| meets(world, block))
}
