//! What kernels are compiled for: convention, formats, processor, and what `#[cfg]` sees of them.
//!
//! In: names, as the command's flags have them. Out: a [`Platform`].
//! Invariants: the formats of a platform are the convention's.
//! Fails: on names that nothing has, with what there is, and on pairs that do not go together.

use crate::error::Error;
use crate::extensions::Adjustment;
use crate::source::Configuration;
use peach_compiler::abi::{AssemblyFormat, Convention, Frames, ImageFormat};
use peach_compiler::emit::module::Processor;
use peach_compiler::emit::words::Words;
use peach_compiler::isa::{Feature, FeatureSet};
use peach_compiler::pipeline::Target;

/// What is asked for, by name. What is not named is the host's, as far as the convention has it.
#[derive(Clone, Debug, Default)]
pub struct Request<'a> {
    /// A convention: `sysv`, `ms`, …, `native`.
    pub abi: Option<&'a str>,
    /// An image format: `elf`, `ms-coff`, `mach-o`, `native`.
    pub image_format: Option<&'a str>,
    /// An assembly format: `go`, `gas`, `nasm`, `masm`.
    pub assembly_format: Option<&'a str>,
    /// A processor: `haswell`, `native`.
    pub cpu: Option<&'a str>,
    /// Extensions beyond the processor's, and others that it is taken to lack.
    pub adjustment: Adjustment,
    /// Every kernel starts with `endbr64`, where the convention has indirect calls of kernels.
    pub branch_protection: bool,
    /// More configuration for `#[cfg]`: `feature="name"`.
    pub cfg: &'a [String],
}

/// What kernels are compiled for.
#[derive(Clone, Debug)]
pub struct Platform {
    /// The convention and the extensions.
    pub target: Target,
    /// The object files' format; `None` where the convention has none.
    pub image_format: Option<ImageFormat>,
    /// The listings' format.
    pub assembly_format: AssemblyFormat,
    /// Whether a processor was named.
    pub processor: Processor,
    /// The processor's name, as it was given.
    pub cpu: Option<String>,
    /// Extensions that no version may need.
    pub excluded: Vec<Feature>,
    /// What `#[cfg]` sees.
    pub configuration: Configuration,
    /// How remedies name what can be asked for.
    pub words: Words,
}

impl Platform {
    /// What a request means.
    ///
    /// # Errors
    /// On unknown names, and on a convention and a format that do not go together.
    pub fn new(request: &Request<'_>) -> Result<Platform, Error> {
        let convention = convention(request.abi.unwrap_or("native"))?;
        let image_format = image_format(convention, request.image_format)?;
        let assembly_format = assembly_format(convention, request.assembly_format)?;
        let (features, processor) = match request.cpu {
            None => (FeatureSet::baseline(), Processor::Any),
            Some(name) => (cpu(name)?, Processor::Named),
        };
        let features = request.adjustment.apply(features);
        let target = Target {
            features,
            position_independent: true,
            branch_protection: branch_protection(request, convention)?,
            ..Target::from(convention)
        };
        let mut configuration = configuration(&target, image_format);
        for text in request.cfg {
            configuration.parse(text).map_err(Error::Usage)?;
        }
        Ok(Platform {
            target,
            image_format,
            assembly_format,
            processor,
            cpu: request.cpu.map(str::to_string),
            excluded: request.adjustment.without.clone(),
            configuration,
            words: Words::Flags,
        })
    }
}

fn branch_protection(request: &Request<'_>, convention: &Convention) -> Result<bool, Error> {
    let is_for_others = convention.frames == Frames::Go || convention.sandbox.is_some();
    match request.branch_protection && is_for_others {
        false => Ok(request.branch_protection),
        true => Err(Error::Usage(format!(
            "-fcf-protection is not for {}, whose programs cannot have it",
            convention.flag
        ))),
    }
}

impl Platform {
    /// The format of object files here.
    pub fn native_image_format(&self) -> ImageFormat {
        native_image_format()
    }
}

/// The convention that `-mabi=` calls `name`.
fn convention(name: &str) -> Result<&'static Convention, Error> {
    if name == "native" {
        return native_convention().ok_or_else(|| {
            Error::Usage("this machine has no x86-64 convention: choose one with -mabi".to_string())
        });
    }
    Convention::ALL.iter().copied().find(|convention| convention.flag == name).ok_or_else(|| {
        let all = Convention::ALL.iter().map(|convention| convention.flag).chain(["native"]);
        Error::Usage(no_such("calling convention", name, all))
    })
}

