//! Kernels built in code, instruction by instruction.
//!
//! In: a signature as text, and calls of a [`Builder`]'s methods. Out: a [`Built`] function for any
//! convention: bytes, and what object files and listings are made of.
//! Invariant: one body serves all conventions; where arguments arrive is decided by
//! [`build`](Builder::build).
//! Fails: by [`Diagnostics`], as a kernel in text does; all places in them are the same one.
//!
//! ```
//! use peach_compiler::abi::{SYSV64, WIN64};
//! use peach_compiler::builder::Builder;
//!
//! let mut add = Builder::new("fn add(x: i32, y: i32) -> i32")?;
//! let (x, y) = (add.argument("x")?, add.argument("y")?);
//! add.emit("add", [x.into(), y.into()])?;
//! add.finish([x.into()])?;
//!
//! // add edi, esi; mov eax, edi; ret
//! assert_eq!(add.build(&SYSV64)?.code(), [0x01, 0xf7, 0x89, 0xf8, 0xc3]);
//! // add ecx, edx; mov eax, ecx; ret
//! assert_eq!(add.build(&WIN64)?.code(), [0x01, 0xd1, 0x89, 0xc8, 0xc3]);
//! # Ok::<(), peach_compiler::diagnostics::Diagnostics>(())
//! ```
//!
//! A loop, with a label, memory and a constant. Instructions that touch memory need an `unsafe fn`,
//! as in text:
//!
//! ```
//! use peach_compiler::abi::SYSV64;
//! use peach_compiler::builder::{Builder, memory};
//! use peach_compiler::isa::Class;
//!
//! let signature = "#[target_feature(enable = \"avx\")] unsafe fn scale(x: &mut [f32])";
//! let mut scale = Builder::new(signature)?;
//! let (pointer, length) = (scale.argument("x.ptr")?, scale.argument("x.len")?);
//! let half = scale.constant(&0.5f32.to_le_bytes(), 4)?;
//! let value = scale.register("value", Class::Xmm);
//! let next = scale.label("next");
//! scale.place(next)?;
//! scale.emit("vmovss", [value.into(), memory(pointer).into()])?;
//! scale.emit("vmulss", [value.into(), value.into(), half.into()])?;
//! scale.emit("vmovss", [memory(pointer).into(), value.into()])?;
//! scale.emit("add", [pointer.into(), 4.into()])?;
//! scale.emit("dec", [length.into()])?;
//! scale.emit("jne", [next.into()])?;
//! scale.finish([])?;
//!
//! // Instructions can be inspected and changed before the function is built.
//! assert_eq!(scale.text(1), "  vmovss value%2, [x.ptr%0] !");
//! scale.replace(4, "add", [pointer.into(), 8.into()])?;
//! assert!(scale.build(&SYSV64)?.listing().contains("add rdi, 8"));
//! # Ok::<(), peach_compiler::diagnostics::Diagnostics>(())
//! ```
//!
//! What was built goes into a [`Module`](crate::emit::Module), and from there into an object file,
//! a listing, a header:
//!
//! ```
//! use peach_compiler::abi::{AssemblyFormat, ImageFormat, SYSV64};
//! use peach_compiler::builder::Builder;
//! use peach_compiler::emit::{Module, listings, objects};
//! use peach_compiler::pipeline::Target;
//!
//! let mut seven = Builder::new("/// Always seven.\nfn seven() -> u32")?;
//! seven.finish([7.into()])?;
//! let target = Target { position_independent: true, ..Target::from(&SYSV64) };
//! let mut module = Module::new("seven", target);
//! seven.build(target)?.add_to(&mut module)?;
//!
//! let object = objects::write(&module, &objects::Options::new(ImageFormat::Elf))?;
//! assert_eq!(object[..4], *b"\x7fELF");
//! let format = listings::Format::of(AssemblyFormat::Gas).expect("GNU as has listings");
//! let options = listings::Options { image: ImageFormat::Elf, source: None };
//! assert!(format.write(&module, &options)?.contains("mov eax, 7"));
//! # Ok::<(), peach_compiler::diagnostics::Diagnostics>(())
//! ```

mod built;
mod instructions;
mod operands;

pub use built::Built;
pub use instructions::instruction;
pub use operands::{Constant, Label, Place, Register, Variable, memory, physical};

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::expand;
use crate::ir::{
    Data, DataContent, DataId, Function, Inst, LabelId, LabelInfo, Local, LocalId, Op, Reg,
    STACK_BYTES_MAX, VReg, VRegInfo, View,
};
use crate::isa::Class;
use crate::syntax::{self, ast};
use proc_macro2::{Span, TokenStream};

/// What the methods of a [`Builder`] return.
pub type Result<T> = std::result::Result<T, Diagnostics>;

/// A function under construction.
#[derive(Clone, Debug)]
pub struct Builder {
    decl: ast::Kernel,
    /// Declared for System V; [`build`](Builder::build) takes from it what is of no convention.
    function: Function,
}

