//! The judge of proofs stands alone: no file that it is made of takes anything from the search,
//! directly or through others. `cargo test --test tidy judge -- --nocapture` prints how large both
//! are.

use crate::circles::reachable;
use crate::modules::Modules;
use crate::sources::sources;

const PROOF: &str = "analysis/proof/";
const SEARCH: &str = "analysis/proof/search";
/// They ask the one, and then the other; nothing of them takes part in a proof.
const BOTH: [&str; 2] = ["analysis/proof/mod.rs", "analysis/proof/record.rs"];

#[test]
fn the_judge_takes_nothing_from_the_search() {
    let dependencies = Modules::of_compiler().dependencies();
    let is_of_judge = |file: &&String| {
        file.starts_with(PROOF) && !file.starts_with(SEARCH) && !BOTH.contains(&file.as_str())
    };
    let judge: Vec<&String> = dependencies.keys().filter(is_of_judge).collect();
    assert!(judge.iter().any(|file| file.ends_with("/judge.rs")), "{judge:?}");
    for file in judge {
        let taken = reachable(file, &dependencies);
        let wrong: Vec<&&str> = taken.iter().filter(|other| other.starts_with(SEARCH)).collect();
        assert!(wrong.is_empty(), "{file} depends on {wrong:?}");
    }
    let search = dependencies.keys().filter(|file| file.starts_with(SEARCH));
    let uses_judge = |file: &String| {
        reachable(file, &dependencies).iter().any(|other| other.ends_with("proof/judge.rs"))
    };
    assert!(search.into_iter().any(uses_judge), "dependencies are not seen");
}

/// Neither grows unnoticed.
#[test]
fn lines_of_judge_and_search() {
    let (mut judge, mut search) = (0, 0);
    for (path, text) in sources("analysis/proof") {
        let code = text.lines().map(str::trim);
        let lines = code.filter(|line| !line.is_empty() && !line.starts_with("//")).count();
        match path.to_string_lossy() {
            path if path.starts_with(SEARCH) => search += lines,
            path if BOTH.contains(&&*path) => {}
            _ => judge += lines,
        }
    }
    println!("{judge} lines of code that have to be right, {search} that need not be");
    assert!(judge > 1_000 && judge < 5_000, "{judge} lines of judge");
    assert!(search > 300, "{search} lines of search");
}
