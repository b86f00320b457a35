//! Rows of iced's table that can be written.
//!
//! Left out here and nowhere else: those invalid in 64-bit mode, of Xeon Phi's predecessor (MVEX,
//! KNC) and MPX, undocumented duplicates, and rows that differ from another only by an operand-size
//! or address-size prefix that the operands do not show. The 16-bit ones among these have names of
//! their own (`pushw`, `retw`).

use crate::isa::effects::table;
use iced_x86::{Code, CpuidFeature, EncodingKind, OpCodeInfo};
use std::sync::OnceLock;

/// The rows, grouped by iced's mnemonic and in iced's order.
pub(in crate::isa) fn rows_of(mnemonic: iced_x86::Mnemonic) -> &'static [Code] {
    static ROWS: OnceLock<Vec<Vec<Code>>> = OnceLock::new();
    let rows = ROWS.get_or_init(|| {
        let mut rows = vec![Vec::new(); iced_x86::Mnemonic::values().len()];
        for code in Code::values().filter(|code| is_valid(code.op_code())) {
            rows[code.mnemonic() as usize].push(code);
        }
        rows
    });
    &rows[mnemonic as usize]
}

fn is_valid(info: &OpCodeInfo) -> bool {
    // Extensions that no 64-bit processor outside of Xeon Phi's predecessor has, or has any more.
    let is_gone = |feature: &CpuidFeature| {
        use CpuidFeature as F;
        matches!(*feature, F::KNC | F::MPX | F::PCOMMIT | F::UDBG)
    };
    // The result of a 16-bit `bswap` is undefined (Intel SDM volume 2, BSWAP).
    info.code() != Code::Bswap_r16
        && table::is_offered(info.mnemonic())
        && info.is_instruction()
        && info.mode64()
        && info.encoding() != EncodingKind::MVEX
        && !info.code().cpuid_features().iter().any(is_gone)
}
