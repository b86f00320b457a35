//! The procedural macro of peach. Use it through `peach_runtime::peach_fn`.
//!
//! A shell: it finds out for which target rustc compiles, calls the compiler, and gives back the items.

use peach_compiler::abi::{SYSV64, WIN64};
use peach_compiler::emit::reports::listing::Source;
use peach_compiler::emit::rust::{self, RustOptions};
use peach_compiler::pipeline::{self, Target};
use proc_macro::TokenStream;

/// Compiles kernels written in the kernel language into Rust functions.
#[proc_macro]
pub fn peach_fn(tokens: TokenStream) -> TokenStream {
    let native_is_win64 = native_is_win64(std::env::args());
    let native = if native_is_win64 { &WIN64 } else { &SYSV64 };
    let tokens = tokens.into();
    let source = cfg!(feature = "debug").then(|| Source::of(&tokens));
    let compilation = pipeline::compile(tokens, Target::in_rust(native));
    let options = RustOptions { listings: source.as_ref(), native_is_win64 };
    rust::items(&compilation, options).into()
}

/// Whether the target's own convention is Microsoft's. A macro is only told the target by the
/// arguments of the rustc that it runs in; without one, the target is the host. (The items hold an
/// assertion that this is right.)
fn native_is_win64(mut args: impl Iterator<Item = String>) -> bool {
    while let Some(arg) = args.next() {
        let target = match arg.strip_prefix("--target") {
            Some("") => args.next(),
            Some(value) => value.strip_prefix('=').map(str::to_string),
            None => None,
        };
        if let Some(target) = target {
            return ["windows", "uefi", "cygwin"].iter().any(|os| target.contains(os));
        }
    }
    cfg!(windows)
}

#[cfg(test)]
mod tests {
    use super::native_is_win64;

    #[test]
    fn the_target_is_read_from_the_arguments() {
        let is_win64 = |args: &[&str]| native_is_win64(args.iter().map(|arg| arg.to_string()));
        assert!(is_win64(&["rustc", "--target", "x86_64-pc-windows-gnu"]));
        assert!(is_win64(&["rustc", "--target=x86_64-unknown-uefi", "a.rs"]));
        assert!(!is_win64(&["rustc", "--target=x86_64-unknown-linux-gnu"]));
        assert_eq!(is_win64(&["rustc", "a.rs"]), cfg!(windows));
    }
}
