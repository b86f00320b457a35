//! The loop over cases: each is drawn, tried on everything that can be called, and made small if it
//! shows a difference.

use crate::arguments::{Compared, Memory};
use crate::machine::{HAS_CODE, Harness, LEFT_OUT};
use crate::memory::{Callee, Circumstances, Observed, Rust};
use crate::report::{Damage, Report, Summary};
use crate::results::Results;
use crate::shrink::shrink;
use crate::signature::{Drawn, Signature};
use crate::{Random, Settings, Subject, Tolerance, timing};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Tests all cases.
pub(crate) fn run(
    signature: &Signature<'_>,
    subject: &Subject,
    settings: &Settings,
) -> Result<Summary, Box<Report>> {
    let mut test = Test::new(signature, subject, settings);
    if settings.strict && !test.left_out.is_empty() {
        let damage = test.left_out.iter().cloned().map(Damage::LeftOut).collect();
        return Err(Box::new(Report::of_none(subject, damage)));
    }
    // The case with the most bytes, and how many.
    let mut largest = (settings.seed, 0);
    for case in 0..settings.cases {
        let seed = settings.seed.wrapping_add(case as u64);
        let mut random = Random::new(seed);
        let drawn = match test.try_out(&mut random) {
            Ok(drawn) => drawn,
            Err(found) => {
                let found = test.shrink(found, random.into_decisions());
                return Err(Box::new(found.report(signature, subject, seed)));
            }
        };
        if drawn.bytes() > largest.1 {
            largest = (seed, drawn.bytes());
        }
    }
    let (versions, left_out) = (subject.codes.iter(), test.left_out);
    let summary = Summary {
        kernel: subject.name.clone(),
        cases: settings.cases,
        versions: versions.map(|code| code.label.clone()).collect(),
        left_out,
    };
    if settings.bench {
        // The harness holds the right to make calls.
        drop(test.harness);
        eprintln!("{}", timing::run(signature, subject, largest.0));
    }
    Ok(summary)
}

struct Test<'a> {
    signature: &'a Signature<'a>,
    settings: &'a Settings,
    harness: Harness,
    reference: Callee<'a>,
    /// What is compared with it, each with its name.
    callees: Vec<(Callee<'a>, String)>,
    left_out: Vec<String>,
}

/// A case that shows a difference.
struct Found {
    callee: String,
    damage: Vec<Damage>,
    drawn: Drawn,
    /// Where the memory of each argument was.
    places: Vec<String>,
}

impl<'a> Test<'a> {
    fn new(signature: &'a Signature<'a>, subject: &'a Subject, settings: &'a Settings) -> Test<'a> {
        let mut left_out = subject.left_out.clone();
        left_out.extend(LEFT_OUT.iter().map(|what| what.to_string()));
        Test {
            signature,
            settings,
            harness: Harness::new(settings.timeout),
            reference: reference(signature, subject),
            callees: callees(subject, &mut left_out),
            left_out,
        }
    }

    /// Draws a case and calls everything with it.
    fn try_out(&mut self, random: &mut Random) -> Result<Drawn, Box<Found>> {
        let layout = random.bits();
        let how = Circumstances { layout, upper_halves: self.settings.upper_halves };
        let drawn = (self.signature.draw)(random);
        if self.callees.is_empty() {
            return Ok(drawn);
        }
        let results = &self.signature.results;
        let mut expected = self.harness.call(self.reference, &drawn, results, how);
        // Upper halves are no matter in a Rust program.
        expected.damage.retain(|damage| !matches!(damage, Damage::UpperHalves { .. }));
        if !expected.damage.is_empty() {
            return Err(self.found("its reference", expected.damage, drawn));
        }
        for (callee, name) in &self.callees {
            let observed = self.harness.call(*callee, &drawn, results, how);
            let damage = compare(observed, &expected, &drawn, results, self.settings.tolerance());
            if !damage.is_empty() {
                return Err(self.found(name, damage, drawn));
            }
        }
        Ok(drawn)
    }

    fn found(&self, callee: &str, damage: Vec<Damage>, drawn: Drawn) -> Box<Found> {
        let places = self.harness.regions.describe(&drawn);
        Box::new(Found { callee: callee.to_string(), damage, drawn, places })
    }

    /// A smaller case with the same kind of damage to the same callee.
    fn shrink(&mut self, found: Box<Found>, decisions: Vec<u64>) -> Box<Found> {
        let (callee, first) = (found.callee.clone(), found.damage[0].clone());
        if matches!(first, Damage::Timeout(_)) {
            return found;
        }
        shrink(decisions, found, |decisions| {
            let mut random = Random::replay(decisions.to_vec());
            let tried = catch_unwind(AssertUnwindSafe(|| self.try_out(&mut random)));
            let found = tried.ok()?.err()?;
            let is_same = found.callee == callee && found.damage[0].is_like(&first);
            is_same.then(|| (found, random.into_decisions()))
        })
    }
}

