//! The steps of compilation by name, and their observers.
//!
//! Dumps, timing and tests hook into this list: an [`Observer`] is notified of every step,
//! with what it made.

use crate::analysis::Facts;
use crate::compiled::CompiledFunction;
use crate::expand::Program;
use crate::ir::Allocation;
use crate::ir::{Function, Lowered};
use crate::syntax::ast;

/// Declares the steps, in order: name on the command line, what is done.
macro_rules! steps {
    ($($step:ident $name:literal $description:literal)*) => {
        /// A step of compilation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Step {
            $(#[doc = $description] $step,)*
        }

        impl Step {
            /// All of them, in execution order.
            pub const ALL: &[Step] = &[$(Step::$step,)*];

            /// What `--print-after` calls it.
            pub fn name(self) -> &'static str {
                match self { $(Step::$step => $name,)* }
            }

            /// What it does, in one sentence.
            pub fn description(self) -> &'static str {
                match self { $(Step::$step => $description,)* }
            }
        }
    };
}

steps! {
    Parse "parse" "Tokens are parsed into a syntax tree."
    Expand "expand" "Constants, loops, helpers and streams are expanded: a flat list of \
        instructions is left."
    Bind "bind" "Arguments that arrive in memory get their own loads."
    Analyze "analyze" "Liveness, initialization, stack depth and memory safety are known."
    Allocate "allocate" "Every virtual register has a physical one."
    Lower "lower" "Prologue, moves, returns and stack addresses are instructions."
    Check "check" "The result is equivalent to the source."
    Sandbox "sandbox" "The code meets the sandbox's rules."
    Encode "encode" "Branches have their lengths, constants their places: bytes."
    Verify "verify" "The bytes, decoded again, are the instructions."
}

impl Step {
    /// The step that `--print-after` calls `name`.
    pub fn parse(name: &str) -> Option<Step> {
        Step::ALL.iter().copied().find(|step| step.name() == name)
    }
}

/// What a step made. Steps that accept or refuse show what they accepted.
#[derive(Clone, Copy)]
pub enum State<'a> {
    /// After parsing.
    File(&'a ast::File),
    /// After expansion: all kernels.
    Program(&'a Program),
    /// One function over virtual registers.
    Function(&'a Function),
    /// The same, with what is known of it.
    Facts(&'a Function, &'a Facts),
    /// The same, with a physical register for each virtual one. Where registers were spilled, the
    /// function that does so.
    Allocation(&'a Function, &'a Allocation),
    /// One function over physical registers.
    Lowered(&'a Function, &'a Lowered),
    /// The same, as bytes.
    Encoded(&'a CompiledFunction),
}

/// Observes the compilation of kernels.
pub trait Observer {
    /// `step` has run, and produced `state`.
    fn after(&mut self, step: Step, state: State<'_>);
}

/// Nobody.
impl Observer for () {
    fn after(&mut self, _: Step, _: State<'_>) {}
}
