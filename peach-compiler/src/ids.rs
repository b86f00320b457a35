//! Typed indices: an index into one table cannot be used with another.

/// Declares `u32` newtypes that index the tables of a function.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// As an index into its table.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        })*
    };
}

ids! {
    /// A virtual register of a function.
    VReg
    /// A position in the instruction list of a function.
    InstId
    /// A label of a function.
    LabelId
    /// Read-only data of a function: a literal, a table, a jump table.
    DataId
    /// A stack variable of a function.
    LocalId
    /// An argument register of a function (a slice has two).
    ArgId
    /// A local function of a function: code that stands once and is called.
    LocalFnId
    /// A use of a helper that was expanded into a function.
    InlinedId
    /// A Rust constant expression, `const { … }`, whose value rustc fills in.
    RustConstId
    /// A Rust path, `sym …`, whose address is filled in.
    RustSymId
}
