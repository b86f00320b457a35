//! What a loop costs, as a model of a processor predicts it.
//!
//! In: an [`Anatomy`], and whoever predicts ([`Predictor`]). Out: a [`LoopCost`] for each innermost
//! loop: cycles an iteration, what bounds them, and each instruction's share.
//! What the models leave out is said wherever a prediction is shown ([`LEFT_OUT`]).

mod chain;
mod ports;
mod table;

pub use table::{Table, key};

use peach_compiler::emit::reports::anatomy::{Anatomy, Row};
use std::ops::RangeInclusive;

/// What no model here knows of.
pub const LEFT_OUT: &str = "not modeled: caches and memory, mispredicted branches, fetching and \
    decoding, moves that the processor eliminates";

/// Whoever predicts what a loop costs.
pub trait Predictor {
    /// By which model: `llvm-mca 22.1.8`.
    fn name(&self) -> String;

    /// The cost of a loop, given the rows of its instructions, on a processor that is called as in
    /// [`CPUS`].
    ///
    /// # Errors
    /// With the reason why nothing is known.
    fn predict(&self, rows: &[&Row], cpu: &str) -> Result<Prediction, String>;
}

/// The processors that costs are predicted for, with LLVM's names for their models.
pub const CPUS: &[(&str, &str)] = &[
    ("haswell", "haswell"),
    ("skylake", "skylake"),
    ("skylake-xeon", "skylake-avx512"),
    ("icelake-server", "icelake-server"),
    ("alderlake", "alderlake"),
    ("sapphirerapids", "sapphirerapids"),
    ("zen2", "znver2"),
    ("zen3", "znver3"),
    ("zen4", "znver4"),
];

/// What a model says of a loop.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prediction {
    /// Cycles an iteration.
    pub cycles: f64,
    /// Micro-operations an iteration.
    pub micro_ops: f64,
    /// Micro-operations that the front end can issue in a cycle.
    pub width: f64,
    /// For each instruction, in order.
    pub instructions: Vec<InstructionCost>,
}

/// What a model says of an instruction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InstructionCost {
    /// Cycles from its operands to its result.
    pub latency: u32,
    /// Cycles between two of its kind, at best.
    pub throughput: f64,
    /// Micro-operations.
    pub micro_ops: u32,
    /// Ports, each with the cycles an iteration that the instruction keeps it busy.
    pub ports: Vec<(String, f64)>,
    /// Whether it is part of the chain from one iteration to the next that is waited for.
    pub is_in_chain: bool,
}

/// A loop with its cost.
#[derive(Clone, Debug)]
pub struct LoopCost {
    /// The rows from the label to the jump back.
    pub rows: RangeInclusive<usize>,
    /// The label.
    pub label: String,
    /// The rows of its instructions.
    pub instructions: Vec<usize>,
    /// What is predicted, or why nothing is.
    pub prediction: Result<Prediction, String>,
}

/// The costs of a kernel's loops.
#[derive(Clone, Debug)]
pub struct Costs {
    /// The model.
    pub model: String,
    /// The processor.
    pub cpu: String,
    /// One for each innermost loop.
    pub loops: Vec<LoopCost>,
}

/// What an iteration waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// The front end, which issues so many micro-operations a cycle.
    FrontEnd,
    /// A port that is busy all the time.
    Port(String),
    /// A chain of instructions, each of which needs the result of the one before.
    Chain,
}

impl Costs {
    /// Of all innermost loops of a kernel.
    pub fn of(anatomy: &Anatomy, predictor: &dyn Predictor, cpu: &str) -> Costs {
        let cost = |rows: RangeInclusive<usize>| {
            let is_code = |row: &usize| anatomy.rows[*row].detail.is_some();
            let instructions: Vec<usize> = rows.clone().filter(is_code).collect();
            let code: Vec<&Row> = instructions.iter().map(|row| &anatomy.rows[*row]).collect();
            let mut prediction = predictor.predict(&code, cpu);
            if let Ok(known) = &mut prediction
                && known.bound() != Bound::Chain
            {
                // What is waited for is not a chain: then none is worth a mark.
                known.instructions.iter_mut().for_each(|each| each.is_in_chain = false);
            }
            let label = anatomy.rows[*rows.start()].text.trim_end_matches(':').to_string();
            LoopCost { rows, label, instructions, prediction }
        };
        let loops = innermost(anatomy).into_iter().map(cost).collect();
        Costs { model: predictor.name(), cpu: cpu.to_string(), loops }
    }

    /// The cost of the instruction on a row.
    pub fn of_row(&self, row: usize) -> Option<&InstructionCost> {
        let one = self.loops.iter().find(|one| one.rows.contains(&row))?;
        let index = one.instructions.iter().position(|known| *known == row)?;
        one.prediction.as_ref().ok()?.instructions.get(index)
    }
}

