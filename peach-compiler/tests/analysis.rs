//! The dataflow analyses against naive ones, on random programs over real instructions.

use peach_compiler::abi::{Placement, SYSV64};
use peach_compiler::analysis::{Facts, Uses, verify};
use peach_compiler::diagnostics::{Code, Diagnostics};
use peach_compiler::ir::{
    Branch, Function, Inst, Instruction, LabelId, LabelInfo, Machine, Op, Operand, Options, Reg,
    ResultKind, VReg, VRegInfo, View,
};
use peach_compiler::isa::{
    Class, Effects, FeatureSet, Flags, Lanes, Mnemonic, PhysReg, gp, select,
};
use peach_testing::Random;
use peach_testing::work::{CountingAllocator, allocated};
use proc_macro2::Span;
use std::collections::BTreeMap;

const GENERAL: usize = 4;
const VECTORS: usize = 3;

/// A function of `insts` with four general-purpose and three vector registers and `labels` labels.
fn function(insts: Vec<Op>, labels: usize) -> Function {
    let span = Span::call_site();
    let vreg = |index: usize| VRegInfo {
        name: format!("v{index}"),
        class: if index < GENERAL { Class::Gp64 } else { Class::Xmm },
        span,
        arg: None,
        temporary: false,
    };
    Function {
        name: "random".to_string(),
        span,
        convention: &SYSV64,
        placement: Placement::default(),
        features: FeatureSet::baseline(),
        options: Options { unsafe_fn: true, ..Options::default() },
        args: Vec::new(),
        hidden_result: None,
        result: ResultKind::Unit,
        vregs: (0..GENERAL + VECTORS).map(vreg).collect(),
        labels: (0..labels).map(|i| LabelInfo { name: format!("'l{i}"), span }).collect(),
        data: Vec::new(),
        locals: Vec::new(),
        local_fns: Vec::new(),
        inlined: Vec::new(),
        rust_consts: Vec::new(),
        rust_syms: Vec::new(),
        insts: insts
            .into_iter()
            .map(|op| Inst { op, span, operand_spans: Vec::new(), in_unsafe: true, inlined: None })
            .collect(),
    }
}

fn machine(name: &str, operands: Vec<Operand<Reg>>) -> Op {
    let inst = Instruction::new(Mnemonic::parse(name).expect(name), operands);
    let selection = select(&inst, &FeatureSet::all()).expect(name);
    Op::Machine(Machine { inst, targets: None, selection })
}

fn jump(name: &str, label: usize) -> Op {
    machine(name, vec![Operand::Label(Branch { label: LabelId(label as u32), size: None })])
}

fn general(random: &mut Random) -> Reg {
    match random.below(GENERAL + 1) {
        GENERAL => Reg::Physical(gp::RCX),
        index => Reg::Virtual(VReg(index as u32)),
    }
}

fn vector(random: &mut Random) -> Reg {
    match random.below(VECTORS + 1) {
        VECTORS => Reg::Physical(PhysReg::vector(1)),
        index => Reg::Virtual(VReg((GENERAL + index) as u32)),
    }
}

/// An instruction that continues to the next one.
fn straight(random: &mut Random) -> Op {
    let classes = [Class::Gp8, Class::Gp16, Class::Gp32, Class::Gp64];
    let class = classes[random.below(4)];
    let wide = classes[1 + random.below(3)];
    let g = |random: &mut Random, class| View { reg: general(random), class };
    let v = |random: &mut Random| View { reg: vector(random), class: Class::Xmm };
    let (a, b, x, y) = (g(random, class), g(random, class), v(random), v(random));
    let (c, d) = (g(random, wide), g(random, wide));
    let reg = Operand::Reg;
    match random.below(19) {
        0 => machine("mov", vec![reg(a), reg(b)]),
        1 => machine("add", vec![reg(a), reg(b)]),
        2 => machine("xor", vec![reg(a), reg(a)]),
        3 => machine("sete", vec![reg(View { class: Class::Gp8, ..a })]),
        4 => machine("cmove", vec![reg(c), reg(d)]),
        5 => machine("cmp", vec![reg(a), reg(b)]),
        6 => machine(
            "lea",
            vec![
                reg(View { class: Class::Gp64, ..a }),
                Operand::Mem(peach_compiler::ir::Mem::new(
                    peach_compiler::ir::Base::Reg(View { class: Class::Gp64, ..b }),
                    8,
                )),
            ],
        ),
        7 => Op::SetImm { dst: a, value: random.below(200) as i128 },
        8 | 9 => Op::Copy { dst: a, src: View { class: a.class, ..b } },
        10 => machine("movaps", vec![reg(x), reg(y)]),
        11 => machine("movss", vec![reg(x), reg(y)]),
        12 => machine("addps", vec![reg(x), reg(y)]),
        13 => machine("xorps", vec![reg(x), reg(x)]),
        14 => machine("cvtsi2ss", vec![reg(x), reg(View { class: Class::Gp32, ..a })]),
        15 => Op::Copy { dst: x, src: y },
        16 => machine("vsqrtsd", vec![reg(x), reg(y), reg(v(random))]),
        17 => machine("vcvtsi2sd", vec![reg(x), reg(y), reg(View { class: Class::Gp32, ..a })]),
        _ => machine(
            "shl",
            vec![reg(a), Operand::Reg(View { reg: Reg::Physical(gp::RCX), class: Class::Gp8 })],
        ),
    }
}

