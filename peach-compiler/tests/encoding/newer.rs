//! What the installed assemblers are too old for.

/// Instructions that came after GNU as 2.40, and after LLVM 14.
pub const NEWER: &[&str] = &[
    "vpdpwsud",
    "vpdpwsuds",
    "vpdpwusd",
    "vpdpwusds",
    "vpdpwuud",
    "vpdpwuuds",
    "vsm4key4",
    "vsm4rnds4",
    "lkgs",
    "vsm3rnds2",
    "vsm3msg1",
    "vsm3msg2",
    "vsha512rnds2",
    "vsha512msg1",
    "vsha512msg2",
    "tcmmrlfp16ps",
    "tcmmimfp16ps",
    "eretu",
    "erets",
    "pbndkb",
    "vpcmpestri64",
    "vpcmpestrm64",
    "pcmpestri64",
    "pcmpestrm64",
];
