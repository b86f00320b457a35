//! In which order the frame is filled, and what that costs.
//!
//! A displacement takes no byte, one or four (Intel SDM volume 2, 2.1.5): what is used most stands
//! nearest to the stack pointer, saved registers far away, but where alignment leaves gaps, another
//! order may take less memory and reach all of it by a byte. There are a few orders: all are tried, and
//! the one with the shortest code is taken.

use super::space::Object;
use super::stack::{Needs, StackLayout};
use crate::isa::gp;

/// A place where the body addresses the frame.
pub(super) struct Use {
    /// The index of the stack variable; `None` for arguments on the stack.
    pub local: Option<usize>,
    /// What is added to its address, from the CFA on for arguments; what is pushed there is included.
    pub disp: i64,
    /// What a displacement of one byte counts in: 1, or the size of the operand (EVEX).
    pub unit: i64,
}

/// Which stack variables are furthest from the stack pointer.
#[derive(Clone, Copy)]
enum Order {
    /// Large ones.
    Size,
    /// The most aligned ones.
    Align,
    /// Those with few uses for their size.
    Use,
}

/// One way to fill a frame.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    order: Order,
    /// Whether saved registers stand above all variables, or below.
    saves_first: bool,
    /// How many bytes of the shadow space are used.
    pub shadow: u32,
}

impl Plan {
    /// All that differ.
    pub fn all(needs: &Needs) -> Vec<Plan> {
        let shadows: &[u32] = if needs.shadow > 0 { &[needs.shadow, 0] } else { &[0] };
        let saves_first: &[bool] =
            if needs.saved_xmm.is_empty() { &[true] } else { &[true, false] };
        let mut plans = Vec::new();
        for &shadow in shadows {
            for &saves_first in saves_first {
                let orders = [Order::Size, Order::Align, Order::Use];
                plans.extend(orders.map(|order| Plan { order, saves_first, shadow }));
            }
        }
        plans
    }

    /// What a frame holds, from the highest address on.
    pub fn downwards(self, needs: &Needs) -> Vec<Object> {
        let mut locals = locals(needs);
        match self.order {
            Order::Size => locals.sort_by_key(|o| (-o.size, -o.align, o.id)),
            Order::Align => locals.sort_by_key(|o| (-o.align, -o.size, o.id)),
            Order::Use => sort_by_use(&mut locals, needs),
        }
        let saves = saves(needs);
        if self.saves_first { [saves, locals].concat() } else { [locals, saves].concat() }
    }

    /// The stack variables alone, from the lowest address on.
    pub fn upwards(self, needs: &Needs) -> Vec<Object> {
        let mut locals = locals(needs);
        match self.order {
            Order::Size => locals.sort_by_key(|o| (o.size, -o.align, o.id)),
            Order::Align => locals.sort_by_key(|o| (-o.align, o.size, o.id)),
            Order::Use => {
                sort_by_use(&mut locals, needs);
                locals.reverse();
            }
        }
        locals
    }
}

/// The vector registers to save, with the numbers behind those of the stack variables.
pub(super) fn saves(needs: &Needs) -> Vec<Object> {
    let first = needs.locals.len();
    let saves = 0..needs.saved_xmm.len() as usize;
    saves.map(|index| Object { id: first + index, size: 16, align: 16 }).collect()
}

/// The stack variables that are used, in the order of their declaration.
fn locals(needs: &Needs) -> Vec<Object> {
    let locals = needs.locals.iter().enumerate();
    let objects = locals.filter_map(|(id, local)| {
        local.map(|local| Object { id, size: local.size.into(), align: local.align.into() })
    });
    objects.collect()
}

/// Those with few uses for their size first.
fn sort_by_use(locals: &mut [Object], needs: &Needs) {
    let mut uses = vec![0u64; needs.locals.len()];
    needs.uses.iter().filter_map(|used| used.local).for_each(|local| uses[local] += 1);
    locals.sort_by_key(|object| ((uses[object.id] << 32) / object.size.max(1) as u64, object.id));
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
