//! Labels: scoped like Rust's, visible in their whole block, fresh in every expansion. Those in a
//! compile-time `if` belong to the block around it, indexed ones to the whole body of the kernel or
//! helper.

use super::evaluate::{Evaluated, place};
use super::names::Symbol;
use super::value::{JumpTable, Value};
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic, Place};
use crate::ir::{Branch, BranchSize, LabelId, LabelInfo, Op};
use crate::nearest::nearest;
use crate::sorted;
use crate::syntax::ast::{self, Expr, ExprKind, Label, StatementKind};
use proc_macro2::Span;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

/// What a label's name stands for in a scope.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    /// `'name:`
    Place(LabelId),
    /// `'name:` in a compile-time `if`, which may not be taken: there is a label once something
    /// needs it, first at this place.
    Conditional(Option<(LabelId, Place)>),
    /// `'name: { … }`
    Block { start: LabelId, end: LabelId },
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    frame: u32,
    meaning: Meaning,
    span: Span,
    /// How many entries were there before it.
    position: usize,
    /// Where its name comes from.
    origin: u32,
    /// Whether its statement has been expanded.
    defined: bool,
}

/// An indexed label of the current body.
#[derive(Debug)]
struct Indexed {
    id: LabelId,
    defined: bool,
    used: Place,
}

/// Where a label is in the source, whatever expansion it is in.
#[derive(Debug)]
pub(super) struct LabelNode {
    name: String,
    place: Place,
    used: bool,
}

/// The labels of the version being expanded.
#[derive(Debug, Default)]
pub(super) struct Labels<'a> {
    stacks: HashMap<Symbol, Vec<Entry>>,
    log: Vec<Symbol>,
    /// One map per body that is open.
    bodies: Vec<HashMap<(Symbol, i128), Indexed>>,
    /// The ends of the blocks with indexed labels, one map per body that is open.
    ends: Vec<HashMap<(Symbol, i128), Indexed>>,
    /// Per label of the function: where the source defines it.
    nodes: Vec<Option<&'a Label>>,
    /// Per label of the function: whether anything goes there.
    used: Vec<bool>,
}

/// A place to return to, as in scopes.
#[derive(Clone, Copy, Debug)]
pub(super) struct LabelMark(usize);

