//! The effects of every form that this processor has, shown by running it.
//!
//! Each instance runs from two states that agree on what it is said to read and differ everywhere
//! else. Then whatever it is said to write must agree, whatever it is not said to write must be as
//! before, and what is said to become zero must be zero. The sample in an ordinary run is small;
//! `PEACH_FULL=1` (with `CARGO_PROFILE_DEV_OPT_LEVEL=1`, or it takes minutes) runs many more
//! instances and says which declared reads never mattered.
//!
//! What a processor has is found out by running it, since some run more than CPUID admits; what it
//! lacks runs under an emulator, as far as that has it. Every row is accounted for.

#[path = "execution/instances.rs"]
mod instances;
#[path = "execution/limits.rs"]
mod limits;
#[path = "execution/machine.rs"]
mod machine;
#[path = "execution/masked.rs"]
mod masked;
#[path = "execution/place.rs"]
mod place;
#[path = "execution/trial.rs"]
mod trial;

use iced_x86::{Code, CpuidFeature, Decoder, DecoderOptions};
use instances::instance;
use limits::*;
use machine::Runner;
use peach_compiler::ir::{BranchSize, Instruction, Operand};
use peach_compiler::isa::{FeatureSet, Form, Mnemonic, PhysReg, effects, encode, select};
use peach_testing::processor::run_emulated;
use peach_testing::{Random, left_out, tools};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use trial::{Failure, Trial};

/// What the run found.
#[derive(Default)]
struct Report {
    ran: BTreeSet<(u16, bool)>,
    absent: BTreeSet<u16>,
    out_of_reach: BTreeSet<u16>,
    instances: usize,
    failures: BTreeMap<String, String>,
    faulted: BTreeSet<u16>,
    needless: BTreeMap<String, u64>,
}

/// Names a file of rows: only those run, and the file becomes the list of those that did.
const ROWS: &str = "PEACH_EFFECTS_ROWS";

#[test]
fn effects_are_what_the_processor_does() {
    let Some(mut runner) = Runner::new() else {
        return left_out::system("memory that is both writable and executable is forbidden");
    };
    let only = std::env::var("PEACH_ONLY").ok();
    let rows = std::env::var_os(ROWS).map(|path| read_rows(&path.into()));
    let forms = all_forms().filter(|(mnemonic, form)| {
        only.as_ref().is_none_or(|only| only == mnemonic.name())
            && rows.as_ref().is_none_or(|rows| rows.contains(&row_of(form)))
    });
    let mut report = run(forms, &mut runner);
    summarize(&report);
    assert!(report.failures.is_empty(), "{} kinds of failure", report.failures.len());
    if let Some(path) = std::env::var_os(ROWS) {
        write_rows(&path.into(), report.ran.iter().map(|(code, _)| *code));
    } else if only.is_none() {
        check_faults(&report);
        check_baseline(&report);
        run_what_is_absent(&mut report);
        say_what_is_absent(&report);
    }
}

/// The number of a form's row in iced's table.
fn row_of(form: &Form) -> u16 {
    form.opcode().iced().expect("a row of iced's table") as u16
}

/// Every form of every mnemonic, each once. What iced lacks no processor has yet: `tests/encoding/own.rs`
/// compares its effects with those of instructions of the same shape.
fn all_forms() -> impl Iterator<Item = (Mnemonic, &'static Form)> {
    let mut names: Vec<_> = Mnemonic::all_names().collect();
    names.sort_unstable();
    let mut seen = BTreeSet::new();
    names
        .into_iter()
        .map(|name| Mnemonic::parse(name).expect("it is one of the names"))
        .flat_map(|mnemonic| mnemonic.forms().iter().map(move |form| (mnemonic, form)))
        .filter(|(_, form)| form.opcode().iced().is_some())
        .filter(move |(_, form)| seen.insert((row_of(form), format!("{:?}", form.slots()))))
}

