//! Statements, and the declarations that are at the top as well: constants and tables.

use super::{BinaryOp, Call, ClassExpr, Element, Expr, Label, Name, Pattern, TableElement};
use crate::diagnostics::Reported;
use proc_macro2::Span;

/// `{ … }`.
#[derive(Clone, Debug)]
pub struct Block {
    /// In order.
    pub statements: Vec<Statement>,
    /// The opening and the closing brace.
    pub span: (Span, Span),
}

impl Block {
    /// Adds the `unsafe` of every block in it, in source order.
    pub fn unsafe_blocks(&self, spans: &mut Vec<Span>) {
        for statement in &self.statements {
            if let StatementKind::Block { unsafety, .. } = &statement.kind {
                spans.extend(*unsafety);
            }
            statement.kind.bodies().for_each(|body| body.unsafe_blocks(spans));
        }
    }

    /// Whether there is an `invariant` in it.
    pub fn has_invariants(&self) -> bool {
        self.statements.iter().any(|statement| {
            matches!(statement.kind, StatementKind::Invariant(_))
                || statement.kind.bodies().any(Block::has_invariants)
        })
    }
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What it is.
    pub kind: StatementKind,
    /// Its first and its last token, the semicolon not counted.
    pub span: (Span, Span),
}

/// What a statement is.
#[derive(Clone, Debug)]
pub enum StatementKind {
    /// `let x: class;`, `let a, b: class = value;`, `let buf: [f32; 16] align 64;`
    Let(Let),
    /// `let x = operand;`, `let (a, b) = (b, a);`
    Alias(Pattern, Expr),
    /// `let mut n: const = 0;`
    LetConst(Name, Expr),
    /// `const N = expr;`
    Const(Const),
    /// `const CASES: [label; 4] = …;`, or a table of numbers.
    Table(Table),
    /// `a = b;` Also assigns compile-time variables.
    Assign(Expr, Expr),
    /// `bit += 7;` on compile-time variables.
    AssignOp(Expr, BinaryOp, Expr),
    /// `mnemonic operands;`: the first name may turn out to be a variable over mnemonics.
    Instruction(InstructionStatement),
    /// `name(args);`: a helper, or (where `name` is a mnemonic) an instruction.
    Call(Call),
    /// `inline fn`, which sees the names around it.
    Helper(Box<Helper>),
    /// `'name:` or `'case[i]:`
    Label(Label),
    /// `{ … }`, `'name: { … }`, `unsafe { … }`, `'name: unsafe { … }`.
    Block {
        /// `'name:` before it.
        label: Option<Label>,
        /// `unsafe`.
        unsafety: Option<Span>,
        /// The statements.
        body: Block,
    },
    /// `for pattern in iterable { … }`.
    For(Pattern, Expr, Block),
    /// `while condition { … }`.
    While(Expr, Block),
    /// `if c { … } else if d { … } else { … }`; the condition of `else` is `None`.
    If(Vec<(Option<Expr>, Block)>),
    /// `assert!(condition, "message")`.
    Assert(Expr, Option<String>),
    /// `return;`, `return x;`, `return (a, b);` (one tuple expression).
    Return(Option<Expr>),
    /// `stream name { … }`.
    Stream(Name, Block),
    /// `issue name;`, `issue name, 3;`, `issue name, ..;`
    Issue(Name, IssueCount),
    /// `emit name[i];`, `emit name[a..b];`
    Emit(Name, Expr),
    /// `interleave a, b;`, `interleave a 1, b 2;`
    Interleave(Vec<(Name, Option<Expr>)>),
    /// `invariant a <= b, c == d;`
    Invariant(Vec<Expr>),
    /// `align 32;`
    Align(Expr),
    /// `db 0x0f, 0x0b;`
    Db(Vec<Expr>),
    /// `declassify a, b.gp32, acc, buf;`
    Declassify(Vec<Expr>),
}

