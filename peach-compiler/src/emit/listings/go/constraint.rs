//! Build constraints: for which builds of a package a file is meant.
//!
//! In: an expression of tags, as `//go:build` has it. Out: the lines of a file, for Go from 1.17 on
//! and for those before (The Go command, "Build constraints").
//! Fails: with what is expected where, and what was found.

use std::fmt;

/// A condition on tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint(Expr);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expr {
    Tag(String),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
}

/// How deep parentheses may be nested.
const DEPTH_MAX: usize = 50;

impl Constraint {
    /// Reads `gc && !purego`.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn parse(text: &str) -> Result<Constraint, String> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
        let expr = parser.alternatives()?;
        match parser.peek() {
            None => Ok(Constraint(expr)),
            Some(token) => Err(format!("expected `&&`, `||` or the end, found `{token}`")),
        }
    }

    /// What files are for unless something else is asked for: a package may have a version in Go.
    pub(super) fn without_noasm() -> Constraint {
        Constraint(Expr::Not(Box::new(Expr::Tag("noasm".to_string()))))
    }

    /// This, and the processor.
    pub(super) fn on(&self, arch: &str) -> Constraint {
        let tag = Expr::Tag(arch.to_string());
        let conditions = match &self.0 {
            Expr::And(all) => all.clone(),
            other => vec![other.clone()],
        };
        match conditions.contains(&tag) {
            true => self.clone(),
            false => Constraint(Expr::And([vec![tag], conditions].concat())),
        }
    }

    /// The lines of a file. What only parentheses can say has no line for older versions.
    pub(super) fn lines(&self) -> String {
        let mut text = format!("//go:build {self}\n");
        for line in self.older_lines().unwrap_or_default() {
            text.push_str(&format!("// +build {line}\n"));
        }
        text
    }

    /// Lines of which all hold, each of alternatives with spaces between, each of literals with
    /// commas between; a single line where there are no alternatives. As Go's own tools make them:
    /// `go vet` compares.
    fn older_lines(&self) -> Option<Vec<String>> {
        let mut lines = Vec::new();
        let mut has_alternatives = false;
        for condition in parts(&pushed(&self.0, false), Kind::And) {
            let mut words = Vec::new();
            for alternative in parts(&condition, Kind::Or) {
                let literals = parts(&alternative, Kind::And);
                let is_literal = |expr: &Expr| matches!(expr, Expr::Tag(_) | Expr::Not(_));
                if !literals.iter().all(is_literal) {
                    return None;
                }
                words.push(literals.iter().map(Expr::to_string).collect::<Vec<_>>().join(","));
            }
            has_alternatives |= words.len() > 1;
            lines.push(words.join(" "));
        }
        Some(if has_alternatives { lines } else { vec![lines.join(",")] })
    }
}

