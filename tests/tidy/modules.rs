//! The modules of the compiler, what each defines, and what each names.
//!
//! Reads tokens, not types: methods and what macros make of names are not seen.

use crate::circles::Dependencies;
use crate::sources::sources;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A module by its path from the crate's root: `[isa, forms]`.
type Path = Vec<String>;

/// The modules of a crate.
pub struct Modules(BTreeMap<Path, Module>);

#[derive(Default)]
struct Module {
    file: String,
    /// Items that it defines.
    items: BTreeSet<String>,
    /// Names that it imports or re-exports, with the paths that they stand for.
    imports: BTreeMap<String, Import>,
    /// Modules of which it imports everything.
    globs: Vec<Import>,
    /// Every path that it names, but in re-exports.
    named: Vec<Path>,
}

struct Import {
    path: Path,
    is_export: bool,
}

impl Modules {
    /// Those of the compiler.
    pub fn of_compiler() -> Modules {
        Modules::of(&sources(""))
    }

    /// Those of these files.
    pub fn of(sources: &[(PathBuf, String)]) -> Modules {
        let mut modules = Modules(BTreeMap::new());
        for (path, text) in sources {
            let file = path.to_string_lossy();
            let is_test = file.ends_with("tests.rs") || file.contains("/tests/");
            if !is_test {
                let tokens: TokenStream = text.parse().expect("a source has tokens");
                let module: Path = file
                    .trim_end_matches(".rs")
                    .split('/')
                    .filter(|part| !["mod", "lib"].contains(part))
                    .map(String::from)
                    .collect();
                modules.read(&module, &file, tokens.into_iter().collect());
            }
        }
        modules
    }

    /// Which files each file depends on.
    pub fn dependencies(&self) -> Dependencies {
        let mut dependencies = Dependencies::new();
        for (path, module) in &self.0 {
            let of_file = dependencies.entry(module.file.clone()).or_default();
            for name in &module.named {
                let Some((file, item)) = self.definition(path, path, name) else { continue };
                if file != module.file && !is_head_of(&file, &module.file) {
                    of_file.entry(file).or_default().insert(item);
                }
            }
        }
        dependencies
    }

    /// The file that defines what `path` stands for in `module`, and its name there; private
    /// imports count only for `user`, a module inside of those that have them.
    fn definition(&self, user: &Path, module: &Path, path: &[String]) -> Option<(String, String)> {
        let (first, rest) = path.split_first()?;
        let here = self.0.get(module)?;
        match first.as_str() {
            "crate" => return self.definition(user, &Vec::new(), rest),
            "super" => return self.definition(user, &module[..module.len() - 1].to_vec(), rest),
            "self" => return self.definition(user, module, rest),
            _ => {}
        }
        let below = [module.as_slice(), std::slice::from_ref(first)].concat();
        if self.0.contains_key(&below) && !rest.is_empty() {
            return self.definition(user, &below, rest);
        }
        if here.items.contains(first) {
            return Some((here.file.clone(), first.clone()));
        }
        let is_visible = |is_export: bool| is_export || user.starts_with(module);
        let import = here.imports.get(first).filter(|import| is_visible(import.is_export));
        if let Some(import) = import.filter(|import| import.path[0] != *first || rest.is_empty()) {
            let whole = [import.path.as_slice(), rest].concat();
            return if whole == path { None } else { self.definition(module, module, &whole) };
        }
        let mut globs = here.globs.iter().filter(|glob| is_visible(glob.is_export));
        globs.find_map(|glob| {
            let whole = [glob.path.as_slice(), path].concat();
            self.definition(module, module, &whole).filter(|(_, item)| path.contains(item))
        })
    }

    fn read(&mut self, path: &Path, file: &str, tokens: Vec<TokenTree>) {
        let mut module = Module { file: file.to_string(), ..Module::default() };
        let mut at = 0;
        while at < tokens.len() {
            if is_test_attribute(&tokens[at..]) {
                at = end_of_item(&tokens, at + 2);
                continue;
            }
            match word(tokens.get(at)).as_deref() {
                Some("use") => {
                    let is_export = at > 0 && is_visibility(&tokens, at);
                    let end = end_of_item(&tokens, at);
                    module.import(&tokens[at + 1..end], is_export);
                    at = end;
                    continue;
                }
                Some("mod") => {
                    if let (Some(name), Some(TokenTree::Group(body))) =
                        (word(tokens.get(at + 1)), tokens.get(at + 2))
                    {
                        let inner = [path.as_slice(), &[name]].concat();
                        self.read(&inner, file, body.stream().into_iter().collect());
                        at += 3;
                        continue;
                    }
                }
                // `'static` is a lifetime.
                Some("static") if at > 0 && is_punct(&tokens[at - 1], '\'') => {}
                Some(
                    "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "union"
                    | "macro_rules",
                ) => {
                    let is_before = |t: &&TokenTree| match t {
                        TokenTree::Ident(word) => ["fn", "mut"].iter().any(|w| word == w),
                        TokenTree::Punct(punct) => punct.as_char() == '!',
                        _ => false,
                    };
                    let name = tokens[at + 1..].iter().find(|t| !is_before(t));
                    let name = word(name);
                    module.items.extend(name);
                }
                _ => {}
            }
            at += 1;
        }
        module.name_paths(&tokens);
        self.0.insert(path.clone(), module);
    }
}

