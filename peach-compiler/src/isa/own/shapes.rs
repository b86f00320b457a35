//! The shapes of instructions: what rows of the table have in common.
//!
//! A row starts as an opcode ([`evex`], [`vex`], [`legacy`]), gets its operands from one of the
//! shapes, and what is special about it from the rest.

use super::row::{Effect, Kind, Length, Masking, Memory, Operand, Place, Prefix, Rounds, Row};
use crate::isa::{Class, Feature};

/// No mandatory prefix.
pub(super) const NP: u8 = 0;
/// 66.
pub(super) const P66: u8 = 1;
/// F3.
pub(super) const F3: u8 = 2;
/// F2.
pub(super) const F2: u8 = 3;
/// The W bit is clear.
pub(super) const W0: bool = false;
/// The W bit is set.
pub(super) const W1: bool = true;

const ALL: &[Length] = &[Length::L128, Length::L256, Length::L512];
const SHORTEST: &[Length] = &[Length::L128];
const LONGEST: &[Length] = &[Length::L512];

/// A row with EVEX, of AVX10.2.
pub(super) const fn evex(name: &'static str, map: u8, pp: u8, w: bool, opcode: u8) -> Row {
    Row {
        lengths: ALL,
        features: &[Feature::AVX10_2],
        ..legacy(name, map, pp, w, opcode).with_prefix(Prefix::Evex)
    }
}

/// A row with VEX.
pub(super) const fn vex(name: &'static str, map: u8, pp: u8, w: bool, opcode: u8) -> Row {
    legacy(name, map, pp, w, opcode).with_prefix(Prefix::Vex)
}

/// A row with legacy prefixes.
pub(super) const fn legacy(name: &'static str, map: u8, pp: u8, w: bool, opcode: u8) -> Row {
    Row {
        name,
        prefix: Prefix::Legacy,
        map,
        pp,
        w,
        opcode,
        digit: None,
        lengths: SHORTEST,
        operands: &[],
        element: 0,
        broadcasts: false,
        masking: Masking::None,
        masked: 0,
        rounds: Rounds::Never,
        features: &[],
        effect: Effect::Compute,
    }
}

/// Only a register.
const fn register(place: Place, kind: Kind) -> Operand {
    Operand { place, kind, memory: Memory::Never }
}

/// ModRM.rm, which may be memory too.
const fn either(kind: Kind) -> Operand {
    Operand { place: Place::Rm, kind, memory: Memory::Too }
}

/// ModRM.rm, which must be memory.
const fn memory(kind: Kind) -> Operand {
    Operand { place: Place::Rm, kind, memory: Memory::Only }
}

const fn imm8() -> Operand {
    register(Place::Imm, Kind::Imm8)
}

const R64: Kind = Kind::Register(Class::Gp64);
const MASK: Kind = Kind::Register(Class::K);
const TILE: Kind = Kind::Register(Class::Tmm);

/// The shapes.
impl Row {
    /// Three vectors, the last of which may be memory or a broadcast element.
    pub(super) const fn packed(self, element: u32) -> Row {
        const OPERANDS: &[Operand] = &[
            register(Place::Reg, Kind::Vector),
            register(Place::Vvvv, Kind::Vector),
            either(Kind::Vector),
        ];
        self.shape(OPERANDS).elements(element)
    }

    /// The same, and a number.
    pub(super) const fn packed_imm8(self, element: u32) -> Row {
        const OPERANDS: &[Operand] = &[
            register(Place::Reg, Kind::Vector),
            register(Place::Vvvv, Kind::Vector),
            either(Kind::Vector),
            imm8(),
        ];
        self.shape(OPERANDS).elements(element)
    }

    /// Two vectors, the last of which may be memory or a broadcast element.
    pub(super) const fn unary(self, element: u32) -> Row {
        const OPERANDS: &[Operand] = &[register(Place::Reg, Kind::Vector), either(Kind::Vector)];
        self.shape(OPERANDS).elements(element)
    }

    /// The same, and a number.
    pub(super) const fn unary_imm8(self, element: u32) -> Row {
        const OPERANDS: &[Operand] =
            &[register(Place::Reg, Kind::Vector), either(Kind::Vector), imm8()];
        self.shape(OPERANDS).elements(element)
    }

    /// A mask of what two vectors have to do with each other.
    pub(super) const fn comparison(self, element: u32) -> Row {
        const OPERANDS: &[Operand] = &[
            register(Place::Reg, MASK),
            register(Place::Vvvv, Kind::Vector),
            either(Kind::Vector),
            imm8(),
        ];
        self.shape(OPERANDS).elements(element).with_masking(Masking::Merging)
    }

