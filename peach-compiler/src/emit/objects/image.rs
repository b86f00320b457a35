//! An object file of no format in particular: code, constants, and what a linker has to fill in.
//!
//! In: a [`Module`]. Out: an [`Image`].
//! Invariants: functions are in the order of the module, each aligned; what fills the space between
//! them stops the program. Jump tables are after the code of their function, as in listings and in
//! memory, and need no linker; in a sandbox, where only code may be there, they are constants. A
//! field that is relocated holds zero.
//!
//! Go's own linker relocates nothing in ELF files, unless the program uses shared libraries, and in
//! Mach-O files it knows no distances. So the functions of Go have their constants after their
//! code, and what they call in their own file is known without a linker.

use super::constants::Constants;
use crate::abi::Frames;
use crate::emit::Module;
use crate::emit::module::{Externals, ModuleFunction};
use crate::encode::{FUNCTION_ALIGN, Patch, PatchValue};
use crate::ir::{Code, Data, DataContent, DataId};
use std::collections::{HashMap, HashSet};

/// An entry of a jump table is read as a whole.
const JUMP_TABLE_ALIGN: usize = 4;

/// Sections, symbols and relocations.
pub(super) struct Image<'a> {
    pub module: &'a Module,
    /// The code of all functions.
    pub text: Section,
    pub functions: Vec<Function<'a>>,
    /// Constants in the code section.
    pub inner: Vec<Inner>,
    /// Where jump tables stand in the code section, by function.
    tables: HashMap<(usize, DataId), u32>,
    /// Read-only data, by function.
    pub constants: Constants,
    /// Symbols that other files define.
    pub externals: Vec<External>,
    pub relocations: Vec<Relocation>,
}

/// The bytes of a section.
pub(super) struct Section {
    pub bytes: Vec<u8>,
    pub align: u32,
}

/// A function in the code section.
pub(super) struct Function<'a> {
    pub source: &'a ModuleFunction,
    /// What linkers find it by.
    pub symbol: String,
    pub offset: u32,
    /// Of its code.
    pub size: u32,
    /// Where its code and what stands behind it end.
    pub end: u32,
    pub align: u32,
}

/// A constant in the code section.
pub(super) struct Inner {
    pub name: String,
    pub offset: u32,
    pub size: u32,
}

/// A symbol that another file defines.
pub(super) struct External {
    pub name: String,
    /// Whether it is called.
    pub is_function: bool,
}

/// A field that the linker fills in.
#[derive(Clone, Copy)]
pub(super) struct Relocation {
    /// The section that the field is in.
    pub place: Place,
    /// Where it is in the section.
    pub offset: u32,
    pub kind: Kind,
    pub target: Target,
    /// Added to the address of the target.
    pub addend: i64,
    /// Subtracted from the address of the target, as far as it is relative: the distance from the
    /// field to what it is relative to.
    pub origin: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Text,
    Data,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The address, in eight bytes.
    Absolute,
    /// An address relative to the end of the instruction, in four bytes. All below are of this
    /// form.
    Relative,
    /// The operand of `call` or `jmp`.
    Call,
    /// The operand of `lea r64, [rip + …]`, seven bytes that end with the field.
    Lea,
    /// An address relative to the constant that the field is in.
    Entry { table: usize },
}

#[derive(Clone, Copy)]
pub(super) enum Target {
    /// The start of a function, by its index.
    Function(usize),
    /// A place in the code of a function, by the function's index.
    Code(usize),
    /// A constant, by its index.
    Constant(usize),
    /// By its index.
    External(usize),
}

/// What names stand for.
struct Symbols<'a> {
    externals: Externals<'a>,
    /// The first function of each symbol.
    functions: HashMap<&'a str, usize>,
    /// Which of [`Image::externals`] has a name.
    numbers: HashMap<&'a str, usize>,
}

