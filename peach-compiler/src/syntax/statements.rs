//! Statements and blocks.
//!
//! In: a cursor over the inside braces. Out: a [`Block`]. What a statement is, is decided by its
//! first tokens alone: keyword, label, block; `name(args);` is a call, `place = …` sets, everything
//! else is an instruction.
//! Fails: an error skips to the next statement, so that each is reported; the names in what was
//! skipped are kept in [`Block::skipped`], so that later stages do not complain about them.

use super::assignments::{compound_operator, sets_place};
use super::ast::*;
use super::cursor::{Cursor, Parsed, error};
use super::patterns::{new_name, pattern};
use super::{bindings, expressions, functions, habits, operands, signature};
use crate::diagnostics::{Diagnostics, Reported};
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
    pub(super) skipped: Vec<(String, Reported)>,
    /// A statement was in error.
    pub(super) reported: Option<Reported>,
}

impl<'d> Context<'d> {
    pub(super) fn new(diagnostics: &'d mut Diagnostics) -> Self {
        Context { diagnostics, skipped: Vec::new(), reported: None }
    }
}

/// The statements between braces, which come next.
pub(super) fn block(c: &mut Cursor<'_>, context: &mut Context<'_>) -> Parsed<Block> {
    let (mut inside, group) = c.expect_group(Delimiter::Brace)?;
    c.descend()?;
    let opening = inside;
    let mut statements = Vec::new();
    while !inside.is_end() {
        let start = inside;
        match documented_statement(&mut inside, context) {
            Ok(kind) => {
                let span = (start.span(), inside.last_span());
                statements.push(Statement { kind, span });
            }
            Err(problem) => {
                let problem = habits::after_statement(*problem, &start, &opening);
                let reported = context.diagnostics.report(problem);
                context.reported = Some(reported);
                skip_statement(&mut inside, &start);
                let names = inside.names_since(&start).map(str::to_string);
                context.skipped.extend(names.map(|name| (name, reported)));
            }
        }
    }
    c.ascend();
    Ok(Block { statements, span: (group.span_open(), group.span_close()) })
}

/// Continues after the next semicolon, or after a block.
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

