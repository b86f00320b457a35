//! Whether a form takes an instruction's masks, rounding modes and prefixes, and its registers
//! together: the part of `fit` that looks beyond single operands.

use crate::isa::forms::errors::Misfit;
use crate::isa::forms::form::{Family, Form};
use crate::isa::forms::traits::Distinct;
use crate::isa::implied::{has_implied_memory, takes_segment};
use crate::isa::own::Rounds;
use crate::isa::{Bank, Class};
use crate::isa::{Base, Instruction, Mem, Operand, Register, Rounding};

/// Whether the form takes the mask, the `{z}` and the rounding mode.
pub(in crate::isa) fn fit_decorations<R: Register>(
    form: &Form,
    inst: &Instruction<R>,
) -> Result<(), Misfit> {
    if form.family != Family::Evex {
        if inst.mask.is_some() {
            return Err(Misfit::Mask("this form does not take a mask"));
        }
        if inst.rounding.is_some() {
            return Err(Misfit::Rounding("this form takes neither rounding control nor `{sae}`"));
        }
        return Ok(());
    }
    if inst.mask.is_some() {
        if !form.takes_mask() {
            return Err(Misfit::Mask("this form does not take a mask"));
        }
        let stores = matches!(inst.operands.first(), Some(Operand::Mem(_)));
        if inst.zeroing && stores {
            return Err(Misfit::Mask("`{z}` cannot be used where the destination is memory"));
        }
        if inst.zeroing && !form.takes_zeroing() {
            return Err(Misfit::Mask(
                "this form always merges under its mask; it does not take `{z}`",
            ));
        }
    } else if form.needs_mask() {
        return Err(Misfit::Mask(
            "this form requires a mask: write `{k1}` after its first operand",
        ));
    }
    let Some(rounding) = inst.rounding else { return Ok(()) };
    if inst.operands.iter().any(|operand| matches!(operand, Operand::Mem(_))) {
        return Err(Misfit::Rounding(
            "rounding control and `{sae}` require register operands: no operand can be memory",
        ));
    }
    let problem = match (form.rounds(), rounding) {
        (Rounds::Control, Rounding::Sae) => {
            "this form takes a rounding mode: `{rn-sae}`, `{rd-sae}`, `{ru-sae}` or `{rz-sae}`"
        }
        (Rounds::Control, _) | (Rounds::Sae, Rounding::Sae) => return Ok(()),
        (Rounds::Sae, _) => "this form takes `{sae}`, but no rounding mode",
        (Rounds::Never, Rounding::Sae) => "this form does not take `{sae}`",
        (Rounds::Never, _) => "this form does not take a rounding mode",
        (Rounds::Exact, _) => "this conversion is exact: it does not take a rounding mode",
    };
    Err(Misfit::Rounding(problem))
}

