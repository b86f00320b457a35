//! What instructions do beyond their operands: control flow, the stack, memory that no operand names,
//! alignment, system state.
//!
//! In: a row. Out: one property each. Sources: Intel SDM volume 2 (exceptions of each instruction),
//! AMD APM volume 3.

use crate::isa::{Bank, Class, Control, Hazard, Lanes, MemAccess, VectorMode, X87Effect};
use iced_x86::{
    Code, CpuidFeature, EncodingKind, FlowControl, Instruction, MemorySize, Mnemonic as M,
    OpAccess, OpCodeInfo, OpCodeOperandKind as Kind, Register, UsedMemory,
};

/// Where control goes.
pub(in crate::isa) fn control(code: Code) -> Control {
    match (code.flow_control(), code.mnemonic()) {
        // System calls and transactions come back to the next instruction. So do traps: what a debugger
        // or a handler returns to is the instruction behind `int3` (Intel SDM volume 3, "Interrupt 3").
        (_, M::Syscall | M::Sysenter | M::Xend | M::Xabort) => Control::Next,
        (FlowControl::Next | FlowControl::Interrupt, _) => Control::Next,
        (FlowControl::UnconditionalBranch, _) => Control::Jump,
        (FlowControl::ConditionalBranch | FlowControl::XbeginXabortXend, _) => Control::Branch,
        (FlowControl::IndirectBranch, _) => Control::IndirectJump,
        (FlowControl::Call | FlowControl::IndirectCall, _) => {
            if is_call(code.mnemonic()) {
                Control::Call
            } else {
                Control::Next
            }
        }
        (FlowControl::Return | FlowControl::Exception, _) => Control::Stop,
    }
}

fn is_call(mnemonic: M) -> bool {
    mnemonic == M::Call
}

/// Instructions that move the stack pointer by a fixed amount, which [`stack_delta`] tells.
pub(in crate::isa) fn moves_stack(code: Code) -> bool {
    matches!(
        code.mnemonic(),
        M::Push | M::Pop | M::Pushf | M::Pushfq | M::Popf | M::Popfq | M::Call | M::Ret | M::Retf
    )
}

/// By how much the stack pointer moves.
pub(in crate::isa) fn stack_delta(sample: &Instruction) -> i32 {
    match sample.mnemonic() {
        // The callee takes the return address away again.
        M::Call => 0,
        _ if moves_stack(sample.code()) => sample.stack_pointer_increment(),
        _ => 0,
    }
}

/// Accesses to memory that no operand names. iced counts the operand itself too; the sample's has no
/// base register.
pub(in crate::isa) fn implicit_memory(code: Code, used: &[UsedMemory]) -> Vec<MemAccess> {
    // CLZERO clears the cache line that rax points into.
    if matches!(code.mnemonic(), M::Clzero) {
        return vec![implicit(false, true, Some(64), 1)];
    }
    let mut list: Vec<MemAccess> = used
        .iter()
        .filter(|memory| memory.base() != Register::None)
        .map(|memory| {
            use OpAccess as A;
            let access = memory.access();
            let size = memory.memory_size();
            let bytes = if size == MemorySize::Unknown { None } else { Some(size.size() as u32) };
            MemAccess {
                always_written: matches!(access, A::Write | A::ReadWrite),
                ..implicit(
                    matches!(access, A::Read | A::CondRead | A::ReadWrite | A::ReadCondWrite),
                    matches!(access, A::Write | A::CondWrite | A::ReadWrite | A::ReadCondWrite),
                    bytes,
                    1,
                )
            }
        })
        .collect();
    match code.mnemonic() {
        // The destination is a register that holds the address; it must be aligned.
        M::Movdir64b | M::Enqcmd | M::Enqcmds => {
            list.clear();
            list.push(MemAccess { always_written: true, ..implicit(false, true, Some(64), 64) });
        }
        // Only the bytes whose mask bit is set.
        M::Maskmovq | M::Maskmovdqu | M::Vmaskmovdqu => {
            list.iter_mut().for_each(|access| access.always_written = false);
        }
        _ => {}
    }
    list
}

