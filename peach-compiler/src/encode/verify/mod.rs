//! Every encoded function is decoded again and compared with what was meant.
//!
//! Input: a [`Lowered`] and its [`Encoded`]. Output: acceptance, or what differs. iced's decoder
//! knows nothing of how the bytes were made, nor does `own`, which decodes what iced lacks;
//! addresses are compared as sums, so that another way to write one is no difference. Fields that
//! are filled in later are not compared.

mod own;

use super::{Encoded, relative_address};
use crate::ir::{Base, Code, Instruction, Lowered, Mem, Operand, Prefixes, Rounding, View};
use crate::isa::{Bank, Class, PhysReg, gp};
use iced_x86::{Decoder, DecoderOptions, Mnemonic, OpKind, Register, RoundingControl};

/// Whether the bytes are the instructions.
///
/// # Errors
/// The first instruction that is another one.
pub fn verify(lowered: &Lowered, encoded: &Encoded) -> Result<(), String> {
    let mut labels = vec![0; lowered.label_count];
    for (item, &offset) in lowered.items.iter().zip(&encoded.item_offsets) {
        if let Code::Label(label) = item.code {
            labels[label.index()] = u64::from(offset);
        }
    }
    for (index, item) in lowered.items.iter().enumerate() {
        let Code::Inst(written) = &item.code else { continue };
        let relative = lowered.in_text.then(|| relative_address(written)).flatten();
        let meant = relative.as_ref().unwrap_or(written);
        let start = encoded.item_offsets[index] as usize;
        let end = encoded.item_offsets.get(index + 1).map_or(encoded.code_len, |&end| end as usize);
        let bytes = &encoded.bytes[start..end];
        // `fstcw` is `fwait` and `fnstcw`.
        let wait = usize::from(bytes.len() > 1 && bytes[0] == 0x9B);
        let decode =
            |options| Decoder::with_ip(64, &bytes[wait..], (start + wait) as u64, options).decode();
        let is_meant = |found: iced_x86::Instruction| {
            let comparison = Comparison { meant, found: &found, encoded, labels: &labels };
            !found.is_invalid() && found.len() == bytes.len() - wait && comparison.is_equal()
        };
        // Branches with an operand size prefix mean one thing to Intel and another to AMD.
        let found = decode(DecoderOptions::NONE);
        let place = Place { start, encoded };
        let is_own = || own::decode(bytes).is_some_and(|found| place.is_own(meant, &found, bytes));
        if !is_meant(found) && !is_meant(decode(DecoderOptions::AMD)) && !is_own() {
            return Err(format!("`{meant}` was encoded as {bytes:02x?}, which is `{found}`"));
        }
    }
    Ok(())
}

/// Where an instruction stands.
struct Place<'a> {
    start: usize,
    encoded: &'a Encoded,
}

