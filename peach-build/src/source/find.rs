//! Finds the kernels in tokens: of a Rust file, every `peach_fn!`; of a bare file, all of it.
//!
//! In: the tokens of a file. Out: the contents of each `peach_fn!`, without what a `#[cfg]`
//! excludes. Follows `mod name;`, `include!("…")` and macros of the file that make kernels.
//! Fails: a file that cannot be found or read is an error at the token that names it; an include
//! that contains itself, and groups nested without end, too.

use super::cfg::Configuration;
use super::configure::{self, Configure, Verdict};
use super::files::{Search, Sources, read};
use super::macros::Macros;
use super::split::{NESTING_MAX, is_punct};
use super::{Block, Seen, split};
use peach_compiler::diagnostics::{Code, Diagnostic, Diagnostics};
use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The kernels of a file whose tokens are given.
pub(super) fn find(
    tokens: TokenStream,
    configuration: &Configuration,
    search: &Search,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> (Vec<Block>, Seen) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let is_rust = is_rust(&trees, &search.root);
    let mut names = HashSet::from(["peach_fn".to_string()]);
    renamed(&trees, &mut names, 0);
    let mut finder = Finder {
        configuration,
        search,
        sources,
        diagnostics,
        names,
        macros: Macros::default(),
        open: vec![search.root.clone()],
        blocks: Vec::new(),
        seen: Seen { is_rust, configured_out: false },
    };
    let scope = Scope::of_root(&search.root);
    if is_rust {
        finder.rust(&trees, &scope, 0);
    } else {
        let bare = finder.bare(trees, &scope, 0);
        finder.block(bare, &scope);
    }
    (finder.blocks, finder.seen)
}

/// Whether a file is Rust. Of a bare file, every item is one of the kernel language.
fn is_rust(trees: &[TokenTree], path: &Path) -> bool {
    if path.extension().is_some_and(|extension| extension == "peach") {
        return false;
    }
    let mut at = 0;
    while at < trees.len() {
        if let Some(attribute) = split::attribute(&trees[at..]) {
            at += attribute.len;
            continue;
        }
        let item = &trees[at..at + split::length(&trees[at..])];
        if is_item_of_rust(item) {
            return true;
        }
        at += item.len().max(1);
    }
    false
}

fn is_item_of_rust(item: &[TokenTree]) -> bool {
    const WORDS: &[&str] = &[
        "use",
        "mod",
        "struct",
        "enum",
        "union",
        "impl",
        "trait",
        "static",
        "type",
        "macro_rules",
        "crate",
    ];
    let word = |index: usize| match item.get(index) {
        Some(TokenTree::Ident(word)) => word.to_string(),
        _ => String::new(),
    };
    let is_macro =
        (0..item.len()).any(|index| is_punct(item.get(index + 1), '!') && !word(index).is_empty());
    let includes = word(0) == "include" && is_macro;
    let is_main = word(0) == "fn" && word(1) == "main";
    (is_macro && !includes) || is_main || (0..3).any(|index| WORDS.contains(&word(index).as_str()))
}

/// Other names that a `use` gives to the macro: `peach_fn as kernels`.
fn renamed(trees: &[TokenTree], names: &mut HashSet<String>, depth: usize) {
    for window in trees.windows(3) {
        if let [TokenTree::Ident(name), TokenTree::Ident(word), TokenTree::Ident(other)] = window
            && name == "peach_fn"
            && word == "as"
        {
            names.insert(other.to_string());
        }
    }
    for tree in trees {
        if let TokenTree::Group(group) = tree
            && depth < NESTING_MAX
        {
            renamed(&group.stream().into_iter().collect::<Vec<_>>(), names, depth + 1);
        }
    }
}

/// A place in the tree of modules, and where their files are.
#[derive(Clone)]
struct Scope {
    /// The modules around it, as they are called, the outermost first.
    names: Vec<String>,
    /// The directory of the file: what `include!` is relative to.
    file: PathBuf,
    /// The directory of its modules.
    modules: PathBuf,
}

impl Scope {
    /// Of the file that was named, which counts as the root of a crate.
    fn of_root(path: &Path) -> Scope {
        let directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
        Scope { names: Vec::new(), file: directory.clone(), modules: directory }
    }

    /// The same modules, in another file.
    fn included(&self, path: &Path) -> Scope {
        Scope { names: self.names.clone(), ..Scope::of_root(path) }
    }

    /// Of the file of module `name`, which is declared here.
    fn of_module(&self, path: &Path, name: &str) -> Scope {
        let directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let is_mod_rs = path.file_name().is_some_and(|file| file == "mod.rs");
        let modules = if is_mod_rs { directory.clone() } else { directory.join(name) };
        Scope { names: self.names_with(name), file: directory, modules }
    }

