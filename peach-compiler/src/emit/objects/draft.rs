//! Sections and symbols, as all formats have them.
//!
//! In: an [`Image`] and an empty object file. Out: a [`Draft`] with code, constants and all
//! symbols, to which a format adds its relocations and what is its own.

use super::chunks::{Chunks, Sections};
use super::image::{self, Function, Image, Place, Target};
use super::pools::Pools;
use super::recorder::Recorded;
use crate::abi::Frames;
use crate::emit::linkage::Symbol;
use object::write::{
    self, Comdat, Object, Relocation, RelocationFlags, SectionId, SymbolId, SymbolSection,
};
use object::{
    BinaryFormat, ComdatKind, RelocationEncoding, RelocationKind, SectionKind, SymbolFlags,
    SymbolKind, SymbolScope,
};
use std::collections::HashMap;

/// An object file under construction.
pub(super) struct Draft {
    pub object: Object<'static>,
    pub code: Chunks,
    pub data: Pools,
    /// By the index of the function.
    pub functions: Vec<SymbolId>,
    /// By the index of the constant; `None` where it has no symbol of its own.
    pub constants: Vec<Option<SymbolId>>,
    /// By the index of the external symbol.
    pub externals: Vec<SymbolId>,
}

/// Which constants have symbols.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ConstantSymbols {
    /// All.
    All,
    /// Those that no other contains.
    Owners,
}

impl Draft {
    pub fn new(
        image: &Image,
        mut object: Object<'static>,
        sections: Sections,
        which: ConstantSymbols,
    ) -> Draft {
        object.add_file_symbol(image.source_name().into_bytes());
        let code = Chunks::add(image, &mut object, sections);
        let data = Pools::add(&image.constants, &mut object);
        let mut draft = Draft {
            object,
            code,
            data,
            functions: Vec::new(),
            constants: Vec::new(),
            externals: Vec::new(),
        };
        let is_shared = draft.is_shared(image);
        if draft.object.format() == BinaryFormat::Coff {
            // The symbol of a COMDAT section has to come before those of what is in it.
            let sections: Vec<SectionId> = draft.code.all().collect();
            for section in sections.into_iter().filter(|_| is_shared || draft.code.are_divided()) {
                draft.object.section_symbol(section);
            }
        }
        draft.add_symbols(image, which);
        if let (true, Some(&symbol)) = (is_shared, draft.functions.first()) {
            // Sizes are compared, so that two versions of a name that the user gave are noticed.
            let kind = ComdatKind::SameSize;
            let sections = vec![draft.code.first()];
            draft.object.add_comdat(Comdat { kind, symbol, sections });
        }
        draft
    }

    /// Whether another object may have the same code, which the linker is to take once. COFF says
    /// so of a section (Microsoft, "PE format", COMDAT sections), other formats of symbols.
    fn is_shared(&self, image: &Image) -> bool {
        self.object.format() == BinaryFormat::Coff && image.functions.iter().any(is_go)
    }

    fn add_symbols(&mut self, image: &Image, which: ConstantSymbols) {
        for (index, constant) in image.constants.all.iter().enumerate() {
            let is_shared = self.data.shared(constant.section, constant.offset).is_some();
            let has_symbol =
                !is_shared && (which == ConstantSymbols::All || constant.owner == index);
            let symbol = has_symbol.then(|| {
                let (section, offset) = self.data.at(constant.section, constant.offset);
                self.object.add_symbol(write::Symbol {
                    name: constant.name.clone().into_bytes(),
                    value: offset.into(),
                    size: constant.size.into(),
                    kind: SymbolKind::Data,
                    scope: SymbolScope::Compilation,
                    weak: false,
                    section: SymbolSection::Section(section),
                    flags: SymbolFlags::None,
                })
            });
            self.constants.push(symbol);
        }
        // A symbol would part a constant from its code, where symbols start parts of their own. And
        // Go's linker takes every local symbol of a shared section for the section's own.
        let has_local_names = !self.is_shared(image);
        let has_inner = has_local_names && which == ConstantSymbols::All;
        for inner in image.inner.iter().filter(|_| has_inner) {
            let (section, offset) = self.code.at(inner.offset);
            self.object.add_symbol(write::Symbol {
                name: inner.name.clone().into_bytes(),
                value: offset.into(),
                size: inner.size.into(),
                kind: SymbolKind::Data,
                scope: SymbolScope::Compilation,
                weak: false,
                section: SymbolSection::Section(section),
                flags: SymbolFlags::None,
            });
        }
        let mut aliases: HashMap<&str, SymbolId> = HashMap::new();
        for function in &image.functions {
            let source = function.source;
            let own = source.own_symbol();
            let is_own = own.name == function.symbol;
            let symbol = self.add_function(function, Symbol { name: &function.symbol, ..own });
            self.functions.push(symbol);
            // Go's linker has another symbol. This is for debuggers; and what the author asks for,
            // linkers find.
            if !is_own && source.is_named_for_linkers() {
                self.add_function(function, own);
            } else if !is_own && has_local_names {
                self.add_local_name(function, own.name);
            }
            for alias in source.aliases() {
                aliases.insert(alias.name, self.add_function(function, alias));
            }
        }
        for external in &image.externals {
            // Of a weak alias, other files may have another definition, which is then meant.
            if let Some(&alias) = aliases.get(external.name.as_str()) {
                self.externals.push(alias);
                continue;
            }
            self.externals.push(self.object.add_symbol(write::Symbol {
                name: external.name.clone().into_bytes(),
                value: 0,
                size: 0,
                kind: if external.is_function { SymbolKind::Text } else { SymbolKind::Data },
                scope: SymbolScope::Dynamic,
                weak: false,
                section: SymbolSection::Undefined,
                flags: SymbolFlags::None,
            }));
        }
    }

