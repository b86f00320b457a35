//! Completions for bash, fish and zsh, from the table of flags.
//!
//! In: the ways of calling the command. Out: a script to be sourced. (Generators for clap know long
//! flags with two dashes only; PeachPy's have one.)

use super::Usage;
use super::flags::{Flag, Value};
use super::help;
use std::fmt::Write;

/// A shell's name, and the script for it.
pub type Shell = (&'static str, fn(&[&Usage]) -> String);

/// The shells that there are scripts for.
pub const SHELLS: [Shell; 3] = [("bash", bash), ("fish", fish), ("zsh", zsh)];

/// Words that come first and have no flags.
const OTHERS: [&str; 3] = ["encode", "completions", "man"];

/// A function that bash calls for each word to complete.
fn bash(usages: &[&Usage]) -> String {
    let mut text = String::from(
        "# Completions of peach. bash: source <(peach completions bash)\n\
         _peach() {\n\
         \x20   local word=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD-1]} words=\n\
         \x20   # bash takes `=` for a word of its own.\n\
         \x20   if [ \"$word\" = = ]; then word=\n\
         \x20   elif [ \"$flag\" = = ]; then flag=${COMP_WORDS[COMP_CWORD-2]}; fi\n\
         \x20   case \"${COMP_WORDS[1]}$flag\" in\n",
    );
    let usages = commands_first(usages);
    for (start, flag, values) in values(&usages) {
        let _ = writeln!(text, "    {start}*{}) words='{values}' ;;", flag.spelling);
    }
    text.push_str("    esac\n    if [ -z \"$words\" ]; then case \"${COMP_WORDS[1]}\" in\n");
    for usage in &usages {
        let _ =
            writeln!(text, "    {}) words='{}' ;;", command(usage).unwrap_or("*"), flags(usage));
    }
    let _ = write!(
        text,
        "    esac; fi\n\
         \x20   [ \"$COMP_CWORD\" -gt 1 ] || words=\"$words {}\"\n\
         \x20   COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n\
         }}\ncomplete -o default -F _peach peach\n",
        first_words(&usages)
    );
    text
}

/// A function that fish calls for each word to complete. It offers files besides, as for any
/// command.
fn fish(usages: &[&Usage]) -> String {
    let mut text = String::from(
        "# Completions of peach. fish: peach completions fish | source\n\
         function __peach_words\n\
         \x20   set -l before (commandline -opc)\n\
         \x20   set -l command $before[2]\n\
         \x20   # A value is after `=`, or a word of its own.\n\
         \x20   switch \"$command\"(commandline -ct)\n",
    );
    let usages = commands_first(usages);
    for (start, flag, values) in values(&usages) {
        let spelling = flag.spelling;
        let whole: Vec<String> =
            values.split(' ').map(|value| format!("{spelling}={value}")).collect();
        let whole = whole.join(" ");
        let _ =
            writeln!(text, "        case '{start}*{spelling}=*'; printf '%s\\n' {whole}; return");
    }
    text.push_str("    end\n    switch \"$command$before[-1]\"\n");
    for (start, flag, values) in values(&usages) {
        let spelling = flag.spelling;
        let _ =
            writeln!(text, "        case '{start}*{spelling}'; printf '%s\\n' {values}; return");
    }
    text.push_str("    end\n    switch \"$command\"\n");
    for usage in &usages {
        let name = command(usage).unwrap_or("*");
        let _ = writeln!(text, "        case '{name}'; printf '%s\\n' {}", flags(usage));
    }
    let _ = write!(
        text,
        "    end\n\
         \x20   test (count $before) -gt 1; or printf '%s\\n' {}\n\
         end\ncomplete -c peach -a '(__peach_words)'\n",
        first_words(&usages)
    );
    text
}

/// A function of zsh's own system of completions, which calls it for each word to complete.
fn zsh(usages: &[&Usage]) -> String {
    let mut text = String::from(
        "#compdef peach\n\
         # Completions of peach. zsh, after compinit: source <(peach completions zsh)\n\
         _peach() {\n\
         \x20   local command=; (( CURRENT > 2 )) && command=$words[2]\n\
         \x20   # A value is after `=`, or a word of its own.\n\
         \x20   case \"$command$PREFIX\" in\n",
    );
    let usages = commands_first(usages);
    for (start, flag, values) in values(&usages) {
        let spelling = flag.spelling;
        let _ = writeln!(
            text,
            "        {start}*{spelling}=*) compset -P '*='; compadd -- {values}; return ;;"
        );
    }
    text.push_str("    esac\n    case \"$command$words[CURRENT-1]\" in\n");
    for (start, flag, values) in values(&usages) {
        let spelling = flag.spelling;
        let _ = writeln!(text, "        {start}*{spelling}) compadd -- {values}; return ;;");
    }
    text.push_str("    esac\n    case \"$command\" in\n");
    for usage in &usages {
        // No space is added after `=`.
        let (open, whole): (Vec<String>, Vec<String>) =
            words(usage).into_iter().partition(|word| word.ends_with('='));
        let name = command(usage).unwrap_or("*");
        let (open, whole) = (open.join(" "), whole.join(" "));
        let _ = writeln!(text, "        {name}) compadd -S '' -- {open}; compadd -- {whole} ;;");
    }
    let _ = write!(
        text,
        "    esac\n\
         \x20   (( CURRENT > 2 )) || compadd -- {}\n\
         \x20   _files\n\
         }}\ncompdef _peach peach\n",
        first_words(&usages)
    );
    text
}

/// What is not a command is `peach` alone: its pattern matches everything, and is the last.
fn commands_first<'u>(usages: &[&'u Usage]) -> Vec<&'u Usage> {
    let (commands, plain): (Vec<&Usage>, Vec<&Usage>) =
        usages.iter().partition(|usage| command(usage).is_some());
    [commands, plain].concat()
}

/// Commands, with and without flags.
fn first_words(usages: &[&Usage]) -> String {
    let names = usages.iter().filter_map(|usage| command(usage));
    names.chain(OTHERS).collect::<Vec<_>>().join(" ")
}

/// Flags that take certain values: of which command, and the values.
fn values<'u>(usages: &[&'u Usage]) -> Vec<(&'static str, &'u Flag, String)> {
    let mut all = Vec::new();
    for usage in usages {
        for flag in usage.flags.iter().filter(|flag| flag.spelling != "-m") {
            let values = help::values(flag).join(" ");
            if !values.is_empty() {
                all.push((command(usage).unwrap_or_default(), flag, values));
            }
        }
    }
    all
}

/// `show` of `peach show`; nothing of `peach` alone.
fn command(usage: &Usage) -> Option<&'static str> {
    usage.name.strip_prefix("peach ")
}

fn flags(usage: &Usage) -> String {
    words(usage).join(" ")
}

/// The flags of a command; those with `=` and a value end in it.
fn words(usage: &Usage) -> Vec<String> {
    let flags = usage.flags.iter().filter(|flag| flag.spelling != "-m");
    let written = flags.map(|flag| match flag.value {
        Value::Name(_) if flag.spelling != "-g" => format!("{}=", flag.spelling),
        _ => flag.spelling.to_string(),
    });
    written.collect()
}
