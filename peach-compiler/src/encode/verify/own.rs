//! Decodes the instructions that iced lacks.
//!
//! In: bytes. Out: the instruction that they are, or nothing. The rows of the table say which
//! opcode is which instruction; how prefixes, ModRM, SIB and displacements are read is written here
//! a second time, from the decoder's side of the manual (Intel SDM volume 2, chapter 2), so that an
//! encoder that goes wrong is not believed.

use crate::ir::{Base, Mem, Operand, Rounding, View};
use crate::isa::own::{Kind, Length, Masking, Memory, Operand as Form, Place, Prefix, ROWS};
use crate::isa::{Bank, Class, OwnRow, PhysReg, Rounds};

/// An instruction as its bytes have it.
#[derive(Debug)]
pub(super) struct Decoded {
    /// What it is called.
    pub name: &'static str,
    pub operands: Vec<Operand<PhysReg>>,
    /// The number of the mask, 0 for none.
    pub mask: u8,
    pub zeroing: bool,
    pub rounding: Option<Rounding>,
}

/// The instruction that these bytes are, all of them.
pub(super) fn decode(bytes: &[u8]) -> Option<Decoded> {
    let mut input = Input { bytes };
    let prefixes = Prefixes::read(&mut input)?;
    let opcode = input.byte()?;
    let modrm = input.byte()?;
    let (mode, reg, rm) = (modrm >> 6, modrm >> 3 & 7, modrm & 7);
    let own = find(&prefixes, opcode, reg, mode == 3)?;
    let mut code = Code { prefixes, own, mode, reg, rm, memory: None };
    if mode != 3 {
        code.memory = Some(code.address(&mut input)?);
    }
    let operands: Option<Vec<_>> =
        own.row.operands.iter().map(|form| code.operand(form, &mut input)).collect();
    let rounding = code.rounding()?;
    let masks = match own.row.masking {
        Masking::None => code.prefixes.mask == 0 && !code.prefixes.zeroing,
        Masking::Merging => !code.prefixes.zeroing,
        Masking::Zeroing => true,
    };
    (masks && input.bytes.is_empty()).then_some(Decoded {
        name: own.row.name,
        operands: operands?,
        mask: code.prefixes.mask,
        zeroing: code.prefixes.zeroing,
        rounding,
    })
}

/// The row with this opcode.
fn find(prefixes: &Prefixes, opcode: u8, reg: u8, is_register: bool) -> Option<OwnRow> {
    let row = ROWS.iter().find(|row| {
        (row.prefix, row.map, row.pp) == (prefixes.kind, prefixes.map, prefixes.pp)
            && (row.w, row.opcode) == (prefixes.w, opcode)
            && row.digit.is_none_or(|digit| digit == reg)
    })?;
    // Where a rounding mode is, there is no length: it is the longest there is.
    let is_rounded = prefixes.b && is_register;
    let length = match row.lengths {
        [.., longest] if is_rounded => *longest,
        lengths => *lengths.iter().find(|length| **length as u8 == prefixes.length)?,
    };
    let takes = |memory: Memory| match memory {
        Memory::Never => is_register,
        Memory::Too => true,
        Memory::Only | Memory::Sib => !is_register,
    };
    let rm = row.operands.iter().find(|operand| operand.place == Place::Rm)?;
    takes(rm.memory).then_some(OwnRow { row, length })
}

/// Bytes that are still to be read.
struct Input<'a> {
    bytes: &'a [u8],
}

impl Input<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(first)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.first().copied()
    }

    /// A number of one or four bytes, with its sign.
    fn number(&mut self, size: usize) -> Option<i64> {
        let (field, rest) = self.bytes.split_at_checked(size)?;
        self.bytes = rest;
        match *field {
            [byte] => Some(i64::from(byte as i8)),
            [a, b, c, d] => Some(i64::from(i32::from_le_bytes([a, b, c, d]))),
            _ => None,
        }
    }
}

/// What stands before an opcode.
struct Prefixes {
    kind: Prefix,
    map: u8,
    pp: u8,
    w: bool,
    /// Upper bits of ModRM.reg, of an index and of ModRM.rm or a base: 8 or 0; `r2` is 16 or 0.
    r: u8,
    x: u8,
    b_high: u8,
    r2: u8,
    vvvv: u8,
    length: u8,
    /// Broadcast, or rounding.
    b: bool,
    mask: u8,
    zeroing: bool,
    has_rex: bool,
    is_narrow: bool,
    segment: Option<PhysReg>,
}

