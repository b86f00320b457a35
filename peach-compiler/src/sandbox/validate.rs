//! The validator of Native Client: reads code by the published rules, and knows nothing of how it
//! was made.
//!
//! Input: code that starts a bundle. Output: acceptance, or the first [`Violation`]. The rules are
//! those of "NaCl SFI model on x86-64 systems", section "Text Segment Rules", where a *restricted
//! register* is one that the instruction just before, in the same bundle, gave a 32-bit value;
//! which instructions do that, and which are known at all, is in the tables of Native Client's own
//! validator.

use iced_x86::{
    Code, CpuidFeature, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory,
    MandatoryPrefix, Mnemonic, OpAccess, OpKind, Register,
};
use std::fmt;

/// Bytes of a bundle.
const BUNDLE: usize = 32;

/// A rule that code breaks, and where.
#[derive(Clone, PartialEq, Eq)]
pub struct Violation {
    /// Of the instruction.
    pub offset: usize,
    /// The rule.
    pub rule: Rule,
    /// The instruction.
    pub instruction: String,
}

/// The rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// An instruction that the validator does not know, or refuses.
    Instruction,
    /// Segment overrides, address sizes, and other prefixes that it refuses.
    Prefix,
    /// No instruction crosses the border of a bundle.
    Bundle,
    /// `r15` is never written.
    SandboxBase,
    /// `rsp` and `rbp` are written by the sequences of the list only.
    StackPointer,
    /// What gave `esp` or `ebp` a value is followed by what adds `r15`, at once.
    Unfinished,
    /// What adds `r15` to `rsp` or `rbp` follows what gave it 32 bits.
    Unrestricted,
    /// The base of an address is `r15`, `rip`, `rsp` or `rbp`.
    AddressBase,
    /// The index of an address is a restricted register.
    AddressIndex,
    /// String instructions follow what sandboxes `rsi` and `rdi`.
    String,
    /// Indirect jumps and calls follow what aligns and sandboxes their register.
    IndirectJump,
    /// Calls end where their bundle ends.
    CallEnd,
    /// Direct jumps go to instructions, and not into the middle of a sequence; elsewhere they go to
    /// the starts of bundles.
    JumpTarget,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}: `{}` breaks {:?}", self.offset, self.instruction, self.rule)
    }
}

/// As it is displayed: this is what `unwrap` prints, and a `main` that returns it.
impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Violation {}

/// Whether code is safe to run in the sandbox.
///
/// # Errors
/// The first violation.
pub fn validate(code: &[u8]) -> Result<(), Violation> {
    let mut validator = Validator {
        code,
        factory: InstructionInfoFactory::new(),
        is_target: vec![false; code.len() + 1],
        jumps: Vec::new(),
    };
    for start in (0..code.len()).step_by(BUNDLE) {
        validator.bundle(start)?;
    }
    let bad = validator.jumps.iter().find(|(_, target)| {
        let inside = usize::try_from(*target).ok().filter(|&at| at < code.len());
        target % BUNDLE as i64 != 0 && !inside.is_some_and(|at| validator.is_target[at])
    });
    match bad {
        Some((jump, _)) => Err(violation(jump, Rule::JumpTarget)),
        None => Ok(()),
    }
}

struct Validator<'a> {
    code: &'a [u8],
    factory: InstructionInfoFactory,
    /// Where an instruction starts that may be jumped to.
    is_target: Vec<bool>,
    /// Direct jumps and their targets.
    jumps: Vec<(Instruction, i64)>,
}

/// What is known within a bundle.
#[derive(Default)]
struct Bundle {
    /// The instructions so far.
    done: Vec<Instruction>,
    /// The restricted register.
    restricted: Option<Register>,
}

type Checked = Result<(), Violation>;

fn violation(instruction: &Instruction, rule: Rule) -> Violation {
    Violation { offset: instruction.ip() as usize, rule, instruction: instruction.to_string() }
}

/// Fails with `rule` unless `holds`.
fn demand(holds: bool, instruction: &Instruction, rule: Rule) -> Checked {
    if holds { Ok(()) } else { Err(violation(instruction, rule)) }
}

