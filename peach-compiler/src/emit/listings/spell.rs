//! Instructions as other assemblers spell them.
//!
//! In: an instruction over physical registers and the bytes that we gave it. Out: a line of text
//! from which an [`Assembler`] makes the same bytes, or the bytes as data with the instruction in a
//! comment.
//!
//! The text says what the instruction is; which of several encodings it gets is decided by each
//! assembler for itself. Where that differs from ours, a [`Rule`] of the assembler's table says
//! what makes it the same: a word in the text, or plain bytes.

use super::outline::{Anchor, Function, Line, Outline, Reference, SymbolUse};
use crate::ir::{
    Base, BranchSize, Code, DispSize, ForcedEncoding, Instruction, Mem, Operand, Prefixes, View,
};
use crate::isa::{
    Class, Family, Feature, FeatureSet, Form, Names, PhysReg, as_encoded, encode, implied_operands,
    instruction_text, register_name, select, size_name,
};
use std::fmt::Write;

/// An instruction with its bytes.
pub(super) struct Coded<'a> {
    /// With all numbers known.
    pub inst: &'a Instruction<PhysReg>,
    /// Fields that refer to symbols hold anything.
    pub bytes: &'a [u8],
    /// Labels, constants and symbols as the assembler knows them.
    pub names: &'a dyn Names,
    /// Where it refers to a constant.
    pub reference: Option<Reference>,
}

impl Coded<'_> {
    /// What the instruction is called.
    pub fn name(&self) -> &'static str {
        self.inst.mnemonic.name()
    }

    /// Whether it is one of these.
    pub fn is_one_of(&self, names: &[&str]) -> bool {
        names.contains(&self.name())
    }

    /// The bytes after the legacy prefixes.
    pub fn opcode(&self) -> &[u8] {
        let is_prefix = |byte: &u8| {
            matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3)
        };
        let start = self.bytes.iter().position(|byte| !is_prefix(byte)).unwrap_or(0);
        &self.bytes[start..]
    }

    /// Whether it is encoded with EVEX.
    pub fn is_evex(&self) -> bool {
        self.opcode().first() == Some(&0x62)
    }

    /// Whether it is encoded with VEX of either length.
    pub fn is_vex(&self) -> bool {
        matches!(self.opcode().first(), Some(0xc4 | 0xc5))
    }

    /// Whether iced lacks it, and with iced most assemblers: AVX10.2 and its like.
    pub fn is_newest(&self) -> bool {
        let Ok(selection) = select(self.inst, &FeatureSet::all()) else { return false };
        let encoded = |form: &&&Form| (form.family() == Family::Evex) == self.is_evex();
        selection.forms().iter().filter(encoded).all(|form| form.opcode().iced().is_none())
    }

    /// The memory operand.
    pub fn memory(&self) -> Option<&Mem<PhysReg>> {
        self.inst.operands.iter().find_map(|operand| match operand {
            Operand::Mem(mem) => Some(mem),
            _ => None,
        })
    }

    /// The bytes of its memory operand, where there is a word for so many.
    pub fn memory_size(&self) -> Option<u32> {
        let selection = select(self.inst, &FeatureSet::all()).ok()?;
        let bytes = selection.forms().first()?.memory_size();
        size_name(bytes).map(|_| bytes)
    }

    /// The register operands, in order.
    pub fn registers(&self) -> impl Iterator<Item = View<PhysReg>> {
        self.inst.operands.iter().filter_map(|operand| match operand {
            Operand::Reg(view) => Some(*view),
            _ => None,
        })
    }

    /// How many legacy prefixes it has.
    pub fn prefix_count(&self) -> usize {
        self.bytes.len() - self.opcode().len()
    }

    /// Whether every form of it with a prefix of this kind needs an extension.
    pub fn needs(&self, feature: Feature) -> bool {
        let encoded = |form: &&Form| (form.family() == Family::Evex) == self.is_evex();
        let mut forms = self.inst.mnemonic.forms().iter().filter(encoded);
        forms.all(|form| form.features().contains(feature))
    }

    /// Whether operands are written that its bytes have no place for.
    pub fn has_implied_operands(&self) -> bool {
        !implied_operands(self.inst).is_empty()
    }

    /// Whether a register of this class is an operand.
    pub fn has_class(&self, class: Class) -> bool {
        self.registers().any(|view| view.class == class)
    }
}

