//! What masks and counts leave alone, shown by running it beside a page that cannot be touched.

use crate::all_forms;
use crate::instances::instance;
use crate::machine::{Level, MEMORY, Runner, State};
use peach_compiler::ir::{Base, BranchSize, Instruction, Operand, View};
use peach_compiler::isa::{
    Class, Effects, FeatureSet, Form, MemAccess, Mnemonic, PhysReg, Touched, effects, encode, gp,
    select,
};
use peach_testing::{Random, left_out};
use std::collections::BTreeMap;

/// What the memory for operands is filled with.
const PATTERN: u8 = 0xA5;

/// Bits of a mask, or a count, and the elements that are said to be touched: these from the first
/// on, so many.
#[derive(Clone, Copy, Debug)]
struct Case {
    mask: u64,
    first: usize,
    count: usize,
}

#[test]
fn masked_elements_are_not_touched() {
    let Some(mut runner) = Runner::new() else {
        return left_out::system("memory that is both writable and executable is forbidden");
    };
    if runner.level() < Level::Avx512 {
        return left_out::processor("avx512bw", "masks need it");
    }
    let mut random = Random::new(13);
    let (mut ran, mut wrong) = (0, BTreeMap::new());
    for (mnemonic, form) in all_forms().filter(|(_, form)| form.takes_mask()) {
        for _ in 0..3 {
            let Some(inst) = masked_instance(mnemonic, form, &mut random) else { continue };
            let Some((effects, bytes)) = encoded(&inst) else { continue };
            let access = effects.memory.iter().find(|access| access.operand.is_some()).copied();
            let Some(access) = access.filter(|access| access.bytes.is_some()) else { continue };
            runner.load(&bytes);
            for case in cases(&access, &mut random) {
                match run(&inst, &access, case, &mut runner, &mut random) {
                    Ok(()) => ran += 1,
                    Err(libc::SIGILL) => break,
                    Err(_) => drop(wrong.insert(inst.to_string(), format!("{access:?} {case:?}"))),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(ran > 5_000, "only {ran} runs");
    println!("{ran} runs of masked instructions");
}

#[test]
fn string_instructions_touch_what_is_counted() {
    let Some(mut runner) = Runner::new() else {
        return left_out::system("memory that is both writable and executable is forbidden");
    };
    let mut ran = 0;
    for (mnemonic, form) in all_forms().filter(|(_, form)| form.is_string_instruction()) {
        if !form.operands().is_empty() {
            continue;
        }
        for (rep, repne) in [(true, false), (false, true), (false, false)] {
            let mut inst = Instruction::new(mnemonic, Vec::new());
            (inst.prefixes.rep, inst.prefixes.repne) = (rep, repne);
            let Some((effects, bytes)) = encoded(&inst) else { continue };
            // The others ask the system.
            if effects.memory.iter().any(|access| access.pointer.is_none())
                || effects.hazard == Some(peach_compiler::isa::Hazard::System)
            {
                continue;
            }
            runner.load(&bytes);
            for count in 0..20 {
                strings(&inst, &effects, count, &mut runner);
                ran += 1;
            }
        }
    }
    assert!(ran >= 20 * 3 * 16, "only {ran} runs");
}

/// Runs a string instruction `count` elements before the end of the memory.
fn strings(
    inst: &Instruction<PhysReg>,
    effects: &Effects<PhysReg>,
    count: usize,
    runner: &mut Runner,
) {
    let memory = runner.memory();
    memory.fill(PATTERN);
    let start = memory.as_ptr() as u64;
    let mut state = State::zeroed();
    state.gp[0] = u64::from_le_bytes([PATTERN; 8]);
    state.gp[1] = count as u64;
    state.flags = 2;
    let mut touched = 0;
    for access in &effects.memory {
        touched = match (access.elements, access.bytes) {
            (Some(elements), None) => {
                assert_eq!(elements.touched, Touched::Counted, "{inst}");
                count * elements.bytes as usize
            }
            (None, Some(bytes)) => bytes as usize,
            other => panic!("{inst}: {other:?}"),
        };
        let pointer = access.pointer.expect("a register");
        state.gp[usize::from(pointer.num)] = start + (MEMORY - touched) as u64;
    }
    let after = runner.run(&state).unwrap_or_else(|signal| panic!("{inst}: signal {signal}"));
    for (pointer, name) in [(6, gp::RSI), (7, gp::RDI)] {
        let moved = (after.gp[pointer] - state.gp[pointer]) as usize;
        let is_used = effects.memory.iter().any(|access| access.pointer == Some(name));
        assert!(moved <= touched && (is_used || moved == 0), "{inst}: {name:?} moves by {moved}");
    }
}

/// An instruction with a mask and memory, if the form takes both.
fn masked_instance(
    mnemonic: Mnemonic,
    form: &Form,
    random: &mut Random,
) -> Option<Instruction<PhysReg>> {
    (0..16).find_map(|_| {
        let mut inst = instance(mnemonic, form, random);
        let mem = inst.memory_operands().next()?.1;
        let is_plain = mem.index.is_none();
        inst.mask = Some(View { reg: PhysReg::mask(1), class: Class::K });
        is_plain.then_some(inst)
    })
}

fn encoded(inst: &Instruction<PhysReg>) -> Option<(Effects<PhysReg>, Vec<u8>)> {
    let selection = select(inst, &FeatureSet::all()).ok()?;
    let encoding = encode(inst, &FeatureSet::all(), BranchSize::Near).ok()?;
    Some((effects(inst, &selection), encoding.bytes))
}

/// Masks of the lowest bits, of bits further up, and of some here and there.
fn cases(access: &MemAccess, random: &mut Random) -> Vec<Case> {
    let bytes = access.bytes.expect("a size") as usize;
    let Some(elements) = access.elements else {
        return vec![Case { mask: 0, first: 0, count: 1 }, Case { mask: 1, first: 0, count: 1 }];
    };
    let all = bytes / elements.bytes as usize;
    let low = |count: usize| ((1u128 << count) - 1) as u64;
    let mut cases = Vec::new();
    for count in [0, 1, 2, 3, all / 2, all - 1, all].into_iter().filter(|count| *count <= all) {
        cases.push(Case { mask: low(count), first: 0, count });
        match elements.touched {
            // From here on there may be a bit for the same element again.
            Touched::Masked if all > 1 && count > 0 => {
                let first = all - count;
                cases.push(Case { mask: low(count) << first, first, count });
            }
            Touched::Packed => {
                let mut mask = 0u64;
                while (mask.count_ones() as usize) < count {
                    mask |= 1 << random.below(all as u64);
                }
                cases.push(Case { mask, first: 0, count });
            }
            Touched::Masked | Touched::Counted => {}
        }
    }
    cases
}

/// Runs it with the elements that are touched at the end of the memory, and at its start.
fn run(
    inst: &Instruction<PhysReg>,
    access: &MemAccess,
    case: Case,
    runner: &mut Runner,
    random: &mut Random,
) -> Result<(), i32> {
    let element = access.elements.map_or(access.bytes, |elements| Some(elements.bytes));
    let element = element.expect("a size") as usize;
    let (first, end) = (case.first * element, (case.first + case.count) * element);
    let align = access.align.max(1) as isize;
    let at_end = (MEMORY as isize - end as isize).div_euclid(align) * align;
    let at_start = -(first as isize).div_euclid(align) * align;
    for place in [at_end, at_start] {
        let memory = runner.memory();
        memory.fill(PATTERN);
        let start = memory.as_ptr() as u64;
        let mut state = State::zeroed();
        state.flags = 2;
        state.vectors.iter_mut().flatten().for_each(|byte| *byte = random.bits() as u8 & 3);
        state.masks[1] = case.mask.to_le_bytes();
        for operand in &inst.operands {
            if let Operand::Mem(mem) = operand
                && let Base::Reg(base) = mem.base
            {
                state.gp[usize::from(base.reg.num)] = start.wrapping_add_signed(place as i64);
            }
        }
        runner.run(&state)?;
        let touched = place + first as isize..place + end as isize;
        let changed = runner.memory().iter().position(|byte| *byte != PATTERN);
        let last = runner.memory().iter().rposition(|byte| *byte != PATTERN);
        for byte in changed.into_iter().chain(last) {
            assert!(touched.contains(&(byte as isize)), "{inst}: {case:?} writes byte {byte}");
        }
    }
    Ok(())
}
