//! Equal constants of several objects: real linkers keep one, and kernels still read theirs.

#[expect(dead_code, reason = "every test uses its own part of it")]
mod support;

use peach_testing::tools::{have, versioned};
use support::Files;

/// Constants of every size, parts of others among them, named and not, and tables that are no
/// power of two; `TIMES` tells two files apart.
fn kernels(suffix: &str) -> String {
    r#"
const PAIR: [f64; 2] = [0.1, 0.7];
const THREE: [u32; 3] = [11, 22, 33];
const MANY: [u64; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

pub fn single_SUFFIX(x: f32) -> f32 { mulss x, f32(0.15625); return x; }
pub fn double_SUFFIX(x: f64) -> f64 { mulsd x, f64(0.7); return x; }
pub fn first_SUFFIX(x: f64) -> f64 { addsd x, f64(0.1); return x; }
pub fn pair_SUFFIX(x: f64) -> f64 {
    let v: xmm;
    movapd v, [PAIR];
    unpckhpd v, v;
    mulsd x, v;
    return x;
}
pub fn part_SUFFIX(x: f64) -> f64 { mulsd x, [PAIR + 8]; return x; }
#[target_feature(enable = "avx")]
pub fn quad_SUFFIX(x: f64) -> f64 {
    let v: ymm = f64x4(0.5, 1.5, 2.5, 3.5);
    let high: xmm;
    vextractf128 high, v, 1;
    vunpckhpd high, high, high;
    vmulsd x, x, high;
    return x;
}
pub fn table_SUFFIX() -> u64 {
    let n: gp64;
    mov n, [MANY + 72];
    add n.gp32, [THREE + 8];
    return n;
}
"#
    .replace("SUFFIX", suffix)
}

const PROGRAM: &str = r#"
#define TEST(s) \
    float single_##s(float); \
    double double_##s(double), first_##s(double), pair_##s(double), part_##s(double); \
    double quad_##s(double); \
    unsigned long long table_##s(void); \
    static int test_##s(void) { \
        if (single_##s(64) != 10 || double_##s(10) != 7 || first_##s(0) != 0.1) return 1; \
        if (pair_##s(10) != 7 || part_##s(10) != 7 || table_##s() != 43) return 2; \
        return !__builtin_cpu_supports("avx") || quad_##s(2) == 7 ? 0 : 3; \
    }
TEST(a)
TEST(b)
int main(void)
{
    int result = test_a() * 10 + test_b();
    __builtin_cpu_init();
    return result;
}
"#;

fn prepared(name: &str) -> Files {
    let files = Files::new(&format!("constants-{name}"));
    files.file("a.peach", kernels("a"));
    files.file("b.peach", kernels("b"));
    files.file("program.c", PROGRAM);
    files
}

/// How often a number stands in a file.
fn occurrences(files: &Files, name: &str, number: &[u8]) -> usize {
    let bytes = std::fs::read(files.0.join(name)).expect("the file");
    bytes.windows(number.len()).filter(|window| *window == number).count()
}

/// What each file has once: `0.15625f`, `0.7` with `0.1` before it, four numbers.
fn numbers() -> [Vec<u8>; 3] {
    let quad = [0.5f64, 1.5, 2.5, 3.5].map(f64::to_le_bytes).concat();
    [0.15625f32.to_le_bytes().to_vec(), [0.1f64, 0.7].map(f64::to_le_bytes).concat(), quad]
}

#[test]
fn elf_linkers_merge_constants() {
    if !have(&["gcc", "as", "clang", "ld.bfd", "ld.lld", "readelf"]) {
        return;
    }
    let files = prepared("elf");
    for file in ["a", "b"] {
        files.peach(&format!("-o {file}.o {file}.peach")).succeeded();
        files.peach(&format!("-S -massembly-format=gas -o {file}.s {file}.peach")).succeeded();
        files.shell(&format!("as {file}.s -o {file}-gas.o && clang -c {file}.s -o {file}-clang.o"));
    }
    let sections = files.shell("readelf -SW a.o").stdout;
    for size in ["04", "10", "20"] {
        let wanted = format!("{size}  AM");
        assert!(sections.lines().any(|line| line.contains(&wanted)), "{size}: {sections}");
    }
    for kind in ["", "-gas", "-clang"] {
        for linker in ["bfd", "lld"] {
            for how in ["-no-pie", "-pie -fPIE", "-static", "-Wl,--gc-sections", "-Wl,-O2"] {
                let line = format!("gcc -O1 -fuse-ld={linker} -Wl,--fatal-warnings {how}");
                files.shell(&format!("{line} program.c a{kind}.o b{kind}.o -o program"));
                files.shell("./program");
            }
            files.shell(&format!("ld.{linker} -O2 -shared a{kind}.o b{kind}.o -o kernels.so"));
            for number in numbers() {
                let found = occurrences(&files, "kernels.so", &number);
                assert_eq!(found, 1, "{kind} {linker} {number:x?}");
            }
        }
    }
}

#[test]
fn windows_linkers_merge_constants() {
    if !have(&["x86_64-w64-mingw32-gcc", "lld-link", "wine"]) {
        return;
    }
    let files = prepared("windows");
    let gcc = "x86_64-w64-mingw32-gcc -O1";
    let run_with_wine = |program: &str| files.shell(&format!("WINEDEBUG=-all wine ./{program}"));
    for sections in ["", "-ffunction-sections"] {
        for file in ["a", "b"] {
            let target = "-mabi=ms -mimage-format=ms-coff";
            files.peach(&format!("{target} {sections} -o {file}.obj {file}.peach")).succeeded();
        }
        files.shell(&format!("{gcc} program.c a.obj b.obj -o gnu.exe"));
        run_with_wine("gnu.exe");
        files.shell("lld-link /dll /noentry /nodefaultlib a.obj b.obj /out:kernels.dll /opt:noref");
        for number in numbers() {
            assert_eq!(occurrences(&files, "gnu.exe", &number), 1, "GNU ld {number:x?}");
            assert_eq!(occurrences(&files, "kernels.dll", &number), 1, "lld {number:x?}");
        }
    }
    // The same names as those of LLVM's compiler, with which the linker merges them, too.
    let symbols = files.shell("objdump -t a.obj").stdout;
    assert!(symbols.contains(" __real@3e200000"), "{symbols}");
    assert!(symbols.contains(" __xmm@3fe66666666666663fb999999999999a"), "{symbols}");
}

#[test]
fn linkers_of_macos_merge_literals() {
    let Some(ld64) = versioned("ld64.lld") else { return };
    if !have(&["clang"]) {
        return;
    }
    let files = prepared("macos");
    for file in ["a", "b"] {
        files.peach(&format!("-mimage-format=mach-o -o {file}.o {file}.peach")).succeeded();
        let listing = format!("-mimage-format=mach-o -S -massembly-format=gas -o {file}.s");
        files.peach(&format!("{listing} {file}.peach")).succeeded();
        files.shell(&format!("clang --target=x86_64-apple-macos11 -c {file}.s -o {file}-gas.o"));
    }
    let platform = "-arch x86_64 -platform_version macos 11.0 11.0";
    for kind in ["", "-gas"] {
        files.shell(&format!(
                "{ld64} --deduplicate-literals {platform} -dylib -install_name library -fatal_warnings a{kind}.o \
                 b{kind}.o -o kernels.dylib"
            ),
        );
        for number in &numbers()[..2] {
            assert_eq!(occurrences(&files, "kernels.dylib", number), 1, "{kind} {number:x?}");
        }
    }
}
