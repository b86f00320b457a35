//! Where each argument arrives and where the result leaves.

use super::{Convention, Packing, Results};
use crate::isa::PhysReg;

/// A value as a convention sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamType {
    /// An integer, pointer, `bool` or `char`.
    Int {
        /// 1, 2, 4 or 8.
        bytes: u32,
    },
    /// `f32` or `f64`.
    Float {
        /// 4 or 8.
        bytes: u32,
    },
    /// `__m128` and wider.
    Vector {
        /// 16, 32 or 64.
        bytes: u32,
    },
    /// `i128`, `u128`.
    Wide,
    /// A slice: a pointer and a length, each an argument of its own. In Go a capacity follows them.
    Slice,
    /// `str`: a pointer and a length.
    Str,
}

/// The result as a convention sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultType {
    /// `()`.
    Unit,
    /// One value. Not a slice.
    One(ParamType),
    /// A pair of integers or of floats, as a `repr(C)` struct of two fields.
    Pair(ParamType, ParamType),
}

/// Where the registers of a signature are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Per parameter, its parts (one; two for slices and `i128`).
    pub args: Vec<Vec<ArgPlace>>,
    /// The result.
    pub result: ResultPlace,
    /// Bytes of the arguments and results on the stack, without shadow space.
    pub stack_bytes: u32,
    /// Where the address for a result in memory arrives.
    pub hidden_result: Option<PhysReg>,
}

/// Where one part of an argument arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgPlace {
    /// In a register.
    Reg(PhysReg),
    /// On the stack, `offset` bytes above the return address's end (`[rsp + 8 + offset]` on entry).
    Stack {
        /// In bytes; counts the shadow space.
        offset: u32,
    },
    /// In memory that a register points to.
    Indirect {
        /// Holds the address.
        pointer: PhysReg,
        /// Added to it (the high half of an `i128`).
        offset: u32,
    },
    /// In memory that a stack slot points to.
    StackIndirect {
        /// Where the address is.
        slot: u32,
        /// Added to the address.
        offset: u32,
    },
}

/// Where the result leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ResultPlace {
    /// Nowhere.
    #[default]
    Unit,
    /// Each component in a register of its own.
    Regs(Vec<PhysReg>),
    /// Both components packed in one register: the second one at `shift` bits.
    Packed {
        /// The register.
        reg: PhysReg,
        /// Where the second component starts.
        shift: u32,
    },
    /// Stored through the hidden pointer, each component at its offset; the pointer goes to `rax`.
    Memory {
        /// In bytes, per component.
        offsets: Vec<u32>,
    },
    /// On the stack, after the arguments.
    Stack {
        /// Per component, counted as in [`ArgPlace::Stack`].
        offsets: Vec<u32>,
    },
}

/// Places the parameters and the result of a signature.
///
/// System V AMD64 psABI 1.0, section 3.2.3 (classification); Microsoft, "x64 calling convention",
/// sections "Parameter passing" and "Return values". Where the two leave a choice (`i128` on
/// Windows), the placement is rustc's. Go: `cmd/compile/abi-internal.md`, "Memory layout" and
/// "Function call argument and result passing", of functions without argument registers.
pub fn place(convention: &Convention, params: &[ParamType], result: ResultType) -> Placement {
    let mut slots = Slots::new(convention);
    if convention.results == Results::Stack {
        let args = params.iter().map(|&param| slots.place(param)).collect();
        let result = slots.results(result);
        return Placement { args, result, stack_bytes: slots.stack, hidden_result: None };
    }
    let result = place_result(convention, result);
    let in_memory = matches!(result, ResultPlace::Memory { .. });
    let hidden_result = if in_memory { slots.hidden_pointer() } else { None };
    let args = params.iter().map(|&param| slots.place(param)).collect();
    let stack_bytes = slots.stack_end() - convention.shadow;
    Placement { args, result, stack_bytes, hidden_result }
}

/// Hands out argument registers and stack slots, in the order of the parameters.
struct Slots<'a> {
    convention: &'a Convention,
    /// Registers taken so far; where the convention is positional, `ints` counts positions.
    ints: usize,
    vectors: usize,
    /// Where the next stack argument goes, counted as in [`ArgPlace::Stack`].
    stack: u32,
}

