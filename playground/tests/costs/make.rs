//! Makes the table: asks llvm-mca what each form of each instruction costs.
//!
//! One instruction stands for a form, the one with the simplest address. Each is followed by a
//! mark, a `nop` with its number, so that it is known again in what llvm-mc and llvm-mca write.

use crate::TOOLS;
use crate::generate;
use peach_compiler::emit::reports::detail::Detail;
use peach_compiler::ir::{Base, BranchSize, Instruction, Operand};
use peach_compiler::isa::{FeatureSet, PhysReg, encode};
use peach_playground::cost::{CPUS, key};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// What a form costs on a processor, as the table has it.
type Cost = String;

/// The table of every `step`th form.
pub fn table(step: usize) -> String {
    let [mca, _] = TOOLS;
    let version = run(Command::new(mca).arg("--version"), "");
    let version = version.split("version ").nth(1).expect("a version");
    let version = version.split_whitespace().next().expect("a version");
    let mut out = format!("# made from llvm-mca {version}\n");
    let forms: BTreeMap<_, _> = forms().into_iter().step_by(step).collect();
    let code = decoded(&forms);
    let mut code: Vec<&str> = code.lines().collect();
    let mut classes: BTreeMap<Vec<String>, Vec<&str>> = BTreeMap::new();
    let mut columns = Vec::new();
    for (cpu, model) in CPUS {
        let (head, costs) = processor(cpu, model, &mut code);
        out.push_str(&head);
        let mut numbers: BTreeMap<&Cost, usize> = BTreeMap::new();
        for cost in costs.values() {
            let next = numbers.len();
            numbers.entry(cost).or_insert_with(|| {
                let _ = writeln!(out, "{cost}");
                next
            });
        }
        let number = |mark: usize| costs.get(&mark).map(|cost| numbers[cost].to_string());
        columns.push((0..forms.len()).map(number).collect::<Vec<Option<String>>>());
    }
    for (mark, key) in forms.keys().enumerate() {
        let known = columns.iter().map(|column| column[mark].clone().unwrap_or("-".into()));
        let class: Vec<String> = known.collect();
        if class.iter().any(|number| number != "-") {
            classes.entry(class).or_default().push(key);
        }
    }
    for (class, keys) in classes {
        let _ = writeln!(out, "> {}", class.join(" "));
        keys.iter().for_each(|key| out.push_str(&format!("{key}\n")));
    }
    out
}

/// The bytes of one instruction of each form.
fn forms() -> BTreeMap<String, Vec<u8>> {
    let mut corpus = generate::corpus();
    corpus.retain(|inst| {
        inst.encoding.is_none() && inst.prefixes == Default::default() && inst.rounding.is_none()
    });
    corpus.sort_by_key(parts_of_address);
    let mut forms = BTreeMap::new();
    for inst in &corpus {
        let Some(detail) = Detail::of(inst, &FeatureSet::all()) else { continue };
        let key = key(&detail);
        if !forms.contains_key(&key)
            && let Ok(encoding) = encode(inst, &FeatureSet::all(), BranchSize::Short)
        {
            forms.insert(key, encoding.bytes);
        }
    }
    forms
}

/// What has to be added up.
fn parts_of_address(inst: &Instruction<PhysReg>) -> usize {
    let parts = inst.operands.iter().map(|operand| match operand {
        Operand::Mem(mem) => {
            let base = usize::from(!matches!(mem.base, Base::Reg(_)));
            base + usize::from(mem.index.is_some()) + usize::from(mem.disp != 0)
        }
        _ => 0,
    });
    parts.sum()
}

/// The instructions as LLVM writes them, each followed by its mark.
fn decoded(forms: &BTreeMap<String, Vec<u8>>) -> String {
    let mut input = String::new();
    for (mark, bytes) in forms.values().enumerate() {
        bytes.iter().for_each(|byte| input.push_str(&format!("0x{byte:02x} ")));
        // nop dword ptr [rax + mark]
        let disp = (MARKS + mark as u32).to_le_bytes();
        input.push_str("\n0x0f 0x1f 0x80");
        disp.iter().for_each(|byte| input.push_str(&format!(" 0x{byte:02x}")));
        input.push('\n');
    }
    let [_, mc] = TOOLS;
    readable(&run(Command::new(mc).args(["--disassemble", "--triple=x86_64"]), &input))
}

