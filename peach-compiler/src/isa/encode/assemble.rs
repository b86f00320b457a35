//! One form and one instruction, through iced's encoder, with its bugs corrected, or through `own`
//! where iced lacks it.
//!
//! In: a [`Form`] that fits (see `fit`), an instruction, and [`Tweaks`] that ask for another than
//! the usual encoding. Out: an [`Encoding`].
//!
//! Corrected: the REX prefix that iced forgets with 3DNow!; the compressed displacement that it
//! writes in an EVEX address without a base. RIP-relative displacements and branches are written
//! here, since iced counts them from an absolute address.

use crate::isa::encode::encoding::{Encoding, Field, Raw, Tweaks, is_variable, refused};
use crate::isa::encode::own;
use crate::isa::forms::form::{Form, Opcode, Slot};
use crate::isa::{Bank, Class, PhysReg, SelectError};
use crate::isa::{
    Base, DispSize, ForcedEncoding, Instruction, Mem, Operand, Prefixes, Rounding, View,
};
use crate::sorted;
use iced_x86::{
    Code, Encoder, EncodingKind, OpCodeOperandKind as Kind, OpKind, Register as Reg,
    RoundingControl,
};

/// Encodes `inst` in the form `form`.
pub(in crate::isa) fn assemble(
    form: &Form,
    inst: &Instruction<PhysReg>,
    tweaks: &Tweaks,
) -> Result<Encoding, SelectError> {
    let raw = match form.opcode() {
        Opcode::Iced(code) => assemble_iced(form, code, inst, tweaks)?,
        Opcode::Own(row) => own::assemble(row, inst, tweaks)?,
    };
    let encoding = fill_fields(inst, raw)?;
    if encoding.bytes.len() > 15 {
        return Err(refused("an instruction cannot exceed 15 bytes"));
    }
    Ok(encoding)
}

fn assemble_iced(
    form: &Form,
    code: Code,
    inst: &Instruction<PhysReg>,
    tweaks: &Tweaks,
) -> Result<Raw, SelectError> {
    let row = build(form, code, inst, tweaks)?;
    let mut encoder = Encoder::new(64);
    let vex3 = tweaks.vex3 || inst.encoding == Some(ForcedEncoding::Vex3);
    encoder.set_prevent_vex2(vex3);
    if tweaks.w {
        encoder.set_vex_wig(1);
        encoder.set_evex_wig(1);
    }
    if tweaks.l != 0 {
        encoder.set_vex_lig(u32::from(tweaks.l & 1));
        encoder.set_evex_lig(u32::from(tweaks.l));
    }
    if let Err(error) = encoder.encode(&row, 0) {
        return Err(refused(&error.to_string()));
    }
    let offsets = encoder.get_constant_offsets();
    let mut raw = Raw {
        bytes: encoder.take_buffer(),
        disp: offsets.has_displacement().then(|| Field {
            offset: offsets.displacement_offset() as u8,
            size: offsets.displacement_size() as u8,
        }),
        imm: offsets.has_immediate().then(|| Field {
            offset: offsets.immediate_offset() as u8,
            size: offsets.immediate_size() as u8,
        }),
    };
    let added = add_prefixes(code, &row, inst, &mut raw.bytes);
    for field in [&mut raw.disp, &mut raw.imm].into_iter().flatten() {
        field.offset += added;
    }
    if tweaks.sib && row.memory_index_scale() != 1 && row.memory_index() == Reg::None {
        clear_scale(&mut raw, code);
    }
    if code == Code::Xchg_r64_RAX && raw.bytes == [0x48, 0x90] {
        // `xchg rax, rax` changes nothing; GNU as drops the prefix too.
        raw.bytes.remove(0);
    }
    Ok(raw)
}

