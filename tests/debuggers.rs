//! What gdb, perf and a signal handler see of a kernel that is running, in both embeddings.
//!
//! gdb stops at every instruction of kernels with every kind of frame, and must find the caller's
//! stack pointer, its saved general-purpose registers (no unwinder of Linux restores vectors) and
//! its name from there. Each test runs this program again with the name of a scene.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use peach_runtime::peach_fn;
use peach_testing::tools::have;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

const SCENE: &str = "PEACH_TEST_SCENE";

/// The same kernels in one embedding.
macro_rules! kernels {
    ($embed:literal, $saves:ident, $realigns:ident, $saves_vectors:ident, $spins:ident) => {
        peach_fn! {
            /// Saves all that there is to save, pushes, has a frame, and returns in two places.
            #[embed = $embed]
            extern "sysv64" fn $saves(x: u64) -> u64 {
                let frame: [u64; 40];
                let v: [gp64; 11];
                mov [frame], x;
                for i in 0..11 { mov v[i], x; }
                test x, x;
                jz 'early;
                push x;
                push v[3];
                add v[3], [frame];
                pop v[4];
                pop v[5];
                for i in 1..11 { add v[0], v[i]; }
                return v[0];
                'early:
                for i in 1..11 { xor v[0], v[i]; }
                return v[0];
            }

            /// Brings its frame to an alignment that the stack does not have.
            #[embed = $embed]
            extern "sysv64" fn $realigns(x: u64) -> u64 {
                let frame: [u64; 8] align 256;
                mov [frame + 56], x;
                push x;
                add x, [frame + 56];
                pop rcx;
                add x, rcx;
                return x;
            }

            /// Saves vectors too.
            #[embed = $embed]
            extern "win64" fn $saves_vectors(x: u64) -> u64 {
                let w: [xmm; 12];
                for i in 0..12 { cvtsi2sd w[i], x; }
                for i in 1..12 { addsd w[0], w[i]; }
                mov rsi, x;
                mov rdi, x;
                cvttsd2si rax, w[0];
                add rax, rsi;
                add rax, rdi;
                return rax;
            }

            /// Takes its time.
            #[embed = $embed]
            fn $spins(rounds: u64) {
                'next: {
                    dec rounds;
                    jnz continue 'next;
                }
            }
        }
    };
}

kernels!("map", saves, realigns, saves_vectors, spins);
kernels!("text", saves_in_text, realigns_in_text, saves_vectors_in_text, spins_in_text);

/// Where gdb is to stop next, and how long the code is.
#[unsafe(no_mangle)]
static PEACH_TEST_ENTRY: AtomicU64 = AtomicU64::new(0);
#[unsafe(no_mangle)]
static PEACH_TEST_LEN: AtomicU64 = AtomicU64::new(0);

/// gdb waits here for what is above.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn peach_test_next(entry: u64, len: u64) {
    PEACH_TEST_ENTRY.store(entry, Ordering::SeqCst);
    PEACH_TEST_LEN.store(std::hint::black_box(len), Ordering::SeqCst);
}

/// Calls a kernel in a function of its own, which a backtrace has to name.
macro_rules! call {
    ($caller:ident, $kernel:ident, $x:expr) => {{
        #[unsafe(no_mangle)]
        #[inline(never)]
        extern "C" fn $caller(x: u64) -> u64 {
            std::hint::black_box($kernel(x))
        }
        let code_len = $kernel::KERNEL.code().len() as u64;
        peach_test_next($kernel::KERNEL.get() as usize as u64, code_len);
        $caller($x)
    }};
}

fn is_scene() -> bool {
    std::env::var_os(SCENE).is_some()
}

