//! The processor, as terms: registers, masks, flags, the stack and stack variables on one path.
//!
//! Written from the manual alone (Intel SDM volumes 1 and 2); it shares no code with the proof. What
//! it does not know is any value at all.

use crate::regions::Regions;
use crate::script::{Script, Term, number, part, zeros_above};
use peach_compiler::ir::{Base, LocalId, Mem, Reg, View};
use peach_compiler::isa::{Bank, Class};
use std::collections::BTreeMap;

/// 64 bits, and the region that they are an address of, as far as that is followed.
#[derive(Clone, Debug)]
pub struct Word {
    pub term: Term,
    pub region: Option<usize>,
}

/// The flags that conditions look at.
#[derive(Clone, Debug)]
pub struct Flags {
    pub carry: Term,
    pub zero: Term,
    pub sign: Term,
    pub overflow: Term,
    pub parity: Term,
}

/// What an instruction read from memory and wrote to registers, for the values of symbols.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    pub before: BTreeMap<Reg, Word>,
    pub loads: Vec<Term>,
    pub results: Vec<Word>,
}

/// Everything at one place of a path.
#[derive(Clone, Debug)]
pub struct Machine {
    pub registers: BTreeMap<Reg, Word>,
    pub masks: BTreeMap<Reg, Term>,
    pub flags: Flags,
    /// Eight bytes of stack variables, at these offsets.
    pub locals: BTreeMap<(LocalId, i64), Word>,
    /// What was pushed, with its size in bytes.
    pub stack: Vec<(u32, Word)>,
    pub is_upward: bool,
    /// By instruction.
    pub traces: BTreeMap<u32, Trace>,
    pub at: u32,
}

/// A machine, and where its terms are written down.
pub struct Processor<'a> {
    pub machine: &'a mut Machine,
    pub script: &'a mut Script,
    pub regions: &'a Regions,
}

impl Flags {
    /// Any.
    pub fn any(script: &mut Script) -> Flags {
        Flags {
            carry: script.any_truth(),
            zero: script.any_truth(),
            sign: script.any_truth(),
            overflow: script.any_truth(),
            parity: script.any_truth(),
        }
    }
}

impl Machine {
    /// Nothing is known.
    pub fn new(script: &mut Script) -> Machine {
        Machine {
            registers: BTreeMap::new(),
            masks: BTreeMap::new(),
            flags: Flags::any(script),
            locals: BTreeMap::new(),
            stack: Vec::new(),
            is_upward: false,
            traces: BTreeMap::new(),
            at: 0,
        }
    }
}

/// The bits of a register that a view shows: the first, and how many.
fn bits_of(class: Class) -> (u32, u32) {
    match class {
        Class::Gp8h => (8, 8),
        _ => (0, 8 * class.bytes()),
    }
}

