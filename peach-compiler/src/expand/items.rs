//! Constants, tables and helpers among the items: visible to one another in any order, evaluated
//! when a version first asks for them.

use super::evaluate::Evaluated;
use super::names::Symbol;
use super::output::blank_function;
use super::value::Value;
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic};
use crate::sorted;
use crate::syntax::ast::{self, Item, TableElement};

/// An item by name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Global<'a> {
    Const(&'a ast::Const),
    Table(&'a ast::Table),
    Helper(&'a ast::Helper),
    ConstFn(&'a ast::ConstFn),
    Kernel(&'a ast::Name),
}

/// The value of a constant or table in the version at hand.
#[derive(Clone, Debug)]
pub(super) enum ItemValue {
    /// It is being evaluated: to ask for it now is a cycle.
    Evaluating,
    Done(Value),
    Failed(Reported),
}

/// How deep constants may refer to constants.
const ITEM_DEPTH_MAX: usize = 100;

impl<'a> Expander<'a, '_> {
    /// Enters an item into the table of names, whatever else has its name.
    pub(super) fn declare_silently(&mut self, item: &'a Item) {
        if let Some((name, global)) = global(item) {
            let symbol = self.names.symbol(name);
            self.items.by_name.entry(symbol).or_insert(global);
        }
    }

    /// Enters an item into the table of names.
    pub(super) fn declare_item(&mut self, item: &'a Item) {
        let Some((name, global)) = global(item) else { return };
        let _: Result<(), Reported> = match global {
            Global::Kernel(_) => Ok(()),
            Global::Helper(_) => self.check_helper_name(name, "a helper"),
            Global::ConstFn(_) => self.check_helper_name(name, "a function"),
            _ => self.check_name(name),
        };
        let symbol = self.names.symbol(name);
        match self.items.by_name.get(&symbol).copied() {
            None => {
                self.items.by_name.insert(symbol, global);
            }
            Some(Global::Kernel(_)) if matches!(global, Global::Kernel(_)) => {}
            Some(first) => {
                self.error(
                    Diagnostic::new(
                        Code::DuplicateItem,
                        name.span(),
                        format!("duplicate item `{name}`"),
                    )
                    .label(name_of(first).span(), "the first one")
                    .note("only kernels can share a name: they are then versions of one kernel"),
                );
            }
        }
    }

    /// The name of what is called must not be one that a call would take for something else.
    pub(super) fn check_helper_name(&mut self, name: &'a ast::Name, callee: &str) -> Evaluated<()> {
        self.check_name(name)?;
        let symbol = self.names.symbol(name);
        let info = self.names.info(symbol);
        let what = match &*info.text {
            "isa" | "bits" | "len" | "zip" => "a function of the language",
            _ if info.mnemonic.is_some() => "an instruction",
            _ if info.data.is_some() => "a data literal",
            _ => return Ok(()),
        };
        Err(self.error(
            Diagnostic::new(
                Code::DuplicateItem,
                name.span(),
                format!("`{name}` is {what}: {callee} cannot have this name"),
            )
            .note(
                "what starts a statement is looked up as keyword, mnemonic, helper, in this order",
            )
            .help("choose another name"),
        ))
    }

    /// What an item's name stands for, if there is such an item.
    pub(super) fn eval_global(&mut self, symbol: Symbol, name: &ast::Name) -> Option<Evaluated> {
        let global = self.items.by_name.get(&symbol).copied()?;
        let message = match global {
            Global::Const(_) | Global::Table(_) => return Some(self.item_value(symbol, global)),
            Global::Helper(_) => "use a helper by calling it",
            Global::ConstFn(_) => "use a `const fn` by calling it",
            Global::Kernel(_) => "a kernel is not an operand",
        };
        let help = match global {
            Global::Helper(_) | Global::ConstFn(_) => format!("write `{name}(…)`"),
            _ => format!("its address is that of its Rust function: `sym {name}`"),
        };
        Some(Err(self.error(Diagnostic::new(Code::TypeMismatch, name.span(), message).help(help))))
    }

    fn item_value(&mut self, symbol: Symbol, global: Global<'a>) -> Evaluated {
        match self.items.values.get(&symbol) {
            Some(ItemValue::Done(value)) => return Ok(value.clone()),
            Some(ItemValue::Failed(reported)) => return Err(*reported),
            Some(ItemValue::Evaluating) => {
                let name = name_of(global);
                return Err(self.error(Diagnostic::new(
                    Code::NoEnd,
                    name.span(),
                    format!("the value of `{name}` depends on itself"),
                )));
            }
            None => {}
        }
        if self.items.depth >= ITEM_DEPTH_MAX {
            let message =
                format!("references between constants are nested more than {ITEM_DEPTH_MAX} deep");
            return Err(self.error(Diagnostic::new(Code::NoEnd, name_of(global).span(), message)));
        }
        self.items.values.insert(symbol, ItemValue::Evaluating);
        self.items.evaluated.insert(symbol);
        self.items.depth += 1;
        let frame = self.scopes.enter_frame();
        let calls = std::mem::take(&mut self.around.calls);
        let value = match global {
            Global::Const(item) => self.eval_typed_const(item),
            Global::Table(table) => match &table.element {
                TableElement::Number(element, name) => self.eval_table(table, *element, name),
                TableElement::Label => Err(self.error(
                    Diagnostic::new(
                        Code::TypeMismatch,
                        table.name.span(),
                        "a table of labels is not allowed among the items",
                    )
                    .help("move it into the body that contains its labels"),
                )),
            },
            Global::Helper(name) => Err(self.internal(name.name.span(), "a helper has no value")),
            Global::ConstFn(name) => {
                Err(self.internal(name.name.span(), "a function has no value of its own"))
            }
            Global::Kernel(name) => Err(self.internal(name.span(), "a kernel has no value")),
        };
        self.around.calls = calls;
        self.scopes.leave_frame(frame);
        self.items.depth -= 1;
        let state = match &value {
            Ok(value) => ItemValue::Done(value.clone()),
            Err(reported) => ItemValue::Failed(*reported),
        };
        self.items.values.insert(symbol, state);
        value
    }

    /// Unused constants and tables are checked anyway.
    pub(super) fn check_unused_items(&mut self) {
        let mut unused: Vec<(Symbol, Global<'a>)> = self
            .items
            .by_name
            .iter()
            .filter(|(symbol, _)| !self.items.evaluated.contains(symbol))
            .map(|(symbol, global)| (*symbol, *global))
            .filter(|(_, global)| !matches!(global, Global::Helper(_) | Global::Kernel(_)))
            .collect();
        sorted::sort_by_key(&mut unused, |(symbol, _)| *symbol);
        self.begin(blank_function(self.target.convention));
        for (symbol, global) in unused {
            // One that does not end does not keep the others from being checked.
            self.status = Default::default();
            self.limits = Default::default();
            match global {
                Global::ConstFn(function) => self.check_function(symbol, function),
                _ => {
                    let _: Evaluated = self.item_value(symbol, global);
                }
            }
        }
    }
}

fn global(item: &Item) -> Option<(&ast::Name, Global<'_>)> {
    Some(match item {
        Item::Const(item) => (&item.name, Global::Const(item)),
        Item::Table(item) => (&item.name, Global::Table(item)),
        Item::Helper(item) => (&item.name, Global::Helper(item)),
        Item::ConstFn(item) => (&item.name, Global::ConstFn(item)),
        Item::Kernel(kernel) => {
            let name = &kernel.signature.name;
            (name, Global::Kernel(name))
        }
        Item::Fallback(_) | Item::Family(_) => return None,
    })
}

fn name_of(global: Global<'_>) -> &ast::Name {
    match global {
        Global::Const(item) => &item.name,
        Global::Table(item) => &item.name,
        Global::Helper(item) => &item.name,
        Global::ConstFn(item) => &item.name,
        Global::Kernel(name) => name,
    }
}
