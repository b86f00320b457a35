//! The programs that tests compare with: assemblers, linkers, debuggers.
//!
//! A test that needs one is left out, loudly, where it is missing; where everything is checked
//! (`CI=true`) that is a failure.

use crate::left_out;
use std::panic::Location;

/// Whether all of `tools` are in the path.
///
/// # Panics
/// Where everything is checked, if one is missing.
#[track_caller]
pub fn have(tools: &[&str]) -> bool {
    let missing: Vec<&&str> = tools.iter().filter(|tool| !exists(tool)).collect();
    if !missing.is_empty() {
        left_out(&format!("{missing:?} must be installed"));
    }
    missing.is_empty()
}

/// `tool`, or `tool-14` and later: Debian installs some of LLVM's tools only under names with a
/// version.
///
/// # Panics
/// Where everything is checked, if there is none.
#[track_caller]
pub fn versioned(tool: &str) -> Option<String> {
    let names = (14..40).map(|version| format!("{tool}-{version}"));
    let found = std::iter::once(tool.to_string()).chain(names).find(|name| exists(name));
    if found.is_none() {
        left_out(&format!("{tool} must be installed"));
    }
    found
}

/// Says that a test is left out because this machine lacks something that could be installed or
/// allowed, and why.
///
/// # Panics
/// Where everything is checked.
#[track_caller]
pub fn left_out(why: &str) {
    left_out::record("tool", why, Location::caller());
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{why}");
}

/// Whether `tool` is in the path.
pub fn exists(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(tool).is_file())
}
