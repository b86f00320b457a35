//! Names that nothing defines, but that users bring along from Rust or from other assemblers: what
//! they stand for here.

use super::{Expander, Reported, evaluate::place};
use crate::diagnostics::{Code, Diagnostic};
use crate::isa::{Mnemonic, parse_register};
use crate::syntax::ast::{Block, Expr, ExprKind, Label, Name, StatementKind};

impl<'a> Expander<'a, '_> {
    /// `jnz top`, `call g`: a branch to a name that is not known.
    pub(super) fn check_target(
        &mut self,
        mnemonic: Mnemonic,
        operands: &'a [Expr],
    ) -> Result<(), Reported> {
        let [operand] = operands else { return Ok(()) };
        let operand = match &operand.kind {
            ExprKind::Short(inner) | ExprKind::Near(inner) => inner,
            _ => operand,
        };
        let ExprKind::Name(name) = &operand.kind else { return Ok(()) };
        let is_call = mnemonic.name() == "call";
        if !(is_call || is_jump(mnemonic)) || self.is_known(name) {
            return Ok(());
        }
        let message = format!("`{name}` is not a label, a register or a name for one");
        let error = Diagnostic::new(Code::UndefinedName, place(operand), message);
        let written = mnemonic.name();
        Err(self.error(match is_call {
            true => error.help(format!(
                "call a function of the Rust program with `call sym {name}`, a helper with \
                 `{name}(…)`"
            )),
            false if name == "return" => {
                error.help(format!("branch to a label: `{written} 'out;` and `'out: return;`"))
            }
            false => error
                .help(format!("labels start with a quote: `{written} '{name};` and `'{name}:`")),
        }))
    }

    /// Whether anything has this name, or may have had it.
    fn is_known(&mut self, name: &'a Name) -> bool {
        let symbol = self.names.symbol(name);
        let text = self.names.text(symbol);
        self.scopes.get(symbol).is_some()
            || self.names.info(symbol).register.is_some()
            || self.version_bindings.contains_key(&symbol)
            || self.items.by_name.contains_key(&symbol)
            || self.skipped.contains_key(&*text)
            || self.declared_later(symbol).is_some()
    }

    /// What an undefined name means elsewhere.
    pub(super) fn habit_of_name(&self, text: &str) -> Option<String> {
        let lower = text.to_ascii_lowercase();
        if lower != text && parse_register(&lower).is_some() {
            return Some(format!("registers are written in lower case: `{lower}`"));
        }
        intrinsic(text)
    }

    /// What an unknown instruction's name means elsewhere.
    pub(super) fn habit_of_mnemonic(&self, text: &str) -> Option<String> {
        if let Some(help) = intrinsic(text) {
            return Some(help);
        }
        let open = self.around.blocks.last()?;
        let statement = open.block.statements.get(open.at)?;
        let before = open.block.statements.get(open.at.checked_sub(1)?)?;
        let is_behind = before.span.1.end().line == statement.span.0.start().line;
        is_behind.then(|| "comments start with `//`".to_string())
    }

    /// A label that names a block which does not hold this place.
    pub(super) fn is_block_elsewhere(&self, label: &Label) -> bool {
        self.around.blocks.iter().any(|open| holds_block(open.block, label, 0))
    }
}

fn holds_block(block: &Block, wanted: &Label, depth: u32) -> bool {
    depth < 3
        && block.statements.iter().any(|statement| match &statement.kind {
            StatementKind::Block { label, body, .. } => {
                label.as_ref().is_some_and(|label| label.name == wanted.name)
                    || holds_block(body, wanted, depth + 1)
            }
            _ => false,
        })
}

fn is_jump(mnemonic: Mnemonic) -> bool {
    let name = mnemonic.name();
    name.starts_with('j') || name.starts_with("loop") || name == "xbegin"
}

