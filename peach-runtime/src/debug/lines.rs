//! Which line of the source each instruction of a kernel comes from.
//!
//! In: a listing. Out: its rows that name a line, in the order of their offsets.

/// An instruction and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row<'l> {
    pub(super) offset: usize,
    pub(super) file: &'l str,
    pub(super) line: usize,
}

/// The rows of a listing. (What the compiler adds stands without a line in it, and belongs to the
/// line before.)
pub(super) fn of_listing(listing: &str) -> Vec<Row<'_>> {
    let mut file = "";
    let mut rows = Vec::new();
    for row in listing.lines() {
        if let Some(name) = row.strip_prefix("; ") {
            file = name;
        } else if let Some((offset, line)) = of_row(row) {
            let is_same =
                rows.last().is_some_and(|last: &Row<'_>| (last.file, last.line) == (file, line));
            if !is_same {
                rows.push(Row { offset, file, line });
            }
        }
    }
    rows
}

/// `0004  01 f7                    add edi, esi    ; 12: add a, b;` is at 4, from line 12.
fn of_row(row: &str) -> Option<(usize, usize)> {
    let (offset, rest) = row.split_once("  ")?;
    let (_, note) = rest.split_once(" ; ")?;
    let (line, _) = note.split_once(':')?;
    Some((usize::from_str_radix(offset, 16).ok()?, line.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{Row, of_listing};

    #[test]
    fn rows_with_a_line_count() {
        const LISTING: &str = "\
0000  53                       push rbx                                 ; prologue
; src/lib.rs
0001  01 f7                    add edi, esi                             ; 12: add a, b; 'x: y
0003  66 66                    nop
0005  01 f7                    add edi, esi                             ; 12: add a, b; 'x: y
'top:
; src/other.rs
0010  c3                       ret                                      ; 3: spill:
0018  00 00                                             ten
";
        let row = |offset, file, line| Row { offset, file, line };
        let wanted = [row(1, "src/lib.rs", 12), row(0x10, "src/other.rs", 3)];
        assert_eq!(of_listing(LISTING), wanted);
    }
}