/// The code without the lines that LLVM writes and does not read (`movsww`).
fn readable(code: &str) -> String {
    let [_, mc] = TOOLS;
    let mut assemble = Command::new(mc);
    assemble.args(["--triple=x86_64", "--filetype=null"]);
    let (_, errors) = output(&mut assemble, code);
    let number = |line: &str| line.strip_prefix("<stdin>:")?.split_once(':')?.0.parse().ok();
    let errors = errors.lines().filter(|line| line.contains(": error: "));
    let refused: BTreeSet<usize> = errors.filter_map(number).collect();
    let lines = code.lines().zip(1..).filter(|(_, number)| !refused.contains(number));
    lines.map(|(line, _)| format!("{line}\n")).collect()
}

/// Marks count from here: no `nop` of the corpus has such an address.
const MARKS: u32 = 0x0100_0000;

/// A processor's line, and what instructions cost on it, by their mark. Of the code, what llvm-mca
/// fails on is removed.
fn processor(cpu: &str, model: &str, code: &mut Vec<&str>) -> (String, BTreeMap<usize, Cost>) {
    let [mca, _] = TOOLS;
    let arguments = ["-mtriple=x86_64", "--skip-unsupported-instructions=any"];
    let command = |more: &[&str], code: &str| {
        let mut command = Command::new(mca);
        command.env("LLVM_DISABLE_SYMBOLIZATION", "1");
        command.args(arguments).arg(format!("-mcpu={model}")).args(more);
        run(&mut command, code)
    };
    let summary = command(&[], "nop\n");
    let width = summary.lines().find_map(|line| line.strip_prefix("Dispatch Width:"));
    let ask = |code: &str| command(&["-instruction-tables=full"], code);
    let resources = Resources::read(&ask("nop\n"));
    let mut costs = BTreeMap::new();
    let mut since_mark = Vec::new();
    let (rows, failures) = rows(&ask, code);
    code.retain(|line| !failures.contains(line));
    for row in rows {
        match row.split_whitespace().next_back().and_then(mark_of) {
            None => since_mark.push(resources.cost(&row)),
            // Where there is none, it is not known; where there are several, it is not one.
            Some(mark) => match (since_mark.pop(), since_mark.is_empty()) {
                (Some(cost), true) => drop(costs.insert(mark, cost)),
                _ => since_mark.clear(),
            },
        }
    }
    let width = width.expect("a width").trim();
    (format!("cpu {cpu} {width} {}\n", resources.ports.join(" ")), costs)
}

/// The rows of llvm-mca's table, and the instructions that it fails on, which it does with all of
/// the code: they are looked for by halves.
fn rows<'c>(ask: &dyn Fn(&str) -> String, code: &[&'c str]) -> (Vec<String>, Vec<&'c str>) {
    let report = ask(&(code.join("\n") + "\n"));
    if let Some((_, table)) = report.split_once("Instructions:\n") {
        let rows = table.lines().take_while(|row| !row.is_empty());
        return (rows.map(str::to_string).collect(), Vec::new());
    }
    if code.len() <= 1 {
        return (Vec::new(), code.to_vec());
    }
    let (first, second) = code.split_at(code.len() / 2);
    let (first, second) = (rows(ask, first), rows(ask, second));
    ([first.0, second.0].concat(), [first.1, second.1].concat())
}

/// `16777217(%rax)`.
fn mark_of(operand: &str) -> Option<usize> {
    let number: usize = operand.strip_suffix("(%rax)")?.parse().ok()?;
    number.checked_sub(MARKS as usize)
}

/// What instructions keep busy.
struct Resources {
    ports: Vec<String>,
    /// Each with its ports, the smallest first.
    groups: Vec<(String, u64)>,
}

