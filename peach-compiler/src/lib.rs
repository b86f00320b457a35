//! The peach kernel compiler: everything between tokens and machine code.
//!
//! ```text
//! tokens → ast → ir (virtual registers) → allocation → lowered (physical registers) → encoded → …
//!          syntax  expand      analysis     regalloc + check     frame                  encode
//! ```
//!
//! Data flows one way and every stage has a type of its own. [`pipeline`] is the one list of the
//! passes, in order; read it first. The compiler does no input or output and knows nothing of
//! `proc_macro`: the macro, the command and the tests are shells around it.
//!
//! The API for others is [`pipeline`], [`target`], [`compiled`], [`diagnostics`] and `builder`.
//! Everything else is public for the tests and the command, and may change without notice.

pub mod pipeline;

// What all stages speak of.
pub mod compiled;
pub mod diagnostics;
pub mod hex;
pub mod ids;
pub mod isa;
pub mod nearest;
pub mod sorted;
pub mod target;

// The stages, in the order of the data.

pub mod syntax;

pub mod expand;

pub mod ir;

pub mod abi;

pub mod passes;

pub mod analysis;

pub mod regalloc;

pub mod frame;

pub mod check;

#[cfg(feature = "decoder")]
pub mod sandbox;

pub mod encode;

pub mod emit;

// The text of kernels, made regular.
#[cfg(feature = "formats")]
pub mod format;

// Kernels that are made without text.
#[cfg(feature = "formats")]
pub mod builder;
