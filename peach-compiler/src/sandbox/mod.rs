//! Keeps code in the sandbox of its convention: Native Client, "NaCl SFI model on x86-64 systems".
//!
//! The sandbox is a region of 4 GiB whose address is in a register that nothing changes. Addresses
//! are 32 bits: whatever a register holds above them is cut off where it becomes an address. Code
//! is cut into bundles; what is written as several instructions but means one stays within a
//! bundle, and is never jumped into.
//!
//! Input: a [`Lowered`] that [`check`](crate::check) has accepted. Output: the same program, in
//! which
//!
//! | instead of | is written | file |
//! |---|---|---|
//! | `op [base + index*s + d]` | `lea r11d, […]; op [r15 + r11]` | `memory` |
//! | `rep movsb` | `mov esi, esi; lea rsi, [r15 + rsi]; …; rep movsb` | `memory` |
//! | `sub rsp, n` | `sub esp, n; add rsp, r15` | `stack` |
//! | `ret`, `jmp r`, `call r` | `and r11d, -32; add r11, r15; jmp r11` | `control` |
//!
//! Invariants: the flags, the memory and the source registers are what they were, but for
//! addresses, whose upper halves become zero; the scratch register is the only one that is used
//! besides; every instruction belongs to a [`Group`], so that `encode` keeps it in a bundle.
//! Untrusted: [`validate`] reads the final bytes by the published rules. Cannot fail, for
//! [`verify`] has refused what has no place in a sandbox.

mod control;
mod memory;
mod stack;
#[cfg(feature = "decoder")]
mod validate;
mod verify;

#[cfg(feature = "decoder")]
pub use validate::{Rule, Violation, validate};
pub use verify::{Refusal, refusal, verify};

use crate::abi::Sandbox;
use crate::ir::{
    Cfa, Code, DataContent, Group, Instruction, Item, LabelId, Lowered, Mem, Operand, Origin, View,
};
use crate::isa::asm::gp64;
use crate::isa::{self, Class, FeatureSet, PhysReg, gp};
use proc_macro2::Span;

/// Rewrites `lowered`, compiled for `features`, for the sandbox of its convention, if it has one.
pub fn sandboxed(lowered: Lowered, features: &FeatureSet) -> Lowered {
    let Some(sandbox) = &lowered.convention.sandbox else { return lowered };
    let mut rewriter = Rewriter::new(&lowered, sandbox, features);
    let mut new_index = Vec::with_capacity(lowered.items.len() + 1);
    for index in 0..lowered.items.len() {
        new_index.push(rewriter.items.len());
        rewriter.item(index);
    }
    new_index.push(rewriter.items.len());
    // The space after the code is filled up to the end of the bundle.
    rewriter.push(Code::Align(sandbox.bundle));
    let Rewriter { items, cfa, .. } = rewriter;
    let mut frame = lowered.frame.clone();
    frame.cfa = cfa;
    frame.prologue_items = new_index[frame.prologue_items];
    for (index, _) in &mut frame.steps {
        *index = new_index[*index];
    }
    Lowered { items, frame, ..lowered }
}

/// Where the padding of a group goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Padding {
    /// Before it, if it would not fit into its bundle.
    Before,
    /// Before it, so that it ends where its bundle ends.
    ToEnd,
}

/// Which encodings a group may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encodings {
    /// Longer ones too, instead of padding.
    Any,
    /// Those that a sandbox knows.
    Exact,
}

/// The new items so far.
struct Rewriter<'a> {
    lowered: &'a Lowered,
    sandbox: &'a Sandbox,
    features: &'a FeatureSet,
    /// Labels whose addresses are in jump tables.
    jumped_to: Vec<bool>,
    items: Vec<Item>,
    /// As in [`Frame::cfa`](crate::ir::Frame::cfa), of the new items.
    cfa: Vec<(usize, Cfa)>,
    /// How many changes of the old frame address have been made.
    cfa_done: usize,
    origin: Origin,
    span: Span,
}

impl<'a> Rewriter<'a> {
    fn new(lowered: &'a Lowered, sandbox: &'a Sandbox, features: &'a FeatureSet) -> Self {
        let mut jumped_to = vec![false; lowered.label_count];
        for data in &lowered.data {
            if let DataContent::Jumps(labels) = &data.content {
                labels.iter().for_each(|label| jumped_to[label.index()] = true);
            }
        }
        Rewriter {
            lowered,
            sandbox,
            features,
            jumped_to,
            items: Vec::with_capacity(3 * lowered.items.len()),
            cfa: Vec::new(),
            cfa_done: 0,
            origin: Origin::Prologue,
            span: Span::call_site(),
        }
    }

    fn item(&mut self, index: usize) {
        self.follow_cfa(index);
        let item = &self.lowered.items[index];
        (self.origin, self.span) = (item.origin, item.span);
        match &item.code {
            Code::Label(label) => self.label(*label),
            Code::Inst(inst) => self.instruction(index, inst),
            other => self.push(other.clone()),
        }
    }

