//! The text of a [`Function`]: for `--print-after`, tests and reports of bugs.
//!
//! One line per register, datum and instruction. A virtual register is `name%number`, with a view
//! after it where it is not the declared one.

use super::{DataContent, Function, Inst, LocalFn, LocalOp, Op, ResultKind, ReturnValue};
use crate::ids::{ArgId, DataId, LabelId, LocalFnId};
use crate::isa::register_name;
use crate::isa::{
    Base, Branch, BranchSize, DispSize, ForcedEncoding, Instruction, Mem, Operand, Reg, Rounding,
    View,
};
use std::fmt::{self, Display, Formatter, Write as _};

impl Display for Function {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_head(f)?;
        self.insts.iter().try_for_each(|inst| writeln!(f, "{}", self.inst_text(inst)))
    }
}

/// What a closure writes.
struct Written<F>(F);

impl<F: Fn(&mut Formatter<'_>) -> fmt::Result> Display for Written<F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

impl Function {
    /// Everything but the instructions: name, arguments, result, variables, data.
    pub fn head_text(&self) -> String {
        Written(|f: &mut Formatter<'_>| self.write_head(f)).to_string()
    }

    /// One instruction. A `!` marks those in `unsafe`.
    pub fn inst_text(&self, inst: &Inst) -> String {
        let mark = if inst.in_unsafe { " !" } else { "" };
        Written(|f: &mut Formatter<'_>| self.write_op(f, &inst.op)).to_string() + mark
    }

    fn write_head(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let features: Vec<&str> = self.features.minified().iter().map(|f| f.name()).collect();
        writeln!(f, "fn {} {} [{}]", self.name, self.convention.name, features.join(","))?;
        for index in 0..self.args.len() {
            self.write_arg(f, ArgId(index as u32))?;
        }
        if let ResultKind::Values(values) = &self.result {
            write!(f, "  result")?;
            for value in values {
                let kind = if value.vector { "vector" } else { "int" };
                write!(f, " {kind}{}", value.bytes)?;
            }
            writeln!(f)?;
        }
        for local in &self.locals {
            writeln!(f, "  local {}: {} align {}", local.name, local.size, local.align)?;
        }
        for index in 0..self.data.len() {
            self.write_data(f, DataId(index as u32))?;
        }
        Ok(())
    }

    fn write_arg(&self, f: &mut Formatter<'_>, id: ArgId) -> fmt::Result {
        let arg = &self[id];
        let info = &self[arg.vreg];
        let place = self.placement.args.get(arg.param).and_then(|parts| parts.get(arg.part));
        write!(f, "  arg {}%{}: {}", info.name, arg.vreg.0, info.class.name())?;
        match place {
            Some(place) => writeln!(f, " = {place:?}"),
            None => writeln!(f),
        }
    }

    fn write_data(&self, f: &mut Formatter<'_>, id: DataId) -> fmt::Result {
        let data = &self[id];
        write!(f, "  data {}: align {}", self.data_name(id), data.align)?;
        match &data.content {
            DataContent::Bytes(bytes) => {
                f.write_char(' ')?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            }
            DataContent::Jumps(labels) => {
                labels.iter().try_for_each(|label| write!(f, " {}", self.label_name(*label)))?;
            }
            DataContent::Rust(table) => write!(f, " const {{ {} }}", table.tokens)?,
        }
        writeln!(f)
    }

    fn data_name(&self, id: DataId) -> String {
        match &self[id].name {
            Some(name) => name.clone(),
            None => format!("#{}", id.0),
        }
    }

    fn label_name(&self, id: LabelId) -> String {
        format!("{}%{}", self[id].name, id.0)
    }

    fn local_fn_name(&self, id: LocalFnId) -> String {
        format!("{}%{}", self[id].name, id.0)
    }

    fn write_local(&self, f: &mut Formatter<'_>, op: LocalOp, id: LocalFnId) -> fmt::Result {
        let name = self.local_fn_name(id);
        let LocalFn { params, results, .. } = &self[id];
        match op {
            LocalOp::Call => {
                write!(f, "  {} = {name}{}", self.views_text(results), self.views_text(params))
            }
            LocalOp::Entry => write!(f, "local fn {name}{}:", self.views_text(params)),
            LocalOp::Return => write!(f, "  leave {name} with {}", self.views_text(results)),
            LocalOp::Boundary => write!(f, "  boundary of {name}"),
        }
    }

    fn views_text(&self, views: &[View<Reg>]) -> String {
        let names: Vec<String> = views.iter().map(|view| self.reg_name(*view)).collect();
        format!("({})", names.join(", "))
    }

    fn write_op(&self, f: &mut Formatter<'_>, op: &Op) -> fmt::Result {
        match op {
            Op::Label(label) => write!(f, "{}:", self.label_name(*label)),
            Op::Machine(machine) => {
                f.write_str("  ")?;
                self.write_instruction(f, &machine.inst)?;
                match machine.targets {
                    Some(data) => write!(f, ", {}", self.data_name(data)),
                    None => Ok(()),
                }
            }
            Op::Copy { dst, src } => {
                write!(f, "  {} = {}", self.reg_name(*dst), self.reg_name(*src))
            }
            Op::SetImm { dst, value } => write!(f, "  {} = {value}", self.reg_name(*dst)),
            Op::Local(op, id) => self.write_local(f, *op, *id),
            Op::Undefined { dst } => write!(f, "  {} = undefined", self.reg_name(*dst)),
            Op::LoadArg { arg } => write!(f, "  load {}", self[self[*arg].vreg].name),
            Op::Return(values) => {
                f.write_str("  return")?;
                for (index, value) in values.iter().enumerate() {
                    f.write_str(if index == 0 { " " } else { ", " })?;
                    match value {
                        ReturnValue::Reg(view) => f.write_str(&self.reg_name(*view))?,
                        ReturnValue::Imm(n) => write!(f, "{n}")?,
                        ReturnValue::Data(id) => f.write_str(&self.data_name(*id))?,
                        ReturnValue::RustConst(id) => write!(f, "const#{}", id.0)?,
                    }
                }
                Ok(())
            }
            Op::Align(align) => write!(f, "  align {align}"),
            Op::Ghost(ghost) => write!(f, "  ghost {ghost:?}"),
            Op::Bytes(bytes) => write!(f, "  db {bytes:02x?}"),
        }
    }

    /// An instruction as it would be written in source.
    fn write_instruction(&self, f: &mut Formatter<'_>, inst: &Instruction<Reg>) -> fmt::Result {
        let prefixes = inst.prefixes;
        let written = [
            (prefixes.lock, "lock "),
            (prefixes.rep, "rep "),
            (prefixes.repne, "repne "),
            (prefixes.xacquire, "xacquire "),
            (prefixes.xrelease, "xrelease "),
            (prefixes.bnd, "bnd "),
            (prefixes.notrack, "notrack "),
        ];
        for (_, text) in written.iter().filter(|(is_there, _)| *is_there) {
            f.write_str(text)?;
        }
        f.write_str(match inst.encoding {
            Some(ForcedEncoding::Vex) => "vex ",
            Some(ForcedEncoding::Vex3) => "vex3 ",
            Some(ForcedEncoding::Evex) => "evex ",
            None => "",
        })?;
        f.write_str(inst.mnemonic.name())?;
        for (index, operand) in inst.operands.iter().enumerate() {
            f.write_str(if index == 0 { " " } else { ", " })?;
            self.write_operand(f, operand)?;
            if index == 0 {
                if let Some(mask) = inst.mask {
                    write!(f, "{{{}}}", self.reg_name(mask))?;
                }
                if inst.zeroing {
                    f.write_str("{z}")?;
                }
            }
        }
        f.write_str(match inst.rounding {
            Some(Rounding::Nearest) => ", {rn-sae}",
            Some(Rounding::Down) => ", {rd-sae}",
            Some(Rounding::Up) => ", {ru-sae}",
            Some(Rounding::Zero) => ", {rz-sae}",
            Some(Rounding::Sae) => ", {sae}",
            None => "",
        })
    }

    fn write_operand(&self, f: &mut Formatter<'_>, operand: &Operand<Reg>) -> fmt::Result {
        match operand {
            Operand::Reg(view) => f.write_str(&self.reg_name(*view)),
            Operand::Mem(mem) => self.write_memory(f, mem),
            Operand::Imm(n) => write!(f, "{n}"),
            Operand::RustConst(id) => write!(f, "const#{}", id.0),
            Operand::RustSym(id) => write!(f, "sym#{}", id.0),
            Operand::Label(Branch { label, size }) => {
                f.write_str(match size {
                    Some(BranchSize::Short) => "short ",
                    Some(BranchSize::Near) => "near ",
                    None => "",
                })?;
                f.write_str(&self.label_name(*label))
            }
            Operand::Relative(distance) => write!(f, "{distance}"),
        }
    }

    fn write_memory(&self, f: &mut Formatter<'_>, mem: &Mem<Reg>) -> fmt::Result {
        f.write_str(match mem.disp_size {
            Some(DispSize::Disp8) => "disp8 ",
            Some(DispSize::Disp32) => "disp32 ",
            None => "",
        })?;
        if let Some(size) = mem.size {
            write!(f, "m{} ", size * 8)?;
        }
        if let Some(segment) = mem.segment {
            write!(f, "{}:", register_name(segment, crate::isa::Class::Segment))?;
        }
        let mut terms: Vec<String> = Vec::new();
        match mem.base {
            Base::None => {}
            Base::Reg(view) => terms.push(self.reg_name(view)),
            Base::Rip => terms.push("rip".into()),
            Base::Data(id) => terms.push(self.data_name(id)),
            Base::Local(id) => terms.push(self[id].name.clone()),
            Base::StackArg => terms.push("args".into()),
        }
        if let Some((index, scale)) = mem.index {
            terms.push(format!("{}*{scale}", self.reg_name(index)));
        }
        if let Some(id) = mem.symbol {
            terms.push(format!("sym#{}", id.0));
        }
        if let Some(id) = mem.disp_const {
            terms.push(format!("const#{}", id.0));
        }
        if mem.disp != 0 || terms.is_empty() {
            terms.push(mem.disp.to_string());
        }
        write!(f, "[{}]", terms.join(" + "))?;
        match mem.broadcast {
            Some(lanes) => write!(f, "{{1to{lanes}}}"),
            None => Ok(()),
        }
    }

    fn reg_name(&self, view: View<Reg>) -> String {
        match view.reg {
            Reg::Physical(reg) => register_name(reg, view.class),
            Reg::Virtual(vreg) => {
                let info = &self[vreg];
                match info.class == view.class {
                    true => format!("{}%{}", info.name, vreg.0),
                    false => format!("{}%{}.{}", info.name, vreg.0, view.class.name()),
                }
            }
        }
    }
}
