//! What a list of tokens is made of: blocks and their statements, lists, decorations, operators
//! with one operand. No more of the grammar than spacing and indentation need.

use super::lex::{Kind, Token};

/// What a pair of brackets is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// `{ … }` around items or statements.
    Block,
    /// `( … )` and `[ … ]`.
    List,
    /// `{k1}`, `{1to16}`, and `{B}` in a name: part of the word before it.
    Mark,
    /// Rust: `const { … }`, attributes, fallbacks. Its spacing is the author's.
    Kept,
}

/// What is known of a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    /// The bracket that it is in.
    pub(super) parent: Option<usize>,
    /// Of a bracket, its role; of other tokens, that of the bracket that they are in.
    pub(super) role: Role,
    /// Where the statement starts that it belongs to, if it is in a block.
    pub(super) head: Option<usize>,
    /// The code before it: not a comment, and in the same brackets.
    pub(super) before: Option<usize>,
    /// An operator with one operand, which is after it; also the `|` that starts parameters.
    pub(super) is_unary: bool,
    /// `<` or `>` around generic arguments; the `|` that ends parameters.
    pub(super) is_bracket: bool,
    /// A word that controls what follows: `if`, `in`, `return`.
    pub(super) is_keyword: bool,
}

/// Brackets that are open, or the file.
#[derive(Clone, Copy)]
struct Frame {
    open: Option<usize>,
    role: Role,
    head: Option<usize>,
    before: Option<usize>,
    /// Whether the next brace opens a block: after `if`, `for`, `fn`.
    has_header: bool,
    is_function: bool,
    /// Whether `<` opens generic arguments: in signatures.
    has_types: bool,
    /// `#[fallback]` was seen: the next function is Rust.
    is_fallback: bool,
    /// How many `<` are open.
    angles: usize,
    has_bar: bool,
}

impl Frame {
    fn new(open: Option<usize>, role: Role) -> Frame {
        Frame {
            open,
            role,
            head: None,
            before: None,
            has_header: false,
            is_function: false,
            has_types: false,
            is_fallback: false,
            angles: 0,
            has_bar: false,
        }
    }

    /// A statement, or an element of a list, is over.
    fn end(&mut self) {
        self.head = None;
        self.has_header = false;
        self.is_function = false;
        self.angles = 0;
        self.has_bar = false;
    }
}

/// Words before a block.
const HEADERS: [&str; 9] =
    ["if", "else", "for", "while", "loop", "match", "unsafe", "fn", "stream"];

/// Words before an operand.
const KEYWORDS: [&str; 11] =
    ["if", "else", "for", "in", "while", "match", "return", "let", "mut", "const", "as"];

/// Segment registers, which stand before an address: `fs:[0]`.
pub(super) const SEGMENTS: [&str; 6] = ["cs", "ds", "es", "fs", "gs", "ss"];

/// What is known of each token.
pub(super) fn facts(tokens: &[Token<'_>]) -> Vec<Fact> {
    let mut walk = Walk { tokens, facts: Vec::new(), frames: vec![Frame::new(None, Role::Block)] };
    for at in 0..tokens.len() {
        walk.step(at);
    }
    walk.facts
}

struct Walk<'t, 's> {
    tokens: &'t [Token<'s>],
    facts: Vec<Fact>,
    frames: Vec<Frame>,
}

