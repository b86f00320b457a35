//! `peach -o OUT FILE`, as Makefiles call it: flags, outputs, errors.

#[expect(dead_code, reason = "every test uses its own part of it")]
mod support;

use peach_testing::tools::{have, left_out};
use std::fs;
use std::process::{Command, Stdio};
use support::{Files, PEACH, Run};

const ADD: &str = "/// The sum.\npub fn add(a: i32, b: i32) -> i32 { add a, b; return a; }\n";

const VERSIONS: &str = "
#[version(enable = \"avx2\", V = ymm)]
#[version(enable = \"avx\", V = xmm)]
pub fn zero(x: *mut u8) { let v: V; vxorps v, v, v; unsafe { vmovups [x], v; } }
";

fn files(name: &str) -> Files {
    let files = Files::new(name);
    files.file("add.peach", ADD);
    files.file("versions.peach", VERSIONS);
    files
}

/// The flags of PeachPy's command, in every spelling that it takes.
#[test]
fn flags_of_peachpy_work_as_they_are() {
    let files = files("flags");
    files
        .peach(
            "-mabi=sysv -mimage-format=elf -mcpu=haswell -MMD -MF add.d -emit-c-header add.h \
             -emit-json-metadata add.json -fname-mangling=${name}_${uarch} -g1 -I . -o add.o add.peach",
        )
        .succeeded();
    assert_eq!(&fs::read(files.0.join("add.o")).expect("an object")[..4], b"\x7fELF");
    assert!(files.text("add.d").starts_with("add.o: \\\n  add.peach\n"), "{}", files.text("add.d"));
    assert!(
        files.text("add.h").contains("int32_t add_haswell(int32_t a, int32_t b)"),
        "{}",
        files.text("add.h")
    );
    assert!(files.text("add.json").contains("\"symbol\": \"add_haswell\""));
    files
        .peach("-mabi ms -mimage-format ms-coff -emit-c-header=w.h -g 2 -I. -oadd.obj add.peach")
        .succeeded();
    files.peach("-mabi=ms -S -massembly-format=nasm -o add.asm add.peach").succeeded();
    assert!(files.text("add.asm").contains("add ecx, edx"), "{}", files.text("add.asm"));
    files.peach("-MMD -o b.o add.peach").succeeded();
    assert!(files.text("b.o.d").starts_with("b.o: "));
    files.peach("-MF c.d -o b.o add.peach").succeeded();
    files.peach("-mimage-format=mach-o -g -o add.macho add.peach").succeeded();
    let stdout = files.peach("-S -o - add.peach").succeeded().stdout;
    assert!(stdout.contains("add"), "{stdout}");
}

#[test]
fn a_processor_takes_one_version_and_extensions_adjust_it() {
    let files = files("cpu");
    let versions = |flags: &str| {
        files.peach(&format!("{flags} -emit-json-metadata v.json -o v.o versions.peach"))
    };
    versions("").failed(1, "error[E0604]: two functions would have the same symbol `zero`");
    versions("-fname-mangling=${name}_${isa}").succeeded();
    assert_eq!(files.text("v.json").matches("\"entry\"").count(), 2);
    let isa = |flags: &str| {
        versions(flags).succeeded();
        let text = files.text("v.json");
        let at = text.find("\"isa\"").expect("extensions");
        text[at..at + text[at..].find(']').expect("an end")].replace(char::is_whitespace, "")
    };
    assert_eq!(isa("-mcpu=haswell"), "\"isa\":[\"avx\"");
    versions("-mcpu=nehalem").failed(1, "the processor does not support `zero`");
    versions("-mcpu=nehalem -mavx").succeeded();
    versions("-mcpu=haswell -mno-avx").failed(1, "-mno-avx leaves no version of `zero`");
    versions("-mno-avx2").succeeded();
    versions("-mno-avx").failed(1, "-mno-avx leaves no version of `zero`");
    versions("-mavx -mno-avx").failed(2, "-mavx and -mno-avx are mutually exclusive");
    versions("-mcpu=native -fname-mangling=${name}_${isa}").code.expect("no signal");
}

