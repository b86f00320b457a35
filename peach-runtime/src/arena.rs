//! The arena: the code of all kernels of the program, in one mapping.
//!
//! In: the records of all kernels (`registry`), each with the version that this CPU gets. Out:
//! their addresses, published in the records.
//!
//! Invariants: the mapping is written once, while nothing else knows of it, and then becomes
//! readable and executable for good. No lock is taken: threads that race each write a mapping of
//! their own, one of them wins, and all come to the same addresses, so a fork at any point leaves
//! the child with nothing to wait for. The layout depends on nothing but the program and the CPU.
//!
//! Fails: with the [`Refusal`] of the operating system.

use crate::kernel::{Arena, Code, Record};
use crate::memory::{Executable, INT3, Refusal, Writable};
use crate::registry;
use core::sync::atomic::{AtomicPtr, Ordering};

/// Every kernel starts a cache line at least.
const ALIGN: usize = 64;

/// `jmp [rip + 2]`, two bytes of filling, the address: reaches any item of the program.
const TRAMPOLINE: usize = 16;

/// Where the kernels of [`registry::kernels`] start in memory.
static PROGRAM: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());

/// Maps the kernels of the program, unless that has been done, and publishes their addresses. Gives
/// that of `wanted`, which this CPU must support.
pub(crate) fn populate(wanted: &Record) -> Result<*mut (), Refusal> {
    if !registry::contains(wanted) {
        return populate_alone(wanted);
    }
    let mut base = PROGRAM.load(Ordering::Acquire);
    if base.is_null() {
        let mapping = map(registry::kernels)?;
        let start = mapping.base();
        match PROGRAM.compare_exchange(base, start, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                keep(mapping);
                base = start;
                #[cfg(feature = "debug")]
                announce(base, registry::kernels());
            }
            Err(winner) => base = winner,
        }
    }
    let mut found = core::ptr::null_mut();
    for (record, slot) in layout(registry::kernels()) {
        let entry = base.wrapping_add(slot.offset).cast();
        let is_wanted = core::ptr::eq(record, wanted);
        if is_wanted {
            found = entry;
        }
        if is_wanted || publishes_all() {
            record.publish(entry);
        }
    }
    Ok(found)
}

/// Whether all kernels become known with the first one. Where each is dumped when it is first used,
/// it has to ask for itself.
fn publishes_all() -> bool {
    #[cfg(feature = "debug")]
    return !crate::debug::dump::is_on();
    #[cfg(not(feature = "debug"))]
    true
}

/// Makes the kernels that are mapped at `base` known to the debuggers.
#[cfg(feature = "debug")]
fn announce<'a>(base: *mut u8, records: impl Iterator<Item = &'a Record>) {
    let mapped = |(record, slot): (&'a Record, Slot)| {
        let version = record.shape.chosen()?;
        Some(crate::debug::Mapped {
            name: record.shape.name,
            unwind: version.unwind(),
            listing: version.raw_listing(),
            address: base.wrapping_add(slot.offset).expose_provenance(),
            len: slot.arena.bytes.len(),
        })
    };
    let kernels: Vec<_> = layout(records).filter_map(mapped).collect();
    crate::debug::mapped(&kernels);
}

/// Keeps the memory of all kernels: until the process ends, or until the library around is
/// unloaded.
fn keep(memory: Executable) {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    crate::unload::keep(memory);
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    memory.keep();
}

/// Frees the memory of all kernels. The next call of one maps them again.
///
/// # Safety
/// No kernel runs, and no address of one is used any more.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) unsafe fn unmap() {
    let base = PROGRAM.swap(core::ptr::null_mut(), Ordering::AcqRel);
    if base.is_null() {
        return;
    }
    registry::kernels().for_each(Record::forget);
    // SAFETY: this is the memory that `keep` was given; the caller promises that it is not used.
    unsafe { Executable::free(base, len(registry::kernels())) };
}

