//! The grammar of peach's kernels, for programs that use tree-sitter.

use tree_sitter_language::LanguageFn;

unsafe extern "C" {
    fn tree_sitter_peach() -> *const ();
}

/// The language, for `tree_sitter::Parser::set_language`.
pub const LANGUAGE: LanguageFn = unsafe { LanguageFn::from_raw(tree_sitter_peach) };

/// What colors which nodes.
pub const HIGHLIGHTS: &str = include_str!("../queries/highlights.scm");

/// Other languages in kernels: Rust.
pub const INJECTIONS: &str = include_str!("../queries/injections.scm");
