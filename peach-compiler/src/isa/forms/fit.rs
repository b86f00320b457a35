//! Whether one form fits one instruction, and what is wrong if it does not.
//!
//! In: a [`Form`] and an [`Instruction`]. Out: nothing, or a [`Misfit`]. What is wrong whatever the
//! form (an address that no instruction takes, `k0` as a mask) is found by [`check_operands`]
//! first. The encoder below checks little of this by itself: masks on VEX rows, rounding with
//! memory and gathers with overlapping registers are all encoded without complaint.

use crate::isa::forms::decorations::{fit_decorations, fit_distinct, fit_high_byte, fit_prefixes};
use crate::isa::forms::errors::Misfit;
use crate::isa::forms::form::{Family, Form, ImmForm, MemForm, OperandForm};
use crate::isa::{BadAddress, Bank, Class, SelectError};
use crate::isa::{Base, BranchSize, ForcedEncoding, Instruction, Mem, Operand, Register, View};

/// What the operands of an instruction are, as bits comparable with a form's.
pub(in crate::isa) struct Shape(pub(in crate::isa) Vec<u32>);

impl Shape {
    pub(in crate::isa) fn of<R: Register>(inst: &Instruction<R>) -> Shape {
        Shape(inst.operands.iter().map(operand_shape).collect())
    }

    /// Whether the form takes operands of these kinds.
    pub(in crate::isa) fn fits(&self, form: &Form) -> bool {
        if form.shape.len() != self.0.len() {
            return false;
        }
        let mut position = 0;
        while position < self.0.len() {
            if self.0[position] & form.shape[position] == 0 {
                return false;
            }
            position += 1;
        }
        true
    }
}

fn operand_shape<R>(operand: &Operand<R>) -> u32 {
    match operand {
        Operand::Reg(view) => OperandForm::class_bit(view.class),
        Operand::Mem(Mem { index: Some((view, _)), .. }) if view.class.bank() == Bank::Vector => {
            OperandForm::vector_bit(view.class)
        }
        Operand::Mem(_) => OperandForm::MEMORY,
        Operand::Imm(_) | Operand::RustConst(_) => OperandForm::NUMBER,
        Operand::RustSym(_) => OperandForm::NUMBER | OperandForm::TARGET,
        Operand::Label(_) | Operand::Relative(_) => OperandForm::TARGET,
    }
}

/// Refuses what no form of any instruction takes.
pub(in crate::isa) fn check_operands<R: Register>(
    inst: &Instruction<R>,
) -> Result<(), SelectError> {
    for (operand, given) in inst.operands.iter().enumerate() {
        if let Operand::Mem(mem) = given {
            check_address(mem).map_err(|problem| SelectError::BadAddress { operand, problem })?;
        }
    }
    let Some(mask) = inst.mask else {
        return match inst.zeroing {
            true => Err(bad_decoration("`{z}` requires a mask: write `{k1}{z}`")),
            false => Ok(()),
        };
    };
    if mask.class != Class::K {
        return Err(bad_decoration("a mask must be a register of class `k`"));
    }
    if mask.reg.physical().is_some_and(|reg| reg.num == 0) {
        return Err(bad_decoration(
            "`k0` cannot be a mask: its encoding means \"no mask\"; use `k1` to `k7`",
        ));
    }
    Ok(())
}

fn bad_decoration(message: &str) -> SelectError {
    SelectError::BadDecoration { message: message.to_string(), operand: None }
}

/// What is wrong with an address, whatever instruction it belongs to.
fn check_address<R: Register>(mem: &Mem<R>) -> Result<(), BadAddress> {
    if let Some(segment) = mem.segment
        && segment.bank != Bank::Segment
    {
        return Err(BadAddress::Segment);
    }
    let base_class = match mem.base {
        Base::Reg(View { class: Class::Rip | Class::Eip, .. }) | Base::Rip | Base::Data(_) => {
            if mem.index.is_some() {
                return Err(BadAddress::RelativeIndex);
            }
            return check_displacement(mem);
        }
        Base::Reg(view) if !matches!(view.class, Class::Gp64 | Class::Gp32) => {
            return Err(BadAddress::Base(view.class));
        }
        Base::Reg(view) => Some(view.class),
        Base::None => None,
        Base::Local(_) | Base::StackArg => Some(Class::Gp64),
    };
    if let Some((index, scale)) = mem.index {
        check_index(mem, index, scale, base_class)?;
    }
    check_displacement(mem)
}