fn implicit(read: bool, write: bool, bytes: Option<u32>, align: u32) -> MemAccess {
    MemAccess {
        operand: None,
        read,
        write,
        always_written: false,
        bytes,
        align,
        address_only: false,
    }
}

/// How many bytes from its address on a memory operand touches.
pub(in crate::isa) fn extent(op_code: &OpCodeInfo, kind: Kind) -> Option<u32> {
    let by_bit = matches!(op_code.mnemonic(), M::Bt | M::Bts | M::Btr | M::Btc)
        && op_code.op_kinds().get(1).is_some_and(|kind| *kind != Kind::imm8);
    let is_gather = crate::isa::effects::vectors::is_memory(kind)
        && !matches!(kind, Kind::mem | Kind::mem_offs);
    let size = op_code.memory_size().size() as u32;
    match op_code.mnemonic() {
        _ if by_bit || is_gather => None,
        // These touch the cache line, or only its permissions.
        M::Clflush | M::Clflushopt | M::Clwb => Some(1),
        // Intel reads the two bytes that it extends to two, AMD reads four.
        _ if op_code.code() == Code::Movsxd_r16_rm16 => Some(4),
        _ if is_state_image(op_code.memory_size()) || size == 0 => None,
        _ => Some(size),
    }
}

/// The image of the processor state, whose size depends on what is enabled.
fn is_state_image(size: MemorySize) -> bool {
    matches!(size, MemorySize::Xsave | MemorySize::Xsave64)
}

/// Whether a store writes all of its bytes whatever the data.
pub(in crate::isa) fn stores_always(code: Code) -> bool {
    !matches!(
        code.mnemonic(),
        M::Vmaskmovps
            | M::Vmaskmovpd
            | M::Vpmaskmovd
            | M::Vpmaskmovq
            // Bytes of the image are reserved, and left as they are.
            | M::Fxsave
            | M::Fxsave64
            | M::Cmpxchg
            | M::Cmpxchg8b
            | M::Cmpxchg16b
    )
}

/// The alignment that a row demands of its memory operand.
pub(in crate::isa) fn alignment(op_code: &OpCodeInfo) -> u32 {
    let size = op_code.memory_size().size() as u32;
    match op_code.mnemonic() {
        M::Movaps
        | M::Movapd
        | M::Movdqa
        | M::Movntps
        | M::Movntpd
        | M::Movntdq
        | M::Movntdqa
        | M::Vmovaps
        | M::Vmovapd
        | M::Vmovdqa
        | M::Vmovdqa32
        | M::Vmovdqa64
        | M::Vmovntps
        | M::Vmovntpd
        | M::Vmovntdq
        | M::Vmovntdqa
        | M::Cmpxchg16b => size,
        M::Fxsave | M::Fxsave64 | M::Fxrstor | M::Fxrstor64 => 16,
        M::Xsave
        | M::Xsave64
        | M::Xsavec
        | M::Xsavec64
        | M::Xsaveopt
        | M::Xsaveopt64
        | M::Xsaves
        | M::Xsaves64
        | M::Xrstor
        | M::Xrstor64
        | M::Xrstors
        | M::Xrstors64 => 64,
        M::Aadd | M::Aand | M::Aor | M::Axor => size,
        mnemonic if is_cmpccxadd(mnemonic) => size,
        // Moves that are meant for unaligned data, and string comparisons (Intel SDM volume 2,
        // PCMPESTRI: "not subject to alignment").
        M::Movups
        | M::Movupd
        | M::Movdqu
        | M::Lddqu
        | M::Pcmpestri
        | M::Pcmpestri64
        | M::Pcmpestrm
        | M::Pcmpestrm64
        | M::Pcmpistri
        | M::Pcmpistrm => 1,
        // Legacy SSE: Intel SDM volume 1, 4.6.1.1.
        _ => {
            let is_sse = op_code.op_kinds().iter().any(|k| matches!(k, Kind::xmm_or_mem));
            let is_legacy = op_code.encoding() == EncodingKind::Legacy;
            if is_legacy && is_sse && size == 16 { 16 } else { 1 }
        }
    }
}

