//! How thorough a test is: what its options say, and `PEACH_TEST_*` in the environment.

use std::time::Duration;

/// How thorough a test is.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How many cases.
    pub cases: usize,
    /// The seed of the first case; the second has the next number, and so on.
    pub seed: u64,
    /// How far apart floats may be, in units in the last place.
    pub ulps: u32,
    /// How far apart floats may be.
    pub absolute: f64,
    /// How far apart floats may be, as a part of what is expected: `1e-6`.
    pub relative: f64,
    /// Whether the upper halves of vector registers have to be clean at the return.
    pub upper_halves: bool,
    /// How long one call may take.
    pub timeout: Duration,
    /// Whether it is a failure that a version is left out.
    pub strict: bool,
    /// Whether the time of each version is measured and printed.
    pub bench: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            cases: 500,
            seed: 0x9EAC4,
            ulps: 0,
            absolute: 0.0,
            relative: 0.0,
            upper_halves: true,
            timeout: Duration::from_secs(10),
            strict: false,
            bench: false,
        }
    }
}

impl Settings {
    /// The same, but what these variables say is as they say:
    ///
    /// | variable | what it is |
    /// |---|---|
    /// | `PEACH_TEST_CASES` | `cases` |
    /// | `PEACH_TEST_SEED` | `seed`, decimal or `0x…` |
    /// | `PEACH_TEST_TIMEOUT` | `timeout` in seconds |
    /// | `PEACH_TEST_STRICT` | `strict`: 0 or 1 |
    /// | `PEACH_TEST_BENCH` | `bench`: 0 or 1 |
    ///
    /// # Panics
    /// If one of the variables is set to what is no number.
    pub fn with_environment(self) -> Settings {
        let is_on = |name, default| variable(name).map_or(default, |number| number != 0);
        Settings {
            cases: variable("PEACH_TEST_CASES").map_or(self.cases, |cases| cases as usize),
            seed: variable("PEACH_TEST_SEED").unwrap_or(self.seed),
            timeout: variable("PEACH_TEST_TIMEOUT").map_or(self.timeout, Duration::from_secs),
            strict: is_on("PEACH_TEST_STRICT", self.strict),
            bench: is_on("PEACH_TEST_BENCH", self.bench),
            ..self
        }
    }

    pub(crate) fn tolerance(&self) -> Tolerance {
        Tolerance { ulps: self.ulps, absolute: self.absolute, relative: self.relative }
    }
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    Some(number.unwrap_or_else(|_| {
        panic!("{name} is `{text}`; it has to be a number, as in {name}=17 or {name}=0x11")
    }))
}

/// How far floats may be apart: as far as one of these says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tolerance {
    /// Units in the last place; with any, zeros of both signs are the same.
    pub ulps: u32,
    /// The distance.
    pub absolute: f64,
    /// The distance, as a part of what is expected.
    pub relative: f64,
}

impl Tolerance {
    /// Whether two floats that are not the same may be found and expected. `distance` counts the
    /// floats from one to the other.
    pub(crate) fn allows(&self, found: f64, expected: f64, distance: u64) -> bool {
        let (apart, size) = ((found - expected).abs(), expected.abs());
        let is_within = |limit: f64| limit > 0.0 && apart <= limit;
        // From an infinity, everything else is as far as from any other.
        (self.ulps > 0 && (found == expected || distance <= u64::from(self.ulps)))
            || (size.is_finite() && (is_within(self.absolute) || is_within(self.relative * size)))
    }
}
