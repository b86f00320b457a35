//! Instructions as text, in the language's own syntax.
//!
//! In: an instruction over physical registers. Out: what would be written in source; reading it
//! again gives the same instruction. Labels and data have no names at this stage: [`Names`] lets a
//! listing supply them.

use crate::ids::{DataId, LabelId, LocalId, RustConstId, RustSymId};
use crate::isa::{Base, BranchSize, DispSize, ForcedEncoding, Instruction, Mem, Operand, Prefixes};
use crate::isa::{PhysReg, implied_operands, register_name, size_name};
use std::fmt::{self, Write};

/// What to call the things that an instruction refers to by number.
pub trait Names {
    /// A label, with its quote.
    fn label(&self, id: LabelId) -> String {
        format!("'L{}", id.0)
    }

    /// Read-only data.
    fn data(&self, id: DataId) -> String {
        format!("data{}", id.0)
    }

    /// A stack variable.
    fn local(&self, id: LocalId) -> String {
        format!("local{}", id.0)
    }

    /// A Rust constant.
    fn rust_const(&self, id: RustConstId) -> String {
        format!("const{}", id.0)
    }

    /// A Rust item.
    fn rust_sym(&self, id: RustSymId) -> String {
        format!("sym{}", id.0)
    }
}

/// Names made of numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbered;

impl Names for Numbered {}

impl fmt::Display for Instruction<PhysReg> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_instruction(f, self, &Numbered)
    }
}

/// The instruction as text, with what it refers to called by `names`.
pub fn instruction_text(inst: &Instruction<PhysReg>, names: &dyn Names) -> String {
    let mut text = String::new();
    write_instruction(&mut text, inst, names).expect("a string takes all");
    text
}

fn write_instruction(
    out: &mut impl Write,
    inst: &Instruction<PhysReg>,
    names: &dyn Names,
) -> fmt::Result {
    write_prefixes(out, inst.prefixes)?;
    out.write_str(match inst.encoding {
        None => "",
        Some(ForcedEncoding::Vex) => "vex ",
        Some(ForcedEncoding::Vex3) => "vex3 ",
        Some(ForcedEncoding::Evex) => "evex ",
    })?;
    out.write_str(inst.mnemonic.name())?;
    let ends_in_number =
        matches!(inst.operands.last(), Some(Operand::Imm(_) | Operand::RustConst(_)));
    let rounding_at = inst.operands.len() - usize::from(ends_in_number);
    let mut separator = " ";
    for operand in implied_operands(inst) {
        out.write_str(separator)?;
        write_operand(out, &operand, names)?;
        separator = ", ";
    }
    for position in 0..=inst.operands.len() {
        if position == rounding_at
            && let Some(rounding) = inst.rounding
        {
            write!(out, "{separator}{}", rounding.word())?;
            separator = ", ";
        }
        let Some(operand) = inst.operands.get(position) else { break };
        out.write_str(separator)?;
        write_operand(out, operand, names)?;
        if position == 0
            && let Some(mask) = inst.mask
        {
            let zeroing = if inst.zeroing { "{z}" } else { "" };
            write!(out, "{{{}}}{zeroing}", register_name(mask.reg, mask.class))?;
        }
        separator = ", ";
    }
    Ok(())
}

fn write_prefixes(out: &mut impl Write, prefixes: Prefixes) -> fmt::Result {
    prefixes.words().try_for_each(|word| write!(out, "{word} "))
}

fn write_operand(
    out: &mut impl Write,
    operand: &Operand<PhysReg>,
    names: &dyn Names,
) -> fmt::Result {
    match operand {
        Operand::Reg(view) => out.write_str(&register_name(view.reg, view.class)),
        Operand::Mem(mem) => write_memory(out, mem, names),
        Operand::Imm(value) => write_number(out, *value),
        Operand::RustConst(id) => out.write_str(&names.rust_const(*id)),
        Operand::RustSym(id) => write!(out, "sym {}", names.rust_sym(*id)),
        Operand::Label(branch) => {
            out.write_str(match branch.size {
                None => "",
                Some(BranchSize::Short) => "short ",
                Some(BranchSize::Near) => "near ",
            })?;
            out.write_str(&names.label(branch.label))
        }
        Operand::Relative(value) => write!(out, "{value}"),
    }
}

fn write_memory(out: &mut impl Write, mem: &Mem<PhysReg>, names: &dyn Names) -> fmt::Result {
    out.write_str(match mem.disp_size {
        None => "",
        Some(DispSize::Disp8) => "disp8 ",
        Some(DispSize::Disp32) => "disp32 ",
    })?;
    if let Some(name) = mem.size.and_then(size_name) {
        write!(out, "{name} ")?;
    }
    if let Some(segment) = mem.segment {
        write!(out, "{}:", register_name(segment, crate::isa::Class::Segment))?;
    }
    out.write_char('[')?;
    let mut terms = Vec::new();
    match mem.base {
        Base::None => {}
        Base::Reg(view) => terms.push(register_name(view.reg, view.class)),
        Base::Rip if mem.symbol.is_some() => {}
        Base::Rip => terms.push("rip".to_string()),
        Base::Data(id) => terms.push(names.data(id)),
        Base::Local(id) => terms.push(names.local(id)),
        Base::StackArg => terms.push("stack".to_string()),
    }
    if let Some((view, scale)) = mem.index {
        let name = register_name(view.reg, view.class);
        let is_plain = scale == 1 && !terms.is_empty();
        terms.push(if is_plain { name } else { format!("{name}*{scale}") });
    }
    terms.extend(mem.symbol.map(|id| format!("sym {}", names.rust_sym(id))));
    terms.extend(mem.disp_const.map(|id| names.rust_const(id)));
    out.write_str(&terms.join(" + "))?;
    write_displacement(out, mem.disp, terms.is_empty())?;
    out.write_char(']')?;
    match mem.broadcast {
        Some(lanes) => write!(out, "{{1to{lanes}}}"),
        None => Ok(()),
    }
}

fn write_displacement(out: &mut impl Write, disp: i64, is_alone: bool) -> fmt::Result {
    match (is_alone, disp) {
        (true, _) => write_number(out, disp.into()),
        (false, 0) => Ok(()),
        (false, _) => {
            out.write_str(if disp < 0 { " - " } else { " + " })?;
            write!(out, "{}", disp.unsigned_abs())
        }
    }
}

/// Small numbers in decimal, others in hexadecimal digits.
fn write_number(out: &mut impl Write, value: i128) -> fmt::Result {
    if (-128..100).contains(&value) {
        write!(out, "{value}")
    } else if value < 0 {
        write!(out, "-{:#x}", value.unsigned_abs())
    } else {
        write!(out, "{value:#x}")
    }
}
