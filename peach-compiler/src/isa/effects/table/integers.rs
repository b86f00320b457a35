//! Vectors of integers.

use crate::isa::effects::choice::ByImmediate as By;
use crate::isa::effects::entry::Everything::{Elementwise, Mixed, NotTracked};
use crate::isa::effects::entry::Part::{Each, Low};
use crate::isa::effects::entry::Source::{Count, LastTwo, Nth};
use crate::isa::effects::entry::{Alignment, Output, Same, part, vector, whole};
use crate::isa::effects::table::rows;

rows! {
    // Text comparisons.
    whole(4, Mixed) => Vpcmpestri Vpcmpestri64 Vpcmpestrm Vpcmpestrm64 Vpcmpistri Vpcmpistrm;
    whole(4, Mixed).aligned(Alignment::Any) =>
        Pcmpestri Pcmpestri64 Pcmpestrm Pcmpestrm64 Pcmpistri Pcmpistrm;

    // Comparisons.
    whole(1, Elementwise) => Vptestmb Vptestnmb;
    whole(1, Elementwise).same(Same::Independent) => Pcmpeqb Vpcmpb Vpcmpeqb Vpcmpub Vpcomb Vpcomub;
    whole(1, Elementwise).same(Same::Zero) => Pcmpgtb Vpcmpgtb;
    whole(2, Elementwise) => Vptestmw Vptestnmw;
    whole(2, Elementwise).same(Same::Independent) => Pcmpeqw Vpcmpeqw Vpcmpuw Vpcmpw Vpcomuw Vpcomw;
    whole(2, Elementwise).same(Same::Zero) => Pcmpgtw Vpcmpgtw;
    whole(4, Elementwise) => Vptestmd Vptestnmd;
    whole(4, Elementwise).same(Same::Independent) => Pcmpeqd Vpcmpd Vpcmpeqd Vpcmpud Vpcomd Vpcomud;
    whole(4, Elementwise).same(Same::Zero) => Pcmpgtd Vpcmpgtd;
    whole(4, Mixed) => Ptest Vptest;
    whole(8, Elementwise) => Vptestmq Vptestnmq;
    whole(8, Elementwise).same(Same::Independent) => Pcmpeqq Vpcmpeqq Vpcmpq Vpcmpuq Vpcomq Vpcomuq;
    whole(8, Elementwise).same(Same::Zero) => Pcmpgtq Vpcmpgtq;

    // Logic.
    whole(4, Elementwise) => Pand Por Vpand Vpandd Vpor Vpord;
    whole(4, Elementwise).same(Same::Zero) => Pandn Pxor Vpandn Vpandnd Vpxor Vpxord;
    whole(8, Elementwise) => Vpandq Vporq;
    whole(8, Elementwise).same(Same::Zero) => Vpandnq Vpxorq;

    // Shifts and rotations.
    part(2).reads(&[(Count, Low(8))]) => Psllw Psraw Psrlw Vpsllw Vpsraw Vpsrlw;
    part(4).reads(&[(Count, Low(8))]) => Pslld Psrad Psrld Vpslld Vpsrad Vpsrld;
    part(8).choice(By::ShiftLeft) => Pslldq Vpslldq;
    part(8).choice(By::ShiftRight) => Psrldq Vpsrldq;
    part(8).reads(&[(Count, Low(8))]) => Psllq Psrlq Vpsllq Vpsraq Vpsrlq;
    whole(1, Elementwise) => Vpshab Vpshlb;
    whole(1, Mixed) => Vprotb;
    whole(2, Elementwise) =>
        Vpshaw Vpshldvw Vpshldw Vpshlw Vpshrdvw Vpshrdw Vpsllvw Vpsravw Vpsrlvw;
    whole(2, Mixed) => Vprotw;
    whole(4, Elementwise) =>
        Vprold Vprolvd Vprord Vprorvd Vpshad Vpshld Vpshldd Vpshldvd Vpshrdd Vpshrdvd Vpsllvd
        Vpsravd Vpsrlvd;
    whole(4, Mixed) => Vprotd;
    whole(8, Elementwise) =>
        Vprolq Vprolvq Vprorq Vprorvq Vpshaq Vpshldq Vpshldvq Vpshlq Vpshrdq Vpshrdvq Vpsllvq
        Vpsravq Vpsrlvq;
    whole(8, Mixed) => Vprotq;

    // Horizontal sums and differences.
    vector(0, Output::Low(3)) => Phminposuw Vphminposuw;
    whole(2, Mixed) =>
        Phaddsw Phaddw Phsubsw Phsubw Vphaddbw Vphaddsw Vphaddubw Vphaddw Vphsubbw Vphsubsw Vphsubw;
    whole(2, Mixed).same(Same::Zero) => Psadbw Vpsadbw;
    whole(2, NotTracked("the immediate chooses some bytes, and their sums overlap")) =>
        Mpsadbw Vdbpsadbw Vmpsadbw;
    whole(4, Mixed) => Phaddd Phsubd Vphaddbd Vphaddd Vphaddubd Vphadduwd Vphaddwd Vphsubd Vphsubwd;
    whole(8, Mixed) => Vphaddbq Vphadddq Vphaddubq Vphaddudq Vphadduwq Vphaddwq Vphsubdq;

    // Dot products.
    whole(2, Elementwise) => Vpmacssww Vpmacsww;
    whole(2, Mixed) => Pmaddubsw Vpmaddubsw;
    whole(4, Elementwise) => Vpmacsdd Vpmacssdd;
    whole(4, Mixed) =>
        Pmaddwd Vp4dpwssd Vp4dpwssds Vpdpbusd Vpdpbusds Vpdpwssd Vpdpwssds Vpmadcsswd Vpmadcswd
        Vpmaddwd Vpdpbssd Vpdpbssds Vpdpbsud Vpdpbsuds Vpdpbuud Vpdpbuuds Vpdpwsud Vpdpwsuds
        Vpdpwusd Vpdpwusds Vpdpwuud Vpdpwuuds;
    part(4).reads(&[(Nth(1), Each(4, 2, 2)), (Nth(2), Each(4, 2, 2))]) => Vpmacsswd Vpmacswd;
    part(8).reads(&[(Nth(1), Each(8, 0, 4)), (Nth(2), Each(8, 0, 4))]) => Vpmacsdql Vpmacssdql;
    part(8).reads(&[(Nth(1), Each(8, 4, 4)), (Nth(2), Each(8, 4, 4))]) => Vpmacsdqh Vpmacssdqh;
    whole(8, Mixed) => Vpmadd52huq Vpmadd52luq;

    // Products.
    part(8).reads(&[(LastTwo, Each(8, 0, 4))]) => Pmuldq Pmuludq Vpmuldq Vpmuludq;
    whole(2, Elementwise) =>
        Pmulhrsw Pmulhrw Pmulhuw Pmulhw Pmullw Vpmulhrsw Vpmulhuw Vpmulhw Vpmullw;
    whole(4, Elementwise) => Pmulld Vpmulld;
    whole(8, Elementwise) => Vpmullq;

    // Sums, differences and averages.
    whole(1, Elementwise) => Paddb Paddsb Paddusb Pavgb Pavgusb Vpaddb Vpaddsb Vpaddusb Vpavgb;
    whole(1, Elementwise).same(Same::Zero) => Psubb Psubsb Psubusb Vpsubb Vpsubsb Vpsubusb;
    whole(2, Elementwise) => Paddsw Paddusw Paddw Pavgw Vpaddsw Vpaddusw Vpaddw Vpavgw;
    whole(2, Elementwise).same(Same::Zero) => Psubsw Psubusw Psubw Vpsubsw Vpsubusw Vpsubw;
    whole(4, Elementwise) => Paddd Vpaddd;
    whole(4, Elementwise).same(Same::Zero) => Psubd Vpsubd;
    whole(8, Elementwise) => Paddq Vpaddq;
    whole(8, Elementwise).same(Same::Zero) => Psubq Vpsubq;

    // Extremes, signs and absolute values.
    whole(1, Elementwise) =>
        Pabsb Pmaxsb Pmaxub Pminsb Pminub Psignb Vpabsb Vpmaxsb Vpmaxub Vpminsb Vpminub Vpsignb;
    whole(2, Elementwise) =>
        Pabsw Pmaxsw Pmaxuw Pminsw Pminuw Psignw Vpabsw Vpmaxsw Vpmaxuw Vpminsw Vpminuw Vpsignw;
    whole(4, Elementwise) =>
        Pabsd Pmaxsd Pmaxud Pminsd Pminud Psignd Vpabsd Vpmaxsd Vpmaxud Vpminsd Vpminud Vpsignd;
    whole(8, Elementwise) => Vpabsq Vpmaxsq Vpmaxuq Vpminsq Vpminuq;

    // Counts, conflicts and intersections.
    whole(1, Elementwise) => Vpopcntb;
    whole(2, Elementwise) => Vpopcntw;
    whole(4, Elementwise) => Vplzcntd Vpopcntd;
    whole(4, Mixed) => Vp2intersectd Vpconflictd;
    whole(8, Elementwise) => Vplzcntq Vpopcntq;
    whole(8, Mixed) => Vp2intersectq Vpconflictq;
}
