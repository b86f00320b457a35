//! Conversions between numbers of different kinds and sizes.

use crate::isa::effects::choice::Half;
use crate::isa::effects::entry::Everything::{Converted, Elementwise};
use crate::isa::effects::entry::Part::Each;
use crate::isa::effects::entry::Scalar::Unary;
use crate::isa::effects::entry::Source::Nth;
use crate::isa::effects::entry::{Output, part, scalar, vector, whole};
use crate::isa::effects::table::rows;

rows! {
    // Conversions of integers in width.
    part(0).reads(&[(Nth(1), Each(2, 0, 1))]) => Vpmovwb;
    part(0).reads(&[(Nth(1), Each(4, 0, 1))]) => Vpmovdb;
    part(0).reads(&[(Nth(1), Each(4, 0, 2))]) => Vpmovdw;
    part(0).reads(&[(Nth(1), Each(8, 0, 1))]) => Vpmovqb;
    part(0).reads(&[(Nth(1), Each(8, 0, 2))]) => Vpmovqw;
    part(0).reads(&[(Nth(1), Each(8, 0, 4))]) => Vpmovqd;
    whole(0, Converted) =>
        Pmovsxbd Pmovsxbq Pmovsxbw Pmovsxdq Pmovsxwd Pmovsxwq Pmovzxbd Pmovzxbq Pmovzxbw Pmovzxdq
        Pmovzxwd Pmovzxwq Vpmovsdb Vpmovsdw Vpmovsqb Vpmovsqd Vpmovsqw Vpmovswb Vpmovsxbd Vpmovsxbq
        Vpmovsxbw Vpmovsxdq Vpmovsxwd Vpmovsxwq Vpmovusdb Vpmovusdw Vpmovusqb Vpmovusqd Vpmovusqw
        Vpmovuswb Vpmovzxbd Vpmovzxbq Vpmovzxbw Vpmovzxdq Vpmovzxwd Vpmovzxwq;

    // Conversions.
    scalar(2, Unary).floats() => Vcvtsd2sh Vcvtsi2sh Vcvtss2sh Vcvtusi2sh;
    scalar(4, Unary).floats() => Cvtsd2ss Cvtsi2ss Vcvtsd2ss Vcvtsi2ss Vcvtusi2ss Vcvtsh2ss;
    scalar(8, Unary).floats() => Cvtsi2sd Cvtss2sd Vcvtsi2sd Vcvtss2sd Vcvtusi2sd Vcvtsh2sd;
    vector(0, Output::Half(Half::Low)).floats() => Cvtpi2ps;
    vector(4, Output::Narrowed(2)) => Vcvtneps2bf16;
    vector(4, Output::Narrowed(2)).floats() => Vcvtdq2ph Vcvtps2phx Vcvtudq2ph;
    vector(8, Output::Narrowed(4)).floats() => Vcvtpd2ph Vcvtqq2ph Vcvtuqq2ph;
    vector(8, Output::Narrowed(2)).floats() =>
        Cvtpd2dq Cvtpd2ps Cvttpd2dq Vcvtpd2dq Vcvtpd2ps Vcvtpd2udq Vcvtqq2ps Vcvttpd2dq Vcvttpd2udq
        Vcvtuqq2ps;
    whole(2, Converted) => Vcvtne2ps2bf16;
    whole(2, Converted).floats() =>
        Vcvtph2uw Vcvtph2w Vcvttph2uw Vcvttph2w Vcvtuw2ph Vcvtw2ph;
    whole(2, Elementwise) => Pf2iw Pi2fw;
    whole(4, Converted) =>
        Vbcstnebf162ps Vbcstnesh2ps Vcvtneebf162ps Vcvtneeph2ps Vcvtneobf162ps Vcvtneoph2ps;
    whole(4, Converted).floats() =>
        Cvtdq2ps Cvtpd2pi Cvtps2dq Cvtps2pi Cvtsd2si Cvtss2si Cvttpd2pi Cvttps2dq Cvttps2pi
        Cvttsd2si Cvttss2si Vcvtph2dq Vcvtph2udq Vcvtps2dq Vcvtps2ph Vcvtps2udq Vcvttph2dq
        Vcvttph2udq Vcvttps2dq Vcvttps2udq
        Vcvtdq2ps Vcvtph2ps Vcvtsd2si Vcvtsd2usi Vcvtss2si Vcvtss2usi Vcvttsd2si Vcvttsd2usi
        Vcvttss2si Vcvttss2usi Vcvtudq2ps Vcvtph2psx Vcvtsh2si Vcvtsh2usi Vcvttsh2si Vcvttsh2usi;
    whole(4, Elementwise) => Pf2id Pi2fd;
    whole(8, Converted).floats() =>
        Cvtdq2pd Cvtpi2pd Cvtps2pd Vcvtdq2pd Vcvtpd2qq Vcvtpd2uqq Vcvtps2pd Vcvtps2qq Vcvtps2uqq
        Vcvtqq2pd Vcvttpd2qq Vcvttpd2uqq Vcvttps2qq Vcvttps2uqq Vcvtudq2pd Vcvtuqq2pd Vcvtph2pd
        Vcvtph2qq Vcvtph2uqq Vcvttph2qq Vcvttph2uqq;
}
