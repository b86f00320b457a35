//! `peach -o OUT FILE`.

use crate::messages;
use crate::options::Matches;
use crate::watch::Watch;
use peach_build::extensions::Adjustment;
use peach_build::{Error, Job, Platform, Request, dependencies_of};

/// Compiles a file and writes what was asked for.
pub fn run(matches: &Matches) -> messages::Result {
    let platform = platform(matches)?;
    let job = job(matches)?;
    let file = matches.path("FILE").unwrap_or_default();
    let mut watch = Watch::new(&matches.texts("--print-after"))?;
    let result = job.compile(&file, &platform, &matches.paths("-I"), &mut watch);
    // What the passes made is worth most where one of them failed.
    watch.finish();
    let compiled = result?;
    let (outputs, report) = job.render(&compiled, &platform)?;
    outputs.write(compiled.inputs())?;
    Ok(compiled.warnings.clone().and(&report))
}

/// What the kernels are compiled for.
pub fn platform(matches: &Matches) -> Result<Platform, Error> {
    let flags = matches.texts("-m");
    let adjustment = Adjustment::parse(flags.iter().map(String::as_str)).map_err(Error::Usage)?;
    Platform::new(&Request {
        abi: matches.text("-mabi"),
        image_format: matches.text("-mimage-format"),
        assembly_format: matches.text("-massembly-format"),
        cpu: matches.text("-mcpu"),
        adjustment,
        branch_protection: branch_protection(matches)?,
        cfg: &matches.texts("--cfg"),
    })
}

/// Whether `-fcf-protection` asks for branch tracking. What returns need, kernels do anyway.
fn branch_protection(matches: &Matches) -> Result<bool, Error> {
    match matches.text("-fcf-protection") {
        None | Some("none" | "return") => Ok(false),
        Some("full" | "branch") => Ok(true),
        Some(other) => Err(Error::Usage(format!(
            "-fcf-protection={other}: expected full, branch, return or none"
        ))),
    }
}

fn job(matches: &Matches) -> Result<Job, Error> {
    let output = matches.path("-o").unwrap_or_default();
    let dependencies = match matches.path("-MF") {
        Some(path) => Some(path),
        None => matches.has("-MMD").then(|| dependencies_of(&output)),
    };
    Ok(Job {
        output,
        is_listing: matches.has("-S"),
        debug: debug_level(matches)? > 0,
        function_sections: matches.has("-ffunction-sections"),
        mangling: matches.text("-fname-mangling").map(str::to_string),
        c_header: matches.path("-emit-c-header"),
        dispatcher: matches.path("-emit-dispatcher"),
        json: matches.path("-emit-json-metadata"),
        dependencies,
        passes: matches.path("-fdump-rtl"),
        go_declarations: matches.path("-emit-go-declarations"),
        package: package(matches),
        build_tags: matches.text("-fbuild-tags").map(str::to_string),
    })
}

/// The Go package: as it is named, or as `go generate` names it.
fn package(matches: &Matches) -> Option<String> {
    let named = matches.text("-fpackage").map(str::to_string);
    named.or_else(|| std::env::var("GOPACKAGE").ok())
}

/// The number after `-g`.
fn debug_level(matches: &Matches) -> Result<u32, Error> {
    let text = matches.text("-g").unwrap_or("0");
    text.parse()
        .map_err(|_| Error::Usage(format!("-g{text}: the level must be a number: -g0, -g1")))
}
