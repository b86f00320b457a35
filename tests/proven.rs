//! How much of the repository's own kernels is proven to be memory safe, and how much the author
//! answers for: `cargo test --test proven -- --nocapture` prints it, by folder.
//!
//! A memory operand is what an instruction accesses: an operand in brackets, or what a string
//! instruction finds by itself; what is pushed, and arguments in memory, are the compiler's own.
//! What is not complete without other files is left out, and counted.

use peach_compiler::abi::SYSV64;
use peach_compiler::analysis::Facts;
use peach_compiler::diagnostics::Severity;
use peach_compiler::ir::{Base, Function, Inst, Op, Operand};
use peach_compiler::pipeline::{Observer, State, Step, compile, compile_observed};
use peach_testing::sources;
use proc_macro2::{Group, TokenStream, TokenTree};
use std::path::PathBuf;

/// What the kernels of one folder have.
#[derive(Default)]
struct Figures {
    kernels: usize,
    /// Kernels without any `unsafe`.
    plain: usize,
    /// Memory operands.
    proven: usize,
    in_unsafe: usize,
    /// Invocations of `peach_fn!` that are not counted.
    left_out: usize,
}

impl Observer for Figures {
    fn after(&mut self, _: Step, state: State<'_>) {
        if let State::Facts(function, facts) = state {
            self.count(function, facts);
        }
    }
}

impl Figures {
    fn count(&mut self, function: &Function, facts: &Facts) {
        self.kernels += 1;
        self.plain += usize::from(!function.insts.iter().any(|inst| inst.in_unsafe));
        for (inst, effects) in function.insts.iter().zip(&facts.effects) {
            let touched = effects.memory.iter().filter(|access| !access.address_only);
            let named = touched.filter(|access| match access.operand {
                Some(operand) => !is_own(inst, operand),
                None => effects.stack == 0,
            });
            match inst.in_unsafe {
                true => self.in_unsafe += named.count(),
                false => self.proven += named.count(),
            }
        }
    }

    fn add_all<'a>(&mut self, files: &'a [PathBuf]) {
        let kernels =
            |path: &'a PathBuf| sources::kernels(path).into_iter().map(move |k| (path, k));
        for (path, kernels) in files.iter().flat_map(kernels) {
            let mut found = Figures::default();
            let compilation = compile_observed(kernels, &SYSV64, &mut found);
            match compilation.diagnostics.iter().any(|d| d.severity() == Severity::Error) {
                true => {
                    self.left_out += 1;
                    eprintln!("left out: kernels of {}", path.display());
                }
                false => self.add(&found),
            }
        }
    }

    fn add(&mut self, other: &Figures) {
        self.kernels += other.kernels;
        self.plain += other.plain;
        self.proven += other.proven;
        self.in_unsafe += other.in_unsafe;
        self.left_out += other.left_out;
    }
}

/// An argument that arrived in memory and became an operand.
fn is_own(inst: &Inst, operand: usize) -> bool {
    let Op::Machine(machine) = &inst.op else { return false };
    matches!(&machine.inst.operands[operand], Operand::Mem(mem) if mem.base == Base::StackArg)
}

/// The folders, and the files in each that hold kernels for their own sake. Programs that are there
/// to be compiled, refused or damaged are not.
fn places() -> Vec<(&'static str, Vec<PathBuf>)> {
    let below = |folder: &str, extension| sources::files(&sources::root().join(folder), extension);
    let mut examples = below("examples", "rs");
    examples.extend(below("examples", "peach"));
    let mut documents = below("docs", "md");
    documents.push(sources::root().join("README.md"));
    vec![
        ("peach-kernels", below("peach-kernels", "rs")),
        ("examples", examples),
        ("benches", below("benches", "rs")),
        ("documents", documents),
        ("tests", below("tests", "rs")),
    ]
}

#[test]
fn memory_operands() {
    println!(
        "{:<14} {:>8} {:>8} {:>8} {:>10} {:>8} {:>9}",
        "", "kernels", "plain", "proven", "in unsafe", "share", "left out"
    );
    let mut total = Figures::default();
    for (name, files) in places() {
        let mut figures = Figures::default();
        figures.add_all(&files);
        print(name, &figures);
        assert!(figures.kernels > 0, "{name} has no kernels");
        if name == "peach-kernels" {
            assert_eq!(figures.in_unsafe, 0, "{name} is there for programs that forbid `unsafe`");
        }
        total.add(&figures);
    }
    print("all", &total);
    assert!(total.proven > 3 * total.in_unsafe, "most of them are proven");
}

fn print(name: &str, figures: &Figures) {
    let all = (figures.proven + figures.in_unsafe).max(1);
    println!(
        "{name:<14} {:>8} {:>8} {:>8} {:>10} {:>6} % {:>9}",
        figures.kernels,
        figures.plain,
        figures.proven,
        figures.in_unsafe,
        100 * figures.proven / all,
        figures.left_out
    );
}

/// Where an `unsafe` stands that needs no promise: it is there to be read.
const READ: &str = "tests/fragments/main.rs";

/// Each `unsafe` is needed: without it, the kernel is refused.
#[test]
fn nothing_is_unsafe_that_is_proven() {
    let (mut needless, mut count) = (String::new(), 0);
    let files = places().into_iter().flat_map(|(_, files)| files);
    for path in files.filter(|path| !path.ends_with(READ)) {
        for kernels in sources::kernels(&path) {
            let marks = unsafe_marks(kernels.clone());
            if marks == 0 || is_refused(kernels.clone()) {
                continue;
            }
            count += marks;
            for at in 0..marks {
                if !is_refused(without(kernels.clone(), &mut { at })) {
                    needless += &format!("{}: number {at} of\n{kernels}\n", path.display());
                }
            }
        }
    }
    println!("{count} times `unsafe`");
    assert!(needless.is_empty(), "{needless}");
    assert!(count > 50, "only {count} were found");
}

fn is_refused(kernels: TokenStream) -> bool {
    let compilation = compile(kernels, &SYSV64);
    compilation.diagnostics.iter().any(|d| d.severity() == Severity::Error)
}

/// How often it is there.
fn unsafe_marks(kernels: TokenStream) -> usize {
    let mut at = usize::MAX;
    without(kernels, &mut at);
    usize::MAX - at
}

/// The kernels without the `unsafe` in place `at`, from which is subtracted how many there are.
fn without(kernels: TokenStream, at: &mut usize) -> TokenStream {
    let tokens: Vec<TokenTree> = kernels.into_iter().collect();
    let mut all = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        if sources::is_unsafe(&tokens, place) {
            let is_here = *at == 0;
            *at = at.wrapping_sub(1);
            if is_here {
                continue;
            }
        }
        all.push(match token {
            TokenTree::Group(group) => {
                TokenTree::Group(Group::new(group.delimiter(), without(group.stream(), at)))
            }
            token => token.clone(),
        });
    }
    all.into_iter().collect()
}
