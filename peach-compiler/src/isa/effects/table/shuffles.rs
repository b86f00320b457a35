//! Elements that change their places.

use crate::isa::effects::choice::ByImmediate as By;
use crate::isa::effects::choice::Half;
use crate::isa::effects::entry::Everything::{ChosenByData, Elementwise, Mixed};
use crate::isa::effects::entry::Part::{Each, HighHalves, LowHalves};
use crate::isa::effects::entry::Source::{Implicit, LastTwo, Nth};
use crate::isa::effects::entry::{Output, Same, part, vector, whole};
use crate::isa::effects::table::rows;

rows! {
    // Interleaving.
    part(1).reads(&[(LastTwo, HighHalves)]) => Punpckhbw Vpunpckhbw;
    part(1).reads(&[(LastTwo, LowHalves)]) => Punpcklbw Vpunpcklbw;
    part(2).reads(&[(LastTwo, HighHalves)]) => Punpckhwd Vpunpckhwd;
    part(2).reads(&[(LastTwo, LowHalves)]) => Punpcklwd Vpunpcklwd;
    part(4).reads(&[(LastTwo, HighHalves)]) => Punpckhdq Unpckhps Vpunpckhdq Vunpckhps;
    part(4).reads(&[(LastTwo, LowHalves)]) => Punpckldq Unpcklps Vpunpckldq Vunpcklps;
    part(8).reads(&[(LastTwo, HighHalves)]) => Punpckhqdq Unpckhpd Vpunpckhqdq Vunpckhpd;
    part(8).reads(&[(LastTwo, LowHalves)]) => Punpcklqdq Unpcklpd Vpunpcklqdq Vunpcklpd;

    // Shuffles by an immediate.
    part(1).choice(By::Perm2F128) => Vperm2f128 Vperm2i128;
    part(2).choice(By::Shuffle(2)) => Pshufw;
    part(2).choice(By::ShuffleHalf(Half::High)) => Pshufhw Vpshufhw;
    part(2).choice(By::ShuffleHalf(Half::Low)) => Pshuflw Vpshuflw;
    part(4).choice(By::Align(4)) => Valignd;
    part(1).choice(By::AlignBytes) => Palignr Vpalignr;
    part(4).choice(By::ShufPs) => Shufps Vshufps;
    part(4).choice(By::Shuffle(4)) => Pshufd Vpermilps Vpshufd;
    part(4).choice(By::Shuffle128) => Vshuff32x4 Vshufi32x4;
    part(8).choice(By::Align(8)) => Valignq;
    part(8).choice(By::PermQ) => Vpermpd Vpermq;
    part(8).choice(By::PermilPd) => Vpermilpd;
    part(8).choice(By::ShufPd) => Shufpd Vshufpd;
    part(8).choice(By::Shuffle128) => Vshuff64x2 Vshufi64x2;
    whole(8, Mixed) => Pswapd;

    // Shuffles by an operand.
    whole(1, ChosenByData) => Pshufb Vpermb Vpermi2b Vpermt2b Vpmultishiftqb Vpshufb Vpshufbitqmb;
    whole(2, ChosenByData) => Vpermi2w Vpermt2w Vpermw;
    whole(4, ChosenByData) =>
        Vpermd Vpermi2d Vpermi2ps Vpermil2ps Vpermps Vpermt2d Vpermt2ps Vpperm;
    whole(8, ChosenByData) => Vpermi2pd Vpermi2q Vpermil2pd Vpermt2pd Vpermt2q;

    // Blends.
    part(2).choice(By::Blend(2)) => Pblendw Vpblendw;
    part(4).choice(By::Blend(4)) => Blendps Vblendps Vpblendd;
    part(4).reads(&[(Nth(3), Each(4, 3, 1))]) => Vblendvps;
    part(8).choice(By::Blend(8)) => Blendpd Vblendpd;
    part(8).reads(&[(Nth(3), Each(8, 7, 1))]) => Vblendvpd;
    vector(1, Output::Blended) => Vpblendmb;
    vector(1, Output::Replaced) => Pblendvb;
    vector(2, Output::Blended) => Vpblendmw;
    vector(4, Output::Blended) => Vblendmps Vpblendmd;
    vector(4, Output::Replaced).reads(&[(Implicit, Each(4, 3, 1))]) => Blendvps;
    vector(8, Output::Blended) => Vblendmpd Vpblendmq;
    vector(8, Output::Replaced).reads(&[(Implicit, Each(8, 7, 1))]) => Blendvpd;
    whole(1, ChosenByData) => Vpblendvb;
    whole(4, ChosenByData) => Vpcmov;

    // Compression and expansion.
    whole(1, ChosenByData) => Vpcompressb Vpexpandb;
    whole(2, ChosenByData) => Vpcompressw Vpexpandw;
    whole(4, ChosenByData) => Vcompressps Vexpandps Vpcompressd Vpexpandd;
    whole(8, ChosenByData) => Vcompresspd Vexpandpd Vpcompressq Vpexpandq;

    // Packs with saturation.
    whole(1, Mixed) => Packsswb Packuswb Vpacksswb Vpackuswb;
    whole(2, Mixed) => Packssdw Packusdw Vpackssdw Vpackusdw;

    // Ternary logic.
    whole(4, Elementwise).same(Same::ByTruthTable) => Vpternlogd;
    whole(8, Elementwise).same(Same::ByTruthTable) => Vpternlogq;
}
