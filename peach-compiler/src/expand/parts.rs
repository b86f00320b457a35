//! The state of an expansion, in parts. All but [`Reports`] and [`Items`] begin anew with each
//! version of a kernel.

use super::names::Symbol;
use super::{ast, items, statements};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Reported};
use crate::ir::{InlinedId, Reg, VReg};
use proc_macro2::Span;
use std::collections::{HashMap, HashSet};

/// How many steps the expansion of one version may take: statements, iterations of loops, elements
/// of lists that are made. (A few seconds, in a compiler that is not optimized.)
pub(super) const STEPS_MAX: usize = 1 << 21;

/// How many blocks and expressions may be open at once, those of helpers that are being expanded
/// included: it bounds the stack that expansion takes (about 3 KiB each without optimization), and
/// leaves room in the 2 MiB of a thread.
pub(super) const DEPTH_MAX: u32 = 500;

/// What makes two messages the same: kind and place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct MessageKey {
    code: Code,
    start: (usize, usize),
    end: (usize, usize),
}

impl MessageKey {
    pub(super) fn of(diagnostic: &Diagnostic) -> MessageKey {
        let (start, end) = (diagnostic.place.first.start(), diagnostic.place.last.end());
        MessageKey {
            code: diagnostic.code,
            start: (start.line, start.column),
            end: (end.line, end.column),
        }
    }
}

/// What is reported.
pub(super) struct Reports<'d> {
    pub diagnostics: &'d mut Diagnostics,
    /// Messages that were reported already: versions and unrolled loops repeat them.
    pub reported: HashMap<MessageKey, Reported>,
    /// How many errors there were, repeated ones counted.
    pub count: usize,
}

impl Reports<'_> {
    /// Reports an error, once.
    pub fn report(&mut self, diagnostic: Diagnostic) -> Reported {
        self.count += 1;
        let key = MessageKey::of(&diagnostic);
        let diagnostics = &mut *self.diagnostics;
        *self.reported.entry(key).or_insert_with(|| diagnostics.report(diagnostic))
    }
}

/// The items, and what is known of their values.
#[derive(Default)]
pub(super) struct Items<'a> {
    pub by_name: HashMap<Symbol, items::Global<'a>>,
    /// Those that some version has asked for.
    pub evaluated: HashSet<Symbol>,
    /// In the version at hand.
    pub values: HashMap<Symbol, items::ItemValue>,
    /// How many items are being evaluated.
    pub depth: usize,
}

/// The result type, where more is to be known than the function says.
#[derive(Default)]
pub(super) struct ResultState {
    /// It was reported: what `return` delivers cannot be checked.
    pub in_error: Option<Reported>,
    /// It is one integer of 128 bits, returned in two parts.
    pub is_wide: bool,
}

/// What has gone wrong.
#[derive(Default)]
pub(super) struct Status {
    /// Something was in error: the function is of no use.
    pub failed: Option<Reported>,
    /// Expansion did not end: everything unwinds.
    pub stopped: Option<Reported>,
    /// What the parser reported of the kernel at hand.
    pub unparsed: Option<Reported>,
    /// The first error about each extension that the version lacks.
    pub missing_extensions: Vec<Diagnostic>,
}

/// What expansion has used up of what it may.
#[derive(Default)]
pub(super) struct Limits {
    steps: usize,
    /// Bytes of the stack variables, with what aligns them.
    pub stack_bytes: u64,
    /// How many blocks and expressions are open.
    depth: u32,
}

impl Limits {
    /// Opens a block or an expression, if one more may be open.
    pub fn descend(&mut self) -> bool {
        let may = self.depth < DEPTH_MAX;
        self.depth += u32::from(may);
        may
    }

    /// Closes it.
    pub fn ascend(&mut self) {
        self.depth -= 1;
    }

    /// Opens as many at once, if they may be open.
    pub fn descend_by(&mut self, levels: u32) -> bool {
        let may = self.depth + levels <= DEPTH_MAX;
        self.depth += if may { levels } else { 0 };
        may
    }

    /// Closes them.
    pub fn ascend_by(&mut self, levels: u32) {
        self.depth -= levels;
    }

    /// Takes steps. Whether they were left.
    pub fn spend(&mut self, steps: usize) -> bool {
        self.steps = self.steps.saturating_add(steps);
        self.steps <= STEPS_MAX
    }
}

/// Where in the source expansion is.
#[derive(Default)]
pub(super) struct Surroundings<'a> {
    /// Whether the kernel has `#[version]`: what an error tells to write.
    pub in_version: bool,
    pub in_unsafe: bool,
    /// The stream that is being recorded.
    pub recording: Option<Span>,
    /// Uses of helpers around this place, outermost first.
    pub calls: Vec<Span>,
    /// The innermost of these.
    pub inlined: Option<InlinedId>,
    /// For each of these uses: parameters, and the registers that hold their old values.
    pub remembered: Vec<Vec<(Reg, VReg)>>,
    /// The helpers of bodies, each with what it sees.
    pub helpers: Vec<(&'a ast::Helper, usize)>,
    /// Calls of `const fn`s that are being evaluated, outermost first.
    pub functions: Vec<Span>,
    /// Blocks around this place, each with the statement being expanded: for names defined later.
    pub blocks: Vec<statements::OpenBlock<'a>>,
}
