//! How messages name what the user can ask for.

/// The spelling of options in messages, which depends on the front end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Words {
    /// By flags of the command: `-mcpu`.
    #[default]
    Flags,
    /// By methods of a build script's `Build`: `cpu`.
    Methods,
}

impl Words {
    /// What names a processor.
    pub fn cpu(self) -> &'static str {
        match self {
            Words::Flags => "-mcpu",
            Words::Methods => "`cpu`",
        }
    }

    /// What adds an extension, or, as `no-…`, takes one away.
    pub fn extension(self, name: &str) -> String {
        match self {
            Words::Flags => format!("-m{name}"),
            Words::Methods => format!("`extension(\"{name}\")`"),
        }
    }

    /// What makes symbols of names.
    pub fn mangling(self, template: &str) -> String {
        match self {
            Words::Flags => format!("-fname-mangling='{template}'"),
            Words::Methods => format!("`mangling(\"{template}\")`"),
        }
    }

    /// How each kernel gets one version, or a function that chooses one.
    pub fn one_version(self) -> &'static str {
        match self {
            Words::Flags => {
                "name a processor with -mcpu, or have one chosen when the program runs: \
                 -emit-dispatcher"
            }
            Words::Methods => "name a processor with `cpu`",
        }
    }

    /// What adds a directory to search.
    pub fn search(self) -> &'static str {
        match self {
            Words::Flags => "-I",
            Words::Methods => "`include`",
        }
    }
}