impl<'a> Expander<'a, '_> {
    /// Declares the labels that are directly in a block.
    pub(super) fn enter_labels(&mut self, block: &'a ast::Block) -> LabelMark {
        let mark = LabelMark(self.labels.log.len());
        for statement in &block.statements {
            let StatementKind::Label(label @ Label { index: None, .. }) = &statement.kind else {
                continue;
            };
            let symbol = self.names.symbol(&label.name);
            let stack = self.labels.stacks.get(&symbol);
            let same = |entry: &&Entry| entry.origin == symbol.origin;
            let first = stack.and_then(|stack| stack.iter().rev().find(same)).copied();
            if let Some(first) = first.filter(|first| first.position >= mark.0) {
                let error = Diagnostic::new(
                    Code::DuplicateLabel,
                    label_place(label),
                    format!("the label `'{}` is defined twice in this block", label.name),
                )
                .label(first.span, "first defined here")
                .help("give it another name, or put a block around one of them");
                self.error(error);
                continue;
            }
            let id = self.new_label(label, format!("'{}", label.name));
            self.declare_label(symbol, Meaning::Place(id), label.span);
        }
        self.declare_conditional_labels(block, mark);
        mark
    }

    /// Declares the labels in compile-time `if`s, whose braces are no scope for them.
    fn declare_conditional_labels(&mut self, block: &'a ast::Block, mark: LabelMark) {
        for statement in &block.statements {
            let StatementKind::If(branches) = &statement.kind else { continue };
            for (_, body) in branches {
                for statement in &body.statements {
                    if let StatementKind::Label(label @ Label { index: None, .. }) = &statement.kind
                    {
                        let symbol = self.names.symbol(&label.name);
                        let known = self.label_entry(symbol).map(|entry| entry.position);
                        if known.is_none_or(|position| position < mark.0) {
                            self.declare_label(symbol, Meaning::Conditional(None), label.span);
                        }
                    }
                }
                self.declare_conditional_labels(body, mark);
            }
        }
    }

    /// Forgets them.
    pub(super) fn leave_labels(&mut self, mark: LabelMark) {
        while self.labels.log.len() > mark.0 {
            let symbol = self.labels.log.pop();
            let stack = symbol.and_then(|symbol| self.labels.stacks.get_mut(&symbol));
            let Some(entry) = stack.and_then(Vec::pop) else { continue };
            if let Entry {
                meaning: Meaning::Conditional(Some((id, used))), defined: false, ..
            } = entry
            {
                let name = &self.output.function[id].name;
                let message = format!("undefined label `{name}`");
                self.error(
                    Diagnostic::new(Code::UndefinedLabel, used, message)
                        .label(entry.span, "the enclosing `if` is not compiled"),
                );
            }
        }
    }

    /// Opens the body of a kernel or helper, which indexed labels belong to.
    pub(super) fn enter_body_labels(&mut self) {
        self.labels.bodies.push(HashMap::new());
        self.labels.ends.push(HashMap::new());
    }

    /// Closes it: every indexed label that was used must have been defined.
    pub(super) fn leave_body_labels(&mut self) {
        let body = self.labels.bodies.pop().unwrap_or_default();
        let ends = self.labels.ends.pop().unwrap_or_default();
        let mut undefined: Vec<(String, Place)> = body
            .into_values()
            .chain(ends.into_values())
            .filter(|label| !label.defined)
            .map(|label| (self.output.function[label.id].name.clone(), label.used))
            .collect();
        sorted::sort_by_key(&mut undefined, |(name, place)| (place.first.start(), name.clone()));
        for (name, place) in undefined {
            self.error(
                Diagnostic::new(Code::UndefinedLabel, place, format!("undefined label `{name}`"))
                    .help(match name.strip_prefix("break ") {
                        Some(block) => format!("write `{block}: {{ … }}` somewhere in this body"),
                        None => format!("write `{name}:` somewhere in this body"),
                    }),
            );
        }
    }

    /// `'name:`, `'case[i]:`.
    pub(super) fn define_label(&mut self, label: &'a Label) -> Evaluated<()> {
        if let Some(stream) = self.around.recording {
            return Err(self.no_label_in_stream(label, stream));
        }
        let symbol = self.names.symbol(&label.name);
        let id = match &label.index {
            Some(index) => {
                let index = self.eval_int(index)?;
                let id = self.indexed_label(label, symbol, index);
                if let Some(body) = self.labels.bodies.last_mut()
                    && let Some(entry) = body.get_mut(&(symbol, index))
                    && std::mem::replace(&mut entry.defined, true)
                {
                    let first = self.output.function[id].span;
                    return Err(self.error(
                        Diagnostic::new(
                            Code::DuplicateLabel,
                            label_place(label),
                            format!("the label `'{}[{index}]` is defined twice", label.name),
                        )
                        .label(first, "first defined here")
                        .note("indexed labels belong to the whole body of the kernel or helper"),
                    ));
                }
                self.output.function.labels[id.index()].span = label.span;
                self.labels.nodes[id.index()] = Some(label);
                id
            }
            None => match self.find_label(symbol, label_place(label)) {
                Some(Meaning::Place(id)) => {
                    self.note_definition(symbol, label)?;
                    self.labels.nodes[id.index()] = Some(label);
                    id
                }
                _ => {
                    let message = "the label was not declared when its block was entered";
                    return Err(self.internal(label_place(label), message));
                }
            },
        };
        self.emit(Op::Label(id), label.span, Vec::new());
        Ok(())
    }

    /// A label of a compile-time `if` may be defined by another statement of the same block.
    fn note_definition(&mut self, symbol: Symbol, label: &Label) -> Evaluated<()> {
        let Some(entry) = self.label_entry(symbol) else { return Ok(()) };
        if !std::mem::replace(&mut entry.defined, true) {
            entry.span = label.span;
            return Ok(());
        }
        let first = entry.span;
        Err(self.error(
            Diagnostic::new(
                Code::DuplicateLabel,
                label_place(label),
                format!("the label `'{}` is defined twice in this block", label.name),
            )
            .label(first, "first defined here")
            .note("the braces of a compile-time `if` are not a scope for labels"),
        ))
    }

    fn no_label_in_stream(&mut self, label: &Label, stream: Span) -> Reported {
        self.error(
            Diagnostic::new(
                Code::StreamMisuse,
                label_place(label),
                "a label is not allowed in a stream",
            )
            .label(stream, "the stream")
            .note("the instructions of a stream are emitted elsewhere, one by one"),
        )
    }

    /// Opens a labeled block: emits its start. The result is for [`Expander::end_block_label`].
    pub(super) fn start_block_label(&mut self, label: &'a Label) -> Evaluated<LabelId> {
        if let Some(stream) = self.around.recording {
            return Err(self.no_label_in_stream(label, stream));
        }
        let symbol = self.names.symbol(&label.name);
        if let Some(index) = &label.index {
            return self.start_indexed_block(label, symbol, index);
        }
        let start = self.new_label(label, format!("continue '{}", label.name));
        let end = self.new_label(label, format!("break '{}", label.name));
        self.declare_label(symbol, Meaning::Block { start, end }, label.span);
        self.emit(Op::Label(start), label.span, Vec::new());
        Ok(end)
    }

    /// `'case[i]: { … }`: its label is a place of the whole body, and so are its ends.
    fn start_indexed_block(
        &mut self,
        label: &'a Label,
        symbol: Symbol,
        index: &'a Expr,
    ) -> Evaluated<LabelId> {
        let at = self.eval_int(index)?;
        self.define_label(label)?;
        let id = self.block_end(label, symbol, at);
        if let Some(entry) =
            self.labels.ends.last_mut().and_then(|ends| ends.get_mut(&(symbol, at)))
        {
            entry.defined = true;
        }
        Ok(id)
    }

    /// The end of the block `'case[i]`, which may be defined later.
    fn block_end(&mut self, label: &'a Label, symbol: Symbol, index: i128) -> LabelId {
        let key = (symbol, index);
        if let Some(known) = self.labels.ends.last().and_then(|ends| ends.get(&key)) {
            return known.id;
        }
        let id = self.new_label(label, format!("break '{}[{index}]", label.name));
        let entry = Indexed { id, defined: false, used: label_place(label) };
        if let Some(ends) = self.labels.ends.last_mut() {
            ends.insert(key, entry);
        }
        id
    }

    /// Closes a labeled block: emits its end.
    pub(super) fn end_block_label(&mut self, end: LabelId, mark: LabelMark, span: Span) {
        self.emit(Op::Label(end), span, Vec::new());
        self.leave_labels(mark);
    }

    /// A mark for [`Expander::end_block_label`].
    pub(super) fn mark_labels(&self) -> LabelMark {
        LabelMark(self.labels.log.len())
    }

    /// `'name`, `'case[i]` as an operand.
    pub(super) fn eval_label(
        &mut self,
        label: &'a Label,
        size: Option<BranchSize>,
    ) -> Evaluated<Branch> {
        let symbol = self.names.symbol(&label.name);
        if let Some(index) = &label.index {
            let index = self.eval_int(index)?;
            let id = self.indexed_label(label, symbol, index);
            self.use_label(id);
            return Ok(Branch { label: id, size });
        }
        match self.find_label(symbol, label_place(label)) {
            Some(Meaning::Place(id)) => {
                self.use_label(id);
                Ok(Branch { label: id, size })
            }
            Some(Meaning::Block { .. } | Meaning::Conditional(_)) => Err(self.error(
                Diagnostic::new(
                    Code::UndefinedLabel,
                    label_place(label),
                    format!("`'{}` is a block, which has a start and an end", label.name),
                )
                .help(format!(
                    "write `continue '{0}` for its start or `break '{0}` for its end",
                    label.name
                )),
            )),
            None => Err(self.undefined_label(label)),
        }
    }

    /// `continue 'name`, `break 'name`.
    pub(super) fn eval_block_end(&mut self, label: &'a Label, at_end: bool) -> Evaluated<Branch> {
        let symbol = self.names.symbol(&label.name);
        if let Some(index) = &label.index {
            let index = self.eval_int(index)?;
            let id = match at_end {
                true => self.block_end(label, symbol, index),
                false => self.indexed_label(label, symbol, index),
            };
            self.use_label(id);
            return Ok(Branch { label: id, size: None });
        }
        match self.find_label(symbol, label_place(label)) {
            Some(Meaning::Block { start, end }) => {
                let label = if at_end { end } else { start };
                self.use_label(label);
                Ok(Branch { label, size: None })
            }
            Some(Meaning::Place(_) | Meaning::Conditional(_)) => Err(self.error(
                Diagnostic::new(
                    Code::UndefinedLabel,
                    label_place(label),
                    format!("`'{}` is not the label of a block", label.name),
                )
                .help(format!("write `'{}` alone", label.name)),
            )),
            None => Err(self.undefined_label(label)),
        }
    }

    /// `short 'name`, `near 'name`.
    pub(super) fn eval_sized_label(&mut self, expr: &'a Expr) -> Evaluated {
        let (operand, size) = match &expr.kind {
            ExprKind::Short(operand) => (operand, BranchSize::Short),
            ExprKind::Near(operand) => (operand, BranchSize::Near),
            _ => return self.eval(expr),
        };
        match self.eval(operand)? {
            Value::Label(branch) => Ok(Value::Label(Branch { size: Some(size), ..branch })),
            other => Err(self.error(Diagnostic::new(
                Code::BadDecoration,
                place(operand),
                format!(
                    "`short` and `near` must be followed by a label, not by {}",
                    other.describe()
                ),
            ))),
        }
    }

    /// `const CASES: [label; 4] = ['a, 'b, 'c, 'd];`
    pub(super) fn eval_jump_table(&mut self, table: &'a ast::Table) -> Evaluated {
        let symbol = self.names.symbol(&table.name);
        let name = self.names.text(symbol);
        let lengths = self.table_lengths(table, 4)?;
        let [length] = lengths[..] else {
            return Err(self.refuse(&table.value, "a table of labels has one dimension"));
        };
        let labels = match &table.value.kind {
            ExprKind::Bracket(parts) => {
                parts.iter().map(|part| self.eval_target(part)).collect::<Evaluated<_>>()?
            }
            _ => match self.eval_shaped(&table.value, &lengths)? {
                Value::List(list) => {
                    let targets = list.iter().map(|value| self.target(value, &table.value));
                    targets.collect::<Evaluated<Vec<_>>>()?
                }
                other => {
                    let message = format!("expected a list of labels, found {}", other.describe());
                    return Err(self.refuse(&table.value, &message));
                }
            },
        };
        self.check_count(labels.len(), length, &table.value)?;
        Ok(Value::Jumps(Rc::new(JumpTable { name, labels, data: Cell::new(None) })))
    }

    fn eval_target(&mut self, expr: &'a Expr) -> Evaluated<LabelId> {
        let value = self.eval(expr)?;
        self.target(&value, expr)
    }

    fn target(&mut self, value: &Value, expr: &Expr) -> Evaluated<LabelId> {
        match value {
            Value::Label(branch) => Ok(branch.label),
            other => {
                let found = other.describe();
                Err(self.refuse(expr, &format!("expected a label, found {found}")))
            }
        }
    }

    /// The innermost label of a name, of the same origin before any other.
    fn label_entry(&mut self, symbol: Symbol) -> Option<&mut Entry> {
        let frame = self.scopes.frame();
        let stack = self.labels.stacks.get_mut(&symbol)?;
        let visible = stack.iter().rev().take_while(|entry| entry.frame == frame);
        let count = visible.clone().count();
        let depth = visible.map(|entry| entry.origin).position(|origin| origin == symbol.origin);
        let last = stack.len().checked_sub(1).filter(|_| count > 0)?;
        stack.get_mut(last - depth.unwrap_or(0))
    }

    /// What a label's name stands for; a label of an `if` is made where it is first needed.
    fn find_label(&mut self, symbol: Symbol, at: Place) -> Option<Meaning> {
        let id = LabelId(self.output.function.labels.len() as u32);
        let entry = self.label_entry(symbol)?;
        let (made, label) = match &mut entry.meaning {
            Meaning::Conditional(made) => (made.is_none(), made.get_or_insert((id, at)).0),
            meaning => return Some(*meaning),
        };
        if made {
            let info = LabelInfo { name: format!("'{}", self.names.text(symbol)), span: at.first };
            self.output.function.labels.push(info);
            self.labels.nodes.push(None);
            self.labels.used.push(false);
        }
        Some(Meaning::Place(label))
    }

    fn is_label(&self, symbol: Symbol) -> bool {
        let frame = self.scopes.frame();
        let stack = self.labels.stacks.get(&symbol);
        stack.and_then(|stack| stack.last()).is_some_and(|entry| entry.frame == frame)
    }

    fn declare_label(&mut self, symbol: Symbol, meaning: Meaning, span: Span) {
        let frame = self.scopes.frame();
        let position = self.labels.log.len();
        let entry = Entry { frame, meaning, span, position, origin: symbol.origin, defined: false };
        self.labels.stacks.entry(symbol).or_default().push(entry);
        self.labels.log.push(symbol);
    }

    fn new_label(&mut self, label: &'a Label, name: String) -> LabelId {
        let id = LabelId(self.output.function.labels.len() as u32);
        self.output.function.labels.push(LabelInfo { name, span: label.span });
        self.labels.nodes.push(Some(label));
        self.labels.used.push(false);
        id
    }

    /// A label that the source names otherwise.
    pub(super) fn new_own_label(&mut self, name: String, span: Span) -> LabelId {
        let id = LabelId(self.output.function.labels.len() as u32);
        self.output.function.labels.push(LabelInfo { name, span });
        self.labels.nodes.push(None);
        self.labels.used.push(true);
        id
    }

    fn use_label(&mut self, id: LabelId) {
        self.labels.used[id.index()] = true;
    }

    /// At the end of a version: which definitions in the source were used.
    pub(super) fn note_label_uses(&mut self) {
        let labels = std::mem::take(&mut self.labels);
        for (node, used) in labels.nodes.into_iter().zip(labels.used) {
            let Some(label) = node else { continue };
            let node = self.label_nodes.entry(std::ptr::from_ref(label)).or_insert_with(|| {
                LabelNode { name: label.name.to_string(), place: label_place(label), used: false }
            });
            // What an error left out may have gone there.
            node.used |= used || self.status.failed.is_some();
        }
    }

    fn indexed_label(&mut self, label: &Label, symbol: Symbol, index: i128) -> LabelId {
        let next = LabelId(self.output.function.labels.len() as u32);
        let Some(body) = self.labels.bodies.last_mut() else { return next };
        let entry = body.entry((symbol, index)).or_insert(Indexed {
            id: next,
            defined: false,
            used: label_place(label),
        });
        let id = entry.id;
        if id == next {
            let name = format!("'{}[{index}]", label.name);
            self.output.function.labels.push(LabelInfo { name, span: label.span });
            self.labels.nodes.push(None);
            self.labels.used.push(false);
        }
        id
    }

    fn undefined_label(&mut self, label: &Label) -> Reported {
        let mut error = Diagnostic::new(
            Code::UndefinedLabel,
            label_place(label),
            format!("undefined label `'{}`", label.name),
        );
        let near = self.nearest_label(label);
        error = match near.first() {
            Some(near) => error.help(format!("did you mean `'{near}`?")),
            None if self.is_block_elsewhere(label) => error
                .note(format!(
                    "`'{0}: {{ … }}` names a block, and is visible only in that block",
                    label.name
                ))
                .help("put a label with another name before the block"),
            None => error.note("labels are visible in the block that defines them"),
        };
        self.error(error)
    }

    fn nearest_label(&mut self, label: &Label) -> Vec<String> {
        let text = label.name.to_string();
        let labels = &self.labels.log;
        if !self.suggestions.afford(labels.len()) {
            return Vec::new();
        }
        let names: Vec<Rc<str>> =
            labels.iter().filter(|s| self.is_label(**s)).map(|s| self.names.text(*s)).collect();
        nearest(&text, names.iter().map(|n| &**n)).into_iter().map(str::to_string).collect()
    }

    /// Warns of labels that no expansion uses.
    pub(super) fn warn_unused_labels(&mut self) {
        let mut unused: Vec<(Place, String)> = self
            .label_nodes
            .drain()
            .map(|(_, node)| node)
            .filter(|node| !node.used && !node.name.starts_with('_'))
            .map(|node| (node.place, node.name))
            .collect();
        sorted::sort_by_key(&mut unused, |(place, name)| (place.first.start(), name.clone()));
        for (place, name) in unused {
            self.reports.diagnostics.push(
                Diagnostic::new(
                    Code::UnusedLabel,
                    place,
                    format!("the label `'{name}` is never used"),
                )
                .help(format!("remove it, or rename it to `'_{name}`")),
            );
        }
    }
}

/// The quote and the name.
fn label_place(label: &Label) -> Place {
    let last = label.index.as_ref().map_or(label.name.span(), |index| index.span.1);
    Place { first: label.span, last }
}
