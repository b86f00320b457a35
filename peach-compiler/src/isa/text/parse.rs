//! Instructions as lines of text, for `peach encode`: the operands of the language with physical
//! registers.
//!
//! In: one line, such as `vaddps zmm1{k1}{z}, zmm2, [rax + 4*rcx + 8]{1to16}`. Out: an
//! [`Instruction`] over physical registers, or why it is none. Constant expressions have Rust's
//! operators and precedence. A million lines must stream, so this reads bytes and not Rust tokens.
//!
//! Branch targets are numbers, relative to the instruction's end; `[rip + N]` has the literal
//! displacement N. Names, labels, data and Rust constants have no meaning here and are refused.

use crate::isa::address::{Misplaced, displacement, place as place_registers};
use crate::isa::implied::takes_segment;
use crate::isa::text::expression::{Linear, Scanner, Value};
use crate::isa::{
    Bank, Class, Mnemonic, PhysReg, count_lanes, forget_vector_size, parse_register, size_of_name,
    take_implied,
};
use crate::isa::{
    Base, DispSize, ForcedEncoding, Instruction, LANES_OPEN, Mem, Operand, Prefixes, Rounding, View,
};

/// Reads one instruction. A trailing semicolon and a comment (`// …`) are allowed.
///
/// # Errors
/// What is wrong with the line, in one sentence.
pub fn parse_line(line: &str) -> Result<Instruction<PhysReg>, String> {
    let mut scanner = Scanner::new(line);
    let mut prefixes = Prefixes::default();
    let mut encoding = None;
    let mut segment = None;
    let mnemonic = loop {
        if scanner.eat(b'{') {
            // objdump's and GNU as's `{vex}`, `{evex}`.
            let word = scanner.until(b'}').ok_or("`{` without `}`")?;
            if !set_encoding(word.trim(), &mut encoding) {
                return Err(format!("`{{{word}}}` cannot precede a mnemonic"));
            }
            continue;
        }
        let Some(word) = scanner.word() else {
            return Err(match scanner.rest() {
                "" => "missing instruction".to_string(),
                rest => format!("expected a mnemonic, found `{rest}`"),
            });
        };
        let lower = word.to_ascii_lowercase();
        if set_prefix(&lower, &mut prefixes) || set_encoding(&lower, &mut encoding) {
            continue;
        }
        if let Some((reg, Class::Segment)) = parse_register(&lower) {
            segment = Some(reg);
            continue;
        }
        break Mnemonic::parse(word).ok_or_else(|| unknown_mnemonic(word))?;
    };
    let mut inst = Instruction::new(mnemonic, Vec::with_capacity(4));
    inst.prefixes = prefixes;
    inst.encoding = encoding;
    if !scanner.at_end() {
        loop {
            read_operand(&mut scanner, &mut inst)?;
            if !scanner.eat(b',') {
                break;
            }
        }
    }
    take_implied(&mut inst).map_err(|error| error.to_string())?;
    set_segment(&mut inst, segment)?;
    forget_vector_size(&mut inst);
    count_lanes(&mut inst).map_err(|error| error.to_string())?;
    if !scanner.at_end() {
        return Err(format!("expected a comma or the end of the line, found `{}`", scanner.rest()));
    }
    Ok(inst)
}

/// An error message for a word that is not a mnemonic.
fn unknown_mnemonic(word: &str) -> String {
    let nearest: Vec<String> =
        Mnemonic::nearest(word).iter().map(|name| format!("`{name}`")).collect();
    match nearest[..] {
        [] => format!("unknown instruction `{word}`"),
        _ => format!("unknown instruction `{word}`; did you mean {}?", nearest.join(", ")),
    }
}

/// A segment before the mnemonic is that of the memory operand: objdump writes those there that
/// 64-bit mode ignores.
fn set_segment(inst: &mut Instruction<PhysReg>, segment: Option<PhysReg>) -> Result<(), String> {
    let Some(segment) = segment else { return Ok(()) };
    if inst.operands.is_empty() && takes_segment(inst.mnemonic) {
        inst.prefixes.segment = Some(segment).filter(|segment| *segment != DATA_SEGMENT);
        return Ok(());
    }
    for operand in &mut inst.operands {
        if let Operand::Mem(mem) = operand
            && mem.segment.is_none_or(|own| own == segment || own == DATA_SEGMENT)
        {
            mem.segment = Some(segment);
            return Ok(());
        }
    }
    Err("a segment before the mnemonic requires a memory operand without a segment".to_string())
}

