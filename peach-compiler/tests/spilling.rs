//! Every form of every instruction with each of its registers spilled: it compiles for both
//! conventions, and does what it does with registers wherever this processor has it.
//!
//! Each operand is set from memory, kept while every register of its bank is taken, and stored
//! after the instruction. What then is used in memory runs next to the same kernel without the
//! crowd. The conventions take turns; `PEACH_FULL=1` tries both for all.

#[path = "execution/instances.rs"]
mod instances;
#[path = "execution/machine.rs"]
#[expect(dead_code, reason = "the other test that runs single instructions uses more of it")]
mod machine;

use instances::instance;
use machine::{Runner, State};
use peach_compiler::abi::{Convention, SYSV64, WIN64};
use peach_compiler::builder::{Builder, Built, Register, memory};
use peach_compiler::diagnostics::{Code, Diagnostics};
use peach_compiler::ir::{Base, Code as Item, Instruction, Mem, Operand, Origin, Reg, VReg, View};
use peach_compiler::isa::{
    self, Bank, Class, Control, Effects, Feature, FeatureSet, Hazard, Mnemonic, PhysReg, gp,
};
use peach_testing::Random;
use std::collections::BTreeMap;

/// What came of the sweep.
#[derive(Default)]
struct Report {
    spilled: usize,
    folded: usize,
    ran: usize,
    failures: BTreeMap<String, String>,
    /// Forms that are impossible for a reason of their own, by its code.
    impossible: BTreeMap<&'static str, Vec<String>>,
}

/// Instructions that continue to the next one and may be in any kernel.
fn is_meant(inst: &Instruction<PhysReg>, effects: &Effects<PhysReg>) -> bool {
    let names_rsp = effects.regs.iter().any(|access| access.reg == gp::RSP);
    effects.control == Control::Next
        && effects.stack == 0
        && !names_rsp
        && !inst.prefixes.rep
        && !matches!(effects.hazard, Some(Hazard::PreservedState))
}

#[test]
fn every_register_of_every_form_can_be_spilled() {
    let mut runner = Runner::new();
    if runner.is_none() {
        peach_testing::tools::left_out("spilled operands run: needs AVX-512 and executable memory");
    }
    let only = std::env::var("PEACH_ONLY").ok();
    let mut names: Vec<_> = Mnemonic::all_names().collect();
    names.sort_unstable();
    let mut random = Random::new(7);
    let mut report = Report::default();
    // Both conventions take half a minute more.
    let full = std::env::var_os("PEACH_FULL").is_some();
    let mut turn = 0;
    for name in names.into_iter().filter(|name| only.as_deref().is_none_or(|only| only == *name)) {
        let mnemonic = Mnemonic::parse(name).expect("it is one of the names");
        for form in mnemonic.forms() {
            let fixed = form.operands().iter().map(|operand| operand.is_fixed).collect();
            let inst = instance(mnemonic, form, &mut random);
            let Ok(selection) = isa::select(&inst, &FeatureSet::all()) else { continue };
            if !is_meant(&inst, &isa::effects(&inst, &selection)) {
                continue;
            }
            let Some(trial) = Trial::new(inst, fixed, form.features()) else { continue };
            for spilled in 0..trial.registers.len() {
                turn += 1;
                let conventions = [&SYSV64, &WIN64];
                let some = if full { &conventions[..] } else { &conventions[turn % 2..][..1] };
                for convention in some {
                    trial.run(spilled, convention, runner.as_mut(), &mut report);
                }
            }
        }
    }
    println!(
        "{} operands spilled, {} of them used in memory, {} of those ran",
        report.spilled, report.folded, report.ran
    );
    for (code, forms) in &report.impossible {
        println!("{code}: {} operands, such as {}", forms.len(), forms[0]);
    }
    let shown: Vec<_> = report.failures.iter().take(20).collect();
    assert!(report.failures.is_empty(), "{}: {shown:#?}", report.failures.len());
    assert!(only.is_some() || report.folded > 1_000, "only {} in memory", report.folded);
}

