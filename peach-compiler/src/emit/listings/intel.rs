//! Where GNU as, clang and `llvm-ml` choose other encodings than we do, or do not know an
//! instruction.
//!
//! One table for all of them: GNU as and clang read the same listing, and `llvm-ml` has clang's
//! tables.

use super::spell::{Remedy, Rule};
use crate::ir::{Base, Mem, Operand};
use crate::isa::{Bank, Class, PhysReg};

/// What GNU as 2.40, clang 14 and llvm-ml 16 do in their own way; later ones read the same text.
pub(super) const RULES: &[Rule] = &[
    Rule {
        why: "an instruction of 2025 or later",
        applies: |coded| coded.is_newest(),
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "instructions that GNU as or clang does not support",
        applies: |coded| coded.is_one_of(UNKNOWN),
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "16-bit operations without an operand that shows it: the names are peach's own",
        applies: |coded| {
            coded.is_one_of(&["enterw", "iretw", "leavew", "popw", "pushw", "retfw", "retw"])
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "EVEX is chosen where VEX would do",
        applies: |coded| {
            let names = ["vpdpbusd", "vpdpbusds", "vpdpwssd", "vpdpwssds"];
            coded.is_one_of(&names) && coded.is_vex() && coded.inst.encoding.is_none()
        },
        remedy: Remedy::Prefix("{vex} "),
    },
    Rule {
        why: "clang supports only the EVEX forms",
        applies: |coded| {
            coded.is_one_of(&["vcvtneps2bf16", "vpmadd52huq", "vpmadd52luq"]) && coded.is_vex()
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "memory whose size has no keyword, or a different one in each assembler",
        applies: |coded| {
            let names = [
                "aesdec256kl",
                "aesdecwide256kl",
                "aesenc256kl",
                "aesencwide256kl",
                "clrssbsy",
                "enqcmd",
                "enqcmds",
                "ldtilecfg",
                "movdir64b",
                "rstorssp",
                "sttilecfg",
            ];
            let is_vector = |name: &str| name.contains("gather") || name.contains("scatter");
            coded.is_one_of(&names) || is_vector(coded.name())
        },
        remedy: Remedy::Unsized,
    },
    Rule {
        why: "clang expects the mask of a prefetch elsewhere",
        applies: |coded| {
            coded.name().starts_with("vgatherpf") || coded.name().starts_with("vscatterpf")
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "far pointers, jumps by two bytes, and jumps by what is at an address without a base",
        applies: |coded| {
            let is_odd = |mem: &Mem<PhysReg>| {
                let is_branch = coded.is_one_of(&["call", "jmp"]);
                !is_branch
                    || mem.base == Base::None
                    || !matches!(mem.size, Some(8)) && mem.size.is_some()
            };
            let names = ["call", "jmp", "lfs", "lgs", "lss"];
            coded.is_one_of(&names)
                && (coded.memory().is_some_and(is_odd) || coded.has_class(Class::Gp16))
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "clang swaps the registers",
        applies: |coded| coded.name() == "xchg" && coded.memory().is_none(),
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "clang writes prefixes in the order of the text",
        applies: |coded| {
            let prefixes = coded.inst.prefixes;
            let is_first = prefixes.rep || prefixes.repne || prefixes.xacquire || prefixes.xrelease;
            let has_size =
                coded.has_implied_operands() && coded.bytes[..coded.prefix_count()].contains(&0x66);
            has_size || is_first && !matches!(coded.bytes[0], 0xf2 | 0xf3)
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "clang loses the address of 32 bits, or the segment",
        applies: |coded| {
            let is_string =
                |name: &str| name.len() <= 5 && name.starts_with(|ch| "mclsio".contains(ch));
            coded.has_implied_operands() && !is_string(coded.name())
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "clang does not accept `bnd` before every branch",
        applies: |coded| coded.inst.prefixes.bnd,
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "extension from a register as wide as the destination, or by another name",
        applies: |coded| {
            let classes: Vec<Class> = coded.registers().map(|view| view.class).collect();
            let from_memory = coded.memory().and_then(|mem| mem.size);
            match coded.name() {
                "movsx" | "movzx" => {
                    classes == [Class::Gp16, Class::Gp16]
                        || classes.get(1) == Some(&Class::Gp32)
                        || from_memory == Some(4)
                        || from_memory == Some(2) && classes == [Class::Gp16]
                }
                "movsxd" => classes[0] != Class::Gp64,
                _ => false,
            }
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "clang writes other prefixes where they have no effect on a segment or system \
            register",
        applies: |coded| {
            let is_system =
                coded.is_one_of(&["lldt", "lmsw", "ltr", "sldt", "str", "verr", "verw"]);
            is_system && coded.memory().is_none() || coded.has_class(Class::Segment)
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "a 64-bit address",
        applies: |coded| {
            let is_far =
                |mem: &Mem<PhysReg>| mem.base == Base::None && i32::try_from(mem.disp).is_err();
            coded.memory().is_some_and(is_far)
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "operands that the manual has in angle brackets",
        applies: |coded| {
            let names = ["hreset", "loadiwkey", "tpause", "umwait"];
            coded.is_one_of(&names)
                || coded.is_one_of(&["fcom", "fcomp", "fucom", "fucomp", "fxch"])
                    && coded.inst.operands.len() > 1
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "a general-purpose register that is wider than what is moved",
        applies: |coded| {
            coded.name() == "vmovw" && coded.has_class(Class::Gp64)
                || coded.name() == "vmovd" && coded.has_class(Class::Gp64)
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "EVEX `vmovq` has two opcodes for memory",
        applies: |coded| coded.name() == "vmovq" && coded.is_evex() && coded.memory().is_some(),
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "control words whose upper bit is not a sign",
        applies: |coded| {
            let is_large = |operand: &Operand<PhysReg>| {
                matches!(operand, Operand::Imm(value)
                if *value > i128::from(i32::MAX))
            };
            coded.is_one_of(&["bextr", "lwpins", "lwpval"])
                && coded.inst.operands.iter().any(is_large)
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "clang expects the rounding mode before a general-purpose register",
        applies: |coded| {
            coded.name().starts_with("vcvt")
                && coded.inst.rounding.is_some()
                && coded.registers().last().is_some_and(|view| view.reg.bank == Bank::Gp)
                && coded.registers().count() == 3
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "clang does not accept a broadcast here",
        applies: |coded| {
            let is_broadcast = coded.memory().is_some_and(|mem| mem.broadcast.is_some());
            coded.is_one_of(&["vgf2p8affineinvqb", "vgf2p8affineqb"]) && is_broadcast
        },
        remedy: Remedy::Bytes,
    },
];

/// What one of them does not know, or knows by another name.
#[rustfmt::skip]
const UNKNOWN: &[&str] = &[
    "aadd", "aand", "aor", "axor", "ccs_encrypt", "ccs_hash", "cmpbexadd", "cmpbxadd", "cmplexadd",
    "cmplxadd", "cmpnbexadd", "cmpnbxadd", "cmpnlexadd", "cmpnlxadd", "cmpnoxadd", "cmpnpxadd",
    "cmpnsxadd", "cmpnzxadd", "cmpoxadd", "cmppxadd", "cmpsxadd", "cmpzxadd", "erets", "eretu",
    "fdisi", "feni", "fndisi", "fneni", "fnsetpm", "fsetpm", "getsecq", "int1", "lkgs", "mcommit",
    "pbndkb", "pcmpestri64", "pcmpestrm64", "prefetchit0", "prefetchit1", "rdmsrlist", "rdpru",
    "rmpquery", "sysexit", "sysret", "tcmmimfp16ps", "tcmmrlfp16ps", "tdpfp16ps", "ud0",
    "vbcstnebf162ps", "vbcstnesh2ps", "vcvtneebf162ps", "vcvtneeph2ps", "vcvtneobf162ps",
    "vcvtneoph2ps", "vmgexit", "vpcmpestri64", "vpcmpestrm64", "vpdpbssd", "vpdpbssds", "vpdpbsud",
    "vpdpbsuds", "vpdpbuud", "vpdpbuuds", "vpdpwsud", "vpdpwsuds", "vpdpwusd", "vpdpwusds",
    "vpdpwuud", "vpdpwuuds", "vsha512msg1", "vsha512msg2", "vsha512rnds2", "vsm3msg1", "vsm3msg2",
    "vsm3rnds2", "vsm4key4", "vsm4rnds4", "wrmsrlist", "wrmsrns", "xsha512",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Mnemonic;

    #[test]
    fn lists_have_names_of_instructions() {
        for name in UNKNOWN {
            let found = Mnemonic::parse(name).unwrap_or_else(|| panic!("`{name}` is misspelled"));
            assert_eq!(found.name(), *name, "an alias is never met");
        }
    }
}
