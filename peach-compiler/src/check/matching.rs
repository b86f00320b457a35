//! An instruction of the author beside its rendering: the same but for the places of its registers.

use super::folded::Folded;
use super::inserted::{self, check_within_frame};
use super::stack::{Address, Layout};
use super::state::{Place, State, Sym};
use super::{Checked, Refusal};
use crate::abi::ArgPlace;
use crate::ir::{
    ArgId, Base, Code, DataContent, Extension, Function, Instruction, Item, LabelId, Machine, Mem,
    Op, Operand, Origin, Reg, View,
};
use crate::isa::{Access, Bank, Class, Control, Effects, Lanes, PhysReg, gp};

/// Where control goes after an instruction.
pub(super) struct Next {
    pub labels: Vec<LabelId>,
    pub falls_through: bool,
}

impl Next {
    pub fn nowhere() -> Next {
        Next { labels: Vec::new(), falls_through: false }
    }

    fn on() -> Next {
        Next { labels: Vec::new(), falls_through: true }
    }
}

/// Replays `items`, the rendering of `op`.
pub(super) fn replay(
    op: &Op,
    effects: &Effects<Reg>,
    items: &[Item],
    function: &Function,
    state: &mut State,
    layout: &mut Layout,
) -> Checked<Next> {
    match op {
        Op::Label(label) => expect_only(items, |code| matches!(code, Code::Label(l) if l == label)),
        Op::Align(n) => expect_only(items, |code| matches!(code, Code::Align(m) if m == n)),
        Op::Bytes(bytes) => {
            expect_only(items, |code| matches!(code, Code::Bytes(b) if b == bytes))?;
            raw_bytes(effects, state)
        }
        Op::Machine(machine) => {
            return replay_machine(machine, effects, items, function, state, layout);
        }
        Op::Copy { dst, src } => {
            let lanes = dst.class.lanes();
            state.alias(Sym::Reg(dst.reg), Sym::Reg(src.reg), lanes);
            forget_beyond(effects, *dst, lanes, state);
            replay_inserted(items, function, state, layout)?;
            if dst.class == Class::Gp32 {
                state.zero_extended(Sym::Reg(dst.reg));
            }
            Ok(())
        }
        Op::LoadArg { arg } => {
            replay_inserted(items, function, state, layout)?;
            let dst = Sym::Reg(Reg::Virtual(function[*arg].vreg));
            let lanes = effects.regs.iter().fold(Lanes::NONE, |all, a| all | a.write | a.may_write);
            state.alias(dst, Sym::Arg(*arg), lanes);
            // The other lanes of a float's register count as written, with any value.
            if function[function[*arg].vreg].class.bank() == Bank::Vector {
                state.complete(dst, Lanes::low(function[*arg].value.bytes()));
            }
            match function[*arg].extension {
                Extension::None => {}
                Extension::Zero => state.zero_extended(dst),
                Extension::Sign => state.sign_extended(dst),
            }
            Ok(())
        }
        Op::SetImm { dst, value } => set_imm(*dst, *value, effects, items, function, state, layout),
        Op::Return(_) => Err(Refusal::new("a return is replayed by `returns`")),
    }?;
    Ok(Next::on())
}

/// Bytes of a copy's destination beyond its class get no value that may be relied on.
fn forget_beyond(effects: &Effects<Reg>, dst: View<Reg>, lanes: Lanes, state: &mut State) {
    for access in effects.regs.iter().filter(|access| access.reg == dst.reg) {
        state.forget_value(Sym::Reg(dst.reg), (access.write | access.may_write) - lanes);
    }
}

fn expect_only(items: &[Item], wanted: impl Fn(&Code) -> bool) -> Checked {
    match items {
        [item] if wanted(&item.code) => Ok(()),
        _ => Err(Refusal::new("a label, alignment or raw bytes are not in their place")),
    }
}

