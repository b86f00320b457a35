//! The syntax tree: what the author wrote, with spans, nothing resolved.
//!
//! Expressions and operands are one type, [`Expr`]: a helper's `m: operand` and `let slot = [p + 8];`
//! let whatever stands as an operand have a name, so expansion tells them apart by what they evaluate
//! to, not the grammar.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};

/// The contents of one `peach_fn!`, or of a bare kernel file.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// In source order.
    pub items: Vec<Item>,
    /// Names in items that were in error and left out: what is undefined may have been among them.
    pub skipped: Vec<String>,
}

/// Tokens as an author spaces them: `&'a mut [T; 4]`, not `& 'a mut [T ; 4]`.
pub fn tokens_text(tokens: &TokenStream) -> String {
    let mut text = String::new();
    push_tokens(&mut text, tokens.clone());
    text
}

fn push_tokens(text: &mut String, tokens: TokenStream) {
    for tree in tokens {
        if let TokenTree::Group(group) = &tree {
            let (open, close) = match group.delimiter() {
                Delimiter::Parenthesis => ("(", ")"),
                Delimiter::Bracket => ("[", "]"),
                Delimiter::Brace => ("{", "}"),
                Delimiter::None => ("", ""),
            };
            text.push_str(open);
            push_tokens(text, group.stream());
            text.push_str(close);
            continue;
        }
        let token = tree.to_string();
        let is_word = |ch: char| ch.is_alphanumeric() || ch == '_';
        let starts_word = token.starts_with(|ch| is_word(ch) || ch == '\'');
        let after = text.ends_with([',', ';', '=', '+']) || text.ends_with("->");
        let between_words = text.ends_with(is_word) && starts_word;
        if after || between_words || matches!(token.as_str(), "-" | "=" | "+") {
            text.push(' ');
        }
        text.push_str(&token);
    }
}

/// What may stand at the top.
#[derive(Clone, Debug)]
pub enum Item {
    /// A kernel.
    Kernel(Box<Kernel>),
    /// `#[fallback] fn name(…) { … }`.
    Fallback(Box<Fallback>),
    /// `inline fn`.
    Helper(Box<Helper>),
    /// `const NAME = expr;`
    Const(Const),
    /// `const NAME: [T; N] = …;`
    Table(Table),
    /// `for B in … { items }`.
    Family(Family),
}

/// A name with its place. A raw identifier keeps its `r#`: see [`name_text`].
pub type Name = Ident;

/// The text of a name, without `r#`: `r#in` and `in` are the same name.
pub fn name_text(name: &Name) -> String {
    let mut text = name.to_string();
    if text.starts_with("r#") {
        text.drain(..2);
    }
    text
}

/// A kernel.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// What the language's own attributes say.
    pub attrs: KernelAttrs,
    /// All other attributes and doc comments, to be carried to the Rust item.
    pub rust_attrs: Vec<TokenStream>,
    /// `pub`, `pub(crate)`, nothing.
    pub vis: TokenStream,
    /// `unsafe fn`.
    pub is_unsafe: bool,
    /// `extern "abi"`; `extern` alone is `"C"`.
    pub abi: Option<(Abi, Span)>,
    /// Name, parameters, result.
    pub signature: Signature,
    /// The statements.
    pub body: Block,
    /// Whether something in it was in error and reported: it gets its item, but no code.
    pub has_errors: bool,
    /// Names in statements that were in error and left out of the body.
    pub skipped: Vec<String>,
}

/// The conventions a kernel can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abi {
    /// The target's own.
    C,
    /// System V.
    SysV64,
    /// Microsoft x64.
    Win64,
}

