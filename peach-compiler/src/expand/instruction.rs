//! Instructions: mnemonic, prefixes and operands to a [`Machine`] whose forms are selected.

use super::evaluate::{Evaluated, place};
use super::value::Value;
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{
    Base, DataId, ForcedEncoding, Instruction, Machine, Mem, Op, Operand, Prefixes, Reg, Rounding,
    View,
};
use crate::isa::{self, Mnemonic, SelectError, Selection};
use crate::syntax::ast::{Decoration, DecorationKind, Expr, ExprKind, InstructionStatement, Name};

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
        if let Ok(mnemonic) = mnemonic {
            self.check_target(mnemonic, &statement.operands)?;
        }
        let values = self.eval_operands(&statement.operands);
        let draft = self.draft(mnemonic?, &statement.mnemonic, values?)?;
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
        let draft = self.draft(mnemonic, name, values)?;
        self.finish(draft, &[])
    }

    /// All operands with their tokens, so that each one in error is reported.
    fn eval_operands(&mut self, exprs: &'a [Expr]) -> Evaluated<Vec<(Value, &'a Expr)>> {
        let mut values = Vec::with_capacity(exprs.len());
        let mut failed = None;
        for expr in exprs {
            let (rounding, value) = match &expr.kind {
                ExprKind::Decorated(operand, decorations) => {
                    self.eval_rounded(operand, decorations)
                }
                _ => (None, self.eval(expr)),
            };
            match value {
                Ok(value) => values.push((value, expr)),
                Err(reported) => failed = Some(reported),
            }
            values.extend(rounding.map(|rounding| (Value::Rounding(rounding), expr)));
        }
        failed.map_or(Ok(values), Err)
    }

    /// `zmm3{rn-sae}`: the rounding mode of the instruction, after the last register as objdump
    /// writes it, and the operand without it.
    fn eval_rounded(
        &mut self,
        operand: &'a Expr,
        decorations: &'a [Decoration],
    ) -> (Option<Rounding>, Evaluated) {
        match decorations {
            [Decoration { kind: DecorationKind::Rounding(rounding), .. }] => {
                (Some(*rounding), self.eval(operand))
            }
            [others @ .., Decoration { kind: DecorationKind::Rounding(rounding), .. }] => {
                (Some(*rounding), self.eval_decorated(operand, others))
            }
            _ => (None, self.eval_decorated(operand, decorations)),
        }
    }

    fn draft(
        &mut self,
        mnemonic: Mnemonic,
        name: &'a Name,
        values: Vec<(Value, &'a Expr)>,
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
        let last_is_number =
            matches!(values.last(), Some((Value::Int(_) | Value::RustConst(_), _)));
        for (index, (value, expr)) in values.into_iter().enumerate() {
            match value {
                Value::Rounding(rounding) => {
                    let last = index + 1 == count || (index + 2 == count && last_is_number);
                    if !last || draft.inst.rounding.is_some() {
                        return Err(self.bad_operand(
                            expr,
                            "rounding must be the last operand, or precede an immediate that is \
                             the last",
                        ));
                    }
                    draft.inst.rounding = Some(rounding);
                }
                Value::Jumps(table) if index == 1 && mnemonic.name() == "jmp" => {
                    draft.targets = Some(self.jump_data(&table));
                    // Where indirect branches are tracked, its targets would need an `endbr64` each
                    // (Intel SDM volume 1, 17.3.2).
                    draft.inst.prefixes.notrack |= self.output.function.options.endbr64;
                }
                Value::Masked(masked) => {
                    if index != 0 {
                        return Err(
                            self.bad_operand(expr, "only the first operand can have a mask")
                        );
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

    /// A label is not a function: a `return` after it would leave the kernel, not the call.
    fn refuse_call_of_label(&mut self, draft: &Draft<'a>) -> Evaluated<()> {
        let [Operand::Label(_)] = draft.inst.operands.as_slice() else { return Ok(()) };
        if draft.inst.mnemonic.name() != "call" {
            return Ok(());
        }
        Err(self.error(
            Diagnostic::new(Code::Refused, place(draft.exprs[0]), "a label cannot be called")
                .note("`call` takes a register, memory or `sym path`")
                .help("write code that is called as a function of its own: `local fn`"),
        ))
    }

    fn bad_operand(&mut self, expr: &Expr, message: &str) -> Reported {
        self.error(Diagnostic::new(Code::BadDecoration, place(expr), message))
    }

    fn refuse_return(&mut self, mnemonic: Mnemonic, name: &Name) -> Evaluated<()> {
        if !matches!(mnemonic.name(), "ret" | "retw" | "retf" | "retfw" | "retfq") {
            return Ok(());
        }
        Err(self.error(
            Diagnostic::new(Code::Refused, name.span(), format!("`{name}` is written `return`"))
                .note("the compiler restores the registers and the stack before it returns")
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
            Value::Jumps(_) => "write `[…]` around it, or name it after the register of a `jmp`",
            Value::Slice { .. } => "write `.ptr` or `.len` after it",
            Value::Wide { .. } => "write `.lo` or `.hi` after it",
            Value::List(_) => "write an index after it",
            _ => "operands are registers, memory, immediates, data literals and labels",
        };
        let found = value.describe();
        Err(self.error(
            Diagnostic::new(Code::TypeMismatch, place(expr), format!("{found} is not an operand"))
                .help(help),
        ))
    }

    fn finish(&mut self, mut draft: Draft<'a>, prefixes: &'a [Name]) -> Evaluated<()> {
        for prefix in prefixes {
            self.prefix(&mut draft.inst, prefix)?;
        }
        isa::forget_vector_size(&mut draft.inst);
        let selected = isa::take_implied(&mut draft.inst)
            .and_then(|()| isa::count_lanes(&mut draft.inst))
            .and_then(|()| isa::select(&draft.inst, &self.output.function.features));
        if draft.inst.operands.is_empty() {
            draft.exprs.clear();
        }
        let selection = match selected {
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
                        Some(bytes) => format!("`{name}` accesses {bytes} bytes here"),
                        None => {
                            format!("the number of bytes that `{name}` accesses depends on data")
                        }
                    },
                )
                .note("the data literal is smaller"),
            ));
        }
        self.warn_of_aliases(&draft.inst, &selection, &draft.exprs);
        let spans = draft.exprs.iter().map(|e| place(e)).collect();
        if draft.inst.is_tail_call() {
            return self.tail_call(draft.inst, selection, draft.name, spans);
        }
        let machine = Machine { inst: draft.inst, targets: draft.targets, selection };
        self.emit(Op::Machine(machine), draft.name.span(), spans);
        Ok(())
    }

    /// A list of registers, where the instruction takes several in a row, as its first; the others
    /// are noted.
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

    /// One virtual register is not a group: the others would not be accounted for.
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
        let message = format!("`{name}` takes {count} consecutive registers here, found {found}");
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
        let selection = isa::select(&draft.inst, &self.output.function.features).ok();
        let selection = selection.filter(|s| self.reads_beyond_literal(&draft.inst, s).is_none());
        if let (None, Operand::Mem(mem)) = (&selection, &mut draft.inst.operands[at]) {
            mem.size = size;
        }
        selection
    }

    /// The operand that is a data literal of which more bytes are touched than it has, and how
    /// many.
    fn reads_beyond_literal(
        &self,
        inst: &Instruction<Reg>,
        selection: &Selection,
    ) -> Option<(usize, Option<u32>)> {
        let (at, len) = inst.operands.iter().enumerate().find_map(|(at, operand)| {
            let Operand::Mem(Mem { base: Base::Data(id), size, broadcast, .. }) = operand else {
                return None;
            };
            let data = &self.output.function[*id];
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
                        "two encodings are forced",
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
                    .note(
                        "the prefixes are lock, rep, repe, repz, repne, repnz, xacquire, \
                        xrelease, bnd, notrack, vex, vex3, evex",
                    ),
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
