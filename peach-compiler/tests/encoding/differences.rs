//! Where other assemblers answer differently, and why. Whatever is not in this table is a mistake.

use super::corpus::Case;
use super::newer::NEWER;
use super::oracle::Answer;
use super::own::is_own;
use peach_compiler::ir::{Base, Instruction, Mem, Operand, Prefixes, View};
use peach_compiler::isa::{Bank, Class, PhysReg};

/// One reason to differ.
pub struct Difference {
    /// Why, for the reader of the report.
    pub why: &'static str,
    /// Whether it is the reason in this case, given what the other assembler answered.
    pub applies: fn(&Case, &Answer) -> bool,
}

/// GNU as 2.40.
pub const GNU: &[Difference] = &[
    Difference {
        why: "`mov r64, imm`: the number is unsigned and has 32 bits, which we write by the shorter \
              instruction (GNU as with `-O` too)",
        applies: |case, other| {
            case.name() == "mov" && is_longer(case, other) && has_register_and_number(case)
        },
    },
    Difference {
        why: "`[r*2]`: NASM and we take `[r + r]` where it is shorter",
        applies: |case, other| is_longer(case, other) && has_index_alone(case),
    },
    Difference {
        why: "VEX before EVEX: GNU as and LLVM take EVEX for AVX-VNNI, AVX-IFMA and \
              AVX-NE-CONVERT unless told `{vex}`; the language's rule has no such exception",
        applies: |case, other| prefers_evex(case, other),
    },
    Difference {
        why: "GNU as cuts numbers that do not fit; we refuse them",
        applies: |case, other| other.is_some() && case.is_refused_with("does not fit"),
    },
    Difference {
        why: "prefixes that mean nothing on the instruction, or make another one of it (`rep bsf` \
              is `tzcnt`): we refuse them",
        applies: |case, other| other.is_some() && refused_prefix(case),
    },
    Difference {
        why: "`bnd jmp` short: the SDM gives BND a meaning on the near form only",
        applies: |case, other| case.inst.prefixes.bnd && *other == Some(vec![0xf2, 0xeb, 0x10]),
    },
    Difference {
        why: "EVEX `vmovq` with memory: GNU as takes 6E and 7E; LLVM and we take 7E and D6",
        applies: |case, other| case.name() == "vmovq" && other.is_some() && case.has_byte(0x62),
    },
    Difference {
        why: "newer than GNU as 2.40; see the comparison with rustc's LLVM",
        applies: |case, other| {
            other.is_none() && (NEWER.contains(&case.name()) || is_own(&case.inst))
        },
    },
    Difference {
        why: "GNU as has no word for the size of this memory operand and takes it unsized only",
        applies: |case, other| other.is_none() && has_odd_size(case),
    },
    Difference {
        why: "a wider register than what is used of it: rows of the manual (r32/m16, r64/m16) that \
              GNU as lacks",
        applies: |case, other| other.is_none() && has_idle_r64(case),
    },
    Difference {
        why: "operands that the manual writes in angle brackets may be written",
        applies: |case, other| {
            let names = ["loadiwkey", "tpause", "umwait", "hreset"];
            other.is_none() && names.contains(&case.name()) && case.inst.operands.len() > 1
        },
    },
    Difference {
        why: "x87 instructions on `st0` may name it",
        applies: |case, other| {
            let names = ["fcom", "fcomp", "fucom", "fucomp", "fxch"];
            other.is_none() && names.contains(&case.name())
        },
    },
    Difference {
        why: "XOP and LWP control words have 32 bits that are not extended: 0x80000000 is one",
        applies: |case, other| {
            other.is_none() && ["bextr", "lwpins", "lwpval"].contains(&case.name())
        },
    },
    Difference {
        why: "`mov cs, r` is an invalid opcode",
        applies: |case, other| is_mov_cs(case) && other.is_some(),
    },
    Difference {
        why: "a block of registers (`k2` of a pair, `zmm4` of four) is named by its first",
        applies: |case, other| {
            let name = case.name();
            let has_block = name.starts_with("vp2intersect")
                || name.starts_with("v4f")
                || name.starts_with("vp4d");
            has_block && other.is_some() && case.is_refused_with("can encode")
        },
    },
    Difference {
        why: "x87 instructions whose operands GNU as and LLVM supply or exchange, but not the manual",
        applies: |case, other| {
            let names = [
                "fadd", "fmul", "fsub", "fsubr", "fdiv", "fdivr", "fnstsw", "fstsw", "fcomi",
                "fcomip", "fucomi", "fucomip", "faddp", "fmulp", "fsubp", "fsubrp", "fdivp",
                "fdivrp",
            ];
            other.is_some() && case.ours.is_err() && names.contains(&case.name())
        },
    },
    Difference {
        why: "GNU as drops a rounding mode that the instruction does not take; we refuse it",
        applies: |case, other| other.is_some() && case.is_refused_with("takes neither rounding"),
    },
    Difference {
        why: "registers that the manual wants to be different: GNU as warns, we refuse",
        applies: |case, other| other.is_some() && case.is_refused_with("different"),
    },
    Difference {
        why: "`movsx r32, r32`: the manual has `movsxd` for it",
        applies: |case, other| {
            case.name() == "movsx" && other.as_ref().is_some_and(|b| b.contains(&0x63))
        },
    },
    Difference {
        why: "control registers that do not exist",
        applies: |case, other| other.is_some() && case.is_refused_with("can encode `cr"),
    },
    Difference {
        why: "GNU as reads `movq`, `movd`, `movsxd` as `mov` and `movsx` with a suffix of AT&T's",
        applies: |case, other| {
            let names = ["movq", "movd", "movsxd"];
            names.contains(&case.name()) && other.is_some() && case.is_refused_with("no form")
        },
    },
    Difference {
        why: "a number as the target of `jmp` and `call` is a displacement, never an immediate",
        applies: |case, _| {
            let is_number = matches!(case.inst.operands.first(), Some(Operand::Imm(_)));
            ["jmp", "call"].contains(&case.name()) && is_number
        },
    },
    Difference {
        why: "`shld r, r` for `shld r, r, cl`: not in the manual",
        applies: |case, other| {
            ["shld", "shrd"].contains(&case.name())
                && other.is_some()
                && case.inst.operands.len() == 2
        },
    },
    Difference {
        why: "GNU as wants a suffix or does not know the manual's name",
        applies: |case, other| {
            let names = [
                "sysexit",
                "sysret",
                "getsecq",
                "ud0",
                "ccs_hash",
                "ccs_encrypt",
                "xsha512",
                "movsxd",
            ];
            other.is_none() && names.contains(&case.name())
        },
    },
    Difference {
        why: "`lar` and `lsl` of a 16-bit register into a wider one: the manual has r32 and r64",
        applies: |case, other| ["lar", "lsl"].contains(&case.name()) && other.is_some(),
    },
    Difference {
        why: "`movsd [m], [m]`: string instructions are written without operands",
        applies: |case, other| {
            let all_memory = case.inst.operands.iter().all(|o| matches!(o, Operand::Mem(_)));
            ["movsd", "cmpsd"].contains(&case.name()) && all_memory && other.is_some()
        },
    },
    Difference {
        why: "GNU as alone takes operands that no form of the manual has; LLVM refuses them too",
        applies: |case, other| {
            other.is_some() && case.llvm.is_none() && case.is_refused_with("no form accepts")
        },
    },
];

