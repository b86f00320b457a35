//! What one machine instruction is and does, in words and numbers that a page can show.
//!
//! In: an instruction over physical registers, the extensions that it was compiled for. Out: a
//! [`Detail`], from the same table of effects that the allocator and the checker trust.
//! Fails: never; what no form takes any more (raw bytes, say) has no detail.

use crate::ir::{DataId, LabelId};
use crate::isa::{
    self, Access, Bank, Base, Class, Control, Effects, FeatureSet, Flags, Instruction, Lanes,
    Operand, PhysReg, gp, register_name,
};

/// What an instruction is and does.
#[derive(Clone, Debug)]
pub struct Detail {
    /// Its name in lower case.
    pub mnemonic: &'static str,
    /// Its form in the manual's notation: `ADD r/m64, r64`.
    pub form: String,
    /// The registers that it uses, explicit ones first.
    pub uses: Vec<Use>,
    /// Flags whose value matters.
    pub flags_read: Flags,
    /// Flags that get, or may get, a new value.
    pub flags_written: Flags,
    /// The memory that it touches.
    pub memory: MemoryUse,
    /// The label that it jumps to.
    pub target: Option<LabelId>,
    /// Whether it jumps always, so that what follows is reached from elsewhere alone.
    pub ends_flow: bool,
    /// The constant that it refers to.
    pub data: Option<DataId>,
}

/// How an instruction uses one register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// As it is written or, where it is implied, as wide as the instruction sees it.
    pub register: String,
    /// Which register it is.
    pub physical: PhysReg,
    /// The bytes whose old value matters.
    pub read: Lanes,
    /// The bytes that get, or may get, a new value.
    pub written: Lanes,
    /// Of these, the bytes known to become zero.
    pub zeroed: Lanes,
    /// Whether it is part of an address.
    pub in_address: bool,
    /// Whether it is part of an address alone.
    pub is_address: bool,
}

/// Whether memory is touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// It is read.
    pub read: bool,
    /// It is written.
    pub written: bool,
    /// How many bytes, where that does not depend on data.
    pub bytes: Option<u32>,
}

impl Detail {
    /// Of one instruction; `None` where no form takes it.
    pub fn of(inst: &Instruction<PhysReg>, features: &FeatureSet) -> Option<Detail> {
        let selection = isa::select(inst, features).ok()?;
        let effects = isa::effects(inst, &selection);
        Some(Detail {
            mnemonic: inst.mnemonic.name(),
            form: selection.forms()[0].notation(),
            uses: uses(inst, &effects),
            flags_read: effects.flags_read,
            flags_written: Flags(effects.flags_written.0 | effects.flags_may_write.0),
            memory: memory(&effects),
            target: inst.operands.iter().find_map(|operand| match operand {
                Operand::Label(branch) => Some(branch.label),
                _ => None,
            }),
            ends_flow: matches!(
                effects.control,
                Control::Jump | Control::IndirectJump | Control::Stop
            ),
            data: inst.operands.iter().find_map(|operand| match operand {
                Operand::Mem(mem) => match mem.base {
                    Base::Data(id) => Some(id),
                    _ => None,
                },
                _ => None,
            }),
        })
    }
}

/// The registers of an instruction, but the stack pointer where only its address matters.
fn uses(inst: &Instruction<PhysReg>, effects: &Effects<PhysReg>) -> Vec<Use> {
    let mut explicit = Vec::new();
    let mut addresses = Vec::new();
    for operand in &inst.operands {
        match operand {
            Operand::Reg(view) => explicit.push((view.reg, view.class)),
            Operand::Mem(mem) => {
                if let Base::Reg(view) = mem.base {
                    addresses.push(view.reg);
                }
                addresses.extend(mem.index.map(|(view, _)| view.reg));
            }
            _ => {}
        }
    }
    let place = |reg: PhysReg| explicit.iter().position(|(other, _)| *other == reg);
    let used = |access: &Access<PhysReg>| {
        let (read, written) = (access.read, access.write | access.may_write);
        let class = place(access.reg).map(|index| explicit[index].1);
        let class = class.unwrap_or_else(|| class_of(access.reg, read | written));
        Use {
            register: register_name(access.reg, class),
            physical: access.reg,
            read,
            written,
            zeroed: access.zeroed,
            in_address: addresses.contains(&access.reg),
            is_address: addresses.contains(&access.reg) && place(access.reg).is_none(),
        }
    };
    let mut uses: Vec<Use> = effects.regs.iter().map(used).collect();
    uses.sort_by_key(|used| place(used.physical).unwrap_or(usize::MAX));
    uses.retain(|used| used.physical != gp::RSP || place(gp::RSP).is_some());
    uses
}

/// The narrowest class that has all of the bytes. (A write of 32 bits clears the upper half, which
/// counts as written.)
fn class_of(reg: PhysReg, lanes: Lanes) -> Class {
    let fits = |bytes| Lanes::low(bytes).contains(lanes);
    match reg.bank {
        Bank::Gp if fits(1) => Class::Gp8,
        Bank::Gp if fits(2) => Class::Gp16,
        Bank::Gp if fits(4) => Class::Gp32,
        Bank::Vector if fits(16) => Class::Xmm,
        Bank::Vector if fits(32) => Class::Ymm,
        bank => bank.widest_class(),
    }
}

fn memory(effects: &Effects<PhysReg>) -> MemoryUse {
    let touched: Vec<_> = effects.memory.iter().filter(|access| !access.address_only).collect();
    MemoryUse {
        read: touched.iter().any(|access| access.read),
        written: touched.iter().any(|access| access.write),
        bytes: touched.first().and_then(|access| access.bytes),
    }
}
