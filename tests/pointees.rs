//! Types of Rust in signatures: whatever rustc accepts behind a pointer, a kernel may have, in its
//! own tokens and as fragments of `macro_rules!`.

#![expect(
    dead_code,
    clippy::extra_unused_lifetimes,
    clippy::needless_lifetimes,
    clippy::type_complexity,
    reason = "the types are only named, and the same signature serves for all"
)]

use peach_runtime::peach_fn;
use std::ptr::NonNull;

/// Something with parameters of all kinds.
pub struct Holder<'a, T: ?Sized, const N: usize = 1>(&'a [u8; N], std::marker::PhantomData<T>);

/// With a signed constant.
pub struct Signed<const N: i32>;

/// With constants of other types.
pub struct Chosen<const B: bool, const C: char>;

/// Has an associated type.
pub trait Has {
    /// The type.
    type Item;
}

impl Has for u8 {
    type Item = u16;
}

macro_rules! unit {
    () => {
        ()
    };
}

const LENGTH: usize = 2;

const fn length(n: usize) -> usize {
    n
}

/// For each type, a module with kernels that have it behind each kind of pointer: written, and as
/// a fragment.
macro_rules! kernels {
    ($($name:ident: { $($ty:tt)* })*) => { $(
        mod $name {
            use super::*;
            peach_fn! {
                pub fn reference<'a>(x: &'a $($ty)*) -> &'a $($ty)* { return x; }
                pub fn mutable<'a>(x: &'a mut $($ty)*, n: u64) -> u64 { return n; }
                pub fn raw(x: *const $($ty)*, n: *mut $($ty)*) -> *mut $($ty)* { return n; }
                pub fn non_null<'a>(x: NonNull<$($ty)*>) -> NonNull<$($ty)*> { return x; }
                pub fn optional<'a>(x: Option<&'a $($ty)*>) -> Option<&'a $($ty)*> { return x; }
                pub fn slice<'a>(x: &'a [$($ty)*], n: u64) -> u64 { return n; }
                pub fn array<'a>(x: &'a [$($ty)*; LENGTH], n: u64) -> u64 { return n; }
                pub fn function(f: fn($($ty)*) -> $($ty)*, n: u64) -> u64 { return n; }
            }
            fragments!({ $($ty)* });
            #[test]
            fn calls() {
                assert_eq!(raw(std::ptr::null(), std::ptr::null_mut()), std::ptr::null_mut());
                assert_eq!(fragment(None), None);
            }
        }
    )* };
}

macro_rules! fragments {
    ({ $($ty:tt)* }) => { by_fragment!($($ty)*); };
}

macro_rules! by_fragment {
    ($ty:ty) => {
        peach_fn! {
            pub fn fragment(x: Option<NonNull<$ty>>) -> Option<NonNull<$ty>> { return x; }
            pub fn in_array(x: *const [$ty; LENGTH + 1], f: fn($ty, &[$ty]), n: u64) -> u64 {
                return n;
            }
        }
    };
}

kernels! {
    path: { std::sync::atomic::AtomicU8 }
    absolute: { ::std::string::String }
    number: { Signed<3> }
    negative: { Signed<-3> }
    block: { Signed<{ 1 + 2 }> }
    truth: { Chosen<true, 'x'> }
    arguments: { Holder<'static, Vec<Option<u8>>, 3> }
    turbofish: { Holder::<'static, [u8], { length(2) }> }
    shifted: { Vec<Vec<Vec<u8>>> }
    associated: { <u8 as Has>::Item }
    bound: { Box<dyn Has<Item = u8> + Send> }
    called: { Box<dyn Fn(&u8, [u8; 3]) -> Option<u8> + 'static> }
    longer: { Box<dyn for<'b> Fn(&'b u8) -> &'b u8> }
    function_pointer: { for<'b> unsafe extern "C" fn(x: &'b u8, _: u8) -> &'b u8 }
    variadic: { unsafe extern "C" fn(*const u8, ...) -> u8 }
    tuple: { (u8, &'static str, (u64,)) }
    empty: { () }
    parentheses: { &'static (dyn Has<Item = u8> + Send) }
    nested: { [[u16; 3]; LENGTH * 2] }
    computed: { [u8; length(3) + { 1 }] }
    of_pointers: { [&'static [u8]; 2] }
    raw_pointer: { *const *mut u8 }
    macro_call: { unit!() }
    raw_name: { r#Signed<3> }
    boxed_slice: { Box<[u8]> }
    boxed_object: { &'static dyn std::fmt::Debug }
}

peach_fn! {
    /// What a type of functions leaves out is its own; what only a slice has is lost in the code.
    fn of_function(s: &[fn(&u8, u8) -> &u8]) -> &fn(&u8, u8) -> &u8 {
        // SAFETY: slices of the tests have elements.
        unsafe { return s.ptr; }
    }
    fn of_object<'a>(s: &'a [Box<dyn Fn(&u8) -> &u8>]) -> Option<&'a Box<dyn Fn(&u8) -> &u8>> {
        // SAFETY: slices of the tests have elements.
        unsafe { return s.ptr; }
    }
    fn inferred<'b>(s: &[u8], x: &'b Holder<'b, u8>) -> &'b Holder<'b, u8> { return x; }
    fn left_out(s: &[u64]) -> NonNull<&u8> {
        // SAFETY: what a slice points to is not at zero.
        unsafe { return s.ptr; }
    }
    fn held(s: &[u8]) -> NonNull<Holder<'_, u8>> {
        // SAFETY: what a slice points to is not at zero.
        unsafe { return s.ptr; }
    }
}

#[test]
fn results_from_slices() {
    fn same(x: &u8, _: u8) -> &u8 {
        x
    }
    assert_eq!(of_function(&[same])(&5, 6), &5);
    let boxed: Box<dyn Fn(&u8) -> &u8> = Box::new(|x| x);
    assert_eq!(of_object(&[boxed]).expect("it is the first")(&7), &7);
    let held_here = Holder(&[1], std::marker::PhantomData);
    assert_eq!(inferred(&[], &held_here).0, &[1]);
    let numbers = [1, 2];
    assert_eq!(left_out(&numbers).as_ptr().cast_const(), numbers.as_ptr().cast());
    let bytes = [1];
    assert_eq!(held(&bytes).as_ptr().cast_const(), bytes.as_ptr().cast());
}

/// For paths after `sym`.
trait Called {
    extern "C" fn call() -> u64;
}

impl Called for Signed<-2> {
    extern "C" fn call() -> u64 {
        21
    }
}

extern "C" fn number<const N: i32>() -> u64 {
    N as u64
}

peach_fn! {
    #[doc = concat!("Of ", "macros.")]
    #[cfg_attr(all(), must_use, doc = "More.")]
    #[deny(clippy::all, reason = "{ not an attribute of the language }")]
    pub(in crate) fn symbols() -> u64 {
        let f, g, h: gp64;
        mov f, sym <Signed<-2> as Called>::call;
        mov g, sym number::<{ 1 + 2 }>;
        mov h, sym number::<-7>;
        sub g, h;
        xor g, g;
        mov rax, f;
        return rax;
    }
}
