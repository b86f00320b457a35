//! CRC-32C of files: three streams of the `crc32` instruction side by side, joined by carry-less
//! multiplication, next to a table-driven loop in plain Rust.
//!
//! `cargo run --release --example checksum -- FILE…`

use peach_runtime::peach_fn;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

/// The polynomial of CRC-32C (Castagnoli; RFC 3720, appendix B.4), bits reversed.
const POLYNOMIAL: u32 = 0x82F6_3B78;

/// x to the power of `n`, modulo the polynomial, bits reversed: the highest bit is x^0.
const fn power_of_x(n: u32) -> u32 {
    let mut power = 1 << 31;
    let mut i = 0;
    while i < n {
        let carry = power & 1;
        power >>= 1;
        if carry == 1 {
            power ^= POLYNOMIAL;
        }
        i += 1;
    }
    power
}

/// Bytes that each of the three streams takes in one block. The kernel has a constant of its own.
const STREAM: u32 = 1024;

/// What a checksum is multiplied by to be `bytes` bytes further to the front.
///
/// The carry-less product of two such 32-bit values, fed to `crc32`, is their product times x^33.
const fn shift_by(bytes: u32) -> u32 {
    power_of_x(8 * bytes - 33)
}

peach_fn! {
    const STREAM = 1024;

    /// Continues the CRC-32C `crc` (0 to begin with) over `data`.
    #[target_feature(enable = "sse4.2,pclmulqdq")]
    pub fn crc32c(crc: u32, data: &[u8]) -> u32 {
        let (p, n) = (data.ptr, data.len);
        let a: gp64;
        mov a.gp32, crc;
        not a.gp32;
        'blocks: {
            cmp n, 3 * STREAM;
            jb break 'blocks;
            let b: gp64 = 0;
            let c: gp64 = 0;
            let left: gp32 = STREAM / 32;
            'words: {
                for i in 0..4 {
                    crc32 a, qword [p + 8 * i];
                    crc32 b, qword [p + 8 * i + STREAM];
                    crc32 c, qword [p + 8 * i + 2 * STREAM];
                }
                add p, 32;
                dec left;
                jnz continue 'words;
            }
            // `a` is two streams before `c`, and `b` one.
            let t: gp64;
            let x: xmm;
            let y: xmm;
            let shift: xmm;
            mov t.gp32, const { shift_by(2 * STREAM) };
            movd shift, t.gp32;
            movq x, a;
            pclmulqdq x, shift, 0;
            mov t.gp32, const { shift_by(STREAM) };
            movd shift, t.gp32;
            movq y, b;
            pclmulqdq y, shift, 0;
            pxor x, y;
            movq t, x;
            xor a, a;
            crc32 a, t;
            xor a, c;
            add p, 2 * STREAM;
            sub n, 3 * STREAM;
            jmp continue 'blocks;
        }
        'words: {
            sub n, 8;
            jb break 'words;
            crc32 a, qword [p];
            add p, 8;
            jmp continue 'words;
        }
        add n, 8;
        jz 'done;
        'bytes: {
            crc32 a.gp32, byte [p];
            inc p;
            dec n;
            jnz continue 'bytes;
        }
        'done:
        not a.gp32;
        return a.gp32;
    }

    #[fallback]
    pub fn crc32c(crc: u32, data: &[u8]) -> u32 {
        by_table(crc, data)
    }
}

/// One byte at a time, through a table of 256 entries.
fn by_table(crc: u32, data: &[u8]) -> u32 {
    static TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut entry = byte as u32;
            let mut bit = 0;
            while bit < 8 {
                entry = (entry >> 1) ^ if entry & 1 == 1 { POLYNOMIAL } else { 0 };
                bit += 1;
            }
            table[byte] = entry;
            byte += 1;
        }
        table
    };
    !data
        .iter()
        .fold(!crc, |crc, byte| (crc >> 8) ^ TABLE[((crc ^ u32::from(*byte)) & 0xFF) as usize])
}

fn main() -> ExitCode {
    // The check value of the catalog of CRC algorithms, and RFC 3720's thirty-two zeros.
    assert_eq!(crc32c(0, b"123456789"), 0xE306_9283);
    assert_eq!(crc32c(0, &[0; 32]), 0x8A91_36AA);
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: checksum FILE…");
        return ExitCode::from(2);
    }
    let mut failed = false;
    for file in files {
        match std::fs::read(&file) {
            Ok(data) => failed |= !compare(&file, &data),
            Err(error) => {
                eprintln!("{file}: {error}");
                failed = true;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Prints the checksum of a file and how fast each way computes it; whether they agree.
fn compare(file: &str, data: &[u8]) -> bool {
    let (kernel, kernel_speed) = measure(data, |data| crc32c(0, data));
    let (table, table_speed) = measure(data, |data| by_table(0, data));
    let verdict = if kernel == table { "equal" } else { "DIFFERENT" };
    println!("{kernel:08x}  {file}");
    println!(
        "  {} bytes: kernel {kernel_speed:.2} GB/s, table {table_speed:.2} GB/s, {verdict}",
        data.len()
    );
    kernel == table
}

/// The checksum, and the best throughput of a few runs.
fn measure(data: &[u8], checksum: impl Fn(&[u8]) -> u32) -> (u32, f64) {
    let repeat = (1 << 22) / data.len().max(1) + 1;
    let best = (0..5)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..repeat {
                black_box(checksum(black_box(data)));
            }
            start.elapsed().as_secs_f64() / repeat as f64
        })
        .fold(f64::INFINITY, f64::min);
    (checksum(data), data.len() as f64 / best / 1e9)
}
