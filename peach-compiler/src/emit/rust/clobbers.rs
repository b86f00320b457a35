//! What a call leaves changed, as operands and options of `asm!`.
//!
//! In: the versions of a kernel. Out: the union of what they change. A register that is missing
//! here is undefined behavior, so all of it comes from `frame::clobbers`, and the tests call every
//! kernel with a known value in every register that is not listed.

use super::ours;
use super::registers::register_literal;
use crate::compiled::CompiledFunction;
use crate::frame;
use crate::isa::{Bank, PhysReg, RegSet};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote_spanned;

/// Whether memory below the stack pointer is used.
#[derive(Clone, Copy)]
pub(super) enum Stack {
    /// As a call does, which pushes.
    Used,
    Unused,
}

/// The union over the versions of a kernel.
pub(super) fn of(versions: &[CompiledFunction]) -> frame::Clobbers {
    versions.iter().fold(frame::Clobbers::default(), |all, compiled| {
        let one = frame::clobbers(&compiled.lowered, &compiled.function.features);
        frame::Clobbers {
            gp: all.gp | one.gp,
            vector: all.vector | one.vector,
            mask: all.mask | one.mask,
            tile: all.tile | one.tile,
            x87: all.x87 | one.x87,
            flags: all.flags | one.flags,
            float_flags: all.float_flags | one.float_flags,
            reads_memory: all.reads_memory | one.reads_memory,
            writes_memory: all.writes_memory | one.writes_memory,
            uses_shadow: all.uses_shadow | one.uses_shadow,
            uses_stack: all.uses_stack | one.uses_stack,
        }
    })
}

/// `lateout("rcx") _, …, options(…)`: all registers that change but `results`, which have outputs.
pub(super) fn operands(
    clobbers: &frame::Clobbers,
    results: &[PhysReg],
    takes_pointers: bool,
    stack: Stack,
) -> TokenStream {
    let registers = |set: RegSet, make: fn(u8) -> PhysReg| set.iter().map(make);
    let names = registers(clobbers.gp, PhysReg::gp)
        .chain(registers(clobbers.vector, PhysReg::vector))
        .chain(registers(clobbers.mask, PhysReg::mask))
        .chain(registers(clobbers.tile, |num| PhysReg::new(Bank::Tile, num)))
        .filter(|reg| !results.contains(reg))
        .map(register_literal);
    let x87 = clobbers.x87.then(|| (0..8).flat_map(|n| [format!("mm{n}"), format!("st({n})")]));
    let x87 = x87.into_iter().flatten().map(|name| {
        let mut literal = Literal::string(&name);
        literal.set_span(ours());
        literal
    });
    let outputs = names.chain(x87).map(|name| quote_spanned!(ours() => lateout(#name) _,));
    let options = options(clobbers, takes_pointers, stack);
    quote_spanned!(ours() => #(#outputs)* options(#(#options),*))
}

/// What the code is proven not to do.
fn options(clobbers: &frame::Clobbers, takes_pointers: bool, stack: Stack) -> Vec<Ident> {
    let mut options = Vec::new();
    match stack {
        Stack::Used => {}
        Stack::Unused => options.push("nostack"),
    }
    // That option speaks of the floating-point exception flags too (Rust reference, "Options" of
    // inline assembly).
    if !clobbers.flags && !clobbers.float_flags {
        options.push("preserves_flags");
    }
    match (clobbers.reads_memory, clobbers.writes_memory) {
        (false, false) if !takes_pointers => options.push("nomem"),
        (_, false) => options.push("readonly"),
        _ => {}
    }
    options.into_iter().map(|option| Ident::new(option, ours())).collect()
}
