//! What the crates offer: every public item, in `tests/api/CRATE.txt`. A change of these files is a
//! change that users see; `PEACH_BLESS=1` writes them anew, and CHANGELOG.md says why.
//!
//! rustdoc tells what there is, as JSON. A line is an item's path and its head in the source: all
//! before its body, or, of items that a macro makes, what rustdoc knows of them. What is hidden from the documentation is not promised.

mod signatures;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// The crates that users depend on. (The compiler is for these: its interface is not promised.)
const CRATES: [&str; 4] = ["peach-runtime", "peach-build", "peach-kernels", "peach-test"];

#[test]
fn public_items_are_those_that_are_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api");
    let mut changed = Vec::new();
    for name in CRATES {
        let file = folder.join(name).with_extension("txt");
        let is = listing(name);
        assert!(is.lines().count() > 10, "{name}: {is}");
        if std::env::var_os("PEACH_BLESS").is_some() {
            std::fs::write(&file, &is).expect("it can be written");
        }
        let was = std::fs::read_to_string(&file).unwrap_or_default();
        let lines = |text: &str| text.lines().map(str::to_string).collect::<BTreeSet<_>>();
        let (was, is) = (lines(&was), lines(&is));
        changed.extend(was.difference(&is).map(|line| format!("{name} - {line}")));
        changed.extend(is.difference(&was).map(|line| format!("{name} + {line}")));
    }
    assert!(
        changed.is_empty(),
        "public items have changed; if that is intended, PEACH_BLESS=1 lists them anew:\n{}",
        changed.join("\n")
    );
}

/// The lines of a crate.
fn listing(name: &str) -> String {
    let documentation = documentation(name);
    let mut crate_items = Items {
        index: documentation["index"].as_object().expect("items").clone().into_iter().collect(),
        sources: BTreeMap::new(),
        lines: BTreeSet::new(),
    };
    crate_items.visit(&documentation["root"], "");
    crate_items.lines.into_iter().map(|line| line + "\n").collect()
}

/// What rustdoc says of a crate.
fn documentation(name: &str) -> Value {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["rustdoc", "--lib", "--all-features", "--offline", "-p", name, "--target-dir"])
        .arg(&target)
        .args(["--", "-Zunstable-options", "--output-format=json", "--cap-lints=allow"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let file = target.join("doc").join(name.replace('-', "_")).with_extension("json");
    serde_json::from_slice(&std::fs::read(file).expect("a file")).expect("JSON")
}

/// The items of a crate, by number.
struct Items {
    index: BTreeMap<String, Value>,
    sources: BTreeMap<String, String>,
    lines: BTreeSet<String>,
}

impl Items {
    /// Lists an item and what is in it.
    fn visit(&mut self, id: &Value, path: &str) {
        // What is re-exported from another crate is not in the index; its `use` is.
        let Some(item) = self.index.get(&key(id)).cloned() else { return };
        let (kind, inner) =
            item["inner"].as_object().and_then(|inner| inner.iter().next()).unwrap();
        let name = item["name"].as_str().unwrap_or_default();
        let path = match (kind.as_str(), path) {
            ("use" | "impl", path) => path.to_string(),
            (_, "") => name.to_string(),
            (_, path) => format!("{path}::{name}"),
        };
        match kind.as_str() {
            "module" => {
                self.lines.insert(format!("{path}: mod"));
            }
            "use" if self.index.contains_key(&key(&inner["id"])) => {
                let named = inner["name"].as_str().unwrap_or_default();
                let target = self.index[&key(&inner["id"])]["name"].as_str().unwrap_or_default();
                if !inner["is_glob"].as_bool().unwrap_or_default() && named != target {
                    self.lines.insert(format!("{path}::{named}: use {}", inner["source"]));
                }
                return self.visit(&inner["id"], &path);
            }
            "use" => {
                self.lines.insert(format!("{path}: use {}", inner["source"]));
            }
            "impl" if is_automatic(inner) => return,
            _ => {
                let head = self.head(&item);
                self.lines.insert(format!("{path}: {head}"));
            }
        }
        for part in parts(kind, inner) {
            self.visit(&part, &path);
        }
    }

    /// An item's source up to its body, in one line.
    fn head(&mut self, item: &Value) -> String {
        let span = &item["span"];
        let Some(file) = span["filename"].as_str() else { return "made by a macro".to_string() };
        let read = || {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            std::fs::read_to_string(path).unwrap_or_default()
        };
        let source = self.sources.entry(file.to_string()).or_insert_with(read);
        let number = |place: &Value| place.as_u64().unwrap_or_default() as usize;
        let (line, column) = (number(&span["begin"][0]), number(&span["begin"][1]));
        let text: Vec<&str> = source.lines().skip(line - 1).collect();
        let text = text.join(" ").chars().skip(column.saturating_sub(1)).collect::<String>();
        let (kind, inner) =
            item["inner"].as_object().and_then(|inner| inner.iter().next()).unwrap();
        if kind != "macro" && is_call_of_macro(&text) {
            return signatures::head(kind, inner);
        }
        head_of(&text, matches!(kind.as_str(), "variant" | "struct_field" | "macro"))
    }
}

/// `name! …`: what rustdoc gives as the source of each item that the call makes.
fn is_call_of_macro(source: &str) -> bool {
    let is_in_name = |sign: char| sign.is_alphanumeric() || sign == '_';
    source.starts_with(is_in_name) && source.trim_start_matches(is_in_name).starts_with('!')
}

/// What comes before a body: `{`, `;` or `=` outside of all brackets, and for parts of a type a
/// comma or the bracket that closes around them.
fn head_of(text: &str, is_part: bool) -> String {
    let (mut depth, mut head) = (0, String::new());
    let mut previous = ' ';
    for sign in text.chars() {
        match sign {
            '{' | ';' if depth == 0 => break,
            '=' if depth == 0 => break,
            ',' | ')' | '}' if depth == 0 && is_part => break,
            '(' | '[' | '<' => depth += 1,
            '>' if previous == '-' || previous == '=' => {}
            ')' | ']' | '>' => depth -= 1,
            _ => {}
        }
        head.push(sign);
        previous = sign;
    }
    head.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn key(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_string)
}

/// Derived and blanket implementations, and those of traits: the type's head names the first, and
/// the last have no items of their own.
fn is_automatic(of: &Value) -> bool {
    !of["trait"].is_null()
}

/// The items in an item.
fn parts(kind: &str, inner: &Value) -> Vec<Value> {
    let of = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut parts = of(&inner["items"]);
    parts.extend(of(&inner["variants"]));
    parts.extend(of(&inner["impls"]));
    let fields = match kind {
        "struct" => &inner["kind"]["plain"]["fields"],
        "variant" => &inner["kind"]["struct"]["fields"],
        "union" => &inner["fields"],
        _ => &Value::Null,
    };
    parts.extend(of(fields));
    parts
}
