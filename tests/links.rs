//! Every link of the Markdown documents leads somewhere: to a file, to a heading of it, to a page of
//! the documentation on docs.rs.

use peach_testing::documents::{blocks, documents, name};
use peach_testing::sources::root;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_link_leads_somewhere() {
    let (mut count, mut broken) = (0, Vec::new());
    for path in documents() {
        let text = without_code(&std::fs::read_to_string(&path).expect("a document"));
        let folder = path.parent().expect("a folder");
        for target in targets(&text) {
            count += 1;
            // Pages that rustdoc shows name modules; `pages` tests these.
            let is_right = match target.split_once("://") {
                Some((_, address)) => is_right_on_docs_rs(address),
                None => leads_somewhere(&path, folder, target),
            };
            if !is_right {
                broken.push(format!("{}: {target}", name(&path)));
            }
            let is_page_of_package = path.ends_with("README.md") && is_package(folder);
            if is_page_of_package && !target.contains("://") {
                broken.push(format!("{}: {target}: the registry shows no such file", name(&path)));
            }
        }
    }
    assert!(count > 50, "only {count} links");
    assert!(broken.is_empty(), "{} of {count}: {broken:#?}", broken.len());
}

/// The registry has a page of the folder's README.
fn is_package(folder: &Path) -> bool {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.contains("\nreadme = ")
}

/// A document without its blocks of code and what is between backticks.
fn without_code(document: &str) -> String {
    let code = blocks(document).into_iter().map(|block| block.text);
    let text = code.fold(document.to_string(), |text, block| text.replacen(&block, "", 1));
    text.split('`').step_by(2).collect()
}

/// `[words](target)`, and `[words]: target` at the start of a line.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    let inline = text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    let defined = text.lines().filter(|line| line.starts_with('['));
    inline.chain(defined.filter_map(|line| Some(line.split_once("]: ")?.1.trim())))
}

fn leads_somewhere(document: &Path, folder: &Path, target: &str) -> bool {
    let (file, place) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { document.to_path_buf() } else { folder.join(file) };
    path.exists() && (place.is_empty() || headings(&path).contains(place))
}

/// The places of a document, as GitHub names them: letters in lower case, digits, `-` for spaces.
fn headings(path: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let named = headings.map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|sign| sign.is_alphanumeric() || " -_".contains(*sign));
        kept.map(|sign| if sign == ' ' { '-' } else { sign }).collect()
    });
    named.collect()
}

/// Of addresses of ours: a crate, or a module that shows a page. Others cannot be asked here.
fn is_right_on_docs_rs(address: &str) -> bool {
    let Some(rest) = address.strip_prefix("docs.rs/peach-") else { return true };
    let mut parts = rest.split('/').filter(|part| !part.is_empty());
    let package = root().join(format!("peach-{}", parts.next().unwrap_or_default()));
    let source = std::fs::read_to_string(package.join("src/lib.rs")).unwrap_or_default();
    let module = parts.nth(2).map(|module| format!("pub mod {module} "));
    !source.is_empty() && module.is_none_or(|module| source.contains(&module))
}
