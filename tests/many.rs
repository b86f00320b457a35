//! A program with many kernels builds and runs. `PEACH_MANY=10000` sets how many; the times and
//! sizes are printed.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use peach_testing::many;
use peach_testing::rustc::Rustc;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

#[test]
fn a_program_with_many_kernels() {
    let count = std::env::var("PEACH_MANY").ok().and_then(|count| count.parse().ok());
    let count = count.unwrap_or(300);
    for embed in ["map", "text"] {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("many").join(embed);
        let rustc = Rustc::new(dir, &["-Copt-level=1", "-Cstrip=symbols"]);
        let start = Instant::now();
        let program = rustc.build("program", &many::program(count, embed), &[]);
        let built = start.elapsed();
        let output = Command::new(&program).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}");
        let numbers: Vec<u64> = said.split_whitespace().map(|word| word.parse().unwrap()).collect();
        let [first, others, before, after] = numbers[..] else { panic!("{said}") };
        println!(
            "{count} kernels, {embed}: built in {built:.1?}, {} KB; first call {first} ns, each other \
             {others} ns, memory {before} KB to {after} KB",
            program.metadata().unwrap().len() / 1024
        );
    }
}
