//! Files that are written whole or not at all.
//!
//! In: paths and bytes. Out: either all files are there, complete, or none has changed.
//! How: everything goes to new files next to the ones that are meant; when the last one is on the
//! disk, they are renamed. What was there before is kept under another name until then, and comes
//! back if a rename fails. What is not a regular file (a terminal, `/dev/null`, a pipe) is written
//! to directly, and standard output (`-`), before the renames.
//! Fails: on a path that is a directory, that is given twice, that is an input; on a full disk.

use crate::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where an output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Destination {
    Stdout,
    File(PathBuf),
}

/// Outputs that belong together.
#[derive(Debug, Default)]
pub struct Outputs {
    files: Vec<(Destination, Vec<u8>)>,
}

/// Why writing failed.
pub enum WriteError {
    /// The reader of standard output has closed it.
    BrokenPipe,
    /// Anything else.
    Failed(Error),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::BrokenPipe => f.write_str("the pipe is closed"),
            WriteError::Failed(error) => fmt::Display::fmt(error, f),
        }
    }
}

/// As it is displayed: this is what `unwrap` prints, and a `main` that returns it.
impl fmt::Debug for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for WriteError {}

impl From<Error> for WriteError {
    fn from(error: Error) -> WriteError {
        WriteError::Failed(error)
    }
}

impl Outputs {
    /// Adds a file; `-` is standard output.
    pub fn add(&mut self, path: &Path, bytes: Vec<u8>) {
        let destination = match path.as_os_str() == "-" {
            true => Destination::Stdout,
            false => Destination::File(path.to_path_buf()),
        };
        self.files.push((destination, bytes));
    }

    /// Writes all of them.
    ///
    /// # Errors
    /// Where one cannot be written; then no file is.
    pub fn write<'a>(self, inputs: impl IntoIterator<Item = &'a Path>) -> Result<(), WriteError> {
        let inputs: Vec<PathBuf> = inputs.into_iter().map(real_path).collect();
        let mut staged = Staged::default();
        let mut direct = Vec::new();
        let mut real: Vec<PathBuf> = Vec::new();
        let mut is_stdout_used = false;
        for (destination, bytes) in &self.files {
            let Destination::File(path) = destination else {
                if std::mem::replace(&mut is_stdout_used, true) {
                    let text = "two outputs would go to standard output (-)";
                    return Err(Error::Usage(text.to_string()).into());
                }
                direct.push((None, bytes));
                continue;
            };
            let target = real_path(path);
            let is_special = match fs::metadata(&target) {
                Ok(metadata) if metadata.is_dir() => {
                    return Err(Error::file(path, "it is a directory").into());
                }
                Ok(metadata) => !metadata.is_file(),
                Err(_) => false,
            };
            if is_special {
                direct.push((Some(path), bytes));
                continue;
            }
            if real.contains(&target) {
                let text = format!("{}: two outputs would go to this file", path.display());
                return Err(Error::Usage(text).into());
            }
            if inputs.contains(&target) {
                let text = format!("{}: the output would replace an input", path.display());
                return Err(Error::Usage(text).into());
            }
            staged.stage(path, &target, bytes)?;
            real.push(target);
        }
        direct.into_iter().try_for_each(|(path, bytes)| write_directly(path, bytes))?;
        staged.commit()?;
        Ok(())
    }
}

/// The path without links, as far as it exists.
fn real_path(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match (fs::canonicalize(directory), path.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => path.to_path_buf(),
    }
}

fn write_directly(path: Option<&PathBuf>, bytes: &[u8]) -> Result<(), WriteError> {
    let result = match path {
        None => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes).and_then(|()| stdout.flush())
        }
        Some(path) => {
            OpenOptions::new().write(true).open(path).and_then(|mut f| f.write_all(bytes))
        }
    };
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(WriteError::BrokenPipe),
        Err(error) => {
            let path = path.map_or(Path::new("standard output"), PathBuf::as_path);
            Err(Error::file(path, format_args!("cannot be written: {error}")).into())
        }
        Ok(()) => Ok(()),
    }
}