/// A form over virtual registers.
struct Trial {
    inst: Instruction<Reg>,
    /// The class of each virtual register.
    registers: Vec<Class>,
    /// Physical registers that it reads.
    read: Vec<PhysReg>,
    features: FeatureSet,
    hazard: Option<Hazard>,
}

impl Trial {
    /// `inst` with a virtual register for each physical one that its form leaves open. Number 0 is
    /// the address of the memory.
    fn new(inst: Instruction<PhysReg>, fixed: Vec<bool>, features: FeatureSet) -> Option<Trial> {
        let mut known: Vec<PhysReg> = Vec::new();
        let mut registers = Vec::new();
        let mut virtual_of = |view: View<PhysReg>| {
            let class = match view.reg.bank {
                Bank::Gp => Class::Gp64,
                _ => view.class,
            };
            let at = known.iter().position(|reg| *reg == view.reg).unwrap_or(known.len());
            if at == known.len() {
                known.push(view.reg);
                registers.push(class);
            } else if class.bytes() > registers[at].bytes() {
                registers[at] = class;
            }
            View { reg: Reg::Virtual(VReg(at as u32)), class: view.class }
        };
        let operands = inst.operands.iter().zip(fixed).map(|(operand, fixed)| match operand {
            Operand::Reg(view) if fixed => {
                Operand::Reg(View { reg: Reg::Physical(view.reg), class: view.class })
            }
            Operand::Reg(view) => Operand::Reg(virtual_of(*view)),
            Operand::Mem(mem) => Operand::Mem(Mem {
                base: Base::Reg(View { reg: Reg::Physical(gp::RBX), class: Class::Gp64 }),
                index: mem.index.map(|(view, scale)| (virtual_of(view), scale)),
                disp: 0,
                disp_const: None,
                symbol: None,
                size: mem.size,
                broadcast: mem.broadcast,
                segment: None,
                disp_size: None,
            }),
            Operand::Imm(value) => Operand::Imm(*value),
            other => panic!("{other:?} in an instruction that goes on to the next one"),
        });
        let mut with_virtual = Instruction::new(inst.mnemonic, operands.collect());
        with_virtual.mask = inst.mask.map(&mut virtual_of);
        with_virtual.zeroing = inst.zeroing;
        with_virtual.encoding = inst.encoding;
        if let Some((operand, count)) = isa::block_of(inst.mnemonic) {
            let Operand::Reg(View { class, .. }) = inst.operands[operand] else { unreachable!() };
            for _ in 1..count {
                let next = VReg(registers.len() as u32);
                with_virtual.block.push(Reg::Virtual(next));
                registers.push(class);
            }
        }
        let selection = isa::select(&with_virtual, &FeatureSet::all());
        // `movdir64b` with an address of 32 bits: the memory here has 64.
        let effects = isa::effects(&with_virtual, &selection.ok()?);
        let read = effects.regs.iter().filter_map(|access| match access.reg {
            // The base is a placeholder.
            Reg::Physical(gp::RBX) => None,
            Reg::Physical(reg) if !access.read.is_empty() => Some(reg),
            _ => None,
        });
        let read = read.collect();
        Some(Trial { inst: with_virtual, registers, read, features, hazard: effects.hazard })
    }

    /// Compiles with register `spilled` crowded out, and compares what it does.
    fn run(
        &self,
        spilled: usize,
        convention: &'static Convention,
        runner: Option<&mut Runner>,
        report: &mut Report,
    ) {
        let key = format!("{} {spilled} {}", self.text(), convention.name);
        let built = match self.kernel(Some(spilled), convention) {
            Ok(built) => built,
            Err(errors) => {
                let error = errors.iter().next().expect("a reason");
                match error.code {
                    Code::Internal => {
                        let text = format!("{} {:?}", error.message, error.notes);
                        report.failures.insert(key, text);
                    }
                    code => report.impossible.entry(code.id()).or_default().push(key),
                }
                return;
            }
        };
        report.spilled += 1;
        if !self.is_in_memory(&built) {
            return;
        }
        report.folded += 1;
        let plain = self.kernel(None, convention).expect("it needs fewer registers");
        let is_harmless = self.hazard != Some(Hazard::System);
        if let Some(runner) = runner.filter(|_| is_harmless) {
            match (0..3).try_for_each(|seed| compare(runner, [&built, &plain], convention, seed)) {
                Ok(()) => report.ran += 1,
                Err(text) => {
                    report.failures.insert(key, text);
                }
            }
        }
    }

