//! The plain kernels of the library and of the examples, and mutants of them: whatever is accepted
//! stays inside of its references and slices.
//!
//! Their arguments are placed as their signatures say: what they refer to beside unreadable pages, in
//! every small length, all slices equally long and each another; numbers at corners; and whatever
//! the convention leaves unspecified at random. `PEACH_KERNEL_MUTANTS=N` sets how many mutants there
//! are.

use crate::mutants::changed;
use crate::{End, corners, isolated, number};
use peach_compiler::abi::{ArgPlace, SYSV64};
use peach_compiler::diagnostics::Severity;
use peach_compiler::ir::{ArgId, ArgValue, Function};
use peach_compiler::isa::Bank;
use peach_compiler::pipeline::{CompiledFunction, compile};
use peach_testing::Random;
use peach_testing::executable::Executable;
use peach_testing::guarded::{Guarded, PAGE};
use peach_testing::machine::{Machine, Zmm};
use peach_testing::sources;
use proc_macro2::{Delimiter, Group, Ident, Literal, Punct, Spacing, TokenStream, TokenTree};

/// Larger blocks take seconds each to compile.
const TOKENS: usize = 2500;

/// The lengths of slices, in elements.
fn lengths() -> impl Iterator<Item = usize> {
    (0..=70).chain([95, 96, 97, 127, 128, 129, 130, 255, 256, 257, 300, 511, 512, 513])
}

/// The blocks of kernels, as their macros make them, with the names of their files.
fn blocks() -> Vec<(String, TokenStream)> {
    let folders = ["peach-kernels/src", "examples"].map(|folder| sources::root().join(folder));
    let files = folders.iter().flat_map(|folder| sources::files(folder, "rs"));
    let blocks = files.flat_map(|path| {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        sources::kernels(&path).into_iter().map(move |block| (name.clone(), block))
    });
    blocks.filter(|(_, block)| leaves(block).len() <= TOKENS).collect()
}

/// The kernels of a block that the compiler accepts, if it does, and that can be called here.
fn kernels(block: TokenStream) -> Option<Vec<CompiledFunction>> {
    let compilation = compile(block, &SYSV64);
    if compilation.diagnostics.iter().any(|d| d.severity() == Severity::Error) {
        return None;
    }
    let versions = compilation.kernels.into_iter().flat_map(|kernel| kernel.versions);
    Some(versions.filter(is_callable).collect())
}

/// Whether it is plain, on its own, and has the convention of the tests.
fn is_callable(kernel: &CompiledFunction) -> bool {
    let function = &kernel.function;
    let fits = |arg: &ArgValue| match arg {
        ArgValue::Reference { bytes, .. } => bytes.is_some_and(|bytes| bytes <= PAGE as u64),
        ArgValue::Slice { element, .. } => *element > 0,
        ArgValue::Number { .. } | ArgValue::Bool | ArgValue::Char | ArgValue::Vector { .. } => true,
        ArgValue::Pointer { .. } => true,
    };
    !function.options.unsafe_fn
        && !function.insts.iter().any(|inst| inst.in_unsafe)
        && kernel.encoded.patches.is_empty()
        && function.convention.name == SYSV64.name
        && function.args.iter().all(|arg| fits(&arg.value))
}

/// What an argument refers to.
struct Region {
    memory: Guarded,
    content: Vec<u8>,
    at_end: bool,
    mutable: bool,
}

impl Region {
    fn new(bytes: usize, at_end: bool, mutable: bool, random: &mut Random) -> (Region, u64) {
        let mut memory = Guarded::new();
        let content: Vec<u8> = (0..bytes).map(|_| random.bits() as u8).collect();
        let start = memory.place(&content, at_end) as u64;
        (Region { memory, content, at_end, mutable }, start)
    }

    fn is_intact(&self) -> bool {
        let len = self.content.len();
        let is_kept = self.mutable || self.memory.content(len, self.at_end) == self.content;
        is_kept && self.memory.is_intact(len, self.at_end)
    }
}

/// Calls a kernel with every length; whether nothing was touched that must not be.
fn run(kernel: &CompiledFunction, code: &Executable, random: &mut Random) -> bool {
    lengths().enumerate().all(|(round, len)| {
        [false, true].into_iter().all(|is_even| {
            let (mut machine, regions) = arguments(&kernel.function, round, len, is_even, random);
            // SAFETY: this is what is to be shown, in a process of its own.
            unsafe { machine.call(code.start()) };
            regions.iter().all(Region::is_intact)
        })
    })
}

