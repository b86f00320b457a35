//! Colors of words: keywords, instructions, registers, numbers, strings, comments, labels.
//!
//! In: lines of source, or an instruction of a listing. Out: HTML, one `<s class=…>` per word that
//! has a color. Text that is not of the language gets whatever colors it gets, and is complete.

use super::escape;
use peach_compiler::isa::Mnemonic;

const KEYWORDS: &[&str] = &[
    "pub",
    "fn",
    "let",
    "mut",
    "const",
    "for",
    "in",
    "if",
    "else",
    "while",
    "loop",
    "unsafe",
    "return",
    "inline",
    "local",
    "stream",
    "issue",
    "interleave",
    "emit",
    "extern",
    "use",
    "as",
    "break",
    "continue",
    "align",
    "invariant",
    "declassify",
    "undefined",
    "mod",
    "struct",
    "where",
];

const TYPES: &[&str] = &[
    "gp8", "gp16", "gp32", "gp64", "mm", "xmm", "ymm", "zmm", "k", "tmm", "u8", "u16", "u32",
    "u64", "u128", "i8", "i16", "i32", "i64", "i128", "usize", "isize", "f32", "f64", "bool",
    "char", "str", "byte", "word", "dword", "qword", "xmmword", "ymmword", "zmmword", "ptr",
    "label", "operand", "mnemonic",
];

/// What a line leaves open for the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// How many `/*` are open.
    comments: usize,
    in_string: bool,
}

/// A line of source.
pub(super) fn line(text: &str, state: &mut State) -> String {
    Scanner { rest: text, out: String::new(), is_start: true, state: *state }.run(state)
}

/// An instruction or a label of a listing.
pub(super) fn instruction(text: &str) -> String {
    line(text, &mut State::default())
}

/// Whether a line of source starts with an instruction.
pub(super) fn is_instruction(text: &str) -> bool {
    let text = text.trim_start();
    let end = text.find(|ch: char| !ch.is_alphanumeric() && ch != '_').unwrap_or(text.len());
    let follows = text[end..].starts_with([' ', ';']) && !text[end..].trim_start().starts_with('=');
    follows && !KEYWORDS.contains(&&text[..end]) && Mnemonic::parse(&text[..end]).is_some()
}

struct Scanner<'t> {
    rest: &'t str,
    out: String,
    /// Whether a statement may start here.
    is_start: bool,
    state: State,
}

impl Scanner<'_> {
    fn run(mut self, state: &mut State) -> String {
        while let Some(first) = self.rest.chars().next() {
            if self.state.comments > 0 {
                self.inside_comment();
            } else if self.state.in_string {
                self.string(0);
            } else {
                self.token(first);
            }
        }
        *state = self.state;
        self.out
    }

    fn token(&mut self, first: char) {
        if self.rest.starts_with("//") {
            self.push(self.rest.len(), "c");
        } else if self.rest.starts_with("/*") {
            self.inside_comment();
        } else if first == '"' {
            self.string(1);
        } else if first == '\'' {
            self.quote();
        } else if self.rest.starts_with("#[") {
            self.push(2, "");
            self.push(self.word_len(), "a");
        } else if first.is_ascii_digit() {
            self.push(self.word_len(), "n");
        } else if first.is_alphabetic() || first == '_' {
            self.word();
        } else {
            self.is_start = matches!(first, ';' | '{' | '}') || first == ' ' && self.is_start;
            self.push(first.len_utf8(), "");
        }
    }

    /// A part of the text, in a color; the empty class is none.
    fn push(&mut self, len: usize, class: &str) {
        let (part, rest) = self.rest.split_at(len);
        self.rest = rest;
        match class {
            "" => self.out.push_str(&escape(part)),
            _ => {
                self.is_start = false;
                self.out.push_str(&format!("<s class=\"{class}\">{}</s>", escape(part)));
            }
        }
    }

    fn word_len(&self) -> usize {
        let ends = |ch: char| !ch.is_alphanumeric() && ch != '_';
        self.rest.find(ends).unwrap_or(self.rest.len())
    }

    fn word(&mut self) {
        let len = self.word_len();
        let word = &self.rest[..len];
        let class = if KEYWORDS.contains(&word) {
            "k"
        } else if self.is_start && Mnemonic::parse(word).is_some() {
            "m"
        } else if TYPES.contains(&word) {
            "t"
        } else if is_register(word) {
            "r"
        } else {
            ""
        };
        // Prefixes precede the instruction.
        let is_prefix = matches!(word, "lock" | "rep" | "repe" | "repne" | "vex" | "vex3" | "evex");
        let starts = self.is_start && is_prefix;
        self.push(len, if starts { "m" } else { class });
        self.is_start = starts;
    }

    /// A label `'name`, or a character `'c'`.
    fn quote(&mut self) {
        let rest = &self.rest[1..];
        let name = rest.find(|ch: char| !ch.is_alphanumeric() && ch != '_').unwrap_or(rest.len());
        match rest[name..].starts_with('\'') && rest.chars().count() > 1 {
            true => self.push(1 + name + 1, "n"),
            false => self.push(1 + name, "l"),
        }
    }

    /// A string whose first `opened` bytes are its quote.
    fn string(&mut self, opened: usize) {
        let mut is_escaped = false;
        let end = self.rest[opened..].char_indices().find(|(_, ch)| {
            let ends = *ch == '"' && !is_escaped;
            is_escaped = *ch == '\\' && !is_escaped;
            ends
        });
        self.state.in_string = end.is_none();
        let len = end.map_or(self.rest.len(), |(at, _)| opened + at + 1);
        self.push(len, "q");
    }

    /// A block comment up to where it, or the line, ends. They nest.
    fn inside_comment(&mut self) {
        let mut at = 0;
        let bytes = self.rest.as_bytes();
        loop {
            match bytes.get(at..).unwrap_or(&[]) {
                [b'/', b'*', ..] => {
                    self.state.comments += 1;
                    at += 2;
                }
                [b'*', b'/', ..] => {
                    self.state.comments -= 1;
                    at += 2;
                    if self.state.comments == 0 {
                        break;
                    }
                }
                [] => break,
                [_, ..] => at += 1,
            }
        }
        self.push(at, "c");
    }
}

