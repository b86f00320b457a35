//! Arithmetic on general-purpose registers.

use crate::isa::Hazard;
use crate::isa::effects::entry::Part::Low;
use crate::isa::effects::entry::Source::{BitNumber, Nth};
use crate::isa::effects::entry::{Alignment, Implicit, Memory, Output, Same, general};
use crate::isa::effects::table::rows;

rows! {
    // Carry chains and plain arithmetic.
    general() => Adc Adcx Add Adox Dec Inc Neg;
    general().same(Same::Independent) => Cmp Sbb;
    general().same(Same::Zero) => Sub;

    // Products and quotients.
    general() => Mulx;
    general().implicit(Implicit::OperandSize) => Mul;
    general().implicit(Implicit::OperandSize).hazard(Hazard::MayFault) => Div Idiv;
    general().same(Same::ZeroByZero).implicit(Implicit::OperandSize) => Imul;

    // Logic.
    general() => Not Test;
    general().same(Same::OnesByOnes) => Or;
    general().same(Same::Zero) => Andn Xor;
    general().same(Same::ZeroByZero) => And;

    // Atomic updates without a result.
    general().aligned(Alignment::Operand) => Aadd Aand Aor Axor;

    // Shifts and rotations.
    general() => Rorx;
    general().reads(&[(Nth(2), Low(1))]) => Sarx Shlx Shrx;
    general().shift() => Rcl Rcr Rol Ror Sal Sar Shl Shld Shr Shrd;

    // Sign extensions of the accumulator.
    general() => Cbw Cdqe Cqo Cwd;
    general().implicit(Implicit::ThirtyTwoBits) => Cdq Cwde;

    // Bits.
    general() =>
        Blcfill Blci Blcic Blcmsk Blcs Blsfill Blsi Blsic Blsmsk Blsr Pdep Pext T1mskc Tzmsk;
    general().output(Output::Count) => Lzcnt Popcnt Tzcnt;
    general().output(Output::UnlessZero) => Bsf Bsr;
    general().reads(&[(BitNumber, Low(1))]).memory(Memory::BitString) => Bt Btc Btr Bts;
    general().reads(&[(Nth(0), Low(4))]) => Crc32;
    general().reads(&[(Nth(2), Low(1))]) => Bzhi;
    general().reads(&[(Nth(2), Low(2))]) => Bextr;
}