impl Validator<'_> {
    fn bundle(&mut self, start: usize) -> Checked {
        let end = (start + BUNDLE).min(self.code.len());
        let mut bundle = Bundle::default();
        let mut at = start;
        while at < end {
            // Beyond the bundle, so that what crosses its border is seen whole.
            let bytes = &self.code[at..];
            let mut decoder = Decoder::with_ip(64, bytes, at as u64, DecoderOptions::NONE);
            let instruction = decoder.decode();
            demand(!instruction.is_invalid(), &instruction, Rule::Instruction)?;
            at += instruction.len();
            demand(at <= end, &instruction, Rule::Bundle)?;
            self.is_target[instruction.ip() as usize] = true;
            self.instruction(&instruction, &mut bundle)?;
            bundle.done.push(instruction);
        }
        let unfinished = bundle.restricted.filter(|reg| is_stack(*reg));
        match (unfinished, bundle.done.last()) {
            (Some(_), Some(last)) => Err(violation(last, Rule::Unfinished)),
            _ => Ok(()),
        }
    }

    fn instruction(&mut self, found: &Instruction, bundle: &mut Bundle) -> Checked {
        let restricted = bundle.restricted.take();
        if let Some(pointer) = puts_back(found) {
            self.is_target[found.ip() as usize] = false;
            return demand(restricted == Some(pointer), found, Rule::Unrestricted);
        }
        demand(!restricted.is_some_and(is_stack), found, Rule::Unfinished)?;
        if moves_frame(found) {
            return Ok(());
        }
        demand(is_known(found), found, Rule::Instruction)?;
        demand(has_known_prefixes(found, &self.code[found.ip() as usize..]), found, Rule::Prefix)?;
        if let Some(pointers) = string_pointers(found) {
            return self.string(found, pointers, bundle);
        }
        match found.flow_control() {
            FlowControl::IndirectBranch | FlowControl::IndirectCall => {
                self.indirect(found, bundle)?;
            }
            FlowControl::Call
            | FlowControl::ConditionalBranch
            | FlowControl::UnconditionalBranch => {
                self.jumps.push((*found, found.near_branch_target().cast_signed()));
            }
            _ => {}
        }
        let calls = matches!(found.flow_control(), FlowControl::Call | FlowControl::IndirectCall);
        let at_end = (found.next_ip() as usize).is_multiple_of(BUNDLE);
        demand(!calls || at_end, found, Rule::CallEnd)?;
        self.address(found, restricted)?;
        self.registers(found, bundle)
    }

    fn address(&mut self, found: &Instruction, restricted: Option<Register>) -> Checked {
        let in_memory = (0..found.op_count()).any(|op| found.op_kind(op) == OpKind::Memory);
        // These compute an address and touch nothing there.
        let is_number = matches!(
            found.mnemonic(),
            Mnemonic::Lea
                | Mnemonic::Nop
                | Mnemonic::Prefetch
                | Mnemonic::Prefetchw
                | Mnemonic::Prefetchnta
                | Mnemonic::Prefetcht0
                | Mnemonic::Prefetcht1
                | Mnemonic::Prefetcht2
        );
        if !in_memory || is_number {
            return Ok(());
        }
        let base = found.memory_base();
        let bases = [Register::R15, Register::RIP, Register::RSP, Register::RBP];
        demand(bases.contains(&base), found, Rule::AddressBase)?;
        let index = found.memory_index();
        if index != Register::None {
            demand(restricted == Some(index), found, Rule::AddressIndex)?;
            // A jump here would skip what restricts the index.
            self.is_target[found.ip() as usize] = false;
        }
        Ok(())
    }

    fn registers(&mut self, found: &Instruction, bundle: &mut Bundle) -> Checked {
        let first = match found.op_count() {
            0 => Register::None,
            _ if found.op0_kind() == OpKind::Register => found.op0_register(),
            _ => Register::None,
        };
        let extends = zero_extends(found) && first.is_gpr32();
        let info = self.factory.info(found);
        for used in info.used_registers() {
            let reads = [OpAccess::None, OpAccess::Read, OpAccess::CondRead, OpAccess::NoMemAccess];
            if reads.contains(&used.access()) || !used.register().is_gpr() {
                continue;
            }
            let written = used.register().full_register();
            demand(written != Register::R15, found, Rule::SandboxBase)?;
            let pushes = written == Register::RSP && moves_by_itself(found);
            let half = extends && first.full_register() == written;
            let allowed = !is_stack(written) || pushes || half;
            demand(allowed, found, Rule::StackPointer)?;
        }
        if extends {
            bundle.restricted = Some(first.full_register());
        }
        Ok(())
    }

    /// `and r32, -32; add r64, r15; jmp r64`, all in the bundle.
    fn indirect(&mut self, found: &Instruction, bundle: &Bundle) -> Checked {
        let sequence = || {
            let [.., and, add] = bundle.done.as_slice() else { return None };
            let target = (found.op0_kind() == OpKind::Register).then(|| found.op0_register())?;
            let is_and = and.code() == Code::And_rm32_imm8
                && and.op0_kind() == OpKind::Register
                && and.op0_register().full_register() == target
                && and.immediate8() == 0xE0;
            let is_add = matches!(add.code(), Code::Add_rm64_r64 | Code::Add_r64_rm64)
                && add.op0_kind() == OpKind::Register
                && add.op0_register() == target
                && add.op1_kind() == OpKind::Register
                && add.op1_register() == Register::R15;
            let fixed = is_stack(target) || target == Register::R15;
            (is_and && is_add && !fixed).then_some(add.ip())
        };
        let second = sequence().ok_or_else(|| violation(found, Rule::IndirectJump))?;
        self.is_target[second as usize] = false;
        self.is_target[found.ip() as usize] = false;
        Ok(())
    }

    /// `mov esi, esi; lea rsi, [r15 + rsi]`, the same of `rdi`, or of one of them.
    fn string(&mut self, found: &Instruction, pointers: &[Register], bundle: &Bundle) -> Checked {
        let before = bundle.done.len().checked_sub(2 * pointers.len());
        let before = before.map(|first| &bundle.done[first..]);
        let before = before.ok_or_else(|| violation(found, Rule::String))?;
        for (pair, &pointer) in before.chunks(2).zip(pointers) {
            let [mov, lea] = [pair[0], pair[1]];
            let half = mov.op0_register();
            let is_mov = matches!(mov.code(), Code::Mov_r32_rm32 | Code::Mov_rm32_r32)
                && mov.op1_kind() == OpKind::Register
                && mov.op0_kind() == OpKind::Register
                && half.full_register() == pointer
                && mov.op1_register() == half;
            let is_lea = lea.code() == Code::Lea_r64_m
                && lea.op0_register() == pointer
                && lea.memory_base() == Register::R15
                && lea.memory_index() == pointer
                && lea.memory_index_scale() == 1
                && lea.memory_displacement64() == 0;
            demand(is_mov && is_lea, found, Rule::String)?;
        }
        let inside = before[1..].iter().chain([found]);
        inside.for_each(|part| self.is_target[part.ip() as usize] = false);
        Ok(())
    }
}

