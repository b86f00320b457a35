//! What the registry of crates gets: each package has its licenses, its page and its documentation, and
//! crates of users' are built from the packages alone.

mod dependencies;
mod users;

use peach_testing::sources;
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
        let is_picture = |file: &&String| file.ends_with(".png") || file.ends_with(".sh");
        let found: Vec<&String> = files.iter().filter(is_picture).collect();
        assert!(found.is_empty(), "{package}: nothing shows {found:?}");
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
    let pages: Vec<&String> = files.iter().filter(|file| file.starts_with("docs/")).collect();
    assert_eq!(pages, ["docs/testing.md"]);
    let source = std::fs::read_to_string(root().join("peach-test/src/lib.rs")).unwrap();
    assert!(source.contains("include_str!(\"../docs/testing.md\")"));
}

/// A package can be published once those that it depends on are.
#[test]
fn the_order_is_one_of_publishing() {
    for (number, package) in PACKAGES.into_iter().enumerate() {
        let manifest = std::fs::read_to_string(folder(package).join("Cargo.toml")).unwrap();
        let (_, dependencies) = manifest.split_once("[dependencies]").expect("dependencies");
        let (dependencies, _) =
            dependencies.split_once("[dev-dependencies]").unwrap_or((dependencies, ""));
        for other in &PACKAGES[number..] {
            let names = |line: &str| {
                line.starts_with(&format!("{other}.")) || line.starts_with(&format!("{other} "))
            };
            assert!(!dependencies.lines().any(names), "{package} is published before {other}");
        }
    }
}

/// `cargo package --workspace` verifies private packages, too: none reads what is outside of it, and
/// what none of the packages may depend on is in none of their dependencies.
#[test]
fn private_packages_can_be_verified() {
    for folder in [root().join("fuzz"), root().join("tests/support")] {
        for file in sources::files(&folder.join("src"), "rs") {
            let text = std::fs::read_to_string(&file).expect("a source");
            assert!(!text.contains("#[path = \"../.."), "{} reads outside", file.display());
        }
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
        assert!(!manifest.contains("peach-testing."), "{} cannot be packaged", folder.display());
    }
}
