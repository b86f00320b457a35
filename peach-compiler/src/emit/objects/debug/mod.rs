//! What debuggers read, in DWARF 4: a compilation unit, a subprogram per function, and the source
//! line and column of every instruction.
//!
//! In: an [`Image`]. Out: sections. An instruction belongs to the statement that it stands for; the
//! prologue belongs to the kernel's name.
//!
//! | of a function | module |
//! |---|---|
//! | its arguments, and where they are | `arguments`, `types` |
//! | helpers that were expanded into it | `inlined` |
//! | its source lines | `lines` |
//! | its labels | here |

mod arguments;
mod inlined;
pub(super) mod lines;
mod types;

use super::image::{Function, Image};
use super::recorder::{Recorded, Recorder, in_function};
use super::{Options, Sections};
use crate::compiled::CompiledFunction;
use crate::emit::Module;
use crate::emit::module::ModuleFunction;
use crate::ir::Code;
use gimli::constants;
use gimli::write::{
    AttributeValue, DwarfUnit, Expression, FileId, LineProgram, LineString, Range, RangeList,
    UnitEntryId,
};
use gimli::{Encoding, Format, LineEncoding};
use inlined::Helpers;
use proc_macro2::Span;
use std::collections::HashMap;
use types::Types;

/// Version 4, which the debuggers and the linkers of all three formats read.
const VERSION: u16 = 4;

/// The sections, in an order in which none refers to a later one.
pub(super) fn sections(image: &Image, options: &Options) -> Vec<Recorded> {
    let encoding =
        Encoding { format: Format::Dwarf32, version: VERSION, address_size: image.address_size() };
    let mut dwarf = DwarfUnit::new(encoding);
    let text = |text: &str| LineString::String(text.as_bytes().to_vec());
    let name = image.source_name();
    let mut lines = LineProgram::new(
        encoding,
        LineEncoding::default(),
        text(directory(options).unwrap_or(".")),
        None,
        text(&name),
        None,
    );
    let files = Files::of(image, &mut lines);
    for (index, function) in image.functions.iter().enumerate() {
        add_rows(&mut lines, &files, index, function);
    }
    dwarf.unit.line_program = lines;
    describe(&mut dwarf, image, &name, options, &files);

    let mut written = gimli::write::Sections::new(Recorder::new());
    dwarf.write(&mut written).expect("the entries are well-formed");
    let mut sections = Vec::new();
    let collected: Result<(), std::convert::Infallible> = written.for_each(|id, section| {
        if !section.is_empty() {
            sections.push(section.finish(id, image));
        }
        Ok(())
    });
    match collected {
        Ok(()) => sections,
    }
}

/// Where the paths of sources start from.
fn directory(options: &Options) -> Option<&str> {
    options.directory.as_deref().filter(|path| !path.is_empty())
}

/// The files of the line table: the source, and those that it includes.
struct Files<'a> {
    module: &'a Module,
    source: FileId,
    included: HashMap<&'a str, FileId>,
}

