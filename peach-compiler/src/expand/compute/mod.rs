//! `const fn`, and `from_fn`: what is computed at compile time.
//!
//! In: functions of the tree, and arguments. Out: values. `lower` makes [`Code`](code::Code) of a
//! function once for each version; in it, names are numbers of slots, and constants their values.
//! `run` evaluates it: the compiler itself is not optimized in most builds, and tables are computed
//! by thousands of calls.
//! Fails: at the expression that has no value, with the calls that lead to it; what does not end,
//! by the limit of steps.

mod calls;
mod code;
mod lent;
mod lower;
mod names;
mod run;
mod statements;
mod types;

use super::evaluate::Evaluated;
use super::names::Symbol;
use super::value::Value;
use code::Function;
use std::collections::HashMap;
use std::rc::Rc;

/// The functions of a version, and the slots of those that run.
#[derive(Default)]
pub(super) struct Compute<'a> {
    functions: HashMap<Symbol, Evaluated<Rc<Function<'a>>>>,
    slots: Vec<Value>,
    /// Where the slots of the innermost function start.
    base: usize,
}

impl Compute<'_> {
    /// Forgets the functions of the version before.
    pub(super) fn clear(&mut self) {
        self.functions.clear();
    }
}
