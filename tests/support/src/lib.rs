//! What the tests share.

pub mod executable;
pub mod machine;