impl Place<'_> {
    /// Whether an instruction that iced lacks is what was meant.
    fn is_own(&self, meant: &Instruction<PhysReg>, found: &own::Decoded, bytes: &[u8]) -> bool {
        let (mnemonic, implied) = match meant.mnemonic.in_full() {
            Some((mnemonic, number)) => (mnemonic, Some(Operand::Imm(number.into()))),
            None => (meant.mnemonic, None),
        };
        let operands: Vec<_> = meant.operands.iter().chain(&implied).collect();
        let next = (self.start + bytes.len()) as i64;
        mnemonic.name() == found.name
            && operands.len() == found.operands.len()
            && operands.iter().zip(&found.operands).all(|(a, b)| self.is_operand(a, b, next))
            && meant.mask.map_or(0, |mask| mask.reg.num) == found.mask
            && meant.zeroing == found.zeroing
            && meant.rounding == found.rounding
            && meant.prefixes == Prefixes::default()
    }

    /// `next` is where the next instruction starts.
    fn is_operand(&self, meant: &Operand<PhysReg>, found: &Operand<PhysReg>, next: i64) -> bool {
        match (meant, found) {
            (Operand::Reg(meant), Operand::Reg(found)) => meant == found,
            (Operand::Mem(meant), Operand::Mem(found)) => self.is_address(meant, found, next),
            // A number of one byte may be meant with or without a sign, and so may one of four.
            (Operand::Imm(meant), Operand::Imm(found)) => {
                let difference = (meant - found).unsigned_abs();
                [0, 1 << 8, 1 << 32].contains(&difference)
            }
            (Operand::RustConst(_), Operand::Imm(_)) => true,
            _ => false,
        }
    }

    fn is_address(&self, meant: &Mem<PhysReg>, found: &Mem<PhysReg>, next: i64) -> bool {
        let is_relative = |view: &View<PhysReg>| matches!(view.class, Class::Rip | Class::Eip);
        let split = |base: Base<PhysReg>, index| match base {
            Base::Reg(view) if !is_relative(&view) => (sum([(Some(view), 1), index]), 0),
            Base::Rip | Base::Reg(_) => (Vec::new(), next),
            Base::Data(id) => (Vec::new(), self.encoded.data_offsets[id.index()].into()),
            Base::None | Base::Local(_) | Base::StackArg => (sum([(None, 1), index]), 0),
        };
        let index = |mem: &Mem<PhysReg>| {
            mem.index.map_or((None, 1), |(view, scale)| (Some(view), u32::from(scale)))
        };
        let (meant_sum, meant_place) = split(meant.base, index(meant));
        let (found_sum, found_place) = split(found.base, index(found));
        let is_narrow = found_sum.iter().any(|(_, class, _)| *class == Class::Gp32)
            || matches!(found.base, Base::Reg(View { class: Class::Eip, .. }));
        let mask = if is_narrow { u64::from(u32::MAX) } else { u64::MAX };
        let place = |place: i64, mem: &Mem<PhysReg>| (place + mem.disp) as u64 & mask;
        meant_sum == found_sum
            && (meant.disp_const.is_some()
                || meant.symbol.is_some()
                || place(meant_place, meant) == place(found_place, found))
            && meant.broadcast == found.broadcast
            && (found.segment.is_none() || found.segment == meant.segment)
    }
}

/// Names that share their bytes, as meant and as found.
const SAME_BYTES: [(Mnemonic, Mnemonic); 14] = [
    (Mnemonic::Fclex, Mnemonic::Fnclex),
    (Mnemonic::Fdisi, Mnemonic::Fndisi),
    (Mnemonic::Feni, Mnemonic::Fneni),
    (Mnemonic::Finit, Mnemonic::Fninit),
    (Mnemonic::Fsave, Mnemonic::Fnsave),
    (Mnemonic::Fsetpm, Mnemonic::Fnsetpm),
    (Mnemonic::Fstcw, Mnemonic::Fnstcw),
    (Mnemonic::Fstenv, Mnemonic::Fnstenv),
    (Mnemonic::Fstsw, Mnemonic::Fnstsw),
    (Mnemonic::Int, Mnemonic::Int3),
    (Mnemonic::Vmovd, Mnemonic::Vmovq),
    (Mnemonic::Xchg, Mnemonic::Nop),
    (Mnemonic::Movd, Mnemonic::Movq),
    (Mnemonic::Movsx, Mnemonic::Movsxd),
];

/// Instructions whose one general-purpose register means the same in every width.
const ANY_WIDTH: [Mnemonic; 10] = [
    Mnemonic::Lkgs,
    Mnemonic::Lldt,
    Mnemonic::Lmsw,
    Mnemonic::Ltr,
    Mnemonic::Sldt,
    Mnemonic::Str,
    Mnemonic::Tpause,
    Mnemonic::Umwait,
    Mnemonic::Verr,
    Mnemonic::Verw,
];

/// Instructions that use `eax` or `edx` without a place for them in their bytes.
const IMPLIED: [Mnemonic; 4] =
    [Mnemonic::Hreset, Mnemonic::Loadiwkey, Mnemonic::Tpause, Mnemonic::Umwait];