/// Writes what iced cannot know, and notes where the rest goes.
fn fill_fields(inst: &Instruction<PhysReg>, raw: Raw) -> Result<Encoding, SelectError> {
    let Raw { bytes, disp, imm } = raw;
    let mut encoding = Encoding { bytes, ..Encoding::default() };
    for (operand, given) in inst.operands.iter().enumerate() {
        match given {
            Operand::Mem(mem) => {
                let forced = mem.disp_size.map(|size| match size {
                    DispSize::Disp8 => 1,
                    DispSize::Disp32 => 4,
                });
                let written = disp.map_or(0, |field| field.size);
                if forced.is_some_and(|size| size != written) {
                    return Err(bad_displacement(mem, operand));
                }
                if !is_variable(mem.base) && mem.disp_const.is_none() {
                    continue;
                }
                let field = disp.expect("a variable displacement has a field");
                // Data's own place and a Rust constant are added later, `disp` with them.
                let is_open = mem.disp_const.is_some() || mem.symbol.is_some();
                let is_literal = !matches!(mem.base, Base::Data(_)) && !is_open;
                put(&mut encoding.bytes, field, if is_literal { mem.disp } else { 0 });
                encoding.disp = Some(field);
            }
            Operand::RustConst(_) => {
                let field = imm.expect("an immediate has a field");
                put(&mut encoding.bytes, field, 0);
                encoding.imm = Some(field);
            }
            Operand::RustSym(_) => {
                let field = imm.unwrap_or_else(|| last_bytes(&encoding, 4));
                put(&mut encoding.bytes, field, 0);
                encoding.imm = Some(field);
            }
            Operand::Label(_) | Operand::Relative(_) => {
                let size = if imm.is_some_and(|field| field.size == 1) { 1 } else { 4 };
                let field = last_bytes(&encoding, size);
                let value = if let Operand::Relative(value) = given { *value } else { 0 };
                put(&mut encoding.bytes, field, value);
                if matches!(given, Operand::Label(_)) {
                    encoding.branch = Some(field);
                }
            }
            Operand::Reg(_) | Operand::Imm(_) => {}
        }
    }
    Ok(encoding)
}

fn bad_displacement(mem: &Mem<PhysReg>, operand: usize) -> SelectError {
    match mem.disp_size {
        Some(DispSize::Disp8) => SelectError::OutOfRange {
            operand,
            accepted: "-128 to 127 (with EVEX: multiples of the operand's size), in an address \
                with a base register"
                .to_string(),
        },
        _ => SelectError::BadDecoration {
            message: "this address cannot have a 32-bit displacement".to_string(),
            operand: Some(operand),
        },
    }
}

fn last_bytes(encoding: &Encoding, size: u8) -> Field {
    Field { offset: encoding.bytes.len() as u8 - size, size }
}

fn put(bytes: &mut [u8], field: Field, value: i64) {
    let start = usize::from(field.offset);
    let size = usize::from(field.size);
    bytes[start..start + size].copy_from_slice(&value.to_le_bytes()[..size]);
}

/// Prefixes that iced does not write. Returns how many bytes it put before the fields.
fn add_prefixes(
    code: Code,
    row: &iced_x86::Instruction,
    inst: &Instruction<PhysReg>,
    bytes: &mut Vec<u8>,
) -> u8 {
    let mut added = 0;
    if code.op_code().encoding() == EncodingKind::D3NOW {
        let rex = rex_of_address(row);
        if rex != 0x40 {
            let opcode =
                bytes.iter().position(|&byte| byte == 0x0f).expect("3DNow! starts with 0F");
            bytes.insert(opcode, rex);
            added += 1;
        }
    }
    for byte in implied_prefixes(inst.prefixes) {
        bytes.insert(0, byte);
        added += 1;
    }
    if inst.prefixes.bnd {
        bytes.insert(0, 0xf2);
        added += 1;
    }
    if inst.prefixes.notrack {
        bytes.insert(0, 0x3e);
        added += 1;
    }
    sort_prefixes(bytes);
    added
}

/// The prefixes of memory that no operand names (Intel SDM volume 2, 2.1.1).
fn implied_prefixes(prefixes: Prefixes) -> impl Iterator<Item = u8> {
    const OVERRIDES: [u8; 6] = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
    let segment = prefixes.segment.map(|segment| OVERRIDES[usize::from(segment.num)]);
    segment.into_iter().chain(prefixes.narrow_address.then_some(0x67))
}

