//! Data: literals such as `f32x8(0.5)`, tables, and the read-only data of a function, in which
//! equal bytes of equal alignment are stored once.

use super::evaluate::{Evaluated, place};
use super::numbers::{element_name, int_range};
use super::value::{Float, JumpTable, Literal, Table, TableContent, Value};
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Data, DataContent, DataId, RustTable};
use crate::syntax::ast::{self, BinaryOp, Call, Element, Expr, ExprKind, UnaryOp};
use std::rc::Rc;

impl<'a> Expander<'a, '_> {
    /// `f32x8(0.5)`, `u64(1)`.
    pub(super) fn eval_data(
        &mut self,
        expr: &'a Expr,
        call: &'a Call,
        (element, lanes): (Element, u32),
    ) -> Evaluated {
        let size = u64::from(lanes) * u64::from(element.bytes());
        if size == 0 || size > 64 {
            return Err(self.error(
                Diagnostic::new(
                    Code::OutOfRange,
                    call.name.span(),
                    format!("a data literal of {size} bytes"),
                )
                .note("data literals have 1 to 64 bytes"),
            ));
        }
        let mut bytes = Vec::with_capacity(size as usize);
        for arg in &call.args {
            let value = self.eval_shaped(arg, &[lanes as usize])?;
            self.element_bytes(&value, element, arg, &mut bytes)?;
        }
        let given = bytes.len() / element.bytes() as usize;
        if given == 1 {
            bytes = bytes.repeat(lanes as usize);
        } else if given != lanes as usize {
            return Err(self.error(
                Diagnostic::new(
                    Code::TypeMismatch,
                    place(expr),
                    format!("`{}` with {given} values", call.name),
                )
                .note(match lanes {
                    1 => "it takes one value".to_string(),
                    n => format!("it takes one value for all lanes, or {n} values, one for each"),
                }),
            ));
        }
        Ok(Value::Data(Rc::new(Literal { element, bytes })))
    }

    /// Appends the bytes of a value, or of every value of a list, as elements.
    pub(super) fn element_bytes(
        &mut self,
        value: &Value,
        element: Element,
        expr: &'a Expr,
        out: &mut Vec<u8>,
    ) -> Evaluated<()> {
        match (value, element) {
            (Value::List(list), _) => {
                for value in list.iter() {
                    self.element_bytes(value, element, expr, out)?;
                }
                Ok(())
            }
            (Value::Table(table), _) if table.element == element => match &table.content {
                TableContent::Known(bytes) => {
                    out.extend_from_slice(bytes);
                    Ok(())
                }
                TableContent::Rust(..) => Err(self.unknown_contents(table, expr)),
            },
            (Value::Int(n), Element::Int { bytes, signed }) => {
                let n = self.typed_int(*n, bytes, signed, expr)?;
                out.extend_from_slice(&n.to_le_bytes()[..bytes as usize]);
                Ok(())
            }
            (_, Element::Float { bytes }) => {
                let float = self.typed_float(value, bytes, expr)?;
                out.extend(float.to_bytes(bytes));
                Ok(())
            }
            _ => Err(self.wrong_constant(expr, &format!("an `{}`", element_name(element)), value)),
        }
    }

    /// `n` as an integer of a type, as Rust would take the literal.
    pub(super) fn typed_int(
        &mut self,
        n: i128,
        bytes: u32,
        signed: bool,
        expr: &Expr,
    ) -> Evaluated<i128> {
        let bits = bytes * 8;
        let (min, max) = int_range(bits, signed);
        if (min..=max).contains(&n) {
            return Ok(n);
        }
        // `!0` is all ones in an unsigned type too.
        if !signed && is_complement(expr) && (int_range(bits, true).0..0).contains(&n) {
            return Ok(n & max);
        }
        let name = element_name(Element::Int { bytes, signed });
        let mut error =
            Diagnostic::new(Code::OutOfRange, place(expr), format!("{n} does not fit in `{name}`"));
        error = error.note(format!("`{name}` holds {min} to {max}"));
        let flipped = int_range(bits, !signed);
        if (flipped.0..=flipped.1).contains(&n) {
            let other = element_name(Element::Int { bytes, signed: !signed });
            error = error.help(format!("it fits in `{other}`, with the same bits"));
        }
        Err(self.error(error))
    }

    /// A value as a float of a type. Integers are accepted where they are exact.
    pub(super) fn typed_float(
        &mut self,
        value: &Value,
        bytes: u32,
        expr: &Expr,
    ) -> Evaluated<Float> {
        let name = element_name(Element::Float { bytes });
        match value {
            Value::Float(float) => {
                if bytes == 8 && float.bytes == Some(4) {
                    return Err(self.error(
                        Diagnostic::new(
                            Code::TypeMismatch,
                            place(expr),
                            "expected an `f64`, found an `f32`",
                        )
                        .help("write the constant without a type, or convert it with `as f64`"),
                    ));
                }
                if float.overflows(bytes) {
                    return Err(self.error(Diagnostic::new(
                        Code::OutOfRange,
                        place(expr),
                        format!("{} does not fit in `{name}`", float.double),
                    )));
                }
                Ok(float.typed(bytes))
            }
            Value::Int(n) => {
                let (single, double) = (*n as f32, *n as f64);
                let exact = match bytes {
                    4 => single as i128 == *n,
                    _ => double as i128 == *n,
                };
                if !exact {
                    return Err(self.error(Diagnostic::new(
                        Code::OutOfRange,
                        place(expr),
                        format!("`{name}` cannot represent {n} exactly"),
                    )));
                }
                Ok(Float { single, double, bytes: None }.typed(bytes))
            }
            other => Err(self.wrong_constant(expr, &format!("an `{name}`"), other)),
        }
    }

    pub(super) fn table_align(&mut self, table: &'a ast::Table, bytes: usize) -> Evaluated<u32> {
        let Some(expr) = &table.align else {
            return Ok(natural_align(bytes));
        };
        let align = self.eval_int(expr)?;
        match u32::try_from(align) {
            Ok(align) if align.is_power_of_two() && align <= 64 => Ok(align),
            _ => Err(self.error(
                Diagnostic::new(
                    Code::OutOfRange,
                    place(expr),
                    format!("invalid alignment {align}"),
                )
                .note("tables can be aligned to a power of two from 1 to 64"),
            )),
        }
    }

    /// Puts a literal into the function.
    pub(super) fn literal_data(&mut self, literal: &Literal) -> DataId {
        let align = natural_align(literal.bytes.len());
        self.output.data(None, &literal.bytes, align)
    }

    /// Puts a table into the function.
    pub(super) fn table_data(&mut self, table: &Table) -> DataId {
        match &table.content {
            TableContent::Known(bytes) => self.output.data(Some(&table.name), bytes, table.align),
            TableContent::Rust(tokens, span) => {
                let rust = RustTable {
                    tokens: tokens.clone(),
                    span: *span,
                    element: table.element_name.to_string(),
                    width: table.element.bytes(),
                    lengths: table.lengths.clone(),
                };
                self.output.rust_table(&table.name, rust, table.align)
            }
        }
    }

    /// Puts a jump table into the function.
    pub(super) fn jump_data(&mut self, table: &JumpTable) -> DataId {
        if let Some(id) = table.data.get() {
            return id;
        }
        let id = DataId(self.output.function.data.len() as u32);
        self.output.function.data.push(Data {
            name: Some(table.name.to_string()),
            content: DataContent::Jumps(table.labels.clone()),
            align: 4,
        });
        table.data.set(Some(id));
        id
    }

    /// `bits(1.5f32)`: the pattern of a float as an integer.
    pub(super) fn eval_bits(&mut self, expr: &'a Expr, call: &'a Call) -> Evaluated {
        let [arg] = call.args.as_slice() else {
            return Err(self.refuse(expr, "`bits` takes one float"));
        };
        let value = self.eval(arg)?;
        self.bits_of(&value, arg)
    }

    /// The same of a value.
    pub(super) fn bits_of(&mut self, value: &Value, expr: &Expr) -> Evaluated {
        match value {
            Value::Float(float) if float.bytes == Some(4) => {
                Ok(Value::Int(i128::from(float.single.to_bits())))
            }
            Value::Float(float) => Ok(Value::Int(i128::from(float.double.to_bits()))),
            other => Err(self.wrong_constant(expr, "a float", other)),
        }
    }

    /// A constant brought to the type it is declared with.
    pub(super) fn eval_typed_const(&mut self, item: &'a ast::Const) -> Evaluated {
        let value = self.eval(&item.value)?;
        let Some(ty) = &item.ty else {
            // It may name whatever a `let` may.
            return Ok(value);
        };
        let text = ty.to_string();
        if text == "bool" {
            return match value {
                Value::Bool(_) => Ok(value),
                other => Err(self.wrong_constant(&item.value, "a `bool`", &other)),
            };
        }
        match (Element::from_name(&text), &value) {
            (Some(Element::Int { bytes, signed }), Value::Int(n)) if bytes < 16 => {
                self.typed_int(*n, bytes, signed, &item.value).map(Value::Int)
            }
            (Some(Element::Int { signed, .. }), Value::Int(n)) if signed || *n >= 0 => Ok(value),
            (Some(Element::Float { bytes }), Value::Float(_)) => {
                self.typed_float(&value, bytes, &item.value).map(Value::Float)
            }
            (Some(element), _) => {
                let wanted = format!("an `{}`", element_name(element));
                Err(self.wrong_constant(&item.value, &wanted, &value))
            }
            (None, _) => Err(self.unknown_type(ty)),
        }
    }

    fn unknown_type(&mut self, ty: &ast::Name) -> Reported {
        self.error(
            Diagnostic::new(
                Code::UndefinedName,
                ty.span(),
                format!("constants cannot have the type `{ty}`"),
            )
            .note(
                "constants are integers (`i8` to `u128`, `isize`, `usize`), `f32`, `f64` or `bool`",
            ),
        )
    }
}

/// Its size rounded up to a power of two, at most 64.
fn natural_align(bytes: usize) -> u32 {
    bytes.next_power_of_two().min(64) as u32
}

/// Whether the value was made by `!`, so that a negative number stands for high bits that are set.
fn is_complement(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Unary(UnaryOp::Not, _) => true,
        ExprKind::Binary(BinaryOp::And | BinaryOp::Or | BinaryOp::Xor, a, b) => {
            is_complement(a) || is_complement(b)
        }
        _ => false,
    }
}
