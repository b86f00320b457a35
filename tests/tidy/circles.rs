//! No circles between the files of the compiler, but that of the grammar: whoever reads a file can
//! read first what it stands on.
//!
//! A file depends on another if it names something that the other defines: in a `use` or in a
//! path, through any number of re-exports. A re-export alone is no dependency, and tests do not
//! count. `cargo test --test tidy circles -- --nocapture` prints the circles that there are.

use crate::modules::Modules;
use std::collections::{BTreeMap, BTreeSet};

/// Expressions hold operands and blocks, and these hold expressions.
const ALLOWED: &[&[&str]] = &[
    &["syntax/ast/expressions.rs", "syntax/ast/functions.rs"],
    &["syntax/expressions.rs", "syntax/functions.rs", "syntax/operands.rs"],
];

#[test]
fn no_circles_between_files() {
    let dependencies = Modules::of_compiler().dependencies();
    assert!(dependencies.len() > 200, "the sources were not found");
    let circles = circles(&dependencies);
    for circle in &circles {
        println!("{}", describe(circle, &dependencies));
    }
    let found: Vec<Vec<&str>> =
        circles.iter().map(|circle| circle.iter().map(String::as_str).collect()).collect();
    assert_eq!(found, ALLOWED, "the circles of files are listed above");
}

/// What each file of a circle takes from the others.
fn describe(circle: &BTreeSet<String>, dependencies: &Dependencies) -> String {
    let mut text = format!("a circle of {} files:\n", circle.len());
    for file in circle {
        for (other, names) in dependencies[file].iter().filter(|(other, _)| circle.contains(*other))
        {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            text += &format!("  {file} -> {other}: {}\n", names.join(", "));
        }
    }
    text
}

/// By file, the files that it depends on, each with the names that it takes from there.
pub type Dependencies = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The sets of files that reach one another, of two or more.
fn circles(dependencies: &Dependencies) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        dependencies.keys().map(|file| (file.as_str(), reachable(file, dependencies))).collect();
    let mut circles = Vec::new();
    let mut done = BTreeSet::new();
    for file in dependencies.keys().map(String::as_str) {
        let in_circle = |other: &&str| reached.get(other).is_some_and(|back| back.contains(file));
        let circle: BTreeSet<String> =
            reached[file].iter().copied().filter(in_circle).map(String::from).collect();
        if circle.len() > 1 && done.insert(circle.clone()) {
            circles.push(circle);
        }
    }
    circles
}

/// The files that `start` depends on, directly or not.
pub fn reachable<'d>(start: &str, dependencies: &'d Dependencies) -> BTreeSet<&'d str> {
    let next = |file: &str| dependencies.get(file).into_iter().flat_map(BTreeMap::keys);
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = next(start).map(String::as_str).collect();
    while let Some(file) = open.pop() {
        if found.insert(file) {
            open.extend(next(file).map(String::as_str));
        }
    }
    found
}

#[test]
fn a_circle_is_found() {
    let sources = [
        ("lib.rs", "mod a; mod b; mod room;"),
        ("a.rs", "use crate::room::Thing; pub fn a(_: Thing) {}"),
        ("b.rs", "pub struct B; fn f() { crate::a::a(todo!()) }"),
        ("room/mod.rs", "mod inner; pub use inner::*;"),
        ("room/inner.rs", "use crate::b::*; pub struct Thing(B);"),
        ("room/apart.rs", "#[cfg(test)] mod tests { use crate::a::a; }"),
    ];
    let sources = sources.map(|(path, text)| (path.into(), text.into()));
    let dependencies = Modules::of(&sources).dependencies();
    let circles = circles(&dependencies);
    let files: Vec<&str> = circles[0].iter().map(String::as_str).collect();
    assert_eq!(files, ["a.rs", "b.rs", "room/inner.rs"]);
    assert_eq!(circles.len(), 1);
}
