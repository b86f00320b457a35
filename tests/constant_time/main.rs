//! Kernels with `#[secret]` arguments under valgrind, which is told that the secret bytes are
//! undefined and reports every branch and every address that depends on one (A. Langley, "ctgrind",
//! 2010). What the compiler accepts gets no report; a leak that it would refuse gets one, so that
//! silence means something.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use peach_testing::processor::has;
use peach_testing::rustc::Rustc;
use peach_testing::tools::have;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn program() -> PathBuf {
    let rustc = Rustc::new(
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("constant-time"),
        &["-Copt-level=1", "-g"],
    );
    rustc.build("program", concat!(include_str!("kernels.rs"), include_str!("program.rs")), &[])
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned()
}

#[test]
fn accepted_kernels_keep_their_secrets_under_valgrind() {
    let extensions = has("aes", is_x86_feature_detected!("aes"))
        && has("pclmulqdq", is_x86_feature_detected!("pclmulqdq"))
        && has("avx2", is_x86_feature_detected!("avx2"))
        && has("bmi2", is_x86_feature_detected!("bmi2"));
    if !extensions || !have(&["valgrind"]) {
        return;
    }
    let program = program();
    let native = Command::new(&program).arg("all").output().expect("the program starts");
    assert!(native.status.success(), "{}", text(&native));
    let run = |what: &str| {
        let args = ["-q", "--error-exitcode=9", "--leak-check=no"];
        Command::new("valgrind").args(args).arg(&program).arg(what).output().expect("it starts")
    };
    let accepted = run("all");
    assert!(accepted.status.success(), "{}", text(&accepted));
    let count = text(&accepted).lines().filter(|line| line.ends_with(": kept")).count();
    println!("{count} kernels keep their secrets");
    assert!(count >= 20, "{}", text(&accepted));
    for leak in ["branch", "address"] {
        let output = run(leak);
        let report = match leak {
            "branch" => "Conditional jump or move depends on",
            _ => "Use of un",
        };
        assert_eq!(output.status.code(), Some(9), "{}", text(&output));
        assert!(text(&output).contains(report), "{leak}: {}", text(&output));
    }
}
