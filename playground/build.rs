//! Chooses the editor that the command carries: the bundle that `playground/build` makes, or a
//! plain field for text where it has not been made.

use std::path::Path;
use std::{env, fs};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo says where the package is");
    let out = env::var("OUT_DIR").expect("cargo says where output goes");
    let bundle = Path::new(&root).join("dist/editor.js");
    let plain = Path::new(&root).join("web/plain.js");
    let editor = if bundle.exists() { &bundle } else { &plain };
    fs::copy(editor, Path::new(&out).join("editor.js")).expect("the editor is copied");
    // A file that does not exist would make every build start here. (`build` touches plain.js.)
    if bundle.exists() {
        println!("cargo:rerun-if-changed={}", bundle.display());
    }
    println!("cargo:rerun-if-changed={}", plain.display());
    println!("cargo:rerun-if-changed=build.rs");
}