    /// A mask of what the elements of a vector are.
    pub(super) const fn classification(self, element: u32) -> Row {
        const OPERANDS: &[Operand] = &[register(Place::Reg, MASK), either(Kind::Vector), imm8()];
        self.shape(OPERANDS).elements(element).with_masking(Masking::Merging)
    }

    /// A vector of elements half as wide as those, `element` bytes, of the source.
    pub(super) const fn narrowing(self, element: u32) -> Row {
        const OPERANDS: &[Operand] = &[register(Place::Reg, Kind::Half), either(Kind::Vector)];
        self.shape(OPERANDS).elements(element)
    }

    /// The same with a vector between that says how to round.
    pub(super) const fn narrowing_with_bias(self, element: u32) -> Row {
        const OPERANDS: &[Operand] = &[
            register(Place::Reg, Kind::Half),
            register(Place::Vvvv, Kind::Vector),
            either(Kind::Vector),
        ];
        self.shape(OPERANDS).elements(element)
    }

    /// A vector of elements twice as wide as those, `element` bytes, of the source.
    pub(super) const fn widening(self, element: u32) -> Row {
        const OPERANDS: &[Operand] = &[register(Place::Reg, Kind::Vector), either(Kind::Half)];
        self.shape(OPERANDS).elements(element).masks_by(2 * element)
    }

    /// The lowest elements of two vectors, and a number.
    pub(super) const fn scalar(self, element: u32) -> Row {
        const OPERANDS: &[Operand] = &[
            register(Place::Reg, Kind::Scalar),
            register(Place::Vvvv, Kind::Scalar),
            either(Kind::Scalar),
            imm8(),
        ];
        let row = Row { lengths: SHORTEST, ..self.shape(OPERANDS).elements(element) };
        // One bit of the mask for the one element of the 16 bytes.
        Row { effect: Effect::ComputeLowest, ..row.no_broadcast().masks_by(16) }
    }

    /// Flags that say what two elements have to do with each other.
    pub(super) const fn flags(self, element: u32) -> Row {
        const OPERANDS: &[Operand] = &[register(Place::Reg, Kind::Scalar), either(Kind::Scalar)];
        let row = self.shape(OPERANDS).elements(element).no_broadcast().unmasked();
        Row { lengths: SHORTEST, effect: Effect::CompareFlags, ..row }
    }

    /// A general-purpose register, of an element.
    pub(super) const fn into_general(self, class: Class, element: u32) -> Row {
        const NARROW: &[Operand] =
            &[register(Place::Reg, Kind::Register(Class::Gp32)), either(Kind::Scalar)];
        const WIDE: &[Operand] = &[register(Place::Reg, R64), either(Kind::Scalar)];
        let operands = if matches!(class, Class::Gp64) { WIDE } else { NARROW };
        let row = self.shape(operands).elements(element).no_broadcast().unmasked();
        Row { lengths: SHORTEST, ..row }
    }

    /// The lowest element of a register into another. With memory the older rows do the same.
    pub(super) const fn load_lowest(self, element: u32) -> Row {
        const OPERANDS: &[Operand] =
            &[register(Place::Reg, Kind::Scalar), register(Place::Rm, Kind::Scalar)];
        let row = self.shape(OPERANDS).elements(element).no_broadcast().unmasked();
        Row { lengths: SHORTEST, ..row }
    }

    /// The same the other way round.
    pub(super) const fn store_lowest(self, element: u32) -> Row {
        const OPERANDS: &[Operand] =
            &[register(Place::Rm, Kind::Scalar), register(Place::Reg, Kind::Scalar)];
        Row { operands: OPERANDS, ..self.load_lowest(element) }
    }

    /// A vector from memory.
    pub(super) const fn load(self, element: u32) -> Row {
        const OPERANDS: &[Operand] = &[register(Place::Reg, Kind::Vector), memory(Kind::Vector)];
        let row = self.shape(OPERANDS).elements(element).no_broadcast();
        row.needing(&[Feature::MOVRS, Feature::AVX10_2])
    }

    /// A vector of a tile's row, which a register names.
    pub(super) const fn tile_row_by_register(self) -> Row {
        const OPERANDS: &[Operand] = &[
            register(Place::Reg, Kind::Vector),
            register(Place::Rm, TILE),
            register(Place::Vvvv, Kind::Register(Class::Gp32)),
        ];
        let row = Row { lengths: LONGEST, ..self.shape(OPERANDS) };
        row.needing(&[Feature::AMX_AVX512, Feature::AVX10_2])
    }

