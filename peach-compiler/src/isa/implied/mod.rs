//! Operands that may be written although the bytes have no place for them: the registers and
//! addresses that an instruction always uses, as in `movs byte ptr [rdi], byte ptr fs:[rsi]` and
//! `clzero rax`.
//!
//! In: an instruction as it was written. Out: the same one without these operands. What they say
//! moves into the name (the size of a string instruction's elements) and into the prefixes (the
//! segment and the width of the address). [`implied_operands`] goes the other way, for text.

mod table;

use table::Place::{Accumulator, Address, Destination, Either, Only, Port, Source, Table};
use table::{Place, Row, pointer, rows, sized};

use crate::isa::{
    Bank, Base, Class, Instruction, Mem, Mnemonic, Operand, PhysReg, Prefixes, Register,
    SelectError, View, gp, register_name, size_name,
};

/// The x87 instructions that pop where nothing is written behind them (GNU as, LLVM, NASM).
const POPPING: [(&str, &str); 6] = [
    ("fadd", "faddp"),
    ("fmul", "fmulp"),
    ("fsub", "fsubp"),
    ("fsubr", "fsubrp"),
    ("fdiv", "fdivp"),
    ("fdivr", "fdivrp"),
];

/// VIA's instructions whose opcode has the F3 that other assemblers write as `rep`.
const REPEATED: [&str; 9] = [
    "montmul",
    "xsha1",
    "xsha256",
    "xsha512",
    "xcryptecb",
    "xcryptcbc",
    "xcryptctr",
    "xcryptcfb",
    "xcryptofb",
];

/// Whether the instruction's own memory can be in another segment.
pub(in crate::isa) fn takes_segment(mnemonic: Mnemonic) -> bool {
    let is_source = |place: &Place| matches!(place, Source | Table);
    rows().get(&mnemonic).is_some_and(|row| row.places.iter().any(is_source))
}

/// Whether the instruction has memory of its own, whose address can have 32 bits.
pub(crate) fn has_implied_memory(mnemonic: Mnemonic) -> bool {
    let is_address = |place: &Place| matches!(place, Destination | Source | Table | Address);
    rows().get(&mnemonic).is_some_and(|row| row.places.iter().any(is_address))
}

/// Takes the operands out that the instruction implies, if it has some.
///
/// # Errors
/// Where they are not those that it implies, or its size stays open.
pub fn take_implied<R: Register>(inst: &mut Instruction<R>) -> Result<(), SelectError> {
    complete_x87(inst);
    if inst.prefixes.rep && REPEATED.contains(&inst.mnemonic.name()) {
        inst.prefixes.rep = false;
    }
    widen_selector(inst);
    let Some(row) = rows().get(&inst.mnemonic) else { return Ok(()) };
    // `movsd xmm1, [m]` and `cmpsd xmm1, xmm2, 0` have these names too.
    let is_vector = |operand: &Operand<R>| match operand {
        Operand::Reg(view) => view.class.bank() == Bank::Vector,
        _ => false,
    };
    if inst.operands.is_empty() && !row.is_open || inst.operands.iter().any(is_vector) {
        return Ok(());
    }
    let name = inst.mnemonic.name();
    let mut reader = Reader { name, row, prefixes: inst.prefixes, size: None, address: None };
    reader.read(&inst.operands)?;
    if row.is_open {
        inst.mnemonic = reader.sized_mnemonic(&inst.operands)?;
    }
    inst.prefixes = reader.prefixes;
    inst.prefixes.narrow_address = reader.address == Some(Class::Gp32);
    inst.operands.clear();
    Ok(())
}

/// What GNU as, LLVM and NASM make of x87 instructions without operands.
fn complete_x87<R: Register>(inst: &mut Instruction<R>) {
    if !inst.operands.is_empty() {
        return;
    }
    let name = inst.mnemonic.name();
    if matches!(name, "fnstsw" | "fstsw") {
        let ax = View { reg: R::from(gp::RAX), class: Class::Gp16 };
        inst.operands.push(Operand::Reg(ax));
    }
    let popping = POPPING.iter().find(|(plain, _)| *plain == name);
    if let Some(mnemonic) = popping.and_then(|(_, name)| Mnemonic::parse(name)) {
        inst.mnemonic = mnemonic;
    }
}

