//! What a constant holds, as one would write it: `u8x32(0x0F)`.
//!
//! In: bytes. Out: one value for all lanes where they agree, else the first lanes. Bytes have no
//! type, so numbers are unsigned and hexadecimal; one that can only be meant as a float is shown as
//! one, too.

/// How many lanes are listed where they differ.
const SHOWN: usize = 8;

/// The text.
pub(super) fn of(bytes: &[u8]) -> String {
    for width in [1, 2, 4, 8] {
        let lanes: Vec<u64> = lanes(bytes, width);
        if bytes.len().is_multiple_of(width)
            && lanes.len() > 1
            && lanes.iter().all(|l| *l == lanes[0])
        {
            let value = number(lanes[0], width);
            return format!("u{}x{}({value})", 8 * width, lanes.len());
        }
    }
    let width = if bytes.len() > 4 && bytes.len().is_multiple_of(4) { 4 } else { 1 };
    let lanes = lanes(bytes, width);
    match lanes[..] {
        [one] => format!("u{}({})", 8 * width, number(one, width)),
        _ if bytes.len() == 8 || bytes.len() == 4 || bytes.len() == 2 => {
            let whole = self::lanes(bytes, bytes.len())[0];
            format!("u{}({})", 8 * bytes.len(), number(whole, bytes.len()))
        }
        _ => {
            let shown: Vec<String> =
                lanes.iter().take(SHOWN).map(|lane| format!("{lane:#x}")).collect();
            let more = if lanes.len() > SHOWN { ", …" } else { "" };
            format!("u{}x{}({}{more})", 8 * width, lanes.len(), shown.join(", "))
        }
    }
}

fn lanes(bytes: &[u8], width: usize) -> Vec<u64> {
    let value =
        |lane: &[u8]| lane.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
    bytes.chunks(width).map(value).collect()
}

/// A number, and the float that it is if it has few digits as one.
fn number(value: u64, width: usize) -> String {
    let float = match width {
        4 => f64::from(f32::from_bits(value as u32)),
        8 => f64::from_bits(value),
        _ => 0.0,
    };
    let is_likely = (1e-9..1e12).contains(&float.abs());
    match is_likely {
        true if width == 4 => format!("{value:#x} = {}_f32", f32::from_bits(value as u32)),
        true => format!("{value:#x} = {float}_f64"),
        false if value < 10 => value.to_string(),
        false => format!("{value:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn constants_are_shown_as_they_are_written() {
        for (bytes, text) in [
            (vec![0x0f; 32], "u8x32(0xf)"),
            ([0x34, 0x12].repeat(8), "u16x8(0x1234)"),
            (1.5f32.to_le_bytes().repeat(4), "u32x4(0x3fc00000 = 1.5_f32)"),
            (0.1f64.to_le_bytes().to_vec(), "u64(0x3fb999999999999a = 0.1_f64)"),
            (vec![1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0], "u32x3(0x1, 0x2, 0x3)"),
            (vec![7], "u8(7)"),
            (vec![], "u8x0()"),
        ] {
            assert_eq!(of(&bytes), text);
        }
        assert!(of(&(0..64).collect::<Vec<u8>>()).ends_with(", …)"));
    }
}
