//! Statements and blocks.
//!
//! In: a cursor over the inside of braces. Out: a [`Block`].
//! What a statement is, is decided by its first tokens alone: keyword, label, block; `name(args);` is
//! a call, `place = …` sets, everything else is an instruction.
//! Fails: an error skips to the next statement, so that each is reported; the names in what was
//! skipped are kept in [`Block::skipped`], so that later stages do not complain about them.

use super::ast::*;
use super::cursor::{Cursor, Parsed, error};
use super::{expressions, literals, operands, types};
use crate::diagnostics::Diagnostics;
use proc_macro2::Delimiter;

/// Prefixes of instructions, in lower case.
const PREFIXES: [&str; 12] = [
    "lock", "rep", "repe", "repz", "repne", "repnz", "xacquire", "xrelease", "bnd", "notrack",
    "evex", "vex",
];

/// What the parser of statements carries along.
pub(super) struct Context<'d> {
    /// Where errors go.
    pub(super) diagnostics: &'d mut Diagnostics,
    /// Names in statements that were in error.
    pub(super) skipped: Vec<String>,
    /// Whether any statement was in error.
    pub(super) has_errors: bool,
}

impl<'d> Context<'d> {
    pub(super) fn new(diagnostics: &'d mut Diagnostics) -> Self {
        Context { diagnostics, skipped: Vec::new(), has_errors: false }
    }
}

/// The statements between braces, which come next.
pub(super) fn block(c: &mut Cursor<'_>, context: &mut Context<'_>) -> Parsed<Block> {
    let (mut inside, group) = c.expect_group(Delimiter::Brace)?;
    c.descend()?;
    let mut statements = Vec::new();
    while !inside.is_end() {
        let start = inside;
        match documented_statement(&mut inside, context) {
            Ok(kind) => {
                let span = (start.span(), inside.last_span());
                statements.push(Statement { kind, span });
            }
            Err(problem) => {
                context.diagnostics.push(*problem);
                context.has_errors = true;
                skip_statement(&mut inside, &start);
                context.skipped.extend(inside.names_since(&start).map(str::to_string));
            }
        }
    }
    c.ascend();
    Ok(Block { statements, span: (group.span_open(), group.span_close()) })
}

/// Goes on behind the next semicolon, or behind a block.
fn skip_statement(c: &mut Cursor<'_>, start: &Cursor<'_>) {
    let missing_semicolon =
        c.is_past(start) && c.ident().is_some() && c.span().start().line > c.last_span().end().line;
    if missing_semicolon {
        return;
    }
    while !c.is_end() {
        let is_block = c.is_group(Delimiter::Brace) && !operands::is_decoration(c);
        let goes_on = c.ahead().is_word("else") || c.ahead().is_punct(';');
        let ends = is_block && !goes_on || c.is_punct(';');
        c.bump();
        if ends {
            return;
        }
    }
}

/// Doc comments may stand before statements and mean nothing; other attributes may not.
fn documented_statement(c: &mut Cursor<'_>, context: &mut Context<'_>) -> Parsed<StatementKind> {
    while c.is_punct('#') {
        let start = c.span();
        c.bump();
        let (inside, group) = c.expect_group(Delimiter::Bracket)?;
        if !inside.is_word("doc") {
            return Err(Box::new(
                error((start, group.span_close()), "attributes stand on items only")
                    .help("use `if` with a constant condition, or `#[cfg]` on the kernel"),
            ));
        }
        if c.is_end() {
            return Err(c.expected("a statement after the doc comment"));
        }
    }
    statement(c, context)
}

fn statement(c: &mut Cursor<'_>, context: &mut Context<'_>) -> Parsed<StatementKind> {
    if c.is_group(Delimiter::Brace) {
        let body = block(c, context)?;
        return Ok(StatementKind::Block { label: None, is_unsafe: false, body });
    }
    if c.is_punct('\'') {
        return labelled(c, context);
    }
    if let Some(word) = c.word()
        && let Some(kind) = keyword(word, c, context)?
    {
        return Ok(kind);
    }
    if c.ident().is_none() && !c.is_group(Delimiter::Parenthesis) {
        return Err(match c.is_punct(';') {
            true => Box::new(c.error("a `;` without a statement").help("remove it")),
            false => c.expected("a statement"),
        });
    }
    let kind = simple(c)?;
    semicolon(c)?;
    Ok(kind)
}