/// Raw bytes find the physical registers that the author names as he left them, and whatever they
/// leave there is the new value.
fn raw_bytes(effects: &Effects<Reg>, state: &mut State) -> Checked {
    for access in &effects.regs {
        let (place, sym) = (place_of(access.reg), Sym::Reg(access.reg));
        state.demand(place, sym, access.read)?;
        state.forget_value(sym, access.may_write);
        state.forget_place(place, access.may_write);
        state.define(place, sym, access.may_write);
    }
    Ok(())
}

fn replay_inserted(
    items: &[Item],
    function: &Function,
    state: &mut State,
    layout: &mut Layout,
) -> Checked {
    for item in items {
        match &item.code {
            Code::Inst(inst) => inserted::replay(inst, function, state, layout)?,
            other => return Err(Refusal::new(format!("{other:?} was inserted"))),
        }
    }
    Ok(())
}

/// A number into a register: one instruction that provably makes it.
fn set_imm(
    dst: View<Reg>,
    value: i128,
    effects: &Effects<Reg>,
    items: &[Item],
    function: &Function,
    state: &mut State,
    layout: &mut Layout,
) -> Checked {
    let written = effects.regs.iter().fold(Lanes::NONE, |all, access| all | access.write);
    let zeroed = written - dst.class.lanes();
    state.forget_value(Sym::Reg(dst.reg), written);
    for item in items {
        let Code::Inst(inst) = &item.code else {
            return Err(Refusal::new("more than an instruction sets a number"));
        };
        let made = number_made(inst);
        inserted::replay(inst, function, state, layout)?;
        let Some((reg, number, lanes)) = made else { continue };
        let wanted = (value as u64) << (8 * dst.class.lanes().0.trailing_zeros());
        let right = Lanes((0..8).fold(0, |right, i| {
            let want = if zeroed.contains(Lanes(1 << i)) { 0 } else { wanted >> (8 * i) as u8 };
            right | u64::from(want as u8 == (number >> (8 * i)) as u8) << i
        }));
        // Bytes that nobody reads need not be right.
        state.forget_place(Place::Reg(reg), lanes);
        state.define_reg(reg, Sym::Reg(dst.reg), right & lanes & written);
        state.define_reg(reg, Sym::Zero, zero_bytes(number) & lanes);
    }
    Ok(())
}

/// The register, the number and the bytes that `inst` sets, if it does nothing else.
fn number_made(inst: &Instruction<PhysReg>) -> Option<(PhysReg, u64, Lanes)> {
    match (inst.mnemonic.name(), inst.operands.as_slice()) {
        ("xor", [Operand::Reg(a), Operand::Reg(b)]) if a == b && a.class.bytes() >= 4 => {
            Some((a.reg, 0, Lanes::low(8)))
        }
        ("mov", [Operand::Reg(dst), Operand::Imm(value)]) => Some(match dst.class {
            Class::Gp64 => (dst.reg, *value as u64, Lanes::low(8)),
            Class::Gp32 => (dst.reg, *value as u64 & 0xFFFF_FFFF, Lanes::low(8)),
            Class::Gp8h => (dst.reg, (*value as u64 & 0xFF) << 8, dst.class.lanes()),
            class => (dst.reg, *value as u64 & byte_mask(class.lanes()), class.lanes()),
        }),
        _ => None,
    }
}

fn byte_mask(lanes: Lanes) -> u64 {
    (0..8).filter(|i| lanes.0 >> i & 1 == 1).fold(0, |mask, i| mask | 0xFF << (8 * i))
}

fn zero_bytes(number: u64) -> Lanes {
    Lanes((0..8).filter(|i| number >> (8 * i) & 0xFF == 0).fold(0, |lanes, i| lanes | 1 << i))
}

/// The registers of an instruction of the author with the places that stand for them.
#[derive(Default)]
struct Bindings {
    places: Vec<(Reg, Place)>,
}

impl Bindings {
    fn bind(&mut self, reg: Reg, place: Place) -> Checked {
        if let (Reg::Physical(wanted), true) = (reg, place != place_of(reg)) {
            return Err(Refusal::new(format!("{wanted:?} was written, {place:?} stands there")));
        }
        if !self.places.contains(&(reg, place)) {
            self.places.push((reg, place));
        }
        Ok(())
    }

