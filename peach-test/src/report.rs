//! What a test found, for people.

use crate::Subject;
use std::any::Any;
use std::fmt;
use std::io::Write;
use std::time::Duration;

/// What was tested.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The kernel's name.
    pub kernel: String,
    /// How many cases.
    pub cases: usize,
    /// The versions that ran, by their extensions.
    pub versions: Vec<String>,
    /// What did not run, and why.
    pub left_out: Vec<String>,
}

impl Summary {
    /// Writes what did not run to standard error, past what captures the output of tests.
    #[doc(hidden)]
    pub fn say_what_is_left_out(&self) {
        for what in &self.left_out {
            // Where it cannot be written, nobody reads it.
            let _ = writeln!(std::io::stderr(), "peach-test: kernel `{}`: {what}", self.kernel);
        }
    }
}

/// The first case in which a kernel differs from its reference, or does what its convention
/// forbids.
#[derive(Clone, Debug)]
pub struct Report {
    /// The kernel's name.
    pub kernel: String,
    /// What was called: a version, or the function.
    pub callee: String,
    /// What is wrong, the worst first.
    pub damage: Vec<Damage>,
    /// The arguments, each with its type.
    pub arguments: Vec<String>,
    /// With this seed the same case comes first, before it was made small.
    pub seed: Option<u64>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// Memory was accessed that is no argument's: just outside of one, the byte `offset` counted
    /// from its start.
    Access {
        /// `reads`, `writes` or `accesses`.
        how: &'static str,
        /// Counted from 0.
        argument: usize,
        /// Negative before it.
        offset: isize,
        /// How many bytes the argument has.
        len: usize,
    },
    /// Any other fault, in words.
    Fault(String),
    /// The stack pointer is elsewhere after the return, or control returns to what is no return
    /// address, in words.
    StackPointer(String),
    /// The caller's stack was written, this many bytes above the return address.
    Stack {
        /// In bytes.
        offset: usize,
    },
    /// A register that the convention preserves was not.
    Register {
        /// Its name.
        name: String,
    },
    /// The direction flag is set.
    DirectionFlag,
    /// The flag that makes unaligned accesses fail is set.
    AlignmentCheck,
    /// The control bits of MXCSR are others.
    Mxcsr {
        /// What they are.
        found: u32,
    },
    /// The control word of x87 is another.
    X87Control {
        /// What it is.
        found: u16,
    },
    /// MMX registers are in use: `emms` is missing.
    Mmx,
    /// The upper half of a vector register is in use: `vzeroupper` is missing.
    UpperHalves {
        /// Its number.
        register: usize,
    },
    /// Bytes outside of an argument were written.
    Outside {
        /// Counted from 0.
        argument: usize,
        /// Counted from its start; negative before it.
        offset: isize,
        /// How many bytes the argument has.
        len: usize,
    },
    /// What an argument refers to is wrong afterwards.
    Memory {
        /// Counted from 0.
        argument: usize,
        /// Which element.
        element: usize,
        /// What it is.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// The result is wrong.
    Result {
        /// What it is.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// `rax` is not the address of a result in memory.
    ResultAddress,
    /// The Rust function panicked.
    Panic(String),
    /// The call did not return within this time.
    Timeout(Duration),
    /// Something was not tested, where everything has to be.
    LeftOut(String),
}

impl Report {
    /// One that no case shows.
    pub(crate) fn of_none(subject: &Subject, damage: Vec<Damage>) -> Report {
        let (kernel, callee) = (subject.name.clone(), "not called".to_string());
        Report { kernel, callee, damage, arguments: Vec::new(), seed: None }
    }
}

impl Damage {
    /// A panic with this payload.
    pub(crate) fn panic(payload: &(dyn Any + Send)) -> Damage {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or(payload.downcast_ref::<&str>().copied());
        Damage::Panic(text.unwrap_or("without a message").to_string())
    }

    /// Whether the call did not return, so that there is no result.
    pub(crate) fn is_end(&self) -> bool {
        match self {
            Damage::Access { .. } | Damage::Fault(_) | Damage::Panic(_) | Damage::Timeout(_) => {
                true
            }
            Damage::StackPointer(what) => what.starts_with("returns to"),
            _ => false,
        }
    }

    /// Whether it is of the same kind, whatever the values.
    pub(crate) fn is_like(&self, other: &Damage) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Access { how, argument, offset, len } => {
                let number = argument + 1;
                write!(f, "{how} byte {offset} of argument {number}, which is {len} bytes long")
            }
            Damage::Fault(what) | Damage::StackPointer(what) => f.write_str(what),
            Damage::Stack { offset } => {
                write!(f, "writes to its caller's stack, {offset} bytes above the return address")
            }
            Damage::Register { name } => write!(f, "changes {name}, which it has to preserve"),
            Damage::DirectionFlag => f.write_str("returns with the direction flag set"),
            Damage::AlignmentCheck => f.write_str("returns with the alignment-check flag set"),
            Damage::Mxcsr { found } => write!(f, "changes MXCSR: {found:#06x} instead of 0x1f80"),
            Damage::X87Control { found } => {
                write!(f, "changes the x87 control word: {found:#06x} instead of 0x037f")
            }
            Damage::Mmx => f.write_str("leaves MMX registers in use: `emms` is missing"),
            Damage::UpperHalves { register } => {
                write!(f, "leaves the upper half of ymm{register} in use: `vzeroupper` is missing")
            }
            Damage::Outside { argument, offset, len } => {
                let number = argument + 1;
                write!(f, "writes byte {offset} of argument {number}, which is {len} bytes long")
            }
            Damage::Memory { argument, element, found, expected } => {
                let number = argument + 1;
                write!(
                    f,
                    "leaves {found} in element {element} of argument {number}, not {expected}"
                )
            }
            Damage::Result { found, expected } => write!(f, "returns {found}, not {expected}"),
            Damage::ResultAddress => {
                f.write_str("does not return the address of its result in rax")
            }
            Damage::Panic(message) => write!(f, "panics: {message}"),
            Damage::Timeout(limit) => write!(f, "does not return within {limit:?}"),
            Damage::LeftOut(what) => write!(f, "left out, which PEACH_TEST_STRICT forbids: {what}"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kernel `{}`, {}:", self.kernel, self.callee)?;
        for damage in &self.damage {
            write!(f, "\n  {damage}")?;
        }
        if !self.arguments.is_empty() {
            write!(f, "\nwith the arguments")?;
        }
        for (index, argument) in self.arguments.iter().enumerate() {
            write!(f, "\n  {}: {argument}", index + 1)?;
        }
        match self.seed {
            Some(seed) => {
                write!(f, "\nagain, before it was made small, with PEACH_TEST_SEED={seed:#x}")
            }
            None => Ok(()),
        }
    }
}

impl std::error::Error for Report {}
