//! The layout of the stack frame.
//!
//! Everything has an address relative to the canonical frame address (the caller's `rsp` before the
//! call, a multiple of the convention's alignment), or, in a realigned frame, relative to the stack
//! pointer after the prologue:
//!
//! ```text
//!            stack arguments
//!  CFA  →    shadow space (Microsoft): saved vector registers, stack variables
//!            return address
//!            pushed registers, the base last where the frame is realigned
//!            saved vector registers   ← base, where the frame is realigned
//!            stack variables          ← rsp, if they do not fit in the red zone below it
//! ```
//!
//! A frame of Go's is never realigned: the stack variables are at a multiple of what they require
//! within it, and a register holds their address.
//!
//! ```text
//!  CFA  →    return address
//!            saved rbp                ← rbp, as long as it is not the base of the stack variables
//!            stack variables          ← base of the stack variables, if they demand alignment
//!                                     ← rsp
//! ```

use super::needs::{Needs, Use};
use super::plan::{self, Plan};
use super::space::{Gaps, Space, align_up};
use crate::abi::Frames;
use crate::analysis::{PAGE, STRIDE, demanded_align, is_large};
use crate::isa::{PhysReg, RegSet, gp};
use crate::sorted;
use std::collections::HashMap;

/// Where everything is.
#[derive(Debug, Default)]
pub(super) struct StackLayout {
    /// Registers to push, in order.
    pub pushes: Vec<PhysReg>,
    /// Vector registers to save, with offsets from the CFA, multiples of 16.
    pub saves: Vec<(PhysReg, i64)>,
    /// Bytes to subtract from the stack pointer before the base is set, in a realigned frame.
    pub above_base: u32,
    /// Bytes to subtract from the stack pointer.
    pub size: u32,
    /// Of these, the first word is pushed from this register and popped to it, which is shorter.
    pub padding: Option<PhysReg>,
    /// The alignment to bring the stack pointer to.
    pub realign: Option<u32>,
    /// The register that then holds the frame's base: `rbp`, unless the user uses it by name.
    pub base: Option<PhysReg>,
    /// The register that holds the address of the stack variables, in a frame of Go's.
    pub locals_base: Option<PhysReg>,
    /// Of each stack variable: the offset from the CFA or, in a realigned frame, from `rsp`, or
    /// from the register that holds their address.
    pub locals: Vec<Option<i64>>,
    /// Bytes of the red zone and the shadow space that are used.
    pub borrowed: u32,
    /// How far below the pushed registers the body may use the stack: variables, and the first word
    /// that is pushed there. Zero where nothing has to be touched beforehand.
    pub reach: i64,
}

impl StackLayout {
    pub fn of(needs: &Needs) -> StackLayout {
        let layouts = Plan::all(needs).into_iter().map(|plan| StackLayout::planned(needs, plan));
        let shortest = layouts.min_by_key(|layout| (layout.code_bytes(needs), layout.size));
        shortest.unwrap_or_default()
    }

    fn planned(needs: &Needs, plan: Plan) -> StackLayout {
        if needs.convention.frames == Frames::Go {
            return go_frame(needs, plan);
        }
        let locals = needs.locals.iter().flatten().copied();
        let mut layout = match demanded_align(needs.convention, locals.clone()) {
            Some(align) => realigned(needs, align, plan),
            None if is_large(needs.convention, locals) => {
                realigned(needs, needs.convention.stack_align, plan)
            }
            None => plain(needs, plan),
        };
        // Beyond a stack in a sandbox is the sandbox.
        if needs.convention.sandbox.is_some() {
            layout.reach = 0;
        }
        layout
    }

    /// How many places must be touched so that the body uses none that is a page or more below the
    /// last touched one. The first one is [`STRIDE`] below the pushed registers.
    pub fn touches(&self) -> i64 {
        let beyond = self.reach - (PAGE - 1);
        if beyond <= 0 { 0 } else { (beyond + STRIDE - 1) / STRIDE }
    }

    /// How far the stack pointer after the prologue is below the CFA; not known of a realigned
    /// frame.
    pub fn rsp_below_cfa(&self) -> i64 {
        8 + 8 * self.pushes.len() as i64 + i64::from(self.size)
    }