/// What gdb walks through.
#[test]
fn scene_of_frames() {
    if !is_scene() {
        return;
    }
    assert_eq!(call!(caller_of_saves, saves, 3), 36);
    assert_eq!(call!(caller_of_saves_early, saves, 0), 0);
    assert_eq!(call!(caller_of_realigns, realigns, 3), 9);
    assert_eq!(call!(caller_of_saves_vectors, saves_vectors, 3), 42);
    assert_eq!(call!(caller_of_saves_in_text, saves_in_text, 3), 36);
    assert_eq!(call!(caller_of_saves_in_text_early, saves_in_text, 0), 0);
    assert_eq!(call!(caller_of_realigns_in_text, realigns_in_text, 3), 9);
    assert_eq!(call!(caller_of_saves_vectors_in_text, saves_vectors_in_text, 3), 42);
    peach_test_next(0, 0);
}

/// What perf samples.
#[test]
fn scene_of_loops() {
    if is_scene() {
        spins(500_000_000);
        spins_in_text(500_000_000);
    }
}

/// For each kernel: stops at its entry, steps through it, and compares what the unwinder finds of
/// the caller with what was in the registers; in its middle prints a backtrace; then runs it again
/// up to its middle, and finishes from there.
const SCRIPT: &str = r#"
import gdb

SAVED = ["rsp", "rbx", "rbp", "r12", "r13", "r14", "r15"]
SAVED_BY_WIN64 = ["rsi", "rdi"]

def quietly(command):
    return gdb.execute(command, to_string=True)

def number(expression):
    return int(gdb.parse_and_eval(expression))

def register(frame, name):
    return int(frame.read_register(name)) & (1 << 64) - 1

def names(frame):
    found = []
    while frame is not None:
        found.append(frame.name() or "??")
        frame = frame.older()
    return found

for setting in ["pagination off", "confirm off", "width 0", "breakpoint pending on", "print thread-events off", "language c"]:
    gdb.execute("set " + setting)
stop = gdb.Breakpoint("peach_test_next")
quietly("run")
while True:
    quietly("finish")
    entry, length = number("*(unsigned long *)&PEACH_TEST_ENTRY"), number("*(unsigned long *)&PEACH_TEST_LEN")
    if entry == 0:
        break
    at_entry = gdb.Breakpoint("*%d" % entry, temporary=True)
    quietly("continue")
    frame = gdb.newest_frame()
    assert frame.pc() == entry, hex(frame.pc())
    kernel = frame.name()
    saved = SAVED + (SAVED_BY_WIN64 if "vectors" in kernel else [])
    wanted = {name: register(frame, name) for name in saved}
    wanted["rsp"] += 8
    back = number("*(unsigned long *)$rsp")
    steps, wrong = 0, []
    while entry <= gdb.newest_frame().pc() < entry + length:
        frame = gdb.newest_frame()
        caller = frame.older()
        found = {name: register(caller, name) for name in saved}
        differs = [name for name in saved if found[name] != wanted[name]]
        callers = names(frame)
        if differs or caller.pc() != back or frame.name() != kernel or "??" in callers:
            wrong.append("+%d: %s %s" % (frame.pc() - entry, differs, callers[:8]))
        if steps == 6:
            print("BACKTRACE " + " < ".join(callers))
        steps += 1
        quietly("stepi")
    back_with = (gdb.newest_frame().pc() == back, register(gdb.newest_frame(), "rsp") == wanted["rsp"])
    print("KERNEL %s: %d steps, returned %s, wrong: %s" % (kernel, steps, back_with, wrong))
    quietly("continue")
quietly("continue")
print("SCENE ENDED " + str(gdb.convenience_variable("_exitcode")))

quietly("start")
quietly("run")
for _ in range(8):
    quietly("finish")
    entry, length = number("*(unsigned long *)&PEACH_TEST_ENTRY"), number("*(unsigned long *)&PEACH_TEST_LEN")
    gdb.Breakpoint("*%d" % entry, temporary=True)
    quietly("continue")
    quietly("stepi 7")
    kernel = gdb.newest_frame().name()
    back = gdb.newest_frame().older().pc()
    quietly("finish")
    print("FINISHED %s: %s" % (kernel, gdb.newest_frame().pc() == back))
    quietly("continue")
