//! Every flag, once.

use super::{Positional, Usage};

/// A flag.
#[derive(Debug)]
pub struct Flag {
    /// As it is written: `-mabi`, `--color`.
    pub spelling: &'static str,
    /// What comes after it.
    pub value: Value,
    /// What it does: for `--help`.
    pub help: &'static str,
    /// The values it takes, or its unit and default; nothing where the help says it all.
    pub values: Values,
    /// Under which title `--help` lists it.
    pub group: Group,
    /// Whether it may be given several times.
    pub repeats: bool,
    /// Whether it must be given.
    pub is_required: bool,
}

/// What comes after a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    None,
    /// A word.
    Name(&'static str),
    /// A path.
    Path(&'static str),
    /// A word after `=`, or nothing: then it is the second one.
    Optional(&'static str, &'static str),
}

/// Which values a flag takes.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// What its help says.
    Free,
    /// These.
    Of(&'static [&'static str]),
    /// Every convention.
    Conventions,
    /// Every processor.
    Processors,
    /// Every extension.
    Extensions,
    /// Every pass.
    Steps,
}

/// The titles of `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// What is written.
    Output,
    /// What the code is for.
    Target,
    /// What the code is called.
    Names,
    /// Where input comes from.
    Input,
    /// Everything else.
    Other,
}

impl Group {
    /// In the order of `--help`.
    pub const ALL: &[Group] =
        &[Group::Output, Group::Target, Group::Names, Group::Input, Group::Other];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Group::Output => "Output",
            Group::Target => "Target",
            Group::Names => "Names",
            Group::Input => "Input",
            Group::Other => "Other",
        }
    }
}

/// What a flag is called without its dashes: its name for the parser.
pub(super) fn id(spelling: &str) -> &str {
    spelling.trim_start_matches('-')
}

const fn flag(spelling: &'static str, value: Value, group: Group, help: &'static str) -> Flag {
    Flag { spelling, value, help, values: Values::Free, group, repeats: false, is_required: false }
}

impl Flag {
    const fn of(self, values: Values) -> Flag {
        Flag { values, ..self }
    }

    const fn repeated(self) -> Flag {
        Flag { repeats: true, ..self }
    }

    const fn required(self) -> Flag {
        Flag { is_required: true, ..self }
    }
}

const ABI: Flag = flag(
    "-mabi",
    Value::Name("ABI"),
    Group::Target,
    "The calling convention of kernels that do not name one. native (the default) is that of C \
     programs on this machine.",
)
.of(Values::Conventions);

const IMAGE_FORMAT: Flag = flag(
    "-mimage-format",
    Value::Name("FORMAT"),
    Group::Target,
    "The format of object files, and the system that #[cfg] sees. Default: this machine's, if the \
     convention has it, or else the convention's first.",
)
.of(Values::Of(&["elf", "ms-coff", "mach-o", "native"]));

const CPU: Flag = flag(
    "-mcpu",
    Value::Name("CPU"),
    Group::Target,
    "The processor: its extensions may be used, and of each kernel, the first version that it \
     supports is compiled. Default: any x86-64 processor, and all versions.",
)
.of(Values::Processors);

const EXTENSION: Flag = flag(
    "-m",
    Value::Name("EXT"),
    Group::Target,
    "-mEXT adds an extension to those of the processor; -mno-EXT removes it and those that require \
     it.",
)
.of(Values::Extensions)
.repeated();

const CFG: Flag = flag(
    "--cfg",
    Value::Name("SPEC"),
    Group::Target,
    "Sets name or name=\"value\" for #[cfg], such as feature=\"fast\".",
)
.repeated();

const INCLUDE: Flag = flag(
    "-I",
    Value::Path("DIR"),
    Group::Input,
    "Also searches DIR for files of include!(\"…\") and of modules.",
)
.repeated();

const COLOR: Flag = flag(
    "--color",
    Value::Name("WHEN"),
    Group::Other,
    "Whether messages have colors. Default: auto, on a terminal, unless NO_COLOR is set.",
)
.of(Values::Of(&["auto", "always", "never"]));

const HELP: Flag = flag("--help", Value::None, Group::Other, "Prints this help (also -h).");

const VERSION: Flag = flag("--version", Value::None, Group::Other, "Prints the version (also -V).");

