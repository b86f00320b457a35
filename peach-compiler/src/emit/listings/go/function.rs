//! One function as text.
//!
//! The assembler makes the frame that [`frame`](crate::frame) has made of the same size, and takes
//! it down at `RET`; all else is the code, line by line: in the assembler's words where it makes
//! the same bytes of them, and otherwise as bytes with the instruction in a comment.
//!
//! Some functions can only be bytes throughout: those with jump tables (the assembler has no
//! differences of labels) or local functions (`CALL` takes no label), with an instruction that the
//! assembler lacks and that refers to a constant or a label, and those whose pushes and pops do not
//! balance from line to line (the assembler counts them in the order of the text).

use super::signature::{Signature, Variable, identifier};
use super::spell::{Places, spell};
use crate::emit::listings::Comments;
use crate::emit::listings::outline::{Function, Line};
use crate::emit::reports::listing::Source;
use crate::frame::calls_local_fn;
use crate::hex::hex;
use crate::ir::{Base, Cfa, Code, Instruction, LabelId, Lowered, Mem, Operand, Origin};
use crate::isa::{self, Control, PhysReg, gp, instruction_text};
use std::collections::HashSet;
use std::fmt::Write;

/// Functions with less than this on the stack need not ask for more. (Go's linker lets a chain of
/// such functions have 800 bytes.)
const SMALL_STACK: u32 = 112;

/// A function with its names in Go.
pub(super) struct GoFunction<'a> {
    pub function: &'a Function<'a>,
    pub signature: &'a Signature,
    /// For comments.
    pub source: Option<&'a Source>,
}

/// How the listing has the code.
enum Body {
    /// In the assembler's words, as far as it has them.
    Lines(String),
    /// In bytes, constants after it.
    Bytes(String),
}

