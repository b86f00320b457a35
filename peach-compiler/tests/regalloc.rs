//! Register allocation over functions: choices that an expert would make, refusals, time.

#[path = "regalloc/build.rs"]
mod build;
#[path = "regalloc/random.rs"]
mod random;

use build::Builder;
use peach_compiler::abi::{SYSV64, WIN64};
use peach_compiler::analysis::Facts;
use peach_compiler::diagnostics::Code;
use peach_compiler::ir::{Function, Lowered};
use peach_compiler::isa::{Bank, Class, PhysReg, register_name};
use peach_compiler::regalloc::{Failure, allocate, allocate_or_spill};
use peach_compiler::{check, frame, ir, pipeline};
use peach_testing::Random;
use peach_testing::work::{CountingAllocator, allocated};
use std::fmt::Write;

/// The physical register of each named virtual register: "a=rax b=rcx".
fn places(function: &Function) -> Result<String, Box<Failure>> {
    let facts = Facts::of(function);
    let allocation = allocate(function, &facts)?;
    let mut text = String::new();
    for (info, reg) in function.vregs.iter().zip(&allocation.regs) {
        let name = reg.map_or("-".to_string(), name_of);
        let _ = write!(text, "{}={name} ", info.name);
    }
    Ok(text.trim_end().to_string())
}

fn name_of(reg: PhysReg) -> String {
    let class = match reg.bank {
        Bank::Gp => Class::Gp64,
        Bank::Vector => Class::Xmm,
        _ => Class::K,
    };
    register_name(reg, class)
}

fn expect(function: Function, wanted: &str) {
    assert_eq!(places(&function).map_err(|f| f.diagnostic.message), Ok(wanted.to_string()));
}

#[test]
fn arguments_stay_and_results_are_made_where_they_leave() {
    let add =
        |convention| Builder::new(convention, "", 2).lines("lea v0, [p0+p1*1]\nreturn v0").finish();
    expect(add(&SYSV64), "p0=rdi p1=rsi v0=rax");
    expect(add(&WIN64), "p0=rcx p1=rdx v0=rax");
}

#[test]
fn copies_are_coalesced() {
    let function = Builder::new(&SYSV64, "", 2)
        .lines("copy v0, p0\nadd v0, p1\ncopy v1, v0\nadd v1, v1\nreturn v1")
        .finish();
    let text = places(&function).unwrap_or_default();
    let place = |name: &str| text.split(' ').find_map(|p| p.strip_prefix(name)).unwrap_or("");
    assert_eq!(place("v0="), place("v1="), "{text}");
    assert!(["rax", "rdi"].contains(&place("v0=")), "{text}");
}

#[test]
fn fixed_operands_get_their_register() {
    let function = Builder::new(&SYSV64, "", 2)
        .lines("mov b0, p1.gp8\nshl p0, b0\ncopy v0, p0\nreturn v0")
        .finish();
    let text = places(&function).unwrap_or_default();
    assert!(text.contains("b0=rcx"), "{text}");
}

#[test]
fn implicit_registers_are_avoided() {
    // `mul` writes rdx: p1 (rdx is not its place, but p2's) and p2 live on.
    let function = Builder::new(&SYSV64, "", 3)
        .lines("mov rax, p0\nmul p1\nadd rax, rdx\nadd rax, p2\nmov v0, rax\nreturn v0")
        .finish();
    let text = places(&function).unwrap_or_default();
    assert!(!text.contains("p2=rdx") && !text.contains("p2=rax"), "{text}");
}

#[test]
fn low_registers_where_they_save_a_prefix() {
    let function = Builder::new(&SYSV64, "", 1)
        .lines(
            "mov d0, [p0]\nmov d1, [p0+4]\nmov d2, [p0+8]\nadd d0, d1\nadd d0, d2\n\
             mov v0.gp32, d0\nreturn v0",
        )
        .finish();
    let text = places(&function).unwrap_or_default();
    assert!(!text.contains("=r8") && !text.contains("=r9") && !text.contains("=r1"), "{text}");
}

#[test]
fn nothing_is_saved_while_a_volatile_register_is_free() {
    for (convention, volatile) in [(&SYSV64, 9), (&WIN64, 7)] {
        let function = live_together(Builder::new(convention, "", 1), volatile - 1);
        let text = places(&function).unwrap_or_default();
        for saved in convention.saved_gp.iter() {
            let name = format!("={} ", name_of(PhysReg::gp(saved)));
            assert!(!format!("{text} ").contains(&name), "{text}");
        }
    }
}

