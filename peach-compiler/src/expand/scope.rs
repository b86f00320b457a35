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
use crate::syntax::ast::Element;

/// A name with its value.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    /// What it stands for.
    pub(super) value: Value,
    /// `let mut n: const`: may be assigned at compile time.
    pub(super) variable: bool,
    /// The number type that it was declared with, which it lends to methods.
    pub(super) lends: Option<Element>,
    frame: u32,
    /// How many names were declared before it.
    position: usize,
    origin: u32,
}

/// A place to return to: see [`Scopes::enter`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark(usize);

/// A frame to return to: see [`Scopes::enter_frame`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame(u32, Option<usize>);

/// What an `inline fn` in a body sees around it: the frame that it is declared in, as far as its
/// names were declared before it, and what that frame sees.
#[derive(Clone, Copy, Debug)]
struct Outer {
    frame: u32,
    /// How many names there were.
    count: usize,
    outer: Option<usize>,
}

/// All bindings.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    stacks: Vec<Vec<Binding>>,
    log: Vec<Symbol>,
    frame: u32,
    frames: u32,
    /// What the current frame sees around it, by its place in `outers`.
    outer: Option<usize>,
    outers: Vec<Outer>,
}

impl Scopes {
    /// Forgets all bindings, and keeps the memory: a file may have thousands of kernels, and names.
    pub(super) fn clear(&mut self) {
        self.leave(Mark(0), drop);
        self.frame = 0;
        self.frames = 0;
        self.outer = None;
        self.outers.clear();
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
        let old = Frame(self.frame, self.outer);
        self.frames += 1;
        self.frame = self.frames;
        self.outer = None;
        old
    }

    /// Opens a frame in which what [`Scopes::surroundings`] noted is visible.
    pub(super) fn enter_frame_within(&mut self, surroundings: usize) -> Frame {
        let old = self.enter_frame();
        self.outer = Some(surroundings);
        old
    }

    /// Notes what is visible here.
    pub(super) fn surroundings(&mut self) -> usize {
        self.outers.push(Outer { frame: self.frame, count: self.log.len(), outer: self.outer });
        self.outers.len() - 1
    }

    /// Whether a binding is visible in the current frame.
    fn sees(&self, binding: &Binding) -> bool {
        if binding.frame == self.frame {
            return true;
        }
        let mut outer = self.outer;
        while let Some(at) = outer {
            let view = self.outers[at];
            if binding.frame == view.frame {
                return binding.position < view.count;
            }
            outer = view.outer;
        }
        false
    }

    /// Goes back to the frame that [`Scopes::enter_frame`] left.
    pub(super) fn leave_frame(&mut self, old: Frame) {
        self.frame = old.0;
        self.outer = old.1;
    }

    /// The number of the current frame.
    pub(super) fn frame(&self) -> u32 {
        self.frame
    }

    /// Declares a name in the innermost scope; it may shadow another.
    pub(super) fn declare(&mut self, symbol: Symbol, value: Value) {
        self.declare_typed(symbol, value, None);
    }

    /// Declares a constant with its type.
    pub(super) fn declare_typed(&mut self, symbol: Symbol, value: Value, lends: Option<Element>) {
        let (frame, origin) = (self.frame, symbol.origin);
        self.push(symbol, Binding { value, variable: false, lends, frame, position: 0, origin });
    }

    /// Declares a compile-time variable.
    pub(super) fn declare_variable(&mut self, symbol: Symbol, value: Value) {
        let (frame, origin) = (self.frame, symbol.origin);
        self.push(
            symbol,
            Binding { value, variable: true, lends: None, frame, position: 0, origin },
        );
    }

    fn push(&mut self, symbol: Symbol, binding: Binding) {
        let index = symbol.index();
        if self.stacks.len() <= index {
            self.stacks.resize(index + 1, Vec::new());
        }
        let position = self.log.len();
        self.stacks[index].push(Binding { position, ..binding });
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
        let last = stack.last()?;
        if last.frame == self.frame && last.origin == symbol.origin {
            return Some(stack.len() - 1);
        }
        if self.outer.is_none() && last.frame != self.frame {
            return None;
        }
        let mut visible = stack.iter().enumerate().rev().filter(|(_, binding)| self.sees(binding));
        let (innermost, binding) = visible.next()?;
        if binding.origin == symbol.origin {
            return Some(innermost);
        }
        let same = visible.find(|(_, binding)| binding.origin == symbol.origin);
        Some(same.map_or(innermost, |(at, _)| at))
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
