//! What a kernel returns.

use crate::element::bytes_of;
use crate::{Element, Tolerance};
use std::ptr::NonNull;

/// A type that kernels return.
///
/// # Safety
/// The description is that of the type, and the bytes are those of its values.
pub unsafe trait Returned: Sized {
    /// What it consists of: nothing, one value, or a pair.
    fn fields() -> Vec<Field>;

    /// Its bytes, where a pair is a `repr(C)` structure.
    fn into_bytes(self) -> Vec<u8>;

    /// Whether the bytes found are as good as those expected.
    fn agrees(found: &[u8], expected: &[u8], tolerance: &Tolerance) -> bool;

    /// The value in these bytes, as text.
    fn show(bytes: &[u8]) -> String;
}

/// A type of single values that kernels return.
///
/// # Safety
/// As for [`Returned`].
pub unsafe trait Single: Sized {
    /// How conventions see it.
    const FIELD: Field;

    /// Its bytes.
    fn into_bytes(self) -> Vec<u8>;

    /// Whether the bytes found are as good as those expected.
    fn agrees(found: &[u8], expected: &[u8], tolerance: &Tolerance) -> bool;

    /// The value in these bytes, as text.
    fn show(bytes: &[u8]) -> String;
}

/// A value that is returned, as a calling convention sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Bytes, which it is aligned to as well.
    pub(crate) size: usize,
    pub(crate) kind: Kind,
}

/// How a value is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Integers, pointers, `i128`.
    Integer,
    /// Floats and vectors.
    Vector,
}

/// A type's functions, for code that does not know the type.
#[derive(Clone, Debug)]
pub(crate) struct Results {
    pub(crate) fields: Vec<Field>,
    pub(crate) agrees: fn(&[u8], &[u8], &Tolerance) -> bool,
    pub(crate) show: fn(&[u8]) -> String,
}

impl Results {
    pub(crate) fn of<R: Returned>() -> Results {
        Results { fields: R::fields(), agrees: R::agrees, show: R::show }
    }

    /// Where each field starts, and the size of all.
    pub(crate) fn layout(&self) -> (Vec<usize>, usize) {
        let mut end: usize = 0;
        let starts = self.fields.iter().map(|field| {
            let start = end.next_multiple_of(field.size);
            end = start + field.size;
            start
        });
        let starts = starts.collect();
        let align = self.fields.iter().map(|field| field.size).max().unwrap_or(1);
        (starts, end.next_multiple_of(align))
    }

    /// Whether a vector wider than xmm is returned.
    pub(crate) fn is_wide(&self) -> bool {
        self.fields.iter().any(|field| field.size > 16)
    }
}

// SAFETY: no bytes.
unsafe impl Returned for () {
    fn fields() -> Vec<Field> {
        Vec::new()
    }

    fn into_bytes(self) -> Vec<u8> {
        Vec::new()
    }

    fn agrees(_: &[u8], _: &[u8], _: &Tolerance) -> bool {
        true
    }

    fn show(_: &[u8]) -> String {
        "()".to_string()
    }
}

// SAFETY: as the single value says.
unsafe impl<T: Single> Returned for T {
    fn fields() -> Vec<Field> {
        vec![T::FIELD]
    }

    fn into_bytes(self) -> Vec<u8> {
        Single::into_bytes(self)
    }

    fn agrees(found: &[u8], expected: &[u8], tolerance: &Tolerance) -> bool {
        <T as Single>::agrees(found, expected, tolerance)
    }

    fn show(bytes: &[u8]) -> String {
        <T as Single>::show(bytes)
    }
}

/// Where the second value of a pair starts.
fn second<A: Single, B: Single>() -> usize {
    A::FIELD.size.next_multiple_of(B::FIELD.size)
}

// SAFETY: laid out like a structure.
unsafe impl<A: Single, B: Single> Returned for (A, B) {
    fn fields() -> Vec<Field> {
        vec![A::FIELD, B::FIELD]
    }

