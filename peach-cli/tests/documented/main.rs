//! Every command that a document shows, in a block of `sh` or in its text.
//!
//! Those of peach run here, in a folder with the files that they name, and so does what is next to them in a
//! block. Those of Cargo build or test this repository, which a test cannot do once more: the
//! packages, targets, tests and variables that they name must exist (`cargo`). Of any other there is a list
//! that says who runs it (`elsewhere`).

mod cargo;
mod elsewhere;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "every test uses its own part of it")]
mod support;

use peach_testing::documents::{blocks, commands, documents, name, spans};
use peach_testing::tools::have;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use support::{Files, PEACH, Run, repository};

/// Mentions of a command that lack what it needs, and how they run.
const SHORT: [(&str, &str); 11] = [
    ("peach encode", "peach encode nop"),
    ("peach fmt", "peach fmt --check dot.rs"),
    ("peach fmt -", "peach fmt - < dot.peach"),
    ("peach fmt FILE…", "peach fmt dot.rs dot.peach"),
    ("peach play [FILE]", "peach play dot.rs"),
    ("peach show", "peach show dot.rs"),
    ("peach show FILE", "peach show dot.rs"),
    ("peach show --cost", "peach show --cost=zen4 dot.rs"),
    ("peach show --cost[=CPU]", "peach show --cost=skylake dot.rs"),
    ("peach show --html", "peach show --html dot.rs"),
    ("peach show --watch", "timeout 2 peach show --watch dot.rs || [ $? = 124 ]"),
];

/// The first words of commands. What is in backticks and starts otherwise is something else.
const PROGRAMS: [&str; 14] = [
    "cargo",
    "cc",
    "cmake",
    "code",
    "gdb",
    "go",
    "make",
    "meson",
    "npm",
    "npx",
    "peach",
    "perf",
    "program",
    "tree-sitter",
];

