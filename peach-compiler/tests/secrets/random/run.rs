//! Executes a kernel, and keeps what an observer sees of it: where branches go, which addresses are
//! accessed, and what public memory holds at the end.

use super::program::{Array, Condition, Node, Op2, Place, Program, REGISTERS, VECTORS, Width};
use peach_testing::Random;

/// What a kernel is given.
#[derive(Clone, Debug)]
pub struct Inputs {
    secret: [u64; 2],
    public: [u64; 2],
    hidden: [u64; 4],
    open: [u64; 4],
}

impl Inputs {
    pub fn random(rng: &mut Random) -> Inputs {
        Inputs {
            secret: [word(rng), word(rng)],
            public: [word(rng), word(rng)],
            hidden: std::array::from_fn(|_| word(rng)),
            open: std::array::from_fn(|_| word(rng)),
        }
    }

    pub fn with_other_secrets(&self, rng: &mut Random) -> Inputs {
        let other = Inputs::random(rng);
        Inputs { public: self.public, open: self.open, ..other }
    }
}

/// Small numbers and zeros are frequent.
fn word(rng: &mut Random) -> u64 {
    match rng.below(4) {
        0 => 0,
        1 => rng.bits() % 4,
        2 => rng.bits() | 1 << 63,
        _ => rng.bits(),
    }
}

/// What an observer sees.
#[derive(Debug, Default, PartialEq)]
pub struct Seen {
    branches: Vec<bool>,
    addresses: Vec<usize>,
    open: [u64; 4],
}

struct Machine {
    r: [u64; REGISTERS],
    v: [u128; VECTORS],
    /// Zero, carry, sign.
    flags: [bool; 3],
    memory: [[u64; 4]; 3],
    pushed: Vec<u64>,
    seen: Seen,
}

pub fn observed(program: &Program, inputs: &Inputs) -> Seen {
    let [s0, s1] = inputs.secret;
    let [p0, p1] = inputs.public;
    let mut machine = Machine {
        r: [s0, s1, p0, p1, 0, 1],
        v: [0; VECTORS],
        flags: [true, false, false],
        memory: [inputs.hidden, inputs.open, [0; 4]],
        pushed: Vec::new(),
        seen: Seen::default(),
    };
    machine.run(&program.nodes);
    Seen { open: machine.memory[Array::Open as usize], ..machine.seen }
}

fn bits(width: Width) -> u32 {
    match width {
        Width::Byte => 8,
        Width::Dword => 32,
        Width::Qword => 64,
    }
}

impl Machine {
    fn run(&mut self, nodes: &[Node]) {
        nodes.iter().for_each(|node| self.step(node));
    }

    fn step(&mut self, node: &Node) {
        match node {
            Node::Both(op, width, a, b) => self.compute(*op, *width, *a, self.r[*b]),
            Node::Number(op, width, a, n) => self.compute(*op, *width, *a, i64::from(*n) as u64),
            Node::Inc(a) => {
                self.r[*a] = self.r[*a].wrapping_add(1);
                let carry = self.flags[1];
                self.set_flags(self.r[*a], carry, 64);
            }
            Node::Neg(a) => {
                let old = self.r[*a];
                self.r[*a] = old.wrapping_neg();
                self.set_flags(self.r[*a], old != 0, 64);
            }
            Node::Not(a) => self.r[*a] = !self.r[*a],
            Node::Shl(a, n) => {
                let carry = self.r[*a] >> (64 - n) & 1 == 1;
                self.r[*a] <<= n;
                self.set_flags(self.r[*a], carry, 64);
            }
            Node::Shr(a, n) => {
                let carry = self.r[*a] >> (n - 1) & 1 == 1;
                self.r[*a] >>= n;
                self.set_flags(self.r[*a], carry, 64);
            }
            Node::Lea(a, b, c) => self.r[*a] = self.r[*b].wrapping_add(self.r[*c]),
            Node::Cmp(a, b) => {
                let (difference, borrow) = self.r[*a].overflowing_sub(self.r[*b]);
                self.set_flags(difference, borrow, 64);
            }
            Node::Test(a, b) => self.set_flags(self.r[*a] & self.r[*b], false, 64),
            Node::Cmov(when, a, b) if self.holds(*when) => self.r[*a] = self.r[*b],
            Node::Cmov(..) => {}
            Node::Set(when, a) => self.write(*a, Width::Byte, u64::from(self.holds(*when))),
            Node::Movzx(a, b) => self.r[*a] = self.r[*b] & 0xff,
            Node::Xchg(a, b) => self.r.swap(*a, *b),
            Node::Load(a, of, place) => self.r[*a] = *self.element(*of, *place),
            Node::LoadByte(a, of, byte) => {
                let value = *self.element(*of, Place::At(byte / 8)) >> (8 * (byte % 8));
                self.write(*a, Width::Byte, value);
            }
            Node::Store(of, place, a) => {
                let value = self.r[*a];
                // The index may be computed of the same register, but after it.
                *self.element(*of, *place) = value;
            }
            Node::StoreByte(of, byte, a) => {
                let (value, shift) = (self.r[*a] & 0xff, 8 * (byte % 8));
                let element = self.element(*of, Place::At(byte / 8));
                *element = *element & !(0xff << shift) | value << shift;
            }
            Node::AddTo(of, at, a) => {
                let value = self.r[*a];
                let element = self.element(*of, Place::At(*at));
                let (sum, carry) = element.overflowing_add(value);
                *element = sum;
                self.set_flags(sum, carry, 64);
            }
            Node::Push(a) => self.pushed.push(self.r[*a]),
            Node::Pop(a) => self.r[*a] = self.pushed.pop().expect("something is pushed"),
            Node::Skip(when, nodes) => {
                let skips = self.holds(*when);
                self.seen.branches.push(skips);
                if !skips {
                    self.run(nodes);
                }
            }
            Node::Loop(count, nodes) => {
                for left in (0..*count).rev() {
                    self.run(nodes);
                    self.flags = [left == 0, self.flags[1], false];
                }
            }
            Node::ToVector(..)
            | Node::FromVector(..)
            | Node::Insert(..)
            | Node::Extract(..)
            | Node::Pxor(..)
            | Node::Paddd(..)
            | Node::Pshufd(..)
            | Node::Punpckldq(..)
            | Node::LoadVector(..)
            | Node::StoreVector(..) => self.vectors(node),
        }
    }