/// `lar rcx, dx`: the source is a selector of 16 bits, whatever it is called (Intel SDM volume 2,
/// LAR and LSL), and encoded as wide as the destination.
fn widen_selector<R: Register>(inst: &mut Instruction<R>) {
    if !matches!(inst.mnemonic.name(), "lar" | "lsl") {
        return;
    }
    if let [Operand::Reg(to), Operand::Reg(from)] = inst.operands.as_mut_slice()
        && matches!(to.class, Class::Gp16 | Class::Gp32 | Class::Gp64)
        && matches!(from.class, Class::Gp16 | Class::Gp32 | Class::Gp64)
    {
        from.class = to.class;
    }
}

/// Reads the operands of one instruction.
struct Reader {
    name: &'static str,
    row: &'static Row,
    prefixes: Prefixes,
    /// The bytes of an element, and the operand that says so.
    size: Option<u32>,
    /// How wide the addresses are.
    address: Option<Class>,
}

impl Reader {
    fn read<R: Register>(&mut self, operands: &[Operand<R>]) -> Result<(), SelectError> {
        let all = self.row.places.iter();
        let written: Vec<Place> = match operands.len() == self.row.places.len() {
            true => all.copied().collect(),
            false => all.copied().filter(|place| *place != Accumulator).collect(),
        };
        if written.len() != operands.len() {
            return Err(self.no_form(None));
        }
        for (at, (place, operand)) in written.into_iter().zip(operands).enumerate() {
            match operand {
                Operand::Mem(mem) => self.memory(place, mem, at)?,
                Operand::Reg(view) => self.register(place, *view, at)?,
                _ => return Err(self.no_form(Some(at))),
            }
        }
        Ok(())
    }

    fn memory<R: Register>(
        &mut self,
        place: Place,
        mem: &Mem<R>,
        at: usize,
    ) -> Result<(), SelectError> {
        let Some(pointer) = pointer(place) else { return Err(self.no_form(Some(at))) };
        let is_plain = mem.index.is_none()
            && mem.disp == 0
            && mem.disp_const.is_none()
            && mem.disp_size.is_none()
            && mem.broadcast.is_none();
        match mem.base {
            Base::Reg(view) if is_plain && view.reg.physical() == Some(pointer) => {
                self.address(view.class, at)?;
            }
            _ => return Err(self.other_address(pointer, at)),
        }
        match mem.segment.map(|segment| register_name(segment, Class::Segment)) {
            None => {}
            Some(name) if name == if place == Destination { "es" } else { "ds" } => {}
            Some(_) if place == Destination => {
                let message = "string instructions write to `es:[rdi]`: only the segment of \
                               `[rsi]` can be another";
                return Err(SelectError::BadDecoration {
                    message: message.to_string(),
                    operand: Some(at),
                });
            }
            Some(_) => self.prefixes.segment = mem.segment,
        }
        mem.size.map_or(Ok(()), |bytes| self.element(bytes, at))
    }

    fn register<R: Register>(
        &mut self,
        place: Place,
        view: View<R>,
        at: usize,
    ) -> Result<(), SelectError> {
        let (reg, classes): (PhysReg, &[Class]) = match place {
            Accumulator => (gp::RAX, &[Class::Gp8, Class::Gp16, Class::Gp32, Class::Gp64]),
            Port => (gp::RDX, &[Class::Gp16]),
            Address => (gp::RAX, &[Class::Gp64, Class::Gp32]),
            Either(reg) => (reg, &[Class::Gp32, Class::Gp64]),
            Only(reg) => (reg, &[Class::Gp32]),
            Destination | Source | Table => return Err(self.no_form(Some(at))),
        };
        if !classes.contains(&view.class) {
            return Err(self.no_form(Some(at)));
        }
        if view.reg.physical() != Some(reg) {
            let name = register_name(reg, view.class);
            let message =
                format!("`{}` always uses `{name}` here: copy the value into it before", self.name);
            return Err(SelectError::RegisterConflict { message, operand: at });
        }
        match place {
            Accumulator => self.element(view.class.bytes(), at),
            Address => self.address(view.class, at),
            Destination | Source | Table | Port | Either(_) | Only(_) => Ok(()),
        }
    }

    /// Notes how wide an address is: one prefix governs all of them.
    fn address(&mut self, class: Class, at: usize) -> Result<(), SelectError> {
        if !matches!(class, Class::Gp32 | Class::Gp64) {
            return Err(self.no_form(Some(at)));
        }
        match self.address.replace(class) {
            Some(other) if other != class => Err(SelectError::RegisterConflict {
                message: "both addresses must have the same width: `[rdi]` and `[rsi]`, or \
                          `[edi]` and `[esi]`"
                    .to_string(),
                operand: at,
            }),
            _ => Ok(()),
        }
    }

