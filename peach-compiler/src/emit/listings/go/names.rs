//! What Go's assembler calls an instruction.
//!
//! The manual's names in capitals, with three habits of its own: a letter for the operand size
//! where a general-purpose register or memory has several (`ADDQ`), `L`, `Q` and `O` for the
//! manual's doublewords, quadwords and octets (`PADDL`, `MOVOU`), and conditions of its own (`JLT`,
//! `SETHI`).

use crate::ir::{Instruction, Operand};
use crate::isa::{Bank, PhysReg};

/// The name of `inst`, if there is a rule for it. `bytes` are its encoding.
pub(super) fn name_of(inst: &Instruction<PhysReg>, bytes: &[u8]) -> Option<String> {
    let name = inst.mnemonic.name();
    if let Some((_, go)) = RENAMED.iter().find(|(manual, _)| *manual == name) {
        return Some((*go).to_string());
    }
    let is_whole = gp_size(inst) == Some("Q");
    match name {
        "vmovd" if is_whole => Some("VMOVQ".to_string()),
        _ if is_vex(bytes) => Some(vex_name(inst, name)),
        _ if inst.operands.is_empty() && STRINGS.contains(&name) => {
            Some(format!("{}L", name[..name.len() - 1].to_ascii_uppercase()))
        }
        "movd" => Some(if is_whole { "MOVQ" } else { "MOVL" }.to_string()),
        "movbe" => gp_size(inst).map(|size| format!("MOVBE{size}{size}")),
        "movzx" | "movsx" | "movsxd" => extension(inst, name),
        "cvtsi2sd" => Some(format!("CVTS{}2SD", conversion_size(inst)?)),
        "cvtsi2ss" => Some(format!("CVTS{}2SS", conversion_size(inst)?)),
        "cvtsd2si" | "cvtss2si" | "cvttsd2si" | "cvttss2si" => {
            let from = name[..name.len() - 1].to_ascii_uppercase();
            Some(format!("{from}{}", conversion_size(inst)?))
        }
        _ if SIZED.contains(&name) => sized(inst, name),
        _ => Some(conditional(inst, name).unwrap_or_else(|| name.to_ascii_uppercase())),
    }
}

/// Whether an encoding begins with a VEX or EVEX prefix. (No other instruction begins like that in
/// 64-bit mode.)
pub(super) fn is_vex(bytes: &[u8]) -> bool {
    let prefixes =
        bytes.iter().take_while(|byte| matches!(byte, 0x26 | 0x2E | 0x36 | 0x3E | 0x64..=0x67));
    matches!(bytes.get(prefixes.count()), Some(0xC4 | 0xC5 | 0x62))
}

fn vex_name(inst: &Instruction<PhysReg>, name: &str) -> String {
    let go = name.to_ascii_uppercase();
    if WIDTH_NAMED.contains(&name) {
        return format!("{go}{}", source_width(inst));
    }
    if HALF_WIDTH_NAMED.contains(&name) {
        return format!("{go}{}", source_width(inst).trim_end_matches('Z'));
    }
    if GP_SIZED.contains(&name) {
        return format!("{go}{}", gp_size(inst).unwrap_or("L"));
    }
    if QUAD_NAMED.contains(&name) && gp_size(inst) == Some("Q") {
        return format!("{go}Q");
    }
    go
}

/// The letter of the first general-purpose operand's size, or of sized memory.
fn gp_size(inst: &Instruction<PhysReg>) -> Option<&'static str> {
    let register = inst.operands.iter().find_map(|operand| match operand {
        Operand::Reg(view) if view.class.bank() == Bank::Gp => Some(view.class.bytes()),
        _ => None,
    });
    let memory = || {
        inst.operands.iter().find_map(|operand| match operand {
            Operand::Mem(mem) => mem.size,
            _ => None,
        })
    };
    letter(register.or_else(memory)?)
}