    /// An idiom (`xor a, a`) reads nothing only because both operands are one register.
    fn demand_one_place_unless_read(&self, effects: &Effects<Reg>) -> Checked {
        for (index, &(reg, place)) in self.places.iter().enumerate() {
            let first = self.places[..index].iter().find(|(known, _)| *known == reg);
            let read = || effects.regs.iter().any(|a| a.reg == reg && !a.read.is_empty());
            if first.is_some_and(|(_, known)| *known != place) && !read() {
                return Err(Refusal::new(format!("{reg:?} is one register, but has two places")));
            }
        }
        Ok(())
    }

    fn of(&self, reg: Reg) -> impl Iterator<Item = Place> {
        let bound = self.places.iter().filter(move |(known, _)| *known == reg).map(|(_, p)| *p);
        bound.chain(matches!(reg, Reg::Physical(_)).then(|| place_of(reg)))
    }
}

fn place_of(reg: Reg) -> Place {
    match reg {
        Reg::Physical(reg) => Place::Reg(reg),
        Reg::Virtual(_) => Place::Reg(PhysReg::new(Bank::Ip, 0)),
    }
}

fn replay_machine(
    machine: &Machine,
    effects: &Effects<Reg>,
    items: &[Item],
    function: &Function,
    state: &mut State,
    layout: &mut Layout,
) -> Checked<Next> {
    let at = items
        .iter()
        .position(|item| is_rendering(item, machine))
        .ok_or_else(|| Refusal::new(format!("`{}` is missing", machine.inst.mnemonic.name())))?;
    let Code::Inst(rendering) = &items[at].code else { unreachable!("a rendering") };
    replay_inserted(&items[..at], function, state, layout)?;
    let mut bindings = Bindings::default();
    // `pop` moves the stack pointer before it computes the address it stores to (Intel SDM, POP).
    let before = state.stack.rsp;
    state.stack.rsp = before.plus(i64::from(effects.stack.max(0)));
    bind_instruction(&machine.inst, rendering, &mut bindings, function, state, layout)?;
    check_folded(&machine.inst, rendering, effects, &bindings, function, state, layout)?;
    check_block(machine, rendering)?;
    state.stack.rsp = before;
    demand_reads(effects, &bindings, state)?;
    carry_out(machine, effects, &bindings, state, layout)?;
    replay_inserted(&items[at + 1..], function, state, layout)?;
    Ok(next_of(machine, effects.control, function))
}

/// Registers that are not encoded must follow the one that is.
fn check_block(machine: &Machine, rendering: &Instruction<PhysReg>) -> Checked {
    let Some((operand, count)) = machine.selection.block() else { return Ok(()) };
    let Some(Operand::Reg(first)) = rendering.operands.get(operand) else {
        return Err(Refusal::new(format!("`{rendering}` has no block of registers")));
    };
    let mut rest = rendering.block.iter().zip(first.reg.num + 1..);
    let follow = rest.all(|(reg, num)| *reg == PhysReg::new(first.reg.bank, num));
    let is_whole = rendering.block.is_empty() || rendering.block.len() + 1 == count;
    match follow && is_whole && usize::from(first.reg.num) % count == 0 {
        true => Ok(()),
        false => Err(Refusal::new(format!("`{rendering}` with {:?}", rendering.block))),
    }
}

/// A register that became memory may not change what the instruction does.
fn check_folded(
    author: &Instruction<Reg>,
    rendering: &Instruction<PhysReg>,
    effects: &Effects<Reg>,
    bindings: &Bindings,
    function: &Function,
    state: &State,
    layout: &Layout,
) -> Checked {
    for (operand, pair) in author.operands.iter().zip(&rendering.operands).enumerate() {
        let (Operand::Reg(view), Operand::Mem(mem)) = pair else { continue };
        let slot = state.stack.resolve(mem);
        let slot = slot.ok_or_else(|| Refusal::new("a register became unknown memory"))?;
        let folded = Folded { operand, view: *view, mem, slot };
        folded.check(rendering, effects, function, layout, |reg| {
            match bindings.of(reg).next() {
                Some(Place::Reg(reg)) => Some(reg),
                Some(Place::Slot(_)) | None => None,
            }
        })?;
    }
    Ok(())
}

