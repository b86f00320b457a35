//! What the runtime promises of memory, shown in processes of their own: each test runs this
//! program again with the name of a scene, and the scene's kernels are mapped under its conditions.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W,
    sock_filter,
};
use peach_runtime::jit::Library;
use peach_runtime::{Error, peach_fn};
use peach_testing::left_out;
use std::process::{Command, Output};

const SCENE: &str = "PEACH_TEST_SCENE";

peach_fn! {
    fn add(a: u64, b: u64) -> u64 { add a, b; return a; }

    fn constant() -> f64 { return 1.5; }

    #[embed = "text"]
    fn in_text(a: u64) -> u64 { inc a; return a; }

    fn far_aligned() -> u64 { align 4096; let a: gp64; lea a, [rip]; return a; }
}

fn run(scene: &str) -> Output {
    let program = std::env::current_exe().unwrap();
    let args = ["--exact", scene, "--nocapture"];
    Command::new(program).args(args).env(SCENE, "1").output().unwrap()
}

/// Whether this process is the one that a scene runs in. Otherwise runs the scene in a process.
fn is_scene(scene: &str) -> bool {
    if std::env::var_os(SCENE).is_some() {
        return true;
    }
    let output = run(scene);
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
    false
}

/// The permissions of the mapping that `address` is in, and whether any is writable and executable.
fn permissions(address: usize) -> (String, bool) {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut found = String::new();
    let mut any_writable_and_executable = false;
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let number = |digits| usize::from_str_radix(digits, 16).unwrap();
        any_writable_and_executable |= rest.starts_with("rwx") || rest.starts_with("-wx");
        if (number(start)..number(end)).contains(&address) {
            found = rest[..4].to_string();
        }
    }
    (found, any_writable_and_executable)
}

#[test]
fn code_is_never_writable_and_executable() {
    if !is_scene("code_is_never_writable_and_executable") {
        return;
    }
    assert!(!permissions(0).1);
    assert_eq!((add(40, 2), constant(), in_text(1)), (42, 1.5, 2));
    assert_eq!(permissions(add::KERNEL.get() as usize), ("r-xp".to_string(), false));
}

#[test]
fn the_code_can_never_become_writable_again() {
    if !is_scene("the_code_can_never_become_writable_again") {
        return;
    }
    let page = add::KERNEL.get() as usize & !4095;
    // SAFETY: a request that is refused, or one that changes nothing but a permission.
    let answer =
        unsafe { libc::mprotect(page as *mut _, 4096, libc::PROT_READ | libc::PROT_WRITE) };
    // SAFETY: it reads the name of the system.
    let release = unsafe {
        let mut name: libc::utsname = std::mem::zeroed();
        libc::uname(&mut name);
        std::ffi::CStr::from_ptr(name.release.as_ptr()).to_string_lossy().into_owned()
    };
    let mut parts = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version >= (6, 10) {
        assert_eq!(answer, -1, "sealed since Linux 6.10");
    }
}

#[test]
fn where_memory_may_not_become_executable_a_file_does() {
    if !is_scene("where_memory_may_not_become_executable_a_file_does") {
        return;
    }
    const PR_SET_MDWE: i32 = 65;
    // SAFETY: it changes what this process may do from now on.
    if unsafe { libc::prctl(PR_SET_MDWE, 1, 0, 0, 0) } != 0 {
        return left_out::system("the operating system has no PR_SET_MDWE");
    }
    assert_eq!((add(40, 2), constant()), (42, 1.5));
    assert_eq!(permissions(add::KERNEL.get() as usize), ("r-xp".to_string(), false));
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(maps.contains("/memfd:peach"), "{maps}");
}

#[test]
fn where_nothing_is_allowed_the_error_says_what_was_refused() {
    if !is_scene("where_nothing_is_allowed_the_error_says_what_was_refused") {
        return;
    }
    forbid_executable_memory();
    let error = add::KERNEL.try_get().unwrap_err();
    assert!(matches!(error, Error::Memory { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("mprotect") && text.contains("embed = \"text\""), "{text}");
    assert!(text.contains("Operation not permitted"), "{text}");
    assert_eq!(in_text(1), 2);
}

/// Makes every `mmap` and `mprotect` that asks for executable memory fail with `EPERM`.
fn forbid_executable_memory() {
    let denied = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    filter_system_calls(&[
        load(NUMBER),
        equals(libc::SYS_mmap, 1, 0),
        equals(libc::SYS_mprotect, 0, 3),
        load(PROTECTION),
        has_bits(libc::PROT_EXEC, 0, 1),
        answer(denied),
        answer(libc::SECCOMP_RET_ALLOW),
    ]);
}

/// Where a filter finds the number of the call, and the low half of the third argument of `mmap`
/// and `mprotect`.
const NUMBER: u32 = 0;
const PROTECTION: u32 = 16 + 2 * 8;

fn load(at: u32) -> sock_filter {
    sock_filter { code: (BPF_LD | BPF_W | BPF_ABS) as u16, jt: 0, jf: 0, k: at }
}

fn equals(number: libc::c_long, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: (BPF_JMP | BPF_JEQ | BPF_K) as u16, jt, jf, k: number as u32 }
}

fn has_bits(bits: i32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: (BPF_JMP | BPF_JSET | BPF_K) as u16, jt, jf, k: bits as u32 }
}

