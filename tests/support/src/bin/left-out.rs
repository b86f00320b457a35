//! Prints what a run of the tests left out, and compares the counts with what is allowed.
//!
//! `left-out ALLOWED RECORDS`. Each line of the first file is a number, a cause and a reason, with
//! tabs between; a cause that ends in `*` stands for all that start so. The second file is what
//! `peach_testing::left_out` wrote; it is missing where nothing was left out.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

/// A cause for which something may be left out, at most so often.
struct Allowed<'a> {
    most: usize,
    cause: &'a str,
}

fn allowed(text: &str) -> Vec<Allowed<'_>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut parts = line.split('\t');
            let (most, cause, reason) = (parts.next(), parts.next(), parts.next());
            let most = most.and_then(|most| most.trim().parse().ok());
            match (most, cause, reason) {
                (Some(most), Some(cause), Some(_)) => Allowed { most, cause },
                _ => panic!("`number<tab>cause<tab>reason` is expected, not `{line}`"),
            }
        })
        .collect()
}

/// The cause in the list of what is allowed that a recorded cause belongs to.
fn matching<'a>(allowed: &'a [Allowed<'a>], cause: &str) -> Option<&'a Allowed<'a>> {
    allowed.iter().find(|allowed| match allowed.cause.strip_suffix('*') {
        Some(start) => cause.starts_with(start),
        None => cause == allowed.cause,
    })
}

/// What to print, and what is wrong.
fn summary(allowed: &[Allowed<'_>], records: &str) -> (String, Vec<String>) {
    let records: BTreeSet<&str> = records.lines().collect();
    let mut places: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut text = String::new();
    for record in &records {
        let mut parts = record.split('\t');
        let (cause, place) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let why: String = parts.next().unwrap_or("").chars().take(120).collect();
        text += &format!("  {cause:30} {place}: {why}\n");
        let cause = matching(allowed, cause).map_or(cause, |allowed| allowed.cause);
        places.entry(cause).or_default().insert(place);
    }
    let mut wrong = Vec::new();
    let mut total = 0;
    for (cause, places) in places {
        let most = matching(allowed, cause).map_or(0, |allowed| allowed.most);
        total += places.len();
        text += &format!("{:4} of {most:3} allowed: {cause}\n", places.len());
        if places.len() > most {
            wrong.push(format!("{cause}: left out at {} places, allowed are {most}", places.len()));
        }
    }
    text += &format!("{total} places in all\n");
    (text, wrong)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, limits, records] = &arguments[..] else {
        eprintln!("usage: left-out ALLOWED RECORDS");
        return ExitCode::FAILURE;
    };
    let limits = std::fs::read_to_string(limits).expect("the list of what is allowed");
    let records = std::fs::read_to_string(records).unwrap_or_default();
    let (text, wrong) = summary(&allowed(&limits), &records);
    print!("{text}");
    wrong.iter().for_each(|line| eprintln!("error: {line}"));
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &str = "# comment\n2\tprocessor avx512*\tno emulator\n1\tsystem\told kernels\n";

    fn wrong(records: &str) -> Vec<String> {
        summary(&allowed(LIMITS), records).1
    }

    #[test]
    fn a_place_counts_once_for_each_cause() {
        let twice = "processor avx512f\ta.rs:1\tx\nprocessor avx512bw\ta.rs:1\tx\n";
        assert!(
            wrong(&(twice.repeat(3) + "processor avx512f\tb.rs:1\ty\nsystem\tc.rs:9\tz\n"))
                .is_empty()
        );
    }

    #[test]
    fn more_than_is_allowed_is_wrong() {
        let three: String = (0..3).map(|n| format!("processor avx512f\ta.rs:{n}\tx\n")).collect();
        let expected = "processor avx512*: left out at 3 places, allowed are 2";
        assert_eq!(wrong(&three), [expected]);
    }

    #[test]
    fn what_is_not_listed_is_wrong() {
        let expected = "tool: left out at 1 places, allowed are 0";
        assert_eq!(wrong("tool\ta.rs:1\t[\"nasm\"] must be installed\n"), [expected]);
    }
}
