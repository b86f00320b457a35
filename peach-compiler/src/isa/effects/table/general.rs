//! Moves, the stack, flags and control, for general-purpose registers.

use crate::isa::Hazard;
use crate::isa::effects::entry::{Alignment, Memory, Output, Same, general};
use crate::isa::effects::table::rows;

rows! {
    // Conditional moves.
    general().output(Output::IfCondition) =>
        Cmova Cmovae Cmovb Cmovbe Cmove Cmovg Cmovge Cmovl Cmovle Cmovne Cmovno Cmovnp Cmovns Cmovo
        Cmovp Cmovs;

    // Moves between general-purpose registers and memory.
    general() => Bswap Lea Movbe Movnti Movsx Movsxd;
    general().hazard(Hazard::ImplicitMemory) => Xlatb;
    general().locks_memory() => Xchg;
    general().output(Output::ZeroExtended) => Movzx;
    general().same(Same::Immediate) => Mov;

    // The stack.
    general().hazard(Hazard::System) => Enter Leave;
    general().moves_stack() => Pop Push Pushf Pushfq;
    general().moves_stack().hazard(Hazard::PreservedState) => Popf Popfq;

    // String instructions.
    general() =>
        Cmpsb Cmpsq Cmpsw Lodsb Lodsd Lodsq Lodsw Movsb Movsq Movsw Scasb Scasd Scasq Scasw Stosb
        Stosd Stosq Stosw;

    // Compares and stores.
    general() => Xadd;
    general().aligned(Alignment::Operand) =>
        Cmpbexadd Cmpbxadd Cmplexadd Cmplxadd Cmpnbexadd Cmpnbxadd Cmpnlexadd Cmpnlxadd Cmpnoxadd
        Cmpnpxadd Cmpnsxadd Cmpnzxadd Cmpoxadd Cmppxadd Cmpsxadd Cmpzxadd;
    general().memory(Memory::Partly) => Cmpxchg8b;
    general().memory(Memory::Partly).aligned(Alignment::Operand) => Cmpxchg16b;
    general().output(Output::IfEqual).memory(Memory::Partly) => Cmpxchg;

    // Flags.
    general() =>
        Clc Cld Cmc Lahf Sahf Seta Setae Setb Setbe Sete Setg Setge Setl Setle Setne Setno Setnp
        Setns Seto Setp Sets Stc;
    general().hazard(Hazard::PreservedState) => Std;

    // Control.
    general() =>
        Ja Jae Jb Jbe Je Jecxz Jg Jge Jl Jle Jmp Jne Jno Jnp Jns Jo Jp Jrcxz Js Loop Loope Loopne;
    general().moves_stack() => Call Ret;
    general().moves_stack().hazard(Hazard::System) => Retf;
}
