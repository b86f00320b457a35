//! Shared libraries with kernels that come and go: what they map goes with them, and not before.

#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]

use peach_testing::rustc::Rustc;
use peach_testing::tools::have;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Mapped kernels, a kernel that runs until its flag is set, and a kernel that the library calls
/// while it is unloaded.
const LIBRARY: &str = r#"
use std::sync::atomic::AtomicU32;

peach_runtime::peach_fn! {
    fn add(x: u64) -> u64 { add x, 41; return x; }
    unsafe fn spin(flag: *const u32) {
        'again: { pause; cmp dword [flag], 0; jz continue 'again; }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn answer(x: u64) -> u64 { add(x) }

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wait_for(flag: *const AtomicU32) { unsafe { spin(flag.cast()) } }

unsafe extern "C" {
    fn atexit(function: extern "C" fn()) -> i32;
}

/// Before the first kernel is used, so that it is called after the arena is gone.
#[unsafe(no_mangle)]
pub extern "C" fn use_a_kernel_at_the_end() {
    extern "C" fn at_the_end() { assert_eq!(add(1), 42); println!("used at the end"); }
    assert_eq!(unsafe { atexit(at_the_end) }, 0);
}
"#;

/// Loads and unloads the library again and again, and prints how many mappings there are after
/// each.
const LOADS: &str = r#"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
int main(int count, char **args) {
    for (int round = 0; round < atoi(args[2]); round++) {
        void *library = dlopen(args[1], RTLD_NOW | RTLD_LOCAL);
        if (!library) { puts(dlerror()); return 1; }
        unsigned long (*answer)(unsigned long) = (unsigned long (*)(unsigned long))dlsym(library, "answer");
        if (answer(1) != 42 || answer(2) != 43) return 2;
        if (count > 3) {
            FILE *maps = fopen("/proc/self/maps", "r");
            for (int byte; (byte = fgetc(maps)) != EOF;) putchar(byte);
        }
        if (dlclose(library)) return 3;
        FILE *maps = fopen("/proc/self/maps", "r");
        int lines = 0;
        for (int byte; (byte = fgetc(maps)) != EOF;) lines += byte == '\n';
        fclose(maps);
        printf("%d\n", lines);
    }
}
"#;

/// Ends the process while another thread runs a kernel.
const ENDS: &str = r#"
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
static unsigned flag;
static void (*wait_for)(unsigned *);
static void *spin(void *unused) { wait_for(&flag); return unused; }
/// Called after everything that the library gave to `atexit`: time enough for a fault.
static void last(void) { usleep(20000); }
int main(int count, char **args) {
    atexit(last);
    void *library = dlopen(args[1], RTLD_NOW);
    wait_for = (void (*)(unsigned *))dlsym(library, "wait_for");
    pthread_t thread;
    pthread_create(&thread, NULL, spin, NULL);
    usleep(20000);
    return count == 2 ? 0 : 1;
}
"#;

const AT_THE_END: &str = r#"
#include <dlfcn.h>
int main(int count, char **args) {
    void *library = dlopen(args[1], RTLD_NOW);
    ((void (*)(void))dlsym(library, "use_a_kernel_at_the_end"))();
    unsigned long (*answer)(unsigned long) = (unsigned long (*)(unsigned long))dlsym(library, "answer");
    if (answer(1) != 42) return 2;
    return dlclose(library) + count - 2;
}
"#;

/// The library, with the runtime's features.
fn library(name: &str, features: &[&str]) -> (Rustc, PathBuf) {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("unloading").join(name);
    let rustc = Rustc::new(dir, &[&["-Copt-level=2"], features].concat());
    let library = rustc.build("plugin", LIBRARY, &["--crate-type=cdylib"]);
    (rustc, library)
}

/// A C program of `source`, to be run with the library.
fn host(rustc: &Rustc, name: &str, source: &str) -> PathBuf {
    let (file, program) = (rustc.dir().join(name).with_extension("c"), rustc.dir().join(name));
    std::fs::write(&file, source).unwrap();
    let mut gcc = Command::new("gcc");
    gcc.arg(&file).args(["-pthread", "-ldl", "-o"]).arg(&program);
    assert!(gcc.status().unwrap().success());
    program
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{command:?}: {}: {text}", output.status);
    text
}

#[test]
fn the_arena_goes_with_its_library() {
    for (name, features) in [("plain", &[][..]), ("debug", &["--cfg=feature=\"debug\""])] {
        let (rustc, library) = library(name, features);
        let loads = host(&rustc, "loads", LOADS);
        let text = run(Command::new(&loads).arg(&library).arg("200"));
        let counts: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(counts.len(), 200);
        // What the first rounds leave behind, the C library and the loader keep.
        assert_eq!(counts[10], counts[199], "{name}: {counts:?}");
        // It was mapped, and executable, while the library was there.
        let text = run(Command::new(&loads).arg(&library).args(["1", "show"]));
        let is_anonymous_code =
            |line: &str| line.contains(" r-xp 00000000 00:00 0") && !line.contains('[');
        assert!(text.lines().any(is_anonymous_code), "{name}: {text}");
        if have(&["valgrind"]) {
            let mut valgrind = Command::new("valgrind");
            valgrind.args(["--error-exitcode=9", "--quiet", "--smc-check=all"]);
            run(valgrind.arg(&loads).arg(&library).arg("20"));
        }
    }
}

#[test]
fn the_end_of_the_process_leaves_running_kernels_alone() {
    let (rustc, library) = library("ends", &[]);
    let ends = host(&rustc, "ends", ENDS);
    for _ in 0..20 {
        run(Command::new(&ends).arg(&library));
    }
}

#[test]
fn kernels_that_clean_up_still_run() {
    let (rustc, library) = library("at_the_end", &["--cfg=feature=\"debug\""]);
    let program = host(&rustc, "at_the_end", AT_THE_END);
    assert_eq!(run(Command::new(&program).arg(&library)), "used at the end\n");
}
