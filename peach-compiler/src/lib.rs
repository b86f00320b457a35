//! The peach kernel compiler: everything between tokens and machine code.
//!
//! ```text
//! tokens → ast → ir (virtual registers) → allocation → lowered (physical registers) → encoded → emit
//!          syntax  expand      analysis     regalloc + check     frame                  encode
//! ```
//!
//! Data flows one way and every stage has a type of its own. [`pipeline`] is the one list of the
//! passes, in order; read it first. The compiler does no input or output and knows nothing of
//! `proc_macro`: the macro, the command and the tests are shells around it.

pub mod abi;
pub mod analysis;
#[cfg(feature = "formats")]
pub mod builder;
pub mod check;
pub mod diagnostics;
pub mod emit;
pub mod encode;
pub mod expand;
pub mod frame;
pub mod ir;
pub mod isa;
pub mod pipeline;
pub mod regalloc;
pub mod sandbox;
pub mod syntax;
