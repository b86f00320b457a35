//! Random kernels. A rough guess at what is secret keeps most of them free of leaks, and is wrong
//! often enough.

use super::program::{Array, Condition, Node, Op2, Place, Program, REGISTERS, VECTORS, Width};
use peach_testing::Random;

/// What is guessed to be secret.
#[derive(Clone, Default)]
struct Guess {
    registers: [bool; REGISTERS],
    vectors: [bool; VECTORS],
    flags: bool,
    local: bool,
    pushed: Vec<bool>,
}

pub fn program(rng: &mut Random) -> Program {
    let mut guess = Guess::default();
    (guess.registers[0], guess.registers[1]) = (true, true);
    let count = 6 + rng.below(20);
    Program { nodes: nodes(count, 0, rng, &mut guess) }
}

/// So many nodes; what they push, they pop.
fn nodes(count: usize, depth: usize, rng: &mut Random, guess: &mut Guess) -> Vec<Node> {
    let pushed = guess.pushed.len();
    let mut list = Vec::new();
    for _ in 0..count {
        let node = node(depth, pushed, rng, guess);
        list.push(node);
    }
    while guess.pushed.len() > pushed {
        let a = rng.below(REGISTERS);
        guess.registers[a] = guess.pushed.pop().unwrap_or(true);
        list.push(Node::Pop(a));
    }
    list
}

/// A register that is guessed to be public, most of the time.
fn public(rng: &mut Random, guess: &Guess) -> usize {
    let open: Vec<usize> = (0..REGISTERS).filter(|&a| !guess.registers[a]).collect();
    if open.is_empty() || rng.one_in(7) {
        rng.below(REGISTERS)
    } else {
        open[rng.below(open.len())]
    }
}

fn array(rng: &mut Random) -> Array {
    [Array::Hidden, Array::Open, Array::Local][rng.below(3)]
}

/// An array that may hold what is stored.
fn array_for(secret: bool, rng: &mut Random) -> Array {
    match array(rng) {
        Array::Open if secret && !rng.one_in(7) => Array::Local,
        array => array,
    }
}

fn is_secret(array: Array, guess: &Guess) -> bool {
    match array {
        Array::Hidden => true,
        Array::Open => false,
        Array::Local => guess.local,
    }
}

fn condition(rng: &mut Random) -> Condition {
    Condition { flag: rng.below(3), is_set: rng.one_in(2) }
}

fn place(rng: &mut Random, guess: &mut Guess) -> Place {
    if rng.one_in(2) {
        return Place::At(rng.below(4));
    }
    let index = public(rng, guess);
    guess.flags = guess.registers[index];
    Place::Index(index)
}