    /// The target of an indirect jump starts a bundle.
    fn label(&mut self, label: LabelId) {
        if self.jumped_to[label.index()] {
            self.push(Code::Align(self.sandbox.bundle));
        }
        self.push(Code::Label(label));
    }

    fn instruction(&mut self, index: usize, inst: &Instruction<PhysReg>) {
        let Ok(selection) = isa::select(inst, self.features) else {
            return self.alone(inst.clone());
        };
        let effects = isa::effects(inst, &selection);
        let done = self.control(index, inst, &effects)
            || self.stack(index, inst)
            || self.strings(inst, &effects)
            || self.memory(inst, &effects);
        if !done {
            self.alone(narrow_address(inst));
        }
        // Becomes `lea` or a load, as the linker likes.
        if let ("mov", [Operand::Reg(dst), Operand::RustSym(_)]) =
            (inst.mnemonic.name(), inst.operands.as_slice())
            && self.lowered.in_text
        {
            self.alone(memory::truncate(dst.reg));
        }
    }

    fn push(&mut self, code: Code) {
        self.items.push(Item { code, origin: self.origin, span: self.span });
    }

    /// An instruction that is not rewritten.
    fn alone(&mut self, inst: Instruction<PhysReg>) {
        self.group(vec![inst], Padding::Before, Encodings::Any);
    }

    /// Instructions that a sandbox knows by their bytes.
    fn exactly(&mut self, insts: Vec<Instruction<PhysReg>>) {
        self.group(insts, Padding::Before, Encodings::Exact);
    }

    /// Adds instructions that lie in one bundle. Labels in front of them are moved after the
    /// padding.
    fn group(&mut self, insts: Vec<Instruction<PhysReg>>, padding: Padding, encodings: Encodings) {
        let is_label = |item: &&Item| matches!(item.code, Code::Label(_));
        let labels = self.items.iter().rev().take_while(is_label).count();
        let group = Group {
            items: labels + insts.len(),
            at_end: padding == Padding::ToEnd,
            exact: encodings == Encodings::Exact,
        };
        let code = Code::Group(group);
        let item = Item { code, origin: self.origin, span: self.span };
        self.items.insert(self.items.len() - labels, item);
        insts.into_iter().for_each(|inst| self.push(Code::Inst(inst)));
    }

    /// Before the next item, the frame address is what it was before item `index` of the old
    /// program.
    fn follow_cfa(&mut self, index: usize) {
        while let Some((_, cfa)) =
            self.lowered.frame.cfa.get(self.cfa_done).filter(|(at, _)| *at <= index)
        {
            self.set_cfa(*cfa);
            self.cfa_done += 1;
        }
    }

    fn set_cfa(&mut self, cfa: Cfa) {
        let next = self.items.len();
        match self.cfa.last_mut() {
            Some((at, last)) if *at == next => *last = cfa,
            Some((_, last)) if *last == cfa => {}
            _ => self.cfa.push((next, cfa)),
        }
    }

    /// The register that belongs to the compiler.
    fn scratch(&self, class: Class) -> View<PhysReg> {
        View { reg: self.sandbox.scratch, class }
    }

    fn base(&self) -> View<PhysReg> {
        gp64(self.sandbox.base)
    }

    /// Whether a register always holds an address in the sandbox.
    fn is_inside(&self, reg: PhysReg) -> bool {
        [gp::RSP, gp::RBP, self.sandbox.base].contains(&reg)
    }
}

/// An address that the processor computes with the sandbox in it is cut down to the 32 bits that
/// addresses have: `lea rax, [TABLE]` becomes `lea eax, [TABLE]`. One that it computes in 32 bits
/// is computed in 64, which takes no prefix, and has the same low half.
fn narrow_address(inst: &Instruction<PhysReg>) -> Instruction<PhysReg> {
    let mut inst = inst.clone();
    if let ("nop", [Operand::Mem(mem)]) = (inst.mnemonic.name(), inst.operands.as_mut_slice()) {
        memory::widen(mem);
    }
    let [Operand::Reg(dst), source] = inst.operands.as_mut_slice() else { return inst };
    let cut = match (inst.mnemonic.name(), &mut *source) {
        ("lea", Operand::Mem(mem)) => memory::holds_sandbox(mem) || memory::widen(mem),
        ("mov", Operand::Reg(src)) if src.reg == gp::RSP && src.class == Class::Gp64 => {
            src.class = Class::Gp32;
            true
        }
        _ => false,
    };
    if cut && dst.class == Class::Gp64 {
        dst.class = Class::Gp32;
    }
    inst
}

fn memory_operand(inst: &Instruction<PhysReg>) -> Option<(usize, &Mem<PhysReg>)> {
    inst.memory_operands().next()
}