/// One file on its way.
#[derive(Debug)]
struct Staging {
    /// As it was named, for messages.
    named: PathBuf,
    /// The new file.
    temporary: PathBuf,
    /// Where it goes.
    target: PathBuf,
    /// Where what was there before is kept.
    backup: Option<PathBuf>,
    is_renamed: bool,
}

/// Files on their way. Whatever is still on its way when this is dropped goes away.
#[derive(Debug, Default)]
struct Staged {
    files: Vec<Staging>,
    is_committed: bool,
}

impl Staged {
    /// Writes the new file, next to the one that is meant.
    fn stage(&mut self, named: &Path, target: &Path, bytes: &[u8]) -> Result<(), Error> {
        let failed =
            |error: io::Error| Error::file(named, format_args!("cannot be written: {error}"));
        let (temporary, mut file) = create_beside(target).map_err(failed)?;
        self.files.push(Staging {
            named: named.to_path_buf(),
            temporary,
            target: target.to_path_buf(),
            backup: None,
            is_renamed: false,
        });
        if let Ok(metadata) = fs::metadata(target) {
            if metadata.permissions().readonly() {
                return Err(Error::file(named, "cannot be written: it is read-only"));
            }
            file.set_permissions(metadata.permissions()).map_err(failed)?;
        }
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)
    }

    /// Puts every new file in its place.
    fn commit(mut self) -> Result<(), Error> {
        for file in &mut self.files {
            let failed = |error: io::Error| {
                Error::file(&file.named, format_args!("cannot be written: {error}"))
            };
            if file.target.exists() {
                file.backup = Some(back_up(&file.target).map_err(failed)?);
            }
            fs::rename(&file.temporary, &file.target).map_err(failed)?;
            file.is_renamed = true;
        }
        self.is_committed = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // What cannot be removed or restored any more cannot be helped either.
        for file in &self.files {
            if !file.is_renamed {
                let _ = fs::remove_file(&file.temporary);
            }
            match (&file.backup, self.is_committed || !file.is_renamed) {
                (Some(backup), true) => {
                    let _ = fs::remove_file(backup);
                }
                (Some(backup), false) => {
                    let _ = fs::rename(backup, &file.target);
                }
                (None, true) => {}
                (None, false) => {
                    let _ = fs::remove_file(&file.target);
                }
            }
        }
    }
}

fn create_beside(target: &Path) -> io::Result<(PathBuf, File)> {
    under_new_name(target, "new", |path| OpenOptions::new().write(true).create_new(true).open(path))
}

/// Keeps the file at `target` under another name: as a second link where the file system has links.
fn back_up(target: &Path) -> io::Result<PathBuf> {
    match under_new_name(target, "old", |path| fs::hard_link(target, path)) {
        Ok((path, ())) => Ok(path),
        Err(_) => {
            let create = |path: &Path| OpenOptions::new().write(true).create_new(true).open(path);
            let mut original = File::open(target)?;
            let (path, mut copy) = under_new_name(target, "old", create)?;
            let copied = io::copy(&mut original, &mut copy)
                .and_then(|_| copy.set_permissions(original.metadata()?.permissions()));
            if copied.is_err() {
                // Half a copy is of no use.
                let _ = fs::remove_file(&path);
            }
            copied.map(|()| path)
        }
    }
}

/// Makes something in the same directory under a name that is free. In a directory that others
/// write to as well, a name may be taken, or be a link to elsewhere: `make` must fail then.
fn under_new_name<T>(
    target: &Path,
    what: &str,
    make: impl Fn(&Path) -> io::Result<T>,
) -> io::Result<(PathBuf, T)> {
    let mut attempt = 0;
    loop {
        let path = name_beside(target, what, attempt);
        match make(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => {
                attempt += 1
            }
            result => return result.map(|made| (path, made)),
        }
    }
}

