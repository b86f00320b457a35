//! A kernel as the program sees it: its name, its versions, and the address of its code.
//!
//! A `static` of type [`Kernel`] is three words: the identity of this crate, a pointer to what is
//! known at compile time (a [`Shape`]), and the address of the code, null until the first use. All
//! kernels of a program are side by side in a linker section (see `registry`), so that one of them
//! can find all others.

use crate::error::{Error, Missing};
use crate::memory::Refusal;
use crate::{arena, cpu};
use core::hint::black_box;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicPtr, Ordering};

/// The entry of a kernel whose `#[fallback]` is used. No code is ever at this address.
pub(crate) const FALLBACK: usize = 1;

/// A kernel made by [`peach_fn!`](crate::peach_fn): `name::KERNEL` of the kernel `name`. `F` is its
/// function pointer type.
#[repr(C)]
pub struct Kernel<F> {
    record: Record,
    pointer: PhantomData<F>,
}

/// What is the same for every `F`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Record {
    /// Comes first: `registry` looks for it.
    made_by: &'static Maker,
    pub(crate) shape: &'static Shape,
    /// Null until resolved (and for good where the kernel cannot run); [`FALLBACK`]; or the code.
    entry: AtomicPtr<()>,
}

/// Its only value, [`MAKER`], is known by its address.
#[derive(Debug)]
pub(crate) struct Maker(
    #[expect(dead_code, reason = "statics of no size may share an address")] u8,
);

/// The identity of this very crate, with its version and its features: those of another are
/// elsewhere.
pub(crate) static MAKER: Maker = Maker(0);

/// What `peach_fn!` knows of a kernel.
#[doc(hidden)]
#[derive(Debug)]
pub struct Shape {
    /// The kernel's name.
    pub name: &'static str,
    /// Its versions, in the order of dispatch.
    pub versions: &'static [Version],
    /// The `#[fallback]` in the kernel's own calling convention.
    pub fallback: Option<Address>,
}

/// Names the function pointer type and the shape of a kernel for its module, from the scope that
/// the kernel is in: what the module cannot see (items of a function around it), that scope does.
///
/// # Safety
/// The code of every version in the shape has the type of the pointer, and so has the fallback.
#[doc(hidden)]
pub unsafe trait Source {
    /// The kernel's function pointer type.
    type Pointer: Copy;
    /// What is known of it.
    const SHAPE: &'static Shape;
}

/// One version of a kernel.
#[derive(Debug)]
pub struct Version {
    extensions: &'static [&'static str],
    /// By row of `cpu::FEATURES`: `extensions` and all that they imply.
    needs: &'static [u64],
    abi: &'static str,
    pub(crate) code: Code,
    #[cfg(feature = "debug")]
    listing: &'static str,
    /// Its call frame instructions.
    #[cfg(feature = "debug")]
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "nothing is mapped there"))]
    unwind: &'static [u8],
}

/// Where the bytes of a version are.
#[doc(hidden)]
#[derive(Debug)]
pub enum Code {
    /// In the program's data, to be mapped.
    Map(Arena),
    /// In the program's text section.
    Text(Address, usize),
}

/// Bytes to be mapped.
#[doc(hidden)]
#[derive(Debug)]
pub struct Arena {
    /// Code, then constants.
    pub bytes: &'static [u8],
    /// What their address has to be a multiple of: a power of two, at most a page.
    pub align: usize,
    /// Addresses to be written into them.
    pub relocations: &'static [Relocation],
}

/// The address of a Rust item as a field of the code.
#[doc(hidden)]
#[derive(Debug)]
pub struct Relocation {
    /// Where the field is.
    pub offset: u32,
    /// `None`: the address itself, in eight bytes. Otherwise: four bytes, relative to this offset.
    pub relative_to: Option<u32>,
    /// Gives the item's address.
    pub address: fn() -> *const (),
}

/// An address in the program's text.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Address(pub *const ());

// SAFETY: it is an address of immutable code; nothing is done through it but calling it.
unsafe impl Sync for Address {}
// SAFETY: as above.
unsafe impl Send for Address {}

impl<F: Copy> Kernel<F> {
    /// The kernel that `S` describes.
    #[doc(hidden)]
    pub const fn new<S: Source<Pointer = F>>() -> Self {
        Kernel {
            record: Record {
                made_by: &MAKER,
                shape: S::SHAPE,
                entry: AtomicPtr::new(core::ptr::null_mut()),
            },
            pointer: PhantomData,
        }
    }