/// Compiles kernel text to the instructions with their registers, or the first error.
fn compiled(text: &str) -> Result<String, String> {
    let compilation = pipeline::compile(text.parse().expect("tokens"), &SYSV64);
    if let Some(error) = compilation.diagnostics.iter().next() {
        return Err(error.message.clone());
    }
    let items = &compilation.kernels[0].versions[0].lowered.items;
    let insts = items.iter().filter_map(|item| match &item.code {
        ir::Code::Inst(inst) => Some(inst.to_string()),
        _ => None,
    });
    Ok(insts.collect::<Vec<_>>().join("; "))
}

#[test]
fn arrays_stand_for_registers_in_a_row() {
    let attribute = "#[target_feature(enable = \"avx5124fmaps,avx512vp2intersect\")]";
    // Other values are in the way of the first places that come to mind.
    let fma = format!(
        "{attribute} unsafe fn f(p: *mut f32) {{
            let others: [zmm; 2]; let a: [zmm; 4]; let acc: zmm;
            for i in 0..2 {{ vmovups others[i], [p + 64 * i]; }}
            for i in 0..4 {{ vmovups a[i], [p + 128 + 64 * i]; }}
            vpxord acc, acc, acc;
            v4fmaddps acc, a, [p];
            vaddps acc, acc, a[3];
            for i in 0..2 {{ vaddps acc, acc, others[i]; }}
            vmovups [p], acc;
        }}"
    );
    let text = compiled(&fma).expect("registers enough");
    let block = text.split("v4fmaddps ").nth(1).expect("the instruction");
    let first: u32 = block.split(", zmm").nth(1).expect("a block")[..2]
        .trim_end_matches(',')
        .parse()
        .expect("a number");
    assert_eq!(first % 4, 0, "{text}");
    for i in 0..4 {
        assert!(
            text.contains(&format!("vmovups zmm{}, [rdi + {}]", first + i, 128 + 64 * i)),
            "{text}"
        );
    }
    // Six other masks are live: with the pair, that is all there are.
    let pair = format!(
        "{attribute} unsafe fn f(p: *mut u64, x: u32) {{
            let others: [k; 6]; let both: [k; 2]; let a: zmm;
            for i in 0..6 {{ kmovw others[i], x; }}
            vmovdqu32 a, [p];
            vp2intersectd both, a, a;
            for i in 0..6 {{ kmovw [p + 8 * i], others[i]; }}
            for i in 0..2 {{ kmovw [p + 64 + 8 * i], both[i]; }}
        }}"
    );
    let text = compiled(&pair).expect("eight masks");
    let first = text.split("vp2intersectd k").nth(1).expect("the instruction");
    let first = first[..1].parse::<u32>().expect("a number");
    assert_eq!(first % 2, 0, "{text}");
    assert!(text.contains(&format!("kmovw [rdi + 72], k{}", first + 1)), "{text}");
    let one_more = pair.replace("[k; 6]", "[k; 7]").replace("0..6", "0..7");
    assert!(compiled(&one_more).expect_err("nine masks").contains("mask registers"));
}

#[test]
fn blocks_are_whole() {
    let refused = |body: &str| {
        compiled(&format!(
            "#[target_feature(enable = \"avx5124fmaps,avx512vp2intersect\")]
             unsafe fn f(p: *mut f32) {{ let a: [zmm; 4]; let k: [k; 2]; let s: zmm; {body} }}"
        ))
        .expect_err(body)
    };
    let four = "`v4fmaddps` takes 4 consecutive registers here, found ";
    assert_eq!(refused("v4fmaddps a[0], s, [p];"), format!("{four}one"));
    assert_eq!(refused("v4fmaddps a[0], a[0..3], [p];"), format!("{four}a list of 3"));
    assert_eq!(
        refused("vp2intersectd k[0], s, s;"),
        "`vp2intersectd` takes 2 consecutive registers here, found one"
    );
    assert_eq!(refused("vaddps s, a, s;"), "a list of 4 is not an operand");
}

/// `count` values loaded through `p0` and then summed up: `count + 1` live at once at most.
fn live_together(builder: Builder, count: usize) -> Function {
    let mut text = String::new();
    for n in 0..count {
        let _ = writeln!(text, "mov v{n}, [p0+{}]", 8 * n);
    }
    for n in 1..count {
        let _ = writeln!(text, "add v0, v{n}");
    }
    builder.lines(&text).lines("add v0, p0\nreturn v0").finish()
}

#[test]
fn fifteen_fit_and_sixteen_are_refused_with_their_names() {
    for convention in [&SYSV64, &WIN64] {
        assert!(places(&live_together(Builder::new(convention, "", 1), 14)).is_ok());
        let refused = places(&live_together(Builder::new(convention, "", 1), 15));
        let diagnostic = refused.expect_err("16 of 15").diagnostic;
        assert_eq!(diagnostic.code, Code::OutOfRegisters);
        assert_eq!(
            diagnostic.message,
            "out of general-purpose registers: 16 are live here, but only 15 are available"
        );
        assert!(
            diagnostic.notes.iter().any(|note| note.contains("`v14` (declared on line")),
            "{diagnostic:?}"
        );
    }
}

