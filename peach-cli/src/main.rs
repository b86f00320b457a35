//! The `peach` command.

fn main() {}
