//! What a call of a kernel changes, as its caller sees it: from the final instructions, and nowhere
//! else.
//!
//! Input: a [`Lowered`]. Output: [`Clobbers`]. The generated function calls the kernel through
//! `asm!` with exactly these registers, so a register that is missing here is undefined behavior
//! there: whatever is not understood counts as changed.

use crate::ir::{Base, Cfa, Code, Frame, Instruction, Lowered, Mem, Operand};
use crate::isa::{
    self, Bank, Control, Effects, FeatureSet, Flags, Lanes, MemAccess, PhysReg, Reach, RegSet,
    X87Effect, gp,
};

/// What a kernel changes and touches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clobbers {
    /// General-purpose registers. Those that the kernel restores are not in it, nor is `rsp`.
    pub gp: RegSet,
    /// Vector registers of which any byte changes: `xmm3` and `zmm3` are both 3.
    pub vector: RegSet,
    /// Mask registers.
    pub mask: RegSet,
    /// Tiles of AMX.
    pub tile: RegSet,
    /// The state that x87 and MMX share.
    pub x87: bool,
    /// Any status flag.
    pub flags: bool,
    /// The exception flags of floating point: in MXCSR, or in the status word of x87.
    pub float_flags: bool,
    /// Whether memory of the program may be read. The kernel's constants and frame are its own. A
    /// fence counts as reading and writing all of it.
    pub reads_memory: bool,
    /// Whether memory of the program may be written.
    pub writes_memory: bool,
    /// Whether the caller's shadow space is used.
    pub uses_shadow: bool,
    /// Whether memory below the return address is used.
    pub uses_stack: bool,
}

/// Finds out what `lowered` changes. `features` are those that it was compiled for.
pub fn clobbers(lowered: &Lowered, features: &FeatureSet) -> Clobbers {
    let mut changes = Changes::of_frame(&lowered.frame);
    let mut cfa = Cfa { reg: gp::RSP, offset: 8 };
    let mut cfa_changes = lowered.frame.cfa.iter().peekable();
    for (index, item) in lowered.items.iter().enumerate() {
        while let Some((_, changed)) = cfa_changes.next_if(|(at, _)| *at <= index) {
            cfa = *changed;
        }
        match &item.code {
            Code::Label(_) | Code::Align(_) | Code::Group(_) => {}
            Code::Bytes(_) => changes.anything(),
            // What a local function changes is among the items.
            Code::Inst(inst) if calls_local_fn(inst) => changes.rest.uses_stack = true,
            Code::Inst(inst) => match isa::select(inst, features) {
                Ok(selection) => changes.add(inst, &isa::effects(inst, &selection), cfa),
                Err(_) => changes.anything(),
            },
        }
    }
    changes.seen_from_outside(lowered)
}

/// Whether it is a call of a local function.
pub fn calls_local_fn(inst: &Instruction<PhysReg>) -> bool {
    inst.mnemonic.name() == "call" && matches!(inst.operands.as_slice(), [Operand::Label(_)])
}

/// What the instructions change, saved registers included.
struct Changes {
    gp: RegSet,
    /// Bytes of each vector register.
    vector: [Lanes; 32],
    rest: Clobbers,
    /// What the prologue has subtracted from the stack pointer.
    frame_size: i64,
}

impl Changes {
    fn of_frame(frame: &Frame) -> Self {
        Changes {
            gp: RegSet::NONE,
            vector: [Lanes::NONE; 32],
            rest: Clobbers::default(),
            frame_size: frame.size.into(),
        }
    }

