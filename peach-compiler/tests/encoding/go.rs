//! The corpus, and random instructions, in the words of Go's assembler.

use super::meaning::meaning;
use super::own::has_own;
use super::{generate, is_full, random};
use peach_compiler::emit::listings::go;
use peach_compiler::ir::{BranchSize, Instruction};
use peach_compiler::isa::{FeatureSet, Mnemonic, PhysReg, encode};
use peach_testing::tools::have;
use std::path::PathBuf;
use std::process::Command;

/// One instruction with our bytes and Go's line.
struct Case {
    inst: Instruction<PhysReg>,
    ours: Vec<u8>,
    line: String,
}

/// Every line that a listing may have becomes our bytes, or as many that mean the same.
#[test]
fn lines_for_go_become_our_bytes_or_as_many_that_mean_the_same() {
    if !have(&["go"]) {
        return;
    }
    let step = if is_full() { 1 } else { 13 };
    let corpus = generate::corpus().into_iter().filter(|inst| !has_own(inst));
    let corpus = compare(corpus.step_by(step));
    println!(
        "corpus: {} of {} in words, {} equivalent",
        corpus.words, corpus.all, corpus.equivalent
    );
    assert!(10 * corpus.words > 6 * corpus.all, "most instructions have words");
    assert!(50 * corpus.equivalent < corpus.words, "few are only equivalent");

    let mut random = peach_testing::Random::new(0x5eed);
    let mnemonics: Vec<Mnemonic> = Mnemonic::all().collect();
    let count = if is_full() { 200_000 } else { 20_000 };
    let random = compare((0..count).map(|_| random::instruction(&mut random, &mnemonics)));
    println!("random: {} of {} in words", random.words, random.all);
}

struct Counts {
    all: usize,
    words: usize,
    equivalent: usize,
}

fn compare(insts: impl Iterator<Item = Instruction<PhysReg>>) -> Counts {
    let features = FeatureSet::all();
    let mut counts = Counts { all: 0, words: 0, equivalent: 0 };
    let mut cases = Vec::new();
    for inst in insts {
        let Ok(encoding) = encode(&inst, &features, BranchSize::Short) else { continue };
        counts.all += 1;
        if let Some(line) = go::instruction(&inst, &features) {
            cases.push(Case { inst, ours: encoding.bytes, line });
        }
    }
    counts.words = cases.len();
    let mut wrong = Vec::new();
    for (case, got) in cases.iter().zip(assemble(&cases)) {
        let equivalent = || got.len() == case.ours.len() && meaning(&got) == meaning(&case.ours);
        match case.ours == got {
            true => {}
            false if equivalent() => counts.equivalent += 1,
            false => wrong.push(format!(
                "`{}` is `{}`: {:02x?}, but should be {:02x?}",
                case.inst, case.line, got, case.ours
            )),
        }
    }
    let shown: Vec<&String> = wrong.iter().take(40).collect();
    assert!(wrong.is_empty(), "{} lines are wrong: {shown:#?}", wrong.len());
    counts
}

/// The bytes that Go's assembler makes of each line, which has to take them all.
fn assemble(cases: &[Case]) -> Vec<Vec<u8>> {
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (source, object) = (scratch.join("corpus-go.s"), scratch.join("corpus-go.o"));
    let mut text = String::new();
    for (index, case) in cases.iter().enumerate() {
        // The listing counts lines, and a function of too many is slow.
        if index % 1000 == 0 {
            text.push_str(&format!("TEXT f{index}(SB), 4, $0; "));
        }
        text.push_str(&case.line);
        text.push('\n');
    }
    std::fs::write(&source, text).expect("a scratch file");
    let output = Command::new("go")
        .args(["tool", "asm", "-S", "-p", "corpus", "-o"])
        .arg(&object)
        .arg(&source)
        .output()
        .expect("go runs");
    let listing = String::from_utf8_lossy(&output.stdout);
    let errors = listing.lines().filter(|line| !line.starts_with('\t'));
    assert!(
        output.status.success(),
        "{}{}",
        errors.collect::<Vec<_>>().join("\n"),
        String::from_utf8_lossy(&output.stderr)
    );
    read_listing(&listing, cases.len())
}

/// Reads the assembler's own listing: of every function, first its instructions, with offsets and
/// lines, then its bytes.
fn read_listing(listing: &str, lines: usize) -> Vec<Vec<u8>> {
    let mut found = vec![Vec::new(); lines];
    let mut code: Vec<u8> = Vec::new();
    let mut starts: Vec<(usize, usize)> = Vec::new();
    let mut finish = |code: &mut Vec<u8>, starts: &mut Vec<(usize, usize)>| {
        for (at, &(start, line)) in starts.iter().enumerate() {
            let end = starts.get(at + 1).map_or(code.len(), |next| next.0);
            found[line - 1].extend(&code[start..end]);
        }
        code.clear();
        starts.clear();
    };
    for line in listing.lines() {
        let Some(rest) = line.strip_prefix("\t0x") else {
            finish(&mut code, &mut starts);
            continue;
        };
        let mut fields = rest.split_whitespace();
        let offset = fields.next().expect("an offset");
        match rest.split_once("corpus-go.s:") {
            Some((_, place)) => {
                let (number, _) = place.split_once(')').expect("a line");
                let offset = usize::from_str_radix(offset, 16).expect("an offset");
                starts.push((offset, number.parse().expect("a number")));
            }
            None => {
                let bytes = fields.take(16).take_while(|field| field.len() == 2);
                code.extend(bytes.map_while(|field| u8::from_str_radix(field, 16).ok()));
            }
        }
    }
    finish(&mut code, &mut starts);
    found
}