fn node(depth: usize, pushed: usize, rng: &mut Random, guess: &mut Guess) -> Node {
    let (a, b) = (rng.below(REGISTERS), rng.below(REGISTERS));
    let (v, w) = (rng.below(VECTORS), rng.below(VECTORS));
    let width = [Width::Byte, Width::Dword, Width::Qword, Width::Qword][rng.below(4)];
    let either = guess.registers[a] || guess.registers[b];
    match rng.below(34) {
        0..=3 => {
            let ops =
                [Op2::Mov, Op2::Add, Op2::Sub, Op2::And, Op2::Or, Op2::Xor, Op2::Adc, Op2::Sbb];
            let op = ops[rng.below(ops.len())];
            let is_zero = a == b && matches!(op, Op2::Xor | Op2::Sub);
            let carry = matches!(op, Op2::Adc | Op2::Sbb) && guess.flags;
            let result = match op {
                Op2::Mov if width == Width::Byte => either,
                Op2::Mov => guess.registers[b],
                _ if is_zero && width != Width::Byte => false,
                _ => either || carry,
            };
            if op != Op2::Mov {
                guess.flags = (either || carry) && !is_zero;
            }
            guess.registers[a] = result;
            Node::Both(op, width, a, b)
        }
        4..=6 => {
            let ops = [Op2::Mov, Op2::Add, Op2::And, Op2::Or, Op2::Xor];
            let op = ops[rng.below(ops.len())];
            let number = [0, 1, 7, 100, -1, 127][rng.below(6)];
            if op == Op2::Mov {
                guess.registers[a] &= width == Width::Byte;
            } else {
                guess.flags = guess.registers[a];
            }
            Node::Number(op, width, a, number)
        }
        7 => Node::Inc(a),
        8 => {
            guess.flags = guess.registers[a];
            Node::Neg(a)
        }
        9 => Node::Not(a),
        10 => {
            guess.flags = guess.registers[a];
            let n = 1 + rng.below(40) as u32;
            if rng.one_in(2) { Node::Shl(a, n) } else { Node::Shr(a, n) }
        }
        11 => {
            let c = rng.below(REGISTERS);
            guess.registers[c] = either;
            Node::Lea(c, a, b)
        }
        12 | 13 => {
            guess.flags = either;
            if rng.one_in(2) { Node::Cmp(a, b) } else { Node::Test(a, b) }
        }
        14 => {
            guess.registers[a] = either || guess.flags;
            Node::Cmov(condition(rng), a, b)
        }
        15 => {
            guess.registers[a] |= guess.flags;
            Node::Set(condition(rng), a)
        }
        16 => {
            guess.registers[a] = guess.registers[b];
            Node::Movzx(a, b)
        }
        17 => {
            guess.registers.swap(a, b);
            Node::Xchg(a, b)
        }
        18 | 19 => {
            let of = array(rng);
            let place = place(rng, guess);
            guess.registers[a] = is_secret(of, guess);
            Node::Load(a, of, place)
        }
        20 => {
            let of = array(rng);
            guess.registers[a] |= is_secret(of, guess);
            Node::LoadByte(a, of, rng.below(32))
        }
        21 | 22 => store(a, rng, guess),
        23 if guess.pushed.len() < pushed + 3 => {
            guess.pushed.push(guess.registers[a]);
            Node::Push(a)
        }
        24 if guess.pushed.len() > pushed => {
            guess.registers[a] = guess.pushed.pop().unwrap_or(true);
            Node::Pop(a)
        }
        25 => {
            guess.vectors[v] = guess.registers[a];
            Node::ToVector(v, a)
        }
        26 => {
            guess.registers[a] = guess.vectors[v];
            match rng.below(2) {
                0 => Node::FromVector(a, v),
                _ => Node::Extract(a, v, rng.below(4) as u32),
            }
        }
        27 => vector(v, w, a, rng, guess),
        28..=31 if depth < 2 => skip(depth, rng, guess),
        32 if depth < 2 => {
            let mut list = Vec::new();
            // What is guessed of a second turn is what the first one left.
            let count = 1 + rng.below(4);
            list.extend(nodes(count, depth + 1, rng, guess));
            guess.flags = false;
            Node::Loop(1 + rng.below(3) as u32, list)
        }
        _ => {
            guess.flags = guess.registers[a];
            Node::Test(a, a)
        }
    }
}

fn store(a: usize, rng: &mut Random, guess: &mut Guess) -> Node {
    let of = array_for(guess.registers[a], rng);
    let node = match rng.below(3) {
        0 => Node::StoreByte(of, rng.below(32), a),
        1 => {
            guess.flags = guess.registers[a] || is_secret(of, guess);
            Node::AddTo(of, rng.below(4), a)
        }
        _ => Node::Store(of, place(rng, guess), a),
    };
    guess.local |= of == Array::Local && guess.registers[a];
    node
}

fn vector(v: usize, w: usize, a: usize, rng: &mut Random, guess: &mut Guess) -> Node {
    let either = guess.vectors[v] || guess.vectors[w];
    let half = rng.below(2);
    match rng.below(7) {
        0 => {
            guess.vectors[v] = either && v != w;
            Node::Pxor(v, w)
        }
        1 => {
            guess.vectors[v] = either;
            Node::Paddd(v, w)
        }
        2 => {
            guess.vectors[v] = guess.vectors[w];
            Node::Pshufd(v, w, rng.below(256) as u8)
        }
        3 => {
            guess.vectors[v] = either;
            Node::Punpckldq(v, w)
        }
        4 => {
            guess.vectors[v] |= guess.registers[a];
            Node::Insert(v, a, rng.below(4) as u32)
        }
        5 => {
            let of = array(rng);
            guess.vectors[v] = is_secret(of, guess);
            Node::LoadVector(v, of, half)
        }
        _ => {
            let of = array_for(guess.vectors[v], rng);
            guess.local |= of == Array::Local && guess.vectors[v];
            Node::StoreVector(of, half, v)
        }
    }
}

/// A branch over some nodes, after a comparison of what is guessed to be public.
fn skip(depth: usize, rng: &mut Random, guess: &mut Guess) -> Node {
    if guess.flags && !rng.one_in(7) {
        let a = public(rng, guess);
        guess.flags = guess.registers[a];
        return Node::Test(a, a);
    }
    let before = guess.clone();
    let count = 1 + rng.below(4);
    let list = nodes(count, depth + 1, rng, guess);
    for (known, other) in guess.registers.iter_mut().zip(before.registers) {
        *known |= other;
    }
    for (known, other) in guess.vectors.iter_mut().zip(before.vectors) {
        *known |= other;
    }
    guess.flags |= before.flags;
    Node::Skip(condition(rng), list)
}
