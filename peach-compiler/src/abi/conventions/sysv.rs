//! System V: Linux, the BSDs, macOS.

use super::{AssemblyFormat, Convention, Frames, ImageFormat, Packing, Results};
use crate::isa::{RegSet, gp::*};

/// System V AMD64 psABI, version 1.0, section 3.2.
pub static SYSV64: Convention = Convention {
    name: "sysv64",
    flag: "sysv",
    title: "SystemV x86-64 ABI",
    image_formats: &[ImageFormat::Elf, ImageFormat::MachO],
    assembly_formats: &[AssemblyFormat::Gas, AssemblyFormat::Nasm],
    pointer_size: 8,
    int_args: &[RDI, RSI, RDX, RCX, R8, R9],
    vector_args: 8,
    positional: false,
    vectors_by_reference: false,
    passes_vectors: true,
    stack_args: Packing::Words,
    results: Results::Registers,
    frames: Frames::Pushed,
    saved_gp: RegSet::of(&[RBX, RBP, R12, R13, R14, R15]),
    saved_xmm: RegSet::NONE,
    reserved_gp: RegSet::NONE,
    red_zone: 128,
    shadow: 0,
    stack_align: 16,
    int_results: &[RAX, RDX],
    vector_results: 2,
    sandbox: None,
};
