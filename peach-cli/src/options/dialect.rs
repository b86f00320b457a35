//! PeachPy's spelling of flags, and back.
//!
//! PeachPy's flags have one dash, whatever their length (`-mabi=sysv`), and short ones may have
//! their value attached (`-Idir`, `-g2`, `-mavx2`). clap requires two dashes before a long name.
//! This is the one place where that is bridged: every flag goes to clap as `--NAME` or
//! `--NAME=VALUE`, and what clap reports comes back as the user spelled it.

use super::flags::{Flag, Value, id};
use super::{Refusal, Usage};
use peach_build::extensions;
use std::ffi::{OsStr, OsString};

/// Short spellings of flags with two dashes.
const SHORT: &[(&str, &str)] = &[("-h", "--help"), ("-V", "--version")];

/// The arguments as clap expects them.
pub(super) fn translate(usage: &Usage, arguments: Vec<OsString>) -> Result<Vec<OsString>, Refusal> {
    let mut out = Vec::with_capacity(arguments.len());
    let mut rest = arguments.into_iter().peekable();
    while let Some(argument) = rest.next() {
        let bytes = argument.as_encoded_bytes();
        if bytes == b"--" {
            out.push(argument);
            out.extend(rest);
            break;
        }
        if bytes.len() < 2 || bytes[0] != b'-' {
            out.push(argument);
            continue;
        }
        let found = find(usage, &argument).ok_or_else(|| unknown(usage, &argument))?;
        let value = match (found.flag.value, found.value) {
            (Value::None, _) => {
                out.push(format!("--{}", id(found.flag.spelling)).into());
                continue;
            }
            (_, Some(value)) => value,
            (Value::Optional(_, default), None) => default.into(),
            // `-g` alone is `-g1`; `-g 2` has a number after it.
            (_, None) if found.flag.spelling == "-g" => {
                let is_number = |next: &OsString| {
                    let bytes = next.as_encoded_bytes();
                    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit)
                };
                rest.next_if(is_number).unwrap_or_else(|| "1".into())
            }
            (_, None) => rest.next().ok_or_else(|| lacks_value(found.flag))?,
        };
        let mut translated = OsString::from(format!("--{}=", id(found.flag.spelling)));
        translated.push(value);
        out.push(translated);
    }
    Ok(out)
}

struct Found<'u> {
    flag: &'u Flag,
    /// The value, where it is part of the argument.
    value: Option<OsString>,
}

/// The flag that an argument is.
fn find<'u>(usage: &'u Usage, argument: &OsStr) -> Option<Found<'u>> {
    let short = SHORT.iter().find(|(short, _)| argument == *short).map(|(_, long)| *long);
    let flag = |spelling: &str| usage.flags.iter().find(|flag| flag.spelling == spelling);
    if let Some(flag) = short.or(argument.to_str()).and_then(flag) {
        // `-m` alone has no extension.
        return (flag.spelling != "-m").then_some(Found { flag, value: None });
    }
    if let Some((name, value)) = split_at_equals(argument)
        && let Some(flag) = flag(name)
        && flag.spelling != "-m"
        && flag.value != Value::None
    {
        return Some(Found { flag, value: Some(value) });
    }
    attached(usage, argument)
}

/// `-Idir`, `-oout`, `-g2`, `-MFfile`, `-mavx2`: a short flag with its value attached.
fn attached<'u>(usage: &'u Usage, argument: &OsStr) -> Option<Found<'u>> {
    let flag = ["-MF", "-o", "-I", "-g", "-m"].iter().find_map(|short| {
        let starts = argument.as_encoded_bytes().starts_with(short.as_bytes());
        usage.flags.iter().find(|flag| starts && flag.spelling == *short)
    })?;
    let value = behind(argument, flag.spelling.len());
    let is_valid = match flag.spelling {
        "-g" => value.as_encoded_bytes().iter().all(u8::is_ascii_digit),
        "-m" => value.to_str().is_some_and(|name| {
            extensions::is_known(name) || name.strip_prefix("no-").is_some_and(extensions::is_known)
        }),
        _ => true,
    };
    is_valid.then_some(Found { flag, value: Some(value) })
}

/// `-mabi=sysv`: name and value.
fn split_at_equals(argument: &OsStr) -> Option<(&str, OsString)> {
    let bytes = argument.as_encoded_bytes();
    let at = bytes.iter().position(|byte| *byte == b'=')?;
    let name = std::str::from_utf8(&bytes[..at]).ok()?;
    Some((name, behind(argument, at + 1)))
}

/// What is after the first `len` bytes, which are ASCII.
#[cfg(unix)]
fn behind(argument: &OsStr, len: usize) -> OsString {
    use std::os::unix::ffi::OsStrExt;
    OsStr::from_bytes(&argument.as_bytes()[len..]).to_os_string()
}