    /// How far the base is below the CFA, in a realigned frame.
    pub fn base_below_cfa(&self) -> i64 {
        8 + 8 * self.pushes.len() as i64 + i64::from(self.above_base)
    }
}

fn plain(needs: &Needs, plan: Plan) -> StackLayout {
    let pushes: Vec<PhysReg> = needs.saved_gp.iter().map(PhysReg::gp).collect();
    let top = -8 - 8 * pushes.len() as i64;
    let objects = plan.downwards(needs);
    let depth = i64::from(needs.depth);
    let red_zone = if needs.red_zone { i64::from(needs.convention.red_zone) } else { 0 };
    let callee = if needs.calls { i64::from(needs.convention.shadow) } else { 0 };

    let mut space = Space::below(top, plan.shadow);
    let mut offsets = space.place(&objects);
    let mut size = match depth {
        0 => (top - space.lowest - red_zone).max(0),
        _ => top - space.lowest,
    };
    if depth > 0 && size > 0 {
        // The pushes go where the red zone is, so everything has to be below them, or above.
        let mut below = Space::below(top - depth, plan.shadow);
        let placed = below.place(&objects);
        if top - below.lowest <= red_zone {
            (space, offsets, size) = (below, placed, 0);
        }
    }
    let in_step = needs.saves_in_step && !needs.saved_xmm.is_empty();
    let align = match needs.calls || in_step {
        true => i64::from(needs.convention.stack_align),
        false => 8,
    };
    let rounded = align_up(size + callee - top, align) + top;
    let in_red_zone = (top - rounded - space.lowest).max(0);
    // A word that nothing is in, alone or before as much as fits in the immediate byte of `add`.
    let sizes: HashMap<usize, i64> = objects.iter().map(|o| (o.id, o.size)).collect();
    let size_of = |id: usize| sizes.get(&id).copied().unwrap_or(0);
    let is_free = offsets.iter().all(|&(id, start)| start >= 0 || start + size_of(id) <= top - 8);
    let padding = needs.spare.filter(|_| is_free && matches!(rounded, 8 | 136));
    let (locals, saves) = split(needs, &offsets);
    StackLayout {
        pushes,
        saves,
        size: rounded as u32,
        padding,
        locals,
        borrowed: in_red_zone as u32 + space.shadow_used,
        reach: (top - space.lowest).max(rounded + 8),
        ..StackLayout::default()
    }
}

/// A frame as Go's assembler makes it. What the source pushes is below it.
fn go_frame(needs: &Needs, plan: Plan) -> StackLayout {
    let objects = plan.downwards(needs);
    let demanded = objects.iter().map(|object| object.align).max().unwrap_or(1);
    let word = i64::from(needs.convention.stack_align);
    let is_aligned = demanded > word;
    let mut below = Space::below(0, 0);
    let offsets = below.place(&objects);
    let used = align_up(-below.lowest, demanded.max(word));
    let variables = if is_aligned { used + demanded - word } else { used };
    let saves_base = needs.convention.saved_gp.contains(gp::RBP.num);
    // The assembler saves rbp in a frame that holds something.
    let filled = match variables {
        0 if !needs.saved_gp.is_empty() => word,
        variables => variables,
    };
    let base_bytes = if saves_base && filled > 0 { word } else { 0 };
    let size = filled + base_bytes;
    // Offsets so far are from the end of the stack variables.
    let start = if is_aligned { used } else { used - word - size };
    let (mut locals, _) = split(needs, &offsets);
    locals.iter_mut().flatten().for_each(|offset| *offset += start);
    StackLayout {
        size: size as u32,
        realign: is_aligned.then_some(demanded as u32),
        locals_base: is_aligned.then_some(needs.base),
        locals,
        ..StackLayout::default()
    }
}

