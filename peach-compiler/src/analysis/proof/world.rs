//! What a whole proof shares: the function, the symbols, and the regions of memory.

use super::alive::{Alive, Live};
use super::decide::Knowledge;
use super::linear::{Linear, Symbol, Symbols};
use crate::analysis::{Block, Facts};
use crate::ir::{ArgId, ArgValue, DataId, Function, LabelId, LocalId, Op, Reg, lifetime_of};
use crate::sorted::SortedMap;
use std::collections::{HashMap, HashSet};

/// 2^64.
pub(super) const WORD: i128 = 1 << 64;

/// A piece of memory that plain code may access.
#[derive(Clone, Debug)]
pub(super) struct Region {
    /// As the user calls it.
    pub name: String,
    /// Its size in bytes.
    pub size: Linear,
    /// A power of two that its address is a multiple of.
    pub align: u64,
    /// Whether it may be written.
    pub writable: bool,
    /// The stack variable that it is.
    pub local: Option<LocalId>,
    /// An argument refers to it.
    pub is_argument: bool,
    /// For how long, where that has a name.
    pub lifetime: Option<String>,
}

/// Where a symbol comes from, so that two walks over the same code call it the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site {
    /// The instruction, or the block whose end is meant.
    pub at: u32,
    /// Why it was made.
    pub kind: SiteKind,
    /// Which of those of its kind.
    pub number: u32,
}

/// Why a symbol was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SiteKind {
    /// A register of which nothing was known.
    Register(Reg),
    /// A result that is not a sum.
    Result,
    /// How often something wrapped around, or a quotient.
    Quotient,
}

/// `(value - least) / 2^bits`, rounded down.
#[derive(Clone, Debug)]
pub struct Quotient {
    /// What is divided.
    pub value: Linear,
    /// The binary logarithm of the divisor.
    pub bits: u32,
    /// The least remainder.
    pub least: i128,
}

/// The function, its symbols and its regions.
pub(super) struct World<'f> {
    pub function: &'f Function,
    pub facts: &'f Facts,
    pub symbols: Symbols,
    /// By the symbol of its address.
    pub regions: HashMap<Symbol, Region>,
    /// The value of each argument's register on entry.
    pub arguments: Vec<Linear>,
    /// What is known on entry: of the addresses of regions, and of arguments.
    pub given: Knowledge,
    /// Symbols of addresses, and of how often they contain their alignment.
    pub addresses: HashSet<Symbol>,
    blocks_of_labels: Vec<Option<u32>>,
    /// By block: whether several paths lead there.
    pub paths_meet: Vec<bool>,
    /// By block: when the walk comes to it.
    positions: Vec<u32>,
    alive: Alive<'f>,
    /// Of symbols that are claimed at the head of a loop: where the walk leaves it.
    open_until: HashMap<Symbol, u32>,
    /// How many symbols are of what arrives.
    arriving: u32,
    locals: Vec<Symbol>,
    data: Vec<Symbol>,
    /// Where symbols of the current walk come from.
    pub sites: HashMap<Symbol, Site>,
    made: HashMap<Site, Symbol>,
    /// Which of them are quotients, and of what. A state forgets this sooner.
    pub quotients: SortedMap<Symbol, Quotient>,
    numbers: HashMap<(u32, SiteKind), u32>,
    /// The instruction that is looked at.
    pub at: u32,
    /// Take it that nothing wraps around: for guesses, never for proofs.
    pub optimistic: bool,
}

