//! The bytes of instructions that iced lacks.
//!
//! In: a row of [`own`](crate::isa::own), an instruction that fits it, and how to encode its
//! address. Out: the bytes, and where displacement and immediate stand. Sources: Intel SDM volume
//! 2, chapter 2, "Instruction format", 2.3 (VEX) and 2.7 (EVEX).

use crate::isa::encode::encoding::{Field, Raw, Tweaks, is_variable, refused};
use crate::isa::own::{Kind, Length, Memory, Place, Prefix};
use crate::isa::{Bank, Base, Class, DispSize, Instruction, Mem, Operand, OwnRow, PhysReg};
use crate::isa::{Rounding, SelectError, View, gp};

/// Encodes `inst` in the row `own`.
///
/// # Errors
/// Where no bytes mean its address.
pub(super) fn assemble(
    own: OwnRow,
    inst: &Instruction<PhysReg>,
    tweaks: &Tweaks,
) -> Result<Raw, SelectError> {
    let fields = Fields::of(own, inst);
    let mut address = match fields.memory {
        Some(mem) => Address::of(mem, own, tweaks).map_err(refused)?,
        None => Address::register(fields.rm),
    };
    address.modrm |= (fields.reg & 7) << 3;
    let mut raw = Raw::default();
    let bytes = &mut raw.bytes;
    bytes.extend(address.segment);
    bytes.extend(address.is_narrow.then_some(0x67));
    match own.row.prefix {
        Prefix::Legacy => fields.legacy(&address, bytes),
        Prefix::Vex => fields.vex(&address, bytes),
        Prefix::Evex => fields.evex(&address, bytes),
    }
    bytes.push(own.row.opcode);
    bytes.push(address.modrm);
    bytes.extend(address.sib);
    raw.disp = push_number(bytes, address.disp, address.disp_size);
    if let Some((value, size)) = fields.imm {
        raw.imm = push_number(bytes, value, size);
    }
    Ok(raw)
}

fn push_number(bytes: &mut Vec<u8>, value: i64, size: u8) -> Option<Field> {
    let field = Field { offset: bytes.len() as u8, size };
    bytes.extend(&value.to_le_bytes()[..usize::from(size)]);
    (size != 0).then_some(field)
}

/// What goes into the fields of the prefix and of ModRM.
struct Fields<'a> {
    own: OwnRow,
    inst: &'a Instruction<PhysReg>,
    reg: u8,
    rm: u8,
    vvvv: u8,
    memory: Option<&'a Mem<PhysReg>>,
    imm: Option<(i64, u8)>,
    /// A byte register that needs REX to be told from `ah` … `bh`.
    is_low_byte: bool,
}