fn check_index<R: Register>(
    mem: &Mem<R>,
    index: View<R>,
    scale: u8,
    base_class: Option<Class>,
) -> Result<(), BadAddress> {
    if !matches!(scale, 1 | 2 | 4 | 8) {
        return Err(BadAddress::Scale(scale));
    }
    if index.class.bank() == Bank::Vector {
        return Ok(());
    }
    if !matches!(index.class, Class::Gp64 | Class::Gp32) {
        return Err(BadAddress::Index(index.class));
    }
    if let Some(base) = base_class.filter(|base| *base != index.class) {
        return Err(BadAddress::Widths { base, index: index.class });
    }
    let is_rsp = |reg: R| reg.physical() == Some(crate::isa::gp::RSP);
    let base_is_rsp = match mem.base {
        Base::Reg(base) => is_rsp(base.reg),
        Base::Local(_) | Base::StackArg => true,
        _ => false,
    };
    if is_rsp(index.reg) && (scale != 1 || base_is_rsp) {
        return Err(BadAddress::StackPointerIndex);
    }
    Ok(())
}

fn check_displacement<R>(mem: &Mem<R>) -> Result<(), BadAddress> {
    let is_narrow = matches!(mem.base, Base::Reg(View { class: Class::Gp32, .. }))
        || matches!(mem.index, Some((View { class: Class::Gp32, .. }, _)));
    // An absolute address may be longer: `fit` decides, by the form.
    let is_absolute = matches!(mem.base, Base::None) && mem.index.is_none();
    let highest = if is_narrow { i64::from(u32::MAX) } else { i64::from(i32::MAX) };
    if is_absolute || (i64::from(i32::MIN)..=highest).contains(&mem.disp) {
        return Ok(());
    }
    Err(BadAddress::Displacement { value: mem.disp, highest })
}

/// Whether `form`, whose shape fits, can encode `inst`.
pub(in crate::isa) fn fit<R: Register>(form: &Form, inst: &Instruction<R>) -> Result<(), Misfit> {
    if let Some(forced) = inst.encoding {
        let allowed = match forced {
            ForcedEncoding::Vex | ForcedEncoding::Vex3 => form.family == Family::Vex,
            ForcedEncoding::Evex => form.family == Family::Evex,
        };
        if !allowed {
            return Err(Misfit::Encoding);
        }
    }
    let full_width = inst.mnemonic.meaning().full_width;
    let mut has_high_byte = false;
    for (operand, given) in inst.operands.iter().enumerate() {
        let accepted = &form.operands()[operand];
        match given {
            Operand::Reg(view) => {
                has_high_byte |= view.class == Class::Gp8h;
                fit_register(accepted, *view, operand)?;
            }
            Operand::Mem(mem) => {
                fit_memory(form, accepted, mem, operand, full_width)?;
                fit_address_width(form, mem)?;
            }
            Operand::Imm(value) => {
                let imm = accepted.imm.expect("the shape fits");
                if *value < 0 && form.is_zero_extended() {
                    return Err(Misfit::OutOfRange { operand, accepted: "0 to 4294967295" });
                }
                if !imm.holds(*value) {
                    if matches!(imm, ImmForm::Exactly(_)) {
                        return Err(Misfit::Operand { operand });
                    }
                    return Err(Misfit::OutOfRange { operand, accepted: imm.range() });
                }
            }
            Operand::Relative(value) => fit_branch(accepted, *value, operand)?,
            Operand::Label(branch) => {
                let forced = branch.size.map(|size| match size {
                    BranchSize::Short => 1,
                    BranchSize::Near => 4,
                });
                if forced.is_some() && forced != accepted.branch {
                    return Err(Misfit::Operand { operand });
                }
            }
            Operand::RustConst(_) if matches!(accepted.imm, Some(ImmForm::Exactly(_))) => {
                return Err(Misfit::Operand { operand });
            }
            Operand::RustConst(_) => {}
            Operand::RustSym(_) => {
                let leaves = matches!(
                    form.row_mnemonic(),
                    Some(iced_x86::Mnemonic::Call | iced_x86::Mnemonic::Jmp)
                );
                let is_target = leaves && accepted.branch == Some(4);
                if accepted.imm != Some(ImmForm::Qword) && !is_target {
                    return Err(Misfit::Operand { operand });
                }
            }
        }
    }
    if form.opcode().iced() == Some(iced_x86::Code::Xchg_r32_EAX)
        && inst.operands[0] == inst.operands[1]
    {
        // 90 is `nop`, which keeps the upper half that `xchg eax, eax` clears.
        return Err(Misfit::Operand { operand: 0 });
    }
    if full_width {
        fit_full_width(form, inst)?;
    }
    fit_decorations(form, inst)?;
    fit_prefixes(form, inst)?;
    fit_distinct(form, inst)?;
    if has_high_byte { fit_high_byte(inst) } else { Ok(()) }
}

