//! All kernels of the repository, for Native Client: either the validator accepts their code, or
//! the error says why there is none.

use peach_compiler::abi::{Convention, NACL, SYSV64};
use peach_compiler::diagnostics::{Code, Diagnostic};
use peach_compiler::pipeline::{Compilation, compile};
use peach_compiler::sandbox::validate;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a kernel may be refused for that other conventions take.
const REASONS: [Code; 4] =
    [Code::Refused, Code::MissingExtension, Code::OutOfRegisters, Code::FixedConflict];

#[test]
fn all_kernels_are_valid_or_refused_with_a_reason() {
    let mut refused: BTreeMap<&str, usize> = BTreeMap::new();
    let mut valid = 0;
    for (path, tokens) in sources() {
        let ordinary = compile_for(&tokens, &SYSV64);
        if ordinary.diagnostics.has_errors() {
            continue;
        }
        let compilation = compile_for(&tokens, &NACL);
        let errors = compilation.diagnostics.iter().filter(|d| d.code.id().starts_with('E'));
        for Diagnostic { code, message, notes, .. } in errors {
            assert!(REASONS.contains(code), "{}: {message} {notes:?}", path.display());
            *refused.entry(code.id()).or_default() += 1;
        }
        for version in compilation.kernels.iter().flat_map(|kernel| &kernel.versions) {
            if version.function.convention != &NACL {
                continue;
            }
            let encoded = &version.encoded;
            assert_eq!((encoded.code_len % 32, encoded.align % 32), (0, 0));
            validate(&encoded.bytes[..encoded.code_len])
                .unwrap_or_else(|bad| panic!("{}: {bad}", path.display()));
            valid += 1;
        }
    }
    println!("{valid} kernels are valid; errors of the others: {refused:?}");
    assert!(valid > 80, "only {valid} kernels were compiled");
}

fn compile_for(tokens: &TokenStream, convention: &'static Convention) -> Compilation {
    compile(tokens.clone(), convention)
}

/// The bodies of every `peach_fn!` of examples, benches and tests, without conventions of their
/// own.
fn sources() -> Vec<(PathBuf, TokenStream)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["examples", "tests", "benches"] {
        for path in rust_files(&root.join(folder)) {
            let text = std::fs::read_to_string(&path).expect("the file can be read");
            let tokens: TokenStream = text.parse().expect("the file is Rust");
            let mut bodies = Vec::new();
            collect(tokens, &mut bodies);
            found.extend(bodies.into_iter().map(|body| (path.clone(), without_convention(body))));
        }
    }
    found
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let files = paths.into_iter().flat_map(|path| match path.is_dir() {
        true => rust_files(&path),
        false => vec![path],
    });
    files.filter(|path| path.extension().is_some_and(|ext| ext == "rs")).collect()
}

fn collect(tokens: TokenStream, bodies: &mut Vec<TokenStream>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let is =
            |back: usize, word: &str| index >= back && tokens[index - back].to_string() == word;
        if is(1, "!") && is(2, "peach_fn") {
            bodies.push(group.stream());
        } else {
            collect(group.stream(), bodies);
        }
    }
}

/// Drops every `extern "…"`.
fn without_convention(tokens: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Literal(literal)
                if kept.last().is_some_and(|last| last.to_string() == "extern") =>
            {
                let _ = literal;
                kept.pop();
            }
            // Only items have conventions.
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let mut inner = Group::new(Delimiter::Brace, without_convention(group.stream()));
                inner.set_span(group.span());
                kept.push(inner.into());
            }
            other => kept.push(other),
        }
    }
    kept.into_iter().collect()
}
