//! Helpers that were expanded into a kernel (DWARF 4, section 3.3.8).
//!
//! In: a compiled function. Out: for each helper, once in the unit, a `DW_TAG_subprogram` without
//! code; for each use of it from which instructions are left, a `DW_TAG_inlined_subroutine`, in
//! that of the helper around it.

use super::Files;
use crate::compiled::CompiledFunction;
use crate::emit::objects::recorder::in_function;
use crate::ir::{Inlined, InlinedId, Origin};
use crate::syntax::ast::name_text;
use gimli::constants;
use gimli::write::{self, AttributeValue, DwarfUnit, RangeList, UnitEntryId};
use std::collections::HashMap;
use std::ops::Range;

/// The helpers that a unit has so far, by name and place.
#[derive(Default)]
pub(super) struct Helpers {
    known: HashMap<(String, String, usize, usize), UnitEntryId>,
}

/// Adds what the function `index` has of helpers to its entry.
pub(super) fn describe(
    dwarf: &mut DwarfUnit,
    entry: UnitEntryId,
    helpers: &mut Helpers,
    files: &Files<'_>,
    index: usize,
    compiled: &CompiledFunction,
) {
    let ranges = ranges(compiled);
    let mut entries: HashMap<InlinedId, UnitEntryId> = HashMap::new();
    // What is around another use comes before it.
    for (number, inlined) in (0..).zip(&compiled.function.inlined) {
        let id = InlinedId(number);
        let Some(ranges) = ranges.get(&id) else { continue };
        let origin = helpers.of(dwarf, files, inlined);
        let parent = inlined.parent.and_then(|parent| entries.get(&parent).copied());
        let own = dwarf.unit.add(parent.unwrap_or(entry), constants::DW_TAG_inlined_subroutine);
        set_ranges(dwarf, own, index, ranges);
        let (file, start) = (files.id(inlined.called), inlined.called.start());
        let own_entry = dwarf.unit.get_mut(own);
        own_entry.set(constants::DW_AT_abstract_origin, AttributeValue::UnitRef(origin));
        own_entry.set(constants::DW_AT_call_file, AttributeValue::FileIndex(Some(file)));
        own_entry.set(constants::DW_AT_call_line, AttributeValue::Udata(start.line as u64));
        let column = AttributeValue::Udata(start.column as u64 + 1);
        own_entry.set(constants::DW_AT_call_column, column);
        entries.insert(id, own);
    }
}

impl Helpers {
    fn of(&mut self, dwarf: &mut DwarfUnit, files: &Files<'_>, inlined: &Inlined) -> UnitEntryId {
        let (name, defined) = (name_text(&inlined.helper), inlined.helper.span());
        let (line, column) = (defined.start().line, defined.start().column);
        let key = (name.clone(), defined.file(), line, column);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let (root, name) = (dwarf.unit.root(), dwarf.strings.add(name));
        let id = dwarf.unit.add(root, constants::DW_TAG_subprogram);
        let file = files.id(defined);
        let entry = dwarf.unit.get_mut(id);
        entry.set(constants::DW_AT_name, AttributeValue::StringRef(name));
        entry.set(constants::DW_AT_decl_file, AttributeValue::FileIndex(Some(file)));
        entry.set(constants::DW_AT_decl_line, AttributeValue::Udata(line as u64));
        let inlined = AttributeValue::Inline(constants::DW_INL_declared_inlined);
        entry.set(constants::DW_AT_inline, inlined);
        self.known.insert(key, id);
        id
    }
}

/// Where the instructions of each use are, those of uses in it included.
fn ranges(compiled: &CompiledFunction) -> HashMap<InlinedId, Vec<Range<u32>>> {
    let (function, encoded) = (&compiled.function, &compiled.encoded);
    let mut all: HashMap<InlinedId, Vec<Range<u32>>> = HashMap::new();
    for (index, item) in compiled.lowered.items.iter().enumerate() {
        let (Origin::Author(inst) | Origin::Spill(inst)) = item.origin else { continue };
        let Range { start, end } = encoded.item_range(index);
        let mut around = function.inst(inst).inlined.filter(|_| start < end);
        while let Some(id) = around {
            let ranges = all.entry(id).or_default();
            match ranges.last_mut() {
                Some(last) if last.end == start => last.end = end,
                _ => ranges.push(start..end),
            }
            around = function.inlined[id.index()].parent;
        }
    }
    all
}

fn set_ranges(dwarf: &mut DwarfUnit, id: UnitEntryId, index: usize, ranges: &[Range<u32>]) {
    if let [only] = ranges {
        let entry = dwarf.unit.get_mut(id);
        let low = AttributeValue::Address(in_function(index, only.start));
        entry.set(constants::DW_AT_low_pc, low);
        entry.set(constants::DW_AT_high_pc, AttributeValue::Udata((only.end - only.start).into()));
        return;
    }
    let start = write::Range::BaseAddress { address: in_function(index, 0) };
    let pairs = ranges
        .iter()
        .map(|range| write::Range::OffsetPair { begin: range.start.into(), end: range.end.into() });
    let list = dwarf.unit.ranges.add(RangeList(std::iter::once(start).chain(pairs).collect()));
    let entry = dwarf.unit.get_mut(id);
    entry.set(constants::DW_AT_ranges, AttributeValue::RangeListRef(list));
}
