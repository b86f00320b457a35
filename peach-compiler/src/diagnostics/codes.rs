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
    Syntax "E0001" Error "syntax error"
        "A token is not allowed where it is. The message says what was expected."
    BadSignature "E0002" Error "unsupported signature"
        "Kernels take and return plain values: integers, floats, pointers, references, vectors, \
         slices. Generic types and patterns cannot be held in registers."
    BadAttribute "E0003" Error "invalid or conflicting attribute"
        "The attributes of the language are `target_feature`, `target_cpu`, `version`, `embed`, \
         `spill`, `endbr64`, `vzeroupper`, `export_name`, `linkage`, `alias`, `weak_alias`, \
         `fallback` and, on arguments, `secret`."
    DuplicateItem "E0004" Error "duplicate item"
        "Kernels with the same name are versions of one kernel: they must have the same signature \
         and visibility. All other items need different names."

    // E01xx: names and compile-time values.
    UndefinedName "E0101" Error "undefined name"
        "Names of registers, constants, helpers and streams are looked up in the enclosing scopes, \
         like Rust's."
    UseBeforeDefinition "E0102" Error "use before definition"
        "A `let` is visible from its end to the end of the block."
    NotConstant "E0103" Error "value not known at compile time"
        "Array sizes, loop bounds, `if` conditions and indices must be constant expressions."
    ConstantOverflow "E0104" Error "invalid constant expression"
        "Constant integers have 128 bits; overflow, division by zero and shifts out of range are \
         errors."
    TypeMismatch "E0105" Error "mismatched kinds"
        "An operand of one kind is used where another kind is expected."
    OutOfRange "E0106" Error "value out of range"
        "An immediate, an index, a displacement or an array index is outside of its valid range."
    NoEnd "E0107" Error "endless expansion"
        "A `while` loop or a recursive helper exceeded its limit."
    AssertFailed "E0108" Error "failed `assert!`"
        "The program itself requires the condition."
    StreamMisuse "E0109" Error "misuse of a stream"
        "Streams hold instructions only, and every one of them has to be issued or emitted."
    BadReturn "E0110" Error "mismatched `return`"
        "The operand's class and width must fit the result type; a kernel with a result needs one \
         on every path."

    // E02xx: instructions.
    UnknownMnemonic "E0201" Error "unknown instruction"
        "No instruction that is valid in 64-bit mode has this mnemonic in the Intel and AMD \
         manuals."
    NoForm "E0202" Error "no form of the instruction accepts these operands"
        "The message lists the existing forms, in the manual's notation."
    MissingExtension "E0203" Error "instruction-set extension not enabled"
        "Add it with `#[target_feature(enable = \"…\")]`."
    AmbiguousSize "E0204" Error "ambiguous operand size"
        "Write `byte`, `word`, `dword`, `qword`, … before it."
    BadDecoration "E0205" Error "unsupported mask, rounding, broadcast or prefix"
        "Zeroing requires a mask, rounding requires registers, `lock` requires a memory \
         destination."
    Refused "E0206" Error "instruction not allowed in kernels"
        "`ret` is spelled `return`; some privileged and x87 instructions are rejected by name."
    RegisterConflict "E0207" Error "conflicting registers"
        "Operands that must be different registers (gathers), or cannot be encoded together (`ah` \
         and a register that requires REX)."

    // E03xx: control flow and data flow.
    UndefinedLabel "E0301" Error "undefined label"
        "Define it with `'name:`, in this block or an enclosing one."
    DuplicateLabel "E0302" Error "duplicate label"
        "Each label is defined once; blocks and helpers have scopes of their own."
    Uninitialized "E0303" Error "read of an uninitialized register"
        "Every lane that is read must have been written on every path that leads there."
    UnbalancedStack "E0304" Error "`push` and `pop` do not balance"
        "On every path, and at every place where paths meet, the depth must be the same."
    MissingReturn "E0305" Error "missing `return`"
        "Only a kernel without a result can fall through at its end."
    BranchOutOfRange "E0306" Error "branch target out of range"
        "The range of `short`, `jrcxz` and `loop` is -128 to 127 bytes."

    // E04xx: registers.
    OutOfRegisters "E0401" Error "out of registers"
        "More values are live at once than there are registers. Free one, split a value's lifetime \
         between two names, or allow `#[spill]`."
    FixedConflict "E0402" Error "conflicting fixed registers"
        "Two values need the same physical register at once: an instruction requires a fixed \
         register that another live value must occupy. Copy one of them."
    TooLarge "E0403" Error "kernel too large"
        "More values are live over more blocks than can be tracked. The sum of the values live at \
         the start and at the end of each block is limited to 4,000,000: 40 values over 50,000 \
         blocks are accepted, 3,000 over 3,000 are not. So are the edges between blocks, and the \
         steps that it may take to prove the memory accesses of a kernel."

    // E05xx: safety.
    NeedsUnsafe "E0501" Error "needs `unsafe`"
        "Outside of `unsafe`, only what the compiler proves harmless is accepted."
    OutOfBounds "E0502" Error "access out of bounds"
        "Constants, tables, stack variables and references have a known size."
    UninitializedMemory "E0503" Error "read of uninitialized stack memory"
        "A stack variable's bytes have no value before they are written."
    InvalidValue "E0504" Error "possibly invalid result"
        "`bool`, `char`, references and function pointers have invalid bit patterns; returning one \
         requires a proof or `unsafe`."
    NotProven "E0505" Error "invariant not proven"
        "An `invariant` must follow from what comes before it, on every path and after every turn \
         of a loop. It is never taken for granted, not in `unsafe` either."

    // E06xx: targets.
    UnsupportedTarget "E0601" Error "the target is not x86-64 and there is no fallback"
        "Add `#[fallback] fn …` with an ordinary Rust body."
    BadConvention "E0602" Error "signature not supported by the calling convention"
        "Use `sysv64`, `win64` or `C`; what a convention cannot pass can be passed by pointer."
    WrongProcessor "E0603" Error "processor not supported by the kernel"
        "The processor lacks an extension. Choose another processor with `-mcpu`, or add the \
         extension with `-m…`."
    DuplicateSymbol "E0604" Error "duplicate symbol"
        "Give one of the functions an `#[export_name = \"…\"]`, or choose one version with \
         `-mcpu`, or distinguish them with `-fname-mangling`."
    NotOutsideRust "E0605" Error "not available outside of a Rust program"
        "Outside of a Rust program, there is no rustc to evaluate an expression, find an item or \
         compile a fallback."

    MissingFile "E0606" Error "file not found or not readable"
        "Modules and includes are searched for next to the file that names them, and in the `-I` \
         directories."

    NeedsStd "E0607" Error "mapped kernel without the feature `std`"
        "Mapping code takes the standard library. Without it, kernels stand in the text section or \
         inline."

    // E07xx: secrets.
    SecretLeak "E0701" Error "a secret can be observed"
        "What a `#[secret]` argument holds or points to, and all that is computed from it, must \
         not decide a branch, an address, a `rep` count or a mask of an access, and must not be \
         where a call may read it: in a register of an argument, pushed, or in a stack variable \
         whose address it can find. Choose with `cmov`, `setcc` and masks, or `declassify` what \
         may become public."
    SecretTiming "E0702" Error "an instruction whose time may depend on a secret"
        "Intel lists the instructions whose time is independent of their data: moves, logic, \
         shifts, sums, products, integer vectors, shuffles, AES. Divisions, floats, and counts and \
         deposits of bits are not among them."
    SecretStored "E0703" Error "a secret is stored where it counts as public"
        "Secrets may be stored through `#[secret]` arguments and in stack variables."

    // E09xx: ours.
    Internal "E0901" Error "a bug in peach"
        "Please report it with the kernel."

    // W: warnings.
    UnusedRegister "W0001" Warning "unused register"
        "Remove the declaration, or start its name with `_`."
    Unreachable "W0002" Warning "unreachable code"
        "No path leads to this code."
    UnusedLabel "W0003" Warning "unused label"
        "Remove it, or start its name with `_`."
    ForeignConvention "W0004" Warning "convention not available on the target"
        "`extern \"win64\"` and `extern \"sysv64\"` fix the convention of a kernel; other kernels \
         have the target's. This kernel is left out."
    ForeignVersion "W0005" Warning "extension not available on the target"
        "The validator of a sandbox supports only some extensions; the other versions of the \
         kernel are compiled."
    LargeInline "W0006" Warning "inlined code is large"
        "`#[embed = \"inline\"]` puts the code into every caller. Long code fills the caches of \
         the program with copies, and costs more there than the call that it saves."
    OneRegister "W0007" Warning "one register under two names"
        "`let n = x;` without a class gives the register of `x` another name: no code, and no \
         copy. What changes the one changes the other."
}
