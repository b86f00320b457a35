//! What every listing consists of, whatever the assembler: functions, constants, symbols of others.
//!
//! In: a [`Module`]. Out: an [`Outline`], in which everything that a listing names has a name.
//! Invariants: names are made of letters, digits and `_`, and are distinct, in every function and
//! among the constants of the module; equal constants are one; order is that of the module.

use crate::emit::Module;
use crate::emit::module::{Externals, ModuleFunction};
use crate::encode::PatchValue;
use crate::ir::{
    Base, Code, DataContent, DataId, Instruction, Item, LabelId, Mem, Operand, RustConstId,
    RustSymId,
};
use crate::isa::{Names, PhysReg};
use proc_macro2::Span;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// A module, taken apart for a listing.
#[derive(Default)]
pub(super) struct Outline<'a> {
    pub functions: Vec<Function<'a>>,
    /// Each once.
    pub constants: Vec<Constant<'a>>,
    /// Symbols that the module uses and does not define, each once, in the order of their use.
    pub externals: Vec<External<'a>>,
    /// Which of them has a name.
    number_of: HashMap<&'a str, usize>,
}

/// A symbol that another object defines.
pub(super) struct External<'a> {
    pub name: &'a str,
    /// Whether it is called anywhere.
    pub is_called: bool,
}

/// Read-only data.
pub(super) struct Constant<'a> {
    pub name: String,
    pub align: u32,
    pub bytes: &'a [u8],
}

/// One function.
pub(super) struct Function<'a> {
    pub source: &'a ModuleFunction,
    /// By label, distinct within the function.
    pub labels: Vec<String>,
    /// By label, distinct in the module: with the function's name before it.
    pub full_labels: Vec<String>,
    /// By constant; empty for what is not used.
    pub data: Vec<String>,
    /// After the code.
    pub jump_tables: Vec<JumpTable<'a>>,
    /// By symbol of the program around.
    pub symbols: Vec<&'a str>,
    /// What its unwind information is called.
    pub unwind: String,
}

/// A 32-bit field that holds the distance of a constant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reference {
    /// The field's first byte, counted from the start of the instruction.
    pub at: usize,
    pub place: Anchor,
    /// Added to its address.
    pub addend: i64,
    /// Where the instruction ends, counted from the start of the function.
    pub end: u32,
}

/// What a distance in an instruction is to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    /// A constant of the function.
    Data(DataId),
    /// An item outside, by its symbol.
    Symbol(RustSymId),
}

/// A symbol in an instruction.
#[derive(Clone, Copy)]
pub(super) struct SymbolUse<'a> {
    pub name: &'a str,
    /// By its distance, not its address.
    pub is_relative: bool,
    /// The module defines it.
    pub is_own: bool,
}

/// 32-bit distances of labels from the table's own start.
pub(super) struct JumpTable<'a> {
    pub name: String,
    pub targets: &'a [LabelId],
}

/// An item of the code with what is known of it.
pub(super) struct Line<'a> {
    pub item: &'a Item,
    /// Where it starts, and where the next one does.
    pub start: u32,
    pub bytes: &'a [u8],
}

