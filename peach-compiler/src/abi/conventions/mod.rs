//! The conventions, one file each, and the list of all of them.
//!
//! A convention is data; [`place`](super::place) and the frame builder read it. To add one, write
//! its file and name it in [`Convention::ALL`].

mod formats;
mod go;
mod inlined;
#[cfg(feature = "decoder")]
mod nacl;
mod sysv;
mod win64;
mod x32;

pub use formats::{AssemblyFormat, ImageFormat};
pub use go::{GOASM, GOASM_P32, GOSYSO, GOSYSO_P32};
pub use inlined::{INLINE_SYSV64, INLINE_WIN64};
#[cfg(feature = "decoder")]
pub use nacl::NACL;
pub use sysv::SYSV64;
pub use win64::WIN64;
pub use x32::X32;

use crate::isa::{Feature, FeatureSet, PhysReg, RegSet};

/// Where arguments and results go, what is saved, and what the stack guarantees.
#[derive(Debug, PartialEq, Eq)]
pub struct Convention {
    /// Its name as a Rust ABI string, `sysv64`, where Rust has it; otherwise as in
    /// [`flag`](Self::flag).
    pub name: &'static str,
    /// What the command's `-mabi=` calls it: `sysv`.
    pub flag: &'static str,
    /// Its name in metadata: `SystemV x86-64 ABI`.
    pub title: &'static str,
    /// The object files that its code can be in. Empty: listings alone.
    pub image_formats: &'static [ImageFormat],
    /// The listings that its code can be in; the first one is meant where none is named.
    pub assembly_formats: &'static [AssemblyFormat],
    /// Bytes of a pointer, of `usize` and `isize`: 8 or 4.
    pub pointer_size: u32,
    /// Integer argument registers, in order.
    pub int_args: &'static [PhysReg],
    /// How many vector registers, from 0 on, carry arguments.
    pub vector_args: u8,
    /// Whether the n-th argument takes the n-th register of either kind (Microsoft), or each kind
    /// counts by itself (System V).
    pub positional: bool,
    /// Whether vectors are passed by reference (Microsoft).
    pub vectors_by_reference: bool,
    /// Whether signatures may have vectors.
    pub passes_vectors: bool,
    /// How arguments on the stack are packed.
    pub stack_args: Packing,
    /// Where results leave.
    pub results: Results,
    /// How a frame is made.
    pub frames: Frames,
    /// General-purpose registers that a function must preserve. `rsp` is not counted.
    pub saved_gp: RegSet,
    /// Vector registers whose low 16 bytes a function must preserve.
    pub saved_xmm: RegSet,
    /// General-purpose registers that a function may neither change nor be given. `rsp` is not
    /// counted.
    pub reserved_gp: RegSet,
    /// Bytes below the stack pointer that nothing else touches.
    pub red_zone: u32,
    /// Bytes above the return address that the caller reserves for the callee.
    pub shadow: u32,
    /// The alignment of the stack pointer before a call.
    pub stack_align: u32,
    /// The pair of integer result registers (the second one only in System V).
    pub int_results: &'static [PhysReg],
    /// How many vector registers, from 0 on, carry results.
    pub vector_results: u8,
    /// What keeps the code in its place, where something does.
    pub sandbox: Option<Sandbox>,
}

/// The alignment of what an argument that is passed by reference refers to. "For these aggregate
/// types passed as a pointer, including `__m128`, the caller-allocated temporary memory must be
/// 16-byte aligned" (Microsoft, "x64 calling convention", Parameter passing). The same paragraph
/// makes it the caller's copy for this call: nothing but the callee can change it. Wider vectors
/// may come with more from some compilers, but nothing promises it.
pub const REFERENCE_ALIGN: u32 = 16;

/// How code is kept from leaving a region of memory, see [`sandbox`](mod@crate::sandbox).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// Holds the address of the region, a multiple of 4 GiB, and never changes.
    pub base: PhysReg,
    /// Belongs to the compiler between any two source instructions.
    pub scratch: PhysReg,
    /// Bytes of a bundle: aligned code, whose borders no instruction crosses.
    pub bundle: u32,
    /// What fills the space after code: an instruction that stops the program.
    pub filler: u8,
    /// The extensions beyond the baseline that its validator knows.
    pub extensions: &'static [Feature],
}

impl Sandbox {
    /// The extensions that its validator knows.
    pub fn features(&self) -> FeatureSet {
        let mut features = FeatureSet::baseline();
        self.extensions.iter().for_each(|&feature| features.insert(feature));
        features
    }
}

/// How arguments on the stack are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// In slots of eight bytes; wider values take several, at their alignment.
    Words,
    /// Like the fields of a structure: each at its own alignment.
    Natural,
}

/// Where results leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Results {
    /// In registers, as far as they fit there.
    Registers,
    /// In registers, each component in one of its own, whatever its size.
    Separate,
    /// In the caller's memory after the arguments.
    Stack,
}

/// How a frame is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frames {
    /// Registers are pushed, and the stack pointer is lowered and aligned.
    Pushed,
    /// As Go's assembler does it: the stack pointer is lowered once; `rbp` is saved at the frame's
    /// upper end, where the convention preserves it, and then points there. Whoever makes the
    /// frame, the assembler or the compiler, makes the same.
    Go,
}

impl Convention {
    /// All that functions have (code that stands in its caller has another); that of a sandbox
    /// only where the sandbox can be checked.
    pub const ALL: &[&'static Convention] = &[
        &SYSV64,
        &WIN64,
        &X32,
        &GOSYSO,
        &GOSYSO_P32,
        &GOASM,
        &GOASM_P32,
        #[cfg(feature = "decoder")]
        &NACL,
    ];

    /// The convention that `-mabi=` or a Rust ABI string calls `name`.
    pub fn parse(name: &str) -> Option<&'static Convention> {
        Convention::ALL.iter().copied().find(|c| c.flag == name || c.name == name)
    }

    /// Bytes of a bundle; without a sandbox, more than any code has.
    pub fn bundle(&self) -> u32 {
        self.sandbox.as_ref().map_or(1 << 31, |sandbox| sandbox.bundle)
    }

    /// What fills the space between functions and constants: `int3`, if nothing else is wanted.
    pub fn filler(&self) -> u8 {
        self.sandbox.as_ref().map_or(0xCC, |sandbox| sandbox.filler)
    }
}