"#;

/// This program in a scene, run by `tool`.
fn run_under(tool: &str, args: &[String], scene: &str) -> String {
    let mut command = Command::new(tool);
    command.args(args).arg(std::env::current_exe().unwrap());
    command.args(["--exact", scene, "--nocapture", "--test-threads=1"]).env(SCENE, "1");
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

const KERNELS: [&str; 8] = [
    "saves",
    "saves",
    "realigns",
    "saves_vectors",
    "saves_in_text",
    "saves_in_text",
    "realigns_in_text",
    "saves_vectors_in_text",
];

/// Whether a line starts with the name of the code of `kernel`: in the text section that is a path,
/// with a hash after it.
fn is_named(line: &str, kernel: &str) -> bool {
    let name = line.split(": ").next().unwrap().trim();
    let path = format!("__PeachSource>::{kernel}");
    name == kernel || name.ends_with(&path) || name.contains(&format!("{path}::h"))
}

#[test]
fn gdb_unwinds_exactly_at_every_instruction() {
    if !have(&["gdb"]) {
        return;
    }
    let script = scratch("frames.py");
    std::fs::write(&script, SCRIPT).unwrap();
    let args = ["-q", "-nx", "-batch", "-x", script.to_str().unwrap(), "--args"].map(String::from);
    let text = run_under("gdb", &args, "scene_of_frames");
    let lines = |title: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(title));
        lines.map(str::to_string).collect()
    };
    let stepped = lines("KERNEL ");
    println!("{}", stepped.join("\n"));
    assert_eq!(stepped.len(), KERNELS.len(), "{text}");
    for (line, kernel) in stepped.iter().zip(KERNELS) {
        assert!(is_named(line, kernel), "{line}\n{text}");
        assert!(line.ends_with("returned (True, True), wrong: []"), "{line}");
        let steps = line.split(": ").nth(1).unwrap().split(' ').next().unwrap();
        assert!(steps.parse::<u32>().unwrap() > 10, "{line}");
    }
    for (line, kernel) in lines("BACKTRACE ").iter().zip(KERNELS) {
        let mut frames = line.split(" < ");
        assert!(is_named(frames.next().unwrap(), kernel), "{line}");
        // Its path is known where the program has debug information.
        assert!(frames.any(|frame| frame.contains(&format!("caller_of_{kernel}"))), "{line}");
        assert!(frames.any(|frame| frame.contains("scene_of_frames")), "{line}");
    }
    let finished = lines("FINISHED ");
    assert_eq!(finished.len(), KERNELS.len(), "{text}");
    for (line, kernel) in finished.iter().zip(KERNELS) {
        assert!(is_named(line, kernel) && line.ends_with(": True"), "{line}");
    }
    assert!(text.contains("SCENE ENDED 0"), "{text}");
}

/// What gdb is told by the line of a kernel, and by its name.
const LINES: &str = r#"
import gdb
for setting in ["pagination off", "confirm off", "width 0", "breakpoint pending on", "print thread-events off"]:
    gdb.execute("set " + setting)
at_name = gdb.Breakpoint("spins")
gdb.execute("run", to_string=True)
lines = []
for _ in range(3):
    frame = gdb.newest_frame()
    place = frame.find_sal()
    text = open(place.symtab.filename).read().splitlines()[place.line - 1].strip()
    lines.append(text)
    gdb.execute("stepi", to_string=True)
print("LINES %s %s: %s" % (frame.name(), at_name.hit_count > 0, " | ".join(lines)))
at_name.delete()
at_line = gdb.Breakpoint(place.symtab.filename + ":" + str(place.line), temporary=True)
gdb.execute("continue", to_string=True)
print("AGAIN %s %s" % (gdb.newest_frame().name(), gdb.newest_frame().find_sal().line == place.line))
"#;

