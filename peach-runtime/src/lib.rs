//! Assembly kernels that live inside Rust.
//!
//! [`peach_fn!`] compiles a kernel, written in Intel syntax with Rust's structure around it, while
//! the crate around it is compiled. The kernel becomes an ordinary function:
//!
//! ```
//! use peach_runtime::peach_fn;
//!
//! peach_fn! {
//!     /// The sum of two numbers.
//!     pub fn add(a: i32, b: i32) -> i32 {
//!         add a, b;
//!         return a;
//!     }
//! }
//!
//! assert_eq!(add(2, 3), 5);
//! println!("{} bytes", add::KERNEL.code().len());
//! ```
//!
//! Next to the function there is a module of the same name with a [`Kernel`]: its function pointer,
//! its versions and their machine code.
//!
//! # Where the code lives
//!
//! By default the bytes are data of the program. On the first use of any kernel, all kernels of the
//! program are copied into one mapping, which is made readable and executable once it is written
//! and never changes again. Where a system forbids that, `#[embed = "text"]` places a kernel in the
//! program's own text section instead.
//!
//! # Features
//!
//! * `std` (on unless `default-features = false`): mapped kernels, and what is listed below.
//!   Without it the crate is `#![no_std]`, allocates nothing, and takes kernels that are
//!   `#[embed = "text"]` or `#[embed = "inline"]`; a mapped one is an error that says so.
//! * `debug`: every version carries a listing. `Kernel::dump` prints it, and so does the
//!   environment variable `PEACH_DUMP` for each kernel when it is resolved (`1` for all, or their
//!   names). gdb, perf and backtraces see mapped kernels.
//! * `jit`: the module `jit` compiles kernels from text while the program runs.

#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(all(feature = "std", target_arch = "x86_64"))]
mod arena;
#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "no CPUID is asked there"))]
mod cpu;
#[cfg(feature = "debug")]
mod debug;
#[cfg(not(all(feature = "std", target_arch = "x86_64")))]
mod elsewhere;
mod error;
#[cfg(target_arch = "x86_64")]
mod inlined;
#[cfg(feature = "jit")]
pub mod jit;
mod kernel;
mod memory;
mod pair;
#[cfg(all(feature = "std", target_arch = "x86_64"))]
mod registry;
mod types;
#[cfg(all(feature = "std", target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
mod unload;
mod values;

#[cfg(not(all(feature = "std", target_arch = "x86_64")))]
use elsewhere::arena;
#[cfg(all(feature = "debug", not(target_arch = "x86_64")))]
use elsewhere::registry;

pub use error::{Error, Missing};
pub use kernel::{Kernel, Version};
pub use pair::Pair;

/// Compiles kernels written in the kernel language into Rust functions.
///
/// Assembly in Intel syntax, made of Rust tokens; what is not an instruction reads like Rust and
/// means what it means there. Nothing is emitted that you did not write, but what the calling
/// convention needs: arguments in their places, the frame, saved registers, `vzeroupper`, the
/// return.
///
/// ```
/// use peach_runtime::peach_fn;
///
/// peach_fn! {
///     /// The sum of all elements, modulo 2^32.
///     pub fn sum(x: &[u32]) -> u32 {          // a slice is two registers: `x.ptr` and `x.len`
///         let total: gp32 = 0;                // a virtual register, and its first value
///         test x.len, x.len;
///         jz 'done;
///         'next: {                            // a block: `continue 'next` is its start
///             add total, [x.ptr];
///             add x.ptr, 4;
///             dec x.len;
///             jnz continue 'next;
///         }
///         'done:
///         return total;
///     }
/// }
///
/// assert_eq!(sum(&[1, 2, 3]), 6);
/// ```
///
/// This is a safe function without `unsafe` inside: the compiler proves that every access lies in
/// the slice. What it cannot prove is an error, unless it stands in `unsafe { … }`.
///
/// # The language in short
///
/// | | |
/// |---|---|
/// | registers | `let a: gp64;` `let v: [ymm; 8];` are virtual, `rax`, `xmm3`, `k1` physical; `a.gp32`, `v[0].xmm` are views |
/// | classes | `gp8 gp16 gp32 gp64`, `mm`, `xmm ymm zmm`, `k` |
/// | memory | `[base + index*8 + 16]`, `dword [p]`, `zmm1{k1}{z}`, `[p]{1to16}` |
/// | constants | `mulps v, f32x4(0.5);` `mov a, const { size_of::<T>() };` `const TABLE: [u8; 16] = […];` |
/// | stack variables | `let buffer: [u64; 4] align 32;` `mov [buffer + 8], a;` |
/// | control | `'label:`, `jnz 'label;`, `break 'block`, `continue 'block` |
/// | compile time | `for i in 0..8 { … }`, `if isa("avx2") { … }`, `assert!(…)`; `inline fn` helpers, streams |
/// | versions | `#[version(enable = "avx2", V = ymm)]`, `#[fallback] fn` for other processors |
/// | place | `#[embed = "map"]`, `"text"`, `"inline"` |
///
/// # What a kernel becomes
///
/// `fn name`, as it was declared, and a module `name` with [`KERNEL`](Kernel): the function pointer
/// in the kernel's own convention, the versions and their bytes.
///
/// # Panics
///
/// A function panics if the processor lacks what every version needs and there is no `#[fallback]`,
/// or if the system forbids executable memory; [`Kernel::try_get`] returns these as errors.
///
/// The macro knows the runtime by `$crate`: a dependency may be called otherwise, and other crates
/// may have macros of their own that expand to `peach_fn!`.
// The version is compared with that of `peach-macros`, which makes items for its own alone.
#[macro_export]
macro_rules! peach_fn {
    ($($tokens:tt)*) => { $crate::__private::items! { $crate "0.1.0" $($tokens)* } };
}

