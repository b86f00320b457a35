//! The source instructions over physical registers and real stack addresses.

use super::Lowerer;
use super::asm::{FlagsAre, result_is_wide, set};
use super::entry::{UpperHalves, add_to_rsp};
use super::space::align_up;
use crate::abi::{ArgPlace, Packing};
use crate::analysis::Facts;
use crate::ir::{
    Arg, ArgId, Base, Branch, Cfa, Code, Extension, Function, InstId, Instruction, LocalFn,
    LocalOp, Machine, Mem, Op, Operand, Origin, Reg, View,
};
use crate::isa::asm::{self, view};
use crate::isa::{Bank, Class, Control, Flags, Lanes, PhysReg, gp};

/// For copies and numbers: which bytes of the register that they write are live afterwards.
pub(super) fn live_after(function: &Function, facts: &Facts) -> Vec<Lanes> {
    let written = |op: &Op| match op {
        Op::Copy { dst, .. } | Op::SetImm { dst, .. } => Some(dst.reg),
        Op::Label(_)
        | Op::Machine(_)
        | Op::Undefined { .. }
        | Op::LoadArg { .. }
        | Op::Local(..)
        | Op::Return(_)
        | Op::Align(_)
        | Op::Ghost(_)
        | Op::Bytes(_) => None,
    };
    let mut live_after = vec![Lanes::NONE; function.insts.len()];
    let mut live = facts.live_set();
    for block in &facts.cfg.blocks {
        if !block.insts().any(|at| written(&function.insts[at].op).is_some()) {
            continue;
        }
        facts.walk_back(block, &mut live, |id, live| {
            if let Some(written) = written(&function.inst(id).op) {
                live_after[id.index()] = live.lanes(written);
            }
        });
    }
    live_after
}

