//! The repository's own kernels.

use crate::same::{assert_same_tokens, assert_stable, compiled};
use crate::spaces::respaced;
use peach_compiler::format;
use peach_testing::Random;
use peach_testing::sources::files;
use std::path::{Path, PathBuf};

/// The repository's own kernels, and those that were meant to be refused.
#[test]
fn every_kernel_of_the_repository_is_formatted_once() {
    let mut count = 0;
    for (path, source) in repository() {
        let format = if path.extension().is_some_and(|e| e == "rs") {
            format::rust
        } else {
            format::kernels
        };
        let formatted = format(&source).unwrap_or_else(|e| panic!("{}: {e:?}", path.display()));
        assert_same_tokens(&source, &formatted);
        assert_eq!(format(&formatted), Ok(formatted.clone()), "{}", path.display());
        count += usize::from(formatted != source);
    }
    println!("{count} files would change");
}

/// With other white space, the same kernels become the same text, and the same bytes.
#[test]
fn bytes_stay() {
    let mut random = Random::new(14);
    let mut kernels = 0;
    for (path, source) in repository() {
        let is_example = path.iter().any(|part| part == "examples" || part == "accepted");
        if path.extension().is_none_or(|extension| extension != "peach") || !is_example {
            continue;
        }
        let spaced = respaced(&source, &mut random);
        let formatted = format::kernels(&spaced).expect("it has tokens");
        let compiled = [&source, &spaced, &formatted].map(|text| compiled(text));
        assert!(compiled[0] == compiled[1], "{}:\n{spaced}", path.display());
        assert!(compiled[0] == compiled[2], "{}:\n{formatted}", path.display());
        kernels += compiled[0].0.len();
    }
    assert!(kernels >= 20, "{kernels} kernels");
}

#[test]
fn other_white_space_is_no_other_program() {
    let mut random = Random::new(41);
    for (path, source) in repository() {
        if path.extension().is_none_or(|extension| extension != "peach") {
            continue;
        }
        for _ in 0..4 {
            assert_stable(&respaced(&source, &mut random));
        }
    }
}

/// Every file with kernels.
fn repository() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let paths = [files(&root, "rs"), files(&root, "peach")].concat();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a source is text");
        let has_kernels =
            path.extension().is_some_and(|e| e == "peach") || text.contains("peach_fn!");
        has_kernels.then_some((path, text))
    };
    let found: Vec<(PathBuf, String)> = paths.into_iter().filter_map(read).collect();
    assert!(found.len() > 100, "only {} files with kernels were found", found.len());
    found
}