    fn vectors(&mut self, node: &Node) {
        let lane = |x: u128, at: u32| (x >> (32 * at)) as u32;
        let of_lanes = |lanes: [u32; 4]| {
            lanes.iter().rev().fold(0u128, |all, &lane| all << 32 | u128::from(lane))
        };
        let at = |n: usize| n as u32;
        match node {
            Node::ToVector(v, a) => self.v[*v] = self.r[*a].into(),
            Node::FromVector(a, v) => self.r[*a] = self.v[*v] as u64,
            Node::Insert(v, a, to) => {
                let mask = 0xffff_ffffu128 << (32 * to);
                let value = u128::from(self.r[*a] as u32) << (32 * to);
                self.v[*v] = self.v[*v] & !mask | value;
            }
            Node::Extract(a, v, from) => self.r[*a] = lane(self.v[*v], *from).into(),
            Node::Pxor(a, b) => self.v[*a] ^= self.v[*b],
            Node::Paddd(a, b) => {
                let (x, y) = (self.v[*a], self.v[*b]);
                let sum = |n| lane(x, at(n)).wrapping_add(lane(y, at(n)));
                self.v[*a] = of_lanes(std::array::from_fn(sum));
            }
            Node::Pshufd(a, b, order) => {
                let x = self.v[*b];
                let chosen = |n: usize| lane(x, u32::from(*order >> (2 * n) & 3));
                self.v[*a] = of_lanes(std::array::from_fn(chosen));
            }
            Node::Punpckldq(a, b) => {
                let (x, y) = (self.v[*a], self.v[*b]);
                self.v[*a] = of_lanes([lane(x, 0), lane(y, 0), lane(x, 1), lane(y, 1)]);
            }
            Node::LoadVector(v, of, half) => {
                let low = *self.element(*of, Place::At(2 * half));
                let high = *self.element(*of, Place::At(2 * half + 1));
                self.v[*v] = u128::from(high) << 64 | u128::from(low);
            }
            Node::StoreVector(of, half, v) => {
                let value = self.v[*v];
                *self.element(*of, Place::At(2 * half)) = value as u64;
                *self.element(*of, Place::At(2 * half + 1)) = (value >> 64) as u64;
            }
            other => unreachable!("{other:?} is not on vectors"),
        }
    }

    /// The element at a place, whose address is seen.
    fn element(&mut self, of: Array, place: Place) -> &mut u64 {
        let at = match place {
            Place::At(at) => at,
            Place::Index(register) => {
                let index = self.r[register] & 3;
                self.set_flags(index, false, 64);
                index as usize
            }
        };
        self.seen.addresses.push(8 * of as usize + at);
        &mut self.memory[of as usize][at]
    }

    fn holds(&self, condition: Condition) -> bool {
        self.flags[condition.flag] == condition.is_set
    }

    fn set_flags(&mut self, result: u64, carry: bool, bits: u32) {
        let result = result << (64 - bits);
        self.flags = [result == 0, carry, result >> 63 == 1];
    }

    /// 32 bits clear the upper half, eight leave the rest.
    fn write(&mut self, a: usize, width: Width, value: u64) {
        self.r[a] = match width {
            Width::Byte => self.r[a] & !0xff | value & 0xff,
            Width::Dword => value & 0xffff_ffff,
            Width::Qword => value,
        };
    }

    fn compute(&mut self, op: Op2, width: Width, a: usize, b: u64) {
        let bits = bits(width);
        let mask = u64::MAX >> (64 - bits);
        let (x, y) = (self.r[a] & mask, b & mask);
        let carry_in = u128::from(self.flags[1]);
        let (wide, subtracts) = match op {
            Op2::Mov => return self.write(a, width, y),
            Op2::Add => (u128::from(x) + u128::from(y), false),
            Op2::Adc => (u128::from(x) + u128::from(y) + carry_in, false),
            Op2::Sub => (u128::from(x).wrapping_sub(y.into()), true),
            Op2::Sbb => (u128::from(x).wrapping_sub(y.into()).wrapping_sub(carry_in), true),
            Op2::And => (u128::from(x & y), false),
            Op2::Or => (u128::from(x | y), false),
            Op2::Xor => (u128::from(x ^ y), false),
        };
        let carry = if subtracts { wide >> 127 == 1 } else { wide >> bits != 0 };
        let result = wide as u64 & mask;
        self.write(a, width, result);
        self.set_flags(result, carry, bits);
    }
}