/// Name, lifetimes, parameters, result.
#[derive(Clone, Debug)]
pub struct Signature {
    /// The kernel's name.
    pub name: Name,
    /// `<'a, 'b: 'a>` with its angle brackets, or nothing.
    pub lifetimes: TokenStream,
    /// Whether a lifetime has bounds (in the list or in a `where` clause).
    pub has_bounds: bool,
    /// `where` clause, or nothing.
    pub where_clause: TokenStream,
    /// In order.
    pub params: Vec<Param>,
    /// `()` if there is none.
    pub result: Type,
    /// Everything behind the name, as written.
    pub tokens: TokenStream,
    /// Whether something in it is what kernels cannot have, which has been reported: of the kernel
    /// there is a function with these `tokens`, and nothing else.
    pub is_invalid: bool,
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct Param {
    /// `mut` before it is accepted and means nothing: arguments may be overwritten.
    pub name: Name,
    /// Its type.
    pub ty: Type,
}

/// A type of a signature.
#[derive(Clone, Debug)]
pub struct Type {
    /// What it is.
    pub kind: TypeKind,
    /// As written.
    pub tokens: TokenStream,
    /// First and last token.
    pub span: (Span, Span),
}

/// The types that a kernel's signature may have.
#[derive(Clone, Debug)]
pub enum TypeKind {
    /// `()`.
    Unit,
    /// `i8` … `u64`, `isize`, `usize`.
    Int {
        /// 1, 2, 4 or 8.
        bytes: u32,
        /// `i…`.
        signed: bool,
        /// `isize`, `usize`: in memory as wide as a pointer, which some conventions have in 4 bytes.
        is_size: bool,
    },
    /// `i128`, `u128`.
    Wide {
        /// `i128`.
        signed: bool,
    },
    /// `bool`.
    Bool,
    /// `char`.
    Char,
    /// `f32`, `f64`.
    Float {
        /// 4 or 8.
        bytes: u32,
    },
    /// `__m128`, `__m256i`, …, with or without a path.
    Vector {
        /// 16, 32 or 64.
        bytes: u32,
    },
    /// `*const T`, `*mut T`.
    RawPointer,
    /// `NonNull<T>`, with or without a path.
    NonNull,
    /// `&T`, `&mut T`, `&[T; N]`; not slices.
    Reference {
        /// `&mut`.
        mutable: bool,
        /// What it points to.
        pointee: Pointee,
    },
    /// `&[T]`, `&mut [T]`.
    Slice {
        /// `&mut`.
        mutable: bool,
        /// `T`, as written.
        element: TokenStream,
    },
    /// `&str`.
    Str,
    /// `fn(…)`, `extern "C" fn(…)`, `unsafe …`.
    FnPointer,
    /// `Option<T>` of a reference, `NonNull` or function pointer.
    Option(Box<Type>),
    /// A pair as a result.
    Pair(Box<Type>, Box<Type>),
    /// A type that kernels cannot have, which has been reported.
    Invalid,
}

/// What a reference points to, as far as its size can be known here.
#[derive(Clone, Debug)]
pub enum Pointee {
    /// A number type: `f32`.
    Number(Element),
    /// `[T; N]` of numbers. N may be a kernel constant.
    Array(Element, Box<Expr>),
    /// Anything else.
    Other,
}

/// A number type as an element of arrays and tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// Signed and unsigned integers of this many bytes.
    Int {
        /// 1, 2, 4, 8 (16 in references to `i128`).
        bytes: u32,
        /// `i…`.
        signed: bool,
    },
    /// `f32` or `f64`.
    Float {
        /// 4 or 8.
        bytes: u32,
    },
}

impl Element {
    /// The element type called `name`: `i8` … `u64`, `isize`, `usize`, `f32`, `f64`.
    pub fn from_name(name: &str) -> Option<Element> {
        let int = |bytes, signed| Some(Element::Int { bytes, signed });
        match name {
            "u8" => int(1, false),
            "u16" => int(2, false),
            "u32" => int(4, false),
            "u64" | "usize" => int(8, false),
            "u128" => int(16, false),
            "i8" => int(1, true),
            "i16" => int(2, true),
            "i32" => int(4, true),
            "i64" | "isize" => int(8, true),
            "i128" => int(16, true),
            "f32" => Some(Element::Float { bytes: 4 }),
            "f64" => Some(Element::Float { bytes: 8 }),
            _ => None,
        }
    }

    /// Its size in bytes.
    pub fn bytes(self) -> u32 {
        match self {
            Element::Int { bytes, .. } | Element::Float { bytes } => bytes,
        }
    }
}

/// The attributes that the language owns.
#[derive(Clone, Debug, Default)]
pub struct KernelAttrs {
    /// `#[target_feature(enable = "a,b")]`, one entry per name.
    pub target_features: Vec<(String, Span)>,
    /// `#[target_cpu = "…"]`.
    pub target_cpu: Option<(String, Span)>,
    /// `#[version(…)]`, in order.
    pub versions: Vec<VersionAttr>,
    /// `#[embed = "…"]`.
    pub embed: Option<(Embed, Span)>,
    /// `#[spill]`.
    pub spill: bool,
    /// `#[endbr64]`.
    pub endbr64: bool,
    /// `#[vzeroupper = false]`.
    pub vzeroupper: Option<bool>,
    /// `#[export_name = "…"]`.
    pub export_name: Option<(String, Span)>,
}