/// What the items that `peach_fn!` generates are made of. Not for use by hand: it changes with
/// every version of the macro.
#[doc(hidden)]
pub mod __private {
    #[cfg(target_arch = "x86_64")]
    pub use crate::__peach_kernel as kernel_static;
    pub use crate::cpu::{FEATURES, has as supported, lacking};
    #[cfg(target_arch = "x86_64")]
    pub use crate::inlined::*;
    pub use crate::kernel::{
        Address, Arena, Code, Kernel, Relocation, Shape, Source, Version, entry, entry_or_fallback,
    };
    pub use crate::pair::Pair;
    pub use crate::values::{
        from_byte, from_pointer, patch, slice_len, slice_ptr, slice_ptr_mut, str_len, str_ptr,
        to_pointer, unsafe_code, word, write,
    };
    /// Checks of types, for rustc.
    pub mod types {
        pub use crate::types::*;
    }
    pub use core;
    #[cfg(not(all(target_arch = "x86_64", target_pointer_width = "64")))]
    pub use peach_macros::elsewhere as items;
    #[cfg(all(
        feature = "std",
        target_arch = "x86_64",
        target_pointer_width = "64",
        not(any(windows, target_os = "uefi", target_os = "cygwin"))
    ))]
    pub use peach_macros::sysv64 as items;
    #[cfg(all(
        not(feature = "std"),
        target_arch = "x86_64",
        target_pointer_width = "64",
        not(any(windows, target_os = "uefi", target_os = "cygwin"))
    ))]
    pub use peach_macros::sysv64_without_std as items;
    #[cfg(all(
        feature = "std",
        target_arch = "x86_64",
        target_pointer_width = "64",
        any(windows, target_os = "uefi", target_os = "cygwin")
    ))]
    pub use peach_macros::win64 as items;
    #[cfg(all(
        not(feature = "std"),
        target_arch = "x86_64",
        target_pointer_width = "64",
        any(windows, target_os = "uefi", target_os = "cygwin")
    ))]
    pub use peach_macros::win64_without_std as items;
}

/// Where the pages are here. Each page defines the same names at its end, for those who read the
/// files; the first definition counts.
#[cfg(all(doc, not(doctest)))]
macro_rules! pages {
    () => {
        "
[guide]: crate::guide
[secrets]: crate::guide#secrets
[testing]: https://docs.rs/peach-test
[build times]: crate::guide#build-times
[reference]: crate::reference
[constant time]: crate::reference#constant-time
[inlined kernels]: crate::reference#inlined-kernels
[errors]: crate::errors
[what linkers see]: https://docs.rs/peach-cli
[go]: crate::go
[native client]: crate::native_client
"
    };
}

/// From a first kernel to software pipelining, debuggers and kernels compiled at run time.
///
#[cfg(all(doc, not(doctest)))]
#[doc = pages!()]
#[doc = include_str!("../docs/guide.md")]
pub mod guide {}

/// The kernel language, construct by construct.
///
#[cfg(all(doc, not(doctest)))]
#[doc = pages!()]
#[doc = include_str!("../docs/reference.md")]
pub mod reference {}

/// Every error and warning, with an example.
///
#[cfg(all(doc, not(doctest)))]
#[doc = pages!()]
#[doc = include_str!("../docs/errors.md")]
pub mod errors {}

/// For those who know PeachPy, `asm!`, dynasm-rs, avo or NASM.
///
#[cfg(all(doc, not(doctest)))]
#[doc = pages!()]
#[doc = include_str!("../docs/coming-from.md")]
pub mod coming_from {}

/// Kernels in programs of Go.
///
#[cfg(all(doc, not(doctest)))]
#[doc = pages!()]
#[doc = include_str!("../docs/go.md")]
pub mod go {}

/// Kernels for Native Client's sandbox.
///
#[cfg(all(doc, not(doctest)))]
#[doc = pages!()]
#[doc = include_str!("../docs/native-client.md")]
pub mod native_client {}

/// The listings of the guide are tests, where the features that it speaks of are there.
#[cfg(all(doctest, feature = "jit"))]
#[doc = include_str!("../docs/guide.md")]
#[doc = include_str!("../docs/coming-from.md")]
#[doc = include_str!("../docs/reference.md")]
struct Guide;

/// So is that of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