impl<'a> Outline<'a> {
    pub fn of(module: &'a Module) -> Outline<'a> {
        let mut outline = Outline::default();
        let externals = Externals::of(module);
        let mut names = Distinct::default();
        for function in &module.functions {
            function.symbols().for_each(|symbol| drop(names.take(symbol.name.to_string())));
            for id in 0..function.outside.symbols.len() as u32 {
                names.take(externals.symbol(function, RustSymId(id)).to_string());
            }
        }
        let mut known: HashMap<&[u8], usize> = HashMap::new();
        let symbols = module.functions.iter().flat_map(|function| function.symbols());
        let defined: HashSet<&str> = symbols.map(|symbol| symbol.name).collect();
        for source in &module.functions {
            let symbol_of = |id| externals.symbol(source, RustSymId(id));
            let symbols: Vec<&str> =
                (0..source.outside.symbols.len() as u32).map(symbol_of).collect();
            for (name, is_called) in used_symbols(source, &symbols) {
                if defined.contains(name) {
                    continue;
                }
                let next = outline.externals.len();
                let index = *outline.number_of.entry(name).or_insert(next);
                match outline.externals.get_mut(index) {
                    Some(external) => external.is_called |= is_called,
                    None => outline.externals.push(External { name, is_called }),
                }
            }
            let mut function = Function {
                source,
                labels: label_names(source),
                full_labels: Vec::new(),
                data: vec![String::new(); source.compiled.lowered.data.len()],
                jump_tables: Vec::new(),
                symbols,
                unwind: String::new(),
            };
            let symbol = identifier(&source.symbol);
            let full = |label: &String| names.take(format!("{symbol}_{label}"));
            function.full_labels = function.labels.iter().map(full).collect();
            function.unwind = names.take(format!("{symbol}_unwind"));
            outline.add_data(&mut function, &mut names, &mut known);
            outline.functions.push(function);
        }
        outline
    }

    /// Names the constants of a function, and adds those that no function before has.
    fn add_data(
        &mut self,
        function: &mut Function<'a>,
        names: &mut Distinct,
        known: &mut HashMap<&'a [u8], usize>,
    ) {
        let compiled = &function.source.compiled;
        for (id, data) in compiled.lowered.data.iter().enumerate() {
            if compiled.encoded.data_offsets[id] == u32::MAX {
                continue;
            }
            let own = data.name.as_deref().map_or_else(|| format!("c{id}"), identifier);
            let name = format!("{}_{own}", identifier(&function.source.symbol));
            function.data[id] = match &data.content {
                DataContent::Jumps(targets) => {
                    let name = names.take(name);
                    function.jump_tables.push(JumpTable { name: name.clone(), targets });
                    name
                }
                DataContent::Bytes(bytes) => {
                    let index = *known.entry(bytes).or_insert_with(|| {
                        let name = names.take(name);
                        self.constants.push(Constant { name, align: data.align, bytes });
                        self.constants.len() - 1
                    });
                    let constant = &mut self.constants[index];
                    constant.align = constant.align.max(data.align);
                    constant.name.clone()
                }
                // Outside of Rust, they were refused.
                DataContent::Rust(_) => continue,
            };
        }
    }

    /// The largest alignment of a constant.
    pub fn constant_align(&self) -> u32 {
        self.constants.iter().map(|constant| constant.align).max().unwrap_or(1)
    }

    /// The largest alignment of a function.
    pub fn code_align(&self) -> u32 {
        self.functions.iter().map(|f| f.source.compiled.encoded.align).max().unwrap_or(1)
    }
}

impl<'a> Function<'a> {
    /// The items of the code.
    pub fn lines(&self) -> impl Iterator<Item = Line<'a>> + use<'a> {
        let encoded = &self.source.compiled.encoded;
        let items = &self.source.compiled.lowered.items;
        items.iter().enumerate().map(|(index, item)| {
            let Range { start, end } = encoded.item_range(index);
            Line { item, start, bytes: &encoded.bytes[start as usize..end as usize] }
        })
    }

    /// The symbol that an instruction refers to.
    pub fn symbol(&self, line: &Line, outline: &Outline<'a>) -> Option<SymbolUse<'a>> {
        let range = line.start..line.start + line.bytes.len() as u32;
        let patches = &self.source.compiled.encoded.patches;
        let first = patches.partition_point(|patch| patch.offset < line.start);
        let patch = patches.get(first).filter(|patch| range.contains(&patch.offset))?;
        let (id, is_relative) = match patch.value {
            PatchValue::Address(id) => (id, false),
            PatchValue::Relative(id) => (id, true),
            PatchValue::Const(..) | PatchValue::Memory(..) => return None,
        };
        let name = self.symbols[id.index()];
        let is_own = !outline.number_of.contains_key(name);
        Some(SymbolUse { name, is_relative, is_own })
    }

    /// Where an instruction refers to a constant.
    pub fn reference(&self, line: &Line) -> Option<Reference> {
        let range = line.start..line.start + line.bytes.len() as u32;
        let references = &self.source.compiled.encoded.data_references;
        let first = references.partition_point(|reference| reference.offset < line.start);
        let found = references.get(first).filter(|reference| range.contains(&reference.offset));
        let Some(found) = found else { return self.place_in_symbol(&range) };
        let at = (found.offset - line.start) as usize;
        let place = Anchor::Data(found.data);
        Some(Reference { at, place, addend: found.addend, end: found.end })
    }

    /// Where an instruction in a range of the code refers to a place in an item outside.
    fn place_in_symbol(&self, range: &Range<u32>) -> Option<Reference> {
        let patches = &self.source.compiled.encoded.patches;
        let first = patches.partition_point(|patch| patch.offset < range.start);
        let found = patches.get(first).filter(|patch| range.contains(&patch.offset))?;
        let PatchValue::Memory(id, addend) = found.value else { return None };
        let at = (found.offset - range.start) as usize;
        Some(Reference { at, place: Anchor::Symbol(id), addend, end: found.end })
    }

    /// The instruction with the values of its Rust constants.
    pub fn with_numbers(&self, inst: &Instruction<PhysReg>) -> Instruction<PhysReg> {
        let value = |id: RustConstId| self.source.outside.consts[id.index()];
        let mut inst = inst.clone();
        for operand in &mut inst.operands {
            match operand {
                Operand::RustConst(id) => *operand = Operand::Imm(value(*id)),
                Operand::Mem(mem) => {
                    if let Some(id) = mem.disp_const.take() {
                        mem.disp += value(id) as i64;
                    }
                }
                _ => {}
            }
        }
        inst
    }

    /// How far into the code each label is.
    pub fn label_offsets(&self) -> Vec<u32> {
        let encoded = &self.source.compiled.encoded;
        let mut offsets = vec![encoded.code_len as u32; self.labels.len()];
        for (item, &offset) in self.source.compiled.lowered.items.iter().zip(&encoded.item_offsets)
        {
            if let Code::Label(label) = item.code {
                offsets[label.index()] = offset;
            }
        }
        offsets
    }

    /// The alignment of the jump tables.
    pub const JUMP_TABLE_ALIGN: u32 = 4;
}

/// Every symbol that a listing of the module writes, with the place that asks for it.
pub(super) fn symbols(module: &Module) -> Vec<(&str, Span)> {
    let defined = module.functions.iter().flat_map(|function| {
        let span = function.compiled.function.span;
        function.symbols().map(move |symbol| (symbol.name, span))
    });
    defined.chain(references(module)).collect()
}

/// Every symbol that the code of the module refers to, with the place that does.
pub(super) fn references(module: &Module) -> Vec<(&str, Span)> {
    let mut symbols = Vec::new();
    let externals = Externals::of(module);
    for function in &module.functions {
        for (id, used) in (0..).zip(&function.compiled.lowered.rust_syms) {
            symbols.push((externals.symbol(function, RustSymId(id)), used.span));
        }
    }
    symbols
}

/// The symbols whose addresses the code really has, and whether it calls them.
fn used_symbols<'a>(function: &ModuleFunction, symbols: &[&'a str]) -> Vec<(&'a str, bool)> {
    let patches = function.compiled.encoded.patches.iter();
    let used = patches.filter_map(|patch| match patch.value {
        PatchValue::Address(id) => Some((symbols[id.index()], false)),
        PatchValue::Relative(id) => Some((symbols[id.index()], is_call(function, patch.offset))),
        PatchValue::Memory(id, _) => Some((symbols[id.index()], false)),
        PatchValue::Const(..) => None,
    });
    used.collect()
}

