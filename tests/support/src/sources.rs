//! The kernels in the files of the repository: the contents of each `peach_fn!`.

use crate::macro_rules;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::path::{Path, PathBuf};

/// The folder of the repository.
pub fn root() -> &'static Path {
    let parents = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    parents.clone().nth(2).expect("this crate is two folders below it")
}

/// The files below `folder` whose names end in `.extension`, in order; none if there is no such
/// folder. What tools put there is left out: hidden folders, and what Cargo and npm build. So are
/// links, by which packages have files of others.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        match path.is_dir() {
            _ if path.is_symlink() => {}
            true if is_made_by_tools(&path) => {}
            true => found.extend(files(&path, extension)),
            false if path.extension().is_some_and(|e| e == extension) => found.push(path),
            false => {}
        }
    }
    found
}

fn is_made_by_tools(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || name == "target" || name == "node_modules"
}

/// The parts of a file that are tokens of Rust: of a `.md` document what it quotes, of any other all.
/// A file that cannot be read has none: tests write files while others run.
pub fn texts(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("md") => quoted(&text),
        // What describes the file belongs to no kernel.
        Some("peach") => vec![text.replace("\n//!", "\n//").replacen("//!", "//", 1)],
        _ => vec![text],
    }
}

/// The kernels of a file: all of a `.peach` file, what `peach_fn!` is given in any other, as its own
/// macros make it.
pub fn kernels(path: &Path) -> Vec<TokenStream> {
    texts(path).iter().flat_map(|text| find(path, macro_rules::expanded(tokens(text)))).collect()
}

/// The kernels in one of the [`texts`] of a file as they are written there: of a `macro_rules!` with
/// its `$names`.
pub fn written(path: &Path, text: &str) -> Vec<TokenStream> {
    find(path, tokens(text))
}

fn tokens(text: &str) -> TokenStream {
    text.parse().unwrap_or_default()
}

fn find(path: &Path, tokens: TokenStream) -> Vec<TokenStream> {
    match path.extension().is_some_and(|extension| extension == "peach") {
        true => vec![tokens],
        false => blocks(tokens),
    }
}

/// The contents of each `peach_fn! { … }`, at any depth.
fn blocks(tokens: TokenStream) -> Vec<TokenStream> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let is_block = at >= 2
            && matches!(&tokens[at - 2], TokenTree::Ident(name) if name == "peach_fn")
            && matches!(&tokens[at - 1], TokenTree::Punct(mark) if mark.as_char() == '!');
        match is_block {
            true => found.push(group.stream()),
            false => found.extend(blocks(group.stream())),
        }
    }
    found
}

/// Whether the token in place `at` is the `unsafe` of a block or of a function, not of a type.
pub fn is_unsafe(tokens: &[TokenTree], at: usize) -> bool {
    let is_word = |at: usize, text: &str| match tokens.get(at) {
        Some(TokenTree::Ident(word)) => word == text,
        Some(TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_)) | None => false,
    };
    let is_block = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    };
    // A type has no name: its parameters follow. Of a `macro_rules!`, `$abi` and `$name` are two
    // tokens each.
    let is_function = |at: usize| {
        is_word(at, "fn") && !matches!(tokens.get(at + 1), Some(TokenTree::Group(_)) | None)
    };
    let is_declared = match is_word(at + 1, "extern") {
        true => (at + 2..=at + 4).any(is_function),
        false => is_function(at + 1),
    };
    is_word(at, "unsafe") && (tokens.get(at + 1).is_some_and(is_block) || is_declared)
}

/// The blocks of Rust in a document.
fn quoted(document: &str) -> Vec<String> {
    let (mut found, mut open): (Vec<String>, Option<String>) = (Vec::new(), None);
    for line in document.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => open = Some(language.to_string() + "\n"),
            (None, None) => {}
            (Some(text), None) => text.extend([line, "\n"]),
            (Some(_), Some(_)) => found.extend(open.take()),
        }
    }
    let rust = found.iter().filter_map(|text| text.split_once('\n'));
    rust.filter(|(language, _)| language.starts_with("rust")).map(|(_, t)| t.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_found_at_any_depth() {
        let tokens = "mod a { peach_fn! { fn f() {} } macro_rules! m { ($x:ty) => { p::peach_fn!(fn g(x: $x) {}); } } }";
        let found = blocks(tokens.parse().expect("Rust"));
        let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[0].contains("f ()") && texts[1].contains("$ x"), "{texts:?}");
    }

    #[test]
    fn types_are_no_promise() {
        let source =
            "unsafe fn f(a: unsafe fn(u8), b: unsafe extern \"C\" fn(u8)) { unsafe { nop; } }
            pub unsafe extern \"C\" fn g() {} unsafe extern $abi fn $name() {}";
        assert_eq!(count(source.parse().expect("tokens")), 4);
    }

    fn count(tokens: TokenStream) -> usize {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let inside = |token: &TokenTree| match token {
            TokenTree::Group(group) => count(group.stream()),
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => 0,
        };
        let here = (0..tokens.len()).filter(|at| is_unsafe(&tokens, *at)).count();
        here + tokens.iter().map(inside).sum::<usize>()
    }

    #[test]
    fn documents_quote_rust() {
        let document =
            "a\n```rust\npeach_fn! { fn f() {} }\n```\n```sh\npeach\n```\n```rust,ignore\nx\n```\n";
        assert_eq!(quoted(document), ["peach_fn! { fn f() {} }\n", "x\n"]);
    }
}
