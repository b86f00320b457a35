/// Asks valgrind (Valgrind manual, 3.1: the sequence of `valgrind.h`): does nothing elsewhere.
fn ask(request: u64, address: *mut u8, bytes: usize) {
    let question = [request, address as u64, bytes as u64, 0, 0, 0];
    // SAFETY: rotated by 128 bits in all, `rdi` is as it was, and `xchg` of a register with itself
    // does nothing; valgrind takes the question from `rax`.
    unsafe {
        std::arch::asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
            in("rax") question.as_ptr(), inout("rdx") 0u64 => _, in("rdi") 0u64,
        );
    }
}

/// The requests of memcheck ("M", "C"): undefined and defined.
const UNDEFINED: u64 = 0x4d43_0001;
const DEFINED: u64 = 0x4d43_0002;

/// The value again, after valgrind was asked to change what it thinks of its bytes.
fn marked<T: Copy>(request: u64, mut value: T) -> T {
    ask(request, (&raw mut value).cast(), std::mem::size_of::<T>());
    // SAFETY: it is the same value; read anew, because what valgrind thinks of a copy in a register
    // has not changed.
    unsafe { (&raw const value).read_volatile() }
}

/// What became of secrets, made public to be compared.
fn shown<T: Copy>(value: T) -> T {
    marked(DEFINED, value)
}

/// A copy that valgrind takes for undefined.
fn secret<T: Copy>(value: T) -> T {
    marked(UNDEFINED, value)
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn words<const N: usize>(&mut self) -> [u64; N] {
        std::array::from_fn(|_| self.next())
    }

    fn halves<const N: usize>(&mut self) -> [u32; N] {
        std::array::from_fn(|_| (self.next() >> 32) as u32)
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| (self.next() >> 56) as u8)
    }
}

fn quarter_of_round(s: &mut [u32; 16], a: usize, b: usize, c: usize, d: usize) {
    s[a] = s[a].wrapping_add(s[b]);
    s[d] = (s[d] ^ s[a]).rotate_left(16);
    s[c] = s[c].wrapping_add(s[d]);
    s[b] = (s[b] ^ s[c]).rotate_left(12);
    s[a] = s[a].wrapping_add(s[b]);
    s[d] = (s[d] ^ s[a]).rotate_left(8);
    s[c] = s[c].wrapping_add(s[d]);
    s[b] = (s[b] ^ s[c]).rotate_left(7);
}

