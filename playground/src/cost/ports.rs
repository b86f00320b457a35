//! How a loop's micro-operations share the ports of a processor.
//!
//! In: for each instruction, the sets of ports, one of which it keeps busy, with cycles. Out: how
//! long each instruction keeps each port busy if the work is spread as evenly as can be, as a
//! scheduler that sees enough of the loop comes near to.

/// Work for one of some ports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Work {
    /// The ports: bit *i* is the port with this number.
    pub ports: u64,
    /// How long one of them is busy.
    pub cycles: f64,
}

/// Rounds in which each piece of work is spread anew, given the others.
const ROUNDS: usize = 60;

/// For each instruction, how long it keeps each of `count` ports busy.
pub(super) fn spread(instructions: &[&[Work]], count: usize) -> Vec<Vec<f64>> {
    let mut busy = vec![0.0; count];
    let works = instructions.iter().flat_map(|works| works.iter());
    let mut shares: Vec<(Work, Vec<f64>)> = works.map(|work| (*work, vec![0.0; count])).collect();
    for _ in 0..ROUNDS {
        for (work, share) in &mut shares {
            busy.iter_mut().zip(share.iter()).for_each(|(busy, own)| *busy -= own);
            *share = fill(&busy, *work);
            busy.iter_mut().zip(share.iter()).for_each(|(busy, own)| *busy += own);
        }
    }
    let mut shares = shares.into_iter();
    let sum = |works: &&[Work]| {
        let mut sum = vec![0.0; count];
        for (_, share) in shares.by_ref().take(works.len()) {
            sum.iter_mut().zip(share).for_each(|(sum, own)| *sum += own);
        }
        sum
    };
    instructions.iter().map(sum).collect()
}

/// Spreads work over its ports so that those that get some are equally busy afterwards.
fn fill(busy: &[f64], work: Work) -> Vec<f64> {
    let mut ports: Vec<usize> =
        (0..busy.len()).filter(|port| work.ports >> port & 1 != 0).collect();
    ports.sort_by(|a, b| busy[*a].total_cmp(&busy[*b]));
    // The level that is reached with the least busy ports alone, until it is below the next one.
    let mut level = 0.0;
    let mut sum = work.cycles;
    for (index, port) in ports.iter().enumerate() {
        sum += busy[*port];
        level = sum / (index + 1) as f64;
        if ports.get(index + 1).is_none_or(|next| level <= busy[*next]) {
            break;
        }
    }
    let mut share = vec![0.0; busy.len()];
    ports.iter().for_each(|port| share[*port] = (level - busy[*port]).max(0.0));
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_goes_where_there_is_room() {
        let one = [Work { ports: 0b01, cycles: 1.0 }];
        let either = [Work { ports: 0b11, cycles: 1.0 }];
        // Two that need port 0, two that take either: two cycles on each.
        let shares = spread(&[&either, &one, &either, &one], 2);
        let port = |port: usize| shares.iter().map(|share| share[port]).sum::<f64>();
        assert!((port(0) - 2.0).abs() < 1e-3 && (port(1) - 2.0).abs() < 1e-3, "{shares:?}");
        assert!(shares[0][0] < 1e-3 && (shares[1][0] - 1.0).abs() < 1e-9, "{shares:?}");
        assert_eq!(spread(&[&[]], 2), vec![vec![0.0, 0.0]]);
    }
}
