//! One instance of an instruction, run from two states that agree on what it is said to read.

use crate::limits::undefined_bytes;
use crate::machine::{Level, MEMORY, Runner, State};
use iced_x86::{Code, UsedMemory};
use peach_compiler::ir::{Instruction, Operand};
use peach_compiler::isa::{Bank, Effects, Flags, Hazard, MemAccess, PhysReg};
use peach_testing::Random;
use std::collections::BTreeMap;

/// Flags as bits of `rflags`.
fn rflags(flags: Flags) -> u64 {
    let places = [0, 2, 4, 6, 7, 11, 10];
    (0..7).filter(|n| flags.0 >> n & 1 == 1).fold(0, |all, n| all | 1 << places[n])
}

const ALL_FLAGS: u64 = 0xcd5;

pub enum Failure {
    /// The processor does not know it.
    Absent,
    /// It faults with these inputs.
    Fault,
    Wrong(String),
}

pub struct Trial<'a> {
    pub inst: &'a Instruction<PhysReg>,
    pub effects: &'a Effects<PhysReg>,
    pub undefined_flags: u64,
    pub code: Code,
    /// Accesses to memory, as the decoder lists them.
    pub accesses: Vec<UsedMemory>,
}

/// The registers that effects may name, those that the processor lacks too.
fn registers() -> impl Iterator<Item = PhysReg> {
    let bank = |bank, count| (0..count).map(move |num| PhysReg::new(bank, num));
    bank(Bank::Gp, 16)
        .chain(bank(Bank::Vector, 32))
        .chain(bank(Bank::Mask, 8))
        .chain(bank(Bank::Mmx, 8))
}

fn bytes(state: &State, reg: PhysReg) -> &[u8] {
    let num = usize::from(reg.num);
    match reg.bank {
        Bank::Vector => &state.vectors[num],
        Bank::Mask => &state.masks[num],
        Bank::Mmx => &state.mmx[num],
        _ => {
            // SAFETY: a u64 is eight bytes, in the order of a little-endian machine.
            unsafe { std::slice::from_raw_parts((&raw const state.gp[num]).cast(), 8) }
        }
    }
}

fn bytes_mut(state: &mut State, reg: PhysReg) -> &mut [u8] {
    let num = usize::from(reg.num);
    match reg.bank {
        Bank::Vector => &mut state.vectors[num],
        Bank::Mask => &mut state.masks[num],
        Bank::Mmx => &mut state.mmx[num],
        _ => {
            // SAFETY: as above.
            unsafe { std::slice::from_raw_parts_mut((&raw mut state.gp[num]).cast(), 8) }
        }
    }
}

