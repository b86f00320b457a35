//! The documentation as rustdoc builds it: every link within it leads somewhere.

use peach_testing::sources::files;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// The crates whose pages a user reads.
const CRATES: [&str; 5] =
    ["peach_runtime", "peach_build", "peach_macros", "peach_test", "peach_kernels"];

/// What a page links to, and the names of its places.
struct Page {
    links: BTreeSet<String>,
    places: BTreeSet<String>,
}

#[test]
fn every_link_leads_somewhere() {
    let built = build();
    let paths = CRATES.iter().flat_map(|name| files(&built.join(name), "html"));
    let pages: BTreeMap<PathBuf, Page> = paths.map(|path| (path.clone(), read(&path))).collect();
    let (mut broken, mut count) = (Vec::new(), 0);
    for (path, page) in &pages {
        for link in &page.links {
            count += 1;
            if !leads_somewhere(path, link, &pages) {
                broken.push(format!("{}: {link}", path.strip_prefix(&built).unwrap().display()));
            }
        }
    }
    assert!(count > 300, "{count}");
    assert!(broken.is_empty(), "{} of {count} links: {broken:#?}", broken.len());
}

/// Builds the pages with all features, as docs.rs does; a link that rustdoc does not understand is
/// an error.
fn build() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    let _ = std::fs::remove_dir_all(target.join("doc"));
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["doc", "--no-deps", "--all-features", "--offline", "--target-dir"])
        .arg(&target)
        .args(CRATES.iter().flat_map(|name| ["-p".to_string(), name.replace('_', "-")]))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("RUSTDOCFLAGS", "-Dwarnings -Arustdoc::private_intra_doc_links")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join("doc")
}

fn read(path: &Path) -> Page {
    let text = std::fs::read_to_string(path).expect("a page");
    Page { links: values(&text, "href"), places: values(&text, "id") }
}

/// The values of an attribute.
fn values(page: &str, attribute: &str) -> BTreeSet<String> {
    let start = format!(" {attribute}=\"");
    let values = page.split(&start).skip(1).filter_map(|rest| rest.split_once('"'));
    values.map(|(value, _)| value.replace("&amp;", "&").replace("&#39;", "'")).collect()
}

/// Whether a link leads to a page that exists, and to a place on it. What leads out of the pages is
/// not followed: other sites, and crates whose pages are not built.
fn leads_somewhere(from: &Path, link: &str, pages: &BTreeMap<PathBuf, Page>) -> bool {
    if link.contains("://") {
        return true;
    }
    let (file, place) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { from.to_path_buf() } else { joined(from, file) };
    match pages.get(&target) {
        // Numbers of lines are made by a script.
        Some(_) if target.components().any(|part| part.as_os_str() == "src") => true,
        Some(page) => place.is_empty() || page.places.contains(place),
        None => target.is_file(),
    }
}

/// `file` as seen from the page `from`.
fn joined(from: &Path, file: &str) -> PathBuf {
    let mut target = from.parent().expect("a folder").to_path_buf();
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir => drop(target.pop()),
            Component::CurDir => {}
            part => target.push(part),
        }
    }
    target
}