/// `'name:`, `'name: { … }`, `'name: unsafe { … }`.
fn labelled(c: &mut Cursor<'_>, context: &mut Context<'_>) -> Parsed<StatementKind> {
    let label = operands::label(c)?;
    if !c.eat_punct(':') {
        return Err(Box::new(
            c.expected("`:` after the label").help("a statement cannot start with a label's use"),
        ));
    }
    let is_unsafe = c.is_word("unsafe") && c.ahead().is_group(Delimiter::Brace);
    if is_unsafe {
        c.bump();
    }
    if !c.is_group(Delimiter::Brace) {
        return Ok(StatementKind::Label(label));
    }
    if label.index.is_some() {
        return Err(c.error("an indexed label cannot name a block"));
    }
    Ok(StatementKind::Block { label: Some(label), is_unsafe, body: block(c, context)? })
}

/// A statement that starts with a keyword. Words that are no keywords of Rust are keywords only
/// where what follows them leaves no other reading.
fn keyword(
    word: &str,
    c: &mut Cursor<'_>,
    context: &mut Context<'_>,
) -> Parsed<Option<StatementKind>> {
    let next = c.ahead();
    let kind = match word {
        "unsafe" => {
            c.bump();
            let body = block(c, context)?;
            return Ok(Some(StatementKind::Block { label: None, is_unsafe: true, body }));
        }
        "for" => {
            c.bump();
            let pattern = pattern(c)?;
            c.expect_word("in")?;
            let iterable = expressions::head(c)?;
            return Ok(Some(StatementKind::For(pattern, iterable, block(c, context)?)));
        }
        "while" => {
            c.bump();
            let condition = expressions::head(c)?;
            return Ok(Some(StatementKind::While(condition, block(c, context)?)));
        }
        "if" => return Ok(Some(conditional(c, context)?)),
        "stream" if next.ident().is_some() && next.ahead().is_group(Delimiter::Brace) => {
            c.bump();
            let name = c.expect_ident("the name of the stream")?;
            return Ok(Some(StatementKind::Stream(name, block(c, context)?)));
        }
        "let" => binding(c)?,
        "const" => constant_or_table(c)?,
        "return" => {
            c.bump();
            let value = if c.is_punct(';') { None } else { Some(expressions::expression(c)?) };
            StatementKind::Return(value)
        }
        "assert" if next.is_punct('!') => assertion(c)?,
        "issue" if next.ident().is_some() => issue(c)?,
        "emit" if next.ident().is_some() => {
            c.bump();
            emission(c)?
        }
        "interleave" if next.ident().is_some() => interleave(c)?,
        "align" if starts_value(&next) => {
            c.bump();
            StatementKind::Align(expressions::expression(c)?)
        }
        "db" if starts_value(&next) => {
            c.bump();
            StatementKind::Db(comma_separated(c)?)
        }
        "break" | "continue" | "else" | "fn" | "inline" | "loop" | "match" | "use" | "static"
            if !is_instruction_word(word, &next) =>
        {
            return Err(misplaced(word, c));
        }
        _ => return Ok(None),
    };
    semicolon(c)?;
    Ok(Some(kind))
}

/// `loop` is an instruction; `inline` may be a name.
fn is_instruction_word(word: &str, next: &Cursor<'_>) -> bool {
    match word {
        "loop" => !next.is_group(Delimiter::Brace),
        "inline" => !next.is_word("fn"),
        _ => false,
    }
}

fn misplaced(word: &str, c: &Cursor<'_>) -> Box<crate::diagnostics::Diagnostic> {
    let problem = c.error(format!("`{word}` cannot start a statement"));
    Box::new(match word {
        "break" | "continue" => problem
            .note(format!("`{word} 'name` is an operand of branches"))
            .help(format!("write the branch: `jmp {word} 'name;`")),
        "else" => problem.note("there is no `if` block before it"),
        "loop" => {
            problem.help("write a labelled block and a branch: `'next: { … jnz continue 'next; }`")
        }
        "fn" | "inline" | "use" | "static" => problem.help("items stand outside of the kernel"),
        _ => problem.help("use `if … else if …` with constant conditions"),
    })
}

/// Whether a value follows `align` or `db`, which are names otherwise.
fn starts_value(next: &Cursor<'_>) -> bool {
    match next.punct() {
        Some(('-' | '!', _)) => true,
        Some(_) => false,
        None => {
            next.ident().is_some()
                || next.literal().is_some()
                || next.is_group(Delimiter::Parenthesis)
        }
    }
}