fn realigned(needs: &Needs, align: u32, plan: Plan) -> StackLayout {
    let base = needs.base;
    let mut pushes: Vec<PhysReg> =
        (needs.saved_gp - RegSet::one(base.num)).iter().map(PhysReg::gp).collect();
    pushes.push(base);
    let top = -8 - 8 * pushes.len() as i64;

    let saves = plan::saves(needs);
    let mut above = Space::below(top, plan.shadow);
    let (_, save_offsets) = split(needs, &above.place(&saves));
    let step = if needs.saves_in_step && !saves.is_empty() { 16 } else { 8 };
    let above_base = (top + align_up(-above.lowest, step)) as u32;

    let align = i64::from(align);
    let red_zone = if needs.red_zone && needs.depth == 0 { 128 / align * align } else { 0 };
    let callee = if needs.calls { i64::from(needs.convention.shadow) } else { 0 };
    let mut end = callee;
    let mut gaps = Gaps::default();
    let mut offsets = vec![None; needs.locals.len()];
    for object in plan.upwards(needs) {
        offsets[object.id] = Some(gaps.take(object).unwrap_or_else(|| {
            let start = align_up(end, object.align);
            gaps.add(end, start);
            end = start + object.size;
            start
        }));
    }
    let lowered = red_zone.min(align_up(end, align));
    for offset in offsets.iter_mut().flatten() {
        *offset -= lowered;
    }
    let size = align_up((end - lowered).max(0), 8);
    // The stack pointer is a multiple of a word, and may be rounded down to the next multiple of
    // `align`.
    let reach = i64::from(above_base) + size + (align - 8) + lowered.max(8);
    StackLayout {
        pushes,
        saves: save_offsets,
        above_base,
        size: size as u32,
        padding: None,
        realign: Some(align as u32),
        base: Some(base),
        locals_base: None,
        locals: offsets,
        borrowed: lowered as u32 + above.shadow_used,
        reach,
    }
}

fn split(needs: &Needs, offsets: &[(usize, i64)]) -> (Vec<Option<i64>>, Vec<(PhysReg, i64)>) {
    let mut locals = vec![None; needs.locals.len()];
    let saved: Vec<PhysReg> = needs.saved_xmm.iter().map(PhysReg::vector).collect();
    let mut saves = Vec::new();
    for &(id, offset) in offsets {
        match id.checked_sub(needs.locals.len()) {
            None => locals[id] = Some(offset),
            Some(index) => saves.push((saved[index], offset)),
        }
    }
    sorted::sort_by_key(&mut saves, |(reg, _)| reg.num);
    (locals, saves)
}

impl StackLayout {
    /// How many bytes of the code depend on the layout.
    pub fn code_bytes(&self, needs: &Needs) -> i64 {
        let uses: i64 = needs.uses.iter().map(|used| self.use_bytes(used)).sum();
        let saves: i64 = self.saves.iter().map(|&(_, offset)| self.frame_bytes(offset, 1)).sum();
        uses + (1 + needs.returns) * (saves + self.adjustment_bytes())
    }

    fn use_bytes(&self, used: &Use) -> i64 {
        let Some(local) = used.local else { return self.frame_bytes(used.disp, used.unit) };
        let place = self.locals[local].unwrap_or(0) + used.disp;
        match self.realign {
            Some(_) => displacement(place, used.unit, self.locals_base.is_some()),
            None => self.frame_bytes(place, used.unit),
        }
    }

    /// Bytes of a displacement to a place that is known from the CFA.
    fn frame_bytes(&self, offset: i64, unit: i64) -> i64 {
        match self.base {
            Some(base) => {
                let needs_one = base == gp::RBP || base == gp::R13;
                displacement(offset + self.base_below_cfa(), unit, needs_one)
            }
            None => displacement(offset + self.rsp_below_cfa(), unit, false),
        }
    }

    /// Bytes of the instructions that move the stack pointer down, or up again.
    fn adjustment_bytes(&self) -> i64 {
        let of = |bytes: u32| match bytes {
            0 => 0,
            1..=128 => 4,
            _ => 7,
        };
        match self.padding {
            Some(_) => 1 + of(self.size - 8),
            None => of(self.size) + of(self.above_base),
        }
    }
}

/// Bytes of a displacement; `needs_one` where the base has no form without.
fn displacement(bytes: i64, unit: i64, needs_one: bool) -> i64 {
    match bytes {
        0 => needs_one.into(),
        _ if bytes % unit == 0 && i8::try_from(bytes / unit).is_ok() => 1,
        _ => 4,
    }
}