fn is_longer(case: &Case, other: &Answer) -> bool {
    let ours = case.ours.as_ref().map_or(usize::MAX, Vec::len);
    other.as_ref().is_some_and(|other| other.len() > ours)
}

fn has_register_and_number(case: &Case) -> bool {
    matches!(
        case.inst.operands[..],
        [Operand::Reg(View { class: Class::Gp64, .. }), Operand::Imm(0..=0xffff_ffff)]
    )
}

fn has_index_alone(case: &Case) -> bool {
    is_index_alone(&case.inst)
}

/// Whether an address has an index times 1 or 2 and no base.
pub fn is_index_alone(inst: &Instruction<PhysReg>) -> bool {
    inst.operands.iter().any(|operand| {
        matches!(operand, Operand::Mem(Mem { base: Base::None, index: Some((_, 1 | 2)), .. }))
    })
}

fn is_mov_cs(case: &Case) -> bool {
    let cs = PhysReg::new(Bank::Segment, 1);
    case.name() == "mov" && matches!(case.inst.operands[0], Operand::Reg(view) if view.reg == cs)
}

/// llvm-mc 14, where GNU as agrees with us or does not know the line.
pub const LLVM: &[Difference] = &[
    Difference {
        why: "`mov r64, imm`: the number is unsigned and has 32 bits, which we write by the shorter \
              instruction",
        applies: |case, other| {
            case.name() == "mov" && is_longer(case, other) && has_register_and_number(case)
        },
    },
    Difference {
        why: "`[r*2]`: NASM and we take `[r + r]` where it is shorter",
        applies: |case, other| is_longer(case, other) && has_index_alone(case),
    },
    Difference {
        why: "VEX before EVEX, as above",
        applies: |case, other| prefers_evex(case, other),
    },
    Difference {
        why: "llvm-mc shows branches with unresolved fields",
        applies: |case, _| case.inst.operands.iter().any(|o| matches!(o, Operand::Relative(_))),
    },
    Difference {
        why: "LLVM keeps `ds:` and `ss:` where they are the default; GNU as and we leave them out",
        applies: |case, other| other.as_ref().is_some_and(|bytes| drops_segment(case, bytes)),
    },
    Difference {
        why: "LLVM writes prefixes in the order of the text",
        applies: |case, other| other.as_ref().is_some_and(|bytes| same_but_order(case, bytes)),
    },
    Difference {
        why: "LLVM writes REX.W with segment and system registers, where it means nothing",
        applies: |case, other| {
            let names = ["mov", "sldt", "str"];
            other.as_ref().is_some_and(|b| b[0] & 0xf8 == 0x48) && names.contains(&case.name())
        },
    },
    Difference {
        why: "LLVM writes the operand-size prefix with `mov sreg, r16`, where it means nothing",
        applies: |case, other| {
            let longer = other.as_ref().and_then(|bytes| bytes.strip_prefix(&[0x66]));
            case.name() == "mov" && case.ours.as_ref().is_ok_and(|ours| longer == Some(ours))
        },
    },
    Difference {
        why: "`mov cs, r` is an invalid opcode",
        applies: |case, other| is_mov_cs(case) && other.is_some(),
    },
    Difference {
        why: "`mov r16, sreg` without 66 writes 32 bits: a mistake of LLVM's",
        applies: |case, other| {
            let ours = case.ours.as_ref().ok();
            case.name() == "mov" && other.as_deref() == ours.and_then(|b| b.strip_prefix(&[0x66]))
        },
    },
    Difference {
        why: "LLVM cuts absolute addresses to 32 bits",
        applies: |case, other| {
            let is_far = |operand: &Operand<PhysReg>| matches!(operand, Operand::Mem(mem) if i32::try_from(mem.disp).is_err());
            case.name() == "mov" && other.is_some() && case.inst.operands.iter().any(is_far)
        },
    },
    Difference {
        why: "`xchg r, r`: LLVM exchanges the operands in ModRM",
        applies: |case, other| case.name() == "xchg" && other.is_some() && case.all_registers(),
    },
    Difference {
        why: "LLVM takes `jmp word` and `call word` to be far",
        applies: |case, other| ["call", "jmp"].contains(&case.name()) && other.is_some(),
    },
    Difference {
        why: "LLVM 14 does not know it; GNU as agrees with us",
        applies: |case, other| other.is_none() && case.gnu == case.ours.clone().ok(),
    },
    Difference {
        why: "a block of registers (`k2` of a pair, `zmm4` of four) is named by its first",
        applies: |case, other| {
            let name = case.name();
            let has_block = name.starts_with("vp2intersect")
                || name.starts_with("v4f")
                || name.starts_with("vp4d");
            has_block && other.is_some() && case.is_refused_with("can encode")
        },
    },
    Difference {
        why: "x87 instructions whose operands GNU as and LLVM supply or exchange, but not the manual",
        applies: |case, other| {
            let names = [
                "fadd", "fmul", "fsub", "fsubr", "fdiv", "fdivr", "fnstsw", "fstsw", "fcomi",
                "fcomip", "fucomi", "fucomip", "faddp", "fmulp", "fsubp", "fsubrp", "fdivp",
                "fdivrp",
            ];
            other.is_some() && case.ours.is_err() && names.contains(&case.name())
        },
    },
    Difference {
        why: "LLVM accepts any prefix anywhere",
        applies: |case, other| other.is_some() && refused_prefix(case),
    },
    Difference {
        why: "registers that the manual wants to be different: LLVM 14 encodes them",
        applies: |case, other| {
            let differ = case.is_refused_with("must differ") || case.is_refused_with("different");
            other.is_some() && differ
        },
    },
    Difference {
        why: "LLVM cuts numbers that do not fit; GNU as and we refuse them",
        applies: |case, other| other.is_some() && case.is_refused_with("does not fit"),
    },
    Difference {
        why: "the register must be as wide as the address: LLVM puts the address-size prefix and \
              addresses by the 64-bit register all the same",
        applies: |case, other| other.is_some() && case.is_refused_with("as wide as the address"),
    },
    Difference {
        why: "an ambiguous size: LLVM takes the byte",
        applies: |case, other| other.is_some() && case.is_refused_with("is ambiguous"),
    },
];