fn is_rendering(item: &Item, machine: &Machine) -> bool {
    matches!(&item.code, Code::Inst(inst)
        if inst.mnemonic == machine.inst.mnemonic && matches!(item.origin, Origin::Author(_)))
}

fn bind_instruction(
    author: &Instruction<Reg>,
    rendering: &Instruction<PhysReg>,
    bindings: &mut Bindings,
    function: &Function,
    state: &State,
    layout: &mut Layout,
) -> Checked {
    let same = author.prefixes == rendering.prefixes
        && author.zeroing == rendering.zeroing
        && author.rounding == rendering.rounding
        && author.encoding == rendering.encoding
        && author.operands.len() == rendering.operands.len()
        && author.block.len() == rendering.block.len()
        && author.mask.is_some() == rendering.mask.is_some();
    if !same {
        return Err(Refusal::new(format!("{rendering:?} is not what was written")));
    }
    if let (Some(mask), Some(place)) = (author.mask, rendering.mask) {
        bindings.bind(mask.reg, Place::Reg(place.reg))?;
    }
    for (&reg, &place) in author.block.iter().zip(&rendering.block) {
        bindings.bind(reg, Place::Reg(place))?;
    }
    for (operand, place) in author.operands.iter().zip(&rendering.operands) {
        bind_operand(operand, place, bindings, function, state, layout)?;
    }
    Ok(())
}

fn bind_operand(
    author: &Operand<Reg>,
    rendering: &Operand<PhysReg>,
    bindings: &mut Bindings,
    function: &Function,
    state: &State,
    layout: &mut Layout,
) -> Checked {
    match (author, rendering) {
        (Operand::Reg(view), Operand::Reg(place)) if view.class == place.class => {
            bindings.bind(view.reg, Place::Reg(place.reg))
        }
        (Operand::Reg(view), Operand::Mem(mem)) => {
            let slot = state.stack.resolve(mem).filter(|_| mem.index.is_none());
            let slot = slot.ok_or_else(|| Refusal::new("a register became unknown memory"))?;
            check_within_frame(slot, function, state)?;
            bindings.bind(view.reg, Place::Slot(slot))
        }
        (Operand::Mem(mem), Operand::Mem(place)) => {
            bind_memory(mem, place, bindings, function, state, layout)
        }
        (Operand::Imm(a), Operand::Imm(b)) if a == b => Ok(()),
        (Operand::RustConst(a), Operand::RustConst(b)) if a == b => Ok(()),
        (Operand::RustSym(a), Operand::RustSym(b)) if a == b => Ok(()),
        (Operand::Label(a), Operand::Label(b)) if a == b => Ok(()),
        (Operand::Relative(a), Operand::Relative(b)) if a == b => Ok(()),
        _ => Err(Refusal::new(format!("{author:?} was written, {rendering:?} stands there"))),
    }
}

