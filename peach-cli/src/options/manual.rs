//! The manual page, in the language of man(7), from the table of flags.

use super::Usage;
use super::flags::Group;
use super::help;
use std::fmt::Write;

/// The page of the command, with all ways of calling it.
pub fn page(usages: &[&Usage]) -> String {
    let mut text = format!(
        ".TH PEACH 1 \"\" \"peach {}\" \"User Commands\"\n.SH NAME\npeach \\- compiles assembly \
         kernels\n.SH SYNOPSIS\n",
        env!("CARGO_PKG_VERSION")
    );
    for usage in usages {
        let _ = writeln!(text, ".B {}\n.br", escape(&help::usage_line(usage)));
    }
    text.push_str(".B peach encode\n[\\-\\-options | \\-\\-lengths] [INSTRUCTION]...\n");
    for usage in usages {
        let _ = writeln!(text, ".SH {}\n{}", usage.name.to_uppercase(), escape(usage.about));
        for positional in usage.positionals {
            entry(&mut text, positional.name, positional.help);
        }
        for group in Group::ALL {
            for flag in usage.flags.iter().filter(|flag| flag.group == *group) {
                entry(&mut text, &help::written(flag), &help::described(flag));
            }
        }
    }
    text.push_str(
        ".SH EXIT STATUS\n0, or 1 if there are errors, or 2 if the flags are invalid.\n\
         .SH ENVIRONMENT\n.TP\n.B NO_COLOR\nSet to anything, messages have no colors.\n\
         .TP\n.B GOPACKAGE\nThe default of \\-fpackage.\n\
         .TP\n.B MACOSX_DEPLOYMENT_TARGET\nThe first macOS that Mach\\-O files are for.\n",
    );
    text
}

fn entry(text: &mut String, head: &str, body: &str) {
    let _ = writeln!(text, ".TP\n.B {}\n{}", escape(head), escape(body));
}

/// Text in which nothing is a request: dashes stay dashes, and no line starts with a dot.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}
