//! Unwind information for Native Client code, against a simulation of its stack pointer.

use super::kernel;
use peach_compiler::emit::unwind::{Change, changes};
use peach_compiler::ir::{Cfa, Code, Origin};
use peach_compiler::isa::{PhysReg, gp};
use peach_compiler::pipeline::CompiledFunction;

/// Where the stack pointer and the base are, counted from the canonical frame address; `None` where
/// that depends on the caller.
#[derive(Clone, Copy, Debug)]
struct Pointers {
    rsp: Option<i64>,
    rbp: Option<i64>,
    /// In the middle of a sequence that gives `rsp` or `rbp` its value.
    unfinished: bool,
}

impl Pointers {
    fn step(&mut self, text: &str) {
        let moved = |by: i64| self.rsp.map(|rsp| rsp + by);
        let number = || text.rsplit(", ").next().and_then(|n| n.parse::<i64>().ok());
        self.unfinished = false;
        match text.split_once(' ').unwrap_or((text, "")) {
            ("push", _) => self.rsp = moved(-8),
            ("pop", _) => self.rsp = moved(8),
            ("mov", "rbp, rsp") => self.rbp = self.rsp,
            ("mov", "rsp, rbp") => self.rsp = self.rbp,
            ("and", operands) if operands.starts_with("rsp") => self.rsp = None,
            ("add" | "sub", operands) if operands.starts_with("esp") => {
                let by = number().expect("a number");
                self.rsp = moved(if text.starts_with("add") { by } else { -by });
                self.unfinished = true;
            }
            ("mov", operands) if operands.starts_with("ebp") => {
                self.rbp = None;
                self.unfinished = true;
            }
            ("mov", operands) if operands.starts_with("esp") => {
                self.rsp = None;
                self.unfinished = true;
            }
            _ => {}
        }
    }

    /// The canonical frame address by a rule: 0, if the rule is right.
    fn frame_address(&self, rule: Cfa) -> Option<i64> {
        let value = if rule.reg == gp::RSP { self.rsp } else { self.rbp };
        value.map(|value| value + i64::from(rule.offset))
    }
}

#[test]
fn every_boundary_has_its_frame_address() {
    for source in [
        "fn k(a: u64) -> u64 { test a, a; jz 'b; return 1; 'b: return a; }",
        "unsafe fn k(a: u64, f: *const u8) -> u64 { let b: gp64; let c: gp64; mov b, a; mov c, f; test b, 1;
            jz 'b; push b; call c; pop b; call c; return b; 'b: call c; return rax; }",
        "unsafe fn k(a: u64, f: *const u8) -> u64 { let x: [u64; 4] align 64; let b: gp64; mov b, a;
            mov [x], b; call f; test b, 1; jz 'b; return b; 'b: mov rax, [x]; return rax; }",
        "unsafe fn k(a: u64) -> u64 { let x: [u64; 4] align 4096; mov [x], a; mov rax, [x]; return rax; }",
        "unsafe fn k(a: u64) -> u64 { let x: [u64; 9]; mov [x], a; push a; mov rax, [x]; pop a;
            add rax, a; return rax; }",
    ] {
        check(&kernel(source), source);
    }
}

fn check(compiled: &CompiledFunction, source: &str) {
    let encoded = &compiled.encoded;
    let told = changes(&compiled.lowered, encoded);
    let mut told = told.iter().peekable();
    let mut rule = Cfa { reg: gp::RSP, offset: 8 };
    let mut saved: Vec<PhysReg> = Vec::new();
    let mut at = Pointers { rsp: Some(-8), rbp: None, unfinished: false };
    let mut body: Option<(Pointers, Vec<PhysReg>)> = None;
    let mut returned = false;
    for (index, item) in compiled.lowered.items.iter().enumerate() {
        while let Some((_, change)) = told.next_if(|(at, _)| *at <= encoded.item_offsets[index]) {
            match *change {
                Change::Cfa(cfa) => rule = cfa,
                Change::Saved(reg, _) => saved.push(reg),
                Change::Restored(reg) => saved.retain(|other| *other != reg),
            }
        }
        if item.origin != Origin::Prologue && body.is_none() {
            body = Some((at, saved.clone()));
        }
        let Code::Inst(inst) = &item.code else { continue };
        let text = inst.to_string();
        if std::mem::take(&mut returned) {
            let (_, in_body) = body.as_ref().expect("a body");
            assert_eq!(&saved, in_body, "{source}: saved behind a return");
        }
        if !at.unfinished {
            assert_eq!(at.frame_address(rule), Some(0), "{source}: before `{text}`: {rule:?}");
        }
        at.step(&text);
        if text == "jmp r11" && matches!(item.origin, Origin::Epilogue(_)) {
            assert_eq!(at.rsp, Some(0), "{source}: the stack pointer is back");
            assert!(saved.is_empty(), "{source}: {saved:?} are not restored");
            // What follows is reached from the body.
            at = body.as_ref().expect("a body").0;
            returned = true;
        }
    }
}