/// Whether it is the name of a physical register.
fn is_register(word: &str) -> bool {
    let numbered = |stem: &str, count: usize| {
        let number = word.strip_prefix(stem).and_then(|number| number.parse::<usize>().ok());
        number.is_some_and(|number| number < count)
    };
    let general = |word: &str| {
        let stem = word.trim_start_matches(['r', 'e']);
        matches!(stem, "ax" | "bx" | "cx" | "dx" | "si" | "di" | "sp" | "bp" | "ip")
    };
    let is_extended = word.strip_prefix('r').is_some_and(|rest| {
        let number = rest.trim_end_matches(['d', 'w', 'b']);
        rest.len() - number.len() <= 1 && number.parse().is_ok_and(|n| (8..16).contains(&n))
    });
    is_extended
        || general(word)
        || matches!(word, "al" | "ah" | "bl" | "bh" | "cl" | "ch" | "dl" | "dh")
        || matches!(word, "sil" | "dil" | "spl" | "bpl")
        || [("xmm", 32), ("ymm", 32), ("zmm", 32), ("k", 8), ("mm", 8), ("tmm", 8), ("st", 8)]
            .iter()
            .any(|(stem, count)| numbered(stem, *count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(html: &str) -> String {
        let mut text = String::new();
        let mut inside = false;
        for ch in html.chars() {
            match ch {
                '<' => inside = true,
                '>' => inside = false,
                _ if !inside => text.push(ch),
                _ => {}
            }
        }
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&amp;", "&")
    }

    #[test]
    fn words_have_their_colors() {
        let html = instruction("vaddps ymm1{k1}, rax, [r8d + 0x10]");
        for part in ["m\">vaddps", "r\">ymm1", "r\">k1", "r\">rax", "r\">r8d", "n\">0x10"] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(instruction("lock add [p], 1").contains("m\">add"));
        assert!(!instruction("a = add").contains("m\">add"), "an instruction starts a statement");
    }

    #[test]
    fn comments_and_strings_end_where_they_end() {
        let mut state = State::default();
        assert_eq!(line("a /* x /* y */", &mut state), "a <s class=\"c\">/* x /* y */</s>");
        assert_eq!(line("still */ b", &mut state), "<s class=\"c\">still */</s> b");
        assert_eq!(state, State::default());
        assert_eq!(
            line("\"a\\\" // b\" c", &mut state),
            "<s class=\"q\">&quot;a\\&quot; // b&quot;</s> c"
        );
        assert!(line("\"open", &mut state).contains("q") && state.in_string);
    }

    /// Whatever the text, all of it is shown and nothing of it is markup.
    #[test]
    fn nothing_is_lost() {
        let alphabet =
            ["/*", "*/", "//", "\"", "'", "<b>", "&", "#[", "ä", " ", ";", "add", "0x", "\\"];
        let mut seed = 1u64;
        for _ in 0..3000 {
            let mut text = String::new();
            for _ in 0..12 {
                seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                text.push_str(alphabet[(seed >> 33) as usize % alphabet.len()]);
            }
            let mut state = State::default();
            assert_eq!(plain(&line(&text, &mut state)), text);
            assert_eq!(plain(&line(&text, &mut state)), text, "{state:?}");
        }
    }

    #[test]
    fn instructions_are_told_from_other_lines() {
        for text in ["  add a, b;", "ret;", "vzeroupper;"] {
            assert!(is_instruction(text), "{text}");
        }
        for text in ["", "// add", "let add = 1;", "loop {", "add = 5;", "foo a;", "in 0..3"] {
            assert!(!is_instruction(text), "{text}");
        }
    }
}
