//! An operand in memory that is an argument passed by reference: the bytes behind the address that
//! arrived, as they arrived.
//!
//! The caller's copy belongs to this call alone (Microsoft, "x64 calling convention", Parameter
//! passing), so that no store of an honest kernel through another pointer changes it. What is left
//! to check: the base still is that address, the bytes are the argument's, nothing is written to
//! them, and no more alignment is required than is promised.

use super::state::{Place, State, Sym};
use super::{Checked, Refusal};
use crate::abi::{ArgPlace, REFERENCE_ALIGN};
use crate::ir::{Arg, Base, Function, Instruction, Mem, Operand, Reg};
use crate::isa::{Class, Effects, Lanes, PhysReg};

/// Whether `mem` starts from the address of an argument.
pub(super) fn is_passed(mem: &Mem<Reg>, function: &Function) -> bool {
    matches!(mem.base, Base::Reg(base) if function.is_passed_address(base.reg))
}

/// The base of `rendering`, which stands for `author`, is the address that the caller passed.
pub(super) fn demand_address(
    author: &Mem<Reg>,
    rendering: &Mem<PhysReg>,
    function: &Function,
    state: &State,
) -> Checked {
    let arg = argument_at(author, function)?;
    match rendering.base {
        Base::Reg(base) if base.class == Class::Gp64 && rendering.disp == author.disp => {
            state.demand(Place::Reg(base.reg), Sym::Pointer(arg.param), Lanes::low(8))
        }
        _ => Err(Refusal::new(format!("{rendering:?} is not the passed address"))),
    }
}

/// Arguments in memory are only read, within their bytes and their alignment.
pub(super) fn check_accesses(
    author: &Instruction<Reg>,
    effects: &Effects<Reg>,
    function: &Function,
) -> Checked {
    for (index, operand) in author.operands.iter().enumerate() {
        let Operand::Mem(mem) = operand else { continue };
        if !is_passed(mem, function) {
            continue;
        }
        let arg = argument_at(mem, function)?;
        let mut accesses = effects.memory.iter().filter(|access| access.operand == Some(index));
        let is_read = accesses.next().is_some_and(|access| {
            access.read
                && !access.write
                && access.bytes.is_some_and(|bytes| bytes <= arg.bytes)
                && access.align <= REFERENCE_ALIGN
        });
        if !is_read || accesses.next().is_some() {
            let name = author.mnemonic.name();
            return Err(Refusal::new(format!("`{name}` does not just read an argument")));
        }
    }
    Ok(())
}

/// The argument that begins exactly where `mem` says.
fn argument_at<'a>(mem: &Mem<Reg>, function: &'a Function) -> Checked<&'a Arg> {
    let is_plain = mem.index.is_none()
        && mem.segment.is_none()
        && mem.disp_const.is_none()
        && mem.broadcast.is_none();
    let begins = |arg: &&Arg| {
        let place = function.placement.args[arg.param][arg.part];
        let at =
            matches!(place, ArgPlace::Indirect { offset, .. } if i64::from(offset) == mem.disp);
        let base = arg.pointer.map(Reg::Virtual);
        at && matches!(mem.base, Base::Reg(view) if Some(view.reg) == base)
    };
    let found = function.args.iter().find(begins).filter(|_| is_plain);
    found.ok_or_else(|| Refusal::new(format!("{mem:?} is not an argument")))
}