/// What makes an assembler arrive at our bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// A word before the mnemonic.
    Prefix(&'static str),
    /// No size before the memory operand.
    Unsized,
    /// Nothing: the bytes themselves.
    Bytes,
}

/// How long a branch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// As it always is: `call`, `loop`.
    Only,
    /// With a displacement of one byte.
    Short,
    /// With one of four bytes, as it must be.
    Near,
    /// With one of four bytes, although one would do.
    Forced,
}

impl Length {
    pub fn of(coded: &Coded) -> Length {
        let bytes = coded.bytes;
        match coded.opcode() {
            [0xeb, _] | [0x70..=0x7f, _] => Length::Short,
            [0xe9, ..] | [0x0f, ..] => {
                let field = bytes[bytes.len() - 4..].try_into().expect("four bytes");
                // Two to four bytes less, counted from a shorter instruction: near the limits both
                // lengths are given for.
                match i32::from_le_bytes(field) {
                    -140..=140 => Length::Forced,
                    _ => Length::Near,
                }
            }
            _ => Length::Only,
        }
    }
}

/// One thing that an assembler does in its own way.
pub(super) struct Rule {
    /// What it does, for the reader.
    pub why: &'static str,
    /// Whether it does so here.
    pub applies: fn(&Coded) -> bool,
    /// What helps.
    pub remedy: Remedy,
}

/// The syntax of an assembler, and where its choices differ from ours.
pub(super) trait Assembler {
    /// All rules, first match first; a [`Remedy::Bytes`] ends the search, others add up.
    fn rules(&self) -> &'static [Rule];

    /// A line of data: these bytes.
    fn data_bytes(&self, bytes: &[u8]) -> String;

    /// A line of data: the distance of a constant from after these four bytes and `behind` more.
    fn data_distance(&self, name: &str, reference: Reference, behind: usize) -> String;

    /// What starts a comment.
    fn comment(&self) -> &'static str;

    /// A register operand.
    fn register(&self, view: View<PhysReg>) -> String {
        register_name(view.reg, view.class)
    }

    /// A memory operand, `size` and broadcast included; `None` where there is no way to write it.
    fn memory(&self, mem: &Mem<PhysReg>, coded: &Coded) -> Option<String>;

    /// A number.
    fn number(&self, value: i128, _: &Coded) -> String {
        value.to_string()
    }

    /// A branch to a label; `None` where there is no way to say how long it is.
    fn branch(&self, label: &str, length: Length) -> Option<String>;

    /// A branch by a distance from the instruction's end; `None` where there is no way to say so.
    fn relative(&self, distance: i64, coded: &Coded) -> Option<String>;

    /// The word that forces an encoding.
    fn forced(&self, encoding: ForcedEncoding) -> &'static str {
        match encoding {
            ForcedEncoding::Vex => "{vex} ",
            ForcedEncoding::Vex3 => "{vex3} ",
            ForcedEncoding::Evex => "{evex} ",
        }
    }

    /// The word before the mnemonic that forces the length of a displacement, where it is not in
    /// the operand.
    fn forced_displacement(&self, _: DispSize) -> &'static str {
        ""
    }

    /// The word before the mnemonic that makes a branch longer than it has to be.
    fn forced_branch(&self) -> &'static str {
        ""
    }

    /// `lock`, `rep`, …, each with a space after it.
    fn prefixes(&self, prefixes: Prefixes) -> String {
        prefixes.words().map(|word| format!("{word} ")).collect()
    }
}

/// The line for an instruction.
pub(super) fn line(assembler: &dyn Assembler, coded: &Coded) -> String {
    let inst = &explicit(coded);
    let coded = &Coded { inst, ..*coded };
    spelled(assembler, coded).unwrap_or_else(|why| {
        let text = instruction_text(coded.inst, coded.names);
        let comment = format!("{} {text}; as data: {why}", assembler.comment());
        match coded.reference {
            None => format!("{:<39} {comment}", assembler.data_bytes(coded.bytes)),
            Some(reference) => with_reference(assembler, coded, reference, &comment),
        }
    })
}

