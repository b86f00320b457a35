//! Arguments that are passed by reference as operands in memory: where they become that, and what
//! the checker makes of damage to it.

use peach_compiler::abi::WIN64;
use peach_compiler::analysis::Facts;
use peach_compiler::check::check;
use peach_compiler::ir::{Base, Code, Function, Instruction, Lowered, Mem, Op, Operand, Reg, View};
use peach_compiler::isa::{self, Class, Mnemonic, PhysReg, gp};
use peach_compiler::pipeline::{self, CompiledFunction};

fn compile(source: &str) -> CompiledFunction {
    let mut compilation = pipeline::compile(source.parse().expect("tokens"), &WIN64);
    let reports: Vec<_> = compilation.diagnostics.iter().collect();
    assert!(reports.is_empty(), "{source}: {reports:?}");
    compilation.kernels.remove(0).versions.remove(0)
}

/// The instructions, one after the other.
fn listing(source: &str) -> String {
    let texts = compile(source).lowered.items.into_iter().filter_map(|item| match item.code {
        Code::Inst(inst) => Some(inst.to_string()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("; ")
}

fn expect(source: &str, wanted: &str) {
    assert_eq!(listing(source), wanted, "{source}");
}

const SUM: &str = "fn f(a: __m128, b: __m128) -> __m128 { addps a, b; return a; }";

#[test]
fn what_is_read_once_is_an_operand() {
    expect(SUM, "movups xmm0, [rcx]; addps xmm0, [rdx]; ret");
    expect(
        "#[target_feature(enable = \"avx\")]
        fn f(a: __m256, b: __m256) -> __m256 { vaddps a, a, b; return a; }",
        "vmovups ymm0, [rcx]; vaddps ymm0, ymm0, [rdx]; ret",
    );
    expect(
        "fn f(a: u64, b: i128) -> u64 { add a, b.lo; adc a, b.hi; return a; }",
        "add rcx, [rdx]; adc rcx, [rdx + 8]; mov rax, rcx; ret",
    );
}

/// The address is live until it is used, wherever it is by then.
#[test]
fn the_address_makes_way() {
    let text = listing(
        "fn f(a: u64, b: __m128i) -> __m128i {
            let v: xmm; mov rax, a; mul a; movq v, rdx; paddd v, b; return v;
        }",
    );
    let copy = text.split("; ").find(|inst| inst.ends_with(", rdx")).expect("a copy of it");
    let place = copy.trim_start_matches("mov ").trim_end_matches(", rdx");
    assert!(text.contains(&format!("paddd xmm0, [{place}]")), "{text}");
}

#[test]
fn what_would_not_do_the_same_is_loaded() {
    let loaded = |source: &str, load: &str| {
        let text = listing(source);
        assert!(text.contains(load), "{source}: {text}");
    };
    // Twice.
    loaded(
        "fn f(a: __m128, b: __m128) -> __m128 { addps a, b; mulps a, b; return a; }",
        "movups xmm1, [rdx]",
    );
    // In a loop.
    loaded(
        "fn f(n: u64, b: __m128) -> __m128 {
            let v: xmm; xorps v, v; 'next: { addps v, b; dec n; jnz continue 'next; } return v;
        }",
        "movups xmm1, [rdx]",
    );
    // Merges between registers, clears from memory.
    loaded("fn f(a: __m128, b: __m128) -> __m128 { movss a, b; return a; }", "movups xmm1, [rdx]");
    // Needs 32 bytes of alignment, which nothing promises.
    loaded(
        "#[target_feature(enable = \"avx\")]
        fn f(a: u64, b: __m256) -> __m256 { let v: ymm; vmovaps v, b; return v; }",
        "vmovups ymm",
    );
    // The address is on the stack.
    loaded(
        "fn f(a: __m128, b: u64, c: u64, d: u64, e: __m128) -> __m128 { addps a, e; return a; }",
        "addps xmm0, xmm",
    );
}

fn addition(lowered: &mut Lowered) -> &mut Instruction<PhysReg> {
    let mut found = lowered.items.iter_mut().filter_map(|item| match &mut item.code {
        Code::Inst(inst) if inst.mnemonic.name() == "addps" => Some(inst),
        _ => None,
    });
    found.next().expect("an addition")
}

fn at(reg: PhysReg, disp: i64) -> Mem<PhysReg> {
    Mem::new(Base::Reg(View { reg, class: Class::Gp64 }), disp)
}