impl<'f> World<'f> {
    pub fn new(function: &'f Function, facts: &'f Facts) -> World<'f> {
        let mut world = World {
            function,
            facts,
            symbols: Symbols::default(),
            regions: HashMap::new(),
            arguments: Vec::new(),
            given: Knowledge::default(),
            addresses: HashSet::new(),
            blocks_of_labels: blocks_of_labels(function, facts),
            paths_meet: paths_meet(facts),
            positions: positions(facts),
            alive: Alive::of(function, facts),
            open_until: HashMap::new(),
            locals: Vec::new(),
            data: Vec::new(),
            sites: HashMap::new(),
            made: HashMap::new(),
            quotients: SortedMap::new(),
            numbers: HashMap::new(),
            at: 0,
            optimistic: false,
            arriving: 0,
        };
        for index in 0..function.args.len() {
            let value = world.argument(ArgId(index as u32));
            world.arguments.push(value);
        }
        for local in &function.locals {
            let region = Region {
                name: local.name.clone(),
                size: i128::from(local.size).into(),
                align: u64::from(local.align),
                writable: true,
                local: Some(LocalId(world.locals.len() as u32)),
                is_argument: false,
                lifetime: None,
            };
            let base = world.region(region, i128::from(local.size));
            world.locals.push(base);
        }
        for data in &function.data {
            let size = data.content.len() as i128;
            let region = Region {
                name: data.name.clone().unwrap_or_else(|| "the constant".to_string()),
                size: size.into(),
                align: u64::from(data.align),
                writable: false,
                local: None,
                is_argument: false,
                lifetime: None,
            };
            let base = world.region(region, size);
            world.data.push(base);
        }
        world.arriving = world.symbols.len() as u32;
        world
    }

    /// What arrives. Of a reference or slice, no more is taken than Rust guarantees: its address is
    /// not null and aligned, its bytes are at most 2^63-1 and end below 2^64.
    fn argument(&mut self, arg: ArgId) -> Linear {
        let info = &self.function[arg];
        let name = self.function[info.vreg].name.clone();
        // What arrived is called by its register's name, unless that may hold something else.
        let arrived = |name: &str, arg: ArgId| match self.is_written(arg) {
            true => format!("old({name})"),
            false => name.to_string(),
        };
        match &info.value {
            ArgValue::Reference { bytes: Some(size), mutable, align, type_text } => {
                let region = Region {
                    name: name.clone(),
                    size: i128::from(*size).into(),
                    align: *align,
                    writable: *mutable,
                    local: None,
                    is_argument: true,
                    lifetime: lifetime_of(type_text),
                };
                self.region(region, i128::from(*size)).into()
            }
            ArgValue::Slice { element, align, mutable, type_text } => {
                let element = i128::from(*element);
                let count = self.most_bytes() / element.max(1);
                let plain = name.trim_end_matches(".ptr").to_string();
                let length = arrived(&format!("{plain}.len"), ArgId(arg.0 + 1));
                let len = self.symbols.lasting(length, 0, count);
                let Some(size) = Linear::from(len).times(element) else { return len.into() };
                let region = Region {
                    name: plain,
                    size,
                    align: *align,
                    writable: *mutable,
                    local: None,
                    is_argument: true,
                    lifetime: lifetime_of(type_text),
                };
                let most = self.most_bytes();
                self.region(region, most).into()
            }
            ArgValue::Number { .. } if self.is_length(arg) => {
                // Made with the pointer, which is the argument before.
                let pointer = &self.arguments[arg.index() - 1];
                let region = pointer.terms.first().and_then(|term| self.regions.get(&term.0));
                match region.and_then(|region| region.size.symbols().next()) {
                    Some(len) => len.into(),
                    None => self.word(name),
                }
            }
            _ => {
                let name = arrived(&name, arg);
                self.word(name)
            }
        }
    }

    /// Whether an instruction writes the register of an argument.
    fn is_written(&self, arg: ArgId) -> bool {
        let Some(arg) = self.function.args.get(arg.index()) else { return false };
        let reg = Reg::Virtual(arg.vreg);
        let mut accesses = self.facts.effects.iter().flat_map(|effects| &effects.regs);
        accesses.any(|access| access.reg == reg && !(access.write | access.may_write).is_empty())
    }

    /// Whether an argument is the length of the slice before it.
    fn is_length(&self, arg: ArgId) -> bool {
        let before = arg.index().checked_sub(1).map(|index| &self.function.args[index]);
        before.is_some_and(|before| {
            before.param == self.function[arg].param
                && matches!(before.value, ArgValue::Slice { element, .. } if element > 0)
        })
    }

    fn word(&mut self, name: String) -> Linear {
        self.symbols.lasting(name, 0, WORD - 1).into()
    }

    /// How many bytes an argument refers to at most: Rust's `isize::MAX`.
    fn most_bytes(&self) -> i128 {
        self.addresses_end() / 2 - 1
    }

    /// No address that arrives is this large.
    fn addresses_end(&self) -> i128 {
        1 << (8 * self.function.convention.pointer_size)
    }

    /// A symbol for the address of a region that has at most `most` bytes.
    fn region(&mut self, region: Region, most: i128) -> Symbol {
        let is_slice = region.is_argument && !region.size.terms.is_empty();
        let name = match (region.is_argument, is_slice) {
            (true, true) => format!("old({}.ptr)", region.name),
            (true, false) => format!("old({})", region.name),
            (false, _) => format!("&{}", region.name),
        };
        let addresses = if region.is_argument { self.addresses_end() } else { WORD };
        let base = self.symbols.lasting(name, 1, addresses - 1 - most.min(1));
        // base + size < 2^64, and base is a multiple of the alignment.
        let end = Linear::from(base).plus(&region.size).and_then(|end| end.times(-1));
        if let Some(room) = end.and_then(|end| end.offset(addresses - 1)) {
            // Nothing was known of a new symbol.
            self.given.at_least_zero.push(room);
        }
        if region.align > 1 {
            let multiple = self.symbols.lasting("a multiple", 0, WORD / i128::from(region.align));
            self.addresses.insert(multiple);
            let rest = Linear::from(base).add_scaled(&multiple.into(), -i128::from(region.align));
            if let Some(rest) = rest {
                self.given.zero.push(rest);
            }
        }
        self.addresses.insert(base);
        self.regions.insert(base, region);
        base
    }

    /// Whether a symbol is of what arrives, and so the same everywhere.
    pub fn is_given(&self, symbol: Symbol) -> bool {
        !self.symbols.is_passing(symbol) && symbol.0 < self.arriving
    }

    /// The block that a label opens.
    pub fn block_of_label(&self, label: LabelId) -> Option<u32> {
        self.blocks_of_labels[label.index()]
    }

    /// When a walk comes to a block.
    pub fn position(&self, block: u32) -> u32 {
        self.positions[block as usize]
    }

    /// The registers that count where a block starts, if that is known.
    pub fn live_in(&self, block: u32) -> Option<Live<'_>> {
        self.alive.at(block)
    }

    /// Notes that `symbol` is claimed at `block`: it counts until no edge leads back there.
    pub fn claim(&mut self, symbol: Symbol, block: u32) {
        let preds = &self.facts.cfg.blocks[block as usize].preds;
        let reached = preds.iter().map(|&pred| self.position(pred)).filter(|at| *at != u32::MAX);
        let last = reached.max().filter(|last| *last >= self.position(block));
        last.map(|last| self.open_until.insert(symbol, last));
    }

    /// Whether a claim of `symbol` has to be shown again after the edge.
    pub fn is_open(&self, symbol: Symbol, from: u32, to: u32) -> bool {
        let at = self.position(from).max(self.position(to));
        self.open_until.get(&symbol).is_some_and(|last| *last >= at)
    }

    /// The address of a stack variable.
    pub fn local(&self, local: LocalId) -> Symbol {
        self.locals[local.index()]
    }

    /// The address of a constant.
    pub fn constant(&self, data: DataId) -> Symbol {
        self.data[data.index()]
    }

    /// A new symbol of the current instruction.
    pub fn fresh(
        &mut self,
        name: &str,
        kind: SiteKind,
        min: impl Into<Option<i128>>,
        max: impl Into<Option<i128>>,
    ) -> Symbol {
        let number = self.numbers.entry((self.at, kind)).or_default();
        let site = Site { at: self.at, kind, number: *number };
        *number += 1;
        let symbol = self.symbols.passing(name, min, max);
        self.sites.insert(symbol, site);
        self.made.insert(site, symbol);
        symbol
    }

    /// The symbol that the current walk made at a site.
    pub fn made_at(&self, site: Site) -> Option<Symbol> {
        self.made.get(&site).copied()
    }

    /// Forgets the symbols of the last walk.
    pub fn start_walk(&mut self) {
        self.symbols.forget();
        self.sites.clear();
        self.made.clear();
        self.quotients.clear();
        self.numbers.clear();
    }

    /// The region that `address` lies in, as the symbol of its own address, and the offset into it.
    pub fn split(&self, address: &Linear) -> Option<(Symbol, Linear)> {
        let mut bases = address.terms.iter().filter(|term| self.regions.contains_key(&term.0));
        let &(base, factor) = bases.next()?;
        let offset = address.substitute(base, &Linear::default())?;
        (factor == 1 && bases.next().is_none()).then_some((base, offset))
    }
}

fn blocks_of_labels(function: &Function, facts: &Facts) -> Vec<Option<u32>> {
    let mut blocks = vec![None; function.labels.len()];
    for (index, inst) in function.insts.iter().enumerate() {
        if let Op::Label(label) = inst.op {
            blocks[label.index()] = Some(facts.cfg.block_of[index]);
        }
    }
    blocks
}

fn positions(facts: &Facts) -> Vec<u32> {
    let mut positions = vec![u32::MAX; facts.cfg.blocks.len()];
    for (position, &block) in facts.cfg.order.iter().enumerate() {
        positions[block as usize] = position as u32;
    }
    positions
}

fn paths_meet(facts: &Facts) -> Vec<bool> {
    let blocks = &facts.cfg.blocks;
    let meets = |(number, block): (usize, &Block)| {
        let reached = block.preds.iter().filter(|pred| blocks[**pred as usize].reachable).count();
        reached + usize::from(number == 0) > 1
    };
    blocks.iter().enumerate().map(meets).collect()
}
