//! The same text, bundles included, through GNU as: every instruction has the same bytes at the
//! same place.
//!
//! Branches and operands relative to `rip` are given as bytes (what they mean is compared when the
//! code is decoded again), and so are encodings that are longer than they need be, and the padding
//! in front of calls, for which GNU as has no directive.

use super::kernel;
use peach_compiler::ir::{Base, BranchSize, Code, Instruction, Operand};
use peach_compiler::isa::{self, PhysReg};
use peach_compiler::pipeline::CompiledFunction;
use peach_testing::tools::have;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const KERNELS: [&str; 6] = [
    "unsafe fn k(p: *mut u64, i: u64) -> u64 { mov rax, [p]; mov rcx, [p + i*8 + 64]; add rax, [p - 8];
        mov [p + i], rax; lock add dword [p + 4], 3; movups xmm0, [p + 4096]; xchg [p], rcx;
        return rax; }",
    "unsafe fn k(p: *mut u64, i: u64) -> u64 { let buf: [u64; 8] align 64; mov [buf + i*8], i;
        push i; push [p + i]; pop [p]; pop i; mov rax, [buf]; return rax; }",
    "unsafe fn k(p: *const u8, q: *mut u8, n: u64) { mov eax, 7; mov rcx, n; mov rsi, p; mov rdi, q; rep movsb;
        stosd; repne scasb; lodsq; return; }",
    "unsafe fn k(n: u64, p: *mut u64) -> u64 { xor eax, eax; 'next: { test n, 1; jz 'even;
        for i in 0..9 { add rax, [p + 8*i]; } 'even: for i in 0..9 { add qword [p + 8*i], 1; }
        dec n; jnz continue 'next; } return rax; }",
    "#[spill] fn k(a: u64) -> u64 { let t: [gp64; 24]; for i in 0..24 { lea t[i], [a + i]; }
        for i in 1..24 { imul a, t[i]; add t[0], t[i]; } add a, t[0]; return a; }",
    "unsafe fn k(f: *const u8, p: *const u64) -> u64 { let q: gp64 = p; let g: gp64 = f; call g;
        call [q + 8]; mov rdi, rax; call [q + rax*8]; add rax, q; return rax; }",
];

#[test]
fn gnu_as_agrees() {
    if have(&["as", "objcopy"]) {
        for (index, source) in KERNELS.iter().enumerate() {
            compare(&kernel(source), &format!("as-{index}"));
        }
    }
}

fn compare(compiled: &CompiledFunction, name: &str) {
    let text = text(compiled);
    let bytes = assemble(&text, name);
    let encoded = &compiled.encoded;
    let items = &compiled.lowered.items;
    let last = items.iter().rposition(|item| matches!(item.code, Code::Inst(_))).expect("code");
    assert_eq!(bytes.len(), encoded.item_offsets[last + 1] as usize, "{name}: {text}");
    for (index, item) in items.iter().enumerate() {
        if let Code::Inst(inst) = &item.code {
            let range =
                encoded.item_offsets[index] as usize..encoded.item_offsets[index + 1] as usize;
            assert_eq!(bytes[range.clone()], encoded.bytes[range.clone()], "{name}: `{inst}`");
        }
    }
}

fn text(compiled: &CompiledFunction) -> String {
    let encoded = &compiled.encoded;
    let mut text = String::from(".intel_syntax noprefix\n.bundle_align_mode 5\n");
    let mut locked = 0;
    for (index, item) in compiled.lowered.items.iter().enumerate() {
        match &item.code {
            Code::Group(group) => {
                let range = &encoded.item_offsets[index..index + 2];
                if group.at_end {
                    let _ = writeln!(text, ".fill {}, 1, 0x90", range[1] - range[0]);
                }
                text.push_str(".bundle_lock\n");
                locked = group.items;
                continue;
            }
            Code::Inst(inst) => {
                let start = encoded.item_offsets[index] as usize;
                let bytes = &encoded.bytes[start..encoded.item_offsets[index + 1] as usize];
                match as_text(inst, bytes.len(), compiled) {
                    Some(line) => text.push_str(&line),
                    None => {
                        let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
                        let _ = write!(text, ".byte {}", list.join(", "));
                    }
                }
                text.push('\n');
            }
            Code::Align(bytes) if index + 1 < compiled.lowered.items.len() => {
                let _ = writeln!(text, ".balign {bytes}");
            }
            _ => {}
        }
        if locked > 0 {
            locked -= 1;
            if locked == 0 {
                text.push_str(".bundle_unlock\n");
            }
        }
    }
    text
}

/// The instruction as these assemblers write it, where they would give it so many bytes.
fn as_text(
    inst: &Instruction<PhysReg>,
    length: usize,
    compiled: &CompiledFunction,
) -> Option<String> {
    let relative = |operand: &Operand<PhysReg>| match operand {
        Operand::Mem(mem) => matches!(mem.base, Base::Data(_) | Base::Rip),
        Operand::Label(_) | Operand::Relative(_) => true,
        _ => false,
    };
    if inst.operands.iter().any(relative) {
        return None;
    }
    let shortest = isa::encode(inst, &compiled.function.features, BranchSize::Short).ok()?;
    if shortest.bytes.len() != length {
        return None;
    }
    let mut line = inst.to_string();
    for size in ["byte", "word", "dword", "qword", "xmmword", "ymmword"] {
        line = line.replace(&format!(" {size} ["), &format!(" {size} ptr ["));
    }
    Some(line)
}

fn assemble(text: &str, name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("nacl");
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    let path = |extension: &str| -> PathBuf { folder.join(name).with_extension(extension) };
    std::fs::write(path("s"), text).expect("the text can be written");
    run(Command::new("as").arg("-o").arg(path("o")).arg(path("s")), text);
    let copy = ["-O", "binary", "-j", ".text"];
    run(Command::new("objcopy").args(copy).arg(path("o")).arg(path("bin")), text);
    std::fs::read(path("bin")).expect("the bytes can be read")
}

pub fn run(command: &mut Command, text: &str) -> String {
    let output = command.output().expect("the tool can be started");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {told}\n{text}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