/// `;`. Where it is missing, the place is what it should follow.
fn semicolon(c: &mut Cursor<'_>) -> Parsed<()> {
    if c.eat_punct(';') {
        return Ok(());
    }
    let message = format!("expected `;` after {}, found {}", c.describe_last(), c.describe());
    Err(error(c.last_span(), message))
}

/// `name(args)`, `place = value`, `place += value`, or an instruction.
fn simple(c: &mut Cursor<'_>) -> Parsed<StatementKind> {
    if sets_place(*c) {
        let place = expressions::operand(c, expressions::Braces::Decorate)?;
        if c.is_assignment() {
            c.bump();
            return Ok(StatementKind::Assign(place, expressions::expression(c)?));
        }
        let op = compound_operator(c).ok_or_else(|| c.expected("`=`"))?;
        return Ok(StatementKind::AssignOp(place, op, expressions::expression(c)?));
    }
    let next = c.ahead();
    if c.ident().is_some() && next.is_group(Delimiter::Parenthesis) {
        let after = next.ahead();
        if after.is_punct(';') || after.is_end() {
            let name = c.expect_ident("a name")?;
            let (inside, _) = c.expect_group(Delimiter::Parenthesis)?;
            return Ok(StatementKind::Call(Call { name, args: expressions::list(inside, ")")? }));
        }
    }
    if c.ident().is_some() && next.is_punct('!') && next.ahead().is_group(Delimiter::Parenthesis) {
        return Err(Box::new(
            c.error("macros cannot be called in a kernel")
                .note("`assert!(condition, \"message\")` is the only one")
                .help("write an `inline fn`"),
        ));
    }
    instruction(c)
}

/// Whether a name with fields and indices, or a tuple, is followed by an assignment.
fn sets_place(mut c: Cursor<'_>) -> bool {
    c.bump();
    loop {
        if c.is_group(Delimiter::Bracket) {
            c.bump();
        } else if c.is_punct('.') && !c.is_op("..") {
            c.bump();
            c.bump();
        } else {
            return c.is_assignment() || compound_operator(&mut c).is_some();
        }
    }
}

/// `+=` and its like.
fn compound_operator(c: &mut Cursor<'_>) -> Option<BinaryOp> {
    const OPERATORS: [(&str, BinaryOp); 10] = [
        ("+=", BinaryOp::Add),
        ("-=", BinaryOp::Sub),
        ("*=", BinaryOp::Mul),
        ("/=", BinaryOp::Div),
        ("%=", BinaryOp::Rem),
        ("&=", BinaryOp::And),
        ("|=", BinaryOp::Or),
        ("^=", BinaryOp::Xor),
        ("<<=", BinaryOp::Shl),
        (">>=", BinaryOp::Shr),
    ];
    c.punct()?;
    OPERATORS.iter().find(|(text, _)| c.eat_op(text)).map(|(_, op)| *op)
}

fn instruction(c: &mut Cursor<'_>) -> Parsed<StatementKind> {
    let mut prefixes = Vec::new();
    while let Some(word) = c.word()
        && c.ahead().ident().is_some()
        && is_prefix(word)
    {
        prefixes.extend(c.ident().cloned());
        c.bump();
    }
    let mnemonic = c.expect_ident("an instruction")?;
    let operands = if c.is_punct(';') { Vec::new() } else { comma_separated(c)? };
    Ok(StatementKind::Instruction(InstructionStatement { prefixes, mnemonic, operands }))
}

fn is_prefix(word: &str) -> bool {
    PREFIXES.iter().any(|prefix| prefix.eq_ignore_ascii_case(word))
        || word.eq_ignore_ascii_case("vex3")
}

/// Expressions up to the end of the statement.
fn comma_separated(c: &mut Cursor<'_>) -> Parsed<Vec<Expr>> {
    let mut exprs = vec![expressions::expression(c)?];
    while c.eat_punct(',') {
        exprs.push(expressions::expression(c)?);
    }
    Ok(exprs)
}

/// `if … { … } else if … { … } else { … }`.
fn conditional(c: &mut Cursor<'_>, context: &mut Context<'_>) -> Parsed<StatementKind> {
    let mut branches = Vec::new();
    loop {
        c.expect_word("if")?;
        if c.is_word("let") {
            return Err(c.error("there is no `if let`: conditions are constant expressions"));
        }
        let condition = expressions::head(c)?;
        branches.push((Some(condition), block(c, context)?));
        if !c.eat_word("else") {
            return Ok(StatementKind::If(branches));
        }
        if !c.is_word("if") {
            branches.push((None, block(c, context)?));
            return Ok(StatementKind::If(branches));
        }
    }
}