#[test]
fn bad_usage_exits_with_2_and_says_what_there_is() {
    let files = files("usage");
    let bad = |flags: &str, text: &str| files.peach(flags).failed(2, text);
    bad("", "-o OUT");
    bad("-o a.o", "FILE");
    bad("add.peach", "-o <OUT>");
    bad("-mabj=ms -o a.o add.peach", "did you mean -mabi?");
    bad("-mabi=msvc -o a.o add.peach", "unknown calling convention `msvc`");
    bad(
        "-mabi=ms -mimage-format=elf -o a.o add.peach",
        "image format elf is not available for ms; it has: ms-coff",
    );
    bad("-mabi=sysv -massembly-format=masm -S -o a.s add.peach", "it has: gas, nasm");
    bad(
        "-mabi=goasm -o a.o add.peach",
        "goasm does not have object files; it has listings: go (add -S)",
    );
    bad("-mcpu=hasswell -o a.o add.peach", "did you mean `haswell`?");
    bad("-mavx3 -o a.o add.peach", "unknown flag -mavx3");
    bad("-o a.o add.peach add.peach", "unexpected argument");
    bad("-o a.o -o b.o add.peach", "-o");
    bad("-fname-mangling=${nane} -o a.o add.peach", "unknown variable `${nane}`");
    bad("--color=green -o a.o add.peach", "auto, always or never");
    bad("--cfg 1x -o a.o add.peach", "not of the form");
    bad("-gfull -o a.o add.peach", "unknown flag -gfull");
    bad("-o", "-o needs a value: -o OUT");
    bad("-o a.o -MF a.o add.peach", "two outputs would go to this file");
    bad("-o add.peach add.peach", "the output would replace an input");
    bad("-o - -MF - add.peach", "two outputs would go to standard output");
    assert_eq!(files.names(), ["add.peach", "versions.peach"]);
}

#[test]
fn unreadable_input_is_told_and_nothing_is_written() {
    let files = files("input");
    files.file("latin1.peach", b"// caf\xe9\nfn a() { nop; }");
    files.file("empty.rs", "");
    files.file("rust.rs", "fn main() {}");
    fs::create_dir(files.0.join("directory.rs")).expect("a directory");
    let bad = |file: &str, text: &str| files.peach(&format!("-o a.o {file}")).failed(1, text);
    bad("none.rs", "none.rs: no such file");
    bad("directory.rs", "it is a directory");
    bad("latin1.peach", "line 1 is not UTF-8 (byte 6 of the file)");
    bad("empty.rs", "the file is empty");
    bad("rust.rs", "no `peach_fn! { … }` was found");
    assert!(!files.0.join("a.o").exists());
}

#[test]
fn errors_are_code_frames_with_colors_where_they_are_wanted() {
    let files = files("frames");
    files.file("wrong.peach", "fn a() {\n    movz eax, 1;\n    let x: gp64;\n}\n");
    let plain = files.peach("-o a.o wrong.peach").failed(1, "error[E0201]").stderr;
    let frame = " --> wrong.peach:2:5\n  |\n2 |     movz eax, 1;\n  |     ^^^^\n  |\n  = help: ";
    assert!(plain.starts_with("error[E0201]: ") && plain.contains(frame), "{plain}");
    assert!(plain.ends_with("\n\n1 error; no code was written\n"), "{plain}");
    let painted = files.peach("--color=always -o a.o wrong.peach").failed(1, "\x1b[").stderr;
    assert!(painted.contains("E0201"));
    // Warnings do not stop anything.
    files.file("warned.peach", "fn a() { let x: gp64; nop; }");
    let warned = files.peach("-o a.o warned.peach").succeeded();
    assert!(warned.stderr.starts_with("warning[W0001]"), "{}", warned.stderr);
    assert!(files.0.join("a.o").exists());
}

/// `script` gives the command a terminal; without `NO_COLOR`, messages have colors there.
#[test]
fn colors_are_for_terminals_unless_no_color_is_set() {
    if !have(&["script"]) {
        return;
    }
    let files = files("terminal");
    let run = |no_color: &str| {
        Run::of(
            Command::new("script")
                .args(["-qec", &format!("{PEACH} -o a.o none.rs"), "/dev/null"])
                .env("NO_COLOR", no_color)
                .env("TERM", "xterm")
                .stdin(Stdio::null())
                .current_dir(&files.0),
        )
        .stdout
    };
    assert!(run("").contains("\x1b[1;31merror"), "{}", run(""));
    assert!(!run("1").contains('\x1b'), "{}", run("1"));
}

#[test]
fn outputs_that_cannot_be_written_leave_nothing() {
    let files = files("output");
    files.file("add.h", "old");
    let bad = |flags: &str, text: &str| files.peach(&format!("{flags} add.peach")).failed(1, text);
    bad("-emit-c-header add.h -o none/add.o", "none/add.o: cannot be written");
    bad("-emit-c-header add.h -o .", "it is a directory");
    bad("-emit-c-header add.h -o /dev/full", "/dev/full: cannot be written");
    bad("-emit-c-header add.h -o add.peach/x", "cannot be written");
    assert_eq!(files.text("add.h"), "old");
    assert_eq!(files.names(), ["add.h", "add.peach", "versions.peach"]);
    files.peach("-emit-c-header add.h -o /dev/null add.peach").succeeded();
    assert_ne!(files.text("add.h"), "old");
}