impl<'a> Slots<'a> {
    fn new(convention: &'a Convention) -> Self {
        Slots { convention, ints: 0, vectors: 0, stack: convention.shadow }
    }

    /// Where the stack arguments end: eightbytes are never split.
    fn stack_end(&self) -> u32 {
        self.stack.next_multiple_of(8)
    }

    fn place(&mut self, param: ParamType) -> Vec<ArgPlace> {
        match param {
            _ if self.convention.stack_args == Packing::Natural => self.natural(param),
            ParamType::Int { .. } => vec![self.int()],
            ParamType::Slice | ParamType::Str => vec![self.int(), self.int()],
            ParamType::Float { .. } => vec![self.vector(8)],
            ParamType::Vector { bytes } if self.convention.vectors_by_reference => {
                debug_assert!(bytes >= 16);
                vec![self.by_reference(0)]
            }
            ParamType::Vector { bytes } => vec![self.vector(bytes)],
            ParamType::Wide if self.convention.vectors_by_reference => {
                let low = self.by_reference(0);
                let high = match low {
                    ArgPlace::Indirect { pointer, .. } => ArgPlace::Indirect { pointer, offset: 8 },
                    ArgPlace::StackIndirect { slot, .. } => {
                        ArgPlace::StackIndirect { slot, offset: 8 }
                    }
                    other => other,
                };
                vec![low, high]
            }
            ParamType::Wide => self.wide(),
        }
    }

    fn hidden_pointer(&mut self) -> Option<PhysReg> {
        match self.int() {
            ArgPlace::Reg(reg) => Some(reg),
            _ => None,
        }
    }

    fn int(&mut self) -> ArgPlace {
        let Some(&reg) = self.convention.int_args.get(self.ints) else {
            return self.stack_slot(8);
        };
        self.ints += 1;
        ArgPlace::Reg(reg)
    }

    fn vector(&mut self, bytes: u32) -> ArgPlace {
        let taken = if self.convention.positional { &mut self.ints } else { &mut self.vectors };
        if *taken >= self.convention.vector_args as usize {
            return self.stack_slot(bytes);
        }
        *taken += 1;
        ArgPlace::Reg(PhysReg::vector(*taken as u8 - 1))
    }

    fn by_reference(&mut self, offset: u32) -> ArgPlace {
        match self.int() {
            ArgPlace::Reg(pointer) => ArgPlace::Indirect { pointer, offset },
            ArgPlace::Stack { offset: slot } => ArgPlace::StackIndirect { slot, offset },
            indirect => indirect,
        }
    }

    /// An `i128` of System V: two consecutive registers, or all of it on the stack, aligned to 16.
    /// A register that is left over then goes to the next integer.
    fn wide(&mut self) -> Vec<ArgPlace> {
        if self.ints + 2 <= self.convention.int_args.len() {
            return vec![self.int(), self.int()];
        }
        let ArgPlace::Stack { offset } = self.stack_slot(16) else { return Vec::new() };
        vec![ArgPlace::Stack { offset }, ArgPlace::Stack { offset: offset + 8 }]
    }

    /// The parts of a value as fields of a structure, none of which is aligned to more than a word.
    fn natural(&mut self, param: ParamType) -> Vec<ArgPlace> {
        let pointer = self.convention.pointer_size;
        match param {
            ParamType::Int { bytes } | ParamType::Float { bytes } | ParamType::Vector { bytes } => {
                vec![self.stack_slot(bytes)]
            }
            ParamType::Wide => vec![self.stack_slot(8), self.stack_slot(8)],
            ParamType::Str => vec![self.stack_slot(pointer), self.stack_slot(pointer)],
            ParamType::Slice => {
                let parts = self.natural(ParamType::Str);
                let _capacity = self.stack_slot(pointer);
                parts
            }
        }
    }

