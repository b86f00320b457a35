//! Every form of every instruction: what the compiler refuses in a sandbox is what the validator
//! refuses, whose tables it does not share.

#[path = "../../peach-compiler/tests/encoding/generate.rs"]
mod generate;

use peach_compiler::abi::NACL;
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::encode;
use peach_compiler::ir::{
    Base, Code, Frame, InstId, Instruction, Item, Lowered, Mem, Operand, Origin, View,
};
use peach_compiler::isa::{self, Effects, FeatureSet, Flags, PhysReg, gp};
use peach_compiler::sandbox::{refusal, sandboxed, validate};
use proc_macro2::Span;

#[test]
fn what_is_refused_is_what_is_invalid() {
    let features = NACL.sandbox.expect("it is a sandbox").features();
    let (mut accepted, mut refused, mut wrong) = (0, 0, Vec::new());
    for inst in generate::corpus() {
        let Ok(selection) = isa::select(&inst, &features) else { continue };
        let effects = isa::effects(&inst, &selection);
        if is_reported_elsewhere(&inst, &effects) {
            continue;
        }
        let found = refusal(&inst, &effects, Flags::default());
        let validity = match found.as_ref().and_then(|refusal| refusal.operand) {
            // Addresses that cannot be rewritten.
            Some(operand) if matches!(inst.operands[operand], Operand::Mem(_)) => {
                refused += 1;
                continue;
            }
            _ if found.is_some() => validity(&simplified(&inst), &features, false),
            _ => validity(&inst, &features, true),
        };
        let Some(validity) = validity else { continue };
        match (&found, &validity) {
            (None, Ok(())) => accepted += 1,
            (Some(_), Err(_)) => refused += 1,
            (None, Err(why)) => wrong.push(format!("`{inst}` is not refused, but {why}")),
            (Some(why), Ok(())) => wrong.push(format!("`{inst}` is valid, but {}", why.what)),
        }
    }
    println!("{accepted} instructions are accepted and valid, {refused} are refused and invalid");
    wrong.dedup_by_key(|text: &mut String| text.split([' ', '`']).nth(1).map(str::to_string));
    let shown: Vec<&String> = wrong.iter().take(60).collect();
    assert!(wrong.is_empty(), "{} differ, such as {shown:#?}", wrong.len());
    assert!(accepted > 1000 && refused > 100);
}

/// Uses of reserved registers, and of the stack pointer.
fn is_reported_elsewhere(inst: &Instruction<PhysReg>, effects: &Effects<PhysReg>) -> bool {
    let named = |view: &View<PhysReg>| [gp::RSP, gp::RBP, gp::R11, gp::R15].contains(&view.reg);
    let named = inst.operands.iter().any(|operand| match operand {
        Operand::Reg(view) => named(view),
        Operand::Mem(mem) => {
            let base = matches!(&mem.base, Base::Reg(view) if named(view));
            base || mem.index.is_some_and(|(view, _)| named(&view))
        }
        Operand::Relative(_) | Operand::Label(_) => true,
        _ => false,
    });
    let moves_stack = effects.stack == 0
        && effects.regs.iter().any(|a| a.reg == gp::RSP && !(a.write | a.may_write).is_empty());
    // A program spells `ret` as `return`.
    named || moves_stack || matches!(inst.mnemonic.name(), "ret" | "retw")
}

/// The instruction with an address that any sandbox accepts.
fn simplified(inst: &Instruction<PhysReg>) -> Instruction<PhysReg> {
    let mut inst = inst.clone();
    for operand in &mut inst.operands {
        if let Operand::Mem(mem) = operand {
            *mem = Mem { size: mem.size, ..Mem::new(generate::base(gp::R15), 0) };
        }
    }
    inst
}

/// What the validator says of the instruction's code; `None` if it cannot be encoded.
fn validity(
    inst: &Instruction<PhysReg>,
    features: &FeatureSet,
    rewritten: bool,
) -> Option<Result<(), String>> {
    let item = Item {
        code: Code::Inst(inst.clone()),
        origin: Origin::Author(InstId(0)),
        span: Span::call_site(),
    };
    let lowered = Lowered {
        local_fns: Vec::new(),
        name: "k".to_string(),
        convention: &NACL,
        undefined: Vec::new(),
        items: vec![item],
        label_count: 0,
        data: Vec::new(),
        rust_consts: Vec::new(),
        rust_syms: Vec::new(),
        in_text: false,
        frame: Frame { cfa: Vec::new(), ..Frame::default() },
    };
    let lowered = if rewritten { sandboxed(lowered, features) } else { lowered };
    let encoded = encode::encode(&lowered, features, &mut Diagnostics::new())?;
    if let Err(difference) = encode::verify(&lowered, &encoded) {
        return Some(Err(format!("it is encoded as another: {difference}")));
    }
    let code = &encoded.bytes[..encoded.code_len];
    Some(validate(code).map_err(|violation| violation.to_string()))
}
