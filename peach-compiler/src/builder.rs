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
//! A loop, with a label, memory and a constant. Instructions that touch memory need an `unsafe fn`, as
//! in text:
//!
//! ```
//! use peach_compiler::abi::SYSV64;
//! use peach_compiler::builder::{Builder, memory};
//! use peach_compiler::isa::Class;
//!
//! let mut scale = Builder::new("#[target_feature(enable = \"avx\")] unsafe fn scale(x: &mut [f32])")?;
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
//! // Instructions can be looked at and changed before the function is built.
//! assert_eq!(scale.text(1), "  vmovss value%2, [x.ptr%0] !");
//! scale.replace(4, "add", [pointer.into(), 8.into()])?;
//! assert!(scale.build(&SYSV64)?.listing().contains("add rdi, 8"));
//! # Ok::<(), peach_compiler::diagnostics::Diagnostics>(())
//! ```
//!
//! What was built goes into a [`Module`], and from there into an object file, a
//! listing, a header:
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

mod operands;

pub use operands::{Constant, Label, Place, Register, Variable, memory};

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::emit::Module;
use crate::emit::listing::{self, Source};
use crate::expand;
use crate::ir::{
    Data, DataContent, DataId, Function, Inst, Instruction, LabelId, LabelInfo, Local, LocalId,
    Machine, Op, Operand, Reg, ResultKind, ReturnValue, VReg, VRegInfo, View,
};
use crate::isa::{Class, Mnemonic, SelectError, parse_register, select};
use crate::pipeline::{self, CompiledFunction, Target};
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
    /// A function with this signature, as a kernel's head says it: attributes, documentation, `unsafe`,
    /// name, parameters, result.
    ///
    /// # Errors
    /// As for a kernel in text.
    pub fn new(signature: &str) -> Result<Builder> {
        let tokens: TokenStream = format!("{signature} {{}}").parse().map_err(|error| {
            refusal(Code::Syntax, format!("the signature is not made of Rust tokens: {error}"))
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
            _ => Err(refusal(Code::Syntax, "expected the head of one kernel".to_string())),
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

    /// Puts a label behind what is there.
    ///
    /// # Errors
    /// If it stands somewhere already.
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
    /// If `align` is no power of two, or more than 64.
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
    /// If `align` is no power of two, or more than 4096.
    pub fn variable(&mut self, name: &str, size: u32, align: u32) -> Result<Variable> {
        check_align(align, 4096)?;
        let local = LocalId(self.function.locals.len() as u32);
        let span = Span::call_site();
        self.function.locals.push(Local { name: name.to_string(), span, size, align });
        Ok(Variable(local))
    }

    /// Appends an instruction.
    ///
    /// # Errors
    /// If there is no instruction of this name, or none with these operands, or it needs an extension
    /// that the signature's attributes do not name.
    pub fn emit(
        &mut self,
        mnemonic: &str,
        operands: impl IntoIterator<Item = Operand<Reg>>,
    ) -> Result<()> {
        let inst = instruction(mnemonic, operands)?;
        self.emit_instruction(inst)
    }

    /// Appends an instruction with prefixes, a mask or a rounding mode.
    ///
    /// # Errors
    /// As [`emit`](Builder::emit).
    pub fn emit_instruction(&mut self, inst: Instruction<Reg>) -> Result<()> {
        let op = self.machine(inst)?;
        self.push(op);
        Ok(())
    }

    /// Appends a copy between registers of one class, which costs nothing where both get the same one.
    ///
    /// # Errors
    /// If the classes differ.
    pub fn copy(&mut self, dst: Register, src: Register) -> Result<()> {
        if dst.class != src.class {
            let (to, from) = (dst.class.name(), src.class.name());
            let message = format!("a copy of `{from}` to `{to}`: the classes differ");
            return Err(refusal(Code::TypeMismatch, message));
        }
        self.push(Op::Copy { dst, src });
        Ok(())
    }

    /// Appends a return with these values: none, one, or two for a pair.
    ///
    /// # Errors
    /// If they are not as many as the result has.
    pub fn finish(&mut self, values: impl IntoIterator<Item = ReturnValue>) -> Result<()> {
        let values: Vec<ReturnValue> = values.into_iter().collect();
        check_result(&self.function.result, &values)?;
        self.push(Op::Return(values));
        Ok(())
    }

    /// The instructions so far, in order.
    pub fn instructions(&self) -> &[Inst] {
        &self.function.insts
    }

    /// An instruction as text.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn text(&self, index: usize) -> String {
        self.function.inst_text(&self.function.insts[index])
    }

    /// Replaces an instruction.
    ///
    /// # Errors
    /// As [`emit`](Builder::emit), or if there are fewer.
    pub fn replace(
        &mut self,
        index: usize,
        mnemonic: &str,
        operands: impl IntoIterator<Item = Operand<Reg>>,
    ) -> Result<()> {
        self.check_index(index, self.function.insts.len())?;
        let op = self.machine(instruction(mnemonic, operands)?)?;
        self.function.insts[index].op = op;
        Ok(())
    }

    /// Puts an instruction before another one.
    ///
    /// # Errors
    /// As [`emit`](Builder::emit), or if there are fewer.
    pub fn insert(
        &mut self,
        index: usize,
        mnemonic: &str,
        operands: impl IntoIterator<Item = Operand<Reg>>,
    ) -> Result<()> {
        self.check_index(index, self.function.insts.len() + 1)?;
        let op = self.machine(instruction(mnemonic, operands)?)?;
        let inst = self.inst(op);
        self.function.insts.insert(index, inst);
        Ok(())
    }

    /// Takes an instruction away.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn remove(&mut self, index: usize) -> Result<Inst> {
        self.check_index(index, self.function.insts.len())?;
        Ok(self.function.insts.remove(index))
    }

    /// The function for a convention: registers allocated, framed, checked, encoded.
    ///
    /// # Errors
    /// As for a kernel in text: what is read was not written, there are too few registers, …
    pub fn build(&self, target: impl Into<Target>) -> Result<Built> {
        self.check_labels()?;
        let mut function = expand::declare(&self.decl, target)?;
        let body = self.function.clone();
        function.vregs = body.vregs;
        function.labels = body.labels;
        function.data = body.data;
        function.locals = body.locals;
        function.insts = body.insts;
        if !function.insts.last().is_some_and(|inst| ends(&inst.op)) {
            return Err(refusal(
                Code::MissingReturn,
                "the function does not end in a return or a jump".to_string(),
            ));
        }
        let mut diagnostics = Diagnostics::new();
        match pipeline::compile_function(function, &mut Default::default(), &mut diagnostics) {
            Some(compiled) => Ok(Built { decl: self.decl.clone(), compiled }),
            None => Err(diagnostics),
        }
    }

    fn push(&mut self, op: Op) {
        let inst = self.inst(op);
        self.function.insts.push(inst);
    }

    fn inst(&self, op: Op) -> Inst {
        let in_unsafe = self.decl.is_unsafe;
        Inst { op, span: self.function.span, operand_spans: Vec::new(), in_unsafe }
    }

    fn machine(&self, inst: Instruction<Reg>) -> Result<Op> {
        match select(&inst, &self.function.features) {
            Ok(selection) => Ok(Op::Machine(Machine { inst, targets: None, selection })),
            Err(error) => {
                let message = format!("`{}`: {error}", inst.mnemonic.name());
                Err(refusal(code_of(&error), message))
            }
        }
    }

    fn places(&self, label: LabelId) -> usize {
        let is_it = |inst: &&Inst| matches!(inst.op, Op::Label(id) if id == label);
        self.function.insts.iter().filter(is_it).count()
    }

    /// Every label that is used stands somewhere, once.
    fn check_labels(&self) -> Result<()> {
        for inst in &self.function.insts {
            let Op::Machine(machine) = &inst.op else { continue };
            for operand in &machine.inst.operands {
                let Operand::Label(branch) = operand else { continue };
                if self.places(branch.label) != 1 {
                    let name = &self.function[branch.label].name;
                    let message = format!("the label `{name}` is used, and placed nowhere");
                    return Err(refusal(Code::UndefinedLabel, message));
                }
            }
        }
        Ok(())
    }

    fn check_index(&self, index: usize, end: usize) -> Result<()> {
        match index < end {
            true => Ok(()),
            false => {
                let message = format!(
                    "there is no instruction {index}: the function has {}",
                    self.function.insts.len()
                );
                Err(refusal(Code::OutOfRange, message))
            }
        }
    }
}

