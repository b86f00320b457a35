//! Rows as forms.

use super::row::{Kind, Masking, Memory, Operand, OwnRow, Place, Prefix, Row};
use crate::isa::forms::form::{Family, Form, ImmForm, MemForm, Opcode, OperandForm, Slot};
use crate::isa::{Bank, Class};
use std::fmt::Write;

/// The forms of these rows, in each of their lengths.
pub(in crate::isa) fn own_forms(rows: &'static [Row]) -> impl Iterator<Item = Form> {
    let each = |row: &'static Row| row.lengths.iter().map(move |&length| OwnRow { row, length });
    rows.iter().flat_map(each).map(OwnRow::form)
}

impl OwnRow {
    fn form(self) -> Form {
        let row = self.row;
        let operands: Vec<OperandForm> =
            row.operands.iter().map(|operand| self.operand_form(operand)).collect();
        Form {
            opcode: Opcode::Own(self),
            slots: (0..operands.len() as u8).map(Slot::Operand).collect(),
            shape: Vec::new(),
            features: row.features.iter().copied().collect(),
            family: match row.prefix {
                Prefix::Legacy => Family::Legacy,
                Prefix::Vex => Family::Vex,
                Prefix::Evex => Family::Evex,
            },
            memory_size: self.memory_bytes(),
            broadcast_size: row.broadcasts.then_some(row.element),
            has_fixed: false,
            is_offset: false,
            operands,
        }
    }

    fn operand_form(self, operand: &Operand) -> OperandForm {
        let form = OperandForm {
            memory: match operand.memory {
                Memory::Never => None,
                Memory::Too | Memory::Only => Some(MemForm::Any),
                Memory::Sib => Some(MemForm::Sib),
            },
            imm: match operand.kind {
                Kind::Imm8 => Some(ImmForm::Byte),
                Kind::Imm32 => Some(ImmForm::Dword),
                Kind::Vector | Kind::Half | Kind::Scalar | Kind::Register(_) => None,
            },
            ..OperandForm::default()
        };
        match (self.class(operand), operand.memory) {
            (Some(class), Memory::Never | Memory::Too) => {
                let registers = match self.row.prefix {
                    Prefix::Evex => class.bank().registers(),
                    _ => class.bank().without_evex(),
                };
                OperandForm { class: Some(class), registers, ..form }
            }
            _ => form,
        }
    }

    /// In the manual's notation: `VMINMAXPS xmm1 {k1}{z}, xmm2, xmm3/m128/m32bcst, imm8`.
    pub(in crate::isa) fn notation(self) -> String {
        let mut text = self.row.name.to_ascii_uppercase();
        let mut number = 1;
        for (at, operand) in self.row.operands.iter().enumerate() {
            text.push_str(if at == 0 { " " } else { ", " });
            self.operand_notation(operand, number, &mut text);
            let is_numbered = matches!(
                self.class(operand).map(Class::bank),
                Some(Bank::Vector | Bank::Mask | Bank::Tile)
            );
            number += u8::from(is_numbered);
            if at == 0 {
                text.push_str(match self.row.masking {
                    Masking::None => "",
                    Masking::Merging => " {k1}",
                    Masking::Zeroing => " {k1}{z}",
                });
            }
        }
        text
    }

    fn operand_notation(self, operand: &Operand, number: u8, text: &mut String) {
        let register = match self.class(operand) {
            None => String::from(if operand.kind == Kind::Imm8 { "imm8" } else { "imm32" }),
            Some(class) if class.bank() == Bank::Gp => format!("r{}", 8 * class.bytes()),
            Some(class) => format!("{}{number}", class.name()),
        };
        let bits = 8 * self.bytes(operand);
        // Writing to a string cannot fail.
        let _ = match operand.memory {
            Memory::Never => write!(text, "{register}"),
            Memory::Too => write!(text, "{register}/m{bits}"),
            Memory::Only => write!(text, "m{bits}"),
            Memory::Sib => write!(text, "sibmem"),
        };
        if operand.place == Place::Rm && self.row.broadcasts {
            let _ = write!(text, "/m{}bcst", 8 * self.row.element);
        }
    }
}