/// Brings the legacy prefixes into the usual order: segment, 67, 66, F2 or F3, F0.
fn sort_prefixes(bytes: &mut [u8]) {
    let rank = |byte: u8| match byte {
        0x26 | 0x2e | 0x36 | 0x3e | 0x64 | 0x65 => Some(0),
        0x67 => Some(1),
        0x66 => Some(2),
        0xf2 | 0xf3 => Some(3),
        0xf0 => Some(4),
        _ => None,
    };
    let count = bytes.iter().take_while(|&&byte| rank(byte).is_some()).count();
    if count > 1 {
        sorted::sort_by_key(&mut bytes[..count], |&byte| rank(byte));
    }
}

/// The REX prefix that an address needs: X for its index, B for its base.
fn rex_of_address(row: &iced_x86::Instruction) -> u8 {
    let is_high = |register: Reg| register != Reg::None && register.number() >= 8;
    let b = u8::from(is_high(row.memory_base()));
    let x = u8::from(is_high(row.memory_index()));
    0x40 | x << 1 | b
}

/// A SIB byte without index has no scale: iced writes the one that was set to get it.
fn clear_scale(raw: &mut Raw, code: Code) {
    let sib = match raw.disp {
        Some(field) => usize::from(field.offset) - 1,
        None => raw.bytes.len() - 1 - bytes_behind_address(code),
    };
    raw.bytes[sib] &= 0x3f;
}

/// How many bytes follow ModRM, SIB and displacement.
fn bytes_behind_address(code: Code) -> usize {
    let info = code.op_code();
    let bytes = |kind: &Kind| match kind {
        Kind::imm8 | Kind::imm8sex16 | Kind::imm8sex32 | Kind::imm8sex64 => 1,
        // A register in four bits of a byte; `imm4_m2z` has the other four.
        Kind::xmm_is4 | Kind::xmm_is5 | Kind::ymm_is4 | Kind::ymm_is5 => 1,
        Kind::imm16 => 2,
        Kind::imm32 | Kind::imm32sex64 => 4,
        _ => 0,
    };
    // 3DNow! has its opcode there.
    let opcode = usize::from(info.encoding() == EncodingKind::D3NOW);
    info.op_kinds().iter().map(bytes).sum::<usize>() + opcode
}

/// The instruction as iced's.
fn build(
    form: &Form,
    code: Code,
    inst: &Instruction<PhysReg>,
    tweaks: &Tweaks,
) -> Result<iced_x86::Instruction, SelectError> {
    let mut row = iced_x86::Instruction::new();
    row.set_code(code);
    let kinds = code.op_code().op_kinds();
    for (n, slot) in form.slots().iter().enumerate() {
        let position = n as u32;
        match *slot {
            Slot::Fixed => set_fixed(&mut row, position, kinds[n]),
            Slot::Imm(value) => {
                row.set_op_kind(position, OpKind::Immediate8);
                row.set_immediate8(value);
            }
            Slot::Operand(operand) => match &inst.operands[usize::from(operand)] {
                Operand::Reg(view) => {
                    // A row over 32-bit registers may stand for one over others; see `forms`.
                    let is_r32 = matches!(
                        kinds[n],
                        Kind::r32_reg | Kind::r32_or_mem | Kind::r32_rm | Kind::r32_opcode
                    );
                    let class = if is_r32 { Class::Gp32 } else { view.class };
                    set_register(&mut row, position, iced_register(View { class, ..*view }));
                }
                Operand::Mem(mem) => {
                    row.set_op_kind(position, OpKind::Memory);
                    set_memory(&mut row, mem, tweaks)?;
                }
                Operand::Imm(value) => {
                    let is_second = n > 0 && matches!(kinds[n - 1], Kind::imm8 | Kind::imm16);
                    set_immediate(&mut row, position, kinds[n], *value as i64, is_second);
                }
                // Bits that stand for themselves in every field; replaced by zeros afterwards.
                Operand::RustConst(_) => set_immediate(&mut row, position, kinds[n], 0, false),
                Operand::RustSym(_) if kinds[n] == Kind::imm64 => {
                    set_immediate(&mut row, position, kinds[n], 0, false);
                }
                Operand::RustSym(_) | Operand::Label(_) | Operand::Relative(_) => {
                    row.set_op_kind(position, OpKind::NearBranch64);
                    row.set_near_branch64(0);
                }
            },
        }
    }
    set_decorations(&mut row, inst);
    Ok(row)
}