/// Registers and stack as a caller sets them, and the memory that they refer to.
fn arguments(
    function: &Function,
    round: usize,
    len: usize,
    is_even: bool,
    random: &mut Random,
) -> (Machine, Vec<Region>) {
    let mut machine = Machine::poisoned(random.bits());
    let mut regions = Vec::new();
    let mut last_len = 0;
    for (index, arg) in function.args.iter().enumerate() {
        let at_end = random.one_in(2);
        let value = match arg.value {
            ArgValue::Reference { bytes, mutable, .. } => {
                let bytes = bytes.unwrap_or(0) as usize;
                let (region, start) = Region::new(bytes, at_end, mutable, random);
                regions.push(region);
                start
            }
            ArgValue::Slice { element, mutable, .. } => {
                let other = lengths().nth((round * 7 + index * 5) % 60).unwrap_or(0);
                let len = if is_even { len } else { other }.min(PAGE / element as usize);
                let bytes = len * element as usize;
                let (region, start) = Region::new(bytes, at_end, mutable, random);
                regions.push(region);
                last_len = len as u64;
                start
            }
            ArgValue::Number { .. } if is_length(function, index) => last_len,
            ArgValue::Number { bytes } => {
                let corner = corners(len)[(round + index * 3) % 10];
                let above = if bytes < 8 { random.bits() << (8 * bytes) } else { 0 };
                let below = if bytes < 8 { corner & ((1 << (8 * bytes)) - 1) } else { corner };
                above | below
            }
            ArgValue::Bool => random.below(2),
            ArgValue::Char => 97,
            ArgValue::Vector { .. } | ArgValue::Pointer { .. } => random.bits(),
        };
        place(function, ArgId(index as u32), value, &mut machine);
    }
    (machine, regions)
}

/// Whether it is the length of the slice before it.
fn is_length(function: &Function, index: usize) -> bool {
    let before = index.checked_sub(1).map(|before| &function.args[before]);
    before.is_some_and(|before| {
        matches!(before.value, ArgValue::Slice { .. }) && before.param == function.args[index].param
    })
}

fn place(function: &Function, arg: ArgId, value: u64, machine: &mut Machine) {
    match function.arg_place(arg) {
        ArgPlace::Reg(reg) if reg.bank == Bank::Gp => machine.gp[usize::from(reg.num)] = value,
        ArgPlace::Reg(reg) => machine.vectors[usize::from(reg.num)] = Zmm([value; 8]),
        ArgPlace::Stack { offset } => machine.stack[offset as usize / 8] = value,
        ArgPlace::Indirect { .. } | ArgPlace::StackIndirect { .. } => {
            panic!("System V passes nothing by reference")
        }
    }
}

/// How running a kernel ends; `None` where the processor lacks something that it needs.
fn end(kernel: &CompiledFunction, random: &mut Random) -> Option<End> {
    let code = Executable::new(&kernel.encoded.bytes);
    match isolated(|| run(kernel, &code, random)) {
        End::Harmful(libc::SIGILL) => None,
        end => Some(end),
    }
}

/// All tokens but groups, in order.
fn leaves(tokens: &TokenStream) -> Vec<String> {
    tokens
        .clone()
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Group(group) => leaves(&group.stream()),
            token => vec![token.to_string()],
        })
        .collect()
}

/// The tokens with another one in place `at` of the leaves.
fn replaced(tokens: TokenStream, at: &mut usize, other: &str) -> TokenStream {
    let one = |token: TokenTree| match token {
        TokenTree::Group(group) => {
            let inside = replaced(group.stream(), at, other);
            TokenTree::Group(Group::new(group.delimiter(), inside))
        }
        token => {
            let is_here = *at == 0;
            *at = at.wrapping_sub(1);
            if is_here { parsed(other) } else { token }
        }
    };
    tokens.into_iter().map(one).collect()
}

/// One token.
fn parsed(text: &str) -> TokenTree {
    let first = text.chars().next().expect("a token");
    match first {
        '0'..='9' => Literal::u64_unsuffixed(text.parse().expect("a number")).into(),
        'a'..='z' | 'A'..='Z' | '_' => Ident::new(text, proc_macro2::Span::call_site()).into(),
        mark => Punct::new(mark, Spacing::Alone).into(),
    }
}

