//! From rows of iced's table to forms: how the operands of each row are written in source.
//!
//! In: what a mnemonic means. Out: its forms, best first. Everything that the manuals and other
//! assemblers allow to be omitted, swapped or spelled differently is here.

use crate::isa::forms::form::{Family, Form, ImmForm, MemForm, Opcode, OperandForm, Slot};
use crate::isa::forms::operand_forms::operand_form;
use crate::isa::forms::rows::rows_of;
use crate::isa::names::mnemonic::{Meaning, names_64_bits};
use crate::isa::own::own_forms;
use crate::isa::{Bank, Class, PhysReg, RegSet, form_features};
use crate::sorted;
use iced_x86::{Code, EncodingKind, OpCodeInfo, OpCodeOperandKind as Kind};

/// The forms of a mnemonic, best first.
pub(in crate::isa) fn build_forms(meaning: Meaning) -> Vec<Form> {
    let rows = rows_of(meaning.row);
    let mut forms = Vec::new();
    // `cbw` has no other size; `push imm16` has.
    let only_16_bits = rows.iter().all(|code| hides_16_bits(code.op_code()));
    for (n, &code) in rows.iter().enumerate() {
        let info = code.op_code();
        let is_left_out = match meaning.operand_size {
            Some(bits) => info.operand_size() != bits,
            None => {
                hides_16_bits(info) && !only_16_bits
                    || info.operand_size() == 64 && names_64_bits(meaning.row)
            }
        };
        if is_left_out
            || rows[..n].iter().any(|earlier| is_duplicate(earlier.op_code(), info))
            || rows.iter().any(|other| hides_address_size(info, other.op_code()))
        {
            continue;
        }
        arrange(code, info, &meaning, &mut forms);
    }
    for (_, row, class) in BORROWED.iter().filter(|(name, ..)| *name == meaning.row) {
        for &code in rows_of(*row) {
            borrow(code, *class, &mut forms);
        }
    }
    forms.extend(own_forms(meaning.own).filter_map(|form| form.with_implied_imm(&meaning)));
    if meaning.row == iced_x86::Mnemonic::Mov {
        add_zero_extended(&mut forms);
    }
    if has_blind_rows(meaning.row) {
        add_narrow_twins(&mut forms);
    }
    for form in &mut forms {
        form.shape = form.operands.iter().map(OperandForm::shape).collect();
    }
    // Of equally long encodings the first wins: GNU as and LLVM prefer these.
    sorted::sort_by_key(&mut forms, |form| (form.has_fixed, form.family, preference(form)));
    forms
}

/// Whether a row means 16 bits without an operand that says so: `push imm16`, `leave` with 66.
fn hides_16_bits(info: &OpCodeInfo) -> bool {
    let shows = |kind: &Kind| {
        matches!(
            kind,
            Kind::r16_or_mem | Kind::r16_reg | Kind::r16_rm | Kind::r16_opcode | Kind::ax
        )
    };
    let kinds = info.op_kinds();
    info.operand_size() == 16
        && !info.code().is_string_instruction()
        && !kinds.iter().any(shows)
        && !kinds.contains(&Kind::mem_offs)
}

/// Whether `info` is `other` with an address-size prefix: `monitor` with `eax`.
fn hides_address_size(info: &OpCodeInfo, other: &OpCodeInfo) -> bool {
    info.address_size() == 32
        && other.address_size() == 64
        && info.op_kinds() == other.op_kinds()
        && !info.op_kinds().contains(&Kind::br16_1)
}

/// Whether `info` is a second, undocumented opcode for what `earlier` does (`test /1`, `lfence
/// E9`).
fn is_duplicate(earlier: &OpCodeInfo, info: &OpCodeInfo) -> bool {
    earlier.op_kinds() == info.op_kinds()
        && earlier.encoding() == info.encoding()
        && earlier.memory_size() == info.memory_size()
        && earlier.operand_size() == info.operand_size()
        && earlier.address_size() == info.address_size()
        && earlier.w() == info.w()
        && earlier.l() == info.l()
}