    /// The kernel as a function pointer: the version that this CPU gets, or the `#[fallback]`.
    ///
    /// # Panics
    /// With the text of [`Kernel::try_get`]'s error.
    pub fn get(&self) -> F {
        self.try_get().unwrap_or_else(|error| panic!("{error}"))
    }

    /// The kernel as a function pointer: the version that this CPU gets, or the `#[fallback]`.
    ///
    /// # Errors
    /// The CPU supports no version, or the code could not be mapped.
    pub fn try_get(&self) -> Result<F, Error> {
        const { assert!(size_of::<F>() == size_of::<*const ()>()) }
        let record = self.record();
        let mut address = record.resolve()?;
        if address.addr() == FALLBACK {
            let fallback = record.shape.fallback.expect("only a kernel with a fallback falls back");
            address = fallback.0.cast_mut();
        }
        // SAFETY: `F` is the function pointer type of the code at `address` (`Source` pairs them),
        // and has the size of a pointer.
        Ok(unsafe { core::mem::transmute_copy(&address) })
    }

    /// One of [`Kernel::versions`] as a function pointer, whichever this CPU gets: tests and
    /// benchmarks call each. A version that calls do not go to may be mapped anew each time, and
    /// stays mapped, so keep the pointer.
    ///
    /// # Errors
    /// This CPU does not support the version, or the code could not be mapped.
    ///
    /// # Panics
    /// If there are no more than `index` versions.
    pub fn version(&self, index: usize) -> Result<F, Error> {
        let address = self.record().resolve_version(index)?;
        // SAFETY: as in `try_get`.
        Ok(unsafe { core::mem::transmute_copy(&address) })
    }

    /// The `#[fallback]`, if there is one, in the kernel's own calling convention.
    pub fn fallback(&self) -> Option<F> {
        let fallback = self.record().shape.fallback?.0;
        // SAFETY: as in `try_get`.
        Some(unsafe { core::mem::transmute_copy(&fallback) })
    }

    /// Whether this CPU supports one of the versions.
    pub fn is_supported(&self) -> bool {
        self.record().shape.chosen().is_some()
    }

    /// The kernel's name.
    pub fn name(&self) -> &'static str {
        self.record().shape.name
    }

    /// The bytes of the version that this CPU gets, constants after the code included. Empty if it
    /// gets none.
    pub fn code(&self) -> &'static [u8] {
        self.record().shape.chosen().map_or(&[], Version::code)
    }

    /// The versions, in the order of dispatch.
    pub fn versions(&self) -> &'static [Version] {
        self.record().shape.versions
    }

    /// The listing of the version that this CPU gets: offset, bytes as they stand in memory,
    /// instruction, source. Empty if it gets none.
    #[cfg(feature = "debug")]
    pub fn listing(&self) -> &'static str {
        let record = self.record();
        record.listing(record.resolve().ok().map(|entry| entry.cast_const()))
    }

    /// Prints the listing of the version that this CPU gets to standard error, under a headline.
    #[cfg(feature = "debug")]
    pub fn dump(&self) {
        let record = self.record();
        eprint!("{}", record.dump_text(record.resolve().ok().map(|entry| entry.cast_const())));
    }

    /// Hides from the optimizer which fields are used: it may not take the static apart, which
    /// is in an array made by the linker.
    fn record(&self) -> &Record {
        black_box(&self.record)
    }
}

impl<F> core::fmt::Debug for Kernel<F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Kernel").field("name", &self.record.shape.name).finish_non_exhaustive()
    }
}