impl LoopCost {
    /// Cycles an iteration, what bounds them, and what that suggests; or why nothing is known.
    pub fn text(&self) -> String {
        match &self.prediction {
            Ok(prediction) => {
                format!("{:.2} cycles an iteration; {}", prediction.cycles, prediction.advice())
            }
            Err(reason) => format!("not known: {reason}"),
        }
    }
}

/// The innermost loops: from a label to the last jump back to it, with no such pair inside.
fn innermost(anatomy: &Anatomy) -> Vec<RangeInclusive<usize>> {
    let mut all: Vec<RangeInclusive<usize>> = Vec::new();
    for (row, target) in anatomy.rows.iter().enumerate().filter_map(|(n, r)| Some((n, r.target?))) {
        if target <= row {
            all.retain(|known| *known.start() != target);
            all.push(target..=row);
        }
    }
    let holds = |outer: &RangeInclusive<usize>, inner: &RangeInclusive<usize>| {
        outer != inner && outer.contains(inner.start()) && outer.contains(inner.end())
    };
    let is_innermost =
        |outer: &&RangeInclusive<usize>| !all.iter().any(|inner| holds(outer, inner));
    let mut loops: Vec<RangeInclusive<usize>> = all.iter().filter(is_innermost).cloned().collect();
    loops.sort_by_key(|rows| *rows.start());
    loops
}

impl Prediction {
    /// The busiest port, with the cycles an iteration that it is busy.
    pub fn busiest_port(&self) -> Option<(String, f64)> {
        let mut ports: Vec<(String, f64)> = Vec::new();
        for (port, busy) in self.instructions.iter().flat_map(|instruction| &instruction.ports) {
            match ports.iter_mut().find(|(known, _)| known == port) {
                Some((_, sum)) => *sum += busy,
                None => ports.push((port.clone(), *busy)),
            }
        }
        ports.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// What an iteration waits for: what takes all of its cycles; if nothing does, a chain.
    pub fn bound(&self) -> Bound {
        /// Of the cycles: what is this near to all of them is what is waited for.
        const NEARLY: f64 = 0.93;
        let front_end = self.micro_ops / self.width.max(1.0);
        let port = self.busiest_port();
        let busy = port.as_ref().map_or(0.0, |(_, busy)| *busy);
        match port {
            _ if front_end >= busy && front_end >= NEARLY * self.cycles => Bound::FrontEnd,
            Some((port, _)) if busy >= NEARLY * self.cycles => Bound::Port(port),
            _ => Bound::Chain,
        }
    }

    /// What bounds the loop, and what that suggests.
    pub fn advice(&self) -> String {
        let (port, busy) = self.busiest_port().unwrap_or_default();
        let front_end = self.micro_ops / self.width.max(1.0);
        match self.bound() {
            Bound::FrontEnd => format!(
                "bound by the front end: {:.0} micro-operations, {:.0} a cycle; use fewer \
                 instructions, or unroll, so that counters and jumps are shared",
                self.micro_ops, self.width
            ),
            Bound::Port(_) => format!(
                "bound by port {port}, which is busy all the time; use fewer instructions that \
                 need it"
            ),
            Bound::Chain => {
                let free = busy.max(front_end).max(0.01);
                format!(
                    "bound by a chain of results from one iteration to the next; ports and front \
                     end need {free:.2} cycles, so {:.1} times as many chains side by side \
                     (accumulators) would keep them busy",
                    self.cycles / free
                )
            }
        }
    }
}

impl InstructionCost {
    /// In words: `latency 4, one per 0.50 cycles, 1 micro-operation, ports 0 1`.
    pub fn text(&self) -> String {
        let s = if self.micro_ops == 1 { "" } else { "s" };
        let ports: Vec<&str> = self.ports.iter().map(|(port, _)| port.as_str()).collect();
        let ports =
            if ports.is_empty() { String::new() } else { format!(", ports {}", ports.join(" ")) };
        let chain = if self.is_in_chain { ", in the chain" } else { "" };
        format!(
            "latency {}, one per {:.2} cycles, {} micro-operation{s}{ports}{chain}",
            self.latency, self.throughput, self.micro_ops
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(cycles: f64, micro_ops: f64, busy: f64) -> Prediction {
        let ports = vec![("0".to_string(), busy), ("1".to_string(), busy / 2.0)];
        let one = InstructionCost { ports, ..InstructionCost::default() };
        Prediction { cycles, micro_ops, width: 4.0, instructions: vec![one.clone(), one] }
    }

    #[test]
    fn a_loop_is_bound_by_what_takes_all_of_its_cycles() {
        assert_eq!(prediction(4.0, 8.0, 2.0).bound(), Bound::Port("0".to_string()));
        assert_eq!(prediction(4.0, 16.0, 1.0).bound(), Bound::FrontEnd);
        assert_eq!(prediction(4.0, 4.0, 0.5).bound(), Bound::Chain);
        assert!(prediction(4.0, 4.0, 0.5).advice().contains("4.0 times as many chains"));
    }
}
