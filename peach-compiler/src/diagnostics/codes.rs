//! Every kind of error and warning, listed once, each with its explanation.

use super::Severity;

/// Declares the enum, its printed codes and its explanations from one table.
macro_rules! codes {
    ($($variant:ident $code:literal $severity:ident $title:literal $explanation:literal)*) => {
        /// A kind of message. Its printed form (`E0201`) never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Code] = &[$(Code::$variant,)*];

            /// The printed code, such as `E0201`.
            pub fn id(self) -> &'static str {
                match self { $(Code::$variant => $code,)* }
            }

            /// One line that names the kind.
            pub fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }

            /// Why it is an error, and what to do.
            pub fn explanation(self) -> &'static str {
                match self { $(Code::$variant => $explanation,)* }
            }

            /// Whether it stops the compilation.
            pub fn severity(self) -> Severity {
                match self { $(Code::$variant => Severity::$severity,)* }
            }
        }
    };
}

#[rustfmt::skip]
codes! {
    // E00xx: the tokens.
    Syntax "E0001" Error "the tokens are not of the language"
        "A token stands where the grammar has no place for it. The message says what was expected."
    BadSignature "E0002" Error "a signature that kernels cannot have"
        "Kernels take and return plain values: integers, floats, pointers, references, vectors, slices. Generic types and patterns have no register to live in."
    BadAttribute "E0003" Error "an attribute that is malformed or contradicts another"
        "The language owns `target_feature`, `target_cpu`, `version`, `embed`, `spill`, `endbr64`, `vzeroupper`, `export_name` and `fallback`."
    DuplicateItem "E0004" Error "two items of one name"
        "Several kernels of one name are versions of it: they must have the same signature and visibility. Everything else needs a name of its own."

    // E01xx: names and compile-time values.
    UndefinedName "E0101" Error "a name that nothing defines"
        "Names of registers, constants, helpers and streams are looked up in the scopes around, like Rust's."
    UseBeforeDefinition "E0102" Error "a name is used before it is defined"
        "A `let` is visible from its end to the end of the block."
    NotConstant "E0103" Error "a value that is not known at compile time"
        "Array sizes, loop bounds, `if` conditions and indices must be constant expressions."
    ConstantOverflow "E0104" Error "a constant expression has no value"
        "Constant integers have 128 bits; overflow, division by zero and shifts out of range are errors."
    TypeMismatch "E0105" Error "a value of the wrong kind"
        "An operand of one kind stands where another is expected."
    OutOfRange "E0106" Error "a value does not fit its place"
        "An immediate, an index, a displacement or an array index is outside of what its place can hold."
    NoEnd "E0107" Error "expansion does not end"
        "A `while` loop or a recursive helper went on beyond the limit."
    AssertFailed "E0108" Error "an `assert!` of the program failed"
        "The program itself demands the condition."
    StreamMisuse "E0109" Error "a stream is misused"
        "Streams hold instructions only, and every one of them has to be issued or emitted."
    BadReturn "E0110" Error "a `return` that does not fit the kernel"
        "The operand's class and width must fit the result type; a kernel with a result needs one on every path."

    // E02xx: instructions.
    UnknownMnemonic "E0201" Error "no such instruction"
        "The mnemonic is not one of the Intel and AMD manuals that is valid in 64-bit mode."
    NoForm "E0202" Error "no form of the instruction takes these operands"
        "The message lists the forms that there are, in the manual's notation."
    MissingExtension "E0203" Error "an instruction-set extension is not enabled"
        "Add it with `#[target_feature(enable = \"…\")]`."
    AmbiguousSize "E0204" Error "the size of a memory operand is open"
        "Write `byte`, `word`, `dword`, `qword`, … before it."
    BadDecoration "E0205" Error "a mask, rounding, broadcast or prefix that the instruction does not take"
        "Zeroing needs a mask, rounding needs registers, `lock` needs a memory destination."
    Refused "E0206" Error "an instruction that kernels may not contain"
        "`ret` is spelled `return`; some privileged and x87 instructions are refused by name."
    RegisterConflict "E0207" Error "operands that must be different registers, or cannot be encoded together"
        "Gathers need distinct registers; `ah` cannot be encoded beside a register that needs REX."

    // E03xx: control flow and data flow.
    UndefinedLabel "E0301" Error "a label that nobody defines"
        "`'name:` defines it, in this block or one around it."
    DuplicateLabel "E0302" Error "a label defined twice in one scope"
        "Each label is defined once; blocks and helpers have scopes of their own."
    Uninitialized "E0303" Error "a register is read that some path has not written"
        "Every lane that is read must have been written on every path that leads there."
    UnbalancedStack "E0304" Error "`push` and `pop` do not balance"
        "On every path, and at every place where paths meet, the depth must be the same."
    MissingReturn "E0305" Error "the end of the kernel is reached without a result"
        "Only a kernel without a result may fall off its end."
    BranchOutOfRange "E0306" Error "a branch cannot reach its target"
        "`short`, `jrcxz` and `loop` reach -128 to 127 bytes."

    // E04xx: registers.
    OutOfRegisters "E0401" Error "more registers are alive at once than there are"
        "Free one, split a value's life in two names, or allow `#[spill]`."
    FixedConflict "E0402" Error "two values need the same physical register at once"
        "An instruction demands a fixed register that another live value must occupy. Copy one of them."
    TooLarge "E0403" Error "more values are alive over more blocks than can be followed"
        "The values alive at the start and at the end of each block, added up, have a limit of 4,000,000: 40 values over 50,000 blocks are accepted, 3,000 over 3,000 are not."

    // E05xx: safety.
    NeedsUnsafe "E0501" Error "needs `unsafe`"
        "Outside of `unsafe` only what the compiler proves harmless is accepted."
    OutOfBounds "E0502" Error "an access outside of the memory it belongs to"
        "Constants, tables, stack variables and references have a known size."
    UninitializedMemory "E0503" Error "stack memory is read that has not been written"
        "A stack variable's bytes have no value before they are written."
    InvalidValue "E0504" Error "a result that may not be valid for its type"
        "`bool`, `char`, references and function pointers have invalid bit patterns; returning one needs a proof or `unsafe`."

    // E06xx: targets.
    UnsupportedTarget "E0601" Error "the target is not x86-64 and there is no fallback"
        "Add `#[fallback] fn …` with an ordinary Rust body."
    BadConvention "E0602" Error "a calling convention that cannot carry the signature"
        "Use `sysv64`, `win64` or `C`; what a convention cannot pass goes behind a pointer."
    WrongProcessor "E0603" Error "the processor lacks what the kernel needs"
        "Name another one with `-mcpu`, or add the extension with `-m…`."
    DuplicateSymbol "E0604" Error "two functions would have one symbol"
        "Give one `#[export_name = \"…\"]`, or take one version with `-mcpu`, or name them apart with `-fname-mangling`."
    NotOutsideRust "E0605" Error "what only a Rust program around the kernel can have"
        "Outside of a Rust program that is being compiled there is no rustc behind the kernel: none that could evaluate an expression, find an item or compile a fallback."

    MissingFile "E0606" Error "a file that cannot be found or read"
        "Modules and includes are looked for beside the file that names them, and where `-I` says."

    // E09xx: ours.
    Internal "E0901" Error "a bug in peach"
        "Please report it with the kernel."

    // W: warnings.
    UnusedRegister "W0001" Warning "a register that is never used"
        "Remove the declaration, or start its name with `_`."
    Unreachable "W0002" Warning "code that cannot be reached"
        "No path leads here."
    UnusedLabel "W0003" Warning "a label that is never used"
        "Remove it, or start its name with `_`."
    ForeignConvention "W0004" Warning "a kernel of a convention that the target does not have"
        "`extern \"win64\"` and `extern \"sysv64\"` fix a kernel's convention; other kernels have the target's."
    ForeignVersion "W0005" Warning "a version for extensions that the target does not have"
        "The validator of a sandbox knows some extensions only; other versions of the kernel are compiled."
}