impl Resources {
    /// Reads `[10] - SKXPort01:2 SKXPort0, SKXPort1`. A line without names is as many ports as it
    /// says.
    fn read(report: &str) -> Resources {
        let lines: Vec<(&str, usize, Vec<&str>)> = report
            .lines()
            .skip_while(|line| !line.starts_with("Resources:"))
            .skip(1)
            .take_while(|line| !line.is_empty())
            .map(|line| {
                let (_, rest) = line.split_once(" - ").expect("a resource");
                let (name, rest) = rest.trim().split_once(':').expect("a count");
                let (count, names) = rest.split_once(' ').unwrap_or((rest, ""));
                let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
                (name, count.parse().expect("a number"), names.collect())
            })
            .collect();
        let family = lines.iter().find_map(|(name, ..)| Some(name.split_once("Port")?.0));
        let mut ports = Vec::new();
        let mut single: BTreeMap<&str, u64> = BTreeMap::new();
        for (name, count, _) in lines.iter().filter(|(_, _, members)| members.is_empty()) {
            for unit in 0..*count {
                *single.entry(name).or_default() |= 1 << ports.len();
                let short = short(name, family.unwrap_or("Zn"));
                ports.push(if *count == 1 { short } else { format!("{short}.{unit}") });
            }
        }
        assert!(ports.len() <= 64, "{ports:?}");
        let set = |(name, _, members): &(&str, usize, Vec<&str>)| match members.is_empty() {
            true => (name.to_string(), single[name]),
            false => (name.to_string(), members.iter().fold(0, |all, one| all | single[one])),
        };
        let mut groups: Vec<(String, u64)> = lines.iter().map(set).collect();
        groups.sort_by_key(|(_, ports)| ports.count_ones());
        Resources { ports, groups }
    }

    /// The cost on a row of the table.
    fn cost(&self, row: &str) -> Cost {
        /// Where the column of resources starts.
        const RESOURCES: usize = 49;
        let mut words = row.split_whitespace();
        let mut word = || words.next().expect("a number").to_string();
        let (micro_ops, latency, throughput) = (word(), word(), word());
        let used = row[RESOURCES..].split(' ').next().unwrap_or_default();
        let throughput = throughput.trim_end_matches('0').trim_end_matches('.').to_string();
        let mut cost = format!("{latency} {throughput} {micro_ops}");
        for (ports, cycles) in self.works(used) {
            let _ = write!(cost, " {ports:x}:{cycles}");
        }
        cost
    }

    /// Reads `SKXPort01,SKXPort015,SKXPortAny[2]`: LLVM counts what keeps a group busy for each
    /// larger group, too, which has to be taken off again.
    fn works(&self, used: &str) -> Vec<(u64, u32)> {
        let mut works: Vec<(u64, u32)> = Vec::new();
        for (name, ports) in &self.groups {
            let inside = works.iter().filter(|(inner, _)| inner & !ports == 0);
            let own = cycles(used, name).unwrap_or(0).saturating_sub(inside.map(|(_, n)| n).sum());
            if own > 0 {
                works.push((*ports, own));
            }
        }
        works
    }
}

/// How long a list of resources keeps one busy: `NAME`, `NAME[TO]` or `NAME[FROM,TO]`.
fn cycles(used: &str, name: &str) -> Option<u32> {
    let mut rest = used;
    while !rest.is_empty() {
        let end = rest.find(['[', ',']).unwrap_or(rest.len());
        let (found, tail) = rest.split_at(end);
        let (span, tail) = match tail.strip_prefix('[') {
            Some(tail) => tail.split_once(']').expect("a bracket"),
            None => ("1", tail),
        };
        rest = tail.trim_start_matches(',');
        if found == name {
            let mut ends = span.split(',').map(|end| end.parse::<u32>().expect("a cycle"));
            let first = ends.next().expect("a cycle");
            return Some(ends.next().map_or(first, |to| to.saturating_sub(first)));
        }
    }
    None
}

/// LLVM's name without that of the processor: `SKXPort5` is `5`, `Zn4FP1` is `FP1`.
fn short(name: &str, family: &str) -> String {
    let name = name.strip_prefix(family).unwrap_or(name);
    match name.strip_prefix("Port") {
        Some(number) => number.to_string(),
        None => name.trim_start_matches(char::is_numeric).to_string(),
    }
}

fn run(command: &mut Command, input: &str) -> String {
    output(command, input).0
}

/// What a tool writes: to its output, and to its error output.
fn output(command: &mut Command, input: &str) -> (String, String) {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("the tool runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input.as_bytes()));
        child.wait_with_output().expect("the tool ends")
    });
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr))
}
