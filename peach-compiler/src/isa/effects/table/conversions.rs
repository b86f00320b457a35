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
    vector(2, Output::Narrowed(2)) => Vcvtneps2bf16;
    vector(2, Output::Narrowed(2)).floats() => Vcvtdq2ph Vcvtudq2ph;
    vector(2, Output::Narrowed(4)).floats() => Vcvtpd2ph Vcvtqq2ph Vcvtuqq2ph;
    vector(4, Output::Narrowed(2)).floats() => Cvtpd2ps Vcvtpd2ps Vcvtqq2ps Vcvtuqq2ps Vcvtps2phx;
    vector(8, Output::Narrowed(2)).floats() =>
        Cvtpd2dq Cvttpd2dq Vcvtpd2dq Vcvtpd2udq Vcvttpd2dq Vcvttpd2udq;
    whole(2, Converted) => Vcvtne2ps2bf16;
    whole(2, Converted).floats() =>
        Vcvtps2ph Vcvtph2uw Vcvtph2w Vcvttph2uw Vcvttph2w Vcvtuw2ph Vcvtw2ph;
    whole(2, Elementwise) => Pf2iw Pi2fw;
    whole(4, Converted) =>
        Vbcstnebf162ps Vbcstnesh2ps Vcvtneebf162ps Vcvtneeph2ps Vcvtneobf162ps Vcvtneoph2ps;
    whole(4, Converted).floats() =>
        Cvtdq2ps Cvtpd2pi Cvtps2pi Cvtsd2si Cvtss2si Cvttpd2pi Cvttps2pi Cvttsd2si Cvttss2si
        Vcvtdq2ps Vcvtph2ps Vcvtsd2si Vcvtsd2usi Vcvtss2si Vcvtss2usi Vcvttsd2si Vcvttsd2usi
        Vcvttss2si Vcvttss2usi Vcvtudq2ps Vcvtph2psx Vcvtsh2si Vcvtsh2usi Vcvttsh2si Vcvttsh2usi;
    whole(4, Elementwise) => Pf2id Pi2fd;
    whole(8, Converted).floats() =>
        Cvtdq2pd Cvtpi2pd Cvtps2dq Cvtps2pd Cvttps2dq Vcvtdq2pd Vcvtpd2qq Vcvtpd2uqq Vcvtps2dq
        Vcvtps2pd Vcvtps2qq Vcvtps2udq Vcvtps2uqq Vcvtqq2pd Vcvttpd2qq Vcvttpd2uqq Vcvttps2dq
        Vcvttps2qq Vcvttps2udq Vcvttps2uqq Vcvtudq2pd Vcvtuqq2pd Vcvtph2dq Vcvtph2pd Vcvtph2qq
        Vcvtph2udq Vcvtph2uqq Vcvttph2dq Vcvttph2qq Vcvttph2udq Vcvttph2uqq;
}