fn run(forms: impl Iterator<Item = (Mnemonic, &'static Form)>, runner: &mut Runner) -> Report {
    let full = std::env::var_os("PEACH_FULL").is_some();
    let (per_form, pairs) = if full { (24, 4) } else { (6, 2) };
    let mut report = Report::default();
    let mut random = Random::new(2026);
    for (mnemonic, form) in forms {
        // Not every instance can be encoded: `ah` next to `r8b`, and branches are not made here.
        let mut encoded = 0;
        for _ in 0..8 * per_form {
            let inst = instance(mnemonic, form, &mut random);
            if encoded < per_form
                && try_instance(runner, &inst, pairs, full, &mut random, &mut report)
            {
                encoded += 1;
            }
        }
        let is_branch = form.operands().iter().any(|operand| operand.branch.is_some());
        assert!(encoded > 0 || is_branch, "no instance of {form:?} can be encoded");
    }
    report
}

fn name(code: u16) -> Code {
    Code::try_from(usize::from(code)).expect("a row's number")
}

fn read_rows(path: &PathBuf) -> BTreeSet<u16> {
    let text = std::fs::read_to_string(path).expect("a list of rows");
    text.lines().map(|line| line.parse().expect("a row's number")).collect()
}

fn write_rows(path: &PathBuf, rows: impl Iterator<Item = u16>) {
    let text: String = rows.map(|code| format!("{code}\n")).collect();
    std::fs::write(path, text).expect("a list of rows");
}

/// Whether an instruction faults because its operands do not suit it, which would be the harness's
/// fault. Tiles are different: the operating system has to be asked for them.
fn check_faults(report: &Report) {
    let is_tile = |code: Code| {
        code.cpuid_features().iter().any(|feature| format!("{feature:?}").starts_with("AMX"))
    };
    let unexplained: Vec<Code> =
        report.faulted.iter().map(|row| name(*row)).filter(|code| !is_tile(*code)).collect();
    assert!(unexplained.is_empty(), "never given operands that suit them: {unexplained:?}");
}

/// Every processor with 64 bits has SSE2 and what came before it.
fn check_baseline(report: &Report) {
    use CpuidFeature as F;
    let baseline = [
        F::INTEL8086,
        F::INTEL186,
        F::INTEL286,
        F::INTEL386,
        F::INTEL486,
        F::X64,
        F::CMOV,
        F::CPUID,
        F::CX8,
        F::FXSR,
        F::MMX,
        F::MULTIBYTENOP,
        F::SSE,
        F::SSE2,
        F::FPU,
    ];
    let lost: Vec<Code> = report
        .absent
        .iter()
        .map(|code| name(*code))
        .filter(|code| code.cpuid_features().iter().all(|feature| baseline.contains(feature)))
        .collect();
    assert!(lost.is_empty(), "every processor has {lost:?}");
}

/// Runs the rows that this processor lacks under an emulator.
fn run_what_is_absent(report: &mut Report) {
    if !tools::have(&["qemu-x86_64"]) {
        return;
    }
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("effects-rows");
    write_rows(&path, report.absent.iter().copied());
    let test = ["--exact", "effects_are_what_the_processor_does", "--nocapture"];
    run_emulated("max", &test, &[(ROWS, path.to_str().expect("a path in UTF-8"))]);
    report.absent.retain(|code| !read_rows(&path).contains(code));
}

/// What ran nowhere, by the extension that it needs.
fn say_what_is_absent(report: &Report) {
    let mut absent: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for code in report.absent.iter().map(|code| name(*code)) {
        let needs = code.cpuid_features().last().map(|feature| format!("{feature:?}"));
        let needs = needs.expect("every row belongs to an extension").to_ascii_lowercase();
        absent.entry(needs).or_default().push(format!("{code:?}"));
    }
    let own = Mnemonic::all().flat_map(|mnemonic| mnemonic.forms());
    let own = own.filter(|form| form.opcode().iced().is_none()).count();
    left_out::processor(
        "avx10.2",
        &format!("the effects of {own} rows that iced lacks are not run"),
    );
    for (needs, rows) in absent {
        let why = format!("the effects of {} rows are not run: {}", rows.len(), rows.join(" "));
        left_out::processor(&needs, &why);
    }
}

fn summarize(report: &Report) {
    eprintln!(
        "{} forms ran (register and memory shapes apart), {} instances; {} rows are not in this \
         processor, {} are not for programs",
        report.ran.len(),
        report.instances,
        report.absent.len(),
        report.out_of_reach.len(),
    );
    for (key, text) in &report.failures {
        eprintln!("FAILED {key}: {text}");
    }
    for code in &report.faulted {
        eprintln!("always faulted: {:?}", name(*code));
    }
    for (key, lanes) in report.needless.iter().filter(|(_, lanes)| **lanes != 0) {
        eprintln!("read in vain: {key} lanes {lanes:#x}");
    }
}

fn try_instance(
    runner: &mut Runner,
    inst: &Instruction<PhysReg>,
    pairs: usize,
    full: bool,
    random: &mut Random,
    report: &mut Report,
) -> bool {
    let features = FeatureSet::all();
    let (Ok(selection), Ok(encoding)) =
        (select(inst, &features), encode(inst, &features, BranchSize::Near))
    else {
        return false;
    };
    let effects = effects(inst, &selection);
    let decoded = Decoder::with_ip(64, &encoding.bytes, 0, DecoderOptions::NONE).decode();
    let code = decoded.code();
    let row = code as u16;
    if is_out_of_reach(&effects, code) {
        report.out_of_reach.insert(row);
        return true;
    }
    if is_taken_for_another(code)
        || is_beyond(runner.level(), code, &effects)
        || is_wrong_in_the_emulator(code)
    {
        report.absent.insert(row);
    }
    let trial = Trial {
        inst,
        effects: &effects,
        undefined_flags: undefined_flags(&decoded),
        code,
        accesses: place::accesses(&decoded),
    };
    if report.absent.contains(&row) || trial.is_unplaceable() {
        return true;
    }
    runner.load(&encoding.bytes);
    let has_memory = inst.operands.iter().any(|operand| matches!(operand, Operand::Mem(_)));
    let key = format!("{code:?}{}", if has_memory { " mem" } else { "" });
    for n in 0..pairs {
        match trial.pair(runner, n, random) {
            Ok(()) => {
                report.ran.insert((row, has_memory));
                report.instances += usize::from(n == 0);
                report.faulted.remove(&row);
            }
            Err(Failure::Absent) => {
                report.absent.insert(row);
                return true;
            }
            Err(Failure::Fault) => {
                if !report.ran.iter().any(|(ran, _)| *ran == row) {
                    report.faulted.insert(row);
                }
            }
            Err(Failure::Wrong(text)) => {
                let what = text.split(':').next().unwrap_or_default();
                report.failures.entry(format!("{key} {what}")).or_insert_with(|| {
                    format!(
                        "{text}\n    {decoded} {:02x?}\n    {inst:?}\n    {effects:?}",
                        encoding.bytes
                    )
                });
                return true;
            }
        }
    }
    if full {
        trial.needless_reads(runner, &key, random, &mut report.needless);
    }
    true
}