fn and(bits: i32) -> sock_filter {
    sock_filter { code: (BPF_ALU | BPF_AND | BPF_K) as u16, jt: 0, jf: 0, k: bits as u32 }
}

fn answer(action: u32) -> sock_filter {
    sock_filter { code: (BPF_RET | BPF_K) as u16, jt: 0, jf: 0, k: action }
}

/// Sends every system call of this thread through the filter from now on.
fn filter_system_calls(program: &[sock_filter]) {
    let mut program = program.to_vec();
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the program is well formed; it changes what this thread may do from now on.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let mode = libc::SECCOMP_MODE_FILTER;
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, mode, &filter, 0, 0), 0);
    }
}

/// Not for a moment: a request for memory that is both ends the process.
#[test]
fn writable_and_executable_is_never_asked_for() {
    if !is_scene("writable_and_executable_is_never_asked_for") {
        return;
    }
    let both = libc::PROT_WRITE | libc::PROT_EXEC;
    filter_system_calls(&[
        load(NUMBER),
        equals(libc::SYS_mmap, 1, 0),
        equals(libc::SYS_mprotect, 0, 4),
        load(PROTECTION),
        and(both),
        equals(both.into(), 0, 1),
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        answer(libc::SECCOMP_RET_ALLOW),
    ]);
    assert_eq!((add(40, 2), constant()), (42, 1.5));
    let library = Library::compile("fn f() {}").unwrap();
    library.function::<extern "C" fn()>("f").unwrap().call();
    // The filter does what it is there for.
    // SAFETY: the child asks for memory of its own.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            libc::mmap(std::ptr::null_mut(), 4096, both, flags, -1, 0);
            libc::_exit(0);
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
        assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGSYS, "{status:x}");
    }
}

#[test]
fn without_files_in_memory_the_error_says_what_was_refused() {
    if !is_scene("without_files_in_memory_the_error_says_what_was_refused") {
        return;
    }
    let denied = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
    filter_system_calls(&[
        load(NUMBER),
        equals(libc::SYS_memfd_create, 3, 0),
        equals(libc::SYS_mprotect, 0, 3),
        load(PROTECTION),
        has_bits(libc::PROT_EXEC, 0, 1),
        answer(denied),
        answer(libc::SECCOMP_RET_ALLOW),
    ]);
    let text = add::KERNEL.try_get().unwrap_err().to_string();
    assert!(text.contains("mprotect") && text.contains("embed = \"text\""), "{text}");
    let text = Library::compile("fn f() {}").unwrap_err().to_string();
    assert!(text.contains("mprotect") && text.contains("not implemented"), "{text}");
}

#[test]
fn out_of_memory_is_an_error_and_passes() {
    if !is_scene("out_of_memory_is_an_error_and_passes") {
        return;
    }
    let limit = |bytes| {
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: it changes how much memory this process gets from now on.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
    };
    limit(0);
    let refused = add::KERNEL.try_get();
    limit(libc::RLIM_INFINITY);
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("mmap failed") && text.contains("Cannot allocate memory"), "{text}");
    assert_eq!(add(40, 2), 42);
}

#[test]
fn threads_race_and_forks_do_not_wait() {
    if !is_scene("threads_race_and_forks_do_not_wait") {
        return;
    }
    let barrier = std::sync::Barrier::new(64);
    std::thread::scope(|scope| {
        for n in 0..64u64 {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                if n % 8 == 0 {
                    fork_and_add(n);
                }
                assert_eq!(add(n, 1), n + 1);
            });
        }
    });
}

/// Calls the kernel in a child, which must end within seconds.
fn fork_and_add(n: u64) {
    // SAFETY: the child calls a kernel and functions that may be called after a fork.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::alarm(10);
            libc::_exit(if add(n, 1) == n + 1 { 0 } else { 1 });
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
        assert_eq!(status, 0, "the child failed or waited for ever");
    }
}

#[test]
fn alignment_to_a_page_is_kept() {
    let next = far_aligned();
    // `lea rax, [rip]` is 7 bytes, at the aligned place.
    assert_eq!((next - 7) % 4096, 0, "{next:x}");
}

/// So that calls between the two are direct, and the branch predictor of Zen 4 takes no longer over
/// them.
#[test]
fn the_code_is_within_reach_of_the_program() {
    let (mapped, text) = (add::KERNEL.get() as usize, in_text::KERNEL.get() as usize);
    assert!(mapped.abs_diff(text) < 1 << 31, "{mapped:x} and {text:x}");
}

#[test]
fn a_compiled_function_frees_its_code() {
    if !is_scene("a_compiled_function_frees_its_code") {
        return;
    }
    let text = "fn add(a: u64, b: u64) -> u64 { add a, b; return a; }";
    let library = Library::compile(text).unwrap();
    let function = library.function::<extern "C" fn(u64, u64) -> u64>("add").unwrap();
    // SAFETY: it is not called.
    let address = unsafe { function.pointer() } as usize;
    drop(library);
    let clone = function.clone();
    drop(function);
    assert_eq!(clone.call(40, 2), 42);
    assert_eq!(permissions(address), ("r-xp".to_string(), false));
    drop(clone);
    assert_eq!(permissions(address), (String::new(), false));
}
