//! The result of a kernel that returns two values, as a calling convention sees it.

/// Two values that a kernel returns: the result type in `KERNEL`'s function pointer type, where the
/// function itself returns a tuple. (The layout of a tuple is not specified, this one's is.)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pair<A, B>(pub A, pub B);

impl<A, B> From<(A, B)> for Pair<A, B> {
    fn from((a, b): (A, B)) -> Self {
        Pair(a, b)
    }
}

impl<A, B> From<Pair<A, B>> for (A, B) {
    #[inline]
    fn from(Pair(a, b): Pair<A, B>) -> Self {
        (a, b)
    }
}