/// A physical register by its name, as an operand.
///
/// # Errors
/// If there is none of this name.
pub fn physical(name: &str) -> Result<Register> {
    match parse_register(&name.to_ascii_lowercase()) {
        Some((reg, class)) => Ok(View { reg: Reg::Physical(reg), class }),
        None => Err(refusal(Code::UndefinedName, format!("there is no register `{name}`"))),
    }
}

/// An instruction by its name, without prefixes and decorations.
///
/// # Errors
/// If there is none of this name.
pub fn instruction(
    mnemonic: &str,
    operands: impl IntoIterator<Item = Operand<Reg>>,
) -> Result<Instruction<Reg>> {
    let Some(found) = Mnemonic::parse(mnemonic) else {
        let nearest: Vec<String> =
            Mnemonic::nearest(mnemonic).iter().map(|name| format!("`{name}`")).collect();
        let diagnostic = Diagnostic::new(
            Code::UnknownMnemonic,
            Span::call_site(),
            format!("there is no instruction `{mnemonic}`"),
        );
        return Err(refused(match nearest.is_empty() {
            true => diagnostic,
            false => diagnostic.help(format!("did you mean {}?", nearest.join(", "))),
        }));
    };
    Ok(Instruction::new(found, operands.into_iter().collect()))
}

