//! Object files, against the linkers, loaders, unwinders, debuggers and readers of their platforms.

mod codeview;
mod coff;
mod debug;
mod elf;
mod go;
mod kernels;
mod loader;
mod macho;
mod narrow;
mod pairs;
mod random;
mod sections;
mod shape;
mod support;
mod symbols;
mod unwinding;