    fn text(&self) -> String {
        format!("{} {:?}", self.inst.mnemonic.name(), self.registers)
    }

    /// Whether the source instruction has memory where it had a register.
    fn is_in_memory(&self, built: &Built) -> bool {
        let is_memory = |operand: &&Operand<_>| matches!(operand, Operand::Mem(_));
        let written = self.inst.operands.iter().filter(|o| matches!(o, Operand::Mem(_))).count();
        built.compiled.lowered.items.iter().any(|item| match (&item.code, item.origin) {
            (Item::Inst(inst), Origin::Author(_)) => {
                inst.mnemonic == self.inst.mnemonic
                    && !matches!(
                        inst.mnemonic.name(),
                        "mov" | "movups" | "vmovups" | "kmovw" | "movq"
                    )
                    && inst.operands.iter().filter(is_memory).count() > written
            }
            _ => false,
        })
    }

    /// The kernel, with a crowd for one register or without.
    fn kernel(
        &self,
        spilled: Option<usize>,
        convention: &'static Convention,
    ) -> Result<Built, Diagnostics> {
        let mut features = self.features;
        let needs = |class: Class| match class {
            Class::K | Class::Zmm => Some("avx512f"),
            Class::Ymm => Some("avx"),
            _ => None,
        };
        for name in self.registers.iter().filter_map(|class| needs(*class)) {
            features.insert(Feature::parse(name).expect("a feature"));
        }
        let names: Vec<&str> = features.minified().iter().map(|feature| feature.name()).collect();
        let enable = match names.is_empty() {
            true => String::new(),
            false => format!("#[target_feature(enable = \"{}\")]", names.join(",")),
        };
        let mut builder = Builder::new(&format!("#[spill] {enable} unsafe fn f(p: *mut u8)"))?;
        let mut writer = Writer {
            p: builder.argument("p")?,
            has_vex: features.contains(Feature::parse("avx").expect("a feature")),
            next: 0,
        };
        let classes = self.registers.iter().enumerate();
        let regs: Vec<Register> =
            classes.map(|(n, class)| builder.register(&format!("r{n}"), *class)).collect();
        if let Some(spilled) = spilled {
            writer.load(&mut builder, regs[spilled])?;
            writer.crowd(&mut builder, self.registers[spilled].bank(), features)?;
        }
        for (number, reg) in regs.iter().enumerate().filter(|(n, _)| Some(*n) != spilled) {
            writer.next = 64 * number as i64;
            writer.load(&mut builder, *reg)?;
        }
        for reg in &self.read {
            writer.load(&mut builder, physical(*reg, writer.has_vex))?;
        }
        builder.emit_instruction(self.placed(&regs, writer.p))?;
        writer.next = 1024;
        for reg in regs {
            writer.store(&mut builder, reg)?;
        }
        builder.finish([])?;
        builder.build(convention)
    }

    /// The instruction over these registers.
    fn placed(&self, regs: &[Register], p: Register) -> Instruction<Reg> {
        let place = |view: View<Reg>| match view.reg {
            Reg::Virtual(number) => View { reg: regs[number.index()].reg, ..view },
            Reg::Physical(_) => view,
        };
        let mut inst = self.inst.clone();
        inst.mask = inst.mask.map(place);
        for reg in &mut inst.block {
            if let Reg::Virtual(number) = reg {
                *reg = regs[number.index()].reg;
            }
        }
        for operand in &mut inst.operands {
            match operand {
                Operand::Reg(view) => *view = place(*view),
                Operand::Mem(mem) => {
                    mem.base = Base::Reg(p);
                    mem.index = mem.index.map(|(view, scale)| (place(view), scale));
                }
                _ => {}
            }
        }
        inst
    }
}

