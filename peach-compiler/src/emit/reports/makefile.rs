//! Dependencies for make: `-MMD -MF`.
//!
//! In: the output, and the files that it is made of. Out: a rule without commands, in which every
//! name is escaped as GNU make reads it.

/// The rule `target: dependencies`, one a line. With `phony`, every dependency but the first (the
/// kernel file itself) is a target too, so that make does not fail when it is gone.
pub fn dependencies(target: &str, dependencies: &[&str], phony: bool) -> String {
    let mut text = format!("{}:", escaped(target));
    for dependency in dependencies {
        text.push_str(" \\\n  ");
        text.push_str(&escaped(dependency));
    }
    text.push('\n');
    if phony {
        for dependency in dependencies.iter().skip(1) {
            text.push_str(&format!("\n{}:\n", escaped(dependency)));
        }
    }
    text
}

/// A file name as make reads it: `$` is doubled; a space, a tab, `#` and what else make gives a
/// meaning has a backslash before it, and so have the backslashes just before one of them; what
/// starts with `~` would be a home directory (GNU make manual, "Rule Syntax" and "Using Wildcard
/// Characters").
fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    if name.starts_with('~') {
        text.push_str("./");
    }
    let mut backslashes = 0;
    for ch in name.chars() {
        match ch {
            '\\' => backslashes += 1,
            ' ' | '\t' | '#' | ':' | '*' | '?' | '[' | ']' => {
                let is_drive = ch == ':'
                    && text.len() == 1
                    && text.starts_with(|c: char| c.is_ascii_alphabetic());
                if !is_drive {
                    text.extend(std::iter::repeat_n('\\', backslashes + 1));
                }
                backslashes = 0;
            }
            '$' => {
                text.push('$');
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        text.push(ch);
    }
    text
}