#[test]
fn other_memory_is_refused() {
    let compiled = compile(SUM);
    let facts = Facts::of(&compiled.function);
    let accepts = |mem: Mem<PhysReg>| {
        let mut mutant = compiled.lowered.clone();
        let operand = memory(addition(&mut mutant));
        *operand = Mem { size: operand.size, ..mem };
        check(&compiled.function, &facts.effects, &mutant).is_ok()
    };
    assert!(accepts(at(gp::RDX, 0)));
    assert!(!accepts(at(gp::RDX, 16)), "other bytes");
    assert!(!accepts(at(gp::RCX, 0)), "another argument");
    assert!(!accepts(at(gp::RAX, 0)), "any address");
    assert!(!accepts(at(gp::RSP, 16)), "the stack");
    let index = Some((View { reg: gp::RAX, class: Class::Gp64 }, 1));
    assert!(!accepts(Mem { index, ..at(gp::RDX, 0) }), "an index");
    let base = Base::Reg(View { reg: gp::RDX, class: Class::Gp32 });
    assert!(!accepts(Mem::new(base, 0)), "half of the address");
}

#[test]
fn a_changed_address_is_refused() {
    let compiled = compile(SUM);
    let facts = Facts::of(&compiled.function);
    let mut mutant = compiled.lowered.clone();
    let load = mutant.items.iter_mut().find(|item| matches!(item.code, Code::Inst(_)));
    let load = load.expect("the load of `a`");
    let mut overwrite = load.clone();
    let Code::Inst(inst) = &mut overwrite.code else { panic!("no instruction") };
    let wide = |reg| Operand::Reg(View { reg, class: Class::Gp64 });
    let mov = Mnemonic::parse("mov").expect("an instruction");
    *inst = Instruction::new(mov, vec![wide(gp::RDX), wide(gp::RCX)]);
    mutant.items.insert(0, overwrite);
    let refusal = check(&compiled.function, &facts.effects, &mutant).expect_err("another address");
    assert!(refusal.message.contains("Pointer"), "{}", refusal.message);
}

/// The operand is only read, and is all of one argument: a bound function that says otherwise is as
/// wrong as its code.
#[test]
fn a_wrong_operand_is_refused_though_the_code_is_the_same() {
    let damaged = |change: fn(&mut Instruction<Reg>, &mut Instruction<PhysReg>)| {
        let CompiledFunction { mut function, mut lowered, .. } = compile(SUM);
        change(author(&mut function), addition(&mut lowered));
        let facts = Facts::of(&function);
        check(&function, &facts.effects, &lowered).map_err(|refusal| refusal.message)
    };
    assert_eq!(damaged(|_, _| {}), Ok(()));
    let elsewhere = damaged(|author, rendering| {
        move_memory(author);
        move_memory(rendering);
    });
    assert!(elsewhere.expect_err("no argument").contains("is not an argument"));
    let indexed = damaged(|author, rendering| {
        index_memory(author, Reg::Physical(gp::RAX));
        index_memory(rendering, gp::RAX);
    });
    assert!(indexed.expect_err("an index").contains("is not an argument"));
}

#[test]
fn a_store_through_the_address_is_refused() {
    let CompiledFunction { mut function, mut lowered, .. } = compile(SUM);
    let movups = Mnemonic::parse("movups").expect("an instruction");
    let inst = author(&mut function);
    inst.mnemonic = movups;
    inst.operands.swap(0, 1);
    let rendering = addition(&mut lowered);
    rendering.mnemonic = movups;
    rendering.operands.swap(0, 1);
    for inst in &mut function.insts {
        if let Op::Machine(machine) = &mut inst.op {
            let selection = isa::select(&machine.inst, &function.features);
            machine.selection = selection.expect("a store");
        }
    }
    let facts = Facts::of(&function);
    let refusal = check(&function, &facts.effects, &lowered).expect_err("a store");
    assert!(refusal.message.contains("does not just read an argument"), "{}", refusal.message);
}

fn author(function: &mut Function) -> &mut Instruction<Reg> {
    let mut found = function.insts.iter_mut().filter_map(|inst| match &mut inst.op {
        Op::Machine(machine) => Some(&mut machine.inst),
        _ => None,
    });
    found.next().expect("an addition")
}

fn memory<R: Copy>(inst: &mut Instruction<R>) -> &mut Mem<R> {
    let mut found = inst.operands.iter_mut().filter_map(|operand| match operand {
        Operand::Mem(mem) => Some(mem),
        _ => None,
    });
    found.next().expect("memory")
}

fn move_memory<R: Copy>(inst: &mut Instruction<R>) {
    memory(inst).disp += 16;
}

fn index_memory<R: Copy>(inst: &mut Instruction<R>, reg: R) {
    memory(inst).index = Some((View { reg, class: Class::Gp64 }, 1));
}