fn is_cmpccxadd(mnemonic: M) -> bool {
    use M::*;
    [
        Cmpoxadd, Cmpnoxadd, Cmpbxadd, Cmpnbxadd, Cmpzxadd, Cmpnzxadd, Cmpbexadd, Cmpnbexadd,
        Cmpsxadd, Cmpnsxadd, Cmppxadd, Cmpnpxadd, Cmplxadd, Cmpnlxadd, Cmplexadd, Cmpnlexadd,
    ]
    .contains(&mnemonic)
}

/// Conditional moves.
pub(in crate::isa) fn is_cmov(mnemonic: M) -> bool {
    use M::*;
    [
        Cmovo, Cmovno, Cmovb, Cmovae, Cmove, Cmovne, Cmovbe, Cmova, Cmovs, Cmovns, Cmovp, Cmovnp,
        Cmovl, Cmovge, Cmovle, Cmovg,
    ]
    .contains(&mnemonic)
}

/// How much of the registers in an address counts: LEA drops what does not fit its destination.
pub(in crate::isa) fn address_bytes(code: Code) -> Lanes {
    match code {
        Code::Lea_r16_m => Lanes::low(2),
        Code::Lea_r32_m => Lanes::low(4),
        _ => Lanes::low(8),
    }
}

/// Instructions whose implicit results have 32 bits, so that the upper halves become zero.
pub(in crate::isa) fn has_32_bit_results(mnemonic: M) -> bool {
    matches!(
        mnemonic,
        M::Cpuid
            | M::Rdtsc
            | M::Rdtscp
            | M::Rdpmc
            | M::Rdmsr
            | M::Rdpru
            | M::Rdpkru
            | M::Xgetbv
            | M::Cwde
            | M::Cdq
    )
}

/// Whether a row is harmless, apart from what its memory operand and its control flow need.
pub(in crate::isa) fn hazard(code: Code) -> Option<Hazard> {
    let op_code = code.op_code();
    let mnemonic = code.mnemonic();
    if writes_segment(op_code) || changes_preserved_state(mnemonic) {
        return Some(Hazard::PreservedState);
    }
    let is_system = is_system(mnemonic) || op_code.is_save_restore();
    if op_code.is_privileged() || op_code.is_input_output() || is_system {
        return Some(Hazard::System);
    }
    if matches!(control(code), Control::IndirectJump | Control::Call) {
        return Some(Hazard::Indirect);
    }
    if code.is_string_instruction() || has_hidden_memory(mnemonic) {
        return Some(Hazard::ImplicitMemory);
    }
    if x87(code) == X87Effect::X87 {
        return Some(Hazard::PreservedState);
    }
    may_fault(mnemonic).then_some(Hazard::MayFault)
}

fn writes_segment(op_code: &OpCodeInfo) -> bool {
    let to_segment = matches!(op_code.op_kinds().first(), Some(Kind::seg_reg));
    let pops = op_code.mnemonic() == M::Pop
        && matches!(op_code.op_kinds().first(), Some(Kind::fs | Kind::gs));
    to_segment || pops || matches!(op_code.mnemonic(), M::Lfs | M::Lgs | M::Lss)
}

fn changes_preserved_state(mnemonic: M) -> bool {
    matches!(
        mnemonic,
        M::Ldmxcsr
            | M::Vldmxcsr
            | M::Std
            | M::Popf
            | M::Popfq
            | M::Fxrstor
            | M::Fxrstor64
            | M::Xrstor
            | M::Xrstor64
            | M::Wrfsbase
            | M::Wrgsbase
    )
}

