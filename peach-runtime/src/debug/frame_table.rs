//! Unwinding tables for mapped code.
//!
//! In: where code is and the call frame instructions that the compiler made. Out: an `.eh_frame`
//! section (Linux Standard Base 5.0, 10.6), and its registration with the unwinder of the process.

/// An `.eh_frame` section with one table.
pub(super) fn eh_frame(address: usize, len: usize, program: &[u8]) -> Vec<u8> {
    let mut section = Vec::new();
    // The common part: version 1, augmentation "zR", code alignment 1, data alignment -8, the
    // return address in column 16, absolute addresses; on entry the CFA is rsp + 8 and the return
    // address is below it.
    let common = [1, b'z', b'R', 0, 1, 0x78, 16, 1, 0x00, 0x0C, 7, 8, 0x80 | 16, 1];
    entry(&mut section, 0, &common);
    let back = section.len() + 4;
    let mut table = Vec::new();
    table.extend((address as u64).to_le_bytes());
    table.extend((len as u64).to_le_bytes());
    table.push(0);
    table.extend(program);
    entry(&mut section, back as u32, &table);
    section.extend([0; 4]);
    section
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
        let first = u32::from_le_bytes(self.section[..4].try_into().expect("four bytes"));
        let table = &self.section[first as usize + 4..];
        let start = if Unwinder::find().is_llvm { table } else { &self.section };
        // SAFETY: the caller's promise.
        unsafe { function(start.as_ptr()) };
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
        let section = eh_frame(0x1000, 16, &[0x41, 0x0C, 7, 16]);
        let word = |at: usize| u32::from_le_bytes(section[at..at + 4].try_into().unwrap()) as usize;
        let second = 4 + word(0);
        assert_eq!((word(4), second % 8), (0, 0));
        assert_eq!(word(second + 4), second + 4);
        assert_eq!(word(second + 8), 0x1000);
        assert_eq!(section.len(), second + 4 + word(second) + 4);
        assert_eq!(word(section.len() - 4), 0);
    }
}
