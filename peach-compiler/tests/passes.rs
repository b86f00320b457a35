//! The list of passes: what observers see of each, and that none is left out.

use peach_compiler::abi::{NACL, SYSV64};
use peach_compiler::emit::dump::Dump;
use peach_compiler::pipeline::{Observer, State, Step, compile, compile_observed};
use proc_macro2::TokenStream;
use std::time::{Duration, Instant};

const SOURCE: &str = "
    const BIAS: u32 = 3;
    inline fn twice(x: gp32) { add x, x; }
    fn f(a: u32, b: u32) -> u32 { let c: gp32 = a; twice(c); add c, BIAS; add c, b; return c; }";

fn tokens(source: &str) -> TokenStream {
    source.parse().expect("tokens")
}

/// Notes the steps in their order, and when each ended.
#[derive(Default)]
struct Clock {
    steps: Vec<Step>,
    ends: Vec<Instant>,
}

impl Observer for Clock {
    fn after(&mut self, step: Step, _: State<'_>) {
        self.steps.push(step);
        self.ends.push(Instant::now());
    }
}

#[test]
fn every_step_is_told_of_in_the_order_of_the_list() {
    let mut clock = Clock::default();
    let start = Instant::now();
    compile_observed(tokens(SOURCE), &SYSV64, &mut clock);
    assert_eq!(clock.steps, Step::ALL);
    let total: Duration = clock.ends.last().expect("steps").duration_since(start);
    assert!(clock.ends.is_sorted() && total > Duration::ZERO);
}

#[test]
fn an_error_ends_the_steps_of_its_function() {
    let mut clock = Clock::default();
    compile_observed(tokens("fn f() -> u32 { let x: gp32; return x; }"), &SYSV64, &mut clock);
    assert_eq!(clock.steps.last(), Some(&Step::Analyze));
}

#[test]
fn names_are_those_of_the_command_and_distinct() {
    for step in Step::ALL {
        assert_eq!(Step::parse(step.name()), Some(*step));
        assert!(step.description().ends_with('.'), "{}", step.description());
    }
    assert_eq!(Step::parse("link"), None);
}

fn dump(source: &str, steps: &[Step]) -> String {
    let mut dump = Dump::after(steps);
    let observed = compile_observed(tokens(source), &SYSV64, &mut dump);
    let plain = compile(tokens(source), &SYSV64);
    // Observing must not change the result.
    let bytes =
        |c: &peach_compiler::pipeline::Compilation| c.kernels[0].versions[0].encoded.clone();
    assert_eq!(bytes(&observed), bytes(&plain));
    dump.text().to_string()
}

#[test]
fn a_dump_has_the_function_after_each_step() {
    assert_eq!(
        dump(SOURCE, &[Step::Parse]).lines().skip(2).collect::<Vec<_>>(),
        ["const BIAS", "inline fn twice", "fn f", ""]
    );
    let expanded = dump(SOURCE, &[Step::Expand]);
    assert!(expanded.contains("  c%2 = a%0\n  add c%2, c%2\n  add c%2, 3\n"), "{expanded}");
    let allocated = dump(SOURCE, &[Step::Allocate]);
    assert!(allocated.contains("  b%1: gp32 = esi\n  c%2: gp32 = "), "{allocated}");
    let lowered = dump(SOURCE, &[Step::Lower]);
    assert!(lowered.contains("  ret\n"), "{lowered}");
    let encoded = dump(SOURCE, &[Step::Encode]);
    let lines = encoded.lines().filter(|line| line.starts_with("00"));
    let bytes: Vec<&str> = lines.map(|line| line[4..16].trim()).collect();
    assert_eq!(bytes, ["01 ff", "83 c7 03", "01 f7", "89 f8", "c3"]);
    let all = dump(SOURCE, &[]);
    assert_eq!(all.lines().filter(|line| line.starts_with("== ")).count(), Step::ALL.len());
}

#[test]
fn a_dump_shows_what_is_live_behind_each_instruction() {
    let text = dump(SOURCE, &[Step::Analyze]);
    let live = |start: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(start)).expect(start);
        line.split("; live:").nth(1).expect("live registers").trim().to_string()
    };
    assert_eq!(live("c%2 = a%0"), "b%1 c%2");
    assert_eq!(live("add c%2, b%1"), "c%2");
    assert_eq!(live("return c%2"), "");
}

#[test]
fn only_a_sandbox_changes_the_code_after_the_check() {
    let source = "unsafe fn f(x: *const u32) -> u32 { mov eax, [x]; return eax; }";
    let text = |convention, step| {
        let mut dump = Dump::after(&[step]);
        compile_observed(tokens(source), convention, &mut dump);
        let lines: Vec<String> = dump.text().lines().skip(1).map(str::to_string).collect();
        lines
    };
    assert_eq!(text(&SYSV64, Step::Check), text(&SYSV64, Step::Sandbox));
    assert_ne!(text(&NACL, Step::Check), text(&NACL, Step::Sandbox));
}
