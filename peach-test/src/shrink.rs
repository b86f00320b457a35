//! Makes the tape of a failing case as small as it gets.

use std::time::{Duration, Instant};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// A smaller tape with which `fails` gives something, and what it gives.
///
/// `fails` also says which part of the tape was used. What it gave for the whole tape is `found`.
pub(crate) fn shrink<T>(
    decisions: Vec<u64>,
    found: T,
    fails: impl FnMut(&[u64]) -> Option<(T, Vec<u64>)>,
) -> T {
    let mut search = Search { decisions, found, fails, end: Instant::now() + PATIENCE };
    loop {
        let before = search.decisions.clone();
        search.delete();
        search.lower();
        if search.decisions == before || search.is_over() {
            return search.found;
        }
    }
}

struct Search<T, F> {
    decisions: Vec<u64>,
    found: T,
    fails: F,
    end: Instant,
}

impl<T, F: FnMut(&[u64]) -> Option<(T, Vec<u64>)>> Search<T, F> {
    fn is_over(&self) -> bool {
        Instant::now() > self.end
    }

    /// Goes on from `decisions` if they fail too.
    fn try_out(&mut self, decisions: &[u64]) -> bool {
        let Some((found, mut used)) = (self.fails)(decisions) else { return false };
        // Zeros come by themselves.
        let len = used.iter().rposition(|decision| *decision != 0).map_or(0, |last| last + 1);
        used.truncate(len);
        (self.found, self.decisions) = (found, used);
        true
    }

    /// Leaves out runs of decisions, long ones first. An element takes a few decisions, so short
    /// runs of every length are tried.
    fn delete(&mut self) {
        let halves = std::iter::successors(Some(self.decisions.len()), |run| Some(run / 2));
        for run in halves.take_while(|run| *run > 8).chain((1..=8).rev()) {
            self.delete_runs(run);
        }
    }

    /// Leaves out what `run` decisions in a row can be left out, the last ones first.
    fn delete_runs(&mut self, run: usize) {
        let mut end = self.decisions.len();
        while end > 0 && !self.is_over() {
            let start = end.saturating_sub(run);
            let shorter = [&self.decisions[..start], &self.decisions[end..]].concat();
            end = if self.try_out(&shorter) { start } else { end.saturating_sub(run.div_ceil(16)) };
            end = end.min(self.decisions.len());
        }
    }

    /// Takes each decision to 0, or as low as halving finds.
    fn lower(&mut self) {
        let mut at = 0;
        while at < self.decisions.len() && !self.is_over() {
            self.lower_one(at);
            at += 1;
        }
    }

    fn lower_one(&mut self, at: usize) {
        let mut works = self.decisions[at];
        if works == 0 || self.replace(at, 0) {
            return;
        }
        let mut fails = 0;
        while works - fails > 1 && self.decisions.len() > at {
            let middle = fails + (works - fails) / 2;
            if self.replace(at, middle) { works = middle } else { fails = middle }
        }
    }

    fn replace(&mut self, at: usize, value: u64) -> bool {
        let mut changed = self.decisions.clone();
        changed[at] = value;
        self.try_out(&changed)
    }
}

#[cfg(test)]
mod tests {
    use super::shrink;
    use crate::Random;

    #[test]
    fn the_smallest_list_is_found() {
        let fails = |decisions: &[u64]| {
            let mut random = Random::replay(decisions.to_vec());
            let list: Vec<u32> = random.vec(0..1000);
            let limit = random.range(0..1000) as u32;
            let is_bad = list.iter().filter(|n| **n > 1234 + limit).count() >= 3;
            is_bad.then(|| (list, random.into_decisions()))
        };
        let found = (0..).find_map(|seed| {
            let mut random = Random::new(seed);
            let _: (Vec<u32>, usize) = (random.vec(0..1000), random.range(0..1000));
            fails(&random.into_decisions())
        });
        let (list, decisions) = found.unwrap();
        assert_eq!(shrink(decisions, list, fails), [1235; 3]);
    }
}