fn is_system(mnemonic: M) -> bool {
    use M::*;
    [
        Syscall,
        Sysenter,
        Int,
        Int1,
        Iret,
        Iretd,
        Iretq,
        Retf,
        Hlt,
        Wrpkru,
        Xbegin,
        Xend,
        Xabort,
        Xtest,
        Xsusldtrk,
        Xresldtrk,
        Enclu,
        Enclv,
        Vmcall,
        Vmmcall,
        Vmfunc,
        Vmgexit,
        Umonitor,
        Umwait,
        Tpause,
        Monitorx,
        Mwaitx,
        Monitor,
        Mwait,
        Clui,
        Stui,
        Testui,
        Uiret,
        Senduipi,
        Enqcmd,
        Smsw,
        Sldt,
        Str,
        Sgdt,
        Sidt,
        Verr,
        Verw,
        Lar,
        Lsl,
        Incsspd,
        Incsspq,
        Saveprevssp,
        Rstorssp,
        Wrssd,
        Wrssq,
        Llwpcb,
        Slwpcb,
        Lwpins,
        Lwpval,
        Getsec,
        Getsecq,
        Mcommit,
        Tdcall,
        Seamcall,
        Xsetbv,
        Enter,
        Leave,
        Pbndkb,
    ]
    .contains(&mnemonic)
}

fn has_hidden_memory(mnemonic: M) -> bool {
    use M::*;
    [
        Maskmovq,
        Maskmovdqu,
        Vmaskmovdqu,
        Xlatb,
        Clzero,
        Movdir64b,
        Montmul,
        Xsha1,
        Xsha256,
        Xsha512,
        Xsha512_alt,
        Xcryptecb,
        Xcryptcbc,
        Xcryptctr,
        Xcryptcfb,
        Xcryptofb,
        Xstore,
        Xstore_alt,
        Ccs_hash,
        Ccs_encrypt,
    ]
    .contains(&mnemonic)
}

fn may_fault(mnemonic: M) -> bool {
    use M::*;
    [
        Div,
        Idiv,
        Rdpmc,
        Xgetbv,
        Rdpkru,
        Rdpru,
        Rdfsbase,
        Rdgsbase,
        Tileloadd,
        Tileloaddt1,
        Tilestored,
        Tilezero,
        Tilerelease,
        Ldtilecfg,
        Sttilecfg,
        Tdpbf16ps,
        Tdpbssd,
        Tdpbsud,
        Tdpbusd,
        Tdpbuud,
        Tdpfp16ps,
        Tcmmimfp16ps,
        Tcmmrlfp16ps,
    ]
    .contains(&mnemonic)
}

/// What a row does to the state that x87 and MMX share.
pub(in crate::isa) fn x87(code: Code) -> X87Effect {
    let op_code = code.op_code();
    let is_mmx = |kind: &Kind| matches!(kind, Kind::mm_reg | Kind::mm_rm | Kind::mm_or_mem);
    let features = [CpuidFeature::FPU, CpuidFeature::FPU287, CpuidFeature::FPU387];
    if matches!(code.mnemonic(), M::Emms | M::Femms) {
        X87Effect::Empty
    } else if op_code.op_kinds().iter().any(is_mmx) {
        X87Effect::Mmx
    } else if matches!(code.mnemonic(), M::Wait | M::Fxrstor | M::Fxrstor64)
        || matches!(code.mnemonic(), M::Xrstor | M::Xrstor64 | M::Xrstors | M::Xrstors64)
        || features.iter().any(|f| code.cpuid_features().contains(f))
    {
        X87Effect::X87
    } else {
        X87Effect::None
    }
}

/// Which vector encoding a row has, if it touches vector registers.
pub(in crate::isa) fn vector_mode(code: Code, classes: &[Option<Class>]) -> VectorMode {
    let zeroes = matches!(code.mnemonic(), M::Vzeroupper | M::Vzeroall);
    let touches = classes.iter().flatten().any(|class| class.bank() == Bank::Vector)
        || code.op_code().op_kinds().iter().any(|&kind| {
            crate::isa::effects::vectors::is_memory(kind)
                && !matches!(kind, Kind::mem | Kind::mem_offs | Kind::sibmem)
        });
    match code.op_code().encoding() {
        _ if !touches && !zeroes => VectorMode::None,
        EncodingKind::Legacy | EncodingKind::D3NOW => VectorMode::Legacy,
        _ => VectorMode::Vex,
    }
}