fn is_stack(reg: Register) -> bool {
    matches!(reg, Register::RSP | Register::RBP)
}

/// `push`, `pop` and `call` move the stack pointer by a few bytes, which the space around the
/// sandbox makes harmless. `pop rsp` does more.
fn moves_by_itself(found: &Instruction) -> bool {
    match found.mnemonic() {
        Mnemonic::Push | Mnemonic::Call => true,
        Mnemonic::Pop => {
            found.op0_kind() != OpKind::Register || found.op0_register() != Register::RSP
        }
        _ => false,
    }
}

/// `mov rbp, rsp`, `mov rsp, rbp` and `and rsp, imm8` with a negative number keep their addresses
/// in the sandbox.
fn moves_frame(found: &Instruction) -> bool {
    let op = |index| match found.op_kind(index) {
        OpKind::Register => found.op_register(index),
        _ => Register::None,
    };
    match found.code() {
        Code::Mov_rm64_r64 | Code::Mov_r64_rm64 => {
            let pair = (op(0), op(1));
            pair == (Register::RBP, Register::RSP) || pair == (Register::RSP, Register::RBP)
        }
        Code::And_rm64_imm8 => op(0) == Register::RSP && found.immediate8() >= 0x80,
        _ => false,
    }
}

/// The pointer that an instruction puts back into the sandbox: `add rsp, r15`, `or rsp, r15`,
/// `lea rsp, [rsp + r15]`, and `add` and `lea` of `rbp`.
fn puts_back(found: &Instruction) -> Option<Register> {
    if found.op_count() != 2 || found.op0_kind() != OpKind::Register {
        return None;
    }
    let pointer = found.op0_register();
    let by_register = match found.code() {
        Code::Add_rm64_r64 | Code::Add_r64_rm64 => is_stack(pointer),
        Code::Or_rm64_r64 | Code::Or_r64_rm64 => pointer == Register::RSP,
        _ => false,
    };
    let adds = by_register
        && found.op1_kind() == OpKind::Register
        && found.op1_register() == Register::R15;
    let leads = found.code() == Code::Lea_r64_m
        && is_stack(pointer)
        && found.memory_base() == pointer
        && found.memory_index() == Register::R15
        && found.memory_index_scale() == 1
        && found.memory_displacement64() == 0;
    (adds || leads).then_some(pointer)
}

