//! The prologue: saves registers, makes the frame, and moves arguments to their registers. And its
//! counterpart, the epilogue.

use super::moves::{Move, in_sequence};
use super::needs::{Needs, Use};
use super::stack::StackLayout;
use super::{Lowerer, Registers};
use crate::abi::{ArgPlace, Frames};
use crate::analysis::{Facts, STRIDE, TOUCHES_MAX, frame_base, used_locals};
use crate::ir::Allocation;
use crate::ir::{
    Base, Branch, Cfa, Code, Function, Inst, Instruction, LocalOp, Op, Operand, PlacedLocal, Reg,
    UnwindStep, View,
};
use crate::isa::asm::{self, SseEncoding, at, gp32, gp64, view};
use crate::isa::{Bank, Class, Control, Lanes, PhysReg, RegSet, gp};

/// Decides what is saved, and where everything on the stack is.
pub(super) fn stack_layout(
    function: &Function,
    facts: &Facts,
    allocation: &Allocation,
) -> StackLayout {
    let convention = function.convention;
    let changed = changed_registers(function, facts, allocation);
    let free_below = function.insts.iter().all(|inst| leaves_red_zone(&inst.op));
    let calls = facts.effects.iter().any(|effects| effects.control == Control::Call);
    let deepest = |index: usize| {
        let before = facts.depth[index].unwrap_or(0);
        let is_call = matches!(function.insts[index].op, Op::Local(LocalOp::Call, _));
        let around = facts.local_fns.depth_around(index).unwrap_or(0);
        let before = before + around + if is_call { 8 } else { 0 };
        before.saturating_add_signed(-facts.effects[index].stack)
    };
    let depth = (0..function.insts.len()).map(deepest).max().unwrap_or(0);
    StackLayout::of(&Needs {
        convention,
        saved_gp: changed.gp & convention.saved_gp,
        saved_xmm: changed.vector & convention.saved_xmm,
        locals: used_locals(function),
        depth,
        shadow: if function.options.without_shadow { 0 } else { convention.shadow },
        calls,
        red_zone: free_below && !calls && convention.red_zone > 0,
        saves_in_step: function.options.in_text,
        spare: spare(function, changed.gp),
        base: frame_base(function).unwrap_or(gp::RBP),
        uses: uses(function, facts),
        returns: function.insts.iter().filter(|inst| leaves(&inst.op)).count() as i64,
    })
}

/// Whether an operation becomes an epilogue.
fn leaves(op: &Op) -> bool {
    matches!(op, Op::Return(_)) || op.is_tail_call()
}

/// Whether an operation surely touches nothing below the stack pointer.
fn leaves_red_zone(op: &Op) -> bool {
    let rsp = Reg::Physical(gp::RSP);
    match op {
        // The source reads the stack, perhaps below its pointer.
        Op::Machine(machine) => {
            let mut bases = machine.inst.memory_operands().filter_map(|(_, mem)| mem.base.view());
            !bases.any(|base| base.reg == rsp)
        }
        // Raw bytes may push.
        Op::Bytes(_) => false,
        // A call pushes.
        Op::Local(..) => false,
        Op::Label(_)
        | Op::Copy { .. }
        | Op::SetImm { .. }
        | Op::Undefined { .. }
        | Op::LoadArg { .. }
        | Op::Return(_)
        | Op::Align(_)
        | Op::Ghost(_) => true,
    }
}

/// Where the body addresses stack variables and arguments on the stack.
fn uses(function: &Function, facts: &Facts) -> Vec<Use> {
    let mut uses = Vec::new();
    for (inst, index) in function.insts.iter().zip(0..) {
        let around = facts.local_fns.depth_around(index).unwrap_or(0);
        let depth = i64::from(around + facts.depth[index].unwrap_or(0));
        match &inst.op {
            Op::Machine(machine) => {
                for (at, mem) in machine.inst.memory_operands() {
                    let local = match mem.base {
                        Base::Local(local) => Some(local.index()),
                        Base::StackArg => None,
                        _ => continue,
                    };
                    if mem.disp_const.is_some() || mem.disp_size.is_some() {
                        continue;
                    }
                    let mut accesses = facts.effects[index].memory.iter();
                    let access = accesses.find(|access| access.operand == Some(at));
                    let bytes = access.and_then(|access| access.bytes).map_or(1, i64::from);
                    let unit = if is_evex(&machine.inst) { bytes.max(1) } else { 1 };
                    uses.push(Use { local, disp: mem.disp + depth, unit });
                }
            }
            Op::LoadArg { arg } => {
                if let ArgPlace::Stack { offset } = function.arg_place(*arg) {
                    uses.push(Use { local: None, disp: i64::from(offset) + depth, unit: 1 });
                }
            }
            Op::Label(_)
            | Op::Align(_)
            | Op::Ghost(_)
            | Op::Bytes(_)
            | Op::Copy { .. }
            | Op::SetImm { .. }
            | Op::Undefined { .. }
            | Op::Local(..)
            | Op::Return(_) => {}
        }
    }
    uses
}