impl GoFunction<'_> {
    /// `TEXT` and the code.
    pub fn text(&self) -> String {
        let compiled = &self.function.source.compiled;
        let symbol = &self.function.source.symbol;
        let args = self.signature.bytes;
        let mut text = format!("\n// {}\n", self.signature.prototype(symbol));
        match self.body() {
            Body::Lines(lines) => {
                let frame = self.variable_bytes();
                let flags = if frame < SMALL_STACK { "NOSPLIT" } else { "0" };
                let _ = writeln!(text, "TEXT ·{symbol}(SB), {flags}, ${frame}-{args}");
                if frame > 0 && self.calls() {
                    text.push_str("\tNO_LOCAL_POINTERS\n");
                }
                text.push_str(&lines);
            }
            Body::Bytes(lines) if stack_bytes(&compiled.lowered) <= SMALL_STACK => {
                let _ = writeln!(text, "TEXT ·{symbol}(SB), NOSPLIT|NOFRAME, $0-{args}");
                text.push_str(&lines);
            }
            Body::Bytes(lines) => {
                let body = format!("{symbol}_body<>");
                let stack = stack_bytes(&compiled.lowered);
                text.push_str(&tail_call(symbol, &body, stack, args));
                let _ = writeln!(text, "\nTEXT {body}(SB), NOSPLIT|NOFRAME, $0-{args}");
                text.push_str(&lines);
            }
        }
        text
    }

    /// The size of the frame for the assembler: all but the word of `rbp`, which it adds.
    fn variable_bytes(&self) -> u32 {
        let lowered = &self.function.source.compiled.lowered;
        lowered.frame.size - 8 * lowered.frame.saved.len() as u32
    }

    /// Whether it calls other functions.
    pub fn calls(&self) -> bool {
        let compiled = &self.function.source.compiled;
        compiled.lowered.items.iter().any(|item| match &item.code {
            Code::Inst(inst) if calls_local_fn(inst) => false,
            Code::Inst(inst) => isa::select(inst, &compiled.function.features)
                .is_ok_and(|forms| isa::effects(inst, &forms).control == Control::Call),
            _ => false,
        })
    }

    fn body(&self) -> Body {
        // `CALL` takes no label of the function's own.
        let has_lines = self.function.jump_tables.is_empty()
            && self.function.source.compiled.lowered.local_fns.is_empty();
        let lines = has_lines.then(|| self.lines()).flatten();
        lines.map_or_else(|| Body::Bytes(self.bytes()), Body::Lines)
    }

    /// The code line by line, if there is a line for everything.
    fn lines(&self) -> Option<String> {
        let compiled = &self.function.source.compiled;
        let mut text = String::new();
        let mut cfa_changes = compiled.lowered.frame.cfa.iter().peekable();
        let mut cfa = Cfa { reg: gp::RSP, offset: 8 };
        let labels = self.labels();
        let mut comments = Comments::new(self.source);
        // As the assembler counts it.
        let mut depth = self.entry_depth();
        let prologue = self.frame_items();
        for (index, line) in self.function.lines().enumerate() {
            while let Some((_, changed)) = cfa_changes.next_if(|(at, _)| *at <= index) {
                cfa = *changed;
            }
            if index < prologue || self.takes_frame_down(&line) {
                continue;
            }
            let names = Names { labels: &labels, function: self, cfa };
            match &line.item.code {
                Code::Label(label) => {
                    let _ = writeln!(text, "{}:", labels[label.index()]);
                }
                Code::Align(bytes) => {
                    let _ = writeln!(text, "\t// align {bytes}: not in Go's assembler");
                }
                Code::Bytes(_) => text.push_str(&byte_line(line.bytes, "db")),
                Code::Group(_) => return None,
                Code::Inst(inst) if inst.mnemonic.name() == "ret" => {
                    comments.push(&mut text, "\tRET", &line, "//");
                }
                Code::Inst(inst) => {
                    if i64::from(cfa.offset) != depth {
                        return None;
                    }
                    depth += pushed(inst);
                    let words = self.instruction(inst, &line, &names)?;
                    comments.push(&mut text, &words, &line, "//");
                }
            }
        }
        Some(text)
    }

    /// A line for an instruction: words, or bytes where these do not depend on the position.
    fn instruction(
        &self,
        inst: &Instruction<PhysReg>,
        line: &Line<'_>,
        names: &Names<'_>,
    ) -> Option<String> {
        let compiled = &self.function.source.compiled;
        let numbers = self.function.with_numbers(inst);
        if let Some(words) = spell(&numbers, &compiled.function.features, names) {
            return Some(format!("\t{words}"));
        }
        let depends_on_place = inst.operands.iter().any(|operand| match operand {
            Operand::Label(_) => true,
            Operand::Mem(mem) => matches!(mem.base, Base::Data(_)),
            _ => false,
        });
        // The assembler must know of every change of the stack pointer.
        if depends_on_place || pushed(inst) != 0 {
            return None;
        }
        let bytes = byte_line(line.bytes, &instruction_text(&numbers, compiled));
        Some(bytes.trim_end().to_string())
    }

    /// Everything as it is, constants too.
    fn bytes(&self) -> String {
        let compiled = &self.function.source.compiled;
        let encoded = &compiled.encoded;
        let mut text = String::new();
        for line in self.function.lines() {
            match &line.item.code {
                Code::Label(label) => {
                    let name = &self.function.labels[label.index()];
                    let _ = writeln!(text, "\t// {name}:");
                }
                Code::Align(_) | Code::Group(_) => text.push_str(&byte_line(line.bytes, "padding")),
                Code::Bytes(_) => text.push_str(&byte_line(line.bytes, "db")),
                Code::Inst(inst) => {
                    let inst = self.function.with_numbers(inst);
                    text.push_str(&byte_line(line.bytes, &instruction_text(&inst, compiled)));
                }
            }
        }
        for chunk in encoded.bytes[encoded.code_len..].chunks(32) {
            text.push_str(&byte_line(chunk, "constants"));
        }
        text
    }

    /// Labels as the assembler takes them.
    fn labels(&self) -> Vec<String> {
        let mut known = HashSet::new();
        let names = self.function.labels.iter().map(|name| identifier(name));
        names
            .map(|mut name| {
                while !known.insert(name.clone()) {
                    name.push('_');
                }
                name
            })
            .collect()
    }

    /// How many of the first items make the frame.
    fn frame_items(&self) -> usize {
        let frame = &self.function.source.compiled.lowered.frame;
        match (frame.size, frame.saved.len()) {
            (0, _) => 0,
            (_, 0) => 1,
            _ => 3,
        }
    }

    /// The distance of the canonical frame address after them.
    fn entry_depth(&self) -> i64 {
        8 + i64::from(self.function.source.compiled.lowered.frame.size)
    }

    /// Whether an item is one of those that take the frame down, which the assembler adds to `RET`.
    fn takes_frame_down(&self, line: &Line<'_>) -> bool {
        let (Code::Inst(inst), Origin::Epilogue(_)) = (&line.item.code, line.item.origin) else {
            return false;
        };
        let frame = &self.function.source.compiled.lowered.frame;
        let Some(Operand::Reg(dst)) = inst.operands.first() else { return false };
        match inst.mnemonic.name() {
            "add" | "sub" => dst.reg == gp::RSP,
            "mov" => dst.reg == gp::RBP && !frame.saved.is_empty(),
            _ => false,
        }
    }
}

