//! In which order the frame is filled, and what that costs.
//!
//! A displacement takes no byte, one or four (Intel SDM volume 2, 2.1.5): what is used most is
//! nearest to the stack pointer, saved registers far away, but where alignment leaves gaps, another
//! order may take less memory and reach all of it by a byte. There are a few orders: all are tried,
//! and the one with the shortest code is chosen.

use super::needs::Needs;
use super::space::Object;
use crate::sorted;

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
    /// Whether saved registers are above all variables, or below.
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
            Order::Size => sorted::sort_by_key(&mut locals, |o| (-o.size, -o.align, o.id)),
            Order::Align => sorted::sort_by_key(&mut locals, |o| (-o.align, -o.size, o.id)),
            Order::Use => sort_by_use(&mut locals, needs),
        }
        let saves = saves(needs);
        if self.saves_first { [saves, locals].concat() } else { [locals, saves].concat() }
    }

    /// The stack variables alone, from the lowest address on.
    pub fn upwards(self, needs: &Needs) -> Vec<Object> {
        let mut locals = locals(needs);
        match self.order {
            Order::Size => sorted::sort_by_key(&mut locals, |o| (o.size, -o.align, o.id)),
            Order::Align => sorted::sort_by_key(&mut locals, |o| (-o.align, o.size, o.id)),
            Order::Use => {
                sort_by_use(&mut locals, needs);
                locals.reverse();
            }
        }
        locals
    }
}

/// The vector registers to save, with the numbers after those of the stack variables.
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
    sorted::sort_by_key(locals, |object| {
        ((uses[object.id] << 32) / object.size.max(1) as u64, object.id)
    });
}
