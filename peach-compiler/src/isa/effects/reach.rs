//! What an instruction touches beyond its operands and the registers that its row names.
//!
//! In: a row. Out: its [`Reach`], the registers that it changes wholesale, and whether it computes with
//! floats. Whoever calls a kernel has to know of all three: a compiler may keep neither values in
//! registers nor stores to itself across an instruction that lets others run or look. Sources: Intel
//! SDM volume 3, "Serializing instructions" and "Fencing, serializing and locked instructions"; volume
//! 1, "Managing state using the XSAVE feature set"; AMD APM volumes 2 and 3.

use crate::isa::{Access, Bank, Class, Lanes, PhysReg, Reach, RegSet};
use iced_x86::{Code, Mnemonic as M};
use std::sync::OnceLock;

/// How far a row reaches, whatever its prefixes and operands.
pub(super) fn reach(code: Code) -> Reach {
    let mnemonic = code.mnemonic();
    let op_code = code.op_code();
    if hands_over_control(mnemonic) {
        Reach::Machine
    } else if saves_registers(mnemonic) {
        Reach::Registers
    } else if op_code.is_privileged()
        || op_code.is_input_output()
        || op_code.is_serializing_intel()
        || op_code.is_serializing_amd()
        || op_code.is_save_restore()
        || orders_memory(mnemonic)
    {
        Reach::Memory
    } else {
        Reach::Operands
    }
}

/// The system, a hypervisor, an enclave or another state of the machine runs, and comes back or not.
fn hands_over_control(mnemonic: M) -> bool {
    use M::*;
    [
        Syscall, Sysenter, Sysexit, Sysexitq, Sysret, Sysretq, Int, Into, Iret, Iretd, Iretq,
        Uiret, Erets, Eretu, Rsm, Vmcall, Vmmcall, Vmgexit, Vmlaunch, Vmresume, Vmrun, Skinit,
        Getsec, Getsecq, Encls, Enclu, Enclv, Tdcall, Seamcall, Seamops, Seamret,
    ]
    .contains(&mnemonic)
}

/// The registers themselves are stored, none of them named.
fn saves_registers(mnemonic: M) -> bool {
    use M::*;
    [
        Fxsave, Fxsave64, Fsave, Fnsave, Xsave, Xsave64, Xsavec, Xsavec64, Xsaveopt, Xsaveopt64,
        Xsaves, Xsaves64,
    ]
    .contains(&mnemonic)
}

/// Accesses before and after are ordered, waited for or carried out under other rules; or a debugger or
/// the handler of a fault looks.
fn orders_memory(mnemonic: M) -> bool {
    use M::*;
    [
        Lfence, Mfence, Sfence, Serialize, Mcommit, Rdtscp, // fences
        Clflush, Clflushopt, Clwb, Cldemote, Clzero, Wbinvd, Wbnoinvd, Invd, // caches
        Monitor, Monitorx, Umonitor, Mwait, Mwaitx, Umwait,
        Tpause, // waiting for stores of others
        Enqcmd, Enqcmds, Movdir64b, Senduipi, // devices and other processors
        Xbegin, Xend, Xabort, Xsusldtrk, Xresldtrk, // transactions
        Wrpkru, Wrfsbase, Wrgsbase, Swapgs, Clac, Stac, Clui, Stui,
        Vmfunc, // what memory means
        Int1, Int3, Ud0, Ud1, Ud2, Hlt, Llwpcb, Slwpcb, Lwpins, Lwpval, // others look
    ]
    .contains(&mnemonic)
}

