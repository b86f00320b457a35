//! The arguments of a kernel: what the test makes, and what each becomes for function and code.
//!
//! The test makes owned values. What a kernel gets by reference, as a slice or behind a pointer is
//! put in guarded memory before each call. `given` has what says more about an argument.

use crate::Tolerance;
use crate::element::{Element, bytes_of, bytes_of_all, show_all};
use crate::given::Within;
use std::ffi::c_void;
use std::ptr::NonNull;

/// A type that kernels take, for which tests give an `A`.
///
/// | the kernel takes | the test gives |
/// |---|---|
/// | a number, `bool`, `char`, a vector | the same |
/// | `&T`, `&mut T`, `&[T; N]` | `T`, `[T; N]` |
/// | `&[T]`, `&mut [T]` | `Vec<T>` |
/// | `&str` | `String` |
/// | `*const T`, `*mut T`, `NonNull<T>` | `Vec<T>`, or [`Within`] another argument |
/// | `Option` of a reference or `NonNull` | `Option` of the above |
/// | a function pointer, any pointer | [`ByValue`](crate::ByValue) |
/// | `&[T]` in the memory of another argument | [`Shared`](crate::Shared) |
///
/// [`Aligned`](crate::Aligned), [`Output`](crate::Output) and [`Scratch`](crate::Scratch) around
/// what is given say more of its memory.
///
/// # Safety
/// What [`Parameter::pass`] makes and [`Parameter::pieces`] describes is the same value.
pub unsafe trait Parameter<A> {
    /// The value as a calling convention sees it.
    fn pieces(given: &A) -> Vec<Piece>;

    /// What it refers to.
    fn memory(given: &A) -> Option<Memory> {
        let _ = given;
        None
    }

    /// The value for the Rust function.
    ///
    /// # Safety
    /// Its memory, as [`Parameter::memory`] describes it, is at `places.own()` and may be accessed.
    unsafe fn pass(given: &A, places: Places<'_>) -> Self;

    /// The value as text.
    fn show(given: &A) -> String;
}

/// A part of an argument that is passed by itself.
#[derive(Clone, Debug)]
pub enum Piece {
    /// An integer, extended to 64 bits as its type wants it, and its size in bytes.
    Integer(u64, usize),
    /// The address of the argument's own memory.
    Own,
    /// An address in the memory of another argument.
    Within(Within),
    /// An `i128` or `u128`.
    Wide(u128),
    /// A float or a vector: its bytes.
    Vector(Vec<u8>),
}

/// Memory that an argument refers to.
#[derive(Clone, Debug)]
pub struct Memory {
    pub(crate) bytes: Vec<u8>,
    pub(crate) align: usize,
    pub(crate) size: usize,
    pub(crate) agrees: fn(&[u8], &[u8], &Tolerance) -> bool,
    pub(crate) show: fn(&[u8]) -> String,
    pub(crate) compared: Compared,
}

/// Which elements have to be as expected after the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    All,
    /// As many as the expected result says.
    Counted,
    Nothing,
}

impl Memory {
    /// With these elements.
    pub fn of<T: Element>(elements: &[T]) -> Memory {
        Memory {
            bytes: bytes_of_all(elements),
            align: align_of::<T>(),
            size: size_of::<T>().max(1),
            agrees: T::agrees,
            show: T::show,
            compared: Compared::All,
        }
    }
}

/// Where the memory of the arguments is.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    pub(crate) all: &'a [*mut u8],
    pub(crate) index: usize,
}

impl Places<'_> {
    /// The address of this argument's memory.
    pub fn own(self) -> *mut u8 {
        self.all[self.index]
    }
}

macro_rules! integers {
    ($($integer:ident as $wide:ident)*) => {$(
        // SAFETY: one integer.
        unsafe impl Parameter<$integer> for $integer {
            fn pieces(given: &$integer) -> Vec<Piece> {
                vec![Piece::Integer(*given as $wide as u64, size_of::<$integer>())]
            }

            unsafe fn pass(given: &$integer, _: Places<'_>) -> Self {
                *given
            }

            fn show(given: &$integer) -> String {
                <$integer as Element>::show(&bytes_of(given))
            }
        }
    )*};
}

integers! {
    i8 as i64 i16 as i64 i32 as i64 i64 as i64 isize as i64 u8 as u64 u16 as u64 u32 as u64
    u64 as u64 usize as u64 bool as u64 char as u64
}

macro_rules! wide {
    ($($integer:ident)*) => {$(
        // SAFETY: one integer of two words.
        unsafe impl Parameter<$integer> for $integer {
            fn pieces(given: &$integer) -> Vec<Piece> {
                vec![Piece::Wide(*given as u128)]
            }

            unsafe fn pass(given: &$integer, _: Places<'_>) -> Self {
                *given
            }

            fn show(given: &$integer) -> String {
                given.to_string()
            }
        }
    )*};
}

wide!(i128 u128);

macro_rules! vectors {
    ($($vector:ident)*) => {$(
        // SAFETY: one vector.
        unsafe impl Parameter<$vector> for $vector {
            fn pieces(given: &$vector) -> Vec<Piece> {
                vec![Piece::Vector(bytes_of(given))]
            }

            unsafe fn pass(given: &$vector, _: Places<'_>) -> Self {
                *given
            }

            fn show(given: &$vector) -> String {
                <$vector as Element>::show(&bytes_of(given))
            }
        }
    )*};
}

