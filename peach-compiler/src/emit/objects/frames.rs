//! `.eh_frame`: what unwinders of ELF and Mach-O know of each instruction (System V AMD64 psABI
//! 1.0, section 4.2.4).
//!
//! In: an [`Image`]. Out: one entry per function that is wanted, exact at every instruction.

use super::image::Image;
use super::recorder::{Recorded, Recorder, in_function};
use crate::emit::unwind::{self, Change};
use crate::ir::Cfa;
use crate::isa::gp;
use gimli::write::{
    CallFrameInstruction, CommonInformationEntry, EhFrame, FrameDescriptionEntry, FrameTable,
};
use gimli::{Encoding, Format, Register, SectionId, X86_64, constants};

/// How the canonical frame address is found on entry.
const ON_ENTRY: Cfa = Cfa { reg: gp::RSP, offset: 8 };

/// How addresses are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// Relative, four bytes.
    Four,
    /// Relative, eight bytes.
    Eight,
}

/// The section; `None` if no function is wanted.
pub(super) fn eh_frame(
    image: &Image,
    width: Width,
    wanted: impl Fn(usize) -> bool,
) -> Option<Recorded> {
    let mut table = FrameTable::default();
    let cie = table.add_cie(common(image.address_size(), width));
    for (index, function) in image.functions.iter().enumerate() {
        if !wanted(index) {
            continue;
        }
        let mut entry = FrameDescriptionEntry::new(in_function(index, 0), function.size);
        let compiled = &function.source.compiled;
        for (offset, change) in unwind::changes(&compiled.lowered, &compiled.encoded) {
            // The common part says it already.
            if offset == 0 && change == Change::Cfa(ON_ENTRY) {
                continue;
            }
            entry.add_instruction(offset, instruction(change));
        }
        table.add_fde(cie, entry);
    }
    if table.fde_count() == 0 {
        return None;
    }
    let mut section = EhFrame(Recorder::new());
    table.write_eh_frame(&mut section).expect("the entries are well-formed");
    Some(section.0.finish(SectionId::EhFrame, image))
}

/// What all entries share: the state on entry.
fn common(pointer_size: u8, width: Width) -> CommonInformationEntry {
    let encoding = Encoding { format: Format::Dwarf32, version: 1, address_size: pointer_size };
    let mut common = CommonInformationEntry::new(encoding, 1, -8, X86_64::RA);
    common.fde_address_encoding = constants::DW_EH_PE_pcrel
        | match width {
            Width::Four => constants::DW_EH_PE_sdata4,
            Width::Eight => constants::DW_EH_PE_absptr,
        };
    common.add_instruction(CallFrameInstruction::Cfa(X86_64::RSP, 8));
    common.add_instruction(CallFrameInstruction::Offset(X86_64::RA, -8));
    common
}

fn instruction(change: Change) -> CallFrameInstruction {
    let register = |reg| Register(unwind::dwarf_number(reg));
    match change {
        Change::Cfa(cfa) => CallFrameInstruction::Cfa(register(cfa.reg), cfa.offset),
        Change::Saved(reg, offset) => CallFrameInstruction::Offset(register(reg), offset),
        Change::Restored(reg) => CallFrameInstruction::Restore(register(reg)),
    }
}
