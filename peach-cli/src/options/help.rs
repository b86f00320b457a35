//! `--help`, from the table of flags.

use super::Usage;
use super::flags::{Flag, Group, Value, Values};
use peach_build::extensions;
use peach_compiler::abi::Convention;
use peach_compiler::isa::FeatureSet;
use peach_compiler::pipeline::Step;
use std::fmt::Write;

/// Where the description of a flag starts, and where lines end.
const INDENT: usize = 28;
const WIDTH: usize = 100;

/// How it is called.
pub(super) fn usage_line(usage: &Usage) -> String {
    let mut line = format!("{} [FLAG]...", usage.name);
    for flag in usage.flags.iter().filter(|flag| flag.is_required) {
        let _ = write!(line, " {}", written(flag));
    }
    for positional in usage.positionals {
        match positional.is_required {
            true if positional.repeats => line.push_str(&format!(" {}...", positional.name)),
            true => line.push_str(&format!(" {}", positional.name)),
            false => line.push_str(&format!(" [{}]", positional.name)),
        }
    }
    line
}

/// The whole text.
pub(super) fn text(usage: &Usage) -> String {
    let mut text = format!("{}\n\nusage: {}\n", usage.about, usage_line(usage));
    if usage.name == "peach" {
        text.push_str("       peach show [FLAG]... FILE [KERNEL]      what kernels compile to\n");
        text.push_str("       peach fmt [--check] FILE...             regular white space\n");
        text.push_str(
            "       peach play [FLAG]... [FILE]             the same in a browser, as one types\n",
        );
        text.push_str(
            "       peach encode [FLAG] [INSTRUCTION]...    bytes of single instructions\n",
        );
    }
    text.push('\n');
    for positional in usage.positionals {
        entry(&mut text, positional.name, positional.help);
    }
    for group in Group::ALL {
        let mut flags = usage.flags.iter().filter(|flag| flag.group == *group).peekable();
        if flags.peek().is_some() {
            let _ = write!(text, "\n{}:\n", group.title());
        }
        for flag in flags {
            entry(&mut text, &written(flag), &described(flag));
        }
    }
    text.push_str("\nExit code: 0, or 1 if there are errors, or 2 if the flags are invalid.\n");
    text
}

/// A flag with its value: `-mabi=ABI`, `-o OUT`.
pub(super) fn written(flag: &Flag) -> String {
    match (flag.spelling, flag.value) {
        ("-m", _) => "-mEXT, -mno-EXT".to_string(),
        ("-g", _) => "-g, -gLEVEL".to_string(),
        (spelling, Value::None) => spelling.to_string(),
        (spelling, Value::Optional(name, _)) => format!("{spelling}[={name}]"),
        (spelling, Value::Path(name)) => format!("{spelling} {name}"),
        (spelling, Value::Name(name)) => format!("{spelling}={name}"),
    }
}

/// What a flag does, and which values it takes.
pub(super) fn described(flag: &Flag) -> String {
    match values(flag)[..] {
        [] => flag.help.to_string(),
        ref values => format!("{} Values: {}.", flag.help, values.join(" ")),
    }
}

/// The values that a flag takes; none where its help says it all.
pub(super) fn values(flag: &Flag) -> Vec<&'static str> {
    match flag.values {
        Values::Free => Vec::new(),
        Values::Of(values) => values.to_vec(),
        Values::Conventions => {
            Convention::ALL.iter().map(|convention| convention.flag).chain(["native"]).collect()
        }
        Values::Processors => FeatureSet::cpu_names().chain(["native"]).collect(),
        Values::Steps => Step::ALL.iter().map(|step| step.name()).collect(),
        Values::Extensions => extensions::names().collect(),
    }
}

/// One entry, its text broken into lines.
fn entry(text: &mut String, head: &str, body: &str) {
    let mut line = format!("  {head:<width$}", width = INDENT - 2);
    if head.len() + 4 > INDENT {
        let _ = writeln!(text, "{}", line.trim_end());
        line = " ".repeat(INDENT);
    }
    let mut is_empty = true;
    for word in body.split(' ') {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{}", line.trim_end());
            line = " ".repeat(INDENT);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    let _ = writeln!(text, "{}", line.trim_end());
}
