//! Where the stack pointer is, and which stack memory belongs to whom.

use super::{Checked, Refusal};
use crate::ir::{Base, LocalId, Mem, View};
use crate::isa::{Class, PhysReg, gp};
use crate::sorted::{self, SortedMap, SortedSet};

/// What a stack address is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Region {
    /// The canonical frame address: `rsp` before the call.
    Cfa,
    /// The stack pointer after it was aligned down, an unknown distance below.
    Aligned,
}

/// A stack address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Address {
    /// What it is counted from.
    pub region: Region,
    /// In bytes.
    pub offset: i64,
}

impl Address {
    pub const fn cfa(offset: i64) -> Address {
        Address { region: Region::Cfa, offset }
    }

    pub fn plus(self, offset: i64) -> Address {
        Address { offset: self.offset + offset, ..self }
    }
}

/// The registers that point into the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stack {
    /// `rsp`.
    pub rsp: Address,
    /// Registers that hold a stack address: the frame's base, and where a loop over its pages ends.
    bases: SortedMap<PhysReg, Address>,
    /// `rsp` after the prologue: what is below, down to `rsp`, the source has pushed.
    pub floor: Option<Address>,
}

impl Stack {
    /// The return address has just been pushed.
    pub fn on_entry() -> Stack {
        Stack { rsp: Address::cfa(-8), bases: SortedMap::new(), floor: None }
    }

    /// The stack address that a memory operand stands for without its index, if it is one.
    pub fn resolve(&self, mem: &Mem<PhysReg>) -> Option<Address> {
        let Base::Reg(view @ View { class: Class::Gp64, .. }) = mem.base else { return None };
        if mem.segment.is_some() {
            return None;
        }
        Some(self.address_in(view.reg)?.plus(mem.disp))
    }

    /// The stack address that a register holds, if it holds one.
    pub fn address_in(&self, reg: PhysReg) -> Option<Address> {
        match reg {
            gp::RSP => Some(self.rsp),
            reg => self.bases.get(&reg).copied(),
        }
    }

    /// `reg` gets a stack address.
    pub fn set_base(&mut self, reg: PhysReg, address: Address) {
        self.bases.insert(reg, address);
    }

    /// Whether the user has pushed something in these bytes.
    pub fn is_pushed(&self, address: Address, bytes: u32) -> bool {
        self.floor.is_some_and(|floor| {
            let pushed = (self.rsp, (floor.offset - self.rsp.offset).max(0) as u32);
            let any = floor.region == self.rsp.region && pushed.1 > 0;
            any && overlap((address, bytes), pushed)
        })
    }

    /// `reg` is overwritten.
    pub fn forget(&mut self, reg: PhysReg) {
        self.bases.remove(&reg);
    }

    /// Both must agree where paths meet.
    pub fn meet(&mut self, other: &Stack) -> Checked<bool> {
        if self.rsp != other.rsp {
            return Err(Refusal::new(format!(
                "the stack pointer is at {:?} on one path and at {:?} on another",
                self.rsp, other.rsp
            )));
        }
        let known = self.bases.len();
        self.bases.retain(|reg, address| other.bases.get(reg) == Some(address));
        Ok(self.bases.len() != known)
    }
}

/// Where stack variables and slots are: inferred from their uses, which must agree.
#[derive(Debug, Default)]
pub(super) struct Layout {
    locals: SortedMap<LocalId, (Address, u32)>,
    /// Memory that pushes and saves have used.
    pushed: SortedSet<(Address, u32)>,
    /// Where [`Region::Aligned`] may begin, counted from the canonical frame address: the lowest
    /// and the highest place.
    window: Option<(i64, i64)>,
    /// What it is a multiple of.
    window_align: i64,
    /// Whether that is the stack pointer, so that what is below belongs to it.
    window_is_end: bool,
}

impl Layout {
    /// `local`, of `size` bytes, is used as being at `address`.
    pub fn place_local(
        &mut self,
        local: LocalId,
        address: Address,
        size: u32,
        (align, stack_align): (u32, u32),
    ) -> Checked {
        if !self.is_aligned(address, align, stack_align) {
            return Err(Refusal::new(format!("local {} is not aligned: {address:?}", local.0)));
        }
        match self.locals.insert(local, (address, size)) {
            Some((known, _)) if known != address => {
                Err(Refusal::new(format!("local {} is at {known:?} and {address:?}", local.0)))
            }
            _ => Ok(()),
        }
    }

    /// Whether `address` is certain to be a multiple of `align`.
    pub fn is_aligned(&self, address: Address, align: u32, stack_align: u32) -> bool {
        let start = match address.region {
            // The frame address is a multiple of what the convention aligns the stack pointer to.
            Region::Cfa => i64::from(stack_align),
            Region::Aligned => self.window_align,
        };
        i64::from(align) <= start && address.offset % i64::from(align) == 0
    }

