//! Errors and warnings as the user of stable rustc gets them: each at its tokens, all in one build,
//! and nothing besides.

use super::{rustc, temporary, text};
use std::fmt::Write;

/// Compiles `marked`, where `⟦…⟧` are around the tokens at which rustc must say something: in
/// order, the beginnings of what it says. Returns whether it compiles.
#[track_caller]
fn check(name: &str, marked: &str, expected: &[&str]) -> bool {
    let (mut source, mut places) = (String::new(), Vec::new());
    let (mut line, mut column) = (1, 1);
    for ch in marked.chars() {
        match ch {
            '⟦' => places.push((line, column)),
            '⟧' => {}
            _ => {
                source.push(ch);
                (line, column) = if ch == '\n' { (line + 1, 1) } else { (line, column + 1) };
            }
        }
    }
    let path = temporary(&format!("{name}.rs"));
    std::fs::write(&path, &source).unwrap();
    let output = rustc(&path, "2024").args(["--crate-type", "lib"]).output().unwrap();
    let text = text(&output);
    let prefix = format!("{}:", path.display());
    let found: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(&prefix)).collect();
    let mut wanted = String::new();
    for (place, message) in places.iter().zip(expected) {
        writeln!(wanted, "{}:{}: {message}", place.0, place.1).unwrap();
    }
    let mut found: Vec<&str> = found;
    found.retain(|line| !line.contains(" note: "));
    found.sort_by_key(|line| {
        let mut numbers = line.split(':').map(|n| n.trim().parse::<u32>().unwrap_or(0));
        (numbers.next(), numbers.next())
    });
    assert_eq!(places.len(), expected.len(), "one mark for each message");
    assert_eq!(found.len(), expected.len(), "{text}\nexpected\n{wanted}");
    for (line, wanted) in found.iter().zip(wanted.lines()) {
        assert!(line.starts_with(wanted), "{text}\nexpected\n{wanted}");
    }
    output.status.success()
}

#[test]
fn warnings_are_at_their_tokens() {
    let compiles = check(
        "warnings",
        "use peach_runtime::peach_fn;
peach_fn! {
    pub fn unused() -> u64 {
        let ⟦spare⟧: gp64;
        let _intended: gp64;
        return 1;
    }
    pub fn unreachable(x: u64) -> u64 {
        return x;
        ⟦add⟧ x, 1;
        return x;
    }
    pub fn label(x: u64) -> u64 {
        ⟦'nobody⟧: inc x;
        '_intended: return x;
    }
}
pub mod inside {
    pub fn of_a_function() -> u64 {
        peach_runtime::peach_fn! { fn local() -> u64 { let ⟦other⟧: [xmm; 2]; return 2; } }
        local()
    }
}",
        &[
            "warning: use of deprecated constant `_::W0001`: `spare` is never used",
            "warning: use of deprecated constant `_::W0002`: unreachable code",
            "warning: use of deprecated constant `_::W0003`: the label `'nobody` is never used",
            "warning: use of deprecated constant `inside::of_a_function::_::W0001`: `other`",
        ],
    );
    assert!(compiles);
}

#[test]
fn warnings_can_be_denied_and_allowed() {
    let source = "peach_runtime::peach_fn! { pub fn f() -> u64 { let ⟦spare⟧: gp64; return 1; } }";
    let error = "error: use of deprecated constant `_::W0001`: `spare` is never used";
    assert!(!check("denied", &format!("#![deny(warnings)] {source}"), &[error]));
    let source = source.replace(['⟦', '⟧'], "");
    assert!(check("allowed", &format!("#![allow(deprecated)] {source}"), &[]));
}

