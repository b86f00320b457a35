//! Functions over virtual registers from a few lines of text, without the front end.
//!
//! A line is a label (`top:`), `return a`, or an instruction with operands separated by commas:
//! a letter and a number (`v12`) are a virtual register of the class that [`class_of`] gives to the
//! letter, `$5` is a number, `[v1+v2*4+8]` memory, `@top` a label; everything else is a
//! physical register.

use peach_compiler::abi::{self, Convention, ParamType, ResultType};
use peach_compiler::ir::{
    Arg, ArgValue, Base, Branch, Extension, Function, Inst, Instruction, LabelId, LabelInfo,
    Machine, Mem, Op, Operand, Options, Reg, ResultKind, ResultValue, ReturnValue, VReg, VRegInfo,
    Validity, View,
};
use peach_compiler::isa::{self, Class, Feature, FeatureSet, Mnemonic};
use proc_macro2::Span;
use std::collections::HashMap;

/// Makes a [`Function`].
pub struct Builder {
    function: Function,
    labels: HashMap<String, LabelId>,
    vregs: HashMap<String, VReg>,
}

impl Builder {
    /// A function of `args` 64-bit integers (`p0`, `p1`, …) with a 64-bit result.
    pub fn new(convention: &'static Convention, features: &str, args: usize) -> Builder {
        let mut set = FeatureSet::baseline();
        for name in features.split(',').filter(|name| !name.is_empty()) {
            set.insert(Feature::parse(name).expect("a feature"));
        }
        let params = vec![ParamType::Int { bytes: 8 }; args];
        let result = ResultType::One(ParamType::Int { bytes: 8 });
        let mut builder = Builder {
            function: Function {
                name: "test".into(),
                span: Span::call_site(),
                convention,
                placement: abi::place(convention, &params, result),
                features: set,
                options: Options::default(),
                args: Vec::new(),
                hidden_result: None,
                result: ResultKind::Values(vec![ResultValue {
                    bytes: 8,
                    class: Class::Gp64,
                    extended: 8,
                    vector: false,
                    validity: Validity::Any,
                }]),
                vregs: Vec::new(),
                labels: Vec::new(),
                data: Vec::new(),
                locals: Vec::new(),
                local_fns: Vec::new(),
                inlined: Vec::new(),
                rust_consts: Vec::new(),
                rust_syms: Vec::new(),
                insts: Vec::new(),
            },
            labels: HashMap::new(),
            vregs: HashMap::new(),
        };
        for param in 0..args {
            let vreg = builder.vreg(&format!("p{param}"));
            let arg = peach_compiler::ir::ArgId(param as u32);
            builder.function.vregs[vreg.index()].arg = Some(arg);
            let value = ArgValue::Number { bytes: 8 };
            builder.function.args.push(Arg {
                vreg,
                param,
                part: 0,
                pointer: None,
                value,
                lengths: Vec::new(),
                bytes: 8,
                extension: Extension::None,
                secret: false,
            });
        }
        builder
    }

    /// Allows spilling.
    pub fn spill(mut self) -> Builder {
        self.function.options.spill = true;
        self
    }

    /// Adds lines.
    pub fn lines(mut self, text: &str) -> Builder {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let op = self.op(line);
            self.function.insts.push(Inst {
                op,
                span: Span::call_site(),
                operand_spans: Vec::new(),
                in_unsafe: true,
                inlined: None,
            });
        }
        self
    }

    /// The function, with arguments in memory bound.
    pub fn finish(mut self) -> Function {
        peach_compiler::passes::bind_arguments(&mut self.function);
        self.function
    }

    fn op(&mut self, line: &str) -> Op {
        if let Some(label) = line.strip_suffix(':') {
            return Op::Label(self.label(label));
        }
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        let operands: Vec<&str> =
            rest.split(',').map(str::trim).filter(|text| !text.is_empty()).collect();
        match name {
            "return" => Op::Return(vec![ReturnValue::Reg(self.view(operands[0]))]),
            "copy" => Op::Copy { dst: self.view(operands[0]), src: self.view(operands[1]) },
            _ => {
                let operands = operands.iter().map(|text| self.operand(text)).collect();
                let mnemonic = Mnemonic::parse(name).expect(name);
                let inst = Instruction::new(mnemonic, operands);
                let selection = isa::select(&inst, &self.function.features)
                    .unwrap_or_else(|error| panic!("{line}: {error:?}"));
                Op::Machine(Machine { inst, targets: None, selection })
            }
        }
    }

    fn operand(&mut self, text: &str) -> Operand<Reg> {
        if let Some(number) = text.strip_prefix('$') {
            return Operand::Imm(number.parse().expect("a number"));
        }
        if let Some(label) = text.strip_prefix('@') {
            return Operand::Label(Branch { label: self.label(label), size: None });
        }
        match text.strip_prefix('[') {
            Some(inner) => Operand::Mem(self.memory(inner.trim_end_matches(']'))),
            None => Operand::Reg(self.view(text)),
        }
    }

    fn memory(&mut self, text: &str) -> Mem<Reg> {
        let mut mem = Mem::new(Base::None, 0);
        for part in text.split('+') {
            if let Ok(number) = part.parse::<i64>() {
                mem.disp += number;
            } else if let Some((reg, scale)) = part.split_once('*') {
                mem.index = Some((self.view(reg), scale.parse().expect("a scale")));
            } else {
                mem.base = Base::Reg(self.view(part));
            }
        }
        mem
    }

    fn view(&mut self, text: &str) -> View<Reg> {
        if let Some((reg, class)) = isa::parse_register(text) {
            return View { reg: Reg::Physical(reg), class };
        }
        let (name, class) = match text.split_once('.') {
            Some((name, class)) => (name, Class::from_name(class)),
            None => (text, None),
        };
        let vreg = self.vreg(name);
        let class = class.unwrap_or(self.function.vregs[vreg.index()].class);
        View { reg: Reg::Virtual(vreg), class }
    }

    fn vreg(&mut self, name: &str) -> VReg {
        let next = VReg(self.function.vregs.len() as u32);
        let vreg = *self.vregs.entry(name.to_string()).or_insert(next);
        if vreg == next {
            self.function.vregs.push(VRegInfo {
                name: name.into(),
                class: class_of(name),
                span: Span::call_site(),
                arg: None,
                temporary: false,
            });
        }
        vreg
    }

    fn label(&mut self, name: &str) -> LabelId {
        let next = LabelId(self.function.labels.len() as u32);
        let label = *self.labels.entry(name.to_string()).or_insert(next);
        if label == next {
            self.function.labels.push(LabelInfo { name: name.into(), span: Span::call_site() });
        }
        label
    }
}

fn class_of(name: &str) -> Class {
    match name.as_bytes()[0] {
        b'x' => Class::Xmm,
        b'y' => Class::Ymm,
        b'z' => Class::Zmm,
        b'k' => Class::K,
        b'd' => Class::Gp32,
        b'b' => Class::Gp8,
        _ => Class::Gp64,
    }
}
