//! The runtime alone: kernels put together by hand, as `peach_fn!` puts them together.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use peach_runtime::__private::{Address, Arena, Code, Relocation, Shape, Source};
use peach_runtime::{Error, Kernel, Version};

/// A kernel of the given bytes: `kernel!(NAME: type, needs, bytes, relocations, fallback)`.
macro_rules! kernel {
    ($name:ident: $pointer:ty, $needs:expr, $bytes:expr, $relocations:expr, $fallback:expr) => {
        peach_runtime::__private::kernel_static! { static $name: Kernel<$pointer> = {
            struct Here;
            // SAFETY: the tests call only what is code of this type.
            unsafe impl Source for Here {
                type Pointer = $pointer;
                const SHAPE: &'static Shape = &Shape {
                    name: stringify!($name),
                    // SAFETY: no code is in the text section.
                    versions: &[unsafe {
                        Version::new(
                            &["padlock"],
                            $needs,
                            "sysv64",
                            Code::Map(Arena {
                                bytes: $bytes,
                                align: 16,
                                relocations: $relocations,
                            }),
                            "",
                            &[],
                        )
                    }],
                    fallback: $fallback,
                };
            }
            Kernel::new::<Here>()
        }; }
    };
}

type Binary = extern "sysv64" fn(u64, u64) -> u64;

// lea rax, [rdi + rsi]; ret
kernel!(ADD: Binary, &[], b"\x48\x8d\x04\x37\xc3", &[], None);
// mov rax, rdi; sub rax, rsi; ret
kernel!(SUB: Binary, &[], b"\x48\x89\xf8\x48\x29\xf0\xc3", &[], None);
// push rax; call twice; pop rcx; ret
kernel!(CALL: Binary, &[], b"\x50\xe8\0\0\0\0\x59\xc3",
    &[Relocation { offset: 2, relative_to: Some(6), address: || twice as *const () }], None);
// mov rax, imm64; mov rax, [rax]; ret
kernel!(LOAD: Binary, &[], b"\x48\xb8\0\0\0\0\0\0\0\0\x48\x8b\x00\xc3",
    &[Relocation { offset: 2, relative_to: None, address: || (&raw const ANSWER).cast() }], None);
kernel!(NEVER: Binary, &[0, 0, 1 << 62], b"\x0f\x0b", &[], None);
kernel!(FALLS_BACK: Binary, &[0, 0, 1 << 62], b"\x0f\x0b", &[], Some(Address(largest as *const ())));

static ANSWER: u64 = 42;

extern "sysv64" fn twice(x: u64, _: u64) -> u64 {
    2 * x
}

extern "sysv64" fn largest(a: u64, b: u64) -> u64 {
    a.max(b)
}

#[test]
fn kernels_run_and_share_one_mapping() {
    assert_eq!(ADD.get()(40, 2), 42);
    assert_eq!(SUB.get()(50, 8), 42);
    assert_eq!(CALL.get()(21, 0), 42);
    assert_eq!(LOAD.get()(0, 0), 42);
    assert_eq!(ADD.get() as usize % 64, 0);
    assert_eq!(ADD.get() as usize / 4096, SUB.get() as usize / 4096);
    assert_eq!(ADD.code(), b"\x48\x8d\x04\x37\xc3");
}

#[test]
fn no_mapping_is_writable_and_executable() {
    assert_eq!(ADD.get()(1, 2), 3);
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(!maps.lines().any(|line| line.split(' ').nth(1).unwrap().starts_with("rwx")), "{maps}");
    let address = ADD.get() as usize;
    let holds = |line: &&str| {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let number = |digits| usize::from_str_radix(digits, 16).unwrap();
        (number(start)..number(end)).contains(&address)
    };
    let line = maps.lines().find(holds).unwrap();
    assert!(line.contains("r-xp"), "{line}");
}

#[test]
fn a_cpu_that_lacks_an_extension_is_told_so() {
    let error = NEVER.try_get().unwrap_err();
    assert!(matches!(error, Error::Unsupported { kernel: "NEVER", .. }));
    assert_eq!(error.to_string(), "kernel `NEVER` cannot run: this CPU lacks padlock");
    assert!(!NEVER.is_supported() && NEVER.code().is_empty());
    assert_eq!(NEVER.versions().len(), 1);
}

#[test]
fn the_fallback_takes_the_place_of_code_that_cannot_run() {
    assert_eq!(FALLS_BACK.get()(3, 4), 4);
    assert!(!FALLS_BACK.is_supported());
}

#[test]
fn threads_race_on_the_first_use() {
    std::thread::scope(|scope| {
        for n in 0..64 {
            scope.spawn(move || assert_eq!(SUB.get()(n + 7, 7), n));
        }
    });
}
