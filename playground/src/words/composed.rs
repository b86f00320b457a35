//! Lines for names that are made of parts: `vfmaddsub213ps`, `vcvttpd2udq`.

/// The types in the names of conversions. Longer ones precede those that they start with.
const TYPES: &[(&str, &str)] = &[
    ("bf162", "bfloat16 numbers"),
    ("bf16", "bfloat16 numbers"),
    ("bf8", "8-bit floats (E5M2)"),
    ("hf8", "8-bit floats (E4M3)"),
    ("phx", "half-precision floats"),
    ("psx", "single-precision floats"),
    ("usi", "an unsigned integer"),
    ("uqq", "unsigned 64-bit integers"),
    ("udq", "unsigned 32-bit integers"),
    ("iubs", "unsigned bytes, saturating"),
    ("ibs", "signed bytes, saturating"),
    ("qq", "64-bit integers"),
    ("dq", "32-bit integers"),
    ("uw", "unsigned 16-bit integers"),
    ("ps", "single-precision floats"),
    ("pd", "double-precision floats"),
    ("ph", "half-precision floats"),
    ("pi", "two 32-bit integers"),
    ("ss", "the lowest single-precision float"),
    ("sd", "the lowest double-precision float"),
    ("sh", "the lowest half-precision float"),
    ("si", "a signed integer"),
    ("w", "16-bit integers"),
];

/// The line of a conversion or a fused multiplication.
pub(super) fn of(mnemonic: &str) -> Option<String> {
    let name = mnemonic.strip_prefix('v').unwrap_or(mnemonic);
    conversion(name).or_else(|| fused(name))
}

fn type_of(text: &str) -> Option<(&'static str, &str)> {
    TYPES.iter().find_map(|(name, words)| Some((*words, text.strip_prefix(name)?)))
}

/// `cvt`, `t` for truncation, the source, `2`, the destination, `s` for saturation.
fn conversion(name: &str) -> Option<String> {
    let rest = name.strip_prefix("cvt")?;
    let truncates = rest.starts_with('t');
    let rest = if truncates { &rest[1..] } else { rest };
    let (modifier, rest) = ["biasph", "ne2ps", "neps", "2ph", "2ps"]
        .iter()
        .find_map(|start| Some((*start, rest.strip_prefix(start)?)))
        .unwrap_or(("", rest));
    let (from, rest) = match modifier {
        "" => type_of(rest)?,
        _ if modifier.ends_with("ph") => ("half-precision floats", rest),
        _ => ("single-precision floats", rest),
    };
    // `bf162ibs` has its `2` already.
    let to = rest.strip_prefix('2').unwrap_or(rest);
    let (to, end) = type_of(to)?;
    let rounding = if truncates { ", rounding toward zero" } else { "" };
    let two = if modifier.contains('2') { " of two sources" } else { "" };
    let bias = if modifier == "biasph" { ", rounding by a bias" } else { "" };
    let end = match end {
        "" => "",
        "s" => ", saturating",
        _ => return None,
    };
    Some(format!("converts {from}{two} to {to}{rounding}{bias}{end}"))
}

/// `fnmadd231ps`: what is done to the product, the order of the operands, the elements.
fn fused(name: &str) -> Option<String> {
    let rest = name.strip_prefix('f')?;
    let negates = rest.starts_with("nm");
    let rest = rest[usize::from(negates)..].strip_prefix('m')?;
    let (verb, sign, rest) = [
        ("addsub", "adds and subtracts in turn", "∓"),
        ("subadd", "subtracts and adds in turn", "±"),
        ("add", "adds", "+"),
        ("sub", "subtracts", "-"),
    ]
    .iter()
    .find_map(|(name, verb, sign)| Some((*verb, *sign, rest.strip_prefix(name)?)))?;
    let (formula, rest) = [
        ("132", ("a", "c", "b")),
        ("213", ("b", "a", "c")),
        ("231", ("b", "c", "a")),
        ("", ("b", "c", "d")),
    ]
    .iter()
    .find_map(|(order, formula)| Some((*formula, rest.strip_prefix(order)?)))?;
    let (elements, "") = type_of(rest)? else { return None };
    let (x, y, z) = formula;
    let (negated, product) = match negates {
        true => (", negates", format!("-({x} × {y})")),
        false => ("", format!("{x} × {y}")),
    };
    Some(format!("multiplies{negated} and {verb} {elements}: a = {product} {sign} {z}"))
}