    /// A vector of a tile's row, which a number names.
    pub(super) const fn tile_row_by_number(self) -> Row {
        const OPERANDS: &[Operand] =
            &[register(Place::Reg, Kind::Vector), register(Place::Rm, TILE), imm8()];
        Row { operands: OPERANDS, ..self.tile_row_by_register() }
    }

    /// A tile to which the product of two is added.
    pub(super) const fn tile_product(self) -> Row {
        const OPERANDS: &[Operand] =
            &[register(Place::Reg, TILE), register(Place::Rm, TILE), register(Place::Vvvv, TILE)];
        self.shape(OPERANDS).accumulating()
    }

    /// A tile from memory, row by row.
    pub(super) const fn tile_load(self) -> Row {
        const OPERANDS: &[Operand] = &[
            register(Place::Reg, TILE),
            Operand { place: Place::Rm, kind: TILE, memory: Memory::Sib },
        ];
        self.shape(OPERANDS)
    }

    /// A general-purpose register from memory.
    pub(super) const fn load_general(self, class: Class) -> Row {
        macro_rules! operands {
            ($class:expr) => {{
                const OPERANDS: &[Operand] =
                    &[register(Place::Reg, Kind::Register($class)), memory(Kind::Register($class))];
                OPERANDS
            }};
        }
        self.shape(match class {
            Class::Gp8 => operands!(Class::Gp8),
            Class::Gp16 => operands!(Class::Gp16),
            Class::Gp32 => operands!(Class::Gp32),
            _ => operands!(Class::Gp64),
        })
    }

    /// An address.
    pub(super) const fn prefetch(self, digit: u8) -> Row {
        const OPERANDS: &[Operand] = &[memory(Kind::Register(Class::Gp8))];
        Row { digit: Some(digit), effect: Effect::Prefetch, ..self.shape(OPERANDS) }
    }

    /// The value of the model-specific register that a register names.
    pub(super) const fn read_system(self) -> Row {
        const OPERANDS: &[Operand] = &[register(Place::Rm, R64), register(Place::Reg, R64)];
        Row { effect: Effect::ReadSystem, ..self.shape(OPERANDS) }
    }

    /// The value of the model-specific register of this number.
    pub(super) const fn read_system_imm32(self) -> Row {
        const OPERANDS: &[Operand] = &[register(Place::Rm, R64), register(Place::Imm, Kind::Imm32)];
        Row { digit: Some(0), effect: Effect::ReadSystem, ..self.shape(OPERANDS) }
    }

    /// The number of a model-specific register and its new value.
    pub(super) const fn write_system(self) -> Row {
        const OPERANDS: &[Operand] = &[register(Place::Reg, R64), register(Place::Rm, R64)];
        Row { effect: Effect::WriteSystem, ..self.shape(OPERANDS) }
    }

    /// The same with the number in the instruction.
    pub(super) const fn write_system_imm32(self) -> Row {
        const OPERANDS: &[Operand] = &[register(Place::Imm, Kind::Imm32), register(Place::Rm, R64)];
        Row { digit: Some(0), effect: Effect::WriteSystem, ..self.shape(OPERANDS) }
    }
}

/// What is special about a row.
impl Row {
    /// It adds to its destination.
    pub(super) const fn accumulating(self) -> Row {
        Row { effect: Effect::Accumulate, ..self }
    }

    /// It takes `{sae}`.
    pub(super) const fn sae(self) -> Row {
        Row { rounds: Rounds::Sae, ..self }
    }

    /// It takes a rounding mode.
    pub(super) const fn rounding(self) -> Row {
        Row { rounds: Rounds::Control, ..self }
    }

    /// Its memory is no element to be broadcast.
    pub(super) const fn no_broadcast(self) -> Row {
        Row { broadcasts: false, ..self }
    }

    /// It takes no mask.
    pub(super) const fn unmasked(self) -> Row {
        Row { masking: Masking::None, masked: 0, ..self }
    }

    /// A bit of its mask stands for so many bytes of the vector length.
    pub(super) const fn masks_by(self, bytes: u32) -> Row {
        Row { masked: bytes, ..self }
    }

    /// It needs these extensions.
    pub(super) const fn needing(self, features: &'static [Feature]) -> Row {
        Row { features, ..self }
    }

    const fn with_prefix(self, prefix: Prefix) -> Row {
        Row { prefix, ..self }
    }

    const fn shape(self, operands: &'static [Operand]) -> Row {
        Row { operands, ..self }
    }

    /// It is made of elements, which masks and broadcasts speak of.
    const fn elements(self, element: u32) -> Row {
        let masking = Masking::Zeroing;
        Row { element, broadcasts: true, masked: element, masking, ..self }
    }

    const fn with_masking(self, masking: Masking) -> Row {
        Row { masking, ..self }
    }
}