/// Whether an instruction certainly is encoded by EVEX.
fn is_evex(inst: &Instruction<Reg>) -> bool {
    let is_zmm =
        |operand: &Operand<Reg>| matches!(operand, Operand::Reg(View { class: Class::Zmm, .. }));
    inst.mask.is_some() || inst.operands.iter().any(is_zmm)
}

/// A register that the function changes anyway, that it need not restore and that carries no
/// result, and no argument of a function that it jumps to.
fn spare(function: &Function, changed: RegSet) -> Option<PhysReg> {
    let convention = function.convention;
    let results = RegSet::of(convention.int_results);
    let mut volatile = changed - convention.saved_gp - convention.reserved_gp - results;
    if function.insts.iter().any(|inst| inst.op.is_tail_call()) {
        volatile = volatile - RegSet::of(convention.int_args) - RegSet::of(&[gp::RAX]);
    }
    let short = RegSet::WITHOUT_REX - RegSet::of(&[gp::RSP]);
    let mut found = (volatile & short).iter();
    found.next().map(PhysReg::gp).filter(|_| convention.sandbox.is_none())
}

/// Every register that the body may change, and those that arguments are moved to.
fn changed_registers(function: &Function, facts: &Facts, allocation: &Allocation) -> Registers {
    let mut changed = Registers::default();
    let mut add = |reg: Reg, lanes: Lanes| {
        let reg = match reg {
            Reg::Physical(reg) => Some(reg),
            Reg::Virtual(vreg) => allocation.regs[vreg.index()],
        };
        match reg {
            Some(PhysReg { bank: Bank::Gp, num }) => changed.gp = changed.gp | RegSet::one(num),
            // What no convention preserves is not saved.
            Some(PhysReg { bank: Bank::Vector, num }) if lanes.intersects(Lanes::low(16)) => {
                changed.vector = changed.vector | RegSet::one(num);
            }
            _ => {}
        }
    };
    // What is undefined is left as the caller had it.
    let is_changed = |inst: &Inst| !matches!(inst.op, Op::Undefined { .. });
    let changing = function.insts.iter().zip(&facts.effects).filter(|(inst, _)| is_changed(inst));
    for access in changing.flat_map(|(_, effects)| &effects.regs) {
        let lanes = access.write | access.may_write;
        if !lanes.is_empty() {
            add(access.reg, lanes);
        }
    }
    for (vreg, _) in function.arriving() {
        add(Reg::Virtual(vreg), Lanes::ALL);
    }
    changed
}

/// What is known of the upper halves of vector registers where an epilogue begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UpperHalves {
    /// A `vzeroupper` is right before it.
    JustCleared,
    /// They are as the kernel left them.
    AsTheyAre,
}

