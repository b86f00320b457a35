//! The frame builder: puts physical registers in, lays out the stack, and adds what the calling
//! convention needs.
//!
//! Input: a [`Function`], its [`Facts`] and an [`Allocation`], all unchanged. Output: a
//! [`Lowered`]: the source instructions in their order, and between them only argument moves,
//! prologue, result moves, `vzeroupper`, epilogue and `ret`, each with its origin.
//! Invariants: the stack pointer's distance from the canonical frame address is known at every
//! item; preserved registers that the kernel changes are saved; no instruction is added that does
//! nothing. Untrusted: [`check`](crate::check) replays the result. Cannot fail.

mod asm;
mod body;
mod clobbers;
mod entry;
mod moves;
mod needs;
mod plan;
mod returns;
mod space;
mod stack;
mod upper;

pub use clobbers::{Clobbers, calls_local_fn, clobbers};

use crate::abi::Convention;
use crate::analysis::Facts;
use crate::ir::Allocation;
use crate::ir::{
    Cfa, Code, Frame, Function, InstId, Instruction, Item, LabelId, Lowered, Op, Origin, Reg,
};
use crate::isa::{Bank, Lanes, PhysReg, RegSet, gp};
use asm::Asm;
use proc_macro2::Span;
use stack::StackLayout;
use upper::UpperState;

/// Renders `function` with the registers of `allocation`.
pub fn lower(function: &Function, facts: &Facts, allocation: &Allocation) -> Lowered {
    let mut lowerer = Lowerer::new(function, facts, allocation);
    lowerer.prologue();
    for index in 0..function.insts.len() {
        lowerer.instruction(InstId(index as u32));
    }
    let Lowerer { out, loops, undefined, .. } = lowerer;
    Lowered {
        name: function.name.clone(),
        convention: function.convention,
        items: out.items,
        undefined,
        local_fns: function.local_fns.iter().map(|local_fn| local_fn.entry).collect(),
        label_count: function.labels.len() + loops,
        data: function.data.clone(),
        rust_consts: function.rust_consts.clone(),
        rust_syms: function.rust_syms.clone(),
        in_text: function.options.in_text,
        frame: out.frame,
    }
}

/// The registers of two banks.
#[derive(Clone, Copy, Debug, Default)]
struct Registers {
    gp: RegSet,
    vector: RegSet,
}

impl Registers {
    fn of(self, bank: Bank) -> RegSet {
        match bank {
            Bank::Gp => self.gp,
            Bank::Vector => self.vector,
            Bank::Mask | Bank::Mmx | Bank::Tile => RegSet::NONE,
            Bank::Segment | Bank::Control | Bank::Debug | Bank::X87 | Bank::Ip => RegSet::NONE,
        }
    }

    /// What a function of `convention` may change without saving.
    fn volatile(convention: &Convention) -> Registers {
        Registers {
            gp: Bank::Gp.registers()
                - convention.saved_gp
                - convention.reserved_gp
                - RegSet::of(&[gp::RSP]),
            vector: Bank::Vector.without_evex() - convention.saved_xmm,
        }
    }
}

/// The state of the rendering.
struct Lowerer<'a> {
    function: &'a Function,
    facts: &'a Facts,
    allocation: &'a Allocation,
    asm: Asm,
    stack: StackLayout,
    upper: UpperState,
    /// What is live after each copy and number that is set, of the register that it writes; empty
    /// where the instruction is another one.
    live_after: Vec<Lanes>,
    /// Whether there are opaque instructions.
    raw_bytes: bool,
    /// How many loops the prologue has; each has a label after those of the source.
    loops: usize,
    /// See [`Lowered::undefined`].
    undefined: Vec<(InstId, PhysReg)>,
    out: Output,
}

impl<'a> Lowerer<'a> {
    fn new(function: &'a Function, facts: &'a Facts, allocation: &'a Allocation) -> Self {
        Lowerer {
            function,
            facts,
            allocation,
            asm: Asm::of(function, facts),
            stack: entry::stack_layout(function, facts, allocation),
            upper: UpperState::of(function, facts, allocation),
            live_after: body::live_after(function, facts),
            raw_bytes: function.insts.iter().any(|inst| matches!(inst.op, Op::Bytes(_))),
            loops: 0,
            undefined: Vec::new(),
            out: Output::new(function.span),
        }
    }

    /// The register that stands for `reg`. A register that nothing reads or writes has none; `rax`
    /// then stands for it in code that cannot be reached.
    fn phys(&self, reg: Reg) -> PhysReg {
        match reg {
            Reg::Physical(reg) => reg,
            Reg::Virtual(vreg) => {
                let first = PhysReg::new(self.function[vreg].class.bank(), 0);
                self.allocation.regs[vreg.index()].unwrap_or(first)
            }
        }
    }

    fn volatile(&self) -> Registers {
        let mut volatile = Registers::volatile(self.function.convention);
        if let Some(base) = self.stack.base.or(self.stack.locals_base) {
            volatile.gp = volatile.gp - RegSet::one(base.num);
        }
        volatile
    }

    /// A label of the compiler's own.
    fn new_label(&mut self) -> LabelId {
        self.loops += 1;
        LabelId((self.function.labels.len() + self.loops - 1) as u32)
    }

    /// Adds an instruction.
    fn put(&mut self, inst: Instruction<PhysReg>) {
        self.out.push(Code::Inst(inst));
    }
}

/// The items so far, with what unwinders have to know.
struct Output {
    items: Vec<Item>,
    frame: Frame,
    cfa: Cfa,
    origin: Origin,
    span: Span,
}

impl Output {
    fn new(span: Span) -> Output {
        let cfa = Cfa { reg: gp::RSP, offset: 8 };
        let frame = Frame { cfa: vec![(0, cfa)], ..Frame::default() };
        Output { items: Vec::new(), frame, cfa, origin: Origin::Prologue, span }
    }

    fn push(&mut self, code: Code) {
        self.items.push(Item { code, origin: self.origin, span: self.span });
    }

    /// From the next item on, the canonical frame address is this.
    fn set_cfa(&mut self, cfa: Cfa) {
        if self.cfa == cfa {
            return;
        }
        self.cfa = cfa;
        let next = self.items.len();
        match self.frame.cfa.last_mut() {
            Some((at, last)) if *at == next => *last = cfa,
            _ => self.frame.cfa.push((next, cfa)),
        }
    }

    /// The stack pointer has moved down by `bytes`.
    fn moved_down(&mut self, bytes: i64) {
        if self.cfa.reg == gp::RSP {
            let offset = self.cfa.offset + bytes as i32;
            self.set_cfa(Cfa { offset, ..self.cfa });
        }
    }
}
