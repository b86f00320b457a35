//! Layout: bytes of all instructions, the shortest branches that reach, constants after the code.
//!
//! Input: a [`Lowered`]. Output: an [`Encoded`], position-independent but for its alignment and its
//! patches. Invariants: code in the order of its items; a branch is long only if it does not reach
//! otherwise, or the source says so; no instruction crosses the border of a bundle, where the
//! convention has a sandbox; constants that nothing addresses are left out, equal ones are
//! one, and none of up to 64 bytes crosses a cache line.
//! Fails: E0306 where a short branch cannot reach.

mod branches;
pub(crate) mod data;
mod growth;
mod stretch;
#[cfg(feature = "decoder")]
mod verify;

use crate::abi::Convention;
use crate::diagnostics::{Code as DiagnosticCode, Diagnostic, Diagnostics};
use crate::ir::{
    Base, BranchSize, Code, DataContent, DataId, Instruction, Item, LabelId, Lowered, Mem, Operand,
    RustConstId, RustSymId,
};
use crate::isa::{self, Encoding, FeatureSet, Field, Mnemonic, PhysReg, SelectError};
use branches::Layout;
use data::DataLayout;
use proc_macro2::Span;
use std::ops::Range;
#[cfg(feature = "decoder")]
pub use verify::verify;

/// Where a function starts at least: the boundary that processors fetch code in.
pub(crate) const FUNCTION_ALIGN: u32 = 16;

/// A function as bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Code, then constants, each aligned.
    pub bytes: Vec<u8>,
    /// Where the code ends and padding and constants begin.
    pub code_len: usize,
    /// The alignment that `bytes` needs.
    pub align: u32,
    /// Where each item of the lowered function starts.
    pub item_offsets: Vec<u32>,
    /// Where each constant is; `u32::MAX` for one that nothing addresses.
    pub data_offsets: Vec<u32>,
    /// What rustc or the loader fills in.
    pub patches: Vec<Patch>,
    /// Where the code addresses its constants: what an object file that keeps them in a section of
    /// their own relocates.
    pub data_references: Vec<DataReference>,
}

impl Encoded {
    /// Where an item of the lowered function starts; the code's end for the one after the last.
    pub fn offset_of(&self, item: usize) -> u32 {
        self.item_offsets.get(item).copied().unwrap_or(self.code_len as u32)
    }

    /// Where an item is in the code.
    pub fn item_range(&self, item: usize) -> Range<u32> {
        self.offset_of(item)..self.offset_of(item + 1)
    }
}

/// A 32-bit displacement from the end of an instruction to a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataReference {
    /// Where the displacement is.
    pub offset: u32,
    /// Where the instruction ends.
    pub end: u32,
    /// The constant.
    pub data: DataId,
    /// Added to its address.
    pub addend: i64,
}

/// A field that is filled in after encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Where it is.
    pub offset: u32,
    /// Its width in bytes.
    pub size: u8,
    /// What goes there.
    pub value: PatchValue,
    /// For an address relative to the instruction: where the instruction ends.
    pub end: u32,
}

impl Patch {
    /// Whether the processor extends the field's sign: displacements, and 32-bit immediates where
    /// the operation has 64 bits.
    pub fn is_sign_extended(&self, lowered: &Lowered, encoded: &Encoded) -> bool {
        let PatchValue::Const(id, _) = self.value else { return true };
        let item = encoded.item_offsets.partition_point(|&start| start <= self.offset);
        let Code::Inst(inst) = &lowered.items[item.saturating_sub(1)].code else { return true };
        let is_immediate = inst.operands.contains(&Operand::RustConst(id));
        let width = inst.operands.iter().filter_map(|operand| match operand {
            Operand::Reg(view) => Some(view.class.bytes()),
            Operand::Mem(mem) => mem.size,
            _ => None,
        });
        // `push imm32` has no other operand, and 64 bits.
        !is_immediate || self.size == 4 && width.max().is_none_or(|width| width > 4)
    }

    /// The least and the greatest number that the field holds.
    pub fn range(&self, lowered: &Lowered, encoded: &Encoded) -> (i128, i128) {
        let bits = u32::from(self.size) * 8;
        let min = -(1i128 << (bits - 1));
        let signed = self.is_sign_extended(lowered, encoded);
        (min, if signed { -min - 1 } else { (1i128 << bits) - 1 })
    }
}

/// What a patch holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchValue {
    /// The value of a constant expression plus a number.
    Const(RustConstId, i64),
    /// The absolute address of a Rust item.
    Address(RustSymId),
    /// The address of a Rust item relative to `end`: of a function that is called or jumped to, or
    /// one that `lea` computes.
    Relative(RustSymId),
    /// The address of a Rust item plus a number, relative to `end`: an operand in memory.
    Memory(RustSymId, i64),
}