impl<'a> Files<'a> {
    fn of(image: &Image<'a>, lines: &mut LineProgram) -> Files<'a> {
        let mut add = |name: String| {
            let name = LineString::String(name.into_bytes());
            lines.add_file(name, lines.default_directory(), None)
        };
        let source = add(image.source_name());
        let module = image.module;
        let mut files = Files { module, source, included: HashMap::new() };
        let functions = module.functions.iter().map(|function| &function.compiled);
        for span in functions.flat_map(|compiled| {
            let items = compiled.lowered.items.iter().map(|item| item.span);
            std::iter::once(compiled.function.span).chain(items)
        }) {
            let name = module.file_of(span);
            if name != module.source && !files.included.contains_key(name) {
                files.included.insert(name, add(name.replace('\0', "")));
            }
        }
        files
    }

    /// The file that a token is in.
    fn id(&self, span: Span) -> FileId {
        self.named(self.module.file_of(span))
    }

    /// The file of this name.
    fn named(&self, file: &str) -> FileId {
        self.included.get(file).copied().unwrap_or(self.source)
    }
}

/// The rows of one function: one where the place in the source changes.
fn add_rows(lines: &mut LineProgram, files: &Files<'_>, index: usize, function: &Function) {
    lines.begin_sequence(Some(in_function(index, 0)));
    for row in lines::rows(files.module, function) {
        let entry = lines.row();
        entry.address_offset = row.offset.into();
        entry.file = files.named(row.file);
        entry.line = row.line.into();
        entry.column = row.column.into();
        entry.prologue_end = row.starts_body;
        entry.epilogue_begin = row.is_epilogue;
        lines.generate_row();
    }
    lines.end_sequence(function.size.into());
}

/// The compilation unit and its functions.
fn describe(
    dwarf: &mut DwarfUnit,
    image: &Image,
    name: &str,
    options: &Options,
    files: &Files<'_>,
) {
    let directory = directory(options);
    let producer = concat!("peach ", env!("CARGO_PKG_VERSION"));
    let root = dwarf.unit.root();
    let set = |dwarf: &mut DwarfUnit, attribute, value: &str| {
        let id = dwarf.strings.add(value);
        dwarf.unit.get_mut(root).set(attribute, AttributeValue::StringRef(id));
    };
    set(dwarf, constants::DW_AT_producer, producer);
    set(dwarf, constants::DW_AT_name, name);
    if let Some(directory) = directory {
        set(dwarf, constants::DW_AT_comp_dir, directory);
    }
    let unit = dwarf.unit.get_mut(root);
    let language = AttributeValue::Language(constants::DW_LANG_Mips_Assembler);
    unit.set(constants::DW_AT_language, language);
    if !image.functions.is_empty() {
        unit.set(constants::DW_AT_stmt_list, AttributeValue::LineProgramRef);
        match options.sections {
            Sections::One => {
                let start = AttributeValue::Address(in_function(0, 0));
                unit.set(constants::DW_AT_low_pc, start);
                let size = AttributeValue::Udata(image.text.bytes.len() as u64);
                unit.set(constants::DW_AT_high_pc, size);
            }
            Sections::PerFunction => {
                let ranges = image.functions.iter().enumerate().map(|(index, function)| {
                    let length = function.size.into();
                    Range::StartLength { begin: in_function(index, 0), length }
                });
                let ranges = dwarf.unit.ranges.add(RangeList(ranges.collect()));
                let unit = dwarf.unit.get_mut(root);
                unit.set(constants::DW_AT_low_pc, AttributeValue::Udata(0));
                unit.set(constants::DW_AT_ranges, AttributeValue::RangeListRef(ranges));
            }
        }
    }
    let mut types = Types::of_unit(image);
    let mut helpers = Helpers::default();
    for (index, function) in image.functions.iter().enumerate() {
        let entry = dwarf.unit.add(root, constants::DW_TAG_subprogram);
        describe_function(dwarf, entry, files, index, function);
        let ModuleFunction { compiled, decl, .. } = function.source;
        arguments::describe(dwarf, entry, &mut types, index, compiled, &decl.signature);
        inlined::describe(dwarf, entry, &mut helpers, files, index, compiled);
        describe_labels(dwarf, entry, files, index, compiled);
    }
}

fn describe_function(
    dwarf: &mut DwarfUnit,
    entry: UnitEntryId,
    files: &Files<'_>,
    index: usize,
    function: &Function,
) {
    let source = function.source;
    let name = dwarf.strings.add(source.symbol.as_str());
    let span = source.compiled.function.span;
    let (file, start) = (files.id(span), span.start());
    let mut frame_base = Expression::new();
    frame_base.op(constants::DW_OP_call_frame_cfa);
    let entry = dwarf.unit.get_mut(entry);
    entry.set(constants::DW_AT_external, AttributeValue::FlagPresent);
    entry.set(constants::DW_AT_name, AttributeValue::StringRef(name));
    entry.set(constants::DW_AT_decl_file, AttributeValue::FileIndex(Some(file)));
    entry.set(constants::DW_AT_decl_line, AttributeValue::Udata(start.line as u64));
    let low = AttributeValue::Address(in_function(index, 0));
    entry.set(constants::DW_AT_low_pc, low);
    entry.set(constants::DW_AT_high_pc, AttributeValue::Udata(function.size.into()));
    entry.set(constants::DW_AT_frame_base, AttributeValue::Exprloc(frame_base));
}

/// The labels that its author wrote.
fn describe_labels(
    dwarf: &mut DwarfUnit,
    function: UnitEntryId,
    files: &Files<'_>,
    index: usize,
    compiled: &CompiledFunction,
) {
    let items = compiled.lowered.items.iter().zip(&compiled.encoded.item_offsets);
    for (item, &offset) in items {
        let Code::Label(label) = item.code else { continue };
        // The frame has labels of its own.
        let Some(info) = compiled.function.labels.get(label.index()) else { continue };
        let name = dwarf.strings.add(info.name.trim_start_matches('\''));
        let entry = dwarf.unit.add(function, constants::DW_TAG_label);
        let entry = dwarf.unit.get_mut(entry);
        entry.set(constants::DW_AT_name, AttributeValue::StringRef(name));
        let file = AttributeValue::FileIndex(Some(files.id(info.span)));
        entry.set(constants::DW_AT_decl_file, file);
        let line = AttributeValue::Udata(info.span.start().line as u64);
        entry.set(constants::DW_AT_decl_line, line);
        let low = AttributeValue::Address(in_function(index, offset));
        entry.set(constants::DW_AT_low_pc, low);
    }
}
