//! Instructions: mnemonic, prefixes and operands to a [`Machine`] whose forms are selected.

use super::evaluate::{Evaluated, place, quoted};
use super::value::Value;
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{
    Base, Data, DataId, ForcedEncoding, Instruction, Machine, Mem, Op, Operand, Prefixes, Reg, View,
};
use crate::isa::{self, Bank, Class, FeatureSet, Mnemonic, SelectError, Selection};
use crate::syntax::ast::{Expr, ExprKind, InstructionStatement, Name};
use proc_macro2::Span;

/// An instruction whose operands are being collected.
struct Draft<'a> {
    inst: Instruction<Reg>,
    /// The tokens of each operand of `inst`.
    exprs: Vec<&'a Expr>,
    targets: Option<DataId>,
    /// The operand that is a data literal, whose size is known but may not be meant.
    literal: Option<usize>,
    name: &'a Name,
}

impl<'a> Expander<'a, '_> {
    /// `lock add dword [p], 1;`
    pub(super) fn instruction(&mut self, statement: &'a InstructionStatement) -> Evaluated<()> {
        let mnemonic = self.eval_mnemonic(&statement.mnemonic);
        let values = self.eval_operands(&statement.operands);
        let draft = self.draft(mnemonic?, &statement.mnemonic, values?, &statement.operands)?;
        self.finish(draft, &statement.prefixes)
    }

    /// `not(x);`: an instruction written like a call.
    pub(super) fn instruction_call(
        &mut self,
        mnemonic: Mnemonic,
        name: &'a Name,
        args: &'a [Expr],
    ) -> Evaluated<()> {
        let values = self.eval_operands(args)?;
        let draft = self.draft(mnemonic, name, values, args)?;
        self.finish(draft, &[])
    }

    /// All operands, so that each one in error is reported.
    fn eval_operands(&mut self, exprs: &'a [Expr]) -> Evaluated<Vec<Value>> {
        let mut values = Vec::with_capacity(exprs.len());
        let mut failed = None;
        for expr in exprs {
            match self.eval(expr) {
                Ok(value) => values.push(value),
                Err(reported) => failed = Some(reported),
            }
        }
        failed.map_or(Ok(values), Err)
    }

    fn draft(
        &mut self,
        mnemonic: Mnemonic,
        name: &'a Name,
        values: Vec<Value>,
        exprs: &'a [Expr],
    ) -> Evaluated<Draft<'a>> {
        self.refuse_return(mnemonic, name)?;
        let mut draft = Draft {
            inst: Instruction::new(mnemonic, Vec::with_capacity(values.len())),
            exprs: Vec::with_capacity(values.len()),
            targets: None,
            literal: None,
            name,
        };
        let count = values.len();
        let last_is_number = matches!(values.last(), Some(Value::Int(_) | Value::RustConst(_)));
        for (index, (value, expr)) in values.into_iter().zip(exprs).enumerate() {
            match value {
                Value::Rounding(rounding) => {
                    let last = index + 1 == count || (index + 2 == count && last_is_number);
                    if !last || draft.inst.rounding.is_some() {
                        return Err(self.bad_operand(
                            expr,
                            "rounding is the last operand, or stands before an immediate that comes last",
                        ));
                    }
                    draft.inst.rounding = Some(rounding);
                }
                Value::Jumps(table) if index == 1 && mnemonic.name() == "jmp" => {
                    draft.targets = Some(self.jump_data(&table));
                }
                Value::Masked(masked) => {
                    if index != 0 {
                        return Err(self.bad_operand(expr, "only the first operand takes a mask"));
                    }
                    draft.inst.mask = Some(masked.mask);
                    draft.inst.zeroing = masked.zeroing;
                    self.push_operand(&mut draft, masked.operand.clone(), expr)?;
                }
                value => self.push_operand(&mut draft, value, expr)?,
            }
        }
        self.refuse_call_of_label(&draft)?;
        Ok(draft)
    }

    /// A label is no function: a `return` behind it would leave the kernel, not the call.
    fn refuse_call_of_label(&mut self, draft: &Draft<'a>) -> Evaluated<()> {
        let [Operand::Label(_)] = draft.inst.operands.as_slice() else { return Ok(()) };
        if draft.inst.mnemonic.name() != "call" {
            return Ok(());
        }
        Err(self.error(
            Diagnostic::new(Code::Refused, place(draft.exprs[0]), "a label cannot be called")
                .note("`call` takes a register, memory or `sym path`")
                .help("write code that is used several times as a helper: `inline fn`"),
        ))
    }

    fn bad_operand(&mut self, expr: &Expr, message: &str) -> Reported {
        self.error(Diagnostic::new(Code::BadDecoration, place(expr), message))
    }

    fn refuse_return(&mut self, mnemonic: Mnemonic, name: &Name) -> Evaluated<()> {
        if !matches!(mnemonic.name(), "ret" | "retf" | "retn" | "retq" | "lret") {
            return Ok(());
        }
        Err(self.error(
            Diagnostic::new(Code::Refused, name.span(), format!("`{name}` is written `return`"))
                .note("the compiler restores registers and stack before it leaves")
                .help("write `return;` or `return x;`"),
        ))
    }

    fn push_operand(
        &mut self,
        draft: &mut Draft<'a>,
        value: Value,
        expr: &'a Expr,
    ) -> Evaluated<()> {
        if matches!(value, Value::Data(_)) {
            draft.literal = Some(draft.inst.operands.len());
        }
        let value = self.block_of_registers(draft, value, expr)?;
        let operand = self.operand(value, expr)?;
        draft.inst.operands.push(operand);
        draft.exprs.push(expr);
        Ok(())
    }

    /// A value as an operand.
    pub(super) fn operand(&mut self, value: Value, expr: &Expr) -> Evaluated<Operand<Reg>> {
        let help = match value {
            Value::Int(n) => return Ok(Operand::Imm(n)),
            Value::Reg(view) => return Ok(Operand::Reg(view)),
            Value::Mem(mem) => {
                let mem = std::rc::Rc::try_unwrap(mem).unwrap_or_else(|shared| (*shared).clone());
                return Ok(Operand::Mem(mem));
            }
            Value::Data(literal) => {
                let mut mem = Mem::new(Base::Data(self.literal_data(&literal)), 0);
                mem.size = Some(literal.bytes.len() as u32);
                return Ok(Operand::Mem(mem));
            }
            Value::Label(branch) => return Ok(Operand::Label(branch)),
            Value::RustConst(id) => return Ok(Operand::RustConst(id)),
            Value::RustSym(id) => return Ok(Operand::RustSym(id)),
            Value::Float(_) => {
                "write its bits as an immediate, `bits(1.5f32)`, or data in memory, `f32(1.5)`"
            }
            Value::Bool(_) => "write 0 or 1",
            Value::Local(_) | Value::Table(_) => "memory is written in brackets",
            Value::Jumps(_) => "write `[…]` around it, or name it behind the register of a `jmp`",
            Value::Slice { .. } => "write `.ptr` or `.len` behind it",
            Value::Wide { .. } => "write `.lo` or `.hi` behind it",
            Value::List(_) => "write an index behind it",
            _ => "operands are registers, memory, immediates, data literals and labels",
        };
        let found = value.describe();
        Err(self.error(
            Diagnostic::new(Code::TypeMismatch, place(expr), format!("{found} is no operand"))
                .help(help),
        ))
    }

    fn finish(&mut self, mut draft: Draft<'a>, prefixes: &'a [Name]) -> Evaluated<()> {
        for prefix in prefixes {
            self.prefix(&mut draft.inst, prefix)?;
        }
        let selection = match isa::select(&draft.inst, &self.function.features) {
            Ok(selection) => selection,
            Err(error) => match self.select_beyond_literal(&mut draft) {
                Some(selection) => selection,
                None => {
                    let Draft { inst, exprs, name, .. } = &draft;
                    let is_of_prefix =
                        matches!(error, SelectError::BadDecoration { operand: None, .. });
                    let blamed = prefixes.last().filter(|_| is_of_prefix).unwrap_or(name);
                    return Err(self.select_error(
                        inst,
                        &name.to_string(),
                        blamed.span(),
                        exprs,
                        error,
                    ));
                }
            },
        };
        self.refuse_single(&draft, &selection)?;
        if let Some((at, bytes)) = self.reads_beyond_literal(&draft.inst, &selection) {
            let expr = draft.exprs[at];
            let name = draft.name;
            return Err(self.error(
                Diagnostic::new(
                    Code::OutOfBounds,
                    place(expr),
                    match bytes {
                        Some(bytes) => format!("`{name}` touches {bytes} bytes here"),
                        None => format!("how many bytes `{name}` touches depends on data"),
                    },
                )
                .note("the data literal is smaller"),
            ));
        }
        let spans = draft.exprs.iter().map(|e| place(e)).collect();
        let machine = Machine { inst: draft.inst, targets: draft.targets, selection };
        self.emit(Op::Machine(machine), draft.name.span(), spans);
        Ok(())
    }

    /// A list of registers, where the instruction takes several in a row, as its first; the others are
    /// noted.
    fn block_of_registers(
        &mut self,
        draft: &mut Draft<'a>,
        value: Value,
        expr: &'a Expr,
    ) -> Evaluated<Value> {
        let Value::List(list) = &value else { return Ok(value) };
        let at = draft.inst.operands.len();
        match isa::block_of(draft.inst.mnemonic) {
            Some((operand, count)) if operand == at => match registers_in(list) {
                Some((first, rest)) if rest.len() + 1 == count => {
                    draft.inst.block = rest;
                    Ok(Value::Reg(first))
                }
                _ => Err(self.no_block(draft.name, expr, count, &value.describe())),
            },
            _ => Ok(value),
        }
    }

    /// One virtual register is no block: nobody would know of the others.
    fn refuse_single(&mut self, draft: &Draft<'a>, selection: &Selection) -> Evaluated<()> {
        match selection.block() {
            Some((operand, count)) if draft.inst.block.is_empty() => {
                let given = &draft.inst.operands[operand];
                if matches!(given, Operand::Reg(View { reg: Reg::Virtual(_), .. })) {
                    return Err(self.no_block(draft.name, draft.exprs[operand], count, "one"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn no_block(&mut self, name: &Name, expr: &Expr, count: usize, found: &str) -> Reported {
        let message = format!("`{name}` takes {count} registers in a row here, found {found}");
        self.error(
            Diagnostic::new(Code::TypeMismatch, place(expr), message)
                .help(format!("declare an array of {count} registers and write its name")),
        )
    }

    /// A data literal has a size, but `movddup` reads half of 16 bytes: tries without the size.
    fn select_beyond_literal(&mut self, draft: &mut Draft<'a>) -> Option<Selection> {
        let at = draft.literal?;
        let Operand::Mem(mem) = &mut draft.inst.operands[at] else { return None };
        let size = mem.size.take();
        let selection = isa::select(&draft.inst, &self.function.features).ok();
        let selection = selection.filter(|s| self.reads_beyond_literal(&draft.inst, s).is_none());
        if let (None, Operand::Mem(mem)) = (&selection, &mut draft.inst.operands[at]) {
            mem.size = size;
        }
        selection
    }

    /// The operand that is a data literal of which more bytes are touched than it has, and how many.
    fn reads_beyond_literal(
        &self,
        inst: &Instruction<Reg>,
        selection: &Selection,
    ) -> Option<(usize, Option<u32>)> {
        let (at, len) = inst.operands.iter().enumerate().find_map(|(at, operand)| {
            let Operand::Mem(Mem { base: Base::Data(id), size, broadcast, .. }) = operand else {
                return None;
            };
            let data = &self.function[*id];
            let len = data.content.len() as u32;
            let exact = *size == Some(len) && broadcast.is_none();
            (data.name.is_none() && !exact).then_some((at, len))
        })?;
        isa::effects(inst, selection)
            .memory
            .iter()
            .filter(|access| access.operand == Some(at) && !access.address_only)
            .find(|access| access.bytes.is_none_or(|bytes| bytes > len))
            .map(|access| (at, access.bytes))
    }

    fn prefix(&mut self, inst: &mut Instruction<Reg>, name: &Name) -> Evaluated<()> {
        let text = name.to_string().to_ascii_lowercase();
        let flags: &mut Prefixes = &mut inst.prefixes;
        let flag = match &*text {
            "lock" => &mut flags.lock,
            "rep" | "repe" | "repz" => &mut flags.rep,
            "repne" | "repnz" => &mut flags.repne,
            "xacquire" => &mut flags.xacquire,
            "xrelease" => &mut flags.xrelease,
            "bnd" => &mut flags.bnd,
            "notrack" => &mut flags.notrack,
            "evex" | "vex" | "vex3" => {
                let forced = match &*text {
                    "evex" => ForcedEncoding::Evex,
                    "vex" => ForcedEncoding::Vex,
                    _ => ForcedEncoding::Vex3,
                };
                if inst.encoding.replace(forced).is_some_and(|other| other != forced) {
                    return Err(self.error(Diagnostic::new(
                        Code::BadDecoration,
                        name.span(),
                        "two encodings are forced at once",
                    )));
                }
                return Ok(());
            }
            _ => {
                return Err(self.error(
                    Diagnostic::new(
                        Code::BadDecoration,
                        name.span(),
                        format!("`{name}` is not a prefix"),
                    )
                    .note("the prefixes: lock, rep, repe, repz, repne, repnz, xacquire, xrelease, bnd, notrack, vex, vex3, evex"),
                ));
            }
        };
        if std::mem::replace(flag, true) {
            return Err(self.error(Diagnostic::new(
                Code::BadDecoration,
                name.span(),
                format!("the prefix `{name}` is written twice"),
            )));
        }
        Ok(())
    }

    /// Reports why no form fits, at the operand that is to blame.
    pub(super) fn select_error(
        &mut self,
        inst: &Instruction<Reg>,
        name: &str,
        span: Span,
        exprs: &[&Expr],
        error: SelectError,
    ) -> Reported {
        let at = |operand: Option<usize>| match operand.and_then(|i| exprs.get(i)) {
            Some(expr) => place(expr),
            None => span.into(),
        };
        let diagnostic = match error {
            SelectError::NoForm { forms, operand } => {
                let operands: Vec<String> = inst
                    .operands
                    .iter()
                    .map(|o| describe_operand(o, &self.function.data))
                    .collect();
                let message = match (operand, operands.is_empty()) {
                    (_, true) => format!("`{name}` needs operands"),
                    (Some(i), _) => format!(
                        "`{name}` does not take {} here",
                        operands.get(i).map_or("this", |o| o)
                    ),
                    (None, _) => format!("`{name}` has no form for {}", operands.join(", ")),
                };
                let mut diagnostic = Diagnostic::new(Code::NoForm, at(operand), message);
                if !forms.is_empty() {
                    diagnostic =
                        diagnostic.note(format!("the forms there are:\n{}", forms.join("\n")));
                }
                match self.fitting_view(inst, operand, exprs) {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic,
                }
            }
            SelectError::MissingExtension(sets) => {
                self.missing_extension(span, &format!("`{name}`"), &sets)
            }
            SelectError::AmbiguousSize { operand, sizes } => {
                let words: Vec<&str> = sizes.iter().map(|s| size_word(*s)).collect();
                Diagnostic::new(
                    Code::AmbiguousSize,
                    at(Some(operand)),
                    "the size of this operand is open",
                )
                .help(format!("write {} before it", quoted(&words)))
            }
            SelectError::OutOfRange { operand, accepted } => {
                let message = match inst.operands.get(operand) {
                    Some(Operand::Imm(n)) => format!("{n} does not fit here"),
                    _ => "the value does not fit here".into(),
                };
                Diagnostic::new(Code::OutOfRange, at(Some(operand)), message)
                    .note(format!("`{name}` takes {accepted}"))
            }
            SelectError::BadAddress { operand, message } => {
                let is_range = message.contains("does not fit");
                let code = if is_range { Code::OutOfRange } else { Code::NoForm };
                Diagnostic::new(code, at(Some(operand)), message)
            }
            SelectError::BadDecoration { message, operand } => {
                Diagnostic::new(Code::BadDecoration, at(operand), message)
            }
            SelectError::RegisterConflict { message, operand } => {
                Diagnostic::new(Code::RegisterConflict, at(Some(operand)), message)
            }
            SelectError::Refused { message } => Diagnostic::new(Code::Refused, span, message),
        };
        self.error(diagnostic)
    }

    /// What to write where another view of one register fits: `shl x, count.gp8`.
    fn fitting_view(
        &self,
        inst: &Instruction<Reg>,
        guilty: Option<usize>,
        exprs: &[&Expr],
    ) -> Option<String> {
        let operands = guilty.map_or(0..inst.operands.len(), |operand| operand..operand + 1);
        for at in operands {
            let Some(Operand::Reg(view)) = inst.operands.get(at) else { continue };
            let others: &[Class] = match view.class.bank() {
                Bank::Gp => &[Class::Gp64, Class::Gp32, Class::Gp16, Class::Gp8],
                Bank::Vector => &[Class::Xmm, Class::Ymm, Class::Zmm],
                _ => &[],
            };
            for &class in others.iter().filter(|class| **class != view.class) {
                let mut other = inst.clone();
                other.operands[at] = Operand::Reg(View { class, ..*view });
                if isa::select(&other, &self.function.features).is_ok() {
                    return Some(match (view.reg, exprs.get(at).map(|expr| &expr.kind)) {
                        (Reg::Physical(reg), _) => {
                            format!("write `{}`", isa::register_name(reg, class))
                        }
                        (_, Some(ExprKind::Name(name))) => {
                            format!("write `{name}.{}`", class.name())
                        }
                        _ => format!("write `.{}` behind it", class.name()),
                    });
                }
            }
        }
        None
    }

    /// An error that names the extension to enable.
    pub(super) fn missing_extension(
        &self,
        span: Span,
        what: &str,
        sets: &[Vec<isa::Feature>],
    ) -> Diagnostic {
        let lists: Vec<String> = sets
            .iter()
            .map(|set| {
                let mut wanted = FeatureSet::default();
                set.iter().for_each(|feature| wanted.insert(*feature));
                let missing = self.function.features.missing(wanted);
                missing.iter().map(|f| f.name()).collect::<Vec<_>>().join(",")
            })
            .collect();
        let names: Vec<&str> = lists.iter().map(|l| &**l).collect();
        let attribute = match self.in_version {
            true => "#[version(enable = \"…\")]",
            false => "#[target_feature(enable = \"…\")]",
        };
        let first = names.first().copied().unwrap_or_default();
        let needs = format!("{what} needs the extension {}", quoted(&names));
        let convention = self.function.convention;
        let is_unknown = |set: &Vec<isa::Feature>| {
            let known = convention.sandbox.map(|sandbox| sandbox.features());
            known.is_some_and(|known| !known.missing(set.iter().copied().collect()).is_empty())
        };
        if sets.iter().all(is_unknown) {
            let name = convention.name;
            let message = format!("{needs}, which validators of `{name}` code do not know");
            return Diagnostic::new(Code::MissingExtension, span, message).help(format!(
                "write another way without it: `if isa(\"{first}\") {{ … }} else {{ … }}`"
            ));
        }
        Diagnostic::new(Code::MissingExtension, span, format!("{needs}, which is not enabled"))
            .help(format!("add `{}`", attribute.replace('…', first)))
    }
}

/// The first of a list of registers of one class, and the others.
fn registers_in(list: &[Value]) -> Option<(View<Reg>, Vec<Reg>)> {
    let [Value::Reg(first), rest @ ..] = list else { return None };
    let rest: Option<Vec<Reg>> = rest
        .iter()
        .map(|value| match value {
            Value::Reg(view) if view.class == first.class => Some(view.reg),
            _ => None,
        })
        .collect();
    Some((*first, rest?))
}

/// An operand in the manual's words.
fn describe_operand(operand: &Operand<Reg>, data: &[Data]) -> String {
    match operand {
        Operand::Reg(view) => match view.reg {
            Reg::Physical(reg) => format!("`{}`", isa::register_name(reg, view.class)),
            Reg::Virtual(_) if view.class == Class::Xmm => "an `xmm`".into(),
            Reg::Virtual(_) => format!("a `{}`", view.class.name()),
        },
        Operand::Mem(mem) => match (mem.size, mem.base) {
            (Some(size), Base::Data(id)) if data[id.index()].name.is_none() => {
                format!("a data literal of {size} bytes")
            }
            (Some(size), _) => format!("`{}` memory", size_word(size)),
            (None, _) => "memory".into(),
        },
        Operand::Imm(n) => format!("the immediate {n}"),
        Operand::RustConst(_) => "a Rust constant".into(),
        Operand::RustSym(_) => "the address of a Rust item".into(),
        Operand::Label(_) => "a label".into(),
        Operand::Relative(_) => "a branch offset".into(),
    }
}

/// The word that is written for a size in bytes.
fn size_word(bytes: u32) -> &'static str {
    match bytes {
        1 => "byte",
        2 => "word",
        4 => "dword",
        8 => "qword",
        10 => "tbyte",
        16 => "xmmword",
        32 => "ymmword",
        64 => "zmmword",
        6 => "fword",
        _ => "a size",
    }
}