fn bind_memory(
    author: &Mem<Reg>,
    rendering: &Mem<PhysReg>,
    bindings: &mut Bindings,
    function: &Function,
    state: &State,
    layout: &mut Layout,
) -> Checked {
    let different = || Refusal::new(format!("{author:?} was written, {rendering:?} stands there"));
    let same = author.size == rendering.size
        && author.broadcast == rendering.broadcast
        && author.segment == rendering.segment
        && author.disp_const == rendering.disp_const
        && author.disp_size == rendering.disp_size;
    if !same {
        return Err(different());
    }
    match (author.index, rendering.index) {
        (None, None) => {}
        (Some((view, scale)), Some((place, place_scale)))
            if scale == place_scale && view.class == place.class =>
        {
            bindings.bind(view.reg, Place::Reg(place.reg))?;
        }
        _ => return Err(different()),
    }
    match (author.base, rendering.base) {
        (Base::Reg(view), Base::Reg(place))
            if view.class == place.class && author.disp == rendering.disp =>
        {
            bindings.bind(view.reg, Place::Reg(place.reg))
        }
        (Base::None, Base::None) | (Base::Rip, Base::Rip) if author.disp == rendering.disp => {
            Ok(())
        }
        (Base::Data(a), Base::Data(b)) if a == b && author.disp == rendering.disp => Ok(()),
        (Base::Local(local), _) => {
            let address = state.stack.resolve(rendering).ok_or_else(different)?;
            let start = address.plus(-author.disp);
            check_within_frame(start, function, state)?;
            let info = &function[local];
            let align = (info.align, function.convention.stack_align);
            layout.place_local(local, start, info.size, align)
        }
        (Base::StackArg, _) => {
            let address = state.stack.resolve(rendering).ok_or_else(different)?;
            let arg = function.args.iter().position(|arg| {
                let place = function.placement.args[arg.param][arg.part];
                matches!(place, ArgPlace::Stack { offset } if i64::from(offset) == author.disp)
            });
            match arg {
                Some(arg) if address == Address::cfa(author.disp) => {
                    let value = Lanes::low(function.args[arg].bytes);
                    state.demand(Place::Slot(address), Sym::Arg(ArgId(arg as u32)), value)
                }
                _ => Err(different()),
            }
        }
        _ => Err(different()),
    }
}

/// Every byte that the instruction reads must be in the places that stand for its registers.
fn demand_reads(effects: &Effects<Reg>, bindings: &Bindings, state: &State) -> Checked {
    if effects.flags_read.0 & !state.flags.0 != 0 {
        return Err(Refusal::new("the flags that it reads were overwritten"));
    }
    bindings.demand_one_place_unless_read(effects)?;
    for access in &effects.regs {
        if access.read.is_empty() || access.reg == Reg::Physical(gp::RSP) {
            continue;
        }
        for place in bindings.of(access.reg) {
            state.demand(place, Sym::Reg(access.reg), access.read)?;
        }
    }
    Ok(())
}

/// The instruction takes effect, in the program as written and in the places.
fn carry_out(
    machine: &Machine,
    effects: &Effects<Reg>,
    bindings: &Bindings,
    state: &mut State,
    layout: &mut Layout,
) -> Checked {
    let written = |access: &&Access<Reg>| {
        access.reg != Reg::Physical(gp::RSP) && !(access.write | access.may_write).is_empty()
    };
    check_destinations(machine, effects.regs.iter().filter(written), bindings)?;
    // Kept bytes stay where they are; a byte that is kept or written stays with its register.
    for access in effects.regs.iter().filter(written) {
        let lanes = access.write | access.may_write;
        let kept: Vec<(Place, Lanes)> = bindings
            .of(access.reg)
            .map(|place| (place, state.holds(place, Sym::Reg(access.reg)) & access.may_write))
            .collect();
        state.forget_value(Sym::Reg(access.reg), lanes);
        for &(place, _) in &kept {
            state.forget_place(place, lanes);
            if let Place::Reg(reg) = place {
                state.stack.forget(reg);
            }
        }
        for (place, kept) in kept {
            state.define(place, Sym::Reg(access.reg), kept);
        }
    }
    for access in effects.regs.iter().filter(written) {
        let places: Vec<Place> = match bindings.of(access.reg).next() {
            Some(place) => vec![place],
            // `vzeroall` sets registers that it does not name: every place it clears holds them.
            None => (0..16).map(|num| Place::Reg(PhysReg::vector(num))).collect(),
        };
        for place in places {
            state.define(place, Sym::Reg(access.reg), access.write);
            state.define(place, Sym::Zero, access.zeroed);
        }
    }
    note_sign_extension(machine, bindings, state);
    note_upper_halves(machine, effects, bindings, state);
    state.flags.0 |= effects.flags_written.0;
    state.flags_set.0 |= effects.flags_written.0 | effects.flags_may_write.0;
    move_stack(effects, state, layout);
    Ok(())
}

