//! How the value of an immediate decides which bytes are read: the terms of the table.

/// One of two halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::isa) enum Half {
    /// The lower one.
    Low,
    /// The upper one.
    High,
}

/// How the value of an immediate decides which bytes are read. Numbers are bytes of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::isa) enum ByImmediate {
    /// Not at all, or not in a way that is tracked.
    Nothing,
    /// `insertps`.
    InsertPs,
    /// `pinsrb` …: one element comes from a general-purpose register or memory.
    Pinsr(u32),
    /// `pextrb` …, `extractps`.
    Pextr(u32),
    /// `blendps` …: a bit per element chooses the source; eight bits at most, then again.
    Blend(u32),
    /// `pshufd`, `vpermilps`: two bits per element of each 16 bytes; `pshufw` of 8.
    Shuffle(u32),
    /// `pshuflw` and `pshufhw`: four words of each 16 bytes.
    ShuffleHalf(Half),
    /// `vpermilpd`: a bit per element.
    PermilPd,
    /// `shufps`.
    ShufPs,
    /// `shufpd`.
    ShufPd,
    /// `vpermq`, `vpermpd`: two bits per qword of each 32 bytes.
    PermQ,
    /// `vextractf128` …: which block of this many bytes.
    Extract(u32),
    /// `vinsertf128` …: which block of this many bytes is replaced.
    Insert(u32),
    /// `vperm2f128`.
    Perm2F128,
    /// `vshuff32x4` ….
    Shuffle128,
    /// `palignr`: within each 16 bytes, or 8 of MMX.
    AlignBytes,
    /// `valignd`, `valignq`.
    Align(u32),
    /// `pslldq`.
    ShiftLeft,
    /// `psrldq`.
    ShiftRight,
    /// `dpps`, `dppd`.
    DotProduct(u32),
    /// `pclmulqdq`.
    Clmul,
}