/// Pushes the arrangements of operands that can be written for a row.
fn arrange(code: Code, info: &OpCodeInfo, meaning: &Meaning, forms: &mut Vec<Form>) {
    use iced_x86::Mnemonic as M;
    let kinds = info.op_kinds();
    let Some(all) = kinds.iter().map(|&kind| operand_form(kind, info)).collect() else {
        return;
    };
    let mut base = Form::new(code, info, all);
    if kinds.first() == Some(&Kind::seg_reg) {
        // `mov cs, r` is an invalid opcode (Intel SDM volume 2, MOV).
        base.operands[0].registers =
            base.operands[0].registers - RegSet::of(&[PhysReg::new(Bank::Segment, 1)]);
    }
    if meaning.imm.is_some() {
        forms.extend(base.with_implied_imm(meaning));
        return;
    }
    let is_implicit = |kind: &Kind| {
        matches!(kind, Kind::seg_rDI | Kind::seg_rSI | Kind::es_rDI | Kind::seg_rBX_al)
    };
    if code.is_string_instruction() || kinds.iter().any(is_implicit) {
        forms.push(base.without_implicit(code.is_string_instruction()));
        return;
    }
    if code == Code::Int_imm8 {
        // `int 3` has an opcode of its own.
        let three = OperandForm { imm: Some(ImmForm::Exactly(3)), ..OperandForm::default() };
        forms.push(Form { slots: Vec::new(), ..Form::new(Code::Int3, info, vec![three]) });
    }
    if meaning.row == M::Imul && kinds.len() == 3 {
        forms.push(base.first_repeated());
    }
    if kinds.last() == Some(&Kind::imm8_const_1) {
        forms.push(base.clone_form().without_last(Slot::Imm(1)));
    }
    if kinds.contains(&Kind::sti_opcode) && !info.is_fpu_no_wait() {
        base.x87_short_forms(meaning.row, forms);
    }
    if let Some(implied) = implied_registers(info) {
        forms.push(base.with_implied(&implied));
    }
    let commutes = matches!(meaning.row, M::Xchg | M::Test) && base.operands[1].class.is_some();
    let swapped = commutes.then(|| base.swapped());
    forms.push(base);
    forms.extend(swapped);
}

/// Registers that the manual shows as operands in angle brackets and that iced's rows leave out:
/// they may be written or omitted.
fn implied_registers(info: &OpCodeInfo) -> Option<Vec<(PhysReg, Class)>> {
    let mut rest = info.instruction_string();
    let mut registers = Vec::new();
    while let Some((_, after)) = rest.split_once('<') {
        let (name, tail) = after.split_once('>')?;
        // `<XMM0-7>` cannot be written.
        registers.push(crate::isa::parse_register(&name.to_ascii_lowercase())?);
        rest = tail;
    }
    (!registers.is_empty()).then_some(registers)
}

impl Form {
    fn new(code: Code, info: &OpCodeInfo, operands: Vec<OperandForm>) -> Form {
        Form {
            opcode: Opcode::Iced(code),
            shape: Vec::new(),
            features: form_features(code),
            slots: (0..operands.len() as u8).map(Slot::Operand).collect(),
            family: match info.encoding() {
                EncodingKind::VEX => Family::Vex,
                EncodingKind::XOP => Family::Xop,
                EncodingKind::EVEX => Family::Evex,
                _ => Family::Legacy,
            },
            memory_size: info.memory_size().size() as u32,
            broadcast_size: info
                .can_broadcast()
                .then(|| info.broadcast_memory_size().size() as u32),
            has_fixed: operands.iter().any(|o| o.is_fixed && o.class != Some(Class::St)),
            is_offset: operands.iter().any(|o| o.memory == Some(MemForm::Offset)),
            operands,
        }
    }

    fn clone_form(&self) -> Form {
        Form {
            operands: self.operands.clone(),
            slots: self.slots.clone(),
            shape: Vec::new(),
            ..*self
        }
    }

    /// Where the name implies an immediate, it is the last operand of the row.
    fn with_implied_imm(self, meaning: &Meaning) -> Option<Form> {
        let Some(value) = meaning.imm else { return Some(self) };
        let is_byte = self.operands.last().and_then(|last| last.imm) == Some(ImmForm::Byte);
        is_byte.then(|| self.without_last(Slot::Imm(value)))
    }

    /// The last operand of the row comes from the mnemonic.
    fn without_last(mut self, value: Slot) -> Form {
        self.operands.pop();
        *self.slots.last_mut().expect("an immediate is among the operands") = value;
        self
    }

    /// Implicit memory (or, of string instructions, every operand) is not written.
    fn without_implicit(mut self, all: bool) -> Form {
        let written: Vec<bool> =
            self.operands.iter().map(|o| !all && *o != OperandForm::default()).collect();
        let mut next = 0;
        for (slot, &is_written) in self.slots.iter_mut().zip(&written) {
            *slot = if is_written { Slot::Operand(next) } else { Slot::Fixed };
            next += u8::from(is_written);
        }
        let mut keep = written.iter();
        self.operands.retain(|_| *keep.next().expect("one entry per operand"));
        self.has_fixed = false;
        self
    }

