//! What bytes mean, by iced's decoder: equal for two encodings of one instruction.

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

/// The one instruction in `bytes`, in a form that does not depend on how it is encoded. `None`
/// where they are not exactly one valid instruction.
pub fn meaning(bytes: &[u8]) -> Option<String> {
    let mut decoder = Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE);
    let inst = decoder.decode();
    if inst.is_invalid() {
        return None;
    }
    if inst.len() != bytes.len() {
        // The decoder takes the `wait` before an x87 instruction as one of its own.
        return (bytes[0] == 0x9b).then(|| meaning(&bytes[1..])).flatten();
    }
    let mut operands: Vec<String> = (0..inst.op_count()).map(|n| operand(&inst, n)).collect();
    let mut name = format!("{:?}", inst.mnemonic());
    match (inst.code(), inst.mnemonic()) {
        (_, Mnemonic::Xchg | Mnemonic::Test) => operands.sort(),
        (Code::Int3, _) => (name, operands) = ("Int".to_string(), vec!["3".to_string()]),
        (_, Mnemonic::Nop) if operands.is_empty() => name = "Nop".to_string(),
        _ => {}
    }
    Some(format!(
        "{name} {} mask={:?} z={} rc={:?} sae={} lock={} rep={} repne={}",
        operands.join(", "),
        inst.op_mask(),
        inst.zeroing_masking(),
        inst.rounding_control(),
        inst.suppress_all_exceptions(),
        inst.has_lock_prefix(),
        inst.has_rep_prefix(),
        inst.has_repne_prefix()
    ))
}

fn operand(inst: &Instruction, n: u32) -> String {
    match inst.op_kind(n) {
        OpKind::Register => format!("{:?}", widened(inst, inst.op_register(n))),
        OpKind::NearBranch64 => {
            format!("+{}", inst.near_branch64().wrapping_sub(inst.next_ip()) as i64)
        }
        OpKind::Memory => memory(inst),
        OpKind::Immediate8 | OpKind::Immediate8_2nd => format!("{}", inst.immediate(n) as u8),
        OpKind::Immediate16 | OpKind::Immediate8to16 => format!("{}", inst.immediate(n) as u16),
        OpKind::Immediate32 | OpKind::Immediate8to32 => format!("{}", inst.immediate(n) as u32),
        OpKind::Immediate64 | OpKind::Immediate8to64 | OpKind::Immediate32to64 => {
            format!("{}", inst.immediate(n))
        }
        other => format!("{other:?}:{:?}", inst.memory_segment()),
    }
}

/// Rows over 32-bit registers stand for 64-bit ones where the upper half means nothing.
fn widened(inst: &Instruction, register: Register) -> Register {
    use Mnemonic as M;
    let is_blind = matches!(
        inst.mnemonic(),
        M::Sldt
            | M::Str
            | M::Lldt
            | M::Ltr
            | M::Verr
            | M::Verw
            | M::Lmsw
            | M::Lkgs
            | M::Pextrb
            | M::Pextrw
            | M::Pinsrb
            | M::Pinsrw
            | M::Extractps
            | M::Movmskps
            | M::Movmskpd
            | M::Pmovmskb
            | M::Vpextrb
            | M::Vpextrw
            | M::Vpinsrb
            | M::Vpinsrw
            | M::Vextractps
            | M::Vmovmskps
            | M::Vmovmskpd
            | M::Vpmovmskb
            | M::Tpause
            | M::Umwait
    );
    let moves_segment = inst.mnemonic() == M::Mov
        && (0..2).any(|n| {
            inst.op_kind(n) == OpKind::Register && inst.op_register(n).is_segment_register()
        });
    // A write of 32 bits clears the others: `mov eax, 5` is one encoding of `mov rax, 5`.
    let clears = inst.mnemonic() == M::Mov
        && inst.op1_kind() != OpKind::Register
        && inst.op1_kind() != OpKind::Memory;
    let moves_number = clears && (register.is_gpr32() || register.is_gpr64());
    if (is_blind || moves_segment || moves_number) && register.is_gpr() {
        register.full_register()
    } else {
        register
    }
}

fn memory(inst: &Instruction) -> String {
    let (base, index) = (inst.memory_base(), inst.memory_index());
    let scale = inst.memory_index_scale();
    let mut disp = inst.memory_displacement64() as i64;
    if base == Register::RIP || base == Register::EIP {
        disp = disp.wrapping_sub(inst.next_ip() as i64);
        if base == Register::EIP {
            disp = i64::from(disp as i32);
        }
    } else if base.is_gpr32() || index.is_gpr32() {
        disp = i64::from(disp as i32);
    }
    let mut terms: Vec<String> = Vec::new();
    if base != Register::None {
        terms.push(format!("{base:?}"));
    }
    // `[r*2]` is `[r + r]`.
    let copies = if scale == 2 { 2 } else { 1 };
    if index != Register::None {
        let text = if scale > 2 { format!("{index:?}*{scale}") } else { format!("{index:?}") };
        terms.extend(std::iter::repeat_n(text, copies));
    }
    terms.sort();
    let is_broadcast = inst.is_broadcast();
    format!(
        "{:?}[{} + {disp}] size={:?} bcst={is_broadcast}",
        inst.memory_segment(),
        terms.join(" + "),
        inst.memory_size().size()
    )
}