/// Whether the instruction at a place is a call.
fn is_call(function: &ModuleFunction, at: u32) -> bool {
    let (encoded, items) = (&function.compiled.encoded, &function.compiled.lowered.items);
    let item = encoded.item_offsets.partition_point(|&start| start <= at) - 1;
    matches!(&items[item].code, Code::Inst(inst) if !matches!(inst.operands[0], Operand::Reg(_)))
}

/// The label after the code, where an assembler needs one.
pub(super) const END_OF_CODE: &str = "end_of_code";

/// The name of each label in the source, with a number where several have the same name.
fn label_names(function: &ModuleFunction) -> Vec<String> {
    let mut distinct = Distinct::default();
    distinct.take(END_OF_CODE.to_string());
    let count = function.compiled.lowered.label_count as u32;
    let name = |id| identifier(&Names::label(&function.compiled, LabelId(id)));
    (0..count).map(|id| distinct.take(name(id))).collect()
}

/// Letters, digits and `_` of a name: `'case[3]` is `case_3`.
pub(super) fn identifier(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for ch in name.chars() {
        match ch {
            _ if ch.is_ascii_alphanumeric() || ch == '_' => text.push(ch),
            _ if text.is_empty() || text.ends_with('_') => {}
            _ => text.push('_'),
        }
    }
    let trimmed = text.trim_end_matches('_');
    match trimmed.chars().next() {
        None => "_".to_string(),
        Some(first) if first.is_ascii_digit() => format!("_{trimmed}"),
        Some(_) => trimmed.to_string(),
    }
}

/// Hands out names, none twice, be it in upper or lower case.
#[derive(Default)]
struct Distinct(HashSet<String>);

impl Distinct {
    fn take(&mut self, wanted: String) -> String {
        if self.0.insert(wanted.to_ascii_lowercase()) {
            return wanted;
        }
        // `a_2` may be the name of something else.
        let mut number = 2;
        loop {
            let name = format!("{wanted}_{number}");
            if self.0.insert(name.to_ascii_lowercase()) {
                return name;
            }
            number += 1;
        }
    }
}

/// Calls labels and constants of a function by their names, with what the assembler puts before
/// them.
pub(super) struct Prefixed<'a> {
    pub labels: &'a [String],
    pub label_prefix: &'a str,
    pub data: &'a [String],
    pub data_prefix: &'a str,
    /// As the assembler has them.
    pub symbols: Vec<String>,
}

impl Names for Prefixed<'_> {
    fn label(&self, id: LabelId) -> String {
        format!("{}{}", self.label_prefix, self.labels[id.index()])
    }

    fn data(&self, id: DataId) -> String {
        format!("{}{}", self.data_prefix, self.data[id.index()])
    }

    fn rust_sym(&self, id: RustSymId) -> String {
        self.symbols[id.index()].clone()
    }
}

/// Whether an address is that of a constant or of a place in the code.
pub(super) fn is_relative(mem: &Mem<PhysReg>) -> bool {
    matches!(mem.base, Base::Data(_) | Base::Rip)
}
