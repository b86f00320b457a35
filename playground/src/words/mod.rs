//! What instructions do, one line each, for readers of a listing.
//!
//! In: the name of an instruction. Out: a sentence without a full stop. [`table`] has the
//! instructions by name, with places for conditions and elements; conversions and fused
//! multiplications, whose names are made of parts, are in [`composed`].
//! Invariant: every mnemonic of the compiler has a line (a test asks for all).

mod composed;
mod table;

use std::collections::HashMap;
use std::sync::OnceLock;

/// What stands for several endings: the word in a row of the table, then each ending with what
/// `{}` in the text becomes.
type Endings = (&'static str, &'static [(&'static str, &'static str)]);

const ENDINGS: &[Endings] = &[
    (
        "{f}",
        &[
            ("ps", "single-precision floats"),
            ("pd", "double-precision floats"),
            ("ph", "half-precision floats"),
            ("bf16", "bfloat16 numbers"),
            ("ss", "the lowest single-precision float"),
            ("sd", "the lowest double-precision float"),
            ("sh", "the lowest half-precision float"),
        ],
    ),
    (
        "{i}",
        &[
            ("b", "bytes"),
            ("w", "16-bit integers"),
            ("d", "32-bit integers"),
            ("q", "64-bit integers"),
        ],
    ),
    (
        "{u}",
        &[
            ("ub", "unsigned bytes"),
            ("uw", "unsigned 16-bit integers"),
            ("ud", "unsigned 32-bit integers"),
            ("uq", "unsigned 64-bit integers"),
            ("sb", "signed bytes"),
            ("sw", "signed 16-bit integers"),
            ("sd", "signed 32-bit integers"),
            ("sq", "signed 64-bit integers"),
        ],
    ),
    (
        "{wide}",
        &[
            ("bw", "bytes to 16 bits"),
            ("bd", "bytes to 32 bits"),
            ("bq", "bytes to 64 bits"),
            ("wd", "16-bit integers to 32 bits"),
            ("wq", "16-bit integers to 64 bits"),
            ("dq", "32-bit integers to 64 bits"),
        ],
    ),
    (
        "{narrow}",
        &[
            ("wb", "16-bit integers to bytes"),
            ("db", "32-bit integers to bytes"),
            ("qb", "64-bit integers to bytes"),
            ("dw", "32-bit integers to 16 bits"),
            ("qw", "64-bit integers to 16 bits"),
            ("qd", "64-bit integers to 32 bits"),
        ],
    ),
    (
        "{unpack}",
        &[
            ("bw", "bytes"),
            ("wd", "16-bit integers"),
            ("dq", "32-bit integers"),
            ("qdq", "64-bit integers"),
        ],
    ),
    (
        "{cc}",
        &[
            ("o", "signed overflow"),
            ("no", "no signed overflow"),
            ("b", "below (unsigned), or carry"),
            ("ae", "above or equal (unsigned), or no carry"),
            ("e", "equal, or zero"),
            ("ne", "not equal, or not zero"),
            ("be", "below or equal (unsigned)"),
            ("a", "above (unsigned)"),
            ("s", "negative"),
            ("ns", "not negative"),
            ("p", "even parity, or unordered"),
            ("np", "odd parity, or ordered"),
            ("l", "less (signed)"),
            ("ge", "greater or equal (signed)"),
            ("le", "less or equal (signed)"),
            ("g", "greater (signed)"),
        ],
    ),
    (
        "{part}",
        &[
            ("f128", "128 bits"),
            ("i128", "128 bits"),
            ("f32x2", "a pair of 32-bit elements"),
            ("i32x2", "a pair of 32-bit elements"),
            ("f32x4", "four 32-bit elements"),
            ("i32x4", "four 32-bit elements"),
            ("f32x8", "eight 32-bit elements"),
            ("i32x8", "eight 32-bit elements"),
            ("f64x2", "two 64-bit elements"),
            ("i64x2", "two 64-bit elements"),
            ("f64x4", "four 64-bit elements"),
            ("i64x4", "four 64-bit elements"),
        ],
    ),
];

