//! The effects of every form that this processor has, shown by running it.
//!
//! Each instance runs from two states that agree on what it is said to read and differ everywhere else.
//! Then whatever it is said to write must agree, whatever it is not said to write must be as before,
//! and what is said to become zero must be zero. The sample in an ordinary run is small;
//! `PEACH_FULL=1` (with `CARGO_PROFILE_DEV_OPT_LEVEL=1`, or it takes minutes) runs many more instances and says which declared reads never mattered.

#[path = "execution/instances.rs"]
mod instances;
#[path = "execution/machine.rs"]
mod machine;

use iced_x86::{Code, Decoder, DecoderOptions, Mnemonic as M, RflagsBits};
use instances::{Random, instance};
use machine::{MEMORY, Runner, State};
use peach_compiler::ir::{Base, BranchSize, Instruction, Operand};
use peach_compiler::isa::{
    Bank, Control, Effects, FeatureSet, Flags, Hazard, MemAccess, Mnemonic, PhysReg, effects,
    encode, forms_of, select,
};
use std::collections::{BTreeMap, BTreeSet};

/// What the run found.
#[derive(Default)]
struct Report {
    ran: BTreeSet<(u16, bool)>,
    absent: BTreeSet<u16>,
    instances: usize,
    failures: BTreeMap<String, String>,
    faulted: BTreeSet<String>,
    needless: BTreeMap<String, u64>,
}

#[test]
fn effects_are_what_the_processor_does() {
    let Some(mut runner) = Runner::new() else {
        eprintln!(
            "SKIPPED: needs a processor with AVX-512, and memory that is both writable and executable"
        );
        return;
    };
    let full = std::env::var_os("PEACH_FULL").is_some();
    let (per_form, pairs) = if full { (24, 4) } else { (6, 2) };
    let mut report = Report::default();
    let mut random = Random(2026);
    let mut names: Vec<_> = Mnemonic::all_names().collect();
    names.sort_unstable();
    let only = std::env::var("PEACH_ONLY").ok();
    let mut seen = BTreeSet::new();
    for name in names {
        let mnemonic = Mnemonic::parse(name).expect("it is one of the names");
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        for form in forms_of(mnemonic) {
            if !seen.insert((form.code() as u16, format!("{:?}", form.slots()))) {
                continue;
            }
            for _ in 0..per_form {
                let inst = instance(mnemonic, form, &mut random);
                try_instance(&mut runner, &inst, pairs, full, &mut random, &mut report);
            }
        }
    }
    summarize(&report, full);
    assert!(report.failures.is_empty(), "{} kinds of failure", report.failures.len());
    assert!(only.is_some() || report.ran.len() > 3_000, "only {} forms ran", report.ran.len());
}

fn summarize(report: &Report, full: bool) {
    eprintln!(
        "{} forms ran (register and memory shapes apart), {} instances; {} rows are not in this processor",
        report.ran.len(),
        report.instances,
        report.absent.len()
    );
    for (key, text) in &report.failures {
        eprintln!("FAILED {key}: {text}");
    }
    for text in &report.faulted {
        eprintln!("always faulted: {text}");
    }
    if full {
        for (key, lanes) in report.needless.iter().filter(|(_, lanes)| **lanes != 0) {
            eprintln!("read in vain: {key} lanes {lanes:#x}");
        }
    }
}

/// Instructions that the harness cannot survive, or whose results are not a function of anything.
fn is_out_of_reach(effects: &Effects<PhysReg>, mnemonic: M) -> bool {
    effects.control != Control::Next
        || matches!(
            effects.hazard,
            Some(Hazard::System | Hazard::PreservedState | Hazard::Indirect)
        )
        || matches!(
            mnemonic,
            M::Rdtsc
                | M::Rdtscp
                | M::Rdrand
                | M::Rdseed
                | M::Rdpid
                | M::Rdpru
                | M::Rdpmc
                | M::Xgetbv
                | M::Rdfsbase
                | M::Rdgsbase
                | M::Cli
                | M::Sti
                | M::Leave
                | M::Enter
        )
}

fn try_instance(
    runner: &mut Runner,
    inst: &Instruction<PhysReg>,
    pairs: usize,
    full: bool,
    random: &mut Random,
    report: &mut Report,
) {
    let features = FeatureSet::all();
    let (Ok(selection), Ok(encoding)) =
        (select(inst, &features), encode(inst, &features, BranchSize::Near))
    else {
        return;
    };
    let effects = effects(inst, &selection);
    let decoded = Decoder::with_ip(64, &encoding.bytes, 0, DecoderOptions::NONE).decode();
    let code = decoded.code();
    // VIA's extensions are not in the decoder.
    if code == Code::INVALID
        || is_out_of_reach(&effects, code.mnemonic())
        || report.absent.contains(&(code as u16))
    {
        return;
    }
    runner.load(&encoding.bytes);
    let trial = Trial { inst, effects: &effects, undefined: undefined_flags(&decoded), code };
    let has_memory = inst.operands.iter().any(|operand| matches!(operand, Operand::Mem(_)));
    let key = format!("{code:?}{}", if has_memory { " mem" } else { "" });
    for n in 0..pairs {
        match trial.pair(runner, n, random) {
            Ok(()) => {
                report.ran.insert((code as u16, has_memory));
                report.instances += usize::from(n == 0);
                report.faulted.remove(&key);
            }
            Err(Failure::Absent) => {
                report.absent.insert(code as u16);
                return;
            }
            Err(Failure::Fault) => {
                if !report.ran.contains(&(code as u16, has_memory)) {
                    report.faulted.insert(key.clone());
                }
            }
            Err(Failure::Wrong(text)) => {
                let what = text.split(':').next().unwrap_or_default();
                report.failures.entry(format!("{key} {what}")).or_insert_with(|| {
                    format!(
                        "{text}\n    {decoded} {:02x?}\n    {inst:?}\n    {effects:?}",
                        encoding.bytes
                    )
                });
                return;
            }
        }
    }
    if full {
        trial.needless_reads(runner, &key, random, report);
    }
}

