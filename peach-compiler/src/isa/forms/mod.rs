//! The forms of instructions, and which of them fit an instruction.
//!
//! | file | what it does |
//! |---|---|
//! | `form` | the type of a form |
//! | `table` | the forms of a mnemonic |
//! | `rows` | the rows of iced's table that can be written |
//! | `operand_forms` | what one operand of iced's row accepts |
//! | `arrangements` | the arrangements of operands in which a row can be written |
//! | `fit`, `decorations` | whether a form fits, and if not, why |
//! | `select` | all forms that fit an instruction |
//! | `errors` | why none does |
//! | `traits` | what the tables say of a form beyond its operands |
//! | `explain` | why none does, in words |
//! | `twins` | which names EVEX has for what VEX does |
//! | `gathers` | the size that a gather's memory may be given |
//! | `lanes` | how many lanes a broadcast has that does not say so |

pub(in crate::isa) mod arrangements;
mod decorations;
pub(in crate::isa) mod errors;
mod explain;
pub(in crate::isa) mod fit;
pub(in crate::isa) mod form;
mod gathers;
mod lanes;
pub(in crate::isa) mod operand_forms;
pub(in crate::isa) mod rows;
pub(in crate::isa) mod select;
mod table;
pub(in crate::isa) mod traits;
mod twins;

pub use errors::*;
pub use form::*;
pub use gathers::*;
pub use lanes::*;
pub use select::*;
pub use twins::*;
