//! Registers that an instruction uses without naming them.
//!
//! In: what iced says of a sample, and the entry. Out: the accesses, whatever the operands are.

use crate::isa::effects::entry::{Entry, Implicit, Leaf};
use crate::isa::effects::types::add;
use crate::isa::{Access, Bank, Class, Lanes, PhysReg, gp};
use iced_x86::{OpAccess, Register, UsedRegister};

/// The registers that no operand names, where `explicit` are those of the sample's operands.
pub(super) fn registers(
    entry: &Entry,
    used: &[UsedRegister],
    explicit: &[Register],
) -> Vec<Access<PhysReg>> {
    let mut list = match entry.implicit {
        // iced: "reads xmm, writes zmm". The low halves are kept, the rest becomes zero.
        Implicit::UpperHalvesZeroed => return zeroed_vectors(Lanes::ALL - Class::Xmm.lanes()),
        Implicit::VectorsZeroed => return zeroed_vectors(Lanes::ALL),
        Implicit::Stored => return Vec::new(),
        Implicit::AsEncoded
        | Implicit::ThirtyTwoBits
        | Implicit::OperandSize
        | Implicit::MmxLoaded
        | Implicit::FxLoaded
        | Implicit::XsaveLoaded
        | Implicit::Leaf(_) => decoded(entry, used, explicit),
    };
    for access in changed_unnamed(entry.implicit) {
        add(&mut list, access);
    }
    list
}

/// What iced says.
fn decoded(entry: &Entry, used: &[UsedRegister], explicit: &[Register]) -> Vec<Access<PhysReg>> {
    let mut list = Vec::new();
    for used in used {
        let Some((reg, lanes)) = physical(used.register()) else { continue };
        let is_explicit =
            explicit.iter().any(|r| physical(*r).is_some_and(|(other, _)| other == reg));
        if is_explicit || (reg == gp::RSP && entry.moves_stack) {
            continue;
        }
        let mut access = Access::read(reg, Lanes::NONE);
        match used.access() {
            OpAccess::Read | OpAccess::CondRead => access.read = lanes,
            OpAccess::Write => access.write = lanes,
            OpAccess::CondWrite => access.may_write = lanes,
            OpAccess::ReadWrite => (access.read, access.write) = (lanes, lanes),
            OpAccess::ReadCondWrite => (access.read, access.may_write) = (lanes, lanes),
            OpAccess::None | OpAccess::NoMemAccess => {}
        }
        add(&mut list, access);
    }
    list
}

/// The registers that are changed wholesale.
fn changed_unnamed(implicit: Implicit) -> Vec<Access<PhysReg>> {
    let mmx =
        Bank::Mmx.registers().iter().map(|num| written(PhysReg::mmx(num), Class::Mmx.lanes()));
    match implicit {
        Implicit::MmxLoaded => mmx.collect(),
        Implicit::FxLoaded => {
            let vectors = Bank::Vector.without_evex().iter().map(PhysReg::vector);
            vectors.map(|reg| written(reg, Class::Xmm.lanes())).chain(mmx).collect()
        }
        Implicit::XsaveLoaded => {
            every_register_of_xsave().map(|(reg, lanes)| may_change(reg, lanes)).collect()
        }
        Implicit::Leaf(leaf) => changed_by(leaf),
        Implicit::AsEncoded
        | Implicit::ThirtyTwoBits
        | Implicit::OperandSize
        | Implicit::Stored
        | Implicit::UpperHalvesZeroed
        | Implicit::VectorsZeroed => Vec::new(),
    }
}

fn changed_by(leaf: &Leaf) -> Vec<Access<PhysReg>> {
    let changed = leaf.changes.iter().map(|&reg| may_change(reg, Class::Gp64.lanes()));
    let read = leaf.reads.map(|(reg, bytes)| Access::read(reg, Lanes::low(bytes)));
    changed.chain(read).collect()
}

fn written(reg: PhysReg, lanes: Lanes) -> Access<PhysReg> {
    Access { write: lanes, ..Access::read(reg, Lanes::NONE) }
}

fn may_change(reg: PhysReg, lanes: Lanes) -> Access<PhysReg> {
    Access { may_write: lanes, ..Access::read(reg, Lanes::NONE) }
}

fn zeroed_vectors(lanes: Lanes) -> Vec<Access<PhysReg>> {
    let zeroed = |reg| Access { zeroed: lanes, ..written(reg, lanes) };
    Bank::Vector.without_evex().iter().map(|num| zeroed(PhysReg::vector(num))).collect()
}

fn every_register_of_xsave() -> impl Iterator<Item = (PhysReg, Lanes)> {
    [Bank::Vector, Bank::Mask, Bank::Mmx, Bank::Tile].into_iter().flat_map(|bank| {
        let lanes = bank.widest_class().lanes();
        bank.registers().iter().map(move |num| (PhysReg::new(bank, num), lanes))
    })
}

/// One of iced's registers as storage and lanes; `None` for those that are not tracked.
fn physical(register: Register) -> Option<(PhysReg, Lanes)> {
    let number = register.full_register().number() as u8;
    let high = matches!(register, Register::AH | Register::CH | Register::DH | Register::BH);
    let found = |bank, lanes| Some((PhysReg::new(bank, number), lanes));
    if register.is_gpr() {
        let lanes = if high { Class::Gp8h.lanes() } else { Lanes::low(register.size() as u32) };
        found(Bank::Gp, lanes)
    } else if register.is_vector_register() {
        found(Bank::Vector, Lanes::low(register.size() as u32))
    } else if register.is_k() {
        found(Bank::Mask, Class::K.lanes())
    } else if register.is_mm() {
        found(Bank::Mmx, Class::Mmx.lanes())
    } else if register.is_tmm() {
        found(Bank::Tile, Lanes::ALL)
    } else {
        None
    }
}
