//! Instructions that iced lacks: their rows, one per encoding.
//!
//! A [`Row`] says what the manual's table for an instruction says: opcode, operands, decorations,
//! extensions, and what becomes of the operands. Everything else follows from it: the [`forms`]
//! that authors write, the bytes (`encode/own`), the effects (`effects/own`). What decodes these
//! bytes again to check them (`encode/verify/own`) looks up opcodes here and shares nothing else.
//!
//! | file | what it is |
//! |---|---|
//! | `row` | the terms of a row |
//! | `shapes` | what rows have in common: the shapes of instructions |
//! | `table` | the rows |
//! | `forms` | rows as forms, in the manual's notation too |

mod forms;
mod row;
mod shapes;
mod table;

pub(in crate::isa) use forms::own_forms;
pub(crate) use row::{Effect, Kind, Length, Masking, Memory, Operand, Place, Prefix, Row};
pub use row::{OwnRow, Rounds};
pub(crate) use table::ROWS;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// A mnemonic is a run of rows, and a decoder must find one row for an opcode.
    #[test]
    fn rows_of_a_name_are_neighbors_and_no_two_share_an_opcode() {
        let mut names = HashSet::new();
        let mut opcodes = HashSet::new();
        for (at, row) in ROWS.iter().enumerate() {
            assert!(
                at > 0 && ROWS[at - 1].name == row.name || names.insert(row.name),
                "{} stands in two places",
                row.name
            );
            for length in row.lengths {
                let opcode = (row.prefix, row.map, row.pp, row.w, row.opcode, row.digit, length);
                assert!(opcodes.insert(opcode), "{} has the opcode of another", row.name);
            }
        }
    }

    /// The first operand has a place, immediates come last, and what masks has a size.
    #[test]
    fn rows_are_well_formed() {
        for row in ROWS {
            assert!(!row.lengths.is_empty() && !row.operands.is_empty(), "{}", row.name);
            let places: HashSet<_> = row.operands.iter().map(|o| o.place).collect();
            assert_eq!(places.len(), row.operands.len(), "{}: a place is taken twice", row.name);
            assert!(row.map != 0 && row.pp <= 3, "{}", row.name);
            assert_eq!(row.digit.is_some(), !places.contains(&Place::Reg), "{}", row.name);
            let has_memory = row.operands.iter().any(|o| o.memory != Memory::Never);
            assert!(!row.broadcasts || has_memory && row.element != 0, "{}", row.name);
        }
    }
}