/// `ds`.
const DATA_SEGMENT: PhysReg = PhysReg::new(Bank::Segment, 3);

/// Notes which encoding a word forces. Returns whether it does.
fn set_encoding(word: &str, encoding: &mut Option<ForcedEncoding>) -> bool {
    *encoding = Some(match word {
        "vex" => ForcedEncoding::Vex,
        "vex3" => ForcedEncoding::Vex3,
        "evex" => ForcedEncoding::Evex,
        _ => return false,
    });
    true
}

/// Records what precedes a mnemonic. Returns whether `word` was such a thing.
fn set_prefix(word: &str, prefixes: &mut Prefixes) -> bool {
    match word {
        "lock" => prefixes.lock = true,
        "rep" | "repe" | "repz" => prefixes.rep = true,
        "repne" | "repnz" => prefixes.repne = true,
        "xacquire" => prefixes.xacquire = true,
        "xrelease" => prefixes.xrelease = true,
        "bnd" => prefixes.bnd = true,
        "notrack" => prefixes.notrack = true,
        _ => return false,
    }
    true
}

fn read_operand(scanner: &mut Scanner, inst: &mut Instruction<PhysReg>) -> Result<(), String> {
    if scanner.eat(b'{') {
        let name = scanner.until(b'}').ok_or("`{` without `}`")?;
        return set_rounding(inst, rounding(name.trim())?);
    }
    let mut size = None;
    let mut is_broadcast = false;
    let mut disp_size = None;
    let mut segment = None;
    let value = loop {
        if scanner.peek() == Some(b'[') {
            break None;
        }
        let before = scanner.clone();
        let Some(word) = scanner.word() else { break Some(scanner.expression()?) };
        match word.to_ascii_lowercase().as_str() {
            "ptr" if size.is_some() => {}
            "bcst" if size.is_some() => is_broadcast = true,
            "disp8" => disp_size = Some(DispSize::Disp8),
            "disp32" => disp_size = Some(DispSize::Disp32),
            // They say which displacement a label gets; a number has the length that it has.
            "short" | "near" => {
                return read_branch(scanner, inst, word.eq_ignore_ascii_case("short"));
            }
            "sym" => return Err("Rust items are not available here".to_string()),
            lower => {
                if let Some(bytes) = size_of_name(lower) {
                    size = Some(bytes);
                } else if let Some((reg, Class::Segment)) = parse_register(lower)
                    && scanner.eat(b':')
                {
                    segment = Some(reg);
                } else {
                    *scanner = before;
                    break Some(scanner.expression()?);
                }
            }
        }
    };
    let operand = match value {
        None => {
            let mut mem = read_address(scanner)?;
            (mem.size, mem.disp_size, mem.segment) = (size, disp_size, segment);
            mem.broadcast = is_broadcast.then_some(LANES_OPEN);
            Operand::Mem(mem)
        }
        // objdump writes `fs:0x28` for `fs:[0x28]`.
        Some(Value::Integer(address)) if segment.is_some() => {
            let disp = displacement(address)
                .ok_or_else(|| format!("the address {address} does not fit"))?;
            Operand::Mem(Mem { size, disp_size, segment, ..Mem::new(Base::None, disp) })
        }
        Some(_) if size.is_some() || disp_size.is_some() || segment.is_some() => {
            return Err("expected `[` after a size or a segment".to_string());
        }
        Some(Value::Integer(value)) => number(value, inst),
        Some(Value::Linear(linear)) => Operand::Reg(linear.single()?),
        Some(Value::Float(_)) => {
            return Err("a float is not an operand; `bits(…)` gives its bits".to_string());
        }
    };
    inst.operands.push(operand);
    read_decorations(scanner, inst)
}

/// A number is a displacement where the instruction branches, else an immediate.
fn number(value: i128, inst: &Instruction<PhysReg>) -> Operand<PhysReg> {
    let branches = inst.operands.is_empty()
        && inst
            .mnemonic
            .forms()
            .first()
            .is_some_and(|form| form.operands().first().is_some_and(|o| o.branch.is_some()));
    match i64::try_from(value) {
        Ok(value) if branches => Operand::Relative(value),
        _ => Operand::Imm(value),
    }
}