/// Doc comments may precede statements and mean nothing; other attributes may not.
fn documented_statement(c: &mut Cursor<'_>, context: &mut Context<'_>) -> Parsed<StatementKind> {
    while c.is_punct('#') {
        let start = c.span();
        c.bump();
        let (inside, group) = c.expect_group(Delimiter::Bracket)?;
        if !inside.is_word("doc") {
            return Err(Box::new(
                error((start, group.span_close()), "only items can have attributes")
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
    if let Some(problem) = habits::in_statement(c) {
        return Err(problem);
    }
    if c.is_group(Delimiter::Brace) {
        let body = block(c, context)?;
        return Ok(StatementKind::Block { label: None, unsafety: None, body });
    }
    if c.is_punct('\'') {
        return labeled(c, context);
    }
    if let Some(word) = c.word()
        && let Some(kind) = keyword(word, c, context)?
    {
        return Ok(kind);
    }
    if c.ident().is_none() && !c.is_group(Delimiter::Parenthesis) {
        return Err(match c.is_punct(';') {
            true => Box::new(c.error("empty statement: `;`").help("remove it")),
            false => c.expected("a statement"),
        });
    }
    let kind = simple(c)?;
    semicolon(c)?;
    Ok(kind)
}

/// `'name:`, `'name: { … }`, `'name: unsafe { … }`.
fn labeled(c: &mut Cursor<'_>, context: &mut Context<'_>) -> Parsed<StatementKind> {
    let label = operands::label(c)?;
    if !c.eat_punct(':') {
        return Err(Box::new(
            c.expected("`:` after the label").help("a statement cannot start with a label's use"),
        ));
    }
    let is_unsafe = c.is_word("unsafe") && c.ahead().is_group(Delimiter::Brace);
    let unsafety = is_unsafe.then(|| c.span());
    if is_unsafe {
        c.bump();
    }
    if !c.is_group(Delimiter::Brace) {
        return Ok(StatementKind::Label(label));
    }
    Ok(StatementKind::Block { label: Some(label), unsafety, body: block(c, context)? })
}

/// A statement that starts with a keyword. Words that are not keywords of Rust are keywords only
/// where what follows them leaves no other reading.
fn keyword(
    word: &str,
    c: &mut Cursor<'_>,
    context: &mut Context<'_>,
) -> Parsed<Option<StatementKind>> {
    let next = c.ahead();
    let kind = match word {
        "unsafe" => {
            let unsafety = Some(c.span());
            c.bump();
            // Rust has the label first; both say the same.
            let label = match c.is_punct('\'') {
                true => Some(operands::label(c)?),
                false => None,
            };
            if label.is_some() {
                c.expect_punct(':')?;
            }
            let body = block(c, context)?;
            return Ok(Some(StatementKind::Block { label, unsafety, body }));
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
        "inline" if next.is_word("fn") => {
            let helper = helper(c, context)?;
            return Ok(Some(StatementKind::Helper(Box::new(helper))));
        }
        "let" => bindings::binding(c)?,
        "const" => bindings::constant_or_table(c)?,
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
        "invariant" => {
            c.bump();
            StatementKind::Invariant(comma_separated(c)?)
        }
        "align" if starts_value(&next) => {
            c.bump();
            StatementKind::Align(expressions::expression(c)?)
        }
        "db" if starts_value(&next) => {
            c.bump();
            StatementKind::Db(comma_separated(c)?)
        }
        "declassify" => {
            c.bump();
            StatementKind::Declassify(comma_separated(c)?)
        }
        "break" | "continue" | "else" | "fn" | "loop" | "match" | "use" | "static"
            if !is_instruction_word(word, &next) =>
        {
            return Err(misplaced(word, c));
        }
        _ => return Ok(None),
    };
    semicolon(c)?;
    Ok(Some(kind))
}

/// `loop` is an instruction.
fn is_instruction_word(word: &str, next: &Cursor<'_>) -> bool {
    match word {
        "loop" => !next.is_group(Delimiter::Brace),
        _ => false,
    }
}

fn misplaced(word: &str, c: &Cursor<'_>) -> Box<crate::diagnostics::Diagnostic> {
    let problem = c.error(format!("`{word}` cannot start a statement"));
    Box::new(match word {
        "break" | "continue" => problem
            .note(format!("`{word} 'name` is an operand of branches"))
            .help(format!("write the branch: `jmp {word} 'name;`")),
        "else" => problem.note("there is no `if` before it"),
        "loop" => {
            problem.help("write a labeled block and a branch: `'next: { … jnz continue 'next; }`")
        }
        "fn" | "use" | "static" => problem.help("items must be outside of the kernel"),
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
    if let Some(problem) = habits::behind_operand(c) {
        return Err(problem);
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
            c.error("macros cannot be invoked in a kernel")
                .note("`assert!(condition, \"message\")` is the only one")
                .help("write an `inline fn`"),
        ));
    }
    instruction(c)
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
    let is_alone = c.is_punct(';') || c.is_end();
    let operands = if is_alone { Vec::new() } else { comma_separated(c)? };
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
            return Err(c.error("`if let` is not supported: conditions are constant expressions"));
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

/// `assert!(condition, "message")`.
fn assertion(c: &mut Cursor<'_>) -> Parsed<StatementKind> {
    let (condition, message) = functions::assertion_parts(c)?;
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

/// `name[i]`, `name[a..b]` after `emit`.
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

/// `inline fn name(params) -> classes { body }` or `local fn`, at its first word.
pub(super) fn helper(c: &mut Cursor<'_>, context: &mut Context<'_>) -> Parsed<Helper> {
    let is_local = c.eat_word("local");
    if !is_local {
        c.expect_word("inline")?;
    }
    c.expect_word("fn")?;
    let name = new_name(c)?;
    if c.is_punct('<') {
        return Err(Box::new(
            c.error("a helper cannot have generic parameters")
                .help("use `n: const`, `op: mnemonic` or `m: operand`"),
        ));
    }
    let (inside, _) = c.expect_group(Delimiter::Parenthesis)?;
    let params = signature::helper_parameters(inside)?;
    let results = signature::helper_results(c)?;
    let mut context = Context::new(context.diagnostics);
    let body = block(c, &mut context)?;
    let Context { reported, skipped, .. } = context;
    Ok(Helper { is_local, name, params, results, body, reported, skipped })
}
