//! Source lines: gdb stops at them, shows them and steps through them; all formats say the same.

use crate::kernels;
use crate::support::{Workspace, module};
use peach_compiler::abi::{ImageFormat, SYSV64};
use peach_compiler::emit::objects::Format;
use peach_testing::tools::have;

/// The line, counted from 1, of the first occurrence of a text after another one.
fn line_of(source: &str, after: &str, text: &str) -> usize {
    let start = source.find(after).expect("the kernel");
    let at = start + source[start..].find(text).expect("the statement");
    source[..at].matches('\n').count() + 1
}

#[test]
fn gdb_steps_through_the_source() {
    if !have(&["gcc", "gdb"]) {
        return;
    }
    let space = Workspace::new("debug_gdb");
    let source = kernels::source("rdi");
    space.file("kernels.peach", &source);
    space.file("kernels.h", kernels::HEADER);
    space.file("program.c", include_str!("program.c"));
    let module = module(&source, &SYSV64);
    space.object("kernels.o", &module, ImageFormat::Elf, true);
    space.run("gcc -g program.c kernels.o -o program");
    let deep = |text: &str| line_of(&source, "fn deep", text);
    let wide = line_of(&source, "fn wide", "mov [big + 8], rbx");
    let commands = format!(
        "set debuginfod enabled off\nset disable-randomization off\nbreak deep\nrun\ninfo line\nlist\n\
         step\nstep\nstep\nbt\nfinish\nbreak kernels.peach:{wide}\ncontinue\n"
    );
    space.file("commands", commands);
    let output = space.run("gdb -batch -nx -x commands program");
    let expected = [
        format!("deep (x=1) at kernels.peach:{}", deep("fn deep")),
        format!("Line {} of \"kernels.peach\"", deep("fn deep")),
        "let buffer: [u64; 40];".to_string(),
        format!("\n{}\t    rbx = x;", deep("rbx = x")),
        format!("\n{}\t    mov [buffer], rbx;", deep("mov [buffer], rbx")),
        format!("\n{}\t    push rbx;", deep("push rbx")),
        "in check_all".to_string(),
        "in main".to_string(),
        "CHECK(deep(x)".to_string(),
        format!("wide (x=1) at kernels.peach:{wide}"),
    ];
    let mut rest = output.as_str();
    for text in expected {
        let at =
            rest.find(&text).unwrap_or_else(|| panic!("{text:?} is not in the rest of\n{output}"));
        rest = &rest[at + 1..];
    }
}

#[test]
fn all_formats_have_the_same_lines() {
    if !have(&["llvm-dwarfdump"]) {
        return;
    }
    let space = Workspace::new("debug_formats");
    let module = module(&kernels::source("rdi"), &SYSV64);
    let tables: Vec<String> = Format::ALL
        .iter()
        .map(|format| {
            let name = format!("kernels.{}", format.format.flag());
            space.object(&name, &module, format.format, true);
            let output = space.run(&format!("llvm-dwarfdump --debug-line --debug-info {name}"));
            output.lines().skip(1).collect::<Vec<_>>().join("\n")
        })
        .collect();
    assert!(tables[0].contains("prologue_end") && tables[0].contains("DW_TAG_subprogram"));
    assert!(tables.iter().all(|table| *table == tables[0]), "{tables:?}");
}

/// Kernels that do not change their arguments, of all kinds: in registers, on the stack, by
/// reference, in two registers, moved by the prologue, spilled.
const ARGUMENTS: &str = r#"
inline fn twice(x: gp64) { add x, x; }

inline fn four(x: gp64) {
    twice(x);
    twice(x);
}

pub fn mix(a: u64, b: i32, x: &[u32], d: f64, v: __m128i, w: i128, last: u8, more: u16) -> u64 {
    let n, r: gp64;
    let t: xmm;
    movsxd n, b;
    add n, a;
    mov r, n;
    four(n);
    cmp x.len, 3;
    jb 'short;
    add n.gp32, [x.ptr];
    'short:
    add n, w.lo;
    adc n, w.hi;
    movsd t, d;
    cvttsd2si r, t;
    add n, r;
    movq r, v;
    add n, r;
    movzx r.gp32, last;
    add n, r;
    movzx r.gp32, more;
    add n, r;
    sub n, a;
    return n;
}

pub extern "win64" fn microsoft(a: u64, b: i32, x: &[u32], d: f64, w: i128, last: u8) -> u64 {
    mov rsi, a;
    movsxd rdi, b;
    add rsi, rdi;
    cvttsd2si rdi, d;
    add rsi, rdi;
    add rsi, w.lo;
    movzx edi, last;
    add rsi, rdi;
    add rsi, x.len;
    mov rax, rsi;
    return rax;
}

#[target_feature(enable = "bmi2")]
pub fn moved(n: u64, high: u64, low: u64, count: u64) -> u64 {
    mov rax, n;
    mul low;
    add rdx, high;
    mov cl, 3;
    shl rax, cl;
    add rax, rdx;
    add rax, count;
    return rax;
}

#[spill]
pub fn spilled(n: u64, x: u64) -> u64 {
    let r: [gp64; 16];
    for i in 0..16 { lea r[i], [n + 3*i]; }
    for i in 1..16 { add r[0], r[i]; imul r[i], r[i - 1]; }
    for i in 1..16 { add r[0], r[i]; }
    add r[0], n;
    add r[0], x;
    return r[0];
}
"#;