impl StatementKind {
    /// The blocks that it holds, in source order.
    fn bodies(&self) -> impl Iterator<Item = &Block> {
        let (body, branches) = match self {
            StatementKind::Block { body, .. }
            | StatementKind::For(_, _, body)
            | StatementKind::While(_, body)
            | StatementKind::Stream(_, body) => (Some(body), &[][..]),
            StatementKind::Helper(helper) => (Some(&helper.body), &[][..]),
            StatementKind::If(branches) => (None, branches.as_slice()),
            StatementKind::Let(_)
            | StatementKind::Alias(..)
            | StatementKind::LetConst(..)
            | StatementKind::Const(_)
            | StatementKind::Table(_)
            | StatementKind::Assign(..)
            | StatementKind::AssignOp(..)
            | StatementKind::Instruction(_)
            | StatementKind::Call(_)
            | StatementKind::Label(_)
            | StatementKind::Assert(..)
            | StatementKind::Return(_)
            | StatementKind::Issue(..)
            | StatementKind::Emit(..)
            | StatementKind::Interleave(_)
            | StatementKind::Invariant(_)
            | StatementKind::Align(_)
            | StatementKind::Db(_)
            | StatementKind::Declassify(_) => (None, &[][..]),
        };
        body.into_iter().chain(branches.iter().map(|(_, body)| body))
    }
}

/// A `let` that declares registers or memory.
#[derive(Clone, Debug)]
pub struct Let {
    /// Each of them is declared, and set if there is a value.
    pub names: Vec<Name>,
    /// After the colon.
    pub ty: LetType,
    /// `align N`.
    pub align: Option<Expr>,
    /// After `=`.
    pub value: Option<Expr>,
}

/// What a `let` declares.
#[derive(Clone, Debug)]
pub enum LetType {
    /// Registers. `f32` and the like are not distinguished from classes here: see `Memory`.
    Class(ClassExpr),
    /// A stack variable: an array or scalar of a number type.
    Memory {
        /// The element.
        element: Element,
        /// Its length, if it is an array.
        length: Option<Expr>,
    },
}

/// An instruction.
#[derive(Clone, Debug)]
pub struct InstructionStatement {
    /// `lock`, `rep`, `evex`, `vex3`, …, in order.
    pub prefixes: Vec<Name>,
    /// The mnemonic, or a name that stands for one.
    pub mnemonic: Name,
    /// The operands.
    pub operands: Vec<Expr>,
}

/// How much `issue` takes of a stream.
#[derive(Clone, Debug)]
pub enum IssueCount {
    /// The next one.
    One,
    /// That many.
    Count(Expr),
    /// All that are left.
    Rest,
}

/// `const NAME[: type] = expr;`
#[derive(Clone, Debug)]
pub struct Const {
    /// Its name.
    pub name: Name,
    /// The type, where one is written.
    pub ty: Option<Name>,
    /// Its value.
    pub value: Expr,
}

/// `const NAME: [T; N] align A = value;`
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: Name,
    /// What it holds.
    pub element: TableElement,
    /// N, outermost first.
    pub lengths: Vec<Expr>,
    /// `align A`.
    pub align: Option<Expr>,
    /// What it is set to.
    pub value: Expr,
}

/// `inline fn name(params) -> classes { body }`, or `local fn`.
#[derive(Clone, Debug)]
pub struct Helper {
    /// `local fn`: its code stands once, and is called.
    pub is_local: bool,
    /// Its name.
    pub name: Name,
    /// Its parameters.
    pub params: Vec<HelperParam>,
    /// `-> gp64`, `-> (ymm, ymm)`, or none.
    pub results: Vec<ClassExpr>,
    /// The statements.
    pub body: Block,
    /// A statement was in error and left out.
    pub reported: Option<Reported>,
    /// Names in the statements that were left out.
    pub skipped: Vec<(String, Reported)>,
}

/// A parameter of a helper.
#[derive(Clone, Debug)]
pub struct HelperParam {
    /// Its name.
    pub name: Name,
    /// What it accepts.
    pub kind: ParamKind,
}

/// What a helper's parameter accepts.
#[derive(Clone, Debug)]
pub enum ParamKind {
    /// A register, or an array of them.
    Class(ClassExpr),
    /// `const`.
    Const,
    /// `label`.
    Label,
    /// `operand`.
    Operand,
    /// `[operand; 2]`: the lengths, outermost first.
    Operands(Vec<Expr>),
    /// `mnemonic`.
    Mnemonic,
}
