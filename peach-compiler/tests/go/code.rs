//! What Go's assembler makes of a listing, compared with our own bytes.

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
use peach_compiler::emit::Module;
use peach_compiler::emit::module::ModuleFunction;
use peach_compiler::ir::{Code, DataContent};
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;

/// The code of every function that a listing defines, by symbol.
pub fn assemble(listing: &str, name: &str) -> HashMap<String, Vec<u8>> {
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let source = scratch.join(format!("{name}.s"));
    std::fs::write(&source, listing).expect("a scratch file");
    let root = Command::new("go").args(["env", "GOROOT"]).output().expect("go runs").stdout;
    let root = PathBuf::from(String::from_utf8(root).expect("a path").trim());
    let output = Command::new("go")
        .args(["tool", "asm", "-S", "-p", "kernels", "-I"])
        .arg(root.join("pkg/include"))
        .arg("-o")
        .arg(scratch.join(format!("{name}.o")))
        .arg(&source)
        .output()
        .expect("go runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {text}{errors}", source.display());
    read(&text)
}

/// Reads the assembler's own listing: a heading for every symbol, its instructions, its bytes.
fn read(text: &str) -> HashMap<String, Vec<u8>> {
    let mut functions: HashMap<String, Vec<u8>> = HashMap::new();
    let mut current = None;
    for line in text.lines() {
        if let Some((symbol, _)) = line.split_once(" STEXT ") {
            let name = symbol
                .trim_start_matches("\"\".")
                .trim_start_matches("kernels.")
                .trim_end_matches("<>");
            current = Some(name.to_string());
        } else if !line.starts_with('\t') {
            current = None;
        }
        let (Some(symbol), Some(rest)) = (&current, line.strip_prefix("\t0x")) else { continue };
        if line.contains(".s:") {
            continue;
        }
        let bytes = rest.split_whitespace().skip(1).take(16).take_while(|field| field.len() == 2);
        let bytes = bytes.map_while(|field| u8::from_str_radix(field, 16).ok());
        functions.entry(symbol.clone()).or_default().extend(bytes);
    }
    functions
}

/// Fails unless the assembler has made of every function what we make, but for the lengths of
/// branches and what is between instructions.
pub fn compare(module: &Module, listing: &str, name: &str) {
    let made = assemble(listing, name);
    for function in &module.functions {
        let symbol = &function.symbol;
        let compiled = &function.compiled;
        let ours = &compiled.encoded.bytes[..compiled.encoded.code_len];
        if let Some(body) = made.get(&format!("{symbol}_body")) {
            assert_eq!(body[..], compiled.encoded.bytes, "{symbol}");
            continue;
        }
        let theirs = made.get(symbol).unwrap_or_else(|| panic!("{symbol} is not in the object"));
        if has_jumps(function) {
            assert_eq!(theirs[..], compiled.encoded.bytes, "{symbol}");
            continue;
        }
        let asks_for_stack = compiled.lowered.frame.size >= 112;
        let (ours, theirs) = (meanings(ours), meanings(theirs));
        // Before the frame, the assembler asks for it, and after the code it gets it.
        let start = match asks_for_stack {
            true => theirs.iter().position(|line| *line == ours[0]).expect("a frame"),
            false => 0,
        };
        let theirs = &theirs[start..start + ours.len()];
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert_eq!(ours, theirs, "{symbol}: {listing}");
        }
    }
}

fn has_jumps(function: &ModuleFunction) -> bool {
    let compiled = &function.compiled;
    let tables = compiled.lowered.data.iter().any(|d| matches!(d.content, DataContent::Jumps(_)));
    tables || compiled.lowered.items.iter().any(|item| matches!(item.code, Code::Group(_)))
}

/// The instructions in `code`, without padding, and without distances.
fn meanings(code: &[u8]) -> Vec<String> {
    let decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
    decoder.into_iter().filter(|inst| !is_padding(inst)).map(|inst| meaning(&inst)).collect()
}

fn is_padding(inst: &Instruction) -> bool {
    inst.mnemonic() == Mnemonic::Nop && inst.len() > 1
}

fn meaning(inst: &Instruction) -> String {
    let operands = (0..inst.op_count()).map(|n| match inst.op_kind(n) {
        OpKind::Register => format!("{:?}", inst.op_register(n)),
        OpKind::NearBranch64 => "target".to_string(),
        OpKind::Memory => format!(
            "[{:?} + {:?}*{} + {:x}]",
            inst.memory_base(),
            inst.memory_index(),
            inst.memory_index_scale(),
            // The linker fills it in.
            if inst.memory_base() == Register::RIP { 0 } else { inst.memory_displacement64() }
        ),
        kind => format!("{kind:?} {:x}", inst.try_immediate(n).unwrap_or(0)),
    });
    let operands: Vec<String> = operands.collect();
    format!(
        "{:?} {} {:?} {} {} {:?} {} {} {}",
        inst.mnemonic(),
        operands.join(", "),
        inst.op_mask(),
        inst.zeroing_masking(),
        inst.is_broadcast(),
        inst.rounding_control(),
        inst.has_lock_prefix(),
        inst.has_rep_prefix(),
        inst.has_repne_prefix()
    )
}
