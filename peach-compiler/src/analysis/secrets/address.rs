//! What a value is as an address: a sum of arguments, stack variables and tables.
//!
//! Two arguments that are subtracted and added again cancel out, so that the distance between two
//! buffers may be kept in a register. Where a sum is not known, what may be in it is.

use crate::ir::{ArgId, DataId, LocalId};
use crate::sorted;

/// What an address can come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// An argument that is a pointer.
    Pointer(ArgId),
    /// A stack variable.
    Local(LocalId),
    /// A table or a literal.
    Data(DataId),
    /// An argument that is a number: it may be an address as well.
    Number(ArgId),
    /// What was loaded, returned by a call, or left over: it may be any address.
    Unknown,
}

/// A value as a sum.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Value {
    /// What is in it and how often; `None` where that is not known. In order.
    terms: Vec<(Origin, Option<i64>)>,
    /// The number that is added, where it is known and all else is in the terms.
    constant: Option<i64>,
}

impl Value {
    pub fn number(value: i64) -> Value {
        Value { terms: Vec::new(), constant: Some(value) }
    }

    pub fn of(origin: Origin) -> Value {
        Value { terms: vec![(origin, Some(1))], constant: Some(0) }
    }

    /// A value that may be any address.
    pub fn unknown() -> Value {
        Value { terms: vec![(Origin::Unknown, None)], constant: None }
    }

    /// The value times a number.
    pub fn times(&self, factor: i64) -> Value {
        let terms = self.terms.iter();
        Value {
            terms: terms.map(|(o, f)| (*o, f.map(|f| f.wrapping_mul(factor)))).collect(),
            constant: self.constant.map(|constant| constant.wrapping_mul(factor)),
        }
        .reduced()
    }

    pub fn plus(&self, other: &Value) -> Value {
        let sum = |a: Option<i64>, b: Option<i64>| Some(a?.wrapping_add(b?));
        let constant = sum(self.constant, other.constant);
        Value { terms: self.merged(other, Some(0), sum), constant }.reduced()
    }

    /// Something computed of both, no matter how.
    pub fn mixed(&self, other: &Value) -> Value {
        Value { terms: self.merged(other, None, |_, _| None), constant: None }
    }

    /// Something computed of it.
    pub fn blurred(&self) -> Value {
        self.mixed(&Value::default())
    }

    /// The value after steps of some number: a pointer that runs over its region.
    pub fn stepped(&self) -> Value {
        Value { terms: self.terms.clone(), constant: None }
    }

    /// The value where two paths meet.
    pub fn joined(&self, other: &Value) -> Value {
        let same = |a: Option<i64>, b: Option<i64>| a.filter(|_| a == b);
        let constant = same(self.constant, other.constant);
        Value { terms: self.merged(other, Some(0), same), constant }
    }

    /// The terms of both; what one of them lacks counts as `missing`.
    fn merged(
        &self,
        other: &Value,
        missing: Option<i64>,
        combine: impl Fn(Option<i64>, Option<i64>) -> Option<i64>,
    ) -> Vec<(Origin, Option<i64>)> {
        let factor = |value: &Value, origin: Origin| {
            let found = value.terms.iter().find(|term| term.0 == origin);
            found.map_or(missing, |term| term.1)
        };
        let mut origins: Vec<Origin> =
            self.terms.iter().chain(&other.terms).map(|term| term.0).collect();
        sorted::sort(&mut origins);
        origins.dedup();
        let term = |origin| (origin, combine(factor(self, origin), factor(other, origin)));
        origins.into_iter().map(term).collect()
    }

    fn reduced(mut self) -> Value {
        self.terms.retain(|term| term.1 != Some(0));
        self
    }

    /// All that is in it.
    pub fn origins(&self) -> impl Iterator<Item = Origin> {
        self.terms.iter().map(|term| term.0)
    }

    /// What an access at this address may touch: the pointers in the sum, to which anything may
    /// have been added; without a pointer, numbers, if nothing else is in it.
    pub fn regions(&self) -> Vec<Origin> {
        let is_pointer = |origin: &Origin| match origin {
            Origin::Pointer(_) | Origin::Local(_) | Origin::Data(_) => true,
            Origin::Number(_) | Origin::Unknown => false,
        };
        let (pointers, others): (Vec<Origin>, Vec<Origin>) =
            self.terms.iter().map(|term| term.0).partition(is_pointer);
        match pointers.is_empty() {
            false => pointers,
            true if others.contains(&Origin::Unknown) => Vec::new(),
            true => others,
        }
    }

    /// The stack variable and the offset that it is the address of, if it is just that.
    pub fn local(&self) -> Option<(LocalId, i64)> {
        match self.terms[..] {
            [(Origin::Local(local), Some(1))] => Some((local, self.constant?)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: Origin = Origin::Pointer(ArgId(0));
    const Q: Origin = Origin::Pointer(ArgId(1));
    const N: Origin = Origin::Number(ArgId(2));

    #[test]
    fn distances_cancel_out() {
        let distance = Value::of(Q).plus(&Value::of(P).times(-1));
        assert_eq!(distance.plus(&Value::of(P)).regions(), [Q]);
        assert_eq!(Value::of(P).plus(&Value::of(N).times(8)).regions(), [P]);
        assert_eq!(Value::of(P).plus(&Value::of(P).times(-1)), Value::number(0));
    }

    #[test]
    fn where_paths_meet_both_are_possible() {
        let either = Value::of(P).joined(&Value::of(Q));
        assert_eq!(either.regions(), [P, Q]);
        assert_eq!(Value::of(P).joined(&Value::of(P)), Value::of(P));
        assert_eq!(Value::of(N).regions(), [N]);
        assert_eq!(Value::of(N).plus(&Value::unknown()).regions(), []);
        assert_eq!(Value::of(P).plus(&Value::unknown()).regions(), [P]);
    }
}