struct Comparison<'a> {
    meant: &'a Instruction<PhysReg>,
    found: &'a iced_x86::Instruction,
    encoded: &'a Encoded,
    labels: &'a [u64],
}

impl Comparison<'_> {
    fn is_equal(&self) -> bool {
        let (meant, found) = (self.meant, self.found.mnemonic());
        let same_bytes =
            |&(one, other): &(Mnemonic, Mnemonic)| meant.mnemonic.is_row(one) && found == other;
        let named = meant.mnemonic.is_row(found) || SAME_BYTES.iter().any(same_bytes);
        named && self.operands_are_equal() && self.decorations_are_equal()
    }

    /// The operands that are meant are among those that are found, in their order; the others are
    /// implied.
    fn operands_are_equal(&self) -> bool {
        let is_meant = |operands: Vec<&Operand<PhysReg>>| {
            let mut found = 0..self.found.op_count();
            operands.into_iter().all(|meant| {
                let is_found = found.clone().any(|index| self.is_operand(meant, index));
                let is_implied = !is_found && self.is_implied(meant);
                is_implied || found.any(|index| self.is_operand(meant, index))
            })
        };
        let operands = || self.meant.operands.iter();
        match self.found.mnemonic() {
            Mnemonic::Nop if !self.meant.mnemonic.is_row(Mnemonic::Nop) => true,
            Mnemonic::Test | Mnemonic::Xchg => {
                is_meant(operands().collect()) || is_meant(operands().rev().collect())
            }
            _ => is_meant(operands().collect()),
        }
    }

    /// The manual writes some operands that iced leaves out: `blendvps a, b, xmm0`,
    /// `tpause r, edx, eax`, `int 3`.
    fn is_implied(&self, operand: &Operand<PhysReg>) -> bool {
        if let Operand::Imm(number) = operand {
            return *number == 3 && self.found.mnemonic() == Mnemonic::Int3;
        }
        let Operand::Reg(view) = operand else { return false };
        match view.class {
            Class::Xmm => view.reg == PhysReg::vector(0),
            Class::Gp32 => {
                IMPLIED.contains(&self.found.mnemonic()) && matches!(view.reg, gp::RAX | gp::RDX)
            }
            _ => false,
        }
    }

    fn is_operand(&self, meant: &Operand<PhysReg>, index: u32) -> bool {
        let (found, kind) = (self.found, self.found.op_kind(index));
        match meant {
            Operand::Reg(view) => {
                kind == OpKind::Register && self.is_register(*view, found.op_register(index))
            }
            Operand::Mem(mem) => match kind {
                OpKind::Memory => self.is_address(mem),
                // String instructions name the registers that they always use.
                OpKind::MemorySegRSI
                | OpKind::MemorySegESI
                | OpKind::MemorySegRDI
                | OpKind::MemorySegEDI
                | OpKind::MemoryESRDI
                | OpKind::MemoryESEDI => true,
                _ => false,
            },
            Operand::Imm(number) => self.is_number(*number, index),
            Operand::RustConst(_) => immediate_bits(kind).is_some(),
            Operand::RustSym(_) => immediate_bits(kind).is_some() || is_branch(kind),
            Operand::Label(branch) => {
                is_branch(kind) && found.near_branch_target() == self.labels[branch.label.index()]
            }
            Operand::Relative(distance) => {
                let target = found.next_ip().wrapping_add_signed(*distance);
                is_branch(kind) && found.near_branch_target() == target
            }
        }
    }

    fn is_register(&self, meant: View<PhysReg>, found: Register) -> bool {
        let Some(found) = view_of(found) else { return false };
        // Where the width of a general-purpose register says nothing (`movmskps`, `mov ds`), one
        // row stands for all widths.
        let other = |operand: &Operand<PhysReg>| {
            matches!(operand, Operand::Reg(view)
            if view.reg.bank != Bank::Gp)
        };
        let any_width = match found.class {
            Class::Gp32 => self.meant.operands.iter().any(other),
            _ => false,
        } || ANY_WIDTH.contains(&self.found.mnemonic());
        if self.is_zero_extended() {
            return found == View { class: Class::Gp32, ..meant };
        }
        let wide = matches!(meant.class, Class::Gp16 | Class::Gp64 | Class::Gp32);
        found == meant || any_width && wide && found.reg == meant.reg
    }

    /// `mov r64, imm` of an unsigned number of 32 bits: a write of 32 bits clears the upper half.
    fn is_zero_extended(&self) -> bool {
        let meant = match &self.meant.operands[..] {
            [Operand::Reg(view), Operand::Imm(number)] => {
                view.class == Class::Gp64 && u32::try_from(*number).is_ok()
            }
            _ => false,
        };
        meant
            && self.found.mnemonic() == Mnemonic::Mov
            && self.found.op_kind(1) == OpKind::Immediate32
            && self.found.op0_register().is_gpr32()
    }

    fn is_number(&self, number: i128, index: u32) -> bool {
        let Some(bits) = immediate_bits(self.found.op_kind(index)) else { return false };
        let mask = u64::MAX >> (64 - bits);
        self.found.immediate(index) & mask == number as u64 & mask
    }

    /// Compares addresses as sums of registers and a number.
    fn is_address(&self, mem: &Mem<PhysReg>) -> bool {
        let found = self.found;
        let relative = found.memory_base() == Register::RIP || found.memory_base() == Register::EIP;
        let segment = found.segment_prefix() == Register::None
            // `notrack` is a segment prefix, and without meaning to AMD.
            || self.meant.prefixes.notrack
            || mem.segment == view_of(found.segment_prefix()).map(|view| view.reg);
        let broadcast = found.is_broadcast() == mem.broadcast.is_some();
        let scale = found.memory_index_scale();
        let base_found = view_of(found.memory_base()).filter(|_| !relative);
        let sum_found = sum([(base_found, 1), (view_of(found.memory_index()), scale)]);
        let index = mem.index.map_or((None, 1), |(view, scale)| (Some(view), scale.into()));
        let (base, place) = match mem.base {
            Base::Reg(view) if !matches!(view.class, Class::Rip | Class::Eip) => (Some(view), 0),
            Base::Rip | Base::Reg(_) => (None, found.next_ip() as i64),
            Base::Data(id) => (None, i64::from(self.encoded.data_offsets[id.index()])),
            Base::None | Base::Local(_) | Base::StackArg => (None, 0),
        };
        let narrow = [found.memory_base(), found.memory_index()]
            .iter()
            .any(|register| register.is_gpr32() || *register == Register::EIP);
        let mask = if narrow { u64::from(u32::MAX) } else { u64::MAX };
        let disp = found.memory_displacement64() & mask == (place + mem.disp) as u64 & mask;
        let known = mem.disp_const.is_none() && mem.symbol.is_none();
        let size = found.memory_size();
        // An address that is only computed (`lea`) has no size to compare.
        let size = size.size() == 0
            || mem.size.is_none_or(|bytes| size.is_broadcast() || size.size() == bytes as usize);
        segment && broadcast && size && sum_found == sum([(base, 1), index]) && (disp || !known)
    }

    fn decorations_are_equal(&self) -> bool {
        let (meant, found) = (self.meant, self.found);
        let mask = match meant.mask {
            Some(view) => view_of(found.op_mask()) == Some(view),
            None => found.op_mask() == Register::None,
        };
        let rounding = match found.rounding_control() {
            RoundingControl::None if found.suppress_all_exceptions() => Some(Rounding::Sae),
            RoundingControl::None => None,
            RoundingControl::RoundToNearest => Some(Rounding::Nearest),
            RoundingControl::RoundDown => Some(Rounding::Down),
            RoundingControl::RoundUp => Some(Rounding::Up),
            RoundingControl::RoundTowardZero => Some(Rounding::Zero),
        };
        let prefixes = meant.prefixes;
        mask && self.implied_memory_is_equal()
            && found.zeroing_masking() == meant.zeroing
            && rounding == meant.rounding
            && found.has_lock_prefix() == prefixes.lock
            && (!prefixes.rep || found.has_rep_prefix())
            && (!prefixes.repne || found.has_repne_prefix())
    }
}