/// The convention of C programs here.
fn native_convention() -> Option<&'static Convention> {
    let flag = if cfg!(windows) { "ms" } else { "sysv" };
    if cfg!(target_arch = "x86_64") { Convention::parse(flag) } else { None }
}

/// The format of object files here.
fn native_image_format() -> ImageFormat {
    if cfg!(windows) {
        ImageFormat::MsCoff
    } else if cfg!(target_vendor = "apple") {
        ImageFormat::MachO
    } else {
        ImageFormat::Elf
    }
}

fn image_format(convention: &Convention, name: Option<&str>) -> Result<Option<ImageFormat>, Error> {
    let has = convention.image_formats;
    let format = match name {
        None => {
            let native = native_image_format();
            return Ok(if has.contains(&native) { Some(native) } else { has.first().copied() });
        }
        Some("native") => native_image_format(),
        Some(name) => ImageFormat::parse(name).ok_or_else(|| {
            let all = ImageFormat::ALL.iter().map(|format| format.flag()).chain(["native"]);
            Error::Usage(no_such("image format", name, all))
        })?,
    };
    let flags: Vec<&str> = has.iter().map(|format| format.flag()).collect();
    match flags.contains(&format.flag()) {
        true => Ok(Some(format)),
        false => Err(lacking("image format", format.flag(), convention.flag, &flags)),
    }
}

fn assembly_format(convention: &Convention, name: Option<&str>) -> Result<AssemblyFormat, Error> {
    let has = convention.assembly_formats;
    let Some(name) = name else {
        return Ok(has[0]);
    };
    let format = AssemblyFormat::parse(name).ok_or_else(|| {
        let all = AssemblyFormat::ALL.iter().map(|format| format.flag());
        Error::Usage(no_such("assembly format", name, all))
    })?;
    let flags: Vec<&str> = has.iter().map(|format| format.flag()).collect();
    match has.contains(&format) {
        true => Ok(format),
        false => Err(lacking("assembly format", format.flag(), convention.flag, &flags)),
    }
}

/// The extensions of the processor that `-mcpu=` calls `name`.
fn cpu(name: &str) -> Result<FeatureSet, Error> {
    if name == "native" {
        return Ok(native_features());
    }
    FeatureSet::of_cpu(name)
        .ok_or_else(|| Error::Usage(no_such("processor", name, FeatureSet::cpu_names())))
}

/// What this machine's processor has.
fn native_features() -> FeatureSet {
    let has = |feature: &Feature| {
        let rows: FeatureSet = [*feature].into_iter().collect();
        peach_runtime::__private::supported(rows.words())
    };
    let mut set = FeatureSet::baseline();
    FeatureSet::all().iter().filter(has).for_each(|feature| set.insert(feature));
    set
}

fn lacking(what: &str, format: &str, convention: &str, has: &[&str]) -> Error {
    Error::Usage(match has {
        [] => format!("{convention} has no {what}s: {what} {format} is not available"),
        _ => {
            format!("{what} {format} is not available for {convention}; it has: {}", has.join(", "))
        }
    })
}

fn no_such<'a>(what: &str, name: &str, all: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = all.collect();
    let near = crate::nearest(name, all.iter().copied());
    let hint = near.map_or(String::new(), |near| format!(" (did you mean `{near}`?)"));
    format!("unknown {what} `{name}`{hint}; known: {}", all.join(", "))
}

