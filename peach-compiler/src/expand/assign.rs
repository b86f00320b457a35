//! `let` and `=`: registers, arrays of them, stack variables, names for operands, compile-time
//! variables. (What an assignment of a register stands for is said in `load`.)

use super::evaluate::{Evaluated, place};
use super::value::Value;
use super::{Expander, Reported, constant, habits};
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Local, LocalId, Reg, STACK_BYTES_MAX, View};
use crate::isa::Class;
use crate::syntax::ast::{
    self, BinaryOp, ClassExpr, Element, Expr, ExprKind, Let, LetType, Name, Pattern,
};
use proc_macro2::Span;

/// The largest stack variable, in bytes.
const LOCAL_BYTES_MAX: i128 = 1 << 24;

/// The most registers in one array.
const ARRAY_MAX: i128 = 4096;

impl<'a> Expander<'a, '_> {
    /// `let x: gp64;`, `let a, b: ymm;`, `let buf: [f32; 16];`
    pub(super) fn let_statement(&mut self, item: &'a Let) -> Evaluated<()> {
        match &item.ty {
            LetType::Memory { element, length } => self.let_memory(item, *element, length),
            LetType::Class(class) => self.let_registers(item, class),
        }
    }

    /// `let x = operand;`
    pub(super) fn alias(&mut self, pattern: &'a Pattern, expr: &'a Expr) -> Evaluated<()> {
        let value = self.eval(expr);
        let result = value.as_ref().map(|_| ()).map_err(|reported| *reported);
        self.bind_pattern(pattern, value.into())?;
        self.note_aliases(pattern);
        result
    }

    /// `let x: gp64;`, `let acc: [ymm; 8];`, `let i, j: gp32 = 0;`
    fn let_registers(&mut self, item: &'a Let, class: &'a ClassExpr) -> Evaluated<()> {
        // The value is evaluated first: `let x: gp64 = x;` reads the outer `x`.
        let declared = self.class_of(class);
        let value = item.value.as_ref().map(|expr| self.eval_initial(expr, &declared));
        let targets: Vec<Evaluated> =
            item.names.iter().map(|name| self.declare_registers(name, &declared)).collect();
        let targets: Vec<Value> = targets.into_iter().collect::<Evaluated<_>>()?;
        let (Some(value), Some(expr)) = (value, &item.value) else { return Ok(()) };
        let value = value?;
        for (name, target) in item.names.iter().zip(targets) {
            self.assign(&target, value.clone(), name.span(), expr)?;
        }
        Ok(())
    }

    /// Declares one name for registers, or for what is missing of them.
    fn declare_registers(
        &mut self,
        name: &'a Name,
        declared: &Evaluated<(Class, Vec<usize>)>,
    ) -> Evaluated {
        let symbol = self.names.symbol(name);
        let text = self.names.text(symbol);
        let target = self.check_name(name).and_then(|()| {
            let (class, lengths) = declared.as_ref().map_err(|reported| *reported)?;
            Ok(self.new_registers(&text, *class, lengths, name.span()))
        });
        if &*text != "_" {
            self.scopes.declare(symbol, target.clone().into());
        }
        target
    }

    /// A value for a place of this class: `[a]` is a list for an array, memory for a register.
    fn eval_initial(
        &mut self,
        expr: &'a Expr,
        declared: &Evaluated<(Class, Vec<usize>)>,
    ) -> Evaluated {
        match declared {
            _ if self.is_undefined(expr) => Ok(Value::Undefined),
            Ok((_, lengths)) => self.eval_shaped(expr, lengths),
            Err(reported) => Err(*reported),
        }
    }

    /// Whether `expr` is the word `undefined`, and not a name that was given to something.
    fn is_undefined(&mut self, expr: &'a Expr) -> bool {
        match &expr.kind {
            ExprKind::Name(name) => self.is_word(name, "undefined"),
            _ => false,
        }
    }

    /// The class and the lengths that a type means.
    pub(super) fn class_of(&mut self, expr: &'a ClassExpr) -> Evaluated<(Class, Vec<usize>)> {
        let symbol = self.names.symbol(&expr.class);
        let class = self.named_class(symbol).or(self.names.info(symbol).class);
        let Some(class) = class else {
            let mut error = Diagnostic::new(
                Code::UndefinedName,
                expr.class.span(),
                format!("`{}` is not a register class", expr.class),
            )
            .note("the classes are gp8, gp16, gp32, gp64, xmm, ymm, zmm, mm, k");
            let text = expr.class.to_string();
            if let Some(class) = habits::class_elsewhere(&text) {
                error = error.help(format!("write `{class}`"));
            } else if Element::from_name(&text).is_some() {
                error = error.help("stack variables are scalars or arrays of one dimension");
            } else if matches!(&*text, "bool" | "char" | "i128" | "u128") {
                error = error.help("stack variables are of number types: `let x: u8;`");
            }
            return Err(self.error(error));
        };
        let mut lengths = Vec::with_capacity(expr.lengths.len());
        let mut total = 1;
        for length in &expr.lengths {
            let n = self.eval_int_in(length, "the length of the array", (0, ARRAY_MAX))?;
            total *= n;
            if total > ARRAY_MAX {
                return Err(self.error(Diagnostic::new(
                    Code::OutOfRange,
                    place(length),
                    format!("an array of {total} registers; the maximum is {ARRAY_MAX}"),
                )));
            }
            lengths.push(n as usize);
        }
        Ok((class, lengths))
    }

    /// Fresh registers, nested as the lengths say.
    pub(super) fn new_registers(
        &mut self,
        name: &str,
        class: Class,
        lengths: &[usize],
        span: Span,
    ) -> Value {
        match lengths {
            [] => {
                let vreg = self.output.new_vreg(name.to_string(), class, span);
                Value::Reg(View { reg: Reg::Virtual(vreg), class })
            }
            [first, rest @ ..] => {
                let elements: Vec<Value> = (0..*first)
                    .map(|i| self.new_registers(&format!("{name}[{i}]"), class, rest, span))
                    .collect();
                Value::List(elements.into())
            }
        }
    }

    /// `let buf: [f32; 16] align 64;`
    fn let_memory(
        &mut self,
        item: &'a Let,
        element: Element,
        length: &'a Option<Expr>,
    ) -> Evaluated<()> {
        let layout = self.local_layout(item, element, length);
        for name in &item.names {
            let checked = self.check_name(name);
            let local = layout.and_then(|layout| {
                checked?;
                self.check_stack(name, layout)?;
                Ok(self.new_local(name, layout))
            });
            if name != "_" {
                let symbol = self.names.symbol(name);
                self.scopes.declare(symbol, local.into());
            }
        }
        layout.map(|_| ())
    }

    /// The size and the alignment of a stack variable.
    fn local_layout(
        &mut self,
        item: &'a Let,
        element: Element,
        length: &'a Option<Expr>,
    ) -> Evaluated<(u32, u32)> {
        let width = element.bytes();
        let count = match length {
            Some(length) => {
                let max = LOCAL_BYTES_MAX / i128::from(width);
                self.eval_int_in(length, "the length of the stack variable", (0, max))? as u32
            }
            None => 1,
        };
        let align = match &item.align {
            Some(expr) => {
                let n = self.eval_int(expr)?;
                match u32::try_from(n) {
                    Ok(align) if align.is_power_of_two() && align <= 4096 => align.max(1),
                    _ => {
                        return Err(self.error(
                            Diagnostic::new(
                                Code::OutOfRange,
                                place(expr),
                                format!("invalid alignment {n}"),
                            )
                            .note("stack variables can be aligned to a power of two up to 4096"),
                        ));
                    }
                }
            }
            None => width,
        };
        if let Some(value) = &item.value {
            let error = Diagnostic::new(
                Code::TypeMismatch,
                place(value),
                "a stack variable cannot have an initial value",
            );
            let is_undefined = self.is_undefined(value);
            let name = item.names.first().map_or("x".to_string(), ast::name_text);
            return Err(self.error(match is_undefined {
                true => error
                    .note("`undefined` is for registers only")
                    .help("remove `= undefined`, and write the memory before it is read"),
                false if length.is_none() => error
                    .note("a number type declares memory, a register class a register")
                    .help(format!("declare a register: `let {name}: {} = …;`", class_for(element))),
                false => error.help("store to it with instructions: `mov dword [x], 0;`"),
            }));
        }
        Ok((width * count, align))
    }

    /// Stack variables must fit on a stack, together.
    fn check_stack(&mut self, name: &Name, (size, align): (u32, u32)) -> Evaluated<()> {
        let before = self.limits.stack_bytes;
        self.limits.stack_bytes += u64::from(size) + u64::from(align) - 1;
        if self.limits.stack_bytes <= STACK_BYTES_MAX {
            return Ok(());
        }
        // One error says it.
        if before > STACK_BYTES_MAX
            && let Some(reported) = self.status.failed
        {
            return Err(reported);
        }
        let message = format!(
            "`{name}` takes {size} bytes of the stack, on which {before} are taken already"
        );
        Err(self.error(
            Diagnostic::new(Code::OutOfRange, name.span(), message)
                .note(format!(
                    "the stack variables of a kernel take at most {STACK_BYTES_MAX} bytes"
                ))
                .help("pass memory to the kernel: `buf: &mut [u8]`"),
        ))
    }

    fn new_local(&mut self, name: &Name, (size, align): (u32, u32)) -> Value {
        let id = LocalId(self.output.function.locals.len() as u32);
        let (name, span) = (name.to_string(), name.span());
        self.output.function.locals.push(Local { name, span, size, align });
        Value::Local(id)
    }

    /// `x = v;`
    pub(super) fn assign_statement(&mut self, target: &'a Expr, expr: &'a Expr) -> Evaluated<()> {
        if let ExprKind::Name(name) = &target.kind {
            let symbol = self.names.symbol(name);
            if self.scopes.get(symbol).is_some_and(|binding| binding.variable) {
                let value = self.eval_list(expr)?;
                if let Some(binding) = self.scopes.get_mut(symbol) {
                    binding.value = value;
                }
                return Ok(());
            }
        }
        let target_value = self.eval_list(target);
        let value = match &target_value {
            _ if self.is_undefined(expr) => Ok(Value::Undefined),
            Ok(target @ Value::List(_)) => self.eval_shaped(expr, &lengths_of(target)),
            _ => self.eval(expr),
        };
        let target_value = target_value?;
        self.assign(&target_value, value?, target.span.0, expr)
    }

    /// `n += 1;`, of compile-time variables.
    pub(super) fn assign_op(
        &mut self,
        target: &'a Expr,
        op: BinaryOp,
        expr: &'a Expr,
    ) -> Evaluated<()> {
        let old = self.eval(target)?;
        let ExprKind::Name(name) = &target.kind else {
            return Err(self.not_a_variable(target, &old));
        };
        let symbol = self.names.symbol(name);
        if !self.scopes.get(symbol).is_some_and(|binding| binding.variable) {
            return Err(self.not_a_variable(target, &old));
        }
        let value = self.eval(expr)?;
        let new = constant::binary(op, &old, &value)
            .map_err(|failure| self.no_value(expr, &[(&old, target), (&value, expr)], failure))?;
        if let Some(binding) = self.scopes.get_mut(symbol) {
            binding.value = new;
        }
        Ok(())
    }

    fn not_a_variable(&mut self, target: &Expr, value: &Value) -> Reported {
        let error = Diagnostic::new(
            Code::TypeMismatch,
            place(target),
            format!("{} is not a compile-time variable", value.describe()),
        );
        let error = match value {
            Value::Reg(_) | Value::Mem(_) => error.help("write the instruction: `add x, 1;`"),
            _ => error.help("declare it with `let mut n: const = …;`"),
        };
        self.error(error)
    }

    /// Gives a value to a register or, one by one, to the registers of a list.
    pub(super) fn assign(
        &mut self,
        target: &Value,
        value: Value,
        span: Span,
        expr: &'a Expr,
    ) -> Evaluated<()> {
        match (target, value) {
            (Value::Reg(target), value) => self.set_register(*target, value, span, expr),
            (
                Value::List(targets) | Value::Tuple(targets),
                Value::List(values) | Value::Tuple(values),
            ) if targets.len() == values.len() => {
                self.check_overlap(targets, &values, expr)?;
                for (target, value) in targets.iter().zip(values.iter()) {
                    self.assign(target, value.clone(), span, expr)?;
                }
                Ok(())
            }
            (Value::List(targets), Value::Undefined) => {
                for target in targets.iter() {
                    self.assign(target, Value::Undefined, span, expr)?;
                }
                Ok(())
            }
            (Value::List(targets), value) => {
                let message =
                    format!("{} registers are set to {}", targets.len(), value.describe());
                Err(self.refuse(expr, &message))
            }
            (other, _) => {
                let error = Diagnostic::new(
                    Code::TypeMismatch,
                    span,
                    format!("{} cannot be assigned to", other.describe()),
                );
                Err(self.error(match other {
                    Value::Mem(_) | Value::Local(_) | Value::Slice { .. } => {
                        error.help("memory is written with instructions: `mov [p], x;`")
                    }
                    Value::Int(_) | Value::Float(_) | Value::Bool(_) => error.help(
                        "compile-time variables are declared with `let mut n: const = 0;`, and \
                         registers with `let n: gp64 = 0;`",
                    ),
                    _ => error.note("only registers and compile-time variables can be assigned to"),
                }))
            }
        }
    }

    /// The registers of a list are set one after another: none may be read after it was set.
    fn check_overlap(&mut self, targets: &[Value], values: &[Value], expr: &Expr) -> Evaluated<()> {
        let mut set = Vec::new();
        for (target, value) in targets.iter().zip(values) {
            let mut read = Vec::new();
            registers_in(value, &mut read);
            if read.iter().any(|reg| set.contains(reg)) {
                return Err(self.error(
                    Diagnostic::new(
                        Code::TypeMismatch,
                        place(expr),
                        "the registers on both sides overlap: one would be read after it was set",
                    )
                    .help(
                        "copy to other registers first, or swap the names: `let (a, b) = (b, a);`",
                    ),
                ));
            }
            registers_in(target, &mut set);
        }
        Ok(())
    }
}

/// The lengths of nested lists, outermost first.
fn lengths_of(value: &Value) -> Vec<usize> {
    let mut lengths = Vec::new();
    let mut value = Some(value);
    while let Some(Value::List(list)) = value {
        lengths.push(list.len());
        value = list.first();
    }
    lengths
}

/// The class of registers that hold an element.
fn class_for(element: Element) -> &'static str {
    match element {
        Element::Float { .. } => "xmm",
        Element::Int { bytes: 1, .. } => "gp8",
        Element::Int { bytes: 2, .. } => "gp16",
        Element::Int { bytes: 4, .. } => "gp32",
        Element::Int { .. } => "gp64",
    }
}

/// The registers that a value is made of, those of its addresses included.
fn registers_in(value: &Value, regs: &mut Vec<Reg>) {
    match value {
        Value::Reg(view) => regs.push(view.reg),
        Value::List(parts) | Value::Tuple(parts) => {
            parts.iter().for_each(|part| registers_in(part, regs));
        }
        Value::Mem(mem) => regs.extend(mem.views().map(|view| view.reg)),
        _ => {}
    }
}