    /// The results follow the arguments, from a whole word on.
    fn results(&mut self, result: ResultType) -> ResultPlace {
        let values = match result {
            ResultType::Unit => return ResultPlace::Unit,
            ResultType::One(value) => vec![value],
            ResultType::Pair(first, second) => vec![first, second],
        };
        self.stack = self.stack_end();
        let places = values.into_iter().flat_map(|value| self.place(value));
        let offset = |place| match place {
            ArgPlace::Stack { offset } => offset,
            _ => unreachable!("no registers carry results here"),
        };
        ResultPlace::Stack { offsets: places.map(offset).collect() }
    }

    fn stack_slot(&mut self, bytes: u32) -> ArgPlace {
        let offset = self.stack.next_multiple_of(bytes);
        self.stack = offset + bytes;
        ArgPlace::Stack { offset }
    }
}

fn place_result(convention: &Convention, result: ResultType) -> ResultPlace {
    match result {
        ResultType::Unit => ResultPlace::Unit,
        ResultType::One(ParamType::Float { .. } | ParamType::Vector { .. }) => {
            ResultPlace::Regs(vec![PhysReg::vector(0)])
        }
        ResultType::One(ParamType::Wide) => match convention.int_results {
            [low, high, ..] => ResultPlace::Regs(vec![*low, *high]),
            _ => ResultPlace::Packed { reg: PhysReg::vector(0), shift: 64 },
        },
        ResultType::One(_) => ResultPlace::Regs(vec![convention.int_results[0]]),
        ResultType::Pair(first, second) if convention.results == Results::Separate => {
            ResultPlace::Regs(separate(convention, [first, second]))
        }
        ResultType::Pair(first, second) => place_pair(convention, first, second),
    }
}

/// A register for each part of a pair.
fn separate(convention: &Convention, pair: [ParamType; 2]) -> Vec<PhysReg> {
    let mut ints = convention.int_results.iter().copied();
    let mut vectors = (0..convention.vector_results).map(PhysReg::vector);
    let mut regs = Vec::new();
    for param in pair {
        match param {
            ParamType::Float { .. } | ParamType::Vector { .. } => regs.extend(vectors.next()),
            ParamType::Wide | ParamType::Slice | ParamType::Str => {
                regs.extend(ints.by_ref().take(2));
            }
            ParamType::Int { .. } => regs.extend(ints.next()),
        }
    }
    regs
}

/// A pair is laid out like a `repr(C)` struct. System V classifies each eightbyte of it; Microsoft
/// returns what has the size of a register in `rax`, floats too, and the rest in memory.
fn place_pair(convention: &Convention, first: ParamType, second: ParamType) -> ResultPlace {
    let offset = size_of(first).next_multiple_of(align_of(second));
    let align = align_of(first).max(align_of(second));
    let size = (offset + size_of(second)).next_multiple_of(align);
    let in_memory = || {
        let part = |param, start| match param {
            ParamType::Wide => vec![start, start + 8],
            _ => vec![start],
        };
        ResultPlace::Memory { offsets: [part(first, 0), part(second, offset)].concat() }
    };
    let float = |param| matches!(param, ParamType::Float { .. });
    let shift = 8 * offset;
    match convention.int_results {
        _ if size > 16 => in_memory(),
        [rax, _] if size <= 8 => {
            let in_vector = float(first) && float(second);
            ResultPlace::Packed { reg: if in_vector { PhysReg::vector(0) } else { *rax }, shift }
        }
        [rax, rdx] => ResultPlace::Regs(match (float(first), float(second)) {
            (true, true) => vec![PhysReg::vector(0), PhysReg::vector(1)],
            (true, false) => vec![PhysReg::vector(0), *rax],
            (false, true) => vec![*rax, PhysReg::vector(0)],
            (false, false) => vec![*rax, *rdx],
        }),
        [rax] if size <= 8 => ResultPlace::Packed { reg: *rax, shift },
        _ => in_memory(),
    }
}

fn size_of(param: ParamType) -> u32 {
    match param {
        ParamType::Int { bytes } | ParamType::Float { bytes } | ParamType::Vector { bytes } => {
            bytes
        }
        ParamType::Wide | ParamType::Slice | ParamType::Str => 16,
    }
}

fn align_of(param: ParamType) -> u32 {
    match param {
        ParamType::Slice | ParamType::Str => 8,
        _ => size_of(param),
    }
}