fn chacha_block(state: [u32; 16]) -> [u32; 16] {
    let mut s = state;
    for _ in 0..10 {
        for i in 0..4 {
            quarter_of_round(&mut s, i, 4 + i, 8 + i, 12 + i);
        }
        for i in 0..4 {
            quarter_of_round(&mut s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
        }
    }
    std::array::from_fn(|i| s[i].wrapping_add(state[i]))
}

fn product_without_carry(a: u64, b: u64) -> u128 {
    (0..64).filter(|bit| b >> bit & 1 == 1).fold(0, |sum, bit| sum ^ u128::from(a) << bit)
}

fn check<T: PartialEq + std::fmt::Debug>(name: &str, found: T, expected: T, turn: u32) {
    assert_eq!(found, expected, "{name}");
    if turn == 0 {
        println!("{name}: kept");
    }
}

fn turn(random: &mut Random, turn: u32) {
    let (a, mut b): ([u8; 32], [u8; 32]) = (random.bytes(), random.bytes());
    if turn % 2 == 0 {
        b = a;
    }
    let expected = u32::from(a == b);
    check("equal", shown(equal(&secret(a), &secret(b))), expected, turn);

    let [x, y, z] = random.words();
    let which = x % 2 == 0;
    let expected = if which { y } else { z };
    check("choose", shown(choose(secret(which), secret(y), secret(z))), expected, turn);

    let (p, q): ([u64; 4], [u64; 4]) = (random.words(), random.words());
    let (mut u, mut v) = (secret(p), secret(q));
    exchange_if(secret(u64::from(which)), &mut u, &mut v);
    check("exchange_if", (shown(u), shown(v)), if which { (q, p) } else { (p, q) }, turn);

    let state: [u32; 16] = random.halves();
    let mut out = [0; 16];
    chacha(&secret(state), &mut out);
    check("chacha", shown(out), chacha_block(state), turn);

    let mut words = [0; 16];
    words[..4].copy_from_slice(&random.halves::<4>());
    let mut four = secret([words[0], words[1], words[2], words[3]]);
    quarter(&mut four);
    quarter_of_round(&mut words, 0, 1, 2, 3);
    check("quarter", shown(four).to_vec(), words[..4].to_vec(), turn);

    let two: [u64; 2] = random.words();
    let mut three = [0; 3];
    product(&secret(two), secret(x), &mut three);
    let low = u128::from(two[0]) * u128::from(x);
    let high = u128::from(two[1]) * u128::from(x) + (low >> 64);
    check("product", shown(three), [low as u64, high as u64, (high >> 64) as u64], turn);

    ciphers(turn);

    let table: [u64; 16] = random.words();
    let expected = table[(x % 16) as usize];
    check("look_up", shown(look_up(secret(x % 16), &table)), expected, turn);

    let table: [u32; 32] = random.halves();
    let mut out = [0; 4];
    look_up_vector(secret((x % 8) as u32), &table, &mut out);
    let at = (x % 8) as usize * 4;
    check("look_up_vector", shown(out).to_vec(), table[at..at + 4].to_vec(), turn);

    let bit = x % 2;
    let (s, d) = ladder(secret(bit), secret(y), secret(z));
    let (first, second) = if bit == 1 { (z, y) } else { (y, z) };
    let expected = (first.wrapping_add(second), first.wrapping_sub(second));
    check("ladder", (shown(s), shown(d)), expected, turn);

    let w: [u64; 3] = random.words();
    let mut found = secret(w);
    sliced(&mut found);
    let expected = [w[0] ^ !w[1] & w[2], w[1] ^ !w[2] & w[0], w[2] ^ !w[0] & w[1]];
    check("sliced", shown(found), expected, turn);

    let (from, to): ([u8; 32], [u8; 32]) = (random.bytes(), random.bytes());
    let mut found = secret(to);
    let mask = if which { 255 } else { 0 };
    // SAFETY: both have as many bytes.
    copy_if(secret(mask), &secret(from), &mut found);
    check("copy_if", shown(found), if which { from } else { to }, turn);

    let mut four: [u64; 4] = random.words();
    let mut found = secret(four);
    sorted(&mut found);
    four.sort_unstable();
    check("sorted", shown(found), four, turn);

    check("ones", shown(ones(secret(x))), u64::from(x.count_ones()), turn);
    let zero = if which { 0 } else { x };
    let expected = if zero == 0 { u64::MAX } else { 0 };
    check("mask_of_zero", shown(mask_of_zero(secret(zero))), expected, turn);
    let signed = y as i64;
    check("magnitude", shown(magnitude(secret(signed))), signed.wrapping_abs(), turn);

    let modulus = (1u128 << 127) - 1;
    let [a, b]: [u128; 2] = std::array::from_fn(|_| {
        let [lo, hi] = random.words();
        (u128::from(hi) << 64 | u128::from(lo)) % modulus
    });
    let halves = |x: u128| [x as u64, (x >> 64) as u64];
    let mut found = secret(halves(a));
    sum_mod(&mut found, &secret(halves(b)));
    check("sum_mod", shown(found), halves((a + b) % modulus), turn);

    let n = z % 64;
    check("shifted", shown(shifted(secret(x), secret(n))), x << n ^ x >> n, turn);
    let kernel: extern "C" fn(u64, u64) -> u64 = shifted::KERNEL.get();
    check("shifted's code", shown(kernel(secret(x), secret(n))), x << n ^ x >> n, turn);

    let eight: [u64; 8] = random.words();
    let first = eight[0].wrapping_add(if y == 0 { 0 } else { y.wrapping_add(1) });
    let expected = eight[1..].iter().fold(first, |sum, word| (sum ^ word).wrapping_add(*word));
    check("through_memory", shown(through_memory(&secret(eight), y)), expected, turn);

    let (a, b): ([u64; 2], [u64; 2]) = (random.words(), random.words());
    let mut out = [0; 2];
    without_carry(&secret(a), &secret(b), &mut out);
    let expected = product_without_carry(a[0], b[0]) ^ product_without_carry(a[1], b[1]);
    check("without_carry", shown(out), halves(expected), turn);

    let from: [u8; 77] = random.bytes();
    let (hidden, mut to) = (secret(from), [0; 77]);
    // SAFETY: both have that many bytes.
    unsafe { copied(hidden.as_ptr(), to.as_mut_ptr(), 77) };
    check("copied", shown(to), from, turn);

    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let index = (x % 64) as u32;
    let expected = u32::from(alphabet[index as usize]);
    check("letter", shown(letter(secret(index))), expected, turn);

    let (a, b): ([u32; 8], [u32; 8]) = (random.halves(), random.halves());
    let mut found = secret(b);
    sums(&secret(a), &mut found);
    let expected = std::array::from_fn(|i| {
        let sum = a[i].wrapping_add(b[i]);
        sum ^ sum.swap_bytes().checked_shr(sum).unwrap_or(0)
    });
    check("sums", shown(found), expected, turn);
}

/// The example of FIPS 197, appendix B.
fn ciphers(turn: u32) {
    let key = [
        0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f,
        0x3c,
    ];
    let block = [
        0x32, 0x43, 0xf6, 0xa8, 0x88, 0x5a, 0x30, 0x8d, 0x31, 0x31, 0x98, 0xa2, 0xe0, 0x37, 0x07,
        0x34,
    ];
    let mut keys = [0; 176];
    expand(&secret(key), &mut keys);
    let last = [
        0xd0, 0x14, 0xf9, 0xa8, 0xc9, 0xee, 0x25, 0x89, 0xe1, 0x3f, 0x0c, 0xc8, 0xb6, 0x63, 0x0c,
        0xa6,
    ];
    check("expand", shown(keys)[160..].to_vec(), last.to_vec(), turn);
    let mut found = secret(block);
    aes(&keys, &mut found);
    let expected = [
        0x39, 0x25, 0x84, 0x1d, 0x02, 0xdc, 0x09, 0xfb, 0xdc, 0x11, 0x85, 0x97, 0x19, 0x6a, 0x0b,
        0x32,
    ];
    check("aes", shown(found), expected, turn);
}

fn main() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    match std::env::args().nth(1).as_deref() {
        Some("all") => (0..50).for_each(|at| turn(&mut random, at)),
        Some("branch") => {
            let (a, b): ([u8; 32], [u8; 32]) = (random.bytes(), random.bytes());
            println!("{}", shown(leaks_by_branch(&secret(a), &secret(b))));
        }
        Some("address") => {
            let table: [u64; 16] = random.words();
            // SAFETY: there are sixteen.
            println!("{}", shown(leaks_by_address(secret(7), &table)));
        }
        other => panic!("{other:?}"),
    }
}
