//! Mask registers.

use crate::isa::effects::entry::Everything::Elementwise;
use crate::isa::effects::entry::Part::{Each, Low};
use crate::isa::effects::entry::Source::Nth;
use crate::isa::effects::entry::{Output, Same, mask, part, vector, whole};
use crate::isa::effects::table::rows;

rows! {
    // Moves of masks.
    mask(1, 1).reads(&[(Nth(1), Low(1))]) => Kmovb;
    mask(2, 2).reads(&[(Nth(1), Low(2))]) => Kmovw;
    mask(4, 4) => Kmovd;
    mask(8, 8) => Kmovq;

    // Logic on masks.
    mask(1, 1) => Kaddb Kandb Knotb Korb Kortestb;
    mask(1, 1).same(Same::Independent) => Kxnorb;
    mask(1, 1).same(Same::Zero) => Kandnb Kxorb;
    mask(2, 2) => Kaddw Kandw Knotw Kortestw Korw;
    mask(2, 2).same(Same::Independent) => Kxnorw;
    mask(2, 2).same(Same::Zero) => Kandnw Kxorw;
    mask(4, 4) => Kaddd Kandd Knotd Kord Kortestd;
    mask(4, 4).same(Same::Independent) => Kxnord;
    mask(4, 4).same(Same::Zero) => Kandnd Kxord;
    mask(8, 8) => Kaddq Kandq Knotq Korq Kortestq;
    mask(8, 8).same(Same::Independent) => Kxnorq;
    mask(8, 8).same(Same::Zero) => Kandnq Kxorq;

    // Tests of masks.
    mask(1, 1) => Ktestb;
    mask(2, 2) => Ktestw;
    mask(4, 4) => Ktestd;
    mask(8, 8) => Ktestq;

    // Shifts of masks.
    vector(0, Output::ShiftedMask(1)) => Kshiftlb Kshiftrb;
    vector(0, Output::ShiftedMask(2)) => Kshiftlw Kshiftrw;
    vector(0, Output::ShiftedMask(4)) => Kshiftld Kshiftrd;
    vector(0, Output::ShiftedMask(8)) => Kshiftlq Kshiftrq;

    // Two masks side by side.
    mask(1, 2) => Kunpckbw;
    mask(2, 4) => Kunpckwd;
    mask(4, 8) => Kunpckdq;

    // Masks to vectors and back.
    part(2).reads(&[(Nth(1), Each(2, 1, 1))]) => Vpmovw2m;
    part(4).reads(&[(Nth(1), Each(4, 3, 1))]) => Vpmovd2m;
    part(8).reads(&[(Nth(1), Each(8, 7, 1))]) => Vpmovq2m;
    vector(4, Output::FromMask(2)) => Vpbroadcastmw2d;
    vector(8, Output::FromMask(1)) => Vpbroadcastmb2q;
    whole(1, Elementwise) => Vpmovb2m Vpmovm2b;
    whole(2, Elementwise) => Vpmovm2w;
    whole(4, Elementwise) => Vpmovm2d;
    whole(8, Elementwise) => Vpmovm2q;
}
