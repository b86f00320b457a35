//! Which neighbors have a space between them.

use super::lex::{Kind, Token};
use super::structure::{Fact, Role, SEGMENTS};

/// Whether two neighbors on one line, of which the second is `at`, have a space between them.
pub(super) fn is_spaced(tokens: &[Token<'_>], facts: &[Fact], at: usize) -> bool {
    let (left, right) = (&tokens[at - 1], &tokens[at]);
    let as_written = !right.is_tight();
    if left.is_comment() || right.is_comment() {
        return true;
    }
    // Two signs that the author kept apart might become another one.
    if left.kind == Kind::Sign && right.kind == Kind::Sign && as_written {
        return !matches!(right.text, "," | ";");
    }
    if role_around(tokens, facts, at) == Role::Kept || follows_repetition(tokens, facts, at) {
        return as_written;
    }
    let (of_left, of_right) = (&facts[at - 1], &facts[at]);
    match (left.kind, right.kind) {
        // `1 .` is not `1.`.
        (Kind::Number, Kind::Sign) if joins_number(left, right) => as_written,
        (Kind::Open, Kind::Close) => false,
        (Kind::Open, _) => of_left.role == Role::Block && left.is("{"),
        (_, Kind::Close) => of_right.role == Role::Block && right.is("}"),
        (Kind::Sign, _) => after_sign(tokens, facts, at),
        (_, Kind::Sign) => before_sign(tokens, facts, at),
        (_, Kind::Open) => before_bracket(left, of_left, of_right, as_written),
        (Kind::Close, _) if of_left.role == Role::Mark => as_written,
        _ => true,
    }
}

fn joins_number(number: &Token<'_>, sign: &Token<'_>) -> bool {
    sign.is(".") || (sign.text.starts_with('.') && number.text.ends_with('.'))
}

/// The role of the brackets that the gap before a token is in.
fn role_around(tokens: &[Token<'_>], facts: &[Fact], at: usize) -> Role {
    let is_edge = |side: usize, kind: Kind| tokens[side].kind == kind;
    match () {
        () if is_edge(at - 1, Kind::Open) => facts[at - 1].role,
        () if is_edge(at, Kind::Close) => facts[at].role,
        () => facts[at].parent.map_or(Role::Block, |parent| facts[parent].role),
    }
}

/// The `,*` of `$( … ),*`.
fn follows_repetition(tokens: &[Token<'_>], facts: &[Fact], at: usize) -> bool {
    let ends = |at: usize| tokens[at].is(")") && facts[at].role == Role::Kept;
    ends(at - 1) || (at >= 2 && tokens[at - 1].kind == Kind::Sign && ends(at - 2))
}

fn after_sign(tokens: &[Token<'_>], facts: &[Fact], at: usize) -> bool {
    let (sign, right) = (&tokens[at - 1], &tokens[at]);
    let fact = &facts[at - 1];
    if matches!(right.text, "," | ";") && right.kind == Kind::Sign {
        return false;
    }
    match sign.text {
        "," | ";" => true,
        "." | "::" | "#" | "$" | "@" | "?" => false,
        ".." | "..=" => right.kind == Kind::Open && facts[at].role == Role::Block,
        "!" if right.kind == Kind::Open && at >= 2 && tokens[at - 2].kind == Kind::Word => {
            facts[at].role == Role::Block
        }
        "!" => false,
        "<" if fact.is_bracket => false,
        ">" | ">>" if fact.is_bracket => !matches!(right.text, "(" | ">" | ">>" | "::"),
        ":" if is_segment(tokens, at) => !right.is_tight(),
        ":" | "->" | "=>" => true,
        _ if fact.is_unary => false,
        _ if binds_tightly(tokens, facts, at - 1) => false,
        _ => true,
    }
}

fn is_segment(tokens: &[Token<'_>], at: usize) -> bool {
    at >= 2 && SEGMENTS.iter().any(|segment| tokens[at - 2].is(segment))
}

fn before_sign(tokens: &[Token<'_>], facts: &[Fact], at: usize) -> bool {
    let (left, sign) = (&tokens[at - 1], &tokens[at]);
    let fact = &facts[at];
    match sign.text {
        "," | ";" | ":" | "." | "?" => false,
        "::" => {
            let next = tokens.get(at + 1);
            let starts_path = next.is_some_and(|next| next.is_tight() && next.kind == Kind::Word);
            left.kind == Kind::Word && !sign.is_tight() && starts_path
        }
        ".." | "..=" => facts[at - 1].is_keyword,
        "!" => !sign.is_tight() || facts[at - 1].is_keyword,
        "<" | ">" | ">>" if fact.is_bracket => left.is("sym"),
        "|" if fact.is_bracket => false,
        _ if fact.is_unary => true,
        _ => !binds_tightly(tokens, facts, at),
    }
}

/// `8*i`: what binds closely may show it. `{rn-sae}` always does.
fn binds_tightly(tokens: &[Token<'_>], facts: &[Fact], at: usize) -> bool {
    let is_product = matches!(tokens[at].text, "*" | "/" | "%");
    let next = tokens.get(at + 1);
    let is_rounding = facts[at].role == Role::Mark && next.is_some_and(|next| next.is("sae"));
    let has_operand = facts[at].before.is_some_and(|before| tokens[before].kind != Kind::Sign);
    let is_written_so = tokens[at].is_tight() && next.is_some_and(touches_as_operand);
    is_rounding || is_product && has_operand && is_written_so
}

/// Whether this is the start of an operand, and touches what is before it.
fn touches_as_operand(token: &Token<'_>) -> bool {
    let is_start = match token.kind {
        Kind::Word | Kind::Number | Kind::Text | Kind::Label | Kind::Open => true,
        Kind::Sign => matches!(token.text, "-" | "!" | "$"),
        Kind::Close | Kind::LineComment | Kind::BlockComment => false,
    };
    is_start && token.is_tight()
}

fn before_bracket(left: &Token<'_>, of_left: &Fact, of_right: &Fact, as_written: bool) -> bool {
    match of_right.role {
        Role::Block => true,
        Role::Mark => left.is("fn"),
        Role::Kept => left.kind == Kind::Word || left.kind == Kind::Close || as_written,
        Role::List => of_left.is_keyword || as_written,
    }
}