/// The same with `!` on tags alone.
fn pushed(expr: &Expr, negated: bool) -> Expr {
    let all = |of: &[Expr]| of.iter().map(|expr| pushed(expr, negated)).collect();
    match (expr, negated) {
        (Expr::Tag(_), false) => expr.clone(),
        (Expr::Tag(_), true) => Expr::Not(Box::new(expr.clone())),
        (Expr::Not(inner), _) => pushed(inner, !negated),
        (Expr::And(of), false) | (Expr::Or(of), true) => Expr::And(all(of)),
        (Expr::Or(of), false) | (Expr::And(of), true) => Expr::Or(all(of)),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    And,
    Or,
}

/// What is joined by one operator.
fn parts(expr: &Expr, kind: Kind) -> Vec<Expr> {
    match (expr, kind) {
        (Expr::And(of), Kind::And) | (Expr::Or(of), Kind::Or) => {
            of.iter().flat_map(|part| parts(part, kind)).collect()
        }
        _ => vec![expr.clone()],
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (of, operator) = match self {
            Expr::Tag(tag) => return f.write_str(tag),
            Expr::Not(inner) => {
                return match **inner {
                    Expr::Tag(_) | Expr::Not(_) => write!(f, "!{inner}"),
                    Expr::And(_) | Expr::Or(_) => write!(f, "!({inner})"),
                };
            }
            Expr::And(of) => (of, " && "),
            Expr::Or(of) => (of, " || "),
        };
        for (index, part) in of.iter().enumerate() {
            if index > 0 {
                f.write_str(operator)?;
            }
            match part {
                Expr::Or(_) | Expr::And(_) => write!(f, "({part})")?,
                Expr::Tag(_) | Expr::Not(_) => part.fmt(f)?,
            }
        }
        Ok(())
    }
}

/// Operators, parentheses, and tags.
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_part = |ch: char| ch.is_alphanumeric() || ch == '_' || ch == '.';
        let operator = ["&&", "||", "!", "(", ")"].into_iter().find(|sign| rest.starts_with(sign));
        let length = match operator {
            Some(sign) => sign.len(),
            None => rest.find(|ch| !is_part(ch)).unwrap_or(rest.len()),
        };
        if length == 0 {
            return Err(format!(
                "`{first}` is not part of a tag, and not `&&`, `||`, `!`, `(` or `)`"
            ));
        }
        tokens.push(rest[..length].to_string());
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<String>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.peek() == Some(sign);
        self.at += usize::from(found);
        found
    }

    fn alternatives(&mut self) -> Result<Expr, String> {
        let mut all = vec![self.conditions()?];
        while self.eat("||") {
            all.push(self.conditions()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expr::Or(all) })
    }

    fn conditions(&mut self) -> Result<Expr, String> {
        let mut all = vec![self.negation()?];
        while self.eat("&&") {
            all.push(self.negation()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expr::And(all) })
    }

    fn negation(&mut self) -> Result<Expr, String> {
        let mut is_negated = false;
        while self.eat("!") {
            // As Go has it.
            if is_negated {
                return Err("`!!` is not allowed".to_string());
            }
            is_negated = true;
        }
        let operand = self.operand()?;
        Ok(if is_negated { Expr::Not(Box::new(operand)) } else { operand })
    }

    fn operand(&mut self) -> Result<Expr, String> {
        if self.eat("(") {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err(format!("parentheses are nested more than {DEPTH_MAX} times"));
            }
            let inside = self.alternatives()?;
            self.depth -= 1;
            return match (self.eat(")"), self.peek()) {
                (true, _) => Ok(inside),
                (false, Some(found)) => Err(format!("expected `)`, found `{found}`")),
                (false, None) => Err("expected `)`, found the end".to_string()),
            };
        }
        let tag = match self.peek() {
            None => return Err("expected a tag, found the end".to_string()),
            Some(sign @ ("&&" | "||" | ")")) => {
                return Err(format!("expected a tag, found `{sign}`"));
            }
            Some(tag) => tag.to_string(),
        };
        self.at += 1;
        Ok(Expr::Tag(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> String {
        Constraint::parse(text).expect("a constraint").on("amd64").lines()
    }

    /// As `gofmt` writes them.
    #[test]
    fn lines_are_those_of_go() {
        for (text, expected) in [
            ("!noasm", "//go:build amd64 && !noasm\n// +build amd64,!noasm\n"),
            ("gc&&!purego", "//go:build amd64 && gc && !purego\n// +build amd64,gc,!purego\n"),
            ("gc && amd64", "//go:build gc && amd64\n// +build gc,amd64\n"),
            ("a || b", "//go:build amd64 && (a || b)\n// +build amd64\n// +build a b\n"),
            (
                "linux && !(a || b && c)",
                "//go:build amd64 && linux && !(a || (b && c))\n\
                 // +build amd64\n// +build linux\n// +build !a\n// +build !b !c\n",
            ),
            ("go1.18", "//go:build amd64 && go1.18\n// +build amd64,go1.18\n"),
            ("a || b && (c || d)", "//go:build amd64 && (a || (b && (c || d)))\n"),
        ] {
            assert_eq!(lines(text), expected, "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for (text, message) in [
            ("", "expected a tag, found the end"),
            ("a &&", "expected a tag, found the end"),
            ("a & b", "`&` is not part of a tag, and not `&&`, `||`, `!`, `(` or `)`"),
            ("a b", "expected `&&`, `||` or the end, found `b`"),
            ("a,!b", "`,` is not part of a tag, and not `&&`, `||`, `!`, `(` or `)`"),
            ("(a", "expected `)`, found the end"),
            ("a)", "expected `&&`, `||` or the end, found `)`"),
            ("!!a", "`!!` is not allowed"),
            ("|| a", "expected a tag, found `||`"),
        ] {
            assert_eq!(Constraint::parse(text), Err(message.to_string()), "{text}");
        }
        assert!(Constraint::parse(&"(".repeat(100_000)).is_err());
    }
}
