//! Faults in words: which argument, or whose value, was taken for an address.

use super::Harness;
use super::faults::{Fault, FaultKind};
use super::place::NAMES;
use crate::report::Damage;
use crate::signature::Drawn;
use crate::subject::Code;

impl Harness {
    /// A fault in words; `code` is where it happened, but for Rust functions.
    pub(super) fn explain(&self, fault: Fault, code: Option<&Code>, drawn: &Drawn) -> Damage {
        let place = code.and_then(|code| place(fault, code)).unwrap_or_default();
        match fault.kind {
            FaultKind::Invalid => Damage::Fault(format!("executes an invalid instruction{place}")),
            FaultKind::Arithmetic => {
                Damage::Fault(format!("divides by zero, or the quotient does not fit{place}"))
            }
            FaultKind::Breakpoint => Damage::Fault(format!("stops at a breakpoint{place}")),
            FaultKind::Timeout => Damage::Timeout(self.session.timeout()),
            FaultKind::Jumps => self.explain_jump(fault.address),
            FaultKind::Reads => self.explain_access(fault.address, "reads", &place, drawn),
            FaultKind::Writes => self.explain_access(fault.address, "writes", &place, drawn),
            FaultKind::Accesses if fault.address == 0 => Damage::Fault(format!(
                "accesses an address that is none, or not aligned as it has to be{place}"
            )),
            FaultKind::Accesses => self.explain_access(fault.address, "accesses", &place, drawn),
        }
    }

    fn explain_jump(&self, address: usize) -> Damage {
        match self.nowhere.number(address) {
            Some(number) => Damage::StackPointer(format!(
                "returns to {}: the stack is not balanced",
                owner(number)
            )),
            None => Damage::Fault(format!("jumps to {address:#x}, where no code is")),
        }
    }

    fn explain_access(
        &self,
        address: usize,
        how: &'static str,
        place: &str,
        drawn: &Drawn,
    ) -> Damage {
        for (argument, region) in self.regions.of(drawn).enumerate() {
            if let Some(offset) = region.offset_of(address) {
                return Damage::Access { how, argument, offset, len: region.content().len() };
            }
        }
        let what = match self.nowhere.number(address) {
            Some(number) => format!("by {}, which is not an argument", owner(number)),
            None if self.stack.holds(address) => "beyond its stack of 1 MiB".to_string(),
            None => format!("at {address:#x}, outside of all arguments"),
        };
        Damage::Fault(format!("{how} memory {what}{place}"))
    }
}

/// Where in the code it was, if it was there.
fn place(fault: Fault, code: &Code) -> Option<String> {
    let offset = fault.at.checked_sub(code.entry as usize)?;
    (offset < code.len).then(|| format!(" at offset {offset:#x} of its code"))
}

/// What holds the value with a number.
fn owner(number: usize) -> String {
    NAMES.get(number).map_or_else(
        || format!("the word {} bytes above its return address", 8 * (number - NAMES.len())),
        |name| format!("the value of {name}"),
    )
}
