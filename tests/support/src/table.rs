//! Tables of cases: all of them are tried, and those that fail are listed together.

/// Tries every case of a table, which is not empty; `Err` says what is wrong with one. Panics with
/// the names of those that fail.
pub fn try_all<'a, T>(
    cases: impl IntoIterator<Item = (&'a str, T)>,
    mut trial: impl FnMut(T) -> Result<(), String>,
) {
    let (mut tried, mut failed) = (0, String::new());
    for (name, case) in cases {
        tried += 1;
        if let Err(why) = trial(case) {
            failed += &format!("{name}: {why}\n");
        }
    }
    assert!(tried > 0, "the table is empty");
    assert!(failed.is_empty(), "of {tried} cases:\n{failed}");
}

/// Nothing was said of a case.
pub fn nothing(said: &[String]) -> Result<(), String> {
    if said.is_empty() { Ok(()) } else { Err(format!("{said:#?}")) }
}

/// Something was said of a case, and all of it contains `words`.
pub fn only(said: &[String], words: &str) -> Result<(), String> {
    match !said.is_empty() && said.iter().all(|text| text.contains(words)) {
        true => Ok(()),
        false => Err(format!("{words} expected: {said:#?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_named() {
        let told = std::panic::catch_unwind(|| {
            try_all([("one", 1), ("two", 2), ("three", 3)], |number| match number {
                2 => Err("even".to_string()),
                _ => Ok(()),
            });
        });
        let told = told.expect_err("it panics");
        assert_eq!(told.downcast_ref::<String>().expect("text"), "of 3 cases:\ntwo: even\n");
        assert!(std::panic::catch_unwind(|| try_all([("", 0); 0], |_| Ok(()))).is_err());
    }

    #[test]
    fn what_is_said() {
        let said = ["E1: a".to_string(), "E1: b".to_string()];
        assert!(nothing(&[]).is_ok() && nothing(&said).is_err());
        assert!(only(&said, "E1").is_ok() && only(&said, "a").is_err() && only(&[], "").is_err());
    }
}
