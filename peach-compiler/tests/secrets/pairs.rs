//! Leaks, each beside what is accepted in its place.
//!
//! The files in `pairs` hold blocks: after `- ` a kernel that leaks, with the tokens at which it is
//! refused in `«…»`; after `+ ` its twin. Indented lines continue the one above. A line that starts
//! with `#` is a comment, and the first line names the code.

use super::{acceptance, refusal};
use peach_compiler::diagnostics::Code;
use std::path::Path;

/// The pairs of a file, and the code that all of them are about.
fn pairs(name: &str) -> (Code, Vec<(String, String)>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/secrets/pairs").join(name);
    let text = std::fs::read_to_string(path).expect("the file can be read");
    let (first, rest) = text.split_once('\n').expect("the first line names the code");
    let code = Code::ALL.iter().find(|code| code.id() == first.trim());
    let code = *code.unwrap_or_else(|| panic!("{first} is no code"));
    let (mut leaks, mut twins): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut is_leak = false;
    for line in rest.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.split_at(2) {
            ("- ", source) => {
                assert_eq!(leaks.len(), twins.len(), "a leak without a twin before {line}");
                leaks.push(source.to_string());
                is_leak = true;
            }
            ("+ ", source) => {
                twins.push(source.to_string());
                is_leak = false;
            }
            (_, source) => {
                let open = if is_leak { leaks.last_mut() } else { twins.last_mut() };
                let open = open.expect("a line continues another");
                *open += "\n";
                *open += source;
            }
        }
    }
    assert_eq!(leaks.len(), twins.len(), "a leak without a twin at the end");
    (code, leaks.into_iter().zip(twins).collect())
}

/// What is wrong with the pairs of a file: each leak is refused at its marks, each twin accepted.
/// And how many there are.
fn check(name: &str) -> (String, usize) {
    let (code, pairs) = pairs(name);
    let failures = pairs.iter().map(|(leak, twin)| refusal(code, leak) + &acceptance(twin));
    (failures.collect(), pairs.len())
}

#[test]
fn leaks_are_refused_beside_accepted_twins() {
    let files = [
        "branches.txt",
        "addresses.txt",
        "masks.txt",
        "calls.txt",
        "timing.txt",
        "stores.txt",
        "flow.txt",
    ];
    let (failures, counts): (Vec<String>, Vec<usize>) = files.into_iter().map(check).unzip();
    assert!(failures.concat().is_empty(), "\n{}", failures.concat());
    println!("pairs: {counts:?}");
    assert!(counts.iter().sum::<usize>() >= 240, "there were more");
}