/// Fills with numbers of one kind: any bits, floats near 1, small integers.
fn fill(target: &mut [u8], kind: u64, random: &mut Random) {
    for chunk in target.chunks_mut(8) {
        let raw = random.bits();
        let value = match kind {
            0 => raw,
            1 => (raw & 0x007f_ffff_007f_ffff) | 0x3f80_0000_3f80_0000,
            2 => (raw & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000,
            _ => raw & 0x0303_0303_0303_0303,
        };
        chunk.copy_from_slice(&value.to_le_bytes()[..chunk.len()]);
    }
}

impl Trial<'_> {
    fn random_state(&self, kind: u64, random: &mut Random) -> State {
        let mut state = State::zeroed();
        for reg in registers() {
            fill(bytes_mut(&mut state, reg), kind, random);
        }
        state.flags = random.bits() & ALL_FLAGS | 2;
        state
    }

    /// The same state but for everything that is not said to be read.
    fn variant(&self, state: &State, kind: u64, random: &mut Random) -> State {
        let mut other = self.random_state(kind, random);
        for access in &self.effects.regs {
            let old = bytes(state, access.reg).to_vec();
            for (lane, byte) in bytes_mut(&mut other, access.reg).iter_mut().enumerate() {
                if access.read.0 >> lane & 1 == 1 {
                    *byte = old[lane];
                }
            }
        }
        // The stack pointer, and pointers to memory that no operand names.
        other.gp[4] = state.gp[4];
        let read = rflags(self.effects.flags_read);
        other.flags = other.flags & !read | state.flags & read;
        other
    }

    /// Memory for the variant: other bytes wherever nothing is read.
    fn vary_memory(&self, memory: &mut [u8], place: usize, random: &mut Random) {
        if self.effects.memory.iter().any(|a| a.operand.is_none() || a.read && a.bytes.is_none()) {
            return;
        }
        let read: Option<&MemAccess> = self.effects.memory.iter().find(|access| access.read);
        let keep = read.map_or(0..0, |access| place..place + access.bytes.unwrap_or(0) as usize);
        let saved = memory[keep.clone()].to_vec();
        fill(memory, 0, random);
        memory[keep].copy_from_slice(&saved);
    }

    /// Whether a change of `reg` might change which memory is touched.
    fn is_address(&self, reg: PhysReg) -> bool {
        let is_index = |operand: &Operand<PhysReg>| match operand {
            Operand::Mem(mem) => mem.index.is_some_and(|(index, _)| index.reg == reg),
            _ => false,
        };
        reg.bank == Bank::Gp && !self.effects.memory.is_empty()
            || self.inst.operands.iter().any(is_index)
    }

    /// Runs the instruction from two states that agree on what is read.
    pub fn pair(&self, runner: &mut Runner, n: usize, random: &mut Random) -> Result<(), Failure> {
        let kind = random.below(4);
        let mut first = self.random_state(kind, random);
        let place = self.place(&mut first, runner, n, random);
        if let Some(text) = self.misplaced(&first, runner) {
            return Err(Failure::Wrong(text));
        }
        let second = self.variant(&first, random.below(4), random);
        fill(runner.memory(), kind, random);
        let memory_before = [runner.memory().to_vec(), {
            let mut copy = runner.memory().to_vec();
            self.vary_memory(&mut copy, place, random);
            copy
        }];
        let first_after = runner.run(&first);
        let first_memory = runner.memory().to_vec();
        runner.memory().copy_from_slice(&memory_before[1]);
        let second_after = runner.run(&second);
        let second_memory = runner.memory().to_vec();
        let (first_after, second_after) = match (first_after, second_after) {
            (Ok(first), Ok(second)) => (first, second),
            (Err(libc::SIGILL), Err(libc::SIGILL)) => return Err(Failure::Absent),
            (Err(_), Err(_)) if self.effects.hazard == Some(Hazard::MayFault) => {
                return Err(Failure::Fault);
            }
            (first, second) => {
                return Err(Failure::Wrong(format!(
                    "fault: {:?} {:?} place {place}",
                    first.err(),
                    second.err()
                )));
            }
        };
        let level = runner.level();
        self.compare_registers(level, [&first, &second], [&first_after, &second_after])?;
        self.compare_flags([first.flags, second.flags], [first_after.flags, second_after.flags])?;
        self.compare_memory(
            place,
            [&memory_before[0], &memory_before[1]],
            [&first_memory, &second_memory],
        )
    }

    fn compare_registers(
        &self,
        level: Level,
        before: [&State; 2],
        after: [&State; 2],
    ) -> Result<(), Failure> {
        let (_, vector_bytes) = level.vectors();
        for reg in registers() {
            let access = self.effects.regs.iter().find(|access| access.reg == reg);
            let old = before.map(|state| bytes(state, reg));
            let new = after.map(|state| bytes(state, reg));
            if reg.bank == Bank::Gp && reg.num == 4 {
                let moved = after[0].gp[4].wrapping_sub(before[0].gp[4]) as i64;
                if moved != i64::from(self.effects.stack) {
                    return Err(Failure::Wrong(format!("stack: moved by {moved}")));
                }
                continue;
            }
            if access.is_none() && old == new {
                continue;
            }
            let held = if reg.bank == Bank::Vector { vector_bytes } else { old[0].len() };
            let undefined = match reg.bank {
                Bank::Vector => undefined_bytes(self.code).0,
                _ => 0,
            };
            for lane in (0..held).filter(|lane| undefined >> lane & 1 == 0) {
                let has = |lanes: u64| lanes >> lane & 1 == 1;
                let write = access.is_some_and(|a| has(a.write.0));
                let may_write = access.is_some_and(|a| has(a.may_write.0));
                let kept = (0..2).all(|run| old[run][lane] == new[run][lane]);
                let equal = new[0][lane] == new[1][lane];
                if !(if write {
                    equal
                } else if may_write {
                    equal || kept
                } else {
                    kept
                }) {
                    let what = if write || may_write { "depends" } else { "changed" };
                    return Err(Failure::Wrong(format!(
                        "{what}: {reg:?} lane {lane}: {old:02x?} became {new:02x?}"
                    )));
                }
                if access.is_some_and(|a| has(a.zeroed.0)) && new[0][lane] != 0 {
                    return Err(Failure::Wrong(format!(
                        "not zero: {reg:?} lane {lane}: {new:02x?}"
                    )));
                }
            }
        }
        Ok(())
    }

    fn compare_flags(&self, old: [u64; 2], new: [u64; 2]) -> Result<(), Failure> {
        let write = rflags(self.effects.flags_written);
        let may = rflags(self.effects.flags_may_write);
        let kept = !((old[0] ^ new[0]) | (old[1] ^ new[1]));
        let equal = !(new[0] ^ new[1]);
        // What is undefined must be said to be written, and may then be anything.
        let fine = write & (equal | self.undefined_flags)
            | may & (equal | kept | self.undefined_flags)
            | kept & !(write | may);
        let wrong = !fine & ALL_FLAGS;
        if wrong != 0 {
            return Err(Failure::Wrong(format!("flags {wrong:#x}: {old:x?} became {new:x?}")));
        }
        Ok(())
    }

    fn compare_memory(
        &self,
        place: usize,
        before: [&[u8]; 2],
        after: [&[u8]; 2],
    ) -> Result<(), Failure> {
        let write = self.effects.memory.iter().find(|access| access.write);
        let Some(access) = write else {
            return match before == after {
                true => Ok(()),
                false => Err(Failure::Wrong("memory: changed".to_string())),
            };
        };
        let extent = match access.bytes {
            Some(bytes) if access.operand.is_some() => place..place + bytes as usize,
            _ => 0..MEMORY,
        };
        let outside = |memory: [&[u8]; 2]| {
            memory.map(|m| (m[..extent.start].to_vec(), m[extent.end..].to_vec()))
        };
        if outside(before) != outside(after) {
            return Err(Failure::Wrong("memory: changed outside".to_string()));
        }
        for at in extent {
            let equal = after[0][at] == after[1][at];
            let kept = before[0][at] == after[0][at] && before[1][at] == after[1][at];
            if !equal && (access.always_written && access.operand.is_some() || !kept) {
                return Err(Failure::Wrong(format!("memory: byte {at} of {place} depends")));
            }
        }
        Ok(())
    }

    /// Notes the bytes whose change never changed anything.
    pub fn needless_reads(
        &self,
        runner: &mut Runner,
        key: &str,
        random: &mut Random,
        report: &mut BTreeMap<String, u64>,
    ) {
        for (n, access) in self.effects.regs.iter().enumerate() {
            if self.is_address(access.reg) {
                continue;
            }
            let mut vain = 0;
            for lane in (0..64).filter(|lane| access.read.0 >> lane & 1 == 1) {
                let matters = (0..3).any(|_| {
                    let kind = random.below(4);
                    let mut first = self.random_state(kind, random);
                    self.place(&mut first, runner, 0, random);
                    let mut second = first.clone();
                    bytes_mut(&mut second, access.reg)[lane] ^= 1 + random.below(255) as u8;
                    fill(runner.memory(), kind, random);
                    let a = runner.run(&first);
                    let memory = runner.memory().to_vec();
                    let b = runner.run(&second);
                    let (Ok(mut a), Ok(b)) = (a, b) else { return true };
                    let written = (access.write | access.may_write).0 >> lane & 1 == 1;
                    if !written {
                        bytes_mut(&mut a, access.reg)[lane] = bytes(&b, access.reg)[lane];
                    }
                    a != b || memory != runner.memory()
                });
                if !matters {
                    vain |= 1 << lane;
                }
            }
            let place = report.entry(format!("{key} {n}")).or_insert(u64::MAX);
            *place &= vain;
        }
    }
}
