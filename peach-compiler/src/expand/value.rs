//! Compile-time values: whatever a name or an expression can stand for.

use crate::diagnostics::Reported;
use crate::ir::{Branch, LabelId, LocalId, Mem, Reg, Rounding, RustConstId, RustSymId, View};
use crate::isa::{Class, Mnemonic, register_name};
use crate::syntax::ast::Element;
use proc_macro2::{Span, TokenStream};
use std::cell::{Cell, OnceCell};
use std::rc::Rc;

/// What an expression evaluates to. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// An integer; untyped, as immediates are.
    Int(i128),
    /// A float.
    Float(Float),
    /// A truth value.
    Bool(bool),
    /// A register, virtual or physical.
    Reg(View<Reg>),
    /// `[4, 2, 1]`, an array of registers, a part of one.
    List(Rc<[Value]>),
    /// `(a, b)`, the results of a helper, an element of `zip`.
    Tuple(Rc<[Value]>),
    /// `0..8`, reversed and stepped.
    Range(Range),
    /// A place in memory.
    Mem(Rc<Mem<Reg>>),
    /// A register or memory with `{k1}` and perhaps `{z}`.
    Masked(Rc<Masked>),
    /// `{rn-sae}` by itself.
    Rounding(Rounding),
    /// A data literal.
    Data(Rc<Literal>),
    /// A label, with its size where one is forced.
    Label(Branch),
    /// The name of an instruction.
    Mnemonic(Mnemonic),
    /// A slice argument.
    Slice {
        /// `x.ptr`
        ptr: View<Reg>,
        /// `x.len`
        len: View<Reg>,
    },
    /// An argument of 128 bits.
    Wide {
        /// `x.lo`
        lo: View<Reg>,
        /// `x.hi`
        hi: View<Reg>,
    },
    /// A stack variable.
    Local(LocalId),
    /// A table of numbers.
    Table(Rc<Table>),
    /// A jump table.
    Jumps(Rc<JumpTable>),
    /// `const { … }`.
    RustConst(RustConstId),
    /// `sym path`.
    RustSym(RustSymId),
    /// A recorded stream, by its number.
    Stream(usize),
    /// An `inline fn` of a body, by its number.
    Helper(usize),
    /// A register class bound by a version.
    Class(Class),
    /// `undefined`: any value, of a register that is set to it.
    Undefined,
    /// The result of something that was in error: it raises no further errors.
    Poison(Reported),
}

/// A float constant. A literal without a suffix has no type until it is used, so it is carried in
/// both precisions, each rounded once from the decimal text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Float {
    /// Computed in single precision.
    pub(super) single: f32,
    /// Computed in double precision.
    pub(super) double: f64,
    /// 4 or 8, where the type is known.
    pub(super) bytes: Option<u32>,
}

/// Integers `first`, `first + step`, …, `count` of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) first: i128,
    pub(super) step: i128,
    pub(super) count: u64,
}

/// A data literal: its bytes are put into the function when it is used.
#[derive(Debug)]
pub(super) struct Literal {
    pub(super) element: Element,
    pub(super) bytes: Vec<u8>,
}

/// A table of numbers.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: Rc<str>,
    pub(super) element: Element,
    /// As it is written: `usize` and `u64` are two types.
    pub(super) element_name: String,
    /// Outermost first.
    pub(super) lengths: Vec<usize>,
    pub(super) content: TableContent,
    pub(super) align: u32,
    /// Its elements, once they were asked for.
    pub(super) values: OnceCell<Rc<[Value]>>,
}

/// What a table holds.
#[derive(Debug)]
pub(super) enum TableContent {
    /// The bytes of its elements.
    Known(Vec<u8>),
    /// `const { … }`: what rustc evaluates, after expansion.
    Rust(TokenStream, Span),
}

/// A jump table, put into the function when it is used.
#[derive(Debug)]
pub(super) struct JumpTable {
    pub(super) name: Rc<str>,
    pub(super) labels: Vec<LabelId>,
    pub(super) data: Cell<Option<crate::ir::DataId>>,
}

/// An operand under a mask.
#[derive(Clone, Debug)]
pub(super) struct Masked {
    pub(super) operand: Value,
    pub(super) mask: View<Reg>,
    pub(super) zeroing: bool,
}

/// A value, or what stands for one that is in error.
impl From<Result<Value, Reported>> for Value {
    fn from(value: Result<Value, Reported>) -> Value {
        value.unwrap_or_else(Value::Poison)
    }
}