/// The instructions whose 32-bit result restricts a register (`nacl-amd64-zero-extends`).
fn zero_extends(found: &Instruction) -> bool {
    use Mnemonic as M;
    match found.mnemonic() {
        M::Add | M::And | M::Dec | M::Inc | M::Lea | M::Mov | M::Movd | M::Movsx | M::Movsxd => {
            true
        }
        M::Movzx | M::Neg | M::Not | M::Or | M::Sub | M::Xor => true,
        M::Imul => found.op_count() > 1,
        M::Xadd | M::Xchg => found.op0_kind() == OpKind::Register,
        _ => false,
    }
}

/// The pointers that a string instruction goes through.
fn string_pointers(found: &Instruction) -> Option<&'static [Register]> {
    use Mnemonic as M;
    Some(match found.mnemonic() {
        M::Lodsb | M::Lodsw | M::Lodsd | M::Lodsq => &[Register::RSI],
        M::Stosb | M::Stosw | M::Stosd | M::Stosq => &[Register::RDI],
        M::Scasb | M::Scasw | M::Scasd | M::Scasq => &[Register::RDI],
        M::Maskmovq | M::Maskmovdqu | M::Vmaskmovdqu => &[Register::RDI],
        M::Movsb | M::Movsw | M::Movsq => &[Register::RSI, Register::RDI],
        M::Cmpsb | M::Cmpsw | M::Cmpsq => &[Register::RSI, Register::RDI],
        // Vector instructions have these names too.
        M::Movsd if found.code() == Code::Movsd_m32_m32 => &[Register::RSI, Register::RDI],
        M::Cmpsd if found.code() == Code::Cmpsd_m32_m32 => &[Register::RSI, Register::RDI],
        _ => return None,
    })
}

/// Extensions in the validator's tables; the others are not.
fn is_known_extension(feature: CpuidFeature) -> bool {
    use CpuidFeature as F;
    let general = matches!(
        feature,
        F::INTEL8086
            | F::INTEL186
            | F::INTEL286
            | F::INTEL386
            | F::INTEL486
            | F::X64
            | F::MULTIBYTENOP
            | F::PAUSE
            | F::CPUID
            | F::TSC
            | F::CMOV
            | F::CX8
            | F::CMPXCHG16B
            | F::LZCNT
            | F::POPCNT
            | F::MOVBE
            | F::BMI1
            | F::TBM
            | F::LWP
            | F::PREFETCHW
    );
    let vector = matches!(
        feature,
        F::FPU
            | F::FPU287
            | F::FPU387
            | F::FXSR
            | F::MMX
            | F::D3NOW
            | F::D3NOWEXT
            | F::SSE
            | F::SSE2
            | F::SSE3
            | F::SSSE3
            | F::SSE4_1
            | F::SSE4_2
            | F::SSE4A
            | F::AES
            | F::PCLMULQDQ
            | F::AVX
            | F::AVX2
            | F::F16C
            | F::FMA
            | F::FMA4
            | F::XOP
    );
    general || vector
}