fn fit_register<R: Register>(
    accepted: &OperandForm,
    view: View<R>,
    operand: usize,
) -> Result<(), Misfit> {
    let Some(reg) = view.reg.physical() else { return Ok(()) };
    if accepted.registers.contains(reg.num) {
        return Ok(());
    }
    Err(if accepted.is_fixed { Misfit::Operand { operand } } else { Misfit::Register { operand } })
}

fn fit_memory<R: Register>(
    form: &Form,
    accepted: &OperandForm,
    mem: &Mem<R>,
    operand: usize,
    full_width: bool,
) -> Result<(), Misfit> {
    let is_absolute = matches!(mem.base, Base::None) && mem.index.is_none();
    let fits_32 = i32::try_from(mem.disp).is_ok();
    if accepted.memory == Some(MemForm::Offset) {
        let is_known = mem.disp_const.is_none() && mem.disp_size.is_none();
        if !is_absolute || !is_known || (fits_32 && !full_width) {
            return Err(Misfit::Operand { operand });
        }
    } else if is_absolute && !fits_32 {
        return Err(Misfit::OutOfRange { operand, accepted: "-2147483648 to 2147483647" });
    }
    if let Some(lanes) = mem.broadcast {
        let accepted =
            form.broadcast_size.filter(|&element| element != 0).map(|e| form.memory_size / e);
        if accepted != Some(u32::from(lanes)) {
            return Err(Misfit::Broadcast { operand, accepted });
        }
        if let Some(size) = mem.size
            && Some(size) != form.broadcast_size
        {
            let accepted = form.broadcast_size.unwrap_or(0);
            return Err(Misfit::Size { operand, accepted });
        }
    } else if let Some(size) = mem.size
        && form.memory_size != 0
        && size != form.memory_size
    {
        return Err(Misfit::Size { operand, accepted: form.memory_size });
    }
    Ok(())
}

/// Where a register is an address, the memory operand's address must be equally wide.
fn fit_address_width<R: Register>(form: &Form, mem: &Mem<R>) -> Result<(), Misfit> {
    let Some(operand) = form.operands().iter().position(|accepted| accepted.is_address) else {
        return Ok(());
    };
    let is_narrow = |view: View<R>| matches!(view.class, Class::Gp32 | Class::Eip);
    let memory_is_narrow = matches!(mem.base, Base::Reg(base) if is_narrow(base))
        || mem.index.is_some_and(|(index, _)| is_narrow(index));
    if memory_is_narrow == (form.operands()[operand].class == Some(Class::Gp32)) {
        return Ok(());
    }
    let message =
        "the register is an address: it must be as wide as the address of the other operand";
    Err(Misfit::Overlap { operand, message })
}

fn fit_branch(accepted: &OperandForm, value: i64, operand: usize) -> Result<(), Misfit> {
    let (holds, range) = match accepted.branch {
        Some(1) => (i8::try_from(value).is_ok(), "-128 to 127"),
        _ => (i32::try_from(value).is_ok(), "-2147483648 to 2147483647"),
    };
    if holds { Ok(()) } else { Err(Misfit::OutOfRange { operand, accepted: range }) }
}

/// `movabs` is `mov` with a 64-bit address or immediate.
fn fit_full_width<R>(form: &Form, inst: &Instruction<R>) -> Result<(), Misfit> {
    let is_full = form.is_offset || form.operands().iter().any(|o| o.imm == Some(ImmForm::Qword));
    if is_full { Ok(()) } else { Err(Misfit::Operand { operand: inst.operands.len() - 1 }) }
}