/// Each mistake once, and no word of the callers, whatever is wrong: tokens, signature, body,
/// safety, allocation.
#[test]
fn all_errors_in_one_build_and_none_of_callers() {
    let compiles = check(
        "errors",
        "use peach_runtime::peach_fn;
peach_fn! {
    pub fn tokens(x: u64) -> u64 { mov rax, ⟦@⟧; return rax; }
    pub fn mnemonic(x: u64) -> u64 { ⟦addd⟧ x, 1; mov rax, ⟦nothing⟧; return x; }
    pub fn operands(x: u64) -> u64 { add x, ⟦xmm0⟧; return x; }
    pub fn extension(x: u64) -> u64 { ⟦andn⟧ x, x, x; return x; }
    pub fn unwritten(x: u64) -> u64 { let t: gp64; add x, ⟦t⟧; return x; }
    pub fn memory(x: *const u64) -> u64 { mov rax, ⟦[x]⟧; return rax; }
    pub fn ⟦missing⟧(x: u64) -> u64 { inc x; }
    pub fn pressure(p: &u64) -> u64 {
        let a: [gp64; 16];
        for r in a { mov r, [p]; }
        for r in a { ⟦add⟧ a[0], r; }
        return a[0];
    }
    pub fn of_slices<'a>(x: &'a [u64], y: &mut [u8], z: u128) -> &'a u64 { ⟦nothing_at_all⟧; return x.ptr; }
    #[fallback]
    pub fn with_fallback(x: u64) -> u64 { x }
    #[target_feature(enable = ⟦\"avx3\"⟧)]
    pub fn with_fallback(x: u64) -> u64 { return x; }
    #[version(enable = \"avx2\", V = ymm)]
    #[version(V = xmm)]
    pub fn versions() -> f32 { let v: V; ⟦pxor⟧ v, v; return v.xmm; }
}
peach_fn! { pub fn parameters(x: ⟦Vec<u8>⟧) -> u64 { return 1; } }
peach_fn! { pub fn generic<⟦T⟧>(x: T) -> u64 { return 1; } }
pub fn callers(p: &u64, b: &mut [u8]) -> u64 {
    let sum = tokens(1) + mnemonic(2) + operands(3) + extension(4) + unwritten(5) + memory(p);
    let sum = sum + missing(1) + pressure(p) + of_slices(&[1], b, 5) + with_fallback(1);
    let pointer: extern \"C\" fn(u64) -> u64 = tokens::KERNEL.get();
    versions();
    sum + pointer(1) + tokens::KERNEL.code().len() as u64 + parameters(Vec::new()) + generic(b'x')
}",
        &[
            "error: expected an operand, found `@` [E0001]",
            "error: unknown instruction `addd` [E0201]",
            "error: undefined name `nothing` [E0101]",
            "error: `add` does not take `xmm0` here [E0202]",
            "error: `andn` needs the extension `bmi1`, which is not enabled [E0203]",
            "error: `t` is read, but nothing has written it [E0303]",
            "error: memory at `x` is not proven to be valid [E0501]",
            "error: `missing` has a result, but a path reaches its end without a `return` [E0305]",
            "error: out of general-purpose registers: 16 are live here, but only 15",
            "error: unknown instruction `nothing_at_all` [E0201]",
            "error: unknown extension `avx3` [E0003]",
            "error: `pxor` has no form for a `ymm`, a `ymm` [E0202]",
            "error: the type `Vec` is not allowed in the signature of a kernel",
            "error: a kernel cannot be generic over types or constants [E0002]",
        ],
    );
    assert!(!compiles);
}

/// Where rustc finds the error, it is at the source tokens as well.
#[test]
fn what_rustc_finds_is_at_the_authors_tokens() {
    check(
        "names",
        "use peach_runtime::peach_fn;
peach_fn! {
    pub fn of_type(x: &⟦Missing⟧) -> u64 { return 1; }
    pub fn of_constant() -> u64 { mov rax, const { ⟦MISSING⟧ }; return rax; }
    pub fn of_symbol() -> u64 { mov rax, sym ⟦missing⟧; return rax; }
    pub fn of_lifetime(x: &⟦⟦'b⟧⟧ u64) -> u64 { return 1; }
}
fn arguments() { ⟦of_constant⟧(1); }",
        &[
            "error[E0425]: cannot find type `Missing` in this scope",
            "error[E0425]: cannot find value `MISSING` in this scope",
            "error[E0425]: cannot find value `missing` in this scope",
            // Of the function, and of the type of its code.
            "error[E0261]: use of undeclared lifetime name `'b`",
            "error[E0261]: use of undeclared lifetime name `'b`",
            "error[E0061]: this function takes 0 arguments but 1 argument was supplied",
        ],
    );
}

/// They would be the function's that Rust calls, which is of no use to other linkers.
#[test]
fn symbols_for_linkers_are_refused_inside_rust() {
    let refused = "error: `f` has Rust's own convention";
    let compiles = check(
        "linkage",
        "use peach_runtime::peach_fn;
peach_fn! {
    #[⟦no_mangle⟧]
    #[⟦linkage⟧ = \"weak\"]
    #[alias = ⟦\"a\"⟧]
    #[unsafe(weak_alias = ⟦\"b\"⟧)]
    #[export_name = \"c\"]
    pub fn f() {}
}",
        &[refused; 4],
    );
    assert!(!compiles);
}

#[test]
fn a_constant_that_does_not_fit_is_an_error_at_its_place() {
    check(
        "constants",
        "use peach_runtime::peach_fn;
peach_fn! {
    pub fn fits() -> u32 { mov eax, const { 0xFFFF_FFFFu32 }; add eax, const { -1i64 }; return eax; }
    pub fn too_large(x: u64) -> u64 { add x, ⟦const { 1u64 << 40 }⟧; return x; }
}",
        &["error[E0080]: "],
    );
}
