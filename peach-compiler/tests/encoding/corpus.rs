//! The corpus, and random instructions, against GNU as and llvm-mc.

use super::{differences, generate, is_full, oracle, random};
use differences::Difference;
use iced_x86::{Code, EncodingKind};
use oracle::Answer;
use peach_compiler::ir::{BranchSize, Instruction, Operand};
use peach_compiler::isa::{FeatureSet, Mnemonic, PhysReg, encode, parse_line, take_implied};
use peach_testing::tools::have;
use std::collections::HashSet;

/// One line of the corpus with everybody's answer.
pub struct Case {
    pub inst: Instruction<PhysReg>,
    pub ours: Result<Vec<u8>, String>,
    pub gnu: Answer,
    pub llvm: Answer,
}

impl Case {
    pub fn name(&self) -> &'static str {
        self.inst.mnemonic.name()
    }

    pub fn is_refused_with(&self, words: &str) -> bool {
        self.ours.as_ref().is_err_and(|why| why.contains(words))
    }

    pub fn has_byte(&self, byte: u8) -> bool {
        self.ours.as_ref().is_ok_and(|bytes| bytes.contains(&byte))
    }

    pub fn all_registers(&self) -> bool {
        self.inst.operands.iter().all(|operand| matches!(operand, Operand::Reg(_)))
    }
}

/// The part of the corpus that this run looks at.
fn corpus() -> Vec<Instruction<PhysReg>> {
    let step = if is_full() { 1 } else { 13 };
    generate::corpus().into_iter().step_by(step).collect()
}

