//! Text in SMT-LIB: terms that have names, and what is assumed of them.

/// A term: a name or a literal.
pub type Term = String;

/// Declarations, definitions and assertions, which can be taken back to an earlier length.
#[derive(Default)]
pub struct Script {
    lines: Vec<String>,
    next: u32,
}

impl Script {
    /// A name for `value`, which has `bits` bits.
    pub fn word(&mut self, bits: u32, value: String) -> Term {
        let is_short = value.starts_with("(_ bv") || !value.starts_with('(');
        if is_short {
            return value;
        }
        self.next += 1;
        self.lines.push(format!("(define-fun t{} () (_ BitVec {bits}) {value})", self.next));
        format!("t{}", self.next)
    }

    /// A name for a truth value.
    pub fn truth(&mut self, value: String) -> Term {
        self.next += 1;
        self.lines.push(format!("(define-fun t{} () Bool {value})", self.next));
        format!("t{}", self.next)
    }

    /// Any word of `bits` bits.
    pub fn any(&mut self, bits: u32) -> Term {
        self.next += 1;
        self.lines.push(format!("(declare-const t{} (_ BitVec {bits}))", self.next));
        format!("t{}", self.next)
    }

    /// Any truth value.
    pub fn any_truth(&mut self) -> Term {
        self.next += 1;
        self.lines.push(format!("(declare-const t{} Bool)", self.next));
        format!("t{}", self.next)
    }

    /// `fact` holds from here on.
    pub fn assume(&mut self, fact: &str) {
        self.lines.push(format!("(assert {fact})"));
    }

    /// How long it is.
    pub fn mark(&self) -> usize {
        self.lines.len()
    }

    /// Takes back what was added since `mark`.
    pub fn take_back(&mut self, mark: usize) {
        self.lines.truncate(mark);
    }

    /// All of it, and the claim that `goal` does not hold.
    pub fn without(&self, goal: &str) -> String {
        let mut text = self.lines.join("\n");
        text.push_str(&format!("\n(assert (not {goal}))\n"));
        text
    }
}

/// The number `value` in `bits` bits, modulo 2^`bits`.
pub fn number(value: i128, bits: u32) -> Term {
    if value >= 0 && (bits >= 127 || value < 1 << bits) {
        return format!("(_ bv{value} {bits})");
    }
    if bits < 127 {
        return format!("(_ bv{} {bits})", value.rem_euclid(1 << bits));
    }
    format!("(bvneg (_ bv{} {bits}))", value.unsigned_abs())
}

/// Bits `low` to `low + bits - 1`.
pub fn part(value: &str, low: u32, bits: u32) -> Term {
    format!("((_ extract {} {low}) {value})", low + bits - 1)
}

/// `value` of `from` bits with zeros above.
pub fn zeros_above(value: &str, from: u32, to: u32) -> Term {
    match to - from {
        0 => value.to_string(),
        more => format!("((_ zero_extend {more}) {value})"),
    }
}

/// `value` of `from` bits with its sign above.
pub fn sign_above(value: &str, from: u32, to: u32) -> Term {
    match to - from {
        0 => value.to_string(),
        more => format!("((_ sign_extend {more}) {value})"),
    }
}

/// All of `parts` hold.
pub fn all(parts: &[Term]) -> Term {
    match parts {
        [] => "true".to_string(),
        [one] => one.clone(),
        _ => format!("(and {})", parts.join(" ")),
    }
}
