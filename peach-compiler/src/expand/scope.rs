//! Lexical scopes: which value a name stands for at a place.
//!
//! Each symbol has a stack of bindings; the innermost counts if it belongs to the current *frame*.
//! A kernel body and each expansion of a helper are frames of their own, so that a helper sees its
//! parameters and the items, never the names of the place that uses it.
//!
//! A name is looked up among those of its own origin first: `let t` in the body of a macro does not
//! hide a `t` that the macro was given.

use super::names::Symbol;
use super::value::Value;

/// A name with its value.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    /// What it stands for.
    pub(super) value: Value,
    /// `let mut n: const`: may be assigned at compile time.
    pub(super) variable: bool,
    frame: u32,
    origin: u32,
}

/// A place to return to: see [`Scopes::enter`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark(usize);

/// A frame to return to: see [`Scopes::enter_frame`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame(u32);

/// All bindings.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    stacks: Vec<Vec<Binding>>,
    log: Vec<Symbol>,
    frame: u32,
    frames: u32,
}

impl Scopes {
    /// Forgets all bindings, and keeps the memory: a file may have thousands of kernels, and names.
    pub(super) fn clear(&mut self) {
        self.leave(Mark(0), drop);
        self.frame = 0;
        self.frames = 0;
    }

    /// Opens a scope.
    pub(super) fn enter(&self) -> Mark {
        Mark(self.log.len())
    }

    /// Closes it: its bindings go, and are given to `visit`.
    pub(super) fn leave(&mut self, mark: Mark, mut visit: impl FnMut(Binding)) {
        while self.log.len() > mark.0 {
            let symbol = self.log.pop().expect("longer than the mark");
            let binding = self.stacks[symbol.index()].pop().expect("logged");
            visit(binding);
        }
    }

    /// Opens a frame: nothing that was declared before is visible.
    pub(super) fn enter_frame(&mut self) -> Frame {
        let old = Frame(self.frame);
        self.frames += 1;
        self.frame = self.frames;
        old
    }

    /// Goes back to the frame that [`Scopes::enter_frame`] left.
    pub(super) fn leave_frame(&mut self, old: Frame) {
        self.frame = old.0;
    }

    /// The number of the current frame.
    pub(super) fn frame(&self) -> u32 {
        self.frame
    }

    /// Declares a name in the innermost scope; it may shadow another.
    pub(super) fn declare(&mut self, symbol: Symbol, value: Value) {
        self.push(
            symbol,
            Binding { value, variable: false, frame: self.frame, origin: symbol.origin },
        );
    }

    /// Declares a compile-time variable.
    pub(super) fn declare_variable(&mut self, symbol: Symbol, value: Value) {
        self.push(
            symbol,
            Binding { value, variable: true, frame: self.frame, origin: symbol.origin },
        );
    }

    fn push(&mut self, symbol: Symbol, binding: Binding) {
        let index = symbol.index();
        if self.stacks.len() <= index {
            self.stacks.resize(index + 1, Vec::new());
        }
        self.stacks[index].push(binding);
        self.log.push(symbol);
    }

    /// What a name stands for here.
    pub(super) fn get(&self, symbol: Symbol) -> Option<&Binding> {
        let at = self.position(symbol)?;
        self.stacks[symbol.index()].get(at)
    }

    /// The same, to assign a compile-time variable.
    pub(super) fn get_mut(&mut self, symbol: Symbol) -> Option<&mut Binding> {
        let at = self.position(symbol)?;
        self.stacks[symbol.index()].get_mut(at)
    }

    /// The innermost binding of the same origin, or else of any.
    fn position(&self, symbol: Symbol) -> Option<usize> {
        let stack = self.stacks.get(symbol.index())?;
        let last = stack.last().filter(|binding| binding.frame == self.frame)?;
        if last.origin == symbol.origin {
            return Some(stack.len() - 1);
        }
        let visible = stack.iter().rev().take_while(|binding| binding.frame == self.frame);
        let depth = visible.map(|b| b.origin).position(|origin| origin == symbol.origin);
        Some(stack.len() - 1 - depth.unwrap_or(0))
    }

    /// How many names are declared around this place.
    pub(super) fn len(&self) -> usize {
        self.log.len()
    }

    /// Every name that is visible here.
    pub(super) fn visible(&self) -> impl Iterator<Item = Symbol> {
        self.log.iter().copied().filter(|s| self.get(*s).is_some())
    }
}
