//! Small things that generated items say often.

/// Where a slice starts.
#[inline(always)]
pub const fn slice_ptr<T>(slice: &[T]) -> *const T {
    slice.as_ptr()
}

/// Where a slice starts.
#[inline(always)]
pub const fn slice_ptr_mut<T>(slice: &mut [T]) -> *mut T {
    slice.as_mut_ptr()
}

/// How many elements a slice has.
#[inline(always)]
pub const fn slice_len<T>(slice: &[T]) -> usize {
    slice.len()
}

/// Where a string starts.
#[inline(always)]
pub const fn str_ptr(string: &str) -> *const u8 {
    string.as_ptr()
}

/// How many bytes a string has.
#[inline(always)]
pub const fn str_len(string: &str) -> usize {
    string.len()
}

/// Anything that is a pointer (a reference, `NonNull`, `Option` of those) as a raw one.
#[inline(always)]
pub const fn to_pointer<T>(value: T) -> *mut () {
    const { assert!(size_of::<T>() == size_of::<*mut ()>(), "a kernel's pointers are thin") }
    let value = core::mem::ManuallyDrop::new(value);
    // SAFETY: both are one pointer.
    unsafe { core::mem::transmute_copy(&value) }
}

/// A raw pointer as what it is.
///
/// # Safety
/// It must be a valid `T`.
#[inline(always)]
pub const unsafe fn from_pointer<T>(pointer: *mut ()) -> T {
    const { assert!(size_of::<T>() == size_of::<*mut ()>(), "a kernel's pointers are thin") }
    // SAFETY: both are one pointer; the caller promises that it is valid.
    unsafe { core::mem::transmute_copy(&pointer) }
}

/// Replaces an `unsafe { … }` of the source.
///
/// # Safety
/// Nothing is asked of the caller.
#[inline(always)]
pub const unsafe fn unsafe_code() {}

/// The lowest byte of a register as what it is.
///
/// # Safety
/// It must be 0 or 1.
#[inline(always)]
pub const unsafe fn from_byte(register: u32) -> bool {
    #[expect(clippy::transmute_int_to_bool, reason = "a comparison would cost an instruction")]
    // SAFETY: the caller promises that the byte is a valid `bool`.
    unsafe {
        core::mem::transmute::<u8, bool>(register as u8)
    }
}

/// `code` with numbers written into it: each `(offset, size, value)`, little-endian.
pub const fn patch<const N: usize>(mut code: [u8; N], fields: &[(usize, usize, i128)]) -> [u8; N] {
    let mut field = 0;
    while field < fields.len() {
        let (offset, size, value) = fields[field];
        let bytes = value.to_le_bytes();
        let mut byte = 0;
        while byte < size {
            code[offset + byte] = bytes[byte];
            byte += 1;
        }
        field += 1;
    }
    code
}

/// `code` with a table written into it.
pub const fn write<const N: usize>(mut code: [u8; N], offset: usize, table: &[u8]) -> [u8; N] {
    let mut byte = 0;
    while byte < table.len() {
        code[offset + byte] = table[byte];
        byte += 1;
    }
    code
}

/// `size` bytes of a table, at most 16, as a number.
pub const fn word(table: &[u8], offset: usize, size: usize) -> u128 {
    let mut value = 0;
    let mut byte = size;
    while byte > 0 {
        byte -= 1;
        value = value << 8 | table[offset + byte] as u128;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::{patch, word, write};

    #[test]
    fn tables_are_taken_apart_and_put_in_place() {
        let table = *b"0123456789abcdefgh";
        assert_eq!(word(&table, 1, 16), u128::from_le_bytes(*b"123456789abcdefg"));
        assert_eq!(word(&table, 16, 2), u128::from(u16::from_le_bytes(*b"gh")));
        assert_eq!(write(*b"........", 3, b"xyz"), *b"...xyz..");
    }

    #[test]
    fn fields_are_little_endian_and_signed() {
        let patched = patch([0xAA; 8], &[(1, 4, -2), (6, 1, 0xF1)]);
        assert_eq!(patched, [0xAA, 0xFE, 0xFF, 0xFF, 0xFF, 0xAA, 0xF1, 0xAA]);
    }
}
