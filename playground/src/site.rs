//! The files of the playground, as the command serves them.
//!
//! The folder of static files has the same, and `worker.js` with `compiler.wasm` besides.

/// A file of the site.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Where a browser asks for it: `/app.js`.
    pub path: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// What is in it.
    pub text: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

macro_rules! web {
    ($($name:literal: $media_type:expr,)*) => {
        &[$(Asset {
            path: concat!("/", $name),
            media_type: $media_type,
            text: include_str!(concat!("../web/", $name)),
        },)*]
    };
}

/// Every file but the page itself and the editor.
const FILES: &[Asset] = web! {
    "app.css": STYLE,
    "app.js": SCRIPT,
    "engine.js": SCRIPT,
    "listing.css": STYLE,
    "listing.js": SCRIPT,
    "share.js": SCRIPT,
    "examples/add.peach": PLAIN,
    "examples/count.peach": PLAIN,
    "examples/digits.peach": PLAIN,
    "examples/dot.peach": PLAIN,
    "examples/versions.peach": PLAIN,
};

const EDITOR: Asset = Asset {
    path: "/editor.js",
    media_type: SCRIPT,
    text: include_str!(concat!(env!("OUT_DIR"), "/editor.js")),
};

/// The page, which compiles by asking the server that it comes from.
pub fn page() -> String {
    let page = include_str!("../web/index.html");
    page.replacen("data-engine=\"wasm\"", "data-engine=\"native\"", 1)
}

/// The file that a path names, exactly. The paths are a list: none leads to a file of the machine.
pub fn asset(path: &str) -> Option<&'static Asset> {
    FILES.iter().chain([&EDITOR]).find(|asset| asset.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_asks_its_server() {
        assert!(page().contains("data-engine=\"native\""));
    }

    /// The page names every example, and each compiles.
    #[test]
    fn examples_compile() {
        let app = asset("/app.js").expect("the script").text;
        let examples: Vec<&Asset> =
            FILES.iter().filter(|asset| asset.path.starts_with("/examples/")).collect();
        assert!(examples.len() >= 5);
        for example in examples {
            let name = example.path.trim_start_matches("/examples/").trim_end_matches(".peach");
            assert!(app.contains(&format!("\"{name}\"")), "{name}");
            for format in ["gas", "nasm", "header", "json", "bytes"] {
                let request = serde_json::json!({ "text": example.text, "format": format });
                let answer = crate::answer(&request.to_string());
                let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
                assert_eq!(answer["messages"].as_array().map(Vec::len), Some(0), "{answer}");
                assert!(answer["output"].as_str().is_some_and(|text| text.len() > 10), "{answer}");
            }
        }
    }

    #[test]
    fn no_other_path_is_a_file() {
        for path in ["/", "", "app.js", "/../Cargo.toml", "/app.js/", "//app.js", "/examples/"] {
            assert!(asset(path).is_none(), "{path}");
        }
    }
}