impl Value {
    /// What it is, for a message: "a 64-bit general-purpose register".
    pub(super) fn describe(&self) -> String {
        match self {
            Value::Int(n) => format!("the integer {n}"),
            Value::Float(f) => format!("the float {}", f.double),
            Value::Bool(b) => format!("`{b}`"),
            Value::Reg(view) => match view.reg {
                Reg::Physical(reg) => format!("the register `{}`", register_name(reg, view.class)),
                Reg::Virtual(_) => format!("a register of class `{}`", view.class.name()),
            },
            Value::List(list) => format!("a list of {}", list.len()),
            Value::Tuple(list) => format!("a tuple of {}", list.len()),
            Value::Range(_) => "a range".into(),
            Value::Mem(_) => "a place in memory".into(),
            Value::Masked(_) => "an operand under a mask".into(),
            Value::Rounding(_) => "a rounding mode".into(),
            Value::Data(_) => "a data literal".into(),
            Value::Label(_) => "a label".into(),
            Value::Mnemonic(m) => format!("the instruction name `{}`", m.name()),
            Value::Slice { .. } => "a slice, which is two registers: `.ptr` and `.len`".into(),
            Value::Wide { .. } => "128 bits, which are two registers: `.lo` and `.hi`".into(),
            Value::Local(_) => "a stack variable".into(),
            Value::Table(_) => "a table".into(),
            Value::Jumps(_) => "a jump table".into(),
            Value::RustConst(_) => "a Rust constant".into(),
            Value::RustSym(_) => "the address of a Rust item".into(),
            Value::Stream(_) => "a stream".into(),
            Value::Helper(_) => "a helper".into(),
            Value::Class(class) => format!("the register class `{}`", class.name()),
            Value::Undefined => "`undefined`".into(),
            Value::Poison(_) => "an erroneous value".into(),
        }
    }
}

impl Float {
    /// The number of a literal's text (without suffix). Rust's parser rounds correctly.
    pub(super) fn parse(text: &str, bytes: Option<u32>) -> Option<Float> {
        let (single, double) = (text.parse().ok()?, text.parse().ok()?);
        Some(Float { single, double, bytes })
    }

    /// An `f32`.
    pub(super) fn f32(x: f32) -> Float {
        Float { single: x, double: f64::from(x), bytes: Some(4) }
    }

    /// An `f64`. In the place of an `f32`, it is rounded.
    pub(super) fn f64(x: f64) -> Float {
        Float { single: x as f32, double: x, bytes: Some(8) }
    }

    /// With its type known: the precision that it does not have is forgotten.
    pub(super) fn typed(self, bytes: u32) -> Float {
        match bytes {
            4 => Float::f32(self.single),
            _ => Float::f64(self.double),
        }
    }

    /// Its bytes, little-endian, in the type of `bytes` bytes.
    pub(super) fn to_bytes(self, bytes: u32) -> Vec<u8> {
        match bytes {
            4 => self.single.to_le_bytes().to_vec(),
            _ => self.double.to_le_bytes().to_vec(),
        }
    }

    /// Whether the literal was too large for the type of `bytes` bytes.
    pub(super) fn overflows(self, bytes: u32) -> bool {
        match bytes {
            4 => self.single.is_infinite() && self.double.is_finite(),
            _ => false,
        }
    }
}

impl Range {
    /// `start..end`.
    pub(super) fn new(start: i128, end: i128) -> Range {
        let count = end.saturating_sub(start).clamp(0, i128::from(u64::MAX)) as u64;
        Range { first: start, step: 1, count }
    }

    /// The `index`-th number. (Its range was checked when it was made.)
    pub(super) fn get(self, index: u64) -> i128 {
        self.first + self.step * i128::from(index)
    }

    /// `.rev()`.
    pub(super) fn reversed(self) -> Range {
        match self.count {
            0 => self,
            n => Range { first: self.get(n - 1), step: -self.step, ..self },
        }
    }

    /// `.step_by(step)`; `step` is positive.
    pub(super) fn stepped(self, step: u64) -> Range {
        let count = self.count.div_ceil(step);
        Range { step: self.step.saturating_mul(i128::from(step)), count, ..self }
    }
}

impl Table {
    /// How many elements it has; in a table of arrays, how many arrays.
    pub(super) fn len(&self) -> usize {
        self.lengths.first().copied().unwrap_or(1)
    }

    /// Its elements: numbers, or lists of them. `None` where only rustc knows them.
    pub(super) fn values(&self) -> Option<&Rc<[Value]>> {
        let TableContent::Known(bytes) = &self.content else { return None };
        Some(self.values.get_or_init(|| {
            let width = self.element.bytes() as usize;
            let numbers = bytes.chunks_exact(width).map(|bytes| number(self.element, bytes));
            nested(&numbers.collect::<Vec<_>>(), &self.lengths)
        }))
    }
}

/// Numbers as lists of these lengths.
fn nested(numbers: &[Value], lengths: &[usize]) -> Rc<[Value]> {
    match lengths {
        [] | [_] => numbers.into(),
        [0, ..] => Rc::from([]),
        [first, rest @ ..] => numbers
            .chunks((numbers.len() / first).max(1))
            .map(|part| Value::List(nested(part, rest)))
            .collect(),
    }
}

/// The number that little-endian bytes are.
fn number(element: Element, bytes: &[u8]) -> Value {
    match (element, bytes) {
        (Element::Float { .. }, &[a, b, c, d]) => {
            Value::Float(Float::f32(f32::from_le_bytes([a, b, c, d])))
        }
        (Element::Float { .. }, _) => {
            Value::Float(Float::f64(f64::from_bits(u128_of(bytes, 0) as u64)))
        }
        (Element::Int { signed, .. }, _) => {
            let is_negative = signed && bytes.last().is_some_and(|byte| *byte >= 0x80);
            Value::Int(u128_of(bytes, if is_negative { 0xFF } else { 0 }) as i128)
        }
    }
}

fn u128_of(bytes: &[u8], fill: u8) -> u128 {
    let mut wide = [fill; 16];
    wide[..bytes.len()].copy_from_slice(bytes);
    u128::from_le_bytes(wide)
}
