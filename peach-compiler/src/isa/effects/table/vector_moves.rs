//! Moves of vectors, and of elements and blocks in and out of them.

use crate::isa::Hazard;
use crate::isa::effects::choice::ByImmediate as By;
use crate::isa::effects::choice::Half;
use crate::isa::effects::entry::Everything::{ChosenByData, Mixed, Moved};
use crate::isa::effects::entry::Part::{AsMemory, Bytes, Each, FieldAndPlace, Low};
use crate::isa::effects::entry::Scalar::Move;
use crate::isa::effects::entry::Source::{Last, Nth};
use crate::isa::effects::entry::{
    Alignment, Implicit, Memory, Output, general, part, scalar, vector, whole,
};
use crate::isa::effects::table::rows;

rows! {
    // Gathers and scatters.
    vector(0, Output::Prefetched) =>
        Vgatherpf0dpd Vgatherpf0dps Vgatherpf0qpd Vgatherpf0qps Vgatherpf1dpd Vgatherpf1dps
        Vgatherpf1qpd Vgatherpf1qps Vscatterpf0dpd Vscatterpf0dps Vscatterpf0qpd Vscatterpf0qps
        Vscatterpf1dpd Vscatterpf1dps Vscatterpf1qpd Vscatterpf1qps;
    vector(4, Output::Indexed(4)) =>
        Vgatherdps Vgatherqps Vpgatherdd Vpgatherqd Vpscatterdd Vpscatterqd Vscatterdps Vscatterqps;
    vector(8, Output::Indexed(8)) =>
        Vgatherdpd Vgatherqpd Vpgatherdq Vpgatherqq Vpscatterdq Vpscatterqq Vscatterdpd Vscatterqpd;

    // Broadcasts.
    part(1).reads(&[(Nth(1), Low(1))]) => Vpbroadcastb;
    part(2).reads(&[(Nth(1), Low(2))]) => Vpbroadcastw;
    part(4).reads(&[(Nth(1), Low(4))]) => Vbroadcastss;
    part(8).reads(&[(Nth(1), Low(8))]) => Vbroadcastsd;
    whole(1, Moved) => Vbroadcastf128 Vbroadcasti128;
    whole(4, Moved) =>
        Vbroadcastf32x2 Vbroadcastf32x4 Vbroadcastf32x8 Vbroadcasti32x2 Vbroadcasti32x4
        Vbroadcasti32x8 Vpbroadcastd;
    whole(8, Moved) => Vbroadcastf64x2 Vbroadcastf64x4 Vbroadcasti64x2 Vbroadcasti64x4 Vpbroadcastq;

    // Moves of halves.
    vector(0, Output::Half(Half::High)).reads(&[(Last, Low(8))]) => Movlhps Vmovlhps;
    vector(0, Output::Half(Half::High)).reads(&[(Nth(1), Bytes(8, 8))]) =>
        Movhpd Movhps Vmovhpd Vmovhps;
    vector(0, Output::Half(Half::Low)).reads(&[(Last, Bytes(8, 8))]) => Movhlps Vmovhlps;
    vector(0, Output::Half(Half::Low)).reads(&[(Last, Low(8))]) => Movlpd Movlps Vmovlpd Vmovlps;

    // Copies of even or odd elements.
    part(8).reads(&[(Last, Each(16, 0, 8))]) => Movddup Vmovddup;
    part(4).reads(&[(Last, Each(8, 0, 4))]) => Movsldup Vmovsldup;
    part(4).reads(&[(Last, Each(8, 4, 4))]) => Movshdup Vmovshdup;

    // Moves of scalars.
    scalar(2, Move) => Vmovsh;
    scalar(4, Move) => Movntss Movss Vmovss;
    scalar(8, Move) => Movntsd Movsd Vmovsd;

    // Moves of one element.
    part(8).reads(&[(Nth(1), Low(8))]) => Movdq2q;
    vector(0, Output::Element).reads(&[(Last, AsMemory)]) => Movd Movq Vmovd Vmovq Vmovw;
    vector(0, Output::Low(8)) => Movq2dq;

    // Signs.
    part(4).reads(&[(Nth(1), Each(4, 3, 1))]) => Movmskps Vmovmskps;
    part(8).reads(&[(Nth(1), Each(8, 7, 1))]) => Movmskpd Vmovmskpd;
    whole(0, Mixed) => Pmovmskb Vpmovmskb;

    // Masked moves.
    part(4).reads(&[(Nth(1), Each(4, 3, 1))]).memory(Memory::Partly) => Vmaskmovps Vpmaskmovd;
    part(8).reads(&[(Nth(1), Each(8, 7, 1))]).memory(Memory::Partly) => Vmaskmovpd Vpmaskmovq;
    whole(4, ChosenByData).memory(Memory::HiddenBytes).hazard(Hazard::ImplicitMemory) =>
        Maskmovdqu Vmaskmovdqu;
    whole(8, ChosenByData).memory(Memory::HiddenBytes).hazard(Hazard::ImplicitMemory) => Maskmovq;

    // Moves.
    whole(1, Moved) => Vmovdqu8;
    whole(2, Moved) => Vmovdqu16;
    whole(4, Moved) => Vlddqu Vmovdqu Vmovdqu32 Vmovups;
    whole(4, Moved).aligned(Alignment::Any) => Lddqu Movdqu Movups;
    whole(4, Moved).aligned(Alignment::Operand) =>
        Movaps Movdqa Movntdqa Movntps Vmovaps Vmovdqa Vmovdqa32 Vmovntdqa Vmovntps;
    whole(8, Moved) => Movntq Vmovdqu64 Vmovupd;
    whole(8, Moved).aligned(Alignment::Any) => Movupd;
    whole(8, Moved).aligned(Alignment::Operand) =>
        Movapd Movntdq Movntpd Vmovapd Vmovdqa64 Vmovntdq Vmovntpd;

    // One element in or out.
    part(1).choice(By::Pextr(1)) => Pextrb Vpextrb;
    part(2).choice(By::Pextr(2)) => Pextrw Vpextrw;
    part(4).choice(By::Pextr(4)) => Extractps Pextrd Vextractps Vpextrd;
    part(8).choice(By::Pextr(8)) => Pextrq Vpextrq;
    vector(0, Output::Low(16)).choice(By::InsertPs) => Insertps Vinsertps;
    vector(0, Output::Low(16)).choice(By::Pinsr(1)) => Pinsrb Vpinsrb;
    vector(0, Output::Low(16)).choice(By::Pinsr(2)) => Pinsrw Vpinsrw;
    vector(0, Output::Low(16)).choice(By::Pinsr(4)) => Pinsrd Vpinsrd;
    vector(0, Output::Low(16)).choice(By::Pinsr(8)) => Pinsrq Vpinsrq;
    vector(0, Output::Field).reads(&[(Nth(1), FieldAndPlace)]) => Insertq;
    vector(0, Output::Field).reads(&[(Nth(1), Low(2))]) => Extrq;

    // Blocks in or out.
    part(1).choice(By::Extract(16)) => Vextractf128 Vextracti128;
    part(1).choice(By::Insert(16)) => Vinsertf128 Vinserti128;
    part(4).choice(By::Extract(16)) => Vextractf32x4 Vextracti32x4;
    part(4).choice(By::Extract(32)) => Vextractf32x8 Vextracti32x8;
    part(4).choice(By::Insert(16)) => Vinsertf32x4 Vinserti32x4;
    part(4).choice(By::Insert(32)) => Vinsertf32x8 Vinserti32x8;
    part(8).choice(By::Extract(16)) => Vextractf64x2 Vextracti64x2;
    part(8).choice(By::Extract(32)) => Vextractf64x4 Vextracti64x4;
    part(8).choice(By::Insert(16)) => Vinsertf64x2 Vinserti64x2;
    part(8).choice(By::Insert(32)) => Vinsertf64x4 Vinserti64x4;

    // The state of vectors.
    general() => Stmxcsr Vstmxcsr;
    general().hazard(Hazard::PreservedState).floats() => Ldmxcsr Vldmxcsr;
    general().implicit(Implicit::UpperHalvesZeroed) => Vzeroupper;
    general().implicit(Implicit::VectorsZeroed) => Vzeroall;
}