    fn into_bytes(self) -> Vec<u8> {
        let mut bytes = self.0.into_bytes();
        bytes.resize(second::<A, B>(), 0);
        bytes.extend(self.1.into_bytes());
        bytes
    }

    fn agrees(found: &[u8], expected: &[u8], tolerance: &Tolerance) -> bool {
        let (size, start, end) =
            (A::FIELD.size, second::<A, B>(), second::<A, B>() + B::FIELD.size);
        A::agrees(&found[..size], &expected[..size], tolerance)
            && B::agrees(&found[start..end], &expected[start..end], tolerance)
    }

    fn show(bytes: &[u8]) -> String {
        let start = second::<A, B>();
        format!(
            "({}, {})",
            A::show(&bytes[..A::FIELD.size]),
            B::show(&bytes[start..][..B::FIELD.size])
        )
    }
}

macro_rules! elements {
    ($kind:ident: $($element:ident)*) => {$(
        // SAFETY: as the element says.
        unsafe impl Single for $element {
            const FIELD: Field = Field { size: size_of::<$element>(), kind: Kind::$kind };

            fn into_bytes(self) -> Vec<u8> {
                bytes_of(&self)
            }

            fn agrees(found: &[u8], expected: &[u8], tolerance: &Tolerance) -> bool {
                <$element as Element>::agrees(found, expected, tolerance)
            }

            fn show(bytes: &[u8]) -> String {
                <$element as Element>::show(bytes)
            }
        }
    )*};
}

elements!(Integer: i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize bool char);
elements!(Vector: f32 f64);

#[cfg(target_arch = "x86_64")]
mod vectors {
    use super::{Element, Field, Kind, Single, Tolerance, bytes_of};
    use std::arch::x86_64::*;

    elements!(Vector: __m128 __m128d __m128i __m256 __m256d __m256i __m512 __m512d __m512i);
}

/// Pointers are equal where their addresses are: arguments are at the same places in every call.
macro_rules! pointers {
    ($({$($generics:tt)*} $pointer:ty;)*) => {$(
        // SAFETY: one word, as is checked.
        unsafe impl<$($generics)*> Single for $pointer {
            const FIELD: Field = Field { size: 8, kind: Kind::Integer };

            fn into_bytes(self) -> Vec<u8> {
                const { assert!(size_of::<Self>() == 8, "a kernel's pointers are thin") }
                // SAFETY: it has the size of a word.
                let word: u64 = unsafe { std::mem::transmute_copy(&self) };
                word.to_le_bytes().to_vec()
            }

            fn agrees(found: &[u8], expected: &[u8], _: &Tolerance) -> bool {
                found == expected
            }

            fn show(bytes: &[u8]) -> String {
                format!("{:#x}", u64::from_le_bytes(bytes.try_into().expect("a word")))
            }
        }
    )*};
}

pointers! {
    {T} *const T;
    {T} *mut T;
    {T} &T;
    {T} &mut T;
    {T} NonNull<T>;
    {T} Option<&T>;
    {T} Option<&mut T>;
    {T} Option<NonNull<T>>;
}

macro_rules! function_pointers {
    ($([$($parameter:ident)*])*) => {$(
        pointers! {
            {R $(, $parameter)*} fn($($parameter),*) -> R;
            {R $(, $parameter)*} unsafe fn($($parameter),*) -> R;
            {R $(, $parameter)*} extern "C" fn($($parameter),*) -> R;
            {R $(, $parameter)*} unsafe extern "C" fn($($parameter),*) -> R;
            {R $(, $parameter)*} Option<fn($($parameter),*) -> R>;
            {R $(, $parameter)*} Option<unsafe fn($($parameter),*) -> R>;
            {R $(, $parameter)*} Option<extern "C" fn($($parameter),*) -> R>;
            {R $(, $parameter)*} Option<unsafe extern "C" fn($($parameter),*) -> R>;
        }
    )*};
}

function_pointers!([] [A] [A B] [A B C]);
