//! Generated items do not depend on what is around them, and bring no warning into it.
//!
//! This file is also compiled by `editions.rs`, with clippy and in every edition.

#![no_implicit_prelude]
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, unused, missing_debug_implementations)]
#![deny(clippy::all, clippy::pedantic, unused_qualifications)]
#![deny(rust_2018_idioms, let_underscore_drop, trivial_casts, unsafe_op_in_unsafe_fn)]
#![deny(elided_lifetimes_in_paths, explicit_outlives_requirements, meta_variable_misuse)]

/// Names that generated items could trip over.
mod core {}
mod std_names {
    #![expect(dead_code, reason = "they only stand in the way")]
    pub(crate) enum Option {}
    pub(crate) struct Kernel;
    pub(crate) struct Version;
    pub(crate) struct Source;
    pub(crate) const KERNEL: () = ();
    pub(crate) fn entry() {}
    pub(crate) fn result() {}
}
#[expect(unused_imports, reason = "they only stand in the way")]
use self::std_names::*;

use ::peach_runtime::peach_fn;
use ::std::{assert, assert_eq, matches};

/// A type of this crate.
#[derive(Debug)]
pub struct Point {
    /// A coordinate.
    pub x: u64,
}

peach_fn! {
    /// Adds two numbers.
    #[must_use]
    pub fn add(a: i32, b: i32) -> i32 { add a, b; return a; }

    /// Adds two numbers.
    #[must_use]
    #[embed = "text"]
    pub fn add_in_text(a: i32, b: i32) -> i32 { add a, b; return a; }

    /// Names like those inside.
    #[must_use]
    pub fn names(entry: u64, result: u64, code: u64) -> u64 {
        add entry, result; add entry, code; return entry;
    }

    /// Keywords as names.
    #[must_use]
    pub fn r#in(r#type: u64) -> u64 { return r#type; }

    /// Gives back a part.
    #[must_use]
    pub fn identity<'a>(point: &'a Point) -> &'a Point { return point; }

    /// With everything elided.
    pub fn elided(point: &mut Point) -> &mut Point { return point; }

    /// With a bound.
    #[must_use]
    pub fn bounded<'a, 'b: 'a>(a: &'a u64, b: &'b u64) -> &'a u64 { return a; }

    /// The first of some.
    #[must_use]
    pub fn first(items: &[u64]) -> *const u64 { return items.ptr; }

    /// Two results.
    #[must_use]
    pub fn swap(a: u64, b: u64) -> (u64, u64) { return (b, a); }

    /// Needs what no machine has.
    #[target_feature(enable = "padlock")]
    #[must_use]
    pub fn length(text: &str) -> usize { return text.len; }

    #[fallback]
    pub fn length(text: &str) -> usize { text.len() }

    /// Parameters without a name, and one that could be theirs.
    #[must_use]
    pub fn unnamed(_: u64, _: &[u8], mut argument_0: u64, _: i128, _: f32) -> u64 {
        inc argument_0;
        return argument_0;
    }

    /// The same, of Rust.
    #[target_feature(enable = "padlock")]
    #[must_use]
    pub fn unnamed_elsewhere(_: u64, mut slice: &mut [u8], _: &str) -> usize { return slice.len; }

    #[fallback]
    pub fn unnamed_elsewhere(_: u64, mut slice: &mut [u8], _: &str) -> usize {
        slice = &mut slice[1..];
        slice.len()
    }

    fn private(a: u8) -> u8 { return a; }

    #[cfg(any())]
    fn never(a: *const Missing) -> *const Missing { return a; }
}

mod deep {
    use ::peach_runtime::peach_fn;

    pub(crate) mod deeper {
        use ::peach_runtime::peach_fn;

        peach_fn! {
            pub(super) fn to_parent(a: u64) -> u64 { return a; }
            pub(in crate::deep) fn to_deep(a: &super::super::Point) -> u64 {
                return a;
            }
        }
    }

    pub(crate) fn use_it() -> u64 {
        peach_fn! {
            fn inside(a: u64) -> u64 { inc a; return a; }
        }
        let point = super::Point { x: 2 };
        assert!(deeper::to_deep(&point) != 0);
        inside(deeper::to_parent(1) + point.x) + inside::KERNEL.get()(0)
    }
}

macro_rules! made {
    ($name:ident, $ty:ty, $value:expr) => {
        peach_fn! {
            /// Made by a macro.
            #[must_use]
            pub fn $name(a: $ty) -> $ty { add a, $value; return a; }
        }
    };
}

made!(add_seven, u32, 3 + 4);

#[test]
fn they_run() {
    assert_eq!((add(1, 2), add_in_text(1, 2), names(1, 2, 3), r#in(4)), (3, 3, 6, 4));
    let mut point = Point { x: 5 };
    assert_eq!(identity(&point).x, 5);
    elided(&mut point).x += 1;
    assert_eq!(*bounded(&point.x, &7), 6);
    assert!(!first(&[1]).is_null());
    assert_eq!(swap(1, 2), (2, 1));
    assert_eq!(unnamed(1, &[2], 3, 4, 5.0), 4);
    assert_eq!(unnamed_elsewhere(1, &mut [2, 3, 4], ""), 2);
    assert_eq!((length("four"), private(9), deep::use_it(), add_seven(1)), (4, 9, 5, 8));
}

#[test]
fn kernels_stand_beside() {
    let sum: extern "C" fn(i32, i32) -> i32 = add::KERNEL.get();
    assert_eq!(sum(3, 4), 7);
    assert!(matches!(length::KERNEL.try_get(), ::std::result::Result::Ok(_)));
    assert_eq!(r#in::KERNEL.name(), "in");
}
