//! Names that mean something to assemblers, linkers or C, given to kernels, labels, tables and stack
//! variables in the program's own text: rustc hands all of them to LLVM's assembler.

use peach_testing::rustc::Rustc;
use std::path::Path;
use std::process::Command;

/// Names that are registers or belong to them.
const REGISTERS: &str = "rax eax ax al ah r8 r8d r15b xmm0 ymm1 zmm31 k1 st st0 mm0 cr0 dr7 cs fs rip \
    eip tmm0 bnd0 mxcsr eflags riz eiz";

/// Operators, sizes and directives of GNU as, LLVM, MASM and NASM.
const WORDS: &str = "and or not xor shl shr eq ne lt le gt ge byte word dword qword tbyte oword \
    xmmword ymmword zmmword ptr offset flat near far short size length high low this dup align \
    text data section segment global globl org end endp ends proc equ db dw dd dq rep repne \
    lock rel abs seg times bits default common title include name page data16 addr32 gs_ sib \
    local weak hidden set quad long ascii space fill zero popsection pushsection altmacro endm";

/// What C and the system's libraries define.
const FUNCTIONS: &str = "memcpy memset strlen malloc free abs exit printf write read open errno \
    environ stdin int char double signed _start _init _end _edata __bss_start \
    _GLOBAL_OFFSET_TABLE_ __dso_handle __stack_chk_fail";

fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> =
        [REGISTERS, WORDS, FUNCTIONS].into_iter().flat_map(str::split_whitespace).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A kernel called like that, with a label, a table and a variable called alike, if they may be.
fn kernel(name: &str, number: usize) -> String {
    let is_register = REGISTERS.split_whitespace().any(|register| register == name);
    let inner = if is_register { format!("{name}_") } else { name.to_string() };
    format!(
        "#[embed = \"text\"] pub fn {name}(x: u64) -> u64 {{
            let r#{inner}: u64; let n: gp32 = 2; mov [r#{inner}], x;
            '{inner}: add x, [r#{inner}]; dec n; jnz '{inner};
            add x, [TABLE_{number}]; return x; }}
        const TABLE_{number}: [u64; 1] = [{number}];\n"
    )
}

/// A table of the name alone: the name of a kernel is taken for the kernel.
fn table(name: &str, number: usize) -> String {
    format!(
        "peach_runtime::peach_fn! {{ const r#{name}: [u64; 2] = [{number}, 1];
            #[embed = \"text\"] pub fn table_{number}() -> u64 {{
                let n: gp64; mov n, [r#{name}]; return n; }} }}\n"
    )
}

#[test]
fn no_name_means_anything_in_text() {
    let names = names();
    let mut program = String::from("#![allow(dead_code, non_upper_case_globals)]\nmod kernels {\n");
    program += "peach_runtime::peach_fn! {\n";
    for (number, name) in names.iter().enumerate() {
        program += &kernel(name, number);
    }
    program += "}\n}\nmod tables {\n";
    for (number, name) in names.iter().enumerate() {
        if !REGISTERS.split_whitespace().any(|register| register == *name) {
            program += &table(name, number);
        }
    }
    program += "}\nfn main() {\n";
    for (number, name) in names.iter().enumerate() {
        program += &format!("assert_eq!(kernels::{name}(10), {}, \"{name}\");\n", 30 + number);
        if !REGISTERS.split_whitespace().any(|register| register == *name) {
            program += &format!("assert_eq!(tables::table_{number}(), {number}, \"{name}\");\n");
        }
    }
    program += "println!(\"{} all right\", \"kernels\".len()); }\n";
    for level in ["-Copt-level=0", "-Copt-level=2"] {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("symbols").join(level);
        let program = Rustc::new(directory, &[level]).build("program", &program, &[]);
        let output = Command::new(program).output().expect("it runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "7 all right\n");
    }
}