/// A physical register in the widest view that a move takes.
fn physical(reg: PhysReg, has_vex: bool) -> Register {
    let class = match reg.bank {
        Bank::Gp => Class::Gp64,
        Bank::Vector if reg.num >= 16 => Class::Zmm,
        Bank::Vector if has_vex => Class::Ymm,
        Bank::Vector => Class::Xmm,
        Bank::Mask => Class::K,
        _ => Class::Mmx,
    };
    View { reg: Reg::Physical(reg), class }
}

/// Moves between registers and memory.
struct Writer {
    p: Register,
    has_vex: bool,
    next: i64,
}

impl Writer {
    fn place(&mut self) -> Operand<Reg> {
        self.next += 64;
        memory(self.p).offset(self.next - 64).into()
    }

    fn name(&self, class: Class) -> &'static str {
        match class.bank() {
            Bank::Gp => "mov",
            Bank::Vector if self.has_vex => "vmovups",
            Bank::Vector => "movups",
            Bank::Mask => "kmovw",
            _ => "movq",
        }
    }

    fn load(&mut self, builder: &mut Builder, reg: Register) -> Result<(), Diagnostics> {
        let place = self.place();
        builder.emit(self.name(reg.class), [Operand::Reg(reg), place])
    }

    fn store(&mut self, builder: &mut Builder, reg: Register) -> Result<(), Diagnostics> {
        let place = self.place();
        builder.emit(self.name(reg.class), [place, Operand::Reg(reg)])
    }

    /// Takes every register of a bank but the one of the address, and gives it back.
    fn crowd(
        &mut self,
        builder: &mut Builder,
        bank: Bank,
        features: FeatureSet,
    ) -> Result<(), Diagnostics> {
        let has_evex = features.contains(Feature::parse("avx512f").expect("a feature"));
        let count = match bank {
            Bank::Gp => 16,
            Bank::Vector if has_evex => 32,
            Bank::Vector => 16,
            _ => 8,
        };
        let regs = (0..count).map(|num| PhysReg::new(bank, num));
        let regs = regs.filter(|reg| ![gp::RSP, gp::RBX].contains(reg));
        let regs: Vec<Register> = regs.map(|reg| physical(reg, self.has_vex)).collect();
        self.next = 1536;
        regs.iter().try_for_each(|&reg| self.load(builder, reg))?;
        self.next = 1536;
        regs.iter().try_for_each(|&reg| self.store(builder, reg))
    }
}

/// Runs both on the same memory.
fn compare(
    runner: &mut Runner,
    kernels: [&Built; 2],
    convention: &'static Convention,
    seed: u64,
) -> Result<(), String> {
    let crowded = kernels.map(|built| {
        let mut random = Random::new(seed);
        let state = State { gp: std::array::from_fn(|_| random.bits()), ..State::zeroed() };
        run(runner, built, convention, state, &mut random)
    });
    match crowded {
        [Ok(a), Ok(b)] => match a.iter().zip(&b).position(|(a, b)| a != b) {
            Some(at) => Err(format!("byte {at} is {:x} instead of {:x}", a[at], b[at])),
            None => Ok(()),
        },
        [Err(a), Err(b)] if a == b => Ok(()),
        [a, b] => Err(format!("{:?} instead of {:?}", a.map(|_| ()), b.map(|_| ()))),
    }
}

/// What is in memory after the crowd's loads after a run, or the signal.
fn run(
    runner: &mut Runner,
    built: &Built,
    convention: &'static Convention,
    mut state: State,
    random: &mut Random,
) -> Result<Vec<u8>, i32> {
    let memory = runner.memory();
    memory.iter_mut().for_each(|byte| *byte = random.bits() as u8);
    let argument = if std::ptr::eq(convention, &WIN64) { gp::RCX } else { gp::RDI };
    state.gp[argument.num as usize] = memory.as_ptr() as u64;
    let code = built.code();
    // Over the kernel, and back into it.
    let mut bytes = vec![0xE9];
    bytes.extend((code.len() as i32).to_le_bytes());
    bytes.extend(code);
    bytes.push(0xE8);
    bytes.extend((-(code.len() as i32) - 5).to_le_bytes());
    runner.load(&bytes);
    runner.run(&state)?;
    Ok(runner.memory()[1024..1536].to_vec())
}
