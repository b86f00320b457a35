//! The kinds of things that a kernel file can have many of, by what they are.

mod compile_time;
mod control;
mod errors;
mod functions;
mod memory;
mod proofs;
mod registers;
mod secrets;

use std::fmt::Write;

/// A name, and the text with so many of something.
pub type Kind = (&'static str, fn(usize) -> String);

/// What is accepted, up to a size at which an error stops it.
pub fn accepted() -> impl Iterator<Item = &'static Kind> {
    let kinds = [
        registers::KINDS,
        memory::KINDS,
        proofs::KINDS,
        control::KINDS,
        compile_time::KINDS,
        functions::KINDS,
        secrets::KINDS,
    ];
    kinds.into_iter().flatten()
}

/// All of them: errors and warnings too.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    accepted().chain(errors::KINDS)
}

/// `item` for each number.
fn repeat(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, n| {
        let _ = writeln!(text, "{}", item(n));
        text
    })
}

/// Registers are declared in arrays of so many.
const ARRAY: usize = 1000;

fn declared(count: usize, class: &str) -> String {
    repeat(count.div_ceil(ARRAY), |n| {
        format!("let v{n}: [{class}; {}];", ARRAY.min(count - n * ARRAY))
    })
}

fn name(register: usize) -> String {
    format!("v{}[{}]", register / ARRAY, register % ARRAY)
}