/// `blocks` labeled blocks of up to `length` instructions that branch anywhere.
fn program(random: &mut Random, blocks: usize, length: usize) -> Function {
    let mut insts = Vec::new();
    for block in 0..blocks {
        insts.push(Op::Label(LabelId(block as u32)));
        for _ in 0..random.below(length + 1) {
            insts.push(straight(random));
        }
        match random.below(5) {
            0 => insts.push(jump("jmp", random.below(blocks))),
            1 | 2 => insts.push(jump("jz", random.below(blocks))),
            3 if random.below(3) == 0 => insts.push(Op::Return(Vec::new())),
            _ => {}
        }
    }
    insts.push(Op::Return(Vec::new()));
    function(insts, blocks)
}

/// Where control goes after each instruction, straight from the code.
fn successors(function: &Function) -> Vec<Vec<usize>> {
    let position = |label: LabelId| {
        let is_it = |inst: &Inst| matches!(inst.op, Op::Label(l) if l == label);
        function.insts.iter().position(is_it).expect("defined")
    };
    let of = |(index, inst): (usize, &Inst)| match &inst.op {
        Op::Return(_) => Vec::new(),
        Op::Machine(machine) => match (machine.inst.mnemonic.name(), &machine.inst.operands[..]) {
            ("jmp", [Operand::Label(branch)]) => vec![position(branch.label)],
            (_, [Operand::Label(branch)]) => vec![index + 1, position(branch.label)],
            _ => vec![index + 1],
        },
        _ => vec![index + 1],
    };
    function.insts.iter().enumerate().map(of).collect()
}

/// Liveness by the equations, one instruction at a time, until nothing changes.
fn naive_liveness(function: &Function, effects: &[Effects<Reg>]) -> Vec<BTreeMap<Reg, Lanes>> {
    let successors = successors(function);
    let mut live_in = vec![BTreeMap::<Reg, Lanes>::new(); effects.len()];
    let out_of = |live_in: &[BTreeMap<Reg, Lanes>], index: usize| {
        let mut out = BTreeMap::<Reg, Lanes>::new();
        for &next in &successors[index] {
            for (&reg, &lanes) in &live_in[next] {
                *out.entry(reg).or_default() |= lanes;
            }
        }
        out
    };
    loop {
        let before = live_in.clone();
        for index in (0..effects.len()).rev() {
            let mut live = out_of(&live_in, index);
            for access in &effects[index].regs {
                let lanes = live.entry(access.reg).or_default();
                *lanes = (*lanes - access.write) | access.read;
            }
            live.retain(|_, lanes| !lanes.is_empty());
            live_in[index] = live;
        }
        if live_in == before {
            return (0..effects.len()).map(|index| out_of(&live_in, index)).collect();
        }
    }
}

fn naive_flags(function: &Function, effects: &[Effects<Reg>]) -> Vec<Flags> {
    let successors = successors(function);
    let mut live_in = vec![0u8; effects.len()];
    let out_of = |live_in: &[u8], index: usize| {
        successors[index].iter().fold(0, |all, &next| all | live_in[next])
    };
    loop {
        let before = live_in.clone();
        for index in (0..effects.len()).rev() {
            let effects = &effects[index];
            let out = out_of(&live_in, index);
            live_in[index] = out & !effects.flags_written.0 | effects.flags_read.0;
        }
        if live_in == before {
            return (0..effects.len()).map(|index| Flags(out_of(&live_in, index))).collect();
        }
    }
}