/// Where a kernel's bytes live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Embed {
    /// Mapped by the runtime at first use.
    #[default]
    Map,
    /// In the program's own text section.
    Text,
}

/// `#[version(enable = "…", V = zmm, W = 64)]`.
#[derive(Clone, Debug)]
pub struct VersionAttr {
    /// The attribute.
    pub span: Span,
    /// One entry per name.
    pub enable: Vec<(String, Span)>,
    /// Values and classes by name. A class is an [`ExprKind::Name`].
    pub bindings: Vec<(Name, Expr)>,
}

/// An ordinary Rust function to be used where no version is supported.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// Attributes but `#[fallback]`.
    pub rust_attrs: Vec<TokenStream>,
    /// Visibility.
    pub vis: TokenStream,
    /// `unsafe fn`.
    pub is_unsafe: bool,
    /// Name, parameters, result.
    pub signature: Signature,
    /// From `(` of the parameters to the end of the signature, as written.
    pub signature_tokens: TokenStream,
    /// The body with its braces.
    pub body: TokenStream,
}

/// `inline fn name(params) -> classes { body }`.
#[derive(Clone, Debug)]
pub struct Helper {
    /// Its name.
    pub name: Name,
    /// Its parameters.
    pub params: Vec<HelperParam>,
    /// `-> gp64`, `-> (ymm, ymm)`, or none.
    pub results: Vec<ClassExpr>,
    /// The statements.
    pub body: Block,
    /// Whether a statement was in error, reported and left out.
    pub has_errors: bool,
    /// Names in the statements that were left out.
    pub skipped: Vec<String>,
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
    /// `mnemonic`.
    Mnemonic,
}

/// A class, or an array of a class: `ymm`, `[ymm; 8]`, `[[zmm; 2]; 6]`, `V` (bound by a version).
#[derive(Clone, Debug)]
pub struct ClassExpr {
    /// The class's name.
    pub class: Name,
    /// Array lengths, outermost first.
    pub lengths: Vec<Expr>,
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

/// `const NAME: [T; N] align A = [e, …];`
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: Name,
    /// What it holds.
    pub element: TableElement,
    /// N.
    pub length: Expr,
    /// `align A`.
    pub align: Option<Expr>,
    /// The values.
    pub values: TableValues,
}

/// What a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableElement {
    /// Numbers.
    Number(Element),
    /// `label`: a jump table.
    Label,
}

/// A table's initialiser.
#[derive(Clone, Debug)]
pub enum TableValues {
    /// `[e, …]`.
    List(Vec<Expr>),
    /// `[e; N]`.
    Repeat(Box<Expr>, Box<Expr>),
    /// `*b"…"`.
    Bytes(Vec<u8>, Span),
}

/// `for B in range { items }` at the top: the items once per value, with `{B}` in names replaced.
#[derive(Clone, Debug)]
pub struct Family {
    /// The variable.
    pub var: Name,
    /// What it runs over.
    pub range: Expr,
    /// The items, not parsed yet: [`super::instantiate`] substitutes the value and parses them.
    pub body: TokenStream,
}

/// `{ … }`.
#[derive(Clone, Debug)]
pub struct Block {
    /// In order.
    pub statements: Vec<Statement>,
    /// The opening and the closing brace.
    pub span: (Span, Span),
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
    /// `let x: class;`, `let x: class = value;`, `let x = operand;`, `let (a, b) = (b, a);`,
    /// `let buf: [f32; 16] align 64;`
    Let(Let),
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
    /// `'name:` or `'case[i]:`
    Label(Label),
    /// `{ … }`, `'name: { … }`, `unsafe { … }`, `'name: unsafe { … }`.
    Block {
        /// `'name:` before it.
        label: Option<Label>,
        /// `unsafe`.
        is_unsafe: bool,
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
    /// `align 32;`
    Align(Expr),
    /// `db 0x0f, 0x0b;`
    Db(Vec<Expr>),
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

/// `let`.
#[derive(Clone, Debug)]
pub struct Let {
    /// What is named.
    pub pattern: Pattern,
    /// After the colon.
    pub ty: Option<LetType>,
    /// `align N`.
    pub align: Option<Expr>,
    /// After `=`.
    pub value: Option<Expr>,
}

/// What a `let` declares.
#[derive(Clone, Debug)]
pub enum LetType {
    /// Registers. `f32` and the like are not told apart from classes here: see `Memory`.
    Class(ClassExpr),
    /// A stack variable: an array or scalar of a number type.
    Memory {
        /// The element.
        element: Element,
        /// Its length, if it is an array.
        length: Option<Expr>,
    },
}

/// What a `let` or a `for` names.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// `x`; `_`.
    Name(Name),
    /// `(a, b)`.
    Tuple(Vec<Pattern>),
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

/// `name(args)`.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is called: a helper, `isa`, `bits`, `len`, `zip`, or a data element (`f32x8`).
    pub name: Name,
    /// The arguments.
    pub args: Vec<Expr>,
}

/// `'name` or `'name[index]`.
#[derive(Clone, Debug)]
pub struct Label {
    /// Without the quote.
    pub name: Name,
    /// The index.
    pub index: Option<Box<Expr>>,
    /// The quote.
    pub span: Span,
}

/// An expression or operand.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its first and its last token.
    pub span: (Span, Span),
}

