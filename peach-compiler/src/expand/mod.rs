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
//! | `names`, `scope`, `lookup` | symbols, and what they stand for at a place |
//! | `value`, `constant`, `evaluate` | compile-time values, arithmetic, expressions |
//! | `address`, `literal`, `labels` | memory operands, data, branch targets |
//! | `statements`, `assign`, `load`, `returns`, `instruction` | statements to instructions |
//! | `unfit`, `remedies` | what is said of an instruction that no form fits, and what to write instead |
//! | `habits` | what is written elsewhere, and what it is here |
//! | `helpers`, `streams` | expansion of `inline fn`, recorded instructions |
//!
//! Invariants: a function without errors defines every label it uses, and every instruction has a
//! selection. Fails by diagnostics alone: a statement in error is left out, the names it declares
//! become [`Value::Poison`], which raises no further errors, and expansion continues.

mod address;
mod assign;
mod constant;
mod evaluate;
mod families;
mod groups;
mod habits;
mod helpers;
mod instruction;
mod items;
mod labels;
mod literal;
mod load;
mod lookup;
mod names;
mod program;
mod remedies;
mod returns;
mod scope;
mod signature;
mod statements;
mod streams;
mod unfit;
mod value;

use crate::diagnostics::{Code, Diagnostic, Diagnostics, Place, REPORT_IT, Reported};
use crate::ir::{DataId, Function, Inst, Op, RustConstId, RustSymId, VReg, VRegInfo};
use crate::isa::Class;
use crate::syntax::{self, ast};
use crate::target::Target;
pub use names::nearest;
use names::{Names, Symbol};
use proc_macro2::{Span, TokenStream};
use scope::Scopes;
use std::collections::{HashMap, HashSet};
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
    /// The first kernels of the alternatives before it: those of its name that have other `#[cfg]`s.
    pub alternatives: Vec<Alternative>,
    /// In source order: the order of dispatch. Empty where every version is in error.
    pub versions: Vec<VersionSource>,
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

/// How many steps the expansion of one version may take: statements, iterations of loops, elements
/// of lists that are made. (A few seconds, in a compiler that is not optimized.)
const STEPS_MAX: usize = 1 << 21;

/// How many blocks and expressions may be open at once, those of helpers that are being expanded
/// included: it bounds the stack that expansion takes (about 3 KiB each without optimization), and
/// leaves room in the 2 MiB of a thread.
const DEPTH_MAX: u32 = 500;

/// The expansion of one program: what all kernels share, and the state of the version at hand.
struct Expander<'a, 'd> {
    target: Target,
    diagnostics: &'d mut Diagnostics,
    names: Names<'a>,
    items: HashMap<Symbol, items::Global<'a>>,
    /// Messages that were reported already: versions and unrolled loops repeat them.
    reported: HashMap<program::MessageKey, Reported>,
    label_nodes: HashMap<*const ast::Label, labels::LabelNode>,
    evaluated_items: HashSet<Symbol>,
    /// Names in what the parser left out: that they are undefined is not an error of its own.
    skipped: HashMap<String, Reported>,