impl<'a> Fields<'a> {
    fn of(own: OwnRow, inst: &'a Instruction<PhysReg>) -> Fields<'a> {
        let mut fields = Fields {
            own,
            inst,
            reg: own.row.digit.unwrap_or(0),
            rm: 0,
            vvvv: 0,
            memory: None,
            imm: None,
            is_low_byte: false,
        };
        for (at, kind) in own.row.operands.iter().enumerate() {
            match inst.operands.get(at) {
                Some(Operand::Reg(view)) => fields.set_register(kind.place, *view),
                Some(Operand::Mem(mem)) => fields.memory = Some(mem),
                given => fields.imm = Some(immediate(kind.kind, given, inst)),
            }
        }
        fields
    }

    fn set_register(&mut self, place: Place, view: View<PhysReg>) {
        // `ah` has the number of `spl`.
        let number = view.reg.num + if view.class == Class::Gp8h { 4 } else { 0 };
        self.is_low_byte |= view.class == Class::Gp8 && view.reg.num >= 4;
        match place {
            Place::Reg => self.reg = number,
            Place::Rm => self.rm = number,
            Place::Vvvv => self.vvvv = number,
            Place::Imm => {}
        }
    }

    /// Mandatory prefix, REX, opcode map.
    fn legacy(&self, address: &Address, bytes: &mut Vec<u8>) {
        bytes.extend([0x66, 0xf3, 0xf2].get(usize::from(self.own.row.pp).wrapping_sub(1)));
        let w = u8::from(self.own.row.w) << 3;
        let rex = w | high(self.reg) << 2 | address.x << 1 | address.b;
        if rex != 0 || self.is_low_byte {
            bytes.push(0x40 | rex);
        }
        bytes.push(0x0f);
        bytes.extend([0x38, 0x3a].get(usize::from(self.own.row.map).wrapping_sub(2)));
    }

    fn vex(&self, address: &Address, bytes: &mut Vec<u8>) {
        let row = self.own.row;
        let inverted = high(self.reg) << 2 | address.x << 1 | address.b;
        bytes.push(0xc4);
        bytes.push((!inverted & 7) << 5 | row.map);
        let length = u8::from(self.own.length == Length::L256);
        bytes.push(u8::from(row.w) << 7 | (!self.vvvv & 15) << 3 | length << 2 | row.pp);
    }

    fn evex(&self, address: &Address, bytes: &mut Vec<u8>) {
        let row = self.own.row;
        // In r/m, a register's fifth bit stands where an index's fourth would.
        let x = if self.memory.is_some() { address.x } else { self.rm >> 4 & 1 };
        let inverted = high(self.reg) << 3 | x << 2 | address.b << 1 | self.reg >> 4 & 1;
        let (mask, zeroing) = (self.inst.mask.map_or(0, |mask| mask.reg.num), self.inst.zeroing);
        let (length, b) = self.length_and_b();
        bytes.push(0x62);
        bytes.push((!inverted & 15) << 4 | row.map);
        bytes.push(u8::from(row.w) << 7 | (!self.vvvv & 15) << 3 | 4 | row.pp);
        bytes.push(
            u8::from(zeroing) << 7 | length << 5 | b << 4 | (!self.vvvv >> 4 & 1) << 3 | mask,
        );
    }

    /// EVEX.L'L and EVEX.b: the length and a broadcast, or a rounding mode in the length's place.
    fn length_and_b(&self) -> (u8, u8) {
        let is_broadcast = self.memory.is_some_and(|mem| mem.broadcast.is_some());
        match self.inst.rounding {
            None => (self.own.length as u8, u8::from(is_broadcast)),
            Some(Rounding::Nearest | Rounding::Sae) => (0, 1),
            Some(Rounding::Down) => (1, 1),
            Some(Rounding::Up) => (2, 1),
            Some(Rounding::Zero) => (3, 1),
        }
    }
}

/// A number with its size; one that is filled in later is zero.
fn immediate(
    kind: Kind,
    given: Option<&Operand<PhysReg>>,
    inst: &Instruction<PhysReg>,
) -> (i64, u8) {
    let implied = inst.mnemonic.meaning().imm.map_or(0, i64::from);
    let value = match given {
        Some(Operand::Imm(value)) => *value as i64,
        Some(_) => 0,
        None => implied,
    };
    (value, if kind == Kind::Imm32 { 4 } else { 1 })
}

/// Whether a register is among the upper eight of its sixteen.
fn high(number: u8) -> u8 {
    number >> 3 & 1
}

/// ModRM (without its reg field), SIB and displacement, and what they want of the prefixes.
#[derive(Default)]
struct Address {
    segment: Option<u8>,
    is_narrow: bool,
    modrm: u8,
    sib: Option<u8>,
    x: u8,
    b: u8,
    disp: i64,
    disp_size: u8,
}

impl Address {
    fn register(rm: u8) -> Address {
        Address { modrm: 0xc0 | rm & 7, b: high(rm), ..Address::default() }
    }

