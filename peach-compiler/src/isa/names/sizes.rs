//! The words that give a memory operand its size.

/// The keyword before a memory operand for each size in bytes.
const SIZE_NAMES: [(u32, &str); 9] = [
    (1, "byte"),
    (2, "word"),
    (4, "dword"),
    (6, "fword"),
    (8, "qword"),
    (10, "tbyte"),
    (16, "xmmword"),
    (32, "ymmword"),
    (64, "zmmword"),
];

/// The word for a memory operand of this many bytes, if there is one.
pub fn size_name(bytes: u32) -> Option<&'static str> {
    SIZE_NAMES.iter().find(|(size, _)| *size == bytes).map(|(_, name)| *name)
}

/// Other words: NASM's and MASM's.
const OTHER_NAMES: [(u32, &str); 2] = [(8, "mmword"), (16, "oword")];

/// The bytes of a memory operand after this word, in lower case or in capitals.
pub fn size_of_name(name: &str) -> Option<u32> {
    let is_word = |word: &str| match name.bytes().all(|byte| byte.is_ascii_uppercase()) {
        true => word.eq_ignore_ascii_case(name),
        false => word == name,
    };
    SIZE_NAMES.iter().chain(&OTHER_NAMES).find(|(_, word)| is_word(word)).map(|(size, _)| *size)
}