vectors!(f32 f64);

#[cfg(target_arch = "x86_64")]
mod wide_vectors {
    use super::{Element, Parameter, Piece, Places, bytes_of};
    use std::arch::x86_64::*;

    vectors!(__m128 __m128d __m128i __m256 __m256d __m256i __m512 __m512d __m512i);
}

/// `Parameter<Vec<T>>`: the address of memory with elements, and what follows it; `$value` is the
/// parameter, of the address and the list.
macro_rules! vec {
    ($($parameter:ty, |$given:ident| [$($piece:expr),*], |$pointer:ident| $value:expr;)*) => {$(
        // SAFETY: an address, and a length where there is one.
        unsafe impl<T: Element> Parameter<Vec<T>> for $parameter {
            fn pieces($given: &Vec<T>) -> Vec<Piece> {
                std::vec![$($piece),*]
            }

            fn memory(given: &Vec<T>) -> Option<Memory> {
                Some(Memory::of(given))
            }

            unsafe fn pass($given: &Vec<T>, places: Places<'_>) -> Self {
                let $pointer = places.own().cast::<T>();
                $value
            }

            fn show(given: &Vec<T>) -> String {
                show_list::<T>(&bytes_of_all(given))
            }
        }
    )*};
}

/// The length of a slice, as it is passed.
fn len_of<T>(list: &[T]) -> Piece {
    Piece::Integer(list.len() as u64, 8)
}

vec! {
    &'static [T], |given| [Piece::Own, len_of(given)],
        // SAFETY: the caller has put the elements there.
        |pointer| unsafe { std::slice::from_raw_parts(pointer, given.len()) };
    &'static mut [T], |given| [Piece::Own, len_of(given)],
        // SAFETY: as above.
        |pointer| unsafe { std::slice::from_raw_parts_mut(pointer, given.len()) };
    *const T, |_given| [Piece::Own], |pointer| pointer.cast_const();
    *mut T, |_given| [Piece::Own], |pointer| pointer;
    NonNull<T>, |_given| [Piece::Own],
        |pointer| NonNull::new(pointer).expect("memory is at no null");
    *const c_void, |_given| [Piece::Own], |pointer| pointer.cast_const().cast();
    *mut c_void, |_given| [Piece::Own], |pointer| pointer.cast();
}

// SAFETY: an address and a length.
unsafe impl Parameter<String> for &'static str {
    fn pieces(given: &String) -> Vec<Piece> {
        std::vec![Piece::Own, Piece::Integer(given.len() as u64, 8)]
    }

    fn memory(given: &String) -> Option<Memory> {
        Some(Memory::of(given.as_bytes()))
    }

    unsafe fn pass(given: &String, places: Places<'_>) -> Self {
        // SAFETY: the caller has put the bytes of this string there.
        unsafe {
            let bytes = std::slice::from_raw_parts(places.own(), given.len());
            std::str::from_utf8_unchecked(bytes)
        }
    }

    fn show(given: &String) -> String {
        format!("{given:?}")
    }
}

/// `Parameter<T>`: memory with one value.
macro_rules! reference {
    ($($parameter:ty, |$pointer:ident| $value:expr;)*) => {$(
        // SAFETY: an address.
        unsafe impl<T: Element> Parameter<T> for $parameter {
            fn pieces(_: &T) -> Vec<Piece> {
                std::vec![Piece::Own]
            }

            fn memory(given: &T) -> Option<Memory> {
                Some(Memory::of(std::slice::from_ref(given)))
            }

            unsafe fn pass(_: &T, places: Places<'_>) -> Self {
                let $pointer = places.own().cast::<T>();
                // SAFETY: the caller has put the value there.
                unsafe { $value }
            }

            fn show(given: &T) -> String {
                <T as Element>::show(&bytes_of(given))
            }
        }
    )*};
}

reference! {
    &'static T, |pointer| &*pointer;
    &'static mut T, |pointer| &mut *pointer;
}

// SAFETY: null, or as what is in the option: it is an address, which is not null.
unsafe impl<A, P: Parameter<A>> Parameter<Option<A>> for Option<P> {
    fn pieces(given: &Option<A>) -> Vec<Piece> {
        given.as_ref().map_or_else(|| std::vec![Piece::Integer(0, 8)], P::pieces)
    }

    fn memory(given: &Option<A>) -> Option<Memory> {
        given.as_ref().and_then(P::memory)
    }

    unsafe fn pass(given: &Option<A>, places: Places<'_>) -> Self {
        const { assert!(size_of::<Option<P>>() == 8, "an option is passed as a pointer") }
        // SAFETY: as the caller promises.
        given.as_ref().map(|argument| unsafe { P::pass(argument, places) })
    }

    fn show(given: &Option<A>) -> String {
        given.as_ref().map_or_else(|| "None".to_string(), P::show)
    }
}

/// How many elements of a list are shown.
const SHOWN: usize = 64;

/// A list as text, and its length; of a long one the start.
pub(crate) fn show_list<T: Element>(bytes: &[u8]) -> String {
    let size = size_of::<T>().max(1);
    let count = bytes.len() / size;
    let shown = show_all::<T>(&bytes[..count.min(SHOWN) * size]).join(", ");
    let more = if count > SHOWN { ", …" } else { "" };
    format!("[{shown}{more}] ({count} long)")
}
