//! Expansion: compile-time evaluation of the kernel language, down to a flat list of instructions.
//!
//! Input: an [`ast::File`]. Output: one [`Function`] per kernel and version. Constants, `for`,
//! `if`, `while`, helpers, streams and names are gone; every instruction has its forms selected.
//!
//! | file | what it knows |
//! |---|---|
//! | `program` | versions |
//! | `groups` | which kernels and fallbacks are one function: name and `#[cfg]`s |
//! | `families`, `items` | items once per value; constants, tables and helpers among the items |
//! | `signature` | types to argument registers and results |
//! | `parts`, `output` | the state of the expansion, in parts; the function that is made |
//! | `names`, `scope`, `lookup` | symbols, and what they stand for at a place |
//! | `value`, `constant`, `evaluate` | compile-time values, arithmetic, expressions |
//! | `lists`, `methods`, `tables`, `numbers` | lists, methods of values, tables, number types |
//! | `compute` | `const fn` and `from_fn`: evaluated over slots |
//! | `address`, `literal`, `labels` | memory operands, data, branch targets |
//! | `statements`, `assign`, `load`, `returns`, `instruction` | statements to instructions |
//! | `invariant` | ghost code, for the proof of memory safety |
//! | `unfit`, `remedies` | what is said of an instruction that no form fits, and what to write instead |
//! | `aliases` | instructions that name one register twice without knowing it |
//! | `habits` | what is written elsewhere, and what it is here |
//! | `helpers`, `streams` | expansion of `inline fn`, recorded instructions |
//! | `local_fns`, `tail_calls` | expansion of `local fn`, and its uses; `jmp sym path` |
//!
//! Invariants: a function without errors defines every label it uses, and every instruction has a
//! selection. Fails by diagnostics alone: a statement in error is left out, the names it declares
//! become [`Value::Poison`], which raises no further errors, and expansion continues.

mod address;
mod aliases;
mod assign;
mod compute;
mod constant;
mod evaluate;
mod families;
mod groups;
mod habits;
mod helpers;
mod instruction;
mod invariant;
mod items;
mod labels;
mod lists;
mod literal;
mod load;
mod local_fns;
mod lookup;
mod methods;
mod names;
mod numbers;
mod output;
mod parts;
mod program;
mod remedies;
mod returns;
mod scope;
mod signature;
mod statements;
mod streams;
mod tables;
mod tail_calls;
mod unfit;
mod value;

use crate::diagnostics::{Code, Diagnostic, Diagnostics, Place, REPORT_IT, Reported};
use crate::ir::{Function, Inst, Op};
use crate::syntax::{self, ast};
use crate::target::Target;
use names::{Names, Symbol};
use output::FunctionBuilder;
use parts::{Items, Limits, Reports, ResultState, STEPS_MAX, Status, Surroundings};
use proc_macro2::{Span, TokenStream};
use scope::Scopes;
use std::collections::HashMap;
use value::Value;

/// All items of a `peach_fn!`, families instantiated, versions found, one group per function.
#[derive(Debug)]
pub struct Program {
    /// In the order of the first kernel of each.
    pub kernels: Vec<KernelGroup>,
    /// What stands in for kernels that have a `#[cfg]`, where none of a name exists.
    pub fallbacks: Vec<LoneFallback>,
    /// The `unsafe` of every block in a helper.
    pub unsafe_helpers: Vec<Span>,
}

/// A fallback without `#[cfg]`, where all kernels of its name have one.
#[derive(Clone, Debug)]
pub struct LoneFallback {
    /// The first of the kernels.
    pub decl: ast::Kernel,
    /// The fallback.
    pub fallback: ast::Fallback,
    /// All kernels of the name.
    pub alternatives: Vec<Alternative>,
}

/// One of several kernels of a name, of which at most one may exist.
#[derive(Clone, Debug)]
pub struct Alternative {
    /// Its name.
    pub name: ast::Name,
    /// Where it exists.
    pub conditions: ast::Conditions,
}

/// Everything that is one function: kernels with one name and the same `#[cfg]`s.
#[derive(Debug)]
pub struct KernelGroup {
    /// The kernel whose signature, visibility and attributes the generated items have: the first.
    pub decl: ast::Kernel,
    /// The first kernels of the alternatives before it: those of its name that have other
    /// `#[cfg]`s.
    pub alternatives: Vec<Alternative>,
    /// In source order: the order of dispatch. Empty where every version is in error.
    pub versions: Vec<VersionSource>,
    /// The code that stands in callers, of `#[embed = "inline"]`.
    pub inlined: Option<Function>,
    /// `#[fallback]`.
    pub fallback: Option<ast::Fallback>,
    /// Where its user wrote `unsafe`.
    pub unsafety: Unsafety,
    /// Whether something in it was in error: its items are still generated, without code.
    pub has_errors: bool,
}

/// Where the user of a kernel wrote `unsafe`.
#[derive(Clone, Debug, Default)]
pub struct Unsafety {
    /// `unsafe { … }`.
    pub blocks: Vec<Span>,
    /// `unsafe fn`, but for that of the first kernel of the name, which becomes a Rust item.
    pub functions: Vec<Span>,
}

/// One version of a kernel.
#[derive(Debug)]
pub struct VersionSource {
    /// Its body over virtual registers.
    pub function: Function,
}