impl Builder {
    /// A function with this signature, as a kernel's head says it: attributes, documentation,
    /// `unsafe`, name, parameters, result.
    ///
    /// # Errors
    /// As for a kernel in text.
    pub fn new(signature: &str) -> Result<Builder> {
        let tokens: TokenStream = format!("{signature} {{}}").parse().map_err(|error| {
            refusal(Code::Syntax, format!("the signature does not consist of Rust tokens: {error}"))
        })?;
        let mut diagnostics = Diagnostics::new();
        let mut file = syntax::parse(tokens, &mut diagnostics);
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        match (file.items.pop(), file.items.is_empty()) {
            (Some(ast::Item::Kernel(decl)), true) => {
                let function = expand::declare(&decl, &crate::abi::SYSV64)?;
                Ok(Builder { decl: *decl, function })
            }
            _ => Err(refusal(Code::Syntax, "expected the signature of one kernel".to_string())),
        }
    }

    /// The register of an argument: `x`, or `x.ptr`, `x.len`, `x.lo`, `x.hi`.
    ///
    /// # Errors
    /// If there is no such argument.
    pub fn argument(&self, name: &str) -> Result<Register> {
        let mut names = Vec::new();
        for arg in &self.function.args {
            let info = &self.function[arg.vreg];
            if info.name == name {
                return Ok(View { reg: Reg::Virtual(arg.vreg), class: info.class });
            }
            names.push(format!("`{}`", info.name));
        }
        let known = if names.is_empty() { "there are none".to_string() } else { names.join(", ") };
        Err(refused(
            Diagnostic::new(
                Code::UndefinedName,
                self.function.span,
                format!("there is no argument `{name}`"),
            )
            .note(format!("arguments: {known}")),
        ))
    }

    /// A new virtual register.
    pub fn register(&mut self, name: &str, class: Class) -> Register {
        let vreg = VReg(self.function.vregs.len() as u32);
        let span = Span::call_site();
        let name = name.to_string();
        self.function.vregs.push(VRegInfo { name, class, span, arg: None, temporary: false });
        View { reg: Reg::Virtual(vreg), class }
    }

    /// A new label. [`place`](Builder::place) says where.
    pub fn label(&mut self, name: &str) -> Label {
        let label = LabelId(self.function.labels.len() as u32);
        self.function.labels.push(LabelInfo { name: format!("'{name}"), span: Span::call_site() });
        Label(label)
    }

    /// Places a label after what is there.
    ///
    /// # Errors
    /// If it is already placed.
    pub fn place(&mut self, label: Label) -> Result<()> {
        if self.places(label.0) > 0 {
            let message = format!("the label `{}` is placed twice", self.function[label.0].name);
            return Err(refusal(Code::DuplicateLabel, message));
        }
        self.push(Op::Label(label.0));
        Ok(())
    }

    /// Read-only data.
    ///
    /// # Errors
    /// If `align` is not a power of two, or more than 64.
    pub fn constant(&mut self, bytes: &[u8], align: u32) -> Result<Constant> {
        check_align(align, 64)?;
        let data = DataId(self.function.data.len() as u32);
        let content = DataContent::Bytes(bytes.to_vec());
        self.function.data.push(Data { name: None, content, align });
        Ok(Constant(data))
    }

    /// Memory of the function's own.
    ///
    /// # Errors
    /// If `align` is not a power of two, or more than 4096, and if the variables take too much of
    /// the stack.
    pub fn variable(&mut self, name: &str, size: u32, align: u32) -> Result<Variable> {
        check_align(align, 4096)?;
        let before = self.function.locals.iter().map(Local::stack_bytes).sum::<u64>();
        let local = LocalId(self.function.locals.len() as u32);
        let span = Span::call_site();
        if before + u64::from(size) + u64::from(align) - 1 > STACK_BYTES_MAX {
            let message = format!(
                "`{name}` takes {size} bytes of the stack, of which {before} of at most \
                 {STACK_BYTES_MAX} are taken already"
            );
            return Err(refusal(Code::OutOfRange, message));
        }
        self.function.locals.push(Local { name: name.to_string(), span, size, align });
        Ok(Variable(local))
    }

    fn places(&self, label: LabelId) -> usize {
        let is_it = |inst: &&Inst| matches!(inst.op, Op::Label(id) if id == label);
        self.function.insts.iter().filter(is_it).count()
    }
}

fn check_align(align: u32, most: u32) -> Result<()> {
    match align.is_power_of_two() && align <= most {
        true => Ok(()),
        false => {
            let message =
                format!("invalid alignment {align}: powers of two up to {most} are accepted");
            Err(refusal(Code::OutOfRange, message))
        }
    }
}

fn refusal(code: Code, message: String) -> Diagnostics {
    refused(Diagnostic::new(code, Span::call_site(), message))
}

fn refused(diagnostic: Diagnostic) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    diagnostics.push(diagnostic);
    diagnostics
}
