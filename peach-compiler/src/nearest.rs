//! Names that a misspelled one may have been meant for.

/// Up to three of `candidates` that `name` may have been meant for, nearest first. One letter in
/// three may be wrong.
pub fn nearest<'t>(name: &str, candidates: impl IntoIterator<Item = &'t str>) -> Vec<&'t str> {
    within(name, candidates, name.len() / 3, 3)
}

/// Up to `most` of `candidates` that at most `limit` edits turn into `name`, nearest first.
pub(crate) fn within<'t>(
    name: &str,
    candidates: impl IntoIterator<Item = &'t str>,
    limit: usize,
    most: usize,
) -> Vec<&'t str> {
    let wanted = letters(name);
    let mut close: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= limit)
        // An edit takes away a letter, brings one, or both.
        .filter(|candidate| (letters(candidate) ^ wanted).count_ones() as usize <= 2 * limit)
        .map(|candidate| (edit_distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    crate::sorted::sort(&mut close);
    close.dedup();
    close.into_iter().take(most).map(|(_, candidate)| candidate).collect()
}

/// Which letters and digits occur, as bits: cheap to compare before counting edits.
fn letters(word: &str) -> u64 {
    word.chars().fold(0, |set, letter| set | 1 << (u32::from(letter) & 63))
}

/// Insertions, deletions, replacements and swaps of neighbors that turn `a` into `b`.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut older: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = previous[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(previous[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(older[j - 2] + 1);
            }
            row.push(best);
        }
        older = std::mem::replace(&mut previous, row);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        let distances = [("", "", 0), ("a", "", 1), ("mov", "mvo", 1), ("vaddps", "addps", 1)];
        for (a, b, distance) in distances {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
            assert_eq!(edit_distance(b, a), distance, "{b} {a}");
        }
    }

    #[test]
    fn the_nearest_come_first() {
        let names = ["counter", "count", "county", "mount", "account"];
        assert_eq!(nearest("coumt", names), ["count"]);
        assert_eq!(nearest("counts", names), ["count", "county", "counter"]);
        assert_eq!(nearest("xyz", names), <[&str; 0]>::default());
    }
}
