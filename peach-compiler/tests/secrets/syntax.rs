//! The attribute and the statement themselves.

use super::{acceptance, refusal};
use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::Code::{
    BadAttribute, BadSignature, DuplicateItem, StreamMisuse, Syntax, TypeMismatch, UndefinedName,
};
use peach_compiler::pipeline;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

#[test]
fn where_the_attribute_does_not_belong() {
    let programs = [
        (BadAttribute, "#[«secret»] fn f(x: u64) {}"),
        (BadAttribute, "fn f(#[secret«(»x)] x: u64) {}"),
        (BadAttribute, "fn f(#[secret] «#[secret]» x: u64) {}"),
        (BadAttribute, "fn f(«#[secret]» x: fn()) {}"),
        (BadAttribute, "fn f(«#[secret]» x: Option<fn()>) {}"),
        (BadSignature, "fn f(«#[cold]» x: u64) {}"),
        (BadSignature, "fn f(«#[cfg_attr(unix, secret)]» x: u64) {}"),
        (BadAttribute, "fn f(x: u64) -> «#[secret]» u64 { return x; }"),
        (BadSignature, "inline fn h(«#»[secret] a: gp64) { } fn f() { }"),
    ];
    let failures: String =
        programs.iter().map(|(code, source)| without_help(*code, source)).collect();
    assert!(failures.is_empty(), "\n{failures}");
}

/// Like [`refusal`]; some of these mistakes need no help beyond the message.
fn without_help(code: peach_compiler::diagnostics::Code, source: &str) -> String {
    let (text, marks) = super::unmarked(source);
    let diagnostics = super::diagnose(&text, &SYSV64);
    let errors = super::errors(&diagnostics);
    let is_at = errors
        .iter()
        .any(|d| d.code == code && (d.place.first.start(), d.place.last.end()) == marks[0]);
    match is_at {
        true => String::new(),
        false => format!("{} of\n  {source}\n{}", code.id(), super::list(&errors)),
    }
}

#[test]
fn versions_agree() {
    let refused = [
        "#[target_feature(enable = \"avx2\")] fn f(#[secret] x: u64) -> u64 { return x; }
         fn f(«x»: u64) -> u64 { return x; }",
        "#[target_feature(enable = \"avx2\")] fn f(x: u64) -> u64 { return x; }
         fn f(«#[secret]» x: u64) -> u64 { return x; }",
    ];
    let accepted = [
        "#[target_feature(enable = \"avx2\")] fn f(#[secret] x: u64) -> u64 { return x; }
         fn f(#[secret] y: u64) -> u64 { return y; }",
        "#[target_feature(enable = \"avx2\")] fn f(#[secret] x: u64) -> u64 { return x; }
         #[fallback] fn f(#[secret] x: u64) -> u64 { x }",
        "#[target_feature(enable = \"avx2\")] fn f(#[secret] x: u64) -> u64 { return x; }
         #[fallback] fn f(x: u64) -> u64 { x }",
        "#[cfg(unix)] fn f(#[secret] x: u64) -> u64 { return x; }
         #[cfg(not(unix))] fn f(x: u64) -> u64 { return x; }",
        "#[version(enable = \"avx2\", N = 2)] #[version(N = 1)]
         fn f(#[secret] x: u64) -> u64 { add x, N; return x; }",
    ];
    let mut failures: String =
        refused.iter().map(|source| refusal(DuplicateItem, source)).collect();
    failures.extend(accepted.iter().map(|source| acceptance(source)));
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn what_can_be_declassified() {
    let refused = [
        (TypeMismatch, "fn f(x: &u64) { declassify «[x]»; }"),
        (TypeMismatch, "fn f() { declassify «7»; }"),
        (TypeMismatch, "fn f(#[secret] x: &[u8]) { declassify «x»; }"),
        (UndefinedName, "fn f() { declassify «nothing»; }"),
        (StreamMisuse, "fn f(x: u64) { stream s { «declassify» x; } issue s, ..; }"),
        (Syntax, "fn f() { let «declassify»: gp64 = 0; }"),
        (Syntax, "fn f() { const «declassify» = 1; }"),
        (Syntax, "fn f(x: u64) { declassify«;» }"),
    ];
    let accepted = [
        "fn f(x: u64) { declassify x; }",
        "fn f(#[secret] x: u64) { declassify x, x.gp32; let a: [gp64; 2] = [1, 2]; declassify a[0..1], a; }",
        "fn f(#[secret] x: u128) { declassify x; test x.lo, x.lo; jz 'end; 'end: }",
        "fn f(#[secret] x: u64) { let b: [u64; 4]; mov [b], x; declassify b, rax, xmm1, k1; }",
        "inline fn h(a: gp64) { declassify a; } fn f(x: u64) { h(x); }",
    ];
    let mut failures: String =
        refused.iter().map(|(code, source)| without_help(*code, source)).collect();
    failures.extend(accepted.iter().map(|source| acceptance(source)));
    assert!(failures.is_empty(), "\n{failures}");
}

/// `#[$attribute]` of a macro arrives in an invisible group.
#[test]
fn the_attribute_is_taken_off_whatever_it_is_made_of() {
    let source =
        "unsafe fn f(#[secret] x: u64, #[secret] y: &[u8; 4], z: u64) -> u64 { return x; }";
    let plain: TokenStream = source.parse().expect("the test's own tokens");
    for tokens in [plain.clone(), in_invisible_groups(plain)] {
        let compilation = pipeline::compile(tokens, &SYSV64);
        assert!(!compilation.diagnostics.has_errors());
        let signature = &compilation.kernels[0].source.decl.signature;
        let secret: Vec<bool> =
            signature.params.iter().map(|param| param.secret.is_some()).collect();
        assert_eq!(secret, [true, true, false]);
        assert!(!signature.tokens.to_string().contains("secret"), "{}", signature.tokens);
    }
}

fn in_invisible_groups(tokens: TokenStream) -> TokenStream {
    let wrap = |token| match token {
        TokenTree::Ident(word) if word == "secret" => {
            let inside = TokenTree::Ident(word).into();
            TokenTree::Group(Group::new(Delimiter::None, inside))
        }
        TokenTree::Group(group) => {
            let inside = in_invisible_groups(group.stream());
            TokenTree::Group(Group::new(group.delimiter(), inside))
        }
        token => token,
    };
    tokens.into_iter().map(wrap).collect()
}
