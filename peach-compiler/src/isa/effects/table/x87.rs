//! x87, and what empties its registers.

use crate::isa::Reach;
use crate::isa::effects::entry::{Implicit, general};
use crate::isa::effects::table::rows;

rows! {
    // Empties the registers that x87 and MMX share.
    general().empties_x87() => Emms Femms;

    // x87.
    general().implicit(Implicit::MmxLoaded).x87() => Frstor;
    general().implicit(Implicit::Stored).x87().reach(Reach::Registers) => Fnsave Fsave;
    general().x87() =>
        F2xm1 Fabs Fadd Faddp Fbld Fbstp Fchs Fclex Fcmovb Fcmovbe Fcmove Fcmovnb Fcmovnbe Fcmovne
        Fcmovnu Fcmovu Fcom Fcomi Fcomip Fcomp Fcompp Fcos Fdecstp Fdisi Fdiv Fdivp Fdivr Fdivrp
        Feni Ffree Ffreep Fiadd Ficom Ficomp Fidiv Fidivr Fild Fimul Fincstp Finit Fist Fistp
        Fisttp Fisub Fisubr Fld Fld1 Fldcw Fldenv Fldl2e Fldl2t Fldlg2 Fldln2 Fldpi Fldz Fmul Fmulp
        Fnclex Fndisi Fneni Fninit Fnop Fnsetpm Fnstcw Fnstenv Fnstsw Fpatan Fprem Fprem1 Fptan
        Frndint Fscale Fsetpm Fsin Fsincos Fsqrt Fst Fstcw Fstenv Fstp Fstsw Fsub Fsubp Fsubr
        Fsubrp Ftst Fucom Fucomi Fucomip Fucomp Fucompp Fxam Fxch Fxtract Fyl2x Fyl2xp1 Wait;
}
