//! Makes every address that an instruction uses a valid one.
//!
//! Which registers hold addresses is asked of the decoder, which lists each access to memory with
//! its base and index: operands in memory, `rsi` and `rdi` of string instructions, `rdi` of
//! `maskmovdqu`, `rax` of `clzero`, and the register operand of `movdir64b` and `enqcmd`, which is
//! an address too (Intel SDM volume 2). So it does not depend on what this processor has.

use crate::machine::{MEMORY, Runner, State};
use crate::trial::Trial;
use iced_x86::{
    Instruction, InstructionInfoFactory, MemorySize, Mnemonic as M, OpAccess,
    OpCodeOperandKind as Kind, Register, UsedMemory,
};
use peach_compiler::ir::{Base, Mem, Operand};
use peach_compiler::isa::PhysReg;
use peach_testing::Random;
use peach_testing::processor;

/// The accesses to memory, as the decoder lists them; and that of `clzero`, which it does not.
pub fn accesses(decoded: &Instruction) -> Vec<UsedMemory> {
    let mut list = InstructionInfoFactory::new().info(decoded).used_memory().to_vec();
    if decoded.mnemonic() == M::Clzero {
        list.push(UsedMemory::new(
            Register::None,
            Register::RAX,
            Register::None,
            1,
            0,
            MemorySize::Packed512_UInt64,
            OpAccess::Write,
        ));
    }
    list
}

/// The number of the general register that holds an address, if one does.
fn base_number(access: &UsedMemory) -> Option<usize> {
    let base = access.base();
    base.is_gpr().then(|| base.full_register().number())
}

impl Trial<'_> {
    /// Makes addresses valid. Returns where the memory operand is.
    pub fn place(
        &self,
        state: &mut State,
        runner: &mut Runner,
        n: usize,
        random: &mut Random,
    ) -> usize {
        let start = runner.memory().as_ptr() as u64;
        state.gp[4] = start + 1024;
        self.place_implicit(state, start, random);
        self.place_small_numbers(state);
        let mut place = MEMORY / 2;
        for (number, operand) in self.inst.operands.iter().enumerate() {
            let Operand::Mem(mem) = operand else { continue };
            place = self.offset(number, mem, n, random);
            if let Some((index, _)) = mem.index {
                self.place_indices(&mut state.vectors[usize::from(index.reg.num)], random);
            }
            if self.is_bit_test()
                && let Some(Operand::Reg(index)) = self.inst.operands.get(1)
            {
                state.gp[usize::from(index.reg.num)] = random.below(4096);
            }
            if let Base::Reg(base) = mem.base {
                state.gp[usize::from(base.reg.num)] = start + place as u64;
            }
        }
        place
    }

    /// The addresses that no memory operand names, and how often the access is repeated.
    fn place_implicit(&self, state: &mut State, start: u64, random: &mut Random) {
        if self.effects.memory.iter().any(|access| access.operand.is_none()) {
            state.gp[1] = random.below(5);
        }
        for reg in self.accesses.iter().filter_map(base_number).filter(|reg| *reg != 4) {
            state.gp[reg] = start + MEMORY as u64 / 2 + 64 * random.below(8);
        }
    }

    /// Numbers that must be small: the index of `xlatb`, the number of the register that `rdpkru`
    /// reads, and dividends whose quotients must fit.
    fn place_small_numbers(&self, state: &mut State) {
        match self.code.mnemonic() {
            M::Xlatb => state.gp[0] &= 0xff,
            M::Rdpkru => state.gp[1] = 0,
            M::Div | M::Idiv => {
                state.gp[0] &= 0x7f;
                state.gp[2] = 0;
            }
            _ => {}
        }
    }

    /// Where in the memory an operand is: in every other run up against the inaccessible page. The
    /// emulator loads whole registers where processors read half of one.
    fn offset(&self, number: usize, mem: &Mem<PhysReg>, n: usize, random: &mut Random) -> usize {
        let access = self.effects.memory.iter().find(|access| access.operand == Some(number));
        let Some((bytes, align)) = access.and_then(|access| Some((access.bytes?, access.align)))
        else {
            return MEMORY / 2;
        };
        // The address may be that of another access as well, which has demands of its own.
        let is_shared = match mem.base {
            Base::Reg(base) => {
                let number = Some(usize::from(base.reg.num));
                self.accesses.iter().filter(|access| base_number(access) == number).count() > 1
            }
            _ => false,
        };
        let align = if is_shared { 64 } else { align.max(1) as usize };
        match (n.is_multiple_of(2) && !processor::is_emulated(), align) {
            (true, _) => (MEMORY - bytes as usize) & !(align - 1),
            (false, 1) => MEMORY / 2 + random.below(64) as usize,
            (false, _) => MEMORY / 2,
        }
    }

    /// Indices of a gather, small as four and as eight bytes.
    fn place_indices(&self, index: &mut [u8; 64], random: &mut Random) {
        for chunk in index.chunks_mut(8) {
            let (low, high) = (random.below(1024), random.below(1024));
            let value: u64 = if self.has_narrow_index() { low | high << 32 } else { low };
            chunk.copy_from_slice(&value.to_le_bytes());
        }
    }

    fn has_narrow_index(&self) -> bool {
        let is_narrow =
            |kind: &Kind| matches!(kind, Kind::mem_vsib32x | Kind::mem_vsib32y | Kind::mem_vsib32z);
        self.code.op_code().op_kinds().iter().any(is_narrow)
    }

    fn is_bit_test(&self) -> bool {
        matches!(self.code.mnemonic(), M::Bt | M::Bts | M::Btr | M::Btc)
    }

    /// Whether a register is both a bit offset and the address it counts from.
    pub fn is_unplaceable(&self) -> bool {
        match &self.inst.operands[..] {
            [Operand::Mem(mem), Operand::Reg(index)] if self.is_bit_test() => {
                matches!(mem.base, Base::Reg(base) if base.reg == index.reg)
            }
            _ => false,
        }
    }

    /// The first access that is not within the memory for operands, or that the decoder does not
    /// know.
    pub fn misplaced(&self, state: &State, runner: &mut Runner) -> Option<String> {
        let said = self.effects.memory.iter().filter(|access| !access.address_only).count();
        if self.accesses.len() < said {
            return Some(format!("address: {said} accesses, and {:?} are listed", self.accesses));
        }
        let start = runner.memory().as_ptr() as u64;
        self.accesses.iter().find_map(|access| {
            let address = access.virtual_address(0, |register, element, size| {
                value(state, register, element, size)
            })?;
            let size = access.memory_size().size() as u64;
            let is_inside = address >= start && address + size <= start + MEMORY as u64;
            (!is_inside)
                .then(|| format!("address: {access:?} is at {address:#x}, not in {start:#x}"))
        })
    }
}

/// What the decoder asks for to compute an address.
fn value(state: &State, register: Register, element: usize, size: usize) -> Option<u64> {
    if register.is_segment_register() {
        return Some(0);
    }
    if register.is_vector_register() {
        let bytes = &state.vectors[register.number()][element * size..][..size];
        let mut index = [0; 8];
        index[..size].copy_from_slice(bytes);
        return Some(u64::from_le_bytes(index));
    }
    let full = state.gp[register.full_register().number()];
    Some(match register.size() {
        8 => full,
        size => full & !(u64::MAX << (8 * size)),
    })
}
