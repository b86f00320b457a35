//! What the registry of crates gets: each package has its licenses, its page and its documentation.

use std::path::{Path, PathBuf};
use std::process::Command;

/// In the order in which they can be published.
const PACKAGES: [&str; 8] = [
    "peach-compiler",
    "peach-macros",
    "peach-runtime",
    "peach-test",
    "peach-build",
    "peach-playground",
    "peach-cli",
    "peach-kernels",
];

/// What a manifest must say beyond what cargo demands.
const KEYS: [&str; 5] = ["description", "readme", "documentation", "keywords", "categories"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where a package is.
fn folder(package: &str) -> PathBuf {
    match package {
        "peach-playground" => root().join("playground"),
        _ => root().join(package),
    }
}

/// The files of a package.
fn files(package: &str) -> Vec<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["package", "--list", "--allow-dirty", "--offline", "-p", package])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("names").lines().map(str::to_string).collect()
}

#[test]
fn each_has_its_licenses_and_its_page() {
    for package in PACKAGES {
        let files = files(package);
        for wanted in ["LICENSE-MIT", "LICENSE-APACHE", "README.md", "Cargo.toml"] {
            assert!(files.iter().any(|file| file == wanted), "{package} lacks {wanted}");
        }
        let manifest = std::fs::read_to_string(folder(package).join("Cargo.toml")).unwrap();
        let says = |key: &str| manifest.lines().any(|line| line.starts_with(&format!("{key} = ")));
        let missing: Vec<_> = KEYS.into_iter().filter(|key| !says(key)).collect();
        assert!(missing.is_empty(), "{package}: {missing:?}");
    }
}

#[test]
fn the_runtime_has_the_guide() {
    let files = files("peach-runtime");
    for page in ["guide", "reference", "errors", "coming-from"] {
        let name = format!("docs/{page}.md");
        assert!(files.contains(&name), "{name}");
        let source = std::fs::read_to_string(root().join("peach-runtime/src/lib.rs")).unwrap();
        assert!(source.contains(&format!("include_str!(\"../{name}\")")), "{name} is not shown");
    }
}

#[test]
fn the_test_crate_has_its_manual() {
    let files = files("peach-test");
    assert!(files.contains(&"docs/testing.md".to_string()));
    let source = std::fs::read_to_string(root().join("peach-test/src/lib.rs")).unwrap();
    assert!(source.contains("include_str!(\"../docs/testing.md\")"));
}

/// What the registry would give to a user: a crate of one's own, outside of the workspace, with the
/// README's kernel.
#[test]
fn a_crate_of_ones_own_runs_from_the_packages() {
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
    let _ = std::fs::remove_dir_all(work.join("user"));
    let _ = std::fs::remove_dir_all(work.join("packed/package"));
    std::fs::create_dir_all(work.join("user/src")).unwrap();
    let mut package = cargo();
    package.args(["package", "--no-verify", "--allow-dirty", "--offline", "--target-dir"]);
    package.arg(work.join("packed"));
    package.args(PACKAGES.iter().flat_map(|name| ["-p", name]));
    succeed(package.current_dir(root()));
    let mut patches = String::new();
    for name in PACKAGES {
        let full = format!("{name}-{}", env!("CARGO_PKG_VERSION"));
        let mut unpack = Command::new("tar");
        unpack.arg("-xf").arg(work.join(format!("packed/package/{full}.crate")));
        succeed(unpack.current_dir(work.join("user")));
        patches.push_str(&format!("{name} = {{ path = \"{full}\" }}\n"));
    }
    let manifest = format!(
        "[package]\nname = \"user\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         peach-runtime = \"{}\"\n[patch.crates-io]\n{patches}",
        env!("CARGO_PKG_VERSION")
    );
    std::fs::write(work.join("user/Cargo.toml"), manifest).unwrap();
    std::fs::copy(root().join("Cargo.lock"), work.join("user/Cargo.lock")).unwrap();
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, rest) = readme.split_once("```rust\n").expect("a kernel");
    let (code, _) = rest.split_once("```").expect("its end");
    let program = format!("fn main() {{\n{code}\nprintln!(\"it runs\");\n}}\n");
    std::fs::write(work.join("user/src/main.rs"), program).unwrap();
    let mut run = cargo();
    run.args(["run", "-q", "--offline", "--target-dir"]).arg(work.join("built"));
    let output = succeed(run.current_dir(work.join("user")).env("RUSTFLAGS", "-Dwarnings"));
    assert_eq!(output, "it runs\n");
}

fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.env("CARGO_PROFILE_DEV_DEBUG", "0");
    cargo
}

/// What a command prints, which must succeed.
fn succeed(command: &mut Command) -> String {
    let output = command.output().expect("it can be started");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The licenses of all dependencies go with ours.
#[test]
fn dependencies_may_be_used() {
    let policy = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    let (_, list) = policy.split_once("allow = [").expect("a list of licenses");
    let allowed: Vec<&str> = list
        .split(']')
        .next()
        .unwrap()
        .split(',')
        .map(|name| name.trim().trim_matches('"'))
        .collect();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--all-features", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("metadata");
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 20);
    for package in packages {
        let (name, license) = (&package["name"], package["license"].as_str().unwrap_or_default());
        let fits = |part: &str| {
            let words = part.split(|c: char| !(c.is_alphanumeric() || "-.".contains(c)));
            let mut names = words.filter(|word| !["", "AND", "OR"].contains(word));
            names.any(|license| allowed.contains(&license))
        };
        // Of alternatives one is enough; of what is joined by AND, each part.
        let parts = license.split(" AND ");
        assert!(parts.into_iter().all(fits), "{name}: {license}");
    }
}
