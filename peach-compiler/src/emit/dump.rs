//! What each step made, as text: `-fdump-rtl` and `--print-after`.
//!
//! An [`Observer`] that writes down, of the steps asked for, the function after each. Virtual
//! registers are `name%number`; after the analysis, each instruction is followed by what is live
//! after it.

use crate::analysis::Facts;
use crate::compiled::CompiledFunction;
use crate::emit::reports::listing::{self, Source};
use crate::ir::Allocation;
use crate::ir::{Code, Function, InstId, Item, Lowered, Reg};
use crate::isa::{Lanes, Numbered, instruction_text, register_name};
use crate::pipeline::{Observer, State, Step};
use crate::syntax::ast;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The column of what is live.
const LIVE_COLUMN: usize = 56;

/// The text of the steps taken so far.
#[derive(Debug, Default)]
pub struct Dump {
    /// Of these steps alone; of all if there are none.
    only: Vec<Step>,
    text: String,
}

impl Dump {
    /// A dump of every step.
    pub fn of_all() -> Dump {
        Dump::default()
    }

    /// A dump of some steps.
    pub fn after(steps: &[Step]) -> Dump {
        Dump { only: steps.to_vec(), text: String::new() }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Observer for Dump {
    fn after(&mut self, step: Step, state: State<'_>) {
        if !self.only.is_empty() && !self.only.contains(&step) {
            return;
        }
        let name = match state {
            State::File(_) | State::Program(_) => String::new(),
            State::Function(function)
            | State::Facts(function, _)
            | State::Allocation(function, _)
            | State::Lowered(function, _) => format!(" `{}`", function.name),
            State::Encoded(compiled) => format!(" `{}`", compiled.function.name),
        };
        let _ = writeln!(self.text, "== {}{name}: {}\n", step.name(), step.description());
        match state {
            State::File(file) => self.text.push_str(&items(file)),
            State::Program(program) => {
                let groups = program.kernels.iter();
                for version in groups.flat_map(|group| &group.versions) {
                    let _ = writeln!(self.text, "{}", version.function);
                }
            }
            State::Function(function) => self.text.push_str(&function.to_string()),
            State::Facts(function, facts) => self.text.push_str(&with_live(function, facts)),
            State::Allocation(function, found) => self.text.push_str(&homes(function, found)),
            State::Lowered(_, lowered) => self.text.push_str(&items_of(lowered)),
            State::Encoded(compiled) => self.text.push_str(&listed(compiled)),
        }
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }
}

/// The items of a file by kind and name.
fn items(file: &ast::File) -> String {
    let line = |item: &ast::Item| match item {
        ast::Item::Kernel(kernel) => format!("fn {}\n", kernel.signature.name),
        ast::Item::Fallback(fallback) => format!("fallback {}\n", fallback.signature.name),
        ast::Item::Helper(helper) => format!("inline fn {}\n", helper.name),
        ast::Item::ConstFn(function) => format!("const fn {}\n", function.name),
        ast::Item::Const(item) => format!("const {}\n", item.name),
        ast::Item::Table(table) => format!("table {}\n", table.name),
        ast::Item::Family(family) => format!("for {}\n", family.var),
    };
    file.items.iter().map(line).collect()
}

/// The instructions, each with what is live after it.
fn with_live(function: &Function, facts: &Facts) -> String {
    let mut live: BTreeMap<InstId, String> = BTreeMap::new();
    for block in 0..facts.cfg.blocks.len() {
        facts.for_each_live_out(block as u32, |id, registers| {
            let names = registers.iter().map(|(reg, lanes)| live_name(function, *reg, *lanes));
            live.insert(id, names.collect::<Vec<_>>().join(" "));
        });
    }
    let mut text = function.head_text();
    for (index, inst) in function.insts.iter().enumerate() {
        let line = function.inst_text(inst);
        let live = live.get(&InstId(index as u32)).map_or("", String::as_str);
        let line = format!("{line:<LIVE_COLUMN$} ; live: {live}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A register, with its bytes where only some of them are live.
fn live_name(function: &Function, reg: Reg, lanes: Lanes) -> String {
    let (name, bytes) = match reg {
        Reg::Virtual(vreg) => {
            (format!("{}%{}", function[vreg].name, vreg.0), function[vreg].class.bytes())
        }
        Reg::Physical(reg) => (format!("{reg:?}"), 64),
    };
    match lanes.contains(Lanes::low(bytes)) {
        true => name,
        false => format!("{name}:{:x}", lanes.0),
    }
}

/// Where every virtual register lives.
fn homes(function: &Function, allocation: &Allocation) -> String {
    let mut text = String::new();
    for (index, (info, home)) in function.vregs.iter().zip(&allocation.regs).enumerate() {
        let home = match home {
            Some(reg) => register_name(*reg, info.class),
            None => "nowhere: it is not used".to_string(),
        };
        let _ = writeln!(text, "  {}%{index}: {} = {home}", info.name, info.class.name());
    }
    text
}

/// The items over physical registers.
fn items_of(lowered: &Lowered) -> String {
    let line = |item: &Item| match &item.code {
        Code::Label(label) => format!("'L{}:\n", label.0),
        Code::Inst(inst) => format!("  {}\n", instruction_text(inst, &Numbered)),
        Code::Align(bytes) => format!("  align {bytes}\n"),
        Code::Bytes(bytes) => format!("  db {bytes:02x?}\n"),
        Code::Group(group) => format!("  group of {}\n", group.items),
    };
    lowered.items.iter().map(line).collect()
}

/// The code with its bytes. (Source lines are the listing's own business.)
fn listed(compiled: &CompiledFunction) -> String {
    listing::listing(compiled, &Source::default())
}
