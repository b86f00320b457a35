//! What the compiler does, as recorded: a hash for each mnemonic, kernel and refused program.
//!
//! A change that keeps behavior as it is leaves `tests/golden/*.txt` alone. Where a change is
//! intended, `PEACH_BLESS=1 cargo test --test golden` writes the files anew, and their diff names
//! what changed. Only recorded names are compared: a kernel, a refused program or an instruction
//! that is new passes, and enters the files with the next bless. A recorded name that is gone
//! fails.

#[path = "../../peach-compiler/tests/encoding/generate.rs"]
mod generate;

use peach_compiler::abi::{SYSV64, WIN64};
use peach_compiler::diagnostics::Diagnostic;
use peach_compiler::ir::{BranchSize, Instruction};
use peach_compiler::isa::{self, Effects, FeatureSet, PhysReg};
use peach_compiler::pipeline;
use peach_testing::sources;
use proc_macro2::TokenStream;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// FNV-1a: the same on every machine and with every version of Rust.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    fn new() -> Hash {
        Hash(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

impl Write for Hash {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.add(text.as_bytes());
        Ok(())
    }
}

/// Forms, constraints, effects and bytes of the whole corpus of instructions.
#[test]
fn instructions() {
    let mut hashes = BTreeMap::new();
    for inst in generate::corpus() {
        let hash = hashes.entry(inst.mnemonic.name().to_string()).or_insert_with(Hash::new);
        describe(&inst, hash);
    }
    compare("instructions.txt", hashes);
}

fn describe(inst: &Instruction<PhysReg>, hash: &mut Hash) {
    let features = FeatureSet::all();
    let _ = write!(hash, "{inst}");
    let Ok(selection) = isa::select(inst, &features) else {
        let _ = write!(hash, ": none");
        return;
    };
    let constraints = isa::constraints(inst, &selection);
    describe_effects(&isa::effects(inst, &selection), hash);
    for (reg, set) in &constraints.allowed {
        let _ = write!(hash, " {reg:?}:{:x}", set.0);
    }
    let _ = write!(hash, " {:?} {:?}", constraints.distinct, constraints.groups);
    match isa::encode(inst, &features, BranchSize::Near) {
        Ok(encoding) => hash.add(&encoding.bytes),
        Err(_) => hash.add(b"none"),
    }
}

fn describe_effects(effects: &Effects<PhysReg>, hash: &mut Hash) {
    for access in &effects.regs {
        let lanes = [access.read, access.write, access.may_write, access.zeroed].map(|l| l.0);
        let _ = write!(hash, " {:?}{}:{lanes:x?}", access.reg.bank, access.reg.num);
    }
    if let Some(copied) = &effects.copied {
        let _ = write!(hash, " {:?}>{:?}:{:x}", copied.from, copied.to, copied.lanes.0);
    }
    let flags = [effects.flags_read, effects.flags_written, effects.flags_may_write].map(|f| f.0);
    let _ = write!(
        hash,
        " {flags:x?} {:?} {:?} {} {:?} {:?} {:?} {:?} {} {}",
        effects.memory,
        effects.control,
        effects.stack,
        effects.hazard,
        effects.x87,
        effects.vector_mode,
        effects.reach,
        effects.float_flags,
        effects.settles
    );
}

/// The code of every kernel in the examples, the benchmarks and the accepted programs, in both
/// conventions. Kernels of other tests come and go with their tests. Kernels that a `macro_rules!`
/// makes are left out: there are hundreds of them, and this test is to be run often.
#[test]
fn kernels() {
    let mut hashes = BTreeMap::new();
    for convention in [&SYSV64, &WIN64] {
        for path in files_with_kernels() {
            let name = path.strip_prefix(sources::root()).expect("it is in the repository");
            let prefix = format!("{} {}", convention.name, name.display());
            let texts = sources::texts(&path);
            for block in texts.iter().flat_map(|text| sources::written(&path, text)) {
                add_versions(&prefix, &pipeline::compile(block, convention), &mut hashes);
            }
        }
    }
    assert!(hashes.len() > 100, "only {} kernels were found", hashes.len());
    compare("kernels.txt", hashes);
}

fn files_with_kernels() -> Vec<PathBuf> {
    let below = |folder: &str, extension| sources::files(&sources::root().join(folder), extension);
    let rust = ["examples", "benches", "peach-kernels/src"];
    let mut found: Vec<PathBuf> = rust.into_iter().flat_map(|folder| below(folder, "rs")).collect();
    found.extend(below("tests/accepted", "peach"));
    found
}

fn add_versions(
    prefix: &str,
    compilation: &pipeline::Compilation,
    hashes: &mut BTreeMap<String, Hash>,
) {
    for compiled in compilation.kernels.iter().flat_map(|kernel| &kernel.versions) {
        let name = format!("{prefix} {}", compiled.function.name);
        hashes.entry(name).or_insert_with(Hash::new).add(&compiled.encoded.bytes);
    }
}

/// Codes and places, not the words, of everything that refused programs are told.
#[test]
fn refusals() {
    let root = sources::root().join("tests/refused");
    let mut hashes = BTreeMap::new();
    for path in sources::files(&root, "peach") {
        let source = std::fs::read_to_string(&path).expect("the program can be read");
        // Marks hold the words, and are no part of the program: code lines alone are numbered.
        let code: String = source
            .lines()
            .filter(|line| !line.starts_with("//"))
            .map(|line| format!("{line}\n"))
            .collect();
        let tokens: TokenStream = code.parse().expect("the program's tokens are Rust's");
        let compilation = pipeline::compile(tokens, &SYSV64);
        let mut told: Vec<String> = compilation.diagnostics.iter().map(place).collect();
        told.sort();
        let mut hash = Hash::new();
        hash.add(told.join("\n").as_bytes());
        let name = path.strip_prefix(&root).expect("it is in the folder");
        hashes.insert(name.display().to_string(), hash);
    }
    compare("refusals.txt", hashes);
}

fn place(diagnostic: &Diagnostic) -> String {
    let (start, end) = (diagnostic.place.first.start(), diagnostic.place.last.end());
    format!("{} {}:{} {}:{}", diagnostic.code.id(), start.line, start.column, end.line, end.column)
}

/// One line each, `name hash`, against the file of that name: every recorded name as it was.
fn compare(file: &str, hashes: BTreeMap<String, Hash>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    if std::env::var_os("PEACH_BLESS").is_some() {
        let text: String =
            hashes.iter().map(|(name, hash)| format!("{name} {:016x}\n", hash.0)).collect();
        std::fs::write(&path, text).expect("the file can be written");
        return;
    }
    let golden = std::fs::read_to_string(&path).expect("the file can be read");
    let mut differing = Vec::new();
    for line in golden.lines() {
        let (name, recorded) = line.rsplit_once(' ').expect("a name and a hash");
        match hashes.get(name) {
            Some(hash) if format!("{:016x}", hash.0) == recorded => {}
            Some(_) => differing.push(format!("  {name}\n")),
            None => differing.push(format!("  {name} is gone\n")),
        }
    }
    assert!(
        differing.is_empty(),
        "{file}: {} of {} names differ:\n{}\nIf that is intended: PEACH_BLESS=1 cargo test --test \
         golden",
        differing.len(),
        golden.lines().count(),
        differing.iter().take(40).map(String::as_str).collect::<String>()
    );
}
