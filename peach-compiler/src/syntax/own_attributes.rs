//! The attributes that the language owns, by name.

use super::cursor::Cursor;
use proc_macro2::Delimiter;

/// The attributes that the language owns.
#[derive(Clone, Copy)]
pub(super) enum Own {
    TargetFeature,
    TargetCpu,
    ExportName,
    NoMangle,
    LinkSection,
    Linkage,
    Alias,
    WeakAlias,
    Naked,
    Embed,
    Spill,
    Endbr64,
    Vzeroupper,
    Version,
    Fallback,
    Secret,
}

impl Own {
    const ALL: [Own; 16] = [
        Own::TargetFeature,
        Own::TargetCpu,
        Own::ExportName,
        Own::NoMangle,
        Own::LinkSection,
        Own::Linkage,
        Own::Alias,
        Own::WeakAlias,
        Own::Naked,
        Own::Embed,
        Own::Spill,
        Own::Endbr64,
        Own::Vzeroupper,
        Own::Version,
        Own::Fallback,
        Own::Secret,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Own::TargetFeature => "target_feature",
            Own::TargetCpu => "target_cpu",
            Own::ExportName => "export_name",
            Own::NoMangle => "no_mangle",
            Own::LinkSection => "link_section",
            Own::Linkage => "linkage",
            Own::Alias => "alias",
            Own::WeakAlias => "weak_alias",
            Own::Naked => "naked",
            Own::Embed => "embed",
            Own::Spill => "spill",
            Own::Endbr64 => "endbr64",
            Own::Vzeroupper => "vzeroupper",
            Own::Version => "version",
            Own::Fallback => "fallback",
            Own::Secret => "secret",
        }
    }

    /// The one that is at the cursor.
    pub(super) fn at(c: &Cursor<'_>) -> Option<Own> {
        let c = without_unsafe(*c);
        Own::ALL.into_iter().find(|own| c.is_word(own.name()))
    }
}

/// What Rust 2024 writes in `unsafe(…)`.
const UNSAFE: [Own; 6] =
    [Own::ExportName, Own::NoMangle, Own::Alias, Own::WeakAlias, Own::LinkSection, Own::Naked];

/// After the `unsafe` of `unsafe(export_name = "…")`, as Rust 2024 writes it.
pub(super) fn without_unsafe(c: Cursor<'_>) -> Cursor<'_> {
    match c.ahead().group(Delimiter::Parenthesis) {
        Some((inside, _))
            if c.is_word("unsafe") && UNSAFE.iter().any(|own| inside.is_word(own.name())) =>
        {
            inside
        }
        _ => c,
    }
}
