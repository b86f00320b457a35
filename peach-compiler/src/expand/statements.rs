//! Statements: what each of them does to scopes and to the list of instructions.

use super::evaluate::{Evaluated, LOOP, place};
use super::names::Symbol;
use super::scope::Mark;
use super::value::Value;
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Declassified, Ghost, Op};
use crate::syntax::ast::{
    self, Block, Call, Element, Expr, Label, Let, Name, Pattern, Statement, StatementKind,
    TableElement,
};
use proc_macro2::Span;
use std::collections::HashMap;

/// A block being expanded.
#[derive(Clone, Copy)]
pub(super) struct OpenBlock<'a> {
    pub(super) block: &'a Block,
    /// The statement being expanded.
    pub(super) at: usize,
    frame: u32,
}

/// Words that nothing may be called.
const RESERVED: [&str; 3] = ["invariant", "declassify", "from_fn"];

/// The limit of iterations of one `while`.
const TURNS_MAX: u32 = 1 << 16;

/// After this many errors, further iterations of a `for` report nothing new.
const LOOP_ERRORS_MAX: usize = 64;

/// The limit of iterations of one `for`.
const RANGE_MAX: u64 = 1 << 20;

impl<'a> Expander<'a, '_> {
    /// The statements of a block, in a scope of their own.
    pub(super) fn block(&mut self, block: &'a Block) {
        let mark = self.scopes.enter();
        self.block_statements(block, block.statements.len());
        self.leave_scope(mark);
    }

    /// The first `count` statements of a block, in the scope that is open.
    pub(super) fn block_statements(&mut self, block: &'a Block, count: usize) {
        if self.descend(block.span.0).is_err() {
            return;
        }
        let labels = self.enter_labels(block);
        self.statements(block, count);
        self.leave_labels(labels);
        self.ascend();
    }

    fn statements(&mut self, block: &'a Block, count: usize) {
        self.around.blocks.push(OpenBlock { block, at: 0, frame: self.scopes.frame() });
        for (at, statement) in block.statements.iter().take(count).enumerate() {
            if self.spend(1, statement.span.0).is_err() {
                break;
            }
            if let Some(open) = self.around.blocks.last_mut() {
                open.at = at;
            }
            // What is left out is in error, and so is the function; what follows is expanded.
            if let Err(reported) = self.statement(statement) {
                self.status.failed = Some(reported);
            }
        }
        self.around.blocks.pop();
    }

    /// A branch of a compile-time `if`: its braces are a scope for names, not for labels.
    fn branch(&mut self, block: &'a Block) -> Evaluated<()> {
        self.descend(block.span.0)?;
        let mark = self.scopes.enter();
        self.statements(block, block.statements.len());
        self.leave_scope(mark);
        self.ascend();
        Ok(())
    }

    /// Closes a scope; its streams must have been emitted.
    pub(super) fn leave_scope(&mut self, mark: Mark) {
        let mut streams = Vec::new();
        self.scopes.leave(mark, |binding| {
            if let Value::Stream(stream) = binding.value {
                streams.push(stream);
            }
        });
        for stream in streams {
            self.end_stream(stream);
        }
    }

    fn statement(&mut self, statement: &'a Statement) -> Evaluated<()> {
        match &statement.kind {
            StatementKind::Instruction(instruction) => self.instruction(instruction),
            StatementKind::Let(item) => self.let_statement(item),
            StatementKind::Alias(pattern, value) => self.alias(pattern, value),
            StatementKind::LetConst(name, value) => self.let_const(name, value),
            StatementKind::Const(item) => self.local_const(item),
            StatementKind::Table(table) => self.local_table(table),
            StatementKind::Assign(target, value) => self.assign_statement(target, value),
            StatementKind::AssignOp(target, op, value) => self.assign_op(target, *op, value),
            StatementKind::Call(call) => self.call_statement(call),
            StatementKind::Helper(helper) => self.declare_helper(helper),
            StatementKind::Label(label) => self.define_label(label),
            StatementKind::Block { label, unsafety, body } => {
                self.nested_block(label.as_ref(), unsafety.is_some(), body)
            }
            StatementKind::For(pattern, iterable, body) => {
                self.for_statement(pattern, iterable, body)
            }
            StatementKind::While(condition, body) => self.while_statement(condition, body),
            StatementKind::If(branches) => self.if_statement(branches),
            StatementKind::Assert(condition, message) => self.assertion(condition, message),
            StatementKind::Return(value) => self.return_statement(statement, value.as_ref()),
            StatementKind::Stream(name, body) => self.record_stream(name, body),
            StatementKind::Issue(name, count) => self.issue(name, count),
            StatementKind::Emit(name, index) => self.emit_from_stream(name, index),
            StatementKind::Interleave(parts) => self.interleave(statement, parts),
            StatementKind::Invariant(comparisons) => {
                self.invariant_statement(statement, comparisons)
            }
            StatementKind::Align(expr) => self.align(statement, expr),
            StatementKind::Db(values) => self.raw_bytes(statement, values),
            StatementKind::Declassify(places) => self.declassify(statement, places),
        }
    }

    fn let_const(&mut self, name: &'a Name, value: &'a Expr) -> Evaluated<()> {
        let value = self.eval_list(value).into();
        self.check_name(name)?;
        let symbol = self.names.symbol(name);
        self.scopes.declare_variable(symbol, value);
        Ok(())
    }

    fn local_const(&mut self, item: &'a ast::Const) -> Evaluated<()> {
        let value = self.eval_typed_const(item).into();
        self.check_name(&item.name)?;
        let symbol = self.names.symbol(&item.name);
        let lends = item.ty.as_ref().and_then(|ty| Element::from_name(&ty.to_string()));
        self.scopes.declare_typed(symbol, value, lends);
        Ok(())
    }

    fn local_table(&mut self, table: &'a ast::Table) -> Evaluated<()> {
        let value = match &table.element {
            TableElement::Number(element, name) => self.eval_table(table, *element, name),
            TableElement::Label => self.eval_jump_table(table),
        };
        self.check_name(&table.name)?;
        let symbol = self.names.symbol(&table.name);
        self.scopes.declare(symbol, value.into());
        Ok(())
    }

    /// A name that is declared may be anything but a physical register's.
    pub(super) fn check_name(&mut self, name: &'a Name) -> Evaluated<()> {
        let symbol = self.names.symbol(name);
        let info = self.names.info(symbol);
        if let Some(register) = info.text.strip_prefix("r#") {
            let message =
                format!("`{register}` is a physical register: `{name}` cannot be declared");
            return Err(self.error(
                Diagnostic::new(Code::Syntax, name.span(), message)
                    .note("arguments of kernels alone can be called like registers")
                    .help("choose another name"),
            ));
        }
        if RESERVED.contains(&&*info.text) {
            return Err(self.reserved(name));
        }
        if info.register.is_none() {
            return Ok(());
        }
        Err(self.error(
            Diagnostic::new(
                Code::Syntax,
                name.span(),
                format!("`{name}` is a physical register and cannot be declared"),
            )
            .note("physical registers are used without a declaration")
            .help("choose another name"),
        ))
    }

    fn reserved(&mut self, name: &Name) -> Reported {
        let message = format!("`{name}` is a word of the language and cannot be declared");
        self.error(Diagnostic::new(Code::Syntax, name.span(), message).help("choose another name"))
    }

    /// An argument may be called like a physical register, where it says that it is none.
    pub(super) fn check_argument_name(&mut self, name: &'a Name) -> Evaluated<()> {
        let symbol = self.names.symbol(name);
        let info = self.names.info(symbol);
        if RESERVED.contains(&&*info.text) {
            return Err(self.reserved(name));
        }
        if info.register.is_none() {
            return Ok(());
        }
        let message = format!("`{name}` is a physical register, and cannot be an argument");
        Err(self.error(Diagnostic::new(Code::Syntax, name.span(), message).help(format!(
            "write `r#{name}` here and wherever the argument is meant, or choose another name"
        ))))
    }

    fn nested_block(
        &mut self,
        label: Option<&'a Label>,
        is_unsafe: bool,
        body: &'a Block,
    ) -> Evaluated<()> {
        let outer_unsafe = self.around.in_unsafe;
        let mark = self.mark_labels();
        let end = label.map(|label| self.start_block_label(label)).transpose();
        self.around.in_unsafe |= is_unsafe;
        self.block(body);
        self.around.in_unsafe = outer_unsafe;
        if let Ok(Some(end)) = end {
            self.end_block_label(end, mark, body.span.1);
        }
        end.map(|_| ())
    }

    fn for_statement(
        &mut self,
        pattern: &'a Pattern,
        iterable: &'a Expr,
        body: &'a Block,
    ) -> Evaluated<()> {
        let values = self.eval_elements(iterable)?;
        let (count, element): (u64, Box<dyn Fn(u64) -> Value>) = match &values {
            Value::Range(range) => (range.count, Box::new(|turn| Value::Int(range.get(turn)))),
            Value::List(list) => (list.len() as u64, Box::new(|turn| list[turn as usize].clone())),
            other => {
                let error = Diagnostic::new(
                    Code::TypeMismatch,
                    place(iterable),
                    format!("`for` cannot iterate over {}", other.describe()),
                );
                let error = error.note(
                    "it iterates over ranges, lists, arrays of registers, tables and `zip(a, b)`",
                );
                return Err(self.error(match other {
                    Value::Reg(_) | Value::Slice { .. } => error.help(LOOP),
                    _ => error,
                }));
            }
        };
        if count > RANGE_MAX {
            return Err(self.stop(place(iterable), &format!("`for` would run {count} times")));
        }
        let errors = self.reports.count;
        for turn in 0..count {
            if self.reports.count > errors + LOOP_ERRORS_MAX {
                break;
            }
            self.spend(1, place(iterable))?;
            let mark = self.scopes.enter();
            let bound = self.bind_pattern(pattern, element(turn));
            if bound.is_ok() {
                self.block(body);
            }
            self.leave_scope(mark);
            bound?;
        }
        Ok(())
    }

    /// Gives a value to the names of a pattern.
    pub(super) fn bind_pattern(&mut self, pattern: &'a Pattern, value: Value) -> Evaluated<()> {
        match (pattern, value) {
            (Pattern::Name(name), value) => {
                if name == "_" {
                    return Ok(());
                }
                let checked = self.check_name(name);
                let symbol = self.names.symbol(name);
                self.scopes.declare(symbol, value);
                checked
            }
            (Pattern::Tuple(parts), Value::Tuple(values) | Value::List(values))
                if parts.len() == values.len() =>
            {
                for (part, value) in parts.iter().zip(values.iter()) {
                    self.bind_pattern(part, value.clone())?;
                }
                Ok(())
            }
            (Pattern::Tuple(parts), value) => {
                let reported = match value {
                    Value::Poison(reported) => reported,
                    value => self.error(Diagnostic::new(
                        Code::TypeMismatch,
                        pattern.span(),
                        format!("{} names are bound to {}", parts.len(), value.describe()),
                    )),
                };
                for part in parts {
                    let _: Result<(), Reported> = self.bind_pattern(part, Value::Poison(reported));
                }
                Err(reported)
            }
        }
    }

    fn while_statement(&mut self, condition: &'a Expr, body: &'a Block) -> Evaluated<()> {
        for _ in 0..TURNS_MAX {
            if !self.eval_bool(condition)? {
                return Ok(());
            }
            self.spend(1, place(condition))?;
            let errors = self.reports.count;
            self.block(body);
            if let (true, Some(reported)) = (self.reports.count > errors, self.status.failed) {
                // What was left out may be what ends the loop.
                return Err(reported);
            }
        }
        Err(self.stop(place(condition), &format!("this `while` exceeded {TURNS_MAX} iterations")))
    }

    fn if_statement(&mut self, branches: &'a [(Option<Expr>, Block)]) -> Evaluated<()> {
        for (condition, body) in branches {
            let taken = match condition {
                Some(condition) => self.eval_bool(condition)?,
                None => true,
            };
            if taken {
                return self.branch(body);
            }
        }
        Ok(())
    }

    fn assertion(&mut self, condition: &'a Expr, message: &Option<String>) -> Evaluated<()> {
        if self.eval_bool(condition)? {
            return Ok(());
        }
        Err(self.failed_assertion(condition, message))
    }

    pub(super) fn failed_assertion(
        &mut self,
        condition: &Expr,
        message: &Option<String>,
    ) -> Reported {
        let text = match message {
            Some(message) => format!("assertion failed: {message}"),
            None => "assertion failed".into(),
        };
        self.error(Diagnostic::new(Code::AssertFailed, place(condition), text))
    }

    fn align(&mut self, statement: &Statement, expr: &'a Expr) -> Evaluated<()> {
        let n = self.eval_int(expr)?;
        match u32::try_from(n) {
            Ok(align) if align.is_power_of_two() && align <= 4096 => {
                self.emit(Op::Align(align), statement.span.0, vec![place(expr)]);
                Ok(())
            }
            _ => Err(self.error(
                Diagnostic::new(Code::OutOfRange, place(expr), format!("invalid alignment {n}"))
                    .note("code can be aligned to a power of two up to 4096"),
            )),
        }
    }

    fn raw_bytes(&mut self, statement: &Statement, values: &'a [Expr]) -> Evaluated<()> {
        let mut bytes = Vec::with_capacity(values.len());
        for expr in values {
            let n = self.eval_int_in(expr, "a byte", (-128, 255))?;
            bytes.push(n as u8);
        }
        self.emit(Op::Bytes(bytes), statement.span.0, Vec::new());
        Ok(())
    }

    /// `declassify a, b;`
    fn declassify(&mut self, statement: &Statement, places: &'a [Expr]) -> Evaluated<()> {
        if let Some(stream) = self.around.recording {
            let message = "`declassify` is not allowed in a stream";
            return Err(self.error(
                Diagnostic::new(Code::StreamMisuse, statement.span.0, message)
                    .label(stream, "the stream")
                    .note("streams hold instructions, which are counted and emitted one by one")
                    .help("write it between the instructions that are issued"),
            ));
        }
        let mut found = Vec::new();
        for expr in places {
            let value = self.eval(expr)?;
            self.find_declassified(&value, expr, &mut found)?;
        }
        let spans = places.iter().map(place).collect();
        self.emit(Op::Ghost(Ghost::Declassify(found)), statement.span.0, spans);
        Ok(())
    }

    fn find_declassified(
        &mut self,
        value: &Value,
        expr: &'a Expr,
        found: &mut Vec<Declassified>,
    ) -> Evaluated<()> {
        match value {
            Value::Reg(view) => found.push(Declassified::Reg(*view)),
            Value::Wide { lo, hi } => found.extend([lo, hi].map(|half| Declassified::Reg(*half))),
            Value::Local(local) => found.push(Declassified::Local(*local)),
            Value::List(parts) | Value::Tuple(parts) => {
                for part in parts.iter() {
                    self.find_declassified(part, expr, found)?;
                }
            }
            Value::Poison(reported) => return Err(*reported),
            other => {
                let message = format!("`declassify` cannot be applied to {}", other.describe());
                let error = Diagnostic::new(Code::TypeMismatch, place(expr), message).note(
                    "it takes registers, their views, arrays of registers and stack variables",
                );
                return Err(self.error(match other {
                    Value::Mem(_) => error.help("load it, and declassify the register"),
                    _ => error,
                }));
            }
        }
        Ok(())
    }

    /// `name(args);`
    fn call_statement(&mut self, call: &'a Call) -> Evaluated<()> {
        let symbol = self.names.symbol(&call.name);
        if self.names.info(symbol).mnemonic.is_some() || !self.is_callable(symbol) {
            let mnemonic = self.eval_mnemonic(&call.name)?;
            return self.instruction_call(mnemonic, &call.name, &call.args);
        }
        self.expand_helper(symbol, call).map(|_| ())
    }

    /// The place of a statement further down that declares a name.
    pub(super) fn declared_later(&mut self, symbol: Symbol) -> Option<Span> {
        let text = self.names.text(symbol);
        let frame = self.scopes.frame();
        self.around.blocks.iter().rev().take_while(|open| open.frame == frame).find_map(|open| {
            let key = std::ptr::from_ref(open.block);
            let all = self.declarations.entry(key).or_insert_with(|| declarations(open.block));
            let of_name = all.get(&*text)?;
            let next = of_name.partition_point(|(at, _)| *at < open.at);
            of_name.get(next).map(|(_, span)| *span)
        })
    }
}

/// The names that the statements of a block declare: which statements do, and where.
pub(super) type Declarations = HashMap<String, Vec<(usize, Span)>>;

fn declarations(block: &Block) -> Declarations {
    let mut all = Declarations::new();
    for (at, statement) in block.statements.iter().enumerate() {
        let mut add = |name: &Name| {
            all.entry(ast::name_text(name)).or_default().push((at, name.span()));
        };
        match &statement.kind {
            StatementKind::Let(Let { names, .. }) => names.iter().for_each(add),
            StatementKind::Alias(pattern, _) => {
                let mut names = Vec::new();
                pattern.clone().names(&mut names);
                names.iter().for_each(add);
            }
            StatementKind::LetConst(name, _) | StatementKind::Stream(name, _) => add(name),
            StatementKind::Const(item) => add(&item.name),
            StatementKind::Table(item) => add(&item.name),
            StatementKind::Helper(item) => add(&item.name),
            _ => {}
        }
    }
    all
}
