//! Costs of loops by llvm-mca, LLVM's analyzer of machine code, where it is installed.
//!
//! In: the bytes of a loop. They are decoded by llvm-mc, so that what is analyzed is what was
//! encoded. Out: a [`Prediction`]. Fails: where a tool is missing, or reads something else.

use peach_compiler::emit::reports::anatomy::Row;
use peach_playground::cost::{CPUS, InstructionCost, Prediction, Predictor};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Endings of the tools' names, the newest models first.
const VERSIONS: [&str; 10] = ["-22", "", "-21", "-20", "-19", "-18", "-17", "-16", "-15", "-14"];

/// Iterations that are simulated: the first ones fill the pipeline, and are few among so many.
const ITERATIONS: u32 = 1000;

/// The tools, of one version.
pub struct Mca {
    ending: &'static str,
    version: String,
}

impl Mca {
    /// The newest that is installed.
    ///
    /// # Errors
    /// Where there is none, with what to install.
    pub fn find() -> Result<Mca, String> {
        let found = VERSIONS.iter().find_map(|ending| {
            let text =
                output(Command::new(format!("llvm-mca{ending}")).arg("--version"), "").ok()?;
            output(Command::new(format!("llvm-mc{ending}")).arg("--version"), "").ok()?;
            let (_, rest) = text.split_once("version ")?;
            Some(Mca { ending, version: rest.split_whitespace().next()?.to_string() })
        });
        found.ok_or_else(|| {
            "llvm-mca, which predicts costs, is not installed; it is in the package llvm (llvm-22 \
             has the newest models)"
                .to_string()
        })
    }

    /// The instructions as LLVM writes them, one each.
    fn decoded(&self, rows: &[&Row]) -> Result<Vec<String>, String> {
        let mut decode = Command::new(format!("llvm-mc{}", self.ending));
        decode.args(["--disassemble", "--triple=x86_64"]);
        let mut input = String::new();
        for row in rows {
            row.bytes.iter().for_each(|byte| {
                let _ = write!(input, "0x{byte:02x} ");
            });
            input.push('\n');
        }
        let text = output(&mut decode, &input)?;
        // A prefix such as `lock` has a line of its own.
        let mut lines: Vec<String> = Vec::new();
        let mut prefix = String::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match ["lock", "rep", "repne", "data16", "notrack"].contains(&line) {
                true => prefix = format!("{line} "),
                false => lines.push(std::mem::take(&mut prefix) + line),
            }
        }
        match lines.len() == rows.len() {
            true => Ok(lines),
            false => Err(format!("llvm-mc reads {} instructions as {}", rows.len(), lines.len())),
        }
    }
}

impl Predictor for Mca {
    fn name(&self) -> String {
        format!("llvm-mca {}", self.version)
    }

    fn predict(&self, rows: &[&Row], cpu: &str) -> Result<Prediction, String> {
        let model = CPUS.iter().find(|(name, _)| *name == cpu).map_or("native", |(_, llvm)| llvm);
        let text = self.decoded(rows)?.join("\n") + "\n";
        let mut analyze = Command::new(format!("llvm-mca{}", self.ending));
        analyze
            .args(["--mtriple=x86_64", "--json", "--bottleneck-analysis"])
            .arg(format!("--mcpu={model}"))
            .arg(format!("--iterations={ITERATIONS}"));
        let report = output(&mut analyze, &text)?;
        let report: Value = serde_json::from_str(&report).map_err(|error| error.to_string())?;
        read(&report, rows.len())
            .ok_or_else(|| format!("{} answers in a form that is not known", self.name()))
    }
}

/// What the report says.
fn read(report: &Value, count: usize) -> Option<Prediction> {
    let region = report["CodeRegions"].get(0)?;
    let summary = &region["SummaryView"];
    let iterations = summary["Iterations"].as_f64()?;
    let names = report["TargetInfo"]["Resources"].as_array()?;
    let mut instructions = Vec::new();
    for info in region["InstructionInfoView"]["InstructionList"].as_array()? {
        instructions.push(InstructionCost {
            latency: info["Latency"].as_u64()? as u32,
            throughput: info["RThroughput"].as_f64()?,
            micro_ops: info["NumMicroOpcodes"].as_u64()? as u32,
            ..InstructionCost::default()
        });
    }
    if instructions.len() != count {
        return None;
    }
    let names: Vec<String> = ports(&names.iter().map_while(Value::as_str).collect::<Vec<_>>());
    for usage in region["ResourcePressureView"]["ResourcePressureInfo"].as_array()? {
        let index = usage["InstructionIndex"].as_u64()? as usize;
        let name = names.get(usage["ResourceIndex"].as_u64()? as usize)?;
        // The last one is the sum of all.
        if let Some(instruction) = instructions.get_mut(index) {
            instruction.ports.push((name.clone(), usage["ResourceUsage"].as_f64()?));
        }
    }
    for edge in region["BottleneckAnalysis"]["DependencyEdge"].as_array().into_iter().flatten() {
        // By a register or memory: others wait for a port, not for a result.
        if matches!(edge["Type"].as_u64()?, 1 | 2) {
            for end in ["FromID", "ToID"] {
                instructions[edge[end].as_u64()? as usize % count].is_in_chain = true;
            }
        }
    }
    Some(Prediction {
        cycles: summary["TotalCycles"].as_f64()? / iterations,
        micro_ops: summary["TotaluOps"].as_f64()? / iterations,
        width: summary["DispatchWidth"].as_f64()?,
        instructions,
    })
}

/// LLVM's names of ports without that of the processor: `SKLPort5` is `5`, `Zn4FP1` is `FP1`. Units
/// of one name get numbers.
fn ports(names: &[&str]) -> Vec<String> {
    let short = |name: &str| match name.split_once("Port") {
        Some((_, number)) if !number.is_empty() => number.to_string(),
        _ => {
            name.trim_start_matches("Zn").trim_start_matches(|ch: char| ch.is_ascii_digit()).into()
        }
    };
    let all: Vec<String> = names.iter().map(|name| short(name)).collect();
    let numbered = |(index, name): (usize, &String)| {
        let is_same = |other: &&String| *other == name;
        match all.iter().filter(is_same).count() {
            1 => name.clone(),
            _ => format!("{name}.{}", all[..index].iter().filter(is_same).count()),
        }
    };
    all.iter().enumerate().map(numbered).collect()
}

/// What a tool writes, given its input.
fn output(command: &mut Command, input: &str) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let problem = |error: std::io::Error| format!("{name}: {error}");
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(problem)?;
    let mut stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // Writing on a thread of its own: a tool may fill its output before it has read everything.
        scope.spawn(move || stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes())));
        child.wait_with_output()
    })
    .map_err(problem)?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}