impl<'a> Symbols<'a> {
    fn of(module: &'a Module) -> Symbols<'a> {
        let mut functions = HashMap::new();
        for (index, function) in module.functions.iter().enumerate() {
            functions.entry(function.symbol.as_str()).or_insert(index);
        }
        Symbols { externals: Externals::of(module), functions, numbers: HashMap::new() }
    }
}

impl<'a> Image<'a> {
    /// Lays out what is in `module`. Linkers merge constants of the sizes `mergeable`.
    pub fn of(module: &'a Module, mergeable: &[u32]) -> Image<'a> {
        let mut image = Image {
            module,
            text: Section { bytes: Vec::new(), align: FUNCTION_ALIGN },
            functions: Vec::new(),
            inner: Vec::new(),
            tables: HashMap::new(),
            constants: Constants { all: Vec::new(), sections: Vec::new() },
            externals: Vec::new(),
            relocations: Vec::new(),
        };
        for (source, symbol) in module.functions.iter().zip(module.object_symbols()) {
            image.add_code(source, symbol);
        }
        let constants = image.add_constants(mergeable);
        let mut symbols = Symbols::of(module);
        for index in 0..image.functions.len() {
            image.relocate_data(index, &constants);
            image.relocate_symbols(index, &mut symbols);
        }
        image.relocations.sort_by_key(|relocation| (relocation.place as u8, relocation.offset));
        image
    }

    /// Bytes of an address in tables: 8, or 4 in ELF files of 32 bits.
    /// Native Client's files have 64 bits, whatever its pointers have.
    pub fn address_size(&self) -> u8 {
        let convention = self.module.target.convention;
        if convention.sandbox.is_some() { 8 } else { convention.pointer_size as u8 }
    }

    /// The path of the source as the user named it. No format has room for none, nor for a NUL.
    pub fn source_name(&self) -> String {
        let name = self.module.source.replace('\0', "");
        if name.is_empty() { "<kernels>".to_string() } else { name }
    }

    /// What fills the space between functions.
    fn filler(&self) -> u8 {
        self.module.target.convention.filler()
    }

    fn add_code(&mut self, source: &'a ModuleFunction, symbol: String) {
        let encoded = &source.compiled.encoded;
        let whole = is_self_contained(source);
        let align = if whole { encoded.align } else { alignment(source) };
        self.text.align = self.text.align.max(align);
        let start = self.text.bytes.len().next_multiple_of(align as usize);
        self.text.bytes.resize(start, self.filler());
        let len = if whole { encoded.bytes.len() } else { encoded.code_len };
        self.text.bytes.extend(&encoded.bytes[..len]);
        let (offset, size) = (start as u32, encoded.code_len as u32);
        if has_tables_in_code(source) {
            self.add_jump_tables(source, offset);
        }
        let end = self.text.bytes.len() as u32;
        self.functions.push(Function { source, symbol, offset, size, end, align });
    }

    /// Places the jump tables of a function behind its code.
    fn add_jump_tables(&mut self, source: &ModuleFunction, start: u32) {
        let encoded = &source.compiled.encoded;
        let mut references: HashMap<DataId, Vec<u32>> = HashMap::new();
        for reference in &encoded.data_references {
            references.entry(reference.data).or_default().push(reference.offset);
        }
        for (number, data) in source.compiled.lowered.data.iter().enumerate() {
            let behind_code = encoded.data_offsets[number];
            let DataContent::Jumps(labels) = &data.content else { continue };
            if behind_code == u32::MAX {
                continue;
            }
            let place = self.text.bytes.len().next_multiple_of(JUMP_TABLE_ALIGN);
            self.text.bytes.resize(place, self.filler());
            let moved = place as i64 - i64::from(start + behind_code);
            for entry in 0..labels.len() {
                let distance = read_i32(&encoded.bytes, behind_code as usize + 4 * entry) - moved;
                self.text.bytes.extend((distance as i32).to_le_bytes());
            }
            for offset in references.remove(&DataId(number as u32)).unwrap_or_default() {
                let field = (start + offset) as usize;
                let distance = read_i32(&self.text.bytes, field) + moved;
                self.text.bytes[field..field + 4].copy_from_slice(&(distance as i32).to_le_bytes());
            }
            let index = self.functions.len();
            self.tables.insert((index, DataId(number as u32)), place as u32);
        }
    }

    /// Places the constants of all functions. The result says which of [`Image::constants`] is
    /// which of a function's.
    fn add_constants(&mut self, mergeable: &[u32]) -> HashMap<(usize, DataId), usize> {
        let mut ids = HashMap::new();
        let (mut contents, mut all_names) = (Vec::new(), Vec::new());
        for (index, function) in self.functions.iter().enumerate() {
            let mut names = Names::default();
            let source = function.source;
            for (number, data) in source.compiled.lowered.data.iter().enumerate() {
                let behind_code = source.compiled.encoded.data_offsets[number];
                let name = format!("{}.{}", source.symbol, names.of(data));
                let size = data.content.len() as u32;
                if behind_code == u32::MAX {
                    continue;
                }
                if let Some(&offset) = self.tables.get(&(index, DataId(number as u32))) {
                    self.inner.push(Inner { name, offset, size });
                    continue;
                }
                if is_self_contained(source) {
                    self.inner.push(Inner { name, offset: function.offset + behind_code, size });
                    continue;
                }
                ids.insert((index, DataId(number as u32)), contents.len());
                contents.push(data);
                all_names.push(name);
            }
        }
        // A sandbox has its own rules for what stands where.
        let is_sandboxed = self.module.target.convention.sandbox.is_some();
        let mergeable = if is_sandboxed { &[] } else { mergeable };
        self.constants = Constants::place(&contents, all_names, mergeable);
        ids
    }

    /// Where the code addresses constants, and where jump tables address the code.
    fn relocate_data(&mut self, index: usize, constants: &HashMap<(usize, DataId), usize>) {
        let &Function { source, offset: start, .. } = &self.functions[index];
        let encoded = &source.compiled.encoded;
        for reference in &encoded.data_references {
            let Some(&constant) = constants.get(&(index, reference.data)) else { continue };
            let field = (start + reference.offset) as usize;
            // The field counts from the end of the function's own code, and has every
            // number in it that was added to the address.
            let old = self.take_field(field);
            let behind_code = encoded.data_offsets[reference.data.index()];
            self.relocations.push(Relocation {
                place: Place::Text,
                offset: field as u32,
                kind: Kind::Relative,
                target: Target::Constant(constant),
                addend: old - (i64::from(behind_code) - i64::from(reference.end)),
                origin: i64::from(reference.end - reference.offset),
            });
        }
        for (number, data) in source.compiled.lowered.data.iter().enumerate() {
            let behind_code = encoded.data_offsets[number];
            if let DataContent::Jumps(labels) = &data.content
                && let Some(&table) = constants.get(&(index, DataId(number as u32)))
            {
                for entry in 0..labels.len() as u32 {
                    let at = (behind_code + 4 * entry) as usize;
                    let distance = read_i32(&encoded.bytes, at);
                    self.relocations.push(Relocation {
                        place: Place::Data,
                        offset: self.constants.all[table].offset + 4 * entry,
                        kind: Kind::Entry { table },
                        target: Target::Code(index),
                        addend: distance + i64::from(behind_code),
                        origin: -i64::from(4 * entry),
                    });
                }
            }
        }
    }

    /// Where the code names functions and data of the program around it.
    fn relocate_symbols(&mut self, index: usize, symbols: &mut Symbols<'a>) {
        let &Function { source, offset: start, .. } = &self.functions[index];
        for patch in &source.compiled.encoded.patches {
            let (kind, symbol, addend) = match patch.value {
                PatchValue::Const(..) => continue,
                PatchValue::Address(symbol) => (Kind::Absolute, symbol, 0),
                PatchValue::Relative(symbol) if is_call(source, patch) => (Kind::Call, symbol, 0),
                PatchValue::Relative(symbol) => (Kind::Lea, symbol, 0),
                PatchValue::Memory(symbol, addend) => (Kind::Relative, symbol, addend),
            };
            let name = symbols.externals.symbol(source, symbol);
            let target = self.symbol(name, kind == Kind::Call, symbols);
            if let (Target::Function(other), true) = (target, kind != Kind::Absolute)
                && is_self_contained(source)
            {
                let end = (start + patch.end) as i32;
                let distance = self.functions[other].offset as i32 + addend as i32 - end;
                let field = (start + patch.offset) as usize;
                self.text.bytes[field..field + 4].copy_from_slice(&distance.to_le_bytes());
                continue;
            }
            let offset = start + patch.offset;
            let field = offset as usize;
            self.text.bytes[field..field + usize::from(patch.size)].fill(0);
            self.relocations.push(Relocation {
                place: Place::Text,
                offset,
                kind,
                target,
                addend,
                origin: i64::from(patch.end - patch.offset),
            });
        }
    }

    /// The function or the external symbol of a name.
    fn symbol(&mut self, name: &'a str, is_function: bool, symbols: &mut Symbols<'a>) -> Target {
        if let Some(&index) = symbols.functions.get(name) {
            return Target::Function(index);
        }
        let index = *symbols.numbers.entry(name).or_insert_with(|| {
            self.externals.push(External { name: name.to_string(), is_function });
            self.externals.len() - 1
        });
        self.externals[index].is_function |= is_function;
        Target::External(index)
    }

    /// Reads a field of the code and clears it.
    fn take_field(&mut self, field: usize) -> i64 {
        let value = read_i32(&self.text.bytes, field);
        self.text.bytes[field..field + 4].fill(0);
        value
    }
}

/// Names of the constants of one function: their own, and `const0`, `const1`, … for literals.
#[derive(Default)]
struct Names {
    literals: u32,
    taken: HashSet<String>,
}

impl Names {
    fn of(&mut self, data: &Data) -> String {
        let Some(name) = &data.name else {
            self.literals += 1;
            return format!("const{}", self.literals - 1);
        };
        // Tables of different scopes may have one name.
        let mut unique = name.clone();
        let mut number = 1;
        while !self.taken.insert(unique.clone()) {
            number += 1;
            unique = format!("{name}.{number}");
        }
        unique
    }
}

/// Whether the constants of a function are after its code.
fn is_self_contained(source: &ModuleFunction) -> bool {
    source.convention().frames == Frames::Go
}

/// Whether the jump tables of a function stand behind its code, and its constants elsewhere.
fn has_tables_in_code(source: &ModuleFunction) -> bool {
    !is_self_contained(source) && source.convention().sandbox.is_none()
}

/// What the code of a function asks for; its constants are elsewhere.
fn alignment(source: &ModuleFunction) -> u32 {
    let demanded = source.compiled.lowered.items.iter().filter_map(|item| match item.code {
        Code::Align(bytes) => Some(bytes),
        _ => None,
    });
    let bundle = source.convention().sandbox.map(|sandbox| sandbox.bundle);
    demanded.chain(bundle).fold(FUNCTION_ALIGN, u32::max)
}

/// Whether the field is the operand of a `call` or of a tail call; else it is that of a `lea`.
fn is_call(source: &ModuleFunction, patch: &Patch) -> bool {
    let items = &source.compiled.encoded.item_offsets;
    let item = items.partition_point(|&start| start <= patch.offset).saturating_sub(1);
    match &source.compiled.lowered.items[item].code {
        Code::Inst(inst) => inst.mnemonic.name() == "call" || inst.is_tail_call(),
        _ => false,
    }
}

fn read_i32(bytes: &[u8], at: usize) -> i64 {
    let field = bytes[at..at + 4].try_into().expect("four bytes");
    i64::from(i32::from_le_bytes(field))
}