impl Version {
    /// A version. The listing and the call frame instructions are kept with the feature `debug`
    /// only.
    ///
    /// # Safety
    /// Code in the text section is as long as it says.
    #[doc(hidden)]
    pub const unsafe fn new(
        extensions: &'static [&'static str],
        needs: &'static [u64],
        abi: &'static str,
        code: Code,
        listing: &'static str,
        unwind: &'static [u8],
    ) -> Self {
        let _ = (listing, unwind);
        Version {
            extensions,
            needs,
            abi,
            code,
            #[cfg(feature = "debug")]
            listing,
            #[cfg(feature = "debug")]
            unwind,
        }
    }

    /// The instruction-set extensions that it needs beyond the x86-64 baseline, without those that
    /// others of them imply.
    pub fn extensions(&self) -> &'static [&'static str] {
        self.extensions
    }

    /// Its calling convention: `sysv64` or `win64`.
    pub fn abi(&self) -> &'static str {
        self.abi
    }

    /// Its bytes, constants after the code included.
    pub fn code(&self) -> &'static [u8] {
        match &self.code {
            Code::Map(arena) => arena.bytes,
            // SAFETY: `peach_fn!` made a function of this many bytes at that address.
            Code::Text(address, len) => unsafe {
                core::slice::from_raw_parts(address.0.cast(), *len)
            },
        }
    }

    /// The extensions that it needs and this CPU lacks: those of its own, or what they imply.
    pub(crate) fn lacks(&self) -> impl Iterator<Item = &'static str> + use<> {
        let own = || self.extensions.iter().copied().filter(|name| cpu::lacks(name));
        let implied = if own().next().is_none() { self.needs } else { &[] };
        own().chain(cpu::lacking(implied))
    }

    /// Its call frame instructions.
    #[cfg(all(feature = "debug", target_arch = "x86_64"))]
    pub(crate) fn unwind(&self) -> &'static [u8] {
        self.unwind
    }

    /// Its listing as the macro made it.
    #[cfg(all(feature = "debug", target_arch = "x86_64"))]
    pub(crate) fn raw_listing(&self) -> &'static str {
        self.listing
    }

    /// Its listing: offset, bytes, instruction with physical registers, source line and text. The
    /// bytes are those in memory; `??` stands for what is decided when a version is mapped, in one
    /// that is not.
    #[cfg(feature = "debug")]
    pub fn listing(&'static self) -> &'static str {
        let is_own = |record: &&Record| {
            record.shape.chosen().is_some_and(|chosen| core::ptr::eq(chosen, self))
        };
        let record = crate::registry::kernels().find(is_own);
        self.listing_at(record.and_then(Record::mapped))
    }

    /// Prints its listing to standard error.
    #[cfg(feature = "debug")]
    pub fn dump(&'static self) {
        eprint!("{}", self.listing());
    }

    /// Its listing, with the bytes at `entry` where it is mapped.
    #[cfg(feature = "debug")]
    fn listing_at(&'static self, entry: Option<*const ()>) -> &'static str {
        crate::debug::listing::of_memory(self.listing, |offset| match (&self.code, entry) {
            // SAFETY: the arena has all bytes of the version there.
            (Code::Map(arena), Some(entry)) => (offset < arena.bytes.len())
                .then(|| unsafe { entry.cast::<u8>().wrapping_add(offset).read() }),
            (Code::Map(arena), None) => arena.byte_before_mapping(offset),
            (Code::Text(..), _) => self.code().get(offset).copied(),
        })
    }
}

#[cfg(feature = "debug")]
impl Arena {
    /// The byte at `offset`, unless it depends on where the code is mapped.
    fn byte_before_mapping(&self, offset: usize) -> Option<u8> {
        for relocation in self.relocations {
            let start = relocation.offset as usize;
            let len = if relocation.relative_to.is_some() { 4 } else { 8 };
            if (start..start + len).contains(&offset) {
                let address = ((relocation.address)().addr() as u64).to_le_bytes();
                return relocation.relative_to.is_none().then(|| address[offset - start]);
            }
        }
        self.bytes.get(offset).copied()
    }
}

impl Shape {
    /// The version that this CPU gets.
    pub(crate) fn chosen(&self) -> Option<&'static Version> {
        self.versions.iter().find(|version| cpu::has(version.needs))
    }
}

impl Record {
    /// The address of the code, or [`FALLBACK`]; finds it on the first use.
    pub(crate) fn resolve(&self) -> Result<*mut (), Error> {
        let entry = self.entry.load(Ordering::Acquire);
        if !entry.is_null() {
            return Ok(entry);
        }
        let resolved = match self.shape.chosen() {
            None => Err(Error::Unsupported {
                kernel: self.shape.name,
                missing: Missing(self.shape.versions),
            }),
            Some(Version { code: Code::Text(address, _), .. }) => {
                let address = address.0.cast_mut();
                self.publish(address);
                Ok(address)
            }
            Some(_) => arena::populate(self).map_err(|refusal| self.refused(refusal)),
        };
        match resolved {
            Err(_) if self.shape.fallback.is_some() => {
                let fallback = core::ptr::without_provenance_mut(FALLBACK);
                self.publish(fallback);
                Ok(fallback)
            }
            resolved => resolved,
        }
    }