fn read_branch(
    scanner: &mut Scanner,
    inst: &mut Instruction<PhysReg>,
    is_short: bool,
) -> Result<(), String> {
    let Value::Integer(value) = scanner.expression()? else {
        return Err("expected a number after `short` or `near`".to_string());
    };
    let value = i64::try_from(value).map_err(|_| "the displacement does not fit".to_string())?;
    if is_short && i8::try_from(value).is_err() {
        return Err(format!("the displacement {value} does not fit in 8 bits (-128 to 127)"));
    }
    if !is_short {
        return Err("`near` requires a label; a number gets the shortest displacement".to_string());
    }
    inst.operands.push(Operand::Relative(value));
    Ok(())
}

/// `{k1}`, `{z}`, `{1to8}` after an operand.
fn read_decorations(scanner: &mut Scanner, inst: &mut Instruction<PhysReg>) -> Result<(), String> {
    while scanner.eat(b'{') {
        let name = scanner.until(b'}').ok_or("`{` without `}`")?.trim().to_ascii_lowercase();
        if name == "z" {
            inst.zeroing = true;
        } else if let Some((reg, Class::K)) = parse_register(&name) {
            if inst.mask.is_some() {
                return Err("there are two masks".to_string());
            }
            inst.mask = Some(View { reg, class: Class::K });
        } else if let Some(lanes) = name.strip_prefix("1to") {
            let Some(Operand::Mem(mem)) = inst.operands.last_mut() else {
                return Err("only memory can be broadcast".to_string());
            };
            let lanes = lanes.trim().parse().map_err(|_| format!("invalid broadcast `{name}`"))?;
            mem.broadcast = Some(lanes);
        } else if let Ok(rounding) = rounding(&name) {
            // objdump writes it after the last register.
            set_rounding(inst, rounding)?;
        } else {
            return Err(format!(
                "`{{{name}}}` is not a decoration; the decorations are `{{k1}}` to `{{k7}}`, \
                 `{{z}}`, and `{{1to2}}` to `{{1to32}}`"
            ));
        }
    }
    Ok(())
}

fn set_rounding(inst: &mut Instruction<PhysReg>, rounding: Rounding) -> Result<(), String> {
    match inst.rounding.replace(rounding) {
        None => Ok(()),
        Some(_) => Err("there are two rounding modes".to_string()),
    }
}

fn rounding(name: &str) -> Result<Rounding, String> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "rn-sae" => Rounding::Nearest,
        "rd-sae" => Rounding::Down,
        "ru-sae" => Rounding::Up,
        "rz-sae" => Rounding::Zero,
        "sae" => Rounding::Sae,
        _ => {
            return Err(format!(
                "`{{{name}}}` is not a rounding mode; the rounding modes are `{{rn-sae}}`, \
                 `{{rd-sae}}`, `{{ru-sae}}`, `{{rz-sae}}` and `{{sae}}`"
            ));
        }
    })
}

/// `[…]`: a sum of registers, each times a number, and a number.
fn read_address(scanner: &mut Scanner) -> Result<Mem<PhysReg>, String> {
    scanner.eat(b'[');
    let value = scanner.expression()?;
    if !scanner.eat(b']') {
        return Err(format!("expected `]`, found `{}`", scanner.rest()));
    }
    let linear = match value {
        Value::Integer(constant) => Linear::constant(constant),
        Value::Linear(linear) => linear,
        Value::Float(_) => return Err("a float is not an address".to_string()),
    };
    let disp = displacement(linear.constant)
        .ok_or_else(|| format!("the displacement {} does not fit", linear.constant))?;
    let placed = place_registers(&linear.terms, false).map_err(misplaced)?;
    let base = match placed.base {
        Some(View { class: Class::Rip, .. }) => Base::Rip,
        Some(view) => Base::Reg(view),
        None => Base::None,
    };
    Ok(Mem { index: placed.index, ..Mem::new(base, disp) })
}

fn misplaced(misplaced: Misplaced) -> String {
    match misplaced {
        Misplaced::TooMany(_) => "an address has one base and one index".to_string(),
        Misplaced::StackPointer(_) => "`rsp` cannot be an index".to_string(),
        Misplaced::Factor(_, factor @ (1 | 2 | 4 | 8)) => {
            format!("a register times {factor} is one scaled register too many in an address")
        }
        Misplaced::Factor(_, factor) => format!(
            "an index is multiplied by 1, 2, 4 or 8, a register alone by 3, 5 or 9 too, not by \
             {factor}"
        ),
    }
}