impl Prefixes {
    fn read(input: &mut Input) -> Option<Prefixes> {
        let mut prefixes = Prefixes {
            kind: Prefix::Legacy,
            map: 0,
            pp: 0,
            w: false,
            r: 0,
            x: 0,
            b_high: 0,
            r2: 0,
            vvvv: 0,
            length: 0,
            b: false,
            mask: 0,
            zeroing: false,
            has_rex: false,
            is_narrow: false,
            segment: None,
        };
        loop {
            match input.byte()? {
                0x67 => prefixes.is_narrow = true,
                0x66 => prefixes.pp = 1,
                0xf3 => prefixes.pp = 2,
                0xf2 => prefixes.pp = 3,
                0x26 => prefixes.segment = segment(0),
                0x2e => prefixes.segment = segment(1),
                0x36 => prefixes.segment = segment(2),
                0x3e => prefixes.segment = segment(3),
                0x64 => prefixes.segment = segment(4),
                0x65 => prefixes.segment = segment(5),
                0xc4 => return prefixes.vex(input),
                0x62 => return prefixes.evex(input),
                rex @ 0x40..=0x4f => {
                    prefixes.has_rex = true;
                    prefixes.w = rex & 8 != 0;
                    prefixes.r = if rex & 4 != 0 { 8 } else { 0 };
                    prefixes.x = if rex & 2 != 0 { 8 } else { 0 };
                    prefixes.b_high = if rex & 1 != 0 { 8 } else { 0 };
                    return (input.byte()? == 0x0f).then_some(prefixes)?.legacy_map(input);
                }
                0x0f => return prefixes.legacy_map(input),
                _ => return None,
            }
        }
    }

    fn legacy_map(mut self, input: &mut Input) -> Option<Prefixes> {
        self.map = match input.peek()? {
            0x38 => 2,
            0x3a => 3,
            _ => 1,
        };
        if self.map != 1 {
            input.byte()?;
        }
        Some(self)
    }

    /// The upper bits of register numbers are stored inverted.
    fn set_high_bits(&mut self, byte: u8) {
        let bit = |mask: u8| if byte & mask == 0 { 8 } else { 0 };
        (self.r, self.x, self.b_high) = (bit(0x80), bit(0x40), bit(0x20));
    }

    fn vex(mut self, input: &mut Input) -> Option<Prefixes> {
        let (first, second) = (input.byte()?, input.byte()?);
        // Before VEX there may be no mandatory prefix.
        if self.pp != 0 || second & 0x80 != 0 {
            return None;
        }
        self.kind = Prefix::Vex;
        self.set_high_bits(first);
        self.map = first & 0x1f;
        self.pp = second & 3;
        self.length = second >> 2 & 1;
        self.vvvv = !(second >> 3) & 15;
        Some(self)
    }

    fn evex(mut self, input: &mut Input) -> Option<Prefixes> {
        let [first, second, third] = [input.byte()?, input.byte()?, input.byte()?];
        if self.pp != 0 || first & 8 != 0 || second & 4 == 0 {
            return None;
        }
        self.kind = Prefix::Evex;
        self.set_high_bits(first);
        self.r2 = if first & 0x10 == 0 { 16 } else { 0 };
        self.map = first & 7;
        self.w = second & 0x80 != 0;
        self.pp = second & 3;
        self.vvvv = !(second >> 3) & 15 | if third & 8 == 0 { 16 } else { 0 };
        self.zeroing = third & 0x80 != 0;
        self.length = third >> 5 & 3;
        self.b = third & 0x10 != 0;
        self.mask = third & 7;
        Some(self)
    }
}

fn segment(number: u8) -> Option<PhysReg> {
    Some(PhysReg::new(Bank::Segment, number))
}

/// An instruction whose row is known.
struct Code {
    prefixes: Prefixes,
    own: OwnRow,
    mode: u8,
    reg: u8,
    rm: u8,
    memory: Option<Mem<PhysReg>>,
}