/// Bytes that a function has on the stack, its return address included.
pub(super) fn stack_bytes(lowered: &Lowered) -> u32 {
    let mut deepest = vec![8; 1 + lowered.local_fns.len()];
    let parts = lowered.parts();
    for (at, cfa) in &lowered.frame.cfa {
        let part = parts.partition_point(|part| part.start <= *at).saturating_sub(1);
        deepest[part] = (cfa.offset as u32).max(deepest[part]);
    }
    // Each local function is called within others at most once at a time.
    deepest.iter().sum()
}

/// A function that jumps to another, with that one's stack asked for. (`RET f(SB)` takes the frame
/// down and jumps.)
pub(super) fn tail_call(symbol: &str, target: &str, stack: u32, args: u32) -> String {
    match stack {
        0..=SMALL_STACK => {
            format!("TEXT ·{symbol}(SB), NOSPLIT|NOFRAME, $0-{args}\n\tJMP {target}(SB)\n")
        }
        _ => {
            let frame = stack.next_multiple_of(8);
            format!("TEXT ·{symbol}(SB), 0, ${frame}-{args}\n\tRET {target}(SB)\n")
        }
    }
}

/// How far an instruction moves the stack pointer down.
fn pushed(inst: &Instruction<PhysReg>) -> i64 {
    match inst.mnemonic.name() {
        "push" | "pushfq" => 8,
        "pop" | "popfq" => -8,
        _ => 0,
    }
}

/// Bytes, as few directives as hold them, with what they are.
fn byte_line(bytes: &[u8], what: &str) -> String {
    let mut directives = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (size, name) = match rest.len() {
            8.. => (8, "QUAD"),
            4.. => (4, "LONG"),
            2.. => (2, "WORD"),
            _ => (1, "BYTE"),
        };
        let (now, later) = rest.split_at(size);
        let number = hex(now.iter().rev(), "");
        directives.push(format!("{name} $0x{number}"));
        rest = later;
    }
    match directives.is_empty() {
        true => String::new(),
        false => format!("\t{} // {what}\n", directives.join("; ")),
    }
}

/// What an instruction refers to, at one place in the code.
struct Names<'a> {
    labels: &'a [String],
    function: &'a GoFunction<'a>,
    cfa: Cfa,
}

impl Names<'_> {
    fn variable(&self, mem: &Mem<PhysReg>) -> Option<&Variable> {
        let offset = u32::try_from(mem.disp - i64::from(self.cfa.offset)).ok()?;
        let mut variables = self.function.signature.variables.iter();
        variables.find(|variable| variable.offset == offset && variable.name != "_")
    }
}

impl Places for Names<'_> {
    fn memory(&self, mem: &Mem<PhysReg>, mnemonic: &str) -> Option<Option<String>> {
        match mem.base {
            Base::Data(id) if mem.disp >= 0 && mem.index.is_none() => Some(Some(format!(
                "{}<>+{}(SB)",
                self.function.function.data[id.index()],
                mem.disp
            ))),
            Base::Data(_) => None,
            Base::Reg(view) if view.reg == gp::RSP && mem.index.is_none() => {
                if mem.disp < i64::from(self.cfa.offset) {
                    // `go vet` does not count pushes.
                    let in_frame = mem.disp < i64::from(self.function.variable_bytes()) + 8;
                    return in_frame.then_some(None);
                }
                let variable = self.variable(mem)?;
                let fits = vet_bytes(mnemonic).is_none_or(|bytes| bytes == variable.bytes);
                fits.then(|| Some(format!("{}+{}(FP)", variable.name, variable.offset)))
            }
            _ => Some(None),
        }
    }

    fn label(&self, id: LabelId) -> String {
        self.labels[id.index()].clone()
    }
}

/// How many bytes `go vet` takes an instruction to touch, from its name; `None` if it does not
/// care.
fn vet_bytes(mnemonic: &str) -> Option<u32> {
    let op: &str = mnemonic.split(|ch: char| !ch.is_ascii_uppercase()).next().unwrap_or("");
    if op.starts_with('P') && op.ends_with("RD") {
        return Some(4);
    }
    match op {
        "MOVO" | "MOVOU" => return Some(16),
        _ if op.ends_with("SD") => return Some(8),
        _ if op.ends_with("SS") => return Some(4),
        _ if op.starts_with("SET") => return Some(1),
        _ => {}
    }
    match op.chars().last()? {
        'B' => Some(1),
        'W' => Some(2),
        'L' => Some(4),
        'D' | 'Q' => Some(8),
        _ => None,
    }
}