impl Lowerer<'_> {
    pub(super) fn prologue(&mut self) {
        if self.function.options.endbr64 {
            self.put(asm::endbr64());
        }
        match self.function.convention.frames {
            Frames::Go => self.go_prologue(),
            Frames::Pushed => self.pushed_prologue(),
        }
        self.move_arguments();
        self.out.frame.prologue_items = self.out.items.len();
    }

    /// What Go's assembler does (`preprocess` in `cmd/internal/obj/x86`), and the address of stack
    /// variables that require alignment.
    fn go_prologue(&mut self) {
        let size = i64::from(self.stack.size);
        self.lower_stack(self.stack.size);
        if self.saves_rbp_in_frame() {
            let place = at(gp::RSP, size - 8);
            self.put(asm::mov(place.clone(), gp64(gp::RBP)));
            self.saved(gp::RBP, -16, UnwindStep::Save { reg: gp::RBP });
            self.put(asm::lea(gp64(gp::RBP), place));
        }
        if let (Some(base), Some(align)) = (self.stack.locals_base, self.stack.realign) {
            let align = i64::from(align);
            let word = i64::from(self.function.convention.stack_align);
            self.put(asm::lea(gp64(base), at(gp::RSP, align - word)));
            self.put(asm::and(gp64(base), i128::from(-align)));
        }
        self.out.frame.size = self.stack.size;
        self.out.frame.realigned = self.stack.realign;
    }

    fn saves_rbp_in_frame(&self) -> bool {
        let convention = self.function.convention;
        let saves = convention.frames == Frames::Go && convention.saved_gp.contains(gp::RBP.num);
        saves && self.stack.size > 0
    }

    fn pushed_prologue(&mut self) {
        for push in self.stack.pushes.clone() {
            self.put(asm::push(gp64(push)));
            self.out.moved_down(8);
            let offset = -i64::from(self.out.cfa.offset);
            self.saved(push, offset, UnwindStep::Push { reg: push });
        }
        if self.stack.touches() <= TOUCHES_MAX {
            self.touch_pages(self.stack.touches());
        }
        if let Some(base) = self.stack.base {
            self.lower_stack(self.stack.above_base);
            self.put(asm::mov(gp64(base), gp64(gp::RSP)));
            self.out.set_cfa(Cfa { reg: base, offset: self.stack.base_below_cfa() as i32 });
            self.step(UnwindStep::SetBase);
        }
        let mut size = self.stack.size;
        if let Some(padding) = self.stack.padding {
            self.put(asm::push(gp64(padding)));
            self.out.moved_down(8);
            self.step(UnwindStep::Lower { bytes: 8 });
            size -= 8;
        }
        match self.stack.touches() <= TOUCHES_MAX {
            true => self.lower_stack(size),
            false => self.lower_and_touch(size),
        }
        if let Some(align) = self.stack.realign {
            self.put(asm::and(gp64(gp::RSP), -i128::from(align)));
        }
        for (xmm, offset) in self.stack.saves.clone() {
            let place = self.frame_address(offset, 0);
            self.put(self.asm.sse.movaps(place, view(xmm, Class::Xmm)));
            self.saved(xmm, offset, UnwindStep::Save { reg: xmm });
        }
        self.out.frame.size = self.stack.above_base + self.stack.size;
        self.out.frame.base = self.stack.base;
        self.out.frame.realigned = self.stack.realign;
        self.out.frame.borrowed = self.stack.borrowed;
        self.place_locals();
    }

    /// Notes where the stack variables are, for listings.
    fn place_locals(&mut self) {
        let frame = &mut self.out.frame;
        let realigned = self.stack.realign.map(|_| gp::RSP);
        frame.locals_base = self.stack.locals_base.or(realigned);
        for (local, offset) in self.function.locals.iter().zip(&self.stack.locals) {
            let Some(offset) = *offset else { continue };
            let name = local.name.clone();
            frame.locals.push(PlacedLocal { name, size: local.size, offset });
        }
    }

    /// Undoes the prologue and leaves by `last`. Right after a `vzeroupper` legacy SSE costs
    /// nothing; for xmm0 to xmm7 it takes a byte less than VEX.
    pub(super) fn epilogue(&mut self, upper: UpperHalves, last: Instruction<PhysReg>) {
        for (xmm, offset) in self.stack.saves.clone() {
            let place = self.frame_address(offset, 0);
            let is_short = upper == UpperHalves::JustCleared && xmm.num < 8;
            let sse = if is_short { SseEncoding::Legacy } else { self.asm.sse };
            self.put(sse.movaps(view(xmm, Class::Xmm), place));
        }
        if self.saves_rbp_in_frame() {
            let place = at(gp::RSP, i64::from(self.stack.size) - 8);
            self.put(asm::mov(gp64(gp::RBP), place));
        }
        let mut pushes = self.stack.pushes.clone();
        let below = 8 + 8 * pushes.len() as i32;
        if self.stack.base == Some(gp::RBP) && self.stack.above_base == 0 {
            self.put(asm::leave());
            pushes.pop();
            self.out.set_cfa(Cfa { reg: gp::RSP, offset: below - 8 });
        } else if let Some(base) = self.stack.base {
            if self.stack.above_base == 0 {
                self.put(asm::mov(gp64(gp::RSP), gp64(base)));
            } else {
                let address = at(base, self.stack.above_base.into());
                self.put(asm::lea(gp64(gp::RSP), address));
            }
            self.out.set_cfa(Cfa { reg: gp::RSP, offset: below });
        } else if self.stack.size > 0 {
            pushes.extend(self.stack.padding);
            let pushed = 8 * self.stack.padding.iter().len() as i32;
            if self.stack.size as i32 > pushed {
                self.put(add_to_rsp((self.stack.size as i32 - pushed).into()));
                self.out.set_cfa(Cfa { reg: gp::RSP, offset: below + pushed });
            }
        }
        for pop in pushes.into_iter().rev() {
            self.put(asm::pop(gp64(pop)));
            self.out.moved_down(-8);
        }
        self.put(last);
    }

    /// The canonical frame address in the body, where `depth` bytes have been pushed.
    pub(super) fn body_cfa(&self, depth: i64) -> Cfa {
        match self.stack.base {
            Some(base) => Cfa { reg: base, offset: self.stack.base_below_cfa() as i32 },
            None => Cfa { reg: gp::RSP, offset: (self.stack.rsp_below_cfa() + depth) as i32 },
        }
    }

    /// The place `offset` bytes from the canonical frame address.
    pub(super) fn frame_address(&self, offset: i64, depth: i64) -> crate::ir::Mem<PhysReg> {
        let cfa = self.body_cfa(depth);
        at(cfa.reg, offset + i64::from(cfa.offset))
    }

    fn lower_stack(&mut self, bytes: u32) {
        if bytes == 0 {
            return;
        }
        self.put(add_to_rsp(-i64::from(bytes)));
        self.out.moved_down(bytes.into());
        self.step(UnwindStep::Lower { bytes });
    }

    fn saved(&mut self, reg: PhysReg, offset: i64, step: UnwindStep) {
        self.out.frame.saved.push((reg, offset as i32));
        self.step(step);
    }

    /// The last item did this.
    fn step(&mut self, step: UnwindStep) {
        let after = self.out.items.len();
        self.out.frame.steps.push((after, step));
    }

    /// Touches the stack below its pointer, from above, so that no access of the frame is a page or
    /// more below what has been touched: none can jump over the guard page below the stack, nor
    /// over the one page that Windows grows it by.
    fn touch_pages(&mut self, touches: i64) {
        for touch in 1..=touches {
            self.touch(-STRIDE * touch);
        }
    }

    /// Touches memory at a distance from the stack pointer.
    fn touch(&mut self, offset: i64) {
        self.put(asm::test(at(gp::RSP, offset), gp32(gp::RAX)));
    }

    /// Moves the stack pointer down and touches what it passes: before version 5.0, Linux refused
    /// to grow a stack for an access that is more than 64 KiB below the pointer. The frame has a
    /// base by which unwinders find it meanwhile.
    fn lower_and_touch(&mut self, size: u32) {
        if self.stack.above_base > 0 {
            self.touch(0);
        }
        let turns = i64::from(size) / STRIDE;
        // r11 carries no argument in any convention.
        let (rsp, end) = (gp64(gp::RSP), gp64(gp::R11));
        self.put(asm::lea(end, at(gp::RSP, -STRIDE * turns)));
        let label = self.new_label();
        self.out.push(Code::Label(label));
        self.put(asm::sub(rsp, i128::from(STRIDE)));
        self.touch(0);
        self.put(asm::cmp(rsp, end));
        self.put(asm::jne(Branch { label, size: None }));
        self.touch_pages(self.stack.touches() - turns);
        let rest = i64::from(size) - STRIDE * turns;
        if rest > 0 {
            self.put(add_to_rsp(-rest));
        }
        self.step(UnwindStep::Lower { bytes: size });
    }

    /// Arguments go from where they arrive to their registers, all at once.
    fn move_arguments(&mut self) {
        let live: &[(Reg, Lanes)] = match self.facts.liveness.live_in.first() {
            Some(live) => live,
            None => return,
        };
        let mut moves = Vec::new();
        for (vreg, src) in self.function.arriving() {
            let lanes = live.iter().find(|(reg, _)| *reg == Reg::Virtual(vreg)).map(|(_, l)| *l);
            let (Some(lanes), Some(dst)) = (lanes, self.allocation.regs[vreg.index()]) else {
                continue;
            };
            let bytes = 64 - lanes.0.leading_zeros();
            if bytes > 0 {
                moves.push(Move { dst, src, bytes });
            }
        }
        let volatile = self.volatile();
        for m in in_sequence(&moves, |bank| volatile.of(bank)) {
            self.put(self.asm.copy(m.dst, m.src, m.bytes));
        }
    }
}

/// Adds to the stack pointer: 128 is subtracted as -128, which fits in a byte.
pub(super) fn add_to_rsp(bytes: i64) -> Instruction<PhysReg> {
    let rsp = gp64(gp::RSP);
    match bytes {
        128 => asm::sub(rsp, -128),
        -128 => asm::add(rsp, -128),
        0.. => asm::add(rsp, i128::from(bytes)),
        _ => asm::sub(rsp, i128::from(-bytes)),
    }
}
