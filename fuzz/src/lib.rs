//! Properties of arbitrary inputs: nothing panics, and no message reports a bug in peach.
//!
//! A target is a function of bytes, so that any engine can drive it (`fuzz_target!(|data: &[u8]|
//! peach_fuzz::tokens(data))` with cargo-fuzz). The program here drives it with random bytes and
//! with damaged examples: `cargo run --release -p peach-fuzz -- tokens 60`. All targets also run in
//! `cargo test`, for a few thousand inputs each.

#[expect(dead_code, reason = "what runs the kernels uses the rest")]
mod generator;
#[expect(dead_code, reason = "as above")]
mod splitmix;
mod words;

use generator::Shape;
use peach_compiler::abi::Convention;
use peach_compiler::diagnostics::{Code, Severity};
use peach_compiler::isa;
use peach_compiler::pipeline::{Compilation, compile};
use proc_macro2::TokenStream;
use splitmix::SplitMix as Random;
use words::WORDS;

/// A property of any bytes; panics where it does not hold.
pub type Target = fn(&[u8]);

/// The targets by name.
pub const TARGETS: [(&str, Target); 4] =
    [("text", text), ("tokens", tokens), ("kernels", kernels), ("lines", lines)];

/// Any text that is made of tokens compiles or is refused.
pub fn text(data: &[u8]) {
    compile_text(&String::from_utf8_lossy(data));
}

/// The language's own words, in any order, compile or are refused.
pub fn tokens(data: &[u8]) {
    let mut text = String::from("fn f(x: u64, p: &mut [u32; 4], s: &[u8]) -> u64 {");
    for byte in data {
        text += WORDS[usize::from(*byte) % WORDS.len()];
        text.push(' ');
    }
    compile_text(&(text + "}"));
}

/// A correct kernel compiles, or needs more registers than there are; with some of its tokens lost,
/// doubled or exchanged it compiles or is refused.
pub fn kernels(data: &[u8]) {
    let seed = data.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte));
    let mut rng = Random::new(seed);
    let shape = Shape::random(&mut rng);
    let text = generator::kernel(&shape, &mut rng);
    let compilation = compile_for(&text, shape.convention).expect("a kernel is made of tokens");
    let expected = [Code::OutOfRegisters, Code::FixedConflict];
    let mut errors = compilation.diagnostics.iter().filter(|d| d.severity() == Severity::Error);
    assert!(errors.all(|error| expected.contains(&error.code)), "{text}");
    compile_text(&damaged(&text, data.get(8..).unwrap_or_default()));
}

/// Every line encodes, to at most 15 bytes in any way, or is rejected with a reason.
pub fn lines(data: &[u8]) {
    let text: String = match data.split_first() {
        Some((first, rest)) if first % 2 == 0 => String::from_utf8_lossy(rest).into_owned(),
        _ => data
            .iter()
            .map(|byte| WORDS[usize::from(*byte) % WORDS.len()])
            .collect::<Vec<_>>()
            .join(" "),
    };
    for line in text.lines() {
        let Ok(bytes) = isa::encode_text(line) else { continue };
        assert!((1..=15).contains(&bytes.len()), "{line}: {bytes:02x?}");
        let options = isa::encode_options(line).expect("one way is a way");
        assert_eq!(options.first(), Some(&bytes), "{line}");
        let lengths = isa::encode_lengths(line).expect("one way is a way");
        assert!(
            lengths.contains(&bytes) && lengths.iter().all(|bytes| bytes.len() <= 15),
            "{line}"
        );
    }
}

fn compile_text(text: &str) {
    compile_for(text, Convention::ALL[0]);
}

/// Compiles what consists of tokens, and looks for what calls itself a bug.
fn compile_for(text: &str, convention: &'static Convention) -> Option<Compilation> {
    let tokens: TokenStream = text.parse().ok()?;
    let compilation = compile(tokens, convention);
    let bug = compilation.diagnostics.iter().find(|diagnostic| diagnostic.code == Code::Internal);
    assert!(bug.is_none(), "{}\n{text}", bug.map_or("", |bug| &bug.message));
    Some(compilation)
}

/// `text` with a word lost, doubled, exchanged or replaced for every three bytes of `data`.
pub fn damaged(text: &str, data: &[u8]) -> String {
    let mut words: Vec<&str> = text.split_inclusive([' ', ',', ';', '[', ']']).collect();
    for change in data.chunks_exact(3) {
        let count = words.len();
        let at = (usize::from(change[1]) << 8 | usize::from(change[2])) % count;
        match change[0] % 4 {
            0 if count > 1 => drop(words.remove(at)),
            1 => words.insert(at, words[at]),
            2 => words.swap(at, usize::from(change[0]) % count),
            _ => words[at] = WORDS[usize::from(change[0]) % WORDS.len()],
        }
    }
    words.concat()
}

/// The random bytes of a number.
pub fn bytes(seed: u64) -> Vec<u8> {
    let mut rng = Random::new(seed);
    (0..rng.below(96)).map(|_| rng.bits() as u8).collect()
}

/// The target called `name`.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes are in the message of the test that fails.
    fn run(name: &str, count: u64) {
        let target = target(name).expect("a target");
        for seed in 1..=count {
            let data = bytes(seed);
            if let Err(panic) = std::panic::catch_unwind(|| target(&data)) {
                eprintln!("{name}, seed {seed}: {data:02x?}");
                std::panic::resume_unwind(panic);
            }
        }
    }

    #[test]
    fn text_never_panics() {
        run("text", 2000);
        let examples =
            [include_str!("../../examples/chacha20.rs"), include_str!("../../examples/siphash.rs")];
        for (example, seed) in
            examples.into_iter().flat_map(|text| (1..=20).map(move |s| (text, s)))
        {
            let kernel = example.split("peach_fn! {").nth(1).expect("a kernel");
            text(damaged(kernel, &bytes(seed)).as_bytes());
        }
    }

    #[test]
    fn tokens_never_panic() {
        run("tokens", 2000);
    }

    #[test]
    fn kernels_never_panic() {
        run("kernels", 150);
    }

    #[test]
    fn lines_never_panic() {
        run("lines", 2000);
    }
}