/// Expands every kernel of `file` for `target`.
pub fn expand(
    file: &ast::File,
    target: impl Into<Target>,
    diagnostics: &mut Diagnostics,
) -> Program {
    program::expand(file, target.into(), diagnostics)
}

/// The function of a kernel without its body: arguments, result, extensions, options.
///
/// # Errors
/// What is wrong with the signature or the attributes.
pub fn declare(kernel: &ast::Kernel, target: impl Into<Target>) -> Result<Function, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let function = Expander::new(target.into(), &mut diagnostics).declaration(kernel);
    function.ok_or(diagnostics)
}

/// The value of an integer expression in which no names are in scope, as far as the language knows
/// its parts: what becomes of `const { … }` where there is no rustc to ask.
///
/// # Errors
/// What is not known, or has no value.
pub fn integer(tokens: &TokenStream) -> Result<i128, Box<Diagnostic>> {
    let mut diagnostics = Diagnostics::new();
    let expr = syntax::expression(tokens.clone(), &mut diagnostics)?;
    let mut expander = Expander::new(Target::from(&crate::abi::SYSV64), &mut diagnostics);
    if let Ok(value) = expander.eval_int(&expr) {
        return Ok(value);
    }
    let reported = diagnostics.iter().next().cloned();
    Err(Box::new(reported.expect("a missing value was reported")))
}

/// How many instructions a kernel may have.
const INSTRUCTIONS_MAX: usize = 1 << 20;

/// The expansion of one program: what all kernels share, and the parts that begin anew with each
/// version ([`begin`](Expander::begin)).
struct Expander<'a, 'd> {
    target: Target,
    reports: Reports<'d>,
    names: Names<'a>,
    items: Items<'a>,
    label_nodes: HashMap<*const ast::Label, labels::LabelNode>,
    /// Names in what the parser left out: that they are undefined is not an error of its own.
    skipped: HashMap<String, Reported>,
    suggestions: names::Suggestions,
    /// What each block declares, for those in which a name was undefined.
    declarations: HashMap<*const ast::Block, statements::Declarations>,

    output: FunctionBuilder,
    result: ResultState,
    status: Status,
    limits: Limits,
    around: Surroundings<'a>,
    scopes: Scopes,
    version_bindings: HashMap<Symbol, Value>,
    labels: labels::Labels<'a>,
    local_fns: local_fns::LocalFns,
    aliases: aliases::Aliases,
    streams: Vec<streams::Stream>,
    compute: compute::Compute<'a>,
}

impl Expander<'_, '_> {
    /// Reports an error once, with the uses of helpers that lead to it.
    fn error(&mut self, mut diagnostic: Diagnostic) -> Reported {
        for call in self.around.functions.iter().rev().take(3) {
            diagnostic = diagnostic.label(*call, "in this call of a function");
        }
        for call in self.around.calls.iter().rev().take(3) {
            diagnostic = diagnostic.label(*call, "in this call of a helper");
        }
        let reported = self.reports.report(diagnostic);
        self.status.failed = Some(reported);
        reported
    }

    /// Reports a state that no program should lead to.
    fn internal(&mut self, at: impl Into<Place>, message: &str) -> Reported {
        self.error(Diagnostic::new(Code::Internal, at, message).note(REPORT_IT))
    }

    /// What the parser left invalid, it has reported.
    fn reported_by_parser(&mut self, at: impl Into<Place>) -> Reported {
        match self.status.unparsed {
            Some(reported) => {
                self.status.failed = Some(reported);
                reported
            }
            None => self.internal(at, "this was left out without an error"),
        }
    }

    /// Appends an instruction.
    fn emit(&mut self, op: Op, span: Span, operand_spans: Vec<Place>) {
        let Surroundings { in_unsafe, inlined, .. } = self.around;
        let insts = &mut self.output.function.insts;
        insts.push(Inst { op, span, operand_spans, in_unsafe, inlined });
        if insts.len() > INSTRUCTIONS_MAX && self.status.stopped.is_none() {
            self.stop(span, &format!("the kernel exceeds {INSTRUCTIONS_MAX} instructions"));
        }
    }

    /// Enters a block or an expression; an error if too many are open.
    fn descend(&mut self, span: Span) -> Result<(), Reported> {
        match self.limits.descend() {
            true => Ok(()),
            false => Err(self.stop(span, "helpers, blocks and expressions are nested too deeply")),
        }
    }

    /// Leaves it.
    fn ascend(&mut self) {
        self.limits.ascend();
    }

    /// Counts steps of expansion; an error if they are too many.
    fn spend(&mut self, steps: usize, at: impl Into<Place>) -> Result<(), Reported> {
        let is_affordable = self.limits.spend(steps);
        match self.status.stopped {
            Some(reported) => Err(reported),
            None if is_affordable => Ok(()),
            None => Err(self.stop(at, &format!("expansion exceeds {STEPS_MAX} steps"))),
        }
    }

    /// Reports that expansion does not end, and ends it.
    fn stop(&mut self, at: impl Into<Place>, message: &str) -> Reported {
        let reported = self.error(Diagnostic::new(Code::NoEnd, at, message));
        self.status.stopped = Some(reported);
        reported
    }
}
