//! The unwinders of Windows and of macOS, as their documentation describes them, against the
//! unwinding rules of each instruction.

use object::read::coff::CoffFile;
use object::read::macho::MachOFile64;
use object::{LittleEndian, Object, ObjectSection, ObjectSymbol};
use peach_compiler::emit::Module;
use peach_compiler::emit::module::ModuleFunction;
use peach_compiler::emit::unwind::{self, Change};
use peach_compiler::ir::{Cfa, Origin};
use peach_compiler::isa::{Bank, PhysReg, gp};
use std::collections::BTreeMap;

/// The caller's stack pointer before the call.
const CFA: i64 = 0x10_0000;

/// Where the frame is at an instruction: how it is found, and where registers are saved.
#[derive(Clone, Debug)]
struct State {
    cfa: Cfa,
    saved: BTreeMap<PhysReg, i64>,
}

impl State {
    fn at(changes: &[(u32, Change)], offset: u32) -> State {
        let cfa = Cfa { reg: gp::RSP, offset: 8 };
        let mut state = State { cfa, saved: BTreeMap::new() };
        for (_, change) in changes.iter().filter(|(at, _)| *at <= offset) {
            match *change {
                Change::Cfa(cfa) => state.cfa = cfa,
                Change::Saved(reg, at) => {
                    state.saved.insert(reg, CFA + i64::from(at));
                }
                Change::Restored(reg) => {
                    state.saved.remove(&reg);
                }
            }
        }
        state
    }

    /// The value of a register from which the frame is counted.
    fn base(&self) -> i64 {
        CFA - i64::from(self.cfa.offset)
    }

    fn rsp(&self) -> Option<i64> {
        (self.cfa.reg == gp::RSP).then(|| self.base())
    }
}

/// What an unwinder finds: the caller's stack pointer, and where registers were saved.
#[derive(Debug, Default)]
struct Found {
    rsp: i64,
    saved: BTreeMap<PhysReg, i64>,
}

impl Found {
    fn pop(&mut self, reg: PhysReg) {
        self.saved.insert(reg, self.rsp);
        self.rsp += 8;
    }
}

/// Instruction boundaries of a function, with the item there.
fn boundaries(function: &ModuleFunction) -> impl Iterator<Item = (usize, u32)> {
    let encoded = &function.compiled.encoded;
    let end = encoded.code_len as u32;
    encoded.item_offsets.iter().copied().enumerate().filter(move |(_, offset)| *offset < end)
}

/// Checks `.pdata` and `.xdata` at every instruction.
pub fn check_windows(module: &Module, file: &[u8]) {
    let parsed: CoffFile<'_> = CoffFile::parse(file).expect("an object file");
    let section = |name: &str| match parsed.section_by_name(name) {
        Some(section) => section.data().expect("a section"),
        None => &[],
    };
    let (text, pdata, xdata) = (section(".text"), section(".pdata"), section(".xdata"));
    let word = |at: usize| u32::from_le_bytes(pdata[at..at + 4].try_into().expect("a word"));
    let entries: Vec<[u32; 3]> =
        (0..pdata.len()).step_by(12).map(|at| [word(at), word(at + 4), word(at + 8)]).collect();
    let starts = starts(module, &parsed, "");
    for (function, start) in module.functions.iter().zip(starts) {
        let changes = unwind::changes(&function.compiled.lowered, &function.compiled.encoded);
        for (_, offset) in boundaries(function) {
            let at = start + offset;
            let state = State::at(&changes, offset);
            check_steps(function, offset, &state);
            let entry = entries.iter().find(|[start, end, _]| (*start..*end).contains(&at));
            let found = match entry {
                Some(&[start, _, info]) => {
                    windows(text, start, at, &xdata[info as usize..], &state)
                }
                None => Found { rsp: state.rsp().expect("a leaf"), saved: BTreeMap::new() },
            };
            let found_cfa = found.rsp + if entry.is_some() { 0 } else { 8 };
            assert_eq!(found_cfa, CFA, "{} at {offset:#x}: {found:x?} {state:x?}", function.symbol);
            for (reg, place) in &state.saved {
                assert_eq!(found.saved.get(reg), Some(place), "{reg:?} at {offset:#x}");
            }
        }
    }
}

