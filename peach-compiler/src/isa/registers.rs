//! Physical registers, the classes through which they are seen, and their lanes.

use std::fmt::{self, Debug};
use std::hash::Hash;

/// A set of registers that share storage and compete for the same places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bank {
    /// `rax` … `r15`.
    Gp,
    /// `zmm0` … `zmm31` and their lower parts.
    Vector,
    /// `k0` … `k7`.
    Mask,
    /// `mm0` … `mm7`.
    Mmx,
    /// `tmm0` … `tmm7` (AMX).
    Tile,
    /// `es cs ss ds fs gs`.
    Segment,
    /// `cr0` … `cr15`.
    Control,
    /// `dr0` … `dr15`.
    Debug,
    /// `st(0)` … `st(7)`.
    X87,
    /// `rip` alone: only ever the base of a memory operand.
    Ip,
}

impl Bank {
    /// The class of the whole registers.
    pub fn widest_class(self) -> Class {
        match self {
            Bank::Gp => Class::Gp64,
            Bank::Vector => Class::Zmm,
            Bank::Mask => Class::K,
            Bank::Mmx => Class::Mmx,
            Bank::Tile => Class::Tmm,
            Bank::Segment => Class::Segment,
            Bank::Control => Class::Control,
            Bank::Debug => Class::Debug,
            Bank::X87 => Class::St,
            Bank::Ip => Class::Rip,
        }
    }
}

/// A physical register as a unit of storage: `rax`, `eax` and `ah` are all `Gp` 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhysReg {
    /// Which storage.
    pub bank: Bank,
    /// Its number in the encoding.
    pub num: u8,
}

impl PhysReg {
    /// The register `num` of `bank`.
    pub const fn new(bank: Bank, num: u8) -> Self {
        PhysReg { bank, num }
    }

    /// General-purpose register `num`.
    pub const fn gp(num: u8) -> Self {
        PhysReg::new(Bank::Gp, num)
    }

    /// Vector register `num`.
    pub const fn vector(num: u8) -> Self {
        PhysReg::new(Bank::Vector, num)
    }

    /// Mask register `num`.
    pub const fn mask(num: u8) -> Self {
        PhysReg::new(Bank::Mask, num)
    }

    /// MMX register `num`.
    pub const fn mmx(num: u8) -> Self {
        PhysReg::new(Bank::Mmx, num)
    }
}

/// What stands for a register in an instruction: [`Reg`](crate::isa::Reg) before allocation,
/// [`PhysReg`] after.
pub trait Register: Copy + Eq + Ord + Hash + Debug + From<PhysReg> {
    /// The physical register, if it is one.
    fn physical(self) -> Option<PhysReg>;
}

impl Register for PhysReg {
    fn physical(self) -> Option<PhysReg> {
        Some(self)
    }
}

/// The general-purpose registers by name.
pub mod gp {
    use super::PhysReg;

    macro_rules! names {
        ($($name:ident $num:literal)*) => {
            $(#[doc = concat!("Register number ", $num, ".")]
            pub const $name: PhysReg = PhysReg::gp($num);)*

            /// How many there are.
            pub const COUNT: u32 = [$($num),*].len() as u32;
        };
    }

    names! {
        RAX 0 RCX 1 RDX 2 RBX 3 RSP 4 RBP 5 RSI 6 RDI 7
        R8 8 R9 9 R10 10 R11 11 R12 12 R13 13 R14 14 R15 15
    }
}

/// A view of a register: how many of its bytes an operand names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The low byte: `al`.
    Gp8,
    /// The second byte of the first four: `ah`.
    Gp8h,
    /// `ax`.
    Gp16,
    /// `eax`.
    Gp32,
    /// `rax`.
    Gp64,
    /// The low 16 bytes of a vector register.
    Xmm,
    /// The low 32 bytes of a vector register.
    Ymm,
    /// All 64 bytes of a vector register.
    Zmm,
    /// An MMX register.
    Mmx,
    /// A mask register.
    K,
    /// An AMX tile.
    Tmm,
    /// A segment register.
    Segment,
    /// A control register.
    Control,
    /// A debug register.
    Debug,
    /// An x87 register.
    St,
    /// `eip`, as a base.
    Eip,
    /// `rip`, as a base.
    Rip,
}

impl Class {
    /// The storage it is a view of.
    pub const fn bank(self) -> Bank {
        match self {
            Class::Gp8 | Class::Gp8h | Class::Gp16 | Class::Gp32 | Class::Gp64 => Bank::Gp,
            Class::Xmm | Class::Ymm | Class::Zmm => Bank::Vector,
            Class::Mmx => Bank::Mmx,
            Class::K => Bank::Mask,
            Class::Tmm => Bank::Tile,
            Class::Segment => Bank::Segment,
            Class::Control => Bank::Control,
            Class::Debug => Bank::Debug,
            Class::St => Bank::X87,
            Class::Eip | Class::Rip => Bank::Ip,
        }
    }

