//! Branch relaxation, padding and constants, against GNU as where it has an opinion.

#[path = "encoding/generate.rs"]
mod generate;

use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::{Code as DiagnosticCode, Diagnostics};
use peach_compiler::encode::{Encoded, PatchValue, encode, verify};
use peach_compiler::ir::{
    Base, Branch, Code, Data, DataContent, DataId, Frame, InstId, Instruction, Item, LabelId,
    Lowered, Mem, Operand, Origin, RustConstId, View,
};
use peach_compiler::isa::{Class, FeatureSet, Mnemonic, PhysReg, gp};
use peach_testing::Random;
use peach_testing::tools::have;
use proc_macro2::Span;
use std::process::Command;

/// Code under construction.
#[derive(Default)]
struct Program {
    codes: Vec<Code>,
    labels: usize,
    data: Vec<Data>,
}

impl Program {
    fn inst(&mut self, name: &str, operands: Vec<Operand<PhysReg>>) {
        let mnemonic = Mnemonic::parse(name).expect("a mnemonic");
        self.codes.push(Code::Inst(Instruction::new(mnemonic, operands)));
    }

    fn branch(&mut self, name: &str, label: u32) {
        let branch = Branch { label: LabelId(label), size: None };
        self.inst(name, vec![Operand::Label(branch)]);
    }

    fn label(&mut self, label: u32) {
        self.labels = self.labels.max(label as usize + 1);
        self.codes.push(Code::Label(LabelId(label)));
    }

    fn data(&mut self, bytes: Vec<u8>, align: u32) -> DataId {
        self.data.push(Data { name: None, content: DataContent::Bytes(bytes), align });
        DataId(self.data.len() as u32 - 1)
    }

    fn load(&mut self, id: DataId) {
        let mem = Mem { size: Some(1), ..Mem::new(Base::Data(id), 0) };
        self.inst("movzx", vec![reg(gp::RAX, Class::Gp32), Operand::Mem(mem)]);
    }

    fn lowered(self) -> Lowered {
        let items = self.codes.into_iter().enumerate().map(|(index, code)| Item {
            code,
            origin: Origin::Author(InstId(index as u32)),
            span: Span::call_site(),
        });
        Lowered {
            local_fns: Vec::new(),
            name: "k".to_string(),
            convention: &SYSV64,
            items: items.collect(),
            undefined: Vec::new(),
            label_count: self.labels,
            data: self.data,
            rust_consts: Vec::new(),
            rust_syms: Vec::new(),
            frame: Frame::default(),
            in_text: false,
        }
    }

    fn encoded(self) -> (Lowered, Encoded) {
        let lowered = self.lowered();
        let mut diagnostics = Diagnostics::new();
        let encoded = encode(&lowered, &FeatureSet::all(), &mut diagnostics);
        let encoded = encoded.unwrap_or_else(|| panic!("{:?}", diagnostics.iter().next()));
        assert_eq!(verify(&lowered, &encoded), Ok(()));
        (lowered, encoded)
    }
}

fn reg(reg: PhysReg, class: Class) -> Operand<PhysReg> {
    Operand::Reg(View { reg, class })
}

/// The same program for us and for GNU as.
fn random_program(
    random: &mut Random,
    length: u64,
    reach: u64,
    padding: bool,
) -> (Program, String) {
    let (mut program, mut text) = (Program::default(), String::from(".intel_syntax noprefix\n"));
    for index in 0..length {
        program.label(index as u32);
        text += &format!("L{index}:\n");
        match random.below(6) {
            0 => {
                program.inst("ret", Vec::new());
                text += "ret\n";
            }
            1 => {
                program.inst("mov", vec![reg(gp::RAX, Class::Gp32), reg(gp::RCX, Class::Gp32)]);
                text += "mov eax, ecx\n";
            }
            2 => {
                let number = 0x11223344 + i128::from(random.below(1000));
                program.inst("mov", vec![reg(gp::R9, Class::Gp64), Operand::Imm(number << 24)]);
                text += &format!("movabs r9, {}\n", number << 24);
            }
            3 if padding && random.below(8) == 0 => {
                let align = 1 << (1 + random.below(5));
                program.codes.push(Code::Align(align));
                text += &format!(".balign {align}\n");
            }
            _ => {
                let low = index.saturating_sub(reach);
                let target = (low + random.below(2 * reach + 1)).min(length - 1);
                let name = ["jmp", "je", "jnz", "jb", "jge"][random.below(5) as usize];
                program.branch(name, target as u32);
                text += &format!("{name} L{target}\n");
            }
        }
    }
    (program, text)
}

