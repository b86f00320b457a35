//! The file that is played with: the only one that is read or written.

use super::http::Response;
use peach_build::{Error, Outputs, WriteError};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The file, if the command was given one.
pub(super) struct File {
    path: Option<PathBuf>,
    /// What was in it when it was read or written last: a change by others is not overwritten.
    known: Mutex<String>,
}

impl File {
    /// One that exists, or that will be made when it is saved.
    pub(super) fn new(path: Option<PathBuf>) -> Result<File, Error> {
        let file = File { path, known: Mutex::new(String::new()) };
        file.text().map_err(Error::File)?;
        Ok(file)
    }

    /// What is in it: nothing where it does not exist.
    fn text(&self) -> Result<String, String> {
        let Some(path) = &self.path else { return Ok(String::new()) };
        let problem = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
        match std::fs::read(path) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| problem(&"it is not UTF-8")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(problem(&format_args!("cannot be read: {error}"))),
        }
    }

    /// Name and text.
    pub(super) fn read(&self) -> Response {
        match self.text() {
            Ok(text) => {
                let name = self.path.as_ref().and_then(|path| path.file_name());
                let name = name.map(|name| name.to_string_lossy().into_owned());
                let answer = serde_json::json!({ "name": name, "text": text });
                *self.known.lock().unwrap_or_else(PoisonError::into_inner) = text;
                Response::json(answer.to_string())
            }
            Err(problem) => Response::plain(500, &problem),
        }
    }

    /// Writes the text, whole or not at all; not over what somebody else has written since, unless
    /// that is asked for.
    pub(super) fn save(&self, text: &str, overwrites: bool) -> Response {
        let Some(path) = &self.path else {
            return Response::plain(409, "there is no file: start with `peach play FILE`");
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match self.text() {
            Ok(before) => before,
            Err(problem) => return Response::plain(500, &problem),
        };
        if before != *known && !overwrites {
            return Response::plain(409, "the file has changed on disk since it was read");
        }
        let mut outputs = Outputs::default();
        outputs.add(path, text.as_bytes().to_vec());
        match outputs.write(std::iter::empty()) {
            Ok(()) => {
                text.clone_into(&mut known);
                Response::plain(200, "saved")
            }
            Err(WriteError::BrokenPipe) => Response::plain(500, "the file cannot be written"),
            Err(WriteError::Failed(error)) => Response::plain(500, &error.to_string()),
        }
    }
}
