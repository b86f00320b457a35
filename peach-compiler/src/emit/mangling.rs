//! Symbols of kernels: `-fname-mangling=TEMPLATE`.
//!
//! In: a template such as `${name}_${isa}`, and a compiled version. Out: its symbol, and that of
//! the function that chooses among versions.
//! Invariant: versions of one kernel differ in their extensions, so a template with `${ISA}` or
//! `${isa}` gives each a symbol of its own; kernels of one name are in different modules, which
//! `${path}` tells apart.
//! Fails: a variable that there is none of, a `$` without one.
//!
//! | variable | `dot4` in `mod linear`, for Haswell, with `fma` |
//! |---|---|
//! | `${Name}` `${name}` `${NAME}` | the kernel's name: `dot4`, in lower case, in upper case |
//! | `${Path}` `${path}` `${PATH}` | the same after the modules of the file: `linear_dot4` |
//! | `${uArch}` `${uarch}` `${UARCH}` | the processor: `Haswell`, `haswell`, `HASWELL`; `Default` without one |
//! | `${ISA}` `${isa}` | the extensions, without those that others imply: `AVX2_FMA`, `avx2_fma` |

use crate::ir::Code;
use crate::isa::{Feature, FeatureSet, select};
use crate::pipeline::{CompiledFunction, Target};
use std::fmt;
use std::ops::Range;

/// What a template is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(Case),
    Path(Case),
    Processor(Case),
    Extensions(Case),
}

/// Upper or lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    AsItIs,
    Lower,
    Upper,
}

impl Case {
    fn apply(self, text: &str) -> String {
        match self {
            Case::AsItIs => text.to_string(),
            Case::Lower => text.to_lowercase(),
            Case::Upper => text.to_uppercase(),
        }
    }
}

/// Every variable by its name.
const VARIABLES: [(&str, Part); 11] = [
    ("Name", Part::Name(Case::AsItIs)),
    ("name", Part::Name(Case::Lower)),
    ("NAME", Part::Name(Case::Upper)),
    ("Path", Part::Path(Case::AsItIs)),
    ("path", Part::Path(Case::Lower)),
    ("PATH", Part::Path(Case::Upper)),
    ("uArch", Part::Processor(Case::AsItIs)),
    ("uarch", Part::Processor(Case::Lower)),
    ("UARCH", Part::Processor(Case::Upper)),
    ("ISA", Part::Extensions(Case::Upper)),
    ("isa", Part::Extensions(Case::Lower)),
];

/// How symbols are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

/// Why a template is none.
#[derive(Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// What is wrong, and what would be accepted.
    pub message: String,
    /// The offending bytes of the template.
    pub at: Range<usize>,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// As it is displayed: this is what `unwrap` prints, and a `main` that returns it.
impl fmt::Debug for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for TemplateError {}

/// The kernel's name as it is.
impl Default for Template {
    fn default() -> Self {
        Template { parts: vec![Part::Name(Case::AsItIs)] }
    }
}

impl Template {
    /// `${name}_${isa}`: a symbol for each version of a kernel.
    pub fn of_versions() -> Template {
        let parts =
            [Part::Name(Case::AsItIs), Part::Text("_".to_string()), Part::Extensions(Case::Lower)];
        Template { parts: parts.into() }
    }

    /// Reads a template. `$$` is a dollar sign.
    ///
    /// # Errors
    /// The first variable that there is none of.
    pub fn parse(template: &str) -> Result<Template, TemplateError> {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(found) = template[at..].find('$') {
            let dollar = at + found;
            push_text(&mut parts, &template[at..dollar]);
            let rest = &template[dollar + 1..];
            if rest.starts_with('$') {
                push_text(&mut parts, "$");
                at = dollar + 2;
                continue;
            }
            let Some(name) = rest.strip_prefix('{') else {
                let message = format!("`$` is not followed by a variable; {}", accepted());
                return Err(TemplateError { message, at: dollar..dollar + 1 });
            };
            let Some(length) = name.find('}') else {
                let message = "`${` without `}`".to_string();
                return Err(TemplateError { message, at: dollar..template.len() });
            };
            let name = &name[..length];
            at = dollar + length + 3;
            match VARIABLES.iter().find(|(known, _)| *known == name) {
                Some((_, part)) => parts.push(part.clone()),
                None => {
                    let message = format!("unknown variable `${{{name}}}`; {}", accepted());
                    return Err(TemplateError { message, at: dollar..at });
                }
            }
        }
        push_text(&mut parts, &template[at..]);
        if parts.is_empty() {
            let message = format!("empty template; {}", accepted());
            return Err(TemplateError { message, at: 0..0 });
        }
        Ok(Template { parts })
    }

