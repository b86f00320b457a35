//! Unwinding tables for mapped code.
//!
//! In: where code is and the call frame instructions that the compiler made. Out: an `.eh_frame`
//! section (Linux Standard Base 5.0, 10.6), and its registration with the unwinder of the process.

use super::mapped::Mapped;

/// Of the common part: version 1, augmentation "zR", code alignment 1, data alignment -8, the
/// return address in column 16. Addresses follow as the next byte says; on entry the CFA is rsp + 8
/// and the return address is below it.
const COMMON_START: [u8; 8] = [1, b'z', b'R', 0, 1, 0x78, 16, 1];
const COMMON_END: [u8; 5] = [0x0C, 7, 8, 0x80 | 16, 1];
const ABSOLUTE: u8 = 0x00;

/// An `.eh_frame` section with a table for each kernel.
pub(super) fn eh_frame(kernels: &[Mapped<'_>]) -> Vec<u8> {
    let mut section = Vec::new();
    common(&mut section, ABSOLUTE);
    for kernel in kernels {
        let back = section.len() + 4;
        let mut table = Vec::new();
        table.extend((kernel.address as u64).to_le_bytes());
        table.extend((kernel.len as u64).to_le_bytes());
        table.push(0);
        table.extend(kernel.unwind);
        entry(&mut section, back as u32, &table);
    }
    section.extend([0; 4]);
    section
}

/// The section of a kernel that stands `distance` before it, then its index, `.eh_frame_hdr` (Linux
/// Standard Base 5.0, 10.6.2): what a file has whose place is not known yet.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(super) fn movable(kernel: &Mapped<'_>, distance: usize) -> (Vec<u8>, usize) {
    /// Four bytes, relative to their own place.
    const RELATIVE: u8 = 0x1B;
    /// Four bytes; four bytes relative to the index.
    const COUNT_AND_ROWS: [u8; 2] = [0x03, 0x3B];
    let mut section = Vec::new();
    common(&mut section, RELATIVE);
    let table_start = section.len();
    let place = table_start + 8;
    let mut table = Vec::new();
    table.extend((-((distance + place) as i32)).to_le_bytes());
    table.extend((kernel.len as u32).to_le_bytes());
    table.push(0);
    table.extend(kernel.unwind);
    entry(&mut section, table_start as u32 + 4, &table);
    section.extend([0; 4]);
    let len = section.len() as i32;
    let mut index = vec![1, RELATIVE];
    index.extend(COUNT_AND_ROWS);
    for word in [-(len + 4), 1, -(len + distance as i32), table_start as i32 - len] {
        index.extend(word.to_le_bytes());
    }
    let index_len = index.len();
    section.extend(index);
    (section, index_len)
}

/// What the tables have in common.
fn common(section: &mut Vec<u8>, addresses: u8) {
    let contents = [&COMMON_START[..], &[addresses], &COMMON_END].concat();
    entry(section, 0, &contents);
}

/// One entry: length, what it belongs to, contents, filled up with nops to a multiple of 8.
fn entry(section: &mut Vec<u8>, id: u32, contents: &[u8]) {
    let len = (4 + contents.len() + 4).next_multiple_of(8) - 4;
    section.extend((len as u32).to_le_bytes());
    section.extend(id.to_le_bytes());
    section.extend(contents);
    section.resize(section.len() + len - 4 - contents.len(), 0);
}

/// A section that the unwinder knows of, until this is dropped.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(super) struct Registered {
    section: Box<[u8]>,
}

/// Gives the section to the unwinder.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(super) fn register(section: Vec<u8>) -> Registered {
    let registered = Registered { section: section.into() };
    // SAFETY: a section in the format that it expects, which lives until it is taken back.
    unsafe { registered.tell(Unwinder::find().register) };
    registered
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
impl Registered {
    /// Calls one of the unwinder's functions. libgcc takes a section, LLVM's libunwind one table at
    /// a time.
    ///
    /// # Safety
    /// As the function requires.
    unsafe fn tell(&self, function: Option<unsafe extern "C" fn(*const u8)>) {
        let Some(function) = function else { return };
        if !Unwinder::find().is_llvm {
            // SAFETY: the caller's promise.
            unsafe { function(self.section.as_ptr()) };
            return;
        }
        // SAFETY: as above.
        self.tables().for_each(|table| unsafe { function(table.as_ptr()) });
    }

    /// What follows the common part, from each table on.
    fn tables(&self) -> impl Iterator<Item = &[u8]> {
        let len = |rest: &[u8]| u32::from_le_bytes(rest[..4].try_into().expect("four bytes"));
        let after = move |rest: &'_ [u8]| len(rest) as usize + 4;
        let mut rest = &self.section[after(&self.section)..];
        std::iter::from_fn(move || {
            let table = (len(rest) != 0).then_some(rest)?;
            rest = &rest[after(rest)..];
            Some(table)
        })
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
impl Drop for Registered {
    fn drop(&mut self) {
        // SAFETY: it was registered, and is taken back once.
        unsafe { self.tell(Unwinder::find().deregister) };
    }
}

/// The functions of the process's unwinder, as far as there are any.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
struct Unwinder {
    register: Option<unsafe extern "C" fn(*const u8)>,
    deregister: Option<unsafe extern "C" fn(*const u8)>,
    /// It is LLVM's, which has a function that libgcc lacks.
    is_llvm: bool,
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
impl Unwinder {
    fn find() -> Unwinder {
        let (register, deregister, of_llvm): (*const (), *const (), *const ());
        // SAFETY: it takes addresses, which are null where the process has no such function.
        unsafe {
            std::arch::asm!(
                ".weak __register_frame",
                ".weak __deregister_frame",
                ".weak __unw_add_dynamic_fde",
                "mov {}, qword ptr [rip + __register_frame@GOTPCREL]",
                "mov {}, qword ptr [rip + __deregister_frame@GOTPCREL]",
                "mov {}, qword ptr [rip + __unw_add_dynamic_fde@GOTPCREL]",
                out(reg) register,
                out(reg) deregister,
                out(reg) of_llvm,
                options(pure, readonly, nostack, preserves_flags)
            );
        }
        // SAFETY: this is their type, and `None` is null.
        let function = |address: *const ()| unsafe {
            std::mem::transmute::<*const (), Option<unsafe extern "C" fn(*const u8)>>(address)
        };
        Unwinder {
            register: function(register),
            deregister: function(deregister),
            is_llvm: !of_llvm.is_null(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_fill_multiples_of_eight_and_point_back() {
        let unwind = &[0x41, 0x0C, 7, 16];
        let section =
            eh_frame(&[Mapped { name: "", unwind, listing: "", address: 0x1000, len: 16 }]);
        let word = |at: usize| u32::from_le_bytes(section[at..at + 4].try_into().unwrap()) as usize;
        let second = 4 + word(0);
        assert_eq!((word(4), second % 8), (0, 0));
        assert_eq!(word(second + 4), second + 4);
        assert_eq!(word(second + 8), 0x1000);
        assert_eq!(section.len(), second + 4 + word(second) + 4);
        assert_eq!(word(section.len() - 4), 0);
    }

    #[test]
    fn there_is_room_for_the_movable_table() {
        for len in 0..64 {
            let unwind = &vec![0; len][..];
            let kernel = Mapped { name: "", unwind, listing: "", address: 0x1000, len: 13 };
            let distance = kernel.len.next_multiple_of(8);
            let end = distance + movable(&kernel, distance).0.len();
            assert!(end <= kernel.len + crate::debug::room_behind(unwind), "{len}: {end}");
        }
    }
}
