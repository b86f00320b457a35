//! The instruction set: which form fits, what it touches, how it is encoded.
//!
//! Built on iced-x86's tables; this is the one room where its oddities are known. Everything outside
//! speaks of [`Mnemonic`], [`Selection`], [`Effects`] and [`Constraints`].

mod assemble;
mod cpus;
mod effects;
mod encode;
mod explain;
mod features;
mod fit;
mod forms;
mod mnemonic;
mod names;
mod operand_forms;
mod registers;
mod select;

pub use effects::*;
pub use encode::*;
pub use features::*;
pub use forms::*;
pub use mnemonic::*;
pub use registers::*;
pub use select::*;