/// Whether the validator's tables have the instruction, and not marked as forbidden.
fn is_known(found: &Instruction) -> bool {
    use Mnemonic as M;
    let code = found.code();
    let stops = found.mnemonic() == M::Hlt;
    if !code.cpuid_features().iter().all(|&feature| is_known_extension(feature))
        || code.is_privileged() && !stops
    {
        return false;
    }
    let in_register = |op: u32| found.op_count() > op && found.op_kind(op) == OpKind::Register;
    let is_short = |op: u32| in_register(op) && found.op_register(op).is_gpr16();
    let of_segment = |op| in_register(op) && found.op_register(op).is_segment_register();
    if (0..found.op_count()).any(of_segment) {
        return false;
    }
    match found.mnemonic() {
        M::Ret | M::Retf | M::Iret | M::Iretd | M::Iretq | M::Enter | M::Leave | M::Xlatb => false,
        M::Int | M::Int1 | M::Int3 | M::Syscall | M::Sysenter | M::Sysexit | M::Sysret => false,
        M::Pushf | M::Pushfq | M::Popf | M::Popfq | M::Jcxz | M::Jecxz | M::Ud0 | M::Ud1 => false,
        M::In | M::Out | M::Insb | M::Insw | M::Insd | M::Outsb | M::Outsw | M::Outsd => false,
        M::Lar | M::Lsl | M::Verr | M::Verw | M::Sldt | M::Str | M::Smsw | M::Sgdt => false,
        M::Sidt | M::Lfs | M::Lgs | M::Lss | M::Rdpmc | M::Cli | M::Sti => false,
        M::Bt | M::Btc | M::Btr | M::Bts => !in_register(1),
        M::Lzcnt | M::Tzcnt | M::Popcnt => !is_short(0),
        M::Crc32 => found.code() != Code::Crc32_r32_rm16,
        M::Call | M::Jmp => in_register(0) || matches!(found.op0_kind(), OpKind::NearBranch64),
        _ => true,
    }
}

/// Whether the prefixes are those of the instruction, each once. The longest nops have more, and
/// are known by their bytes.
fn has_known_prefixes(found: &Instruction, bytes: &[u8]) -> bool {
    use Mnemonic as M;
    const LONG_NOP: [u8; 9] = [0x2E, 0x0F, 0x1F, 0x84, 0, 0, 0, 0, 0];
    let bytes = &bytes[..found.len()];
    let is_prefix =
        |byte: &&u8| matches!(**byte, 0x26 | 0x2E | 0x36 | 0x3E | 0x64..=0x67 | 0xF0 | 0xF2 | 0xF3);
    let prefixes: Vec<u8> = bytes.iter().take_while(is_prefix).copied().collect();
    if found.mnemonic() == M::Nop && bytes.len() > 1 && prefixes.contains(&0x66) {
        let words = [&[0x66, 0x90][..], &[0x66, 0x0F, 0x1F, 0x44, 0, 0]];
        let longer =
            bytes.ends_with(&LONG_NOP) && bytes[..bytes.len() - 9].iter().all(|b| *b == 0x66);
        let nine = bytes[0] == 0x66 && bytes[1..] == LONG_NOP[1..];
        return words.contains(&bytes) || nine || longer;
    }
    let once = prefixes.iter().enumerate().all(|(at, prefix)| !prefixes[..at].contains(prefix));
    let has = |prefix: u8| prefixes.contains(&prefix);
    let conditional = found.flow_control() == FlowControl::ConditionalBranch;
    let segments = prefixes.iter().all(|prefix| match prefix {
        0x2E | 0x3E => conditional,
        0x26 | 0x36 | 0x64 | 0x65 | 0x67 => false,
        _ => true,
    });
    let repeats = has(0xF2) || has(0xF3);
    let opcode = found.code().op_code();
    let mandatory = opcode.mandatory_prefix();
    let is_opcode = matches!(mandatory, MandatoryPrefix::PF3 | MandatoryPrefix::PF2);
    let words = mandatory == MandatoryPrefix::P66 || opcode.operand_size() == 16;
    let compares = matches!(found.code().mnemonic(), M::Cmpsb | M::Cmpsw | M::Cmpsd | M::Cmpsq)
        || matches!(found.code().mnemonic(), M::Scasb | M::Scasw | M::Scasd | M::Scasq);
    let is_string = string_pointers(found).is_some() && !has(0x66) && (compares || !has(0xF2));
    once && segments
        && !(has(0xF0) && repeats)
        && (!repeats || is_opcode || is_string)
        && (!has(0x66) || words)
}