/// What the instruction does; `None` of a name that nothing is known of.
///
/// Pseudo-ops with their predicate in the name (`vcmpltps`) have the line of what they stand for.
pub fn of(mnemonic: &str) -> Option<String> {
    let known = names();
    if let Some(text) = known.get(mnemonic) {
        return Some(text.clone());
    }
    let legacy = mnemonic.strip_prefix('v').and_then(|name| known.get(name));
    legacy.cloned().or_else(|| composed::of(mnemonic)).or_else(|| comparison(mnemonic))
}

/// All rows of the table, written out.
fn names() -> &'static HashMap<String, String> {
    static NAMES: OnceLock<HashMap<String, String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let mut names = HashMap::new();
        for (written, text) in table::ROWS {
            for name in written.split_whitespace() {
                for (name, text) in written_out(name, text) {
                    names.entry(name).or_insert(text);
                }
            }
        }
        names
    })
}

/// A name of the table with its ending replaced by each that it stands for.
fn written_out(name: &str, text: &str) -> Vec<(String, String)> {
    let Some((word, endings)) = ENDINGS.iter().find(|(word, _)| name.contains(word)) else {
        return vec![(name.to_string(), text.to_string())];
    };
    let one = |(ending, of): &(&str, &str)| (name.replace(word, ending), text.replace("{}", of));
    endings.iter().map(one).collect()
}

/// A comparison with its predicate in the name: `vcmpltps`, `vpcmpleub`, `vpcomgtw`.
fn comparison(mnemonic: &str) -> Option<String> {
    let name = mnemonic.strip_prefix('v').unwrap_or(mnemonic);
    let (stem, rest) =
        ["pcmp", "pcom", "cmp"].iter().find_map(|stem| Some((stem, name.strip_prefix(stem)?)))?;
    let known = names();
    let endings = ["bf16", "ps", "pd", "ss", "sd", "ph", "sh", "ub", "uw", "ud", "uq"];
    let endings = endings.iter().chain(&["b", "w", "d", "q"]);
    let line = |ending: &str| {
        let base = |prefix: &str| known.get(&format!("{prefix}{stem}{ending}"));
        base("").or_else(|| base("v"))
    };
    endings.copied().find_map(|ending| {
        let predicate = rest.strip_suffix(ending).filter(|predicate| !predicate.is_empty())?;
        Some(format!("{}: {predicate}", line(ending)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use peach_compiler::isa::Mnemonic;

    /// Aliases and pseudo-ops included.
    #[test]
    fn every_mnemonic_has_a_line() {
        let lacking: Vec<&str> = Mnemonic::all()
            .map(Mnemonic::name)
            .filter(|name| of(name).is_none_or(|text| text.is_empty() || text.contains('{')))
            .collect();
        assert!(lacking.is_empty(), "{} lack a line: {}", lacking.len(), lacking.join(" "));
    }

    #[test]
    fn lines_say_what_the_parts_of_a_name_say() {
        for (name, text) in [
            ("add", "adds the source to the destination"),
            ("vaddps", "adds single-precision floats"),
            ("cmovl", "copies the source if less (signed)"),
            (
                "vfnmadd231sd",
                "multiplies, negates and adds the lowest double-precision float: \
                 a = -(b × c) + a",
            ),
            (
                "cvttss2si",
                "converts the lowest single-precision float to a signed integer, \
                 rounding toward zero",
            ),
            (
                "vcmpltps",
                "compares single-precision floats; elements become all ones or zeros, or bits of a \
                 mask: lt",
            ),
            ("vpmovzxbd", "widens bytes to 32 bits, filling with zeros"),
        ] {
            assert_eq!(of(name).as_deref(), Some(text), "{name}");
        }
    }

    /// A row that another one hides, or that names nothing, is a mistake.
    #[test]
    fn every_row_is_of_use() {
        let is_known = |written: &str| {
            let name = |(name, _): (String, String)| {
                Mnemonic::parse(&name).is_some() || Mnemonic::parse(&format!("v{name}")).is_some()
            };
            written_out(written, "").into_iter().any(name)
        };
        let names = table::ROWS.iter().flat_map(|(written, _)| written.split_whitespace());
        let idle: Vec<&str> = names.filter(|name| !is_known(name)).collect();
        assert!(idle.is_empty(), "these name nothing: {}", idle.join(" "));
    }
}