    /// The same without what tells versions apart, and without what joins that to the rest: how
    /// the function that chooses among them is named.
    fn of_kernels(&self) -> Template {
        let mut parts: Vec<Part> = Vec::new();
        let mut is_joined = false;
        for part in &self.parts {
            match (part, parts.last_mut()) {
                (Part::Processor(_) | Part::Extensions(_), before) => {
                    match before {
                        Some(Part::Text(text)) => trim_end(text),
                        _ => is_joined = parts.is_empty(),
                    }
                    continue;
                }
                (Part::Text(text), _) if is_joined => push_text(&mut parts, trim_start(text)),
                _ => parts.push(part.clone()),
            }
            is_joined = false;
        }
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        match parts.is_empty() {
            true => Template::default(),
            false => Template { parts },
        }
    }

    fn apply(&self, named: &Named<'_>, processor: Option<&str>) -> String {
        let name = &named.compiled.function.name;
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Name(case) => case.apply(name),
            Part::Path(case) => {
                let words = named.modules.iter().chain([name]);
                case.apply(&words.map(String::as_str).collect::<Vec<_>>().join("_"))
            }
            Part::Processor(case) => case.apply(&processor_name(processor)),
            Part::Extensions(case) => case.apply(&extension_names(named.compiled, named.target)),
        };
        self.parts.iter().map(text).collect()
    }
}

fn is_joint(ch: char) -> bool {
    matches!(ch, '_' | '.' | '$' | '-')
}

fn trim_end(text: &mut String) {
    text.truncate(text.trim_end_matches(is_joint).len());
}

fn trim_start(text: &str) -> &str {
    text.trim_start_matches(is_joint)
}

/// A version that gets a symbol.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The version.
    pub compiled: &'a CompiledFunction,
    /// The modules of the file that it is in, the outermost first.
    pub modules: &'a [String],
    /// What it was compiled for.
    pub target: &'a Target,
}

/// How symbols are made of names. By default they are the names.
#[derive(Clone, Debug, Default)]
pub struct Naming {
    /// What they look like.
    pub template: Template,
    /// The processor, as `-mcpu` names it.
    pub processor: Option<String>,
}

impl Naming {
    /// The symbol of a version.
    pub fn version(&self, named: Named<'_>) -> String {
        self.template.apply(&named, self.processor.as_deref())
    }

    /// The symbol of the kernel, whatever its version.
    pub fn kernel(&self, named: Named<'_>) -> String {
        self.template.of_kernels().apply(&named, self.processor.as_deref())
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Text(before)) => before.push_str(text),
        _ => parts.push(Part::Text(text.to_string())),
    }
}

fn accepted() -> String {
    let names: Vec<String> = VARIABLES.iter().map(|(name, _)| format!("${{{name}}}")).collect();
    format!("the variables are {}; `$$` is a dollar sign", names.join(", "))
}

/// `skylake-avx512` is `SkylakeAvx512`.
fn processor_name(processor: Option<&str>) -> String {
    let words = processor.unwrap_or("default").split(|ch: char| !ch.is_ascii_alphanumeric());
    let capitalised = |word: &str| match word.split_at_checked(1) {
        Some((first, rest)) => first.to_uppercase() + rest,
        None => String::new(),
    };
    words.map(capitalised).collect()
}

/// What distinguishes a version from others, as part of a symbol.
fn extension_names(compiled: &CompiledFunction, target: &Target) -> String {
    let features = demanded(compiled, target);
    let safe = |feature: Feature| {
        let name = feature.name().chars();
        name.map(|ch| if ch.is_ascii_alphanumeric() { ch } else { '_' }).collect()
    };
    let names: Vec<String> = features.minified().into_iter().map(safe).collect();
    if names.is_empty() { "x86_64".to_string() } else { names.join("_") }
}

/// The extensions that a version is for: those that its kernel enables beyond the target's, or,
/// where it asks for none, those that its instructions need.
pub fn demanded(compiled: &CompiledFunction, target: &Target) -> FeatureSet {
    let own = compiled.function.features;
    if own == target.features { needed(compiled) } else { own }
}

/// The extensions that the instructions of a version need: of all forms of each, those of the least
/// demanding.
pub fn needed(compiled: &CompiledFunction) -> FeatureSet {
    let mut all = FeatureSet::default();
    for item in &compiled.lowered.items {
        let Code::Inst(inst) = &item.code else { continue };
        let Ok(selection) = select(inst, &compiled.function.features) else { continue };
        let sets = selection.forms().iter().map(|form| form.features());
        let fewest = sets.min_by_key(|set| FeatureSet::baseline().missing(*set).len());
        all.extend(fewest.unwrap_or_default());
    }
    all
}
