//! Names of instructions: the manuals' names, aliases and pseudo-ops.
//!
//! In: a word. Out: a [`Mnemonic`], and what it means: rows of iced's table or the own one, with
//! the immediate that a pseudo-op implies. The table of names is built once, from iced's own names
//! and from the lists in `names`.

use crate::isa::forms::rows::rows_of;
use crate::isa::names::aliases::{ALIASES, FLOAT_SUFFIXES, PREDICATES, STRINGS, pseudo_ops};
use crate::isa::own;
use std::collections::HashMap;
use std::sync::OnceLock;

/// An instruction's name, resolved: aliases (`jz`) are the same as what they stand for (`je`);
/// pseudo-ops (`vcmpltps`) carry the immediate that they imply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mnemonic {
    /// Index into the table of names.
    id: u16,
}

/// What a mnemonic stands for.
#[derive(Clone, Copy, Debug)]
pub(in crate::isa) struct Meaning {
    /// The rows of iced's table; `INVALID` where iced lacks the instruction.
    pub(in crate::isa) row: iced_x86::Mnemonic,
    /// The rows of the compiler's own table, where iced lacks some or all.
    pub(in crate::isa) own: &'static [own::Row],
    /// The immediate that the name implies.
    pub(in crate::isa) imm: Option<u8>,
    /// The size of the rows that the name asks for, where no operand shows it: 16 bits of `retw`,
    /// 64 of `retfq`.
    pub(in crate::isa) operand_size: Option<u32>,
    /// `movabs`: 64-bit absolute addresses and immediates only.
    pub(in crate::isa) full_width: bool,
}

impl Mnemonic {
    /// The mnemonic called `name`, in upper or lower case.
    pub fn parse(name: &str) -> Option<Mnemonic> {
        let names = names();
        if let Some(&id) = names.by_name.get(name) {
            return Some(Mnemonic { id });
        }
        if !name.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        names.by_name.get(name.to_ascii_lowercase().as_str()).map(|&id| Mnemonic { id })
    }

    /// Its name in lower case, as the manual spells it.
    pub fn name(self) -> &'static str {
        names().entries[self.index()].0
    }

    /// Names close to `name`, nearest first, for an error message.
    pub fn nearest(name: &str) -> Vec<&'static str> {
        // No name is longer than 20 letters: nothing is near a word that is much longer.
        if name.len() > 25 {
            return Vec::new();
        }
        let known = names().by_name.keys().copied();
        crate::nearest::within(&name.to_ascii_lowercase(), known, 1 + name.len() / 4, 5)
    }

    /// How many names [`parse`](Mnemonic::parse) knows.
    pub fn name_count() -> usize {
        names().by_name.len()
    }

    /// Every name that [`parse`](Mnemonic::parse) knows, aliases included, in no particular order.
    pub fn all_names() -> impl Iterator<Item = &'static str> {
        names().by_name.keys().copied()
    }

    /// Every mnemonic once, by its canonical name.
    pub fn all() -> impl Iterator<Item = Mnemonic> {
        (0..count() as u16).map(|id| Mnemonic { id })
    }

    /// The instruction whose immediate the name implies, and the immediate: `vcmpps` and 1 for
    /// `vcmpltps`.
    pub fn in_full(self) -> Option<(Mnemonic, u8)> {
        let Meaning { row, own, imm, .. } = self.meaning();
        let imm = imm?;
        let is_plain = |meaning: &Meaning| {
            meaning.row == row
                && meaning.own == own
                && meaning.imm.is_none()
                && meaning.operand_size.is_none()
                && !meaning.full_width
        };
        let id = names().entries.iter().position(|(_, meaning)| is_plain(meaning))?;
        Some((Mnemonic { id: id as u16 }, imm))
    }

    /// Whether it is a name of these rows of iced's table.
    #[cfg(feature = "decoder")]
    pub(crate) fn is_row(self, row: iced_x86::Mnemonic) -> bool {
        self.meaning().row == row
    }

    pub(in crate::isa) fn index(self) -> usize {
        usize::from(self.id)
    }

    pub(in crate::isa) fn meaning(self) -> Meaning {
        names().entries[self.index()].1
    }
}

/// How many mnemonics there are, aliases not counted.
pub(in crate::isa) fn count() -> usize {
    names().entries.len()
}

struct Names {
    /// Canonical names.
    entries: Vec<(&'static str, Meaning)>,
    /// All names, aliases included.
    by_name: HashMap<&'static str, u16>,
}

fn names() -> &'static Names {
    static NAMES: OnceLock<Names> = OnceLock::new();
    NAMES.get_or_init(build)
}