    /// `xchg a, b` as `xchg b, a`.
    fn swapped(&self) -> Form {
        let mut form = self.clone_form();
        form.operands.reverse();
        form.slots.reverse();
        form
    }

    /// `imul r, 5` as `imul r, r, 5`.
    fn first_repeated(&self) -> Form {
        let mut form = self.clone_form();
        form.operands.remove(1);
        form.operands[0].memory = None;
        form.slots = vec![Slot::Operand(0), Slot::Operand(0), Slot::Operand(1)];
        form
    }

    /// `fadd st1` for `fadd st0, st1`; `faddp` for `faddp st1, st0`.
    fn x87_short_forms(&self, row: iced_x86::Mnemonic, forms: &mut Vec<Form>) {
        use iced_x86::Mnemonic as M;
        let Some(sti) = self.operands.iter().position(|o| !o.is_fixed) else { return };
        if self.operands.len() != 2 {
            return;
        }
        let mut one = self.clone_form();
        one.operands = vec![self.operands[sti].clone()];
        one.slots[sti] = Slot::Operand(0);
        one.slots[1 - sti] = Slot::Fixed;
        // `fadd st1` is the form that writes st0; the other needs both operands.
        let pops = matches!(
            row,
            M::Faddp
                | M::Fmulp
                | M::Fsubp
                | M::Fsubrp
                | M::Fdivp
                | M::Fdivrp
                | M::Fcomp
                | M::Fucomp
        );
        let moves = form_moves(row);
        if (sti == 1 || pops) && !moves {
            let bare = matches!(row, M::Fcom | M::Fucom | M::Fxch) || pops;
            if bare {
                let mut none = one.clone_form();
                none.operands.clear();
                none.slots[sti] = Slot::Fixed;
                forms.push(none);
            }
            forms.push(one);
        }
    }

    /// `blendvps a, b, xmm0`: operands that the row leaves out.
    fn with_implied(&self, implied: &[(PhysReg, Class)]) -> Form {
        let mut form = self.clone_form();
        form.operands.extend(implied.iter().map(|&(reg, class)| OperandForm {
            class: Some(class),
            registers: RegSet::one(reg.num),
            is_fixed: true,
            ..OperandForm::default()
        }));
        form
    }
}

/// `fcmovb st0, st1` has no short form.
fn form_moves(row: iced_x86::Mnemonic) -> bool {
    use iced_x86::Mnemonic as M;
    matches!(
        row,
        M::Fcmovb
            | M::Fcmovbe
            | M::Fcmove
            | M::Fcmovnb
            | M::Fcmovnbe
            | M::Fcmovne
            | M::Fcmovnu
            | M::Fcmovu
    )
}

/// Rows of another mnemonic that GNU as and LLVM accept under this name, for operands of a class:
/// `movd xmm0, rax` is `movq`, `movsx rax, ecx` is `movsxd`.
const BORROWED: [(iced_x86::Mnemonic, iced_x86::Mnemonic, Class); 3] = [
    (iced_x86::Mnemonic::Movd, iced_x86::Mnemonic::Movq, Class::Gp64),
    (iced_x86::Mnemonic::Vmovd, iced_x86::Mnemonic::Vmovq, Class::Gp64),
    (iced_x86::Mnemonic::Movsx, iced_x86::Mnemonic::Movsxd, Class::Gp32),
];

fn borrow(code: Code, class: Class, forms: &mut Vec<Form>) {
    let info = code.op_code();
    let Some(operands) = info.op_kinds().iter().map(|&kind| operand_form(kind, info)).collect()
    else {
        return;
    };
    let mut form = Form::new(code, info, operands);
    let is_movsxd = class == Class::Gp32;
    let fits = match is_movsxd {
        true => form.operands[0].class == Some(Class::Gp64),
        false => form.operands.iter().any(|o| o.class == Some(class)),
    };
    if fits {
        if !is_movsxd {
            form.operands.iter_mut().for_each(|o| o.memory = None);
        }
        forms.push(form);
    }
}

