//! Function pointer types, as far as they can be those of kernels.
//!
//! In: a type. Out: its convention, whether it is unsafe, and the names of its parts, which
//! `prototype` compares with the kernel's; and the method `call` of a [`Function`] of this type.

use super::Function;
use crate::Pair;
use std::ptr::NonNull;

/// A function pointer type that a kernel can have: `[unsafe] extern "C" | "sysv64" | "win64" fn(…)
/// -> …` of up to twelve [`Value`]s.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a function pointer type that a kernel can have",
    label = "not the type of a kernel",
    note = "write `extern \"C\" fn(…) -> …` (or `\"sysv64\"`, `\"win64\"`; `unsafe` where the call \
        is) with at most 12 parameters",
    note = "a reference has a named lifetime (`&'static f32`), a slice or string is two \
        parameters, as `*const f32, usize`"
)]
pub trait Signature: Copy + Sealed {
    /// The convention: `C`, `sysv64` or `win64`.
    #[doc(hidden)]
    const ABI: &'static str;
    /// Whether calling it is unsafe.
    #[doc(hidden)]
    const IS_UNSAFE: bool;
    /// The names of the parameters' types.
    #[doc(hidden)]
    fn parameters() -> Vec<String>;
    /// The name of the result's type.
    #[doc(hidden)]
    fn result() -> String;
}

/// A type of a parameter or of a result: numbers, `bool`, `char`, pointers, references to numbers
/// and arrays of numbers, `__m128`, `__m128i`, `__m128d`; as results also `()` and [`Pair`]s.
#[diagnostic::on_unimplemented(
    message = "a kernel cannot have a parameter or result of type `{Self}`",
    label = "not a type that a kernel takes or returns",
    note = "the types are numbers, `bool`, `char`, raw pointers, `NonNull`, references to numbers \
        and to arrays of numbers, `__m128`; as results also `()` and `Pair`",
    note = "a slice or string is two parameters, as `*const f32, usize`; a `fn` pointer is a raw \
        pointer"
)]
pub trait Value: Sealed + Sized {
    /// What [`Function::call`] takes for it: the type itself, but references of any lifetime. (A
    /// kernel keeps none beyond the call, and none comes back as a reference.)
    type Given<'g>;
    /// The value itself.
    ///
    /// # Safety
    /// It must not be used beyond the lifetime `'g`.
    #[doc(hidden)]
    unsafe fn of(given: Self::Given<'_>) -> Self;
    /// Its name in messages, equal for equal types.
    #[doc(hidden)]
    fn name() -> String;
}

mod sealed {
    /// The traits cannot be implemented elsewhere: a wrong name would be undefined behavior.
    pub trait Sealed {}
}
use sealed::Sealed;

/// What a reference may be to: a number, or arrays of numbers.
#[diagnostic::on_unimplemented(
    message = "a kernel cannot take a reference to `{Self}`",
    label = "neither a number nor an array of numbers",
    note = "a slice or string is two parameters, `*const f32, usize` or `*mut f32, usize`, in an \
        `unsafe` function pointer type",
    note = "a reference to anything else is a raw pointer, in an `unsafe` function pointer type"
)]
pub trait Memory: Sealed + 'static {
    /// Its name in messages, equal for equal types.
    #[doc(hidden)]
    fn name() -> String;
}

impl<T: Memory, const N: usize> Sealed for [T; N] {}
impl<T: Memory, const N: usize> Memory for [T; N] {
    fn name() -> String {
        format!("[{}; {N}]", T::name())
    }
}

/// A type that is given as it is.
macro_rules! given_as_is {
    () => {
        type Given<'g> = Self;
        unsafe fn of(given: Self) -> Self {
            given
        }
    };
}

macro_rules! values {
    ($($ty:ty),*) => {
        $(
            impl Sealed for $ty {}
            impl Value for $ty {
                given_as_is!();
                fn name() -> String {
                    stringify!($ty).to_string()
                }
            }
        )*
    };
}

values!(u8, u16, u32, u64, usize, u128, i8, i16, i32, i64, isize, i128, f32, f64, bool, char, ());

macro_rules! numbers {
    ($($ty:ty),*) => {
        $(
            impl Memory for $ty {
                fn name() -> String {
                    <$ty as Value>::name()
                }
            }
        )*
    };
}

numbers!(u8, u16, u32, u64, usize, u128, i8, i16, i32, i64, isize, i128, f32, f64);