fn prefers_evex(case: &Case, other: &Answer) -> bool {
    let names = [
        "vpdpbusd",
        "vpdpbusds",
        "vpdpwssd",
        "vpdpwssds",
        "vpmadd52huq",
        "vpmadd52luq",
        "vcvtneps2bf16",
    ];
    let is_evex = other.as_ref().is_some_and(|bytes| bytes.contains(&0x62));
    names.contains(&case.name()) && is_evex && case.ours.as_ref().is_ok_and(|b| b.contains(&0xc4))
}

fn refused_prefix(case: &Case) -> bool {
    case.inst.prefixes != Prefixes::default() && case.ours.is_err()
}

fn has_odd_size(case: &Case) -> bool {
    let has_vector = case.inst.operands.iter().any(|operand| {
        matches!(operand, Operand::Reg(view) if matches!(view.class, Class::Ymm | Class::Zmm))
    });
    case.inst.operands.iter().any(|operand| match operand {
        // `lfs rdx, [m]` has ten bytes, said or not.
        Operand::Mem(mem) => {
            matches!(mem.size, None | Some(10))
                && ["lfs", "lgs", "lss", "call", "jmp"].contains(&case.name())
                || mem.size == Some(64) && !has_vector
        }
        _ => false,
    })
}

fn has_idle_r64(case: &Case) -> bool {
    let names = ["vmovw", "vmovd", "lldt", "lmsw", "ltr", "verr", "verw", "tpause", "umwait"];
    names.contains(&case.name())
        && case
            .inst
            .operands
            .iter()
            .any(|operand| {
                matches!(operand, Operand::Reg(view) if matches!(view.class, Class::Gp64 | Class::Gp32))
            })
}

fn drops_segment(case: &Case, other: &[u8]) -> bool {
    let Ok(ours) = &case.ours else { return false };
    // `wait` precedes the prefixes.
    let Some(place) = other.iter().position(|byte| matches!(byte, 0x3e | 0x36)) else {
        return false;
    };
    let shorter = [&other[..place], &other[place + 1..]].concat();
    place <= 1 && sorted(&shorter) == sorted(ours)
}

fn same_but_order(case: &Case, other: &[u8]) -> bool {
    case.ours.as_ref().is_ok_and(|ours| sorted(ours) == sorted(other))
}

/// The bytes with their legacy prefixes sorted.
fn sorted(bytes: &[u8]) -> Vec<u8> {
    let is_prefix =
        |byte: &&u8| matches!(**byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3);
    let count = bytes.iter().take_while(is_prefix).count();
    let mut bytes = bytes.to_vec();
    bytes[..count].sort_unstable();
    bytes
}
