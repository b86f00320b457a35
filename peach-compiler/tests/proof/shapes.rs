//! The table of shapes: each is accepted, and each near miss is refused at its place.

use crate::table::{Miss, Shape, shapes};
use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::{Place, Severity, render};
use peach_compiler::pipeline::compile;

/// The errors in a text, each with the text that it is at.
fn errors(text: &str) -> Vec<(String, String)> {
    let compilation = compile(text.parse().expect("tokens"), &SYSV64);
    let errors = compilation.diagnostics.iter().filter(|d| d.severity() == Severity::Error);
    errors.map(|error| (tokens_of(error.place, text), render::text(error))).collect()
}

/// The tokens of a place.
fn tokens_of(place: Place, text: &str) -> String {
    let (from, to) = (place.first.start(), place.last.end());
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line));
    let inside = lines.filter(|(number, _)| (from.line..=to.line).contains(number));
    let cut = inside.map(|(number, line)| {
        let end = if number == to.line { to.column } else { line.len() };
        let start = if number == from.line { from.column } else { 0 };
        &line[start..end]
    });
    cut.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_shape_is_accepted() {
    let shapes = shapes();
    let mut refused = String::new();
    for shape in &shapes {
        for abi in ["sysv64", "win64"] {
            for (place, error) in errors(&shape.kernel(abi, &shape.body)) {
                refused +=
                    &format!("{} {}, {abi}, at {place}: {error}\n", shape.function, shape.name);
            }
        }
    }
    assert!(refused.is_empty(), "{refused}");
    println!("{} shapes are accepted", shapes.len());
    assert!(shapes.len() >= 60, "only {}", shapes.len());
}

#[test]
fn every_near_miss_is_refused_at_its_place() {
    let (mut wrong, mut count) = (String::new(), 0);
    for shape in shapes() {
        for miss in &shape.misses {
            count += 1;
            if let Err(why) = check(&shape, *miss) {
                let Miss { old, new, .. } = miss;
                wrong += &format!("{} {}: {old} => {new}: {why}\n", shape.function, shape.name);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    println!("{count} near misses are refused");
    assert!(count >= 150, "only {count}");
}

fn check(shape: &Shape, miss: Miss) -> Result<(), String> {
    let places = shape.body.matches(miss.old).count();
    if places != 1 {
        return Err(format!("it is there {places} times"));
    }
    let body = shape.body.replacen(miss.old, miss.new, 1);
    let errors = errors(&shape.kernel("sysv64", &body));
    match errors.first() {
        None => Err("accepted".to_string()),
        Some((place, _))
            if place.replace('\n', " ").starts_with(miss.place) && !miss.place.is_empty() =>
        {
            Ok(())
        }
        Some((place, error)) => Err(format!("refused at {place}: {error}")),
    }
}