/// A function for one convention.
#[derive(Clone, Debug)]
pub struct Built {
    /// Signature, attributes, documentation.
    pub decl: ast::Kernel,
    /// All stages of it.
    pub compiled: CompiledFunction,
}

impl Built {
    /// Its code, without its constants.
    pub fn code(&self) -> &[u8] {
        &self.compiled.encoded.bytes[..self.compiled.encoded.code_len]
    }

    /// Its code with offsets, bytes and physical registers.
    pub fn listing(&self) -> String {
        listing::listing(&self.compiled, &Source::default())
    }

    /// Adds it to a module, under its name or what `#[export_name]` says.
    ///
    /// # Errors
    /// If the module has a function of this symbol.
    pub fn add_to(self, module: &mut Module) -> Result<()> {
        let mut diagnostics = Diagnostics::new();
        module.push(self.decl, self.compiled, &mut diagnostics);
        if diagnostics.has_errors() { Err(diagnostics) } else { Ok(()) }
    }
}

/// The kind of error that it is for authors.
fn code_of(error: &SelectError) -> Code {
    match error {
        SelectError::NoForm { .. } | SelectError::BadAddress { .. } => Code::NoForm,
        SelectError::MissingExtension(_) => Code::MissingExtension,
        SelectError::AmbiguousSize { .. } => Code::AmbiguousSize,
        SelectError::OutOfRange { .. } => Code::OutOfRange,
        SelectError::BadDecoration { .. } => Code::BadDecoration,
        SelectError::RegisterConflict { .. } => Code::RegisterConflict,
        SelectError::Refused { .. } => Code::Refused,
    }
}

/// Whether the values are what the result type wants.
fn check_result(result: &ResultKind, values: &[ReturnValue]) -> Result<()> {
    let wanted = if let ResultKind::Values(wanted) = result { wanted.as_slice() } else { &[] };
    if wanted.len() != values.len() {
        let message = format!("the result has {} parts, not {}", wanted.len(), values.len());
        return Err(refusal(Code::BadReturn, message));
    }
    for (wanted, value) in wanted.iter().zip(values) {
        let bits = wanted.bytes * 8;
        let fits = match value {
            ReturnValue::Reg(view) => view.class == wanted.class,
            ReturnValue::Imm(value) => {
                !wanted.vector && (-(1i128 << (bits - 1))..1i128 << bits).contains(value)
            }
            ReturnValue::Data(_) => wanted.vector,
            ReturnValue::RustConst(_) => !wanted.vector,
        };
        if !fits {
            let class = wanted.class.name();
            let what = if wanted.vector { "a constant" } else { "a number" };
            let message = format!("the result is a `{class}` register, or {what} of {bits} bits");
            return Err(refusal(Code::BadReturn, message));
        }
    }
    Ok(())
}

/// Whether nothing runs past it.
fn ends(op: &Op) -> bool {
    match op {
        Op::Return(_) => true,
        Op::Machine(machine) => ["jmp", "ud2"].contains(&machine.inst.mnemonic.name()),
        _ => false,
    }
}

fn check_align(align: u32, most: u32) -> Result<()> {
    match align.is_power_of_two() && align <= most {
        true => Ok(()),
        false => {
            let message =
                format!("an alignment of {align}: powers of two up to {most} are accepted");
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