    /// Its width in bytes. (A tile counts as 64: it is one lane set as a whole.)
    pub const fn bytes(self) -> u32 {
        match self {
            Class::Gp8 | Class::Gp8h => 1,
            Class::Gp16 | Class::Segment => 2,
            Class::Gp32 | Class::Eip => 4,
            Class::Gp64 | Class::Mmx | Class::K | Class::Control | Class::Debug | Class::Rip => 8,
            Class::St => 10,
            Class::Xmm => 16,
            Class::Ymm => 32,
            Class::Zmm | Class::Tmm => 64,
        }
    }

    /// The bytes of the register that it names.
    pub const fn lanes(self) -> Lanes {
        match self {
            Class::Gp8h => Lanes(0b10),
            _ => Lanes::low(self.bytes()),
        }
    }

    /// The class's name in the language (`gp32`, `ymm`, `k`), where it has one.
    pub fn name(self) -> &'static str {
        match self {
            Class::Gp8 => "gp8",
            Class::Gp8h => "gp8h",
            Class::Gp16 => "gp16",
            Class::Gp32 => "gp32",
            Class::Gp64 => "gp64",
            Class::Xmm => "xmm",
            Class::Ymm => "ymm",
            Class::Zmm => "zmm",
            Class::Mmx => "mm",
            Class::K => "k",
            Class::Tmm => "tmm",
            Class::Segment => "segment register",
            Class::Control => "control register",
            Class::Debug => "debug register",
            Class::St => "st",
            Class::Eip => "eip",
            Class::Rip => "rip",
        }
    }

    /// The class a program can declare under this name.
    pub fn from_name(name: &str) -> Option<Class> {
        Some(match name {
            "gp8" => Class::Gp8,
            "gp16" => Class::Gp16,
            "gp32" => Class::Gp32,
            "gp64" => Class::Gp64,
            "xmm" => Class::Xmm,
            "ymm" => Class::Ymm,
            "zmm" => Class::Zmm,
            "mm" => Class::Mmx,
            "k" => Class::K,
            _ => return None,
        })
    }
}

/// A set of bytes of one register: bit *i* is byte *i*, counted from the least significant.
///
/// Liveness, initialization and the clobber lists are all computed by byte, so that `movss`
/// merging three lanes, `setcc` writing one byte or a write to `ymm` zeroing the rest of `zmm` mean
/// what the manual says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lanes(pub u64);

impl Lanes {
    /// No byte.
    pub const NONE: Lanes = Lanes(0);
    /// Every byte that any register has.
    pub const ALL: Lanes = Lanes(u64::MAX);

    /// The lowest `bytes` bytes.
    pub const fn low(bytes: u32) -> Lanes {
        if bytes >= 64 { Lanes(u64::MAX) } else { Lanes((1 << bytes) - 1) }
    }

    /// `bytes` bytes from byte `start` on.
    pub const fn range(start: u32, bytes: u32) -> Lanes {
        Lanes(Lanes::low(bytes).0 << start)
    }

    /// Whether it holds no byte.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether both share a byte.
    pub const fn intersects(self, other: Lanes) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether every byte of `other` is in it.
    pub const fn contains(self, other: Lanes) -> bool {
        other.0 & !self.0 == 0
    }
}

