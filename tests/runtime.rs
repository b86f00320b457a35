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
        // SAFETY: it is a field of the structure. Only rustc knows the offset.
        unsafe { mov a, [r + const { core::mem::offset_of!(Record, second) }]; }
        return a;
    }

    fn table() -> u64 {
        let a: gp64;
        mov a, sym TABLE;
        // SAFETY: the table has two elements, which only rustc knows.
        unsafe { mov a, [a + 8]; }
        return a;
    }

    #[embed = "text"]
    fn table_text() -> u64 {
        let a: gp64;
        mov a, sym TABLE;
        // SAFETY: the table has two elements, which only rustc knows.
        unsafe { mov a, [a + 8]; }
        return a;
    }

    extern "sysv64" fn call_twice(x: u64) -> u64 {
        rdi = x;
        // SAFETY: the function takes a number. What is called is not proven.
        unsafe { call sym double; }
        rdi = rax;
        // SAFETY: as above.
        unsafe { call sym double; }
        return rax;
    }

    #[embed = "text"]
    extern "sysv64" fn call_twice_text(x: u64) -> u64 {
        rdi = x;
        // SAFETY: the function takes a number. What is called is not proven.
        unsafe { call sym double; }
        rdi = rax;
        // SAFETY: as above.
        unsafe { call sym double; }
        return rax;
    }

    #[version(enable = "padlock", N = 1)]
    #[version(N = 2)]
    extern "sysv64" fn calls() -> u64 {
        // SAFETY: the function takes any number. What is called is not proven.
        unsafe { call sym double; }
        mov eax, const { ANSWER };
        return rax;
    }

    /// Instructions of ten and eleven bytes, padding, and data of several rows.
    fn many(x: &mut u64) -> u64 {
        let t: gp64;
        movabs t, 0x1122334455667788;
        mov qword disp32 [x], -1;
        align 64;
        lea rax, u8x32(7);
        add rax, t;
        return rax;
    }

    fn signal_mapped() { push 7; push 8; signal(); pop rcx; pop rcx; }

    #[embed = "text"]
    fn signal_in_text() { push 7; push 8; signal(); pop rcx; pop rcx; }

    /// Sends SIGUSR1 to the own thread: gettid, tkill.
    inline fn signal() {
        mov eax, 186;
        // SAFETY: it only tells a number. What the system does is not proven.
        unsafe { syscall; }
        mov edi, eax;
        mov esi, 10;
        mov eax, 200;
        // SAFETY: a handler is installed. What the system does is not proven.
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
fn each_version_and_the_fallback_can_be_called() {
    let version = |index| which::KERNEL.version(index).map(|version| version());
    assert_eq!((version(1).unwrap(), version(2).unwrap()), (2, 3));
    let error = version(0).unwrap_err();
    assert_eq!(error.to_string(), "kernel `which` cannot run: this CPU lacks padlock");
    assert_eq!(add_text::KERNEL.version(0).unwrap()(40, 2), 42);
    assert!(which::KERNEL.fallback().is_none());
    let fallback = length::KERNEL.fallback().unwrap();
    // SAFETY: the pointer and the length are those of an array.
    assert_eq!(unsafe { fallback([1, 2].as_ptr(), 2) }, 1002);
    assert!(std::panic::catch_unwind(|| version(3)).is_err());
    // The version that calls go to is not mapped once more.
    let address = |index| which::KERNEL.version(index).unwrap() as usize;
    assert_eq!(address(1), which::KERNEL.get() as usize);
    assert_ne!(address(2), which::KERNEL.get() as usize);
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
    assert!(listing.contains("add edi, esi"), "{listing}");
    assert!(listing.contains("add a, b; return a;"), "{listing}");
    let line = listing.lines().find(|line| line.contains("add edi, esi")).unwrap();
    assert!(line.starts_with("0000  01 f7 "), "{line}");
    let source = include_str!("runtime.rs").lines();
    let number = source.clone().position(|line| line.contains("pub fn add(a: i32")).unwrap() + 1;
    assert!(line.contains(&format!("; {number}: ")), "{line}");
    assert!(listing.starts_with("; tests/runtime.rs\n"), "{listing}");
    let versions = which::KERNEL.versions();
    for (version, number) in versions.iter().zip(["1", "2", "3"]) {
        let moves =
            version.listing().lines().any(|line| line.contains(&format!("mov eax, {number}")));
        assert!(moves && version.abi() == "sysv64", "{}", version.listing());
    }
}

/// The bytes of a listing by offset, data included.
fn bytes_of(listing: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for row in listing.lines() {
        let Some((Ok(offset), rest)) =
            row.split_once("  ").map(|(at, rest)| (usize::from_str_radix(at, 16), rest))
        else {
            continue;
        };
        // What is between code and data is not a row.
        bytes.resize(bytes.len().max(offset), 0xCC);
        let columns = rest.split("  ").next().unwrap();
        bytes.truncate(offset);
        bytes.extend(columns.split(' ').map(|pair| u8::from_str_radix(pair, 16).unwrap()));
        assert!(columns.len() <= 47, "{row}");
    }
    bytes
}

/// What is printed is what is in memory: constants that rustc computes, addresses of items, and
/// distances to them.
#[test]
fn listings_have_the_bytes_in_memory() {
    fn check<F: Copy>(kernel: &'static peach_runtime::Kernel<F>) -> &'static str {
        let listing = kernel.listing();
        let listed = bytes_of(listing);
        let pointer = kernel.get();
        // SAFETY: it is a function pointer, to as many bytes.
        let memory = unsafe {
            let entry: *const u8 = std::mem::transmute_copy(&pointer);
            std::slice::from_raw_parts(entry, kernel.code().len())
        };
        assert_eq!(listed.len(), memory.len(), "{listing}");
        assert_eq!(listed, memory, "{listing}");
        listing
    }
    let mov = "b8 2a 00 00 00";
    assert!(check(&constant::KERNEL).contains(mov), "{}", constant::KERNEL.listing());
    assert!(check(&constant_text::KERNEL).contains(mov));
    assert!(check(&many::KERNEL).contains("0008  "), "{}", many::KERNEL.listing());
    let mut written = 0;
    assert!(many(&mut written) > 0 && written == u64::MAX && calls() == 42);
    check(&second::KERNEL);
    let address = (&raw const TABLE as u64).to_le_bytes().map(|byte| format!("{byte:02x}"));
    assert!(check(&table::KERNEL).contains(&address[..6].join(" ")));
    check(&table_text::KERNEL);
    for listing in [check(&call_twice::KERNEL), check(&call_twice_text::KERNEL)] {
        assert!(!listing.contains("e8 00 00 00 00"), "{listing}");
    }
    check(&add::KERNEL);
    check(&add_text::KERNEL);
    // The version that is mapped has its bytes too; of one that is not, some are not decided.
    let [unused, used] = calls::KERNEL.versions() else { panic!("two versions") };
    let listing = calls::KERNEL.listing();
    assert_eq!(used.listing(), listing);
    assert!(unused.listing().contains("e8 ?? ?? ?? ??"), "{}", unused.listing());
    let values = unused.listing().lines().filter(|row| row.contains("b8 2a 00 00 00"));
    assert_eq!(values.count(), 1, "{}", unused.listing());
}

#[test]
fn peach_dump_prints_what_is_used() {
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
    assert_eq!(all.matches("kernel ").count(), 2, "only those that the test uses: {all}");
    let one = run("add_text");
    assert_eq!(one.matches("kernel ").count(), 1, "{one}");
    let none = run("nosuch");
    assert!(none.starts_with("PEACH_DUMP: no kernel named `nosuch`; the kernels are "), "{none}");
    assert!(none.contains("`add`, `add_text`") && none.lines().count() == 1, "{none}");
    assert_eq!(run("0"), "");
}

#[test]
fn peach_dump_prints_what_is_compiled_at_run_time() {
    use peach_runtime::jit;
    if std::env::var_os("PEACH_DUMP").is_some() {
        let text = "fn late(x: u64) -> u64 { inc x; return x; }";
        let late = jit::compile::<extern "C" fn(u64) -> u64>(text).unwrap();
        assert_eq!(late.call(1), 2);
        late.dump();
        return;
    }
    let program = std::env::current_exe().unwrap();
    let args = ["--exact", "peach_dump_prints_what_is_compiled_at_run_time", "--nocapture"];
    let output = std::process::Command::new(program).args(args).env("PEACH_DUMP", "late").output();
    let text = String::from_utf8(output.unwrap().stderr).unwrap();
    assert_eq!(text.matches("kernel late at 0x").count(), 2, "{text}");
    assert!(text.contains("inc rdi"), "{text}");
}

/// A signal handler that runs while a kernel does takes a backtrace through it.
#[test]
#[cfg(target_os = "linux")]
fn backtraces_lead_through_kernels() {
    if peach_testing::processor::is_emulated() {
        return peach_testing::left_out::emulator("qemu's frames of signals cannot be unwound");
    }
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
        let set = FeatureSet::from_iter([feature]);
        let highest = set.words().iter().rposition(|word| *word != 0).unwrap();
        let bit = 63 - set.words()[highest].leading_zeros() as usize;
        assert_eq!(64 * highest + bit, row, "implications are earlier rows");
    }
}