    fn of(mem: &Mem<PhysReg>, own: OwnRow, tweaks: &Tweaks) -> Result<Address, &'static str> {
        let (base, index) =
            roles(mem).ok_or("a stack variable has no address before the frame is built")?;
        let wants_sib = own.row.operands.iter().any(|operand| operand.memory == Memory::Sib);
        let is_literal = !is_variable(mem.base) && mem.disp_const.is_none();
        let is_narrow = [base, index.map(|(view, _)| view)]
            .iter()
            .flatten()
            .any(|view| matches!(view.class, Class::Gp32 | Class::Eip));
        let disp = if is_narrow { i64::from(mem.disp as i32) } else { mem.disp };
        let mut address = Address {
            segment: segment(mem, base),
            is_narrow,
            disp: if is_literal { disp } else { 0 },
            ..Address::default()
        };
        if is_variable(mem.base) {
            (address.modrm, address.disp_size) = (5, 4);
            return match wants_sib {
                true => Err("the address of a tile cannot be relative to `rip`: `lea` it first"),
                false => Ok(address),
            };
        }
        let needs_sib = wants_sib
            || tweaks.sib
            || index.is_some()
            || base.is_none_or(|base| base.reg.num & 7 == gp::RSP.num);
        match base {
            None => address.disp_size = 4,
            Some(base) => {
                let scale = disp8_scale(mem, own);
                address.b = high(base.reg.num);
                address.choose_displacement(mem.disp_size.or(tweaks.disp), base, scale, is_literal);
            }
        }
        let base_bits = base.map_or(5, |base| base.reg.num & 7);
        if !needs_sib {
            address.modrm |= base_bits;
            return Ok(address);
        }
        let (index_bits, scale_bits) = match index {
            None => (4, 0),
            Some((view, scale)) => (view.reg.num & 7, scale.trailing_zeros() as u8),
        };
        address.x = index.map_or(0, |(view, _)| high(view.reg.num));
        address.modrm |= 4;
        address.sib = Some(scale_bits << 6 | index_bits << 3 | base_bits);
        Ok(address)
    }

    /// No displacement, one byte or four; `scale` is what one byte counts in.
    fn choose_displacement(
        &mut self,
        wanted: Option<DispSize>,
        base: View<PhysReg>,
        scale: i64,
        is_literal: bool,
    ) {
        // Without a displacement the number of rbp and r13 means something else.
        let needs_one = base.reg.num & 7 == gp::RBP.num;
        let fits = self.disp % scale == 0 && i8::try_from(self.disp / scale).is_ok();
        let size = match wanted {
            Some(DispSize::Disp32) => 4,
            _ if !is_literal => 4,
            None if self.disp == 0 && !needs_one => 0,
            Some(DispSize::Disp8) | None if fits => 1,
            Some(DispSize::Disp8) | None => 4,
        };
        self.disp_size = size;
        self.modrm |= [0, 0x40, 0, 0, 0x80][usize::from(size)];
        if size == 1 {
            self.disp /= scale;
        }
    }
}

/// What base and index are in the encoding; `None` for a stack variable, which has no place yet.
type Roles = (Option<View<PhysReg>>, Option<(View<PhysReg>, u8)>);

fn roles(mem: &Mem<PhysReg>) -> Option<Roles> {
    let base = match mem.base {
        Base::None | Base::Rip | Base::Data(_) => None,
        Base::Reg(view) => Some(view),
        Base::Local(_) | Base::StackArg => return None,
    };
    // `rsp` can only be a base; as an index times one it changes places with the base.
    Some(match mem.index {
        Some((view, 1)) if view.reg == gp::RSP => (Some(view), base.map(|base| (base, 1))),
        index => (base, index),
    })
}

/// What a displacement of one byte counts in (Intel SDM volume 2, 2.7.5).
fn disp8_scale(mem: &Mem<PhysReg>, own: OwnRow) -> i64 {
    match (own.row.prefix, mem.broadcast) {
        (Prefix::Legacy | Prefix::Vex, _) => 1,
        (Prefix::Evex, Some(_)) => own.row.element.into(),
        (Prefix::Evex, None) => own.memory_bytes().max(1).into(),
    }
}

/// The override for a segment that is not the address's own.
fn segment(mem: &Mem<PhysReg>, base: Option<View<PhysReg>>) -> Option<u8> {
    const OVERRIDES: [u8; 6] = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
    let is_stack = base
        .is_some_and(|base| base.reg.bank == Bank::Gp && [gp::RSP, gp::RBP].contains(&base.reg));
    let default = PhysReg::new(Bank::Segment, if is_stack { 2 } else { 3 });
    mem.segment.filter(|&segment| segment != default).map(|s| OVERRIDES[usize::from(s.num)])
}