/// `r64` and the like.
pub(super) fn class_elsewhere(name: &str) -> Option<&'static str> {
    Some(match name {
        "r8" | "reg8" | "reg_byte" => "gp8",
        "r16" | "reg16" => "gp16",
        "r32" | "reg32" => "gp32",
        "r64" | "reg64" | "reg" | "gpr" | "gp" | "GP64" => "gp64",
        "xmm_reg" | "XMM" | "__m128" | "__m128i" | "__m128d" => "xmm",
        "ymm_reg" | "YMM" | "__m256" | "__m256i" | "__m256d" => "ymm",
        "zmm_reg" | "ZMM" | "__m512" | "__m512i" | "__m512d" => "zmm",
        "kreg" | "mask" | "__mmask8" | "__mmask16" | "__mmask32" | "__mmask64" => "k",
        _ => return None,
    })
}

/// What an intrinsic's name says: the operation and the lanes.
const INTRINSICS: &[(&str, &str)] = &[
    ("add_epi8", "paddb"),
    ("add_epi16", "paddw"),
    ("add_epi32", "paddd"),
    ("add_epi64", "paddq"),
    ("sub_epi8", "psubb"),
    ("sub_epi16", "psubw"),
    ("sub_epi32", "psubd"),
    ("sub_epi64", "psubq"),
    ("adds_epu8", "paddusb"),
    ("subs_epu8", "psubusb"),
    ("mullo_epi16", "pmullw"),
    ("mullo_epi32", "pmulld"),
    ("mul_epu32", "pmuludq"),
    ("madd_epi16", "pmaddwd"),
    ("maddubs_epi16", "pmaddubsw"),
    ("sad_epu8", "psadbw"),
    ("min_epu8", "pminub"),
    ("max_epu8", "pmaxub"),
    ("cmpeq_epi8", "pcmpeqb"),
    ("cmpeq_epi16", "pcmpeqw"),
    ("cmpeq_epi32", "pcmpeqd"),
    ("cmpgt_epi8", "pcmpgtb"),
    ("cmpgt_epi32", "pcmpgtd"),
    ("movemask_epi8", "pmovmskb"),
    ("shuffle_epi8", "pshufb"),
    ("shuffle_epi32", "pshufd"),
    ("unpacklo_epi8", "punpcklbw"),
    ("unpackhi_epi8", "punpckhbw"),
    ("slli_epi32", "pslld"),
    ("srli_epi32", "psrld"),
    ("slli_epi64", "psllq"),
    ("srli_epi64", "psrlq"),
    ("alignr_epi8", "palignr"),
    ("loadu_ps", "movups"),
    ("storeu_ps", "movups"),
    ("load_ps", "movaps"),
    ("add_ps", "addps"),
    ("add_pd", "addpd"),
    ("add_ss", "addss"),
    ("add_sd", "addsd"),
    ("sub_ps", "subps"),
    ("sub_pd", "subpd"),
    ("mul_ps", "mulps"),
    ("mul_pd", "mulpd"),
    ("div_ps", "divps"),
    ("sqrt_ps", "sqrtps"),
    ("min_ps", "minps"),
    ("max_ps", "maxps"),
    ("shuffle_ps", "shufps"),
];

/// Operations on whole registers, whose names end in the register's width.
const WHOLE: &[(&str, &str)] = &[
    ("and_si", "pand"),
    ("or_si", "por"),
    ("xor_si", "pxor"),
    ("andnot_si", "pandn"),
    ("loadu_si", "movdqu"),
    ("storeu_si", "movdqu"),
    ("load_si", "movdqa"),
    ("store_si", "movdqa"),
    ("setzero_si", "pxor"),
];

fn intrinsic(text: &str) -> Option<String> {
    let (prefix, operation) = text.strip_prefix("_mm")?.split_once('_')?;
    let wide = matches!(prefix, "256" | "512");
    let found = INTRINSICS.iter().find(|(name, _)| *name == operation).or_else(|| {
        let stem = operation.trim_end_matches(|ch: char| ch.is_ascii_digit());
        WHOLE.iter().find(|(name, _)| *name == stem)
    });
    Some(match found {
        Some((_, name)) if wide => format!("intrinsics are not instructions: write `v{name}`"),
        Some((_, name)) => {
            format!("intrinsics are not instructions: write `{name}` (with AVX `v{name}`)")
        }
        None => "intrinsics are not instructions: write the mnemonic of the Intel manual".into(),
    })
}