#[test]
fn gdb_knows_names_and_lines_of_mapped_kernels() {
    if !have(&["gdb"]) {
        return;
    }
    let script = scratch("lines.py");
    std::fs::write(&script, LINES).unwrap();
    let args = ["-q", "-nx", "-batch", "-x", script.to_str().unwrap(), "--args"].map(String::from);
    let text = run_under("gdb", &args, "scene_of_loops");
    let lines = "LINES spins True: dec rounds; | jnz continue 'next; | dec rounds;";
    assert!(text.contains(lines) && text.contains("AGAIN spins True"), "{text}");
}

/// perf's own copy of the code, which it makes files of: instructions with their share, and callers
/// by the unwinding tables.
#[test]
fn perf_annotates_and_unwinds_mapped_kernels() {
    if !have(&["perf", "objdump"]) {
        return;
    }
    let dir = scratch("jitdump");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let of = |name: &str| dir.join(name).to_str().unwrap().to_string();
    let (data, injected) = (of("perf.data"), of("injected.data"));
    let record = "record -q -e cpu-clock -F 500 -k mono --call-graph dwarf,4096 -o";
    let mut args: Vec<String> = record.split(' ').map(String::from).collect();
    args.extend([data.clone(), "env".to_string(), format!("PEACH_JITDUMP={}", dir.display())]);
    let recorded = run_under("perf", &args, "scene_of_mapped_loop");
    let perf = |args: &[&str]| {
        let output = Command::new("perf").args(args).current_dir(&dir).output().unwrap();
        assert!(output.status.success(), "{recorded}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    perf(&["inject", "--jit", "-i", &data, "-o", &injected]);
    let annotated = perf(&["annotate", "--stdio", "-i", &injected, "-s", "spins"]);
    let is_hot = |line: &str, what: &str| {
        let share = line.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
        share.is_some_and(|share| share > 1.0) && line.contains(what)
    };
    assert!(annotated.lines().any(|line| is_hot(line, "jne")), "{annotated}");
    let script = perf(&["script", "-i", &injected, "-F", "ip,sym"]);
    let stacks: Vec<Vec<&str>> = script
        .split("\n\n")
        .map(|stack| stack.lines().filter_map(|line| line.split_whitespace().nth(1)).collect())
        .filter(|stack: &Vec<&str>| stack.first() == Some(&"spins"))
        .collect();
    let called = |stack: &&Vec<&str>| stack.iter().any(|name| name.contains("caller_of_the_loop"));
    let with_callers = stacks.iter().filter(called).count();
    assert!(stacks.len() > 10 && with_callers * 10 > stacks.len() * 9, "{with_callers}: {script}");
}

/// What perf unwinds from.
#[test]
fn scene_of_mapped_loop() {
    #[unsafe(no_mangle)]
    #[inline(never)]
    extern "C" fn caller_of_the_loop() {
        spins(500_000_000);
        std::hint::black_box(());
    }
    if is_scene() {
        caller_of_the_loop();
    }
}

#[test]
fn perf_reports_names() {
    if !have(&["perf"]) {
        return;
    }
    let data = scratch("perf.data");
    let data = data.to_str().unwrap();
    let args = ["record", "-q", "-e", "cpu-clock", "-F", "2000", "-o", data].map(String::from);
    let recorded = run_under("perf", &args, "scene_of_loops");
    let report = Command::new("perf")
        .args(["report", "--stdio", "-q", "-i", data, "--sort", "symbol", "--percent-limit", "5"])
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&report.stdout).into_owned();
    println!("{report}");
    let has = |name: &str| {
        let is_name =
            |word: &str| word == name || word.ends_with(&format!("__PeachSource>::{name}"));
        report.lines().any(|line| line.split_whitespace().any(is_name))
    };
    assert!(has("spins"), "{recorded}\n{report}");
    assert!(has("spins_in_text"), "{recorded}\n{report}");
}
