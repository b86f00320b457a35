//! Operations that EVEX calls by other names than VEX: `vpxor` is `vpxord` or `vpxorq`.
//!
//! EVEX operations have an element size where masks apply to elements, and so have their names
//! (Intel SDM volume 2, "VPXOR" and its like).

use super::select::select;
use crate::isa::{FeatureSet, Instruction, Mnemonic, Register};

/// The suffixes of names that give the size of elements.
const SUFFIXES: [&str; 6] = ["8", "16", "32", "64", "d", "q"];

/// What stands for `128` in the names of insertions, extractions and broadcasts.
const SHAPES: [&str; 4] = ["32x4", "64x2", "32x8", "64x4"];

/// Names without a rule.
const RENAMED: [(&str, &str); 9] = [
    ("vroundps", "vrndscaleps"),
    ("vroundpd", "vrndscalepd"),
    ("vroundss", "vrndscaless"),
    ("vroundsd", "vrndscalesd"),
    ("vrcpps", "vrcp14ps"),
    ("vrcpss", "vrcp14ss"),
    ("vrsqrtps", "vrsqrt14ps"),
    ("vrsqrtss", "vrsqrt14ss"),
    ("vlddqu", "vmovdqu8"),
];

/// What to do where EVEX has the operation with other operands.
const ADVICE: [(&[&str], &str); 8] = [
    (&["vblendps", "vblendvps"], "EVEX blends by a mask: write `vblendmps d{m}, a, b`"),
    (&["vblendpd", "vblendvpd"], "EVEX blends by a mask: write `vblendmpd d{m}, a, b`"),
    (&["vpblendd"], "EVEX blends by a mask: write `vpblendmd d{m}, a, b`"),
    (&["vpblendw"], "EVEX blends by a mask: write `vpblendmw d{m}, a, b`"),
    (&["vpblendvb"], "EVEX blends by a mask: write `vpblendmb d{m}, a, b`"),
    (
        &["vmovmskps", "vmovmskpd", "vpmovmskb"],
        "the signs go to a mask: write `vpmovd2m`, `vpmovq2m` or `vpmovb2m`, then `kmov`",
    ),
    (&["vptest", "vtestps", "vtestpd"], "tests write a mask: write `vptestmd` or `vptestmq`"),
    (&["vperm2f128", "vperm2i128"], "write `vshuff64x2` or `vshufi64x2`"),
];

/// The names under which EVEX has the operation with these very operands.
pub fn evex_names<R: Register>(inst: &Instruction<R>) -> Vec<&'static str> {
    let name = inst.mnemonic.name();
    let suffixed = SUFFIXES.iter().map(|suffix| format!("{name}{suffix}"));
    let shaped = SHAPES.iter().filter(|_| name.contains("128")).map(|s| name.replace("128", s));
    let renamed = RENAMED.iter().filter(|(vex, _)| *vex == name).map(|(_, evex)| evex.to_string());
    let takes = |mnemonic: &Mnemonic| {
        let other = Instruction { mnemonic: *mnemonic, ..inst.clone() };
        select(&other, &FeatureSet::all()).is_ok()
    };
    let names = suffixed.chain(shaped).chain(renamed);
    names
        .filter(|_| name.starts_with('v'))
        .filter_map(|name| Mnemonic::parse(&name))
        .filter(takes)
        .map(Mnemonic::name)
        .collect()
}

/// What to do where it has other operands.
pub fn evex_advice(name: &str) -> Option<&'static str> {
    ADVICE.iter().find(|(names, _)| names.contains(&name)).map(|(_, advice)| *advice)
}
