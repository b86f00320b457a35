//! Completions for bash, from the table of flags. zsh reads the same after `bashcompinit`.
//!
//! In: the ways of calling the command. Out: a script to be sourced. (Generators for clap know long
//! flags with two dashes only; PeachPy's have one.)

use super::Usage;
use super::flags::Value;
use super::help;
use std::fmt::Write;

/// The script: a function that bash calls for each word to complete.
pub fn bash(usages: &[&Usage]) -> String {
    let mut text = String::from(
        "# Completions of peach. bash: source <(peach completions bash)\n\
         # zsh: autoload -U +X bashcompinit && bashcompinit, then the same\n\
         _peach() {\n\
         \x20   local word=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD-1]} words=\n\
         \x20   # bash takes `=` for a word of its own.\n\
         \x20   if [ \"$word\" = = ]; then word=\n\
         \x20   elif [ \"$flag\" = = ]; then flag=${COMP_WORDS[COMP_CWORD-2]}; fi\n\
         \x20   case \"${COMP_WORDS[1]}$flag\" in\n",
    );
    let names: Vec<&str> = usages.iter().filter_map(|usage| command(usage)).collect();
    // What is not a command is `peach` alone: its pattern matches everything, and is the last.
    let (commands, plain): (Vec<&Usage>, Vec<&Usage>) =
        usages.iter().partition(|usage| command(usage).is_some());
    let usages = [commands, plain].concat();
    for usage in &usages {
        let start = command(usage).unwrap_or_default();
        for flag in usage.flags.iter().filter(|flag| flag.spelling != "-m") {
            let values = help::values(flag).join(" ");
            if !values.is_empty() {
                let _ = writeln!(text, "    {start}*{}) words='{values}' ;;", flag.spelling);
            }
        }
    }
    text.push_str("    esac\n    if [ -z \"$words\" ]; then case \"${COMP_WORDS[1]}\" in\n");
    for usage in usages {
        let _ =
            writeln!(text, "    {}) words='{}' ;;", command(usage).unwrap_or("*"), flags(usage));
    }
    let _ = write!(
        text,
        "    esac; fi\n\
         \x20   [ \"$COMP_CWORD\" -gt 1 ] || words=\"$words {} encode completions man\"\n\
         \x20   COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n\
         }}\ncomplete -o default -F _peach peach\n",
        names.join(" ")
    );
    text
}

/// `show` of `peach show`; nothing of `peach` alone.
fn command(usage: &Usage) -> Option<&'static str> {
    usage.name.strip_prefix("peach ")
}

/// Its flags; those with `=` and a value end in it.
fn flags(usage: &Usage) -> String {
    let flags = usage.flags.iter().filter(|flag| flag.spelling != "-m");
    let written = flags.map(|flag| match flag.value {
        Value::Name(_) if flag.spelling != "-g" => format!("{}=", flag.spelling),
        _ => flag.spelling.to_string(),
    });
    written.collect::<Vec<_>>().join(" ")
}