impl Comparison<'_> {
    /// Segment and width of an address that no operand names.
    fn implied_memory_is_equal(&self) -> bool {
        let Prefixes { segment, narrow_address, .. } = self.meant.prefixes;
        let found = self.found;
        let kinds = (0..found.op_count()).map(|index| found.op_kind(index));
        let is_narrow = |kind: OpKind| {
            matches!(kind, OpKind::MemorySegESI | OpKind::MemorySegEDI | OpKind::MemoryESEDI)
        };
        let has_register = found.op_kind(0) == OpKind::Memory && found.memory_base().is_gpr32();
        let has_narrow = kinds.clone().any(is_narrow) || has_register;
        let is_string = found.code().is_string_instruction();
        let has_implied = is_string || found.mnemonic() == Mnemonic::Xlatb;
        let is_narrow = match has_implied {
            true => has_narrow,
            false => found.code().op_code().address_size() == 32,
        };
        let has_segment = view_of(found.segment_prefix()).map(|view| view.reg);
        (has_segment == segment || segment.is_none() && !has_implied)
            && (!narrow_address || is_narrow)
            && (!has_implied || narrow_address == is_narrow)
    }
}

/// Registers with their factors, in one order.
fn sum(terms: [(Option<View<PhysReg>>, u32); 2]) -> Vec<(PhysReg, Class, u32)> {
    let mut sum: Vec<(PhysReg, Class, u32)> = Vec::new();
    for (term, factor) in terms {
        let Some(View { reg, class }) = term else { continue };
        match sum.iter_mut().find(|(known, ..)| *known == reg) {
            Some((_, _, known)) => *known += factor,
            None => sum.push((reg, class, factor)),
        }
    }
    sum.sort_unstable();
    sum
}