/// Assemblers' directives can say where vector registers are saved, unless the source has pushed.
fn check_steps(function: &ModuleFunction, offset: u32, state: &State) {
    let lowered = &function.compiled.lowered;
    let heights = unwind::heights(lowered, 0..lowered.items.len());
    let has_pushed = heights.iter().any(|&(_, pushed)| pushed % 16 != 0);
    let vectors = lowered.frame.saved.iter().filter(|(reg, _)| reg.bank == Bank::Vector);
    if !has_pushed && boundaries(function).any(|(item, at)| at == offset && is_body(function, item))
    {
        for (reg, place) in vectors {
            assert_eq!((CFA + i64::from(*place) - state.base()) % 16, 0, "{reg:?}");
        }
    }
}

fn is_body(function: &ModuleFunction, item: usize) -> bool {
    matches!(function.compiled.lowered.items[item].origin, Origin::Author(_))
}

/// Where the functions start in the section.
fn starts<'a>(module: &Module, file: &impl Object<'a>, prefix: &str) -> Vec<u32> {
    let start = |symbol: String| {
        let name = format!("{prefix}{symbol}");
        let symbol = file.symbols().find(|symbol| symbol.name() == Ok(&name));
        symbol.expect("a symbol").address() as u32
    };
    module.object_symbols().into_iter().map(start).collect()
}

/// "Unwind procedure" of the documentation, with the return address popped.
fn windows(text: &[u8], start: u32, at: u32, info: &[u8], state: &State) -> Found {
    if let Some(found) = epilogue(&text[at as usize..], state) {
        return found;
    }
    let (prologue, count) = (u32::from(info[1]), usize::from(info[2]));
    let (base, distance) = (info[3] & 15, i64::from(info[3] >> 4) * 16);
    assert_eq!(info[0], 1, "version 1, no flags");
    let done = |code: u8| at - start >= prologue || u32::from(code) <= at - start;
    let codes = &info[4..4 + 2 * count];
    let has_base = base != 0 && codes.chunks(2).any(|c| c[1] & 15 == 3 && done(c[0]));
    let frame = match has_base {
        true => state.base() - distance,
        false => state.rsp().unwrap_or(0),
    };
    let mut found = Found { rsp: state.rsp().unwrap_or(0), saved: BTreeMap::new() };
    let mut index = 0;
    while index < count {
        let [at, operation] = [codes[2 * index], codes[2 * index + 1]];
        let detail = operation >> 4;
        let word = |number: usize| {
            let at = 2 * (index + number);
            i64::from(u16::from_le_bytes([codes[at], codes[at + 1]]))
        };
        let (slots, bytes) = match (operation & 15, detail) {
            (0 | 2 | 3, _) => (1, i64::from(detail) * 8 + 8),
            (1, 0) => (2, word(1) * 8),
            (1, _) => (3, word(1) | word(2) << 16),
            (4, _) => (2, word(1) * 8),
            (8, _) => (2, word(1) * 16),
            (5 | 9, _) => (3, word(1) | word(2) << 16),
            other => panic!("{other:?}"),
        };
        if done(at) {
            match operation & 15 {
                0 => found.pop(PhysReg::gp(detail)),
                1 | 2 => found.rsp += bytes,
                3 => found.rsp = frame + distance,
                4 | 5 => {
                    found.saved.insert(PhysReg::gp(detail), frame + bytes);
                }
                _ => {
                    found.saved.insert(PhysReg::vector(detail), frame + bytes);
                }
            }
        }
        index += slots;
    }
    found.rsp += 8;
    found
}

