//! The instruction set: which form fits, what it touches, how it is encoded.
//!
//! Built on iced-x86's tables; this is the one room where its oddities are known. Everything outside
//! speaks of [`Mnemonic`], [`Selection`], [`Effects`] and [`Constraints`].

mod arrange;
mod assemble;
mod by_immediate;
mod compose;
mod constraints;
mod cpus;
mod decorations;
mod effects;
mod encode;
mod explain;
mod expression;
mod features;
mod fit;
mod forms;
mod hazards;
mod idioms;
mod lanes;
mod lines;
mod mnemonic;
mod names;
mod operand_forms;
mod print;
mod registers;
mod rows;
mod select;
mod shape;
mod text;
mod variants;

pub use compose::effects;
pub use constraints::*;
pub use effects::*;
pub use encode::*;
pub use features::*;
pub use forms::*;
pub use lines::*;
pub use mnemonic::*;
pub use print::*;
pub use registers::*;
pub use select::*;
pub use shape::*;
pub use text::*;
pub use variants::*;

/// What stands before a memory operand to give its size, by the bytes it stands for.
const SIZE_NAMES: [(u32, &str); 9] = [
    (1, "byte"),
    (2, "word"),
    (4, "dword"),
    (6, "fword"),
    (8, "qword"),
    (10, "tbyte"),
    (16, "xmmword"),
    (32, "ymmword"),
    (64, "zmmword"),
];

/// The word for a memory operand of this many bytes, if there is one.
pub fn size_name(bytes: u32) -> Option<&'static str> {
    SIZE_NAMES.iter().find(|(size, _)| *size == bytes).map(|(_, name)| *name)
}

/// The bytes of a memory operand after this word, in lower case.
pub fn size_of_name(name: &str) -> Option<u32> {
    let name = if name == "oword" { "xmmword" } else { name };
    SIZE_NAMES.iter().find(|(_, word)| *word == name).map(|(size, _)| *size)
}