    /// Notes how many bytes an element has.
    fn element(&mut self, bytes: u32, at: usize) -> Result<(), SelectError> {
        let agrees = self.size.is_none_or(|size| size == bytes);
        if !agrees || !self.row.sizes.contains(&bytes) {
            return Err(self.no_form(Some(at)));
        }
        self.size = Some(bytes);
        Ok(())
    }

    fn sized_mnemonic<R: Register>(
        &self,
        operands: &[Operand<R>],
    ) -> Result<Mnemonic, SelectError> {
        let is_memory = |operand: &Operand<R>| matches!(operand, Operand::Mem(_));
        let ambiguous = || SelectError::AmbiguousSize {
            operand: operands.iter().position(is_memory).unwrap_or_default(),
            sizes: self.row.sizes.to_vec(),
        };
        let bytes = self.size.ok_or_else(ambiguous)?;
        Mnemonic::parse(&sized(self.row.name, bytes)).ok_or_else(|| self.no_form(None))
    }

    fn other_address(&self, pointer: PhysReg, at: usize) -> SelectError {
        let name = register_name(pointer, Class::Gp64);
        SelectError::RegisterConflict {
            message: format!(
                "`{}` always uses the address in `{name}` here: write `[{name}]`, and copy the \
                 address into `{name}` before",
                self.name
            ),
            operand: at,
        }
    }

    fn no_form(&self, operand: Option<usize>) -> SelectError {
        let sizes = self.row.sizes.iter();
        let mut forms: Vec<String> = sizes.map(|&bytes| self.notation(bytes)).collect();
        if !self.row.is_open {
            forms.push(self.name.to_ascii_uppercase());
        }
        SelectError::NoForm { forms, operand }
    }

    /// A form with its operands as they are written: `LODS al, byte [rsi]`.
    fn notation(&self, bytes: u32) -> String {
        let places = self.row.places.iter();
        let operands: Vec<String> = places.map(|place| spelled(*place, bytes)).collect();
        format!("{} {}", self.name.to_ascii_uppercase(), operands.join(", "))
    }
}

fn spelled(place: Place, bytes: u32) -> String {
    let memory = |reg| {
        let size = size_name(bytes).unwrap_or_default();
        format!("{size} [{}]", register_name(reg, Class::Gp64))
    };
    match (place, pointer(place)) {
        (_, Some(reg)) => memory(reg),
        (Accumulator, _) => register_name(gp::RAX, general(bytes)),
        (Port, _) => "dx".to_string(),
        (Address, _) => "rax".to_string(),
        (Either(reg) | Only(reg), _) => register_name(reg, Class::Gp32),
        (Destination | Source | Table, None) => String::new(),
    }
}

fn general(bytes: u32) -> Class {
    match bytes {
        1 => Class::Gp8,
        2 => Class::Gp16,
        4 => Class::Gp32,
        _ => Class::Gp64,
    }
}

/// The operands to write where the name alone would not say everything: those of an instruction
/// with a segment or an address of 32 bits.
pub(crate) fn implied_operands(inst: &Instruction<PhysReg>) -> Vec<Operand<PhysReg>> {
    let Prefixes { segment, narrow_address, .. } = inst.prefixes;
    let Some(row) = rows().get(&inst.mnemonic) else { return Vec::new() };
    if segment.is_none() && !narrow_address {
        return Vec::new();
    }
    let class = if narrow_address { Class::Gp32 } else { Class::Gp64 };
    let register = |reg, class| Some(Operand::Reg(View { reg, class }));
    let operand = |place: &Place| match *place {
        Destination | Source | Table => {
            let base = Base::Reg(View { reg: pointer(*place)?, class });
            let segment = segment.filter(|_| *place != Destination);
            Some(Operand::Mem(Mem { size: Some(row.sizes[0]), segment, ..Mem::new(base, 0) }))
        }
        Accumulator => None,
        Port => register(gp::RDX, Class::Gp16),
        Address => register(gp::RAX, class),
        Either(reg) | Only(reg) => register(reg, Class::Gp32),
    };
    row.places.iter().filter_map(operand).collect()
}
