//! Sets of registers, how many there are, and dense numbers for those that are tracked.

use super::registers::SEGMENTS;
use super::{Bank, PhysReg, gp};

/// A set of register numbers of one bank: bit *i* is register *i*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RegSet(pub u32);

impl RegSet {
    /// The registers that instructions without a REX prefix can name.
    pub const WITHOUT_REX: RegSet = RegSet::first(8);
    /// The registers that have an addressable second byte: `ah`, `ch`, `dh`, `bh`.
    pub const WITH_HIGH_BYTE: RegSet = RegSet::of(&[gp::RAX, gp::RCX, gp::RDX, gp::RBX]);
    /// No register.
    pub const NONE: RegSet = RegSet(0);
    /// All 32 numbers.
    pub const ALL: RegSet = RegSet(u32::MAX);

    /// The registers `0..count`.
    pub const fn first(count: u32) -> RegSet {
        if count >= 32 { RegSet::ALL } else { RegSet((1 << count) - 1) }
    }

    /// One register.
    pub const fn one(num: u8) -> RegSet {
        RegSet(1 << num)
    }

    /// These registers, of one bank.
    pub const fn of(registers: &[PhysReg]) -> RegSet {
        let mut set = RegSet::NONE;
        let mut i = 0;
        while i < registers.len() {
            set.0 |= RegSet::one(registers[i].num).0;
            i += 1;
        }
        set
    }

    /// The registers with numbers from `first` to `last`.
    pub const fn from_to(first: u32, last: u32) -> RegSet {
        RegSet(RegSet::first(last + 1).0 & !RegSet::first(first).0)
    }

    /// The registers `0..count` whose numbers are multiples of `step`: blocks and pairs of
    /// registers go by their first.
    pub const fn every(step: u32, count: u32) -> RegSet {
        let mut set = RegSet::NONE;
        let mut num = 0;
        while num < count {
            set.0 |= 1 << num;
            num += step;
        }
        set
    }

    /// Whether register `num` is in it.
    pub const fn contains(self, num: u8) -> bool {
        self.0 >> num & 1 == 1
    }

    /// Whether it is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many there are.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// The numbers, ascending.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..32).filter(move |&n| self.contains(n))
    }
}

impl std::ops::BitAnd for RegSet {
    type Output = RegSet;
    fn bitand(self, other: RegSet) -> RegSet {
        RegSet(self.0 & other.0)
    }
}

impl std::ops::BitOr for RegSet {
    type Output = RegSet;
    fn bitor(self, other: RegSet) -> RegSet {
        RegSet(self.0 | other.0)
    }
}

impl std::ops::Sub for RegSet {
    type Output = RegSet;
    fn sub(self, other: RegSet) -> RegSet {
        RegSet(self.0 & !other.0)
    }
}

impl Bank {
    /// How many registers it has.
    pub const fn count(self) -> u32 {
        match self {
            Bank::Gp => gp::COUNT,
            Bank::Vector => 32,
            Bank::Control | Bank::Debug => 16,
            Bank::Mask | Bank::Mmx | Bank::Tile | Bank::X87 => 8,
            Bank::Segment => SEGMENTS.len() as u32,
            Bank::Ip => 1,
        }
    }

    /// Its registers.
    pub const fn registers(self) -> RegSet {
        RegSet::first(self.count())
    }

    /// Its registers that instructions without an EVEX prefix can name.
    pub const fn without_evex(self) -> RegSet {
        match self {
            Bank::Vector => RegSet::first(16),
            Bank::Gp
            | Bank::Mask
            | Bank::Mmx
            | Bank::Tile
            | Bank::Segment
            | Bank::Control
            | Bank::Debug
            | Bank::X87
            | Bank::Ip => self.registers(),
        }
    }
}

/// The banks whose contents are tracked. Segment, control and debug registers belong to the system,
/// the x87 stack is not addressed by number.
const TRACKED: [Bank; 5] = [Bank::Gp, Bank::Vector, Bank::Mask, Bank::Mmx, Bank::Tile];

const VECTORS: usize = Bank::Gp.count() as usize;
const MASKS: usize = VECTORS + Bank::Vector.count() as usize;
const MMX: usize = MASKS + Bank::Mask.count() as usize;
const TILES: usize = MMX + Bank::Mmx.count() as usize;

impl PhysReg {
    /// How many registers are tracked.
    pub const TRACKED: usize = TILES + Bank::Tile.count() as usize;

    /// Its number among the registers that are tracked, if it is one.
    pub const fn index(self) -> Option<usize> {
        let first = match self.bank {
            Bank::Gp => 0,
            Bank::Vector => VECTORS,
            Bank::Mask => MASKS,
            Bank::Mmx => MMX,
            Bank::Tile => TILES,
            Bank::Segment | Bank::Control | Bank::Debug | Bank::X87 | Bank::Ip => return None,
        };
        Some(first + self.num as usize)
    }

    /// The tracked registers, by number.
    pub fn tracked() -> impl Iterator<Item = PhysReg> {
        let of_bank = |bank: Bank| bank.registers().iter().map(move |num| PhysReg::new(bank, num));
        TRACKED.into_iter().flat_map(of_bank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense() {
        let all: Vec<PhysReg> = PhysReg::tracked().collect();
        assert_eq!(all.len(), PhysReg::TRACKED);
        for (number, reg) in all.into_iter().enumerate() {
            assert_eq!(reg.index(), Some(number), "{reg:?}");
        }
        assert_eq!(PhysReg::new(Bank::Ip, 0).index(), None);
    }

    #[test]
    fn sets_by_name_and_by_range() {
        assert_eq!(RegSet::of(&[gp::RBX, gp::RBP]).iter().collect::<Vec<_>>(), [3, 5]);
        assert_eq!(RegSet::from_to(6, 15).iter().collect::<Vec<_>>(), (6..=15).collect::<Vec<_>>());
        assert_eq!(RegSet::from_to(0, 31), RegSet::ALL);
        assert_eq!(RegSet::every(4, 32).iter().collect::<Vec<_>>(), [0, 4, 8, 12, 16, 20, 24, 28]);
        assert_eq!(RegSet::WITH_HIGH_BYTE, RegSet::first(4));
    }
}
