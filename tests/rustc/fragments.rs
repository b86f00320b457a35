//! Expressions as fragments of `macro_rules!`, in every position, mean what they mean to rustc.

use peach_testing::fragments;
use peach_testing::rustc::Rustc;
use std::fmt::Write;
use std::process::Command;

#[test]
fn fragments_mean_what_they_mean_in_plain_rust() {
    let cases = fragments::cases(8, 1);
    let mut source = String::from("#![allow(warnings)]\nuse peach_runtime::peach_fn;\n");
    cases.iter().for_each(|case| source += &case.by_macro);
    source += "fn main() {\n";
    for number in 0..cases.len() {
        let _ = writeln!(
            source,
            "if k_{number}() != r_{number}() {{ println!(\"{number} {{}} {{}}\", k_{number}(), r_{number}()); }}"
        );
    }
    source += "}\n";
    let rustc = Rustc::new(super::temporary("fragments"), &[]);
    let program = rustc.build("fragments", &source, &[]);
    let output = Command::new(program).output().expect("the program runs");
    assert!(output.status.success(), "{output:?}");
    let wrong: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| {
            let number: usize = line.split(' ').next().unwrap().parse().unwrap();
            format!("{line}: {}", cases[number].by_macro)
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn statements_mean_what_they_say() {
    let cases = fragments::statements();
    let mut source: String = cases.iter().map(|case| case.by_macro.as_str()).collect();
    source += "fn main() {\n";
    for number in 0..cases.len() {
        let _ = writeln!(source, "assert_eq!(m_{number}::s_{number}(), r_{number}());");
    }
    source += "}\n";
    let rustc = Rustc::new(super::temporary("statements"), &[]);
    let output = Command::new(rustc.build("statements", &source, &[])).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
