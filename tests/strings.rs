//! String instructions with their operands written out: what they do to memory, in both
//! conventions, and what is proven of them.

#![cfg(target_arch = "x86_64")]
#![deny(unsafe_code)]

use peach_runtime::peach_fn;

macro_rules! in_convention {
    ($module:ident, $abi:literal) => {
        mod $module {
            use super::*;

            peach_fn! {
                pub extern $abi fn copy(to: &mut [u8], from: &[u8; 7]) -> u64 {
                    rcx = 7;
                    cmp rcx, to.len;
                    ja 'end;
                    rsi = from;
                    rdi = to.ptr;
                    rep movs byte ptr [rdi], byte ptr [rsi];
                    'end:
                    let left: gp64 = rcx;
                    return left;
                }

                pub extern $abi fn fill(to: &mut [u64], value: u64) {
                    rcx = to.len;
                    rdi = to.ptr;
                    rax = value;
                    cld;
                    rep stos qword [rdi], rax;
                }

                pub extern $abi fn sum(from: &[u16; 3]) -> u64 {
                    rsi = from;
                    let sum: gp64 = 0;
                    for _ in 0..3 {
                        lods ax, word [rsi];
                        movzx eax, ax;
                        add sum, rax;
                    }
                    return sum;
                }

                pub extern $abi fn position(of: u8, within: &[u8; 16]) -> u64 {
                    rdi = within;
                    ecx = 16;
                    al = of;
                    let rest: gp64;
                    repne scas al, byte [rdi];
                    mov rest, 15;
                    let not_found: gp64 = 16;
                    cmovnz rest, not_found;
                    jnz 'end;
                    sub rest, rcx;
                    'end:
                    return rest;
                }

                pub extern $abi fn equal(a: &[u32; 5], b: &[u32; 5]) -> bool {
                    rsi = a;
                    rdi = b;
                    rcx = 5;
                    repe cmps dword [rsi], dword [rdi];
                    let is: gp8;
                    sete is;
                    return is;
                }
            }
        }
    };
}

in_convention!(sysv, "sysv64");
in_convention!(win, "win64");

macro_rules! check {
    ($module:ident) => {
        let mut to = [0; 7];
        assert_eq!($module::copy(&mut to, b"strings"), 0);
        assert_eq!(&to, b"strings");
        assert_eq!($module::copy(&mut to[..3], b"another"), 7);
        assert_eq!(&to, b"strings");
        for len in [0, 1, 9] {
            let mut list = vec![1; len];
            $module::fill(&mut list, u64::MAX - 5);
            assert_eq!(list, vec![u64::MAX - 5; len]);
        }
        assert_eq!($module::sum(&[1, 65535, 300]), 65836);
        let bytes: [u8; 16] = std::array::from_fn(|i| i as u8 * 3);
        for of in 0..=255 {
            let found = bytes.iter().position(|&byte| byte == of).unwrap_or(16);
            assert_eq!($module::position(of, &bytes), found as u64, "{of}");
        }
        assert!($module::equal(&[1, 2, 3, 4, 5], &[1, 2, 3, 4, 5]));
        assert!(!$module::equal(&[1, 2, 3, 4, 5], &[1, 2, 3, 4, 6]));
        assert!(!$module::equal(&[0, 2, 3, 4, 5], &[1, 2, 3, 4, 5]));
    };
}

#[test]
fn plain_kernels_do_what_rust_does() {
    check!(sysv);
    check!(win);
}

#[cfg(target_os = "linux")]
mod elsewhere {
    #![expect(unsafe_code, reason = "segments and addresses of 32 bits are never proven")]

    use super::*;

    peach_fn! {
        // Linux has the address of the thread's own block there.
        fn own_block() -> (u64, u64) {
            let loaded, read: gp64;
            // SAFETY: that address is readable. Nothing is proven of segments.
            unsafe {
                xor esi, esi;
                lods rax, qword ptr fs:[rsi];
                loaded = rax;
                mov read, fs:[0];
            }
            return (loaded, read);
        }

        // Nothing is proven of half an address.
        unsafe fn copy_low(to: u32, from: u32, count: u32) -> (u64, u64) {
            edi = to;
            esi = from;
            ecx = count;
            rep movs byte [edi], byte [esi];
            return (rdi, rcx);
        }

        // What a raw pointer leads to is not proven.
        unsafe fn translated(table: *const u8, at: u8) -> u8 {
            rbx = table;
            al = at;
            xlat byte ptr [rbx];
            return al;
        }
    }

    #[test]
    fn a_segment_is_added_to_the_source() {
        let (loaded, read) = own_block();
        assert_eq!(loaded, read);
        assert_ne!(loaded, 0);
    }

    #[test]
    fn addresses_of_32_bits_are_those_of_the_low_half() {
        const SIZE: usize = 4096;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
        // SAFETY: a mapping of its own, of which only the first half is read and written.
        unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let page = libc::mmap(std::ptr::null_mut(), SIZE, protection, flags, -1, 0);
            assert_ne!(page, libc::MAP_FAILED);
            let from = page.cast::<u8>();
            let to = from.add(SIZE / 2);
            for i in 0..100 {
                *from.add(i) = i as u8 + 1;
            }
            let (end, left) = copy_low(to as u32, from as u32, 100);
            assert_eq!((end, left), (to as u64 + 100, 0));
            assert_eq!(std::slice::from_raw_parts(to, 100), std::slice::from_raw_parts(from, 100));
            libc::munmap(page, SIZE);
        }
    }

    #[test]
    fn a_table_is_looked_up() {
        let table: [u8; 256] = std::array::from_fn(|i| (i as u8).rotate_left(3));
        // SAFETY: the table has an entry for every byte.
        assert_eq!(unsafe { translated(table.as_ptr(), 77) }, 77u8.rotate_left(3));
    }
}
