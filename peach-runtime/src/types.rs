//! What rustc has to check of the types in a kernel's signature: that they are what their names
//! made the macro believe.
//!
//! The functions here are never called. A generated function of the kernel's own types that calls
//! them compiles where the types are right; where they are not, the error points at the type in the
//! source.

use core::marker::PhantomData;
use core::mem::transmute_copy;
use core::ptr::NonNull;

/// A type without a value. Nothing is coerced to it but a type with longer lifetimes.
#[derive(Debug)]
pub struct Type<T: ?Sized>(PhantomData<T>);

impl<T: ?Sized> Clone for Type<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Type<T> {}

/// The type that is required by what follows.
pub const fn any<T: ?Sized>() -> Type<T> {
    Type(PhantomData)
}

/// The type that all of them are.
pub const fn one_of<T: ?Sized, const N: usize>(_: [Type<T>; N]) -> Type<T> {
    any()
}

/// This very type.
pub const fn same<T: ?Sized>(ty: Type<T>) -> Type<T> {
    ty
}

/// `&T`, one register wide.
pub const fn reference<T>(ty: Type<&T>) -> Type<&T> {
    ty
}

/// `&mut T`, one register wide.
pub const fn exclusive_reference<T>(ty: Type<&mut T>) -> Type<&mut T> {
    ty
}

/// `*const T`, one register wide.
pub const fn const_pointer<T>(ty: Type<*const T>) -> Type<*const T> {
    ty
}

/// `*mut T`, one register wide.
pub const fn mut_pointer<T>(ty: Type<*mut T>) -> Type<*mut T> {
    ty
}

/// `NonNull<T>`, one register wide.
pub const fn non_null<T>(ty: Type<NonNull<T>>) -> Type<NonNull<T>> {
    ty
}

/// What is in an `Option`.
pub const fn option<T>(_: Type<Option<T>>) -> Type<T> {
    any()
}

/// The value of `const { … }` in a kernel, whatever integer type it has.
pub const fn integer<T: Integer>(value: T) -> i128 {
    let bits = 8 * size_of::<T>();
    // SAFETY: integers of equal sizes.
    let wide = unsafe {
        match bits {
            8 => transmute_copy::<T, u8>(&value) as i128,
            16 => transmute_copy::<T, u16>(&value) as i128,
            32 => transmute_copy::<T, u32>(&value) as i128,
            64 => transmute_copy::<T, u64>(&value) as i128,
            _ => transmute_copy::<T, i128>(&value),
        }
    };
    if T::IS_SIGNED { wide << (128 - bits) >> (128 - bits) } else { wide }
}

/// The types that the value of `const { … }` in a kernel may have.
///
/// # Safety
/// Only integers of Rust are.
#[diagnostic::on_unimplemented(
    message = "the value of `const {{ … }}` is of type `{Self}`, not an integer",
    label = "this is not an integer",
    note = "a field of an instruction holds an integer: convert the value, with `as`, `to_bits()` \
        or the like"
)]
pub unsafe trait Integer: Copy {
    /// `i…`.
    const IS_SIGNED: bool;
}

macro_rules! integers {
    ($($integer:ty)*) => {
        $(
            // SAFETY: it is an integer.
            unsafe impl Integer for $integer {
                const IS_SIGNED: bool = <$integer>::MIN != 0;
            }
        )*
    };
}

integers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

/// A constant table as bytes.
pub const fn table_bytes<T: Table, const N: usize>(table: T) -> [u8; N] {
    const { assert!(size_of::<T>() == N, "a table has the size of its type") }
    // SAFETY: numbers, and arrays of them, have no padding.
    unsafe { transmute_copy(&table) }
}

/// The types that a table may have.
///
/// # Safety
/// Only numbers, and arrays of them, are.
pub unsafe trait Table: Copy {}

// SAFETY: its elements are what the trait asks for.
unsafe impl<T: Table, const N: usize> Table for [T; N] {}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(
            // SAFETY: it is a number.
            unsafe impl Table for $number {}
        )*
    };
}

numbers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);

#[cfg(test)]
mod tests {
    use super::integer;

    #[test]
    fn integers_keep_their_values() {
        assert_eq!((integer(-1i8), integer(u8::MAX)), (-1, 255));
        assert_eq!((integer(i16::MIN), integer(u16::MAX)), (-0x8000, 0xFFFF));
        assert_eq!((integer(i32::MIN), integer(u32::MAX)), (-0x8000_0000, 0xFFFF_FFFF));
        assert_eq!((integer(-2isize), integer(u64::MAX)), (-2, (1 << 64) - 1));
        assert_eq!((integer(i128::MIN), integer(7u128)), (i128::MIN, 7));
    }
}
