//! The solver against an independent brute force, and on problems with a known answer.

use super::super::problem::{Affinity, COLORS, Node};
use super::*;
use peach_testing::Random;

fn problem(count: u32, allowed: impl Fn(u32) -> RegSet) -> Problem {
    Problem {
        nodes: (0..count)
            .map(|node| Node { allowed: allowed(node), prices: [0; COLORS] })
            .collect(),
        neighbors: vec![Vec::new(); count as usize],
        ..Problem::default()
    }
}

fn connect(problem: &mut Problem, a: u32, b: u32) {
    if a != b && !problem.neighbors[a as usize].contains(&b) {
        problem.neighbors[a as usize].push(b);
        problem.neighbors[b as usize].push(a);
    }
}

/// Tries every assignment, in order of the nodes. Shares nothing with the search.
fn brute_force(problem: &Problem, colors: &mut Vec<Color>) -> bool {
    if colors.len() == problem.len() {
        return problem.accepts(colors);
    }
    let node = colors.len();
    for color in 0..COLORS as Color {
        let clash = problem.neighbors[node]
            .iter()
            .any(|&other| (other as usize) < node && colors[other as usize] == color);
        if problem.nodes[node].allowed.contains(color) && !clash {
            colors.push(color);
            if brute_force(problem, colors) {
                return true;
            }
            colors.pop();
        }
    }
    false
}

/// All sets of nodes that differ from one another.
fn cliques_of(problem: &Problem) -> Vec<Vec<u32>> {
    let mut cliques: Vec<Vec<u32>> = vec![Vec::new()];
    for node in 0..problem.len() as u32 {
        let joins = |clique: &&Vec<u32>| {
            clique.iter().all(|other| problem.neighbors[node as usize].contains(other))
        };
        let grown: Vec<Vec<u32>> = cliques
            .iter()
            .filter(joins)
            .map(|clique| clique.iter().copied().chain([node]).collect())
            .collect();
        cliques.extend(grown);
    }
    cliques
}

fn free(count: u32) -> Registers {
    Registers { free: RegSet::first(count), saved: Vec::new() }
}

#[test]
fn finds_an_assignment_wherever_brute_force_does() {
    let mut random = Random::new(7);
    let (mut solved, mut refused) = (0, 0);
    for _ in 0..6000 {
        let count = 2 + random.below(8);
        let registers = 2 + random.below(4);
        let everything = RegSet::first(registers).0;
        let mut lists = Vec::new();
        for _ in 0..count {
            let list = if random.below(2) == 0 { everything } else { random.below(everything + 1) };
            lists.push(RegSet(list));
        }
        let mut case = problem(count, |node| lists[node as usize]);
        let density = 1 + random.below(9);
        for a in 0..count {
            for b in 0..a {
                if random.below(10) < density {
                    connect(&mut case, a, b);
                } else if random.below(4) == 0 {
                    case.affinities.push(Affinity { a, b, gain: 3 });
                }
            }
        }
        if count >= 4 && random.below(3) == 0 {
            case.groups.push(vec![1, 0]);
            connect(&mut case, 0, 1);
            // Two seconds for one first: they may share.
            if count >= 5 && random.below(3) == 0 {
                case.groups.push(vec![1, 4]);
            }
            if random.below(2) == 0 {
                case.groups.push(vec![2, 3]);
                connect(&mut case, 2, 3);
            }
        }
        for node in 0..count as usize {
            for price in &mut case.nodes[node].prices {
                *price = i64::from(random.below(5));
            }
        }
        let saved = random.below(registers);
        let split = Registers {
            free: RegSet::first(registers - saved),
            saved: (registers - saved..registers).map(|num| num as u8).collect(),
        };
        let possible = brute_force(&case, &mut Vec::new());
        match solve(&case, &split, 0, &|_| Vec::new()) {
            Ok(colors) => {
                assert!(case.accepts(&colors), "{case:?} {colors:?}");
                solved += 1;
            }
            Err(stuck) => {
                assert!(!possible && stuck.proven, "{case:?}");
                refused += 1;
            }
        }
        for cliques in [Vec::new(), cliques_of(&case)] {
            let found = search(&case, &cliques, split.all(), FULL_WORK);
            assert_eq!(matches!(found, Outcome::Found(_)), possible, "{case:?}");
            if let Outcome::Found(colors) = found {
                assert!(case.accepts(&colors));
            }
        }
    }
    assert!(solved > 1000 && refused > 1000, "{solved} {refused}");
}

/// Intervals over a line, never more than `registers` at once and mostly exactly as many.
fn intervals(
    random: &mut Random,
    registers: u32,
    steps: u32,
    fixed: u32,
) -> (Problem, Vec<Vec<u32>>) {
    let mut cliques = Vec::new();
    let mut case = problem(0, |_| RegSet::NONE);
    let mut alive: Vec<u32> = Vec::new();
    for _ in 0..steps {
        if alive.len() as u32 == registers {
            let dying = random.below(registers) as usize;
            alive.swap_remove(dying);
        }
        let node = case.len() as u32;
        case.nodes.push(Node { allowed: RegSet::first(registers), prices: [0; COLORS] });
        case.neighbors.push(Vec::new());
        for &other in &alive {
            connect(&mut case, node, other);
        }
        alive.push(node);
        if alive.len() as u32 == registers {
            cliques.push(alive.clone());
        }
    }
    // Bind some nodes to the registers of a hidden solution: a coloring in the order of starts.
    let mut hidden: Vec<Color> = Vec::new();
    for node in 0..case.len() {
        let taken = |color: &Color| {
            case.neighbors[node]
                .iter()
                .any(|&other| (other as usize) < node && hidden[other as usize] == *color)
        };
        let color = (0..registers as Color).find(|color| !taken(color));
        hidden.push(color.expect("at most `registers` are alive"));
    }
    for _ in 0..fixed {
        let node = random.below(case.len() as u32) as usize;
        case.nodes[node].allowed = RegSet::one(hidden[node]);
    }
    (case, cliques)
}