#[test]
fn liveness_agrees_with_the_equations() {
    for seed in 1..=400 {
        let mut random = Random::new(seed);
        let blocks = 1 + random.below(9);
        let function = program(&mut random, blocks, 6);
        let facts = Facts::of(&function);
        let expected = naive_liveness(&function, &facts.effects);
        for block in 0..facts.cfg.blocks.len() {
            facts.for_each_live_out(block as u32, |id, live| {
                let found: BTreeMap<Reg, Lanes> = live.iter().copied().collect();
                assert_eq!(found, expected[id.index()], "seed {seed}, instruction {id:?}");
                assert!(live.is_sorted_by_key(|&(reg, _)| reg), "seed {seed}");
            });
        }
        assert_eq!(facts.flags_live_out, naive_flags(&function, &facts.effects), "seed {seed}");
    }
}

#[test]
fn reachability_agrees_with_a_walk() {
    for seed in 1..=400 {
        let mut random = Random::new(seed);
        let function = program(&mut random, 8, 2);
        let successors = successors(&function);
        let mut reached = vec![false; function.insts.len()];
        let mut todo = vec![0];
        while let Some(index) = todo.pop() {
            if !std::mem::replace(&mut reached[index], true) {
                todo.extend(&successors[index]);
            }
        }
        let facts = Facts::of(&function);
        for (index, &reached) in reached.iter().enumerate() {
            // Labels in a row share a block.
            if matches!(function.insts[index].op, Op::Label(_)) {
                continue;
            }
            assert_eq!(facts.cfg.is_reachable(index), reached, "seed {seed}, {index}");
            assert_eq!(facts.depth[index].is_some(), reached, "seed {seed}, {index}");
        }
    }
}

/// Follows every path that takes no edge more than twice; the lanes written so far decide whether a
/// read is a mistake.
fn some_path_reads_unwritten(function: &Function, effects: &[Effects<Reg>]) -> bool {
    let successors = successors(function);
    let mut open = vec![(0usize, BTreeMap::<Reg, Lanes>::new(), BTreeMap::<_, u8>::new())];
    let mut steps = 0;
    while let Some((index, mut written, mut taken)) = open.pop() {
        steps += 1;
        assert!(steps < 3_000_000, "too many paths");
        let known = |written: &BTreeMap<Reg, Lanes>, reg| written.get(&reg).copied();
        let before = written.clone();
        let is_copy = matches!(function.insts[index].op, Op::Copy { .. });
        for access in &effects[index].regs {
            let lanes = known(&before, access.reg).unwrap_or_default();
            let handed_on = effects[index].copied.filter(|copied| copied.from == access.reg);
            let read = access.read - handed_on.map_or(Lanes::NONE, |copied| copied.lanes);
            if !lanes.contains(read) && !is_copy {
                return true;
            }
            *written.entry(access.reg).or_default() |= access.write;
        }
        if let Op::Copy { dst, src } = function.insts[index].op {
            let copied = known(&before, src.reg).unwrap_or_default() & src.class.lanes();
            let lanes = written.entry(dst.reg).or_default();
            *lanes = (*lanes - dst.class.lanes()) | copied;
        }
        if let Some(copied) = effects[index].copied {
            let from = known(&before, copied.from).unwrap_or_default() & copied.lanes;
            let lanes = written.entry(copied.to).or_default();
            *lanes = (*lanes - copied.lanes) | from;
        }
        for &next in &successors[index] {
            let count = taken.entry((index, next)).or_default();
            if *count < 2 {
                *count += 1;
                open.push((next, written.clone(), taken.clone()));
                *taken.get_mut(&(index, next)).expect("just entered") -= 1;
            }
        }
    }
    false
}

