//! The instruction set: which form fits, what it touches, how it is encoded.
//!
//! Built on iced-x86's tables; this is the one room where its oddities are known. Everything
//! outside speaks of [`Mnemonic`], [`Selection`], [`Effects`] and [`Constraints`].
//!
//! | room or file | question that it answers |
//! |---|---|
//! | `registers` | which registers there are, in which classes and banks |
//! | `register_set` | how many there are; sets of them |
//! | `instruction` | what an instruction is: operands, prefixes, decorations |
//! | `names` | how instructions are called: mnemonics, aliases, words for sizes |
//! | `extensions` | which extensions there are, what they imply, which processor has them |
//! | `own` | the rows of the instructions that iced lacks |
//! | `forms` | which forms an instruction has, which of them fit, and why none does |
//! | `address` | which registers of a sum are base and index |
//! | `implied` | operands that may be written although the bytes have no place for them |
//! | `effects` | what a form reads, writes and does, by byte and by flag |
//! | `constraints` | which registers a form accepts |
//! | `encode` | which bytes it becomes; the shortest, or all |
//! | `visit` | which registers an instruction names |
//! | `asm` | the instructions that the compiler itself adds |
//! | `text` | instructions as lines of text: read and written |

mod address;
#[cfg_attr(not(feature = "decoder"), expect(dead_code, reason = "some are for sandboxes alone"))]
pub(crate) mod asm;
mod constraints;
mod effects;
mod encode;
mod extensions;
mod forms;
mod implied;
mod instruction;
mod names;
pub(crate) mod own;
mod register_set;
mod registers;
mod text;
mod visit;

pub(crate) use address::{Misplaced, Term, displacement, place as place_registers};
pub use constraints::*;
pub use effects::*;
pub use encode::*;
pub use extensions::*;
pub use forms::*;
pub use implied::take_implied;
pub(crate) use implied::{has_implied_memory, implied_operands};
pub use instruction::*;
pub use names::*;
pub use own::{OwnRow, Rounds};
pub use register_set::*;
pub use registers::*;
pub use text::*;