impl Lowerer<'_> {
    /// Renders one instruction.
    pub(super) fn instruction(&mut self, id: InstId) {
        let function = self.function;
        let own_depth = self.facts.depth[id.index()].unwrap_or(0);
        let around = self.facts.local_fns.depth_around(id.index()).unwrap_or(0);
        let depth = i64::from(around + own_depth);
        self.out.origin = Origin::Author(id);
        self.out.span = function.inst(id).span;
        self.out.set_cfa(match self.facts.local_fns.around(id.index()) {
            // The caller's frame begins where the local function returns to.
            Some(_) => Cfa { reg: gp::RSP, offset: 8 + own_depth as i32 },
            None => self.body_cfa(depth),
        });
        match &function.inst(id).op {
            Op::Label(label) => self.out.push(Code::Label(*label)),
            Op::Align(bytes) => self.out.push(Code::Align(*bytes)),
            Op::Ghost(_) => {}
            Op::Bytes(bytes) => self.out.push(Code::Bytes(bytes.clone())),
            Op::Machine(machine) if self.facts.effects[id.index()].control == Control::Call => {
                self.call(machine, depth);
            }
            Op::Machine(machine) if machine.inst.is_tail_call() => {
                // As at a call, what is in upper halves may be for the function.
                self.out.origin = Origin::Epilogue(id);
                let jump = self.render(&machine.inst, depth);
                self.epilogue(UpperHalves::AsTheyAre, jump);
            }
            Op::Machine(machine) => {
                let depth = self.address_depth(id, machine, depth);
                let inst = self.render(&machine.inst, depth);
                self.put(inst);
            }
            Op::Copy { dst, src } => self.copy_view(id, *dst, *src),
            Op::SetImm { dst, value } => self.set_number(id, *dst, *value),
            Op::Local(op, local_fn) => self.local_fn(*op, &function[*local_fn]),
            Op::Undefined { dst } => self.undefined.push((id, self.phys(dst.reg))),
            Op::LoadArg { arg } => self.load_argument(*arg, depth),
            Op::Return(values) => {
                self.out.origin = Origin::Epilogue(id);
                self.emit_result(id, values);
                let mut upper = UpperHalves::AsTheyAre;
                if self.wants_vzeroupper(id) {
                    self.put(asm::vzeroupper());
                    upper = UpperHalves::JustCleared;
                }
                self.epilogue(upper, asm::ret());
            }
        }
    }

    /// Nothing but the return address is pushed around the body of a local function.
    fn local_fn(&mut self, op: LocalOp, local_fn: &LocalFn) {
        let entry = Branch { label: local_fn.entry, size: None };
        match op {
            LocalOp::Entry => self.out.push(Code::Label(local_fn.entry)),
            LocalOp::Call => self.put(asm::call(entry)),
            LocalOp::Return => self.put(asm::ret()),
            LocalOp::Boundary => {}
        }
    }

    fn wants_vzeroupper(&self, id: InstId) -> bool {
        !self.function.options.no_vzeroupper
            && !result_is_wide(self.function)
            && self.upper.before(self.function, self.facts, self.allocation, id.index())
    }

    /// `pop [rsp + 8]` computes its address after it has moved the stack pointer (Intel SDM, POP).
    fn address_depth(&self, id: InstId, machine: &Machine, depth: i64) -> i64 {
        let moved = i64::from(self.facts.effects[id.index()].stack);
        let to_memory = matches!(machine.inst.operands.first(), Some(Operand::Mem(_)));
        if moved > 0 && to_memory { depth - moved } else { depth }
    }

    /// A call, with the stack pointer aligned and shadow space below what the source has pushed.
    /// With nothing pushed the frame provides for both.
    fn call(&mut self, machine: &Machine, depth: i64) {
        let convention = self.function.convention;
        let align = i64::from(convention.stack_align);
        let shadow = if depth == 0 { 0 } else { i64::from(convention.shadow) };
        let extra = align_up(depth + shadow, align) - depth;
        if extra > 0 {
            self.put(add_to_rsp(-extra));
            self.out.moved_down(extra);
        }
        let inst = self.render(&machine.inst, depth + extra);
        self.put(inst);
        if extra > 0 {
            self.put(add_to_rsp(extra));
            self.out.moved_down(-extra);
        }
    }

    fn render(&self, inst: &Instruction<Reg>, depth: i64) -> Instruction<PhysReg> {
        let mut rendered = inst.map_regs(|reg| self.phys(reg));
        for operand in &mut rendered.operands {
            if let Operand::Mem(mem) = operand {
                self.place_in_frame(mem, depth);
            }
        }
        rendered
    }

    /// Counts the address of a stack variable or of an argument from a register.
    fn place_in_frame(&self, mem: &mut Mem<PhysReg>, depth: i64) {
        let place = match mem.base {
            Base::None | Base::Reg(_) | Base::Rip | Base::Data(_) => return,
            Base::Local(local) => {
                let offset = self.stack.locals[local.index()].unwrap_or(0);
                match (self.stack.realign, self.stack.locals_base) {
                    (_, Some(base)) => asm::at(base, offset),
                    (Some(_), None) => asm::at(gp::RSP, offset + depth),
                    (None, None) => self.frame_address(offset, depth),
                }
            }
            Base::StackArg => self.frame_address(0, depth),
        };
        mem.base = place.base;
        mem.disp += place.disp;
    }

    /// A copy carries the bytes that anything reads afterwards; it is nothing where both registers
    /// are one.
    fn copy_view(&mut self, id: InstId, dst: View<Reg>, src: View<Reg>) {
        let (to, from) = (self.phys(dst.reg), self.phys(src.reg));
        let live = self.observable(id, dst);
        let (dst_class, src_class) = (dst.class, src.class);
        let clears = dst_class == Class::Gp32 && live.intersects(Lanes::range(4, 4));
        if to == from && dst_class.lanes() == src_class.lanes() && !clears {
            return;
        }
        let narrow = matches!(dst_class, Class::Gp8 | Class::Gp8h | Class::Gp16);
        let kept_bytes_matter = live.intersects(Lanes::low(8) - dst_class.lanes());
        let high = dst_class == Class::Gp8h || src_class == Class::Gp8h;
        if narrow && (kept_bytes_matter || high) {
            self.put(asm::mov(view(to, dst_class), view(from, src_class)));
            return;
        }
        let carried = 64 - (live & dst_class.lanes()).0.leading_zeros();
        if carried > 0 || clears {
            self.put(self.asm.copy(to, from, carried));
        }
    }

    /// The bytes of a register written here that anything may read afterwards. Raw bytes may look
    /// at any physical register, and a physical register that nothing reads was set for a reason.
    fn observable(&self, id: InstId, dst: View<Reg>) -> Lanes {
        let live = self.live_after[id.index()];
        match dst.reg {
            Reg::Physical(_) if live.is_empty() || self.raw_bytes => live | dst.class.lanes(),
            _ => live,
        }
    }

    fn set_number(&mut self, id: InstId, dst: View<Reg>, value: i128) {
        let to = self.phys(dst.reg);
        let live = self.observable(id, dst);
        if live.is_empty() {
            return;
        }
        let live_flags = self.facts.flags_live_out[id.index()].0 & Flags::STATUS.0;
        let flags = if live_flags == 0 { FlagsAre::Free } else { FlagsAre::Kept };
        let needs_high = live.intersects(Lanes::range(4, 4));
        let class = match dst.class {
            Class::Gp64 if !needs_high => Class::Gp32,
            // Clearing all of it costs less than a merge, where nothing else of it is live.
            Class::Gp8 | Class::Gp16
                if value == 0
                    && flags == FlagsAre::Free
                    && !live.intersects(Lanes::low(8) - dst.class.lanes()) =>
            {
                Class::Gp32
            }
            class => class,
        };
        self.put(set(to, class, value, flags));
    }

    /// Loads an argument that arrived in memory.
    fn load_argument(&mut self, arg: ArgId, depth: i64) {
        let function = self.function;
        let vreg = function[arg].vreg;
        let Some(dst) = self.allocation.regs[vreg.index()] else { return };
        let Arg { bytes, extension, .. } = function[arg];
        let exact = dst.bank == Bank::Gp && function.convention.stack_args == Packing::Natural;
        let pointer = function[arg].pointer.map(|pointer| self.phys(Reg::Virtual(pointer)));
        let place = match function.arg_place(arg) {
            ArgPlace::Reg(_) => return,
            ArgPlace::Stack { offset } => self.frame_address(offset.into(), depth),
            ArgPlace::Indirect { pointer: arrived, offset } => {
                asm::at(pointer.unwrap_or(arrived), offset.into())
            }
            ArgPlace::StackIndirect { slot, offset } => {
                let address = pointer.unwrap_or(dst);
                let pointer_size = function.convention.pointer_size;
                let slot = self.frame_address(slot.into(), depth);
                self.put(self.asm.load(address, pointer_size, slot));
                asm::at(address, offset.into())
            }
        };
        self.put(match exact || extension != Extension::None {
            true => self.asm.load_exact(dst, bytes, extension, place),
            false => self.asm.load(dst, bytes, place),
        });
    }
}