/// Maps a kernel that the linker did not place among the others.
fn populate_alone(wanted: &Record) -> Result<*mut (), Refusal> {
    let mapping = map(|| core::iter::once(wanted))?;
    let start = mapping.base().cast();
    match wanted.publish_first(start) {
        Ok(()) => {
            mapping.keep();
            #[cfg(feature = "debug")]
            announce(start.cast(), std::iter::once(wanted));
            Ok(start)
        }
        Err(winner) => Ok(winner),
    }
}

/// Maps code that calls of its kernel do not go to, for good.
pub(crate) fn map_one(arena: &'static Arena) -> Result<*mut (), Refusal> {
    let slot = Slot { arena, offset: 0 };
    let mut mapping = Writable::new(slot.end())?;
    let base = mapping.base().addr();
    let image = mapping.bytes_mut();
    slot.write(&mut image[..slot.end()], base);
    image[slot.end()..].fill(INT3);
    let mapping = mapping.make_executable()?;
    let start = mapping.base().cast();
    mapping.keep();
    Ok(start)
}

/// A mapping with the code of all `records`, readable and executable.
fn map<'a, I: Iterator<Item = &'a Record>>(records: impl Fn() -> I) -> Result<Executable, Refusal> {
    let mut mapping = Writable::new(len(records()))?;
    let base = mapping.base().addr();
    let mut filled = 0;
    for (_, slot) in layout(records()) {
        let image = mapping.bytes_mut();
        image[filled..slot.offset].fill(INT3);
        slot.write(&mut image[slot.offset..slot.end()], base + slot.offset);
        filled = slot.end();
    }
    mapping.bytes_mut()[filled..].fill(INT3);
    mapping.make_executable()
}

/// A kernel in the arena.
struct Slot {
    arena: &'static Arena,
    offset: usize,
}

/// How many bytes the code of all `records` takes.
fn len<'a>(records: impl Iterator<Item = &'a Record>) -> usize {
    layout(records).last().map_or(0, |(_, slot)| slot.end())
}

/// Where each of `records` that has code to be mapped goes.
fn layout<'a>(
    records: impl Iterator<Item = &'a Record>,
) -> impl Iterator<Item = (&'a Record, Slot)> {
    let mut end = 0;
    records.filter_map(move |record| {
        let version = record.shape.chosen()?;
        let Code::Map(arena) = &version.code else { return None };
        let slot = Slot { arena, offset: usize::next_multiple_of(end, arena.align.max(ALIGN)) };
        end = slot.end();
        #[cfg(feature = "debug")]
        {
            end += crate::debug::room_behind(version.unwind());
        }
        Some((record, slot))
    })
}

impl Slot {
    fn end(&self) -> usize {
        self.offset + self.trampolines_start() + self.relative_count() * TRAMPOLINE
    }

    fn trampolines_start(&self) -> usize {
        self.arena.bytes.len().next_multiple_of(8)
    }

    fn relative_count(&self) -> usize {
        self.arena.relocations.iter().filter(|r| r.relative_to.is_some()).count()
    }

    /// Writes the code into `image`, which will run at `address`.
    fn write(&self, image: &mut [u8], address: usize) {
        let (code, tail) = image.split_at_mut(self.arena.bytes.len());
        code.copy_from_slice(self.arena.bytes);
        tail.fill(INT3);
        let mut trampoline = self.trampolines_start();
        for relocation in self.arena.relocations {
            let target = (relocation.address)().addr();
            let field = relocation.offset as usize;
            let Some(end) = relocation.relative_to else {
                image[field..field + 8].copy_from_slice(&(target as u64).to_le_bytes());
                continue;
            };
            let from = address + end as usize;
            let distance = |to: usize| i32::try_from(to.wrapping_sub(from) as isize);
            let distance = distance(target).unwrap_or_else(|_| {
                let jump = [0xFF, 0x25, 2, 0, 0, 0, INT3, INT3];
                image[trampoline..trampoline + 8].copy_from_slice(&jump);
                image[trampoline + 8..trampoline + 16]
                    .copy_from_slice(&(target as u64).to_le_bytes());
                distance(address + trampoline).expect("a kernel is smaller than 2 GiB")
            });
            image[field..field + 4].copy_from_slice(&distance.to_le_bytes());
            trampoline += TRAMPOLINE;
        }
    }
}