fn letter(bytes: u32) -> Option<&'static str> {
    Some(match bytes {
        1 => "B",
        2 => "W",
        4 => "L",
        8 => "Q",
        _ => return None,
    })
}

/// The letter of a vector source whose width the destination does not determine.
fn source_width(inst: &Instruction<PhysReg>) -> &'static str {
    let source = inst.operands.iter().skip(1).find_map(|operand| match operand {
        Operand::Reg(view) => Some(view.class.bytes()),
        Operand::Mem(mem) => match (mem.broadcast, mem.size) {
            (Some(count), Some(size)) => Some(u32::from(count) * size),
            (_, size) => size,
        },
        _ => None,
    });
    match source {
        Some(16) => "X",
        Some(32) => "Y",
        _ => "Z",
    }
}

/// Whether an instruction shifts or rotates, by a number or by `cl`.
fn is_shift(name: &str) -> bool {
    matches!(name, "shl" | "shr" | "sar" | "rol" | "ror" | "rcl" | "rcr" | "shld" | "shrd")
}

/// An instruction on general-purpose registers or memory: the name and the letter of its size.
fn sized(inst: &Instruction<PhysReg>, name: &str) -> Option<String> {
    let go = match name {
        "shld" => "SHL",
        "shrd" => "SHR",
        "imul" if inst.operands.len() == 3 => "IMUL3",
        _ => return Some(format!("{}{}", name.to_ascii_uppercase(), size_of(inst, name)?)),
    };
    Some(format!("{go}{}", size_of(inst, name)?))
}

fn size_of(inst: &Instruction<PhysReg>, name: &str) -> Option<&'static str> {
    match name {
        _ if is_shift(name) => match &inst.operands[0] {
            Operand::Reg(view) => letter(view.class.bytes()),
            Operand::Mem(mem) => letter(mem.size?),
            _ => None,
        },
        // The source has the size; the destination is whole.
        "crc32" => match &inst.operands[1] {
            Operand::Reg(view) => letter(view.class.bytes()),
            Operand::Mem(mem) => letter(mem.size?),
            _ => None,
        },
        "push" | "pop" => match gp_size(inst) {
            None | Some("Q") => Some("Q"),
            _ => None,
        },
        _ => gp_size(inst),
    }
}

/// `movzx`, `movsx`: from which size to which.
fn extension(inst: &Instruction<PhysReg>, name: &str) -> Option<String> {
    let [Operand::Reg(dst), src] = inst.operands.as_slice() else { return None };
    let from = match src {
        Operand::Reg(view) => view.class.bytes(),
        Operand::Mem(mem) => mem.size.or((name == "movsxd").then_some(4))?,
        _ => return None,
    };
    if from >= dst.class.bytes() {
        return None;
    }
    let kind = if name == "movzx" { "ZX" } else { "SX" };
    Some(format!("MOV{}{}{kind}", letter(from)?, letter(dst.class.bytes())?))
}

/// `setcc`, `cmovcc` and `jcc`.
fn conditional(inst: &Instruction<PhysReg>, name: &str) -> Option<String> {
    let go = |condition: &str| {
        CONDITIONS.iter().find(|(manual, _)| *manual == condition).map(|(_, go)| *go)
    };
    if let Some(condition) = name.strip_prefix("set") {
        return Some(format!("SET{}", go(condition)?));
    }
    if let Some(condition) = name.strip_prefix("cmov") {
        return Some(format!("CMOV{}{}", gp_size(inst)?, go(condition)?));
    }
    Some(format!("J{}", go(name.strip_prefix('j')?)?))
}

/// The size of the general-purpose side of a conversion.
fn conversion_size(inst: &Instruction<PhysReg>) -> Option<&'static str> {
    gp_size(inst).filter(|size| matches!(*size, "L" | "Q"))
}

