//! Tables: `const NAME: [T; N] = …;`, of any depth.
//!
//! In: the declared type and the expression after `=`. Out: bytes, or what rustc is asked for. The
//! elements are written one by one as the expression has them, so that what does not fit is
//! reported at its own place.

use super::evaluate::{Evaluated, place};
use super::numbers::element_name;
use super::value::{Table, TableContent, Value};
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic, counted};
use crate::syntax::ast::{self, Element, Expr, ExprKind};
use std::cell::OnceCell;
use std::rc::Rc;

/// The largest table, in bytes.
const TABLE_BYTES_MAX: i128 = 1 << 24;

impl<'a> Expander<'a, '_> {
    /// `const NAME: [T; N] = …;` of numbers.
    pub(super) fn eval_table(
        &mut self,
        table: &'a ast::Table,
        element: Element,
        element_name: &ast::Name,
    ) -> Evaluated {
        let symbol = self.names.symbol(&table.name);
        let name = self.names.text(symbol);
        let lengths = self.table_lengths(table, element.bytes())?;
        let size = lengths.iter().product::<usize>() * element.bytes() as usize;
        let content = match &table.value.kind {
            ExprKind::RustConst(tokens) => TableContent::Rust(tokens.clone(), table.value.span.0),
            _ => {
                let mut bytes = Vec::with_capacity(size);
                self.fill(&table.value, &lengths, element, &mut bytes)?;
                TableContent::Known(bytes)
            }
        };
        let align = self.table_align(table, size)?;
        Ok(Value::Table(Rc::new(Table {
            name,
            element,
            element_name: ast::name_text(element_name),
            lengths,
            content,
            align,
            values: OnceCell::new(),
        })))
    }

    /// The lengths that a table declares, outermost first.
    pub(super) fn table_lengths(
        &mut self,
        table: &'a ast::Table,
        width: u32,
    ) -> Evaluated<Vec<usize>> {
        let mut most = TABLE_BYTES_MAX / i128::from(width);
        let mut lengths = Vec::with_capacity(table.lengths.len());
        for length in &table.lengths {
            let length = self.eval_int_in(length, "the length of the table", (1, most))?;
            most /= length;
            lengths.push(length as usize);
        }
        Ok(lengths)
    }

    /// Appends the elements of an array of these lengths.
    fn fill(
        &mut self,
        expr: &'a Expr,
        lengths: &[usize],
        element: Element,
        out: &mut Vec<u8>,
    ) -> Evaluated<()> {
        let [length, rest @ ..] = lengths else {
            let value = self.eval(expr)?;
            return self.element_bytes(&value, element, expr, out);
        };
        let start = out.len();
        match &expr.kind {
            ExprKind::Bracket(parts) => {
                for part in parts {
                    self.fill_part(part, rest, element, out)?;
                }
            }
            ExprKind::Repeat(part, count) => {
                let most = TABLE_BYTES_MAX / i128::from(element.bytes());
                let count = self.eval_int_in(count, "the number of elements", (0, most))?;
                self.fill_part(part, rest, element, out)?;
                self.check_size(out.len() - start, count, expr)?;
                let one = out.split_off(start);
                out.extend(one.repeat(count as usize));
            }
            ExprKind::Bytes(bytes) if element.bytes() == 1 && rest.is_empty() => {
                out.extend_from_slice(bytes);
            }
            ExprKind::Bytes(_) => {
                let wanted = array_name(element, lengths);
                return Err(self.refuse(expr, &format!("expected `{wanted}`, found a byte string")));
            }
            ExprKind::If(condition, yes, no) => {
                let branch = if self.eval_bool(condition)? { yes } else { no };
                return self.fill(branch, lengths, element, out);
            }
            _ => {
                let value = self.eval_shaped(expr, lengths)?;
                self.check_shape(&value, lengths, element, expr)?;
                self.element_bytes(&value, element, expr, out)?;
            }
        }
        let width = rest.iter().product::<usize>() * element.bytes() as usize;
        self.check_count((out.len() - start) / width.max(1), *length, expr)
    }

    /// An element of a list: of a list of numbers it may be a list of some of them.
    fn fill_part(
        &mut self,
        part: &'a Expr,
        rest: &[usize],
        element: Element,
        out: &mut Vec<u8>,
    ) -> Evaluated<()> {
        if !rest.is_empty() {
            return self.fill(part, rest, element, out);
        }
        let value = self.eval_list(part)?;
        self.element_bytes(&value, element, part, out)
    }

    fn check_size(&mut self, bytes: usize, count: i128, expr: &Expr) -> Evaluated<()> {
        match (bytes as i128).saturating_mul(count) <= TABLE_BYTES_MAX {
            true => Ok(()),
            false => Err(self.error(Diagnostic::new(
                Code::OutOfRange,
                place(expr),
                format!("a table of more than {TABLE_BYTES_MAX} bytes"),
            ))),
        }
    }

    /// Whether a value has the lengths that are declared.
    fn check_shape(
        &mut self,
        value: &Value,
        lengths: &[usize],
        element: Element,
        expr: &Expr,
    ) -> Evaluated<()> {
        let found = match (value, lengths) {
            (Value::Poison(reported), _) => return Err(*reported),
            (Value::Table(table), _) if table.lengths == lengths => return Ok(()),
            (Value::List(list), [length, rest @ ..]) if list.len() == *length => {
                return match rest.is_empty() {
                    true => Ok(()),
                    false => list
                        .iter()
                        .try_for_each(|value| self.check_shape(value, rest, element, expr)),
                };
            }
            (Value::List(list), [length, ..]) => {
                return self.check_count(list.len(), *length, expr);
            }
            (value, _) => value.describe(),
        };
        let wanted = array_name(element, lengths);
        Err(self.refuse(expr, &format!("expected `{wanted}`, found {found}")))
    }

    /// Whether there are as many values as declared.
    pub(super) fn check_count(
        &mut self,
        found: usize,
        declared: usize,
        expr: &Expr,
    ) -> Evaluated<()> {
        if found == declared {
            return Ok(());
        }
        let message =
            format!("{} for an array of {}", counted(found, "value"), counted(declared, "element"));
        Err(self.refuse(expr, &message))
    }

    /// The elements of a table were asked for, which only rustc knows.
    pub(super) fn unknown_contents(&mut self, table: &Table, expr: &Expr) -> Reported {
        self.error(
            Diagnostic::new(
                Code::NotConstant,
                place(expr),
                format!("the elements of `{}` are not known at compile time", table.name),
            )
            .note(
                "rustc evaluates `const { … }` after expansion: the length of the table is known \
                 here, its contents are not",
            )
            .help("read the table with instructions, or compute it with a `const fn`"),
        )
    }
}

/// The type of an array of these lengths, outermost first.
fn array_name(element: Element, lengths: &[usize]) -> String {
    let array = |inner: String, length: &usize| format!("[{inner}; {length}]");
    lengths.iter().rev().fold(element_name(element), array)
}