/// The text for an item of a function. `with_symbol` spells an instruction that uses a symbol.
pub(super) fn item<'a>(
    assembler: &dyn Assembler,
    outline: &Outline<'a>,
    function: &Function<'a>,
    line: &Line<'_>,
    names: &dyn Names,
    with_symbol: impl Fn(&Instruction<PhysReg>, SymbolUse<'a>) -> String,
) -> String {
    match &line.item.code {
        Code::Label(label) => format!("{}:", names.label(*label)),
        _ if line.bytes.is_empty() => String::new(),
        Code::Align(_) | Code::Bytes(_) | Code::Group(_) => {
            format!("    {}", assembler.data_bytes(line.bytes))
        }
        Code::Inst(inst) => match function.symbol(line, outline) {
            Some(symbol) => with_symbol(inst, symbol),
            None => {
                let inst = &function.with_numbers(inst);
                let reference = function.reference(line);
                let coded = Coded { inst, bytes: line.bytes, names, reference };
                format!("    {}", self::line(assembler, &coded))
            }
        },
    }
}

/// Whether the instruction is given as data.
pub(super) fn is_data(assembler: &dyn Assembler, coded: &Coded) -> bool {
    let inst = &explicit(coded);
    spelled(assembler, &Coded { inst, ..*coded }).is_err()
}

/// The bytes with the distance of a constant among them.
fn with_reference(
    assembler: &dyn Assembler,
    coded: &Coded,
    reference: Reference,
    comment: &str,
) -> String {
    let (head, tail) = (&coded.bytes[..reference.at], &coded.bytes[reference.at + 4..]);
    let name = match reference.place {
        Anchor::Data(id) => coded.names.data(id),
        Anchor::Symbol(id) => coded.names.rust_sym(id),
    };
    let mut text = format!("{:<39} {comment}\n", assembler.data_bytes(head));
    let _ = write!(text, "    {}", assembler.data_distance(&name, reference, tail.len()));
    if !tail.is_empty() {
        let _ = write!(text, "\n    {}", assembler.data_bytes(tail));
    }
    text
}

/// The text that means our bytes to the assembler, or why there is none.
fn spelled(assembler: &dyn Assembler, coded: &Coded) -> Result<String, &'static str> {
    let inst = coded.inst;
    if !is_plainly_encoded(coded) {
        return Err("a field that is wider than its number");
    }
    let mut head = String::new();
    let name = coded.name();
    let mut sized = true;
    let mut unsized_memory = None;
    for rule in assembler.rules().iter().filter(|rule| (rule.applies)(coded)) {
        match rule.remedy {
            Remedy::Bytes => return Err(rule.why),
            Remedy::Prefix(word) => head.push_str(word),
            Remedy::Unsized => sized = false,
        }
    }
    if let Some(encoding) = inst.encoding
        && head.is_empty()
    {
        head.push_str(assembler.forced(encoding));
    }
    let forced_size = coded.memory().and_then(|mem| mem.disp_size);
    head.push_str(forced_size.map_or("", |size| assembler.forced_displacement(size)));
    if has_label(inst) && Length::of(coded) == Length::Forced {
        head.push_str(assembler.forced_branch());
    }
    let mut text = format!("{head}{}{name}", assembler.prefixes(inst.prefixes));
    if !sized {
        unsized_memory = coded.memory().cloned().map(|mem| Mem { size: None, ..mem });
    }
    let operands = operands(assembler, coded, unsized_memory.as_ref());
    let operands = operands.ok_or("an operand that cannot be written")?;
    for (index, operand) in operands.iter().enumerate() {
        let separator = if index == 0 { " " } else { ", " };
        let _ = write!(text, "{separator}{operand}");
    }
    Ok(text)
}

/// The operands in the assembler's spelling.
fn operands(
    assembler: &dyn Assembler,
    coded: &Coded,
    memory: Option<&Mem<PhysReg>>,
) -> Option<Vec<String>> {
    let inst = coded.inst;
    let mut texts = Vec::with_capacity(inst.operands.len() + 1);
    let implied = implied_operands(inst);
    for (index, operand) in inst.operands.iter().chain(&implied).enumerate() {
        let mut text = match operand {
            Operand::Reg(view) => assembler.register(*view),
            Operand::Mem(mem) => assembler.memory(memory.unwrap_or(mem), coded)?,
            Operand::Imm(value) => assembler.number(*value, coded),
            Operand::Label(branch) => {
                assembler.branch(&coded.names.label(branch.label), Length::of(coded))?
            }
            Operand::Relative(distance) => assembler.relative(*distance, coded)?,
            // Replaced by numbers and handled by `symbol` before.
            Operand::RustConst(_) | Operand::RustSym(_) => return None,
        };
        if index == 0
            && let Some(mask) = inst.mask
        {
            let zeroing = if inst.zeroing { "{z}" } else { "" };
            let _ = write!(text, "{{{}}}{zeroing}", register_name(mask.reg, mask.class));
        }
        texts.push(text);
    }
    if let Some(rounding) = inst.rounding {
        let ends_in_number = matches!(inst.operands.last(), Some(Operand::Imm(_)));
        texts.insert(texts.len() - usize::from(ends_in_number), rounding.word().to_string());
    }
    Some(texts)
}