    fn add_function(&mut self, function: &Function<'_>, symbol: Symbol<'_>) -> SymbolId {
        // Those of Go are Go's to export; and two packages may have the same code.
        let is_coff = self.object.format() == BinaryFormat::Coff;
        let (scope, weak) = match (is_go(function), symbol.is_public) {
            (true, _) => (SymbolScope::Dynamic, !is_coff),
            (false, true) => (SymbolScope::Dynamic, symbol.is_weak),
            (false, false) => (SymbolScope::Linkage, symbol.is_weak),
        };
        self.add_symbol_of(function, symbol.name, scope, weak)
    }

    fn add_local_name(&mut self, function: &Function<'_>, name: &str) {
        self.add_symbol_of(function, name, SymbolScope::Compilation, false);
    }

    fn add_symbol_of(
        &mut self,
        function: &Function<'_>,
        name: &str,
        scope: SymbolScope,
        weak: bool,
    ) -> SymbolId {
        let (section, offset) = self.code.at(function.offset);
        self.object.add_symbol(write::Symbol {
            name: name.as_bytes().to_vec(),
            value: offset.into(),
            size: function.size.into(),
            kind: SymbolKind::Text,
            scope,
            weak,
            section: SymbolSection::Section(section),
            flags: SymbolFlags::None,
        })
    }

    /// Where the field of a relocation is.
    pub fn place(&self, relocation: &image::Relocation) -> (SectionId, u32) {
        match relocation.place {
            Place::Text => self.code.at(relocation.offset),
            // In a sandbox, where all constants are in one section.
            Place::Data => self.data.at(0, relocation.offset),
        }
    }

    /// The symbol that stands for a target, and what to add to its address. Places in the code
    /// count from the start of the section.
    pub fn target(&mut self, image: &Image, target: Target) -> (SymbolId, i64) {
        match target {
            Target::Function(index) => (self.functions[index], 0),
            Target::External(index) => (self.externals[index], 0),
            Target::Code(index) => {
                let (section, offset) = self.code.at(image.functions[index].offset);
                (self.object.section_symbol(section), offset.into())
            }
            Target::Constant(index) => {
                let constants = &image.constants.all;
                let constant = &constants[index];
                if let Some((symbol, distance)) =
                    self.data.shared(constant.section, constant.offset)
                {
                    return (symbol, distance.into());
                }
                let owner = constant.owner;
                let distance = constants[index].offset - constants[owner].offset;
                match self.constants[index] {
                    Some(symbol) => (symbol, 0),
                    None => {
                        let symbol = self.constants[owner].expect("an owner has a symbol");
                        (symbol, distance.into())
                    }
                }
            }
        }
    }

    /// Adds sections for debuggers, where the linker joins those of several files: fields with the
    /// address of code, and fields with an `offset` from the start of one of the sections.
    pub fn add_recorded(
        &mut self,
        sections: Vec<Recorded>,
        offset: RelocationKind,
    ) -> write::Result<()> {
        let mut ids = Vec::new();
        for section in &sections {
            let kind =
                if section.is_strings { SectionKind::OtherString } else { SectionKind::Debug };
            let name = section.name.as_bytes().to_vec();
            let id = self.object.add_section(Vec::new(), name, kind);
            self.object.set_section_data(id, section.bytes.clone(), 1);
            ids.push(id);
        }
        for (section, &id) in sections.iter().zip(&ids) {
            for reference in &section.references {
                let (to, kind, addend) = match reference.to {
                    None => {
                        let (section, offset) = self.code.at(reference.addend as u32);
                        (section, RelocationKind::Absolute, offset.into())
                    }
                    Some(name) => {
                        let index = sections.iter().position(|section| section.name == name);
                        (ids[index.expect("the section is written")], offset, reference.addend)
                    }
                };
                let symbol = self.object.section_symbol(to);
                self.relocate(
                    id,
                    Relocation {
                        offset: reference.offset.into(),
                        symbol,
                        addend,
                        flags: generic(kind, 8 * reference.size),
                    },
                )?;
            }
        }
        Ok(())
    }

    /// Adds a relocation.
    pub fn relocate(&mut self, section: SectionId, relocation: Relocation) -> write::Result<()> {
        self.object.add_relocation(section, relocation)
    }
}

fn is_go(function: &Function<'_>) -> bool {
    function.source.convention().frames == Frames::Go
}

/// A relocation that every format knows.
pub(super) fn generic(kind: RelocationKind, bits: u8) -> RelocationFlags {
    RelocationFlags::Generic { kind, encoding: RelocationEncoding::Generic, size: bits }
}
