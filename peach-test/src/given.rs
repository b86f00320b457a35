//! What a test gives where a value alone does not say enough: aliases, alignment, memory of which
//! only a part has to be as expected.

use crate::arguments::{Compared, Memory, Parameter, Piece, Places};
use crate::element::Element;
use std::fmt;
use std::ops::Range;
use std::ptr::NonNull;

/// For a pointer: into the memory of another argument, to work in place, or as the end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within {
    /// Which argument, counted from 0.
    pub argument: usize,
    /// How many bytes behind the start of its memory.
    pub offset: usize,
}

impl Within {
    pub(crate) fn address(self, all: &[*mut u8]) -> *mut u8 {
        match all.get(self.argument) {
            Some(start) => start.wrapping_add(self.offset),
            None => panic!(
                "`Within` counts arguments from 0, and there are {}, not {}",
                all.len(),
                self.argument + 1
            ),
        }
    }
}

macro_rules! within {
    ($($parameter:ty, |$pointer:ident| $value:expr;)*) => {$(
        // SAFETY: an address.
        unsafe impl<T> Parameter<Within> for $parameter {
            fn pieces(given: &Within) -> Vec<Piece> {
                vec![Piece::Within(*given)]
            }

            unsafe fn pass(given: &Within, places: Places<'_>) -> Self {
                let $pointer = given.address(places.all).cast::<T>();
                $value
            }

            fn show(given: &Within) -> String {
                format!("{} bytes into argument {}", given.offset, given.argument + 1)
            }
        }
    )*};
}

within! {
    *const T, |pointer| pointer.cast_const();
    *mut T, |pointer| pointer;
    NonNull<T>, |pointer| NonNull::new(pointer).expect("memory is at no null");
}

/// For a `&[T]`: elements of another argument, which is a list of `T` that is not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Which argument, counted from 0.
    pub argument: usize,
    /// Which of its elements.
    pub elements: Range<usize>,
}

impl Shared {
    fn start<T>(&self) -> Within {
        Within { argument: self.argument, offset: self.elements.start * size_of::<T>() }
    }
}

// SAFETY: an address and a length.
unsafe impl<T: Element> Parameter<Shared> for &'static [T] {
    fn pieces(given: &Shared) -> Vec<Piece> {
        let len = given.elements.len() as u64;
        vec![Piece::Within(given.start::<T>()), Piece::Integer(len, 8)]
    }

    unsafe fn pass(given: &Shared, places: Places<'_>) -> Self {
        let start = given.start::<T>().address(places.all).cast_const();
        // SAFETY: as the caller promises.
        unsafe { std::slice::from_raw_parts(start.cast(), given.elements.len()) }
    }

    fn show(given: &Shared) -> String {
        format!("elements {:?} of argument {}", given.elements, given.argument + 1)
    }
}

/// A value that is passed as it is: a pointer of the test's own, or a function pointer.
#[derive(Clone, Copy, Debug)]
pub struct ByValue<P>(pub P);

// SAFETY: one word, which is the value.
unsafe impl<P: Copy + fmt::Pointer> Parameter<ByValue<P>> for P {
    fn pieces(given: &ByValue<P>) -> Vec<Piece> {
        const { assert!(size_of::<P>() == 8, "a pointer is passed by value") }
        // SAFETY: it has the size of a word.
        vec![Piece::Integer(unsafe { std::mem::transmute_copy(&given.0) }, 8)]
    }

    unsafe fn pass(given: &ByValue<P>, _: Places<'_>) -> Self {
        given.0
    }

    fn show(given: &ByValue<P>) -> String {
        format!("{:p}", given.0)
    }
}

/// An argument whose memory starts at a multiple of `N`, at most 4096: for kernels that ask for
/// more than the type does.
#[derive(Clone, Copy, Debug)]
pub struct Aligned<const N: usize, A>(pub A);

/// An argument in which the kernel returns elements, as many as its result says: a count that is an
/// integer, or the first of a pair. What is behind them is not compared. Nothing is if the count is
/// negative or larger than the list is, as it may be in case of an error.
#[derive(Clone, Copy, Debug)]
pub struct Output<A>(pub A);

/// An argument whose memory may hold anything after the call.
#[derive(Clone, Copy, Debug)]
pub struct Scratch<A>(pub A);

/// Types whose values refer to memory. The compiler finds out what else `random.any()` has to give.
pub trait Refers {}

impl<T: ?Sized> Refers for &T {}
impl<T: ?Sized> Refers for &mut T {}
impl<T> Refers for *const T {}
impl<T> Refers for *mut T {}
impl<T> Refers for NonNull<T> {}
impl<T: Refers> Refers for Option<T> {}

/// Like the argument inside, with `$change` made to its memory.
macro_rules! wrappers {
    ($({$($generics:tt)*} $wrapper:ty, $change:expr;)*) => {$(
        // SAFETY: the argument inside; its memory is at least as it asks for.
        unsafe impl<A, P: Parameter<A> + Refers, $($generics)*> Parameter<$wrapper> for P {
            fn pieces(given: &$wrapper) -> Vec<Piece> {
                P::pieces(&given.0)
            }

            fn memory(given: &$wrapper) -> Option<Memory> {
                let change: fn(&mut Memory) = $change;
                let mut memory = P::memory(&given.0)?;
                change(&mut memory);
                Some(memory)
            }

            unsafe fn pass(given: &$wrapper, places: Places<'_>) -> Self {
                // SAFETY: as the caller promises.
                unsafe { P::pass(&given.0, places) }
            }

            fn show(given: &$wrapper) -> String {
                P::show(&given.0)
            }
        }
    )*};
}

wrappers! {
    {const N: usize} Aligned<N, A>, |memory| {
        const { assert!(N.is_power_of_two() && N <= 4096, "a power of two up to 4096") };
        memory.align = memory.align.max(N);
    };
    {} Output<A>, |memory| memory.compared = Compared::Counted;
    {} Scratch<A>, |memory| memory.compared = Compared::Nothing;
}
