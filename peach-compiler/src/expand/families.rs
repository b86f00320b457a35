//! Families: `for B in 1..=32 { items }` among the items becomes its items, once per value.

use super::Expander;
use super::evaluate::{Evaluated, place};
use super::value::Value;
use crate::diagnostics::Diagnostics;
use crate::syntax;
use crate::syntax::ast::{Family, File, Item};
use crate::target::Target;

/// How many values a family may have.
const FAMILY_MAX: u64 = 4096;

/// How deep families may be in families.
const FAMILY_DEPTH_MAX: usize = 8;

/// The items of a file in order, with those of families where the family stands.
pub(super) fn flatten<'f>(
    file: &'f File,
    target: Target,
    diagnostics: &mut Diagnostics,
) -> Vec<Instance<'f>> {
    let mut families = Families { file, target, diagnostics, instances: Vec::new() };
    families.flatten(&file.items);
    families.instances
}

/// An item of the file, or one that a family made.
pub(super) enum Instance<'f> {
    Written(&'f Item),
    Made(Box<Item>),
}

impl Instance<'_> {
    /// The item.
    pub(super) fn item(&self) -> &Item {
        match self {
            Instance::Written(item) => item,
            Instance::Made(item) => item,
        }
    }
}

struct Families<'f, 'd> {
    file: &'f File,
    target: Target,
    diagnostics: &'d mut Diagnostics,
    instances: Vec<Instance<'f>>,
}

impl<'f> Families<'f, '_> {
    fn flatten(&mut self, items: &'f [Item]) {
        for item in items {
            match item {
                Item::Family(family) => self.instantiate(family, 0),
                item => self.instances.push(Instance::Written(item)),
            }
        }
    }

    fn instantiate(&mut self, family: &Family, depth: usize) {
        for value in self.values(family, depth) {
            for item in syntax::instantiate(family, value, self.diagnostics) {
                match item {
                    Item::Family(inner) => self.instantiate(&inner, depth + 1),
                    item => self.instances.push(Instance::Made(Box::new(item))),
                }
            }
        }
    }

    /// What a family's variable runs over.
    fn values(&mut self, family: &Family, depth: usize) -> Vec<i128> {
        let mut expander = Expander::new(self.target, self.diagnostics);
        if depth >= FAMILY_DEPTH_MAX {
            expander.stop(family.var.span(), "families are nested too deep");
            return Vec::new();
        }
        for item in &self.file.items {
            if let Item::Const(_) | Item::Table(_) = item {
                expander.declare_silently(item);
            }
        }
        expander.family_values(family).unwrap_or_default()
    }
}

impl<'a> Expander<'a, '_> {
    /// What the variable of a family runs over.
    fn family_values(&mut self, family: &'a Family) -> Evaluated<Vec<i128>> {
        let values = self.eval_list(&family.range)?;
        let wrong = |this: &mut Self, found: &Value| {
            this.wrong_constant(&family.range, "a range or a list of integers", found)
        };
        match &values {
            Value::Range(range) if range.count <= FAMILY_MAX => {
                Ok((0..range.count).map(|i| range.get(i)).collect())
            }
            Value::Range(range) => {
                let message = format!("the family has {} values", range.count);
                Err(self.stop(place(&family.range), &message))
            }
            Value::List(list) => {
                let mut numbers = Vec::with_capacity(list.len());
                for value in list.iter() {
                    match value {
                        Value::Int(n) => numbers.push(*n),
                        other => return Err(wrong(self, other)),
                    }
                }
                Ok(numbers)
            }
            other => Err(wrong(self, other)),
        }
    }
}