/// What an epilogue leaves to be done, if the instructions are those of one.
fn epilogue(mut code: &[u8], state: &State) -> Option<Found> {
    let mut found = Found { rsp: state.rsp()?, saved: BTreeMap::new() };
    match code {
        [0x48, 0x83, 0xC4, bytes, rest @ ..] => {
            found.rsp += i64::from(*bytes as i8);
            code = rest;
        }
        [0x48, 0x81, 0xC4, a, b, c, d, rest @ ..] => {
            found.rsp += i64::from(i32::from_le_bytes([*a, *b, *c, *d]));
            code = rest;
        }
        _ => {}
    }
    loop {
        match code {
            [pop @ 0x58..=0x5F, rest @ ..] => {
                found.pop(PhysReg::gp(pop - 0x58));
                code = rest;
            }
            [0x41, pop @ 0x58..=0x5F, rest @ ..] => {
                found.pop(PhysReg::gp(pop - 0x58 + 8));
                code = rest;
            }
            [0xC3, ..] => {
                found.rsp += 8;
                // What the epilogue has restored already is the caller's.
                return Some(found);
            }
            _ => return None,
        }
    }
}

/// Checks `__compact_unwind` at every instruction of the bodies; what is left to DWARF is there.
pub fn check_compact(module: &Module, file: &[u8]) {
    let parsed: MachOFile64<'_, LittleEndian> = MachOFile64::parse(file).expect("an object file");
    let section = |name: &str| parsed.section_by_name(name).map(|s| s.data().expect("a section"));
    let Some(entries) = section("__compact_unwind") else { return };
    let text = section("__text").expect("code");
    let starts = starts(module, &parsed, "_");
    assert_eq!(entries.len(), 32 * module.functions.len());
    let mut left = 0;
    for ((function, start), entry) in module.functions.iter().zip(starts).zip(entries.chunks(32)) {
        let word = |at: usize| u32::from_le_bytes(entry[at..at + 4].try_into().expect("a word"));
        assert_eq!(word(8) as usize, function.compiled.encoded.code_len);
        if word(12) == 0x0400_0000 {
            left += 1;
            continue;
        }
        let changes = unwind::changes(&function.compiled.lowered, &function.compiled.encoded);
        for (item, offset) in boundaries(function) {
            if !is_body(function, item) {
                continue;
            }
            let state = State::at(&changes, offset);
            let found = compact(word(12), &text[start as usize..], &state);
            assert_eq!(found.rsp, CFA, "{} at {offset:#x}: {found:x?} {state:x?}", function.symbol);
            assert_eq!(found.saved, state.saved, "{} at {offset:#x}", function.symbol);
        }
    }
    let frames = section("__eh_frame").unwrap_or(&[]);
    assert_eq!(frames.is_empty(), left == 0);
}

/// `stepWithCompactEncoding` of libunwind, with the return address popped.
fn compact(encoding: u32, code: &[u8], state: &State) -> Found {
    let mut found = Found::default();
    match encoding >> 24 {
        // The base: the register's own place, and the return address above.
        1 => {
            assert_eq!(encoding & 0x00FF_FFFF, 0);
            assert_eq!(state.cfa.reg, gp::RBP);
            found.saved.insert(gp::RBP, state.base());
            found.rsp = state.base() + 16;
        }
        kind @ (2 | 3) => {
            let field = (encoding >> 16 & 0xFF) as usize;
            let size = if kind == 2 {
                8 * field as i64
            } else {
                let size = code[field..field + 4].try_into().expect("a word");
                i64::from(u32::from_le_bytes(size)) + 8 * i64::from(encoding >> 13 & 7)
            };
            let count = i64::from(encoding >> 10 & 7);
            found.rsp = state.rsp().expect("no base") + size - 8 - 8 * count;
            for number in permutation(count as usize, encoding & 0x3FF) {
                const NUMBERED: [PhysReg; 6] =
                    [gp::RBX, gp::R12, gp::R13, gp::R14, gp::R15, gp::RBP];
                found.pop(NUMBERED[number]);
            }
            found.rsp += 8;
        }
        _ => panic!("{encoding:#x}"),
    }
    found
}

/// The order of `count` of six registers with a number.
fn permutation(count: usize, mut number: u32) -> Vec<usize> {
    // The digits of a number system whose digits have ever fewer values; the last of six is not
    // written.
    let written = count.min(5);
    let mut digits = vec![0; count];
    for index in (0..written).rev() {
        let values = if count == 6 { [6, 5, 4, 3, 2][index] } else { 6 - index as u32 };
        digits[index] = (number % values) as usize;
        number /= values;
    }
    let mut free: Vec<usize> = (0..6).collect();
    digits.into_iter().map(|digit| free.remove(digit)).collect()
}
