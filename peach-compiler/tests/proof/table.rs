//! The table of shapes: loops that are accepted, each with near misses that are not.
//!
//! `=== sum64 counted down` opens a shape. Its first word says what it computes, and with what
//! arguments: `tests/shapes.rs` of the root has the same in plain Rust, and runs every shape. A
//! line `needs avx512f` has extensions, and lines `item …` what stands before the kernel. Then comes
//! the body. Behind it, `~ old => new @ place` is a near miss: the one place where the body has
//! `old` gets `new`, and then the error is at `place`.

#![expect(dead_code, reason = "of the two tests that share this file, each takes what it needs")]

/// A loop and its near misses.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// What it computes.
    pub function: &'static str,
    /// What is special about it.
    pub name: &'static str,
    /// Extensions.
    pub needs: &'static str,
    /// What stands before the kernel.
    pub items: String,
    /// Its statements.
    pub body: String,
    /// What makes it wrong.
    pub misses: Vec<Miss>,
}

/// What makes a shape wrong.
#[derive(Clone, Copy, Debug)]
pub struct Miss {
    /// This, of which there is one,
    pub old: &'static str,
    /// becomes this,
    pub new: &'static str,
    /// and then this is refused.
    pub place: &'static str,
}

const FILES: [&str; 7] = [
    include_str!("shapes/scalar.txt"),
    include_str!("shapes/strings.txt"),
    include_str!("shapes/vectors.txt"),
    include_str!("shapes/masks.txt"),
    include_str!("shapes/guards.txt"),
    include_str!("shapes/single.txt"),
    include_str!("shapes/counts.txt"),
];

/// All shapes.
pub fn shapes() -> Vec<Shape> {
    let mut shapes: Vec<Shape> = Vec::new();
    for line in FILES.iter().flat_map(|file| file.lines()) {
        if let Some(head) = line.strip_prefix("=== ") {
            let (function, name) = head.split_once(' ').expect("a function and a name");
            shapes.push(Shape { function, name, ..Shape::default() });
        } else if let Some(shape) = shapes.last_mut() {
            shape.read(line);
        }
    }
    shapes
}

impl Shape {
    fn read(&mut self, line: &'static str) {
        if let Some(miss) = line.strip_prefix("~ ") {
            let (old, rest) = miss.split_once(" =>").expect("`~ old => new @ place`");
            let (new, place) = rest.split_once(" @").expect("a place");
            self.misses.push(Miss { old, new: new.trim(), place: place.trim() });
        } else if line.is_empty() || line.starts_with("# ") {
            // A comment.
        } else if let Some(item) = line.strip_prefix("item ") {
            self.items.push_str(item);
            self.items.push('\n');
        } else if let Some(needs) = line.strip_prefix("needs ") {
            self.needs = needs;
        } else {
            self.body.push_str(line);
            self.body.push('\n');
        }
    }

    /// The type of the elements of its two slices.
    pub fn element(&self) -> &'static str {
        let digits = self.function.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let is_float = self.function.starts_with("addf");
        match (digits, is_float) {
            ("8", _) => "u8",
            ("16", _) => "u16",
            ("32", false) => "u32",
            ("64", false) => "u64",
            ("32", true) => "f32",
            ("64", true) => "f64",
            _ => panic!("{}: it ends in the bits of an element", self.function),
        }
    }

    /// The bytes of one of them.
    pub fn element_bytes(&self) -> usize {
        let bits = self.function.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        bits.parse::<usize>().expect("bits") / 8
    }

    /// A kernel with this body.
    pub fn kernel(&self, abi: &str, body: &str) -> String {
        let element = self.element();
        let attribute = match self.needs {
            "" => String::new(),
            needs => format!("#[target_feature(enable = \"{needs}\")]\n"),
        };
        format!(
            "{}{attribute}extern \"{abi}\" \
             fn k(x: &[{element}], y: &mut [{element}], a: u64, b: u64) -> u64 {{\n{body}}}\n",
            self.items
        )
    }
}
