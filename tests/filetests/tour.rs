//! `docs/tour.md`: one kernel through every step. Its prose is written by hand, its dumps are made
//! here.

use super::dump;
use peach_compiler::pipeline::Step;
use std::path::Path;

#[test]
fn the_tour_shows_what_the_steps_make() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tour.md");
    let page = std::fs::read_to_string(&path).expect("the page can be read");
    let found = with_dumps(&page);
    if std::env::var_os("PEACH_BLESS").is_some() {
        std::fs::write(&path, found).expect("the page can be written");
    } else {
        assert!(
            found == page,
            "PEACH_BLESS=1 cargo test --test filetests writes it anew:\n{found}"
        );
    }
}

/// The page with the dump of its kernel after each comment that names a step.
fn with_dumps(page: &str) -> String {
    let kernel = block(page, "```rust\n").expect("the page begins with its kernel");
    let kernel = kernel.trim().trim_start_matches("peach_fn! {").trim_end_matches('}');
    let mut found = String::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("<!-- after ") {
        let (name, after) = after.split_once(" -->").expect("the comment ends");
        let step = Step::parse(name).unwrap_or_else(|| panic!("there is no step `{name}`"));
        let dump = dump(&kernel_of(kernel), &[step]);
        found += &format!("{before}<!-- after {name} -->\n```text\n{}\n```\n", dump.trim_end());
        // The old dump is removed.
        rest = match after.strip_prefix("\n```text\n").and_then(|old| old.split_once("\n```\n")) {
            Some((_, rest)) => rest,
            None => after,
        };
    }
    found + rest
}

/// The kernel as a file of its own: the closing brace of the macro went with the opening one.
fn kernel_of(text: &str) -> String {
    let missing = text.matches('{').count() - text.matches('}').count();
    format!("{text}{}", "}".repeat(missing))
}

fn block<'t>(page: &'t str, fence: &str) -> Option<&'t str> {
    let (_, rest) = page.split_once(fence)?;
    Some(rest.split_once("```")?.0)
}