impl Processor<'_> {
    /// All 64 bits of a general-purpose register. Where nothing on the path has touched it, it held
    /// the same before each instruction so far.
    pub fn register(&mut self, reg: Reg) -> Word {
        if let Some(word) = self.machine.registers.get(&reg) {
            return word.clone();
        }
        let word = Word { term: self.script.any(64), region: None };
        self.machine.registers.insert(reg, word.clone());
        for trace in self.machine.traces.values_mut() {
            trace.before.insert(reg, word.clone());
        }
        word
    }

    /// The bits that a view shows.
    pub fn view(&mut self, view: View<Reg>) -> Option<Word> {
        if view.class.bank() != Bank::Gp {
            return None;
        }
        let word = self.register(view.reg);
        let (low, bits) = bits_of(view.class);
        if bits == 64 {
            return Some(word);
        }
        let term = self.script.word(bits, part(&word.term, low, bits));
        Some(Word { term, region: None })
    }

    /// A mask register.
    pub fn mask(&mut self, reg: Reg) -> Term {
        let script = &mut *self.script;
        self.machine.masks.entry(reg).or_insert_with(|| script.any(64)).clone()
    }

    /// Writes a view: 32 bits clear what is above, fewer leave it (SDM volume 1, 3.4.1.1).
    pub fn set_view(&mut self, view: View<Reg>, value: Word) {
        let (low, bits) = bits_of(view.class);
        let word = match bits {
            64 => value,
            32 => {
                Word { term: self.script.word(64, zeros_above(&value.term, 32, 64)), region: None }
            }
            _ => {
                let old = self.register(view.reg).term;
                let above = part(&old, low + bits, 64 - low - bits);
                let mut parts = vec![above, value.term];
                if low > 0 {
                    parts.push(part(&old, 0, low));
                }
                let term = self.script.word(64, format!("(concat {})", parts.join(" ")));
                Word { term, region: None }
            }
        };
        self.set(view.reg, word);
    }

    /// Writes all 64 bits.
    pub fn set(&mut self, reg: Reg, word: Word) {
        self.trace().results.push(word.clone());
        self.machine.registers.insert(reg, word);
    }

    /// What the current instruction does.
    pub fn trace(&mut self) -> &mut Trace {
        self.machine.traces.entry(self.machine.at).or_default()
    }

    /// Writes any value to some bytes of a register, and zeros to others.
    pub fn forget(&mut self, reg: Reg, written: u64, zeroed: u64) {
        if written & 0xFF == 0 {
            return;
        }
        let mask = |bytes: u64| {
            (0..8)
                .filter(|byte| bytes >> byte & 1 == 1)
                .fold(0u64, |m, byte| m | 0xFF << (8 * byte))
        };
        let kept = number(i128::from(!mask(written)), 64);
        let free = number(i128::from(mask(written & !zeroed)), 64);
        let old = self.register(reg).term;
        let any = self.script.any(64);
        let term = match written & 0xFF == 0xFF && zeroed & 0xFF == 0 {
            true => any,
            false => {
                let text = format!("(bvor (bvand {old} {kept}) (bvand {any} {free}))");
                self.script.word(64, text)
            }
        };
        self.set(reg, Word { term, region: None });
    }

    /// The address that an operand stands for.
    pub fn address(&mut self, mem: &Mem<Reg>) -> Option<Word> {
        if mem.segment.is_some() || mem.disp_const.is_some() {
            return None;
        }
        let mut parts = Vec::new();
        let mut regions = Vec::new();
        let mut is_narrow = false;
        let mut take = |word: Word, scale: u8, narrow: bool| {
            is_narrow |= narrow;
            if scale == 1 {
                regions.extend(word.region);
            }
            parts.push(match scale {
                1 => word.term,
                _ => format!("(bvmul {} {})", number(i128::from(scale), 64), word.term),
            });
        };
        match mem.base {
            Base::None => {}
            Base::Reg(view) => {
                let narrow = view.class == Class::Gp32;
                if !narrow && view.class != Class::Gp64 {
                    return None;
                }
                take(self.register(view.reg), 1, narrow);
            }
            Base::Local(local) => take(self.regions.local(local), 1, false),
            Base::Data(data) => take(self.regions.data(data), 1, false),
            Base::Rip | Base::StackArg => return None,
        }
        if let Some((view, scale)) = mem.index {
            let narrow = view.class == Class::Gp32;
            if !narrow && view.class != Class::Gp64 {
                return None;
            }
            take(self.register(view.reg), scale, narrow);
        }
        if mem.disp != 0 || parts.is_empty() {
            parts.push(number(i128::from(mem.disp), 64));
        }
        let sum = match parts.as_slice() {
            [one] => self.script.word(64, one.clone()),
            _ => self.script.word(64, format!("(bvadd {})", parts.join(" "))),
        };
        // An address of 32 bits is cut off (SDM volume 1, 3.3.7.1).
        let region = (regions.len() == 1 && !is_narrow).then(|| regions[0]);
        let term = match is_narrow {
            true => {
                let low = part(&sum, 0, 32);
                self.script.word(64, zeros_above(&low, 32, 64))
            }
            false => sum,
        };
        Some(Word { term, region })
    }

    /// Reads `bits` bits of memory.
    pub fn load(&mut self, mem: &Mem<Reg>, bits: u32) -> Word {
        let known = match (mem.base, mem.index, mem.disp_const, bits) {
            (Base::Local(local), None, None, 64) => {
                self.machine.locals.get(&(local, mem.disp)).cloned()
            }
            _ => None,
        };
        let word = known.unwrap_or_else(|| Word { term: self.script.any(bits), region: None });
        let wide = self.script.word(64, zeros_above(&word.term, bits, 64));
        self.trace().loads.push(wide);
        word
    }

    /// Writes `bytes` bytes of memory; `value` is known of 8.
    pub fn store(&mut self, mem: &Mem<Reg>, bytes: u32, value: Option<Word>, in_unsafe: bool) {
        if let (Base::Local(local), None, None, None) =
            (mem.base, mem.index, mem.disp_const, mem.segment)
        {
            let (start, end) = (mem.disp, mem.disp + i64::from(bytes));
            self.machine.locals.retain(|(of, at), _| *of != local || at + 8 <= start || *at >= end);
            if let (8, Some(value)) = (bytes, value) {
                self.machine.locals.insert((local, start), value);
            }
            return;
        }
        let region = match in_unsafe {
            true => None,
            false => self.address(mem).and_then(|word| word.region),
        };
        self.forget_in(region);
    }

    /// Stack variables that are in `region`, if that is known, hold anything. What an access is
    /// demanded to stay in has no other stack variable in it.
    pub fn forget_in(&mut self, region: Option<usize>) {
        match region {
            Some(region) => {
                let written = self.regions.all[region].local;
                self.machine.locals.retain(|(of, _), _| Some(*of) != written);
            }
            None => self.forget_memory(),
        }
    }

    /// Stack variables and what was pushed hold anything.
    pub fn forget_memory(&mut self) {
        self.machine.locals.clear();
        self.machine.stack.clear();
    }

    pub fn push(&mut self, bytes: u32, word: Word) {
        self.machine.stack.push((bytes, word));
    }

    /// What is popped; a part of what was pushed, or parts of several, is any value.
    pub fn pop(&mut self, bytes: u32) -> Word {
        match self.machine.stack.pop() {
            Some((pushed, word)) if pushed == bytes => word,
            _ => {
                self.machine.stack.clear();
                Word { term: self.script.any(8 * bytes), region: None }
            }
        }
    }
}
