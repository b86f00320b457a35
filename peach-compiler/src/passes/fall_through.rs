//! Returns of code that stands in its caller: control goes on behind the code.
//!
//! In: a [`Lowered`] that [`check`](crate::check) has accepted, in which every return ends in
//! `ret`. Out: the same with jumps to the end instead, but for a `ret` that is there already.
//! Nothing has pushed a return address; the stack pointer at the end is what it was at the start.

use crate::ir::{Branch, Code, Item, LabelId, Lowered, Origin};
use crate::isa::asm;

/// Rewrites the returns of `lowered`.
pub fn fall_through(mut lowered: Lowered) -> Lowered {
    let end = LabelId(lowered.label_count as u32);
    lowered.label_count += 1;
    // Local functions return to the code here.
    let is_ret = |item: &Item| {
        matches!(&item.code, Code::Inst(inst) if inst.mnemonic.name() == "ret")
            && matches!(item.origin, Origin::Epilogue(_))
    };
    let last = lowered.items.len().saturating_sub(1);
    for (index, item) in lowered.items.iter_mut().enumerate().filter(|(_, item)| is_ret(item)) {
        item.code = match index == last {
            true => Code::Label(end),
            false => Code::Inst(asm::jmp(Branch { label: end, size: None })),
        };
    }
    let ends_in_label = |item: &Item| matches!(item.code, Code::Label(label) if label == end);
    if !lowered.items.last().is_some_and(ends_in_label) {
        let span = lowered.items.last().map_or_else(proc_macro2::Span::call_site, |item| item.span);
        lowered.items.push(Item { code: Code::Label(end), origin: Origin::Prologue, span });
    }
    lowered
}