fn set_decorations(row: &mut iced_x86::Instruction, inst: &Instruction<PhysReg>) {
    if let Some(mask) = inst.mask {
        row.set_op_mask(iced_register(mask));
        row.set_zeroing_masking(inst.zeroing);
    }
    match inst.rounding {
        None => {}
        Some(Rounding::Sae) => row.set_suppress_all_exceptions(true),
        Some(Rounding::Nearest) => row.set_rounding_control(RoundingControl::RoundToNearest),
        Some(Rounding::Down) => row.set_rounding_control(RoundingControl::RoundDown),
        Some(Rounding::Up) => row.set_rounding_control(RoundingControl::RoundUp),
        Some(Rounding::Zero) => row.set_rounding_control(RoundingControl::RoundTowardZero),
    }
    let prefixes = inst.prefixes;
    row.set_has_lock_prefix(prefixes.lock);
    row.set_has_repe_prefix(prefixes.rep || prefixes.xrelease);
    row.set_has_repne_prefix(prefixes.repne || prefixes.xacquire);
}

fn set_register(row: &mut iced_x86::Instruction, position: u32, register: Reg) {
    row.set_op_kind(position, OpKind::Register);
    row.set_op_register(position, register);
}

/// An operand that the row fixes and that is not written.
fn set_fixed(row: &mut iced_x86::Instruction, position: u32, kind: Kind) {
    match kind {
        Kind::seg_rSI => row.set_op_kind(position, OpKind::MemorySegRSI),
        Kind::seg_rDI => row.set_op_kind(position, OpKind::MemorySegRDI),
        Kind::es_rDI => row.set_op_kind(position, OpKind::MemoryESRDI),
        Kind::seg_rBX_al => {
            row.set_op_kind(position, OpKind::Memory);
            row.set_memory_base(Reg::RBX);
            row.set_memory_index(Reg::AL);
        }
        Kind::al => set_register(row, position, Reg::AL),
        Kind::ax => set_register(row, position, Reg::AX),
        Kind::eax => set_register(row, position, Reg::EAX),
        Kind::rax => set_register(row, position, Reg::RAX),
        Kind::dx => set_register(row, position, Reg::DX),
        Kind::sti_opcode => set_register(row, position, Reg::ST1),
        _ => set_register(row, position, Reg::ST0),
    }
}

fn set_immediate(
    row: &mut iced_x86::Instruction,
    position: u32,
    kind: Kind,
    value: i64,
    is_second: bool,
) {
    let op_kind = match kind {
        Kind::imm8 if is_second => {
            row.set_immediate8_2nd(value as u8);
            OpKind::Immediate8_2nd
        }
        Kind::imm8sex16 => {
            row.set_immediate8to16(value as i16);
            OpKind::Immediate8to16
        }
        Kind::imm8sex32 => {
            row.set_immediate8to32(value as i32);
            OpKind::Immediate8to32
        }
        Kind::imm8sex64 => {
            row.set_immediate8to64(value);
            OpKind::Immediate8to64
        }
        Kind::imm16 => {
            row.set_immediate16(value as u16);
            OpKind::Immediate16
        }
        Kind::imm32 => {
            row.set_immediate32(value as u32);
            OpKind::Immediate32
        }
        Kind::imm32sex64 => {
            row.set_immediate32to64(value);
            OpKind::Immediate32to64
        }
        Kind::imm64 => {
            row.set_immediate64(value as u64);
            OpKind::Immediate64
        }
        _ => {
            row.set_immediate8(value as u8);
            OpKind::Immediate8
        }
    };
    row.set_op_kind(position, op_kind);
}

