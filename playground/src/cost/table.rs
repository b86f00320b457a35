//! Costs of loops from a table, for browsers and for machines without llvm-mca.
//!
//! In: the instructions of a loop. Out: a [`Prediction`] that is the largest of three bounds: what
//! the front end issues, what the ports do (`ports`), the chain from one iteration to the next
//! (`chain`). Fails: for a processor or an instruction that the table lacks.
//!
//! The table, `table.txt`, is made by `PEACH_BLESS=1 cargo test -p peach-playground --test costs`:
//! llvm-mca says what each form of each instruction costs. It has these lines:
//!
//! | line | meaning |
//! |---|---|
//! | `# made from TOOL` | whose figures they are |
//! | `cpu NAME WIDTH PORT…` | a processor, the micro-operations it issues a cycle, its ports |
//! | `LATENCY THROUGHPUT MICRO-OPS PORTS:CYCLES…` | one of its costs; ports are bits, hexadecimal |
//! | `> COST…` | of the forms that follow, which cost of each processor; `-` is none |
//! | anything else | a form as [`key`] has it |

use super::chain::{self, Latency};
use super::ports::{self, Work};
use super::{InstructionCost, Prediction, Predictor};
use peach_compiler::emit::reports::anatomy::Row;
use peach_compiler::emit::reports::detail::Detail;
use std::collections::HashMap;
use std::sync::OnceLock;

const TEXT: &str = include_str!("table.txt");

/// Predicts by the table.
#[derive(Clone, Copy, Debug, Default)]
pub struct Table;

/// The table's name of an instruction: its form, and `[]` if it is the one that touches memory.
pub fn key(detail: &Detail) -> String {
    let is_memory = detail.memory.read || detail.memory.written;
    format!("{}{}", detail.form, if is_memory { " []" } else { "" })
}

struct Parsed {
    tool: &'static str,
    cpus: Vec<Cpu>,
    /// For each form, which cost each of the processors has.
    forms: HashMap<&'static str, &'static str>,
}

struct Cpu {
    name: &'static str,
    width: f64,
    ports: Vec<&'static str>,
    costs: Vec<Cost>,
}

#[derive(Debug)]
struct Cost {
    latency: u32,
    throughput: f64,
    micro_ops: u32,
    works: Vec<Work>,
}

impl Predictor for Table {
    fn name(&self) -> String {
        format!("a table of {}", parsed().tool)
    }

    fn predict(&self, rows: &[&Row], cpu: &str) -> Result<Prediction, String> {
        let table = parsed();
        let index = table.cpus.iter().position(|known| known.name == cpu).ok_or_else(|| {
            let names: Vec<&str> = table.cpus.iter().map(|cpu| cpu.name).collect();
            format!("the table has no processor `{cpu}`; there are: {}", names.join(", "))
        })?;
        let details: Vec<&Detail> = rows.iter().filter_map(|row| row.detail.as_ref()).collect();
        let costs = details.iter().map(|detail| {
            table
                .cost(&key(detail), index)
                .ok_or_else(|| format!("the table says nothing of `{}` on {cpu}", detail.form))
        });
        let costs = costs.collect::<Result<Vec<&Cost>, String>>()?;
        let latencies: Vec<Latency> = details
            .iter()
            .zip(&costs)
            .map(|(detail, cost)| table.latency(detail, cost, index))
            .collect();
        Ok(predict(&table.cpus[index], &details, &costs, &latencies))
    }
}

fn predict(cpu: &Cpu, details: &[&Detail], costs: &[&Cost], latencies: &[Latency]) -> Prediction {
    let works: Vec<&[Work]> = costs.iter().map(|cost| cost.works.as_slice()).collect();
    let shares = ports::spread(&works, cpu.ports.len());
    let chain = chain::longest(details, latencies);
    let instruction = |((cost, share), is_in_chain): ((&&Cost, &Vec<f64>), &bool)| {
        let used = cpu.ports.iter().zip(share).filter(|(_, busy)| **busy > 0.005);
        InstructionCost {
            latency: cost.latency,
            throughput: cost.throughput,
            micro_ops: cost.micro_ops,
            ports: used.map(|(port, busy)| (port.to_string(), *busy)).collect(),
            is_in_chain: *is_in_chain,
        }
    };
    let mut prediction = Prediction {
        cycles: chain.cycles,
        micro_ops: costs.iter().map(|cost| f64::from(cost.micro_ops)).sum(),
        width: cpu.width,
        instructions: costs.iter().zip(&shares).zip(&chain.members).map(instruction).collect(),
    };
    let front_end = prediction.micro_ops / prediction.width;
    let busy = prediction.busiest_port().map_or(0.0, |(_, busy)| busy);
    prediction.cycles = prediction.cycles.max(front_end).max(busy);
    prediction
}

impl Parsed {
    fn cost(&self, key: &str, cpu: usize) -> Option<&Cost> {
        let number = self.forms.get(key)?.split(' ').nth(cpu)?;
        self.cpus[cpu].costs.get(number.parse::<usize>().ok()?)
    }

    /// Of an instruction that reads memory, registers are needed when the memory has been read:
    /// from there on, it is as fast as the same with registers alone.
    fn latency(&self, detail: &Detail, cost: &Cost, cpu: usize) -> Latency {
        let twin = self.cost(&detail.form, cpu).filter(|_| detail.memory.read);
        Latency { address: cost.latency, data: twin.unwrap_or(cost).latency }
    }
}

fn parsed() -> &'static Parsed {
    static PARSED: OnceLock<Parsed> = OnceLock::new();
    PARSED.get_or_init(|| parse(TEXT))
}

fn parse(text: &'static str) -> Parsed {
    let mut parsed = Parsed { tool: "", cpus: Vec::new(), forms: HashMap::new() };
    let mut class = "";
    for line in text.lines() {
        if let Some(tool) = line.strip_prefix("# made from ") {
            parsed.tool = tool;
        } else if let Some(rest) = line.strip_prefix("cpu ") {
            let mut words = rest.split(' ');
            let name = words.next().unwrap_or_default();
            let width = words.next().map_or(1.0, number);
            parsed.cpus.push(Cpu { name, width, ports: words.collect(), costs: Vec::new() });
        } else if let Some(rest) = line.strip_prefix("> ") {
            class = rest;
        } else if !class.is_empty() {
            parsed.forms.insert(line, class);
        } else if let Some(cpu) = parsed.cpus.last_mut() {
            cpu.costs.push(cost(line));
        }
    }
    parsed
}

fn cost(line: &str) -> Cost {
    let mut words = line.split(' ');
    let mut next = || words.next().map_or(0.0, number);
    let (latency, throughput, micro_ops) = (next() as u32, next(), next() as u32);
    let work = |word: &str| {
        let (ports, cycles) = word.split_once(':').unwrap_or_default();
        Work { ports: u64::from_str_radix(ports, 16).unwrap_or(0), cycles: number(cycles) }
    };
    Cost { latency, throughput, micro_ops, works: words.map(work).collect() }
}

/// The table is our own: the test that makes it reads it back.
fn number(text: &str) -> f64 {
    text.parse().unwrap_or(0.0)
}
