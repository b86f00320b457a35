//! What the table predicts is near to what llvm-mca predicts, on the loops that are also measured.

#[expect(dead_code, reason = "every test uses its own part of it")]
mod support;

use peach_playground::cost::CPUS;
use peach_testing::tools::have;
use std::process::Command;
use support::{Files, PEACH, Run};

/// Kernels with one loop each.
const LOOPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../playground/measure/loops.peach");

/// For each loop of the kernels, its cycles and the kind of what bounds it.
fn predicted(cpu: &str, has_mca: bool) -> Vec<(f64, &'static str)> {
    let mut command = Command::new(PEACH);
    command.args(["show", &format!("--cost={cpu}"), LOOPS]);
    if !has_mca {
        command.env("PATH", "");
    }
    let text = Run::of(&mut command).succeeded().stdout;
    let model = if has_mca { ", by llvm-mca 22" } else { ", by a table of llvm-mca 22" };
    assert!(text.contains(&format!("loops on {cpu}{model}")), "{text}");
    let read = |line: &str| {
        let (before, after) = line.split_once(" cycles an iteration; bound by ")?;
        let cycles = before.rsplit(' ').next()?.parse().ok()?;
        let kinds = ["a chain", "the front end", "port"];
        Some((cycles, *kinds.iter().find(|kind| after.starts_with(**kind))?))
    };
    text.lines().filter_map(read).collect()
}

/// `cargo test -p peach-cli --test costs -- --nocapture` prints all figures.
#[test]
fn the_table_predicts_as_llvm_mca_does() {
    if !have(&["llvm-mca-22", "llvm-mc-22"]) {
        return;
    }
    let (mut all, mut near, mut same) = (0, 0, 0);
    for (cpu, _) in CPUS {
        let (mca, table) = (predicted(cpu, true), predicted(cpu, false));
        assert_eq!((mca.len(), table.len()), (13, 13), "{cpu}");
        for (number, ((mca, bound), (table, by_table))) in mca.iter().zip(&table).enumerate() {
            let error = (table - mca) / mca;
            println!(
                "{cpu:<16} loop {number:>2}  {mca:>6.2} {table:>6.2}  {:>+5.0} %  {bound}, {by_table}",
                100.0 * error
            );
            all += 1;
            near += usize::from(error.abs() <= 0.1);
            same += usize::from(bound == by_table);
        }
    }
    println!("{near} of {all} within a tenth, {same} bound by the same");
    assert!(near * 100 >= all * 90 && same * 100 >= all * 95, "{near} and {same} of {all}");
}

/// Without llvm-mca, the table answers, and says what it does not know.
#[test]
fn without_llvm_mca_there_is_the_table() {
    let files = Files::new("costs-table");
    files.file(
        "one.peach",
        "#[target_feature(enable = \"avx2,fma\")] pub unsafe fn one(x: *const u8, n: u64) { \
         let s, v: ymm; vxorps s, s, s; \
         'next: { vmovups v, [x]; vfmadd231ps s, v, [x + 32]; dec n; jnz continue 'next; } }",
    );
    let peach = |arguments: &[&str]| {
        Run::of(Command::new(PEACH).args(arguments).current_dir(&files.0).env("PATH", ""))
    };
    let text = peach(&["show", "--cost=skylake-xeon", "one.peach"]).succeeded().stdout;
    assert!(text.contains("4.00 cycles an iteration; bound by a chain"), "{text}");
    let chained: Vec<&str> = text.lines().filter(|line| line.contains(", in the chain")).collect();
    assert!(chained.len() == 1 && chained[0].contains("vfmadd231ps"), "{text}");
    assert!(chained[0].contains("latency 11, one per 0.5"), "{text}");
    let page = peach(&["show", "--html", "--cost=zen4", "one.peach"]).succeeded().stdout;
    assert!(page.contains("a table of llvm-mca") && page.contains("data-cost=\"latency"), "{page}");
    peach(&["show", "--cost", "one.peach"]).failed(1, "name a processor, as in --cost=zen4");
}