fn ours(inst: &Instruction<PhysReg>) -> Result<Vec<u8>, String> {
    encode(inst, &FeatureSet::all(), BranchSize::Short)
        .map(|encoding| encoding.bytes)
        .map_err(|error| error.to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every row of iced's table has a form, but those that differ from one that has by a prefix or an
/// opcode that no operand shows, and those that cannot be written.
#[test]
fn every_row_has_a_form_but_those_without_a_spelling() {
    use iced_x86::{CpuidFeature as F, Mnemonic as M, OpCodeOperandKind as Kind};
    let reached: HashSet<Code> = Mnemonic::all()
        .flat_map(|m| m.forms().iter().filter_map(|form| form.opcode().iced()))
        .collect();
    let is_gone = |f: &F| matches!(*f, F::KNC | F::MPX | F::PCOMMIT | F::UDBG);
    let in_16_bits = |k: &Kind| matches!(*k, Kind::br16_1 | Kind::br16_2 | Kind::xbegin_2);
    let mut valid = 0;
    for code in Code::values() {
        let info = code.op_code();
        if !info.is_instruction() || !info.mode64() || info.encoding() == EncodingKind::MVEX {
            continue;
        }
        valid += 1;
        let has_twin = reached.iter().any(|other| {
            other.mnemonic() == code.mnemonic() && other.op_code().op_kinds() == info.op_kinds()
        });
        // The undocumented /6 of `shl`, rows for decoders, and opcodes without a name.
        let is_nameless = matches!(
            code.mnemonic(),
            M::Sal | M::Reservednop | M::Undoc | M::Fstpnce | M::Xstore_alt | M::Xsha512_alt
        );
        let is_explained = reached.contains(&code)
            || has_twin
            || is_nameless
            || code == Code::Bswap_r16
            || code.cpuid_features().iter().any(is_gone)
            || info.op_kinds().iter().any(in_16_bits);
        assert!(is_explained, "no form for {code:?}: {}", info.instruction_string());
    }
    println!("{} of {valid} rows of the table have forms", reached.len());
}

#[test]
fn every_line_reads_back_as_the_instruction_it_was_printed_from() {
    for mut inst in corpus() {
        let text = inst.to_string();
        // `rep` is part of some opcodes, and gone once such a line is read.
        let _ = take_implied(&mut inst);
        assert_eq!(parse_line(&text).as_ref(), Ok(&inst), "{text}");
    }
}

#[test]
fn bytes_equal_those_of_gnu_as_and_llvm_or_the_difference_is_explained() {
    if !have(&["as", "llvm-mc"]) {
        return;
    }
    compare(corpus(), true);
}

/// The same instructions in every run; `PEACH_SEED=number` gives others.
#[test]
fn random_instructions_agree_too() {
    if !have(&["as", "llvm-mc"]) {
        return;
    }
    let seed = std::env::var("PEACH_SEED").map_or(0x5eed, |seed| seed.parse().expect("a number"));
    println!("PEACH_SEED={seed}");
    let mut random = peach_testing::Random::new(seed);
    let mnemonics: Vec<Mnemonic> = Mnemonic::all().collect();
    let count = if is_full() { 200_000 } else { 20_000 };
    compare((0..count).map(|_| random::instruction(&mut random, &mnemonics)).collect(), false);
}

/// Compares with GNU as and llvm-mc; what differs must be in the table of differences. LLVM takes
/// all kinds of nonsense; `refusals` says whether what we refuse is compared with it too.
fn compare(insts: Vec<Instruction<PhysReg>>, refusals: bool) {
    let lines: Vec<String> = insts.iter().map(oracle::intel).collect();
    let (gnu, llvm) = (oracle::gnu_as(&lines), oracle::llvm_mc(&lines));
    let cases: Vec<Case> = insts
        .into_iter()
        .zip(gnu.into_iter().zip(llvm))
        .map(|(inst, (gnu, llvm))| Case { ours: ours(&inst), inst, gnu, llvm })
        .collect();
    let (mut equal_to_gnu, mut equal_to_both, mut refused_by_all) = (0, 0, 0);
    let mut reasons = Vec::new();
    let mut unexplained = Vec::new();
    for case in &cases {
        let own = case.ours.clone().ok();
        let (is_gnu, is_llvm) = (own == case.gnu, own == case.llvm);
        equal_to_gnu += usize::from(is_gnu && own.is_some());
        equal_to_both += usize::from(is_gnu && is_llvm && own.is_some());
        refused_by_all += usize::from(is_gnu && is_llvm && own.is_none());
        let comparisons = [
            ("GNU as", is_gnu, &case.gnu, differences::GNU),
            (
                "LLVM",
                is_llvm || if own.is_some() { case.llvm.is_none() } else { !refusals },
                &case.llvm,
                differences::LLVM,
            ),
        ];
        for (tool, is_equal, answer, table) in comparisons {
            if is_equal {
                continue;
            }
            match reason(case, answer, table) {
                Some(why) => reasons.push(((tool, why), case.inst.to_string())),
                None => unexplained.push(report(tool, case)),
            }
        }
    }
    println!(
        "{} lines: {equal_to_gnu} equal to GNU as, of these {equal_to_both} equal to LLVM too; \
         {refused_by_all} refused by all",
        cases.len()
    );
    for ((tool, why), count, examples) in oracle::tally(reasons.into_iter()) {
        println!("{count:6} {tool}: {why}; such as `{}`", examples[0]);
    }
    assert!(unexplained.is_empty(), "{} unexplained:\n{}", unexplained.len(), first(&unexplained));
}

fn reason(case: &Case, answer: &Answer, table: &[Difference]) -> Option<&'static str> {
    table.iter().find(|difference| (difference.applies)(case, answer)).map(|found| found.why)
}

fn report(tool: &str, case: &Case) -> String {
    let text = |answer: &Answer| answer.as_ref().map_or("refused".to_string(), |b| hex(b));
    let ours = case.ours.as_ref().map_or_else(|why| why.clone(), |b| hex(b));
    format!("{tool}: `{}`: {ours}; GNU {}, LLVM {}", case.inst, text(&case.gnu), text(&case.llvm))
}

fn first(lines: &[String]) -> String {
    lines.iter().take(40).map(|line| format!("{line}\n")).collect()
}
