//! Values that rustc computes.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;

/// What each expression is in Rust: a number, or nothing where it panics. `items` stand before
/// them. Each is of type `i128`.
pub fn values(name: &str, items: &str, expressions: &[String]) -> Vec<Option<i128>> {
    let mut source = String::from(
        "#![allow(warnings, arithmetic_overflow, unconditional_panic, overflowing_literals)]\n\
         use std::f64::consts::{PI, TAU};\n",
    );
    source += items;
    // Closures in many functions: rustc compiles a large one slowly.
    for (number, part) in expressions.chunks(64).enumerate() {
        let _ = writeln!(source, "fn part_{number}() -> Vec<Box<dyn Fn() -> i128>> {{ vec![");
        for expression in part {
            let _ = writeln!(source, "Box::new(|| {expression}),");
        }
        source += "] }\n";
    }
    source += "fn main() {\n    std::panic::set_hook(Box::new(|_| {}));\n";
    for number in 0..expressions.len().div_ceil(64) {
        let _ = writeln!(source, "    show(part_{number}());");
    }
    source += "}\n\
        fn show(values: Vec<Box<dyn Fn() -> i128>>) {\n\
            for value in values {\n\
                match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| value())) {\n\
                    Ok(value) => println!(\"{value}\"),\n\
                    Err(_) => println!(\"none\"),\n\
                }\n\
            }\n\
        }\n";
    let output = run(name, &source);
    let values: Vec<_> = output.lines().map(|line| line.parse().ok()).collect();
    assert_eq!(values.len(), expressions.len());
    values
}

/// What a program prints.
pub fn run(name: &str, source: &str) -> String {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("constants");
    std::fs::create_dir_all(&dir).expect("a directory");
    let (file, program) = (dir.join(format!("{name}.rs")), dir.join(name));
    std::fs::write(&file, source).expect("a file");
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let flags = ["--edition=2024", "-Cdebug-assertions=on", "-Copt-level=0", "-o"];
    let output = Command::new(rustc).args(flags).arg(&program).arg(&file).output();
    let output = output.expect("rustc runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", file.display());
    let output = Command::new(&program).output().expect("the program runs");
    String::from_utf8(output.stdout).expect("text")
}
