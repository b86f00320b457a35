//! Whether what a `cargo …` names is in the repository.

use crate::support::repository;
use peach_testing::sources;
use std::path::{Path, PathBuf};

/// Options that take no value.
const OPTIONS: [&str; 4] = ["--release", "--workspace", "--all-targets", "--all-features"];

/// Placeholders: what a reader puts there is the reader's.
const PLACEHOLDERS: [&str; 2] = ["NAME", "CRATE"];

/// In: the folder of the document, all words of the command.
pub fn check(folder: &Path, words: &[&str]) -> Result<(), String> {
    let cargo = words.iter().position(|word| *word == "cargo").expect("the program");
    for variable in &words[..cargo] {
        let name = variable.split('=').next().unwrap_or_default();
        // Others are Cargo's own.
        if name.starts_with("PEACH_") {
            is_read(name)?;
        }
    }
    let arguments = words[cargo + 1..].split(|word| *word == "--").next().unwrap_or_default();
    let [task, arguments @ ..] = arguments else { return Err("no task is named".to_string()) };
    if !["bench", "build", "check", "fmt", "install", "new", "run", "test"].contains(task) {
        return Err(format!("`cargo {task}` is not known to this test"));
    }
    let package = packages_of(folder, arguments);
    let mut rest = arguments.iter().copied();
    let mut targets = Vec::new();
    while let Some(word) = rest.next() {
        match word {
            "-p" | "--path" => exists(&folder_of(&value(&mut rest)?))?,
            "--test" => targets.push(target(&package, "tests", &value(&mut rest)?)?),
            "--bench" => targets.push(target(&package, "benches", &value(&mut rest)?)?),
            "--example" => targets.push(target(&package, "examples", &value(&mut rest)?)?),
            option if OPTIONS.contains(&option) => {}
            name if name.starts_with('-') => return Err(format!("`{name}` is not known")),
            name if PLACEHOLDERS.contains(&name) => {}
            _ if *task == "new" => {}
            name if *task == "install" => has_command(&folder_of(name))?,
            filter => has_test(&targets, filter)?,
        }
    }
    Ok(())
}

fn value<'a>(rest: &mut impl Iterator<Item = &'a str>) -> Result<String, String> {
    rest.next().map(str::to_string).ok_or_else(|| "a value is missing".to_string())
}

/// The folder of the package that is meant: by `-p`, or else that of the document.
fn packages_of(folder: &Path, arguments: &[&str]) -> PathBuf {
    let named = arguments.windows(2).find(|pair| pair[0] == "-p").map(|pair| folder_of(pair[1]));
    let own = folder.join("Cargo.toml").is_file().then(|| folder.to_path_buf());
    named.or(own).unwrap_or_else(|| repository().to_path_buf())
}

/// Where a package of the workspace is.
fn folder_of(package: &str) -> PathBuf {
    match package {
        "peach-playground" => repository().join("playground"),
        name if PLACEHOLDERS.contains(&name) => repository().to_path_buf(),
        name => repository().join(name),
    }
}

fn exists(package: &Path) -> Result<(), String> {
    match package.join("Cargo.toml").is_file() {
        true => Ok(()),
        false => Err(format!("{} is no package", package.display())),
    }
}

fn has_command(package: &Path) -> Result<(), String> {
    let manifest = std::fs::read_to_string(package.join("Cargo.toml")).unwrap_or_default();
    match manifest.contains("[[bin]]") {
        true => Ok(()),
        false => Err(format!("{} has no command to install", package.display())),
    }
}

/// The sources of a target: a file, or the files of a folder.
fn target(package: &Path, kind: &str, name: &str) -> Result<Vec<PathBuf>, String> {
    if PLACEHOLDERS.contains(&name) {
        return Ok(Vec::new());
    }
    let (file, folder) =
        (package.join(kind).join(format!("{name}.rs")), package.join(kind).join(name));
    match (file.is_file(), folder.join("main.rs").is_file()) {
        (true, _) => Ok(vec![file]),
        (_, true) => Ok(sources::files(&folder, "rs")),
        _ => Err(format!("{} has no {name} in {kind}", package.display())),
    }
}

/// A word that chooses tests: part of the path of one.
fn has_test(targets: &[Vec<PathBuf>], filter: &str) -> Result<(), String> {
    let is_in = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let tests = text.split("#[test]").skip(1);
        let mut names = tests.filter_map(|rest| rest.split_once("fn ")?.1.split('(').next());
        let module = path.file_stem().unwrap_or_default().to_string_lossy();
        text.contains("#[test]") && module.contains(filter)
            || names.any(|name| name.contains(filter))
    };
    match targets.iter().flatten().any(is_in) {
        true => Ok(()),
        false => Err(format!("no test has a name with `{filter}`")),
    }
}

/// A variable of the environment that some source reads.
pub fn is_read(name: &str) -> Result<(), String> {
    let (quoted, in_shell) = (format!("\"{name}\""), format!("${{{name}"));
    let reads = |path: &PathBuf| {
        std::fs::read_to_string(path).is_ok_and(|it| it.contains(&quoted) || it.contains(&in_shell))
    };
    let scripts = [".ci/run", "playground/test"].map(|script| repository().join(script));
    match sources::files(repository(), "rs").iter().chain(&scripts).any(reads) {
        true => Ok(()),
        false => Err(format!("no source reads `{name}`")),
    }
}