    /// `address` is rounded down to a multiple of `align`. Both it and the stack pointer are
    /// multiples of a word, so that is at most `align` less a word below it.
    pub fn align_within(&mut self, address: Address, align: i64, rsp: Address) -> Checked {
        let window = (address.offset - (align - 8).max(0), address.offset);
        let in_frame = address.region == Region::Cfa
            && address.offset % 8 == 0
            && rsp.region == Region::Cfa
            && rsp.offset <= window.0;
        if !in_frame || self.window.is_some_and(|known| known != window) {
            return Err(Refusal::new(format!("{address:?}, aligned to {align}, leaves the frame")));
        }
        self.window = Some(window);
        self.window_align = align;
        Ok(())
    }

    /// The stack pointer is rounded down to a multiple of `align`.
    pub fn align_stack_pointer(&mut self, rsp: Address, align: i64) -> Checked {
        let window = (rsp.offset - (align - 8).max(0), rsp.offset);
        let again = self.window.is_some_and(|known| known != window);
        if rsp.region != Region::Cfa || rsp.offset % 8 != 0 || again {
            return Err(Refusal::new(format!(
                "the stack pointer at {rsp:?} is aligned to {align}"
            )));
        }
        self.window = Some(window);
        self.window_align = align;
        self.window_is_end = true;
        Ok(())
    }

    /// `bytes` bytes at `address` are used by a push or a save.
    pub fn push(&mut self, address: Address, bytes: u32) {
        self.pushed.insert((address, bytes));
    }

    /// Stack variables share no byte with one another, with pushes, saves and spills, nor with the
    /// return address and what lies above the `shadow` bytes of shadow space.
    pub fn check_disjoint(&self, shadow: u32) -> Checked {
        let locals = self.locals.values().map(|&local| (local, true));
        let return_address = (Address::cfa(-8), 8);
        let others = self.pushed.iter().chain([&return_address]).map(|&other| (other, false));
        let mut ranges: Vec<((Address, u32), bool)> = locals.chain(others).collect();
        let above = (Address::cfa(shadow.into()), u32::MAX);
        if let Some((local, _)) =
            ranges.iter().find(|(range, local)| *local && overlap(*range, above))
        {
            return Err(Refusal::new(format!("a local at {:?} shares its memory", local.0)));
        }
        sorted::sort(&mut ranges);
        check_apart(&ranges)?;
        let ranges = ranges.into_iter().map(|(range, _)| range);
        let (aligned, plain): (Vec<_>, Vec<_>) =
            ranges.partition(|(address, _)| address.region == Region::Aligned);
        // All of them move together, so that what lies between them is out of the way of others,
        // too.
        let mut extents = Vec::with_capacity(aligned.len());
        for one in aligned {
            if let Some(extent) = self.extent(one)? {
                extents.push(extent);
            }
        }
        let mut plain = plain.into_iter().peekable();
        for extent in extents {
            // Both are sorted by where they start, and no two of the plain ones overlap but pushes.
            while plain.next_if(|&(at, bytes)| at.plus(bytes.into()) <= extent.0).is_some() {}
            if overlap(extent, above) || plain.peek().is_some_and(|&other| overlap(extent, other)) {
                return Err(Refusal::new(format!("what is at {:?} shares its memory", extent.0)));
            }
        }
        Ok(())
    }

    /// The memory that something at an aligned address may be in; `None` where nothing was aligned.
    fn extent(&self, (address, bytes): (Address, u32)) -> Checked<Option<(Address, u32)>> {
        let Some((lowest, highest)) = self.window else { return Ok(None) };
        if address.offset < 0 && !self.window_is_end {
            return Err(Refusal::new(format!("{address:?} is below the aligned memory")));
        }
        let start = Address::cfa(lowest + address.offset);
        Ok(Some((start, bytes + (highest - lowest) as u32)))
    }
}

/// Among `ranges`, sorted, those that are marked share no byte with any other.
fn check_apart(ranges: &[((Address, u32), bool)]) -> Checked {
    // Where the marked ones and the others that came before end.
    let mut ends: [Option<Address>; 2] = [None; 2];
    for &((address, bytes), marked) in ranges {
        let reaches = |end: Option<Address>| {
            end.is_some_and(|end| end.region == address.region && end.offset > address.offset)
        };
        if reaches(ends[1]) || marked && reaches(ends[0]) {
            return Err(Refusal::new(format!(
                "a local at or before {address:?} shares its memory"
            )));
        }
        let end = Some(address.plus(bytes.into()));
        let known = &mut ends[usize::from(marked)];
        *known = end.max(*known);
    }
    Ok(())
}

fn overlap((a, a_bytes): (Address, u32), (b, b_bytes): (Address, u32)) -> bool {
    a.region == b.region
        && a.offset < b.offset + i64::from(b_bytes)
        && b.offset < a.offset + i64::from(a_bytes)
}
