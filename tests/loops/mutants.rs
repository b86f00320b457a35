//! Mutants of accepted loops: each is refused, or does no harm.
//!
//! One or two tokens of a shape change: a number by one or to its double, a condition, a width, a
//! scale, a register; or a statement is left out. What is accepted nevertheless runs beside
//! unreadable pages for every small length. `PEACH_LOOP_MUTANTS=N` sets how many there are.

use crate::table::{Shape, shapes};
use crate::{End, Kernel, in_a_process, number};
use peach_runtime::jit;
use peach_testing::Random;
use peach_testing::processor;

const CONDITIONS: [&str; 16] =
    ["b", "ae", "e", "ne", "be", "a", "s", "ns", "l", "ge", "le", "g", "z", "nz", "c", "nc"];

const WIDTHS: [&str; 6] = ["byte", "word", "dword", "qword", "xmmword", "ymmword"];

const VIEWS: [&str; 4] = ["gp8", "gp16", "gp32", "gp64"];

/// The registers of the shapes.
const REGISTERS: [&str; 20] = [
    "x.ptr", "y.ptr", "x.len", "y.len", "a", "b", "i", "n", "p", "q", "t", "rcx", "rsi", "rdi",
    "lo", "hi", "mid", "end", "m", "k",
];

/// Pairs of instructions that look alike.
const TWINS: [(&str, &str); 14] = [
    ("add", "sub"),
    ("inc", "dec"),
    ("shr", "sar"),
    ("shl", "shr"),
    ("movzx", "movsx"),
    ("cmp", "test"),
    ("and", "or"),
    ("lea", "mov"),
    ("movups", "movaps"),
    ("vmovups", "vmovupd"),
    ("vmovdqu", "vmovdqa"),
    ("bzhi", "shlx"),
    ("movsb", "movsw"),
    ("stosb", "stosd"),
];

/// Tokens, with what is between them.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.' || c == '\'';
    for c in text.chars() {
        match tokens.last_mut().filter(|last| is_word(c) && last.chars().all(is_word)) {
            Some(last) if c != '\'' => last.push(c),
            _ => tokens.push(c.to_string()),
        }
    }
    tokens
}

/// The body with something changed, if there is something to change at that place.
fn mutate(body: &str, random: &mut Random) -> Option<String> {
    let mut tokens = tokens(body);
    // Whole statements, once in a while.
    if random.one_in(6) {
        let ends: Vec<usize> = (0..tokens.len()).filter(|at| tokens[*at] == ";").collect();
        let at = random.below(ends.len() as u64 - 1) as usize;
        let dropped: String = tokens.drain(ends[at] + 1..=ends[at + 1]).collect();
        let is_dull = dropped.contains('\'') || dropped.contains("let") || dropped.contains('{');
        return (!is_dull).then(|| tokens.concat());
    }
    let at = random.below(tokens.len() as u64) as usize;
    let changed = changed(&tokens, at, &REGISTERS, random)?;
    (changed != tokens[at]).then(|| {
        tokens[at] = changed;
        tokens.concat()
    })
}

/// What a token may become; `names` are those of registers.
pub fn changed(
    tokens: &[String],
    at: usize,
    names: &[&str],
    random: &mut Random,
) -> Option<String> {
    let token = tokens[at].as_str();
    if let Ok(number) = token.parse::<i64>() {
        let others = [number + 1, (number - 1).max(0), number * 2, number / 2, 1, 8];
        return Some(others[random.below(6) as usize].to_string());
    }
    for prefix in ["cmov", "set", "j"] {
        let condition = token.strip_prefix(prefix).filter(|c| CONDITIONS.contains(c));
        if condition.is_some() {
            return Some(format!("{prefix}{}", random.pick(&CONDITIONS)));
        }
    }
    if WIDTHS.contains(&token) {
        return Some(random.pick(&WIDTHS).to_string());
    }
    if let Some((name, view)) = token.rsplit_once('.').filter(|(_, view)| VIEWS.contains(view)) {
        let other = random.pick(&VIEWS);
        return Some(if other == view { name.to_string() } else { format!("{name}.{other}") });
    }
    if let Some((a, b)) = TWINS.iter().find(|(a, b)| *a == token || *b == token) {
        return Some(if *a == token { b.to_string() } else { a.to_string() });
    }
    match token {
        "+" => Some("-".to_string()),
        "-" => Some("+".to_string()),
        _ if VIEWS.contains(&token) => Some(random.pick(&VIEWS).to_string()),
        _ => other_register(tokens, token, names, random),
    }
}

/// Another register of the same body, for one.
fn other_register(
    tokens: &[String],
    token: &str,
    names: &[&str],
    random: &mut Random,
) -> Option<String> {
    let others = tokens.iter().map(String::as_str);
    let others: Vec<&str> = others.filter(|o| names.contains(o) && *o != token).collect();
    (names.contains(&token) && !others.is_empty()).then(|| random.pick(&others).to_string())
}

#[test]
fn mutants_of_shapes_are_refused_or_harmless() {
    let count = number("PEACH_LOOP_MUTANTS").unwrap_or(200);
    let all: Vec<Shape> = shapes().into_iter().filter(runs_here).collect();
    let mut random = Random::new(number("PEACH_SEED").unwrap_or(1));
    let (mut refused, mut none, mut harmless, mut endless) = (0, 0, 0, 0);
    while refused + none + harmless + endless < count {
        let shape = &all[random.below(all.len() as u64) as usize];
        let Some(mut body) = mutate(&shape.body, &mut random) else { continue };
        if random.one_in(4) {
            body = mutate(&body, &mut random).unwrap_or(body);
        }
        let text = shape.kernel("sysv64", &body);
        let function = match jit::compile::<Kernel>(&text) {
            Ok(function) => function,
            Err(error) => {
                let error = error.to_string();
                let is_refused = error.contains("E0501") || error.contains("E0502");
                refused += u64::from(is_refused);
                none += u64::from(!is_refused);
                continue;
            }
        };
        // SAFETY: it is called in another process.
        match in_a_process(unsafe { function.pointer() }, shape.element_bytes(), 0..=70) {
            End::Harmless => harmless += 1,
            End::Endless => endless += 1,
            End::Harmful(signal) => panic!("signal {signal}: {}\n{text}", shape.name),
        }
    }
    println!(
        "{refused} mutants are refused, {harmless} harmless, {endless} endless; {none} are no kernels"
    );
}

/// Whether this processor has what a shape needs.
fn runs_here(shape: &Shape) -> bool {
    let compiled = jit::compile::<Kernel>(&shape.kernel("sysv64", &shape.body));
    processor::runs(compiled.as_ref().map(|_| ()))
}