/// Encodes `lowered`.
///
/// # Errors
/// Branches that cannot reach, and (bugs in peach) instructions that cannot be encoded, are pushed
/// into `diagnostics`; the result is then `None`.
pub fn encode(
    lowered: &Lowered,
    features: &FeatureSet,
    diagnostics: &mut Diagnostics,
) -> Option<Encoded> {
    let errors_before = diagnostics.error_count();
    let encodings = encode_items(lowered, features, diagnostics);
    if diagnostics.error_count() > errors_before {
        return None;
    }
    let mut layout = branches::relax(lowered, encodings, features);
    stretch::stretch(&mut layout, lowered, features);
    let data = DataLayout::of(lowered, layout.code_len);
    let mut writer = Writer {
        encoded: Encoded {
            bytes: Vec::with_capacity(data.end as usize),
            code_len: layout.code_len as usize,
            align: alignment(lowered, &data),
            item_offsets: layout.offsets.clone(),
            data_offsets: data.offsets.clone(),
            patches: Vec::new(),
            data_references: Vec::new(),
        },
        layout: &layout,
        convention: lowered.convention,
        diagnostics,
    };
    for (index, item) in lowered.items.iter().enumerate() {
        writer.item(index, item);
    }
    writer.data(lowered, &data);
    let encoded = writer.encoded;
    (diagnostics.error_count() == errors_before).then_some(encoded)
}

/// The bytes of every instruction, with short branches.
fn encode_items(
    lowered: &Lowered,
    features: &FeatureSet,
    diagnostics: &mut Diagnostics,
) -> Vec<Encoding> {
    let mut encodings = Vec::with_capacity(lowered.items.len());
    for item in &lowered.items {
        let Code::Inst(inst) = &item.code else {
            encodings.push(Encoding::default());
            continue;
        };
        let relative = lowered.in_text.then(|| relative_address(inst)).flatten();
        match isa::encode(relative.as_ref().unwrap_or(inst), features, BranchSize::Short) {
            Ok(encoding) => encodings.push(encoding),
            Err(error) => {
                diagnostics.push(no_encoding(inst, &error, item.span));
                encodings.push(Encoding::default());
            }
        }
    }
    encodings
}

/// A displacement may be beyond what `disp8` asks for; anything else was accepted by mistake.
fn no_encoding(inst: &Instruction<PhysReg>, error: &SelectError, span: Span) -> Diagnostic {
    let name = inst.mnemonic.name();
    match error {
        SelectError::OutOfRange { accepted, .. } => {
            let message = format!("the displacement of this `{name}` is out of range");
            Diagnostic::new(DiagnosticCode::OutOfRange, span, message)
                .note(format!("`disp8` takes {accepted}"))
                .help("remove `disp8`: the shortest displacement that fits is used")
        }
        _ => {
            let message = format!("`{name}` with these registers has no encoding");
            Diagnostic::new(DiagnosticCode::Internal, span, message)
                .note(format!("{error:?} for {:?}", inst.operands))
                .note("this is a bug in peach; please report it with the kernel")
        }
    }
}

/// `mov r64, sym` in code that may hold no absolute address: `lea r64, [rip + …]`.
fn relative_address(inst: &Instruction<PhysReg>) -> Option<Instruction<PhysReg>> {
    let [Operand::Reg(register), Operand::RustSym(_)] = inst.operands.as_slice() else {
        return None;
    };
    let address = Operand::Mem(Mem::new(Base::Rip, 0));
    Some(Instruction::new(Mnemonic::parse("lea")?, vec![Operand::Reg(*register), address]))
}

fn alignment(lowered: &Lowered, data: &DataLayout) -> u32 {
    let code = lowered.items.iter().filter_map(|item| match item.code {
        Code::Align(bytes) => Some(bytes),
        _ => None,
    });
    let bundle = lowered.convention.sandbox.as_ref().map(|sandbox| sandbox.bundle);
    code.chain(bundle).chain([FUNCTION_ALIGN, data.align]).max().unwrap_or(FUNCTION_ALIGN)
}

/// Puts the bytes together, with every field that is known by now.
struct Writer<'a> {
    encoded: Encoded,
    layout: &'a Layout,
    convention: &'static Convention,
    diagnostics: &'a mut Diagnostics,
}