    fn add(&mut self, inst: &Instruction<PhysReg>, effects: &Effects<PhysReg>, cfa: Cfa) {
        if effects.control == Control::Call || inst.is_tail_call() {
            self.anything();
        }
        for access in &effects.regs {
            let changed = access.write | access.may_write;
            if !changed.is_empty() {
                self.change(access.reg, changed);
            }
        }
        let flags = effects.flags_written.0 | effects.flags_may_write.0;
        self.rest.flags |= flags & Flags::STATUS.0 != 0;
        self.rest.x87 |= effects.x87 != X87Effect::None;
        self.rest.float_flags |= effects.float_flags || effects.x87 != X87Effect::None;
        self.rest.uses_stack |= effects.stack < 0;
        match effects.reach {
            Reach::Operands => {}
            Reach::Memory | Reach::Registers => self.any_memory(),
            Reach::Machine => self.anything(),
        }
        for memory in effects.memory.iter().filter(|memory| !memory.address_only) {
            self.touch(inst, memory, effects, cfa);
        }
    }

    fn change(&mut self, reg: PhysReg, lanes: Lanes) {
        let one = RegSet::one(reg.num);
        match reg.bank {
            Bank::Gp => self.gp = self.gp | one,
            Bank::Vector => self.vector[reg.num as usize] |= lanes,
            Bank::Mask => self.rest.mask = self.rest.mask | one,
            Bank::Tile => self.rest.tile = self.rest.tile | one,
            Bank::Mmx | Bank::X87 => self.rest.x87 = true,
            // No kernel may change these.
            Bank::Segment | Bank::Control | Bank::Debug | Bank::Ip => {}
        }
    }

    fn touch(
        &mut self,
        inst: &Instruction<PhysReg>,
        memory: &MemAccess,
        effects: &Effects<PhysReg>,
        cfa: Cfa,
    ) {
        let own = match memory.operand.and_then(|index| inst.operands.get(index)) {
            Some(Operand::Mem(mem)) => {
                matches!(mem.base, Base::Data(_)) || self.own_frame(mem, memory.bytes, cfa)
            }
            // `push` and `pop`, and the return address.
            _ => effects.stack != 0 || inst.mnemonic.name() == "ret",
        };
        self.rest.reads_memory |= memory.read && !own;
        self.rest.writes_memory |= memory.write && !own;
    }

    /// Whether an operand lies in the frame: its last byte is below the caller's. With an index, or
    /// without a known size, it may reach beyond.
    fn own_frame(&mut self, mem: &Mem<PhysReg>, bytes: Option<u32>, cfa: Cfa) -> bool {
        let Base::Reg(base) = mem.base else { return false };
        // After a realignment `rsp` is at an unknown distance, but no nearer than what the prologue
        // has subtracted from it.
        let room = match base.reg {
            reg if reg == cfa.reg => i64::from(cfa.offset),
            gp::RSP => self.frame_size,
            _ => return false,
        };
        self.rest.uses_stack = true;
        let is_within = |bytes: u32| mem.disp.saturating_add(bytes.into()) <= room;
        mem.index.is_none() && mem.segment.is_none() && bytes.is_some_and(is_within)
    }

    fn any_memory(&mut self) {
        self.rest.reads_memory = true;
        self.rest.writes_memory = true;
    }

    /// Whatever the convention allows may change, and any memory.
    fn anything(&mut self) {
        self.gp = Bank::Gp.registers();
        self.vector = [Lanes::ALL; 32];
        self.rest = Clobbers {
            mask: Bank::Mask.registers(),
            tile: Bank::Tile.registers(),
            x87: true,
            flags: true,
            float_flags: true,
            reads_memory: true,
            writes_memory: true,
            uses_stack: true,
            ..self.rest
        };
    }

    fn seen_from_outside(self, lowered: &Lowered) -> Clobbers {
        let convention = lowered.convention;
        let preserved = |num: u8| {
            if convention.saved_xmm.contains(num) { Lanes::low(16) } else { Lanes::NONE }
        };
        let vector = (0..32u8)
            .filter(|&num| !(self.vector[num as usize] - preserved(num)).is_empty())
            .fold(RegSet::NONE, |set, num| set | RegSet::one(num));
        Clobbers {
            gp: self.gp - convention.saved_gp - convention.reserved_gp - RegSet::of(&[gp::RSP]),
            vector,
            uses_shadow: convention.shadow > 0 && lowered.frame.borrowed > 0,
            ..self.rest
        }
    }
}
