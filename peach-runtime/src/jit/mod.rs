//! Feature `jit`: kernels from text, compiled while the program runs.
//!
//! ```
//! use peach_runtime::jit;
//!
//! let add = jit::compile::<extern "sysv64" fn(i32, i32) -> i32>(
//!     r#"extern "sysv64" fn add(a: i32, b: i32) -> i32 { add a, b; return a; }"#,
//! )?;
//! assert_eq!(add.call(2, 3), 5);
//! # Ok::<(), jit::Error>(())
//! ```
//!
//! The text is the content of a `peach_fn!`, less what only rustc can compile: `sym`, `const { …
//! }`, `#[fallback]` and `#[embed = "text"]` are errors. So is a function pointer type that is not
//! the kernel's. Text that contains `unsafe`, be it a block or a function, is compiled by
//! [`compile_unsafe`] and [`Library::compile_unsafe`] only, which are `unsafe` themselves: their
//! caller is responsible for what the text says, since the text may come from elsewhere.
//!
//! In: text and a function pointer type. Out: a [`Function`] that owns its memory, alone or
//! together with the others of its [`Library`]; dropping the last of them frees it. The memory is
//! written once and then readable and executable, as that of all kernels is. Fails with an
//! [`Error`].

mod compiler;
mod error;
mod memory;
mod prototype;
mod signature;

pub use error::Error;
pub use signature::{Signature, Value};

use compiler::{Compiled, Image, Trust};
use memory::Code;
use std::fmt;
use std::sync::Arc;

/// Compiles text with a single kernel. For several, there is [`Library`].
///
/// `F` is the kernel's function pointer type:
///
/// * in the kernel's convention: `extern "C"` where it names none;
/// * a slice or `&str` is a raw pointer and a length, a pair is a [`Pair`](crate::Pair), and `F` is
///   unsafe where there is a slice, as in the type of a `KERNEL`;
/// * references have a lifetime from around (`&'a [f32; 4]`, `&'static f32`), or are raw pointers
///   in an `F` that is unsafe; so are `NonNull`, `Option` and `fn` pointers. What a raw pointer
///   points to is not compared;
/// * `F` is unsafe where the kernel is.
///
/// # Errors
/// The text is in error or contains `unsafe`, `F` is not its type, this CPU supports none of its
/// versions, or there is no memory for it.
pub fn compile<F: Signature>(text: &str) -> Result<Function<F>, Error> {
    only(&Library::compile(text)?)
}

/// As [`compile`], of text that may contain `unsafe`.
///
/// # Safety
/// Everything in the text's `unsafe` blocks is sound for all arguments that [`Function::call`] can
/// be given, as it must be in a Rust function that holds such a block; for a kernel that is
/// `unsafe` itself, for those that its documentation allows.
///
/// # Errors
/// As [`compile`], but for `unsafe`.
pub unsafe fn compile_unsafe<F: Signature>(text: &str) -> Result<Function<F>, Error> {
    // SAFETY: the caller's promise.
    only(&unsafe { Library::compile_unsafe(text) }?)
}

/// The single kernel of a text.
fn only<F: Signature>(library: &Library) -> Result<Function<F>, Error> {
    match library.kernels.as_slice() {
        [only] => library.function(&only.prototype.name),
        several => Err(Error::NotOne {
            kernels: several.iter().map(|kernel| kernel.prototype.name.clone()).collect(),
        }),
    }
}

/// The kernels of one text, compiled.
pub struct Library {
    kernels: Vec<Kernel>,
    warnings: String,
}

/// A kernel of a library.
struct Kernel {
    prototype: prototype::Prototype,
    /// The version that this CPU gets, or what each version lacks.
    code: Result<Arc<Code>, Vec<Vec<&'static str>>>,
    /// Its part of the code.
    range: std::ops::Range<usize>,
    #[cfg(feature = "debug")]
    listing: String,
}

impl Library {
    /// Compiles all kernels of `text` into one mapping.
    ///
    /// # Errors
    /// The text is in error or contains `unsafe`, or there is no memory for the code.
    pub fn compile(text: &str) -> Result<Library, Error> {
        Library::map(compiler::compile(text, Trust::Proven)?)
    }

