//! `-fcf-protection`: linkers that are asked to report what may not run where branches are tracked
//! and returns are guarded find nothing, in object files and listings.

#[expect(dead_code, reason = "every test uses its own part of it")]
mod support;

use peach_testing::tools::have;
use support::Files;

const KERNELS: &str = "
pub fn pick(x: u64) -> u64 {
    const CASES: [label; 3] = ['zero, 'one, 'two];
    let r, offset: gp64;
    cmp x, 2;
    ja 'two;
    lea r, [CASES];
    movsxd offset, dword ptr [r + 4*x];
    add r, offset;
    unsafe { jmp r, CASES; }
    'zero: mov rax, 10; return rax;
    'one: mov rax, 11; return rax;
    'two: mov rax, 12; return rax;
}

fn helper(x: u64) -> u64 { add x, 1; return x; }
";

const PROGRAM: &str = r#"
#include <stdint.h>
uint64_t pick(uint64_t x), helper(uint64_t x);
int main(void)
{
    uint64_t (*volatile chosen)(uint64_t) = pick;
    return chosen(0) == 10 && chosen(1) == 11 && chosen(2) == 12 && chosen(3) == 12
        && helper(4) == 5 ? 0 : 1;
}
"#;

/// Makes `kernels.o` with the flags.
fn made(files: &Files, flags: &str, format: &str) {
    match format {
        "object" => drop(files.peach(&format!("{flags} -o kernels.o kernels.peach")).succeeded()),
        "gas" => {
            let line = format!("{flags} -S -massembly-format=gas -o kernels.s kernels.peach");
            files.peach(&line).succeeded();
            files.shell("as kernels.s -o kernels.o");
        }
        _ => {
            let line = format!("{flags} -S -massembly-format=nasm -o kernels.asm kernels.peach");
            files.peach(&line).succeeded();
            files.shell("nasm -f elf64 kernels.asm -o kernels.o");
        }
    }
}

#[test]
fn linkers_find_all_of_it_protected() {
    if !have(&["gcc", "as", "nasm", "readelf", "objdump", "ld.lld"]) {
        return;
    }
    let files = Files::new("protection");
    files.file("kernels.peach", KERNELS);
    files.file("program.c", PROGRAM);
    for format in ["object", "gas", "nasm"] {
        let strict = "gcc -fcf-protection -c program.c -o program.o && ld.bfd -r -z";
        let report = format!("{strict} cet-report=error program.o kernels.o -o both.o");
        made(&files, "", format);
        let said = files.try_shell(&report);
        assert!(said.stderr.contains("IBT") || said.code != Some(0), "{format}: {said:?}");

        made(&files, "-fcf-protection", format);
        let said = files.shell(&report);
        assert!(said.stderr.is_empty(), "{format}: {said:?}");
        let notes = files.shell("readelf -n kernels.o");
        assert!(notes.stdout.contains("x86 feature: IBT, SHSTK"), "{format}: {notes:?}");
        assert!(notes.stderr.is_empty(), "{format}: {notes:?}");
        let code = files.shell("objdump -d -M intel kernels.o").stdout;
        assert_eq!(code.matches("endbr64").count(), 2, "{format}: {code}");
        assert_eq!(code.matches("notrack jmp").count(), 1, "{format}: {code}");
        for linker in ["bfd", "lld"] {
            let line = format!(
                "gcc -fcf-protection -fuse-ld={linker} -Wl,--fatal-warnings program.c kernels.o \
                 -o program && ./program"
            );
            files.shell(&line);
        }
    }
}

#[test]
fn what_it_cannot_be_is_refused() {
    let files = Files::new("protection-refused");
    files.file("kernels.peach", KERNELS);
    let refused = |flags: &str, text: &str| {
        files.peach(&format!("{flags} -o kernels.o kernels.peach")).failed(2, text);
    };
    refused("-fcf-protection=all", "expected full, branch, return or none");
    refused("-fcf-protection -mabi=nacl", "-fcf-protection is not for nacl");
    refused("-fcf-protection -mabi=gosyso", "-fcf-protection is not for gosyso");
}
