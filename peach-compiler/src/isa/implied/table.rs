//! Which instructions have operands that the bytes have no place for, and which ones.

use crate::isa::{Mnemonic, PhysReg, gp};
use std::collections::HashMap;
use std::sync::OnceLock;

/// What stands in one place among the operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Memory at `es:[rdi]`. Segment prefixes do not change it (Intel SDM volume 2, MOVS).
    Destination,
    /// Memory at `ds:[rsi]`, or in another segment.
    Source,
    /// Memory at `ds:[rbx]`, or in another segment.
    Table,
    /// `al`, `ax`, `eax` or `rax`, as wide as the elements; may be left out.
    Accumulator,
    /// `dx`.
    Port,
    /// `rax`, or `eax` where the address has 32 bits.
    Address,
    /// A register, by its 32-bit or its 64-bit name.
    Either(PhysReg),
    /// A register by its 32-bit name.
    Only(PhysReg),
}

use Place::{Accumulator, Address, Destination, Either, Only, Port, Source, Table};

/// A string instruction without the letter for its size, its operands as the manual has them
/// (Intel SDM volume 2), and the bytes that its elements may have.
type StringRow = (&'static str, &'static [Place], &'static [u32]);

const STRINGS: [StringRow; 7] = [
    ("movs", &[Destination, Source], &[1, 2, 4, 8]),
    ("cmps", &[Source, Destination], &[1, 2, 4, 8]),
    ("lods", &[Accumulator, Source], &[1, 2, 4, 8]),
    ("stos", &[Destination, Accumulator], &[1, 2, 4, 8]),
    ("scas", &[Accumulator, Destination], &[1, 2, 4, 8]),
    ("ins", &[Destination, Port], &[1, 2, 4]),
    ("outs", &[Port, Source], &[1, 2, 4]),
];

/// The others. Source: AMD APM volume 3, Intel SDM volume 2, and GNU as.
const OTHERS: [(&str, &[Place]); 15] = [
    ("xlatb", &[Table]),
    ("monitor", &[Address, Either(gp::RCX), Either(gp::RDX)]),
    ("monitorx", &[Address, Either(gp::RCX), Either(gp::RDX)]),
    ("mwait", &[Either(gp::RAX), Either(gp::RCX)]),
    ("mwaitx", &[Either(gp::RAX), Either(gp::RCX), Either(gp::RBX)]),
    ("clzero", &[Address]),
    ("vmrun", &[Address]),
    ("vmload", &[Address]),
    ("vmsave", &[Address]),
    ("invlpga", &[Address, Only(gp::RCX)]),
    ("invlpgb", &[Address, Only(gp::RCX), Only(gp::RDX)]),
    ("skinit", &[Only(gp::RAX)]),
    ("pvalidate", &[Address, Only(gp::RCX), Only(gp::RDX)]),
    ("rmpadjust", &[Address, Either(gp::RCX), Either(gp::RDX)]),
    ("rmpupdate", &[Address, Either(gp::RCX)]),
];

/// What may be written behind a mnemonic.
#[derive(Clone, Copy)]
pub(super) struct Row {
    /// The name without the size, where operands may choose it.
    pub name: &'static str,
    pub places: &'static [Place],
    /// The bytes of its memory: one size, or those to choose from.
    pub sizes: &'static [u32],
    /// Whether the mnemonic leaves the size open.
    pub is_open: bool,
}

pub(super) fn rows() -> &'static HashMap<Mnemonic, Row> {
    static ROWS: OnceLock<HashMap<Mnemonic, Row>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let mut rows = HashMap::new();
        let mut add = |name: &str, row: Row| {
            rows.extend(Mnemonic::parse(name).map(|mnemonic| (mnemonic, row)));
        };
        for (name, places, sizes) in STRINGS {
            add(name, Row { name, places, sizes, is_open: true });
            for at in 0..sizes.len() {
                let row = Row { name, places, sizes: &sizes[at..=at], is_open: false };
                add(&sized(name, sizes[at]), row);
            }
        }
        for (name, places) in OTHERS {
            add(name, Row { name, places, sizes: &[1], is_open: false });
        }
        rows
    })
}

/// `movsb` of `movs` and 1.
pub(super) fn sized(name: &str, bytes: u32) -> String {
    let letter = match bytes {
        1 => 'b',
        2 => 'w',
        4 => 'd',
        _ => 'q',
    };
    format!("{name}{letter}")
}

/// The register that holds the address of the memory in a place.
pub(super) fn pointer(place: Place) -> Option<PhysReg> {
    match place {
        Destination => Some(gp::RDI),
        Source => Some(gp::RSI),
        Table => Some(gp::RBX),
        Accumulator | Port | Address | Either(_) | Only(_) => None,
    }
}
