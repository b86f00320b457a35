//! Names of instructions: the manuals' names, aliases and pseudo-ops.

/// An instruction's name, resolved: aliases (`jz`) are the same as what they stand for (`je`);
/// pseudo-ops (`vcmpltps`) carry the immediate that they imply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mnemonic {
    /// Index into the table of names.
    id: u16,
}

impl Mnemonic {
    /// The mnemonic called `name`, in upper or lower case.
    pub fn parse(_name: &str) -> Option<Mnemonic> {
        todo!()
    }

    /// Its name in lower case, as the manual spells it.
    pub fn name(self) -> &'static str {
        let _ = self.id;
        todo!()
    }

    /// Names close to `name`, nearest first, for an error message.
    pub fn nearest(_name: &str) -> Vec<&'static str> {
        todo!()
    }
}