fn set_memory(
    row: &mut iced_x86::Instruction,
    mem: &Mem<PhysReg>,
    tweaks: &Tweaks,
) -> Result<(), SelectError> {
    let mut base = match mem.base {
        Base::None => None,
        Base::Reg(view) => Some(iced_register(view)),
        Base::Rip | Base::Data(_) => Some(Reg::RIP),
        Base::Local(_) | Base::StackArg => {
            return Err(refused("a stack variable has no address before the frame is built"));
        }
    };
    let mut index = mem.index.map(|(view, scale)| (iced_register(view), u32::from(scale)));
    // `rsp` can only be a base; as an index times one it changes places with the base.
    if let Some((register @ (Reg::RSP | Reg::ESP), 1)) = index {
        index = base.map(|base| (base, 1));
        base = Some(register);
    }
    if let Some(base) = base {
        row.set_memory_base(base);
    }
    if let Some((register, scale)) = index {
        row.set_memory_index(register);
        row.set_memory_index_scale(scale);
    } else if tweaks.sib && base.is_some_and(|base| !is_variable_register(base)) {
        // iced writes a SIB byte for a scale alone; `clear_scale` takes the scale out again.
        row.set_memory_index_scale(2);
    }
    let is_literal = !is_variable(mem.base) && mem.disp_const.is_none();
    row.set_memory_displacement64(if is_literal { mem.disp as u64 } else { 0 });
    let is_narrow = matches!(base, Some(Reg::EIP))
        || base.or(index.map(|(register, _)| register)).is_some_and(|r| r.is_gpr32());
    let full = if is_narrow { 4 } else { 8 };
    row.set_memory_displ_size(match (mem.disp_size.or(tweaks.disp), base) {
        // Without a base the displacement has 32 bits, and EVEX does not compress it.
        (_, None) => full,
        (Some(DispSize::Disp8), _) => 1,
        (Some(DispSize::Disp32), _) => full,
        (None, Some(base)) if is_variable_register(base) || !is_literal => full,
        (None, _) if mem.disp == 0 => 0,
        (None, _) => 1,
    });
    if let Some(segment) = mem.segment.filter(|&segment| segment != default_segment(base)) {
        row.set_segment_prefix(iced_register(View { reg: segment, class: Class::Segment }));
    }
    row.set_is_broadcast(mem.broadcast.is_some());
    Ok(())
}

/// The segment of an address without override (Intel SDM volume 1, 3.7.4): naming it costs nothing.
fn default_segment(base: Option<Reg>) -> PhysReg {
    let is_stack = matches!(base, Some(Reg::RSP | Reg::RBP | Reg::ESP | Reg::EBP));
    PhysReg::new(Bank::Segment, if is_stack { 2 } else { 3 })
}

fn is_variable_register(base: Reg) -> bool {
    matches!(base, Reg::RIP | Reg::EIP)
}

/// iced's name of a register.
pub(in crate::isa) fn iced_register(view: View<PhysReg>) -> Reg {
    let first = match view.class {
        Class::Gp8 if view.reg.num >= 4 => Reg::SPL as u32 - 4,
        Class::Gp8 => Reg::AL as u32,
        Class::Gp8h => Reg::AH as u32,
        Class::Gp16 => Reg::AX as u32,
        Class::Gp32 => Reg::EAX as u32,
        Class::Gp64 => Reg::RAX as u32,
        Class::Xmm => Reg::XMM0 as u32,
        Class::Ymm => Reg::YMM0 as u32,
        Class::Zmm => Reg::ZMM0 as u32,
        Class::Mmx => Reg::MM0 as u32,
        Class::K => Reg::K0 as u32,
        Class::Tmm => Reg::TMM0 as u32,
        Class::Segment => Reg::ES as u32,
        Class::Control => Reg::CR0 as u32,
        Class::Debug => Reg::DR0 as u32,
        Class::St => Reg::ST0 as u32,
        Class::Eip => Reg::EIP as u32,
        Class::Rip => Reg::RIP as u32,
    };
    debug_assert!(view.reg.bank != Bank::Ip || matches!(view.class, Class::Eip | Class::Rip));
    let number = (first + u32::from(view.reg.num)) as usize;
    Reg::try_from(number).unwrap_or(Reg::None)
}
