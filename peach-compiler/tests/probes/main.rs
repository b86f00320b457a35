//! Stack probes: no access of a kernel is a page or more below the last touched place, for every
//! frame size, whatever the frame is made of and wherever the stack pointer is on entry.
//!
//! Two proofs that know nothing of frames: a walk over the bytes that were emitted ([`walk`]), and
//! execution on a stack that grows by the page below the last one that was touched ([`stack`]).

mod stack;
mod walk;

use peach_compiler::abi::{Convention, SYSV64, WIN64};
use peach_compiler::pipeline::compile;

/// Bytes of a page.
const PAGE: usize = 4096;

/// Which bytes of a variable a kernel uses, in this order.
const ORDERS: [&[&str]; 3] = [
    &["byte [x]"],
    &["byte [x + BYTES - 1]", "byte [x]"],
    &["byte [x + BYTES/2]", "byte [x + BYTES/3]", "byte [x]"],
];

/// What else is in a frame: after its variable, and around the accesses to it.
struct Shape {
    align: &'static str,
    before: &'static str,
    after: &'static str,
}

const fn shape(align: &'static str, before: &'static str, after: &'static str) -> Shape {
    Shape { align, before, after }
}

const SAVES: &str = "mov rbx, 1; mov r12, 2; mov r15, 3;";
const VECTORS: &str = "xorps xmm6, xmm6; xorps xmm7, xmm7; xorps xmm8, xmm8; xorps xmm9, xmm9;
    xorps xmm10, xmm10; xorps xmm11, xmm11; xorps xmm12, xmm12; xorps xmm13, xmm13;
    xorps xmm14, xmm14; xorps xmm15, xmm15;";

/// Leaves with and without a red zone, pushes, calls, saved registers, realigned frames.
const SHAPES: [Shape; 14] = [
    shape("", "", ""),
    shape("", SAVES, ""),
    shape("", VECTORS, ""),
    shape("", "push n; push n;", "pop n; pop n;"),
    shape("", "mov rbx, n; push n; call rbx; pop rcx;", ""),
    shape("", "mov rbx, n; call rbx;", ""),
    shape("", SAVES, "mov rbx, n; push n; push n; call rbx; pop rcx; pop rcx;"),
    shape("align 32", "", ""),
    shape("align 32", VECTORS, "push n; pop n;"),
    shape("align 64", "mov rbx, n; call rbx;", ""),
    shape("align 4096", "", ""),
    shape("align 4096", "mov rbx, n; push n; call rbx; pop rcx;", ""),
    shape("align 4096", VECTORS, ""),
    shape("", "mov rbp, n; push n; call rbp; pop rcx;", "mov byte [y], 1;"),
];

fn kernel(bytes: usize, order: &[&str], shape: &Shape) -> String {
    let accesses: String = order.iter().map(|place| format!("mov {place}, 1; ")).collect();
    let accesses = accesses.replace("BYTES", &bytes.to_string());
    let Shape { align, before, after } = shape;
    let second = if after.contains("[y]") { "let y: [u8; 40];" } else { "" };
    // A frame without a variable is tried as well.
    match bytes {
        0 => format!("unsafe fn k(n: usize) {{ {second} {before} {after} }}"),
        _ => format!(
            "unsafe fn k(n: usize) {{ let x: [u8; {bytes}] {align}; {second} {before} {accesses} {after} }}"
        ),
    }
}

fn code(convention: &'static Convention, source: &str) -> Vec<u8> {
    let compilation = compile(source.parse().expect("tokens"), convention);
    let messages: Vec<&str> = compilation.diagnostics.iter().map(|d| &*d.message).collect();
    let kernel = compilation.kernels.first().and_then(|kernel| kernel.versions.first());
    let kernel = kernel.unwrap_or_else(|| panic!("{source}: {messages:?}"));
    kernel.encoded.bytes[..kernel.encoded.code_len].to_vec()
}

/// Frames whose last pages are nearly full or nearly empty, and some in between.
fn is_near_a_page(bytes: usize) -> bool {
    (bytes + 320) % PAGE < 640 || bytes.is_multiple_of(1000)
}

/// Every multiple of 8 up to four pages; of each shape those near the limits, and one after the
/// other for the sizes in between.
#[test]
fn no_access_jumps_over_a_page() {
    let mut tried = 0;
    for convention in [&SYSV64, &WIN64] {
        for bytes in (0..=4 * PAGE + 64).step_by(8) {
            for (index, shape) in SHAPES.iter().enumerate() {
                let turn = bytes / 8;
                if !is_near_a_page(bytes) && turn % SHAPES.len() != index {
                    continue;
                }
                let source = kernel(bytes, ORDERS[turn % ORDERS.len()], shape);
                walk::check(&code(convention, &source), &source);
                tried += 1;
            }
        }
    }
    assert!(tried > 4 * PAGE / 8, "{tried} frames");
}

/// Larger frames, up to where a loop touches the pages, and beyond.
#[test]
fn large_frames_touch_every_page() {
    for convention in [&SYSV64, &WIN64] {
        for bytes in [30_000, 45_000, 49_000, 49_100, 61_000, 65_536, 100_000, 1 << 20, 12_345_678]
        {
            for (index, shape) in SHAPES.iter().enumerate() {
                let source = kernel(bytes + 8 * index, ORDERS[index % ORDERS.len()], shape);
                walk::check(&code(convention, &source), &source);
            }
        }
    }
}

/// On a stack that the system grows by one page at a time.
#[test]
fn frames_run_on_a_growing_stack() {
    let mut stack = stack::Growing::new();
    for bytes in (0..=4 * PAGE + 64).step_by(360).chain([45_000, 49_200, 70_000, 200_000]) {
        for (index, shape) in SHAPES.iter().enumerate() {
            let source = kernel(bytes, ORDERS[index % ORDERS.len()], shape);
            stack.run(&code(&SYSV64, &source), &source);
        }
    }
}