/// Mnemonics whose result (or source) is the same whatever width of general-purpose register is
/// named: the manual's REX.W and 66 do nothing there.
fn has_blind_rows(row: iced_x86::Mnemonic) -> bool {
    use iced_x86::Mnemonic as M;
    matches!(
        row,
        M::Mov
            | M::Sldt
            | M::Str
            | M::Lldt
            | M::Ltr
            | M::Verr
            | M::Verw
            | M::Lkgs
            | M::Tpause
            | M::Umwait
            | M::Lmsw
            | M::Pextrb
            | M::Pextrw
            | M::Pinsrb
            | M::Pinsrw
            | M::Extractps
            | M::Movmskps
            | M::Movmskpd
            | M::Pmovmskb
            | M::Vpextrb
            | M::Vpextrw
            | M::Vpinsrb
            | M::Vpinsrw
            | M::Vextractps
            | M::Vmovmskps
            | M::Vmovmskpd
            | M::Vpmovmskb
    )
}

/// Adds, before each form over a 64-bit (or, where only read, 16-bit) register, its twin that
/// encodes the 32-bit one.
fn add_narrow_twins(forms: &mut Vec<Form>) {
    let mut twins = Vec::new();
    for form in forms.iter() {
        let Some(code) = form.opcode.iced() else { continue };
        let (kinds, mnemonic) = (code.op_code().op_kinds(), code.mnemonic());
        let is_move = mnemonic == iced_x86::Mnemonic::Mov;
        if is_move && !kinds.contains(&Kind::seg_reg) {
            continue;
        }
        let reads_it = matches!(kinds[0], Kind::seg_reg | Kind::xmm_reg)
            || (kinds.len() == 1
                && !matches!(mnemonic, iced_x86::Mnemonic::Sldt | iced_x86::Mnemonic::Str));
        let is_twin = |other: &&Form| {
            let Some(info) = other.opcode.iced().map(|code| code.op_code()) else { return false };
            let others = info.op_kinds();
            other.family == form.family
                && info.op_code() == code.op_code().op_code()
                && others.len() == kinds.len()
                && kinds.iter().zip(others).all(|(&a, &b)| a == b || narrows(a, b, reads_it))
                && kinds != others
        };
        if let Some(twin) = forms.iter().find(is_twin) {
            twins.push(Form { opcode: twin.opcode, ..form.clone_form() });
        }
    }
    twins.append(forms);
    *forms = twins;
}

/// Adds, for `mov r64, imm`, the rows that write 32 bits: see [`Form::is_zero_extended`].
fn add_zero_extended(forms: &mut Vec<Form>) {
    for code in [Code::Mov_r32_imm32, Code::Mov_rm32_imm32] {
        let number = OperandForm { imm: Some(ImmForm::Dword), ..OperandForm::default() };
        let register = OperandForm {
            class: Some(Class::Gp64),
            registers: Bank::Gp.registers(),
            ..OperandForm::default()
        };
        forms.push(Form::new(code, code.op_code(), vec![register, number]));
    }
}

fn narrows(wide: Kind, narrow: Kind, reads_it: bool) -> bool {
    match (wide, narrow) {
        (Kind::r64_reg, Kind::r32_reg) | (Kind::r64_or_mem, Kind::r32_or_mem) => true,
        (Kind::r64_rm, Kind::r32_rm) => true,
        (Kind::r16_or_mem, Kind::r32_or_mem) => reads_it,
        _ => false,
    }
}

/// The order among forms whose encodings are equally long, where iced's own is not the usual one.
fn preference(form: &Form) -> u8 {
    let Some(code) = form.opcode.iced() else { return 0 };
    let kinds = code.op_code().op_kinds();
    // `movq xmm, [m]`: F3 0F 7E and 66 0F D6, not 6E and 7E with REX.W.
    let is_movq = matches!(code.mnemonic(), iced_x86::Mnemonic::Movq | iced_x86::Mnemonic::Vmovq);
    let is_general = |kind: &Kind| matches!(kind, Kind::r64_or_mem);
    if is_movq && kinds.iter().any(is_general) {
        return 1;
    }
    // `mov r64, imm`: B8 with 32 bits, C7 with 32 bits that are sign-extended, B8 with 64 bits.
    let is_mov = code.mnemonic() == iced_x86::Mnemonic::Mov;
    let is_wide = |o: &OperandForm| matches!(o.imm, Some(ImmForm::DwordTo8 | ImmForm::Qword));
    if is_mov && form.operands.iter().any(is_wide) {
        return 1;
    }
    // FMA4 with registers only: W=1, where the last source is in ModRM.rm. XOP: W=0.
    if form.family == Family::Vex
        && kinds.iter().any(|k| matches!(k, Kind::xmm_is4 | Kind::ymm_is4))
    {
        let last_is_rm = matches!(kinds.last(), Some(Kind::xmm_or_mem | Kind::ymm_or_mem));
        return u8::from(!last_is_rm);
    }
    0
}
