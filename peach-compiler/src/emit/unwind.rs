//! What an unwinder has to know of each place in the code.
//!
//! In: a lowered function and the offsets of its items. Out: [`Change`]s by offset: how the
//! canonical frame address (CFA) is found, and which registers of the caller are saved where.
//!
//! Invariant: applied in order, the changes describe every instruction boundary exactly. On entry
//! the CFA is `rsp + 8` and every register is the caller's. So it is again in a local function,
//! whose caller is the kernel.

use crate::encode::Encoded;
use crate::ir::{Cfa, Code, Instruction, Item, Lowered, Operand, Origin};
use crate::isa::{Bank, PhysReg, gp};
use crate::sorted;
use std::ops::Range;

/// One change of the unwinding rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The CFA is found in another way.
    Cfa(Cfa),
    /// The caller's value of a register is in memory from here on, this far from the CFA.
    Saved(PhysReg, i32),
    /// The register itself holds the caller's value again.
    Restored(PhysReg),
}

/// All changes, each with the offset of the first instruction that it holds for, ascending.
pub fn changes(lowered: &Lowered, encoded: &Encoded) -> Vec<(u32, Change)> {
    let mut changes = Vec::new();
    let mut cfa = lowered.frame.cfa.iter().peekable();
    let mut in_memory: Vec<PhysReg> = Vec::new();
    let starts: Vec<usize> = lowered.parts().into_iter().skip(1).map(|part| part.start).collect();
    for (index, item) in lowered.items.iter().enumerate() {
        while let Some((_, rule)) = cfa.next_if(|(at, _)| *at <= index) {
            changes.push((encoded.offset_of(index), Change::Cfa(*rule)));
        }
        // The caller of a local function is the kernel: nothing of its registers is saved.
        if starts.binary_search(&index).is_ok() {
            let kept = std::mem::take(&mut in_memory).into_iter();
            changes.extend(kept.map(|reg| (encoded.offset_of(index), Change::Restored(reg))));
        }
        let Code::Inst(inst) = &item.code else { continue };
        let after = encoded.offset_of(index + 1);
        let name = inst.mnemonic.name();
        if matches!(name, "ret" | "jmp") && matches!(item.origin, Origin::Epilogue(_)) {
            if starts.contains(&(index + 1)) {
                continue;
            }
            // What follows is reached from the body, where all of them are saved.
            for &(reg, at) in &lowered.frame.saved {
                if !in_memory.contains(&reg) {
                    in_memory.push(reg);
                    changes.push((after, Change::Saved(reg, at)));
                }
            }
            continue;
        }
        let Some(moved) = saved_or_restored(item, inst) else { continue };
        let Some(&(reg, at)) = lowered.frame.saved.iter().find(|(reg, _)| *reg == moved) else {
            continue;
        };
        match item.origin {
            Origin::Prologue if !in_memory.contains(&reg) => {
                in_memory.push(reg);
                changes.push((after, Change::Saved(reg, at)));
            }
            Origin::Epilogue(_) if in_memory.contains(&reg) => {
                in_memory.retain(|&saved| saved != reg);
                changes.push((after, Change::Restored(reg)));
            }
            _ => {}
        }
    }
    let end = encoded.code_len as u32;
    changes.extend(cfa.map(|(_, rule)| (end, Change::Cfa(*rule))));
    changes.retain(|(at, _)| *at < end);
    sorted::sort_by_key(&mut changes, |(at, _)| *at);
    changes
}