impl Walk<'_, '_> {
    fn frame(&mut self) -> &mut Frame {
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    fn step(&mut self, at: usize) {
        let token = &self.tokens[at];
        if token.kind == Kind::Close {
            self.close(at);
            return;
        }
        let frame = *self.frame();
        let mut fact = Fact {
            parent: frame.open,
            role: frame.role,
            head: frame.head,
            before: frame.before,
            is_unary: false,
            is_bracket: false,
            is_keyword: false,
        };
        if token.is_comment() {
            self.facts.push(fact);
            return;
        }
        if frame.role == Role::Block && frame.head.is_none() {
            self.frame().head = Some(at);
            fact.head = Some(at);
        }
        match token.kind {
            Kind::Open => {
                fact.role = self.role(at, &frame);
                self.facts.push(fact);
                if fact.role == Role::Block {
                    self.frame().has_header = false;
                }
                let is_signature = frame.is_function || frame.has_types;
                let has_types = is_signature && fact.role == Role::List;
                self.frames.push(Frame { has_types, ..Frame::new(Some(at), fact.role) });
                return;
            }
            Kind::Word => fact.is_keyword = self.word(at),
            Kind::Sign => self.sign(at, &frame, &mut fact),
            Kind::Number | Kind::Text | Kind::Label => {}
            Kind::Close | Kind::LineComment | Kind::BlockComment => {}
        }
        self.facts.push(fact);
        self.frame().before = Some(at);
    }

    fn word(&mut self, at: usize) -> bool {
        let text = self.tokens[at].text;
        // The mnemonic `loop` is no harm: its semicolon is next.
        if HEADERS.contains(&text) {
            self.frame().has_header = true;
        }
        if text == "fn" {
            self.frame().is_function = true;
        }
        KEYWORDS.contains(&text)
    }

    fn sign(&mut self, at: usize, frame: &Frame, fact: &mut Fact) {
        let text = self.tokens[at].text;
        let is_operand_next = frame.before.is_none_or(|before| self.expects_operand(before));
        match text {
            ";" => self.frame().end(),
            "," if frame.role == Role::List && frame.angles == 0 => self.frame().end(),
            ":" if self.ends_label(at, frame) => self.frame().end(),
            "<" if frame.is_function || frame.has_types || self.opens_generics(frame) => {
                self.frame().angles += 1;
                fact.is_bracket = true;
            }
            ">" | ">>" if frame.angles > 0 => {
                self.frame().angles = frame.angles.saturating_sub(text.len());
                fact.is_bracket = true;
            }
            "|" if is_operand_next || frame.has_bar => {
                self.frame().has_bar = !frame.has_bar;
                fact.is_unary = !frame.has_bar;
                fact.is_bracket = frame.has_bar;
            }
            "-" | "*" | "&" | "&&" | "!" | ".." | "..=" => {
                fact.is_unary = is_operand_next || self.is_spaced_as_unary(at, frame);
            }
            _ => {}
        }
    }

    /// Whether what is after this token is an operand: an operator there has no other.
    fn expects_operand(&self, before: usize) -> bool {
        let token = &self.tokens[before];
        match token.kind {
            Kind::Sign => !(token.is(">") || token.is(">>")) || !self.facts[before].is_bracket,
            Kind::Word => self.facts[before].is_keyword,
            Kind::Number | Kind::Text | Kind::Label | Kind::Close | Kind::Open => false,
            Kind::LineComment | Kind::BlockComment => false,
        }
    }

    /// `push -1`: after a statement's first word, only the author's spacing tells.
    fn is_spaced_as_unary(&self, at: usize, frame: &Frame) -> bool {
        let is_first = frame.role == Role::Block && frame.before == frame.head;
        let is_tight_next = self.tokens.get(at + 1).is_some_and(Token::is_tight);
        is_first && !self.tokens[at].is_tight() && is_tight_next
    }

    /// `'name:` and `'name[i]:` at the start of a statement.
    fn ends_label(&self, at: usize, frame: &Frame) -> bool {
        let Some(head) = frame.head.filter(|_| frame.role == Role::Block) else { return false };
        let name_end = match self.tokens.get(head + 1) {
            Some(next) if next.is("[") => next.partner + 1,
            _ => head + 1,
        };
        let name = &self.tokens[head];
        let is_label = name.kind == Kind::Label || name.text.starts_with('$');
        is_label && name_end == at
    }

    /// `f::<T>`, `sym <T as Trait>::f`, and those in them.
    fn opens_generics(&self, frame: &Frame) -> bool {
        let follows = |text: &str| frame.before.is_some_and(|before| self.tokens[before].is(text));
        follows("::") || follows("sym") || frame.angles > 0
    }

    fn role(&self, at: usize, frame: &Frame) -> Role {
        let token = &self.tokens[at];
        let before = frame.before.map(|before| &self.tokens[before]);
        let follows = |text: &str| before.is_some_and(|before| before.is(text));
        if frame.role == Role::Kept || follows("#") || follows("$") {
            return Role::Kept;
        }
        // `#![…]`.
        let is_inner = || at >= 2 && self.tokens[at - 2].is("#") && token.is("[");
        if follows("!") && is_inner() {
            return Role::Kept;
        }
        // Around all of it: the macro's own, of any kind.
        if at == 0 && token.partner + 1 == self.tokens.len() {
            return Role::Block;
        }
        if !token.is("{") {
            return Role::List;
        }
        match before {
            Some(before) if before.is("const") => Role::Kept,
            Some(_) if frame.angles > 0 && !frame.has_header => Role::Kept,
            Some(before) if self.is_part_of_name(at, before) => Role::Mark,
            _ if frame.has_header && frame.is_function && frame.is_fallback => Role::Kept,
            _ if frame.has_header => Role::Block,
            _ if self.is_mark(at, frame) => Role::Mark,
            _ => Role::Block,
        }
    }

    /// `pack_{B}`, `{B}_wide`, `-> i{W} {`, but not `if x {`.
    fn is_part_of_name(&self, at: usize, before: &Token<'_>) -> bool {
        let token = &self.tokens[at];
        let close = token.partner;
        let joins = self.tokens.get(close + 1).is_some_and(|next| {
            let goes_on = next.kind == Kind::Word || next.is("(") || next.is("<");
            next.is_tight() && goes_on || next.is("{")
        });
        let is_tight = self.tokens[at + 1..=close].iter().all(Token::is_tight);
        let is_behind_name =
            token.is_tight() && before.kind == Kind::Word && (before.text.ends_with('_') || joins);
        is_tight && close == at + 2 && (is_behind_name || (joins && before.is("fn")))
    }

    /// A decoration of an operand: short, and not where a statement or a value starts.
    fn is_mark(&self, at: usize, frame: &Frame) -> bool {
        let Some(before) = frame.before.filter(|_| frame.head != Some(at)) else { return false };
        let is_behind_operand = match self.tokens[before].kind {
            Kind::Word | Kind::Number | Kind::Close => true,
            Kind::Sign => self.tokens[before].is(","),
            Kind::Text | Kind::Label | Kind::Open | Kind::LineComment | Kind::BlockComment => false,
        };
        let inside = &self.tokens[at + 1..self.tokens[at].partner];
        is_behind_operand && !inside.is_empty() && !inside.iter().any(|token| token.is(";"))
    }

    fn close(&mut self, at: usize) {
        let closed = self.frames.pop().unwrap_or(Frame::new(None, Role::Block));
        if self.frames.is_empty() {
            self.frames.push(Frame::new(None, Role::Block));
        }
        let frame = self.frame();
        let fact = Fact {
            parent: frame.open,
            role: closed.role,
            head: frame.head,
            before: closed.before,
            is_unary: false,
            is_bracket: false,
            is_keyword: false,
        };
        self.facts.push(fact);
        let open = self.tokens[at].partner;
        let is_attribute = self.is_attribute(open);
        let is_fallback =
            is_attribute && self.tokens.get(open + 1).is_some_and(|token| token.is("fallback"));
        let ends = closed.role != Role::Mark
            && self.tokens[at].is("}")
            && self.ends_statement(at, closed.role);
        let frame = self.frame();
        if is_attribute || (ends && frame.angles == 0) {
            frame.end();
        }
        frame.is_fallback = is_fallback || (frame.is_fallback && !ends);
        frame.before = Some(at);
    }

    fn is_attribute(&self, open: usize) -> bool {
        let behind = |count: usize| open.checked_sub(count).map(|at| &self.tokens[at]);
        let is = |token: Option<&Token<'_>>, text| token.is_some_and(|token| token.is(text));
        self.tokens[open].is("[")
            && (is(behind(1), "#") || (is(behind(1), "!") && is(behind(2), "#")))
    }

    /// Whether a statement ends at this brace: not where `else` or an operator goes on.
    fn ends_statement(&self, at: usize, role: Role) -> bool {
        let next = self.tokens[at + 1..].iter().find(|token| !token.is_comment());
        let goes_on = next.is_some_and(|next| {
            next.is("else") || [",", ";", ".", "?"].iter().any(|sign| next.is(sign))
        });
        (role == Role::Block || role == Role::Kept) && !goes_on
    }
}
