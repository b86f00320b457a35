//! Numbers that look random and are the same in every run.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). Every
/// seed is as good as any other.
#[derive(Clone, Debug)]
pub struct SplitMix(u64);

impl SplitMix {
    /// The numbers of this seed.
    pub const fn new(seed: u64) -> SplitMix {
        SplitMix(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ bits >> 31
    }

    /// A number below `bound`.
    pub fn below<N: Bound>(&mut self, bound: N) -> N {
        bound.remainder_of(self.bits())
    }

    /// Whether what happens once in so many times happens now.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of `list`.
    pub fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }
}

/// What a random number can be below.
pub trait Bound {
    /// What is left of `bits` after division by it.
    fn remainder_of(self, bits: u64) -> Self;
}

macro_rules! bounds {
    ($($ty:ty)*) => {
        $(impl Bound for $ty {
            fn remainder_of(self, bits: u64) -> $ty {
                (bits % self as u64) as $ty
            }
        })*
    };
}

// A literal is an `i32` where nothing says what it is.
bounds!(i32 u32 u64 usize);

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of seed 1234567, as the authors' program prints them.
    #[test]
    fn numbers_are_those_of_the_published_program() {
        let mut random = SplitMix::new(1234567);
        let expected = [6457827717110365317, 3203168211198807973, 9817491932198370423];
        assert_eq!(expected.map(|_| random.bits()), expected);
    }
}