/// The text section that GNU as makes of `text`; `None` where there is no GNU as.
fn assembled(name: &str, text: &str) -> Option<Vec<u8>> {
    let dir = std::env::temp_dir();
    let base = format!("peach-layout-{}-{name}", std::process::id());
    let [source, object, binary] = ["s", "o", "bin"].map(|end| dir.join(format!("{base}.{end}")));
    std::fs::write(&source, text).expect("a writable temporary directory");
    if !have(&["as", "objcopy"]) {
        return None;
    }
    let status = Command::new("as").arg("-o").arg(&object).arg(&source).status();
    assert!(status.expect("as runs").success(), "as refused the program");
    let copied = Command::new("objcopy")
        .args(["-O", "binary", "-j", ".text"])
        .args([&object, &binary])
        .status();
    assert!(copied.expect("objcopy comes with as").success());
    let bytes = std::fs::read(&binary).expect("the section");
    for path in [source, object, binary] {
        std::fs::remove_file(path).expect("just made");
    }
    Some(bytes)
}

#[test]
fn branches_are_those_of_gnu_as() {
    let mut random = Random::new(7);
    for round in 0..14 {
        let reach = [3, 10, 20, 30, 40, 60, 200][round % 7];
        let (program, text) = random_program(&mut random, 1500, reach, false);
        let Some(expected) = assembled(&format!("plain{round}"), &text) else { return };
        let (_, encoded) = program.encoded();
        assert!(encoded.bytes == expected, "round {round}");
    }
}

/// Where padding takes up what a branch grows by, there are several answers; none may be longer.
#[test]
fn code_with_padding_is_no_longer_than_that_of_gnu_as() {
    let mut random = Random::new(8);
    for round in 0..14 {
        let reach = [3, 10, 20, 30, 40, 60, 200][round % 7];
        let (program, text) = random_program(&mut random, 1500, reach, true);
        let Some(expected) = assembled(&format!("padded{round}"), &text) else { return };
        let (_, encoded) = program.encoded();
        let (ours, theirs) = (encoded.code_len, expected.len());
        assert!(ours <= theirs, "round {round}: {ours} bytes, GNU as {theirs}");
    }
}

#[test]
fn the_limits_of_a_short_branch() {
    for (filler, forward, expected) in
        [(127, true, 2), (128, true, 6), (126, false, 2), (127, false, 6)]
    {
        let mut program = Program::default();
        if forward {
            program.branch("jz", 0);
        } else {
            program.label(0);
        }
        program.codes.push(Code::Bytes(vec![0x90; filler]));
        if forward {
            program.label(0);
        } else {
            program.branch("jz", 0);
        }
        let (_, encoded) = program.encoded();
        assert_eq!(encoded.code_len, filler + expected, "{filler} bytes, forward: {forward}");
    }
}

#[test]
fn what_is_only_short_is_refused_beyond_its_reach() {
    for name in ["jrcxz", "jecxz", "loop", "loopne"] {
        for (filler, accepted) in [(127, true), (128, false)] {
            let mut program = Program::default();
            program.branch(name, 0);
            program.codes.push(Code::Bytes(vec![0x90; filler]));
            program.label(0);
            let mut diagnostics = Diagnostics::new();
            let encoded = encode(&program.lowered(), &FeatureSet::all(), &mut diagnostics);
            assert_eq!(encoded.is_some(), accepted, "{name} over {filler} bytes");
            let codes: Vec<DiagnosticCode> = diagnostics.iter().map(|d| d.code).collect();
            let expected = if accepted { vec![] } else { vec![DiagnosticCode::BranchOutOfRange] };
            assert_eq!(codes, expected);
        }
    }
}

