//! How diagnostics look: code frames, and the text of `compile_error!`.

use peach_compiler::diagnostics::frame::{self, Palette};
use peach_compiler::diagnostics::{Code, Diagnostic, diagnostic_tokens, render};
use proc_macro2::{Span, TokenStream, TokenTree};

const SOURCE: &str = "fn f() {\n    let v: xmm;\n\n\n\tmovups v, w;\n}\n";

/// The span of the `n`th token of the body of `SOURCE`'s kernel.
fn token(n: usize) -> Span {
    let tokens: TokenStream = SOURCE.parse().expect("lexes");
    let Some(TokenTree::Group(body)) = tokens.into_iter().nth(3) else {
        panic!("no body");
    };
    body.stream().into_iter().nth(n).expect("a token").span()
}

fn diagnostic() -> Diagnostic {
    Diagnostic::new(Code::UndefinedName, (token(6), token(8)), "nothing is called `w`")
        .label(token(1), "a near one is declared here")
        .note("names are looked up\nin the scopes around")
        .help("did you mean `v`?")
}

#[test]
fn a_code_frame_shows_the_place_the_labels_and_the_notes() {
    let expected = "\
error[E0101]: nothing is called `w`
 --> f.peach:5:9
  |
2 |     let v: xmm;
  |         - a near one is declared here
...
5 |     movups v, w;
  |            ^^^^
  |
  = note: names are looked up
          in the scopes around
  = help: did you mean `v`?
";
    assert_eq!(frame::frame(&diagnostic(), "f.peach", SOURCE, Palette::Plain), expected);
    let colored = frame::frame(&diagnostic(), "f.peach", SOURCE, Palette::Ansi);
    let mut plain = String::new();
    for part in colored.split('\x1b') {
        plain
            .push_str(part.split_once('m').filter(|_| part.starts_with('[')).map_or(part, |p| p.1));
    }
    assert_eq!(plain, expected);
}

#[test]
fn a_frame_without_positions_still_says_what_is_wrong() {
    let lost = Diagnostic::new(Code::Internal, Span::call_site(), "lost").help("report it");
    let frame = frame::frame(&lost, "f.peach", "", Palette::Plain);
    assert_eq!(frame, "error[E0901]: lost\n--> f.peach:1:1\n = help: report it\n");
}

#[test]
fn a_range_over_several_lines_is_bracketed() {
    let range = Diagnostic::new(Code::Syntax, (token(0), token(8)), "this");
    let frame = frame::frame(&range, "f.peach", SOURCE, Palette::Plain);
    let lines = "2 | /     let v: xmm;\n... |\n5 | |     movups v, w;\n  | |_______________^\n";
    assert!(frame.contains(lines), "{frame}");
}

#[test]
fn a_compile_error_carries_notes_as_lines_and_spans_the_range() {
    let expected = "nothing is called `w` [E0101]
  = line 2: a near one is declared here
  = note: names are looked up
          in the scopes around
  = help: did you mean `v`?";
    assert_eq!(render::text(&diagnostic()), expected);
    let tokens: Vec<TokenTree> = diagnostic_tokens(&diagnostic()).into_iter().collect();
    let (first, last) = (tokens[0].span(), tokens[tokens.len() - 1].span());
    assert_eq!((first.start(), last.end()), (token(6).start(), token(8).end()));
}

#[test]
fn every_code_is_explained_and_unique() {
    let mut ids: Vec<&str> = Code::ALL.iter().map(|code| code.id()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), Code::ALL.len());
    for code in Code::ALL {
        assert!(code.explanation().ends_with('.'), "{code:?}");
    }
}
