//! The kernels of the repository.

use peach_testing::sources::files;
use proc_macro2::{TokenStream, TokenTree};
use std::path::Path;

/// The texts of kernels among the literals of the Rust files below a folder of this crate.
pub fn in_literals(folder: &str) -> impl Iterator<Item = (String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    files(&folder, "rs").into_iter().flat_map(|path| {
        let text = std::fs::read_to_string(&path).expect("the file can be read");
        let mut found = Vec::new();
        literals(text.parse().expect("Rust"), &mut found);
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        found.into_iter().enumerate().map(move |(at, text)| (format!("{name} {at}"), text))
    })
}

/// The contents of each `peach_fn!`, and files of kernels.
pub fn of_repository() -> impl Iterator<Item = (String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let bare = files(&root.join("tests/accepted"), "peach").into_iter().map(|path| {
        let text = std::fs::read_to_string(&path).expect("the file can be read");
        (path.display().to_string(), text)
    });
    let folders = ["examples", "benches", "tests", "peach-runtime", "peach-build", "peach-cli"];
    let rust = folders.into_iter().flat_map(move |folder| files(&root.join(folder), "rs"));
    bare.chain(rust.flat_map(|path| {
        // Other tests write files while this one runs.
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let mut found = Vec::new();
        blocks(text.parse().unwrap_or_default(), &mut found);
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        found.into_iter().enumerate().map(move |(at, text)| (format!("{name} {at}"), text))
    }))
}

fn blocks(tokens: TokenStream, found: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let is_block = at >= 2
            && matches!(&tokens[at - 2], TokenTree::Ident(name) if name == "peach_fn")
            && matches!(&tokens[at - 1], TokenTree::Punct(mark) if mark.as_char() == '!');
        match is_block {
            true => found.push(group.stream().to_string()),
            false => blocks(group.stream(), found),
        }
    }
}

fn literals(tokens: TokenStream, found: &mut Vec<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => literals(group.stream(), found),
            TokenTree::Literal(literal) => {
                let text = unquoted(&literal.to_string());
                found.extend(text.filter(|text| text.contains("fn ")));
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}

/// What a literal of a string says.
fn unquoted(literal: &str) -> Option<String> {
    if let Some(raw) = literal.strip_prefix('r') {
        let text = raw.trim_matches('#');
        return Some(text.strip_prefix('"')?.strip_suffix('"')?.to_string());
    }
    let text = literal.strip_prefix('"')?.strip_suffix('"')?;
    Some(text.replace("\\n", "\n").replace("\\\"", "\"").replace("\\\\", "\\"))
}