#[test]
fn padding_is_nops_and_the_function_is_aligned() {
    for before in 0..64 {
        let mut program = Program::default();
        program.codes.push(Code::Bytes(vec![0xC3; before]));
        program.codes.push(Code::Align(64));
        program.inst("ret", Vec::new());
        let (_, encoded) = program.encoded();
        assert_eq!(encoded.align, 64);
        let target = before.next_multiple_of(64);
        assert_eq!(encoded.item_offsets[2] as usize, target);
        let padding = &encoded.bytes[before..target];
        let mut decoder = iced_x86::Decoder::new(64, padding, 0);
        let mut count = 0;
        while decoder.can_decode() {
            assert_eq!(decoder.decode().mnemonic(), iced_x86::Mnemonic::Nop);
            count += 1;
        }
        assert_eq!(count, padding.len().div_ceil(9), "{} bytes", padding.len());
    }
}

#[test]
fn constants_are_shared_aligned_and_within_a_line() {
    let mut program = Program::default();
    let one = 1.0f32.to_le_bytes();
    let wide = program.data(one.repeat(8), 32);
    let scalar = program.data(one.to_vec(), 4);
    let unused = program.data(vec![9; 64], 64);
    let same = program.data(one.repeat(8), 32);
    let tail = program.data([[0, 0, 0, 0], [1, 2, 3, 4]].concat(), 8);
    let part = program.data(vec![1, 2, 3, 4], 4);
    let odd = program.data((0..40).collect(), 1);
    let large = program.data(vec![7; 200], 16);
    for id in [wide, scalar, same, tail, part, odd, large] {
        program.load(id);
    }
    program.inst("ret", Vec::new());
    let (lowered, encoded) = program.encoded();
    let place = |id: DataId| encoded.data_offsets[id.index()];
    assert_eq!(place(unused), u32::MAX);
    assert_eq!(place(same), place(wide));
    assert_eq!((place(scalar) - place(wide)) % 4, 0);
    assert!((place(wide)..place(wide) + 32).contains(&place(scalar)));
    assert_eq!(place(part), place(tail) + 4);
    for (index, data) in lowered.data.iter().enumerate() {
        let id = DataId(index as u32);
        let DataContent::Bytes(bytes) = &data.content else { continue };
        if id == unused {
            continue;
        }
        let (start, len) = (place(id) as usize, bytes.len());
        assert_eq!(&encoded.bytes[start..start + len], bytes);
        assert_eq!(start % data.align as usize, 0);
        assert!(start >= encoded.code_len);
        assert!(len > 64 || start / 64 == (start + len - 1) / 64, "{id:?} crosses a line");
    }
    assert_eq!(encoded.align, 32);
    let content = 200 + 32 + 40 + 8;
    let end = encoded.bytes.len();
    assert!(end - encoded.code_len < content + 32 + 24, "{} bytes wasted", end - content);
    let filled = encoded.bytes[encoded.code_len..].iter().filter(|&&byte| byte == 0xCC).count();
    assert_eq!(filled, end - encoded.code_len - content);
}

/// A RIP-relative displacement counts from the end of the instruction, after its immediate.
#[test]
fn trailing_immediates_move_the_end() {
    for (imm, imm_bytes) in [(5, 1), (0x1234567, 4)] {
        let mut program = Program::default();
        let id = program.data(vec![1; 8], 8);
        let mem = Mem { size: Some(8), ..Mem::new(Base::Data(id), 3) };
        program.inst("cmp", vec![Operand::Mem(mem), Operand::Imm(imm)]);
        program.inst("ret", Vec::new());
        let (_, encoded) = program.encoded();
        let end = encoded.item_offsets[1] as usize;
        let field = &encoded.bytes[end - imm_bytes - 4..end - imm_bytes];
        let disp = i32::from_le_bytes(field.try_into().expect("four bytes"));
        assert_eq!(end as i32 + disp, encoded.data_offsets[0] as i32 + 3);
    }
}