/// A name in the same directory.
fn name_beside(target: &Path, what: &str, attempt: u32) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{}-{attempt}.{what}", std::process::id()));
    target.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let path =
            std::env::temp_dir().join(format!("peach-outputs-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory");
        path
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).expect("a directory");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    fn outputs(files: &[(&Path, &str)]) -> Outputs {
        let mut outputs = Outputs::default();
        files.iter().for_each(|(path, text)| outputs.add(path, text.as_bytes().to_vec()));
        outputs
    }

    #[test]
    fn all_are_written_and_nothing_else_is_left() {
        let here = directory("all");
        let (a, b) = (here.join("a"), here.join("b"));
        fs::write(&a, "old").expect("written");
        outputs(&[(&a, "new a"), (&b, "new b")]).write([]).expect("written");
        assert_eq!(fs::read_to_string(&a).expect("a file"), "new a");
        assert_eq!(names(&here), ["a", "b"]);
    }

    #[test]
    fn one_that_cannot_be_written_keeps_all_others_as_they_were() {
        let here = directory("none");
        let (a, b) = (here.join("a"), here.join("no/such/b"));
        fs::write(&a, "old").expect("written");
        for bad in [&b, &here] {
            assert!(outputs(&[(&a, "new"), (bad, "new")]).write([]).is_err());
            assert_eq!(fs::read_to_string(&a).expect("a file"), "old");
            assert_eq!(names(&here), ["a"]);
        }
    }

    #[test]
    fn a_failed_rename_brings_back_what_was_there() {
        let here = directory("rename");
        let (a, b) = (here.join("a"), here.join("b"));
        fs::write(&a, "old").expect("written");
        let mut staged = Staged::default();
        staged.stage(&a, &a, b"new").expect("staged");
        staged.stage(&b, &b, b"new").expect("staged");
        // A directory with something in it cannot be replaced.
        fs::create_dir_all(b.join("inside")).expect("a directory");
        staged.commit().expect_err("the second one fails");
        assert_eq!(fs::read_to_string(&a).expect("a file"), "old");
        assert_eq!(names(&here), ["a", "b"]);
    }

    #[test]
    fn a_path_given_twice_and_an_input_are_refused() {
        let here = directory("twice");
        let a = here.join("a");
        let same = here.join(".").join("a");
        assert!(outputs(&[(&a, "1"), (&same, "2")]).write([]).is_err());
        assert!(names(&here).is_empty());
        fs::write(&a, "input").expect("written");
        assert!(outputs(&[(&same, "1")]).write([a.as_path()]).is_err());
        assert_eq!(fs::read_to_string(&a).expect("a file"), "input");
    }

    /// Other users of the directory may know the names of temporary files in advance.
    #[cfg(unix)]
    #[test]
    fn links_under_the_names_of_temporary_files_are_not_followed() {
        let here = directory("traps");
        let (a, victim) = (here.join("a"), here.join("victim"));
        fs::write(&a, "old").expect("written");
        fs::write(&victim, "precious").expect("written");
        for what in ["new", "old"] {
            std::os::unix::fs::symlink(&victim, name_beside(&a, what, 0)).expect("a link");
        }
        outputs(&[(&a, "new")]).write([]).expect("written");
        assert_eq!(fs::read_to_string(&a).expect("a file"), "new");
        assert_eq!(fs::read_to_string(&victim).expect("a file"), "precious");
    }

    #[cfg(unix)]
    #[test]
    fn links_and_devices_stay_what_they_are() {
        let here = directory("links");
        let (real, link) = (here.join("real"), here.join("link"));
        fs::write(&real, "old").expect("written");
        std::os::unix::fs::symlink("real", &link).expect("a link");
        outputs(&[(&link, "new"), (Path::new("/dev/null"), "gone")]).write([]).expect("written");
        assert_eq!(fs::read_to_string(&real).expect("a file"), "new");
        assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
        assert!(!fs::metadata("/dev/null").expect("a device").is_file());
    }
}
