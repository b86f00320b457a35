//! Whether the frame of a function takes a register away from the allocator, and which one.
//!
//! Both the allocator and the frame builder ask, and must get the same answer: it depends on the
//! function alone.

use crate::abi::{ArgPlace, Convention, Frames};
use crate::ir::{Base, Function, Local, Op, Reg};
use crate::isa::{self, Bank, Control, PhysReg, RegSet, gp};

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

/// Whether a register holds the base of the frame, or of the stack variables, and cannot be
/// allocated: where the stack variables that are used demand more alignment than the convention
/// gives the stack pointer, or take so many bytes that the stack pointer moves in a loop.
pub(crate) fn needs_frame_base(function: &Function) -> bool {
    let locals = used_locals(function);
    let (convention, locals) = (function.convention, locals.iter().flatten().copied());
    demanded_align(convention, locals.clone()).is_some() || is_large(convention, locals)
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

/// Volatile registers that no instruction demands. (In `r11` prologues count the pages of large
/// frames.)
const VOLATILE: [PhysReg; 3] = [gp::R10, gp::R9, gp::R8];

/// Go keeps none but `rbp`: those first that few instructions demand.
#[rustfmt::skip]
const GO_ORDER: [PhysReg; 15] = [
    gp::RBP, gp::R15, gp::R14, gp::R13, gp::R12, gp::R11, gp::R10, gp::R9, gp::R8,
    gp::RBX, gp::RDI, gp::RSI, gp::RDX, gp::RCX, gp::RAX,
];

/// The register for it, one that the function neither names nor changes: `rbp` rather than another.
/// `None` where there is none. It is set before arguments are moved to their registers, and
/// read after results are.
pub(crate) fn frame_base(function: &Function) -> Option<PhysReg> {
    let convention = function.convention;
    // It is nothing else there, and alone may be copied to the stack pointer.
    if convention.sandbox.is_some() {
        return Some(gp::RBP);
    }
    let taken = named(function) | arriving(function) | convention.reserved_gp;
    let order: Vec<PhysReg> = match convention.frames {
        Frames::Pushed => {
            let saved = convention.saved_gp - RegSet::of(&[gp::RBP]);
            let saved = saved.iter().map(PhysReg::gp);
            [gp::RBP].into_iter().chain(saved).chain(VOLATILE).collect()
        }
        Frames::Go => GO_ORDER.to_vec(),
    };
    let is_kept = |num: u8| convention.saved_gp.contains(num) || !calls(function);
    order.into_iter().find(|reg| !taken.contains(reg.num) && is_kept(reg.num))
}

/// Whether the body calls functions, which change volatile registers.
fn calls(function: &Function) -> bool {
    let mut machines = function.insts.iter().filter_map(|inst| inst.op.machine());
    machines.any(|machine| isa::effects(&machine.inst, &machine.selection).control == Control::Call)
}

/// What the author names, and what instructions have as implicit operands.
fn named(function: &Function) -> RegSet {
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
            Op::Copy { dst, src } => [dst.reg, src.reg].into_iter().for_each(&mut name),
            Op::SetImm { dst, .. } | Op::Undefined { dst } => name(dst.reg),
            Op::Label(_)
            | Op::Align(_)
            | Op::Ghost(_)
            | Op::Local(..)
            | Op::Bytes(_)
            | Op::LoadArg { .. }
            | Op::Return(_) => {}
        }
    }
    named
}

/// Where arguments arrive.
fn arriving(function: &Function) -> RegSet {
    let places = function.placement.args.iter().flatten();
    places.fold(RegSet::NONE, |all, place| match place {
        ArgPlace::Reg(PhysReg { bank: Bank::Gp, num })
        | ArgPlace::Indirect { pointer: PhysReg { bank: Bank::Gp, num }, .. } => {
            all | RegSet::one(*num)
        }
        ArgPlace::Reg(_)
        | ArgPlace::Indirect { .. }
        | ArgPlace::Stack { .. }
        | ArgPlace::StackIndirect { .. } => all,
    })
}