/// Conditions of the manual and of Go.
const CONDITIONS: &[(&str, &str)] = &[
    ("o", "OS"),
    ("no", "OC"),
    ("b", "CS"),
    ("ae", "CC"),
    ("e", "EQ"),
    ("ne", "NE"),
    ("be", "LS"),
    ("a", "HI"),
    ("s", "MI"),
    ("ns", "PL"),
    ("p", "PS"),
    ("np", "PC"),
    ("l", "LT"),
    ("ge", "GE"),
    ("le", "LE"),
    ("g", "GT"),
];

/// Instructions whose name gets the letter of a size.
const SIZED: &[&str] = &[
    "adc", "adcx", "add", "adox", "and", "bsf", "bsr", "bswap", "bt", "btc", "btr", "bts", "cmp",
    "cmpxchg", "crc32", "dec", "div", "idiv", "imul", "inc", "lea", "lzcnt", "mov", "movnti",
    "mul", "neg", "not", "or", "pop", "popcnt", "push", "rcl", "rcr", "rol", "ror", "sar", "sbb",
    "shl", "shld", "shr", "shrd", "sub", "test", "tzcnt", "xadd", "xchg", "xor", "rdrand",
    "rdseed", "rdfsbase", "rdgsbase", "wrfsbase", "wrgsbase",
];

/// String instructions on doublewords.
const STRINGS: &[&str] = &["cmpsd", "insd", "lodsd", "movsd", "outsd", "scasd", "stosd"];

/// The same of VEX instructions.
const GP_SIZED: &[&str] = &[
    "andn",
    "bextr",
    "blsi",
    "blsmsk",
    "blsr",
    "bzhi",
    "mulx",
    "pdep",
    "pext",
    "rorx",
    "sarx",
    "shlx",
    "shrx",
    "vcvtsi2sd",
    "vcvtsi2ss",
    "vcvtusi2sd",
    "vcvtusi2ss",
    "vcvtsd2usi",
    "vcvtss2usi",
    "vcvttsd2usi",
    "vcvttss2usi",
];

/// VEX instructions whose name gets a `Q` on 64-bit registers alone.
const QUAD_NAMED: &[&str] = &["vcvtsd2si", "vcvtss2si", "vcvttsd2si", "vcvttss2si"];

/// VEX instructions that have a name for every width of their source.
const WIDTH_NAMED: &[&str] = &["vfpclasspd", "vfpclassps"];

/// VEX instructions that have a name for every width of their source but the widest.
const HALF_WIDTH_NAMED: &[&str] = &[
    "vcvtpd2dq",
    "vcvtpd2ps",
    "vcvtpd2udq",
    "vcvtqq2ps",
    "vcvttpd2dq",
    "vcvttpd2udq",
    "vcvtuqq2ps",
];

/// Names that differ.
const RENAMED: &[(&str, &str)] = &[
    ("cvtdq2pd", "CVTPL2PD"),
    ("cvtdq2ps", "CVTPL2PS"),
    ("cvtpd2dq", "CVTPD2PL"),
    ("cvtps2dq", "CVTPS2PL"),
    ("cvttpd2dq", "CVTTPD2PL"),
    ("cvttps2dq", "CVTTPS2PL"),
    ("maskmovdqu", "MASKMOVOU"),
    ("movdqa", "MOVO"),
    ("movdqu", "MOVOU"),
    ("movntdq", "MOVNTO"),
    ("packssdw", "PACKSSLW"),
    ("paddd", "PADDL"),
    ("pcmpeqd", "PCMPEQL"),
    ("pcmpgtd", "PCMPGTL"),
    ("pmaddwd", "PMADDWL"),
    ("pmuludq", "PMULULQ"),
    ("pslld", "PSLLL"),
    ("pslldq", "PSLLO"),
    ("psrad", "PSRAL"),
    ("psrld", "PSRLL"),
    ("psrldq", "PSRLO"),
    ("psubd", "PSUBL"),
    ("punpckhdq", "PUNPCKHLQ"),
    ("punpckhwd", "PUNPCKHWL"),
    ("punpckldq", "PUNPCKLLQ"),
    ("punpcklwd", "PUNPCKLWL"),
];
