//! What the replays of all operations share: where control goes next, instructions that were
//! inserted.

use super::{Checked, Refusal, Step, inserted};
use crate::ir::{Code, Item, LabelId};

/// Where control goes after an instruction.
pub(super) struct Next {
    pub labels: Vec<LabelId>,
    pub falls_through: bool,
}

impl Next {
    pub fn nowhere() -> Next {
        Next { labels: Vec::new(), falls_through: false }
    }

    pub fn on() -> Next {
        Next { labels: Vec::new(), falls_through: true }
    }
}

/// Replays instructions that stand for nothing in the source.
pub(super) fn replay_inserted(items: &[Item], step: &mut Step<'_>) -> Checked {
    for item in items {
        match &item.code {
            Code::Inst(inst) => inserted::replay(inst, step)?,
            other => return Err(Refusal::new(format!("{other:?} was inserted"))),
        }
    }
    Ok(())
}
