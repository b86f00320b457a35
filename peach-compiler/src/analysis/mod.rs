//! What is true of a function over virtual registers. Nothing here changes it.
//!
//! [`Facts`] are computed once and read by the allocator, the frame builder and [`verify`], which
//! turns the errors of the user's program into diagnostics. All dataflow is iterative and
//! close to linear in the length of the code: registers that are not live are never visited.

mod access;
mod cfg;
mod dominators;
mod extended;
mod facts;
mod flags;
mod frame_base;
mod inlined;
mod liveness;
mod local_fns;
mod locals;
mod ones;
mod outside;
mod proof;
mod reports;
mod scans;
mod secrets;
mod slots;
mod stack;
mod unused;
mod values;
mod verify;
mod vzeroall;

pub use cfg::{Block, Cfg, MOST_LIVE};
pub(crate) use dominators::Flow;
pub use facts::Facts;
pub(crate) use frame_base::{
    PAGE, STRIDE, TOUCHES_MAX, demanded_align, frame_base, is_large, needs_frame_base, used_locals,
};
pub use inlined::{MOST_INLINED, TooLong, Uses};
pub use liveness::Liveness;
pub use local_fns::LocalFns;
pub use proof::record;
pub use unused::Usage;
pub(crate) use verify::too_large;
pub use verify::verify;
