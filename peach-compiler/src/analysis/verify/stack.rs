//! `push` and `pop` must balance on every path: where paths meet, and at every `return`.

use crate::analysis::Facts;
use crate::analysis::stack::Problem;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::ir::Function;

/// Reports where the stack does not work out.
pub(super) fn verify(function: &Function, facts: &Facts, diagnostics: &mut Diagnostics) {
    for &problem in &facts.stack_problems {
        diagnostics.push(describe(function, problem));
    }
}

fn describe(function: &Function, problem: Problem) -> Diagnostic {
    let error = |at: usize, message: String| {
        Diagnostic::new(Code::UnbalancedStack, function.insts[at].span, message)
    };
    match problem {
        Problem::BelowStart { at } => {
            error(at, "this pops more than the kernel has pushed".to_string())
                .note("below lie the kernel's stack variables and the return address")
                .help("remove it, or `push` before it on every path")
        }
        Problem::Join { at, from, depths: [one, other] } => {
            error(at, format!("paths meet here with {one} and with {other} bytes pushed"))
                .label(function.insts[from].span, format!("from here come {other} bytes"))
                .note("every place has one depth of the stack, whichever path leads there")
                .help("`pop` or `push` on one of the paths")
        }
        Problem::Left { at, depth } => {
            error(at, format!("{depth} bytes are still pushed at this `return`"))
                .note("what the kernel pushes it must pop, on every path")
                .help(format!("`pop` {} before it", plural(depth / 8, "register")))
        }
    }
}

fn plural(count: u32, noun: &str) -> String {
    if count == 1 { format!("one {noun}") } else { format!("{count} {noun}s") }
}
