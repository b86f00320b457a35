//! Names: what they stand for at a place, and what to say of those that stand for nothing.

use super::evaluate::{Evaluated, quoted};
use super::items::Global;
use super::names::Symbol;
use super::value::{Float, Value};
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Reg, View};
use crate::isa::{Class, Mnemonic};
use crate::nearest::nearest;
use crate::syntax::ast::Name;
use std::rc::Rc;

impl<'a> Expander<'a, '_> {
    /// Names: bindings in scope, what the version binds, items, physical registers, mnemonics.
    pub(super) fn eval_name(&mut self, name: &'a Name) -> Evaluated {
        let symbol = self.names.symbol(name);
        if let Some(binding) = self.scopes.get(symbol) {
            return match &binding.value {
                Value::Poison(reported) => Err(*reported),
                value => Ok(value.clone()),
            };
        }
        let info = self.names.info(symbol);
        if let Some(View { reg, class }) = info.register {
            return Ok(Value::Reg(View { reg: Reg::Physical(reg), class }));
        }
        let mnemonic = info.mnemonic;
        if let Some(value) = self.version_bindings.get(&symbol) {
            return Ok(value.clone());
        }
        if let Some(value) = self.eval_global(symbol, name) {
            return value;
        }
        if let Some(number) = constant_of_rust(name) {
            return Ok(Value::Float(number));
        }
        match mnemonic {
            Some(mnemonic) => Ok(Value::Mnemonic(mnemonic)),
            None if self.is_word(name, "undefined") => Err(self.misplaced_undefined(name)),
            None => Err(self.undefined(name, symbol)),
        }
    }

    /// Whether a name is a word of the language that nothing here shadows.
    pub(super) fn is_word(&mut self, name: &'a Name, word: &str) -> bool {
        let symbol = self.names.symbol(name);
        name == word
            && self.scopes.get(symbol).is_none()
            && !self.version_bindings.contains_key(&symbol)
            && !self.items.by_name.contains_key(&symbol)
    }

    fn misplaced_undefined(&mut self, name: &Name) -> Reported {
        self.error(
            Diagnostic::new(Code::TypeMismatch, name.span(), "`undefined` is not an operand")
                .note(
                    "it must be alone after `=`, and gives registers an arbitrary value without \
                    any code",
                )
                .help("declare a register with it: `let t: xmm = undefined;`"),
        )
    }

    /// An instruction's name: a mnemonic, or a variable that stands for one.
    pub(super) fn eval_mnemonic(&mut self, name: &'a Name) -> Evaluated<Mnemonic> {
        let symbol = self.names.symbol(name);
        if let Some(mnemonic) = self.names.info(symbol).mnemonic {
            return Ok(mnemonic);
        }
        let local = self.scopes.get(symbol).map(|b| &b.value);
        let mut value = local.or(self.version_bindings.get(&symbol)).cloned();
        if value.is_none()
            && let Some(Global::Const(_)) = self.items.by_name.get(&symbol)
        {
            value = Some(self.eval_name(name)?);
        }
        match value {
            Some(Value::Mnemonic(mnemonic)) => Ok(mnemonic),
            Some(Value::Poison(reported)) => Err(reported),
            Some(other) => {
                let found = other.describe();
                Err(self.error(
                    Diagnostic::new(
                        Code::UnknownMnemonic,
                        name.span(),
                        format!("expected an instruction, but `{name}` is {found}"),
                    )
                    .help(format!("set a register with an instruction, or with `{name} = …`")),
                ))
            }
            None => Err(self.unknown_mnemonic(name, symbol)),
        }
    }

    fn unknown_mnemonic(&mut self, name: &Name, symbol: Symbol) -> Reported {
        let text = self.names.text(symbol);
        let mut error = Diagnostic::new(
            Code::UnknownMnemonic,
            name.span(),
            format!("unknown instruction `{text}`"),
        );
        if let Some(help) = self.habit_of_mnemonic(&text) {
            error = error.help(help);
        } else if self.is_helper(symbol) {
            error = error.help(format!("`{text}` is a helper: write `{text}(…);`"));
        } else {
            // Few of them are of a similar length.
            let near = match self.suggestions.afford(Mnemonic::name_count() / 8) {
                true => Mnemonic::nearest(&text),
                false => Vec::new(),
            };
            if !near.is_empty() {
                error = error.help(format!("did you mean {}?", quoted(&near)));
            }
        }
        self.error(error)
    }

    /// Whether a name may have been defined by what the parser left out.
    pub(super) fn was_skipped(&mut self, name: &str) -> Option<Reported> {
        let reported = self.skipped.get(name).copied();
        self.status.failed = self.status.failed.or(reported);
        reported
    }

    /// A name that nothing defines, or nothing yet.
    pub(super) fn undefined(&mut self, name: &Name, symbol: Symbol) -> Reported {
        let text = self.names.text(symbol);
        if let Some(reported) = self.was_skipped(&text) {
            return reported;
        }
        if let Some(span) = self.declared_later(symbol) {
            return self.error(
                Diagnostic::new(
                    Code::UseBeforeDefinition,
                    name.span(),
                    format!("`{text}` is used before it is defined"),
                )
                .label(span, "defined here")
                .help("move the definition up"),
            );
        }
        let mut error =
            Diagnostic::new(Code::UndefinedName, name.span(), format!("undefined name `{text}`"));
        if let Some(register) = text.strip_prefix("r#") {
            let help =
                format!("`{register}` is the register, `r#{register}` an argument of that name");
            return self.error(error.help(help));
        }
        if let Some(help) = self.habit_of_name(&text) {
            return self.error(error.help(help));
        }
        let near = self.nearest_name(&text);
        let near: Vec<&str> = near.iter().map(|name| &**name).collect();
        if !near.is_empty() {
            error = error.help(format!("did you mean {}?", quoted(&near)));
        } else if self.names.info(symbol).class.is_some() {
            error = error.note(format!("`{text}` is a register class: `let x: {text};`"));
        } else {
            error = error.help(format!(
                "declare a register with `let {text}: gp64;`, or write a constant of the Rust \
                 program as `const {{ {text} }}`"
            ));
        }
        self.error(error)
    }

    /// A class that a version or a scope binds to a name.
    pub(super) fn named_class(&self, symbol: Symbol) -> Option<Class> {
        let local = self.scopes.get(symbol).map(|b| &b.value);
        match local.or_else(|| self.version_bindings.get(&symbol)) {
            Some(Value::Class(class)) => Some(*class),
            _ => None,
        }
    }

    /// Names that could have been meant by one that is undefined.
    fn nearest_name(&mut self, text: &str) -> Vec<Rc<str>> {
        let count = self.scopes.len() + self.items.by_name.len() + self.version_bindings.len();
        if !self.suggestions.afford(count) {
            return Vec::new();
        }
        let items = self.items.by_name.keys().chain(self.version_bindings.keys()).copied();
        let known: Vec<Rc<str>> =
            self.scopes.visible().chain(items).map(|symbol| self.names.text(symbol)).collect();
        nearest(text, known.iter().map(|t| &**t)).into_iter().map(Rc::from).collect()
    }
}

/// `PI` and `TAU`. Like a literal, they take the type of the place they stand in.
fn constant_of_rust(name: &Name) -> Option<Float> {
    use std::{f32, f64};
    let number = |single, double| Some(Float { single, double, bytes: None });
    match () {
        () if name == "PI" => number(f32::consts::PI, f64::consts::PI),
        () if name == "TAU" => number(f32::consts::TAU, f64::consts::TAU),
        () => None,
    }
}