#[test]
fn fills_every_register_of_straight_line_code() {
    let mut random = Random::new(11);
    for round in 0..200 {
        let (case, cliques) = intervals(&mut random, 16, 40 + round, 0);
        let colors = solve(&case, &free(16), 16, &|_| cliques.clone()).expect("an interval graph");
        assert!(case.accepts(&colors));
    }
}

#[test]
fn fills_every_register_around_fixed_ones() {
    let mut random = Random::new(13);
    for round in 0..300 {
        let (case, cliques) = intervals(&mut random, 16, 60 + round, 1 + round / 10);
        let found = search(&case, &cliques, RegSet::first(16), FULL_WORK);
        let Outcome::Found(colors) = found else { panic!("round {round}: {found:?}") };
        assert!(case.accepts(&colors));
    }
}

/// Values that come and go several times, cut out of a full assignment: `registers` timelines of
/// `steps` steps, `gap` of ten of whose seams leave the register empty for a step.
fn reused_names(
    random: &mut Random,
    registers: u32,
    steps: u32,
    gap: u32,
) -> (Problem, Vec<Vec<u32>>) {
    let mut alive_at: Vec<Vec<u32>> = vec![Vec::new(); steps as usize];
    let mut count = 0;
    for _ in 0..registers {
        let mut names: Vec<u32> = Vec::new();
        let mut step = 0;
        while step < steps {
            let length = 1 + random.below(12);
            if names.is_empty() || random.below(3) > 0 {
                names.push(count);
                count += 1;
            }
            let name = names[random.below(names.len() as u32) as usize];
            for at in step..(step + length).min(steps) {
                alive_at[at as usize].push(name);
            }
            step += length + u32::from(random.below(10) < gap);
        }
    }
    let mut case = problem(count, |_| RegSet::first(registers));
    for alive in &alive_at {
        for &a in alive {
            for &b in alive {
                connect(&mut case, a, b);
            }
        }
    }
    (case, alive_at)
}

#[test]
fn fills_every_register_with_names_that_are_used_again() {
    let mut random = Random::new(19);
    for round in 0..120 {
        let (case, cliques) = reused_names(&mut random, 16, 60 + round, round % 5);
        let colors = solve(&case, &free(16), 16, &|_| cliques.clone());
        let colors = colors.unwrap_or_else(|stuck| panic!("round {round}: {stuck:?}"));
        assert!(case.accepts(&colors));
    }
}

/// Lists of half of the registers, of a few, of one, for `percent` of the nodes, so that a hidden
/// assignment stays possible.
fn reused_names_with_lists(
    random: &mut Random,
    steps: u32,
    gap: u32,
    percent: u32,
) -> (Problem, Vec<Vec<u32>>) {
    let (mut case, cliques) = reused_names(random, 16, steps, gap);
    let hidden = search(&case, &cliques, RegSet::first(16), FULL_WORK);
    let Outcome::Found(hidden) = hidden else { panic!("{hidden:?}") };
    for (node, &color) in case.nodes.iter_mut().zip(&hidden) {
        if random.below(100) < percent {
            let list = match random.below(4) {
                0 => RegSet::NONE,
                1 => RegSet(0x00FF),
                2 => RegSet(0xFF00),
                _ => RegSet(random.below(0x10000)),
            };
            node.allowed = list | RegSet::one(color);
        }
    }
    (case, cliques)
}

#[test]
fn fills_every_register_with_names_on_many_lists() {
    let mut random = Random::new(23);
    for round in 0..30 {
        let percent = [5, 10, 30][round as usize % 3];
        let (case, cliques) = reused_names_with_lists(&mut random, 60 + 4 * round, 4, percent);
        let colors = solve(&case, &free(16), 16, &|_| cliques.clone());
        let colors = colors.unwrap_or_else(|stuck| panic!("round {round}: {stuck:?}"));
        assert!(case.accepts(&colors));
    }
}

#[test]
fn proves_that_seventeen_do_not_fit_in_sixteen() {
    let mut case = problem(17, |_| RegSet::first(16));
    for a in 0..17 {
        for b in 0..a {
            connect(&mut case, a, b);
        }
    }
    let stuck = solve(&case, &free(16), 17, &|_| Vec::new()).expect_err("a clique of 17");
    assert!(stuck.proven);
}

#[test]
fn saves_no_register_while_another_is_free() {
    let mut case = problem(3, |_| RegSet::first(16));
    connect(&mut case, 0, 1);
    for node in &mut case.nodes {
        node.prices[8..].fill(100);
    }
    let registers = Registers { free: RegSet(0b1100_0000_0000), saved: vec![3, 5] };
    let colors = solve(&case, &registers, 2, &|_| Vec::new()).expect("two of two");
    assert!(colors.iter().all(|&color| color >= 10), "{colors:?}");
}

#[test]
fn colors_five_thousand_nodes_without_deep_stacks() {
    let mut random = Random::new(17);
    let (case, cliques) = intervals(&mut random, 12, 5000, 0);
    let colors = solve(&case, &free(12), 12, &|_| cliques.clone()).expect("an interval graph");
    assert!(case.accepts(&colors));
}