fn binding(c: &mut Cursor<'_>) -> Parsed<StatementKind> {
    c.expect_word("let")?;
    let is_mutable = c.is_word("mut");
    let pattern = pattern(c)?;
    let mut ty = None;
    let mut align = None;
    if c.eat_punct(':') {
        if c.is_word("const") {
            return constant_binding(c, pattern, is_mutable);
        }
        ty = Some(types::let_type(c)?);
        align = alignment(c)?;
    }
    let value = if c.is_assignment() {
        c.bump();
        Some(expressions::expression(c)?)
    } else {
        None
    };
    if ty.is_none() && value.is_none() {
        return Err(Box::new(
            c.expected("`: class` or `= operand`")
                .help("declare a register: `let x: gp64;`, or name an operand: `let x = …;`"),
        ));
    }
    Ok(StatementKind::Let(Let { pattern, ty, align, value }))
}

/// `let mut n: const = 0;`; without `mut` it is a constant. At `const`.
fn constant_binding(
    c: &mut Cursor<'_>,
    pattern: Pattern,
    is_mutable: bool,
) -> Parsed<StatementKind> {
    let Pattern::Name(name) = pattern else {
        return Err(c.error("a tuple cannot be `const`"));
    };
    c.expect_word("const")?;
    if !c.is_assignment() {
        return Err(c.expected("`=` and the value of the compile-time variable"));
    }
    c.bump();
    let value = expressions::expression(c)?;
    Ok(match is_mutable {
        true => StatementKind::LetConst(name, value),
        false => StatementKind::Const(Const { name, ty: None, value }),
    })
}

/// `align N` after a type.
fn alignment(c: &mut Cursor<'_>) -> Parsed<Option<Expr>> {
    match c.eat_word("align") {
        true => Ok(Some(expressions::expression(c)?)),
        false => Ok(None),
    }
}

/// `x`, `mut x`, `(a, b)`.
fn pattern(c: &mut Cursor<'_>) -> Parsed<Pattern> {
    if let Some((mut inside, _)) = c.eat_group(Delimiter::Parenthesis) {
        let mut parts = Vec::new();
        while !inside.is_end() {
            parts.push(pattern(&mut inside)?);
            if !inside.is_end() && !inside.eat_punct(',') {
                return Err(inside.expected("`,` or `)`"));
            }
        }
        return Ok(Pattern::Tuple(parts));
    }
    c.eat_word("mut");
    Ok(Pattern::Name(new_name(c)?))
}

/// A name that a statement or item introduces: keywords of Rust are none.
pub(super) fn new_name(c: &mut Cursor<'_>) -> Parsed<Name> {
    const KEYWORDS: [&str; 18] = [
        "let", "const", "for", "in", "while", "if", "else", "unsafe", "return", "fn", "mut",
        "true", "false", "break", "continue", "static", "crate", "pub",
    ];
    if let Some(word) = c.word()
        && KEYWORDS.contains(&word)
    {
        return Err(Box::new(
            c.expected("a name").help(format!("write `r#{word}` to use the keyword as a name")),
        ));
    }
    c.expect_ident("a name")
}

/// `const NAME[: type] = value`, or a table; at `const`.
pub(super) fn constant_or_table(c: &mut Cursor<'_>) -> Parsed<StatementKind> {
    c.expect_word("const")?;
    let name = new_name(c)?;
    let mut ty = None;
    if c.eat_punct(':') {
        if let Some((inside, _)) = c.eat_group(Delimiter::Bracket) {
            return Ok(StatementKind::Table(table(c, name, inside)?));
        }
        ty = Some(types::constant_type(c)?);
    }
    if !c.is_assignment() {
        return Err(c.expected("`=` and the value of the constant"));
    }
    c.bump();
    if c.is_group(Delimiter::Bracket) && ty.is_none() {
        return Err(Box::new(
            c.error("a table needs a type").help(format!("write `const {name}: [u32; N] = […]`")),
        ));
    }
    let value = expressions::expression(c)?;
    Ok(StatementKind::Const(Const { name, ty, value }))
}

