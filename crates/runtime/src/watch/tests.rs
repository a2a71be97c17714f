#![cfg(all(target_os = "linux", not(portable)))]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::*;

/// A folder of its own for a test, gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("watch-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a path depends on, and what is there.
struct Trail {
    steps: Vec<Step>,
    end: Option<(u64, u64)>,
}

fn follow(watch: &Watch, path: &Path) -> std::io::Result<Trail> {
    let mut steps = Vec::new();
    let end = watch.follow(path, &[b"file.gz"], &mut steps)?;
    Ok(Trail { steps, end })
}

/// Whether anything of what a path depends on was told.
fn is_told(watch: &mut Watch, trail: &Trail) -> bool {
    let mut told = false;
    watch.news(|change| {
        told |= match change {
            Change::Everything => true,
            Change::Folder(folder) => trail.steps.iter().any(|step| step.folder == folder),
            Change::Name(folder, name) => trail
                .steps
                .iter()
                .any(|step| step.folder == folder && *step.name == *name),
        };
    });
    told
}

/// Builds `a/b/file`, `link` to `a`, and follows `path` among them before `change` is done.
#[track_caller]
fn check(name: &str, path: &str, change: fn(&Scratch), expected: bool) {
    let scratch = Scratch::new(name);
    fs::create_dir_all(scratch.at("a/b")).unwrap();
    fs::create_dir_all(scratch.at("other/b")).unwrap();
    fs::write(scratch.at("a/b/file"), "one").unwrap();
    fs::write(scratch.at("a/b/else"), "one").unwrap();
    fs::write(scratch.at("other/b/file"), "two").unwrap();
    symlink("a", scratch.at("link")).unwrap();
    symlink("../b/file", scratch.at("a/b/back")).unwrap();
    let mut watch = Watch::new().unwrap();
    let trail = follow(&watch, &scratch.at(path)).unwrap();
    assert!(!is_told(&mut watch, &trail), "nothing has changed yet");
    change(&scratch);
    assert_eq!(is_told(&mut watch, &trail), expected, "{name}");
}

#[test]
fn what_happens_to_a_file_is_told() {
    let file = "a/b/file";
    check(
        "write",
        file,
        |s| fs::write(s.at("a/b/file"), "2").unwrap(),
        true,
    );
    check(
        "delete",
        file,
        |s| fs::remove_file(s.at("a/b/file")).unwrap(),
        true,
    );
    let truncate = |s: &Scratch| {
        let file = fs::File::options().write(true).open(s.at("a/b/file"));
        file.unwrap().set_len(1).unwrap();
    };
    check("truncate", file, truncate, true);
    let touch = |s: &Scratch| {
        let file = fs::File::options()
            .write(true)
            .open(s.at("a/b/file"))
            .unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    };
    check("touch", file, touch, true);
    let replace = |s: &Scratch| fs::rename(s.at("a/b/else"), s.at("a/b/file")).unwrap();
    check("replace", file, replace, true);
    let forbid = |s: &Scratch| {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(s.at("a/b/file"), fs::Permissions::from_mode(0o0)).unwrap();
    };
    check("forbid", file, forbid, true);
}

#[test]
fn what_happens_to_a_folder_on_the_way_is_told() {
    for path in ["a/b/file", "link/b/file"] {
        check(
            "rename",
            path,
            |s| fs::rename(s.at("a"), s.at("c")).unwrap(),
            true,
        );
        check(
            "inner",
            path,
            |s| fs::rename(s.at("a/b"), s.at("c")).unwrap(),
            true,
        );
    }
    let above = |s: &Scratch| {
        let elsewhere = s.0.with_extension("elsewhere");
        fs::rename(&s.0, &elsewhere).unwrap();
        fs::rename(&elsewhere, &s.0).unwrap();
    };
    check("above", "a/b/file", above, true);
}

#[test]
fn a_link_that_is_swapped_is_told() {
    let swap = |s: &Scratch| {
        symlink("other", s.at("next")).unwrap();
        fs::rename(s.at("next"), s.at("link")).unwrap();
    };
    check("swap", "link/b/file", swap, true);
    check("straight", "a/b/file", swap, false);
    let through = |s: &Scratch| fs::write(s.at("a/b/file"), "2").unwrap();
    check("through", "a/b/back", through, true);
    check("up", "a/../other/../link/b/back", through, true);
}

#[test]
fn what_appears_beside_a_file_is_told_by_name() {
    let packed = |s: &Scratch| fs::write(s.at("a/b/file.gz"), "2").unwrap();
    check("packed", "a/b/file", packed, true);
    let other = |s: &Scratch| {
        fs::write(s.at("a/b/else"), "2").unwrap();
        fs::write(s.at("a/b/new"), "2").unwrap();
        fs::write(s.at("other/b/file"), "2").unwrap();
    };
    check("other", "a/b/file", other, false);
}

#[test]
fn what_is_changed_by_another_name_is_told() {
    let link = |s: &Scratch| fs::hard_link(s.at("a/b/file"), s.at("other/name")).unwrap();
    check("linked", "a/b/file", link, true);
    let scratch = Scratch::new("names");
    fs::write(scratch.at("one"), "1").unwrap();
    fs::create_dir(scratch.at("folder")).unwrap();
    fs::hard_link(scratch.at("one"), scratch.at("folder/two")).unwrap();
    let mut watch = Watch::new().unwrap();
    let trail = follow(&watch, &scratch.at("one")).unwrap();
    fs::write(scratch.at("folder/two"), "2").unwrap();
    assert!(is_told(&mut watch, &trail));
}

#[test]
fn what_is_missing_is_told_when_it_comes() {
    for (missing, comes) in [
        ("a/new", "a/new"),
        ("new/x/y", "new"),
        ("a/b/file/x", "a/b/file"),
    ] {
        let scratch = Scratch::new("missing");
        fs::create_dir_all(scratch.at("a/b")).unwrap();
        fs::write(scratch.at("a/b/file"), "one").unwrap();
        let mut watch = Watch::new().unwrap();
        let trail = follow(&watch, &scratch.at(missing)).unwrap();
        assert_eq!(trail.end, None, "{missing}");
        let _ = fs::remove_file(scratch.at(comes));
        fs::create_dir(scratch.at(comes)).unwrap();
        assert!(is_told(&mut watch, &trail), "{missing}");
    }
}

#[test]
fn a_path_without_an_end_is_an_error() {
    let scratch = Scratch::new("errors");
    let watch = Watch::new().unwrap();
    symlink("loop", scratch.at("loop")).unwrap();
    for path in ["loop", "loop/x"] {
        assert!(follow(&watch, &scratch.at(path)).is_err(), "{path}");
    }
    assert!(follow(&watch, Path::new("relative")).is_err());
}

#[test]
fn more_than_can_be_told_is_everything() {
    let scratch = Scratch::new("much");
    fs::write(scratch.at("file"), "one").unwrap();
    let mut watch = Watch::new().unwrap();
    let trail = follow(&watch, &scratch.at("file")).unwrap();
    for number in 0..5000 {
        fs::write(scratch.at(&number.to_string()), "x").unwrap();
    }
    let mut told = BTreeSet::new();
    watch.news(|change| {
        told.insert(format!("{}", change == Change::Everything));
    });
    assert!(told.contains("true"));
    let steps = trail.steps.iter().map(|step| step.folder);
    for folder in steps.collect::<BTreeSet<_>>() {
        watch.forget(folder);
    }
}