#[test]
fn every_command_is_run_or_checked() {
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for path in documents() {
        let text = std::fs::read_to_string(&path).expect("a document");
        for block in blocks(&text).into_iter().filter(|block| block.language == "sh") {
            let place = format!("{}:{}", name(&path), block.line);
            let commands = commands(&block.text);
            failures.extend(try_all(&place, path.parent().expect("a folder"), &commands));
            shown.extend(commands);
        }
        let mentions: Vec<String> = spans(&text).into_iter().filter(|it| is_command(it)).collect();
        for mention in &mentions {
            let folder = path.parent().expect("a folder");
            failures.extend(try_all(&name(&path), folder, std::slice::from_ref(mention)));
        }
        shown.extend(mentions);
    }
    assert!(shown.len() > 60, "only {} commands are found", shown.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let unused = |table: &[(&'static str, &'static str)]| {
        let names = table.iter().map(|(command, _)| *command);
        names.filter(|command| !shown.iter().any(|it| it == command)).collect::<Vec<_>>()
    };
    assert_eq!(unused(&SHORT), [""; 0], "no document has these");
    assert_eq!(unused(&elsewhere::LIST), [""; 0], "no document has these");
}

/// Flags that a document names without a command: in backticks, with or without a value.
#[test]
fn every_flag_is_one() {
    let files = with_kernels("flags");
    let help = |task: &str| files.peach(&format!("{task} --help")).succeeded().stdout;
    let help = ["", "show", "fmt", "encode", "play"].map(help).concat();
    let (mut count, mut unknown) = (0, Vec::new());
    for document in ["docs/command.md", "docs/go.md", "docs/native-client.md", "docs/tour.md"] {
        let text = std::fs::read_to_string(repository().join(document)).expect("a document");
        for span in spans(&text).iter().filter(|span| is_flag(span)) {
            let end = |sign: char| !(sign.is_ascii_alphanumeric() || sign == '-');
            let flag = span.split(end).next().unwrap_or_default();
            count += 1;
            if !help.split(end).any(|word| word == flag) && !is_extension(&files, flag) {
                unknown.push(format!("{document}: `{span}`"));
            }
        }
    }
    assert!(count > 20, "only {count} flags are found");
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

/// Variables that a document names without a command: `PEACH_SEED=N`.
#[test]
fn every_variable_is_read() {
    let (mut count, mut unknown) = (0, Vec::new());
    for path in documents() {
        let text = std::fs::read_to_string(&path).expect("a document");
        for span in spans(&text).iter().filter(|span| span.starts_with("PEACH_")) {
            let end = |sign: char| !(sign.is_ascii_uppercase() || sign == '_');
            let variable = span.split(end).next().unwrap_or_default();
            count += 1;
            unknown.extend(cargo::is_read(variable).err().map(|why| (name(&path), why)));
        }
    }
    assert!(count > 20, "only {count} variables are found");
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// Not a flag of C's compilers (`-D…`) or of linkers (`-z …`).
fn is_flag(span: &str) -> bool {
    let name = span.trim_start_matches('-');
    if span.starts_with("-z ") {
        return false;
    }
    name.len() < span.len() && name.starts_with(|sign: char| sign.is_ascii_lowercase())
}

/// `-mavx2` and `-mno-avx2`, which the help does not list one by one.
fn is_extension(files: &Files, flag: &str) -> bool {
    flag.starts_with("-m") && files.peach(&format!("{flag} -o a.o kernels.peach")).code == Some(0)
}

/// The package of the extension is named after the name and version of its manifest.
#[test]
fn the_extension_is_called_as_its_page_says() {
    let folder = repository().join("editors/vscode");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a file");
    let manifest: serde_json::Value = serde_json::from_str(&read("package.json")).expect("JSON");
    let text = |key: &str| manifest[key].as_str().expect("a text").to_string();
    let package = format!("{}-{}.vsix", text("name"), text("version"));
    assert_eq!(read("README.md").matches(&package).count(), 2, "{package}");
    assert_eq!(text("version"), env!("CARGO_PKG_VERSION"));
}

/// `peach` alone is a name, as `go` and `make` are.
fn is_command(span: &str) -> bool {
    let span = without_quoted(span);
    let mut words = span.split(' ').skip_while(|word| is_variable(word)).peekable();
    let is_program = words.peek().is_some_and(|word| PROGRAMS.contains(word));
    is_program && words.count() > 1 || span.starts_with(".ci/") || span.starts_with("source <(")
}

/// What is in double quotes may have spaces, and names nothing.
fn without_quoted(command: &str) -> String {
    command.split('"').step_by(2).collect()
}

/// `NAME=value`, which sets a variable of a command.
fn is_variable(word: &str) -> bool {
    let is_name = |name: &str| name.chars().all(|sign| matches!(sign, 'A'..='Z' | '0'..='9' | '_'));
    word.split_once('=').is_some_and(|(name, _)| is_name(name))
}

/// Tries commands that follow each other, shown in a document of `folder`. Out: what is wrong.
fn try_all(place: &str, folder: &Path, commands: &[String]) -> Vec<String> {
    let files = with_kernels("commands");
    let tries = commands.iter().map(|command| (command, try_one(&files, folder, command)));
    let wrong = tries.filter_map(|(command, result)| Some((command, result.err()?)));
    wrong.map(|(command, why)| format!("{place}: `{command}`: {why}")).collect()
}

fn try_one(files: &Files, folder: &Path, command: &str) -> Result<(), String> {
    if let Some((_, who)) = elsewhere::LIST.iter().find(|(other, _)| *other == command) {
        return elsewhere::check(command, who);
    }
    let unquoted = without_quoted(command);
    let words: Vec<&str> = unquoted.split(' ').collect();
    match words.iter().find(|word| !is_variable(word)).copied().unwrap_or_default() {
        "cargo" => cargo::check(folder, &words),
        "peach" if words[1] == "play" => play(files, command),
        "peach" | "cc" | "source" => run(files, command),
        script if repository().join(script).is_file() => Ok(()),
        program => Err(format!("nothing here runs `{program}`")),
    }
}

/// A folder, for one test at a time, with the files that documents name.
fn with_kernels(name: &str) -> Files {
    let files = Files::new(&format!("documented-{name}"));
    let example = |name: &str| std::fs::read_to_string(repository().join("examples").join(name));
    let ones = example("dispatch/ones.peach").expect("kernels with versions");
    files.file("dot.rs", example("dot4.rs").expect("kernels in Rust"));
    files.file("src/kernels.rs", example("dot4.rs").expect("kernels in Rust"));
    files.file("dot.peach", &ones);
    files.file("kernels.peach", ones.split("\n\n").last().expect("one version"));
    let program = example("dispatch/main.c").expect("a program");
    files.file("program.c", program.replace("ones.h", "dot.h"));
    files
}

/// By a shell which finds this peach first.
fn run(files: &Files, command: &str) -> Result<(), String> {
    if command.contains("--cost") && !have(&["llvm-mca-22", "llvm-mc-22"]) {
        return Ok(());
    }
    if !have(&["bash", "cc"]) {
        return Ok(());
    }
    let run = Run::of(bash(files, long(command)).stdin(Stdio::null()));
    match run.code {
        Some(0) => Ok(()),
        code => Err(format!("ended with {code:?}: {}{}", run.stdout, run.stderr)),
    }
}

/// A server, which says where it is and runs until it is stopped.
fn play(files: &Files, command: &str) -> Result<(), String> {
    if !have(&["bash"]) {
        return Ok(());
    }
    let exec = format!("exec {}", long(command));
    let mut server = bash(files, &exec).stdout(Stdio::piped()).spawn().expect("bash starts");
    let mut line = String::new();
    let output = server.stdout.take().expect("its output");
    BufReader::new(output).read_line(&mut line).expect("text");
    server.kill().expect("it runs");
    server.wait().expect("it ends");
    match line.starts_with("http://127.0.0.1:") {
        true => Ok(()),
        false => Err(format!("no address is printed, but {line:?}")),
    }
}

fn long(command: &str) -> &str {
    SHORT.iter().find(|(short, _)| *short == command).map_or(command, |(_, long)| *long)
}

fn bash(files: &Files, command: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let peach = Path::new(PEACH).parent().expect("a folder").display();
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", command]);
    bash.current_dir(&files.0).env("PATH", format!("{peach}:{path}"));
    bash
}
