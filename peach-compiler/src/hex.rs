//! Bytes as hexadecimal digits.

/// Two lower-case digits for each byte, with `between` between two bytes: `"0f1f"`, `"0f 1f"`.
pub fn hex<'b>(bytes: impl IntoIterator<Item = &'b u8>, between: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::new();
    for byte in bytes {
        if !text.is_empty() {
            text.push_str(between);
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}