/// A table behind the `[T; N]` of its type, whose inside is `ty`.
fn table(c: &mut Cursor<'_>, name: Name, mut ty: Cursor<'_>) -> Parsed<Table> {
    let element = types::table_element(&mut ty)?;
    ty.expect_punct(';')?;
    let length = expressions::expression(&mut ty)?;
    ty.expect_end("`]`")?;
    let align = alignment(c)?;
    if !c.is_assignment() {
        return Err(c.expected("`=` and the values of the table"));
    }
    c.bump();
    let values = table_values(c)?;
    Ok(Table { name, element, length, align, values })
}

/// `[a, b]`, `[e; N]`, `*b"…"`.
fn table_values(c: &mut Cursor<'_>) -> Parsed<TableValues> {
    if c.is_punct('*') || c.literal().is_some() {
        let first = c.span();
        let is_dereferenced = c.eat_punct('*');
        let literal = c.literal().ok_or_else(|| c.expected("a byte string"))?;
        let bytes = literals::byte_string(literal)
            .ok_or_else(|| c.expected("`[a, b, …]`, `[value; N]` or `*b\"…\"`"))?;
        if !is_dereferenced {
            return Err(Box::new(
                c.error("a byte string is a reference in Rust").help(format!("write `*{literal}`")),
            ));
        }
        c.bump();
        return Ok(TableValues::Bytes(bytes, first));
    }
    let Some((mut inside, _)) = c.eat_group(Delimiter::Bracket) else {
        return Err(c.expected("`[a, b, …]`, `[value; N]` or `*b\"…\"`"));
    };
    let mut values = Vec::new();
    while !inside.is_end() {
        values.push(expressions::expression(&mut inside)?);
        if values.len() == 1 && inside.eat_punct(';') {
            let count = expressions::expression(&mut inside)?;
            inside.expect_end("`]`")?;
            let value = values.remove(0);
            return Ok(TableValues::Repeat(Box::new(value), Box::new(count)));
        }
        if !inside.is_end() && !inside.eat_punct(',') {
            return Err(inside.expected("`,` or `]`"));
        }
    }
    Ok(TableValues::List(values))
}

/// `assert!(condition, "message")`.
fn assertion(c: &mut Cursor<'_>) -> Parsed<StatementKind> {
    c.bump();
    c.bump();
    let (mut inside, _) = c.expect_group(Delimiter::Parenthesis)?;
    let condition = expressions::expression(&mut inside)?;
    let mut message = None;
    if inside.eat_punct(',') && !inside.is_end() {
        let text = inside.literal().and_then(literals::string);
        message = Some(text.ok_or_else(|| inside.expected("the message, a string"))?);
        inside.bump();
        inside.eat_punct(',');
    }
    if !inside.is_end() {
        return Err(Box::new(
            inside.expected("`)`").note("messages of `assert!` are not formatted"),
        ));
    }
    Ok(StatementKind::Assert(condition, message))
}

/// `issue name`, `issue name, 3`, `issue name, ..`.
fn issue(c: &mut Cursor<'_>) -> Parsed<StatementKind> {
    c.bump();
    let name = c.expect_ident("the name of a stream")?;
    let count = if !c.eat_punct(',') {
        IssueCount::One
    } else if c.is_op("..") && c.ahead().ahead().is_punct(';') {
        c.eat_op("..");
        IssueCount::Rest
    } else {
        IssueCount::Count(expressions::expression(c)?)
    };
    Ok(StatementKind::Issue(name, count))
}

/// `name[i]`, `name[a..b]` behind `emit`.
fn emission(c: &mut Cursor<'_>) -> Parsed<StatementKind> {
    let name = c.expect_ident("the name of a stream")?;
    let (mut inside, _) = c.expect_group(Delimiter::Bracket)?;
    let index = expressions::expression(&mut inside)?;
    inside.expect_end("`]`")?;
    Ok(StatementKind::Emit(name, index))
}

/// `interleave a, b`, `interleave a 1, b 2`.
fn interleave(c: &mut Cursor<'_>) -> Parsed<StatementKind> {
    c.bump();
    let mut streams = Vec::new();
    loop {
        let name = c.expect_ident("the name of a stream")?;
        let share = match c.is_punct(',') || c.is_punct(';') || c.is_end() {
            true => None,
            false => Some(expressions::expression(c)?),
        };
        streams.push((name, share));
        if !c.eat_punct(',') {
            return Ok(StatementKind::Interleave(streams));
        }
    }
}