    /// Of `mod name { … }`, whose files are in `folder`.
    fn inside(&self, name: &str, folder: &str) -> Scope {
        let modules = self.modules.join(folder);
        Scope { names: self.names_with(name), file: self.file.clone(), modules }
    }

    fn names_with(&self, name: &str) -> Vec<String> {
        self.names.iter().cloned().chain([name.to_string()]).collect()
    }
}

struct Finder<'f> {
    configuration: &'f Configuration,
    search: &'f Search,
    sources: &'f mut Sources,
    diagnostics: &'f mut Diagnostics,
    /// What `peach_fn!` is called.
    names: HashSet<String>,
    macros: Macros,
    /// The files that are being read, each included by the one before it.
    open: Vec<PathBuf>,
    blocks: Vec<Block>,
    seen: Seen,
}

impl Finder<'_> {
    /// Looks through tokens of Rust.
    fn rust(&mut self, trees: &[TokenTree], scope: &Scope, depth: usize) {
        if self.is_too_deep(trees, depth) {
            return;
        }
        let mut at = 0;
        while at < trees.len() {
            let (verdict, len) = self.configure().attributes(&trees[at..]);
            let is_inner = configure::is_inner(&trees[at..]);
            at += len;
            if is_inner && verdict.is_wanted {
                continue;
            }
            if is_inner {
                self.seen.configured_out = true;
                return;
            }
            let item = &trees[at..at + split::length(&trees[at..])];
            if verdict.is_wanted {
                self.item(item, &verdict, scope, depth);
            } else {
                self.seen.configured_out = true;
            }
            at += item.len();
        }
    }

    /// One item of Rust, or whatever else ends where an item would.
    fn item(&mut self, item: &[TokenTree], verdict: &Verdict, scope: &Scope, depth: usize) {
        let mut at = 0;
        let mut inside = scope.clone();
        while at < item.len() {
            match &item[at..] {
                [
                    TokenTree::Ident(name),
                    TokenTree::Punct(bang),
                    TokenTree::Ident(new),
                    TokenTree::Group(rules),
                    ..,
                ] if name == "macro_rules" && bang.as_char() == '!' => {
                    self.macros.define(new, rules, self.diagnostics);
                    at += 4;
                }
                [TokenTree::Ident(name), TokenTree::Punct(bang), TokenTree::Group(group), ..]
                    if bang.as_char() == '!' =>
                {
                    self.invocation(name, group, scope, depth);
                    at += 3;
                }
                [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Punct(end), ..]
                    if word == "mod" && end.as_char() == ';' =>
                {
                    self.module(name, verdict.path.as_deref(), scope, depth);
                    at += 3;
                }
                [TokenTree::Ident(word), TokenTree::Ident(name), ..] if word == "mod" => {
                    let name = unraw(name);
                    inside = scope.inside(&name, verdict.path.as_deref().unwrap_or(&name));
                    at += 2;
                }
                [TokenTree::Group(group), ..] => {
                    self.rust(&group.stream().into_iter().collect::<Vec<_>>(), &inside, depth + 1);
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }

    fn configure(&mut self) -> Configure<'_> {
        Configure::new(self.configuration, self.diagnostics, &mut self.seen.configured_out)
    }

    /// Keeps the contents of a `peach_fn!`.
    fn block(&mut self, trees: Vec<TokenTree>, scope: &Scope) {
        let tokens = self.configure().kernels(trees, 0).into_iter().collect();
        self.blocks.push(Block { tokens, modules: scope.names.clone() });
    }

    /// `name!(…)`.
    fn invocation(&mut self, name: &Ident, group: &Group, scope: &Scope, depth: usize) {
        let text = name.to_string();
        if self.names.contains(&text) {
            self.block(group.stream().into_iter().collect(), scope);
        } else if text == "include" {
            if let Some((path, trees)) = self.included(group, scope) {
                self.rust(&trees, &scope.included(&path), depth + 1);
                self.open.pop();
            }
        } else if self.macros.is_of_interest(&text, &self.names) {
            if let Some(made) = self.macros.expand(name, group, self.diagnostics) {
                self.rust(&made.into_iter().collect::<Vec<_>>(), scope, depth + 1);
            }
        } else {
            self.rust(&group.stream().into_iter().collect::<Vec<_>>(), scope, depth + 1);
        }
    }

    /// The items of a bare file: kernels, and `include!("…");`.
    fn bare(&mut self, trees: Vec<TokenTree>, scope: &Scope, depth: usize) -> Vec<TokenTree> {
        let mut out = Vec::new();
        let mut at = 0;
        if self.is_too_deep(&trees, depth) {
            return out;
        }
        while at < trees.len() {
            match &trees[at..] {
                [
                    TokenTree::Ident(name),
                    TokenTree::Punct(bang),
                    TokenTree::Group(group),
                    rest @ ..,
                ] if name == "include" && bang.as_char() == '!' => {
                    if let Some((path, inner)) = self.included(group, scope) {
                        out.extend(self.bare(inner, &scope.included(&path), depth + 1));
                        self.open.pop();
                    }
                    at += 3 + usize::from(is_punct(rest.first(), ';'));
                }
                rest if is_inner_comment(rest) => at += 3,
                rest => {
                    let attributes = attributes_len(rest);
                    let len = (attributes + split::length(&rest[attributes..])).max(1);
                    out.extend(rest[..len].iter().cloned());
                    at += len;
                }
            }
        }
        out
    }

    /// `mod name;`
    fn module(&mut self, name: &Ident, path: Option<&str>, scope: &Scope, depth: usize) {
        let text = unraw(name);
        let (directory, candidates) = match path {
            Some(path) => (&scope.file, vec![PathBuf::from(path)]),
            None => {
                let file = PathBuf::from(format!("{text}.rs"));
                (&scope.modules, vec![file, Path::new(&text).join("mod.rs")])
            }
        };
        let what = format!("the file of module `{text}`");
        if let Some((path, trees)) = self.open(directory, &candidates, name.span(), &what) {
            self.rust(&trees, &scope.of_module(&path, &text), depth + 1);
            self.open.pop();
        }
    }

    /// What `include!(…)` includes. The file is on the list of open ones.
    fn included(&mut self, group: &Group, scope: &Scope) -> Option<(PathBuf, Vec<TokenTree>)> {
        let inside: Vec<TokenTree> = group.stream().into_iter().collect();
        let path = match inside.first() {
            Some(TokenTree::Literal(literal)) => configure::string(literal),
            _ => None,
        };
        let Some(path) = path else {
            let problem = Diagnostic::new(
                Code::NotOutsideRust,
                group.span_open(),
                "only rustc can evaluate the name of this file",
            );
            self.diagnostics.push(problem.help("name the file with a string literal"));
            return None;
        };
        let what = format!("`{path}`");
        self.open(&scope.file, &[PathBuf::from(path)], group.span_open(), &what)
    }

    /// Reads a file that `place` names.
    fn open(
        &mut self,
        directory: &Path,
        candidates: &[PathBuf],
        place: Span,
        what: &str,
    ) -> Option<(PathBuf, Vec<TokenTree>)> {
        let error = |message: String| Diagnostic::new(Code::MissingFile, place, message);
        if self.search.directories.is_none() {
            let problem = error(format!("{what} is not read: only files include others"));
            self.diagnostics.push(problem.help("paste what is in it"));
            return None;
        }
        let path = match self.search.resolve(directory, candidates) {
            Ok(path) => path,
            Err(places) => {
                let places: Vec<String> =
                    places.iter().map(|place| place.display().to_string()).collect();
                let problem = error(format!("{what} was not found"));
                let problem = problem.note(format!("searched for {}", places.join(", ")));
                let option = self.search.words.search();
                self.diagnostics.push(problem.help(format!("{option} adds a directory to search")));
                return None;
            }
        };
        if self.open.contains(&path) || self.open.len() > NESTING_MAX {
            self.diagnostics.push(error(format!("{what} includes itself")));
            return None;
        }
        let text = match read(&path) {
            Ok(text) => text,
            Err(problem) => {
                self.diagnostics.push(error(problem.to_string()));
                return None;
            }
        };
        match self.sources.add(&path, text) {
            Ok(tokens) => {
                self.open.push(path.clone());
                Some((path, tokens.into_iter().collect()))
            }
            Err(problem) => {
                self.diagnostics.push(*problem);
                None
            }
        }
    }

    fn is_too_deep(&mut self, trees: &[TokenTree], depth: usize) -> bool {
        if depth <= NESTING_MAX {
            return false;
        }
        let place = trees.first().map_or_else(Span::call_site, TokenTree::span);
        let message =
            format!("groups, files and macros are nested more than {NESTING_MAX} levels deep");
        self.diagnostics.push(Diagnostic::new(Code::Syntax, place, message));
        true
    }
}

/// A name without `r#`.
fn unraw(name: &Ident) -> String {
    name.to_string().trim_start_matches("r#").to_string()
}

/// `//!`: what a file says of itself.
fn is_inner_comment(trees: &[TokenTree]) -> bool {
    let Some(attribute) = split::attribute(trees).filter(|attribute| attribute.is_inner) else {
        return false;
    };
    let first = attribute.brackets.stream().into_iter().next();
    matches!(first, Some(TokenTree::Ident(name)) if name == "doc")
}

fn attributes_len(trees: &[TokenTree]) -> usize {
    let mut at = 0;
    while let Some(attribute) = split::attribute(&trees[at..]) {
        at += attribute.len;
    }
    at
}