#[test]
fn two_counts_at_once_are_a_conflict() {
    let function = Builder::new(&SYSV64, "", 4)
        .lines(
            "mov b0, p1.gp8\nmov b1, p2.gp8\nshl p0, b0\nshr p0, b1\nadd p0.gp8, b0\n\
             copy v0, p0\nreturn v0",
        )
        .finish();
    let diagnostic = places(&function).expect_err("both need cl").diagnostic;
    assert_eq!(diagnostic.code, Code::FixedConflict);
    assert!(diagnostic.message.contains("`b0` and `b1`"), "{}", diagnostic.message);
    assert!(diagnostic.message.contains("`rcx`"), "{}", diagnostic.message);
}

#[test]
fn sixteen_vectors_and_thirty_two() {
    let sum = |features: &str, letter: char, count: usize| {
        let mut text = String::new();
        for n in 0..count {
            let _ = writeln!(text, "vmovups {letter}{n}, [p0+{}]", 64 * n);
        }
        for n in 1..count {
            let _ = writeln!(text, "vaddps {letter}0, {letter}0, {letter}{n}");
        }
        let _ = writeln!(text, "vmovups [p0], {letter}0\nreturn p0");
        Builder::new(&SYSV64, features, 1).lines(&text).finish()
    };
    assert!(places(&sum("avx2", 'y', 16)).is_ok());
    assert!(places(&sum("avx2", 'y', 17)).is_err());
    assert!(places(&sum("avx512f,avx512vl", 'y', 32)).is_ok());
    assert!(places(&sum("avx512f", 'z', 32)).is_ok());
    assert!(places(&sum("avx512f", 'z', 33)).is_err());
}

#[test]
fn upper_halves_stay_clean_where_that_is_shorter() {
    let double = |letter: char| {
        let text = format!(
            "vmovups {letter}0, [p0]\nvaddps {letter}0, {letter}0, {letter}0\n\
             vmovups [p0], {letter}0\nreturn p0"
        );
        Builder::new(&SYSV64, "avx512f,avx512vl", 1).lines(&text).finish()
    };
    expect(double('z'), "p0=rdi z0=xmm16");
    // EVEX would cost more than the three bytes of `vzeroupper`.
    expect(double('y'), "p0=rdi y0=xmm0");
}

#[test]
fn spilling_makes_room() {
    for convention in [&SYSV64, &WIN64] {
        for count in [15, 20, 40] {
            let function = live_together(Builder::new(convention, "", 1).spill(), count);
            let facts = Facts::of(&function);
            let (spilled, _) = allocate_or_spill(&function, &facts)
                .unwrap_or_else(|failure| panic!("{count}: {}", failure.diagnostic.message));
            let spilled = spilled.expect("more than 15 are alive");
            assert_eq!(spilled.vregs.len(), count + 1 - 15, "{:?}", spilled.vregs);
        }
    }
}

/// A call of the System V convention preserves no vector register, so that a value live across it
/// has none for its whole lifetime, wherever it is named.
#[test]
fn what_no_register_can_hold_is_spilled_wherever_it_is_named() {
    let kernels = [
        ("where it becomes alive", "movups v, [p]; mov rax, [p]; call rax; mov [p], rax;"),
        ("everywhere", "mov rax, [p]; movups v, [p]; call rax;"),
        (
            "in a loop",
            "'again: { movups v, [p]; call [p]; pxor v, v; dec dword [p]; jnz continue 'again; }",
        ),
    ];
    for (named, body) in kernels {
        let kernel = format!(
            "#[spill] unsafe fn f(p: *mut u64) {{ let v: xmm; {body} movups [p + 16], v; }}"
        );
        compiled(&kernel).unwrap_or_else(|message| panic!("named {named}: {message}"));
    }
    let text = compiled(
        "#[spill] unsafe fn f(p: *mut u64, g: u64) {
            let v: xmm; movups v, [p]; call g; movups [p], v;
        }",
    )
    .expect("a slot for it");
    let (before, after) = text.split_once("call").expect("the call");
    assert!(before.contains("movups [rsp"), "{text}");
    assert!(after.contains(", [rsp"), "{text}");
}

