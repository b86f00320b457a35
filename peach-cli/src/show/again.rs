//! `--watch`: shows a file again whenever it, or one that it includes, changes.

use super::once;
use crate::messages;
use crate::options::Matches;
use peach_build::{Error, WriteError};
use peach_compiler::diagnostics::frame::Palette;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Between two looks at the files.
const PAUSE: Duration = Duration::from_millis(150);

/// When a file was written and how long it is; nothing of one that does not exist.
type Stamp = Option<(SystemTime, u64)>;

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Shows until the command is stopped. Ends by itself if the flags are invalid, or if nobody reads.
pub(super) fn run(matches: &Matches) -> messages::Result {
    let file = matches.path("FILE").unwrap_or_default();
    let mut seen: BTreeMap<PathBuf, Stamp> = BTreeMap::from([(file, None)]);
    loop {
        // Before the files are read: a change meanwhile is one to come back for.
        seen.iter_mut().for_each(|(path, known)| *known = stamp(path));
        clear(matches);
        let mut inputs = Vec::new();
        match once(matches, &mut inputs) {
            Err(WriteError::BrokenPipe) => return Err(WriteError::BrokenPipe),
            Err(WriteError::Failed(Error::Usage(text))) => return Err(Error::Usage(text).into()),
            result => {
                let palette = messages::color(matches).unwrap_or(Palette::Plain);
                let _ = messages::exit_code(result, palette);
            }
        }
        for path in inputs {
            let now = stamp(&path);
            seen.entry(path).or_insert(now);
        }
        while seen.iter().all(|(path, known)| stamp(path) == *known) {
            std::thread::sleep(PAUSE);
        }
    }
}

/// Empties the screen, where what is shown goes to one.
fn clear(matches: &Matches) {
    let is_file = matches.path("-o").is_some_and(|path| path != Path::new("-"));
    let mut output = std::io::stdout();
    if !is_file && output.is_terminal() {
        let _ = output.write_all(b"\x1b[2J\x1b[3J\x1b[H");
    }
}