/// Names that differ between iced and the manuals: the word means these rows.
const RENAMED: [(&str, iced_x86::Mnemonic); 9] = [
    // iced's `sal` is the undocumented /6; to the manuals it is another name of `shl`.
    ("sal", iced_x86::Mnemonic::Shl),
    // iced distinguishes operand sizes by mnemonic; in 64-bit mode the plain name is the 64-bit
    // one.
    ("pushf", iced_x86::Mnemonic::Pushfq),
    ("popf", iced_x86::Mnemonic::Popfq),
    ("iret", iced_x86::Mnemonic::Iretd),
    // Rows for decoders: the manuals have no such names.
    ("reservednop", iced_x86::Mnemonic::INVALID),
    ("undoc", iced_x86::Mnemonic::INVALID),
    ("fstpnce", iced_x86::Mnemonic::INVALID),
    ("xstore_alt", iced_x86::Mnemonic::INVALID),
    ("xsha512_alt", iced_x86::Mnemonic::INVALID),
];

/// Names of rows whose operand size, in bits, no operand shows.
const SIZED: [(&str, iced_x86::Mnemonic, u32); 10] = [
    ("pushw", iced_x86::Mnemonic::Push, 16),
    ("popw", iced_x86::Mnemonic::Pop, 16),
    ("retw", iced_x86::Mnemonic::Ret, 16),
    ("retfw", iced_x86::Mnemonic::Retf, 16),
    ("retfq", iced_x86::Mnemonic::Retf, 64),
    ("enterw", iced_x86::Mnemonic::Enter, 16),
    ("leavew", iced_x86::Mnemonic::Leave, 16),
    ("pushfw", iced_x86::Mnemonic::Pushf, 16),
    ("popfw", iced_x86::Mnemonic::Popf, 16),
    ("iretw", iced_x86::Mnemonic::Iret, 16),
];

/// Whether rows of 64 bits have a name of their own.
pub(in crate::isa) fn names_64_bits(row: iced_x86::Mnemonic) -> bool {
    SIZED.iter().any(|(_, sized, bits)| *sized == row && *bits == 64)
}

fn build() -> Names {
    let mut names =
        Names { entries: Vec::with_capacity(2400), by_name: HashMap::with_capacity(2800) };
    let plain = |row| Meaning { row, own: &[], imm: None, operand_size: None, full_width: false };
    for row in iced_x86::Mnemonic::values().filter(|&row| !rows_of(row).is_empty()) {
        let name = format!("{row:?}").to_ascii_lowercase();
        if !RENAMED.iter().any(|(renamed, _)| *renamed == name) {
            names.insert(name, plain(row));
        }
    }
    names.insert_own(plain(iced_x86::Mnemonic::INVALID));
    for (name, row, bits) in SIZED {
        names.insert(name.to_string(), Meaning { operand_size: Some(bits), ..plain(row) });
    }
    let mov = plain(iced_x86::Mnemonic::Mov);
    names.insert("movabs".to_string(), Meaning { full_width: true, ..mov });
    pseudo_ops(|name, base, imm| {
        let meaning = names.meaning_of(base);
        names.insert(name, Meaning { imm: Some(imm), ..meaning });
    });
    for name in STRINGS {
        // They have a size once their operands are known.
        names.insert(name.to_string(), plain(iced_x86::Mnemonic::INVALID));
    }
    for (alias, target) in ALIASES {
        names.alias(alias.to_string(), target);
    }
    for (name, row) in RENAMED {
        if let Some(&code) = rows_of(row).first() {
            names.alias(name.to_string(), &format!("{:?}", code.mnemonic()).to_ascii_lowercase());
        }
    }
    for (long, short) in PREDICATES.into_iter().filter(|(_, short)| !short.is_empty()) {
        for suffix in FLOAT_SUFFIXES {
            names.alias(format!("vcmp{long}{suffix}"), &format!("vcmp{short}{suffix}"));
        }
    }
    names
}

impl Names {
    fn insert(&mut self, name: String, meaning: Meaning) {
        let name: &'static str = name.leak();
        self.by_name.insert(name, self.entries.len() as u16);
        self.entries.push((name, meaning));
    }

    /// Names of the compiler's own table. `plain` is the meaning of a name that iced lacks.
    fn insert_own(&mut self, plain: Meaning) {
        for rows in own::ROWS.chunk_by(|a, b| a.name == b.name) {
            match self.by_name.get(rows[0].name) {
                Some(&id) => self.entries[usize::from(id)].1.own = rows,
                None => self.insert(rows[0].name.to_string(), Meaning { own: rows, ..plain }),
            }
        }
    }

    fn alias(&mut self, alias: String, target: &str) {
        let id = self.by_name[target];
        self.by_name.insert(alias.leak(), id);
    }

    fn meaning_of(&self, name: &str) -> Meaning {
        self.entries[usize::from(self.by_name[name])].1
    }
}