#[test]
fn unwritten_reads_are_those_of_some_path() {
    let (mut bad, mut good) = (0, 0);
    for seed in 1..=3000 {
        let mut random = Random::new(seed);
        let blocks = 1 + random.below(4);
        let mut function = program(&mut random, blocks, 3);
        // Most registers are set at first, or hardly any program would be right.
        let mut setup = Vec::new();
        for index in 0..GENERAL + VECTORS + 2 {
            let name = if random.below(8) == 0 { continue } else { index };
            let view = |reg, class| Operand::Reg(View { reg, class });
            let (reg, general) = match name {
                7 => (Reg::Physical(gp::RCX), true),
                8 => (Reg::Physical(PhysReg::vector(1)), false),
                index => (Reg::Virtual(VReg(index as u32)), index < GENERAL),
            };
            let class = if general { Class::Gp64 } else { Class::Xmm };
            let name = if general { "xor" } else { "xorps" };
            setup.push(machine(name, vec![view(reg, class), view(reg, class)]));
        }
        let span = function.span;
        let setup = setup.into_iter().map(|op| Inst {
            op,
            span,
            operand_spans: Vec::new(),
            in_unsafe: true,
            inlined: None,
        });
        function.insts.splice(0..0, setup);
        let facts = Facts::of(&function);
        let mut diagnostics = Diagnostics::new();
        verify(&Uses::of(&function, &facts).unwrap(), &mut diagnostics);
        let reported = diagnostics.iter().any(|d| d.code == Code::Uninitialized);
        let expected = some_path_reads_unwritten(&function, &facts.effects);
        assert_eq!(reported, expected, "seed {seed}");
        *if expected { &mut bad } else { &mut good } += 1;
    }
    assert!(bad > 500 && good > 500, "{bad} refused, {good} accepted: the test has lost its point");
}

/// Loops around loops, built so that the depth of each instruction is known.
fn nest(
    random: &mut Random,
    depth: u32,
    insts: &mut Vec<Op>,
    depths: &mut Vec<u32>,
    labels: &mut usize,
) {
    for _ in 0..1 + random.below(3) {
        let (mut push, label) = (
            |op, depth| {
                insts.push(op);
                depths.push(depth)
            },
            *labels,
        );
        *labels += 1;
        if depth < 5 && random.below(2) == 0 {
            // Labels in a row are one block, and loops with one header would be one loop.
            push(Op::Align(1), depth);
            push(Op::Label(LabelId(label as u32)), depth + 1);
            push(Op::Align(1), depth + 1);
            nest(random, depth + 1, insts, depths, labels);
            insts.push(jump("jnz", label));
            depths.push(depth + 1);
        } else {
            push(jump("jz", label), depth);
            push(Op::Align(1), depth);
            push(Op::Label(LabelId(label as u32)), depth);
        }
    }
}

#[test]
fn loop_depth_is_that_of_the_nest() {
    for seed in 1..=300 {
        let (mut insts, mut depths, mut labels) = (Vec::new(), Vec::new(), 0);
        nest(&mut Random::new(seed), 0, &mut insts, &mut depths, &mut labels);
        insts.push(Op::Return(Vec::new()));
        depths.push(0);
        let function = function(insts, labels);
        let facts = Facts::of(&function);
        for (index, &depth) in depths.iter().enumerate() {
            let found = facts.cfg.blocks[facts.cfg.block_of[index] as usize].loop_depth;
            assert_eq!(found, depth, "seed {seed}, instruction {index}");
        }
    }
}

#[global_allocator]
static COUNTING: CountingAllocator = CountingAllocator;

/// Eight times the code is at most ten times the work.
#[test]
fn long_code_takes_linear_work() {
    let work = |blocks: usize| {
        let mut random = Random::new(7);
        let mut insts = Vec::new();
        for block in 0..blocks {
            insts.push(Op::Label(LabelId(block as u32)));
            (0..10).for_each(|_| insts.push(straight(&mut random)));
            let target = (block + random.below(20)).saturating_sub(10).min(blocks - 1);
            insts.push(jump("jz", target));
        }
        insts.push(Op::Return(Vec::new()));
        let function = function(insts, blocks);
        let (bytes, ()) = allocated(|| {
            let facts = Facts::of(&function);
            verify(&Uses::of(&function, &facts).unwrap(), &mut Diagnostics::new());
        });
        bytes
    };
    let (short, long) = (work(1000), work(8000));
    assert!(long < 10 * short, "8 times the code allocates {short} bytes, then {long}");
}