pub(in crate::isa) fn fit_prefixes<R: Register>(
    form: &Form,
    inst: &Instruction<R>,
) -> Result<(), Misfit> {
    let given = inst.prefixes;
    if given == crate::isa::Prefixes::default() {
        return Ok(());
    }
    if given.segment.is_some() && !takes_segment(inst.mnemonic)
        || given.narrow_address && !has_implied_memory(inst.mnemonic)
    {
        return Err(Misfit::Prefix("this instruction has no memory of its own"));
    }
    let Some(code) = form.opcode().iced() else {
        return Err(Misfit::Prefix("this instruction takes no prefix"));
    };
    let (info, mnemonic) = (code.op_code(), code.mnemonic());
    let writes_memory = matches!(inst.operands.first(), Some(Operand::Mem(_)))
        || mnemonic == iced_x86::Mnemonic::Xchg
            && inst.operands.iter().any(|operand| matches!(operand, Operand::Mem(_)));
    let is_return = mnemonic == iced_x86::Mnemonic::Ret;
    if given.lock && !(info.can_use_lock_prefix() && writes_memory) {
        return Err(Misfit::Prefix(
            "`lock` requires an instruction that reads and writes its memory operand, such as `add \
             [p], r` or `cmpxchg [p], r`",
        ));
    }
    let is_xchg = mnemonic == iced_x86::Mnemonic::Xchg;
    let locks = (given.lock || is_xchg) && writes_memory;
    if given.xacquire && !(info.can_use_xacquire_prefix() && locks) {
        return Err(Misfit::Prefix(
            "`xacquire` requires a `lock`ed instruction or `xchg` with memory",
        ));
    }
    let is_store = mnemonic == iced_x86::Mnemonic::Mov && writes_memory;
    if given.xrelease && !(info.can_use_xrelease_prefix() && (locks || is_store)) {
        return Err(Misfit::Prefix(
            "`xrelease` requires a `lock`ed instruction, `xchg` with memory or a `mov` to memory",
        ));
    }
    if given.rep && !info.can_use_rep_prefix() && !is_return {
        return Err(Misfit::Prefix("`rep` requires a string instruction"));
    }
    if given.repne && !info.can_use_repne_prefix() {
        return Err(Misfit::Prefix(
            "`repne` requires `cmpsb`, `scasb` or one of their wider forms",
        ));
    }
    if given.bnd && !info.can_use_bnd_prefix() {
        return Err(Misfit::Prefix("`bnd` requires a branch"));
    }
    if given.notrack && !(info.can_use_notrack_prefix() && form.operands()[0].branch.is_none()) {
        return Err(Misfit::Prefix("`notrack` requires an indirect `jmp` or `call`"));
    }
    if given.rep && given.repne || given.bnd && given.notrack {
        return Err(Misfit::Prefix("these prefixes are mutually exclusive"));
    }
    Ok(())
}

/// Registers that the manual requires to be different: gathers, tile products, complex products.
pub(in crate::isa) fn fit_distinct<R: Register>(
    form: &Form,
    inst: &Instruction<R>,
) -> Result<(), Misfit> {
    let all = match form.distinct() {
        Distinct::Any => return Ok(()),
        Distinct::Destination => false,
        Distinct::All => true,
    };
    let mut registers: Vec<(usize, R)> = Vec::new();
    for (operand, given) in inst.operands.iter().enumerate() {
        match given {
            Operand::Reg(view) => registers.push((operand, view.reg)),
            Operand::Mem(Mem { index: Some((view, _)), .. })
                if view.class.bank() == Bank::Vector =>
            {
                registers.push((operand, view.reg));
            }
            _ => {}
        }
    }
    let firsts = if all { registers.len() } else { 1 };
    for first in 0..firsts.min(registers.len()) {
        for second in first + 1..registers.len() {
            if registers[first].1 == registers[second].1 {
                let message = if all {
                    "all registers of this instruction must be different"
                } else {
                    "the destination of this instruction must differ from its sources"
                };
                return Err(Misfit::Overlap { operand: registers[second].0, message });
            }
        }
    }
    Ok(())
}

/// `ah`, `bh`, `ch` and `dh` cannot be encoded together with a REX prefix.
pub(in crate::isa) fn fit_high_byte<R: Register>(inst: &Instruction<R>) -> Result<(), Misfit> {
    let is_extended = |reg: R| reg.physical().is_some_and(|reg| reg.num >= 8);
    for (operand, given) in inst.operands.iter().enumerate() {
        let needs_rex = match given {
            Operand::Reg(view) => {
                let low_byte =
                    view.class == Class::Gp8 && view.reg.physical().is_some_and(|reg| reg.num >= 4);
                low_byte || view.class == Class::Gp64 || is_extended(view.reg)
            }
            Operand::Mem(mem) => {
                matches!(mem.base, Base::Reg(base) if is_extended(base.reg))
                    || mem.index.is_some_and(|(index, _)| is_extended(index.reg))
            }
            _ => false,
        };
        if needs_rex {
            return Err(Misfit::HighByte { operand });
        }
    }
    Ok(())
}
