//! The system, caches, fences and accelerators.

use crate::isa::effects::entry::Everything::Mixed;
use crate::isa::effects::entry::{Alignment, Implicit, Leaf, Memory, Output, general, whole};
use crate::isa::effects::table::rows;
use crate::isa::{Control, Hazard, Reach, gp};

rows! {
    // Virtual machines.
    general().implicit(Implicit::Leaf(&VMRUN)).machine().control(Control::Next) => Vmrun;
    general().machine() => Skinit;
    general().machine().control(Control::Next) => Vmcall Vmlaunch Vmmcall Vmresume Vmgexit;
    general().output(Output::UnlessAbsent).system() => Vmread;
    general().system() =>
        Clgi Invept Invlpga Invvpid Stgi Vmclear Vmfunc Vmload Vmptrld Vmptrst Vmsave Vmwrite
        Vmxoff Vmxon;

    // Secure virtual machines and trust domains.
    general().implicit(Implicit::Leaf(&GETSEC)).machine() => Getsec Getsecq;
    general().implicit(Implicit::Leaf(&SEAMCALL)).machine().control(Control::Next) => Seamcall;
    general().implicit(Implicit::Leaf(&TDCALL)).machine().control(Control::Next) => Tdcall;
    general().machine() => Seamops;
    general().machine().control(Control::Next) => Seamret;
    general().system() => Pconfig Rmpadjust Rmpupdate Psmash Pvalidate Rmpquery Pbndkb;

    // Enclaves.
    general().machine() => Encls Enclu Enclv;

    // Calls of the system and returns from it.
    general().machine() =>
        Int Iret Rsm Sysexit Sysret Sysexitq Sysretq Iretd Iretq Uiret Eretu Erets;
    general().machine().control(Control::Next) => Syscall Sysenter;
    general().reach(Reach::Memory) => Int3;
    general().system() => Hlt Int1;

    // Image of the processor state.
    general().aligned(Alignment::Bytes(64)).hazard(Hazard::System).reach(Reach::Registers) =>
        Xsave Xsave64 Xsavec Xsavec64 Xsaveopt Xsaveopt64 Xsaves Xsaves64;
    general()
        .implicit(Implicit::FxLoaded)
        .aligned(Alignment::Bytes(16))
        .x87()
        .reach(Reach::Memory)
        .floats() =>
        Fxrstor Fxrstor64;
    general().implicit(Implicit::ThirtyTwoBits).hazard(Hazard::MayFault) => Xgetbv;
    general()
        .implicit(Implicit::XsaveLoaded)
        .aligned(Alignment::Bytes(64))
        .x87()
        .reach(Reach::Memory)
        .floats() =>
        Xrstor Xrstor64;
    general()
        .implicit(Implicit::XsaveLoaded)
        .aligned(Alignment::Bytes(64))
        .x87()
        .system()
        .floats() =>
        Xrstors Xrstors64;
    general()
        .memory(Memory::Partly)
        .aligned(Alignment::Bytes(16))
        .hazard(Hazard::System)
        .reach(Reach::Registers) =>
        Fxsave Fxsave64;
    general().system() => Xsetbv;

    // Transactions.
    general().hazard(Hazard::System) => Xtest;
    general().system() => Xabort Xbegin Xend Xsusldtrk Xresldtrk;

    // Waiting for stores of other processors.
    general() => Pause;
    general().system() => Monitor Monitorx Mwait Mwaitx Tpause Umonitor Umwait;

    // Caches.
    general() =>
        Prefetch Prefetchnta Prefetcht0 Prefetcht1 Prefetcht2 Prefetchw Prefetchwt1 Prefetchit0
        Prefetchit1;
    general().memory(Memory::Line).reach(Reach::Memory) => Clflush Clflushopt Clwb;
    general().memory(Memory::LineZeroed).hazard(Hazard::ImplicitMemory).reach(Reach::Memory) =>
        Clzero;
    general().reach(Reach::Memory) => Cldemote;
    general().system() => Invd Wbinvd Wbnoinvd;

    // Fences.
    general().reach(Reach::Memory) => Lfence Mfence Sfence Serialize;
    general().system() => Mcommit;

    // Devices.
    general() => Movdiri;
    general().memory(Memory::Block).hazard(Hazard::ImplicitMemory).reach(Reach::Memory) =>
        Movdir64b;
    general().memory(Memory::Block).system() => Enqcmd Enqcmds;
    general().system() => In Insb Insd Insw Out Outsb Outsd Outsw;

    // Translation of addresses.
    general().system() => Invlpg Invpcid Invlpgb Tlbsync;

    // Model-specific registers and counters.
    general() => Rdpid;
    general().implicit(Implicit::ThirtyTwoBits) => Rdtsc;
    general().implicit(Implicit::ThirtyTwoBits).hazard(Hazard::MayFault) => Rdpmc Rdpru;
    general().implicit(Implicit::ThirtyTwoBits).reach(Reach::Memory) => Rdtscp;
    general().implicit(Implicit::ThirtyTwoBits).system() => Rdmsr;
    general().system() => Wrmsr Rdmsrlist Wrmsrlist Wrmsrns;

    // Protection keys, segment bases and flags of access.
    general().hazard(Hazard::MayFault) => Rdfsbase Rdgsbase;
    general().hazard(Hazard::PreservedState).reach(Reach::Memory) => Wrfsbase Wrgsbase;
    general().implicit(Implicit::ThirtyTwoBits).hazard(Hazard::MayFault) => Rdpkru;
    general().system() => Clac Stac Swapgs Wrpkru Lkgs;

    // User interrupts.
    general().hazard(Hazard::System) => Testui;
    general().system() => Clui Stui Senduipi;

    // Shadow stacks.
    general() => Endbr32 Endbr64;
    general().hazard(Hazard::System) => Incsspd Incsspq Rstorssp Saveprevssp Wrssd Wrssq;
    general().output(Output::UnlessAbsent) => Rdsspd Rdsspq;
    general().system() => Clrssbsy Setssbsy Wrussd Wrussq;

    // Lightweight profiling and tracing.
    general() => Ptwrite;
    general().system() => Llwpcb Lwpins Lwpval Slwpcb;

    // Descriptor tables, segments and control registers.
    general().hazard(Hazard::PreservedState) => Lfs Lgs Lss;
    general().hazard(Hazard::System) => Lar Lsl Sgdt Sidt Sldt Smsw Str Verr Verw;
    general().system() => Cli Clts Lgdt Lidt Lldt Lmsw Ltr Sti Hreset;

    // What the processor is, and random numbers.
    general() => Rdrand Rdseed;
    general().implicit(Implicit::ThirtyTwoBits).reach(Reach::Memory) => Cpuid;

    // Key locker.
    general() =>
        Aesencwide128kl Aesdecwide128kl Aesencwide256kl Aesdecwide256kl Encodekey128 Encodekey256;
    whole(4, Mixed) => Aesenc128kl Aesdec128kl Aesenc256kl Aesdec256kl;
    whole(4, Mixed).system() => Loadiwkey;

    // VIA PadLock.
    general().hazard(Hazard::ImplicitMemory) =>
        Montmul Xcryptcbc Xcryptcfb Xcryptctr Xcryptecb Xcryptofb Xsha1 Xsha256 Xstore Ccs_hash
        Ccs_encrypt Xsha512;

    // Tiles.
    general().hazard(Hazard::MayFault) =>
        Ldtilecfg Tilerelease Sttilecfg Tilezero Tileloaddt1 Tilestored Tileloadd Tdpbf16ps Tdpbuud
        Tdpbusd Tdpbsud Tdpbssd Tdpfp16ps Tcmmrlfp16ps Tcmmimfp16ps;

    // Undefined on purpose.
    general() => Nop;
    general().reach(Reach::Memory) => Ud0 Ud1 Ud2;
}

/// The answers of the leaves (Intel SDM volume 2, GETSEC): what EAX says, and what EBX takes first.
const GETSEC: Leaf = Leaf { reads: Some((gp::RBX, 4)), changes: &[gp::RAX, gp::RCX, gp::RBX] };

/// Intel TDX ABI reference.
const TDCALL: Leaf = Leaf {
    reads: Some((gp::RAX, 8)),
    changes: &[
        gp::RAX,
        gp::RCX,
        gp::RDX,
        gp::R8,
        gp::R9,
        gp::R10,
        gp::R11,
        gp::R12,
        gp::R13,
        gp::R14,
        gp::R15,
    ],
};

/// Intel TDX module: the leaf's status.
const SEAMCALL: Leaf = Leaf { reads: None, changes: &[gp::RAX] };

/// Only rax and rsp are the host's again (AMD APM volume 2, "World switch").
const VMRUN: Leaf = Leaf {
    reads: None,
    changes: &[
        gp::RCX,
        gp::RDX,
        gp::RBX,
        gp::RBP,
        gp::RSI,
        gp::RDI,
        gp::R8,
        gp::R9,
        gp::R10,
        gp::R11,
        gp::R12,
        gp::R13,
        gp::R14,
        gp::R15,
    ],
};