/// What an expression is.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// `7`, `0xF1`, `b'a'`, `7u8` (the suffix is dropped).
    Int(i128),
    /// `1.5`, `1.5f32`. The literal's text is kept: it is rounded once, to the type it gets.
    Float(FloatLiteral),
    /// `true`, `false`.
    Bool(bool),
    /// `"avx2"`, as an argument of `isa`.
    Str(String),
    /// Any name: register, constant, class, list, mnemonic.
    Name(Name),
    /// `'name`, `'case[i]`.
    Label(Label),
    /// `continue 'name`: the start of the labelled block.
    Continue(Label),
    /// `break 'name`: the end of the labelled block.
    Break(Label),
    /// `-x`, `!x`.
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `a..b`, `a..=b`, `a..`, `..b`, `..`.
    Range {
        /// Inclusive lower end.
        start: Option<Box<Expr>>,
        /// Upper end.
        end: Option<Box<Expr>>,
        /// `..=`.
        inclusive: bool,
    },
    /// `x[i]`, `x[a..b]`, and `t.0`, which is `t[0]`.
    Index(Box<Expr>, Box<Expr>),
    /// `x.ptr`, `n.gp32`.
    Field(Box<Expr>, Name),
    /// `f(x)`.
    Call(Call),
    /// `(0..8).rev()`, `.step_by(2)`.
    MethodCall(Box<Expr>, Call),
    /// `(a, b)`, `()`. `(a)` is `a`.
    Tuple(Vec<Expr>),
    /// `[a + 8]` or `[4, 2, 1]`: memory as an operand, a list where a list is wanted.
    Bracket(Vec<Expr>),
    /// `byte x`, `dword ptr x`: the size in bytes.
    Sized(u32, Box<Expr>),
    /// `fs:[…]`.
    Segment(Name, Box<Expr>),
    /// `x{k1}{z}`, `[p]{1to16}`.
    Decorated(Box<Expr>, Vec<Decoration>),
    /// `{rn-sae}`, `{sae}` as an operand.
    Rounding(Rounding),
    /// `short 'l`.
    Short(Box<Expr>),
    /// `near 'l`.
    Near(Box<Expr>),
    /// `disp8 [..]`.
    Disp8(Box<Expr>),
    /// `disp32 [..]`.
    Disp32(Box<Expr>),
    /// `const { … }`: what stands between the braces.
    RustConst(TokenStream),
    /// `sym path`.
    RustSym(TokenStream),
    /// `if c { a } else { b }` as a constant.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
}

/// A float literal.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatLiteral {
    /// Without underscores and suffix.
    pub text: String,
    /// `f32` or `f64`, where written.
    pub suffix: Option<u32>,
}

/// What may follow an operand in braces.
#[derive(Clone, Debug)]
pub struct Decoration {
    /// What it is.
    pub kind: DecorationKind,
    /// The braces.
    pub span: (Span, Span),
}

/// See [`Decoration`].
#[derive(Clone, Debug)]
pub enum DecorationKind {
    /// `{k1}`, `{m}`, `{masks[i]}`.
    Mask(Expr),
    /// `{z}`.
    Zeroing,
    /// `{1to16}`.
    Broadcast(u8),
    /// `{rn-sae}`, `{sae}`.
    Rounding(Rounding),
}

pub use crate::ir::Rounding;

/// `-`, `!`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Neg,
    /// `!`
    Not,
}

/// Rust's binary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
    /// `&`
    And,
    /// `|`
    Or,
    /// `^`
    Xor,
    /// `<<`
    Shl,
    /// `>>`
    Shr,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `&&`
    AndAnd,
    /// `||`
    OrOr,
}
