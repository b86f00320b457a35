//! Streams: instructions recorded once, to be emitted one by one between others.

use super::evaluate::{Evaluated, place};
use super::value::Value;
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic, counted};
use crate::ir::Inst;
use crate::syntax::ast::{Block, Expr, IssueCount, Name, Statement};

/// A recorded stream.
#[derive(Debug)]
pub(super) struct Stream {
    name: String,
    span: proc_macro2::Span,
    insts: Vec<Inst>,
    /// Per instruction: whether anything has emitted it.
    emitted: Vec<bool>,
    /// The next one to issue.
    next: usize,
    /// An error in its body has been reported: unissued instructions are not another one.
    failed: Option<Reported>,
}

impl<'a> Expander<'a, '_> {
    /// `stream name { … }`
    pub(super) fn record_stream(&mut self, name: &'a Name, body: &'a Block) -> Evaluated<()> {
        if let Some(outer) = self.around.recording {
            return Err(self.error(
                Diagnostic::new(
                    Code::StreamMisuse,
                    name.span(),
                    "a stream is not allowed in a stream",
                )
                .label(outer, "the enclosing stream"),
            ));
        }
        let outer_failed = self.status.failed.take();
        let outer = std::mem::take(&mut self.output.function.insts);
        self.around.recording = Some(name.span());
        self.block(body);
        self.around.recording = None;
        let insts = std::mem::replace(&mut self.output.function.insts, outer);
        let failed = std::mem::replace(&mut self.status.failed, outer_failed);
        self.status.failed = self.status.failed.or(failed);
        let stream = Stream {
            name: name.to_string(),
            span: name.span(),
            emitted: vec![false; insts.len()],
            insts,
            next: 0,
            failed,
        };
        self.check_name(name)?;
        let symbol = self.names.symbol(name);
        let index = self.streams.len();
        self.streams.push(stream);
        self.scopes.declare(symbol, Value::Stream(index));
        Ok(())
    }

    /// How many instructions a stream has.
    pub(super) fn stream_len(&self, stream: usize) -> usize {
        self.streams[stream].insts.len()
    }

    fn eval_stream(&mut self, name: &'a Name) -> Evaluated<usize> {
        match self.eval_name(name)? {
            Value::Stream(stream) => Ok(stream),
            other => Err(self.error(
                Diagnostic::new(
                    Code::StreamMisuse,
                    name.span(),
                    format!("expected a stream, found {}", other.describe()),
                )
                .help(format!("record one: `stream {name} {{ … }}`")),
            )),
        }
    }

    /// `issue name;`, `issue name, 3;`, `issue name, ..;`
    pub(super) fn issue(&mut self, name: &'a Name, count: &'a IssueCount) -> Evaluated<()> {
        let stream = self.eval_stream(name)?;
        let left = self.left_in(stream);
        let (count, at) = match count {
            IssueCount::One => (1, name.span().into()),
            IssueCount::Rest => (left, name.span().into()),
            IssueCount::Count(expr) => {
                let max = i128::from(u32::MAX);
                let count = self.eval_int_in(expr, "the number of instructions", (0, max))?;
                (count as usize, place(expr))
            }
        };
        if count > left {
            if let Some(reported) = self.streams[stream].failed {
                return Err(reported);
            }
            let reported = self.error(
                Diagnostic::new(
                    Code::StreamMisuse,
                    at,
                    format!(
                        "`{name}` has {} left, fewer than {count}",
                        counted(left, "instruction")
                    ),
                )
                .label(self.streams[stream].span, "recorded here")
                .help(format!("`issue {name}, ..;` emits the rest")),
            );
            self.streams[stream].failed = Some(reported);
            return Err(reported);
        }
        for _ in 0..count {
            self.issue_next(stream);
        }
        Ok(())
    }

    fn left_in(&self, stream: usize) -> usize {
        self.streams[stream].insts.len() - self.streams[stream].next
    }

    /// Emits the next instruction of a stream, if there is one.
    fn issue_next(&mut self, stream: usize) -> bool {
        let next = self.streams[stream].next;
        if next == self.streams[stream].insts.len() {
            return false;
        }
        self.streams[stream].next += 1;
        self.emit_recorded(stream, next);
        true
    }

    fn emit_recorded(&mut self, stream: usize, index: usize) {
        let stream = &mut self.streams[stream];
        stream.emitted[index] = true;
        let Inst { op, span, operand_spans, in_unsafe, inlined } = stream.insts[index].clone();
        let was_unsafe = std::mem::replace(&mut self.around.in_unsafe, in_unsafe);
        let was_inlined = std::mem::replace(&mut self.around.inlined, inlined);
        self.emit(op, span, operand_spans);
        self.around.in_unsafe = was_unsafe;
        self.around.inlined = was_inlined;
    }

    /// `emit name[i];`, `emit name[a..b];`
    pub(super) fn emit_from_stream(&mut self, name: &'a Name, index: &'a Expr) -> Evaluated<()> {
        let stream = self.eval_stream(name)?;
        let len = self.stream_len(stream);
        let (from, to) = match self.eval_bounds(index, len)? {
            Some(bounds) => bounds,
            None => {
                let at = self.eval_int(index)?;
                match usize::try_from(at).ok().filter(|at| *at < len) {
                    Some(at) => (at, at + 1),
                    None => {
                        return Err(self.error(Diagnostic::new(
                            Code::OutOfRange,
                            place(index),
                            format!(
                                "the index is {at}, but `{name}` has {}",
                                counted(len, "instruction")
                            ),
                        )));
                    }
                }
            }
        };
        for at in from..to {
            self.emit_recorded(stream, at);
        }
        Ok(())
    }

    /// `interleave a, b;`, `interleave a 1, b 2;`
    pub(super) fn interleave(
        &mut self,
        statement: &Statement,
        parts: &'a [(Name, Option<Expr>)],
    ) -> Evaluated<()> {
        let mut streams = Vec::with_capacity(parts.len());
        for (name, weight) in parts {
            let stream = self.eval_stream(name)?;
            let weight = match weight {
                Some(expr) => self.eval_int_in(expr, "the proportion", (1, 1 << 20))?,
                None => 1,
            };
            if streams.iter().any(|(other, _)| *other == stream) {
                return Err(self.error(Diagnostic::new(
                    Code::StreamMisuse,
                    name.span(),
                    format!("`{name}` cannot be interleaved with itself"),
                )));
            }
            streams.push((stream, weight));
        }
        if streams.is_empty() {
            return Err(self.error(Diagnostic::new(
                Code::StreamMisuse,
                statement.span.0,
                "`interleave` needs streams",
            )));
        }
        loop {
            let mut any = false;
            for (stream, weight) in &streams {
                for _ in 0..*weight {
                    let emitted = self.issue_next(*stream);
                    any |= emitted;
                    if !emitted {
                        break;
                    }
                }
            }
            if !any || self.status.stopped.is_some() {
                return Ok(());
            }
        }
    }

    /// At the end of its scope, every instruction of a stream must have been emitted.
    pub(super) fn end_stream(&mut self, stream: usize) {
        let Stream { name, span, emitted, failed, .. } = &self.streams[stream];
        let left = emitted.iter().filter(|emitted| !**emitted).count();
        if left == 0 || failed.is_some() || self.status.stopped.is_some() {
            return;
        }
        let error = Diagnostic::new(
            Code::StreamMisuse,
            *span,
            format!(
                "{left} of the {} in `{name}` {} never emitted",
                counted(emitted.len(), "instruction"),
                if left == 1 { "is" } else { "are" }
            ),
        )
        .help(format!("`issue {name}, ..;` emits the rest"));
        self.error(error);
    }
}