impl Writer<'_> {
    fn item(&mut self, index: usize, item: &Item) {
        let start = self.encoded.bytes.len();
        debug_assert_eq!(start, self.encoded.item_offsets[index] as usize);
        match &item.code {
            Code::Label(_) => {}
            Code::Bytes(bytes) => self.encoded.bytes.extend(bytes),
            Code::Align(_) if index + 1 == self.encoded.item_offsets.len() => {
                self.encoded.bytes.resize(self.encoded.code_len, self.convention.filler());
            }
            Code::Align(_) | Code::Group(_) => self.pad_code(self.layout.end(index) as usize),
            Code::Inst(inst) => {
                let encoding = &self.layout.encodings[index];
                self.encoded.bytes.extend(&encoding.bytes);
                self.fields(inst, encoding, start as u32);
                if let Some(field) = encoding.branch {
                    self.branch(item, inst, field, start as u32);
                }
            }
        }
    }

    /// Nops up to `end`, none of which crosses the border of a bundle.
    fn pad_code(&mut self, end: usize) {
        let bundle = self.convention.bundle() as usize;
        while self.encoded.bytes.len() < end {
            let start = self.encoded.bytes.len();
            let missing = end.min((start + 1).next_multiple_of(bundle)) - start;
            self.encoded.bytes.extend(isa::nop(missing.min(longest_nop(missing))));
        }
    }

    /// Displacements of data, and what others fill in.
    fn fields(&mut self, inst: &Instruction<PhysReg>, encoding: &Encoding, start: u32) {
        let end = start + encoding.bytes.len() as u32;
        for operand in &inst.operands {
            match operand {
                Operand::Mem(mem) => {
                    if let Some(field) = encoding.disp {
                        self.displacement(mem, field, start, end);
                    }
                }
                Operand::RustConst(id) => {
                    self.patch(encoding.imm, PatchValue::Const(*id, 0), start, end);
                }
                Operand::RustSym(id) => {
                    let absolute = encoding.imm.is_some_and(|field| field.size == 8);
                    let value =
                        if absolute { PatchValue::Address(*id) } else { PatchValue::Relative(*id) };
                    self.patch(encoding.imm.or(encoding.disp), value, start, end);
                }
                Operand::Reg(_) | Operand::Imm(_) | Operand::Label(_) | Operand::Relative(_) => {}
            }
        }
    }

    fn displacement(&mut self, mem: &Mem<PhysReg>, field: Field, start: u32, end: u32) {
        let place = match mem.base {
            Base::Data(data) => {
                let offset = start + u32::from(field.offset);
                let addend = mem.disp;
                self.encoded.data_references.push(DataReference { offset, end, data, addend });
                i64::from(self.data_offset(data)) - i64::from(end)
            }
            _ => 0,
        };
        let value = place + mem.disp;
        if let Some(symbol) = mem.symbol {
            return self.patch(Some(field), PatchValue::Memory(symbol, mem.disp), start, end);
        }
        match mem.disp_const {
            Some(id) => self.patch(Some(field), PatchValue::Const(id, value), start, end),
            None => self.put(field, start, value),
        }
    }

    fn data_offset(&self, id: DataId) -> u32 {
        self.encoded.data_offsets[id.index()]
    }

    fn patch(&mut self, field: Option<Field>, value: PatchValue, start: u32, end: u32) {
        if let Some(Field { offset, size }) = field {
            let offset = start + u32::from(offset);
            self.encoded.patches.push(Patch { offset, size, value, end });
        }
    }

    fn put(&mut self, field: Field, start: u32, value: i64) {
        let at = start as usize + usize::from(field.offset);
        let size = usize::from(field.size);
        self.encoded.bytes[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
    }

    fn branch(&mut self, item: &Item, inst: &Instruction<PhysReg>, field: Field, start: u32) {
        let Some(label) = target(inst) else { return };
        let end = self.encoded.bytes.len() as i64;
        let distance = i64::from(self.layout.label_offset(label)) - end;
        if field.size == 1 && i8::try_from(distance).is_err() {
            let name = inst.mnemonic.name();
            let message = format!("this `{name}` is {distance} bytes from its target");
            let diagnostic = Diagnostic::new(DiagnosticCode::BranchOutOfRange, item.span, message)
                .note("its range is -128 to 127 bytes, counted from its end");
            self.diagnostics.push(match name {
                "jrcxz" | "jecxz" => diagnostic
                    .help("`test rcx, rcx; jz …;` has no such limit, but changes the flags"),
                "loop" | "loope" | "loopne" => {
                    diagnostic.help("`dec rcx; jnz …;` has no such limit, but changes the flags")
                }
                _ => diagnostic.help("remove `short`"),
            });
        }
        self.put(field, start, distance);
    }

    /// The constants, with filler between.
    fn data(&mut self, lowered: &Lowered, data: &DataLayout) {
        self.encoded.bytes.resize(data.end as usize, self.convention.filler());
        for (content, &offset) in lowered.data.iter().zip(&data.offsets) {
            if offset == u32::MAX {
                continue;
            }
            let start = offset as usize;
            match &content.content {
                DataContent::Bytes(bytes) => {
                    self.encoded.bytes[start..start + bytes.len()].copy_from_slice(bytes);
                }
                DataContent::Jumps(labels) => {
                    for (index, &label) in labels.iter().enumerate() {
                        let distance =
                            i64::from(self.layout.label_offset(label)) - i64::from(offset);
                        let field = Field { offset: 0, size: 4 };
                        self.put(field, offset + 4 * index as u32, distance);
                    }
                }
                // Its bytes are written by rustc.
                DataContent::Rust(_) => {}
            }
        }
    }
}

/// The label that an instruction may jump to.
fn target(inst: &Instruction<PhysReg>) -> Option<LabelId> {
    inst.operands.iter().find_map(|operand| match operand {
        Operand::Label(branch) => Some(branch.label),
        _ => None,
    })
}

/// The longest nop to begin a padding of `missing` bytes with: nops of up to 9 bytes decode without
/// a penalty everywhere, more prefixes do not, and the last ones should not be tiny.
fn longest_nop(missing: usize) -> usize {
    match missing {
        0..=9 => missing,
        10..=18 => missing.div_ceil(2),
        _ => 9,
    }
}