impl Code {
    fn operand(&self, form: &Form, input: &mut Input) -> Option<Operand<PhysReg>> {
        let prefixes = &self.prefixes;
        let number = match form.place {
            Place::Imm => {
                let size = if form.kind == Kind::Imm32 { 4 } else { 1 };
                return Some(Operand::Imm(input.number(size)?.into()));
            }
            Place::Rm if self.memory.is_some() => return self.memory.clone().map(Operand::Mem),
            Place::Rm => prefixes.b_high | prefixes.x << 1 | self.rm,
            Place::Reg => prefixes.r2 | prefixes.r | self.reg,
            Place::Vvvv => prefixes.vvvv,
        };
        let class = self.own.class(form)?;
        let view = match class {
            Class::Gp8 if !prefixes.has_rex && number >= 4 => {
                View { reg: PhysReg::gp(number - 4), class: Class::Gp8h }
            }
            _ => View { reg: PhysReg::new(class.bank(), number), class },
        };
        Some(Operand::Reg(view))
    }

    /// The memory operand, its displacement as it stands in the bytes where it is relative.
    fn address(&self, input: &mut Input) -> Option<Mem<PhysReg>> {
        let prefixes = &self.prefixes;
        let (general, relative) = match prefixes.is_narrow {
            true => (Class::Gp32, Class::Eip),
            false => (Class::Gp64, Class::Rip),
        };
        let view = |number| View { reg: PhysReg::gp(number), class: general };
        let mut mem = Mem::new(Base::Reg(view(prefixes.b_high | self.rm)), 0);
        let mut size = [0, 1, 4][usize::from(self.mode)];
        if self.rm == 4 {
            let sib = input.byte()?;
            let (index, base) = (prefixes.x | sib >> 3 & 7, prefixes.b_high | sib & 7);
            mem.index = (index != 4).then(|| (view(index), 1 << (sib >> 6)));
            mem.base = Base::Reg(view(base));
            if self.mode == 0 && sib & 7 == 5 {
                (mem.base, size) = (Base::None, 4);
            }
        } else if self.mode == 0 && self.rm == 5 {
            let reg = PhysReg::new(Bank::Ip, 0);
            (mem.base, size) = (Base::Reg(View { reg, class: relative }), 4);
        }
        if size != 0 {
            let unit = if size == 1 { self.disp8_unit() } else { 1 };
            mem.disp = input.number(size)? * unit;
        }
        let bytes = self.vector_part();
        if prefixes.b {
            let element = self.own.row.element;
            mem.broadcast = Some(self.own.row.broadcasts.then_some((bytes / element) as u8)?);
        }
        mem.segment = prefixes.segment;
        Some(mem)
    }

    /// The bytes of the memory operand of an instruction with vectors.
    fn vector_part(&self) -> u32 {
        let whole = match self.own.length {
            Length::L128 => 16,
            Length::L256 => 32,
            Length::L512 => 64,
        };
        let rm = self.own.row.operands.iter().find(|operand| operand.place == Place::Rm);
        match rm.map(|operand| operand.kind) {
            Some(Kind::Vector) => whole,
            Some(Kind::Half) => whole / 2,
            Some(Kind::Scalar) => self.own.row.element,
            Some(Kind::Register(_) | Kind::Imm8 | Kind::Imm32) | None => 1,
        }
    }

    /// What a displacement of one byte counts in.
    fn disp8_unit(&self) -> i64 {
        match self.prefixes.kind {
            Prefix::Evex if self.prefixes.b => self.own.row.element.into(),
            Prefix::Evex => self.vector_part().into(),
            Prefix::Legacy | Prefix::Vex => 1,
        }
    }

    /// The rounding decoration, if there is one; `None` where the bytes ask for one that is not
    /// there.
    fn rounding(&self) -> Option<Option<Rounding>> {
        if !self.prefixes.b || self.mode != 3 {
            return Some(None);
        }
        Some(Some(match (self.own.row.rounds, self.prefixes.length) {
            (Rounds::Sae, _) => Rounding::Sae,
            (Rounds::Control, 0) => Rounding::Nearest,
            (Rounds::Control, 1) => Rounding::Down,
            (Rounds::Control, 2) => Rounding::Up,
            (Rounds::Control, _) => Rounding::Zero,
            (Rounds::Never | Rounds::Exact, _) => return None,
        }))
    }
}
