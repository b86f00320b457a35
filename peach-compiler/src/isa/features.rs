//! Instruction-set extensions and the processors that have them.

use std::fmt;

/// An instruction-set extension, by Rust's `target_feature` name where Rust has one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Feature(u8);

impl Feature {
    /// The extension called `name` (`avx512vl`, `sse4.1`, `3dnow`).
    pub fn parse(_name: &str) -> Option<Feature> {
        todo!()
    }

    /// Its name, as written in `#[target_feature(enable = "…")]`.
    pub fn name(self) -> &'static str {
        let _ = self.0;
        todo!()
    }
}

impl fmt::Debug for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of extensions, closed under implication (`avx2` brings `avx`, `sse4.2`, …).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FeatureSet(u128);

impl FeatureSet {
    /// What every x86-64 processor has: SSE2 and what it implies, `fxsr`, `cmov`, `cx8`, ….
    pub fn baseline() -> FeatureSet {
        let _ = FeatureSet(0);
        todo!()
    }

    /// Every extension that is known: for `peach encode`.
    pub fn all() -> FeatureSet {
        todo!()
    }

    /// The extensions of a microarchitecture (`haswell`, `znver4`, `x86-64-v3`).
    pub fn of_cpu(_name: &str) -> Option<FeatureSet> {
        todo!()
    }

    /// Adds an extension and all that it implies.
    pub fn insert(&mut self, _feature: Feature) {
        todo!()
    }

    /// Whether it has `feature`.
    pub fn contains(&self, _feature: Feature) -> bool {
        todo!()
    }

    /// Every extension in it, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = Feature> {
        std::iter::empty()
    }

    /// The extensions beyond the baseline that none of the others implies: what a reader wants to see.
    pub fn minified(&self) -> Vec<Feature> {
        todo!()
    }
}