fn has_label(inst: &Instruction<PhysReg>) -> bool {
    inst.operands.iter().any(|operand| matches!(operand, Operand::Label(_)))
}

/// The register that an instruction with a symbol writes; `None` for a call.
pub(super) fn destination(inst: &Instruction<PhysReg>) -> Option<String> {
    match inst.operands.first() {
        Some(Operand::Reg(view)) => Some(register_name(view.reg, view.class)),
        _ => None,
    }
}

/// `0x90, 0x66`.
pub(super) fn hex_list(bytes: &[u8]) -> String {
    let words: Vec<String> = bytes.iter().map(|byte| format!("{byte:#04x}")).collect();
    words.join(", ")
}

/// The instruction without a segment that its bytes leave out, because it is the address's own, and
/// with the size that `push` and their like have unless they say another.
fn explicit(coded: &Coded) -> Instruction<PhysReg> {
    const OVERRIDES: [u8; 6] = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
    let mut inst = as_encoded(coded.inst);
    let prefixes = &coded.bytes[..coded.prefix_count()];
    for operand in &mut inst.operands {
        if let Operand::Mem(mem) = operand
            && let Some(segment) = mem.segment
            && !prefixes.contains(&OVERRIDES[usize::from(segment.num)])
        {
            mem.segment = None;
        }
        if let Operand::Mem(mem) = operand
            && ["push", "pop", "call", "jmp"].contains(&coded.name())
            && mem.size.is_none()
        {
            mem.size = Some(8);
        }
    }
    inst
}

/// Whether the instruction has the bytes that its text asks for: a Rust constant has a field of
/// full width, whatever its value.
fn is_plainly_encoded(coded: &Coded) -> bool {
    let branch = match coded.opcode() {
        [0x0f, ..] | [0xe8 | 0xe9, ..] => BranchSize::Near,
        _ => BranchSize::Short,
    };
    let is_xbegin = coded.name() == "xbegin";
    let branch = if is_xbegin { BranchSize::Near } else { branch };
    let Ok(encoding) = encode(coded.inst, &FeatureSet::all(), branch) else { return false };
    let fields = [encoding.disp, encoding.imm, encoding.branch];
    let is_open = |at: usize| {
        fields.iter().flatten().any(|field| {
            let start = usize::from(field.offset);
            (start..start + usize::from(field.size)).contains(&at)
        })
    };
    encoding.bytes.len() == coded.bytes.len()
        && (0..coded.bytes.len()).all(|at| is_open(at) || encoding.bytes[at] == coded.bytes[at])
}

/// `[base + index*scale + disp]` without brackets.
pub(super) fn address(mem: &Mem<PhysReg>, names: &dyn Names, rip: Option<&str>) -> String {
    let mut terms = Vec::new();
    match mem.base {
        Base::None | Base::Local(_) | Base::StackArg => {}
        Base::Reg(view) => terms.push(register_name(view.reg, view.class)),
        Base::Rip => {
            terms.extend(rip.map(str::to_string));
            terms.extend(mem.symbol.map(|id| names.rust_sym(id)));
        }
        Base::Data(id) => {
            terms.extend(rip.map(str::to_string));
            terms.push(names.data(id));
        }
    }
    if let Some((view, scale)) = mem.index {
        let name = register_name(view.reg, view.class);
        let is_plain = scale == 1 && !terms.is_empty();
        terms.push(if is_plain { name } else { format!("{name}*{scale}") });
    }
    let mut text = terms.join(" + ");
    match (text.is_empty(), mem.disp) {
        (true, disp) => text = disp.to_string(),
        (false, 0) => {}
        (false, disp) => {
            let sign = if disp < 0 { '-' } else { '+' };
            let _ = write!(text, " {sign} {}", disp.unsigned_abs());
        }
    }
    text
}
