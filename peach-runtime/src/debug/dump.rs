//! `PEACH_DUMP`: which kernels are dumped when they are first used.
//!
//! In: the variable, read once. Out: listings on standard error, and a message for names that no
//! kernel has.

use crate::registry;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// What `PEACH_DUMP` says.
enum Wish {
    Nothing,
    All,
    Names(Vec<String>),
}

/// Whether anything is to be dumped.
#[cfg(target_arch = "x86_64")]
pub(crate) fn is_on() -> bool {
    !matches!(wish(), Wish::Nothing)
}

/// Prints what is said of the kernel `name`, if that is wanted.
pub(crate) fn if_wanted(name: &str, text: impl FnOnce() -> String) {
    let is_wanted = match wish() {
        Wish::Nothing => false,
        Wish::All => true,
        Wish::Names(names) => names.iter().any(|wanted| wanted == name),
    };
    if is_wanted {
        eprint!("{}", text());
    }
}

fn wish() -> &'static Wish {
    static WISH: OnceLock<Wish> = OnceLock::new();
    WISH.get_or_init(|| {
        let wish = parse(&std::env::var("PEACH_DUMP").unwrap_or_default());
        if let Wish::Names(names) = &wish {
            let known = registry::kernels().map(|record| record.shape.name);
            eprint!("{}", unknown(names, known.filter(|name| !name.is_empty()).collect()));
        }
        wish
    })
}

fn parse(value: &str) -> Wish {
    match value.trim() {
        "" | "0" => Wish::Nothing,
        "1" => Wish::All,
        names => Wish::Names(names.split(',').map(|name| name.trim().to_string()).collect()),
    }
}

/// A line for each name that no kernel of the program has.
fn unknown(names: &[String], known: BTreeSet<&str>) -> String {
    const SHOWN: usize = 32;
    let mut list: Vec<String> = known.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    if known.len() > SHOWN {
        list.push(format!("and {} more", known.len() - SHOWN));
    }
    let list = if list.is_empty() { "none".to_string() } else { list.join(", ") };
    let later = if cfg!(feature = "jit") { " (and those of `jit`, once compiled)" } else { "" };
    let unknown = names.iter().filter(|name| !known.contains(name.as_str()));
    unknown
        .map(|name| {
            format!("PEACH_DUMP: no kernel named `{name}`; the kernels are {list}{later}\n")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_separated_by_commas() {
        assert!(matches!(parse(""), Wish::Nothing) && matches!(parse(" 0 "), Wish::Nothing));
        assert!(matches!(parse("1"), Wish::All));
        assert!(matches!(parse("a, b"), Wish::Names(names) if names == ["a", "b"]));
    }

    #[test]
    fn unknown_names_are_told_what_there_is() {
        let names = ["sum".to_string(), "nosuch".to_string()];
        let text = unknown(&names, BTreeSet::from(["sum", "dot"]));
        let told = "PEACH_DUMP: no kernel named `nosuch`; the kernels are `dot`, `sum`";
        assert!(text.starts_with(told) && text.lines().count() == 1, "{text}");
        let names: Vec<String> = (0..40).map(|n| format!("k{n}")).collect();
        let known = names.iter().map(String::as_str).collect();
        assert!(unknown(&["x".to_string()], known).contains(", and 8 more"));
        assert!(unknown(&["x".to_string()], BTreeSet::new()).contains("the kernels are none"));
    }
}