fn is_branch(kind: OpKind) -> bool {
    matches!(kind, OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64)
}

/// How many bits an immediate has, after its extension.
fn immediate_bits(kind: OpKind) -> Option<u32> {
    Some(match kind {
        OpKind::Immediate8 | OpKind::Immediate8_2nd => 8,
        OpKind::Immediate16 | OpKind::Immediate8to16 => 16,
        OpKind::Immediate32 | OpKind::Immediate8to32 => 32,
        OpKind::Immediate64 | OpKind::Immediate8to64 | OpKind::Immediate32to64 => 64,
        _ => return None,
    })
}

/// What iced's register is a view of.
fn view_of(register: Register) -> Option<View<PhysReg>> {
    let num = register.number() as u8;
    let (class, num) = match register {
        Register::None => return None,
        Register::AH | Register::CH | Register::DH | Register::BH => (Class::Gp8h, num - 4),
        Register::RIP => (Class::Rip, 0),
        Register::EIP => (Class::Eip, 0),
        // iced counts ah, ch, dh and bh between bl and spl.
        r if r.is_gpr8() => (Class::Gp8, if num < 4 { num } else { num - 4 }),
        r if r.is_gpr16() => (Class::Gp16, num),
        r if r.is_gpr32() => (Class::Gp32, num),
        r if r.is_gpr64() => (Class::Gp64, num),
        r if r.is_xmm() => (Class::Xmm, num),
        r if r.is_ymm() => (Class::Ymm, num),
        r if r.is_zmm() => (Class::Zmm, num),
        r if r.is_mm() => (Class::Mmx, num),
        r if r.is_k() => (Class::K, num),
        r if r.is_tmm() => (Class::Tmm, num),
        r if r.is_segment_register() => (Class::Segment, num),
        r if r.is_cr() => (Class::Control, num),
        r if r.is_dr() => (Class::Debug, num),
        _ => (Class::St, num),
    };
    Some(View { reg: PhysReg::new(class.bank(), num), class })
}
