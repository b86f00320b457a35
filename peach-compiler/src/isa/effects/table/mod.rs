//! The table of instructions: every mnemonic of iced in exactly one row, with what is known of it
//! beyond iced's own table.
//!
//! Rows are grouped by what instructions do. In each, the entry is before the arrow and the
//! mnemonics that share it after it. Sources: Intel SDM volume 2, AMD APM volumes 3 to 5, and for
//! what lies beyond operands ("system") Intel SDM volume 3: "Serializing instructions", "Fencing,
//! serializing and locked instructions".
//!
//! A mnemonic that no row has is one that a newer iced brought: the tests list those, and until
//! they have a row, the language does not have them.

mod absent;
mod arithmetic;
mod conversions;
mod crypto;
mod floats;
mod general;
mod integers;
mod masks;
mod shuffles;
mod system;
pub(in crate::isa) mod timing;
mod vector_moves;
mod x87;

use crate::isa::effects::entry::Entry;
use iced_x86::Mnemonic;

/// Mnemonics that share an entry.
struct Row {
    mnemonics: &'static [Mnemonic],
    entry: Entry,
}

/// `entry => Mnemonic Mnemonic …;`, as a constant `ROWS`.
macro_rules! rows {
    ($($entry:expr => $($mnemonic:ident)+;)+) => {
        pub(super) const ROWS: &[super::Row] = &[$(super::Row {
            mnemonics: &[$(iced_x86::Mnemonic::$mnemonic),+],
            entry: $entry,
        }),+];
    };
}
use rows;

const GROUPS: [&[Row]; 12] = [
    general::ROWS,
    arithmetic::ROWS,
    x87::ROWS,
    system::ROWS,
    vector_moves::ROWS,
    shuffles::ROWS,
    conversions::ROWS,
    integers::ROWS,
    floats::ROWS,
    crypto::ROWS,
    masks::ROWS,
    absent::ROWS,
];

/// What the table has of a mnemonic; `None` only if iced is newer than the table.
pub(in crate::isa) fn find(mnemonic: Mnemonic) -> Option<&'static Entry> {
    let (group, row) = (*PLACES.get(mnemonic as usize)?)?;
    Some(&GROUPS[usize::from(group)][usize::from(row)].entry)
}

/// What the table has of a mnemonic that has forms.
pub(in crate::isa) fn entry(mnemonic: Mnemonic) -> &'static Entry {
    find(mnemonic).expect("forms are made only of mnemonics in the table")
}

/// Whether kernels can have it.
pub(in crate::isa) fn is_offered(mnemonic: Mnemonic) -> bool {
    find(mnemonic).is_some_and(|entry| entry.absence.is_none())
}

/// Group and row of each mnemonic, by its number.
static PLACES: [Option<(u8, u8)>; SIZE] = places();

/// More than iced has mnemonics: one beyond does not compile.
const SIZE: usize = 2048;

/// Fails to compile if a mnemonic is in two rows.
const fn places() -> [Option<(u8, u8)>; SIZE] {
    let mut places = [None; SIZE];
    let mut group = 0;
    while group < GROUPS.len() {
        let mut row = 0;
        while row < GROUPS[group].len() {
            let mnemonics = GROUPS[group][row].mnemonics;
            let mut at = 0;
            while at < mnemonics.len() {
                let number = mnemonics[at] as usize;
                assert!(places[number].is_none(), "a mnemonic stands in two rows");
                places[number] = Some((group as u8, row as u8));
                at += 1;
            }
            row += 1;
        }
        group += 1;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::effects::entry::{Absence, Everything, Output};
    use crate::isa::forms::rows::rows_of;
    use crate::isa::{Hazard, Reach, X87Effect};
    use crate::sorted::SortedMap;
    use iced_x86::{Code, CpuidFeature};

    #[test]
    fn every_mnemonic_of_iced_has_a_row() {
        let new: Vec<Mnemonic> = Mnemonic::values().filter(|&m| find(m).is_none()).collect();
        assert!(new.is_empty(), "without a row in the table, brought by a new iced: {new:?}");
    }

    /// Reasons for reading and computing whole registers; the counts are for the reader.
    #[test]
    fn whole_registers_have_reasons() {
        let mut counts: SortedMap<Everything, usize> = SortedMap::new();
        for mnemonic in Mnemonic::values() {
            if let Output::Everything(why) = entry(mnemonic).output {
                *counts.get_or_default(why) += 1;
            }
        }
        println!("mnemonics that read whole registers: {counts:?}");
        let is_loose = |(why, _): &(&Everything, &usize)| matches!(why, Everything::NotTracked(_));
        let not_tracked: usize = counts.iter().filter(is_loose).map(|(_, count)| count).sum();
        assert!(not_tracked <= 5, "{not_tracked} mnemonics read less than their entries say");
    }

    #[test]
    fn what_is_absent_has_no_rows() {
        for mnemonic in Mnemonic::values() {
            match entry(mnemonic).absence {
                None => assert!(!rows_of(mnemonic).is_empty(), "{mnemonic:?} has no rows"),
                Some(_) => assert!(rows_of(mnemonic).is_empty(), "{mnemonic:?} is absent"),
            }
        }
    }

    #[test]
    fn absences_agree_with_iced() {
        for mnemonic in Mnemonic::values() {
            let codes: Vec<Code> = Code::values().filter(|c| c.mnemonic() == mnemonic).collect();
            let not_64_bit = codes.iter().all(|code| !code.op_code().mode64());
            let is_said = entry(mnemonic).absence == Some(Absence::Not64Bit);
            assert_eq!(is_said, not_64_bit, "{mnemonic:?}");
        }
    }

    /// What iced knows of privileges, input and output, saved state, serialization and x87, the
    /// table says as well.
    #[test]
    fn entries_agree_with_iced() {
        for mnemonic in Mnemonic::values().filter(|&mnemonic| mnemonic != Mnemonic::Mov) {
            let entry = entry(mnemonic);
            for code in rows_of(mnemonic) {
                let op_code = code.op_code();
                if op_code.is_privileged() || op_code.is_input_output() {
                    assert_eq!(entry.hazard, Some(Hazard::System), "{code:?}");
                }
                if op_code.is_privileged()
                    || op_code.is_input_output()
                    || op_code.is_serializing_intel()
                    || op_code.is_serializing_amd()
                    || op_code.is_save_restore()
                {
                    assert_ne!(entry.reach, Reach::Operands, "{code:?}");
                }
                let x87 = [CpuidFeature::FPU, CpuidFeature::FPU287, CpuidFeature::FPU387];
                if code.cpuid_features().iter().any(|feature| x87.contains(feature)) {
                    assert_eq!(entry.x87, X87Effect::X87, "{code:?}");
                }
            }
        }
    }

    /// An EVEX row takes `{sae}` or a rounding exactly where there are exceptions to suppress
    /// (Intel SDM volume 2, "Static rounding support in EVEX").
    #[test]
    fn what_can_suppress_exceptions_may_raise_them() {
        for code in Code::values().filter(|code| is_offered(code.mnemonic())) {
            let op_code = code.op_code();
            if op_code.can_suppress_all_exceptions() || op_code.can_use_rounding_control() {
                assert!(entry(code.mnemonic()).sets_float_flags, "{code:?}");
            }
        }
    }
}
