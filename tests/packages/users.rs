//! Crates of users', outside of the workspace, with nothing of peach but its packages: what the
//! registry would give, and what pages tell to type.

use crate::{PACKAGES, root};
use peach_testing::documents::{Block, blocks};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The README's kernel.
#[test]
fn a_crate_of_ones_own_runs() {
    let user = User::new("readme", "peach-runtime = \"0.1\"");
    let readme = document("README.md");
    let kernel = readme.iter().find(|block| block.language == "rust").expect("a kernel");
    let print = "println!(\"it runs\");\n";
    user.file("src/main.rs", &format!("fn main() {{\n{}{print}}}\n", kernel.text));
    assert_eq!(user.cargo(&["run", "-q"]), "it runs\n");
}

/// Every listing of the guide, each as a program; the dependency is what the guide says last of it.
#[test]
fn the_guide_can_be_typed() {
    let guide = document("docs/guide.md");
    let tables = guide.iter().filter(|block| block.language == "toml").map(|block| &block.text);
    let dependencies: Vec<&str> =
        tables.filter_map(|text| Some(text.split_once("[dependencies]\n")?.1)).collect();
    let user = User::new("guide", dependencies.last().expect("a table of dependencies"));
    let listings: Vec<&Block> = guide.iter().filter(|block| block.language == "rust").collect();
    assert!(listings.len() >= 10, "{}", listings.len());
    for (number, listing) in listings.iter().enumerate() {
        let text = match listing.text.contains("fn main()") {
            true => listing.text.clone(),
            false => format!("fn main() {{\n{}}}\n", listing.text),
        };
        assert!(!text.contains("\n# "), "line {}: hidden lines show on the page", listing.line);
        user.file(&format!("src/bin/listing{number}.rs"), &text);
    }
    user.cargo(&["build", "-q"]);
    for number in 0..listings.len() {
        let program = built().join(format!("debug/listing{number}"));
        let printed = succeed(Command::new(&program).env("PEACH_DUMP", "1"));
        assert!(printed.is_empty(), "{printed}");
    }
    let first = Command::new(built().join("debug/listing0")).env("PEACH_DUMP", "1").output();
    let dump = String::from_utf8(first.expect("it starts").stderr).expect("text");
    assert!(dump.contains("lea rdi, [rdi + rsi + 5]"), "PEACH_DUMP=1 prints {dump:?}");
}

/// Kernels that a build script compiles, as `docs/command.md` says.
#[test]
fn a_build_script_links_kernels() {
    let page = document("docs/command.md");
    let listing = |name: &str| {
        let first = format!("// {name}\n");
        let found = page.iter().find(|block| block.text.starts_with(&first));
        &found.unwrap_or_else(|| panic!("no listing is called {name}")).text
    };
    let user = User::new("script", "[build-dependencies]\npeach-build = \"0.1\"");
    user.file("build.rs", listing("build.rs"));
    let next = "pub fn next(x: u64) -> u64 { inc x; return x; }\n";
    user.file("src/kernels.peach", next);
    // Safe for the processor that the page's script names.
    let main = "fn main() { println!(\"{}\", unsafe { kernels::next(41) }); }\n";
    user.file("src/main.rs", &format!("{}{main}", listing("src/lib.rs")));
    assert_eq!(user.cargo(&["run", "-q"]), "42\n");
}

/// A crate.
struct User(PathBuf);

impl User {
    /// With what follows `[dependencies]`.
    fn new(name: &str, dependencies: &str) -> User {
        let folder = work().join("users").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        let patches = PACKAGES.map(|name| {
            let path = unpacked(name);
            format!("{name} = {{ path = {path:?} }}\n")
        });
        let user = User(folder);
        let package =
            format!("[package]\nname = \"user-{name}\"\nedition = \"2024\"\n[workspace]\n");
        let manifest = format!(
            "{package}[dependencies]\n{dependencies}\n[patch.crates-io]\n{}",
            patches.concat()
        );
        user.file("Cargo.toml", &manifest);
        user.file("Cargo.lock", &std::fs::read_to_string(root().join("Cargo.lock")).unwrap());
        user
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("it is written");
    }

    /// Warnings are errors: generated code must not have any.
    fn cargo(&self, arguments: &[&str]) -> String {
        let mut cargo = cargo();
        cargo.args(arguments).args(["--offline", "--target-dir"]).arg(built());
        succeed(cargo.current_dir(&self.0).env("RUSTFLAGS", "-Dwarnings"))
    }
}

fn work() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages")
}

/// Where all crates are built: what they depend on is compiled once.
fn built() -> PathBuf {
    work().join("built")
}

/// A package's files, as they are in the registry.
fn unpacked(name: &str) -> PathBuf {
    static ALL: LazyLock<PathBuf> = LazyLock::new(unpack);
    ALL.join(format!("{name}-{}", env!("CARGO_PKG_VERSION")))
}

/// Packs all packages. Out: the folder with their files.
fn unpack() -> PathBuf {
    let (packed, unpacked) = (work().join("packed"), work().join("unpacked"));
    let _ = std::fs::remove_dir_all(packed.join("package"));
    let _ = std::fs::remove_dir_all(&unpacked);
    std::fs::create_dir_all(&unpacked).expect("a folder");
    let mut package = cargo();
    package.args(["package", "--no-verify", "--allow-dirty", "--offline", "--target-dir"]);
    package.arg(&packed).args(PACKAGES.iter().flat_map(|name| ["-p", name]));
    succeed(package.current_dir(root()));
    for name in PACKAGES {
        let file = packed.join(format!("package/{name}-{}.crate", env!("CARGO_PKG_VERSION")));
        succeed(Command::new("tar").arg("-xf").arg(file).current_dir(&unpacked));
    }
    unpacked
}

fn document(name: &str) -> Vec<Block> {
    blocks(&std::fs::read_to_string(root().join(name)).expect("a document"))
}

fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.env("CARGO_PROFILE_DEV_DEBUG", "0");
    cargo
}

/// What a command prints, which must succeed.
fn succeed(command: &mut Command) -> String {
    let output = command.output().expect("it can be started");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}
