//! The generated items: both embeddings, dispatch, listings, what the runtime promises of memory.

use peach_runtime::peach_fn;

const ANSWER: i32 = 42;
static TABLE: [u64; 3] = [7, 8, 9];

struct Record {
    _first: u8,
    second: u64,
}

extern "sysv64" fn double(x: u64) -> u64 {
    2 * x
}

peach_fn! {
    /// Adds.
    #[must_use]
    pub fn add(a: i32, b: i32) -> i32 { add a, b; return a; }

    #[embed = "text"]
    fn add_text(a: i32, b: i32) -> i32 { add a, b; return a; }

    fn constant() -> i32 { let a: gp32; mov a, const { ANSWER }; return a; }

    #[embed = "text"]
    fn constant_text() -> i32 { let a: gp32; mov a, const { ANSWER }; return a; }

    fn second(r: &Record) -> u64 {
        let a: gp64;
        unsafe { mov a, [r + const { core::mem::offset_of!(Record, second) }]; }
        return a;
    }

    fn table() -> u64 {
        let a: gp64;
        mov a, sym TABLE;
        unsafe { mov a, [a + 8]; }
        return a;
    }

    #[embed = "text"]
    fn table_text() -> u64 {
        let a: gp64;
        mov a, sym TABLE;
        unsafe { mov a, [a + 8]; }
        return a;
    }

    extern "sysv64" fn call_twice(x: u64) -> u64 {
        rdi = x;
        unsafe { call sym double; }
        rdi = rax;
        unsafe { call sym double; }
        return rax;
    }

    #[embed = "text"]
    extern "sysv64" fn call_twice_text(x: u64) -> u64 {
        rdi = x;
        unsafe { call sym double; }
        rdi = rax;
        unsafe { call sym double; }
        return rax;
    }

    fn signal_mapped() { push 7; push 8; signal(); pop rcx; pop rcx; }

    #[embed = "text"]
    fn signal_in_text() { push 7; push 8; signal(); pop rcx; pop rcx; }

    /// Sends SIGUSR1 to the own thread: gettid, tkill.
    inline fn signal() {
        mov eax, 186;
        unsafe { syscall; }
        mov edi, eax;
        mov esi, 10;
        mov eax, 200;
        unsafe { syscall; }
    }

    /// Needs what no machine of today has.
    #[target_feature(enable = "padlock")]
    fn never(a: i32) -> i32 { return a; }

    #[target_feature(enable = "padlock")]
    fn length(x: &[u8]) -> usize { return x.len; }

    #[fallback]
    fn length(x: &[u8]) -> usize { 1000 + x.len() }

    #[version(enable = "padlock", N = 1)]
    #[version(enable = "sse4.1", N = 2)]
    #[version(N = 3)]
    fn which() -> i32 { return N; }
}

#[test]
fn both_embeddings_run() {
    assert_eq!((add(40, 2), add_text(40, 2)), (42, 42));
    assert_eq!((add::KERNEL.get()(1, 2), add_text::KERNEL.get()(1, 2)), (3, 3));
    assert_eq!(add::KERNEL.code(), add_text::KERNEL.code());
}

#[test]
fn rust_constants_and_items_are_seen() {
    assert_eq!((constant(), constant_text()), (42, 42));
    assert_eq!(second(&Record { _first: 1, second: 5 }), 5);
    assert_eq!((table(), table_text()), (8, 8));
    assert_eq!((call_twice(3), call_twice_text(3)), (12, 12));
}

#[test]
fn dispatch_takes_the_first_that_is_supported() {
    assert_eq!(length(&[1, 2, 3]), 1003);
    assert_eq!(which(), 2);
    assert_eq!(which::KERNEL.versions().len(), 3);
}

#[test]
fn a_missing_extension_is_an_error_with_its_name() {
    let error = never::KERNEL.try_get().unwrap_err();
    assert_eq!(error.to_string(), "kernel `never` cannot run: this CPU lacks padlock");
    let panic = std::panic::catch_unwind(|| never(1)).unwrap_err();
    assert_eq!(*panic.downcast::<String>().unwrap(), error.to_string());
}

#[test]
fn listings_name_registers_and_source() {
    let listing = add::KERNEL.listing();
    println!("{listing}");
    println!("{}", second::KERNEL.listing());
    println!("{}", call_twice_text::KERNEL.listing());
    assert!(listing.contains("add edi, esi"), "{listing}");
    assert!(listing.contains("add a, b; return a;"), "{listing}");
    let line = listing.lines().find(|line| line.contains("add edi, esi")).unwrap();
    assert!(line.starts_with("0000  01 f7 "), "{line}");
    let source = include_str!("runtime.rs").lines();
    let number = source.clone().position(|line| line.contains("pub fn add(a: i32")).unwrap() + 1;
    assert!(line.contains(&format!("; {number}: ")), "{line}");
    let versions = which::KERNEL.versions();
    for (version, number) in versions.iter().zip(["1", "2", "3"]) {
        let moves =
            version.listing().lines().any(|line| line.contains(&format!("mov eax, {number}")));
        assert!(moves && version.abi() == "sysv64", "{}", version.listing());
    }
}

#[test]
fn peach_dump_prints_what_is_resolved() {
    let program = std::env::current_exe().unwrap();
    let run = |value: &str| {
        let args = ["--exact", "both_embeddings_run", "--nocapture"];
        let output =
            std::process::Command::new(&program).args(args).env("PEACH_DUMP", value).output();
        String::from_utf8(output.unwrap().stderr).unwrap()
    };
    let all = run("1");
    assert!(all.contains("kernel add (sysv64) at 0x"), "{all}");
    assert!(all.contains("kernel add_text (sysv64) at 0x"), "{all}");
    assert!(all.contains("add edi, esi"), "{all}");
    let one = run("add_text");
    assert_eq!(one.matches("kernel ").count(), 1, "{one}");
    assert_eq!(run("0"), "");
}

/// A signal handler that runs while a kernel does takes a backtrace through it.
#[test]
#[cfg(target_os = "linux")]
fn backtraces_lead_through_kernels() {
    use std::sync::Mutex;
    static TRACE: Mutex<String> = Mutex::new(String::new());

    extern "C" fn handler(_: i32) {
        let trace = std::backtrace::Backtrace::force_capture().to_string();
        *TRACE.lock().unwrap() = trace;
    }
    #[inline(never)]
    fn caller_of_mapped() {
        signal_mapped();
    }
    #[inline(never)]
    fn caller_of_text() {
        signal_in_text();
    }
    // SAFETY: the handler runs where the kernels send the signal, and nowhere else.
    unsafe { libc::signal(libc::SIGUSR1, handler as *const () as usize) };
    caller_of_mapped();
    let trace = TRACE.lock().unwrap().clone();
    assert!(trace.contains("caller_of_mapped"), "{trace}");
    caller_of_text();
    let trace = TRACE.lock().unwrap().clone();
    assert!(trace.contains("caller_of_text") && trace.contains("signal_in_text"), "{trace}");
}

#[test]
fn the_runtime_numbers_the_extensions_as_the_compiler_does() {
    use peach_compiler::isa::{Feature, FeatureSet};
    let all = FeatureSet::all();
    let names: Vec<_> = all.iter().map(Feature::name).collect();
    assert_eq!(names, peach_runtime::__private::FEATURES);
    for (row, feature) in all.iter().enumerate() {
        let bits = FeatureSet::from_iter([feature]).bits();
        assert_eq!(127 - bits.leading_zeros(), row as u32, "implications are earlier rows");
    }
}
