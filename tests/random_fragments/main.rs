//! Random expressions in kernels that `macro_rules!` produces, of which random parts come as
//! fragments, against the same macro over plain Rust: wherever an expression can stand, the group
//! around a fragment must count for what it does in Rust, no more and no less.
//!
//! rustc compiles one program of all of them and evaluates each expression as an `i128` too.
//! `PEACH_RANDOM_FRAGMENTS` is how many there are, `PEACH_SEED` which.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod expression;
mod places;

use expression::Expression;
use peach_testing::Random;
use peach_testing::rustc::Rustc;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn fragments_count_as_they_do_in_rust() {
    let count = number("PEACH_RANDOM_FRAGMENTS", 10 * places::PLACES.len() as u64);
    let mut random = Random::new(number("PEACH_SEED", 1));
    let mut source = String::from("#![allow(warnings)]\nuse peach_runtime::peach_fn;\n");
    let mut checks = String::new();
    for index in 0..count as usize {
        source += &module(index, &mut random);
        let _ = writeln!(checks, "wrong += m{index}::wrong(\"m{index}\") as i32;");
    }
    let _ = write!(source, "fn main() {{ let mut wrong = 0; {checks} std::process::exit(wrong) }}");
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("random_fragments");
    let program = Rustc::new(dir, &[]).build("program", &source, &[]);
    let output = Command::new(&program).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A module with a kernel and a constant that should be what the kernel returns.
fn module(index: usize, random: &mut Random) -> String {
    let (_, kernel, result) = places::PLACES[index % places::PLACES.len()];
    let mut inner = Fragments::new("v");
    let mut outer = Fragments::new("w");
    let expression = Expression::random(random, 4);
    let abi = ["sysv64", "win64"][index / places::PLACES.len() % 2];
    let uses = places::Uses { expression: &expression, abi };
    let text = uses.fill(kernel, &mut |e, least| e.cut(least, random, &mut inner));
    let plain = uses.fill(result, &mut |e, least| e.cut(least, random, &mut inner));
    // Parts of the arguments are fragments, too: a group in a group.
    let between = inner.parts.iter().map(|(kind, part)| match *kind {
        "expr" => part.cut(0, random, &mut outer),
        _ => part.text(0),
    });
    let between: Vec<String> = between.collect();
    let arguments: Vec<String> = outer.parts.iter().map(|(_, part)| part.text(0)).collect();
    format!(
        "macro_rules! inner_{index} {{ ({matcher}) => {{ pub mod m{index} {{
            use super::peach_fn; peach_fn! {{ {text} }}
            const PLAIN: i128 = {plain};
            pub fn wrong(name: &str) -> bool {{
                let (is, should) = (f(&[0, 3, 6, 9, 12, 15, 18, 21]), PLAIN as i64);
                if is != should {{ println!(\"{{name}} returns {{is}}, and not {{should}}\"); }}
                is != should
            }} }} }} }}
        macro_rules! outer_{index} {{ ({outer_matcher}) => {{ inner_{index}!({between}); }} }}
        outer_{index}!({arguments});\n",
        matcher = inner.matcher(),
        outer_matcher = outer.matcher(),
        between = between.join(", "),
        arguments = arguments.join(", "),
    )
}

/// What a macro is given.
struct Fragments {
    prefix: &'static str,
    /// The kind of each, and what it stands for.
    parts: Vec<(&'static str, Expression)>,
}

impl Fragments {
    fn new(prefix: &'static str) -> Fragments {
        Fragments { prefix, parts: Vec::new() }
    }

    /// Its name.
    fn add(&mut self, kind: &'static str, part: &Expression) -> String {
        self.parts.push((kind, part.clone()));
        format!("${}{}", self.prefix, self.parts.len() - 1)
    }

    fn matcher(&self) -> String {
        let prefix = self.prefix;
        let parts = self.parts.iter().enumerate();
        parts.map(|(n, (kind, _))| format!("${prefix}{n}:{kind}")).collect::<Vec<_>>().join(", ")
    }
}