    /// The address of the code of one version.
    fn resolve_version(&self, index: usize) -> Result<*mut (), Error> {
        let version = &self.shape.versions[index];
        if !cpu::has(version.needs) {
            let missing = Missing(core::slice::from_ref(version));
            return Err(Error::Unsupported { kernel: self.shape.name, missing });
        }
        match &version.code {
            Code::Text(address, _) => Ok(address.0.cast_mut()),
            Code::Map(code) => {
                let is_chosen = self.shape.chosen().is_some_and(|it| core::ptr::eq(it, version));
                let known = if is_chosen { self.resolve().ok() } else { None };
                match known.filter(|entry| entry.addr() > FALLBACK) {
                    Some(entry) => Ok(entry),
                    None => arena::map_one(code).map_err(|refusal| self.refused(refusal)),
                }
            }
        }
    }

    fn refused(&self, refusal: Refusal) -> Error {
        Error::Memory { kernel: self.shape.name, refused: refusal.call, os_error: refusal.os_error }
    }

    /// Makes the address known to all threads unless another one was first, and gives that one.
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    pub(crate) fn publish_first(&self, entry: *mut ()) -> Result<(), *mut ()> {
        self.entry
            .compare_exchange(core::ptr::null_mut(), entry, Ordering::AcqRel, Ordering::Acquire)
            .map(drop)?;
        #[cfg(feature = "debug")]
        crate::debug::resolved(self, entry);
        Ok(())
    }

    /// Makes it as if it had never been resolved.
    #[cfg(all(feature = "std", target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
    pub(crate) fn forget(&self) {
        self.entry.store(core::ptr::null_mut(), Ordering::Release);
    }

    /// Makes the address known to all threads. It is the same for all of them.
    pub(crate) fn publish(&self, entry: *mut ()) {
        let is_first = self.entry.swap(entry, Ordering::AcqRel).is_null();
        #[cfg(feature = "debug")]
        if is_first {
            crate::debug::resolved(self, entry);
        }
        let _ = is_first;
    }
}

#[cfg(feature = "debug")]
impl Record {
    /// Where the code is, once it is known.
    fn mapped(&self) -> Option<*const ()> {
        let entry = self.entry.load(Ordering::Acquire).cast_const();
        (entry.addr() > FALLBACK).then_some(entry)
    }

    /// The listing of the version that this CPU gets.
    fn listing(&self, entry: Option<*const ()>) -> &'static str {
        let entry = entry.filter(|entry| entry.addr() > FALLBACK);
        self.shape.chosen().map_or("", |version| version.listing_at(entry))
    }

    /// The listing under a headline.
    pub(crate) fn dump_text(&self, entry: Option<*const ()>) -> String {
        let place = match entry {
            Some(entry) if entry.addr() > FALLBACK => format!("at {entry:p}"),
            Some(_) => "replaced by its fallback".to_string(),
            None => "not available".to_string(),
        };
        match self.shape.chosen() {
            None => format!("kernel {} {place}\n", self.shape.name),
            Some(version) => format!(
                "kernel {} ({}) {place}, {} bytes, extensions: {}\n{}",
                self.shape.name,
                version.abi,
                version.code().len(),
                if version.extensions.is_empty() {
                    "none".to_string()
                } else {
                    version.extensions.join(", ")
                },
                self.listing(entry)
            ),
        }
    }
}

/// The address of a kernel's code, for the generated function: one load and one comparison.
///
/// # Panics
/// Where the kernel cannot run.
#[doc(hidden)]
#[inline]
pub fn entry<F>(kernel: &'static Kernel<F>) -> *const () {
    let entry = kernel.record.entry.load(Ordering::Acquire);
    if entry.addr() > FALLBACK { entry } else { resolve_entry(&kernel.record) }
}

/// The address of a kernel's code, or null where the `#[fallback]` is to be called.
#[doc(hidden)]
#[inline]
pub fn entry_or_fallback<F>(kernel: &'static Kernel<F>) -> *const () {
    let entry = kernel.record.entry.load(Ordering::Acquire);
    if entry.addr() > FALLBACK {
        return entry;
    }
    let entry = resolve_entry(&kernel.record);
    if entry.addr() == FALLBACK { core::ptr::null() } else { entry }
}

#[cold]
#[inline(never)]
fn resolve_entry(record: &'static Record) -> *const () {
    record.resolve().unwrap_or_else(|error| panic!("{error}"))
}
