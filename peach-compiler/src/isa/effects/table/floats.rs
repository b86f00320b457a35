//! Vectors of floats and single floats.

use crate::isa::effects::choice::ByImmediate as By;
use crate::isa::effects::entry::Everything::{Elementwise, Mixed, NotTracked};
use crate::isa::effects::entry::Part::Low;
use crate::isa::effects::entry::Scalar::{Accumulate, Alone, Binary, FixUp, Unary};
use crate::isa::effects::entry::Source::Last;
use crate::isa::effects::entry::{Same, part, scalar, whole};
use crate::isa::effects::table::rows;

rows! {
    // 3DNow!.
    part(4).reads(&[(Last, Low(4))]) => Pfrcp Pfrsqrt;
    whole(4, Elementwise) =>
        Pfadd Pfcmpeq Pfcmpge Pfcmpgt Pfmax Pfmin Pfmul Pfrcpit1 Pfrcpit2 Pfrsqit1 Pfsub Pfsubr;
    whole(4, Mixed) => Pfacc Pfnacc Pfpnacc;

    // Fused products and sums.
    scalar(2, Accumulate).floats() =>
        Vfmadd132sh Vfmadd213sh Vfmadd231sh Vfnmadd132sh Vfnmadd213sh Vfnmadd231sh Vfmsub132sh
        Vfmsub213sh Vfmsub231sh Vfnmsub132sh Vfnmsub213sh Vfnmsub231sh;
    scalar(4, Accumulate).floats() =>
        Vfmadd132ss Vfmadd213ss Vfmadd231ss Vfmsub132ss Vfmsub213ss Vfmsub231ss Vfnmadd132ss
        Vfnmadd213ss Vfnmadd231ss Vfnmsub132ss Vfnmsub213ss Vfnmsub231ss Vfcmaddcsh Vfmaddcsh;
    scalar(4, Alone).floats() => Vfmaddss Vfmsubss Vfnmaddss Vfnmsubss;
    scalar(4, Binary).floats() => Vfcmulcsh Vfmulcsh;
    scalar(8, Accumulate).floats() =>
        Vfmadd132sd Vfmadd213sd Vfmadd231sd Vfmsub132sd Vfmsub213sd Vfmsub231sd Vfnmadd132sd
        Vfnmadd213sd Vfnmadd231sd Vfnmsub132sd Vfnmsub213sd Vfnmsub231sd;
    scalar(8, Alone).floats() => Vfmaddsd Vfmsubsd Vfnmaddsd Vfnmsubsd;
    whole(2, Elementwise).floats() =>
        Vfmaddsub132ph Vfmaddsub213ph Vfmaddsub231ph Vfmsubadd132ph Vfmsubadd213ph Vfmsubadd231ph
        Vfmadd132ph Vfmadd213ph Vfmadd231ph Vfnmadd132ph Vfnmadd213ph Vfnmadd231ph Vfmsub132ph
        Vfmsub213ph Vfmsub231ph Vfnmsub132ph Vfnmsub213ph Vfnmsub231ph;
    // Complex numbers: a bit of the mask for both parts.
    whole(4, Mixed).floats() => Vfcmaddcph Vfmaddcph Vfcmulcph Vfmulcph;
    whole(4, Elementwise).floats() =>
        Vfmadd132ps Vfmadd213ps Vfmadd231ps Vfmaddps Vfmaddsub132ps Vfmaddsub213ps Vfmaddsub231ps
        Vfmaddsubps Vfmsub132ps Vfmsub213ps Vfmsub231ps Vfmsubadd132ps Vfmsubadd213ps
        Vfmsubadd231ps Vfmsubaddps Vfmsubps Vfnmadd132ps Vfnmadd213ps Vfnmadd231ps Vfnmaddps
        Vfnmsub132ps Vfnmsub213ps Vfnmsub231ps Vfnmsubps;
    whole(4, Mixed).floats() => V4fmaddps V4fnmaddps;
    whole(4, NotTracked("only Xeon Phis of one generation have it")).floats() =>
        V4fmaddss V4fnmaddss;
    whole(8, Elementwise).floats() =>
        Vfmadd132pd Vfmadd213pd Vfmadd231pd Vfmaddpd Vfmaddsub132pd Vfmaddsub213pd Vfmaddsub231pd
        Vfmaddsubpd Vfmsub132pd Vfmsub213pd Vfmsub231pd Vfmsubadd132pd Vfmsubadd213pd
        Vfmsubadd231pd Vfmsubaddpd Vfmsubpd Vfnmadd132pd Vfnmadd213pd Vfnmadd231pd Vfnmaddpd
        Vfnmsub132pd Vfnmsub213pd Vfnmsub231pd Vfnmsubpd;

    // Sums, differences, products and quotients.
    scalar(2, Binary).floats() => Vaddsh Vdivsh Vmulsh Vsubsh;
    scalar(4, Binary).floats() => Addss Divss Mulss Subss Vaddss Vdivss Vmulss Vsubss;
    scalar(8, Binary).floats() => Addsd Divsd Mulsd Subsd Vaddsd Vdivsd Vmulsd Vsubsd;
    whole(2, Elementwise).floats() => Vaddph Vdivph Vmulph Vsubph;
    whole(4, Elementwise).floats() => Addps Divps Mulps Subps Vaddps Vdivps Vmulps Vsubps;
    whole(4, Mixed).floats() => Addsubps Vaddsubps;
    whole(8, Elementwise).floats() => Addpd Divpd Mulpd Subpd Vaddpd Vdivpd Vmulpd Vsubpd;
    whole(8, Mixed).floats() => Addsubpd Vaddsubpd;

    // Horizontal sums and dot products.
    part(4).choice(By::DotProduct(4)).floats() => Dpps Vdpps;
    part(8).choice(By::DotProduct(8)).floats() => Dppd Vdppd;
    whole(4, Mixed) => Vdpbf16ps;
    whole(4, Mixed).floats() => Haddps Hsubps Vhaddps Vhsubps;
    whole(8, Mixed).floats() => Haddpd Hsubpd Vhaddpd Vhsubpd;

    // Extremes and ranges.
    scalar(2, Binary).floats() => Vmaxsh Vminsh;
    scalar(4, Binary).floats() => Maxss Minss Vmaxss Vminss Vrangess;
    scalar(8, Binary).floats() => Maxsd Minsd Vmaxsd Vminsd Vrangesd;
    whole(2, Elementwise).floats() => Vmaxph Vminph;
    whole(4, Elementwise).floats() => Maxps Minps Vmaxps Vminps Vrangeps;
    whole(8, Elementwise).floats() => Maxpd Minpd Vmaxpd Vminpd Vrangepd;

    // Logic.
    whole(4, Elementwise) => Andps Orps Vandps Vorps;
    whole(4, Elementwise).same(Same::Zero) => Andnps Vandnps Vxorps Xorps;
    whole(4, Mixed) => Vtestps;
    whole(8, Elementwise) => Andpd Orpd Vandpd Vorpd;
    whole(8, Elementwise).same(Same::Zero) => Andnpd Vandnpd Vxorpd Xorpd;
    whole(8, Mixed) => Vtestpd;

    // Roots and reciprocals.
    scalar(2, Unary) => Vrcpsh Vrsqrtsh;
    scalar(2, Unary).floats() => Vsqrtsh;
    scalar(4, Unary) => Rcpss Rsqrtss Vrcp14ss Vrcpss Vrsqrt14ss Vrsqrtss;
    scalar(4, Unary).floats() => Sqrtss Vrcp28ss Vrsqrt28ss Vsqrtss;
    scalar(8, Unary) => Vrcp14sd Vrsqrt14sd;
    scalar(8, Unary).floats() => Sqrtsd Vrcp28sd Vrsqrt28sd Vsqrtsd;
    whole(2, Elementwise) => Vrcpph Vrsqrtph;
    whole(2, Elementwise).floats() => Vsqrtph;
    whole(4, Elementwise) => Rcpps Rsqrtps Vrcp14ps Vrcpps Vrsqrt14ps Vrsqrtps;
    whole(4, Elementwise).floats() => Sqrtps Vrcp28ps Vrsqrt28ps Vsqrtps;
    whole(8, Elementwise) => Vrcp14pd Vrsqrt14pd;
    whole(8, Elementwise).floats() => Sqrtpd Vrcp28pd Vrsqrt28pd Vsqrtpd;

    // Comparisons and classes.
    scalar(2, Binary) => Vfpclasssh;
    scalar(2, Binary).floats() => Vcomish Vucomish;
    scalar(2, Binary).same(Same::ByPredicate).floats() => Vcmpsh;
    scalar(4, Binary) => Vfpclassss;
    scalar(4, Binary).floats() => Cmpss Comiss Ucomiss Vcomiss Vucomiss;
    scalar(4, Binary).same(Same::ByPredicate).floats() => Vcmpss;
    scalar(8, Binary) => Vfpclasssd;
    scalar(8, Binary).floats() => Cmpsd Comisd Ucomisd Vcomisd Vucomisd;
    scalar(8, Binary).same(Same::ByPredicate).floats() => Vcmpsd;
    whole(2, Elementwise) => Vfpclassph;
    whole(2, Elementwise).same(Same::ByPredicate).floats() => Vcmpph;
    whole(4, Elementwise) => Vfpclassps;
    whole(4, Elementwise).floats() => Cmpps;
    whole(4, Elementwise).same(Same::ByPredicate).floats() => Vcmpps;
    whole(8, Elementwise) => Vfpclasspd;
    whole(8, Elementwise).floats() => Cmppd;
    whole(8, Elementwise).same(Same::ByPredicate).floats() => Vcmppd;

    // Rounding and parts.
    scalar(2, Binary).floats() => Vscalefsh;
    scalar(2, Unary).floats() => Vgetexpsh Vgetmantsh Vreducesh Vrndscalesh;
    scalar(4, Alone).floats() => Vfrczss;
    scalar(4, Binary).floats() => Vscalefss;
    scalar(4, FixUp).floats() => Vfixupimmss;
    scalar(4, Unary).floats() => Roundss Vgetexpss Vgetmantss Vreducess Vrndscaless Vroundss;
    scalar(8, Alone).floats() => Vfrczsd;
    scalar(8, Binary).floats() => Vscalefsd;
    scalar(8, FixUp).floats() => Vfixupimmsd;
    scalar(8, Unary).floats() => Roundsd Vgetexpsd Vgetmantsd Vreducesd Vrndscalesd Vroundsd;
    whole(2, Elementwise).floats() => Vgetexpph Vgetmantph Vreduceph Vrndscaleph Vscalefph;
    whole(4, Elementwise).floats() =>
        Roundps Vexp2ps Vfixupimmps Vfrczps Vgetexpps Vgetmantps Vreduceps Vrndscaleps Vroundps
        Vscalefps;
    whole(8, Elementwise).floats() =>
        Roundpd Vexp2pd Vfixupimmpd Vfrczpd Vgetexppd Vgetmantpd Vreducepd Vrndscalepd Vroundpd
        Vscalefpd;
}
