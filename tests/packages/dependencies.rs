//! What Cargo.lock has of others: who may use it, where it is from, and which Rust compiles it.

use crate::root;
use serde_json::Value;
use std::process::Command;

/// The packages of the workspace and all that they depend on.
fn packages() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--all-features", "--offline", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata");
    let packages = metadata["packages"].as_array().expect("packages").clone();
    assert!(packages.len() > 20);
    packages
}

/// Those that deny.toml allows. Of alternatives one is enough; of what is joined by AND, each part.
#[test]
fn licenses_go_with_ours() {
    let policy = std::fs::read_to_string(root().join("deny.toml")).expect("a policy");
    let (_, list) = policy.split_once("allow = [").expect("a list of licenses");
    let (list, _) = list.split_once(']').expect("its end");
    let allowed: Vec<&str> = list.split(',').map(|name| name.trim().trim_matches('"')).collect();
    let fits = |part: &str| {
        let mut words = part.split(|sign: char| !(sign.is_alphanumeric() || "-.".contains(sign)));
        words.any(|word| !word.is_empty() && allowed.contains(&word))
    };
    for package in packages() {
        let license = package["license"].as_str().unwrap_or_default();
        assert!(license.split(" AND ").all(fits), "{}: {license}", package["name"]);
    }
}

#[test]
fn all_is_from_the_public_registry() {
    let is_public = |source: &str| source.ends_with("github.com/rust-lang/crates.io-index");
    for package in packages() {
        let source = package["source"].as_str();
        assert!(source.is_none_or(is_public), "{}: {source:?}", package["name"]);
    }
}

/// Cargo.lock is one that the oldest Rust can build.
#[test]
fn nothing_needs_a_newer_rust() {
    let version = |text: &str| -> Vec<u32> {
        text.split('.').map(|part| part.parse().expect("a number")).chain([0, 0]).take(3).collect()
    };
    let ours = version(env!("CARGO_PKG_RUST_VERSION"));
    for package in packages() {
        let needed = package["rust_version"].as_str().map(version);
        assert!(needed.is_none_or(|it| it <= ours), "{}", package["name"]);
    }
}