/// `peach -o OUT FILE`.
pub const COMPILE: Usage = Usage {
    name: "peach",
    about: "Compiles assembly kernels to object files and listings for C, C++, Go and any linker.",
    positionals: &[Positional::required(
        "FILE",
        "A Rust source file, every peach_fn! of which is compiled, or a bare file of kernel items \
         (.peach).",
    )],
    flags: &[
        flag(
            "-o",
            Value::Path("OUT"),
            Group::Output,
            "The file to write: an object file or, with -S, a listing. - is standard output.",
        )
        .required(),
        flag(
            "-S",
            Value::None,
            Group::Output,
            "Writes a listing for an assembler, not an object file.",
        ),
        flag(
            "-massembly-format",
            Value::Name("FORMAT"),
            Group::Output,
            "The assembler that a listing is for (golang means go). Default: the convention's own.",
        )
        .of(Values::Of(&["go", "gas", "nasm", "masm"])),
        flag(
            "-g",
            Value::Name("LEVEL"),
            Group::Output,
            "Emits debug information: source lines, arguments and where they are, labels, expanded \
             helpers. -g0: no (the default); -g, -g1 and more: yes.",
        ),
        flag(
            "-ffunction-sections",
            Value::None,
            Group::Output,
            "Puts each function into a section of its own, so that linkers can leave out those \
             that nothing uses (--gc-sections, /OPT:REF).",
        ),
        flag(
            "-emit-c-header",
            Value::Path("FILE"),
            Group::Output,
            "Also writes a header for C and C++.",
        ),
        flag(
            "-emit-dispatcher",
            Value::Path("FILE"),
            Group::Output,
            "Also writes a source in C: for each kernel whose code depends on the processor, a \
             function that calls the best version. Symbols of versions are then NAME_EXTENSIONS, \
             if -fname-mangling does not say otherwise; the function is named without \
             extensions.",
        ),
        flag(
            "-emit-json-metadata",
            Value::Path("FILE"),
            Group::Output,
            "Also writes a description of every function as JSON.",
        ),
        flag(
            "-MMD",
            Value::None,
            Group::Output,
            "Also writes the files that OUT depends on, as a rule for make.",
        ),
        flag(
            "-MF",
            Value::Path("FILE"),
            Group::Output,
            "Where to write the rule of -MMD, which this implies. Default: OUT.d.",
        ),
        flag(
            "-emit-go-declarations",
            Value::Path("FILE"),
            Group::Output,
            "Also writes a Go file that declares every function; -fpackage names its package.",
        ),
        flag(
            "-fdump-rtl",
            Value::Path("FILE"),
            Group::Output,
            "Also writes every function after every pass, with its live registers.",
        ),
        flag(
            "--print-after",
            Value::Name("STEP"),
            Group::Output,
            "Prints every function after a pass to standard error.",
        )
        .of(Values::Steps)
        .repeated(),
        ABI,
        IMAGE_FORMAT,
        CPU,
        EXTENSION,
        flag(
            "-fcf-protection",
            Value::Optional("WHAT", "full"),
            Group::Target,
            "Kernels start with endbr64 and jump through tables with notrack, and ELF files say \
             that they may run where branches are tracked and returns are guarded: full branch \
             return none. Default: none, or full without a value.",
        ),
        CFG,
        flag(
            "-fpackage",
            Value::Name("PACKAGE"),
            Group::Names,
            "The Go package of the functions, for declarations and metadata. Default: GOPACKAGE, \
             which go generate sets.",
        ),
        flag(
            "-fbuild-tags",
            Value::Name("TAGS"),
            Group::Names,
            "The builds of the Go package that files are for, such as 'gc && !purego'; amd64 is \
             added. Default: !noasm.",
        ),
        flag(
            "-fname-mangling",
            Value::Name("TEMPLATE"),
            Group::Names,
            "How symbols are formed, from ${Name} ${name} ${NAME}, the same after the modules of \
             the file, ${Path} ${path} ${PATH}, and ${uArch} ${uarch} ${UARCH} ${ISA} ${isa}. \
             Default: ${Name}.",
        ),
        INCLUDE,
        COLOR,
        HELP,
        VERSION,
    ],
};

/// `peach show FILE [KERNEL]`.
pub const SHOW: Usage = Usage {
    name: "peach show",
    about: "Shows what kernels compile to: bytes, physical registers, live ranges, the stack \
        frame.",
    positionals: &[
        Positional::required("FILE", "A Rust source file or a bare file of kernel items."),
        Positional::optional("KERNEL", "The kernel to show. Default: all."),
    ],
    flags: &[
        flag(
            "-o",
            Value::Path("OUT"),
            Group::Output,
            "The file to write. Default: -, standard output.",
        ),
        flag(
            "--html",
            Value::None,
            Group::Output,
            "Writes one self-contained page: source left, code right, live ranges as bars.",
        ),
        flag("--ascii", Value::None, Group::Output, "Draws live ranges with ASCII characters."),
        flag(
            "--cost",
            Value::Optional("CPU", "native"),
            Group::Output,
            "Says what loops cost on a processor, by llvm-mca, or by a table where it is not \
             installed: haswell skylake skylake-xeon icelake-server alderlake sapphirerapids zen2 \
             zen3 zen4, or native, which needs llvm-mca. Default: native.",
        ),
        flag(
            "--watch",
            Value::None,
            Group::Output,
            "Shows it again whenever the file, or one that it includes, changes.",
        ),
        ABI,
        IMAGE_FORMAT,
        CPU,
        EXTENSION,
        CFG,
        INCLUDE,
        COLOR,
        HELP,
    ],
};

/// `peach fmt FILE…`.
pub const FMT: Usage = Usage {
    name: "peach fmt",
    about: "Formats kernels. White space becomes regular; comments, blank lines, columns stay; the \
        code never changes.",
    positionals: &[Positional::several(
        "FILE",
        "A file of kernel items (.peach), or a Rust source (.rs), in which only what is inside of \
         peach_fn! is formatted. - formats standard input to standard output.",
    )],
    flags: &[
        flag(
            "--check",
            Value::None,
            Group::Output,
            "Writes nothing; lists the files that are not formatted, and is in error if there are \
             any.",
        ),
        flag(
            "--language",
            Value::Name("LANGUAGE"),
            Group::Input,
            "What the files are written in. Default: by their names; peach for standard input.",
        )
        .of(Values::Of(&["peach", "rust"])),
        COLOR,
        HELP,
    ],
};

/// `peach play [FILE]`.
pub const PLAY: Usage = Usage {
    name: "peach play",
    about: "Serves the playground to a browser on this machine: kernels left, their code right, \
        compiled as one types.",
    positionals: &[Positional::optional(
        "FILE",
        "The file to edit: the only one that is read, and written when that is asked for.",
    )],
    flags: &[
        flag(
            "--port",
            Value::Name("PORT"),
            Group::Other,
            "The port of 127.0.0.1 to listen at. Default: 0, any that is free.",
        ),
        flag("--open", Value::None, Group::Other, "Opens the page in the browser."),
        COLOR,
        HELP,
    ],
};
