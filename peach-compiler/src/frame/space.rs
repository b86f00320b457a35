//! Memory of a frame, handed out piece by piece.

/// Something that needs memory.
#[derive(Clone, Copy)]
pub(super) struct Object {
    /// Index of the stack variable, or of the save after them.
    pub id: usize,
    pub size: i64,
    pub align: i64,
}

/// Memory that is handed out downwards, and what is free above.
pub(super) struct Space {
    /// Nothing below is in use.
    pub lowest: i64,
    gaps: Gaps,
    /// Bytes above the CFA that are in use.
    pub shadow_used: u32,
}

impl Space {
    pub fn below(top: i64, shadow: u32) -> Space {
        let mut gaps = Gaps::default();
        gaps.add(0, shadow.into());
        Space { lowest: top, gaps, shadow_used: 0 }
    }

    /// Places all objects, in this order. Returns their numbers and offsets.
    pub fn place(&mut self, objects: &[Object]) -> Vec<(usize, i64)> {
        objects.iter().map(|&object| (object.id, self.place_one(object))).collect()
    }

    fn place_one(&mut self, object: Object) -> i64 {
        if let Some(start) = self.gaps.take(object) {
            if start >= 0 {
                self.shadow_used += object.size as u32;
            }
            return start;
        }
        let start = (self.lowest - object.size).div_euclid(object.align) * object.align;
        self.gaps.add(start + object.size, self.lowest);
        self.lowest = start;
        start
    }
}

/// What is free between objects.
#[derive(Clone, Debug, Default)]
pub(super) struct Gaps {
    /// Start and end of each.
    list: Vec<(i64, i64)>,
    /// None is wider.
    widest: i64,
}

impl Gaps {
    /// What lies between two places is free.
    pub fn add(&mut self, start: i64, end: i64) {
        if start < end {
            self.list.push((start, end));
            self.widest = self.widest.max(end - start);
        }
    }

    /// Takes the memory of `object` out of the first gap that has it.
    pub fn take(&mut self, object: Object) -> Option<i64> {
        if object.size > self.widest {
            return None;
        }
        let fitting = |(start, end): (i64, i64)| {
            let aligned = align_up(start, object.align);
            (aligned + object.size <= end).then_some(aligned)
        };
        let index = self.list.iter().position(|&gap| fitting(gap).is_some())?;
        let (start, end) = self.list.swap_remove(index);
        let aligned = fitting((start, end))?;
        self.add(start, aligned);
        self.add(aligned + object.size, end);
        Some(aligned)
    }
}

/// The first multiple of `align` at or above `offset`.
pub(super) fn align_up(offset: i64, align: i64) -> i64 {
    -((-offset).div_euclid(align) * align)
}