/// The registers that an instruction changes wholesale, none of them named.
pub(super) fn changed_unnamed(code: Code) -> Vec<Access<PhysReg>> {
    use M::*;
    let mmx = RegSet::first(8).iter().map(PhysReg::mmx);
    match code.mnemonic() {
        Frstor => mmx.map(|reg| written(reg, Class::Mmx.lanes())).collect(),
        Fxrstor | Fxrstor64 => {
            let vectors = RegSet::first(16).iter().map(PhysReg::vector);
            let vectors = vectors.map(|reg| written(reg, Class::Xmm.lanes()));
            vectors.chain(mmx.map(|reg| written(reg, Class::Mmx.lanes()))).collect()
        }
        // Which components, edx:eax and the system decide.
        Xrstor | Xrstor64 | Xrstors | Xrstors64 => every_register_of_xsave()
            .map(|(reg, lanes)| Access { may_write: lanes, ..Access::read(reg, Lanes::NONE) })
            .collect(),
        // The answers of the leaves (Intel SDM volume 2, GETSEC; Intel TDX ABI reference).
        Getsec | Getsecq => general(&[0, 1, 3]),
        Tdcall => general(&[0, 1, 2, 8, 9, 10, 11, 12, 13, 14, 15]),
        Seamcall => general(&[0]),
        // Only rax and rsp are the host's again (AMD APM volume 2, "World switch").
        Vmrun => general(&[1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
        _ => Vec::new(),
    }
}

/// General-purpose registers that may change.
fn general(numbers: &[u8]) -> Vec<Access<PhysReg>> {
    let lanes = Class::Gp64.lanes();
    let access = |&num| Access { may_write: lanes, ..Access::read(PhysReg::gp(num), Lanes::NONE) };
    numbers.iter().map(access).collect()
}

fn written(reg: PhysReg, lanes: Lanes) -> Access<PhysReg> {
    Access { write: lanes, ..Access::read(reg, Lanes::NONE) }
}

fn every_register_of_xsave() -> impl Iterator<Item = (PhysReg, Lanes)> {
    let bank = |bank: Bank, count: u32, lanes: Lanes| {
        RegSet::first(count).iter().map(move |num| (PhysReg::new(bank, num), lanes))
    };
    bank(Bank::Vector, 32, Class::Zmm.lanes())
        .chain(bank(Bank::Mask, 8, Class::K.lanes()))
        .chain(bank(Bank::Mmx, 8, Class::Mmx.lanes()))
        .chain(bank(Bank::Tile, 8, Class::Tmm.lanes()))
}

/// Whether a row may set exception flags in MXCSR.
///
/// An EVEX row takes `{sae}` or a rounding exactly where there are exceptions to suppress (Intel SDM
/// volume 2, "Static rounding support in EVEX"). It speaks for its VEX and legacy namesakes, and the
/// few that have none are listed.
pub(super) fn sets_float_flags(code: Code) -> bool {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    let names = NAMES.get_or_init(suppressible);
    let name = name_of(code.mnemonic());
    // `cmpsd` is a string instruction too.
    !code.is_string_instruction() && names.binary_search(&name).is_ok()
        || WITHOUT_EVEX.contains(&name.as_str())
        || ["fmadd", "fmsub", "fnmadd", "fnmsub", "4fmadd", "4fnmadd", "frcz"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// Float operations that AVX-512 left behind, and what replaces MXCSR itself.
const WITHOUT_EVEX: &[&str] = &[
    "addsubpd",
    "addsubps",
    "cvtpd2pi",
    "cvtpi2pd",
    "cvtpi2ps",
    "cvtps2pi",
    "cvttpd2pi",
    "cvttps2pi",
    "dppd",
    "dpps",
    "fxrstor",
    "fxrstor64",
    "haddpd",
    "haddps",
    "hsubpd",
    "hsubps",
    "ldmxcsr",
    "roundpd",
    "roundps",
    "roundsd",
    "roundss",
    "xrstor",
    "xrstor64",
    "xrstors",
    "xrstors64",
];

/// The names, without `v`, of what takes `{sae}` or a rounding. Sorted.
fn suppressible() -> Vec<String> {
    let mut names: Vec<String> = Code::values()
        .filter(|code| {
            let op_code = code.op_code();
            op_code.can_suppress_all_exceptions() || op_code.can_use_rounding_control()
        })
        .map(|code| name_of(code.mnemonic()))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn name_of(mnemonic: M) -> String {
    let name = format!("{mnemonic:?}").to_ascii_lowercase();
    name.strip_prefix('v').map(str::to_string).unwrap_or(name)
}