/// How many bytes are pushed in a part of the code beyond what the prologue made, where the frame
/// is found by the stack pointer: each item at which that changes, with the bytes from there on.
/// The first one is the first item. The body of a local function has no prologue.
pub fn heights(lowered: &Lowered, part: Range<usize>) -> Vec<(usize, u32)> {
    let mut heights = vec![(part.start, 0)];
    let mut changes = lowered.frame.cfa.iter().peekable();
    let mut cfa = Cfa { reg: gp::RSP, offset: 8 };
    let mut body = None;
    for (index, item) in lowered.items[..part.end].iter().enumerate() {
        while let Some((_, rule)) = changes.next_if(|(at, _)| *at <= index) {
            cfa = *rule;
        }
        if index < part.start
            || index < lowered.frame.prologue_items
            || matches!(item.origin, Origin::Epilogue(_))
        {
            continue;
        }
        let body = *body.get_or_insert(cfa);
        // A frame with a base is found by it, wherever the stack pointer is.
        let pushed = if cfa.reg == gp::RSP { (cfa.offset - body.offset) as u32 } else { 0 };
        if heights.last().is_some_and(|&(_, last)| last != pushed) {
            heights.push((index, pushed));
        }
    }
    heights
}

/// The register that an instruction of the prologue stores, or that one of the epilogue loads.
fn saved_or_restored(item: &Item, inst: &Instruction<PhysReg>) -> Option<PhysReg> {
    match (item.origin, inst.operands.as_slice()) {
        (Origin::Prologue, [Operand::Reg(reg)]) if inst.mnemonic.name() == "push" => Some(reg.reg),
        (Origin::Prologue, [Operand::Mem(_), Operand::Reg(reg)]) => Some(reg.reg),
        (Origin::Epilogue(_), [Operand::Reg(reg)]) if inst.mnemonic.name() == "pop" => {
            Some(reg.reg)
        }
        (Origin::Epilogue(_), [Operand::Reg(reg), Operand::Mem(_)]) => Some(reg.reg),
        (Origin::Epilogue(_), []) if inst.mnemonic.name() == "leave" => Some(gp::RBP),
        // A base that is put back into its sandbox.
        (Origin::Epilogue(_), [Operand::Reg(reg), Operand::Reg(_)]) if reg.reg == gp::RBP => {
            (inst.mnemonic.name() == "add").then_some(reg.reg)
        }
        _ => None,
    }
}

/// The DWARF number of a register (System V AMD64 psABI 1.0, figure 3.36).
pub fn dwarf_number(reg: PhysReg) -> u16 {
    // rax rcx rdx rbx rsp rbp rsi rdi
    const GP: [u16; 8] = [0, 2, 1, 3, 7, 6, 4, 5];
    match reg.bank {
        Bank::Vector if reg.num < 16 => 17 + u16::from(reg.num),
        Bank::Vector => 67 - 16 + u16::from(reg.num),
        Bank::Mask => 118 + u16::from(reg.num),
        // Others are never saved.
        Bank::Gp
        | Bank::Mmx
        | Bank::Tile
        | Bank::Segment
        | Bank::Control
        | Bank::Debug
        | Bank::X87
        | Bank::Ip => GP.get(usize::from(reg.num)).copied().unwrap_or_else(|| u16::from(reg.num)),
    }
}

/// The changes as DWARF call frame instructions (DWARF 5, section 6.4.2), for a table whose common
/// part states the rules on entry, a code alignment of 1 and a data alignment of -8.
pub fn dwarf_program(changes: &[(u32, Change)]) -> Vec<u8> {
    let mut program = Vec::new();
    let mut at = 0;
    for (offset, change) in changes {
        let step = offset - at;
        at = *offset;
        match step {
            0 => {}
            1..=0x3F => program.push(0x40 | step as u8),
            _ => {
                program.push(0x04);
                program.extend(step.to_le_bytes());
            }
        }
        match *change {
            Change::Cfa(cfa) => {
                program.push(0x0C);
                uleb(&mut program, u32::from(dwarf_number(cfa.reg)));
                uleb(&mut program, cfa.offset as u32);
            }
            // The extended forms take every register; saved registers are at multiples of 8.
            Change::Saved(reg, offset) => {
                program.push(0x05);
                uleb(&mut program, u32::from(dwarf_number(reg)));
                uleb(&mut program, (-offset / 8) as u32);
            }
            Change::Restored(reg) => {
                program.push(0x06);
                uleb(&mut program, u32::from(dwarf_number(reg)));
            }
        }
    }
    program
}

/// Appends an unsigned LEB128 number.
fn uleb(bytes: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
