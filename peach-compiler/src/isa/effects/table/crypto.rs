//! Cryptography.

use crate::isa::effects::choice::ByImmediate as By;
use crate::isa::effects::entry::Everything::{Elementwise, Mixed};
use crate::isa::effects::entry::Part::{Bytes, Each, Low};
use crate::isa::effects::entry::Source::{Implicit, Nth};
use crate::isa::effects::entry::{part, whole};
use crate::isa::effects::table::rows;

rows! {
    // AES.
    part(4).reads(&[(Nth(1), Each(8, 4, 4))]) => Aeskeygenassist Vaeskeygenassist;
    whole(4, Mixed) =>
        Aesdec Aesdeclast Aesenc Aesenclast Aesimc Vaesdec Vaesdeclast Vaesenc Vaesenclast Vaesimc;

    // SHA.
    part(4).reads(&[(Implicit, Low(8))]) => Sha256rnds2;
    part(4).reads(&[(Nth(0), Bytes(12, 4))]) => Sha1nexte;
    part(4).reads(&[(Nth(1), Bytes(8, 8))]) => Sha1msg1 Sha256msg2;
    part(4).reads(&[(Nth(1), Low(12))]) => Sha1msg2;
    part(4).reads(&[(Nth(1), Low(4))]) => Sha256msg1;
    part(8).reads(&[(Nth(1), Low(8))]) => Vsha512msg1;
    part(8).reads(&[(Nth(1), Bytes(16, 16))]) => Vsha512msg2;
    whole(4, Mixed) => Sha1rnds4 Vsha512rnds2;

    // SM3 and SM4.
    part(4).reads(&[(Nth(2), Low(12))]) => Vsm3msg1;
    whole(4, Mixed) => Vsm3msg2 Vsm3rnds2 Vsm4key4 Vsm4rnds4;

    // Galois fields and products without carry.
    part(8).choice(By::Clmul) => Pclmulqdq Vpclmulqdq;
    whole(1, Elementwise) => Gf2p8mulb Vgf2p8mulb;
    whole(1, Mixed) => Gf2p8affineinvqb Gf2p8affineqb Vgf2p8affineinvqb Vgf2p8affineqb;
}