#[test]
fn jump_tables_hold_distances_from_their_start() {
    let mut program = Program::default();
    let labels = vec![LabelId(1), LabelId(0), LabelId(1)];
    program.data.push(Data {
        name: Some("T".into()),
        content: DataContent::Jumps(labels),
        align: 4,
    });
    program.label(0);
    let table = Operand::Mem(Mem::new(Base::Data(DataId(0)), 0));
    program.inst("lea", vec![reg(gp::RAX, Class::Gp64), table]);
    program.label(1);
    program.inst("ret", Vec::new());
    let (_, encoded) = program.encoded();
    let start = encoded.data_offsets[0];
    let entries: Vec<i32> = encoded.bytes[start as usize..]
        .chunks(4)
        .map(|entry| i32::from_le_bytes(entry.try_into().expect("four bytes")))
        .collect();
    assert_eq!(entries, [7 - start as i32, -(start as i32), 7 - start as i32]);
}

#[test]
fn rust_constants_are_patched() {
    let mut program = Program::default();
    let id = program.data(vec![1; 8], 8);
    let constant = RustConstId(0);
    program.inst("mov", vec![reg(gp::RAX, Class::Gp64), Operand::RustConst(constant)]);
    let base = Base::Reg(View { reg: gp::RBX, class: Class::Gp64 });
    let mem = Mem { disp_const: Some(constant), ..Mem::new(base, 16) };
    program.inst("mov", vec![reg(gp::RAX, Class::Gp64), Operand::Mem(mem)]);
    let mem = Mem { disp_const: Some(constant), ..Mem::new(Base::Data(id), 2) };
    program.inst("mov", vec![reg(gp::RAX, Class::Gp64), Operand::Mem(mem)]);
    let (_, encoded) = program.encoded();
    let patches: Vec<(u32, u8, PatchValue)> =
        encoded.patches.iter().map(|p| (p.offset, p.size, p.value)).collect();
    let data = i64::from(encoded.data_offsets[0]);
    let expected = [
        (2, 8, PatchValue::Const(constant, 0)),
        (13, 4, PatchValue::Const(constant, 16)),
        (20, 4, PatchValue::Const(constant, data + 2 - 24)),
    ];
    assert_eq!(patches, expected);
}

/// Processor time of this thread.
fn thread_time() -> std::time::Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: there is room for the time.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    std::time::Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[test]
fn cost_is_near_linear() {
    let mut random = Random::new(3);
    let mut time = |length| {
        let (program, _) = random_program(&mut random, length, 40, true);
        let lowered = program.lowered();
        let start = thread_time();
        let mut diagnostics = Diagnostics::new();
        encode(&lowered, &FeatureSet::all(), &mut diagnostics).expect("a program");
        thread_time() - start
    };
    time(1000);
    let times = [1_000, 10_000, 100_000].map(&mut time);
    println!("1,000, 10,000, 100,000 instructions: {times:?}");
    // A hundred times as much; ten thousand times the time would be quadratic.
    assert!(times[2] < 500 * times[0], "{times:?}");
}

/// Branches of which each reaches unless the next one grows; the last one grows.
fn chain_of_branches(length: u32, padding: bool) -> (Program, String) {
    let (mut program, mut text) = (Program::default(), String::from(".intel_syntax noprefix\n"));
    let bytes = |program: &mut Program, count: usize| {
        program.codes.push(Code::Bytes(vec![0xcc; count]));
        format!(".fill {count}, 1, 0xcc\n")
    };
    for branch in 0..length {
        program.branch("jz", branch);
        text += &format!("jz L{branch}\n");
        text += &bytes(&mut program, 27);
        if let Some(target) = branch.checked_sub(1) {
            program.label(target);
            text += &format!("L{target}:\n");
        }
        text += &bytes(&mut program, 71);
    }
    text += &bytes(&mut program, 200);
    program.label(length - 1);
    text += &format!("L{}:\n", length - 1);
    if padding {
        program.codes.push(Code::Align(16));
        text += ".balign 16\n";
    }
    (program, text)
}

#[test]
fn branches_that_grow_one_after_the_other_are_those_of_gnu_as() {
    for padding in [false, true] {
        let (program, text) = chain_of_branches(50, padding);
        let Some(expected) = assembled(&format!("chain{padding}"), &text) else { return };
        let (_, encoded) = program.encoded();
        assert_eq!(encoded.code_len, expected.len(), "padding: {padding}");
    }
}

