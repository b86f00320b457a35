//! What the allocator added to the real kernels of the examples: printed, and held to nothing
//! inside loops.

use peach_compiler::abi::{SYSV64, WIN64};
use peach_compiler::ir::{Code, Item, LabelId, Operand, Origin};
use peach_compiler::pipeline::{self, CompiledFunction};

/// What the parameters of an example's macro stand for.
type Parameters = &'static [(&'static str, &'static str)];

/// Each example, its source, and the parameters of its macro.
const EXAMPLES: [(&str, &str, Parameters); 7] = [
    ("chacha20", include_str!("../examples/chacha20.rs"), &[]),
    ("sha256", include_str!("../examples/sha256.rs"), &[]),
    ("siphash", include_str!("../examples/siphash.rs"), &[("$c", "1"), ("$d", "3")]),
    ("highwayhash", include_str!("../examples/highwayhash.rs"), &[]),
    ("chaskey", include_str!("../examples/chaskey.rs"), &[("$rounds", "8")]),
    (
        "sgemm 6x16",
        include_str!("../examples/sgemm.rs"),
        &[("$features", "\"avx2,fma\""), ("$class", "ymm"), ("$width", "32")],
    ),
    (
        "sgemm 6x32",
        include_str!("../examples/sgemm.rs"),
        &[("$features", "\"avx512f,avx512dq,avx512vl\""), ("$class", "zmm"), ("$width", "64")],
    ),
];

/// The body of the example's `peach_fn!`.
fn kernels(source: &str, parameters: Parameters, abi: &str) -> String {
    let start = source.find("peach_fn! {").expect("a kernel") + "peach_fn! {".len();
    let end = source[start..].find("\n        }\n    };").expect("the end of the macro") + start;
    let text = source[start..end].replace("$abi", abi).replace("$name", "kernel");
    parameters.iter().fold(text, |text, (name, value)| text.replace(name, value))
}

#[test]
fn nothing_is_added_inside_of_loops() {
    println!("{:<11} {:<7} {:>5} {:>6} {:>8} {:>6}", "", "", "bytes", "moves", "in loops", "frame");
    for (name, source, parameters) in EXAMPLES {
        for (abi, convention) in [("\"sysv64\"", &SYSV64), ("\"win64\"", &WIN64)] {
            let text = kernels(source, parameters, abi);
            let compilation = pipeline::compile(text.parse().expect("tokens"), convention);
            let compiled = &compilation.kernels.last().expect("a kernel").versions[0];
            let moves = added_moves(compiled);
            let in_loops = moves.iter().filter(|&&at| in_loop(compiled, at)).count();
            println!(
                "{name:<11} {:<7} {:>5} {:>6} {in_loops:>8} {:>6}",
                convention.name,
                compiled.encoded.code_len,
                moves.len(),
                compiled.lowered.frame.size,
            );
            assert_eq!(in_loops, 0, "{name}, {abi}");
        }
    }
}

/// Items that move values between registers and that no source instruction stands for.
fn added_moves(compiled: &CompiledFunction) -> Vec<usize> {
    let is_move = |item: &Item| match &item.code {
        Code::Inst(inst) => {
            let registers = inst.operands.iter().all(|o| matches!(o, Operand::Reg(_)));
            inst.mnemonic.name().contains("mov") && registers && inst.operands.len() == 2
        }
        _ => false,
    };
    // `a = b` is a copy that the user wrote; what it costs is not held against the allocator.
    let added = |item: &Item| !matches!(item.origin, Origin::Author(_));
    let items = compiled.lowered.items.iter().enumerate();
    items.filter(|(_, item)| is_move(item) && added(item)).map(|(at, _)| at).collect()
}

/// Whether a later branch goes back before the item.
fn in_loop(compiled: &CompiledFunction, at: usize) -> bool {
    let items = &compiled.lowered.items;
    let position = |label: LabelId| {
        items.iter().position(|item| matches!(item.code, Code::Label(l) if l == label))
    };
    items[at..].iter().any(|item| {
        match &item.code {
        Code::Inst(inst) => inst.operands.iter().any(|operand| {
            matches!(operand, Operand::Label(branch) if position(branch.label) <= Some(at))
        }),
        _ => false,
    }
    })
}
