//! Only a kernel without a result can fall through at its end.

use super::Reports;
use crate::analysis::Facts;
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Function, Op};

/// Reports a path that leads beyond the last instruction. (Where there is no result, expansion has
/// put a `return` there.)
pub(super) fn verify(function: &Function, facts: &Facts, reports: &mut Reports<'_>) {
    let goes_on = match function.insts.last().zip(facts.effects.last()) {
        None => true,
        Some((last, effects)) => {
            facts.cfg.is_reachable(function.insts.len() - 1)
                && !matches!(last.op, Op::Return(_))
                && effects.control.goes_on()
        }
    };
    if !goes_on {
        return;
    }
    let name = &function.name;
    let mut diagnostic = Diagnostic::new(
        Code::MissingReturn,
        function.span,
        format!("`{name}` has a result, but a path reaches its end without a `return`"),
    )
    .help("end it with `return value;`");
    if let Some(last) = function.insts.last() {
        diagnostic = diagnostic.label(last.span, "control continues after this");
    }
    reports.push(diagnostic);
}
