//! Whether the frame of a function takes a register away from the allocator, and which one.
//!
//! Both the allocator and the frame builder ask, and must get the same answer: it depends on the
//! function alone.

use crate::abi::{Convention, Frames};
use crate::ir::{Base, Function, Local, Op, Reg};
use crate::isa::{self, Bank, PhysReg, RegSet, gp};

/// The guard page below a stack is at least this large.
pub(crate) const PAGE: i64 = 4096;

/// How far each touch of a large frame is below the last one: less than a page.
pub(crate) const STRIDE: i64 = PAGE - 8;

/// With more touches than this, the stack pointer follows them in a loop. (Linux before 5.0 refuses
/// accesses that are more than 64 KiB below it; Windows takes prologues of up to 255 bytes.)
pub(crate) const TOUCHES_MAX: i64 = 14;

/// Stack variables beyond this require a frame with a base. Two touches are left for what else may
/// be in a frame without one.
const LARGE: i64 = (TOUCHES_MAX - 2) * STRIDE;

/// The register that holds the base of the frame, or of the stack variables, and cannot be
/// allocated: where the stack variables that are used require more alignment than the convention
/// gives the stack pointer, or take so many bytes that the stack pointer moves in a loop.
pub(crate) fn frame_pointer(function: &Function) -> Option<PhysReg> {
    let locals = used_locals(function);
    let (convention, locals) = (function.convention, locals.iter().flatten().copied());
    let is_needed =
        demanded_align(convention, locals.clone()).is_some() || is_large(convention, locals);
    is_needed.then(|| match convention.frames {
        Frames::Pushed => gp::RBP,
        Frames::Go => locals_base(function),
    })
}

/// The stack variables; `None` for one that nothing uses.
pub(crate) fn used_locals(function: &Function) -> Vec<Option<&Local>> {
    let mut used = vec![None; function.locals.len()];
    for inst in &function.insts {
        let Op::Machine(machine) = &inst.op else { continue };
        for (_, mem) in machine.inst.memory_operands() {
            if let Base::Local(local) = mem.base {
                used[local.index()] = Some(&function[local]);
            }
        }
    }
    used
}

/// The alignment that stack variables require, where it is more than the convention's.
pub(crate) fn demanded_align<'a>(
    convention: &Convention,
    locals: impl Iterator<Item = &'a Local>,
) -> Option<u32> {
    locals.map(|local| local.align).max().filter(|align| *align > convention.stack_align)
}

/// Whether stack variables take so many bytes that the stack pointer has to move in a loop.
pub(crate) fn is_large<'a>(
    convention: &Convention,
    locals: impl Iterator<Item = &'a Local>,
) -> bool {
    let touched = convention.frames == Frames::Pushed && convention.sandbox.is_none();
    let bytes = |local: &Local| u64::from(local.size).next_multiple_of(16) as i64;
    touched && locals.map(bytes).sum::<i64>() > LARGE
}

/// The register that holds the address of stack variables that require more alignment than a frame
/// of Go's has: `rbp`, which such a frame saves, or one that the function does not name.
pub(crate) fn locals_base(function: &Function) -> PhysReg {
    let mut named = RegSet::NONE;
    let mut name = |reg: Reg| {
        if let Reg::Physical(PhysReg { bank: Bank::Gp, num }) = reg {
            named = named | RegSet::one(num);
        }
    };
    for inst in &function.insts {
        match &inst.op {
            Op::Machine(machine) => {
                let effects = isa::effects(&machine.inst, &machine.selection);
                effects.regs.iter().for_each(|access| name(access.reg));
            }
            op => op.for_each_reg(&mut name),
        }
    }
    let order = [5, 15, 14, 13, 12, 11, 10, 9, 8, 3, 7, 6, 2, 1, 0];
    let free = order.into_iter().find(|&num| !named.contains(num));
    free.map_or(gp::RBP, PhysReg::gp)
}
