//! Every register that an operand or an instruction names: visited, or replaced.
//!
//! The one place that knows where an [`Instruction`] keeps registers. What it reads and writes,
//! implicit registers included, is another question: see [`effects`](super::effects).

use super::instruction::{Base, Instruction, Mem, Operand, View};

impl<R: Copy> View<R> {
    /// The same view of another register.
    pub fn map_reg<S>(self, map: impl FnOnce(R) -> S) -> View<S> {
        View { reg: map(self.reg), class: self.class }
    }
}

impl<R: Copy> Base<R> {
    /// The register that an address starts from, if it is one.
    pub fn view(self) -> Option<View<R>> {
        match self {
            Base::Reg(view) => Some(view),
            Base::None | Base::Rip | Base::Data(_) | Base::Local(_) | Base::StackArg => None,
        }
    }

    fn map_reg<S>(self, map: impl FnOnce(R) -> S) -> Base<S> {
        match self {
            Base::Reg(view) => Base::Reg(view.map_reg(map)),
            Base::None => Base::None,
            Base::Rip => Base::Rip,
            Base::Data(id) => Base::Data(id),
            Base::Local(id) => Base::Local(id),
            Base::StackArg => Base::StackArg,
        }
    }
}

impl<R: Copy> Mem<R> {
    /// The registers of the address: base, index.
    pub fn views(&self) -> impl Iterator<Item = View<R>> + use<R> {
        let index = self.index.map(|(view, _)| view);
        self.base.view().into_iter().chain(index)
    }

    /// The same, to be changed.
    pub fn views_mut(&mut self) -> impl Iterator<Item = &mut View<R>> {
        let base = if let Base::Reg(view) = &mut self.base { Some(view) } else { None };
        let index = self.index.as_mut().map(|(view, _)| view);
        base.into_iter().chain(index)
    }

    /// The same address over other registers.
    pub fn map_regs<S>(&self, mut map: impl FnMut(R) -> S) -> Mem<S> {
        Mem {
            size: self.size,
            broadcast: self.broadcast,
            segment: self.segment,
            base: self.base.map_reg(&mut map),
            index: self.index.map(|(view, scale)| (view.map_reg(&mut map), scale)),
            disp: self.disp,
            disp_const: self.disp_const,
            symbol: self.symbol,
            disp_size: self.disp_size,
        }
    }
}

impl<R> Instruction<R> {
    /// Whether it is `jmp sym path`, which leaves the kernel for another function.
    pub fn is_tail_call(&self) -> bool {
        self.mnemonic.name() == "jmp" && matches!(self.operands[..], [Operand::RustSym(_)])
    }
}

impl<R: Copy> Operand<R> {
    /// The registers that it names: itself, or those of its address.
    pub fn views(&self) -> impl Iterator<Item = View<R>> + use<R> {
        let (register, address) = match self {
            Operand::Reg(view) => (Some(*view), None),
            Operand::Mem(mem) => (None, Some(mem.views())),
            Operand::Imm(_)
            | Operand::RustConst(_)
            | Operand::RustSym(_)
            | Operand::Label(_)
            | Operand::Relative(_) => (None, None),
        };
        register.into_iter().chain(address.into_iter().flatten())
    }

    /// The same operand over other registers.
    pub fn map_regs<S>(&self, map: impl FnMut(R) -> S) -> Operand<S> {
        match self {
            Operand::Reg(view) => Operand::Reg(view.map_reg(map)),
            Operand::Mem(mem) => Operand::Mem(mem.map_regs(map)),
            Operand::Imm(number) => Operand::Imm(*number),
            Operand::RustConst(id) => Operand::RustConst(*id),
            Operand::RustSym(id) => Operand::RustSym(*id),
            Operand::Label(branch) => Operand::Label(*branch),
            Operand::Relative(distance) => Operand::Relative(*distance),
        }
    }
}

impl<R: Copy> Instruction<R> {
    /// Calls `visit` for every register that it names, once per place.
    pub fn for_each_reg(&self, mut visit: impl FnMut(R)) {
        self.mask.iter().for_each(|mask| visit(mask.reg));
        self.block.iter().for_each(|&reg| visit(reg));
        self.operands.iter().flat_map(Operand::views).for_each(|view| visit(view.reg));
    }

    /// The same instruction over other registers.
    pub fn map_regs<S>(&self, mut map: impl FnMut(R) -> S) -> Instruction<S> {
        Instruction {
            mnemonic: self.mnemonic,
            prefixes: self.prefixes,
            operands: self.operands.iter().map(|operand| operand.map_regs(&mut map)).collect(),
            mask: self.mask.map(|mask| mask.map_reg(&mut map)),
            zeroing: self.zeroing,
            rounding: self.rounding,
            encoding: self.encoding,
            block: self.block.iter().map(|&reg| map(reg)).collect(),
        }
    }

    /// The operands in memory, each with its index.
    pub fn memory_operands(&self) -> impl Iterator<Item = (usize, &Mem<R>)> {
        self.operands.iter().enumerate().filter_map(|(index, operand)| match operand {
            Operand::Mem(mem) => Some((index, mem)),
            Operand::Reg(_)
            | Operand::Imm(_)
            | Operand::RustConst(_)
            | Operand::RustSym(_)
            | Operand::Label(_)
            | Operand::Relative(_) => None,
        })
    }
}