const CALLS: &str = r#"
#include <stddef.h>
#include <stdint.h>
#include <immintrin.h>
uint64_t mix(uint64_t, int32_t, const uint32_t *, size_t, double, __m128i, __int128, uint8_t, uint16_t);
__attribute__((ms_abi)) uint64_t microsoft(uint64_t, int32_t, const uint32_t *, size_t, double, __int128, uint8_t);
uint64_t moved(uint64_t, uint64_t, uint64_t, uint64_t), spilled(uint64_t, uint64_t);
int main(void)
{
    static const uint32_t x[3] = {7, 8, 9};
    volatile uint64_t result = mix(11, -12, x, 3, 5.5, _mm_set_epi64x(22, 21), 31, 41, 42);
    result += microsoft(11, -12, x, 3, 5.5, 31, 41);
    result += moved(11, 12, 13, 14);
    result += spilled(11, 12);
    return 0;
}
"#;

/// Steps through a kernel, and says at every instruction which arguments it has there.
const STEPS: &str = r#"
import gdb
gdb.execute("set debuginfod enabled off")
gdb.execute("set disable-randomization off")
for name in ["mix", "microsoft", "moved", "spilled"]:
    gdb.execute("break *" + name)
gdb.execute("run")
for name in ["mix", "microsoft", "moved", "spilled"]:
    while True:
        frame = gdb.newest_frame()
        around = []
        while frame.type() == gdb.INLINE_FRAME:
            around.append(str(frame.name()))
            frame = frame.older()
        if frame.name() != name:
            break
        block = frame.block()
        while block.function is None or block.function.name != name:
            block = block.superblock
        values = [s.name + "=" + str(s.value(frame)) for s in block if s.is_argument]
        offset = frame.pc() - int(gdb.parse_and_eval("(unsigned long)&" + name))
        print("AT", name, offset, "<".join(around) or "-", *[v.replace(" ", "") for v in values])
        gdb.execute("stepi", to_string=True)
    gdb.execute("continue", to_string=True)
"#;

#[test]
fn gdb_has_the_arguments_at_every_instruction() {
    if !have(&["gcc", "gdb", "llvm-dwarfdump"]) {
        return;
    }
    let space = Workspace::new("debug_arguments");
    space.file("kernels.peach", ARGUMENTS);
    space.file("program.c", CALLS);
    space.file("steps.py", STEPS);
    let module = module(ARGUMENTS, &SYSV64);
    space.object("kernels.o", &module, ImageFormat::Elf, true);
    let verified = space.run("llvm-dwarfdump --verify kernels.o");
    assert!(verified.contains("No errors"), "{verified}");
    space.run("gcc -g program.c kernels.o -o program");
    let output = space.run("gdb -batch -nx -x steps.py program");
    let right = |name: &str, value: &str| match name {
        "a" | "n" => value == "11",
        "b" => value == "-12",
        "x" => value == "12" || value.starts_with("0x"),
        "x_len" => value == "3",
        "d" => value == "5.5",
        "v" => value == "{21,22}",
        "w" => value == "31",
        "last" => value == "41" || value == "41')'",
        "more" => value == "42",
        "high" => value == "12",
        "low" => value == "13",
        "count" => value == "14",
        _ => false,
    };
    let mut seen: std::collections::BTreeMap<(&str, &str), u32> = std::collections::BTreeMap::new();
    let mut around = std::collections::BTreeSet::new();
    for line in output.lines().filter_map(|line| line.strip_prefix("AT ")) {
        let mut words = line.split(' ');
        let (kernel, offset) = (words.next().unwrap(), words.next().unwrap());
        around.insert((kernel, words.next().unwrap()));
        for word in words {
            let (name, value) = word.split_once('=').expect("a value");
            let is_there = !value.contains("<optimizedout>");
            assert!(!is_there || right(name, value), "{line}");
            assert!(is_there || offset != "0", "{line}");
            *seen.entry((kernel, name)).or_default() += u32::from(is_there);
        }
    }
    assert_eq!(seen.len(), 9 + 7 + 4 + 2, "{output}");
    assert!(seen.values().all(|&count| count > 0), "{seen:?}\n{output}");
    for wanted in [("mix", "-"), ("mix", "twice<four"), ("spilled", "-")] {
        assert!(around.contains(&wanted), "{wanted:?}: {around:?}");
    }
}

#[test]
fn gdb_knows_labels_and_where_helpers_stand() {
    if !have(&["gcc", "gdb"]) {
        return;
    }
    let space = Workspace::new("debug_labels");
    space.file("kernels.peach", ARGUMENTS);
    space.file("program.c", CALLS);
    space.object("kernels.o", &module(ARGUMENTS, &SYSV64), ImageFormat::Elf, true);
    space.run("gcc -g program.c kernels.o -o program");
    space.file(
        "commands",
        "set debuginfod enabled off\nset disable-randomization off\nbreak twice\nrun\nbt\n\
         delete\nbreak mix:short\ncontinue\n",
    );
    let output = space.run("gdb -batch -nx -x commands program");
    let line = |text: &str| line_of(ARGUMENTS, "", text);
    for wanted in [
        "(2 locations)".to_string(),
        "#0  twice () at kernels.peach:2".to_string(),
        format!("four () at kernels.peach:{}", line("    twice(x);")),
        format!("at kernels.peach:{}", line("four(n);")),
        format!("kernels.peach:{}", line("add n, w.lo;")),
    ] {
        assert!(output.contains(&wanted), "{wanted:?} is not in\n{output}");
    }
}