/// Everything written has one place, and no two registers have the same.
fn check_destinations<'a>(
    machine: &Machine,
    written: impl Iterator<Item = &'a Access<Reg>>,
    bindings: &Bindings,
) -> Checked {
    let mut taken: Vec<(Place, Reg)> = Vec::new();
    for access in written {
        let mut places = bindings.of(access.reg);
        let Some(place) = places.next() else {
            if machine.inst.mnemonic.name() == "vzeroall" {
                continue;
            }
            return Err(Refusal::new(format!("{:?} is written nowhere", access.reg)));
        };
        if places.any(|other| other != place) {
            return Err(Refusal::new(format!("{:?} is written in two places", access.reg)));
        }
        if let Some((_, other)) =
            taken.iter().find(|(known, reg)| *known == place && *reg != access.reg)
        {
            let reg = access.reg;
            return Err(Refusal::new(format!("{reg:?} and {other:?} are written to {place:?}")));
        }
        taken.push((place, access.reg));
    }
    Ok(())
}

/// `movsx` leaves copies of the sign above what it moved.
fn note_sign_extension(machine: &Machine, bindings: &Bindings, state: &mut State) {
    let inst = &machine.inst;
    if !matches!(inst.mnemonic.name(), "movsx" | "movsxd") {
        return;
    }
    let [Operand::Reg(dst), src] = inst.operands.as_slice() else { return };
    let bytes = match src {
        Operand::Reg(view) => view.class.bytes(),
        Operand::Mem(Mem { size: Some(size), .. }) => *size,
        _ if inst.mnemonic.name() == "movsxd" => 4,
        _ => return,
    };
    for place in bindings.of(dst.reg) {
        let signs = Lanes::low(dst.class.bytes()) - Lanes::low(bytes);
        state.define(place, Sym::SignFrom(bytes as u8), signs);
    }
}

/// What has been written of the upper halves of vector registers, for `vzeroupper`.
fn note_upper_halves(
    machine: &Machine,
    effects: &Effects<Reg>,
    bindings: &Bindings,
    state: &mut State,
) {
    if matches!(machine.inst.mnemonic.name(), "vzeroupper" | "vzeroall") {
        state.upper_written = false;
        return;
    }
    for operand in &machine.inst.operands {
        let Operand::Reg(view) = operand else { continue };
        let mut accesses = effects.regs.iter().filter(|access| access.reg == view.reg);
        if accesses.any(|access| !(access.write | access.may_write).is_empty()) {
            bindings.of(view.reg).for_each(|place| state.note_upper(place, view.class));
        }
    }
}

fn move_stack(effects: &Effects<Reg>, state: &mut State, layout: &mut Layout) {
    if effects.control == Control::Call {
        let rsp = state.stack.rsp;
        state.overwrite_below(rsp);
        return;
    }
    let bytes = effects.stack.unsigned_abs();
    state.stack.rsp = state.stack.rsp.plus(effects.stack.into());
    if effects.stack < 0 {
        let rsp = state.stack.rsp;
        layout.push(rsp, bytes);
        state.overwrite(rsp, bytes);
    }
}

fn next_of(machine: &Machine, control: Control, function: &Function) -> Next {
    let mut labels: Vec<LabelId> = machine
        .inst
        .operands
        .iter()
        .filter_map(|operand| match operand {
            Operand::Label(branch) => Some(branch.label),
            _ => None,
        })
        .collect();
    if let Some(DataContent::Jumps(targets)) = machine.targets.map(|data| &function[data].content) {
        labels.extend(targets);
    }
    let falls_through = matches!(control, Control::Next | Control::Branch | Control::Call);
    if matches!(control, Control::Next | Control::Call | Control::Stop) {
        labels.clear();
    }
    Next { labels, falls_through }
}