/// Sweeps over the whole code, as many as there are branches, would take hours.
#[test]
fn branches_that_grow_one_after_the_other_take_no_longer() {
    for padding in [false, true] {
        let length = 100_000;
        let (program, _) = chain_of_branches(length, padding);
        let lowered = program.lowered();
        let start = thread_time();
        let encoded = encode(&lowered, &FeatureSet::all(), &mut Diagnostics::new());
        let time = thread_time() - start;
        let grown = length as usize * (6 + 27 + 71) + 200;
        assert!(encoded.expect("a program").code_len - grown < 16);
        println!("padding: {padding}: {time:?}");
        assert!(time.as_secs() < 60, "{time:?}");
    }
}

/// Any changed bit of the code that is not padding makes another instruction, or the same.
#[test]
fn decoding_again_notices_changes() {
    let mut program = Program::default();
    let id = program.data(vec![1; 16], 16);
    let base = Base::Reg(View { reg: gp::RBX, class: Class::Gp64 });
    let index = Some((View { reg: gp::R9, class: Class::Gp64 }, 4));
    let mem = Mem { index, size: Some(8), ..Mem::new(base, 0x40) };
    program.label(0);
    program.inst("add", vec![reg(gp::RAX, Class::Gp64), Operand::Mem(mem.clone())]);
    program.inst("mov", vec![Operand::Mem(mem), Operand::Imm(-7)]);
    program
        .inst("imul", vec![reg(gp::R8, Class::Gp32), reg(gp::RDX, Class::Gp32), Operand::Imm(99)]);
    let xmm = |num| reg(PhysReg::vector(num), Class::Xmm);
    program
        .inst("vpshufd", vec![xmm(3), Operand::Mem(Mem::new(Base::Data(id), 0)), Operand::Imm(27)]);
    program.inst("vaddps", vec![xmm(17), xmm(2), xmm(30)]);
    program.branch("jnz", 0);
    let (lowered, encoded) = program.encoded();
    let (mut noticed, mut kept) = (0, 0);
    for bit in 0..8 * encoded.code_len {
        let mut changed = encoded.clone();
        changed.bytes[bit / 8] ^= 1 << (bit % 8);
        match verify(&lowered, &changed) {
            Err(_) => noticed += 1,
            Ok(()) => kept += 1,
        }
    }
    // What stays the same: W bits and the unused half of a masked field.
    assert!(kept <= 8, "{kept} changes of {} went unnoticed", noticed + kept);
}

/// The decoder that checks every function agrees with the encoder about every form.
#[test]
fn every_form_decodes_to_what_was_meant() {
    let items = |inst| Item {
        code: Code::Inst(inst),
        origin: Origin::Author(InstId(0)),
        span: Span::call_site(),
    };
    let mut wrong = Vec::new();
    let mut count = 0;
    // All that have few operands, for they are written in unlike ways, and a part of the others. The
    // last part of the corpus is what iced lacks, which has a decoder of its own.
    let corpus = generate::corpus().into_iter().enumerate();
    let is_own = |inst: &Instruction<_>| {
        let forms = inst.mnemonic.forms();
        forms.iter().any(|form| form.opcode().iced().is_none())
    };
    let few = |(at, inst): &(usize, Instruction<_>)| {
        at % 7 == 0 || inst.operands.len() < 2 || is_own(inst)
    };
    for (_, inst) in corpus.filter(few) {
        // The tables have it in 64-bit mode, the decoder does not.
        if inst.mnemonic.name() == "montmul" {
            continue;
        }
        let mut lowered = Program::default().lowered();
        lowered.items.push(items(inst));
        let mut diagnostics = Diagnostics::new();
        let Some(encoded) = encode(&lowered, &FeatureSet::all(), &mut diagnostics) else {
            continue;
        };
        count += 1;
        wrong.extend(verify(&lowered, &encoded).err());
    }
    assert!(count > 5_000, "only {count}");
    assert!(wrong.is_empty(), "{} of {count}: {:#?}", wrong.len(), &wrong[..wrong.len().min(60)]);
}