impl std::ops::BitOr for Lanes {
    type Output = Lanes;
    fn bitor(self, other: Lanes) -> Lanes {
        Lanes(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Lanes {
    fn bitor_assign(&mut self, other: Lanes) {
        self.0 |= other.0;
    }
}

impl std::ops::BitAnd for Lanes {
    type Output = Lanes;
    fn bitand(self, other: Lanes) -> Lanes {
        Lanes(self.0 & other.0)
    }
}

/// `a - b`: the bytes of `a` that are not in `b`.
impl std::ops::Sub for Lanes {
    type Output = Lanes;
    fn sub(self, other: Lanes) -> Lanes {
        Lanes(self.0 & !other.0)
    }
}

pub(super) const SEGMENTS: [&str; 6] = ["es", "cs", "ss", "ds", "fs", "gs"];
const GP_STEMS: [&str; 8] = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];

/// The assembler's name of a register seen through a class: `eax`, `r8b`, `xmm3`, `k1`.
pub fn register_name(reg: PhysReg, class: Class) -> String {
    let n = reg.num;
    match class {
        Class::Gp64 if n < 8 => format!("r{}", GP_STEMS[n as usize]),
        Class::Gp64 => format!("r{n}"),
        Class::Gp32 if n < 8 => format!("e{}", GP_STEMS[n as usize]),
        Class::Gp32 => format!("r{n}d"),
        Class::Gp16 if n < 8 => GP_STEMS[n as usize].to_string(),
        Class::Gp16 => format!("r{n}w"),
        Class::Gp8 if n < 4 => format!("{}l", &GP_STEMS[n as usize][..1]),
        Class::Gp8 if n < 8 => format!("{}l", GP_STEMS[n as usize]),
        Class::Gp8 => format!("r{n}b"),
        Class::Gp8h => format!("{}h", &GP_STEMS[n as usize & 3][..1]),
        Class::Xmm => format!("xmm{n}"),
        Class::Ymm => format!("ymm{n}"),
        Class::Zmm => format!("zmm{n}"),
        Class::Mmx => format!("mm{n}"),
        Class::K => format!("k{n}"),
        Class::Tmm => format!("tmm{n}"),
        Class::Segment => SEGMENTS[n as usize].to_string(),
        Class::Control => format!("cr{n}"),
        Class::Debug => format!("dr{n}"),
        Class::St => format!("st{n}"),
        Class::Eip => "eip".to_string(),
        Class::Rip => "rip".to_string(),
    }
}

/// The register and class that an assembler name stands for, in lower case.
pub fn parse_register(name: &str) -> Option<(PhysReg, Class)> {
    // Every name in a program is looked up here: nothing is allocated or formatted.
    match name.bytes().position(|byte| byte.is_ascii_digit()) {
        Some(digits) => parse_numbered(&name[..digits], &name[digits..]),
        None => parse_lettered(name),
    }
}

/// `xmm12`, `k1`, `r8d`.
fn parse_numbered(stem: &str, rest: &str) -> Option<(PhysReg, Class)> {
    let (class, numbers) = match stem {
        "xmm" => (Class::Xmm, 0..32),
        "ymm" => (Class::Ymm, 0..32),
        "zmm" => (Class::Zmm, 0..32),
        "tmm" => (Class::Tmm, 0..8),
        "mm" => (Class::Mmx, 0..8),
        "k" => (Class::K, 0..8),
        "cr" => (Class::Control, 0..16),
        "dr" => (Class::Debug, 0..16),
        "st" => (Class::St, 0..8),
        "r" => match rest.as_bytes().last()? {
            b'b' => (Class::Gp8, 8..16),
            b'w' => (Class::Gp16, 8..16),
            b'd' => (Class::Gp32, 8..16),
            _ => (Class::Gp64, 8..16),
        },
        _ => return None,
    };
    let has_suffix = matches!(class, Class::Gp8 | Class::Gp16 | Class::Gp32);
    let digits = &rest.as_bytes()[..rest.len() - usize::from(has_suffix)];
    let num = match *digits {
        [ones @ b'0'..=b'9'] => ones - b'0',
        [tens @ b'1'..=b'9', ones @ b'0'..=b'9'] => 10 * (tens - b'0') + ones - b'0',
        _ => return None,
    };
    numbers.contains(&num).then_some((PhysReg::new(class.bank(), num), class))
}

/// `al` … `rdi`, `rip`, the segment registers, `st`.
fn parse_lettered(name: &str) -> Option<(PhysReg, Class)> {
    let stem = |letters: &[u8]| GP_STEMS.iter().position(|stem| stem.as_bytes() == letters);
    let gp = |num: usize, class| Some((PhysReg::gp(num as u8), class));
    match name.as_bytes() {
        b"st" => Some((PhysReg::new(Bank::X87, 0), Class::St)),
        b"rip" => Some((PhysReg::new(Bank::Ip, 0), Class::Rip)),
        b"eip" => Some((PhysReg::new(Bank::Ip, 0), Class::Eip)),
        [b'r', letters @ ..] if letters.len() == 2 => gp(stem(letters)?, Class::Gp64),
        [b'e', letters @ ..] if letters.len() == 2 => gp(stem(letters)?, Class::Gp32),
        // `spl`, `bpl`, `sil`, `dil`; `axl` is none.
        [letters @ .., b'l'] if letters.len() == 2 => {
            stem(letters).filter(|&num| num >= 4).and_then(|num| gp(num, Class::Gp8))
        }
        [letter @ b'a'..=b'd', b'l'] => gp(stem(&[*letter, b'x'])?, Class::Gp8),
        [letter @ b'a'..=b'd', b'h'] => gp(stem(&[*letter, b'x'])?, Class::Gp8h),
        letters => match stem(letters) {
            Some(num) => gp(num, Class::Gp16),
            None => {
                let num = SEGMENTS.iter().position(|segment| *segment == name)?;
                Some((PhysReg::new(Bank::Segment, num as u8), Class::Segment))
            }
        },
    }
}

impl Debug for PhysReg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&register_name(*self, self.bank.widest_class()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let classes = [
            (Class::Gp8, 16),
            (Class::Gp8h, 4),
            (Class::Gp16, 16),
            (Class::Gp32, 16),
            (Class::Gp64, 16),
            (Class::Xmm, 32),
            (Class::Ymm, 32),
            (Class::Zmm, 32),
            (Class::Mmx, 8),
            (Class::K, 8),
            (Class::Tmm, 8),
            (Class::Segment, 6),
            (Class::Control, 16),
            (Class::Debug, 16),
            (Class::St, 8),
            (Class::Rip, 1),
            (Class::Eip, 1),
        ];
        for (class, count) in classes {
            for num in 0..count {
                let reg = PhysReg::new(class.bank(), num);
                let name = register_name(reg, class);
                assert_eq!(parse_register(&name), Some((reg, class)), "{name}");
            }
        }
        for name in
            ["", "r", "r7", "r16", "r08", "r8x", "xmm32", "xmm01", "axl", "eh", "rsil", "k8"]
        {
            assert_eq!(parse_register(name), None, "{name}");
        }
    }
}
