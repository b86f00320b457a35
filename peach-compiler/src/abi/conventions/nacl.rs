//! Native Client: System V with 32-bit pointers, in a sandbox.

use super::{AssemblyFormat, Convention, ImageFormat, SYSV64, Sandbox};
use crate::isa::{Feature, RegSet, gp::*};

/// Native Client on x86-64: the convention of x32 without a red zone, and the sandbox of "NaCl SFI
/// model on x86-64 systems" (developer.chrome.com). `rbp` is never anything but a frame's base,
/// since every value that it gets has to be brought into the sandbox; `r11` is the register that
/// addresses are computed in.
pub static NACL: Convention = Convention {
    name: "nacl",
    flag: "nacl",
    title: "Native Client x86-64 ABI",
    image_formats: &[ImageFormat::Elf],
    assembly_formats: &[AssemblyFormat::Gas],
    pointer_size: 4,
    saved_gp: RegSet::of(&[RBX, RBP, R12, R13, R14]),
    reserved_gp: RegSet::of(&[RBP, R11, R15]),
    red_zone: 0,
    sandbox: Some(Sandbox {
        base: R15,
        scratch: R11,
        bundle: 32,
        filler: 0xF4,
        // What the tables of its validator (validator_ragel/instruction_definitions) have, but for
        // LWP, which uses addresses that are not checked.
        extensions: &[
            Feature::SSE4_2,
            Feature::SSE4A,
            Feature::MMX_3DNOWA,
            Feature::CMPXCHG16B,
            Feature::LAHFSAHF,
            Feature::LZCNT,
            Feature::POPCNT,
            Feature::MOVBE,
            Feature::BMI1,
            Feature::TBM,
            Feature::AES,
            Feature::PCLMULQDQ,
            Feature::AVX2,
            Feature::F16C,
            Feature::FMA,
            Feature::XOP,
        ],
    }),
    ..SYSV64
};
