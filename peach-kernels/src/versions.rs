//! Every version of every kernel against its fallback, or against what is written down here where
//! the fallback leaves all work to its caller: as it is called, and compiled for Windows.

use peach_compiler::abi::WIN64;
use peach_compiler::ir::DataContent;
use peach_compiler::pipeline::{self, CompiledFunction, CompiledGroup};
use peach_runtime::Kernel;
use peach_test::{OneArgument as _, Output, Random, Settings, Subject};
use peach_testing::executable::Executable;
use std::path::Path;

/// The kernels of a file, compiled for Windows.
pub(crate) struct File {
    groups: Vec<CompiledGroup>,
    /// What rustc makes of the file's `const { … }` tables, in order.
    tables: Vec<&'static [u32]>,
    /// How many cases each kernel is tested with.
    cases: usize,
}

impl File {
    fn new(name: &str) -> File {
        File::with_tables(name, &[])
    }

    fn with_tables(name: &str, tables: &[&'static [u32]]) -> File {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name);
        let blocks = peach_testing::sources::kernels(&path).into_iter();
        let groups = blocks.flat_map(|block| pipeline::compile(block, &WIN64).kernels).collect();
        File { groups, tables: tables.to_vec(), cases: 200 }
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings { cases: self.cases, ..Settings::default() }.with_environment()
    }

    /// The versions of a kernel in both conventions; of several with its name, `nth` or the last.
    pub(crate) fn subject<F: Copy>(&self, kernel: &'static Kernel<F>, nth: usize) -> Subject {
        let is_it = |group: &&CompiledGroup| group.source.decl.signature.name == kernel.name();
        let group = self.groups.iter().filter(is_it).take(nth + 1).last().expect("it is there");
        assert_eq!(group.versions.len(), kernel.versions().len(), "{}", kernel.name());
        let mut subject = Subject::of(kernel);
        for (index, version) in group.versions.iter().enumerate() {
            if kernel.version(index).is_err() {
                continue;
            }
            let bytes = bytes(version, &self.tables);
            let start = Box::leak(Box::new(Executable::new(&bytes))).start().cast();
            let label = kernel.versions()[index].extensions().join(",");
            // SAFETY: the kernel, compiled for this convention; the mapping stays.
            subject = unsafe { subject.with_code(&label, "win64", start, bytes.len()) };
        }
        subject
    }
}

/// The bytes of a version, with the tables that rustc would fill in.
fn bytes(version: &CompiledFunction, tables: &[&[u32]]) -> Vec<u8> {
    let encoded = &version.encoded;
    assert!(encoded.patches.is_empty(), "rustc fills in nothing but tables");
    let mut bytes = encoded.bytes.clone();
    let of_rustc = version.lowered.data.iter().zip(&encoded.data_offsets);
    let of_rustc = of_rustc.filter(|(data, _)| matches!(data.content, DataContent::Rust(_)));
    let mut tables = tables.iter();
    for (_, start) in of_rustc {
        let table = tables.next().expect("a table for each `const { … }`");
        let table: Vec<u8> = table.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes[*start as usize..][..table.len()].copy_from_slice(&table);
    }
    bytes
}

/// Compares a kernel of a file, of which `[nth]` has the name, with its fallback or a function.
macro_rules! versions {
    ($file:ident, $($kernel:ident)::+ $([$nth:expr])?, |$random:ident| $arguments:expr) => {
        versions!(@ $file, $($kernel)::+ $([$nth])?, None, $random, $arguments)
    };
    ($file:ident, $($kernel:ident)::+ $([$nth:expr])?, $reference:expr,
        |$random:ident| $arguments:expr) => {
        versions!(@ $file, $($kernel)::+ $([$nth])?, Some($reference), $random, $arguments)
    };
    (@ $file:ident, $($kernel:ident)::+ $([$nth:expr])?, $reference:expr,
        $random:ident, $arguments:expr) => {{
        let subject = $file.subject(&$($kernel)::+::KERNEL, 0 $(+ $nth)?);
        let arguments = peach_test::Arguments::new(|$random: &mut peach_test::Random| $arguments);
        let settings = $file.settings();
        match arguments.check($($kernel)::+, $reference, &subject, &settings) {
            Ok(summary) => summary.say_what_is_left_out(),
            Err(report) => panic!("{report}"),
        }
    }};
}

pub(crate) use versions;

/// So many bytes, a multiple of `unit`.
fn whole(random: &mut Random, unit: usize, most: usize) -> Vec<u8> {
    let count = random.range(0..=most);
    random.vec(unit * count)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[test]
fn base64() {
    fn encode(data: &[u8], text: &mut [u8]) -> usize {
        let mut at = 0;
        while data.len() - at >= 28 && text.len() - at / 3 * 4 >= 32 {
            for i in at / 3..at / 3 + 8 {
                let word =
                    data[3 * i..][..3].iter().fold(0, |word, byte| word << 8 | *byte as usize);
                let characters = [18, 12, 6, 0].map(|shift| ALPHABET[word >> shift & 63]);
                text[4 * i..][..4].copy_from_slice(&characters);
            }
            at += 24;
        }
        at
    }
    fn decode(text: &[u8], data: &mut [u8]) -> usize {
        let value = |c: &u8| ALPHABET.iter().position(|it| it == c);
        let mut at = 0;
        while text.len() - at >= 32 && data.len() - at / 4 * 3 >= 32 {
            let values: Option<Vec<usize>> = text[at..at + 32].iter().map(value).collect();
            let Some(values) = values else { break };
            let to = &mut data[at / 4 * 3..][..32];
            for (four, to) in values.chunks(4).zip(to.chunks_mut(3)) {
                let word = four.iter().fold(0, |word, value| word << 6 | value) as u32;
                to.copy_from_slice(&word.to_be_bytes()[1..]);
            }
            // What the next group, or the caller, writes over.
            to[24..].fill(0);
            at += 32;
        }
        at
    }
    let file = File::new("base64.rs");
    versions!(file, crate::base64::encode_wide, encode, |random| {
        (random.vec(0..200), random.vec(0..270))
    });
    versions!(file, crate::base64::decode_wide, decode, |random| {
        let mut text = random.list(0..270, |random| random.pick(ALPHABET));
        if random.range(0..4) == 0 && !text.is_empty() {
            let at = random.range(0..text.len());
            text[at] = random.any();
        }
        (text, random.vec(0..250))
    });
}

#[test]
fn bloom() {
    let file = File::with_tables("bloom.rs", &[&crate::bloom::SALT]);
    versions!(file, crate::bloom::insert, |random| (random.vec(1..20), random.any()));
    versions!(file, crate::bloom::contains, |random| {
        let few = |random: &mut Random| [random.pick(&[0, u32::MAX]); 8];
        (random.list(1..20, few), random.any())
    });
}

#[test]
fn ciphers() {
    let file = File::new("chacha20.rs");
    versions!(file, crate::chacha20::xor_groups, |random| {
        (random.any::<[u32; 16]>(), whole(random, 1024, 4))
    });
    versions!(file, crate::chacha20::block, |random| {
        (random.any::<[u32; 16]>(), random.any::<[u8; 64]>())
    });
    let file = File::new("speck.rs");
    versions!(file, crate::speck::expand, |random| {
        (random.any(), random.any(), random.any::<[u64; 32]>())
    });
    versions!(file, crate::speck::encrypt, |random| {
        (random.any::<[u64; 32]>(), random.any::<[u8; 16]>())
    });
    versions!(file, crate::speck::decrypt, |random| {
        (random.any::<[u64; 32]>(), random.any::<[u8; 16]>())
    });
    versions!(file, crate::speck::xor_groups, |random| {
        (random.any::<[u64; 32]>(), random.any(), random.any(), whole(random, 512, 4))
    });
}

#[test]
fn authenticators() {
    let file = File::new("chaskey.rs");
    versions!(file, crate::chaskey::mac, |random| {
        (random.any::<[u32; 4]>(), random.vec(0..100), random.any::<[u32; 4]>())
    });
    versions!(file, crate::chaskey::mac_12, |random| {
        (random.any::<[u32; 4]>(), random.vec(0..100), random.any::<[u32; 4]>())
    });
    let file = File::new("poly1305.rs");
    versions!(file, crate::poly1305::blocks, |random| {
        // As the key is clamped, and the state as it is after a block.
        let h = [random.any(), random.any(), random.range(0..5)];
        let r = [
            random.any::<u64>() & 0x0FFF_FFFC_0FFF_FFFF,
            random.any::<u64>() & 0x0FFF_FFFC_0FFF_FFFC,
        ];
        (h, r, whole(random, 16, 20), random.range(0..=1))
    });
    let file = File::new("sip13.rs");
    versions!(file, crate::sip13::hash13, |random| (random.any(), random.any(), random.vec(0..70)));
    versions!(file, crate::sip13::hash24, |random| (random.any(), random.any(), random.vec(0..70)));
    versions!(file, crate::sip13::absorb13, |random| {
        (random.any::<[u64; 4]>(), whole(random, 8, 9))
    });
    versions!(file, crate::sip13::absorb24, |random| {
        (random.any::<[u64; 4]>(), whole(random, 8, 9))
    });
}

#[test]
fn hashes() {
    let file = File::new("highway.rs");
    versions!(file, crate::highway::hash64, |random| {
        (random.any::<[u64; 4]>(), random.vec(0..200))
    });
    let file = File::new("marvin32.rs");
    versions!(file, crate::marvin32::hash, |random| (random.any(), random.vec(0..100)));
    let file = File::new("metro.rs");
    versions!(file, crate::metro::hash64, |random| (random.vec(0..200), random.any()));
    let file = File::with_tables("sha256.rs", &[&crate::sha256::ROUND]);
    versions!(file, crate::sha256::compress, |random| {
        (random.any::<[u32; 8]>(), whole(random, 64, 5))
    });
    let file = File::new("stadtx.rs");
    versions!(file, crate::stadtx::hash, |random| {
        (random.any::<[u64; 4]>(), random.vec(0..200))
    });
}

#[test]
fn checksums() {
    let file = File::new("crc.rs");
    versions!(file, crate::crc::ieee::blocks, |random| {
        let more = random.range(4..60usize);
        (random.any(), random.vec(16 * more))
    });
    versions!(file, crate::crc::castagnoli::blocks[1], |random| {
        let more = random.range(4..60usize);
        (random.any(), random.vec(16 * more))
    });
}

#[test]
fn group_varint() {
    fn decode(bytes: &[u8], numbers: &mut [u32]) -> (u64, u64) {
        let (mut read, mut written) = (0, 0);
        while bytes.len() - read >= 32 && numbers.len() - written >= 4 {
            let tag = bytes[read];
            read += 1;
            for i in 0..4 {
                let len = usize::from(tag >> (2 * i) & 3) + 1;
                let mut number = [0; 4];
                number[..len].copy_from_slice(&bytes[read..][..len]);
                numbers[written] = u32::from_le_bytes(number);
                (read, written) = (read + len, written + 1);
            }
        }
        (read as u64, written as u64)
    }
    let file = File::new("groupvarint.rs");
    versions!(file, crate::groupvarint::decode_groups, decode, |random| {
        (random.vec(0..200), random.vec(0..50))
    });
    versions!(file, crate::groupvarint::encode_groups, |random| {
        let groups = random.range(0..20usize);
        (random.vec(4 * groups), Output(random.vec::<u8>(17 * groups)))
    });
}

/// Of each number of bits.
#[test]
fn packing() {
    // Lengths and branches there are none; kernels there are 388.
    let file = File { cases: 30, ..File::new("bp128.rs") };
    crate::bp128::of_32_bits::compare(&file, 0);
    crate::bp128::of_64_bits::compare(&file, 1);
}

#[test]
fn searches() {
    let file = File::new("memchr.rs");
    // Few values, so that there is something to be found.
    let bytes = |random: &mut Random| random.list(0..200, |random| random.pick(&[0, 0, 0, 1, 255]));
    versions!(file, crate::memchr::first, |random| (bytes(random), random.pick(&[1, 255, 9])));
    versions!(file, crate::memchr::behind_last, |random| (
        bytes(random),
        random.pick(&[1, 255, 9])
    ));
    versions!(file, crate::memchr::total, |random| (bytes(random), random.pick(&[0, 1, 255, 9])));
    let file = File::new("utf8.rs");
    versions!(file, crate::utf8::is_valid, |random| {
        let mut text = random.string(0..100).into_bytes();
        if random.range(0..2) == 1 && !text.is_empty() {
            let at = random.range(0..text.len());
            text[at] = random.any();
        }
        text
    });
}

#[test]
fn vectors_with_vectors() {
    let file = File::new("vector/binary.rs");
    macro_rules! binary {
        ($($kernel:ident)*) => {$(
            versions!(file, crate::vector::binary_kernels::$kernel, |random| {
                let n = random.range(0..150);
                (random.vec(n), random.vec(n), random.vec(n))
            });
        )*};
    }
    binary! {
        add_i8 add_i16 add_i32 add_i64 add_u8 add_u16 add_u32 add_u64 add_f32 add_f64 subtract_i8
        subtract_i16 subtract_i32 subtract_i64 subtract_u8 subtract_u16 subtract_u32 subtract_u64
        subtract_f32 subtract_f64 multiply_i8 multiply_i16 multiply_i32 multiply_i64 multiply_u8
        multiply_u16 multiply_u32 multiply_u64 multiply_f32 multiply_f64 min_i8 min_i16 min_i32
        min_i64 min_u8 min_u16 min_u32 min_u64 min_f32 min_f64 max_i8 max_i16 max_i32 max_i64
        max_u8 max_u16 max_u32 max_u64 max_f32 max_f64
    }
}

#[test]
fn vectors_with_scalars() {
    let file = File::new("vector/binary.rs");
    macro_rules! scalar {
        ($($kernel:ident)*) => {$(
            versions!(file, crate::vector::binary_kernels::$kernel, |random| {
                let n = random.range(0..150);
                (random.vec(n), random.any(), random.vec(n))
            });
        )*};
    }
    scalar! {
        add_scalar_i8 add_scalar_i16 add_scalar_i32 add_scalar_i64 add_scalar_u8 add_scalar_u16
        add_scalar_u32 add_scalar_u64 add_scalar_f32 add_scalar_f64 subtract_scalar_i8
        subtract_scalar_i16 subtract_scalar_i32 subtract_scalar_i64 subtract_scalar_u8
        subtract_scalar_u16 subtract_scalar_u32 subtract_scalar_u64 subtract_scalar_f32
        subtract_scalar_f64 multiply_scalar_i8 multiply_scalar_i16 multiply_scalar_i32
        multiply_scalar_i64 multiply_scalar_u8 multiply_scalar_u16 multiply_scalar_u32
        multiply_scalar_u64 multiply_scalar_f32 multiply_scalar_f64 min_scalar_i8 min_scalar_i16
        min_scalar_i32 min_scalar_i64 min_scalar_u8 min_scalar_u16 min_scalar_u32 min_scalar_u64
        min_scalar_f32 min_scalar_f64 max_scalar_i8 max_scalar_i16 max_scalar_i32 max_scalar_i64
        max_scalar_u8 max_scalar_u16 max_scalar_u32 max_scalar_u64 max_scalar_f32 max_scalar_f64
    }
}

#[test]
fn vectors_alone_and_wider_ones() {
    let file = File::new("vector/unary.rs");
    macro_rules! unary {
        ($($kernel:ident)*) => {$(
            versions!(file, crate::vector::unary_kernels::$kernel, |random| {
                let n = random.range(0..150);
                (random.vec(n), random.vec(n))
            });
        )*};
    }
    unary! {
        negate_i8 negate_i16 negate_i32 negate_i64 negate_f32 negate_f64 absolute_i8 absolute_i16
        absolute_i32 absolute_i64 absolute_f32 absolute_f64
    }
    let file = File::new("vector/wide.rs");
    macro_rules! wide {
        ($($kernel:ident)*) => {$(
            versions!(file, crate::vector::wide_kernels::$kernel, |random| {
                let n = random.range(0..150);
                (random.vec(n), random.vec(n), random.vec(n))
            });
        )*};
    }
    wide! {
        widen_add_i8 widen_subtract_i8 widen_multiply_i8 widen_add_u8 widen_multiply_u8
        widen_add_i16 widen_subtract_i16 widen_multiply_i16 widen_add_u16 widen_multiply_u16
        widen_add_i32 widen_subtract_i32 widen_multiply_i32 widen_add_u32 widen_multiply_u32
    }
}

#[test]
fn sums_of_vectors() {
    let file = File::new("vector/sums.rs");
    // Whole numbers: their sums are exact in any order.
    macro_rules! sums {
        ($($kernel:ident)*; $($product:ident)*) => {
            $(versions!(file, crate::vector::$kernel, |random| {
                random.list(0..150, |random| random.whole(-99..100))
            });)*
            $(versions!(file, crate::vector::$product, |random| {
                let n = random.range(0..150);
                let mut list = || random.list(n, |random| random.whole(-99..100));
                (list(), list())
            });)*
        };
    }
    sums! {
        sum_f32 sum_abs_f32 sum_squares_f32 sum_f64 sum_abs_f64 sum_squares_f64;
        dot_singles dot_doubles
    }
}

/// Every kernel with a name of its own; those that macros name are made of the lists above.
#[test]
fn no_kernel_is_left_out() {
    let (mut count, tests) = (0, include_str!("versions.rs"));
    for (module, path) in modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "") {
        let text = std::fs::read_to_string(&path).unwrap();
        for after in text.split("#[fallback]\n").skip(1) {
            let (_, after) = after.split_once("fn ").unwrap();
            let name = after.split('(').next().unwrap();
            if !name.contains(['$', '{']) && module != "versions" {
                let of_macro = format!("self::{name} ");
                let is_tested = tests.contains(&format!("crate::{module}::{name}"))
                    || tests.contains(&format!("::{name}"))
                    || text.contains(&of_macro);
                assert!(is_tested, "`{module}::{name}` is not tested: add it to versions.rs");
                count += 1;
            }
        }
    }
    assert!(count > 20, "only {count} kernels were found");
}

/// The modules in a folder, and their files.
fn modules(folder: &Path, before: &str) -> Vec<(String, std::path::PathBuf)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let module = format!("{before}{}", path.file_stem().unwrap().to_string_lossy());
        match path.is_dir() {
            true => all.extend(modules(&path, &format!("{module}::"))),
            false => all.push((module, path)),
        }
    }
    all
}