/// What everything is compared with.
fn reference<'a>(signature: &Signature<'_>, subject: &'a Subject) -> Callee<'a> {
    match &subject.fallback {
        _ if signature.has_reference => Callee::Rust(Rust::Reference),
        Some(fallback) => Callee::Fallback(fallback),
        // The function is the fallback.
        None if !HAS_CODE => Callee::Rust(Rust::Function),
        None => panic!(
            "kernel `{0}` has no `#[fallback]` to be compared with: name a function, as in \
             `compare!({0}, reference, |random| …)`",
            subject.name
        ),
    }
}

/// What is compared: the code first, as what is wrong with it is wrong with the function.
fn callees<'a>(subject: &'a Subject, left_out: &mut Vec<String>) -> Vec<(Callee<'a>, String)> {
    let codes = subject.codes.iter().map(|code| {
        (Callee::Version(code), format!("version {} ({})", code.label, code.convention.name()))
    });
    let mut callees: Vec<_> = codes.collect();
    if !callees.is_empty() || (!HAS_CODE && subject.has_fallback) {
        callees.push((Callee::Rust(Rust::Function), "called as a function".to_string()));
    } else {
        // Where no version runs, an inline kernel may not be called, nor one that takes ymm.
        left_out.push("the function is left out, of which no version runs here".to_string());
        let fallback = subject.fallback.as_ref();
        callees.extend(fallback.map(|code| (Callee::Fallback(code), "the fallback".to_string())));
    }
    callees
}

/// What is wrong with a call, and what differs.
fn compare(
    mut observed: Observed,
    expected: &Observed,
    drawn: &Drawn,
    results: &Results,
    tolerance: Tolerance,
) -> Vec<Damage> {
    let mut damage = std::mem::take(&mut observed.damage);
    if damage.iter().any(Damage::is_end) {
        return damage;
    }
    for (argument, given) in drawn.arguments.iter().enumerate() {
        let Some(memory) = &given.memory else { continue };
        let len = compared(memory, results, &expected.result);
        let [found, wanted] = [&observed, expected].map(|it| &it.memory[argument][..len]);
        let mut pairs = found.chunks(memory.size).zip(wanted.chunks(memory.size)).enumerate();
        let different = pairs.find(|(_, (found, wanted))| {
            found != wanted && !(memory.agrees)(found, wanted, &tolerance)
        });
        if let Some((element, (found, wanted))) = different {
            let [found, expected] = [found, wanted].map(memory.show);
            damage.push(Damage::Memory { argument, element, found, expected });
        }
    }
    if !(results.agrees)(&observed.result, &expected.result, &tolerance) {
        let [found, expected] = [&observed.result, &expected.result].map(|it| (results.show)(it));
        damage.push(Damage::Result { found, expected });
    }
    damage
}

/// How many bytes of an argument's memory are compared.
fn compared(memory: &Memory, results: &Results, expected: &[u8]) -> usize {
    let all = memory.bytes.len();
    match memory.compared {
        Compared::All => all,
        Compared::Nothing => 0,
        Compared::Counted => {
            let count = results.fields.first().map_or(0, |field| field.size.min(8));
            let mut word = [0; 8];
            word[..count].copy_from_slice(&expected[..count]);
            let bytes = usize::try_from(u64::from_le_bytes(word)).ok();
            let bytes = bytes.and_then(|count| count.checked_mul(memory.size));
            bytes.filter(|bytes| *bytes <= all).unwrap_or(0)
        }
    }
}

impl Found {
    fn report(self, signature: &Signature<'_>, subject: &Subject, seed: u64) -> Report {
        let texts = (self.drawn.show)();
        let arguments = texts.iter().zip(&signature.parameters).zip(&self.places);
        let arguments = arguments.map(|((text, ty), place)| match place.as_str() {
            "" => format!("{ty} = {text}"),
            place => format!("{ty} = {text}, {place}"),
        });
        Report {
            kernel: subject.name.clone(),
            callee: self.callee,
            damage: self.damage,
            arguments: arguments.collect(),
            seed: Some(seed),
        }
    }
}
