//! The grammar reads every kernel of the repository, and sees in it what is there.

use proc_macro2::{TokenStream, TokenTree};
use std::fs;
use std::path::{Path, PathBuf};
use tree_sitter::{Node, Parser, Query, QueryCursor, StreamingIterator, Tree};
use tree_sitter_peach::{HIGHLIGHTS, INJECTIONS, LANGUAGE};

fn parse(text: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&LANGUAGE.into()).expect("the versions go together");
    parser.parse(text, None).expect("no limit is set")
}

/// The places of errors, with their lines.
fn errors(text: &str) -> Vec<String> {
    let tree = parse(text);
    let mut found = Vec::new();
    let mut nodes = vec![tree.root_node()];
    while let Some(node) = nodes.pop() {
        if node.is_error() || node.is_missing() {
            let line = text.lines().nth(node.start_position().row).unwrap_or_default();
            found.push(format!("{}: {line}", node.start_position().row + 1));
        } else if node.has_error() {
            nodes.extend((0..node.child_count()).filter_map(|index| node.child(index)));
        }
    }
    found
}

/// Kernels that the grammar does not read: names that are keywords anywhere else (`issue[0] = byte`),
/// types and paths of Rust that no kernel needs (`dyn Fn(&u8)`, `sym f::<-7>`), and constants of
/// families, whose names it takes for a decoration (`TIMES_{B}`).
const EXOTIC: [&str; 3] =
    ["tests/accepted/borders.peach", "tests/pointees.rs", "tests/sentences.rs"];

#[test]
fn every_kernel_of_the_repository_is_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut count = 0;
    let mut wrong = Vec::new();
    for path in files(&root) {
        let name = path.strip_prefix(&root).expect("it is in it").display().to_string();
        // What must be refused is not a kernel.
        if name.starts_with("tests/refused") || EXOTIC.contains(&name.as_str()) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source is text");
        for kernels in kernels_of(&name, &text) {
            count += 1;
            wrong.extend(errors(kernels).into_iter().map(|error| format!("{name}:{error}")));
        }
    }
    assert!(wrong.is_empty(), "{} errors:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 60, "{count} texts");
}

/// The whole of a file of kernels; of Rust, what is inside of each `peach_fn!` that no macro
/// completes.
fn kernels_of<'t>(name: &str, text: &'t str) -> Vec<&'t str> {
    if name.ends_with(".peach") {
        return vec![text];
    }
    let mut found = Vec::new();
    if let Ok(tokens) = text.parse::<TokenStream>() {
        invocations(tokens, text, &mut found);
    }
    found.retain(|kernels| !kernels.contains('$'));
    found
}

fn invocations<'t>(tokens: TokenStream, text: &'t str, found: &mut Vec<&'t str>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, tree) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = tree else { continue };
        let is_kernels = index >= 2
            && matches!(&tokens[index - 2], TokenTree::Ident(name) if name == "peach_fn")
            && matches!(&tokens[index - 1], TokenTree::Punct(sign) if sign.as_char() == '!');
        if is_kernels {
            let range = group.span_open().byte_range().end..group.span_close().byte_range().start;
            found.push(&text[range]);
        } else {
            invocations(group.stream(), text, found);
        }
    }
}

/// Files with kernels: examples, tests, the library.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            // Tests of messages have wrong kernels.
            let skipped = ["target", "node_modules", "rustc", "safety", "golden"];
            if !name.starts_with('.') && !skipped.contains(&name.as_str()) {
                found.extend(files(&path));
            }
        } else if name.ends_with(".peach") || name.ends_with(".rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

const KERNEL: &str = "\
/* a /* nested */ one */
#[target_feature(enable = \"avx\")]
pub unsafe fn f_{B}<'a>(x: &'a [f32; 4], n: u64) -> Option<&'a f32> {
    let a, b: ymm = f32x8(1.5);
    'next[1]: lock add dword ptr [x.ptr + 4*n - 8], 1;
    vaddps a{k1}{z}, b, [x]{1to16}, {rn-sae};
    for i in (0..8).rev() { jnz continue 'next; }
    mov eax, const { size_of::<u8>() };
    return a[0].xmm;
}
#[fallback] fn f() -> u8 { let x = vec![1]; x.iter().map(|x| x + 1).sum::<u8>() }
";

/// The text of each node of a kind.
fn texts<'t>(tree: &Tree, text: &'t str, kind: &str) -> Vec<&'t str> {
    let mut found = Vec::new();
    let mut nodes: Vec<Node<'_>> = vec![tree.root_node()];
    while let Some(node) = nodes.pop() {
        if node.is_named() && node.kind() == kind {
            found.push(&text[node.byte_range()]);
        }
        nodes.extend((0..node.child_count()).rev().filter_map(|index| node.child(index)));
    }
    found
}

#[test]
fn the_parts_of_a_kernel_are_nodes() {
    let tree = parse(KERNEL);
    assert_eq!(errors(KERNEL), [] as [&str; 0], "{}", tree.root_node());
    for (kind, expected) in [
        ("block_comment", &["/* a /* nested */ one */", "/* nested */"] as &[&str]),
        ("name", &["f_{B}", "f"]),
        ("prefix", &["lock"]),
        ("size", &["dword"]),
        ("decoration", &["{k1}", "{z}", "{1to16}", "{rn-sae}"]),
        ("label_definition", &["'next[1]:"]),
        ("end", &["continue 'next"]),
        ("rust", &["const { size_of::<u8>() }"]),
        ("float", &["1.5"]),
        ("for", &["for i in (0..8).rev() { jnz continue 'next; }"]),
        ("return", &["return a[0].xmm;"]),
    ] {
        assert_eq!(texts(&tree, KERNEL, kind), expected, "{kind}");
    }
    assert_eq!(texts(&tree, KERNEL, "instruction").len(), 4);
    assert_eq!(texts(&tree, KERNEL, "fallback").len(), 1);
}

#[test]
fn the_queries_are_valid_and_color_what_they_mean() {
    Query::new(&LANGUAGE.into(), INJECTIONS).expect("injections.scm");
    let query = Query::new(&LANGUAGE.into(), HIGHLIGHTS).expect("highlights.scm");
    let tree = parse(KERNEL);
    let mut cursor = QueryCursor::new();
    let mut captures = cursor.captures(&query, tree.root_node(), KERNEL.as_bytes());
    let mut colors: Vec<(&str, &str)> = Vec::new();
    while let Some((found, index)) = captures.next() {
        let capture = found.captures[*index];
        let name = query.capture_names()[capture.index as usize];
        colors.push((&KERNEL[capture.node.byte_range()], name));
    }
    for expected in [
        ("vaddps", "function.builtin"),
        ("lock", "keyword.modifier"),
        ("dword", "keyword.modifier"),
        ("f_{B}", "function"),
        ("eax", "variable.builtin"),
        ("continue", "keyword.control"),
        ("'next", "label"),
        ("1.5", "number"),
    ] {
        assert!(colors.contains(&expected), "{expected:?} in {colors:?}");
    }
}