#[cfg(target_arch = "x86_64")]
mod vectors {
    use super::{Sealed, Value};
    use std::arch::x86_64::{__m128, __m128d, __m128i};

    values!(__m128, __m128d, __m128i);
}

/// Pointers, and what they are called.
macro_rules! pointers {
    ($($ty:ty, $name:literal;)*) => {
        $(
            impl<T> Sealed for $ty {}
            impl<T> Value for $ty {
                given_as_is!();
                fn name() -> String {
                    $name.to_string()
                }
            }
        )*
    };
}

pointers! {
    *const T, "*const _";
    *mut T, "*mut _";
    NonNull<T>, "NonNull<_>";
    Option<NonNull<T>>, "Option<NonNull<_>>";
}

/// References, and what they are called.
macro_rules! references {
    ($([$($mutable:ident)?] $and:literal;)*) => {
        $(
            impl<T: Memory> Sealed for &$($mutable)? T {}
            impl<T: Memory> Value for &$($mutable)? T {
                type Given<'g> = &'g $($mutable)? T;
                unsafe fn of(given: Self::Given<'_>) -> Self {
                    let pointer = std::ptr::NonNull::from(given);
                    // SAFETY: it is a reference; the caller keeps to its lifetime.
                    unsafe { std::mem::transmute(pointer) }
                }
                fn name() -> String {
                    format!(concat!($and, "{}"), T::name())
                }
            }
        )*
    };
}

references! {
    [] "&";
    [mut] "&mut ";
}

impl<A: Value, B: Value> Sealed for Pair<A, B> {}
impl<A: Value, B: Value> Value for Pair<A, B> {
    given_as_is!();
    fn name() -> String {
        format!("Pair<{}, {}>", A::name(), B::name())
    }
}

/// Implements everything for the function pointers of one convention with these parameters.
macro_rules! signature {
    ($abi:literal: $($name:ident $ty:ident),*) => {
        impl<R: Value, $($ty: Value),*> Sealed for extern $abi fn($($ty),*) -> R {}
        impl<R: Value, $($ty: Value),*> Signature for extern $abi fn($($ty),*) -> R {
            const ABI: &'static str = $abi;
            const IS_UNSAFE: bool = false;
            fn parameters() -> Vec<String> {
                vec![$($ty::name()),*]
            }
            fn result() -> String {
                R::name()
            }
        }
        impl<R: Value, $($ty: Value),*> Function<extern $abi fn($($ty),*) -> R> {
            /// Calls the kernel.
            #[inline]
            pub fn call(&self, $($name: $ty::Given<'_>),*) -> R {
                // SAFETY: no kernel keeps a reference.
                $(let $name = unsafe { $ty::of($name) };)*
                (self.pointer)($($name),*)
            }
        }

        impl<R: Value, $($ty: Value),*> Sealed for unsafe extern $abi fn($($ty),*) -> R {}
        impl<R: Value, $($ty: Value),*> Signature for unsafe extern $abi fn($($ty),*) -> R {
            const ABI: &'static str = $abi;
            const IS_UNSAFE: bool = true;
            fn parameters() -> Vec<String> {
                vec![$($ty::name()),*]
            }
            fn result() -> String {
                R::name()
            }
        }
        impl<R: Value, $($ty: Value),*> Function<unsafe extern $abi fn($($ty),*) -> R> {
            /// Calls the kernel.
            ///
            /// # Safety
            /// As the kernel requires.
            #[inline]
            pub unsafe fn call(&self, $($name: $ty::Given<'_>),*) -> R {
                // SAFETY: the caller promises what the kernel requires.
                unsafe { (self.pointer)($($ty::of($name)),*) }
            }
        }
    };
}

/// For these parameters and all shorter lists of them, in every convention.
macro_rules! signatures {
    ($($name:ident $ty:ident),*) => {
        signature!("C": $($name $ty),*);
        #[cfg(target_arch = "x86_64")]
        signature!("sysv64": $($name $ty),*);
        #[cfg(target_arch = "x86_64")]
        signature!("win64": $($name $ty),*);
        signatures!(@shorter $($name $ty),*);
    };
    (@shorter) => {};
    (@shorter $first:ident $ty:ident $(, $name:ident $rest:ident)*) => {
        signatures!($($name $rest),*);
    };
}

signatures!(a A, b B, c C, d D, e E, f F, g G, h H, i I, j J, k K, l L);