/// What rustc would set for the target.
fn configuration(target: &Target, format: Option<ImageFormat>) -> Configuration {
    let mut configuration = Configuration::default();
    let convention = target.convention;
    let is_windows = format == Some(ImageFormat::MsCoff);
    let (os, vendor, env) = match format.unwrap_or_else(native_image_format) {
        ImageFormat::MsCoff => ("windows", "pc", "msvc"),
        ImageFormat::MachO => ("macos", "apple", ""),
        ImageFormat::Elf => ("linux", "unknown", "gnu"),
    };
    let family = if is_windows { "windows" } else { "unix" };
    let bits = if convention.pointer_size == 4 { "32" } else { "64" };
    configuration.set(family, None);
    for (name, value) in [
        ("panic", "unwind"),
        ("target_abi", if convention.flag == "x32" { "x32" } else { "" }),
        ("target_arch", "x86_64"),
        ("target_endian", "little"),
        ("target_env", env),
        ("target_family", family),
        ("target_os", os),
        ("target_pointer_width", bits),
        ("target_vendor", vendor),
        ("target_has_atomic", "8"),
        ("target_has_atomic", "16"),
        ("target_has_atomic", "32"),
        ("target_has_atomic", "64"),
        ("target_has_atomic", "ptr"),
    ] {
        configuration.set(name, Some(value));
    }
    if target.features.contains(Feature::CMPXCHG16B) {
        configuration.set("target_has_atomic", Some("128"));
    }
    configuration.set("target_has_atomic", None);
    for feature in target.features.iter() {
        configuration.set("target_feature", Some(feature.name()));
    }
    configuration
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn usage(request: Request<'_>) -> String {
        match Platform::new(&request) {
            Err(Error::Usage(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_format_that_the_convention_lacks_is_told_what_it_has() {
        let request = |abi, image_format| Request { abi, image_format, ..Request::default() };
        assert_eq!(
            usage(request(Some("ms"), Some("elf"))),
            "image format elf is not available for ms; it has: ms-coff"
        );
        assert!(usage(request(Some("mss"), None)).contains("did you mean `ms`?"));
        assert!(usage(request(None, Some("coff"))).contains("known: elf, ms-coff, mach-o, native"));
        let listing =
            Request { abi: Some("sysv"), assembly_format: Some("masm"), ..Request::default() };
        assert_eq!(
            usage(listing),
            "assembly format masm is not available for sysv; it has: gas, nasm"
        );
    }

    #[test]
    fn what_is_not_named_is_what_the_convention_has() {
        let platform =
            Platform::new(&Request { abi: Some("ms"), ..Request::default() }).expect("right");
        assert_eq!(platform.image_format, Some(ImageFormat::MsCoff));
        assert_eq!(platform.assembly_format, AssemblyFormat::Masm);
    }

    /// The processors of PeachPy's `-mcpu`, and those that came after it.
    #[test]
    fn processors_are_known_by_every_name() {
        const NAMES: &str = "default prescott conroe penryn nehalem sandybridge ivybridge haswell \
            broadwell skylake skylake-xeon cannonlake knightslanding k8 k10 bulldozer piledriver \
            steamroller excavator zen bonnell saltwell silvermont airmont goldmont bobcat jaguar \
            icelake-client icelake-server tigerlake alderlake sapphirerapids graniterapids zen2 \
            zen3 zen4 zen5 znver1 znver5 x86-64 x86-64-v2 x86-64-v3 x86-64-v4 native";
        for name in NAMES.split_whitespace() {
            assert!(cpu(name).is_ok(), "{name}");
        }
        assert!(matches!(cpu("hasswell"), Err(Error::Usage(text)) if text.contains("`haswell`")));
    }

    /// `rustc --print cfg` is asked what it sets.
    #[test]
    fn the_configuration_is_that_of_rustc() {
        for (abi, format, triple) in [
            ("sysv", "elf", "x86_64-unknown-linux-gnu"),
            ("sysv", "mach-o", "x86_64-apple-darwin"),
            ("ms", "ms-coff", "x86_64-pc-windows-msvc"),
            ("x32", "elf", "x86_64-unknown-linux-gnux32"),
        ] {
            let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
            let output = Command::new(rustc).args(["--print", "cfg", "--target", triple]).output();
            let output = output.expect("rustc runs");
            let text = String::from_utf8(output.stdout).expect("text");
            let mut theirs = Configuration::default();
            text.lines().for_each(|line| theirs.parse(line).expect("what rustc prints"));
            let request =
                Request { abi: Some(abi), image_format: Some(format), ..Request::default() };
            let ours = Platform::new(&request).expect("right").configuration;
            for (name, value) in theirs.iter() {
                // Apple's baseline is a processor with SSE4.1; Rust names no MMX, and its own
                // allocator, profile and ABI details are no property of kernels.
                let ignored =
                    ["debug_assertions", "target_feature", "target_has_atomic", "overflow_checks"];
                if !ignored.contains(&name) {
                    assert!(ours.has(name, value), "{triple}: {name} = {value:?}");
                }
            }
        }
    }
}