    /// As [`compile`](Library::compile), of text that may contain `unsafe`.
    ///
    /// # Safety
    /// As of [`compile_unsafe`](compile_unsafe()), for each kernel.
    ///
    /// # Errors
    /// As [`compile`](Library::compile), but for `unsafe`.
    pub unsafe fn compile_unsafe(text: &str) -> Result<Library, Error> {
        Library::map(compiler::compile(text, Trust::Unsafe)?)
    }

    fn map(compiled: Compiled) -> Result<Library, Error> {
        let images: Vec<&Image> =
            compiled.kernels.iter().filter_map(|k| k.image.as_ref().ok()).collect();
        let (code, offsets) = Code::map(&images)?;
        let mut offsets = offsets.into_iter();
        let kernels = compiled.kernels.into_iter().map(|kernel| match kernel.image {
            Ok(image) => {
                let start = offsets.next().expect("an offset for each image");
                Kernel {
                    prototype: kernel.prototype,
                    code: Ok(Arc::clone(&code)),
                    range: start..start + image.bytes.len(),
                    #[cfg(feature = "debug")]
                    listing: image.listing,
                }
            }
            Err(missing) => Kernel {
                prototype: kernel.prototype,
                code: Err(missing),
                range: 0..0,
                #[cfg(feature = "debug")]
                listing: String::new(),
            },
        });
        Ok(Library { kernels: kernels.collect(), warnings: compiled.warnings })
    }

    /// The kernel called `name`, with the type that it must have; see [`compile`].
    ///
    /// # Errors
    /// There is none of this name, `F` is not its type, or this CPU supports none of its versions.
    pub fn function<F: Signature>(&self, name: &str) -> Result<Function<F>, Error> {
        let kernel = self.kernels.iter().find(|kernel| kernel.prototype.name == name);
        let Some(kernel) = kernel else {
            return Err(Error::NoSuchKernel {
                name: name.to_string(),
                kernels: self.names().map(str::to_string).collect(),
            });
        };
        kernel.prototype.admits::<F>()?;
        match &kernel.code {
            Err(missing) => {
                Err(Error::Unsupported { kernel: name.to_string(), missing: missing.clone() })
            }
            Ok(code) => {
                let function = Function {
                    pointer: code.pointer(kernel.range.start),
                    code: Arc::clone(code),
                    name: name.into(),
                    range: kernel.range.clone(),
                    #[cfg(feature = "debug")]
                    listing: kernel.listing.as_str().into(),
                };
                #[cfg(feature = "debug")]
                crate::debug::dump::if_wanted(name, || function.dump_text());
                Ok(function)
            }
        }
    }

    /// The names of the kernels, in the order of the text.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.kernels.iter().map(|kernel| kernel.prototype.name.as_str())
    }

    /// What the compiler warns of, as code frames. Empty if there is nothing.
    pub fn warnings(&self) -> &str {
        &self.warnings
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library")
            .field("kernels", &self.names().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A compiled kernel. It owns its code: as long as it lives, the code does.
///
/// It is called with [`call`](Function::call), which takes the arguments of `F`, and is unsafe
/// where `F` is.
#[derive(Clone)]
pub struct Function<F> {
    pointer: F,
    code: Arc<Code>,
    name: Arc<str>,
    range: std::ops::Range<usize>,
    #[cfg(feature = "debug")]
    listing: Arc<str>,
}

impl<F: Signature> Function<F> {
    /// The function pointer.
    ///
    /// # Safety
    /// It must not be called once this function, its clones and the other functions of its library
    /// are gone.
    pub unsafe fn pointer(&self) -> F {
        self.pointer
    }
}

impl<F> Function<F> {
    /// The kernel's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of the version that this CPU gets, constants after the code included.
    pub fn code(&self) -> &[u8] {
        &self.code.bytes()[self.range.clone()]
    }

    /// The listing of the version that this CPU gets: offset, bytes, instruction, source.
    #[cfg(feature = "debug")]
    pub fn listing(&self) -> &str {
        &self.listing
    }

    /// Prints the listing to standard error, under a headline.
    #[cfg(feature = "debug")]
    pub fn dump(&self) {
        eprint!("{}", self.dump_text());
    }

    /// The listing under a headline.
    #[cfg(feature = "debug")]
    fn dump_text(&self) -> String {
        let code = self.code();
        let (at, len) = (code.as_ptr(), code.len());
        format!("kernel {} at {at:p}, {len} bytes\n{}", self.name, self.listing)
    }
}

impl<F> fmt::Debug for Function<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("name", &self.name).finish_non_exhaustive()
    }
}
