//! Parallel moves: several registers get the values of others, all at once.

use crate::isa::{Bank, PhysReg, RegSet};

/// The low `bytes` bytes of `src` go to `dst`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub dst: PhysReg,
    pub src: PhysReg,
    pub bytes: u32,
}

/// A sequence of single moves with the effect of `moves`, whose destinations differ.
///
/// A cycle is broken through a register of `volatile` (one set per bank) that neither holds nor
/// gets a value. There always is one: at most six values are moved between the nine general-purpose
/// registers that System V lets a function change, four between the seven of Microsoft, and eight
/// vectors between sixteen. Moves between three registers are cheaper than `xchg`, which takes as
/// many micro-operations but is never renamed away (Fog, "Instruction tables").
pub(super) fn in_sequence(moves: &[Move], volatile: impl Fn(Bank) -> RegSet) -> Vec<Move> {
    let mut pending: Vec<Move> = moves.to_vec();
    let mut sequence = Vec::with_capacity(moves.len());
    // A value that stays occupies its register, but is not moved.
    pending.retain(|m| m.dst != m.src);
    while !pending.is_empty() {
        let ready = pending.iter().position(|m| pending.iter().all(|other| other.src != m.dst));
        if let Some(index) = ready {
            sequence.push(pending.remove(index));
            continue;
        }
        let Move { src, bytes, .. } = pending[0];
        let taken = |num: u8| {
            let reg = PhysReg::new(src.bank, num);
            moves.iter().any(|m| m.dst == reg) || pending.iter().any(|m| m.src == reg)
        };
        let scratch = volatile(src.bank).iter().find(|&num| !taken(num));
        let scratch = PhysReg::new(src.bank, scratch.expect("more registers than values"));
        sequence.push(Move { dst: scratch, src, bytes });
        for other in pending.iter_mut().filter(|m| m.src == src) {
            other.src = scratch;
        }
    }
    sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: RegSet = RegSet(0xFFF);

    fn run(moves: &[Move]) -> Vec<Move> {
        let sequence = in_sequence(moves, |_| FREE);
        let mut values: Vec<u8> = (0..16).collect();
        for m in &sequence {
            values[m.dst.num as usize] = values[m.src.num as usize];
        }
        for m in moves {
            assert_eq!(values[m.dst.num as usize], m.src.num, "{moves:?} became {sequence:?}");
        }
        sequence
    }

    fn gp(dst: u8, src: u8) -> Move {
        Move { dst: PhysReg::gp(dst), src: PhysReg::gp(src), bytes: 8 }
    }

    /// All ways to send six registers to themselves, one another or elsewhere, six at a time.
    #[test]
    fn every_assignment_of_six_registers() {
        let mut targets = [0u8; 6];
        let mut tried = 0;
        loop {
            let mut distinct = targets.to_vec();
            distinct.sort_unstable();
            distinct.dedup();
            if distinct.len() == 6 {
                let moves: Vec<Move> = (0..6).map(|i| gp(targets[i], i as u8)).collect();
                run(&moves);
                tried += 1;
            }
            let Some(digit) = targets.iter().position(|&d| d < 7) else { break };
            targets[..digit].fill(0);
            targets[digit] += 1;
        }
        assert_eq!(tried, 8 * 7 * 6 * 5 * 4 * 3);
    }

    #[test]
    fn moves_without_a_cycle_need_nothing_more() {
        assert_eq!(run(&[gp(1, 0), gp(2, 1), gp(3, 2)]).len(), 3);
        assert_eq!(run(&[gp(1, 0), gp(2, 0), gp(0, 0)]).len(), 2);
        assert_eq!(run(&[gp(1, 0), gp(0, 1)]).len(), 3);
    }
}
