//! Small loaders, of Mach-O libraries and of ELF programs: they map the segments, bind the symbols,
//! and find the functions.

use object::LittleEndian;
use object::macho::{self, MachHeader64};
use object::read::elf::ElfFile32;
use object::read::macho::{MachHeader, MachOFile64, Segment};
use object::{Object, ObjectSegment, ObjectSymbol};
use std::collections::HashMap;
use std::ffi::c_void;

/// A library or a program in memory.
pub struct Image {
    start: *mut u8,
    len: usize,
    /// The address that the file has for `start`.
    origin: u64,
    symbols: HashMap<String, u64>,
}

impl Image {
    /// Maps a Mach-O library; `find` gives the addresses of what it needs.
    pub fn load_library(file: &[u8], find: impl Fn(&str) -> *const c_void) -> Image {
        let header = MachHeader64::<LittleEndian>::parse(file, 0).expect("a header");
        let mut commands = header.load_commands(LittleEndian, file, 0).expect("load commands");
        let (mut segments, mut bindings) = (Vec::new(), Vec::new());
        while let Some(command) = commands.next().expect("a load command") {
            if let Some((segment, _)) = command.segment_64().expect("a segment") {
                segments.push(segment);
            }
            if let Some(info) = command.dyld_info().expect("what is to be bound") {
                for (offset, size) in
                    [(&info.bind_off, &info.bind_size), (&info.lazy_bind_off, &info.lazy_bind_size)]
                {
                    let start = offset.get(LittleEndian) as usize;
                    let end = start + size.get(LittleEndian) as usize;
                    bindings.extend(binding(&file[start..end]));
                }
            }
        }
        let parsed = MachOFile64::<LittleEndian>::parse(file).expect("a library");
        let image = Image::map(&parsed, None);
        for segment in &segments {
            let data = segment.data(LittleEndian, file).expect("data");
            image.write(segment.vmaddr(LittleEndian), data);
        }
        for (segment, offset, name, addend) in bindings {
            let address = find(&name) as i64 + addend;
            let place = segments[segment].vmaddr(LittleEndian) + offset;
            image.write(place, &address.to_le_bytes());
        }
        image.protect();
        image
    }

    /// Maps an ELF program of 32 bits at its own addresses.
    pub fn load_program(file: &[u8]) -> Image {
        let parsed = ElfFile32::<LittleEndian>::parse(file).expect("a program");
        let origin = parsed.segments().map(|segment| segment.address()).min();
        let image = Image::map(&parsed, origin.map(|address| address & !4095));
        for segment in parsed.segments() {
            image.write(segment.address(), segment.data().expect("data"));
        }
        image.protect();
        image
    }

    /// The address of a symbol that the file defines.
    pub fn symbol(&self, name: &str) -> *const c_void {
        let address = self.symbols.get(name).unwrap_or_else(|| panic!("{name} is not defined"));
        self.start.wrapping_add((*address - self.origin) as usize).cast()
    }

    /// A mapping for all segments of a file: at the address from which they start, or anywhere.
    fn map<'a>(file: &impl Object<'a>, at: Option<u64>) -> Image {
        let origin = at.unwrap_or(0);
        let ends = file.segments().map(|segment| segment.address() + segment.size());
        let len = (ends.max().expect("segments") - origin) as usize;
        let fixed = if at.is_some() { libc::MAP_FIXED_NOREPLACE } else { 0 };
        // SAFETY: a fresh anonymous mapping, which replaces nothing.
        let start = unsafe {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let kind = libc::MAP_PRIVATE | libc::MAP_ANON | fixed;
            libc::mmap(origin as *mut c_void, len, access, kind, -1, 0)
        };
        assert_ne!(start, libc::MAP_FAILED);
        let named = file.symbols().filter_map(|s| Some((s.name().ok()?.to_string(), s.address())));
        Image { start: start.cast(), len, origin, symbols: named.collect() }
    }

    fn write(&self, place: u64, bytes: &[u8]) {
        let place = (place - self.origin) as usize;
        assert!(place + bytes.len() <= self.len);
        // SAFETY: within the mapping, as was just checked.
        unsafe {
            let place = self.start.add(place);
            place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
    }

    fn protect(&self) {
        let access = libc::PROT_READ | libc::PROT_EXEC;
        // SAFETY: a mapping of ours, which is not written to any more.
        let protected = unsafe { libc::mprotect(self.start.cast(), self.len, access) };
        assert_eq!(protected, 0);
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: a mapping of ours, which nothing uses any more.
        unsafe { libc::munmap(self.start.cast(), self.len) };
    }
}

/// Segment, offset in it, name and addend of everything that is to be bound, from the opcodes of
/// `mach-o/loader.h`.
fn binding(opcodes: &[u8]) -> Vec<(usize, u64, String, i64)> {
    let mut bound = Vec::new();
    let mut at = 0;
    let (mut segment, mut offset, mut name, mut addend) = (0, 0u64, String::new(), 0);
    while at < opcodes.len() {
        let (opcode, immediate) = (opcodes[at] & 0xF0, opcodes[at] & 0x0F);
        at += 1;
        match opcode {
            macho::BIND_OPCODE_DONE
            | macho::BIND_OPCODE_SET_DYLIB_ORDINAL_IMM
            | macho::BIND_OPCODE_SET_DYLIB_SPECIAL_IMM
            | macho::BIND_OPCODE_SET_TYPE_IMM => {}
            macho::BIND_OPCODE_SET_SYMBOL_TRAILING_FLAGS_IMM => {
                let len = opcodes[at..].iter().position(|&byte| byte == 0).expect("a name");
                name = String::from_utf8_lossy(&opcodes[at..at + len]).into_owned();
                at += len + 1;
            }
            macho::BIND_OPCODE_SET_ADDEND_SLEB => addend = uleb(opcodes, &mut at) as i64,
            macho::BIND_OPCODE_SET_SEGMENT_AND_OFFSET_ULEB => {
                segment = immediate as usize;
                offset = uleb(opcodes, &mut at);
            }
            macho::BIND_OPCODE_ADD_ADDR_ULEB => {
                offset = offset.wrapping_add(uleb(opcodes, &mut at));
            }
            macho::BIND_OPCODE_DO_BIND => {
                bound.push((segment, offset, name.clone(), addend));
                offset += 8;
            }
            _ => panic!("opcode {opcode:#x} is not expected"),
        }
    }
    bound
}

fn uleb(bytes: &[u8], at: &mut usize) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = bytes[*at];
        *at += 1;
        value |= u64::from(byte & 0x7F) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}
