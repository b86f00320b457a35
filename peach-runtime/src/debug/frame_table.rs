//! Unwinding tables for mapped code.
//!
//! In: where code is and the call frame instructions that the compiler made. Out: an `.eh_frame` section
//! (Linux Standard Base 5.0, 10.6), and its registration with the unwinder of the process.

/// An `.eh_frame` section with one table.
pub(super) fn eh_frame(address: usize, len: usize, program: &[u8]) -> Vec<u8> {
    let mut section = Vec::new();
    // The common part: version 1, augmentation "zR", code alignment 1, data alignment -8, the return
    // address in column 16, absolute addresses; on entry the CFA is rsp + 8 and the return address
    // stands below it.
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

/// Gives the section to the unwinder, for good. libgcc takes a section, LLVM's libunwind one table at a
/// time; which of them is there, a function that only the latter has tells.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(super) fn register(section: Vec<u8>) {
    let section: &'static [u8] = section.leak();
    let (register, is_llvm): (*const (), *const ());
    // SAFETY: it takes two addresses, which are null where the process has no such function.
    unsafe {
        std::arch::asm!(
            ".weak __register_frame",
            ".weak __unw_add_dynamic_fde",
            "mov {}, qword ptr [rip + __register_frame@GOTPCREL]",
            "mov {}, qword ptr [rip + __unw_add_dynamic_fde@GOTPCREL]",
            out(reg) register,
            out(reg) is_llvm,
        );
    }
    if register.is_null() {
        return;
    }
    // SAFETY: this is its type.
    let register: unsafe extern "C" fn(*const u8) = unsafe { std::mem::transmute(register) };
    let first = u32::from_le_bytes(section[..4].try_into().expect("four bytes")) as usize + 4;
    let start = if is_llvm.is_null() { section } else { &section[first..] };
    // SAFETY: a section in the format that it expects, which lives for good.
    unsafe { register(start.as_ptr()) };
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