    function: Function,
    /// Whether the kernel has `#[version]`: what an error tells to write.
    in_version: bool,
    /// What the parser reported of the kernel at hand.
    unparsed: Option<Reported>,
    /// The result type was reported: what `return` delivers cannot be checked.
    result_in_error: Option<Reported>,
    /// The result is one integer of 128 bits, returned in two parts.
    result_is_wide: bool,
    /// The first error about each extension that the version lacks.
    missing_extensions: Vec<Diagnostic>,
    /// Something was in error: the function is of no use.
    failed: Option<Reported>,
    /// How many errors there were, repeated ones counted.
    error_count: usize,
    suggestions: names::Suggestions,
    /// What each block declares, for those in which a name was undefined.
    declarations: HashMap<*const ast::Block, statements::Declarations>,
    /// How many steps expansion has taken.
    steps: usize,
    /// Expansion did not end: everything unwinds.
    stopped: Option<Reported>,
    scopes: Scopes,
    version_bindings: HashMap<Symbol, Value>,
    item_values: HashMap<Symbol, items::ItemValue>,
    /// How many items are being evaluated.
    item_depth: usize,
    labels: labels::Labels<'a>,
    data_ids: HashMap<Vec<u8>, Vec<DataId>>,
    rust_const_ids: HashMap<*const TokenStream, RustConstId>,
    rust_sym_ids: HashMap<*const TokenStream, RustSymId>,
    streams: Vec<streams::Stream>,
    /// The stream that is being recorded.
    recording: Option<Span>,
    /// Uses of helpers around this place, outermost first.
    calls: Vec<Span>,
    /// How many blocks and expressions are open.
    depth: u32,
    /// Blocks around this place, each with the statement being expanded: for names defined later.
    blocks: Vec<statements::OpenBlock<'a>>,
    in_unsafe: bool,
}

impl Expander<'_, '_> {
    /// Reports an error once, with the uses of helpers that lead to it.
    fn error(&mut self, mut diagnostic: Diagnostic) -> Reported {
        self.error_count += 1;
        for call in self.calls.iter().rev().take(3) {
            diagnostic = diagnostic.label(*call, "in this call of a helper");
        }
        let key = program::MessageKey::of(&diagnostic);
        let diagnostics = &mut self.diagnostics;
        let reported = *self.reported.entry(key).or_insert_with(|| diagnostics.report(diagnostic));
        self.failed = Some(reported);
        reported
    }

    /// Reports a state that no program should lead to.
    fn internal(&mut self, at: impl Into<Place>, message: &str) -> Reported {
        self.error(Diagnostic::new(Code::Internal, at, message).note(REPORT_IT))
    }

    /// What the parser left invalid, it has reported.
    fn reported_by_parser(&mut self, at: impl Into<Place>) -> Reported {
        match self.unparsed {
            Some(reported) => {
                self.failed = Some(reported);
                reported
            }
            None => self.internal(at, "this was left out without an error"),
        }
    }

    /// Appends an instruction.
    fn emit(&mut self, op: Op, span: Span, operand_spans: Vec<Place>) {
        let in_unsafe = self.in_unsafe;
        self.function.insts.push(Inst { op, span, operand_spans, in_unsafe });
        if self.function.insts.len() > INSTRUCTIONS_MAX && self.stopped.is_none() {
            self.stop(span, &format!("the kernel exceeds {INSTRUCTIONS_MAX} instructions"));
        }
    }

    /// A new virtual register.
    fn new_vreg(&mut self, name: String, class: Class, span: Span) -> VReg {
        let vreg = VReg(self.function.vregs.len() as u32);
        self.function.vregs.push(VRegInfo { name, class, span, arg: None, temporary: false });
        vreg
    }

    /// Enters a block or an expression; an error if too many are open.
    fn descend(&mut self, span: Span) -> Result<(), Reported> {
        if self.depth == DEPTH_MAX {
            return Err(self.stop(span, "helpers, blocks and expressions are nested too deeply"));
        }
        self.depth += 1;
        Ok(())
    }

    /// Leaves it.
    fn ascend(&mut self) {
        self.depth -= 1;
    }

    /// Counts steps of expansion; an error if they are too many.
    fn spend(&mut self, steps: usize, at: impl Into<Place>) -> Result<(), Reported> {
        self.steps = self.steps.saturating_add(steps);
        match self.stopped {
            Some(reported) => Err(reported),
            None if self.steps <= STEPS_MAX => Ok(()),
            None => Err(self.stop(at, &format!("expansion exceeds {STEPS_MAX} steps"))),
        }
    }

    /// Reports that expansion does not end, and ends it.
    fn stop(&mut self, at: impl Into<Place>, message: &str) -> Reported {
        let reported = self.error(Diagnostic::new(Code::NoEnd, at, message));
        self.stopped = Some(reported);
        reported
    }
}