impl Module {
    /// Reads what stands between `use` and `;`.
    fn import(&mut self, tree: &[TokenTree], is_export: bool) {
        let mut leaves = Vec::new();
        read_tree(tree, &Vec::new(), &mut leaves);
        for (path, alias) in leaves {
            match path.last().map(String::as_str) {
                Some("*") => {
                    let path = path[..path.len() - 1].to_vec();
                    self.globs.push(Import { path, is_export });
                }
                Some(_) => {
                    if !is_export {
                        self.named.push(path.clone());
                    }
                    self.imports.insert(alias, Import { path, is_export });
                }
                None => {}
            }
        }
    }

    /// Collects every path `a::b::c` in `tokens`, outside of `use`.
    fn name_paths(&mut self, tokens: &[TokenTree]) {
        let mut at = 0;
        while at < tokens.len() {
            if is_test_attribute(&tokens[at..]) {
                at = end_of_item(tokens, at + 2);
                continue;
            }
            match &tokens[at] {
                TokenTree::Ident(ident) if ident == "use" => {
                    at = end_of_item(tokens, at);
                    continue;
                }
                TokenTree::Ident(ident) if ident == "mod" => {
                    // Inner modules name for themselves.
                    at += 3;
                    continue;
                }
                TokenTree::Ident(ident) => {
                    let mut path = vec![ident.to_string()];
                    while is_colons(&tokens[at + 1..]) {
                        let Some(next) = word(tokens.get(at + 3)) else { break };
                        path.push(next);
                        at += 3;
                    }
                    self.named.push(path);
                }
                TokenTree::Group(group) => {
                    self.name_paths(&group.stream().into_iter().collect::<Vec<_>>());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            at += 1;
        }
    }
}

/// The leaves of a tree of `use`, each with the name that it gets.
fn read_tree(tree: &[TokenTree], prefix: &Path, leaves: &mut Vec<(Path, String)>) {
    let mut path = prefix.clone();
    let mut at = 0;
    while at < tree.len() {
        match &tree[at] {
            TokenTree::Ident(ident) if ident == "as" => {
                let alias = word(tree.get(at + 1)).unwrap_or_default();
                leaves.push((path, alias));
                return;
            }
            TokenTree::Ident(ident) if ident == "self" && !path.is_empty() => {}
            TokenTree::Ident(ident) => path.push(ident.to_string()),
            TokenTree::Punct(punct) if punct.as_char() == '*' => path.push("*".to_string()),
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let is_comma =
                    |t: &TokenTree| matches!(t, TokenTree::Punct(p) if p.as_char() == ',');
                inner.split(is_comma).for_each(|part| read_tree(part, &path, leaves));
                return;
            }
            _ => {}
        }
        at += 1;
    }
    if let Some(last) = path.last().cloned().filter(|_| !tree.is_empty()) {
        leaves.push((path, last));
    }
}

/// Whether `head` is the `mod.rs` of a folder that `file` is in.
fn is_head_of(head: &str, file: &str) -> bool {
    head.strip_suffix("mod.rs").is_some_and(|folder| file.starts_with(folder))
}

fn word(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}

fn is_colons(tokens: &[TokenTree]) -> bool {
    let is_colon = |t: &TokenTree| matches!(t, TokenTree::Punct(p) if p.as_char() == ':');
    tokens.len() >= 2 && tokens[..2].iter().all(is_colon)
}

/// `#[cfg(test)]`.
fn is_test_attribute(tokens: &[TokenTree]) -> bool {
    let is_hash = matches!(&tokens[0], TokenTree::Punct(p) if p.as_char() == '#');
    is_hash
        && matches!(tokens.get(1), Some(TokenTree::Group(g)) if g.stream().to_string().replace(' ', "") == "cfg(test)")
}

/// Whether `pub` or `pub(…)` stands before `at`.
fn is_visibility(tokens: &[TokenTree], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
    let is_group =
        matches!(before(1), Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Parenthesis);
    word(before(if is_group { 2 } else { 1 })).as_deref() == Some("pub")
}

/// The place after the item that starts at `at`: after its `;` or its braces.
fn end_of_item(tokens: &[TokenTree], at: usize) -> usize {
    let is_import = tokens[at..].iter().take(3).any(|t| word(Some(t)).as_deref() == Some("use"));
    let ends = |t: &TokenTree| match t {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !is_import,
        _ => false,
    };
    tokens[at..].iter().position(ends).map_or(tokens.len(), |length| at + length + 1)
}