/// A file system of 64 KiB, in a mount name space of its own, with room for the object file and not
/// for what comes with it.
#[test]
fn a_full_disk_leaves_nothing() {
    let files = files("disk");
    let lanes: Vec<String> = (0..6000).map(|i| format!("mov eax, {i}; mov [p], eax;")).collect();
    files.file("big.peach", format!("pub unsafe fn big(p: *mut u32) {{ {} }}", lanes.join("\n")));
    fs::create_dir(files.0.join("small")).expect("a directory");
    let script = format!(
        "mount -t tmpfs -o size=64k none small && echo old > small/big.o && \
         {{ {PEACH} -S -o small/big.o big.peach; echo code $?; ls -A small; cat small/big.o; }}"
    );
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", &script]).current_dir(&files.0);
    let output = Run::of(&mut command);
    if !output.stdout.contains("code") {
        left_out(&format!("no file system can be mounted: {}", output.stderr));
        return;
    }
    assert_eq!(output.stdout, "code 1\nbig.o\nold\n");
    assert!(output.stderr.contains("No space left on device"), "{}", output.stderr);
}

#[test]
fn a_broken_pipe_ends_it_quietly() {
    let files = files("pipe");
    let mut child = Command::new(PEACH)
        .args(["-S", "-o", "-", "add.peach"])
        .current_dir(&files.0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("peach runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("peach ends");
    assert_eq!((output.status.code(), output.stderr), (Some(1), Vec::new()));
}

#[test]
fn help_lists_every_flag_and_every_flag_is_understood() {
    let files = files("help");
    for (command, expected) in [("", 26), ("show", 13)] {
        let help = files.peach(&format!("{command} --help")).succeeded().stdout;
        let flags: Vec<&str> = help
            .lines()
            .filter_map(|line| line.strip_prefix("  "))
            .filter(|line| line.starts_with('-'))
            .map(|line| line.split([' ', '=', ',', '[']).next().unwrap_or(line))
            .collect();
        assert_eq!(flags.len(), expected, "{flags:?}");
        for flag in &flags {
            let arguments = format!("{command} {flag} value --help");
            // `-mEXT` stands for many.
            if *flag != "-mEXT" {
                files.peach(&arguments).succeeded();
            }
        }
        assert!(
            help.contains("usage: peach") && help.lines().all(|line| line.chars().count() <= 100),
            "{help}"
        );
    }
    let help = files.peach("--help").succeeded().stdout;
    for word in ["goasm-p32", "znver5", "knightslanding", "avx512vpopcntdq", "mach-o", "masm"] {
        assert!(help.contains(word), "{word}");
    }
    assert_eq!(
        files.peach("--version").succeeded().stdout,
        format!("peach {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(files.peach("-h").succeeded().stdout, help);
}

/// `-fdump-rtl` has every pass, with live registers; `--print-after` prints some, even where a
/// later one fails.
#[test]
fn passes_can_be_looked_at() {
    let files = files("passes");
    files.peach("-fdump-rtl add.rtl -o add.o add.peach").succeeded();
    let dump = files.text("add.rtl");
    for part in ["== parse", "== analyze `add`", "== encode `add`", "live"] {
        assert!(dump.contains(part), "{part}: {dump}");
    }
    let printed =
        files.peach("--print-after=lower --print-after allocate -o add.o add.peach").succeeded();
    assert!(
        printed.stderr.contains("== allocate `add`") && printed.stderr.contains("== lower `add`")
    );
    assert!(!printed.stderr.contains("== analyze"), "{}", printed.stderr);
    files.file("wrong.peach", "fn a() -> u64 { let x: gp64; return x; }");
    files.peach("--print-after=expand -o a.o wrong.peach").failed(1, "== expand");
    files
        .peach("--print-after=bake -o a.o add.peach")
        .failed(2, "unknown step; the steps are: parse");
}

/// The line table names the file that a function comes from, as `llvm-dwarfdump` reads it.
#[test]
fn debuggers_are_told_the_lines_of_included_files() {
    if !have(&["llvm-dwarfdump"]) {
        return;
    }
    let files = files("lines");
    files.file("more/all.peach", "include!(\"sub.peach\");\n\nfn last() {\n    nop;\n}\n");
    files.file("inc/sub.peach", "\n\n\n\nfn sub() {\n    int3;\n}\n");
    let outputs = "-g -emit-json-metadata all.json -MMD -o all.o";
    files
        .peach(&format!("-mabi=sysv -mimage-format=elf -I inc {outputs} more/all.peach"))
        .succeeded();
    let dump = |what: &str| {
        Run::of(Command::new("llvm-dwarfdump").args([what, "all.o"]).current_dir(&files.0))
            .succeeded()
            .stdout
    };
    let info = dump("--debug-info");
    assert!(info.contains("(\"sub\")") && info.contains("inc/sub.peach\")"), "{info}");
    let lines = dump("--debug-line");
    let rows: Vec<Vec<&str>> = lines
        .lines()
        .filter(|line| line.starts_with("0x"))
        .map(|line| line.split_whitespace().take(4).collect())
        .collect();
    let has = |line: &str, file: &str| rows.iter().any(|row| row[1] == line && row[3] == file);
    assert!(has("6", "2") && has("4", "1"), "{lines}");
    assert!(files.text("all.json").contains("\"file\": \"inc/sub.peach\""));
    assert!(files.text("all.o.d").contains("inc/sub.peach"));
}

/// Listings for Go, the declarations that belong to them, and the package.
#[test]
fn go_gets_its_declarations() {
    let files = files("go");
    files.file(
        "Sum.peach",
        "/// The sum.\npub fn Sum(a: u64, b: u64) -> u64 { add a, b; return a; }",
    );
    let flags =
        "-mabi=goasm -S -o sum_amd64.s -emit-json-metadata sum.json -emit-go-declarations sum.go";
    files.peach(&format!("{flags} -fpackage sums Sum.peach")).succeeded();
    let declarations = files.text("sum.go");
    assert!(declarations.contains("package sums"), "{declarations}");
    assert!(declarations.contains("func Sum(a uint64, b uint64) uint64"), "{declarations}");
    assert!(files.text("sum.json").contains("\"package\": \"sums\""));
    assert!(files.text("sum_amd64.s").contains("TEXT ·Sum(SB)"), "{}", files.text("sum_amd64.s"));
    files.peach(&format!("{flags} Sum.peach")).failed(2, "add -fpackage");
    files
        .peach("-mabi=sysv -o a.o -emit-go-declarations sum.go -fpackage p Sum.peach")
        .failed(2, "choose a convention of Go");
    files.peach("-mabi=goasm -S -o a.s -emit-c-header a.h Sum.peach").failed(1, "error[E0605]");
}

/// The same input makes the same bytes, wherever it is compiled.
#[test]
fn outputs_are_reproducible() {
    let (one, other) = (files("same-1"), files("same-2"));
    let all = "-g -emit-c-header a.h -emit-json-metadata a.json -MMD -o a.o add.peach";
    for files in [&one, &other] {
        files.peach(&all.replace("-g ", "")).succeeded();
    }
    for name in ["a.o", "a.h", "a.json", "a.o.d"] {
        let read = |files: &Files| fs::read(files.0.join(name)).expect("a file");
        assert_eq!(read(&one), read(&other), "{name}");
    }
}

/// The first version of macOS that a Mach-O file names (`LC_BUILD_VERSION` in Apple's
/// `mach-o/loader.h`).
fn minimum_version(file: &[u8]) -> Option<[u8; 4]> {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes"));
    let mut at = 32;
    for _ in 0..word(16) {
        if word(at) == 0x32 {
            return Some(word(at + 12).to_be_bytes());
        }
        at += word(at + 4) as usize;
    }
    None
}

/// As Apple's tools and rustc, the command takes it from the environment.
#[test]
fn objects_for_macos_say_which_version_they_need() {
    let files = files("macos");
    let build = |version: Option<&str>| {
        let mut command = Command::new(PEACH);
        command.args(["-mimage-format=mach-o", "-o", "add.o", "add.peach"]).current_dir(&files.0);
        match version {
            Some(version) => command.env("MACOSX_DEPLOYMENT_TARGET", version),
            None => command.env_remove("MACOSX_DEPLOYMENT_TARGET"),
        };
        Run::of(&mut command)
    };
    let built = |version| {
        build(version).succeeded();
        minimum_version(&fs::read(files.0.join("add.o")).expect("an object"))
    };
    assert_eq!(built(None), Some([0, 11, 0, 0]));
    assert_eq!(built(Some("10.13")), Some([0, 10, 13, 0]));
    assert_eq!(built(Some("10.15.7")), Some([0, 10, 15, 7]));
    assert_eq!(built(Some("14")), Some([0, 14, 0, 0]));
    for wrong in ["", "0", "10.", "10.13.1.2", "eleven", "10.256", "-1", "65536.0"] {
        build(Some(wrong)).failed(2, "MACOSX_DEPLOYMENT_TARGET");
    }
}
