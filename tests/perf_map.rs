//! perf's map stands where everybody may write: a process appends to its own, and leaves alone whatever
//! else has its name. Each scene is a process of its own that prepares the place and then uses a kernel.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use peach_runtime::peach_fn;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

peach_fn! {
    fn mapped() -> u64 { return 1; }
    fn in_the_child() -> u64 { return 2; }
}

/// Set in the process that plays a scene.
const SCENE: &str = "PEACH_PERF_MAP_SCENE";

/// Plays a scene in a process of its own, and takes away what it leaves behind.
fn play(name: &str, scene: impl FnOnce(&Path)) {
    let map = PathBuf::from(format!("/tmp/perf-{}.map", std::process::id()));
    if std::env::var_os(SCENE).is_some_and(|wanted| wanted == name) {
        let _ = fs::remove_file(&map);
        scene(&map);
        let _ = fs::remove_file(&map);
        println!("SCENE ENDED");
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(SCENE, name)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && text.contains("SCENE ENDED"), "{text}");
}

/// A file beside the map, with something in it.
fn other(map: &Path) -> PathBuf {
    let path = map.with_extension("other");
    fs::write(&path, "theirs\n").unwrap();
    path
}

fn assert_left_alone(path: &Path) {
    assert_eq!(fs::read_to_string(path).unwrap(), "theirs\n");
    fs::remove_file(path).unwrap();
}

fn has_line(map: &Path, name: &str) -> bool {
    let text = fs::read_to_string(map).unwrap();
    text.lines().any(|line| line.split(' ').nth(2) == Some(name))
}

#[test]
fn it_is_made_for_its_user_alone() {
    play("it_is_made_for_its_user_alone", |map| {
        mapped();
        assert!(has_line(map, "mapped"));
        assert_eq!(fs::metadata(map).unwrap().permissions().mode() & 0o7777, 0o600);
    });
}

#[test]
fn lines_of_this_process_are_kept() {
    play("lines_of_this_process_are_kept", |map| {
        fs::write(map, "1000 10 of_another_compiler\n").unwrap();
        mapped();
        assert!(has_line(map, "of_another_compiler") && has_line(map, "mapped"));
    });
}

#[test]
fn what_an_older_process_left_is_forgotten() {
    play("what_an_older_process_left_is_forgotten", |map| {
        fs::write(map, "1000 10 stale\n").unwrap();
        let file = fs::File::options().write(true).open(map).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
        mapped();
        assert!(!has_line(map, "stale") && has_line(map, "mapped"));
        in_the_child();
        assert!(has_line(map, "mapped") && has_line(map, "in_the_child"));
    });
}

#[test]
fn symbolic_links_are_not_followed() {
    play("symbolic_links_are_not_followed", |map| {
        let other = other(map);
        symlink(&other, map).unwrap();
        mapped();
        assert!(fs::symlink_metadata(map).unwrap().is_symlink());
        assert_left_alone(&other);
        // Nor is what it points to made.
        let nothing = map.with_extension("nothing");
        fs::remove_file(map).unwrap();
        symlink(&nothing, map).unwrap();
        in_the_child();
        assert!(!nothing.exists());
    });
}

#[test]
fn hard_links_are_not_written_to() {
    play("hard_links_are_not_written_to", |map| {
        let other = other(map);
        fs::hard_link(&other, map).unwrap();
        mapped();
        assert_eq!(fs::metadata(map).unwrap().nlink(), 2);
        assert_left_alone(&other);
    });
}

#[test]
fn pipes_and_directories_are_left_alone() {
    play("pipes_and_directories_are_left_alone", |map| {
        let made = Command::new("mkfifo").arg(map).status().unwrap();
        assert!(made.success());
        mapped();
        fs::remove_file(map).unwrap();
        fs::create_dir(map).unwrap();
        in_the_child();
        assert_eq!(fs::read_dir(map).unwrap().count(), 0);
        fs::remove_dir(map).unwrap();
    });
}

#[test]
fn files_of_other_users_are_left_alone() {
    play("files_of_other_users_are_left_alone", |map| {
        fs::write(map, "theirs\n").unwrap();
        if let Err(error) = std::os::unix::fs::chown(map, Some(65534), None) {
            return peach_testing::left_out::system(&format!("a file for another user: {error}"));
        }
        mapped();
        assert_left_alone(map);
    });
}

#[test]
fn a_child_has_its_own() {
    play("a_child_has_its_own", |map| {
        mapped();
        let before = fs::read_to_string(map).unwrap();
        // SAFETY: the child uses a kernel, looks at files and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            in_the_child();
            let own = PathBuf::from(format!("/tmp/perf-{}.map", std::process::id()));
            let is_right = has_line(&own, "in_the_child") && !has_line(&own, "mapped");
            let _ = fs::remove_file(own);
            // SAFETY: nothing of the parent's may be run at its end.
            unsafe { libc::_exit(i32::from(!is_right)) };
        }
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
        assert_eq!(fs::read_to_string(map).unwrap(), before);
    });
}
