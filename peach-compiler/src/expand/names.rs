//! Interned names: every name of the syntax tree becomes a [`Symbol`] once, and what its text could
//! mean by itself (a physical register, a class, a mnemonic) is looked up once.
//!
//! Unrolled loops visit the same tokens thousands of times, so the way from a token to its symbol
//! is a table keyed by the token's address. Addresses are stable: the tree is borrowed for `'a`.

use crate::ir::View;
use crate::isa::{Class, Mnemonic, PhysReg, parse_register};
use crate::syntax::Origins;
use crate::syntax::ast::{Element, Name};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::rc::Rc;

/// A name, as a number: equal texts have equal symbols. `r#x` is `x`, unless `x` is a physical
/// register: `r#k0` is an argument, `k0` the register.
#[derive(Clone, Copy, Debug)]
pub(super) struct Symbol {
    id: u32,
    /// Where it comes from ([`Origins`]). It tells names in scopes apart, and nothing else: as in
    /// Rust, items are found from everywhere.
    pub(super) origin: u32,
}

impl Symbol {
    /// As an index of tables.
    pub(super) fn index(self) -> usize {
        self.id as usize
    }
}

impl PartialEq for Symbol {
    fn eq(&self, other: &Symbol) -> bool {
        self.id == other.id
    }
}

impl Eq for Symbol {}

impl Hash for Symbol {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Symbol) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Symbol {
    fn cmp(&self, other: &Symbol) -> Ordering {
        self.id.cmp(&other.id)
    }
}

/// What a text means by itself.
#[derive(Clone, Debug)]
pub(super) struct NameInfo {
    /// Without `r#`, but for an argument that is called like a register.
    pub(super) text: Rc<str>,
    /// The physical register of that name.
    pub(super) register: Option<View<PhysReg>>,
    /// The class of that name.
    pub(super) class: Option<Class>,
    /// The instruction of that name.
    pub(super) mnemonic: Option<Mnemonic>,
    /// `f32x8`, `u64`: an element and how many of it.
    pub(super) data: Option<(Element, u32)>,
}

/// Hashes addresses: one multiplication spreads them well enough (Knuth, TAOCP volume 3, 6.4), and
/// costs a small part of the default hasher where the compiler itself is built without
/// optimization.
#[derive(Debug, Default)]
pub(super) struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, address: usize) {
        self.0 = (self.0 ^ address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A map from nodes of the tree.
pub(super) type NodeMap<N, V> = HashMap<*const N, V, BuildHasherDefault<AddressHasher>>;

/// All names met so far.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    by_node: NodeMap<Name, Symbol>,
    by_text: HashMap<Rc<str>, Symbol>,
    infos: Vec<NameInfo>,
    origins: Origins,
    nodes: std::marker::PhantomData<&'a Name>,
}

impl<'a> Names<'a> {
    /// Tells names apart by where they come from.
    pub(super) fn set_origins(&mut self, origins: &Origins) {
        self.origins = origins.clone();
    }

    /// The symbol of a name of the tree.
    pub(super) fn symbol(&mut self, name: &'a Name) -> Symbol {
        if let Some(&symbol) = self.by_node.get(&std::ptr::from_ref(name)) {
            return symbol;
        }
        let origin = self.origins.of(name.span());
        let symbol = Symbol { origin, ..self.intern(&name.to_string()) };
        self.by_node.insert(std::ptr::from_ref(name), symbol);
        symbol
    }

    /// The symbol of a text.
    pub(super) fn intern(&mut self, text: &str) -> Symbol {
        let is_register = |name: &&str| parse_register(name).is_some();
        let text = text.strip_prefix("r#").filter(|name| !is_register(name)).unwrap_or(text);
        if let Some(&symbol) = self.by_text.get(text) {
            return symbol;
        }
        let symbol = Symbol { id: self.infos.len() as u32, origin: 0 };
        let text: Rc<str> = Rc::from(text);
        self.infos.push(NameInfo {
            text: Rc::clone(&text),
            register: parse_register(&text).map(|(reg, class)| View { reg, class }),
            class: Class::from_name(&text),
            mnemonic: Mnemonic::parse(&text),
            data: parse_data_name(&text),
        });
        self.by_text.insert(text, symbol);
        symbol
    }

    /// What is known of a symbol.
    pub(super) fn info(&self, symbol: Symbol) -> &NameInfo {
        &self.infos[symbol.index()]
    }

    /// Its text, cheap to keep.
    pub(super) fn text(&self, symbol: Symbol) -> Rc<str> {
        Rc::clone(&self.info(symbol).text)
    }
}

/// `f32x8` is eight `f32`, `u64` is one. Elements of 16 bytes are not data elements.
fn parse_data_name(text: &str) -> Option<(Element, u32)> {
    let (element, lanes) = match text.split_once('x') {
        Some((element, lanes)) => {
            let plain = !lanes.starts_with('0') && lanes.bytes().all(|b| b.is_ascii_digit());
            (element, lanes.parse().ok().filter(|_| plain)?)
        }
        None => (text, 1),
    };
    let element = Element::from_name(element).filter(|e| e.bytes() <= 8)?;
    Some((element, lanes))
}

/// What may still be spent on looking for names that were meant. Where thousands of names are
/// unknown, the last ones are reported without a suggestion.
#[derive(Debug)]
pub(super) struct Suggestions {
    /// How many names may be compared.
    left: usize,
}

impl Default for Suggestions {
    fn default() -> Self {
        // About two seconds in a compiler that is not optimized.
        Suggestions { left: 1 << 16 }
    }
}

impl Suggestions {
    /// Whether so many names may be compared now.
    pub(super) fn afford(&mut self, names: usize) -> bool {
        let is_affordable = names <= self.left;
        self.left = self.left.saturating_sub(names);
        is_affordable
    }
}
