//! Types of arguments, as C has them.
//!
//! In: a [`CType`]. Out: an entry of the unit, one for each type.

use crate::abi::WIN64;
use crate::emit::objects::image::Image;
use crate::emit::reports::c::types::CType;
use gimli::constants::{self, DwAte};
use gimli::write::{AttributeValue, DwarfUnit, UnitEntryId};
use std::collections::HashMap;

/// The types that a unit has so far.
pub(super) struct Types {
    /// Bytes of an address.
    address_size: u8,
    /// Bytes of a `long`.
    long_size: u8,
    known: HashMap<String, UnitEntryId>,
}

impl Types {
    /// None yet, for a unit of `image`.
    pub fn of_unit(image: &Image<'_>) -> Types {
        let convention = image.module.target.convention;
        let address_size = convention.pointer_size as u8;
        let long_size = if convention == &WIN64 { 4 } else { address_size };
        Types { address_size, long_size, known: HashMap::new() }
    }

    /// The entry of a type; `None` is `void`, and what is not known.
    pub fn of(&mut self, dwarf: &mut DwarfUnit, ty: &CType) -> Option<UnitEntryId> {
        let key = format!("{ty:?}");
        if let Some(known) = self.known.get(&key) {
            return Some(*known);
        }
        let entry = match ty {
            CType::Void | CType::Opaque(_) | CType::Pair(..) => return None,
            CType::Named(name) => self.named(dwarf, name)?,
            CType::Pointer(inner, _) | CType::Slice(inner, _) => {
                let inner = self.of(dwarf, inner);
                self.pointer(dwarf, inner)
            }
            CType::Array(element, count) => {
                let element = self.of(dwarf, element)?;
                array(dwarf, element, *count)
            }
            CType::Function { .. } => {
                let root = dwarf.unit.root();
                let function = dwarf.unit.add(root, constants::DW_TAG_subroutine_type);
                self.pointer(dwarf, Some(function))
            }
        };
        self.known.insert(key, entry);
        Some(entry)
    }

    /// A type by its C name.
    fn named(&self, dwarf: &mut DwarfUnit, name: &str) -> Option<UnitEntryId> {
        if name.starts_with("__m") {
            return vector(dwarf, name);
        }
        let (encoding, size) = number(name, self.address_size, self.long_size)?;
        Some(base(dwarf, name, encoding, size))
    }

    fn pointer(&self, dwarf: &mut DwarfUnit, to: Option<UnitEntryId>) -> UnitEntryId {
        let root = dwarf.unit.root();
        let id = dwarf.unit.add(root, constants::DW_TAG_pointer_type);
        let entry = dwarf.unit.get_mut(id);
        entry.set(constants::DW_AT_byte_size, AttributeValue::Data1(self.address_size));
        if let Some(to) = to {
            entry.set(constants::DW_AT_type, AttributeValue::UnitRef(to));
        }
        id
    }
}

fn array(dwarf: &mut DwarfUnit, element: UnitEntryId, count: Option<u64>) -> UnitEntryId {
    let root = dwarf.unit.root();
    let id = dwarf.unit.add(root, constants::DW_TAG_array_type);
    dwarf.unit.get_mut(id).set(constants::DW_AT_type, AttributeValue::UnitRef(element));
    let range = dwarf.unit.add(id, constants::DW_TAG_subrange_type);
    if let Some(count) = count {
        let range = dwarf.unit.get_mut(range);
        range.set(constants::DW_AT_count, AttributeValue::Udata(count));
    }
    id
}

fn base(dwarf: &mut DwarfUnit, name: &str, encoding: DwAte, size: u8) -> UnitEntryId {
    let (root, name) = (dwarf.unit.root(), dwarf.strings.add(name));
    let id = dwarf.unit.add(root, constants::DW_TAG_base_type);
    let entry = dwarf.unit.get_mut(id);
    entry.set(constants::DW_AT_name, AttributeValue::StringRef(name));
    entry.set(constants::DW_AT_encoding, AttributeValue::Encoding(encoding));
    entry.set(constants::DW_AT_byte_size, AttributeValue::Data1(size));
    id
}

/// How a number is encoded, and its bytes.
fn number(name: &str, address_size: u8, long_size: u8) -> Option<(DwAte, u8)> {
    use constants::{
        DW_ATE_boolean as BOOLEAN, DW_ATE_float as FLOAT, DW_ATE_signed as SIGNED,
        DW_ATE_signed_char as SIGNED_CHAR, DW_ATE_unsigned as UNSIGNED,
        DW_ATE_unsigned_char as UNSIGNED_CHAR,
    };
    Some(match name {
        "bool" => (BOOLEAN, 1),
        // Numbers, which a debugger would show as characters.
        "int8_t" => (SIGNED, 1),
        "uint8_t" => (UNSIGNED, 1),
        "char" | "signed char" => (SIGNED_CHAR, 1),
        "unsigned char" => (UNSIGNED_CHAR, 1),
        "int16_t" | "short" => (SIGNED, 2),
        "uint16_t" | "unsigned short" => (UNSIGNED, 2),
        "int32_t" | "int" => (SIGNED, 4),
        "uint32_t" | "unsigned int" => (UNSIGNED, 4),
        "int64_t" | "long long" => (SIGNED, 8),
        "uint64_t" | "unsigned long long" => (UNSIGNED, 8),
        "ptrdiff_t" => (SIGNED, address_size),
        "size_t" => (UNSIGNED, address_size),
        "long" => (SIGNED, long_size),
        "unsigned long" => (UNSIGNED, long_size),
        "peach_int128" => (SIGNED, 16),
        "peach_uint128" => (UNSIGNED, 16),
        "float" => (FLOAT, 4),
        "double" => (FLOAT, 8),
        _ => return None,
    })
}

/// `__m256d` and the like: numbers side by side.
fn vector(dwarf: &mut DwarfUnit, name: &str) -> Option<UnitEntryId> {
    use constants::{DW_ATE_float as FLOAT, DW_ATE_signed as SIGNED};
    let bits: u64 = name.get(3..6)?.parse().ok()?;
    let (element, encoding, size) = match name.get(6..)? {
        "" => ("float", FLOAT, 4),
        "d" => ("double", FLOAT, 8),
        _ => ("int64_t", SIGNED, 8),
    };
    let element = base(dwarf, element, encoding, size);
    let id = array(dwarf, element, Some(bits / 8 / u64::from(size)));
    dwarf.unit.get_mut(id).set(constants::DW_AT_GNU_vector, AttributeValue::Flag(true));
    Some(id)
}
