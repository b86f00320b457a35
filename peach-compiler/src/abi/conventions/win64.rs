//! Microsoft x64: Windows.

use super::{AssemblyFormat, Convention, Frames, ImageFormat, Packing, Results};
use crate::isa::{RegSet, gp::*};

/// Microsoft x64: "x64 calling convention" and "x64 ABI conventions" on learn.microsoft.com.
pub static WIN64: Convention = Convention {
    name: "win64",
    flag: "ms",
    title: "Microsoft x64 ABI",
    image_formats: &[ImageFormat::MsCoff],
    assembly_formats: &[AssemblyFormat::Masm, AssemblyFormat::Nasm, AssemblyFormat::Gas],
    pointer_size: 8,
    int_args: &[RCX, RDX, R8, R9],
    vector_args: 4,
    positional: true,
    vectors_by_reference: true,
    passes_vectors: true,
    stack_args: Packing::Words,
    results: Results::Registers,
    frames: Frames::Pushed,
    saved_gp: RegSet::of(&[RBX, RBP, RSI, RDI, R12, R13, R14, R15]),
    saved_xmm: RegSet::from_to(6, 15),
    reserved_gp: RegSet::NONE,
    red_zone: 0,
    shadow: 32,
    stack_align: 16,
    int_results: &[RAX],
    vector_results: 1,
    sandbox: None,
};