fn undefined_flags(decoded: &iced_x86::Instruction) -> u64 {
    let bits = decoded.rflags_undefined();
    let pairs = [
        (RflagsBits::CF, 0),
        (RflagsBits::PF, 2),
        (RflagsBits::AF, 4),
        (RflagsBits::ZF, 6),
        (RflagsBits::SF, 7),
        (RflagsBits::OF, 11),
    ];
    pairs.iter().filter(|(bit, _)| bits & bit != 0).fold(0, |all, (_, n)| all | 1 << n)
}

/// Flags as bits of `rflags`.
fn rflags(flags: Flags) -> u64 {
    let places = [0, 2, 4, 6, 7, 11, 10];
    (0..7).filter(|n| flags.0 >> n & 1 == 1).fold(0, |all, n| all | 1 << places[n])
}

const ALL_FLAGS: u64 = 0xcd5;

enum Failure {
    /// The processor does not know it.
    Absent,
    /// It faults with these inputs.
    Fault,
    Wrong(String),
}

struct Trial<'a> {
    inst: &'a Instruction<PhysReg>,
    effects: &'a Effects<PhysReg>,
    undefined: u64,
    code: Code,
}

/// The registers that effects may name.
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
        let raw = random.next();
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
        state.flags = random.next() & ALL_FLAGS | 2;
        state
    }

    /// Makes addresses valid. Returns where the memory operand is.
    fn place(
        &self,
        state: &mut State,
        runner: &mut Runner,
        n: usize,
        random: &mut Random,
    ) -> usize {
        let start = runner.memory().as_ptr() as u64;
        let middle = MEMORY / 2;
        // The stack, and whatever an instruction takes for a pointer by itself.
        state.gp[4] = start + 1024;
        if self.effects.memory.iter().any(|access| access.operand.is_none()) {
            for reg in [0, 3, 6, 7] {
                state.gp[reg] = start + middle as u64 + 64 * random.below(8);
            }
            state.gp[1] = random.below(5);
        }
        // `xlatb` adds al.
        if self.code.mnemonic() == M::Xlatb {
            state.gp[0] &= 0xff;
        }
        let mut place = middle;
        for (number, operand) in self.inst.operands.iter().enumerate() {
            let Operand::Mem(mem) = operand else { continue };
            let access = self.effects.memory.iter().find(|a| a.operand == Some(number));
            place = match access.and_then(|access| Some((access.bytes?, access.align))) {
                // Up against the inaccessible page.
                Some((bytes, align)) if n.is_multiple_of(2) => {
                    (MEMORY - bytes as usize) & !(align.max(1) as usize - 1)
                }
                Some((_, 1)) => middle + random.below(64) as usize,
                _ => middle,
            };
            if let Some((index, _)) = mem.index {
                for chunk in state.vectors[usize::from(index.reg.num)].chunks_mut(8) {
                    let (low, high) = (random.below(1024), random.below(1024));
                    // Indices of four and of eight bytes are both small.
                    let narrow = self.has_narrow_index();
                    let value = if narrow { low | high << 32 } else { low };
                    chunk.copy_from_slice(&value.to_le_bytes());
                }
            }
            if matches!(self.code.mnemonic(), M::Bt | M::Bts | M::Btr | M::Btc)
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

    fn has_narrow_index(&self) -> bool {
        use iced_x86::OpCodeOperandKind as Kind;
        self.code
            .op_code()
            .op_kinds()
            .iter()
            .any(|kind| matches!(kind, Kind::mem_vsib32x | Kind::mem_vsib32y | Kind::mem_vsib32z))
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

    /// Whether a register is both a bit offset and the address it counts from.
    fn is_unplaceable(&self) -> bool {
        let is_bit_test = matches!(self.code.mnemonic(), M::Bt | M::Bts | M::Btr | M::Btc);
        match &self.inst.operands[..] {
            [Operand::Mem(mem), Operand::Reg(index)] if is_bit_test => {
                matches!(mem.base, Base::Reg(base) if base.reg == index.reg)
            }
            _ => false,
        }
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
    fn pair(&self, runner: &mut Runner, n: usize, random: &mut Random) -> Result<(), Failure> {
        if self.is_unplaceable() {
            return Err(Failure::Fault);
        }
        let kind = random.below(4);
        let mut first = self.random_state(kind, random);
        let place = self.place(&mut first, runner, n, random);
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
        self.compare_registers([&first, &second], [&first_after, &second_after])?;
        self.compare_flags([first.flags, second.flags], [first_after.flags, second_after.flags])?;
        self.compare_memory(
            place,
            [&memory_before[0], &memory_before[1]],
            [&first_memory, &second_memory],
        )
    }

    fn compare_registers(&self, before: [&State; 2], after: [&State; 2]) -> Result<(), Failure> {
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
            for lane in 0..old[0].len() {
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
        let fine = write & (equal | self.undefined)
            | may & (equal | kept | self.undefined)
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
    fn needless_reads(
        &self,
        runner: &mut Runner,
        key: &str,
        random: &mut Random,
        report: &mut Report,
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
            let place = report.needless.entry(format!("{key} {n}")).or_insert(u64::MAX);
            *place &= vain;
        }
    }
}