/// The names that `let` declares, and those of parameters.
fn registers(leaves: &[String]) -> Vec<&str> {
    let is_name = |name: &str| name.starts_with(|c: char| c.is_ascii_lowercase());
    let declared = leaves.windows(2).filter_map(|pair| match (&*pair[0], &*pair[1]) {
        ("let" | ",", name) | (name, ":") if is_name(name) && name != "mut" => Some(name),
        _ => None,
    });
    declared.filter(|name| !["fn", "for", "gp64", "gp32", "len", "ptr"].contains(name)).collect()
}

/// The block without one statement of an instruction.
fn without_statement(tokens: TokenStream, random: &mut Random) -> TokenStream {
    let mut list: Vec<TokenTree> = tokens.into_iter().collect();
    let groups: Vec<usize> = (0..list.len())
        .filter(|at| matches!(&list[*at], TokenTree::Group(g) if g.delimiter() == Delimiter::Brace))
        .collect();
    let ends: Vec<usize> = (0..list.len())
        .filter(|at| matches!(&list[*at], TokenTree::Punct(p) if p.as_char() == ';'))
        .collect();
    let is_deeper = ends.len() < 3 || random.one_in(2);
    if let Some(&at) =
        groups.get(random.below(groups.len().max(1) as u64) as usize).filter(|_| is_deeper)
        && let TokenTree::Group(group) = &list[at]
    {
        let inside = without_statement(group.stream(), random);
        list[at] = TokenTree::Group(Group::new(Delimiter::Brace, inside));
    } else if ends.len() >= 2 {
        let at = random.below(ends.len() as u64 - 1) as usize;
        let statement = ends[at] + 1..=ends[at + 1];
        let is_instruction =
            matches!(&list[*statement.start()], TokenTree::Ident(name) if name != "let");
        if is_instruction {
            list.drain(statement);
        }
    }
    list.into_iter().collect()
}

fn mutate(block: &TokenStream, random: &mut Random) -> Option<TokenStream> {
    if random.one_in(5) {
        return Some(without_statement(block.clone(), random));
    }
    let leaves = leaves(block);
    let mut at = random.below(leaves.len() as u64) as usize;
    let other = changed(&leaves, at, &registers(&leaves), random)?;
    (other != leaves[at]).then(|| replaced(block.clone(), &mut at, &other))
}

#[test]
fn kernels_stay_inside() {
    let mut random = Random::new(1);
    let (mut count, mut endless, mut lacking) = (0, 0, 0);
    for (name, block) in blocks() {
        for kernel in kernels(block).unwrap_or_default() {
            match end(&kernel, &mut random) {
                Some(End::Harmless) => count += 1,
                Some(End::Endless) => endless += 1,
                None => lacking += 1,
                Some(End::Harmful(signal)) => {
                    panic!("signal {signal}: {name} {}", kernel.function.name)
                }
            }
        }
    }
    println!("{count} kernels, {endless} take long; the processor lacks what {lacking} need");
    assert!(count + lacking > 60, "only {count}");
}

#[test]
fn mutants_of_kernels_are_refused_or_harmless() {
    let wanted = number("PEACH_KERNEL_MUTANTS").unwrap_or(40);
    let mut random = Random::new(number("PEACH_SEED").unwrap_or(1));
    let blocks = blocks();
    let (mut refused, mut accepted) = (0, 0);
    let (mut harmless, mut endless, mut lacking) = (0, 0, 0);
    while refused + accepted < wanted {
        let (name, block) = &blocks[random.below(blocks.len() as u64) as usize];
        let Some(mutant) = mutate(block, &mut random) else { continue };
        let Some(kernels) = kernels(mutant.clone()) else {
            refused += 1;
            continue;
        };
        accepted += 1;
        for kernel in kernels {
            match end(&kernel, &mut random) {
                Some(End::Harmless) => harmless += 1,
                Some(End::Endless) => endless += 1,
                None => lacking += 1,
                Some(End::Harmful(signal)) => {
                    panic!("signal {signal}: {name} {}\n{mutant}", kernel.function.name)
                }
            }
        }
    }
    println!(
        "{refused} mutants are refused, {accepted} accepted; of the kernels in these {harmless} are \
         harmless, {endless} endless; the processor lacks what {lacking} need"
    );
}
