//! Go: everything on the stack.
//!
//! ABI0 is what Go's assembler functions have (Go 1.17 and later wrap them for callers that pass
//! arguments in registers). Arguments and results are laid out like the fields of one structure
//! from `8(SP)` on, the results from the next whole word; nothing is preserved but `rbp`, the frame
//! pointer. The wrapper reloads `r14` and `xmm15`, which Go's own code keeps values in.
//!
//! `goasm` is for listings in the syntax of Go's assembler, `gosyso` for objects that the Go linker
//! takes (`.syso`): the same convention, and the same frames. The `-p32` forms are those of the
//! port `amd64p32`: pointers and sizes have 4 bytes, but a word still has 8 (also that of the
//! return address), and there is no frame pointer.

use super::{AssemblyFormat, Convention, Frames, ImageFormat, Packing, Results};
use crate::isa::{RegSet, gp::RBP};

/// Go's assembler on `amd64`.
pub static GOASM: Convention = Convention {
    name: "goasm",
    flag: "goasm",
    title: "Go/Asm x86-64 ABI",
    image_formats: &[],
    assembly_formats: &[AssemblyFormat::Go],
    pointer_size: 8,
    int_args: &[],
    vector_args: 0,
    positional: false,
    vectors_by_reference: false,
    passes_vectors: false,
    stack_args: Packing::Natural,
    results: Results::Stack,
    frames: Frames::Go,
    saved_gp: RegSet::of(&[RBP]),
    saved_xmm: RegSet::NONE,
    reserved_gp: RegSet::NONE,
    red_zone: 0,
    shadow: 0,
    stack_align: 8,
    int_results: &[],
    vector_results: 0,
    sandbox: None,
};

/// Go's assembler on `amd64p32`.
pub static GOASM_P32: Convention = Convention {
    name: "goasm-p32",
    flag: "goasm-p32",
    title: "Go/Asm x32 ABI",
    pointer_size: 4,
    saved_gp: RegSet::NONE,
    ..GOASM
};

/// Objects for Go's linker on `amd64`.
pub static GOSYSO: Convention = Convention {
    name: "gosyso",
    flag: "gosyso",
    title: "Go/SysO x86-64 ABI",
    image_formats: &[ImageFormat::Elf, ImageFormat::MsCoff, ImageFormat::MachO],
    assembly_formats: &[AssemblyFormat::Gas, AssemblyFormat::Go],
    ..GOASM
};

/// Objects for Go's linker on `amd64p32`.
pub static GOSYSO_P32: Convention = Convention {
    name: "gosyso-p32",
    flag: "gosyso-p32",
    title: "Go/SysO x32 ABI",
    image_formats: &[ImageFormat::Elf],
    assembly_formats: &[AssemblyFormat::Gas, AssemblyFormat::Go],
    ..GOASM_P32
};
