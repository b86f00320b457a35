//! Listings with the bytes in memory.
//!
//! In: a listing as the macro wrote it, before rustc and the linker filled in what only they know
//! (`const { … }`, `sym`), and the bytes. Out: the listing of those bytes.

use std::collections::BTreeSet;
use std::sync::Mutex;

/// The listing `text` of a version whose byte at an offset is `byte`, as far as there is one.
pub(crate) fn of_memory(text: &'static str, byte: impl Fn(usize) -> Option<u8>) -> &'static str {
    let true_text: String = text.split_inclusive('\n').map(|row| of_row(row, &byte)).collect();
    if true_text == text { text } else { keep(true_text) }
}

/// A row with its bytes: an offset, two spaces, pairs of digits with a space after each. Rows
/// without an offset stay as they are.
fn of_row(row: &str, byte: &impl Fn(usize) -> Option<u8>) -> String {
    let Some((start, rest)) = row.split_once("  ") else { return row.to_string() };
    let Ok(mut offset) = usize::from_str_radix(start, 16) else { return row.to_string() };
    let mut out = format!("{start}  ");
    let mut rest = rest;
    while let Some((pair, after)) = rest.split_at_checked(2)
        && pair.bytes().all(|digit| digit.is_ascii_hexdigit())
        && after.starts_with([' ', '\n'])
    {
        out.push_str(&byte(offset).map_or("??".to_string(), |byte| format!("{byte:02x}")));
        offset += 1;
        rest = after;
        let Some(next) = rest.strip_prefix(' ').filter(|next| !next.starts_with(' ')) else {
            break;
        };
        out.push(' ');
        rest = next;
    }
    out + rest
}

/// The text for good, once.
fn keep(text: String) -> &'static str {
    static TEXTS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut texts = TEXTS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(kept) = texts.get(text.as_str()) {
        return kept;
    }
    let kept: &'static str = text.leak();
    texts.insert(kept);
    kept
}

#[cfg(test)]
mod tests {
    use super::of_memory;

    #[test]
    fn only_the_bytes_change() {
        const TEXT: &str = "\
; src/lib.rs
'top:
0000  e8 00 00 00 00           call double                ; 3: call sym double;
0005  66 66 66 66 66 66 66 66  nop
000d  66
0010  0a 00                                               ten
beef without two columns
";
        let known = |at: usize| (at != 3).then_some(at as u8);
        let expected = TEXT
            .replace("e8 00 00 00 00", "00 01 02 ?? 04")
            .replace("66 66 66 66 66 66 66 66", "05 06 07 08 09 0a 0b 0c")
            .replace("000d  66", "000d  0d")
            .replace("0a 00  ", "10 11  ");
        let text = of_memory(TEXT, known);
        assert_eq!(text, expected);
        assert_eq!(of_memory(TEXT, known).as_ptr(), text.as_ptr(), "kept once");
    }
}
