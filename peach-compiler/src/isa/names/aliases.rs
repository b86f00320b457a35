//! The names that iced's table lacks: aliases and pseudo-ops.
//!
//! Sources: Intel SDM volume 2 (pseudo-op tables of CMPPS, VCMPPS, VPCMPB, PCLMULQDQ), AMD APM
//! volume 4 (VPCOMB) and volume 3 (condition codes), and GNU as.

/// Other names of the same instruction: alias, canonical name.
#[rustfmt::skip]
pub(in crate::isa) const ALIASES: [(&str, &str); 83] = [
    // Condition codes (Intel SDM volume 2, appendix B, table B-10).
    ("cmovc", "cmovb"), ("cmovnae", "cmovb"), ("cmovnc", "cmovae"), ("cmovnb", "cmovae"),
    ("cmovz", "cmove"), ("cmovnz", "cmovne"), ("cmovna", "cmovbe"), ("cmovnbe", "cmova"),
    ("cmovpe", "cmovp"), ("cmovpo", "cmovnp"), ("cmovnge", "cmovl"), ("cmovnl", "cmovge"),
    ("cmovng", "cmovle"), ("cmovnle", "cmovg"),
    ("jc", "jb"), ("jnae", "jb"), ("jnc", "jae"), ("jnb", "jae"),
    ("jz", "je"), ("jnz", "jne"), ("jna", "jbe"), ("jnbe", "ja"),
    ("jpe", "jp"), ("jpo", "jnp"), ("jnge", "jl"), ("jnl", "jge"),
    ("jng", "jle"), ("jnle", "jg"),
    ("setc", "setb"), ("setnae", "setb"), ("setnc", "setae"), ("setnb", "setae"),
    ("setz", "sete"), ("setnz", "setne"), ("setna", "setbe"), ("setnbe", "seta"),
    ("setpe", "setp"), ("setpo", "setnp"), ("setnge", "setl"), ("setnl", "setge"),
    ("setng", "setle"), ("setnle", "setg"),
    // The same of CMPccXADD, which GNU as has.
    ("cmpaexadd", "cmpnbxadd"), ("cmpaxadd", "cmpnbexadd"), ("cmpexadd", "cmpzxadd"),
    ("cmpgexadd", "cmpnlxadd"), ("cmpgxadd", "cmpnlexadd"), ("cmpnexadd", "cmpnzxadd"),
    ("loopz", "loope"), ("loopnz", "loopne"),
    // Other spellings of the manuals.
    ("xlat", "xlatb"), ("fwait", "wait"), ("icebp", "int1"), ("ud2a", "ud2"), ("ud2b", "ud1"),
    ("xstorerng", "xstore"), ("sysexitd", "sysexit"), ("sysretd", "sysret"),
    // GNU as accepts the operand-size suffix of 64-bit instructions in Intel syntax too.
    ("pushq", "push"), ("popq", "pop"), ("callq", "call"), ("jmpq", "jmp"), ("retq", "ret"),
    ("leaveq", "leave"), ("enterq", "enter"),
    ("fxsaveq", "fxsave64"), ("fxrstorq", "fxrstor64"), ("xsaveq", "xsave64"),
    ("xrstorq", "xrstor64"), ("xsaveoptq", "xsaveopt64"), ("xsavecq", "xsavec64"),
    ("xsavesq", "xsaves64"), ("xrstorsq", "xrstors64"),
    ("cmpxchg16", "cmpxchg16b"), ("cmpxchg8", "cmpxchg8b"),
    ("retn", "ret"), ("retnq", "ret"), ("lretd", "retf"), ("lretq", "retfq"),
    // GNU objdump's names of the forms with REX.W.
    ("pcmpestriq", "pcmpestri64"), ("pcmpestrmq", "pcmpestrm64"),
    ("vpcmpestriq", "vpcmpestri64"), ("vpcmpestrmq", "vpcmpestrm64"),
];

/// The string instructions, whose operands say which size they have: `movs` is `movsb`, `movsw`,
/// `movsd` or `movsq`.
pub(in crate::isa) const STRINGS: [&str; 7] =
    ["movs", "cmps", "lods", "stos", "scas", "ins", "outs"];

/// The predicates of VCMPPS by number (Intel SDM volume 2, VCMPPS): the long name, and the short
/// one where there is one.
#[rustfmt::skip]
pub(in crate::isa) const PREDICATES: [(&str, &str); 32] = [
    ("eq_oq", "eq"), ("lt_os", "lt"), ("le_os", "le"), ("unord_q", "unord"),
    ("neq_uq", "neq"), ("nlt_us", "nlt"), ("nle_us", "nle"), ("ord_q", "ord"),
    ("eq_uq", ""), ("nge_us", "nge"), ("ngt_us", "ngt"), ("false_oq", "false"),
    ("neq_oq", ""), ("ge_os", "ge"), ("gt_os", "gt"), ("true_uq", "true"),
    ("eq_os", ""), ("lt_oq", ""), ("le_oq", ""), ("unord_s", ""),
    ("neq_us", ""), ("nlt_uq", ""), ("nle_uq", ""), ("ord_s", ""),
    ("eq_us", ""), ("nge_uq", ""), ("ngt_uq", ""), ("false_os", ""),
    ("neq_os", ""), ("ge_oq", ""), ("gt_oq", ""), ("true_us", ""),
];

/// The elements that VCMP compares.
pub(in crate::isa) const FLOAT_SUFFIXES: [&str; 7] = ["ps", "pd", "ss", "sd", "ph", "sh", "bf16"];

/// Calls `define(name, base, imm)` for every pseudo-op: `name` is `base` with immediate `imm`.
pub(in crate::isa) fn pseudo_ops(mut define: impl FnMut(String, &str, u8)) {
    for (imm, (long, short)) in (0u8..).zip(PREDICATES) {
        for suffix in FLOAT_SUFFIXES {
            let predicate = if short.is_empty() { long } else { short };
            define(format!("vcmp{predicate}{suffix}"), &format!("vcmp{suffix}"), imm);
            // SSE has the first eight only, and no half floats.
            if imm < 8 && matches!(suffix, "ps" | "pd" | "ss" | "sd") {
                define(format!("cmp{predicate}{suffix}"), &format!("cmp{suffix}"), imm);
            }
        }
    }
    for element in ["b", "w", "d", "q", "ub", "uw", "ud", "uq"] {
        let base = format!("vpcmp{element}");
        for (imm, predicate) in
            [(0, "eq"), (1, "lt"), (2, "le"), (4, "neq"), (5, "nlt"), (6, "nle")]
        {
            // VPCMPEQB … VPCMPEQQ are instructions of their own.
            if imm != 0 || element.starts_with('u') {
                define(format!("vpcmp{predicate}{element}"), &base, imm);
            }
        }
        let names = ["lt", "le", "gt", "ge", "eq", "neq", "false", "true"];
        for (imm, predicate) in (0u8..).zip(names) {
            define(format!("vpcom{predicate}{element}"), &format!("vpcom{element}"), imm);
        }
    }
    for (imm, halves) in [(0x00, "lqlq"), (0x01, "hqlq"), (0x10, "lqhq"), (0x11, "hqhq")] {
        define(format!("pclmul{halves}dq"), "pclmulqdq", imm);
        define(format!("vpclmul{halves}dq"), "vpclmulqdq", imm);
    }
}
