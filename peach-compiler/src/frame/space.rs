//! Memory of a frame, handed out piece by piece.

/// Something that needs memory.
#[derive(Clone, Copy)]
pub(super) struct Object {
    /// Index of the stack variable, or of the save behind them.
    pub id: usize,
    pub size: i64,
    pub align: i64,
}

/// Memory that is handed out downwards, and what is free above.
pub(super) struct Space {
    /// Nothing below is in use.
    pub lowest: i64,
    gaps: Vec<(i64, i64)>,
    /// Bytes above the CFA that are in use.
    pub shadow_used: u32,
}

impl Space {
    pub fn below(top: i64, shadow: u32) -> Space {
        let gaps = if shadow == 0 { Vec::new() } else { vec![(0, i64::from(shadow))] };
        Space { lowest: top, gaps, shadow_used: 0 }
    }

    /// Places all objects, in this order. Returns their numbers and offsets.
    pub fn place(&mut self, objects: &[Object]) -> Vec<(usize, i64)> {
        objects.iter().map(|&object| (object.id, self.place_one(object))).collect()
    }

    fn place_one(&mut self, object: Object) -> i64 {
        if let Some(start) = take_gap(&mut self.gaps, object) {
            if start >= 0 {
                self.shadow_used += object.size as u32;
            }
            return start;
        }
        let start = (self.lowest - object.size).div_euclid(object.align) * object.align;
        self.gaps.push((start + object.size, self.lowest));
        self.lowest = start;
        start
    }
}

/// Takes the memory of `object` out of the first gap that has it.
pub(super) fn take_gap(gaps: &mut Vec<(i64, i64)>, object: Object) -> Option<i64> {
    let fitting = |(start, end): (i64, i64)| {
        let aligned = align_up(start, object.align);
        (aligned + object.size <= end).then_some(aligned)
    };
    let index = gaps.iter().position(|&gap| fitting(gap).is_some())?;
    let (start, end) = gaps.swap_remove(index);
    let aligned = fitting((start, end))?;
    gaps.push((start, aligned));
    gaps.push((aligned + object.size, end));
    gaps.retain(|(start, end)| start < end);
    Some(aligned)
}

/// The first multiple of `align` at or above `offset`.
pub(super) fn align_up(offset: i64, align: i64) -> i64 {
    -((-offset).div_euclid(align) * align)
}