/// What is after the first `len` bytes, which are ASCII.
#[cfg(not(unix))]
fn behind(argument: &OsStr, len: usize) -> OsString {
    argument.to_string_lossy()[len..].into()
}

fn lacks_value(flag: &Flag) -> Refusal {
    let (Value::Name(name) | Value::Path(name)) = flag.value else {
        return Refusal(String::new());
    };
    Refusal(format!("error: {} needs a value: {} {name}\n", flag.spelling, flag.spelling))
}

fn unknown(usage: &Usage, argument: &OsStr) -> Refusal {
    let argument = argument.to_string_lossy();
    let name = argument.split('=').next().unwrap_or(&argument);
    let switches: Vec<String> = extensions::names()
        .flat_map(|name| [format!("-m{name}"), format!("-mno-{name}")])
        .filter(|_| usage.flags.iter().any(|flag| flag.spelling == "-m"))
        .collect();
    let spellings =
        usage.flags.iter().map(|flag| flag.spelling).filter(|spelling| *spelling != "-m");
    let near = peach_build::nearest(name, spellings.chain(switches.iter().map(String::as_str)));
    let hint = match near {
        Some(near) => format!("did you mean {near}?"),
        None => format!("{} --help lists the flags", usage.name),
    };
    Refusal(format!("error: unknown flag {name}\n\n{hint}\n"))
}

/// Replaces the names that clap gave to flags by their spelling.
pub(super) fn spell_back(usage: &Usage, text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("--") {
        out.push_str(&rest[..at]);
        let name_len = rest[at + 2..]
            .find(|ch: char| !ch.is_ascii_alphanumeric() && ch != '-')
            .unwrap_or(rest.len() - at - 2);
        let name = &rest[at + 2..at + 2 + name_len];
        match usage.flags.iter().find(|flag| id(flag.spelling) == name) {
            Some(flag) => out.push_str(flag.spelling),
            None => out.push_str(&rest[at..at + 2 + name_len]),
        }
        rest = &rest[at + 2 + name_len..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::super::{COMPILE, SHOW};
    use super::*;

    fn translated(arguments: &str) -> Result<String, String> {
        let arguments = arguments.split(' ').map(OsString::from).collect();
        let words = translate(&COMPILE, arguments).map_err(|refusal| refusal.0)?;
        let words: Vec<String> =
            words.into_iter().map(|word| word.into_string().expect("text")).collect();
        Ok(words.join(" "))
    }

    #[test]
    fn every_spelling_is_understood() {
        for (written, expected) in [
            ("-mabi=ms -S", "--mabi=ms --S"),
            ("-mabi ms", "--mabi=ms"),
            ("-mavx2 -mno-fma3 -msse4.1", "--m=avx2 --m=no-fma3 --m=sse4.1"),
            ("-MMD -MF a.d", "--MMD --MF=a.d"),
            ("-MFa.d", "--MF=a.d"),
            ("-oout.o -o out.o -o -", "--o=out.o --o=out.o --o=-"),
            ("-I dir -Idir -I=dir", "--I=dir --I=dir --I=dir"),
            ("-g -g0 -g2 -g 3 a.rs", "--g=1 --g=0 --g=2 --g=3 a.rs"),
            ("-g a.rs", "--g=1 a.rs"),
            (
                "-emit-c-header a.h -emit-json-metadata=a",
                "--emit-c-header=a.h --emit-json-metadata=a",
            ),
            ("-fname-mangling=${name}=x", "--fname-mangling=${name}=x"),
            ("-fpackage -odd -fdump-rtl=a", "--fpackage=-odd --fdump-rtl=a"),
            ("-h -V", "--help --version"),
            ("--color=never --cfg a=\"b\"", "--color=never --cfg=a=\"b\""),
            ("-- -mabi", "-- -mabi"),
        ] {
            assert_eq!(translated(written).as_deref(), Ok(expected), "{written}");
        }
    }

    #[test]
    fn what_is_no_flag_is_told_the_nearest() {
        for (written, near) in [
            ("-mabj=ms", "-mabi"),
            ("-mavx3", "-mavx"),
            ("-emit-c-heder", "-emit-c-header"),
            ("--colour=never", "--color"),
            ("-gx", "-g?"),
            ("-m", "--help lists the flags"),
        ] {
            let error = translated(written).expect_err("no flag");
            assert!(error.contains(near), "{written}: {error}");
        }
        assert!(translated("-mabi").expect_err("no value").contains("-mabi ABI"));
    }

    #[test]
    fn no_two_flags_have_one_name() {
        for usage in [&COMPILE, &SHOW] {
            let mut names: Vec<&str> = usage.flags.iter().map(|flag| id(flag.spelling)).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        }
    }
}