/// Two demands that no one register meets, each by itself met by a register that lives for the
/// instruction alone.
#[test]
fn conflicting_demands_are_met_one_by_one_with_spilling() {
    let kernels = [
        "let n: gp64; mov n, [p]; shl x, n.gp8; mov rcx, [p]; mov [p], rcx; mov [p + 8], n;",
        "let n: gp64; mov n, [p]; mov rcx, n; shl x, n.gp8; mov [p + 8], n;",
        "let n: gp64; mov n, [p]; let m: gp64; mov m, [p + 8]; shl x, n.gp8; shl x, m.gp8; add x, n;",
    ];
    for body in kernels {
        let kernel =
            format!("#[spill] unsafe fn f(p: *mut u64, x: u64) -> u64 {{ {body} return x; }}");
        compiled(&kernel).unwrap_or_else(|message| panic!("{body}: {message}"));
    }
}

/// Allocates, lowers and lets the checker replay the result. `None` where there is no allocation.
fn accepted(function: &Function) -> Option<Lowered> {
    let facts = Facts::of(function);
    let (spilled, allocation) = match allocate_or_spill(function, &facts) {
        Ok(found) => found,
        Err(failure) => {
            assert_ne!(failure.diagnostic.code, Code::Internal, "{failure:?}");
            return None;
        }
    };
    let lowered = match &spilled {
        None => frame::lower(function, &facts, &allocation),
        Some(spilled) => {
            let mut lowered = frame::lower(&spilled.function, &spilled.facts, &allocation);
            spilled.attribute(&mut lowered);
            lowered
        }
    };
    if let Err(refusal) = check::check(function, &facts.effects, &lowered) {
        let dump: Vec<String> = lowered.items.iter().map(|item| format!("{item:?}")).collect();
        panic!("{}\n{}", refusal.message, dump.join("\n"));
    }
    Some(lowered)
}

/// How many random kernels each test compiles, under both conventions.
const SEEDS: u64 = 100;

#[test]
fn the_checker_accepts_random_kernels_under_pressure() {
    let (mut fitted, mut refused) = (0u64, 0);
    for seed in 0..SEEDS {
        for convention in [&SYSV64, &WIN64] {
            let kernel = random::kernel(seed);
            let function =
                Builder::new(convention, "avx2", kernel.args).lines(&kernel.text).finish();
            match accepted(&function) {
                Some(_) => fitted += 1,
                None => refused += 1,
            }
        }
    }
    assert!(fitted > SEEDS && refused > 30, "{fitted} {refused}");
}

#[test]
fn every_random_kernel_fits_with_spilling() {
    for seed in 0..SEEDS {
        for convention in [&SYSV64, &WIN64] {
            let kernel = random::kernel(seed);
            let builder = Builder::new(convention, "avx2", kernel.args).spill();
            let function = builder.lines(&kernel.text).finish();
            assert!(accepted(&function).is_some(), "seed {seed}");
        }
    }
}

/// A long kernel: `registers` values, of which about ten are live at once, in loops and branches.
fn long(instructions: usize, registers: usize) -> Function {
    let mut text = String::new();
    let mut numbers = Random::new(1);
    let mut random = move |below: usize| numbers.below(below);
    let mut window: Vec<usize> = Vec::new();
    let mut label = 0;
    for n in 0..instructions {
        let fresh = n * registers / instructions;
        if window.last() != Some(&fresh) {
            let _ = writeln!(text, "mov v{fresh}, [p0+{}]", n % 1000);
            window.push(fresh);
            if window.len() > 10 {
                window.remove(0);
            }
            continue;
        }
        let (a, b) = (window[random(window.len())], window[random(window.len())]);
        match n % 19 {
            0 => {
                label += 1;
                let _ = writeln!(text, "l{label}:");
            }
            7 if label > 0 => {
                let _ = writeln!(text, "jnz @l{label}");
            }
            _ => {
                let _ = writeln!(text, "add v{a}, v{b}");
            }
        }
    }
    let last = window[window.len() - 1];
    Builder::new(&SYSV64, "", 1).lines(&text).lines(&format!("return v{last}")).finish()
}

#[global_allocator]
static COUNTING: CountingAllocator = CountingAllocator;

/// Ten times the code is at most thirteen times the work: n log n.
#[test]
fn work_grows_with_length() {
    let sizes = [(1_000, 50), (10_000, 500), (100_000, 5_000)];
    let work = sizes.map(|(instructions, registers)| {
        let function = long(instructions, registers);
        let facts = Facts::of(&function);
        let (bytes, result) = allocated(|| allocate(&function, &facts));
        assert!(result.is_ok(), "{instructions} instructions");
        bytes
    });
    let is_fine = work.windows(2).all(|pair| pair[1] < 13 * pair[0]);
    assert!(is_fine, "bytes allocated for {sizes:?}: {work:?}");
}
